/*
 * What a process of a function may reach: a view of the file system in which nothing but a folder
 * of its own can be written (Landlock), connections to the few ports it is for (Landlock), and the
 * system calls that ordinary programs need (seccomp). On top of the bounds of host/process.h.
 *
 * Bound by port, not by address: Landlock knows no addresses.
 *
 * A kernel that lacks a part gives less; sandbox_missing says what.
 */
#ifndef HOST_SANDBOX_H
#define HOST_SANDBOX_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sandbox_options {
    const char *program;  /* absolute; may be run, and its folder read */
    bool runs_programs;   /* what lies in /usr may be run as well: for scripts */
    bool reaches_network; /* any address may be connected to, and names looked up */
};

struct sandbox;

/* Everything that can be put together before a process is forked. INTERNAL when libseccomp fails.
 */
MUST_CHECK bool sandbox_new(struct arena *arena, const struct sandbox_options *options,
                            const struct sandbox **ret, struct error *err);

struct sandbox_entry {
    const char *folder; /* the process's own, which it may write; NULL: none */
    const uint16_t *ports;
    size_t port_count; /* of TCP that may be connected to, on any address */
};

/* For the child between fork and exec: only system calls, no allocation. Wants no_new_privs. False
 * with errno; what the kernel does not know is left out. */
MUST_CHECK bool sandbox_enter(const struct sandbox *sandbox, const struct sandbox_entry *entry);

/* "Landlock, bounds of the network": what this kernel lacks; "" when it has everything. */
const char *sandbox_missing(struct arena *arena);

#endif
