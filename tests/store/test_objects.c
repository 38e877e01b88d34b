#include "fixture.h"

#include "base/codec.h"
#include "sign/digest.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_put_and_read(void **state) {
    struct fixture *fixture = *state;
    static const size_t sizes[] = {0, 1, 2, 1000, 65536, 1000001};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint8_t *bytes = make_bytes(fixture->arena, (uint32_t)i, sizes[i]);
        struct store_put put = make_put("a/b.jpg");
        put.metadata = "{\"x-amz-meta-a\":\"1\"}";
        struct store_object object;
        assert_ok(fixture, put_bytes(fixture->store, fixture->arena, &put, bytes, sizes[i], &object,
                                     &fixture->err));
        uint8_t sum[MD5_SIZE];
        char etag[MD5_HEX_SIZE];
        md5(bytes, sizes[i], sum);
        hex_encode(sum, sizeof sum, etag);
        assert_string_equal(object.etag, etag);
        if (i % 2 == 0)
            fixture_reopen(fixture);
        struct store_object head;
        assert_ok(fixture, store_head(fixture->store, fixture->arena, "photos", "a/b.jpg", &head,
                                      &fixture->err));
        assert_string_equal(head.key, "a/b.jpg");
        assert_string_equal(head.etag, etag);
        assert_string_equal(head.content_type, "image/jpeg");
        assert_string_equal(head.metadata, put.metadata);
        assert_int_equal(head.modified_unix_ms, 5000);
        assert_int_equal(head.size, sizes[i]);
        assert_int_equal(head.part_count, 0);
        assert_object(fixture, "a/b.jpg", bytes, sizes[i]);
        assert_int_equal(count_blobs(fixture->folder), sizes[i] != 0);
        assert_int_equal(count_temporary(fixture->folder), 0);
    }
}

static void test_sums(void **state) {
    struct fixture *fixture = *state;
    struct store_body *body = make_body(fixture->store, "abc", 3, &fixture->err);
    uint8_t sum[SHA256_SIZE];
    uint8_t expected[SHA256_SIZE];
    assert_int_equal(store_body_size(body), 3);
    for (int i = 0; i < 2; i++) {
        store_body_sha256(body, sum);
        sha256("abc", 3, expected);
        assert_memory_equal(sum, expected, SHA256_SIZE);
        store_body_md5(body, sum);
        md5("abc", 3, expected);
        assert_memory_equal(sum, expected, MD5_SIZE);
    }
    store_body_free(body);
    store_body_free(NULL);
    assert_int_equal(count_temporary(fixture->folder), 0);
}

static void test_keys(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *key;
        const char *code; /* NULL: fine */
    } cases[] = {
        {"/", NULL},
        {"../../etc/passwd", NULL},
        {"a//b/", NULL},
        {" leading, trailing ", NULL},
        {"quotes \" ' & <x>", NULL},
        {"\xf0\x9f\x93\xb7 \xc3\xa4\xe6\x97\xa5", NULL},
        {"e\xcc\x81", NULL}, /* not the same key as its composed form */
        {"\xc3\xa9", NULL},
        {"tab\tnewline\n\x01", NULL},
        {"\xf4\x8f\xbf\xbf", NULL}, /* U+10FFFF */
        {"", "InvalidArgument"},
        {"\xff", "InvalidArgument"},
        {"a\xc3", "InvalidArgument"},
        {"\xed\xa0\x80", "InvalidArgument"},     /* surrogate */
        {"\xc0\xaf", "InvalidArgument"},         /* overlong */
        {"\xf4\x90\x80\x80", "InvalidArgument"}, /* over U+10FFFF */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        bool done = put_text(fixture, cases[i].key, cases[i].key);
        if (cases[i].code == NULL)
            assert_ok(fixture, done);
        else
            assert_fails(fixture, done, ERROR_INVALID, cases[i].code);
    }
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (cases[i].code == NULL)
            assert_object(fixture, cases[i].key, cases[i].key, strlen(cases[i].key));
    }
}

static char *repeat(struct arena *arena, char c, size_t count) {
    char *text = arena_alloc(arena, count + 1);
    memset(text, c, count);
    return text;
}

