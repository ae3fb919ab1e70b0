/* Iterators of CPython whose layout no header tells: of Objects/dictobject.c,
 * setobject.c, listobject.c, unicodeobject.c and enumobject.c, and
 * Python/bltinmodule.c.  clinker_kind() checks their sizes. */

#ifndef CLINKER_ITERATORS_H
#define CLINKER_ITERATORS_H

#include "Python.h"

struct clinker_dict_iter {
    PyObject_HEAD
    // NULL at the end.
    PyDictObject *dict;
    Py_ssize_t used;
    Py_ssize_t position;
    // The tuple that an iterator of items gives, as long as nobody else has it.
    PyObject *result;
    Py_ssize_t left;
};

struct clinker_set_iter {
    PyObject_HEAD
    PySetObject *set;
    Py_ssize_t used;
    Py_ssize_t position;
    Py_ssize_t left;
};

struct clinker_reversed_list {
    PyObject_HEAD
    Py_ssize_t index;
    PyListObject *list;
};

struct clinker_str_iter {
    PyObject_HEAD
    Py_ssize_t index;
    PyObject *str;
};

struct clinker_enumerate {
    PyObject_HEAD
    // PY_SSIZE_T_MAX if it is beyond that.
    Py_ssize_t index;
    PyObject *iterator;
    PyObject *result;
    PyObject *long_index;
    PyObject *one;
};

struct clinker_zip {
    PyObject_HEAD
    Py_ssize_t size;
    PyObject *iterators;
    PyObject *result;
    int strict;
};

#endif /* CLINKER_ITERATORS_H */
