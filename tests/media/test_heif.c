#include "media/decode.h"

#include "base/base.h"
#include "heif_files.h"
#include "image_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>

struct scene {
    struct arena *arena;
    struct decoder *decoder;
    struct error err;
    struct image_header header;
    struct pixels pixels;
};

static int set_up(void **state) {
    struct scene *scene = calloc(1, sizeof *scene);
    scene->arena = arena_new();
    scene->decoder = decoder_new();
    *state = scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    decoder_free(scene->decoder);
    arena_free(scene->arena);
    free(scene);
    return 0;
}

static bool can_encode(void) {
    return avcodec_find_encoder_by_name("libx265") != NULL;
}

/* Bytes in memory of exactly that size, so that the sanitizer sees a read behind the end. */
static bool decode(struct scene *scene, struct str image) {
    char *copy = malloc(image.len + 1);
    memcpy(copy + 1, image.ptr, image.len);
    struct str exact = {copy + 1, image.len};
    scene->err.text[0] = '\0';
    bool done = image_read_header(scene->arena, exact, &scene->header, &scene->err) &&
                decoder_run(scene->decoder, scene->arena, exact, &scene->header, 100, 100,
                            &scene->pixels, &scene->err);
    free(copy);
    return done;
}

/* 43 dB. */
static const double good = 3.2;

static void grids(void **state) {
    struct scene *scene = *state;
    static const struct {
        unsigned width, height, tile_side;
    } cases[] = {{200, 150, 64}, {128, 128, 64}, {65, 63, 64},
                 {64, 64, 64},   {31, 129, 64},  {300, 70, 128}};
    if (!can_encode())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct picture picture = picture_uneven(scene->arena, cases[i].width, cases[i].height);
        const struct heic_options options = {.tile_side = cases[i].tile_side};
        assert_true(decode(scene, heic_of(scene->arena, &picture, &options)));
        assert_int_equal(scene->header.format, IMAGE_HEIC);
        assert_int_equal(scene->header.width, cases[i].width);
        assert_int_equal(scene->header.height, cases[i].height);
        assert_int_equal(scene->header.orientation, 1);
        assert_int_equal(scene->header.colour.transfer, 13);
        assert_int_equal(scene->pixels.layout, PIXELS_YUV);
        assert_int_equal(scene->pixels.chroma_shift_x, 1);
        assert_true(pixels_error(&scene->pixels, &picture) < good);
    }
}

static void grids_of_other_colours(void **state) {
    struct scene *scene = *state;
    static const struct {
        struct heic_options options;
        enum pixel_layout layout;
        unsigned depth;
    } cases[] = {
        {{.tile_side = 64, .is_deep = true}, PIXELS_YUV, 8},
        {{.tile_side = 64, .primaries = 12, .transfer = 13, .matrix = 6}, PIXELS_YUV, 8},
        {{.tile_side = 64, .primaries = 1, .transfer = 13, .matrix = 1}, PIXELS_YUV, 8},
        {{.tile_side = 64, .primaries = 1, .transfer = 13, .matrix = 1, .is_limited = true},
         PIXELS_YUV,
         8},
        {{.tile_side = 64, .primaries = 9, .transfer = 16, .matrix = 9, .is_deep = true},
         PIXELS_RGB,
         16},
        {{.tile_side = 64,
          .primaries = 9,
          .transfer = 18,
          .matrix = 9,
          .is_deep = true,
          .is_limited = true},
         PIXELS_RGB,
         16},
    };
    if (!can_encode())
        skip();
    struct picture picture = picture_uneven(scene->arena, 150, 90);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct heic_options *options = &cases[i].options;
        assert_true(decode(scene, heic_of(scene->arena, &picture, options)));
        assert_int_equal(scene->pixels.layout, cases[i].layout);
        assert_int_equal(scene->pixels.depth, cases[i].depth);
        assert_int_equal(scene->header.colour.primaries,
                         options->primaries == 0 ? 1 : options->primaries);
        assert_int_equal(scene->header.colour.transfer,
                         options->transfer == 0 ? 13 : options->transfer);
        assert_true(pixels_error(&scene->pixels, &picture) < good);
    }
}

