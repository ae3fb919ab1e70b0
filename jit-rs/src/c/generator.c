/* Generators and coroutines, for native code that runs them. */

#include "runtime.h"

#if CLINKER_HOOKS

/* How a generator came back. */
enum outcome {
    OUTCOME_YIELDED,
    OUTCOME_RETURNED,
    OUTCOME_RAISED,
};

/* Whether SEND resumes the frame of an object that is sent to. */
static inline int
is_suspended(PyObject *object)
{
    return (Py_TYPE(object) == &PyGen_Type || Py_TYPE(object) == &PyCoro_Type)
           && ((PyGenObject *)object)->gi_frame_state < FRAME_EXECUTING;
}

static inline int
is_resumable(T *tstate, PyObject *object)
{
    return is_suspended(object) && tstate->interp->eval_frame == NULL;
}

static inline enum outcome
outcome_of(PyGenObject *gen, PyObject *result)
{
    if (result == NULL) {
        return OUTCOME_RAISED;
    }
    return FRAME_STATE_SUSPENDED(gen->gi_frame_state)
           ? OUTCOME_YIELDED : OUTCOME_RETURNED;
}

/* Let the interpreter go on with a running generator, or what has been pushed on
 * top of it, at its instr_ptr, with an exception if error is true.  As _PyEvalHooks_ResumeFrames(), which takes no
 * generators since it does not tell a value that is yielded from one that is
 * returned. */
static enum outcome
interpret(T *tstate, PyGenObject *gen, int error, PyObject **result)
{
    F *gen_frame = (F *)gen->gi_iframe;
    int c_recursion_remaining = tstate->c_recursion_remaining;
    tstate->c_recursion_remaining = Py_MAX(c_recursion_remaining, 8);
    ((_PyThreadStateImpl *)tstate)->resumed_frame = tstate->current_frame;
    tstate->current_frame = gen_frame->previous;
    *result = _PyEval_EvalFrameDefault(
        tstate, gen_frame,
        error ? _Py_EVAL_RESUME_WITH_ERROR : _Py_EVAL_RESUME);
    tstate->c_recursion_remaining = c_recursion_remaining;
    return outcome_of(gen, *result);
}

/* Enter the native code of a running generator. */
static inline enum outcome
enter(T *tstate, PyGenObject *gen, clinker_native entry, PyObject **result)
{
    F *gen_frame = (F *)gen->gi_iframe;
    tstate->c_recursion_remaining--;
    struct clinker_end end = entry(
        gen_frame, gen_frame->localsplus + gen_frame->stacktop, tstate);
    tstate->c_recursion_remaining++;
    *result = end.value;
    if (end.next == YIELDED) {
        return OUTCOME_YIELDED;
    }
    if (end.next == RETURNED) {
        return OUTCOME_RETURNED;
    }
    return interpret(tstate, gen, end.next == NULL, result);
}

/* A suspended generator runs now, called by a frame. */
static inline void
begin(T *tstate, F *frame, PyGenObject *gen)
{
    F *gen_frame = (F *)gen->gi_iframe;
    gen->gi_frame_state = FRAME_EXECUTING;
    gen->gi_exc_state.previous_item = tstate->exc_info;
    tstate->exc_info = &gen->gi_exc_state;
    gen_frame->previous = frame;
    tstate->current_frame = gen_frame;
    tstate->py_recursion_remaining--;
}

