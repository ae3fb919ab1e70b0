/* What generators and coroutines send to: the instructions that get it. */

#include "runtime.h"

PyObject *
clinker_get_yield_from_iter(T *tstate, F *frame, PyObject *iterable,
                            uint64_t unused)
{
    if (PyCoro_CheckExact(iterable)) {
        const int flags = CO_COROUTINE | CO_ITERABLE_COROUTINE;
        if (!(_PyFrame_GetCode(frame)->co_flags & flags)) {
            _PyErr_SetString(tstate, PyExc_TypeError,
                             "cannot 'yield from' a coroutine object "
                             "in a non-coroutine generator");
            return NULL;
        }
        return Py_NewRef(iterable);
    }
    if (PyGen_CheckExact(iterable)) {
        return Py_NewRef(iterable);
    }
    return clinker_get_iter(tstate, frame, iterable, 0);
}

PyObject *
clinker_get_awaitable(T *tstate, F *frame, PyObject *iterable, uint64_t oparg)
{
    if (PyCoro_CheckExact(iterable)
        && ((PyGenObject *)iterable)->gi_frame_state == FRAME_CREATED)
    {
        return Py_NewRef(iterable);
    }
    PyObject *iter = _PyCoro_GetAwaitableIter(iterable);
    if (iter == NULL) {
        _PyEval_FormatAwaitableError(tstate, Py_TYPE(iterable), (int)oparg);
        return NULL;
    }
    if (PyCoro_CheckExact(iter)) {
        PyObject *yf = _PyGen_yf((PyGenObject *)iter);
        if (yf != NULL) {
            Py_DECREF(yf);
            Py_DECREF(iter);
            _PyErr_SetString(tstate, PyExc_RuntimeError,
                             "coroutine is being awaited already");
            return NULL;
        }
    }
    return iter;
}

PyObject *
clinker_get_aiter(T *tstate, F *frame, PyObject *object, uint64_t unused)
{
    PyTypeObject *type = Py_TYPE(object);
    if (type->tp_as_async == NULL || type->tp_as_async->am_aiter == NULL) {
        _PyErr_Format(tstate, PyExc_TypeError,
                      "'async for' requires an object with "
                      "__aiter__ method, got %.100s",
                      type->tp_name);
        return NULL;
    }
    PyObject *iter = type->tp_as_async->am_aiter(object);
    if (iter == NULL) {
        return NULL;
    }
    type = Py_TYPE(iter);
    if (type->tp_as_async == NULL || type->tp_as_async->am_anext == NULL) {
        _PyErr_Format(tstate, PyExc_TypeError,
                      "'async for' received an object from __aiter__ "
                      "that does not implement __anext__: %.100s",
                      type->tp_name);
        Py_DECREF(iter);
        return NULL;
    }
    return iter;
}

PyObject *
clinker_get_anext(T *tstate, F *frame, PyObject *aiter, uint64_t unused)
{
    PyTypeObject *type = Py_TYPE(aiter);
    if (PyAsyncGen_CheckExact(aiter)) {
        return type->tp_as_async->am_anext(aiter);
    }
    if (type->tp_as_async == NULL || type->tp_as_async->am_anext == NULL) {
        _PyErr_Format(tstate, PyExc_TypeError,
                      "'async for' requires an iterator with "
                      "__anext__ method, got %.100s",
                      type->tp_name);
        return NULL;
    }
    PyObject *next = type->tp_as_async->am_anext(aiter);
    if (next == NULL) {
        return NULL;
    }
    PyObject *awaitable = _PyCoro_GetAwaitableIter(next);
    if (awaitable == NULL) {
        _PyErr_FormatFromCause(PyExc_TypeError,
                               "'async for' received an invalid object "
                               "from __anext__: %.100s",
                               Py_TYPE(next)->tp_name);
    }
    Py_DECREF(next);
    return awaitable;
}

int
clinker_before_async_with(T *tstate, F *frame, PyObject **stack,
                          uint64_t unused)
{
    return clinker_enter_manager(tstate, frame, stack, &_Py_ID(__aenter__),
                                 &_Py_ID(__aexit__), "asynchronous ");
}

const struct clinker_entry clinker_await_helpers[] = {
    ENTRY(get_yield_from_iter),
    ENTRY(get_awaitable),
    ENTRY(get_aiter),
    ENTRY(get_anext),
    ENTRY(before_async_with),
    {NULL, NULL},
};
