/*
 * Five kinds of paths: /healthz and /openapi.json, /jobs and below for the function, /live and
 * /@connections for listeners, everything else a file of the page. All answers carry the headers
 * that keep a browser from doing more with them than the page needs.
 *
 * Refusals of the gateway itself are RFC 9457 problem documents, as the function's are.
 */
#include "host/gateway.h"

#include "base/log.h"
#include "base/os.h"
#include "host/live.h"
#include "host/pages.h"
#include "host/payload.h"
#include "http/server.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* An event is at most PAYLOAD_MAX_EVENT_BYTES, which includes the headers and what JSON adds;
     * a body that grows beyond that is refused when the event is made. */
    MAX_BODY_BYTES = PAYLOAD_MAX_EVENT_BYTES - 64 * 1024,
    IDLE_TIMEOUT_SECONDS = 60,
    STOP_GRACE_MS = 3000,
    RETRY_AFTER_SECONDS = 5,
};

struct gateway {
    struct arena *arena;
    struct host *host;
    const char *function;
    const char *web_folder;
    const char *openapi;
    const char *security_policy;
    struct invoke_api invoker;
    struct live *live;
    struct http_small_handler small;
    struct http_server *server;
};

/* ---- answers ---- */

static void respond_problem(struct http_exchange *x, unsigned status, const char *code,
                            const char *detail) {
    json_t *root = json_pack("{ss ss si ss}", "type", "about:blank", "title",
                             http_status_text(status), "status", (int)status, "code", code);
    /* Left out when it is not UTF-8. */
    json_object_set_new(root, "detail", json_string(detail));
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    if (text == NULL)
        die_out_of_memory();
    json_decref(root);
    http_respond(x, status, "application/problem+json", str_c(text));
    http_headers_add(x->arena, &x->response.headers, "Cache-Control", "no-store");
    free(text);
}

static void add_security(const struct gateway *gateway, struct http_exchange *x) {
    struct http_headers *headers = &x->response.headers;
    http_headers_add(x->arena, headers, "X-Content-Type-Options", "nosniff");
    http_headers_add(x->arena, headers, "Referrer-Policy", "no-referrer");
    http_headers_add(x->arena, headers, "Content-Security-Policy", gateway->security_policy);
}

/* ---- the function ---- */

static void respond_failure(struct http_exchange *x, const struct error *why) {
    static const struct {
        const char *from;
        unsigned status;
        const char *code;
    } table[] = {
        {"BadRequest", 400, "invalid"},
        {"RequestTooLarge", 413, "too-large"},
        {"TooManyRequests", 429, "busy"},
        {"ServiceUnavailable", 503, "ending"},
        {"TaskTimedOut", 504, "timeout"},
        {"RuntimeExited", 502, "function-failed"},
        {"FunctionError", 502, "function-failed"},
        {"BadAnswer", 502, "function-failed"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (why->code == NULL || strcmp(why->code, table[i].from) != 0)
            continue;
        respond_problem(x, table[i].status, table[i].code, why->text);
        if (table[i].status == 429 || table[i].status == 503)
            http_headers_add(x->arena, &x->response.headers, "Retry-After",
                             arena_printf(x->arena, "%d", RETRY_AFTER_SECONDS));
        return;
    }
    respond_problem(x, 500, "internal", why->text);
}

static bool call_function(struct gateway *gateway, struct http_exchange *x, struct str body,
                          struct error *err) {
    char request_id[37];
    struct str event;
    struct str answer;
    random_uuid(request_id);
    return payload_event(x->arena, &x->request, body, request_id, clock_unix_ms(), &event, err) &&
           host_invoke(gateway->host, x->arena, gateway->function, event, &answer, err) &&
           payload_response(x->arena, answer, &x->response, err);
}

static void handle_api(struct gateway *gateway, struct http_exchange *x, struct str body) {
    struct error err;
    if (!call_function(gateway, x, body, &err))
        respond_failure(x, &err);
}

/* ---- everything else ---- */

static void handle_health(struct http_exchange *x) {
    http_respond(x, 200, "application/json", str_c("{\"status\":\"ok\"}"));
    http_headers_add(x->arena, &x->response.headers, "Cache-Control", "no-store");
}

/* For whoever watches this machine, not for the world: jobs can be counted by it. */
static void handle_metrics(struct gateway *gateway, struct http_exchange *x) {
    const char *peer = x->request.peer;
    if (strcmp(peer, "127.0.0.1") != 0 && strcmp(peer, "::1") != 0) {
        respond_problem(x, 403, "denied", "the metrics are for this machine only");
        return;
    }
    http_respond(x, 200, "text/plain; version=0.0.4; charset=utf-8",
                 host_metrics(gateway->host, x->arena));
    http_headers_add(x->arena, &x->response.headers, "Cache-Control", "no-store");
}

static void handle_page(const struct gateway *gateway, struct http_exchange *x) {
    struct error err;
    if (gateway->web_folder == NULL && strcmp(x->request.path, "/") == 0) {
        http_respond(x, 404, "text/plain; charset=utf-8",
                     str_c("The web page is not installed here. The API answers under /jobs.\n"));
        return;
    }
    const char *path = gateway->web_folder != NULL
                           ? pages_path(x->arena, gateway->web_folder, x->request.path)
                           : NULL;
    if (path == NULL || !pages_respond(x, path, &err))
        respond_problem(x, 404, "not-found", "there is no such page");
}

static void handle_openapi(const struct gateway *gateway, struct http_exchange *x) {
    struct error err;
    if (gateway->openapi == NULL || !pages_respond(x, gateway->openapi, &err))
        respond_problem(x, 404, "not-found", "the description of the API is not installed");
}

static bool is_api(const char *path) {
    return strcmp(path, "/jobs") == 0 || str_starts_with(str_c(path), "/jobs/");
}

static void route(struct gateway *gateway, struct http_exchange *x, struct str body) {
    const char *path = x->request.path;
    if (is_api(path)) {
        handle_api(gateway, x, body);
        return;
    }
    if (invoke_api_is_path(path)) {
        invoke_api_handle(&gateway->invoker, gateway->host, x, body);
        return;
    }
    if (strcmp(path, "/live") == 0) {
        live_connect(gateway->live, x);
        return;
    }
    if (str_starts_with(str_c(path), "/@connections/")) {
        live_manage(gateway->live, x, body);
        return;
    }
    if (strcmp(x->request.method, "GET") != 0 && strcmp(x->request.method, "HEAD") != 0) {
        respond_problem(x, 405, "method-not-allowed", "only GET and HEAD");
        http_headers_add(x->arena, &x->response.headers, "Allow", "GET, HEAD");
    } else if (strcmp(path, "/healthz") == 0) {
        handle_health(x);
    } else if (strcmp(path, "/metrics") == 0) {
        handle_metrics(gateway, x);
    } else if (strcmp(path, "/openapi.json") == 0) {
        handle_openapi(gateway, x);
    } else {
        handle_page(gateway, x);
    }
}

static void log_access(const struct http_exchange *x, int64_t start_ms) {
    log_info("gateway", "%.20s %.1000s %u %" PRId64 " ms", x->request.method, x->request.path,
             x->response.status, clock_monotonic_ms() - start_ms);
}

static void handle(void *context, struct http_exchange *x, struct str body) {
    struct gateway *gateway = context;
    int64_t start_ms = clock_monotonic_ms();
    route(gateway, x, body);
    add_security(gateway, x);
    log_access(x, start_ms);
}

static void handle_too_large(void *context, struct http_exchange *x) {
    int64_t start_ms = clock_monotonic_ms();
    respond_problem(x, 413, "too-large",
                    arena_printf(x->arena,
                                 "the body is over the limit of %d bytes; images go straight to "
                                 "the store",
                                 MAX_BODY_BYTES));
    add_security(context, x);
    log_access(x, start_ms);
}

/* ---- start ---- */

/* An origin goes into a header's list, so it must be nothing but one. */
static bool check_origin(const char *origin, struct error *err) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]";
    const char *rest = strstr(origin, "://");
    bool fits = rest != NULL && (str_starts_with(str_c(origin), "http://") ||
                                 str_starts_with(str_c(origin), "https://"));
    if (fits && rest[3] != '\0' && strspn(rest + 3, letters) == strlen(rest + 3))
        return true;
    return error_set(err, ERROR_INVALID, NULL, "'%.200s' is not an origin", origin);
}

