/* What native code calls: the helpers that jit-rs/src/hir/op.rs lists.
 *
 * A helper does what the instruction it is named after does in
 * Python/bytecodes.c of CPython.  It takes the thread state and the frame, then
 * its operands in the order they were pushed, and last a number: the oparg, a
 * name as an address, or the slot of a variable.  Operands are borrowed unless
 * it says "steals".  Helpers that find their operands on the value stack get the
 * address of the first, and own all of them, also if they fail. */

#ifndef CLINKER_RUNTIME_H
#define CLINKER_RUNTIME_H

#include "Python.h"
#include "opcode.h"              // NB_ADD
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
#include "pycore_instruments.h"   // _Py_call_instrumentation_arg()
#include "pycore_intrinsics.h"    // _PyIntrinsics_UnaryFunctions
#include "pycore_list.h"          // _PyList_AppendTakeRef()
#include "pycore_long.h"          // _PyLong_IsCompact()
#include "pycore_object.h"        // _PyObject_LookupSpecial()
#include "pycore_opcode_metadata.h" // _PyOpcode_Deopt
#include "pycore_opcode_utils.h"  // MAKE_FUNCTION_DEFAULTS
#include "pycore_optimizer.h"     // _PyExecutorObject
#include "pycore_pyerrors.h"      // _PyErr_Occurred()
#include "pycore_pystate.h"       // _PyThreadState_GET()
#include "pycore_runtime.h"       // _PyRuntime
#include "pycore_range.h"         // _PyRangeIterObject
#include "pycore_setobject.h"     // _PySet_Update()
#include "pycore_tuple.h"         // _PyTuple_FromArraySteal()
#include "pycore_typeobject.h"    // _PySuper_Lookup()
#include "pycore_unicodeobject.h" // _PyUnicode_JoinArray()

#include "clinker.h"
#include "iterators.h"

/* Whether the interpreter has the hooks.  A stock one is served too: then
 * jit-rs/src/stock/ does for the client what it can of what they do, and nobody asks
 * native code for the state of a frame. */
#ifndef CLINKER_HOOKS
#  define CLINKER_HOOKS 1
#endif

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

/* How native code is left at some place: jit-rs/src/codegen/exit.rs makes it. */

enum clinker_act {
    // Make the unboxed value an object.
    CLINKER_BOX_INT,
    CLINKER_BOX_FLOAT,
    CLINKER_BOX_BOOL,
    // Put the object into a slot, which has held a scalar.  The first one takes
    // over the reference to what was boxed.
    CLINKER_SLOT,
    CLINKER_SLOT_SHARED,
    // The same for the value stack.
    CLINKER_STACK,
    CLINKER_STACK_SHARED,
    // Drop the reference to the object.
    CLINKER_DROP,
    // Make it the function of a frame that is pushed, or the object whose
    // __init__ that executes.
    CLINKER_FUNCTION,
    CLINKER_FUNCTION_SHARED,
    CLINKER_NEW_OBJECT,
    CLINKER_NEW_OBJECT_SHARED,
    // Leave out as many actions as the place says, unless the value is true.
    CLINKER_SKIP_UNLESS,
    // Make it the next item of a tuple, or the next part of an object: its class, or
    // what is at an offset, which is the place.
    CLINKER_ITEM,
    CLINKER_ITEM_SHARED,
    // Put a tuple of the items on the value stack, and there once more.
    CLINKER_TUPLE,
    CLINKER_TUPLE_AGAIN,
    // Put a new dictionary there.
    CLINKER_KEYWORDS,
    // Make an object of the parts, which takes the place of the value.
    CLINKER_INSTANCE,
};

// The items of a tuple that is made where native code is left, at most.
#define CLINKER_MAX_SPARE_ITEMS 4

// The attributes of an object that is made there, at most, and the parts of anything that is.
#define CLINKER_MAX_FIELDS 8
#define CLINKER_MAX_PARTS (1 + CLINKER_MAX_FIELDS)

// How many functions can be executed in place of calls at a time.
#define CLINKER_MAX_PUSHES 3

