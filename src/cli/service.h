/*
 * What a service tells the service manager that started it: systemd's notification protocol
 * (sd_notify(3)), a datagram to the socket in NOTIFY_SOCKET.
 */
#ifndef CLI_SERVICE_H
#define CLI_SERVICE_H

#include "base/error.h"

#include <stdbool.h>

/* Sends a state such as "READY=1" or "STOPPING=1". True also when there is no NOTIFY_SOCKET.
 * INVALID when that is no address of a local socket. */
MUST_CHECK bool service_notify(const char *state, struct error *err);

#endif
