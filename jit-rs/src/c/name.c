/* Names, closures and functions. */

#include "runtime.h"

/* A cache of LOAD_GLOBAL has two ways, the globals and the builtins, with the
 * versions of their keys.  The kind is the number of ways that are used: the last
 * one has the place. */

static inline PyObject *
cached_global(PyDictObject *globals, PyDictObject *builtins,
              const struct clinker_cache *cache)
{
    const struct clinker_way *way = &cache->ways[0];
    PyDictObject *dict = globals;
    if (way->kind == 0 || globals->ma_keys->dk_version != way->version) {
        return NULL;
    }
    if (way->kind == 2) {
        way = &cache->ways[1];
        dict = builtins;
        if (builtins->ma_keys->dk_version != way->version) {
            return NULL;
        }
    }
    return Py_XNewRef(DK_UNICODE_ENTRIES(dict->ma_keys)[way->place].me_value);
}

/* The place of a name, DKIX_EMPTY, or DKIX_ERROR if that cannot be told.  Its value is that of the dictionary only if
 * this is of the plain kind: others may hold deferred imports. */
static Py_ssize_t
place_of_name(PyDictObject *dict, PyObject *name, uint32_t *version)
{
    if (dict->ma_keys->dk_kind != DICT_KEYS_UNICODE) {
        return DKIX_ERROR;
    }
    *version = _PyDictKeys_GetVersionForCurrentState(
        _PyInterpreterState_GET(), dict->ma_keys);
    return *version == 0
           ? DKIX_ERROR : _PyDictKeys_StringLookup(dict->ma_keys, name);
}

static void
learn_global(PyDictObject *globals, PyDictObject *builtins, PyObject *name,
             struct clinker_cache *cache)
{
    uint32_t version;
    cache->ways[0].kind = 0;
    if (cache->misses >= CLINKER_MAX_MISSES) {
        return;
    }
    cache->misses++;
    Py_ssize_t place = place_of_name(globals, name, &version);
    if (place < 0 && place != DKIX_EMPTY) {
        return;
    }
    cache->ways[0] = (struct clinker_way){version, 1, (uint32_t)place, 0, NULL};
    if (place >= 0) {
        return;
    }
    place = place_of_name(builtins, name, &version);
    if (place < 0) {
        cache->ways[0].kind = 0;
        return;
    }
    cache->ways[0].kind = 2;
    cache->ways[1] = (struct clinker_way){version, 1, (uint32_t)place, 0, NULL};
}

static PyObject *
look_up_global(T *tstate, F *frame, PyObject *name)
{
    PyObject *value;
    if (PyDict_CheckExact(frame->f_globals)
        && PyDict_CheckExact(frame->f_builtins))
    {
        value = _PyDict_LoadGlobal((PyDictObject *)frame->f_globals,
                                   (PyDictObject *)frame->f_builtins, name);
    }
    else {
        if (PyMapping_GetOptionalItem(frame->f_globals, name, &value) < 0) {
            return NULL;
        }
        if (value == NULL
            && PyMapping_GetOptionalItem(frame->f_builtins, name, &value) < 0)
        {
            return NULL;
        }
    }
    if (value == NULL && !_PyErr_Occurred(tstate)) {
        _PyEval_FormatExcCheckArg(tstate, PyExc_NameError, NAME_ERROR, name);
    }
    return value;
}

PyObject *
clinker_load_global(T *tstate, F *frame, uint64_t name,
                    struct clinker_cache *cache)
{
    PyDictObject *globals = (PyDictObject *)frame->f_globals;
    PyDictObject *builtins = (PyDictObject *)frame->f_builtins;
    int is_plain = PyDict_CheckExact(globals) && PyDict_CheckExact(builtins);
    PyObject *value = NULL;
    if (is_plain) {
        value = cached_global(globals, builtins, cache);
    }
    if (value == NULL) {
        value = look_up_global(tstate, frame, NAME(name));
        if (value != NULL && is_plain) {
            learn_global(globals, builtins, NAME(name), cache);
        }
    }
    return value;
}

int
clinker_store_global(T *tstate, F *frame, PyObject *value, uint64_t name)
{
    return PyDict_SetItem(frame->f_globals, NAME(name), value);
}

int
clinker_delete_global(T *tstate, F *frame, uint64_t name)
{
    int found = PyDict_Pop(frame->f_globals, NAME(name), NULL);
    if (found == 0) {
        _PyEval_FormatExcCheckArg(tstate, PyExc_NameError, NAME_ERROR,
                                  NAME(name));
    }
    return found > 0 ? 0 : -1;
}

PyObject *
clinker_load_name(T *tstate, F *frame, uint64_t number)
{
    PyObject *name = NAME(number);
    PyObject *value;
    if (frame->f_locals == NULL) {
        _PyErr_SetString(tstate, PyExc_SystemError, "no locals found");
        return NULL;
    }
    if (PyMapping_GetOptionalItem(frame->f_locals, name, &value) < 0
        || value != NULL)
    {
        return value;
    }
    if (PyDict_GetItemRef(frame->f_globals, name, &value) < 0
        || value != NULL)
    {
        return value;
    }
    if (PyMapping_GetOptionalItem(frame->f_builtins, name, &value) < 0) {
        return NULL;
    }
    if (value == NULL) {
        _PyEval_FormatExcCheckArg(tstate, PyExc_NameError, NAME_ERROR, name);
    }
    return value;
}

