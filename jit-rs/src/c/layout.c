/* The layout probe: sizes, offsets and opcodes of the CPython that the archive
 * is built for, as data that build.rs reads from the object file. */

#include "Python.h"
#include "opcode_ids.h"
#include "pycore_cell.h"
#include "pycore_dict.h"
#include "pycore_evalhooks.h"
#include "pycore_code.h"
#include "pycore_frame.h"
#include "pycore_list.h"
#include "pycore_long.h"
#include "pycore_object.h"
#include "pycore_optimizer.h"
#include "pycore_pystate.h"
#include "pycore_range.h"
#include "pycore_tuple.h"

#include "runtime.h"

/* What the Rust side takes for granted beyond the numbers below. */
_Static_assert(sizeof(_Py_CODEUNIT) == 2, "a code unit has two bytes");
_Static_assert(offsetof(_Py_CODEUNIT, op.code) == 0, "the opcode is first");
_Static_assert(sizeof(((_PyShadowCode *)0)->entries) == 8, "64 bits");
_Static_assert(sizeof(_Py_LocalMonitors) >= 8
               && sizeof(_Py_LocalMonitors) <= 16, "it is read in two parts");
_Static_assert(sizeof(((_PyShadowCode *)0)->entry_period) == 4, "32 bits");
_Static_assert(sizeof(((_PyShadowCode *)0)->entries_left) == 4, "32 bits");
_Static_assert(sizeof(((_PyShadowCode *)0)->loop_count) == 4, "32 bits");
_Static_assert(sizeof(((_PyShadowLoop *)0)->offset) == 4, "32 bits");
_Static_assert(sizeof(((_PyShadowLoop *)0)->period) == 2, "16 bits");
_Static_assert(sizeof(((_PyShadowLoop *)0)->trips) == 8, "64 bits");
_Static_assert(sizeof(((PyCodeObject *)0)->co_firstlineno) == 4, "32 bits");

_Static_assert(_Alignof(struct clinker_cache) <= 8
               && sizeof(struct clinker_cache) % 8 == 0,
               "caches fit into arrays of words");
_Static_assert(sizeof(((PyLongObject *)0)->long_value.lv_tag) == 8, "64 bits");
_Static_assert(sizeof(((PyLongObject *)0)->long_value.ob_digit[0]) == 4,
               "a digit has 32 bits");
_Static_assert(sizeof(((_PyInterpreterFrame *)0)->stacktop) == 4, "32 bits");
_Static_assert(sizeof(((PyThreadState *)0)->c_recursion_remaining) == 4,
               "32 bits");
_Static_assert(sizeof(((PyThreadState *)0)->py_recursion_remaining) == 4,
               "32 bits");
_Static_assert(sizeof(((_PyInterpreterFrame *)0)->return_offset) == 2,
               "16 bits");
_Static_assert(sizeof(((_PyInterpreterFrame *)0)->owner) == 1, "8 bits");
_Static_assert(sizeof(((PyGenObject *)0)->gi_frame_state) == 1, "8 bits");
_Static_assert(FRAME_EXECUTING == 0, "as codegen/generator.rs takes for granted");
_Static_assert(FRAME_SUSPENDED_YIELD_FROM == FRAME_SUSPENDED + 1
               && INLINE_CACHE_ENTRIES_SEND == INLINE_CACHE_ENTRIES_FOR_ITER,
               "as YIELD_VALUE takes for granted");
_Static_assert(sizeof(((PyFunctionObject *)0)->func_version) == 4, "32 bits");
_Static_assert(sizeof(((PyCodeObject *)0)->co_framesize) == 4, "32 bits");
_Static_assert(sizeof(((PyThreadState *)0)->eval_breaker) == 8, "64 bits");
_Static_assert(sizeof(((PyTypeObject *)0)->tp_version_tag) == 4, "32 bits");
_Static_assert(sizeof(((PyTypeObject *)0)->tp_flags) == 8, "64 bits");
_Static_assert(sizeof(((PyDictKeysObject *)0)->dk_version) == 4, "32 bits");
_Static_assert(sizeof(((_PyRangeIterObject *)0)->len) == 8, "64 bits");
// Entries of dictionaries: the key of a general one follows its hash.
_Static_assert(sizeof(PyDictUnicodeEntry) == 16 && sizeof(setentry) == 16
               && offsetof(PyDictKeyEntry, me_key)
                  == sizeof(PyDictKeyEntry) - sizeof(PyDictUnicodeEntry)
                     + offsetof(PyDictUnicodeEntry, me_key)
               && offsetof(PyDictKeyEntry, me_value)
                  == sizeof(PyDictKeyEntry) - sizeof(PyDictUnicodeEntry)
                     + offsetof(PyDictUnicodeEntry, me_value),
               "entries differ in the hash");
