/*
 * CopyObject and UploadPartCopy: where the source is, whether it may be read, whether the
 * conditions on it hold. The store then copies references; bytes are only read where a checksum is
 * asked for that nobody has computed yet.
 */
#include "base/codec.h"
#include "base/os.h"
#include "s3/internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_COPY_TRIES = 8, HASH_BUFFER_BYTES = 256 * 1024 };

struct source {
    const char *bucket;
    const char *key;
    struct store_object object;
};

/* `[/]bucket/key[?versionId=null]`, percent-encoded. */
static bool read_source(const struct s3_call *call, struct source *ret, struct error *err) {
    struct str version;
    struct str source = str_split(str_c(s3_header(call, "x-amz-copy-source")), '?', &version);
    if (str_starts_with(source, "/"))
        source = (struct str){source.ptr + 1, source.len - 1};
    struct str name;
    if (!percent_decode(call->arena, source, false, &name) || !str_is_utf8(name) ||
        (name.len && memchr(name.ptr, '\0', name.len)))
        return error_set(err, ERROR_INVALID, "InvalidArgument", "the copy source is not encoded");
    struct str key;
    struct str bucket = str_split(name, '/', &key);
    if (bucket.len == 0 || key.len == 0 || key.len > STORE_MAX_KEY_BYTES)
        return error_set(err, ERROR_INVALID, "InvalidArgument",
                         "Copy Source must mention the source bucket and key: "
                         "sourcebucket/sourcekey");
    if (version.len > 0 && !str_equal_c(version, "versionId=null"))
        return error_set(err, ERROR_NOT_FOUND, "NoSuchVersion", "no versions here");
    ret->bucket = arena_strndup(call->arena, bucket.ptr, bucket.len);
    ret->key = arena_strndup(call->arena, key.ptr, key.len);
    return true;
}

/* `bytes=first-last`, nothing else. */
static bool read_copy_range(const struct s3_call *call, struct store_part_copy *copy,
                            struct error *err) {
    const char *header = s3_header(call, "x-amz-copy-source-range");
    if (!header)
        return true;
    struct str text = str_c(header);
    struct str last_text;
    uint64_t first, last;
    if (!str_starts_with(text, "bytes="))
        text = str_c("");
    else
        text = (struct str){text.ptr + 6, text.len - 6};
    struct str first_text = str_split(text, '-', &last_text);
    if (!str_to_u64(first_text, INT64_MAX, &first) || !str_to_u64(last_text, INT64_MAX, &last) ||
        last < first)
        return error_set(err, ERROR_INVALID, "InvalidArgument",
                         "The x-amz-copy-source-range value must be of the form bytes=first-last "
                         "where first and last are the zero-based offsets of the first and last "
                         "bytes to copy");
    copy->has_range = true;
    copy->first = first;
    copy->length = last - first + 1;
    return true;
}

/* The source as it is now, when the caller may read it and his conditions hold. */
static bool find_source(struct s3_call *call, struct source *source, struct error *err) {
    if (!s3_authorise(call, "GetObject", source->bucket, source->key, err))
        return false;
    if (!store_head(call->store, call->arena, source->bucket, source->key, &source->object, err))
        return s3_hide_missing(call, source->bucket, source->key, err);
    if (s3_check_read_conditions(call, "x-amz-copy-source-", &source->object) != S3_HOLDS)
        return error_set(err, ERROR_CONFLICT, "PreconditionFailed",
                         "a condition on the source does not hold");
    return true;
}

bool s3_prepare_copy(struct s3_call *call, struct error *err) {
    struct source source;
    return s3_refuse_features(call, err) && read_source(call, &source, err);
}

/* ---- checksums of what is copied ---- */

static void free_cleanup(void **memory) {
    free(*memory);
}

