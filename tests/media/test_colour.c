#include "media/colour.h"

#include "base/base.h"
#include "media/resample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct yuv {
    double y, cb, cr;
};

/* The definitions, in floating point: range 255, chroma around 0. */
static struct yuv yuv_of(const double rgb[3], double red, double blue) {
    double y = red * rgb[0] + (1 - red - blue) * rgb[1] + blue * rgb[2];
    return (struct yuv){y, (rgb[2] - y) / (2 * (1 - blue)), (rgb[0] - y) / (2 * (1 - red))};
}

static struct yuv film_of(const double rgb[3]) {
    struct yuv full = yuv_of(rgb, 0.2126, 0.0722);
    return (struct yuv){16 + full.y * 219 / 255, 128 + full.cb * 224 / 255,
                        128 + full.cr * 224 / 255};
}

static int16_t fixed(double value) {
    return (int16_t)lround(value * RESAMPLE_ONE);
}

/* One colour, as JPEG planes in, film out. */
static void convert(const struct colour_matrix *matrix, double y, double cb, double cr,
                    uint8_t ret[3]) {
    int16_t u = fixed(cb), v = fixed(cr), cross, crosses[2], luma[2] = {fixed(y), fixed(y)};
    uint8_t lumas[2];
    colour_chroma_row(matrix, &u, &v, 1, &ret[1], &ret[2], &cross);
    colour_cross_row(&cross, &cross, 2, crosses);
    colour_luma_row(matrix, luma, crosses, 2, lumas);
    assert_int_equal(lumas[0], lumas[1]);
    ret[0] = lumas[0];
}

static void assert_close(const uint8_t got[3], struct yuv expected, double tolerance) {
    assert_true(fabs(got[0] - expected.y) <= tolerance);
    assert_true(fabs(got[1] - expected.cb) <= tolerance);
    assert_true(fabs(got[2] - expected.cr) <= tolerance);
}

static void jpeg_colours_become_film_colours(void **state) {
    (void)state;
    for (int i = 0; i < 17 * 17 * 17; i++) {
        const double rgb[3] = {fmin(255, i % 17 * 16), fmin(255, i / 17 % 17 * 16),
                               fmin(255, i / 289 * 16)};
        struct yuv jpeg = yuv_of(rgb, 0.299, 0.114);
        uint8_t got[3];
        convert(&colour_jpeg_to_film, jpeg.y, 128 + jpeg.cb, 128 + jpeg.cr, got);
        assert_close(got, film_of(rgb), 0.55);
    }
}

static void rgb_colours_become_film_colours(void **state) {
    (void)state;
    for (int i = 0; i < 17 * 17 * 17; i++) {
        const uint8_t rgb[3] = {(uint8_t)(i % 17 * 15), (uint8_t)(i / 17 % 17 * 15),
                                (uint8_t)(i / 289 * 15)};
        uint8_t got[3];
        colour_of_rgb(rgb, got);
        assert_close(got, film_of((const double[]){rgb[0], rgb[1], rgb[2]}), 0.53);
    }
}

static void known_colours(void **state) {
    (void)state;
    static const struct {
        uint8_t rgb[3], film[3];
    } cases[] = {{{255, 255, 255}, {235, 128, 128}}, {{0, 0, 0}, {16, 128, 128}},
                 {{255, 0, 0}, {63, 102, 240}},      {{0, 255, 0}, {173, 42, 26}},
                 {{0, 0, 255}, {32, 240, 118}},      {{128, 128, 128}, {126, 128, 128}}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t got[3];
        colour_of_rgb(cases[i].rgb, got);
        assert_memory_equal(got, cases[i].film, 3);
    }
}

static void greys_are_exact(void **state) {
    (void)state;
    for (int grey = 0; grey < 256; grey++) {
        int expected = (int)floor(16 + grey * 219.0 / 255 + 0.5);
        uint8_t by_jpeg[3], by_rgb[3], alone[2];
        const uint8_t rgb[3] = {(uint8_t)grey, (uint8_t)grey, (uint8_t)grey};
        convert(&colour_jpeg_to_film, grey, 128, 128, by_jpeg);
        colour_of_rgb(rgb, by_rgb);
        int16_t luma[2] = {fixed(grey), fixed(grey)};
        colour_luma_row(&colour_jpeg_to_film, luma, NULL, 2, alone);
        const uint8_t all[][3] = {{by_jpeg[0], by_jpeg[1], by_jpeg[2]},
                                  {by_rgb[0], by_rgb[1], by_rgb[2]},
                                  {alone[1], 128, 128}};
        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
            assert_int_equal(all[i][0], expected);
            assert_int_equal(all[i][1], 128);
            assert_int_equal(all[i][2], 128);
        }
    }
}

