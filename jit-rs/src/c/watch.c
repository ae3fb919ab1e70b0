/* Variables of modules that machine code takes for constants, and the dictionary watcher that
 * tells when one of them is about to change. */

#include "runtime.h"

// CPython keeps two watchers for its second tier, which it is built without.
#define WATCHER 1

// The names that are relied on, by some bits of their addresses: most stores are to other ones.
#define FILTER_BITS 1024
static uint64_t filter[FILTER_BITS / 64];

// Whether not all frames that run can be found.
static int is_blind;

static uint64_t *
filter_word(PyObject *name, uint64_t *bit)
{
    size_t number = ((uintptr_t)name >> 4) % FILTER_BITS;
    *bit = (uint64_t)1 << number % 64;
    return &filter[number / 64];
}

/* Whether it is the import of greenlet, whose stacks no thread leads to. */
static int
begins_greenlets(PyObject *dict, PyObject *name)
{
    return dict == _PyInterpreterState_GET()->imports.modules
           && PyUnicode_Check(name)
           && PyUnicode_EqualToUTF8(name, "greenlet");
}

static int
is_about_to_change(PyDict_WatchEvent event, PyObject *dict, PyObject *name,
                   PyObject *value)
{
    if (event == PyDict_EVENT_ADDED || event == PyDict_EVENT_MODIFIED
        || event == PyDict_EVENT_DELETED)
    {
        if (PyUnicode_CheckExact(name) && PyUnicode_CHECK_INTERNED(name)) {
            if (begins_greenlets(dict, name)) {
                is_blind = 1;
                clinker_invalidate(NULL, NULL, clinker_leave_everywhere);
                return 0;
            }
            uint64_t bit;
            const uint64_t *word = filter_word(name, &bit);
            if (*word & bit) {
                clinker_invalidate(dict, name, clinker_leave_everywhere);
            }
            return 0;
        }
        // It may be equal to any name.
    }
    clinker_invalidate(dict, NULL, clinker_leave_everywhere);
    if (event == PyDict_EVENT_DEALLOCATED) {
        clinker_dictionary_died(dict);
    }
    return 0;
}

static int
watch(PyObject *dict)
{
    return PyDict_CheckExact(dict) && PyDict_Watch(WATCHER, dict) == 0;
}

/* Whether it is told of changes of the dictionary of variables of a module. */
int
clinker_watch(PyObject *dict)
{
    PyInterpreterState *interp = _PyInterpreterState_GET();
    PyDict_WatchCallback *place = &interp->dict_state.watchers[WATCHER];
    if (*place == NULL) {
        *place = is_about_to_change;
        is_blind = clinker_may_hide_frames() || !watch(interp->imports.modules);
    }
    return *place == is_about_to_change && !is_blind && watch(dict);
}

/* What a watched dictionary has for a name, borrowed or NULL.  Returns 0 if it has to be looked up in
 * another way. */
static int
find(PyObject *dict, PyObject *name, PyObject **value)
{
    // Others may hold deferred imports.
    if (((PyDictObject *)dict)->ma_keys->dk_kind != DICT_KEYS_UNICODE) {
        return 0;
    }
    *value = _PyDict_GetItem_KnownHash(dict, name, PyObject_Hash(name));
    return 1;
}

static int
is_scalar(PyObject *object)
{
    return PyLong_CheckExact(object) || PyFloat_CheckExact(object)
           || PyUnicode_CheckExact(object) || PyBool_Check(object)
           || object == Py_None;
}

/* Find a name among globals and then builtins, which are watched; builtins may be NULL.  Returns 1 if it
 * is among the former, 2 if it is among the latter, and 0 if there is none, or an object of a kind that
 * often changes: it is to be a function, a class or a module; or a number, a string or None, if that is what
 * it was before.  From now on it is told when that changes. */
int
clinker_find_settled(PyObject *globals, PyObject *builtins, PyObject *name,
                     PyObject *before, struct clinker_settled *settled)
{
    PyObject *value;
    int where = 1;
    if (is_blind || !find(globals, name, &value)) {
        return 0;
    }
    if (value == NULL) {
        if (builtins == NULL || !find(builtins, name, &value)
            || value == NULL)
        {
            return 0;
        }
        where = 2;
    }
    if (!PyFunction_Check(value) && !PyCFunction_Check(value)
        && !PyType_Check(value) && !PyModule_CheckExact(value)
        && !(value == before && is_scalar(value)))
    {
        return 0;
    }
    uint64_t bit;
    uint64_t *word = filter_word(name, &bit);
    *word |= bit;
    settled->value = value;
    settled->is_class = PyType_Check(value);
    settled->dict = settled->globals = settled->builtins = NULL;
    settled->function = NULL;
    if (PyFunction_Check(value)) {
        settled->globals = ((PyFunctionObject *)value)->func_globals;
        settled->builtins = ((PyFunctionObject *)value)->func_builtins;
    }
    else if (PyCFunction_CheckExact(value)) {
        settled->flags = PyCFunction_GET_FLAGS(value);
        settled->function = (void *)PyCFunction_GET_FUNCTION(value);
    }
    else if (PyModule_CheckExact(value)) {
        PyObject *dict = ((PyModuleObject *)value)->md_dict;
        settled->dict = clinker_watch(dict) ? dict : NULL;
    }
    return where;
}
