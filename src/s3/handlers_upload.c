/*
 * Multipart uploads: create, part, list parts, abort. The store knows the rules of parts; here they
 * are read and written.
 */
#include "base/codec.h"
#include "s3/internal.h"

#include <string.h>

bool s3_read_upload_id(const struct s3_call *call, const char **ret, struct error *err) {
    const char *id = s3_parameter(call, "uploadId");
    if (!id || id[0] == '\0' || strlen(id) > 1024)
        return error_set(err, ERROR_NOT_FOUND, "NoSuchUpload", "no such upload id");
    *ret = id;
    return true;
}

bool s3_read_part_number(const struct s3_call *call, unsigned *ret, struct error *err) {
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
    /* x-amz-checksum-algorithm and -type say what is to come with the parts. */
    return s3_refuse_features(call, err);
}

static bool read_upload_checksum(const struct s3_call *call, struct object_checksum *ret,
                                 struct error *err) {
    const char *algorithm = s3_header(call, "x-amz-checksum-algorithm");
    const char *type = s3_header(call, "x-amz-checksum-type");
    *ret = (struct object_checksum){0};
    if (!algorithm && !type)
        return true;
    ret->kind = algorithm ? checksum_kind_of_name(str_c(algorithm)) : CHECKSUM_NONE;
    if (ret->kind == CHECKSUM_NONE)
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "Checksum algorithm provided is unsupported. Please try again with any of "
                         "the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
    return checksum_choose_type(ret->kind, str_c(type ? type : ""), &ret->type, err);
}

bool s3_create_multipart(struct s3_call *call, struct error *err) {
    struct store_put put = s3_store_put(call, "ObjectCreated:CompleteMultipartUpload");
    struct object_checksum sum;
    const char *upload_id;
    if (!read_upload_checksum(call, &sum, err) || !s3_read_tags_header(call, &put.tags, err) ||
        !s3_read_metadata(call, &put.content_type, &put.metadata, err))
        return false;
    put.checksum = checksum_format(call->arena, &sum);
    if (!store_create_upload(call->store, call->arena, &put, &upload_id, err))
        return false;
    if (sum.kind != CHECKSUM_NONE) {
        s3_add_header(call, "x-amz-checksum-algorithm", checksum_name(sum.kind));
        s3_add_header(call, "x-amz-checksum-type", checksum_type_name(sum.type));
    }

    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "InitiateMultipartUploadResult");
    xml_text(&w, "Bucket", call->bucket);
    xml_text(&w, "Key", call->key);
    xml_text(&w, "UploadId", upload_id);
    xml_close(&w, "InitiateMultipartUploadResult");
    return s3_respond_xml(call, &w, err);
}

static bool find_upload(struct s3_call *call, struct store_upload *ret, struct error *err) {
    const char *upload_id;
    return s3_read_upload_id(call, &upload_id, err) &&
           store_find_upload(call->store, call->arena, call->bucket, call->key, upload_id, ret,
                             err);
}

/* A part without a checksum gets one of the upload's kind, so that the object can have one. */
bool s3_prepare_part(struct s3_call *call, struct error *err) {
    struct store_upload upload;
    unsigned number;
    if (!s3_refuse_features(call, err) || !s3_read_part_number(call, &number, err) ||
        !find_upload(call, &upload, err))
        return false;
    call->body.default_checksum = checksum_parse(call->arena, upload.checksum).kind;
    return true;
}

bool s3_put_part(struct s3_call *call, struct error *err) {
    const struct s3_body *body = &call->body;
    struct store_part_put put = {
        .bucket = call->bucket, .key = call->key, .now_unix_ms = call->now_unix_ms};
    const char *etag;
    if (!s3_read_upload_id(call, &put.upload_id, err) ||
        !s3_read_part_number(call, &put.number, err))
        return false;
    if (body->default_checksum != CHECKSUM_NONE && body->checksum.kind != body->default_checksum)
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "Checksum Type mismatch occurred, expected checksum Type: %s, actual "
                         "checksum Type: %s",
                         checksum_name(body->default_checksum), checksum_name(body->checksum.kind));
    if (body->default_checksum != CHECKSUM_NONE)
        put.checksum = body->computed_checksum;
    if (!store_put_part(call->store, call->arena, body->stored, &put, &etag, err))
        return false;
    s3_add_header(call, "ETag", arena_printf(call->arena, "\"%s\"", etag));
    if (body->computed_checksum)
        s3_add_header(call, checksum_header(body->checksum.kind), body->computed_checksum);
    s3_respond_empty(call, 200);
    return true;
}

bool s3_get_parts(struct s3_call *call, struct error *err) {
    uint64_t after = 0;
    uint64_t max_parts = S3_PAGE_ENTRIES;
    struct store_upload upload;
    if (!find_upload(call, &upload, err) ||
        !s3_read_count(call, "part-number-marker", &after, err) ||
        !s3_read_count(call, "max-parts", &max_parts, err))
        return false;
    if (max_parts == 0 || max_parts > S3_PAGE_ENTRIES)
        max_parts = S3_PAGE_ENTRIES;
    struct store_part *parts;
    size_t count;
    bool truncated;
    if (!store_list_parts(call->store, call->arena, call->bucket, call->key, upload.id,
                          (unsigned)after, (size_t)max_parts, &parts, &count, &truncated, err))
        return false;
    struct object_checksum sum = checksum_parse(call->arena, upload.checksum);

    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "ListPartsResult");
    xml_text(&w, "Bucket", call->bucket);
    xml_text(&w, "Key", call->key);
    xml_text(&w, "UploadId", upload.id);
    s3_write_owner(&w, "Initiator");
    s3_write_owner(&w, "Owner");
    xml_text(&w, "StorageClass", "STANDARD");
    s3_write_checksum_kind(&w, &sum);
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
        if (parts[i].checksum[0] != '\0')
            xml_text(&w, checksum_element(sum.kind), parts[i].checksum);
        xml_close(&w, "Part");
    }
    xml_close(&w, "ListPartsResult");
    return s3_respond_xml(call, &w, err);
}

bool s3_abort_multipart(struct s3_call *call, struct error *err) {
    const char *upload_id;
    if (!s3_read_upload_id(call, &upload_id, err) ||
        !store_abort_upload(call->store, call->bucket, call->key, upload_id, err))
        return false;
    s3_respond_empty(call, 204);
    return true;
}
