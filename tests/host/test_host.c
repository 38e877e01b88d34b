#include "fixture.h"

#include "base/os.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- rows ---- */

static void put(struct fixture *f, const char *key) {
    struct error err;
    struct store_body *body;
    struct store_object object;
    assert_true(store_body_new(f->store, &body, &err));
    assert_true(store_body_add(body, "photo", 5, &err));
    const struct store_put options = {
        .bucket = "photos",
        .key = key,
        .content_type = "image/jpeg",
        .metadata = "",
        .event_name = "ObjectCreated:Put",
        .request_id = "R1",
        .source_ip = "127.0.0.1",
        .principal = "AK",
        .now_unix_ms = clock_unix_ms(),
    };
    if (!store_put(f->store, f->arena, body, &options, &object, &err))
        fail_msg("%s", err.text);
    store_body_free(body);
}

static void an_object_becomes_an_event(void **state) {
    struct fixture *f = *state;
    struct error err;
    const struct store_rule rule = {"rule", "first", "s3:ObjectCreated:*", "in/", ""};
    assert_true(store_set_rules(f->store, "photos", &rule, 1, &err));
    fixture_start(f);
    put(f, "in/a b.jpg");
    struct line line = fixture_expect(f, "kept");
    fixture_wait_depth(f, 0);
    json_t *event = fixture_kept(f, &line);
    const json_t *record = json_array_get(json_object_get(event, "Records"), 0);
    const json_t *object = json_object_get(json_object_get(record, "s3"), "object");
    assert_string_equal(json_string_value(json_object_get(object, "key")), "in/a+b.jpg");
    assert_int_equal(json_integer_value(json_object_get(object, "size")), 5);
    json_decref(event);
}

static void rows_wait_for_the_host(void **state) {
    struct fixture *f = *state;
    fixture_push(f, "first", "{\"do\":\"echo\"}");
    fixture_push(f, "second", "{\"do\":\"echo\"}");
    fixture_push(f, "nobody", "{\"do\":\"echo\"}");
    fixture_start(f);
    fixture_expect(f, "echo");
    fixture_expect(f, "echo");
    fixture_wait_depth(f, 1); /* of a function that is not here */
}

static void failures_are_retried_then_told(void **state) {
    struct fixture *f = *state;
    f->functions[0].max_retries = 2;
    f->functions[0].on_failure = "second";
    fixture_start(f);
    fixture_push(f, "first", "{\"do\":\"fail\",\"x\":\"\\u00e9\"}");
    struct line last;
    for (int i = 0; i < 3; i++)
        last = fixture_expect(f, "fail");
    struct line line = fixture_expect(f, "kept");
    fixture_wait_depth(f, 0);
    json_t *record = fixture_kept(f, &line);
    const char *version, *id, *arn, *condition, *payload, *message, *type;
    int count;
    assert_int_equal(json_unpack(record, "{ss s{ss ss ss si} s{ss} s{ss ss}}", "version", &version,
                                 "requestContext", "requestId", &id, "functionArn", &arn,
                                 "condition", &condition, "approximateInvokeCount", &count,
                                 "requestPayload", "x", &payload, "responsePayload", "errorMessage",
                                 &message, "errorType", &type),
                     0);
    assert_string_equal(version, "1.0");
    assert_string_equal(id, last.request_id);
    assert_string_equal(arn, "arn:aws:lambda:local:000000000000:function:first");
    assert_string_equal(condition, "RetriesExhausted");
    assert_int_equal(count, 3);
    assert_string_equal(payload, "\xC3\xA9");
    assert_string_equal(message, "told to fail");
    assert_string_equal(type, "Function.Unavailable");
    json_decref(record);
    fixture_expect_none(f);
}

static void without_on_failure_it_is_a_dead_letter(void **state) {
    struct fixture *f = *state;
    f->functions[0].max_retries = 1;
    fixture_start(f);
    fixture_push(f, "first", "{\"do\":\"fail\"}");
    fixture_expect(f, "fail");
    fixture_expect(f, "fail");
    fixture_wait_depth(f, 0);
    assert_string_equal(fixture_dead_letter(f), "Function.Unavailable: told to fail");
}

