#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/payload.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- requests ---- */

static struct http_request make_request(struct arena *arena, const char *const *headers) {
    struct http_request request = {
        .method = "POST",
        .path = "/jobs/a%20b",
        .query = "",
        .peer = "1.2.3.4",
        .content_length = -1,
    };
    for (size_t i = 0; headers[i] != NULL; i += 2)
        http_headers_add(arena, &request.headers, headers[i], headers[i + 1]);
    return request;
}

static json_t *event_of(struct arena *arena, const struct http_request *request, struct str body) {
    struct str event;
    struct error err;
    if (!payload_event(arena, request, body, "req-1", INT64_C(1795437887123), &event, &err))
        fail_msg("%s", err.text);
    json_t *root = json_loadb(event.ptr, event.len, JSON_ALLOW_NUL, NULL);
    assert_non_null(root);
    return root;
}

static void a_request_becomes_an_event(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    static const char *const headers[] = {"Host",
                                          "127.0.0.1:8080",
                                          "Content-Type",
                                          "application/json",
                                          "X-Twice",
                                          "1",
                                          "x-twice",
                                          "2",
                                          "Cookie",
                                          "c1=v; c2=w",
                                          "User-Agent",
                                          "curl/8",
                                          "Connection",
                                          "keep-alive",
                                          "X-Forwarded-For",
                                          "9.9.9.9",
                                          NULL};
    struct http_request request = make_request(arena, headers);
    request.query = "a=1&a=2&b=x%20y+z&c";
    json_t *event = event_of(arena, &request, str_c("{\"n\":\"\xC3\xA9\"}"));
    json_t *wanted = json_loads(
        "{\"version\":\"2.0\",\"routeKey\":\"$default\",\"rawPath\":\"/jobs/a%20b\","
        "\"rawQueryString\":\"a=1&a=2&b=x%20y+z&c\",\"cookies\":[\"c1=v\",\"c2=w\"],"
        "\"headers\":{\"host\":\"127.0.0.1:8080\",\"content-type\":\"application/json\","
        "\"x-twice\":\"1,2\",\"user-agent\":\"curl/8\",\"x-forwarded-for\":\"9.9.9.9,1.2.3.4\"},"
        "\"queryStringParameters\":{\"a\":\"1,2\",\"b\":\"x y z\",\"c\":\"\"},"
        "\"requestContext\":{\"accountId\":\"anonymous\",\"apiId\":\"tachyscope\","
        "\"domainName\":\"127.0.0.1:8080\",\"domainPrefix\":\"tachyscope\","
        "\"http\":{\"method\":\"POST\",\"path\":\"/jobs/a%20b\",\"protocol\":\"HTTP/1.1\","
        "\"sourceIp\":\"1.2.3.4\",\"userAgent\":\"curl/8\"},"
        "\"requestId\":\"req-1\",\"routeKey\":\"$default\",\"stage\":\"$default\","
        "\"time\":\"23/Nov/2026:12:44:47 +0000\",\"timeEpoch\":1795437887123},"
        "\"body\":\"{\\\"n\\\":\\\"\xC3\xA9\\\"}\",\"isBase64Encoded\":false}",
        0, NULL);
    assert_non_null(wanted);
    if (!json_equal(event, wanted))
        fail_msg("%s", json_dumps(event, 0));
    json_decref(event);
    json_decref(wanted);
    arena_free(arena);
}

static void optional_members_are_absent(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    static const char *const headers[] = {NULL};
    struct http_request request = make_request(arena, headers);
    json_t *event = event_of(arena, &request, (struct str){0});
    static const char *const absent[] = {"cookies", "queryStringParameters", "body",
                                         "pathParameters", "stageVariables"};
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
        assert_null(json_object_get(event, absent[i]));
    assert_true(json_is_false(json_object_get(event, "isBase64Encoded")));
    json_decref(event);
    arena_free(arena);
}

