/* Calls. */

#include "runtime.h"

#if CLINKER_HOOKS

/* Move a new frame, the current one, to a generator, as RETURN_GENERATOR. */
static PyObject *
make_generator(T *tstate, F *frame)
{
    PyFunctionObject *func = (PyFunctionObject *)frame->f_funcobj;
    PyGenObject *gen = (PyGenObject *)_Py_MakeCoro(func);
    if (gen == NULL) {
        return _PyEvalHooks_ResumeFrames(tstate, frame, 1);
    }
    F *gen_frame = (F *)gen->gi_iframe;
    frame->instr_ptr++;
    _PyFrame_Copy(frame, gen_frame);
    gen->gi_frame_state = FRAME_CREATED;
    gen_frame->owner = FRAME_OWNED_BY_GENERATOR;
    tstate->py_recursion_remaining++;
    F *previous = frame->previous;
    _PyThreadState_PopFrame(tstate, frame);
    tstate->current_frame = previous;
    return (PyObject *)gen;
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

/* Fill in what comes before the RETURN_GENERATOR or RESUME of a function.  Gives
 * that, or what the interpreter has to begin with. */
static _Py_CODEUNIT *
fill_cells(F *frame, PyCodeObject *code)
{
    _Py_CODEUNIT *instr = frame->instr_ptr;
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
    return instr;
}

/* Whether a function just makes a generator or a coroutine of so many arguments,
 * which are in order, after it has copied its closure. */
static inline int
makes_generator(T *tstate, PyFunctionObject *func, int count)
{
    PyCodeObject *code = (PyCodeObject *)func->func_code;
    const int simple = CO_OPTIMIZED | CO_VARKEYWORDS | CO_VARARGS;
    if (!(code->co_flags & (CO_GENERATOR | CO_COROUTINE))
        || (code->co_flags & simple) != CO_OPTIMIZED
        || code->co_kwonlyargcount != 0 || code->co_argcount != count
        || tstate->py_recursion_remaining <= 0
        || tstate->coroutine_origin_tracking_depth != 0)
    {
        return 0;
    }
    _Py_CODEUNIT *instr = _PyCode_CODE(code);
    instr += instr->op.code == COPY_FREE_VARS;
    return instr->op.code == RETURN_GENERATOR;
}

/* Call a function that makes_generator(), without the frame that the interpreter
 * would push and move.  Steals the function and the arguments. */
static PyObject *
new_generator(T *tstate, PyFunctionObject *func, PyObject *const *args,
              int count)
{
    PyCodeObject *code = (PyCodeObject *)func->func_code;
    PyGenObject *gen = (PyGenObject *)clinker_make_generator(func);
    if (gen == NULL) {
        Py_DECREF(func);
        for (int i = 0; i < count; i++) {
            Py_DECREF(args[i]);
        }
        return NULL;
    }
    F *gen_frame = (F *)gen->gi_iframe;
    _PyFrame_Initialize(gen_frame, func, NULL, code, count);
    for (int i = 0; i < count; i++) {
        gen_frame->localsplus[i] = args[i];
    }
    gen_frame->instr_ptr = fill_cells(gen_frame, code) + 1;
    gen_frame->previous = NULL;
    gen_frame->owner = FRAME_OWNED_BY_GENERATOR;
    gen->gi_frame_state = FRAME_CREATED;
    return (PyObject *)gen;
}

/* An iterator whose class has a generator function as its __iter__; NULL without
 * an exception for all others. */
PyObject *
clinker_iter_generator(T *tstate, PyObject *iterable)
{
    PyTypeObject *type = Py_TYPE(iterable);
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
        return NULL;
    }
    // Since that is what is found, tp_iter calls it.
    PyObject *func = _PyType_Lookup(type, &_Py_ID(__iter__));
    if (func == NULL || !is_inlined(tstate, func)
        || !makes_generator(tstate, (PyFunctionObject *)func, 1)
        || !(((PyCodeObject *)((PyFunctionObject *)func)->func_code)->co_flags
             & CO_GENERATOR))
    {
        return NULL;
    }
    PyObject *self = Py_NewRef(iterable);
    return new_generator(tstate, (PyFunctionObject *)Py_NewRef(func), &self, 1);
}

