/*
 * HTTP server: a narrow face over libmicrohttpd, so that the library can be replaced.
 *
 * A handler is a function from request to response. Each connection has its own thread, so a
 * handler may block (the Runtime API's `next` does) without holding up others; idle connections
 * sleep in poll. Bodies arrive in pieces and are never kept here. Loopback unless told otherwise.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/arena.h"
#include "base/error.h"
#include "http/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_request {
    const char *method;
    const char *path;  /* raw, still percent-encoded, starts with `/` */
    const char *query; /* raw, without `?`; "" when there is none */
    struct http_headers headers;
    const char *peer;       /* the client's address, "127.0.0.1" */
    int64_t content_length; /* -1: none given (no body, or chunked) */
    bool chunked;           /* Transfer-Encoding: chunked */
};

struct http_response {
    unsigned status;             /* must be set by `finish` or a refusing `begin` */
    struct http_headers headers; /* Content-Length, Date and Connection are the server's */
    const void *body;            /* in the exchange's arena, or static */
    size_t body_size;
    /* A body of file ranges, sent without copying through the process where possible; used when
     * body is NULL and extent_count > 0. The server closes each fd that is not -1, whatever
     * happens. A regular file that ends before its extent makes the answer a 500. For HEAD the
     * length is told and nothing sent. */
    struct http_extent {
        int fd;
        uint64_t offset;
        uint64_t length;
    } * extents;
    size_t extent_count;
    bool close; /* end the connection after this answer */
    /* With status 101: takes over the socket, and what the client sent behind its request. Runs on
     * the connection's thread and may block; the socket is closed when it returns. Where the client
     * went away before, it is called with -1. It is waited for as `finish` is. Its context must not
     * lie in the exchange's arena. */
    void (*upgrade)(void *context, int fd, struct str early);
    void *upgrade_context;
};

struct http_exchange {
    struct http_request request;
    struct http_response response;
    struct arena *arena; /* lives until `close` has returned */
    void *state;         /* the handler's own */
};

struct http_handler {
    void *context;
    /* The head is read. True: take the body (100 Continue is sent when the client waits for it).
     * False: the response is filled in; an unread body is thrown away up to 1 MiB; the connection
     * is closed after the answer when it was longer or its length is not known. */
    bool (*begin)(void *context, struct http_exchange *x);
    /* A piece of the body. False: refuse, the response is filled in; later pieces are dropped, up
     * to 64 MiB, then the connection closed without an answer. */
    bool (*body)(void *context, struct http_exchange *x, const void *data, size_t size);
    /* The whole body is there (also when there was none): fill in the response. Not called when
     * begin or body refused. May block. */
    void (*finish)(void *context, struct http_exchange *x);
    /* Always called, once, last, also when the client went away in the middle. May be NULL. */
    void (*close)(void *context, struct http_exchange *x);
};

struct http_server_options {
    const char *address; /* "127.0.0.1:8080", "localhost:80", "[::1]:0"; port 0 takes a free one */
    struct http_handler handler;
    unsigned max_connections; /* 0: 1,000; more wait in the backlog */
    /* Of a connection without a request or with a stalled transfer; the time that a handler takes
     * does not count. 0: none. */
    unsigned idle_timeout_seconds;
    /* PEM texts: the certificate with its chain, and its key. NULL: plain HTTP. */
    const char *tls_certificate;
    const char *tls_key;
};

struct http_server;

/* Listens at once. INVALID for a bad address or certificate, UNAVAILABLE when the port is taken. */
MUST_CHECK bool http_server_start(const struct http_server_options *options,
                                  struct http_server **ret, struct error *err);
/* "127.0.0.1:40123": the real port. */
const char *http_server_address(const struct http_server *server);
/* Stops listening; new requests are refused, running ones continue. */
void http_server_quiesce(struct http_server *server);
/* Ends the listener, waits for every handler that is in `finish`, gives the answers being sent two
 * seconds more, and cuts what is left. A handler that blocks must be woken by its owner first: it
 * is waited for without limit. Not to be called from a handler. NULL is fine. */
void http_server_free(struct http_server *server);

/* Convenience for handlers with small bodies: collects the body up to `max_body_bytes` (413 above),
 * then calls `handle`. The body lives as long as the exchange; `state` is taken. */
struct http_small_handler {
    void *context;
    size_t max_body_bytes;
    void (*handle)(void *context, struct http_exchange *x, struct str body);
    void (*too_large)(void *context, struct http_exchange *x); /* fills the 413; NULL: plain */
};
/* The struct must outlive the server. */
struct http_handler http_small_handler(const struct http_small_handler *small);

/* Fills in a response whose body is `text` (copied into the arena). */
void http_respond(struct http_exchange *x, unsigned status, const char *content_type,
                  struct str text);

#endif
