/* Operators, subscripts and iteration. */

#include "runtime.h"

/* These are called where a guess by the inline cache was wrong, or there is none:
 * the types that most such instructions see come first. */

/* The value of a float, or of an int that is one exactly. */
static inline int
float_value(PyObject *object, double *value)
{
    int64_t integer;
    if (PyFloat_CheckExact(object)) {
        *value = PyFloat_AS_DOUBLE(object);
        return 1;
    }
    if (small_value(object, &integer)) {
        *value = (double)integer;
        return 1;
    }
    return 0;
}

/* Operators */

/* The result for floats and ints of one digit; NULL without an exception for what
 * is left to others. */
static inline PyObject *
operate_on_numbers(PyObject *left, PyObject *right, uint64_t operator)
{
    double x, y;
    int64_t i, j;
    if (small_value(left, &i) && small_value(right, &j)) {
        switch (operator) {
            case NB_ADD:
                return clinker_box_int(i + j);
            case NB_SUBTRACT:
                return clinker_box_int(i - j);
            case NB_MULTIPLY:
                return clinker_box_int(i * j);
            case NB_AND:
                return clinker_box_int(i & j);
        }
    }
    else if (float_value(left, &x) && float_value(right, &y)) {
        switch (operator) {
            case NB_ADD:
                return clinker_box_float(x + y);
            case NB_SUBTRACT:
                return clinker_box_float(x - y);
            case NB_MULTIPLY:
                return clinker_box_float(x * y);
            case NB_TRUE_DIVIDE:
                if (y != 0.0) {
                    return clinker_box_float(x / y);
                }
        }
    }
    return NULL;
}

static inline int
is_number(PyObject *object)
{
    return PyLong_CheckExact(object) || PyFloat_CheckExact(object);
}

/* The sum, difference or product of floats and ints; NULL without an exception if
 * that raises or one of them is something else. */
PyObject *
clinker_number_binary(PyObject *left, PyObject *right, uint64_t operator)
{
    PyObject *result = operate_on_numbers(left, right, operator);
    if (result != NULL || !is_number(left) || !is_number(right)) {
        return result;
    }
    switch (operator) {
        case NB_ADD:
            result = PyNumber_Add(left, right);
            break;
        case NB_SUBTRACT:
            result = PyNumber_Subtract(left, right);
            break;
        default:
            assert(operator == NB_MULTIPLY);
            result = PyNumber_Multiply(left, right);
    }
    if (result == NULL) {
        // The interpreter raises it again.
        PyErr_Clear();
    }
    return result;
}

