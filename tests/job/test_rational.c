/*
 * Fractions are read exactly or not at all.
 */
#include "job/rational.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void reads_good_texts(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t num, den;
        const char *written;
    } cases[] = {
        {"0", 0, 1, "0"},
        {"30", 30, 1, "30"},
        {"007", 7, 1, "7"},
        {"29.97", 2997, 100, "2997/100"},
        {"1.50", 3, 2, "3/2"},
        {".5", 1, 2, "1/2"},
        {"0.0", 0, 1, "0"},
        {"0.000000001", 1, 1000000000, "1/1000000000"},
        {"24000/1001", 24000, 1001, "24000/1001"},
        {"60/2", 30, 1, "30"},
        {"0/7", 0, 1, "0"},
        {"999999999", 999999999, 1, "999999999"},
        {"999999999.999999999", 999999999999999999, 1000000000, "999999999999999999/1000000000"},
        {"86400123456789/1000000000", 86400123456789, 1000000000, "86400123456789/1000000000"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rational value, again;
        char written[RATIONAL_SIZE];
        assert_true(rational_parse(str_c(cases[i].text), &value));
        assert_int_equal(value.num, cases[i].num);
        assert_int_equal(value.den, cases[i].den);
        rational_format(value, written);
        assert_string_equal(written, cases[i].written);
        assert_true(rational_parse(str_c(written), &again));
        assert_int_equal(rational_compare(value, again), 0);
    }
}

static void refuses_bad_texts(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        ".",
        "/",
        "-1",
        "+1",
        "1.",
        "1e3",
        " 1",
        "1 ",
        "1/0",
        "1/",
        "/2",
        "1/2/3",
        "1.2.3",
        "1/2.5",
        "1.5/2",
        "0x10",
        "inf",
        "nan",
        "1,5",
        "ten",
        "1234567890",
        "1.1234567890",
        "1/1000000001",
        "1000000000000000000/3",
        "0000000001",
        "\xD9\xA3",
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rational value = {7, 9};
        if (rational_parse(str_c(cases[i]), &value))
            fail_msg("'%s' was taken", cases[i]);
        assert_int_equal(value.num, 7);
        assert_int_equal(value.den, 9);
    }
    struct rational value;
    assert_false(rational_parse((struct str){NULL, 0}, &value));
}

static void compares_without_overflow(void **state) {
    (void)state;
    struct rational large = {999999999999999999, 1000000000}, small = {1, 1000000000};
    struct rational half = {1, 2}, third = {1, 3};
    assert_true(rational_compare(large, small) > 0);
    assert_true(rational_compare(small, large) < 0);
    assert_true(rational_compare(half, third) > 0);
    assert_int_equal(rational_compare(large, large), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_good_texts),
        cmocka_unit_test(refuses_bad_texts),
        cmocka_unit_test(compares_without_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
