/*
 * One worker: a process, its Runtime API, and what it works on.
 *
 * The events of the Runtime API come in its server's threads. They only move the worker from state
 * to state and settle its work; the dispatcher alone starts, kills and reaps.
 */
#include "host/internal.h"

#include "base/log.h"
#include "base/os.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- states; under the mutex ---- */

static void deliver(struct worker *worker, int64_t now_ms) {
    const struct function *function = worker->function;
    struct work *work = worker->work;
    int64_t timeout_ms = (int64_t)function->timeout_seconds * 1000;
    worker->state = WORKER_BUSY;
    worker->invoked_ms = now_ms;
    worker->due_ms = now_ms + timeout_ms;
    worker->invocation = (struct runtime_api_invocation){
        .request_id = work->request_id,
        .function_arn = function->arn,
        .deadline_unix_ms = clock_unix_ms() + timeout_ms,
        .event = work->event,
    };
    function->host->stats.busy++;
    function->host->stats.invocations++;
    worker->function->stats.invocations++;
    runtime_api_offer(worker->api, &worker->invocation);
}

void worker_give(struct function *function, struct work *work) {
    struct worker *worker = function->idle;
    function->idle = worker->next_idle;
    function->idle_count--;
    function->host->stats.idle--;
    work->assigned = true;
    worker->work = work;
    deliver(worker, clock_monotonic_ms());
}

static void unlink_idle(struct worker *worker) {
    struct worker **place = &worker->function->idle;
    while (*place != worker)
        place = &(*place)->next_idle;
    *place = worker->next_idle;
    worker->function->idle_count--;
    worker->function->host->stats.idle--;
}

/* Also counts it out of the busy ones; `busy` covers BUSY only. */
static void leave_state(struct worker *worker) {
    if (worker->state == WORKER_IDLE)
        unlink_idle(worker);
    if (worker->state == WORKER_BUSY)
        worker->function->host->stats.busy--;
}

void worker_kill(struct worker *worker, enum worker_end end) {
    leave_state(worker);
    worker->state = WORKER_ENDING;
    worker->end = end;
    worker->due_ms = INT64_MAX;
    process_kill(&worker->process);
}

/* ---- events of the Runtime API ---- */

static void log_report(const struct worker *worker, const struct work *work, int64_t now_ms,
                       int64_t init_ms) {
    int64_t duration_ms = now_ms - worker->invoked_ms;
    char init[64] = "";
    if (init_ms >= 0)
        snprintf(init, sizeof init, " Init Duration: %" PRId64 " ms", init_ms);
    log_debug("host", "END RequestId: %s", work->request_id);
    log_debug("host",
              "REPORT RequestId: %s Duration: %" PRId64 " ms Billed Duration: %" PRId64
              " ms Memory Size: %u MB%s",
              work->request_id, duration_ms, duration_ms, worker->function->memory_mb, init);
}

static void on_ready(struct worker *worker) {
    struct host *host = worker->function->host;
    char request_id[REQUEST_ID_SIZE] = "";
    int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&host->mutex);
    if (worker->state == WORKER_STARTING) {
        worker->init_ms = now_ms - worker->started_ms;
        worker->function->init_failures = 0;
        memcpy(request_id, worker->work->request_id, sizeof request_id);
        deliver(worker, now_ms);
    } else if (worker->state == WORKER_ANSWERED) {
        worker->state = WORKER_IDLE;
        worker->due_ms = now_ms + host->idle_ms;
        worker->next_idle = worker->function->idle;
        worker->function->idle = worker;
        worker->function->idle_count++;
        host->stats.idle++;
    }
    pthread_mutex_unlock(&host->mutex);
    if (request_id[0] != '\0')
        log_debug("host", "START RequestId: %s Version: $LATEST (first of its process)",
                  request_id);
    host_wake(host);
}

/* Takes the work from the worker; NULL when the dispatcher has it already. */
static struct work *take_work(struct worker *worker, int64_t *ret_init_ms) {
    struct host *host = worker->function->host;
    pthread_mutex_lock(&host->mutex);
    struct work *work = worker->work;
    worker->work = NULL;
    *ret_init_ms = worker->init_ms;
    worker->init_ms = -1;
    if (worker->state == WORKER_BUSY) {
        leave_state(worker);
        worker->state = WORKER_ANSWERED;
        function_observe(worker->function, clock_monotonic_ms() - worker->invoked_ms);
    }
    pthread_mutex_unlock(&host->mutex);
    return work;
}

