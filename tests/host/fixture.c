#include "fixture.h"

#include "base/log.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* For states that have no descriptor to wait on. */
enum { LOOK_AGAIN_MS = 2 };

static int make_pipe(const char *path) {
    assert_int_equal(mkfifo(path, 0600), 0);
    /* For both: never at its end, and opening waits for nobody. */
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void set_options(struct fixture *f) {
    static const char *const names[] = {"first", "second"};
    struct arena *arena = f->arena;
    f->environment[0] = arena_printf(arena, "TEST_LINES=%s/lines", f->folder);
    f->environment[1] = arena_printf(arena, "TEST_GATE=%s/gate", f->folder);
    f->environment[2] = arena_printf(arena, "TEST_FOLDER=%s", f->folder);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        f->functions[i] = (struct host_function){
            .name = names[i],
            .program = getenv("TEST_FUNCTION"),
            .environment = f->environment,
            .timeout_seconds = 30,
            .memory_mb = 128,
            .max_concurrency = 1,
        };
    f->options = (struct host_options){
        .store = f->store,
        .region = "local",
        .functions = f->functions,
        .function_count = ARRAY_SIZE(names),
        .idle_seconds = 60,
        .retry_ms = 1,
    };
}

int fixture_setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    const char *base = getenv("TMPDIR");
    snprintf(f->folder, sizeof f->folder, "%.30s/host-test-XXXXXX",
             base != NULL && base[0] != '\0' ? base : "/tmp");
    assert_non_null(mkdtemp(f->folder));
    f->arena = arena_new();
    f->lines_fd = make_pipe(arena_printf(f->arena, "%s/lines", f->folder));
    f->gate_fd = make_pipe(arena_printf(f->arena, "%s/gate", f->folder));
    struct error err;
    if (!store_open(arena_printf(f->arena, "%s/store", f->folder), &f->store, &err))
        fail_msg("%s", err.text);
    assert_true(store_create_bucket(f->store, "photos", clock_unix_ms(), &err));
    set_options(f);
    if (getenv("TEST_VERBOSE") != NULL)
        log_set_level(LOG_LEVEL_DEBUG);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk) {
    (void)info, (void)type, (void)walk;
    return remove(path);
}

int fixture_teardown(void **state) {
    struct fixture *f = *state;
    host_stop(f->host, 0);
    if (f->store != NULL)
        store_close(f->store);
    close(f->lines_fd);
    close(f->gate_fd);
    nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    arena_free(f->arena);
    free(f);
    return 0;
}

void fixture_start(struct fixture *f) {
    struct error err;
    if (!host_start(&f->options, &f->host, &err))
        fail_msg("%s", err.text);
}

void fixture_restart(struct fixture *f) {
    struct error err;
    host_stop(f->host, 0);
    store_close(f->store);
    if (!store_open(arena_printf(f->arena, "%s/store", f->folder), &f->store, &err))
        fail_msg("%s", err.text);
    f->options.store = f->store;
    fixture_start(f);
}

void fixture_push(struct fixture *f, const char *function, const char *event) {
    struct error err;
    if (!queue_push(f->store, function, event, clock_unix_ms(), &err))
        fail_msg("%s", err.text);
}

static bool wait_readable(int fd, int timeout_ms) {
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&waiting, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    return ready == 1;
}

static bool take_line(struct fixture *f, char *ret, size_t size) {
    const char *end = memchr(f->pending, '\n', f->pending_size);
    if (end == NULL)
        return false;
    size_t length = (size_t)(end - f->pending);
    assert_true(length < size);
    memcpy(ret, f->pending, length);
    ret[length] = '\0';
    f->pending_size -= length + 1;
    memmove(f->pending, end + 1, f->pending_size);
    return true;
}

