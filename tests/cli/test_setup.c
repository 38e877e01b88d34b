#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/xml.h"
#include "cli/setup.h"
#include "store/queue.h"

#include "folder.h"

static size_t count_origins(const struct xml_element *rule, const char *wanted) {
    size_t found = 0;
    for (const struct xml_element *e = xml_child(rule, "AllowedOrigin"); e != NULL;
         e = xml_next_named(e))
        found += str_equal_c(e->text, wanted);
    return found;
}

static void cors_names_the_pages_origins(void **state) {
    static const struct {
        const char *page, *origin;
        bool allowed;
    } cases[] = {
        {"127.0.0.1:8080", "http://127.0.0.1:8080", true},
        {"127.0.0.1:8080", "http://localhost:8080", true},
        {"127.0.0.1:8080", "http://[::1]:8080", true},
        {"127.0.0.2:8080", "http://127.0.0.2:8080", true},
        {"127.0.0.1:8080", "http://127.0.0.1:80", false},
        {"127.0.0.1:8080", "*", false},
        {"192.168.1.5:80", "http://192.168.1.5:80", true},
        {"192.168.1.5:80", "http://localhost:80", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        struct address page;
        struct xml_element *root;
        struct error err;
        assert_true(address_parse(arena, cases[i].page, &page, &err));
        assert_true(xml_parse(arena, str_c(setup_cors_xml(arena, &page)), &root, &err));
        assert_string_equal(root->name, "CORSConfiguration");
        const struct xml_element *rule = xml_child(root, "CORSRule");
        assert_int_equal(count_origins(rule, cases[i].origin) > 0, cases[i].allowed);
        assert_true(str_equal_c(xml_child_text(rule, "ExposeHeader"), "ETag"));
        arena_free(arena);
    }
}

struct embedded_store {
    struct arena *arena;
    char *folder;
    struct store *store;
    struct secrets secrets;
};

static int open_store(void **state) {
    struct arena *arena = arena_new();
    struct embedded_store *e = arena_alloc(arena, sizeof *e);
    struct error err;
    e->arena = arena;
    e->folder = folder_new(arena);
    *state = e;
    /* Twice: a restart changes nothing. */
    return store_open(e->folder, &e->store, &err) &&
                   secrets_load(arena, e->folder, &e->secrets, &err) &&
                   setup_buckets(e->store, arena, &e->secrets, &err) &&
                   setup_buckets(e->store, arena, &e->secrets, &err)
               ? 0
               : -1;
}

static int close_store(void **state) {
    struct embedded_store *e = *state;
    store_close(e->store);
    folder_remove(e->arena, e->folder);
    arena_free(e->arena);
    return 0;
}

static void put(struct embedded_store *e, const char *bucket, const char *key) {
    struct store_body *body;
    struct store_object object;
    struct error err;
    assert_true(store_body_new(e->store, &body, &err));
    const struct store_put what = {.bucket = bucket,
                                   .key = key,
                                   .content_type = "text/plain",
                                   .metadata = "",
                                   .event_name = "ObjectCreated:Put",
                                   .request_id = "r",
                                   .source_ip = "127.0.0.1",
                                   .principal = "p",
                                   .now_unix_ms = 1000};
    assert_true(store_put(e->store, e->arena, body, &what, &object, &err));
    store_body_free(body);
}

static size_t waiting(struct embedded_store *e, const char *function) {
    struct queue_row *rows;
    size_t count;
    int64_t next;
    struct error err;
    assert_true(
        queue_due(e->store, e->arena, function, 2000, NULL, 0, 100, &rows, &count, &next, &err));
    for (size_t i = 0; i < count; i++)
        assert_true(queue_ack(e->store, rows[i].id, &err));
    return count;
}

static void each_object_calls_its_function(void **state) {
    static const struct {
        const char *bucket, *key;
        size_t intake, render, notify;
    } cases[] = {
        {BUCKET_INPUT, "jobs/j/manifest.json", 1, 0, 0},
        {BUCKET_INPUT, "jobs/j/images/a", 1, 0, 0},
        {BUCKET_INPUT, "jobs/j/nudge", 1, 0, 0},
        {BUCKET_INPUT, "elsewhere", 0, 0, 0},
        {BUCKET_WORK, "tasks/j/splice-0.json", 0, 1, 0},
        {BUCKET_WORK, "plans/j.json", 1, 0, 0},
        {BUCKET_WORK, "facts/j/a", 1, 0, 0},
        {BUCKET_WORK, "cancelled/j", 1, 0, 0},
        {BUCKET_WORK, "chunks/j/0", 0, 0, 1},
        {BUCKET_WORK, "progress/j/0/1", 0, 0, 1},
        {BUCKET_WORK, "splice/j.json", 0, 0, 1},
        {BUCKET_WORK, "connections/j/1", 0, 0, 1},
        {BUCKET_OUTPUT, "j/result.json", 0, 0, 1},
        {BUCKET_OUTPUT, "j/video.mp4", 0, 0, 0},
        {BUCKET_OUTPUT, "tasks/j/a", 0, 0, 0},
    };
    struct embedded_store *e = *state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        put(e, cases[i].bucket, cases[i].key);
        assert_int_equal(waiting(e, "intake"), cases[i].intake);
        assert_int_equal(waiting(e, "render"), cases[i].render);
        assert_int_equal(waiting(e, "notify"), cases[i].notify);
        assert_int_equal(waiting(e, "api"), 0);
    }
}

static void documents_can_be_read_back(void **state) {
    struct embedded_store *e = *state;
    struct address page;
    struct str text;
    struct xml_element *root;
    struct error err;
    assert_true(address_parse(e->arena, "127.0.0.1:1", &page, &err));
    assert_true(setup_cors(e->store, e->arena, &page, &err));
    assert_true(store_get_document(e->store, e->arena, BUCKET_INPUT, "cors", &text, &err));
    assert_true(store_get_document(e->store, e->arena, BUCKET_OUTPUT, "cors", &text, &err));
    assert_false(store_get_document(e->store, e->arena, BUCKET_WORK, "cors", &text, &err));
    assert_true(store_get_document(e->store, e->arena, BUCKET_WORK, "notification", &text, &err));
    assert_true(xml_parse(e->arena, text, &root, &err));
    const struct xml_element *first = xml_child(root, "CloudFunctionConfiguration");
    assert_true(str_ends_with(xml_child_text(first, "CloudFunction"), ":function:render"));
    assert_true(store_get_document(e->store, e->arena, BUCKET_OUTPUT, "notification", &text, &err));
    assert_true(xml_parse(e->arena, text, &root, &err));
    first = xml_child(root, "CloudFunctionConfiguration");
    assert_true(str_ends_with(xml_child_text(first, "CloudFunction"), ":function:notify"));
    assert_non_null(memmem(text.ptr, text.len, "<Value>/result.json</Value>", 27));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cors_names_the_pages_origins),
        cmocka_unit_test_setup_teardown(each_object_calls_its_function, open_store, close_store),
        cmocka_unit_test_setup_teardown(documents_can_be_read_back, open_store, close_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
