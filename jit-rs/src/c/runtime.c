/* What native code calls: the helpers that jit-rs/src/hir/op.rs lists.
 *
 * A helper does what the instruction it is named after does in
 * Python/bytecodes.c of CPython.  It takes the thread state and the frame, then
 * its operands in the order they were pushed, and last a number: the oparg, a
 * name as an address, or the slot of a variable.  Operands are borrowed unless
 * it says "steals".  Helpers that find their operands on the value stack get the
 * address of the first, and own all of them, also if they fail. */

#include "Python.h"
#include "opcode_ids.h"
#include "pycore_abstract.h"      // _PyIndex_Check()
#include "pycore_call.h"          // _PyObject_CallNoArgsTstate()
#include "pycore_cell.h"          // PyCell_GetRef()
#include "pycore_ceval.h"         // _PyEval_BinaryOps
#include "pycore_code.h"          // _PyCode_CODE()
#include "pycore_dict.h"          // _PyDict_LoadGlobal()
#include "pycore_evalhooks.h"     // _PyEvalHooks_ResumeFrames()
#include "pycore_frame.h"         // _PyInterpreterFrame
#include "pycore_function.h"      // _PyFunction_SetVersion()
#include "pycore_genobject.h"     // _Py_MakeCoro()
#include "pycore_intrinsics.h"    // _PyIntrinsics_UnaryFunctions
#include "pycore_list.h"          // _PyList_AppendTakeRef()
#include "pycore_long.h"          // _PyLong_IsCompact()
#include "pycore_object.h"        // _PyObject_LookupSpecial()
#include "pycore_opcode_metadata.h" // _PyOpcode_Deopt
#include "pycore_opcode_utils.h"  // MAKE_FUNCTION_DEFAULTS
#include "pycore_optimizer.h"     // _PyExecutorObject
#include "pycore_pyerrors.h"      // _PyErr_Occurred()
#include "pycore_pystate.h"       // _PyThreadState_GET()
#include "pycore_range.h"         // _PyRangeIterObject
#include "pycore_setobject.h"     // _PySet_Update()
#include "pycore_sliceobject.h"   // _PyBuildSlice_ConsumeRefs()
#include "pycore_tuple.h"         // _PyTuple_FromArraySteal()
#include "pycore_typeobject.h"    // _PySuper_Lookup()
#include "pycore_unicodeobject.h" // _PyUnicode_JoinArray()

#include "clinker.h"

typedef PyThreadState T;
typedef _PyInterpreterFrame F;

// The helpers that return PyObject * or NULL, or 1 if they raised.
#define RAISED ((PyObject *)1)

#define NAME_ERROR "name '%.200s' is not defined"

#define NAME(number) ((PyObject *)(uintptr_t)(number))

static inline PyObject *
bool_object(int value)
{
    return value ? Py_True : Py_False;
}

/* Operators */

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

/* Attributes */

PyObject *
clinker_load_attr(T *tstate, F *frame, PyObject *owner, uint64_t name)
{
    return PyObject_GetAttr(owner, NAME(name));
}

/* An attribute that is expected at a place in the dictionary of the object, as
 * by LOAD_ATTR_WITH_HINT, which has checked the version of the type: a new
 * reference, or NULL if it is not there. */
PyObject *
clinker_load_hint(T *tstate, F *frame, PyObject *owner, PyObject *name,
                  uint64_t hint)
{
    PyDictObject *dict = _PyObject_GetManagedDict(owner);
    if (dict == NULL || hint >= (uint64_t)dict->ma_keys->dk_nentries) {
        return NULL;
    }
    // Other kinds may hold deferred imports.
    if (dict->ma_keys->dk_kind == DICT_KEYS_UNICODE) {
        PyDictUnicodeEntry *entry = DK_UNICODE_ENTRIES(dict->ma_keys) + hint;
        return entry->me_key == name ? Py_XNewRef(entry->me_value) : NULL;
    }
    if (dict->ma_keys->dk_kind == DICT_KEYS_GENERAL) {
        PyDictKeyEntry *entry = DK_ENTRIES(dict->ma_keys) + hint;
        return entry->me_key == name ? Py_XNewRef(entry->me_value) : NULL;
    }
    return NULL;
}