struct line fixture_line(struct fixture *f) {
    char text[512];
    while (!take_line(f, text, sizeof text)) {
        if (!wait_readable(f->lines_fd, FIXTURE_BOUND_MS))
            fail_msg("no function said anything");
        ssize_t got =
            read(f->lines_fd, f->pending + f->pending_size, sizeof f->pending - f->pending_size);
        assert_true(got > 0);
        f->pending_size += (size_t)got;
    }
    struct line line = {0};
    long pid = 0;
    assert_true(
        sscanf(text, "%31s %ld %63s %127[^\n]", line.what, &pid, line.request_id, line.more) >= 3);
    line.pid = (pid_t)pid;
    return line;
}

struct line fixture_expect(struct fixture *f, const char *what) {
    struct line line = fixture_line(f);
    assert_string_equal(line.what, what);
    return line;
}

void fixture_expect_none(struct fixture *f) {
    assert_int_equal(f->pending_size, 0);
    assert_false(wait_readable(f->lines_fd, 0));
}

void fixture_open_gate(struct fixture *f, size_t count) {
    struct error err;
    for (size_t i = 0; i < count; i++)
        assert_true(write_all(f->gate_fd, "x", 1, &err));
}

int fixture_watch(pid_t pid) {
    int fd = pidfd_open(pid, 0);
    if (fd < 0)
        fail_msg("process %ld is not there: %d", (long)pid, errno);
    return fd;
}

void fixture_wait_end(int pidfd) {
    if (!wait_readable(pidfd, FIXTURE_BOUND_MS))
        fail_msg("the process has not ended");
    close(pidfd);
}

static uint64_t read_depth(struct fixture *f) {
    uint64_t depth;
    struct error err;
    if (!queue_depth(f->store, &depth, &err))
        fail_msg("%s", err.text);
    return depth;
}

void fixture_wait_depth(struct fixture *f, uint64_t depth) {
    int64_t end_ms = clock_monotonic_ms() + FIXTURE_BOUND_MS;
    while (read_depth(f) != depth) {
        if (clock_monotonic_ms() > end_ms)
            fail_msg("the queue holds %llu rows", (unsigned long long)read_depth(f));
        poll(NULL, 0, LOOK_AGAIN_MS);
    }
}

enum state { STATE_ALL, STATE_IDLE, STATE_WAITING };

static void wait_stats(struct fixture *f, enum state state, unsigned count) {
    int64_t end_ms = clock_monotonic_ms() + FIXTURE_BOUND_MS;
    for (;;) {
        struct host_stats stats;
        host_stats(f->host, &stats);
        const unsigned counts[] = {stats.processes, stats.idle, stats.waiting};
        if (counts[state] == count)
            return;
        if (clock_monotonic_ms() > end_ms)
            fail_msg("%u processes, %u idle, %u calls wait", stats.processes, stats.idle,
                     stats.waiting);
        poll(NULL, 0, LOOK_AGAIN_MS);
    }
}

void fixture_wait_processes(struct fixture *f, unsigned count) {
    wait_stats(f, STATE_ALL, count);
}

void fixture_wait_idle(struct fixture *f, unsigned count) {
    wait_stats(f, STATE_IDLE, count);
}

void fixture_wait_waiting(struct fixture *f, unsigned count) {
    wait_stats(f, STATE_WAITING, count);
}

json_t *fixture_kept(struct fixture *f, const struct line *line) {
    const char *path = arena_printf(f->arena, "%s/%s.json", f->folder, line->request_id);
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, NULL);
    assert_non_null(root);
    return root;
}

const char *fixture_dead_letter(struct fixture *f) {
    sqlite3 *db;
    sqlite3_stmt *statement;
    const char *path = arena_printf(f->arena, "%s/store/index.db", f->folder);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, FIXTURE_BOUND_MS);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT reason FROM dead_letters", -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const char *reason = arena_strdup(f->arena, (const char *)sqlite3_column_text(statement, 0));
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
    assert_int_equal(sqlite3_exec(db, "DELETE FROM dead_letters", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    return reason;
}

const char *fixture_invoke(struct fixture *f, const char *function, const char *event) {
    struct str answer;
    struct error err;
    if (!host_invoke(f->host, f->arena, function, str_c(event), &answer, &err))
        fail_msg("%s", err.text);
    return arena_strndup(f->arena, answer.ptr, answer.len);
}
