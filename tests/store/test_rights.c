#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static void put_key(struct fixture *fixture, const char *access_key, const char *secret_key,
                    const struct store_statement *statements, size_t count) {
    assert_ok(fixture, store_put_key(fixture->store, access_key, secret_key, statements, count,
                                     &fixture->err));
}

static void assert_rights(struct fixture *fixture) {
    static const struct {
        const char *access_key, *action, *bucket, *key;
        bool allowed;
    } cases[] = {
        {"intake", "GetObject", "input", "jobs/1/a.jpg", true},
        {"intake", "GetObject", "input", "jobs/", true},
        {"intake", "GetObject", "input", "jobs", false},
        {"intake", "GetObject", "input", "", false},
        {"intake", "GetObject", "output", "jobs/1/a.jpg", false},
        {"intake", "GetObject", "inpu", "jobs/1/a.jpg", false},
        {"intake", "PutObject", "input", "jobs/1/a.jpg", false},
        {"intake", "getobject", "input", "jobs/1/a.jpg", false},
        {"intake", "*", "input", "jobs/1/a.jpg", false},
        {"intake", "GetObject", "*", "jobs/1/a.jpg", false},
        {"intake", "ListBucket", "work", "", true},
        {"intake", "ListBucket", "work", "tasks/", true},
        {"intake", "ListBucket", "input", "tasks/", false},
        {"root", "DeleteBucket", "any", "", true},
        {"root", "GetObject", "any", "key", true},
        {"powerless", "GetObject", "input", "jobs/1/a.jpg", false},
        {"powerless", "ListAllMyBuckets", "", "", false},
        {"nobody", "GetObject", "input", "jobs/1/a.jpg", false},
        {"", "GetObject", "input", "jobs/1/a.jpg", false},
        {"inta", "GetObject", "input", "jobs/1/a.jpg", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (store_allows(fixture->store, cases[i].access_key, cases[i].action, cases[i].bucket,
                         cases[i].key) != cases[i].allowed)
            fail_msg("case %zu", i);
    }
}

static void test_allows(void **state) {
    struct fixture *fixture = *state;
    static const struct store_statement intake[] = {
        {"GetObject", "input", "jobs/"},
        {"ListBucket", "work", ""},
    };
    static const struct store_statement root[] = {{"*", "*", NULL}};
    put_key(fixture, "root", "secret-r", root, 1);
    put_key(fixture, "intake", "secret-i", intake, 2);
    put_key(fixture, "powerless", "secret-p", NULL, 0);
    assert_rights(fixture);
    fixture_reopen(fixture);
    assert_rights(fixture);

    const char *secret = NULL;
    assert_ok(fixture,
              store_get_secret(fixture->store, fixture->arena, "intake", &secret, &fixture->err));
    assert_string_equal(secret, "secret-i");
    assert_fails(fixture,
                 store_get_secret(fixture->store, fixture->arena, "nobody", &secret, &fixture->err),
                 ERROR_NOT_FOUND, "InvalidAccessKeyId");
}

static void test_replace_and_delete(void **state) {
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    const struct store_statement old[] = {{"GetObject", "input", ""}, {"PutObject", "input", ""}};
    const struct store_statement new[] = {{"GetObject", "output", "a/"}};
    const char *secret = NULL;
    put_key(fixture, "k", "old", old, 2);
    put_key(fixture, "k", "old", old, 2);
    put_key(fixture, "k", "new", new, 1);
    for (int i = 0; i < 2; i++) {
        assert_false(store_allows(store, "k", "GetObject", "input", "a/x"));
        assert_false(store_allows(store, "k", "PutObject", "input", "a/x"));
        assert_true(store_allows(store, "k", "GetObject", "output", "a/x"));
        assert_ok(fixture, store_get_secret(store, fixture->arena, "k", &secret, &fixture->err));
        assert_string_equal(secret, "new");
        fixture_reopen(fixture);
        store = fixture->store;
    }
    assert_ok(fixture, store_delete_key(store, "k", &fixture->err));
    assert_ok(fixture, store_delete_key(store, "k", &fixture->err));
    for (int i = 0; i < 2; i++) {
        assert_false(store_allows(store, "k", "GetObject", "output", "a/x"));
        assert_fails(fixture, store_get_secret(store, fixture->arena, "k", &secret, &fixture->err),
                     ERROR_NOT_FOUND, "InvalidAccessKeyId");
        fixture_reopen(fixture);
        store = fixture->store;
    }
}

static void test_bad_keys(void **state) {
    struct fixture *fixture = *state;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const struct store_statement good = {"GetObject", "input", ""};
    const struct {
        const char *access_key, *secret_key;
        struct store_statement statement;
    } cases[] = {
        {"", "s", good},
        {"k", "", good},
        {text, "s", good},
        {"k", text, good},
        {"k", "s", {"", "input", ""}},
        {"k", "s", {text, "input", ""}},
        {"k", "s", {"GetObject", "", ""}},
        {"k", "s", {"GetObject", text, ""}},
        {"k", "s", {"GetObject", "input", text}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_fails(fixture,
                     store_put_key(fixture->store, cases[i].access_key, cases[i].secret_key,
                                   &cases[i].statement, 1, &fixture->err),
                     ERROR_INVALID, "InvalidArgument");
    struct store_statement many[STORE_MAX_STATEMENTS + 1];
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = good;
    assert_fails(fixture,
                 store_put_key(fixture->store, "k", "s", many, ARRAY_SIZE(many), &fixture->err),
                 ERROR_LIMIT, "InvalidArgument");
    assert_false(store_allows(fixture->store, "k", "GetObject", "input", "x"));
    many[STORE_MAX_STATEMENTS - 1].bucket = "last";
    put_key(fixture, "k", "s", many, STORE_MAX_STATEMENTS);
    fixture_reopen(fixture);
    assert_true(store_allows(fixture->store, "k", "GetObject", "last", "x"));
}

/* A star makes the prefix a pattern of the whole key. */
static void test_patterns(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *pattern;
        const char *key;
        bool allowed;
    } cases[] = {
        {"jobs/*/manifest.json", "jobs/a/manifest.json", true},
        {"jobs/*/manifest.json", "jobs/a/b/manifest.json", true},
        {"jobs/*/manifest.json", "jobs//manifest.json", true},
        {"jobs/*/manifest.json", "jobs/a/manifest.json.x", false},
        {"jobs/*/manifest.json", "jobs/a/images/manifest", false},
        {"jobs/*/manifest.json", "jobs/manifest.json", false},
        {"jobs/*/manifest.json", "xjobs/a/manifest.json", false},
        {"*/result.json", "j/result.json", true},
        {"*/result.json", "result.json", false},
        {"*/result.json", "", false},
        {"*ab*ab", "abab", true},
        {"*ab*ab", "xabxabab", true},
        {"*ab*ab", "abxa", false},
        {"*", "", true},
        {"a*", "*", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct store_statement statement = {"GetObject", "b", cases[i].pattern};
        put_key(fixture, "k", "s", &statement, 1);
        assert_int_equal(store_allows(fixture->store, "k", "GetObject", "b", cases[i].key),
                         cases[i].allowed);
    }
}

/* Keys come and go while others ask: a key says what one of its versions said. */

struct asking {
    struct store *store;
    atomic_bool over;
    atomic_bool failed;
};

static void *keep_asking(void *argument) {
    struct asking *asking = argument;
    while (!atomic_load(&asking->over)) {
        if (!store_allows(asking->store, "k", "GetObject", "always", "x") ||
            store_allows(asking->store, "k", "PutObject", "always", "x"))
            atomic_store(&asking->failed, true);
    }
    return NULL;
}

static void test_changing_while_asked(void **state) {
    struct fixture *fixture = *state;
    struct asking asking = {.store = fixture->store};
    struct store_statement statements[] = {{"GetObject", "always", ""}, {"GetObject", "odd", ""}};
    put_key(fixture, "k", "s", statements, 1);
    pthread_t threads[2];
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, keep_asking, &asking), 0);
    for (size_t i = 0; i < 60; i++) {
        put_key(fixture, "k", "s", statements, 1 + i % 2);
        put_key(fixture, arena_printf(fixture->arena, "%zu", i), "s", statements, 1);
    }
    atomic_store(&asking.over, true);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
    assert_false(asking.failed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_allows, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_replace_and_delete, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bad_keys, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_patterns, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_changing_while_asked, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
