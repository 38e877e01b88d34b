/*
 * Killing the process at any moment: what was acknowledged is whole and has its event, what was not
 * is whole or absent, and nothing else is left.
 */
#include "fixture.h"

#include "base/os.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 20, MAX_ACKNOWLEDGED = 40, MAX_SPIN_US = 4000 };

static size_t size_of(uint32_t number) {
    static const size_t sizes[] = {1000, 0, 1, 200000, 70000};
    return sizes[number % 5];
}

static bool put_whole(struct store *store, struct arena *arena, const struct store_put *put,
                      const void *bytes, size_t size, struct error *err) {
    struct store_object object;
    return put_bytes(store, arena, put, bytes, size, &object, err);
}

static bool put_by_parts(struct store *store, struct arena *arena, const struct store_put *put,
                         const void *bytes, size_t size, struct error *err) {
    const char *id = NULL;
    struct store_part part = {.number = 1};
    struct store_object object;
    if (!store_create_upload(store, arena, put, &id, err))
        return false;
    struct store_body *body = make_body(store, bytes, size, err);
    bool done =
        body != NULL && store_put_part(store, arena, body,
                                       &(struct store_part_put){.bucket = put->bucket,
                                                                .key = put->key,
                                                                .upload_id = id,
                                                                .number = 1,
                                                                .now_unix_ms = put->now_unix_ms},
                                       &part.etag, err);
    store_body_free(body);
    return done && store_complete_upload(store, arena, put, id, &part, 1, &object, err);
}

/* Puts object after object and says each one's number. Never returns. */
static void work(const char *folder, uint32_t first, int answer_fd) {
    struct store *store = NULL;
    struct error err;
    if (!store_open(folder, &store, &err))
        _exit(1);
    for (uint32_t number = first;; number++) {
        struct arena *arena = arena_new();
        char key[32];
        snprintf(key, sizeof key, "%u", number);
        struct store_put put = make_put(key);
        size_t size = size_of(number);
        const uint8_t *bytes = make_bytes(arena, number, size);
        bool done = number % 3 == 2 ? put_by_parts(store, arena, &put, bytes, size, &err)
                                    : put_whole(store, arena, &put, bytes, size, &err);
        if (!done || write(answer_fd, &number, sizeof number) != sizeof number)
            _exit(1);
        arena_free(arena);
    }
}

static void spin(uint32_t microseconds) {
    int64_t start = clock_monotonic_ms();
    for (volatile uint32_t i = 0; i < microseconds * 100; i++) {
        if (clock_monotonic_ms() - start > (int64_t)microseconds / 1000)
            break;
    }
}

/* The count of numbers that the worker said before it was killed. */
static uint32_t run_and_kill(const char *folder, uint32_t first, uint32_t *seed) {
    int answers[2];
    assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        work(folder, first, answers[1]);
    close(answers[1]);
    uint32_t wanted = next_number(seed) % MAX_ACKNOWLEDGED;
    uint32_t delay = next_number(seed) % MAX_SPIN_US;
    uint32_t number = 0;
    uint32_t count = 0;
    while (count < wanted && read(answers[0], &number, sizeof number) == sizeof number)
        assert_int_equal(number, first + count++);
    spin(delay);
    assert_int_equal(kill(child, SIGKILL), 0);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    while (read(answers[0], &number, sizeof number) == sizeof number)
        assert_int_equal(number, first + count++);
    close(answers[0]);
    return count;
}

/* Whether the object is there; then it is whole. */
static bool check_object(struct fixture *fixture, uint32_t number) {
    const char *key = arena_printf(fixture->arena, "%u", number);
    struct store_object object;
    if (!store_head(fixture->store, fixture->arena, "photos", key, &object, &fixture->err)) {
        assert_fails(fixture, false, ERROR_NOT_FOUND, "NoSuchKey");
        return false;
    }
    size_t size = size_of(number);
    assert_object(fixture, key, make_bytes(fixture->arena, number, size), size);
    return true;
}

/* The keys of all rows, each once, and takes them off. */
static size_t take_events(struct fixture *fixture, uint32_t first, bool *present, size_t count) {
    struct queue_row *rows = NULL;
    size_t row_count = 0;
    int64_t next = 0;
    assert_ok(fixture, queue_due(fixture->store, fixture->arena, "intake", 5000, NULL, 0, 1000,
                                 &rows, &row_count, &next, &fixture->err));
    for (size_t i = 0; i < row_count; i++) {
        unsigned long number = strtoul(rows[i].key, NULL, 10);
        assert_true(number >= first && number < first + count);
        assert_true(present[number - first]);
        present[number - first] = false;
        assert_ok(fixture, queue_ack(fixture->store, rows[i].id, &fixture->err));
    }
    return row_count;
}

static void test_kill(void **state) {
    struct fixture *fixture = *state;
    const struct store_rule rule = {"r", "intake", "s3:ObjectCreated:*", "", ""};
    assert_ok(fixture, store_set_rules(fixture->store, "photos", &rule, 1, &fixture->err));
    uint32_t seed = 4711;
    uint32_t first = 0;
    for (int round = 0; round < ROUNDS; round++) {
        store_close(fixture->store);
        fixture->store = NULL;
        uint32_t acknowledged = run_and_kill(fixture->folder, first, &seed);
        assert_ok(fixture, store_open(fixture->folder, &fixture->store, &fixture->err));
        assert_sound(fixture->folder);
        bool present[2 * MAX_ACKNOWLEDGED + 1000] = {false};
        size_t count = 0;
        /* At most one may be there that was not acknowledged. */
        for (uint32_t i = 0; i <= acknowledged; i++) {
            present[i] = check_object(fixture, first + i);
            assert_true(present[i] || i == acknowledged);
            count += present[i];
        }
        assert_false(check_object(fixture, first + acknowledged + 1));
        assert_int_equal(take_events(fixture, first, present, acknowledged + 1), count);
        assert_int_equal(queue_size(fixture), 0);
        first += acknowledged + 2;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kill, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
