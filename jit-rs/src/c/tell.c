/* What the interpreter has made of an instruction, and what it was executed with:
 * feedback for compiling beyond what the inline caches hold. */

#include "runtime.h"

extern int clinker_kind_of_class(PyObject *class);

/* Tell which function of the module math is called, if native code has it. */
static void
tell_math(PyCodeObject *code, _Py_CODEUNIT *instr, PyObject *callable,
          PyObject *arg)
{
    static const char *const names[] = {"sqrt", "sin", "cos"};
    PyObject *self = PyCFunction_GET_SELF(callable);
    PyModuleDef *def = self != NULL && PyModule_Check(self)
                       ? PyModule_GetDef(self) : NULL;
    if (def == NULL || strcmp(def->m_name, "math") != 0) {
        return;
    }
    PyMethodDef *method = ((PyCFunctionObject *)callable)->m_ml;
    for (int i = 0; i < (int)Py_ARRAY_LENGTH(names); i++) {
        if (strcmp(method->ml_name, names[i]) == 0) {
            clinker_saw_math(code, (uint32_t)(instr - _PyCode_CODE(code)), i,
                             method, clinker_kind(arg));
        }
    }
}

/* Tell the version of a function that is called, since the interpreter remembers only some
 * thousand of them. */
static void
tell_function(PyObject *callable)
{
    if (PyMethod_Check(callable)) {
        callable = PyMethod_GET_FUNCTION(callable);
    }
    if (!PyFunction_Check(callable)) {
        return;
    }
    PyFunctionObject *func = (PyFunctionObject *)callable;
    PyCodeObject *code = (PyCodeObject *)func->func_code;
    // One that it has got for other defaults is of this function only.
    if (func->func_version != 0 && func->func_version == code->co_version) {
        clinker_saw_function(code, func->func_version);
    }
}

/* Tell of a method that is a function, of Python or of C. */
static void
tell_method_found(PyCodeObject *code, _PyLoadMethodCache *cache)
{
    PyObject *method = read_obj(cache->descr);
    uint32_t version = read_u32(cache->type_version);
    if (Py_IS_TYPE(method, &PyMethodDescr_Type)
        && !(PyDescr_TYPE(method)->tp_flags & Py_TPFLAGS_HEAPTYPE))
    {
        PyMethodDef *def = ((PyMethodDescrObject *)method)->d_method;
        clinker_saw_descriptor(code, version, method, def->ml_flags,
                               (const void *)def->ml_meth);
    }
    if (!PyFunction_Check(method)) {
        return;
    }
    PyFunctionObject *func = (PyFunctionObject *)method;
    if (clinker_watch(func->func_globals) && clinker_watch(func->func_builtins)) {
        clinker_saw_method(code, version, method, func->func_globals,
                           func->func_builtins);
    }
}

/* Tell of a class that is called whether its objects need not be made if nobody sees them. */
static void
tell_deaths(PyCodeObject *code, _Py_CODEUNIT *instr, PyTypeObject *type)
{
    if (clinker_dies_unseen(type)) {
        clinker_dies_unseen_at(code, (uint32_t)(instr - _PyCode_CODE(code)),
                               type->tp_version_tag);
    }
}

/* Tell which __init__ a call of a class calls, if it makes an object of the class as
 * object does. */
static void
tell_class(PyCodeObject *code, _Py_CODEUNIT *instr, PyObject *callable)
{
    if (!Py_IS_TYPE(callable, &PyType_Type)) {
        return;
    }
    PyTypeObject *type = (PyTypeObject *)callable;
    const unsigned long other = Py_TPFLAGS_IMMUTABLETYPE
                                | Py_TPFLAGS_IS_ABSTRACT;
    if (type->tp_flags & other
        || type->tp_new != PyBaseObject_Type.tp_new
        || type->tp_alloc != PyType_GenericAlloc || type->tp_itemsize != 0)
    {
        return;
    }
    PyObject *init = _PyType_Lookup(type, &_Py_ID(__init__));
    if (init == NULL || !PyFunction_Check(init)
        || type->tp_version_tag == 0)
    {
        return;
    }
    uint32_t version =
        _PyFunction_GetVersionForCurrentState((PyFunctionObject *)init);
    tell_function(init);
    clinker_saw_class(code, (uint32_t)(instr - _PyCode_CODE(code)),
                      type->tp_version_tag, init, version);
    tell_deaths(code, instr, type);
}

