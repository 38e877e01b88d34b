#include "fixture.h"

#include "base/codec.h"
#include "sign/digest.h"

#include <string.h>

enum { SOURCE_SIZE = 6 * 1024 * 1024 };

static const char *new_upload(struct fixture *fixture, const char *key) {
    struct store_put put = make_put(key);
    const char *id = NULL;
    assert_ok(fixture,
              store_create_upload(fixture->store, fixture->arena, &put, &id, &fixture->err));
    return id;
}

static struct store_part_copy make_copy(const char *id, unsigned number, uint64_t first,
                                        uint64_t length) {
    return (struct store_part_copy){
        .bucket = "photos",
        .key = "film",
        .upload_id = id,
        .number = number,
        .source_bucket = "photos",
        .source_key = "chunk",
        .has_range = true,
        .first = first,
        .length = length,
        .now_unix_ms = 6000,
    };
}

static bool copy_part(struct fixture *fixture, const struct store_part_copy *copy,
                      const char **ret_etag) {
    return store_copy_part(fixture->store, fixture->arena, copy, ret_etag, &fixture->err);
}

static uint8_t *put_source(struct fixture *fixture, uint32_t seed) {
    uint8_t *bytes = make_bytes(fixture->arena, seed, SOURCE_SIZE);
    struct store_put put = make_put("chunk");
    struct store_object object;
    assert_ok(fixture, put_bytes(fixture->store, fixture->arena, &put, bytes, SOURCE_SIZE, &object,
                                 &fixture->err));
    return bytes;
}

/* What the header promises for a range of an object. */
static const char *range_etag(struct arena *arena, const char *source_etag, uint64_t first,
                              uint64_t length);

static const char *md5_text(struct arena *arena, const void *data, size_t size) {
    uint8_t sum[MD5_SIZE];
    char hex[MD5_HEX_SIZE];
    md5(data, size, sum);
    hex_encode(sum, sizeof sum, hex);
    return arena_strdup(arena, hex);
}

static const char *range_etag(struct arena *arena, const char *source_etag, uint64_t first,
                              uint64_t length) {
    const char *text = arena_printf(arena, "%s %llu %llu", source_etag, (unsigned long long)first,
                                    (unsigned long long)length);
    return md5_text(arena, text, strlen(text));
}

static bool complete(struct fixture *fixture, const char *id, const struct store_part *parts,
                     size_t count, struct store_object *ret) {
    struct store_put put = make_put("film");
    return store_complete_upload(fixture->store, fixture->arena, &put, id, parts, count, ret,
                                 &fixture->err);
}

