/* Calls with * and ** in a stock CPython. */

#include "runtime.h"

/* New references to the arguments in a tuple and so many words in a dictionary, which is
 * NULL if there are none, with the names of these.  NULL without an exception if the words
 * are no strings, or there is no memory. */
static PyObject **
unpack(PyObject *args, PyObject *kwargs, Py_ssize_t words,
       PyObject **kwnames)
{
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    PyObject **stack = PyMem_New(PyObject *, count + words + 1);
    *kwnames = PyTuple_New(words);
    if (stack == NULL || *kwnames == NULL) {
        PyErr_Clear();
        PyMem_Free(stack);
        Py_CLEAR(*kwnames);
        return NULL;
    }
    PyObject *word, *value;
    Py_ssize_t position = 0;
    for (Py_ssize_t i = 0; i < words; i++) {
        PyDict_Next(kwargs, &position, &word, &value);
        if (!PyUnicode_Check(word)) {
            PyMem_Free(stack);
            Py_CLEAR(*kwnames);
            return NULL;
        }
        PyTuple_SET_ITEM(*kwnames, i, Py_NewRef(word));
        stack[count + i] = value;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        stack[i] = PyTuple_GET_ITEM(args, i);
    }
    for (Py_ssize_t i = 0; i < count + words; i++) {
        Py_INCREF(stack[i]);
    }
    return stack;
}

/* Call a Python function with a tuple and a dictionary or NULL, all of which are stolen:
 * both are released before it runs, as in CALL_FUNCTION_EX. */
PyObject *
clinker_call_unpacked(PyObject *func, PyObject *args, PyObject *kwargs)
{
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    Py_ssize_t words = kwargs == NULL ? 0 : PyDict_GET_SIZE(kwargs);
    PyObject *kwnames;
    PyObject **stack = unpack(args, kwargs, words, &kwnames);
    PyObject *result;
    if (stack == NULL) {
        result = PyObject_Call(func, args, kwargs);
        Py_DECREF(args);
        Py_XDECREF(kwargs);
    }
    else {
        Py_DECREF(args);
        Py_XDECREF(kwargs);
        result = ((PyFunctionObject *)func)->vectorcall(
            func, stack, (size_t)count, words > 0 ? kwnames : NULL);
        // In the order in which the frame would have released them.
        for (Py_ssize_t i = 0; i < count + words; i++) {
            Py_DECREF(stack[i]);
        }
        PyMem_Free(stack);
        Py_DECREF(kwnames);
    }
    Py_DECREF(func);
    return result;
}