static void on_outcome(struct worker *worker, const struct runtime_api_event *event) {
    int64_t init_ms;
    struct work *work = take_work(worker, &init_ms);
    if (work == NULL)
        return;
    log_report(worker, work, clock_monotonic_ms(), init_ms);
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    struct outcome outcome = {.ok = true, .answer = event->body};
    if (event->kind == RUNTIME_API_FAILED)
        outcome = outcome_of_document(arena, event->body, event->error_type);
    work_settle(worker->function->host, work, &outcome);
}

static void on_init_failed(struct worker *worker, const struct runtime_api_event *event) {
    struct host *host = worker->function->host;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    struct outcome outcome = outcome_of_document(arena, event->body, event->error_type);
    pthread_mutex_lock(&host->mutex);
    worker->init_failed = true;
    snprintf(worker->init_error_type, sizeof worker->init_error_type, "%s", outcome.error_type);
    snprintf(worker->init_error, sizeof worker->init_error, "%s", outcome.message);
    if (worker->state == WORKER_STARTING)
        worker->due_ms = clock_monotonic_ms() + INIT_EXIT_MS;
    pthread_mutex_unlock(&host->mutex);
    host_wake(host);
}

static void on_event(void *context, const struct runtime_api_event *event) {
    struct worker *worker = context;
    switch (event->kind) {
    case RUNTIME_API_READY:
        on_ready(worker);
        break;
    case RUNTIME_API_ANSWERED:
    case RUNTIME_API_FAILED:
        on_outcome(worker, event);
        break;
    case RUNTIME_API_INIT_FAILED:
        on_init_failed(worker, event);
        break;
    }
}

/* ---- start ---- */

static struct worker *new_worker(struct function *function) {
    struct arena *arena = arena_new();
    struct worker *worker = arena_alloc(arena, sizeof *worker);
    worker->arena = arena;
    worker->function = function;
    worker->process = (struct process){-1, -1};
    worker->started_ms = clock_monotonic_ms();
    worker->due_ms = worker->started_ms + INIT_LIMIT_MS;
    return worker;
}

static void free_worker(struct worker *worker) {
    struct function *function = worker->function;
    struct host *host = function->host;
    runtime_api_free(worker->api);
    if (worker->folder != NULL)
        remove_tree(worker->folder);
    pthread_mutex_lock(&host->mutex);
    function->process_count--;
    host->stats.processes--;
    pthread_mutex_unlock(&host->mutex);
    arena_free(worker->arena);
}

/* Counts it in before the process can call, so that its threads find everything in place. */
static void enlist(struct worker *worker, struct runtime_api *api, struct work *work) {
    struct function *function = worker->function;
    struct host *host = function->host;
    pthread_mutex_lock(&host->mutex);
    worker->api = api;
    worker->work = work;
    if (work != NULL)
        work->assigned = true;
    function->process_count++;
    host->stats.processes++;
    host->stats.cold_starts++;
    function->stats.cold_starts++;
    pthread_mutex_unlock(&host->mutex);
}

/* Of its own, so that none sees another's files. */
static bool make_folder(struct worker *worker, struct error *err) {
    const struct host *host = worker->function->host;
    if (host->folder == NULL)
        return true;
    char *path = arena_printf(worker->arena, "%s/XXXXXX", host->folder);
    if (mkdtemp(path) == NULL)
        return error_errno(err, "folder '%s'", path);
    worker->folder = path;
    return true;
}

/* The ports that it may connect to: its Runtime API's and those of the function. */
static size_t list_ports(const struct worker *worker, const char *api_address,
                         uint16_t ret[HOST_MAX_PORTS + 1]) {
    const struct function *function = worker->function;
    uint64_t port = 0;
    size_t count = 0;
    if (str_to_u64(str_c(strrchr(api_address, ':') + 1), UINT16_MAX, &port))
        ret[count++] = (uint16_t)port;
    for (size_t i = 0; i < HOST_MAX_PORTS; i++)
        if (function->ports[i] != 0)
            ret[count++] = function->ports[i];
    return count;
}

static bool start_process(struct worker *worker, struct work *work, struct error *err) {
    const struct runtime_api_options api_options = {.on_event = on_event, .context = worker};
    struct runtime_api *api = NULL;
    bool ok = runtime_api_start(&api_options, &api, err);
    enlist(worker, api, work);
    if (!ok || !make_folder(worker, err))
        return false;
    const struct function *function = worker->function;
    uint16_t ports[HOST_MAX_PORTS + 1];
    const struct process_options options = {
        .program = function->program,
        .folder = function->folder,
        .environment =
            environment_build(worker->arena, function, runtime_api_address(api), worker->folder),
        .memory_mb = function->memory_mb,
        .sandbox = function->sandbox,
        .entry = {.folder = worker->folder,
                  .ports = ports,
                  .port_count = list_ports(worker, runtime_api_address(api), ports)},
    };
    return process_spawn(&options, &worker->process, err);
}

