/*
 * Addresses to listen on: `127.0.0.1:8080`, `[::1]:0`, `localhost:8080`. Pure.
 */
#ifndef CLI_ADDRESS_H
#define CLI_ADDRESS_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>

struct address {
    const char *host; /* numeric, without brackets */
    unsigned port;    /* 0: a free one */
    bool ipv6;
    bool loopback;
    bool wildcard; /* 0.0.0.0 or [::]: all addresses of the machine */
};

/* INVALID for anything but a numeric address (or localhost) and a port, and for `0.0.0.0` and
 * `[::]`: signed addresses name the host, so it must be one that clients can use. */
MUST_CHECK bool address_parse(struct arena *arena, const char *text, struct address *ret,
                              struct error *err);

/* `127.0.0.1:8080`, `[::1]:8080`, in the arena. */
char *address_text(struct arena *arena, const struct address *address);

#endif
