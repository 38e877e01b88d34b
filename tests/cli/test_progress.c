#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/progress.h"

#include <string.h>

static const struct progress_state half = {
    .label = "rendering", .unit = "frames", .done = 50, .total = 100, .fraction = -1};

static void lines_say_it_all(void **state) {
    static const struct {
        struct progress_view view;
        const char *text;
    } cases[] = {
        {{{"rendering", "frames", 50, 100, -1, NULL}, 2, 0},
         "rendering 50/100 frames  50%  25.0/s  ETA 2 s"},
        /* nothing yet: no rate, no end in sight */
        {{{"rendering", "frames", 0, 100, -1, NULL}, 9, 0}, "rendering 0/100 frames   0%"},
        /* too early for a rate */
        {{{"rendering", "frames", 50, 100, -1, NULL}, 0.4, 0}, "rendering 50/100 frames  50%"},
        {{{"rendering", "frames", 100, 100, -1, NULL}, 4, 0},
         "rendering 100/100 frames 100%  25.0/s"},
        /* more than all is all */
        {{{"rendering", "frames", 200, 100, -1, NULL}, 0, 0}, "rendering 200/100 frames 100%"},
        /* total not known */
        {{{"waiting", "frames", 0, 0, -1, NULL}, 4, 0}, "waiting   0%"},
        {{{"uploading", "images", 3, 12, 0.1, "5/9 up"}, 0, 0},
         "uploading 3/12 images, 5/9 up  10%"},
        {{{"uploading", "images", 3, 12, 7.5, NULL}, 0, 0}, "uploading 3/12 images 100%"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[PROGRESS_TEXT_SIZE];
        progress_text(&cases[i].view, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void a_bar_fits_the_terminal(void **state) {
    (void)state;
    for (unsigned columns = 1; columns < 300; columns++) {
        struct progress_view view = {half, 2, columns};
        char text[PROGRESS_TEXT_SIZE];
        progress_text(&view, text);
        assert_in_range(strlen(text), 1, columns);
    }
}

static void a_bar_shows_its_part(void **state) {
    (void)state;
    struct progress_view view = {half, 0, 60};
    char text[PROGRESS_TEXT_SIZE];
    progress_text(&view, text);
    assert_string_equal(text, "rendering 50/100 frames [==============>              ]  50%");
    view.state.done = 100;
    progress_text(&view, text);
    assert_non_null(strstr(text, "=]"));
    assert_null(strchr(text, '>'));
    view.state.done = 0;
    progress_text(&view, text);
    assert_non_null(strstr(text, "[> "));
}

static void durations(void **state) {
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {0, "0 s"},      {-5, "0 s"},       {59.4, "59 s"},         {59.6, "1:00"},
        {3599, "59:59"}, {3600, "1:00:00"}, {1e12, "277777:46:40"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[32];
        progress_duration(cases[i].seconds, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void sizes(void **state) {
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 bytes"},
        {999, "999 bytes"},
        {1000, "1.0 kB"},
        {999949, "999.9 kB"},
        {999950, "1.0 MB"},
        {UINT64_C(12345678), "12.3 MB"},
        {UINT64_MAX, "18446744.1 TB"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[32];
        progress_bytes(cases[i].bytes, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_say_it_all),
        cmocka_unit_test(a_bar_fits_the_terminal),
        cmocka_unit_test(a_bar_shows_its_part),
        cmocka_unit_test(durations),
        cmocka_unit_test(sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
