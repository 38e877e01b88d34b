/*
 * The durable queue: one row per event and function, written in the transaction of the PUT that
 * caused it, removed when the function has answered.
 *
 * At least once: attempts and acknowledgements persist; what is in flight lives in the one host
 * process only, so after a crash everything not acknowledged is due again. Thread-safe.
 */
#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include "store/store.h"

enum { QUEUE_MAX_PAYLOAD_BYTES = 1024 * 1024 };

struct queue_row {
    int64_t id;
    const char *function;
    unsigned attempts; /* deliveries that failed so far */
    int64_t queued_unix_ms;
    int64_t due_unix_ms;
    /* An S3 event when `payload` is "", else a ready JSON event (on-failure records). */
    const char *payload;
    const char *rule_id;
    const char *event_name;
    const char *bucket;
    const char *key;
    const char *etag;
    uint64_t size;
    const char *sequencer; /* 16 upper-case hex digits, grows with every change of the store */
    int64_t event_unix_ms;
    const char *request_id;
    const char *source_ip;
    const char *principal;
};

/* Called after each transaction that queued something, from the thread that did; one call at a
 * time. It must not call the store. NULL: nobody. Once this returns the one before is not called
 * again. */
void queue_on_push(struct store *store, void (*notify)(void *context), void *context);

/* The rows of `function` that are due and not in `skip`
 * (ids in flight, sorted), in order of due time, at most `max`. `*ret_next_due_unix_ms` is the
 * earliest due time in the future of any row of that function, or INT64_MAX. */
MUST_CHECK bool queue_due(struct store *store, struct arena *arena, const char *function,
                          int64_t now_unix_ms, const int64_t *skip, size_t skip_count, size_t max,
                          struct queue_row **ret, size_t *ret_count, int64_t *ret_next_due_unix_ms,
                          struct error *err);

/* Done: removes the row. True also when it is not there. */
MUST_CHECK bool queue_ack(struct store *store, int64_t id, struct error *err);
/* Counts a failed delivery and makes it due again at `due_unix_ms`. NOT_FOUND without the row. */
MUST_CHECK bool queue_retry(struct store *store, int64_t id, int64_t due_unix_ms,
                            struct error *err);
/* Removes the row and, in the same transaction, queues `payload` for `function` (the on-failure
 * record); with function NULL the row goes to the dead letters, `payload` being the reason. */
MUST_CHECK bool queue_give_up(struct store *store, int64_t id, const char *function,
                              const char *payload, int64_t now_unix_ms, struct error *err);
/* Queues a ready event. LIMIT when it is over QUEUE_MAX_PAYLOAD_BYTES. */
MUST_CHECK bool queue_push(struct store *store, const char *function, const char *payload,
                           int64_t now_unix_ms, struct error *err);
/* Rows of one function, waiting or in flight, and when the oldest was queued (INT64_MAX: none). */
MUST_CHECK bool queue_waiting(struct store *store, const char *function, uint64_t *ret_count,
                              int64_t *ret_oldest_unix_ms, struct error *err);
/* Rows waiting or in flight. */
MUST_CHECK bool queue_depth(struct store *store, uint64_t *ret, struct error *err);

#endif
