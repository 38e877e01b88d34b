/*
 * What a stranger may put into the buckets: an error at worst, and never another job's film.
 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static char *replace_once(struct steps *steps, const char *text, const char *old, const char *by) {
    const char *at = strstr(text, old);
    assert_non_null(at);
    return arena_printf(steps->arena, "%.*s%s%s", (int)(at - text), text, by, at + strlen(old));
}

static bool render(struct steps *steps, const char *key, struct error *err) {
    return steps_deliver(steps->functions, render_handle, WORK, key, LONG_MS, err);
}

/* ---- tasks ---- */

static void tasks_that_do_not_fit_are_errors(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "tasks", 4);
    char *key = steps_task_key(steps, "tasks", 0);
    const char *text = steps_get(steps, WORK, key);
    const char *texts[] = {
        "",
        "garbage",
        "null",
        "[]",
        "{}",
        replace_once(steps, text, "\"plan\":\"", "\"plan\":\"0"),
        replace_once(steps, text, "\"etag\":\"", "\"etag\":\"0"),
        replace_once(steps, text, "\"size\":", "\"size\":-"),
        replace_once(steps, text, "\"size\":", "\"size\":99999999"),
        replace_once(steps, text, "\"modified\":", "\"modified\":1"),
        replace_once(steps, text, "000000-photo.jpg", "000001-photo.jpg"),
        replace_once(steps, text, "\"stalled\":0", "\"stalled\":77"),
        replace_once(steps, text, "\"images\":[", "\"images\":[{},"),
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct error err;
        steps_put(steps, WORK, key, texts[i]);
        if (render(steps, key, &err) && steps_count(steps, WORK, "chunks/tasks/") > 0)
            fail_msg("case %zu was rendered", i);
        /* Its failure is not the job's. */
        steps_on_failure(steps, WORK, key);
        assert_string_equal(steps_state(steps, "tasks"), "");
    }
    steps_put(steps, WORK, key, text);
    steps_render(steps, key);
    assert_int_equal(steps_count(steps, WORK, "chunks/tasks/"), 1);
}

static void tasks_with_odd_names_do_nothing(void **state) {
    struct steps *steps = *state;
    static const char *const endings[] = {
        "000000-000000-%s-0.json",
        "000000-000099-%s-0.json",
        "000003-000002-%s-0.json",
        "999999-999999-%s-0.json",
        "000000-000002-%s-1.json",
        "000000-000002-%s-9999.json",
        "000000-000002-%s-10000.json",
        "000000-000002-%s.json",
        "splice-7.json",
        "splice-9999.json",
        "purge-0.json",
        "probe-.json",
        "unknown",
    };
    steps_make_job(steps, "odd", 4);
    char *good = steps_task_key(steps, "odd", 0);
    const char *text = steps_get(steps, WORK, good);
    char input[65];
    assert_int_equal(sscanf(good, "tasks/odd/000000-000002-%64[0-9a-f]", input), 1);
    for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
        struct error err;
        const char *percent = strstr(endings[i], "%s");
        const char *ending = percent ? replace_once(steps, endings[i], "%s", input) : endings[i];
        char *key = arena_printf(steps->arena, "tasks/odd/%s", ending);
        steps_put(steps, WORK, key, percent ? text : "{}");
        bool ok = render(steps, key, &err);
        assert_true(ok || err.text[0] != '\0');
        steps_delete(steps, WORK, key);
    }
    assert_false(steps_exists(steps, OUTPUT, "odd/video.mp4"));
    /* No job of that name, or none that is planned. */
    struct error err;
    assert_false(render(steps, replace_once(steps, good, "/odd/", "/none/"), &err));
    assert_false(render(steps, "tasks/none/splice-0.json", &err));
    steps_on_failure(steps, WORK, replace_once(steps, good, "/odd/", "/none/"));
    assert_string_equal(steps_state(steps, "none"), "");
}

/* ---- plans ---- */

