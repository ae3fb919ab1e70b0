/* What the module _jit has for clinker.jit, and the package clinker. */

#include "Python.h"
#include "opcode_ids.h"
#include "pycore_code.h"          // _PyCode_CODE()
#include "pycore_evalhooks.h"     // _PyEvalHooks_GetShadow()
#include "pycore_instruments.h"   // _Py_Instrument()
#include "pycore_interp.h"        // PyInterpreterState
#include "pycore_opcode_metadata.h" // _PyOpcode_Deopt
#include "pycore_optimizer.h"     // _PyExecutorObject
#include "pycore_pystate.h"       // _PyInterpreterState_GET()

#include "clinker_control.h"
#include "glue.h"
#include "runtime.h"

/* For Rust */

/* The native code that is entered instead of the instruction at an offset. */
const void *
clinker_entry(const void *object, uint32_t offset)
{
    PyCodeObject *code = (PyCodeObject *)object;
    _PyShadowCode *shadow = _PyEvalHooks_GetShadow(code);
    if (shadow == NULL || offset >= (uint32_t)Py_SIZE(code)) {
        return NULL;
    }
#if !CLINKER_HOOKS
    return offset == (uint32_t)code->_co_firsttraceable ? shadow->entry : NULL;
#else
    _Py_CODEUNIT *instr = &_PyCode_CODE(code)[offset];
    if (instr->op.code != ENTER_EXECUTOR) {
        return NULL;
    }
    return shadow->executors.executors[instr->op.arg]->jit_code;
#endif
}

/* Report a code object as hot after so many entries, and its loops after so many
 * trips, from now on; what has been counted stays. */
void
clinker_recount(const void *object, uint32_t period)
{
    PyCodeObject *code = (PyCodeObject *)object;
    _PyShadowCode *shadow = _PyEvalHooks_GetShadow(code);
    shadow->entries = _PyEvalHooks_CountEntries(code);
    shadow->entry_period = period;
    shadow->entries_left = period;
#if !CLINKER_HOOKS
    shadow->is_stopped = 0;
#endif
    for (int i = 0; i < shadow->loop_count; i++) {
        _PyShadowLoop *loop = &shadow->loops[i];
        _Py_CODEUNIT *instr = &_PyCode_CODE(code)[loop->offset];
        loop->trips = _PyEvalHooks_CountTrips(code, loop);
        loop->period = (uint16_t)Py_MIN(period, UINT16_MAX);
        if (instr->op.code == JUMP_BACKWARD_COUNTED
            || instr->op.code == ENTER_EXECUTOR)
        {
            instr[1].cache = loop->period;
        }
    }
}

/* For Python */

/* The code object that an argument is, if the compiler serves it. */
static PyCodeObject *
code_argument(PyObject *object)
{
    if (!PyCode_Check(object)) {
        PyErr_Format(PyExc_TypeError, "expected a code object, not %T", object);
        return NULL;
    }
    if (!clinker_is_registered()) {
        PyErr_SetString(PyExc_RuntimeError,
                        "the compiler has not been started");
        return NULL;
    }
    return (PyCodeObject *)object;
}

/* Give a code object its shadow record, even if it has not run. */
static int
attach(PyCodeObject *code)
{
    PyInterpreterState *interp = _PyInterpreterState_GET();
#if CLINKER_HOOKS
    // A code object that is not up to date would lose its entries when it
    // runs.
    if (_Py_Instrument(code, interp) < 0) {
        return -1;
    }
#endif
    if (_PyEvalHooks_GetShadow(code) == NULL) {
        _PyEvalHooks_Attach(interp, code);
    }
    if (_PyEvalHooks_GetShadow(code) == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the code object cannot be compiled");
        return -1;
    }
    return 0;
}

static int
has_entry(PyCodeObject *code)
{
    return clinker_entry(code, (uint32_t)code->_co_firsttraceable) != NULL;
}

static PyObject *
jit_is_started(PyObject *module, PyObject *unused)
{
    return PyBool_FromLong(clinker_is_registered());
}

