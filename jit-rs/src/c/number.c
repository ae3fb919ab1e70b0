/* Numbers between machine code and objects. */

#include "runtime.h"

/* A new object, of which nobody is told. */
static inline PyObject *
make(void *memory, PyTypeObject *type)
{
    PyObject *object = memory;
    Py_SET_TYPE(object, type);
#ifndef Py_GIL_DISABLED
    // Py_SET_REFCNT() leaves what was there if that looks immortal.
    object->ob_refcnt = 1;
#endif
    return object;
}

// The compiler serves the main interpreter only, and none without the GIL, where
// each thread has a list of its own.
#if defined(WITH_FREELISTS) && !defined(Py_GIL_DISABLED)
#  define FLOATS (_PyRuntime._main_interpreter.object_state.freelists.floats)
#endif

/* Memory for numbers when there is no more: native code cannot go on without them.
 * It does until it looks for events, and raises MemoryError then. */
#define MAX_RESERVED 128
// The digits of 64 bits.
#define MAX_DIGITS ((64 + PyLong_SHIFT - 1) / PyLong_SHIFT)
#define NUMBER_SIZE                                                         \
    Py_MAX(sizeof(PyFloatObject), offsetof(PyLongObject, long_value.ob_digit) \
                                  + MAX_DIGITS * sizeof(digit))

static void *reserved[MAX_RESERVED];
static int reserved_count;

/* The same for tuples of so many items, and for a dictionary, which is in the place of the tuple that has
 * none: that exists. */
static PyObject *spare[CLINKER_MAX_SPARE_ITEMS + 1];

/* Fill what is reserved, as far as there is memory. */
void
clinker_reserve_objects(void)
{
    for (int i = 0; i <= CLINKER_MAX_SPARE_ITEMS; i++) {
        if (spare[i] == NULL) {
            spare[i] = i > 0 ? PyTuple_New(i) : PyDict_New();
            if (spare[i] == NULL) {
                PyErr_Clear();
                break;
            }
            PyObject_GC_UnTrack(spare[i]);
        }
    }
    clinker_reserve_instance();
    while (reserved_count < MAX_RESERVED) {
        void *memory = PyObject_Malloc(NUMBER_SIZE);
        if (memory == NULL) {
            break;
        }
        reserved[reserved_count++] = memory;
    }
}

void
clinker_release_reserved_objects(void)
{
    for (int i = 0; i <= CLINKER_MAX_SPARE_ITEMS; i++) {
        Py_CLEAR(spare[i]);
    }
    clinker_release_reserved_instance();
    while (reserved_count > 0) {
        PyObject_Free(reserved[--reserved_count]);
    }
}

/* Native code raises MemoryError as soon as it looks for events. */
void
clinker_raise_no_memory(void)
{
    PyThreadState_SetAsyncExc(PyThread_get_thread_ident(), PyExc_MemoryError);
}

/* A new tuple of so many items, or a dictionary if there are none. */
static PyObject *
new_container(int count)
{
    if (spare[count] == NULL) {
        // It was needed last time.
        clinker_reserve_objects();
    }
    PyObject *container = count > 0 ? PyTuple_New(count) : PyDict_New();
    if (container == NULL) {
        PyErr_Clear();
        container = spare[count];
        if (container == NULL) {
            Py_FatalError("no memory for a container in native code");
        }
        spare[count] = NULL;
        if (count > 0) {
            PyObject_GC_Track(container);
        }
        clinker_raise_no_memory();
    }
    return container;
}

/* A new dictionary. */
PyObject *
clinker_make_keywords(void)
{
    return new_container(0);
}

/* A tuple of so many items, which are stolen. */
PyObject *
clinker_make_tuple(PyObject *const *items, int count)
{
    assert(0 < count && count <= CLINKER_MAX_SPARE_ITEMS);
    PyObject *tuple = new_container(count);
    for (int i = 0; i < count; i++) {
        PyTuple_SET_ITEM(tuple, i, items[i]);
    }
    return tuple;
}

