#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/os.h"
#include "cli/output.h"

#include "folder.h"

static void the_name_says_the_format(void **state) {
    static const struct {
        const char *name, *settings, *format, *message;
    } cases[] = {
        {"a.mp4", "{}", "mp4", NULL},
        {"b/c.d/e f.mp4", "{}", "mp4", NULL},
        {"/x.mov", "{\"codec\":\"prores\"}", "mov", NULL},
        {"a.webm", "{\"format\":\"webm\"}", "webm", NULL},
        {"a.GIF", "{}", "gif", NULL},
        {"a.mp4", "{\"format\":\"webm\"}", "webm",
         "output 'a.mp4': the name says mp4, but --format says 'webm'"},
        {"a", "{}", NULL, "output: 'a': the name must end in .mp4, .mov, .webm or .gif"},
        {"a.avi", "{}", NULL, "must end in .mp4"},
        {".mp4", "{}", NULL, "must end in .mp4"},
        {"b/.mp4", "{}", NULL, "must end in .mp4"},
        {"a.mp4/b", "{}", NULL, "must end in .mp4"},
        {"a.mp4.part", "{}", NULL, "must end in .mp4"},
        {"", "{}", NULL, "must end in .mp4"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err;
        json_t *settings = json_loads(cases[i].settings, 0, NULL);
        bool ok = output_take_format(cases[i].name, settings, &err);
        assert_int_equal(ok, cases[i].message == NULL);
        if (!ok)
            assert_non_null(strstr(err.text, cases[i].message));
        const char *format = json_string_value(json_object_get(settings, "format"));
        if (cases[i].format == NULL)
            assert_null(format);
        else
            assert_string_equal(format, cases[i].format);
        json_decref(settings);
    }
}

static void a_file_appears_whole(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    char *folder = folder_new(arena);
    const char *path = folder_file(arena, folder, "film.mp4", "the old one");
    struct output *output;
    struct error err;
    struct str contents;

    assert_true(output_open(path, &output, &err));
    assert_true(write_all(output_fd(output), "new", 3, &err));
    assert_true(read_file(arena, path, 100, &contents, &err));
    assert_true(str_equal_c(contents, "the old one"));
    assert_true(output_commit(output, &err));
    output_free(output);
    assert_true(read_file(arena, path, 100, &contents, &err));
    assert_true(str_equal_c(contents, "new"));
    assert_int_equal(folder_count(folder), 1);
    folder_remove(arena, folder);
    arena_free(arena);
}

static void nothing_is_left_of_what_failed(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    char *folder = folder_new(arena);
    const char *path = arena_printf(arena, "%s/film.mp4", folder);
    struct output *output;
    struct error err;
    int scratch = -1;
    assert_true(output_open(path, &output, &err));
    assert_true(write_all(output_fd(output), "half", 4, &err));
    output_free(output);
    assert_true(output_scratch(path, &scratch, &err));
    assert_true(write_all(scratch, "samples", 7, &err));
    assert_int_equal(folder_count(folder), 0);
    close(scratch);
    output_free(NULL);
    folder_remove(arena, folder);
    arena_free(arena);
}

static void what_cannot_work_is_refused_first(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    char *folder = folder_new(arena);
    const char *is_folder = arena_printf(arena, "%s/d.mp4", folder);
    struct output *output = NULL;
    struct error err;
    assert_int_equal(mkdir(is_folder, 0700), 0);
    assert_false(output_open(is_folder, &output, &err));
    assert_non_null(strstr(err.text, "d.mp4"));
    assert_false(output_open(arena_printf(arena, "%s/none/a.mp4", folder), &output, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "none/a.mp4"));
    assert_null(output);
    folder_remove(arena, folder);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_name_says_the_format),
        cmocka_unit_test(a_file_appears_whole),
        cmocka_unit_test(nothing_is_left_of_what_failed),
        cmocka_unit_test(what_cannot_work_is_refused_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
