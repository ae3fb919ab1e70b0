/* Built-in functions and classes that take all items of a generator: its native code
 * hands its items over to them without being suspended in between. */

#include "runtime.h"

struct consumer {
    // Comes before the frame of the generator, as the one that the interpreter
    // begins with in C code does.
    F shim;
    // Takes over an item and returns 1, if that runs no code; returns 0 otherwise.
    int (*take)(struct consumer *, PyObject *item);
    PyGenObject *gen;
    PyObject *container;
    Py_ssize_t sum;
};

/* A generator yields an item to the frame before its own, which has
 * CLINKER_CONSUMER: returns 1 if it can go on. */
int
clinker_consume(F *previous, PyObject *item)
{
    struct consumer *consumer = (struct consumer *)previous;
    return consumer->take(consumer, item);
}

static void
begin(struct consumer *consumer, PyObject *gen,
      int (*take)(struct consumer *, PyObject *))
{
    memset(&consumer->shim, 0, sizeof(consumer->shim));
    consumer->shim.f_executable = Py_None;
    consumer->shim.owner = FRAME_OWNED_BY_CSTACK;
    consumer->shim.stacktop = CLINKER_CONSUMER;
    consumer->take = take;
    consumer->gen = (PyGenObject *)gen;
    consumer->container = NULL;
    consumer->sum = 0;
}

/* The next item that has not been taken: returns 1, 0 at the end, or -1 with an
 * exception. */
static int
next_item(struct consumer *consumer, PyObject **item)
{
    T *tstate = _PyThreadState_GET();
    PyObject *gen = (PyObject *)consumer->gen;
    F *frame = tstate->current_frame;
    consumer->shim.previous = frame;
    int is_resumed = clinker_next_of_generator(tstate, &consumer->shim, gen, item);
    tstate->current_frame = frame;
    if (!is_resumed) {
        *item = Py_TYPE(gen)->tp_iternext(gen);
        if (*item != NULL) {
            return 1;
        }
        if (!_PyErr_Occurred(tstate)) {
            return 0;
        }
        if (!_PyErr_ExceptionMatches(tstate, PyExc_StopIteration)) {
            return -1;
        }
        _PyErr_Clear(tstate);
        return 0;
    }
    if (*item == RAISED) {
        return -1;
    }
    return *item != NULL;
}

/* Whether neither comparing objects of a type nor releasing them runs code.  Comparing
 * bytes with a string may warn. */
static inline int
is_plain(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    return type == &PyUnicode_Type || type == &PyLong_Type || type == &PyBool_Type
           || type == &_PyNone_Type || type == &PyFloat_Type;
}

/* any() and all() */

static inline int
take_if(PyObject *item, int expected)
{
    if (!is_plain(item) || PyObject_IsTrue(item) != expected) {
        return 0;
    }
    Py_DECREF(item);
    return 1;
}

static int
take_true(struct consumer *consumer, PyObject *item)
{
    return take_if(item, 1);
}

static int
take_false(struct consumer *consumer, PyObject *item)
{
    return take_if(item, 0);
}

/* Whether all items have a truth value, or -1 with an exception. */
static int
are_all(PyObject *gen, int expected)
{
    struct consumer consumer;
    begin(&consumer, gen, expected ? take_true : take_false);
    PyObject *item;
    int status;
    while ((status = next_item(&consumer, &item)) > 0) {
        int truth = PyObject_IsTrue(item);
        Py_DECREF(item);
        if (truth != expected) {
            return truth < 0 ? -1 : 0;
        }
    }
    return status < 0 ? -1 : 1;
}

/* list(), and what begins with a list */

/* Room for the first items, as list_extend_iter() of Objects/listobject.c. */
#define FIRST_ROOM 8

static int
take_for_list(struct consumer *consumer, PyObject *item)
{
    PyListObject *list = (PyListObject *)consumer->container;
    Py_ssize_t size = Py_SIZE(list);
    if (size == list->allocated) {
        // As list_resize().
        size_t allocated = ((size_t)size + 1 + ((size + 1) >> 3) + 6)
                           & ~(size_t)3;
        void *items = PyMem_Realloc(list->ob_item,
                                    allocated * sizeof(PyObject *));
        if (items == NULL) {
            return 0;
        }
        list->ob_item = items;
        list->allocated = allocated;
    }
    list->ob_item[size] = item;
    Py_SET_SIZE(list, size + 1);
    return 1;
}

