/* Exceptions that go to a handler in the same native code, and what handlers do. */

#include "runtime.h"

/* Whether the interpreter has to handle the exception: somebody is told of it,
 * an event is pending, or a variable was written to. */
static int
is_watched(T *tstate, F *frame, const struct clinker_handler *handler)
{
#if !CLINKER_HOOKS
    if (clinker_is_monitored(_PyFrame_GetCode(frame))) {
        return 1;
    }
#endif
    return frame->stacktop != CLINKER_CATCHING
           || tstate->eval_breaker != handler->version
           || tells_of_exceptions(tstate);
}

/* Leave with a frame that has all that the interpreter needs, but its stack
 * pointer. */
static _Py_CODEUNIT *
hand_back(F *frame, int stacktop, _Py_CODEUNIT *next)
{
    int was_written = frame->stacktop == CLINKER_WRITTEN;
    frame->stacktop = stacktop;
    if (next != NULL) {
        frame->instr_ptr = next;
    }
    if (was_written) {
        clinker_release_kept(frame);
    }
    return next;
}

/* Gives the exception that was being handled, or None. */
static inline PyObject *
push_exc_info(T *tstate, PyObject *exception)
{
    _PyErr_StackItem *exc_info = tstate->exc_info;
    PyObject *previous = exc_info->exc_value;
    exc_info->exc_value = Py_NewRef(exception);
    return previous != NULL ? previous : Py_None;
}

/* From "exception_unwind" in Python/ceval.c to the handler. */
static _Py_CODEUNIT *
enter(T *tstate, F *frame, int stacktop, const struct clinker_handler *handler)
{
    PyObject **top = &frame->localsplus[stacktop];
    PyObject **level = &frame->localsplus[handler->level];
    int drops = top > level;
    while (top > level) {
        Py_XDECREF(*--top);
    }
    if (handler->lasti) {
        PyObject *lasti = PyLong_FromLong(_PyInterpreterFrame_LASTI(frame));
        if (lasti == NULL) {
            return hand_back(frame, (int)handler->level, NULL);
        }
        *top++ = lasti;
    }
    PyObject *exception = PyErr_GetRaisedException();
    if (!drops || !is_watched(tstate, frame, handler)) {
        if (handler->pushes) {
            *top++ = push_exc_info(tstate, exception);
        }
        *top = exception;
        return CLINKER_STAY;
    }
    *top++ = exception;
    // What was dropped has changed that.
    _Py_CODEUNIT *next = hand_back(frame, (int)(top - frame->localsplus),
                                   handler->instr);
    const int event = PY_MONITORING_EVENT_EXCEPTION_HANDLED;
    if (tstate->interp->monitors.tools[event]
        && _Py_call_instrumentation_arg(tstate, event, frame, next,
                                        exception) < 0)
    {
        return NULL;
    }
    return next;
}

/* Put all that an exit leaves to the interpreter into the frame.  Returns 0 if
 * somebody has written to a variable, which the exit has to heed. */
static int
settle(F *frame, const struct clinker_exit *exit, uint64_t *values)
{
    if (frame->stacktop != CLINKER_NATIVE) {
        return 0;
    }
    frame->stacktop = CLINKER_CATCHING;
    clinker_act(frame, exit, values, 0, exit->action_count);
    return 1;
}

/* An instruction has raised: what the interpreter does from "error" to the
 * handler.  Gives CLINKER_STAY, or what native code returns. */
_Py_CODEUNIT *
clinker_catch(F *frame, struct clinker_exit *exit, uint64_t *values, T *tstate,
              const struct clinker_handler *handler)
{
    int stacktop = exit->stacktop;
    if (!settle(frame, exit, values)) {
        return clinker_leave(frame, exit, values);
    }
    if (is_watched(tstate, frame, handler)) {
        return hand_back(frame, stacktop, NULL);
    }
    PyFrameObject *object = _PyFrame_GetFrameObject(frame);
    if (object != NULL) {
        PyTraceBack_Here(object);
    }
    return enter(tstate, frame, stacktop, handler);
}

/* RERAISE, END_ASYNC_FOR, or RAISE_VARARGS without an operand: sets the
 * exception.  Returns -1
 * if something is wrong, which is left to the interpreter. */
int
clinker_raise_again(T *tstate, F *frame, _Py_CODEUNIT *instr, int stacktop)
{
    int oparg = instr->op.arg;
    PyObject **top = &frame->localsplus[stacktop];
    PyObject *exception, *lasti = NULL;
    if (instr->op.code == RAISE_VARARGS) {
        exception = PyErr_GetHandledException();
        // It stays the handled one.
        Py_XDECREF(exception);
    }
    else {
        exception = top[-1];
        lasti = oparg ? top[-1 - oparg] : NULL;
    }
    if (exception == NULL || exception == Py_None
        || (lasti != NULL && !PyLong_CheckExact(lasti)))
    {
        return -1;
    }
    if (lasti != NULL) {
        PyCodeObject *code = _PyFrame_GetCode(frame);
        frame->instr_ptr = _PyCode_CODE(code) + PyLong_AsLong(lasti);
    }
    PyErr_SetRaisedException(Py_NewRef(exception));
    return 0;
}

