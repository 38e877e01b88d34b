/*
 * Step 3 and 4: rendering, replaced images, put-backs, completeness. The film must be the same
 * whatever happened on the way.
 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* What functions keep for the end before the deadline. */
enum { MARGIN_MS = 2000 };

static char *image_key(struct steps *steps, const char *job, unsigned index) {
    return key_image(steps->arena, job, steps_image_name(steps, index));
}

static void assert_is_film(struct steps *steps, const char *job, struct str expected) {
    assert_string_equal(steps_state(steps, job), "done");
    struct str film = steps_video(steps, job);
    assert_int_equal(film.len, expected.len);
    assert_memory_equal(film.ptr, expected.ptr, film.len);
}

static uint64_t sent(struct steps *steps) {
    return s3_client_traffic(steps->functions->s3).sent_bytes;
}

/* ---- once and twice ---- */

static void a_second_run_encodes_nothing(void **state) {
    struct steps *steps = *state;
    size_t count;
    steps_make_job(steps, "again", 4);
    char *task = steps_task_key(steps, "again", 0);
    steps_render(steps, task);
    const char **chunks = steps_keys(steps, WORK, "chunks/again/", &count);
    assert_int_equal(count, 1);
    const char *etag = steps_etag(steps, WORK, chunks[0]);
    uint64_t before = sent(steps);
    steps_render(steps, task);
    assert_int_equal(sent(steps), before);
    assert_string_equal(steps_etag(steps, WORK, chunks[0]), etag);
    assert_int_equal(steps_count(steps, WORK, "chunks/again/"), 1);
}

/* A frozen list names chunks by ETag, and a twin's may tell other receipts: the first one stays. */
static void twins_put_a_chunk_once(void **state) {
    struct steps *steps = *state;
    for (unsigned i = 0; i < 5; i++) {
        const char *job = arena_printf(steps->arena, "chunk-twins-%u", i);
        steps_make_job(steps, job, 4);
        steps_lose(steps);
        steps_twins(steps, render_handle, WORK, steps_task_key(steps, job, 0));
        assert_int_equal(steps_waiting(steps, "notify"), 1);
    }
}

static void every_event_twice_gives_the_same_film(void **state) {
    struct steps *steps = *state;
    struct str reference = steps_reference(steps, 4);
    steps_put_manifest(steps, "twice", 4, "");
    for (unsigned i = 0; i < 4; i++)
        steps_put_image(steps, "twice", i, 0);
    for (bool moved = true; moved;) {
        const char *bucket, *key;
        moved = false;
        /* Render first, so that the order is another one than in the reference. */
        while ((key = steps_take(steps, "render", &bucket)) != NULL) {
            steps_render(steps, key);
            steps_render(steps, key);
            moved = true;
        }
        if ((key = steps_take(steps, "intake", &bucket)) != NULL) {
            steps_intake(steps, bucket, key);
            steps_intake(steps, bucket, key);
            moved = true;
        }
    }
    assert_is_film(steps, "twice", reference);
    assert_int_equal(steps_count(steps, OUTPUT, "twice/"), 4);
}

static void what_is_covered_is_skipped(void **state) {
    struct steps *steps = *state;
    size_t count;
    steps_make_job(steps, "skips", 9); /* task 0: segments 0 to 2 */
    steps_put_chunk(steps, "skips", (struct segment_range){1, 1}, 1000);
    steps_render(steps, steps_task_key(steps, "skips", 0));
    const char **keys = steps_keys(steps, WORK, "chunks/skips/", &count);
    assert_int_equal(count, 3);
    assert_non_null(strstr(keys[0], "/000000-000001-"));
    assert_non_null(strstr(keys[1], "/000001-000001-"));
    assert_non_null(strstr(keys[2], "/000002-000001-"));
}

/* ---- replaced images ---- */

static void a_replaced_image_wins(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "wins", 4);
    char *older = steps_task_key(steps, "wins", 1);
    steps_put_image(steps, "wins", 2, 1);
    steps_render(steps, older);
    assert_int_equal(steps_count(steps, WORK, "chunks/wins/"), 0);
    assert_string_equal(steps_state(steps, "wins"), "");
    steps_run(steps);
    /* The film is that of a job that had the newer image from the beginning. */
    steps_put_manifest(steps, "had-it", 4, "");
    for (unsigned i = 0; i < 4; i++)
        steps_put_image(steps, "had-it", i, i == 2);
    steps_run(steps);
    struct str expected = steps_video(steps, "had-it"), other = steps_reference(steps, 4);
    assert_is_film(steps, "wins", expected);
    assert_true(other.len != expected.len || memcmp(other.ptr, expected.ptr, other.len) != 0);
}

