#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/server.h"
#include "runtime/runtime.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A Runtime API that answers by a list, one entry for each request, whatever is asked, and keeps
 * what was asked. It takes one connection at a time: a second one would wait for ever. */

struct reply {
    unsigned status;
    const char *headers[8]; /* name, value, … */
    const char *body;
};

struct request {
    char line[200]; /* "POST /path" */
    char error_type[64];
    size_t body_size;
    char body[2048]; /* its start */
};

enum { MAX_STEPS = 8 };

struct script {
    struct http_server *server;
    struct http_small_handler small;
    struct runtime *runtime;
    struct arena *arena;
    pthread_mutex_t mutex; /* guards what follows */
    struct reply replies[MAX_STEPS];
    size_t reply_count;
    struct request requests[MAX_STEPS];
    size_t request_count;
};

static void keep(struct request *ret, const struct http_exchange *x, struct str body) {
    const char *type = http_headers_get(&x->request.headers, "Lambda-Runtime-Function-Error-Type");
    snprintf(ret->line, sizeof ret->line, "%.10s %.180s", x->request.method, x->request.path);
    snprintf(ret->error_type, sizeof ret->error_type, "%s", type != NULL ? type : "");
    ret->body_size = body.len;
    size_t kept = body.len < sizeof ret->body - 1 ? body.len : sizeof ret->body - 1;
    if (kept > 0)
        memcpy(ret->body, body.ptr, kept);
}

static void answer(void *context, struct http_exchange *x, struct str body) {
    struct script *script = context;
    pthread_mutex_lock(&script->mutex);
    size_t step = script->request_count;
    struct reply reply = {.status = 500};
    if (step < script->reply_count)
        reply = script->replies[step];
    if (step < MAX_STEPS) {
        keep(&script->requests[step], x, body);
        script->request_count++;
    }
    pthread_mutex_unlock(&script->mutex);
    http_respond(x, reply.status, "application/json", str_c(reply.body != NULL ? reply.body : ""));
    for (size_t i = 0; i + 1 < ARRAY_SIZE(reply.headers) && reply.headers[i] != NULL; i += 2)
        http_headers_add(x->arena, &x->response.headers, reply.headers[i], reply.headers[i + 1]);
}

static int setup(void **state) {
    struct arena *arena = arena_new();
    struct script *script = arena_alloc(arena, sizeof *script);
    struct error err;
    script->arena = arena;
    pthread_mutex_init(&script->mutex, NULL);
    script->small = (struct http_small_handler){
        .context = script, .max_body_bytes = 16 << 20, .handle = answer};
    const struct http_server_options options = {.address = "127.0.0.1:0",
                                                .handler = http_small_handler(&script->small),
                                                .max_connections = 1};
    assert_true(http_server_start(&options, &script->server, &err));
    assert_true(runtime_new(http_server_address(script->server), &script->runtime, &err));
    *state = script;
    return 0;
}

static int teardown(void **state) {
    struct script *script = *state;
    runtime_free(script->runtime);
    http_server_free(script->server);
    pthread_mutex_destroy(&script->mutex);
    arena_free(script->arena);
    return 0;
}

#define INVOCATION(id, event)                                                                      \
    {                                                                                              \
        200, {"Lambda-Runtime-Aws-Request-Id",       id,                                           \
              "Lambda-Runtime-Deadline-Ms",          "1234567890123",                              \
              "Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:local:0:function:f"},         \
            event                                                                                  \
    }
#define ACCEPTED                                                                                   \
    { 202, {NULL}, "{\"status\":\"OK\"}" }
#define NEXT "GET /2018-06-01/runtime/invocation/next"

static void set_replies(struct script *script, const struct reply *replies, size_t count) {
    memcpy(script->replies, replies, count * sizeof *replies);
    script->reply_count = count;
}

/* ---- handlers ---- */

struct seen {
    char request_id[64];
    char arn[64];
    int64_t deadline_unix_ms;
    char trace[128];
    unsigned count;
};

static bool echo(void *context, struct arena *arena, const struct runtime_invocation *invocation,
                 struct str *ret_answer, struct error *err) {
    (void)arena, (void)err;
    struct seen *seen = context;
    const char *trace = getenv("_X_AMZN_TRACE_ID");
    snprintf(seen->request_id, sizeof seen->request_id, "%s", invocation->request_id);
    snprintf(seen->arn, sizeof seen->arn, "%s",
             invocation->function_arn != NULL ? invocation->function_arn : "none");
    snprintf(seen->trace, sizeof seen->trace, "%s", trace != NULL ? trace : "none");
    seen->deadline_unix_ms = invocation->deadline_unix_ms;
    seen->count++;
    assert_int_equal(invocation->event.ptr[invocation->event.len], '\0');
    *ret_answer = invocation->event;
    return true;
}

static bool refuse(void *context, struct arena *arena, const struct runtime_invocation *invocation,
                   struct str *ret_answer, struct error *err) {
    (void)arena, (void)invocation, (void)ret_answer;
    *err = *(const struct error *)context;
    return false;
}

