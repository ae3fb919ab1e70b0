/* What compiling asks. */

#include "runtime.h"

/* The kinds of jit-rs/src/hir/types.rs, by their bits. The size is that of
 * objects whose layout no header tells. */
static const struct {
    int bit;
    PyTypeObject *type;
    Py_ssize_t size;
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
    {16, &PyGen_Type},
    {22, &PyDictIterKey_Type, sizeof(struct clinker_dict_iter)},
    {23, &PyDictIterValue_Type, sizeof(struct clinker_dict_iter)},
    {24, &PyDictIterItem_Type, sizeof(struct clinker_dict_iter)},
    {25, &PySetIter_Type, sizeof(struct clinker_set_iter)},
    {26, &PyListRevIter_Type, sizeof(struct clinker_reversed_list)},
#if CLINKER_HOOKS
    {27, &_PyUnicodeASCIIIter_Type, sizeof(struct clinker_str_iter)},
#endif
    {28, &PyEnum_Type, sizeof(struct clinker_enumerate)},
    {29, &PyZip_Type, sizeof(struct clinker_zip)},
};

#define OTHER_BIT 21

/* The bit of the kind of an object. */
int
clinker_kind(PyObject *object)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(kinds); i++) {
        if (Py_IS_TYPE(object, kinds[i].type)
            && (kinds[i].size == 0
                || kinds[i].size == kinds[i].type->tp_basicsize))
        {
            return kinds[i].bit;
        }
    }
    int array = clinker_array_kind(object);
    return array < 0 ? OTHER_BIT : array;
}

/* The bit of the kind whose objects a class has, or -1. */
int
clinker_kind_of_class(PyObject *class)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(kinds); i++) {
        if (class == (PyObject *)kinds[i].type) {
            return kinds[i].bit;
        }
    }
    return -1;
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
    return clinker_array_class(bit);
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

/* The code object of the functions with a version, or NULL. */
void *
clinker_code_of_version(uint32_t version)
{
    PyObject *code = NULL;
    PyFunctionObject *func = _PyFunction_LookupByVersion(version, &code);
    return func != NULL ? func->func_code : code;
}

/* Where the dictionary of the defaults of keywords of a function with a version has
 * that of a parameter, or -1. */
int
clinker_keyword_default(uint32_t version, PyObject *name)
{
    PyObject *code = NULL;
    PyFunctionObject *func = _PyFunction_LookupByVersion(version, &code);
    PyDictObject *dict = func == NULL ? NULL
                                      : (PyDictObject *)func->func_kwdefaults;
    if (dict == NULL || dict->ma_keys->dk_kind != DICT_KEYS_UNICODE) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < dict->ma_keys->dk_nentries; i++) {
        if (DK_UNICODE_ENTRIES(dict->ma_keys)[i].me_key == name) {
            return (int)i;
        }
    }
    return -1;
}

/* Whether strings with the same text are the same object, if they are all such. */
int
clinker_is_interned(PyObject *string)
{
    return PyUnicode_CheckExact(string) && PyUnicode_CHECK_INTERNED(string);
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

static PyObject *super_name;

/* Make what native code wants to know. */
void
clinker_prepare_objects(void)
{
    super_name = PyUnicode_InternFromString("super");
    if (super_name == NULL) {
        PyErr_Clear();
    }
    clinker_prepare_quiet();
}

/* Objects whose addresses native code holds.  Any thread may ask. */
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
            return PyInterpreterState_Main()->callable_cache.list_append;
        case 5:
            return &_PyLong_SMALL_INTS[0];
        case 6:
            return &clinker_returned;
        case 7:
            return PyInterpreterState_Main()->callable_cache.len;
        case 8:
            return PyInterpreterState_Main()->callable_cache.isinstance;
        case 9:
            return &PyType_Type;
        case 10:
            return &PyMethod_Type;
        case 11:
            return &PyCFunction_Type;
        case 12:
            return super_name;
        case 13:
            return Py_NotImplemented;
        case 14:
            return _PySet_Dummy;
        case 15:
            return &_Py_SINGLETON(strings).ascii[0];
        case 16:
            return &PyMethodDescr_Type;
        case 17:
            return clinker_next_method;
        case 18:
            return &_Py_SINGLETON(tuple_empty);
        default:
            which -= CLINKER_QUIET_NAMES;
            assert(which >= 0 && which < CLINKER_QUIETS);
            return clinker_quiet_names[which];
    }
}

/* The address of the function behind a method of a built-in type, by the version of
 * that and the name, and its flags; NULL if it is none that lives as long as Python. */
void *
clinker_method_of(uint32_t version, PyObject *name, PyObject *descr, int *flags)
{
    static PyTypeObject *const types[] = {
        &PyUnicode_Type, &PyDict_Type, &PyList_Type, &PySet_Type,
        &PyTuple_Type, &PyBytes_Type, &PyByteArray_Type, &PyFrozenSet_Type,
        &PyLong_Type, &PyFloat_Type,
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(types); i++) {
        PyTypeObject *type = types[i];
        if (type->tp_version_tag == version && version != 0
            && _PyType_Lookup(type, name) == descr
            && Py_IS_TYPE(descr, &PyMethodDescr_Type))
        {
            PyMethodDef *method = ((PyMethodDescrObject *)descr)->d_method;
            *flags = method->ml_flags;
            return (void *)method->ml_meth;
        }
    }
    return NULL;
}

/* How deep C code may call itself: not a part of the layout, since it depends on how C code is compiled, as by
 * a sanitizer. */
int
clinker_c_recursion_limit(void)
{
    return Py_C_RECURSION_LIMIT;
}

static const struct clinker_entry *const helper_tables[] = {
    clinker_operator_helpers,
    clinker_quiet_helpers,
    clinker_lookup_helpers,
    clinker_method_helpers,
    clinker_attribute_helpers,
    clinker_name_helpers,
    clinker_container_helpers,
    clinker_call_helpers,
    clinker_return_helpers,
    clinker_generator_helpers,
#if CLINKER_HOOKS
    clinker_consume_helpers,
#endif
    clinker_iteration_helpers,
    clinker_await_helpers,
    clinker_freelist_helpers,
    clinker_border_helpers,
    clinker_number_helpers,
    clinker_handler_helpers,
    clinker_slice_helpers,
};

/* The address of a function that native code calls, by name, or NULL. */
void *
clinker_helper(const char *name)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(helper_tables); i++) {
        for (const struct clinker_entry *entry = helper_tables[i];
             entry->name != NULL; entry++)
        {
            if (strcmp(entry->name, name) == 0) {
                return entry->function;
            }
        }
    }
    return NULL;
}

/* The same by an index; NULL if it is too high. */
void *
clinker_helper_at(size_t index, const char **name)
{
    for (size_t i = 0; i < Py_ARRAY_LENGTH(helper_tables); i++) {
        for (const struct clinker_entry *entry = helper_tables[i];
             entry->name != NULL; entry++)
        {
            if (index-- == 0) {
                *name = entry->name;
                return entry->function;
            }
        }
    }
    return NULL;
}
