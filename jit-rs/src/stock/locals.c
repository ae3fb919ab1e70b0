/* Writes to the variables of a frame through f_locals: native code that runs the frame has
 * to know, since it borrows objects from the slots.  All of them begin in one of the
 * functions below, which are called in the place of CPython's own. */

#include "glue.h"
#include "frameobject.h"           // PyFrameLocalsProxyObject

static objobjargproc usual_set;
static binaryfunc usual_or;
static PyCFunction usual_update;
static PyCFunctionFast usual_setdefault;

static void
tell(PyObject *proxy)
{
    PyFrameObject *frame = ((PyFrameLocalsProxyObject *)proxy)->frame;
    clinker_frame_query(frame->f_frame, 1);
}

static int
set(PyObject *proxy, PyObject *key, PyObject *value)
{
    tell(proxy);
    return usual_set(proxy, key, value);
}

static PyObject *
merge(PyObject *proxy, PyObject *other)
{
    tell(proxy);
    return usual_or(proxy, other);
}

static PyObject *
update(PyObject *proxy, PyObject *other)
{
    tell(proxy);
    return usual_update(proxy, other);
}

static PyObject *
setdefault(PyObject *proxy, PyObject *const *args, Py_ssize_t count)
{
    tell(proxy);
    return usual_setdefault(proxy, args, count);
}

/* Let a special method call another function. */
static int
redirect(const char *name, void *before, void *after)
{
    PyObject *dict = PyType_GetDict(&PyFrameLocalsProxy_Type);
    PyObject *method = PyDict_GetItemString(dict, name);
    Py_DECREF(dict);
    if (method == NULL || !Py_IS_TYPE(method, &PyWrapperDescr_Type)
        || ((PyWrapperDescrObject *)method)->d_wrapped != before)
    {
        PyErr_Format(PyExc_RuntimeError,
                     "FrameLocalsProxy.%s is not that of CPython " PY_VERSION,
                     name);
        return -1;
    }
    ((PyWrapperDescrObject *)method)->d_wrapped = after;
    return 0;
}

int
clinker_watch_locals(void)
{
    PyTypeObject *type = &PyFrameLocalsProxy_Type;
    usual_set = type->tp_as_mapping->mp_ass_subscript;
    usual_or = type->tp_as_number->nb_inplace_or;
    if (redirect("__setitem__", usual_set, set) < 0
        || redirect("__delitem__", usual_set, set) < 0
        || redirect("__ior__", usual_or, merge) < 0)
    {
        return -1;
    }
    type->tp_as_mapping->mp_ass_subscript = set;
    type->tp_as_number->nb_inplace_or = merge;
    for (PyMethodDef *method = type->tp_methods; method->ml_name != NULL;
         method++)
    {
        if (strcmp(method->ml_name, "update") == 0) {
            usual_update = method->ml_meth;
            method->ml_meth = update;
        }
        else if (strcmp(method->ml_name, "setdefault") == 0) {
            usual_setdefault =
                (PyCFunctionFast)(void (*)(void))method->ml_meth;
            method->ml_meth = _PyCFunction_CAST(setdefault);
        }
    }
    return 0;
}
