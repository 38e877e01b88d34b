/*
 * Receipts come back from JSON, and what is none is refused.
 */
#include "job/receipt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char *const warnings[] = {"level over 5.2", "no \"profile\""};

static struct receipt full(void) {
    return (struct receipt){
        .name = "\xF0\x9F\x98\x80.jpg",
        .format = "jpeg",
        .bytes = UINT64_C(5000000000),
        .width = 6000,
        .height = 4000,
        .orientation = 6,
        .profile = "Display P3",
        .captured = "2024-05-01T12:33:44.120",
        .scaling = "jpeg 4/8, lanczos3 1920x1280",
        .decode_ms = 42,
        .warnings = warnings,
        .warning_count = 2,
    };
}

static void receipts_come_back(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct receipt receipt = full(), back;
    struct error err = {0};
    json_t *object = receipt_to_json(&receipt);
    assert_true(receipt_from_json(arena, object, &back, &err));
    json_decref(object);
    assert_string_equal(back.name, receipt.name);
    assert_string_equal(back.format, receipt.format);
    assert_string_equal(back.scaling, receipt.scaling);
    assert_string_equal(back.profile, "Display P3");
    assert_string_equal(back.captured, "2024-05-01T12:33:44.120");
    assert_int_equal(back.bytes, receipt.bytes);
    assert_int_equal(back.width, 6000);
    assert_int_equal(back.height, 4000);
    assert_int_equal(back.orientation, 6);
    assert_int_equal(back.decode_ms, 42);
    assert_int_equal(back.warning_count, 2);
    assert_string_equal(back.warnings[1], warnings[1]);
    assert_null(back.refused);
}

static void a_refusal_comes_back(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    static const char *const broken[] = {"bad \xFF byte"};
    struct receipt receipt = {
        .name = "a", .refused = "not an image", .warnings = broken, .warning_count = 1};
    struct receipt back;
    struct error err = {0};
    json_t *object = receipt_to_json(&receipt);
    assert_true(receipt_from_json(arena, object, &back, &err));
    json_decref(object);
    assert_string_equal(back.refused, "not an image");
    assert_string_equal(back.warnings[0], "bad ? byte");
    assert_null(back.format);
    assert_null(back.scaling);
    assert_int_equal(back.width, 0);
}

/* A member of a good receipt in other words; NULL: taken away. */
static void bad_receipts_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *member;
        const char *value;
    } cases[] = {
        {"name", NULL},        {"name", "null"},
        {"name", "7"},         {"format", "7"},
        {"scaling", "[]"},     {"refused", "true"},
        {"bytes", "-1"},       {"bytes", "1.5"},
        {"bytes", NULL},       {"width", "\"6\""},
        {"width", "-1"},       {"height", "99999999999"},
        {"orientation", "9"},  {"orientation", NULL},
        {"decode_ms", "null"}, {"decode_ms", "-5"},
        {"warnings", NULL},    {"warnings", "{}"},
        {"warnings", "[1]"},   {"warnings", "[\"a\",null]"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct receipt receipt = full(), back = {.width = 7};
        struct error err = {0};
        json_t *object = receipt_to_json(&receipt);
        if (cases[i].value)
            json_object_set_new(object, cases[i].member,
                                json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
        else
            json_object_del(object, cases[i].member);
        if (receipt_from_json(arena, object, &back, &err))
            fail_msg("%s: %s was taken", cases[i].member, cases[i].value ? cases[i].value : "-");
        json_decref(object);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_int_equal(back.width, 7);
    }
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct receipt back;
    struct error err = {0};
    assert_false(receipt_from_json(arena, NULL, &back, &err));
    json_t *array = json_array();
    assert_false(receipt_from_json(arena, array, &back, &err));
    json_decref(array);
}

static void warnings_have_a_limit(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct receipt receipt = full(), back;
    struct error err = {0};
    json_t *object = receipt_to_json(&receipt);
    json_t *list = json_object_get(object, "warnings");
    while (json_array_size(list) < RECEIPT_MAX_WARNINGS)
        json_array_append_new(list, json_string("x"));
    assert_true(receipt_from_json(arena, object, &back, &err));
    json_array_append_new(list, json_string("x"));
    assert_false(receipt_from_json(arena, object, &back, &err));
    json_decref(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receipts_come_back),
        cmocka_unit_test(a_refusal_comes_back),
        cmocka_unit_test(bad_receipts_are_refused),
        cmocka_unit_test(warnings_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
