/*
 * The S3 client against the project's own server, and against a scripted one that fails, lies and
 * comes back.
 */
#include "base/os.h"
#include "http/server.h"
#include "rig.h"
#include "s3/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct rig rig;
    struct s3_client *client;
    struct s3_client *guest;
};

static struct s3_client *new_client(struct rig *rig, const char *endpoint, const char *key,
                                    const char *secret) {
    struct s3_client_options options = {.endpoint = endpoint,
                                        .region = "local",
                                        .credentials = {.access_key = key, .secret_key = secret},
                                        .http = rig->http};
    struct s3_client *client;
    struct error err;
    assert_true(s3_client_new(&options, &client, &err));
    return client;
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    rig_start(&f->rig);
    f->client = new_client(&f->rig, f->rig.url, ROOT_KEY, ROOT_SECRET);
    f->guest = new_client(&f->rig, f->rig.url, GUEST_KEY, GUEST_SECRET);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    s3_client_free(f->client);
    s3_client_free(f->guest);
    rig_stop(&f->rig);
    free(f);
    return 0;
}

static void assert_error(const struct error *err, enum error_kind kind, const char *code) {
    if (err->kind != kind || !err->code || strcmp(err->code, code) != 0)
        fail_msg("'%s' (%s, %s) in place of %s", err->text, error_kind_name(err->kind),
                 err->code ? err->code : "no code", code);
}

static void put(struct fixture *f, const char *key, const char *text) {
    struct error err;
    if (!s3_put(f->client, f->rig.arena, "box", key, text, strlen(text), NULL, NULL, &err))
        fail_msg("%s", err.text);
}

/* ---- objects ---- */

static void test_put_get_head_delete(void **state) {
    struct fixture *f = *state;
    struct arena *arena = f->rig.arena;
    struct error err;
    const char *etag;
    struct s3_put_options options = {.content_type = "image/jpeg"};
    const char *key = "jobs/1/\xc3\xa4 b+c%20&?=\"'.jpg";
    int64_t before = clock_unix_ms() / 1000 * 1000;
    assert_true(s3_put(f->client, arena, "box", key, "hello", 5, &options, &etag, &err));
    assert_string_equal(etag, "5d41402abc4b2a76b9719d911017c592");

    struct s3_object object;
    struct s3_get_options all = {.max_bytes = 5};
    assert_true(s3_get(f->client, arena, "box", key, &all, &object, &err));
    assert_string_equal(object.body.ptr, "hello");
    assert_int_equal(object.size, 5);
    assert_string_equal(object.etag, etag);
    assert_string_equal(object.content_type, "image/jpeg");
    assert_true(object.last_modified_unix_ms >= before);

    assert_true(s3_head(f->client, arena, "box", key, &object, &err));
    assert_int_equal(object.size, 5);
    assert_string_equal(object.etag, etag);

    assert_true(s3_delete(f->client, arena, "box", key, &err));
    assert_true(s3_delete(f->client, arena, "box", key, &err));
    assert_false(s3_head(f->client, arena, "box", key, &object, &err));
    assert_error(&err, ERROR_NOT_FOUND, "NoSuchKey");
}

