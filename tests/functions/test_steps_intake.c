/*
 * Steps 1, 2, 7 and 8: plan, arrival, failure and lost events, in any order and more than once.
 */
#include "fixture.h"

#include "base/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static char *image_key(struct steps *steps, const char *job, unsigned index) {
    return key_image(steps->arena, job, steps_image_name(steps, index));
}

/* ---- step 1 ---- */

static void twins_put_one_plan(void **state) {
    struct steps *steps = *state;
    steps_put_manifest(steps, "twins", 4, "");
    steps_lose(steps);
    steps_twins(steps, intake_handle, INPUT, key_manifest(steps->arena, "twins"));
    /* One PUT, one event. */
    assert_int_equal(steps_waiting(steps, "intake"), 1);
    const char *etag = steps_etag(steps, WORK, "plans/twins.json");
    steps_intake(steps, INPUT, key_manifest(steps->arena, "twins"));
    assert_int_equal(steps_waiting(steps, "intake"), 1);
    assert_string_equal(steps_etag(steps, WORK, "plans/twins.json"), etag);
}

static void a_later_manifest_changes_nothing(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "frozen", 4);
    const char *etag = steps_etag(steps, WORK, "plans/frozen.json");
    steps_put_manifest(steps, "frozen", 2, "");
    steps_intake(steps, INPUT, key_manifest(steps->arena, "frozen"));
    assert_string_equal(steps_etag(steps, WORK, "plans/frozen.json"), etag);
    assert_string_equal(steps_state(steps, "frozen"), "");
}

static void a_size_that_needs_the_first_image_is_probed(void **state) {
    struct steps *steps = *state;
    steps_put_manifest(steps, "auto", 2, ",\"size\":\"auto\"");
    steps_run(steps);
    assert_false(steps_exists(steps, WORK, "plans/auto.json"));
    steps_put_image(steps, "auto", 1, 0);
    steps_run(steps);
    assert_int_equal(steps_count(steps, WORK, "tasks/auto/"), 0);
    steps_put_image(steps, "auto", 0, 0);
    const char *bucket;
    steps_intake(steps, INPUT, steps_take(steps, "intake", &bucket));
    assert_int_equal(steps_count(steps, WORK, "tasks/auto/probe-"), 1);
    assert_false(steps_exists(steps, WORK, "plans/auto.json"));
    steps_run(steps);
    assert_string_equal(steps_state(steps, "auto"), "done");
    assert_int_equal(steps_plan(steps, "auto")->manifest.settings.width, 64);
    assert_int_equal(steps_plan(steps, "auto")->manifest.settings.height, 48);
}

/* Facts that come again, and those of a replaced first image, do no harm. */
static void a_probe_may_run_twice_and_late(void **state) {
    struct steps *steps = *state;
    size_t count;
    steps_put_manifest(steps, "late-probe", 2, ",\"size\":\"auto\"");
    steps_put_image(steps, "late-probe", 0, 0);
    steps_lose(steps);
    steps_intake(steps, INPUT, image_key(steps, "late-probe", 0));
    const char *probe = steps_keys(steps, WORK, "tasks/late-probe/", &count)[0];
    steps_put_image(steps, "late-probe", 0, 1);
    steps_render(steps, probe);
    assert_int_equal(steps_count(steps, WORK, "facts/late-probe/"), 0);
    steps_run(steps);
    assert_int_equal(steps_count(steps, WORK, "facts/late-probe/"), 1);
    const char *etag = steps_etag(steps, WORK, "plans/late-probe.json");
    const char *facts = steps_keys(steps, WORK, "facts/late-probe/", &count)[0];
    for (unsigned i = 0; i < 2; i++) {
        const char **tasks = steps_keys(steps, WORK, "tasks/late-probe/probe-", &count);
        for (size_t k = 0; k < count; k++)
            steps_render(steps, tasks[k]);
        steps_intake(steps, WORK, facts);
    }
    assert_string_equal(steps_etag(steps, WORK, "plans/late-probe.json"), etag);
    /* Its failure is nobody's: the facts are there. */
    steps_on_failure(steps, WORK, steps_keys(steps, WORK, "tasks/late-probe/probe-", &count)[0]);
    assert_string_equal(steps_state(steps, "late-probe"), "");
}

