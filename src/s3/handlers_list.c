/*
 * Listings (ListObjectsV2, ListObjects, ListObjectVersions) and DeleteObjects.
 *
 * The three listings differ in the names of their parameters and elements; the page comes from the
 * same place. A continuation token is the hex of the key to go on behind. Objects have one version,
 * `null`, so that clients which empty a bucket by its versions work.
 */
#include "base/codec.h"
#include "s3/internal.h"

#include <string.h>

/* What a listing is asked for. */
struct list_question {
    const char *prefix;
    const char *delimiter;
    const char *after;  /* as the client gave it, for the echo */
    const char *token;  /* V2; NULL: none */
    const char *resume; /* where the store starts */
    uint64_t max_keys;
    bool encoded;
    bool with_owner;
};

static bool read_common(const struct s3_call *call, struct list_question *q, struct error *err) {
    q->prefix = s3_parameter_or_empty(call, "prefix");
    q->delimiter = s3_parameter_or_empty(call, "delimiter");
    return s3_read_encoding(call, &q->encoded, err) &&
           s3_read_page_size(call, "max-keys", &q->max_keys, err);
}

static bool fetch(const struct s3_call *call, const struct list_question *q,
                  struct store_listing *ret, struct error *err) {
    if (q->max_keys == 0) { /* nothing, and nothing more */
        *ret = (struct store_listing){0};
        return store_head_bucket(call->store, call->bucket, err);
    }
    struct store_list list = {
        .prefix = q->prefix,
        .delimiter = q->delimiter,
        .start_after = q->resume,
        .max_keys = (size_t)q->max_keys,
    };
    return store_list(call->store, call->arena, call->bucket, &list, ret, err);
}

/* The later of the last key and the last common prefix. */
static const char *last_name(const struct store_listing *page) {
    const char *key = page->object_count ? page->objects[page->object_count - 1].key : "";
    const char *prefix = page->prefix_count ? page->prefixes[page->prefix_count - 1] : "";
    return strcmp(key, prefix) > 0 ? key : prefix;
}

static void write_object(struct xml_writer *w, const struct list_question *q,
                         const struct store_object *object) {
    s3_write_name(w, q->encoded, "Key", object->key);
    xml_time(w, "LastModified", object->modified_unix_ms);
    xml_etag(w, object->etag);
    struct object_checksum sum = checksum_parse(w->arena, object->checksum);
    s3_write_checksum_kind(w, &sum);
    xml_number(w, "Size", object->size);
    xml_text(w, "StorageClass", "STANDARD");
    if (q->with_owner)
        s3_write_owner(w, "Owner");
}

static void write_head(struct s3_call *call, struct xml_writer *w, const struct list_question *q,
                       const struct store_listing *page) {
    xml_text(w, "Name", call->bucket);
    s3_write_name(w, q->encoded, "Prefix", q->prefix);
    if (q->delimiter[0] != '\0')
        s3_write_name(w, q->encoded, "Delimiter", q->delimiter);
    if (q->encoded)
        xml_text(w, "EncodingType", "url");
    xml_number(w, "MaxKeys", q->max_keys);
    xml_bool(w, "IsTruncated", page->truncated);
}

static void write_page(struct xml_writer *w, const struct list_question *q,
                       const struct store_listing *page) {
    for (size_t i = 0; i < page->object_count; i++) {
        xml_open(w, "Contents");
        write_object(w, q, &page->objects[i]);
        xml_close(w, "Contents");
    }
}

static void write_prefixes(struct xml_writer *w, const struct list_question *q,
                           const struct store_listing *page) {
    for (size_t i = 0; i < page->prefix_count; i++) {
        xml_open(w, "CommonPrefixes");
        s3_write_name(w, q->encoded, "Prefix", page->prefixes[i]);
        xml_close(w, "CommonPrefixes");
    }
}

static const char *make_token(struct arena *arena, const char *after) {
    size_t size = strlen(after);
    char *token = arena_alloc(arena, 2 * size + 1);
    hex_encode(after, size, token);
    return token;
}

static bool read_token(const struct s3_call *call, struct list_question *q, struct error *err) {
    q->token = s3_parameter(call, "continuation-token");
    q->resume = q->after;
    if (!q->token)
        return true;
    size_t length = strlen(q->token);
    if (length == 0 || length % 2 != 0 || length > 2 * STORE_MAX_KEY_BYTES)
        return error_set(err, ERROR_INVALID, "InvalidArgument",
                         "The continuation token provided is incorrect");
    char *key = arena_alloc(call->arena, length / 2 + 1);
    if (!hex_decode(str_c(q->token), key, length / 2) || strlen(key) != length / 2)
        return error_set(err, ERROR_INVALID, "InvalidArgument",
                         "The continuation token provided is incorrect");
    q->resume = key;
    return true;
}

bool s3_list_objects_v2(struct s3_call *call, struct error *err) {
    struct list_question q = {.after = s3_parameter_or_empty(call, "start-after")};
    struct store_listing page;
    if (strcmp(s3_parameter_or_empty(call, "list-type"), "2") != 0)
        return error_set(err, ERROR_INVALID, "InvalidArgument", "list-type must be 2");
    if (!read_common(call, &q, err) || !read_token(call, &q, err) || !fetch(call, &q, &page, err))
        return false;
    q.with_owner = strcmp(s3_parameter_or_empty(call, "fetch-owner"), "true") == 0;

    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "ListBucketResult");
    write_head(call, &w, &q, &page);
    xml_number(&w, "KeyCount", page.object_count + page.prefix_count);
    if (q.after[0] != '\0')
        s3_write_name(&w, q.encoded, "StartAfter", q.after);
    if (q.token)
        xml_text(&w, "ContinuationToken", q.token);
    if (page.truncated)
        xml_text(&w, "NextContinuationToken", make_token(call->arena, page.next_after));
    write_page(&w, &q, &page);
    write_prefixes(&w, &q, &page);
    xml_close(&w, "ListBucketResult");
    return s3_respond_xml(call, &w, err);
}

