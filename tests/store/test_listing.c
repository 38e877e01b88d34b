#include "fixture.h"

#include <stdlib.h>
#include <string.h>

enum { MODEL_KEYS = 160, MODEL_ROUNDS = 400, MAX_ENTRIES = 300 };

/* ---- a naive model: all keys, rolled up, sorted, filtered ---- */

struct model {
    const char *keys[MODEL_KEYS]; /* sorted, each once */
    size_t count;
};

struct model_entry {
    const char *name;
    bool is_prefix;
};

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Short keys over few letters, so that they share prefixes and repeat delimiters. */
static const char *random_key(struct arena *arena, uint32_t *seed) {
    static const char *const letters[] = {"a",   "b", "/", "/", "-", "\xc3\xa4", "\xf4\x8f\xbf\xbf",
                                          "\x7f"};
    char key[64] = "";
    size_t length = 0;
    size_t count = 1 + next_number(seed) % 8;
    for (size_t i = 0; i < count; i++) {
        const char *letter = letters[next_number(seed) % ARRAY_SIZE(letters)];
        memcpy(key + length, letter, strlen(letter));
        length += strlen(letter);
    }
    return arena_strndup(arena, key, length);
}

static void fill(struct fixture *fixture, struct model *model, uint32_t seed) {
    for (size_t i = 0; i < MODEL_KEYS; i++)
        model->keys[i] = random_key(fixture->arena, &seed);
    qsort(model->keys, MODEL_KEYS, sizeof model->keys[0], compare_texts);
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        if (i == 0 || strcmp(model->keys[i], model->keys[i - 1]) != 0)
            model->keys[model->count++] = model->keys[i];
    }
    for (size_t i = 0; i < model->count; i++)
        assert_ok(fixture, put_text(fixture, model->keys[i], ""));
}

static const char *rolled_up(struct arena *arena, const char *key, const char *prefix,
                             const char *delimiter) {
    if (delimiter[0] == '\0' || strncmp(key, prefix, strlen(prefix)) != 0)
        return NULL;
    const char *found = strstr(key + strlen(prefix), delimiter);
    return found == NULL ? NULL
                         : arena_strndup(arena, key, (size_t)(found - key) + strlen(delimiter));
}

static size_t model_list(const struct model *model, struct arena *arena,
                         const struct store_list *list, struct model_entry *ret) {
    const char *hidden = rolled_up(arena, list->start_after, list->prefix, list->delimiter);
    size_t count = 0;
    for (size_t i = 0; i < model->count; i++) {
        const char *key = model->keys[i];
        if (strncmp(key, list->prefix, strlen(list->prefix)) != 0 ||
            strcmp(key, list->start_after) <= 0)
            continue;
        const char *common = rolled_up(arena, key, list->prefix, list->delimiter);
        if (common == NULL) {
            ret[count++] = (struct model_entry){key, false};
            continue;
        }
        if (hidden != NULL && strcmp(hidden, common) == 0)
            continue;
        if (count == 0 || strcmp(ret[count - 1].name, common) != 0)
            ret[count++] = (struct model_entry){common, true};
    }
    return count;
}

static void assert_page(const struct store_listing *page, const struct model_entry *expected,
                        size_t count, size_t max_keys) {
    size_t shown = count < max_keys ? count : max_keys;
    size_t objects = 0;
    size_t prefixes = 0;
    for (size_t i = 0; i < shown; i++) {
        if (expected[i].is_prefix) {
            assert_true(prefixes < page->prefix_count);
            assert_string_equal(page->prefixes[prefixes++], expected[i].name);
        } else {
            assert_true(objects < page->object_count);
            assert_string_equal(page->objects[objects++].key, expected[i].name);
        }
    }
    assert_int_equal(page->object_count, objects);
    assert_int_equal(page->prefix_count, prefixes);
    assert_int_equal(page->truncated, shown < count && max_keys > 0);
    if (page->truncated)
        assert_string_equal(page->next_after, expected[shown - 1].name);
    else
        assert_null(page->next_after);
}

