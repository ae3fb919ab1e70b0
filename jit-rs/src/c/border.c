/* What native code does at its borders. */

#include "runtime.h"


/* A new float for a local variable; the interpreter cannot go on without. */
PyObject *
clinker_box_float(double value)
{
    PyObject *object = PyFloat_FromDouble(value);
    if (object == NULL) {
        Py_FatalError("no memory for a float when native code is left");
    }
    return object;
}

double
clinker_power(double base, double exponent)
{
    return pow(base, exponent);
}

PyObject *
clinker_box_int(int64_t value)
{
    PyObject *object = PyLong_FromLongLong(value);
    if (object == NULL) {
        Py_FatalError("no memory for an int when native code is left");
    }
    return object;
}

/* The value of an int object that has more than one digit.  Returns 0 if it
 * does not fit. */
int
clinker_unbox_int(PyObject *object, int64_t *value)
{
    int overflow;
    *value = PyLong_AsLongLongAndOverflow(object, &overflow);
    return !overflow;
}

/* Let pending events run after a call.  The number tells whether the frame has
 * to be left: 1, or -1 if a signal handler raised. */
int
clinker_periodic(T *tstate, F *frame, uint64_t version)
{
    if ((tstate->eval_breaker & _PY_EVAL_EVENTS_MASK)
        && _Py_HandlePending(tstate) != 0)
    {
        return -1;
    }
    return tstate->eval_breaker != version
           || frame->stacktop != CLINKER_NATIVE;
}

/* Release the last reference to an object. */
void
clinker_dealloc(PyObject *object)
{
#ifdef Py_REF_DEBUG
    Py_DECREF(object);
#else
    _Py_Dealloc(object);
#endif
}

void
clinker_incref(PyObject *object)
{
    Py_XINCREF(object);
}

void
clinker_decref(PyObject *object)
{
    Py_XDECREF(object);
}

/* Drop a reference, unless it is the last one: then returns 1. */
int
clinker_drop_unless_last(PyObject *object)
{
    if (!_Py_IsImmortal(object) && Py_REFCNT(object) == 1) {
        return 1;
    }
    Py_DECREF(object);
    return 0;
}

/* What the slots of a frame held before somebody wrote to one of them. */
struct kept {
    struct kept *next;
    F *frame;
    int count;
    PyObject *objects[];
};

static struct kept *all_kept;

/* Somebody is about to write to a local variable of a frame.  Native code
 * borrows objects from the slots: they live on until it has been left, which it
 * does when it sees the mark. */
void
clinker_frame_query(_PyInterpreterFrame *frame, int write)
{
    if (!write || frame->stacktop > CLINKER_NATIVE) {
        return;
    }
    frame->stacktop = CLINKER_WRITTEN;
    int count = _PyFrame_GetCode(frame)->co_nlocalsplus;
    struct kept *kept = PyMem_RawMalloc(sizeof(struct kept)
                                        + count * sizeof(PyObject *));
    if (kept == NULL) {
        Py_FatalError("no memory to write to a variable of native code");
    }
    kept->frame = frame;
    kept->count = count;
    for (int i = 0; i < count; i++) {
        kept->objects[i] = Py_XNewRef(frame->localsplus[i]);
    }
    kept->next = all_kept;
    all_kept = kept;
}

/* Native code that was marked has been left. */
void
clinker_release_kept(F *frame)
{
    struct kept **link = &all_kept;
    struct kept *mine = NULL;
    while (*link != NULL) {
        struct kept *kept = *link;
        if (kept->frame == frame) {
            *link = kept->next;
            kept->next = mine;
            mine = kept;
        }
        else {
            link = &kept->next;
        }
    }
    while (mine != NULL) {
        struct kept *kept = mine;
        mine = kept->next;
        for (int i = 0; i < kept->count; i++) {
            Py_XDECREF(kept->objects[i]);
        }
        PyMem_RawFree(kept);
    }
}

const struct clinker_entry clinker_border_helpers[] = {
    ENTRY(box_float),
    ENTRY(power),
    ENTRY(box_int),
    ENTRY(unbox_int),
    ENTRY(periodic),
    ENTRY(dealloc),
    ENTRY(incref),
    ENTRY(decref),
    ENTRY(drop_unless_last),
    ENTRY(release_kept),
    ENTRY(refuted),
    {NULL, NULL},
};