static bool hash_extents(struct store_open_extent *extents, size_t count, struct checksum *sum,
                         struct digest *digest, struct error *err) {
    void *buffer CLEANUP(free_cleanup) = malloc(HASH_BUFFER_BYTES);
    if (!buffer)
        die_out_of_memory();
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        for (uint64_t done = 0; ok && done < extents[i].length;) {
            uint64_t left = extents[i].length - done;
            size_t size = left < HASH_BUFFER_BYTES ? (size_t)left : HASH_BUFFER_BYTES;
            ssize_t got = pread(extents[i].fd, buffer, size, (off_t)(extents[i].offset + done));
            ok = got > 0;
            if (ok) {
                checksum_add(sum, buffer, (size_t)got);
                digest_add(digest, buffer, (size_t)got);
                done += (uint64_t)got;
            }
        }
        fd_cleanup(&extents[i].fd);
    }
    return ok || error_set(err, ERROR_INTERNAL, "InternalError", "cannot read the source");
}

/* Of `length` bytes of the source, which must still be the one that was looked at. */
static bool hash_source(struct s3_call *call, const struct source *source, uint64_t first,
                        uint64_t length, enum checksum_kind kind, const char **ret,
                        struct error *err) {
    struct store_open_extent *extents;
    size_t count;
    if (!store_read(call->store, call->arena, source->bucket, source->key, first, length,
                    source->object.etag, &extents, &count, err))
        return false;
    struct checksum sum;
    struct digest *digest = digest_new(DIGEST_SHA256);
    uint8_t hash[SHA256_SIZE];
    checksum_init(&sum, kind);
    bool ok = hash_extents(extents, count, &sum, digest, err);
    if (ok) {
        digest_take(digest, hash);
        *ret = checksum_text(&sum, call->arena, hash);
    }
    digest_free(digest);
    checksum_clear(&sum);
    return ok;
}

/* ---- objects ---- */

static bool read_directive(const struct s3_call *call, const char *name, bool *ret_replaces,
                           struct error *err) {
    const char *value = s3_header(call, name);
    *ret_replaces = value && strcmp(value, "REPLACE") == 0;
    if (!value || *ret_replaces || strcmp(value, "COPY") == 0)
        return true;
    return error_set(err, ERROR_INVALID, "InvalidArgument", "Unknown %s: it is COPY or REPLACE",
                     name);
}

static bool check_copy(const struct s3_call *call, const struct store_copy *copy,
                       const struct store_object *object, struct error *err) {
    if (object->size > STORE_MAX_PUT_BYTES)
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "The specified copy source is larger than the maximum allowable size for "
                         "a copy source: %llu",
                         (unsigned long long)STORE_MAX_PUT_BYTES);
    if (!copy->replaces_metadata && !copy->replaces_tags &&
        !s3_header(call, "x-amz-storage-class") && strcmp(copy->source_bucket, call->bucket) == 0 &&
        strcmp(copy->source_key, call->key) == 0)
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "This copy request is illegal because it is trying to copy an object to "
                         "itself without changing the object's metadata, storage class, website "
                         "redirect location or encryption attributes.");
    return true;
}

static bool read_copy(const struct s3_call *call, const struct source *source,
                      struct store_copy *ret, struct error *err) {
    *ret = (struct store_copy){
        .put = s3_store_put(call, "ObjectCreated:Copy"),
        .source_bucket = source->bucket,
        .source_key = source->key,
    };
    if (!read_directive(call, "x-amz-metadata-directive", &ret->replaces_metadata, err) ||
        !read_directive(call, "x-amz-tagging-directive", &ret->replaces_tags, err) ||
        !s3_read_write_conditions(call, &ret->put, err))
        return false;
    if (ret->replaces_tags && !s3_read_tags_header(call, &ret->put.tags, err))
        return false;
    return !ret->replaces_metadata ||
           s3_read_metadata(call, &ret->put.content_type, &ret->put.metadata, err);
}

