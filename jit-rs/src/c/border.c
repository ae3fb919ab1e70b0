/* What native code does at its borders. */

#include "runtime.h"
#include "opcode_ids.h"
#include "pycore_backoff.h"        // is_unreachable_backoff_counter()
#include "pycore_instruments.h"    // _Py_call_instrumentation_line()
#include "pycore_opcode_metadata.h" // _PyOpcode_Deopt

/* Let pending events run after a call.  The number tells whether the frame has
 * to be left: 1, or -1 if a signal handler raised. */
int
clinker_periodic(T *tstate, F *frame, uint64_t version)
{
    if ((tstate->eval_breaker & _PY_EVAL_EVENTS_MASK)
        && _Py_HandlePending(tstate) != 0)
    {
        return -1;
    }
    return tstate->eval_breaker != version
           || clinker_is_changed(frame);
}

/* Perform the actions of an exit from one to another, in the frame and those that
 * have been pushed. */
static void
act(F **frames, const struct clinker_exit *exit, uint64_t *values,
    uint32_t from, uint32_t to)
{
    PyObject *items[CLINKER_MAX_PARTS];
    uint16_t offsets[CLINKER_MAX_PARTS];
    int count = 0;
    PyObject *tuple = NULL;
    for (uint32_t i = from; i < to; i++) {
        const struct clinker_action *action = &exit->actions[i];
        uint32_t index = action->value;
        uint64_t constant;
        uint64_t *value;
        if (index < exit->constant_count) {
            constant = exit->constants[index];
            value = &constant;
        }
        else {
            value = &values[index - exit->constant_count];
        }
        PyObject *object = (PyObject *)*value;
        F *frame = frames[action->frame];
        PyObject **place = &frame->localsplus[action->place];
        switch ((enum clinker_act)action->act) {
            case CLINKER_BOX_INT:
                *value = (uint64_t)clinker_box_int((int64_t)*value);
                break;
            case CLINKER_BOX_FLOAT: {
                double number;
                memcpy(&number, value, sizeof(number));
                *value = (uint64_t)clinker_box_float(number);
                break;
            }
            case CLINKER_BOX_BOOL:
                *value = (uint64_t)bool_object(*value != 0);
                break;
            case CLINKER_SLOT_SHARED:
                Py_INCREF(object);
                // fall through
            case CLINKER_SLOT:
                clinker_fill_slot(frame, action->place, object);
                break;
            case CLINKER_STACK_SHARED:
                Py_XINCREF(object);
                // fall through
            case CLINKER_STACK:
                *place = object;
                break;
            case CLINKER_DROP:
                Py_XDECREF(object);
                break;
            case CLINKER_FUNCTION_SHARED:
                Py_INCREF(object);
                // fall through
            case CLINKER_FUNCTION: {
                PyFunctionObject *function = (PyFunctionObject *)object;
                frame->f_funcobj = object;
                frame->f_globals = function->func_globals;
                frame->f_builtins = function->func_builtins;
                break;
            }
            case CLINKER_NEW_OBJECT_SHARED:
                Py_INCREF(object);
                // fall through
            case CLINKER_NEW_OBJECT:
                frame->previous->localsplus[0] = object;
                break;
            case CLINKER_SKIP_UNLESS:
                if (*value == 0) {
                    i += action->place;
                }
                break;
            case CLINKER_ITEM_SHARED:
                Py_INCREF(object);
                // fall through
            case CLINKER_ITEM:
                offsets[count] = action->place;
                items[count++] = object;
                break;
            case CLINKER_TUPLE:
                tuple = clinker_make_tuple(items, count);
                count = 0;
                *place = tuple;
                break;
            case CLINKER_TUPLE_AGAIN:
                *place = Py_NewRef(tuple);
                break;
            case CLINKER_KEYWORDS:
                *place = clinker_make_keywords();
                break;
            case CLINKER_INSTANCE:
                *value = (uint64_t)clinker_make_instance(items, offsets, count);
                count = 0;
                break;
        }
    }
}

void
clinker_act(F *frame, const struct clinker_exit *exit, uint64_t *values,
            uint32_t from, uint32_t to)
{
    act(&frame, exit, values, from, to);
}

/* Push the frame of a function that was executed in place of a call.  Native code
 * has made sure that there is room, and that the recursion is not too deep. */
