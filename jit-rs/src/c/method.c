/* Operators that classes define by methods in Python. */

#include "runtime.h"

/* Binary operators: where types have them, their methods, and their signs. */
#define OPERATOR(NUMBER, FIELD, METHOD, SIGN)                               \
    [NUMBER] = {                                                            \
        offsetof(PyNumberMethods, nb_##FIELD),                              \
        offsetof(PyNumberMethods, nb_inplace_##FIELD),                      \
        &_Py_ID(__##METHOD##__), &_Py_ID(__r##METHOD##__), SIGN,            \
    }

static const struct {
    size_t slot;
    size_t slot_in_place;
    PyObject *name;
    PyObject *reflected;
    const char *sign;
} operators[CLINKER_IN_PLACE] = {
    OPERATOR(NB_ADD, add, add, "+"),
    OPERATOR(NB_AND, and, and, "&"),
    OPERATOR(NB_FLOOR_DIVIDE, floor_divide, floordiv, "//"),
    OPERATOR(NB_LSHIFT, lshift, lshift, "<<"),
    OPERATOR(NB_MATRIX_MULTIPLY, matrix_multiply, matmul, "@"),
    OPERATOR(NB_MULTIPLY, multiply, mul, "*"),
    OPERATOR(NB_REMAINDER, remainder, mod, "%"),
    OPERATOR(NB_OR, or, or, "|"),
    // Powers have a third operand.
    OPERATOR(NB_RSHIFT, rshift, rshift, ">>"),
    OPERATOR(NB_SUBTRACT, subtract, sub, "-"),
    OPERATOR(NB_TRUE_DIVIDE, true_divide, truediv, "/"),
    OPERATOR(NB_XOR, xor, xor, "^"),
};

static PyObject *const comparisons[] = {
    [Py_LT] = &_Py_ID(__lt__), [Py_LE] = &_Py_ID(__le__),
    [Py_EQ] = &_Py_ID(__eq__), [Py_NE] = &_Py_ID(__ne__),
    [Py_GT] = &_Py_ID(__gt__), [Py_GE] = &_Py_ID(__ge__),
};

static const char *const comparison_signs[] = {
    [Py_LT] = "<", [Py_LE] = "<=", [Py_EQ] = "==",
    [Py_NE] = "!=", [Py_GT] = ">", [Py_GE] = ">=",
};

static_assert(NB_INPLACE_ADD - NB_ADD == CLINKER_IN_PLACE
              && NB_INPLACE_XOR + 1 == CLINKER_COMPARISON, "see clinker.h");

static inline binaryfunc
slot_of(PyTypeObject *type, size_t offset)
{
    PyNumberMethods *methods = type->tp_as_number;
    return methods == NULL ? NULL : *(binaryfunc *)((char *)methods + offset);
}

/* Whether objects of a type can be concatenated or repeated, which is tried when
 * the methods of operators have not done it. */
static inline int
is_sequence(PyTypeObject *type)
{
    PySequenceMethods *methods = type->tp_as_sequence;
    return methods != NULL
           && (methods->sq_concat != NULL || methods->sq_repeat != NULL);
}

/* The function that a class has by a name, or NULL. */
static PyObject *
function_of(PyTypeObject *type, PyObject *name)
{
    PyObject *method = _PyType_Lookup(type, name);
    return method != NULL && PyFunction_Check(method) ? method : NULL;
}

/* The function in the class of the left operand by which an operator or comparison
 * begins: always, while the classes of both are as they are now.  NULL without an
 * exception if that is something else. */
PyObject *
clinker_operator_method(PyObject *left, PyObject *right, uint64_t number)
{
    PyTypeObject *type = Py_TYPE(left);
    PyTypeObject *other = Py_TYPE(right);
    if (!clinker_may_have_methods(type)
        // A subclass comes first.
        || (other != type && PyType_IsSubtype(other, type)))
    {
        return NULL;
    }
    PyObject *name;
    if (number >= CLINKER_COMPARISON) {
        if (type->tp_richcompare == PyBaseObject_Type.tp_richcompare) {
            return NULL;
        }
        name = comparisons[(number - CLINKER_COMPARISON) >> 1];
    }
    else {
        uint64_t operator = number % CLINKER_IN_PLACE;
        name = operators[operator].name;
        if (name == NULL
            || (number >= CLINKER_IN_PLACE
                && slot_of(type, operators[operator].slot_in_place) != NULL)
            || is_sequence(type) || is_sequence(other))
        {
            return NULL;
        }
    }
    return function_of(type, name);
}

/* The function in the class of an object by which an item of it is assigned to: always,
 * while the class is as it is now.  NULL without an exception if that is something
 * else. */
PyObject *
clinker_set_item_method(PyObject *container)
{
    PyTypeObject *type = Py_TYPE(container);
    PyMappingMethods *methods = type->tp_as_mapping;
    if (methods == NULL || methods->mp_ass_subscript == NULL
        || !clinker_may_have_methods(type))
    {
        return NULL;
    }
    return function_of(type, &_Py_ID(__setitem__));
}

/* The rest of a comparison, as do_richcompare() in Objects/object.c. */
static PyObject *
compare_reflected(T *tstate, PyObject *left, PyObject *right, int op)
{
    richcmpfunc compare = Py_TYPE(right)->tp_richcompare;
    if (compare != NULL) {
        PyObject *result = compare(right, left, _Py_SwappedOp[op]);
        if (result != Py_NotImplemented) {
            return result;
        }
    }
    if (op == Py_EQ || op == Py_NE) {
        return bool_object((left == right) == (op == Py_EQ));
    }
    _PyErr_Format(tstate, PyExc_TypeError,
                  "'%s' not supported between instances of '%.100s' and "
                  "'%.100s'",
                  comparison_signs[op], Py_TYPE(left)->tp_name,
                  Py_TYPE(right)->tp_name);
    return NULL;
}

/* The rest of a binary operator, as binary_op1() in Objects/abstract.c and the
 * functions that SLOT1BINFULL() of Objects/typeobject.c makes. */
static PyObject *
operate_reflected(T *tstate, PyObject *left, PyObject *right, uint64_t number)
{
    uint64_t operator = number % CLINKER_IN_PLACE;
    PyTypeObject *type = Py_TYPE(left);
    PyTypeObject *other = Py_TYPE(right);
    if (type != other) {
        binaryfunc slot = slot_of(other, operators[operator].slot);
        PyObject *result = Py_NotImplemented;
        if (slot != slot_of(type, operators[operator].slot)) {
            if (slot != NULL) {
                result = slot(left, right);
            }
        }
        else {
            PyObject *method = _PyObject_LookupSpecial(
                right, operators[operator].reflected);
            if (method != NULL) {
                result = PyObject_CallOneArg(method, left);
                Py_DECREF(method);
            }
            else if (_PyErr_Occurred(tstate)) {
                return NULL;
            }
        }
        if (result != Py_NotImplemented) {
            return result;
        }
    }
    _PyErr_Format(tstate, PyExc_TypeError,
                  "unsupported operand type(s) for %.100s%s: '%.100s' and "
                  "'%.100s'",
                  operators[operator].sign,
                  number >= CLINKER_IN_PLACE ? "=" : "", type->tp_name,
                  other->tp_name);
    return NULL;
}

/* What an operator or comparison gives whose clinker_operator_method() has returned
 * something.  Steals that. */
PyObject *
clinker_operator_result(T *tstate, F *frame, PyObject *result, PyObject *left,
                        PyObject *right, uint64_t number)
{
    if (number < CLINKER_COMPARISON) {
        return result != Py_NotImplemented
               ? result : operate_reflected(tstate, left, right, number);
    }
    number -= CLINKER_COMPARISON;
    if (result == Py_NotImplemented) {
        result = compare_reflected(tstate, left, right, (int)(number >> 1));
    }
    if (number & 1 && result != NULL && !PyBool_Check(result)) {
        int truth = PyObject_IsTrue(result);
        Py_SETREF(result, truth < 0 ? NULL : bool_object(truth));
    }
    return result;
}

/* An operator or comparison of an object whose class may have a method for it, which
 * native code calls. */
PyObject *
clinker_call_method(T *tstate, F *frame, PyObject *left, PyObject *right,
                    uint64_t number)
{
    PyObject *method = clinker_operator_method(left, right, number);
    if (method == NULL || !clinker_is_function(tstate, method)) {
        return clinker_operate_by_slot(left, right, number);
    }
    PyObject *args[2] = {left, right};
    PyObject *result = clinker_call_function(tstate, frame, method, args, 2);
    return result == NULL ? NULL
           : clinker_operator_result(tstate, frame, result, left, right, number);
}

const struct clinker_entry clinker_method_helpers[] = {
    ENTRY(operator_result),
    {NULL, NULL},
};
