/*
 * Multipart uploads.
 */
#include "base/codec.h"
#include "s3/client_internal.h"

#include <string.h>

enum { MAX_PART_NUMBER = 10000, PARTS_PAGE = 1000 };

static const char *upload_query(struct arena *arena, const char *upload_id) {
    return arena_printf(arena, "uploadId=%s", percent_encode(arena, str_c(upload_id), false));
}

static const char *part_query(struct arena *arena, const char *upload_id, unsigned number) {
    return arena_printf(arena, "partNumber=%u&uploadId=%s", number,
                        percent_encode(arena, str_c(upload_id), false));
}

bool s3_create_upload(struct s3_client *client, struct arena *arena, const char *bucket,
                      const char *key, const char *content_type, const char **ret_upload_id,
                      struct error *err) {
    struct s3_request request = {
        .method = "POST", .bucket = bucket, .key = key, .query = "uploads="};
    http_headers_add(arena, &request.headers, "content-type",
                     content_type ? content_type : "application/octet-stream");
    struct http_reply reply;
    struct xml_element *root;
    if (!s3_send(client, arena, &request, &reply, err) ||
        !s3_parse_reply(arena, &reply, "InitiateMultipartUploadResult", &root, err))
        return false;
    struct str id = xml_child_text(root, "UploadId");
    if (id.len == 0 || id.len > S3_MAX_UPLOAD_ID_BYTES || str_has_control(id))
        return error_set(err, ERROR_INTERNAL, NULL, "the S3 server gave no usable upload id");
    *ret_upload_id = arena_strndup(arena, id.ptr, id.len);
    return true;
}

bool s3_upload_part(struct s3_client *client, struct arena *arena, const char *bucket,
                    const char *key, const char *upload_id, unsigned number, const void *data,
                    size_t size, const char **ret_etag, struct error *err) {
    struct s3_request request = {
        .method = "PUT",
        .bucket = bucket,
        .key = key,
        .query = part_query(arena, upload_id, number),
        .body = data,
        .body_size = size,
    };
    struct http_reply reply;
    if (!s3_send(client, arena, &request, &reply, err))
        return false;
    const char *etag = http_headers_get(&reply.headers, "etag");
    return s3_read_etag(arena, str_c(etag ? etag : ""), ret_etag, err);
}

bool s3_upload_part_copy(struct s3_client *client, struct arena *arena, const char *bucket,
                         const char *key, const char *upload_id, unsigned number,
                         const struct s3_copy_source *source, const char **ret_etag,
                         struct error *err) {
    if (source->length == 0)
        return error_set(err, ERROR_INVALID, NULL, "part %u of '%.300s' would copy nothing", number,
                         key);
    struct s3_request request = {
        .method = "PUT",
        .bucket = bucket,
        .key = key,
        .query = part_query(arena, upload_id, number),
        .late_errors = true,
    };
    http_headers_add(arena, &request.headers, "x-amz-copy-source",
                     arena_printf(arena, "%s/%s",
                                  percent_encode(arena, str_c(source->bucket), false),
                                  percent_encode(arena, str_c(source->key), true)));
    http_headers_add(arena, &request.headers, "x-amz-copy-source-range",
                     arena_printf(arena, "bytes=%llu-%llu", (unsigned long long)source->first,
                                  (unsigned long long)(source->first + source->length - 1)));
    if (source->if_match)
        http_headers_add(arena, &request.headers, "x-amz-copy-source-if-match",
                         s3_quote_etag(arena, source->if_match));
    struct http_reply reply;
    struct xml_element *root;
    if (!s3_send(client, arena, &request, &reply, err) ||
        !s3_parse_reply(arena, &reply, "CopyPartResult", &root, err))
        return false;
    return s3_read_etag(arena, xml_child_text(root, "ETag"), ret_etag, err);
}

static bool read_part(struct arena *arena, const struct xml_element *element, struct s3_part *ret,
                      struct error *err) {
    uint64_t number;
    if (!str_to_u64(xml_child_text(element, "PartNumber"), MAX_PART_NUMBER, &number) ||
        number == 0 || !str_to_u64(xml_child_text(element, "Size"), INT64_MAX, &ret->size))
        return error_set(err, ERROR_INTERNAL, NULL, "the S3 server listed a part that cannot be");
    ret->number = (unsigned)number;
    return s3_read_etag(arena, xml_child_text(element, "ETag"), &ret->etag, err);
}

