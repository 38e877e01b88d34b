/*
 * Multipart uploads: create, part, part copy, list parts, complete, abort. The store knows the
 * rules of parts; here they are read and written.
 */
#include "base/codec.h"
#include "s3/internal.h"

#include <string.h>

static bool read_upload_id(const struct s3_call *call, const char **ret, struct error *err) {
    const char *id = s3_parameter(call, "uploadId");
    if (!id || id[0] == '\0' || strlen(id) > 1024)
        return error_set(err, ERROR_NOT_FOUND, "NoSuchUpload", "no such upload id");
    *ret = id;
    return true;
}

static bool read_part_number(const struct s3_call *call, unsigned *ret, struct error *err) {
    const char *text = s3_parameter(call, "partNumber");
    uint64_t number;
    if (!text || !str_to_u64(str_c(text), STORE_MAX_PARTS, &number) || number == 0)
        return error_set(err, ERROR_INVALID, "InvalidArgument",
                         "Part number must be an integer between 1 and %d, inclusive",
                         STORE_MAX_PARTS);
    *ret = (unsigned)number;
    return true;
}

bool s3_prepare_multipart(struct s3_call *call, struct error *err) {
    return s3_refuse_features(call, err);
}

bool s3_create_multipart(struct s3_call *call, struct error *err) {
    struct store_put put = s3_store_put(call, "ObjectCreated:CompleteMultipartUpload");
    const char *upload_id;
    if (!s3_read_metadata(call, &put.content_type, &put.metadata, err) ||
        !store_create_upload(call->store, call->arena, &put, &upload_id, err))
        return false;
    const char *algorithm = s3_header(call, "x-amz-checksum-algorithm");
    const char *type = s3_header(call, "x-amz-checksum-type");
    if (algorithm)
        s3_add_header(call, "x-amz-checksum-algorithm", algorithm);
    if (type)
        s3_add_header(call, "x-amz-checksum-type", type);

    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "InitiateMultipartUploadResult");
    xml_text(&w, "Bucket", call->bucket);
    xml_text(&w, "Key", call->key);
    xml_text(&w, "UploadId", upload_id);
    xml_close(&w, "InitiateMultipartUploadResult");
    return s3_respond_xml(call, &w, err);
}

bool s3_prepare_part(struct s3_call *call, struct error *err) {
    const char *upload_id;
    unsigned number;
    return s3_refuse_features(call, err) && read_upload_id(call, &upload_id, err) &&
           read_part_number(call, &number, err);
}

bool s3_put_part(struct s3_call *call, struct error *err) {
    const char *upload_id;
    const char *etag;
    unsigned number;
    if (!read_upload_id(call, &upload_id, err) || !read_part_number(call, &number, err) ||
        !store_put_part(call->store, call->arena, call->body.stored, call->bucket, call->key,
                        upload_id, number, call->now_unix_ms, &etag, err))
        return false;
    s3_add_header(call, "ETag", arena_printf(call->arena, "\"%s\"", etag));
    if (call->body.expected_checksum)
        s3_add_header(call, checksum_header(call->body.checksum.kind),
                      call->body.expected_checksum);
    s3_respond_empty(call, 200);
    return true;
}

/* `[/]bucket/key[?versionId=null]`, percent-encoded. */
static bool read_copy_source(const struct s3_call *call, struct store_part_copy *copy,
                             struct error *err) {
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
    copy->source_bucket = arena_strndup(call->arena, bucket.ptr, bucket.len);
    copy->source_key = arena_strndup(call->arena, key.ptr, key.len);
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

static bool read_copy_conditions(const struct s3_call *call, struct store_part_copy *copy,
                                 struct error *err) {
    static const char *const unsupported[] = {"x-amz-copy-source-if-none-match",
                                              "x-amz-copy-source-if-modified-since",
                                              "x-amz-copy-source-if-unmodified-since"};
    for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++) {
        if (s3_header(call, unsupported[i]))
            return error_set(err, ERROR_INVALID, "NotImplemented", "%s is not supported",
                             unsupported[i]);
    }
    const char *match = s3_header(call, "x-amz-copy-source-if-match");
    copy->source_if_match = match ? s3_unquote_etag(call->arena, match) : NULL;
    return true;
}

bool s3_copy_part(struct s3_call *call, struct error *err) {
    struct store_part_copy copy = {
        .bucket = call->bucket, .key = call->key, .now_unix_ms = call->now_unix_ms};
    if (!s3_refuse_features(call, err) || !read_upload_id(call, &copy.upload_id, err) ||
        !read_part_number(call, &copy.number, err) || !read_copy_source(call, &copy, err) ||
        !read_copy_range(call, &copy, err) || !read_copy_conditions(call, &copy, err) ||
        !s3_authorise(call, "GetObject", copy.source_bucket, copy.source_key, err))
        return false;
    const char *etag;
    if (!store_copy_part(call->store, call->arena, &copy, &etag, err))
        return false;

    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "CopyPartResult");
    xml_time(&w, "LastModified", call->now_unix_ms);
    xml_etag(&w, etag);
    xml_close(&w, "CopyPartResult");
    return s3_respond_xml(call, &w, err);
}