static void garbage_facts_end_the_job(void **state) {
    struct steps *steps = *state;
    static const char *const facts[] = {
        "",
        "no JSON",
        "[]",
        "{}",
        "{\"width\":0,\"height\":5,\"receipt\":{\"name\":\"a\"}}",
        "{\"width\":99999999999,\"height\":5,\"receipt\":{\"name\":\"a\"}}",
    };
    for (unsigned i = 0; i < ARRAY_SIZE(facts); i++) {
        const char *job = arena_printf(steps->arena, "garbage-facts-%u", i);
        steps_put_manifest(steps, job, 1, ",\"size\":\"auto\"");
        steps_put_image(steps, job, 0, 0);
        const char *key = key_facts(steps->arena, job, steps_image_name(steps, 0),
                                    steps_etag(steps, INPUT, image_key(steps, job, 0)));
        steps_put(steps, WORK, key, facts[i]);
        steps_intake(steps, WORK, key);
        assert_string_equal(steps_state(steps, job), "failed");
        assert_string_equal(steps_error_code(steps, job), "probe");
    }
}

static void a_bad_manifest_ends_the_job(void **state) {
    struct steps *steps = *state;
    static const char *const manifests[] = {
        "",
        "{",
        "{\"version\":2,\"images\":[{\"name\":\"a\"}]}",
        "{\"version\":1,\"images\":[]}",
        "{\"version\":1,\"images\":[{\"name\":\"../a\"}]}",
        "{\"version\":1,\"images\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
    };
    for (unsigned i = 0; i < ARRAY_SIZE(manifests); i++) {
        const char *job = arena_printf(steps->arena, "bad-manifest-%u", i);
        steps_put(steps, INPUT, key_manifest(steps->arena, job), manifests[i]);
        steps_intake(steps, INPUT, key_manifest(steps->arena, job));
        assert_string_equal(steps_state(steps, job), "failed");
        assert_string_equal(steps_error_code(steps, job), "manifest");
    }
}

/* ---- step 2 ---- */

static const unsigned char *permutation(unsigned number) {
    static unsigned char order[4];
    unsigned char left[] = {0, 1, 2, 3};
    unsigned radix[] = {6, 2, 1, 1};
    for (unsigned i = 0; i < 4; i++) {
        unsigned pick = number / radix[i];
        number %= radix[i];
        order[i] = left[pick];
        memmove(left + pick, left + pick + 1, 3 - pick);
    }
    return order;
}

static void every_order_of_arrival_gives_the_same_tasks(void **state) {
    struct steps *steps = *state;
    for (unsigned number = 0; number < 24; number++) {
        const char *job = arena_printf(steps->arena, "order-%u", number);
        const unsigned char *order = permutation(number);
        /* The manifest is first, last or in between. */
        for (unsigned i = 0; i < 5; i++) {
            if (i == number % 5)
                steps_put_manifest(steps, job, 4, "");
            if (i < 4)
                steps_put_image(steps, job, order[i], 0);
            const char *bucket, *key;
            while ((key = steps_take(steps, "intake", &bucket)) != NULL)
                steps_intake(steps, bucket, key);
        }
        assert_int_equal(steps_waiting(steps, "render"), 3);
        for (unsigned i = 0; i < 3; i++)
            assert_true(steps_exists(steps, WORK, steps_task_key(steps, job, i)));
        assert_int_equal(steps_count(steps, WORK, arena_printf(steps->arena, "tasks/%s/", job)), 3);
        /* Once more, all of them, by a process that remembers nothing and by one that does. */
        struct functions *stranger = steps_new_functions(steps);
        struct error err;
        for (unsigned i = 0; i < 4; i++) {
            steps_intake(steps, INPUT, image_key(steps, job, i));
            assert_true(steps_deliver(stranger, intake_handle, INPUT, image_key(steps, job, i),
                                      LONG_MS, &err));
        }
        functions_free(stranger);
        assert_int_equal(steps_waiting(steps, "render"), 3);
        steps_lose(steps);
    }
}

