/*
 * Buckets and their configuration documents.
 */
#include "store/internal.h"

#include <arpa/inet.h>
#include <string.h>

enum { MIN_BUCKET_BYTES = 3, MAX_BUCKET_BYTES = 63, MAX_DOCUMENT_NAME_BYTES = 64 };

static bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Letters, digits, '-' and '.'; each label between dots starts and ends with a letter or digit. */
static bool has_valid_labels(const char *name, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (is_letter_or_digit(name[i]))
            continue;
        if (name[i] != '-' && name[i] != '.')
            return false;
        if (i == 0 || i + 1 == length)
            return false;
        if (name[i] == '.' &&
            (!is_letter_or_digit(name[i - 1]) || !is_letter_or_digit(name[i + 1])))
            return false;
    }
    return true;
}

static bool bucket_check_name(const char *name, struct error *err) {
    size_t length = strnlen(name, MAX_BUCKET_BYTES + 1);
    struct in_addr address;
    if (length >= MIN_BUCKET_BYTES && length <= MAX_BUCKET_BYTES &&
        has_valid_labels(name, length) && inet_pton(AF_INET, name, &address) != 1)
        return true;
    return error_set(err, ERROR_INVALID, "InvalidBucketName", "bucket name '%.64s' is not valid",
                     name);
}

bool bucket_find(struct connection *connection, const char *bucket, int64_t *ret_id,
                 struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(connection, "SELECT id FROM buckets WHERE name = ?");
    bind_text(&query, bucket);
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    if (!row)
        return error_set(err, ERROR_NOT_FOUND, "NoSuchBucket", "bucket '%.64s' does not exist",
                         bucket);
    *ret_id = column_int(&query, 0);
    return true;
}

bool store_create_bucket(struct store *store, const char *bucket, int64_t now_unix_ms,
                         struct error *err) {
    if (!bucket_check_name(bucket, err))
        return false;
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    if (!transaction_begin(store, &transaction, err))
        return false;
    struct query query =
        query_begin(transaction.connection, "INSERT INTO buckets (name, created_ms) VALUES (?, ?)"
                                            " ON CONFLICT (name) DO NOTHING");
    bind_text(&query, bucket);
    bind_int(&query, now_unix_ms);
    bool done = query_run(&query, err);
    query_end(&query); /* before the commit lets another writer at the statement */
    if (!done)
        return false;
    if (sqlite3_changes64(transaction.connection->db) == 0)
        return error_set(err, ERROR_CONFLICT, "BucketAlreadyOwnedByYou", "bucket '%s' exists",
                         bucket);
    return transaction_commit(&transaction, err);
}

bool store_head_bucket(struct store *store, const char *bucket, struct error *err) {
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    int64_t id = 0;
    return bucket_find(reader, bucket, &id, err);
}

static bool bucket_is_empty(struct connection *connection, int64_t id, bool *ret,
                            struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(connection, "SELECT 1 FROM objects WHERE bucket = ? LIMIT 1");
    bind_int(&query, id);
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    *ret = !row;
    return true;
}

static bool delete_where_bucket(struct connection *connection, const char *sql, int64_t id,
                                struct error *err) {
    CLEANUP(query_end) struct query query = query_begin(connection, sql);
    bind_int(&query, id);
    return query_run(&query, err);
}

bool store_delete_bucket(struct store *store, const char *bucket, struct error *err) {
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    if (!transaction_begin(store, &transaction, err))
        return false;
    struct connection *connection = transaction.connection;
    int64_t id = 0;
    bool empty = false;
    if (!bucket_find(connection, bucket, &id, err) || !bucket_is_empty(connection, id, &empty, err))
        return false;
    if (!empty)
        return error_set(err, ERROR_CONFLICT, "BucketNotEmpty", "bucket '%s' is not empty", bucket);
    return uploads_drop_bucket(&transaction, id, err) &&
           delete_where_bucket(connection, "DELETE FROM documents WHERE bucket = ?", id, err) &&
           delete_where_bucket(connection, "DELETE FROM rules WHERE bucket = ?", id, err) &&
           delete_where_bucket(connection, "DELETE FROM lifecycle WHERE bucket = ?", id, err) &&
           delete_where_bucket(connection, "DELETE FROM buckets WHERE id = ?", id, err) &&
           transaction_commit(&transaction, err);
}

