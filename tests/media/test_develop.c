#include "media/develop.h"

#include "base/base.h"
#include "media/colour.h"
#include "media/frame.h"
#include "media/transfer.h"
#include "patches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 48, STRIDE = 128 };

/* A picture of SIDE x SIDE samples and what becomes of it. */
struct lab_bench {
    struct arena *arena;
    struct developer *developer;
    struct frame frame;
    struct pixels pixels;
    struct image_header header;
    uint8_t background[3];
    const char *warning;
};

static int set_up(void **state) {
    struct arena *arena = arena_new();
    struct lab_bench *bench = arena_alloc(arena, sizeof *bench);
    bench->arena = arena;
    bench->developer = developer_new();
    frame_init(&bench->frame, SIDE, SIDE);
    *state = bench;
    return 0;
}

static int tear_down(void **state) {
    struct lab_bench *bench = *state;
    developer_free(bench->developer);
    frame_clear(&bench->frame);
    arena_free(bench->arena);
    return 0;
}

/* Flat samples of `depth` bits. */
static void start(struct lab_bench *bench, enum pixel_layout layout, unsigned depth,
                  const unsigned *samples) {
    unsigned planes = layout == PIXELS_GREY                            ? 1
                      : layout == PIXELS_RGBA || layout == PIXELS_CMYK ? 4
                                                                       : 3;
    bench->pixels = (struct pixels){.layout = layout,
                                    .depth = depth,
                                    .width = SIDE,
                                    .height = SIDE,
                                    .matrix = 6,
                                    .full_range = true,
                                    .scale_denominator = 1};
    bench->header = (struct image_header){
        .width = SIDE, .height = SIDE, .orientation = 1, .colour = {{"", 0}, 1, 13}};
    for (unsigned p = 0; p < planes; p++) {
        bench->pixels.strides[p] = STRIDE;
        bench->pixels.planes[p] = arena_alloc(bench->arena, STRIDE * (SIDE + 1));
        for (unsigned i = 0; i < STRIDE / (depth / 8) * SIDE; i++) {
            if (depth == 16)
                ((uint16_t *)(void *)bench->pixels.planes[p])[i] = (uint16_t)samples[p];
            else
                bench->pixels.planes[p][i] = (uint8_t)samples[p];
        }
    }
}

static void finish(struct lab_bench *bench) {
    struct compose_target target = {.width = SIDE, .height = SIDE, .fit = FIT_CONTAIN};
    struct placement place = place_picture(&target, &bench->header);
    const struct space *space = developer_space(bench->developer, &bench->header.colour);
    bench->warning = developer_run(bench->developer, &bench->pixels, space, &place,
                                   bench->background, &bench->frame);
}

static void assert_shows(const struct lab_bench *bench, double red, double green, double blue) {
    const double codes[3] = {red, green, blue};
    double y = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    const double expected[3] = {16 + 219 * y, 128 + 224 * (codes[2] - y) / 1.8556,
                                128 + 224 * (codes[0] - y) / 1.5748};
    for (unsigned p = 0; p < 3; p++) {
        for (unsigned v = 0; v < (unsigned)SIDE >> (p > 0); v++) {
            const uint8_t *row = bench->frame.planes[p] + v * bench->frame.strides[p];
            for (unsigned x = 0; x < (unsigned)SIDE >> (p > 0); x++)
                assert_true(fabs(row[x] - expected[p]) <= 1.01);
        }
    }
}

static void transparency_is_put_over_in_the_films_colours(void **state) {
    struct lab_bench *bench = *state;
    static const uint8_t background[3] = {40, 80, 200};
    memcpy(bench->background, background, 3);
    static const unsigned alphas[] = {0, 1, 64, 128, 254, 255}, colour[3] = {200, 90, 40};
    const double numbers[3] = {200 / 255.0, 90 / 255.0, 40 / 255.0};
    struct image_colour p3 = {{"", 0}, 12, 13};
    double shown[3];
    space_to_srgb(developer_space(bench->developer, &p3), numbers, 1, shown);
    for (size_t i = 0; i < 2 * ARRAY_SIZE(alphas); i++) {
        unsigned alpha = alphas[i / 2];
        bool premultiplied = i % 2 == 1;
        unsigned samples[4] = {colour[0], colour[1], colour[2], alpha};
        for (int c = 0; c < 3 && premultiplied; c++)
            samples[c] = (samples[c] * alpha + 127) / 255;
        start(bench, PIXELS_RGBA, 8, samples);
        bench->pixels.premultiplied = premultiplied;
        bench->header.colour = p3;
        finish(bench);
        double a = alpha / 255.0, mixed[3];
        for (int c = 0; c < 3; c++)
            mixed[c] = a * shown[c] + (1 - a) * background[c] / 255;
        assert_shows(bench, mixed[0], mixed[1], mixed[2]);
        assert_null(bench->warning);
    }
}

