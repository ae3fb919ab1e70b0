/* Objects of classes that programs define: the memory of those that have died is
 * used again, since most live for a short time. */

#include "runtime.h"
#include "pycore_gc.h"            // _PyObject_GC_TRACK()

// The memory is told apart by its size in units: whoever has allocated it may have got no byte
// more than was asked for.
#define UNIT sizeof(uint64_t)
#define MAX_UNITS 32
#define MAX_KEPT 8

/* The first word of each leads to the next one. */
static struct {
    void *first;
    int count;
} kept[MAX_UNITS + 1];

destructor clinker_subtype_dealloc;

/* The bytes that an object of a class has, with what is before it, but for its inline values. */
static inline size_t
fixed_size(PyTypeObject *type)
{
    return _PyType_PreHeaderSize(type) + _PyObject_VAR_SIZE(type, 1);
}

/* The units that it has with these. */
static inline size_t
all_units(PyTypeObject *type)
{
    size_t size = fixed_size(type);
    if (type->tp_flags & Py_TPFLAGS_INLINE_VALUES) {
        size += _PyInlineValuesSize(type);
    }
    return (size + UNIT - 1) / UNIT;
}

/* The same; 0 if they are not kept. */
static inline size_t
units_of(PyTypeObject *type)
{
    size_t units = all_units(type);
    return units <= MAX_UNITS ? units : 0;
}

/* As memset(), for which compilers write an instruction that takes longer than to clear
 * so few units one by one. */
static inline void
clear_units(void *memory, size_t units)
{
    for (volatile uint64_t *word = memory; units > 0; units--) {
        *word++ = 0;
    }
}

#if CLINKER_HOOKS

/* Make an object of a class in memory of its own, as _PyType_AllocNoTrack() and what calls it. */
static PyObject *
init_instance(void *memory, PyTypeObject *type, size_t units)
{
    clear_units(memory, units);
    PyObject *object = (PyObject *)((char *)memory
                                    + _PyType_PreHeaderSize(type));
    _PyObject_GC_Link(object);
    _PyObject_Init(object, type);
    if (type->tp_flags & Py_TPFLAGS_INLINE_VALUES) {
        _PyObject_InitInlineValues(object, type);
    }
    _PyObject_GC_TRACK(object);
    return object;
}

#endif

/* A new object of a class, as PyType_GenericAlloc(). */
PyObject *
clinker_new_instance(PyTypeObject *type)
{
#if !CLINKER_HOOKS
    return PyType_GenericAlloc(type, 0);
#else
    size_t units = 0;
    if (_PyType_IS_GC(type) && type->tp_itemsize == 0
        && clinker_is_unwatched())
    {
        units = units_of(type);
    }
    void *memory = kept[units].first;
    if (memory == NULL) {
        return PyType_GenericAlloc(type, 0);
    }
    kept[units].first = *(void **)memory;
    kept[units].count--;
    return init_instance(memory, type, units);
#endif
}

/* Memory for an object when there is no more: native code cannot be left without it. There is room for
 * all inline values that an object can have, which are fewer the more objects a class has had. */
static void *reserved;
#define MAX_FIXED_SIZE 256
#define MAX_VALUES_SIZE (2 * SHARED_KEYS_MAX_SIZE * sizeof(PyObject *))
#define RESERVED_SIZE (MAX_FIXED_SIZE + MAX_VALUES_SIZE)

void
clinker_reserve_instance(void)
{
    if (reserved == NULL) {
        reserved = PyObject_Malloc(RESERVED_SIZE);
    }
}

void
clinker_release_reserved_instance(void)
{
    PyObject_Free(reserved);
    reserved = NULL;
}

/* Whether nothing can tell that an object of a class is gone, but for what it leads to and weak
 * references. */
static inline int
dies_unseen(PyTypeObject *type)
{
    if (!_PyType_IS_GC(type) || type->tp_finalize != NULL || type->tp_del != NULL
        || type->tp_itemsize != 0 || type->tp_free != PyObject_GC_Del)
    {
        return 0;
    }
    PyTypeObject *base = type->tp_base;
    while (base->tp_dealloc == clinker_subtype_dealloc) {
        base = base->tp_base;
    }
    return base == &PyBaseObject_Type;
}

/* The same, of a class whose objects fit into what is reserved. */
int
clinker_dies_unseen(PyTypeObject *type)
{
    return dies_unseen(type) && fixed_size(type) <= MAX_FIXED_SIZE;
}

/* An object of its parts, which are stolen: its class, and what it has at some offsets, in the order
 * in which that was put there. */
