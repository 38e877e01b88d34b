#include "fixture.h"

#include <string.h>

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

static void put_at(struct fixture *fixture, const char *key, int64_t now_ms, const char *tags) {
    struct store_put put = make_put(key);
    struct store_object object;
    put.now_unix_ms = now_ms;
    put.tags = tags;
    assert_ok(fixture,
              put_bytes(fixture->store, fixture->arena, &put, "hello", 5, &object, &fixture->err));
}

static void set_rule(struct fixture *fixture, const struct store_lifecycle_rule *rule) {
    assert_ok(fixture,
              store_set_lifecycle(fixture->store, "photos", rule, 1, str_c("<x/>"), &fixture->err));
}

static uint64_t run_at(struct fixture *fixture, int64_t now_ms) {
    uint64_t removed = 0;
    assert_ok(fixture, store_run_lifecycle(fixture->store, now_ms, &removed, &fixture->err));
    return removed;
}

static bool exists(struct fixture *fixture, const char *key) {
    struct store_object object;
    return store_head(fixture->store, fixture->arena, "photos", key, &object, &fixture->err);
}

/* Days are counted to the next midnight. */
static void test_days(void **state) {
    struct fixture *fixture = *state;
    const struct store_lifecycle_rule rule = {
        .id = "a", .enabled = true, .prefix = "old/", .tags = "", .expire_days = 2};
    set_rule(fixture, &rule);
    put_at(fixture, "old/", 5, "");
    put_at(fixture, "old/a", 5, "");
    put_at(fixture, "old/b", DAY_MS + 5, "");
    put_at(fixture, "older", 5, "");
    put_at(fixture, "ol", 5, "");
    assert_int_equal(run_at(fixture, 3 * DAY_MS - 1), 0);
    assert_int_equal(run_at(fixture, 3 * DAY_MS), 2);
    assert_false(exists(fixture, "old/a"));
    assert_true(exists(fixture, "old/b"));
    assert_int_equal(run_at(fixture, 400 * DAY_MS), 1);
    assert_true(exists(fixture, "older"));
    assert_true(exists(fixture, "ol"));
    assert_int_equal(count_blobs(fixture->folder), 2);
}

static void test_filters(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        struct store_lifecycle_rule rule;
        uint64_t removed;
    } cases[] = {
        {{.prefix = "", .tags = "a=1", .expire_days = 1}, 1},
        {{.prefix = "", .tags = "b=2&a=1", .expire_days = 1}, 1},
        {{.prefix = "", .tags = "a=", .expire_days = 1}, 0},
        {{.prefix = "", .tags = "", .expire_days = 1, .has_size_over = true, .size_over = 5}, 0},
        {{.prefix = "", .tags = "", .expire_days = 1, .has_size_over = true, .size_over = 4}, 2},
        {{.prefix = "", .tags = "", .expire_days = 1, .has_size_under = true, .size_under = 5}, 0},
        {{.prefix = "", .tags = "", .expire_at_unix_ms = 1000 * DAY_MS}, 0},
        {{.prefix = "", .tags = "", .expire_at_unix_ms = 300 * DAY_MS}, 2},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        put_at(fixture, "tagged", 5, "a=1&b=2");
        put_at(fixture, "plain", 5, "");
        struct store_lifecycle_rule rule = cases[i].rule;
        rule.id = "a";
        set_rule(fixture, &rule); /* disabled: nothing happens */
        assert_int_equal(run_at(fixture, 400 * DAY_MS), 0);
        rule.enabled = true;
        set_rule(fixture, &rule);
        assert_int_equal(run_at(fixture, 400 * DAY_MS), cases[i].removed);
        assert_ok(fixture,
                  store_set_lifecycle(fixture->store, "photos", NULL, 0, str_c(""), &fixture->err));
    }
}

/* More than a page, some of it young. */
static void test_many(void **state) {
    struct fixture *fixture = *state;
    const struct store_lifecycle_rule rule = {
        .id = "a", .enabled = true, .prefix = "k", .tags = "", .expire_days = 1};
    set_rule(fixture, &rule);
    for (int i = 0; i < 450; i++)
        put_at(fixture, arena_printf(fixture->arena, "k%04d", i), i % 9 == 0 ? 90 * DAY_MS : 5, "");
    assert_int_equal(run_at(fixture, 80 * DAY_MS), 400);
    assert_true(exists(fixture, "k0000"));
    assert_false(exists(fixture, "k0001"));
    assert_int_equal(run_at(fixture, 80 * DAY_MS), 0);
}

static void test_uploads(void **state) {
    struct fixture *fixture = *state;
    const struct store_lifecycle_rule rule = {
        .id = "a", .enabled = true, .prefix = "films/", .tags = "", .abort_days = 1};
    set_rule(fixture, &rule);
    static const char *const keys[] = {"films/a", "films/b", "other"};
    const char *ids[3];
    for (size_t i = 0; i < 3; i++) {
        struct store_put put = make_put(keys[i]);
        put.now_unix_ms = i == 1 ? 10 * DAY_MS : 5;
        assert_ok(fixture, store_create_upload(fixture->store, fixture->arena, &put, &ids[i],
                                               &fixture->err));
        struct store_body *body = make_body(fixture->store, "x", 1, &fixture->err);
        const struct store_part_put part = {
            .bucket = "photos", .key = keys[i], .upload_id = ids[i], .number = 1};
        const char *etag = NULL;
        assert_ok(fixture, store_put_part(fixture->store, fixture->arena, body, &part, &etag,
                                          &fixture->err));
        store_body_free(body);
    }
    assert_int_equal(run_at(fixture, 5 * DAY_MS), 1);
    struct store_upload upload;
    static const bool left[] = {false, true, true};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(store_find_upload(fixture->store, fixture->arena, "photos", keys[i],
                                           ids[i], &upload, &fixture->err),
                         left[i]);
    assert_int_equal(count_blobs(fixture->folder), 2);
}

/* Another process changes keys beside a server. */
static void test_keys_beside(void **state) {
    struct fixture *fixture = *state;
    const struct store_statement all = {"*", "*", ""};
    const struct store_temporary_key key = {.access_key = "k", .secret_key = "s"};
    struct store *beside = NULL;
    struct store_key found;
    struct error *err = &fixture->err;
    assert_ok(fixture, store_open_keys(fixture->folder, &beside, err));
    assert_ok(fixture, store_put_temporary_key(beside, &key, &all, 1, err));
    assert_ok(fixture, store_get_key(fixture->store, fixture->arena, "k", &found, err));
    assert_string_equal(found.secret_key, "s");
    assert_true(store_allows(fixture->store, "k", "GetObject", "b", "x"));
    assert_ok(fixture, store_delete_key(beside, "k", err));
    assert_fails(fixture, store_get_key(fixture->store, fixture->arena, "k", &found, err),
                 ERROR_NOT_FOUND, "InvalidAccessKeyId");
    assert_false(store_allows(fixture->store, "k", "GetObject", "b", "x"));
    store_close(beside);
    char folder[64];
    make_temporary_folder(folder);
    assert_fails(fixture, store_open_keys(folder, &beside, err), ERROR_NOT_FOUND, NULL);
    remove_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_days, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_filters, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_many, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_uploads, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_keys_beside, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
