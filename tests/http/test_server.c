#include "http/server.h"

#include "http/client.h"
#include "raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The application under the server: what it does is in the path. */
struct app {
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    size_t begun, closed, blocked;
    bool released;
    struct http_extent extents[4];
    size_t extent_count;
};

struct upload {
    uint64_t size;
    uint64_t sum;
};

static bool has_path(const struct http_exchange *x, const char *path) {
    return strcmp(x->request.path, path) == 0;
}

static bool app_begin(void *context, struct http_exchange *x) {
    struct app *app = context;
    pthread_mutex_lock(&app->mutex);
    app->begun++;
    pthread_cond_broadcast(&app->changed);
    pthread_mutex_unlock(&app->mutex);
    x->state = arena_alloc(x->arena, sizeof(struct upload));
    if (has_path(x, "/refuse")) {
        http_respond(x, 403, "text/plain", str_c("no"));
        return false;
    }
    return true;
}

static bool app_body(void *context, struct http_exchange *x, const void *data, size_t size) {
    (void)context;
    struct upload *upload = x->state;
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        upload->sum = upload->sum * 31 + bytes[i];
    upload->size += size;
    if (has_path(x, "/refuse-late") && upload->size > 100000) {
        http_respond(x, 413, "text/plain", str_c("too much"));
        return false;
    }
    return true;
}

static void respond_with_request(struct http_exchange *x) {
    const struct http_request *r = &x->request;
    const char *probe = http_headers_get(&r->headers, "x-probe");
    http_respond(x, 200, "text/plain",
                 str_c(arena_printf(x->arena, "%s %s ? %s; %lld %d; %s; %s", r->method, r->path,
                                    r->query, (long long)r->content_length, r->chunked, r->peer,
                                    probe ? probe : "none")));
}

static void respond_with_headers(struct http_exchange *x) {
    http_respond(x, 200, "text/plain", str_c("body"));
    http_headers_add(x->arena, &x->response.headers, "ETag", "\"abc\"");
    http_headers_add(x->arena, &x->response.headers, "Content-Length", "1000");
    http_headers_add(x->arena, &x->response.headers, "Date", "never");
    http_headers_add(x->arena, &x->response.headers, "connection", "upgrade");
    http_headers_add(x->arena, &x->response.headers, "X-Split", "a\r\nX-Forged: b");
    http_headers_add(x->arena, &x->response.headers, "Transfer-Encoding", "chunked");
}

static void respond_with_extents(struct app *app, struct http_exchange *x) {
    x->response.status = 200;
    x->response.extent_count = app->extent_count;
    x->response.extents = arena_array(x->arena, app->extent_count + 1, sizeof app->extents[0]);
    memcpy(x->response.extents, app->extents, app->extent_count * sizeof app->extents[0]);
    for (size_t i = 0; i < app->extent_count; i++)
        if (app->extents[i].fd >= 0)
            x->response.extents[i].fd = fcntl(app->extents[i].fd, F_DUPFD_CLOEXEC, 200);
}

static void block(struct app *app, struct http_exchange *x) {
    pthread_mutex_lock(&app->mutex);
    app->blocked++;
    pthread_cond_broadcast(&app->changed);
    while (!app->released)
        pthread_cond_wait(&app->changed, &app->mutex);
    pthread_mutex_unlock(&app->mutex);
    http_respond(x, 200, "text/plain", str_c("woken"));
}

static void app_finish(void *context, struct http_exchange *x) {
    struct app *app = context;
    const struct upload *upload = x->state;
    if (has_path(x, "/headers"))
        respond_with_headers(x);
    else if (has_path(x, "/extents"))
        respond_with_extents(app, x);
    else if (has_path(x, "/block"))
        block(app, x);
    else if (has_path(x, "/upload"))
        http_respond(x, 200, "text/plain",
                     str_c(arena_printf(x->arena, "%llu %llu", (unsigned long long)upload->size,
                                        (unsigned long long)upload->sum)));
    else if (has_path(x, "/status"))
        http_respond(x, (unsigned)strtoul(x->request.query, NULL, 10), "text/plain", str_c("text"));
    else if (has_path(x, "/close"))
        x->response = (struct http_response){.status = 200, .close = true};
    else
        respond_with_request(x);
}

