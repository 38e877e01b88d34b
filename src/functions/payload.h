/*
 * HTTP as functions see it: API Gateway's payload format 2.0 (also of function URLs and of the
 * embedded gateway). Pure.
 */
#ifndef FUNCTIONS_PAYLOAD_H
#define FUNCTIONS_PAYLOAD_H

#include "base/arena.h"
#include "base/error.h"
#include "http/http.h"

#include <jansson.h>

struct payload_request {
    const char *method;
    const char *path; /* decoded by nobody: as in the request line */
    struct http_query query;
    struct http_headers headers; /* names in lower case */
    const char *host;            /* the address that the client used, "" when not told */
    struct str body;             /* NUL behind it */
};

/* INVALID when it is no such event. */
MUST_CHECK bool payload_parse(struct arena *arena, struct str event, struct payload_request *ret,
                              struct error *err);

/* An event of API Gateway's WebSocket API (also of the embedded gateway). */
struct payload_socket {
    const char *type;       /* "CONNECT", "MESSAGE", "DISCONNECT" */
    const char *connection; /* its id */
    /* With CONNECT; NULL when not given. */
    const char *job, *token, *origin;
};
/* False when it is another event. */
bool payload_is_socket(struct arena *arena, struct str event, struct payload_socket *ret);

struct payload_response {
    int status;
    json_t *body;     /* object or array, taken over; NULL: none */
    const char *etag; /* with quotes, or NULL */
    bool problem;     /* body is an RFC 9457 document */
};

/* The function's answer as JSON text; drops the body. */
struct str payload_answer(struct arena *arena, struct payload_response *response);

/* A problem document (RFC 9457); `code` is a stable word for programs. */
struct payload_response payload_problem(int status, const char *code, const char *detail);
/* The same from an error: its kind gives the status. */
struct payload_response payload_problem_of(const struct error *why);

#endif
