/*
 * A store that fails for a while (a full disk) loses no row, and makes no tight loop of deliveries.
 */
#include "fixture.h"

#include "base/os.h"

#include <stdatomic.h>
#include <string.h>

/* How many of the next calls fail; how many were made. */
static atomic_int ack_failures, retry_failures, due_failures;
static atomic_int due_calls;

bool __real_queue_ack(struct store *store, int64_t id, struct error *err);
bool __wrap_queue_ack(struct store *store, int64_t id, struct error *err);
bool __real_queue_retry(struct store *store, int64_t id, int64_t due_unix_ms, struct error *err);
bool __wrap_queue_retry(struct store *store, int64_t id, int64_t due_unix_ms, struct error *err);
bool __real_queue_due(struct store *store, struct arena *arena, const char *function,
                      int64_t now_unix_ms, const int64_t *skip, size_t skip_count, size_t max,
                      struct queue_row **ret, size_t *ret_count, int64_t *ret_next_due_unix_ms,
                      struct error *err);
bool __wrap_queue_due(struct store *store, struct arena *arena, const char *function,
                      int64_t now_unix_ms, const int64_t *skip, size_t skip_count, size_t max,
                      struct queue_row **ret, size_t *ret_count, int64_t *ret_next_due_unix_ms,
                      struct error *err);

static bool fails(atomic_int *failures) {
    return atomic_load(failures) > 0 && atomic_fetch_sub(failures, 1) > 0;
}

static bool disk_full(struct error *err) {
    return error_set(err, ERROR_LIMIT, "InsufficientStorage", "disk full");
}

bool __wrap_queue_ack(struct store *store, int64_t id, struct error *err) {
    return fails(&ack_failures) ? disk_full(err) : __real_queue_ack(store, id, err);
}

bool __wrap_queue_retry(struct store *store, int64_t id, int64_t due_unix_ms, struct error *err) {
    return fails(&retry_failures) ? disk_full(err)
                                  : __real_queue_retry(store, id, due_unix_ms, err);
}

bool __wrap_queue_due(struct store *store, struct arena *arena, const char *function,
                      int64_t now_unix_ms, const int64_t *skip, size_t skip_count, size_t max,
                      struct queue_row **ret, size_t *ret_count, int64_t *ret_next_due_unix_ms,
                      struct error *err) {
    for (size_t i = 1; i < skip_count; i++)
        assert_true(skip[i - 1] < skip[i]);
    atomic_fetch_add(&due_calls, 1);
    if (fails(&due_failures))
        return disk_full(err);
    return __real_queue_due(store, arena, function, now_unix_ms, skip, skip_count, max, ret,
                            ret_count, ret_next_due_unix_ms, err);
}

static void an_answer_that_cannot_be_noted_is_asked_again(void **state) {
    struct fixture *f = *state;
    f->functions[0].max_concurrency = 3;
    fixture_start(f);
    atomic_store(&ack_failures, 2);
    int64_t start_ms = clock_monotonic_ms();
    fixture_push(f, "first", "{\"do\":\"echo\"}");
    fixture_push(f, "first", "{\"do\":\"echo\"}");
    for (int i = 0; i < 4; i++)
        fixture_expect(f, "echo");
    fixture_wait_depth(f, 0);
    fixture_expect_none(f);
    assert_true(clock_monotonic_ms() - start_ms >= 4000);
}

static void a_failure_that_cannot_be_noted_is_tried_again(void **state) {
    struct fixture *f = *state;
    f->functions[0].max_retries = 1;
    fixture_start(f);
    atomic_store(&retry_failures, 1);
    fixture_push(f, "first", "{\"do\":\"fail\"}");
    /* The first was not counted. */
    for (int i = 0; i < 3; i++)
        fixture_expect(f, "fail");
    fixture_wait_depth(f, 0);
    fixture_expect_none(f);
    fixture_dead_letter(f);
}

static void a_queue_that_cannot_be_read_is_read_later(void **state) {
    struct fixture *f = *state;
    /* One look of each function; more would be used up by looking in a loop. */
    atomic_store(&due_failures, 2);
    atomic_store(&due_calls, 0);
    fixture_start(f);
    fixture_push(f, "first", "{\"do\":\"echo\"}");
    fixture_expect(f, "echo");
    fixture_wait_depth(f, 0);
    assert_true(atomic_load(&due_calls) < 10);
}

#define WITH_FIXTURE(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(an_answer_that_cannot_be_noted_is_asked_again),
        WITH_FIXTURE(a_failure_that_cannot_be_noted_is_tried_again),
        WITH_FIXTURE(a_queue_that_cannot_be_read_is_read_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
