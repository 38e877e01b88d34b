/*
 * The pool: equal bytes whatever the threads and ranges, order, failures that do not depend on
 * timing, a film that plays and shows each image on its frames.
 */
#include "drawing.h"
#include "media/compose.h"
#include "media/mp4.h"
#include "media/render.h"
#include "watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WIDTH = 128, HEIGHT = 80, IMAGES = 9, SEGMENTS = 7, FRAMES = 60 };

/* Frame numbers at which the images start. Image 3 goes on through two cuts. */
static const uint64_t starts[IMAGES + 1] = {0, 1, 2, 8, 33, 40, 45, 46, 50, FRAMES};
static const struct segment segments[SEGMENTS] = {
    {0, 8, 0, 3},  {8, 10, 3, 1}, {18, 10, 3, 1}, {28, 12, 3, 2},
    {40, 6, 5, 2}, {46, 4, 7, 1}, {50, 10, 8, 1},
};
/* The segment whose run tells of the image first. */
static const uint32_t told_in[IMAGES] = {0, 0, 0, 1, 3, 4, 4, 5, 6};

struct scene {
    struct arena *arena;
    struct plan plan;
    struct str images[IMAGES];
};

static struct scene scene_new(void) {
    struct scene scene = {.arena = arena_new()};
    struct plan *plan = &scene.plan;
    struct frame frame;
    frame_init(&frame, WIDTH, HEIGHT);
    struct manifest_image *images = arena_array(scene.arena, IMAGES, sizeof *images);
    for (unsigned i = 0; i < IMAGES; i++) {
        struct error err;
        draw_picture(&frame, 10 * i);
        assert_true(compose_poster(scene.arena, &frame, &scene.images[i], &err));
        images[i].name = arena_printf(scene.arena, "picture %u.jpg", i);
    }
    frame_clear(&frame);
    plan->manifest.settings = (struct settings){
        .fps = {30, 1}, .size = SIZE_FIXED, .width = WIDTH, .height = HEIGHT, .quality = 75};
    plan->manifest.images = images;
    plan->manifest.image_count = IMAGES;
    plan->timeline.starts = arena_array(scene.arena, IMAGES + 1, sizeof starts[0]);
    memcpy(plan->timeline.starts, starts, sizeof starts);
    plan->timeline.image_count = IMAGES;
    plan->timeline.frame_count = FRAMES;
    plan->segments = arena_array(scene.arena, SEGMENTS, sizeof *segments);
    memcpy(plan->segments, segments, sizeof segments);
    plan->segment_count = SEGMENTS;
    plan->poster_frame = 41;
    return scene;
}

static void scene_clear(struct scene *scene) {
    arena_free(scene->arena);
}

/* ---- one run and all that it told ---- */

enum { NOWHERE = 1000 };

struct run {
    const struct scene *scene;
    struct arena *arena;
    struct segment_range range;
    unsigned threads;
    uint32_t missing_image; /* its fetch fails */
    uint32_t stop_at;       /* may_start says no */
    uint32_t refuse_at;     /* the segment that cannot be delivered */

    atomic_int inside; /* segment and receipt: one call at a time */
    atomic_int fetches;
    pthread_mutex_t lock;
    uint32_t asked; /* next segment of may_start */
    struct media_segment delivered[SEGMENTS];
    uint32_t delivered_count;
    uint32_t receipts[IMAGES]; /* how often */
    uint32_t receipts_at[IMAGES];
    uint32_t progress[SEGMENTS];

    bool succeeded;
    uint32_t done;
    struct media_failure failure;
    struct error err;
};

static bool fetch(void *context, uint32_t image, struct arena *arena, struct str *ret,
                  struct error *err) {
    struct run *run = context;
    assert_in_range(image, 0, IMAGES - 1);
    atomic_fetch_add(&run->fetches, 1);
    if (image == run->missing_image)
        return error_set(err, ERROR_UNAVAILABLE, "SlowDown", "the store is busy");
    *ret = arena_str(arena, run->scene->images[image]);
    return true;
}

static bool may_start(void *context, uint32_t segment) {
    struct run *run = context;
    pthread_mutex_lock(&run->lock);
    assert_int_equal(segment, run->asked);
    run->asked++;
    pthread_mutex_unlock(&run->lock);
    return segment != run->stop_at;
}

static const void *copy(struct arena *arena, const void *data, size_t size) {
    return size > 0 ? memcpy(arena_alloc(arena, size), data, size) : NULL;
}

