/*
 * Access keys and what they allow.
 *
 * The index has them durably; requests ask a copy in memory, sorted by access key, under a
 * read-write lock. A change commits first and then replaces the key's entry, and changes go one
 * after the other, so that the copy ends up saying what the index says.
 */
#include "base/os.h"
#include "store/internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_KEY_TEXT_BYTES = 128 };

enum { MAX_TOKEN_BYTES = 2048 };
/* Long enough that who comes late learns that his key has expired, not that there is none. */
#define EXPIRED_KEPT_MS (INT64_C(24) * 60 * 60 * 1000)

/* Immutable; with its texts in its own arena. */
struct key_entry {
    struct arena *arena;
    const char *access_key;
    const char *secret_key;
    const char *session_token;
    int64_t expires_unix_ms;
    struct store_statement *statements;
    size_t count;
};

struct rights {
    pthread_mutex_t order; /* held from a change's commit to its arrival in the table */
    pthread_rwlock_t lock; /* guards the table and what the mark was when it was read */
    struct key_entry **entries;
    size_t count;
    size_t capacity;
    int64_t mark_ns;
    uint64_t mark_inode;
};

static void entry_free(struct key_entry *entry) {
    if (entry != NULL)
        arena_free(entry->arena);
}

static void entry_cleanup(struct key_entry **entry) {
    entry_free(*entry);
}

static struct key_entry *entry_new(const struct store_temporary_key *key, size_t count) {
    struct arena *arena = arena_new();
    struct key_entry *entry = arena_alloc(arena, sizeof *entry);
    entry->arena = arena;
    entry->access_key = arena_strdup(arena, key->access_key);
    entry->secret_key = arena_strdup(arena, key->secret_key);
    entry->session_token = arena_strdup(arena, text_or_empty(key->session_token));
    entry->expires_unix_ms = key->expires_unix_ms;
    entry->statements = arena_array(arena, count, sizeof *entry->statements);
    return entry;
}

static void entry_add(struct key_entry *entry, const char *action, const char *bucket,
                      const char *prefix) {
    entry->statements[entry->count++] = (struct store_statement){
        .action = arena_strdup(entry->arena, action),
        .bucket = arena_strdup(entry->arena, bucket),
        .prefix = arena_strdup(entry->arena, prefix),
    };
}

/* ---- the table ---- */

