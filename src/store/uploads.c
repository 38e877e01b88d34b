/*
 * Multipart uploads: their rows and their parts.
 *
 * A part's extents belong to a number of their own, until completing gives them to the object's
 * version. A completed upload keeps its row for a while, with the version it became: a client that
 * lost the answer asks again and gets the same one.
 */
#include "base/codec.h"
#include "base/os.h"
#include "store/internal.h"

#include <string.h>

#define COMPLETED_KEPT_MS (INT64_C(7) * 24 * 60 * 60 * 1000)

bool no_such_upload(const char *id, struct error *err) {
    return error_set(err, ERROR_NOT_FOUND, "NoSuchUpload", "upload '%.64s' does not exist", id);
}

bool upload_find(struct connection *connection, struct arena *arena, const struct upload_name *name,
                 struct upload *ret, struct error *err) {
    int64_t bucket_id = 0;
    if (!bucket_find(connection, name->bucket, &bucket_id, err))
        return false;
    CLEANUP(query_end)
    struct query query =
        query_begin(connection, "SELECT content_type, metadata, completed_ms IS NOT NULL,"
                                "  completed_version"
                                " FROM uploads WHERE id = ? AND bucket = ? AND key = ?");
    bind_text(&query, name->id);
    bind_int(&query, bucket_id);
    bind_bytes(&query, name->key, strlen(name->key));
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    if (!row)
        return no_such_upload(name->id, err);
    *ret = (struct upload){
        .bucket_id = bucket_id,
        .content_type = column_text(&query, arena, 0),
        .metadata = column_text(&query, arena, 1),
        .completed = column_int(&query, 2) != 0,
        .completed_version = column_int(&query, 3),
    };
    return true;
}

bool upload_find_open(struct connection *connection, struct arena *arena,
                      const struct upload_name *name, struct upload *ret, struct error *err) {
    if (!upload_find(connection, arena, name, ret, err))
        return false;
    return !ret->completed || no_such_upload(name->id, err);
}

static bool delete_by_id(struct connection *connection, const char *sql, const char *id,
                         struct error *err) {
    CLEANUP(query_end) struct query query = query_begin(connection, sql);
    bind_text(&query, id);
    return query_run(&query, err);
}

bool parts_drop(struct transaction *transaction, const char *id, struct error *err) {
    CLEANUP(query_end)
    struct query query =
        query_begin(transaction->connection, "SELECT owner FROM parts WHERE upload = ?");
    bind_text(&query, id);
    for (;;) {
        bool row = false;
        if (!query_step(&query, &row, err))
            return false;
        if (!row)
            break;
        if (!extents_drop(transaction, column_int(&query, 0), err))
            return false;
    }
    return delete_by_id(transaction->connection, "DELETE FROM parts WHERE upload = ?", id, err);
}

/* ---- create, abort ---- */

static bool forget_completed(struct connection *connection, int64_t now_unix_ms,
                             struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(connection, "DELETE FROM uploads WHERE completed_ms < ?");
    bind_int(&query, now_unix_ms - COMPLETED_KEPT_MS);
    return query_run(&query, err);
}

bool store_create_upload(struct store *store, struct arena *arena, const struct store_put *put,
                         const char **ret_upload_id, struct error *err) {
    if (!put_check(put, err))
        return false;
    uint8_t bytes[(UPLOAD_ID_SIZE - 1) / 2];
    char id[UPLOAD_ID_SIZE];
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, id);
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    int64_t bucket_id = 0;
    if (!transaction_begin(store, &transaction, err) ||
        !bucket_find(transaction.connection, put->bucket, &bucket_id, err) ||
        !forget_completed(transaction.connection, put->now_unix_ms, err))
        return false;
    struct query query =
        query_begin(transaction.connection,
                    "INSERT INTO uploads (id, bucket, key, content_type, metadata, created_ms)"
                    " VALUES (?, ?, ?, ?, ?, ?)");
    bind_text(&query, id);
    bind_int(&query, bucket_id);
    bind_bytes(&query, put->key, strlen(put->key));
    bind_text(&query, put->content_type);
    bind_text(&query, put->metadata);
    bind_int(&query, put->now_unix_ms);
    bool done = query_run(&query, err);
    query_end(&query); /* before the commit lets another writer at the statement */
    if (!done || !transaction_commit(&transaction, err))
        return false;
    *ret_upload_id = arena_strdup(arena, id);
    return true;
}

bool store_abort_upload(struct store *store, const char *bucket, const char *key,
                        const char *upload_id, struct error *err) {
    const struct upload_name name = {bucket, key, upload_id};
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    struct upload upload;
    return transaction_begin(store, &transaction, err) &&
           upload_find_open(transaction.connection, arena, &name, &upload, err) &&
           parts_drop(&transaction, upload_id, err) &&
           delete_by_id(transaction.connection, "DELETE FROM uploads WHERE id = ?", upload_id,
                        err) &&
           transaction_commit(&transaction, err);
}