/* Run a new frame, the current one, to its end. */
static PyObject *
run(T *tstate, F *frame, PyCodeObject *code)
{
    _Py_CODEUNIT *instr = fill_cells(frame, code);
    frame->instr_ptr = instr;
    if (instr->op.code == RETURN_GENERATOR) {
        return make_generator(tstate, frame);
    }
    clinker_native entry = clinker_find_entry(tstate, code, instr);
    if (entry != NULL) {
        tstate->c_recursion_remaining--;
        struct clinker_end end =
            entry(frame, _PyFrame_Stackbase(frame), tstate);
        tstate->c_recursion_remaining++;
        if (end.next == RETURNED) {
            return end.value;
        }
        return clinker_resume(tstate, frame, end.next);
    }
    return _PyEvalHooks_ResumeFrames(tstate, frame, 0);
}

#endif

// More parameters are left to CPython where some have defaults or are named.
#define MAX_PARAMETERS 16

/* Find out what the parameters of a function get, as initialize_locals() of
 * Python/ceval.c: arguments first, then the defaults of others, which are NULL in
 * that list.  Returns 0 if it is not that easy. */
int
clinker_match_parameters(PyFunctionObject *func, PyObject *const *args,
                         int count, PyObject *kwnames, PyObject **parameters)
{
    PyCodeObject *code = (PyCodeObject *)func->func_code;
    const int simple = CO_OPTIMIZED | CO_VARKEYWORDS | CO_VARARGS;
    int wanted = code->co_argcount;
    if ((code->co_flags & simple) != CO_OPTIMIZED
        || code->co_kwonlyargcount != 0 || count > wanted
        || wanted > MAX_PARAMETERS)
    {
        return 0;
    }
    int names = kwnames == NULL ? 0 : (int)PyTuple_GET_SIZE(kwnames);
    int positional = count - names;
    memset(parameters, 0, wanted * sizeof(PyObject *));
    if (positional > 0) {
        memcpy(parameters, args, positional * sizeof(PyObject *));
    }
    for (int i = 0; i < names; i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        int place = wanted - 1;
        while (place >= code->co_posonlyargcount
               && PyTuple_GET_ITEM(code->co_localsplusnames, place) != name)
        {
            place--;
        }
        if (place < code->co_posonlyargcount || parameters[place] != NULL) {
            return 0;
        }
        parameters[place] = args[positional + i];
    }
    PyObject *defaults = func->func_defaults;
    int last = defaults == NULL ? wanted
                                : wanted - (int)PyTuple_GET_SIZE(defaults);
    for (int i = positional; i < last; i++) {
        if (parameters[i] == NULL) {
            return 0;
        }
    }
    return 1;
}

/* The native code that calls of a function with so many positional arguments enter, or
 * NULL if something has to be done before. */
static inline clinker_native
direct_entry(T *tstate, PyFunctionObject *func, size_t count)
{
    PyCodeObject *code = (PyCodeObject *)func->func_code;
    _Py_CODEUNIT *instr = _PyCode_CODE(code);
    instr += instr->op.code == COPY_FREE_VARS;
    const int others = CO_VARKEYWORDS | CO_VARARGS | CO_GENERATOR
                       | CO_COROUTINE | CO_ASYNC_GENERATOR;
    if ((code->co_flags & (CO_OPTIMIZED | others)) != CO_OPTIMIZED
        || code->co_kwonlyargcount != 0 || count != (size_t)code->co_argcount
        || count > CLINKER_MAX_DIRECT)
    {
        return NULL;
    }
    return clinker_find_entry(tstate, code, instr);
}

/* Enter it.  Steals the function and the arguments. */
static inline PyObject *
enter_directly(T *tstate, F *frame, clinker_native native,
               PyFunctionObject *func, PyObject *const *args, size_t count)
{
    // It takes no more of them than it has parameters.
    PyObject *passed[CLINKER_MAX_DIRECT] = {NULL};
    if (count > 0) {
        memcpy(passed, args, count * sizeof(PyObject *));
    }
    struct clinker_end (*entry)(F *, PyFunctionObject *, T *, PyObject *,
                                PyObject *, PyObject *, PyObject *, PyObject *,
                                PyObject *, PyObject *, PyObject *);
    static_assert(CLINKER_MAX_DIRECT == 8, "as many arguments");
    *(clinker_native *)&entry = native;
    tstate->c_recursion_remaining--;
    struct clinker_end end =
        entry(frame, func, tstate, passed[0], passed[1], passed[2], passed[3],
              passed[4], passed[5], passed[6], passed[7]);
    tstate->c_recursion_remaining++;
    return end.value != NULL ? end.value
                             : clinker_settle(tstate, frame, end.next);
}

#if CLINKER_HOOKS

