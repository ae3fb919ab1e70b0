/* Attributes. */

#include "runtime.h"
#include "pycore_descrobject.h"
#include "pycore_gc.h"            // _PyObject_GC_TRACK()

/* Caches of types that were seen: as Python/specialize.c analyzes an instruction
 * for one, here for several. */

enum kind {
    UNKNOWN,
    // Among the inline values of the object.
    IN_VALUES,
    // In a slot of the object.
    IN_SLOT,
    // In the dictionary of the object.
    IN_DICT,
    // In the class, and not among the inline values: by the shared keys.
    IN_CLASS,
    METHOD,
    // In the class, and not in the dictionary of the object.
    METHOD_BESIDE,
    // In the class, of objects that have no other attributes.
    IN_CLASS_ONLY,
    METHOD_ONLY,
    // The owner is the class: by the version of its own, if that is not type.
    OF_CLASS,
    // A property of the class.
    PROPERTY,
    // What super finds after a class, by the version of that.
    METHOD_OF_SUPER,
};

static inline uint32_t
version_of(PyObject *owner)
{
    return PyType_Check(owner) ? ~((PyTypeObject *)owner)->tp_version_tag
                               : Py_TYPE(owner)->tp_version_tag;
}

static inline struct clinker_way *
find_way(PyObject *owner, struct clinker_cache *cache)
{
    uint32_t version = version_of(owner);
    for (int i = 0; i < CLINKER_WAYS; i++) {
        if (cache->ways[i].version == version) {
            return &cache->ways[i];
        }
    }
    return NULL;
}

static inline int
is_shadowed(PyObject *owner, const struct clinker_way *way)
{
    PyDictKeysObject *keys =
        ((PyHeapTypeObject *)Py_TYPE(owner))->ht_cached_keys;
    return !_PyObject_InlineValues(owner)->valid
           || keys->dk_version != way->place;
}

/* The keys of the dictionary of an object, or NULL.  Dictionaries of other kinds
 * may hold deferred imports, or share their keys. */
static inline PyDictKeysObject *
dict_keys(PyObject *owner)
{
    PyDictObject *dict = _PyObject_GetManagedDict(owner);
    return dict != NULL && dict->ma_keys->dk_kind == DICT_KEYS_UNICODE
           ? dict->ma_keys : NULL;
}

/* The entry of a name at a place of the dictionary of an object, or NULL. */
static inline PyDictUnicodeEntry *
find_entry(PyObject *owner, PyObject *name, uint32_t place)
{
    PyDictKeysObject *keys = dict_keys(owner);
    if (keys == NULL || place >= (uint64_t)keys->dk_nentries) {
        return NULL;
    }
    PyDictUnicodeEntry *entry = &DK_UNICODE_ENTRIES(keys)[place];
    return entry->me_key == name ? entry : NULL;
}

/* Whether the dictionary of an object does not have a name.  Its keys are known
 * again by their version, unless there are many: versions are not used up for
 * objects that are seen once. */
static inline int
is_missing(PyObject *owner, PyObject *name, struct clinker_way *way)
{
    PyDictKeysObject *keys = dict_keys(owner);
    if (keys == NULL) {
        return 0;
    }
    if (keys->dk_version != 0 && keys->dk_version == way->place) {
        return 1;
    }
    if (_PyDictKeys_StringLookup(keys, name) != DKIX_EMPTY) {
        return 0;
    }
    if (way->versions < CLINKER_MAX_VERSIONS) {
        way->versions++;
        way->place = _PyDictKeys_GetVersionForCurrentState(
            _PyInterpreterState_GET(), keys);
    }
    return 1;
}

static inline int
is_method_descriptor(PyObject *descr)
{
    return PyType_HasFeature(Py_TYPE(descr), Py_TPFLAGS_METHOD_DESCRIPTOR);
}

/* Whether what it does as a descriptor never changes. */
static inline int
is_settled(PyObject *descr)
{
    return PyType_HasFeature(Py_TYPE(descr), Py_TPFLAGS_IMMUTABLETYPE);
}

