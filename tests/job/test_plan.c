/*
 * Cutting: the rules in examples, what holds for every film, the hashes, and covers against brute
 * force.
 */
#include "made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

/* ---- examples ---- */

#define MOST 24

static struct plan plan_of(struct arena *arena, size_t images, const char *hold, enum speed speed,
                           unsigned width, unsigned height) {
    struct manifest manifest = made_manifest(arena, images);
    manifest.settings.speed = speed;
    manifest.settings.width = width;
    manifest.settings.height = height;
    if (hold)
        assert_true(rational_parse(str_c(hold), &manifest.settings.hold));
    struct plan plan = made_plan(arena, &manifest);
    assert_true(plan.segment_count > 0);
    return plan;
}

static void segments_follow_the_rules(void **state) {
    (void)state;
    static const struct {
        size_t images;
        const char *hold;
        enum speed speed;
        unsigned width, height;
        uint32_t counts[MOST];
    } cases[] = {
        /* One frame each: the budget, then the taper. */
        {1000, NULL, SPEED_BALANCED, 640, 480, {240, 240, 240, 140, 70, 35, 30, 5}},
        {240, NULL, SPEED_BALANCED, 640, 480, {120, 60, 30, 30}},
        {480, NULL, SPEED_FAST, 1920, 1088, {240, 120, 60, 30, 30}},
        {480, NULL, SPEED_SMALL, 640, 480, {120, 120, 120, 60, 30, 30}},
        {480, NULL, SPEED_BALANCED, 1920, 1090, {120, 120, 120, 60, 30, 30}},
        {30, NULL, SPEED_BALANCED, 640, 480, {30}},
        {31, NULL, SPEED_BALANCED, 640, 480, {30, 1}},
        {1, NULL, SPEED_BALANCED, 640, 480, {1}},
        /* 90 frames each: two fit into 240, and one is longer than the taper allows. */
        {10, "3", SPEED_BALANCED, 640, 480, {180, 180, 180, 180, 90, 90}},
        /* 240 and 241 frames each. */
        {3, "8", SPEED_BALANCED, 640, 480, {240, 240, 240}},
        {2, "241/30", SPEED_BALANCED, 640, 480, {121, 120, 121, 120}},
        /* 600 frames in equal pieces. */
        {1, "20", SPEED_BALANCED, 640, 480, {200, 200, 200}},
        {1, "20", SPEED_SMALL, 640, 480, {120, 120, 120, 120, 120}},
        /* Above the allowed length but within the budget at the end. */
        {1, "7", SPEED_BALANCED, 640, 480, {210}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct plan plan = plan_of(arena, cases[i].images, cases[i].hold, cases[i].speed,
                                   cases[i].width, cases[i].height);
        for (uint32_t k = 0; k < plan.segment_count; k++)
            if (k >= MOST || plan.segments[k].frame_count != cases[i].counts[k])
                fail_msg("case %zu: segment %u has %u frames", i, k, plan.segments[k].frame_count);
        assert_int_equal(cases[i].counts[plan.segment_count], 0);
    }
}

static void a_long_hold_among_short_ones_is_cut_alone(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 61);
    static const uint32_t counts[] = {30, 200, 200, 200, 30};
    manifest.images[30].has_hold = true;
    manifest.images[30].hold = (struct rational){20, 1};
    struct plan plan = made_plan(arena, &manifest);
    assert_int_equal(plan.segment_count, ARRAY_SIZE(counts));
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
        assert_int_equal(plan.segments[i].frame_count, counts[i]);
    assert_int_equal(plan.segments[2].first_image, 30);
    assert_int_equal(plan.segments[2].image_count, 1);
    assert_int_equal(plan.segments[4].first_image, 31);
    assert_int_equal(plan.segments[4].image_count, 30);
}

