/*
 * What the function host costs, with nothing of ours in the functions: starts of processes, the way
 * from an acknowledged object to a handler, invocations a second, and the same with a function in
 * Python. Prints one table.  usage: host BOOTSTRAP PYTHON-FUNCTION FOLDER
 *
 * The program is its own empty function: under a Runtime API it serves. A handler writes the time
 * at which it was entered into the pipe BENCH_PIPE where there is one.
 */
#include "host/host.h"
#include "base/base.h"
#include "base/os.h"
#include "runtime/runtime.h"
#include "store/queue.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    COLD_STARTS = 20,
    WARM_PUTS = 300,
    INVOCATIONS = 2000,
    MAX_CALLERS = 8,
    RATE_EVENTS = 1000,
};

struct bench {
    struct arena *arena;
    const char *self;
    const char *bootstrap;
    const char *python;
    const char *folder;
    const char *pipe_path;
    int pipe_fd;
    struct store *store;
};

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static NORETURN void die(const char *what, const struct error *err) {
    fprintf(stderr, "bench-host: %s: %s\n", what, err != NULL ? err->text : strerrorname_np(errno));
    exit(1);
}

/* ---- the function ---- */

static bool handle(void *context, struct arena *arena, const struct runtime_invocation *invocation,
                   struct str *ret_answer, struct error *err) {
    const int *pipe_fd = context;
    (void)arena, (void)invocation, (void)err;
    int64_t entered_us = now_us();
    if (*pipe_fd >= 0 && write(*pipe_fd, &entered_us, sizeof entered_us) != sizeof entered_us)
        return false;
    *ret_answer = str_c("{}");
    return true;
}

static int serve(const char *api) {
    const char *path = getenv("BENCH_PIPE");
    int pipe_fd = path != NULL ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    struct runtime *runtime;
    struct error err;
    if (!runtime_new(api, &runtime, &err))
        return 1;
    bool served = runtime_serve(runtime, handle, &pipe_fd, &err);
    runtime_free(runtime);
    return served ? 1 : 0;
}

/* ---- what is measured ---- */

