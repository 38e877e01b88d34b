/*
 * The client of the Runtime API: a loop of "next" and "response" or "error" over one kept
 * connection. `next` has no timeout, because the process may be frozen for hours in between.
 *
 * What the API says about a posted answer is of no use to the function: refused or not, the next
 * invocation is asked for. Only an API that is gone, or says so by 403 or 5xx, ends the loop.
 */
#include "runtime/runtime.h"

#include "base/codec.h"
#include "http/client.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_VARIABLE "_X_AMZN_TRACE_ID"

enum {
    /* Lambda's limit of an answer, and what it lets through of events. */
    MAX_ANSWER_BYTES = 6 * 1024 * 1024,
    MAX_EVENT_BYTES = 6 * 1024 * 1024 + 100,
    MAX_REPLY_BYTES = 64 * 1024, /* to what was posted */
    CONNECT_TIMEOUT_MS = 1000,
    MAX_NEXT_TRIES = 3,
};

struct runtime {
    struct http_client *http;
    char *base_url; /* "http://127.0.0.1:9001/2018-06-01/runtime" */
    struct arena *arena;
};

bool runtime_new(const char *api, struct runtime **ret, struct error *err) {
    struct arena *arena = arena_new();
    char *base_url = arena_printf(arena, "http://%s/2018-06-01/runtime", api);
    struct http_url url;
    if (!http_url_parse(arena, base_url, &url, err)) {
        arena_free(arena);
        return error_prefix(err, "AWS_LAMBDA_RUNTIME_API");
    }
    struct runtime *runtime = arena_alloc(arena, sizeof *runtime);
    runtime->arena = arena;
    runtime->base_url = base_url;
    runtime->http = http_client_new();
    *ret = runtime;
    return true;
}

void runtime_free(struct runtime *runtime) {
    if (runtime == NULL)
        return;
    http_client_free(runtime->http);
    arena_free(runtime->arena);
}

/* ---- errors as JSON ---- */

/* A text that was cut may end within a character, and names of files may be anything. */
static char *clean_text(struct arena *arena, const char *text) {
    char *clean = arena_strdup(arena, text);
    struct str rest = str_c(clean);
    while (rest.len > 0) {
        uint32_t character;
        size_t step = str_utf8_step(rest, &character);
        if (step == 0) {
            clean[rest.ptr - clean] = '?';
            step = 1;
        }
        rest.ptr += step;
        rest.len -= step;
    }
    return clean;
}

/* What was reported: type of the header, and document. */
struct fault {
    const char *type;
    struct str document;
};

static struct fault make_fault(struct arena *arena, const char *type, const char *message) {
    json_t *root = json_pack("{ss ss s[]}", "errorMessage", clean_text(arena, message), "errorType",
                             type, "stackTrace");
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    if (text == NULL)
        die_out_of_memory();
    json_decref(root);
    struct fault fault = {type, str_c(arena_strdup(arena, text))};
    free(text);
    return fault;
}

static struct fault fault_of(struct arena *arena, const struct error *why) {
    static const char *const types[] = {
        [ERROR_INVALID] = "Function.Invalid",    [ERROR_DENIED] = "Function.Denied",
        [ERROR_NOT_FOUND] = "Function.NotFound", [ERROR_CONFLICT] = "Function.Conflict",
        [ERROR_LIMIT] = "Function.Limit",        [ERROR_UNAVAILABLE] = "Function.Unavailable",
        [ERROR_INTERNAL] = "Function.Internal",
    };
    bool known = why->kind >= ERROR_INVALID && why->kind <= ERROR_INTERNAL;
    return make_fault(arena, known ? types[why->kind] : "Function.Unknown", why->text);
}

/* ---- calls ---- */

static bool post(struct runtime *runtime, struct arena *arena, const char *url, struct str body,
                 const char *error_type, struct error *err) {
    struct http_call call = http_call("POST", url);
    http_headers_add(arena, &call.headers, "Content-Type", "application/json");
    if (error_type != NULL)
        http_headers_add(arena, &call.headers, "Lambda-Runtime-Function-Error-Type", error_type);
    call.body = body.ptr != NULL ? body.ptr : "";
    call.body_size = body.len;
    call.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    call.max_reply_bytes = MAX_REPLY_BYTES;
    struct http_reply reply;
    if (!http_client_perform(runtime->http, arena, &call, &reply, err))
        return false;
    if (reply.status == 403 || reply.status >= 500)
        return error_set(err, ERROR_UNAVAILABLE, NULL, "the runtime API answers %u", reply.status);
    return true;
}

