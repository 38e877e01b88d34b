/*
 * Step 9: segments of an earlier job are taken over, exactly those that did not change. To see
 * which, a byte in each segment of the earlier job's chunks is changed: a film that took the
 * segment over has that byte too.
 */
#include "fixture.h"

#include "functions/callback.h"
#include "media/chunk.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { IMAGES = 4 };

static void make(struct steps *steps, const char *job, const char *reuse, unsigned replaced,
                 unsigned version) {
    const char *settings = arena_printf(steps->arena, ",\"reuse\":\"%s\"", reuse);
    for (unsigned i = 0; i < IMAGES; i++)
        steps_put_image(steps, job, i, i == replaced ? version : 0);
    steps_put_manifest(steps, job, IMAGES, settings);
    steps_run(steps);
    if (strcmp(steps_state(steps, job), "done") != 0)
        fail_msg("%s: %s", job, steps_get(steps, OUTPUT, key_result(steps->arena, job)));
}

static struct str get(struct steps *steps, const char *key) {
    struct s3_get_options options = {.max_bytes = 1 << 26};
    struct s3_object object;
    struct error err;
    if (!s3_get(steps->functions->s3, steps->arena, WORK, key, &options, &object, &err))
        fail_msg("%s", err.text);
    return object.body;
}

/* Changes the last byte of each segment of the job's chunks. */
static void mark_chunks(struct steps *steps, const char *job) {
    size_t count;
    const struct plan *plan = steps_plan(steps, job);
    const char **keys =
        steps_keys(steps, WORK, arena_printf(steps->arena, "chunks/%s/", job), &count);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        struct str body = get(steps, keys[i]);
        char *bytes = arena_strndup(steps->arena, body.ptr, body.len);
        struct chunk_index index;
        struct error err;
        uint64_t size;
        memcpy(bytes, body.ptr, body.len);
        struct str trailer = {bytes + body.len - CHUNK_TRAILER_BYTES, CHUNK_TRAILER_BYTES};
        assert_true(chunk_index_size(trailer, body.len, &size, &err));
        struct str text = {trailer.ptr - size, (size_t)size};
        assert_true(chunk_index_parse(steps->arena, text, body.len, plan, &index, &err));
        for (uint32_t k = 0; k < index.segment_count; k++)
            bytes[index.segments[k].offset + index.segments[k].size - 1] ^= 1;
        json_decref(index.receipts);
        steps_put_bytes(steps, WORK, keys[i], bytes, body.len);
    }
}

static unsigned differences(struct str a, struct str b) {
    unsigned count = 0;
    assert_int_equal(a.len, b.len);
    for (size_t i = 0; i < a.len; i++)
        count += a.ptr[i] != b.ptr[i];
    return count;
}

/* Segments of the plan that do not use an image. */
static unsigned segments_without(const struct plan *plan, uint32_t image) {
    unsigned count = 0;
    for (uint32_t i = 0; i < plan->segment_count; i++) {
        uint32_t first, images;
        plan_images_of(plan, (struct segment_range){i, 1}, &first, &images);
        count += image < first || image >= first + images;
    }
    return count;
}

static void equal_jobs_are_taken_over_whole(void **state) {
    struct steps *steps = *state;
    make(steps, "reuse-first", "none", IMAGES, 0);
    struct str first = steps_video(steps, "reuse-first");
    mark_chunks(steps, "reuse-first");
    make(steps, "reuse-again", "reuse-first", IMAGES, 0);
    struct str again = steps_video(steps, "reuse-again");
    assert_int_equal(differences(first, again), steps_plan(steps, "reuse-again")->segment_count);
    /* Poster and receipts come along. */
    assert_string_equal(steps_etag(steps, OUTPUT, key_poster(steps->arena, "reuse-first")),
                        steps_etag(steps, OUTPUT, key_poster(steps->arena, "reuse-again")));
    json_t *receipts =
        json_loads(steps_get(steps, OUTPUT, key_receipts(steps->arena, "reuse-again")), 0, NULL);
    assert_int_equal(json_array_size(receipts), IMAGES);
    json_decref(receipts);
}