/* An attribute of an exact module, as LOAD_ATTR_MODULE: the number holds the
 * version of the keys and, above it, the index.  NULL if they do not fit. */
PyObject *
clinker_load_module_attr(T *tstate, F *frame, PyObject *owner,
                         uint64_t place)
{
    PyDictObject *dict = (PyDictObject *)((PyModuleObject *)owner)->md_dict;
    if (dict->ma_keys->dk_version != (uint32_t)place) {
        return NULL;
    }
    return Py_XNewRef(DK_UNICODE_ENTRIES(dict->ma_keys)[place >> 32].me_value);
}

/* From the owner to the method and self, or the attribute and NULL. */
int
clinker_load_method(T *tstate, F *frame, PyObject **stack, uint64_t name)
{
    PyObject *owner = stack[0];
    PyObject *attr = NULL;
    if (_PyObject_GetMethod(owner, NAME(name), &attr)) {
        stack[0] = attr;
        stack[1] = owner;
        return 0;
    }
    Py_DECREF(owner);
    stack[0] = attr;
    stack[1] = NULL;
    return attr == NULL ? -1 : 0;
}

/* From super, the class and self to what LOAD_SUPER_ATTR pushes; the number is
 * its oparg. */
int
clinker_load_super(T *tstate, F *frame, PyObject **stack, uint64_t oparg)
{
    PyObject *super = stack[0];
    PyObject *class = stack[1];
    PyObject *self = stack[2];
    PyObject *name = PyTuple_GET_ITEM(_PyFrame_GetCode(frame)->co_names,
                                      oparg >> 2);
    PyObject *attr;
    PyObject *self_or_null = NULL;
    if (super == (PyObject *)&PySuper_Type && PyType_Check(class)) {
        int method = 0;
        // As LOAD_SUPER_ATTR_METHOD: a class that looks attributes up in its
        // own way, as classes themselves do, gets bound methods.
        int load_method = (oparg & 1) && Py_TYPE(self)->tp_getattro
                                         == PyObject_GenericGetAttr;
        attr = _PySuper_Lookup((PyTypeObject *)class, self, name,
                               load_method ? &method : NULL);
        if (attr != NULL && method) {
            self_or_null = Py_NewRef(self);
        }
    }
    else {
        PyObject *args[] = {class, self};
        PyObject *object = PyObject_Vectorcall(super, args, oparg & 2, NULL);
        attr = NULL;
        if (object != NULL) {
            attr = PyObject_GetAttr(object, name);
            Py_DECREF(object);
        }
    }
    Py_DECREF(super);
    Py_DECREF(class);
    Py_DECREF(self);
    if (attr == NULL) {
        return -1;
    }
    stack[0] = attr;
    if (oparg & 1) {
        stack[1] = self_or_null;
    }
    return 0;
}

int
clinker_store_attr(T *tstate, F *frame, PyObject *value, PyObject *owner,
                   uint64_t name)
{
    return PyObject_SetAttr(owner, NAME(name), value);
}

int
clinker_delete_attr(T *tstate, F *frame, PyObject *owner, uint64_t name)
{
    return PyObject_DelAttr(owner, NAME(name));
}

/* Put a value into an inline value that is not set yet, of an object that has
 * no dictionary.  Steals the value. */
void
clinker_add_inline_value(T *tstate, F *frame, PyObject *value,
                         PyObject *owner, uint64_t index)
{
    PyDictValues *values = _PyObject_InlineValues(owner);
    assert(values->values[index] == NULL);
    values->values[index] = value;
    _PyDictValues_AddToInsertionOrder(values, index);
}

/* Names */

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

/* Building */

PyObject *
clinker_build_slice(T *tstate, F *frame, PyObject *start, PyObject *stop,
                    PyObject *step, uint64_t unused)
{
    return PySlice_New(start, stop, step);
}