PyObject *
clinker_binary_op(T *tstate, F *frame, PyObject *left, PyObject *right,
                  uint64_t oparg)
{
    PyObject *result = operate_on_numbers(left, right, oparg % CLINKER_IN_PLACE);
    return result != NULL ? result
                          : clinker_operate(tstate, frame, left, right, oparg);
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

/* How two numbers compare: below zero if the left one is less, above if it is
 * greater.  Returns 0 if that cannot be told here. */
static inline int
compare_numbers(PyObject *left, PyObject *right, int *order)
{
    double x, y;
    int64_t i, j;
    if (small_value(left, &i) && small_value(right, &j)) {
        *order = (i > j) - (i < j);
        return 1;
    }
    if (float_value(left, &x) && float_value(right, &y)
        && !isnan(x) && !isnan(y))
    {
        *order = (x > y) - (x < y);
        return 1;
    }
    return 0;
}

static inline int
holds(int order, int op)
{
    switch (op) {
        case Py_LT: return order < 0;
        case Py_LE: return order <= 0;
        case Py_EQ: return order == 0;
        case Py_NE: return order != 0;
        case Py_GT: return order > 0;
        default: return order >= 0;
    }
}

PyObject *
clinker_rich_compare(T *tstate, F *frame, PyObject *left, PyObject *right,
                     uint64_t op)
{
    int order;
    if (compare_numbers(left, right, &order)) {
        return bool_object(holds(order, (int)op));
    }
    return clinker_operate(tstate, frame, left, right,
                           CLINKER_COMPARISON + 2 * op);
}

/* A comparison whose result is tested. */
int
clinker_compare_bool(T *tstate, F *frame, PyObject *left, PyObject *right,
                     uint64_t op)
{
    int order;
    if (compare_numbers(left, right, &order)) {
        return holds(order, (int)op);
    }
    if ((op == Py_EQ || op == Py_NE) && PyUnicode_CheckExact(left)
        && PyUnicode_CheckExact(right))
    {
        return _PyUnicode_Equal(left, right) == (op == Py_EQ);
    }
    // Not PyObject_RichCompareBool(), which takes identity for equality.
    PyObject *result = clinker_operate(tstate, frame, left, right,
                                       CLINKER_COMPARISON + 2 * op);
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

/* Whether a small int is among the first items of a list or tuple, which are small
 * ints; -1 if there are others before it is found. */
static int
contains_small(PyObject *container, int64_t value)
{
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(container); i++) {
        int64_t other;
        if (!small_value(PySequence_Fast_GET_ITEM(container, i), &other)) {
            return -1;
        }
        if (other == value) {
            return 1;
        }
    }
    return 0;
}

int
clinker_contains(T *tstate, F *frame, PyObject *item, PyObject *container,
                 uint64_t unused)
{
    int64_t value;
    if (PyDict_CheckExact(container)) {
        return PyDict_Contains(container, item);
    }
    if ((PyList_CheckExact(container) || PyTuple_CheckExact(container))
        && small_value(item, &value))
    {
        int found = contains_small(container, value);
        if (found >= 0) {
            return found;
        }
    }
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

/* The place of an item of a sequence.  Returns 0 if it is not that easy. */
static inline int
place_of(PyObject *key, Py_ssize_t size, int64_t *index)
{
    if (!small_value(key, index)) {
        return 0;
    }
    if (*index < 0) {
        *index += size;
    }
    return *index >= 0 && *index < size;
}

PyObject *
clinker_get_item_dict(T *tstate, F *frame, PyObject *dict, PyObject *key,
                      uint64_t unused)
{
    PyObject *value = clinker_peek(dict, key);
    if (value == NULL && PyDict_GetItemRef(dict, key, &value) == 0) {
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

/* The function that an object's class has as its __getitem__, as
 * BINARY_SUBSCR_GETITEM finds it, or NULL. */
static PyObject *
find_getitem(T *tstate, PyObject *container)
{
    PyTypeObject *type = Py_TYPE(container);
    if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) {
        return NULL;
    }
    const struct _specialization_cache *cache =
        &((PyHeapTypeObject *)type)->_spec_cache;
    PyObject *getitem = cache->getitem;
    return getitem != NULL
           && ((PyFunctionObject *)getitem)->func_version
              == cache->getitem_version
           && clinker_is_function(tstate, getitem) ? getitem : NULL;
}

PyObject *
clinker_get_item(T *tstate, F *frame, PyObject *container, PyObject *key,
                 uint64_t unused)
{
    int64_t index;
    if (PyList_CheckExact(container)) {
        if (place_of(key, PyList_GET_SIZE(container), &index)) {
            return Py_NewRef(PyList_GET_ITEM(container, index));
        }
    }
    else if (PyTuple_CheckExact(container)) {
        if (place_of(key, PyTuple_GET_SIZE(container), &index)) {
            return Py_NewRef(PyTuple_GET_ITEM(container, index));
        }
    }
    else if (PyDict_CheckExact(container)) {
        return clinker_get_item_dict(tstate, frame, container, key, unused);
    }
    PyObject *getitem = find_getitem(tstate, container);
    if (getitem != NULL) {
        PyObject *args[] = {container, key};
        return clinker_call_function(tstate, frame, getitem, args, 2);
    }
    return PyObject_GetItem(container, key);
}

int
clinker_set_item(T *tstate, F *frame, PyObject *value, PyObject *container,
                 PyObject *key, uint64_t unused)
{
    if (PyDict_CheckExact(container)) {
        return PyDict_SetItem(container, key, value);
    }
    PyObject *method = clinker_set_item_method(container);
    if (method == NULL || !clinker_is_function(tstate, method)) {
        return PyObject_SetItem(container, key, value);
    }
    PyObject *args[] = {container, key, value};
    PyObject *result = clinker_call_function(tstate, frame, method, args, 3);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

int
clinker_set_item_dict(T *tstate, F *frame, PyObject *value, PyObject *dict,
                      PyObject *key, uint64_t unused)
{
    return PyDict_SetItem(dict, key, value);
}

int
clinker_delete_item(T *tstate, F *frame, PyObject *container, PyObject *key,
                    uint64_t unused)
{
    return PyObject_DelItem(container, key);
}

const struct clinker_entry clinker_operator_helpers[] = {
    ENTRY(number_binary),
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
    ENTRY(set_item),
    ENTRY(set_item_dict),
    ENTRY(delete_item),
    {NULL, NULL},
};
