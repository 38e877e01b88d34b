/*
 * Evening out light: what it measures, what it makes of a flickering sequence, and that an even one
 * stays as it is.
 */
#include "media/deflicker.h"

#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 64, IMAGES = 40, REACH = 5 };

/* A slope of light, made lighter or darker by `percent`. */
static void draw(struct frame *frame, int percent) {
    for (unsigned y = 0; y < SIDE; y++)
        for (unsigned x = 0; x < SIDE; x++)
            frame->planes[0][y * frame->strides[0] + x] = (uint8_t)(40 + (int)x * percent / 100);
    for (int i = 1; i < 3; i++)
        memset(frame->planes[i], 110, frame->strides[i] * (SIDE / 2));
}

static double mean_of(const struct frame *frame) {
    double sum = 0;
    for (unsigned y = 0; y < SIDE; y++)
        for (unsigned x = 0; x < SIDE; x++)
            sum += frame->planes[0][y * frame->strides[0] + x];
    return sum / (SIDE * SIDE);
}

/* Of the differences between neighbours. */
static double flicker_of(const double *means) {
    double sum = 0;
    for (size_t i = 1; i < IMAGES; i++)
        sum += fabs(means[i] - means[i - 1]);
    return sum / (IMAGES - 1);
}

static void flicker_goes(void **state) {
    (void)state;
    struct frame frame;
    uint32_t lights[IMAGES];
    double before[IMAGES], after[IMAGES];
    frame_init(&frame, SIDE, SIDE);
    for (size_t i = 0; i < IMAGES; i++) {
        draw(&frame, 140 + (i % 3 == 0 ? 40 : 0) + (i % 2 ? 15 : 0));
        lights[i] = deflicker_light(&frame);
        before[i] = mean_of(&frame);
    }
    for (size_t i = 0; i < IMAGES; i++) {
        size_t begin = i > REACH ? i - REACH : 0;
        size_t end = i + REACH + 1 < IMAGES ? i + REACH + 1 : IMAGES;
        draw(&frame, 140 + (i % 3 == 0 ? 40 : 0) + (i % 2 ? 15 : 0));
        deflicker_apply(deflicker_gain(lights + begin, end - begin, i - begin), &frame);
        after[i] = mean_of(&frame);
    }
    assert_true(flicker_of(after) * 4 < flicker_of(before));
    frame_clear(&frame);
}

static void even_light_stays(void **state) {
    (void)state;
    struct frame frame, same;
    uint32_t lights[] = {20000, 20000, 20000, 0, 20000};
    frame_init(&frame, SIDE, SIDE);
    frame_init(&same, SIDE, SIDE);
    draw(&frame, 100);
    draw(&same, 100);
    assert_int_equal(deflicker_gain(lights, 5, 1), 65536);
    /* One that could not be measured has no gain. */
    assert_int_equal(deflicker_gain(lights, 5, 3), 65536);
    deflicker_apply(65536, &frame);
    assert_memory_equal(frame.planes[0], same.planes[0], frame.strides[0] * SIDE);
    frame_clear(&frame);
    frame_clear(&same);
}

static void gains_are_bounded(void **state) {
    (void)state;
    static const uint32_t lights[] = {65536, 1, 65536, 65536, 65536};
    static const uint32_t dark[] = {10, 65536, 10, 10};
    assert_int_equal(deflicker_gain(lights, 5, 1), 131072);
    assert_int_equal(deflicker_gain(dark, 4, 1), 32768);
    struct frame frame;
    frame_init(&frame, SIDE, SIDE);
    memset(frame.planes[0], 16, frame.strides[0] * SIDE);
    memset(frame.planes[1], 0, frame.strides[1] * SIDE / 2);
    memset(frame.planes[2], 255, frame.strides[2] * SIDE / 2);
    assert_int_equal(deflicker_light(&frame), 1);
    deflicker_apply(131072, &frame);
    assert_int_equal(frame.planes[0][0], 16);
    assert_int_equal(frame.planes[1][0], 16);
    assert_int_equal(frame.planes[2][0], 240);
    frame_clear(&frame);
}

