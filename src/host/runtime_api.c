/*
 * A state machine of four states behind a table of routes:
 *
 *   INIT ──next──▶ WAITING ──offer──▶ BUSY ──response, error──▶ ANSWERED ──next──▶ WAITING …
 *
 * A call that does not fit the state is 403 InvalidStateTransition, a request id other than the
 * running one's is 400 InvalidRequestID. `next` sleeps on a condition variable in the thread of its
 * connection.
 */
#include "host/runtime_api.h"

#include "base/arena.h"
#include "http/server.h"

#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "/2018-06-01/runtime/"

/* One is kept; others are for a runtime that opens a new one for each call. */
enum { MAX_CONNECTIONS = 8 };

enum state { STATE_INIT, STATE_WAITING, STATE_BUSY, STATE_ANSWERED, STATE_FAILED };

struct runtime_api {
    struct runtime_api_options options;
    struct http_small_handler small;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    struct http_server *server;
    enum state state;
    const struct runtime_api_invocation *invocation; /* offered or running; NULL: none */
    bool closed;
};

/* ---- answers ---- */

static void respond_error(struct http_exchange *x, unsigned status, const char *type,
                          const char *message) {
    json_t *root = json_pack("{ss ss}", "errorMessage", message, "errorType", type);
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    if (text == NULL)
        die_out_of_memory();
    json_decref(root);
    http_respond(x, status, "application/json", str_c(text));
    free(text);
}

static void respond_accepted(struct http_exchange *x) {
    http_respond(x, 202, "application/json", str_c("{\"status\":\"OK\"}\n"));
}

static void respond_bad_state(struct http_exchange *x) {
    respond_error(x, 403, "InvalidStateTransition", "Transition is not allowed");
}

static void tell(struct runtime_api *api, enum runtime_api_event_kind kind, struct str body,
                 const char *error_type) {
    const struct runtime_api_event event = {kind, body, error_type};
    api->options.on_event(api->options.context, &event);
}

/* Lambda's form of it; what differs is reported as unknown. */
static const char *error_type_of(const struct http_exchange *x) {
    const char *type = http_headers_get(&x->request.headers, "Lambda-Runtime-Function-Error-Type");
    const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if (type == NULL)
        return "Runtime.Unknown";
    bool function = str_starts_with(str_c(type), "Function.");
    if (!function && !str_starts_with(str_c(type), "Runtime."))
        return "Runtime.Unknown";
    const char *name = strchr(type, '.') + 1;
    size_t length = strlen(name);
    bool fits = length >= 2 && length <= 100 && name[0] >= 'A' && name[0] <= 'Z' &&
                strspn(name, letters) == length;
    if (fits)
        return type;
    return function ? "Function.Unknown" : "Runtime.Unknown";
}

/* ---- routes ---- */

static void add_invocation(struct http_exchange *x,
                           const struct runtime_api_invocation *invocation) {
    struct http_headers *headers = &x->response.headers;
    struct arena *arena = x->arena;
    http_respond(x, 200, "application/json", invocation->event);
    http_headers_add(arena, headers, "Lambda-Runtime-Aws-Request-Id",
                     arena_strdup(arena, invocation->request_id));
    http_headers_add(arena, headers, "Lambda-Runtime-Deadline-Ms",
                     arena_printf(arena, "%" PRId64, invocation->deadline_unix_ms));
    http_headers_add(arena, headers, "Lambda-Runtime-Invoked-Function-Arn",
                     arena_strdup(arena, invocation->function_arn));
}

static void handle_next(struct runtime_api *api, struct http_exchange *x) {
    pthread_mutex_lock(&api->mutex);
    bool allowed = api->state == STATE_INIT || api->state == STATE_ANSWERED;
    if (allowed) {
        api->state = STATE_WAITING;
        api->invocation = NULL;
    }
    pthread_mutex_unlock(&api->mutex);
    if (!allowed) {
        respond_bad_state(x);
        return;
    }
    tell(api, RUNTIME_API_READY, (struct str){0}, NULL);
    pthread_mutex_lock(&api->mutex);
    while (api->invocation == NULL && !api->closed)
        pthread_cond_wait(&api->changed, &api->mutex);
    bool offered = !api->closed;
    if (offered) {
        api->state = STATE_BUSY;
        add_invocation(x, api->invocation);
    }
    pthread_mutex_unlock(&api->mutex);
    if (!offered)
        respond_error(x, 500, "ServiceException", "the host is ending");
}

