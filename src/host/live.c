/*
 * The listeners in a list under one mutex; each is served by the thread of its connection. A
 * listener is in the list before its function is asked, so that a message which the function's PUT
 * has brought about finds it.
 */
#include "host/live.h"

#include "base/base.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/os.h"
#include "host/live_socket.h"
#include "host/payload.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ID_BYTES = 16, GOING_AWAY = 1001, NORMAL = 1000 };

struct listener {
    struct listener *next;
    struct live *live;
    struct live_socket *socket;
    char id[2 * ID_BYTES + 1];
    int64_t connected_unix_ms;
};

struct live {
    struct arena *arena;
    struct live_options options;

    pthread_mutex_t mutex; /* guards what follows */
    struct listener *listeners;
    unsigned count;
    bool stopping;
};

static const char *copy(struct arena *arena, const char *text) {
    return arena_strdup(arena, text != NULL ? text : "");
}

struct live *live_new(const struct live_options *options) {
    struct arena *arena = arena_new();
    struct live *live = arena_alloc(arena, sizeof *live);
    live->arena = arena;
    live->options = (struct live_options){
        .host = options->host,
        .function = arena_strdup(arena, options->function),
        .sender = {.access_key = copy(arena, options->sender.access_key),
                   .secret_key = copy(arena, options->sender.secret_key)},
        .region = copy(arena, options->region),
    };
    pthread_mutex_init(&live->mutex, NULL);
    return live;
}

void live_free(struct live *live) {
    if (live == NULL)
        return;
    pthread_mutex_destroy(&live->mutex);
    arena_free(live->arena);
}

void live_stop(struct live *live) {
    pthread_mutex_lock(&live->mutex);
    live->stopping = true;
    for (struct listener *l = live->listeners; l != NULL; l = l->next)
        live_socket_end(l->socket, GOING_AWAY);
    pthread_mutex_unlock(&live->mutex);
}

/* ---- the list ---- */

/* NULL when there are too many, or no more are taken. */
static struct listener *add_listener(struct live *live) {
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        die_out_of_memory();
    uint8_t bytes[ID_BYTES];
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, listener->id);
    listener->live = live;
    listener->socket = live_socket_new();
    listener->connected_unix_ms = clock_unix_ms();
    pthread_mutex_lock(&live->mutex);
    bool taken = !live->stopping && live->count < LIVE_MAX_LISTENERS;
    if (taken) {
        listener->next = live->listeners;
        live->listeners = listener;
        live->count++;
    }
    pthread_mutex_unlock(&live->mutex);
    if (taken)
        return listener;
    live_socket_free(listener->socket);
    free(listener);
    return NULL;
}

static void remove_listener(struct listener *listener) {
    struct live *live = listener->live;
    pthread_mutex_lock(&live->mutex);
    struct listener **at = &live->listeners;
    while (*at != listener)
        at = &(*at)->next;
    *at = listener->next;
    live->count--;
    pthread_mutex_unlock(&live->mutex);
    live_socket_free(listener->socket);
    free(listener);
}

/* ---- connecting ---- */

static bool ask_function(const struct live *live, struct arena *arena,
                         const struct payload_socket *event, struct http_response *ret,
                         struct error *err) {
    struct str text, answer;
    return payload_socket_event(arena, event, clock_unix_ms(), &text, err) &&
           host_invoke(live->options.host, arena, live->options.function, text, &answer, err) &&
           payload_response(arena, answer, ret, err);
}

static void say_goodbye(const struct listener *listener) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const struct payload_socket event = {
        .type = PAYLOAD_DISCONNECT,
        .connection_id = listener->id,
        .connected_unix_ms = listener->connected_unix_ms,
    };
    struct http_response response = {0};
    struct error err;
    /* Not told, the function finds out when it sends something. */
    if (!ask_function(listener->live, arena, &event, &response, &err))
        log_debug("gateway", "end of a listener: %s", err.text);
}

/* On the thread of the connection, once the handshake is out. */
static void serve(void *context, int fd, struct str early) {
    struct listener *listener = context;
    if (fd >= 0)
        live_socket_serve(listener->socket, fd, early);
    say_goodbye(listener);
    remove_listener(listener);
}

static bool has_token(const struct http_headers *headers, const char *name, const char *token) {
    const char *value = http_headers_get(headers, name);
    struct str rest = str_c(value != NULL ? value : "");
    while (rest.len > 0)
        if (str_equal_nocase(str_trim(str_split(rest, ',', &rest)), str_c(token)))
            return true;
    return false;
}

static void refuse(struct http_exchange *x, unsigned status, const char *text) {
    http_respond(x, status, "text/plain; charset=utf-8", str_c(text));
    http_headers_add(x->arena, &x->response.headers, "Cache-Control", "no-store");
}

