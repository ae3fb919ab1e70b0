/* Operators, subscripts and iteration. */

#include "runtime.h"


PyObject *
clinker_binary_op(T *tstate, F *frame, PyObject *left, PyObject *right,
                  uint64_t oparg)
{
    return _PyEval_BinaryOps[oparg](left, right);
}

PyObject *
clinker_negative(T *tstate, F *frame, PyObject *value, uint64_t unused)
{
    return PyNumber_Negative(value);
}

PyObject *
clinker_invert(T *tstate, F *frame, PyObject *value, uint64_t unused)
{
    return PyNumber_Invert(value);
}

int
clinker_is_true(T *tstate, F *frame, PyObject *value, uint64_t unused)
{
    return PyObject_IsTrue(value);
}

PyObject *
clinker_rich_compare(T *tstate, F *frame, PyObject *left, PyObject *right,
                     uint64_t op)
{
    return PyObject_RichCompare(left, right, (int)op);
}

/* A comparison whose result is tested. */
int
clinker_compare_bool(T *tstate, F *frame, PyObject *left, PyObject *right,
                     uint64_t op)
{
    // Not PyObject_RichCompareBool(), which takes identity for equality.
    PyObject *result = PyObject_RichCompare(left, right, (int)op);
    if (result == NULL) {
        return -1;
    }
    int truth = PyObject_IsTrue(result);
    Py_DECREF(result);
    return truth;
}

/* left == right of exact strings. */
int
clinker_equal_str(T *tstate, F *frame, PyObject *left, PyObject *right,
                  uint64_t unused)
{
    return _PyUnicode_Equal(left, right);
}

int
clinker_contains(T *tstate, F *frame, PyObject *item, PyObject *container,
                 uint64_t unused)
{
    return PySequence_Contains(container, item);
}

PyObject *
clinker_concat_str(T *tstate, F *frame, PyObject *left, PyObject *right,
                   uint64_t unused)
{
    return PyUnicode_Concat(left, right);
}

/* variable += right, for a local variable that holds an exact string. */
int
clinker_append_str(T *tstate, F *frame, PyObject *right, uint64_t slot)
{
    PyUnicode_Append(&frame->localsplus[slot], right);
    return frame->localsplus[slot] == NULL ? -1 : 0;
}

/* Subscripts */

PyObject *
clinker_get_item(T *tstate, F *frame, PyObject *container, PyObject *key,
                 uint64_t unused)
{
    return PyObject_GetItem(container, key);
}

PyObject *
clinker_get_item_dict(T *tstate, F *frame, PyObject *dict, PyObject *key,
                      uint64_t unused)
{
    PyObject *value;
    if (PyDict_GetItemRef(dict, key, &value) == 0) {
        _PyErr_SetKeyError(key);
    }
    return value;
}

/* An exact string and an exact int. */
PyObject *
clinker_get_item_str(T *tstate, F *frame, PyObject *string, PyObject *key,
                     uint64_t unused)
{
    if (_PyLong_IsNonNegativeCompact((PyLongObject *)key)) {
        Py_ssize_t index = _PyLong_CompactValue((PyLongObject *)key);
        if (index < PyUnicode_GET_LENGTH(string)) {
            Py_UCS4 c = PyUnicode_READ_CHAR(string, index);
            if (c < 128) {
                return (PyObject *)&_Py_SINGLETON(strings).ascii[c];
            }
        }
    }
    return PyObject_GetItem(string, key);
}

PyObject *
clinker_get_slice(T *tstate, F *frame, PyObject *container, PyObject *start,
                  PyObject *stop, uint64_t unused)
{
    PyObject *slice = _PyBuildSlice_ConsumeRefs(Py_NewRef(start),
                                                Py_NewRef(stop));
    if (slice == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_GetItem(container, slice);
    Py_DECREF(slice);
    return result;
}

int
clinker_set_item(T *tstate, F *frame, PyObject *value, PyObject *container,
                 PyObject *key, uint64_t unused)
{
    return PyObject_SetItem(container, key, value);
}

int
clinker_set_item_dict(T *tstate, F *frame, PyObject *value, PyObject *dict,
                      PyObject *key, uint64_t unused)
{
    return PyDict_SetItem(dict, key, value);
}

int
clinker_set_slice(T *tstate, F *frame, PyObject *value, PyObject *container,
                  PyObject *start, PyObject *stop, uint64_t unused)
{
    PyObject *slice = _PyBuildSlice_ConsumeRefs(Py_NewRef(start),
                                                Py_NewRef(stop));
    if (slice == NULL) {
        return -1;
    }
    int status = PyObject_SetItem(container, slice, value);
    Py_DECREF(slice);
    return status;
}

int
clinker_delete_item(T *tstate, F *frame, PyObject *container, PyObject *key,
                    uint64_t unused)
{
    return PyObject_DelItem(container, key);
}

/* Iteration */

PyObject *
clinker_get_iter(T *tstate, F *frame, PyObject *iterable, uint64_t unused)
{
    return PyObject_GetIter(iterable);
}

void
clinker_list_end(T *tstate, F *frame, PyObject *iterator, uint64_t unused)
{
    _PyListIterObject *it = (_PyListIterObject *)iterator;
    it->it_index = -1;
    Py_CLEAR(it->it_seq);
}

void
clinker_tuple_end(T *tstate, F *frame, PyObject *iterator, uint64_t unused)
{
    _PyTupleIterObject *it = (_PyTupleIterObject *)iterator;
    Py_CLEAR(it->it_seq);
}

const struct clinker_entry clinker_operator_helpers[] = {
    ENTRY(binary_op),
    ENTRY(negative),
    ENTRY(invert),
    ENTRY(is_true),
    ENTRY(rich_compare),
    ENTRY(compare_bool),
    ENTRY(equal_str),
    ENTRY(contains),
    ENTRY(concat_str),
    ENTRY(append_str),
    ENTRY(get_item),
    ENTRY(get_item_dict),
    ENTRY(get_item_str),
    ENTRY(get_slice),
    ENTRY(set_item),
    ENTRY(set_item_dict),
    ENTRY(set_slice),
    ENTRY(delete_item),
    ENTRY(get_iter),
    ENTRY(list_end),
    ENTRY(tuple_end),
    {NULL, NULL},
};
