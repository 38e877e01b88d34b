#include "media/camera.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "media/resample.h"

#define WHOLE ((uint64_t)1 << 32)

static const enum motion motions[] = {MOTION_NONE,     MOTION_KENBURNS, MOTION_ZOOM_IN,
                                      MOTION_ZOOM_OUT, MOTION_PAN_LEFT, MOTION_PAN_RIGHT,
                                      MOTION_PAN_UP,   MOTION_PAN_DOWN};

static void canvas_sizes(void **state) {
    (void)state;
    static const unsigned cases[][4] = {
        {1920, 1080, 2304, 1296}, {1280, 720, 1536, 864}, {3840, 2160, 4608, 2592},
        {16, 16, 20, 20},         {854, 480, 1024, 576},  {7680, 4320, 8192, 4608},
        {8192, 8192, 8192, 8192}, {8192, 16, 8192, 16},   {16, 8000, 16, 8192},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned width, height;
        camera_canvas_size(cases[i][0], cases[i][1], &width, &height);
        assert_int_equal(width, cases[i][2]);
        assert_int_equal(height, cases[i][3]);
    }
    for (unsigned side = SETTINGS_MIN_SIDE; side <= SETTINGS_MAX_SIDE; side += 2) {
        unsigned width, height;
        camera_canvas_size(side, SETTINGS_MIN_SIDE, &width, &height);
        assert_true(width % 2 == 0 && width >= side && width <= SETTINGS_MAX_SIDE);
        assert_true(height % 2 == 0 && height >= SETTINGS_MIN_SIDE);
    }
}

static void views_stay_inside(void **state) {
    (void)state;
    static const uint64_t counts[] = {1, 2, 3, 90, 1001, 10000000};
    const uint64_t least = WHOLE * 100 / CAMERA_MAX_ZOOM_PERCENT - 2;
    for (size_t m = 0; m < ARRAY_SIZE(motions); m++) {
        for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
            for (uint64_t seed = 0; seed < 50; seed++) {
                uint64_t stride = counts[c] / 50 + 1;
                for (uint64_t step = 0; step < counts[c]; step += stride) {
                    struct view view = camera_view(motions[m], seed, step, counts[c]);
                    assert_true(view.share >= least && view.share <= WHOLE);
                    assert_true(view.left + view.share <= WHOLE);
                    assert_true(view.top + view.share <= WHOLE);
                }
            }
        }
    }
}

static void assert_view(struct view view, double left, double top, double share) {
    assert_true(fabs((double)view.left / (double)WHOLE - left) < 1e-8);
    assert_true(fabs((double)view.top / (double)WHOLE - top) < 1e-8);
    assert_true(fabs((double)view.share / (double)WHOLE - share) < 1e-8);
}

static void motions_are_what_they_are_called(void **state) {
    (void)state;
    const double part = 1 / 1.2, rest = 1 - part, middle = rest / 2;
    const struct {
        enum motion motion;
        double from[3], to[3];
    } cases[] = {
        {MOTION_NONE, {0, 0, 1}, {0, 0, 1}},
        {MOTION_ZOOM_IN, {0, 0, 1}, {middle, middle, part}},
        {MOTION_ZOOM_OUT, {middle, middle, part}, {0, 0, 1}},
        {MOTION_PAN_LEFT, {rest, middle, part}, {0, middle, part}},
        {MOTION_PAN_RIGHT, {0, middle, part}, {rest, middle, part}},
        {MOTION_PAN_UP, {middle, rest, part}, {middle, 0, part}},
        {MOTION_PAN_DOWN, {middle, 0, part}, {middle, rest, part}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const double *from = cases[i].from, *to = cases[i].to;
        assert_view(camera_view(cases[i].motion, 1, 0, 77), from[0], from[1], from[2]);
        assert_view(camera_view(cases[i].motion, 2, 76, 77), to[0], to[1], to[2]);
    }
}

/* Of different seeds: in and out, and to many places; of one, always the same. */
static void kenburns_varies_with_the_seed(void **state) {
    (void)state;
    int inwards = 0, different = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct view from = camera_view(MOTION_KENBURNS, seed, 0, 90);
        struct view to = camera_view(MOTION_KENBURNS, seed, 89, 90);
        struct view again = camera_view(MOTION_KENBURNS, seed, 89, 90);
        struct view other = camera_view(MOTION_KENBURNS, seed + 1, 89, 90);
        assert_memory_equal(&to, &again, sizeof to);
        assert_true((from.share == WHOLE) != (to.share == WHOLE));
        inwards += from.share == WHOLE;
        different += memcmp(&to, &other, sizeof to) != 0;
    }
    assert_in_range(inwards, 60, 140);
    assert_true(different > 120);
}

