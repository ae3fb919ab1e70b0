/* The built-in module _jit: registers the archive with the eval hooks. */

#include "Python.h"
#include "opcode_ids.h"
#include "pycore_code.h"          // _PyCode_CODE()
#include "pycore_evalhooks.h"     // _PyEvalHooks_Register()
#include "pycore_frame.h"         // _PyFrame_GetCode()
#include "pycore_function.h"      // _PyFunction_GetVersionForCurrentState()
#include "pycore_interp.h"        // PyInterpreterState
#include "pycore_opcode_metadata.h" // _PyOpcode_Deopt
#include "pycore_pystate.h"       // _PyInterpreterState_GET()
#include "pycore_typeobject.h"    // _PyType_Lookup()

#include "clinker.h"

#include <signal.h>

extern PyMethodDef clinker_control_methods[];
extern int clinker_kind(PyObject *object);
extern int clinker_kind_of_class(PyObject *class);
extern PyObject *clinker_operator_method(PyObject *left, PyObject *right,
                                         uint64_t number);
extern void clinker_frame_query(_PyInterpreterFrame *frame, int write);
extern void clinker_leave_code(PyCodeObject *code);
extern void clinker_take_generators(void);
extern void clinker_prepare_objects(void);
extern void clinker_give_generators_back(void);
extern void clinker_take_instances(void);
extern void clinker_give_instances_back(void);
extern void clinker_reserve_numbers(void);
extern void clinker_release_reserved_numbers(void);

static const char *
text(const void *string, size_t *length)
{
    Py_ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize((PyObject *)string, &size);
    if (utf8 == NULL) {
        PyErr_Clear();
        return NULL;
    }
    *length = (size_t)size;
    return utf8;
}

static int
line(const void *code, int offset)
{
    return PyCode_Addr2Line((PyCodeObject *)code, offset);
}

static uint32_t
hot(PyThreadState *tstate, _PyInterpreterFrame *frame, _Py_CODEUNIT *instr,
    _PyEvalHotKind kind)
{
    PyCodeObject *code = _PyFrame_GetCode(frame);
    return clinker_hot(code, (uint32_t)(instr - _PyCode_CODE(code)),
                       (uint32_t)(frame->stacktop - code->co_nlocalsplus),
                       kind == _Py_EVAL_HOT_LOOP);
}

static void
code_attached(PyCodeObject *code, _PyShadowCode *shadow)
{
    clinker_code_attached(code, shadow);
}

static void
code_death(PyCodeObject *code, _PyShadowCode *shadow)
{
    clinker_code_death(code);
}

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

/* Tell which __init__ a call of a class without inline values calls, if it makes an
 * object of the class as object does: its instances have slots. */
