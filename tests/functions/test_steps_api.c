/*
 * The API against a real store: what it puts, what it answers, and to whom.
 */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char manifest[] = "{\"version\":1,\"images\":[{\"name\":\"a.jpg\",\"size\":10},"
                               "{\"name\":\"b.jpg\"}],\"settings\":{\"size\":\"64x48\"}}";

struct ask {
    const char *method, *path, *query, *body;
    const char *token;   /* NULL: the owner's; "": none */
    const char *key;     /* Idempotency-Key */
    const char *if_none; /* If-None-Match */
};

/* The status; the answer's body lives as long as the test. */
static int ask(struct steps *steps, const struct ask *it, json_t **ret_body,
               const char **ret_etag) {
    json_t *headers = json_object();
    const char *token = it->token ? it->token : OWNER;
    if (token[0] != '\0')
        json_object_set_new(headers, "authorization", json_sprintf("Bearer %s", token));
    if (it->key)
        json_object_set_new(headers, "idempotency-key", json_string(it->key));
    if (it->if_none)
        json_object_set_new(headers, "if-none-match", json_string(it->if_none));
    json_t *event = json_pack("{ss ss ss so s{s{ss}} ss sb}", "version", "2.0", "rawPath", it->path,
                              "rawQueryString", it->query ? it->query : "", "headers", headers,
                              "requestContext", "http", "method", it->method, "body",
                              it->body ? it->body : "", "isBase64Encoded", 0);
    assert_non_null(event);
    char *text = json_dumps(event, JSON_COMPACT);
    json_decref(event);
    struct runtime_invocation invocation = {.request_id = "1", .event = str_c(text)};
    struct str answer;
    struct error err;
    if (!api_handle(steps->functions, steps->arena, &invocation, &answer, &err))
        fail_msg("%s", err.text);
    free(text);
    json_t *root = json_loadb(answer.ptr, answer.len, 0, NULL);
    int status = (int)json_integer_value(json_object_get(root, "statusCode"));
    const char *body = json_string_value(json_object_get(root, "body"));
    const char *etag = json_string_value(json_object_get(json_object_get(root, "headers"), "etag"));
    if (ret_etag)
        *ret_etag = arena_strdup(steps->arena, etag ? etag : "");
    if (ret_body)
        *ret_body = body ? json_loads(body, 0, NULL) : NULL;
    json_decref(root);
    return status;
}

static const char *take_text(struct steps *steps, json_t *body, const char *member) {
    const char *text = json_string_value(json_object_get(body, member));
    return arena_strdup(steps->arena, text ? text : "");
}

static void a_job_is_created_once_per_key(void **state) {
    struct steps *steps = *state;
    struct ask create = {.method = "POST", .path = "/jobs", .body = manifest, .key = "once"};
    json_t *first, *second;
    assert_int_equal(ask(steps, &create, &first, NULL), 201);
    const char *id = take_text(steps, first, "id");
    assert_int_equal(steps_waiting(steps, "intake"), 1);
    assert_int_equal(ask(steps, &create, &second, NULL), 201);
    assert_string_equal(take_text(steps, second, "id"), id);
    assert_string_equal(take_text(steps, second, "token"), take_text(steps, first, "token"));
    /* Nothing new was put. */
    assert_int_equal(steps_waiting(steps, "intake"), 1);
    assert_int_equal(json_array_size(json_object_get(second, "uploads")), 2);
    json_decref(first);
    json_decref(second);
    create.body = "{\"version\":1,\"images\":[{\"name\":\"c.jpg\"}]}";
    assert_int_equal(ask(steps, &create, NULL, NULL), 422);
    create.key = "another";
    assert_int_equal(ask(steps, &create, &first, NULL), 201);
    assert_string_not_equal(take_text(steps, first, "id"), id);
    json_decref(first);
}

static void bad_requests_are_told(void **state) {
    struct steps *steps = *state;
    static const struct {
        struct ask ask;
        int status;
    } cases[] = {
        {{.method = "POST", .path = "/jobs"}, 422},
        {{.method = "POST", .path = "/jobs", .body = "{"}, 422},
        {{.method = "POST", .path = "/jobs", .body = "{\"version\":1}"}, 422},
        {{.method = "POST", .path = "/jobs", .body = manifest, .key = ""}, 422},
        {{.method = "POST", .path = "/jobs", .body = manifest, .token = ""}, 401},
        {{.method = "POST", .path = "/jobs", .body = manifest, .token = "wrong"}, 401},
        {{.method = "PUT", .path = "/jobs"}, 405},
        {{.method = "GET", .path = "/nothing"}, 404},
        {{.method = "GET", .path = "/jobs/none"}, 404},
        {{.method = "DELETE", .path = "/jobs/none"}, 404},
        {{.method = "POST", .path = "/jobs/none/uploads", .body = "{\"names\":[\"a\"]}"}, 404},
        {{.method = "GET", .path = "/jobs/a%2Fb"}, 404},
        {{.method = "GET", .path = "/jobs", .query = "limit=0"}, 422},
        {{.method = "GET", .path = "/jobs", .query = "limit=101"}, 422},
        {{.method = "GET", .path = "/jobs", .query = "after=%2e%2e"}, 422},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        json_t *body;
        int status = ask(steps, &cases[i].ask, &body, NULL);
        if (status != cases[i].status)
            fail_msg("case %zu: %d in place of %d", i, status, cases[i].status);
        assert_int_equal(json_integer_value(json_object_get(body, "status")), status);
        assert_string_not_equal(take_text(steps, body, "code"), "");
        json_decref(body);
    }
    assert_int_equal(steps_waiting(steps, "intake"), 0);
}

