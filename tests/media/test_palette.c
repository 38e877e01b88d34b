/* Palettes and dithering: few colours are kept as they are, many are near, means are right. */
#include "media/dither.h"
#include "media/palette.h"

#include "base/base.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void few_colours_are_exact(void **state) {
    (void)state;
    static const uint8_t colours[][3] = {{16, 128, 128}, {235, 128, 128}, {81, 90, 240},
                                         {82, 90, 240},  {145, 54, 34},   {41, 240, 110}};
    struct histogram *histogram = histogram_new();
    struct palette palette;
    for (unsigned rounds = 0; rounds < 4; rounds++) {
        histogram_clear(histogram);
        for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
            for (unsigned n = 0; n < 1000u >> i; n++)
                if (i != 3) /* shares a cell */
                    histogram_add(histogram, colours[i]);
        palette_make(histogram, 256, rounds, &palette);
        assert_int_equal(palette.count, 5);
        for (size_t i = 0; i < ARRAY_SIZE(colours); i++) {
            const int32_t wanted[3] = {colours[i][0], colours[i][1], colours[i][2]};
            unsigned index = palette_nearest(&palette, wanted);
            assert_in_range(abs(palette.parts[0][index] - wanted[0]), 0, i == 3 ? 1 : 0);
            assert_int_equal(palette.parts[1][index], wanted[1]);
            assert_int_equal(palette.parts[2][index], wanted[2]);
        }
    }
    histogram_free(histogram);
}

static void nothing_has_no_colours(void **state) {
    (void)state;
    struct histogram *histogram = histogram_new();
    struct palette palette;
    palette_make(histogram, 256, 3, &palette);
    assert_int_equal(palette.count, 0);
    histogram_add(histogram, (const uint8_t[]){255, 255, 255});
    palette_make(histogram, 1, 3, &palette);
    assert_int_equal(palette.count, 1);
    assert_int_equal(palette.parts[0][0], 255);
    histogram_clear(histogram);
    palette_make(histogram, 256, 3, &palette);
    assert_int_equal(palette.count, 0);
    histogram_free(histogram);
    histogram_free(NULL);
    dither_free(NULL);
}

static void add_ramp(struct histogram *histogram) {
    for (unsigned y = 16; y < 236; y++)
        for (unsigned c = 60; c < 200; c += 4)
            histogram_add(histogram, (const uint8_t[]){(uint8_t)y, (uint8_t)c, (uint8_t)(255 - c)});
}

static void counts_are_kept(void **state) {
    (void)state;
    static const unsigned counts[] = {1, 2, 3, 17, 32, 255, 256};
    struct histogram *histogram = histogram_new();
    add_ramp(histogram);
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        struct palette palette;
        palette_make(histogram, counts[i], 2, &palette);
        assert_int_equal(palette.count, counts[i]);
        for (int32_t value = -256; value < 512; value += 13)
            assert_true(palette_nearest(&palette, (const int32_t[]){value, value, -value / 2}) <
                        palette.count);
    }
    histogram_free(histogram);
}

static double error_of(const struct palette *palette) {
    double sum = 0;
    for (int32_t y = 16; y < 236; y++)
        for (int32_t c = 60; c < 200; c += 4) {
            unsigned index = palette_nearest(palette, (const int32_t[]){y, c, 255 - c});
            int32_t dy = palette->parts[0][index] - y, db = palette->parts[1][index] - c;
            sum += 2 * dy * dy + 2 * db * db;
        }
    return sum / 220 / 35;
}

/* 16 by 16 tiles of 13.75 x 8.75 would have an error of 44.3. */
static void rounds_help(void **state) {
    (void)state;
    struct histogram *histogram = histogram_new();
    struct palette palette;
    add_ramp(histogram);
    palette_make(histogram, 256, 0, &palette);
    double cut_only = error_of(&palette);
    palette_make(histogram, 256, 4, &palette);
    double settled = error_of(&palette);
    assert_true(cut_only < 48);
    assert_true(settled < 44.3);
    histogram_free(histogram);
}

static void screens_show_them(void **state) {
    (void)state;
    static const struct {
        uint8_t colour[3], rgb[3];
    } cases[] = {{{16, 128, 128}, {0, 0, 0}},        {{235, 128, 128}, {255, 255, 255}},
                 {{126, 128, 128}, {128, 128, 128}}, {{63, 102, 240}, {255, 1, 0}},
                 {{173, 42, 26}, {0, 255, 1}},       {{32, 240, 118}, {1, 0, 255}},
                 {{0, 128, 128}, {0, 0, 0}},         {{255, 128, 128}, {255, 255, 255}}};
    struct histogram *histogram = histogram_new();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct palette palette;
        uint8_t rgb[3];
        histogram_clear(histogram);
        histogram_add(histogram, cases[i].colour);
        palette_make(histogram, 1, 0, &palette);
        palette_rgb(&palette, 0, rgb);
        for (int p = 0; p < 3; p++)
            assert_in_range(abs(rgb[p] - cases[i].rgb[p]), 0, 1);
    }
    histogram_free(histogram);
}

/* Greys between two: a square of the pattern has the mean that was asked for, and is the same each
 * time. */
static void means_are_right(void **state) {
    (void)state;
    struct histogram *histogram = histogram_new();
    struct dither *dither = dither_new(DITHER_FULL_STRENGTH), *hard = dither_new(0);
    struct palette palette;
    histogram_add(histogram, (const uint8_t[]){50, 130, 130});
    histogram_add(histogram, (const uint8_t[]){90, 130, 130});
    palette_make(histogram, 256, 0, &palette);
    dither_start(dither, &palette);
    dither_start(hard, &palette);
    for (unsigned luma = 30; luma < 110; luma++) {
        const uint8_t colour[] = {(uint8_t)luma, 130, 130};
        int sum = 0;
        uint8_t first = dither_pick(hard, colour, 0, 0);
        for (unsigned y = 0; y < 8; y++)
            for (unsigned x = 0; x < 8; x++) {
                uint8_t index = dither_pick(dither, colour, x, y);
                sum += palette.parts[0][index];
                assert_int_equal(dither_pick(dither, colour, x + 8, y + 16), index);
                assert_int_equal(dither_pick(hard, colour, x, y), first);
            }
        int wanted = luma < 50 ? 50 : luma > 90 ? 90 : (int)luma;
        assert_in_range(abs(sum / 64 - wanted), 0, 3);
    }
    dither_free(dither);
    dither_free(hard);
    histogram_free(histogram);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_colours_are_exact), cmocka_unit_test(nothing_has_no_colours),
        cmocka_unit_test(counts_are_kept),       cmocka_unit_test(rounds_help),
        cmocka_unit_test(screens_show_them),     cmocka_unit_test(means_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
