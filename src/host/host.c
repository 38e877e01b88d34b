/*
 * The host's face: options are checked and copied, the dispatcher started; callers of host_invoke
 * leave their work with their function and sleep until it is settled.
 */
#include "host/internal.h"

#include "base/log.h"
#include "base/os.h"
#include "host/notify.h"
#include "store/queue.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { MAX_TIMEOUT_SECONDS = 900 };

void host_wake(struct host *host) {
    const uint64_t one = 1;
    ssize_t written = write(host->wake_fd, &one, sizeof one);
    (void)written; /* fails only when billions of wake-ups wait */
}

/* Called by whoever has queued something. */
static void on_push(void *context) {
    struct host *host = context;
    if (host == NULL)
        return;
    pthread_mutex_lock(&host->mutex);
    for (unsigned i = 0; i < host->function_count; i++)
        host->functions[i].rows_waiting = true;
    pthread_mutex_unlock(&host->mutex);
    host_wake(host);
}

/* Instead of NULL, which a thread might be about to call. */
static void ignore_push(void *context) {
    (void)context;
}

/* ---- start ---- */

static bool copy_program(struct arena *arena, const char *program, struct function *ret,
                         struct error *err) {
    char path[PATH_MAX];
    if (realpath(program, path) == NULL || access(path, X_OK) != 0)
        return error_errno(err, "function '%s': program '%s'", ret->name, program);
    ret->program = arena_strdup(arena, path);
    ret->folder = arena_strndup(arena, path, (size_t)(strrchr(path, '/') - path));
    if (ret->folder[0] == '\0')
        ret->folder = "/";
    return true;
}

static const char *const *copy_environment(struct arena *arena, const char *const *environment) {
    size_t count = 0;
    while (environment != NULL && environment[count] != NULL)
        count++;
    const char **copy = arena_array(arena, count + 1, sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = arena_strdup(arena, environment[i]);
    return copy;
}

static bool make_sandbox(struct host *host, const struct host_function *from, struct function *ret,
                         struct error *err) {
    const struct sandbox_options options = {
        .program = ret->program,
        .runs_programs = from->runs_programs,
        .reaches_network = from->reaches_network,
    };
    if (!from->sandboxed)
        return true;
    if (host->folder == NULL)
        return error_set(err, ERROR_INVALID, NULL,
                         "function '%s': a sandbox needs a folder for its processes", ret->name);
    memcpy(ret->ports, from->ports, sizeof ret->ports);
    return sandbox_new(host->arena, &options, &ret->sandbox, err);
}

static bool copy_function(struct host *host, const struct host_function *from, struct function *ret,
                          struct error *err) {
    struct arena *arena = host->arena;
    *ret = (struct function){
        .host = host,
        .name = arena_strdup(arena, from->name),
        .arn = notify_function_arn(arena, host->region, from->name),
        .environment = copy_environment(arena, from->environment),
        .timeout_seconds = from->timeout_seconds,
        .memory_mb = from->memory_mb,
        .max_concurrency = from->max_concurrency,
        .max_retries = from->max_retries,
        .on_failure = from->on_failure != NULL ? arena_strdup(arena, from->on_failure) : NULL,
        .rows_waiting = true,
        .next_due_unix_ms = INT64_MAX,
    };
    if (from->timeout_seconds < 1 || from->timeout_seconds > MAX_TIMEOUT_SECONDS)
        return error_set(err, ERROR_INVALID, NULL,
                         "function '%s': timeout of %u s is not in 1 to %d", ret->name,
                         from->timeout_seconds, MAX_TIMEOUT_SECONDS);
    if (from->max_concurrency < 1)
        return error_set(err, ERROR_INVALID, NULL, "function '%s': no process is allowed",
                         ret->name);
    return copy_program(arena, from->program, ret, err) && make_sandbox(host, from, ret, err);
}

static struct function *find_function(const struct host *host, const char *name) {
    for (unsigned i = 0; i < host->function_count; i++)
        if (strcmp(host->functions[i].name, name) == 0)
            return &host->functions[i];
    return NULL;
}

/* What a killed host has left there goes. */
static bool make_folder(struct host *host, const struct host_options *options, struct error *err) {
    if (options->folder == NULL)
        return true;
    remove_tree(options->folder);
    char path[PATH_MAX];
    if (!make_folders(options->folder, err))
        return false;
    if (realpath(options->folder, path) == NULL)
        return error_errno(err, "folder '%s'", options->folder);
    host->folder = arena_strdup(host->arena, path);
    return true;
}

static bool copy_functions(struct host *host, const struct host_options *options,
                           struct error *err) {
    host->functions = arena_array(host->arena, options->function_count, sizeof *host->functions);
    for (unsigned i = 0; i < options->function_count; i++) {
        if (!copy_function(host, &options->functions[i], &host->functions[i], err))
            return false;
        if (find_function(host, host->functions[i].name) != NULL)
            return error_set(err, ERROR_INVALID, NULL, "function '%s' is there twice",
                             host->functions[i].name);
        host->function_count++;
    }
    for (unsigned i = 0; i < host->function_count; i++) {
        const struct function *function = &host->functions[i];
        if (function->on_failure != NULL && find_function(host, function->on_failure) == NULL)
            return error_set(err, ERROR_INVALID, NULL,
                             "function '%s': there is no function '%s' for failures",
                             function->name, function->on_failure);
    }
    return true;
}

static void free_host(struct host *host) {
    fd_cleanup(&host->wake_fd);
    pthread_cond_destroy(&host->settled);
    pthread_mutex_destroy(&host->mutex);
    free(host->in_flight);
    free(host->held);
    free(host->polls);
    arena_free(host->arena);
}

static struct host *new_host(const struct host_options *options) {
    struct arena *arena = arena_new();
    struct host *host = arena_alloc(arena, sizeof *host);
    host->arena = arena;
    host->store = options->store;
    host->region = arena_strdup(arena, options->region);
    host->idle_ms = (int64_t)options->idle_seconds * 1000;
    host->retry_ms = options->retry_ms > 0 ? options->retry_ms : DEFAULT_RETRY_MS;
    host->requests_end_ms = INT64_MAX;
    host->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&host->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&host->settled, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return host;
}

bool host_start(const struct host_options *options, struct host **ret, struct error *err) {
    struct host *host = new_host(options);
    if (host->wake_fd < 0) {
        error_errno(err, "host");
        free_host(host);
        return false;
    }
    if (!make_folder(host, options, err) || !copy_functions(host, options, err)) {
        free_host(host);
        return false;
    }
    queue_on_push(host->store, on_push, host);
    if (pthread_create(&host->dispatcher, NULL, dispatcher_run, host) != 0) {
        queue_on_push(host->store, ignore_push, NULL);
        free_host(host);
        return error_set(err, ERROR_INTERNAL, NULL, "cannot start the host's thread");
    }
    *ret = host;
    return true;
}

/* ---- host_invoke ---- */

static void append_request(struct function *function, struct work *work) {
    struct work **place = &function->requests;
    while (*place != NULL)
        place = &(*place)->next;
    *place = work;
    function->host->stats.waiting++;
}

static void remove_request(struct function *function, const struct work *work) {
    struct work **place = &function->requests;
    while (*place != NULL && *place != work)
        place = &(*place)->next;
    if (*place == NULL)
        return;
    *place = work->next;
    function->host->stats.waiting--;
}

static void wait_until(struct host *host, int64_t end_ms) {
    if (end_ms == INT64_MAX) {
        pthread_cond_wait(&host->settled, &host->mutex);
        return;
    }
    const struct timespec end = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};
    pthread_cond_timedwait(&host->settled, &host->mutex, &end);
}