/* Make a new frame the current one; NULL if the recursion is too deep. */
static F *
enter(T *tstate, F *frame, F *new_frame)
{
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
    return new_frame;
}

/* Push the frame of a call of a Python function, with arguments that are stolen, as
 * the function is.  Borrows kwnames. */
static F *
push_function(T *tstate, F *frame, PyFunctionObject *func,
              PyObject *const *args, int count, PyObject *kwnames)
{
    PyCodeObject *code = (PyCodeObject *)func->func_code;
    const int simple = CO_OPTIMIZED | CO_VARKEYWORDS | CO_VARARGS;
    PyObject *parameters[MAX_PARAMETERS];
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
    else if (clinker_match_parameters(func, args, count, kwnames,
                                      parameters)
        && _PyThreadState_HasStackSpace(tstate, code->co_framesize))
    {
        int wanted = code->co_argcount;
        new_frame = _PyFrame_PushUnchecked(tstate, func, wanted);
        for (int i = 0; i < wanted; i++) {
            PyObject *value = parameters[i];
            if (value == NULL) {
                Py_ssize_t size = PyTuple_GET_SIZE(func->func_defaults);
                value = Py_NewRef(PyTuple_GET_ITEM(func->func_defaults,
                                                   size - wanted + i));
            }
            new_frame->localsplus[i] = value;
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
    return enter(tstate, frame, new_frame);
}

/* Call a Python function; see push_function(). */
static PyObject *
call_function(T *tstate, F *frame, PyFunctionObject *func, PyObject **args,
              int count, PyObject *kwnames)
{
    PyCodeObject *code = (PyCodeObject *)func->func_code;
    clinker_native native =
        kwnames == NULL ? direct_entry(tstate, func, count) : NULL;
    if (native != NULL) {
        return enter_directly(tstate, frame, native, func, args, count);
    }
    if (kwnames == NULL && makes_generator(tstate, func, count)) {
        return new_generator(tstate, func, args, count);
    }
    F *new_frame = push_function(tstate, frame, func, args, count, kwnames);
    return new_frame == NULL ? NULL : run(tstate, new_frame, code);
}

/* Call a Python function with a tuple and a dictionary or NULL, all of which are
 * stolen: they are released before it runs, as in CALL_FUNCTION_EX. */
static PyObject *
call_function_ex(T *tstate, F *frame, PyFunctionObject *func, PyObject *args,
                 PyObject *kwargs)
{
    PyCodeObject *code = (PyCodeObject *)func->func_code;
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    F *new_frame = NULL;
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) {
        PyObject *kwnames;
        PyObject *const *unpacked = _PyStack_UnpackDict(
            tstate, _PyTuple_ITEMS(args), count, kwargs, &kwnames);
        if (unpacked == NULL) {
            Py_DECREF(func);
        }
        else {
            count += PyTuple_GET_SIZE(kwnames);
            new_frame = push_function(tstate, frame, func, unpacked, (int)count,
                                      kwnames);
            _PyStack_UnpackDict_FreeNoDecRef(unpacked, kwnames);
        }
    }
    else {
        for (Py_ssize_t i = 0; i < count; i++) {
            Py_INCREF(PyTuple_GET_ITEM(args, i));
        }
        new_frame = push_function(tstate, frame, func, _PyTuple_ITEMS(args),
                                  (int)count, NULL);
    }
    Py_DECREF(args);
    Py_XDECREF(kwargs);
    return new_frame == NULL ? NULL : run(tstate, new_frame, code);
}

#else

static inline int
is_inlined(T *tstate, PyObject *callable)
{
    return Py_TYPE(callable) == &PyFunction_Type;
}

PyObject *
clinker_iter_generator(T *tstate, PyObject *iterable)
{
    return NULL;
}

/* Call a Python function, by what it is called by, with arguments that are stolen, as the
 * function is.  Borrows kwnames. */
static PyObject *
call_function(T *tstate, F *frame, PyFunctionObject *func, PyObject **args,
              int count, PyObject *kwnames)
{
    clinker_native native =
        func->vectorcall == clinker_vectorcall && kwnames == NULL
        && clinker_caller_in_c(tstate) == frame
        ? direct_entry(tstate, func, (size_t)count) : NULL;
    if (native != NULL) {
        return enter_directly(tstate, frame, native, func, args, count);
    }
    int positional = count;
    if (kwnames != NULL) {
        positional -= (int)PyTuple_GET_SIZE(kwnames);
    }
    PyObject *result =
        func->vectorcall((PyObject *)func, args, positional, kwnames);
    Py_DECREF(func);
    for (int i = 0; i < count; i++) {
        Py_DECREF(args[i]);
    }
    return result;
}

#endif

/* Whether an instruction that calls a method without a call in the program may
 * call it as a function of Python. */
int
clinker_is_function(T *tstate, PyObject *callable)
{
    return is_inlined(tstate, callable)
           && tstate->c_recursion_remaining >= Py_C_RECURSION_LIMIT / 2;
}

/* Call such a function with positional arguments.  Borrows all. */
PyObject *
clinker_call_function(T *tstate, F *frame, PyObject *func,
                      PyObject *const *args, int count)
{
    // __setitem__() has the most.
    PyObject *stack[3];
    assert(count <= (int)Py_ARRAY_LENGTH(stack));
    for (int i = 0; i < count; i++) {
        stack[i] = Py_NewRef(args[i]);
    }
    return call_function(tstate, frame, (PyFunctionObject *)Py_NewRef(func),
                         stack, count, NULL);
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
    PyObject *result;
    if (kwnames != NULL
        || !clinker_call_builtin(tstate, callable, args, count, &result))
    {
        int positional = count;
        if (kwnames != NULL) {
            positional -= (int)PyTuple_GET_SIZE(kwnames);
        }
        result = PyObject_Vectorcall(
            callable, args, positional | PY_VECTORCALL_ARGUMENTS_OFFSET,
            kwnames);
    }
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

/* Call a function whose native code cannot be entered: it and the values of all its
 * parameters. */
PyObject *
clinker_call_placed(T *tstate, F *frame, PyObject **stack, uint64_t count)
{
#if !CLINKER_HOOKS
    PyObject *result =
        clinker_usual_vectorcall(stack[0], stack + 1, count, NULL);
    for (uint64_t i = 0; i <= count; i++) {
        Py_DECREF(stack[i]);
    }
    return result;
#else
    PyFunctionObject *func = (PyFunctionObject *)stack[0];
    PyCodeObject *code = (PyCodeObject *)func->func_code;
    F *new_frame = _PyThreadState_PushFrame(tstate, code->co_framesize);
    if (new_frame == NULL) {
        for (uint64_t i = 0; i <= count; i++) {
            Py_DECREF(stack[i]);
        }
        return PyErr_NoMemory();
    }
    _PyFrame_Initialize(new_frame, func, NULL, code, (int)count);
    memcpy(new_frame->localsplus, stack + 1, count * sizeof(PyObject *));
    if (tstate->interp->eval_frame != NULL) {
        return _PyEval_EvalFrame(tstate, new_frame, 0);
    }
    new_frame = enter(tstate, frame, new_frame);
    return new_frame == NULL ? NULL : run(tstate, new_frame, code);
#endif
}

/* What native code calls in place of native code that cannot be entered. */
#define PARAMETER(N) PyObject *arg##N
#define UNCOMPILED(COUNT, PARAMETERS, ...)                                      \
    static struct clinker_end uncompiled_##COUNT(                               \
        F *frame, PyObject *func, T *tstate PARAMETERS)                         \
    {                                                                           \
        PyObject *stack[] = {func __VA_ARGS__};                                 \
        PyObject *value = clinker_call_placed(tstate, frame, stack, COUNT);     \
        return (struct clinker_end){RETURNED, value};                           \
    }
#define PARAMETERS_0
#define PARAMETERS_1 , PARAMETER(0)
#define PARAMETERS_2 PARAMETERS_1, PARAMETER(1)
#define PARAMETERS_3 PARAMETERS_2, PARAMETER(2)
#define PARAMETERS_4 PARAMETERS_3, PARAMETER(3)
#define PARAMETERS_5 PARAMETERS_4, PARAMETER(4)
#define PARAMETERS_6 PARAMETERS_5, PARAMETER(5)
#define PARAMETERS_7 PARAMETERS_6, PARAMETER(6)
#define PARAMETERS_8 PARAMETERS_7, PARAMETER(7)

UNCOMPILED(0, PARAMETERS_0)
UNCOMPILED(1, PARAMETERS_1, , arg0)
UNCOMPILED(2, PARAMETERS_2, , arg0, arg1)
UNCOMPILED(3, PARAMETERS_3, , arg0, arg1, arg2)
UNCOMPILED(4, PARAMETERS_4, , arg0, arg1, arg2, arg3)
UNCOMPILED(5, PARAMETERS_5, , arg0, arg1, arg2, arg3, arg4)
UNCOMPILED(6, PARAMETERS_6, , arg0, arg1, arg2, arg3, arg4, arg5)
UNCOMPILED(7, PARAMETERS_7, , arg0, arg1, arg2, arg3, arg4, arg5, arg6)
UNCOMPILED(8, PARAMETERS_8, , arg0, arg1, arg2, arg3, arg4, arg5, arg6, arg7)

/* The function for so many arguments, which steals what it gets but for the frame.
 * Any thread may ask. */
void *
clinker_uncompiled(int count)
{
    void *const functions[] = {
        uncompiled_0, uncompiled_1, uncompiled_2, uncompiled_3, uncompiled_4,
        uncompiled_5, uncompiled_6, uncompiled_7, uncompiled_8,
    };
    static_assert(Py_ARRAY_LENGTH(functions) == CLINKER_MAX_DIRECT + 1,
                  "one for each number of arguments");
    return functions[count];
}

/* C code calls a function: enters its native code, if it has some that calls with just
 * these arguments enter.  Borrows all. */
int
clinker_called_by_c(T *tstate, PyFunctionObject *func, PyObject *const *args,
                    size_t count, PyObject **result)
{
    clinker_native native = direct_entry(tstate, func, count);
    F *frame = clinker_caller_in_c(tstate);
    if (native == NULL || frame == NULL) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        Py_INCREF(args[i]);
    }
    Py_INCREF(func);
    *result = enter_directly(tstate, frame, native, func, args, count);
    return 1;
}

