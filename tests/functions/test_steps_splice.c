/*
 * Steps 5 and 6: the splice beside its twin, interrupted, resumed, and cancelled at every point.
 *
 * Films are put together from chunks of noise, large enough for several parts.
 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

enum {
    LARGE = 6 * 1024 * 1024, /* a part of its own */
    SMALL = 1000,
    MARGIN_MS = 3000, /* what the splice keeps for the end before the deadline */
    SEGMENTS = 4,
};

static char *splice_key(struct steps *steps, const char *job, unsigned generation) {
    return key_task_splice(steps->arena, job, generation);
}

/* All segments are there and the splice waits. */
static void make_complete(struct steps *steps, const char *job, size_t segment_bytes) {
    steps_make_job(steps, job, SEGMENTS);
    for (uint32_t i = 0; i < SEGMENTS; i++)
        steps_put_chunk(steps, job, (struct segment_range){i, 1}, segment_bytes);
    steps_intake(steps, INPUT, key_nudge(steps->arena, job));
    assert_true(steps_exists(steps, WORK, splice_key(steps, job, 0)));
    steps_lose(steps);
}

static struct str large_film(struct steps *steps) {
    if (!steps_exists(steps, OUTPUT, "large/result.json")) {
        make_complete(steps, "large", LARGE);
        steps_render(steps, splice_key(steps, "large", 0));
    }
    assert_string_equal(steps_state(steps, "large"), "done");
    struct str film = steps_video(steps, "large");
    assert_true(film.len > (size_t)SEGMENTS * LARGE);
    return film;
}

static void assert_is_film(struct steps *steps, const char *job, struct str expected) {
    assert_string_equal(steps_state(steps, job), "done");
    struct str film = steps_video(steps, job);
    assert_int_equal(film.len, expected.len);
    assert_memory_equal(film.ptr, expected.ptr, film.len);
}

/* Nothing but the result. */
static void assert_no_video(struct steps *steps, const char *job) {
    size_t count;
    const char *prefix = arena_printf(steps->arena, "%s/", job);
    const char **keys = steps_keys(steps, OUTPUT, prefix, &count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(keys[i], key_result(steps->arena, job));
}

static bool upload_is_open(struct steps *steps, const char *job, size_t *ret_parts) {
    const char *note = steps_get(steps, WORK, key_splice(steps->arena, job));
    struct s3_part *parts;
    struct error err;
    assert_non_null(note);
    json_t *root = json_loads(note, 0, NULL);
    const char *id = arena_strdup(steps->arena, json_string_value(json_object_get(root, "upload")));
    json_decref(root);
    *ret_parts = 0;
    return s3_list_parts(steps->functions->s3, steps->arena, OUTPUT,
                         key_video(steps->arena, job, FORMAT_MP4), id, &parts, ret_parts, &err);
}

/* ---- twins and put-backs ---- */

static void twins_make_one_film(void **state) {
    struct steps *steps = *state;
    struct str expected = large_film(steps);
    for (unsigned i = 0; i < 3; i++) {
        const char *job = arena_printf(steps->arena, "splice-twins-%u", i);
        size_t parts;
        make_complete(steps, job, LARGE);
        steps_twins(steps, render_handle, WORK, splice_key(steps, job, 0));
        assert_is_film(steps, job, expected);
        assert_false(upload_is_open(steps, job, &parts));
    }
}

static void a_second_splice_changes_nothing(void **state) {
    struct steps *steps = *state;
    make_complete(steps, "second", SMALL);
    steps_render(steps, splice_key(steps, "second", 0));
    const char *video = steps_etag(steps, OUTPUT, "second/video.mp4");
    const char *result = steps_etag(steps, OUTPUT, "second/result.json");
    steps_render(steps, splice_key(steps, "second", 0));
    assert_string_equal(steps_etag(steps, OUTPUT, "second/video.mp4"), video);
    assert_string_equal(steps_etag(steps, OUTPUT, "second/result.json"), result);
}

/* Killed between the video and the result: the next one finds the upload gone and the video there.
 */
static void a_splice_goes_on_after_the_video(void **state) {
    struct steps *steps = *state;
    make_complete(steps, "after-video", SMALL);
    steps_render(steps, splice_key(steps, "after-video", 0));
    struct str film = steps_video(steps, "after-video");
    steps_delete(steps, OUTPUT, "after-video/result.json");
    steps_delete(steps, OUTPUT, "after-video/receipts.json");
    steps_render(steps, splice_key(steps, "after-video", 0));
    assert_is_film(steps, "after-video", film);
    assert_true(steps_exists(steps, OUTPUT, "after-video/receipts.json"));
}

static void a_splice_is_resumed_after_some_parts(void **state) {
    struct steps *steps = *state;
    struct str expected = large_film(steps);
    /* How many parts fit is the machine's affair: more time until some do. */
    for (int64_t spare_ms = 10; spare_ms < 4000; spare_ms += spare_ms / 2) {
        const char *job = arena_printf(steps->arena, "resumed-%d", (int)spare_ms);
        size_t parts;
        struct error err;
        make_complete(steps, job, LARGE);
        if (!steps_deliver(steps->functions, render_handle, WORK, splice_key(steps, job, 0),
                           MARGIN_MS + spare_ms, &err))
            fail_msg("%s", err.text);
        if (!upload_is_open(steps, job, &parts) || parts == 0)
            continue;
        assert_true(parts < SEGMENTS + 1);
        assert_string_equal(steps_get(steps, WORK, splice_key(steps, job, 1)), "{\"stalled\":0}");
        uint64_t before = s3_client_traffic(steps->functions->s3).sent_bytes;
        /* The one before was delivered once more: it has handed on. */
        steps_render(steps, splice_key(steps, job, 0));
        assert_int_equal(s3_client_traffic(steps->functions->s3).sent_bytes, before);
        steps_run(steps);
        assert_is_film(steps, job, expected);
        return;
    }
    fail_msg("no deadline let a splice put a part of its parts");
}

static void a_splice_that_stalls_twice_ends_the_job(void **state) {
    struct steps *steps = *state;
    struct error err;
    make_complete(steps, "splice-stalls", SMALL);
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(steps_state(steps, "splice-stalls"), "");
        assert_true(steps_deliver(steps->functions, render_handle, WORK,
                                  splice_key(steps, "splice-stalls", i), 0, &err));
    }
    assert_false(steps_exists(steps, WORK, splice_key(steps, "splice-stalls", 2)));
    assert_string_equal(steps_error_code(steps, "splice-stalls"), "timeout");
    /* Whoever comes now leaves nothing behind. */
    size_t parts;
    steps_render(steps, splice_key(steps, "splice-stalls", 1));
    assert_no_video(steps, "splice-stalls");
    assert_false(upload_is_open(steps, "splice-stalls", &parts));
}

