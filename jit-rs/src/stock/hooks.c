/* What the eval hooks do for the client, in a stock CPython: calls of functions are
 * counted and enter native code by their vectorcall, which programs may set. */

#include "glue.h"

/* A function can be entered if it takes arguments by position alone, and no more than
 * native code is given. */
static int
is_enterable(PyCodeObject *code)
{
    const int others = CO_VARARGS | CO_VARKEYWORDS | CO_GENERATOR
                       | CO_COROUTINE | CO_ASYNC_GENERATOR;
    _Py_CODEUNIT *first = _PyCode_CODE(code);
    return (code->co_flags & (CO_OPTIMIZED | others)) == CO_OPTIMIZED
           && code->co_kwonlyargcount == 0
           && code->co_argcount <= CLINKER_MAX_DIRECT
           // It makes no cells.
           && code->_co_firsttraceable == (first->op.code == COPY_FREE_VARS);
}

/* Records */

static Py_ssize_t extra_index = -1;
static uint32_t entry_period;

_PyShadowCode *
_PyEvalHooks_GetShadow(PyCodeObject *code)
{
    void *shadow = NULL;
    (void)PyUnstable_Code_GetExtra((PyObject *)code, extra_index, &shadow);
    return shadow;
}

void
_PyEvalHooks_Attach(PyInterpreterState *interp, PyCodeObject *code)
{
    _PyShadowCode *shadow = PyMem_Calloc(1, sizeof(_PyShadowCode));
    if (shadow == NULL
        || PyUnstable_Code_SetExtra((PyObject *)code, extra_index, shadow) < 0)
    {
        PyErr_Clear();
        PyMem_Free(shadow);
        return;
    }
    shadow->entry_period = entry_period;
    shadow->entries_left = entry_period;
    clinker_code_attached(code, shadow);
}

static int
code_event(PyCodeEvent event, PyCodeObject *code)
{
    if (event == PY_CODE_EVENT_DESTROY
        && _PyEvalHooks_GetShadow(code) != NULL)
    {
        clinker_code_death(code);
    }
    return 0;
}

int
_PyEvalHooks_InstallEntry(PyCodeObject *code, int offset, _PyNativeEntry entry)
{
    _PyShadowCode *shadow = _PyEvalHooks_GetShadow(code);
    if (shadow == NULL || offset != code->_co_firsttraceable
        || !is_enterable(code))
    {
        return 0;
    }
    shadow->entry = entry;
    return 1;
}

void
_PyEvalHooks_RemoveEntries(PyCodeObject *code)
{
    _PyShadowCode *shadow = _PyEvalHooks_GetShadow(code);
    if (shadow != NULL) {
        shadow->entry = NULL;
    }
}

void
_PyEvalHooks_RemoveEntry(PyCodeObject *code, int offset)
{
    _PyEvalHooks_RemoveEntries(code);
}

uint64_t
_PyEvalHooks_CountEntries(PyCodeObject *code)
{
    _PyShadowCode *shadow = _PyEvalHooks_GetShadow(code);
    return shadow == NULL
           ? 0 : shadow->entries + shadow->entry_period - shadow->entries_left;
}

uint64_t
_PyEvalHooks_CountTrips(PyCodeObject *code, const _PyShadowLoop *loop)
{
    return loop->trips;
}

/* Calls */

vectorcallfunc clinker_usual_vectorcall;

/* Count a call that the interpreter runs. */
static void
count(PyCodeObject *code, _PyShadowCode *shadow)
{
    if (shadow->is_stopped || --shadow->entries_left > 0) {
        return;
    }
    shadow->entries += shadow->entry_period;
    uint32_t period =
        clinker_hot(code, (uint32_t)code->_co_firsttraceable, 0, 0);
    shadow->is_stopped = period == _Py_EVAL_STOP_COUNTING;
    shadow->entry_period = period == 0 ? UINT32_MAX : period;
    shadow->entries_left = shadow->entry_period;
}