/* Tell the types of the operands of an instruction, if native code can do more with
 * them than the specialized form, or there is none. */
static void
tell_operands(PyCodeObject *code, _Py_CODEUNIT *instr, PyObject **top)
{
    int count;
    switch (instr->op.code) {
        case CALL_LEN:
        case FOR_ITER:
            count = 1;
            break;
        case CALL_ISINSTANCE:
            count = 2;
            break;
        case BINARY_OP:
        case COMPARE_OP:
        case BINARY_SUBSCR:
            count = 2;
            break;
        case STORE_SUBSCR:
            count = 3;
            break;
        default:
            return;
    }
    int kinds[3] = {-1, -1, -1};
    for (int i = 0; i < count; i++) {
        kinds[i] = clinker_kind(top[i - count]);
    }
    if (instr->op.code == CALL_ISINSTANCE) {
        kinds[1] = clinker_kind_of_class(top[-1]);
    }
    clinker_saw(code, (uint32_t)(instr - _PyCode_CODE(code)), kinds);
}

/* Tell which method an instruction calls that the class of an operand has; the class of
 * the other one is NULL if it does not matter. */
static void
tell_method(PyCodeObject *code, _Py_CODEUNIT *instr, PyObject *method,
            PyTypeObject *type, PyTypeObject *other)
{
    if (method == NULL || !PyUnstable_Type_AssignVersionTag(type)
        || (other != NULL && !PyUnstable_Type_AssignVersionTag(other)))
    {
        return;
    }
    uint32_t version =
        _PyFunction_GetVersionForCurrentState((PyFunctionObject *)method);
    tell_function(method);
    clinker_saw_operator(code, (uint32_t)(instr - _PyCode_CODE(code)),
                         type->tp_version_tag,
                         other != NULL ? other->tp_version_tag : 0, method,
                         version);
}

/* The same for an operator or comparison, if its operands are objects of classes with a
 * method in Python. */
static void
tell_operator(PyCodeObject *code, _Py_CODEUNIT *instr, uint64_t number,
              PyObject **top)
{
    PyObject *method = clinker_operator_method(top[-2], top[-1], number);
    tell_method(code, instr, method, Py_TYPE(top[-2]), Py_TYPE(top[-1]));
}

/* The CALL_KW that calls what an instruction pushes, with self or NULL above it; NULL
 * if no straight line leads there. */
static _Py_CODEUNIT *
find_call_kw(PyCodeObject *code, _Py_CODEUNIT *instr)
{
    int offset = (int)(instr - _PyCode_CODE(code));
    offset += 1 + _PyOpcode_Caches[_PyOpcode_Deopt[instr->op.code]];
    int depth = 2;
    int oparg = 0;
    // More is hardly written between a function and its last argument.
    for (int i = 0; i < 100 && offset < (int)Py_SIZE(code); i++) {
        uint8_t opcode, specialized, low;
        clinker_instruction(code, offset, &opcode, &specialized, &low);
        oparg = oparg << 8 | low;
        if (opcode == EXTENDED_ARG) {
            offset++;
            continue;
        }
        if (opcode == CALL_KW && oparg + 3 == depth) {
            return _PyCode_CODE(code) + offset;
        }
        if (OPCODE_HAS_JUMP(opcode)) {
            return NULL;
        }
        depth += PyCompile_OpcodeStackEffect(opcode, oparg);
        if (depth < 2) {
            return NULL;
        }
        offset += 1 + _PyOpcode_Caches[opcode];
        oparg = 0;
    }
    return NULL;
}

