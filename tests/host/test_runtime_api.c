#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "host/runtime_api.h"
#include "http/client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE "/2018-06-01/runtime"
#define NEXT BASE "/invocation/next"

/* Offers its one invocation whenever the runtime is ready, `offers` times; keeps what it is told.
 */
struct rig {
    struct arena *arena;
    struct http_client *http;
    struct runtime_api *api;
    struct runtime_api_invocation invocation;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    int offers;
    int ready_count;
    int told_count; /* of other events */
    enum runtime_api_event_kind kind;
    char error_type[64];
    char body[256];
};

static void on_event(void *context, const struct runtime_api_event *event) {
    struct rig *rig = context;
    pthread_mutex_lock(&rig->mutex);
    bool offer = false;
    if (event->kind == RUNTIME_API_READY) {
        rig->ready_count++;
        offer = rig->offers-- > 0;
    } else {
        rig->told_count++;
        rig->kind = event->kind;
        snprintf(rig->error_type, sizeof rig->error_type, "%s",
                 event->error_type != NULL ? event->error_type : "none");
        snprintf(rig->body, sizeof rig->body, "%.*s", (int)event->body.len,
                 event->body.ptr != NULL ? event->body.ptr : "");
    }
    pthread_cond_broadcast(&rig->changed);
    pthread_mutex_unlock(&rig->mutex);
    if (offer)
        runtime_api_offer(rig->api, &rig->invocation);
}

static int setup(void **state) {
    struct arena *arena = arena_new();
    struct rig *rig = arena_alloc(arena, sizeof *rig);
    rig->arena = arena;
    rig->http = http_client_new();
    rig->offers = 100;
    pthread_mutex_init(&rig->mutex, NULL);
    pthread_cond_init(&rig->changed, NULL);
    rig->invocation = (struct runtime_api_invocation){
        .request_id = "id-1",
        .function_arn = "arn:f",
        .deadline_unix_ms = 1234567890123,
        .event = str_c("{\"a\":1}"),
    };
    const struct runtime_api_options options = {on_event, rig};
    struct error err;
    assert_true(runtime_api_start(&options, &rig->api, &err));
    *state = rig;
    return 0;
}

static int teardown(void **state) {
    struct rig *rig = *state;
    runtime_api_free(rig->api);
    http_client_free(rig->http);
    pthread_cond_destroy(&rig->changed);
    pthread_mutex_destroy(&rig->mutex);
    arena_free(rig->arena);
    return 0;
}

struct extra {
    const char *name, *value;
};

static struct http_reply send_with(struct rig *rig, const char *method, const char *path,
                                   struct str body, struct extra extra) {
    struct http_call call = http_call(
        method, arena_printf(rig->arena, "http://%s%s", runtime_api_address(rig->api), path));
    if (extra.name != NULL)
        http_headers_add(rig->arena, &call.headers, extra.name, extra.value);
    call.body = body.ptr;
    call.body_size = body.len;
    call.timeout_ms = 30000;
    call.max_reply_bytes = 8 << 20;
    struct http_reply reply;
    struct error err;
    if (!http_client_perform(rig->http, rig->arena, &call, &reply, &err))
        fail_msg("%s %s: %s", method, path, err.text);
    return reply;
}

static struct http_reply send(struct rig *rig, const char *method, const char *path,
                              const char *body) {
    return send_with(rig, method, path, body != NULL ? str_c(body) : (struct str){0},
                     (struct extra){0});
}

static void assert_refused(struct http_reply reply, unsigned status, const char *type) {
    assert_int_equal(reply.status, status);
    assert_string_equal(http_headers_get(&reply.headers, "content-type"), "application/json");
    if (strstr(reply.body.ptr, type) == NULL)
        fail_msg("%s", reply.body.ptr);
}

/* ---- tests ---- */

static void an_invocation_goes_round(void **state) {
    struct rig *rig = *state;
    for (int i = 1; i <= 3; i++) {
        struct http_reply next = send(rig, "GET", NEXT, NULL);
        assert_int_equal(next.status, 200);
        assert_string_equal(next.body.ptr, "{\"a\":1}");
        assert_string_equal(http_headers_get(&next.headers, "Lambda-Runtime-Aws-Request-Id"),
                            "id-1");
        assert_string_equal(http_headers_get(&next.headers, "Lambda-Runtime-Deadline-Ms"),
                            "1234567890123");
        assert_string_equal(http_headers_get(&next.headers, "Lambda-Runtime-Invoked-Function-Arn"),
                            "arn:f");
        struct http_reply reply = send(rig, "POST", BASE "/invocation/id-1/response", "{\"b\":2}");
        assert_int_equal(reply.status, 202);
        assert_string_equal(reply.body.ptr, "{\"status\":\"OK\"}\n");
        assert_int_equal(rig->told_count, i);
        assert_int_equal(rig->kind, RUNTIME_API_ANSWERED);
        assert_string_equal(rig->body, "{\"b\":2}");
    }
    assert_int_equal(rig->ready_count, 3);
}