/* Killed after the note was put: the next one goes on with the upload that it names. */
static void the_upload_that_was_agreed_on_is_used(void **state) {
    struct steps *steps = *state;
    const char *id;
    struct error err;
    make_complete(steps, "agreed", SMALL);
    assert_true(s3_create_upload(steps->functions->s3, steps->arena, OUTPUT, "agreed/video.mp4",
                                 "video/mp4", &id, &err));
    steps_put(steps, WORK, key_splice(steps->arena, "agreed"),
              arena_printf(steps->arena, "{\"upload\":\"%s\"}", id));
    steps_render(steps, splice_key(steps, "agreed", 0));
    assert_string_equal(steps_state(steps, "agreed"), "done");
    size_t parts;
    assert_false(upload_is_open(steps, "agreed", &parts));
}

/* ---- failure ---- */

static void the_failure_of_a_splice_fails_the_job(void **state) {
    struct steps *steps = *state;
    make_complete(steps, "splice-fails", SMALL);
    steps_on_failure(steps, WORK, splice_key(steps, "splice-fails", 0));
    assert_string_equal(steps_error_code(steps, "splice-fails"), "splice");
    /* A twin that lives on takes its video back. */
    steps_render(steps, splice_key(steps, "splice-fails", 0));
    assert_no_video(steps, "splice-fails");
}

static void the_failure_of_a_splice_whose_video_is_there_is_done(void **state) {
    struct steps *steps = *state;
    make_complete(steps, "there", SMALL);
    steps_render(steps, splice_key(steps, "there", 0));
    steps_delete(steps, OUTPUT, "there/result.json");
    steps_on_failure(steps, WORK, splice_key(steps, "there", 0));
    assert_string_equal(steps_state(steps, "there"), "done");
}

static void the_failure_of_a_splice_handed_on_fails_nothing(void **state) {
    struct steps *steps = *state;
    struct error err;
    make_complete(steps, "goes-on", SMALL);
    assert_true(steps_deliver(steps->functions, render_handle, WORK,
                              splice_key(steps, "goes-on", 0), 0, &err));
    steps_on_failure(steps, WORK, splice_key(steps, "goes-on", 0));
    assert_string_equal(steps_state(steps, "goes-on"), "");
    steps_run(steps);
    assert_string_equal(steps_state(steps, "goes-on"), "done");
}