static void tasks_follow_the_rules(void **state) {
    (void)state;
    static const struct {
        size_t images;
        const char *hold;
        unsigned width, height;
        uint32_t counts[MOST];
    } cases[] = {
        /* Ten segments of few bytes: thirds of what is left. */
        {10, "5", 640, 480, {4, 2, 2, 1, 1}},
        {1, "1", 640, 480, {1}},
        {2, "8", 640, 480, {1, 1}},
        {3, "8", 640, 480, {1, 1, 1}},
        /* 60 segments of one small picture: at most 16 at a time. */
        {60, "8", 640, 480, {16, 15, 10, 7, 4, 3, 2, 1, 1, 1}},
        /* A picture of 2160p is 0.03 * 8294400 = 248832 bytes, 120 skips 36000: 30 give 8 MiB. */
        {40, "4", 3840, 2160, {14, 9, 6, 4, 3, 2, 1, 1}},
        /* Five of those and the skips are 1280160 bytes: seven segments are over 8 MiB. */
        {200, "0.8", 3840, 2160, {7, 7, 7, 7, 5, 4, 2, 2, 1, 1}},
        /* 120 pictures of 2160p are more than 8 MiB: a task each. */
        {600, NULL, 3840, 2160, {1, 1, 1, 1, 1, 1, 1}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct plan plan = plan_of(arena, cases[i].images, cases[i].hold, SPEED_BALANCED,
                                   cases[i].width, cases[i].height);
        for (uint32_t k = 0; k < plan.task_count; k++)
            if (k >= MOST || plan.tasks[k].count != cases[i].counts[k])
                fail_msg("case %zu: task %u of %u has %u segments of %u", i, k, plan.task_count,
                         plan.tasks[k].count, plan.segment_count);
        assert_int_equal(cases[i].counts[plan.task_count], 0);
    }
}

/* ---- properties ---- */

static uint32_t budget_of(const struct settings *settings) {
    bool large = settings->width * settings->height > 1920 * 1088;
    return large || settings->speed == SPEED_SMALL ? 120 : 240;
}

/* The last image that can be seen alone by then. */
static size_t first_shown(const struct timeline *timeline, uint64_t frame) {
    struct timeline_frame at = timeline_frame_at(timeline, frame);
    return at.image - at.in_transition;
}

/* Where an image is alone for the first time. */
static uint64_t cut_at(const struct timeline *timeline, size_t image) {
    bool has_transition = image > 0 && image < timeline->image_count;
    return timeline->starts[image] + (has_transition ? timeline->transition_frames : 0);
}

static bool is_cut(const struct timeline *timeline, uint64_t frame) {
    return frame == timeline->frame_count ||
           cut_at(timeline, first_shown(timeline, frame)) == frame;
}

static void check_segments(const struct plan *plan) {
    const struct timeline *timeline = &plan->timeline;
    uint32_t budget = budget_of(&plan->manifest.settings);
    uint64_t next = 0;
    for (uint32_t i = 0; i < plan->segment_count; i++) {
        const struct segment *segment = &plan->segments[i];
        uint64_t end = segment->first_frame + segment->frame_count;
        size_t last = timeline_image_at(timeline, end - 1);
        assert_int_equal(segment->first_frame, next);
        assert_in_range(segment->frame_count, 1, budget);
        assert_int_equal(segment->first_image, first_shown(timeline, segment->first_frame));
        assert_int_equal(segment->image_count, last - segment->first_image + 1);
        size_t alone = end < timeline->frame_count ? first_shown(timeline, end) : 0;
        if (!is_cut(timeline, end))
            assert_true(cut_at(timeline, alone + 1) - cut_at(timeline, alone) > budget);
        /* The end of the film comes soon after the last image, unless that is held for long. */
        if (segment->image_count > 2 && timeline->frame_count - segment->first_frame > 60)
            assert_true(segment->frame_count <= (timeline->frame_count - segment->first_frame) / 2);
        next = end;
    }
    assert_int_equal(next, timeline->frame_count);
}

static void check_tasks(const struct plan *plan) {
    uint32_t next = 0;
    for (uint32_t i = 0; i < plan->task_count; i++) {
        assert_int_equal(plan->tasks[i].first, next);
        assert_in_range(plan->tasks[i].count, 1, PLAN_MAX_TASK_SEGMENTS);
        assert_true(plan->tasks[i].count <= (plan->segment_count - next + 2) / 3);
        next += plan->tasks[i].count;
    }
    assert_int_equal(next, plan->segment_count);
    assert_true(plan->segment_count < 3 || plan->task_count >= 3);
}

static void check_images(const struct plan *plan) {
    for (uint32_t i = 0; i < plan->task_count; i++) {
        uint32_t first, count, least = UINT32_MAX, most = 0;
        plan_images_of(plan, plan->tasks[i], &first, &count);
        for (uint32_t k = 0; k < plan->tasks[i].count; k++) {
            const struct segment *segment = &plan->segments[plan->tasks[i].first + k];
            least = segment->first_image < least ? segment->first_image : least;
            uint32_t end = segment->first_image + segment->image_count;
            most = end > most ? end : most;
        }
        uint32_t reach = plan_deflicker_reach(plan), all = (uint32_t)plan->manifest.image_count;
        assert_int_equal(first, least > reach ? least - reach : 0);
        assert_int_equal(first + count, most + reach < all ? most + reach : all);
    }
}

static void every_plan_has_its_properties(void **state) {
    (void)state;
    uint64_t seed = 5;
    for (size_t round = 0; round < 300; round++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct manifest manifest = made_random_manifest(arena, &seed);
        struct plan plan = made_plan(arena, &manifest), again = made_plan(arena, &manifest);
        assert_true(plan.segment_count > 0);
        check_segments(&plan);
        check_tasks(&plan);
        check_images(&plan);
        assert_string_equal(plan.hash, again.hash);
    }
}

/* A segment begins where a transition is over, never where one begins or inside it. */
static void transitions_are_not_cut(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 6);
    static const struct segment segments[] = {
        {0, 210, 0, 3}, {210, 90, 2, 2}, {300, 90, 3, 2}, {390, 90, 4, 2}, {480, 60, 5, 1}};
    manifest.settings.hold = (struct rational){3, 1};
    manifest.settings.transition = TRANSITION_CROSSFADE;
    struct plan plan = made_plan(arena, &manifest);
    assert_int_equal(plan.timeline.transition_frames, 30);
    for (uint32_t i = 0; i < plan.segment_count; i++) {
        const struct segment *it = &plan.segments[i], *good = &segments[i];
        if (i >= ARRAY_SIZE(segments) || it->first_frame != good->first_frame ||
            it->frame_count != good->frame_count || it->first_image != good->first_image ||
            it->image_count != good->image_count)
            fail_msg("segment %u: %u frames from %u, %u images from %u", i, it->frame_count,
                     (unsigned)it->first_frame, it->image_count, it->first_image);
    }
    assert_int_equal(plan.segment_count, ARRAY_SIZE(segments));
}

