/*
 * The n-th call fails, for every n until the operation passes untouched: our own write, fsync and
 * rename by the linker's --wrap, SQLite's writes and syncs by a VFS around the real one.
 *
 * After each failure the old state stands, the store goes on working, and what a crash at that
 * moment would leave opens as the old or the new state.
 */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum call { CALL_NONE, CALL_WRITE, CALL_FSYNC, CALL_RENAME, CALL_DB_WRITE, CALL_DB_SYNC };

/* Set by the test before the operation; one thread. */
static struct {
    enum call call;
    int countdown; /* the call fails when it reaches 0 */
    int number;    /* errno, or SQLite's code; 0: the process is killed */
    bool fired;
} fault;

static void arm(enum call call, int nth, int number) {
    fault.call = call;
    fault.countdown = nth;
    fault.number = number;
    fault.fired = false;
}

static bool fires(enum call call) {
    if (fault.call != call || --fault.countdown != 0)
        return false;
    fault.fired = true;
    if (fault.number == 0)
        kill(getpid(), SIGKILL);
    errno = fault.number;
    return true;
}

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size) {
    if (!fires(CALL_WRITE))
        return __real_write(fd, data, size);
    /* Half of it has reached the disk. */
    if (size > 1 && __real_write(fd, data, size / 2) < 0)
        return -1;
    errno = fault.number;
    return -1;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd) {
    return fires(CALL_FSYNC) ? -1 : __real_fsync(fd);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to) {
    return fires(CALL_RENAME) ? -1 : __real_rename(from, to);
}

/* ---- a VFS whose files fail ---- */

struct faulty_file {
    sqlite3_file base;
    sqlite3_file *real; /* in the memory behind this struct */
};

static sqlite3_vfs *real_vfs;

static sqlite3_file *real_of(sqlite3_file *file) {
    return ((struct faulty_file *)file)->real;
}

static int faulty_close(sqlite3_file *file) {
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int faulty_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset) {
    return real_of(file)->pMethods->xRead(real_of(file), data, size, offset);
}

static int faulty_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset) {
    if (fires(CALL_DB_WRITE))
        return fault.number;
    return real_of(file)->pMethods->xWrite(real_of(file), data, size, offset);
}