PyObject *
clinker_build_tuple(T *tstate, F *frame, PyObject **stack, uint64_t count)
{
    return _PyTuple_FromArraySteal(stack, (Py_ssize_t)count);
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

/* From the context manager to its __exit__ and what __enter__ returns. */
int
clinker_before_with(T *tstate, F *frame, PyObject **stack, uint64_t unused)
{
    PyObject *manager = stack[0];
    PyObject *enter = _PyObject_LookupSpecial(manager, &_Py_ID(__enter__));
    if (enter == NULL) {
        if (!_PyErr_Occurred(tstate)) {
            _PyErr_Format(tstate, PyExc_TypeError,
                          "'%.200s' object does not support the "
                          "context manager protocol",
                          Py_TYPE(manager)->tp_name);
        }
        Py_DECREF(manager);
        return -1;
    }
    PyObject *exit = _PyObject_LookupSpecial(manager, &_Py_ID(__exit__));
    if (exit == NULL) {
        if (!_PyErr_Occurred(tstate)) {
            _PyErr_Format(tstate, PyExc_TypeError,
                          "'%.200s' object does not support the "
                          "context manager protocol "
                          "(missed __exit__ method)",
                          Py_TYPE(manager)->tp_name);
        }
        Py_DECREF(enter);
        Py_DECREF(manager);
        return -1;
    }
    Py_DECREF(manager);
    PyObject *result = PyObject_CallNoArgs(enter);
    Py_DECREF(enter);
    if (result == NULL) {
        Py_DECREF(exit);
        return -1;
    }
    stack[0] = exit;
    stack[1] = result;
    return 0;
}

PyObject *
clinker_get_length(T *tstate, F *frame, PyObject *object, uint64_t unused)
{
    Py_ssize_t length = PyObject_Length(object);
    return length < 0 ? NULL : PyLong_FromSsize_t(length);
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

/* Calls */

/* Returning from native code can end the code object that it belongs to: the
 * machine code must not be freed meanwhile. */
static int returning;

int
clinker_is_returning(void)
{
    return returning != 0;
}

void clinker_release_kept(F *frame);

/* What a function returned whose caller is native code; see below. */
static PyObject *returned;

// What native code returns then instead of an instruction.
#define RETURNED ((_Py_CODEUNIT *)1)

/* Return from a function.  Steals the value.  The caller is native code if its
 * stack pointer is not valid: the interpreter's is while it calls. */
_Py_CODEUNIT *
clinker_return(T *tstate, F *frame, PyObject *value)
{
    if (frame->stacktop == CLINKER_WRITTEN) {
        clinker_release_kept(frame);
    }
    frame->stacktop = _PyFrame_GetCode(frame)->co_nlocalsplus;
    F *previous = frame->previous;
    _Py_CODEUNIT *next = RETURNED;
    returning++;
    if (previous->stacktop >= 0) {
        next = _PyEvalHooks_ReturnValue(tstate, frame, value);
    }
    else {
        tstate->py_recursion_remaining++;
        tstate->current_frame = previous;
        _PyEval_FrameClearAndPop(tstate, frame);
        // Nothing runs until the caller takes it.
        returned = value;
    }
    returning--;
    return next;
}

/* Run a new frame, the current one, to its end. */
static PyObject *
run(T *tstate, F *frame, PyCodeObject *code)
{
    _Py_CODEUNIT *instr = frame->instr_ptr;
    // What comes before the RESUME of a function with a closure.
    if (instr->op.code == COPY_FREE_VARS) {
        PyObject *closure = ((PyFunctionObject *)frame->f_funcobj)->func_closure;
        int count = instr->op.arg;
        int offset = code->co_nlocalsplus - count;
        for (int i = 0; i < count; i++) {
            frame->localsplus[offset + i] =
                Py_NewRef(PyTuple_GET_ITEM(closure, i));
        }
        instr++;
    }
    while (instr->op.code == MAKE_CELL) {
        PyObject **slot = &frame->localsplus[instr->op.arg];
        PyObject *cell = PyCell_New(*slot);
        if (cell == NULL) {
            // Let the interpreter try again, and raise.
            break;
        }
        Py_XSETREF(*slot, cell);
        instr++;
    }
    frame->instr_ptr = instr;
    if (instr->op.code == ENTER_EXECUTOR
        && tstate->eval_breaker == code->_co_instrumentation_version)
    {
        _PyExecutorObject *executor =
            code->co_executors->executors[instr->op.arg];
        _PyNativeEntry entry = (_PyNativeEntry)executor->jit_code;
        tstate->c_recursion_remaining--;
        _Py_CODEUNIT *next = entry(frame, _PyFrame_Stackbase(frame), tstate);
        tstate->c_recursion_remaining++;
        if (next == RETURNED) {
            return returned;
        }
        return _PyEvalHooks_ResumeFrames(tstate, frame, next == NULL);
    }
    return _PyEvalHooks_ResumeFrames(tstate, frame, 0);
}

/* Call a Python function with arguments that are stolen.  Borrows kwnames. */
static PyObject *
call_function(T *tstate, F *frame, PyFunctionObject *func, PyObject **args,
              int count, PyObject *kwnames)
{
    PyCodeObject *code = (PyCodeObject *)func->func_code;
    const int simple = CO_OPTIMIZED | CO_VARKEYWORDS | CO_VARARGS;
    F *new_frame;
    if ((code->co_flags & simple) == CO_OPTIMIZED && kwnames == NULL
        && code->co_kwonlyargcount == 0 && code->co_argcount == count
        && _PyThreadState_HasStackSpace(tstate, code->co_framesize))
    {
        new_frame = _PyFrame_PushUnchecked(tstate, func, count);
        for (int i = 0; i < count; i++) {
            new_frame->localsplus[i] = args[i];
        }
    }
    else {
        PyObject *locals = code->co_flags & CO_OPTIMIZED
                           ? NULL : Py_NewRef(func->func_globals);
        int positional = count;
        if (kwnames != NULL) {
            positional -= (int)PyTuple_GET_SIZE(kwnames);
        }
        new_frame = _PyEvalFramePushAndInit(tstate, func, locals, args,
                                            positional, kwnames);
        if (new_frame == NULL) {
            return NULL;
        }
    }
    new_frame->previous = frame;
    tstate->current_frame = new_frame;
    if (tstate->py_recursion_remaining-- <= 0
        && _Py_CheckRecursiveCallPy(tstate))
    {
        tstate->py_recursion_remaining++;
        tstate->current_frame = frame;
        _PyEval_FrameClearAndPop(tstate, new_frame);
        return NULL;
    }
    return run(tstate, new_frame, code);
}

/* Whether the interpreter would run it as one of its own frames. */
static inline int
is_inlined(T *tstate, PyObject *callable)
{
    return Py_TYPE(callable) == &PyFunction_Type
           && tstate->interp->eval_frame == NULL
           && ((PyFunctionObject *)callable)->vectorcall
              == _PyFunction_Vectorcall;
}

/* The callable, self or NULL, arguments, and for CALL_KW their names. */
static PyObject *
call(T *tstate, F *frame, PyObject **stack, int count, PyObject *kwnames)
{
    PyObject *callable = stack[0];
    PyObject **args = stack + 2;
    if (stack[1] != NULL) {
        args--;
        count++;
    }
    else if (Py_TYPE(callable) == &PyMethod_Type) {
        args--;
        count++;
        args[0] = Py_NewRef(((PyMethodObject *)callable)->im_self);
        args[-1] = Py_NewRef(((PyMethodObject *)callable)->im_func);
        Py_DECREF(callable);
        callable = args[-1];
    }
    if (is_inlined(tstate, callable)) {
        PyFunctionObject *func = (PyFunctionObject *)callable;
        return call_function(tstate, frame, func, args, count, kwnames);
    }
    int positional = count;
    if (kwnames != NULL) {
        positional -= (int)PyTuple_GET_SIZE(kwnames);
    }
    PyObject *result = PyObject_Vectorcall(
        callable, args, positional | PY_VECTORCALL_ARGUMENTS_OFFSET, kwnames);
    Py_DECREF(callable);
    for (int i = 0; i < count; i++) {
        Py_DECREF(args[i]);
    }
    return result;
}

PyObject *
clinker_call(T *tstate, F *frame, PyObject **stack, uint64_t count)
{
    return call(tstate, frame, stack, (int)count, NULL);
}

PyObject *
clinker_call_kw(T *tstate, F *frame, PyObject **stack, uint64_t count)
{
    PyObject *kwnames = stack[2 + count];
    PyObject *result = call(tstate, frame, stack, (int)count, kwnames);
    Py_DECREF(kwnames);
    return result;
}

/* Make an object of a class whose __init__ is a Python function with fixed
 * parameters, as CALL_ALLOC_AND_ENTER_INIT, which has checked that. */
PyObject *
clinker_call_init(T *tstate, F *frame, PyObject **stack, uint64_t count)
{
    PyTypeObject *type = (PyTypeObject *)stack[0];
    PyFunctionObject *init =
        (PyFunctionObject *)((PyHeapTypeObject *)type)->_spec_cache.init;
    PyCodeObject *code = (PyCodeObject *)init->func_code;
    const int simple = CO_OPTIMIZED | CO_VARKEYWORDS | CO_VARARGS;
    if (stack[1] != NULL || code->co_argcount != (int)count + 1
        || (code->co_flags & simple) != CO_OPTIMIZED
        || code->co_kwonlyargcount != 0)
    {
        return clinker_call(tstate, frame, stack, count);
    }
    PyObject *self = _PyType_NewManagedObject(type);
    if (self == NULL) {
        for (uint64_t i = 0; i < count; i++) {
            Py_DECREF(stack[2 + i]);
        }
        Py_DECREF(type);
        return NULL;
    }
    stack[1] = Py_NewRef(self);
    Py_INCREF(init);
    Py_DECREF(type);
    // The interpreter pushes another frame, which checks what is returned.
    tstate->py_recursion_remaining--;
    PyObject *none = call_function(tstate, frame, init, stack + 1,
                                   (int)count + 1, NULL);
    tstate->py_recursion_remaining++;
    if (none != NULL && none != Py_None) {
        PyErr_Format(PyExc_TypeError,
                     "__init__() should return None, not '%.200s'",
                     Py_TYPE(none)->tp_name);
        Py_CLEAR(none);
    }
    if (none == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return self;
}

/* The function, NULL, the arguments, and if the number is odd the keywords. */
PyObject *
clinker_call_ex(T *tstate, F *frame, PyObject **stack, uint64_t flags)
{
    PyObject *func = stack[0];
    PyObject *args = stack[2];
    PyObject *kwargs = flags & 1 ? stack[3] : NULL;
    PyObject *result = NULL;
    if (!PyTuple_CheckExact(args)) {
        if (Py_TYPE(args)->tp_iter == NULL && !PySequence_Check(args)) {
            // As check_args_iterable() in Python/ceval.c.
            _PyErr_Clear(tstate);
            PyObject *name = _PyObject_FunctionStr(func);
            if (name != NULL) {
                _PyErr_Format(tstate, PyExc_TypeError,
                              "%U argument after * must be an iterable, "
                              "not %.200s",
                              name, Py_TYPE(args)->tp_name);
                Py_DECREF(name);
            }
            goto done;
        }
        PyObject *tuple = PySequence_Tuple(args);
        if (tuple == NULL) {
            goto done;
        }
        Py_SETREF(args, tuple);
    }
    result = PyObject_Call(func, args, kwargs);
done:
    Py_DECREF(func);
    Py_DECREF(args);
    Py_XDECREF(kwargs);
    return result;
}

/* Generators */

/* What YIELD_VALUE does, for native code that drives the generator.  instr is
 * that instruction. */
static PyObject *
yield_value(T *tstate, F *frame, PyGenObject *gen, _Py_CODEUNIT *instr)
{
    F *gen_frame = (F *)gen->gi_iframe;
    PyObject *value = _PyFrame_StackPop(gen_frame);
    gen_frame->instr_ptr = instr + 1;
    gen->gi_frame_state = FRAME_SUSPENDED + instr->op.arg;
    tstate->exc_info = gen->gi_exc_state.previous_item;
    gen->gi_exc_state.previous_item = NULL;
    tstate->py_recursion_remaining++;
    tstate->current_frame = frame;
    gen_frame->previous = NULL;
    return value;
}

/* The next item of a generator whose native code is entered where it goes on,
 * as FOR_ITER_GEN: NULL at the end, RAISED if it raised. */
static PyObject *
next_of_generator(T *tstate, F *frame, PyGenObject *gen,
                  _PyNativeEntry entry)
{
    if (tstate->py_recursion_remaining-- <= 0
        && _Py_CheckRecursiveCallPy(tstate))
    {
        tstate->py_recursion_remaining++;
        return RAISED;
    }
    F *gen_frame = (F *)gen->gi_iframe;
    PyCodeObject *code = _PyFrame_GetCode(gen_frame);
    _PyFrame_StackPush(gen_frame, Py_None);
    gen->gi_frame_state = FRAME_EXECUTING;
    gen->gi_exc_state.previous_item = tstate->exc_info;
    tstate->exc_info = &gen->gi_exc_state;
    gen_frame->previous = frame;
    tstate->current_frame = gen_frame;
    tstate->c_recursion_remaining--;
    _Py_CODEUNIT *next = entry(
        gen_frame, gen_frame->localsplus + gen_frame->stacktop, tstate);
    tstate->c_recursion_remaining++;
    if (next == RETURNED) {
        Py_DECREF(returned);
        return NULL;
    }
    if (next != NULL && next->op.code == YIELD_VALUE
        && tstate->eval_breaker == code->_co_instrumentation_version)
    {
        return yield_value(tstate, frame, gen, next);
    }
    // As _PyEvalHooks_ResumeFrames(), which takes no generators since it
    // does not tell a value that is yielded from one that is returned.
    int c_recursion_remaining = tstate->c_recursion_remaining;
    tstate->c_recursion_remaining = Py_MAX(c_recursion_remaining, 8);
    tstate->current_frame = frame;
    ((_PyThreadStateImpl *)tstate)->resumed_frame = gen_frame;
    PyObject *result = _PyEval_EvalFrameDefault(
        tstate, gen_frame,
        next == NULL ? _Py_EVAL_RESUME_WITH_ERROR : _Py_EVAL_RESUME);
    tstate->c_recursion_remaining = c_recursion_remaining;
    if (result == NULL) {
        return RAISED;
    }
    if (!FRAME_STATE_SUSPENDED(gen->gi_frame_state)) {
        Py_DECREF(result);
        return NULL;
    }
    return result;
}

/* The native code that a generator goes on in, or NULL. */
static _PyNativeEntry
generator_entry(T *tstate, PyObject *iterator)
{
    PyGenObject *gen = (PyGenObject *)iterator;
    if (!PyGen_CheckExact(iterator)
        || gen->gi_frame_state != FRAME_SUSPENDED
        || tstate->interp->eval_frame != NULL)
    {
        return NULL;
    }
    F *gen_frame = (F *)gen->gi_iframe;
    PyCodeObject *code = _PyFrame_GetCode(gen_frame);
    _Py_CODEUNIT *instr = gen_frame->instr_ptr;
    if (instr->op.code != ENTER_EXECUTOR
        || tstate->eval_breaker != code->_co_instrumentation_version
        || tstate->c_recursion_remaining < Py_C_RECURSION_LIMIT / 2)
    {
        return NULL;
    }
    return (_PyNativeEntry)code->co_executors->executors[instr->op.arg]
        ->jit_code;
}

/* The next item, or NULL at the end. */
PyObject *
clinker_next(T *tstate, F *frame, PyObject *iterator, uint64_t unused)
{
    _PyNativeEntry entry = generator_entry(tstate, iterator);
    if (entry != NULL) {
        return next_of_generator(tstate, frame, (PyGenObject *)iterator,
                                 entry);
    }
    PyObject *item = Py_TYPE(iterator)->tp_iternext(iterator);
    if (item == NULL && _PyErr_Occurred(tstate)) {
        if (!_PyErr_ExceptionMatches(tstate, PyExc_StopIteration)) {
            return RAISED;
        }
        _PyEval_MonitorRaise(tstate, frame, frame->instr_ptr);
        _PyErr_Clear(tstate);
    }
    return item;
}

/* What native code does at its borders */

/* A new float for a local variable; the interpreter cannot go on without. */
PyObject *
clinker_box_float(double value)
{
    PyObject *object = PyFloat_FromDouble(value);
    if (object == NULL) {
        Py_FatalError("no memory for a float when native code is left");
    }
    return object;
}

double
clinker_power(double base, double exponent)
{
    return pow(base, exponent);
}

PyObject *
clinker_box_int(int64_t value)
{
    PyObject *object = PyLong_FromLongLong(value);
    if (object == NULL) {
        Py_FatalError("no memory for an int when native code is left");
    }
    return object;
}

/* The value of an int object that has more than one digit.  Returns 0 if it
 * does not fit. */
int
clinker_unbox_int(PyObject *object, int64_t *value)
{
    int overflow;
    *value = PyLong_AsLongLongAndOverflow(object, &overflow);
    return !overflow;
}

/* Let pending events run after a call.  The number tells whether the frame has
 * to be left: 1, or -1 if a signal handler raised. */
int
clinker_periodic(T *tstate, F *frame, uint64_t version)
{
    if ((tstate->eval_breaker & _PY_EVAL_EVENTS_MASK)
        && _Py_HandlePending(tstate) != 0)
    {
        return -1;
    }
    return tstate->eval_breaker != version
           || frame->stacktop != CLINKER_NATIVE;
}

/* Release the last reference to an object. */
void
clinker_dealloc(PyObject *object)
{
#ifdef Py_REF_DEBUG
    Py_DECREF(object);
#else
    _Py_Dealloc(object);
#endif
}

void
clinker_incref(PyObject *object)
{
    Py_XINCREF(object);
}

void
clinker_decref(PyObject *object)
{
    Py_XDECREF(object);
}

/* Drop a reference, unless it is the last one: then returns 1. */
int
clinker_drop_unless_last(PyObject *object)
{
    if (!_Py_IsImmortal(object) && Py_REFCNT(object) == 1) {
        return 1;
    }
    Py_DECREF(object);
    return 0;
}

/* What the slots of a frame held before somebody wrote to one of them. */
struct kept {
    struct kept *next;
    F *frame;
    int count;
    PyObject *objects[];
};

static struct kept *all_kept;

/* Somebody is about to write to a local variable of a frame.  Native code
 * borrows objects from the slots: they live on until it has been left, which it
 * does when it sees the mark. */
void
clinker_frame_query(_PyInterpreterFrame *frame, int write)
{
    if (!write || frame->stacktop > CLINKER_NATIVE) {
        return;
    }
    frame->stacktop = CLINKER_WRITTEN;
    int count = _PyFrame_GetCode(frame)->co_nlocalsplus;
    struct kept *kept = PyMem_RawMalloc(sizeof(struct kept)
                                        + count * sizeof(PyObject *));
    if (kept == NULL) {
        Py_FatalError("no memory to write to a variable of native code");
    }
    kept->frame = frame;
    kept->count = count;
    for (int i = 0; i < count; i++) {
        kept->objects[i] = Py_XNewRef(frame->localsplus[i]);
    }
    kept->next = all_kept;
    all_kept = kept;
}

/* Native code that was marked has been left. */
void
clinker_release_kept(F *frame)
{
    struct kept **link = &all_kept;
    struct kept *mine = NULL;
    while (*link != NULL) {
        struct kept *kept = *link;
        if (kept->frame == frame) {
            *link = kept->next;
            kept->next = mine;
            mine = kept;
        }
        else {
            link = &kept->next;
        }
    }
    while (mine != NULL) {
        struct kept *kept = mine;
        mine = kept->next;
        for (int i = 0; i < kept->count; i++) {
            Py_XDECREF(kept->objects[i]);
        }
        PyMem_RawFree(kept);
    }
}

/* What compiling asks */

/* The kinds of jit-rs/src/hir/types.rs, by their bits. */
static const struct {
    int bit;
    PyTypeObject *type;
} kinds[] = {
    {1, &_PyNone_Type},
    {2, &PyBool_Type},
    {3, &PyLong_Type},
    {4, &PyFloat_Type},
    {5, &PyUnicode_Type},
    {6, &PyList_Type},
    {7, &PyTuple_Type},
    {8, &PyDict_Type},
    {9, &PySet_Type},
    {10, &PyRangeIter_Type},
    {11, &PyListIter_Type},
    {12, &PyTupleIter_Type},
    {13, &PyFunction_Type},
    {14, &PyModule_Type},
    {15, &PyCell_Type},
};

#define OTHER_BIT 16

/* The bit of the kind of an object. */
int
clinker_kind(PyObject *object)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(kinds); i++) {
        if (Py_IS_TYPE(object, kinds[i].type)) {
            return kinds[i].bit;
        }
    }
    return OTHER_BIT;
}

/* The class of a kind, or NULL. */
void *
clinker_class(int bit)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(kinds); i++) {
        if (kinds[i].bit == bit) {
            return kinds[i].type;
        }
    }
    return NULL;
}