/* ---- facts ---- */

static void times_decide_the_order(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 6);
    static const char *const captured[] = {NULL, "2024-05-01T12:00:00.500", "2024-05-01T12:00:00",
                                           NULL, "2023-01-01T00:00:00",     "2024-05-01T12:00:00"};
    static const size_t order[] = {4, 2, 5, 1, 0, 3};
    struct plan_facts facts = {.captured = captured};
    struct plan plan;
    struct error err = {0};
    manifest.settings.order = ORDER_CAPTURED;
    assert_true(plan_needs_captured(&manifest));
    assert_int_equal(plan_first_image(&manifest, captured), 4);
    assert_true(plan_build(arena, "j", "b", &manifest, &facts, &plan, &err));
    for (size_t i = 0; i < ARRAY_SIZE(order); i++)
        assert_string_equal(plan.manifest.images[i].name, manifest.images[order[i]].name);
    assert_int_equal(plan.manifest.settings.order, ORDER_GIVEN);
    manifest.settings.order = ORDER_GIVEN;
    assert_false(plan_needs_captured(&manifest));
    assert_int_equal(plan_first_image(&manifest, NULL), 0);
}

static void music_spreads_the_images(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 4);
    struct plan_facts facts = {.audio = {"a.mp3", "etag", 100}, .audio_seconds = {100, 3}};
    struct plan plan;
    struct error err = {0};
    memcpy(manifest.settings.audio, "a.mp3", 6);
    manifest.settings.hold_is_music = true;
    assert_true(plan_needs_audio_duration(&manifest));
    assert_true(plan_build(arena, "j", "b", &manifest, &facts, &plan, &err));
    assert_int_equal(plan.timeline.frame_count, 1000);
    assert_int_equal(plan.timeline.starts[1], 250);
    assert_false(plan.manifest.settings.hold_is_music);
    /* One has its own hold; the others share what is left. */
    manifest.images[1].has_hold = true;
    manifest.images[1].hold = (struct rational){10, 3};
    assert_true(plan_build(arena, "j", "b", &manifest, &facts, &plan, &err));
    assert_int_equal(plan.timeline.frame_count, 1000);
    assert_int_equal(plan.timeline.starts[1], 300);
    assert_int_equal(plan.timeline.starts[2], 400);
    manifest.images[1].hold = (struct rational){34, 1};
    assert_false(plan_build(arena, "j", "b", &manifest, &facts, &plan, &err));
    assert_non_null(strstr(err.text, "longer than the music"));
    facts.audio_seconds.num = 0;
    assert_false(plan_build(arena, "j", "b", &manifest, &facts, &plan, &err));
    /* Another asset than the settings', or none. */
    facts.audio_seconds.num = 100;
    manifest.images[1].has_hold = false;
    facts.audio.name = "b.mp3";
    assert_false(plan_build(arena, "j", "b", &manifest, &facts, &plan, &err));
    facts.audio.name = NULL;
    assert_false(plan_build(arena, "j", "b", &manifest, &facts, &plan, &err));
}

