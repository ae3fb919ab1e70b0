/* What the module _jit has for programs. */

#include "Python.h"

#include "clinker.h"

PyDoc_STRVAR(pause_doc,
"_pause(on)\n\
\n\
Compile nothing more, or again what is hot. Returns what was the case.");

static PyObject *
pause_compiler(PyObject *module, PyObject *on)
{
    int value = PyObject_IsTrue(on);
    if (value < 0) {
        return NULL;
    }
    return PyBool_FromLong(clinker_pause(value));
}

PyMethodDef clinker_control_methods[] = {
    {"_pause", pause_compiler, METH_O, pause_doc},
    {NULL, NULL, 0, NULL},
};