/* The opcodes and the oparg of an instruction, as they would be without
 * instrumentation and native code. */
void
clinker_instruction(PyCodeObject *code, int offset, uint8_t *base,
                    uint8_t *specialized, uint8_t *oparg)
{
    _Py_CODEUNIT instr = _PyCode_CODE(code)[offset];
    *base = (uint8_t)_Py_GetBaseOpcode(code, offset);
    *specialized = instr.op.code;
    *oparg = instr.op.arg;
    if (instr.op.code == ENTER_EXECUTOR) {
        const _PyExecutorObject *executor =
            code->co_executors->executors[instr.op.arg];
        *specialized = executor->vm_data.opcode;
        *oparg = executor->vm_data.oparg;
        *base = _PyOpcode_Deopt[*specialized];
    }
}

/* The number of code units of an instruction with its inline cache. */
int
clinker_instruction_length(uint8_t base)
{
    return 1 + _PyOpcode_Caches[base];
}

int
clinker_float_value(PyObject *object, double *value)
{
    if (!PyFloat_CheckExact(object)) {
        return 0;
    }
    *value = PyFloat_AS_DOUBLE(object);
    return 1;
}

/* Objects whose addresses native code holds. */
void *
clinker_object(int which)
{
    switch (which) {
        case 0:
            return Py_None;
        case 1:
            return Py_True;
        case 2:
            return Py_False;
        case 3:
            return PyExc_AssertionError;
        case 4:
            return _PyInterpreterState_GET()->callable_cache.list_append;
        case 5:
            return &_PyLong_SMALL_INTS[0];
        default:
            Py_UNREACHABLE();
    }
}