static void test_limits(void **state) {
    struct fixture *fixture = *state;
    struct arena *arena = fixture->arena;
    char *longest = repeat(arena, 'k', STORE_MAX_KEY_BYTES);
    char *too_long = repeat(arena, 'k', STORE_MAX_KEY_BYTES + 1);
    struct store_object object;
    assert_ok(fixture, put_text(fixture, longest, "x"));
    assert_object(fixture, longest, "x", 1);
    assert_fails(fixture, put_text(fixture, too_long, "x"), ERROR_LIMIT, "KeyTooLongError");
    assert_fails(fixture,
                 store_head(fixture->store, arena, "photos", too_long, &object, &fixture->err),
                 ERROR_LIMIT, "KeyTooLongError");
    assert_fails(fixture, store_delete(fixture->store, "photos", too_long, &fixture->err),
                 ERROR_LIMIT, "KeyTooLongError");

    struct store_put put = make_put("a");
    put.metadata = repeat(arena, 'm', STORE_MAX_METADATA_BYTES);
    assert_ok(fixture, put_bytes(fixture->store, arena, &put, "x", 1, &object, &fixture->err));
    put.metadata = repeat(arena, 'm', STORE_MAX_METADATA_BYTES + 1);
    assert_fails(fixture, put_bytes(fixture->store, arena, &put, "x", 1, &object, &fixture->err),
                 ERROR_LIMIT, "MetadataTooLarge");
    put = make_put("a");
    put.content_type = repeat(arena, 't', 5000);
    assert_fails(fixture, put_bytes(fixture->store, arena, &put, "x", 1, &object, &fixture->err),
                 ERROR_LIMIT, "MetadataTooLarge");
    put = make_put("a");
    put.request_id = repeat(arena, 'r', 5000);
    assert_fails(fixture, put_bytes(fixture->store, arena, &put, "x", 1, &object, &fixture->err),
                 ERROR_LIMIT, "InvalidArgument");
    assert_int_equal(count_blobs(fixture->folder), 2);
    assert_int_equal(count_temporary(fixture->folder), 0);
}

static void test_conditions(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        bool exists, if_none_match;
        const char *if_match;
        enum error_kind kind; /* 0: fine */
        const char *code;
    } cases[] = {
        {false, true, NULL, 0, NULL},
        {true, true, NULL, ERROR_CONFLICT, "PreconditionFailed"},
        {true, false, "9dd4e461268c8034f5c8564e155c67a6", 0, NULL}, /* MD5 of "x" */
        {true, false, "*", 0, NULL},
        {true, false, "9dd4e461268c8034f5c8564e155c67a7", ERROR_CONFLICT, "PreconditionFailed"},
        {true, false, "", ERROR_CONFLICT, "PreconditionFailed"},
        {false, false, "9dd4e461268c8034f5c8564e155c67a6", ERROR_NOT_FOUND, "NoSuchKey"},
        {false, false, "*", ERROR_NOT_FOUND, "NoSuchKey"},
        {true, true, "*", ERROR_CONFLICT, "PreconditionFailed"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_ok(fixture, store_delete(fixture->store, "photos", "a", &fixture->err));
        if (cases[i].exists)
            assert_ok(fixture, put_text(fixture, "a", "x"));
        struct store_put put = make_put("a");
        put.if_none_match = cases[i].if_none_match;
        put.if_match = cases[i].if_match;
        struct store_object object;
        bool done =
            put_bytes(fixture->store, fixture->arena, &put, "new", 3, &object, &fixture->err);
        if (cases[i].kind == 0)
            assert_ok(fixture, done);
        else
            assert_fails(fixture, done, cases[i].kind, cases[i].code);
        if (done)
            assert_object(fixture, "a", "new", 3);
        else if (cases[i].exists)
            assert_object(fixture, "a", "x", 1);
        assert_int_equal(count_blobs(fixture->folder), done || cases[i].exists);
    }
}

/* ---- threads ---- */

enum { RACERS = 16, ROUNDS = 20 };

struct racer {
    struct fixture *fixture;
    pthread_barrier_t *barrier;
    const char *key;
    const char *if_match; /* else If-None-Match */
    uint8_t content;
    bool won;
    struct error err;
};

static void *race(void *argument) {
    struct racer *racer = argument;
    struct arena *arena = arena_new();
    struct store_put put = make_put(racer->key);
    put.if_none_match = racer->if_match == NULL;
    put.if_match = racer->if_match;
    struct store *store = racer->fixture->store;
    struct store_body *body = make_body(store, &racer->content, 1, &racer->err);
    pthread_barrier_wait(racer->barrier);
    struct store_object object;
    racer->won = body != NULL && store_put(store, arena, body, &put, &object, &racer->err);
    store_body_free(body);
    arena_free(arena);
    return NULL;
}