static int compare(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void print_times(const char *name, int64_t *times_us, size_t count) {
    qsort(times_us, count, sizeof *times_us, compare);
    printf("  %-48s %7.2f ms median  %7.2f ms p99\n", name, (double)times_us[count / 2] / 1000,
           (double)times_us[count * 99 / 100] / 1000);
    fflush(stdout);
}

static struct host *start(struct bench *b, const char *name, const char *program,
                          unsigned concurrency, bool with_pipe) {
    static const char *const of_ours[] = {"AWS_ENDPOINT_URL_S3=http://127.0.0.1:9",
                                          "AWS_REGION=local",
                                          "AWS_ACCESS_KEY_ID=bench",
                                          "AWS_SECRET_ACCESS_KEY=bench",
                                          "TACHYSCOPE_INPUT=in",
                                          "TACHYSCOPE_WORK=work",
                                          "TACHYSCOPE_OUTPUT=out",
                                          "TACHYSCOPE_TOKEN=",
                                          "TACHYSCOPE_SECRET=0123456789abcdef0123456789abcdef",
                                          "TACHYSCOPE_ORIGIN=http://127.0.0.1:8",
                                          NULL};
    const char *const of_pipe[] = {arena_printf(b->arena, "BENCH_PIPE=%s", b->pipe_path), NULL};
    const struct host_function function = {
        .name = name,
        .program = program,
        .environment = with_pipe ? of_pipe : of_ours,
        .timeout_seconds = 60,
        .memory_mb = 512,
        .max_concurrency = concurrency,
        /* The pipe lies outside of what a sandbox lets be written. */
        .sandboxed = !with_pipe,
        .runs_programs = true,
    };
    const struct host_options options = {
        .store = b->store,
        .region = "local",
        .functions = &function,
        .function_count = 1,
        .idle_seconds = 600,
        .folder = arena_printf(b->arena, "%s/functions", b->folder),
    };
    struct host *host;
    struct error err;
    if (!host_start(&options, &host, &err))
        die(name, &err);
    return host;
}

static const char event_of_api[] =
    "{\"version\":\"2.0\",\"rawPath\":\"/nothing\",\"headers\":{},\"requestContext\":{\"http\":{"
    "\"method\":\"GET\",\"path\":\"/nothing\"}}}";

static void invoke(struct bench *b, struct host *host, const char *name) {
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    const char *event = strcmp(name, "api") == 0 ? event_of_api : "{\"Records\":[]}";
    struct str answer;
    struct error err;
    (void)b;
    /* Of a function of ours an error is an answer as well: it has come and gone. */
    if (!host_invoke(host, arena, name, str_c(event), &answer, &err) &&
        (err.code == NULL || strcmp(err.code, "FunctionError") != 0))
        die(name, &err);
}

static void measure_cold(struct bench *b, const char *label, const char *name,
                         const char *program) {
    int64_t times_us[COLD_STARTS];
    for (size_t i = 0; i < COLD_STARTS; i++) {
        struct host *host = start(b, name, program, 1, false);
        int64_t start_us = now_us();
        invoke(b, host, name);
        times_us[i] = now_us() - start_us;
        host_stop(host, 0);
    }
    print_times(label, times_us, COLD_STARTS);
}

static void put(struct bench *b, unsigned number) {
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    struct error err;
    struct store_body *body;
    struct store_object object;
    const struct store_put options = {
        .bucket = "photos",
        .key = arena_printf(arena, "in/%u", number),
        .content_type = "image/jpeg",
        .metadata = "",
        .event_name = "ObjectCreated:Put",
        .request_id = "R",
        .source_ip = "127.0.0.1",
        .principal = "bench",
        .now_unix_ms = clock_unix_ms(),
    };
    if (!store_body_new(b->store, &body, &err) || !store_body_add(body, "photo", 5, &err) ||
        !store_put(b->store, arena, body, &options, &object, &err))
        die("put", &err);
    store_body_free(body);
}

static int64_t entered(struct bench *b) {
    int64_t at_us;
    if (read(b->pipe_fd, &at_us, sizeof at_us) != sizeof at_us)
        die("pipe", NULL);
    return at_us;
}

static void measure_warm(struct bench *b) {
    struct error err;
    int64_t times_us[WARM_PUTS];
    const struct store_rule rule = {"rule", "empty", "s3:ObjectCreated:*", "in/", ""};
    const struct store_rule none = {0};
    if (!store_set_rules(b->store, "photos", &rule, 1, &err))
        die("rule", &err);
    struct host *host = start(b, "empty", b->self, 1, true);
    put(b, 0);
    entered(b);
    for (unsigned i = 0; i < WARM_PUTS; i++) {
        put(b, i + 1);
        int64_t answered_us = now_us();
        int64_t at_us = entered(b);
        times_us[i] = at_us > answered_us ? at_us - answered_us : 0;
    }
    host_stop(host, 10000);
    if (!store_set_rules(b->store, "photos", &none, 0, &err))
        die("rule", &err);
    print_times("warm: object acknowledged to handler entered", times_us, WARM_PUTS);
}

struct caller {
    struct bench *bench;
    struct host *host;
    unsigned count;
};

static void *call(void *context) {
    const struct caller *caller = context;
    for (unsigned i = 0; i < caller->count; i++)
        invoke(caller->bench, caller->host, "empty");
    return NULL;
}

static void measure_rate(struct bench *b, const char *label, const char *program, unsigned callers,
                         unsigned count) {
    struct host *host = start(b, "empty", program, callers, false);
    struct caller caller = {b, host, 4};
    pthread_t threads[MAX_CALLERS];
    int64_t start_us = 0;
    /* The first round starts the processes. */
    for (unsigned round = 0; round < 2; round++) {
        start_us = now_us();
        for (unsigned i = 0; i < callers; i++)
            if (pthread_create(&threads[i], NULL, call, &caller) != 0)
                die("thread", NULL);
        for (unsigned i = 0; i < callers; i++)
            pthread_join(threads[i], NULL);
        caller.count = count / callers;
    }
    double seconds = (double)(now_us() - start_us) / 1e6;
    printf("  %-48s %7.0f invocations/s\n", label, count / callers * callers / seconds);
    fflush(stdout);
    host_stop(host, 0);
}

/* Past the store, in one transaction: a hundred thousand of them would take minutes. */
static void fill_queue(struct bench *b, unsigned depth, unsigned wanted) {
    sqlite3 *db;
    const char *path = arena_printf(b->arena, "%s/store/index.db", b->folder);
    /* Ids below all that the store gives. */
    const char *statement = arena_printf(
        b->arena,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
        " INSERT INTO queue (id, function, due_ms, attempts, queued_ms, payload, rule_id, "
        "event_name,"
        " bucket, key, etag, size, sequencer, event_ms, request_id, source_ip, principal)"
        " SELECT coalesce((SELECT min(min(id), 0) FROM queue), 0) - i, 'empty', 0, 0, 0, '{}', '',"
        " '', '', x'', '', 0, 0, 0, '', '', '' FROM n",
        wanted - depth);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_exec(db, statement, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "bench-host: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
    sqlite3_close(db);
}

/* Events taken off a queue that holds so many. */
static void measure_queue(struct bench *b, unsigned *depth, unsigned wanted) {
    struct error err;
    fill_queue(b, *depth, wanted);
    unsigned count = wanted < RATE_EVENTS ? wanted : RATE_EVENTS;
    struct host *host = start(b, "empty", b->self, 1, true);
    entered(b);
    int64_t start_us = now_us();
    for (unsigned i = 1; i < count; i++)
        entered(b);
    double seconds = (double)(now_us() - start_us) / 1e6;
    char label[64];
    snprintf(label, sizeof label, "events taken off a queue of %u", wanted);
    printf("  %-48s %7.0f events/s\n", label, (count - 1) / seconds);
    fflush(stdout);
    host_stop(host, 10000);
    /* What ran until the stop was told too. */
    uint64_t left;
    if (!queue_depth(b->store, &left, &err))
        die("depth", &err);
    *depth = (unsigned)left;
    fcntl(b->pipe_fd, F_SETFL, O_NONBLOCK);
    char rest[4096];
    while (read(b->pipe_fd, rest, sizeof rest) > 0)
        continue;
    fcntl(b->pipe_fd, F_SETFL, 0);
}

static void run(struct bench *b) {
    printf("cold start: from the call, without a process, to its answer\n");
    measure_cold(b, "empty function in C", "empty", b->self);
    measure_cold(b, "api", "api", b->bootstrap);
    measure_cold(b, "intake", "intake", b->bootstrap);
    measure_cold(b, "render", "render", b->bootstrap);
    measure_cold(b, "empty function in Python", "empty", b->python);
    printf("with a warm process\n");
    measure_warm(b);
    measure_rate(b, "empty function in C, 1 worker", b->self, 1, INVOCATIONS);
    measure_rate(b, "empty function in C, 8 workers", b->self, MAX_CALLERS, INVOCATIONS);
    measure_rate(b, "empty function in Python, 1 worker", b->python, 1, INVOCATIONS);
    measure_rate(b, "empty function in Python, 8 workers", b->python, MAX_CALLERS, INVOCATIONS);
    printf("with one warm process and a queue\n");
    static const unsigned depths[] = {100, 10000, 100000};
    unsigned depth = 0;
    for (size_t i = 0; i < ARRAY_SIZE(depths); i++)
        measure_queue(b, &depth, depths[i]);
}

int main(int argc, char **argv) {
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
    struct error err;
    if (api != NULL)
        return serve(api);
    if (argc != 4) {
        fprintf(stderr, "usage: host BOOTSTRAP PYTHON-FUNCTION FOLDER\n");
        return 2;
    }
    struct bench b = {.arena = arena_new(), .bootstrap = argv[1], .python = argv[2]};
    b.folder = argv[3];
    b.self = realpath("/proc/self/exe", NULL);
    b.pipe_path = arena_printf(b.arena, "%s/pipe", b.folder);
    if (!make_folders(b.folder, &err) ||
        !store_open(arena_printf(b.arena, "%s/store", b.folder), &b.store, &err) ||
        !store_create_bucket(b.store, "photos", clock_unix_ms(), &err))
        die(b.folder, &err);
    if (mkfifo(b.pipe_path, 0600) != 0)
        die(b.pipe_path, NULL);
    b.pipe_fd = open(b.pipe_path, O_RDWR | O_CLOEXEC);
    run(&b);
    store_close(b.store);
    arena_free(b.arena);
    return 0;
}
