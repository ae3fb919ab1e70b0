/* The memory of generators and coroutines that have ended, which native code
 * uses again: most live for one call. */

#include "runtime.h"
#include "pycore_gc.h"            // _PyObject_GC_TRACK()

// Slots beyond the variables of a frame that is worth keeping.
#define MAX_SLOTS 32
#define MAX_KEPT 8

/* By the number of slots.  The next one of a list is in gi_name. */
static struct {
    PyGenObject *first;
    int count;
} kept[MAX_SLOTS];

/* From the start of the compiler to the end of the interpreter. */
static int is_started;

/* A new generator or coroutine, as _Py_MakeCoro(): not an asynchronous
 * generator, and with no origin to be tracked. */
PyObject *
clinker_make_generator(PyFunctionObject *func)
{
    PyCodeObject *code = (PyCodeObject *)func->func_code;
    int slots = _PyFrame_NumSlotsForCodeObject(code);
    if (slots >= MAX_SLOTS || kept[slots].first == NULL
        || !clinker_is_unwatched())
    {
        return _Py_MakeCoro(func);
    }
    PyGenObject *gen = kept[slots].first;
    kept[slots].first = (PyGenObject *)gen->gi_name;
    kept[slots].count--;
    PyTypeObject *type = &PyGen_Type;
    if (code->co_flags & CO_COROUTINE) {
        type = &PyCoro_Type;
        ((PyCoroObject *)gen)->cr_origin_or_finalizer = NULL;
    }
    _PyObject_Init((PyObject *)gen, type);
    gen->gi_frame_state = FRAME_CLEARED;
    gen->gi_weakreflist = NULL;
    gen->gi_exc_state.exc_value = NULL;
    gen->gi_exc_state.previous_item = NULL;
    gen->gi_name = Py_NewRef(func->func_name);
    gen->gi_qualname = Py_NewRef(func->func_qualname);
    _PyObject_GC_TRACK(gen);
    return (PyObject *)gen;
}

/* Keep the memory of a generator or coroutine to which nobody refers. Returns
 * 0 if it has to be released as usual. */
static inline int
keep(PyGenObject *gen)
{
    if (gen->gi_frame_state != FRAME_CLEARED || gen->gi_weakreflist != NULL
        || !is_started || !clinker_is_unwatched())
    {
        return 0;
    }
    PyObject *object = (PyObject *)gen;
    PyCodeObject *code = _PyFrame_GetCode((F *)gen->gi_iframe);
    int slots = _PyFrame_NumSlotsForCodeObject(code);
    if (slots >= MAX_SLOTS || kept[slots].count == MAX_KEPT) {
        return 0;
    }
    // As gen_dealloc() does then: what has ended has no finalizer to run.
    _PyObject_GC_UNTRACK(gen);
    _PyGC_CLEAR_FINALIZED(object);
    PyObject *name = gen->gi_name;
    PyObject *qualname = gen->gi_qualname;
    PyObject *origin = NULL;
    if (Py_TYPE(object) == &PyCoro_Type) {
        origin = ((PyCoroObject *)gen)->cr_origin_or_finalizer;
    }
    gen->gi_name = (PyObject *)kept[slots].first;
    kept[slots].first = gen;
    kept[slots].count++;
    Py_XDECREF(origin);
    Py_DECREF(code);
    Py_DECREF(name);
    Py_DECREF(qualname);
    return 1;
}

/* Drop the reference, which is stolen, to what was iterated over or sent to. */
void
clinker_drop_iterator(T *tstate, F *frame, PyObject *object, uint64_t unused)
{
    if (Py_REFCNT(object) != 1
        || (Py_TYPE(object) != &PyCoro_Type && Py_TYPE(object) != &PyGen_Type)
        || !keep((PyGenObject *)object))
    {
        Py_DECREF(object);
    }
}

static destructor usual_dealloc;

static void
gen_dealloc(PyObject *self)
{
    PyGenObject *gen = (PyGenObject *)self;
    // Other interpreters have memory of their own.
    if (_PyInterpreterState_GET() == _PyInterpreterState_Main()
        && gen->gi_weakreflist == NULL)
    {
        if (gen->gi_frame_state != FRAME_CLEARED
            && PyObject_CallFinalizerFromDealloc(self) < 0)
        {
            return;
        }
        if (keep(gen)) {
            return;
        }
    }
    usual_dealloc(self);
}

void
clinker_take_dealloc(void)
{
    is_started = 1;
    usual_dealloc = PyGen_Type.tp_dealloc;
    PyGen_Type.tp_dealloc = gen_dealloc;
    PyCoro_Type.tp_dealloc = gen_dealloc;
}

void
clinker_give_dealloc_back(void)
{
    is_started = 0;
    PyGen_Type.tp_dealloc = usual_dealloc;
    PyCoro_Type.tp_dealloc = usual_dealloc;
    for (int slots = 0; slots < MAX_SLOTS; slots++) {
        while (kept[slots].first != NULL) {
            PyGenObject *gen = kept[slots].first;
            kept[slots].first = (PyGenObject *)gen->gi_name;
            kept[slots].count--;
            PyObject_GC_Del(gen);
        }
    }
}

const struct clinker_entry clinker_freelist_helpers[] = {
    ENTRY(drop_iterator),
    {NULL, NULL},
};
