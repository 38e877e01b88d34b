/*
 * Runs of pictures: whatever the caller can mix by itself, and wherever segments are cut, the film
 * shows the same pictures on the same frames.
 */
#include "media/scene.h"

#include "drawing.h"
#include "media/compose.h"
#include "media/transition.h"
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WIDTH = 128, HEIGHT = 80, IMAGES = 5, FADE = 12, FRAMES = 120, MAX_RUNS = FRAMES };

static const uint64_t starts[IMAGES + 1] = {0, 20, 33, 60, 100, FRAMES};

/* Cuts where images are alone, inside transitions, a frame before and behind their ends. */
static const uint64_t cuts[] = {0, 20, 26, 31, 32, 40, 44, 45, 72, 101, 111, 112, FRAMES};
enum { SEGMENTS = ARRAY_SIZE(cuts) - 1 };

struct film {
    struct arena *arena;
    struct plan plan;
    struct str images[IMAGES];
    struct media_io io;
    struct media_render render;
    struct frame frames[FRAMES]; /* as they are when nobody mixes */
};

static bool fetch(void *context, uint32_t image, struct arena *arena, struct str *ret,
                  struct error *err) {
    const struct film *film = context;
    (void)err;
    *ret = arena_str(arena, film->images[image]);
    return true;
}

static bool fetch_asset(void *context, const struct plan_asset *asset, struct arena *arena,
                        struct str *ret, struct error *err) {
    (void)asset;
    return fetch(context, 0, arena, ret, err);
}

static void take_receipt(void *context, uint32_t image, const struct receipt *receipt) {
    (void)context, (void)image, (void)receipt;
}

static struct scene_run take(struct scene *scene, uint64_t frame, uint32_t max_fade) {
    struct scene_run run;
    struct media_failure failure;
    struct error err;
    if (!scene_take(scene, frame, max_fade, &run, &failure, &err))
        fail_msg("frame %u: %s", (unsigned)frame, err.text);
    return run;
}

static void begin(struct scene *scene, uint32_t segment) {
    scene_begin(scene, segment, &(struct scene_listener){.receipt = take_receipt});
}

/* Every frame by itself. */
static void shoot_all(struct film *film) {
    struct scene *scene = scene_new(&film->render);
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        begin(scene, i);
        for (uint64_t frame = cuts[i]; frame < cuts[i + 1]; frame++) {
            struct scene_run run = take(scene, frame, 0);
            assert_int_equal(run.fade, 0);
            frame_init(&film->frames[frame], WIDTH, HEIGHT);
            frame_copy(run.picture, &film->frames[frame]);
        }
        scene_end(scene);
    }
    scene_free(scene);
}

static struct film *film_new(enum transition transition) {
    struct film *film = calloc(1, sizeof *film);
    assert_non_null(film);
    film->arena = arena_new();
    struct plan *plan = &film->plan;
    struct manifest_image *images = arena_array(film->arena, IMAGES, sizeof *images);
    struct segment *segments = arena_array(film->arena, SEGMENTS, sizeof *segments);
    struct frame frame;
    frame_init(&frame, WIDTH, HEIGHT);
    for (unsigned i = 0; i < IMAGES; i++) {
        struct error err;
        draw_picture(&frame, 20 * i);
        assert_true(compose_poster(film->arena, &frame, &film->images[i], &err));
        images[i].name = arena_printf(film->arena, "%u.jpg", i);
    }
    frame_clear(&frame);
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        uint32_t first = 0, last = 0;
        while (starts[first + 1] <= cuts[i])
            first++;
        while (starts[last + 1] < cuts[i + 1])
            last++;
        first -= first > 0 && cuts[i] < starts[first] + FADE;
        segments[i] =
            (struct segment){cuts[i], (uint32_t)(cuts[i + 1] - cuts[i]), first, last - first + 1};
    }
    plan->manifest.settings = (struct settings){.fps = {30, 1},
                                                .size = SIZE_FIXED,
                                                .width = WIDTH,
                                                .height = HEIGHT,
                                                .transition = transition};
    plan->manifest.images = images;
    plan->manifest.image_count = IMAGES;
    plan->timeline.starts = arena_array(film->arena, IMAGES + 1, sizeof starts[0]);
    memcpy(plan->timeline.starts, starts, sizeof starts);
    plan->timeline.image_count = IMAGES;
    plan->timeline.frame_count = FRAMES;
    plan->timeline.transition_frames = FADE;
    plan->segments = segments;
    plan->segment_count = SEGMENTS;
    film->io = (struct media_io){.context = film, .fetch = fetch, .asset = fetch_asset};
    film->render = (struct media_render){
        .plan = &film->plan, .range = {0, SEGMENTS}, .threads = 1, .io = &film->io};
    return film;
}