/* Index of the first entry not before `access_key`. */
static size_t table_place(const struct rights *rights, const char *access_key, bool *ret_found) {
    size_t low = 0;
    size_t high = rights->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(rights->entries[middle]->access_key, access_key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = low < rights->count && strcmp(rights->entries[low]->access_key, access_key) == 0;
    return low;
}

static const struct key_entry *table_find(const struct rights *rights, const char *access_key) {
    bool found = false;
    size_t place = table_place(rights, access_key, &found);
    return found ? rights->entries[place] : NULL;
}

/* Takes the entry. */
static void table_put(struct rights *rights, struct key_entry *entry) {
    bool found = false;
    size_t place = table_place(rights, entry->access_key, &found);
    if (found) {
        entry_free(rights->entries[place]);
        rights->entries[place] = entry;
        return;
    }
    if (rights->count == rights->capacity) {
        rights->capacity = rights->capacity != 0 ? 2 * rights->capacity : 16;
        void *grown = reallocarray(rights->entries, rights->capacity, sizeof(struct key_entry *));
        if (grown == NULL)
            die_out_of_memory();
        rights->entries = grown;
    }
    memmove(&rights->entries[place + 1], &rights->entries[place],
            (rights->count - place) * sizeof(struct key_entry *));
    rights->entries[place] = entry;
    rights->count++;
}

static void table_remove(struct rights *rights, const char *access_key) {
    bool found = false;
    size_t place = table_place(rights, access_key, &found);
    if (!found)
        return;
    entry_free(rights->entries[place]);
    rights->count--;
    memmove(&rights->entries[place], &rights->entries[place + 1],
            (rights->count - place) * sizeof(struct key_entry *));
}

/* ---- loading ---- */

static bool load_statements(struct connection *connection, struct key_entry *entry,
                            struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(connection, "SELECT action, bucket, prefix FROM statements"
                                                 " WHERE access_key = ? ORDER BY position");
    bind_text(&query, entry->access_key);
    while (entry->count < STORE_MAX_STATEMENTS) {
        bool row = false;
        if (!query_step(&query, &row, err))
            return false;
        if (!row)
            break;
        entry_add(entry, column_text(&query, entry->arena, 0), column_text(&query, entry->arena, 1),
                  column_text(&query, entry->arena, 2));
    }
    return true;
}

static bool load_table(struct connection *connection, struct rights *table, struct error *err) {
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    CLEANUP(query_end)
    struct query query =
        query_begin(connection, "SELECT access_key, secret_key, session_token, expires_ms"
                                " FROM access_keys");
    for (;;) {
        bool row = false;
        if (!query_step(&query, &row, err))
            return false;
        if (!row)
            return true;
        const struct store_temporary_key key = {
            .access_key = column_text(&query, arena, 0),
            .secret_key = column_text(&query, arena, 1),
            .session_token = column_text(&query, arena, 2),
            .expires_unix_ms = column_int(&query, 3),
        };
        struct key_entry *entry = entry_new(&key, STORE_MAX_STATEMENTS);
        table_put(table, entry);
        if (!load_statements(connection, entry, err))
            return false;
    }
}

/* ---- changes by other processes ---- */

/* A process that changes keys beside a server touches this file after its commit. */
static void mark_path(const struct store *store, char ret[MAX_PATH_BYTES]) {
    snprintf(ret, MAX_PATH_BYTES, "%s/keys.changed", store->folder);
}

static bool touch_mark(const struct store *store, struct error *err) {
    char path[MAX_PATH_BYTES];
    mark_path(store, path);
    return publish_file(path, "", 0, 0600, err);
}

static void read_mark(const struct store *store, int64_t *ret_ns, uint64_t *ret_inode) {
    char path[MAX_PATH_BYTES];
    struct stat info;
    mark_path(store, path);
    *ret_ns = 0;
    *ret_inode = 0;
    if (stat(path, &info) == 0) {
        *ret_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
        *ret_inode = (uint64_t)info.st_ino;
    }
}

static void table_clear(struct rights *rights) {
    for (size_t i = 0; i < rights->count; i++)
        entry_free(rights->entries[i]);
    free(rights->entries);
    rights->entries = NULL;
    rights->count = rights->capacity = 0;
}

static void swap_table(struct rights *rights, struct rights *other) {
    struct key_entry **entries = rights->entries;
    size_t count = rights->count;
    size_t capacity = rights->capacity;
    rights->entries = other->entries;
    rights->count = other->count;
    rights->capacity = other->capacity;
    other->entries = entries;
    other->count = count;
    other->capacity = capacity;
}

/* Takes over what another process has changed. When it cannot, what was known stays, and the next
 * request tries again. */
static void refresh(struct store *store) {
    struct rights *rights = store->rights;
    int64_t ns;
    uint64_t inode;
    read_mark(store, &ns, &inode);
    pthread_rwlock_rdlock(&rights->lock);
    bool same = ns == rights->mark_ns && inode == rights->mark_inode;
    pthread_rwlock_unlock(&rights->lock);
    if (same)
        return;
    pthread_mutex_lock(&rights->order);
    struct rights fresh = {0};
    struct error ignored;
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    if (load_table(reader, &fresh, &ignored)) {
        pthread_rwlock_wrlock(&rights->lock);
        swap_table(rights, &fresh);
        rights->mark_ns = ns;
        rights->mark_inode = inode;
        pthread_rwlock_unlock(&rights->lock);
    }
    table_clear(&fresh);
    pthread_mutex_unlock(&rights->order);
}

bool rights_load(struct store *store, struct error *err) {
    struct rights *rights = calloc(1, sizeof *rights);
    if (rights == NULL)
        die_out_of_memory();
    pthread_mutex_init(&rights->order, NULL);
    /* The default lets a stream of requests keep a change of rights waiting. */
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&rights->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    store->rights = rights;
    read_mark(store, &rights->mark_ns, &rights->mark_inode);
    return load_table(store->writer, rights, err);
}

void rights_free(struct rights *rights) {
    if (rights == NULL)
        return;
    table_clear(rights);
    pthread_rwlock_destroy(&rights->lock);
    pthread_mutex_destroy(&rights->order);
    free(rights);
}

/* ---- changing ---- */

static bool check_text(const char *what, const char *text, size_t min_bytes, size_t max_bytes,
                       struct error *err) {
    size_t length = strnlen(text, max_bytes + 1);
    if (length >= min_bytes && length <= max_bytes)
        return true;
    return error_set(err, ERROR_INVALID, "InvalidArgument", "%s needs %zu to %zu bytes", what,
                     min_bytes, max_bytes);
}

static bool check_key(const char *access_key, const char *secret_key,
                      const struct store_statement *statements, size_t count, struct error *err) {
    if (!check_text("access key", access_key, 1, MAX_KEY_TEXT_BYTES, err) ||
        !check_text("secret key", secret_key, 1, MAX_KEY_TEXT_BYTES, err))
        return false;
    if (count > STORE_MAX_STATEMENTS)
        return error_set(err, ERROR_LIMIT, "InvalidArgument",
                         "key '%s': %zu statements are over the limit of %d", access_key, count,
                         STORE_MAX_STATEMENTS);
    for (size_t i = 0; i < count; i++) {
        if (!check_text("action", statements[i].action, 1, MAX_KEY_TEXT_BYTES, err) ||
            !check_text("bucket of a statement", statements[i].bucket, 1, MAX_KEY_TEXT_BYTES,
                        err) ||
            !check_text("prefix of a statement", text_or_empty(statements[i].prefix), 0,
                        STORE_MAX_KEY_BYTES, err))
            return error_prefix(err, "key '%s'", access_key);
    }
    return true;
}

static bool statements_equal(const struct store_statement *a, const struct store_statement *b,
                             size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(a[i].action, b[i].action) != 0 || strcmp(a[i].bucket, b[i].bucket) != 0 ||
            strcmp(a[i].prefix, b[i].prefix) != 0)
            return false;
    }
    return true;
}

