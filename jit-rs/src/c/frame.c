/* What others see of the frames of native code. */

#include "runtime.h"

/* What the slots of a frame held before somebody wrote to one of them, or an
 * object that has no slot any more. */
struct kept {
    struct kept *next;
    F *frame;
    PyObject *object;
    int count;
    PyObject *objects[];
};

static struct kept *all_kept;

/* Where the record is of what a slot of a frame held at first. */
static PyObject **
find_kept(F *frame, int slot)
{
    PyObject **first = NULL;
    for (struct kept *kept = all_kept; kept != NULL; kept = kept->next) {
        if (kept->frame == frame && slot < kept->count) {
            first = &kept->objects[slot];
        }
    }
    return first;
}

static struct kept *
keep(F *frame, int count)
{
    struct kept *kept = PyMem_RawMalloc(sizeof(struct kept)
                                        + count * sizeof(PyObject *));
    if (kept == NULL) {
        Py_FatalError("no memory to write to a variable of native code");
    }
    kept->next = all_kept;
    kept->frame = frame;
    kept->count = count;
    all_kept = kept;
    return kept;
}

/* Put the object of an unboxed variable into its slot, which has held a scalar,
 * unless somebody has written another one there.  Steals the reference. */
void
clinker_fill_slot(F *frame, int slot, PyObject *object)
{
    PyObject **place = &frame->localsplus[slot];
    if (frame->stacktop == CLINKER_WRITTEN
        && *find_kept(frame, slot) != *place)
    {
        // It may be on the stack too: it lives on until native code is left.
        struct kept *kept = keep(frame, 0);
        kept->object = object;
        return;
    }
    PyObject *old = *place;
    *place = object;
    Py_XDECREF(old);
}

// So many values need no memory.
#define FEW 64

/* Put the unboxed variables of a frame into their slots. */
static void
fill_slots(F *frame)
{
    struct clinker_record *record = clinker_record(frame);
    if (record == NULL || record->exit == NULL) {
        return;
    }
    const struct clinker_exit *exit = record->exit;
    // Once: they may be written to then.
    record->exit = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < exit->slot_count; i++) {
        count = Py_MAX(count, exit->actions[i].value + 1);
    }
    count -= Py_MIN(count, exit->constant_count);
    // Boxing replaces the values, which native code keeps.
    size_t size = count * sizeof(uint64_t);
    uint64_t few[FEW];
    uint64_t *values = count <= FEW ? few : PyMem_RawMalloc(size);
    if (values == NULL) {
        Py_FatalError("no memory to look at the variables of native code");
    }
    memcpy(values, record->values, size);
    clinker_act(frame, exit, values, 0, exit->slot_count);
    if (values != few) {
        PyMem_RawFree(values);
    }
}

/* Somebody is about to look at a frame, or to write to one of its variables.
 * Native code borrows objects from the slots: they live on until it has been
 * left, which it does when it sees the mark. */
void
clinker_frame_query(_PyInterpreterFrame *frame, int write)
{
    if (frame->stacktop > CLINKER_NATIVE) {
        return;
    }
    if (frame->stacktop == CLINKER_NATIVE) {
        fill_slots(frame);
    }
    if (!write) {
        return;
    }
    frame->stacktop = CLINKER_WRITTEN;
    int count = _PyFrame_GetCode(frame)->co_nlocalsplus;
    struct kept *kept = keep(frame, count);
    kept->object = NULL;
    for (int i = 0; i < count; i++) {
        kept->objects[i] = Py_XNewRef(frame->localsplus[i]);
    }
}

#if CLINKER_HOOKS

/* Mark the frames of a thread that run a code object, or all if it is NULL, so that
 * native code hands them back. */
static void
mark_frames(T *tstate, const void *code)
{
    for (F *frame = tstate->current_frame; frame; frame = frame->previous) {
        if (code == NULL ? frame->stacktop == CLINKER_NATIVE
                         : frame->f_executable == code)
        {
            clinker_frame_query(frame, 1);
        }
    }
}

/* Native code of a code object is to be left in this thread. */
void
clinker_leave_here(const void *code)
{
    mark_frames(_PyThreadState_GET(), code);
}

/* The same, whichever thread runs it. */
void
clinker_leave_everywhere(const void *code)
{
    PyInterpreterState *interp = _PyInterpreterState_GET();
    HEAD_LOCK(interp->runtime);
    for (T *tstate = interp->threads.head; tstate; tstate = tstate->next) {
        mark_frames(tstate, code);
    }
    HEAD_UNLOCK(interp->runtime);
}

/* All native code is to be left. */
void
clinker_leave_all(void)
{
    clinker_leave_everywhere(NULL);
}

#else

/* Other code is going to run: nobody tells if it looks at the frame. */
void
clinker_show(F *frame)
{
    fill_slots(frame);
}

int
clinker_changed(F *frame)
{
    return clinker_is_changed(frame);
}

/* Native code asks for all that it relies on, and may go on. */
void
clinker_leave_all(void)
{
}

#endif

/* Whether not all frames that run can be found: greenlets have stacks that no
 * thread leads to. */
int
clinker_may_hide_frames(void)
{
    PyObject *modules = _PyInterpreterState_GET()->imports.modules;
    return modules == NULL
           || PyDict_GetItemString(modules, "greenlet") != NULL;
}

/* Tell of what the frames of all threads run, as code objects: native code of
 * others is not being executed.  Returns 0 if that is not known. */
int
clinker_tell_running(void (*tell)(void *, const void *), void *data)
{
    if (clinker_may_hide_frames()) {
        return 0;
    }
    PyInterpreterState *interp = _PyInterpreterState_GET();
    HEAD_LOCK(interp->runtime);
    for (T *tstate = interp->threads.head; tstate; tstate = tstate->next) {
        for (F *frame = tstate->current_frame; frame; frame = frame->previous)
        {
            tell(data, frame->f_executable);
        }
    }
    HEAD_UNLOCK(interp->runtime);
    return 1;
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
        Py_XDECREF(kept->object);
        for (int i = 0; i < kept->count; i++) {
            Py_XDECREF(kept->objects[i]);
        }
        PyMem_RawFree(kept);
    }
}
