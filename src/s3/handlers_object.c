/*
 * Objects: PUT, GET and HEAD, DELETE.
 */
#include "base/codec.h"
#include "s3/internal.h"

#include <string.h>

/* An object may be replaced between the look at its row and the opening of its files; then the look
 * is repeated. More often than this is no accident. */
enum { MAX_READ_TRIES = 8 };

bool s3_prepare_put(struct s3_call *call, struct error *err) {
    struct store_put put;
    return s3_refuse_features(call, err) && s3_read_write_conditions(call, &put, err);
}

static void add_etag(struct s3_call *call, const char *etag) {
    s3_add_header(call, "ETag", arena_printf(call->arena, "\"%s\"", etag));
}

bool s3_store_body(struct s3_call *call, struct store_put *put, struct error *err) {
    struct store_object object;
    const struct object_checksum sum = {
        .kind = call->body.checksum.kind,
        .type = CHECKSUM_FULL_OBJECT,
        .value = call->body.computed_checksum,
    };
    if (!s3_read_metadata(call, &put->content_type, &put->metadata, err))
        return false;
    put->checksum = checksum_format(call->arena, &sum);
    if (!store_put(call->store, call->arena, call->body.stored, put, &object, err))
        return false;
    call->etag = object.etag;
    s3_add_checksum_headers(call, &sum);
    return true;
}

bool s3_put_object(struct s3_call *call, struct error *err) {
    struct store_put put = s3_store_put(call, "ObjectCreated:Put");
    if (!s3_read_write_conditions(call, &put, err) || !s3_read_tags_header(call, &put.tags, err))
        return false;
    if (!s3_store_body(call, &put, err)) {
        if (err->code && strcmp(err->code, "PreconditionFailed") == 0)
            s3_error_detail(call, "Condition", put.if_none_match ? "If-None-Match" : "If-Match");
        return false;
    }
    add_etag(call, call->etag);
    s3_respond_empty(call, 200);
    return true;
}

static void add_object_headers(struct s3_call *call, const struct store_object *object) {
    char modified[DATE_SIZE];
    date_format_http(object->modified_unix_ms, modified);
    s3_add_header(call, "Last-Modified", arena_strdup(call->arena, modified));
    s3_add_header(call, "Accept-Ranges", "bytes");
    add_etag(call, object->etag);
    size_t tags = s3_count_tags(object->tags);
    if (tags > 0)
        s3_add_header(call, "x-amz-tagging-count", arena_printf(call->arena, "%zu", tags));
}

/* If-Range: the range counts only while the object is still the one that the client has. */
static bool range_counts(const struct s3_call *call, const struct store_object *object) {
    const char *condition = s3_header(call, "if-range");
    int64_t date;
    if (!condition)
        return true;
    if (date_parse_http(str_c(condition), &date))
        return object->modified_unix_ms - object->modified_unix_ms % 1000 == date;
    return strcmp(s3_unquote_etag(call->arena, condition), object->etag) == 0;
}

/* An object that was put whole has one part. */
static bool choose_part(struct s3_call *call, const struct store_object *object,
                        uint64_t *ret_first, uint64_t *ret_length, struct error *err) {
    unsigned number;
    if (s3_header(call, "range"))
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "Cannot specify both Range header and partNumber query parameter");
    if (!s3_read_part_number(call, &number, err))
        return false;
    if (object->part_count > 0) {
        s3_add_header(call, "x-amz-mp-parts-count",
                      arena_printf(call->arena, "%u", object->part_count));
        return store_part_range(call->store, call->bucket, call->key, object->version, number,
                                ret_first, ret_length, err);
    }
    *ret_first = 0;
    *ret_length = object->size;
    return number == 1 || error_set(err, ERROR_INVALID, "InvalidPartNumber", "there is one part");
}

/* Status and the bytes that are asked for. */
static bool choose_range(struct s3_call *call, const struct store_object *object,
                         uint64_t *ret_first, uint64_t *ret_length, unsigned *ret_status,
                         struct error *err) {
    const char *range = s3_header(call, "range");
    if (http_query_get(&call->query, "partNumber")) {
        *ret_status = 206;
        return choose_part(call, object, ret_first, ret_length, err);
    }
    if (range && !range_counts(call, object))
        range = NULL;
    *ret_first = 0;
    *ret_length = object->size;
    *ret_status = 200;
    switch (http_range_parse(range, object->size, ret_first, ret_length)) {
    case HTTP_RANGE_NONE:
        *ret_first = 0;
        *ret_length = object->size;
        return true;
    case HTTP_RANGE_OK:
        *ret_status = 206;
        return true;
    case HTTP_RANGE_UNSATISFIABLE:
        break;
    }
    s3_error_detail(call, "ActualObjectSize",
                    arena_printf(call->arena, "%llu", (unsigned long long)object->size));
    s3_error_detail(call, "RangeRequested", range);
    return error_set(err, ERROR_INVALID, "InvalidRange", "the range is behind the end");
}

