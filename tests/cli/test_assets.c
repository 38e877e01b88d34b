#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/assets.h"
#include "job/manifest.h"

#include "folder.h"

/* Settings as typed; `%s` in the values is the folder. */
static json_t *typed(struct arena *arena, const char *folder, const char *audio,
                     const char *watermark) {
    json_t *settings = json_pack("{s:s}", "fps", "25");
    if (audio != NULL)
        json_object_set_new(settings, "audio",
                            json_string(arena_printf(arena, "%s%s", folder, audio)));
    if (watermark != NULL)
        json_object_set_new(settings, "watermark",
                            json_string(arena_printf(arena, "%s%s", folder, watermark)));
    return settings;
}

static const char *setting(const json_t *settings, const char *name) {
    return json_string_value(json_object_get(settings, name));
}

static void paths_become_names(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    char *folder = folder_new(arena);
    folder_file(arena, folder, "song.mp3", "12345");
    folder_file(arena, folder, "logo@2x.png", "123");
    struct asset_list assets;
    struct error err;
    json_t *settings = typed(arena, folder, "/song.mp3", "/logo@2x.png@top");
    assert_true(assets_collect(arena, settings, &assets, &err));
    assert_int_equal(assets.count, 2);
    assert_string_equal(setting(settings, "audio"), "song.mp3");
    assert_string_equal(setting(settings, "watermark"), "logo@2x.png@top");
    assert_string_equal(setting(settings, "fps"), "25");
    assert_string_equal(assets.items[0].name, "song.mp3");
    assert_string_equal(assets.items[0].type, "audio/mpeg");
    assert_int_equal(assets.items[0].size, 5);
    assert_string_equal(assets.items[0].path, arena_printf(arena, "%s/song.mp3", folder));
    assert_string_equal(assets.items[1].type, "image/png");
    assert_ptr_equal(assets_by_name(&assets, "logo@2x.png"), &assets.items[1]);
    assert_null(assets_by_name(&assets, "logo"));
    /* The manifest of such a job is a good one, and names the same files. */
    json_t *document = json_pack("{s:i, s:o}", "version", 1, "settings", settings);
    assets_list_in(&assets, document);
    char *text = json_dumps(document, 0);
    struct manifest manifest;
    assert_true(manifest_parse(arena, str_c(text), &manifest, &err));
    assert_int_equal(manifest.asset_count, 2);
    assert_string_equal(manifest.assets[1].name, "logo@2x.png");
    assert_string_equal(manifest.settings.watermark, "logo@2x.png");
    assert_int_equal(manifest.settings.watermark_corner, CORNER_TOP);
    free(text);
    json_decref(document);
    folder_remove(arena, folder);
    arena_free(arena);
}

static void without_files_nothing_changes(void **state) {
    (void)state;
    static const char *const lines[] = {"{}", "{\"audio\":\"none\",\"watermark\":\"none\"}"};
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct arena *arena = arena_new();
        struct asset_list assets = {.count = 7};
        struct error err;
        json_t *settings = json_loads(lines[i], 0, NULL), *before = json_copy(settings);
        assert_true(assets_collect(arena, settings, &assets, &err));
        assert_int_equal(assets.count, 0);
        assert_true(json_equal(settings, before));
        assets_list_in(&assets, settings);
        assert_null(json_object_get(settings, "assets"));
        json_decref(settings);
        json_decref(before);
        arena_free(arena);
    }
}

static void bad_names_are_made_good(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    char *folder = folder_new(arena);
    folder_file(arena, folder, "a\nb.wav", "1");
    struct asset_list assets;
    struct error err;
    json_t *settings = typed(arena, folder, "/a\nb.wav", NULL);
    assert_true(assets_collect(arena, settings, &assets, &err));
    assert_string_equal(setting(settings, "audio"), "a_b.wav");
    json_decref(settings);
    folder_remove(arena, folder);
    arena_free(arena);
}

static void bad_files_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *audio, *watermark;
        enum error_kind kind;
        const char *message;
    } cases[] = {
        {"/missing.mp3", NULL, ERROR_NOT_FOUND, "setting 'audio': '"},
        {NULL, "/missing.png@top", ERROR_NOT_FOUND, "missing.png'"},
        {"/empty.mp3", NULL, ERROR_INVALID, "the file is empty"},
        {"/folder", NULL, ERROR_INVALID, "is not a file"},
        {"/song.mp3/", NULL, ERROR_INTERNAL, "Not a directory"},
        {"/none", NULL, ERROR_INVALID, "none' needs another name"},
        {"/large.wav", NULL, ERROR_LIMIT, "has 536870913 bytes, over the limit of 536870912"},
        {NULL, "/song.mp3@botom", ERROR_INVALID, "'botom' is not known (top-left"},
        {"/song.mp3", "/song.mp3", ERROR_INVALID, "names must differ"},
    };
    struct arena *arena = arena_new();
    char *folder = folder_new(arena);
    folder_file(arena, folder, "song.mp3", "1");
    folder_file(arena, folder, "empty.mp3", "");
    folder_file(arena, folder, "none", "1");
    assert_int_equal(mkdir(arena_printf(arena, "%s/folder", folder), 0700), 0);
    const char *large = folder_file(arena, folder, "large.wav", "1");
    assert_int_equal(truncate(large, (off_t)MANIFEST_MAX_ASSET_BYTES + 1), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct asset_list assets = {.count = 7};
        struct error err;
        json_t *settings = typed(arena, folder, cases[i].audio, cases[i].watermark);
        json_t *before = json_copy(settings);
        assert_false(assets_collect(arena, settings, &assets, &err));
        assert_int_equal(err.kind, cases[i].kind);
        if (strstr(err.text, cases[i].message) == NULL)
            fail_msg("'%s' has not '%s'", err.text, cases[i].message);
        assert_int_equal(assets.count, 7);
        assert_true(json_equal(settings, before));
        json_decref(settings);
        json_decref(before);
    }
    folder_remove(arena, folder);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_become_names),
        cmocka_unit_test(without_files_nothing_changes),
        cmocka_unit_test(bad_names_are_made_good),
        cmocka_unit_test(bad_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