/* Only called with `order` held: nobody else changes the table. */
static bool is_unchanged(const struct rights *rights, const struct key_entry *entry) {
    const struct key_entry *old = table_find(rights, entry->access_key);
    return old != NULL && strcmp(old->secret_key, entry->secret_key) == 0 &&
           strcmp(old->session_token, entry->session_token) == 0 &&
           old->expires_unix_ms == entry->expires_unix_ms && old->count == entry->count &&
           statements_equal(old->statements, entry->statements, entry->count);
}

static bool delete_rows(struct connection *connection, const char *sql, const char *access_key,
                        struct error *err) {
    CLEANUP(query_end) struct query query = query_begin(connection, sql);
    bind_text(&query, access_key);
    return query_run(&query, err);
}

static bool delete_key_rows(struct connection *connection, const char *access_key,
                            struct error *err) {
    return delete_rows(connection, "DELETE FROM statements WHERE access_key = ?", access_key,
                       err) &&
           delete_rows(connection, "DELETE FROM access_keys WHERE access_key = ?", access_key, err);
}

static bool insert_statement(struct connection *connection, const struct key_entry *entry,
                             size_t position, struct error *err) {
    const struct store_statement *statement = &entry->statements[position];
    CLEANUP(query_end)
    struct query query = query_begin(
        connection, "INSERT INTO statements (access_key, position, action, bucket, prefix)"
                    " VALUES (?, ?, ?, ?, ?)");
    bind_text(&query, entry->access_key);
    bind_int(&query, (int64_t)position);
    bind_text(&query, statement->action);
    bind_text(&query, statement->bucket);
    bind_text(&query, statement->prefix);
    return query_run(&query, err);
}