static void set_extents(struct s3_call *call, const struct store_open_extent *opened,
                        size_t count) {
    struct http_response *response = &call->x->response;
    response->extents = arena_array(call->arena, count, sizeof *response->extents);
    response->extent_count = count;
    for (size_t i = 0; i < count; i++)
        response->extents[i] = (struct http_extent){
            .fd = opened[i].fd, .offset = opened[i].offset, .length = opened[i].length};
}

static bool set_contents(struct s3_call *call, const struct store_object *object, uint64_t first,
                         uint64_t length, struct error *err) {
    if (length == 0)
        return true;
    if (strcmp(call->x->request.method, "HEAD") == 0) {
        set_extents(call, &(struct store_open_extent){.fd = -1, .length = length}, 1);
        return true;
    }
    struct store_open_extent *opened;
    size_t count;
    if (!store_read(call->store, call->arena, call->bucket, call->key, first, length, object->etag,
                    &opened, &count, err))
        return false;
    set_extents(call, opened, count);
    return true;
}

static bool answer_condition(struct s3_call *call, const struct store_object *object,
                             enum s3_condition condition, struct error *err) {
    if (condition == S3_FAILS) {
        s3_error_detail(call, "Condition",
                        s3_header(call, "if-match") ? "If-Match" : "If-Unmodified-Since");
        return error_set(err, ERROR_CONFLICT, "PreconditionFailed", "the object is another one");
    }
    add_object_headers(call, object);
    s3_respond_empty(call, 304);
    return true;
}

static bool answer_contents(struct s3_call *call, const struct store_object *object,
                            struct error *err) {
    uint64_t first, length;
    unsigned status;
    call->x->response.headers = (struct http_headers){0}; /* of an earlier try */
    add_object_headers(call, object);
    if (!choose_range(call, object, &first, &length, &status, err) ||
        !s3_write_metadata(call, object, err))
        return false;
    const char *mode = s3_header(call, "x-amz-checksum-mode");
    if (mode && str_equal_nocase(str_c(mode), str_c("ENABLED")) && length == object->size) {
        struct object_checksum sum = checksum_parse(call->arena, object->checksum);
        s3_add_checksum_headers(call, &sum);
    }
    if (status == 206 && length > 0)
        s3_add_header(call, "Content-Range",
                      arena_printf(call->arena, "bytes %llu-%llu/%llu", (unsigned long long)first,
                                   (unsigned long long)(first + length - 1),
                                   (unsigned long long)object->size));
    call->x->response.status = status;
    return set_contents(call, object, first, length, err);
}

/* Between the look at the row and the opening of the files. */
static bool was_replaced(const struct error *err) {
    return err->code &&
           (strcmp(err->code, "PreconditionFailed") == 0 || strcmp(err->code, "NoSuchKey") == 0);
}

bool s3_get_object(struct s3_call *call, struct error *err) {
    if (!s3_refuse_features(call, err))
        return false;
    for (int tries = 0; tries < MAX_READ_TRIES; tries++) {
        struct store_object object;
        if (!store_head(call->store, call->arena, call->bucket, call->key, &object, err))
            return s3_hide_missing_key(call, err);
        enum s3_condition condition = s3_check_read_conditions(call, "", &object);
        if (condition != S3_HOLDS)
            return answer_condition(call, &object, condition, err);
        if (answer_contents(call, &object, err))
            return true;
        if (!was_replaced(err))
            return false;
    }
    return error_set(err, ERROR_UNAVAILABLE, "SlowDown", "the object changes all the time");
}

bool s3_delete_object(struct s3_call *call, struct error *err) {
    const char *match = s3_header(call, "if-match");
    if (s3_header(call, "x-amz-if-match-last-modified-time") ||
        s3_header(call, "x-amz-if-match-size"))
        return error_set(err, ERROR_INVALID, "NotImplemented",
                         "of the conditions on a DELETE only If-Match is supported");
    if (!s3_refuse_features(call, err) ||
        !store_delete_if(call->store, call->bucket, call->key,
                         match ? s3_unquote_etag(call->arena, match) : NULL, err))
        return false;
    s3_respond_empty(call, 204);
    return true;
}