/* An instruction raises an exception again: as clinker_catch(). */
_Py_CODEUNIT *
clinker_reraise(F *frame, struct clinker_exit *exit, uint64_t *values,
                T *tstate, const struct clinker_handler *handler)
{
    int stacktop = exit->stacktop;
    _Py_CODEUNIT *instr = exit->next;
    if (!settle(frame, exit, values)) {
        return clinker_leave(frame, exit, values);
    }
    frame->instr_ptr = instr;
    if (is_watched(tstate, frame, handler)
        || clinker_raise_again(tstate, frame, instr, stacktop) < 0)
    {
        return hand_back(frame, stacktop, instr);
    }
    return enter(tstate, frame, stacktop, handler);
}

static const uint8_t *
read_number(const uint8_t *place, int *number)
{
    *number = *place & 63;
    while (*place++ & 64) {
        *number = *number << 6 | (*place & 63);
    }
    return place;
}

/* Whether a handler gets what the instruction at an index raises: see
 * get_exception_handler() in Python/ceval.c. */
int
clinker_has_handler(PyCodeObject *code, int index)
{
    PyObject *table = code->co_exceptiontable;
    const uint8_t *place = (const uint8_t *)PyBytes_AS_STRING(table);
    const uint8_t *end = place + PyBytes_GET_SIZE(table);
    while (place < end) {
        int start, size, unused;
        place = read_number(place, &start);
        if (start > index) {
            break;
        }
        place = read_number(place, &size);
        if (index < start + size) {
            return 1;
        }
        place = read_number(read_number(place, &unused), &unused);
    }
    return 0;
}

/* The instructions */

PyObject *
clinker_push_exc_info(T *tstate, F *frame, PyObject *exception,
                      uint64_t unused)
{
    return push_exc_info(tstate, exception);
}

/* Steals the exception, or None, that is being handled from now on. */
void
clinker_pop_except(T *tstate, F *frame, PyObject *exception, uint64_t unused)
{
    _PyErr_StackItem *exc_info = tstate->exc_info;
    Py_XSETREF(exc_info->exc_value, exception == Py_None ? NULL : exception);
}

int
clinker_check_exc_match(T *tstate, F *frame, PyObject *exception,
                        PyObject *class, uint64_t unused)
{
    if ((PyObject *)Py_TYPE(exception) == class) {
        return 1;
    }
    if (_PyEval_CheckExceptTypeValid(tstate, class) < 0) {
        return -1;
    }
    return PyErr_GivenExceptionMatches(exception, class);
}

/* Whether an exception is the end of an asynchronous iterator. */
int
clinker_ends_async_for(T *tstate, F *frame, PyObject *exception,
                       uint64_t unused)
{
    return PyErr_GivenExceptionMatches(exception, PyExc_StopAsyncIteration);
}

/* From the exception and what it is compared with to the rest and what matches. */
int
clinker_check_eg_match(T *tstate, F *frame, PyObject **stack, uint64_t unused)
{
    PyObject *exception = stack[0];
    PyObject *class = stack[1];
    PyObject *match = NULL, *rest = NULL;
    int status = _PyEval_CheckExceptStarTypeValid(tstate, class);
    if (status == 0) {
        status = _PyEval_ExceptionGroupMatch(exception, class, &match, &rest);
    }
    Py_DECREF(exception);
    Py_DECREF(class);
    if (status < 0 || match == NULL) {
        return -1;
    }
    if (match != Py_None) {
        PyErr_SetHandledException(match);
    }
    stack[0] = rest;
    stack[1] = match;
    return 0;
}

/* The __exit__ of a context manager. */
PyObject *
clinker_with_except_start(T *tstate, F *frame, PyObject *exit,
                          PyObject *exception, uint64_t unused)
{
    PyObject *class = PyExceptionInstance_Class(exception);
    PyObject *traceback = PyException_GetTraceback(exception);
    if (traceback == NULL) {
        traceback = Py_None;
    }
    PyObject *stack[] = {
        Py_NewRef(exit), NULL, Py_NewRef(class), Py_NewRef(exception),
        traceback,
    };
    return clinker_call(tstate, frame, stack, 3);
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
    PyErr_SetObject(type, exception);
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

const struct clinker_entry clinker_handler_helpers[] = {
    ENTRY(raise),
    ENTRY(catch),
    ENTRY(reraise),
    ENTRY(push_exc_info),
    ENTRY(pop_except),
    ENTRY(check_exc_match),
    ENTRY(ends_async_for),
    ENTRY(check_eg_match),
    ENTRY(with_except_start),
    {NULL, NULL},
};