static bool write_entry(struct store *store, const struct key_entry *entry, struct error *err) {
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    if (!transaction_begin(store, &transaction, err) ||
        !delete_key_rows(transaction.connection, entry->access_key, err))
        return false;
    struct query query =
        query_begin(transaction.connection,
                    "INSERT INTO access_keys (access_key, secret_key, session_token, expires_ms)"
                    " VALUES (?, ?, ?, ?)");
    bind_text(&query, entry->access_key);
    bind_text(&query, entry->secret_key);
    bind_text(&query, entry->session_token);
    bind_int(&query, entry->expires_unix_ms);
    bool done = query_run(&query, err);
    query_end(&query); /* before the commit lets another writer at the statement */
    if (!done)
        return false;
    for (size_t i = 0; i < entry->count; i++) {
        if (!insert_statement(transaction.connection, entry, i, err))
            return false;
    }
    return transaction_commit(&transaction, err);
}

/* Takes the entry when it returns true. */
static bool change(struct store *store, struct key_entry *entry, struct error *err) {
    struct rights *rights = store->rights;
    bool is_new = table_find(rights, entry->access_key) == NULL;
    if (is_new && rights->count >= STORE_MAX_KEYS)
        return error_set(err, ERROR_LIMIT, NULL, "there are %d access keys already",
                         STORE_MAX_KEYS);
    if (!write_entry(store, entry, err))
        return false;
    pthread_rwlock_wrlock(&rights->lock);
    table_put(rights, entry);
    pthread_rwlock_unlock(&rights->lock);
    return true;
}

bool store_put_temporary_key(struct store *store, const struct store_temporary_key *key,
                             const struct store_statement *statements, size_t count,
                             struct error *err) {
    if (!check_key(key->access_key, key->secret_key, statements, count, err) ||
        !check_text("session token", text_or_empty(key->session_token), 0, MAX_TOKEN_BYTES, err))
        return false;
    CLEANUP(entry_cleanup) struct key_entry *entry = entry_new(key, count);
    for (size_t i = 0; i < count; i++)
        entry_add(entry, statements[i].action, statements[i].bucket,
                  text_or_empty(statements[i].prefix));
    pthread_mutex_lock(&store->rights->order);
    bool done = is_unchanged(store->rights, entry);
    if (!done) {
        done = change(store, entry, err);
        if (done)
            entry = NULL;
    }
    pthread_mutex_unlock(&store->rights->order);
    return done && (store->lock_fd >= 0 || touch_mark(store, err));
}

bool store_put_key(struct store *store, const char *access_key, const char *secret_key,
                   const struct store_statement *statements, size_t count, struct error *err) {
    const struct store_temporary_key key = {.access_key = access_key, .secret_key = secret_key};
    return store_put_temporary_key(store, &key, statements, count, err);
}

static bool delete_entry(struct store *store, const char *access_key, struct error *err) {
    CLEANUP(transaction_cleanup) struct transaction transaction = {0};
    return transaction_begin(store, &transaction, err) &&
           delete_key_rows(transaction.connection, access_key, err) &&
           transaction_commit(&transaction, err);
}

bool store_delete_key(struct store *store, const char *access_key, struct error *err) {
    struct rights *rights = store->rights;
    pthread_mutex_lock(&rights->order);
    bool done = table_find(rights, access_key) == NULL || delete_entry(store, access_key, err);
    if (done) {
        pthread_rwlock_wrlock(&rights->lock);
        table_remove(rights, access_key);
        pthread_rwlock_unlock(&rights->lock);
    }
    pthread_mutex_unlock(&rights->order);
    return done && (store->lock_fd >= 0 || touch_mark(store, err));
}

bool rights_drop_expired(struct store *store, int64_t now_unix_ms, struct error *err) {
    struct rights *rights = store->rights;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new();
    for (;;) {
        const char *expired = NULL;
        pthread_rwlock_rdlock(&rights->lock);
        for (size_t i = 0; i < rights->count && expired == NULL; i++) {
            int64_t end = rights->entries[i]->expires_unix_ms;
            if (end != 0 && end + EXPIRED_KEPT_MS <= now_unix_ms)
                expired = arena_strdup(arena, rights->entries[i]->access_key);
        }
        pthread_rwlock_unlock(&rights->lock);
        if (expired == NULL)
            return true;
        if (!store_delete_key(store, expired, err))
            return false;
    }
}