static void test_against_model(void **state) {
    struct fixture *fixture = *state;
    struct model model = {0};
    fill(fixture, &model, 12345);
    static const char *const prefixes[] = {"",  "", "a", "a/", "/", "//", "b/-", "\xf4\x8f\xbf\xbf",
                                           "zz"};
    static const char *const delimiters[] = {
        "", "/", "/", "-", "/a", "\xc3\xa4", "\xf4\x8f\xbf\xbf"};
    uint32_t seed = 777;
    for (int round = 0; round < MODEL_ROUNDS; round++) {
        struct model_entry expected[MAX_ENTRIES];
        struct store_listing page;
        struct store_list list = {
            .prefix = prefixes[next_number(&seed) % ARRAY_SIZE(prefixes)],
            .delimiter = delimiters[next_number(&seed) % ARRAY_SIZE(delimiters)],
            .start_after = "",
            .max_keys = next_number(&seed) % 40,
        };
        if (next_number(&seed) % 2 == 0)
            list.start_after = random_key(fixture->arena, &seed);
        size_t count = model_list(&model, fixture->arena, &list, expected);
        assert_ok(fixture, store_list(fixture->store, fixture->arena, "photos", &list, &page,
                                      &fixture->err));
        assert_page(&page, expected, count, list.max_keys);
    }
}

/* Page after page gives what one listing gives, whatever the size of the page. */
static void test_paging(void **state) {
    struct fixture *fixture = *state;
    struct model model = {0};
    fill(fixture, &model, 999);
    for (size_t page_size = 1; page_size < 12; page_size++) {
        struct model_entry expected[MAX_ENTRIES];
        struct store_list list = {.prefix = "", .delimiter = "/", .start_after = ""};
        size_t count = model_list(&model, fixture->arena, &list, expected);
        list.max_keys = page_size;
        for (size_t at = 0; at < count; at += page_size) {
            struct store_listing page;
            assert_ok(fixture, store_list(fixture->store, fixture->arena, "photos", &list, &page,
                                          &fixture->err));
            assert_page(&page, expected + at, count - at, page_size);
            list.start_after = page.next_after;
        }
        assert_null(list.start_after);
    }
}

static void test_details(void **state) {
    struct fixture *fixture = *state;
    struct store_listing page;
    struct store_list list = {.max_keys = 10}; /* NULL counts as "" */
    assert_ok(fixture, put_text(fixture, "a", "x"));
    assert_ok(fixture, store_create_bucket(fixture->store, "other", 1, &fixture->err));
    assert_ok(fixture,
              store_list(fixture->store, fixture->arena, "photos", &list, &page, &fixture->err));
    assert_int_equal(page.object_count, 1);
    assert_string_equal(page.objects[0].etag, "9dd4e461268c8034f5c8564e155c67a6");
    assert_int_equal(page.objects[0].size, 1);
    assert_int_equal(page.objects[0].modified_unix_ms, 5000);
    assert_ok(fixture,
              store_list(fixture->store, fixture->arena, "other", &list, &page, &fixture->err));
    assert_int_equal(page.object_count, 0);
    assert_false(page.truncated);
    assert_fails(fixture,
                 store_list(fixture->store, fixture->arena, "none", &list, &page, &fixture->err),
                 ERROR_NOT_FOUND, "NoSuchBucket");
}

static void test_page_limit(void **state) {
    struct fixture *fixture = *state;
    struct store_listing page;
    struct store_list list = {.max_keys = SIZE_MAX};
    for (int i = 0; i < STORE_MAX_LISTED + 1; i++)
        assert_ok(fixture, put_text(fixture, arena_printf(fixture->arena, "%04d", i), ""));
    assert_ok(fixture,
              store_list(fixture->store, fixture->arena, "photos", &list, &page, &fixture->err));
    assert_int_equal(page.object_count, STORE_MAX_LISTED);
    assert_true(page.truncated);
    assert_string_equal(page.next_after, "0999");
    list.start_after = page.next_after;
    assert_ok(fixture,
              store_list(fixture->store, fixture->arena, "photos", &list, &page, &fixture->err));
    assert_int_equal(page.object_count, 1);
    assert_false(page.truncated);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_against_model, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_paging, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_details, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_page_limit, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
