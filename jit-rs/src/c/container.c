/* Building, unpacking, formatting and matching. */

#include "runtime.h"

PyObject *
clinker_build_slice(T *tstate, F *frame, PyObject *start, PyObject *stop,
                    PyObject *step, uint64_t unused)
{
    return PySlice_New(start, stop, step);
}

/* A new tuple, which is empty still, or NULL without an exception. */
PyObject *
clinker_new_tuple(T *tstate, F *frame, uint64_t count)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);
    if (tuple == NULL) {
        _PyErr_Clear(tstate);
    }
    return tuple;
}

PyObject *
clinker_build_list(T *tstate, F *frame, PyObject **stack, uint64_t count)
{
    return _PyList_FromArraySteal(stack, (Py_ssize_t)count);
}

static void
release(PyObject **stack, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        Py_DECREF(stack[i]);
    }
}

PyObject *
clinker_build_set(T *tstate, F *frame, PyObject **stack, uint64_t count)
{
    PyObject *set = PySet_New(NULL);
    int status = set == NULL ? -1 : 0;
    for (uint64_t i = 0; i < count; i++) {
        if (status == 0) {
            status = PySet_Add(set, stack[i]);
        }
        Py_DECREF(stack[i]);
    }
    if (status != 0) {
        Py_CLEAR(set);
    }
    return set;
}

PyObject *
clinker_build_map(T *tstate, F *frame, PyObject **stack, uint64_t count)
{
    PyObject *map = _PyDict_FromItems(stack, 2, stack + 1, 2,
                                      (Py_ssize_t)count);
    release(stack, 2 * count);
    return map;
}

/* The values, then the tuple of keys. */
PyObject *
clinker_build_const_key_map(T *tstate, F *frame, PyObject **stack,
                            uint64_t count)
{
    PyObject *keys = stack[count];
    PyObject *map = NULL;
    if (!PyTuple_CheckExact(keys)
        || PyTuple_GET_SIZE(keys) != (Py_ssize_t)count)
    {
        _PyErr_SetString(tstate, PyExc_SystemError,
                         "bad BUILD_CONST_KEY_MAP keys argument");
    }
    else {
        map = _PyDict_FromItems(&PyTuple_GET_ITEM(keys, 0), 1, stack, 1,
                                (Py_ssize_t)count);
    }
    release(stack, count + 1);
    return map;
}

PyObject *
clinker_build_string(T *tstate, F *frame, PyObject **stack, uint64_t count)
{
    PyObject *string = _PyUnicode_JoinArray(&_Py_STR(empty), stack,
                                            (Py_ssize_t)count);
    release(stack, count);
    return string;
}

/* Steals the item. */
int
clinker_list_append(T *tstate, F *frame, PyObject *item, PyObject *list,
                    uint64_t unused)
{
    return _PyList_AppendTakeRef((PyListObject *)list, item);
}

int
clinker_list_extend(T *tstate, F *frame, PyObject *list, PyObject *iterable,
                    uint64_t unused)
{
    PyObject *none = _PyList_Extend((PyListObject *)list, iterable);
    if (none == NULL) {
        if (_PyErr_ExceptionMatches(tstate, PyExc_TypeError)
            && Py_TYPE(iterable)->tp_iter == NULL
            && !PySequence_Check(iterable))
        {
            _PyErr_Clear(tstate);
            _PyErr_Format(tstate, PyExc_TypeError,
                          "Value after * must be an iterable, not %.200s",
                          Py_TYPE(iterable)->tp_name);
        }
        return -1;
    }
    return 0;
}

int
clinker_set_add(T *tstate, F *frame, PyObject *set, PyObject *item,
                uint64_t unused)
{
    return PySet_Add(set, item);
}

int
clinker_set_update(T *tstate, F *frame, PyObject *set, PyObject *iterable,
                   uint64_t unused)
{
    return _PySet_Update(set, iterable);
}