/* ---- asking ---- */

bool store_get_key(struct store *store, struct arena *arena, const char *access_key,
                   struct store_key *ret, struct error *err) {
    struct rights *rights = store->rights;
    refresh(store);
    pthread_rwlock_rdlock(&rights->lock);
    const struct key_entry *entry = table_find(rights, access_key);
    bool found = entry != NULL;
    if (found)
        *ret = (struct store_key){
            .access_key = arena_strdup(arena, entry->access_key),
            .secret_key = arena_strdup(arena, entry->secret_key),
            .session_token = arena_strdup(arena, entry->session_token),
            .expires_unix_ms = entry->expires_unix_ms,
        };
    pthread_rwlock_unlock(&rights->lock);
    return found || error_set(err, ERROR_NOT_FOUND, "InvalidAccessKeyId",
                              "access key '%.64s' does not exist", access_key);
}

bool store_get_secret(struct store *store, struct arena *arena, const char *access_key,
                      const char **ret_secret_key, struct error *err) {
    struct store_key key;
    if (!store_get_key(store, arena, access_key, &key, err))
        return false;
    *ret_secret_key = key.secret_key;
    return true;
}

static void copy_entry(struct arena *arena, const struct key_entry *entry, struct store_key *ret) {
    struct store_statement *statements = arena_array(arena, entry->count, sizeof *statements);
    for (size_t i = 0; i < entry->count; i++)
        statements[i] = (struct store_statement){
            .action = arena_strdup(arena, entry->statements[i].action),
            .bucket = arena_strdup(arena, entry->statements[i].bucket),
            .prefix = arena_strdup(arena, entry->statements[i].prefix),
        };
    *ret = (struct store_key){
        .access_key = arena_strdup(arena, entry->access_key),
        .secret_key = arena_strdup(arena, entry->secret_key),
        .session_token = arena_strdup(arena, entry->session_token),
        .expires_unix_ms = entry->expires_unix_ms,
        .statements = statements,
        .count = entry->count,
    };
}

bool store_list_keys(struct store *store, struct arena *arena, struct store_key **ret,
                     size_t *ret_count, struct error *err) {
    (void)err;
    struct rights *rights = store->rights;
    refresh(store);
    pthread_rwlock_rdlock(&rights->lock);
    *ret = arena_array(arena, rights->count, sizeof **ret);
    *ret_count = rights->count;
    for (size_t i = 0; i < rights->count; i++)
        copy_entry(arena, rights->entries[i], &(*ret)[i]);
    pthread_rwlock_unlock(&rights->lock);
    return true;
}

static bool is_name_or_any(const char *pattern, const char *name) {
    return strcmp(pattern, "*") == 0 || strcmp(pattern, name) == 0;
}

/* Whether a statement's prefix fits a key: with a `*` in it, it is a pattern of the whole key, as
 * in the resources of IAM; each `*` stands for any text. */
static bool matches(const char *pattern, const char *key) {
    const char *star = strchr(pattern, '*');
    if (star == NULL)
        return strncmp(key, pattern, strlen(pattern)) == 0;
    const char *back = NULL; /* where the text of the last `*` ends so far */
    star = NULL;
    while (*key != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            back = key;
        } else if (*pattern == *key) {
            pattern++;
            key++;
        } else if (star != NULL) {
            pattern = star + 1;
            key = ++back;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool statement_allows(const struct store_statement *statement, const char *action,
                             const char *bucket, const char *key) {
    return is_name_or_any(statement->action, action) && is_name_or_any(statement->bucket, bucket) &&
           matches(statement->prefix, key);
}

bool store_allows(struct store *store, const char *access_key, const char *action,
                  const char *bucket, const char *key) {
    struct rights *rights = store->rights;
    bool allowed = false;
    pthread_rwlock_rdlock(&rights->lock);
    const struct key_entry *entry = table_find(rights, access_key);
    for (size_t i = 0; entry != NULL && i < entry->count && !allowed; i++)
        allowed = statement_allows(&entry->statements[i], action, bucket, key);
    pthread_rwlock_unlock(&rights->lock);
    return allowed;
}
