/* The built-in module _lazyclient: registers the archive with the lazy hooks. */

#include "Python.h"
#include "pycore_dict.h"          // _PyDict_Next()
#include "pycore_frame.h"         // _PyFrame_GetCode()
#include "pycore_interp.h"        // PyInterpreterState
#include "pycore_lazyhooks.h"     // _PyLazyHooks_Register()
#include "pycore_lazyimportobject.h" // PyLazyImportObject
#include "pycore_pystate.h"       // _PyInterpreterState_GET()

#include "clinker_lazy.h"

static int wants_effects;

static clinker_text_view
view(PyObject *string)
{
    clinker_text_view text = {NULL, 0};
    if (string != NULL && PyUnicode_Check(string)) {
        Py_ssize_t size;
        text.data = PyUnicode_AsUTF8AndSize(string, &size);
        if (text.data == NULL) {
            PyErr_Clear();
        }
        else {
            text.length = (size_t)size;
        }
    }
    return text;
}

static clinker_site
site_of(PyCodeObject *code, int lasti, int in_body)
{
    clinker_site site = {{NULL, 0}, 0, in_body};
    if (code != NULL) {
        site.file = view(code->co_filename);
        site.line = PyCode_Addr2Line(code, lasti);
    }
    return site;
}

static clinker_site
current_site(PyThreadState *tstate)
{
    _PyInterpreterFrame *frame = _PyThreadState_GetFrame(tstate);
    if (frame == NULL) {
        return site_of(NULL, 0, 0);
    }
    return site_of(_PyFrame_GetCode(frame),
                   _PyInterpreterFrame_LASTI(frame)
                   * (int)sizeof(_Py_CODEUNIT),
                   frame->f_locals == frame->f_globals);
}

/* __name__ of the innermost module whose body is running, borrowed. */
static PyObject *
running_module(PyThreadState *tstate)
{
    _PyInterpreterFrame *frame = _PyThreadState_GetFrame(tstate);
    for (; frame != NULL; frame = _PyFrame_GetFirstComplete(frame->previous)) {
        if (frame->f_locals != NULL && frame->f_locals == frame->f_globals) {
            PyObject *name = PyDict_GetItemWithError(frame->f_globals,
                                                     &_Py_ID(__name__));
            return name;
        }
    }
    return NULL;
}

/* Effects: see clinker_lazy.h.  Nothing here resolves a deferred import: what
 * is read of namespaces of modules is never one. */

static uint64_t
mix(uint64_t hash, const void *value)
{
    return (hash ^ (uint64_t)(uintptr_t)value) * 0x100000001b3u;
}

static uint64_t
of_list(PyObject *list)
{
    uint64_t hash = mix(1, list);
    if (list != NULL && PyList_Check(list)) {
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
            hash = mix(hash, PyList_GET_ITEM(list, i));
        }
    }
    return hash;
}

static uint64_t
of_dict(PyObject *dict)
{
    // The prompt assigns to _, which is no change by a module.
    uint64_t hash = 1;
    if (dict != NULL && PyDict_CheckExact(dict)) {
        PyObject *key, *value;
        Py_ssize_t pos = 0;
        while (_PyDict_Next(dict, &pos, &key, &value, NULL)) {
            if (!PyUnicode_Check(key) || !PyUnicode_EqualToUTF8(key, "_")) {
                hash = mix(mix(hash, key), value);
            }
        }
    }
    return hash;
}

/* An attribute of a module that is loaded, a new reference, or NULL. */
static PyObject *
loaded_attribute(const char *module, const char *name)
{
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *found = PyDict_GetItemString(modules, module);
    PyObject *value = NULL;
    if (found != NULL && PyModule_Check(found)) {
        PyObject *ns = PyModule_GetDict(found);
        value = Py_XNewRef(PyDict_GetItemString(ns, name));
    }
    PyErr_Clear();
    return value;
}

static uint64_t
call_number(const char *module, const char *name)
{
    uint64_t result = 0;
    PyObject *function = loaded_attribute(module, name);
    if (function != NULL && PyCFunction_Check(function)) {
        PyObject *value = PyObject_CallNoArgs(function);
        if (value != NULL && PyLong_Check(value)) {
            result = (uint64_t)PyLong_AsUnsignedLongLongMask(value);
        }
        Py_XDECREF(value);
    }
    Py_XDECREF(function);
    PyErr_Clear();
    return result;
}

static uint64_t
of_signals(void)
{
    uint64_t hash = 1;
    PyObject *function = loaded_attribute("_signal", "getsignal");
    for (int i = 1; function != NULL && i < 32; i++) {
        PyObject *handler = PyObject_CallFunction(function, "i", i);
        hash = mix(hash, handler);
        Py_XDECREF(handler);
        PyErr_Clear();
    }
    Py_XDECREF(function);
    return hash;
}

/* __dict__[name] of an object that has a dictionary, borrowed. */
static PyObject *
instance_value(PyObject *object, const char *name)
{
    PyObject *value = NULL;
    if (object != NULL) {
        PyObject *dict = PyObject_GenericGetDict(object, NULL);
        if (dict != NULL) {
            value = PyDict_GetItemString(dict, name);
            Py_DECREF(dict);
        }
        PyErr_Clear();
    }
    return value;
}

