/*
 * Parts: those of an upload under way, and those that an object was made of.
 */
#include "base/codec.h"
#include "store/internal.h"

#include <string.h>

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
    struct query query = query_begin(transaction->connection,
                                     "INSERT OR REPLACE INTO parts"
                                     " (upload, number, etag, size, modified_ms, owner, checksum)"
                                     " VALUES (?, ?, ?, ?, ?, ?, ?)");
    bind_text(&query, id);
    bind_int(&query, part->number);
    bind_text(&query, part->etag);
    bind_int(&query, (int64_t)part->size);
    bind_int(&query, part->modified_unix_ms);
    bind_int(&query, *ret_owner);
    bind_text(&query, part->checksum);
    return query_run(&query, err);
}

bool upload_is_open(struct store *store, struct arena *arena, const struct upload_name *name,
                    struct error *err) {
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    struct upload upload;
    return upload_find_open(reader, arena, name, &upload, err);
}

bool store_put_part(struct store *store, struct arena *arena, struct store_body *body,
                    const struct store_part_put *put, const char **ret_etag, struct error *err) {
    const struct upload_name name = {put->bucket, put->key, put->upload_id};
    if (!part_number_check(put->number, err) || !upload_is_open(store, arena, &name, err) ||
        !body_publish(body, err))
        return false;
    uint8_t sum[MD5_SIZE];
    char etag[MD5_HEX_SIZE];
    store_body_md5(body, sum);
    hex_encode(sum, sizeof sum, etag);
    const struct store_part part = {put->number, etag, store_body_size(body), put->now_unix_ms,
                                    put->checksum};
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    struct upload upload;
    int64_t owner = 0;
    if (!transaction_begin(store, &transaction, err) ||
        !upload_find_open(transaction.connection, arena, &name, &upload, err) ||
        !part_replace(&transaction, put->upload_id, &part, &owner, err) ||
        !extents_add_body(&transaction, owner, body, err))
        return false;
    body->taken = true;
    if (!transaction_commit(&transaction, err))
        return false;
    *ret_etag = arena_strdup(arena, etag);
    return true;
}

/* Rows of number, etag, size, modified_ms, checksum, from the query's place on. */
static bool fill_page(struct query *query, struct arena *arena, size_t max_parts,
                      struct store_part **ret, size_t *ret_count, bool *ret_truncated,
                      struct error *err) {
    size_t limit = max_parts < STORE_MAX_LISTED ? max_parts : STORE_MAX_LISTED;
    struct store_part *parts = arena_array(arena, limit, sizeof *parts);
    size_t count = 0;
    bool row = false;
    for (;;) {
        if (!query_step(query, &row, err))
            return false;
        if (!row || count == limit)
            break;
        parts[count++] = (struct store_part){
            .number = (unsigned)column_int(query, 0),
            .etag = column_text(query, arena, 1),
            .size = (uint64_t)column_int(query, 2),
            .modified_unix_ms = column_int(query, 3),
            .checksum = column_text(query, arena, 4),
        };
    }
    *ret = parts;
    *ret_count = count;
    *ret_truncated = row && limit > 0;
    return true;
}

bool store_list_parts(struct store *store, struct arena *arena, const char *bucket, const char *key,
                      const char *upload_id, unsigned after, size_t max_parts,
                      struct store_part **ret, size_t *ret_count, bool *ret_truncated,
                      struct error *err) {
    const struct upload_name name = {bucket, key, upload_id};
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    struct upload upload;
    if (!upload_find_open(reader, arena, &name, &upload, err))
        return false;
    CLEANUP(query_end)
    struct query query =
        query_begin(reader, "SELECT number, etag, size, modified_ms, checksum FROM parts"
                            " WHERE upload = ? AND number > ? ORDER BY number");
    bind_text(&query, upload_id);
    bind_int(&query, after);
    return fill_page(&query, arena, max_parts, ret, ret_count, ret_truncated, err);
}

/* ---- the parts of an object ---- */

bool store_list_object_parts(struct store *store, struct arena *arena, int64_t version,
                             unsigned after, size_t max_parts, struct store_part **ret,
                             size_t *ret_count, bool *ret_truncated, struct error *err) {
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    CLEANUP(query_end)
    struct query query = query_begin(reader, "SELECT number, '', size, 0, checksum"
                                             " FROM object_parts"
                                             " WHERE owner = ? AND number > ? ORDER BY number");
    bind_int(&query, version);
    bind_int(&query, after);
    return fill_page(&query, arena, max_parts, ret, ret_count, ret_truncated, err);
}

bool store_part_range(struct store *store, const char *bucket, const char *key, int64_t version,
                      unsigned number, uint64_t *ret_first, uint64_t *ret_length,
                      struct error *err) {
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    CLEANUP(query_end)
    struct query query = query_begin(
        reader, "SELECT (SELECT coalesce(sum(size), 0) FROM object_parts"
                "  WHERE owner = p.owner AND number < p.number), p.size FROM object_parts AS p"
                " JOIN objects AS o ON o.version = p.owner JOIN buckets AS b ON b.id = o.bucket"
                " WHERE p.owner = ? AND p.number = ? AND b.name = ? AND o.key = ?");
    bind_int(&query, version);
    bind_int(&query, number);
    bind_text(&query, bucket);
    bind_bytes(&query, key, strlen(key));
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    if (!row)
        return error_set(err, ERROR_NOT_FOUND, "InvalidPartNumber",
                         "key '%.512s' has no part %u in version %lld", key, number,
                         (long long)version);
    *ret_first = (uint64_t)column_int(&query, 0);
    *ret_length = (uint64_t)column_int(&query, 1);
    return true;
}
