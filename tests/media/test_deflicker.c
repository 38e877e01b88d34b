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
    assert_int_equal(frame.planes[1][0], 0);
    assert_int_equal(frame.planes[2][0], 255);
    frame_clear(&frame);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flicker_goes),
        cmocka_unit_test(even_light_stays),
        cmocka_unit_test(gains_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