static F *
push(T *tstate, F *previous, const struct clinker_push *push)
{
    previous->return_offset = push->call;
#if CLINKER_HOOKS
    if (push->kind == CLINKER_CALL_CLASS) {
        F *shim = _PyFrame_PushTrampolineUnchecked(
            tstate, (PyCodeObject *)&_Py_InitCleanup, 1);
        shim->previous = previous;
        previous = shim;
        tstate->py_recursion_remaining--;
    }
#endif
    PyCodeObject *code = push->code;
    F *frame = (F *)tstate->datastack_top;
    tstate->datastack_top += code->co_framesize;
    frame->f_executable = Py_NewRef(code);
    frame->previous = previous;
    frame->f_locals = NULL;
    frame->frame_obj = NULL;
    frame->instr_ptr = push->instr;
    frame->stacktop = push->stacktop;
    frame->return_offset = 0;
    frame->owner = FRAME_OWNED_BY_THREAD;
    tstate->py_recursion_remaining--;
    tstate->current_frame = frame;
    return frame;
}

/* If a guess at an attribute, a global or a call was wrong, have the interpreter specialize the
 * instruction again at once, which tells of the type or function that it finds: all
 * of them are known before it is compiled again. */
static void
look_again(_Py_CODEUNIT *instr)
{
    while (instr->op.code == EXTENDED_ARG) {
        instr++;
    }
    int generic = _PyOpcode_Deopt[instr->op.code];
    if ((generic == LOAD_ATTR || generic == STORE_ATTR || generic == CALL
         || generic == LOAD_GLOBAL)
        && !is_unreachable_backoff_counter(instr[1].counter))
    {
        instr[1].counter.value = 0;
    }
}

/* A guess has been wrong, or a handler has been reached, too often. */
static void
tell(const struct clinker_exit *exit)
{
    if (exit->next != NULL) {
        clinker_refuted(exit->code, (uint64_t)exit->guess);
    }
    else {
        clinker_reached(exit->code, (uint64_t)exit->guess);
    }
}

/* End an assignment to a subscript, whose method has returned, as finish_operator(). */
static _Py_CODEUNIT *
finish_set_item(F *frame, const struct clinker_push *push, PyObject *result)
{
    PyObject *key = _PyFrame_StackPop(frame);
    PyObject *container = _PyFrame_StackPop(frame);
    PyObject *value = _PyFrame_StackPop(frame);
    Py_XDECREF(result);
    Py_DECREF(value);
    Py_DECREF(container);
    Py_DECREF(key);
    return result == NULL ? NULL : frame->instr_ptr + push->call;
}

/* Run the method of an operator, whose frame is the bottom of those that have been
 * pushed above a frame, to its end.  Gives the instruction after the operator, or
 * NULL if it has raised. */
static _Py_CODEUNIT *
finish_operator(T *tstate, F *frame, F *bottom, const struct clinker_push *push,
                int error)
{
    PyObject *result = _PyEvalHooks_ResumeFrames(tstate, bottom, error);
    if (push->kind == CLINKER_CALL_OPERATOR + CLINKER_SET_ITEM) {
        return finish_set_item(frame, push, result);
    }
    PyObject *right = _PyFrame_StackPop(frame);
    PyObject *left = _PyFrame_StackPop(frame);
    if (result != NULL) {
        uint64_t number = push->kind - CLINKER_CALL_OPERATOR;
        result = clinker_operator_result(tstate, frame, result, left, right,
                                         number);
    }
    Py_DECREF(left);
    Py_DECREF(right);
    if (result == NULL) {
        return NULL;
    }
    _PyFrame_StackPush(frame, result);
    return frame->instr_ptr + push->call;
}

/* The same for all methods of operators among what has been pushed. */
static _Py_CODEUNIT *
finish_operators(F **frames, const struct clinker_exit *exit)
{
    _Py_CODEUNIT *next = exit->next;
    for (uint32_t i = exit->push_count; i-- > 0;) {
        const struct clinker_push *push = &exit->pushes[i];
        if (push->kind >= CLINKER_CALL_OPERATOR) {
            next = finish_operator(_PyThreadState_GET(), frames[i],
                                   frames[i + 1], push, next == NULL);
            if (next != NULL) {
                frames[i]->instr_ptr = next;
            }
        }
    }
    return next;
}

#if CLINKER_HOOKS

/* Tell of the line that an instruction begins if tools watch lines since the instruction
 * before was executed, as INSTRUMENTED_LINE, which cannot know that one: it takes it for the
 * line that the frame is at by then, and does not tell of it again.  Gives the instruction
 * where to go on, or NULL if there is an exception. */
static _Py_CODEUNIT *
tell_line(F *frame, _Py_CODEUNIT *next, _Py_CODEUNIT *before)
{
    T *tstate = _PyThreadState_GET();
    if (tstate->tracing == 0
        && _Py_call_instrumentation_line(tstate, frame, next, before) < 0)
    {
        return NULL;
    }
    return frame->instr_ptr;
}