enum clinker_call_kind {
    CLINKER_CALL,
    // Of a class: the interpreter pushes another frame, which checks what __init__
    // returns.
    CLINKER_CALL_CLASS,
    // Of the method of an operator, whose number is added: the operands stay on the
    // stack, and the interpreter runs it to its end, which may be NotImplemented.
    CLINKER_CALL_OPERATOR,
};

/* A frame that is pushed: its function was executed in place of a call. */
struct clinker_push {
    PyCodeObject *code;
    // Where it goes on, or waits for the next one.
    _Py_CODEUNIT *instr;
    int32_t stacktop;
    // The size of the call.
    uint16_t call;
    uint16_t kind;
};

struct clinker_action {
    uint8_t act;
    // 0 for the frame of the native code, 1 for the first that is pushed.
    uint8_t frame;
    // The slot, or the place of the frame's stack.
    uint16_t place;
    // Which of the values that native code hands over.
    uint32_t value;
};

struct clinker_exit {
    // The instruction where the interpreter goes on; NULL if it raises.
    _Py_CODEUNIT *next;
    const struct clinker_action *actions;
    // Values that native code need not hand over; they come first.
    const uint64_t *constants;
    // The frames that are pushed, and the call that the frame waits at.
    const struct clinker_push *pushes;
    _Py_CODEUNIT *instr;
    uint32_t push_count;
    uint32_t constant_count;
    // The number of actions, and how many of them are about slots.
    uint32_t action_count;
    uint32_t slot_count;
    // The stack pointer of the frame.
    int32_t stacktop;
    // How often it was taken, and the instruction whose guess that refutes or,
    // if it raises, the handler where the interpreter goes on; -1 for none.
    uint32_t times;
    int32_t guess;
    uint64_t code;
};

/* What runs on the value stack's first place of a frame that native code runs
 * leads to, unless it is NULL: what to do to put its unboxed variables into
 * their slots, as its first actions, if that is not NULL, and their values. */
struct clinker_record {
    struct clinker_exit *exit;
    uint64_t *values;
};

static inline struct clinker_record *
clinker_record(F *frame)
{
    int place = _PyFrame_GetCode(frame)->co_nlocalsplus;
    return (struct clinker_record *)frame->localsplus[place];
}

/* How a handler is entered that is native code: jit-rs/src/codegen/handler.rs
 * makes it. */
struct clinker_handler {
    _Py_CODEUNIT *instr;
    // The instrumentation that the native code was made for.
    uint64_t version;
    // The stack pointer of what is left of the stack.
    uint32_t level;
    // Whether it gets where the exception was raised.
    uint32_t lasti;
    // Whether it begins after its PUSH_EXC_INFO.
    uint64_t pushes;
};

// What native code that stays gets instead of an instruction.
#define CLINKER_STAY ((_Py_CODEUNIT *)1)

// How often an exit shows that a guess is wrong until the guess is dropped.
#define CLINKER_MAX_EXITS 40

/* What an instruction that looks an attribute up has found, by the versions of
 * types.  Lives as long as the native code. */
#define CLINKER_WAYS 4

struct clinker_way {
    // Of the type of the owner; if the owner is a class, of that, inverted.
    uint32_t version;
    uint32_t kind;
    // The index among the inline values, the offset of a slot, or the version
    // of keys.
    uint32_t place;
    // How many versions of keys it has had.
    uint32_t versions;
    // In a class, which keeps it as long as it has its version.
    PyObject *value;
};

/* Dictionaries that an instruction looks for by their keys' versions. */
#define CLINKER_MAX_VERSIONS 64

/* Beyond that, the instruction sees too much to learn. */
#define CLINKER_MAX_MISSES 500

struct clinker_cache {
    struct clinker_way ways[CLINKER_WAYS];
    uint32_t next;
    uint32_t misses;
};

/* The start of an array.array, as in Modules/arraymodule.c. */
struct clinker_array {
    PyObject_VAR_HEAD
    char *items;
    Py_ssize_t allocated;
    // A structure that begins with the typecode.
    const char *descr;
    PyObject *weakreflist;
    Py_ssize_t exports;
};

/* query.c */
void clinker_instruction(PyCodeObject *code, int offset, uint8_t *base,
                         uint8_t *specialized, uint8_t *oparg);

/* array.c */
int clinker_array_kind(PyObject *object);
PyTypeObject *clinker_array_class(int bit);

