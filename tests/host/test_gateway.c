#include "fixture.h"

#include "base/os.h"
#include "host/gateway.h"
#include "http/client.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define S3_ORIGIN "http://127.0.0.1:9000"

struct rig {
    struct fixture *f;
    struct gateway *gateway;
    struct http_client *http;
    const char *web;
};

static void write_file(struct rig *rig, const char *name, const char *text) {
    struct error err;
    const char *path = arena_printf(rig->f->arena, "%s/%s", rig->f->folder, name);
    if (!publish_file(path, text, strlen(text), 0600, &err))
        fail_msg("%s", err.text);
}

static void make_web(struct rig *rig) {
    struct error err;
    rig->web = arena_printf(rig->f->arena, "%s/web", rig->f->folder);
    assert_true(make_folders(arena_printf(rig->f->arena, "%s/sub", rig->web), &err));
    write_file(rig, "web/index.html", "<!doctype html>");
    write_file(rig, "web/app-4XZ2ABCD.js", "let a");
    write_file(rig, "web/sub/empty.css", "");
    write_file(rig, "web/.hidden", "secret");
    write_file(rig, "outside.txt", "secret");
    write_file(rig, "openapi.json", "{\"openapi\":\"3.1.0\"}");
    assert_int_equal(symlink(arena_printf(rig->f->arena, "%s/outside.txt", rig->f->folder),
                             arena_printf(rig->f->arena, "%s/link.txt", rig->web)),
                     0);
    assert_int_equal(mkfifo(arena_printf(rig->f->arena, "%s/pipe.txt", rig->web), 0600), 0);
}

static void start_gateway(struct rig *rig, bool with_pages) {
    struct fixture *f = rig->f;
    const struct gateway_options options = {
        .address = "127.0.0.1:0",
        .host = f->host,
        .function = "first",
        .web_folder = with_pages ? rig->web : NULL,
        .openapi = with_pages ? arena_printf(f->arena, "%s/openapi.json", f->folder) : NULL,
        .s3_origin = S3_ORIGIN,
        .sender = {.access_key = "SENDER", .secret_key = "secret"},
        .region = "local",
    };
    struct error err;
    if (!gateway_start(&options, &rig->gateway, &err))
        fail_msg("%s", err.text);
}

static int setup(void **state) {
    void *fixture = NULL;
    assert_int_equal(fixture_setup(&fixture), 0);
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig->f = fixture;
    rig->f->functions[0].timeout_seconds = 1;
    rig->f->functions[0].max_concurrency = 2;
    rig->http = http_client_new();
    make_web(rig);
    fixture_start(rig->f);
    start_gateway(rig, true);
    *state = rig;
    return 0;
}

static int teardown(void **state) {
    struct rig *rig = *state;
    void *fixture = rig->f;
    gateway_free(rig->gateway);
    http_client_free(rig->http);
    fixture_teardown(&fixture);
    free(rig);
    return 0;
}

struct ask {
    const char *method, *path;
    const char *name, *value; /* a header */
    struct str body;
};

static struct http_reply ask(struct rig *rig, struct ask ask) {
    struct arena *arena = rig->f->arena;
    struct http_call call = http_call(
        ask.method, arena_printf(arena, "http://%s%s", gateway_address(rig->gateway), ask.path));
    if (ask.name != NULL)
        http_headers_add(arena, &call.headers, ask.name, ask.value);
    call.body = ask.body.ptr;
    call.body_size = ask.body.len;
    call.timeout_ms = FIXTURE_BOUND_MS;
    call.max_reply_bytes = 16 << 20;
    struct http_reply reply;
    struct error err;
    if (!http_client_perform(rig->http, arena, &call, &reply, &err))
        fail_msg("%s %s: %s", ask.method, ask.path, err.text);
    return reply;
}

static struct http_reply get(struct rig *rig, const char *path) {
    return ask(rig, (struct ask){.method = "GET", .path = path});
}