/* Send an object, which is stolen, to a generator that is_resumable(). */
static inline enum outcome
resume_one(T *tstate, F *frame, PyGenObject *gen, PyObject *sent,
           PyObject **result)
{
    F *gen_frame = (F *)gen->gi_iframe;
    PyCodeObject *code = _PyFrame_GetCode(gen_frame);
    _Py_CODEUNIT *instr = gen_frame->instr_ptr;
    // A new generator drops what it is sent first.
    int is_new = instr->op.code == POP_TOP;
    clinker_native entry = clinker_find_entry(tstate, code, instr + is_new);
    if (entry == NULL || tstate->py_recursion_remaining <= 0) {
        _PyFrame_StackPush(gen_frame, sent);
        gen->gi_frame_state = FRAME_EXECUTING;
        gen->gi_exc_state.previous_item = tstate->exc_info;
        tstate->exc_info = &gen->gi_exc_state;
        *result = _PyEval_EvalFrameDefault(tstate, gen_frame, 0);
        return outcome_of(gen, *result);
    }
    begin(tstate, frame, gen);
    if (is_new) {
        gen_frame->instr_ptr = instr + 1;
        Py_DECREF(sent);
    }
    else {
        _PyFrame_StackPush(gen_frame, sent);
    }
    return enter(tstate, gen, entry, result);
}

/* A generator that is suspended where it does nothing but send on.  When it is
 * resumed, what it sends to is resumed in its stead. */
struct link {
    PyGenObject *gen;
    _Py_CODEUNIT *resume;
    // Of its frame; what it sends to is on top.
    int stacktop;
};

// A longer chain is resumed in parts.
#define MAX_LINKS 32

/* Whether a suspended generator is one, at a version of the instrumentation.
 * The interpreter handles no events in its loop of SEND, YIELD_VALUE and
 * RESUME. */
static inline int
is_link(uintptr_t version, PyGenObject *gen)
{
    if (gen->gi_frame_state != FRAME_SUSPENDED_YIELD_FROM) {
        return 0;
    }
    F *gen_frame = (F *)gen->gi_iframe;
    _Py_CODEUNIT *instr = gen_frame->instr_ptr;
    return instr->op.code == ENTER_EXECUTOR
           && instr[1].op.code == JUMP_BACKWARD_NO_INTERRUPT
           && version
              == _PyFrame_GetCode(gen_frame)->_co_instrumentation_version
           && is_suspended(_PyFrame_StackPeek(gen_frame));
}

static inline _Py_CODEUNIT *
send_of(const struct link *link)
{
    return link->resume + 2 - link->resume[1].op.arg;
}

/* Let generators that are called by a frame run, from one that is_link() on,
 * as far as all are. Gives their number; the current frame is that of the
 * last one. */
static inline int
begin_links(T *tstate, F *frame, PyGenObject *gen, struct link *links)
{
    uintptr_t version = tstate->eval_breaker;
    _PyErr_StackItem *exc_info = tstate->exc_info;
    int most = Py_MIN(MAX_LINKS, tstate->py_recursion_remaining);
    int count = 0;
    do {
        F *gen_frame = (F *)gen->gi_iframe;
        struct link *link = &links[count++];
        link->gen = gen;
        link->resume = gen_frame->instr_ptr;
        link->stacktop = gen_frame->stacktop;
        gen->gi_frame_state = FRAME_EXECUTING;
        gen->gi_exc_state.previous_item = exc_info;
        exc_info = &gen->gi_exc_state;
        gen_frame->previous = frame;
        gen_frame->instr_ptr = send_of(link);
        gen = (PyGenObject *)_PyFrame_StackPeek(gen_frame);
        // As that of a frame of the interpreter.
        gen_frame->stacktop = -1;
        frame = gen_frame;
    } while (count < most && is_link(version, gen));
    tstate->exc_info = exc_info;
    tstate->current_frame = frame;
    tstate->py_recursion_remaining -= count;
    return count;
}

/* The last of some generators yields what it was sent: suspend all, but for
 * those that tools watch by now. Gives the number of those that still run. */
