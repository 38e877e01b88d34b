/*
 * Client of the HTTP API (docs/openapi.json): one call at a time, problem documents become errors.
 * Thread-safe: threads may share a server, each with its own arena.
 */
#ifndef CLI_API_H
#define CLI_API_H

#include "base/arena.h"
#include "base/error.h"
#include "http/client.h"

#include <jansson.h>
#include <stdbool.h>

struct api_server {
    const char *url;   /* without a slash at its end */
    const char *token; /* owner's or a job's; NULL: none */
    struct http_client *http;
};

/* The address that is asked when none is given, and the environment variable that holds a token, so
 * that it need not stand on a command line. */
#define API_DEFAULT_URL    "http://127.0.0.1:8080"
#define API_TOKEN_VARIABLE "TACHYSCOPE_TOKEN"

/* `url` and `token` may be NULL for what the above says. INVALID when it is not an http address of
 * a server (a query, user information). */
MUST_CHECK bool api_server_init(struct arena *arena, const char *url, const char *token,
                                struct http_client *http, struct api_server *ret,
                                struct error *err);

struct api_request {
    const char *method;
    const char *path;            /* "/jobs" and on, with its query */
    const char *token;           /* NULL: the server's */
    const json_t *body;          /* NULL: none */
    const char *idempotency_key; /* NULL: none */
    const char *if_none_match;   /* as it came, with quotes; NULL: none */
};

struct api_answer {
    unsigned status;
    json_t *body;     /* the caller drops it; NULL when there was none (204, 304) */
    const char *etag; /* in the arena; NULL: none */
};

/* True for 2xx and 304. A problem document becomes an error: DENIED for 401 and 403, NOT_FOUND,
 * CONFLICT, LIMIT for 413 and 429, UNAVAILABLE for 502, 503 and 504, INVALID for the rest of 4xx.
 */
MUST_CHECK bool api_call(const struct api_server *server, struct arena *arena,
                         const struct api_request *request, struct api_answer *ret,
                         struct error *err);

/* The error that a status and its body (any text) stand for. Pure; for tests. */
bool api_problem(unsigned status, struct str body, struct error *err);

#endif
