#include "media/blur.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "image_files.h"
#include "media/compose.h"

/* Canvas and picture; each kind of margins, odd shapes, and a canvas for motion. */
static const struct {
    unsigned width, height, x, y, picture_width, picture_height;
} cases[] = {
    {320, 180, 92, 0, 136, 180},     {320, 180, 0, 30, 320, 120}, {180, 320, 0, 92, 180, 136},
    {2304, 1296, 666, 0, 972, 1296}, {16, 16, 6, 0, 4, 16},       {16, 16, 0, 6, 16, 2},
    {300, 40, 148, 0, 2, 40},        {8192, 16, 0, 6, 8192, 4},   {98, 66, 2, 0, 94, 66},
};

struct rig {
    struct blur *blur;
    struct frame frame;
    struct placement place;
};

static struct rig rig_new(size_t i) {
    struct rig rig = {.blur = blur_new(cases[i].width, cases[i].height),
                      .place = {.x = cases[i].x,
                                .y = cases[i].y,
                                .target_width = cases[i].picture_width,
                                .target_height = cases[i].picture_height}};
    frame_init(&rig.frame, cases[i].width, cases[i].height);
    return rig;
}

static void rig_free(struct rig *rig) {
    blur_free(rig->blur);
    frame_clear(&rig->frame);
}

static int at(const struct frame *frame, unsigned p, unsigned x, unsigned y) {
    return frame->planes[p][y * frame->strides[p] + x];
}

static bool is_inside(const struct placement *place, unsigned p, unsigned x, unsigned y) {
    unsigned shift = p > 0;
    return x >= place->x >> shift && x < (place->x + place->target_width) >> shift &&
           y >= place->y >> shift && y < (place->y + place->target_height) >> shift;
}

/* The picture by a function of its place in luma samples; the margins are whatever was there. */
static void draw(struct rig *rig, int (*value)(unsigned p, double x, double y)) {
    for (unsigned p = 0; p < 3; p++) {
        for (unsigned y = 0; y < rig->frame.height >> (p > 0); y++) {
            for (unsigned x = 0; x < rig->frame.width >> (p > 0); x++) {
                double luma_x = p > 0 ? 2 * x + 0.5 : x + 0.5, luma_y = p > 0 ? 2 * y + 1 : y + 0.5;
                bool inside = is_inside(&rig->place, p, x, y);
                rig->frame.planes[p][y * rig->frame.strides[p] + x] =
                    (uint8_t)(inside ? value(p, luma_x - rig->place.x, luma_y - rig->place.y) : 77);
            }
        }
    }
}

static int flat(unsigned p, double x, double y) {
    (void)x;
    (void)y;
    static const int values[] = {116, 88, 178};
    return values[p];
}

static int white(unsigned p, double x, double y) {
    (void)x;
    (void)y;
    return p == 0 ? 235 : 128;
}

static int noise(unsigned p, double x, double y) {
    uint32_t mixed = (uint32_t)(x * 2) * 2654435761u ^ (uint32_t)(y * 2) * 40503u * 65537u ^ p;
    mixed ^= mixed >> 15;
    mixed *= 2246822519u;
    return 16 + (int)((mixed >> 13) % 220);
}

static int slope(unsigned p, double x, double y) {
    (void)p;
    (void)y;
    return 60 + (int)(x / 12);
}

/* Flat stays flat: darker by a fifth, colours by as much, and no pattern. */
static void flat_margins_are_darker(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rig rig = rig_new(i);
        draw(&rig, flat);
        blur_margins(rig.blur, &rig.place, &rig.frame);
        static const int picture[] = {116, 88, 178}, margin[] = {96, 96, 168};
        for (unsigned p = 0; p < 3; p++) {
            for (unsigned y = 0; y < rig.frame.height >> (p > 0); y++) {
                for (unsigned x = 0; x < rig.frame.width >> (p > 0); x++) {
                    bool inside = is_inside(&rig.place, p, x, y);
                    assert_int_equal(at(&rig.frame, p, x, y), inside ? picture[p] : margin[p]);
                }
            }
        }
        rig_free(&rig);
    }
}

static void pictures_stay_as_they_are(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rig rig = rig_new(i);
        draw(&rig, noise);
        blur_margins(rig.blur, &rig.place, &rig.frame);
        for (unsigned p = 0; p < 3; p++) {
            for (unsigned y = 0; y < rig.frame.height >> (p > 0); y++) {
                for (unsigned x = 0; x < rig.frame.width >> (p > 0); x++) {
                    double luma_x = (p > 0 ? 2 * x + 0.5 : x + 0.5) - rig.place.x;
                    double luma_y = (p > 0 ? 2 * y + 1 : y + 0.5) - rig.place.y;
                    if (is_inside(&rig.place, p, x, y))
                        assert_int_equal(at(&rig.frame, p, x, y), noise(p, luma_x, luma_y));
                }
            }
        }
        rig_free(&rig);
    }
}

/* Of noise, nothing is left that would show cells or edges. */
static void margins_are_smooth(void **state) {
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct rig rig = rig_new(i);
        draw(&rig, noise);
        blur_margins(rig.blur, &rig.place, &rig.frame);
        for (unsigned p = 0; p < 3; p++) {
            int most = p > 0 ? 4 : 2; /* chroma's samples are twice as far apart */
            for (unsigned y = 1; y < rig.frame.height >> (p > 0); y++) {
                for (unsigned x = 1; x < rig.frame.width >> (p > 0); x++) {
                    if (is_inside(&rig.place, p, x, y) || is_inside(&rig.place, p, x - 1, y) ||
                        is_inside(&rig.place, p, x, y - 1))
                        continue;
                    int value = at(&rig.frame, p, x, y);
                    assert_true(abs(value - at(&rig.frame, p, x - 1, y)) <= most);
                    assert_true(abs(value - at(&rig.frame, p, x, y - 1)) <= most);
                }
            }
        }
        rig_free(&rig);
    }
}