/* Images appended at the end leave the segments before the taper alone. */
static void inserting_moves_only_the_end(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct plan plan = plan_of(arena, 5000, NULL, SPEED_BALANCED, 640, 480);
    struct plan more = plan_of(arena, 5007, NULL, SPEED_BALANCED, 640, 480);
    for (uint32_t i = 0; i < 18; i++)
        assert_int_equal(plan.segments[i].frame_count, more.segments[i].frame_count);
}

/* ---- size, poster, bad input ---- */

static void the_size_comes_from_the_first_image(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 3);
    struct plan_facts facts = {.first_width = 6000, .first_height = 4000};
    struct plan plan;
    struct error err = {0};
    assert_false(plan_needs_first_image(&manifest));
    manifest.settings.size = SIZE_AUTO;
    assert_true(plan_needs_first_image(&manifest));
    assert_true(plan_build(arena, "j", "b", &manifest, &facts, &plan, &err));
    assert_int_equal(plan.manifest.settings.size, SIZE_FIXED);
    assert_int_equal(plan.manifest.settings.width, 1620);
    assert_int_equal(plan.manifest.settings.height, 1080);
    manifest.settings.size = SIZE_SOURCE;
    assert_true(plan_needs_first_image(&manifest));
    assert_true(plan_build(arena, "j", "b", &manifest, &facts, &plan, &err));
    assert_int_equal(plan.manifest.settings.width, 6000);
    facts.first_width = 60000;
    assert_false(plan_build(arena, "j", "b", &manifest, &facts, &plan, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_false(plan_build(arena, "j", "b", &manifest, NULL, &plan, &err));
    assert_string_equal(err.text, "the first image's size is not known");
}

static void posters_lie_within_the_film(void **state) {
    (void)state;
    static const struct {
        const char *poster;
        bool in_seconds;
        int64_t frame; /* -1: refused */
        const char *message;
    } cases[] = {
        {"0", false, 0, NULL},
        {"599", false, 599, NULL},
        {"0", true, 0, NULL},
        {"1.5", true, 45, NULL},
        /* On the screen at that time, not the nearest. */
        {"0.0333", true, 0, NULL},
        {"0.0334", true, 1, NULL},
        {"19.999", true, 599, NULL},
        {"600", false, -1, "setting 'poster': frame 600 is beyond the film's 600 frames"},
        {"900", false, -1, "setting 'poster': frame 900 is beyond the film's 600 frames"},
        {"20", true, -1, "setting 'poster': frame 600 is beyond the film's 600 frames"},
        {"999999999.999999999", true, -1, "is beyond the film's 600 frames"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct manifest manifest = made_manifest(arena, 600);
        struct plan plan;
        struct error err = {0};
        assert_true(rational_parse(str_c(cases[i].poster), &manifest.settings.poster));
        manifest.settings.poster_in_seconds = cases[i].in_seconds;
        bool ok = plan_build(arena, "j", "b", &manifest, NULL, &plan, &err);
        assert_int_equal(ok, cases[i].frame >= 0);
        if (ok) {
            assert_int_equal(plan.poster_frame, cases[i].frame);
        } else {
            assert_int_equal(err.kind, ERROR_INVALID);
            if (!strstr(err.text, cases[i].message))
                fail_msg("'%s'", err.text);
        }
    }
}

static void bad_names_and_films_are_refused(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    char too_long[66] = "";
    memset(too_long, 'j', 65);
    const char *const jobs[] = {"", "a/b", "a b", too_long};
    struct manifest manifest = made_manifest(arena, 3);
    struct plan plan;
    struct error err = {0};
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        assert_false(plan_build(arena, jobs[i], "b", &manifest, NULL, &plan, &err));
    assert_false(plan_build(arena, "j", "", &manifest, NULL, &plan, &err));
    assert_false(plan_build(arena, "j", "a\nb", &manifest, NULL, &plan, &err));
    manifest.image_count = 0;
    assert_false(plan_build(arena, "j", "b", &manifest, NULL, &plan, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    manifest = made_manifest(arena, 300);
    manifest.settings.fps = (struct rational){120, 1};
    manifest.settings.hold = (struct rational){86400, 1};
    assert_false(plan_build(arena, "j", "b", &manifest, NULL, &plan, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
}

/* ---- hashes ---- */

struct hashes {
    char plan[SHA256_HEX_SIZE];
    char task[SHA256_HEX_SIZE];
    char chunk[SHA256_HEX_SIZE];
    char segment[SHA256_HEX_SIZE];
};

static struct image_version *versions_of(struct arena *arena, const struct plan *plan) {
    size_t count = plan->manifest.image_count;
    struct image_version *versions = arena_array(arena, count, sizeof *versions);
    for (size_t i = 0; i < count; i++)
        versions[i] = (struct image_version){
            .name = plan->manifest.images[i].name,
            .etag = arena_printf(arena, "%032zx", i),
            .size = 100,
            .modified_unix_ms = 1700000000000,
        };
    return versions;
}

static struct hashes hashes_of(struct arena *arena, const struct manifest *manifest,
                               const struct image_version *changed, const char *build) {
    struct plan plan;
    struct error err = {0};
    struct hashes hashes;
    assert_true(plan_build(arena, "job-1", build, manifest, NULL, &plan, &err));
    struct image_version *versions = versions_of(arena, &plan);
    if (changed)
        versions[3] = *changed;
    memcpy(hashes.plan, plan.hash, sizeof hashes.plan);
    plan_task_input(&plan, (struct segment_range){0, 1}, versions, hashes.task);
    plan_chunk_input(&plan, (struct segment_range){0, 1}, versions, hashes.chunk);
    plan_segment_hash(&plan, 0, versions, hashes.segment);
    return hashes;
}

/* Which of plan, task, chunk and segment hash differ, as letters. */
static void check_differences(const struct hashes *a, const struct hashes *b,
                              const char *expected) {
    char found[5] = "";
    size_t count = 0;
    if (strcmp(a->plan, b->plan) != 0)
        found[count++] = 'p';
    if (strcmp(a->task, b->task) != 0)
        found[count++] = 't';
    if (strcmp(a->chunk, b->chunk) != 0)
        found[count++] = 'c';
    if (strcmp(a->segment, b->segment) != 0)
        found[count++] = 's';
    assert_string_equal(found, expected);
}

static void hashes_cover_what_they_should(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 100), changed;
    struct hashes first = hashes_of(arena, &manifest, NULL, "build-1"), other;
    struct image_version version = versions_of(arena, &(struct plan){.manifest = manifest})[3];
    version.modified_unix_ms++;
    other = hashes_of(arena, &manifest, &version, "build-1");
    check_differences(&first, &other, "t");
    version.etag = "another";
    other = hashes_of(arena, &manifest, &version, "build-1");
    check_differences(&first, &other, "tcs");
    other = hashes_of(arena, &manifest, NULL, "build-2");
    check_differences(&first, &other, "ptcs");
    changed = made_manifest(arena, 100);
    changed.images[3].name = "other.jpg";
    other = hashes_of(arena, &changed, NULL, "build-1");
    check_differences(&first, &other, "ptc");
    changed = made_manifest(arena, 100);
    changed.settings.quality = 76;
    other = hashes_of(arena, &changed, NULL, "build-1");
    check_differences(&first, &other, "ptcs");
    changed = made_manifest(arena, 100);
    changed.settings.poster.num = 99;
    other = hashes_of(arena, &changed, NULL, "build-1");
    check_differences(&first, &other, "ptc");
    /* A hold in the first segment, and one behind it. */
    changed.settings.poster.num = 0;
    changed.images[0].has_hold = true;
    changed.images[0].hold = (struct rational){2, 30};
    other = hashes_of(arena, &changed, NULL, "build-1");
    check_differences(&first, &other, "ptcs");
    changed = made_manifest(arena, 100);
    changed.images[99].size = 5;
    other = hashes_of(arena, &changed, NULL, "build-1");
    check_differences(&first, &other, "ptc");
}

static void every_encoding_setting_counts(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 100);
    struct hashes first = hashes_of(arena, &manifest, NULL, "build-1");
    for (int i = 0; i < 15; i++) {
        struct manifest changed = made_manifest(arena, 100);
        struct settings *settings = &changed.settings;
        settings->fps.num += i == 0;
        settings->fps.den += i == 1 ? 1000 : 0;
        settings->width += i == 2 ? 2 : 0;
        settings->height += i == 3 ? 2 : 0;
        settings->fit = i == 4 ? FIT_COVER : FIT_CONTAIN;
        settings->background[i % 3] = i == 5;
        settings->quality += i == 6;
        settings->speed = i == 7 ? SPEED_SMALL : i == 8 ? SPEED_FAST : SPEED_BALANCED;
        settings->codec = i == 9 ? CODEC_HEVC : CODEC_H264;
        settings->held_frames = i == 10 ? HELD_FRAMES_ENCODED : HELD_FRAMES_SKIP;
        settings->seed = i == 11;
        settings->stamp = i == 12 ? STAMP_INDEX : STAMP_NONE;
        changed.images[3].rotate = i == 13 ? 90 : 0;
        changed.images[3].caption = i == 14 ? "text" : NULL;
        if (i == 1)
            settings->fps.num = 30000;
        struct hashes other = hashes_of(arena, &changed, NULL, "build-1");
        check_differences(&first, &other, "ptcs");
    }
}

/* Two pictures for three frames: which one stays longer counts. */
static void the_timeline_of_a_segment_counts(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    char hashes[2][SHA256_HEX_SIZE];
    for (size_t i = 0; i < 2; i++) {
        struct manifest manifest = made_manifest(arena, 2);
        manifest.images[i].has_hold = true;
        manifest.images[i].hold = (struct rational){2, 30};
        struct plan plan = made_plan(arena, &manifest);
        assert_int_equal(plan.segment_count, 1);
        assert_int_equal(plan.timeline.frame_count, 3);
        plan_segment_hash(&plan, 0, versions_of(arena, &plan), hashes[i]);
    }
    assert_string_not_equal(hashes[0], hashes[1]);
}

/* The place of a segment in the film does not count. */
static void segment_hashes_are_relative(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 2000);
    struct plan plan = made_plan(arena, &manifest);
    struct image_version *versions = versions_of(arena, &plan);
    char first[SHA256_HEX_SIZE], second[SHA256_HEX_SIZE], last[SHA256_HEX_SIZE];
    plan_segment_hash(&plan, 0, versions, first);
    plan_segment_hash(&plan, 1, versions, second);
    plan_segment_hash(&plan, plan.segment_count - 1, versions, last);
    assert_string_equal(first, second);
    assert_string_not_equal(first, last);
    char range[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE];
    plan_chunk_input(&plan, (struct segment_range){0, 1}, versions, range);
    plan_chunk_input(&plan, (struct segment_range){1, 1}, versions, other);
    assert_string_not_equal(range, other);
}

/* ---- covers ---- */

/* The rule as it is written: for each segment by itself. */
static bool cover_by_force(const struct plan *plan, const struct segment_range *ranges,
                           size_t count, size_t *ret) {
    for (uint32_t s = 0; s < plan->segment_count; s++) {
        size_t best = count;
        for (size_t i = 0; i < count; i++) {
            uint64_t end = (uint64_t)ranges[i].first + ranges[i].count;
            if (ranges[i].first > s || end <= s || end > plan->segment_count)
                continue;
            if (best == count || ranges[i].first < ranges[best].first ||
                (ranges[i].first == ranges[best].first && ranges[i].count > ranges[best].count))
                best = i;
        }
        if (best == count)
            return false;
        ret[s] = best;
    }
    return true;
}

static void covers_agree_with_brute_force(void **state) {
    (void)state;
    uint64_t seed = 9;
    size_t covered = 0;
    for (size_t round = 0; round < 20000; round++) {
        struct plan plan = {.segment_count = 1 + (uint32_t)made_number(&seed, 12)};
        struct segment_range ranges[10];
        size_t count = made_number(&seed, ARRAY_SIZE(ranges) + 1), used[12], expected[12];
        for (size_t i = 0; i < count; i++)
            ranges[i] = (struct segment_range){(uint32_t)made_number(&seed, 12),
                                               (uint32_t)made_number(&seed, 8)};
        memset(used, 0xAA, sizeof used);
        bool ok = plan_cover(&plan, ranges, count, used);
        assert_int_equal(ok, cover_by_force(&plan, ranges, count, expected));
        if (ok)
            assert_memory_equal(used, expected, plan.segment_count * sizeof *used);
        covered += ok;
    }
    assert_true(covered > 1000);
}

static void absurd_ranges_cover_nothing(void **state) {
    (void)state;
    struct plan plan = {.segment_count = 4};
    static const struct segment_range ranges[] = {
        {0, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}, {4, 1}, {0, 5}, {0, 0}, {1, UINT32_MAX}};
    size_t used[4] = {77, 77, 77, 77};
    assert_false(plan_cover(&plan, ranges, ARRAY_SIZE(ranges), used));
    assert_int_equal(used[0], 77);
    assert_false(plan_cover(&plan, NULL, 0, used));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_follow_the_rules),
        cmocka_unit_test(a_long_hold_among_short_ones_is_cut_alone),
        cmocka_unit_test(tasks_follow_the_rules),
        cmocka_unit_test(every_plan_has_its_properties),
        cmocka_unit_test(transitions_are_not_cut),
        cmocka_unit_test(times_decide_the_order),
        cmocka_unit_test(music_spreads_the_images),
        cmocka_unit_test(inserting_moves_only_the_end),
        cmocka_unit_test(the_size_comes_from_the_first_image),
        cmocka_unit_test(posters_lie_within_the_film),
        cmocka_unit_test(bad_names_and_films_are_refused),
        cmocka_unit_test(hashes_cover_what_they_should),
        cmocka_unit_test(every_encoding_setting_counts),
        cmocka_unit_test(the_timeline_of_a_segment_counts),
        cmocka_unit_test(segment_hashes_are_relative),
        cmocka_unit_test(covers_agree_with_brute_force),
        cmocka_unit_test(absurd_ranges_cover_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
