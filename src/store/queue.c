/*
 * The durable queue: rows waiting, ordered by function and due time.
 *
 * There is no lease: which rows are in flight only the host knows, and it says so by `skip`. The
 * walk over due rows reads the index alone until a row is not to be skipped, so it costs what is in
 * flight and what is returned, however many rows wait.
 */
#include "store/queue.h"
#include "store/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void queue_on_push(struct store *store, void (*notify)(void *context), void *context) {
    /* Whoever takes itself off the list is not called any more once this returns. */
    pthread_mutex_lock(&store->notify_lock);
    store->notify = notify;
    store->notify_context = context;
    pthread_mutex_unlock(&store->notify_lock);
}

void notify_push(struct store *store) {
    pthread_mutex_lock(&store->notify_lock);
    if (store->notify != NULL)
        store->notify(store->notify_context);
    pthread_mutex_unlock(&store->notify_lock);
}

static int compare_ids(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static bool due_ids(struct connection *connection, const char *function, int64_t now_unix_ms,
                    const int64_t *skip, size_t skip_count, size_t max, int64_t *ret_ids,
                    size_t *ret_count, struct error *err) {
    CLEANUP(query_end)
    struct query query =
        query_begin(connection, "SELECT id FROM queue WHERE function = ? AND due_ms <= ?"
                                " ORDER BY due_ms, id");
    bind_text(&query, function);
    bind_int(&query, now_unix_ms);
    size_t count = 0;
    while (count < max) {
        bool row = false;
        if (!query_step(&query, &row, err))
            return false;
        if (!row)
            break;
        int64_t id = column_int(&query, 0);
        if (skip_count == 0 || bsearch(&id, skip, skip_count, sizeof id, compare_ids) == NULL)
            ret_ids[count++] = id;
    }
    *ret_count = count;
    return true;
}

static bool read_row(struct connection *connection, struct arena *arena, int64_t id,
                     struct queue_row *ret, struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(
        connection, "SELECT id, function, attempts, queued_ms, due_ms, payload, rule_id,"
                    "  event_name, bucket, key, etag, size, sequencer, event_ms, request_id,"
                    "  source_ip, principal FROM queue WHERE id = ?");
    bind_int(&query, id);
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    *ret = (struct queue_row){
        .id = column_int(&query, 0),
        .function = column_text(&query, arena, 1),
        .attempts = (unsigned)column_int(&query, 2),
        .queued_unix_ms = column_int(&query, 3),
        .due_unix_ms = column_int(&query, 4),
        .payload = column_text(&query, arena, 5),
        .rule_id = column_text(&query, arena, 6),
        .event_name = column_text(&query, arena, 7),
        .bucket = column_text(&query, arena, 8),
        .key = column_text(&query, arena, 9),
        .etag = column_text(&query, arena, 10),
        .size = (uint64_t)column_int(&query, 11),
        .sequencer = arena_printf(arena, "%016" PRIX64, (uint64_t)column_int(&query, 12)),
        .event_unix_ms = column_int(&query, 13),
        .request_id = column_text(&query, arena, 14),
        .source_ip = column_text(&query, arena, 15),
        .principal = column_text(&query, arena, 16),
    };
    return true;
}

static bool next_due(struct connection *connection, const char *function, int64_t now_unix_ms,
                     int64_t *ret, struct error *err) {
    CLEANUP(query_end)
    struct query query =
        query_begin(connection, "SELECT due_ms FROM queue WHERE function = ? AND due_ms > ?"
                                " ORDER BY due_ms LIMIT 1");
    bind_text(&query, function);
    bind_int(&query, now_unix_ms);
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    *ret = row ? column_int(&query, 0) : INT64_MAX;
    return true;
}

bool queue_due(struct store *store, struct arena *arena, const char *function, int64_t now_unix_ms,
               const int64_t *skip, size_t skip_count, size_t max, struct queue_row **ret,
               size_t *ret_count, int64_t *ret_next_due_unix_ms, struct error *err) {
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    int64_t *ids = arena_array(arena, max, sizeof *ids);
    size_t count = 0;
    int64_t next = 0;
    if (!due_ids(reader, function, now_unix_ms, skip, skip_count, max, ids, &count, err) ||
        !next_due(reader, function, now_unix_ms, &next, err))
        return false;
    struct queue_row *rows = arena_array(arena, count, sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        if (!read_row(reader, arena, ids[i], &rows[i], err))
            return false;
    }
    *ret = rows;
    *ret_count = count;
    *ret_next_due_unix_ms = next;
    return true;
}

/* ---- changes ---- */

static bool delete_row(struct connection *connection, int64_t id, struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(connection, "DELETE FROM queue WHERE id = ?");
    bind_int(&query, id);
    return query_run(&query, err);
}

bool queue_ack(struct store *store, int64_t id, struct error *err) {
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    return transaction_begin(store, &transaction, err) &&
           delete_row(transaction.connection, id, err) && transaction_commit(&transaction, err);
}

/* Whether the statement that has just run found the row. */
static bool found_row(struct connection *connection, int64_t id, struct error *err) {
    if (sqlite3_changes64(connection->db) != 0)
        return true;
    return error_set(err, ERROR_NOT_FOUND, NULL, "queue has no row %" PRId64, id);
}

bool queue_retry(struct store *store, int64_t id, int64_t due_unix_ms, struct error *err) {
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    if (!transaction_begin(store, &transaction, err))
        return false;
    struct query query =
        query_begin(transaction.connection,
                    "UPDATE queue SET attempts = attempts + 1, due_ms = ? WHERE id = ?");
    bind_int(&query, due_unix_ms);
    bind_int(&query, id);
    bool done = query_run(&query, err);
    query_end(&query); /* before the commit lets another writer at the statement */
    return done && found_row(transaction.connection, id, err) &&
           transaction_commit(&transaction, err);
}

static bool check_push(const char *function, const char *payload, struct error *err) {
    if (function != NULL && strnlen(function, MAX_SHORT_TEXT_BYTES + 1) > MAX_SHORT_TEXT_BYTES)
        return error_set(err, ERROR_LIMIT, NULL, "function name is over the limit of %d bytes",
                         MAX_SHORT_TEXT_BYTES);
    if (strnlen(text_or_empty(payload), QUEUE_MAX_PAYLOAD_BYTES + 1) > QUEUE_MAX_PAYLOAD_BYTES)
        return error_set(err, ERROR_LIMIT, NULL, "event is over the limit of %d bytes",
                         QUEUE_MAX_PAYLOAD_BYTES);
    return true;
}

static bool insert_ready(struct transaction *transaction, const char *function, const char *payload,
                         int64_t now_unix_ms, struct error *err) {
    int64_t id = 0;
    if (!transaction_number(transaction, &id, err))
        return false;
    CLEANUP(query_end)
    struct query query =
        query_begin(transaction->connection,
                    "INSERT INTO queue (id, function, due_ms, attempts, queued_ms, payload,"
                    "  rule_id, event_name, bucket, key, etag, size, sequencer, event_ms,"
                    "  request_id, source_ip, principal)"
                    " VALUES (?, ?, ?, 0, ?, ?, '', '', '', x'', '', 0, ?, ?, '', '', '')");
    bind_int(&query, id);
    bind_text(&query, function);
    bind_int(&query, now_unix_ms);
    bind_int(&query, now_unix_ms);
    bind_text(&query, payload);
    bind_int(&query, id);
    bind_int(&query, now_unix_ms);
    if (!query_run(&query, err))
        return false;
    transaction->queued = true;
    return true;
}

bool queue_push(struct store *store, const char *function, const char *payload, int64_t now_unix_ms,
                struct error *err) {
    if (!check_push(function, payload, err))
        return false;
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    return transaction_begin(store, &transaction, err) &&
           insert_ready(&transaction, function, payload, now_unix_ms, err) &&
           transaction_commit(&transaction, err);
}

static bool bury(struct transaction *transaction, int64_t id, const char *reason,
                 int64_t now_unix_ms, struct error *err) {
    CLEANUP(query_end)
    struct query query =
        query_begin(transaction->connection,
                    "INSERT INTO dead_letters (id, function, died_ms, reason, attempts, queued_ms,"
                    "  payload, rule_id, event_name, bucket, key, etag, size, sequencer, event_ms,"
                    "  request_id, source_ip, principal)"
                    " SELECT id, function, ?, ?, attempts, queued_ms, payload, rule_id, event_name,"
                    "  bucket, key, etag, size, sequencer, event_ms, request_id, source_ip,"
                    "  principal FROM queue WHERE id = ?");
    bind_int(&query, now_unix_ms);
    bind_text(&query, reason);
    bind_int(&query, id);
    return query_run(&query, err);
}

bool queue_give_up(struct store *store, int64_t id, const char *function, const char *payload,
                   int64_t now_unix_ms, struct error *err) {
    if (!check_push(function, payload, err))
        return false;
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    if (!transaction_begin(store, &transaction, err) ||
        (function == NULL && !bury(&transaction, id, payload, now_unix_ms, err)))
        return false;
    return delete_row(transaction.connection, id, err) &&
           found_row(transaction.connection, id, err) &&
           (function == NULL || insert_ready(&transaction, function, payload, now_unix_ms, err)) &&
           transaction_commit(&transaction, err);
}

bool queue_depth(struct store *store, uint64_t *ret, struct error *err) {
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    CLEANUP(query_end) struct query query = query_begin(reader, "SELECT count(*) FROM queue");
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    *ret = (uint64_t)column_int(&query, 0);
    return true;
}

bool queue_waiting(struct store *store, const char *function, uint64_t *ret_count,
                   int64_t *ret_oldest_unix_ms, struct error *err) {
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    CLEANUP(query_end)
    struct query query = query_begin(reader, "SELECT count(*), ifnull(min(queued_ms), 0)"
                                             " FROM queue WHERE function = ?");
    bind_text(&query, function);
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    *ret_count = (uint64_t)column_int(&query, 0);
    *ret_oldest_unix_ms = *ret_count > 0 ? column_int(&query, 1) : INT64_MAX;
    return true;
}
