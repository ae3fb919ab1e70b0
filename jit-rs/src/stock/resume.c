/* How a stock interpreter goes on with a frame of native code that was left. */

#include "runtime.h"
#include "pycore_opcode_metadata.h" // _PyOpcode_Caches

/* An entry of the table of handlers: see InternalDocs/exception_handling.md of
 * CPython. */
struct entry {
    int start;
    int size;
    int target;
    int depth;
    int lasti;
};

static const uint8_t *
read_number(const uint8_t *place, int *number)
{
    *number = *place & 63;
    while (*place++ & 64) {
        *number = *number << 6 | (*place & 63);
    }
    return place;
}

/* Find what handles an exception that the instruction at an index raises; returns 0 if
 * nothing does. */
static int
find_handler(PyCodeObject *code, int index, struct entry *entry)
{
    PyObject *table = code->co_exceptiontable;
    const uint8_t *place = (const uint8_t *)PyBytes_AS_STRING(table);
    const uint8_t *end = place + PyBytes_GET_SIZE(table);
    while (place < end) {
        int depth_and_lasti;
        place = read_number(place, &entry->start);
        place = read_number(place, &entry->size);
        place = read_number(place, &entry->target);
        place = read_number(place, &depth_and_lasti);
        entry->depth = depth_and_lasti >> 1;
        entry->lasti = depth_and_lasti & 1;
        if (entry->start <= index && index < entry->start + entry->size) {
            return 1;
        }
    }
    return 0;
}

static void
drop_to(F *frame, int depth)
{
    int least = _PyFrame_GetCode(frame)->co_nlocalsplus + depth;
    while (frame->stacktop > least) {
        Py_XDECREF(_PyFrame_StackPop(frame));
    }
}

/* The instruction at the instr_ptr of the current frame has raised: find the handler,
 * and leave the frame as that begins.  Returns 0 if there is none, and ends the frame
 * with the exception then. */
static int
handle(T *tstate, F *frame)
{
    PyCodeObject *code = _PyFrame_GetCode(frame);
    PyFrameObject *object = _PyFrame_GetFrameObject(frame);
    if (object != NULL) {
        PyTraceBack_Here(object);
    }
    int index = _PyInterpreterFrame_LASTI(frame);
    // Tools are told of the last code unit that the instruction has.
    uint8_t opcode, specialized, oparg;
    clinker_instruction(code, index, &opcode, &specialized, &oparg);
    _Py_CODEUNIT *last = frame->instr_ptr + _PyOpcode_Caches[opcode];
    _PyEval_MonitorRaise(tstate, frame, last);
    struct entry entry;
    while (find_handler(code, index, &entry)) {
        drop_to(frame, entry.depth);
        if (entry.lasti) {
            PyObject *lasti = PyLong_FromLong(_PyInterpreterFrame_LASTI(frame));
            if (lasti == NULL) {
                break;
            }
            _PyFrame_StackPush(frame, lasti);
        }
        PyObject *exception = PyErr_GetRaisedException();
        _PyFrame_StackPush(frame, exception);
        last = _PyCode_CODE(code) + entry.target;
        const int event = PY_MONITORING_EVENT_EXCEPTION_HANDLED;
        if (tstate->interp->monitors.tools[event] == 0
            || _Py_call_instrumentation_arg(tstate, event, frame, last,
                                            exception) == 0)
        {
            frame->instr_ptr = last;
            return 1;
        }
        index = entry.target - 1;
    }
    drop_to(frame, 0);
    const int event = PY_MONITORING_EVENT_PY_UNWIND;
    if (tstate->interp->monitors.tools[event] != 0) {
        PyObject *exception = PyErr_GetRaisedException();
        if (_Py_call_instrumentation_arg(tstate, event, frame, last, exception)
            == 0)
        {
            PyErr_SetRaisedException(exception);
        }
        else {
            Py_DECREF(exception);
        }
    }
    tstate->py_recursion_remaining++;
    tstate->current_frame = frame->previous;
    _PyEval_FrameClearAndPop(tstate, frame);
    return 0;
}

/* Nothing has been executed in place of calls: there is one frame. */
PyObject *
_PyEvalHooks_ResumeFrames(T *tstate, F *bottom, int error)
{
    assert(tstate->current_frame == bottom);
    if (error && !handle(tstate, bottom)) {
        return NULL;
    }
    tstate->current_frame = bottom->previous;
    // The interpreter counts the frame again.
    tstate->py_recursion_remaining++;
    int c_recursion_remaining = tstate->c_recursion_remaining;
    tstate->c_recursion_remaining = Py_MAX(c_recursion_remaining, 8);
    PyObject *result = _PyEval_EvalFrameDefault(tstate, bottom, 0);
    tstate->c_recursion_remaining = c_recursion_remaining;
    return result;
}
