/*
 * Payload format 2.0, as AWS documents it, and what is not it.
 */
#include "functions/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void a_request_is_read(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct payload_request request;
    struct error err;
    const char *event =
        "{\"version\":\"2.0\",\"rawPath\":\"/jobs/x\",\"rawQueryString\":\"nudge=1&a=%20b\","
        "\"headers\":{\"host\":\"h:1\",\"if-none-match\":\"\\\"e\\\"\"},\"requestContext\":"
        "{\"http\":{\"method\":\"POST\",\"path\":\"/jobs/x\"}},\"body\":\"aMOkCg==\","
        "\"isBase64Encoded\":true}";
    assert_true(payload_parse(arena, str_c(event), &request, &err));
    assert_string_equal(request.method, "POST");
    assert_string_equal(request.path, "/jobs/x");
    assert_string_equal(request.host, "h:1");
    assert_true(str_equal_c(http_query_get(&request.query, "a")->value, " b"));
    assert_string_equal(http_headers_get(&request.headers, "If-None-Match"), "\"e\"");
    assert_true(str_equal_c(request.body, "h\xc3\xa4\n"));
    arena_free(arena);
}

static void what_is_no_request_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"rawPath\":\"/\"}",
        "{\"requestContext\":{\"http\":{\"method\":\"GET\"}}}",
        "{\"rawPath\":\"/\",\"requestContext\":{\"http\":{\"method\":\"GET\"}},\"body\":\"!\","
        "\"isBase64Encoded\":true}",
        "{\"rawPath\":\"/\",\"rawQueryString\":\"a=%2\",\"requestContext\":{\"http\":{\"method\":"
        "\"GET\"}}}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct arena *arena = arena_new();
        struct payload_request request;
        struct error err = {0};
        assert_false(payload_parse(arena, str_c(bad[i]), &request, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        arena_free(arena);
    }
}

static void an_error_becomes_a_problem_document(void **state) {
    (void)state;
    static const struct {
        enum error_kind kind;
        int status;
    } cases[] = {
        {ERROR_INVALID, 422},  {ERROR_DENIED, 403},      {ERROR_NOT_FOUND, 404},
        {ERROR_CONFLICT, 409}, {ERROR_UNAVAILABLE, 503}, {ERROR_INTERNAL, 500},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        struct error why;
        error_set(&why, cases[i].kind, NULL, "image 'a\"b' is bad");
        struct payload_response response = payload_problem_of(&why);
        struct str answer = payload_answer(arena, &response);
        json_t *root = json_loadb(answer.ptr, answer.len, 0, NULL);
        assert_non_null(root);
        assert_int_equal(json_integer_value(json_object_get(root, "statusCode")), cases[i].status);
        assert_string_equal(
            json_string_value(json_object_get(json_object_get(root, "headers"), "content-type")),
            "application/problem+json");
        json_t *body = json_loads(json_string_value(json_object_get(root, "body")), 0, NULL);
        assert_string_equal(json_string_value(json_object_get(body, "detail")),
                            "image 'a\"b' is bad");
        json_decref(body);
        json_decref(root);
        arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(an_error_becomes_a_problem_document),
    };
    return cmocka_run_group_tests_name("payload", tests, NULL, NULL);
}