static void only_what_a_replaced_image_touches_is_rendered(void **state) {
    struct steps *steps = *state;
    make(steps, "reuse-old", "none", IMAGES, 0);
    make(steps, "reuse-new", "none", 1, 1);
    mark_chunks(steps, "reuse-old");
    make(steps, "reuse-part", "reuse-old", 1, 1);
    unsigned kept = segments_without(steps_plan(steps, "reuse-part"), 1);
    assert_true(kept > 0 && kept < steps_plan(steps, "reuse-part")->segment_count);
    assert_int_equal(differences(steps_video(steps, "reuse-new"), steps_video(steps, "reuse-part")),
                     kept);
}

static void what_is_not_there_is_rendered(void **state) {
    struct steps *steps = *state;
    make(steps, "reuse-whole", "none", IMAGES, 0);
    struct str whole = steps_video(steps, "reuse-whole");
    /* No such job. */
    make(steps, "reuse-none", "never-was", IMAGES, 0);
    assert_int_equal(differences(whole, steps_video(steps, "reuse-none")), 0);
    /* Itself. */
    make(steps, "reuse-self", "reuse-self", IMAGES, 0);
    assert_int_equal(differences(whole, steps_video(steps, "reuse-self")), 0);
    /* One chunk is garbage, one has gone. */
    size_t count;
    const char **keys = steps_keys(steps, WORK, "chunks/reuse-whole/", &count);
    assert_true(count > 1);
    steps_put(steps, WORK, keys[0], "this is no chunk");
    steps_delete(steps, WORK, keys[1]);
    make(steps, "reuse-some", "reuse-whole", IMAGES, 0);
    assert_int_equal(differences(whole, steps_video(steps, "reuse-some")), 0);
    /* The plan is garbage. */
    steps_put(steps, WORK, key_plan(steps->arena, "reuse-whole"), "no plan");
    steps_lose(steps);
    make(steps, "reuse-bad", "reuse-whole", IMAGES, 0);
    assert_int_equal(differences(whole, steps_video(steps, "reuse-bad")), 0);
}

static void other_settings_take_nothing_over(void **state) {
    struct steps *steps = *state;
    make(steps, "reuse-plain", "none", IMAGES, 0);
    make(steps, "reuse-better", "none\",\"quality\":\"90", IMAGES, 0);
    mark_chunks(steps, "reuse-plain");
    make(steps, "reuse-other", "reuse-plain\",\"quality\":\"90", IMAGES, 0);
    assert_int_equal(
        differences(steps_video(steps, "reuse-better"), steps_video(steps, "reuse-other")), 0);
}

/* By the RFC's way of computing it, done elsewhere: printf '1700000000.{}' | openssl dgst -sha256
 * -hmac key */
static void callbacks_are_signed(void **state) {
    struct steps *steps = *state;
    const char *signature =
        callback_signature(steps->arena, "key", INT64_C(1700000000999), str_c("{}"));
    assert_string_equal(
        signature,
        "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae");
}

static void a_callback_that_does_not_answer_is_tried_again(void **state) {
    struct steps *steps = *state;
    const char *job = "reuse-callback", *url;
    struct error err;
    steps_put(steps, INPUT, key_manifest(steps->arena, job),
              "{\"version\":1,\"images\":[{\"name\":\"a\"}],\"settings\":{\"callback-url\":"
              "\"https://127.0.0.1:1/end\"}}");
    assert_true(callback_find(steps->functions, steps->arena, job, &url, &err));
    assert_string_equal(url, "https://127.0.0.1:1/end");
    steps_put(steps, OUTPUT, key_result(steps->arena, job),
              "{\"version\":1,\"state\":\"cancelled\"}");
    assert_false(steps_deliver(steps->functions, notify_handle, OUTPUT,
                               key_result(steps->arena, job), LONG_MS, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    /* Jobs that ask for none, and jobs that are none. */
    assert_true(callback_find(steps->functions, steps->arena, "never-was", &url, &err));
    assert_null(url);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STEPS_TEST(equal_jobs_are_taken_over_whole),
        STEPS_TEST(only_what_a_replaced_image_touches_is_rendered),
        STEPS_TEST(what_is_not_there_is_rendered),
        STEPS_TEST(other_settings_take_nothing_over),
        STEPS_TEST(callbacks_are_signed),
        STEPS_TEST(a_callback_that_does_not_answer_is_tried_again),
    };
    return cmocka_run_group_tests(tests, steps_open, steps_close);
}