static const char *header(const struct http_reply *reply, const char *name) {
    const char *value = http_headers_get(&reply->headers, name);
    return value != NULL ? value : "none";
}

static void assert_problem(const struct http_reply *reply, unsigned status, const char *code) {
    assert_int_equal(reply->status, status);
    assert_string_equal(header(reply, "content-type"), "application/problem+json");
    json_t *root = json_loads(reply->body.ptr, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(root, "type")), "about:blank");
    assert_int_equal(json_integer_value(json_object_get(root, "status")), status);
    assert_string_equal(json_string_value(json_object_get(root, "code")), code);
    assert_true(json_string_length(json_object_get(root, "title")) > 0);
    assert_true(json_string_length(json_object_get(root, "detail")) > 0);
    json_decref(root);
}

/* ---- pages ---- */

static void pages_are_served(void **state) {
    struct rig *rig = *state;
    static const struct {
        const char *path, *type, *cache, *body;
    } cases[] = {
        {"/", "text/html; charset=utf-8", "no-cache", "<!doctype html>"},
        {"/index.html", "text/html; charset=utf-8", "no-cache", "<!doctype html>"},
        {"/app-4XZ2ABCD.js", "text/javascript; charset=utf-8",
         "public, max-age=31536000, immutable", "let a"},
        {"/sub/empty.css", "text/css; charset=utf-8", "no-cache", ""},
        {"/openapi.json", "application/json", "no-cache", "{\"openapi\":\"3.1.0\"}"},
        {"/healthz", "application/json", "no-store", "{\"status\":\"ok\"}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_reply reply = get(rig, cases[i].path);
        assert_int_equal(reply.status, 200);
        assert_string_equal(header(&reply, "content-type"), cases[i].type);
        assert_string_equal(header(&reply, "cache-control"), cases[i].cache);
        assert_string_equal(reply.body.ptr, cases[i].body);
        assert_string_equal(header(&reply, "x-content-type-options"), "nosniff");
        assert_string_equal(header(&reply, "referrer-policy"), "no-referrer");
        const char *policy = header(&reply, "content-security-policy");
        assert_non_null(strstr(policy, "default-src 'self';"));
        assert_non_null(strstr(policy, "connect-src 'self' " S3_ORIGIN ";"));
        assert_non_null(strstr(policy, "media-src 'self' blob: " S3_ORIGIN ";"));
        assert_non_null(strstr(policy, "script-src 'self' 'wasm-unsafe-eval';"));
        assert_null(strstr(policy, "'unsafe-"));
        struct http_reply head = ask(rig, (struct ask){.method = "HEAD", .path = cases[i].path});
        assert_int_equal(head.status, 200);
        assert_int_equal(head.body.len, 0);
        assert_string_equal(header(&head, "content-length"), header(&reply, "content-length"));
    }
}

static void known_pages_are_not_sent_again(void **state) {
    struct rig *rig = *state;
    struct http_reply reply = get(rig, "/");
    const char *etag = header(&reply, "etag");
    const char *const known[] = {etag, "*", arena_printf(rig->f->arena, "W/%s", etag),
                                 arena_printf(rig->f->arena, "\"x\", %s ,\"y\"", etag)};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        struct http_reply again = ask(
            rig,
            (struct ask){.method = "GET", .path = "/", .name = "If-None-Match", .value = known[i]});
        assert_int_equal(again.status, 304);
        assert_string_equal(header(&again, "etag"), etag);
        assert_int_equal(again.body.len, 0);
    }
    static const char *const others[] = {"\"other\"", "", ",", "W/", "garbage"};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_int_equal(ask(rig, (struct ask){.method = "GET",
                                               .path = "/",
                                               .name = "If-None-Match",
                                               .value = others[i]})
                             .status,
                         200);
    write_file(rig, "web/index.html", "<!DOCTYPE html>");
    struct http_reply changed = ask(
        rig, (struct ask){.method = "GET", .path = "/", .name = "If-None-Match", .value = etag});
    assert_int_equal(changed.status, 200);
    assert_string_not_equal(header(&changed, "etag"), etag);
}

