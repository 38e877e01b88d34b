/*
 * Single objects: put, get, head, delete.
 */
#include "base/codec.h"
#include "s3/client_internal.h"

#include <string.h>

bool s3_put(struct s3_client *client, struct arena *arena, const char *bucket, const char *key,
            const void *data, size_t size, const struct s3_put_options *options,
            const char **ret_etag, struct error *err) {
    const char *content_type = options ? options->content_type : NULL;
    struct s3_request request = {
        .method = "PUT",
        .bucket = bucket,
        .key = key,
        .body = data,
        .body_size = size,
        .conditional = options && options->if_none_match,
    };
    http_headers_add(arena, &request.headers, "content-type",
                     content_type ? content_type : "application/octet-stream");
    if (request.conditional)
        http_headers_add(arena, &request.headers, "if-none-match", "*");

    struct http_reply reply;
    if (!s3_send(client, arena, &request, &reply, err))
        return false;
    if (!ret_etag)
        return true;
    const char *etag = http_headers_get(&reply.headers, "etag");
    return s3_read_etag(arena, str_c(etag ? etag : ""), ret_etag, err);
}

/* The part of an answer's head that GET and HEAD share. `size` is the length of what was sent. */
static bool read_head(struct arena *arena, const struct http_reply *reply, struct s3_object *ret,
                      struct error *err) {
    const char *etag = http_headers_get(&reply->headers, "etag");
    const char *modified = http_headers_get(&reply->headers, "last-modified");
    const char *content_type = http_headers_get(&reply->headers, "content-type");
    if (!s3_read_etag(arena, str_c(etag ? etag : ""), &ret->etag, err))
        return false;
    if (!modified || !date_parse_http(str_c(modified), &ret->last_modified_unix_ms))
        return error_set(err, ERROR_INTERNAL, NULL, "the S3 server gave no usable Last-Modified");
    ret->content_type = arena_strdup(arena, content_type ? content_type : "");
    return true;
}

/* `bytes 0-9/100`: the number behind the slash. */
static bool read_total(const struct http_reply *reply, uint64_t *ret, struct error *err) {
    const char *range = http_headers_get(&reply->headers, "content-range");
    const char *slash = range ? strchr(range, '/') : NULL;
    if (!slash || !str_to_u64(str_c(slash + 1), INT64_MAX, ret))
        return error_set(err, ERROR_INTERNAL, NULL, "the S3 server gave no usable Content-Range");
    return true;
}

static const char *format_range(struct arena *arena, const struct s3_get_options *options) {
    if (options->suffix)
        return arena_printf(arena, "bytes=-%llu", (unsigned long long)options->range_length);
    return arena_printf(arena, "bytes=%llu-%llu", (unsigned long long)options->range_first,
                        (unsigned long long)(options->range_first + options->range_length - 1));
}

bool s3_get(struct s3_client *client, struct arena *arena, const char *bucket, const char *key,
            const struct s3_get_options *options, struct s3_object *ret, struct error *err) {
    if (options->range_length > INT64_MAX || options->range_first > INT64_MAX)
        return error_set(err, ERROR_INVALID, NULL, "a range of '%.300s' is out of bounds", key);
    struct s3_request request = {
        .method = "GET",
        .bucket = bucket,
        .key = key,
        /* An error's document may be longer than the object that was hoped for. */
        .max_reply_bytes =
            options->max_bytes < S3_MAX_DOCUMENT_BYTES ? S3_MAX_DOCUMENT_BYTES : options->max_bytes,
    };
    bool ranged = options->range_length > 0;
    if (ranged)
        http_headers_add(arena, &request.headers, "range", format_range(arena, options));
    if (options->if_match)
        http_headers_add(arena, &request.headers, "if-match",
                         s3_quote_etag(arena, options->if_match));

    struct http_reply reply;
    if (!s3_send(client, arena, &request, &reply, err))
        return false;
    if (reply.body.len > options->max_bytes)
        return error_set(err, ERROR_LIMIT, NULL, "object '%.300s' is over the limit of %zu bytes",
                         key, options->max_bytes);
    struct s3_object object = {.size = reply.body.len, .body = reply.body};
    if (!read_head(arena, &reply, &object, err))
        return false;
    if (ranged && reply.status != 206)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "the S3 server answered %u to a range of '%.300s'", reply.status, key);
    if (ranged && !read_total(&reply, &object.size, err))
        return false;
    *ret = object;
    return true;
}

bool s3_head(struct s3_client *client, struct arena *arena, const char *bucket, const char *key,
             struct s3_object *ret, struct error *err) {
    struct s3_request request = {.method = "HEAD", .bucket = bucket, .key = key};
    struct http_reply reply;
    if (!s3_send(client, arena, &request, &reply, err))
        return false;
    struct s3_object object = {.body = {.ptr = "", .len = 0}};
    if (!read_head(arena, &reply, &object, err))
        return false;
    const char *length = http_headers_get(&reply.headers, "content-length");
    if (!length || !str_to_u64(str_c(length), INT64_MAX, &object.size))
        return error_set(err, ERROR_INTERNAL, NULL, "the S3 server gave no usable Content-Length");
    *ret = object;
    return true;
}

bool s3_delete(struct s3_client *client, struct arena *arena, const char *bucket, const char *key,
               struct error *err) {
    struct s3_request request = {.method = "DELETE", .bucket = bucket, .key = key};
    struct http_reply reply;
    if (s3_send(client, arena, &request, &reply, err))
        return true;
    /* Some engines say so of a key that is gone; a bucket that is missing is an error. */
    return err->code && strcmp(err->code, "NoSuchKey") == 0;
}
