/* Names, closures and functions. */

#include "runtime.h"


PyObject *
clinker_load_global(T *tstate, F *frame, uint64_t number)
{
    PyObject *name = NAME(number);
    PyObject *value;
    if (PyDict_CheckExact(frame->f_globals)
        && PyDict_CheckExact(frame->f_builtins))
    {
        value = _PyDict_LoadGlobal((PyDictObject *)frame->f_globals,
                                   (PyDictObject *)frame->f_builtins, name);
    }
    else {
        if (PyMapping_GetOptionalItem(frame->f_globals, name, &value) < 0) {
            return NULL;
        }
        if (value == NULL
            && PyMapping_GetOptionalItem(frame->f_builtins, name, &value) < 0)
        {
            return NULL;
        }
    }
    if (value == NULL && !_PyErr_Occurred(tstate)) {
        _PyEval_FormatExcCheckArg(tstate, PyExc_NameError, NAME_ERROR, name);
    }
    return value;
}

int
clinker_store_global(T *tstate, F *frame, PyObject *value, uint64_t name)
{
    return PyDict_SetItem(frame->f_globals, NAME(name), value);
}

int
clinker_delete_global(T *tstate, F *frame, uint64_t name)
{
    int found = PyDict_Pop(frame->f_globals, NAME(name), NULL);
    if (found == 0) {
        _PyEval_FormatExcCheckArg(tstate, PyExc_NameError, NAME_ERROR,
                                  NAME(name));
    }
    return found > 0 ? 0 : -1;
}

PyObject *
clinker_load_name(T *tstate, F *frame, uint64_t number)
{
    PyObject *name = NAME(number);
    PyObject *value;
    if (frame->f_locals == NULL) {
        _PyErr_SetString(tstate, PyExc_SystemError, "no locals found");
        return NULL;
    }
    if (PyMapping_GetOptionalItem(frame->f_locals, name, &value) < 0
        || value != NULL)
    {
        return value;
    }
    if (PyDict_GetItemRef(frame->f_globals, name, &value) < 0
        || value != NULL)
    {
        return value;
    }
    if (PyMapping_GetOptionalItem(frame->f_builtins, name, &value) < 0) {
        return NULL;
    }
    if (value == NULL) {
        _PyEval_FormatExcCheckArg(tstate, PyExc_NameError, NAME_ERROR, name);
    }
    return value;
}

int
clinker_store_name(T *tstate, F *frame, PyObject *value, uint64_t name)
{
    PyObject *namespace = frame->f_locals;
    if (namespace == NULL) {
        _PyErr_Format(tstate, PyExc_SystemError,
                      "no locals found when storing %R", NAME(name));
        return -1;
    }
    if (PyDict_CheckExact(namespace)) {
        return PyDict_SetItem(namespace, NAME(name), value);
    }
    return PyObject_SetItem(namespace, NAME(name), value);
}

int
clinker_delete_name(T *tstate, F *frame, uint64_t name)
{
    if (frame->f_locals == NULL) {
        _PyErr_Format(tstate, PyExc_SystemError,
                      "no locals when deleting %R", NAME(name));
        return -1;
    }
    if (PyObject_DelItem(frame->f_locals, NAME(name)) != 0) {
        _PyEval_FormatExcCheckArg(tstate, PyExc_NameError, NAME_ERROR,
                                  NAME(name));
        return -1;
    }
    return 0;
}

PyObject *
clinker_load_locals(T *tstate, F *frame, uint64_t unused)
{
    if (frame->f_locals == NULL) {
        _PyErr_SetString(tstate, PyExc_SystemError, "no locals found");
        return NULL;
    }
    return Py_NewRef(frame->f_locals);
}

PyObject *
clinker_load_from_dict_or_globals(T *tstate, F *frame, PyObject *mapping,
                                  uint64_t name)
{
    PyObject *value;
    if (PyMapping_GetOptionalItem(mapping, NAME(name), &value) < 0
        || value != NULL)
    {
        return value;
    }
    return clinker_load_global(tstate, frame, name);
}