/* What the files of helpers offer native code, by name. */
struct clinker_entry {
    const char *name;
    void *function;
};

#define ENTRY(NAME) {#NAME, (void *)clinker_##NAME}

// Each ends with an entry without name.
extern const struct clinker_entry clinker_operator_helpers[];
extern const struct clinker_entry clinker_quiet_helpers[];
extern const struct clinker_entry clinker_lookup_helpers[];
extern const struct clinker_entry clinker_method_helpers[];
extern const struct clinker_entry clinker_attribute_helpers[];
extern const struct clinker_entry clinker_name_helpers[];
extern const struct clinker_entry clinker_container_helpers[];
extern const struct clinker_entry clinker_call_helpers[];
extern const struct clinker_entry clinker_return_helpers[];
extern const struct clinker_entry clinker_generator_helpers[];
extern const struct clinker_entry clinker_consume_helpers[];
extern const struct clinker_entry clinker_iteration_helpers[];
extern const struct clinker_entry clinker_await_helpers[];
extern const struct clinker_entry clinker_freelist_helpers[];
extern const struct clinker_entry clinker_border_helpers[];
extern const struct clinker_entry clinker_number_helpers[];
extern const struct clinker_entry clinker_handler_helpers[];
extern const struct clinker_entry clinker_slice_helpers[];

/* Whether objects can come and go without the allocator: nobody is told of them. */
static inline int
clinker_is_unwatched(void)
{
#if defined(Py_REF_DEBUG) || defined(Py_TRACE_REFS) || defined(Py_GIL_DISABLED)
    return 0;
#else
    return _PyRuntime.ref_tracer.tracer_func == NULL;
#endif
}

/* The value of an int of one digit. */
static inline int
small_value(PyObject *object, int64_t *value)
{
    if (!PyLong_CheckExact(object)
        || !_PyLong_IsCompact((PyLongObject *)object))
    {
        return 0;
    }
    *value = _PyLong_CompactValue((PyLongObject *)object);
    return 1;
}

#if !CLINKER_HOOKS
/* jit-rs/src/stock/hooks.c: what calls functions in a stock CPython, and what calls those
 * that are counted or have native code. */
extern vectorcallfunc clinker_usual_vectorcall;
PyObject *clinker_vectorcall(PyObject *callable, PyObject *const *args,
                             size_t nargsf, PyObject *kwnames);

/* jit-rs/src/stock/unpack.c */
PyObject *clinker_call_unpacked(PyObject *func, PyObject *args,
                                PyObject *kwargs);
#endif

/* The method of a type that has it, by its name. */
static inline PyMethodDef *
clinker_method(PyTypeObject *type, const char *name)
{
    PyMethodDef *method = type->tp_methods;
    while (strcmp(method->ml_name, name) != 0) {
        method++;
    }
    return method;
}

/* number.c */
PyObject *clinker_box_float(double value);
PyObject *clinker_box_int(int64_t value);
PyObject *clinker_make_tuple(PyObject *const *items, int count);
PyObject *clinker_make_keywords(void);
void clinker_raise_no_memory(void);
int clinker_keep_float(PyObject *object);

/* lookup.c: a new reference to the value that an exact int or string has in a dictionary; NULL
 * if there is none, or if it cannot be told without running code. */
PyObject *clinker_peek(PyObject *dict, PyObject *key);

/* query.c: the number of a kind of objects, see jit-rs/src/hir/types.rs. */
int clinker_kind(PyObject *object);

/* watch.c */
struct clinker_settled {
    PyObject *value;
    int is_class;
    // Of a module, watched; or NULL.
    PyObject *dict;
    // Of a function; or NULL.
    PyObject *globals;
    PyObject *builtins;
    // Of a built-in function: its flags, and its address; or NULL.
    int flags;
    void *function;
};
int clinker_watch(PyObject *dict);
int clinker_find_settled(PyObject *globals, PyObject *builtins, PyObject *name,
                         PyObject *before, struct clinker_settled *settled);

/* border.c */
_Py_CODEUNIT *clinker_leave(F *frame, struct clinker_exit *exit,
                            uint64_t *values);
void clinker_act(F *frame, const struct clinker_exit *exit, uint64_t *values,
                 uint32_t from, uint32_t to);

