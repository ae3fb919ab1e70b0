/* What native code does at its borders. */

#include "runtime.h"

/* A new float for a local variable; the interpreter cannot go on without. */
PyObject *
clinker_box_float(double value)
{
    PyObject *object = PyFloat_FromDouble(value);
    if (object == NULL) {
        Py_FatalError("no memory for a float when native code is left");
    }
    return object;
}

double
clinker_power(double base, double exponent)
{
    return pow(base, exponent);
}

PyObject *
clinker_box_int(int64_t value)
{
    PyObject *object = PyLong_FromLongLong(value);
    if (object == NULL) {
        Py_FatalError("no memory for an int when native code is left");
    }
    return object;
}

/* The value of an int object that has more than one digit.  Returns 0 if it
 * does not fit. */
int
clinker_unbox_int(PyObject *object, int64_t *value)
{
    int overflow;
    *value = PyLong_AsLongLongAndOverflow(object, &overflow);
    return !overflow;
}

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
           || frame->stacktop != CLINKER_NATIVE;
}

/* Perform the actions of an exit from one to another. */
static void
act(F *frame, const struct clinker_exit *exit, uint64_t *values,
    uint32_t from, uint32_t to)
{
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
            case CLINKER_SLOT: {
                PyObject *old = *place;
                *place = object;
                Py_XDECREF(old);
                break;
            }
            case CLINKER_STACK_SHARED:
                Py_XINCREF(object);
                // fall through
            case CLINKER_STACK:
                *place = object;
                break;
            case CLINKER_DROP:
                Py_XDECREF(object);
                break;
        }
    }
}

/* Perform all actions of an exit: the native code goes on. */
void
clinker_act(F *frame, const struct clinker_exit *exit, uint64_t *values)
{
    act(frame, exit, values, 0, exit->action_count);
}

/* Leave native code: gives the instruction where the interpreter goes on, or
 * NULL if it handles an exception. */
static _Py_CODEUNIT *
leave(F *frame, struct clinker_exit *exit, uint64_t *values, uint32_t from)
{
    // What is dropped may run code, which sees the frame as it will be.
    uint32_t drops = exit->action_count;
    while (drops > from && exit->actions[drops - 1].act == CLINKER_DROP) {
        drops--;
    }
    act(frame, exit, values, from, drops);
    int was_written = frame->stacktop == CLINKER_WRITTEN;
    frame->stacktop = exit->stacktop;
    if (exit->next != NULL) {
        frame->instr_ptr = exit->next;
    }
    // Whoever has written to the variables has left objects to release.
    if (was_written) {
        clinker_release_kept(frame);
    }
    act(frame, exit, values, drops, exit->action_count);
    exit->times++;
    if (exit->guess >= 0 && exit->times == CLINKER_MAX_EXITS) {
        if (exit->next != NULL) {
            clinker_refuted(exit->code, (uint64_t)exit->guess);
        }
        else {
            clinker_reached(exit->code, (uint64_t)exit->guess);
        }
    }
    return exit->next;
}

_Py_CODEUNIT *
clinker_leave(F *frame, struct clinker_exit *exit, uint64_t *values)
{
    return leave(frame, exit, values, 0);
}

/* Release the last reference to an object, which may run any code: it sees the
 * frame as it will be after the instruction.  Leaves native code if the frame was
 * written to; else gives CLINKER_STAY. */
_Py_CODEUNIT *
clinker_release(F *frame, struct clinker_exit *exit, uint64_t *values,
                PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (type == &PyLong_Type || type == &PyFloat_Type
        || type == &PyUnicode_Type)
    {
        // It runs no code.
        clinker_dealloc(object);
        return CLINKER_STAY;
    }
    act(frame, exit, values, 0, exit->slot_count);
    clinker_dealloc(object);
    return frame->stacktop == CLINKER_NATIVE
           ? CLINKER_STAY
           : leave(frame, exit, values, exit->slot_count);
}

/* Release the last reference to an object. */
void
clinker_dealloc(PyObject *object)
{
#ifdef Py_REF_DEBUG
    Py_DECREF(object);
#else
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

/* What the slots of a frame held before somebody wrote to one of them. */
struct kept {
    struct kept *next;
    F *frame;
    int count;
    PyObject *objects[];
};

static struct kept *all_kept;

/* Somebody is about to write to a local variable of a frame.  Native code
 * borrows objects from the slots: they live on until it has been left, which it
 * does when it sees the mark. */
void
clinker_frame_query(_PyInterpreterFrame *frame, int write)
{
    if (!write || frame->stacktop > CLINKER_NATIVE) {
        return;
    }
    frame->stacktop = CLINKER_WRITTEN;
    int count = _PyFrame_GetCode(frame)->co_nlocalsplus;
    struct kept *kept = PyMem_RawMalloc(sizeof(struct kept)
                                        + count * sizeof(PyObject *));
    if (kept == NULL) {
        Py_FatalError("no memory to write to a variable of native code");
    }
    kept->frame = frame;
    kept->count = count;
    for (int i = 0; i < count; i++) {
        kept->objects[i] = Py_XNewRef(frame->localsplus[i]);
    }
    kept->next = all_kept;
    all_kept = kept;
}

/* Native code that was marked has been left. */
void
clinker_release_kept(F *frame)
{
    struct kept **link = &all_kept;
    struct kept *mine = NULL;
    while (*link != NULL) {
        struct kept *kept = *link;
        if (kept->frame == frame) {
            *link = kept->next;
            kept->next = mine;
            mine = kept;
        }
        else {
            link = &kept->next;
        }
    }
    while (mine != NULL) {
        struct kept *kept = mine;
        mine = kept->next;
        for (int i = 0; i < kept->count; i++) {
            Py_XDECREF(kept->objects[i]);
        }
        PyMem_RawFree(kept);
    }
}

const struct clinker_entry clinker_border_helpers[] = {
    ENTRY(box_float),
    ENTRY(power),
    ENTRY(box_int),
    ENTRY(unbox_int),
    ENTRY(periodic),
    ENTRY(dealloc),
    ENTRY(incref),
    ENTRY(decref),
    ENTRY(drop_unless_last),
    ENTRY(release_kept),
    ENTRY(act),
    ENTRY(leave),
    ENTRY(release),
    {NULL, NULL},
};