/* The picture as it is stored, and how to turn it: the same that EXIF says elsewhere. */
static void turned_grids(void **state) {
    struct scene *scene = *state;
    if (!can_encode())
        skip();
    /* irot and imir by orientation. */
    static const struct {
        unsigned rotation;
        bool is_mirrored;
    } cases[9] = {[1] = {0, false}, [2] = {0, true},  [3] = {2, false}, [4] = {2, true},
                  [5] = {3, true},  [6] = {3, false}, [7] = {1, true},  [8] = {1, false}};
    struct picture picture = picture_uneven(scene->arena, 150, 90);
    /* EXIF says something else, and must not count. */
    const struct exif_tags tags = {.orientation = 6, .original = "2024:05:01 12:33:44"};
    for (unsigned orientation = 1; orientation <= 8; orientation++) {
        const struct heic_options options = {.tile_side = 64,
                                             .rotation = cases[orientation].rotation,
                                             .is_mirrored = cases[orientation].is_mirrored,
                                             .exif = exif_of(scene->arena, &tags, true)};
        assert_true(decode(scene, heic_of(scene->arena, &picture, &options)));
        assert_int_equal(scene->header.orientation, orientation);
        assert_int_equal(scene->header.width, 150);
        assert_string_equal(scene->header.captured, "2024-05-01T12:33:44");
        assert_true(pixels_error(&scene->pixels, &picture) < good);
    }
}

static void cropped_grids(void **state) {
    struct scene *scene = *state;
    if (!can_encode())
        skip();
    struct picture picture = picture_flat(scene->arena, 150, 90, 200, 100, 50);
    struct picture part = picture_flat(scene->arena, 60, 100, 200, 100, 50);
    const struct heic_options options = {
        .tile_side = 64, .clap_width = 100, .clap_height = 60, .rotation = 1};
    assert_true(decode(scene, heic_of(scene->arena, &picture, &options)));
    assert_int_equal(scene->header.width, 60);
    assert_int_equal(scene->header.height, 100);
    assert_int_equal(scene->header.orientation, 1);
    assert_true(pixels_error(&scene->pixels, &part) < good);
}

static void profiles(void **state) {
    struct scene *scene = *state;
    if (!can_encode())
        skip();
    struct picture picture = picture_uneven(scene->arena, 64, 64);
    const struct heic_options options = {.tile_side = 64, .profile = {"some profile", 12}};
    assert_true(decode(scene, heic_of(scene->arena, &picture, &options)));
    assert_true(str_equal_c(scene->header.colour.profile, "some profile"));
}

static void sizes_over_the_limits(void **state) {
    struct scene *scene = *state;
    if (!can_encode())
        skip();
    struct picture picture = picture_uneven(scene->arena, 64, 64);
    const struct heic_options options = {.tile_side = 64};
    struct str file = heic_of(scene->arena, &picture, &options);
    /* The grid's size is the second one. */
    char *first = memmem(file.ptr, file.len, "ispe", 4);
    char *second = memmem(first + 4, file.len - (size_t)(first + 4 - file.ptr), "ispe", 4);
    memcpy(second + 8, "\0\0\xea\x60\0\0\xea\x60", 8);
    assert_false(decode(scene, file));
    assert_int_equal(scene->err.kind, ERROR_LIMIT);
    assert_string_equal(scene->err.text, "60000x60000 is over the limit of 300 megapixels");
}

static void damaged_files(void **state) {
    struct scene *scene = *state;
    if (!can_encode())
        skip();
    struct picture picture = picture_uneven(scene->arena, 100, 60);
    const struct heic_options options = {.tile_side = 64, .rotation = 1, .is_mirrored = true};
    struct str file = heic_of(scene->arena, &picture, &options);
    assert_true(decode(scene, file));
    for (size_t size = 0; size < file.len; size += file.len / 97 + 1) {
        assert_false(decode(scene, (struct str){file.ptr, size}));
        assert_int_equal(scene->err.kind, ERROR_INVALID);
    }
    char *broken = arena_alloc(scene->arena, file.len);
    for (size_t at = 0; at < file.len; at++) {
        memcpy(broken, file.ptr, file.len);
        broken[at] = (char)(broken[at] ^ 1 << at % 8);
        if (!decode(scene, (struct str){broken, file.len}))
            assert_true(scene->err.text[0] != '\0');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(grids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(grids_of_other_colours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(turned_grids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cropped_grids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(profiles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sizes_over_the_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