/* What a process that ends in the middle leaves behind as the reason. */
static void deaths_are_failures(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *event;
        const char *what;
        const char *reason;
    } cases[] = {
        {"{\"do\":\"crash\"}", "crash", "Runtime exited with error: signal: Segmentation fault"},
        {"{\"do\":\"exit\",\"status\":7}", "exit", "Runtime exited with error: exit status 7"},
        {"{\"do\":\"exit\",\"status\":0}", "exit", "Runtime exited without providing a reason"},
        {"{\"do\":\"huge\"}", "huge", "Function.ResponseSizeTooLarge: Response payload size"},
        {"{\"do\":\"huge-raw\"}", "huge-raw",
         "Function.ResponseSizeTooLarge: Response payload size"},
    };
    fixture_start(f);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        fixture_push(f, "first", cases[i].event);
        fixture_expect(f, cases[i].what);
        fixture_wait_depth(f, 0);
        const char *reason = fixture_dead_letter(f);
        if (strstr(reason, cases[i].reason) == NULL)
            fail_msg("%s instead of %s", reason, cases[i].reason);
    }
}

static void a_killed_process_is_replaced(void **state) {
    struct fixture *f = *state;
    f->functions[0].max_retries = 1;
    fixture_start(f);
    fixture_push(f, "first", "{\"do\":\"wait\"}");
    struct line line = fixture_expect(f, "wait");
    assert_int_equal(kill(line.pid, SIGKILL), 0);
    struct line again = fixture_expect(f, "wait");
    assert_int_not_equal(again.pid, line.pid);
    assert_string_not_equal(again.request_id, line.request_id);
    fixture_open_gate(f, 1);
    fixture_wait_depth(f, 0);
}

static void the_deadline_kills_the_whole_group(void **state) {
    struct fixture *f = *state;
    f->functions[0].timeout_seconds = 1;
    fixture_start(f);
    fixture_push(f, "first", "{\"do\":\"grandchild\"}");
    struct line line = fixture_expect(f, "grandchild");
    struct line child = fixture_expect(f, "child");
    int leader_fd = fixture_watch(line.pid);
    int child_fd = fixture_watch((pid_t)strtol(child.more, NULL, 10));
    fixture_wait_end(leader_fd);
    fixture_wait_end(child_fd);
    fixture_wait_depth(f, 0);
    assert_string_equal(fixture_dead_letter(f),
                        "Sandbox.Timedout: Task timed out after 1.00 seconds");
}

static void a_grandchild_ends_with_its_process(void **state) {
    struct fixture *f = *state;
    fixture_start(f);
    fixture_push(f, "first", "{\"do\":\"grandchild\"}");
    struct line line = fixture_expect(f, "grandchild");
    struct line child = fixture_expect(f, "child");
    int child_fd = fixture_watch((pid_t)strtol(child.more, NULL, 10));
    assert_int_equal(kill(line.pid, SIGTERM), 0);
    fixture_wait_end(child_fd);
    fixture_wait_depth(f, 0);
    assert_non_null(strstr(fixture_dead_letter(f), "signal: Terminated"));
}

static void the_concurrency_limit_holds(void **state) {
    struct fixture *f = *state;
    f->functions[0].max_concurrency = 3;
    for (int i = 0; i < 7; i++)
        fixture_push(f, "first", "{\"do\":\"wait\"}");
    fixture_start(f);
    for (int i = 0; i < 3; i++)
        fixture_expect(f, "wait");
    /* Another function is not held up by it. */
    fixture_push(f, "second", "{\"do\":\"echo\"}");
    fixture_expect(f, "echo");
    fixture_wait_idle(f, 1);
    fixture_expect_none(f);
    struct host_stats stats;
    host_stats(f->host, &stats);
    assert_int_equal(stats.busy, 3);
    for (int i = 0; i < 4; i++) {
        fixture_open_gate(f, 1);
        fixture_expect(f, "wait");
        fixture_expect_none(f);
    }
    fixture_open_gate(f, 3);
    fixture_wait_depth(f, 0);
    host_stats(f->host, &stats);
    assert_int_equal(stats.invocations, 8);
    assert_int_equal(stats.cold_starts, 4);
    assert_int_equal(stats.failures, 0);
}