/* clinker_call_placed() for the __init__ of a new object. */
PyObject *
clinker_call_placed_init(T *tstate, F *frame, PyObject **stack, uint64_t count)
{
    // The interpreter pushes another frame, which checks what is returned.
    tstate->py_recursion_remaining--;
    PyObject *result = clinker_call_placed(tstate, frame, stack, count);
    tstate->py_recursion_remaining++;
    return result;
}

/* A dictionary for the keywords that a function has no parameters for, or NULL without an
 * exception. */
PyObject *
clinker_new_keywords(T *tstate, F *frame, uint64_t unused)
{
    PyObject *dict = PyDict_New();
    if (dict == NULL) {
        _PyErr_Clear(tstate);
    }
    return dict;
}

/* Steals the value. */
int
clinker_put_keyword(T *tstate, F *frame, PyObject *value, PyObject *dict,
                    uint64_t name)
{
    return _PyDict_SetItem_Take2((PyDictObject *)dict, Py_NewRef(NAME(name)),
                                 value);
}

/* A new object of a class that makes it as object does, or NULL without an exception. */
PyObject *
clinker_new_object(T *tstate, F *frame, PyObject *type, uint64_t unused)
{
    PyObject *object = clinker_new_instance((PyTypeObject *)type);
    if (object == NULL) {
        _PyErr_Clear(tstate);
    }
    return object;
}

