#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/notify.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct queue_row row = {
    .id = 7,
    .function = "intake",
    .payload = "",
    .rule_id = "rule \"1\"",
    .event_name = "ObjectCreated:Put",
    .bucket = "tachyscope-input",
    .key = "jobs/1/a b+\xC3\xA9.jpg",
    .etag = "d41d8cd98f00b204e9800998ecf8427e",
    .size = UINT64_C(5368709120),
    .sequencer = "00000000000000FF",
    .event_unix_ms = INT64_C(1795437887123),
    .request_id = "C3D13FE58DE4C810",
    .source_ip = "127.0.0.1",
    .principal = "AK1",
};

static json_t *load(struct str text) {
    json_t *root = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
    assert_non_null(root);
    return root;
}

static void an_event_is_as_s3_sends_it(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    json_t *event = load(notify_event(arena, &row, "local"));
    json_t *wanted =
        json_loads("{\"Records\":[{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\","
                   "\"awsRegion\":\"local\","
                   "\"eventTime\":\"2026-11-23T12:44:47.123Z\",\"eventName\":\"ObjectCreated:Put\","
                   "\"userIdentity\":{\"principalId\":\"AK1\"},"
                   "\"requestParameters\":{\"sourceIPAddress\":\"127.0.0.1\"},"
                   "\"responseElements\":{\"x-amz-request-id\":\"C3D13FE58DE4C810\","
                   "\"x-amz-id-2\":\"C3D13FE58DE4C810\"},"
                   "\"s3\":{\"s3SchemaVersion\":\"1.0\",\"configurationId\":\"rule \\\"1\\\"\","
                   "\"bucket\":{\"name\":\"tachyscope-input\","
                   "\"ownerIdentity\":{\"principalId\":\"000000000000\"},"
                   "\"arn\":\"arn:aws:s3:::tachyscope-input\"},"
                   "\"object\":{\"key\":\"jobs/1/a+b%2B%C3%A9.jpg\",\"size\":5368709120,"
                   "\"eTag\":\"d41d8cd98f00b204e9800998ecf8427e\","
                   "\"sequencer\":\"00000000000000FF\"}}}]}",
                   0, NULL);
    assert_non_null(wanted);
    if (!json_equal(event, wanted))
        fail_msg("%s", json_dumps(event, 0));
    json_decref(event);
    json_decref(wanted);
    arena_free(arena);
}

static void a_ready_event_goes_as_it_is(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct queue_row ready = row;
    ready.payload = "{\"version\":\"1.0\"}";
    assert_true(str_equal_c(notify_event(arena, &ready, "local"), ready.payload));
    arena_free(arena);
}

/* Nothing of a row can make the event no JSON. */
static void odd_rows_still_make_an_event(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct queue_row odd = row;
    odd.principal = "\xFF";
    odd.source_ip = "";
    odd.key = "\xFF\n\"";
    odd.size = 0;
    json_t *event = load(notify_event(arena, &odd, "local"));
    const json_t *record = json_array_get(json_object_get(event, "Records"), 0);
    const json_t *object = json_object_get(json_object_get(record, "s3"), "object");
    assert_string_equal(json_string_value(json_object_get(object, "key")), "%FF%0A%22");
    json_decref(event);
    arena_free(arena);
}

static struct notify_failure failure = {
    .request_id = "9f2c",
    .function_arn = "arn:aws:lambda:local:000000000000:function:render",
    .invoke_count = 3,
    .error_type = "Sandbox.Timedout",
    .error_message = "Task timed out after 3.00 seconds",
    .now_unix_ms = INT64_C(1795437887000),
};

static void a_record_is_as_lambda_sends_it(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    json_t *record = load(notify_failure_record(arena, str_c("{\"Records\":[1]}"), &failure));
    json_t *wanted =
        json_loads("{\"version\":\"1.0\",\"timestamp\":\"2026-11-23T12:44:47.000Z\","
                   "\"requestContext\":{\"requestId\":\"9f2c\","
                   "\"functionArn\":\"arn:aws:lambda:local:000000000000:function:render\","
                   "\"condition\":\"RetriesExhausted\",\"approximateInvokeCount\":3},"
                   "\"requestPayload\":{\"Records\":[1]},"
                   "\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"$LATEST\","
                   "\"functionError\":\"Unhandled\"},"
                   "\"responsePayload\":{\"errorMessage\":\"Task timed out after 3.00 seconds\","
                   "\"errorType\":\"Sandbox.Timedout\"}}",
                   0, NULL);
    assert_non_null(wanted);
    if (!json_equal(record, wanted))
        fail_msg("%s", json_dumps(record, 0));
    json_decref(record);
    json_decref(wanted);
    arena_free(arena);
}

static void odd_failures_still_make_a_record(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    /* 4,095 letters, then one of two bytes that would pass the limit. */
    char *message = arena_alloc(arena, NOTIFY_MAX_MESSAGE_BYTES + 100);
    memset(message, 'm', NOTIFY_MAX_MESSAGE_BYTES - 1);
    memcpy(message + NOTIFY_MAX_MESSAGE_BYTES - 1, "\xC3\xA9 and more", 11);
    struct notify_failure odd = failure;
    odd.error_message = message;
    odd.error_type = "\xFF";
    static const char *const events[] = {"not JSON", "", "7", "\"text\"", "{\"a\":\"\\u0000\"}"};
    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        json_t *record = load(notify_failure_record(arena, str_c(events[i]), &odd));
        assert_non_null(json_object_get(record, "requestPayload"));
        const json_t *response = json_object_get(record, "responsePayload");
        assert_int_equal(json_string_length(json_object_get(response, "errorMessage")),
                         NOTIFY_MAX_MESSAGE_BYTES - 1);
        json_decref(record);
    }
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_as_s3_sends_it),
        cmocka_unit_test(a_ready_event_goes_as_it_is),
        cmocka_unit_test(odd_rows_still_make_an_event),
        cmocka_unit_test(a_record_is_as_lambda_sends_it),
        cmocka_unit_test(odd_failures_still_make_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