static void compressed_twins_are_served_to_those_who_take_them(void **state) {
    struct rig *rig = *state;
    write_file(rig, "web/index.html.gz", "squeezed");
    static const struct {
        const char *accept;
        bool compressed;
    } cases[] = {
        {"gzip", true},
        {"gzip, deflate, br, zstd", true},
        {"br;q=1.0, gzip;q=0.5", true},
        {"br , gzip ", true},
        {"gzip;q=0", false},
        {"gzip;q=0.000, br", false},
        {"gzip; q=0", false},
        {"br", false},
        {"gzipped", false},
        {"", false},
        {",;,", false},
    };
    struct http_reply plain = get(rig, "/");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_reply reply = ask(rig, (struct ask){.method = "GET",
                                                        .path = "/",
                                                        .name = "Accept-Encoding",
                                                        .value = cases[i].accept});
        bool compressed = strcmp(header(&reply, "content-encoding"), "gzip") == 0;
        if (compressed != cases[i].compressed)
            fail_msg("'%s': %s", cases[i].accept, header(&reply, "content-encoding"));
        assert_string_equal(header(&reply, "vary"), "Accept-Encoding");
        assert_string_equal(header(&reply, "content-type"), "text/html; charset=utf-8");
        assert_string_equal(reply.body.ptr, compressed ? "squeezed" : "<!doctype html>");
        assert_int_equal(strcmp(header(&reply, "etag"), header(&plain, "etag")) == 0, !compressed);
    }
    /* The page was built anew, and its twin is not yet. */
    const struct timespec former[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    const char *twin = arena_printf(rig->f->arena, "%s/web/index.html.gz", rig->f->folder);
    assert_int_equal(utimensat(AT_FDCWD, twin, former, 0), 0);
    struct http_reply reply =
        ask(rig,
            (struct ask){.method = "GET", .path = "/", .name = "Accept-Encoding", .value = "gzip"});
    assert_string_equal(header(&reply, "content-encoding"), "none");
}

static void nothing_else_is_served(void **state) {
    struct rig *rig = *state;
    static const char *const paths[] = {"/nothing",
                                        "/.hidden",
                                        "/sub",
                                        "/sub/",
                                        "/../outside.txt",
                                        "/%2e%2e/outside.txt",
                                        "/sub/..%2f..%2foutside.txt",
                                        "//index.html",
                                        "/link.txt",
                                        "/pipe.txt",
                                        "/index.html/",
                                        "/index.html%00.js",
                                        "/jobsx",
                                        "/Jobs"};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct http_reply reply = get(rig, paths[i]);
        if (reply.status != 404)
            fail_msg("'%s': %u", paths[i], reply.status);
        assert_problem(&reply, 404, "not-found");
    }
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        struct http_reply reply = ask(rig, (struct ask){.method = methods[i], .path = "/"});
        assert_problem(&reply, 405, "method-not-allowed");
        assert_string_equal(header(&reply, "allow"), "GET, HEAD");
    }
}

static void without_pages_it_says_so(void **state) {
    struct rig *rig = *state;
    gateway_free(rig->gateway);
    host_stop(rig->f->host, 0);
    fixture_start(rig->f);
    start_gateway(rig, false);
    struct http_reply reply = get(rig, "/");
    assert_int_equal(reply.status, 404);
    assert_non_null(strstr(reply.body.ptr, "not installed"));
    assert_int_equal(get(rig, "/openapi.json").status, 404);
    assert_int_equal(get(rig, "/index.html").status, 404);
    assert_int_equal(get(rig, "/healthz").status, 200);
    assert_int_equal(get(rig, "/jobs").status, 200);
}

/* ---- the function ---- */

