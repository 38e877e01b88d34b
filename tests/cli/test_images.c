#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/images.h"
#include "job/manifest.h"

#include "folder.h"

static void names_start_with_the_place(void **state) {
    static const struct {
        size_t place;
        const char *path, *name;
    } cases[] = {
        {1, "a.jpg", "000001-a.jpg"},
        {123, "/x/y/IMG_4711.jpg", "000123-IMG_4711.jpg"},
        {2, "dir/Grüße 🎞.png", "000002-Grüße 🎞.png"},
        {3, "a\nb\tc\x7f.jpg", "000003-a_b_c_.jpg"},
        {4, "\xff\xfe.jpg", "000004-__.jpg"},
        {5, "cut\xc3", "000005-cut_"},
        {6, "\xed\xa0\x80", "000006-___"}, /* a surrogate */
        {7, "..", "000007-.."},
        {20000, "'quotes\"", "020000-'quotes\""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        struct error err;
        const char *name = image_name(arena, cases[i].place, cases[i].path);
        assert_string_equal(name, cases[i].name);
        assert_true(manifest_check_name(str_c(name), &err));
        arena_free(arena);
    }
}

static void long_names_are_cut_between_characters(void **state) {
    (void)state;
    /* 255 bytes of two-, three- and four-byte characters: never a half one at the end. */
    static const char *const characters[] = {"a", "é", "€", "🎞"};
    for (size_t i = 0; i < ARRAY_SIZE(characters); i++) {
        struct arena *arena = arena_new();
        struct error err;
        char path[256] = "";
        size_t width = strlen(characters[i]);
        for (size_t used = 0; used + width < sizeof path; used += width)
            memcpy(path + used, characters[i], width);
        const char *name = image_name(arena, 1, path);
        assert_in_range(strlen(name), 252, 255);
        assert_true(manifest_check_name(str_c(name), &err));
        arena_free(arena);
    }
}

static const char *listed(struct arena *arena, const struct image_list *images) {
    char *text = arena_strdup(arena, "");
    for (size_t i = 0; i < images->count; i++)
        text = arena_printf(arena, "%s%s%s", text, i == 0 ? "" : " ", images->items[i].name);
    return text;
}

struct tree {
    struct arena *arena;
    char *folder;
};

static int make_tree(void **state) {
    struct arena *arena = arena_new();
    struct tree *tree = arena_alloc(arena, sizeof *tree);
    tree->arena = arena;
    tree->folder = folder_new(arena);
    const char *inner = arena_printf(arena, "%s/inner", tree->folder);
    mkdir(inner, 0700);
    mkdir(arena_printf(arena, "%s/empty", tree->folder), 0700);
    folder_file(arena, tree->folder, "b10.jpg", "ten");
    folder_file(arena, tree->folder, "b2.JPG", "two!");
    folder_file(arena, tree->folder, "a.png", "");
    folder_file(arena, tree->folder, ".hidden.jpg", "x");
    folder_file(arena, tree->folder, "w[1].jpg", "x");
    folder_file(arena, inner, "a.png", "deeper");
    *state = tree;
    return 0;
}

static int remove_tree(void **state) {
    struct tree *tree = *state;
    folder_remove(tree->arena, tree->folder);
    arena_free(tree->arena);
    return 0;
}

static void operands_become_images(void **state) {
    struct tree *tree = *state;
    static const struct {
        const char *operands[3]; /* below the folder */
        enum order order;
        const char *names;
    } cases[] = {
        {{""}, ORDER_GIVEN, "000001-a.png 000002-b2.JPG 000003-b10.jpg 000004-w[1].jpg"},
        {{"/"}, ORDER_GIVEN, "000001-a.png 000002-b2.JPG 000003-b10.jpg 000004-w[1].jpg"},
        {{"/b10.jpg", "/a.png"}, ORDER_GIVEN, "000001-b10.jpg 000002-a.png"},
        {{"/b10.jpg", "/a.png"}, ORDER_NAME, "000001-a.png 000002-b10.jpg"},
        {{"/b*"}, ORDER_GIVEN, "000001-b2.JPG 000002-b10.jpg"},
        {{"/[ab]*.???"}, ORDER_GIVEN, "000001-a.png 000002-b2.JPG 000003-b10.jpg"},
        /* the file of that name, not the pattern */
        {{"/w[1].jpg"}, ORDER_GIVEN, "000001-w[1].jpg"},
        /* equal names from two folders; the same file twice */
        {{"/inner", "/a.png"}, ORDER_GIVEN, "000001-a.png 000002-a.png"},
        {{"/a.png", "/a.png"}, ORDER_GIVEN, "000001-a.png 000002-a.png"},
        {{"/inner", "/b2.JPG", "/a.png"}, ORDER_NAME, "000001-a.png 000002-a.png 000003-b2.JPG"},
        {{"/inn*"}, ORDER_GIVEN, "000001-a.png"},
        {{"/.hidden.jpg"}, ORDER_GIVEN, "000001-.hidden.jpg"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        struct image_list images;
        struct error err;
        char *operands[3];
        size_t count = 0;
        for (; count < 3 && cases[i].operands[count] != NULL; count++)
            operands[count] = arena_printf(arena, "%s%s", tree->folder, cases[i].operands[count]);
        assert_true(images_collect(arena, operands, count, cases[i].order, &images, &err));
        assert_string_equal(listed(arena, &images), cases[i].names);
        arena_free(arena);
    }
}

static void bad_operands_are_named(void **state) {
    struct tree *tree = *state;
    static const struct {
        const char *operand;
        enum error_kind kind;
    } cases[] = {
        {"/none.jpg", ERROR_NOT_FOUND}, {"/none*.jpg", ERROR_NOT_FOUND},
        {"/empty", ERROR_NOT_FOUND},    {"/none/", ERROR_NOT_FOUND},
        {"/a.png/b", ERROR_INTERNAL}, /* ENOTDIR */
        {"/fifo", ERROR_INVALID},       {"/large.jpg", ERROR_LIMIT},
        {"/dangling", ERROR_NOT_FOUND},
    };
    const char *large = folder_file(tree->arena, tree->folder, "large.jpg", "");
    assert_int_equal(truncate(large, (off_t)MANIFEST_MAX_IMAGE_BYTES + 1), 0);
    assert_int_equal(mkfifo(arena_printf(tree->arena, "%s/fifo", tree->folder), 0600), 0);
    assert_int_equal(symlink("nowhere", arena_printf(tree->arena, "%s/dangling", tree->folder)), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        struct image_list images;
        struct error err;
        char *operands[] = {arena_printf(arena, "%s/a.png", tree->folder),
                            arena_printf(arena, "%s%s", tree->folder, cases[i].operand)};
        assert_false(images_collect(arena, operands, 2, ORDER_GIVEN, &images, &err));
        assert_int_equal(err.kind, cases[i].kind);
        assert_non_null(strstr(err.text, cases[i].operand));
        arena_free(arena);
    }
}

static void no_images_are_no_job(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct image_list images;
    struct error err;
    assert_false(images_collect(arena, NULL, 0, ORDER_GIVEN, &images, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    arena_free(arena);
}

static void sizes_and_types_are_told(void **state) {
    struct tree *tree = *state;
    struct arena *arena = arena_new();
    struct image_list images;
    struct error err;
    char *operands[] = {tree->folder};
    assert_true(images_collect(arena, operands, 1, ORDER_GIVEN, &images, &err));
    assert_int_equal(images.items[0].size, 0);
    assert_int_equal(images.items[1].size, 4);
    assert_string_equal(images.items[0].type, "image/png");
    assert_string_equal(images.items[1].type, "image/jpeg");
    assert_false(images_check(&images, &err));
    assert_non_null(strstr(err.text, "image 1 '"));
    assert_non_null(strstr(err.text, "a.png"));
    images.items[0].size = 1;
    assert_true(images_check(&images, &err));

    json_t *settings = json_pack("{s:s}", "fps", "24");
    json_t *document = images_manifest(&images, settings);
    char *text = json_dumps(document, 0);
    struct manifest manifest;
    assert_true(manifest_parse(arena, str_c(text), &manifest, &err));
    assert_int_equal(manifest.image_count, 4);
    assert_int_equal(manifest.images[1].size, 4);
    assert_int_equal(manifest.settings.fps.num, 24);
    free(text);
    json_decref(document);
    json_decref(settings);
    arena_free(arena);
}

static void names_lead_back(void **state) {
    struct tree *tree = *state;
    static const char *const strangers[] = {
        "",
        "000002",
        "000000-a.png",
        "000002-a.png",
        "000005-a.png",
        "1-a.png",
        "a.png",
        "-a.png",
        "99999999999999999999-a.png",
    };
    struct arena *arena = arena_new();
    struct image_list images;
    struct error err;
    char *operands[] = {tree->folder};
    assert_true(images_collect(arena, operands, 1, ORDER_GIVEN, &images, &err));
    for (size_t i = 0; i < images.count; i++)
        assert_ptr_equal(images_by_name(&images, images.items[i].name), &images.items[i]);
    for (size_t i = 0; i < ARRAY_SIZE(strangers); i++)
        assert_null(images_by_name(&images, strangers[i]));
    arena_free(arena);
}

static void reasons_name_the_path(void **state) {
    struct tree *tree = *state;
    struct arena *arena = arena_new();
    struct image_list images;
    struct error err;
    char *operands[] = {tree->folder};
    assert_true(images_collect(arena, operands, 1, ORDER_GIVEN, &images, &err));
    const struct image_file *image = &images.items[1];
    const char *wanted = arena_printf(arena, "image 2 '%s/b2.JPG': truncated", tree->folder);
    assert_string_equal(images_reword(arena, &images, image, "image 2 '000002-b2.JPG': truncated"),
                        wanted);
    assert_string_equal(images_reword(arena, &images, image, "truncated"), wanted);
    /* about another image: kept */
    assert_non_null(strstr(
        images_reword(arena, &images, image, "image 1 '000001-a.png': truncated"), "000001-a.png"));
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_start_with_the_place),
        cmocka_unit_test(long_names_are_cut_between_characters),
        cmocka_unit_test_setup_teardown(operands_become_images, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(bad_operands_are_named, make_tree, remove_tree),
        cmocka_unit_test(no_images_are_no_job),
        cmocka_unit_test_setup_teardown(sizes_and_types_are_told, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(names_lead_back, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(reasons_name_the_path, make_tree, remove_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