/* `blob:` are the previews of photos that the page has not sent yet; WebAssembly decodes those that
 * the browser cannot. */
static const char *make_policy(struct arena *arena, const char *origin) {
    const char *other = origin != NULL ? origin : "";
    return arena_printf(arena,
                        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; "
                        "connect-src 'self' %s; img-src 'self' blob: %s; "
                        "media-src 'self' blob: %s; object-src 'none'; base-uri 'none'; "
                        "form-action 'self'; frame-ancestors 'none'",
                        other, other, other);
}

bool gateway_start(const struct gateway_options *options, struct gateway **ret, struct error *err) {
    if (options->s3_origin != NULL && !check_origin(options->s3_origin, err))
        return false;
    struct arena *arena = arena_new();
    struct gateway *gateway = arena_alloc(arena, sizeof *gateway);
    *gateway = (struct gateway){
        .arena = arena,
        .host = options->host,
        .function = arena_strdup(arena, options->function),
        .web_folder = options->web_folder ? arena_strdup(arena, options->web_folder) : NULL,
        .openapi = options->openapi ? arena_strdup(arena, options->openapi) : NULL,
        .security_policy = make_policy(arena, options->s3_origin),
        .invoker = options->invoker,
        .small = {.context = gateway,
                  .max_body_bytes = MAX_BODY_BYTES,
                  .handle = handle,
                  .too_large = handle_too_large},
    };
    const struct http_server_options server = {
        .address = options->address,
        .handler = http_small_handler(&gateway->small),
        .idle_timeout_seconds = IDLE_TIMEOUT_SECONDS,
    };
    const struct live_options live = {
        .host = options->host,
        .function = options->function,
        .sender = options->sender,
        .region = options->region,
    };
    gateway->live = live_new(&live);
    if (!http_server_start(&server, &gateway->server, err)) {
        live_free(gateway->live);
        arena_free(arena);
        return false;
    }
    *ret = gateway;
    return true;
}

const char *gateway_address(const struct gateway *gateway) {
    return http_server_address(gateway->server);
}

void gateway_free(struct gateway *gateway) {
    if (gateway == NULL)
        return;
    http_server_quiesce(gateway->server);
    live_stop(gateway->live);
    host_end_requests(gateway->host, STOP_GRACE_MS);
    http_server_free(gateway->server);
    live_free(gateway->live);
    arena_free(gateway->arena);
}
