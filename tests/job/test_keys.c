/*
 * Keys come back as they were built, whatever an image is called; strangers' keys are unknown.
 */
#include "job/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define MD5 "d41d8cd98f00b204e9800998ecf8427e"

static const char *const names[] = {
    "a.jpg",
    "000123-IMG_4711.jpg",
    "a-b-c",
    "-",
    "--.json",
    "x.json",
    "it's \"here\" & 100%.png",
    "\xF0\x9F\x98\x80 \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80.webp",
    "b-" MD5,
    "b-" MD5 "-7",
    "images",
    "manifest.json",
    "...",
};

static const char *const etags[] = {
    MD5,
    MD5 "-1",
    MD5 "-10000",
    HEX,
    "etag7",
    "0",
    "0123456789012345678901234567890123456789012345678901234567890123"};

static struct key parse(struct arena *arena, enum key_bucket bucket, const char *text) {
    struct key key;
    key_parse(arena, bucket, str_c(text), &key);
    return key;
}

static void check_kind(struct arena *arena, enum key_bucket bucket, const char *text,
                       enum key_kind kind) {
    struct key key = parse(arena, bucket, text);
    if (key.kind != kind)
        fail_msg("'%s' is of kind %d, not %d", text, (int)key.kind, (int)kind);
    assert_string_equal(key.job, "My_job-1");
}

static void plain_keys_come_back(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const char *job = "My_job-1";
    check_kind(arena, KEY_BUCKET_INPUT, key_manifest(arena, job), KEY_MANIFEST);
    check_kind(arena, KEY_BUCKET_INPUT, key_nudge(arena, job), KEY_NUDGE);
    check_kind(arena, KEY_BUCKET_INPUT, "jobs/My_job-1/assets/a.mp3", KEY_ASSET);
    check_kind(arena, KEY_BUCKET_INPUT, key_asset(arena, job, "a.mp3"), KEY_ASSET);
    check_kind(arena, KEY_BUCKET_WORK, key_task_audio(arena, job, 0), KEY_TASK_AUDIO);
    check_kind(arena, KEY_BUCKET_WORK, key_plan(arena, job), KEY_PLAN);
    check_kind(arena, KEY_BUCKET_WORK, key_audio(arena, job), KEY_AUDIO);
    check_kind(arena, KEY_BUCKET_WORK, key_cancelled(arena, job), KEY_CANCELLED);
    check_kind(arena, KEY_BUCKET_WORK, key_splice(arena, job), KEY_SPLICE);
    check_kind(arena, KEY_BUCKET_WORK, key_connection(arena, job, "L0SM9cOFvHcCIhw="),
               KEY_CONNECTION);
    check_kind(arena, KEY_BUCKET_OUTPUT, key_video(arena, job, FORMAT_MP4), KEY_VIDEO);
    check_kind(arena, KEY_BUCKET_OUTPUT, key_poster(arena, job), KEY_POSTER);
    check_kind(arena, KEY_BUCKET_OUTPUT, key_receipts(arena, job), KEY_RECEIPTS);
    check_kind(arena, KEY_BUCKET_OUTPUT, key_result(arena, job), KEY_RESULT);
}

static void videos_name_their_format(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    static const struct {
        enum format format;
        const char *key;
    } cases[] = {{FORMAT_MP4, "j/video.mp4"},
                 {FORMAT_MOV, "j/video.mov"},
                 {FORMAT_WEBM, "j/video.webm"},
                 {FORMAT_GIF, "j/video.gif"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct key key = parse(arena, KEY_BUCKET_OUTPUT, cases[i].key);
        assert_int_equal(key.kind, KEY_VIDEO);
        assert_int_equal(key.format, cases[i].format);
        assert_string_equal(key_video(arena, "j", cases[i].format), cases[i].key);
    }
}

static void keys_with_names_come_back(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct key image = parse(arena, KEY_BUCKET_INPUT, key_image(arena, "j", names[i]));
        assert_int_equal(image.kind, KEY_IMAGE);
        assert_string_equal(image.name, names[i]);
        for (size_t k = 0; k < ARRAY_SIZE(etags); k++) {
            struct key probe =
                parse(arena, KEY_BUCKET_WORK, key_task_probe(arena, "j", names[i], etags[k]));
            struct key facts =
                parse(arena, KEY_BUCKET_WORK, key_facts(arena, "j", names[i], etags[k]));
            assert_int_equal(probe.kind, KEY_TASK_PROBE);
            assert_int_equal(facts.kind, KEY_FACTS);
            assert_string_equal(probe.name, names[i]);
            assert_string_equal(facts.name, names[i]);
            assert_string_equal(probe.etag, etags[k]);
            assert_string_equal(facts.etag, etags[k]);
        }
    }
}