int
clinker_map_add(T *tstate, F *frame, PyObject *map, PyObject *key,
                PyObject *value, uint64_t unused)
{
    return _PyDict_SetItem_Take2((PyDictObject *)map, Py_NewRef(key),
                                 Py_NewRef(value));
}

int
clinker_dict_update(T *tstate, F *frame, PyObject *dict, PyObject *update,
                    uint64_t unused)
{
    if (PyDict_Update(dict, update) < 0) {
        if (_PyErr_ExceptionMatches(tstate, PyExc_AttributeError)) {
            _PyErr_Format(tstate, PyExc_TypeError,
                          "'%.200s' object is not a mapping",
                          Py_TYPE(update)->tp_name);
        }
        return -1;
    }
    return 0;
}

/* The function is what an error names. */
int
clinker_dict_merge(T *tstate, F *frame, PyObject *function, PyObject *dict,
                   PyObject *update, uint64_t unused)
{
    if (_PyDict_MergeEx(dict, update, 2) < 0) {
        _PyEval_FormatKwargsError(tstate, function, update);
        return -1;
    }
    return 0;
}

/* The number is that of the items. */
int
clinker_unpack_sequence(T *tstate, F *frame, PyObject **stack,
                        uint64_t count)
{
    PyObject *sequence = stack[0];
    PyObject **items = NULL;
    if (PyTuple_CheckExact(sequence)
        && PyTuple_GET_SIZE(sequence) == (Py_ssize_t)count)
    {
        items = _PyTuple_ITEMS(sequence);
    }
    else if (PyList_CheckExact(sequence)
             && PyList_GET_SIZE(sequence) == (Py_ssize_t)count)
    {
        items = _PyList_ITEMS(sequence);
    }
    int status = 0;
    if (items != NULL) {
        for (uint64_t i = 0; i < count; i++) {
            stack[count - 1 - i] = Py_NewRef(items[i]);
        }
    }
    else if (!_PyEval_UnpackIterable(tstate, sequence, (int)count, -1,
                                     stack + count))
    {
        status = -1;
    }
    Py_DECREF(sequence);
    return status;
}

/* The number is the oparg of UNPACK_EX. */
int
clinker_unpack_ex(T *tstate, F *frame, PyObject **stack, uint64_t oparg)
{
    PyObject *sequence = stack[0];
    int before = (int)(oparg & 0xFF);
    int after = (int)(oparg >> 8);
    int unpacked = _PyEval_UnpackIterable(tstate, sequence, before, after,
                                          stack + 1 + before + after);
    Py_DECREF(sequence);
    return unpacked ? 0 : -1;
}

/* Formatting and others */

PyObject *
clinker_convert_value(T *tstate, F *frame, PyObject *value, uint64_t which)
{
    return _PyEval_ConversionFuncs[which](value);
}

PyObject *
clinker_format_simple(T *tstate, F *frame, PyObject *value, uint64_t unused)
{
    if (PyUnicode_CheckExact(value)) {
        return Py_NewRef(value);
    }
    return PyObject_Format(value, NULL);
}

PyObject *
clinker_format_with_spec(T *tstate, F *frame, PyObject *value,
                         PyObject *spec, uint64_t unused)
{
    return PyObject_Format(value, spec);
}

PyObject *
clinker_intrinsic_1(T *tstate, F *frame, PyObject *value, uint64_t which)
{
    return _PyIntrinsics_UnaryFunctions[which].func(tstate, value);
}

PyObject *
clinker_intrinsic_2(T *tstate, F *frame, PyObject *value2, PyObject *value1,
                    uint64_t which)
{
    return _PyIntrinsics_BinaryFunctions[which].func(tstate, value2, value1);
}

/* From the context manager to one method and what the other, which is called,
 * returns.  A message names the kind of manager. */
