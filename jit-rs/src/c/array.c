/* Arrays of the module array, which has no header. */

#include "runtime.h"

/* The bits of jit-rs/src/hir/types.rs, by the typecode. */
static const struct {
    char typecode;
    int bit;
} elements[] = {
    {'d', 17},
    {'i', 18},
    {'l', 19},
    {'B', 20},
};

/* The class, once one of its objects has been seen.  Machine code compares with
 * it: it is kept. */
static PyTypeObject *array_class = NULL;

/* Whether it is the class of Modules/arraymodule.c of this interpreter. */
static int
is_array_class(PyTypeObject *type)
{
    // A class that is made in Python is not immutable.
    if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)
        || !PyType_HasFeature(type, Py_TPFLAGS_IMMUTABLETYPE)
        || strcmp(type->tp_name, "array.array") != 0
        || type->tp_basicsize != sizeof(struct clinker_array))
    {
        return 0;
    }
    PyObject *module = ((PyHeapTypeObject *)type)->ht_module;
    PyModuleDef *def = module == NULL ? NULL : PyModule_GetDef(module);
    return def != NULL && strcmp(def->m_name, "array") == 0;
}

/* The bit of an exact array with items that are known, or -1. */
int
clinker_array_kind(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (array_class == NULL && is_array_class(type)) {
        array_class = (PyTypeObject *)Py_NewRef(type);
    }
    if (type != array_class) {
        return -1;
    }
    char typecode = *((struct clinker_array *)object)->descr;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(elements); i++) {
        if (elements[i].typecode == typecode) {
            return elements[i].bit;
        }
    }
    return -1;
}

/* The class of a bit, or NULL. */
PyTypeObject *
clinker_array_class(int bit)
{
    int is_array = bit >= elements[0].bit
                   && bit < elements[0].bit
                            + (int)Py_ARRAY_LENGTH(elements);
    return is_array ? array_class : NULL;
}
