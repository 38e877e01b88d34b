#include "http/client.h"

#include "http/server.h"
#include "raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct arena *arena;
static struct http_client *client;

static int set_up(void **state) {
    (void)state;
    arena = arena_new();
    client = http_client_new();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    http_client_free(client);
    arena_free(arena);
    return 0;
}

static struct http_call call_of(const char *method, const struct raw_server *server,
                                const char *target) {
    struct http_call call =
        http_call(method, arena_printf(arena, "http://%s%s", server->address, target));
    call.max_reply_bytes = 1000;
    return call;
}

static struct http_reply perform(const struct http_call *call) {
    struct http_reply reply;
    struct error err;
    if (!http_client_perform(client, arena, call, &reply, &err))
        fail_msg("%s", err.text);
    return reply;
}

static void assert_fails(const struct http_call *call, enum error_kind kind, const char *part) {
    struct http_reply reply = {.status = 42};
    struct error err;
    if (http_client_perform(client, arena, call, &reply, &err))
        fail_msg("answered with %u", reply.status);
    if (err.kind != kind || !strstr(err.text, part))
        fail_msg("%s: '%s'", error_kind_name(err.kind), err.text);
    assert_int_equal(reply.status, 42);
}

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static void requests_are_sent_as_described(void **state) {
    (void)state;
    static const struct {
        const char *method, *body, *start, *length;
    } cases[] = {
        {"GET", NULL, "GET /a/../b%2Fc?x=%20&y HTTP/1.1\r\n", NULL},
        {"DELETE", NULL, "DELETE /a/../b%2Fc?x=%20&y HTTP/1.1\r\n", NULL},
        {"HEAD", NULL, "HEAD /a/../b%2Fc?x=%20&y HTTP/1.1\r\n", NULL},
        {"OPTIONS", NULL, "OPTIONS /a/../b%2Fc?x=%20&y HTTP/1.1\r\n", NULL},
        {"PUT", NULL, "PUT /a/../b%2Fc?x=%20&y HTTP/1.1\r\n", "\r\nContent-Length: 0\r\n"},
        {"POST", NULL, "POST /a/../b%2Fc?x=%20&y HTTP/1.1\r\n", "\r\nContent-Length: 0\r\n"},
        {"PUT", "abc", "PUT /a/../b%2Fc?x=%20&y HTTP/1.1\r\n", "\r\nContent-Length: 3\r\n"},
        {"POST", "abc", "POST /a/../b%2Fc?x=%20&y HTTP/1.1\r\n", "\r\nContent-Length: 3\r\n"},
        {"PATCH", "abc", "PATCH /a/../b%2Fc?x=%20&y HTTP/1.1\r\n", "\r\nContent-Length: 3\r\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        static const char *const script[] = {OK_EMPTY, NULL, NULL};
        struct raw_server server;
        raw_server_start(&server, script);
        struct http_call call = call_of(cases[i].method, &server, "/a/../b%2Fc?x=%20&y");
        http_headers_add(arena, &call.headers, "X-Probe", "some value");
        http_headers_add(arena, &call.headers, "X-Empty", "");
        http_headers_add(arena, &call.headers, "Content-Length", "77");
        http_headers_add(arena, &call.headers, "Host", "other.example:1");
        if (cases[i].body) {
            call.body = cases[i].body;
            call.body_size = strlen(cases[i].body);
        }
        assert_int_equal(perform(&call).status, 200);
        raw_server_join(&server);
        const char *head = server.heads[0];
        assert_memory_equal(head, cases[i].start, strlen(cases[i].start));
        assert_non_null(strstr(head, "\r\nX-Probe: some value\r\n"));
        assert_non_null(strstr(head, "\r\nX-Empty:\r\n"));
        assert_non_null(strstr(head, "\r\nHost: other.example:1\r\n"));
        assert_null(strstr(head, "Expect"));
        assert_null(strstr(head, "chunked"));
        assert_null(strstr(head, "77"));
        const char *length = strstr(head, "\r\nContent-Length:");
        if (cases[i].length)
            assert_memory_equal(length, cases[i].length, strlen(cases[i].length));
        else
            assert_null(length);
    }
}

static void calls_that_cannot_be_made(void **state) {
    (void)state;
    static const char *const bad_urls[] = {"",
                                           "/a",
                                           "ftp://127.0.0.1/",
                                           "file:///etc/passwd",
                                           "http://a b/",
                                           "http://user:pw@127.0.0.1/"};
    for (size_t i = 0; i < ARRAY_SIZE(bad_urls); i++) {
        struct http_call call = http_call("GET", bad_urls[i]);
        assert_fails(&call, ERROR_INVALID, "URL");
    }
    static const char *const bad_methods[] = {
        "", "get", "GET ", "GET\r\nX: y", "G/T", "ABCDEFGHIJKLMNOPQ"};
    for (size_t i = 0; i < ARRAY_SIZE(bad_methods); i++) {
        struct http_call call = http_call(bad_methods[i], "http://127.0.0.1:9/");
        assert_fails(&call, ERROR_INVALID, "method");
    }
    static const struct http_header bad_headers[] = {
        {"A", "b\r\nC: d"}, {"A", "b\n"}, {"A\r\nB", "c"}, {"", "b"}, {"A", "b\x01"}};
    for (size_t i = 0; i < ARRAY_SIZE(bad_headers); i++) {
        struct http_call call = http_call("GET", "http://127.0.0.1:9/");
        http_headers_add(arena, &call.headers, bad_headers[i].name, bad_headers[i].value);
        assert_fails(&call, ERROR_INVALID, "header");
    }
}

static void nobody_listens(void **state) {
    (void)state;
    static const char *const script[] = {NULL, NULL};
    struct raw_server server;
    raw_server_start(&server, script);
    raw_server_join(&server);
    struct http_call call = call_of("GET", &server, "/k?X-Amz-Signature=secret");
    assert_fails(&call, ERROR_UNAVAILABLE, server.address);
    struct http_reply reply;
    struct error err;
    assert_false(http_client_perform(client, arena, &call, &reply, &err));
    assert_null(strstr(err.text, "secret"));
}

static void answers_are_read(void **state) {
    (void)state;
    static const char *const script[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag:  \"x\"  \r\nX-Empty:\r\n\r\nhello",
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: "
        "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 201 Created\r\n"
        "Content-Length: 0\r\nX-Late: 2\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nuntil the end",
        NULL,
        NULL};
    static const struct {
        unsigned status;
        const char *body;
    } expected[] = {{200, "hello"}, {404, "abcde"}, {201, ""},
                    {302, ""},      {204, ""},      {200, "until the end"}};
    struct raw_server server;
    raw_server_start(&server, script);
    struct http_call call = call_of("GET", &server, "/");
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        struct http_reply reply = perform(&call);
        assert_int_equal(reply.status, expected[i].status);
        assert_string_equal(reply.body.ptr, expected[i].body);
        assert_int_equal(reply.body.len, strlen(expected[i].body));
        if (i == 0) {
            assert_string_equal(http_headers_get(&reply.headers, "etag"), "\"x\"");
            assert_string_equal(http_headers_get(&reply.headers, "x-empty"), "");
        }
        if (i == 2) {
            assert_null(http_headers_get(&reply.headers, "x-early"));
            assert_string_equal(http_headers_get(&reply.headers, "x-late"), "2");
        }
    }
    /* All on one connection, or the script would not have gone on. */
    raw_server_join(&server);
    assert_int_equal(server.head_count, ARRAY_SIZE(expected));
}