static size_t run_race(struct fixture *fixture, const char *key, const char *if_match) {
    pthread_barrier_t barrier;
    pthread_t threads[RACERS];
    struct racer racers[RACERS] = {0};
    pthread_barrier_init(&barrier, NULL, RACERS);
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.fixture = fixture,
                                   .barrier = &barrier,
                                   .key = key,
                                   .if_match = if_match,
                                   .content = (uint8_t)('a' + i)};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    size_t winners = 0;
    size_t winner = 0;
    for (size_t i = 0; i < RACERS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < RACERS; i++) {
        if (racers[i].won) {
            winners++;
            winner = i;
            continue;
        }
        assert_int_equal(racers[i].err.kind, ERROR_CONFLICT);
        assert_string_equal(racers[i].err.code, "PreconditionFailed");
    }
    assert_int_equal(winners, 1);
    assert_object(fixture, key, &racers[winner].content, 1);
    pthread_barrier_destroy(&barrier);
    return winner;
}

static void test_race(void **state) {
    struct fixture *fixture = *state;
    const struct store_rule rule = {"r", "intake", "s3:ObjectCreated:*", "", ""};
    assert_ok(fixture, store_set_rules(fixture->store, "photos", &rule, 1, &fixture->err));
    for (int round = 0; round < ROUNDS; round++) {
        const char *key = arena_printf(fixture->arena, "key-%d", round);
        run_race(fixture, key, NULL);
        assert_int_equal(queue_size(fixture), 2 * round + 1);
        struct store_object object;
        assert_ok(fixture, store_head(fixture->store, fixture->arena, "photos", key, &object,
                                      &fixture->err));
        /* All want to replace the same version: a winner with the same content as before would let
         * a second one win, and that is right, so the race starts from a content nobody writes. */
        assert_ok(fixture, put_text(fixture, key, "start"));
        assert_ok(fixture, store_head(fixture->store, fixture->arena, "photos", key, &object,
                                      &fixture->err));
        run_race(fixture, key, object.etag);
        struct queue_row *rows = NULL;
        size_t count = 0;
        int64_t next = 0;
        assert_ok(fixture, queue_due(fixture->store, fixture->arena, "intake", 6000, NULL, 0, 1,
                                     &rows, &count, &next, &fixture->err));
        assert_int_equal(count, 1);
        assert_int_equal(queue_size(fixture), 2 * round + 3);
        assert_ok(fixture, queue_ack(fixture->store, rows[0].id, &fixture->err));
    }
    assert_int_equal(count_blobs(fixture->folder), ROUNDS);
    assert_int_equal(count_temporary(fixture->folder), 0);
}

enum { CHURN_ROUNDS = 150, CHURN_SIZE = 3000 };

struct churn {
    struct fixture *fixture;
    atomic_bool over;
    atomic_bool failed;
};

/* Each object is one repeated byte, so a mixture of two versions shows. */
static bool read_once(struct store *store, struct arena *arena) {
    struct error err;
    struct store_object object;
    struct store_open_extent *extents = NULL;
    size_t count = 0;
    uint8_t bytes[CHURN_SIZE];
    if (!store_head(store, arena, "photos", "a", &object, &err) ||
        !store_read(store, arena, "photos", "a", 0, CHURN_SIZE, NULL, &extents, &count, &err))
        return err.kind == ERROR_NOT_FOUND;
    if (!read_extents(extents, count, bytes))
        return false;
    for (size_t i = 1; i < CHURN_SIZE; i++) {
        if (bytes[i] != bytes[0])
            return false;
    }
    return true;
}

static void *keep_reading(void *argument) {
    struct churn *churn = argument;
    while (!atomic_load(&churn->over)) {
        struct arena *arena = arena_new();
        if (!read_once(churn->fixture->store, arena))
            atomic_store(&churn->failed, true);
        arena_free(arena);
    }
    return NULL;
}

static void test_reading_while_replaced(void **state) {
    struct fixture *fixture = *state;
    struct churn churn = {.fixture = fixture};
    pthread_t readers[3];
    for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
        assert_int_equal(pthread_create(&readers[i], NULL, keep_reading, &churn), 0);
    for (int round = 0; round < CHURN_ROUNDS; round++) {
        uint8_t bytes[CHURN_SIZE];
        memset(bytes, round, sizeof bytes);
        struct store_put put = make_put("a");
        struct store_object object;
        assert_ok(fixture, put_bytes(fixture->store, fixture->arena, &put, bytes, sizeof bytes,
                                     &object, &fixture->err));
        if (round % 8 == 7)
            assert_ok(fixture, store_delete(fixture->store, "photos", "a", &fixture->err));
    }
    atomic_store(&churn.over, true);
    for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
        pthread_join(readers[i], NULL);
    assert_false(churn.failed);
}

/* ---- reading ---- */