/* Chunks of the older image lie there; they are not the film's. */
static void an_image_replaced_after_its_task_ran_is_rendered_anew(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "anew", 4);
    for (unsigned i = 0; i < 3; i++)
        if (i != 0)
            steps_render(steps, steps_task_key(steps, "anew", i));
    steps_put_image(steps, "anew", 2, 1);
    steps_render(steps, steps_task_key(steps, "anew", 0));
    assert_false(steps_exists(steps, WORK, "tasks/anew/splice-0.json"));
    steps_run(steps);
    assert_string_equal(steps_state(steps, "anew"), "done");
    assert_is_film(steps, "anew", steps_video(steps, "had-it"));
}

static void an_image_that_comes_back_counts_again(void **state) {
    struct steps *steps = *state;
    struct str reference = steps_reference(steps, 4);
    steps_make_job(steps, "back", 4);
    char *first = steps_task_key(steps, "back", 1);
    steps_put_image(steps, "back", 2, 1);
    steps_render(steps, first); /* leaves */
    steps_put_image(steps, "back", 2, 0);
    assert_string_not_equal(steps_task_key(steps, "back", 1), first);
    steps_run(steps);
    assert_is_film(steps, "back", reference);
}

/* LastModified has whole seconds: then the name of the task is the old one's. */
static void an_image_that_comes_back_within_the_second_is_found_by_a_nudge(void **state) {
    struct steps *steps = *state;
    struct str reference = steps_reference(steps, 4);
    steps_make_job(steps, "second", 4);
    char *first = steps_task_key(steps, "second", 1);
    int64_t then = steps->image_ms - 1000; /* of image 2 */
    steps_put_image_at(steps, "second", 2, 1, then);
    steps_render(steps, first);
    steps_put_image_at(steps, "second", 2, 0, then);
    assert_string_equal(steps_task_key(steps, "second", 1), first);
    steps_run(steps);
    if (strcmp(steps_state(steps, "second"), "done") != 0) {
        steps_intake(steps, INPUT, key_nudge(steps->arena, "second"));
        steps_run(steps);
    }
    assert_is_film(steps, "second", reference);
}

static void a_missing_image_ends_the_job(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "gone", 4);
    char *task = steps_task_key(steps, "gone", 1);
    steps_delete(steps, INPUT, image_key(steps, "gone", 2));
    steps_render(steps, task);
    assert_string_equal(steps_error_code(steps, "gone"), "missing-image");
}

static void a_bad_image_ends_the_job_unless_it_was_replaced(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "bad", 4);
    steps_put(steps, INPUT, image_key(steps, "bad", 2), "this is no picture");
    steps_intake(steps, INPUT, image_key(steps, "bad", 2));
    char *task = steps_task_key(steps, "bad", 1);
    steps_put_image(steps, "bad", 2, 3);
    steps_render(steps, task);
    assert_string_equal(steps_state(steps, "bad"), "");
    steps_put(steps, INPUT, image_key(steps, "bad", 2), "this is none either");
    steps_run(steps);
    assert_string_equal(steps_error_code(steps, "bad"), "bad-image");
}

/* ---- the deadline ---- */

static void a_put_back_ends_in_the_same_film(void **state) {
    struct steps *steps = *state;
    struct str reference = steps_reference(steps, 18);
    /* Task 0 has six segments. How many fit is the machine's affair: more time until some do. */
    for (int64_t spare_ms = 5; spare_ms < 4000; spare_ms += spare_ms / 2) {
        const char *job = arena_printf(steps->arena, "put-back-%d", (int)spare_ms);
        const char *bucket;
        struct error err;
        steps_make_job(steps, job, 18);
        const char *task = steps_task_key(steps, job, 0);
        if (!steps_deliver(steps->functions, render_handle, WORK, task, MARGIN_MS + spare_ms, &err))
            fail_msg("%s", err.text);
        size_t count;
        const char *prefix = arena_printf(steps->arena, "tasks/%s/", job);
        const char **keys = steps_keys(steps, WORK, prefix, &count);
        const char *rest = NULL;
        for (size_t i = 0; i < count; i++)
            if (strstr(keys[i], "-1.json") != NULL)
                rest = keys[i];
        bool partly = rest != NULL && strncmp(rest + strlen(prefix), "000000-", 7) != 0;
        if (!partly) {
            steps_lose(steps);
            continue;
        }
        const char *text = steps_get(steps, WORK, rest);
        assert_non_null(strstr(text, "\"stalled\":0"));
        assert_non_null(strstr(text, "\"generation\":1"));
        /* The first one again: its segments are covered or handed on. */
        uint64_t before = sent(steps);
        steps_render(steps, task);
        assert_int_equal(sent(steps), before);
        while (steps_take(steps, "intake", &bucket) != NULL)
            continue;
        steps_run(steps);
        assert_is_film(steps, job, reference);
        return;
    }
    fail_msg("no deadline let a task do a part of its work");
}

