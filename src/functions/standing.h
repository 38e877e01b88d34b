/*
 * How a job stands: its status document, made of what lies in the three buckets. The same for who
 * asks (`api`) and for who is told (`notify`).
 */
#ifndef FUNCTIONS_STANDING_H
#define FUNCTIONS_STANDING_H

#include "functions/context.h"
#include "job/status.h"

/* How long signed addresses are good for. */
enum { STANDING_URL_SECONDS = 3600 };

struct standing {
    json_t *document; /* status_document; the caller drops it */
    char etag[STATUS_ETAG_SIZE];
    bool ended; /* there is a result */
};

/* NOT_FOUND when there is no such job. */
MUST_CHECK bool standing_find(struct functions *functions, struct arena *arena, const char *job,
                              struct standing *ret, struct error *err);

#endif
