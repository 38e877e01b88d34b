/*
 * A part that is a copy of a range of an object: references to the source's blobs, no data moves.
 *
 * The part's ETag is the MD5 of its bytes, so they are read once, without any lock. The transaction
 * then takes the references only if the source is still the version that was read; else it starts
 * over with the new one.
 */
#include "base/codec.h"
#include "base/os.h"
#include "store/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    COPY_ATTEMPTS = 8, /* the source may be replaced while it is read */
    COPY_BUFFER_BYTES = 256 * 1024,
};

static bool hash_extent(struct store *store, const struct extent *extent, struct digest *digest,
                        void *buffer, struct error *err) {
    CLEANUP(fd_cleanup) int fd = -1;
    if (!blob_open(store, extent->blob, &fd, err))
        return false;
    uint64_t done = 0;
    while (done < extent->length) {
        uint64_t left = extent->length - done;
        size_t wanted = left < COPY_BUFFER_BYTES ? (size_t)left : COPY_BUFFER_BYTES;
        ssize_t got = pread(fd, buffer, wanted, (off_t)(extent->offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            if (got == 0)
                errno = EIO;
            error_errno(err, "read blob '%s'", extent->blob);
            return error_set(err, ERROR_INTERNAL, "InternalError", "read blob '%s'", extent->blob);
        }
        digest_add(digest, buffer, (size_t)got);
        done += (uint64_t)got;
    }
    return true;
}

static void digest_cleanup(struct digest **digest) {
    digest_free(*digest);
}

static void free_cleanup(void **memory) {
    free(*memory);
}

static bool hash_extents(struct store *store, const struct extent *extents, size_t count,
                         char ret_etag[MD5_HEX_SIZE], struct error *err) {
    CLEANUP(digest_cleanup) struct digest *digest = digest_new(DIGEST_MD5);
    CLEANUP(free_cleanup) void *buffer = malloc(COPY_BUFFER_BYTES);
    if (buffer == NULL)
        die_out_of_memory();
    for (size_t i = 0; i < count; i++) {
        if (!hash_extent(store, &extents[i], digest, buffer, err))
            return false;
    }
    uint8_t sum[MD5_SIZE];
    digest_take(digest, sum);
    hex_encode(sum, sizeof sum, ret_etag);
    return true;
}

struct copy_source {
    struct object_row row;
    struct extent *extents;
    size_t count;
    uint64_t size;
    char etag[MD5_HEX_SIZE];
};

/* Reads the bytes for their MD5 with no lock held. */
static bool read_source(struct store *store, struct arena *arena,
                        const struct store_part_copy *copy, struct copy_source *ret,
                        struct error *err) {
    const struct object_range range = {
        .bucket = copy->source_bucket,
        .key = copy->source_key,
        .whole = !copy->has_range,
        .first = copy->first,
        .length = copy->length,
        .expected_etag = copy->source_if_match,
    };
    if (!object_extents(store, arena, &range, &ret->row, &ret->extents, &ret->count, err))
        return false;
    ret->size = copy->has_range ? copy->length : ret->row.object.size;
    if (ret->size > STORE_MAX_PUT_BYTES)
        return error_set(err, ERROR_LIMIT, "EntityTooLarge",
                         "copy of %llu bytes is over the limit of a part",
                         (unsigned long long)ret->size);
    /* The ETag of an object that was put whole is its MD5 already. */
    if (ret->size == ret->row.object.size && ret->row.object.part_count == 0) {
        memcpy(ret->etag, ret->row.object.etag, sizeof ret->etag);
        return true;
    }
    return hash_extents(store, ret->extents, ret->count, ret->etag, err);
}

/* While the source is still the version that was read, its blobs have rows. */
static bool source_unchanged(struct connection *connection, struct arena *arena,
                             const struct store_part_copy *copy, int64_t version, bool *ret,
                             struct error *err) {
    int64_t bucket_id = 0;
    struct object_row row;
    bool found = false;
    if (!bucket_find(connection, copy->source_bucket, &bucket_id, err) ||
        !object_find(connection, arena, bucket_id, copy->source_key, &found, &row, err))
        return false;
    *ret = found && row.version == version;
    return true;
}

/* `*ret_done` stays false when the source has changed since it was read. */
static bool insert_copy(struct store *store, struct arena *arena,
                        const struct store_part_copy *copy, const struct copy_source *source,
                        bool *ret_done, struct error *err) {
    const struct upload_name name = {copy->bucket, copy->key, copy->upload_id};
    const struct store_part part = {copy->number, source->etag, source->size, copy->now_unix_ms};
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    struct upload upload;
    int64_t owner = 0;
    bool unchanged = false;
    if (!transaction_begin(store, &transaction, err) ||
        !upload_find_open(transaction.connection, arena, &name, &upload, err) ||
        !source_unchanged(transaction.connection, arena, copy, source->row.version, &unchanged,
                          err))
        return false;
    if (!unchanged)
        return true;
    if (!part_replace(&transaction, copy->upload_id, &part, &owner, err) ||
        !extents_add(&transaction, owner, source->extents, source->count, err) ||
        !transaction_commit(&transaction, err))
        return false;
    *ret_done = true;
    return true;
}

bool store_copy_part(struct store *store, struct arena *arena, const struct store_part_copy *copy,
                     const char **ret_etag, struct error *err) {
    const struct upload_name name = {copy->bucket, copy->key, copy->upload_id};
    if (!part_number_check(copy->number, err) || !key_check(copy->source_key, err) ||
        !upload_is_open(store, arena, &name, err))
        return false;
    int64_t lost_version = -1;
    for (int attempt = 0; attempt < COPY_ATTEMPTS; attempt++) {
        struct copy_source source = {0};
        bool done = false;
        if (!read_source(store, arena, copy, &source, err)) {
            /* A blob that vanished between snapshot and open: the source has changed, unless the
             * next snapshot shows the same version. */
            if (err->kind != ERROR_NOT_FOUND || source.extents == NULL)
                return false;
            if (source.row.version == lost_version) {
                err->kind = ERROR_INTERNAL;
                return error_prefix(err, "key '%.512s'", copy->source_key);
            }
            lost_version = source.row.version;
            continue;
        }
        if (!insert_copy(store, arena, copy, &source, &done, err))
            return false;
        if (done) {
            *ret_etag = arena_strdup(arena, source.etag);
            return true;
        }
    }
    return error_set(err, ERROR_UNAVAILABLE, "ServiceUnavailable",
                     "the source '%.512s' keeps changing", copy->source_key);
}