/* Whether a class gives an attribute as it is. */
static inline int
is_given(PyObject *value)
{
    return Py_TYPE(value)->tp_descr_get == NULL
           || (is_settled(value) && is_method_descriptor(value));
}

/* A new reference to the attribute that the cache knows, or NULL.  With
 * is_method, a method is not bound, and that tells of it. */
static inline PyObject *
look_up(PyObject *owner, PyObject *name, struct clinker_cache *cache,
        int *is_method)
{
    struct clinker_way *way = find_way(owner, cache);
    if (way == NULL) {
        return NULL;
    }
    switch (way->kind) {
        case IN_VALUES: {
            PyDictValues *values = _PyObject_InlineValues(owner);
            return values->valid ? Py_XNewRef(values->values[way->place])
                                 : NULL;
        }
        case IN_SLOT:
            return Py_XNewRef(*(PyObject **)((char *)owner + way->place));
        case IN_DICT: {
            PyDictUnicodeEntry *entry = find_entry(owner, name, way->place);
            return entry != NULL ? Py_XNewRef(entry->me_value) : NULL;
        }
        case METHOD_BESIDE:
            if (is_method == NULL || !is_missing(owner, name, way)) {
                return NULL;
            }
            *is_method = 1;
            return Py_NewRef(way->value);
        case METHOD:
            if (is_method == NULL || is_shadowed(owner, way)) {
                return NULL;
            }
            *is_method = 1;
            return Py_NewRef(way->value);
        case IN_CLASS:
            return is_shadowed(owner, way) ? NULL : Py_NewRef(way->value);
        case METHOD_ONLY:
            if (is_method == NULL) {
                return NULL;
            }
            *is_method = 1;
            return Py_NewRef(way->value);
        case IN_CLASS_ONLY:
            return Py_NewRef(way->value);
        case OF_CLASS: {
            PyTypeObject *metaclass = Py_TYPE(owner);
            return is_given(way->value)
                   && (metaclass == &PyType_Type
                       || metaclass->tp_version_tag == way->place)
                   ? Py_NewRef(way->value) : NULL;
        }
        default:
            return NULL;
    }
}

static void
add_way(struct clinker_cache *cache, uint32_t version, enum kind kind,
        uint32_t place, PyObject *value)
{
    struct clinker_way *way = NULL;
    for (int i = 0; i < CLINKER_WAYS; i++) {
        if (cache->ways[i].version == version) {
            way = &cache->ways[i];
        }
    }
    if (way == NULL) {
        way = &cache->ways[cache->next++ % CLINKER_WAYS];
    }
    *way = (struct clinker_way){version, kind, place, 0, value};
}

static void
learn_of_class(PyTypeObject *class, PyObject *name,
               struct clinker_cache *cache)
{
    PyTypeObject *metaclass = Py_TYPE(class);
    if (metaclass->tp_getattro != PyType_Type.tp_getattro
        || _PyType_Lookup(metaclass, name) != NULL
        || !PyUnstable_Type_AssignVersionTag(metaclass))
    {
        return;
    }
    PyObject *value = _PyType_Lookup(class, name);
    if (value == NULL || !is_given(value)
        || !PyUnstable_Type_AssignVersionTag(class))
    {
        return;
    }
    add_way(cache, ~class->tp_version_tag, OF_CLASS, metaclass->tp_version_tag,
            value);
}

/* The offset of the slot that a descriptor stands for, or 0. */
static uint32_t
slot_offset(PyObject *owner, PyObject *descr, int no_flags)
{
    if (!Py_IS_TYPE(descr, &PyMemberDescr_Type)) {
        return 0;
    }
    PyMemberDescrObject *member = (PyMemberDescrObject *)descr;
    if (member->d_member->type != Py_T_OBJECT_EX
        || (member->d_member->flags & no_flags)
        || !PyObject_TypeCheck(owner, PyDescr_TYPE(descr)))
    {
        return 0;
    }
    return (uint32_t)member->d_member->offset;
}

/* Remember the place in the dictionary of an object, if it has that attribute, or
 * else the method of its class, if that is not NULL. */
