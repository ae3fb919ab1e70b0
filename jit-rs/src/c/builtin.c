/* Calls of built-in functions and methods, as the specialized forms of CALL make
 * them. */

#include "runtime.h"

#define KIND (METH_VARARGS | METH_FASTCALL | METH_NOARGS | METH_O \
              | METH_KEYWORDS | METH_METHOD)

/* Call a C function with positional arguments, if it takes them as they are: then
 * returns 1. */
static inline int
call_method(T *tstate, const PyMethodDef *method, PyObject *self,
            PyObject *const *args, int count, PyObject **result)
{
    PyCFunction meth = method->ml_meth;
    switch (method->ml_flags & KIND) {
        case METH_FASTCALL:
            *result = ((PyCFunctionFast)(void (*)(void))meth)(self, args, count);
            return 1;
        case METH_FASTCALL | METH_KEYWORDS:
            *result = ((PyCFunctionFastWithKeywords)(void (*)(void))meth)(
                self, args, count, NULL);
            return 1;
        case METH_O:
        case METH_NOARGS: {
            int wanted = (method->ml_flags & KIND) == METH_O;
            if (count != wanted) {
                return 0;
            }
            *result = NULL;
            if (!_Py_EnterRecursiveCallTstate(
                    tstate, " while calling a Python object"))
            {
                *result = meth(self, wanted ? args[0] : NULL);
                _Py_LeaveRecursiveCallTstate(tstate);
            }
            return 1;
        }
        default:
            return 0;
    }
}

static inline int
call_either(T *tstate, PyObject *callable, PyObject *const *args, int count,
            PyObject **result)
{
    if (Py_IS_TYPE(callable, &PyCFunction_Type)) {
        return call_method(tstate, ((PyCFunctionObject *)callable)->m_ml,
                           PyCFunction_GET_SELF(callable), args, count, result);
    }
    if (Py_IS_TYPE(callable, &PyMethodDescr_Type) && count > 0) {
        PyMethodDescrObject *descr = (PyMethodDescrObject *)callable;
        return Py_IS_TYPE(args[0], PyDescr_TYPE(descr))
               && call_method(tstate, descr->d_method, args[0], args + 1,
                              count - 1, result);
    }
    return 0;
}

/* Call a built-in function, or a method of a built-in type with the object
 * before its arguments.  Borrows all.  Returns 0 if it is nothing of the kind. */
int
clinker_call_builtin(T *tstate, PyObject *callable, PyObject *const *args,
                     int count, PyObject **result)
{
    int is_called = call_either(tstate, callable, args, count, result);
    if (is_called) {
        *result = _Py_CheckFunctionResult(tstate, callable, *result, NULL);
    }
    return is_called;
}