/* Two ranges of one chunk and the whole of it: one blob, four references. */
static void test_shared_blobs(void **state) {
    struct fixture *fixture = *state;
    enum { FIRST = STORE_MIN_PART_BYTES, SECOND = 12345 };
    uint8_t *source = put_source(fixture, 1);
    const char *id = new_upload(fixture, "film");
    struct store_part parts[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    struct store_part_copy copy = make_copy(id, 1, 100, FIRST);
    assert_ok(fixture, copy_part(fixture, &copy, &parts[0].etag));
    const char *etag = md5_text(fixture->arena, source, SOURCE_SIZE);
    assert_string_equal(parts[0].etag, range_etag(fixture->arena, etag, 100, FIRST));
    copy = make_copy(id, 2, 0, 0);
    copy.has_range = false;
    copy.source_if_match = md5_text(fixture->arena, source, SOURCE_SIZE);
    assert_ok(fixture, copy_part(fixture, &copy, &parts[1].etag));
    assert_string_equal(parts[1].etag, copy.source_if_match);
    copy = make_copy(id, 3, SOURCE_SIZE - SECOND, SECOND);
    assert_ok(fixture, copy_part(fixture, &copy, &parts[2].etag));
    assert_int_equal(count_blobs(fixture->folder), 1);

    struct store_object object;
    assert_ok(fixture, complete(fixture, id, parts, 3, &object));
    assert_int_equal(object.size, FIRST + SOURCE_SIZE + SECOND);
    uint8_t *whole = arena_alloc(fixture->arena, object.size);
    memcpy(whole, source + 100, FIRST);
    memcpy(whole + FIRST, source, SOURCE_SIZE);
    memcpy(whole + FIRST + SOURCE_SIZE, source + SOURCE_SIZE - SECOND, SECOND);

    /* The chunk goes, its bytes stay; also over a restart, which counts nothing as stray. */
    assert_ok(fixture, store_delete(fixture->store, "photos", "chunk", &fixture->err));
    fixture_reopen(fixture);
    assert_int_equal(count_blobs(fixture->folder), 1);
    assert_object(fixture, "film", whole, object.size);
    assert_ok(fixture, store_delete(fixture->store, "photos", "film", &fixture->err));
    assert_int_equal(count_blobs(fixture->folder), 0);
}

/* Copies of an object that is made of parts: their extents are cut, over the seams. */
static void test_copy_of_parts(void **state) {
    struct fixture *fixture = *state;
    put_source(fixture, 1);
    const char *id = new_upload(fixture, "film");
    struct store_part parts[2] = {{.number = 1}, {.number = 2}};
    struct store_part_copy copy = make_copy(id, 1, 0, SOURCE_SIZE - 1);
    assert_ok(fixture, copy_part(fixture, &copy, &parts[0].etag));
    copy = make_copy(id, 2, 7, 5000);
    assert_ok(fixture, copy_part(fixture, &copy, &parts[1].etag));
    struct store_object object;
    assert_ok(fixture, complete(fixture, id, parts, 2, &object));
    size_t size = 0;
    uint8_t *film = read_object(fixture, "film", &size);

    id = new_upload(fixture, "film");
    copy = make_copy(id, 1, SOURCE_SIZE - 1000, 2000);
    copy.source_key = "film";
    assert_ok(fixture, copy_part(fixture, &copy, &parts[0].etag));
    assert_string_equal(parts[0].etag,
                        range_etag(fixture->arena, object.etag, SOURCE_SIZE - 1000, 2000));
    /* It replaces its own source. */
    assert_ok(fixture, complete(fixture, id, parts, 1, &object));
    assert_object(fixture, "film", film + SOURCE_SIZE - 1000, 2000);
    assert_ok(fixture, store_delete(fixture->store, "photos", "chunk", &fixture->err));
    assert_int_equal(count_blobs(fixture->folder), 1);
    assert_ok(fixture, store_delete(fixture->store, "photos", "film", &fixture->err));
    assert_int_equal(count_blobs(fixture->folder), 0);
}

static void test_bad_copies(void **state) {
    struct fixture *fixture = *state;
    assert_ok(fixture, put_text(fixture, "chunk", "0123456789"));
    const char *id = new_upload(fixture, "film");
    const struct store_part_copy good = make_copy(id, 1, 0, 10);
    struct store_part_copy bad[9];
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        bad[i] = good;
    bad[0].length = 11;
    bad[1].first = UINT64_MAX;
    bad[2].source_key = "none";
    bad[3].source_bucket = "none";
    bad[4].source_if_match = "9dd4e461268c8034f5c8564e155c67a6";
    bad[5].number = 0;
    bad[6].upload_id = "none";
    bad[7].key = "other";
    bad[8].bucket = "none";
    static const char *const codes[] = {"InvalidRange", "InvalidRange",       "NoSuchKey",
                                        "NoSuchBucket", "PreconditionFailed", "InvalidArgument",
                                        "NoSuchUpload", "NoSuchUpload",       "NoSuchBucket"};
    const char *etag = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(copy_part(fixture, &bad[i], &etag));
        assert_string_equal(fixture->err.code, codes[i]);
    }
    assert_null(etag);
    assert_ok(fixture, copy_part(fixture, &good, &etag));
    assert_ok(fixture, store_abort_upload(fixture->store, "photos", "film", id, &fixture->err));
    assert_object(fixture, "chunk", "0123456789", 10);
}

/* ---- whole objects ---- */

static struct store_copy make_object_copy(const char *from, const char *to, int64_t version) {
    return (struct store_copy){
        .put = make_put(to),
        .source_bucket = "photos",
        .source_key = from,
        .source_version = version,
    };
}

static bool copy_object(struct fixture *fixture, const struct store_copy *copy,
                        struct store_object *ret) {
    return store_copy(fixture->store, fixture->arena, copy, ret, &fixture->err);
}