/* frame.c */
void clinker_leave_here(const void *code);
void clinker_leave_everywhere(const void *code);
void clinker_leave_all(void);
int clinker_may_hide_frames(void);
void clinker_fill_slot(F *frame, int slot, PyObject *object);
void clinker_release_kept(F *frame);
void clinker_frame_query(F *frame, int write);
#if !CLINKER_HOOKS
void clinker_show(F *frame);
int clinker_changed(F *frame);
#endif
void clinker_dealloc(PyObject *object);

/* container.c */
int clinker_enter_manager(T *tstate, F *frame, PyObject **stack,
                          PyObject *enter_name, PyObject *exit_name,
                          const char *kind);

/* builtin.c */
int clinker_call_builtin(T *tstate, PyObject *callable, PyObject *const *args,
                         int count, PyObject **result);
/* Whether somebody is told of exceptions that are raised or handled, or end a
 * function. */
static inline int
tells_of_exceptions(T *tstate)
{
    const uint8_t *tools = tstate->interp->monitors.tools;
    return tools[PY_MONITORING_EVENT_RAISE]
           || tools[PY_MONITORING_EVENT_RERAISE]
           || tools[PY_MONITORING_EVENT_EXCEPTION_HANDLED]
           || tools[PY_MONITORING_EVENT_PY_UNWIND];
}

/* handler.c */
int clinker_has_handler(PyCodeObject *code, int index);
int clinker_raise_again(T *tstate, F *frame, _Py_CODEUNIT *instr,
                        int stacktop);

/* return.c */
/* What a function returned by clinker_return(), whose caller is native code: nothing
 * runs until the native code that calls it hands that on. */
extern PyObject *clinker_returned;

PyObject *clinker_resume(T *tstate, F *frame, _Py_CODEUNIT *next);
PyObject *clinker_settle(T *tstate, F *caller, _Py_CODEUNIT *next);

/* quiet.c */
/* The exceptions that handlers drop: their numbers for native code. */
enum clinker_quiet {
    CLINKER_KEY_ERROR,
    CLINKER_INDEX_ERROR,
    CLINKER_ATTRIBUTE_ERROR,
    CLINKER_STOP_ITERATION,
};
#define CLINKER_QUIETS (CLINKER_STOP_ITERATION + 1)

// Where clinker_object() has their names.
#define CLINKER_QUIET_NAMES 19

extern PyObject *clinker_quiet_names[CLINKER_QUIETS];
extern PyMethodDef *clinker_next_method;
void clinker_prepare_quiet(void);

/* call.c */
int clinker_is_function(T *tstate, PyObject *callable);
PyObject *clinker_call_function(T *tstate, F *frame, PyObject *func,
                                PyObject *const *args, int count);

// What native code returns then instead of an instruction.
#define RETURNED ((_Py_CODEUNIT *)1)
#define YIELDED ((_Py_CODEUNIT *)2)

/* What native code returns: where the interpreter goes on, which is all that the
 * interpreter knows of, or one of the above and a value, which is NULL in all other
 * cases, and if the runtime has made the call, which has raised. */
struct clinker_end {
    _Py_CODEUNIT *next;
    PyObject *value;
};

/* Native code, as native code and the runtime call it: see _PyNativeEntry. */
typedef struct clinker_end (*clinker_native)(F *frame, PyObject **stack,
                                             T *tstate);

/* Whether somebody has written to a variable of a frame that native code runs, or has
 * its code watched: the interpreter has to go on.  The hooks mark a frame for both. */
static inline int
clinker_is_changed(F *frame)
{
#if !CLINKER_HOOKS
    if (clinker_is_monitored(_PyFrame_GetCode(frame))) {
        return 1;
    }
#endif
    return frame->stacktop != CLINKER_NATIVE;
}

