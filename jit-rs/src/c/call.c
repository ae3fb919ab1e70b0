/* Calls and generators. */

#include "runtime.h"

/* Calls */

/* Returning from native code can end the code object that it belongs to: the
 * machine code must not be freed meanwhile. */
static int returning;

int
clinker_is_returning(void)
{
    return returning != 0;
}

/* See runtime.h. */
PyObject *clinker_returned;

// What native code returns then instead of an instruction.
#define RETURNED ((_Py_CODEUNIT *)1)

/* Release the last reference to the function or code object of a frame that has
 * ended, as clinker_dealloc(). */
void
clinker_dealloc_callee(PyObject *object)
{
    returning++;
    clinker_dealloc(object);
    returning--;
}

/* The ended frame is the first one of its chunk of the stack. */
void
clinker_pop_chunk(T *tstate, F *frame)
{
    _PyThreadState_PopFrame(tstate, frame);
}

/* Whether no handler of a frame's function gets what the current instruction
 * raises, and nobody is told of exceptions. */
static int
is_unhandled(T *tstate, F *frame)
{
    PyCodeObject *code = _PyFrame_GetCode(frame);
    return frame->owner == FRAME_OWNED_BY_THREAD
           && tstate->eval_breaker == code->_co_instrumentation_version
           && !tells_of_exceptions(tstate)
           && !clinker_has_handler(code, _PyInterpreterFrame_LASTI(frame));
}

/* End the current frame with an exception, as the interpreter does.  If it has
 * been raised again, the traceback has the frame. */
static void
unwind(T *tstate, F *frame, int again)
{
    PyFrameObject *object = again ? NULL : _PyFrame_GetFrameObject(frame);
    if (object != NULL) {
        PyTraceBack_Here(object);
    }
    PyObject **base = _PyFrame_Stackbase(frame);
    while (&frame->localsplus[frame->stacktop] > base) {
        Py_XDECREF(_PyFrame_StackPop(frame));
    }
    tstate->py_recursion_remaining++;
    tstate->current_frame = frame->previous;
    _PyEval_FrameClearAndPop(tstate, frame);
}

/* Run the frame of a function whose native code has been left, to its end. */
PyObject *
clinker_resume(T *tstate, F *frame, _Py_CODEUNIT *next)
{
    int again = next != NULL && next->op.code == RERAISE;
    if ((next == NULL || again) && is_unhandled(tstate, frame)
        && (!again || clinker_raise_again(tstate, frame, next,
                                          frame->stacktop) == 0))
    {
        unwind(tstate, frame, again);
        return NULL;
    }
    return _PyEvalHooks_ResumeFrames(tstate, frame, next == NULL);
}

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
        clinker_returned = value;
    }
    returning--;
    return next;
}

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
    if (instr->op.code == RETURN_GENERATOR) {
        return make_generator(tstate, frame);
    }
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
            return clinker_returned;
        }
        return clinker_resume(tstate, frame, next);
    }
    return _PyEvalHooks_ResumeFrames(tstate, frame, 0);
}

/* Push the frame of a call of a Python function, with arguments that are stolen, as
 * the function is.  Borrows kwnames. */
static F *
push_function(T *tstate, F *frame, PyFunctionObject *func,
              PyObject *const *args, int count, PyObject *kwnames)
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
    return new_frame;
}

/* Call a Python function; see push_function(). */
static PyObject *
call_function(T *tstate, F *frame, PyFunctionObject *func, PyObject **args,
              int count, PyObject *kwnames)
{
    PyCodeObject *code = (PyCodeObject *)func->func_code;
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

/* Call the __init__ of a new object, whose native code cannot be entered. */
PyObject *
clinker_call_of_init(T *tstate, F *frame, PyObject **stack, uint64_t count)
{
    // The interpreter pushes another frame, which checks what is returned.
    tstate->py_recursion_remaining--;
    PyObject *result = clinker_call(tstate, frame, stack, count);
    tstate->py_recursion_remaining++;
    return result;
}

/* A new object of a class with inline values. */
PyObject *
clinker_new_object(T *tstate, F *frame, PyObject *type, uint64_t unused)
{
    return _PyType_NewManagedObject((PyTypeObject *)type);
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
        return call_function_ex(tstate, frame, (PyFunctionObject *)func, args,
                                kwargs);
    }
    result = PyObject_Call(func, args, kwargs);
done:
    Py_DECREF(func);
    Py_DECREF(args);
    Py_XDECREF(kwargs);
    return result;
}

/* The instance of an exception that was given as a class or an instance: a new
 * reference, or NULL with another exception. */
static PyObject *
exception_instance(T *tstate, PyObject *given, const char *otherwise)
{
    if (PyExceptionInstance_Check(given)) {
        return Py_NewRef(given);
    }
    if (!PyExceptionClass_Check(given)) {
        _PyErr_SetString(tstate, PyExc_TypeError, otherwise);
        return NULL;
    }
    PyObject *made = PyObject_CallNoArgs(given);
    if (made != NULL && !PyExceptionInstance_Check(made)) {
        _PyErr_Format(tstate, PyExc_TypeError,
                      "calling %R should have returned an instance of "
                      "BaseException, not %R",
                      given, Py_TYPE(made));
        Py_CLEAR(made);
    }
    return made;
}