/* As list_resize() when there is more room than needed. */
static void
give_room_back(PyListObject *list)
{
    Py_ssize_t size = Py_SIZE(list);
    if (size >= list->allocated >> 1) {
        return;
    }
    size_t allocated = size == 0 ? 0 : (size + (size >> 3) + 6) & ~3;
    if (allocated == 0) {
        PyMem_Free(list->ob_item);
        list->ob_item = NULL;
        list->allocated = 0;
        return;
    }
    void *items = PyMem_Realloc(list->ob_item, allocated * sizeof(PyObject *));
    if (items != NULL) {
        list->ob_item = items;
        list->allocated = allocated;
    }
}

static PyObject *
list_of(PyObject *gen)
{
    struct consumer consumer;
    begin(&consumer, gen, take_for_list);
    PyListObject *list = (PyListObject *)PyList_New(0);
    if (list == NULL) {
        return NULL;
    }
    list->ob_item = PyMem_New(PyObject *, FIRST_ROOM);
    if (list->ob_item == NULL) {
        Py_DECREF(list);
        return PyErr_NoMemory();
    }
    list->allocated = FIRST_ROOM;
    consumer.container = (PyObject *)list;
    PyObject *item;
    int status;
    while ((status = next_item(&consumer, &item)) > 0) {
        if (_PyList_AppendTakeRef(list, item) < 0) {
            status = -1;
            break;
        }
    }
    if (status < 0) {
        Py_DECREF(list);
        return NULL;
    }
    give_room_back(list);
    return (PyObject *)list;
}

/* The items of a new list, which is stolen, as a tuple. */
static PyObject *
tuple_of_list(PyObject *object)
{
    if (object == NULL) {
        return NULL;
    }
    PyListObject *list = (PyListObject *)object;
    Py_ssize_t size = Py_SIZE(list);
    Py_SET_SIZE(list, 0);
    // Releases the items if there is no memory.
    PyObject *tuple = _PyTuple_FromArraySteal(list->ob_item, size);
    Py_DECREF(list);
    return tuple;
}

/* set() and frozenset() */

static int
take_for_set(struct consumer *consumer, PyObject *item)
{
    // All before are plain too: no code runs.
    if (!is_plain(item)) {
        return 0;
    }
    if (PySet_Add(consumer->container, item) < 0) {
        PyErr_Clear();
        return 0;
    }
    Py_DECREF(item);
    return 1;
}

static int
take_nothing(struct consumer *consumer, PyObject *item)
{
    return 0;
}

/* Fills a new set, which is stolen. */
static PyObject *
fill_set(PyObject *set, PyObject *gen)
{
    if (set == NULL) {
        return NULL;
    }
    struct consumer consumer;
    begin(&consumer, gen, take_for_set);
    consumer.container = set;
    PyObject *item;
    int status;
    while ((status = next_item(&consumer, &item)) > 0) {
        if (!is_plain(item)) {
            consumer.take = take_nothing;
        }
        int is_added = PySet_Add(set, item) == 0;
        Py_DECREF(item);
        if (!is_added) {
            status = -1;
            break;
        }
    }
    if (status < 0) {
        Py_CLEAR(set);
    }
    return set;
}

/* sum() */

/* Adds an int or bool, unless the sum does not fit. */
static int
add(struct consumer *consumer, PyObject *item)
{
    Py_ssize_t value;
    if (!PyLong_CheckExact(item) && !PyBool_Check(item)) {
        return 0;
    }
    if (_PyLong_IsCompact((PyLongObject *)item)) {
        value = _PyLong_CompactValue((PyLongObject *)item);
    }
    else {
        int overflow;
        value = PyLong_AsLongAndOverflow(item, &overflow);
        if (overflow) {
            return 0;
        }
    }
    Py_ssize_t sum;
    if (__builtin_add_overflow(consumer->sum, value, &sum)) {
        return 0;
    }
    consumer->sum = sum;
    return 1;
}

static int
take_for_sum(struct consumer *consumer, PyObject *item)
{
    if (!add(consumer, item)) {
        return 0;
    }
    Py_DECREF(item);
    return 1;
}

