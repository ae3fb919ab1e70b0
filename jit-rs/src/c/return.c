/* Ends of functions that native code has called. */

#include "runtime.h"

/* Returning from native code can end the code object that it belongs to, and runs
 * finalizers when its frame is gone: the machine code must not be freed
 * meanwhile. */
static int returning;

int
clinker_is_returning(void)
{
    return returning != 0;
}

/* See runtime.h. */
PyObject *clinker_returned;

/* Release the last reference to something of a frame that has ended, as
 * clinker_dealloc(). */
void
clinker_dealloc_ended(PyObject *object)
{
    returning++;
    clinker_dealloc(object);
    returning--;
}

/* Release the function and the code object of a frame that has ended. */
void
clinker_release_code(PyObject *function, PyObject *code)
{
    returning++;
    Py_DECREF(function);
    Py_DECREF(code);
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
    if ((next == NULL || again) && tstate->current_frame == frame
        && is_unhandled(tstate, frame)
        && (!again || clinker_raise_again(tstate, frame, next,
                                          frame->stacktop) == 0))
    {
        unwind(tstate, frame, again);
        return NULL;
    }
    return _PyEvalHooks_ResumeFrames(tstate, frame, next == NULL);
}

/* The native code of a function that a frame has called has given no value. */
PyObject *
clinker_settle(T *tstate, F *caller, _Py_CODEUNIT *next)
{
    if (next == RETURNED) {
        return NULL;
    }
    F *frame = tstate->current_frame;
    while (frame->previous != caller) {
        frame = frame->previous;
    }
    return clinker_resume(tstate, frame, next);
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
#if CLINKER_HOOKS
    if (previous->stacktop >= 0) {
        next = _PyEvalHooks_ReturnValue(tstate, frame, value);
    }
    else
#endif
    {
        tstate->py_recursion_remaining++;
        tstate->current_frame = previous;
        _PyEval_FrameClearAndPop(tstate, frame);
        // Nothing runs until native code hands it on.
        clinker_returned = value;
    }
    returning--;
    return next;
}

const struct clinker_entry clinker_return_helpers[] = {
    ENTRY(return),
    ENTRY(settle),
    ENTRY(dealloc_ended),
    ENTRY(release_code),
    ENTRY(pop_chunk),
    {NULL, NULL},
};