/* Colours of invisible samples do not shine through where resampling mixes them in. */
static void invisible_colours_stay_invisible(void **state) {
    struct lab_bench *bench = *state;
    static const unsigned samples[4] = {128, 128, 128, 255};
    for (int turn = 0; turn < 2; turn++) {
        memset(bench->background, 128, 3);
        start(bench, PIXELS_RGBA, 8, samples);
        bench->header.colour.primaries = 12;
        for (unsigned y = 0; y < SIDE; y++) {
            for (unsigned x = SIDE / 2; x < SIDE; x++) {
                bench->pixels.planes[0][y * STRIDE + x] = turn == 0 ? 255 : 0;
                bench->pixels.planes[3][y * STRIDE + x] = 0;
            }
        }
        /* Half a sample aside, so that all are resampled. */
        bench->header.width = SIDE - 1;
        finish(bench);
        assert_shows(bench, 128 / 255.0, 128 / 255.0, 128 / 255.0);
    }
}

static void deep_samples(void **state) {
    struct lab_bench *bench = *state;
    static const double light[] = {0.5, 20, 80};
    for (size_t i = 0; i < ARRAY_SIZE(light); i++) {
        unsigned code = (unsigned)(pq_encode(light[i]) * 65535 + 0.5);
        start(bench, PIXELS_RGB, 16, (const unsigned[]){code, code, code});
        bench->header.colour = (struct image_colour){{"", 0}, 9, 16};
        finish(bench);
        double grey = srgb_encode(light[i] / 203);
        assert_shows(bench, grey, grey, grey);
    }
    /* Without a table, and with alpha. */
    start(bench, PIXELS_RGB, 16, (const unsigned[]){65535, 0, 32768});
    finish(bench);
    assert_shows(bench, 1, 0, 0.5);
    start(bench, PIXELS_RGBA, 16, (const unsigned[]){65535, 0, 0, 32768});
    memset(bench->background, 0, 3);
    finish(bench);
    assert_shows(bench, 0.5, 0, 0);
}

/* BT.2020 holds what BT.709 holds: the same light, as numbers of either, is the same film. */
static void hdr_colours_do_not_depend_on_the_primaries(void **state) {
    struct lab_bench *bench = *state;
    static const double light[3] = {60, 25, 40}; /* BT.709 */
    struct matrix3 from, to;
    double other[3];
    assert_true(primaries_to_xyz(1, &from) && primaries_to_xyz(9, &to));
    to = matrix3_inverse(&to);
    matrix3_apply(&from, light, other);
    matrix3_apply(&to, other, other);
    for (int i = 0; i < 2; i++) {
        unsigned codes[3];
        for (int c = 0; c < 3; c++)
            codes[c] = (unsigned)(pq_encode(i == 0 ? light[c] : other[c]) * 65535 + 0.5);
        start(bench, PIXELS_RGB, 16, codes);
        bench->header.colour = (struct image_colour){{"", 0}, i == 0 ? 1 : 9, 16};
        finish(bench);
        assert_shows(bench, srgb_encode(60 / 203.0), srgb_encode(25 / 203.0),
                     srgb_encode(40 / 203.0));
    }
}

static void luma_of_every_standard(void **state) {
    struct lab_bench *bench = *state;
    static const struct {
        uint8_t matrix;
        double red, blue;
    } cases[] = {{1, 0.2126, 0.0722}, {5, 0.299, 0.114}, {6, 0.299, 0.114}, {9, 0.2627, 0.0593}};
    const double rgb[3] = {0.8, 0.3, 0.5};
    for (size_t i = 0; i < 4 * ARRAY_SIZE(cases); i++) {
        bool full_range = i % 2 == 0;
        double red = cases[i / 4].red, blue = cases[i / 4].blue;
        double luma_range = full_range ? 255 : 219, chroma_range = full_range ? 255 : 224;
        double y = red * rgb[0] + (1 - red - blue) * rgb[1] + blue * rgb[2];
        const unsigned samples[3] = {
            (unsigned)lround((full_range ? 0 : 16) + luma_range * y),
            (unsigned)lround(128 + chroma_range * (rgb[2] - y) / (2 - 2 * blue)),
            (unsigned)lround(128 + chroma_range * (rgb[0] - y) / (2 - 2 * red))};
        start(bench, PIXELS_YUV, 8, samples);
        bench->pixels.matrix = cases[i / 4].matrix;
        bench->pixels.full_range = full_range;
        /* By the matrix, and by the table of a space that has the same colours. */
        struct str same = profile_rgb(bench->arena, "as sRGB, all but", srgb_primaries, 1.9);
        if (i % 4 >= 2)
            bench->header.colour.profile = same;
        finish(bench);
        double encoded[3];
        for (int c = 0; c < 3; c++)
            encoded[c] = i % 4 >= 2 ? srgb_encode(pow(rgb[c], 1.9)) : rgb[c];
        assert_shows(bench, encoded[0], encoded[1], encoded[2]);
    }
}