_Static_assert(DICT_KEYS_GENERAL == 0 && DICT_KEYS_UNICODE == 1,
               "the kinds of keys that machine code knows come first");
_Static_assert(offsetof(PyListObject, ob_item)
               == offsetof(PyTupleObject, ob_item),
               "a place in tuples is no worse than in lists");
_Static_assert(offsetof(_PyListIterObject, it_seq)
               == offsetof(_PyTupleIterObject, it_seq)
               && offsetof(_PyListIterObject, it_index)
                  == offsetof(_PyTupleIterObject, it_index),
               "the iterators of lists and tuples look the same");

#ifdef Py_REF_DEBUG
#  define REF_DEBUG 1
#else
#  define REF_DEBUG 0
#endif

struct entry {
    char name[56];
    uint64_t value;
};

/* Without the GIL the interpreter takes no client of its hooks: the archive has
 * to compile, and its compiler never runs. */
#ifdef Py_GIL_DISABLED
#  define REFCNT_FIELD ob_ref_local
#else
#  define REFCNT_FIELD ob_refcnt
#endif

#define OFFSET(NAME, TYPE, FIELD) {NAME, offsetof(TYPE, FIELD)}
#define NUMBER(NAME, VALUE) {NAME, VALUE}

__attribute__((used))
const struct entry clinker_layout[] = {
    NUMBER("PY_VERSION_HEX", PY_VERSION_HEX),
    OFFSET("CODE_FILENAME", PyCodeObject, co_filename),
    OFFSET("CODE_QUALNAME", PyCodeObject, co_qualname),
    OFFSET("CODE_FIRSTLINENO", PyCodeObject, co_firstlineno),
    OFFSET("CODE_INSTRUCTIONS", PyCodeObject, co_code_adaptive),
    OFFSET("SHADOW_ENTRIES", _PyShadowCode, entries),
    OFFSET("SHADOW_ENTRY_PERIOD", _PyShadowCode, entry_period),
    OFFSET("SHADOW_ENTRIES_LEFT", _PyShadowCode, entries_left),
    OFFSET("SHADOW_LOOP_COUNT", _PyShadowCode, loop_count),
    OFFSET("SHADOW_LOOPS", _PyShadowCode, loops),
    NUMBER("LOOP_SIZE", sizeof(_PyShadowLoop)),
    OFFSET("LOOP_OFFSET", _PyShadowLoop, offset),
    OFFSET("LOOP_PERIOD", _PyShadowLoop, period),
    OFFSET("LOOP_TRIPS", _PyShadowLoop, trips),
    NUMBER("JUMP_BACKWARD_COUNTED", JUMP_BACKWARD_COUNTED),
    NUMBER("WARMUP_VALUE", ADAPTIVE_WARMUP_VALUE),
    NUMBER("WARMUP_BACKOFF", ADAPTIVE_WARMUP_BACKOFF),
    NUMBER("EVAL_STOP_COUNTING", _Py_EVAL_STOP_COUNTING),
    OFFSET("CODE_ARGCOUNT", PyCodeObject, co_argcount),
    OFFSET("CODE_POSONLYARGCOUNT", PyCodeObject, co_posonlyargcount),
    OFFSET("CODE_KWONLYARGCOUNT", PyCodeObject, co_kwonlyargcount),
    OFFSET("CODE_START", PyCodeObject, _co_firsttraceable),
    OFFSET("CODE_FLAGS", PyCodeObject, co_flags),
    OFFSET("CODE_NLOCALSPLUS", PyCodeObject, co_nlocalsplus),
    OFFSET("CODE_VARIABLES", PyCodeObject, co_localsplusnames),
    OFFSET("CODE_KINDS", PyCodeObject, co_localspluskinds),
    OFFSET("BYTES_VALUE", PyBytesObject, ob_sval),
    NUMBER("CO_FAST_CELL_OR_FREE", CO_FAST_CELL | CO_FAST_FREE),
    OFFSET("CODE_CONSTS", PyCodeObject, co_consts),
    OFFSET("CODE_NAMES", PyCodeObject, co_names),
    OFFSET("CODE_EXCEPTION_TABLE", PyCodeObject, co_exceptiontable),
    OFFSET("CODE_FUNCTION_VERSION", PyCodeObject, co_version),
    OFFSET("CODE_VERSION", PyCodeObject, _co_instrumentation_version),
    OFFSET("CODE_EXECUTORS", PyCodeObject, co_executors),
    OFFSET("EXECUTORS", _PyExecutorArray, executors),
    OFFSET("EXECUTOR_CODE", _PyExecutorObject, jit_code),
    NUMBER("CO_OPTIMIZED", CO_OPTIMIZED),
    NUMBER("CO_GENERATORS", CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR),
    NUMBER("CO_VARARGS", CO_VARARGS),
    NUMBER("CO_VARKEYWORDS", CO_VARKEYWORDS),
    OFFSET("FRAME_LOCALS", _PyInterpreterFrame, localsplus),
    OFFSET("FRAME_STACKTOP", _PyInterpreterFrame, stacktop),
    OFFSET("FRAME_INSTR_PTR", _PyInterpreterFrame, instr_ptr),
    OFFSET("FRAME_GLOBALS", _PyInterpreterFrame, f_globals),
    OFFSET("FRAME_BUILTINS", _PyInterpreterFrame, f_builtins),
    OFFSET("FRAME_OBJECT", _PyInterpreterFrame, frame_obj),
    OFFSET("FRAME_EXECUTABLE", _PyInterpreterFrame, f_executable),
    OFFSET("FRAME_PREVIOUS", _PyInterpreterFrame, previous),
    OFFSET("FRAME_FUNCTION", _PyInterpreterFrame, f_funcobj),
    OFFSET("FRAME_NAMESPACE", _PyInterpreterFrame, f_locals),
    OFFSET("FRAME_RETURN_OFFSET", _PyInterpreterFrame, return_offset),
    OFFSET("FRAME_OWNER", _PyInterpreterFrame, owner),
    OFFSET("GENERATOR_FRAME", PyGenObject, gi_iframe),
    OFFSET("GENERATOR_STATE", PyGenObject, gi_frame_state),
    OFFSET("GENERATOR_PREVIOUS_EXC", PyGenObject, gi_exc_state.previous_item),
    OFFSET("GENERATOR_EXC", PyGenObject, gi_exc_state),
    NUMBER("SUSPENDED_BELOW_ZERO", -FRAME_SUSPENDED),
    OFFSET("TSTATE_EXC_INFO", PyThreadState, exc_info),
    NUMBER("YIELD_TO_NEXT", sizeof(_Py_CODEUNIT)
                            * (1 + INLINE_CACHE_ENTRIES_SEND)),
    NUMBER("FRAME_OWNED_BY_THREAD", FRAME_OWNED_BY_THREAD),
    OFFSET("TSTATE_EVAL_BREAKER", PyThreadState, eval_breaker),
    OFFSET("TSTATE_FRAME", PyThreadState, current_frame),
    OFFSET("TSTATE_INTERPRETER", PyThreadState, interp),
    OFFSET("TSTATE_STACK_TOP", PyThreadState, datastack_top),
    OFFSET("TSTATE_STACK_LIMIT", PyThreadState, datastack_limit),
    OFFSET("TSTATE_STACK_CHUNK", PyThreadState, datastack_chunk),
    OFFSET("CHUNK_DATA", _PyStackChunk, data),
    OFFSET("TSTATE_PY_RECURSION", PyThreadState, py_recursion_remaining),
    OFFSET("INTERPRETER_EVAL_FRAME", PyInterpreterState, eval_frame),
    OFFSET("FUNCTION_VERSION", PyFunctionObject, func_version),
    NUMBER("TYPE_HEAP", Py_TPFLAGS_HEAPTYPE),
    OFFSET("HEAP_TYPE_GETITEM", PyHeapTypeObject, _spec_cache.getitem),
    OFFSET("HEAP_TYPE_INIT", PyHeapTypeObject, _spec_cache.init),
    OFFSET("MODULE_DICT", PyModuleObject, md_dict),
    OFFSET("FUNCTION_GLOBALS", PyFunctionObject, func_globals),
    OFFSET("FUNCTION_BUILTINS", PyFunctionObject, func_builtins),
    OFFSET("FUNCTION_DEFAULTS", PyFunctionObject, func_defaults),
    OFFSET("FUNCTION_CLOSURE", PyFunctionObject, func_closure),
    OFFSET("FUNCTION_KEYWORD_DEFAULTS", PyFunctionObject, func_kwdefaults),
    OFFSET("CODE_FRAME_SIZE", PyCodeObject, co_framesize),
    NUMBER("ENTER_EXECUTOR", ENTER_EXECUTOR),
    OFFSET("TSTATE_C_RECURSION", PyThreadState, c_recursion_remaining),
    OFFSET("OBJECT_REFCNT", PyObject, REFCNT_FIELD),
    OFFSET("OBJECT_TYPE", PyObject, ob_type),
    OFFSET("OBJECT_SIZE", PyVarObject, ob_size),
    OFFSET("TYPE_VERSION", PyTypeObject, tp_version_tag),
    OFFSET("TYPE_FLAGS", PyTypeObject, tp_flags),
    NUMBER("TYPE_SUBCLASS", Py_TPFLAGS_TYPE_SUBCLASS),
    OFFSET("HEAP_TYPE_CACHED_KEYS", PyHeapTypeObject, ht_cached_keys),
    OFFSET("DICT_KEYS", PyDictObject, ma_keys),
    OFFSET("DICT_USED", PyDictObject, ma_used),
    OFFSET("SET_USED", PySetObject, used),
    OFFSET("STR_LENGTH", PyASCIIObject, length),
    OFFSET("KEYS_VERSION", PyDictKeysObject, dk_version),
    OFFSET("KEYS_LOG2_INDEX_BYTES", PyDictKeysObject, dk_log2_index_bytes),
    OFFSET("KEYS_KIND", PyDictKeysObject, dk_kind),
    OFFSET("KEYS_COUNT", PyDictKeysObject, dk_nentries),
    NUMBER("DICT_KEYS_UNICODE", DICT_KEYS_UNICODE),
    OFFSET("KEYS_ENTRY_KEY", PyDictUnicodeEntry, me_key),
    OFFSET("KEYS_SIZE", PyDictKeysObject, dk_indices),
    NUMBER("KEYS_ENTRY_SIZE", sizeof(PyDictUnicodeEntry)),
    OFFSET("KEYS_ENTRY_VALUE", PyDictUnicodeEntry, me_value),
    NUMBER("INLINE_VALUES", sizeof(PyObject) + offsetof(PyDictValues, values)),
    NUMBER("INLINE_VALUES_CAPACITY",
           sizeof(PyObject) + offsetof(PyDictValues, capacity)),
    NUMBER("INLINE_VALUES_SIZE",
           sizeof(PyObject) + offsetof(PyDictValues, size)),
    NUMBER("INLINE_VALUES_VALID",
           sizeof(PyObject) + offsetof(PyDictValues, valid)),
    NUMBER("MANAGED_DICT_BEFORE", -MANAGED_DICT_OFFSET),
    OFFSET("LONG_TAG", PyLongObject, long_value.lv_tag),
    OFFSET("LONG_DIGIT", PyLongObject, long_value.ob_digit),
    NUMBER("LONG_COMPACT_END", 2 << NON_SIZE_BITS),
    NUMBER("LONG_SIGN_MASK", SIGN_MASK),
    NUMBER("SMALL_INTS_NEGATIVE", _PY_NSMALLNEGINTS),
    NUMBER("SMALL_INTS", _PY_NSMALLNEGINTS + _PY_NSMALLPOSINTS),
    NUMBER("SMALL_INT_SIZE", sizeof(PyLongObject)),
    OFFSET("FLOAT_VALUE", PyFloatObject, ob_fval),
    OFFSET("LIST_ITEMS", PyListObject, ob_item),
    OFFSET("LIST_ALLOCATED", PyListObject, allocated),
    OFFSET("ARRAY_ITEMS", struct clinker_array, items),
    OFFSET("ARRAY_DESCR", struct clinker_array, descr),
    OFFSET("TUPLE_ITEMS", PyTupleObject, ob_item),
    OFFSET("BUILTIN_METHOD", PyCFunctionObject, m_ml),
    OFFSET("BUILTIN_SELF", PyCFunctionObject, m_self),
    OFFSET("DESCRIPTOR_CLASS", PyMethodDescrObject, d_common.d_type),
    OFFSET("DESCRIPTOR_METHOD", PyMethodDescrObject, d_method),
    OFFSET("METHOD_ADDRESS", PyMethodDef, ml_meth),
    OFFSET("METHOD_FLAGS", PyMethodDef, ml_flags),
    OFFSET("TYPE_MAKER", PyTypeObject, tp_vectorcall),
    NUMBER("METH_NOARGS", METH_NOARGS),
    NUMBER("METH_O", METH_O),
    NUMBER("METH_FASTCALL", METH_FASTCALL),
    NUMBER("METH_KEYWORDS", METH_KEYWORDS),
    // A static one gets no self.
    NUMBER("METH_CONVENTION", METH_VARARGS | METH_FASTCALL | METH_NOARGS
                              | METH_O | METH_KEYWORDS | METH_METHOD
                              | METH_STATIC),
    OFFSET("METHOD_FUNCTION", PyMethodObject, im_func),
    OFFSET("METHOD_SELF", PyMethodObject, im_self),
    OFFSET("CELL_VALUE", PyCellObject, ob_ref),
    OFFSET("RANGE_ITER_START", _PyRangeIterObject, start),
    OFFSET("RANGE_ITER_STEP", _PyRangeIterObject, step),
    OFFSET("RANGE_ITER_LENGTH", _PyRangeIterObject, len),
    OFFSET("SEQUENCE_ITER_SEQUENCE", _PyListIterObject, it_seq),
    OFFSET("SEQUENCE_ITER_INDEX", _PyListIterObject, it_index),
    OFFSET("DICT_ITER_DICT", struct clinker_dict_iter, dict),
    OFFSET("DICT_ITER_USED", struct clinker_dict_iter, used),
    OFFSET("DICT_ITER_POSITION", struct clinker_dict_iter, position),
    OFFSET("DICT_ITER_RESULT", struct clinker_dict_iter, result),
    OFFSET("DICT_ITER_LEFT", struct clinker_dict_iter, left),
    NUMBER("GENERAL_ENTRY_MORE", sizeof(PyDictKeyEntry)
                                 - sizeof(PyDictUnicodeEntry)),
    OFFSET("SET_ITER_SET", struct clinker_set_iter, set),
    OFFSET("SET_ITER_USED", struct clinker_set_iter, used),
    OFFSET("SET_ITER_POSITION", struct clinker_set_iter, position),
    OFFSET("SET_ITER_LEFT", struct clinker_set_iter, left),
    OFFSET("SET_MASK", PySetObject, mask),
    OFFSET("SET_TABLE", PySetObject, table),
    OFFSET("REVERSED_LIST_INDEX", struct clinker_reversed_list, index),
    OFFSET("REVERSED_LIST_LIST", struct clinker_reversed_list, list),
    OFFSET("STR_ITER_INDEX", struct clinker_str_iter, index),
    OFFSET("STR_ITER_STR", struct clinker_str_iter, str),
    NUMBER("ASCII_DATA", sizeof(PyASCIIObject)),
    NUMBER("ASCII_SIZE", sizeof(_Py_SINGLETON(strings).ascii[0])),
    OFFSET("ENUMERATE_INDEX", struct clinker_enumerate, index),
    OFFSET("ENUMERATE_ITERATOR", struct clinker_enumerate, iterator),
    OFFSET("ENUMERATE_RESULT", struct clinker_enumerate, result),
    OFFSET("ZIP_ITERATORS", struct clinker_zip, iterators),
    OFFSET("ZIP_RESULT", struct clinker_zip, result),
    // The head of the garbage collector comes before the object.
    NUMBER("GC_NEXT_BEFORE", sizeof(PyGC_Head)
                             - offsetof(PyGC_Head, _gc_next)),
    NUMBER("REF_DEBUG", REF_DEBUG),
    NUMBER("HOOKS", CLINKER_HOOKS),
    NUMBER("HANDLER_SIZE", sizeof(struct clinker_handler)),
    NUMBER("EXIT_SIZE", sizeof(struct clinker_exit)),
    OFFSET("EXIT_TIMES", struct clinker_exit, times),
    NUMBER("RECORD_SIZE", sizeof(struct clinker_record)),
    OFFSET("RECORD_EXIT", struct clinker_record, exit),
    OFFSET("RECORD_VALUES", struct clinker_record, values),
    OFFSET("CODE_STACK_SIZE", PyCodeObject, co_stacksize),
    NUMBER("MAX_PUSHES", CLINKER_MAX_PUSHES),
    NUMBER("MAX_SPARE_ITEMS", CLINKER_MAX_SPARE_ITEMS),
    NUMBER("MAX_FIELDS", CLINKER_MAX_FIELDS),
    // _Py_InitCleanup has no variables and a stack of two.
    NUMBER("SHIM_FRAME_SIZE", FRAME_SPECIALS_SIZE + 2),
    NUMBER("PUSH_SIZE", sizeof(struct clinker_push)),
    OFFSET("CODE_MONITORING", PyCodeObject, _co_monitoring),
    NUMBER("ACTION_SIZE", sizeof(struct clinker_action)),
    NUMBER("MAX_EXITS", CLINKER_MAX_EXITS),
    NUMBER("MAX_DIRECT", CLINKER_MAX_DIRECT),
    NUMBER("COMPARISON", CLINKER_COMPARISON),
    NUMBER("NB_ADD", NB_ADD),
    NUMBER("NB_AND", NB_AND),
    NUMBER("NB_FLOOR_DIVIDE", NB_FLOOR_DIVIDE),
    NUMBER("NB_LSHIFT", NB_LSHIFT),
    NUMBER("NB_MULTIPLY", NB_MULTIPLY),
    NUMBER("NB_REMAINDER", NB_REMAINDER),
    NUMBER("NB_OR", NB_OR),
    NUMBER("NB_POWER", NB_POWER),
    NUMBER("NB_RSHIFT", NB_RSHIFT),
    NUMBER("NB_SUBTRACT", NB_SUBTRACT),
    NUMBER("NB_TRUE_DIVIDE", NB_TRUE_DIVIDE),
    NUMBER("NB_XOR", NB_XOR),
    NUMBER("NB_INPLACE_ADD", NB_INPLACE_ADD),
    NUMBER("CALL", CLINKER_CALL),
    NUMBER("CALL_CLASS", CLINKER_CALL_CLASS),
    NUMBER("CALL_OPERATOR", CLINKER_CALL_OPERATOR),
    NUMBER("SET_ITEM", CLINKER_SET_ITEM),
    NUMBER("KEY_ERROR", CLINKER_KEY_ERROR),
    NUMBER("INDEX_ERROR", CLINKER_INDEX_ERROR),
    NUMBER("ATTRIBUTE_ERROR", CLINKER_ATTRIBUTE_ERROR),
    NUMBER("STOP_ITERATION", CLINKER_STOP_ITERATION),
    NUMBER("QUIETS", CLINKER_QUIETS),
    NUMBER("QUIET_NAMES", CLINKER_QUIET_NAMES),
    NUMBER("CACHE_SIZE", sizeof(struct clinker_cache)),
    NUMBER("NATIVE_BELOW_ZERO", -CLINKER_NATIVE),
    NUMBER("CONSUMER_BELOW_ZERO", -CLINKER_CONSUMER),
};