static void head_answer_has_no_body(void **state) {
    (void)state;
    static const char *const script[] = {"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", NULL,
                                         NULL};
    struct raw_server server;
    raw_server_start(&server, script);
    struct http_call call = call_of("HEAD", &server, "/");
    struct http_reply reply = perform(&call);
    raw_server_join(&server);
    assert_string_equal(http_headers_get(&reply.headers, "content-length"), "5000");
    assert_int_equal(reply.body.len, 0);
}

static void cut_and_broken_answers(void **state) {
    (void)state;
    static const char *const answers[] = {
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx",
        "garbage\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        const char *const script[] = {answers[i], NULL, NULL};
        struct raw_server server;
        raw_server_start(&server, script);
        struct http_call call = call_of("GET", &server, "/");
        struct http_reply reply = {.status = 42};
        struct error err;
        if (http_client_perform(client, arena, &call, &reply, &err))
            fail_msg("case %zu was taken", i);
        assert_int_equal(err.kind, ERROR_UNAVAILABLE);
        assert_true(strlen(err.text) > 10);
        raw_server_join(&server);
    }
}

static void dead_kept_connection_is_replaced(void **state) {
    (void)state;
    static const char *const script[] = {OK_EMPTY, NULL, OK_EMPTY, NULL, NULL};
    struct raw_server server;
    raw_server_start(&server, script);
    struct http_call call = call_of("PUT", &server, "/");
    call.body = "abc";
    call.body_size = 3;
    assert_int_equal(perform(&call).status, 200);
    assert_int_equal(perform(&call).status, 200);
    raw_server_join(&server);
}

