/*
 * The dispatcher: one thread that decides everything about processes and rows, and otherwise sleeps
 * in poll on the wake-up descriptor and on the processes' pidfds, until the next thing falls due.
 * With no rows and no process that is for ever.
 *
 * Each round: reap what has ended, kill what is over its time, then hand out work, function by
 * function. Calls of host_invoke go before rows. A function's rows are looked for only when there
 * may be some (pushed, or due by now) and a process is free or may be started, so a long queue
 * costs what is handed out.
 */
#include "host/internal.h"

#include "base/log.h"
#include "base/os.h"
#include "host/notify.h"
#include "store/queue.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void log_start(const char *request_id) {
    log_debug("host", "START RequestId: %s Version: $LATEST", request_id);
}

/* ---- ends ---- */

/* Workers whose pidfd the last poll found readable. */
static void finish_ended(struct host *host) {
    struct worker **place = &host->workers;
    for (size_t i = 1; *place != NULL; i++) {
        struct worker *worker = *place;
        if (host->polls[i].revents == 0) {
            place = &worker->next;
            continue;
        }
        *place = worker->next;
        host->worker_count--;
        worker_finish(worker);
    }
}

static void kill_overdue(struct host *host, int64_t now_ms) {
    pthread_mutex_lock(&host->mutex);
    for (struct worker *worker = host->workers; worker != NULL; worker = worker->next) {
        if (worker->due_ms > now_ms)
            continue;
        if (worker->state == WORKER_STARTING)
            worker_kill(worker, END_INIT_TIMEOUT);
        else
            worker_kill(worker, worker->state == WORKER_IDLE ? END_IDLE : END_TIMEOUT);
    }
    pthread_mutex_unlock(&host->mutex);
}

/* Kills all but those that work, and from the stop's own deadline on those as well. */
static void kill_for_stop(struct host *host, int64_t now_ms) {
    pthread_mutex_lock(&host->mutex);
    for (struct worker *worker = host->workers; worker != NULL; worker = worker->next)
        if (worker->state != WORKER_ENDING &&
            (worker->state != WORKER_BUSY || now_ms >= host->stop_ms))
            worker_kill(worker, END_STOP);
    pthread_mutex_unlock(&host->mutex);
}

/* ---- requests ---- */

static struct work *take_request(struct function *function) {
    struct work *work = function->requests;
    if (work != NULL) {
        function->requests = work->next;
        function->host->stats.waiting--;
        work->assigned = true;
    }
    return work;
}

static void refuse_requests(struct function *function) {
    static const struct outcome outcome = {.keep = true,
                                           .message = "the host is ending",
                                           .kind = ERROR_UNAVAILABLE,
                                           .code = "ServiceUnavailable"};
    struct host *host = function->host;
    for (;;) {
        pthread_mutex_lock(&host->mutex);
        struct work *work = take_request(function);
        pthread_mutex_unlock(&host->mutex);
        if (work == NULL)
            return;
        work_settle(host, work, &outcome);
    }
}

/* Gives the work to an idle process, or to a new one where that is allowed. False: neither, and the
 * work is still the caller's. */
static bool place_work(struct function *function, struct work *work, bool may_start) {
    struct host *host = function->host;
    char request_id[REQUEST_ID_SIZE];
    memcpy(request_id, work->request_id, sizeof request_id);
    pthread_mutex_lock(&host->mutex);
    bool given = function->idle != NULL;
    if (given)
        worker_give(function, work);
    bool starts = !given && may_start && function->process_count < function->max_concurrency;
    pthread_mutex_unlock(&host->mutex);
    if (given)
        log_start(request_id);
    else if (starts)
        worker_start(function, work);
    return given || starts;
}

static bool has_room(const struct function *function) {
    return function->idle != NULL || function->process_count < function->max_concurrency;
}

static void place_requests(struct function *function) {
    struct host *host = function->host;
    for (;;) {
        pthread_mutex_lock(&host->mutex);
        struct work *work = has_room(function) ? take_request(function) : NULL;
        pthread_mutex_unlock(&host->mutex);
        /* Only this thread takes rooms away, so there is still one. */
        if (work == NULL || !place_work(function, work, true))
            return;
    }
}

/* ---- rows ---- */

static struct work *work_of_row(struct function *function, const struct queue_row *row) {
    struct arena *arena = arena_new();
    struct work *work = work_new(function, arena);
    work->is_row = true;
    work->row_id = row->id;
    work->failed_attempts = row->attempts;
    work->event = arena_str(arena, notify_event(arena, row, function->host->region));
    return work;
}

static bool may_start_for_rows(const struct function *function, int64_t now_ms) {
    return function->blocked_until_ms <= now_ms;
}

/* How many rows can be taken; under the mutex. */
static size_t room_for_rows(const struct function *function, int64_t now_ms) {
    size_t room = function->idle_count;
    if (may_start_for_rows(function, now_ms) && function->process_count < function->max_concurrency)
        room += function->max_concurrency - function->process_count;
    return room;
}

/* The rows to look for, with what is in flight at this moment; 0: none. */
static size_t prepare_look(struct function *function, struct arena *arena, int64_t now_ms,
                           int64_t **ret_skip, size_t *ret_skip_count) {
    struct host *host = function->host;
    pthread_mutex_lock(&host->mutex);
    if (function->next_due_unix_ms <= clock_unix_ms())
        function->rows_waiting = true;
    bool looks = function->rows_waiting && function->unreadable_until_ms <= now_ms;
    size_t room = looks ? room_for_rows(function, now_ms) : 0;
    if (room > 0) {
        /* Before the store is read: a push in between sets it again. */
        function->rows_waiting = false;
        *ret_skip_count = host->in_flight_count;
        *ret_skip = arena_array(arena, host->in_flight_count + 1, sizeof **ret_skip);
        if (host->in_flight_count > 0)
            memcpy(*ret_skip, host->in_flight, host->in_flight_count * sizeof **ret_skip);
    }
    pthread_mutex_unlock(&host->mutex);
    return room;
}

