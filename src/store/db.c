/*
 * The store's folder and its index: lock, connections, transactions.
 *
 * All changes go through one connection behind a mutex, readers have their own and see snapshots
 * (WAL). Files are written and synced before the mutex is taken, so that its holder waits only for
 * the index's own sync.
 *
 * A commit that fails may still be in the log after a crash. Until the next successful commit
 * overwrites it there, the files which it named are kept ("doubtful").
 */
#include "base/os.h"
#include "store/internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FOLDER_BYTES = MAX_PATH_BYTES - 128 }; /* room for the names inside */

/* ---- opening ---- */

static bool take_lock(struct store *store, struct error *err) {
    char path[MAX_PATH_BYTES];
    snprintf(path, sizeof path, "%s/lock", store->folder);
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd < 0)
        return error_errno(err, "open '%s'", path);
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        return error_set(err, ERROR_UNAVAILABLE, NULL, "store '%s' is in use by another process",
                         store->folder);
    return error_errno(err, "lock '%s'", path);
}

static bool open_index(struct store *store, struct error *err) {
    char path[MAX_PATH_BYTES];
    snprintf(path, sizeof path, "%s/index.db", store->folder);
    /* Made here because SQLite would leave the mode to the umask; it gives its log the same. */
    CLEANUP(fd_cleanup) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, "open '%s'", path);
    if (!connection_open(store, path, &store->writer, err))
        return false;
    if (!connection_execute(store->writer,
                            "PRAGMA journal_mode = WAL;"
                            "PRAGMA synchronous = FULL;"
                            "PRAGMA cache_size = -16000;"
                            "PRAGMA journal_size_limit = 67108864;"
                            "PRAGMA temp_store = MEMORY;"
                            "PRAGMA trusted_schema = OFF;",
                            err) ||
        !schema_prepare(store, err))
        return false;
    for (int i = 0; i < READER_COUNT; i++) {
        struct connection *reader = NULL;
        if (!connection_open(store, path, &reader, err))
            return false;
        reader->next = store->readers;
        store->readers = reader;
        if (!connection_execute(reader, "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;", err))
            return false;
    }
    return sync_parent(path, err);
}

static bool find_folder(struct store *store, const char *folder, struct error *err) {
    if (!make_folders(folder, err))
        return false;
    store->folder = realpath(folder, NULL);
    if (store->folder == NULL)
        return error_errno(err, "folder '%.512s'", folder);
    if (strlen(store->folder) > MAX_FOLDER_BYTES)
        return error_set(err, ERROR_LIMIT, NULL, "path of the store is over %d bytes",
                         MAX_FOLDER_BYTES);
    return sync_parent(store->folder, err);
}

static bool open_all(struct store *store, const char *folder, struct error *err) {
    return find_folder(store, folder, err) && take_lock(store, err) &&
           blobs_make_folders(store, err) && open_index(store, err) && rights_load(store, err) &&
           blobs_clean(store, err);
}

static struct store *new_store(void) {
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        die_out_of_memory();
    store->lock_fd = -1;
    pthread_mutex_init(&store->writer_lock, NULL);
    pthread_mutex_init(&store->readers_lock, NULL);
    pthread_mutex_init(&store->notify_lock, NULL);
    pthread_cond_init(&store->reader_free, NULL);
    return store;
}

/* What the folder has to have already: who comes for the keys makes no store. */
static bool open_index_alone(struct store *store, const char *folder, struct error *err) {
    store->folder = realpath(folder, NULL);
    if (store->folder == NULL)
        return error_errno(err, "folder '%.512s'", folder);
    if (strlen(store->folder) > MAX_FOLDER_BYTES)
        return error_set(err, ERROR_LIMIT, NULL, "path of the store is over %d bytes",
                         MAX_FOLDER_BYTES);
    char path[MAX_PATH_BYTES];
    snprintf(path, sizeof path, "%s/index.db", store->folder);
    if (access(path, F_OK) != 0)
        return error_set(err, ERROR_NOT_FOUND, NULL, "there is no store in '%s'", store->folder);
    return open_index(store, err) && rights_load(store, err);
}

bool store_open_keys(const char *folder, struct store **ret, struct error *err) {
    struct store *store = new_store();
    if (!open_index_alone(store, folder, err)) {
        store_close(store);
        return false;
    }
    *ret = store;
    return true;
}

