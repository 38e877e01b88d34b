/*
 * Plans as text: they come back with the same hash, and no change of a text goes unnoticed.
 */
#include "made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>

static void check_same(const struct plan *a, const struct plan *b) {
    assert_string_equal(a->job, b->job);
    assert_string_equal(a->build_id, b->build_id);
    assert_string_equal(a->hash, b->hash);
    assert_int_equal(a->poster_frame, b->poster_frame);
    assert_int_equal(a->timeline.frame_count, b->timeline.frame_count);
    assert_int_equal(a->timeline.image_count, b->timeline.image_count);
    assert_memory_equal(a->timeline.starts, b->timeline.starts,
                        (a->timeline.image_count + 1) * sizeof *a->timeline.starts);
    assert_int_equal(a->segment_count, b->segment_count);
    for (uint32_t i = 0; i < a->segment_count; i++) {
        assert_int_equal(a->segments[i].first_frame, b->segments[i].first_frame);
        assert_int_equal(a->segments[i].frame_count, b->segments[i].frame_count);
        assert_int_equal(a->segments[i].first_image, b->segments[i].first_image);
        assert_int_equal(a->segments[i].image_count, b->segments[i].image_count);
    }
    assert_int_equal(a->task_count, b->task_count);
    assert_memory_equal(a->tasks, b->tasks, a->task_count * sizeof *a->tasks);
}

static void plans_come_back(void **state) {
    (void)state;
    uint64_t seed = 21;
    for (size_t round = 0; round < 100; round++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct manifest manifest = made_random_manifest(arena, &seed);
        struct plan plan = made_plan(arena, &manifest), back;
        struct error err = {0};
        assert_true(plan.segment_count > 0);
        char *text = plan_to_text(arena, &plan);
        if (!plan_parse(arena, str_c(text), &back, &err))
            fail_msg("%s", err.text);
        check_same(&plan, &back);
        assert_string_equal(plan_to_text(arena, &back), text);
    }
}

static void white_space_does_not_count(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 50);
    struct plan plan = made_plan(arena, &manifest), back;
    struct error err = {0};
    json_t *root = json_loads(plan_to_text(arena, &plan), 0, NULL);
    char *text = json_dumps(root, JSON_INDENT(4) | JSON_SORT_KEYS);
    assert_true(plan_parse(arena, str_c(text), &back, &err));
    check_same(&plan, &back);
    free(text);
    json_decref(root);
}

/* ---- every value of the document in other words ---- */

static json_t *another(const json_t *value) {
    if (json_is_integer(value))
        return json_integer(json_integer_value(value) + 1);
    if (json_is_string(value) && strcmp(json_string_value(value), "frame") == 0)
        return json_string("7");
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        return json_sprintf("%s%c", text, text[0] == '0' ? '1' : '0');
    }
    return json_is_null(value) ? json_integer(7) : json_null();
}

struct walk {
    const json_t *document;
    size_t left; /* values until the one to change */
    bool changed;
};

/* Changes the value that the walk comes to after `left` others; objects and arrays count too. */
static void change(struct walk *walk, json_t *container) {
    if (json_is_object(container)) {
        const char *name;
        json_t *value;
        void *next;
        json_object_foreach_safe(container, next, name, value) {
            if (walk->changed)
                return;
            if (walk->left-- == 0) {
                walk->changed = true;
                json_object_set_new(container, name, another(value));
                return;
            }
            change(walk, value);
        }
    } else if (json_is_array(container)) {
        for (size_t i = 0; i < json_array_size(container) && !walk->changed; i++) {
            json_t *value = json_array_get(container, i);
            if (walk->left-- == 0) {
                walk->changed = true;
                json_array_set_new(container, i, another(value));
                return;
            }
            change(walk, value);
        }
    }
}

static void no_change_of_a_value_goes_unnoticed(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 100);
    manifest.images[1].size = 5;
    manifest.images[2].type = "image/jpeg";
    manifest.images[3].has_hold = true;
    manifest.images[3].hold = (struct rational){1, 2};
    struct plan plan = made_plan(arena, &manifest), back;
    const char *text = plan_to_text(arena, &plan);
    size_t changes = 0;
    for (;; changes++) {
        struct walk walk = {.left = changes};
        struct error err = {0};
        json_t *root = json_loads(text, 0, NULL);
        change(&walk, root);
        char *other = json_dumps(root, JSON_COMPACT);
        json_decref(root);
        bool taken = walk.changed && plan_parse(arena, str_c(other), &back, &err);
        if (taken)
            fail_msg("change %zu was taken: %s", changes, other);
        free(other);
        if (!walk.changed)
            break;
        assert_true(err.kind == ERROR_INVALID || err.kind == ERROR_LIMIT);
    }
    assert_true(changes > 200);
}

