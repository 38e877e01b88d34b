/*
 * The listener: a call from its first line to its answer.
 *
 * As soon as the head is read the address is taken apart, the route found, the caller
 * authenticated and his right checked, so a refused body is never taken. The body goes to the store
 * or into memory (body.c), is held against its promises, and then the route's handler answers.
 * Whatever the outcome, the answer gets the request's id and the CORS headers.
 */
#include "base/codec.h"
#include "base/log.h"
#include "base/os.h"
#include "s3/internal.h"

#include <stdlib.h>
#include <string.h>

enum { IDLE_TIMEOUT_SECONDS = 60 };

const char *s3_header(const struct s3_call *call, const char *name) {
    return http_headers_get(&call->x->request.headers, name);
}

const char *s3_parameter(const struct s3_call *call, const char *name) {
    const struct http_parameter *parameter = http_query_get(&call->query, name);
    if (!parameter)
        return NULL;
    return arena_strndup(call->arena, parameter->value.ptr, parameter->value.len);
}

void s3_add_header(struct s3_call *call, const char *name, const char *value) {
    http_headers_add(call->arena, &call->x->response.headers, name, value);
}

static const char *new_request_id(struct arena *arena) {
    uint8_t bytes[8];
    char *id = arena_alloc(arena, 2 * sizeof bytes + 1);
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, id);
    for (char *c = id; *c; c++) {
        if (*c >= 'a' && *c <= 'f')
            *c = (char)(*c - 'a' + 'A');
    }
    return id;
}

static bool decode_name(struct s3_call *call, struct str raw, const char **ret, struct error *err) {
    struct str name;
    if (!percent_decode(call->arena, raw, false, &name) || !str_is_utf8(name) ||
        (name.len && memchr(name.ptr, '\0', name.len)))
        return error_set(err, ERROR_INVALID, "InvalidURI", "the path is not encoded UTF-8");
    *ret = arena_strndup(call->arena, name.ptr, name.len);
    return true;
}

/* `/bucket/key`: everything behind the second slash is the key, also further slashes. Some clients
 * put a slash behind a bucket's name. */
static bool read_address(struct s3_call *call, struct error *err) {
    const struct http_request *request = &call->x->request;
    if (request->path[0] != '/')
        return error_set(err, ERROR_INVALID, "InvalidURI", "the path does not start with a slash");
    struct str key;
    struct str bucket = str_split(str_c(request->path + 1), '/', &key);
    if (!decode_name(call, bucket, &call->bucket, err) || !decode_name(call, key, &call->key, err))
        return false;
    if (call->bucket[0] == '\0' && call->key[0] != '\0')
        return error_set(err, ERROR_INVALID, "InvalidBucketName", "the path names no bucket");
    if (strlen(call->key) > STORE_MAX_KEY_BYTES)
        return error_set(err, ERROR_INVALID, "KeyTooLongError", "the key is too long");
    if (!http_query_parse(call->arena, str_c(request->query), &call->query, err)) {
        err->code = "InvalidURI";
        return false;
    }
    return true;
}

static bool check_route_right(const struct s3_call *call, struct error *err) {
    const char *action = call->route->action;
    if (!action)
        return true;
    const char *key = call->key;
    if (strcmp(action, "ListBucket") == 0 || strcmp(action, "ListBucketMultipartUploads") == 0) {
        const char *prefix = s3_parameter(call, "prefix");
        key = prefix ? prefix : "";
    }
    return s3_authorise(call, action, call->bucket, key, err);
}

static bool accept_head(struct s3_call *call, struct error *err) {
    if (!read_address(call, err))
        return false;
    if (strcmp(call->x->request.method, "OPTIONS") == 0)
        return true;
    if (s3_is_form(call)) {
        call->route = &s3_form_route;
        return s3_post_begin(call, err);
    }
    return s3_authenticate(call, err) && s3_find_route(call, &call->route, err) &&
           check_route_right(call, err) &&
           (!call->route->prepare || call->route->prepare(call, err)) && s3_body_begin(call, err);
}

static void add_common_headers(struct s3_call *call) {
    s3_add_header(call, "x-amz-request-id", call->request_id);
    s3_add_header(call, "x-amz-id-2", "tachyscope");
    s3_add_header(call, "Server", "Tachyscope");
    s3_cors_add_headers(call);
}

static void refuse(struct s3_call *call, const struct error *err) {
    /* The client gets S3's sentence; what was wrong inside stays inside. */
    if (err->kind == ERROR_INTERNAL)
        log_error("s3", "request %s: %s", call->request_id, err->text);
    s3_respond_error(call, err);
    add_common_headers(call);
}

static bool on_begin(void *context, struct http_exchange *x) {
    struct s3_server *server = context;
    struct s3_call *call = arena_alloc(x->arena, sizeof *call);
    call->server = server;
    call->store = server->store;
    call->x = x;
    call->arena = x->arena;
    call->now_unix_ms = clock_unix_ms();
    call->request_id = new_request_id(x->arena);
    call->bucket = "";
    call->key = "";
    x->state = call;

    struct error err;
    if (accept_head(call, &err))
        return true;
    refuse(call, &err);
    return false;
}

static bool on_body(void *context, struct http_exchange *x, const void *data, size_t size) {
    (void)context;
    struct s3_call *call = x->state;
    struct error err;
    if (!call->route)
        return true; /* a body with OPTIONS means nothing */
    if (call->post ? s3_post_add(call, data, size, &err) : s3_body_add(call, data, size, &err))
        return true;
    refuse(call, &err);
    return false;
}

static bool respond(struct s3_call *call, struct error *err) {
    if (call->post)
        return s3_post_object(call, err);
    if (!call->route)
        return s3_cors_preflight(call, err);
    return s3_body_end(call, err) && call->route->handle(call, err);
}

static void on_finish(void *context, struct http_exchange *x) {
    (void)context;
    struct s3_call *call = x->state;
    struct error err;
    if (!respond(call, &err)) {
        refuse(call, &err);
        return;
    }
    add_common_headers(call);
}

static void on_close(void *context, struct http_exchange *x) {
    (void)context;
    struct s3_call *call = x->state;
    if (call)
        s3_body_clear(call);
}

bool s3_server_start(const struct s3_server_options *options, struct s3_server **ret,
                     struct error *err) {
    struct s3_server *server = calloc(1, sizeof *server);
    char *region = strdup(options->region);
    if (!server || !region)
        die_out_of_memory();
    server->store = options->store;
    server->region = region;
    server->scheme = options->tls_certificate ? "https" : "http";
    struct http_server_options http = {
        .address = options->address,
        .handler = {.context = server,
                    .begin = on_begin,
                    .body = on_body,
                    .finish = on_finish,
                    .close = on_close},
        .idle_timeout_seconds = IDLE_TIMEOUT_SECONDS,
        .tls_certificate = options->tls_certificate,
        .tls_key = options->tls_key,
    };
    if (!http_server_start(&http, &server->http, err)) {
        s3_server_free(server);
        return error_prefix(err, "S3 server");
    }
    server->housekeeper = housekeeper_start(options->store);
    *ret = server;
    return true;
}

const char *s3_server_address(const struct s3_server *server) {
    return http_server_address(server->http);
}

void s3_server_free(struct s3_server *server) {
    if (!server)
        return;
    housekeeper_stop(server->housekeeper);
    http_server_free(server->http);
    free(server->region);
    free(server);
}
