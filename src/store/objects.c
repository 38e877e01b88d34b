/*
 * Objects: put, head, read, delete.
 *
 * The row of an object carries the number of its version; the extents belong to that number, not to
 * the key, so replacing an object is a new row, new extents, and the old ones dropped, all in the
 * transaction that decides the conditions and queues the events.
 */
#include "base/codec.h"
#include "store/internal.h"

#include <string.h>
#include <unistd.h>

/* ---- limits ---- */

bool key_check(const char *key, struct error *err) {
    size_t length = strnlen(key, STORE_MAX_KEY_BYTES + 1);
    if (length > STORE_MAX_KEY_BYTES)
        return error_set(err, ERROR_LIMIT, "KeyTooLongError",
                         "key '%.64s…' is over the limit of %d bytes", key, STORE_MAX_KEY_BYTES);
    if (length == 0)
        return error_set(err, ERROR_INVALID, "InvalidArgument", "the key is empty");
    if (!str_is_utf8((struct str){key, length}))
        return error_set(err, ERROR_INVALID, "InvalidArgument", "the key is not UTF-8");
    return true;
}

static bool check_short(const char *what, const char *text, struct error *err) {
    if (strnlen(text_or_empty(text), MAX_SHORT_TEXT_BYTES + 1) <= MAX_SHORT_TEXT_BYTES)
        return true;
    return error_set(err, ERROR_LIMIT, "InvalidArgument", "%s is over the limit of %d bytes", what,
                     MAX_SHORT_TEXT_BYTES);
}

bool put_check(const struct store_put *put, struct error *err) {
    if (!key_check(put->key, err))
        return false;
    if (strnlen(text_or_empty(put->metadata), STORE_MAX_METADATA_BYTES + 1) >
        STORE_MAX_METADATA_BYTES)
        return error_set(err, ERROR_LIMIT, "MetadataTooLarge",
                         "metadata of '%.256s' is over the limit of %d bytes", put->key,
                         STORE_MAX_METADATA_BYTES);
    if (strnlen(text_or_empty(put->content_type), MAX_TYPE_BYTES + 1) > MAX_TYPE_BYTES)
        return error_set(err, ERROR_LIMIT, "MetadataTooLarge",
                         "content type of '%.256s' is over the limit of %d bytes", put->key,
                         MAX_TYPE_BYTES);
    if (strnlen(text_or_empty(put->tags), MAX_TAGS_BYTES + 1) > MAX_TAGS_BYTES)
        return error_set(err, ERROR_LIMIT, "InvalidTag",
                         "tags of '%.256s' are over the limit of %d bytes", put->key,
                         MAX_TAGS_BYTES);
    return check_short("checksum", put->checksum, err) &&
           check_short("event name", put->event_name, err) &&
           check_short("request id", put->request_id, err) &&
           check_short("source address", put->source_ip, err) &&
           check_short("principal", put->principal, err);
}

/* ---- rows ---- */

void object_from_row(struct query *query, struct arena *arena, struct store_object *ret) {
    *ret = (struct store_object){
        .version = column_int(query, 0),
        .key = column_text(query, arena, 1),
        .etag = column_text(query, arena, 2),
        .size = (uint64_t)column_int(query, 3),
        .modified_unix_ms = column_int(query, 4),
        .content_type = column_text(query, arena, 5),
        .metadata = column_text(query, arena, 6),
        .part_count = (unsigned)column_int(query, 7),
        .checksum = column_text(query, arena, 8),
        .tags = column_text(query, arena, 9),
    };
}

bool object_find(struct connection *connection, struct arena *arena, int64_t bucket_id,
                 const char *key, bool *ret_found, struct store_object *ret, struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(connection, "SELECT " OBJECT_COLUMNS
                                                 " FROM objects WHERE bucket = ? AND key = ?");
    bind_int(&query, bucket_id);
    bind_bytes(&query, key, strlen(key));
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    if (row)
        object_from_row(&query, arena, ret);
    *ret_found = row;
    return true;
}

static bool no_such_key(const char *key, struct error *err) {
    return error_set(err, ERROR_NOT_FOUND, "NoSuchKey", "key '%.512s' does not exist", key);
}

static bool object_get(struct connection *connection, struct arena *arena, const char *bucket,
                       const char *key, struct store_object *ret, struct error *err) {
    int64_t bucket_id = 0;
    bool found = false;
    if (!bucket_find(connection, bucket, &bucket_id, err) ||
        !object_find(connection, arena, bucket_id, key, &found, ret, err))
        return false;
    return found || no_such_key(key, err);
}

/* ---- put ---- */