static inline int
suspend_links(T *tstate, const struct link *links, int count)
{
    uintptr_t version = tstate->eval_breaker;
    int left = count;
    while (left > 0) {
        const struct link *link = &links[left - 1];
        PyGenObject *gen = link->gen;
        F *gen_frame = (F *)gen->gi_iframe;
        if (link->resume[-1].op.code != YIELD_VALUE
            || version
               != _PyFrame_GetCode(gen_frame)->_co_instrumentation_version)
        {
            break;
        }
        left--;
        gen_frame->stacktop = link->stacktop;
        gen_frame->instr_ptr = link->resume;
        gen->gi_frame_state = FRAME_SUSPENDED_YIELD_FROM;
        tstate->exc_info = gen->gi_exc_state.previous_item;
        gen->gi_exc_state.previous_item = NULL;
        tstate->current_frame = gen_frame->previous;
        gen_frame->previous = NULL;
    }
    tstate->py_recursion_remaining += count - left;
    return left;
}

/* What was sent to has come back: go on with the generator that has sent. */
static enum outcome
go_on(T *tstate, const struct link *link, enum outcome outcome,
      PyObject **result)
{
    PyGenObject *gen = link->gen;
    F *gen_frame = (F *)gen->gi_iframe;
    gen_frame->stacktop = link->stacktop;
    if (outcome == OUTCOME_RAISED) {
        return interpret(tstate, gen, 1, result);
    }
    _PyFrame_StackPush(gen_frame, *result);
    if (outcome == OUTCOME_YIELDED) {
        gen_frame->instr_ptr = link->resume - 1;
        return interpret(tstate, gen, 0, result);
    }
    _Py_CODEUNIT *send = send_of(link);
    gen_frame->instr_ptr = send + 1 + INLINE_CACHE_ENTRIES_SEND + send->op.arg;
    // The native code of the RESUME can be entered there as well.
    clinker_native entry =
        clinker_find_entry(tstate, _PyFrame_GetCode(gen_frame), link->resume);
    return entry != NULL ? enter(tstate, gen, entry, result)
                         : interpret(tstate, gen, 0, result);
}

/* The same as resume_one() for a chain of generators. */
static enum outcome
resume_chain(T *tstate, F *frame, PyGenObject *gen, PyObject *sent,
             PyObject **result)
{
    struct link links[MAX_LINKS];
    int count = begin_links(tstate, frame, gen, links);
    frame = (F *)links[count - 1].gen->gi_iframe;
    gen = (PyGenObject *)frame->localsplus[links[count - 1].stacktop - 1];
    enum outcome outcome = resume_one(tstate, frame, gen, sent, result);
    for (;;) {
        if (outcome == OUTCOME_YIELDED) {
            count = suspend_links(tstate, links, count);
        }
        if (count == 0) {
            return outcome;
        }
        outcome = go_on(tstate, &links[--count], outcome, result);
    }
}

static inline enum outcome
resume(T *tstate, F *frame, PyGenObject *gen, PyObject *sent,
       PyObject **result)
{
    return is_link(tstate->eval_breaker, gen)
           && tstate->py_recursion_remaining > 0
           ? resume_chain(tstate, frame, gen, sent, result)
           : resume_one(tstate, frame, gen, sent, result);
}

/* What a generator gives a loop over it. */
static inline PyObject *
item_of(enum outcome outcome, PyObject *item)
{
    switch (outcome) {
        case OUTCOME_YIELDED:
            return item;
        case OUTCOME_RETURNED:
            Py_DECREF(item);
            return NULL;
        case OUTCOME_RAISED:
            return RAISED;
    }
    Py_UNREACHABLE();
}

/* Find the next item of a generator, NULL at the end, unless it has to be
 * resumed in the usual way. */
int
clinker_next_of_generator(T *tstate, F *frame, PyObject *generator,
                          PyObject **item)
{
    if (!is_resumable(tstate, generator)
        || tstate->c_recursion_remaining < Py_C_RECURSION_LIMIT / 2)
    {
        return 0;
    }
    PyObject *result;
    enum outcome outcome = resume(tstate, frame, (PyGenObject *)generator,
                                  Py_None, &result);
    *item = item_of(outcome, result);
    return 1;
}

/* The same for one whose native code has been left without yielding, with an item if
 * it has returned. */