static void no_progress_twice_ends_the_job(void **state) {
    struct steps *steps = *state;
    const char *bucket;
    struct error err;
    steps_make_job(steps, "stalls", 4);
    steps_lose(steps);
    assert_true(steps_deliver(steps->functions, render_handle, WORK,
                              steps_task_key(steps, "stalls", 0), 0, &err));
    assert_int_equal(steps_waiting(steps, "render"), 1);
    const char *rest = steps_take(steps, "render", &bucket);
    assert_non_null(strstr(steps_get(steps, WORK, rest), "\"stalled\":1"));
    assert_string_equal(steps_state(steps, "stalls"), "");
    assert_true(steps_deliver(steps->functions, render_handle, WORK, rest, 0, &err));
    assert_int_equal(steps_waiting(steps, "render"), 0);
    assert_string_equal(steps_state(steps, "stalls"), "failed");
    assert_string_equal(steps_error_code(steps, "stalls"), "timeout");
}

/* Several runs between covered segments are one put-back, not one each. */
static void a_stalled_task_is_put_back_whole_and_once(void **state) {
    struct steps *steps = *state;
    struct error err;
    steps_make_job(steps, "whole", 9);
    steps_put_chunk(steps, "whole", (struct segment_range){1, 1}, 1000);
    steps_lose(steps);
    assert_true(steps_deliver(steps->functions, render_handle, WORK,
                              steps_task_key(steps, "whole", 0), 0, &err));
    assert_int_equal(steps_waiting(steps, "render"), 1);
    assert_int_equal(steps_count(steps, WORK, "tasks/whole/000000-000003-"), 2);
}

/* Stalled or not: what a twin has done meanwhile is done. */
static void a_stalled_task_fails_nothing_that_is_covered(void **state) {
    struct steps *steps = *state;
    const char *bucket;
    struct error err;
    steps_make_job(steps, "twin-did", 4);
    steps_lose(steps);
    assert_true(steps_deliver(steps->functions, render_handle, WORK,
                              steps_task_key(steps, "twin-did", 0), 0, &err));
    const char *rest = steps_take(steps, "render", &bucket);
    steps_put_chunk(steps, "twin-did", (struct segment_range){0, 2}, 1000);
    assert_true(steps_deliver(steps->functions, render_handle, WORK, rest, 0, &err));
    assert_string_equal(steps_state(steps, "twin-did"), "");
}

static void segments_handed_on_are_skipped(void **state) {
    struct steps *steps = *state;
    const char *bucket;
    struct error err;
    steps_make_job(steps, "skipped", 4);
    char *task = steps_task_key(steps, "skipped", 0);
    steps_lose(steps);
    assert_true(steps_deliver(steps->functions, render_handle, WORK, task, 0, &err));
    uint64_t before = sent(steps);
    steps_render(steps, task);
    assert_int_equal(sent(steps), before);
    assert_int_equal(steps_count(steps, WORK, "chunks/skipped/"), 0);
    steps_render(steps, steps_take(steps, "render", &bucket));
    assert_int_equal(steps_count(steps, WORK, "chunks/skipped/"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STEPS_TEST(a_second_run_encodes_nothing),
        STEPS_TEST(twins_put_a_chunk_once),
        STEPS_TEST(every_event_twice_gives_the_same_film),
        STEPS_TEST(what_is_covered_is_skipped),
        STEPS_TEST(a_replaced_image_wins),
        STEPS_TEST(an_image_replaced_after_its_task_ran_is_rendered_anew),
        STEPS_TEST(an_image_that_comes_back_counts_again),
        STEPS_TEST(an_image_that_comes_back_within_the_second_is_found_by_a_nudge),
        STEPS_TEST(a_missing_image_ends_the_job),
        STEPS_TEST(a_bad_image_ends_the_job_unless_it_was_replaced),
        STEPS_TEST(a_put_back_ends_in_the_same_film),
        STEPS_TEST(no_progress_twice_ends_the_job),
        STEPS_TEST(a_stalled_task_is_put_back_whole_and_once),
        STEPS_TEST(a_stalled_task_fails_nothing_that_is_covered),
        STEPS_TEST(segments_handed_on_are_skipped),
    };
    return cmocka_run_group_tests(tests, steps_open, steps_close);
}
