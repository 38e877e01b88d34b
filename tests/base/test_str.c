#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* Bytes in memory of exactly that size, so that the sanitizer sees a read behind the end. */
static struct str exact(const char *text, size_t size) {
    char *copy = malloc(size > 0 ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, text, size);
    return (struct str){copy, size};
}

static const struct str empty = {NULL, 0};

static void comparisons(void **state) {
    (void)state;
    assert_true(str_equal(empty, str_c("")));
    assert_true(str_equal_c(str_c("ab"), "ab"));
    assert_false(str_equal_c(str_c("ab"), "abc"));
    assert_false(str_equal_c(str_c("ab"), "aB"));
    assert_true(str_equal_nocase(str_c("Content-Type"), str_c("content-TYPE")));
    assert_false(str_equal_nocase(str_c("a"), str_c("ab")));
    /* ASCII only: these two differ in the bit that upper and lower case differ in. */
    assert_false(str_equal_nocase(str_c("@"), str_c("`")));
    assert_false(str_equal_nocase(str_c("\xC4"), str_c("\xE4")));
    assert_true(str_starts_with(str_c("x-amz-date"), "x-amz-"));
    assert_true(str_starts_with(empty, ""));
    assert_false(str_starts_with(str_c("x-am"), "x-amz-"));
    assert_true(str_ends_with(str_c("a.jpg"), ".jpg"));
    assert_true(str_ends_with(empty, ""));
    assert_false(str_ends_with(str_c("jpg"), ".jpg"));
    assert_true(str_compare(str_c("a"), str_c("b")) < 0);
    assert_true(str_compare(str_c("a"), str_c("aa")) < 0);
    assert_true(str_compare(str_c("\x7F"), str_c("\x80")) < 0);
    assert_true(str_compare(empty, str_c("")) == 0);
    assert_true(str_compare(str_c("b"), str_c("aa")) > 0);
}

static void natural_order(void **state) {
    (void)state;
    /* Each stands before all that follow. */
    static const char *const sorted[] = {
        "",
        "-1",
        "0",
        "00",
        "1",
        "01",
        "001",
        "1a",
        "2",
        "2a",
        "10",
        "10a",
        "010a",
        "99",
        "100",
        "18446744073709551616",
        "18446744073709551617",
        "99999999999999999999999999",
        "A1",
        "a",
        "a1",
        "a01",
        "a1b1",
        "a1b01",
        "a01b1",
        "a01b01",
        "a1b2",
        "a01b2",
        "a1b10",
        "a2",
        "a10",
        "frame-9.png",
        "frame-10.png",
        "\xC3\xA4",
    };
    for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
            int order = str_compare_natural(str_c(sorted[i]), str_c(sorted[j]));
            int expected = (i > j) - (i < j);
            if ((order > 0) - (order < 0) != expected)
                fail_msg("'%s' against '%s': %d", sorted[i], sorted[j], order);
        }
    }
}

static void splitting_and_trimming(void **state) {
    (void)state;
    struct str rest;
    assert_true(str_equal_c(str_split(str_c("a=b=c"), '=', &rest), "a"));
    assert_true(str_equal_c(rest, "b=c"));
    assert_true(str_equal_c(str_split(str_c("=b"), '=', &rest), ""));
    assert_true(str_equal_c(rest, "b"));
    assert_true(str_equal_c(str_split(str_c("a="), '=', &rest), "a"));
    assert_int_equal(rest.len, 0);
    assert_true(str_equal_c(str_split(str_c("abc"), '=', &rest), "abc"));
    assert_int_equal(rest.len, 0);
    assert_true(str_equal_c(str_split(empty, '=', &rest), ""));
    assert_true(str_equal_c(str_trim(str_c(" \t a b \t")), "a b"));
    assert_true(str_equal_c(str_trim(str_c("  \t ")), ""));
    assert_true(str_equal_c(str_trim(str_c("\na\n")), "\na\n"));
    assert_true(str_equal_c(str_trim(empty), ""));
}

