#include "fixture.h"

#include "base/codec.h"
#include "sign/digest.h"

#include <stdio.h>
#include <string.h>

static const char *new_upload(struct fixture *fixture, const char *key) {
    struct store_put put = make_put(key);
    put.metadata = "{\"x-amz-meta-a\":\"1\"}";
    const char *id = NULL;
    assert_ok(fixture,
              store_create_upload(fixture->store, fixture->arena, &put, &id, &fixture->err));
    return id;
}

static bool put_part(struct fixture *fixture, const char *key, const char *id, unsigned number,
                     const void *data, size_t size, const char **ret_etag) {
    struct store_body *body = make_body(fixture->store, data, size, &fixture->err);
    assert_non_null(body);
    bool done = store_put_part(
        fixture->store, fixture->arena, body,
        &(struct store_part_put){
            .bucket = "photos", .key = key, .upload_id = id, .number = number, .now_unix_ms = 6000},
        ret_etag, &fixture->err);
    store_body_free(body);
    return done;
}

/* A part of `size` bytes whose content is its number. */
static struct store_part new_part(struct fixture *fixture, const char *key, const char *id,
                                  unsigned number, size_t size) {
    struct store_part part = {.number = number, .size = size};
    assert_ok(fixture, put_part(fixture, key, id, number, make_bytes(fixture->arena, number, size),
                                size, &part.etag));
    return part;
}

static bool complete(struct fixture *fixture, const char *key, const char *id,
                     const struct store_part *parts, size_t count, struct store_object *ret) {
    struct store_put put = make_put(key);
    put.now_unix_ms = 7000;
    return store_complete_upload(fixture->store, fixture->arena, &put, id, parts, count, ret,
                                 &fixture->err);
}

static const char *composite_etag(struct arena *arena, const struct store_part *parts,
                                  size_t count) {
    struct digest *digest = digest_new(DIGEST_MD5);
    uint8_t sum[MD5_SIZE];
    char hex[MD5_HEX_SIZE];
    for (size_t i = 0; i < count; i++) {
        assert_true(hex_decode(str_c(parts[i].etag), sum, sizeof sum));
        digest_add(digest, sum, sizeof sum);
    }
    digest_take(digest, sum);
    digest_free(digest);
    hex_encode(sum, sizeof sum, hex);
    return arena_printf(arena, "%s-%zu", hex, count);
}