static void no_missing_value_goes_unnoticed(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 10);
    manifest.settings.quality = 33;
    struct plan plan = made_plan(arena, &manifest), back;
    const char *text = plan_to_text(arena, &plan);
    static const char *const members[] = {"version",  "job",    "build",  "hash",
                                          "settings", "images", "frames", "poster_frame",
                                          "segments", "tasks",  "audio",  "watermark"};
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        struct error err = {0};
        json_t *root = json_loads(text, 0, NULL);
        assert_int_equal(json_object_del(root, members[i]), 0);
        char *other = json_dumps(root, JSON_COMPACT);
        assert_false(plan_parse(arena, str_c(other), &back, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        free(other);
        json_decref(root);
    }
}

/* Cuts that make no film, or none that a renderer should be asked for; the hash cannot be the only
 * guard, for anybody can work it out. */
static void bad_cuts_are_refused_for_what_they_are(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, 480);
    manifest.images[0].size = 5;
    manifest.images[1].type = "a/b";
    manifest.images[2].has_hold = true;
    manifest.images[2].hold = (struct rational){1, 30};
    struct plan plan = made_plan(arena, &manifest), back;
    const char *text = plan_to_text(arena, &plan);
    static const struct {
        const char *old;
        const char *new;
        const char *message;
    } cases[] = {
        {"[240,120,60,30,30]", "[]", "'segments' must be an array of 1 to 480 counts"},
        {"[240,120,60,30,30]", "{}", "'segments' must be an array of 1 to 480 counts"},
        {"[240,120,60,30,30]", "7", "'segments' must be an array of 1 to 480 counts"},
        {"[240,120,60,30,30]", "[241,119,60,30,30]", "count 1 must be from 1 to 240"},
        {"[240,120,60,30,30]", "[240,0,120,60,30,30]", "count 2 must be from 1 to 240"},
        {"[240,120,60,30,30]", "[240,-1,121,60,30,30]", "count 2 must be from 1 to 240"},
        {"[240,120,60,30,30]", "[240,120.0,60,30,30]", "count 2 must be from 1 to 240"},
        {"[240,120,60,30,30]", "[240,\"120\",60,30,30]", "count 2 must be from 1 to 240"},
        {"[240,120,60,30,30]", "[240,120,60,30]", "the segments do not make up"},
        {"[240,120,60,30,30]", "[240,120,60,30,31]", "the segments do not make up"},
        {"[240,120,60,30,30]", "[240,120,60,30,30,1]", "the segments do not make up"},
        {"[240,120,60,30,30]", "[240,4294967416,60,30,30]", "count 2 must be from 1 to 240"},
        {"[240,120,60,30,30]", "[239,121,60,30,30]", "its hash does not fit its contents"},
        {"[2,1,1,1]", "[]", "'tasks' must be an array of 1 to 5 counts"},
        {"[2,1,1,1]", "[1,1,1,1,1,1]", "'tasks' must be an array of 1 to 5 counts"},
        {"[2,1,1,1]", "[17]", "count 1 must be from 1 to 16"},
        {"[2,1,1,1]", "[2,0,1,1,1]", "count 2 must be from 1 to 16"},
        {"[2,1,1,1]", "[2,1,1]", "the tasks do not make up the 5 segments"},
        {"[2,1,1,1]", "[2,1,1,2]", "the tasks do not make up the 5 segments"},
        {"[2,1,1,1]", "[1,1,1,1,1]", "its hash does not fit its contents"},
        {"\"frames\":480", "\"frames\":481", "its frames do not follow from its images"},
        {"\"poster_frame\":0", "\"poster_frame\":1", "its frames do not follow from its images"},
        {"\"poster\":0", "\"poster\":480", "is beyond the film's 480 frames"},
        {"\"size\":\"640x480\"", "\"size\":\"auto\"", "the size is not fixed"},
        {"\"size\":\"640x480\"", "\"size\":\"642x480\"", "its hash does not fit its contents"},
        {"\"size\":\"640x480\"", "\"size\":\"1x1\"", "setting 'size': '1x1' must have even sides"},
        {"\"settings\":{", "\"settings\":{\"max-cost\":1,", "setting 'max-cost' is not supported"},
        {"\"job\":\"job-1\"", "\"job\":\"../x\"", "'../x' is no job id"},
        {"\"job\":\"job-1\"", "\"job\":\"job-2\"", "its hash does not fit its contents"},
        {"\"build\":\"build-1\"", "\"build\":\"\"", "'' is no build id"},
        {"{\"version\":2", "{\"version\":1", "'version' must be 2"},
        {"\"tasks\"", "\"more\":1,\"tasks\"", "it has members that are not known"},
        {"\"tasks\"", "\"job\":1,\"tasks\"", "duplicate"},
        {"\"hash\":\"", "\"hash\":\"0", "'hash' has more than 64 bytes"},
        {"{", "", "the plan is not JSON"},
        {"\"000001-a.jpg\"", "\"x/y\"", "image 1 'x/y': the name has a '/'"},
        {"\"000001-a.jpg\"", "\"000002-a.jpg\"", "names must differ"},
        {"\"000001-a.jpg\"", "null", "image 1 has no name"},
        {"\"000001-a.jpg\"", "7", "image 1: 'name': a number is no text"},
        {"\"000001-a.jpg\",", "", "images: 'size' must be an array of 479 values"},
        {"\"images\":{\"name\"", "\"images\":{\"more\":[],\"name\"",
         "images: there are members that are not known"},
        {"\"images\":{\"name\"", "\"images\":{\"names\"",
         "images: 'name' must be an array of 1 to 20000 names"},
        {"\"images\":{", "\"images\":[{", "the plan is not JSON"},
        {"\"size\":[5,null", "\"size\":[0,null", "image 1 '000001-a.jpg' is empty"},
        {"\"size\":[5,null", "\"size\":[-5,null", "image 1: 'size': no good size"},
        {"\"size\":[5,null", "\"size\":[\"5\",null", "image 1: 'size': no good size"},
        {"\"size\":[5,null", "\"size\":[1073741825,null", "over the limit of 1073741824"},
        {"\"size\":[5,null", "\"size\":[5,null,null", "'size' must be an array of 480 values"},
        {"\"size\":[5,null", "\"size\":[6,null", "its hash does not fit its contents"},
        {"\"type\":[null,\"a/b\"", "\"type\":[null,\"ab\"", "'type' is not a media type"},
        {"\"type\":[null,\"a/b\"", "\"type\":[null,5", "image 2: 'type': a number is no text"},
        {"\"hold\":[null,null,\"1/30\"", "\"hold\":[null,null,[]", "image 3: 'hold': must be"},
        {"\"hold\":[null,null,\"1/30\"", "\"hold\":[null,null,\"0\"",
         "image 3: 'hold': '0' must be"},
        {"\"hold\":[null,null,\"1/30\"", "\"hold\":[null,null,\"1\"", "frames do not follow"},
        {"\"hold\":[null,null,\"1/30\"", "\"hold\":[null,null,\"frame\"", "its hash does not fit"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};
        char *other = made_changed(arena, text, cases[i].old, cases[i].new);
        if (!other)
            fail_msg("there is no %s in %s", cases[i].old, text);
        assert_false(plan_parse(arena, str_c(other), &back, &err));
        if (!strstr(err.text, cases[i].message))
            fail_msg("%s: '%s'", cases[i].new, err.text);
    }
}

static void the_largest_job_comes_back(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = made_manifest(arena, MANIFEST_MAX_IMAGES);
    struct plan plan, back;
    struct error err = {0};
    manifest.settings.hold = (struct rational){33, 1};
    assert_true(plan_build(arena, "j", "b", &manifest, NULL, &plan, &err));
    assert_int_equal(plan.timeline.frame_count, 19800000);
    char *text = plan_to_text(arena, &plan);
    assert_true(strlen(text) < PLAN_MAX_BYTES);
    assert_true(plan_parse(arena, str_c(text), &back, &err));
    check_same(&plan, &back);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_come_back),
        cmocka_unit_test(white_space_does_not_count),
        cmocka_unit_test(no_change_of_a_value_goes_unnoticed),
        cmocka_unit_test(no_missing_value_goes_unnoticed),
        cmocka_unit_test(bad_cuts_are_refused_for_what_they_are),
        cmocka_unit_test(the_largest_job_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
