/*
 * Blobs: immutable files named by a random id, and the counted extents that refer to them.
 *
 * A body comes in as DIR/tmp/ID and is hashed on the way. Publishing syncs the file, renames it to
 * DIR/blobs/xx/ID and syncs that folder; only then may a transaction name it. Dropping goes the
 * other way round: the row first, the file after the commit. Whatever a crash leaves between is a
 * file without a row, and opening removes it.
 */
#include "base/codec.h"
#include "base/os.h"
#include "store/internal.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOB_FOLDERS = 256 };

/* ---- lists of names ---- */

void blob_names_add(struct blob_names *names, const char *name) {
    if (names->count == names->capacity) {
        size_t capacity = names->capacity != 0 ? 2 * names->capacity : 16;
        void *grown = reallocarray(names->names, capacity, sizeof *names->names);
        if (grown == NULL)
            die_out_of_memory();
        names->names = grown;
        names->capacity = capacity;
    }
    memcpy(names->names[names->count++], name, BLOB_NAME_SIZE);
}

void blob_names_clear(struct blob_names *names) {
    free(names->names);
    *names = (struct blob_names){0};
}

void blob_names_move(struct blob_names *to, struct blob_names *from) {
    for (size_t i = 0; i < from->count; i++)
        blob_names_add(to, from->names[i]);
    blob_names_clear(from);
}

/* ---- files ---- */

static void temporary_path(const struct store *store, const char *name, char *ret) {
    snprintf(ret, MAX_PATH_BYTES, "%s/tmp/%s", store->folder, name);
}

static void blob_path(const struct store *store, const char *name, char *ret) {
    snprintf(ret, MAX_PATH_BYTES, "%s/blobs/%.2s/%s", store->folder, name, name);
}

void blobs_unlink(struct store *store, const struct blob_names *names) {
    for (size_t i = 0; i < names->count; i++) {
        char path[MAX_PATH_BYTES];
        blob_path(store, names->names[i], path);
        unlink(path);
    }
}

bool blob_open(struct store *store, const char *name, int *ret_fd, struct error *err) {
    char path[MAX_PATH_BYTES];
    blob_path(store, name, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        *ret_fd = fd;
        return true;
    }
    if (errno == EMFILE || errno == ENFILE)
        return error_set(err, ERROR_UNAVAILABLE, "ServiceUnavailable", "too many open files");
    error_errno(err, "open blob '%s'", name);
    err->code = "InternalError";
    return false;
}

static bool make_folder(const char *path, struct error *err) {
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return true;
    return error_errno(err, "make folder '%s'", path);
}

bool blobs_make_folders(struct store *store, struct error *err) {
    char path[MAX_PATH_BYTES];
    snprintf(path, sizeof path, "%s/tmp", store->folder);
    if (!make_folder(path, err))
        return false;
    snprintf(path, sizeof path, "%s/blobs", store->folder);
    if (!make_folder(path, err))
        return false;
    for (unsigned i = 0; i < BLOB_FOLDERS; i++) {
        snprintf(path, sizeof path, "%s/blobs/%02x", store->folder, i);
        if (!make_folder(path, err))
            return false;
    }
    return sync_parent(path, err);
}

/* ---- start-up ---- */

static void close_folder(DIR **folder) {
    if (*folder != NULL)
        closedir(*folder);
}

typedef bool entry_function(struct store *store, int folder_fd, const char *name, void *context,
                            struct error *err);

/* Calls `function` for each entry of a folder of the store. */
static bool for_each_entry(struct store *store, const char *relative, entry_function *function,
                           void *context, struct error *err) {
    char path[MAX_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", store->folder, relative);
    CLEANUP(close_folder) DIR *folder = opendir(path);
    if (folder == NULL)
        return error_errno(err, "open folder '%s'", path);
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL)
            break;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!function(store, dirfd(folder), entry->d_name, context, err))
            return false;
    }
    return errno == 0 || error_errno(err, "read folder '%s'", path);
}

static bool for_each_blob(struct store *store, entry_function *function, void *context,
                          struct error *err) {
    for (unsigned i = 0; i < BLOB_FOLDERS; i++) {
        char relative[16];
        snprintf(relative, sizeof relative, "blobs/%02x", i);
        if (!for_each_entry(store, relative, function, context, err))
            return false;
    }
    return true;
}

