/*
 * The timeline: exact starts, and what holds for every film.
 */
#include "job/timeline.h"
#include "made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MOST 7

static void starts_are_exact(void **state) {
    (void)state;
    static const struct {
        const char *fps;
        const char *holds[MOST]; /* NULL: the end; "": the settings' hold */
        const char *hold;
        uint64_t starts[MOST];
    } cases[] = {
        {"30", {"", "", ""}, "frame", {0, 1, 2, 3}},
        {"24000/1001", {"", "", ""}, "frame", {0, 1, 2, 3}},
        {"30", {"", "", ""}, "3", {0, 90, 180, 270}},
        {"30", {"1", "", "0.5"}, "2", {0, 30, 90, 105}},
        /* Halves up: 1.5, 3, 4.5 frames. */
        {"30", {"", "", ""}, "0.05", {0, 2, 3, 5}},
        /* 2.5, 5, 7.5 frames. */
        {"25", {"", "", ""}, "0.1", {0, 3, 5, 8}},
        /* A third of a second at 25: 8 1/3, 16 2/3, 25. */
        {"25", {"", "", ""}, "1/3", {0, 8, 17, 25}},
        /* NTSC: 71.928 frames each. */
        {"24000/1001", {"", "", ""}, "3", {0, 72, 144, 216}},
        {"24000/1001", {"3003", ""}, "3003", {0, 72000, 144000}},
        /* Below a frame: at least one frame each. */
        {"1", {"", "", "", ""}, "0.1", {0, 1, 2, 3, 4}},
        /* 0.4 would start the second with the first; the third is where it belongs. */
        {"1", {"0.4", "1.6", "1"}, "frame", {0, 1, 2, 3}},
        {"30", {"frame", "1", "frame"}, "5", {0, 1, 31, 32}},
        {"120", {"86400"}, "frame", {0, 10368000}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct manifest manifest = made_manifest(arena, MOST);
        struct timeline timeline;
        struct error err = {0};
        size_t count = 0;
        assert_true(rational_parse(str_c(cases[i].fps), &manifest.settings.fps));
        if (!rational_parse(str_c(cases[i].hold), &manifest.settings.hold))
            manifest.settings.hold = (struct rational){0, 1};
        for (; count < MOST && cases[i].holds[count]; count++) {
            struct manifest_image *image = &manifest.images[count];
            image->has_hold = cases[i].holds[count][0] != '\0';
            if (!rational_parse(str_c(cases[i].holds[count]), &image->hold))
                image->hold = (struct rational){0, 1};
        }
        manifest.image_count = count;
        assert_true(timeline_build(arena, &manifest, &timeline, &err));
        assert_int_equal(timeline.image_count, count);
        for (size_t k = 0; k <= count; k++)
            if (timeline.starts[k] != cases[i].starts[k])
                fail_msg("case %zu: image %zu starts at %llu", i, k,
                         (unsigned long long)timeline.starts[k]);
        assert_int_equal(timeline.frame_count, cases[i].starts[count]);
    }
}

/* floor(2 fps sum + 1) / 2 for a sum of thousandths, which needs no fractions. */
static void thousandths_agree_with_whole_numbers(void **state) {
    (void)state;
    uint64_t seed = 11;
    for (size_t round = 0; round < 100; round++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct manifest manifest = made_manifest(arena, 100);
        struct timeline timeline;
        struct error err = {0};
        uint64_t sum = 0, last = 0;
        uint64_t fps = 1 + made_number(&seed, 120);
        manifest.settings.fps = (struct rational){(int64_t)fps, 1};
        for (size_t i = 0; i < 100; i++) {
            manifest.images[i].has_hold = true;
            manifest.images[i].hold = rational_reduce(1 + (int64_t)made_number(&seed, 3000), 1000);
        }
        assert_true(timeline_build(arena, &manifest, &timeline, &err));
        for (size_t i = 0; i < 100; i++) {
            struct rational hold = manifest.images[i].hold;
            sum += (uint64_t)(hold.num * (1000 / hold.den));
            uint64_t expected = (2 * fps * sum + 1000) / 2000;
            last = expected > last ? expected : last + 1;
            assert_int_equal(timeline.starts[i + 1], last);
        }
    }
}

static void every_film_has_its_properties(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (size_t round = 0; round < 300; round++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct manifest manifest = made_random_manifest(arena, &seed);
        struct timeline timeline;
        struct error err = {0};
        assert_true(timeline_build(arena, &manifest, &timeline, &err));
        assert_int_equal(timeline.image_count, manifest.image_count);
        assert_int_equal(timeline.starts[0], 0);
        for (size_t i = 0; i < manifest.image_count; i++) {
            assert_true(timeline.starts[i + 1] > timeline.starts[i]);
            assert_int_equal(timeline_image_at(&timeline, timeline.starts[i]), i);
            assert_int_equal(timeline_image_at(&timeline, timeline.starts[i + 1] - 1), i);
        }
        assert_int_equal(timeline.frame_count, timeline.starts[manifest.image_count]);
    }
}

static void too_long_films_are_refused(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 2);
    struct timeline timeline = {.frame_count = 7};
    struct error err = {0};
    manifest.settings.fps = (struct rational){100, 1};
    manifest.settings.hold = (struct rational){100000, 1};
    assert_true(timeline_build(arena, &manifest, &timeline, &err));
    assert_int_equal(timeline.frame_count, TIMELINE_MAX_FRAMES);
    manifest.images[1].has_hold = true;
    manifest.images[1].hold = (struct rational){10000001, 100};
    assert_false(timeline_build(arena, &manifest, &timeline, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_string_equal(err.text, "the film would have more than 20000000 frames");
    assert_int_equal(timeline.frame_count, TIMELINE_MAX_FRAMES);
    manifest.images[1].hold = (struct rational){999999999999999999, 1};
    assert_false(timeline_build(arena, &manifest, &timeline, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
}

static void sums_that_are_too_fine_are_refused(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 4);
    struct timeline timeline;
    struct error err = {0};
    static const int64_t primes[] = {999999937, 999999929, 999999893, 999999883};
    for (size_t i = 0; i < 4; i++) {
        manifest.images[i].has_hold = true;
        manifest.images[i].hold = (struct rational){primes[i] + 1, primes[i]};
    }
    assert_false(timeline_build(arena, &manifest, &timeline, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_non_null(strstr(err.text, "image 3 '000003-a.jpg': the holds up to here do not add up"));
    /* Nine decimals of any kind never are. */
    uint64_t seed = 3;
    struct manifest fine = made_manifest(arena, 5000);
    fine.settings.fps = (struct rational){119999999, 1000000};
    for (size_t i = 0; i < 5000; i++) {
        fine.images[i].has_hold = true;
        fine.images[i].hold =
            rational_reduce(1 + (int64_t)made_number(&seed, 9999999999), 1000000000);
    }
    assert_true(timeline_build(arena, &fine, &timeline, &err));
}

static void transitions_lie_at_the_start_of_holds(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 3);
    struct timeline timeline;
    struct error err = {0};
    manifest.settings.hold = (struct rational){1, 1};
    manifest.settings.transition = TRANSITION_CROSSFADE;
    manifest.settings.transition_duration = (struct rational){1, 10};
    assert_true(timeline_build(arena, &manifest, &timeline, &err));
    assert_int_equal(timeline.transition_frames, 3);
    for (uint64_t frame = 0; frame < 90; frame++) {
        struct timeline_frame at = timeline_frame_at(&timeline, frame);
        bool in_transition = frame >= 30 && frame % 30 < 3;
        assert_int_equal(at.image, frame / 30);
        assert_int_equal(at.in_transition, in_transition);
        assert_int_equal(at.step, in_transition ? frame % 30 + 1 : 0);
        assert_int_equal(at.steps, in_transition ? 4 : 0);
    }
    static const uint64_t spans[][2] = {{0, 33}, {30, 33}, {60, 30}};
    for (size_t i = 0; i < 3; i++) {
        uint64_t first, count;
        timeline_image_span(&timeline, i, &first, &count);
        assert_int_equal(first, spans[i][0]);
        assert_int_equal(count, spans[i][1]);
    }
    /* As long as the hold, and longer. */
    manifest.settings.transition_duration = (struct rational){1, 1};
    assert_true(timeline_build(arena, &manifest, &timeline, &err));
    manifest.settings.transition_duration = (struct rational){31, 30};
    assert_false(timeline_build(arena, &manifest, &timeline, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.text, "image 2 '000002-a.jpg': its 30 frames are too few"));
    /* Never nothing. */
    manifest.settings.transition_duration = (struct rational){1, 1000};
    assert_true(timeline_build(arena, &manifest, &timeline, &err));
    assert_int_equal(timeline.transition_frames, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_are_exact),
        cmocka_unit_test(thousandths_agree_with_whole_numbers),
        cmocka_unit_test(every_film_has_its_properties),
        cmocka_unit_test(transitions_lie_at_the_start_of_holds),
        cmocka_unit_test(too_long_films_are_refused),
        cmocka_unit_test(sums_that_are_too_fine_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