static PyObject *
jit_prepare(PyObject *module, PyObject *auto_mode)
{
    int value = PyObject_IsTrue(auto_mode);
    if (value < 0) {
        return NULL;
    }
    char error[512];
    if (clinker_is_registered()
        && clinker_prepare(value, error, sizeof(error)) < 0)
    {
        PyErr_SetString(PyExc_RuntimeError, error);
        return NULL;
    }
#if !CLINKER_HOOKS
    if (value && clinker_is_registered() && clinker_watch_functions() < 0) {
        return NULL;
    }
#endif
    return PyBool_FromLong(clinker_is_registered());
}

static PyObject *
jit_pause(PyObject *module, PyObject *on)
{
    int value = PyObject_IsTrue(on);
    if (value < 0) {
        return NULL;
    }
    return PyBool_FromLong(clinker_pause(value));
}

static PyObject *
jit_is_paused(PyObject *module, PyObject *unused)
{
    return PyBool_FromLong(clinker_is_paused());
}

static PyObject *
jit_set_period(PyObject *module, PyObject *number)
{
    unsigned long period = PyLong_AsUnsignedLong(number);
    if (period == (unsigned long)-1 && PyErr_Occurred()) {
        return NULL;
    }
    if (period == 0 || period > UINT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "no such period");
        return NULL;
    }
    clinker_set_periods((uint32_t)period);
    clinker_set_period((uint32_t)period);
    Py_RETURN_NONE;
}

static PyObject *
jit_get_period(PyObject *module, PyObject *unused)
{
    if (!clinker_is_registered() || !clinker_compiles_by_itself()) {
        Py_RETURN_NONE;
    }
    return PyLong_FromUnsignedLong(clinker_entry_period());
}

static PyObject *
jit_is_compiled(PyObject *module, PyObject *object)
{
    if (!PyCode_Check(object)) {
        PyErr_Format(PyExc_TypeError, "expected a code object, not %T", object);
        return NULL;
    }
    return PyBool_FromLong(clinker_is_registered()
                           && has_entry((PyCodeObject *)object));
}