void runtime_api_offer(struct runtime_api *api, const struct runtime_api_invocation *invocation) {
    pthread_mutex_lock(&api->mutex);
    api->invocation = invocation;
    pthread_cond_broadcast(&api->changed);
    pthread_mutex_unlock(&api->mutex);
}

enum verdict { VERDICT_FITS, VERDICT_OTHER_ID, VERDICT_BAD_STATE };

/* Whether `id` names the running invocation, which then counts as answered. */
static enum verdict finish_invocation(struct runtime_api *api, struct str id) {
    enum verdict verdict = VERDICT_OTHER_ID;
    pthread_mutex_lock(&api->mutex);
    if (api->state == STATE_INIT || api->state == STATE_FAILED)
        verdict = VERDICT_BAD_STATE;
    else if (api->state == STATE_BUSY && str_equal_c(id, api->invocation->request_id))
        verdict = VERDICT_FITS;
    if (verdict == VERDICT_FITS) {
        api->state = STATE_ANSWERED;
        api->invocation = NULL;
    }
    pthread_mutex_unlock(&api->mutex);
    return verdict;
}

/* True when the caller goes on; else the refusal is filled in. */
static bool accept_outcome(struct runtime_api *api, struct http_exchange *x, struct str id) {
    switch (finish_invocation(api, id)) {
    case VERDICT_FITS:
        return true;
    case VERDICT_BAD_STATE:
        respond_bad_state(x);
        return false;
    case VERDICT_OTHER_ID:
        break;
    }
    respond_error(x, 400, "InvalidRequestID", "Invalid request ID");
    return false;
}

static void handle_response(struct runtime_api *api, struct http_exchange *x, struct str id,
                            struct str body) {
    const char *mode =
        http_headers_get(&x->request.headers, "Lambda-Runtime-Function-Response-Mode");
    if (mode != NULL && strcmp(mode, "buffered") != 0) {
        respond_error(x, 400, "InvalidFunctionResponseMode", "Only buffered responses are taken");
        return;
    }
    if (!accept_outcome(api, x, id))
        return;
    tell(api, RUNTIME_API_ANSWERED, body, NULL);
    respond_accepted(x);
}

static void handle_error(struct runtime_api *api, struct http_exchange *x, struct str id,
                         struct str body) {
    if (!accept_outcome(api, x, id))
        return;
    tell(api, RUNTIME_API_FAILED, body, error_type_of(x));
    respond_accepted(x);
}

static void handle_init_error(struct runtime_api *api, struct http_exchange *x, struct str body) {
    pthread_mutex_lock(&api->mutex);
    bool allowed = api->state == STATE_INIT;
    if (allowed)
        api->state = STATE_FAILED;
    pthread_mutex_unlock(&api->mutex);
    if (!allowed) {
        respond_bad_state(x);
        return;
    }
    tell(api, RUNTIME_API_INIT_FAILED, body, error_type_of(x));
    respond_accepted(x);
}

/* ---- dispatch ---- */

enum route { ROUTE_NONE, ROUTE_PING, ROUTE_NEXT, ROUTE_RESPONSE, ROUTE_ERROR, ROUTE_INIT_ERROR };

/* `*ret_id` is the request id of a path that has one. */
static enum route find_route(const char *path, struct str *ret_id) {
    if (strcmp(path, "/ping") == 0 || strcmp(path, "/2018-06-01/ping") == 0)
        return ROUTE_PING;
    struct str rest = str_c(path);
    if (!str_starts_with(rest, PREFIX))
        return ROUTE_NONE;
    rest = str_c(path + strlen(PREFIX));
    if (str_equal_c(rest, "init/error"))
        return ROUTE_INIT_ERROR;
    if (str_equal_c(rest, "invocation/next"))
        return ROUTE_NEXT;
    if (!str_equal_c(str_split(rest, '/', &rest), "invocation"))
        return ROUTE_NONE;
    *ret_id = str_split(rest, '/', &rest);
    if (str_equal_c(rest, "response"))
        return ROUTE_RESPONSE;
    return str_equal_c(rest, "error") ? ROUTE_ERROR : ROUTE_NONE;
}

static bool is_from_web_page(struct runtime_api *api, const struct http_request *request) {
    pthread_mutex_lock(&api->mutex);
    const char *address = api->server != NULL ? http_server_address(api->server) : "";
    pthread_mutex_unlock(&api->mutex);
    const char *host = http_headers_get(&request->headers, "host");
    return http_headers_get(&request->headers, "origin") != NULL || host == NULL ||
           strcmp(host, address) != 0;
}