/* On the screen, a point of the picture is at (place - left) / share. */
static double on_screen(double place, uint64_t start, uint64_t share) {
    return (place - (double)start / (double)WHOLE) / ((double)share / (double)WHOLE);
}

static void every_point_has_constant_speed(void **state) {
    (void)state;
    enum { COUNT = 300 };
    for (size_t m = 0; m < ARRAY_SIZE(motions); m++) {
        for (int place = 0; place <= 4; place++) {
            double x[COUNT], y[COUNT];
            for (uint64_t step = 0; step < COUNT; step++) {
                struct view view = camera_view(motions[m], 5, step, COUNT);
                x[step] = on_screen(place / 4.0, view.left, view.share);
                y[step] = on_screen(place / 4.0, view.top, view.share);
            }
            for (int i = 1; i + 1 < COUNT; i++) {
                assert_true(fabs(x[i - 1] - 2 * x[i] + x[i + 1]) < 1e-8);
                assert_true(fabs(y[i - 1] - 2 * y[i] + y[i + 1]) < 1e-8);
            }
        }
    }
}

struct scene {
    struct camera *camera;
    struct frame canvas, frame;
};

static struct scene scene_new(unsigned width, unsigned height) {
    struct scene scene = {.camera = camera_new(width, height)};
    unsigned canvas_width, canvas_height;
    camera_canvas_size(width, height, &canvas_width, &canvas_height);
    frame_init(&scene.canvas, canvas_width, canvas_height);
    frame_init(&scene.frame, width, height);
    return scene;
}

static void scene_free(struct scene *scene) {
    camera_free(scene->camera);
    frame_clear(&scene->canvas);
    frame_clear(&scene->frame);
}

enum { SPOT_GROUND = 40, SPOT_LIGHT = 220 };

/* A disc in all three planes, in luma samples of the canvas. Its edge is soft, but not its ground
 * and top: on gentle slopes rounding to 8 bits makes stairs, which can only move by whole samples.
 */
static void draw_spot(struct frame *canvas, double at_x, double at_y) {
    for (unsigned p = 0; p < 3; p++) {
        unsigned shift = p > 0;
        for (unsigned y = 0; y < canvas->height >> shift; y++) {
            for (unsigned x = 0; x < canvas->width >> shift; x++) {
                double dx = (p > 0 ? 2 * x + 0.5 : x + 0.5) - at_x;
                double dy = (p > 0 ? 2 * y + 1.0 : y + 0.5) - at_y;
                double inside = erfc((hypot(dx, dy) - 24) / (2 << shift)) / 2;
                double value = SPOT_GROUND + (SPOT_LIGHT - SPOT_GROUND) * inside;
                canvas->planes[p][y * canvas->strides[p] + x] = (uint8_t)(value + 0.5);
            }
        }
    }
}

struct point {
    double x, y;
};

/* Where the middle of the spot is, in luma samples of the film. */
static struct point find_spot(const struct frame *frame, unsigned p) {
    double sum = 0, sum_x = 0, sum_y = 0;
    unsigned shift = p > 0;
    for (unsigned y = 0; y < frame->height >> shift; y++) {
        for (unsigned x = 0; x < frame->width >> shift; x++) {
            double light = frame->planes[p][y * frame->strides[p] + x] - SPOT_GROUND;
            sum += light;
            sum_x += light * (p > 0 ? 2 * x + 0.5 : x + 0.5);
            sum_y += light * (p > 0 ? 2 * y + 1.0 : y + 0.5);
        }
    }
    return (struct point){sum_x / sum, sum_y / sum};
}

