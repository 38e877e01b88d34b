/*
 * The status of a job from what lies there, and the result that ends it.
 */
#include "job/status.h"
#include "made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

struct fixture {
    struct arena *arena;
    struct plan plan; /* 480 frames: 240, 120, 60, 30, 30 */
    struct status_input input;
};

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->arena = arena_new();
    struct manifest manifest = made_manifest(fixture->arena, 480);
    fixture->plan = made_plan(fixture->arena, &manifest);
    fixture->input = (struct status_input){
        .job = "job-1",
        .images_expected = 480,
        .images_arrived = 480,
        .plan = &fixture->plan,
        .plan_unix_ms = 1700000000000,
        .now_unix_ms = 1700000010000,
    };
    *state = fixture;
    return fixture->plan.segment_count == 5 ? 0 : -1;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

/* The document as text in the arena. */
static const char *document_of(struct fixture *fixture, char etag[STATUS_ETAG_SIZE]) {
    json_t *document = status_document(&fixture->input, etag);
    char *text = json_dumps(document, JSON_COMPACT);
    json_decref(document);
    assert_non_null(text);
    const char *kept = arena_strdup(fixture->arena, text);
    free(text);
    return kept;
}

static void check_contains(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("'%s' is not in %s", part, text);
}

static void check(struct fixture *fixture, const char *part) {
    char etag[STATUS_ETAG_SIZE];
    check_contains(document_of(fixture, etag), part);
}

static json_t *result_of(struct arena *arena, const struct result *result) {
    json_t *document = NULL;
    struct error err = {0};
    char *text = result_to_text(arena, result);
    if (!result_parse(str_c(text), &document, &err))
        fail_msg("%s: %s", text, err.text);
    return document;
}

static void states_follow_from_what_is_there(void **state) {
    struct fixture *fixture = *state;
    struct status_input full = fixture->input, *input = &fixture->input;
    struct segment_range chunk = {0, 1};
    struct key progress = {.kind = KEY_PROGRESS, .segment = 0, .frames = 1};
    *input = (struct status_input){.job = "job-1", .now_unix_ms = 5};
    check(fixture, "{\"id\":\"job-1\",\"state\":\"waiting\",\"images\":{\"expected\":null,"
                   "\"arrived\":0},\"frames\":{\"done\":0,\"total\":0},\"eta_seconds\":null,"
                   "\"receipts\":{\"url\":null,\"refused\":[],\"warnings\":0},\"error\":null,"
                   "\"outputs\":[]}");
    input->images_arrived = input->images_expected = 480;
    check(fixture, "\"state\":\"waiting\"");
    *input = full;
    check(fixture, "\"state\":\"rendering\"");
    check(fixture, "\"frames\":{\"done\":0,\"total\":480}");
    input->images_arrived = 479;
    check(fixture, "\"state\":\"waiting\"");
    input->chunks = &chunk;
    input->chunk_count = 1;
    check(fixture, "\"state\":\"rendering\"");
    input->chunk_count = 0;
    input->progress = &progress;
    input->progress_count = 1;
    check(fixture, "\"state\":\"rendering\"");
    input->splicing = true;
    check(fixture, "\"state\":\"finishing\"");
    input->cancelled = true;
    check(fixture, "\"state\":\"cancelled\"");
    input->plan = NULL;
    check(fixture, "\"state\":\"cancelled\"");
}

static void frames_are_counted_once(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        struct segment_range chunks[3];
        size_t chunk_count;
        uint32_t progress[4][2]; /* segment, frames */
        size_t progress_count;
        unsigned done;
    } cases[] = {
        {{{0, 0}}, 0, {{0, 0}}, 0, 0},
        {{{0, 1}}, 1, {{0, 0}}, 0, 240},
        {{{0, 5}}, 1, {{0, 0}}, 0, 480},
        {{{0, 2}, {1, 2}}, 2, {{0, 0}}, 0, 420},
        {{{0, 1}, {0, 1}}, 2, {{0, 0}}, 0, 240},
        {{{0, 0}}, 0, {{0, 17}}, 1, 17},
        {{{0, 0}}, 0, {{0, 17}, {0, 30}, {0, 5}}, 3, 30},
        {{{0, 0}}, 0, {{0, 17}, {3, 30}}, 2, 47},
        {{{0, 1}}, 1, {{0, 17}, {1, 10}}, 2, 250},
        /* More than there is counts as all there is. */
        {{{3, 9}}, 1, {{2, 999}}, 1, 120},
        {{{UINT32_MAX, UINT32_MAX}, {9, 1}}, 2, {{9, 5}, {UINT32_MAX, 5}}, 2, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct key progress[4] = {{.kind = KEY_UNKNOWN}};
        for (size_t k = 0; k < cases[i].progress_count; k++)
            progress[k] = (struct key){.kind = KEY_PROGRESS,
                                       .segment = cases[i].progress[k][0],
                                       .frames = cases[i].progress[k][1]};
        fixture->input.chunks = cases[i].chunks;
        fixture->input.chunk_count = cases[i].chunk_count;
        fixture->input.progress = progress;
        fixture->input.progress_count = cases[i].progress_count;
        check(fixture, arena_printf(fixture->arena, "\"frames\":{\"done\":%u,\"total\":480}",
                                    cases[i].done));
    }
}

