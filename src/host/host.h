/*
 * The function host: runs `bootstrap` processes for queued events and for requests, as Lambda does.
 *
 * Processes are started on demand, kept warm, ended after idling; each has its own Runtime API
 * address, so none can take another's event. At least once: a row of the queue goes away only after
 * the function answered; failures are retried with growing pauses, then handed to the on-failure
 * function. A process that passes its deadline is killed with its whole process group. Nothing
 * polls: the dispatcher sleeps until a row is queued, a row falls due or a process changes state.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct host;

enum { HOST_MAX_PORTS = 4 };

struct host_function {
    const char *name;    /* "intake"; also _HANDLER */
    const char *program; /* path of bootstrap */
    /* Further environment, "NAME=value", NULL-terminated: credentials, buckets, endpoint. */
    const char *const *environment;
    unsigned timeout_seconds;
    unsigned memory_mb; /* told to the process, which may hold so much and 256 MiB for stacks */
    unsigned max_concurrency; /* processes of this function */
    unsigned max_retries;     /* after the first try */
    const char *on_failure;   /* function that gets the record; NULL: dead letters */
    /* Whether its processes are shut in (host/sandbox.h), with `folder` of the options as the place
     * for theirs; then connections go to its Runtime API and to `ports` only. */
    bool sandboxed;
    bool runs_programs;
    bool reaches_network;
    uint16_t ports[HOST_MAX_PORTS]; /* 0: none */
};

struct host_options {
    struct store *store;
    const char *region;
    const struct host_function *functions;
    unsigned function_count;
    unsigned idle_seconds; /* a process without work is ended after so long */
    /* Milliseconds before the n-th retry: retry_ms * 2^(n-1), at most 60,000; 0: 1,000. */
    unsigned retry_ms;
    /* Holds a folder for each process, its TMPDIR, which goes away with it; made, and emptied at
     * the start. NULL: they share the host's TMPDIR and cannot be sandboxed. */
    const char *folder;
};

/* Starts the dispatcher's thread; rows that wait are taken at once. Copies the options. INVALID for
 * options that make no sense, NOT_FOUND or DENIED for a program that cannot be run. */
MUST_CHECK bool host_start(const struct host_options *options, struct host **ret,
                           struct error *err);

/* RequestResponse: waits for the answer of one invocation. LIMIT TooManyRequests when the
 * function's processes stay busy for 10 s; UNAVAILABLE RuntimeExited when the process died or did
 * not start, TaskTimedOut when it passed its deadline, ServiceUnavailable when the host is ending;
 * the function's own error is INVALID FunctionError with its message; LIMIT RequestTooLarge over 6
 * MiB; NOT_FOUND ResourceNotFound without such a function. No retry. Thread-safe. */
MUST_CHECK bool host_invoke(struct host *host, struct arena *arena, const char *function,
                            struct str event, struct str *ret_answer, struct error *err);

struct host_answer {
    struct str body; /* what the function answered, or Lambda's document of how it failed */
    bool failed;
};
/* The same as Lambda's Invoke sees it: that the function failed, died or passed its deadline is an
 * answer, too. */
MUST_CHECK bool host_call(struct host *host, struct arena *arena, const char *function,
                          struct str event, struct host_answer *ret, struct error *err);

/* Event: queues it as one of the function's. NOT_FOUND ResourceNotFound, LIMIT RequestTooLarge over
 * QUEUE_MAX_PAYLOAD_BYTES. */
MUST_CHECK bool host_queue(struct host *host, const char *function, struct str event,
                           struct error *err);

/* "arn:aws:lambda:…" of a function; NULL when there is none of that name. */
const char *host_function_arn(const struct host *host, const char *function);

/* From now on host_invoke fails with UNAVAILABLE. Callers that wait get `grace_ms`, then they fail
 * as well; their invocations go on. For whoever must not wait for its callers without limit. */
void host_end_requests(struct host *host, unsigned grace_ms);

struct host_stats {
    unsigned processes; /* running now */
    unsigned busy;      /* of them, with an event */
    unsigned idle;      /* of them, waiting for one */
    unsigned waiting;   /* calls of host_invoke that have no process yet */
    uint64_t invocations, failures, cold_starts;
};
void host_stats(struct host *host, struct host_stats *ret);

/* Counters, gauges and durations of each function with its queue, in the arena: Prometheus' text
 * format 0.0.4. */
struct str host_metrics(struct host *host, struct arena *arena);

/* Takes no new work, lets running invocations finish for `grace_ms`, kills the rest (their rows
 * stay in the queue), reaps every process. NULL is fine. */
void host_stop(struct host *host, unsigned grace_ms);

#endif