bool s3_list_parts(struct s3_client *client, struct arena *arena, const char *bucket,
                   const char *key, const char *upload_id, struct s3_part **ret_parts,
                   size_t *ret_count, struct error *err) {
    struct s3_part *parts = arena_array(arena, MAX_PART_NUMBER, sizeof *parts);
    size_t count = 0;
    for (;;) {
        unsigned after = count ? parts[count - 1].number : 0;
        struct s3_request request = {
            .method = "GET",
            .bucket = bucket,
            .key = key,
            .query = arena_printf(arena, "max-parts=%d&part-number-marker=%u&%s", PARTS_PAGE, after,
                                  upload_query(arena, upload_id)),
        };
        struct http_reply reply;
        struct xml_element *root;
        if (!s3_send(client, arena, &request, &reply, err) ||
            !s3_parse_reply(arena, &reply, "ListPartsResult", &root, err))
            return false;
        size_t before = count;
        for (struct xml_element *e = xml_child(root, "Part"); e; e = xml_next_named(e)) {
            struct s3_part part;
            if (!read_part(arena, e, &part, err))
                return false;
            /* Rising numbers up to 10,000 also bound the count. */
            if (part.number <= (count ? parts[count - 1].number : 0))
                return error_set(err, ERROR_INTERNAL, NULL,
                                 "the S3 server lists parts out of order");
            parts[count++] = part;
        }
        if (count == before || !str_equal_c(xml_child_text(root, "IsTruncated"), "true"))
            break;
    }
    *ret_parts = parts;
    *ret_count = count;
    return true;
}

static bool format_parts(const struct s3_part *parts, size_t count, struct arena *arena,
                         struct buf *ret, struct error *err) {
    static const char head[] = "<CompleteMultipartUpload "
                               "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    static const char tail[] = "</CompleteMultipartUpload>";
    if (!buf_append(ret, head, sizeof head - 1, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *part = arena_printf(
            arena, "<Part><PartNumber>%u</PartNumber><ETag>&quot;%s&quot;</ETag></Part>",
            parts[i].number, xml_escape(arena, str_c(parts[i].etag)));
        if (!buf_append(ret, part, strlen(part), err))
            return false;
    }
    return buf_append(ret, tail, sizeof tail - 1, err);
}

bool s3_complete_upload(struct s3_client *client, struct arena *arena, const char *bucket,
                        const char *key, const char *upload_id, const struct s3_part *parts,
                        size_t count, struct error *err) {
    if (count == 0 || count > MAX_PART_NUMBER)
        return error_set(err, ERROR_INVALID, NULL, "an upload of %zu parts cannot be completed",
                         count);
    struct buf document CLEANUP(buf_clear);
    buf_init(&document, S3_MAX_DOCUMENT_BYTES);
    if (!format_parts(parts, count, arena, &document, err))
        return false;
    struct s3_request request = {
        .method = "POST",
        .bucket = bucket,
        .key = key,
        .query = upload_query(arena, upload_id),
        .body = document.data,
        .body_size = document.size,
        .late_errors = true,
    };
    http_headers_add(arena, &request.headers, "content-type", "application/xml");
    struct http_reply reply;
    struct xml_element *root;
    return s3_send(client, arena, &request, &reply, err) &&
           s3_parse_reply(arena, &reply, "CompleteMultipartUploadResult", &root, err);
}

bool s3_abort_upload(struct s3_client *client, struct arena *arena, const char *bucket,
                     const char *key, const char *upload_id, struct error *err) {
    struct s3_request request = {
        .method = "DELETE",
        .bucket = bucket,
        .key = key,
        .query = upload_query(arena, upload_id),
    };
    struct http_reply reply;
    if (s3_send(client, arena, &request, &reply, err))
        return true;
    return err->code && strcmp(err->code, "NoSuchUpload") == 0;
}
