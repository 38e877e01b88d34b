#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void set_fills_everything(void **state) {
    (void)state;
    struct error err;
    assert_false(error_set(&err, ERROR_LIMIT, "TooBig", "%d is over %s", 7, "six"));
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_string_equal(err.code, "TooBig");
    assert_string_equal(err.text, "7 is over six");
}

static void set_may_use_the_old_text(void **state) {
    (void)state;
    struct error err;
    error_set(&err, ERROR_INVALID, NULL, "inner");
    error_set(&err, ERROR_INTERNAL, NULL, "outer (%s)", err.text);
    assert_string_equal(err.text, "outer (inner)");
}

static void errno_decides_the_kind(void **state) {
    (void)state;
    static const struct {
        int number;
        enum error_kind kind;
    } cases[] = {
        {ENOENT, ERROR_NOT_FOUND}, {EACCES, ERROR_DENIED}, {EPERM, ERROR_DENIED},
        {ENOSPC, ERROR_LIMIT},     {EDQUOT, ERROR_LIMIT},  {EFBIG, ERROR_LIMIT},
        {EIO, ERROR_INTERNAL},     {0, ERROR_INTERNAL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err;
        errno = cases[i].number;
        assert_false(error_errno(&err, "cannot open '%s'", "x"));
        assert_int_equal(err.kind, cases[i].kind);
        assert_memory_equal(err.text, "cannot open 'x': ", 17);
        assert_true(strlen(err.text) > 17);
    }
}

static void prefix_goes_before(void **state) {
    (void)state;
    struct error err;
    error_set(&err, ERROR_INVALID, "C", "inner");
    assert_false(error_prefix(&err, "image %d", 7));
    assert_string_equal(err.text, "image 7: inner");
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.code, "C");
}

static void long_texts_are_cut(void **state) {
    (void)state;
    char longest[3000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    struct error err;
    error_set(&err, ERROR_INVALID, NULL, "%s", longest);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    error_prefix(&err, "a");
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text, "a: xxx", 6);
    error_prefix(&err, "%s", longest);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text, "a: xxx", 6);
    errno = EIO;
    error_errno(&err, "%s", longest);
    assert_true(strlen(err.text) < sizeof err.text);
    assert_non_null(strchr(err.text, ':'));
}

static void kinds_have_names(void **state) {
    (void)state;
    assert_string_equal(error_kind_name(ERROR_INVALID), "invalid");
    assert_string_equal(error_kind_name(ERROR_INTERNAL), "internal error");
    assert_string_equal(error_kind_name((enum error_kind)0), "unknown");
    assert_string_equal(error_kind_name((enum error_kind)99), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_fills_everything),   cmocka_unit_test(set_may_use_the_old_text),
        cmocka_unit_test(errno_decides_the_kind), cmocka_unit_test(prefix_goes_before),
        cmocka_unit_test(long_texts_are_cut),     cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