int
clinker_enter_manager(T *tstate, F *frame, PyObject **stack,
                      PyObject *enter_name, PyObject *exit_name,
                      const char *kind)
{
    PyObject *manager = stack[0];
    PyObject *exit = NULL;
    PyObject *enter = _PyObject_LookupSpecial(manager, enter_name);
    if (enter != NULL) {
        exit = _PyObject_LookupSpecial(manager, exit_name);
    }
    if (exit == NULL) {
        if (!_PyErr_Occurred(tstate)) {
            const char *format =
                enter == NULL
                ? "'%.200s' object does not support the "
                  "%scontext manager protocol"
                : "'%.200s' object does not support the "
                  "%scontext manager protocol (missed %U method)";
            _PyErr_Format(tstate, PyExc_TypeError, format,
                          Py_TYPE(manager)->tp_name, kind, exit_name);
        }
        Py_XDECREF(enter);
        Py_DECREF(manager);
        return -1;
    }
    Py_DECREF(manager);
    stack[0] = enter;
    stack[1] = NULL;
    PyObject *result = clinker_call(tstate, frame, stack, 0);
    if (result == NULL) {
        Py_DECREF(exit);
        return -1;
    }
    stack[0] = exit;
    stack[1] = result;
    return 0;
}

int
clinker_before_with(T *tstate, F *frame, PyObject **stack, uint64_t unused)
{
    return clinker_enter_manager(tstate, frame, stack, &_Py_ID(__enter__),
                                 &_Py_ID(__exit__), "");
}

PyObject *
clinker_get_length(T *tstate, F *frame, PyObject *object, uint64_t unused)
{
    Py_ssize_t length = PyObject_Length(object);
    return length < 0 ? NULL : PyLong_FromSsize_t(length);
}

int
clinker_is_instance(T *tstate, F *frame, PyObject *object, PyObject *class,
                    uint64_t unused)
{
    return PyObject_IsInstance(object, class);
}

/* The attributes, or None if it does not match. */
PyObject *
clinker_match_class(T *tstate, F *frame, PyObject *subject, PyObject *type,
                    PyObject *names, uint64_t count)
{
    PyObject *attrs = _PyEval_MatchClass(tstate, subject, type,
                                         (Py_ssize_t)count, names);
    if (attrs == NULL && !_PyErr_Occurred(tstate)) {
        return Py_None;
    }
    return attrs;
}

PyObject *
clinker_match_keys(T *tstate, F *frame, PyObject *subject, PyObject *keys,
                   uint64_t unused)
{
    return _PyEval_MatchKeys(tstate, subject, keys);
}

int
clinker_match_mapping(T *tstate, F *frame, PyObject *subject,
                      uint64_t unused)
{
    return (Py_TYPE(subject)->tp_flags & Py_TPFLAGS_MAPPING) != 0;
}

int
clinker_match_sequence(T *tstate, F *frame, PyObject *subject,
                       uint64_t unused)
{
    return (Py_TYPE(subject)->tp_flags & Py_TPFLAGS_SEQUENCE) != 0;
}

const struct clinker_entry clinker_container_helpers[] = {
    ENTRY(build_slice),
    ENTRY(new_tuple),
    ENTRY(build_list),
    ENTRY(build_set),
    ENTRY(build_map),
    ENTRY(build_const_key_map),
    ENTRY(build_string),
    ENTRY(list_append),
    ENTRY(list_extend),
    ENTRY(set_add),
    ENTRY(set_update),
    ENTRY(map_add),
    ENTRY(dict_update),
    ENTRY(dict_merge),
    ENTRY(unpack_sequence),
    ENTRY(unpack_ex),
    ENTRY(convert_value),
    ENTRY(format_simple),
    ENTRY(format_with_spec),
    ENTRY(intrinsic_1),
    ENTRY(intrinsic_2),
    ENTRY(before_with),
    ENTRY(get_length),
    ENTRY(is_instance),
    ENTRY(match_class),
    ENTRY(match_keys),
    ENTRY(match_mapping),
    ENTRY(match_sequence),
    {NULL, NULL},
};