/* The route of a request that may go on; else the refusal is filled in. */
static enum route admit(struct runtime_api *api, struct http_exchange *x, struct str *ret_id) {
    if (is_from_web_page(api, &x->request)) {
        respond_error(x, 403, "AccessDenied", "This address is for a function's runtime only");
        return ROUTE_NONE;
    }
    enum route route = find_route(x->request.path, ret_id);
    if (route == ROUTE_NONE) {
        respond_error(x, 404, "NotFound", "There is no such path");
        return ROUTE_NONE;
    }
    const char *method = route == ROUTE_PING || route == ROUTE_NEXT ? "GET" : "POST";
    if (strcmp(x->request.method, method) == 0)
        return route;
    http_headers_add(x->arena, &x->response.headers, "Allow", method);
    respond_error(x, 405, "MethodNotAllowed", "The path takes another method");
    return ROUTE_NONE;
}

static void handle(void *context, struct http_exchange *x, struct str body) {
    struct runtime_api *api = context;
    struct str id = {0};
    switch (admit(api, x, &id)) {
    case ROUTE_NONE:
        break;
    case ROUTE_PING:
        http_respond(x, 200, "text/plain", str_c("pong"));
        break;
    case ROUTE_NEXT:
        handle_next(api, x);
        break;
    case ROUTE_RESPONSE:
        handle_response(api, x, id, body);
        break;
    case ROUTE_ERROR:
        handle_error(api, x, id, body);
        break;
    case ROUTE_INIT_ERROR:
        handle_init_error(api, x, body);
        break;
    }
}

/* An answer that is too large ends the invocation as well: it would be as large again. */
static void handle_too_large(void *context, struct http_exchange *x) {
    struct runtime_api *api = context;
    struct str id = {0};
    enum route route = admit(api, x, &id);
    if (route == ROUTE_NONE)
        return;
    if (route == ROUTE_RESPONSE && accept_outcome(api, x, id)) {
        const char *document = arena_printf(
            x->arena,
            "{\"errorMessage\":\"Response payload size exceeded maximum allowed payload size "
            "(%d bytes).\",\"errorType\":\"Function.ResponseSizeTooLarge\"}",
            RUNTIME_API_MAX_BYTES);
        tell(api, RUNTIME_API_FAILED, str_c(document), "Function.ResponseSizeTooLarge");
    } else if (route == ROUTE_RESPONSE) {
        return;
    }
    respond_error(x, 413, "RequestEntityTooLarge",
                  arena_printf(x->arena, "Exceeded maximum allowed payload size (%d bytes).",
                               RUNTIME_API_MAX_BYTES));
}

bool runtime_api_start(const struct runtime_api_options *options, struct runtime_api **ret,
                       struct error *err) {
    struct runtime_api *api = calloc(1, sizeof *api);
    if (api == NULL)
        die_out_of_memory();
    api->options = *options;
    api->small = (struct http_small_handler){
        .context = api,
        .max_body_bytes = RUNTIME_API_MAX_BYTES,
        .handle = handle,
        .too_large = handle_too_large,
    };
    pthread_mutex_init(&api->mutex, NULL);
    pthread_cond_init(&api->changed, NULL);
    const struct http_server_options options_of_server = {
        .address = "127.0.0.1:0",
        .handler = http_small_handler(&api->small),
        .max_connections = MAX_CONNECTIONS,
    };
    struct http_server *server;
    if (!http_server_start(&options_of_server, &server, err)) {
        runtime_api_free(api);
        return error_prefix(err, "runtime API");
    }
    /* Its threads run already. */
    pthread_mutex_lock(&api->mutex);
    api->server = server;
    pthread_mutex_unlock(&api->mutex);
    *ret = api;
    return true;
}

const char *runtime_api_address(const struct runtime_api *api) {
    return http_server_address(api->server);
}

void runtime_api_free(struct runtime_api *api) {
    if (api == NULL)
        return;
    pthread_mutex_lock(&api->mutex);
    api->closed = true;
    pthread_cond_broadcast(&api->changed);
    pthread_mutex_unlock(&api->mutex);
    http_server_free(api->server);
    pthread_cond_destroy(&api->changed);
    pthread_mutex_destroy(&api->mutex);
    free(api);
}