static bool note_entry(struct store *store, int folder_fd, const char *name, void *context,
                       struct error *err) {
    (void)store, (void)folder_fd, (void)name, (void)err;
    *(bool *)context = true;
    return true;
}

bool blobs_any(struct store *store, bool *ret, struct error *err) {
    bool any = false;
    if (!for_each_blob(store, note_entry, &any, err))
        return false;
    *ret = any;
    return true;
}

static bool remove_entry(struct store *store, int folder_fd, const char *name, void *context,
                         struct error *err) {
    (void)context;
    if (unlinkat(folder_fd, name, 0) == 0 || errno == ENOENT)
        return true;
    return error_errno(err, "remove '%s' from '%s'", name, store->folder);
}

static bool remove_unnamed(struct store *store, int folder_fd, const char *name, void *context,
                           struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(store->writer, "SELECT 1 FROM blobs WHERE name = ?");
    bind_text(&query, name);
    bool named = false;
    if (!query_step(&query, &named, err))
        return false;
    return named || remove_entry(store, folder_fd, name, context, err);
}

bool blobs_clean(struct store *store, struct error *err) {
    return for_each_entry(store, "tmp", remove_entry, NULL, err) &&
           for_each_blob(store, remove_unnamed, NULL, err);
}

/* ---- bodies ---- */

bool store_body_new(struct store *store, struct store_body **ret, struct error *err) {
    (void)err;
    struct store_body *body = calloc(1, sizeof *body);
    if (body == NULL)
        die_out_of_memory();
    body->store = store;
    body->fd = -1;
    uint8_t id[(BLOB_NAME_SIZE - 1) / 2];
    random_bytes(id, sizeof id);
    hex_encode(id, sizeof id, body->name);
    body->md5 = digest_new(DIGEST_MD5);
    body->sha256 = digest_new(DIGEST_SHA256);
    *ret = body;
    return true;
}

/* The disk being full is for the client to know; the rest is ours. */
static bool body_error(const struct store_body *body, struct error *err) {
    if (err->kind == ERROR_LIMIT)
        return error_set(err, ERROR_LIMIT, "InsufficientStorage",
                         "disk full while storing an object of %llu bytes or more in '%.512s'",
                         (unsigned long long)body->size, body->store->folder);
    err->kind = ERROR_INTERNAL;
    err->code = "InternalError";
    return false;
}

static bool open_temporary(struct store_body *body, struct error *err) {
    char path[MAX_PATH_BYTES];
    temporary_path(body->store, body->name, path);
    body->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return body->fd >= 0 || error_errno(err, "make '%s'", path);
}

/* What was written of a broken body goes at once, not when the body is freed: who is told that the
 * disk is full may try something smaller in the next moment. */
static void give_back(struct store_body *body) {
    char path[MAX_PATH_BYTES];
    temporary_path(body->store, body->name, path);
    unlink(path);
    close(body->fd);
    body->fd = -1;
}

bool store_body_add(struct store_body *body, const void *data, size_t size, struct error *err) {
    assert(!body->published && body->md5 != NULL);
    if (size == 0)
        return true;
    if (size > STORE_MAX_PUT_BYTES - body->size)
        return error_set(err, ERROR_LIMIT, "EntityTooLarge", "body is over the limit of %llu bytes",
                         (unsigned long long)STORE_MAX_PUT_BYTES);
    if (body->fd < 0 && !open_temporary(body, err))
        return body_error(body, err);
    if (!write_all(body->fd, data, size, err)) {
        body->broken = true;
        give_back(body);
        return body_error(body, err);
    }
    body->size += size;
    digest_add(body->md5, data, size);
    digest_add(body->sha256, data, size);
    return true;
}

uint64_t store_body_size(const struct store_body *body) {
    return body->size;
}

static void take_sums(struct store_body *body) {
    if (body->md5 == NULL)
        return;
    digest_take(body->md5, body->md5_sum);
    digest_take(body->sha256, body->sha256_sum);
    digest_free(body->md5);
    digest_free(body->sha256);
    body->md5 = NULL;
    body->sha256 = NULL;
}