static void test_good(void **state) {
    struct fixture *fixture = *state;
    const struct store_rule rule = {"r", "intake", "s3:ObjectCreated:*", "", ""};
    assert_ok(fixture, store_set_rules(fixture->store, "photos", &rule, 1, &fixture->err));
    const char *id = new_upload(fixture, "film");
    enum { FULL = STORE_MIN_PART_BYTES, LAST = 1000 };
    struct store_part parts[] = {
        /* Any order, gaps, one part twice, one that is not listed. */
        [2] = new_part(fixture, "film", id, 10000, LAST),
        [0] = new_part(fixture, "film", id, 1, 77),
        [1] = new_part(fixture, "film", id, 7, FULL),
    };
    new_part(fixture, "film", id, 8, 20);
    parts[0] = new_part(fixture, "film", id, 1, FULL);
    assert_int_equal(count_blobs(fixture->folder), 4);
    assert_int_equal(queue_size(fixture), 0);

    fixture_reopen(fixture); /* uploads survive */
    parts[1].etag = arena_printf(fixture->arena, "\"%s\"", parts[1].etag);
    struct store_object object;
    assert_ok(fixture, complete(fixture, "film", id, parts, 3, &object));
    parts[1].etag = arena_strndup(fixture->arena, parts[1].etag + 1, 32);
    assert_string_equal(object.etag, composite_etag(fixture->arena, parts, 3));
    assert_int_equal(object.size, 2 * FULL + LAST);
    assert_int_equal(object.part_count, 3);
    assert_int_equal(object.modified_unix_ms, 7000);
    assert_string_equal(object.content_type, "image/jpeg");
    assert_string_equal(object.metadata, "{\"x-amz-meta-a\":\"1\"}");
    assert_int_equal(count_blobs(fixture->folder), 3);

    uint8_t *whole = arena_alloc(fixture->arena, 2 * FULL + LAST);
    memcpy(whole, make_bytes(fixture->arena, 1, FULL), FULL);
    memcpy(whole + FULL, make_bytes(fixture->arena, 7, FULL), FULL);
    memcpy(whole + 2 * FULL, make_bytes(fixture->arena, 10000, LAST), LAST);
    assert_object(fixture, "film", whole, 2 * FULL + LAST);

    /* A range over a seam. */
    struct store_open_extent *extents = NULL;
    size_t count = 0;
    uint8_t bytes[20];
    assert_ok(fixture, store_read(fixture->store, fixture->arena, "photos", "film", FULL - 10, 20,
                                  object.etag, &extents, &count, &fixture->err));
    assert_int_equal(count, 2);
    assert_true(read_extents(extents, count, bytes));
    assert_memory_equal(bytes, whole + FULL - 10, 20);

    struct queue_row *rows = NULL;
    int64_t next = 0;
    assert_ok(fixture, queue_due(fixture->store, fixture->arena, "intake", 7000, NULL, 0, 10, &rows,
                                 &count, &next, &fixture->err));
    assert_int_equal(count, 1);
    assert_string_equal(rows[0].event_name, "ObjectCreated:CompleteMultipartUpload");
    assert_string_equal(rows[0].etag, object.etag);

    /* The answer was lost and is asked for again. */
    fixture_reopen(fixture);
    struct store_object again;
    assert_ok(fixture, complete(fixture, "film", id, parts, 3, &again));
    assert_string_equal(again.etag, object.etag);
    assert_int_equal(again.size, object.size);
    assert_int_equal(queue_size(fixture), 1);

    assert_ok(fixture, put_text(fixture, "film", "other"));
    assert_fails(fixture, complete(fixture, "film", id, parts, 3, &again), ERROR_NOT_FOUND,
                 "NoSuchUpload");
    assert_int_equal(count_blobs(fixture->folder), 1);
}

static void test_single_small_and_empty(void **state) {
    struct fixture *fixture = *state;
    struct store_object object;
    for (size_t size = 0; size < 2; size++) {
        const char *id = new_upload(fixture, "film");
        struct store_part part = new_part(fixture, "film", id, 3, size);
        assert_ok(fixture, complete(fixture, "film", id, &part, 1, &object));
        assert_int_equal(object.size, size);
        assert_object(fixture, "film", make_bytes(fixture->arena, 3, size), size);
    }
}

static void test_bad_completes(void **state) {
    struct fixture *fixture = *state;
    const char *id = new_upload(fixture, "film");
    struct store_part one = new_part(fixture, "film", id, 1, 100);
    struct store_part two = new_part(fixture, "film", id, 2, 100);
    struct store_part absent = {.number = 3, .etag = one.etag};
    struct store_part other = {.number = 2, .etag = one.etag};
    struct store_part unnamed = {.number = 2};
    struct store_part zero = {.number = 0, .etag = one.etag};
    struct store_part beyond = {.number = 10001, .etag = one.etag};
    const struct {
        struct store_part parts[2];
        size_t count;
        const char *code;
    } cases[] = {
        {{one, two}, 0, "MalformedXML"},     {{two, one}, 2, "InvalidPartOrder"},
        {{one, one}, 2, "InvalidPartOrder"}, {{absent}, 1, "InvalidPart"},
        {{other}, 1, "InvalidPart"},         {{unnamed}, 1, "InvalidPart"},
        {{zero, one}, 2, "InvalidArgument"}, {{one, beyond}, 2, "InvalidArgument"},
        {{one, two}, 2, "EntityTooSmall"},
    };
    struct store_object object;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_fails(fixture,
                     complete(fixture, "film", id, cases[i].parts, cases[i].count, &object),
                     ERROR_INVALID, cases[i].code);
    assert_fails(fixture, complete(fixture, "other", id, &one, 1, &object), ERROR_NOT_FOUND,
                 "NoSuchUpload");
    assert_fails(fixture, complete(fixture, "film", "none", &one, 1, &object), ERROR_NOT_FOUND,
                 "NoSuchUpload");
    struct store_put put = make_put("film");
    put.bucket = "none";
    assert_fails(fixture,
                 store_complete_upload(fixture->store, fixture->arena, &put, id, &one, 1, &object,
                                       &fixture->err),
                 ERROR_NOT_FOUND, "NoSuchBucket");
    /* None of it has spoiled the upload. */
    assert_ok(fixture, complete(fixture, "film", id, &two, 1, &object));
    assert_object(fixture, "film", make_bytes(fixture->arena, 2, 100), 100);
    assert_int_equal(count_blobs(fixture->folder), 1);
}

