/*
 * Copies: an object under another name, and a part that is a range of an object. Both are
 * references to the source's blobs; no data moves and none is read, so the cost does not depend on
 * the size.
 *
 * All is decided in one transaction, in which the source cannot change.
 */
#include "base/codec.h"
#include "store/internal.h"

#include <stdio.h>
#include <string.h>

/* ---- objects ---- */

static bool find_source(struct connection *connection, struct arena *arena, const char *bucket,
                        const char *key, struct store_object *ret, struct error *err) {
    int64_t bucket_id = 0;
    bool found = false;
    if (!bucket_find(connection, bucket, &bucket_id, err) ||
        !object_find(connection, arena, bucket_id, key, &found, ret, err))
        return false;
    return found ||
           error_set(err, ERROR_NOT_FOUND, "NoSuchKey", "key '%.512s' does not exist", key);
}

static void describe_copy(struct arena *arena, const struct store_copy *copy,
                          struct store_object *object) {
    const struct store_put *put = &copy->put;
    object->key = arena_strdup(arena, put->key);
    object->modified_unix_ms = put->now_unix_ms;
    if (copy->replaces_metadata) {
        object->content_type = arena_strdup(arena, text_or_empty(put->content_type));
        object->metadata = arena_strdup(arena, text_or_empty(put->metadata));
    }
    if (put->checksum != NULL)
        object->checksum = arena_strdup(arena, put->checksum);
    if (copy->replaces_tags)
        object->tags = arena_strdup(arena, text_or_empty(put->tags));
}

bool store_copy(struct store *store, struct arena *arena, const struct store_copy *copy,
                struct store_object *ret, struct error *err) {
    const struct store_put *put = &copy->put;
    if (!put_check(put, err) || !key_check(copy->source_key, err))
        return false;
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    struct store_object object;
    int64_t bucket_id = 0;
    if (!transaction_begin(store, &transaction, err) ||
        !find_source(transaction.connection, arena, copy->source_bucket, copy->source_key, &object,
                     err) ||
        !bucket_find(transaction.connection, put->bucket, &bucket_id, err))
        return false;
    int64_t source = object.version;
    if (source != copy->source_version)
        return error_set(err, ERROR_CONFLICT, "PreconditionFailed", "source '%.512s' has changed",
                         copy->source_key);
    describe_copy(arena, copy, &object);
    /* Shared before the target is replaced, which may be the source itself. */
    if (!transaction_number(&transaction, &object.version, err) ||
        !extents_share(&transaction, source, object.version, err) ||
        !object_replace(&transaction, arena, bucket_id, put, put->event_name, &object, err) ||
        !transaction_commit(&transaction, err))
        return false;
    *ret = object;
    return true;
}

/* ---- parts ---- */

/* The same for the same bytes of the same object, wherever it lies. */
static void range_etag(struct arena *arena, const struct store_object *source, uint64_t first,
                       uint64_t length, char ret[MD5_HEX_SIZE]) {
    if (length == source->size && source->part_count == 0) {
        snprintf(ret, MD5_HEX_SIZE, "%s", source->etag);
        return;
    }
    const char *text = arena_printf(arena, "%s %llu %llu", source->etag, (unsigned long long)first,
                                    (unsigned long long)length);
    uint8_t sum[MD5_SIZE];
    md5(text, strlen(text), sum);
    hex_encode(sum, sizeof sum, ret);
}

static bool read_range(const struct store_part_copy *copy, const struct store_object *source,
                       uint64_t *ret_first, uint64_t *ret_length, struct error *err) {
    uint64_t first = copy->has_range ? copy->first : 0;
    uint64_t length = copy->has_range ? copy->length : source->size;
    if (copy->source_if_match != NULL && strcmp(copy->source_if_match, source->etag) != 0)
        return error_set(err, ERROR_CONFLICT, "PreconditionFailed",
                         "key '%.512s' has ETag '%s', not '%.64s'", copy->source_key, source->etag,
                         copy->source_if_match);
    if (first > source->size || length > source->size - first)
        return error_set(err, ERROR_INVALID, "InvalidRange",
                         "range of key '%.512s' reaches over its %llu bytes", copy->source_key,
                         (unsigned long long)source->size);
    if (length > STORE_MAX_PUT_BYTES)
        return error_set(err, ERROR_LIMIT, "EntityTooLarge",
                         "copy of %llu bytes is over the limit of a part",
                         (unsigned long long)length);
    *ret_first = first;
    *ret_length = length;
    return true;
}

bool store_copy_part(struct store *store, struct arena *arena, const struct store_part_copy *copy,
                     const char **ret_etag, struct error *err) {
    const struct upload_name name = {copy->bucket, copy->key, copy->upload_id};
    if (!part_number_check(copy->number, err) || !key_check(copy->source_key, err))
        return false;
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    struct upload upload;
    struct store_object source;
    struct extent *extents = NULL;
    size_t count = 0;
    uint64_t first = 0;
    uint64_t length = 0;
    int64_t owner = 0;
    char etag[MD5_HEX_SIZE];
    if (!transaction_begin(store, &transaction, err) ||
        !upload_find_open(transaction.connection, arena, &name, &upload, err) ||
        !find_source(transaction.connection, arena, copy->source_bucket, copy->source_key, &source,
                     err) ||
        !read_range(copy, &source, &first, &length, err) ||
        !extents_read(transaction.connection, arena, source.version, first, length, &extents,
                      &count, err))
        return false;
    range_etag(arena, &source, first, length, etag);
    const struct store_part part = {copy->number, etag, length, copy->now_unix_ms, copy->checksum};
    if (!part_replace(&transaction, copy->upload_id, &part, &owner, err) ||
        !extents_add(&transaction, owner, extents, count, err) ||
        !transaction_commit(&transaction, err))
        return false;
    *ret_etag = arena_strdup(arena, etag);
    return true;
}