static bool ask_next(struct runtime *runtime, struct arena *arena, struct http_reply *ret,
                     struct error *err) {
    struct http_call call =
        http_call("GET", arena_printf(arena, "%s/invocation/next", runtime->base_url));
    call.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    call.max_reply_bytes = MAX_EVENT_BYTES;
    for (unsigned tries = 1; !http_client_perform(runtime->http, arena, &call, ret, err); tries++)
        if (err->kind != ERROR_UNAVAILABLE || tries == MAX_NEXT_TRIES)
            return false;
    if (ret->status != 200)
        return error_set(err, ERROR_UNAVAILABLE, NULL, "the runtime API answers %u", ret->status);
    return true;
}

/* The variable is how X-Ray's libraries learn of it, and those of the AWS SDKs. */
static void export_trace(const char *trace) {
    int result = trace != NULL ? setenv(TRACE_VARIABLE, trace, 1) : unsetenv(TRACE_VARIABLE);
    if (result != 0)
        die_out_of_memory();
}

static bool read_invocation(const struct http_reply *reply, struct runtime_invocation *ret,
                            struct error *err) {
    const char *id = http_headers_get(&reply->headers, "Lambda-Runtime-Aws-Request-Id");
    const char *deadline = http_headers_get(&reply->headers, "Lambda-Runtime-Deadline-Ms");
    uint64_t deadline_ms = INT64_MAX;
    if (id == NULL || id[0] == '\0' || strlen(id) > 256)
        return error_set(err, ERROR_UNAVAILABLE, NULL, "the runtime API gave no request id");
    if (deadline != NULL && !str_to_u64(str_c(deadline), INT64_MAX, &deadline_ms))
        return error_set(err, ERROR_UNAVAILABLE, NULL, "the runtime API gave the deadline '%.100s'",
                         deadline);
    *ret = (struct runtime_invocation){
        .request_id = id,
        .function_arn = http_headers_get(&reply->headers, "Lambda-Runtime-Invoked-Function-Arn"),
        .deadline_unix_ms = (int64_t)deadline_ms,
        .event = reply->body,
    };
    export_trace(http_headers_get(&reply->headers, "Lambda-Runtime-Trace-Id"));
    return true;
}

static bool post_outcome(struct runtime *runtime, struct arena *arena, const char *request_id,
                         const struct fault *fault, struct str answer, struct error *err) {
    const char *id = percent_encode(arena, str_c(request_id), false);
    const char *url = arena_printf(arena, "%s/invocation/%s/%s", runtime->base_url, id,
                                   fault != NULL ? "error" : "response");
    return post(runtime, arena, url, fault != NULL ? fault->document : answer,
                fault != NULL ? fault->type : NULL, err);
}

static bool serve_one(struct runtime *runtime, struct arena *arena, runtime_handler *handler,
                      void *context, struct error *err) {
    struct http_reply reply;
    struct runtime_invocation invocation;
    if (!ask_next(runtime, arena, &reply, err) || !read_invocation(&reply, &invocation, err))
        return false;
    struct str answer = {"", 0};
    struct error why = {0};
    struct fault fault;
    if (!handler(context, arena, &invocation, &answer, &why)) {
        fault = fault_of(arena, &why);
        return post_outcome(runtime, arena, invocation.request_id, &fault, answer, err);
    }
    if (answer.len > MAX_ANSWER_BYTES) {
        const char *message =
            arena_printf(arena,
                         "Response payload size (%zu bytes) exceeded maximum allowed payload size "
                         "(%d bytes).",
                         answer.len, MAX_ANSWER_BYTES);
        fault = make_fault(arena, "Function.ResponseSizeTooLarge", message);
        return post_outcome(runtime, arena, invocation.request_id, &fault, answer, err);
    }
    return post_outcome(runtime, arena, invocation.request_id, NULL, answer, err);
}

bool runtime_serve(struct runtime *runtime, runtime_handler *handler, void *context,
                   struct error *err) {
    bool ok = true;
    while (ok) {
        CLEANUP(arena_cleanup) struct arena *arena = arena_new();
        ok = serve_one(runtime, arena, handler, context, err);
    }
    return false;
}

void runtime_init_error(struct runtime *runtime, const struct error *why) {
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    struct fault fault = fault_of(arena, why);
    const char *url = arena_printf(arena, "%s/init/error", runtime->base_url);
    struct error ignored; /* that the caller exits tells it too */
    bool posted = post(runtime, arena, url, fault.document, fault.type, &ignored);
    (void)posted;
}
