/*
 * A function for the tests of the host: what it does is in the event's "do", what it did stands in
 * lines "WHAT PID REQUEST-ID MORE" in the pipe TEST_LINES.
 *
 * An event without "do" is kept as the file REQUEST-ID.json in TEST_FOLDER; one that is an HTTP
 * request (payload format 2.0) is answered by its path.
 */
#include "base/os.h"
#include "http/client.h"
#include "runtime/runtime.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HUGE_ANSWER_BYTES = 7 * 1024 * 1024 };

struct call {
    struct arena *arena;
    const struct runtime_invocation *invocation;
    const json_t *event;
    struct str *ret_answer;
    struct error *err;
};

/* Opened for each line: a reader that was not there yet is no reason to wait. */
static void tell(const char *what, const char *request_id, const char *more) {
    char line[512];
    int length =
        snprintf(line, sizeof line, "%s %ld %s %s\n", what, (long)getpid(), request_id, more);
    int fd = open(getenv("TEST_LINES"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    struct error err;
    if (fd < 0 || !write_all(fd, line, (size_t)length, &err))
        _exit(90);
    close(fd);
}

static NORETURN void hang(void) {
    for (;;)
        pause();
}

/* ---- what it can do ---- */

static bool do_echo(struct call *call) {
    *call->ret_answer = call->invocation->event;
    return true;
}

static bool do_fail(struct call *call) {
    return error_set(call->err, ERROR_UNAVAILABLE, NULL, "told to fail");
}

static bool do_crash(struct call *call) {
    (void)call;
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    _exit(91);
}

static bool do_exit(struct call *call) {
    _exit((int)json_integer_value(json_object_get(call->event, "status")));
}

static bool do_hang(struct call *call) {
    (void)call;
    hang();
}

/* A child of its own in the same group; the line names it. */
static bool do_grandchild(struct call *call) {
    pid_t child = fork();
    if (child == 0)
        hang();
    char text[32];
    snprintf(text, sizeof text, "%ld", (long)child);
    tell("child", call->invocation->request_id, text);
    hang();
}

/* Waits for one byte of the gate, so that a test decides how long it takes. */
static bool do_wait(struct call *call) {
    int fd = open(getenv("TEST_GATE"), O_RDWR | O_CLOEXEC);
    char byte;
    ssize_t got = read(fd, &byte, 1);
    close(fd);
    if (got != 1)
        return error_set(call->err, ERROR_INTERNAL, NULL, "the gate is broken");
    return do_echo(call);
}

static bool do_huge(struct call *call) {
    *call->ret_answer =
        (struct str){arena_alloc(call->arena, HUGE_ANSWER_BYTES), HUGE_ANSWER_BYTES};
    return true;
}

static unsigned post_raw(struct call *call, const char *request_id, const void *body, size_t size) {
    struct http_client *client = http_client_new();
    struct http_call http = http_call(
        "POST", arena_printf(call->arena, "http://%s/2018-06-01/runtime/invocation/%s/response",
                             getenv("AWS_LAMBDA_RUNTIME_API"), request_id));
    http.body = body;
    http.body_size = size;
    http.max_reply_bytes = 65536;
    struct http_reply reply = {0};
    if (!http_client_perform(client, call->arena, &http, &reply, call->err))
        reply.status = 0;
    http_client_free(client);
    return reply.status;
}

/* Answers itself, before the runtime does it again. */
static bool do_twice(struct call *call) {
    unsigned other = post_raw(call, "another-id", "1", 1);
    unsigned first = post_raw(call, call->invocation->request_id, "\"first\"", 7);
    unsigned again = post_raw(call, call->invocation->request_id, "\"again\"", 7);
    tell("statuses", call->invocation->request_id,
         arena_printf(call->arena, "%u %u %u", other, first, again));
    *call->ret_answer = str_c("\"second\"");
    return true;
}

/* As `huge`, past the runtime, which would not send so much. */
static bool do_huge_raw(struct call *call) {
    void *body = arena_alloc(call->arena, HUGE_ANSWER_BYTES);
    post_raw(call, call->invocation->request_id, body, HUGE_ANSWER_BYTES);
    return do_echo(call);
}

static bool do_environment(struct call *call) {
    extern char **environ;
    json_t *all = json_array();
    for (char **entry = environ; *entry != NULL; entry++)
        json_array_append_new(all, json_string(*entry));
    char folder[4096];
    json_t *root = json_pack(
        "{so ss sb sb}", "environment", all, "folder", getcwd(folder, sizeof folder), "stdin_empty",
        read(STDIN_FILENO, folder, 1) == 0, "descriptor_open", fcntl(200, F_GETFD) >= 0);
    char *text = json_dumps(root, JSON_COMPACT);
    *call->ret_answer = str_c(arena_strdup(call->arena, text));
    free(text);
    json_decref(root);
    return true;
}

static bool do_keep(struct call *call) {
    const char *path = arena_printf(call->arena, "%s/%s.json", getenv("TEST_FOLDER"),
                                    call->invocation->request_id);
    return publish_file(path, call->invocation->event.ptr, call->invocation->event.len, 0600,
                        call->err);
}

/* ---- HTTP requests ---- */

static bool do_http(struct call *call, const char *path) {
    static const struct {
        const char *path;
        const char *answer;
    } fixed[] = {
        {"/jobs/plain", "{\"statusCode\":201,\"headers\":{\"X-Number\":7,\"ETag\":\"\\\"e\\\"\"},"
                        "\"body\":\"made\",\"cookies\":[\"a=1; Path=/\",\"b=2\"]}"},
        {"/jobs/binary", "{\"statusCode\":200,\"headers\":{\"content-type\":\"image/x\"},"
                         "\"body\":\"AP8B\",\"isBase64Encoded\":true}"},
        {"/jobs/empty", "{\"statusCode\":204}"},
        {"/jobs/bare", "{\"no\":\"status\"}"},
        {"/jobs/bad-json", "nonsense"},
        {"/jobs/bad-status", "{\"statusCode\":99}"},
        {"/jobs/bad-header", "{\"statusCode\":200,\"headers\":{\"x\":\"a\\r\\nb: c\"}}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
        if (strcmp(path, fixed[i].path) == 0) {
            *call->ret_answer = str_c(fixed[i].answer);
            return true;
        }
    }
    if (strcmp(path, "/jobs/fail") == 0)
        return do_fail(call);
    if (strcmp(path, "/jobs/crash") == 0)
        return do_crash(call);
    if (strcmp(path, "/jobs/hang") == 0)
        return do_hang(call);
    json_t *root = json_pack("{si s{ss} ss%}", "statusCode", 200, "headers", "content-type",
                             "application/json", "body", call->invocation->event.ptr,
                             call->invocation->event.len);
    char *text = json_dumps(root, JSON_COMPACT);
    *call->ret_answer = str_c(arena_strdup(call->arena, text));
    free(text);
    json_decref(root);
    return true;
}

static bool run(struct call *call) {
    static const struct {
        const char *name;
        bool (*run)(struct call *call);
    } actions[] = {
        {"echo", do_echo},
        {"fail", do_fail},
        {"crash", do_crash},
        {"exit", do_exit},
        {"hang", do_hang},
        {"grandchild", do_grandchild},
        {"wait", do_wait},
        {"huge", do_huge},
        {"huge-raw", do_huge_raw},
        {"twice", do_twice},
        {"environment", do_environment},
    };
    const char *path = json_string_value(json_object_get(call->event, "rawPath"));
    if (path != NULL)
        return do_http(call, path);
    const char *name = json_string_value(json_object_get(call->event, "do"));
    for (size_t i = 0; name != NULL && i < ARRAY_SIZE(actions); i++) {
        if (strcmp(actions[i].name, name) != 0)
            continue;
        const char *more = json_string_value(json_object_get(call->event, "name"));
        tell(name, call->invocation->request_id, more != NULL ? more : "");
        return actions[i].run(call);
    }
    bool kept = do_keep(call);
    tell("kept", call->invocation->request_id, "");
    return kept;
}

static bool handle(void *context, struct arena *arena, const struct runtime_invocation *invocation,
                   struct str *ret_answer, struct error *err) {
    (void)context;
    json_t *event = json_loadb(invocation->event.ptr, invocation->event.len, JSON_ALLOW_NUL, NULL);
    struct call call = {arena, invocation, event, ret_answer, err};
    bool ok = run(&call);
    json_decref(event);
    return ok;
}

/* How it starts, by TEST_START. */
static void start(struct runtime *runtime) {
    const char *how = getenv("TEST_START");
    if (how == NULL)
        return;
    tell("start", "-", how);
    if (strcmp(how, "exit") == 0)
        _exit(3);
    if (strcmp(how, "error") == 0) {
        const struct error why = {ERROR_NOT_FOUND, NULL, "nothing to run"};
        runtime_init_error(runtime, &why);
        _exit(1);
    }
    if (strcmp(how, "error-and-hang") == 0) {
        const struct error why = {ERROR_INTERNAL, NULL, "stuck"};
        runtime_init_error(runtime, &why);
        hang();
    }
}

int main(void) {
    struct runtime *runtime;
    struct error err;
    if (!runtime_new(getenv("AWS_LAMBDA_RUNTIME_API"), &runtime, &err))
        return 92;
    start(runtime);
    bool served = runtime_serve(runtime, handle, NULL, &err);
    runtime_free(runtime);
    return served ? 93 : 0;
}