static void keys_with_numbers_come_back(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    static const struct segment_range ranges[] = {{0, 1}, {0, 999999}, {999999, 1}, {12, 16}};
    static const unsigned generations[] = {0, 1, 10, KEY_MAX_GENERATION};
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        struct key chunk = parse(arena, KEY_BUCKET_WORK, key_chunk(arena, "j", ranges[i], HEX));
        assert_int_equal(chunk.kind, KEY_CHUNK);
        assert_int_equal(chunk.range.first, ranges[i].first);
        assert_int_equal(chunk.range.count, ranges[i].count);
        assert_string_equal(chunk.input, HEX);
        for (size_t k = 0; k < ARRAY_SIZE(generations); k++) {
            unsigned generation = generations[k];
            struct key task = parse(arena, KEY_BUCKET_WORK,
                                    key_task_segments(arena, "j", ranges[i], HEX, generation));
            assert_int_equal(task.kind, KEY_TASK_SEGMENTS);
            assert_int_equal(task.range.first, ranges[i].first);
            assert_int_equal(task.range.count, ranges[i].count);
            assert_string_equal(task.input, HEX);
            assert_int_equal(task.generation, generation);
            struct key splice =
                parse(arena, KEY_BUCKET_WORK, key_task_splice(arena, "j", generation));
            struct key purge =
                parse(arena, KEY_BUCKET_WORK, key_task_purge(arena, "j", generation));
            assert_int_equal(splice.kind, KEY_TASK_SPLICE);
            assert_int_equal(purge.kind, KEY_TASK_PURGE);
            assert_int_equal(splice.generation, generation);
            assert_int_equal(purge.generation, generation);
        }
    }
    struct key progress = parse(arena, KEY_BUCKET_WORK, key_progress(arena, "j", 123456, 20000000));
    assert_int_equal(progress.kind, KEY_PROGRESS);
    assert_int_equal(progress.segment, 123456);
    assert_int_equal(progress.frames, 20000000);
}

static void prefixes_lead_to_their_keys(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct segment_range range = {0, 1};
    assert_true(str_starts_with(str_c(key_image(arena, "j", "a")), key_images_prefix(arena, "j")));
    assert_true(
        str_starts_with(str_c(key_task_splice(arena, "j", 0)), key_tasks_prefix(arena, "j")));
    assert_true(
        str_starts_with(str_c(key_chunk(arena, "j", range, HEX)), key_chunks_prefix(arena, "j")));
    assert_true(
        str_starts_with(str_c(key_progress(arena, "j", 0, 0)), key_progress_prefix(arena, "j")));
    /* A job whose id starts like another's is another job. */
    assert_false(
        str_starts_with(str_c(key_task_splice(arena, "jj", 0)), key_tasks_prefix(arena, "j")));
}