/* A job's token opens that job and no other. */
static void a_jobs_token_is_for_that_job(void **state) {
    struct steps *steps = *state;
    json_t *one, *two;
    struct ask create = {.method = "POST", .path = "/jobs", .body = manifest};
    assert_int_equal(ask(steps, &create, &one, NULL), 201);
    assert_int_equal(ask(steps, &create, &two, NULL), 201);
    const char *token = take_text(steps, one, "token");
    const char *own = arena_printf(steps->arena, "/jobs/%s", take_text(steps, one, "id"));
    const char *other = arena_printf(steps->arena, "/jobs/%s", take_text(steps, two, "id"));
    json_decref(one);
    json_decref(two);
    struct ask get = {.method = "GET", .path = own, .token = token};
    assert_int_equal(ask(steps, &get, NULL, NULL), 200);
    get.path = other;
    assert_int_equal(ask(steps, &get, NULL, NULL), 401);
    get.path = "/jobs";
    assert_int_equal(ask(steps, &get, NULL, NULL), 401);
    struct ask cancel = {.method = "DELETE", .path = other, .token = token};
    assert_int_equal(ask(steps, &cancel, NULL, NULL), 401);
}

static void uploads_are_signed_until_the_end(void **state) {
    struct steps *steps = *state;
    json_t *body;
    steps_put_manifest(steps, "uploads", 2, "");
    struct ask names = {.method = "POST", .path = "/jobs/uploads/uploads"};
    names.body = arena_printf(steps->arena, "{\"names\":[\"%s\"]}", steps_image_name(steps, 1));
    assert_int_equal(ask(steps, &names, &body, NULL), 200);
    const json_t *upload = json_array_get(json_object_get(body, "uploads"), 0);
    assert_non_null(strstr(json_string_value(json_object_get(upload, "url")), "X-Amz-Signature="));
    json_decref(body);
    static const char *const bad[] = {"",
                                      "{}",
                                      "{\"names\":[]}",
                                      "{\"names\":\"a\"}",
                                      "{\"names\":[7]}",
                                      "{\"names\":[\"../x\"]}",
                                      "{\"names\":[\"not of this job\"]}"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct ask wrong = names;
        wrong.body = bad[i];
        assert_int_equal(ask(steps, &wrong, NULL, NULL), 422);
    }
    /* The wish is enough, the result need not be there. */
    struct ask cancel = {.method = "DELETE", .path = "/jobs/uploads"};
    assert_int_equal(ask(steps, &cancel, &body, NULL), 200);
    assert_string_equal(take_text(steps, body, "state"), "cancelled");
    json_decref(body);
    assert_int_equal(ask(steps, &names, NULL, NULL), 409);
    steps_run(steps);
    assert_string_equal(steps_state(steps, "uploads"), "cancelled");
    assert_int_equal(ask(steps, &names, NULL, NULL), 409);
}

static void the_status_follows_the_job(void **state) {
    struct steps *steps = *state;
    json_t *body;
    const char *etag, *later;
    struct ask get = {.method = "GET", .path = "/jobs/status"};
    steps_put_manifest(steps, "status", 4, "");
    assert_int_equal(ask(steps, &get, &body, &etag), 200);
    assert_string_equal(take_text(steps, body, "state"), "waiting");
    json_decref(body);
    get.if_none = etag;
    assert_int_equal(ask(steps, &get, NULL, NULL), 304);
    for (unsigned i = 0; i < 4; i++)
        steps_put_image(steps, "status", i, 0);
    assert_int_equal(ask(steps, &get, &body, &later), 200);
    assert_string_not_equal(later, etag);
    json_decref(body);
    steps_run(steps);
    assert_int_equal(ask(steps, &get, &body, NULL), 200);
    assert_string_equal(take_text(steps, body, "state"), "done");
    const json_t *frames = json_object_get(body, "frames");
    assert_int_equal(json_integer_value(json_object_get(frames, "done")), 960);
    assert_int_equal(json_array_size(json_object_get(body, "outputs")), 2);
    json_decref(body);
}

