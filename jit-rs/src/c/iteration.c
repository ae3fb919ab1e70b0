/* Iteration, where machine code does not do it itself. */

#include "runtime.h"
#include "pycore_gc.h"            // _PyObject_GC_IS_TRACKED()

/* An iterator has no item: 0 at the end, and -1 if it raised. */
static int
ends(T *tstate, F *frame)
{
    if (_PyErr_Occurred(tstate)) {
        if (!_PyErr_ExceptionMatches(tstate, PyExc_StopIteration)) {
            return -1;
        }
        _PyEval_MonitorRaise(tstate, frame, frame->instr_ptr);
        _PyErr_Clear(tstate);
    }
    return 0;
}

/* The next item of an iterator, or NULL at the end. */
PyObject *
clinker_next(T *tstate, F *frame, PyObject *iterator, uint64_t unused)
{
    PyObject *item;
#if CLINKER_HOOKS
    if (Py_IS_TYPE(iterator, &PyGen_Type)
        && clinker_next_of_generator(tstate, frame, iterator, &item))
    {
        return item;
    }
#endif
    if (Py_IS_TYPE(iterator, &PyListIter_Type)) {
        _PyListIterObject *it = (_PyListIterObject *)iterator;
        if (it->it_seq != NULL
            && (size_t)it->it_index < (size_t)PyList_GET_SIZE(it->it_seq))
        {
            return Py_NewRef(PyList_GET_ITEM(it->it_seq, it->it_index++));
        }
    }
    item = Py_TYPE(iterator)->tp_iternext(iterator);
    if (item == NULL && ends(tstate, frame) < 0) {
        return RAISED;
    }
    return item;
}

/* Native code is going to be left with the tuple of an enumerate: now it needs
 * the index. */
static int
complete(struct clinker_enumerate *en)
{
    PyObject *index = PyLong_FromSsize_t(en->index - 1);
    if (index == NULL) {
        return -1;
    }
    PyObject *old = PyTuple_GET_ITEM(en->result, 0);
    PyTuple_SET_ITEM(en->result, 0, index);
    Py_DECREF(old);
    return 1;
}

/* As enum_next(), without an object for the index: the tuple keeps the one
 * that it has. */
static int
advance_enumerate(T *tstate, F *frame, struct clinker_enumerate *en)
{
    PyObject *item = Py_TYPE(en->iterator)->tp_iternext(en->iterator);
    if (item == NULL) {
        return ends(tstate, frame);
    }
    en->index++;
    PyObject *result = en->result;
    if (Py_REFCNT(result) != 1) {
        PyObject *pair = PyTuple_New(2);
        if (pair == NULL) {
            Py_DECREF(item);
            return -1;
        }
        PyTuple_SET_ITEM(pair, 0, Py_None);
        PyTuple_SET_ITEM(pair, 1, item);
        Py_SETREF(en->result, pair);
        return complete(en);
    }
    // What is released may run code.
    Py_INCREF(result);
    PyObject *old = PyTuple_GET_ITEM(result, 1);
    PyTuple_SET_ITEM(result, 1, item);
    Py_DECREF(old);
    if (!_PyObject_GC_IS_TRACKED(result)) {
        _PyObject_GC_TRACK(result);
    }
    Py_DECREF(result);
    return clinker_is_changed(frame) ? complete(en) : 1;
}

/* Let an iterator that gives the same tuple as long as nobody else has it put
 * its next items there.  Returns 0 at the end. */
int
clinker_advance(T *tstate, F *frame, PyObject *iterator, uint64_t unused)
{
    if (Py_IS_TYPE(iterator, &PyEnum_Type)) {
        return advance_enumerate(tstate, frame,
                                 (struct clinker_enumerate *)iterator);
    }
    PyObject **kept = Py_IS_TYPE(iterator, &PyZip_Type)
                      ? &((struct clinker_zip *)iterator)->result
                      : &((struct clinker_dict_iter *)iterator)->result;
    PyObject *result = Py_TYPE(iterator)->tp_iternext(iterator);
    if (result == NULL) {
        return ends(tstate, frame);
    }
    if (result == *kept) {
        Py_DECREF(result);
    }
    else {
        Py_SETREF(*kept, result);
    }
    return 1;
}

/* An iterator of a list or tuple is at its end. */

void
clinker_list_end(T *tstate, F *frame, PyObject *iterator, uint64_t unused)
{
    _PyListIterObject *it = (_PyListIterObject *)iterator;
    it->it_index = -1;
    Py_CLEAR(it->it_seq);
}

void
clinker_tuple_end(T *tstate, F *frame, PyObject *iterator, uint64_t unused)
{
    _PyTupleIterObject *it = (_PyTupleIterObject *)iterator;
    Py_CLEAR(it->it_seq);
}

PyObject *
clinker_get_iter(T *tstate, F *frame, PyObject *iterable, uint64_t unused)
{
    PyObject *generator = clinker_iter_generator(tstate, iterable);
    return generator != NULL ? generator : PyObject_GetIter(iterable);
}

const struct clinker_entry clinker_iteration_helpers[] = {
    ENTRY(get_iter),
    ENTRY(next),
    ENTRY(advance),
    ENTRY(list_end),
    ENTRY(tuple_end),
    {NULL, NULL},
};
