/* The C ABI of the archive: what the glue (src/c/glue.c) calls.
 *
 * All functions are called with the GIL held.  None of them raises a Python
 * exception, runs Python code or unwinds: a panic of the archive turns it off.
 * code and shadow are a PyCodeObject and its _PyShadowCode, both borrowed. */
#ifndef CLINKER_H
#define CLINKER_H

#include <stddef.h>
#include <stdint.h>

// Of the archive, and not of the interpreter, which exports what is not hidden.
#pragma GCC visibility push(hidden)

/* The stack pointer of a frame while native code runs it: it is not valid, as
 * while the interpreter runs it; somebody has written to a variable; or an
 * exception is on its way to a handler, and everything is in the frame. */
#define CLINKER_NATIVE (-2)
#define CLINKER_WRITTEN (-3)
#define CLINKER_CATCHING (-4)
/* That of what comes before a generator that hands its items over: see consume.c. */
#define CLINKER_CONSUMER (-5)

/* Numbers of operators: the oparg of BINARY_OP, of which those in place follow the
 * others.  After all of them comes the oparg of COMPARE_OP without its last four bits:
 * twice the operator, and 1 if the truth of the result is what is wanted. */
#define CLINKER_IN_PLACE 13
#define CLINKER_COMPARISON 26
/* That of an assignment to a subscript, which comes after all comparisons. */
#define CLINKER_SET_ITEM 64

/* The UTF-8 text of a Python str, borrowed from it, or NULL. */
typedef const char *(*clinker_text)(const void *string, size_t *length);

/* The line of an instruction of a code object, by its offset in bytes; -1 if
 * it has none. */
typedef int (*clinker_line)(const void *code, int offset);

/* Take the value of -X jit or PYTHON_JIT.  Returns 0, or -1 with a message in
 * error, which has room for capacity bytes and is terminated by a zero. */
int clinker_start(const char *value, size_t length, clinker_text text,
                  clinker_line line, char *error, size_t capacity);

/* The number of entries of a code object, or trips of a loop, after which it
 * is reported as hot; valid after clinker_start(). */
uint32_t clinker_period(void);

/* The hooks of a client, see Include/internal/pycore_evalhooks.h.  Offsets are
 * in code units. */
void clinker_code_attached(const void *code, const void *shadow);
void clinker_code_death(const void *code);

/* The instrumentation of a code object changes.  Tells, one by one, of others that have machine code in which
 * it is executed in place of calls: that is not entered any more. */
void clinker_instrumented(const void *code, void (*tell)(const void *code));

/* The instruction at offset is hot: a RESUME, or a JUMP_BACKWARD if loop is
 * not 0.  depth is the height of the value stack after it.  Returns the period
 * until the next report. */
uint32_t clinker_hot(const void *code, uint32_t offset, uint32_t depth,
                     int loop);
void clinker_specialized(const void *code, int missed, int failed);

/* The call at offset makes an object, whose __init__ has the version; or calls a
 * function with the version, and keywords; or the subscript there calls a
 * __getitem__ with the version. */
void clinker_calls_special(const void *code, uint32_t offset, uint32_t version);

/* The instruction at offset has operands of these kinds, in the order they are
 * pushed: bits of jit-rs/src/hir/types.rs, -1 for none.  The second one of
 * isinstance() is the kind of the objects of the class. */
void clinker_saw(const void *code, uint32_t offset, const int kinds[3]);

/* The call at offset calls a function of the module math, by the number of
 * jit-rs/src/hir/arithmetic.rs and its PyMethodDef, with an argument of a kind. */
void clinker_saw_math(const void *code, uint32_t offset, int which,
                      const void *method, int kind);

/* The call at offset makes an object of a class of this version, and nothing can tell
 * that such objects are gone, but for what they lead to. */
void clinker_dies_unseen_at(const void *code, uint32_t offset,
                            uint32_t class_version);

/* The call at offset calls a class of this version, with a function of a version as
 * its __init__. */
void clinker_saw_class(const void *code, uint32_t offset, uint32_t class_version,
                       const void *init, uint32_t version);

/* A code object looks up the names of globals in these dictionaries, of whose changes is told. */
void clinker_saw_namespaces(const void *code, const void *globals,
                            const void *builtins);

/* The LOAD_GLOBAL or LOAD_ATTR at offset finds a value among the variables of a module. */
void clinker_saw_variable(const void *code, uint32_t offset, const void *value);

/* An access to an attribute of a code object finds a function of a class with a version, which looks up
 * globals in these dictionaries, as above. */
void clinker_saw_method(const void *code, uint32_t version, const void *method,
                        const void *globals, const void *builtins);

/* The same of a method of a built-in class, with the flags and the address of its function of C. */
void clinker_saw_descriptor(const void *code, uint32_t version,
                            const void *method, int flags,
                            const void *function);

/* A variable of a module is about to change; or all of a dictionary if name is NULL, or all that are relied on if
 * both are. Machine code that takes it for constant is not entered any more; tells of its code objects, one by one. */
void clinker_invalidate(const void *dict, const void *name,
                        void (*tell)(const void *code));

/* A dictionary of variables has died. */
void clinker_dictionary_died(const void *dict);

/* The functions with a version have this code object, as long as it lives. */
void clinker_saw_function(const void *code, uint32_t version);

/* The operator or comparison at offset calls a function of a version, which the class
 * of its left operand has as its method; both classes have these versions.  If it is an
 * assignment to a subscript, that is the class of the container, and right is 0. */
void clinker_saw_operator(const void *code, uint32_t offset, uint32_t left,
                          uint32_t right, const void *method,
                          uint32_t version);

/* The LOAD_ATTR or STORE_ATTR at offset did not fit what it was specialized for, and
 * has this form now. */
void clinker_saw_form(const void *code, uint32_t offset, uint8_t opcode);

/* The call at offset did not fit what it was specialized for, and is specialized for
 * functions with the version now. */
void clinker_saw_callee(const void *code, uint32_t offset, uint32_t version);

/* For native code: a guess at an instruction was wrong too often. */
void clinker_refuted(uint64_t code, uint64_t offset);

/* For native code: the interpreter went on in a handler at an offset often. */
void clinker_reached(uint64_t code, uint64_t offset);

/* Whether something is compiled now. */
int clinker_is_enabled(void);

void clinker_forking(void);
void clinker_forked_child(void);
void clinker_finalize(void);

#pragma GCC visibility pop

#endif /* CLINKER_H */