static void a_request_reaches_the_function(void **state) {
    struct rig *rig = *state;
    struct http_reply reply = ask(rig, (struct ask){.method = "PUT",
                                                    .path = "/jobs/x?a=1&a=2",
                                                    .name = "Content-Type",
                                                    .value = "application/json",
                                                    .body = str_c("{\"n\":1}")});
    assert_int_equal(reply.status, 200);
    json_t *event = json_loads(reply.body.ptr, 0, NULL);
    const char *path, *query, *method, *ip, *a, *body, *type, *forwarded;
    int encoded;
    assert_int_equal(json_unpack(event, "{ss ss s{s{ss ss}} s{ss} ss sb s{ss ss}}", "rawPath",
                                 &path, "rawQueryString", &query, "requestContext", "http",
                                 "method", &method, "sourceIp", &ip, "queryStringParameters", "a",
                                 &a, "body", &body, "isBase64Encoded", &encoded, "headers",
                                 "content-type", &type, "x-forwarded-for", &forwarded),
                     0);
    assert_string_equal(path, "/jobs/x");
    assert_string_equal(query, "a=1&a=2");
    assert_string_equal(method, "PUT");
    assert_string_equal(ip, "127.0.0.1");
    assert_string_equal(a, "1,2");
    assert_string_equal(body, "{\"n\":1}");
    assert_false(encoded);
    assert_string_equal(type, "application/json");
    assert_string_equal(forwarded, "127.0.0.1");
    json_decref(event);
}

static void binary_bodies_go_both_ways(void **state) {
    struct rig *rig = *state;
    struct http_reply reply = ask(rig, (struct ask){.method = "POST",
                                                    .path = "/jobs",
                                                    .name = "Content-Type",
                                                    .value = "image/jpeg",
                                                    .body = {"\xFF\xD8\0\x01", 4}});
    json_t *event = json_loads(reply.body.ptr, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(event, "body")), "/9gAAQ==");
    assert_true(json_is_true(json_object_get(event, "isBase64Encoded")));
    json_decref(event);
    reply = get(rig, "/jobs/binary");
    assert_int_equal(reply.body.len, 3);
    assert_memory_equal(reply.body.ptr, "\x00\xFF\x01", 3);
    assert_string_equal(header(&reply, "content-type"), "image/x");
}

static void answers_go_through(void **state) {
    struct rig *rig = *state;
    struct http_reply reply = get(rig, "/jobs/plain");
    assert_int_equal(reply.status, 201);
    assert_string_equal(reply.body.ptr, "made");
    assert_string_equal(header(&reply, "x-number"), "7");
    assert_string_equal(header(&reply, "etag"), "\"e\"");
    assert_string_equal(header(&reply, "x-content-type-options"), "nosniff");
    size_t cookies = 0;
    for (size_t i = 0; i < reply.headers.count; i++)
        cookies += str_equal_nocase(str_c(reply.headers.items[i].name), str_c("set-cookie"));
    assert_int_equal(cookies, 2);
    assert_int_equal(get(rig, "/jobs/empty").status, 204);
    reply = get(rig, "/jobs/bare");
    assert_int_equal(reply.status, 200);
    assert_string_equal(header(&reply, "content-type"), "application/json");
    assert_string_equal(reply.body.ptr, "{\"no\":\"status\"}");
}