static void
learn_dict(PyObject *owner, PyObject *name, PyObject *method,
           struct clinker_cache *cache)
{
    PyDictKeysObject *keys = dict_keys(owner);
    uint32_t version = Py_TYPE(owner)->tp_version_tag;
    if (keys == NULL) {
        return;
    }
    Py_ssize_t index = _PyDictKeys_StringLookup(keys, name);
    if (index >= 0) {
        add_way(cache, version, IN_DICT, (uint32_t)index, NULL);
    }
    else if (index == DKIX_EMPTY && method != NULL) {
        add_way(cache, version, METHOD_BESIDE, 0, method);
    }
}

/* What the class of an owner has for a name, or NULL for nothing.  Returns 0 if
 * nothing can be remembered of it. */
static int
find_descriptor(PyTypeObject *type, PyObject *name, PyObject **descr)
{
    *descr = _PyType_Lookup(type, name);
    return (*descr == NULL || is_settled(*descr))
           && PyUnstable_Type_AssignVersionTag(type);
}

/* Whether an instruction goes on to learn. */
static inline int
may_learn(struct clinker_cache *cache)
{
    return cache->misses < CLINKER_MAX_MISSES && ++cache->misses;
}

/* Remember where an attribute is that has been looked up. */
static void
learn_load(PyObject *owner, PyObject *name, struct clinker_cache *cache)
{
    PyTypeObject *type = Py_TYPE(owner);
    PyObject *descr;
    if (!may_learn(cache)) {
        return;
    }
    if (PyType_Check(owner)) {
        learn_of_class((PyTypeObject *)owner, name, cache);
        return;
    }
    if (type->tp_getattro != PyObject_GenericGetAttr
        || !find_descriptor(type, name, &descr))
    {
        return;
    }
    uint32_t version = type->tp_version_tag;
    if (descr != NULL && PyDescr_IsData(descr)) {
        uint32_t offset = slot_offset(owner, descr, Py_AUDIT_READ);
        if (offset != 0) {
            add_way(cache, version, IN_SLOT, offset, NULL);
        }
        else if (Py_IS_TYPE(descr, &PyProperty_Type)) {
            add_way(cache, version, PROPERTY, 0, descr);
        }
        return;
    }
    PyObject *function =
        descr != NULL && is_method_descriptor(descr) ? descr : NULL;
    enum kind in_class = IN_CLASS_ONLY, method = METHOD_ONLY;
    uint32_t keys_version = 0;
    if (type->tp_flags & Py_TPFLAGS_INLINE_VALUES) {
        PyDictValues *values = _PyObject_InlineValues(owner);
        if (!values->valid) {
            learn_dict(owner, name, function, cache);
            return;
        }
        PyDictKeysObject *keys = ((PyHeapTypeObject *)type)->ht_cached_keys;
        Py_ssize_t index = _PyDictKeys_StringLookup(keys, name);
        if (index >= 0) {
            if (values->values[index] != NULL) {
                add_way(cache, version, IN_VALUES, (uint32_t)index, NULL);
            }
            return;
        }
        keys_version = _PyDictKeys_GetVersionForCurrentState(
            _PyInterpreterState_GET(), keys);
        if (keys_version == 0) {
            return;
        }
        in_class = IN_CLASS;
        method = METHOD;
    }
    else if (type->tp_dictoffset != 0) {
        if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
            learn_dict(owner, name, function, cache);
        }
        return;
    }
    if (descr == NULL) {
        return;
    }
    if (function != NULL) {
        add_way(cache, version, method, keys_version, descr);
    }
    else if (Py_TYPE(descr)->tp_descr_get == NULL) {
        add_way(cache, version, in_class, keys_version, descr);
    }
}