static void
look_at_effects(PyThreadState *tstate, PyObject *owner)
{
    if (!wants_effects) {
        return;
    }
    PyObject *exc = PyErr_GetRaisedException();
    PyInterpreterState *interp = tstate->interp;
    uint64_t state[CLINKER_EFFECTS] = {0};
    state[0] = of_list(PySys_GetObject("path"));
    state[1] = of_list(PySys_GetObject("meta_path"));
    state[2] = of_list(PySys_GetObject("path_hooks"));
    PyObject *filters = loaded_attribute("warnings", "filters");
    state[3] = of_list(filters);
    Py_XDECREF(filters);
    state[4] = of_dict(interp->builtins);
    state[5] = of_list(interp->codecs.search_path);
    state[6] = call_number("atexit", "_ncallbacks");
    state[7] = of_signals();
    PyObject *root = loaded_attribute("logging", "root");
    state[8] = mix(of_list(instance_value(root, "handlers")),
                   instance_value(root, "level"));
    Py_XDECREF(root);
    PyObject *table = loaded_attribute("copyreg", "dispatch_table");
    state[9] = of_dict(table);
    Py_XDECREF(table);
    static const char *const hooks[] = {
        "excepthook", "displayhook", "unraisablehook", "stdin", "stdout",
        "stderr", "breakpointhook",
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(hooks); i++) {
        state[10] = mix(state[10], PySys_GetObject(hooks[i]));
    }
    PyObject *environ = loaded_attribute("os", "environ");
    PyObject *data = instance_value(environ, "_data");
    state[11] = of_dict(data);
    Py_XDECREF(environ);
    clinker_lazy_effects(view(owner), state);
    PyErr_SetRaisedException(exc);
}

static _PyLazyDecision
decide(PyThreadState *tstate, const _PyLazyStatement *statement)
{
    switch (clinker_lazy_decide(view(statement->importer),
                                view(statement->name)))
    {
        case CLINKER_LAZY_DEFER:
            return _Py_LAZY_DEFER;
        case CLINKER_LAZY_DO_NOW:
            return _Py_LAZY_DO_NOW;
        default:
            return _Py_LAZY_NO_OPINION;
    }
}

static void
done_now(PyThreadState *tstate, const _PyLazyStatement *statement,
         _PyLazyReason reason)
{
    clinker_lazy_done_now(view(statement->importer), view(statement->name),
                          site_of(statement->code, statement->lasti, 1),
                          reason);
}

static void
deferred(PyThreadState *tstate, PyObject *op, PyObject *importer)
{
    PyLazyImportObject *lazy = (PyLazyImportObject *)op;
    PyObject *attribute = lazy->lz_fromlist;
    clinker_lazy_deferred((uintptr_t)op, view(importer), view(lazy->lz_name),
                          view(attribute),
                          site_of(lazy->lz_code, lazy->lz_lasti, 1));
}

static void
resolving(PyThreadState *tstate, PyObject *lazy, PyObject *ns)
{
    clinker_lazy_resolving(tstate->id, (uintptr_t)lazy, current_site(tstate));
}

static void
resolved(PyThreadState *tstate, PyObject *lazy, int ok)
{
    PyObject *exc = PyErr_GetRaisedException();
    clinker_lazy_resolved(tstate->id, (uintptr_t)lazy, ok);
    PyErr_SetRaisedException(exc);
}

static void
loading(PyThreadState *tstate, PyObject *name)
{
    // What the importer changed so far is its own.
    look_at_effects(tstate, running_module(tstate));
}

static void
executed(PyThreadState *tstate, PyObject *name)
{
    clinker_lazy_executed(view(name));
    look_at_effects(tstate, name);
}

static void
submodule(PyThreadState *tstate, PyObject *name, int bound)
{
    clinker_lazy_submodule(view(name), bound);
}

static void
finalize(PyInterpreterState *interp)
{
    clinker_lazy_finalize();
}

static const _PyLazyHooks hooks = {
    .decide = decide,
    .done_now = done_now,
    .deferred = deferred,
    .resolving = resolving,
    .resolved = resolved,
    .loading = loading,
    .executed = executed,
    .submodule = submodule,
    .finalize = finalize,
};

PyDoc_STRVAR(start_doc,
"_start(options)\n\
\n\
Do as -X lazy_report, lazy_profile and lazy_filter say. Called by the\n\
interpreter.");

static PyObject *
start(PyObject *module, PyObject *options)
{
    if (!PyDict_CheckExact(options)) {
        PyErr_SetString(PyExc_TypeError, "a dictionary is expected");
        return NULL;
    }
    PyInterpreterState *interp = _PyInterpreterState_GET();
    if (interp != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_RuntimeError,
                        "the client serves the main interpreter only");
        return NULL;
    }
    if (_PyLazyHooks_Register(interp, &hooks) < 0) {
        return NULL;
    }
    char error[512];
    if (clinker_lazy_start(view(PyDict_GetItemString(options, "report")),
                           view(PyDict_GetItemString(options, "profile")),
                           view(PyDict_GetItemString(options, "filter")),
                           error, sizeof(error)) < 0)
    {
        _PyLazyHooks_Unregister(interp);
        PyErr_SetString(PyExc_ValueError, error);
        return NULL;
    }
    wants_effects = clinker_lazy_wants_effects();
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"_start", start, METH_O, start_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_lazyclient",
    .m_doc = "Clinker's client of deferred imports; see -X lazy_report.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__lazyclient(void)
{
    return PyModuleDef_Init(&module);
}
