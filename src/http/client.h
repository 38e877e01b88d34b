/*
 * HTTP client over libcurl. Thread-safe: connections are kept and shared out among callers.
 *
 * Never follows redirects, never uses a proxy from the environment for loopback addresses, speaks
 * HTTP/1.1, TCP_NODELAY on. TLS trusts the file in SSL_CERT_FILE, else the system's authorities.
 * The body of an answer lies in the caller's arena unless `sink` is given.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "base/arena.h"
#include "base/error.h"
#include "http/http.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_client;

struct http_client *http_client_new(void);
void http_client_free(struct http_client *client);

struct http_call {
    const char *method; /* "GET", … */
    const char *url;
    struct http_headers headers;
    /* Body: bytes, or `body_size` bytes of `body_fd` from `body_offset` when body is NULL and
     * body_fd is not -1. Content-Length is always sent with PUT and POST; no `Expect`. */
    const void *body;
    size_t body_size;
    int body_fd; /* set to -1 when not used */
    uint64_t body_offset;
    unsigned connect_timeout_ms; /* 0: 5,000 */
    unsigned timeout_ms; /* of the whole call; 0: none (the Runtime API's `next` needs that) */
    unsigned stall_timeout_ms; /* no byte moved for so long (to the second): UNAVAILABLE; 0: none */
    size_t max_reply_bytes; /* LIMIT when the answer's body is longer; must be set (without sink) */
    /* Called with pieces of a 2xx answer's body instead of keeping it; false stops the call with
     * the error it filled in. */
    bool (*sink)(void *context, const void *data, size_t size, struct error *err);
    void *sink_context;
    /* Called now and then with the bytes sent so far; NULL for none. False stops (UNAVAILABLE). */
    bool (*progress)(void *context, uint64_t sent_bytes);
    void *progress_context;
};

/* Empty call with body_fd -1. */
struct http_call http_call(const char *method, const char *url);

struct http_reply {
    unsigned status;
    struct http_headers headers;
    struct str body; /* NUL-terminated for convenience, not counted; empty when sink took it */
};

/* True when an answer came, whatever its status. UNAVAILABLE: no connection, cut off, timed out.
 * Does not retry, but for a kept connection that was closed before it gave a byte of answer.
 * DENIED: the server's certificate is not trusted. */
MUST_CHECK bool http_client_perform(struct http_client *client, struct arena *arena,
                                    const struct http_call *call, struct http_reply *ret,
                                    struct error *err);

#endif
