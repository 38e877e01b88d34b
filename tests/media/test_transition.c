#include "media/transition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* Each and what it is when time runs backwards. */
static const struct {
    enum transition forth, back;
} pairs[] = {
    {TRANSITION_CROSSFADE, TRANSITION_CROSSFADE},
    {TRANSITION_FADEBLACK, TRANSITION_FADEBLACK},
    {TRANSITION_FADEWHITE, TRANSITION_FADEWHITE},
    {TRANSITION_WIPE_LEFT, TRANSITION_WIPE_RIGHT},
    {TRANSITION_WIPE_RIGHT, TRANSITION_WIPE_LEFT},
    {TRANSITION_WIPE_UP, TRANSITION_WIPE_DOWN},
    {TRANSITION_WIPE_DOWN, TRANSITION_WIPE_UP},
    {TRANSITION_SLIDE_LEFT, TRANSITION_SLIDE_RIGHT},
    {TRANSITION_SLIDE_RIGHT, TRANSITION_SLIDE_LEFT},
    {TRANSITION_SLIDE_UP, TRANSITION_SLIDE_DOWN},
    {TRANSITION_SLIDE_DOWN, TRANSITION_SLIDE_UP},
};

struct rig {
    struct frame from, to, frame, other;
};

static void draw_noise(struct frame *frame, uint32_t random) {
    for (unsigned p = 0; p < 3; p++) {
        for (size_t i = 0; i < frame->strides[p] * (frame->height >> (p > 0)); i++) {
            random = random * 1664525 + 1013904223;
            frame->planes[p][i] = (uint8_t)(16 + (random >> 16) % 220);
        }
    }
}

static void draw_flat(struct frame *frame, uint8_t y, uint8_t u, uint8_t v) {
    const uint8_t values[] = {y, u, v};
    for (unsigned p = 0; p < 3; p++)
        memset(frame->planes[p], values[p], frame->strides[p] * (frame->height >> (p > 0)));
}

static struct rig rig_new(unsigned width, unsigned height) {
    struct rig rig;
    frame_init(&rig.from, width, height);
    frame_init(&rig.to, width, height);
    frame_init(&rig.frame, width, height);
    frame_init(&rig.other, width, height);
    draw_noise(&rig.from, 1);
    draw_noise(&rig.to, 2);
    return rig;
}

static void rig_free(struct rig *rig) {
    frame_clear(&rig->from);
    frame_clear(&rig->to);
    frame_clear(&rig->frame);
    frame_clear(&rig->other);
}

static int at(const struct frame *frame, unsigned p, unsigned x, unsigned y) {
    return frame->planes[p][y * frame->strides[p] + x];
}

static int largest_difference(const struct frame *a, const struct frame *b) {
    int largest = 0;
    for (unsigned p = 0; p < 3; p++) {
        for (unsigned y = 0; y < a->height >> (p > 0); y++) {
            for (unsigned x = 0; x < a->width >> (p > 0); x++) {
                int difference = abs(at(a, p, x, y) - at(b, p, x, y));
                largest = difference > largest ? difference : largest;
            }
        }
    }
    return largest;
}

static const unsigned sizes[][2] = {{16, 16}, {34, 18}, {98, 66}, {320, 180}};

static void backwards_it_is_the_same(void **state) {
    (void)state;
    static const uint32_t lengths[] = {2, 3, 7, 30, 64, 7200};
    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
        struct rig rig = rig_new(sizes[s][0], sizes[s][1]);
        for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
            for (size_t k = 0; k < ARRAY_SIZE(lengths); k++) {
                uint32_t steps = lengths[k];
                for (uint32_t step = 1; step < steps; step += steps / 7 + 1) {
                    transition_mix(pairs[i].forth, &rig.from, &rig.to, step, steps, &rig.frame);
                    transition_mix(pairs[i].back, &rig.to, &rig.from, steps - step, steps,
                                   &rig.other);
                    assert_int_equal(largest_difference(&rig.frame, &rig.other), 0);
                }
            }
        }
        rig_free(&rig);
    }
}

/* One of very many steps away from the ends shows next to nothing of the other picture. */
static void ends_are_the_pictures(void **state) {
    (void)state;
    struct rig rig = rig_new(98, 66);
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        transition_mix(pairs[i].forth, &rig.from, &rig.to, 1, 4000000, &rig.frame);
        assert_true(largest_difference(&rig.frame, &rig.from) <= 1);
        transition_mix(pairs[i].forth, &rig.from, &rig.to, 3999999, 4000000, &rig.frame);
        assert_true(largest_difference(&rig.frame, &rig.to) <= 1);
    }
    rig_free(&rig);
}

