/* What a plan waits for besides images: sound, music's length, times, the watermark. */
#include "fixture.h"

#include "job/receipt.h"
#include "media/load.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { RATE = 8000, IMAGES = 2 };

static void put_number(unsigned char *at, unsigned size, uint32_t number) {
    for (unsigned i = 0; i < size; i++)
        at[i] = (unsigned char)(number >> 8 * i);
}

/* A WAV file of so many seconds: one channel, 16 bits, a saw. */
static struct str wave(struct steps *steps, unsigned seconds) {
    size_t data = (size_t)seconds * RATE * 2;
    unsigned char *file = arena_alloc(steps->arena, 44 + data);
    memcpy(file, "RIFF....WAVEfmt ", 16);
    put_number(file + 4, 4, (uint32_t)(36 + data));
    put_number(file + 16, 4, 16);
    put_number(file + 20, 2, 1);
    put_number(file + 22, 2, 1);
    put_number(file + 24, 4, RATE);
    put_number(file + 28, 4, 2 * RATE);
    put_number(file + 32, 2, 2);
    put_number(file + 34, 2, 16);
    memcpy(file + 36, "data", 4);
    put_number(file + 40, 4, (uint32_t)data);
    for (size_t i = 0; i < data / 2; i++)
        put_number(file + 44 + 2 * i, 2, (uint32_t)(i * 300 % 8000));
    return (struct str){(const char *)file, 44 + data};
}

static void put_asset(struct steps *steps, const char *job, const char *name, struct str bytes) {
    steps_put_bytes(steps, INPUT, key_asset(steps->arena, job, name), bytes.ptr, bytes.len);
}

static void put_images(struct steps *steps, const char *job) {
    for (unsigned i = 0; i < IMAGES; i++)
        steps_put_image(steps, job, i, 0);
}

static bool is_planned(struct steps *steps, const char *job) {
    return steps_exists(steps, WORK, key_plan(steps->arena, job));
}

static void check_done(struct steps *steps, const char *job) {
    if (strcmp(steps_state(steps, job), "done") != 0)
        fail_msg("%s: %s", job, steps_get(steps, OUTPUT, key_result(steps->arena, job)));
}

/* ---- sound ---- */

static void sound_is_encoded_once_and_heard(void **state) {
    struct steps *steps = *state;
    const char *job = "facts-sound";
    const struct media_api *media;
    struct str file = wave(steps, 20), sound;
    struct error err;
    steps_put_manifest(steps, job, IMAGES, ",\"audio\":\"a.wav\"");
    put_images(steps, job);
    steps_run(steps);
    /* Everything is there but the sound. */
    assert_false(is_planned(steps, job));
    put_asset(steps, job, "a.wav", file);
    steps_run(steps);
    check_done(steps, job);
    assert_true(media_load(&media, &err));
    assert_true(media->encode_audio(steps->arena, steps_plan(steps, job), file, &sound, &err));
    const char *put = steps_get(steps, WORK, key_audio(steps->arena, job));
    assert_memory_equal(put, sound.ptr, sound.len);
    assert_non_null(memmem(steps_video(steps, job).ptr, steps_video(steps, job).len, "mp4a", 4));
}

/* Tasks are put when their sound is there, whatever comes first. */
static void no_task_before_the_sound(void **state) {
    struct steps *steps = *state;
    const char *job = "facts-order";
    steps_put_manifest(steps, job, IMAGES, ",\"audio\":\"a.wav\"");
    put_asset(steps, job, "a.wav", wave(steps, 20));
    put_images(steps, job);
    steps_intake(steps, INPUT, key_manifest(steps->arena, job));
    assert_true(is_planned(steps, job));
    steps_intake(steps, WORK, key_plan(steps->arena, job));
    assert_int_equal(steps_count(steps, WORK, "tasks/facts-order/"), 1);
    steps_lose(steps);
    /* Its event is lost: a nudge puts it again, and nothing else. */
    steps_intake(steps, INPUT, key_nudge(steps->arena, job));
    assert_int_equal(steps_waiting(steps, "render"), 1);
    steps_twins(steps, render_handle, WORK, key_task_audio(steps->arena, job, 0));
    steps_run(steps);
    check_done(steps, job);
}