static void a_plan_of_another_job_is_refused(void **state) {
    struct steps *steps = *state;
    struct error err;
    steps_make_job(steps, "owner", 4);
    const char *plan = steps_get(steps, WORK, "plans/owner.json");
    steps_put(steps, WORK, "plans/thief.json", plan);
    assert_false(
        steps_deliver(steps->functions, intake_handle, WORK, "plans/thief.json", LONG_MS, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_int_equal(steps_count(steps, WORK, "tasks/thief/"), 0);
}

static void garbage_for_a_plan_is_an_error(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "planned", 4);
    const char *good = steps_get(steps, WORK, "plans/planned.json");
    const char *plans[] = {
        "",
        "{",
        "{}",
        "[[[[[[[[",
        replace_once(steps, good, "planned", "garbage"),
        replace_once(steps, good, "photo", "otter"),
    };
    for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
        struct error err;
        struct functions *fresh = steps_new_functions(steps);
        steps_put(steps, WORK, "plans/garbage.json", plans[i]);
        assert_false(
            steps_deliver(fresh, intake_handle, WORK, "plans/garbage.json", LONG_MS, &err));
        /* A way out stays: it can be cancelled. */
        functions_free(fresh);
    }
    steps_put(steps, WORK, "cancelled/garbage", "{}");
    steps_intake(steps, WORK, "cancelled/garbage");
    assert_string_equal(steps_state(steps, "garbage"), "cancelled");
}

/* The functions were replaced by newer ones while the job was on its way. */
static void a_plan_of_another_build_ends_the_job(void **state) {
    struct steps *steps = *state;
    struct manifest manifest;
    struct plan plan;
    struct error err;
    steps_put_manifest(steps, "old-build", 4, "");
    assert_true(manifest_parse(steps->arena,
                               str_c(steps_get(steps, INPUT, "jobs/old-build/manifest.json")),
                               &manifest, &err));
    assert_true(
        plan_build(steps->arena, "old-build", "another-build", &manifest, NULL, &plan, &err));
    steps_put(steps, WORK, "plans/old-build.json", plan_to_text(steps->arena, &plan));
    for (unsigned i = 0; i < 4; i++)
        steps_put_image(steps, "old-build", i, 0);
    steps_lose(steps);
    steps_intake(steps, WORK, "plans/old-build.json");
    char *task = steps_task_key(steps, "old-build", 0);
    assert_false(render(steps, task, &err));
    assert_non_null(strstr(err.text, "another-build"));
    assert_int_equal(steps_count(steps, WORK, "chunks/old-build/"), 0);
    steps_on_failure(steps, WORK, task);
    assert_string_equal(steps_state(steps, "old-build"), "failed");
}

/* ---- chunks ---- */

static void chunk_names_that_do_not_fit_are_ignored(void **state) {
    struct steps *steps = *state;
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    static const char *const ranges[] = {"000000-000004", "000000-000002", "000000-999999",
                                         "999999-000001", "000000-000000", "000002-000001"};
    steps_make_job(steps, "chunk-names", 4);
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
        steps_put(steps, WORK,
                  arena_printf(steps->arena, "chunks/chunk-names/%s-%s", ranges[i], zeros), "x");
    steps_put(steps, WORK, "chunks/chunk-names/what", "x");
    steps_intake(steps, INPUT, "jobs/chunk-names/nudge");
    assert_false(steps_exists(steps, WORK, "tasks/chunk-names/splice-0.json"));
    steps_run(steps);
    assert_string_equal(steps_state(steps, "chunk-names"), "done");
    struct str film = steps_video(steps, "chunk-names"), reference = steps_reference(steps, 4);
    assert_int_equal(film.len, reference.len);
    assert_memory_equal(film.ptr, reference.ptr, film.len);
}

/* Under the right name, with contents that are none: found when the film is put together. */
static void chunks_of_garbage_end_in_a_failure(void **state) {
    struct steps *steps = *state;
    static const char *const contents[] = {"", "x", "TSC1", "\xff\xff\xff\xffTSC1",
                                           "{}\0\0\0\2TSC1"};
    static const size_t sizes[] = {0, 1, 4, 8, 10};
    for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
        const char *job = arena_printf(steps->arena, "chunk-garbage-%zu", i);
        size_t count;
        struct error err;
        steps_make_job(steps, job, 4);
        steps_put_chunk(steps, job, (struct segment_range){0, 4}, 1000);
        const char *prefix = arena_printf(steps->arena, "chunks/%s/", job);
        const char *chunk = steps_keys(steps, WORK, prefix, &count)[0];
        steps_put_bytes(steps, WORK, chunk, contents[i], sizes[i]);
        steps_intake(steps, INPUT, key_nudge(steps->arena, job));
        const char *splice = key_task_splice(steps->arena, job, 0);
        assert_false(render(steps, splice, &err));
        steps_on_failure(steps, WORK, splice);
        assert_string_equal(steps_error_code(steps, job), "splice");
        assert_false(steps_exists(steps, OUTPUT, key_video(steps->arena, job, FORMAT_MP4)));
    }
}

/* ---- splices ---- */

