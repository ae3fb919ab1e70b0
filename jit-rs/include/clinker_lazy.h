/* The C ABI of the lazy-import client: what the glue (src/c/lazy.c) calls.
 *
 * Names are UTF-8 and borrowed for the call; things of the interpreter are
 * opaque numbers.  None of the functions raises a Python exception, runs
 * Python code or unwinds: a panic of the client turns it off. */
#ifndef CLINKER_LAZY_H
#define CLINKER_LAZY_H

#include <stddef.h>
#include <stdint.h>

// Of the archive, and not of the interpreter, which exports what is not hidden.
#pragma GCC visibility push(hidden)

/* Text; data is NULL if there is none. */
typedef struct {
    const char *data;
    size_t length;
} clinker_text_view;

/* Where something is in the program. */
typedef struct {
    clinker_text_view file;
    int line;
    int depth;                  // 1 if it is in the body of a module, or 0
} clinker_site;

/* What the client answers to clinker_lazy_decide(). */
enum { CLINKER_LAZY_NO_OPINION, CLINKER_LAZY_DEFER, CLINKER_LAZY_DO_NOW };

/* Take the values of -X lazy_report, lazy_profile and lazy_filter, or none.
 * Returns 0, or -1 with a message in error, which has room for capacity bytes
 * and is terminated by a zero. */
int clinker_lazy_start(clinker_text_view report, clinker_text_view profile,
                       clinker_text_view filter, char *error, size_t capacity);

/* Whether clinker_lazy_effects() is to be called. */
int clinker_lazy_wants_effects(void);

int clinker_lazy_decide(clinker_text_view importer, clinker_text_view module);

/* The reasons are those of _PyLazyReason. */
void clinker_lazy_done_now(clinker_text_view importer,
                           clinker_text_view module, clinker_site site,
                           int reason);

/* attribute: the one name that is bound, if it is not the module. */
void clinker_lazy_deferred(uintptr_t lazy, clinker_text_view importer,
                           clinker_text_view module,
                           clinker_text_view attribute, clinker_site site);
void clinker_lazy_resolving(uint64_t thread, uintptr_t lazy,
                            clinker_site site);
void clinker_lazy_resolved(uint64_t thread, uintptr_t lazy, int ok);
void clinker_lazy_executed(clinker_text_view module);
void clinker_lazy_submodule(clinker_text_view module, int bound);

/* Numbers that stand for states of the interpreter which modules change when
 * they are imported; their names are in src/lazy/effects.rs.  owner is
 * the module whose body has run since the last call. */
enum { CLINKER_EFFECTS = 12 };
void clinker_lazy_effects(clinker_text_view owner,
                          const uint64_t state[CLINKER_EFFECTS]);

void clinker_lazy_finalize(void);

#pragma GCC visibility pop

#endif /* CLINKER_LAZY_H */