static bool take_segment(void *context, const struct media_segment *segment, struct error *err) {
    struct run *run = context;
    assert_int_equal(atomic_fetch_add(&run->inside, 1), 0);
    assert_int_equal(segment->number, run->range.first + run->delivered_count);
    if (segment->number == run->refuse_at) {
        atomic_fetch_sub(&run->inside, 1);
        return error_set(err, ERROR_LIMIT, NULL, "the disk is full");
    }
    struct media_segment *kept = &run->delivered[run->delivered_count++];
    *kept = *segment;
    kept->data = copy(run->arena, segment->data, segment->size);
    kept->samples =
        copy(run->arena, segment->samples, segment->sample_count * sizeof *segment->samples);
    kept->config = copy(run->arena, segment->config, segment->config_size);
    kept->poster = copy(run->arena, segment->poster, segment->poster_size);
    atomic_fetch_sub(&run->inside, 1);
    return true;
}

static void take_receipt(void *context, uint32_t image, const struct receipt *receipt) {
    struct run *run = context;
    assert_int_equal(atomic_fetch_add(&run->inside, 1), 0);
    assert_in_range(image, 0, IMAGES - 1);
    assert_string_equal(receipt->name, run->scene->plan.manifest.images[image].name);
    assert_string_equal(receipt->format, "jpeg");
    assert_int_equal(receipt->width, WIDTH);
    run->receipts[image]++;
    run->receipts_at[image] = run->range.first + run->delivered_count;
    atomic_fetch_sub(&run->inside, 1);
}

static void take_progress(void *context, uint32_t segment, uint32_t frames) {
    struct run *run = context;
    pthread_mutex_lock(&run->lock);
    assert_true(frames > run->progress[segment]);
    assert_true(frames <= segments[segment].frame_count);
    run->progress[segment] = frames;
    pthread_mutex_unlock(&run->lock);
}

static struct run run_of(const struct scene *scene, uint32_t first, uint32_t count,
                         unsigned threads) {
    return (struct run){
        .scene = scene,
        .arena = arena_new(),
        .range = {first, count},
        .threads = threads,
        .missing_image = NOWHERE,
        .stop_at = NOWHERE,
        .refuse_at = NOWHERE,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .asked = first,
        .done = NOWHERE,
    };
}

static void execute(struct run *run) {
    struct media_io io = {
        .context = run,
        .fetch = fetch,
        .may_start = may_start,
        .segment = take_segment,
        .receipt = take_receipt,
        .progress = take_progress,
    };
    struct media_render render = {
        .plan = &run->scene->plan, .range = run->range, .threads = run->threads, .io = &io};
    run->succeeded = render_range(&render, &run->done, &run->failure, &run->err);
}

static void run_clear(struct run *run) {
    arena_free(run->arena);
}

static void assert_same_segment(const struct media_segment *a, const struct media_segment *b) {
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->data, b->data, a->size);
    assert_int_equal(a->sample_count, b->sample_count);
    for (uint32_t i = 0; i < a->sample_count; i++) {
        assert_int_equal(a->samples[i].size, b->samples[i].size);
        assert_int_equal(a->samples[i].composition_offset, b->samples[i].composition_offset);
        assert_int_equal(a->samples[i].key, b->samples[i].key);
    }
    assert_int_equal(a->config_size, b->config_size);
    assert_memory_equal(a->config, b->config, a->config_size);
    assert_int_equal(a->poster_size, b->poster_size);
    if (a->poster_size > 0)
        assert_memory_equal(a->poster, b->poster, a->poster_size);
}

/* ---- what depends on nothing ---- */

static void threads_change_nothing(void **state) {
    (void)state;
    struct scene scene = scene_new();
    struct run one = run_of(&scene, 0, SEGMENTS, 1);
    execute(&one);
    assert_true(one.succeeded);
    assert_int_equal(one.done, SEGMENTS);
    static const unsigned counts[] = {2, 3, 8, 0};
    for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
        struct run other = run_of(&scene, 0, SEGMENTS, counts[c]);
        execute(&other);
        assert_true(other.succeeded);
        assert_int_equal(other.done, SEGMENTS);
        for (uint32_t i = 0; i < SEGMENTS; i++)
            assert_same_segment(&one.delivered[i], &other.delivered[i]);
        run_clear(&other);
    }
    run_clear(&one);
    scene_clear(&scene);
}