static void app_close(void *context, struct http_exchange *x) {
    (void)x;
    struct app *app = context;
    pthread_mutex_lock(&app->mutex);
    app->closed++;
    pthread_cond_broadcast(&app->changed);
    pthread_mutex_unlock(&app->mutex);
}

static struct app app;
static struct http_server *server;
static struct http_client *client;
static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    app = (struct app){.extent_count = 0};
    pthread_mutex_init(&app.mutex, NULL);
    pthread_cond_init(&app.changed, NULL);
    struct http_server_options options = {
        .address = "127.0.0.1:0",
        .handler = {&app, app_begin, app_body, app_finish, app_close},
    };
    struct error err;
    if (!http_server_start(&options, &server, &err))
        return -1;
    client = http_client_new();
    arena = arena_new();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    http_server_free(server);
    server = NULL;
    http_client_free(client);
    arena_free(arena);
    assert_int_equal(app.begun, app.closed);
    pthread_cond_destroy(&app.changed);
    pthread_mutex_destroy(&app.mutex);
    return 0;
}

static void wait_until(const size_t *count, size_t reached) {
    pthread_mutex_lock(&app.mutex);
    while (*count < reached)
        pthread_cond_wait(&app.changed, &app.mutex);
    pthread_mutex_unlock(&app.mutex);
}

static void release(void) {
    pthread_mutex_lock(&app.mutex);
    app.released = true;
    pthread_cond_broadcast(&app.changed);
    pthread_mutex_unlock(&app.mutex);
}

static const char *url_of(const char *target) {
    return arena_printf(arena, "http://%s%s", http_server_address(server), target);
}

static struct http_reply perform(struct http_call *call) {
    struct http_reply reply;
    struct error err;
    if (call->max_reply_bytes == 0)
        call->max_reply_bytes = 64 * 1024 * 1024;
    if (!http_client_perform(client, arena, call, &reply, &err))
        fail_msg("%s", err.text);
    return reply;
}

static struct http_reply get(const char *method, const char *target) {
    struct http_call call = http_call(method, url_of(target));
    return perform(&call);
}

/* What comes back until the server closes; so each request asks for that. */
static const char *exchange(const char *request) {
    static char text[65536];
    int fd = raw_connect(http_server_address(server));
    raw_send(fd, request);
    raw_read_all(fd, text, sizeof text);
    close(fd);
    return text;
}

static void assert_status(const char *answer, unsigned status) {
    char start[32];
    snprintf(start, sizeof start, "HTTP/1.1 %u ", status);
    if (strncmp(answer, start, strlen(start)) != 0)
        fail_msg("'%.60s' instead of %u", answer, status);
}

static void request_arrives_as_sent(void **state) {
    (void)state;
    struct http_call call = http_call("GET", url_of("/a%2Fb/../%41//c;d+e?x=%20&y&z=1+2"));
    http_headers_add(arena, &call.headers, "X-Probe", "probe  value");
    struct http_reply reply = perform(&call);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body.ptr,
                        "GET /a%2Fb/../%41//c;d+e ? x=%20&y&z=1+2; -1 0; 127.0.0.1; probe  value");
    assert_string_equal(get("DELETE", "/k?").body.ptr, "DELETE /k ? ; -1 0; 127.0.0.1; none");
    assert_string_equal(get("POST", "/k").body.ptr, "POST /k ? ; 0 0; 127.0.0.1; none");
}