static void failures_become_problems(void **state) {
    struct rig *rig = *state;
    static const struct {
        const char *path;
        unsigned status;
        const char *code;
    } cases[] = {
        {"/jobs/fail", 502, "function-failed"},
        {"/jobs/crash", 502, "function-failed"},
        {"/jobs/hang", 504, "timeout"},
        {"/jobs/bad-json", 502, "function-failed"},
        {"/jobs/bad-status", 502, "function-failed"},
        {"/jobs/bad-header", 502, "function-failed"},
        {"/jobs?a=%GG", 400, "invalid"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_reply reply = get(rig, cases[i].path);
        assert_problem(&reply, cases[i].status, cases[i].code);
        assert_string_equal(header(&reply, "x-content-type-options"), "nosniff");
    }
}

static void bodies_are_limited(void **state) {
    struct rig *rig = *state;
    static const struct {
        size_t size;
        const char *type;
        char fill;
        unsigned status;
    } cases[] = {
        {4600 * 1024, "image/jpeg", 'x', 200},
        {5 * 1024 * 1024, "image/jpeg", 'x', 413}, /* in base64 */
        {5 * 1024 * 1024, "text/plain", '"', 413}, /* escaped */
        {6 * 1024 * 1024, "text/plain", 'x', 413},
        {40 * 1024 * 1024, "text/plain", 'x', 413},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *body = malloc(cases[i].size);
        assert_non_null(body);
        memset(body, cases[i].fill, cases[i].size);
        /* It does not send the body back, which would be over the limit of answers. */
        struct http_reply reply = ask(rig, (struct ask){.method = "POST",
                                                        .path = "/jobs/plain",
                                                        .name = "Content-Type",
                                                        .value = cases[i].type,
                                                        .body = {body, cases[i].size}});
        free(body);
        if (cases[i].status == 200)
            assert_int_equal(reply.status, 201);
        else
            assert_problem(&reply, 413, "too-large");
    }
}

static void *get_slowly(void *context) {
    struct rig *rig = context;
    struct arena *arena = arena_new();
    struct http_call call =
        http_call("GET", arena_printf(arena, "http://%s/jobs/hang", gateway_address(rig->gateway)));
    call.max_reply_bytes = 65536;
    struct http_reply reply = {0};
    struct error err;
    if (!http_client_perform(rig->http, arena, &call, &reply, &err))
        reply.status = 0;
    arena_free(arena);
    return (void *)(uintptr_t)reply.status;
}

/* The answer is the timeout's, or the host's that ends, never a connection cut off. */
static void running_requests_are_answered_at_the_end(void **state) {
    struct rig *rig = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, get_slowly, rig), 0);
    int64_t end_ms = clock_monotonic_ms() + FIXTURE_BOUND_MS;
    struct host_stats stats;
    do
        host_stats(rig->f->host, &stats);
    while (stats.invocations == 0 && clock_monotonic_ms() < end_ms);
    gateway_free(rig->gateway);
    rig->gateway = NULL;
    void *status;
    pthread_join(thread, &status);
    assert_int_equal((uintptr_t)status, 504);
}

static void bad_options_are_refused(void **state) {
    struct rig *rig = *state;
    static const struct {
        const char *address;
        const char *origin;
    } cases[] = {
        {"nonsense", NULL},
        {"127.0.0.1:0", "ftp://a"},
        {"127.0.0.1:0", "http://"},
        {"127.0.0.1:0", "http://a; script-src *"},
        {"127.0.0.1:0", "http://a/b"},
        {"127.0.0.1:0", "http://a b"},
        {"127.0.0.1:0", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct gateway_options options = {.address = cases[i].address,
                                                .host = rig->f->host,
                                                .function = "first",
                                                .s3_origin = cases[i].origin};
        struct gateway *gateway;
        struct error err;
        assert_false(gateway_start(&options, &gateway, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
    }
    const struct gateway_options taken = {
        .address = gateway_address(rig->gateway), .host = rig->f->host, .function = "first"};
    struct gateway *gateway;
    struct error err;
    assert_false(gateway_start(&taken, &gateway, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    gateway_free(NULL);
}

#define WITH_RIG(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_RIG(pages_are_served),
        WITH_RIG(known_pages_are_not_sent_again),
        WITH_RIG(compressed_twins_are_served_to_those_who_take_them),
        WITH_RIG(nothing_else_is_served),
        WITH_RIG(without_pages_it_says_so),
        WITH_RIG(a_request_reaches_the_function),
        WITH_RIG(binary_bodies_go_both_ways),
        WITH_RIG(answers_go_through),
        WITH_RIG(failures_become_problems),
        WITH_RIG(bodies_are_limited),
        WITH_RIG(running_requests_are_answered_at_the_end),
        WITH_RIG(bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
