/* Exceptions that a handler drops without having looked at them.  They are not made, or
 * dropped at once; the functions give NULL then, and RAISED for all others. */

#include "runtime.h"

PyObject *clinker_quiet_names[CLINKER_QUIETS];

/* The built-in function next(). */
PyMethodDef *clinker_next_method;

/* What makes next() a function, which lives as long as Python does, or NULL. */
static PyMethodDef *
find_next_method(void)
{
    PyObject *next = _PyEval_GetBuiltin(&_Py_ID(next));
    PyMethodDef *method = NULL;
    if (next != NULL && PyCFunction_CheckExact(next)) {
        PyObject *self = PyCFunction_GET_SELF(next);
        PyModuleDef *def = self != NULL && PyModule_Check(self)
                           ? PyModule_GetDef(self) : NULL;
        if (def != NULL && strcmp(def->m_name, "builtins") == 0
            && strcmp(((PyCFunctionObject *)next)->m_ml->ml_name, "next") == 0)
        {
            method = ((PyCFunctionObject *)next)->m_ml;
        }
    }
    PyErr_Clear();
    Py_XDECREF(next);
    return method;
}

void
clinker_prepare_quiet(void)
{
    static const char *const names[CLINKER_QUIETS] = {
        [CLINKER_KEY_ERROR] = "KeyError",
        [CLINKER_INDEX_ERROR] = "IndexError",
        [CLINKER_ATTRIBUTE_ERROR] = "AttributeError",
        [CLINKER_STOP_ITERATION] = "StopIteration",
    };
    for (int i = 0; i < CLINKER_QUIETS; i++) {
        // Without the name, no handler is found to be for it.
        clinker_quiet_names[i] = PyUnicode_InternFromString(names[i]);
        if (clinker_quiet_names[i] == NULL) {
            PyErr_Clear();
        }
    }
    clinker_next_method = find_next_method();
}

static PyObject *
class_of(uint64_t quiet)
{
    switch ((enum clinker_quiet)quiet) {
        case CLINKER_KEY_ERROR:
            return PyExc_KeyError;
        case CLINKER_INDEX_ERROR:
            return PyExc_IndexError;
        case CLINKER_ATTRIBUTE_ERROR:
            return PyExc_AttributeError;
        case CLINKER_STOP_ITERATION:
            return PyExc_StopIteration;
    }
    Py_UNREACHABLE();
}

/* Whether nobody sees that an exception is left out: the frame means the class when it says its
 * name, and no tools have begun to watch. */
static int
is_quiet(F *frame, uint64_t quiet)
{
    if (clinker_is_changed(frame) || !PyDict_CheckExact(frame->f_globals)
        || !PyDict_CheckExact(frame->f_builtins))
    {
        return 0;
    }
    PyObject *value = _PyDict_LoadGlobal((PyDictObject *)frame->f_globals,
                                         (PyDictObject *)frame->f_builtins,
                                         clinker_quiet_names[quiet]);
    int is_it = value == class_of(quiet);
    Py_XDECREF(value);
    PyErr_Clear();
    return is_it;
}

/* What an operation has given, if that is no exception, or one that C code has raised and the
 * handler drops.  One with a traceback may keep alive what runs code when it dies. */
static PyObject *
unless_quiet(F *frame, PyObject *value, uint64_t quiet)
{
    if (value != NULL) {
        return value;
    }
    PyObject *exception = PyErr_GetRaisedException();
    if (Py_IS_TYPE(exception, (PyTypeObject *)class_of(quiet))
        && ((PyBaseExceptionObject *)exception)->traceback == NULL
        && Py_REFCNT(exception) == 1 && is_quiet(frame, quiet))
    {
        Py_DECREF(exception);
        return NULL;
    }
    PyErr_SetRaisedException(exception);
    return RAISED;
}

PyObject *
clinker_find_item_dict(T *tstate, F *frame, PyObject *dict, PyObject *key,
                       uint64_t unused)
{
    PyObject *value;
    int found = PyDict_GetItemRef(dict, key, &value);
    if (found == 0 && !is_quiet(frame, CLINKER_KEY_ERROR)) {
        _PyErr_SetKeyError(key);
        found = -1;
    }
    return found < 0 ? RAISED : value;
}

/* Whether an object is a sequence without an item of a number. */
static int
is_outside(PyObject *container, PyObject *key)
{
    int64_t index;
    if (!(PyList_CheckExact(container) || PyTuple_CheckExact(container))
        || !small_value(key, &index))
    {
        return 0;
    }
    return index >= Py_SIZE(container) || index < -Py_SIZE(container);
}

PyObject *
clinker_find_item(T *tstate, F *frame, PyObject *container, PyObject *key,
                  uint64_t quiet)
{
    if (quiet == CLINKER_INDEX_ERROR && is_outside(container, key)
        && is_quiet(frame, quiet))
    {
        return NULL;
    }
    return unless_quiet(frame, PyObject_GetItem(container, key), quiet);
}

PyObject *
clinker_find_attr(T *tstate, F *frame, PyObject *owner, uint64_t name)
{
    const uint64_t quiet = CLINKER_ATTRIBUTE_ERROR;
    PyTypeObject *type = Py_TYPE(owner);
    if (type->tp_getattro != PyObject_GenericGetAttr
        || _PyType_Lookup(type, (PyObject *)name) != NULL)
    {
        // That may run code, which raises.
        PyObject *value = PyObject_GetAttr(owner, (PyObject *)name);
        return unless_quiet(frame, value, quiet);
    }
    PyObject *value;
    int found = PyObject_GetOptionalAttr(owner, (PyObject *)name, &value);
    if (found == 0 && !is_quiet(frame, quiet)) {
        value = PyObject_GetAttr(owner, (PyObject *)name);
        found = value == NULL ? -1 : 1;
    }
    return found < 0 ? RAISED : value;
}

/* As the function next(). */
PyObject *
clinker_find_next(T *tstate, F *frame, PyObject *iterator, uint64_t unused)
{
    const uint64_t quiet = CLINKER_STOP_ITERATION;
    if (!PyIter_Check(iterator)) {
        PyErr_Format(PyExc_TypeError, "'%.200s' object is not an iterator",
                     Py_TYPE(iterator)->tp_name);
        return RAISED;
    }
    PyObject *item = Py_TYPE(iterator)->tp_iternext(iterator);
    if (item == NULL && !_PyErr_Occurred(tstate)) {
        if (is_quiet(frame, quiet)) {
            return NULL;
        }
        PyErr_SetNone(PyExc_StopIteration);
        return RAISED;
    }
    return unless_quiet(frame, item, quiet);
}

const struct clinker_entry clinker_quiet_helpers[] = {
    ENTRY(find_item_dict),
    ENTRY(find_item),
    ENTRY(find_attr),
    ENTRY(find_next),
    {NULL, NULL},
};