static void ranges_change_nothing(void **state) {
    (void)state;
    struct scene scene = scene_new();
    struct run whole = run_of(&scene, 0, SEGMENTS, 2);
    execute(&whole);
    assert_true(whole.succeeded);
    for (uint32_t cut = 0; cut <= SEGMENTS; cut++) {
        struct run left = run_of(&scene, 0, cut, 2);
        struct run right = run_of(&scene, cut, SEGMENTS - cut, 2);
        execute(&left);
        execute(&right);
        assert_true(left.succeeded && right.succeeded);
        assert_int_equal(left.done, cut);
        assert_int_equal(right.done, SEGMENTS - cut);
        for (uint32_t i = 0; i < SEGMENTS; i++)
            assert_same_segment(&whole.delivered[i],
                                i < cut ? &left.delivered[i] : &right.delivered[i - cut]);
        run_clear(&left);
        run_clear(&right);
    }
    run_clear(&whole);
    scene_clear(&scene);
}

/* ---- the film ---- */

static struct str film_of(const struct run *run) {
    struct mp4_run runs[SEGMENTS];
    struct str parts[SEGMENTS + 1];
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        runs[i] = (struct mp4_run){run->delivered[i].samples, run->delivered[i].sample_count};
        parts[i + 1] = (struct str){(const char *)run->delivered[i].data, run->delivered[i].size};
    }
    struct mp4_movie movie = {
        .width = WIDTH,
        .height = HEIGHT,
        .fps = {30, 1},
        .config = run->delivered[0].config,
        .config_size = run->delivered[0].config_size,
        .runs = runs,
        .run_count = SEGMENTS,
    };
    struct error err;
    assert_true(mp4_header(run->arena, &movie, &parts[0], &err));
    return join(run->arena, parts, SEGMENTS + 1);
}

/* What the frames should show: every image composed by itself. */
static void compose_all(const struct scene *scene, struct frame *ret) {
    struct compose_target target = {WIDTH, HEIGHT, FIT_CONTAIN, {0, 0, 0}};
    struct composer *composer = composer_new(&target);
    for (int i = 0; i < IMAGES; i++) {
        struct receipt receipt = {0};
        struct error err;
        frame_init(&ret[i], WIDTH, HEIGHT);
        assert_true(
            composer_run(composer, scene->arena, scene->images[i], 0, &ret[i], &receipt, &err));
    }
    composer_free(composer);
}

static int nearest(const struct frame *pictures, const struct frame *shown) {
    int best = 0;
    for (int i = 1; i < IMAGES; i++)
        if (picture_error(&pictures[i], shown) < picture_error(&pictures[best], shown))
            best = i;
    return best;
}

static void film_shows_the_images(void **state) {
    (void)state;
    static const enum speed speeds[] = {SPEED_FAST, SPEED_BALANCED, SPEED_SMALL};
    for (size_t s = 0; s < ARRAY_SIZE(speeds); s++) {
        struct scene scene = scene_new();
        scene.plan.manifest.settings.speed = speeds[s];
        struct run run = run_of(&scene, 0, SEGMENTS, 2);
        struct watched watched;
        struct frame pictures[IMAGES];
        execute(&run);
        assert_true(run.succeeded);
        watch(run.arena, film_of(&run), true, &watched);
        compose_all(&scene, pictures);
        assert_int_equal(watched.frame_count, FRAMES);
        assert_int_equal(watched.duration, FRAMES * watched.ticks_per_frame);
        for (uint32_t i = 0; i < FRAMES; i++) {
            size_t image = 0;
            while (starts[image + 1] <= i)
                image++;
            assert_int_equal(watched.times[i], i);
            assert_int_equal(nearest(pictures, &watched.frames[i]), image);
            assert_true(picture_error(&pictures[image], &watched.frames[i]) < 20);
        }
        watched_clear(&watched);
        for (int i = 0; i < IMAGES; i++)
            frame_clear(&pictures[i]);
        run_clear(&run);
        scene_clear(&scene);
    }
}