static bool read_number(const struct s3_call *call, const char *name, uint64_t *ret,
                        struct error *err) {
    const char *text = s3_parameter(call, name);
    if (!text || text[0] == '\0' || str_to_u64(str_c(text), INT32_MAX, ret))
        return true;
    return error_set(err, ERROR_INVALID, "InvalidArgument",
                     "Argument %s must be an integer between 0 and 2147483647", name);
}

bool s3_get_parts(struct s3_call *call, struct error *err) {
    uint64_t after = 0;
    uint64_t max_parts = S3_PAGE_ENTRIES;
    const char *upload_id;
    if (!read_upload_id(call, &upload_id, err) ||
        !read_number(call, "part-number-marker", &after, err) ||
        !read_number(call, "max-parts", &max_parts, err))
        return false;
    if (max_parts == 0 || max_parts > S3_PAGE_ENTRIES)
        max_parts = S3_PAGE_ENTRIES;
    struct store_part *parts;
    size_t count;
    bool truncated;
    if (!store_list_parts(call->store, call->arena, call->bucket, call->key, upload_id,
                          (unsigned)after, (size_t)max_parts, &parts, &count, &truncated, err))
        return false;

    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "ListPartsResult");
    xml_text(&w, "Bucket", call->bucket);
    xml_text(&w, "Key", call->key);
    xml_text(&w, "UploadId", upload_id);
    xml_text(&w, "StorageClass", "STANDARD");
    xml_number(&w, "PartNumberMarker", after);
    xml_number(&w, "NextPartNumberMarker", count ? parts[count - 1].number : 0);
    xml_number(&w, "MaxParts", max_parts);
    xml_bool(&w, "IsTruncated", truncated);
    for (size_t i = 0; i < count; i++) {
        xml_open(&w, "Part");
        xml_number(&w, "PartNumber", parts[i].number);
        xml_time(&w, "LastModified", parts[i].modified_unix_ms);
        xml_etag(&w, parts[i].etag);
        xml_number(&w, "Size", parts[i].size);
        xml_close(&w, "Part");
    }
    xml_close(&w, "ListPartsResult");
    return s3_respond_xml(call, &w, err);
}

static bool read_parts(struct s3_call *call, struct store_part **ret, size_t *ret_count,
                       struct error *err) {
    struct xml_element *root;
    if (!s3_body_xml(call, "CompleteMultipartUpload", &root, err))
        return false;
    struct store_part *parts = arena_array(call->arena, STORE_MAX_PARTS, sizeof *parts);
    size_t count = 0;
    for (struct xml_element *e = xml_child(root, "Part"); e; e = xml_next_named(e)) {
        struct str etag = xml_child_text(e, "ETag");
        uint64_t number;
        if (count == STORE_MAX_PARTS || etag.len == 0 ||
            !str_to_u64(str_trim(xml_child_text(e, "PartNumber")), STORE_MAX_PARTS, &number) ||
            number == 0)
            return error_set(err, ERROR_INVALID, "MalformedXML",
                             "part %zu of the list has no number or ETag", count + 1);
        parts[count++] = (struct store_part){
            .number = (unsigned)number,
            .etag = s3_unquote_etag(call->arena, arena_strndup(call->arena, etag.ptr, etag.len)),
        };
    }
    if (count == 0)
        return error_set(err, ERROR_INVALID, "MalformedXML", "the list of parts is empty");
    *ret = parts;
    *ret_count = count;
    return true;
}

static const char *location_of(struct s3_call *call) {
    const char *host = s3_header(call, "host");
    return arena_printf(call->arena, "http://%s%s", host ? host : "", call->x->request.path);
}

bool s3_complete_multipart(struct s3_call *call, struct error *err) {
    struct store_put put = s3_store_put(call, "ObjectCreated:CompleteMultipartUpload");
    const char *upload_id;
    struct store_part *parts = NULL;
    size_t count = 0;
    struct store_object object;
    if (!s3_refuse_features(call, err) || !read_upload_id(call, &upload_id, err) ||
        !s3_read_write_conditions(call, &put, err) || !read_parts(call, &parts, &count, err) ||
        !store_complete_upload(call->store, call->arena, &put, upload_id, parts, count, &object,
                               err))
        return false;

    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "CompleteMultipartUploadResult");
    xml_text(&w, "Location", location_of(call));
    xml_text(&w, "Bucket", call->bucket);
    xml_text(&w, "Key", call->key);
    xml_etag(&w, object.etag);
    xml_close(&w, "CompleteMultipartUploadResult");
    return s3_respond_xml(call, &w, err);
}

bool s3_abort_multipart(struct s3_call *call, struct error *err) {
    const char *upload_id;
    if (!read_upload_id(call, &upload_id, err) ||
        !store_abort_upload(call->store, call->bucket, call->key, upload_id, err))
        return false;
    s3_respond_empty(call, 204);
    return true;
}
