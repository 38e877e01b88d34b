#include "fixture.h"

#include <stdio.h>
#include <string.h>

static void test_matching(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *event, *prefix, *suffix, *name, *key;
        bool fits;
    } cases[] = {
        {"s3:ObjectCreated:*", "", "", "ObjectCreated:Put", "a", true},
        {"s3:ObjectCreated:*", "", "", "ObjectCreated:Post", "a", true},
        {"s3:ObjectCreated:Put", "", "", "ObjectCreated:Put", "a", true},
        {"s3:ObjectCreated:Put", "", "", "ObjectCreated:PutX", "a", false},
        {"s3:ObjectCreated:Post", "", "", "ObjectCreated:Put", "a", false},
        {"s3:ObjectRemoved:*", "", "", "ObjectCreated:Put", "a", false},
        {"s3:*", "", "", "ObjectCreated:Put", "a", true},
        {"s3:", "", "", "ObjectCreated:Put", "a", false},
        {"s3:ObjectCreated:*", "jobs/", "", "ObjectCreated:Put", "jobs/1", true},
        {"s3:ObjectCreated:*", "jobs/", "", "ObjectCreated:Put", "jobs", false},
        {"s3:ObjectCreated:*", "jobs/", "", "ObjectCreated:Put", "Jobs/1", false},
        {"s3:ObjectCreated:*", "jobs/", ".json", "ObjectCreated:Put", "jobs/1.json", true},
        {"s3:ObjectCreated:*", "jobs/", ".json", "ObjectCreated:Put", "jobs/1.jpg", false},
        {"s3:ObjectCreated:*", "", ".json", "ObjectCreated:Put", ".json", true},
        {"s3:ObjectCreated:*", "", ".json", "ObjectCreated:Put", "json", false},
        {"s3:ObjectCreated:*", "\xc3\xa4", "", "ObjectCreated:Put", "\xc3\xa4rger", true},
        {"s3:ObjectCreated:*", "aba", "aba", "ObjectCreated:Put", "ababa", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct store_rule rule = {"r", "intake", cases[i].event, cases[i].prefix,
                                        cases[i].suffix};
        assert_ok(fixture, store_set_rules(fixture->store, "photos", &rule, 1, &fixture->err));
        uint64_t before = queue_size(fixture);
        struct store_put put = make_put(cases[i].key);
        put.event_name = cases[i].name;
        struct store_object object;
        assert_ok(fixture,
                  put_bytes(fixture->store, fixture->arena, &put, "x", 1, &object, &fixture->err));
        if (queue_size(fixture) - before != cases[i].fits)
            fail_msg("case %zu", i);
    }
}

static void count_call(void *context) {
    (*(int *)context)++;
}