static void music_spreads_the_images(void **state) {
    struct steps *steps = *state;
    const char *job = "facts-music";
    const char *names = arena_printf(steps->arena, "[{\"name\":\"%s\"},{\"name\":\"%s\"}]",
                                     steps_image_name(steps, 0), steps_image_name(steps, 1));
    put_asset(steps, job, "a.wav", wave(steps, 6));
    put_images(steps, job);
    steps_put(steps, INPUT, key_manifest(steps->arena, job),
              arena_printf(steps->arena,
                           "{\"version\":1,\"images\":%s,\"settings\":{\"hold\":\"music\",\"size\":"
                           "\"64x48\",\"audio\":\"a.wav\"}}",
                           names));
    steps_run(steps);
    check_done(steps, job);
    assert_int_equal(steps_plan(steps, job)->timeline.frame_count, 180);
}

static void bad_sounds_end_the_job(void **state) {
    struct steps *steps = *state;
    static const struct {
        const char *job, *settings, *assets, *bytes, *code;
    } cases[] = {
        {"facts-noise", "\"hold\":8,\"audio\":\"a.wav\"", "", "this is no sound at all",
         "bad-audio"},
        {"facts-no-music", "\"hold\":\"music\",\"audio\":\"a.wav\"", "", "RIFF", "bad-audio"},
        {"facts-size", "\"hold\":8,\"audio\":\"a.wav\"",
         ",\"assets\":[{\"name\":\"a.wav\",\"size\":5}]", "123456", "asset-size"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *job = cases[i].job;
        put_asset(steps, job, "a.wav", str_c(cases[i].bytes));
        steps_put_image(steps, job, 0, 0);
        steps_put(steps, INPUT, key_manifest(steps->arena, job),
                  arena_printf(steps->arena,
                               "{\"version\":1,\"images\":[{\"name\":\"%s\"}],\"settings\":{%s,"
                               "\"size\":\"64x48\"}%s}",
                               steps_image_name(steps, 0), cases[i].settings, cases[i].assets));
        steps_run(steps);
        assert_string_equal(steps_state(steps, job), "failed");
        assert_string_equal(steps_error_code(steps, job), cases[i].code);
    }
}

static void a_sound_replaced_or_lost_after_the_plan_ends_the_job(void **state) {
    struct steps *steps = *state;
    static const char *const jobs[] = {"facts-replaced", "facts-removed"};
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        const char *job = jobs[i];
        steps_put_manifest(steps, job, IMAGES, ",\"audio\":\"a.wav\"");
        put_asset(steps, job, "a.wav", wave(steps, 2));
        steps_intake(steps, INPUT, key_manifest(steps->arena, job));
        assert_true(is_planned(steps, job));
        if (i == 0)
            put_asset(steps, job, "a.wav", wave(steps, 3));
        else
            steps_delete(steps, INPUT, key_asset(steps->arena, job, "a.wav"));
        steps_run(steps);
        assert_string_equal(steps_state(steps, job), "failed");
        assert_string_equal(steps_error_code(steps, job), "missing-audio");
    }
}

static void a_sound_whose_task_keeps_failing_ends_the_job(void **state) {
    struct steps *steps = *state;
    const char *job = "facts-crash";
    const char *task = key_task_audio(steps->arena, job, 0);
    steps_put_manifest(steps, job, IMAGES, ",\"audio\":\"a.wav\"");
    put_asset(steps, job, "a.wav", wave(steps, 2));
    steps_intake(steps, INPUT, key_manifest(steps->arena, job));
    steps_intake(steps, WORK, key_plan(steps->arena, job));
    /* A twin was faster: its death is no failure. */
    steps_render(steps, task);
    steps_on_failure(steps, WORK, task);
    assert_string_equal(steps_state(steps, job), "");
    steps_delete(steps, WORK, key_audio(steps->arena, job));
    steps_on_failure(steps, WORK, task);
    assert_string_equal(steps_error_code(steps, job), "audio");
}

/* ---- times ---- */

static void put_time(struct steps *steps, const char *job, unsigned image, const char *time) {
    const char *name = steps_image_name(steps, image);
    const char *etag = steps_etag(steps, INPUT, key_image(steps->arena, job, name));
    const struct receipt receipt = {.name = name,
                                    .format = "jpeg",
                                    .bytes = 1000,
                                    .width = 64,
                                    .height = 48,
                                    .orientation = 1,
                                    .captured = time};
    json_t *facts =
        json_pack("{si si so}", "width", 64, "height", 48, "receipt", receipt_to_json(&receipt));
    char *text = json_dumps(facts, JSON_COMPACT);
    json_decref(facts);
    steps_put(steps, WORK, key_facts(steps->arena, job, name, etag), text);
    free(text);
}