/* Adds what is left to a sum, which is stolen. */
static PyObject *
add_others(struct consumer *consumer, PyObject *sum)
{
    consumer->take = take_nothing;
    PyObject *item;
    int status = 0;
    while (sum != NULL && (status = next_item(consumer, &item)) > 0) {
        Py_SETREF(sum, PyNumber_Add(sum, item));
        Py_DECREF(item);
    }
    if (sum != NULL && status < 0) {
        Py_CLEAR(sum);
    }
    return sum;
}

/* What is replaced. */
static struct method {
    const char *name;
    PyCFunction replacement;
    PyCFunction usual;
    PyMethodDef *method;
} methods[];

static struct class {
    PyTypeObject *type;
    vectorcallfunc replacement;
    vectorcallfunc usual;
} classes[];

enum { ANY, ALL, SUM, SORTED, JOIN, METHODS };
enum { LIST, TUPLE, SET, FROZENSET, CLASSES };

static inline int
is_consumed(PyObject *object)
{
    return PyGen_CheckExact(object)
           && _PyInterpreterState_GET() == _PyInterpreterState_Main();
}

static PyObject *
builtin_any(PyObject *module, PyObject *iterable)
{
    if (!is_consumed(iterable)) {
        return methods[ANY].usual(module, iterable);
    }
    int are_false = are_all(iterable, 0);
    return are_false < 0 ? NULL : Py_NewRef(bool_object(!are_false));
}

static PyObject *
builtin_all(PyObject *module, PyObject *iterable)
{
    if (!is_consumed(iterable)) {
        return methods[ALL].usual(module, iterable);
    }
    int are_true = are_all(iterable, 1);
    return are_true < 0 ? NULL : Py_NewRef(bool_object(are_true));
}

typedef PyObject *(*fastcall)(PyObject *, PyObject *const *, Py_ssize_t,
                              PyObject *);

static PyObject *
builtin_sum(PyObject *module, PyObject *const *args, Py_ssize_t count,
            PyObject *kwnames)
{
    fastcall usual = (fastcall)(void (*)(void))methods[SUM].usual;
    if (count != 1 || kwnames != NULL || !is_consumed(args[0])) {
        return usual(module, args, count, kwnames);
    }
    struct consumer consumer;
    begin(&consumer, args[0], take_for_sum);
    PyObject *item;
    int status;
    while ((status = next_item(&consumer, &item)) > 0) {
        if (!add(&consumer, item)) {
            break;
        }
        Py_DECREF(item);
    }
    if (status < 0) {
        return NULL;
    }
    PyObject *sum = PyLong_FromSsize_t(consumer.sum);
    if (status == 0) {
        return sum;
    }
    if (sum != NULL) {
        Py_SETREF(sum, PyNumber_Add(sum, item));
    }
    Py_DECREF(item);
    if (sum == NULL || !PyFloat_CheckExact(sum)) {
        return add_others(&consumer, sum);
    }
    // Floats are added by an algorithm of their own.
    PyObject *const others[] = {args[0], sum};
    PyObject *result = usual(module, others, 2, NULL);
    Py_DECREF(sum);
    return result;
}

static PyObject *
builtin_sorted(PyObject *module, PyObject *const *args, Py_ssize_t count,
               PyObject *kwnames)
{
    fastcall usual = (fastcall)(void (*)(void))methods[SORTED].usual;
    if (count != 1 || !is_consumed(args[0])) {
        return usual(module, args, count, kwnames);
    }
    PyObject *list = list_of(args[0]);
    if (list == NULL) {
        return NULL;
    }
    PyObject *sorted = NULL;
    PyObject *sort = PyObject_GetAttr(list, &_Py_ID(sort));
    if (sort != NULL) {
        PyObject *none = PyObject_Vectorcall(sort, args + 1, 0, kwnames);
        sorted = none == NULL ? NULL : Py_NewRef(list);
        Py_XDECREF(none);
        Py_DECREF(sort);
    }
    Py_DECREF(list);
    return sorted;
}

