#include "fixture.h"

#include "base/os.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void make_temporary_folder(char *ret) {
    const char *base = getenv("TMPDIR");
    snprintf(ret, 64, "%.30s/store-test-XXXXXX", base != NULL && base[0] != '\0' ? base : "/tmp");
    assert_non_null(mkdtemp(ret));
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk) {
    (void)info, (void)type, (void)walk;
    return remove(path);
}

void remove_folder(const char *path) {
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void copy_file(const char *from, const char *to) {
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    struct error err;
    struct str contents;
    if (!read_file(arena, from, 64 << 20, &contents, &err))
        fail_msg("%s", err.text);
    CLEANUP(fd_cleanup) int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_true(contents.len == 0 || write_all(fd, contents.ptr, contents.len, &err));
}

void copy_folder(const char *from, const char *to) {
    mkdir(to, 0700);
    DIR *folder = opendir(from);
    assert_non_null(folder);
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char source[512];
        char target[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
        snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
        if (entry->d_type == DT_DIR)
            copy_folder(source, target);
        else
            copy_file(source, target);
    }
    closedir(folder);
}

int fixture_setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    make_temporary_folder(fixture->folder);
    fixture->arena = arena_new();
    assert_ok(fixture, store_open(fixture->folder, &fixture->store, &fixture->err));
    assert_ok(fixture, store_create_bucket(fixture->store, "photos", 1000, &fixture->err));
    *state = fixture;
    return 0;
}

int fixture_teardown(void **state) {
    struct fixture *fixture = *state;
    if (fixture->store != NULL)
        assert_sound(fixture->folder);
    store_close(fixture->store);
    remove_folder(fixture->folder);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

void fixture_reopen(struct fixture *fixture) {
    store_close(fixture->store);
    fixture->store = NULL;
    assert_ok(fixture, store_open(fixture->folder, &fixture->store, &fixture->err));
}

void assert_ok(struct fixture *fixture, bool ok) {
    if (!ok)
        fail_msg("%s: %s", error_kind_name(fixture->err.kind), fixture->err.text);
}

void assert_fails(struct fixture *fixture, bool ok, enum error_kind kind, const char *code) {
    assert_false(ok);
    assert_string_equal(error_kind_name(fixture->err.kind), error_kind_name(kind));
    if (code == NULL)
        return;
    assert_non_null(fixture->err.code);
    assert_string_equal(fixture->err.code, code);
}

struct store_put make_put(const char *key) {
    return (struct store_put){
        .bucket = "photos",
        .key = key,
        .content_type = "image/jpeg",
        .metadata = "",
        .event_name = "ObjectCreated:Put",
        .request_id = "request-1",
        .source_ip = "127.0.0.1",
        .principal = "owner",
        .now_unix_ms = 5000,
    };
}

struct store_body *make_body(struct store *store, const void *data, size_t size,
                             struct error *err) {
    struct store_body *body = NULL;
    if (!store_body_new(store, &body, err))
        return NULL;
    /* In two pieces, as the network brings them. */
    size_t half = size / 2;
    if (store_body_add(body, data, half, err) &&
        store_body_add(body, (const uint8_t *)data + half, size - half, err))
        return body;
    store_body_free(body);
    return NULL;
}

bool put_bytes(struct store *store, struct arena *arena, const struct store_put *put,
               const void *data, size_t size, struct store_object *ret, struct error *err) {
    struct store_body *body = make_body(store, data, size, err);
    if (body == NULL)
        return false;
    bool done = store_put(store, arena, body, put, ret, err);
    store_body_free(body);
    return done;
}

bool put_text(struct fixture *fixture, const char *key, const char *text) {
    struct store_put put = make_put(key);
    struct store_object object;
    return put_bytes(fixture->store, fixture->arena, &put, text, strlen(text), &object,
                     &fixture->err);
}

uint32_t next_number(uint32_t *seed) {
    uint32_t x = *seed;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *seed = x;
}

uint8_t *make_bytes(struct arena *arena, uint32_t seed, size_t size) {
    uint8_t *bytes = arena_alloc(arena, size + 4);
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < size; i += 4) {
        uint32_t number = next_number(&state);
        memcpy(bytes + i, &number, 4);
    }
    return bytes;
}

