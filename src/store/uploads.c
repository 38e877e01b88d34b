/*
 * Multipart uploads: their rows, from creating to aborting.
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
                                "  completed_version, checksum, tags, created_ms"
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
        .checksum = column_text(&query, arena, 4),
        .tags = column_text(&query, arena, 5),
        .created_unix_ms = column_int(&query, 6),
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

/* Ids sort by the time at which they were made, and cannot be guessed. */
static void make_id(int64_t now_unix_ms, char ret[UPLOAD_ID_SIZE]) {
    uint8_t bytes[(UPLOAD_ID_SIZE - 1) / 2];
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < 6; i++)
        bytes[i] = (uint8_t)(now_unix_ms >> 8 * (5 - i));
    hex_encode(bytes, sizeof bytes, ret);
}

bool store_create_upload(struct store *store, struct arena *arena, const struct store_put *put,
                         const char **ret_upload_id, struct error *err) {
    if (!put_check(put, err))
        return false;
    char id[UPLOAD_ID_SIZE];
    make_id(put->now_unix_ms, id);
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    int64_t bucket_id = 0;
    if (!transaction_begin(store, &transaction, err) ||
        !bucket_find(transaction.connection, put->bucket, &bucket_id, err) ||
        !forget_completed(transaction.connection, put->now_unix_ms, err))
        return false;
    struct query query =
        query_begin(transaction.connection,
                    "INSERT INTO uploads"
                    " (id, bucket, key, content_type, metadata, created_ms, checksum, tags)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    bind_text(&query, id);
    bind_int(&query, bucket_id);
    bind_bytes(&query, put->key, strlen(put->key));
    bind_text(&query, put->content_type);
    bind_text(&query, put->metadata);
    bind_int(&query, put->now_unix_ms);
    bind_text(&query, put->checksum);
    bind_text(&query, put->tags);
    bool done = query_run(&query, err);
    query_end(&query); /* before the commit lets another writer at the statement */
    if (!done || !transaction_commit(&transaction, err))
        return false;
    *ret_upload_id = arena_strdup(arena, id);
    return true;
}

bool upload_drop(struct transaction *transaction, const char *id, struct error *err) {
    return parts_drop(transaction, id, err) &&
           delete_by_id(transaction->connection, "DELETE FROM uploads WHERE id = ?", id, err);
}

bool store_abort_upload(struct store *store, const char *bucket, const char *key,
                        const char *upload_id, struct error *err) {
    const struct upload_name name = {bucket, key, upload_id};
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    struct upload upload;
    return transaction_begin(store, &transaction, err) &&
           upload_find_open(transaction.connection, arena, &name, &upload, err) &&
           upload_drop(&transaction, upload_id, err) && transaction_commit(&transaction, err);
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