static void bodies_are_text_or_base64(void **state) {
    (void)state;
    static const struct {
        const char *type;
        struct str body;
        const char *text;
        bool encoded;
    } cases[] = {
        {"application/json; charset=utf-8", {"{}", 2}, "{}", false},
        {"TEXT/plain", {"a\nb", 3}, "a\nb", false},
        {"application/problem+json", {"{}", 2}, "{}", false},
        {"image/jpeg", {"\xFF\xD8", 2}, "/9g=", true},
        {"application/json", {"\xFF", 1}, "/w==", true}, /* no UTF-8 */
        {"application/octet-stream", {"plain", 5}, "cGxhaW4=", true},
        {NULL, {"plain", 5}, "cGxhaW4=", true},
        {"", {"\0x", 2}, "AHg=", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        const char *const headers[] = {cases[i].type != NULL ? "Content-Type" : NULL, cases[i].type,
                                       NULL};
        struct http_request request = make_request(arena, headers);
        json_t *event = event_of(arena, &request, cases[i].body);
        assert_string_equal(json_string_value(json_object_get(event, "body")), cases[i].text);
        assert_int_equal(json_is_true(json_object_get(event, "isBase64Encoded")), cases[i].encoded);
        json_decref(event);
        arena_free(arena);
    }
}

static void headers_that_are_no_text_are_left_out(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    static const char *const headers[] = {"X-Latin",  "caf\xE9", "User-Agent",     "\xFF", "Host",
                                          "a\xFF:80", "Cookie",  "a=\xFF; b=1; ;", NULL};
    struct http_request request = make_request(arena, headers);
    json_t *event = event_of(arena, &request, (struct str){0});
    assert_int_equal(json_object_size(json_object_get(event, "headers")), 1);
    assert_int_equal(json_array_size(json_object_get(event, "cookies")), 1);
    assert_non_null(json_object_get(event, "requestContext"));
    json_decref(event);
    arena_free(arena);
}

static void bad_requests_are_refused(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    static const char *const headers[] = {NULL};
    char many[1000] = "";
    for (int i = 0; i < 101; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "a=%d&", i % 10);
    static const struct {
        const char *path;
        const char *query;
    } cases[] = {
        {"/jobs", "a=%2"},    {"/jobs", "a=%GG"},  {"/jobs", "%=1"}, {"/jobs", "a=%FF"},
        {"/jobs", "a%00b=1"}, {"/jobs", "a=\xFF"}, {"/\xFF", ""},    {"/jobs", "%C3%28=1"},
    };
    struct http_request request = make_request(arena, headers);
    struct str event;
    struct error err;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        request.path = cases[i].path;
        request.query = cases[i].query;
        if (payload_event(arena, &request, (struct str){0}, "r", 0, &event, &err))
            fail_msg("%s?%s was taken", cases[i].path, cases[i].query);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.code, "BadRequest");
    }
    request.path = "/jobs";
    request.query = many;
    assert_false(payload_event(arena, &request, (struct str){0}, "r", 0, &event, &err));
    arena_free(arena);
}