/* Enter the native code of a function.  Returns 0 if that is not possible now. */
static int
enter_native(PyThreadState *tstate, PyFunctionObject *func,
             PyObject *const *args, Py_ssize_t size, PyObject *kwnames,
             PyObject **result)
{
    PyCodeObject *code = (PyCodeObject *)func->func_code;
    int wanted = code->co_argcount;
    if (kwnames == NULL && size == wanted) {
        return clinker_called_by_c(tstate, func, args, (size_t)size, result);
    }
    Py_ssize_t count = size;
    if (kwnames != NULL) {
        count += PyTuple_GET_SIZE(kwnames);
    }
    PyObject *parameters[CLINKER_MAX_DIRECT];
    if (count > wanted
        || !clinker_match_parameters(func, args, (int)count, kwnames,
                                     parameters))
    {
        return 0;
    }
    PyObject *defaults = func->func_defaults;
    for (int i = 0; i < wanted; i++) {
        if (parameters[i] == NULL) {
            Py_ssize_t from_end = PyTuple_GET_SIZE(defaults) - wanted + i;
            parameters[i] = PyTuple_GET_ITEM(defaults, from_end);
        }
    }
    return clinker_called_by_c(tstate, func, parameters, (size_t)wanted, result);
}

PyObject *
clinker_vectorcall(PyObject *callable, PyObject *const *args, size_t nargsf,
                   PyObject *kwnames)
{
    PyFunctionObject *func = (PyFunctionObject *)callable;
    PyCodeObject *code = (PyCodeObject *)func->func_code;
    PyThreadState *tstate = _PyThreadState_GET();
    if (!is_enterable(code)
        || tstate->c_recursion_remaining < Py_C_RECURSION_LIMIT / 2)
    {
        // What the interpreter calls by itself needs no stack of C: a recursion can
        // be as deep as without the compiler.
        PyFunction_SetVectorcall(func, clinker_usual_vectorcall);
        return clinker_usual_vectorcall(callable, args, nargsf, kwnames);
    }
    if (func->func_version != 0) {
        // Calls that know the version do not come here.
        PyFunction_SetVectorcall(func, clinker_vectorcall);
    }
    _PyShadowCode *shadow = _PyEvalHooks_GetShadow(code);
    if (shadow == NULL) {
        _PyEvalHooks_Attach(tstate->interp, code);
        shadow = _PyEvalHooks_GetShadow(code);
    }
    if (shadow != NULL && shadow->entry == NULL) {
        count(code, shadow);
    }
    if (shadow != NULL && shadow->entry != NULL) {
        PyObject *result;
        if (enter_native(tstate, func, args, PyVectorcall_NARGS(nargsf),
                         kwnames, &result))
        {
            return result;
        }
    }
    else if (shadow == NULL || shadow->is_stopped) {
        PyFunction_SetVectorcall(func, clinker_usual_vectorcall);
    }
    return clinker_usual_vectorcall(callable, args, nargsf, kwnames);
}

void
clinker_enter_function(PyFunctionObject *func)
{
    if (func->vectorcall == clinker_usual_vectorcall
        && is_enterable((PyCodeObject *)func->func_code))
    {
        PyFunction_SetVectorcall(func, clinker_vectorcall);
    }
}

static int
function_event(PyFunction_WatchEvent event, PyFunctionObject *func,
               PyObject *new_value)
{
    if (event == PyFunction_EVENT_CREATE) {
        clinker_enter_function(func);
    }
    return 0;
}

static int
enter_if_function(PyObject *object, void *unused)
{
    if (PyFunction_Check(object)) {
        clinker_enter_function((PyFunctionObject *)object);
    }
    return 1;
}

int
clinker_watch_functions(void)
{
    static int is_done;
    if (is_done) {
        return 0;
    }
    if (PyFunction_AddWatcher(function_event) < 0) {
        return -1;
    }
    is_done = 1;
    PyUnstable_GC_VisitObjects(enter_if_function, NULL);
    return 0;
}

/* Life */

static int is_registered;