bool read_extents(const struct store_open_extent *extents, size_t count, uint8_t *ret) {
    bool done = true;
    for (size_t i = 0; i < count; i++) {
        for (uint64_t at = 0; done && at < extents[i].length;) {
            ssize_t got =
                pread(extents[i].fd, ret, extents[i].length - at, (off_t)(extents[i].offset + at));
            done = got > 0;
            if (done) {
                at += (uint64_t)got;
                ret += got;
            }
        }
        close(extents[i].fd);
    }
    return done;
}

uint8_t *read_object(struct fixture *fixture, const char *key, size_t *ret_size) {
    struct store_object object;
    struct store_open_extent *extents = NULL;
    size_t count = 0;
    assert_ok(fixture,
              store_head(fixture->store, fixture->arena, "photos", key, &object, &fixture->err));
    assert_ok(fixture, store_read(fixture->store, fixture->arena, "photos", key, 0, object.size,
                                  object.etag, &extents, &count, &fixture->err));
    uint8_t *bytes = arena_alloc(fixture->arena, object.size);
    assert_true(read_extents(extents, count, bytes));
    *ret_size = object.size;
    return bytes;
}

void assert_object(struct fixture *fixture, const char *key, const void *data, size_t size) {
    size_t got = 0;
    const uint8_t *bytes = read_object(fixture, key, &got);
    assert_int_equal(got, size);
    if (size != 0)
        assert_memory_equal(bytes, data, size);
}

static size_t count_files(const char *path) {
    DIR *folder = opendir(path);
    assert_non_null(folder);
    size_t count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

size_t count_blobs(const char *folder) {
    size_t count = 0;
    for (unsigned i = 0; i < 256; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/blobs/%02x", folder, i);
        count += count_files(path);
    }
    return count;
}

size_t count_temporary(const char *folder) {
    char path[128];
    snprintf(path, sizeof path, "%s/tmp", folder);
    return count_files(path);
}

static int64_t ask(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return answer;
}

void assert_sound(const char *folder) {
    static const char *const wrong[] = {
        "SELECT count(*) FROM blobs WHERE refs !="
        " (SELECT count(*) FROM extents WHERE extents.blob = blobs.name)",
        "SELECT count(*) FROM extents WHERE blob NOT IN (SELECT name FROM blobs)",
        "SELECT count(*) FROM extents WHERE owner NOT IN"
        " (SELECT version FROM objects UNION ALL SELECT owner FROM parts)",
        "SELECT count(*) FROM object_parts WHERE owner NOT IN (SELECT version FROM objects)",
        "SELECT count(*) FROM objects WHERE part_count !="
        " (SELECT count(*) FROM object_parts WHERE owner = version)",
        "SELECT count(*) FROM objects WHERE size !="
        " (SELECT coalesce(sum(length), 0) FROM extents WHERE owner = version)",
        "SELECT count(*) FROM parts WHERE size !="
        " (SELECT coalesce(sum(length), 0) FROM extents WHERE extents.owner = parts.owner)",
        "SELECT count(*) FROM parts WHERE upload NOT IN"
        " (SELECT id FROM uploads WHERE completed_ms IS NULL)",
        "SELECT count(*) FROM objects WHERE bucket NOT IN (SELECT id FROM buckets)",
    };
    char path[128];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/index.db", folder);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        if (ask(db, wrong[i]) != 0)
            fail_msg("%s", wrong[i]);
    }
    assert_int_equal(ask(db, "SELECT count(*) FROM pragma_integrity_check"
                             " WHERE integrity_check = 'ok'"),
                     1);
    int64_t blobs = ask(db, "SELECT count(*) FROM blobs");
    sqlite3_close(db);
    assert_int_equal(count_blobs(folder), blobs);
    assert_int_equal(count_temporary(folder), 0);
}

uint64_t queue_size(struct fixture *fixture) {
    uint64_t depth = 0;
    assert_ok(fixture, queue_depth(fixture->store, &depth, &fixture->err));
    return depth;
}