static void film_free(struct film *film) {
    for (int i = 0; i < FRAMES; i++)
        frame_clear(&film->frames[i]);
    arena_free(film->arena);
    free(film);
}

static void assert_alike(const struct frame *a, const struct frame *b, uint64_t frame) {
    double error = picture_error(a, b);
    /* Two roundings to whole samples. */
    if (error > 1)
        fail_msg("frame %u is off by %.2f", (unsigned)frame, error);
}

/* The frames that a run stands for, mixed as the player does it. */
static void check_run(const struct film *film, uint64_t frame, const struct frame *before,
                      const struct scene_run *run) {
    struct frame mixed;
    frame_init(&mixed, WIDTH, HEIGHT);
    for (uint32_t i = 1; i <= run->fade; i++) {
        transition_mix(TRANSITION_CROSSFADE, before, run->picture, i, run->fade + 1, &mixed);
        assert_alike(&mixed, &film->frames[frame + i - 1], frame + i - 1);
    }
    for (uint32_t i = 0; i < run->count; i++)
        assert_alike(run->picture, &film->frames[frame + run->fade + i], frame + run->fade + i);
    frame_clear(&mixed);
}

/* Returns the frames that were mixed. */
static uint32_t check_segments(const struct film *film, uint32_t max_fade) {
    struct scene *scene = scene_new(&film->render);
    struct frame before;
    uint32_t mixed = 0;
    frame_init(&before, WIDTH, HEIGHT);
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        begin(scene, i);
        for (uint64_t frame = cuts[i]; frame < cuts[i + 1];) {
            /* Nothing was shown before a segment's first picture. */
            struct scene_run run = take(scene, frame, frame == cuts[i] ? 0 : max_fade);
            assert_true(run.fade <= max_fade && run.count >= 1);
            assert_true(run.fade + run.count <= cuts[i + 1] - frame);
            check_run(film, frame, &before, &run);
            frame_copy(run.picture, &before);
            frame += run.fade + run.count;
            mixed += run.fade;
        }
        scene_end(scene);
    }
    frame_clear(&before);
    scene_free(scene);
    return mixed;
}

static void fades_show_what_pictures_would(void **state) {
    (void)state;
    static const uint32_t max_fades[] = {0, 1, 2, 5, FADE - 1, FADE, 60};
    struct film *film = film_new(TRANSITION_CROSSFADE);
    shoot_all(film);
    uint32_t most = 0;
    for (size_t i = 0; i < ARRAY_SIZE(max_fades); i++) {
        uint32_t mixed = check_segments(film, max_fades[i]);
        assert_true(mixed >= most);
        most = mixed;
    }
    /* All but segments' first pictures and what ends a segment inside a transition. */
    assert_true(most > (IMAGES - 1) * FADE / 2);
    film_free(film);
}

static void movement_and_edges_are_not_mixed(void **state) {
    (void)state;
    static const enum transition others[] = {TRANSITION_FADEBLACK, TRANSITION_WIPE_LEFT,
                                             TRANSITION_SLIDE_UP};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct film *film = film_new(others[i]);
        shoot_all(film);
        assert_int_equal(check_segments(film, 60), 0);
        film_free(film);
    }
    struct film *film = film_new(TRANSITION_CROSSFADE);
    for (int i = 0; i < IMAGES; i += 2) {
        film->plan.manifest.images[i].has_motion = true;
        film->plan.manifest.images[i].motion = MOTION_ZOOM_IN;
    }
    shoot_all(film);
    assert_int_equal(check_segments(film, 60), 0);
    film_free(film);
}

/* It is above what is mixed, and mixes with itself to itself. */
static void watermarks_do_not_matter(void **state) {
    (void)state;
    struct film *film = film_new(TRANSITION_CROSSFADE);
    film->plan.watermark = (struct plan_asset){.name = "mark.jpg", .etag = "e", .size = 1};
    shoot_all(film);
    assert_true(check_segments(film, 60) > 0);
    film_free(film);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fades_show_what_pictures_would),
        cmocka_unit_test(movement_and_edges_are_not_mixed),
        cmocka_unit_test(watermarks_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