PyObject *
clinker_make_instance(PyObject *const *parts, const uint16_t *offsets, int count)
{
    PyTypeObject *type = (PyTypeObject *)parts[0];
    // It may have been needed last time.
    clinker_reserve_instance();
    PyObject *object = clinker_new_instance(type);
    if (object == NULL) {
        PyErr_Clear();
        if (reserved == NULL) {
            Py_FatalError("no memory for an object in native code");
        }
#if CLINKER_HOOKS
        assert(all_units(type) * UNIT <= RESERVED_SIZE);
        object = init_instance(reserved, type, all_units(type));
        reserved = NULL;
        clinker_raise_no_memory();
#endif
    }
    int is_inline = (type->tp_flags & Py_TPFLAGS_INLINE_VALUES) != 0;
    for (int i = 1; i < count; i++) {
        PyObject **place = (PyObject **)((char *)object + offsets[i]);
        *place = parts[i];
        if (is_inline) {
            PyDictValues *values = _PyObject_InlineValues(object);
            _PyDictValues_AddToInsertionOrder(values, place - values->values);
        }
    }
    Py_DECREF(type);
    return object;
}

/* Whether clinker_subtype_dealloc() would only release the attributes and the memory of
 * an object. */
static inline int
is_plain(PyObject *object, PyTypeObject *type)
{
    if (!dies_unseen(type) || !clinker_is_unwatched()) {
        return 0;
    }
    if (type->tp_weaklistoffset != 0
        && *_PyObject_GET_WEAKREFS_LISTPTR_FROM_OFFSET(object) != NULL)
    {
        return 0;
    }
    if (!(type->tp_flags & Py_TPFLAGS_MANAGED_DICT)) {
        return type->tp_dictoffset == 0;
    }
    return _PyObject_ManagedDictPointer(object)->dict == NULL
           && (!(type->tp_flags & Py_TPFLAGS_INLINE_VALUES)
               || _PyObject_InlineValues(object)->valid);
}

/* As Py_CLEAR(). */
static inline void
clear(PyObject **place)
{
    PyObject *object = *place;
    if (object == NULL) {
        return;
    }
    *place = NULL;
    if (Py_REFCNT(object) == 1) {
        Py_SET_REFCNT(object, 0);
        clinker_dealloc(object);
    }
    else {
        Py_DECREF(object);
    }
}

/* As clear_slots() of Objects/typeobject.c, for all classes of an object. */
static void
clear_slots(PyObject *object, PyTypeObject *type)
{
    for (; type != &PyBaseObject_Type; type = type->tp_base) {
        Py_ssize_t count = Py_SIZE(type);
        if (count == 0) {
            continue;
        }
        PyMemberDef *member = PyObject_GetItemData((PyObject *)type);
        for (; count > 0; count--, member++) {
            if (member->type == Py_T_OBJECT_EX
                && !(member->flags & Py_READONLY))
            {
                clear((PyObject **)((char *)object + member->offset));
            }
        }
    }
}

/* Release an object to which nobody refers, as clinker_subtype_dealloc(), if that is
 * simple: else returns 0. */
int
clinker_release_instance(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (!is_plain(object, type)) {
        return 0;
    }
    T *tstate = _PyThreadState_GET();
    // Beyond that, objects wait in the trashcan.
    if (tstate->c_recursion_remaining <= Py_TRASHCAN_HEADROOM
        || tstate->interp != _PyInterpreterState_Main())
    {
        return 0;
    }
    if (_PyObject_GC_IS_TRACKED(object)) {
        _PyObject_GC_UNTRACK(object);
    }
    tstate->c_recursion_remaining--;
    clear_slots(object, type);
    if (type->tp_flags & Py_TPFLAGS_INLINE_VALUES) {
        // As clear_inline_values() of Objects/dictobject.c.
        PyDictValues *values = _PyObject_InlineValues(object);
        values->valid = 0;
        for (int i = 0; i < values->capacity; i++) {
            clear(&values->values[i]);
        }
    }
    size_t units = units_of(type);
    if (units == 0 || kept[units].count == MAX_KEPT) {
        PyObject_GC_Del(object);
    }
    else {
        struct gc_generation *young = &tstate->interp->gc.generations[0];
        young->count -= young->count > 0;
        void *memory = (char *)object - _PyType_PreHeaderSize(type);
        *(void **)memory = kept[units].first;
        kept[units].first = memory;
        kept[units].count++;
    }
    Py_DECREF(type);
    tstate->c_recursion_remaining++;
    if (tstate->delete_later != NULL
        && tstate->c_recursion_remaining > 2 * Py_TRASHCAN_HEADROOM)
    {
        _PyTrash_thread_destroy_chain(tstate);
    }
    return 1;
}

/* Find out what releases the objects of classes, by one that is always there. */
void
clinker_take_instances(void)
{
    PyObject *importlib = _PyInterpreterState_GET()->imports.importlib;
    PyObject *class = PyObject_GetAttrString(importlib, "ModuleSpec");
    if (class == NULL) {
        PyErr_Clear();
        return;
    }
    clinker_subtype_dealloc = ((PyTypeObject *)class)->tp_dealloc;
    Py_DECREF(class);
}

/* Let them go as usual, with the memory that is kept. */
void
clinker_give_instances_back(void)
{
    clinker_subtype_dealloc = NULL;
    for (size_t units = 0; units <= MAX_UNITS; units++) {
        while (kept[units].first != NULL) {
            void *memory = kept[units].first;
            kept[units].first = *(void **)memory;
            kept[units].count--;
            PyObject_Free(memory);
        }
    }
}