static void odd_targets(void **state) {
    (void)state;
    static const struct {
        const char *target;
        unsigned status;
        const char *part;
    } cases[] = {
        {"http://example.org/a?b", 200, "GET /a ? b;"},
        {"http://example.org", 200, "GET / ? ;"},
        {"*", 400, ""},
        {"a", 400, ""},
        {"?a", 400, ""},
        {"/%", 200, "GET /% ? ;"},
        {"/%00?%zz", 200, "GET /%00 ? %zz;"},
        {"/\xFF", 200, "GET /\xFF ? ;"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *answer = exchange(arena_printf(
            arena, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", cases[i].target));
        assert_status(answer, cases[i].status);
        assert_non_null(strstr(answer, cases[i].part));
    }
}

static void bad_requests_are_refused(void **state) {
    (void)state;
    char *many = arena_strdup(arena, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
    for (int i = 0; i <= HTTP_MAX_HEADERS; i++)
        many = arena_printf(arena, "%sA: b\r\n", many);
    char *longest = arena_alloc(arena, HTTP_MAX_URL_LENGTH + 2);
    memset(longest, 'a', HTTP_MAX_URL_LENGTH + 1);
    const struct {
        const char *request;
        unsigned status;
    } cases[] = {
        {arena_printf(arena, "%s\r\n", many), 431},
        {arena_printf(arena, "GET /%s HTTP/1.1\r\nHost: h\r\n\r\n", longest), 414},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1 2\r\n\r\n", 400},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_status(exchange(cases[i].request), cases[i].status);
    assert_int_equal(app.begun, 0);
}

static void head_beyond_the_memory_is_refused(void **state) {
    (void)state;
    char *value = arena_alloc(arena, 300001);
    memset(value, 'v', 300000);
    int fd = raw_connect(http_server_address(server));
    /* The server may close before it has all. */
    raw_send(fd, "GET / HTTP/1.1\r\nHost: h\r\nA: ");
    (void)!write(fd, value, 300000);
    char answer[4096];
    raw_read_all(fd, answer, sizeof answer);
    close(fd);
    assert_int_equal(app.begun, 0);
    assert_true(answer[0] == '\0' || strncmp(answer, "HTTP/1.1 4", 10) == 0);
}

static void cut_requests_do_no_harm(void **state) {
    (void)state;
    static const char whole[] =
        "POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n012345";
    for (size_t size = 0; size < sizeof whole; size++) {
        int fd = raw_connect(http_server_address(server));
        if (size > 0)
            assert_int_equal(write(fd, whole, size), size);
        close(fd);
    }
    /* Every one whose head was whole has begun and is closed, which tear_down checks as well. */
    assert_int_equal(get("GET", "/after").status, 200);
}

static void client_that_leaves_is_noticed(void **state) {
    (void)state;
    int fd = raw_connect(http_server_address(server));
    raw_send(fd, "PUT /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    raw_send_zeros(fd, 5000);
    wait_until(&app.begun, 1);
    assert_int_equal(app.closed, 0);
    close(fd);
    wait_until(&app.closed, 1);
}

static void large_bodies_go_both_ways(void **state) {
    (void)state;
    enum { SIZE = 20 * 1024 * 1024 + 17 };
    uint8_t *data = arena_alloc(arena, SIZE);
    uint64_t sum = 0;
    for (size_t i = 0; i < SIZE; i++) {
        data[i] = (uint8_t)(i * 7 + i / 1000);
        sum = sum * 31 + data[i];
    }
    struct http_call call = http_call("PUT", url_of("/upload"));
    call.body = data;
    call.body_size = SIZE;
    struct http_reply reply = perform(&call);
    assert_string_equal(reply.body.ptr,
                        arena_printf(arena, "%d %llu", SIZE, (unsigned long long)sum));
}

static void chunked_body_is_taken(void **state) {
    (void)state;
    const char *answer =
        exchange("PUT /upload HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                 "Connection: close\r\n\r\n3\r\nabc\r\n1;ext=1\r\nd\r\n0\r\n\r\n");
    assert_status(answer, 200);
    assert_non_null(strstr(answer, "\r\n\r\n4 "));
    answer = exchange("PUT /k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n"
                      "Connection: close\r\n\r\n0\r\n\r\n");
    assert_non_null(strstr(answer, "PUT /k ? ; -1 1;"));
}

static void waiting_client_is_told_to_continue(void **state) {
    (void)state;
    char text[4096];
    int fd = raw_connect(http_server_address(server));
    raw_send(fd, "PUT /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                 "Expect: 100-continue\r\n\r\n");
    raw_read_until(fd, "\r\n\r\n", text, sizeof text);
    assert_status(text, 100);
    raw_send(fd, "abc");
    raw_read_until(fd, "\r\n\r\n", text, sizeof text);
    assert_status(text, 200);
    close(fd);
}

static void waiting_client_is_refused_at_once(void **state) {
    (void)state;
    const char *answer = exchange("PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 30000000\r\n"
                                  "Expect: 100-continue\r\n\r\n");
    assert_status(answer, 403);
    assert_null(strstr(answer, "100 Continue"));
}

static void refusal_keeps_the_connection_when_it_can(void **state) {
    (void)state;
    char text[4096];
    int fd = raw_connect(http_server_address(server));
    raw_send(fd, "PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde");
    raw_read_until(fd, "\r\n\r\nno", text, sizeof text);
    assert_status(text, 403);
    raw_send(fd, "GET /refuse HTTP/1.1\r\nHost: h\r\n\r\n");
    raw_read_until(fd, "\r\n\r\nno", text, sizeof text);
    assert_status(text, 403);
    raw_send(fd, "GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    raw_read_all(fd, text, sizeof text);
    assert_status(text, 200);
    close(fd);
}

static void refusal_reaches_a_client_that_sends_on(void **state) {
    (void)state;
    enum { SIZE = 8 * 1024 * 1024 };
    for (int i = 0; i < 5; i++) {
        struct http_call call = http_call("PUT", url_of("/refuse"));
        call.body = arena_alloc(arena, SIZE);
        call.body_size = SIZE;
        assert_int_equal(perform(&call).status, 403);
        call.url = url_of("/refuse-late");
        assert_int_equal(perform(&call).status, 413);
    }
    char text[4096];
    int fd = raw_connect(http_server_address(server));
    raw_send(fd, "PUT /refuse HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "80000\r\n");
    raw_send_zeros(fd, 0x80000);
    raw_read_all(fd, text, sizeof text);
    assert_status(text, 403);
    close(fd);
}

static void endless_body_is_cut_after_refusal(void **state) {
    (void)state;
    int fd = raw_connect(http_server_address(server));
    raw_send(fd, "PUT /refuse-late HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000000\r\n\r\n");
    assert_false(raw_send_zeros(fd, 200 * 1024 * 1024));
    close(fd);
}

static int memory_file(size_t size) {
    int fd = memfd_create("extent", MFD_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(i * 11 + i / 256);
        static uint8_t piece[65536];
        piece[i % sizeof piece] = byte;
        if ((i + 1) % sizeof piece == 0 || i + 1 == size)
            assert_true(write(fd, piece, i % sizeof piece + 1) == (ssize_t)(i % sizeof piece + 1));
    }
    return fd;
}

static void assert_bytes_from(const char *data, uint64_t offset, uint64_t length) {
    for (uint64_t i = 0; i < length; i++)
        if ((uint8_t)data[i] != (uint8_t)((offset + i) * 11 + (offset + i) / 256))
            fail_msg("byte %llu differs", (unsigned long long)i);
}

static void extents_are_sent(void **state) {
    (void)state;
    enum { SIZE = 3000000 };
    int fd = memory_file(SIZE);
    bool was_open[300];
    for (int i = 0; i < 300; i++)
        was_open[i] = fcntl(i, F_GETFD) != -1;
    static const struct {
        size_t count;
        struct {
            uint64_t offset, length;
        } extents[4];
    } cases[] = {
        {0, {{0, 0}}},
        {1, {{0, SIZE}}},
        {1, {{0, 1}}},
        {1, {{SIZE - 1, 1}}},
        {1, {{12345, 1000000}}},
        {1, {{5, 0}}},
        {2, {{0, SIZE}, {0, SIZE}}},
        {3, {{100, 1}, {700000, 600000}, {SIZE - 3, 3}}},
        {4, {{0, 0}, {5, 10}, {7, 0}, {1, 2}}},
        {2, {{0, 0}, {1, 0}}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t total = 0;
        app.extent_count = cases[i].count;
        for (size_t j = 0; j < cases[i].count; j++) {
            app.extents[j] =
                (struct http_extent){fd, cases[i].extents[j].offset, cases[i].extents[j].length};
            total += cases[i].extents[j].length;
        }
        struct http_reply reply = get("GET", "/extents");
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.body.len, total);
        const char *data = reply.body.ptr;
        for (size_t j = 0; j < cases[i].count; j++) {
            assert_bytes_from(data, cases[i].extents[j].offset, cases[i].extents[j].length);
            data += cases[i].extents[j].length;
        }
        assert_string_equal(http_headers_get(&reply.headers, "content-length"),
                            arena_printf(arena, "%llu", (unsigned long long)total));
        struct http_reply head = get("HEAD", "/extents");
        assert_string_equal(http_headers_get(&head.headers, "content-length"),
                            http_headers_get(&reply.headers, "content-length"));
        assert_int_equal(head.body.len, 0);
    }
    close(fd);
    http_server_free(server);
    server = NULL;
    /* The copies that the server was given are closed, all of them. */
    for (int copy = 200; copy < 300; copy++)
        if (!was_open[copy] && fcntl(copy, F_GETFD) != -1)
            fail_msg("descriptor %d is still open", copy);
}

static void head_needs_no_file(void **state) {
    (void)state;
    app.extent_count = 1;
    app.extents[0] = (struct http_extent){-1, 0, 5000000000000};
    struct http_reply reply = get("HEAD", "/extents");
    assert_int_equal(reply.status, 200);
    assert_string_equal(http_headers_get(&reply.headers, "content-length"), "5000000000000");
    assert_int_equal(get("GET", "/extents").status, 500);
    reply = get("HEAD", "/echo");
    assert_true(http_headers_get(&reply.headers, "content-length")[0] != '0');
}

static void file_that_is_too_short_is_our_failure(void **state) {
    (void)state;
    int fd = memory_file(1000);
    for (size_t count = 1; count <= 2; count++) {
        app.extent_count = count;
        app.extents[0] = (struct http_extent){fd, 0, 1001};
        app.extents[1] = (struct http_extent){fd, 0, 10};
        assert_int_equal(get("GET", "/extents").status, 500);
        app.extents[0] = (struct http_extent){fd, UINT64_MAX, 2};
        assert_int_equal(get("GET", "/extents").status, 500);
    }
    close(fd);
}

static void headers_of_the_server_are_its_own(void **state) {
    (void)state;
    struct http_reply reply = get("GET", "/headers");
    assert_int_equal(reply.body.len, 4);
    assert_string_equal(http_headers_get(&reply.headers, "content-length"), "4");
    assert_string_equal(http_headers_get(&reply.headers, "etag"), "\"abc\"");
    assert_string_not_equal(http_headers_get(&reply.headers, "date"), "never");
    assert_null(http_headers_get(&reply.headers, "x-forged"));
    assert_null(http_headers_get(&reply.headers, "x-split"));
    assert_null(http_headers_get(&reply.headers, "transfer-encoding"));
    const char *connection = http_headers_get(&reply.headers, "connection");
    assert_true(!connection || strcmp(connection, "upgrade") != 0);
}

static void statuses(void **state) {
    (void)state;
    static const struct {
        const char *target;
        unsigned status;
        size_t size;
    } cases[] = {
        {"/status?200", 200, 4}, {"/status?204", 204, 0}, {"/status?304", 304, 0},
        {"/status?404", 404, 4}, {"/status?503", 503, 4}, {"/status?0", 500, 0},
        {"/status?101", 500, 0}, {"/status?999", 500, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_reply reply = get("GET", cases[i].target);
        assert_int_equal(reply.status, cases[i].status);
        assert_int_equal(reply.body.len, cases[i].size);
    }
}

static void connection_ends_when_asked(void **state) {
    (void)state;
    char text[4096];
    int fd = raw_connect(http_server_address(server));
    raw_send(fd, "GET /close HTTP/1.1\r\nHost: h\r\n\r\n");
    raw_read_all(fd, text, sizeof text);
    assert_status(text, 200);
    assert_non_null(strstr(text, "Connection: close"));
    close(fd);
}

static void *call_many_times(void *context) {
    struct arena *mine CLEANUP(arena_cleanup) = arena_new();
    for (int i = 0; i < 25; i++) {
        struct http_call call = http_call("PUT", context);
        call.body = "0123456789";
        call.body_size = 10;
        call.max_reply_bytes = 1000;
        struct http_reply reply;
        struct error err;
        if (!http_client_perform(client, mine, &call, &reply, &err) || reply.status != 200)
            return context;
    }
    return NULL;
}

static void many_connections_at_once(void **state) {
    (void)state;
    pthread_t threads[24];
    char *url = arena_strdup(arena, url_of("/upload"));
    /* Open and silent ones on top. */
    int silent[100];
    for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
        silent[i] = raw_connect(http_server_address(server));
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_many_times, url), 0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(app.begun, ARRAY_SIZE(threads) * 25);
    for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
        close(silent[i]);
}

struct blocked_call {
    const char *url;
    bool ok;
    unsigned status;
    char text[32];
};

static void *call_and_block(void *context) {
    struct blocked_call *blocked = context;
    struct arena *mine CLEANUP(arena_cleanup) = arena_new();
    struct http_call call = http_call("GET", blocked->url);
    call.max_reply_bytes = 1000;
    struct http_reply reply;
    struct error err;
    blocked->ok = http_client_perform(client, mine, &call, &reply, &err);
    if (blocked->ok) {
        blocked->status = reply.status;
        snprintf(blocked->text, sizeof blocked->text, "%s", reply.body.ptr);
    }
    return NULL;
}

static void *free_server(void *context) {
    http_server_free(context);
    return NULL;
}

static void blocked_handlers_hold_up_nobody_and_get_to_answer(void **state) {
    (void)state;
    pthread_t threads[5], ending;
    struct blocked_call calls[5];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        calls[i] = (struct blocked_call){.url = url_of("/block")};
        assert_int_equal(pthread_create(&threads[i], NULL, call_and_block, &calls[i]), 0);
    }
    wait_until(&app.blocked, ARRAY_SIZE(threads));
    assert_int_equal(get("GET", "/other").status, 200);
    /* The server is being freed while they block; woken, their answers still go out. */
    http_server_quiesce(server);
    assert_int_equal(pthread_create(&ending, NULL, free_server, server), 0);
    release();
    pthread_join(ending, NULL);
    server = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_true(calls[i].ok);
        assert_int_equal(calls[i].status, 200);
        assert_string_equal(calls[i].text, "woken");
    }
}

static void quiesced_server_takes_nothing_new(void **state) {
    (void)state;
    char text[4096];
    int kept = raw_connect(http_server_address(server));
    raw_send(kept, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    raw_read_until(kept, "; none", text, sizeof text);
    http_server_quiesce(server);
    http_server_quiesce(server);
    raw_send(kept, "GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    raw_read_all(kept, text, sizeof text);
    assert_status(text, 503);
    close(kept);
    assert_int_equal(raw_connect(http_server_address(server)), -1);
    assert_int_equal(app.begun, 1);
}

static void idle_connections_do_not_hold_up_the_end(void **state) {
    (void)state;
    int fd = raw_connect(http_server_address(server));
    raw_send(fd, "GET /a HTTP/1.1\r\nHost: h\r\n");
    http_server_free(server);
    server = NULL;
    close(fd);
}

static void addresses(void **state) {
    (void)state;
    static const char *const good[] = {"127.0.0.1:0", "localhost:0", "[::1]:0", "0.0.0.0:0"};
    static const char *const bad[] = {
        "",
        "127.0.0.1",
        ":80",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:x",
        "a:80",
        "::1:80",
        "[::1]",
        "[::1:80",
        "[]:80",
        "[a]:80",
        "1.2.3:80",
        "127.0.0.1:-1",
        "[::1]x:80",
        "[127.0.0.1]:80",
        "256.0.0.1:80",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:80",
    };
    struct http_server_options options = {
        .handler = {&app, app_begin, app_body, app_finish, app_close}};
    struct error err;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct http_server *other;
        options.address = good[i];
        if (!http_server_start(&options, &other, &err)) {
            /* A machine without IPv6 is no failure of ours. */
            assert_string_equal(good[i], "[::1]:0");
            continue;
        }
        assert_null(strstr(http_server_address(other), ":0\n"));
        assert_true(strlen(http_server_address(other)) > 7);
        const char *port = strrchr(http_server_address(other), ':');
        assert_string_not_equal(port, ":0");
        struct http_call call = http_call(
            "GET", arena_printf(arena, "http://%s/x",
                                good[i][0] == '[' ? http_server_address(other)
                                                  : arena_printf(arena, "127.0.0.1%s", port)));
        struct http_reply reply = perform(&call);
        assert_int_equal(reply.status, 200);
        http_server_free(other);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct http_server *other = NULL;
        options.address = bad[i];
        if (http_server_start(&options, &other, &err))
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_null(other);
    }
    struct http_server *other = NULL;
    options.address = http_server_address(server);
    assert_false(http_server_start(&options, &other, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    http_server_free(NULL);
}

static void echo_small(void *context, struct http_exchange *x, struct str body) {
    (void)context;
    http_respond(x, 200, "text/plain", body);
}

static void refuse_small(void *context, struct http_exchange *x) {
    http_respond(x, 413, "application/problem+json", str_c(context));
}

static void small_bodies(void **state) {
    (void)state;
    char problem[] = "{}";
    struct http_small_handler small = {.max_body_bytes = 1000, .handle = echo_small};
    for (int round = 0; round < 2; round++) {
        struct http_server_options options = {.address = "127.0.0.1:0",
                                              .handler = http_small_handler(&small)};
        struct http_server *other;
        struct error err;
        assert_true(http_server_start(&options, &other, &err));
        const char *url = arena_printf(arena, "http://%s/", http_server_address(other));
        char body[1001];
        memset(body, 'b', sizeof body);
        struct http_call call = http_call("POST", url);
        struct http_reply reply = perform(&call);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.body.len, 0);
        call.body = body;
        call.body_size = 1000;
        reply = perform(&call);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.body.len, 1000);
        call.body_size = 1001;
        reply = perform(&call);
        assert_int_equal(reply.status, 413);
        if (round == 1)
            assert_string_equal(reply.body.ptr, "{}");
        char text[4096];
        int fd = raw_connect(http_server_address(other));
        raw_send(fd, "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n"
                     "3e8\r\n");
        raw_send_zeros(fd, 1000);
        raw_send(fd, "\r\n1\r\nx\r\n0\r\n\r\n");
        raw_read_all(fd, text, sizeof text);
        assert_status(text, 413);
        close(fd);
        http_server_free(other);
        small.too_large = refuse_small;
        small.context = problem;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(request_arrives_as_sent),
        TEST(odd_targets),
        TEST(bad_requests_are_refused),
        TEST(head_beyond_the_memory_is_refused),
        TEST(cut_requests_do_no_harm),
        TEST(client_that_leaves_is_noticed),
        TEST(large_bodies_go_both_ways),
        TEST(chunked_body_is_taken),
        TEST(waiting_client_is_told_to_continue),
        TEST(waiting_client_is_refused_at_once),
        TEST(refusal_keeps_the_connection_when_it_can),
        TEST(refusal_reaches_a_client_that_sends_on),
        TEST(endless_body_is_cut_after_refusal),
        TEST(extents_are_sent),
        TEST(head_needs_no_file),
        TEST(file_that_is_too_short_is_our_failure),
        TEST(headers_of_the_server_are_its_own),
        TEST(statuses),
        TEST(connection_ends_when_asked),
        TEST(many_connections_at_once),
        TEST(blocked_handlers_hold_up_nobody_and_get_to_answer),
        TEST(quiesced_server_takes_nothing_new),
        TEST(idle_connections_do_not_hold_up_the_end),
        TEST(addresses),
        TEST(small_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