static void test_object_copy(void **state) {
    struct fixture *fixture = *state;
    uint8_t *source = put_source(fixture, 1);
    struct store_object chunk;
    struct store_object copied;
    assert_ok(fixture,
              store_head(fixture->store, fixture->arena, "photos", "chunk", &chunk, &fixture->err));
    struct store_copy copy = make_object_copy("chunk", "copy", chunk.version);
    copy.put.content_type = "text/ignored";
    assert_ok(fixture, copy_object(fixture, &copy, &copied));
    assert_string_equal(copied.etag, chunk.etag);
    assert_string_equal(copied.content_type, chunk.content_type);
    assert_true(copied.version > chunk.version);
    assert_int_equal(count_blobs(fixture->folder), 1);

    /* Onto itself, with other metadata: the bytes outlive the version they came from. */
    copy = make_object_copy("copy", "copy", copied.version);
    copy.replaces_metadata = true;
    copy.replaces_tags = true;
    copy.put.content_type = "image/jpeg";
    copy.put.metadata = "{\"x-amz-meta-a\":\"b\"}";
    copy.put.tags = "a=b";
    assert_ok(fixture, copy_object(fixture, &copy, &copied));
    assert_string_equal(copied.content_type, "image/jpeg");
    assert_string_equal(copied.tags, "a=b");
    assert_ok(fixture, store_delete(fixture->store, "photos", "chunk", &fixture->err));
    fixture_reopen(fixture);
    assert_object(fixture, "copy", source, SOURCE_SIZE);
    assert_ok(fixture, store_delete(fixture->store, "photos", "copy", &fixture->err));
    assert_int_equal(count_blobs(fixture->folder), 0);
}

/* A copy of parts keeps them for reading by number. */
static void test_object_copy_of_parts(void **state) {
    struct fixture *fixture = *state;
    put_source(fixture, 1);
    const char *id = new_upload(fixture, "film");
    struct store_part parts[2] = {{.number = 3}, {.number = 7}};
    struct store_part_copy part = make_copy(id, 3, 0, SOURCE_SIZE - 1);
    assert_ok(fixture, copy_part(fixture, &part, &parts[0].etag));
    part = make_copy(id, 7, 7, 5000);
    assert_ok(fixture, copy_part(fixture, &part, &parts[1].etag));
    struct store_object film;
    struct store_object copied;
    assert_ok(fixture, complete(fixture, id, parts, 2, &film));
    struct store_copy copy = make_object_copy("film", "again", film.version);
    assert_ok(fixture, copy_object(fixture, &copy, &copied));
    assert_ok(fixture, store_delete(fixture->store, "photos", "film", &fixture->err));

    static const uint64_t lengths[] = {SOURCE_SIZE - 1, 5000};
    uint64_t first = 0;
    uint64_t length = 0;
    for (unsigned i = 0; i < 2; i++) {
        assert_ok(fixture, store_part_range(fixture->store, "photos", "again", copied.version,
                                            i + 1, &first, &length, &fixture->err));
        assert_int_equal(first, i == 0 ? 0 : SOURCE_SIZE - 1);
        assert_int_equal(length, lengths[i]);
    }
    assert_fails(fixture,
                 store_part_range(fixture->store, "photos", "again", copied.version, 3, &first,
                                  &length, &fixture->err),
                 ERROR_NOT_FOUND, "InvalidPartNumber");
    assert_fails(fixture,
                 store_part_range(fixture->store, "photos", "film", film.version, 1, &first,
                                  &length, &fixture->err),
                 ERROR_NOT_FOUND, "InvalidPartNumber");
}

static void test_bad_object_copies(void **state) {
    struct fixture *fixture = *state;
    struct store_object chunk;
    struct store_object copied = {0};
    assert_ok(fixture, put_text(fixture, "chunk", "0123456789"));
    assert_ok(fixture, put_text(fixture, "there", "x"));
    assert_ok(fixture,
              store_head(fixture->store, fixture->arena, "photos", "chunk", &chunk, &fixture->err));
    const struct store_copy good = make_object_copy("chunk", "copy", chunk.version);
    struct store_copy bad[6];
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        bad[i] = good;
    bad[0].source_version++;
    bad[1].source_key = "none";
    bad[2].source_bucket = "none";
    bad[3].put.bucket = "none";
    bad[4].put.key = "there";
    bad[4].put.if_none_match = true;
    bad[5].put.if_match = "9dd4e461268c8034f5c8564e155c67a6";
    static const char *const codes[] = {"PreconditionFailed", "NoSuchKey",          "NoSuchBucket",
                                        "NoSuchBucket",       "PreconditionFailed", "NoSuchKey"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(copy_object(fixture, &bad[i], &copied));
        assert_string_equal(fixture->err.code, codes[i]);
        assert_sound(fixture->folder);
    }
    assert_null(copied.key);
    assert_object(fixture, "there", "x", 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shared_blobs, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_copy_of_parts, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bad_copies, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_object_copy, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_object_copy_of_parts, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bad_object_copies, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