/* Another algorithm than the source's may be asked for. */
static bool choose_checksum(struct s3_call *call, const struct source *source,
                            struct store_copy *copy, struct error *err) {
    const char *name = s3_header(call, "x-amz-checksum-algorithm");
    struct object_checksum sum = checksum_parse(call->arena, source->object.checksum);
    copy->put.checksum = source->object.checksum;
    if (!name)
        return true;
    enum checksum_kind kind = checksum_kind_of_name(str_c(name));
    if (kind == CHECKSUM_NONE)
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "Checksum algorithm provided is unsupported.");
    if (kind == sum.kind && sum.type == CHECKSUM_FULL_OBJECT)
        return true;
    sum = (struct object_checksum){.kind = kind, .type = CHECKSUM_FULL_OBJECT};
    if (!hash_source(call, source, 0, source->object.size, kind, &sum.value, err))
        return false;
    copy->put.checksum = checksum_format(call->arena, &sum);
    return true;
}

static bool answer_copy(struct s3_call *call, const char *root, int64_t modified_unix_ms,
                        const char *etag, const struct object_checksum *sum, struct error *err) {
    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, root);
    xml_time(&w, "LastModified", modified_unix_ms);
    xml_etag(&w, etag);
    s3_write_checksum(&w, sum);
    xml_close(&w, root);
    return s3_respond_xml(call, &w, err);
}

static bool source_changed(const struct error *err) {
    return err->code && strcmp(err->code, "PreconditionFailed") == 0 &&
           str_starts_with(str_c(err->text), "source");
}

bool s3_copy_object(struct s3_call *call, struct error *err) {
    struct source source;
    struct store_copy copy;
    if (!read_source(call, &source, err) || !read_copy(call, &source, &copy, err))
        return false;
    for (int tries = 0; tries < MAX_COPY_TRIES; tries++) {
        struct store_object object;
        if (!find_source(call, &source, err) || !check_copy(call, &copy, &source.object, err) ||
            !choose_checksum(call, &source, &copy, err))
            return false;
        copy.source_version = source.object.version;
        if (store_copy(call->store, call->arena, &copy, &object, err)) {
            struct object_checksum sum = checksum_parse(call->arena, object.checksum);
            return answer_copy(call, "CopyObjectResult", object.modified_unix_ms, object.etag, &sum,
                               err);
        }
        if (!source_changed(err))
            return false;
    }
    return error_set(err, ERROR_UNAVAILABLE, "SlowDown", "the source changes all the time");
}

/* ---- parts ---- */

bool s3_copy_part(struct s3_call *call, struct error *err) {
    struct store_part_copy copy = {
        .bucket = call->bucket, .key = call->key, .now_unix_ms = call->now_unix_ms};
    struct source source;
    struct store_upload upload;
    if (!s3_read_upload_id(call, &copy.upload_id, err) ||
        !s3_read_part_number(call, &copy.number, err) || !read_source(call, &source, err) ||
        !read_copy_range(call, &copy, err) ||
        !s3_authorise(call, "GetObject", source.bucket, source.key, err) ||
        !store_find_upload(call->store, call->arena, call->bucket, call->key, copy.upload_id,
                           &upload, err) ||
        !find_source(call, &source, err))
        return false;
    copy.source_bucket = source.bucket;
    copy.source_key = source.key;
    copy.source_if_match = source.object.etag;
    struct object_checksum sum = checksum_parse(call->arena, upload.checksum);
    sum.type = CHECKSUM_FULL_OBJECT;
    if (sum.kind != CHECKSUM_NONE) {
        uint64_t length = copy.has_range ? copy.length : source.object.size;
        if (!hash_source(call, &source, copy.first, length, sum.kind, &sum.value, err))
            return false;
        copy.checksum = sum.value;
    }
    const char *etag;
    return store_copy_part(call->store, call->arena, &copy, &etag, err) &&
           answer_copy(call, "CopyPartResult", call->now_unix_ms, etag, &sum, err);
}
