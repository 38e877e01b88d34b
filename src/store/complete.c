/*
 * Completing an upload: the parts listed become the object, in one transaction with its event.
 */
#include "base/codec.h"
#include "store/internal.h"

#include <stdio.h>
#include <string.h>

struct completion {
    const struct store_part *parts;
    size_t count;
    int64_t *owners; /* of the parts' extents */
    uint64_t size;
    char etag[ETAG_SIZE];
};

static void digest_cleanup(struct digest **digest) {
    digest_free(*digest);
}

static bool check_order(const struct store_part *parts, size_t count, struct error *err) {
    if (count == 0 || count > STORE_MAX_PARTS)
        return error_set(err, ERROR_INVALID, "MalformedXML",
                         "a list of %zu parts: it needs 1 to %d", count, STORE_MAX_PARTS);
    for (size_t i = 0; i < count; i++) {
        if (!part_number_check(parts[i].number, err))
            return false;
        if (i > 0 && parts[i].number <= parts[i - 1].number)
            return error_set(err, ERROR_INVALID, "InvalidPartOrder",
                             "part %u is listed behind part %u", parts[i].number,
                             parts[i - 1].number);
    }
    return true;
}

/* Clients send ETags with or without quotes. */
static bool etag_equal(const char *given, const char *etag) {
    struct str text = str_c(given);
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        text = (struct str){text.ptr + 1, text.len - 2};
    return str_equal_c(text, etag);
}

/* Moves `query` on to the row of `part` and checks it. */
static bool match_part(struct query *query, const struct store_part *part, bool is_last,
                       struct arena *arena, struct error *err) {
    bool row = false;
    do {
        if (!query_step(query, &row, err))
            return false;
    } while (row && column_int(query, 0) < part->number);
    if (!row || column_int(query, 0) != part->number)
        return error_set(err, ERROR_INVALID, "InvalidPart", "part %u was not uploaded",
                         part->number);
    const char *etag = column_text(query, arena, 1);
    if (!etag_equal(text_or_empty(part->etag), etag))
        return error_set(err, ERROR_INVALID, "InvalidPart", "part %u has ETag '%s', not '%.64s'",
                         part->number, etag, text_or_empty(part->etag));
    if (part->checksum != NULL && !str_equal_c(column_str(query, 4), part->checksum))
        return error_set(err, ERROR_INVALID, "InvalidPart", "part %u has another checksum",
                         part->number);
    if (!is_last && column_int(query, 2) < STORE_MIN_PART_BYTES)
        return error_set(err, ERROR_INVALID, "EntityTooSmall",
                         "part %u has %lld bytes, all but the last need %d", part->number,
                         (long long)column_int(query, 2), STORE_MIN_PART_BYTES);
    return true;
}

static bool match_parts(struct connection *connection, struct arena *arena, const char *id,
                        struct completion *completion, struct error *err) {
    CLEANUP(query_end)
    struct query query =
        query_begin(connection, "SELECT number, etag, size, owner, checksum FROM parts"
                                " WHERE upload = ? ORDER BY number");
    bind_text(&query, id);
    CLEANUP(digest_cleanup) struct digest *digest = digest_new(DIGEST_MD5);
    completion->owners = arena_array(arena, completion->count, sizeof *completion->owners);
    for (size_t i = 0; i < completion->count; i++) {
        if (!match_part(&query, &completion->parts[i], i + 1 == completion->count, arena, err))
            return false;
        uint8_t sum[MD5_SIZE];
        if (!hex_decode(column_str(&query, 1), sum, sizeof sum))
            return error_set(err, ERROR_INTERNAL, "InternalError", "ETag of part %u is damaged",
                             completion->parts[i].number);
        digest_add(digest, sum, sizeof sum);
        completion->size += (uint64_t)column_int(&query, 2);
        completion->owners[i] = column_int(&query, 3);
    }
    uint8_t sum[MD5_SIZE];
    char hex[MD5_HEX_SIZE];
    digest_take(digest, sum);
    hex_encode(sum, sizeof sum, hex);
    snprintf(completion->etag, sizeof completion->etag, "%s-%zu", hex, completion->count);
    return true;
}

