/*
 * What invoked a function: object events of the store, or the record of an invocation that failed
 * for good. Pure.
 */
#ifndef FUNCTIONS_EVENT_H
#define FUNCTIONS_EVENT_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum { EVENT_MAX_RECORDS = 1000 };

struct event_record {
    const char *bucket;
    const char *key; /* decoded */
};

struct event {
    bool failed;             /* an on-failure record: `records` are of the event that failed */
    const char *failed_text; /* what the function said, or how it died */
    struct event_record *records;
    size_t record_count;
};

/* Reads an S3 event (keys are form-encoded, but raw from Ceph) or Lambda's on-failure record. A
 * test message without Records gives none. Records of other sources are INVALID. */
MUST_CHECK bool event_parse(struct arena *arena, struct str text, struct event *ret,
                            struct error *err);

#endif
