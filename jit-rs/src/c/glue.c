/* The built-in module _jit: registers the archive with the eval hooks. */

#include "Python.h"
#include "pycore_evalhooks.h"     // CLINKER_HOOKS
#include "pycore_frame.h"         // _PyInterpreterFrame
#include "pycore_interp.h"        // PyInterpreterState
#include "pycore_pystate.h"       // _PyInterpreterState_GET()
#include "pycore_runtime.h"       // _PyRuntime

#include "clinker.h"
#include "glue.h"

#include <signal.h>

extern PyMethodDef clinker_control_methods[];
extern void clinker_prepare_objects(void);
extern void clinker_reserve_objects(void);

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

PyDoc_STRVAR(start_doc,
"_start(value)\n\
\n\
Do as the value of -X jit or PYTHON_JIT says. Called by the interpreter.");

static PyObject *
start(PyObject *module, PyObject *value)
{
#ifdef Py_GIL_DISABLED
    // Its hooks take no client.
    PyErr_SetString(PyExc_RuntimeError,
                    "the compiler is not available: this interpreter was "
                    "built without the GIL");
    return NULL;
#endif
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
    if (clinker_is_registered()) {
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
    clinker_set_periods(clinker_period());
    if (clinker_register(interp) < 0) {
        return NULL;
    }
    clinker_prepare_objects();
    clinker_reserve_objects();
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

#if CLINKER_HOOKS
#  define MADE_FOR " with Clinker's patches as they were then"
#else
#  define MADE_FOR " without patches"
#endif

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
                    PY_VERSION MADE_FOR);
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