static void a_task_comes_with_its_last_image(void **state) {
    struct steps *steps = *state;
    steps_put_manifest(steps, "pair", 4, "");
    steps_run(steps);
    /* Segments 0 and 1, so images 0 and 1, are the first task. */
    steps_put_image(steps, "pair", 1, 0);
    steps_run(steps);
    assert_int_equal(steps_count(steps, WORK, "tasks/pair/"), 0);
    steps_put_image(steps, "pair", 0, 0);
    steps_run(steps);
    assert_int_equal(steps_count(steps, WORK, "tasks/pair/000000-000002-"), 1);
    assert_int_equal(steps_count(steps, WORK, "chunks/pair/"), 1);
    /* Names that the manifest has not are ignored. */
    steps_put_image(steps, "pair", 77, 0);
    steps_run(steps);
    assert_int_equal(steps_count(steps, WORK, "tasks/pair/"), 1);
}

static void a_size_other_than_the_manifests_ends_the_job(void **state) {
    struct steps *steps = *state;
    steps_put(steps, INPUT, key_manifest(steps->arena, "sizes"),
              arena_printf(steps->arena,
                           "{\"version\":1,\"images\":[{\"name\":\"%s\",\"size\":7}],"
                           "\"settings\":{\"size\":\"64x48\"}}",
                           steps_image_name(steps, 0)));
    steps_put_image(steps, "sizes", 0, 0);
    steps_run(steps);
    assert_string_equal(steps_error_code(steps, "sizes"), "image-size");
}

static void names_in_other_alphabets_arrive(void **state) {
    struct steps *steps = *state;
    /* The last character of the first name is two bytes, and the order is not that of the keys. */
    static const char *const names[] = {"z\xc3\xa9", "\xc3\xa4", "b c+d%20", "x\xc3\xa9"};
    char *manifest = arena_printf(steps->arena,
                                  "{\"version\":1,\"images\":[{\"name\":\"%s\"},{\"name\":\"%s\"},"
                                  "{\"name\":\"%s\"},{\"name\":\"%s\"}],"
                                  "\"settings\":{\"size\":\"64x48\",\"hold\":8}}",
                                  names[3], names[0], names[1], names[2]);
    steps_put_image(steps, "names", 0, 0);
    const char *jpeg_key = image_key(steps, "names", 0);
    struct s3_get_options options = {.max_bytes = 100000};
    struct s3_object jpeg;
    struct error err;
    assert_true(s3_get(steps->functions->s3, steps->arena, INPUT, jpeg_key, &options, &jpeg, &err));
    steps_put(steps, INPUT, key_manifest(steps->arena, "names"), manifest);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        steps_put_bytes(steps, INPUT, key_image(steps->arena, "names", names[i]), jpeg.body.ptr,
                        jpeg.body.len);
    steps_lose(steps);
    steps_intake(steps, INPUT, key_manifest(steps->arena, "names"));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct functions *functions = steps_new_functions(steps);
        char *key = key_image(steps->arena, "names", names[i]);
        char *encoded = percent_encode(steps->arena, str_c(key), true);
        assert_true(steps_deliver(functions, intake_handle, INPUT, encoded, LONG_MS, &err));
        functions_free(functions);
    }
    assert_int_equal(steps_waiting(steps, "render"), 3);
}

/* ---- step 7 ---- */

static void the_failure_of_a_task_fails_the_job(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "fails", 4);
    steps_on_failure(steps, WORK, steps_task_key(steps, "fails", 1));
    assert_string_equal(steps_state(steps, "fails"), "failed");
    assert_string_equal(steps_error_code(steps, "fails"), "render");
    assert_non_null(strstr(steps_get(steps, OUTPUT, "fails/result.json"), "it broke"));
}

static void the_failure_of_a_covered_task_fails_nothing(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "covered", 4);
    steps_render(steps, steps_task_key(steps, "covered", 0));
    steps_on_failure(steps, WORK, steps_task_key(steps, "covered", 0));
    assert_string_equal(steps_state(steps, "covered"), "");
    /* In part is not enough. */
    steps_make_job(steps, "half", 4);
    steps_put_chunk(steps, "half", (struct segment_range){0, 1}, 1000);
    steps_on_failure(steps, WORK, steps_task_key(steps, "half", 0));
    assert_string_equal(steps_state(steps, "half"), "failed");
}