static void test_ranges(void **state) {
    struct fixture *f = *state;
    put(f, "a", "0123456789");
    static const struct {
        struct s3_get_options options;
        const char *body;
    } cases[] = {
        {{.range_first = 2, .range_length = 3, .max_bytes = 3}, "234"},
        {{.range_first = 8, .range_length = 100, .max_bytes = 10}, "89"},
        {{.range_length = 4, .suffix = true, .max_bytes = 4}, "6789"},
        {{.range_length = 40, .suffix = true, .max_bytes = 10}, "0123456789"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct s3_object object;
        struct error err;
        assert_true(s3_get(f->client, f->rig.arena, "box", "a", &cases[i].options, &object, &err));
        assert_string_equal(object.body.ptr, cases[i].body);
        assert_int_equal(object.size, 10);
    }
}

static void test_refusals(void **state) {
    struct fixture *f = *state;
    struct arena *arena = f->rig.arena;
    struct s3_object object;
    struct error err;
    put(f, "a", "0123456789");
    struct s3_get_options all = {.max_bytes = 100};

    assert_false(s3_get(f->client, arena, "box", "none", &all, &object, &err));
    assert_error(&err, ERROR_NOT_FOUND, "NoSuchKey");
    assert_false(s3_get(f->client, arena, "nobox", "a", &all, &object, &err));
    assert_error(&err, ERROR_NOT_FOUND, "NoSuchBucket");
    assert_false(s3_get(f->guest, arena, "box", "a", &all, &object, &err));
    assert_error(&err, ERROR_DENIED, "AccessDenied");
    assert_false(s3_head(f->guest, arena, "box", "a", &object, &err));
    assert_error(&err, ERROR_DENIED, "AccessDenied");

    struct s3_get_options other = {.if_match = "0", .max_bytes = 100};
    assert_false(s3_get(f->client, arena, "box", "a", &other, &object, &err));
    assert_error(&err, ERROR_CONFLICT, "PreconditionFailed");
    struct s3_get_options behind = {.range_first = 10, .range_length = 1, .max_bytes = 100};
    assert_false(s3_get(f->client, arena, "box", "a", &behind, &object, &err));
    assert_error(&err, ERROR_INVALID, "InvalidRange");
    struct s3_get_options few = {.max_bytes = 9};
    assert_false(s3_get(f->client, arena, "box", "a", &few, &object, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);

    struct s3_client *stranger = new_client(&f->rig, f->rig.url, "NOBODY", "x");
    assert_false(s3_head(stranger, arena, "box", "a", &object, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_false(s3_get(stranger, arena, "box", "a", &all, &object, &err));
    assert_error(&err, ERROR_DENIED, "InvalidAccessKeyId");
    s3_client_set_credentials(
        stranger, &(struct sigv4_credentials){.access_key = ROOT_KEY, .secret_key = ROOT_SECRET});
    assert_true(s3_get(stranger, arena, "box", "a", &all, &object, &err));
    s3_client_free(stranger);
}

static void test_conditional_put(void **state) {
    struct fixture *f = *state;
    struct s3_put_options once = {.if_none_match = true};
    struct error err;
    assert_true(s3_put(f->client, f->rig.arena, "box", "a", "1", 1, &once, NULL, &err));
    assert_false(s3_put(f->client, f->rig.arena, "box", "a", "2", 1, &once, NULL, &err));
    assert_error(&err, ERROR_CONFLICT, "PreconditionFailed");
}

/* Over the limit of hashed bodies; also counts the bytes. */
static void test_large_body(void **state) {
    struct fixture *f = *state;
    size_t size = 3 * 1024 * 1024 + 1;
    char *data = arena_alloc(f->rig.arena, size);
    memset(data, 'x', size);
    struct error err;
    assert_true(s3_put(f->client, f->rig.arena, "box", "a", data, size, NULL, NULL, &err));
    struct s3_object object;
    struct s3_get_options all = {.max_bytes = size};
    assert_true(s3_get(f->client, f->rig.arena, "box", "a", &all, &object, &err));
    assert_int_equal(object.body.len, size);
    assert_memory_equal(object.body.ptr, data, size);
    struct s3_traffic traffic = s3_client_traffic(f->client);
    assert_int_equal(traffic.sent_bytes, size);
    assert_int_equal(traffic.received_bytes, size);
    assert_int_equal(traffic.calls, 2);
}

/* ---- listings ---- */

static void test_list(void **state) {
    struct fixture *f = *state;
    struct arena *arena = f->rig.arena;
    struct s3_listing listing;
    struct error err;
    for (int i = 0; i < 12; i++)
        put(f, arena_printf(arena, "n/%02d", i), "x");
    put(f, "odd/a+b c%41&<\x01\xc3\xa4", "xyz");
    put(f, "z", "x");

    assert_true(s3_list(f->client, arena, "box", &(struct s3_list_options){.prefix = "n/"},
                        &listing, &err));
    assert_int_equal(listing.count, 12);
    assert_false(listing.more);
    assert_string_equal(listing.entries[11].key, "n/11");

    struct s3_list_options some = {.prefix = "n/", .start_after = "n/03", .max_entries = 5};
    assert_true(s3_list(f->client, arena, "box", &some, &listing, &err));
    assert_int_equal(listing.count, 5);
    assert_true(listing.more);
    assert_string_equal(listing.entries[0].key, "n/04");

    struct s3_list_options folders = {.delimiter = "/"};
    assert_true(s3_list(f->client, arena, "box", &folders, &listing, &err));
    assert_int_equal(listing.count, 1);
    assert_int_equal(listing.prefix_count, 2);
    assert_string_equal(listing.prefixes[0], "n/");

    struct s3_list_options odd = {.prefix = "odd/a+b c%"};
    assert_true(s3_list(f->client, arena, "box", &odd, &listing, &err));
    assert_int_equal(listing.count, 1);
    assert_string_equal(listing.entries[0].key, "odd/a+b c%41&<\x01\xc3\xa4");
    assert_int_equal(listing.entries[0].size, 3);

    /* LIST and HEAD tell the same time and ETag. */
    struct s3_object object;
    assert_true(s3_head(f->client, arena, "box", listing.entries[0].key, &object, &err));
    assert_int_equal(object.last_modified_unix_ms, listing.entries[0].last_modified_unix_ms);
    assert_string_equal(object.etag, listing.entries[0].etag);

    assert_false(s3_list(f->client, arena, "nobox", &folders, &listing, &err));
    assert_error(&err, ERROR_NOT_FOUND, "NoSuchBucket");
    assert_false(s3_list(f->guest, arena, "box", &folders, &listing, &err));
    assert_error(&err, ERROR_DENIED, "AccessDenied");
}

static void test_list_of_many_pages(void **state) {
    struct fixture *f = *state;
    struct arena *arena = f->rig.arena;
    struct s3_listing listing;
    struct error err;
    for (int i = 0; i < 1003; i++) {
        struct store_body *body;
        struct store_object object;
        struct store_put one = {.bucket = "box",
                                .key = arena_printf(arena, "%05d", i),
                                .content_type = "",
                                .metadata = "",
                                .event_name = "ObjectCreated:Put",
                                .request_id = "",
                                .source_ip = "",
                                .principal = ""};
        assert_true(store_body_new(f->rig.store, &body, &err));
        assert_true(store_put(f->rig.store, arena, body, &one, &object, &err));
        store_body_free(body);
    }
    assert_true(s3_list(f->client, arena, "box", &(struct s3_list_options){0}, &listing, &err));
    assert_int_equal(listing.count, 1003);
    assert_string_equal(listing.entries[1000].key, "01000");
    struct s3_list_options most = {.max_entries = 1002};
    assert_true(s3_list(f->client, arena, "box", &most, &listing, &err));
    assert_int_equal(listing.count, 1002);
    assert_true(listing.more);
}

/* ---- uploads ---- */

static void test_upload(void **state) {
    struct fixture *f = *state;
    struct arena *arena = f->rig.arena;
    struct error err;
    size_t size = 5 * 1024 * 1024;
    char *data = arena_alloc(arena, size);
    memset(data, 'p', size);
    assert_true(s3_put(f->client, arena, "box", "chunk 1", data, size, NULL, NULL, &err));
    struct s3_object chunk;
    assert_true(s3_head(f->client, arena, "box", "chunk 1", &chunk, &err));

    const char *id;
    struct s3_part parts[2] = {{.number = 1}, {.number = 2}};
    assert_true(s3_create_upload(f->client, arena, "box", "film", "video/mp4", &id, &err));
    struct s3_copy_source source = {
        .bucket = "box", .key = "chunk 1", .if_match = chunk.etag, .first = 0, .length = size};
    assert_true(
        s3_upload_part_copy(f->client, arena, "box", "film", id, 1, &source, &parts[0].etag, &err));
    assert_true(
        s3_upload_part(f->client, arena, "box", "film", id, 2, "end", 3, &parts[1].etag, &err));
    struct s3_part *listed;
    size_t count;
    assert_true(s3_list_parts(f->client, arena, "box", "film", id, &listed, &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(listed[1].number, 2);
    assert_int_equal(listed[0].size, size);
    assert_string_equal(listed[1].etag, parts[1].etag);

    source.if_match = "0";
    const char *etag;
    assert_false(s3_upload_part_copy(f->client, arena, "box", "film", id, 3, &source, &etag, &err));
    assert_error(&err, ERROR_CONFLICT, "PreconditionFailed");

    assert_true(s3_complete_upload(f->client, arena, "box", "film", id, parts, 2, &err));
    struct s3_object film;
    assert_true(s3_head(f->client, arena, "box", "film", &film, &err));
    assert_int_equal(film.size, size + 3);
    assert_string_equal(film.content_type, "video/mp4");
    assert_false(s3_list_parts(f->client, arena, "box", "film", id, &listed, &count, &err));
    assert_error(&err, ERROR_NOT_FOUND, "NoSuchUpload");
}

static void test_aborted_upload(void **state) {
    struct fixture *f = *state;
    struct arena *arena = f->rig.arena;
    struct error err;
    const char *id;
    struct s3_part part = {.number = 1};
    assert_true(s3_create_upload(f->client, arena, "box", "film", NULL, &id, &err));
    assert_true(s3_upload_part(f->client, arena, "box", "film", id, 1, "x", 1, &part.etag, &err));
    assert_true(s3_abort_upload(f->client, arena, "box", "film", id, &err));
    assert_true(s3_abort_upload(f->client, arena, "box", "film", id, &err));
    assert_false(s3_complete_upload(f->client, arena, "box", "film", id, &part, 1, &err));
    assert_error(&err, ERROR_NOT_FOUND, "NoSuchUpload");
    assert_false(s3_complete_upload(f->client, arena, "box", "film", id, &part, 0, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
}

/* ---- pre-signed URLs ---- */

static unsigned fetch(struct fixture *f, const char *method, const char *url, const char *body,
                      struct http_reply *ret) {
    struct http_call call = http_call(method, url);
    struct error err;
    call.body = body;
    call.body_size = body ? strlen(body) : 0;
    call.max_reply_bytes = 100000;
    if (!http_client_perform(f->rig.http, f->rig.arena, &call, ret, &err))
        fail_msg("%s", err.text);
    return ret->status;
}

static void test_presign(void **state) {
    struct fixture *f = *state;
    struct arena *arena = f->rig.arena;
    struct http_reply reply;
    struct s3_presign_options upload = {.method = "PUT",
                                        .expires_seconds = 60,
                                        .now_unix_ms = clock_unix_ms(),
                                        .content_length = 5};
    const char *url = s3_presign(f->client, arena, "box", "in/a b.jpg", &upload);
    assert_int_equal(fetch(f, "PUT", url, "larger", &reply), 403);
    assert_int_equal(fetch(f, "PUT", url, "hello", &reply), 200);

    struct s3_presign_options download = {.method = "GET",
                                          .expires_seconds = 60,
                                          .now_unix_ms = clock_unix_ms(),
                                          .content_length = -1,
                                          .content_disposition =
                                              "attachment; filename=\"film & more.mp4\""};
    url = s3_presign(f->client, arena, "box", "in/a b.jpg", &download);
    assert_int_equal(fetch(f, "GET", url, NULL, &reply), 200);
    assert_string_equal(reply.body.ptr, "hello");
    assert_string_equal(rig_header(&reply, "content-disposition"), download.content_disposition);

    download.now_unix_ms -= 61 * 1000;
    url = s3_presign(f->client, arena, "box", "in/a b.jpg", &download);
    assert_int_equal(fetch(f, "GET", url, NULL, &reply), 403);
}

static void test_addresses(void **state) {
    struct fixture *f = *state;
    struct arena *arena = f->rig.arena;
    struct s3_presign_options options = {
        .method = "GET", .expires_seconds = 60, .content_length = -1};
    static const struct {
        const char *region, *bucket, *start;
    } cases[] = {
        {"eu-west-1", "films", "https://films.s3.eu-west-1.amazonaws.com/a/b?"},
        {"eu-west-1", "my.films", "https://s3.eu-west-1.amazonaws.com/my.films/a/b?"},
        {"cn-north-1", "films", "https://films.s3.cn-north-1.amazonaws.com.cn/a/b?"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct s3_client_options aws = {
            .region = cases[i].region, .credentials = {"AK", "SK", "token/1"}, .http = f->rig.http};
        struct s3_client *client;
        struct error err;
        assert_true(s3_client_new(&aws, &client, &err));
        const char *url = s3_presign(client, arena, cases[i].bucket, "a/b", &options);
        assert_true(str_starts_with(str_c(url), cases[i].start));
        assert_non_null(strstr(url, "X-Amz-Security-Token=token%2F1"));
        s3_client_free(client);
    }
    static const char *const bad[] = {
        "", "ftp://host", "http://host/path", "http://host/?q", "host:9000", "http://u:p@host"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct s3_client_options options_bad = {.endpoint = bad[i],
                                                .region = "local",
                                                .credentials = {"AK", "SK", NULL},
                                                .http = f->rig.http};
        struct s3_client *client;
        struct error err;
        assert_false(s3_client_new(&options_bad, &client, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
    }
}

/* ---- a scripted server ---- */

struct scripted_answer {
    unsigned status;
    const char *etag; /* NULL: no header */
    const char *body;
};

struct script {
    const struct scripted_answer *answers; /* the last one is repeated */
    size_t count;
    atomic_size_t asked;
};

static void answer_by_script(void *context, struct http_exchange *x, struct str body) {
    struct script *script = context;
    (void)body;
    size_t i = atomic_fetch_add(&script->asked, 1);
    const struct scripted_answer *a = &script->answers[i < script->count ? i : script->count - 1];
    http_respond(x, a->status, "application/xml", str_c(a->body));
    if (a->etag)
        http_headers_add(x->arena, &x->response.headers, "ETag", a->etag);
}

struct scripted {
    struct script script;
    struct http_small_handler small;
    struct http_server *server;
    struct s3_client *client;
};

static void scripted_start(struct fixture *f, struct scripted *s,
                           const struct scripted_answer *answers, size_t count) {
    struct error err;
    memset(s, 0, sizeof *s);
    s->script.answers = answers;
    s->script.count = count;
    s->small = (struct http_small_handler){
        .context = &s->script, .max_body_bytes = 1024, .handle = answer_by_script};
    struct http_server_options options = {.address = "127.0.0.1:0",
                                          .handler = http_small_handler(&s->small)};
    assert_true(http_server_start(&options, &s->server, &err));
    s->client =
        new_client(&f->rig, arena_printf(f->rig.arena, "http://%s", http_server_address(s->server)),
                   "AK", "SK");
}

static void scripted_stop(struct scripted *s) {
    s3_client_free(s->client);
    http_server_free(s->server);
}

#define ERROR_DOCUMENT(code) "<Error><Code>" code "</Code><Message>m</Message></Error>"
#define SCRIPT(f, s, ...)                                                                          \
    static const struct scripted_answer answers[] = {__VA_ARGS__};                                 \
    struct scripted s;                                                                             \
    scripted_start(f, &s, answers, ARRAY_SIZE(answers))

static void test_retry(void **state) {
    struct fixture *f = *state;
    struct error err;
    SCRIPT(f, s, {503, NULL, ERROR_DOCUMENT("SlowDown")}, {500, NULL, "<html>not XML of S3"},
           {200, "\"abc\"", ""});
    const char *etag;
    assert_true(s3_put(s.client, f->rig.arena, "b", "k", "x", 1, NULL, &etag, &err));
    assert_string_equal(etag, "abc");
    assert_int_equal(s.script.asked, 3);
    scripted_stop(&s);
}

static void test_no_retry(void **state) {
    struct fixture *f = *state;
    static const struct {
        struct scripted_answer answer;
        enum error_kind kind;
        const char *code;
    } cases[] = {
        {{403, NULL, ERROR_DOCUMENT("AccessDenied")}, ERROR_DENIED, "AccessDenied"},
        {{403, NULL, "<html/>"}, ERROR_DENIED, "AccessDenied"},
        {{404, NULL, ERROR_DOCUMENT("NoSuchBucket")}, ERROR_NOT_FOUND, "NoSuchBucket"},
        {{412, NULL, ""}, ERROR_CONFLICT, "PreconditionFailed"},
        {{400, NULL, ERROR_DOCUMENT("ExpiredToken")}, ERROR_DENIED, "ExpiredToken"},
        {{501, NULL, ERROR_DOCUMENT("NotImplemented")}, ERROR_INVALID, "NotImplemented"},
        {{507, NULL, ERROR_DOCUMENT("InsufficientStorage")}, ERROR_LIMIT, "InsufficientStorage"},
        {{400, NULL, ERROR_DOCUMENT("Unheard")}, ERROR_INVALID, NULL},
        {{301, NULL, ERROR_DOCUMENT("PermanentRedirect")}, ERROR_INVALID, "PermanentRedirect"},
        {{409, NULL, ERROR_DOCUMENT("OperationAborted")}, ERROR_CONFLICT, "OperationAborted"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct scripted s;
        struct error err;
        scripted_start(f, &s, &cases[i].answer, 1);
        assert_false(s3_put(s.client, f->rig.arena, "b", "k", "x", 1, NULL, NULL, &err));
        assert_int_equal(err.kind, cases[i].kind);
        if (cases[i].code)
            assert_string_equal(err.code, cases[i].code);
        else
            assert_null(err.code);
        assert_int_equal(s.script.asked, 1);
        scripted_stop(&s);
    }
}

/* Two writes that meet are judged again, an answered condition is not. */
static void test_conditional_retry(void **state) {
    struct fixture *f = *state;
    struct error err;
    struct s3_put_options once = {.if_none_match = true};
    SCRIPT(f, s, {409, NULL, ERROR_DOCUMENT("ConditionalRequestConflict")},
           {412, NULL, ERROR_DOCUMENT("PreconditionFailed")});
    assert_false(s3_put(s.client, f->rig.arena, "b", "k", "x", 1, &once, NULL, &err));
    assert_error(&err, ERROR_CONFLICT, "PreconditionFailed");
    assert_int_equal(s.script.asked, 2);
    scripted_stop(&s);
}

static void test_late_error(void **state) {
    struct fixture *f = *state;
    struct error err;
    struct s3_part part = {.number = 1, .etag = "abc"};
    SCRIPT(f, s, {200, NULL, ERROR_DOCUMENT("InternalError")},
           {200, NULL, ERROR_DOCUMENT("InvalidPart")});
    assert_false(s3_complete_upload(s.client, f->rig.arena, "b", "k", "id", &part, 1, &err));
    assert_error(&err, ERROR_INVALID, "InvalidPart");
    assert_int_equal(s.script.asked, 2);
    scripted_stop(&s);
}

/* What a server says is not believed without a look. */
static void test_lies(void **state) {
    struct fixture *f = *state;
    struct arena *arena = f->rig.arena;
    char *long_etag = arena_alloc(arena, 300);
    memset(long_etag, 'e', 299);
    const struct scripted_answer etags[] = {
        {200, NULL, ""}, {200, "\"\"", ""}, {200, "\"a\"b\"", ""}, {200, long_etag, ""}};
    for (size_t i = 0; i < ARRAY_SIZE(etags); i++) {
        struct scripted s;
        struct error err;
        const char *etag;
        scripted_start(f, &s, &etags[i], 1);
        assert_false(s3_put(s.client, arena, "b", "k", "x", 1, NULL, &etag, &err));
        assert_int_equal(err.kind, ERROR_INTERNAL);
        scripted_stop(&s);
    }
#define LIST(inner) "<ListBucketResult>" inner "</ListBucketResult>"
#define ENTRY(key, size, time)                                                                     \
    "<Contents><Key>" key "</Key><ETag>\"a\"</ETag><Size>" size "</Size><LastModified>" time       \
    "</LastModified></Contents>"
    const struct scripted_answer listings[] = {
        {200, NULL, ""},
        {200, NULL, "<Other/>"},
        {200, NULL, "<ListBucketResult>"},
        {200, NULL, LIST("<IsTruncated>true</IsTruncated>")},
        {200, NULL,
         LIST("<IsTruncated>true</IsTruncated>"
              "<NextContinuationToken>same</NextContinuationToken>")},
        {200, NULL, LIST(ENTRY("k", "-1", "2026-11-23T12:44:47.000Z"))},
        {200, NULL, LIST(ENTRY("k", "1", "yesterday"))},
        {200, NULL, LIST(ENTRY("", "1", "2026-11-23T12:44:47.000Z"))},
        {200, NULL,
         LIST("<EncodingType>url</EncodingType>" ENTRY("%zz", "1", "2026-11-23T12:44:47.000Z"))},
        {200, NULL,
         LIST("<EncodingType>url</EncodingType>" ENTRY("a%00b", "1", "2026-11-23T12:44:47.000Z"))},
    };
    for (size_t i = 0; i < ARRAY_SIZE(listings); i++) {
        struct scripted s;
        struct s3_listing listing;
        struct error err;
        scripted_start(f, &s, &listings[i], 1);
        if (s3_list(s.client, arena, "b", &(struct s3_list_options){0}, &listing, &err))
            fail_msg("listing %zu was believed", i);
        assert_int_equal(err.kind, ERROR_INTERNAL);
        scripted_stop(&s);
    }
}

static void test_no_server(void **state) {
    struct fixture *f = *state;
    struct error err;
    struct s3_object object;
    SCRIPT(f, s, {200, NULL, ""});
    http_server_free(s.server);
    s.server = NULL;
    assert_false(s3_head(s.client, f->rig.arena, "b", "k", &object, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_int_equal(s3_client_traffic(s.client).calls, 4);
    scripted_stop(&s);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_put_get_head_delete),
        TEST(test_ranges),
        TEST(test_refusals),
        TEST(test_conditional_put),
        TEST(test_large_body),
        TEST(test_list),
        TEST(test_list_of_many_pages),
        TEST(test_upload),
        TEST(test_aborted_upload),
        TEST(test_presign),
        TEST(test_addresses),
        TEST(test_retry),
        TEST(test_no_retry),
        TEST(test_conditional_retry),
        TEST(test_late_error),
        TEST(test_lies),
        TEST(test_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
