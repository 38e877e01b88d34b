/*
 * Lifecycle: rules of the buckets, and the round that carries them out.
 *
 * A rule's keys are walked in pages by a reader; what has to go is deleted a page at a time, each
 * in a transaction of its own, in which the object must still be the version that was looked at. So
 * a round holds up nobody for long, and one that ends half way has done half.
 */
#include "store/internal.h"

#include <string.h>

enum { PAGE_ROWS = 200 };
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

static bool insert_rule(struct connection *connection, int64_t bucket_id, size_t position,
                        const struct store_lifecycle_rule *rule, struct error *err) {
    CLEANUP(query_end)
    struct query query =
        query_begin(connection, "INSERT INTO lifecycle (bucket, position, prefix, tags, size_over,"
                                "  size_under, expire_days, expire_at_ms, abort_days)"
                                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    bind_int(&query, bucket_id);
    bind_int(&query, (int64_t)position);
    bind_bytes(&query, rule->prefix, strlen(text_or_empty(rule->prefix)));
    bind_text(&query, rule->tags);
    bind_int(&query, rule->has_size_over ? (int64_t)rule->size_over : -1);
    bind_int(&query, rule->has_size_under ? (int64_t)rule->size_under : INT64_MAX);
    bind_int(&query, rule->expire_days);
    bind_int(&query, rule->expire_at_unix_ms);
    bind_int(&query, rule->abort_days);
    return query_run(&query, err);
}

static bool delete_rules(struct connection *connection, int64_t bucket_id, struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(connection, "DELETE FROM lifecycle WHERE bucket = ?");
    bind_int(&query, bucket_id);
    return query_run(&query, err);
}

static bool check_rule(const struct store_lifecycle_rule *rule, struct error *err) {
    if (strnlen(text_or_empty(rule->prefix), STORE_MAX_KEY_BYTES + 1) <= STORE_MAX_KEY_BYTES &&
        strnlen(text_or_empty(rule->tags), MAX_TAGS_BYTES + 1) <= MAX_TAGS_BYTES)
        return true;
    return error_set(err, ERROR_LIMIT, "InvalidArgument", "lifecycle rule '%.64s' is too long",
                     rule->id);
}

bool store_set_lifecycle(struct store *store, const char *bucket,
                         const struct store_lifecycle_rule *rules, size_t count,
                         struct str document, struct error *err) {
    if (count > STORE_MAX_LIFECYCLE_RULES)
        return error_set(err, ERROR_LIMIT, "InvalidRequest",
                         "%zu lifecycle rules are over the limit of %d", count,
                         STORE_MAX_LIFECYCLE_RULES);
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    int64_t bucket_id = 0;
    if (!transaction_begin(store, &transaction, err) ||
        !bucket_find(transaction.connection, bucket, &bucket_id, err) ||
        !delete_rules(transaction.connection, bucket_id, err) ||
        !document_put(&transaction, bucket_id, "lifecycle", document, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!check_rule(&rules[i], err) ||
            (rules[i].enabled &&
             !insert_rule(transaction.connection, bucket_id, i, &rules[i], err)))
            return false;
    }
    return transaction_commit(&transaction, err);
}

/* ---- the round ---- */

struct rule {
    int64_t bucket_id;
    struct str prefix;
    const char *tags;
    int64_t size_over;
    int64_t size_under;
    int64_t expire_days;
    int64_t expire_at_ms;
    int64_t abort_days;
};

static bool count_rules(struct connection *reader, size_t *ret, struct error *err) {
    CLEANUP(query_end) struct query query = query_begin(reader, "SELECT count(*) FROM lifecycle");
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    *ret = (size_t)column_int(&query, 0);
    return true;
}

static bool read_rules(struct store *store, struct arena *arena, struct rule **ret,
                       size_t *ret_count, struct error *err) {
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    size_t capacity = 0;
    if (!count_rules(reader, &capacity, err))
        return false;
    *ret = arena_array(arena, capacity, sizeof **ret);
    *ret_count = 0;
    CLEANUP(query_end)
    struct query query = query_begin(reader, "SELECT bucket, prefix, tags, size_over, size_under,"
                                             "  expire_days, expire_at_ms, abort_days"
                                             " FROM lifecycle ORDER BY bucket, position");
    for (;;) {
        bool row = false;
        if (!query_step(&query, &row, err))
            return false;
        if (!row || *ret_count == capacity)
            return true;
        (*ret)[(*ret_count)++] = (struct rule){
            .bucket_id = column_int(&query, 0),
            .prefix = str_c(column_text(&query, arena, 1)),
            .tags = column_text(&query, arena, 2),
            .size_over = column_int(&query, 3),
            .size_under = column_int(&query, 4),
            .expire_days = column_int(&query, 5),
            .expire_at_ms = column_int(&query, 6),
            .abort_days = column_int(&query, 7),
        };
    }
}

/* Due at the first midnight that is at least so many days later. */
static bool is_due(int64_t start_ms, int64_t days, int64_t now_ms) {
    int64_t end_ms = start_ms + days * DAY_MS;
    end_ms += (DAY_MS - end_ms % DAY_MS) % DAY_MS;
    return end_ms <= now_ms;
}

/* All pairs of `wanted` are among `tags`. */
static bool has_tags(const char *tags, const char *wanted) {
    struct str rest = str_c(wanted);
    while (rest.len > 0) {
        struct str pair = str_split(rest, '&', &rest);
        struct str left = str_c(tags);
        bool found = false;
        while (left.len > 0 && !found)
            found = str_equal(str_split(left, '&', &left), pair);
        if (!found)
            return false;
    }
    return true;
}

static bool expires(const struct rule *rule, const struct store_object *object, int64_t now_ms) {
    bool due =
        (rule->expire_days > 0 && is_due(object->modified_unix_ms, rule->expire_days, now_ms)) ||
        (rule->expire_at_ms > 0 && rule->expire_at_ms <= now_ms);
    return due && (int64_t)object->size > rule->size_over &&
           (int64_t)object->size < rule->size_under && has_tags(object->tags, rule->tags);
}

/* The next page of the rule's objects behind `*after`, those which expire. */
static bool read_page(struct store *store, struct arena *arena, const struct rule *rule,
                      int64_t now_ms, struct str *after, struct store_object *ret,
                      size_t *ret_count, bool *ret_more, struct error *err) {
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    CLEANUP(query_end)
    struct query query = query_begin(reader, "SELECT " OBJECT_COLUMNS " FROM objects"
                                             " WHERE bucket = ? AND key > ? ORDER BY key LIMIT ?");
    bind_int(&query, rule->bucket_id);
    bind_bytes(&query, after->ptr, after->len);
    bind_int(&query, PAGE_ROWS);
    *ret_count = 0;
    *ret_more = false;
    for (size_t i = 0;; i++) {
        bool row = false;
        if (!query_step(&query, &row, err))
            return false;
        *ret_more = !row && i == PAGE_ROWS;
        if (!row)
            return true;
        struct store_object object;
        object_from_row(&query, arena, &object);
        *after = str_c(object.key);
        if (!str_starts_with(*after, rule->prefix.ptr))
            return true;
        if (expires(rule, &object, now_ms))
            ret[(*ret_count)++] = object;
    }
}

static bool delete_page(struct store *store, const struct rule *rule,
                        const struct store_object *objects, size_t count, uint64_t *removed,
                        struct error *err) {
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    uint64_t deleted = 0;
    if (!transaction_begin(store, &transaction, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct store_object now = {0};
        bool found = false;
        if (!object_find(transaction.connection, arena, rule->bucket_id, objects[i].key, &found,
                         &now, err))
            return false;
        if (!found || now.version != objects[i].version)
            continue;
        if (!object_delete(&transaction, rule->bucket_id, &now, err))
            return false;
        deleted++;
    }
    if (!transaction_commit(&transaction, err))
        return false;
    *removed += deleted;
    return true;
}

static bool expire_objects(struct store *store, const struct rule *rule, int64_t now_ms,
                           uint64_t *removed, struct error *err) {
    /* Pages start behind a key, so the object whose key is the prefix itself is looked at first. */
    CLEANUP(arena_cleanup) struct arena *first = arena_new();
    struct store_object whole = {0};
    bool found = false;
    if (rule->prefix.len > 0) {
        CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
        if (!object_find(reader, first, rule->bucket_id, rule->prefix.ptr, &found, &whole, err))
            return false;
    }
    if (found && expires(rule, &whole, now_ms) &&
        !delete_page(store, rule, &whole, 1, removed, err))
        return false;
    char key[STORE_MAX_KEY_BYTES];
    struct str after = rule->prefix;
    bool more = true;
    while (more) {
        CLEANUP(arena_cleanup) struct arena *arena = arena_new();
        struct store_object *objects = arena_array(arena, PAGE_ROWS, sizeof *objects);
        size_t count = 0;
        if (!read_page(store, arena, rule, now_ms, &after, objects, &count, &more, err) ||
            (count > 0 && !delete_page(store, rule, objects, count, removed, err)))
            return false;
        memcpy(key, after.ptr, after.len); /* outlives the page's arena */
        after.ptr = key;
    }
    return true;
}

static bool abort_uploads(struct store *store, const struct rule *rule, int64_t now_ms,
                          uint64_t *removed, struct error *err) {
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    const char *ids[PAGE_ROWS];
    size_t count = 0;
    if (!transaction_begin(store, &transaction, err))
        return false;
    struct query query = query_begin(transaction.connection,
                                     "SELECT id, key, created_ms FROM uploads"
                                     " WHERE bucket = ? AND key >= ? AND completed_ms IS NULL"
                                     " ORDER BY key");
    bind_int(&query, rule->bucket_id);
    bind_bytes(&query, rule->prefix.ptr, rule->prefix.len);
    bool row = true;
    bool ok = true;
    while (count < PAGE_ROWS && (ok = query_step(&query, &row, err)) && row &&
           str_starts_with(column_str(&query, 1), rule->prefix.ptr)) {
        if (is_due(column_int(&query, 2), rule->abort_days, now_ms))
            ids[count++] = column_text(&query, arena, 0);
    }
    query_end(&query);
    for (size_t i = 0; ok && i < count; i++)
        ok = upload_drop(&transaction, ids[i], err);
    if (!ok || !transaction_commit(&transaction, err))
        return false;
    *removed += count;
    return count < PAGE_ROWS || abort_uploads(store, rule, now_ms, removed, err);
}

bool store_run_lifecycle(struct store *store, int64_t now_unix_ms, uint64_t *ret_removed,
                         struct error *err) {
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    struct rule *rules = NULL;
    size_t count = 0;
    uint64_t removed = 0;
    if (!rights_drop_expired(store, now_unix_ms, err) ||
        !read_rules(store, arena, &rules, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct rule *rule = &rules[i];
        if ((rule->expire_days > 0 || rule->expire_at_ms > 0) &&
            !expire_objects(store, rule, now_unix_ms, &removed, err))
            return false;
        if (rule->abort_days > 0 && !abort_uploads(store, rule, now_unix_ms, &removed, err))
            return false;
    }
    *ret_removed = removed;
    return true;
}
