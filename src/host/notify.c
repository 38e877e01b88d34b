/*
 * The messages are written by jansson out of packed templates that look like the documents they
 * make. All texts of a row are UTF-8 (the store checks keys, and the key is encoded anyway); what
 * comes from a function is cut at a character's border.
 */
#include "host/notify.h"

#include "base/codec.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ACCOUNT "000000000000"

/* A text that is not UTF-8 is left out rather than lost with all the rest. */
static json_t *text_of(const char *text) {
    json_t *value = json_string(text != NULL ? text : "");
    return value != NULL ? value : json_string("");
}

static struct str dump(struct arena *arena, json_t *root) {
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    if (text == NULL)
        die_out_of_memory();
    json_decref(root);
    struct str kept = str_c(arena_strdup(arena, text));
    free(text);
    return kept;
}

static json_t *bucket_of(struct arena *arena, const struct queue_row *row) {
    return json_pack("{so s{so} so}", "name", text_of(row->bucket), "ownerIdentity", "principalId",
                     text_of(ACCOUNT), "arn",
                     text_of(arena_printf(arena, "arn:aws:s3:::%s", row->bucket)));
}

static json_t *object_of(struct arena *arena, const struct queue_row *row) {
    return json_pack("{so sI so so}", "key", text_of(form_encode_key(arena, str_c(row->key))),
                     "size", (json_int_t)row->size, "eTag", text_of(row->etag), "sequencer",
                     text_of(row->sequencer));
}

struct str notify_event(struct arena *arena, const struct queue_row *row, const char *region) {
    if (row->payload[0] != '\0')
        return str_c(row->payload);
    char time[DATE_SIZE];
    date_format_iso(row->event_unix_ms, time);
    json_t *s3 = json_pack("{ss so so so}", "s3SchemaVersion", "1.0", "configurationId",
                           text_of(row->rule_id), "bucket", bucket_of(arena, row), "object",
                           object_of(arena, row));
    json_t *record = json_pack(
        "{ss ss so ss so s{so} s{so} s{so so} so}", "eventVersion", "2.1", "eventSource", "aws:s3",
        "awsRegion", text_of(region), "eventTime", time, "eventName", text_of(row->event_name),
        "userIdentity", "principalId", text_of(row->principal), "requestParameters",
        "sourceIPAddress", text_of(row->source_ip), "responseElements", "x-amz-request-id",
        text_of(row->request_id), "x-amz-id-2", text_of(row->request_id), "s3", s3);
    return dump(arena, json_pack("{s[o]}", "Records", record));
}

static json_t *message_of(struct arena *arena, const char *message) {
    struct str rest = str_c(message);
    if (rest.len <= NOTIFY_MAX_MESSAGE_BYTES)
        return text_of(message);
    size_t kept = 0;
    while (kept < rest.len) {
        uint32_t character;
        struct str tail = {rest.ptr + kept, rest.len - kept};
        size_t step = str_utf8_step(tail, &character);
        if (step == 0 || kept + step > NOTIFY_MAX_MESSAGE_BYTES)
            break;
        kept += step;
    }
    return text_of(arena_strndup(arena, rest.ptr, kept));
}

struct str notify_failure_record(struct arena *arena, struct str event,
                                 const struct notify_failure *failure) {
    char time[DATE_SIZE];
    date_format_iso(failure->now_unix_ms, time);
    json_error_t ignored;
    json_t *payload = json_loadb(event.ptr, event.len, JSON_ALLOW_NUL | JSON_DECODE_ANY, &ignored);
    if (payload == NULL)
        payload = text_of(arena_strndup(arena, event.ptr, event.len));
    json_t *context =
        json_pack("{so so ss si}", "requestId", text_of(failure->request_id), "functionArn",
                  text_of(failure->function_arn), "condition", "RetriesExhausted",
                  "approximateInvokeCount", (int)failure->invoke_count);
    return dump(arena, json_pack("{ss ss so so s{si ss ss} s{so so}}", "version", "1.0",
                                 "timestamp", time, "requestContext", context, "requestPayload",
                                 payload, "responseContext", "statusCode", 200, "executedVersion",
                                 "$LATEST", "functionError", "Unhandled", "responsePayload",
                                 "errorMessage", message_of(arena, failure->error_message),
                                 "errorType", text_of(failure->error_type)));
}

const char *notify_function_arn(struct arena *arena, const char *region, const char *function) {
    return arena_printf(arena, "arn:aws:lambda:%s:" ACCOUNT ":function:%s", region, function);
}