static void warm_processes_are_used_again(void **state) {
    struct fixture *f = *state;
    f->functions[0].max_concurrency = 4;
    fixture_start(f);
    struct line first = {0};
    for (int i = 0; i < 5; i++) {
        fixture_push(f, "first", "{\"do\":\"echo\"}");
        struct line line = fixture_expect(f, "echo");
        if (i == 0)
            first = line;
        assert_int_equal(line.pid, first.pid);
        fixture_wait_idle(f, 1);
    }
    fixture_wait_processes(f, 1);
}

/* So that the others can idle out. */
static void the_one_used_last_is_used_first(void **state) {
    struct fixture *f = *state;
    f->functions[0].max_concurrency = 2;
    fixture_start(f);
    fixture_push(f, "first", "{\"do\":\"wait\"}");
    fixture_expect(f, "wait");
    fixture_push(f, "first", "{\"do\":\"wait\"}");
    fixture_expect(f, "wait");
    fixture_open_gate(f, 2);
    fixture_wait_depth(f, 0);
    pid_t pid = 0;
    for (int i = 0; i < 4; i++) {
        fixture_wait_idle(f, 2);
        fixture_push(f, "first", "{\"do\":\"echo\"}");
        struct line line = fixture_expect(f, "echo");
        if (i > 0)
            assert_int_equal(line.pid, pid);
        pid = line.pid;
    }
}

static void idle_processes_end(void **state) {
    struct fixture *f = *state;
    f->options.idle_seconds = 1;
    f->functions[0].max_concurrency = 2;
    fixture_start(f);
    fixture_push(f, "first", "{\"do\":\"wait\"}");
    fixture_push(f, "first", "{\"do\":\"wait\"}");
    int fds[2];
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        fds[i] = fixture_watch(fixture_expect(f, "wait").pid);
    fixture_open_gate(f, 2);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        fixture_wait_end(fds[i]);
    fixture_wait_processes(f, 0);
    fixture_push(f, "first", "{\"do\":\"echo\"}");
    fixture_expect(f, "echo");
    fixture_wait_depth(f, 0);
}

/* As long as nothing fails, at least once is exactly once. */
static void many_rows_are_delivered_once(void **state) {
    struct fixture *f = *state;
    enum { ROWS = 150 };
    bool seen[ROWS] = {false};
    f->functions[0].max_concurrency = 4;
    fixture_start(f);
    for (int i = 0; i < ROWS; i++)
        fixture_push(f, "first", arena_printf(f->arena, "{\"do\":\"echo\",\"name\":\"%d\"}", i));
    for (int i = 0; i < ROWS; i++) {
        uint64_t name;
        assert_true(str_to_u64(str_c(fixture_expect(f, "echo").more), ROWS - 1, &name));
        assert_false(seen[name]);
        seen[name] = true;
    }
    fixture_wait_depth(f, 0);
    fixture_expect_none(f);
}

/* ---- starts that fail ---- */

static void failed_starts_count_as_tries(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *start;
        const char *reason;
    } cases[] = {
        {"exit", "Runtime exited with error: exit status 3"},
        {"error", "Function.NotFound: nothing to run"},
        {"error-and-hang", "Function.Internal: stuck"},
    };
    f->functions[0].max_retries = 2;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        f->environment[3] = arena_printf(f->arena, "TEST_START=%s", cases[i].start);
        fixture_start(f);
        fixture_push(f, "first", "{\"do\":\"echo\"}");
        for (int tries = 0; tries < 3; tries++)
            assert_string_equal(fixture_expect(f, "start").more, cases[i].start);
        fixture_wait_depth(f, 0);
        struct host_stats stats;
        host_stats(f->host, &stats);
        assert_int_equal(stats.cold_starts, 3);
        const char *reason = fixture_dead_letter(f);
        if (strstr(reason, cases[i].reason) == NULL)
            fail_msg("%s instead of %s", reason, cases[i].reason);
        fixture_expect_none(f);
        host_stop(f->host, 0);
        f->host = NULL;
    }
}

/* With many rows and a program that never starts, each start is later than the one before. */
static void failed_starts_are_no_loop(void **state) {
    struct fixture *f = *state;
    f->environment[3] = "TEST_START=exit";
    f->options.retry_ms = 20000;
    f->functions[0].max_concurrency = 1;
    f->functions[0].max_retries = 100;
    fixture_start(f);
    for (int i = 0; i < 20; i++)
        fixture_push(f, "first", "{\"do\":\"echo\"}");
    fixture_expect(f, "start");
    fixture_wait_processes(f, 0);
    fixture_push(f, "first", "{\"do\":\"echo\"}");
    fixture_push(f, "second", "{\"do\":\"echo\"}");
    fixture_expect(f, "start"); /* of second */
    fixture_wait_processes(f, 0);
    fixture_expect_none(f);
    struct host_stats stats;
    host_stats(f->host, &stats);
    assert_int_equal(stats.cold_starts, 2);
}

