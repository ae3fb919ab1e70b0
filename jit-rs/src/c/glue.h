/* What the module _jit asks of what registers the client: hooks.c, or in a stock CPython
 * jit-rs/src/stock/hooks.c. */
#ifndef CLINKER_GLUE_H
#define CLINKER_GLUE_H

#include "runtime.h"

/* Whether this interpreter has the client. */
int clinker_is_registered(void);

/* After how many entries of a code object or trips of a loop it is reported as hot, if
 * it has not run by now. */
void clinker_set_periods(uint32_t period);

uint32_t clinker_entry_period(void);

/* Register the client.  Returns -1 with an exception if that is not possible. */
int clinker_register(PyInterpreterState *interp);

#if !CLINKER_HOOKS
/* Count calls of all functions and enter their native code.  Returns -1 with an
 * exception if that is not possible. */
int clinker_watch_functions(void);

/* The same for one function. */
void clinker_enter_function(PyFunctionObject *func);

/* jit-rs/src/stock/locals.c: see there.  The same. */
int clinker_watch_locals(void);
#endif

/* number.c */
void clinker_release_reserved_objects(void);

#endif /* CLINKER_GLUE_H */