static void poster_lies_in_its_segment(void **state) {
    (void)state;
    static const struct {
        uint64_t frame;
        uint32_t segment, image;
    } cases[] = {{0, 0, 0}, {7, 0, 2}, {8, 1, 3}, {32, 3, 3}, {33, 3, 4}, {FRAMES - 1, 6, 8}};
    struct scene scene = scene_new();
    struct frame pictures[IMAGES];
    compose_all(&scene, pictures);
    for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
        struct run run = run_of(&scene, 0, SEGMENTS, 2);
        struct str expected;
        scene.plan.poster_frame = cases[c].frame;
        execute(&run);
        assert_true(compose_poster(run.arena, &pictures[cases[c].image], &expected, &run.err));
        for (uint32_t i = 0; i < SEGMENTS; i++) {
            assert_int_equal(run.delivered[i].poster_size,
                             i == cases[c].segment ? expected.len : 0);
            if (i == cases[c].segment)
                assert_memory_equal(run.delivered[i].poster, expected.ptr, expected.len);
        }
        run_clear(&run);
    }
    for (int i = 0; i < IMAGES; i++)
        frame_clear(&pictures[i]);
    scene_clear(&scene);
}

/* ---- what is told ---- */

static void receipts_once_a_run(void **state) {
    (void)state;
    struct scene scene = scene_new();
    for (uint32_t first = 0; first < SEGMENTS; first++) {
        struct run run = run_of(&scene, first, SEGMENTS - first, 3);
        execute(&run);
        assert_true(run.succeeded);
        for (uint32_t i = 0; i < IMAGES; i++) {
            assert_int_equal(run.receipts[i], i >= segments[first].first_image);
            if (run.receipts[i] > 0)
                assert_int_equal(run.receipts_at[i], told_in[i] > first ? told_in[i] : first);
        }
        run_clear(&run);
    }
    scene_clear(&scene);
}

static void progress_ends_complete(void **state) {
    (void)state;
    struct scene scene = scene_new();
    struct run run = run_of(&scene, 1, 4, 2);
    execute(&run);
    for (uint32_t i = 0; i < SEGMENTS; i++)
        assert_int_equal(run.progress[i], i >= 1 && i < 5 ? segments[i].frame_count : 0);
    run_clear(&run);
    scene_clear(&scene);
}

static void callbacks_may_be_missing(void **state) {
    (void)state;
    struct scene scene = scene_new();
    struct run run = run_of(&scene, 0, 3, 2);
    struct media_io io = {.context = &run, .fetch = fetch, .segment = take_segment};
    struct media_render render = {.plan = &scene.plan, .range = {0, 3}, .threads = 2, .io = &io};
    assert_true(render_range(&render, &run.done, &run.failure, &run.err));
    assert_int_equal(run.done, 3);
    assert_int_equal(run.delivered_count, 3);
    run_clear(&run);
    scene_clear(&scene);
}

/* ---- ends before the end ---- */

static void stops_when_told(void **state) {
    (void)state;
    struct scene scene = scene_new();
    for (unsigned threads = 1; threads <= 4; threads++)
        for (uint32_t stop = 2; stop <= SEGMENTS; stop++) {
            struct run run = run_of(&scene, 2, SEGMENTS - 2, threads);
            run.stop_at = stop;
            execute(&run);
            assert_true(run.succeeded);
            assert_int_equal(run.done, (stop < SEGMENTS ? stop : SEGMENTS) - 2);
            assert_int_equal(run.delivered_count, run.done);
            assert_int_equal(run.asked, stop < SEGMENTS ? stop + 1 : SEGMENTS);
            run_clear(&run);
        }
    scene_clear(&scene);
}

static void assert_bad_image(const struct run *run, uint32_t image, uint32_t segment) {
    char start[64];
    snprintf(start, sizeof start, "image %u 'picture %u.jpg': ", image + 1, image);
    assert_false(run->succeeded);
    assert_int_equal(run->err.kind, ERROR_INVALID);
    assert_memory_equal(run->err.text, start, strlen(start));
    assert_true(run->failure.is_image);
    assert_int_equal(run->failure.image, image);
    assert_int_equal(run->done, run->delivered_count);
    assert_int_equal(run->delivered_count, segment);
}

static void bad_images_are_named(void **state) {
    (void)state;
    struct scene scene = scene_new();
    struct str good = scene.images[4];
    struct str bad[] = {
        {good.ptr, good.len / 2}, {good.ptr, 20}, {"", 0}, {"<svg/>", 6}, {"\xff\xd8\xff", 3}};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        for (unsigned threads = 1; threads <= 3; threads++) {
            struct run run = run_of(&scene, 0, SEGMENTS, threads);
            scene.images[4] = bad[i];
            execute(&run);
            assert_bad_image(&run, 4, 3);
            run_clear(&run);
        }
    scene_clear(&scene);
}