/* No process is started for rows for a while, longer each time. */
static void note_init_failure(struct function *function) {
    struct host *host = function->host;
    pthread_mutex_lock(&host->mutex);
    unsigned failures = ++function->init_failures;
    pthread_mutex_unlock(&host->mutex);
    function->blocked_until_ms = clock_monotonic_ms() + pause_ms(host, failures);
}

bool worker_start(struct function *function, struct work *work) {
    struct host *host = function->host;
    struct worker *worker = new_worker(function);
    struct error err;
    if (start_process(worker, work, &err)) {
        worker->next = host->workers;
        host->workers = worker;
        host->worker_count++;
        return true;
    }
    const struct outcome outcome = {
        .error_type = "Runtime.InvalidEntrypoint",
        .message = err.text,
        .kind = ERROR_UNAVAILABLE,
        .code = "RuntimeExited",
    };
    free_worker(worker);
    note_init_failure(function);
    work_settle(host, work, &outcome);
    return false;
}

/* ---- end ---- */

static struct outcome outcome_of_end(struct worker *worker, const struct work *work,
                                     const char *exit_text) {
    const struct function *function = worker->function;
    struct arena *arena = worker->arena;
    struct outcome outcome = {.kind = ERROR_UNAVAILABLE, .code = "RuntimeExited"};
    if (worker->end == END_STOP) {
        outcome.keep = true;
        outcome.code = "ServiceUnavailable";
        outcome.message = "the host is ending";
    } else if (worker->end == END_TIMEOUT) {
        outcome.code = "TaskTimedOut";
        outcome.error_type = "Sandbox.Timedout";
        outcome.message =
            arena_printf(arena, "Task timed out after %u.00 seconds", function->timeout_seconds);
    } else if (worker->init_failed) {
        outcome.error_type = worker->init_error_type;
        outcome.message = worker->init_error;
    } else if (worker->end == END_INIT_TIMEOUT) {
        outcome.error_type = "Runtime.InitTimeout";
        outcome.message = arena_printf(arena,
                                       "RequestId: %s Error: Runtime was not ready after "
                                       "%d.00 seconds",
                                       work->request_id, INIT_LIMIT_MS / 1000);
    } else {
        outcome.error_type = "Runtime.ExitError";
        outcome.message =
            exit_text != NULL
                ? arena_printf(arena, "RequestId: %s Error: Runtime exited with error: %s",
                               work->request_id, exit_text)
                : arena_printf(arena,
                               "RequestId: %s Error: Runtime exited without "
                               "providing a reason",
                               work->request_id);
    }
    return outcome;
}

void worker_finish(struct worker *worker) {
    struct function *function = worker->function;
    struct host *host = function->host;
    const char *exit_text = process_reap(&worker->process, worker->arena);
    pthread_mutex_lock(&host->mutex);
    bool starting = worker->invoked_ms == 0 && worker->end != END_STOP;
    if (worker->end == END_TIMEOUT)
        function->stats.timeouts++;
    if (worker->work != NULL && worker->invoked_ms != 0)
        function_observe(function, clock_monotonic_ms() - worker->invoked_ms);
    leave_state(worker);
    worker->state = WORKER_ENDING;
    struct runtime_api *api = worker->api;
    worker->api = NULL;
    pthread_mutex_unlock(&host->mutex);
    /* Behind this no event comes any more: an answer that had arrived whole still counts. */
    runtime_api_free(api);
    struct work *work = worker->work;
    worker->work = NULL;
    if (worker->end == END_BY_ITSELF && work == NULL)
        log_warning("host", "%s: a process ended without work: %s", function->name,
                    exit_text != NULL ? exit_text : "exit status 0");
    if (worker->end == END_TIMEOUT && work == NULL)
        log_warning("host", "%s: a process that had answered did not ask for more in time",
                    function->name);
    if (starting)
        note_init_failure(function);
    if (work != NULL) {
        const struct outcome outcome = outcome_of_end(worker, work, exit_text);
        work_settle(host, work, &outcome);
    }
    free_worker(worker);
}