static void there_and_back(void **state) {
    (void)state;
    for (int i = 0; i < 9 * 9 * 9; i++) {
        const double rgb[3] = {i % 9 * 31, i / 9 % 9 * 31, i / 81 * 31};
        struct yuv jpeg = yuv_of(rgb, 0.299, 0.114);
        uint8_t film[3], back[3];
        convert(&colour_jpeg_to_film, jpeg.y, 128 + jpeg.cb, 128 + jpeg.cr, film);
        convert(&colour_film_to_jpeg, film[0], film[1], film[2], back);
        assert_close(back, (struct yuv){jpeg.y, 128 + jpeg.cb, 128 + jpeg.cr}, 1.6);
    }
}

/* Colours that no R'G'B' has, and what Lanczos adds at edges. */
static void impossible_colours_stay_in_range(void **state) {
    (void)state;
    static const double extremes[] = {-70, 0, 128, 255, 330};
    for (int i = 0; i < 125; i++) {
        uint8_t got[3];
        convert(&colour_jpeg_to_film, extremes[i % 5], extremes[i / 5 % 5], extremes[i / 25], got);
        assert_in_range(got[0], 16, 235);
        assert_in_range(got[1], 16, 240);
        assert_in_range(got[2], 16, 240);
        int16_t samples[3][2];
        for (int c = 0; c < 3; c++)
            samples[c][0] = samples[c][1] = fixed(extremes[i / (c == 0 ? 1 : c == 1 ? 5 : 25) % 5]);
        const int16_t *const rows[3] = {samples[0], samples[1], samples[2]};
        uint8_t luma[2], cb, cr;
        colour_rgb_luma_row(rows, 2, luma);
        colour_rgb_chroma_row(rows, rows, 2, &cb, &cr);
        assert_in_range(luma[0], 16, 235);
        assert_in_range(cb, 16, 240);
        assert_in_range(cr, 16, 240);
    }
}

/* Chroma sample i lies on luma sample 2i; luma rows are a quarter away from the nearer chroma row.
 */
static void cross_terms_are_interpolated(void **state) {
    (void)state;
    const int16_t near[] = {0, 400, 800}, far[] = {400, 800, 1200};
    const int16_t expected[] = {100, 300, 500, 700, 900, 900};
    int16_t got[6];
    colour_cross_row(near, far, 6, got);
    assert_memory_equal(got, expected, sizeof expected);
}

static void rgb_chroma_is_sited_left(void **state) {
    (void)state;
    /* Blue grows from left to right: the sample on column 2 sees columns 1, 2 and 3. */
    int16_t zero[8] = {0}, blue[8];
    for (int i = 0; i < 8; i++)
        blue[i] = fixed(i * 20);
    const int16_t *const rows[3] = {zero, zero, blue};
    uint8_t cb[4], cr[4];
    colour_rgb_chroma_row(rows, rows, 8, cb, cr);
    for (int i = 1; i < 4; i++) {
        const double rgb[3] = {0, 0, 2 * i * 20};
        struct yuv film = film_of(rgb);
        assert_true(fabs(cb[i] - film.cb) <= 0.55 && fabs(cr[i] - film.cr) <= 0.55);
    }
}

/* Long rows take the vectorised loops, short ones their remainders. */
static void length_does_not_matter(void **state) {
    (void)state;
    enum { LENGTH = 202 };
    int16_t samples[3][LENGTH];
    for (int i = 0; i < 3 * LENGTH; i++)
        samples[i / LENGTH][i % LENGTH] = (int16_t)(i * 7919 % 18000 - 800);
    uint8_t whole[LENGTH], part[LENGTH];
    colour_luma_row(&colour_jpeg_to_film, samples[0], samples[1], LENGTH, whole);
    for (unsigned i = 0; i < LENGTH; i++) {
        colour_luma_row(&colour_jpeg_to_film, samples[0] + i, samples[1] + i, 1, part);
        assert_int_equal(part[0], whole[i]);
    }
    uint8_t cb[LENGTH], cr[LENGTH];
    int16_t cross[LENGTH], one;
    colour_chroma_row(&colour_jpeg_to_film, samples[0], samples[1], LENGTH, cb, cr, cross);
    for (unsigned i = 0; i < LENGTH; i++) {
        colour_chroma_row(&colour_jpeg_to_film, samples[0] + i, samples[1] + i, 1, part, part + 1,
                          &one);
        assert_true(part[0] == cb[i] && part[1] == cr[i] && one == cross[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jpeg_colours_become_film_colours),
        cmocka_unit_test(rgb_colours_become_film_colours),
        cmocka_unit_test(known_colours),
        cmocka_unit_test(greys_are_exact),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(impossible_colours_stay_in_range),
        cmocka_unit_test(cross_terms_are_interpolated),
        cmocka_unit_test(rgb_chroma_is_sited_left),
        cmocka_unit_test(length_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
