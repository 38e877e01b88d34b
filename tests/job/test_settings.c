/*
 * Settings: what is taken, what is refused and in which words, the normal form, and that the page
 * that describes them says what the table says.
 */
#include "job/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings_cases.h"

static bool parse(const char *text, struct settings *ret, struct error *err) {
    json_t *object = json_loads(text, 0, NULL);
    assert_non_null(object);
    bool ok = settings_parse(object, ret, err);
    json_decref(object);
    return ok;
}

static char *normal_form(const struct settings *settings) {
    json_t *object = settings_to_json(settings);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    assert_non_null(text);
    return text;
}

static void defaults_have_a_normal_form(void **state) {
    (void)state;
    struct settings settings;
    struct error err = {0};
    assert_true(settings_parse(NULL, &settings, &err));
    char *text = normal_form(&settings);
    assert_string_equal(text, DEFAULTS);
    free(text);
    assert_true(parse("{}", &settings, &err));
    text = normal_form(&settings);
    assert_string_equal(text, DEFAULTS);
    free(text);
}

/* Each value in its canonical form; what is read from the normal form is the same. */
static void good_values_are_taken(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
        struct settings settings, again;
        struct error err = {0};
        if (!parse(taken[i].text, &settings, &err))
            fail_msg("%s: %s", taken[i].text, err.text);
        char *text = normal_form(&settings);
        if (!strstr(text, taken[i].normal))
            fail_msg("%s gave %s", taken[i].text, text);
        assert_true(parse(text, &again, &err));
        char *second = normal_form(&again);
        assert_string_equal(text, second);
        free(text);
        free(second);
    }
}

static void bad_settings_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        struct settings settings = {.quality = 7};
        struct error err = {0};
        if (parse(refused[i].text, &settings, &err))
            fail_msg("%s was taken", refused[i].text);
        assert_int_equal(err.kind, ERROR_INVALID);
        if (!strstr(err.text, refused[i].message))
            fail_msg("%s: '%s'", refused[i].text, err.text);
        assert_int_equal(settings.quality, 7);
    }
    json_t *array = json_array();
    struct settings settings;
    struct error err = {0};
    assert_false(settings_parse(array, &settings, &err));
    assert_string_equal(err.text, "'settings' must be an object, not an array");
    json_decref(array);
}

static void long_values_are_cut_in_messages(void **state) {
    (void)state;
    char text[20000];
    struct settings settings;
    struct error err = {0};
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    json_t *value = json_pack("{ss}", "fit", text), *name = json_pack("{si}", text, 1);
    assert_false(settings_parse(value, &settings, &err));
    assert_non_null(strstr(err.text, "...' is not a good value"));
    assert_false(settings_parse(name, &settings, &err));
    assert_non_null(strstr(err.text, "...' is not known ("));
    json_decref(value);
    json_decref(name);
}

static void sizes_follow_the_first_image(void **state) {
    (void)state;
    static const struct {
        enum size_mode mode;
        unsigned width, height;
        unsigned expected_width, expected_height;
    } cases[] = {
        {SIZE_AUTO, 6000, 4000, 1620, 1080},   {SIZE_AUTO, 4000, 6000, 720, 1080},
        {SIZE_AUTO, 1920, 1080, 1920, 1080},   {SIZE_AUTO, 3840, 2160, 1920, 1080},
        {SIZE_AUTO, 641, 481, 640, 480},       {SIZE_AUTO, 10000, 500, 1920, 96},
        {SIZE_AUTO, 1921, 1081, 1920, 1080},   {SIZE_AUTO, 1, 1, 16, 16},
        {SIZE_AUTO, 60000, 2, 1920, 16},       {SIZE_AUTO, 4000, 3000, 1440, 1080},
        {SIZE_AUTO, 65535, 65535, 1080, 1080}, {SIZE_SOURCE, 4001, 3001, 4000, 3000},
        {SIZE_SOURCE, 8193, 8192, 8192, 8192}, {SIZE_SOURCE, 1, 8000, 16, 8000},
        {SIZE_FIXED, 9, 9, 640, 480},          {SIZE_FIXED, 0, 0, 640, 480},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct settings settings;
        struct error err = {0};
        settings_default(&settings);
        settings.size = cases[i].mode;
        settings.width = 640;
        settings.height = 480;
        assert_true(settings_resolve_size(&settings, cases[i].width, cases[i].height, &err));
        assert_int_equal(settings.size, SIZE_FIXED);
        assert_int_equal(settings.width, cases[i].expected_width);
        assert_int_equal(settings.height, cases[i].expected_height);
    }
}