bool store_open(const char *folder, struct store **ret, struct error *err) {
    struct store *store = new_store();
    if (!open_all(store, folder, err)) {
        store_close(store);
        return false;
    }
    *ret = store;
    return true;
}

void store_close(struct store *store) {
    if (store == NULL)
        return;
    while (store->readers != NULL) {
        struct connection *reader = store->readers;
        store->readers = reader->next;
        connection_close(reader);
    }
    /* The last one to close moves the log into the index. */
    connection_close(store->writer);
    rights_free(store->rights);
    blob_names_clear(&store->doubtful);
    pthread_cond_destroy(&store->reader_free);
    pthread_mutex_destroy(&store->notify_lock);
    pthread_mutex_destroy(&store->readers_lock);
    pthread_mutex_destroy(&store->writer_lock);
    fd_cleanup(&store->lock_fd);
    free(store->folder);
    free(store);
}

/* ---- transactions ---- */

static bool run_simple(struct connection *connection, const char *sql, struct error *err) {
    CLEANUP(query_end) struct query query = query_begin(connection, sql);
    return query_run(&query, err);
}

static void roll_back(struct connection *connection) {
    struct error ignored;
    /* Some errors have rolled back already. */
    if (sqlite3_get_autocommit(connection->db) == 0 &&
        !run_simple(connection, "ROLLBACK", &ignored))
        assert(sqlite3_get_autocommit(connection->db) != 0);
}

static void end_transaction(struct transaction *transaction) {
    blob_names_clear(&transaction->added);
    blob_names_clear(&transaction->dropped);
    transaction->connection = NULL;
}

bool transaction_begin(struct store *store, struct transaction *ret, struct error *err) {
    pthread_mutex_lock(&store->writer_lock);
    if (!run_simple(store->writer, "BEGIN IMMEDIATE", err)) {
        pthread_mutex_unlock(&store->writer_lock);
        return false;
    }
    *ret = (struct transaction){.connection = store->writer};
    return true;
}

bool transaction_commit(struct transaction *transaction, struct error *err) {
    struct store *store = transaction->connection->store;
    if (!run_simple(transaction->connection, "COMMIT", err)) {
        roll_back(transaction->connection);
        blob_names_move(&store->doubtful, &transaction->added);
        pthread_mutex_unlock(&store->writer_lock);
        end_transaction(transaction);
        return false;
    }
    blob_names_move(&transaction->dropped, &store->doubtful);
    pthread_mutex_unlock(&store->writer_lock);
    blobs_unlink(store, &transaction->dropped);
    if (transaction->queued)
        notify_push(store);
    end_transaction(transaction);
    return true;
}

void transaction_cleanup(struct transaction *transaction) {
    if (transaction->connection == NULL)
        return;
    struct store *store = transaction->connection->store;
    roll_back(transaction->connection);
    pthread_mutex_unlock(&store->writer_lock);
    end_transaction(transaction);
}

bool transaction_number(struct transaction *transaction, int64_t *ret, struct error *err) {
    CLEANUP(query_end)
    struct query query = query_begin(transaction->connection,
                                     "UPDATE counter SET value = value + 1 RETURNING value");
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    int64_t number = column_int(&query, 0);
    if (!query_run(&query, err))
        return false;
    *ret = number;
    return true;
}

/* ---- readers ---- */

struct connection *reader_acquire(struct store *store) {
    pthread_mutex_lock(&store->readers_lock);
    while (store->readers == NULL)
        pthread_cond_wait(&store->reader_free, &store->readers_lock);
    struct connection *reader = store->readers;
    store->readers = reader->next;
    pthread_mutex_unlock(&store->readers_lock);
    struct error err;
    /* Takes no lock yet; the snapshot is that of the first query. */
    if (!run_simple(reader, "BEGIN DEFERRED", &err))
        assert(!"BEGIN DEFERRED failed");
    return reader;
}

void reader_cleanup(struct connection **connection) {
    struct connection *reader = *connection;
    if (reader == NULL)
        return;
    struct store *store = reader->store;
    roll_back(reader);
    pthread_mutex_lock(&store->readers_lock);
    reader->next = store->readers;
    store->readers = reader;
    pthread_cond_signal(&store->reader_free);
    pthread_mutex_unlock(&store->readers_lock);
    *connection = NULL;
}
