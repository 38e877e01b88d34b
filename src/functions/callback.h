/*
 * The call to `callback-url` at the end of a job.
 */
#ifndef FUNCTIONS_CALLBACK_H
#define FUNCTIONS_CALLBACK_H

#include "functions/context.h"

/* The job's address; NULL in `ret` when it has none (or no manifest that can be read). */
MUST_CHECK bool callback_find(struct functions *functions, struct arena *arena, const char *job,
                              const char **ret, struct error *err);

/* The value of `Tachyscope-Signature`: t=<seconds>,v1=<hex HMAC-SHA256 of "<seconds>.<body>" under
 * the job's token>. Pure. */
char *callback_signature(struct arena *arena, const char *token, int64_t now_unix_ms,
                         struct str body);

/* POSTs the status. UNAVAILABLE for any answer but 2xx. */
MUST_CHECK bool callback_send(struct functions *functions, struct arena *arena, const char *job,
                              const char *url, struct str text, struct error *err);

#endif
