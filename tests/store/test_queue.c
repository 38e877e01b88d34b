#include "fixture.h"

#include <string.h>

static void push(struct fixture *fixture, const char *function, const char *payload,
                 int64_t now_unix_ms) {
    assert_ok(fixture, queue_push(fixture->store, function, payload, now_unix_ms, &fixture->err));
}

struct due {
    struct queue_row *rows;
    size_t count;
    int64_t next_unix_ms;
};

static struct due get_due(struct fixture *fixture, const char *function, int64_t now_unix_ms,
                          const int64_t *skip, size_t skip_count, size_t max) {
    struct due due = {0};
    assert_ok(fixture,
              queue_due(fixture->store, fixture->arena, function, now_unix_ms, skip, skip_count,
                        max, &due.rows, &due.count, &due.next_unix_ms, &fixture->err));
    return due;
}

static void test_order_and_skip(void **state) {
    struct fixture *fixture = *state;
    push(fixture, "render", "third", 300);
    push(fixture, "render", "first", 100);
    push(fixture, "render", "second", 200);
    push(fixture, "render", "second again", 200);
    push(fixture, "intake", "other", 50);
    push(fixture, "render", "future", 900);

    struct due due = get_due(fixture, "render", 300, NULL, 0, 10);
    assert_int_equal(due.count, 4);
    static const char *const order[] = {"first", "second", "second again", "third"};
    int64_t ids[4];
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(due.rows[i].payload, order[i]);
        assert_string_equal(due.rows[i].event_name, "");
        ids[i] = due.rows[i].id;
    }
    assert_int_equal(due.next_unix_ms, 900);

    assert_int_equal(get_due(fixture, "render", 300, NULL, 0, 2).count, 2);
    assert_int_equal(get_due(fixture, "render", 300, NULL, 0, 0).count, 0);
    assert_int_equal(get_due(fixture, "render", 99, NULL, 0, 10).count, 0);
    assert_int_equal(get_due(fixture, "render", 99, NULL, 0, 10).next_unix_ms, 100);
    assert_int_equal(get_due(fixture, "render", 900, NULL, 0, 10).next_unix_ms, INT64_MAX);
    assert_int_equal(get_due(fixture, "none", 900, NULL, 0, 10).count, 0);

    /* Pushed as third, first, second, second again: the ids grow in that order. */
    const int64_t skip[] = {ids[3], ids[1]};
    due = get_due(fixture, "render", 300, skip, 2, 10);
    assert_int_equal(due.count, 2);
    assert_string_equal(due.rows[0].payload, "first");
    assert_string_equal(due.rows[1].payload, "second again");
    due = get_due(fixture, "render", 300, skip, 2, 1);
    assert_int_equal(due.count, 1);
}

static void test_retry_and_ack(void **state) {
    struct fixture *fixture = *state;
    push(fixture, "render", "x", 100);
    int64_t id = get_due(fixture, "render", 100, NULL, 0, 1).rows[0].id;
    assert_ok(fixture, queue_retry(fixture->store, id, 60100, &fixture->err));
    assert_int_equal(get_due(fixture, "render", 60099, NULL, 0, 1).count, 0);
    assert_int_equal(get_due(fixture, "render", 60099, NULL, 0, 1).next_unix_ms, 60100);
    assert_ok(fixture, queue_retry(fixture->store, id, 90000, &fixture->err));

    fixture_reopen(fixture);
    struct due due = get_due(fixture, "render", 90000, NULL, 0, 1);
    assert_int_equal(due.count, 1);
    assert_int_equal(due.rows[0].id, id);
    assert_int_equal(due.rows[0].attempts, 2);
    assert_int_equal(due.rows[0].queued_unix_ms, 100);

    assert_ok(fixture, queue_ack(fixture->store, id, &fixture->err));
    assert_ok(fixture, queue_ack(fixture->store, id, &fixture->err));
    assert_int_equal(queue_size(fixture), 0);
    assert_fails(fixture, queue_retry(fixture->store, id, 1, &fixture->err), ERROR_NOT_FOUND, NULL);
    fixture_reopen(fixture);
    assert_int_equal(queue_size(fixture), 0);
}

/* An id is never used again, or a host that still has it in flight would miss the new row. */
static void test_ids_are_new(void **state) {
    struct fixture *fixture = *state;
    push(fixture, "render", "x", 1);
    int64_t first = get_due(fixture, "render", 1, NULL, 0, 1).rows[0].id;
    assert_ok(fixture, queue_ack(fixture->store, first, &fixture->err));
    fixture_reopen(fixture);
    push(fixture, "render", "y", 1);
    assert_true(get_due(fixture, "render", 1, NULL, 0, 1).rows[0].id > first);
}

static void count_call(void *context) {
    (*(int *)context)++;
}

static void test_give_up(void **state) {
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    int calls = 0;
    queue_on_push(store, count_call, &calls);
    push(fixture, "render", "x", 1);
    assert_int_equal(calls, 1);
    int64_t id = get_due(fixture, "render", 1, NULL, 0, 1).rows[0].id;
    assert_ok(fixture, queue_give_up(store, id, "intake", "{\"record\":1}", 500, &fixture->err));
    assert_int_equal(calls, 2);
    assert_int_equal(queue_size(fixture), 1);
    struct due due = get_due(fixture, "intake", 500, NULL, 0, 10);
    assert_int_equal(due.count, 1);
    assert_string_equal(due.rows[0].payload, "{\"record\":1}");
    assert_int_equal(due.rows[0].attempts, 0);

    assert_ok(fixture, queue_give_up(store, due.rows[0].id, NULL, "hopeless", 600, &fixture->err));
    assert_int_equal(calls, 2);
    assert_int_equal(queue_size(fixture), 0);
    assert_fails(fixture, queue_give_up(store, due.rows[0].id, NULL, NULL, 600, &fixture->err),
                 ERROR_NOT_FOUND, NULL);
    assert_fails(fixture, queue_give_up(store, id, "intake", "{}", 600, &fixture->err),
                 ERROR_NOT_FOUND, NULL);
    assert_int_equal(queue_size(fixture), 0);
    assert_int_equal(calls, 2);
}

static void test_limits(void **state) {
    struct fixture *fixture = *state;
    char *payload = arena_alloc(fixture->arena, QUEUE_MAX_PAYLOAD_BYTES + 2);
    memset(payload, 'x', QUEUE_MAX_PAYLOAD_BYTES);
    push(fixture, "render", payload, 1);
    payload[QUEUE_MAX_PAYLOAD_BYTES] = 'x';
    assert_fails(fixture, queue_push(fixture->store, "render", payload, 1, &fixture->err),
                 ERROR_LIMIT, NULL);
    assert_fails(fixture, queue_push(fixture->store, payload, "x", 1, &fixture->err), ERROR_LIMIT,
                 NULL);
    int64_t id = get_due(fixture, "render", 1, NULL, 0, 1).rows[0].id;
    assert_fails(fixture, queue_give_up(fixture->store, id, "intake", payload, 1, &fixture->err),
                 ERROR_LIMIT, NULL);
    assert_int_equal(queue_size(fixture), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order_and_skip, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_retry_and_ack, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_ids_are_new, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_give_up, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_limits, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