static void bad_options_are_refused(void **state) {
    struct fixture *f = *state;
    const struct host_function good = f->functions[0];
    const char *missing = arena_printf(f->arena, "%s/nothing", f->folder);
    const char *unreadable = arena_printf(f->arena, "%s/lines", f->folder);
    struct {
        struct host_function function;
        enum error_kind kind;
    } cases[6] = {{good, ERROR_NOT_FOUND}, {good, ERROR_DENIED},  {good, ERROR_INVALID},
                  {good, ERROR_INVALID},   {good, ERROR_INVALID}, {good, ERROR_INVALID}};
    cases[0].function.program = missing;
    cases[1].function.program = unreadable;
    cases[2].function.max_concurrency = 0;
    cases[3].function.timeout_seconds = 0;
    cases[4].function.timeout_seconds = 901;
    cases[5].function.on_failure = "nobody";
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct host *host;
        struct error err;
        f->functions[0] = cases[i].function;
        if (host_start(&f->options, &host, &err))
            fail_msg("case %zu was taken", i);
        assert_int_equal(err.kind, cases[i].kind);
    }
    f->functions[0] = good;
    f->functions[1].name = "first";
    struct host *host;
    struct error err;
    assert_false(host_start(&f->options, &host, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    host_stop(NULL, 0);
}

/* ---- ends of the host ---- */

static void what_was_in_flight_comes_again(void **state) {
    struct fixture *f = *state;
    fixture_start(f);
    fixture_push(f, "first", "{\"do\":\"wait\"}");
    /* No retry is allowed: being broken off by the host counts as none. */
    for (int i = 0; i < 3; i++) {
        int fd = fixture_watch(fixture_expect(f, "wait").pid);
        fixture_restart(f);
        fixture_wait_end(fd);
    }
    fixture_expect(f, "wait");
    fixture_open_gate(f, 1);
    fixture_wait_depth(f, 0);
}

static void *open_gate_when_stopping(void *context) {
    struct fixture *f = context;
    struct error err = {0};
    struct str answer;
    /* Refused as soon as the host is stopping. */
    while (err.code == NULL || strcmp(err.code, "ServiceUnavailable") != 0)
        if (host_invoke(f->host, f->arena, "second", str_c("{\"do\":\"echo\"}"), &answer, &err))
            err.code = NULL;
    fixture_open_gate(f, 1);
    return NULL;
}

static void a_stop_lets_work_finish(void **state) {
    struct fixture *f = *state;
    fixture_start(f);
    fixture_push(f, "first", "{\"do\":\"wait\"}");
    fixture_expect(f, "wait");
    host_end_requests(f->host, 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, open_gate_when_stopping, f), 0);
    host_stop(f->host, FIXTURE_BOUND_MS);
    f->host = NULL;
    pthread_join(thread, NULL);
    fixture_wait_depth(f, 0);
}

/* The host in a process of its own, which is killed. */
static pid_t start_other_host(struct fixture *f) {
    store_close(f->store);
    f->store = NULL;
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct error err;
    if (!store_open(arena_printf(f->arena, "%s/store", f->folder), &f->store, &err))
        _exit(1);
    f->options.store = f->store;
    if (!host_start(&f->options, &f->host, &err))
        _exit(2);
    for (;;)
        pause();
}

static void no_function_outlives_a_killed_server(void **state) {
    struct fixture *f = *state;
    fixture_push(f, "first", "{\"do\":\"wait\"}");
    pid_t server = start_other_host(f);
    int fd = fixture_watch(fixture_expect(f, "wait").pid);
    assert_int_equal(kill(server, SIGKILL), 0);
    assert_int_equal(waitpid(server, NULL, 0), server);
    fixture_wait_end(fd);
    struct error err;
    assert_true(store_open(arena_printf(f->arena, "%s/store", f->folder), &f->store, &err));
    f->options.store = f->store;
    fixture_start(f);
    fixture_expect(f, "wait");
    fixture_open_gate(f, 1);
    fixture_wait_depth(f, 0);
}

