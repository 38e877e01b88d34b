/*
 * What a function is invoked with: S3's event message out of a row of the queue, and Lambda's
 * on-failure record around an event that failed for good. Pure.
 */
#ifndef HOST_NOTIFY_H
#define HOST_NOTIFY_H

#include "base/arena.h"
#include "base/str.h"
#include "store/queue.h"

#include <stdint.h>

/* The longest error message that goes into a record or a dead letter; the rest is cut off. */
enum { NOTIFY_MAX_MESSAGE_BYTES = 4096 };

/* The row's payload where it has one, else `{"Records":[…]}` of event version 2.1 with one record,
 * the key form-encoded. */
struct str notify_event(struct arena *arena, const struct queue_row *row, const char *region);

struct notify_failure {
    const char *request_id; /* of the last try */
    const char *function_arn;
    unsigned invoke_count;
    const char *error_type;
    const char *error_message;
    int64_t now_unix_ms;
};

/* Lambda's record of an asynchronous invocation whose retries are exhausted (version 1.0), the
 * event inside as requestPayload. */
struct str notify_failure_record(struct arena *arena, struct str event,
                                 const struct notify_failure *failure);

/* "arn:aws:lambda:<region>:000000000000:function:<name>" */
const char *notify_function_arn(struct arena *arena, const char *region, const char *function);

#endif