/* A new number, which has its reference and its type. */
static inline void *
new_number(size_t size, PyTypeObject *type)
{
    PyObject *object = PyObject_Malloc(size);
    if (object == NULL) {
        if (reserved_count == 0) {
            Py_FatalError("no memory for a number in native code");
        }
        object = reserved[--reserved_count];
        clinker_raise_no_memory();
    }
    else if (reserved_count < MAX_RESERVED) {
        clinker_reserve_objects();
    }
    if (clinker_is_unwatched()) {
        return make(object, type);
    }
    _PyObject_Init(object, type);
    return object;
}

/* A new float. */
PyObject *
clinker_box_float(double value)
{
    // As PyFloat_FromDouble(), which makes three calls, and raises.
#ifdef FLOATS
    PyFloatObject *free = clinker_is_unwatched() ? FLOATS.items : NULL;
    if (free != NULL) {
        FLOATS.items = (PyFloatObject *)Py_TYPE(free);
        FLOATS.numfree--;
        free->ob_fval = value;
        return make(free, &PyFloat_Type);
    }
#endif
    PyFloatObject *object = new_number(sizeof(PyFloatObject), &PyFloat_Type);
    object->ob_fval = value;
    return (PyObject *)object;
}

/* Keep the memory of a float to which nobody refers for the next one.  Returns 0 if
 * it has to be released. */
int
clinker_keep_float(PyObject *object)
{
    // As _PyFloat_ExactDealloc(), which is not exported.
#ifdef FLOATS
    if (clinker_is_unwatched() && (unsigned)FLOATS.numfree < PyFloat_MAXFREELIST) {
        Py_SET_TYPE(object, (PyTypeObject *)FLOATS.items);
        FLOATS.items = (PyFloatObject *)object;
        FLOATS.numfree++;
        return 1;
    }
#endif
    return 0;
}

/* Release the last reference to a float. */
void
clinker_free_float(PyObject *object)
{
    if (!clinker_keep_float(object)) {
        clinker_dealloc(object);
    }
}

double
clinker_power(double base, double exponent)
{
    return pow(base, exponent);
}

double
clinker_sin(double x)
{
    return sin(x);
}

double
clinker_cos(double x)
{
    return cos(x);
}

/* An int object. */
PyObject *
clinker_box_int(int64_t value)
{
    // As PyLong_FromLongLong(), which makes three calls, and raises.
    if (-_PY_NSMALLNEGINTS <= value && value < _PY_NSMALLPOSINTS) {
        return (PyObject *)&_PyLong_SMALL_INTS[_PY_NSMALLNEGINTS + value];
    }
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (size <= PyLong_MASK) {
        PyLongObject *object = new_number(sizeof(PyLongObject), &PyLong_Type);
        _PyLong_SetSignAndDigitCount(object, value < 0 ? -1 : 1, 1);
        object->long_value.ob_digit[0] = (digit)size;
        return (PyObject *)object;
    }
    digit digits[MAX_DIGITS];
    int count = 0;
    for (; size != 0; size >>= PyLong_SHIFT) {
        digits[count++] = (digit)(size & PyLong_MASK);
    }
    PyLongObject *object = new_number(
        offsetof(PyLongObject, long_value.ob_digit) + count * sizeof(digit),
        &PyLong_Type);
    _PyLong_SetSignAndDigitCount(object, value < 0 ? -1 : 1, count);
    memcpy(object->long_value.ob_digit, digits, count * sizeof(digit));
    return (PyObject *)object;
}

/* Release the last reference to an int. */
void
clinker_free_int(PyObject *object)
{
    // Small ints are immortal.
    if (clinker_is_unwatched()) {
        PyObject_Free(object);
    }
    else {
        clinker_dealloc(object);
    }
}

/* The value of an int object that has more than one digit.  Returns 0 if it
 * does not fit. */
int
clinker_unbox_int(PyObject *object, int64_t *value)
{
    int overflow;
    *value = PyLong_AsLongLongAndOverflow(object, &overflow);
    return !overflow;
}

const struct clinker_entry clinker_number_helpers[] = {
    ENTRY(box_float),
    ENTRY(free_float),
    ENTRY(power),
    ENTRY(sin),
    ENTRY(cos),
    ENTRY(box_int),
    ENTRY(free_int),
    ENTRY(unbox_int),
    {NULL, NULL},
};
