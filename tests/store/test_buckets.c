#include "fixture.h"

#include <string.h>

static void test_names(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *name;
        bool valid;
    } cases[] = {
        {"abc", true},
        {"tachyscope-input", true},
        {"a.b-c.d", true},
        {"1-2-3", true},
        {"1.2.3", true},
        {"256.1.1.1", true}, /* not an address */
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true}, /* 63 */
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
        {"", false},
        {"ab", false},
        {"Photos", false},
        {"pho_tos", false},
        {"pho tos", false},
        {"pho/tos", false},
        {"../photos", false},
        {"-photos", false},
        {"photos-", false},
        {".photos", false},
        {"photos.", false},
        {"pho..tos", false},
        {"pho.-tos", false},
        {"pho-.tos", false},
        {"192.168.0.1", false},
        {"f\xc3\xb6to", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        bool done = store_create_bucket(fixture->store, cases[i].name, 1, &fixture->err);
        if (done != cases[i].valid)
            fail_msg("'%s'", cases[i].name);
        if (!done)
            assert_fails(fixture, done, ERROR_INVALID, "InvalidBucketName");
    }
}

static void test_life(void **state) {
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct error *err = &fixture->err;
    assert_fails(fixture, store_create_bucket(store, "photos", 2, err), ERROR_CONFLICT,
                 "BucketAlreadyOwnedByYou");
    assert_fails(fixture, store_head_bucket(store, "other", err), ERROR_NOT_FOUND, "NoSuchBucket");
    assert_fails(fixture, store_delete_bucket(store, "other", err), ERROR_NOT_FOUND,
                 "NoSuchBucket");
    assert_ok(fixture, store_head_bucket(store, "photos", err));
    assert_ok(fixture, store_create_bucket(store, "films", 3000, err));

    struct store_bucket *buckets = NULL;
    size_t count = 0;
    assert_ok(fixture, store_list_buckets(store, fixture->arena, &buckets, &count, err));
    assert_int_equal(count, 2);
    assert_string_equal(buckets[0].name, "films");
    assert_int_equal(buckets[0].created_unix_ms, 3000);
    assert_string_equal(buckets[1].name, "photos");

    assert_ok(fixture, put_text(fixture, "a", "x"));
    assert_fails(fixture, store_delete_bucket(store, "photos", err), ERROR_CONFLICT,
                 "BucketNotEmpty");
    assert_ok(fixture, store_delete(store, "photos", "a", err));
    assert_ok(fixture, store_delete_bucket(store, "photos", err));
    assert_fails(fixture, store_head_bucket(store, "photos", err), ERROR_NOT_FOUND, "NoSuchBucket");
    assert_fails(fixture, put_text(fixture, "a", "x"), ERROR_NOT_FOUND, "NoSuchBucket");
    assert_int_equal(count_blobs(fixture->folder), 0);
}

/* What belongs to a bucket goes with it and does not come back with its name. */
static void test_delete_takes_all(void **state) {
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct error *err = &fixture->err;
    const struct store_rule rule = {"r", "intake", "s3:ObjectCreated:*", "", ""};
    const char *id = NULL;
    const char *etag = NULL;
    struct store_put put = make_put("big");
    assert_ok(fixture, store_set_rules(store, "photos", &rule, 1, err));
    assert_ok(fixture, store_put_document(store, "photos", "cors", str_c("<x/>"), err));
    assert_ok(fixture, store_create_upload(store, fixture->arena, &put, &id, err));
    struct store_body *body = make_body(store, "part", 4, err);
    assert_ok(
        fixture,
        store_put_part(
            store, fixture->arena, body,
            &(struct store_part_put){
                .bucket = "photos", .key = "big", .upload_id = id, .number = 1, .now_unix_ms = 1},
            &etag, err));
    store_body_free(body);
    assert_int_equal(count_blobs(fixture->folder), 1);

    assert_ok(fixture, store_delete_bucket(store, "photos", err));
    assert_int_equal(count_blobs(fixture->folder), 0);
    assert_ok(fixture, store_create_bucket(store, "photos", 1, err));
    struct str text;
    assert_fails(fixture, store_get_document(store, fixture->arena, "photos", "cors", &text, err),
                 ERROR_NOT_FOUND, "NoSuchCORSConfiguration");
    assert_ok(fixture, put_text(fixture, "a", "x"));
    assert_int_equal(queue_size(fixture), 0);
    assert_fails(fixture, store_abort_upload(store, "photos", "big", id, err), ERROR_NOT_FOUND,
                 "NoSuchUpload");
}

static void test_documents(void **state) {
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct error *err = &fixture->err;
    struct str text;
    assert_fails(fixture, store_get_document(store, fixture->arena, "other", "cors", &text, err),
                 ERROR_NOT_FOUND, "NoSuchBucket");
    assert_fails(fixture, store_put_document(store, "other", "cors", str_c("x"), err),
                 ERROR_NOT_FOUND, "NoSuchBucket");
    assert_fails(fixture,
                 store_get_document(store, fixture->arena, "photos", "notification", &text, err),
                 ERROR_NOT_FOUND, "NoSuchConfiguration");
    assert_ok(fixture, store_put_document(store, "photos", "cors", str_c("first"), err));
    assert_ok(fixture, store_put_document(store, "photos", "cors", (struct str){"a\0b", 3}, err));
    fixture_reopen(fixture);
    store = fixture->store;
    assert_ok(fixture, store_get_document(store, fixture->arena, "photos", "cors", &text, err));
    assert_int_equal(text.len, 3);
    assert_memory_equal(text.ptr, "a\0b", 3);
    assert_ok(fixture, store_put_document(store, "photos", "cors", (struct str){0}, err));
    assert_fails(fixture, store_get_document(store, fixture->arena, "photos", "cors", &text, err),
                 ERROR_NOT_FOUND, "NoSuchCORSConfiguration");
    char *large = arena_alloc(fixture->arena, STORE_MAX_DOCUMENT_BYTES + 1);
    memset(large, 'x', STORE_MAX_DOCUMENT_BYTES + 1);
    assert_fails(fixture,
                 store_put_document(store, "photos", "cors",
                                    (struct str){large, STORE_MAX_DOCUMENT_BYTES + 1}, err),
                 ERROR_LIMIT, "MaxMessageLengthExceeded");
    assert_fails(fixture, store_put_document(store, "photos", "", str_c("x"), err), ERROR_INVALID,
                 "InvalidArgument");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_life, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_delete_takes_all, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_documents, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
