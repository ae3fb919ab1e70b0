/* The built-in module _jit: registers the archive with the eval hooks. */

#include "Python.h"
#include "pycore_code.h"          // _PyCode_CODE()
#include "pycore_evalhooks.h"     // _PyEvalHooks_Register()
#include "pycore_frame.h"         // _PyFrame_GetCode()
#include "pycore_interp.h"        // PyInterpreterState
#include "pycore_pystate.h"       // _PyInterpreterState_GET()
#include "pycore_runtime.h"       // _PyRuntime

#include "clinker.h"

#include <signal.h>

extern PyMethodDef clinker_control_methods[];
extern void clinker_tell(_PyInterpreterFrame *frame, _Py_CODEUNIT *instr,
                         int oparg, int old_opcode, PyObject **stack_pointer);
extern void clinker_frame_query(_PyInterpreterFrame *frame, int write);
extern int clinker_called_by_c(PyThreadState *tstate, PyFunctionObject *func,
                               PyObject *const *args, size_t count,
                               PyObject **result);
extern void clinker_leave_code(PyCodeObject *code);
extern void clinker_take_generators(void);
extern void clinker_take_consumers(void);
extern void clinker_prepare_objects(void);
extern void clinker_give_generators_back(void);
extern void clinker_give_consumers_back(void);
extern void clinker_take_instances(void);
extern void clinker_give_instances_back(void);
extern void clinker_reserve_numbers(void);
extern void clinker_release_reserved_numbers(void);

static const char *
text(const void *string, size_t *length)
{
    Py_ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize((PyObject *)string, &size);
    if (utf8 == NULL) {
        PyErr_Clear();
        return NULL;
    }
    *length = (size_t)size;
    return utf8;
}

static int
line(const void *code, int offset)
{
    return PyCode_Addr2Line((PyCodeObject *)code, offset);
}

static uint32_t
hot(PyThreadState *tstate, _PyInterpreterFrame *frame, _Py_CODEUNIT *instr,
    _PyEvalHotKind kind)
{
    PyCodeObject *code = _PyFrame_GetCode(frame);
    return clinker_hot(code, (uint32_t)(instr - _PyCode_CODE(code)),
                       (uint32_t)(frame->stacktop - code->co_nlocalsplus),
                       kind == _Py_EVAL_HOT_LOOP);
}

static void
code_attached(PyCodeObject *code, _PyShadowCode *shadow)
{
    clinker_code_attached(code, shadow);
}

static void
code_death(PyCodeObject *code, _PyShadowCode *shadow)
{
    clinker_code_death(code);
}

static void
instrumented(PyCodeObject *code, _PyShadowCode *shadow)
{
    clinker_instrumented(code);
    clinker_leave_code(code);
}

static void
fork_stage(_PyEvalForkStage stage)
{
    if (stage == _Py_EVAL_BEFORE_FORK) {
        clinker_forking();
    }
    else if (stage == _Py_EVAL_AFTER_FORK_IN_CHILD) {
        clinker_forked_child();
    }
}

/* Block all signals in this thread, or undo that. */
void
clinker_block_signals(int block)
{
    static sigset_t before;
    sigset_t all;
    sigfillset(&all);
    if (block) {
        pthread_sigmask(SIG_BLOCK, &all, &before);
    }
    else {
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
}

static void
finalize(PyInterpreterState *interp)
{
    clinker_give_consumers_back();
    clinker_give_generators_back();
    clinker_finalize();
    clinker_give_instances_back();
    clinker_release_reserved_numbers();
}

static int
is_enabled(void)
{
    return clinker_is_enabled();
}

static int
is_native(_PyInterpreterFrame *frame)
{
    return frame->stacktop <= CLINKER_NATIVE;
}

_PyEvalHooks clinker_hooks = {
    .size = sizeof(clinker_hooks),
    .hot = hot,
    .code_attached = code_attached,
    .code_death = code_death,
    .specialized = clinker_tell,
    .instrumented = instrumented,
    .fork = fork_stage,
    .frame_query = clinker_frame_query,
    .call = clinker_called_by_c,
    .finalize = finalize,
    .is_enabled = is_enabled,
    .is_native = is_native,
};

PyDoc_STRVAR(start_doc,
"_start(value)\n\
\n\
Do as the value of -X jit or PYTHON_JIT says. Called by the interpreter.");

static PyObject *
start(PyObject *module, PyObject *value)
{
    Py_ssize_t length;
    const char *utf8 = PyUnicode_AsUTF8AndSize(value, &length);
    if (utf8 == NULL) {
        return NULL;
    }
    PyInterpreterState *interp = _PyInterpreterState_GET();
    if (interp != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_RuntimeError,
                        "the compiler serves the main interpreter only");
        return NULL;
    }
    if (interp->eval_hooks != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the compiler has been started");
        return NULL;
    }
    char error[512];
    if (clinker_start(utf8, (size_t)length, text, line, error,
                      sizeof(error)) < 0)
    {
        PyErr_SetString(PyExc_ValueError, error);
        return NULL;
    }
    clinker_hooks.entry_period = clinker_period();
    clinker_hooks.loop_period = (uint16_t)Py_MIN(clinker_period(), UINT16_MAX);
    if (_PyEvalHooks_Register(interp, &clinker_hooks) < 0) {
        return NULL;
    }
    clinker_take_generators();
    clinker_take_consumers();
    clinker_prepare_objects();
    clinker_take_instances();
    clinker_reserve_numbers();
    Py_RETURN_NONE;
}

static PyObject *
serves(PyObject *module, PyObject *unused)
{
    return PyBool_FromLong(_PyInterpreterState_GET()
                           == PyInterpreterState_Main());
}

static PyMethodDef methods[] = {
    {"_start", start, METH_O, start_doc},
    {"_serves", serves, METH_NOARGS,
     "Whether code of this interpreter can be compiled: if it is the main one."},
    {NULL, NULL, 0, NULL},
};

/* Whether this interpreter is one that the module was made for. In an extension
 * module it may be another. */
static int
check_interpreter(PyObject *module)
{
    const struct _Py_DebugOffsets *is = &_PyRuntime.debug_offsets;
    if (is->version == PY_VERSION_HEX
        && is->runtime_state.size == sizeof(_PyRuntimeState)
        && is->interpreter_state.size == sizeof(PyInterpreterState)
        && is->thread_state.size == sizeof(PyThreadState)
        && is->interpreter_frame.size == sizeof(_PyInterpreterFrame)
        && is->code_object.size == sizeof(PyCodeObject))
    {
        return 0;
    }
    PyErr_SetString(PyExc_ImportError,
                    "the compiler was made for another build of CPython: "
                    PY_VERSION " with Clinker's patches as they were then");
    return -1;
}

static int
add_control(PyObject *module)
{
    return PyModule_AddFunctions(module, clinker_control_methods);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, check_interpreter},
    {Py_mod_exec, add_control},
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_jit",
    .m_doc = "Clinker's compiler; see -X jit.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__jit(void)
{
    return PyModuleDef_Init(&module);
}