static void test_rows(void **state) {
    struct fixture *fixture = *state;
    int calls = 0;
    queue_on_push(fixture->store, count_call, &calls);
    static const struct store_rule rules[] = {
        {"first", "intake", "s3:ObjectCreated:*", "", ""},
        {"second", "notify", "s3:ObjectCreated:Put", "a/", ".jpg"},
        {"third", "intake", "s3:ObjectCreated:*", "b/", NULL},
    };
    assert_ok(fixture, store_set_rules(fixture->store, "photos", rules, 3, &fixture->err));
    struct store_put put = make_put("a/x y.jpg");
    put.now_unix_ms = 123456;
    struct store_object object;
    assert_ok(fixture,
              put_bytes(fixture->store, fixture->arena, &put, "xyz", 3, &object, &fixture->err));
    assert_int_equal(calls, 1);
    assert_int_equal(queue_size(fixture), 2);

    struct queue_row *rows = NULL;
    size_t count = 0;
    int64_t next = 0;
    assert_ok(fixture, queue_due(fixture->store, fixture->arena, "notify", 123456, NULL, 0, 10,
                                 &rows, &count, &next, &fixture->err));
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].function, "notify");
    assert_string_equal(rows[0].payload, "");
    assert_string_equal(rows[0].rule_id, "second");
    assert_string_equal(rows[0].event_name, "ObjectCreated:Put");
    assert_string_equal(rows[0].bucket, "photos");
    assert_string_equal(rows[0].key, "a/x y.jpg");
    assert_string_equal(rows[0].etag, object.etag);
    assert_int_equal(rows[0].size, 3);
    assert_int_equal(rows[0].attempts, 0);
    assert_int_equal(rows[0].queued_unix_ms, 123456);
    assert_int_equal(rows[0].due_unix_ms, 123456);
    assert_int_equal(rows[0].event_unix_ms, 123456);
    assert_string_equal(rows[0].request_id, "request-1");
    assert_string_equal(rows[0].source_ip, "127.0.0.1");
    assert_string_equal(rows[0].principal, "owner");
    assert_int_equal(strlen(rows[0].sequencer), 16);
    assert_int_equal(strspn(rows[0].sequencer, "0123456789ABCDEF"), 16);

    /* A refused put queues nothing and wakes nobody; a later one has a greater sequencer. */
    put.if_none_match = true;
    assert_fails(fixture,
                 put_bytes(fixture->store, fixture->arena, &put, "x", 1, &object, &fixture->err),
                 ERROR_CONFLICT, "PreconditionFailed");
    assert_int_equal(calls, 1);
    fixture_reopen(fixture);
    const char *earlier = rows[0].sequencer;
    assert_ok(fixture, put_text(fixture, "a/x y.jpg", "later"));
    assert_ok(fixture, queue_due(fixture->store, fixture->arena, "notify", 123456, NULL, 0, 10,
                                 &rows, &count, &next, &fixture->err));
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].etag,
                        "c18788c2f274c779da72d9854ea4bfbf"); /* "later" is due first */
    assert_true(strcmp(rows[0].sequencer, earlier) > 0);

    assert_ok(fixture, store_set_rules(fixture->store, "photos", NULL, 0, &fixture->err));
    uint64_t before = queue_size(fixture);
    assert_ok(fixture, put_text(fixture, "a/x y.jpg", "x"));
    assert_int_equal(queue_size(fixture), before);
}

static void test_bad_rules(void **state) {
    struct fixture *fixture = *state;
    char text[STORE_MAX_KEY_BYTES + 2];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const struct store_rule good = {"r", "intake", "s3:ObjectCreated:*", "", ""};
    const struct store_rule bad[] = {
        {"r", "", "s3:ObjectCreated:*", "", ""},
        {"r", "intake", "ObjectCreated:*", "", ""},
        {"r", "intake", "", "", ""},
        {text, "intake", "s3:ObjectCreated:*", "", ""},
        {"r", text, "s3:ObjectCreated:*", "", ""},
        {"r", "intake", "s3:ObjectCreated:*", text, ""},
        {"r", "intake", "s3:ObjectCreated:*", "", text},
    };
    assert_ok(fixture, store_set_rules(fixture->store, "photos", &good, 1, &fixture->err));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(store_set_rules(fixture->store, "photos", &bad[i], 1, &fixture->err));
        assert_string_equal(fixture->err.code, "InvalidArgument");
    }
    struct store_rule many[STORE_MAX_RULES + 1];
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = good;
    assert_fails(fixture,
                 store_set_rules(fixture->store, "photos", many, ARRAY_SIZE(many), &fixture->err),
                 ERROR_LIMIT, "InvalidArgument");
    assert_fails(fixture, store_set_rules(fixture->store, "none", &good, 1, &fixture->err),
                 ERROR_NOT_FOUND, "NoSuchBucket");
    /* The old rules are still those. */
    assert_ok(fixture, put_text(fixture, "a", "x"));
    assert_int_equal(queue_size(fixture), 1);
    assert_ok(fixture,
              store_set_rules(fixture->store, "photos", many, STORE_MAX_RULES, &fixture->err));
    assert_ok(fixture, put_text(fixture, "a", "x"));
    assert_int_equal(queue_size(fixture), 1 + STORE_MAX_RULES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_matching, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_rows, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bad_rules, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
