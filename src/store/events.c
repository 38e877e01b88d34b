/*
 * Notification rules, and the events they make out of a new object.
 *
 * The rows for the queue are written in the transaction of the object itself: the object is there
 * exactly when its events are.
 */
#include "store/internal.h"

#include <string.h>

#define EVENT_PREFIX "s3:"

static bool check_rule(const struct store_rule *rule, struct error *err) {
    const char *const texts[] = {rule->id, rule->function, rule->event};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (strnlen(texts[i], MAX_SHORT_TEXT_BYTES + 1) > MAX_SHORT_TEXT_BYTES)
            return error_set(err, ERROR_LIMIT, "InvalidArgument",
                             "rule '%.64s…': '%.64s…' is over the limit of %d bytes", rule->id,
                             texts[i], MAX_SHORT_TEXT_BYTES);
    }
    if (rule->function[0] == '\0')
        return error_set(err, ERROR_INVALID, "InvalidArgument", "rule '%s' names no function",
                         rule->id);
    if (strncmp(rule->event, EVENT_PREFIX, strlen(EVENT_PREFIX)) != 0)
        return error_set(err, ERROR_INVALID, "InvalidArgument", "rule '%s': unknown event '%s'",
                         rule->id, rule->event);
    const char *const ends[] = {rule->prefix, rule->suffix};
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        if (strnlen(text_or_empty(ends[i]), STORE_MAX_KEY_BYTES + 1) > STORE_MAX_KEY_BYTES)
            return error_set(err, ERROR_LIMIT, "InvalidArgument",
                             "rule '%s': filter '%.64s…' is over the limit of %d bytes", rule->id,
                             ends[i], STORE_MAX_KEY_BYTES);
    }
    return true;
}

static bool delete_rules(struct connection *connection, int64_t bucket_id, struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(connection, "DELETE FROM rules WHERE bucket = ?");
    bind_int(&query, bucket_id);
    return query_run(&query, err);
}

static bool insert_rule(struct connection *connection, int64_t bucket_id, size_t position,
                        const struct store_rule *rule, struct error *err) {
    CLEANUP(query_end)
    struct query query =
        query_begin(connection, "INSERT INTO rules"
                                " (bucket, position, rule_id, function, event, prefix, suffix)"
                                " VALUES (?, ?, ?, ?, ?, ?, ?)");
    bind_int(&query, bucket_id);
    bind_int(&query, (int64_t)position);
    bind_text(&query, rule->id);
    bind_text(&query, rule->function);
    bind_text(&query, rule->event);
    bind_bytes(&query, rule->prefix, strlen(text_or_empty(rule->prefix)));
    bind_bytes(&query, rule->suffix, strlen(text_or_empty(rule->suffix)));
    return query_run(&query, err);
}

bool store_set_rules(struct store *store, const char *bucket, const struct store_rule *rules,
                     size_t count, struct error *err) {
    if (count > STORE_MAX_RULES)
        return error_set(err, ERROR_LIMIT, "InvalidArgument",
                         "%zu notification rules are over the limit of %d", count, STORE_MAX_RULES);
    for (size_t i = 0; i < count; i++) {
        if (!check_rule(&rules[i], err))
            return false;
    }
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    int64_t bucket_id = 0;
    if (!transaction_begin(store, &transaction, err) ||
        !bucket_find(transaction.connection, bucket, &bucket_id, err) ||
        !delete_rules(transaction.connection, bucket_id, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!insert_rule(transaction.connection, bucket_id, i, &rules[i], err))
            return false;
    }
    return transaction_commit(&transaction, err);
}

/* ---- matching ---- */

/* "s3:ObjectCreated:*" or the event's whole name behind "s3:". */
static bool event_fits(struct str pattern, const char *event_name) {
    pattern.ptr += strlen(EVENT_PREFIX);
    pattern.len -= strlen(EVENT_PREFIX);
    if (!str_ends_with(pattern, "*"))
        return str_equal_c(pattern, event_name);
    return strncmp(event_name, pattern.ptr, pattern.len - 1) == 0;
}

static bool key_fits(struct str key, struct str prefix, struct str suffix) {
    if (key.len < prefix.len || key.len < suffix.len)
        return false;
    struct str head = {key.ptr, prefix.len};
    struct str tail = {key.ptr + key.len - suffix.len, suffix.len};
    return str_equal(head, prefix) && str_equal(tail, suffix);
}

struct event {
    const struct store_put *put;
    const char *name;
    const struct store_object *object;
};

static bool insert_row(struct transaction *transaction, struct query *rule,
                       const struct event *event, struct error *err) {
    int64_t id = 0;
    if (!transaction_number(transaction, &id, err))
        return false;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    CLEANUP(query_end)
    struct query query =
        query_begin(transaction->connection,
                    "INSERT INTO queue (id, function, due_ms, attempts, queued_ms, payload,"
                    "  rule_id, event_name, bucket, key, etag, size, sequencer, event_ms,"
                    "  request_id, source_ip, principal)"
                    " VALUES (?, ?, ?, 0, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    const struct store_object *object = event->object;
    bind_int(&query, id);
    bind_text(&query, column_text(rule, arena, 1));
    bind_int(&query, event->put->now_unix_ms);
    bind_int(&query, event->put->now_unix_ms);
    bind_text(&query, column_text(rule, arena, 0));
    bind_text(&query, event->name);
    bind_text(&query, event->put->bucket);
    bind_bytes(&query, object->key, strlen(object->key));
    bind_text(&query, object->etag);
    bind_int(&query, (int64_t)object->size);
    bind_int(&query, object->version);
    bind_int(&query, event->put->now_unix_ms);
    bind_text(&query, event->put->request_id);
    bind_text(&query, event->put->source_ip);
    bind_text(&query, event->put->principal);
    if (!query_run(&query, err))
        return false;
    transaction->queued = true;
    return true;
}

bool events_queue(struct transaction *transaction, int64_t bucket_id, const struct store_put *put,
                  const char *event_name, const struct store_object *object, struct error *err) {
    const struct event event = {put, text_or_empty(event_name), object};
    struct str key = str_c(object->key);
    CLEANUP(query_end)
    struct query rule = query_begin(transaction->connection,
                                    "SELECT rule_id, function, event, prefix, suffix FROM rules"
                                    " WHERE bucket = ? ORDER BY position");
    bind_int(&rule, bucket_id);
    for (;;) {
        bool row = false;
        if (!query_step(&rule, &row, err))
            return false;
        if (!row)
            return true;
        if (event_fits(column_str(&rule, 2), event.name) &&
            key_fits(key, column_str(&rule, 3), column_str(&rule, 4)) &&
            !insert_row(transaction, &rule, &event, err))
            return false;
    }
}