void store_body_md5(struct store_body *body, void *ret) {
    take_sums(body);
    memcpy(ret, body->md5_sum, sizeof body->md5_sum);
}

void store_body_sha256(struct store_body *body, void *ret) {
    take_sums(body);
    memcpy(ret, body->sha256_sum, sizeof body->sha256_sum);
}

void store_body_free(struct store_body *body) {
    if (body == NULL)
        return;
    if (body->fd >= 0 && !body->taken) {
        char path[MAX_PATH_BYTES];
        if (body->published)
            blob_path(body->store, body->name, path);
        else
            temporary_path(body->store, body->name, path);
        unlink(path);
    }
    fd_cleanup(&body->fd);
    digest_free(body->md5);
    digest_free(body->sha256);
    free(body);
}

bool body_publish(struct store_body *body, struct error *err) {
    if (body->broken)
        return error_set(err, ERROR_INTERNAL, "InternalError", "a write of the body has failed");
    if (body->fd < 0 || body->published)
        return true;
    char from[MAX_PATH_BYTES];
    char to[MAX_PATH_BYTES];
    temporary_path(body->store, body->name, from);
    blob_path(body->store, body->name, to);
    if (fsync(body->fd) != 0) {
        error_errno(err, "sync '%s'", from);
        return body_error(body, err);
    }
    if (rename(from, to) != 0) {
        error_errno(err, "rename '%s'", from);
        return body_error(body, err);
    }
    body->published = true;
    return sync_parent(to, err) || body_error(body, err);
}

/* ---- extents ---- */

static bool insert_extent(struct transaction *transaction, int64_t owner, int64_t position,
                          const struct extent *extent, struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(transaction->connection,
                                     "INSERT INTO extents (owner, position, blob, offset, length)"
                                     " VALUES (?, ?, ?, ?, ?)");
    bind_int(&query, owner);
    bind_int(&query, position);
    bind_text(&query, extent->blob);
    bind_int(&query, (int64_t)extent->offset);
    bind_int(&query, (int64_t)extent->length);
    return query_run(&query, err);
}

bool extents_add_body(struct transaction *transaction, int64_t owner, const struct store_body *body,
                      struct error *err) {
    if (body->size == 0)
        return true;
    assert(body->published);
    CLEANUP(query_end)
    struct query query =
        query_begin(transaction->connection, "INSERT INTO blobs (name, refs) VALUES (?, 1)");
    bind_text(&query, body->name);
    if (!query_run(&query, err))
        return false;
    struct extent extent = {.length = body->size};
    memcpy(extent.blob, body->name, sizeof extent.blob);
    if (!insert_extent(transaction, owner, 0, &extent, err))
        return false;
    blob_names_add(&transaction->added, body->name);
    return true;
}

bool extents_add(struct transaction *transaction, int64_t owner, const struct extent *extents,
                 size_t count, struct error *err) {
    CLEANUP(query_end)
    struct query query =
        query_begin(transaction->connection, "UPDATE blobs SET refs = refs + 1 WHERE name = ?");
    for (size_t i = 0; i < count; i++) {
        query_again(&query);
        bind_text(&query, extents[i].blob);
        if (!query_run(&query, err) ||
            !insert_extent(transaction, owner, (int64_t)i, &extents[i], err))
            return false;
    }
    return true;
}

bool extents_move(struct transaction *transaction, int64_t from, int64_t to, int64_t *position,
                  struct error *err) {
    CLEANUP(query_end)
    struct query query =
        query_begin(transaction->connection, "UPDATE extents SET owner = ?, position = position + ?"
                                             " WHERE owner = ?");
    bind_int(&query, to);
    bind_int(&query, *position);
    bind_int(&query, from);
    if (!query_run(&query, err))
        return false;
    *position += sqlite3_changes64(transaction->connection->db);
    return true;
}

