/*
 * The end of an invocation. A row leaves the queue only when its function has answered or its tries
 * are used up; a failure puts it back with a pause that doubles. What the host itself broke off
 * (`keep`) counts as no try at all.
 *
 * The row is settled in the store first and then taken off the list of what is in flight, so that
 * it is never seen as waiting in between. Where the store fails (disk full), the row stays on that
 * list for a while and is delivered again later: at least once, but not in a tight loop.
 */
#include "host/internal.h"

#include "base/log.h"
#include "base/os.h"
#include "host/notify.h"
#include "store/queue.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct work *work_new(struct function *function, struct arena *arena) {
    struct work *work = arena_alloc(arena, sizeof *work);
    work->function = function;
    work->arena = arena;
    random_uuid(work->request_id);
    return work;
}

int64_t pause_ms(const struct host *host, unsigned count) {
    int64_t pause = host->retry_ms;
    for (unsigned i = 1; i < count && pause < MAX_PAUSE_MS; i++)
        pause *= 2;
    return pause < MAX_PAUSE_MS ? pause : MAX_PAUSE_MS;
}

/* ---- what is in flight; under the mutex ---- */

/* Place of the first id that is not less. */
static size_t find_in_flight(const struct host *host, int64_t row_id) {
    size_t low = 0;
    size_t high = host->in_flight_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (host->in_flight[middle] < row_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void *grow(void *items, size_t size, size_t *capacity) {
    *capacity = *capacity == 0 ? 64 : *capacity * 2;
    void *grown = reallocarray(items, *capacity, size);
    if (grown == NULL)
        die_out_of_memory();
    return grown;
}

void work_add_in_flight(struct host *host, int64_t row_id) {
    if (host->in_flight_count == host->in_flight_capacity)
        host->in_flight = grow(host->in_flight, sizeof *host->in_flight, &host->in_flight_capacity);
    size_t place = find_in_flight(host, row_id);
    memmove(host->in_flight + place + 1, host->in_flight + place,
            (host->in_flight_count - place) * sizeof *host->in_flight);
    host->in_flight[place] = row_id;
    host->in_flight_count++;
}

static void remove_in_flight(struct host *host, int64_t row_id) {
    size_t place = find_in_flight(host, row_id);
    host->in_flight_count--;
    memmove(host->in_flight + place, host->in_flight + place + 1,
            (host->in_flight_count - place) * sizeof *host->in_flight);
}

static void hold(struct host *host, int64_t row_id) {
    if (host->held_count == host->held_capacity)
        host->held = grow(host->held, sizeof *host->held, &host->held_capacity);
    host->held[host->held_count++] =
        (struct held_row){row_id, clock_monotonic_ms() + STORE_PAUSE_MS};
}

int64_t work_release_held(struct host *host, int64_t now_ms) {
    int64_t next_ms = INT64_MAX;
    size_t kept = 0;
    for (size_t i = 0; i < host->held_count; i++) {
        struct held_row row = host->held[i];
        if (row.until_ms > now_ms) {
            host->held[kept++] = row;
            next_ms = row.until_ms < next_ms ? row.until_ms : next_ms;
            continue;
        }
        remove_in_flight(host, row.row_id);
        for (unsigned j = 0; j < host->function_count; j++)
            host->functions[j].rows_waiting = true;
    }
    host->held_count = kept;
    return next_ms;
}

/* ---- rows ---- */

static bool give_up(struct host *host, struct work *work, const struct outcome *outcome,
                    struct error *err) {
    const struct function *function = work->function;
    int64_t now_ms = clock_unix_ms();
    const struct notify_failure failure = {
        .request_id = work->request_id,
        .function_arn = function->arn,
        .invoke_count = work->failed_attempts + 1,
        .error_type = outcome->error_type,
        .error_message = outcome->message,
        .now_unix_ms = now_ms,
    };
    struct str record = {0};
    if (function->on_failure != NULL)
        record = notify_failure_record(work->arena, work->event, &failure);
    /* A record that is too large to be an event is left as a dead letter, too. */
    if (record.len > 0 && record.len <= QUEUE_MAX_PAYLOAD_BYTES) {
        log_warning("host", "%s %s: given up, '%s' is told", function->name, work->request_id,
                    function->on_failure);
        return queue_give_up(host->store, work->row_id, function->on_failure, record.ptr, now_ms,
                             err);
    }
    log_warning("host", "%s %s: given up, the event is a dead letter", function->name,
                work->request_id);
    const char *reason = arena_printf(work->arena, "%s: %.*s", outcome->error_type,
                                      NOTIFY_MAX_MESSAGE_BYTES, outcome->message);
    return queue_give_up(host->store, work->row_id, NULL, reason, now_ms, err);
}

static bool settle_in_store(struct host *host, struct work *work, const struct outcome *outcome,
                            struct error *err) {
    if (outcome->keep)
        return true;
    if (outcome->ok)
        return queue_ack(host->store, work->row_id, err);
    if (work->failed_attempts >= work->function->max_retries)
        return give_up(host, work, outcome, err);
    int64_t pause = pause_ms(host, work->failed_attempts + 1);
    return queue_retry(host->store, work->row_id, clock_unix_ms() + pause, err);
}

static void settle_row(struct host *host, struct work *work, const struct outcome *outcome) {
    struct error err;
    bool settled = settle_in_store(host, work, outcome, &err);
    /* Somebody removed the row by hand: nothing is left to settle. */
    settled = settled || err.kind == ERROR_NOT_FOUND;
    if (!settled)
        log_error("host", "%s %s: the event stays queued: %s", work->function->name,
                  work->request_id, err.text);
    pthread_mutex_lock(&host->mutex);
    if (settled)
        remove_in_flight(host, work->row_id);
    else
        hold(host, work->row_id);
    bool comes_again = !settled || !outcome->ok;
    if (comes_again)
        work->function->rows_waiting = true;
    pthread_mutex_unlock(&host->mutex);
    arena_free(work->arena);
    /* The time of the next try is news to the dispatcher. */
    if (comes_again)
        host_wake(host);
}

/* ---- requests ---- */

static void settle_request(struct host *host, struct work *work, const struct outcome *outcome) {
    if (outcome->ok)
        work->answer = arena_str(work->arena, outcome->answer);
    else
        error_set(&work->error, outcome->kind, outcome->code, "%s", outcome->message);
    if (!outcome->ok && outcome->error_type != NULL)
        work->error_type = arena_strdup(work->arena, outcome->error_type);
    work->ok = outcome->ok;
    pthread_mutex_lock(&host->mutex);
    bool abandoned = work->abandoned;
    work->done = true;
    pthread_cond_broadcast(&host->settled);
    pthread_mutex_unlock(&host->mutex);
    if (abandoned)
        arena_free(work->arena);
}

void work_settle(struct host *host, struct work *work, const struct outcome *outcome) {
    if (!outcome->ok && !outcome->keep) {
        log_warning("host", "%s %s: try %u failed: %s: %.*s", work->function->name,
                    work->request_id, work->failed_attempts + 1, outcome->error_type,
                    NOTIFY_MAX_MESSAGE_BYTES / 2, outcome->message);
        pthread_mutex_lock(&host->mutex);
        host->stats.failures++;
        work->function->stats.errors++;
        pthread_mutex_unlock(&host->mutex);
    }
    if (work->is_row)
        settle_row(host, work, outcome);
    else
        settle_request(host, work, outcome);
}

struct outcome outcome_of_document(struct arena *arena, struct str document,
                                   const char *error_type) {
    struct outcome outcome = {
        .error_type = arena_strdup(arena, error_type),
        .message = "the function told no reason",
        .kind = ERROR_INVALID,
        .code = "FunctionError",
    };
    json_error_t ignored;
    json_t *root = json_loadb(document.ptr != NULL ? document.ptr : "", document.len, 0, &ignored);
    const char *message = json_string_value(json_object_get(root, "errorMessage"));
    const char *type = json_string_value(json_object_get(root, "errorType"));
    if (message != NULL && message[0] != '\0')
        outcome.message = arena_strdup(arena, message);
    if (type != NULL && type[0] != '\0')
        outcome.error_type = arena_strdup(arena, type);
    json_decref(root);
    return outcome;
}
