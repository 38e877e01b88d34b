/*
 * Tasks survive the way through JSON, and a task put by a stranger is refused.
 */
#include "functions/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct arena *arena;
    struct plan plan;
    struct image_version *versions;
};

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct manifest manifest = {.lists_images = true, .image_count = 1000};
    struct error err;
    fixture->arena = arena_new();
    manifest.images = arena_array(fixture->arena, manifest.image_count, sizeof *manifest.images);
    fixture->versions =
        arena_array(fixture->arena, manifest.image_count, sizeof *fixture->versions);
    for (size_t i = 0; i < manifest.image_count; i++) {
        char *name = arena_printf(fixture->arena, "%06zu-a.jpg", i);
        manifest.images[i] = (struct manifest_image){.name = name, .size = -1};
        fixture->versions[i] = (struct image_version){
            .name = name,
            .etag = arena_printf(fixture->arena, "%032zx", i),
            .size = 100 + i,
            .modified_unix_ms = 1700000000000 + (int64_t)i,
        };
    }
    settings_default(&manifest.settings);
    manifest.settings.size = SIZE_FIXED;
    manifest.settings.width = 640;
    manifest.settings.height = 480;
    if (!plan_build(fixture->arena, "job", "build", &manifest, NULL, &fixture->plan, &err))
        return -1;
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

static struct segments_task task_of(struct fixture *fixture, struct segment_range range) {
    struct segments_task task = {.range = range, .generation = 2, .stalled = 1};
    plan_images_of(&fixture->plan, range, &task.first_image, &task.image_count);
    task.versions = fixture->versions + task.first_image;
    return task;
}

static bool parse(struct fixture *fixture, const char *key_text, const char *text,
                  struct segments_task *ret, struct error *err) {
    struct key key;
    key_parse(fixture->arena, KEY_BUCKET_WORK, str_c(key_text), &key);
    assert_int_equal(key.kind, KEY_TASK_SEGMENTS);
    return segments_task_parse(fixture->arena, str_c(text), &key, &fixture->plan, ret, err);
}

static void a_segments_task_comes_back(void **state) {
    struct fixture *fixture = *state;
    struct segments_task task = task_of(fixture, (struct segment_range){1, 2}), back;
    struct error err;
    assert_true(parse(fixture, segments_task_key(fixture->arena, &fixture->plan, &task),
                      segments_task_to_text(fixture->arena, &fixture->plan, &task), &back, &err));
    assert_int_equal(back.range.first, 1);
    assert_int_equal(back.range.count, 2);
    assert_int_equal(back.generation, 2);
    assert_int_equal(back.stalled, 1);
    assert_int_equal(back.image_count, task.image_count);
    for (uint32_t i = 0; i < back.image_count; i++) {
        assert_string_equal(back.versions[i].etag, task.versions[i].etag);
        assert_int_equal(back.versions[i].modified_unix_ms, task.versions[i].modified_unix_ms);
    }
}

/* Replaces the first occurrence of `old` in a copy. */
static char *changed(struct arena *arena, const char *text, const char *old, const char *new) {
    const char *place = strstr(text, old);
    assert_non_null(place);
    return arena_printf(arena, "%.*s%s%s", (int)(place - text), text, new, place + strlen(old));
}

static void a_changed_segments_task_is_refused(void **state) {
    struct fixture *fixture = *state;
    struct segments_task task = task_of(fixture, (struct segment_range){0, 1}), back;
    char *key = segments_task_key(fixture->arena, &fixture->plan, &task);
    char *text = segments_task_to_text(fixture->arena, &fixture->plan, &task);
    static const char *const changes[][2] = {
        {"\"plan\":\"", "\"plan\":\"0"},
        {"\"etag\":\"0", "\"etag\":\"1"},
        {"000000-a.jpg", "../../x"},
        {"\"size\":100", "\"size\":-1"},
        {"\"modified\":17", "\"modified\":18"},
        {"\"stalled\":1", "\"stalled\":9"},
        {"\"images\":[", "\"images\":[{},"},
        {"{", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        struct error err = {0};
        char *bad = changed(fixture->arena, text, changes[i][0], changes[i][1]);
        assert_false(parse(fixture, key, bad, &back, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
    }
    struct error err = {0};
    char *beyond = changed(fixture->arena, key, "000000-000001", "999990-000005");
    assert_false(parse(fixture, beyond, text, &back, &err));
}

static struct splice_task list_of(struct fixture *fixture) {
    struct splice_task task = {.count = fixture->plan.segment_count};
    task.entries = arena_array(fixture->arena, task.count, sizeof *task.entries);
    for (uint32_t i = 0; i < task.count; i++) {
        char input[SHA256_HEX_SIZE];
        struct segment_range range = {i, 1};
        struct segments_task part = task_of(fixture, range);
        plan_chunk_input(&fixture->plan, range, part.versions, input);
        task.entries[i] = (struct splice_entry){
            .chunk = key_chunk(fixture->arena, "job", range, input),
            .etag = "e",
            .chunk_bytes = 1000,
            .chunk_range = range,
            .use = range,
        };
    }
    return task;
}

static void a_splice_task_comes_back_or_is_refused(void **state) {
    struct fixture *fixture = *state;
    struct splice_task task = list_of(fixture), back;
    struct error err;
    char *text = splice_task_to_text(fixture->arena, &fixture->plan, &task);
    assert_true(splice_task_parse(fixture->arena, str_c(text), &fixture->plan, &back, &err));
    assert_int_equal(back.count, task.count);
    static const char *const changes[][2] = {
        {"\"plan\":\"", "\"plan\":\"0"},     {"chunks/job/", "chunks/other/"},
        {"chunks/job/", "plans/job/"},       {"\"first\":0", "\"first\":1"},
        {"\"count\":1", "\"count\":0"},      {"\"count\":1", "\"count\":2"},
        {"\"size\":1000", "\"size\":\"x\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        char *bad = changed(fixture->arena, text, changes[i][0], changes[i][1]);
        assert_false(splice_task_parse(fixture->arena, str_c(bad), &fixture->plan, &back, &err));
    }
    task.count--;
    text = splice_task_to_text(fixture->arena, &fixture->plan, &task);
    assert_false(splice_task_parse(fixture->arena, str_c(text), &fixture->plan, &back, &err));
}

static void a_rest_of_a_splice(void **state) {
    struct fixture *fixture = *state;
    struct error err;
    unsigned stalled;
    assert_true(splice_rest_parse(str_c(splice_rest_to_text(fixture->arena, 1)), &stalled, &err));
    assert_int_equal(stalled, 1);
    assert_false(splice_rest_parse(str_c("{}"), &stalled, &err));
    assert_false(splice_rest_parse(str_c("{\"stalled\":-1}"), &stalled, &err));
    assert_false(splice_rest_parse(str_c(""), &stalled, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_segments_task_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_segments_task_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_splice_task_comes_back_or_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rest_of_a_splice, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