static void test_ranges(void **state) {
    struct fixture *fixture = *state;
    assert_ok(fixture, put_text(fixture, "a", "0123456789"));
    static const struct {
        uint64_t first, length;
        const char *etag;
        const char *expected; /* NULL: fails */
        const char *code;
    } cases[] = {
        {0, 10, NULL, "0123456789", NULL},
        {3, 4, NULL, "3456", NULL},
        {9, 1, NULL, "9", NULL},
        {10, 0, NULL, "", NULL},
        {0, 3, "781e5e245d69b566979b86e28d23f2c7", "012", NULL},
        {0, 3, "881e5e245d69b566979b86e28d23f2c7", NULL, "PreconditionFailed"},
        {0, 11, NULL, NULL, "InvalidRange"},
        {11, 0, NULL, NULL, "InvalidRange"},
        {5, UINT64_MAX, NULL, NULL, "InvalidRange"},
        {UINT64_MAX, 1, NULL, NULL, "InvalidRange"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct store_open_extent *extents = NULL;
        size_t count = 0;
        uint8_t bytes[16];
        bool done = store_read(fixture->store, fixture->arena, "photos", "a", cases[i].first,
                               cases[i].length, cases[i].etag, &extents, &count, &fixture->err);
        if (cases[i].expected == NULL) {
            assert_false(done);
            assert_string_equal(fixture->err.code, cases[i].code);
            continue;
        }
        assert_ok(fixture, done);
        assert_true(read_extents(extents, count, bytes));
        assert_memory_equal(bytes, cases[i].expected, strlen(cases[i].expected));
    }
}

static void test_open_reader_stays_whole(void **state) {
    struct fixture *fixture = *state;
    struct store_open_extent *extents = NULL;
    size_t count = 0;
    uint8_t bytes[3];
    assert_ok(fixture, put_text(fixture, "a", "old"));
    assert_ok(fixture, store_read(fixture->store, fixture->arena, "photos", "a", 0, 3, NULL,
                                  &extents, &count, &fixture->err));
    assert_ok(fixture, put_text(fixture, "a", "new"));
    assert_ok(fixture, store_delete(fixture->store, "photos", "a", &fixture->err));
    assert_int_equal(count_blobs(fixture->folder), 0);
    assert_true(read_extents(extents, count, bytes));
    assert_memory_equal(bytes, "old", 3);
}

/* ---- the object changes between the query and the opening of its file ---- */

static struct {
    struct fixture *fixture;
    void (*act)(struct fixture *fixture);
    int times;
} on_open;

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...) {
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    bool is_blob = strstr(path, "/blobs/") != NULL && (flags & O_DIRECTORY) == 0;
    if (is_blob && (flags & O_ACCMODE) == O_RDONLY && on_open.times > 0) {
        on_open.times--;
        on_open.act(on_open.fixture);
    }
    return __real_open64(path, flags, mode);
}

static void replace_object(struct fixture *fixture) {
    assert_ok(fixture, put_text(fixture, "a", "new"));
}

static void shorten_object(struct fixture *fixture) {
    assert_ok(fixture, put_text(fixture, "a", ""));
}

static void delete_object(struct fixture *fixture) {
    assert_ok(fixture, store_delete(fixture->store, "photos", "a", &fixture->err));
}

static void test_changed_before_open(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        void (*act)(struct fixture *fixture);
        int times;
        const char *etag;
        const char *expected; /* NULL: fails */
        const char *code;
    } cases[] = {
        {replace_object, 0, NULL, "old", NULL},
        {replace_object, 1, NULL, "new", NULL},
        {replace_object, 5, NULL, "new", NULL},
        {replace_object, 1, "149603e6c03516362a8da23f624db945", NULL, "PreconditionFailed"},
        {shorten_object, 1, NULL, NULL, "InvalidRange"},
        {delete_object, 1, NULL, NULL, "NoSuchKey"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct store_open_extent *extents = NULL;
        size_t count = 0;
        uint8_t bytes[3];
        assert_ok(fixture, put_text(fixture, "a", "old"));
        on_open.fixture = fixture;
        on_open.act = cases[i].act;
        on_open.times = cases[i].times;
        bool done = store_read(fixture->store, fixture->arena, "photos", "a", 0, 3, cases[i].etag,
                               &extents, &count, &fixture->err);
        on_open.times = 0;
        if (cases[i].expected == NULL) {
            assert_false(done);
            assert_string_equal(fixture->err.code, cases[i].code);
            continue;
        }
        assert_ok(fixture, done);
        assert_true(read_extents(extents, count, bytes));
        assert_memory_equal(bytes, cases[i].expected, 3);
    }
}

