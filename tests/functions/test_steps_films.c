/* Films of every format through the functions: named after it, and as a player sees them. */
#include "fixture.h"

#include "media/load.h"
#include "tune.h"
#include "watch.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { IMAGES = 2, FRAMES = IMAGES * 240 };

static struct str video_of(struct steps *steps, const char *job, enum format format) {
    struct s3_get_options options = {.max_bytes = 1 << 26};
    struct s3_object object;
    struct error err;
    size_t count;
    const char *prefix = arena_printf(steps->arena, "%s/video.", job);
    const char *key = key_video(steps->arena, job, format);
    const char **keys = steps_keys(steps, OUTPUT, prefix, &count);
    assert_int_equal(count, 1);
    assert_string_equal(keys[0], key);
    if (!s3_get(steps->functions->s3, steps->arena, OUTPUT, key, &options, &object, &err))
        fail_msg("%s", err.text);
    assert_string_equal(object.content_type, settings_media_type(format));
    return object.body;
}

static const char *format_told(struct steps *steps, const char *job) {
    const char *text = steps_get(steps, OUTPUT, key_result(steps->arena, job));
    json_t *result = json_loads(text, 0, NULL);
    const char *kept =
        arena_strdup(steps->arena, json_string_value(json_object_get(result, "format")));
    json_decref(result);
    return kept;
}

static void every_format(void **state) {
    struct steps *steps = *state;
    static const struct {
        const char *job, *settings, *codec;
        enum format format;
    } cases[] = {
        {"film-mov", ",\"format\":\"mov\"", "h264", FORMAT_MOV},
        {"film-prores", ",\"codec\":\"prores\"", "prores", FORMAT_MOV},
        {"film-vp9", ",\"codec\":\"vp9\"", "vp9", FORMAT_WEBM},
        {"film-av1", ",\"codec\":\"av1\",\"format\":\"webm\",\"size\":\"64x64\"", "av1",
         FORMAT_WEBM},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct watched watched;
        const char *job = cases[i].job;
        for (unsigned k = 0; k < IMAGES; k++)
            steps_put_image(steps, job, k, 0);
        steps_put_manifest(steps, job, IMAGES, cases[i].settings);
        steps_run(steps);
        if (strcmp(steps_state(steps, job), "done") != 0)
            fail_msg("%s: %s", job, steps_get(steps, OUTPUT, key_result(steps->arena, job)));
        assert_string_equal(format_told(steps, job), settings_format_ending(cases[i].format));
        watch(steps->arena, video_of(steps, job, cases[i].format), true, &watched);
        assert_string_equal(watched.codec, cases[i].codec);
        assert_int_equal(watched.frame_count, FRAMES);
        for (uint32_t f = 0; f < FRAMES; f++)
            assert_int_equal(watched.times[f], f);
        watched_clear(&watched);
    }
}

/* ---- sound ---- */

/* A plan with a sound, which lies in the store as the audio task leaves it. */
static void make_job(struct steps *steps, const char *job, enum format format, struct tune *tune) {
    const char *names = arena_printf(steps->arena, "[{\"name\":\"%s\"},{\"name\":\"%s\"}]",
                                     steps_image_name(steps, 0), steps_image_name(steps, 1));
    const char *text = arena_printf(
        steps->arena,
        "{\"version\":1,\"images\":%s,\"settings\":{\"hold\":8,\"size\":\"64x48\",\"audio\":"
        "\"tune.mp3\",\"format\":\"%s\"}}",
        names, settings_format_ending(format));
    struct plan_facts facts = {.audio = {"tune.mp3", "00112233445566778899aabbccddeeff", 1000}};
    struct manifest manifest;
    struct plan plan;
    struct error err = {0};
    if (!manifest_parse(steps->arena, str_c(text), &manifest, &err) ||
        !plan_build(steps->arena, job, media_build_id(), &manifest, &facts, &plan, &err))
        fail_msg("%s", err.text);
    tune_fake(steps->arena, format == FORMAT_WEBM ? "opus" : "aac", FRAMES * UINT64_C(1600), tune);
    for (unsigned k = 0; k < IMAGES; k++)
        steps_put_image(steps, job, k, 0);
    steps_put(steps, INPUT, key_manifest(steps->arena, job), text);
    steps_put(steps, WORK, key_plan(steps->arena, job), plan_to_text(steps->arena, &plan));
    steps_lose(steps);
}

static void put_sound(struct steps *steps, const char *job, const struct tune *tune) {
    steps_put_bytes(steps, WORK, key_audio(steps->arena, job), tune->object.ptr, tune->object.len);
}