static void the_eta_goes_by_the_pace(void **state) {
    struct fixture *fixture = *state;
    struct segment_range chunk = {0, 1};
    fixture->input.chunks = &chunk;
    check(fixture, "\"eta_seconds\":null"); /* nothing done */
    fixture->input.chunk_count = 1;
    check(fixture, "\"eta_seconds\":10"); /* half in ten seconds */
    fixture->input.now_unix_ms = 1700000000001;
    check(fixture, "\"eta_seconds\":1");
    chunk.count = 5;
    check(fixture, "\"eta_seconds\":0");
    chunk.count = 1;
    fixture->input.now_unix_ms = 1600000000000; /* a clock that went back */
    check(fixture, "\"eta_seconds\":null");
    fixture->input.now_unix_ms = INT64_MAX / 2;
    check(fixture, "\"eta_seconds\":31536000");
    fixture->input.plan_unix_ms = 0;
    check(fixture, "\"eta_seconds\":null");
    fixture->input.plan_unix_ms = 1700000000000;
    fixture->input.splicing = true;
    check(fixture, "\"eta_seconds\":null");
}

static void a_done_job_has_outputs(void **state) {
    struct fixture *fixture = *state;
    struct result result = {
        .state = "done",
        .frames = 480,
        .seconds = 16,
        .width = 640,
        .height = 480,
        .images = 480,
        .video_bytes = 12345,
        .poster_bytes = 99,
        .warning_count = 3,
        .renderer = "build-1",
    };
    json_t *document = result_of(fixture->arena, &result);
    fixture->input.result = document;
    fixture->input.cancelled = true; /* came too late */
    fixture->input.video_url = "https://x/video";
    fixture->input.poster_url = "https://x/poster";
    fixture->input.receipts_url = "https://x/receipts";
    fixture->input.urls_expire_unix_ms = 1700000000000;
    check(fixture, "{\"id\":\"job-1\",\"state\":\"done\",\"images\":{\"expected\":480,"
                   "\"arrived\":480},\"frames\":{\"done\":480,\"total\":480},\"eta_seconds\":null,"
                   "\"receipts\":{\"url\":\"https://x/receipts\",\"refused\":[],\"warnings\":3},"
                   "\"error\":null,\"outputs\":["
                   "{\"kind\":\"video\",\"url\":\"https://x/video\",\"bytes\":12345,\"width\":640,"
                   "\"height\":480,\"format\":\"mp4\",\"type\":\"video/mp4\",\"frames\":480,"
                   "\"seconds\":16.0,"
                   "\"expires_at\":\"2023-11-14T22:13:20.000Z\"},"
                   "{\"kind\":\"poster\",\"url\":\"https://x/poster\",\"bytes\":99,\"width\":640,"
                   "\"height\":480,\"expires_at\":\"2023-11-14T22:13:20.000Z\"}]}");
    /* Nor are plan and progress needed any more. */
    fixture->input.plan = NULL;
    check(fixture, "\"frames\":{\"done\":480,\"total\":480}");
    json_decref(document);
    result.poster_bytes = 0;
    result.format = FORMAT_WEBM;
    document = result_of(fixture->arena, &result);
    fixture->input.result = document;
    check(fixture, "\"format\":\"webm\",\"type\":\"video/webm\"");
    char etag[STATUS_ETAG_SIZE];
    assert_null(strstr(document_of(fixture, etag), "\"poster\""));
    json_decref(document);
}

static void a_failed_job_says_why(void **state) {
    struct fixture *fixture = *state;
    struct result result = {.state = "failed",
                            .error_code = "bad-image",
                            .error_detail = "image 7 'a.jpg': it is no \xFF image",
                            .error_image = "a.jpg"};
    json_t *refused = json_array();
    for (int i = 0; i < 25; i++)
        json_array_append_new(refused, json_pack("{si}", "number", i));
    result.refused = refused;
    json_t *document = result_of(fixture->arena, &result);
    struct segment_range chunk = {0, 1};
    fixture->input.result = document;
    fixture->input.chunks = &chunk;
    fixture->input.chunk_count = 1;
    fixture->input.splicing = true;
    check(fixture, "\"state\":\"failed\"");
    check(fixture, "\"frames\":{\"done\":240,\"total\":480}");
    check(fixture, "\"error\":{\"code\":\"bad-image\",\"detail\":\"image 7 'a.jpg': it is no ? "
                   "image\",\"image\":\"a.jpg\"}");
    check(fixture, "{\"number\":19}],\"warnings\":0}");
    check(fixture, "\"outputs\":[]");
    json_decref(document);
    json_decref(refused);
    struct result cancelled = {.state = "cancelled"};
    document = result_of(fixture->arena, &cancelled);
    fixture->input.result = document;
    check(fixture, "\"state\":\"cancelled\"");
    check(fixture, "\"error\":null");
    json_decref(document);
}