static bool answer_size(void *context, struct arena *arena,
                        const struct runtime_invocation *invocation, struct str *ret_answer,
                        struct error *err) {
    (void)invocation, (void)err;
    size_t size = *(const size_t *)context;
    *ret_answer = (struct str){arena_alloc(arena, size), size};
    return true;
}

static void assert_ends(struct script *script, runtime_handler *handler, void *context) {
    struct error err = {0};
    assert_false(runtime_serve(script->runtime, handler, context, &err));
    if (err.kind != ERROR_UNAVAILABLE)
        fail_msg("%s: %s", error_kind_name(err.kind), err.text);
}

/* ---- tests ---- */

static void answers_are_posted_and_more_is_asked(void **state) {
    struct script *script = *state;
    const struct reply replies[] = {INVOCATION("id-1", "{\"a\":1}"), ACCEPTED,
                                    INVOCATION("id-2", "[]"), ACCEPTED};
    set_replies(script, replies, ARRAY_SIZE(replies));
    struct seen seen = {0};
    assert_ends(script, echo, &seen);
    static const char *const lines[] = {NEXT, "POST /2018-06-01/runtime/invocation/id-1/response",
                                        NEXT, "POST /2018-06-01/runtime/invocation/id-2/response",
                                        NEXT};
    assert_int_equal(script->request_count, ARRAY_SIZE(lines));
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        assert_string_equal(script->requests[i].line, lines[i]);
    assert_string_equal(script->requests[1].body, "{\"a\":1}");
    assert_string_equal(script->requests[3].body, "[]");
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.request_id, "id-2");
    assert_string_equal(seen.arn, "arn:aws:lambda:local:0:function:f");
    assert_int_equal(seen.deadline_unix_ms, 1234567890123);
}

static void an_empty_answer_is_an_answer(void **state) {
    struct script *script = *state;
    const struct reply replies[] = {INVOCATION("id", ""), ACCEPTED};
    set_replies(script, replies, ARRAY_SIZE(replies));
    struct seen seen = {0};
    assert_ends(script, echo, &seen);
    assert_int_equal(script->request_count, 3);
    assert_int_equal(script->requests[1].body_size, 0);
}

static void the_trace_is_exported_and_taken_back(void **state) {
    struct script *script = *state;
    const struct reply replies[] = {{200,
                                     {"Lambda-Runtime-Aws-Request-Id", "id",
                                      "Lambda-Runtime-Trace-Id", "Root=1-2-3;Parent=4;Sampled=1"},
                                     "{}"},
                                    ACCEPTED};
    set_replies(script, replies, ARRAY_SIZE(replies));
    struct seen seen = {0};
    assert_ends(script, echo, &seen);
    assert_string_equal(seen.trace, "Root=1-2-3;Parent=4;Sampled=1");
    assert_string_equal(seen.arn, "none");
    assert_true(seen.deadline_unix_ms == INT64_MAX);
    const struct reply without[] = {INVOCATION("id", "{}"), ACCEPTED};
    set_replies(script, without, ARRAY_SIZE(without));
    script->request_count = 0;
    assert_ends(script, echo, &seen);
    assert_string_equal(seen.trace, "none");
}

static void failures_are_posted_as_errors(void **state) {
    struct script *script = *state;
    static const struct {
        struct error err;
        const char *type;
        const char *message;
    } cases[] = {
        {{ERROR_INVALID, NULL, "image 'x': bad"}, "Function.Invalid", "image 'x': bad"},
        {{ERROR_NOT_FOUND, "NoSuchKey", "gone"}, "Function.NotFound", "gone"},
        {{ERROR_UNAVAILABLE, NULL, "later"}, "Function.Unavailable", "later"},
        {{ERROR_INTERNAL, NULL, "caf\xC3\xA9 \"q\"\n"}, "Function.Internal", "caf\xC3\xA9 \"q\"\n"},
        /* Cut within a character, or no UTF-8 at all. */
        {{ERROR_LIMIT, NULL, "a\xC3"}, "Function.Limit", "a?"},
        {{ERROR_DENIED, NULL, "\xFF\xFE"}, "Function.Denied", "\?\?"},
        {{0}, "Function.Unknown", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct reply replies[] = {INVOCATION("id", "{}"), ACCEPTED};
        set_replies(script, replies, ARRAY_SIZE(replies));
        memset(script->requests, 0, sizeof script->requests);
        script->request_count = 0;
        struct error why = cases[i].err;
        assert_ends(script, refuse, &why);
        const struct request *request = &script->requests[1];
        assert_string_equal(request->line, "POST /2018-06-01/runtime/invocation/id/error");
        assert_string_equal(request->error_type, cases[i].type);
        json_t *root = json_loads(request->body, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(root, "errorMessage")),
                            cases[i].message);
        assert_string_equal(json_string_value(json_object_get(root, "errorType")), cases[i].type);
        assert_true(json_is_array(json_object_get(root, "stackTrace")));
        json_decref(root);
    }
}