/* ---- host_invoke ---- */

static void invoke_gives_the_answer(void **state) {
    struct fixture *f = *state;
    fixture_start(f);
    const char *event = "{\"do\":\"echo\",\"x\":[1,2]}";
    assert_string_equal(fixture_invoke(f, "first", event), event);
    assert_string_equal(fixture_invoke(f, "first", "{\"do\":\"twice\"}"), "\"first\"");
    fixture_expect(f, "echo");
    fixture_expect(f, "twice");
    assert_string_equal(fixture_expect(f, "statuses").more, "400 202 400");
    /* The runtime's own answer, refused, did it no harm. */
    assert_string_equal(fixture_invoke(f, "first", event), event);
    struct host_stats stats;
    host_stats(f->host, &stats);
    assert_int_equal(stats.cold_starts, 1);
}

static void a_large_event_passes(void **state) {
    struct fixture *f = *state;
    fixture_start(f);
    size_t size = 6 * 1024 * 1024 - 64;
    char *event = arena_alloc(f->arena, size + 1);
    int length = snprintf(event, size, "{\"do\":\"echo\",\"x\":\"");
    memset(event + length, 'x', size - (size_t)length);
    memcpy(event + size - 2, "\"}", 2);
    assert_string_equal(fixture_invoke(f, "first", event), event);
    size_t too_large = 6 * 1024 * 1024 + 101;
    struct str answer;
    struct error err;
    const struct str large = {arena_alloc(f->arena, too_large), too_large};
    assert_false(host_invoke(f->host, f->arena, "first", large, &answer, &err));
    assert_string_equal(err.code, "RequestTooLarge");
}

static void metrics_count(void **state) {
    struct fixture *f = *state;
    f->functions[0].timeout_seconds = 1;
    fixture_start(f);
    fixture_push(f, "first", "{\"do\":\"echo\"}");
    fixture_push(f, "first", "{\"do\":\"fail\"}");
    fixture_push(f, "first", "{\"do\":\"hang\"}");
    fixture_push(f, "nobody", "{}");
    fixture_wait_depth(f, 1); /* of a function that is not here */
    fixture_wait_processes(f, 0);
    struct str text = host_metrics(f->host, f->arena);
    static const char *const lines[] = {
        "# TYPE tachyscope_invocations_total counter\n",
        "tachyscope_invocations_total{function=\"first\"} 3\n",
        "tachyscope_invocations_total{function=\"second\"} 0\n",
        "tachyscope_errors_total{function=\"first\"} 2\n",
        "tachyscope_timeouts_total{function=\"first\"} 1\n",
        "tachyscope_throttles_total{function=\"first\"} 0\n",
        "tachyscope_cold_starts_total{function=\"first\"} 1\n",
        "tachyscope_processes{function=\"first\"} 0\n",
        "tachyscope_queue_events{function=\"first\"} 0\n",
        "tachyscope_queue_age_seconds{function=\"first\"} 0.000\n",
        "tachyscope_duration_seconds_bucket{function=\"first\",le=\"+Inf\"} 3\n",
        "tachyscope_duration_seconds_count{function=\"first\"} 3\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        if (strstr(text.ptr, lines[i]) == NULL)
            fail_msg("%s is not in\n%s", lines[i], text.ptr);
}

static void invoke_tells_failures(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *function;
        const char *event;
        enum error_kind kind;
        const char *code;
        const char *text;
    } cases[] = {
        {"first", "{\"do\":\"fail\"}", ERROR_INVALID, "FunctionError", "told to fail"},
        {"first", "{\"do\":\"huge\"}", ERROR_INVALID, "FunctionError", "exceeded maximum"},
        {"first", "{\"do\":\"crash\"}", ERROR_UNAVAILABLE, "RuntimeExited", "Segmentation"},
        {"first", "{\"do\":\"exit\",\"status\":1}", ERROR_UNAVAILABLE, "RuntimeExited",
         "exit status 1"},
        {"first", "{\"do\":\"hang\"}", ERROR_UNAVAILABLE, "TaskTimedOut",
         "Task timed out after 1.00 seconds"},
        {"nobody", "{}", ERROR_NOT_FOUND, "ResourceNotFound", "'nobody'"},
    };
    f->functions[0].timeout_seconds = 1;
    fixture_start(f);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct str answer;
        struct error err;
        assert_false(host_invoke(f->host, f->arena, cases[i].function, str_c(cases[i].event),
                                 &answer, &err));
        assert_int_equal(err.kind, cases[i].kind);
        assert_string_equal(err.code, cases[i].code);
        if (strstr(err.text, cases[i].text) == NULL)
            fail_msg("%s", err.text);
    }
}