/* What super() finds for a method, or NULL. */
static PyObject *
super_method(PyTypeObject *class, PyTypeObject *type, PyObject *name)
{
    PyObject *mro = type->tp_mro;
    int is_after = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        if (is_after) {
            PyObject *dict = PyType_GetDict(base);
            PyObject *found = _PyDict_GetItem_KnownHash(dict, name,
                                                        PyObject_Hash(name));
            Py_DECREF(dict);
            if (found != NULL) {
                return found;
            }
        }
        is_after |= base == class;
    }
    return NULL;
}

/* What an instruction pushes to be called, by the form that it has got, or NULL. */
static PyObject *
loaded(F *frame, _Py_CODEUNIT *instr, int oparg, PyObject **stack_pointer)
{
    PyObject *dict;
    int index;
    switch (instr->op.code) {
        case LOAD_ATTR_METHOD_WITH_VALUES:
        case LOAD_ATTR_METHOD_NO_DICT:
        case LOAD_ATTR_METHOD_LAZY_DICT:
        case LOAD_ATTR_CLASS:
            return read_obj(((_PyLoadMethodCache *)(instr + 1))->descr);
        case LOAD_SUPER_ATTR_METHOD:
            return super_method((PyTypeObject *)stack_pointer[-2],
                                Py_TYPE(stack_pointer[-1]),
                                PyTuple_GET_ITEM(
                                    _PyFrame_GetCode(frame)->co_names,
                                    oparg >> 2));
        case LOAD_ATTR_MODULE:
            dict = ((PyModuleObject *)stack_pointer[-1])->md_dict;
            index = ((_PyAttrCache *)(instr + 1))->index;
            break;
        case LOAD_GLOBAL_MODULE:
            dict = frame->f_globals;
            index = ((_PyLoadGlobalCache *)(instr + 1))->index;
            break;
        default:
            return NULL;
    }
    PyDictKeysObject *keys = ((PyDictObject *)dict)->ma_keys;
    return keys->dk_kind == DICT_KEYS_UNICODE
           ? DK_UNICODE_ENTRIES(keys)[index].me_value : NULL;
}

/* Tell what a variable of a module holds, and in which dictionaries a code object looks up the
 * names of globals. */
static void
tell_variable(F *frame, PyCodeObject *code, _Py_CODEUNIT *instr,
              PyObject **stack_pointer)
{
    if (instr->op.code == LOAD_GLOBAL_MODULE
        || instr->op.code == LOAD_ATTR_MODULE)
    {
        clinker_saw_variable(code, (uint32_t)(instr - _PyCode_CODE(code)),
                             loaded(frame, instr, 0, stack_pointer));
    }
    if ((instr->op.code == LOAD_GLOBAL_MODULE
         || instr->op.code == LOAD_GLOBAL_BUILTIN)
        && clinker_watch(frame->f_globals) && clinker_watch(frame->f_builtins))
    {
        clinker_saw_namespaces(code, frame->f_globals, frame->f_builtins);
    }
}

/* Tell what a call with keywords calls, of which there are no specialized forms. */
static void
tell_callee(F *frame, PyCodeObject *code, _Py_CODEUNIT *instr, int oparg,
            PyObject **stack_pointer)
{
    PyObject *callable = loaded(frame, instr, oparg, stack_pointer);
    if (callable == NULL || !(oparg & 1)
        || !(PyFunction_Check(callable) || PyType_Check(callable)))
    {
        return;
    }
    _Py_CODEUNIT *call = find_call_kw(code, instr);
    if (call == NULL) {
        return;
    }
    if (PyFunction_Check(callable)) {
        uint32_t version = _PyFunction_GetVersionForCurrentState(
            (PyFunctionObject *)callable);
        tell_function(callable);
        clinker_calls_special(code, (uint32_t)(call - _PyCode_CODE(code)),
                              version);
    }
    else {
        tell_class(code, call, callable);
    }
}