static void mark_waiting(struct function *function) {
    pthread_mutex_lock(&function->host->mutex);
    function->rows_waiting = true;
    pthread_mutex_unlock(&function->host->mutex);
}

static void place_rows(struct function *function) {
    struct host *host = function->host;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    int64_t now_ms = clock_monotonic_ms();
    int64_t *skip = NULL;
    size_t skip_count = 0;
    size_t room = prepare_look(function, arena, now_ms, &skip, &skip_count);
    if (room == 0)
        return;
    struct queue_row *rows;
    size_t count;
    struct error err;
    if (!queue_due(host->store, arena, function->name, clock_unix_ms(), skip, skip_count, room,
                   &rows, &count, &function->next_due_unix_ms, &err)) {
        log_error("host", "%s: reading the queue: %s", function->name, err.text);
        function->unreadable_until_ms = now_ms + STORE_PAUSE_MS;
        mark_waiting(function);
        return;
    }
    if (count == room)
        mark_waiting(function);
    for (size_t i = 0; i < count; i++) {
        struct work *work = work_of_row(function, &rows[i]);
        pthread_mutex_lock(&host->mutex);
        work_add_in_flight(host, work->row_id);
        pthread_mutex_unlock(&host->mutex);
        bool may_start = may_start_for_rows(function, clock_monotonic_ms());
        if (place_work(function, work, may_start))
            continue;
        /* A start has failed since the look: the rest waits for its pause. */
        const struct outcome not_now = {.keep = true};
        work_settle(host, work, &not_now);
    }
}

/* ---- sleep ---- */

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* When a function's rows are to be looked for (monotonic), INT64_MAX for not before something
 * happens; under the mutex. */
static int64_t next_look_ms(const struct function *function, int64_t now_ms) {
    if (!has_room(function))
        return INT64_MAX;
    int64_t look_ms = INT64_MAX;
    if (function->rows_waiting)
        look_ms = now_ms;
    else if (function->next_due_unix_ms != INT64_MAX)
        look_ms = now_ms + function->next_due_unix_ms - clock_unix_ms();
    if (look_ms == INT64_MAX)
        return look_ms;
    look_ms = later(look_ms, function->unreadable_until_ms);
    return function->idle != NULL ? look_ms : later(look_ms, function->blocked_until_ms);
}

/* The next moment at which there is something to do, or INT64_MAX. */
static int64_t next_moment_ms(struct host *host, int64_t now_ms) {
    pthread_mutex_lock(&host->mutex);
    int64_t next_ms = work_release_held(host, now_ms);
    for (const struct worker *worker = host->workers; worker != NULL; worker = worker->next) {
        next_ms = earlier(next_ms, worker->due_ms);
        if (host->stopping && worker->state == WORKER_BUSY)
            next_ms = earlier(next_ms, host->stop_ms);
    }
    for (unsigned i = 0; i < host->function_count && !host->stopping; i++)
        next_ms = earlier(next_ms, next_look_ms(&host->functions[i], now_ms));
    pthread_mutex_unlock(&host->mutex);
    return next_ms;
}

static void fill_polls(struct host *host) {
    if (host->poll_capacity < host->worker_count + 1) {
        host->poll_capacity = 2 * (host->worker_count + 1);
        host->polls = reallocarray(host->polls, host->poll_capacity, sizeof *host->polls);
        if (host->polls == NULL)
            die_out_of_memory();
    }
    host->polls[0] = (struct pollfd){.fd = host->wake_fd, .events = POLLIN};
    size_t count = 1;
    for (const struct worker *worker = host->workers; worker != NULL; worker = worker->next)
        host->polls[count++] = (struct pollfd){.fd = worker->process.pidfd, .events = POLLIN};
}

static void sleep_until_news(struct host *host) {
    fill_polls(host);
    int64_t now_ms = clock_monotonic_ms();
    int64_t next_ms = next_moment_ms(host, now_ms);
    int64_t left_ms = next_ms > now_ms ? next_ms - now_ms : 0;
    const struct timespec timeout = {.tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000};
    int ready =
        ppoll(host->polls, host->worker_count + 1, next_ms == INT64_MAX ? NULL : &timeout, NULL);
    if (ready < 0)
        for (size_t i = 0; i <= host->worker_count; i++)
            host->polls[i].revents = 0;
    if (host->polls[0].revents != 0) {
        uint64_t count;
        ssize_t got = read(host->wake_fd, &count, sizeof count);
        (void)got;
    }
}

static bool is_stopping(struct host *host) {
    pthread_mutex_lock(&host->mutex);
    bool stopping = host->stopping;
    pthread_mutex_unlock(&host->mutex);
    return stopping;
}

void *dispatcher_run(void *context) {
    struct host *host = context;
    for (;;) {
        bool stopping = is_stopping(host);
        int64_t now_ms = clock_monotonic_ms();
        kill_overdue(host, now_ms);
        if (stopping)
            kill_for_stop(host, now_ms);
        for (unsigned i = 0; i < host->function_count; i++) {
            struct function *function = &host->functions[i];
            if (stopping) {
                refuse_requests(function);
                continue;
            }
            place_requests(function);
            place_rows(function);
        }
        if (stopping && host->workers == NULL)
            return NULL;
        sleep_until_news(host);
        finish_ended(host);
    }
}