static void heads_are_limited(void **state) {
    (void)state;
    char *most = arena_strdup(arena, "HTTP/1.1 200 OK\r\n");
    for (int i = 1; i < HTTP_MAX_HEADERS; i++)
        most = arena_printf(arena, "%sA: b\r\n", most);
    const char *long_value = arena_printf(arena, "%090000d", 0);
    const char *const heads[] = {
        arena_printf(arena, "%sContent-Length: 0\r\n\r\n", most),
        arena_printf(arena, "%sA: b\r\nContent-Length: 0\r\n\r\n", most),
        arena_printf(arena, "HTTP/1.1 200 OK\r\nA: %s\r\nB: %s\r\nC: %s\r\n\r\n", long_value,
                     long_value, long_value),
    };
    for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
        const char *const script[] = {heads[i], NULL, NULL};
        struct raw_server server;
        raw_server_start(&server, script);
        struct http_call call = call_of("GET", &server, "/");
        if (i == 0)
            assert_int_equal(perform(&call).headers.count, HTTP_MAX_HEADERS);
        else
            assert_fails(&call, ERROR_LIMIT, "too many headers");
        raw_server_join(&server);
    }
}

static void bodies_are_limited(void **state) {
    (void)state;
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        const char *const script[] = {answers[i], NULL, answers[i], NULL, NULL};
        struct raw_server server;
        raw_server_start(&server, script);
        struct http_call call = call_of("GET", &server, "/");
        call.max_reply_bytes = 4;
        assert_fails(&call, ERROR_LIMIT, "4 bytes");
        call.max_reply_bytes = 5;
        assert_string_equal(perform(&call).body.ptr, "hello");
        raw_server_join(&server);
    }
    /* A length that nobody could hold is refused before anything is allocated. */
    static const char *const script[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\nx", NULL, NULL};
    struct raw_server server;
    raw_server_start(&server, script);
    struct http_call call = call_of("GET", &server, "/");
    assert_fails(&call, ERROR_LIMIT, "1000 bytes");
    raw_server_join(&server);
}

struct sunk {
    size_t size;
    size_t stop_at;
};

static bool sink(void *context, const void *data, size_t size, struct error *err) {
    (void)data;
    struct sunk *sunk = context;
    sunk->size += size;
    if (sunk->size >= sunk->stop_at)
        return error_set(err, ERROR_CONFLICT, "Stopped", "enough");
    return true;
}