/* Follows the spot through slow movements of about a twentieth of a pixel a frame. */
static void slow_movement_does_not_jitter(void **state) {
    (void)state;
    enum { STEPS = 60 };
    static const enum motion slow[] = {MOTION_ZOOM_IN, MOTION_PAN_LEFT, MOTION_PAN_DOWN,
                                       MOTION_KENBURNS};
    struct scene scene = scene_new(320, 180);
    draw_spot(&scene.canvas, 250.3, 130.7);
    for (size_t m = 0; m < ARRAY_SIZE(slow); m++) {
        struct point seen[STEPS];
        for (unsigned i = 0; i < STEPS; i++) {
            struct view view = camera_view(slow[m], 3, 600 + i, 1280);
            camera_shoot(scene.camera, &scene.canvas, view, &scene.frame);
            double x = on_screen(250.3 / scene.canvas.width, view.left, view.share) * 320;
            double y = on_screen(130.7 / scene.canvas.height, view.top, view.share) * 180;
            struct point luma = seen[i] = find_spot(&scene.frame, 0);
            assert_true(fabs(luma.x - x) < 0.006 && fabs(luma.y - y) < 0.006);
            for (unsigned p = 1; p < 3; p++) {
                struct point chroma = find_spot(&scene.frame, p);
                assert_true(fabs(chroma.x - x) < 0.02 && fabs(chroma.y - y) < 0.02);
            }
        }
        double way = hypot(seen[STEPS - 1].x - seen[0].x, seen[STEPS - 1].y - seen[0].y);
        assert_true(way > 0.3 && way < 0.1 * STEPS);
        for (unsigned i = 1; i + 1 < STEPS; i++) {
            double x = seen[i - 1].x - 2 * seen[i].x + seen[i + 1].x;
            double y = seen[i - 1].y - 2 * seen[i].y + seen[i + 1].y;
            assert_true(fabs(x) < 0.01 && fabs(y) < 0.01);
        }
    }
    scene_free(&scene);
}

static void draw_noise(struct frame *frame) {
    uint32_t random = 1;
    for (unsigned p = 0; p < 3; p++) {
        for (size_t i = 0; i < frame->strides[p] * (frame->height >> (p > 0)); i++) {
            random = random * 1664525 + 1013904223;
            frame->planes[p][i] = (uint8_t)(16 + (random >> 16) % 220);
        }
    }
}

struct difference {
    int largest;
    double square; /* mean */
};

/* To the same axes in the resampler's own filters, which leave Lanczos weights as they are. */
static struct difference difference_to_resampler(const struct scene *scene, unsigned p, double left,
                                                 double top, double scale) {
    const struct frame *canvas = &scene->canvas, *frame = &scene->frame;
    unsigned shift = p > 0;
    unsigned width = frame->width >> shift, height = frame->height >> shift;
    double phase_x = p > 0 ? 0.25 : 0.5;
    struct filter_spec x = {.source_size = canvas->width >> shift,
                            .target_size = width,
                            .step = (double)canvas->width * scale / frame->width,
                            .source_length = canvas->width >> shift};
    struct filter_spec y = {.source_size = canvas->height >> shift,
                            .target_size = height,
                            .step = (double)canvas->height * scale / frame->height,
                            .source_length = canvas->height >> shift};
    x.origin = left * x.source_size + phase_x * x.step + (p > 0 ? 0.25 : 0);
    y.origin = top * y.source_size + 0.5 * y.step;
    struct filter *horizontal = filter_new(&x, FILTER_HORIZONTAL);
    struct filter *vertical = filter_new(&y, FILTER_VERTICAL);
    int16_t *rows = calloc(2 * (canvas->width + 2 * RESAMPLE_PADDING), sizeof *rows);
    int16_t *row = rows + canvas->width + 2 * RESAMPLE_PADDING;
    struct resampler resampler = {resample_kernels_plain(), horizontal, vertical, canvas->planes[p],
                                  canvas->strides[p],       8,          rows};
    struct difference found = {0};
    for (unsigned i = 0; i < height; i++) {
        uint8_t expected[SETTINGS_MAX_SIDE];
        resampler_row(&resampler, i, row);
        resample_round_row(row, width, 16, p > 0 ? 240 : 235, expected);
        for (unsigned k = 0; k < width; k++) {
            int difference = abs(expected[k] - frame->planes[p][i * frame->strides[p] + k]);
            found.largest = difference > found.largest ? difference : found.largest;
            found.square += (double)difference * difference / ((double)width * height);
        }
    }
    free(rows);
    filter_free(horizontal);
    filter_free(vertical);
    return found;
}

/* On noise, which shows the largest difference that there can be. */
static void assert_like_resampler(const struct scene *scene, double left, double top,
                                  double scale) {
    for (unsigned p = 0; p < 3; p++) {
        struct difference found = difference_to_resampler(scene, p, left, top, scale);
        assert_true(found.largest <= 6 && found.square < 3);
    }
}

static void the_whole_canvas_is_scaled_as_ever(void **state) {
    (void)state;
    static const unsigned sizes[][2] = {{320, 180}, {16, 16}, {854, 480}, {66, 18}, {16, 1000}};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct scene scene = scene_new(sizes[i][0], sizes[i][1]);
        draw_noise(&scene.canvas);
        struct view whole = camera_view(MOTION_NONE, 0, 0, 1);
        camera_shoot(scene.camera, &scene.canvas, whole, &scene.frame);
        assert_like_resampler(&scene, 0, 0, 1);
        /* And from an odd place on, at an odd size. */
        struct view view = {
            .left = WHOLE / 1000 * 37, .top = WHOLE / 1000 * 111, .share = WHOLE / 1000 * 873};
        camera_shoot(scene.camera, &scene.canvas, view, &scene.frame);
        assert_like_resampler(&scene, 0.037, 0.111, 0.873);
        scene_free(&scene);
    }
}

