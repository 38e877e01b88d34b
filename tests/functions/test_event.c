/*
 * Events from real sources and from strangers.
 */
#include "functions/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char aws[] =
    "{\"Records\":[{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\",\"eventName\":"
    "\"ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"in\"},\"object\":{\"key\":"
    "\"jobs/a/images/red+flower%2B%C3%A4.jpg\",\"size\":1024,\"eTag\":\"d4\"}}}]}";
static const char ceph[] =
    "{\"Records\":[{\"eventSource\":\"ceph:s3\",\"s3\":{\"bucket\":{\"name\":\"in\"},"
    "\"object\":{\"key\":\"jobs/a/images/red+flower%2B.jpg\",\"size\":\"1024\"}}}]}";

static void keys_are_decoded_as_their_source_encodes_them(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct event event;
    struct error err;
    assert_true(event_parse(arena, str_c(aws), &event, &err));
    assert_int_equal(event.record_count, 1);
    assert_false(event.failed);
    assert_string_equal(event.records[0].bucket, "in");
    assert_string_equal(event.records[0].key, "jobs/a/images/red flower+\xc3\xa4.jpg");
    assert_true(event_parse(arena, str_c(ceph), &event, &err));
    assert_string_equal(event.records[0].key, "jobs/a/images/red+flower%2B.jpg");
    arena_free(arena);
}

static void a_failure_record_carries_the_event_and_the_reason(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct event event;
    struct error err;
    char *text = arena_printf(arena,
                              "{\"version\":\"1.0\",\"requestContext\":{\"condition\":"
                              "\"RetriesExhausted\"},\"requestPayload\":%s,\"responsePayload\":"
                              "{\"errorMessage\":\"disk full\"}}",
                              aws);
    assert_true(event_parse(arena, str_c(text), &event, &err));
    assert_true(event.failed);
    assert_string_equal(event.failed_text, "disk full");
    assert_int_equal(event.record_count, 1);
    text = arena_printf(arena, "{\"requestContext\":{\"condition\":\"EventAgeExceeded\"},"
                               "\"requestPayload\":{}}");
    assert_true(event_parse(arena, str_c(text), &event, &err));
    assert_string_equal(event.failed_text, "EventAgeExceeded");
    assert_int_equal(event.record_count, 0);
    arena_free(arena);
}

static void a_test_message_has_no_records(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct event event;
    struct error err;
    assert_true(event_parse(
        arena, str_c("{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\",\"Bucket\":\"b\"}"),
        &event, &err));
    assert_int_equal(event.record_count, 0);
    arena_free(arena);
}

static void what_is_no_event_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "not json",
        "{\"Records\":[{}]}",
        "{\"Records\":[7]}",
        "{\"Records\":[{\"eventSource\":\"aws:sqs\",\"s3\":{\"bucket\":{\"name\":\"b\"},"
        "\"object\":{\"key\":\"k\"}}}]}",
        "{\"Records\":[{\"eventSource\":\"aws:s3\",\"s3\":{\"bucket\":{\"name\":\"b\"},"
        "\"object\":{\"key\":\"%zz\"}}}]}",
        "{\"Records\":[{\"eventSource\":\"aws:s3\",\"s3\":{\"bucket\":{\"name\":\"b\"},"
        "\"object\":{\"key\":\"a%00b\"}}}]}",
        "{\"Records\":[{\"eventSource\":\"aws:s3\",\"s3\":{\"bucket\":{},\"object\":{\"key\":"
        "\"k\"}}}]}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct arena *arena = arena_new();
        struct event event;
        struct error err = {0};
        assert_false(event_parse(arena, str_c(bad[i]), &event, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_decoded_as_their_source_encodes_them),
        cmocka_unit_test(a_failure_record_carries_the_event_and_the_reason),
        cmocka_unit_test(a_test_message_has_no_records),
        cmocka_unit_test(what_is_no_event_is_refused),
    };
    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