bool extents_share(struct transaction *transaction, int64_t from, int64_t to, struct error *err) {
    static const char *const steps[] = {
        "UPDATE blobs SET refs = refs + ("
        "  SELECT count(*) FROM extents WHERE owner = ?1 AND blob = blobs.name)"
        " WHERE name IN (SELECT blob FROM extents WHERE owner = ?1) AND ?2 = ?2",
        "INSERT INTO extents (owner, position, blob, offset, length)"
        " SELECT ?2, position, blob, offset, length FROM extents WHERE owner = ?1",
        "INSERT INTO object_parts (owner, number, size, checksum)"
        " SELECT ?2, number, size, checksum FROM object_parts WHERE owner = ?1",
    };
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        CLEANUP(query_end) struct query query = query_begin(transaction->connection, steps[i]);
        bind_int(&query, from);
        bind_int(&query, to);
        if (!query_run(&query, err))
            return false;
    }
    return true;
}

static bool drop_reference(struct transaction *transaction, const char *blob, struct error *err) {
    CLEANUP(query_end)
    struct query last =
        query_begin(transaction->connection, "DELETE FROM blobs WHERE name = ? AND refs = 1");
    bind_text(&last, blob);
    if (!query_run(&last, err))
        return false;
    if (sqlite3_changes64(transaction->connection->db) != 0) {
        blob_names_add(&transaction->dropped, blob);
        return true;
    }
    CLEANUP(query_end)
    struct query query =
        query_begin(transaction->connection, "UPDATE blobs SET refs = refs - 1 WHERE name = ?");
    bind_text(&query, blob);
    return query_run(&query, err);
}

static void extent_from_row(struct query *query, struct extent *ret) {
    struct str blob = column_str(query, 0);
    *ret = (struct extent){.offset = (uint64_t)column_int(query, 1),
                           .length = (uint64_t)column_int(query, 2)};
    if (blob.len < sizeof ret->blob)
        memcpy(ret->blob, blob.ptr, blob.len);
}

static bool delete_owned(struct transaction *transaction, const char *sql, int64_t owner,
                         struct error *err) {
    CLEANUP(query_end) struct query query = query_begin(transaction->connection, sql);
    bind_int(&query, owner);
    return query_run(&query, err);
}

bool extents_drop(struct transaction *transaction, int64_t owner, struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(transaction->connection,
                                     "SELECT blob, offset, length FROM extents WHERE owner = ?");
    bind_int(&query, owner);
    bool row = false;
    while (query_step(&query, &row, err)) {
        if (!row) {
            return delete_owned(transaction, "DELETE FROM extents WHERE owner = ?", owner, err) &&
                   delete_owned(transaction, "DELETE FROM object_parts WHERE owner = ?", owner,
                                err);
        }
        struct extent extent;
        extent_from_row(&query, &extent);
        if (!drop_reference(transaction, extent.blob, err))
            return false;
    }
    return false;
}

/* The part of `extent`, which starts at `start` of the object, that lies in the range. */
static bool cut_extent(struct extent *extent, uint64_t start, uint64_t first, uint64_t length) {
    uint64_t end = start + extent->length;
    uint64_t from = first > start ? first : start;
    uint64_t to = first + length < end ? first + length : end;
    if (from >= to)
        return false;
    extent->offset += from - start;
    extent->length = to - from;
    return true;
}

static bool count_extents(struct connection *connection, int64_t owner, size_t *ret,
                          struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(connection, "SELECT count(*) FROM extents WHERE owner = ?");
    bind_int(&query, owner);
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    *ret = (size_t)column_int(&query, 0);
    return true;
}

bool extents_read(struct connection *connection, struct arena *arena, int64_t owner, uint64_t first,
                  uint64_t length, struct extent **ret, size_t *ret_count, struct error *err) {
    size_t total = 0;
    if (!count_extents(connection, owner, &total, err))
        return false;
    struct extent *extents = arena_array(arena, total, sizeof *extents);
    CLEANUP(query_end)
    struct query query =
        query_begin(connection, "SELECT blob, offset, length FROM extents WHERE owner = ?"
                                " ORDER BY position");
    bind_int(&query, owner);
    size_t count = 0;
    uint64_t start = 0;
    bool row = true;
    while (start < first + length) {
        if (!query_step(&query, &row, err))
            return false;
        if (!row)
            break;
        struct extent extent;
        extent_from_row(&query, &extent);
        uint64_t whole = extent.length;
        if (cut_extent(&extent, start, first, length))
            extents[count++] = extent;
        start += whole;
    }
    *ret = extents;
    *ret_count = count;
    return true;
}