/* A view of the film's own size, on whole pixels, is a copy. */
static void one_to_one_is_exact(void **state) {
    (void)state;
    struct scene scene = scene_new(1280, 640);
    draw_noise(&scene.canvas);
    assert_int_equal(scene.canvas.width, 1536);
    struct view view = {
        .left = WHOLE / 1536 * 128, .top = WHOLE * 64 / 768, .share = WHOLE * 1280 / 1536 + 1};
    camera_shoot(scene.camera, &scene.canvas, view, &scene.frame);
    int largest = 0;
    for (unsigned p = 0; p < 3; p++) {
        unsigned shift = p > 0;
        for (unsigned y = 0; y < 640u >> shift; y++) {
            const uint8_t *from = scene.canvas.planes[p] +
                                  (y + (64 >> shift)) * scene.canvas.strides[p] + (128 >> shift);
            const uint8_t *to = scene.frame.planes[p] + y * scene.frame.strides[p];
            for (unsigned x = 0; x < 1280u >> shift; x++)
                largest = abs(from[x] - to[x]) > largest ? abs(from[x] - to[x]) : largest;
        }
    }
    assert_int_equal(largest, 0);
    scene_free(&scene);
}

/* A camera that is moved about takes the same picture as a new one. */
static void shots_do_not_depend_on_earlier_ones(void **state) {
    (void)state;
    struct scene used = scene_new(100, 60), fresh = scene_new(100, 60);
    draw_noise(&used.canvas);
    draw_noise(&fresh.canvas);
    for (uint64_t step = 0; step < 20; step++)
        camera_shoot(used.camera, &used.canvas, camera_view(MOTION_KENBURNS, 9, step, 20),
                     &used.frame);
    struct view view = camera_view(MOTION_KENBURNS, 9, 19, 20);
    camera_shoot(fresh.camera, &fresh.canvas, view, &fresh.frame);
    camera_shoot(used.camera, &used.canvas, view, &used.frame);
    for (unsigned p = 0; p < 3; p++) {
        for (unsigned y = 0; y < 60u >> (p > 0); y++)
            assert_memory_equal(used.frame.planes[p] + y * used.frame.strides[p],
                                fresh.frame.planes[p] + y * fresh.frame.strides[p],
                                100u >> (p > 0));
    }
    scene_free(&used);
    scene_free(&fresh);
}

static void flat_stays_flat(void **state) {
    (void)state;
    struct scene scene = scene_new(64, 48);
    for (unsigned p = 0; p < 3; p++)
        memset(scene.canvas.planes[p], 235,
               scene.canvas.strides[p] * (scene.canvas.height >> (p > 0)));
    for (uint64_t step = 0; step < 30; step++) {
        camera_shoot(scene.camera, &scene.canvas, camera_view(MOTION_KENBURNS, 4, step, 30),
                     &scene.frame);
        for (unsigned p = 0; p < 3; p++) {
            for (unsigned y = 0; y < 48u >> (p > 0); y++) {
                for (unsigned x = 0; x < 64u >> (p > 0); x++)
                    assert_int_equal(scene.frame.planes[p][y * scene.frame.strides[p] + x], 235);
            }
        }
    }
    scene_free(&scene);
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
    struct scene scene = scene_new(854, 480);
    draw_noise(&scene.canvas);
    for (uint64_t step = 0; step < 30; step += 7) {
        camera_shoot(scene.camera, &scene.canvas, camera_view(MOTION_KENBURNS, 11, step, 30),
                     &scene.frame);
        hash = hash_of(&scene.frame, hash);
    }
    assert_true(hash == 0x674227af586fc663);
    scene_free(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canvas_sizes),
        cmocka_unit_test(views_stay_inside),
        cmocka_unit_test(motions_are_what_they_are_called),
        cmocka_unit_test(kenburns_varies_with_the_seed),
        cmocka_unit_test(every_point_has_constant_speed),
        cmocka_unit_test(slow_movement_does_not_jitter),
        cmocka_unit_test(the_whole_canvas_is_scaled_as_ever),
        cmocka_unit_test(one_to_one_is_exact),
        cmocka_unit_test(shots_do_not_depend_on_earlier_ones),
        cmocka_unit_test(flat_stays_flat),
        cmocka_unit_test(bytes_are_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