/* The native code that is entered instead of an instruction, or NULL. */
static inline clinker_native
clinker_find_entry(T *tstate, PyCodeObject *code, _Py_CODEUNIT *instr)
{
#if !CLINKER_HOOKS
    // Where functions start, nowhere else.
    _PyShadowCode *shadow = _PyEvalHooks_GetShadow(code);
    return shadow == NULL || clinker_is_monitored(code)
           || instr != _PyCode_CODE(code) + code->_co_firsttraceable
           || tstate->interp->eval_frame != NULL
           || tstate->eval_breaker != code->_co_instrumentation_version
           ? NULL : (clinker_native)shadow->entry;
#else
    if (instr->op.code != ENTER_EXECUTOR
        || tstate->eval_breaker != code->_co_instrumentation_version)
    {
        return NULL;
    }
    return (clinker_native)code->co_executors->executors[instr->op.arg]
        ->jit_code;
#endif
}

/* The frame whose C code can enter native code, or NULL if that is not possible. */
static inline F *
clinker_caller_in_c(T *tstate)
{
    F *frame = tstate->current_frame;
    // A stack pointer that is valid would take what is returned or yielded.
    return frame != NULL && frame->stacktop < 0
           && tstate->c_recursion_remaining >= Py_C_RECURSION_LIMIT / 2
           ? frame : NULL;
}

/* Most arguments with which native code enters a function: see
 * clinker_uncompiled(). */
#define CLINKER_MAX_DIRECT 8

PyObject *clinker_call(T *tstate, F *frame, PyObject **stack, uint64_t count);
int clinker_called_by_c(T *tstate, PyFunctionObject *func,
                        PyObject *const *args, size_t count,
                        PyObject **result);
int clinker_match_parameters(PyFunctionObject *func, PyObject *const *args,
                             int count, PyObject *kwnames,
                             PyObject **parameters);
PyObject *clinker_iter_generator(T *tstate, PyObject *iterable);

/* method.c */
PyObject *clinker_set_item_method(PyObject *container);
PyObject *clinker_operator_method(PyObject *left, PyObject *right,
                                  uint64_t number);
PyObject *clinker_operator_result(T *tstate, F *frame, PyObject *result,
                                  PyObject *left, PyObject *right,
                                  uint64_t number);
PyObject *clinker_call_method(T *tstate, F *frame, PyObject *left,
                              PyObject *right, uint64_t number);

/* An operator or comparison by the functions of the types. */
static inline PyObject *
clinker_operate_by_slot(PyObject *left, PyObject *right, uint64_t number)
{
    return number < CLINKER_COMPARISON
           ? _PyEval_BinaryOps[number](left, right)
           : PyObject_RichCompare(left, right,
                                  (int)(number - CLINKER_COMPARISON) >> 1);
}

/* Whether the class of an object may define operators by methods in Python: what C
 * defines has its own functions. */
static inline int
clinker_may_have_methods(PyTypeObject *type)
{
    unsigned long kind = Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_IMMUTABLETYPE;
    return (type->tp_flags & kind) == Py_TPFLAGS_HEAPTYPE;
}

/* An operator or comparison. */
static inline PyObject *
clinker_operate(T *tstate, F *frame, PyObject *left, PyObject *right,
                uint64_t number)
{
    return clinker_may_have_methods(Py_TYPE(left))
           ? clinker_call_method(tstate, frame, left, right, number)
           : clinker_operate_by_slot(left, right, number);
}

/* iteration.c */
PyObject *clinker_get_iter(T *tstate, F *frame, PyObject *iterable,
                           uint64_t unused);
PyObject *clinker_next(T *tstate, F *frame, PyObject *iterator,
                       uint64_t unused);

/* freelist.c */
PyObject *clinker_make_generator(PyFunctionObject *func);
void clinker_take_dealloc(void);
void clinker_give_dealloc_back(void);

/* instance.c */
/* What releases the objects of classes that programs define, which CPython does not
 * export; NULL before the compiler starts and after it ends. */
extern destructor clinker_subtype_dealloc;

PyObject *clinker_new_instance(PyTypeObject *type);
int clinker_dies_unseen(PyTypeObject *type);
PyObject *clinker_make_instance(PyObject *const *parts, const uint16_t *offsets,
                                int count);
void clinker_reserve_instance(void);
void clinker_release_reserved_instance(void);
int clinker_release_instance(PyObject *object);

/* generator.c */
int clinker_next_of_generator(T *tstate, F *frame, PyObject *generator,
                              PyObject **item);
PyObject *clinker_call(T *tstate, F *frame, PyObject **stack,
                       uint64_t count);

#endif /* CLINKER_RUNTIME_H */