static PyObject *
load_deref(T *tstate, F *frame, uint64_t slot)
{
    PyObject *value = PyCell_GetRef((PyCellObject *)frame->localsplus[slot]);
    if (value == NULL) {
        _PyEval_FormatExcUnbound(tstate, _PyFrame_GetCode(frame), (int)slot);
    }
    return value;
}

PyObject *
clinker_load_from_dict_or_deref(T *tstate, F *frame, PyObject *mapping,
                                uint64_t slot)
{
    PyObject *name = PyTuple_GET_ITEM(
        _PyFrame_GetCode(frame)->co_localsplusnames, (Py_ssize_t)slot);
    PyObject *value;
    if (PyMapping_GetOptionalItem(mapping, name, &value) < 0
        || value != NULL)
    {
        return value;
    }
    return load_deref(tstate, frame, slot);
}

/* Steals the value. */
void
clinker_store_deref(T *tstate, F *frame, PyObject *value, uint64_t slot)
{
    PyCell_SetTakeRef((PyCellObject *)frame->localsplus[slot], value);
}

int
clinker_delete_deref(T *tstate, F *frame, uint64_t slot)
{
    PyObject *old = PyCell_SwapTakeRef(
        (PyCellObject *)frame->localsplus[slot], NULL);
    if (old == NULL) {
        _PyEval_FormatExcUnbound(tstate, _PyFrame_GetCode(frame), (int)slot);
        return -1;
    }
    Py_DECREF(old);
    return 0;
}

PyObject *
clinker_load_build_class(T *tstate, F *frame, uint64_t unused)
{
    PyObject *value;
    if (PyMapping_GetOptionalItem(frame->f_builtins,
                                  &_Py_ID(__build_class__), &value) == 0)
    {
        _PyErr_SetString(tstate, PyExc_NameError,
                         "__build_class__ not found");
    }
    return value;
}

/* Functions */

PyObject *
clinker_make_function(T *tstate, F *frame, PyObject *code, uint64_t unused)
{
    PyFunctionObject *func = (PyFunctionObject *)PyFunction_New(
        code, frame->f_globals);
    if (func != NULL) {
        _PyFunction_SetVersion(func, ((PyCodeObject *)code)->co_version);
    }
    return (PyObject *)func;
}

/* Steals the attribute. */
void
clinker_set_function_attribute(T *tstate, F *frame, PyObject *attr,
                               PyObject *function, uint64_t kind)
{
    PyFunctionObject *func = (PyFunctionObject *)function;
    switch (kind) {
        case MAKE_FUNCTION_CLOSURE:
            func->func_closure = attr;
            break;
        case MAKE_FUNCTION_ANNOTATIONS:
            func->func_annotations = attr;
            break;
        case MAKE_FUNCTION_KWDEFAULTS:
            func->func_kwdefaults = attr;
            break;
        case MAKE_FUNCTION_DEFAULTS:
            func->func_defaults = attr;
            break;
        default:
            Py_UNREACHABLE();
    }
}

int
clinker_make_cell(T *tstate, F *frame, uint64_t slot)
{
    PyObject *cell = PyCell_New(frame->localsplus[slot]);
    if (cell == NULL) {
        return -1;
    }
    Py_XSETREF(frame->localsplus[slot], cell);
    return 0;
}

const struct clinker_entry clinker_name_helpers[] = {
    ENTRY(load_global),
    ENTRY(store_global),
    ENTRY(delete_global),
    ENTRY(load_name),
    ENTRY(store_name),
    ENTRY(delete_name),
    ENTRY(load_locals),
    ENTRY(load_from_dict_or_globals),
    ENTRY(load_from_dict_or_deref),
    ENTRY(store_deref),
    ENTRY(delete_deref),
    ENTRY(load_build_class),
    ENTRY(make_function),
    ENTRY(set_function_attribute),
    ENTRY(make_cell),
    {NULL, NULL},
};