static void auto_sizes_keep_within_their_bounds(void **state) {
    (void)state;
    for (unsigned width = 16; width < 5000; width += 37) {
        for (unsigned height = 16; height < 5000; height += 41) {
            struct settings settings;
            struct error err = {0};
            settings_default(&settings);
            assert_true(settings_resolve_size(&settings, width, height, &err));
            assert_true(settings.width % 2 == 0 && settings.height % 2 == 0);
            assert_true(settings.width >= 16 && settings.width <= 1920);
            assert_true(settings.height >= 16 && settings.height <= 1080);
            assert_true(settings.width <= width && settings.height <= height);
        }
    }
}

static void impossible_sizes_are_refused(void **state) {
    (void)state;
    static const struct {
        enum size_mode mode;
        unsigned width, height;
        enum error_kind kind;
    } cases[] = {
        {SIZE_SOURCE, 8194, 100, ERROR_LIMIT}, {SIZE_SOURCE, 100, 60000, ERROR_LIMIT},
        {SIZE_SOURCE, 0, 100, ERROR_INVALID},  {SIZE_AUTO, 100, 0, ERROR_INVALID},
        {SIZE_AUTO, 0, 0, ERROR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct settings settings;
        struct error err = {0};
        settings_default(&settings);
        settings.size = cases[i].mode;
        assert_false(settings_resolve_size(&settings, cases[i].width, cases[i].height, &err));
        assert_int_equal(err.kind, cases[i].kind);
        assert_int_equal(settings.size, cases[i].mode);
    }
}

/* The contents of a file. */
static const char *read_page(const char *path, char *room, size_t size) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    room[fread(room, 1, size - 1, file)] = '\0';
    fclose(file);
    return room;
}

/* `--audio-fade` is `\-\-audio\-fade` there. */
static void the_manual_has_every_setting(void **state) {
    (void)state;
    static char room[65536];
    const char *page = read_page(SETTINGS_MAN, room, sizeof room);
    for (const struct setting_help *row = settings_help(); row->name; row++) {
        char option[64] = "\\-\\-";
        size_t used = strlen(option);
        for (const char *c = row->name; *c; c++) {
            if (*c == '-')
                option[used++] = '\\';
            option[used++] = *c;
        }
        if (!strstr(page, option))
            fail_msg("the manual has not %s", option);
    }
}

/* Every row of the table is in the page as it stands here, and every refused name is mentioned. */
static void the_page_says_the_same(void **state) {
    (void)state;
    static char room[65536];
    const char *page = read_page(SETTINGS_PAGE, room, sizeof room);
    for (const struct setting_help *row = settings_help(); row->name; row++) {
        char line[512];
        snprintf(line, sizeof line, "| `%s` | %s |", row->name, row->values);
        if (!strstr(page, line))
            fail_msg("the page has not '%s'", line);
    }
    static const char *const later[] = {"max-cost"};
    for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
        char word[64];
        snprintf(word, sizeof word, "`%s`", later[i]);
        if (!strstr(page, word))
            fail_msg("the page has not %s", word);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_have_a_normal_form),
        cmocka_unit_test(good_values_are_taken),
        cmocka_unit_test(bad_settings_are_refused),
        cmocka_unit_test(long_values_are_cut_in_messages),
        cmocka_unit_test(sizes_follow_the_first_image),
        cmocka_unit_test(auto_sizes_keep_within_their_bounds),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(the_page_says_the_same),
        cmocka_unit_test(the_manual_has_every_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