static void
raise_from(T *tstate, PyObject *given, PyObject *cause)
{
    PyObject *exception = exception_instance(
        tstate, given, "exceptions must derive from BaseException");
    if (exception == NULL) {
        return;
    }
    PyObject *type = PyExceptionClass_Check(given)
                     ? given : PyExceptionInstance_Class(exception);
    if (cause != NULL) {
        PyObject *instance = NULL;
        if (cause != Py_None) {
            instance = exception_instance(
                tstate, cause,
                "exception causes must derive from BaseException");
            if (instance == NULL) {
                Py_DECREF(exception);
                return;
            }
        }
        PyException_SetCause(exception, instance);
    }
    _PyErr_SetObject(tstate, type, exception);
    Py_DECREF(exception);
}

/* raise exception [from cause].  Steals what is given as the exception. */
int
clinker_raise(T *tstate, F *frame, PyObject *given, PyObject *cause,
              uint64_t unused)
{
    raise_from(tstate, given, cause);
    Py_DECREF(given);
    return -1;
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

/* The next item of a suspended generator, whose native code is entered if there
 * is some, as FOR_ITER_GEN: NULL at the end, RAISED if it raised. */
static PyObject *
next_of_generator(T *tstate, F *frame, PyGenObject *gen,
                  _PyNativeEntry entry)
{
    F *gen_frame = (F *)gen->gi_iframe;
    PyCodeObject *code = _PyFrame_GetCode(gen_frame);
    PyObject *result;
    if (entry != NULL && tstate->py_recursion_remaining-- <= 0
        && _Py_CheckRecursiveCallPy(tstate))
    {
        tstate->py_recursion_remaining++;
        return RAISED;
    }
    _PyFrame_StackPush(gen_frame, Py_None);
    gen->gi_frame_state = FRAME_EXECUTING;
    gen->gi_exc_state.previous_item = tstate->exc_info;
    tstate->exc_info = &gen->gi_exc_state;
    if (entry == NULL) {
        result = _PyEval_EvalFrameDefault(tstate, gen_frame, 0);
    }
    else {
        gen_frame->previous = frame;
        tstate->current_frame = gen_frame;
        tstate->c_recursion_remaining--;
        _Py_CODEUNIT *next = entry(
            gen_frame, gen_frame->localsplus + gen_frame->stacktop, tstate);
        tstate->c_recursion_remaining++;
        if (next == RETURNED) {
            Py_DECREF(clinker_returned);
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
        result = _PyEval_EvalFrameDefault(
            tstate, gen_frame,
            next == NULL ? _Py_EVAL_RESUME_WITH_ERROR : _Py_EVAL_RESUME);
        tstate->c_recursion_remaining = c_recursion_remaining;
    }
    if (result == NULL) {
        return RAISED;
    }
    if (!FRAME_STATE_SUSPENDED(gen->gi_frame_state)) {
        Py_DECREF(result);
        return NULL;
    }
    return result;
}

/* Whether a generator can be resumed just like that. */
static inline int
is_resumable(T *tstate, PyObject *iterator)
{
    PyGenObject *gen = (PyGenObject *)iterator;
    return PyGen_CheckExact(iterator)
           && gen->gi_frame_state == FRAME_SUSPENDED
           && tstate->interp->eval_frame == NULL
           && tstate->c_recursion_remaining >= Py_C_RECURSION_LIMIT / 2;
}

/* The native code that a generator goes on in, or NULL. */
static _PyNativeEntry
generator_entry(T *tstate, PyGenObject *gen)
{
    F *gen_frame = (F *)gen->gi_iframe;
    PyCodeObject *code = _PyFrame_GetCode(gen_frame);
    _Py_CODEUNIT *instr = gen_frame->instr_ptr;
    if (instr->op.code != ENTER_EXECUTOR
        || tstate->eval_breaker != code->_co_instrumentation_version)
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
    if (is_resumable(tstate, iterator)) {
        PyGenObject *gen = (PyGenObject *)iterator;
        return next_of_generator(tstate, frame, gen,
                                 generator_entry(tstate, gen));
    }
    if (Py_IS_TYPE(iterator, &PyListIter_Type)) {
        _PyListIterObject *it = (_PyListIterObject *)iterator;
        if (it->it_seq != NULL
            && (size_t)it->it_index < (size_t)PyList_GET_SIZE(it->it_seq))
        {
            return Py_NewRef(PyList_GET_ITEM(it->it_seq, it->it_index++));
        }
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

const struct clinker_entry clinker_call_helpers[] = {
    ENTRY(next),
    ENTRY(return),
    ENTRY(resume),
    ENTRY(dealloc_callee),
    ENTRY(pop_chunk),
    ENTRY(call),
    ENTRY(call_kw),
    ENTRY(call_ex),
    ENTRY(raise),
    ENTRY(call_init),
    ENTRY(call_of_init),
    ENTRY(new_object),
    ENTRY(check_init),
    {NULL, NULL},
};