/* The functions that native code calls, by name. */
#define ENTRY(NAME) {#NAME, (void *)clinker_##NAME}

static const struct {
    const char *name;
    void *function;
} helpers[] = {
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
    ENTRY(next),
    ENTRY(list_end),
    ENTRY(tuple_end),
    ENTRY(load_attr),
    ENTRY(load_hint),
    ENTRY(load_module_attr),
    ENTRY(load_method),
    ENTRY(load_super),
    ENTRY(store_attr),
    ENTRY(delete_attr),
    ENTRY(add_inline_value),
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
    ENTRY(build_slice),
    ENTRY(build_tuple),
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
    ENTRY(match_class),
    ENTRY(match_keys),
    ENTRY(match_mapping),
    ENTRY(match_sequence),
    ENTRY(return),
    ENTRY(call),
    ENTRY(call_kw),
    ENTRY(call_ex),
    ENTRY(call_init),
    ENTRY(box_float),
    ENTRY(power),
    ENTRY(box_int),
    ENTRY(unbox_int),
    ENTRY(periodic),
    ENTRY(dealloc),
    ENTRY(incref),
    ENTRY(decref),
    ENTRY(drop_unless_last),
    ENTRY(release_kept),
    ENTRY(refuted),
};

#undef ENTRY

/* The address of one of them, or NULL. */
void *
clinker_helper(const char *name)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(helpers); i++) {
        if (strcmp(helpers[i].name, name) == 0) {
            return helpers[i].function;
        }
    }
    return NULL;
}