/* Remember where an attribute is that has been set. */
static void
learn_store(PyObject *owner, PyObject *name, struct clinker_cache *cache)
{
    PyTypeObject *type = Py_TYPE(owner);
    PyObject *descr;
    if (!may_learn(cache) || type->tp_setattro != PyObject_GenericSetAttr
        || !find_descriptor(type, name, &descr))
    {
        return;
    }
    uint32_t version = type->tp_version_tag;
    if (descr != NULL && PyDescr_IsData(descr)) {
        uint32_t offset = slot_offset(owner, descr, Py_READONLY);
        if (offset != 0) {
            add_way(cache, version, IN_SLOT, offset, NULL);
        }
    }
    else if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT
             && dict_keys(owner) != NULL)
    {
        learn_dict(owner, name, NULL, cache);
    }
    else if (type->tp_flags & Py_TPFLAGS_INLINE_VALUES) {
        PyDictKeysObject *keys = ((PyHeapTypeObject *)type)->ht_cached_keys;
        Py_ssize_t index = _PyDictKeys_StringLookup(keys, name);
        if (index >= 0) {
            add_way(cache, version, IN_VALUES, (uint32_t)index, NULL);
        }
    }
}

/* The getter of the property that the cache knows, if it is a function that may
 * be called like one. */
static PyObject *
find_getter(T *tstate, PyObject *owner, struct clinker_cache *cache)
{
    const struct clinker_way *way = find_way(owner, cache);
    if (way == NULL || way->kind != PROPERTY) {
        return NULL;
    }
    PyObject *getter = ((_PyPropertyObject *)way->value)->prop_get;
    return getter != NULL && clinker_is_function(tstate, getter) ? getter
                                                                 : NULL;
}

PyObject *
clinker_load_attr(T *tstate, F *frame, PyObject *owner, uint64_t name,
                  struct clinker_cache *cache)
{
    PyObject *value = look_up(owner, NAME(name), cache, NULL);
    if (value == NULL) {
        PyObject *getter = find_getter(tstate, owner, cache);
        if (getter != NULL) {
            return clinker_call_function(tstate, frame, getter, &owner, 1);
        }
        value = PyObject_GetAttr(owner, NAME(name));
        if (value != NULL) {
            learn_load(owner, NAME(name), cache);
        }
    }
    return value;
}

/* From the owner to the method and self, or the attribute and NULL. */
int
clinker_load_method(T *tstate, F *frame, PyObject **stack, uint64_t name,
                    struct clinker_cache *cache)
{
    PyObject *owner = stack[0];
    int is_method = 0;
    PyObject *attr = look_up(owner, NAME(name), cache, &is_method);
    PyObject *getter = attr == NULL ? find_getter(tstate, owner, cache) : NULL;
    if (getter != NULL) {
        attr = clinker_call_function(tstate, frame, getter, &owner, 1);
    }
    else if (attr == NULL) {
        is_method = _PyObject_GetMethod(owner, NAME(name), &attr);
        if (attr != NULL) {
            learn_load(owner, NAME(name), cache);
        }
    }
    stack[0] = attr;
    if (is_method) {
        stack[1] = owner;
        return 0;
    }
    stack[1] = NULL;
    Py_DECREF(owner);
    return attr == NULL ? -1 : 0;
}

/* Remember the method that super has found. */
static void
learn_super(PyTypeObject *class, PyObject *self, PyObject *method,
            struct clinker_cache *cache)
{
    PyTypeObject *type = Py_TYPE(self);
    // The versions of a class change with those that it is derived from.
    if (may_learn(cache) && !PyType_Check(self) && is_settled(method)
        && PyType_IsSubtype(type, class)
        && PyUnstable_Type_AssignVersionTag(class)
        && PyUnstable_Type_AssignVersionTag(type))
    {
        add_way(cache, type->tp_version_tag, METHOD_OF_SUPER,
                class->tp_version_tag, method);
    }
}

/* From super, the class and self to what LOAD_SUPER_ATTR pushes; the number is
 * its oparg. */