static void events_over_the_limit_are_refused(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    static const char *const headers[] = {"Content-Type", "text/plain", NULL};
    struct http_request request = make_request(arena, headers);
    /* Each quote becomes two bytes. */
    size_t size = PAYLOAD_MAX_EVENT_BYTES / 2;
    char *quotes = arena_alloc(arena, size);
    memset(quotes, '"', size);
    struct str event;
    struct error err;
    assert_false(payload_event(arena, &request, (struct str){quotes, size}, "r", 0, &event, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_string_equal(err.code, "RequestTooLarge");
    assert_true(
        payload_event(arena, &request, (struct str){quotes, size - 1000}, "r", 0, &event, &err));
    arena_free(arena);
}

/* ---- answers ---- */

static void an_answer_becomes_a_response(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        unsigned status;
        const char *type;
        const char *body;
    } cases[] = {
        {"{\"statusCode\":201,\"headers\":{\"content-type\":\"a/b\"},\"body\":\"x\"}", 201, "a/b",
         "x"},
        {"{\"statusCode\":200,\"body\":\"x\"}", 200, "text/plain; charset=utf-8", "x"},
        {"{\"statusCode\":200,\"body\":\"eHl6\",\"isBase64Encoded\":true}", 200,
         "text/plain; charset=utf-8", "xyz"},
        {"{\"statusCode\":204}", 204, NULL, ""},
        {"{\"statusCode\":304,\"body\":null}", 304, NULL, ""},
        {"{\"statusCode\":200,\"body\":\"\"}", 200, NULL, ""},
        /* Without a status the answer is the body. */
        {"{\"a\":1}", 200, "application/json", "{\"a\":1}"},
        {"[1]", 200, "application/json", "[1]"},
        {"\"text\"", 200, "application/json", "\"text\""},
        {"null", 200, "application/json", "null"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        struct http_response response = {0};
        struct error err;
        if (!payload_response(arena, str_c(cases[i].answer), &response, &err))
            fail_msg("%s", err.text);
        assert_int_equal(response.status, cases[i].status);
        const char *type = http_headers_get(&response.headers, "content-type");
        if (cases[i].type != NULL)
            assert_string_equal(type, cases[i].type);
        else
            assert_null(type);
        assert_int_equal(response.body_size, strlen(cases[i].body));
        assert_memory_equal(response.body, cases[i].body, response.body_size);
        arena_free(arena);
    }
}

static void headers_and_cookies_go_through(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct http_response response = {0};
    struct error err;
    assert_true(payload_response(arena,
                                 str_c("{\"statusCode\":200,\"headers\":{\"A\":\"1\",\"B\":2,"
                                       "\"C\":true,\"Content-Length\":\"99\"},"
                                       "\"cookies\":[\"a=1; Path=/\",\"b=2\"]}"),
                                 &response, &err));
    assert_string_equal(http_headers_get(&response.headers, "a"), "1");
    assert_string_equal(http_headers_get(&response.headers, "b"), "2");
    assert_string_equal(http_headers_get(&response.headers, "c"), "true");
    assert_null(http_headers_get(&response.headers, "content-length"));
    assert_int_equal(response.headers.count, 5);
    assert_string_equal(response.headers.items[3].name, "Set-Cookie");
    assert_string_equal(response.headers.items[4].value, "b=2");
    arena_free(arena);
}

static void bad_answers_are_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "nonsense",
        "{\"statusCode\":200",
        "{\"statusCode\":99}",
        "{\"statusCode\":600}",
        "{\"statusCode\":-1}",
        "{\"statusCode\":\"200\"}",
        "{\"statusCode\":null}",
        "{\"statusCode\":101}",
        "{\"statusCode\":200,\"body\":{}}",
        "{\"statusCode\":200,\"body\":7}",
        "{\"statusCode\":200,\"body\":\"?\",\"isBase64Encoded\":true}",
        "{\"statusCode\":200,\"headers\":{\"a\":\"b\\r\\nc: d\"}}",
        "{\"statusCode\":200,\"headers\":{\"a b\":\"c\"}}",
        "{\"statusCode\":200,\"headers\":{\"\":\"c\"}}",
        "{\"statusCode\":200,\"headers\":{\"a\":[\"b\"]}}",
        "{\"statusCode\":200,\"headers\":{\"a\":null}}",
        "{\"statusCode\":200,\"cookies\":[\"a\\nb\"]}",
        "{\"statusCode\":200,\"cookies\":[{}]}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        struct http_response response = {0};
        struct error err;
        if (payload_response(arena, str_c(cases[i]), &response, &err))
            fail_msg("%s was taken", cases[i]);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.code, "BadAnswer");
        assert_int_equal(response.status, 0);
        arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_becomes_an_event),
        cmocka_unit_test(optional_members_are_absent),
        cmocka_unit_test(bodies_are_text_or_base64),
        cmocka_unit_test(headers_that_are_no_text_are_left_out),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(events_over_the_limit_are_refused),
        cmocka_unit_test(an_answer_becomes_a_response),
        cmocka_unit_test(headers_and_cookies_go_through),
        cmocka_unit_test(bad_answers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
