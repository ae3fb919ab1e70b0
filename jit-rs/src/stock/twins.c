/* Functions of CPython that it does not export, as far as the C side needs them in a
 * stock CPython: for this module alone, which does not export them either. */

#include "runtime.h"
#include "pycore_lock.h"           // _PyMutex_LockTimed()

#include <sched.h>

int
_Py_GetBaseOpcode(PyCodeObject *code, int offset)
{
    uint8_t opcode = _PyCode_CODE(code)[offset].op.code;
    if (opcode < MIN_INSTRUMENTED_OPCODE) {
        return _PyOpcode_Deopt[opcode];
    }
    PyObject *bytes = PyCode_GetCode(code);
    if (bytes == NULL) {
        Py_FatalError("no memory to look at instrumented code");
    }
    opcode = (uint8_t)PyBytes_AS_STRING(bytes)[offset * sizeof(_Py_CODEUNIT)];
    Py_DECREF(bytes);
    return opcode;
}

uint32_t
_PyDictKeys_GetVersionForCurrentState(PyInterpreterState *interp,
                                      PyDictKeysObject *keys)
{
    if (keys->dk_version == 0 && interp->dict_state.next_keys_version != 0) {
        keys->dk_version = interp->dict_state.next_keys_version++;
    }
    return keys->dk_version;
}

static inline Py_ssize_t
index_at(PyDictKeysObject *keys, size_t place)
{
    int log2_bytes = keys->dk_log2_index_bytes - keys->dk_log2_size;
    switch (log2_bytes) {
        case 0:
            return ((int8_t *)keys->dk_indices)[place];
        case 1:
            return ((int16_t *)keys->dk_indices)[place];
        case 2:
            return ((int32_t *)keys->dk_indices)[place];
        default:
            return (Py_ssize_t)((int64_t *)keys->dk_indices)[place];
    }
}

Py_ssize_t
_PyDictKeys_StringLookup(PyDictKeysObject *keys, PyObject *key)
{
    if (!PyUnicode_CheckExact(key) || keys->dk_kind == DICT_KEYS_GENERAL) {
        return DKIX_ERROR;
    }
    size_t hash = (size_t)PyObject_Hash(key);
    size_t mask = (size_t)DK_SIZE(keys) - 1;
    size_t perturb = hash;
    // The order of Objects/dictobject.c, which has put the keys there.
    for (size_t place = hash & mask;;
         perturb >>= 5, place = (place * 5 + perturb + 1) & mask)
    {
        Py_ssize_t index = index_at(keys, place);
        if (index == DKIX_EMPTY) {
            return DKIX_EMPTY;
        }
        PyObject *other =
            index < 0 ? NULL : DK_UNICODE_ENTRIES(keys)[index].me_key;
        if (other == key
            || (other != NULL && PyUnicode_Compare(other, key) == 0))
        {
            return index;
        }
    }
}

void
_PyDict_SendEvent(int watchers, PyDict_WatchEvent event, PyDictObject *dict,
                  PyObject *key, PyObject *value)
{
    PyInterpreterState *interp = _PyInterpreterState_GET();
    for (int i = 0; i < DICT_MAX_WATCHERS; i++) {
        PyDict_WatchCallback callback = interp->dict_state.watchers[i];
        if ((watchers >> i & 1) && callback != NULL
            && callback(event, (PyObject *)dict, key, value) < 0)
        {
            PyErr_FormatUnraisable("Exception ignored in a dict watcher");
        }
    }
}

/* It is always the current one. */
PyFrameObject *
_PyFrame_MakeAndSetFrameObject(F *frame)
{
    assert(_PyThreadState_GET()->current_frame == frame);
    return PyEval_GetFrame();
}

PyFunctionObject *
_PyFunction_LookupByVersion(uint32_t version, PyObject **code)
{
    PyInterpreterState *interp = _PyInterpreterState_GET();
    struct _func_version_cache_item *item =
        &interp->func_state.func_version_cache[version
                                               % FUNC_VERSION_CACHE_SIZE];
    *code = item->code != NULL
            && ((PyCodeObject *)item->code)->co_version == version
            ? item->code : NULL;
    return item->func != NULL && item->func->func_version == version
           ? item->func : NULL;
}

/* Nobody holds a lock for long that is taken by this. */
PyLockStatus
_PyMutex_LockTimed(PyMutex *mutex, PyTime_t timeout, _PyLockFlags flags)
{
    for (;;) {
        uint8_t bits = _Py_atomic_load_uint8(&mutex->_bits);
        if (!(bits & _Py_LOCKED)
            && _Py_atomic_compare_exchange_uint8(&mutex->_bits, &bits,
                                                 bits | _Py_LOCKED))
        {
            return PY_LOCK_ACQUIRED;
        }
        sched_yield();
    }
}

/* For the events that code cannot be instrumented for: an exception ends a function, or
 * a handler gets it. */
int
_Py_call_instrumentation_arg(T *tstate, int event, F *frame,
                             _Py_CODEUNIT *instr, PyObject *exception)
{
    PyCodeObject *code = _PyFrame_GetCode(frame);
    int offset = (int)((instr - _PyCode_CODE(code)) * sizeof(_Py_CODEUNIT));
    PyMonitoringState state = {
        .active = tstate->interp->monitors.tools[event],
    };
    if (tstate->tracing) {
        return 0;
    }
    PyErr_SetRaisedException(Py_NewRef(exception));
    int status = event == PY_MONITORING_EVENT_PY_UNWIND
        ? _PyMonitoring_FirePyUnwindEvent(&state, (PyObject *)code, offset)
        : _PyMonitoring_FireExceptionHandledEvent(&state, (PyObject *)code,
                                                  offset);
    if (status == 0) {
        Py_DECREF(PyErr_GetRaisedException());
    }
    return status;
}