int
clinker_load_super(T *tstate, F *frame, PyObject **stack, uint64_t oparg,
                   struct clinker_cache *cache)
{
    PyObject *super = stack[0];
    PyObject *class = stack[1];
    PyObject *self = stack[2];
    PyObject *name = PyTuple_GET_ITEM(_PyFrame_GetCode(frame)->co_names,
                                      oparg >> 2);
    PyObject *attr;
    PyObject *self_or_null = NULL;
    if (super == (PyObject *)&PySuper_Type && PyType_Check(class)) {
        struct clinker_way *way = oparg & 1 ? find_way(self, cache) : NULL;
        if (way != NULL && way->kind == METHOD_OF_SUPER
            && way->place == ((PyTypeObject *)class)->tp_version_tag)
        {
            stack[0] = Py_NewRef(way->value);
            stack[1] = self;
            Py_DECREF(super);
            Py_DECREF(class);
            return 0;
        }
        int method = 0;
        // As LOAD_SUPER_ATTR_METHOD: a class that looks attributes up in its
        // own way, as classes themselves do, gets bound methods.
        int load_method = (oparg & 1) && Py_TYPE(self)->tp_getattro
                                         == PyObject_GenericGetAttr;
        attr = _PySuper_Lookup((PyTypeObject *)class, self, name,
                               load_method ? &method : NULL);
        if (attr != NULL && method) {
            self_or_null = Py_NewRef(self);
            learn_super((PyTypeObject *)class, self, attr, cache);
        }
    }
    else {
        PyObject *args[] = {class, self};
        PyObject *object = PyObject_Vectorcall(super, args, oparg & 2, NULL);
        attr = NULL;
        if (object != NULL) {
            attr = PyObject_GetAttr(object, name);
            Py_DECREF(object);
        }
    }
    Py_DECREF(super);
    Py_DECREF(class);
    Py_DECREF(self);
    if (attr == NULL) {
        return -1;
    }
    stack[0] = attr;
    if (oparg & 1) {
        stack[1] = self_or_null;
    }
    return 0;
}

/* Replace the value at a place of the dictionary of an object, as
 * STORE_ATTR_WITH_HINT.  Returns 0 if the name is not there. */
static int
set_in_dict(T *tstate, PyObject *owner, PyObject *name, uint32_t place,
            PyObject *value)
{
    PyDictUnicodeEntry *entry = find_entry(owner, name, place);
    if (entry == NULL || entry->me_value == NULL) {
        return 0;
    }
    PyDictObject *dict = _PyObject_GetManagedDict(owner);
    if (!PyDict_CheckExact(dict)) {
        return 0;
    }
    PyObject *old = entry->me_value;
    uint64_t version = _PyDict_NotifyEvent(
        tstate->interp, PyDict_EVENT_MODIFIED, dict, name, value);
    entry->me_value = Py_NewRef(value);
    if (!_PyObject_GC_IS_TRACKED(dict) && _PyObject_GC_MAY_BE_TRACKED(value)) {
        _PyObject_GC_TRACK(dict);
    }
    dict->ma_version_tag = version;
    Py_DECREF(old);
    return 1;
}

int
clinker_store_attr(T *tstate, F *frame, PyObject *value, PyObject *owner,
                   uint64_t name, struct clinker_cache *cache)
{
    const struct clinker_way *way = find_way(owner, cache);
    if (way != NULL && way->kind == IN_SLOT) {
        PyObject **slot = (PyObject **)((char *)owner + way->place);
        Py_XSETREF(*slot, Py_NewRef(value));
        return 0;
    }
    if (way != NULL && way->kind == IN_VALUES) {
        PyDictValues *values = _PyObject_InlineValues(owner);
        if (values->valid && _PyObject_GetManagedDict(owner) == NULL) {
            PyObject *old = values->values[way->place];
            values->values[way->place] = Py_NewRef(value);
            if (old == NULL) {
                _PyDictValues_AddToInsertionOrder(values, way->place);
            }
            else {
                Py_DECREF(old);
            }
            return 0;
        }
    }
    if (way != NULL && way->kind == IN_DICT
        && set_in_dict(tstate, owner, NAME(name), way->place, value))
    {
        return 0;
    }
    if (PyObject_SetAttr(owner, NAME(name), value) < 0) {
        return -1;
    }
    learn_store(owner, NAME(name), cache);
    return 0;
}

int
clinker_delete_attr(T *tstate, F *frame, PyObject *owner, uint64_t name)
{
    return PyObject_DelAttr(owner, NAME(name));
}

const struct clinker_entry clinker_attribute_helpers[] = {
    ENTRY(load_attr),
    ENTRY(load_method),
    ENTRY(load_super),
    ENTRY(store_attr),
    ENTRY(delete_attr),
    {NULL, NULL},
};