static void the_etag_leaves_out_what_changes_by_itself(void **state) {
    struct fixture *fixture = *state;
    char first[STATUS_ETAG_SIZE], second[STATUS_ETAG_SIZE];
    struct segment_range chunk = {0, 1};
    fixture->input.chunks = &chunk;
    fixture->input.chunk_count = 1;
    const char *before = document_of(fixture, first);
    assert_int_equal(strlen(first), STATUS_ETAG_SIZE - 1);
    assert_true(first[0] == '"' && first[STATUS_ETAG_SIZE - 2] == '"');
    fixture->input.now_unix_ms += 60000;
    const char *after = document_of(fixture, second);
    assert_string_not_equal(before, after);
    assert_string_equal(first, second);
    fixture->input.receipts_url = "https://x/1";
    document_of(fixture, second);
    assert_string_equal(first, second);
    chunk.count = 2;
    document_of(fixture, second);
    assert_string_not_equal(first, second);
    struct result result = {.state = "done",
                            .frames = 480,
                            .seconds = 16,
                            .images = 480,
                            .video_bytes = 1,
                            .poster_bytes = 1};
    json_t *document = result_of(fixture->arena, &result);
    fixture->input.result = document;
    document_of(fixture, first);
    assert_string_not_equal(first, second);
    fixture->input.video_url = "https://x/2";
    fixture->input.urls_expire_unix_ms = 77;
    document_of(fixture, second);
    assert_string_equal(first, second);
    json_decref(document);
}

static void bad_results_are_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"state\":7}",
        "{\"state\":\"running\"}",
        "{\"state\":\"Done\"}",
        "{\"state\":\"done\"}",
        "{\"state\":\"done\",\"frames\":1,\"seconds\":1,\"width\":1,\"height\":1,\"images\":1,"
        "\"video_bytes\":1,\"poster_bytes\":1,\"warnings\":-1}",
        "{\"state\":\"done\",\"frames\":1,\"seconds\":\"1\",\"width\":1,\"height\":1,\"images\":1,"
        "\"video_bytes\":1,\"poster_bytes\":1,\"warnings\":0}",
        "{\"state\":\"done\",\"frames\":1,\"seconds\":1,\"width\":1,\"height\":1,\"images\":1,"
        "\"video_bytes\":1,\"poster_bytes\":1,\"warnings\":0,\"format\":\"avi\"}",
        "{\"state\":\"done\",\"frames\":1,\"seconds\":1,\"width\":1,\"height\":1,\"images\":1,"
        "\"video_bytes\":1,\"poster_bytes\":1,\"warnings\":0,\"format\":3}",
        "{\"state\":\"failed\"}",
        "{\"state\":\"failed\",\"error\":\"x\"}",
        "{\"state\":\"failed\",\"error\":{}}",
        "{\"state\":\"failed\",\"error\":{\"code\":7}}",
        "{\"state\":\"failed\",\"error\":{\"code\":\"x\",\"detail\":[]}}",
        "{\"state\":\"cancelled\",\"refused\":{}}",
        "{\"state\":\"cancelled\",\"renderer\":1}",
        "{\"state\":\"cancelled\",\"state\":\"done\"}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        json_t *document = NULL;
        struct error err = {0};
        if (result_parse(str_c(cases[i]), &document, &err))
            fail_msg("%s was taken", cases[i]);
        assert_null(document);
        assert_int_equal(err.kind, ERROR_INVALID);
    }
    json_t *document = NULL;
    struct error err = {0};
    assert_true(result_parse(str_c("{\"state\":\"cancelled\"}"), &document, &err));
    json_decref(document);
    assert_true(result_parse(
        str_c("{\"state\":\"done\",\"frames\":1,\"seconds\":1,\"width\":1,\"height\":1,"
              "\"images\":1,\"video_bytes\":1,\"poster_bytes\":0,\"warnings\":0}"),
        &document, &err));
    assert_int_equal(result_format(document), FORMAT_MP4);
    json_decref(document);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(states_follow_from_what_is_there),
        TEST(frames_are_counted_once),
        TEST(the_eta_goes_by_the_pace),
        TEST(a_done_job_has_outputs),
        TEST(a_failed_job_says_why),
        TEST(the_etag_leaves_out_what_changes_by_itself),
        cmocka_unit_test(bad_results_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