static void strangers_keys_are_unknown(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    static const struct {
        enum key_bucket bucket;
        const char *text;
    } cases[] = {
        {KEY_BUCKET_INPUT, ""},
        {KEY_BUCKET_INPUT, "jobs/"},
        {KEY_BUCKET_INPUT, "jobs/j"},
        {KEY_BUCKET_INPUT, "jobs//manifest.json"},
        {KEY_BUCKET_INPUT, "jobs/j/"},
        {KEY_BUCKET_INPUT, "jobs/j/manifest.json/"},
        {KEY_BUCKET_INPUT, "jobs/j/manifest.jsonx"},
        {KEY_BUCKET_INPUT, "/jobs/j/manifest.json"},
        {KEY_BUCKET_INPUT, "Jobs/j/manifest.json"},
        {KEY_BUCKET_INPUT, "jobs/j k/manifest.json"},
        {KEY_BUCKET_INPUT, "jobs/../manifest.json"},
        {KEY_BUCKET_INPUT, "jobs/j/images/"},
        {KEY_BUCKET_INPUT, "jobs/j/images/a/b"},
        {KEY_BUCKET_INPUT, "jobs/j/images/.."},
        {KEY_BUCKET_INPUT, "jobs/j/images/a\nb"},
        {KEY_BUCKET_INPUT, "jobs/j/images/\xFF"},
        {KEY_BUCKET_INPUT, "jobs/j/assets/"},
        {KEY_BUCKET_INPUT, "jobs/j/nudge/1"},
        {KEY_BUCKET_INPUT, "plans/j.json"},
        {KEY_BUCKET_INPUT, "j/video.mp4"},
        {KEY_BUCKET_WORK, "jobs/j/manifest.json"},
        {KEY_BUCKET_WORK, "plans/j"},
        {KEY_BUCKET_WORK, "plans/.json"},
        {KEY_BUCKET_WORK, "plans/a/b.json"},
        {KEY_BUCKET_WORK, "audio/"},
        {KEY_BUCKET_WORK, "audio/j.json"},
        {KEY_BUCKET_WORK, "audio/j/k"},
        {KEY_BUCKET_WORK, "cancelled/"},
        {KEY_BUCKET_WORK, "cancelled/j.json"},
        {KEY_BUCKET_WORK, "splice/j"},
        {KEY_BUCKET_WORK, "tasks/j/"},
        {KEY_BUCKET_WORK, "tasks/j/000000-000001-" HEX ".json"},
        {KEY_BUCKET_WORK, "tasks/j/000000-000001-" HEX "-0"},
        {KEY_BUCKET_WORK, "tasks/j/000000-000001-" HEX "-.json"},
        {KEY_BUCKET_WORK, "tasks/j/000000-000001-" HEX "-01.json"},
        {KEY_BUCKET_WORK, "tasks/j/000000-000001-" HEX "-00.json"},
        {KEY_BUCKET_WORK, "tasks/j/000000-000001-" HEX "-10000.json"},
        {KEY_BUCKET_WORK, "tasks/j/000000-000001-" HEX "--1.json"},
        {KEY_BUCKET_WORK, "tasks/j/000000-000001-" HEX "a-0.json"},
        {KEY_BUCKET_WORK, "tasks/j/000000-000001-" MD5 "-0.json"},
        {KEY_BUCKET_WORK, "tasks/j/000000-000000-" HEX "-0.json"},
        {KEY_BUCKET_WORK, "tasks/j/999999-000002-" HEX "-0.json"},
        {KEY_BUCKET_WORK, "tasks/j/00000-000001-" HEX "-0.json"},
        {KEY_BUCKET_WORK, "tasks/j/0000000-000001-" HEX "-0.json"},
        {KEY_BUCKET_WORK, "tasks/j/000000-+00001-" HEX "-0.json"},
        {KEY_BUCKET_WORK, "tasks/j/000000_000001-" HEX "-0.json"},
        {KEY_BUCKET_WORK, "tasks/j/x/000000-000001-" HEX "-0.json"},
        {KEY_BUCKET_WORK, "tasks/j/splice-.json"},
        {KEY_BUCKET_WORK, "tasks/j/splice-x.json"},
        {KEY_BUCKET_WORK, "tasks/j/splice-0.json.json"},
        {KEY_BUCKET_WORK, "tasks/j/purge-12345.json"},
        {KEY_BUCKET_WORK, "tasks/j/audio-.json"},
        {KEY_BUCKET_WORK, "tasks/j/probe-.json"},
        {KEY_BUCKET_WORK, "tasks/j/probe-a.json"},
        {KEY_BUCKET_WORK, "tasks/j/probe-a-.json"},
        {KEY_BUCKET_WORK, "tasks/j/probe--" MD5 ".json"},
        {KEY_BUCKET_WORK, "tasks/j/probe-a-" MD5},
        {KEY_BUCKET_WORK, "tasks/j/probe-a-" HEX "0.json"},
        {KEY_BUCKET_WORK, "tasks/j/probe-a-b c.json"},
        {KEY_BUCKET_WORK, "tasks/j/probe-a/b-" MD5 ".json"},
        {KEY_BUCKET_WORK, "facts/j/a.json"},
        {KEY_BUCKET_WORK, "facts/j/..-" MD5 ".json"},
        {KEY_BUCKET_WORK, "facts/j/" MD5 ".json"},
        {KEY_BUCKET_WORK, "chunks/j/000000-000001-" HEX "-0"},
        {KEY_BUCKET_WORK, "chunks/j/000000-000001-" HEX ".json"},
        {KEY_BUCKET_WORK, "chunks/j/000000-000001-"},
        {KEY_BUCKET_WORK, "chunks/j/000000-000001-0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"
                          "0123456789ABCDEF"},
        {KEY_BUCKET_WORK, "connections/j/"},
        {KEY_BUCKET_WORK, "connections/j/a/b"},
        {KEY_BUCKET_WORK, "connections/j/a b"},
        {KEY_BUCKET_WORK, "connections//a"},
        {KEY_BUCKET_WORK, "progress/j/000000"},
        {KEY_BUCKET_WORK, "progress/j/000000/"},
        {KEY_BUCKET_WORK, "progress/j/000000/01"},
        {KEY_BUCKET_WORK, "progress/j/000000/-1"},
        {KEY_BUCKET_WORK, "progress/j/000000/9999999999"},
        {KEY_BUCKET_WORK, "progress/j/0/5"},
        {KEY_BUCKET_OUTPUT, "video.mp4"},
        {KEY_BUCKET_OUTPUT, "/video.mp4"},
        {KEY_BUCKET_OUTPUT, "j/video.avi"},
        {KEY_BUCKET_OUTPUT, "j/video."},
        {KEY_BUCKET_OUTPUT, "j/video.MP4"},
        {KEY_BUCKET_OUTPUT, "j/video.mp4x"},
        {KEY_BUCKET_OUTPUT, "j/videomp4"},
        {KEY_BUCKET_OUTPUT, "j/result.json/"},
        {KEY_BUCKET_OUTPUT, "j/k/result.json"},
        {KEY_BUCKET_OUTPUT, "jobs/j/manifest.json"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct key key = parse(arena, cases[i].bucket, cases[i].text);
        if (key.kind != KEY_UNKNOWN)
            fail_msg("'%s' was taken as %d", cases[i].text, (int)key.kind);
        assert_null(key.job);
        assert_null(key.name);
        assert_null(key.etag);
        assert_null(key.input);
    }
}

static void job_ids_and_lengths_have_limits(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    char longest[65], longer[66], name[257];
    memset(longest, 'j', 64);
    longest[64] = '\0';
    memset(longer, 'j', 65);
    longer[65] = '\0';
    memset(name, 'n', 256);
    name[256] = '\0';
    assert_int_equal(parse(arena, KEY_BUCKET_OUTPUT, key_video(arena, longest, FORMAT_MP4)).kind,
                     KEY_VIDEO);
    assert_int_equal(parse(arena, KEY_BUCKET_OUTPUT, key_video(arena, longer, FORMAT_MP4)).kind,
                     KEY_UNKNOWN);
    assert_int_equal(parse(arena, KEY_BUCKET_INPUT, key_image(arena, "j", name)).kind, KEY_UNKNOWN);
    name[255] = '\0';
    assert_int_equal(parse(arena, KEY_BUCKET_INPUT, key_image(arena, "j", name)).kind, KEY_IMAGE);
    /* Not NUL-terminated, and with a NUL inside. */
    struct key key;
    key_parse(arena, KEY_BUCKET_INPUT, (struct str){"jobs/j/nudgeXX", 12}, &key);
    assert_int_equal(key.kind, KEY_NUDGE);
    key_parse(arena, KEY_BUCKET_INPUT, (struct str){"jobs/j/images/a\0b", 17}, &key);
    assert_int_equal(key.kind, KEY_UNKNOWN);
    key_parse(arena, KEY_BUCKET_WORK, (struct str){NULL, 0}, &key);
    assert_int_equal(key.kind, KEY_UNKNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_keys_come_back),
        cmocka_unit_test(videos_name_their_format),
        cmocka_unit_test(keys_with_names_come_back),
        cmocka_unit_test(keys_with_numbers_come_back),
        cmocka_unit_test(prefixes_lead_to_their_keys),
        cmocka_unit_test(strangers_keys_are_unknown),
        cmocka_unit_test(job_ids_and_lengths_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