static void
tell_class(PyCodeObject *code, _Py_CODEUNIT *instr, PyObject *callable)
{
    if (!Py_IS_TYPE(callable, &PyType_Type)) {
        return;
    }
    PyTypeObject *type = (PyTypeObject *)callable;
    const unsigned long other = Py_TPFLAGS_IMMUTABLETYPE
                                | Py_TPFLAGS_INLINE_VALUES
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
    clinker_saw_class(code, (uint32_t)(instr - _PyCode_CODE(code)),
                      type->tp_version_tag, init, version);
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

/* Tell which method an operator or comparison calls, if its operands are objects of
 * classes with one in Python. */
static void
tell_operator(PyCodeObject *code, _Py_CODEUNIT *instr, uint64_t number,
              PyObject **top)
{
    PyTypeObject *left = Py_TYPE(top[-2]);
    PyTypeObject *right = Py_TYPE(top[-1]);
    PyObject *method = clinker_operator_method(top[-2], top[-1], number);
    if (method == NULL || !PyUnstable_Type_AssignVersionTag(left)
        || !PyUnstable_Type_AssignVersionTag(right))
    {
        return;
    }
    uint32_t version =
        _PyFunction_GetVersionForCurrentState((PyFunctionObject *)method);
    clinker_saw_operator(code, (uint32_t)(instr - _PyCode_CODE(code)),
                         left->tp_version_tag, right->tp_version_tag, method,
                         version);
}

static void
specialized(_PyInterpreterFrame *frame, _Py_CODEUNIT *instr, int oparg,
            int old_opcode, PyObject **stack_pointer)
{
    int generic = _PyOpcode_Deopt[old_opcode];
    PyCodeObject *code = _PyFrame_GetCode(frame);
    clinker_specialized(code, old_opcode != generic,
                        instr->op.code == generic);
    tell_operands(code, instr, stack_pointer);
    if ((generic == LOAD_ATTR || generic == STORE_ATTR)
        && old_opcode != generic && instr->op.code != generic)
    {
        clinker_saw_form(code, (uint32_t)(instr - _PyCode_CODE(code)),
                         instr->op.code);
    }
    if (instr->op.code == BINARY_OP) {
        tell_operator(code, instr, (uint64_t)oparg, stack_pointer);
    }
    else if (instr->op.code == COMPARE_OP) {
        tell_operator(code, instr, CLINKER_COMPARISON + (oparg >> 4),
                      stack_pointer);
    }
    else if (instr->op.code == CALL_BUILTIN_O && stack_pointer[-2] == NULL) {
        tell_math(code, instr, stack_pointer[-3], stack_pointer[-1]);
    }
    else if (instr->op.code == CALL_NON_PY_GENERAL
             && stack_pointer[-1 - oparg] == NULL)
    {
        tell_class(code, instr, stack_pointer[-2 - oparg]);
    }
    else if (instr->op.code == CALL_ALLOC_AND_ENTER_INIT) {
        // Nothing leads from the version of a class to its __init__.
        PyHeapTypeObject *type = (PyHeapTypeObject *)stack_pointer[-2 - oparg];
        PyFunctionObject *init = (PyFunctionObject *)type->_spec_cache.init;
        clinker_calls_special(code, (uint32_t)(instr - _PyCode_CODE(code)),
                              init->func_version);
    }
    else if (instr->op.code == BINARY_SUBSCR_GETITEM) {
        PyHeapTypeObject *type = (PyHeapTypeObject *)Py_TYPE(stack_pointer[-2]);
        clinker_calls_special(code, (uint32_t)(instr - _PyCode_CODE(code)),
                              type->_spec_cache.getitem_version);
    }
}

static void
instrumented(PyCodeObject *code, _PyShadowCode *shadow)
{
    clinker_instrumented(code);
    clinker_leave_code(code);
}

static void
fork_stage(_PyEvalForkStage stage)
{
    if (stage == _Py_EVAL_BEFORE_FORK) {
        clinker_forking();
    }
    else if (stage == _Py_EVAL_AFTER_FORK_IN_CHILD) {
        clinker_forked_child();
    }
}

/* Block all signals in this thread, or undo that. */
void
clinker_block_signals(int block)
{
    static sigset_t before;
    sigset_t all;
    sigfillset(&all);
    if (block) {
        pthread_sigmask(SIG_BLOCK, &all, &before);
    }
    else {
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
}

static void
finalize(PyInterpreterState *interp)
{
    clinker_give_generators_back();
    clinker_finalize();
    clinker_give_instances_back();
    clinker_release_reserved_numbers();
}

static int
is_enabled(void)
{
    return clinker_is_enabled();
}

static int
is_native(_PyInterpreterFrame *frame)
{
    return frame->stacktop <= CLINKER_NATIVE;
}

_PyEvalHooks clinker_hooks = {
    .hot = hot,
    .code_attached = code_attached,
    .code_death = code_death,
    .specialized = specialized,
    .instrumented = instrumented,
    .fork = fork_stage,
    .frame_query = clinker_frame_query,
    .finalize = finalize,
    .is_enabled = is_enabled,
    .is_native = is_native,
};

PyDoc_STRVAR(start_doc,
"_start(value)\n\
\n\
Do as the value of -X jit or PYTHON_JIT says. Called by the interpreter.");

static PyObject *
start(PyObject *module, PyObject *value)
{
    Py_ssize_t length;
    const char *utf8 = PyUnicode_AsUTF8AndSize(value, &length);
    if (utf8 == NULL) {
        return NULL;
    }
    PyInterpreterState *interp = _PyInterpreterState_GET();
    if (interp != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_RuntimeError,
                        "the compiler serves the main interpreter only");
        return NULL;
    }
    if (interp->eval_hooks != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the compiler has been started");
        return NULL;
    }
    char error[512];
    if (clinker_start(utf8, (size_t)length, text, line, error,
                      sizeof(error)) < 0)
    {
        PyErr_SetString(PyExc_ValueError, error);
        return NULL;
    }
    clinker_hooks.entry_period = clinker_period();
    clinker_hooks.loop_period = (uint16_t)Py_MIN(clinker_period(), UINT16_MAX);
    if (_PyEvalHooks_Register(interp, &clinker_hooks) < 0) {
        return NULL;
    }
    clinker_take_generators();
    clinker_prepare_objects();
    clinker_take_instances();
    clinker_reserve_numbers();
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"_start", start, METH_O, start_doc},
    {NULL, NULL, 0, NULL},
};

static int
add_control(PyObject *module)
{
    return PyModule_AddFunctions(module, clinker_control_methods);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, add_control},
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_jit",
    .m_doc = "Clinker's compiler; see -X jit.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__jit(void)
{
    return PyModuleDef_Init(&module);
}