static void numbers(void **state) {
    (void)state;
    uint64_t value = 7;
    assert_true(str_to_u64(str_c("0"), 0, &value));
    assert_int_equal(value, 0);
    assert_true(str_to_u64(str_c("18446744073709551615"), UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    assert_true(str_to_u64(str_c("007"), 10, &value));
    assert_int_equal(value, 7);
    static const char *const bad[] = {
        "",
        " 1",
        "1 ",
        "+1",
        "-1",
        "0x1",
        "1e3",
        "1.0",
        "18446744073709551616",
        "99999999999999999999999",
        "101",
        "\xD9\xA1",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        value = 42;
        assert_false(str_to_u64(str_c(bad[i]), 100, &value));
        assert_int_equal(value, 42);
    }
    assert_false(str_to_u64(str_c("18446744073709551616"), UINT64_MAX, &value));
}

static void utf8(void **state) {
    (void)state;
    static const char *const good[] = {
        "",
        "abc",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF",
        "K\xC3\xA4se \xF0\x9F\x8C\x8C",
    };
    static const char *const bad[] = {
        "\x80",
        "\xBF",
        "\xC2",
        "a\xC2",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2\xC2",
        "\xE0\x9F\xBF",
        "\xE2\x82",
        "\xE2\x82z",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF",
        "\xF0\x9F\x8C",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xF8\x88\x80\x80\x80",
        "\xFE",
        "\xFF",
    };
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct str text = exact(good[i], strlen(good[i]));
        assert_true(str_is_utf8(text));
        free((void *)text.ptr);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct str text = exact(bad[i], strlen(bad[i]));
        if (str_is_utf8(text))
            fail_msg("case %zu was taken", i);
        free((void *)text.ptr);
    }
}

static void controls(void **state) {
    (void)state;
    assert_false(str_has_control(empty));
    assert_false(str_has_control(str_c("a b~\xC3\xA4")));
    assert_true(str_has_control(str_c("a\tb")));
    assert_true(str_has_control(str_c("a\x7F")));
    assert_true(str_has_control((struct str){"a\0b", 3}));
    assert_true(str_has_control(str_c("\r\n")));
}

static void buffer_grows_to_its_maximum(void **state) {
    (void)state;
    struct buf buf CLEANUP(buf_clear);
    buf_init(&buf, 1000);
    struct error err;
    for (int i = 0; i < 333; i++)
        assert_true(buf_append(&buf, "abc", 3, &err));
    assert_int_equal(buf.size, 999);
    assert_false(buf_append(&buf, "xy", 2, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_int_equal(buf.size, 999);
    assert_true(buf_append(&buf, "!", 1, &err));
    assert_false(buf_append(&buf, "x", 1, &err));
    assert_true(buf_append(&buf, NULL, 0, &err));
    assert_true(buf.capacity <= 1000);
    assert_int_equal(buf_str(&buf).ptr[999], '!');
    assert_memory_equal(buf_str(&buf).ptr + 996, "abc", 3);
    buf_clear(&buf);
    assert_int_equal(buf_str(&buf).len, 0);
    assert_true(buf_append(&buf, "again", 5, &err));
    assert_true(str_equal_c(buf_str(&buf), "again"));
}

static void buffer_of_no_size_takes_nothing(void **state) {
    (void)state;
    struct buf buf CLEANUP(buf_clear);
    buf_init(&buf, 0);
    struct error err;
    assert_true(buf_append(&buf, "", 0, &err));
    assert_false(buf_append(&buf, "x", 1, &err));
    buf_clear(&buf);
    buf_init(&buf, SIZE_MAX);
    assert_true(buf_append(&buf, "x", 1, &err));
    assert_false(buf_append(&buf, "x", SIZE_MAX, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparisons),
        cmocka_unit_test(natural_order),
        cmocka_unit_test(splitting_and_trimming),
        cmocka_unit_test(numbers),
        cmocka_unit_test(utf8),
        cmocka_unit_test(controls),
        cmocka_unit_test(buffer_grows_to_its_maximum),
        cmocka_unit_test(buffer_of_no_size_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
