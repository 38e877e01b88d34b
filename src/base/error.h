/*
 * Errors: what went wrong, whose fault it is, and a sentence for the person.
 *
 * A function that can fail returns bool (true: success) and takes `struct error *err` last; on
 * failure it fills `err` and leaves its outputs untouched. The kind decides about retries and
 * about the HTTP status; the static code (`NoSuchKey`) goes to clients; the text grows on the way
 * up (`image 7 'a.jpg': …`). Texts are lower case, without a full stop, with the culprit in quotes.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/base.h"

#include <stdbool.h>

enum error_kind {
    ERROR_INVALID = 1, /* what was given is wrong; repeating it does not help */
    ERROR_DENIED,      /* not allowed */
    ERROR_NOT_FOUND,   /* what was named is not there */
    ERROR_CONFLICT,    /* somebody else was first, or a condition does not hold */
    ERROR_LIMIT,       /* over a named limit */
    ERROR_UNAVAILABLE, /* may work later: retry */
    ERROR_INTERNAL,    /* our fault, or the machine's */
};

struct error {
    enum error_kind kind;
    const char *code; /* static string, or NULL */
    char text[1024];
};

/* Fills `err` and returns false, so that `return error_set(…)` reads well. `code` must be static
 * or NULL. A text that does not fit is cut. */
bool error_set(struct error *err, enum error_kind kind, const char *code, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* As error_set, with the description of `errno` behind the text. Kind: NOT_FOUND for ENOENT, DENIED
 * for EACCES and EPERM, LIMIT for ENOSPC, EDQUOT and EFBIG, else INTERNAL. */
bool error_errno(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Puts `…: ` before the text; returns false. */
bool error_prefix(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* "invalid", "denied", … */
const char *error_kind_name(enum error_kind kind);

/* Out of memory ends the process with one line on stderr and status 1. */
NORETURN void die_out_of_memory(void);

#endif