/* The lowest failing segment wins, whoever was faster. */
static void first_bad_image_decides(void **state) {
    (void)state;
    struct scene scene = scene_new();
    scene.images[3] = scene.images[5] = scene.images[7] = str_c("no image");
    for (int round = 0; round < 20; round++) {
        struct run run = run_of(&scene, 0, SEGMENTS, 4);
        execute(&run);
        assert_bad_image(&run, 3, 1);
        run_clear(&run);
    }
    scene_clear(&scene);
}

static void fetches_that_fail(void **state) {
    (void)state;
    struct scene scene = scene_new();
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct run run = run_of(&scene, 0, SEGMENTS, threads);
        run.missing_image = 6;
        execute(&run);
        assert_false(run.succeeded);
        assert_int_equal(run.err.kind, ERROR_UNAVAILABLE);
        assert_string_equal(run.err.code, "SlowDown");
        assert_string_equal(run.err.text, "image 7 'picture 6.jpg': the store is busy");
        assert_false(run.failure.is_image);
        assert_int_equal(run.delivered_count, 4);
        run_clear(&run);
    }
    scene_clear(&scene);
}

static void deliveries_that_fail(void **state) {
    (void)state;
    struct scene scene = scene_new();
    for (unsigned threads = 1; threads <= 3; threads++)
        for (uint32_t refuse = 0; refuse < SEGMENTS; refuse++) {
            struct run run = run_of(&scene, 0, SEGMENTS, threads);
            run.refuse_at = refuse;
            execute(&run);
            assert_false(run.succeeded);
            assert_int_equal(run.err.kind, ERROR_LIMIT);
            assert_string_equal(run.err.text, "the disk is full");
            assert_false(run.failure.is_image);
            assert_int_equal(run.delivered_count, refuse);
            run_clear(&run);
        }
    scene_clear(&scene);
}

static void impossible_settings(void **state) {
    (void)state;
    struct scene scene = scene_new();
    scene.plan.manifest.settings.fps = (struct rational){INT64_C(1) << 40, 1};
    struct run run = run_of(&scene, 0, SEGMENTS, 2);
    execute(&run);
    assert_false(run.succeeded);
    assert_int_equal(run.err.kind, ERROR_INVALID);
    assert_false(run.failure.is_image);
    assert_int_equal(atomic_load(&run.fetches), 0);
    run_clear(&run);
    scene_clear(&scene);
}

static void memory_bounds_threads(void **state) {
    (void)state;
    static const struct {
        unsigned width, height;
        enum speed speed;
        unsigned wanted, memory_mb, expected;
    } cases[] = {
        {1920, 1080, SPEED_FAST, 4, 0, 4},        {1920, 1080, SPEED_FAST, 1000, 0, 256},
        {1920, 1080, SPEED_FAST, 8, 128, 1},      {1920, 1080, SPEED_FAST, 8, 1, 1},
        {1920, 1080, SPEED_FAST, 8, 1769, 6},     {1920, 1080, SPEED_BALANCED, 8, 1769, 3},
        {3840, 2160, SPEED_BALANCED, 8, 1769, 1}, {3840, 2160, SPEED_BALANCED, 8, 10240, 6},
        {16, 16, SPEED_SMALL, 2, 1769, 2},        {8192, 8192, SPEED_SMALL, 2, 3008, 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct settings settings = {
            .width = cases[i].width, .height = cases[i].height, .speed = cases[i].speed};
        assert_int_equal(render_thread_count(&settings, cases[i].wanted, cases[i].memory_mb),
                         cases[i].expected);
    }
    struct settings settings = {.width = 16, .height = 16};
    assert_true(render_thread_count(&settings, 0, 0) >= 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_nothing),   cmocka_unit_test(ranges_change_nothing),
        cmocka_unit_test(film_shows_the_images),    cmocka_unit_test(poster_lies_in_its_segment),
        cmocka_unit_test(receipts_once_a_run),      cmocka_unit_test(progress_ends_complete),
        cmocka_unit_test(callbacks_may_be_missing), cmocka_unit_test(stops_when_told),
        cmocka_unit_test(bad_images_are_named),     cmocka_unit_test(first_bad_image_decides),
        cmocka_unit_test(fetches_that_fail),        cmocka_unit_test(deliveries_that_fail),
        cmocka_unit_test(impossible_settings),      cmocka_unit_test(memory_bounds_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