PyObject *
clinker_next_left(T *tstate, PyGenObject *gen, _Py_CODEUNIT *next,
                  PyObject *item)
{
    enum outcome outcome = OUTCOME_RETURNED;
    if (next != RETURNED) {
        outcome = interpret(tstate, gen, next == NULL, &item);
    }
    return item_of(outcome, item);
}

#endif

/* Send an object, which is stolen, to the receiver.  Returns whether that has
 * ended, and leaves what it yields or returns in a slot of the frame. */
int
clinker_send(T *tstate, F *frame, PyObject *sent, PyObject *receiver,
             uint64_t slot)
{
    PyObject **result = &frame->localsplus[slot];
#if CLINKER_HOOKS
    if (is_resumable(tstate, receiver)) {
        switch (resume(tstate, frame, (PyGenObject *)receiver, sent, result)) {
            case OUTCOME_YIELDED:
                return 0;
            case OUTCOME_RETURNED:
                return 1;
            case OUTCOME_RAISED:
                return -1;
        }
    }
#endif
    int status = 0;
    if (Py_IsNone(sent) && PyIter_Check(receiver)) {
        *result = Py_TYPE(receiver)->tp_iternext(receiver);
    }
    else {
        *result = PyObject_CallMethodOneArg(receiver, &_Py_ID(send), sent);
    }
    if (*result == NULL) {
        if (_PyErr_ExceptionMatches(tstate, PyExc_StopIteration)) {
            _PyEval_MonitorRaise(tstate, frame, frame->instr_ptr);
        }
        status = _PyGen_FetchStopIterationValue(result) == 0 ? 1 : -1;
    }
    Py_DECREF(sent);
    return status;
}

#if CLINKER_HOOKS

/* What C code calls to resume a generator, and to end one that is forgotten. */
static iternextfunc usual_iternext;
static sendfunc usual_send;
static PyCFunction usual_send_method;
static destructor usual_finalize;

/* The frame that resumes a generator from C code, or NULL if that has to be
 * done in the usual way. */
static inline F *
caller_in_c(T *tstate, PyGenObject *gen)
{
    return is_resumable(tstate, (PyObject *)gen)
           ? clinker_caller_in_c(tstate) : NULL;
}

static PyObject *
gen_iternext(PyObject *self)
{
    T *tstate = _PyThreadState_GET();
    PyGenObject *gen = (PyGenObject *)self;
    F *frame = caller_in_c(tstate, gen);
    if (frame == NULL) {
        return usual_iternext(self);
    }
    PyObject *result;
    switch (resume(tstate, frame, gen, Py_None, &result)) {
        case OUTCOME_YIELDED:
            return result;
        case OUTCOME_RETURNED:
            if (result != Py_None) {
                _PyGen_SetStopIterationValue(result);
            }
            Py_DECREF(result);
            return NULL;
        case OUTCOME_RAISED:
            return NULL;
    }
    Py_UNREACHABLE();
}

static PySendResult
gen_am_send(PyObject *self, PyObject *arg, PyObject **result)
{
    T *tstate = _PyThreadState_GET();
    PyGenObject *gen = (PyGenObject *)self;
    F *frame = caller_in_c(tstate, gen);
    if (frame == NULL
        || (gen->gi_frame_state == FRAME_CREATED && arg != Py_None))
    {
        return usual_send(self, arg, result);
    }
    switch (resume(tstate, frame, gen, Py_NewRef(arg), result)) {
        case OUTCOME_YIELDED:
            return PYGEN_NEXT;
        case OUTCOME_RETURNED:
            return PYGEN_RETURN;
        case OUTCOME_RAISED:
            return PYGEN_ERROR;
    }
    Py_UNREACHABLE();
}