static void test_conditions(void **state) {
    struct fixture *fixture = *state;
    const char *id = new_upload(fixture, "film");
    struct store_part part = new_part(fixture, "film", id, 1, 100);
    struct store_object object;
    struct store_put put = make_put("film");
    put.if_none_match = true;
    assert_ok(fixture, put_text(fixture, "film", "x"));
    assert_fails(fixture,
                 store_complete_upload(fixture->store, fixture->arena, &put, id, &part, 1, &object,
                                       &fixture->err),
                 ERROR_CONFLICT, "PreconditionFailed");
    assert_object(fixture, "film", "x", 1);
    put.if_none_match = false;
    put.if_match = "9dd4e461268c8034f5c8564e155c67a6";
    assert_ok(fixture, store_complete_upload(fixture->store, fixture->arena, &put, id, &part, 1,
                                             &object, &fixture->err));
    /* Repeating asks for the outcome, the condition has been decided. */
    assert_ok(fixture, store_complete_upload(fixture->store, fixture->arena, &put, id, &part, 1,
                                             &object, &fixture->err));
}

static void test_closed_uploads(void **state) {
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct error *err = &fixture->err;
    struct store_part *listed = NULL;
    struct store_object object;
    size_t count = 0;
    bool truncated = false;
    const char *etag = NULL;

    const char *aborted = new_upload(fixture, "film");
    struct store_part part = new_part(fixture, "film", aborted, 1, 10);
    assert_fails(fixture, store_abort_upload(store, "photos", "other", aborted, err),
                 ERROR_NOT_FOUND, "NoSuchUpload");
    assert_ok(fixture, store_abort_upload(store, "photos", "film", aborted, err));
    assert_int_equal(count_blobs(fixture->folder), 0);
    assert_fails(fixture, complete(fixture, "film", aborted, &part, 1, &object), ERROR_NOT_FOUND,
                 "NoSuchUpload");

    const char *completed = new_upload(fixture, "film");
    part = new_part(fixture, "film", completed, 1, 10);
    assert_ok(fixture, complete(fixture, "film", completed, &part, 1, &object));

    const char *const closed[] = {aborted, completed, "none", ""};
    for (size_t i = 0; i < ARRAY_SIZE(closed); i++) {
        assert_fails(fixture, put_part(fixture, "film", closed[i], 1, "x", 1, &etag),
                     ERROR_NOT_FOUND, "NoSuchUpload");
        assert_fails(fixture, store_abort_upload(store, "photos", "film", closed[i], err),
                     ERROR_NOT_FOUND, "NoSuchUpload");
        assert_fails(fixture,
                     store_list_parts(store, fixture->arena, "photos", "film", closed[i], 0, 10,
                                      &listed, &count, &truncated, err),
                     ERROR_NOT_FOUND, "NoSuchUpload");
    }
    assert_int_equal(count_blobs(fixture->folder), 1);
    assert_ok(fixture, store_delete(store, "photos", "film", err));
    assert_fails(fixture, complete(fixture, "film", completed, &part, 1, &object), ERROR_NOT_FOUND,
                 "NoSuchUpload");
}