bool store_list_buckets(struct store *store, struct arena *arena, struct store_bucket **ret,
                        size_t *ret_count, struct error *err) {
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    CLEANUP(query_end) struct query total = query_begin(reader, "SELECT count(*) FROM buckets");
    bool row = false;
    if (!query_step(&total, &row, err))
        return false;
    size_t capacity = (size_t)column_int(&total, 0);
    struct store_bucket *buckets = arena_array(arena, capacity, sizeof *buckets);
    CLEANUP(query_end)
    struct query query = query_begin(reader, "SELECT name, created_ms FROM buckets ORDER BY name");
    size_t count = 0;
    while (count < capacity) {
        if (!query_step(&query, &row, err))
            return false;
        if (!row)
            break;
        buckets[count].name = column_text(&query, arena, 0);
        buckets[count++].created_unix_ms = column_int(&query, 1);
    }
    *ret = buckets;
    *ret_count = count;
    return true;
}

/* ---- documents ---- */

static bool check_document(const char *name, struct str text, struct error *err) {
    if (name[0] == '\0' || strnlen(name, MAX_DOCUMENT_NAME_BYTES + 1) > MAX_DOCUMENT_NAME_BYTES)
        return error_set(err, ERROR_INVALID, "InvalidArgument",
                         "document name '%.64s' is not valid", name);
    if (text.len > STORE_MAX_DOCUMENT_BYTES)
        return error_set(err, ERROR_LIMIT, "MaxMessageLengthExceeded",
                         "document '%s' is over the limit of %d bytes", name,
                         STORE_MAX_DOCUMENT_BYTES);
    return true;
}

bool document_put(struct transaction *transaction, int64_t bucket_id, const char *name,
                  struct str text, struct error *err) {
    if (!check_document(name, text, err))
        return false;
    CLEANUP(query_end)
    struct query query = query_begin(
        transaction->connection,
        text.len == 0 ? "DELETE FROM documents WHERE bucket = ? AND name = ?"
                      : "INSERT OR REPLACE INTO documents (bucket, name, body) VALUES (?, ?, ?)");
    bind_int(&query, bucket_id);
    bind_text(&query, name);
    if (text.len != 0)
        bind_bytes(&query, text.ptr, text.len);
    return query_run(&query, err);
}

bool store_put_document(struct store *store, const char *bucket, const char *name, struct str text,
                        struct error *err) {
    if (!check_document(name, text, err))
        return false;
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    int64_t id = 0;
    return transaction_begin(store, &transaction, err) &&
           bucket_find(transaction.connection, bucket, &id, err) &&
           document_put(&transaction, id, name, text, err) && transaction_commit(&transaction, err);
}

bool store_get_document(struct store *store, struct arena *arena, const char *bucket,
                        const char *name, struct str *ret, struct error *err) {
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    int64_t id = 0;
    if (!bucket_find(reader, bucket, &id, err))
        return false;
    CLEANUP(query_end)
    struct query query =
        query_begin(reader, "SELECT body FROM documents WHERE bucket = ? AND name = ?");
    bind_int(&query, id);
    bind_text(&query, name);
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    if (!row)
        return error_set(err, ERROR_NOT_FOUND,
                         strcmp(name, "cors") == 0 ? "NoSuchCORSConfiguration"
                                                   : "NoSuchConfiguration",
                         "bucket '%s' has no %.64s document", bucket, name);
    *ret = arena_str(arena, column_str(&query, 0));
    return true;
}
