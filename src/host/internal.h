/*
 * What the files of the function host share: functions, workers (a process with its Runtime API)
 * and works (one invocation each). Private to src/host.
 *
 * One mutex guards all that is marked so below. It is never held over a call of the store, a start
 * or an end of a process, or a wait; runtime_api's own mutex may be taken under it, never the other
 * way round. Workers are made, killed and freed by the dispatcher's thread alone; the threads of
 * their Runtime APIs move them from state to state.
 */
#ifndef HOST_INTERNAL_H
#define HOST_INTERNAL_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "host/host.h"
#include "host/process.h"
#include "host/runtime_api.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REQUEST_ID_SIZE = 37,
    INIT_LIMIT_MS = 10000,    /* from start to the first `next`, as on Lambda */
    INIT_EXIT_MS = 500,       /* from a reported init error to the exit */
    REQUEST_QUEUE_MS = 10000, /* how long host_invoke waits for a process */
    MAX_PAUSE_MS = 60000,     /* between tries */
    DEFAULT_RETRY_MS = 1000,
    STORE_PAUSE_MS = 5000, /* after the store has failed */
};

/* ---- works (settle.c) ---- */

/* One invocation: a row of the queue, or a call of host_invoke. */
struct work {
    struct work *next; /* in the function's requests */
    struct function *function;
    struct arena *arena; /* holds the work itself */
    char request_id[REQUEST_ID_SIZE];
    struct str event;
    bool is_row;
    int64_t row_id;
    unsigned failed_attempts; /* of the row, before this one */
    /* Of a request, guarded by the host's mutex; the caller waits for `done`. */
    bool assigned;
    bool done;
    bool abandoned; /* the caller has gone: who settles it frees it */
    bool ok;
    struct str answer;
    struct error error;
    const char *error_type; /* NULL: it is no failure of the function */
};

/* How an invocation ended. */
struct outcome {
    bool ok;
    struct str answer;
    const char *error_type; /* as Lambda names it: "Runtime.ExitError" */
    const char *message;
    enum error_kind kind; /* for the caller of host_invoke, with its code */
    const char *code;
    bool keep; /* nothing is known about the invocation: the row stays as it is */
};

struct work *work_new(struct function *function, struct arena *arena);
/* Acknowledges, retries or gives up the row, or wakes the caller of host_invoke. Takes the work.
 * Not under the mutex. */
void work_settle(struct host *host, struct work *work, const struct outcome *outcome);
/* The outcome that an error document of the function tells. Strings in the arena. */
struct outcome outcome_of_document(struct arena *arena, struct str document,
                                   const char *error_type);
/* Rows that the store could not settle are given free again when their pause is over. Answers the
 * next end of a pause (monotonic), or INT64_MAX. Under the mutex. */
int64_t work_release_held(struct host *host, int64_t now_ms);
void work_add_in_flight(struct host *host, int64_t row_id); /* under the mutex */
/* retry_ms * 2^(count - 1), at most MAX_PAUSE_MS. */
int64_t pause_ms(const struct host *host, unsigned count);

/* ---- functions and the host (host.c, dispatch.c) ---- */

enum { FUNCTION_DURATION_BUCKETS = 10 };
extern const unsigned function_duration_bounds_ms[FUNCTION_DURATION_BUCKETS];

struct function_stats {
    uint64_t invocations, errors, timeouts, throttles, cold_starts;
    uint64_t durations, duration_ms;                      /* how many, and their sum */
    uint64_t duration_buckets[FUNCTION_DURATION_BUCKETS]; /* at most so long */
};

struct function {
    struct host *host;
    const char *name;
    const char *program; /* absolute */
    const char *folder;  /* that it lies in */
    const char *arn;
    const char *const *environment; /* its own */
    unsigned timeout_seconds;
    unsigned memory_mb;
    unsigned max_concurrency;
    unsigned max_retries;
    const char *on_failure;
    const struct sandbox *sandbox; /* NULL: none */
    uint16_t ports[HOST_MAX_PORTS];

