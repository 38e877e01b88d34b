/*
 * One WebSocket connection of the server's side, over wslay: messages out of a queue to the client,
 * pings, and the end. Private to src/host.
 */
#ifndef HOST_LIVE_SOCKET_H
#define HOST_LIVE_SOCKET_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct live_socket;

struct live_socket *live_socket_new(void);
void live_socket_free(struct live_socket *socket);

/* Thread-safe: queues a text message (copied); the oldest that wait are dropped where there are too
 * many. */
void live_socket_send(struct live_socket *socket, struct str text);
/* Thread-safe: ends the connection with this code (RFC 6455, 7.4) once the client agrees, or after
 * two seconds. */
void live_socket_end(struct live_socket *socket, unsigned code);

/* Serves the connection until it ends. `early` is what has been read of it already. The caller
 * closes `fd`. */
void live_socket_serve(struct live_socket *socket, int fd, struct str early);

/* The value of Sec-WebSocket-Accept for a key (RFC 6455, 4.2.2), in `ret` with room for
 * LIVE_ACCEPT_SIZE; false when it is not 16 bytes in base64. */
enum { LIVE_ACCEPT_SIZE = 29 };
bool live_accept_key(const char *key, char ret[LIVE_ACCEPT_SIZE]);

#endif