/* ---- cancel ---- */

static void cancel(struct steps *steps, const char *job) {
    steps_put(steps, WORK, key_cancelled(steps->arena, job), "{}");
}

static void cancel_before_anything(void **state) {
    struct steps *steps = *state;
    cancel(steps, "early");
    steps_run(steps);
    assert_string_equal(steps_state(steps, "early"), "cancelled");
    steps_put_manifest(steps, "early", 4, "");
    steps_put_image(steps, "early", 0, 0);
    steps_run(steps);
    assert_false(steps_exists(steps, WORK, "plans/early.json"));
    /* A late image goes, with a plan or without. */
    assert_int_equal(steps_count(steps, INPUT, "jobs/early/images/"), 0);
}

static void late_images_of_a_cancelled_job_go(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "late", 4);
    cancel(steps, "late");
    steps_run(steps);
    steps_put_image(steps, "late", 3, 5);
    steps_put_image(steps, "late", 99, 0);
    steps_run(steps);
    assert_int_equal(steps_count(steps, INPUT, "jobs/late/images/"), 3);
    assert_int_equal(steps_count(steps, WORK, "chunks/late/"), 0);
}

/* The wish lies there, its event has not come yet: whoever sees it writes the result. */
static void cancel_before_rendering(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "before", 4);
    cancel(steps, "before");
    steps_render(steps, steps_task_key(steps, "before", 0));
    assert_string_equal(steps_state(steps, "before"), "cancelled");
    assert_int_equal(steps_count(steps, WORK, "chunks/before/"), 0);
}

static void a_nudge_writes_the_result_of_a_cancel(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "wish", 4);
    cancel(steps, "wish");
    steps_lose(steps);
    steps_intake(steps, INPUT, key_nudge(steps->arena, "wish"));
    assert_string_equal(steps_state(steps, "wish"), "cancelled");
    assert_int_equal(steps_waiting(steps, "render"), 0);
}

static void the_failure_of_a_cancel_is_a_cancel(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "cancel-fails", 4);
    cancel(steps, "cancel-fails");
    steps_on_failure(steps, WORK, key_cancelled(steps->arena, "cancel-fails"));
    assert_string_equal(steps_state(steps, "cancel-fails"), "cancelled");
}

struct job_thread {
    struct functions *functions;
    runtime_handler *handler;
    const char *key;
    bool ok;
    struct error err;
};

static void *run_job_thread(void *argument) {
    struct job_thread *it = argument;
    it->ok = steps_deliver(it->functions, it->handler, WORK, it->key, LONG_MS, &it->err);
    return NULL;
}

/* Runs a task while the job is cancelled; at what moment is up to the machine. */
static void cancel_during(struct steps *steps, const char *job, const char *key) {
    struct job_thread it = {steps_new_functions(steps), render_handle, key, false, {0}};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_job_thread, &it), 0);
    cancel(steps, job);
    steps_intake(steps, WORK, key_cancelled(steps->arena, job));
    pthread_join(thread, NULL);
    functions_free(it.functions);
    /* A splice may find its upload or chunk gone; its next try sees why. */
    if (!it.ok)
        steps_render(steps, key);
}

/* What was written before the wish was there stays until it expires. */
static void cancel_while_rendering_leaves_no_later_chunk(void **state) {
    struct steps *steps = *state;
    for (unsigned i = 0; i < 5; i++) {
        const char *job = arena_printf(steps->arena, "while-%u", i);
        const char *prefix = arena_printf(steps->arena, "chunks/%s/", job);
        steps_make_job(steps, job, 18);
        steps_lose(steps);
        cancel_during(steps, job, steps_task_key(steps, job, 0));
        assert_string_equal(steps_state(steps, job), "cancelled");
        if (steps_count(steps, WORK, prefix) > 0)
            assert_true(steps_youngest(steps, "notify") < steps_youngest(steps, "intake"));
        steps_run(steps);
        assert_no_video(steps, job);
    }
}

static void cancel_before_the_splice(void **state) {
    struct steps *steps = *state;
    make_complete(steps, "no-splice", SMALL);
    cancel(steps, "no-splice");
    steps_render(steps, splice_key(steps, "no-splice", 0));
    assert_string_equal(steps_state(steps, "no-splice"), "cancelled");
    assert_no_video(steps, "no-splice");
}