void
clinker_tell(F *frame, _Py_CODEUNIT *instr, int oparg, int old_opcode,
             PyObject **stack_pointer)
{
    int generic = _PyOpcode_Deopt[old_opcode];
    PyCodeObject *code = _PyFrame_GetCode(frame);
    clinker_specialized(code, old_opcode != generic,
                        instr->op.code == generic);
    tell_operands(code, instr, stack_pointer);
    switch (instr->op.code) {
        case CALL_PY_EXACT_ARGS:
        case CALL_PY_GENERAL:
        case CALL_BOUND_METHOD_EXACT_ARGS:
        case CALL_BOUND_METHOD_GENERAL:
            tell_function(stack_pointer[-2 - oparg]);
            break;
        case LOAD_ATTR_METHOD_WITH_VALUES:
        case LOAD_ATTR_METHOD_NO_DICT:
        case LOAD_ATTR_METHOD_LAZY_DICT:
            tell_method_found(code, (_PyLoadMethodCache *)(instr + 1));
            break;
        case LOAD_ATTR_PROPERTY:
            tell_function(read_obj(((_PyLoadMethodCache *)(instr + 1))->descr));
            break;
    }
    if ((generic == LOAD_ATTR || generic == STORE_ATTR)
        && old_opcode != generic && instr->op.code != generic)
    {
        clinker_saw_form(code, (uint32_t)(instr - _PyCode_CODE(code)),
                         instr->op.code);
    }
    if (old_opcode != generic
        && (instr->op.code == CALL_PY_EXACT_ARGS
            || instr->op.code == CALL_PY_GENERAL))
    {
        _PyCallCache *cache = (_PyCallCache *)(instr + 1);
        clinker_saw_callee(code, (uint32_t)(instr - _PyCode_CODE(code)),
                           read_u32(cache->func_version));
    }
    tell_variable(frame, code, instr, stack_pointer);
    if (generic == LOAD_GLOBAL || generic == LOAD_ATTR
        || generic == LOAD_SUPER_ATTR)
    {
        tell_callee(frame, code, instr, oparg, stack_pointer);
    }
    else if (instr->op.code == BINARY_OP) {
        tell_operator(code, instr, (uint64_t)oparg, stack_pointer);
    }
    else if (instr->op.code == COMPARE_OP) {
        tell_operator(code, instr, CLINKER_COMPARISON + (oparg >> 4),
                      stack_pointer);
    }
    else if (instr->op.code == STORE_SUBSCR) {
        PyObject *container = stack_pointer[-2];
        tell_method(code, instr, clinker_set_item_method(container),
                    Py_TYPE(container), NULL);
    }
    else if (instr->op.code == CALL_BUILTIN_O && stack_pointer[-2] == NULL) {
        tell_math(code, instr, stack_pointer[-3], stack_pointer[-1]);
    }
    else if ((instr->op.code == CALL_NON_PY_GENERAL || instr->op.code == CALL)
             && stack_pointer[-1 - oparg] == NULL)
    {
        tell_class(code, instr, stack_pointer[-2 - oparg]);
    }
    else if (instr->op.code == CALL_ALLOC_AND_ENTER_INIT) {
        // Nothing leads from the version of a class to its __init__.
        PyHeapTypeObject *type = (PyHeapTypeObject *)stack_pointer[-2 - oparg];
        PyFunctionObject *init = (PyFunctionObject *)type->_spec_cache.init;
        tell_function((PyObject *)init);
        clinker_calls_special(code, (uint32_t)(instr - _PyCode_CODE(code)),
                              init->func_version);
        tell_deaths(code, instr, (PyTypeObject *)type);
    }
    else if (instr->op.code == BINARY_SUBSCR_GETITEM) {
        PyHeapTypeObject *type = (PyHeapTypeObject *)Py_TYPE(stack_pointer[-2]);
        tell_function(type->_spec_cache.getitem);
        clinker_calls_special(code, (uint32_t)(instr - _PyCode_CODE(code)),
                              type->_spec_cache.getitem_version);
    }
}
