/* Slices. */

#include "runtime.h"

/* What the bound of a slice is.  Returns 0 if it is not that easy. */
static inline int
get_bound(PyObject *object, Py_ssize_t none, Py_ssize_t *bound)
{
    if (object == Py_None) {
        *bound = none;
        return 1;
    }
    return small_value(object, bound);
}

static inline Py_ssize_t
clip(Py_ssize_t bound, Py_ssize_t size, Py_ssize_t first, Py_ssize_t last)
{
    if (bound < 0) {
        bound += size;
    }
    return bound < first ? first : bound > last ? last : bound;
}

/* As PySlice_AdjustIndices(), which always divides. */
static inline Py_ssize_t
adjust(Py_ssize_t size, Py_ssize_t *start, Py_ssize_t *stop, Py_ssize_t step)
{
    // It clips to -1 if it goes down.
    Py_ssize_t first = step < 0 ? -1 : 0, last = step < 0 ? size - 1 : size;
    *start = clip(*start, size, first, last);
    *stop = clip(*stop, size, first, last);
    Py_ssize_t span = step < 0 ? *start - *stop : *stop - *start;
    if (span <= 0) {
        return 0;
    }
    Py_ssize_t by = step < 0 ? -step : step;
    return by == 1 ? span : (span - 1) / by + 1;
}

PyObject *
clinker_get_slice(T *tstate, F *frame, PyObject *container, PyObject *start,
                  PyObject *stop, uint64_t unused)
{
    Py_ssize_t size = -1, low, high;
    if (PyList_CheckExact(container)) {
        size = PyList_GET_SIZE(container);
    }
    else if (PyTuple_CheckExact(container)) {
        size = PyTuple_GET_SIZE(container);
    }
    else if (PyUnicode_CheckExact(container)) {
        size = PyUnicode_GET_LENGTH(container);
    }
    if (size >= 0 && get_bound(start, 0, &low)
        && get_bound(stop, PY_SSIZE_T_MAX, &high))
    {
        adjust(size, &low, &high, 1);
        if (PyList_CheckExact(container)) {
            return PyList_GetSlice(container, low, high);
        }
        if (PyTuple_CheckExact(container)) {
            return PyTuple_GetSlice(container, low, high);
        }
        return PyUnicode_Substring(container, low, high);
    }
    PyObject *slice = PySlice_New(start, stop, NULL);
    if (slice == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_GetItem(container, slice);
    Py_DECREF(slice);
    return result;
}

/* container[start:stop:step] */
PyObject *
clinker_get_slice_with_step(T *tstate, F *frame, PyObject *container,
                            PyObject *start, PyObject *stop, PyObject *step,
                            uint64_t unused)
{
    int64_t by;
    Py_ssize_t low, high;
    if (PyList_CheckExact(container) && small_value(step, &by) && by != 0) {
        if (get_bound(start, by < 0 ? PY_SSIZE_T_MAX : 0, &low)
            && get_bound(stop, by < 0 ? PY_SSIZE_T_MIN : PY_SSIZE_T_MAX, &high))
        {
            Py_ssize_t size = PyList_GET_SIZE(container);
            PyObject *list = PyList_New(adjust(size, &low, &high, by));
            if (list != NULL) {
                for (Py_ssize_t i = 0; i < Py_SIZE(list); i++) {
                    PyObject *item = PyList_GET_ITEM(container, low + i * by);
                    PyList_SET_ITEM(list, i, Py_NewRef(item));
                }
            }
            return list;
        }
    }
    PyObject *slice = PySlice_New(start, stop, step);
    if (slice == NULL) {
        return NULL;
    }
    PyObject *result = PyObject_GetItem(container, slice);
    Py_DECREF(slice);
    return result;
}

/* Replace a few items of a list by as many of another one.  Returns 0 if it does
 * not do that. */
static int
replace_items(PyListObject *list, Py_ssize_t low, Py_ssize_t count,
              PyListObject *value)
{
    PyObject *old[32];
    if (count != Py_SIZE(value) || value == list || count < 1
        || count > (Py_ssize_t)Py_ARRAY_LENGTH(old))
    {
        return 0;
    }
    PyObject **items = list->ob_item + low;
    for (Py_ssize_t i = 0; i < count; i++) {
        old[i] = items[i];
        items[i] = Py_NewRef(value->ob_item[i]);
    }
    // What dies may run code: in the order of PyList_SetSlice().
    for (Py_ssize_t i = count; i > 0; i--) {
        Py_DECREF(old[i - 1]);
    }
    return 1;
}

int
clinker_set_slice(T *tstate, F *frame, PyObject *value, PyObject *container,
                  PyObject *start, PyObject *stop, uint64_t unused)
{
    Py_ssize_t low, high;
    if (PyList_CheckExact(container) && PyList_CheckExact(value)
        && get_bound(start, 0, &low) && get_bound(stop, PY_SSIZE_T_MAX, &high))
    {
        adjust(PyList_GET_SIZE(container), &low, &high, 1);
        if (replace_items((PyListObject *)container, low, high - low,
                          (PyListObject *)value))
        {
            return 0;
        }
        return PyList_SetSlice(container, low, high, value);
    }
    PyObject *slice = PySlice_New(start, stop, NULL);
    if (slice == NULL) {
        return -1;
    }
    int status = PyObject_SetItem(container, slice, value);
    Py_DECREF(slice);
    return status;
}

/* to[low:high] = from[start:stop:step], if that only replaces items, and none of
 * them dies by that.  Returns 1 if it was done. */
int
clinker_copy_items(PyListObject *from, Py_ssize_t start, Py_ssize_t stop,
                   PyListObject *to, Py_ssize_t low, Py_ssize_t high,
                   Py_ssize_t step)
{
    PyObject *items[32];
    Py_ssize_t count = adjust(Py_SIZE(from), &start, &stop, step);
    if (adjust(Py_SIZE(to), &low, &high, 1) != count
        || count > (Py_ssize_t)Py_ARRAY_LENGTH(items))
    {
        return 0;
    }
    if (count == 0) {
        return 1;
    }
    PyObject **target = to->ob_item + low;
    PyObject **source = from->ob_item + start;
    if (from == to && step == -1 && source - target == count - 1) {
        // All stay, in reverse order.
        for (; target < source; target++, source--) {
            PyObject *item = *target;
            *target = *source;
            *source = item;
        }
        return 1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        items[i] = Py_NewRef(source[i * step]);
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (Py_REFCNT(target[i]) == 1) {
            while (i-- > 0) {
                Py_INCREF(target[i]);
            }
            for (i = 0; i < count; i++) {
                Py_DECREF(items[i]);
            }
            return 0;
        }
        Py_DECREF(target[i]);
    }
    memcpy(target, items, count * sizeof(PyObject *));
    return 1;
}

const struct clinker_entry clinker_slice_helpers[] = {
    ENTRY(get_slice),
    ENTRY(get_slice_with_step),
    ENTRY(set_slice),
    ENTRY(copy_items),
    {NULL, NULL},
};
