/*
 * Who listens to a job, and sending to them through `@connections` of the WebSocket API (or of the
 * embedded gateway).
 */
#ifndef FUNCTIONS_LISTENERS_H
#define FUNCTIONS_LISTENERS_H

#include "functions/context.h"

/* Keys of the job's connections. */
MUST_CHECK bool listeners_find(struct functions *functions, struct arena *arena, const char *job,
                               const char *const **ret_keys, size_t *ret_count, struct error *err);

/* Sends a text to one connection; `key` is its object's. One that has gone is forgotten; one that
 * cannot be reached is let be: the next change tells more. */
MUST_CHECK bool listeners_send(struct functions *functions, struct arena *arena, const char *key,
                               const char *connection, struct str text, struct error *err);

#endif
