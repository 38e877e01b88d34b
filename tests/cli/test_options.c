#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

static const struct option_row rows[] = {
    {"output", 'o', "FILE", "where it goes"},
    {"threads", 0, "N", "how many"},
    {"quiet", 'q', NULL, "say nothing"},
    {"later", 0, "X", NULL},
    {0},
};

static const struct command_syntax with_settings = {.name = "test",
                                                    .operands = "FILES",
                                                    .summary = "Tests.",
                                                    .example = "Example:\n",
                                                    .rows = rows,
                                                    .takes_settings = true};

static const struct command_syntax without_settings = {.name = "test",
                                                       .operands = "FILES",
                                                       .summary = "Tests.",
                                                       .example = "Example:\n",
                                                       .rows = rows};

enum { MAX_WORDS = 12 };

/* Parses a line of words; getopt reorders a copy. */
static bool parse(struct arena *arena, const struct command_syntax *syntax, const char *line,
                  struct options *ret, struct error *err) {
    char **words = arena_array(arena, MAX_WORDS, sizeof *words);
    int count = 0;
    struct str rest = str_c(line);
    words[count++] = arena_strdup(arena, "test");
    while (rest.len > 0 && count < MAX_WORDS - 1) {
        struct str word = str_split(rest, ' ', &rest);
        words[count++] = arena_strndup(arena, word.ptr, word.len);
    }
    return options_parse(arena, syntax, count, words, ret, err);
}

static void lines_are_read(void **state) {
    static const struct {
        const char *line, *output, *settings;
        bool quiet;
        size_t operands;
    } cases[] = {
        {"a b", NULL, "{}", false, 2},
        {"a -o x.mp4 b", "x.mp4", "{}", false, 2},
        {"-ox.mp4 -q", "x.mp4", "{}", true, 0},
        {"--output=x --output y", "y", "{}", false, 0},
        {"--fps 24 a --hold=2.5", NULL, "{\"fps\":\"24\",\"hold\":\"2.5\"}", false, 1},
        {"--fps 24 --fps 25", NULL, "{\"fps\":\"25\"}", false, 0},
        {"-- --fps -q", NULL, "{}", false, 2},
        {"--quiet -o - a", "-", "{}", true, 1},
        {"--audio-gain -6 a", NULL, "{\"audio-gain\":\"-6\"}", false, 1},
        {"--audio-loop a b", NULL, "{\"audio-loop\":\"true\"}", false, 2},
        {"a --audio-loop false b", NULL, "{\"audio-loop\":\"false\"}", false, 2},
        {"a --audio-loop=false true", NULL, "{\"audio-loop\":\"false\"}", false, 2},
        {"a b --audio-loop", NULL, "{\"audio-loop\":\"true\"}", false, 2},
        {"--background #ff00ff", NULL, "{\"background\":\"#ff00ff\"}", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        struct options options;
        struct error err;
        assert_true(parse(arena, &with_settings, cases[i].line, &options, &err));
        const char *output = options_value(&options, "output");
        if (cases[i].output == NULL)
            assert_null(output);
        else
            assert_string_equal(output, cases[i].output);
        assert_int_equal(options_flag(&options, "quiet"), cases[i].quiet);
        assert_int_equal(options.operand_count, cases[i].operands);
        char *settings = json_dumps(options.settings, JSON_COMPACT | JSON_SORT_KEYS);
        assert_string_equal(settings, cases[i].settings);
        free(settings);
        options_clear(&options);
        arena_free(arena);
    }
}

static void mistakes_are_named(void **state) {
    static const struct {
        const struct command_syntax *syntax;
        const char *line, *culprit;
    } cases[] = {
        {&with_settings, "-o", "-o"},
        {&with_settings, "--output", "--output"},
        {&with_settings, "--fps", "--fps"},
        {&with_settings, "--quiet=yes", "--quiet"},
        {&with_settings, "-x", "-x"},
        {&with_settings, "--quiet -x", "-x"},
        {&with_settings, "-qx", "-x"},
        {&with_settings, "--fsp 30", "fsp"},
        {&with_settings, "--fsp=30", "fsp"},
        {&with_settings, "--fsp", "fsp"},
        {&with_settings, "--max-cost 1", "max-cost"},
        {&with_settings, "--audio", "--audio"},
        {&with_settings, "--later 1", "--later"},
        {&with_settings, "--help=yes", "--help"},
        {&with_settings, "--fps \xff", "--fps"},
        {&with_settings, "--\xff", "not valid UTF-8"},
        {&without_settings, "--fps 30", "--fps"},
        {&without_settings, "--unknown", "--unknown"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        struct options options;
        struct error err;
        assert_false(parse(arena, cases[i].syntax, cases[i].line, &options, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.text, cases[i].culprit));
        options_clear(&options);
        arena_free(arena);
    }
}

static void help_stands_above_the_rest(void **state) {
    static const char *const lines[] = {"--help", "-h", "a --help --unknown", "-qh -o"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct arena *arena = arena_new();
        struct options options;
        struct error err;
        assert_true(parse(arena, &with_settings, lines[i], &options, &err));
        assert_true(options.help);
        options_clear(&options);
        arena_free(arena);
    }
}

static void numbers_are_checked(void **state) {
    static const struct {
        const char *line;
        bool ok;
        uint64_t number;
    } cases[] = {
        {"a", true, 7},
        {"--threads 1", true, 1},
        {"--threads 64", true, 64},
        {"--threads 0", false, 0},
        {"--threads 65", false, 0},
        {"--threads -1", false, 0},
        {"--threads 1.5", false, 0},
        {"--threads=", false, 0},
        {"--threads two", false, 0},
        {"--threads 99999999999999999999", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        struct options options;
        struct error err;
        uint64_t number = 7;
        assert_true(parse(arena, &with_settings, cases[i].line, &options, &err));
        assert_int_equal(options_number(&options, "threads", 1, 64, &number, &err), cases[i].ok);
        assert_int_equal(number, cases[i].ok ? cases[i].number : 7);
        if (!cases[i].ok)
            assert_non_null(strstr(err.text, "--threads"));
        options_clear(&options);
        arena_free(arena);
    }
}

static void help_teaches_every_option(void **state) {
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    options_print_help(file, &with_settings);
    fclose(file);
    assert_non_null(strstr(text, "usage: tachyscope test FILES\n"));
    assert_non_null(strstr(text, "  -o, --output FILE      where it goes\n"));
    assert_non_null(strstr(text, "--fps"));
    assert_non_null(strstr(text, "Example:"));
    assert_null(strstr(text, "--later"));
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 80);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(help_stands_above_the_rest),
        cmocka_unit_test(numbers_are_checked),
        cmocka_unit_test(help_teaches_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
