/*
 * What each function may do in the three buckets, as one table: the rights of its access key in the
 * embedded store, and of its role elsewhere.
 */
#ifndef CLI_RIGHTS_H
#define CLI_RIGHTS_H

#include "base/error.h"
#include "store/store.h"

#include <stddef.h>

#define BUCKET_INPUT  "tachyscope-input"
#define BUCKET_WORK   "tachyscope-work"
#define BUCKET_OUTPUT "tachyscope-output"

/* Functions of this version, in the order of `rights_functions`. */
enum { RIGHTS_API, RIGHTS_INTAKE, RIGHTS_RENDER, RIGHTS_NOTIFY, RIGHTS_FUNCTION_COUNT };
extern const char *const rights_functions[RIGHTS_FUNCTION_COUNT]; /* "api", "intake", … */

/* The statements of a function; `ret_count` of them. */
const struct store_statement *rights_of(unsigned function, size_t *ret_count);

#endif