static PyObject *
jit_compile(PyObject *module, PyObject *object)
{
    PyCodeObject *code = code_argument(object);
    if (code == NULL || attach(code) < 0) {
        return NULL;
    }
    char error[512];
    if (clinker_compile(code, (uint32_t)code->_co_firsttraceable, error,
                        sizeof(error)) < 0)
    {
        PyErr_SetString(PyExc_RuntimeError, error);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
jit_compile_at_next_call(PyObject *module, PyObject *object)
{
    PyCodeObject *code = code_argument(object);
    if (code == NULL || attach(code) < 0) {
        return NULL;
    }
    if (!clinker_want(code)) {
        Py_RETURN_FALSE;
    }
    _PyShadowCode *shadow = _PyEvalHooks_GetShadow(code);
    shadow->entries = _PyEvalHooks_CountEntries(code);
    shadow->entry_period = 1;
    shadow->entries_left = 1;
    Py_RETURN_TRUE;
}

static PyObject *
jit_uncompile(PyObject *module, PyObject *object)
{
    PyCodeObject *code = code_argument(object);
    if (code == NULL) {
        return NULL;
    }
    if (!has_entry(code)) {
        Py_RETURN_FALSE;
    }
    _PyEvalHooks_RemoveEntries(code);
    clinker_forget(code);
    Py_RETURN_TRUE;
}

static PyObject *
jit_compile_all(PyObject *module, PyObject *unused)
{
    const void *object;
    for (size_t i = 0; (object = clinker_live(i)) != NULL; i++) {
        PyCodeObject *code = (PyCodeObject *)object;
        char error[512];
        if ((code->co_flags & CO_OPTIMIZED) && !has_entry(code)) {
            // That it was refused is in the statistics.
            (void)clinker_compile(code, (uint32_t)code->_co_firsttraceable,
                                  error, sizeof(error));
        }
    }
    Py_RETURN_NONE;
}

static PyObject *
jit_suppress(PyObject *module, PyObject *args)
{
    PyObject *object;
    int value;
    if (!PyArg_ParseTuple(args, "Op", &object, &value)) {
        return NULL;
    }
    PyCodeObject *code = code_argument(object);
    if (code == NULL || attach(code) < 0) {
        return NULL;
    }
    clinker_suppress(code, value);
    if (value) {
        _PyEvalHooks_RemoveEntries(code);
    }
    else {
        clinker_recount(code, clinker_entry_period());
    }
    Py_RETURN_NONE;
}

static PyObject *
jit_detach_all(PyObject *module, PyObject *unused)
{
    clinker_detach_all();
    Py_RETURN_NONE;
}

static PyObject *
jit_attach_all(PyObject *module, PyObject *unused)
{
    clinker_attach_all();
    Py_RETURN_NONE;
}

static PyObject *
jit_count_entries(PyObject *module, PyObject *object)
{
    if (!clinker_is_registered()) {
        return PyLong_FromLong(0);
    }
    PyCodeObject *code = code_argument(object);
    if (code == NULL) {
        return NULL;
    }
    return PyLong_FromUnsignedLongLong(_PyEvalHooks_CountEntries(code));
}

static PyObject *
jit_native_code(PyObject *module, PyObject *object)
{
    PyObject *list = PyList_New(0);
    if (list == NULL || !clinker_is_registered()) {
        return list;
    }
    PyCodeObject *code = code_argument(object);
    if (code == NULL) {
        Py_DECREF(list);
        return NULL;
    }
    const uint8_t *machine;
    uint32_t offset;
    size_t size;
    for (size_t i = 0;
         (machine = clinker_native_code(code, i, &offset, &size)) != NULL; i++)
    {
        PyObject *row = Py_BuildValue("IKy#", offset,
                                      (unsigned long long)(uintptr_t)machine,
                                      (const char *)machine, (Py_ssize_t)size);
        if (row == NULL || PyList_Append(list, row) < 0) {
            Py_XDECREF(row);
            Py_DECREF(list);
            return NULL;
        }
        Py_DECREF(row);
    }
    return list;
}

static PyObject *
jit_compilation_time(PyObject *module, PyObject *object)
{
    const void *code = NULL;
    if (object != Py_None) {
        code = code_argument(object);
        if (code == NULL) {
            return NULL;
        }
    }
    return PyLong_FromUnsignedLongLong(clinker_microseconds(code));
}

static void
take_text(void *context, const char *text, size_t length)
{
    *(PyObject **)context = PyUnicode_DecodeUTF8(text, (Py_ssize_t)length,
                                                 "replace");
}

static PyObject *
jit_stats(PyObject *module, PyObject *unused)
{
    PyObject *text = NULL;
    clinker_statistics(take_text, &text);
    return text;
}

static PyObject *
jit_exits(PyObject *module, PyObject *unused)
{
    PyObject *text = NULL;
    clinker_exits(take_text, &text);
    return text;
}

static PyObject *
jit_inspect(PyObject *module, PyObject *object)
{
    PyCodeObject *code = code_argument(object);
    if (code == NULL || attach(code) < 0) {
        return NULL;
    }
    PyObject *text = NULL;
    clinker_inspect(code, (uint32_t)code->_co_firsttraceable, take_text,
                    &text);
    return text;
}

static PyObject *
jit_source(PyObject *module, PyObject *object)
{
    const char *name = PyUnicode_AsUTF8(object);
    if (name == NULL) {
        return NULL;
    }
    size_t length;
    const char *source = clinker_source(name, &length);
    if (source == NULL) {
        PyErr_Format(PyExc_ValueError, "no source %R", object);
        return NULL;
    }
    return PyUnicode_FromStringAndSize(source, (Py_ssize_t)length);
}

static PyObject *
jit_hir(PyObject *module, PyObject *object)
{
    PyCodeObject *code = code_argument(object);
    if (code == NULL) {
        return NULL;
    }
    PyObject *text = NULL;
    clinker_hir(code, (uint32_t)code->_co_firsttraceable, take_text, &text);
    return text;
}

#if !CLINKER_HOOKS
/* Let native code of a function be entered when it is called. */
static PyObject *
jit_enter(PyObject *module, PyObject *object)
{
    if (!PyFunction_Check(object)) {
        PyErr_Format(PyExc_TypeError, "expected a function, not %T", object);
        return NULL;
    }
    clinker_enter_function((PyFunctionObject *)object);
    Py_RETURN_NONE;
}
#endif

PyMethodDef clinker_control_methods[] = {
#if !CLINKER_HOOKS
    {"_enter", jit_enter, METH_O},
#endif
    {"_is_started", jit_is_started, METH_NOARGS},
    {"_prepare", jit_prepare, METH_O},
    {"_pause", jit_pause, METH_O},
    {"_is_paused", jit_is_paused, METH_NOARGS},
    {"_set_period", jit_set_period, METH_O},
    {"_get_period", jit_get_period, METH_NOARGS},
    {"_is_compiled", jit_is_compiled, METH_O},
    {"_compile", jit_compile, METH_O},
    {"_compile_at_next_call", jit_compile_at_next_call, METH_O},
    {"_compile_all", jit_compile_all, METH_NOARGS},
    {"_uncompile", jit_uncompile, METH_O},
    {"_suppress", jit_suppress, METH_VARARGS},
    {"_attach_all", jit_attach_all, METH_NOARGS},
    {"_detach_all", jit_detach_all, METH_NOARGS},
    {"_count_entries", jit_count_entries, METH_O},
    {"_native_code", jit_native_code, METH_O},
    {"_compilation_time", jit_compilation_time, METH_O},
    {"_stats", jit_stats, METH_NOARGS},
    {"_exits", jit_exits, METH_NOARGS},
    {"_hir", jit_hir, METH_O},
    {"_inspect", jit_inspect, METH_O},
    {"_source", jit_source, METH_O},
    {NULL},
};

/* The package clinker */

static PyObject *
run_source(PyObject *module, const char *name)
{
    size_t length;
    const char *source = clinker_source("jit.py", &length);
    PyObject *text = PyUnicode_FromStringAndSize(source, (Py_ssize_t)length);
    if (text == NULL) {
        return NULL;
    }
    PyObject *result = NULL;
    PyObject *code = Py_CompileString(PyUnicode_AsUTF8(text), name,
                                      Py_file_input);
    if (code != NULL) {
        PyObject *globals = PyModule_GetDict(module);
        result = PyEval_EvalCode(code, globals, globals);
        Py_DECREF(code);
    }
    Py_DECREF(text);
    return result;
}

/* Make clinker.jit, so that the import system finds it in sys.modules. */
static int
package_exec(PyObject *package)
{
    PyObject *path = PyList_New(0);
    if (path == NULL || PyModule_Add(package, "__path__", path) < 0) {
        return -1;
    }
    PyObject *module = PyModule_New("clinker.jit");
    if (module == NULL) {
        return -1;
    }
    PyObject *result = NULL;
    if (PyModule_AddStringConstant(module, "__package__", "clinker") == 0
        && PyDict_SetItemString(PyModule_GetDict(module), "__builtins__",
                                PyEval_GetBuiltins()) == 0)
    {
        result = run_source(module, "<clinker.jit>");
    }
    if (result == NULL
        || PyDict_SetItemString(PyImport_GetModuleDict(), "clinker.jit",
                                module) < 0)
    {
        Py_XDECREF(result);
        Py_DECREF(module);
        return -1;
    }
    Py_DECREF(result);
    // What the package says in an interpreter that cannot compile.
    if (PyModule_AddObjectRef(package, "missing", Py_None) < 0) {
        Py_DECREF(module);
        return -1;
    }
    return PyModule_Add(package, "jit", module);
}

static PyModuleDef_Slot package_slots[] = {
    {Py_mod_exec, package_exec},
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
    {0, NULL},
};

static struct PyModuleDef package = {
    PyModuleDef_HEAD_INIT,
    .m_name = "clinker",
    .m_doc = "What Clinker adds to Python.",
    .m_slots = package_slots,
};

PyMODINIT_FUNC
PyInit_clinker(void)
{
    return PyModuleDef_Init(&package);
}