int
clinker_store_name(T *tstate, F *frame, PyObject *value, uint64_t name)
{
    PyObject *namespace = frame->f_locals;
    if (namespace == NULL) {
        _PyErr_Format(tstate, PyExc_SystemError,
                      "no locals found when storing %R", NAME(name));
        return -1;
    }
    if (PyDict_CheckExact(namespace)) {
        return PyDict_SetItem(namespace, NAME(name), value);
    }
    return PyObject_SetItem(namespace, NAME(name), value);
}

int
clinker_delete_name(T *tstate, F *frame, uint64_t name)
{
    if (frame->f_locals == NULL) {
        _PyErr_Format(tstate, PyExc_SystemError,
                      "no locals when deleting %R", NAME(name));
        return -1;
    }
    if (PyObject_DelItem(frame->f_locals, NAME(name)) != 0) {
        _PyEval_FormatExcCheckArg(tstate, PyExc_NameError, NAME_ERROR,
                                  NAME(name));
        return -1;
    }
    return 0;
}

PyObject *
clinker_load_locals(T *tstate, F *frame, uint64_t unused)
{
    if (frame->f_locals == NULL) {
        _PyErr_SetString(tstate, PyExc_SystemError, "no locals found");
        return NULL;
    }
    return Py_NewRef(frame->f_locals);
}

PyObject *
clinker_load_from_dict_or_globals(T *tstate, F *frame, PyObject *mapping,
                                  uint64_t name)
{
    PyObject *value;
    if (PyMapping_GetOptionalItem(mapping, NAME(name), &value) < 0
        || value != NULL)
    {
        return value;
    }
    return look_up_global(tstate, frame, NAME(name));
}

static PyObject *
load_deref(T *tstate, F *frame, uint64_t slot)
{
    PyObject *value = PyCell_GetRef((PyCellObject *)frame->localsplus[slot]);
    if (value == NULL) {
        _PyEval_FormatExcUnbound(tstate, _PyFrame_GetCode(frame), (int)slot);
    }
    return value;
}

PyObject *
clinker_load_from_dict_or_deref(T *tstate, F *frame, PyObject *mapping,
                                uint64_t slot)
{
    PyObject *name = PyTuple_GET_ITEM(
        _PyFrame_GetCode(frame)->co_localsplusnames, (Py_ssize_t)slot);
    PyObject *value;
    if (PyMapping_GetOptionalItem(mapping, name, &value) < 0
        || value != NULL)
    {
        return value;
    }
    return load_deref(tstate, frame, slot);
}

/* Steals the value. */
void
clinker_store_deref(T *tstate, F *frame, PyObject *value, uint64_t slot)
{
    PyCell_SetTakeRef((PyCellObject *)frame->localsplus[slot], value);
}

int
clinker_delete_deref(T *tstate, F *frame, uint64_t slot)
{
    PyObject *old = PyCell_SwapTakeRef(
        (PyCellObject *)frame->localsplus[slot], NULL);
    if (old == NULL) {
        _PyEval_FormatExcUnbound(tstate, _PyFrame_GetCode(frame), (int)slot);
        return -1;
    }
    Py_DECREF(old);
    return 0;
}

PyObject *
clinker_load_build_class(T *tstate, F *frame, uint64_t unused)
{
    PyObject *value;
    if (PyMapping_GetOptionalItem(frame->f_builtins,
                                  &_Py_ID(__build_class__), &value) == 0)
    {
        _PyErr_SetString(tstate, PyExc_NameError,
                         "__build_class__ not found");
    }
    return value;
}

/* Functions */

PyObject *
clinker_make_function(T *tstate, F *frame, PyObject *code, uint64_t unused)
{
    PyFunctionObject *func = (PyFunctionObject *)PyFunction_New(
        code, frame->f_globals);
    if (func != NULL) {
        _PyFunction_SetVersion(func, ((PyCodeObject *)code)->co_version);
    }
    return (PyObject *)func;
}

/* Steals the attribute. */
void
clinker_set_function_attribute(T *tstate, F *frame, PyObject *attr,
                               PyObject *function, uint64_t kind)
{
    PyFunctionObject *func = (PyFunctionObject *)function;
    switch (kind) {
        case MAKE_FUNCTION_CLOSURE:
            func->func_closure = attr;
            break;
        case MAKE_FUNCTION_ANNOTATIONS:
            func->func_annotations = attr;
            break;
        case MAKE_FUNCTION_KWDEFAULTS:
            func->func_kwdefaults = attr;
            break;
        case MAKE_FUNCTION_DEFAULTS:
            func->func_defaults = attr;
            break;
        default:
            Py_UNREACHABLE();
    }
}

int
clinker_make_cell(T *tstate, F *frame, uint64_t slot)
{
    PyObject *cell = PyCell_New(frame->localsplus[slot]);
    if (cell == NULL) {
        return -1;
    }
    Py_XSETREF(frame->localsplus[slot], cell);
    return 0;
}

const struct clinker_entry clinker_name_helpers[] = {
    ENTRY(load_global),
    ENTRY(store_global),
    ENTRY(delete_global),
    ENTRY(load_name),
    ENTRY(store_name),
    ENTRY(delete_name),
    ENTRY(load_locals),
    ENTRY(load_from_dict_or_globals),
    ENTRY(load_from_dict_or_deref),
    ENTRY(store_deref),
    ENTRY(delete_deref),
    ENTRY(load_build_class),
    ENTRY(make_function),
    ENTRY(set_function_attribute),
    ENTRY(make_cell),
    {NULL, NULL},
};