static PyObject *
str_join(PyObject *separator, PyObject *iterable)
{
    if (!is_consumed(iterable)) {
        return methods[JOIN].usual(separator, iterable);
    }
    PyObject *list = list_of(iterable);
    if (list == NULL) {
        return NULL;
    }
    PyObject *joined = methods[JOIN].usual(separator, list);
    Py_DECREF(list);
    return joined;
}

/* The only argument, if it is a generator that is consumed; NULL otherwise. */
static inline PyObject *
only_generator(PyObject *const *args, size_t count, PyObject *kwnames)
{
    return PyVectorcall_NARGS(count) == 1 && kwnames == NULL
           && is_consumed(args[0]) ? args[0] : NULL;
}

static PyObject *
make_list(PyObject *type, PyObject *const *args, size_t count,
          PyObject *kwnames)
{
    PyObject *gen = only_generator(args, count, kwnames);
    return gen != NULL && type == (PyObject *)&PyList_Type
           ? list_of(gen) : classes[LIST].usual(type, args, count, kwnames);
}

static PyObject *
make_tuple(PyObject *type, PyObject *const *args, size_t count,
           PyObject *kwnames)
{
    PyObject *gen = only_generator(args, count, kwnames);
    return gen != NULL && type == (PyObject *)&PyTuple_Type
           ? tuple_of_list(list_of(gen))
           : classes[TUPLE].usual(type, args, count, kwnames);
}

static PyObject *
make_set(PyObject *type, PyObject *const *args, size_t count, PyObject *kwnames)
{
    PyObject *gen = only_generator(args, count, kwnames);
    return gen != NULL && type == (PyObject *)&PySet_Type
           ? fill_set(PySet_New(NULL), gen)
           : classes[SET].usual(type, args, count, kwnames);
}

static PyObject *
make_frozenset(PyObject *type, PyObject *const *args, size_t count,
               PyObject *kwnames)
{
    PyObject *gen = only_generator(args, count, kwnames);
    return gen != NULL && type == (PyObject *)&PyFrozenSet_Type
           ? fill_set(PyFrozenSet_New(NULL), gen)
           : classes[FROZENSET].usual(type, args, count, kwnames);
}

#define FASTCALL(FUNCTION) ((PyCFunction)(void (*)(void))(FUNCTION))

static struct method methods[] = {
    [ANY] = {"any", builtin_any},
    [ALL] = {"all", builtin_all},
    [SUM] = {"sum", FASTCALL(builtin_sum)},
    [SORTED] = {"sorted", FASTCALL(builtin_sorted)},
    [JOIN] = {"join", str_join},
};

static struct class classes[] = {
    [LIST] = {&PyList_Type, make_list},
    [TUPLE] = {&PyTuple_Type, make_tuple},
    [SET] = {&PySet_Type, make_set},
    [FROZENSET] = {&PyFrozenSet_Type, make_frozenset},
};

/* The method of a type, or the function of the module builtins. */
static PyMethodDef *
find_method(int which)
{
    if (which == JOIN) {
        return clinker_method(&PyUnicode_Type, methods[which].name);
    }
    PyObject *function = PyDict_GetItemString(
        _PyInterpreterState_Main()->builtins_copy, methods[which].name);
    return function != NULL && PyCFunction_CheckExact(function)
           ? ((PyCFunctionObject *)function)->m_ml : NULL;
}

/* C code that takes all items of a generator minds native code. */
void
clinker_take_consumers(void)
{
    for (int i = 0; i < METHODS; i++) {
        PyMethodDef *method = find_method(i);
        methods[i].method = method;
        if (method != NULL) {
            methods[i].usual = method->ml_meth;
            method->ml_meth = methods[i].replacement;
        }
    }
    for (int i = 0; i < CLASSES; i++) {
        classes[i].usual = classes[i].type->tp_vectorcall;
        classes[i].type->tp_vectorcall = classes[i].replacement;
    }
}

void
clinker_give_consumers_back(void)
{
    for (int i = 0; i < METHODS; i++) {
        if (methods[i].method != NULL) {
            methods[i].method->ml_meth = methods[i].usual;
        }
    }
    for (int i = 0; i < CLASSES; i++) {
        classes[i].type->tp_vectorcall = classes[i].usual;
    }
}

const struct clinker_entry clinker_consume_helpers[] = {
    ENTRY(consume),
    {NULL, NULL},
};