static void the_failure_of_a_replaced_image_fails_nothing(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "superseded", 4);
    char *task = steps_task_key(steps, "superseded", 1);
    steps_put_image(steps, "superseded", 2, 1);
    steps_on_failure(steps, WORK, task);
    assert_string_equal(steps_state(steps, "superseded"), "");
    steps_delete(steps, INPUT, image_key(steps, "superseded", 2));
    steps_on_failure(steps, WORK, task);
    assert_string_equal(steps_state(steps, "superseded"), "");
}

static void the_failure_of_a_task_handed_on_fails_nothing(void **state) {
    struct steps *steps = *state;
    struct error err;
    steps_make_job(steps, "handed-on", 4);
    char *task = steps_task_key(steps, "handed-on", 0);
    /* No time for anything: the same range, a generation later. */
    assert_true(steps_deliver(steps->functions, render_handle, WORK, task, 0, &err));
    assert_int_equal(steps_count(steps, WORK, "tasks/handed-on/000000-000002-"), 2);
    steps_on_failure(steps, WORK, task);
    assert_string_equal(steps_state(steps, "handed-on"), "");
    /* The put-back's own failure counts. */
    size_t count;
    const char **keys = steps_keys(steps, WORK, "tasks/handed-on/000000-000002-", &count);
    steps_on_failure(steps, WORK, strcmp(keys[0], task) == 0 ? keys[1] : keys[0]);
    assert_string_equal(steps_state(steps, "handed-on"), "failed");
}

static void the_failure_of_a_task_of_a_film_being_spliced_fails_nothing(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "frozen-list", 4);
    steps_put_chunk(steps, "frozen-list", (struct segment_range){0, 4}, 1000);
    steps_intake(steps, INPUT, key_nudge(steps->arena, "frozen-list"));
    assert_true(steps_exists(steps, WORK, "tasks/frozen-list/splice-0.json"));
    steps_delete(steps, WORK, steps_keys(steps, WORK, "chunks/frozen-list/", &(size_t){0})[0]);
    steps_on_failure(steps, WORK, steps_task_key(steps, "frozen-list", 1));
    assert_string_equal(steps_state(steps, "frozen-list"), "");
}

/* The last one to fail may be the one that finds everything there. */
static void on_failure_ends_with_the_check(void **state) {
    struct steps *steps = *state;
    steps_make_job(steps, "checks", 4);
    steps_put_chunk(steps, "checks", (struct segment_range){0, 2}, 1000);
    steps_put_chunk(steps, "checks", (struct segment_range){2, 1}, 1000);
    steps_put_chunk(steps, "checks", (struct segment_range){3, 1}, 1000);
    steps_on_failure(steps, WORK, steps_task_key(steps, "checks", 2));
    assert_true(steps_exists(steps, WORK, "tasks/checks/splice-0.json"));
    assert_string_equal(steps_state(steps, "checks"), "");
}

static void the_failure_of_intakes_own_event_is_a_nudge(void **state) {
    struct steps *steps = *state;
    steps_put_manifest(steps, "own", 4, "");
    for (unsigned i = 0; i < 4; i++)
        steps_put_image(steps, "own", i, 0);
    steps_lose(steps);
    steps_on_failure(steps, INPUT, key_manifest(steps->arena, "own"));
    assert_true(steps_exists(steps, WORK, "plans/own.json"));
    steps_on_failure(steps, WORK, "plans/own.json");
    assert_int_equal(steps_waiting(steps, "render"), 3);
}

/* ---- step 8 ---- */