static void profiles_of_other_kinds_than_the_picture(void **state) {
    struct lab_bench *bench = *state;
    struct str grey = profile_grey(bench->arena, "Grey", 1.8);
    struct str p3 = profile_rgb(bench->arena, "P3", display_p3_primaries, 0);
    struct str inks =
        profile_file(bench->arena, "/usr/share/color/icc/ghostscript/default_cmyk.icc");
    double by_grey = srgb_encode(pow(100 / 255.0, 1.8)), low = srgb_encode(pow(50 / 255.0, 1.8));
    /* A grey profile counts for each channel. */
    start(bench, PIXELS_RGB, 8, (const unsigned[]){100, 50, 100});
    bench->header.colour.profile = grey;
    finish(bench);
    assert_shows(bench, by_grey, low, by_grey);
    assert_null(bench->warning);
    /* Greys of a colour profile are grey. */
    start(bench, PIXELS_GREY, 8, (const unsigned[]){100});
    bench->header.colour.profile = p3;
    finish(bench);
    assert_shows(bench, 100 / 255.0, 100 / 255.0, 100 / 255.0);
    /* Inks of no CMYK profile, and the other way round. */
    static const unsigned ink[4] = {0, 255, 128, 51};
    for (int i = 0; i < 2; i++) {
        start(bench, PIXELS_CMYK, 8, ink);
        bench->header.colour.profile = i == 0 ? (struct str){"", 0} : p3;
        finish(bench);
        assert_shows(bench, 0.8, 0, 0.8 * 127 / 255);
        assert_string_equal(bench->warning,
                            i == 0
                                ? "CMYK without a profile: shown as ideal inks"
                                : "CMYK with a profile that is not for CMYK: shown as ideal inks");
    }
    if (inks.len == 0)
        return;
    start(bench, PIXELS_RGB, 8, (const unsigned[]){255, 0, 128});
    bench->header.colour.profile = inks;
    finish(bench);
    assert_shows(bench, 1, 0, 128 / 255.0);
    assert_string_equal(bench->warning,
                        "the colour profile is for CMYK, the picture is not: shown as sRGB");
    /* Paper is white, all inks are black. */
    for (unsigned i = 0; i < 2; i++) {
        unsigned full = i * 255;
        start(bench, PIXELS_CMYK, 8, (const unsigned[]){full, full, full, full});
        bench->header.colour.profile = inks;
        finish(bench);
        assert_shows(bench, 1 - i, 1 - i, 1 - i);
        assert_null(bench->warning);
    }
}

/* A ramp of luma with small chroma: what the lines of a table say of luma is what the table says
 * there, at every place. */
static void luma_follows_the_table(void **state) {
    struct lab_bench *bench = *state;
    static const unsigned samples[3] = {0, 110, 150};
    for (int curved = 0; curved < 2; curved++) {
        start(bench, PIXELS_YUV, 8, samples);
        for (unsigned i = 0; i < STRIDE * SIDE; i++)
            bench->pixels.planes[0][i] = (uint8_t)(60 + 2 * (i % STRIDE) + i / STRIDE);
        bench->header.colour.profile =
            profile_rgb(bench->arena, "wide", display_p3_primaries, curved ? 1.6 : 0);
        finish(bench);
        const struct space *space = developer_space(bench->developer, &bench->header.colour);
        for (unsigned y = 0; y < SIDE; y++) {
            for (unsigned x = 0; x < SIDE; x++) {
                double luma = (60 + 2 * x + y) / 255.0, cb = -18 / 255.0, cr = 22 / 255.0;
                const double rgb[3] = {luma + 1.402 * cr, luma - 0.344136 * cb - 0.714136 * cr,
                                       luma + 1.772 * cb};
                double shown[3];
                space_to_srgb(space, rgb, 1, shown);
                double expected =
                    16 + 219 * (0.2126 * shown[0] + 0.7152 * shown[1] + 0.0722 * shown[2]);
                uint8_t found = bench->frame.planes[0][y * bench->frame.strides[0] + x];
                assert_true(fabs(found - expected) < 0.8);
            }
        }
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(transparency_is_put_over_in_the_films_colours),
        TEST(invisible_colours_stay_invisible),
        TEST(deep_samples),
        TEST(hdr_colours_do_not_depend_on_the_primaries),
        TEST(luma_of_every_standard),
        TEST(profiles_of_other_kinds_than_the_picture),
        TEST(luma_follows_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