static void test_missing(void **state) {
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct error *err = &fixture->err;
    struct store_object object;
    struct store_open_extent *extents = NULL;
    size_t count = 0;
    assert_ok(fixture, store_delete(store, "photos", "none", err));
    assert_fails(fixture, store_delete(store, "other", "none", err), ERROR_NOT_FOUND,
                 "NoSuchBucket");
    assert_fails(fixture, store_head(store, fixture->arena, "photos", "none", &object, err),
                 ERROR_NOT_FOUND, "NoSuchKey");
    assert_fails(fixture, store_head(store, fixture->arena, "other", "none", &object, err),
                 ERROR_NOT_FOUND, "NoSuchBucket");
    assert_fails(
        fixture,
        store_read(store, fixture->arena, "photos", "none", 0, 0, NULL, &extents, &count, err),
        ERROR_NOT_FOUND, "NoSuchKey");
}

static void remove_blobs(const char *folder) {
    char path[128];
    for (unsigned i = 0; i < 256; i++) {
        snprintf(path, sizeof path, "%s/blobs/%02x", folder, i);
        remove_folder(path);
        assert_int_equal(mkdir(path, 0700), 0);
    }
}

static void test_lost_blob_is_an_error(void **state) {
    struct fixture *fixture = *state;
    struct store_open_extent *extents = NULL;
    size_t count = 0;
    assert_ok(fixture, put_text(fixture, "a", "old"));
    remove_blobs(fixture->folder);
    assert_fails(fixture,
                 store_read(fixture->store, fixture->arena, "photos", "a", 0, 3, NULL, &extents,
                            &count, &fixture->err),
                 ERROR_INTERNAL, "InternalError");
    assert_ok(fixture, store_delete(fixture->store, "photos", "a", &fixture->err));
}

/* ---- the folder ---- */

static void test_lock(void **state) {
    struct fixture *fixture = *state;
    struct store *second = NULL;
    assert_fails(fixture, store_open(fixture->folder, &second, &fixture->err), ERROR_UNAVAILABLE,
                 NULL);
    assert_null(second);
    fixture_reopen(fixture);
}

static void write_stray(const char *folder, const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void test_opening_cleans(void **state) {
    struct fixture *fixture = *state;
    assert_ok(fixture, put_text(fixture, "a", "kept"));
    write_stray(fixture->folder, "tmp/0123456789abcdef0123456789abcdef");
    write_stray(fixture->folder, "blobs/01/0123456789abcdef0123456789abcdef");
    write_stray(fixture->folder, "blobs/ff/odd name");
    fixture_reopen(fixture);
    assert_int_equal(count_blobs(fixture->folder), 1);
    assert_int_equal(count_temporary(fixture->folder), 0);
    assert_object(fixture, "a", "kept", 4);
}

static void test_lost_index_keeps_blobs(void **state) {
    struct fixture *fixture = *state;
    char path[128];
    assert_ok(fixture, put_text(fixture, "a", "kept"));
    store_close(fixture->store);
    fixture->store = NULL;
    snprintf(path, sizeof path, "%s/index.db", fixture->folder);
    assert_int_equal(unlink(path), 0);
    assert_fails(fixture, store_open(fixture->folder, &fixture->store, &fixture->err),
                 ERROR_INTERNAL, "InternalError");
    assert_int_equal(count_blobs(fixture->folder), 1);
}

static void test_damaged_index(void **state) {
    struct fixture *fixture = *state;
    char path[128];
    store_close(fixture->store);
    fixture->store = NULL;
    snprintf(path, sizeof path, "%s/index.db", fixture->folder);
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, "this is not an index, but long enough to be looked at", 53), 53);
    close(fd);
    assert_fails(fixture, store_open(fixture->folder, &fixture->store, &fixture->err),
                 ERROR_INTERNAL, "InternalError");
}

static void test_modes(void **state) {
    struct fixture *fixture = *state;
    assert_ok(fixture, put_text(fixture, "a", "x"));
    static const struct {
        const char *name;
        unsigned mode;
    } cases[] = {
        {"", 0700},          {"/blobs", 0700},        {"/blobs/7f", 0700}, {"/tmp", 0700},
        {"/index.db", 0600}, {"/index.db-wal", 0600}, {"/lock", 0600},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char path[128];
        struct stat info;
        snprintf(path, sizeof path, "%s%s", fixture->folder, cases[i].name);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, cases[i].mode);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put_and_read, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_sums, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_keys, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_limits, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_conditions, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_race, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_reading_while_replaced, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_ranges, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_open_reader_stays_whole, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_changed_before_open, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_missing, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_lost_blob_is_an_error, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_lock, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_opening_cleans, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_lost_index_keeps_blobs, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_damaged_index, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_modes, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