static void errors_are_told_with_their_type(void **state) {
    struct rig *rig = *state;
    static const struct {
        const char *given;
        const char *told;
    } cases[] = {
        {"Function.Unavailable", "Function.Unavailable"},
        {"Runtime.ExitError", "Runtime.ExitError"},
        {"Function.lower", "Function.Unknown"},
        {"Function.", "Function.Unknown"},
        {"Runtime.A1", "Runtime.Unknown"},
        {"Something", "Runtime.Unknown"},
        {NULL, "Runtime.Unknown"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        send(rig, "GET", NEXT, NULL);
        const struct extra type = {
            cases[i].given != NULL ? "Lambda-Runtime-Function-Error-Type" : NULL, cases[i].given};
        struct http_reply reply =
            send_with(rig, "POST", BASE "/invocation/id-1/error", str_c("{}"), type);
        assert_int_equal(reply.status, 202);
        assert_int_equal(rig->kind, RUNTIME_API_FAILED);
        assert_string_equal(rig->error_type, cases[i].told);
    }
}

static void calls_out_of_turn_are_refused(void **state) {
    struct rig *rig = *state;
    assert_refused(send(rig, "POST", BASE "/invocation/id-1/response", "1"), 403,
                   "InvalidStateTransition");
    assert_refused(send(rig, "POST", BASE "/invocation/id-1/error", "{}"), 403,
                   "InvalidStateTransition");
    send(rig, "GET", NEXT, NULL);
    assert_refused(send(rig, "GET", NEXT, NULL), 403, "InvalidStateTransition");
    assert_refused(send(rig, "POST", BASE "/init/error", "{}"), 403, "InvalidStateTransition");
    static const char *const ids[] = {"id-2", "id-10", "", "id", "id-1%20"};
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        const char *path = arena_printf(rig->arena, BASE "/invocation/%s/response", ids[i]);
        assert_refused(send(rig, "POST", path, "1"), 400, "InvalidRequestID");
    }
    assert_int_equal(rig->told_count, 0);
    assert_int_equal(send(rig, "POST", BASE "/invocation/id-1/response", "1").status, 202);
    assert_refused(send(rig, "POST", BASE "/invocation/id-1/response", "2"), 400,
                   "InvalidRequestID");
    assert_refused(send(rig, "POST", BASE "/invocation/id-1/error", "2"), 400, "InvalidRequestID");
    assert_int_equal(rig->told_count, 1);
    assert_string_equal(rig->body, "1");
}

static void a_failed_start_is_the_end(void **state) {
    struct rig *rig = *state;
    const struct extra type = {"Lambda-Runtime-Function-Error-Type", "Function.Broken"};
    assert_int_equal(
        send_with(rig, "POST", BASE "/init/error", str_c("{\"errorMessage\":\"x\"}"), type).status,
        202);
    assert_int_equal(rig->kind, RUNTIME_API_INIT_FAILED);
    assert_string_equal(rig->error_type, "Function.Broken");
    assert_refused(send(rig, "GET", NEXT, NULL), 403, "InvalidStateTransition");
    assert_refused(send(rig, "POST", BASE "/init/error", "{}"), 403, "InvalidStateTransition");
    assert_int_equal(rig->ready_count, 0);
    assert_int_equal(rig->told_count, 1);
}

static void answers_are_limited(void **state) {
    struct rig *rig = *state;
    size_t size = RUNTIME_API_MAX_BYTES;
    char *body = arena_alloc(rig->arena, size + 1);
    memset(body, 'x', size + 1);
    send(rig, "GET", NEXT, NULL);
    const char *path = BASE "/invocation/id-1/response";
    assert_int_equal(
        send_with(rig, "POST", path, (struct str){body, size}, (struct extra){0}).status, 202);
    assert_int_equal(rig->kind, RUNTIME_API_ANSWERED);
    send(rig, "GET", NEXT, NULL);
    assert_refused(send_with(rig, "POST", path, (struct str){body, size + 1}, (struct extra){0}),
                   413, "RequestEntityTooLarge");
    /* The invocation is over with that. */
    assert_int_equal(rig->kind, RUNTIME_API_FAILED);
    assert_string_equal(rig->error_type, "Function.ResponseSizeTooLarge");
    assert_int_equal(send(rig, "GET", NEXT, NULL).status, 200);
    /* Of another id it is not. */
    assert_refused(send_with(rig, "POST", BASE "/invocation/id-2/response",
                             (struct str){body, size + 1}, (struct extra){0}),
                   400, "InvalidRequestID");
    assert_int_equal(rig->told_count, 2);
}