static double linear_of(double value) {
    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

static double curve_of(double light) {
    return light <= 0.0031308 ? light * 12.92 : 1.055 * pow(light, 1 / 2.4) - 0.055;
}

/* One shot of a scene in colours, from deep shadows to highlights, at an exposure. */
static void expose(struct frame *frame, double exposure) {
    for (unsigned y = 0; y < SIDE; y++) {
        for (unsigned x = 0; x < SIDE; x++) {
            double light = exposure * 0.45 * pow((x + y + 1.0) / (2 * SIDE), 2);
            double value = 16 + 219 * curve_of(light < 1 ? light : 1);
            frame->planes[0][y * frame->strides[0] + x] = (uint8_t)(value + 0.5);
            /* Chroma goes with luma, as in any colour that is lit more or less. */
            frame->planes[1][y / 2 * frame->strides[1] + x / 2] =
                (uint8_t)(128.5 - (value - 16) / 4);
            frame->planes[2][y / 2 * frame->strides[2] + x / 2] =
                (uint8_t)(128.5 + (value - 16) / 3);
        }
    }
}

/* Exposures that go up and down by a sixth, as shutters and apertures do: the spread of mean luma
 * and of mean linear light becomes less than a tenth. */
static void exposures_become_steady(void **state) {
    (void)state;
    struct frame frame;
    uint32_t lights[IMAGES];
    double exposures[IMAGES], before[IMAGES], after[IMAGES];
    frame_init(&frame, SIDE, SIDE);
    uint32_t random = 7;
    for (size_t i = 0; i < IMAGES; i++) {
        random = random * 1664525 + 1013904223;
        exposures[i] = 1 + ((double)(random >> 16) / 65536 - 0.5) / 3;
        expose(&frame, exposures[i]);
        before[i] = mean_of(&frame);
        lights[i] = deflicker_light(&frame);
    }
    for (size_t i = 0; i < IMAGES; i++) {
        expose(&frame, exposures[i]);
        deflicker_apply(deflicker_gain(lights, IMAGES, i), &frame);
        after[i] = mean_of(&frame);
    }
    double spread[2] = {0}, middle[2] = {0};
    for (size_t i = 0; i < IMAGES; i++) {
        middle[0] += before[i] / IMAGES;
        middle[1] += after[i] / IMAGES;
    }
    for (size_t i = 0; i < IMAGES; i++) {
        spread[0] += (before[i] - middle[0]) * (before[i] - middle[0]);
        spread[1] += (after[i] - middle[1]) * (after[i] - middle[1]);
    }
    assert_true(spread[0] / IMAGES > 4);
    assert_true(sqrt(spread[1]) * 10 < sqrt(spread[0]));
    assert_true(fabs(middle[0] - middle[1]) < 1);
    frame_clear(&frame);
}

static void light_is_linear(void **state) {
    (void)state;
    struct frame frame;
    frame_init(&frame, 98, SIDE);
    for (int code = 0; code < 256; code++) {
        memset(frame.planes[0], code, frame.strides[0] * SIDE);
        double value = (code < 16 ? 0 : code > 235 ? 219 : code - 16) / 219.0;
        double expected = linear_of(value) * 65536;
        assert_true(fabs(deflicker_light(&frame) - (expected < 1 ? 1 : expected)) <= 0.51);
    }
    /* Half white, half black is half the light; what lies behind the rows does not count. */
    memset(frame.planes[0], 200, frame.strides[0] * SIDE);
    for (unsigned y = 0; y < SIDE; y++)
        memset(frame.planes[0] + y * frame.strides[0], y % 2 ? 235 : 16, 98);
    assert_int_equal(deflicker_light(&frame), 32768);
    frame_clear(&frame);
}

/* The definition of the gain; images that were not measured change nothing. */
static void gains_are_to_the_mean_of_logarithms(void **state) {
    (void)state;
    static const struct {
        uint32_t lights[6];
        size_t count, place;
        double gain;
    } cases[] = {
        {{100, 200}, 2, 0, 1.41421356},
        {{100, 200}, 2, 1, 0.70710678},
        {{100, 0, 200, 0}, 4, 0, 1.41421356},
        {{65536, 65536, 1}, 3, 0, 0.5},
        {{30000, 40000, 50000}, 3, 1, 0.978717},
        {{1, 1, 1, 1, 1, 1}, 6, 3, 1},
        {{5}, 1, 0, 1},
        {{0, 7, 9}, 3, 0, 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        double gain = deflicker_gain(cases[i].lights, cases[i].count, cases[i].place) / 65536.0;
        assert_true(fabs(gain - cases[i].gain) < 0.00002);
    }
}

/* By flat pictures of each luma, with a colour in the same proportion. */
static void gains_are_exact_but_in_highlights(void **state) {
    (void)state;
    static const double gains[] = {0.5, 0.8, 0.97, 1.03, 1.25, 2};
    struct frame frame;
    frame_init(&frame, 16, 16);
    for (size_t g = 0; g < ARRAY_SIZE(gains); g++) {
        int last = 0;
        for (int code = 16; code <= 235; code++) {
            double value = (code - 16) / 219.0, light = linear_of(value);
            int cb = 128 - (code - 16) / 4, cr = 128 + (code - 16) / 3;
            memset(frame.planes[0], code, frame.strides[0] * 16);
            memset(frame.planes[1], cb, frame.strides[1] * 8);
            memset(frame.planes[2], cr, frame.strides[2] * 8);
            deflicker_apply((uint32_t)(gains[g] * 65536 + 0.5), &frame);
            int luma = frame.planes[0][5 * frame.strides[0] + 5];
            double changed = curve_of(light * gains[g]);
            if (light * (gains[g] > 1 ? gains[g] : 1) <= 0.49)
                assert_true(fabs(luma - (16 + 219 * changed)) <= 0.51);
            assert_true(luma >= last);
            last = luma;
            /* Chroma in luma's proportion: the same hue and saturation. */
            if (code > 40) {
                double factor = (luma - 16.0) / (code - 16);
                assert_true(fabs(frame.planes[1][0] - (128 + (cb - 128) * factor)) < 1.3);
                assert_true(fabs(frame.planes[2][0] - (128 + (cr - 128) * factor)) < 1.3);
            }
        }
        assert_int_equal(last, 235);
    }
    frame_clear(&frame);
}

/* Black, white and greys get no colour, and nothing behind the rows is touched. */
static void greys_stay_grey(void **state) {
    (void)state;
    struct frame frame;
    frame_init(&frame, 98, 66);
    memset(frame.planes[0], 100, frame.strides[0] * 66);
    memset(frame.planes[1], 128, frame.strides[1] * 33);
    memset(frame.planes[2], 128, frame.strides[2] * 33);
    deflicker_apply(80000, &frame);
    for (unsigned y = 0; y < 33; y++) {
        for (unsigned x = 0; x < 49; x++) {
            assert_int_equal(frame.planes[1][y * frame.strides[1] + x], 128);
            assert_int_equal(frame.planes[2][y * frame.strides[2] + x], 128);
        }
    }
    assert_true(frame.planes[0][65 * frame.strides[0] + 97] > 100);
    assert_int_equal(frame.planes[0][65 * frame.strides[0] + 98], 100);
    frame_clear(&frame);
}

/* FNV-1a of what can be seen. */
static uint64_t hash_of(const struct frame *frame, uint64_t hash) {
    for (unsigned p = 0; p < 3; p++) {
        for (unsigned y = 0; y < frame->height >> (p > 0); y++) {
            for (unsigned x = 0; x < frame->width >> (p > 0); x++)
                hash = (hash ^ frame->planes[p][y * frame->strides[p] + x]) * 0x100000001b3;
        }
    }
    return hash;
}

/* The same bytes from every compiler and processor, with and without vectors. */
static void bytes_are_pinned(void **state) {
    (void)state;
    uint64_t hash = 0xcbf29ce484222325;
    struct frame frame;
    frame_init(&frame, 320, 256);
    for (uint32_t gain = 32768; gain <= 131072; gain += 3333) {
        for (unsigned p = 0; p < 3; p++) {
            for (size_t i = 0; i < frame.strides[p] * (frame.height >> (p > 0)); i++)
                frame.planes[p][i] = (uint8_t)(16 + (i * 7919 + i / 320 * 31) % 220);
        }
        hash = (hash ^ deflicker_light(&frame)) * 0x100000001b3;
        deflicker_apply(gain, &frame);
        hash = hash_of(&frame, hash);
    }
    assert_true(hash == 0x2f734f4b3df7eabe);
    frame_clear(&frame);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flicker_goes),
        cmocka_unit_test(even_light_stays),
        cmocka_unit_test(gains_are_bounded),
        cmocka_unit_test(exposures_become_steady),
        cmocka_unit_test(light_is_linear),
        cmocka_unit_test(gains_are_to_the_mean_of_logarithms),
        cmocka_unit_test(gains_are_exact_but_in_highlights),
        cmocka_unit_test(greys_stay_grey),
        cmocka_unit_test(bytes_are_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