/* Waits until the work is settled. False when it is not: the caller waits no longer. Under the
 * mutex. */
static bool wait_for_work(struct host *host, struct work *work, struct error *err) {
    int64_t queue_end_ms = clock_monotonic_ms() + REQUEST_QUEUE_MS;
    while (!work->done) {
        int64_t now_ms = clock_monotonic_ms();
        if (now_ms >= host->requests_end_ms)
            return error_set(err, ERROR_UNAVAILABLE, "ServiceUnavailable", "the host is ending");
        if (!work->assigned && now_ms >= queue_end_ms) {
            work->function->stats.throttles++;
            return error_set(err, ERROR_LIMIT, "TooManyRequests",
                             "all processes of function '%s' are busy", work->function->name);
        }
        int64_t end_ms = work->assigned ? INT64_MAX : queue_end_ms;
        wait_until(host, end_ms < host->requests_end_ms ? end_ms : host->requests_end_ms);
    }
    return true;
}

/* The work is the caller's again when it is done; else whoever settles it frees it. */
static bool leave_work(struct host *host, struct work *work, struct error *err) {
    bool done = wait_for_work(host, work, err);
    if (!done && !work->assigned) {
        remove_request(work->function, work);
        done = true;
        work->ok = false;
        work->error = *err;
    }
    work->abandoned = !done;
    return done;
}