static void two_equal_pictures_stay(void **state) {
    (void)state;
    static const enum transition still[] = {TRANSITION_CROSSFADE, TRANSITION_WIPE_LEFT,
                                            TRANSITION_WIPE_RIGHT, TRANSITION_WIPE_UP,
                                            TRANSITION_WIPE_DOWN};
    struct rig rig = rig_new(98, 66);
    for (size_t i = 0; i < ARRAY_SIZE(still); i++) {
        for (uint32_t step = 1; step < 30; step++) {
            transition_mix(still[i], &rig.from, &rig.from, step, 30, &rig.frame);
            assert_int_equal(largest_difference(&rig.frame, &rig.from), 0);
        }
    }
    rig_free(&rig);
}

/* All pairs of values, at all widths around the vectors' size. */
static void crossfade_rounds_to_nearest(void **state) {
    (void)state;
    struct rig rig = rig_new(256, 256);
    for (unsigned y = 0; y < 256; y++) {
        memset(rig.from.planes[0] + y * rig.from.strides[0], (int)y, 256);
        for (unsigned x = 0; x < 256; x++)
            rig.to.planes[0][y * rig.to.strides[0] + x] = (uint8_t)x;
    }
    for (uint32_t step = 1; step < 30; step++) {
        transition_mix(TRANSITION_CROSSFADE, &rig.from, &rig.to, step, 30, &rig.frame);
        for (unsigned y = 0; y < 256; y++) {
            for (unsigned x = 0; x < 256; x++) {
                double exact = (y * (30.0 - step) + x * (double)step) / 30;
                assert_true(fabs(at(&rig.frame, 0, x, y) - exact) < 0.505);
            }
        }
    }
    rig_free(&rig);
}

static void fades_go_by_their_colour(void **state) {
    (void)state;
    static const struct {
        enum transition transition;
        int luma;
    } cases[] = {{TRANSITION_FADEBLACK, 16}, {TRANSITION_FADEWHITE, 235}};
    struct rig rig = rig_new(34, 18);
    draw_flat(&rig.from, 100, 60, 200);
    draw_flat(&rig.to, 50, 220, 90);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (uint32_t step = 1; step < 20; step++) {
            double share = step < 10 ? step / 10.0 : (20 - step) / 10.0;
            double luma = step < 10 ? 100 : 50, cb = step < 10 ? 60 : 220;
            transition_mix(cases[i].transition, &rig.from, &rig.to, step, 20, &rig.frame);
            double expected = luma + (cases[i].luma - luma) * share;
            assert_true(fabs(at(&rig.frame, 0, 5, 5) - expected) <= 0.51);
            assert_true(fabs(at(&rig.frame, 1, 5, 5) - (cb + (128 - cb) * share)) <= 0.51);
        }
    }
    rig_free(&rig);
}

/* What a plane shows of `to` over `from`, in luma samples along the side that moves. */
static double uncovered(const struct frame *frame, unsigned p, bool is_across) {
    double sum = 0;
    unsigned width = frame->width >> (p > 0), height = frame->height >> (p > 0);
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++)
            sum += at(frame, p, x, y) - 20;
    }
    return sum / 200 / (is_across ? height : width) * (p > 0 ? 2 : 1);
}

/* The edge stands where it should in all planes, and nothing else is mixed. */
static void wipes_are_at_fractions(void **state) {
    (void)state;
    static const struct {
        enum transition transition;
        bool is_across, is_forward;
    } cases[] = {{TRANSITION_WIPE_LEFT, true, false},
                 {TRANSITION_WIPE_RIGHT, true, true},
                 {TRANSITION_WIPE_UP, false, false},
                 {TRANSITION_WIPE_DOWN, false, true}};
    struct rig rig = rig_new(98, 66);
    draw_flat(&rig.from, 20, 20, 20);
    draw_flat(&rig.to, 220, 220, 220);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        double length = cases[i].is_across ? 98 : 66;
        for (uint32_t step = 1; step < 1000; step += 7) {
            transition_mix(cases[i].transition, &rig.from, &rig.to, step, 1000, &rig.frame);
            double way = length * step / 1000;
            assert_true(fabs(uncovered(&rig.frame, 0, cases[i].is_across) - way) < 0.003);
            /* Away from the ends, chroma samples begin half a luma sample before their two. */
            double shift = cases[i].is_across ? cases[i].is_forward ? 0.5 : -0.5 : 0;
            double seen = uncovered(&rig.frame, 1, cases[i].is_across) - shift;
            if (way > 3 && way < length - 3)
                assert_true(fabs(seen - way) < 0.006);
            unsigned corner_x = cases[i].is_forward ? 0 : 97,
                     corner_y = cases[i].is_forward ? 0 : 65;
            if (way > 1)
                assert_int_equal(at(&rig.frame, 0, corner_x, corner_y), 220);
            if (way < length - 1)
                assert_int_equal(at(&rig.frame, 0, 97 - corner_x, 65 - corner_y), 20);
        }
    }
    rig_free(&rig);
}