#endif

/* Leave native code: gives the instruction where the interpreter goes on, or
 * NULL if it handles an exception. */
static _Py_CODEUNIT *
leave(F *frame, struct clinker_exit *exit, uint64_t *values)
{
    // What is dropped may run code, which sees the frame as it will be.
    uint32_t drops = exit->action_count;
    while (drops > 0 && exit->actions[drops - 1].act == CLINKER_DROP) {
        drops--;
    }
    F *frames[1 + CLINKER_MAX_PUSHES] = {frame};
    T *tstate = exit->push_count > 0 ? _PyThreadState_GET() : NULL;
    for (uint32_t i = 0; i < exit->push_count; i++) {
        frames[i + 1] = push(tstate, frames[i], &exit->pushes[i]);
    }
    act(frames, exit, values, 0, drops);
    int was_written = frame->stacktop == CLINKER_WRITTEN;
    frame->stacktop = exit->stacktop;
    if (exit->next != NULL) {
        frame->instr_ptr = exit->push_count > 0 ? exit->instr : exit->next;
    }
    // Whoever has written to the variables has left objects to release.
    if (was_written) {
        clinker_release_kept(frame);
    }
    act(frames, exit, values, drops, exit->action_count);
    exit->times++;
    if (exit->guess >= 0 && exit->times <= CLINKER_MAX_EXITS) {
        if (exit->next != NULL) {
            look_again(exit->next);
        }
        if (exit->times == CLINKER_MAX_EXITS) {
            tell(exit);
        }
    }
#if CLINKER_HOOKS
    // Where no guess is wrong, something may have been executed.
    if (exit->next != NULL && exit->next->op.code == INSTRUMENTED_LINE
        && exit->push_count == 0 && exit->guess < 0)
    {
        return tell_line(frame, exit->next, exit->instr);
    }
#endif
    return finish_operators(frames, exit);
}

_Py_CODEUNIT *
clinker_leave(F *frame, struct clinker_exit *exit, uint64_t *values)
{
    return leave(frame, exit, values);
}

/* Whether releasing an object runs no other code. */
static int
is_scalar(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    return type == &PyFloat_Type || type == &PyLong_Type
           || type == &PyUnicode_Type || type == &PyBytes_Type;
}

/* Release the last reference to an object, which may run any code: it sees the
 * frame as it will be after the instruction.  Leaves native code if the frame was
 * written to; else gives CLINKER_STAY. */
_Py_CODEUNIT *
clinker_release(F *frame, struct clinker_exit *exit, uint64_t *values,
                PyObject *object)
{
    if (is_scalar(object)) {
        clinker_dealloc(object);
        return CLINKER_STAY;
    }
    struct clinker_record *record = clinker_record(frame);
    struct clinker_record before;
    if (record != NULL) {
        before = *record;
        *record = (struct clinker_record){exit, values};
#if !CLINKER_HOOKS
        clinker_show(frame);
#endif
    }
    clinker_dealloc(object);
    if (clinker_is_changed(frame)) {
        return leave(frame, exit, values);
    }
    if (record != NULL) {
        *record = before;
    }
    return CLINKER_STAY;
}

/* Release the last reference to an object. */
void
clinker_dealloc(PyObject *object)
{
#ifdef Py_REF_DEBUG
    Py_DECREF(object);
#else
    PyTypeObject *type = Py_TYPE(object);
    if (type->tp_dealloc == clinker_subtype_dealloc
        && clinker_release_instance(object))
    {
        return;
    }
    if (type == &PyFloat_Type && clinker_keep_float(object)) {
        return;
    }
    _Py_Dealloc(object);
#endif
}

void
clinker_incref(PyObject *object)
{
    Py_XINCREF(object);
}

void
clinker_decref(PyObject *object)
{
    Py_XDECREF(object);
}

/* Drop a reference, unless it is the last one: then returns 1. */
int
clinker_drop_unless_last(PyObject *object)
{
    if (!_Py_IsImmortal(object) && Py_REFCNT(object) == 1) {
        return 1;
    }
    Py_DECREF(object);
    return 0;
}

const struct clinker_entry clinker_border_helpers[] = {
    ENTRY(periodic),
    ENTRY(dealloc),
    ENTRY(incref),
    ENTRY(decref),
    ENTRY(drop_unless_last),
    ENTRY(leave),
    ENTRY(release),
#if !CLINKER_HOOKS
    ENTRY(show),
    ENTRY(changed),
#endif
    {NULL, NULL},
};