static void check_sound(struct steps *steps, const char *job, enum format format,
                        const struct tune *tune) {
    struct watched watched;
    watch(steps->arena, video_of(steps, job, format), false, &watched);
    assert_int_equal(watched.packet_count, FRAMES);
    assert_string_equal(watched.sound.codec, tune->index.codec);
    assert_int_equal(watched.sound.packet_count, tune->index.packet_count);
    const char *data = tune->packets.ptr;
    for (uint32_t i = 0; i < tune->index.packet_count; data += tune->index.sizes[i++])
        assert_int_equal(watched.sound.packets[i].sum, watch_sum(data, tune->index.sizes[i]));
}

static const struct {
    const char *job;
    enum format format;
} sounds[] = {{"sound-mp4", FORMAT_MP4}, {"sound-mov", FORMAT_MOV}, {"sound-webm", FORMAT_WEBM}};

/* Each task brings the packets of its own segments, the splice the tables of all. */
static void films_have_their_sound(void **state) {
    struct steps *steps = *state;
    for (size_t i = 0; i < ARRAY_SIZE(sounds); i++) {
        const char *job = sounds[i].job;
        struct tune tune;
        make_job(steps, job, sounds[i].format, &tune);
        put_sound(steps, job, &tune);
        steps_intake(steps, WORK, key_plan(steps->arena, job));
        steps_run(steps);
        if (strcmp(steps_state(steps, job), "done") != 0)
            fail_msg("%s: %s", job, steps_get(steps, OUTPUT, key_result(steps->arena, job)));
        check_sound(steps, job, sounds[i].format, &tune);
    }
}

/* A task that begins in the middle of the film reads the sound from there. */
static void the_end_comes_first(void **state) {
    struct steps *steps = *state;
    struct tune tune;
    make_job(steps, "sound-order", FORMAT_MP4, &tune);
    put_sound(steps, "sound-order", &tune);
    const struct plan *plan = steps_plan(steps, "sound-order");
    steps_intake(steps, WORK, key_plan(steps->arena, "sound-order"));
    steps_lose(steps);
    assert_true(plan->task_count > 1);
    for (uint32_t i = plan->task_count; i > 0; i--)
        steps_render(steps, steps_task_key(steps, "sound-order", i - 1));
    steps_run(steps);
    check_sound(steps, "sound-order", FORMAT_MP4, &tune);
}

static bool render_first(struct steps *steps, const char *job, struct error *err) {
    return steps_deliver(steps->functions, render_handle, WORK, steps_task_key(steps, job, 0),
                         LONG_MS, err);
}

/* Nothing is rendered without it: the event is tried again. */
static void sounds_that_are_not_there_or_none(void **state) {
    struct steps *steps = *state;
    struct tune tune, other;
    struct error err = {0};
    make_job(steps, "sound-none", FORMAT_MP4, &tune);
    put_sound(steps, "sound-none", &tune);
    steps_intake(steps, WORK, key_plan(steps->arena, "sound-none"));
    steps_lose(steps);
    const char *key = key_audio(steps->arena, "sound-none");
    steps_delete(steps, WORK, key);
    assert_false(render_first(steps, "sound-none", &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    steps_put(steps, WORK, key, "no sound");
    assert_false(render_first(steps, "sound-none", &err));
    steps_put(steps, WORK, key, "short");
    assert_false(render_first(steps, "sound-none", &err));
    steps_put_bytes(steps, WORK, key, tune.object.ptr + 1, tune.object.len - 1);
    assert_false(render_first(steps, "sound-none", &err));
    assert_int_equal(steps_count(steps, WORK, "chunks/sound-none/"), 0);
    /* Of another film: rendered, but never a film. */
    tune_fake(steps->arena, "aac", FRAMES * UINT64_C(1700), &other);
    put_sound(steps, "sound-none", &other);
    const struct plan *plan = steps_plan(steps, "sound-none");
    for (uint32_t i = 0; i < plan->task_count; i++)
        steps_render(steps, steps_task_key(steps, "sound-none", i));
    assert_false(steps_deliver(steps->functions, render_handle, WORK,
                               key_task_splice(steps->arena, "sound-none", 0), LONG_MS, &err));
    assert_non_null(strstr(err.text, "the sound is not as long as the film"));
    assert_int_equal(steps_count(steps, OUTPUT, "sound-none/"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STEPS_TEST(every_format),
        STEPS_TEST(films_have_their_sound),
        STEPS_TEST(the_end_comes_first),
        STEPS_TEST(sounds_that_are_not_there_or_none),
    };
    return cmocka_run_group_tests(tests, steps_open, steps_close);
}