/* RFC 6455, 4.2.1. */
static bool read_handshake(struct http_exchange *x, char ret_accept[LIVE_ACCEPT_SIZE]) {
    const struct http_headers *headers = &x->request.headers;
    const char *version = http_headers_get(headers, "sec-websocket-version");
    const char *key = http_headers_get(headers, "sec-websocket-key");
    bool upgrades =
        has_token(headers, "connection", "upgrade") && has_token(headers, "upgrade", "websocket");
    if (!upgrades || version == NULL || strcmp(version, "13") != 0) {
        refuse(x, 426, "this address is for WebSocket connections, version 13\n");
        http_headers_add(x->arena, &x->response.headers, "Upgrade", "websocket");
        http_headers_add(x->arena, &x->response.headers, "Sec-WebSocket-Version", "13");
        return false;
    }
    if (strcmp(x->request.method, "GET") == 0 && key != NULL && live_accept_key(key, ret_accept))
        return true;
    refuse(x, 400, "no good WebSocket handshake\n");
    return false;
}

void live_connect(struct live *live, struct http_exchange *x) {
    char accept[LIVE_ACCEPT_SIZE];
    struct error err;
    if (!read_handshake(x, accept))
        return;
    struct listener *listener = add_listener(live);
    if (listener == NULL) {
        refuse(x, 503, "there are too many listeners; ask for the status instead\n");
        return;
    }
    const struct payload_socket event = {
        .type = PAYLOAD_CONNECT,
        .connection_id = listener->id,
        .connected_unix_ms = listener->connected_unix_ms,
        .request = &x->request,
    };
    if (!ask_function(live, x->arena, &event, &x->response, &err)) {
        bool theirs = err.code != NULL && strcmp(err.code, "BadRequest") == 0;
        log_info("gateway", "listener refused: %s", err.text);
        refuse(x, theirs ? 400 : 503, "the status cannot be listened to now\n");
    }
    if (x->response.status != 200) {
        remove_listener(listener);
        return;
    }
    x->response =
        (struct http_response){.status = 101, .upgrade = serve, .upgrade_context = listener};
    http_headers_add(x->arena, &x->response.headers, "Upgrade", "websocket");
    http_headers_add(x->arena, &x->response.headers, "Sec-WebSocket-Accept",
                     arena_strdup(x->arena, accept));
}

/* ---- sending ---- */

static bool is_sender(const struct live *live, struct http_exchange *x, struct str body) {
    const struct sigv4_request request = {
        .method = x->request.method,
        .path = x->request.path,
        .query = x->request.query,
        .headers = &x->request.headers,
    };
    const struct sigv4_credentials *sender = &live->options.sender;
    struct sigv4_claim claim;
    struct error ignored;
    char hash[SHA256_HEX_SIZE];
    if (sender->secret_key[0] == '\0' || !sigv4_read(x->arena, &request, &claim, &ignored) ||
        claim.presigned || strcmp(claim.access_key, sender->access_key) != 0 ||
        !sigv4_verify(x->arena, &request, &claim, sender->secret_key, live->options.region,
                      "execute-api", clock_unix_ms(), NULL, &ignored))
        return false;
    sha256_hex(body.ptr != NULL ? body.ptr : "", body.len, hash);
    return strcmp(claim.payload_hash, hash) == 0;
}

/* API Gateway's form of errors. */
static void answer(struct http_exchange *x, unsigned status, const char *type) {
    http_respond(x, status, "application/json", str_c("{}"));
    if (type != NULL)
        http_headers_add(x->arena, &x->response.headers, "x-amzn-ErrorType", type);
}

/* The listener of this id is told or ended, under the mutex: it cannot go away meanwhile. */
static bool reach(struct live *live, struct str id, const struct str *message) {
    bool found = false;
    pthread_mutex_lock(&live->mutex);
    for (struct listener *l = live->listeners; l != NULL && !found; l = l->next) {
        found = str_equal_c(id, l->id);
        if (found && message != NULL)
            live_socket_send(l->socket, *message);
        else if (found)
            live_socket_end(l->socket, NORMAL);
    }
    pthread_mutex_unlock(&live->mutex);
    return found;
}

void live_manage(struct live *live, struct http_exchange *x, struct str body) {
    static const char prefix[] = "/@connections/";
    bool posts = strcmp(x->request.method, "POST") == 0;
    struct str path = str_c(x->request.path), id;
    if (!is_sender(live, x, body)) {
        answer(x, 403, "ForbiddenException");
        return;
    }
    if (!posts && strcmp(x->request.method, "DELETE") != 0) {
        answer(x, 405, NULL);
        return;
    }
    if (body.len > LIVE_MAX_MESSAGE_BYTES) {
        answer(x, 413, "PayloadTooLargeException");
        return;
    }
    path.ptr += sizeof prefix - 1;
    path.len -= sizeof prefix - 1;
    bool found = percent_decode(x->arena, path, false, &id) && str_is_utf8(body) &&
                 reach(live, id, posts ? &body : NULL);
    answer(x, found ? 200 : 410, found ? NULL : "GoneException");
}
