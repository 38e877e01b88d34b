/*
 * Events as S3, Ceph RGW and the embedded store send them, and Lambda's on-failure destination
 * record around them.
 */
#include "functions/event.h"

#include "base/codec.h"

#include <jansson.h>
#include <string.h>

static bool read_record(struct arena *arena, const json_t *record, struct event_record *ret,
                        struct error *err) {
    const char *source = json_string_value(json_object_get(record, "eventSource"));
    const json_t *s3 = json_object_get(record, "s3");
    const char *bucket = json_string_value(json_object_get(json_object_get(s3, "bucket"), "name"));
    const char *key = json_string_value(json_object_get(json_object_get(s3, "object"), "key"));
    if (source == NULL || bucket == NULL || key == NULL)
        return error_set(err, ERROR_INVALID, NULL, "event record without source, bucket or key");
    ret->bucket = arena_strdup(arena, bucket);
    /* Ceph sends keys as they are, all others form-encoded. */
    if (strcmp(source, "ceph:s3") == 0) {
        ret->key = arena_strdup(arena, key);
        return true;
    }
    if (strcmp(source, "aws:s3") != 0 && strcmp(source, "minio:s3") != 0)
        return error_set(err, ERROR_INVALID, NULL, "event source '%.100s' is not an object store",
                         source);
    struct str decoded;
    if (!percent_decode(arena, str_c(key), true, &decoded) ||
        memchr(decoded.ptr, '\0', decoded.len) != NULL)
        return error_set(err, ERROR_INVALID, NULL, "event record: key '%.200s' is badly encoded",
                         key);
    ret->key = arena_strndup(arena, decoded.ptr, decoded.len);
    return true;
}

static bool read_records(struct arena *arena, const json_t *event, struct event *ret,
                         struct error *err) {
    const json_t *records = json_object_get(event, "Records");
    size_t count = json_array_size(records);
    if (count > EVENT_MAX_RECORDS)
        return error_set(err, ERROR_LIMIT, NULL, "event with %zu records is over the limit of %d",
                         count, EVENT_MAX_RECORDS);
    ret->records = arena_array(arena, count, sizeof *ret->records);
    for (size_t i = 0; i < count; i++)
        if (!read_record(arena, json_array_get(records, i), &ret->records[i], err))
            return false;
    ret->record_count = count;
    return true;
}

static const char *failure_text(struct arena *arena, const json_t *record) {
    const char *text = json_string_value(
        json_object_get(json_object_get(record, "responsePayload"), "errorMessage"));
    if (text == NULL)
        text = json_string_value(
            json_object_get(json_object_get(record, "requestContext"), "condition"));
    return arena_strdup(arena, text != NULL ? text : "the function failed");
}

bool event_parse(struct arena *arena, struct str text, struct event *ret, struct error *err) {
    json_error_t why;
    json_t *root = json_loadb(text.ptr, text.len, 0, &why);
    if (root == NULL)
        return error_set(err, ERROR_INVALID, NULL, "event is not JSON: %s", why.text);
    struct event event = {0};
    const json_t *payload = json_object_get(root, "requestPayload");
    bool ok;
    if (payload != NULL) {
        event.failed = true;
        event.failed_text = failure_text(arena, root);
        ok = read_records(arena, payload, &event, err);
    } else {
        ok = read_records(arena, root, &event, err);
    }
    json_decref(root);
    if (ok)
        *ret = event;
    return ok;
}
