/*
 * Listeners of jobs: WebSocket connections at `/live`, and `/@connections/{id}`, through which the
 * functions send to them; the same two as API Gateway's WebSocket API has, so that functions see no
 * difference.
 *
 * A connection is announced to `api` by a CONNECT event, whose answer decides about the handshake
 * (RFC 6455), and taken leave of by DISCONNECT. What listeners say is read and forgotten. A
 * listener that reads more slowly than it is sent to gets the newest messages: a status makes those
 * before it worthless.
 */
#ifndef HOST_LIVE_H
#define HOST_LIVE_H

#include "host/host.h"
#include "http/server.h"
#include "sign/sigv4.h"

enum {
    LIVE_MAX_LISTENERS = 256,
    LIVE_MAX_MESSAGE_BYTES = 128 * 1024, /* as API Gateway's */
};

struct live;

struct live_options {
    struct host *host;    /* must outlive it */
    const char *function; /* gets the events of connections: "api" */
    /* Who may send to listeners: requests signed for the service "execute-api" with this key;
     * NULL: nobody. */
    struct sigv4_credentials sender;
    const char *region;
};

/* Copies the options. */
struct live *live_new(const struct live_options *options);

/* GET /live: 101 and from then on a listener; 400 and 426 where it is no handshake, 503 when there
 * are too many; else what the function answered. */
void live_connect(struct live *live, struct http_exchange *x);

/* /@connections/{id}: POST sends a message, DELETE ends the connection. 200; 403 when the signature
 * is not good, 410 when there is no such listener, 413 for a message over the limit. */
void live_manage(struct live *live, struct http_exchange *x, struct str body);

/* Takes no more listeners and says goodbye to those who are there (1001). Before the HTTP server is
 * freed. */
void live_stop(struct live *live);
/* When all connections are gone. NULL is fine. */
void live_free(struct live *live);

#endif
