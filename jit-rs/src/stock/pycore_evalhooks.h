/* What takes the place of CPython's header of this name in a stock CPython, which
 * has no eval hooks: the files beside this one do for the client what the hooks do,
 * as far as it can be done with what is exported. */
#ifndef CLINKER_STOCK_EVALHOOKS_H
#define CLINKER_STOCK_EVALHOOKS_H

#include "Python.h"
#include "pycore_code.h"          // _Py_CODEUNIT
#include "pycore_frame.h"         // _PyInterpreterFrame
#include "pycore_instruments.h"   // _PyCoMonitoringData

#define CLINKER_HOOKS 0

/* Loops are neither counted nor entered. */
typedef struct {
    int offset;
    uint16_t period;
    uint64_t trips;
} _PyShadowLoop;

/* The record beside a code object that is compiled or counted: an extra of the code
 * object. */
typedef struct {
    // What calls enter, or NULL.
    const void *entry;
    uint64_t entries;
    uint32_t entry_period;
    uint32_t entries_left;
    // It is not to be counted any more.
    int is_stopped;
    int loop_count;
    _PyShadowLoop *loops;
} _PyShadowCode;

#define _Py_EVAL_STOP_COUNTING UINT32_MAX

// No opcode: there are no instructions that count.
#define JUMP_BACKWARD_COUNTED 256

typedef _Py_CODEUNIT *(*_PyNativeEntry)(_PyInterpreterFrame *frame,
                                        PyObject **stack_pointer,
                                        PyThreadState *tstate);

#pragma GCC visibility push(hidden)

/* hooks.c */
_PyShadowCode *_PyEvalHooks_GetShadow(PyCodeObject *code);
void _PyEvalHooks_Attach(PyInterpreterState *interp, PyCodeObject *code);
int _PyEvalHooks_InstallEntry(PyCodeObject *code, int offset,
                              _PyNativeEntry entry);
void _PyEvalHooks_RemoveEntry(PyCodeObject *code, int offset);
void _PyEvalHooks_RemoveEntries(PyCodeObject *code);
uint64_t _PyEvalHooks_CountEntries(PyCodeObject *code);
uint64_t _PyEvalHooks_CountTrips(PyCodeObject *code,
                                 const _PyShadowLoop *loop);

/* resume.c */
PyObject *_PyEvalHooks_ResumeFrames(PyThreadState *tstate,
                                    _PyInterpreterFrame *bottom, int error);

#pragma GCC visibility pop

/* Whether code is watched by tools. */
static inline int
clinker_is_monitored(PyCodeObject *code)
{
    if (code->_co_monitoring == NULL) {
        return 0;
    }
    const uint8_t *tools = code->_co_monitoring->active_monitors.tools;
    for (size_t i = 0; i < sizeof(code->_co_monitoring->active_monitors); i++) {
        if (tools[i] != 0) {
            return 1;
        }
    }
    return 0;
}

#endif /* CLINKER_STOCK_EVALHOOKS_H */