static void a_start_that_fails_fails_the_call(void **state) {
    struct fixture *f = *state;
    f->environment[3] = "TEST_START=error";
    fixture_start(f);
    struct str answer;
    struct error err;
    assert_false(host_invoke(f->host, f->arena, "first", str_c("{}"), &answer, &err));
    assert_string_equal(err.code, "RuntimeExited");
    assert_string_equal(err.text, "nothing to run");
}

static void busy_functions_refuse_in_the_end(void **state) {
    struct fixture *f = *state;
    fixture_start(f);
    fixture_push(f, "first", "{\"do\":\"wait\"}");
    fixture_expect(f, "wait");
    struct str answer;
    struct error err;
    assert_false(
        host_invoke(f->host, f->arena, "first", str_c("{\"do\":\"echo\"}"), &answer, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_string_equal(err.code, "TooManyRequests");
    fixture_open_gate(f, 1);
    fixture_wait_depth(f, 0);
    fixture_expect_none(f); /* the refused call is not made later */
}

struct caller {
    struct fixture *f;
    struct arena *arena;
    const char *event;
    bool ok;
    struct str answer;
    struct error err;
};

static void *call(void *context) {
    struct caller *caller = context;
    caller->ok = host_invoke(caller->f->host, caller->arena, "first", str_c(caller->event),
                             &caller->answer, &caller->err);
    return NULL;
}

static void calls_go_before_rows(void **state) {
    struct fixture *f = *state;
    fixture_start(f);
    fixture_push(f, "first", "{\"do\":\"wait\"}");
    fixture_expect(f, "wait");
    fixture_push(f, "first", "{\"do\":\"echo\",\"name\":\"row\"}");
    struct caller caller = {
        .f = f, .arena = arena_new(), .event = "{\"do\":\"echo\",\"name\":\"call\"}"};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, call, &caller), 0);
    fixture_wait_waiting(f, 1);
    fixture_open_gate(f, 1);
    assert_string_equal(fixture_expect(f, "echo").more, "call");
    assert_string_equal(fixture_expect(f, "echo").more, "row");
    pthread_join(thread, NULL);
    assert_true(caller.ok);
    arena_free(caller.arena);
    fixture_wait_depth(f, 0);
}

static void callers_can_be_sent_away(void **state) {
    struct fixture *f = *state;
    fixture_start(f);
    struct caller caller = {.f = f, .arena = arena_new(), .event = "{\"do\":\"wait\"}"};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, call, &caller), 0);
    struct line line = fixture_expect(f, "wait");
    int fd = fixture_watch(line.pid);
    host_end_requests(f->host, 0);
    pthread_join(thread, NULL);
    assert_false(caller.ok);
    assert_string_equal(caller.err.code, "ServiceUnavailable");
    arena_free(caller.arena);
    /* The invocation goes on, and rows are still served. */
    fixture_open_gate(f, 1);
    fixture_push(f, "first", "{\"do\":\"echo\"}");
    assert_int_equal(fixture_expect(f, "echo").pid, line.pid);
    fixture_wait_depth(f, 0);
    host_stop(f->host, 0);
    f->host = NULL;
    fixture_wait_end(fd);
}

static void calls_run_side_by_side(void **state) {
    struct fixture *f = *state;
    enum { CALLS = 12 };
    f->functions[0].max_concurrency = 3;
    fixture_start(f);
    pthread_t threads[CALLS];
    struct caller callers[CALLS];
    for (int i = 0; i < CALLS; i++) {
        struct arena *arena = arena_new();
        callers[i] = (struct caller){
            .f = f,
            .arena = arena,
            .event = arena_printf(arena, "{\"do\":\"echo\",\"n\":%d}", i),
        };
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < CALLS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(callers[i].ok);
        assert_true(str_equal_c(callers[i].answer, callers[i].event));
        arena_free(callers[i].arena);
    }
}