static void images_go_by_their_times(void **state) {
    struct steps *steps = *state;
    const char *job = "facts-times";
    steps_put_manifest(steps, job, 3, ",\"order\":\"captured\"");
    steps_run(steps);
    for (unsigned i = 0; i < 3; i++) {
        assert_false(is_planned(steps, job));
        steps_put_image(steps, job, i, 0);
        steps_intake(steps, INPUT, key_image(steps->arena, job, steps_image_name(steps, i)));
    }
    /* Each arrival asked for its own probe. */
    assert_int_equal(steps_count(steps, WORK, "tasks/facts-times/probe-"), 3);
    put_time(steps, job, 0, "2026-03-01T12:00:00");
    put_time(steps, job, 1, "2026-01-01T12:00:00");
    put_time(steps, job, 2, "2026-02-01T12:00:00");
    steps_intake(steps, WORK,
                 key_facts(steps->arena, job, steps_image_name(steps, 0),
                           steps_etag(steps, INPUT,
                                      key_image(steps->arena, job, steps_image_name(steps, 0)))));
    assert_true(is_planned(steps, job));
    const struct plan *plan = steps_plan(steps, job);
    static const unsigned order[] = {1, 2, 0};
    for (unsigned i = 0; i < 3; i++)
        assert_string_equal(plan->manifest.images[i].name, steps_image_name(steps, order[i]));
}

/* ---- watermark ---- */

static struct str a_picture(struct steps *steps, const char *job) {
    struct s3_get_options options = {.max_bytes = 1 << 20};
    struct s3_object object;
    struct error err;
    if (!s3_get(steps->functions->s3, steps->arena, INPUT,
                key_image(steps->arena, job, steps_image_name(steps, 1)), &options, &object, &err))
        fail_msg("%s", err.text);
    return object.body;
}

static void a_watermark_is_drawn(void **state) {
    struct steps *steps = *state;
    steps_put_manifest(steps, "facts-plain", IMAGES, "");
    put_images(steps, "facts-plain");
    steps_run(steps);
    check_done(steps, "facts-plain");
    steps_put_manifest(steps, "facts-mark", IMAGES, ",\"watermark\":\"m.jpg@top-left\"");
    put_images(steps, "facts-mark");
    put_asset(steps, "facts-mark", "m.jpg", a_picture(steps, "facts-plain"));
    steps_run(steps);
    check_done(steps, "facts-mark");
    struct str plain = steps_video(steps, "facts-plain"), marked = steps_video(steps, "facts-mark");
    assert_true(plain.len != marked.len || memcmp(plain.ptr, marked.ptr, plain.len) != 0);
}

static void a_watermark_replaced_after_the_plan_ends_the_job(void **state) {
    struct steps *steps = *state;
    const char *job = "facts-mark-gone";
    steps_put_manifest(steps, job, IMAGES, ",\"watermark\":\"m.jpg\"");
    put_images(steps, job);
    put_asset(steps, job, "m.jpg", a_picture(steps, job));
    steps_intake(steps, INPUT, key_manifest(steps->arena, job));
    put_asset(steps, job, "m.jpg", str_c("another"));
    steps_run(steps);
    assert_string_equal(steps_error_code(steps, job), "missing-asset");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STEPS_TEST(sound_is_encoded_once_and_heard),
        STEPS_TEST(no_task_before_the_sound),
        STEPS_TEST(music_spreads_the_images),
        STEPS_TEST(bad_sounds_end_the_job),
        STEPS_TEST(a_sound_replaced_or_lost_after_the_plan_ends_the_job),
        STEPS_TEST(a_sound_whose_task_keeps_failing_ends_the_job),
        STEPS_TEST(images_go_by_their_times),
        STEPS_TEST(a_watermark_is_drawn),
        STEPS_TEST(a_watermark_replaced_after_the_plan_ends_the_job),
    };
    return cmocka_run_group_tests(tests, steps_open, steps_close);
}
