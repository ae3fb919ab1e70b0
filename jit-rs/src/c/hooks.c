/* The table of functions that is registered with the eval hooks. */

#include "runtime.h"
#include "glue.h"

extern void clinker_tell(_PyInterpreterFrame *frame, _Py_CODEUNIT *instr,
                         int oparg, int old_opcode, PyObject **stack_pointer);
extern void clinker_take_generators(void);
extern void clinker_take_consumers(void);
extern void clinker_give_generators_back(void);
extern void clinker_give_consumers_back(void);
extern void clinker_take_instances(void);
extern void clinker_give_instances_back(void);

static uint32_t
hot(PyThreadState *tstate, _PyInterpreterFrame *frame, _Py_CODEUNIT *instr,
    _PyEvalHotKind kind)
{
    PyCodeObject *code = _PyFrame_GetCode(frame);
    return clinker_hot(code, (uint32_t)(instr - _PyCode_CODE(code)),
                       (uint32_t)(frame->stacktop - code->co_nlocalsplus),
                       kind == _Py_EVAL_HOT_LOOP);
}

static void
code_attached(PyCodeObject *code, _PyShadowCode *shadow)
{
    clinker_code_attached(code, shadow);
}

static void
code_death(PyCodeObject *code, _PyShadowCode *shadow)
{
    clinker_code_death(code);
}

static void
instrumented(PyCodeObject *code, _PyShadowCode *shadow)
{
    uintptr_t version = _PyInterpreterState_GET()->ceval.instrumentation_version;
    int is_alone = code->_co_instrumentation_version == version;
    // If that of all code changes, the other threads will see the version; and
    // the lock of their list may be held.
    void (*leave)(const void *) = is_alone ? clinker_leave_everywhere
                                           : clinker_leave_here;
    clinker_instrumented(code, leave);
    leave(code);
}

/* A module looks attributes up as its class does. */
static void
class_assigned(PyObject *object, PyTypeObject *old_class)
{
    if (PyModule_Check(object)) {
        clinker_invalidate(((PyModuleObject *)object)->md_dict, NULL,
                           clinker_leave_everywhere);
    }
}

static void
evaluation_changed(PyInterpreterState *interp)
{
    clinker_leave_all();
}

static void
fork_stage(_PyEvalForkStage stage)
{
    if (stage == _Py_EVAL_BEFORE_FORK) {
        clinker_forking();
    }
    else if (stage == _Py_EVAL_AFTER_FORK_IN_CHILD) {
        clinker_forked_child();
    }
}

static void
finalize(PyInterpreterState *interp)
{
    clinker_give_consumers_back();
    clinker_give_generators_back();
    clinker_finalize();
    clinker_give_instances_back();
    clinker_release_reserved_objects();
}

static int
is_enabled(void)
{
    return clinker_is_enabled();
}

static int
is_native(_PyInterpreterFrame *frame)
{
    return frame->stacktop <= CLINKER_NATIVE;
}

static _PyEvalHooks clinker_hooks = {
    .size = sizeof(clinker_hooks),
    .hot = hot,
    .code_attached = code_attached,
    .code_death = code_death,
    .specialized = clinker_tell,
    .instrumented = instrumented,
    .class_assigned = class_assigned,
    .evaluation_changed = evaluation_changed,
    .fork = fork_stage,
    .frame_query = clinker_frame_query,
    .call = clinker_called_by_c,
    .finalize = finalize,
    .is_enabled = is_enabled,
    .is_native = is_native,
};

int
clinker_is_registered(void)
{
    return _PyInterpreterState_GET()->eval_hooks == &clinker_hooks;
}

void
clinker_set_periods(uint32_t period)
{
    clinker_hooks.entry_period = period;
    clinker_hooks.loop_period = (uint16_t)Py_MIN(period, UINT16_MAX);
}

uint32_t
clinker_entry_period(void)
{
    return clinker_hooks.entry_period;
}

int
clinker_register(PyInterpreterState *interp)
{
    if (_PyEvalHooks_Register(interp, &clinker_hooks) < 0) {
        return -1;
    }
    clinker_take_generators();
    clinker_take_consumers();
    clinker_take_instances();
    return 0;
}