/* Where both pictures are one wave that goes on over the seam, the slide moves that wave. */
static void slides_move_at_fractions(void **state) {
    (void)state;
    static const struct {
        enum transition transition;
        bool is_across;
        int direction;
    } cases[] = {{TRANSITION_SLIDE_LEFT, true, 1},
                 {TRANSITION_SLIDE_RIGHT, true, -1},
                 {TRANSITION_SLIDE_UP, false, 1},
                 {TRANSITION_SLIDE_DOWN, false, -1}};
    struct rig rig = rig_new(96, 64);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        double length = cases[i].is_across ? 96 : 64;
        for (uint32_t step = 1; step < 500; step += 3) {
            for (unsigned p = 0; p < 3; p++) {
                double wave = 2 * M_PI * 3 / length * (p > 0 ? 2 : 1);
                for (unsigned y = 0; y < 64u >> (p > 0); y++) {
                    for (unsigned x = 0; x < 96u >> (p > 0); x++) {
                        double value = 125 + 100 * sin(wave * (cases[i].is_across ? x : y));
                        rig.from.planes[p][y * rig.from.strides[p] + x] = (uint8_t)(value + 0.5);
                        rig.to.planes[p][y * rig.to.strides[p] + x] = (uint8_t)(value + 0.5);
                    }
                }
            }
            transition_mix(cases[i].transition, &rig.from, &rig.to, step, 500, &rig.frame);
            for (unsigned p = 0; p < 3; p++) {
                double wave = 2 * M_PI * 3 / length * (p > 0 ? 2 : 1);
                double way = cases[i].direction * length * step / 500 / (p > 0 ? 2 : 1);
                for (unsigned k = 4; k < (cases[i].is_across ? 90u : 60u) >> (p > 0); k++) {
                    double expected = 125 + 100 * sin(wave * (k + way));
                    unsigned x = cases[i].is_across ? k : 7, y = cases[i].is_across ? 7 : k;
                    assert_true(fabs(at(&rig.frame, p, x, y) - expected) < 1.6);
                }
            }
        }
    }
    rig_free(&rig);
}

/* Whole samples are copied; `to` comes in from the side that the slide does not go to. */
static void slides_of_whole_samples_copy(void **state) {
    (void)state;
    struct rig rig = rig_new(96, 64);
    for (uint32_t step = 1; step < 16; step++) {
        unsigned way = 96 / 16 * step;
        transition_mix(TRANSITION_SLIDE_LEFT, &rig.from, &rig.to, step, 16, &rig.frame);
        for (unsigned y = 0; y < 64; y++) {
            for (unsigned x = 0; x < 96; x++) {
                bool is_new = x + way >= 96;
                int expected = at(is_new ? &rig.to : &rig.from, 0, (x + way) % 96, y);
                assert_int_equal(at(&rig.frame, 0, x, y), expected);
            }
        }
        way = 64 / 16 * step;
        transition_mix(TRANSITION_SLIDE_DOWN, &rig.from, &rig.to, step, 16, &rig.frame);
        for (unsigned y = 0; y < 32; y++) {
            for (unsigned x = 0; x < 48; x++) {
                bool is_new = y < way / 2;
                int expected = at(is_new ? &rig.to : &rig.from, 2, x, (y + 32 - way / 2) % 32);
                assert_int_equal(at(&rig.frame, 2, x, y), expected);
            }
        }
    }
    rig_free(&rig);
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
    struct rig rig = rig_new(334, 98);
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        for (uint32_t step = 1; step < 30; step += 9) {
            transition_mix(pairs[i].forth, &rig.from, &rig.to, step, 30, &rig.frame);
            hash = hash_of(&rig.frame, hash);
        }
    }
    assert_true(hash == 0x5fb5ca69f3c2ca0d);
    rig_free(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backwards_it_is_the_same), cmocka_unit_test(ends_are_the_pictures),
        cmocka_unit_test(two_equal_pictures_stay),  cmocka_unit_test(crossfade_rounds_to_nearest),
        cmocka_unit_test(fades_go_by_their_colour), cmocka_unit_test(wipes_are_at_fractions),
        cmocka_unit_test(slides_move_at_fractions), cmocka_unit_test(slides_of_whole_samples_copy),
        cmocka_unit_test(bytes_are_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