static void a_nudge_brings_back_what_was_lost(void **state) {
    struct steps *steps = *state;
    const char *nudge = key_nudge(steps->arena, "lost");
    struct error err;
    steps_put_manifest(steps, "lost", 4, ",\"size\":\"auto\"");
    for (unsigned i = 0; i < 4; i++)
        steps_put_image(steps, "lost", i, 0);
    steps_lose(steps); /* manifest and images */
    steps_intake(steps, INPUT, nudge);
    steps_lose(steps); /* the probe */
    steps_intake(steps, INPUT, nudge);
    const char *bucket;
    steps_render(steps, steps_take(steps, "render", &bucket));
    steps_lose(steps); /* facts */
    steps_intake(steps, INPUT, nudge);
    steps_lose(steps); /* plan */
    steps_intake(steps, INPUT, nudge);
    assert_int_equal(steps_waiting(steps, "render"), 3);
    steps_lose(steps); /* tasks */
    steps_intake(steps, INPUT, nudge);
    assert_int_equal(steps_waiting(steps, "render"), 3);
    steps_lose(steps);
    /* Task 0 is put back; only the put-back is repeated. Task 1 is rendered: it is not. */
    assert_true(steps_deliver(steps->functions, render_handle, WORK,
                              steps_task_key(steps, "lost", 0), 0, &err));
    steps_render(steps, steps_task_key(steps, "lost", 1));
    steps_lose(steps);
    steps_intake(steps, INPUT, nudge);
    assert_int_equal(steps_waiting(steps, "render"), 2);
    const char *key, *put_back = "";
    while ((key = steps_take(steps, "render", &bucket)) != NULL) {
        if (strstr(key, "-1.json") != NULL)
            put_back = key;
        steps_render(steps, key);
        if (steps_exists(steps, WORK, "tasks/lost/splice-0.json"))
            break;
    }
    assert_non_null(strstr(put_back, "/000000-000002-"));
    steps_lose(steps); /* the splice */
    steps_intake(steps, INPUT, nudge);
    assert_int_equal(steps_waiting(steps, "render"), 1);
    steps_run(steps);
    assert_string_equal(steps_state(steps, "lost"), "done");
    struct str film = steps_video(steps, "lost"), reference = steps_reference(steps, 4);
    assert_int_equal(film.len, reference.len);
    assert_memory_equal(film.ptr, reference.ptr, film.len);
    /* An ended job is left in peace. */
    steps_lose(steps);
    steps_intake(steps, INPUT, nudge);
    assert_int_equal(steps_waiting(steps, "render"), 0);
}

static void a_nudge_repeats_the_splice_put_last(void **state) {
    struct steps *steps = *state;
    const char *bucket;
    struct error err;
    steps_make_job(steps, "last-splice", 4);
    steps_put_chunk(steps, "last-splice", (struct segment_range){0, 4}, 1000);
    steps_intake(steps, INPUT, key_nudge(steps->arena, "last-splice"));
    steps_lose(steps);
    assert_true(steps_deliver(steps->functions, render_handle, WORK,
                              "tasks/last-splice/splice-0.json", 0, &err));
    assert_true(steps_exists(steps, WORK, "tasks/last-splice/splice-1.json"));
    steps_lose(steps);
    steps_intake(steps, INPUT, key_nudge(steps->arena, "last-splice"));
    assert_int_equal(steps_waiting(steps, "render"), 1);
    assert_string_equal(steps_take(steps, "render", &bucket), "tasks/last-splice/splice-1.json");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STEPS_TEST(twins_put_one_plan),
        STEPS_TEST(a_later_manifest_changes_nothing),
        STEPS_TEST(a_size_that_needs_the_first_image_is_probed),
        STEPS_TEST(a_probe_may_run_twice_and_late),
        STEPS_TEST(garbage_facts_end_the_job),
        STEPS_TEST(a_bad_manifest_ends_the_job),
        STEPS_TEST(every_order_of_arrival_gives_the_same_tasks),
        STEPS_TEST(a_task_comes_with_its_last_image),
        STEPS_TEST(a_size_other_than_the_manifests_ends_the_job),
        STEPS_TEST(names_in_other_alphabets_arrive),
        STEPS_TEST(the_failure_of_a_task_fails_the_job),
        STEPS_TEST(the_failure_of_a_covered_task_fails_nothing),
        STEPS_TEST(the_failure_of_a_replaced_image_fails_nothing),
        STEPS_TEST(the_failure_of_a_task_handed_on_fails_nothing),
        STEPS_TEST(the_failure_of_a_task_of_a_film_being_spliced_fails_nothing),
        STEPS_TEST(on_failure_ends_with_the_check),
        STEPS_TEST(the_failure_of_intakes_own_event_is_a_nudge),
        STEPS_TEST(a_nudge_brings_back_what_was_lost),
        STEPS_TEST(a_nudge_repeats_the_splice_put_last),
    };
    return cmocka_run_group_tests(tests, steps_open, steps_close);
}
