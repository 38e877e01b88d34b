#include "media/exif.h"

#include "base/base.h"
#include "image_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static int set_up(void **state) {
    *state = arena_new();
    return 0;
}

static int tear_down(void **state) {
    arena_free(*state);
    return 0;
}

static void assert_captured(struct arena *arena, const struct exif_tags *tags,
                            const char *expected) {
    for (int big_endian = 0; big_endian < 2; big_endian++) {
        struct exif exif = exif_read(arena, exif_of(arena, tags, big_endian == 1));
        if (expected == NULL)
            assert_null(exif.captured);
        else
            assert_string_equal(exif.captured, expected);
        assert_int_equal(exif.orientation, tags->orientation);
    }
}

static void the_shutters_time_comes_first(void **state) {
    static const struct {
        struct exif_tags tags;
        const char *captured;
    } cases[] = {
        {{.orientation = 1}, NULL},
        {{3, "2024:05:01 12:33:44", NULL, NULL, NULL, NULL, NULL}, "2024-05-01T12:33:44"},
        {{6, "2024:05:01 12:33:44", "2023:04:05 01:02:03", "2022:01:01 00:00:00", "1", "2", "3"},
         "2023-04-05T01:02:03.200"},
        {{6, "2024:05:01 12:33:44", NULL, "2022:01:01 00:00:00", "1", "2", "3"},
         "2022-01-01T00:00:00.300"},
        {{6, "2024:05:01 12:33:44", "0000:00:00 00:00:00", "    :  :     :  :  ", "1", "2", "3"},
         "2024-05-01T12:33:44.100"},
        {{1, NULL, "2024:02:29 23:59:59", NULL, "77", NULL, NULL}, "2024-02-29T23:59:59"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_captured(*state, &cases[i].tags, cases[i].captured);
}

static void fractions(void **state) {
    static const struct {
        const char *fraction, *captured;
    } cases[] = {
        {"", "2024-05-01T12:33:44"},
        {"   ", "2024-05-01T12:33:44"},
        {"x1", "2024-05-01T12:33:44"},
        {"0", "2024-05-01T12:33:44.000"},
        {"5", "2024-05-01T12:33:44.500"},
        {"12 ", "2024-05-01T12:33:44.120"},
        {"007", "2024-05-01T12:33:44.007"},
        {"123456", "2024-05-01T12:33:44.123456"},
        {"1234567890123", "2024-05-01T12:33:44.123456789"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct exif_tags tags = {.orientation = 1,
                                       .original = "2024:05:01 12:33:44",
                                       .fraction_original = cases[i].fraction};
        assert_captured(*state, &tags, cases[i].captured);
    }
}

static void dates(void **state) {
    static const struct {
        const char *date, *captured;
    } cases[] = {
        {"2024-05-01T12:33:44", "2024-05-01T12:33:44"},
        {"2024/05/01 12:33:44", "2024-05-01T12:33:44"},
        {"2024:05:01 12:33:44+02:00", "2024-05-01T12:33:44"},
        {"2000:02:29 00:00:00", "2000-02-29T00:00:00"},
        {"1900:02:29 00:00:00", NULL},
        {"2023:02:29 00:00:00", NULL},
        {"2024:00:01 12:33:44", NULL},
        {"2024:13:01 12:33:44", NULL},
        {"2024:05:00 12:33:44", NULL},
        {"2024:04:31 12:33:44", NULL},
        {"2024:05:01 24:00:00", NULL},
        {"2024:05:01 12:60:44", NULL},
        {"2024:05:01 12:33:60", NULL},
        {"0000:00:00 00:00:00", NULL},
        {"0001:01:01 00:00:00", NULL},
        {"2024:05:01 12:33:4", NULL},
        {"2024:05:01", NULL},
        {"2024 05 01 12 33 4x", NULL},
        {"20240501 123344.....", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct exif_tags tags = {.orientation = 1, .original = cases[i].date};
        assert_captured(*state, &tags, cases[i].captured);
    }
}

/* Bytes in memory of exactly that size, so that the sanitizer sees a read behind the end. */
static struct exif read_exact(struct arena *arena, const char *data, size_t size) {
    char *copy = malloc(size + 1);
    memcpy(copy + 1, data, size);
    struct exif exif = exif_read(arena, (struct str){copy + 1, size});
    free(copy);
    assert_in_range(exif.orientation, 1, 8);
    return exif;
}

static void damage_does_no_harm(void **state) {
    const struct exif_tags tags = {
        6, "2024:05:01 12:33:44", "2024:05:01 12:33:45", NULL, "1", "123456", NULL};
    for (int big_endian = 0; big_endian < 2; big_endian++) {
        struct str exif = exif_of(*state, &tags, big_endian == 1);
        for (size_t size = 0; size <= exif.len; size++)
            read_exact(*state, exif.ptr, size);
        for (size_t bit = 0; bit < exif.len * 8; bit++) {
            char broken[1024];
            memcpy(broken, exif.ptr, exif.len);
            broken[bit / 8] = (char)(broken[bit / 8] ^ 1 << bit % 8);
            read_exact(*state, broken, exif.len);
        }
    }
    assert_int_equal(read_exact(*state, "JUNK\0\0\0\0", 8).orientation, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_shutters_time_comes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fractions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_does_no_harm, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
