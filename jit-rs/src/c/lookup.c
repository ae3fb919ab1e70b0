/* Items of dictionaries that are found without running code. */

#include "runtime.h"
#include "pycore_dict.h"

/* As in Objects/dictobject.c, which tells how keys are probed. */
#define PERTURB_SHIFT 5

/* Where a slot of the table leads. */
static inline Py_ssize_t
entry_at(const PyDictKeysObject *keys, size_t slot)
{
    int log2_size = DK_LOG_SIZE(keys);
    if (log2_size < 8) {
        return ((const int8_t *)keys->dk_indices)[slot];
    }
    if (log2_size < 16) {
        return ((const int16_t *)keys->dk_indices)[slot];
    }
#if SIZEOF_VOID_P > 4
    if (log2_size >= 32) {
        return ((const int64_t *)keys->dk_indices)[slot];
    }
#endif
    return ((const int32_t *)keys->dk_indices)[slot];
}

/* Whether two keys with the same hash are the same, or -1 if one of them is neither an exact string
 * nor a small int. */
static int
is_same(PyObject *left, PyObject *right)
{
    if (left == right) {
        return 1;
    }
    if (PyUnicode_CheckExact(left) && PyUnicode_CheckExact(right)) {
        return _PyUnicode_Equal(left, right);
    }
    int64_t first;
    int64_t second;
    if (small_value(left, &first) && small_value(right, &second)) {
        return first == second;
    }
    return -1;
}

/* What an entry of a table holds. */
struct item {
    PyObject *key;
    Py_hash_t hash;
    PyObject *value;
};

static inline struct item
item_at(PyDictKeysObject *keys, Py_ssize_t index)
{
    if (keys->dk_kind == DICT_KEYS_GENERAL) {
        PyDictKeyEntry *entry = &DK_ENTRIES(keys)[index];
        return (struct item){entry->me_key, entry->me_hash, entry->me_value};
    }
    PyDictUnicodeEntry *entry = &DK_UNICODE_ENTRIES(keys)[index];
    Py_hash_t hash = ((PyASCIIObject *)entry->me_key)->hash;
    return (struct item){entry->me_key, hash, entry->me_value};
}

PyObject *
clinker_peek(PyObject *dict, PyObject *key)
{
    // Other tables have their values elsewhere, or such that are still to be imported.
    PyDictKeysObject *keys = ((PyDictObject *)dict)->ma_keys;
    int is_general = keys->dk_kind == DICT_KEYS_GENERAL;
    int is_string = PyUnicode_CheckExact(key);
    int64_t number = 0;
    if (!is_general && keys->dk_kind != DICT_KEYS_UNICODE) {
        return NULL;
    }
    if (!is_string && !(is_general && small_value(key, &number))) {
        return NULL;
    }
    Py_hash_t hash = is_string ? PyObject_Hash(key) : number - (number == -1);
    size_t mask = ((size_t)1 << DK_LOG_SIZE(keys)) - 1;
    size_t perturb = (size_t)hash;
    size_t slot = (size_t)hash & mask;
    Py_ssize_t index;
    while ((index = entry_at(keys, slot)) != DKIX_EMPTY) {
        if (index >= 0) {
            struct item item = item_at(keys, index);
            int same = item.hash == hash ? is_same(item.key, key) : 0;
            if (same != 0) {
                return same > 0 ? Py_XNewRef(item.value) : NULL;
            }
        }
        perturb >>= PERTURB_SHIFT;
        slot = (slot * 5 + perturb + 1) & mask;
    }
    return NULL;
}

PyObject *
clinker_peek_item_dict(T *tstate, F *frame, PyObject *dict, PyObject *key,
                       uint64_t unused)
{
    return clinker_peek(dict, key);
}

const struct clinker_entry clinker_lookup_helpers[] = {
    ENTRY(peek_item_dict),
    {NULL, NULL},
};
