/*
 * One process of a function: started in a session of its own, with nothing of the host's but its
 * stderr, and ended together with all it started.
 */
#ifndef HOST_PROCESS_H
#define HOST_PROCESS_H

#include "base/arena.h"
#include "base/error.h"
#include "host/sandbox.h"

#include <stdbool.h>
#include <sys/types.h>

struct process_options {
    const char *program;            /* absolute path */
    const char *folder;             /* its working folder */
    const char *const *environment; /* all of it, "NAME=value", NULL-terminated */
    unsigned memory_mb;             /* that it may hold for itself; 0: no bound */
    const struct sandbox *sandbox;  /* NULL: none */
    struct sandbox_entry entry;     /* into the sandbox */
};

struct process {
    pid_t pid; /* also its group's and session's id */
    int pidfd; /* readable once it has ended */
};

/* Starts the program without arguments: stdin is /dev/null, stdout and stderr the caller's stderr,
 * all other descriptors closed, signals as by default, no core dumps, no new privileges. The kernel
 * kills it when the *thread* that called this ends, so a killed server leaves no function behind.
 * True once the program runs; NOT_FOUND, DENIED and the like when it cannot be executed. */
MUST_CHECK bool process_spawn(const struct process_options *options, struct process *ret,
                              struct error *err);

/* SIGKILL to the whole group. Fine for one that has ended and was not reaped. */
void process_kill(const struct process *process);

/* Waits for the end (at once when the pidfd is readable or after process_kill), kills what is left
 * of the group and gives the process back to the kernel. Answers how it ended, as Lambda says it:
 * "exit status 1", "signal: Killed"; NULL for exit status 0. */
const char *process_reap(struct process *process, struct arena *arena);

#endif