/* The method send(). */
static PyObject *
gen_send(PyObject *self, PyObject *arg)
{
    T *tstate = _PyThreadState_GET();
    PyGenObject *gen = (PyGenObject *)self;
    F *frame = caller_in_c(tstate, gen);
    if (frame == NULL
        || (gen->gi_frame_state == FRAME_CREATED && arg != Py_None))
    {
        return usual_send_method(self, arg);
    }
    PyObject *result;
    switch (resume(tstate, frame, gen, Py_NewRef(arg), &result)) {
        case OUTCOME_YIELDED:
            return result;
        case OUTCOME_RETURNED:
            if (result == Py_None) {
                PyErr_SetNone(PyExc_StopIteration);
            }
            else {
                _PyGen_SetStopIterationValue(result);
            }
            Py_DECREF(result);
            return NULL;
        case OUTCOME_RAISED:
            return NULL;
    }
    Py_UNREACHABLE();
}

static void
set_send_method(PyTypeObject *type, PyCFunction function)
{
    PyMethodDef *method = clinker_method(type, "send");
    usual_send_method = method->ml_meth;
    method->ml_meth = function;
}

/* Whether all that closing a suspended generator does is to clear its frame,
 * as gen_close() finds out of the RESUME that native code has taken the place
 * of. */
static inline int
has_nothing_to_close(T *tstate, PyGenObject *gen)
{
    if (gen->gi_frame_state != FRAME_SUSPENDED
        || tstate->interp->monitors.tools[PY_MONITORING_EVENT_PY_UNWIND] != 0)
    {
        return 0;
    }
    F *gen_frame = (F *)gen->gi_iframe;
    _Py_CODEUNIT *instr = gen_frame->instr_ptr;
    if (instr->op.code != ENTER_EXECUTOR) {
        return 0;
    }
    PyCodeObject *code = _PyFrame_GetCode(gen_frame);
    int oparg = code->co_executors->executors[instr->op.arg]->vm_data.oparg;
    return (oparg & RESUME_OPARG_DEPTH1_MASK) != 0;
}

static void
gen_finalize(PyObject *self)
{
    PyGenObject *gen = (PyGenObject *)self;
    if (!has_nothing_to_close(_PyThreadState_GET(), gen)) {
        usual_finalize(self);
        return;
    }
    PyObject *exc = PyErr_GetRaisedException();
    F *gen_frame = (F *)gen->gi_iframe;
    gen->gi_frame_state = FRAME_CLEARED;
    gen_frame->previous = NULL;
    _PyFrame_ClearExceptCode(gen_frame);
    _PyErr_ClearExcState(&gen->gi_exc_state);
    PyErr_SetRaisedException(exc);
}

/* C code that resumes and ends generators minds native code. */
void
clinker_take_generators(void)
{
    clinker_take_dealloc();
    usual_finalize = PyGen_Type.tp_finalize;
    PyGen_Type.tp_finalize = gen_finalize;
    PyCoro_Type.tp_finalize = gen_finalize;
    usual_iternext = PyGen_Type.tp_iternext;
    PyGen_Type.tp_iternext = gen_iternext;
    usual_send = PyGen_Type.tp_as_async->am_send;
    PyGen_Type.tp_as_async->am_send = gen_am_send;
    PyCoro_Type.tp_as_async->am_send = gen_am_send;
    set_send_method(&PyGen_Type, gen_send);
    set_send_method(&PyCoro_Type, gen_send);
}

void
clinker_give_generators_back(void)
{
    clinker_give_dealloc_back();
    PyGen_Type.tp_finalize = usual_finalize;
    PyCoro_Type.tp_finalize = usual_finalize;
    PyGen_Type.tp_iternext = usual_iternext;
    PyGen_Type.tp_as_async->am_send = usual_send;
    PyCoro_Type.tp_as_async->am_send = usual_send;
    PyCFunction send = usual_send_method;
    set_send_method(&PyGen_Type, send);
    set_send_method(&PyCoro_Type, send);
    usual_send_method = send;
}

#endif

const struct clinker_entry clinker_generator_helpers[] = {
#if CLINKER_HOOKS
    ENTRY(next_left),
#endif
    ENTRY(send),
    {NULL, NULL},
};