bool s3_list_objects(struct s3_call *call, struct error *err) {
    struct list_question q = {.after = s3_parameter_or_empty(call, "marker"), .with_owner = true};
    struct store_listing page;
    if (!read_common(call, &q, err))
        return false;
    q.resume = q.after;
    if (!fetch(call, &q, &page, err))
        return false;

    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "ListBucketResult");
    write_head(call, &w, &q, &page);
    s3_write_name(&w, q.encoded, "Marker", q.after);
    /* Without a delimiter clients go on behind the last key, and S3 says no more than that. */
    if (page.truncated && q.delimiter[0] != '\0')
        s3_write_name(&w, q.encoded, "NextMarker", last_name(&page));
    write_page(&w, &q, &page);
    write_prefixes(&w, &q, &page);
    xml_close(&w, "ListBucketResult");
    return s3_respond_xml(call, &w, err);
}

bool s3_list_versions(struct s3_call *call, struct error *err) {
    struct list_question q = {.after = s3_parameter_or_empty(call, "key-marker"),
                              .with_owner = true};
    struct store_listing page;
    if (!read_common(call, &q, err))
        return false;
    q.resume = q.after;
    if (!fetch(call, &q, &page, err))
        return false;

    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "ListVersionsResult");
    write_head(call, &w, &q, &page);
    s3_write_name(&w, q.encoded, "KeyMarker", q.after);
    xml_text(&w, "VersionIdMarker", s3_parameter_or_empty(call, "version-id-marker"));
    if (page.truncated) {
        s3_write_name(&w, q.encoded, "NextKeyMarker", last_name(&page));
        xml_text(&w, "NextVersionIdMarker", "null");
    }
    for (size_t i = 0; i < page.object_count; i++) {
        xml_open(&w, "Version");
        xml_text(&w, "VersionId", "null");
        xml_bool(&w, "IsLatest", true);
        write_object(&w, &q, &page.objects[i]);
        xml_close(&w, "Version");
    }
    write_prefixes(&w, &q, &page);
    xml_close(&w, "ListVersionsResult");
    return s3_respond_xml(call, &w, err);
}

static bool delete_one(struct s3_call *call, const struct xml_element *object, const char **ret_key,
                       struct error *err) {
    struct str name = xml_child_text(object, "Key");
    struct str version = xml_child_text(object, "VersionId");
    const char *key = arena_strndup(call->arena, name.ptr, name.len);
    *ret_key = key;
    if (name.len == 0 || name.len > STORE_MAX_KEY_BYTES)
        return error_set(err, ERROR_INVALID, "InvalidArgument", "a key has 1 to %d bytes",
                         STORE_MAX_KEY_BYTES);
    if (version.len > 0 && !str_equal_c(version, "null"))
        return error_set(err, ERROR_NOT_FOUND, "NoSuchVersion", "no versions here");
    if (xml_child(object, "LastModifiedTime") || xml_child(object, "Size"))
        return error_set(err, ERROR_INVALID, "NotImplemented",
                         "of the conditions on a DELETE only the ETag is supported");
    struct str etag = xml_child_text(object, "ETag");
    const char *match =
        etag.len == 0
            ? NULL
            : s3_unquote_etag(call->arena, arena_strndup(call->arena, etag.ptr, etag.len));
    return s3_authorise(call, "DeleteObject", call->bucket, key, err) &&
           store_delete_if(call->store, call->bucket, key, match, err);
}

static bool check_delete_list(struct s3_call *call, const struct xml_element *root,
                              struct error *err) {
    if (!call->body.expected_md5 && !call->body.expected_checksum)
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "Missing required header for this request: Content-MD5 OR "
                         "x-amz-checksum-*");
    size_t count = 0;
    for (struct xml_element *e = xml_child(root, "Object"); e; e = xml_next_named(e))
        count++;
    if (count == 0 || count > S3_PAGE_ENTRIES)
        return error_set(err, ERROR_INVALID, "MalformedXML", "%zu objects; 1 to %d are possible",
                         count, S3_PAGE_ENTRIES);
    return store_head_bucket(call->store, call->bucket, err);
}

bool s3_delete_objects(struct s3_call *call, struct error *err) {
    struct xml_element *root;
    if (!s3_body_xml(call, "Delete", &root, err) || !check_delete_list(call, root, err))
        return false;
    bool quiet = str_equal_c(xml_child_text(root, "Quiet"), "true");

    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "DeleteResult");
    for (struct xml_element *e = xml_child(root, "Object"); e; e = xml_next_named(e)) {
        const char *key;
        struct error one;
        bool deleted = delete_one(call, e, &key, &one);
        if (deleted && quiet)
            continue;
        xml_open(&w, deleted ? "Deleted" : "Error");
        xml_text(&w, "Key", key);
        if (!deleted) {
            xml_text(&w, "Code", s3_error_code(&one));
            xml_text(&w, "Message", s3_error_message(&one));
        }
        xml_close(&w, deleted ? "Deleted" : "Error");
    }
    xml_close(&w, "DeleteResult");
    return s3_respond_xml(call, &w, err);
}