int
clinker_is_registered(void)
{
    return is_registered
           && _PyInterpreterState_GET() == PyInterpreterState_Main();
}

void
clinker_set_periods(uint32_t period)
{
    entry_period = period;
}

uint32_t
clinker_entry_period(void)
{
    return entry_period;
}

static PyObject *
finalize(PyObject *module, PyObject *unused)
{
    is_registered = 0;
    clinker_finalize();
    clinker_release_reserved_objects();
    Py_RETURN_NONE;
}

static PyObject *
before_fork(PyObject *module, PyObject *unused)
{
    clinker_forking();
    Py_RETURN_NONE;
}

static PyObject *
after_fork(PyObject *module, PyObject *unused)
{
    clinker_forked_child();
    Py_RETURN_NONE;
}

static PyMethodDef callbacks[] = {
    {"finalize", finalize, METH_NOARGS},
    {"before_fork", before_fork, METH_NOARGS},
    {"after_fork", after_fork, METH_NOARGS},
};

/* Call a function of a module, with arguments that are stolen. */
static int
hand_over(const char *module_name, const char *name, PyObject *args,
          PyObject *kwargs)
{
    int status = -1;
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *function = module == NULL
                         ? NULL : PyObject_GetAttrString(module, name);
    if (function != NULL && args != NULL) {
        PyObject *result = PyObject_Call(function, args, kwargs);
        status = result == NULL ? -1 : 0;
        Py_XDECREF(result);
    }
    Py_XDECREF(function);
    Py_XDECREF(module);
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    return status;
}

static int
ask_for_callbacks(void)
{
    PyObject *functions[Py_ARRAY_LENGTH(callbacks)];
    for (size_t i = 0; i < Py_ARRAY_LENGTH(callbacks); i++) {
        functions[i] = PyCFunction_New(&callbacks[i], NULL);
        if (functions[i] == NULL) {
            return -1;
        }
    }
    if (hand_over("atexit", "register", Py_BuildValue("(N)", functions[0]),
                  NULL) < 0)
    {
        return -1;
    }
    PyObject *kwargs = Py_BuildValue("{s:N,s:N}", "before", functions[1],
                                     "after_in_child", functions[2]);
    return kwargs == NULL
           ? -1 : hand_over("os", "register_at_fork", PyTuple_New(0), kwargs);
}

/* Find out what calls functions usually, by a new one. */
static int
find_usual_vectorcall(void)
{
    PyCodeObject *code = PyCode_NewEmpty("<clinker>", "usual", 1);
    PyObject *globals = PyDict_New();
    PyObject *func = code == NULL || globals == NULL
                     ? NULL : PyFunction_New((PyObject *)code, globals);
    if (func != NULL) {
        clinker_usual_vectorcall = ((PyFunctionObject *)func)->vectorcall;
    }
    Py_XDECREF(func);
    Py_XDECREF(globals);
    Py_XDECREF(code);
    return clinker_usual_vectorcall == NULL ? -1 : 0;
}

int
clinker_register(PyInterpreterState *interp)
{
    if (extra_index >= 0) {
        PyErr_SetString(PyExc_RuntimeError,
                        "the compiler cannot be started a second time");
        return -1;
    }
    if (find_usual_vectorcall() < 0) {
        return -1;
    }
    extra_index = PyUnstable_Eval_RequestCodeExtraIndex(PyMem_Free);
    if (extra_index < 0) {
        PyErr_SetString(PyExc_RuntimeError,
                        "code objects have no room for the compiler's record");
        return -1;
    }
    if (PyCode_AddWatcher(code_event) < 0 || ask_for_callbacks() < 0
        || clinker_watch_locals() < 0)
    {
        return -1;
    }
    is_registered = 1;
    return entry_period == UINT32_MAX ? 0 : clinker_watch_functions();
}

/* Without hooks, nothing has frames of native code left when a variable changes. */
int
clinker_find_settled(PyObject *globals, PyObject *builtins, PyObject *name,
                     PyObject *before, struct clinker_settled *settled)
{
    return 0;
}
