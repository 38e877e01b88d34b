#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/upload.h"
#include "http/server.h"

#include "folder.h"

#include <pthread.h>

static void answers_are_judged(void **state) {
    static const struct {
        unsigned status;
        const char *body;
        enum upload_verdict verdict;
        const char *text;
    } cases[] = {
        {200, "", UPLOAD_DONE, NULL},
        {204, "", UPLOAD_DONE, NULL},
        {403, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
         UPLOAD_RENEW, "AccessDenied: Request has expired"},
        {400, "<Error><Code>ExpiredToken</Code></Error>", UPLOAD_RENEW, "ExpiredToken"},
        {400, "<Error><Code>RequestTimeout</Code></Error>", UPLOAD_RETRY, "RequestTimeout"},
        {400, "<Error><Code>EntityTooLarge</Code></Error>", UPLOAD_REFUSED, "EntityTooLarge"},
        {400, "not xml", UPLOAD_REFUSED, "400 Bad Request"},
        {404, "", UPLOAD_REFUSED, "404"},
        {409, "", UPLOAD_RETRY, "409"},
        {429, "", UPLOAD_RETRY, "429"},
        {500, "<Error>", UPLOAD_RETRY, "500"},
        {503, "<Error><Code>SlowDown</Code></Error>", UPLOAD_RETRY, "SlowDown"},
        {302, "", UPLOAD_REFUSED, "302"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err;
        assert_int_equal(upload_judge(cases[i].status, str_c(cases[i].body), &err),
                         cases[i].verdict);
        if (cases[i].text != NULL)
            assert_non_null(strstr(err.text, cases[i].text));
    }
}

/*
 * A server that is API and store at once. What the store answers to the first PUTs of each image is
 * scripted; then it takes them.
 */
enum { MAX_IMAGES = 40 };

struct server {
    pthread_mutex_t lock; /* of all */
    struct http_server *http;
    const unsigned *script; /* statuses, ends with 0 */
    unsigned puts[MAX_IMAGES];
    unsigned renewals;
    uint64_t bytes[MAX_IMAGES];
    bool header_seen;
    bool refuse_renewals;
};

static json_t *address(const struct server *server, const char *name) {
    char url[256];
    snprintf(url, sizeof url, "http://%s/store/%s", http_server_address(server->http), name);
    return json_pack("{s:s, s:s, s:{s:s, s:s}, s:s}", "name", name, "url", url, "headers",
                     "x-amz-meta-a", "b", "Content-Length", "999", "expires_at", "later");
}

static void answer_renewal(struct server *server, struct http_exchange *x, struct str body) {
    json_auto_t *asked = json_loadb(body.ptr, body.len, 0, NULL);
    json_auto_t *uploads = json_array();
    size_t index;
    json_t *name;
    server->renewals++;
    if (server->refuse_renewals) {
        http_respond(x, 409, "application/problem+json",
                     str_c("{\"detail\":\"the job has ended\"}"));
        return;
    }
    json_array_foreach(json_object_get(asked, "names"), index, name) {
        json_array_append_new(uploads, address(server, json_string_value(name)));
    }
    json_auto_t *answer = json_pack("{s:O}", "uploads", uploads);
    char *text = json_dumps(answer, JSON_COMPACT);
    http_respond(x, 200, "application/json", str_c(text));
    free(text);
}

static void answer_put(struct server *server, struct http_exchange *x, struct str body) {
    size_t image = strtoul(x->request.path + strlen("/store/"), NULL, 10) - 1;
    const char *header = http_headers_get(&x->request.headers, "x-amz-meta-a");
    server->header_seen = header != NULL && strcmp(header, "b") == 0;
    unsigned step = 0;
    while (step < server->puts[image] && server->script[step] != 0)
        step++;
    server->puts[image]++;
    unsigned status = server->script[step] == 0 ? 200 : server->script[step];
    if (status == 200)
        server->bytes[image] = body.len;
    http_respond(x, status, "text/plain", str_c(""));
}

static void answer(void *context, struct http_exchange *x, struct str body) {
    struct server *server = context;
    pthread_mutex_lock(&server->lock);
    if (strcmp(x->request.method, "POST") == 0)
        answer_renewal(server, x, body);
    else
        answer_put(server, x, body);
    pthread_mutex_unlock(&server->lock);
}

struct run {
    struct server server;
    struct http_small_handler small;
    struct arena *arena;
    char *folder;
    struct image_list images;
    struct http_client *http;
    struct api_server api;
    struct upload *upload;
};

static void run_prepare(struct run *run, size_t count, const unsigned *script) {
    struct error err;
    *run = (struct run){.arena = arena_new(), .http = http_client_new()};
    pthread_mutex_init(&run->server.lock, NULL);
    run->server.script = script;
    run->small = (struct http_small_handler){&run->server, 65536, answer, NULL};
    const struct http_server_options options = {.address = "127.0.0.1:0",
                                                .handler = http_small_handler(&run->small)};
    assert_true(http_server_start(&options, &run->server.http, &err));
    run->folder = folder_new(run->arena);
    for (size_t i = 0; i < count; i++)
        folder_file(run->arena, run->folder, arena_printf(run->arena, "%zu.jpg", i), "photo");
    char *operands[] = {run->folder};
    assert_true(images_collect(run->arena, operands, 1, ORDER_GIVEN, &run->images, &err));
    assert_true(api_server_init(
        run->arena, arena_printf(run->arena, "http://%s", http_server_address(run->server.http)),
        NULL, run->http, &run->api, &err));
}

/* The creation's answer had addresses for the first `given` images. */
static void run_start(struct run *run, size_t given) {
    struct error err;
    json_auto_t *uploads = json_array();
    for (size_t i = 0; i < given; i++)
        json_array_append_new(uploads, address(&run->server, run->images.items[i].name));
    const struct upload_options upload = {&run->api, "job", "token", &run->images, uploads, 1};
    assert_true(upload_start(&upload, &run->upload, &err));
}

static struct upload_state run_wait(struct run *run) {
    struct upload_state end;
    do
        end = upload_wait(run->upload, 10000);
    while (!end.finished);
    return end;
}

static void run_end(struct run *run) {
    upload_free(run->upload);
    http_client_free(run->http);
    http_server_free(run->server.http);
    pthread_mutex_destroy(&run->server.lock);
    folder_remove(run->arena, run->folder);
    arena_free(run->arena);
}

static void all_images_arrive(void **state) {
    static const unsigned takes[] = {0};
    static const struct {
        size_t count, given;
        unsigned renewals;
    } cases[] = {{1, 1, 0}, {MAX_IMAGES, MAX_IMAGES, 0}, {3, 0, 1}, {MAX_IMAGES, 20, 1}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct run run;
        run_prepare(&run, cases[i].count, takes);
        run_start(&run, cases[i].given);
        struct upload_state end = run_wait(&run);
        assert_false(end.failed);
        assert_int_equal(end.images_done, cases[i].count);
        assert_int_equal(end.sent_bytes, 5 * cases[i].count);
        assert_int_equal(end.total_bytes, 5 * cases[i].count);
        assert_true(run.server.header_seen);
        for (size_t k = 0; k < cases[i].count; k++) {
            assert_int_equal(run.server.puts[k], 1);
            assert_int_equal(run.server.bytes[k], 5);
        }
        assert_int_equal(run.server.renewals, cases[i].renewals);
        run_end(&run);
    }
}

static void what_may_pass_is_tried_again(void **state) {
    static const unsigned scripts[][4] = {{503}, {500, 503, 429}, {409, 500}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        struct run run;
        run_prepare(&run, 2, scripts[i]);
        run_start(&run, 2);
        struct upload_state end = run_wait(&run);
        assert_false(end.failed);
        assert_int_equal(end.sent_bytes, 10);
        run_end(&run);
    }
}

static void refused_addresses_are_renewed(void **state) {
    static const unsigned script[] = {403, 403, 0};
    (void)state;
    struct run run;
    run_prepare(&run, 1, script);
    run_start(&run, 1);
    struct upload_state end = run_wait(&run);
    assert_false(end.failed);
    assert_int_equal(run.server.puts[0], 3);
    assert_int_equal(run.server.renewals, 2);
    run_end(&run);
}

static void failures_name_the_image(void **state) {
    static const struct {
        unsigned script[6];
        unsigned puts;
        const char *text;
    } cases[] = {
        {{400}, 1, "400"},
        {{404}, 1, "404"},
        {{503, 503, 503, 503, 503}, 4, "503"},
        {{403, 403, 403, 403, 403}, 4, "403"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct run run;
        run_prepare(&run, 1, cases[i].script);
        run_start(&run, 1);
        struct upload_state end = run_wait(&run);
        assert_true(end.failed);
        assert_int_equal(end.images_done, 0);
        assert_int_equal(end.sent_bytes, 0);
        assert_int_equal(run.server.puts[0], cases[i].puts);
        struct error err = upload_error(run.upload);
        assert_non_null(strstr(err.text, "image 1 '"));
        assert_non_null(strstr(err.text, "/0.jpg'"));
        assert_non_null(strstr(err.text, cases[i].text));
        run_end(&run);
    }
}

static void an_ended_job_takes_no_more(void **state) {
    static const unsigned script[] = {403, 0};
    (void)state;
    struct run run;
    run_prepare(&run, 1, script);
    run.server.refuse_renewals = true;
    run_start(&run, 1);
    assert_true(run_wait(&run).failed);
    struct error err = upload_error(run.upload);
    assert_non_null(strstr(err.text, "the job has ended"));
    assert_int_equal(run.server.puts[0], 1);
    run_end(&run);
}

static void a_changed_file_is_not_sent(void **state) {
    static const unsigned takes[] = {0};
    (void)state;
    for (unsigned gone = 0; gone < 2; gone++) {
        struct run run;
        run_prepare(&run, 1, takes);
        const char *path = run.images.items[0].path;
        assert_int_equal(gone ? unlink(path) : truncate(path, 2), 0);
        run_start(&run, 1);
        assert_true(run_wait(&run).failed);
        assert_int_equal(run.server.puts[0], 0);
        struct error err = upload_error(run.upload);
        assert_non_null(strstr(err.text, path));
        run_end(&run);
    }
}

static void a_list_of_strangers_is_refused(void **state) {
    static const unsigned takes[] = {0};
    static const char *const lists[] = {
        "{}",
        "[{}]",
        "[7]",
        "[{\"name\":\"000001-0.jpg\"}]",
        "[{\"name\":\"000002-0.jpg\",\"url\":\"http://127.0.0.1:1/\"}]",
    };
    (void)state;
    struct run run;
    run_prepare(&run, 1, takes);
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        json_auto_t *uploads = json_loads(lists[i], 0, NULL);
        const struct upload_options options = {&run.api, "job", "token", &run.images, uploads, 1};
        struct error err;
        assert_false(upload_start(&options, &run.upload, &err));
        assert_int_equal(err.kind, ERROR_INTERNAL);
    }
    run_end(&run);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_judged),
        cmocka_unit_test(all_images_arrive),
        cmocka_unit_test(what_may_pass_is_tried_again),
        cmocka_unit_test(refused_addresses_are_renewed),
        cmocka_unit_test(failures_name_the_image),
        cmocka_unit_test(an_ended_job_takes_no_more),
        cmocka_unit_test(a_changed_file_is_not_sent),
        cmocka_unit_test(a_list_of_strangers_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