bool uploads_drop_bucket(struct transaction *transaction, int64_t bucket_id, struct error *err) {
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    CLEANUP(query_end)
    struct query query =
        query_begin(transaction->connection, "SELECT id FROM uploads WHERE bucket = ?");
    bind_int(&query, bucket_id);
    for (;;) {
        bool row = false;
        if (!query_step(&query, &row, err))
            return false;
        if (!row)
            break;
        if (!parts_drop(transaction, column_text(&query, arena, 0), err))
            return false;
    }
    CLEANUP(query_end)
    struct query drop =
        query_begin(transaction->connection, "DELETE FROM uploads WHERE bucket = ?");
    bind_int(&drop, bucket_id);
    return query_run(&drop, err);
}

/* ---- parts ---- */

bool part_number_check(unsigned number, struct error *err) {
    if (number >= 1 && number <= STORE_MAX_PARTS)
        return true;
    return error_set(err, ERROR_INVALID, "InvalidArgument", "part number %u is not in 1 to %d",
                     number, STORE_MAX_PARTS);
}

static bool drop_part(struct transaction *transaction, const char *id, unsigned number,
                      struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(transaction->connection,
                                     "SELECT owner FROM parts WHERE upload = ? AND number = ?");
    bind_text(&query, id);
    bind_int(&query, number);
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    return !row || extents_drop(transaction, column_int(&query, 0), err);
}

bool part_replace(struct transaction *transaction, const char *id, const struct store_part *part,
                  int64_t *ret_owner, struct error *err) {
    if (!drop_part(transaction, id, part->number, err) ||
        !transaction_number(transaction, ret_owner, err))
        return false;
    CLEANUP(query_end)
    struct query query =
        query_begin(transaction->connection,
                    "INSERT OR REPLACE INTO parts (upload, number, etag, size, modified_ms, owner)"
                    " VALUES (?, ?, ?, ?, ?, ?)");
    bind_text(&query, id);
    bind_int(&query, part->number);
    bind_text(&query, part->etag);
    bind_int(&query, (int64_t)part->size);
    bind_int(&query, part->modified_unix_ms);
    bind_int(&query, *ret_owner);
    return query_run(&query, err);
}

bool upload_is_open(struct store *store, struct arena *arena, const struct upload_name *name,
                    struct error *err) {
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    struct upload upload;
    return upload_find_open(reader, arena, name, &upload, err);
}

bool store_put_part(struct store *store, struct arena *arena, struct store_body *body,
                    const char *bucket, const char *key, const char *upload_id, unsigned number,
                    int64_t now_unix_ms, const char **ret_etag, struct error *err) {
    const struct upload_name name = {bucket, key, upload_id};
    if (!part_number_check(number, err) || !upload_is_open(store, arena, &name, err) ||
        !body_publish(body, err))
        return false;
    uint8_t sum[MD5_SIZE];
    char etag[MD5_HEX_SIZE];
    store_body_md5(body, sum);
    hex_encode(sum, sizeof sum, etag);
    const struct store_part part = {number, etag, store_body_size(body), now_unix_ms};
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    struct upload upload;
    int64_t owner = 0;
    if (!transaction_begin(store, &transaction, err) ||
        !upload_find_open(transaction.connection, arena, &name, &upload, err) ||
        !part_replace(&transaction, upload_id, &part, &owner, err) ||
        !extents_add_body(&transaction, owner, body, err))
        return false;
    body->taken = true;
    if (!transaction_commit(&transaction, err))
        return false;
    *ret_etag = arena_strdup(arena, etag);
    return true;
}

bool store_list_parts(struct store *store, struct arena *arena, const char *bucket, const char *key,
                      const char *upload_id, unsigned after, size_t max_parts,
                      struct store_part **ret, size_t *ret_count, bool *ret_truncated,
                      struct error *err) {
    const struct upload_name name = {bucket, key, upload_id};
    size_t limit = max_parts < STORE_MAX_LISTED ? max_parts : STORE_MAX_LISTED;
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    struct upload upload;
    if (!upload_find_open(reader, arena, &name, &upload, err))
        return false;
    struct store_part *parts = arena_array(arena, limit, sizeof *parts);
    CLEANUP(query_end)
    struct query query = query_begin(reader, "SELECT number, etag, size, modified_ms FROM parts"
                                             " WHERE upload = ? AND number > ? ORDER BY number");
    bind_text(&query, upload_id);
    bind_int(&query, after);
    size_t count = 0;
    bool row = false;
    for (;;) {
        if (!query_step(&query, &row, err))
            return false;
        if (!row || count == limit)
            break;
        parts[count++] = (struct store_part){
            .number = (unsigned)column_int(&query, 0),
            .etag = column_text(&query, arena, 1),
            .size = (uint64_t)column_int(&query, 2),
            .modified_unix_ms = column_int(&query, 3),
        };
    }
    *ret = parts;
    *ret_count = count;
    *ret_truncated = row && limit > 0;
    return true;
}
