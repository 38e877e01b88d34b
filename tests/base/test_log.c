#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/codec.h"

#include <string.h>
#include <unistd.h>

/* What `call` writes to stderr. */
static size_t captured(void (*call)(void), char *ret, size_t size) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    dup2(ends[1], STDERR_FILENO);
    call();
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t got = read(ends[0], ret, size - 1);
    close(ends[0]);
    assert_true(got >= 0);
    ret[got] = '\0';
    return (size_t)got;
}

static void say_info(void) {
    log_info("store", "%s is %d", "answer", 42);
}

static void say_debug(void) {
    log_debug("store", "hidden");
}

static void say_two_lines(void) {
    log_error("api", "key 'a\n2026-01-01T00:00:00.000Z error api: forged\x1B[31m'");
}

static void say_much(void) {
    log_warning("api", "%s%10000d", "much", 1);
}

static void line_has_its_form(void **state) {
    (void)state;
    char text[5000];
    captured(say_info, text, sizeof text);
    struct str rest;
    int64_t unix_ms;
    assert_true(date_parse_iso(str_split(str_c(text), ' ', &rest), &unix_ms));
    assert_true(str_equal_c(rest, "info store: answer is 42\n"));
}

static void levels_are_filtered(void **state) {
    (void)state;
    char text[5000];
    assert_int_equal(captured(say_debug, text, sizeof text), 0);
    log_set_level(LOG_LEVEL_DEBUG);
    assert_true(captured(say_debug, text, sizeof text) > 0);
    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(captured(say_info, text, sizeof text), 0);
    assert_true(captured(say_two_lines, text, sizeof text) > 0);
    log_set_level(LOG_LEVEL_INFO);
}

static void text_cannot_make_lines(void **state) {
    (void)state;
    char text[5000];
    size_t size = captured(say_two_lines, text, sizeof text);
    assert_ptr_equal(strchr(text, '\n'), text + size - 1);
    assert_null(strchr(text, 0x1B));
}

static void long_line_is_cut(void **state) {
    (void)state;
    char text[20000];
    size_t size = captured(say_much, text, sizeof text);
    assert_true(size <= 4096);
    assert_int_equal(text[size - 1], '\n');
    assert_non_null(strstr(text, "warning api: much"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_has_its_form),
        cmocka_unit_test(levels_are_filtered),
        cmocka_unit_test(text_cannot_make_lines),
        cmocka_unit_test(long_line_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