static bool decide(const struct store_put *put, bool found, const char *etag, struct error *err) {
    if (put->if_none_match && found)
        return error_set(err, ERROR_CONFLICT, "PreconditionFailed", "key '%.512s' exists",
                         put->key);
    if (put->if_match == NULL)
        return true;
    if (!found)
        return no_such_key(put->key, err);
    if (strcmp(put->if_match, "*") == 0 || strcmp(put->if_match, etag) == 0)
        return true;
    return error_set(err, ERROR_CONFLICT, "PreconditionFailed",
                     "key '%.512s' has ETag '%s', not '%.64s'", put->key, etag, put->if_match);
}

bool put_conditions(struct connection *connection, struct arena *arena, int64_t bucket_id,
                    const struct store_put *put, struct error *err) {
    if (!put->if_none_match && put->if_match == NULL)
        return true;
    struct store_object old = {0};
    bool found = false;
    return object_find(connection, arena, bucket_id, put->key, &found, &old, err) &&
           decide(put, found, old.etag, err);
}

bool object_insert(struct transaction *transaction, int64_t bucket_id,
                   const struct store_object *object, struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(transaction->connection,
                                     "INSERT OR REPLACE INTO objects (bucket, " OBJECT_COLUMNS ")"
                                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    bind_int(&query, bucket_id);
    bind_int(&query, object->version);
    bind_bytes(&query, object->key, strlen(object->key));
    bind_text(&query, object->etag);
    bind_int(&query, (int64_t)object->size);
    bind_int(&query, object->modified_unix_ms);
    bind_text(&query, object->content_type);
    bind_text(&query, object->metadata);
    bind_int(&query, object->part_count);
    bind_text(&query, object->checksum);
    bind_text(&query, object->tags);
    return query_run(&query, err);
}

bool object_replace(struct transaction *transaction, struct arena *arena, int64_t bucket_id,
                    const struct store_put *put, const char *event_name,
                    const struct store_object *object, struct error *err) {
    struct store_object old = {0};
    bool found = false;
    if (!object_find(transaction->connection, arena, bucket_id, put->key, &found, &old, err) ||
        !decide(put, found, old.etag, err))
        return false;
    if (found && !extents_drop(transaction, old.version, err))
        return false;
    return object_insert(transaction, bucket_id, object, err) &&
           events_queue(transaction, bucket_id, put, event_name, object, err);
}

/* What is certain to be refused is refused before the body is synced: most conditional puts that
 * lose, lose here. */
static bool refuse_early(struct store *store, struct arena *arena, const struct store_put *put,
                         struct error *err) {
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    int64_t bucket_id = 0;
    return bucket_find(reader, put->bucket, &bucket_id, err) &&
           put_conditions(reader, arena, bucket_id, put, err);
}

static void describe(struct arena *arena, struct store_body *body, const struct store_put *put,
                     struct store_object *ret) {
    uint8_t sum[MD5_SIZE];
    char etag[MD5_HEX_SIZE];
    store_body_md5(body, sum);
    hex_encode(sum, sizeof sum, etag);
    *ret = (struct store_object){
        .key = arena_strdup(arena, put->key),
        .etag = arena_strdup(arena, etag),
        .size = store_body_size(body),
        .modified_unix_ms = put->now_unix_ms,
        .content_type = arena_strdup(arena, text_or_empty(put->content_type)),
        .metadata = arena_strdup(arena, text_or_empty(put->metadata)),
        .checksum = arena_strdup(arena, text_or_empty(put->checksum)),
        .tags = arena_strdup(arena, text_or_empty(put->tags)),
    };
}

bool store_put(struct store *store, struct arena *arena, struct store_body *body,
               const struct store_put *put, struct store_object *ret, struct error *err) {
    if (!put_check(put, err) || !refuse_early(store, arena, put, err) || !body_publish(body, err))
        return false;
    struct store_object object = {0};
    describe(arena, body, put, &object);
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    int64_t bucket_id = 0;
    if (!transaction_begin(store, &transaction, err) ||
        !bucket_find(transaction.connection, put->bucket, &bucket_id, err) ||
        !transaction_number(&transaction, &object.version, err) ||
        !object_replace(&transaction, arena, bucket_id, put, put->event_name, &object, err) ||
        !extents_add_body(&transaction, object.version, body, err))
        return false;
    body->taken = true;
    if (!transaction_commit(&transaction, err))
        return false;
    *ret = object;
    return true;
}

/* ---- head, read, delete ---- */

bool store_head(struct store *store, struct arena *arena, const char *bucket, const char *key,
                struct store_object *ret, struct error *err) {
    if (!key_check(key, err))
        return false;
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    return object_get(reader, arena, bucket, key, ret, err);
}

bool object_extents(struct store *store, struct arena *arena, const struct object_range *range,
                    struct store_object *ret_object, struct extent **ret, size_t *ret_count,
                    struct error *err) {
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    struct store_object object;
    if (!object_get(reader, arena, range->bucket, range->key, &object, err))
        return false;
    if (range->expected_etag != NULL && strcmp(range->expected_etag, object.etag) != 0)
        return error_set(err, ERROR_CONFLICT, "PreconditionFailed",
                         "key '%.512s' has ETag '%s', not '%.64s'", range->key, object.etag,
                         range->expected_etag);
    uint64_t first = range->whole ? 0 : range->first;
    uint64_t length = range->whole ? object.size : range->length;
    if (first > object.size || length > object.size - first)
        return error_set(err, ERROR_INVALID, "InvalidRange",
                         "range of key '%.512s' reaches over its %llu bytes", range->key,
                         (unsigned long long)object.size);
    *ret_object = object;
    return extents_read(reader, arena, object.version, first, length, ret, ret_count, err);
}

static bool open_extents(struct store *store, struct arena *arena, const struct extent *extents,
                         size_t count, struct store_open_extent **ret, struct error *err) {
    struct store_open_extent *opened = arena_array(arena, count, sizeof *opened);
    for (size_t i = 0; i < count; i++) {
        if (!blob_open(store, extents[i].blob, &opened[i].fd, err)) {
            while (i-- > 0)
                close(opened[i].fd);
            return false;
        }
        opened[i].offset = extents[i].offset;
        opened[i].length = extents[i].length;
    }
    *ret = opened;
    return true;
}

bool store_read(struct store *store, struct arena *arena, const char *bucket, const char *key,
                uint64_t first, uint64_t length, const char *expected_etag,
                struct store_open_extent **ret_extents, size_t *ret_count, struct error *err) {
    if (!key_check(key, err))
        return false;
    const struct object_range range = {.bucket = bucket,
                                       .key = key,
                                       .first = first,
                                       .length = length,
                                       .expected_etag = expected_etag};
    int64_t tried_version = -1;
    for (;;) {
        struct store_object row;
        struct extent *extents = NULL;
        size_t count = 0;
        if (!object_extents(store, arena, &range, &row, &extents, &count, err))
            return false;
        if (open_extents(store, arena, extents, count, ret_extents, err)) {
            *ret_count = count;
            return true;
        }
        /* A file goes only after the commit that replaced its object, so the next snapshot shows
         * another version; when it does not, the file is really lost. */
        if (err->kind != ERROR_NOT_FOUND)
            return false;
        if (row.version == tried_version) {
            err->kind = ERROR_INTERNAL;
            return error_prefix(err, "key '%.512s'", key);
        }
        tried_version = row.version;
    }
}

bool object_delete(struct transaction *transaction, int64_t bucket_id,
                   const struct store_object *object, struct error *err) {
    if (!extents_drop(transaction, object->version, err))
        return false;
    CLEANUP(query_end)
    struct query query =
        query_begin(transaction->connection, "DELETE FROM objects WHERE bucket = ? AND key = ?");
    bind_int(&query, bucket_id);
    bind_bytes(&query, object->key, strlen(object->key));
    return query_run(&query, err);
}

bool store_delete_if(struct store *store, const char *bucket, const char *key, const char *if_match,
                     struct error *err) {
    if (!key_check(key, err))
        return false;
    const struct store_put condition = {.key = key, .if_match = if_match};
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    int64_t bucket_id = 0;
    struct store_object object = {0};
    bool found = false;
    if (!transaction_begin(store, &transaction, err) ||
        !bucket_find(transaction.connection, bucket, &bucket_id, err) ||
        !object_find(transaction.connection, arena, bucket_id, key, &found, &object, err) ||
        !decide(&condition, found, object.etag, err))
        return false;
    if (!found)
        return true;
    return object_delete(&transaction, bucket_id, &object, err) &&
           transaction_commit(&transaction, err);
}

bool store_delete(struct store *store, const char *bucket, const char *key, struct error *err) {
    return store_delete_if(store, bucket, key, NULL, err);
}

bool store_put_tags(struct store *store, const char *bucket, const char *key, const char *tags,
                    struct error *err) {
    const struct store_put put = {.key = key, .tags = tags};
    if (!put_check(&put, err))
        return false;
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    int64_t bucket_id = 0;
    if (!transaction_begin(store, &transaction, err) ||
        !bucket_find(transaction.connection, bucket, &bucket_id, err))
        return false;
    struct query query = query_begin(transaction.connection,
                                     "UPDATE objects SET tags = ? WHERE bucket = ? AND key = ?");
    bind_text(&query, tags);
    bind_int(&query, bucket_id);
    bind_bytes(&query, key, strlen(key));
    bool done = query_run(&query, err);
    query_end(&query); /* before the commit lets another writer at the statement */
    if (!done)
        return false;
    if (sqlite3_changes64(transaction.connection->db) == 0)
        return no_such_key(key, err);
    return transaction_commit(&transaction, err);
}