static void test_bad_parts(void **state) {
    struct fixture *fixture = *state;
    const char *id = new_upload(fixture, "film");
    const char *etag = NULL;
    assert_fails(fixture, put_part(fixture, "film", id, 0, "x", 1, &etag), ERROR_INVALID,
                 "InvalidArgument");
    assert_fails(fixture, put_part(fixture, "film", id, 10001, "x", 1, &etag), ERROR_INVALID,
                 "InvalidArgument");
    assert_fails(fixture, put_part(fixture, "other", id, 1, "x", 1, &etag), ERROR_NOT_FOUND,
                 "NoSuchUpload");
    assert_int_equal(count_blobs(fixture->folder), 0);
    assert_int_equal(count_temporary(fixture->folder), 0);
    struct store_put put = make_put("film");
    put.bucket = "none";
    assert_fails(fixture,
                 store_create_upload(fixture->store, fixture->arena, &put, &id, &fixture->err),
                 ERROR_NOT_FOUND, "NoSuchBucket");
    put = make_put("");
    assert_fails(fixture,
                 store_create_upload(fixture->store, fixture->arena, &put, &id, &fixture->err),
                 ERROR_INVALID, "InvalidArgument");
}

static void test_list_parts(void **state) {
    struct fixture *fixture = *state;
    const char *id = new_upload(fixture, "film");
    static const unsigned numbers[] = {9, 2, 5};
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        new_part(fixture, "film", id, numbers[i], numbers[i]);
    static const struct {
        unsigned after;
        size_t max;
        size_t count;
        unsigned first;
        bool truncated;
    } cases[] = {
        {0, 1000, 3, 2, false}, {0, 3, 3, 2, false}, {0, 2, 2, 2, true},  {2, 1, 1, 5, true},
        {5, 1, 1, 9, false},    {9, 5, 0, 0, false}, {0, 0, 0, 0, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct store_part *parts = NULL;
        size_t count = 0;
        bool truncated = true;
        assert_ok(fixture, store_list_parts(fixture->store, fixture->arena, "photos", "film", id,
                                            cases[i].after, cases[i].max, &parts, &count,
                                            &truncated, &fixture->err));
        assert_int_equal(count, cases[i].count);
        assert_int_equal(truncated, cases[i].truncated);
        if (count == 0)
            continue;
        assert_int_equal(parts[0].number, cases[i].first);
        assert_int_equal(parts[0].size, cases[i].first);
        assert_int_equal(parts[0].modified_unix_ms, 6000);
        assert_int_equal(strlen(parts[0].etag), 32);
    }
}

static void test_completed_are_forgotten(void **state) {
    struct fixture *fixture = *state;
    struct store_object object;
    const char *id = new_upload(fixture, "film");
    struct store_part part = new_part(fixture, "film", id, 1, 10);
    assert_ok(fixture, complete(fixture, "film", id, &part, 1, &object));
    struct store_put put = make_put("later");
    const char *later = NULL;
    put.now_unix_ms = INT64_C(30) * 24 * 60 * 60 * 1000;
    assert_ok(fixture,
              store_create_upload(fixture->store, fixture->arena, &put, &later, &fixture->err));
    assert_fails(fixture, complete(fixture, "film", id, &part, 1, &object), ERROR_NOT_FOUND,
                 "NoSuchUpload");
    assert_object(fixture, "film", make_bytes(fixture->arena, 1, 10), 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_good, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_single_small_and_empty, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bad_completes, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_conditions, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_closed_uploads, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bad_parts, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_list_parts, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_completed_are_forgotten, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