/* ---- what a function finds ---- */

static void the_environment_is_exact(void **state) {
    struct fixture *f = *state;
    f->environment[3] = "MORE=a=b";
    f->environment[4] = "AWS_REGION=elsewhere"; /* the host's word stands */
    f->environment[5] = "_HANDLER=other";
    fixture_start(f);
    assert_int_equal(dup2(STDERR_FILENO, 200), 200); /* without close-on-exec */
    json_t *root = json_loads(fixture_invoke(f, "first", "{\"do\":\"environment\"}"), 0, NULL);
    close(200);
    static const char *const names[] = {
        "_HANDLER=first",
        "AWS_LAMBDA_RUNTIME_API=127.0.0.1:",
        "AWS_LAMBDA_FUNCTION_NAME=first",
        "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
        "AWS_REGION=local",
        "LAMBDA_TASK_ROOT=/",
        "TZ=:UTC",
        "LANG=",
        "PATH=",
        "TMPDIR=/",
        "TEST_LINES=",
        "TEST_GATE=",
        "TEST_FOLDER=",
        "MORE=a=b",
    };
    const json_t *environment = json_object_get(root, "environment");
    for (size_t i = 0; i < json_array_size(environment); i++) {
        const char *entry = json_string_value(json_array_get(environment, i));
        if (i >= ARRAY_SIZE(names) || strncmp(entry, names[i], strlen(names[i])) != 0)
            fail_msg("'%s' is too much", entry);
    }
    assert_int_equal(json_array_size(environment), ARRAY_SIZE(names));
    const char *folder = json_string_value(json_object_get(root, "folder"));
    assert_non_null(strstr(json_string_value(json_array_get(environment, 6)), folder));
    assert_true(json_is_true(json_object_get(root, "stdin_empty")));
    assert_false(json_is_true(json_object_get(root, "descriptor_open")));
    json_decref(root);
}

static void a_shell_script_can_be_a_function(void **state) {
    struct fixture *f = *state;
    f->functions[0].program = getenv("TEST_SCRIPT");
    fixture_start(f);
    for (int i = 0; i < 2; i++)
        assert_string_equal(fixture_invoke(f, "first", "{\"a\":\"photo\"}"),
                            "{\"bytes\":13,\"handler\":\"first\"}");
}

#define WITH_FIXTURE(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(an_object_becomes_an_event),
        WITH_FIXTURE(rows_wait_for_the_host),
        WITH_FIXTURE(failures_are_retried_then_told),
        WITH_FIXTURE(without_on_failure_it_is_a_dead_letter),
        WITH_FIXTURE(deaths_are_failures),
        WITH_FIXTURE(a_killed_process_is_replaced),
        WITH_FIXTURE(the_deadline_kills_the_whole_group),
        WITH_FIXTURE(a_grandchild_ends_with_its_process),
        WITH_FIXTURE(the_concurrency_limit_holds),
        WITH_FIXTURE(warm_processes_are_used_again),
        WITH_FIXTURE(the_one_used_last_is_used_first),
        WITH_FIXTURE(idle_processes_end),
        WITH_FIXTURE(many_rows_are_delivered_once),
        WITH_FIXTURE(failed_starts_count_as_tries),
        WITH_FIXTURE(failed_starts_are_no_loop),
        WITH_FIXTURE(bad_options_are_refused),
        WITH_FIXTURE(what_was_in_flight_comes_again),
        WITH_FIXTURE(a_stop_lets_work_finish),
        WITH_FIXTURE(no_function_outlives_a_killed_server),
        WITH_FIXTURE(invoke_gives_the_answer),
        WITH_FIXTURE(a_large_event_passes),
        WITH_FIXTURE(metrics_count),
        WITH_FIXTURE(invoke_tells_failures),
        WITH_FIXTURE(a_start_that_fails_fails_the_call),
        WITH_FIXTURE(busy_functions_refuse_in_the_end),
        WITH_FIXTURE(calls_go_before_rows),
        WITH_FIXTURE(callers_can_be_sent_away),
        WITH_FIXTURE(calls_run_side_by_side),
        WITH_FIXTURE(the_environment_is_exact),
        WITH_FIXTURE(a_shell_script_can_be_a_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
