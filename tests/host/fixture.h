/*
 * A host over a store in a temporary folder, with functions that do what the event says
 * (function_main.c). Nothing here sleeps for a time: it waits for lines of functions, ends of
 * processes and states, each with a bound that only a broken host reaches.
 */
#ifndef TESTS_HOST_FIXTURE_H
#define TESTS_HOST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "host/host.h"
#include "store/queue.h"
#include "store/store.h"

#include <jansson.h>
#include <sys/types.h>

enum { FIXTURE_MAX_FUNCTIONS = 4, FIXTURE_BOUND_MS = 30000 };

struct fixture {
    char folder[64];
    struct arena *arena;
    struct store *store;
    struct host *host;
    struct host_function functions[FIXTURE_MAX_FUNCTIONS];
    struct host_options options;
    const char *environment[8];
    int lines_fd;
    int gate_fd;
    char pending[4096]; /* lines read and not yet given out */
    size_t pending_size;
};

/* One line of a function. */
struct line {
    char what[32];
    pid_t pid;
    char request_id[64];
    char more[128];
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Two functions, `first` and `second` (which takes no failures), one process each, no retries,
 * retry_ms 1, idle after 60 s, timeout 30 s. To be changed before fixture_start. */
void fixture_start(struct fixture *f);
/* Stops the host and opens everything again from what is on disk. */
void fixture_restart(struct fixture *f);

void fixture_push(struct fixture *f, const char *function, const char *event);
struct line fixture_line(struct fixture *f);
/* The next line, which must be this one. */
struct line fixture_expect(struct fixture *f, const char *what);
/* That no line is there at this moment. */
void fixture_expect_none(struct fixture *f);
/* Lets `count` functions that wait go on. */
void fixture_open_gate(struct fixture *f, size_t count);

/* Waits until the process has ended; `pidfd` from fixture_watch. */
int fixture_watch(pid_t pid);
void fixture_wait_end(int pidfd);
void fixture_wait_depth(struct fixture *f, uint64_t depth);
void fixture_wait_processes(struct fixture *f, unsigned count);
void fixture_wait_idle(struct fixture *f, unsigned count);
void fixture_wait_waiting(struct fixture *f, unsigned count);

/* The event that `kept` is about. The caller drops it. */
json_t *fixture_kept(struct fixture *f, const struct line *line);
/* Takes away the only dead letter and gives its reason. */
const char *fixture_dead_letter(struct fixture *f);

/* host_invoke; fails the test when it fails. */
const char *fixture_invoke(struct fixture *f, const char *function, const char *event);

#endif