static void streams_are_refused(void **state) {
    struct rig *rig = *state;
    send(rig, "GET", NEXT, NULL);
    const char *path = BASE "/invocation/id-1/response";
    struct extra mode = {"Lambda-Runtime-Function-Response-Mode", "streaming"};
    assert_refused(send_with(rig, "POST", path, str_c("1"), mode), 400,
                   "InvalidFunctionResponseMode");
    mode.value = "buffered";
    assert_int_equal(send_with(rig, "POST", path, str_c("1"), mode).status, 202);
}

static void other_paths_are_refused(void **state) {
    struct rig *rig = *state;
    static const struct {
        const char *method;
        const char *path;
        unsigned status;
    } cases[] = {
        {"GET", "/ping", 200},
        {"POST", "/ping", 405},
        {"POST", NEXT, 405},
        {"GET", BASE "/invocation/id-1/response", 405},
        {"GET", BASE "/init/error", 405},
        {"GET", "/", 404},
        {"GET", "/2018-06-01/runtime", 404},
        {"GET", BASE "/", 404},
        {"GET", BASE "/invocation/next/", 404},
        {"POST", BASE "/invocation/id-1", 404},
        {"POST", BASE "/invocation/id-1/response/x", 404},
        {"POST", BASE "/invocation/id-1/other", 404},
        {"GET", BASE "/restore/next", 404},
        {"GET", "/2015-03-31/runtime/invocation/next", 404},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_reply reply = send(rig, cases[i].method, cases[i].path, NULL);
        if (reply.status != cases[i].status)
            fail_msg("%s %s: %u", cases[i].method, cases[i].path, reply.status);
    }
    assert_int_equal(rig->ready_count, 0);
}

/* A page in a browser can reach loopback ports, but it cannot hide where it comes from. */
static void web_pages_are_refused(void **state) {
    struct rig *rig = *state;
    static const struct extra cases[] = {
        {"Origin", "http://example.com"},
        {"Origin", "null"},
        {"Host", "example.com"},
        {"Host", "localhost"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_refused(send_with(rig, "GET", NEXT, (struct str){0}, cases[i]), 403, "AccessDenied");
    assert_int_equal(rig->ready_count, 0);
}

static void *ask_next(void *context) {
    struct rig *rig = context;
    struct arena *arena = arena_new();
    struct http_call call =
        http_call("GET", arena_printf(arena, "http://%s" NEXT, runtime_api_address(rig->api)));
    call.max_reply_bytes = 1024;
    struct http_reply reply = {0};
    struct error err;
    if (!http_client_perform(rig->http, arena, &call, &reply, &err))
        reply.status = 0;
    arena_free(arena);
    return (void *)(uintptr_t)reply.status;
}

static void freeing_ends_a_waiting_next(void **state) {
    struct rig *rig = *state;
    rig->offers = 0;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_next, rig), 0);
    pthread_mutex_lock(&rig->mutex);
    while (rig->ready_count == 0)
        pthread_cond_wait(&rig->changed, &rig->mutex);
    pthread_mutex_unlock(&rig->mutex);
    runtime_api_free(rig->api);
    rig->api = NULL;
    void *status;
    pthread_join(thread, &status);
    assert_int_equal((uintptr_t)status, 500);
}

static void an_offer_may_come_later(void **state) {
    struct rig *rig = *state;
    rig->offers = 0;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_next, rig), 0);
    pthread_mutex_lock(&rig->mutex);
    while (rig->ready_count == 0)
        pthread_cond_wait(&rig->changed, &rig->mutex);
    pthread_mutex_unlock(&rig->mutex);
    /* A second one does not take what the first waits for. */
    assert_refused(send(rig, "GET", NEXT, NULL), 403, "InvalidStateTransition");
    runtime_api_offer(rig->api, &rig->invocation);
    void *status;
    pthread_join(thread, &status);
    assert_int_equal((uintptr_t)status, 200);
}

#define WITH_RIG(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_RIG(an_invocation_goes_round),      WITH_RIG(errors_are_told_with_their_type),
        WITH_RIG(calls_out_of_turn_are_refused), WITH_RIG(a_failed_start_is_the_end),
        WITH_RIG(answers_are_limited),           WITH_RIG(streams_are_refused),
        WITH_RIG(other_paths_are_refused),       WITH_RIG(web_pages_are_refused),
        WITH_RIG(freeing_ends_a_waiting_next),   WITH_RIG(an_offer_may_come_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