static void sink_takes_what_was_asked_for(void **state) {
    (void)state;
    static const char *const script[] = {
        "HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\ndenied",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", NULL, NULL};
    struct raw_server server;
    raw_server_start(&server, script);
    struct sunk sunk = {.stop_at = 1000};
    struct http_call call = call_of("GET", &server, "/");
    call.max_reply_bytes = 0;
    call.sink = sink;
    call.sink_context = &sunk;
    struct http_reply reply = perform(&call);
    assert_int_equal(reply.body.len, 0);
    assert_int_equal(sunk.size, 5);
    reply = perform(&call);
    assert_int_equal(reply.status, 403);
    assert_string_equal(reply.body.ptr, "denied");
    assert_int_equal(sunk.size, 5);
    sunk.stop_at = 7;
    struct error err;
    assert_false(http_client_perform(client, arena, &call, &reply, &err));
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(err.code, "Stopped");
    assert_non_null(strstr(err.text, "enough"));
    raw_server_join(&server);
}

/* A server that counts what it gets, and blocks when asked to. */
struct app {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool released;
};

static bool app_begin(void *context, struct http_exchange *x) {
    (void)context;
    x->state = arena_alloc(x->arena, sizeof(uint64_t[2]));
    return true;
}

static bool app_body(void *context, struct http_exchange *x, const void *data, size_t size) {
    (void)context;
    uint64_t *counts = x->state;
    for (size_t i = 0; i < size; i++)
        counts[1] = counts[1] * 31 + ((const uint8_t *)data)[i];
    counts[0] += size;
    return true;
}

static void app_finish(void *context, struct http_exchange *x) {
    struct app *app = context;
    const uint64_t *counts = x->state;
    if (strcmp(x->request.path, "/block") == 0) {
        pthread_mutex_lock(&app->mutex);
        while (!app->released)
            pthread_cond_wait(&app->changed, &app->mutex);
        pthread_mutex_unlock(&app->mutex);
    }
    http_respond(x, 200, "text/plain",
                 str_c(arena_printf(x->arena, "%llu %llu", (unsigned long long)counts[0],
                                    (unsigned long long)counts[1])));
}

static struct app app = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct http_server *app_start(void) {
    app.released = false;
    struct http_server_options options = {.address = "127.0.0.1:0",
                                          .handler = {&app, app_begin, app_body, app_finish, NULL}};
    struct http_server *server = NULL;
    struct error err;
    assert_true(http_server_start(&options, &server, &err));
    return server;
}

static void app_free(struct http_server *server) {
    pthread_mutex_lock(&app.mutex);
    app.released = true;
    pthread_cond_broadcast(&app.changed);
    pthread_mutex_unlock(&app.mutex);
    http_server_free(server);
}

static const char *url_of(const struct http_server *server, const char *path) {
    return arena_printf(arena, "http://%s%s", http_server_address(server), path);
}

static void part_of_a_file_is_sent(void **state) {
    (void)state;
    enum { SIZE = 5000000 };
    uint8_t *data = arena_alloc(arena, SIZE);
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(i * 13 + i / 500);
    int fd = memfd_create("body", MFD_CLOEXEC);
    assert_int_equal(write(fd, data, SIZE), SIZE);
    struct http_server *server = app_start();
    static const struct {
        uint64_t offset;
        size_t size;
    } cases[] = {{0, SIZE}, {1, 1}, {SIZE - 1, 1}, {1000001, 3000000}, {7, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_call call = http_call("PUT", url_of(server, "/"));
        call.body_fd = fd;
        call.body_offset = cases[i].offset;
        call.body_size = cases[i].size;
        call.max_reply_bytes = 100;
        uint64_t sum = 0;
        for (size_t j = 0; j < cases[i].size; j++)
            sum = sum * 31 + data[cases[i].offset + j];
        assert_string_equal(perform(&call).body.ptr, arena_printf(arena, "%zu %llu", cases[i].size,
                                                                  (unsigned long long)sum));
    }
    struct http_call call = http_call("PUT", url_of(server, "/"));
    call.body_fd = fd;
    call.body_offset = SIZE - 10;
    call.body_size = 20;
    call.max_reply_bytes = 100;
    assert_fails(&call, ERROR_CONFLICT, "shorter");
    close(fd);
    call.body_fd = open("/", O_RDONLY | O_CLOEXEC);
    assert_fails(&call, ERROR_INTERNAL, "cannot read");
    close(call.body_fd);
    app_free(server);
}

static bool count_progress(void *context, uint64_t sent_bytes) {
    uint64_t *most = context;
    if (sent_bytes > *most)
        *most = sent_bytes;
    return true;
}

static bool stop_progress(void *context, uint64_t sent_bytes) {
    (void)context;
    return sent_bytes == 0;
}

static void progress_is_told_and_may_stop(void **state) {
    (void)state;
    enum { SIZE = 30000000 };
    struct http_server *server = app_start();
    uint64_t most = 0;
    struct http_call call = http_call("PUT", url_of(server, "/"));
    call.body = arena_alloc(arena, SIZE);
    call.body_size = SIZE;
    call.max_reply_bytes = 100;
    call.progress = count_progress;
    call.progress_context = &most;
    assert_int_equal(perform(&call).status, 200);
    assert_int_equal(most, SIZE);
    call.progress = stop_progress;
    assert_fails(&call, ERROR_UNAVAILABLE, "stopped");
    call.progress = NULL;
    assert_int_equal(perform(&call).status, 200);
    app_free(server);
}

static void time_limits(void **state) {
    (void)state;
    struct http_server *server = app_start();
    struct http_call call = http_call("GET", url_of(server, "/block"));
    call.max_reply_bytes = 100;
    call.timeout_ms = 50;
    assert_fails(&call, ERROR_UNAVAILABLE, "");
    call.timeout_ms = 0;
    call.stall_timeout_ms = 50;
    assert_fails(&call, ERROR_UNAVAILABLE, "no byte moved for 50 ms");
    app_free(server);
}

static void *call_many_times(void *context) {
    struct arena *mine CLEANUP(arena_cleanup) = arena_new();
    for (int i = 0; i < 40; i++) {
        struct http_call call = http_call("POST", context);
        call.body = "0123456789";
        call.body_size = (size_t)(i % 11);
        call.max_reply_bytes = 100;
        struct http_reply reply;
        struct error err;
        if (!http_client_perform(client, mine, &call, &reply, &err) || reply.status != 200)
            return context;
    }
    return NULL;
}

static void threads_share_a_client(void **state) {
    (void)state;
    struct http_server *server = app_start();
    char *url = arena_strdup(arena, url_of(server, "/"));
    pthread_t threads[16];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_many_times, url), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    app_free(server);
}

static void proxies_are_not_asked_for_loopback(void **state) {
    (void)state;
    struct http_server *server = app_start();
    setenv("http_proxy", "http://127.0.0.1:1/", 1);
    setenv("all_proxy", "http://127.0.0.1:1/", 1);
    struct http_call call = http_call("GET", url_of(server, "/"));
    call.max_reply_bytes = 100;
    assert_int_equal(perform(&call).status, 200);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    app_free(server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(requests_are_sent_as_described),
        TEST(calls_that_cannot_be_made),
        TEST(nobody_listens),
        TEST(answers_are_read),
        TEST(head_answer_has_no_body),
        TEST(cut_and_broken_answers),
        TEST(dead_kept_connection_is_replaced),
        TEST(heads_are_limited),
        TEST(bodies_are_limited),
        TEST(sink_takes_what_was_asked_for),
        TEST(part_of_a_file_is_sent),
        TEST(progress_is_told_and_may_stop),
        TEST(time_limits),
        TEST(threads_share_a_client),
        TEST(proxies_are_not_asked_for_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