static int faulty_truncate(sqlite3_file *file, sqlite3_int64 size) {
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int faulty_sync(sqlite3_file *file, int flags) {
    if (fires(CALL_DB_SYNC))
        return fault.number;
    return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int faulty_size(sqlite3_file *file, sqlite3_int64 *size) {
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int faulty_lock(sqlite3_file *file, int level) {
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int faulty_unlock(sqlite3_file *file, int level) {
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int faulty_check_lock(sqlite3_file *file, int *result) {
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int faulty_control(sqlite3_file *file, int operation, void *argument) {
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int faulty_sector(sqlite3_file *file) {
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int faulty_device(sqlite3_file *file) {
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int faulty_map(sqlite3_file *file, int region, int size, int extend, void volatile **ret) {
    return real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, ret);
}

static int faulty_map_lock(sqlite3_file *file, int offset, int count, int flags) {
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void faulty_barrier(sqlite3_file *file) {
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int faulty_unmap(sqlite3_file *file, int remove_it) {
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove_it);
}

static const sqlite3_io_methods faulty_methods = {
    .iVersion = 2,
    .xClose = faulty_close,
    .xRead = faulty_read,
    .xWrite = faulty_write,
    .xTruncate = faulty_truncate,
    .xSync = faulty_sync,
    .xFileSize = faulty_size,
    .xLock = faulty_lock,
    .xUnlock = faulty_unlock,
    .xCheckReservedLock = faulty_check_lock,
    .xFileControl = faulty_control,
    .xSectorSize = faulty_sector,
    .xDeviceCharacteristics = faulty_device,
    .xShmMap = faulty_map,
    .xShmLock = faulty_map_lock,
    .xShmBarrier = faulty_barrier,
    .xShmUnmap = faulty_unmap,
};

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                       int *ret_flags) {
    (void)vfs;
    struct faulty_file *faulty = (struct faulty_file *)file;
    faulty->real = (sqlite3_file *)(faulty + 1);
    int status = real_vfs->xOpen(real_vfs, name, faulty->real, flags, ret_flags);
    file->pMethods = faulty->real->pMethods != NULL ? &faulty_methods : NULL;
    return status;
}

static int install_vfs(void **state) {
    (void)state;
    static sqlite3_vfs vfs;
    real_vfs = sqlite3_vfs_find(NULL);
    assert_non_null(real_vfs);
    vfs = *real_vfs;
    vfs.zName = "faulty";
    vfs.szOsFile = (int)sizeof(struct faulty_file) + real_vfs->szOsFile;
    vfs.pNext = NULL;
    vfs.xOpen = faulty_open;
    return sqlite3_vfs_register(&vfs, 1) == SQLITE_OK ? 0 : -1;
}

/* ---- operations ---- */

enum { NEW_SIZE = 50000 };

static bool replace_object(struct fixture *fixture) {
    struct store_put put = make_put("a");
    struct store_object object;
    return put_bytes(fixture->store, fixture->arena, &put, make_bytes(fixture->arena, 1, NEW_SIZE),
                     NEW_SIZE, &object, &fixture->err);
}

static bool is_new(struct fixture *fixture) {
    size_t size = 0;
    const uint8_t *bytes = read_object(fixture, "a", &size);
    if (size == 3) {
        assert_memory_equal(bytes, "old", 3);
        return false;
    }
    assert_int_equal(size, NEW_SIZE);
    assert_memory_equal(bytes, make_bytes(fixture->arena, 1, NEW_SIZE), NEW_SIZE);
    return true;
}

static void set_rule(struct fixture *fixture) {
    const struct store_rule rule = {"r", "intake", "s3:ObjectCreated:*", "", ""};
    assert_ok(fixture, store_set_rules(fixture->store, "photos", &rule, 1, &fixture->err));
}

/* The object is the old or the new one, and there is an event for the new one exactly if so. */
static bool check_state(struct fixture *fixture, uint64_t queued_before) {
    bool new = is_new(fixture);
    assert_int_equal(queue_size(fixture), queued_before + new);
    assert_sound(fixture->folder);
    return new;
}

/* What a crash now would leave. */
static void check_copy(struct fixture *fixture, uint64_t queued_before) {
    struct fixture copy = {.arena = arena_new()};
    make_temporary_folder(copy.folder);
    copy_folder(fixture->folder, copy.folder);
    assert_ok(&copy, store_open(copy.folder, &copy.store, &copy.err));
    check_state(&copy, queued_before);
    store_close(copy.store);
    remove_folder(copy.folder);
    arena_free(copy.arena);
}

struct put_case {
    enum call call;
    int number;
    enum error_kind kind;
    const char *code;
    int min_calls; /* of the operation: else the fault would test nothing */
};

static void run_put_case(struct fixture *fixture, const struct put_case *c) {
    for (int nth = 1;; nth++) {
        assert_ok(fixture, put_text(fixture, "a", "old"));
        uint64_t queued = queue_size(fixture);
        arm(c->call, nth, c->number);
        bool done = replace_object(fixture);
        arm(CALL_NONE, 0, 0);
        if (done) {
            assert_true(nth > c->min_calls);
            assert_true(check_state(fixture, queued));
            return;
        }
        assert_fails(fixture, false, c->kind, c->code);
        if (c->kind == ERROR_LIMIT)
            assert_non_null(strstr(fixture->err.text, "disk full"));
        check_copy(fixture, queued);
        assert_false(is_new(fixture));
        assert_int_equal(queue_size(fixture), queued);
        if (nth % 2 == 0)
            fixture_reopen(fixture);
        /* The next change settles what was in doubt. */
        assert_ok(fixture, put_text(fixture, "b", "x"));
        assert_sound(fixture->folder);
    }
}

static void test_put(void **state) {
    struct fixture *fixture = *state;
    static const struct put_case cases[] = {
        {CALL_WRITE, EIO, ERROR_INTERNAL, "InternalError", 2},
        {CALL_WRITE, ENOSPC, ERROR_LIMIT, "InsufficientStorage", 2},
        {CALL_FSYNC, EIO, ERROR_INTERNAL, "InternalError", 2},
        {CALL_FSYNC, ENOSPC, ERROR_LIMIT, "InsufficientStorage", 2},
        {CALL_RENAME, EIO, ERROR_INTERNAL, "InternalError", 1},
        {CALL_RENAME, EDQUOT, ERROR_LIMIT, "InsufficientStorage", 1},
        {CALL_DB_WRITE, SQLITE_IOERR_WRITE, ERROR_INTERNAL, "InternalError", 2},
        {CALL_DB_WRITE, SQLITE_FULL, ERROR_LIMIT, "InsufficientStorage", 2},
        {CALL_DB_SYNC, SQLITE_IOERR_FSYNC, ERROR_INTERNAL, "InternalError", 1},
    };
    set_rule(fixture);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        run_put_case(fixture, &cases[i]);
}

/* A failed commit is in doubt: its files stay until the next commit settles it. */
static void test_doubtful_file_stays(void **state) {
    struct fixture *fixture = *state;
    assert_ok(fixture, put_text(fixture, "a", "old"));
    arm(CALL_DB_SYNC, 1, SQLITE_IOERR_FSYNC);
    assert_false(replace_object(fixture));
    arm(CALL_NONE, 0, 0);
    assert_int_equal(count_blobs(fixture->folder), 2);
    assert_ok(fixture, put_text(fixture, "b", ""));
    assert_int_equal(count_blobs(fixture->folder), 1);
}

/* Who is told that the disk is full may try something smaller at once: what was written is gone
 * before the body is. */
static void test_failed_write_leaves_nothing(void **state) {
    struct fixture *fixture = *state;
    static const int numbers[] = {ENOSPC, EDQUOT, EIO};
    static const uint8_t bytes[5000];
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        struct store_body *body = NULL;
        assert_ok(fixture, store_body_new(fixture->store, &body, &fixture->err));
        assert_ok(fixture, store_body_add(body, bytes, sizeof bytes, &fixture->err));
        assert_int_equal(count_temporary(fixture->folder), 1);
        arm(CALL_WRITE, 1, numbers[i]);
        assert_fails(fixture, store_body_add(body, bytes, sizeof bytes, &fixture->err),
                     numbers[i] == EIO ? ERROR_INTERNAL : ERROR_LIMIT, NULL);
        arm(CALL_NONE, 0, 0);
        assert_int_equal(count_temporary(fixture->folder), 0);
        struct store_put put = make_put("a");
        struct store_object object;
        assert_false(store_put(fixture->store, fixture->arena, body, &put, &object, &fixture->err));
        store_body_free(body);
    }
    assert_ok(fixture, put_text(fixture, "a", "smaller"));
}

/* The process ends at the n-th call. */
static void test_kill_at_each_call(void **state) {
    struct fixture *fixture = *state;
    static const enum call calls[] = {CALL_WRITE, CALL_FSYNC, CALL_RENAME, CALL_DB_WRITE,
                                      CALL_DB_SYNC};
    set_rule(fixture);
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        bool killed = true;
        for (int nth = 1; killed; nth++) {
            assert_ok(fixture, put_text(fixture, "a", "old"));
            uint64_t queued = queue_size(fixture);
            store_close(fixture->store);
            fixture->store = NULL;
            pid_t child = fork();
            assert_true(child >= 0);
            if (child == 0) {
                if (!store_open(fixture->folder, &fixture->store, &fixture->err))
                    _exit(1);
                arm(calls[i], nth, 0);
                _exit(replace_object(fixture) ? 0 : 1);
            }
            int status = 0;
            assert_int_equal(waitpid(child, &status, 0), child);
            killed = WIFSIGNALED(status);
            assert_true(killed || WEXITSTATUS(status) == 0);
            assert_true(killed || nth > 1);
            assert_ok(fixture, store_open(fixture->folder, &fixture->store, &fixture->err));
            assert_true(check_state(fixture, queued) || killed);
        }
    }
}

static bool delete_object(struct fixture *fixture) {
    return store_delete(fixture->store, "photos", "a", &fixture->err);
}

static bool push_event(struct fixture *fixture) {
    return queue_push(fixture->store, "intake", "{}", 1, &fixture->err);
}

/* Another secret each time: the same one again would change nothing. */
static bool put_key(struct fixture *fixture) {
    const struct store_statement statement = {"*", "*", ""};
    const char *old = "0";
    struct error ignored;
    bool known = store_get_secret(fixture->store, fixture->arena, "k", &old, &ignored);
    const char *new = arena_printf(fixture->arena, "%ld", strtol(old, NULL, 10) + 1);
    bool done = store_put_key(fixture->store, "k", new, &statement, 1, &fixture->err);
    if (!known && !done) {
        assert_false(store_allows(fixture->store, "k", "GetObject", "b", ""));
        return false;
    }
    const char *now = NULL;
    assert_ok(fixture, store_get_secret(fixture->store, fixture->arena, "k", &now, &fixture->err));
    assert_string_equal(now, done ? new : old);
    return done;
}

/* Other changes of the index: after a failure they can be repeated. */
static void test_other_changes(void **state) {
    struct fixture *fixture = *state;
    bool (*const operations[])(struct fixture *) = {delete_object, push_event, put_key};
    static const enum call calls[] = {CALL_DB_WRITE, CALL_DB_SYNC};
    for (size_t i = 0; i < ARRAY_SIZE(operations) * ARRAY_SIZE(calls); i++) {
        bool done = false;
        for (int nth = 1; !done; nth++) {
            assert_ok(fixture, put_text(fixture, "a", "old"));
            arm(calls[i % ARRAY_SIZE(calls)], nth, SQLITE_IOERR_WRITE);
            done = operations[i / ARRAY_SIZE(calls)](fixture);
            bool fired = fault.fired;
            arm(CALL_NONE, 0, 0);
            assert_int_equal(done, !fired);
            assert_true(fired || nth > 1);
            assert_ok(fixture, operations[i / ARRAY_SIZE(calls)](fixture));
            assert_sound(fixture->folder);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_doubtful_file_stays, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_failed_write_leaves_nothing, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_kill_at_each_call, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_other_changes, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, install_vfs, NULL);
}
