#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/api.h"
#include "http/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void problems_become_errors(void **state) {
    static const struct {
        unsigned status;
        enum error_kind kind;
        const char *body;
        const char *text;
    } cases[] = {
        {422, ERROR_INVALID, "{\"title\":\"t\",\"detail\":\"image 7 is bad\"}", "image 7 is bad"},
        {401, ERROR_DENIED, "{\"title\":\"a token is needed\"}", "a token is needed"},
        {403, ERROR_DENIED, "", "the server answered 403 Forbidden"},
        {404, ERROR_NOT_FOUND, "not json", "the server answered 404 Not Found"},
        {409, ERROR_CONFLICT, "[]", "the server answered 409 Conflict"},
        {413, ERROR_LIMIT, "{\"detail\":7}", "the server answered 413"},
        {429, ERROR_LIMIT, "{}", "the server answered 429"},
        {500, ERROR_INTERNAL, "{\"detail\":\"oops\"}", "oops"},
        {502, ERROR_UNAVAILABLE, "<html>", "the server answered 502"},
        {503, ERROR_UNAVAILABLE, "{\"detail\":null}", "the server answered 503"},
        {302, ERROR_INTERNAL, "", "the server answered 302"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err;
        assert_false(api_problem(cases[i].status, str_c(cases[i].body), &err));
        assert_int_equal(err.kind, cases[i].kind);
        assert_non_null(strstr(err.text, cases[i].text));
    }
}

static void addresses_of_servers(void **state) {
    static const struct {
        const char *given, *used;
    } cases[] = {
        {NULL, API_DEFAULT_URL},
        {"http://127.0.0.1:1/", "http://127.0.0.1:1"},
        {"https://example.org/path//", "https://example.org/path"},
        {"ftp://example.org", NULL},
        {"127.0.0.1:8080", NULL},
        {"http://example.org/?x=1", NULL},
        {"http://user@example.org/", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        struct api_server server;
        struct error err;
        bool ok = api_server_init(arena, cases[i].given, "t", NULL, &server, &err);
        assert_int_equal(ok, cases[i].used != NULL);
        if (ok)
            assert_string_equal(server.url, cases[i].used);
        else
            assert_int_equal(err.kind, ERROR_INVALID);
        arena_free(arena);
    }
}

static void a_token_cannot_add_headers(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct api_server server;
    struct error err;
    assert_false(api_server_init(arena, NULL, "a\r\nX: y", NULL, &server, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    arena_free(arena);
}

static void a_token_may_come_from_the_environment(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct api_server server;
    struct error err;
    setenv(API_TOKEN_VARIABLE, "from outside", 1);
    assert_true(api_server_init(arena, NULL, NULL, NULL, &server, &err));
    assert_string_equal(server.token, "from outside");
    assert_true(api_server_init(arena, NULL, "given", NULL, &server, &err));
    assert_string_equal(server.token, "given");
    unsetenv(API_TOKEN_VARIABLE);
    assert_true(api_server_init(arena, NULL, NULL, NULL, &server, &err));
    assert_null(server.token);
    arena_free(arena);
}

/* ---- calls ---- */

/* What the scripted server saw last; written by its thread before the answer is sent. */
struct seen {
    char line[128];
    char authorization[64], key[64], match[64];
    char body[256];
};

static void copy(char *to, size_t size, const char *from) {
    snprintf(to, size, "%s", from == NULL ? "-" : from);
}

static void answer(void *context, struct http_exchange *x, struct str body) {
    struct seen *seen = context;
    snprintf(seen->line, sizeof seen->line, "%s %s?%s", x->request.method, x->request.path,
             x->request.query);
    copy(seen->authorization, sizeof seen->authorization,
         http_headers_get(&x->request.headers, "Authorization"));
    copy(seen->key, sizeof seen->key, http_headers_get(&x->request.headers, "Idempotency-Key"));
    copy(seen->match, sizeof seen->match, http_headers_get(&x->request.headers, "If-None-Match"));
    snprintf(seen->body, sizeof seen->body, "%.*s", STR_ARG(body));
    if (http_headers_get(&x->request.headers, "If-None-Match") != NULL) {
        http_respond(x, 304, "application/json", str_c(""));
        return;
    }
    http_headers_add(x->arena, &x->response.headers, "ETag", "\"e1\"");
    http_respond(x, strcmp(x->request.path, "/broken") == 0 ? 200 : 201, "application/json",
                 str_c(strcmp(x->request.path, "/broken") == 0 ? "{" : "{\"id\":\"j\"}"));
}

static void calls_carry_what_they_should(void **state) {
    (void)state;
    struct seen seen = {0};
    const struct http_small_handler small = {&seen, 65536, answer, NULL};
    const struct http_server_options options = {.address = "127.0.0.1:0",
                                                .handler = http_small_handler(&small)};
    struct http_server *http_server;
    struct error err;
    assert_true(http_server_start(&options, &http_server, &err));
    struct arena *arena = arena_new();
    struct http_client *http = http_client_new();
    struct api_server server;
    assert_true(api_server_init(arena,
                                arena_printf(arena, "http://%s", http_server_address(http_server)),
                                "owner", http, &server, &err));

    json_t *body = json_pack("{s:i}", "version", 1);
    struct api_answer reply;
    const struct api_request create = {
        .method = "POST", .path = "/jobs", .body = body, .idempotency_key = "k-1"};
    assert_true(api_call(&server, arena, &create, &reply, &err));
    assert_string_equal(seen.line, "POST /jobs?");
    assert_string_equal(seen.authorization, "Bearer owner");
    assert_string_equal(seen.key, "k-1");
    assert_string_equal(seen.body, "{\"version\":1}");
    assert_string_equal(json_string_value(json_object_get(reply.body, "id")), "j");
    assert_string_equal(reply.etag, "\"e1\"");
    json_decref(reply.body);
    json_decref(body);

    const struct api_request ask = {
        .method = "GET", .path = "/jobs/j?nudge=1", .token = "job", .if_none_match = "\"e1\""};
    assert_true(api_call(&server, arena, &ask, &reply, &err));
    assert_string_equal(seen.line, "GET /jobs/j?nudge=1");
    assert_string_equal(seen.authorization, "Bearer job");
    assert_string_equal(seen.match, "\"e1\"");
    assert_int_equal(reply.status, 304);
    assert_null(reply.body);

    const struct api_request broken = {.method = "GET", .path = "/broken"};
    assert_false(api_call(&server, arena, &broken, &reply, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);

    http_server_free(http_server);
    assert_false(api_call(&server, arena, &ask, &reply, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    http_client_free(http);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(problems_become_errors),
        cmocka_unit_test(addresses_of_servers),
        cmocka_unit_test(a_token_cannot_add_headers),
        cmocka_unit_test(a_token_may_come_from_the_environment),
        cmocka_unit_test(calls_carry_what_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