/* What __init__ has returned. */
int
clinker_check_init(T *tstate, F *frame, PyObject *result, uint64_t unused)
{
    if (result != Py_None) {
        PyErr_Format(PyExc_TypeError,
                     "__init__() should return None, not '%.200s'",
                     Py_TYPE(result)->tp_name);
        return -1;
    }
    return 0;
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
    if (!CLINKER_HOOKS
        || stack[1] != NULL || code->co_argcount != (int)count + 1
        || (code->co_flags & simple) != CO_OPTIMIZED
        || code->co_kwonlyargcount != 0)
    {
        return clinker_call(tstate, frame, stack, count);
    }
    PyObject *self = clinker_new_instance(type);
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
    if (none != NULL && clinker_check_init(tstate, frame, none, 0) < 0) {
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
    if (is_inlined(tstate, func)) {
#if CLINKER_HOOKS
        return call_function_ex(tstate, frame, (PyFunctionObject *)func, args,
                                kwargs);
#else
        return clinker_call_unpacked(func, args, kwargs);
#endif
    }
    result = PyObject_Call(func, args, kwargs);
done:
    Py_DECREF(func);
    Py_DECREF(args);
    Py_XDECREF(kwargs);
    return result;
}

const struct clinker_entry clinker_call_helpers[] = {
    ENTRY(call),
    ENTRY(call_kw),
    ENTRY(call_ex),
    ENTRY(call_init),
    ENTRY(call_placed),
    ENTRY(call_placed_init),
    ENTRY(new_keywords),
    ENTRY(put_keyword),
    ENTRY(new_object),
    ENTRY(check_init),
    {NULL, NULL},
};
