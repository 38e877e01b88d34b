/*
 * API Gateway's payload format 2.0, both ways: an HTTP request becomes the event of a function, the
 * function's answer becomes an HTTP response. Pure.
 */
#ifndef HOST_PAYLOAD_H
#define HOST_PAYLOAD_H

#include "base/arena.h"
#include "base/error.h"
#include "http/server.h"

#include <stdint.h>

/* Lambda's limit of an event. */
enum { PAYLOAD_MAX_EVENT_BYTES = 6 * 1024 * 1024 };

/* The event of a request. Header names are lower-cased, repeated ones joined by `,`, cookies apart;
 * the peer is added to x-forwarded-for. A body of text in UTF-8 goes as it is, any other in base64.
 * INVALID when the query cannot be decoded, LIMIT when the event is over PAYLOAD_MAX_EVENT_BYTES.
 */
MUST_CHECK bool payload_event(struct arena *arena, const struct http_request *request,
                              struct str body, const char *request_id, int64_t now_unix_ms,
                              struct str *ret, struct error *err);

/* A WebSocket connection begins or ends, as API Gateway's WebSocket API tells it. */
enum payload_socket_type { PAYLOAD_CONNECT, PAYLOAD_DISCONNECT };
struct payload_socket {
    enum payload_socket_type type;
    const char *connection_id;
    int64_t connected_unix_ms;
    const struct http_request *request; /* of the handshake, with CONNECT; else NULL */
};
/* INVALID when the query cannot be decoded. */
MUST_CHECK bool payload_socket_event(struct arena *arena, const struct payload_socket *socket,
                                     int64_t now_unix_ms, struct str *ret, struct error *err);

/* Fills in the response from a function's answer. An answer without `statusCode` is itself the JSON
 * body of a 200. INVALID when it is not JSON or names an impossible status, header or body. */
MUST_CHECK bool payload_response(struct arena *arena, struct str answer, struct http_response *ret,
                                 struct error *err);

#endif