static void cancel_after_the_splice_is_too_late(void **state) {
    struct steps *steps = *state;
    make_complete(steps, "too-late", SMALL);
    steps_render(steps, splice_key(steps, "too-late", 0));
    cancel(steps, "too-late");
    steps_run(steps);
    assert_string_equal(steps_state(steps, "too-late"), "done");
    steps_render(steps, splice_key(steps, "too-late", 0));
    assert_true(steps_exists(steps, OUTPUT, "too-late/video.mp4"));
}

/* Killed after the video was completed; the cancel came first with the result. */
static void cancel_between_video_and_result(void **state) {
    struct steps *steps = *state;
    make_complete(steps, "between", SMALL);
    steps_render(steps, splice_key(steps, "between", 0));
    steps_delete(steps, OUTPUT, "between/result.json");
    cancel(steps, "between");
    steps_intake(steps, WORK, key_cancelled(steps->arena, "between"));
    assert_string_equal(steps_state(steps, "between"), "cancelled");
    steps_render(steps, splice_key(steps, "between", 0));
    assert_no_video(steps, "between");
}

static void cancel_against_splice_has_one_winner(void **state) {
    struct steps *steps = *state;
    for (unsigned i = 0; i < 12; i++) {
        const char *job = arena_printf(steps->arena, "race-%u", i);
        make_complete(steps, job, i % 2 == 0 ? SMALL : LARGE / 4);
        cancel_during(steps, job, splice_key(steps, job, 0));
        steps_run(steps);
        if (strcmp(steps_state(steps, job), "done") == 0) {
            assert_true(steps_exists(steps, OUTPUT, key_video(steps->arena, job, FORMAT_MP4)));
        } else {
            assert_string_equal(steps_state(steps, job), "cancelled");
            assert_no_video(steps, job);
        }
    }
}

static void a_purge_removes_the_chunks(void **state) {
    struct steps *steps = *state;
    make_complete(steps, "purged", SMALL);
    steps_put(steps, WORK, "progress/purged/1/20", "");
    /* Of a job that is not cancelled nothing is removed, whoever asks. */
    steps_render(steps, "tasks/purged/purge-0.json");
    assert_int_equal(steps_count(steps, WORK, "chunks/purged/"), SEGMENTS);
    steps_put(steps, WORK, "cancelled/purged", "{\"purge\":true}");
    steps_intake(steps, WORK, "cancelled/purged");
    /* Without time it removes one at a time, and still comes to an end. */
    for (unsigned i = 0; i < 2 * SEGMENTS; i++) {
        const char *bucket, *key = steps_take(steps, "render", &bucket);
        struct error err;
        if (key == NULL)
            break;
        assert_true(steps_deliver(steps->functions, render_handle, WORK, key, 0, &err));
    }
    assert_int_equal(steps_waiting(steps, "render"), 0);
    assert_int_equal(steps_count(steps, WORK, "chunks/purged/"), 0);
    assert_int_equal(steps_count(steps, WORK, "progress/purged/"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STEPS_TEST(twins_make_one_film),
        STEPS_TEST(a_second_splice_changes_nothing),
        STEPS_TEST(a_splice_goes_on_after_the_video),
        STEPS_TEST(a_splice_is_resumed_after_some_parts),
        STEPS_TEST(a_splice_that_stalls_twice_ends_the_job),
        STEPS_TEST(the_upload_that_was_agreed_on_is_used),
        STEPS_TEST(the_failure_of_a_splice_fails_the_job),
        STEPS_TEST(the_failure_of_a_splice_whose_video_is_there_is_done),
        STEPS_TEST(the_failure_of_a_splice_handed_on_fails_nothing),
        STEPS_TEST(cancel_before_anything),
        STEPS_TEST(late_images_of_a_cancelled_job_go),
        STEPS_TEST(cancel_before_rendering),
        STEPS_TEST(a_nudge_writes_the_result_of_a_cancel),
        STEPS_TEST(the_failure_of_a_cancel_is_a_cancel),
        STEPS_TEST(cancel_while_rendering_leaves_no_later_chunk),
        STEPS_TEST(cancel_before_the_splice),
        STEPS_TEST(cancel_after_the_splice_is_too_late),
        STEPS_TEST(cancel_between_video_and_result),
        STEPS_TEST(cancel_against_splice_has_one_winner),
        STEPS_TEST(a_purge_removes_the_chunks),
    };
    return cmocka_run_group_tests(tests, steps_open, steps_close);
}