static void a_nudge_is_put_for_jobs_that_go_on(void **state) {
    struct steps *steps = *state;
    struct ask get = {.method = "GET", .path = "/jobs/nudged"};
    steps_make_job(steps, "nudged", 4);
    assert_int_equal(ask(steps, &get, NULL, NULL), 200);
    get.query = "nudge=0";
    assert_int_equal(ask(steps, &get, NULL, NULL), 200);
    assert_false(steps_exists(steps, INPUT, "jobs/nudged/nudge"));
    get.query = "nudge=1";
    assert_int_equal(ask(steps, &get, NULL, NULL), 200);
    assert_true(steps_exists(steps, INPUT, "jobs/nudged/nudge"));
    steps_run(steps);
    assert_string_equal(steps_state(steps, "nudged"), "done");
    assert_int_equal(ask(steps, &get, NULL, NULL), 200);
    assert_int_equal(steps_waiting(steps, "intake"), 0);
    get.path = "/jobs/nobody-nudged";
    assert_int_equal(ask(steps, &get, NULL, NULL), 404);
    assert_false(steps_exists(steps, INPUT, "jobs/nobody-nudged/nudge"));
}

static void a_cancel_may_come_again_with_a_purge(void **state) {
    struct steps *steps = *state;
    struct ask cancel = {.method = "DELETE", .path = "/jobs/purge"};
    steps_make_job(steps, "purge", 4);
    steps_put_chunk(steps, "purge", (struct segment_range){0, 2}, 1000);
    assert_int_equal(ask(steps, &cancel, NULL, NULL), 200);
    steps_run(steps);
    assert_int_equal(steps_count(steps, WORK, "chunks/purge/"), 1);
    cancel.query = "purge=1";
    assert_int_equal(ask(steps, &cancel, NULL, NULL), 200);
    steps_run(steps);
    assert_int_equal(steps_count(steps, WORK, "chunks/purge/"), 0);
    assert_string_equal(steps_state(steps, "purge"), "cancelled");
    /* A job that is done stays done. */
    steps_make_job(steps, "done", 4);
    steps_run(steps);
    cancel.path = "/jobs/done";
    assert_int_equal(ask(steps, &cancel, NULL, NULL), 200);
    assert_false(steps_exists(steps, WORK, "cancelled/done"));
    assert_string_equal(steps_state(steps, "done"), "done");
}

static const char *listed(struct steps *steps, const json_t *body, size_t index) {
    const json_t *job = json_array_get(json_object_get(body, "jobs"), index);
    const char *id = json_string_value(json_object_get(job, "id"));
    return arena_strdup(steps->arena, id ? id : "");
}

/* Whole seconds may make several jobs equally old; what counts is that pages neither leave out nor
 * repeat one. */
static void the_list_is_told_in_pages(void **state) {
    struct steps *steps = *state;
    enum { JOBS = 7 };
    json_t *body;
    for (unsigned i = 0; i < JOBS; i++)
        steps_put_manifest(steps, arena_printf(steps->arena, "listed-%u", i), 1, "");
    steps_put_image(steps, "no-job-yet", 0, 0);
    struct ask all = {.method = "GET", .path = "/jobs", .query = "limit=100"};
    assert_int_equal(ask(steps, &all, &body, NULL), 200);
    size_t count = json_array_size(json_object_get(body, "jobs"));
    assert_true(count >= JOBS);
    assert_true(json_is_false(json_object_get(body, "more")));
    const char *last_time = "9999";
    for (size_t i = 0; i < count; i++) {
        json_t *job = json_array_get(json_object_get(body, "jobs"), i);
        const char *time = take_text(steps, job, "created_at");
        assert_true(strcmp(time, last_time) <= 0);
        assert_string_not_equal(listed(steps, body, i), "no-job-yet");
        last_time = time;
    }
    const char *query = "limit=2";
    for (size_t first = 0; first < count; first += 2) {
        json_t *page;
        struct ask some = {.method = "GET", .path = "/jobs", .query = query};
        assert_int_equal(ask(steps, &some, &page, NULL), 200);
        size_t most = count - first < 2 ? count - first : 2;
        assert_int_equal(json_array_size(json_object_get(page, "jobs")), most);
        for (size_t i = 0; i < most; i++)
            assert_string_equal(listed(steps, page, i), listed(steps, body, first + i));
        assert_int_equal(json_is_true(json_object_get(page, "more")), first + most < count);
        query = arena_printf(steps->arena, "limit=2&after=%s", listed(steps, page, most - 1));
        json_decref(page);
    }
    json_decref(body);
    struct ask beyond = {.method = "GET", .path = "/jobs", .query = "after=not-there"};
    assert_int_equal(ask(steps, &beyond, &body, NULL), 200);
    assert_int_equal(json_array_size(json_object_get(body, "jobs")), 0);
    json_decref(body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STEPS_TEST(a_job_is_created_once_per_key),
        STEPS_TEST(bad_requests_are_told),
        STEPS_TEST(a_jobs_token_is_for_that_job),
        STEPS_TEST(uploads_are_signed_until_the_end),
        STEPS_TEST(the_status_follows_the_job),
        STEPS_TEST(a_nudge_is_put_for_jobs_that_go_on),
        STEPS_TEST(a_cancel_may_come_again_with_a_purge),
        STEPS_TEST(the_list_is_told_in_pages),
    };
    return cmocka_run_group_tests(tests, steps_open, steps_close);
}
