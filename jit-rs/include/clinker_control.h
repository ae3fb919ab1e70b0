/* The C ABI of what programs ask of the compiler: see src/c/control.c.
 *
 * As in clinker.h: the GIL is held, nothing raises or runs Python code. */
#ifndef CLINKER_CONTROL_H
#define CLINKER_CONTROL_H

#include <stddef.h>
#include <stdint.h>

// Of the archive, and not of the interpreter, which exports what is not hidden.
#pragma GCC visibility push(hidden)

/* Takes a text, once. */
typedef void (*clinker_sink)(void *context, const char *text, size_t length);

/* A file of which clinker.jit is made, by its name: jit.py is the module.  Not
 * terminated by a zero; NULL if there is none. */
const char *clinker_source(const char *name, size_t *length);

/* Make sure that code can be compiled; with auto, that what is hot is.
 * Returns 0, or -1 with a message in error. */
int clinker_prepare(int auto_mode, char *error, size_t capacity);

/* Stop or start compiling, if value is 1 or 0.  Returns what was the case. */
int clinker_pause(int value);
int clinker_is_paused(void);

/* Whether what is hot is compiled, unless paused. */
int clinker_compiles_by_itself(void);

/* Let everything be reported as hot after so many executions. */
void clinker_set_period(uint32_t period);

/* Compile what follows the RESUME at offset, which begins a function.  Returns
 * 0, or -1 with the reason in error. */
int clinker_compile(const void *code, uint32_t offset, char *error,
                    size_t capacity);

/* Compile a code object when it is reported as hot, whatever the mode is.
 * Returns 0 if it must not be compiled. */
int clinker_want(const void *code);

/* Never compile a code object, or compile it again, if value is 1 or 0. */
void clinker_suppress(const void *code, int value);

/* Forget which guesses were wrong. */
void clinker_forget(const void *code);

/* The code objects that have a shadow record, borrowed; NULL if index is too
 * high. */
const void *clinker_live(size_t index);

/* Remove all entries; put back those that still hold. */
void clinker_detach_all(void);
void clinker_attach_all(void);

/* The machine code of the entry with an index, borrowed from the code object;
 * NULL if index is too high. */
const uint8_t *clinker_native_code(const void *code, size_t index,
                                   uint32_t *offset, size_t *size);

/* Time spent with compiling a code object, or all if it is NULL. */
uint64_t clinker_microseconds(const void *code);

/* JSON: the statistics; exits since the last call. */
void clinker_statistics(clinker_sink sink, void *context);
void clinker_exits(clinker_sink sink, void *context);

/* The intermediate representation of what would be compiled now. */
void clinker_hir(const void *code, uint32_t offset, clinker_sink sink,
                 void *context);

/* JSON: what clinker.jit.inspect() shows of a code object, whose start is the
 * RESUME at offset. */
void clinker_inspect(const void *code, uint32_t offset, clinker_sink sink,
                     void *context);

#pragma GCC visibility pop

#endif /* CLINKER_CONTROL_H */