static double mean_of_block(const struct frame *frame, unsigned p, unsigned left, unsigned top) {
    double sum = 0;
    for (unsigned y = top; y < top + 8; y++) {
        for (unsigned x = left; x < left + 8; x++)
            sum += at(frame, p, x, y);
    }
    return sum / 64;
}

/* A slope of a twentieth of a step a sample, which rounding would turn into bands of 20 samples,
 * rises from block to block; and it lies where the enlarged picture has it, in luma and chroma. */
static void slopes_have_no_bands(void **state) {
    (void)state;
    struct blur *blur = blur_new(1280, 1280);
    struct rig rig = {.blur = blur,
                      .place = {0, .y = 320, .target_width = 1280, .target_height = 640}};
    frame_init(&rig.frame, 1280, 1280);
    draw(&rig, slope);
    blur_margins(rig.blur, &rig.place, &rig.frame);
    for (unsigned p = 0; p < 3; p++) {
        /* Twice as large; the middle of the picture stays in the middle. */
        double least = 0, zero = p == 0 ? 16 : 128;
        for (unsigned x = 96 >> (p > 0); x < 1184u >> (p > 0); x += 8) {
            double place = p == 0 ? x + 4 : 2 * (x + 4) - 0.5;
            double original = 60 - 0.5 + (640 + (place - 640) / 2) / 12;
            double expected = zero + (original - zero) * 0.8;
            double found = mean_of_block(&rig.frame, p, x, 64);
            assert_true(fabs(found - expected) < 0.12);
            assert_true(found > least);
            least = found;
        }
    }
    rig_free(&rig);
}

static void white_stays_in_range(void **state) {
    (void)state;
    struct rig rig = rig_new(0);
    draw(&rig, white);
    blur_margins(rig.blur, &rig.place, &rig.frame);
    assert_int_equal(at(&rig.frame, 0, 3, 3), 16 + 219 * 4 / 5);
    assert_int_equal(at(&rig.frame, 1, 3, 3), 128);
    rig_free(&rig);
}

/* One blur for pictures of many shapes, as a new one for each. */
static void shapes_may_change(void **state) {
    (void)state;
    static const unsigned shapes[][4] = {{92, 0, 136, 180},
                                         {0, 30, 320, 120},
                                         {92, 0, 136, 180},
                                         {0, 0, 320, 180},
                                         {2, 0, 316, 180}};
    struct rig used = rig_new(0);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        struct rig fresh = rig_new(0);
        fresh.place = used.place = (struct placement){.x = shapes[i][0],
                                                      .y = shapes[i][1],
                                                      .target_width = shapes[i][2],
                                                      .target_height = shapes[i][3]};
        draw(&used, noise);
        draw(&fresh, noise);
        blur_margins(used.blur, &used.place, &used.frame);
        blur_margins(fresh.blur, &fresh.place, &fresh.frame);
        for (unsigned p = 0; p < 3; p++) {
            for (unsigned y = 0; y < 180u >> (p > 0); y++)
                assert_memory_equal(used.frame.planes[p] + y * used.frame.strides[p],
                                    fresh.frame.planes[p] + y * fresh.frame.strides[p],
                                    320u >> (p > 0));
        }
        rig_free(&fresh);
    }
    rig_free(&used);
}

/* By the way of a whole image: what the composer leaves to it, and what not. */
static void composed_pictures_have_their_margins(void **state) {
    (void)state;
    static const struct {
        enum fit fit;
        int margin;
    } fitted[] = {{FIT_CONTAIN, 16}, {FIT_BLUR, 16 + (126 - 16) * 4 / 5}, {FIT_STRETCH, 126}};
    struct arena *arena = arena_new();
    struct picture grey = picture_flat(arena, 90, 120, 128, 128, 128);
    struct str image = av_of(arena, &grey, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255);
    for (size_t i = 0; i < ARRAY_SIZE(fitted); i++) {
        struct compose_target target = {.width = 160, .height = 90, .fit = fitted[i].fit};
        struct composer *composer = composer_new(&target);
        struct receipt receipt = {0};
        struct frame frame;
        struct error err;
        frame_init(&frame, 160, 90);
        memset(frame.planes[0], 77, frame.strides[0] * 90);
        assert_true(composer_run(composer, arena, image, 0, &frame, &receipt, &err));
        assert_int_equal(at(&frame, 0, 80, 45), 126);
        for (unsigned x = 0; x < 160; x += x == 40 ? 80 : 1)
            assert_int_equal(at(&frame, 0, x, 10), fitted[i].margin);
        frame_clear(&frame);
        composer_free(composer);
    }
    arena_free(arena);
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
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rig rig = rig_new(i);
        draw(&rig, noise);
        blur_margins(rig.blur, &rig.place, &rig.frame);
        hash = hash_of(&rig.frame, hash);
        rig_free(&rig);
    }
    assert_true(hash == 0x30beca267fdc978c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flat_margins_are_darker),
        cmocka_unit_test(pictures_stay_as_they_are),
        cmocka_unit_test(margins_are_smooth),
        cmocka_unit_test(slopes_have_no_bands),
        cmocka_unit_test(white_stays_in_range),
        cmocka_unit_test(shapes_may_change),
        cmocka_unit_test(composed_pictures_have_their_margins),
        cmocka_unit_test(bytes_are_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