static void splice_lists_that_do_not_fit_are_errors(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "lists", 4);
    for (uint32_t i = 0; i < 4; i++)
        steps_put_chunk(steps, "lists", (struct segment_range){i, 1}, 1000);
    steps_intake(steps, INPUT, "jobs/lists/nudge");
    const char *key = "tasks/lists/splice-0.json";
    const char *good = steps_get(steps, WORK, key);
    const char *texts[] = {
        "",
        "{}",
        "{\"chunks\":[]}",
        replace_once(steps, good, "\"plan\":\"", "\"plan\":\"0"),
        replace_once(steps, good, "chunks/lists/", "chunks/other/"),
        replace_once(steps, good, "\"chunks/lists/", "\"plans/lists/"),
        replace_once(steps, good, "\"etag\":\"", "\"etag\":\"0"),
        replace_once(steps, good, "\"size\":", "\"size\":1"),
        replace_once(steps, good, "\"size\":", "\"size\":-1"),
        replace_once(steps, good, "\"first\":1", "\"first\":2"),
        replace_once(steps, good, "\"count\":1", "\"count\":0"),
        replace_once(steps, good, "\"count\":1", "\"count\":4"),
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct error err;
        steps_put(steps, WORK, key, texts[i]);
        if (render(steps, key, &err))
            fail_msg("case %zu was accepted", i);
    }
    assert_false(steps_exists(steps, OUTPUT, "lists/video.mp4"));
    steps_put(steps, WORK, key, good);
    steps_render(steps, key);
    assert_string_equal(steps_state(steps, "lists"), "done");
}

static void notes_of_uploads_that_do_not_fit_are_errors(void **state) {
    struct steps *steps = *state;
    static const char *const notes[] = {"",
                                        "x",
                                        "[]",
                                        "{}",
                                        "{\"upload\":7}",
                                        "{\"upload\":\"\"}",
                                        "{\"upload\":\"none of ours\"}"};
    steps_make_job(steps, "notes", 4);
    steps_put_chunk(steps, "notes", (struct segment_range){0, 4}, 1000);
    steps_intake(steps, INPUT, "jobs/notes/nudge");
    for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
        struct error err;
        steps_put(steps, WORK, "splice/notes.json", notes[i]);
        assert_false(render(steps, "tasks/notes/splice-0.json", &err));
    }
    assert_false(steps_exists(steps, OUTPUT, "notes/video.mp4"));
    steps_on_failure(steps, WORK, "tasks/notes/splice-0.json");
    assert_string_equal(steps_state(steps, "notes"), "failed");
}

/* ---- events ---- */

static void strange_keys_and_events_do_nothing(void **state) {
    struct steps *steps = *state;
    static const char *const keys[] = {
        "",
        "jobs",
        "jobs//manifest.json",
        "jobs/../manifest.json",
        "jobs/a/images/",
        "jobs/a/images/b/c",
        "jobs/a b/nudge",
        "jobs/0123456789012345678901234567890123456789012345678901234567890123456789/nudge",
        "jobs/nobody/assets/a.mp3",
        "jobs/nobody/nudge",
        "jobs/nobody/images/a.jpg",
        "jobs/nobody/manifest.json",
        "plans/nobody.json",
        "facts/nobody/a-b.json",
        "chunks/nobody/x",
        "tasks/nobody/x",
    };
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        steps_intake(steps, INPUT, keys[i]);
        steps_intake(steps, WORK, keys[i]);
        steps_intake(steps, OUTPUT, keys[i]);
        steps_intake(steps, "elsewhere", keys[i]);
        steps_on_failure(steps, INPUT, keys[i]);
        steps_on_failure(steps, WORK, keys[i]);
        steps_render(steps, keys[i]);
    }
    assert_int_equal(steps_count(steps, OUTPUT, "nobody/"), 0);
    assert_int_equal(steps_count(steps, WORK, "tasks/nobody/"), 0);
    assert_int_equal(steps_waiting(steps, "render"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STEPS_TEST(tasks_that_do_not_fit_are_errors),
        STEPS_TEST(tasks_with_odd_names_do_nothing),
        STEPS_TEST(a_plan_of_another_job_is_refused),
        STEPS_TEST(garbage_for_a_plan_is_an_error),
        STEPS_TEST(a_plan_of_another_build_ends_the_job),
        STEPS_TEST(chunk_names_that_do_not_fit_are_ignored),
        STEPS_TEST(chunks_of_garbage_end_in_a_failure),
        STEPS_TEST(splice_lists_that_do_not_fit_are_errors),
        STEPS_TEST(notes_of_uploads_that_do_not_fit_are_errors),
        STEPS_TEST(strange_keys_and_events_do_nothing),
    };
    return cmocka_run_group_tests(tests, steps_open, steps_close);
}