static void answers_over_the_limit_are_errors(void **state) {
    struct script *script = *state;
    static const struct {
        size_t size;
        const char *line;
    } cases[] = {
        {6 * 1024 * 1024, "POST /2018-06-01/runtime/invocation/id/response"},
        {6 * 1024 * 1024 + 1, "POST /2018-06-01/runtime/invocation/id/error"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct reply replies[] = {INVOCATION("id", "{}"), ACCEPTED};
        set_replies(script, replies, ARRAY_SIZE(replies));
        script->request_count = 0;
        size_t size = cases[i].size;
        assert_ends(script, answer_size, &size);
        assert_string_equal(script->requests[1].line, cases[i].line);
    }
    assert_string_equal(script->requests[1].error_type, "Function.ResponseSizeTooLarge");
    assert_non_null(strstr(script->requests[1].body, "(6291457 bytes)"));
}

/* A refused answer is no reason to stop; a bad state and a server's fault are. */
static void replies_to_answers_decide(void **state) {
    struct script *script = *state;
    static const struct {
        unsigned status;
        size_t request_count;
    } cases[] = {{200, 3}, {202, 3}, {400, 3}, {413, 3}, {403, 2}, {500, 2}, {503, 2}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct reply replies[] = {INVOCATION("id", "{}"), {cases[i].status, {NULL}, "{}"}};
        set_replies(script, replies, ARRAY_SIZE(replies));
        script->request_count = 0;
        struct seen seen = {0};
        assert_ends(script, echo, &seen);
        assert_int_equal(script->request_count, cases[i].request_count);
    }
}

static void bad_replies_to_next_end_it(void **state) {
    struct script *script = *state;
    static const struct reply cases[] = {
        {403, {NULL}, "{\"errorType\":\"InvalidStateTransition\"}"},
        {500, {NULL}, ""},
        {404, {NULL}, ""},
        {200, {NULL}, "{}"}, /* no request id */
        {200, {"Lambda-Runtime-Aws-Request-Id", "id", "Lambda-Runtime-Deadline-Ms", "soon"}, "{}"},
        {200, {"Lambda-Runtime-Aws-Request-Id", "id", "Lambda-Runtime-Deadline-Ms", "-1"}, "{}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        set_replies(script, &cases[i], 1);
        script->request_count = 0;
        struct seen seen = {0};
        assert_ends(script, echo, &seen);
        assert_int_equal(seen.count, 0);
        assert_int_equal(script->request_count, 1);
    }
}

static void the_request_id_is_one_segment_of_the_path(void **state) {
    struct script *script = *state;
    const struct reply replies[] = {INVOCATION("../a b?c", "{}"), ACCEPTED};
    set_replies(script, replies, ARRAY_SIZE(replies));
    struct seen seen = {0};
    assert_ends(script, echo, &seen);
    assert_string_equal(script->requests[1].line,
                        "POST /2018-06-01/runtime/invocation/..%2Fa%20b%3Fc/response");
}

static void init_errors_are_posted(void **state) {
    struct script *script = *state;
    const struct reply replies[] = {ACCEPTED};
    set_replies(script, replies, ARRAY_SIZE(replies));
    const struct error why = {ERROR_NOT_FOUND, NULL, "no media.so"};
    runtime_init_error(script->runtime, &why);
    assert_int_equal(script->request_count, 1);
    assert_string_equal(script->requests[0].line, "POST /2018-06-01/runtime/init/error");
    assert_string_equal(script->requests[0].error_type, "Function.NotFound");
    assert_non_null(strstr(script->requests[0].body, "no media.so"));
}

static void a_server_that_is_gone_ends_it(void **state) {
    struct script *script = *state;
    http_server_free(script->server);
    script->server = NULL;
    struct seen seen = {0};
    const struct error why = {ERROR_INTERNAL, NULL, "never told"};
    assert_ends(script, echo, &seen);
    runtime_init_error(script->runtime, &why);
    assert_int_equal(seen.count, 0);
}

static void bad_addresses_are_refused(void **state) {
    (void)state;
    static const char *const cases[] = {"", "a b:1", "127.0.0.1:port", "host:99999", "u@h:1"};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct runtime *runtime = NULL;
        struct error err;
        if (runtime_new(cases[i], &runtime, &err))
            fail_msg("'%s' was taken", cases[i]);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_null(runtime);
    }
    runtime_free(NULL);
}

#define WITH_SCRIPT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SCRIPT(answers_are_posted_and_more_is_asked),
        WITH_SCRIPT(an_empty_answer_is_an_answer),
        WITH_SCRIPT(the_trace_is_exported_and_taken_back),
        WITH_SCRIPT(failures_are_posted_as_errors),
        WITH_SCRIPT(answers_over_the_limit_are_errors),
        WITH_SCRIPT(replies_to_answers_decide),
        WITH_SCRIPT(bad_replies_to_next_end_it),
        WITH_SCRIPT(the_request_id_is_one_segment_of_the_path),
        WITH_SCRIPT(init_errors_are_posted),
        WITH_SCRIPT(a_server_that_is_gone_ends_it),
        cmocka_unit_test(bad_addresses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