    /* Guarded by the mutex. */
    struct worker *idle; /* the one used last first */
    unsigned idle_count;
    unsigned process_count; /* until they are reaped */
    struct work *requests;  /* waiting for a process, oldest first */
    bool rows_waiting;      /* there may be rows that are due */
    unsigned init_failures; /* in a row */
    struct function_stats stats;

    /* The dispatcher's own. */
    int64_t next_due_unix_ms;
    int64_t blocked_until_ms;    /* monotonic: no process is started for a row before */
    int64_t unreadable_until_ms; /* monotonic: the store has failed, rows are not read before */
};

struct held_row {
    int64_t row_id;
    int64_t until_ms;
};

struct host {
    struct arena *arena; /* options; written by host_start only */
    struct store *store;
    const char *region;
    const char *folder; /* of the processes' folders; NULL: none */
    struct function *functions;
    unsigned function_count;
    int64_t idle_ms;
    unsigned retry_ms;
    int wake_fd; /* eventfd: something for the dispatcher */
    pthread_t dispatcher;

    pthread_mutex_t mutex; /* guards what follows, up to the empty line */
    pthread_cond_t settled;
    int64_t *in_flight; /* ids of rows, sorted */
    size_t in_flight_count, in_flight_capacity;
    struct held_row *held; /* also in flight, for the time being */
    size_t held_count, held_capacity;
    unsigned callers;        /* in host_invoke */
    int64_t requests_end_ms; /* monotonic: callers wait no longer */
    bool requests_refused;
    bool stopping;
    int64_t stop_ms; /* monotonic: what still runs then is killed */
    struct host_stats stats;

    /* The dispatcher's own. */
    struct worker *workers;
    size_t worker_count;
    struct pollfd *polls; /* wake_fd, then the workers' pidfds in the list's order */
    size_t poll_capacity;
};

void host_wake(struct host *host);
/* An invocation has ended after so long (metrics.c). Under the mutex. */
void function_observe(struct function *function, int64_t duration_ms);
/* Thread of the dispatcher; ends when the host is stopping and the last process is reaped. */
void *dispatcher_run(void *context);

/* ---- workers (worker.c) ---- */

enum worker_state {
    WORKER_STARTING, /* `work` is there, the process has not asked yet */
    WORKER_IDLE,
    WORKER_BUSY,
    WORKER_ANSWERED, /* has not asked for more yet */
    WORKER_ENDING,   /* killed, not reaped */
};

enum worker_end { END_BY_ITSELF, END_IDLE, END_TIMEOUT, END_INIT_TIMEOUT, END_STOP };

struct worker {
    struct worker *next; /* in host->workers */
    struct function *function;
    struct arena *arena;
    struct process process;
    const char *folder; /* its own; NULL: none */
    int64_t started_ms; /* monotonic, as all below */

    /* Guarded by the mutex. */
    struct runtime_api *api;
    enum worker_state state;
    enum worker_end end;
    struct worker *next_idle;
    struct work *work; /* NULL when there is none, or it is settled */
    struct runtime_api_invocation invocation;
    int64_t invoked_ms;
    int64_t init_ms; /* how long the start took; told once, then -1 */
    int64_t due_ms;  /* end of init limit, deadline or idleness */
    bool init_failed;
    char init_error_type[128];
    char init_error[1024];
};

/* Starts a process for the work, which it takes. False when that failed; the work is settled. */
bool worker_start(struct function *function, struct work *work);
/* Gives the work to an idle worker (the one used last). Under the mutex. */
void worker_give(struct function *function, struct work *work);
/* Kills it. Under the mutex. */
void worker_kill(struct worker *worker, enum worker_end end);
/* Reaps it, settles what it left behind, frees it. It must be off the list, its process ended or
 * killed. */
void worker_finish(struct worker *worker);

/* Environment of a process (environment.c): what the host sets, then the function's own, without
 * what the host sets. */
const char *const *environment_build(struct arena *arena, const struct function *function,
                                     const char *api_address, const char *own_folder);

#endif
