/*
 * Loading within limits, and texts made fit for messages.
 */
#include "job/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void loads_objects(void **state) {
    (void)state;
    static const char *const cases[] = {"{}", " {\"a\":[1,2,{\"b\":\"x,[{:\\\",,,,,,,,,,\"}]}\n",
                                        "{\"a\":\"\xF0\x9F\x98\x80\"}"};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        json_t *root CLEANUP(document_release) = NULL;
        struct error err = {0};
        assert_true(document_parse(str_c(cases[i]), "manifest", 1000, 9, &root, &err));
        assert_true(json_is_object(root));
    }
}

static void refuses_what_is_no_object(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum error_kind kind;
        const char *message;
    } cases[] = {
        {"", ERROR_INVALID, "the manifest is empty"},
        {"{", ERROR_INVALID, "the manifest is not JSON: line 1, column 1"},
        {"hello", ERROR_INVALID, "the manifest is not JSON"},
        {"[]", ERROR_INVALID, "the manifest must be an object, not an array"},
        {"{\"a\":1,\"a\":2}", ERROR_INVALID, "duplicate"},
        {"{\"a\":\"\xFF\"}", ERROR_INVALID, "unable to decode byte 0xff"},
        {"{\"a\":\"\\u0000\"}", ERROR_INVALID, "not JSON"},
        {"{\"a\":\"\\ud800\"}", ERROR_INVALID, "not JSON"},
        {"{} {}", ERROR_INVALID, "not JSON"},
        {"{\"a\":1e999}", ERROR_INVALID, "not JSON"},
        {"{\"a\":99999999999999999999}", ERROR_INVALID, "not JSON"},
        {"{\"a\":[1,2,3,4,5,6,7,8]}", ERROR_LIMIT, "more than 9 values"},
        {"{\"a\":[[[[[[[[[[[", ERROR_LIMIT, "more than 9 values"},
        {"{\"a\":\"01234567890123456789012345678901234\"}", ERROR_LIMIT, "more than 40 bytes"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        json_t *root = NULL;
        struct error err = {0};
        if (document_parse(str_c(cases[i].text), "manifest", 40, 9, &root, &err))
            fail_msg("%s was taken", cases[i].text);
        assert_null(root);
        assert_int_equal(err.kind, cases[i].kind);
        if (!strstr(err.text, cases[i].message))
            fail_msg("'%s' has not '%s'", err.text, cases[i].message);
        assert_true(str_is_utf8(str_c(err.text)));
    }
}

static void quotes_anything(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *quoted;
    } cases[] = {
        {"", ""},
        {"a.jpg", "a.jpg"},
        {"a\nb\x7F", "a?b?"},
        {"\xFF\xC3", "??"},
        {"\xC3\xA4\xF0\x9F\x98\x80", "\xC3\xA4\xF0\x9F\x98\x80"},
        {"it's \"so\"", "it's \"so\""},
    };
    char quoted[DOCUMENT_QUOTE_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(document_quote(str_c(cases[i].text), quoted), cases[i].quoted);
    /* A whole name fits; more is cut between characters. */
    char text[4000];
    for (size_t i = 0; i < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA4", 2);
    assert_int_equal(strlen(document_quote((struct str){text, 254}, quoted)), 254);
    document_quote((struct str){text, sizeof text}, quoted);
    assert_true(str_is_utf8(str_c(quoted)));
    assert_true(str_ends_with(str_c(quoted), "\xC3\xA4..."));
}

static void strings_are_always_json(void **state) {
    (void)state;
    json_t *good = document_string("a\nb"), *bad = document_string("a\xFF\nb"), *none;
    none = document_string(NULL);
    assert_string_equal(json_string_value(good), "a\nb");
    assert_string_equal(json_string_value(bad), "a??b");
    assert_true(json_is_null(none));
    json_decref(good);
    json_decref(bad);
}

static void reads_members(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    json_t *root CLEANUP(document_release) = NULL;
    struct error err = {0};
    const char *text = NULL;
    uint64_t number = 0;
    assert_true(document_parse(str_c("{\"n\":5,\"m\":-1,\"f\":1.5,\"t\":\"abc\",\"z\":null}"), "x",
                               100, 20, &root, &err));
    assert_true(document_number(root, "n", 5, &number, &err));
    assert_int_equal(number, 5);
    assert_false(document_number(root, "n", 4, &number, &err));
    assert_false(document_number(root, "m", 9, &number, &err));
    assert_false(document_number(root, "f", 9, &number, &err));
    assert_false(document_number(root, "t", 9, &number, &err));
    assert_false(document_number(root, "q", 9, &number, &err));
    assert_string_equal(err.text, "'q' is missing");
    assert_true(document_member(arena, root, "t", 3, false, &text, &err));
    assert_string_equal(text, "abc");
    assert_false(document_member(arena, root, "t", 2, false, &text, &err));
    assert_false(document_member(arena, root, "n", 9, true, &text, &err));
    assert_string_equal(err.text, "'n' must be a text, not a number");
    assert_false(document_member(arena, root, "z", 9, false, &text, &err));
    assert_true(document_member(arena, root, "z", 9, true, &text, &err));
    assert_null(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_objects),   cmocka_unit_test(refuses_what_is_no_object),
        cmocka_unit_test(quotes_anything), cmocka_unit_test(strings_are_always_json),
        cmocka_unit_test(reads_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