/* What reading by part number and the attributes of an object ask for. */
static bool note_part(struct connection *connection, const char *id, unsigned number,
                      unsigned listed_as, int64_t version, struct error *err) {
    CLEANUP(query_end)
    struct query query =
        query_begin(connection, "INSERT INTO object_parts (owner, number, size, checksum)"
                                " SELECT ?, ?, size, checksum FROM parts"
                                " WHERE upload = ? AND number = ?");
    bind_int(&query, version);
    bind_int(&query, listed_as);
    bind_text(&query, id);
    bind_int(&query, number);
    return query_run(&query, err);
}

/* The parts that are listed become the object's, numbered anew from 1; the others go. */
static bool hand_over(struct transaction *transaction, const char *id,
                      const struct completion *completion, int64_t version, struct error *err) {
    int64_t position = 0;
    for (size_t i = 0; i < completion->count; i++) {
        if (!note_part(transaction->connection, id, completion->parts[i].number, (unsigned)i + 1,
                       version, err) ||
            !extents_move(transaction, completion->owners[i], version, &position, err))
            return false;
    }
    return parts_drop(transaction, id, err);
}

static bool mark_completed(struct connection *connection, const char *id, int64_t now_unix_ms,
                           int64_t version, struct error *err) {
    CLEANUP(query_end)
    struct query query =
        query_begin(connection, "UPDATE uploads SET completed_ms = ?, completed_version = ?"
                                " WHERE id = ?");
    bind_int(&query, now_unix_ms);
    bind_int(&query, version);
    bind_text(&query, id);
    return query_run(&query, err);
}

/* The upload was completed before: the same answer while the object is still that one. */
static bool repeat_answer(struct connection *connection, struct arena *arena,
                          const struct upload *upload, const char *key, const char *id,
                          struct store_object *ret, struct error *err) {
    struct store_object object;
    bool found = false;
    if (!object_find(connection, arena, upload->bucket_id, key, &found, &object, err))
        return false;
    if (!found || object.version != upload->completed_version)
        return no_such_upload(id, err);
    *ret = object;
    return true;
}

static bool complete(struct transaction *transaction, struct arena *arena,
                     const struct store_put *put, const char *id, const struct upload *upload,
                     struct completion *completion, struct store_object *ret, struct error *err) {
    struct connection *connection = transaction->connection;
    if (!match_parts(connection, arena, id, completion, err))
        return false;
    *ret = (struct store_object){
        .key = arena_strdup(arena, put->key),
        .etag = arena_strdup(arena, completion->etag),
        .size = completion->size,
        .modified_unix_ms = put->now_unix_ms,
        .content_type = upload->content_type,
        .metadata = upload->metadata,
        .part_count = (unsigned)completion->count,
        .checksum = arena_strdup(arena, text_or_empty(put->checksum)),
        .tags = upload->tags,
    };
    return transaction_number(transaction, &ret->version, err) &&
           object_replace(transaction, arena, upload->bucket_id, put,
                          "ObjectCreated:CompleteMultipartUpload", ret, err) &&
           hand_over(transaction, id, completion, ret->version, err) &&
           mark_completed(connection, id, put->now_unix_ms, ret->version, err);
}

bool store_complete_upload(struct store *store, struct arena *arena, const struct store_put *put,
                           const char *upload_id, const struct store_part *parts, size_t count,
                           struct store_object *ret, struct error *err) {
    if (!put_check(put, err) || !check_order(parts, count, err))
        return false;
    const struct upload_name name = {put->bucket, put->key, upload_id};
    struct completion completion = {.parts = parts, .count = count};
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    struct upload upload;
    struct store_object object = {0};
    if (!transaction_begin(store, &transaction, err) ||
        !upload_find(transaction.connection, arena, &name, &upload, err))
        return false;
    if (upload.completed)
        return repeat_answer(transaction.connection, arena, &upload, put->key, upload_id, ret, err);
    if (!complete(&transaction, arena, put, upload_id, &upload, &completion, &object, err) ||
        !transaction_commit(&transaction, err))
        return false;
    *ret = object;
    return true;
}