/* `*ret_error_type` is set with a failure of the function. */
static bool invoke(struct host *host, struct arena *arena, struct work *work,
                   struct str *ret_answer, const char **ret_error_type, struct error *err) {
    pthread_mutex_lock(&host->mutex);
    if (host->stopping || host->requests_refused) {
        pthread_mutex_unlock(&host->mutex);
        arena_free(work->arena);
        return error_set(err, ERROR_UNAVAILABLE, "ServiceUnavailable", "the host is ending");
    }
    host->callers++;
    append_request(work->function, work);
    host_wake(host);
    bool done = leave_work(host, work, err);
    pthread_mutex_unlock(&host->mutex);
    bool ok = done && work->ok;
    if (ok)
        *ret_answer = arena_str(arena, work->answer);
    else if (done)
        *err = work->error;
    if (done && !ok && work->error_type != NULL)
        *ret_error_type = arena_strdup(arena, work->error_type);
    if (done)
        arena_free(work->arena);
    pthread_mutex_lock(&host->mutex);
    host->callers--;
    pthread_cond_broadcast(&host->settled);
    pthread_mutex_unlock(&host->mutex);
    return ok;
}

static bool no_function(const char *function, struct error *err) {
    return error_set(err, ERROR_NOT_FOUND, "ResourceNotFound", "there is no function '%.200s'",
                     function);
}

static bool start_call(struct host *host, struct arena *arena, const char *function,
                       struct str event, struct str *ret_answer, const char **ret_error_type,
                       struct error *err) {
    struct function *found = find_function(host, function);
    if (found == NULL)
        return no_function(function, err);
    if (event.len > RUNTIME_API_MAX_BYTES)
        return error_set(err, ERROR_LIMIT, "RequestTooLarge",
                         "event of %zu bytes is over the limit of %d", event.len,
                         RUNTIME_API_MAX_BYTES);
    struct arena *own = arena_new();
    struct work *work = work_new(found, own);
    work->event = arena_str(own, event);
    return invoke(host, arena, work, ret_answer, ret_error_type, err);
}

bool host_invoke(struct host *host, struct arena *arena, const char *function, struct str event,
                 struct str *ret_answer, struct error *err) {
    const char *ignored = NULL;
    return start_call(host, arena, function, event, ret_answer, &ignored, err);
}

static struct str failure_document(struct arena *arena, const char *message, const char *type) {
    json_t *root = json_pack("{ss}", "errorType", type);
    /* Left out when it is not UTF-8. */
    json_object_set_new(root, "errorMessage", json_string(message));
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    if (text == NULL)
        die_out_of_memory();
    json_decref(root);
    struct str document = arena_str(arena, str_c(text));
    free(text);
    return document;
}

bool host_call(struct host *host, struct arena *arena, const char *function, struct str event,
               struct host_answer *ret, struct error *err) {
    const char *type = NULL;
    struct str answer;
    if (start_call(host, arena, function, event, &answer, &type, err)) {
        *ret = (struct host_answer){.body = answer};
        return true;
    }
    if (type == NULL)
        return false;
    *ret = (struct host_answer){failure_document(arena, err->text, type), true};
    return true;
}

bool host_queue(struct host *host, const char *function, struct str event, struct error *err) {
    if (find_function(host, function) == NULL)
        return no_function(function, err);
    if (event.len > QUEUE_MAX_PAYLOAD_BYTES)
        return error_set(err, ERROR_LIMIT, "RequestTooLarge",
                         "event of %zu bytes is over the limit of %d", event.len,
                         QUEUE_MAX_PAYLOAD_BYTES);
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    return queue_push(host->store, function, arena_str(arena, event).ptr, clock_unix_ms(), err);
}

const char *host_function_arn(const struct host *host, const char *function) {
    const struct function *found = find_function(host, function);
    return found != NULL ? found->arn : NULL;
}

void host_end_requests(struct host *host, unsigned grace_ms) {
    pthread_mutex_lock(&host->mutex);
    host->requests_refused = true;
    host->requests_end_ms = clock_monotonic_ms() + grace_ms;
    pthread_cond_broadcast(&host->settled);
    pthread_mutex_unlock(&host->mutex);
}

void host_stats(struct host *host, struct host_stats *ret) {
    pthread_mutex_lock(&host->mutex);
    *ret = host->stats;
    pthread_mutex_unlock(&host->mutex);
}

void host_stop(struct host *host, unsigned grace_ms) {
    if (host == NULL)
        return;
    queue_on_push(host->store, ignore_push, NULL);
    pthread_mutex_lock(&host->mutex);
    host->stopping = true;
    host->stop_ms = clock_monotonic_ms() + grace_ms;
    pthread_mutex_unlock(&host->mutex);
    host_wake(host);
    pthread_join(host->dispatcher, NULL);
    pthread_mutex_lock(&host->mutex);
    while (host->callers > 0)
        pthread_cond_wait(&host->settled, &host->mutex);
    pthread_mutex_unlock(&host->mutex);
    free_host(host);
}
