/*
 * Queries: a thin layer over SQLite's prepared statements.
 *
 * A statement is prepared once per connection and found again by the address of its literal. It is
 * reset when the query's variable leaves its scope: a statement left standing would keep its
 * snapshot and hold back the checkpoint.
 */
#include "store/internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_TIMEOUT_MS = 10000 };

const char *text_or_empty(const char *text) {
    return text != NULL ? text : "";
}

static bool sqlite_error(struct connection *connection, int status, struct error *err) {
    int primary = status & 0xff;
    int number = sqlite3_system_errno(connection->db);
    if (primary == SQLITE_NOMEM)
        die_out_of_memory();
    if (primary == SQLITE_FULL ||
        (primary == SQLITE_IOERR && (number == ENOSPC || number == EDQUOT)))
        return error_set(err, ERROR_LIMIT, "InsufficientStorage",
                         "disk full while writing the index of '%.512s'",
                         connection->store->folder);
    if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
        return error_set(err, ERROR_UNAVAILABLE, "ServiceUnavailable", "the index is busy");
    return error_set(err, ERROR_INTERNAL, "InternalError", "index of '%.512s': %.256s",
                     connection->store->folder, sqlite3_errmsg(connection->db));
}

static sqlite3_stmt *find_cached(struct connection *connection, const char *sql) {
    for (size_t i = 0; i < connection->cached_count; i++) {
        if (connection->cached[i].sql == sql)
            return connection->cached[i].statement;
    }
    return NULL;
}

struct query query_begin(struct connection *connection, const char *sql) {
    struct query query = {.connection = connection, .status = SQLITE_OK};
    query.statement = find_cached(connection, sql);
    if (query.statement != NULL) {
        assert(!sqlite3_stmt_busy(query.statement));
        return query;
    }
    query.status = sqlite3_prepare_v3(connection->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                      &query.statement, NULL);
    if (query.status != SQLITE_OK)
        return query;
    assert(connection->cached_count < MAX_CACHED_QUERIES);
    connection->cached[connection->cached_count].sql = sql;
    connection->cached[connection->cached_count].statement = query.statement;
    connection->cached_count++;
    return query;
}

void query_again(struct query *query) {
    /* The result repeats the error of the last step, which has been reported. */
    sqlite3_reset(query->statement);
    sqlite3_clear_bindings(query->statement);
    query->bound = 0;
}

void query_end(struct query *query) {
    if (query->statement != NULL)
        query_again(query);
}

static void bound(struct query *query, int status) {
    if (query->status == SQLITE_OK)
        query->status = status;
}

/* Bound memory is not copied: callers keep it until the query has run. */
void bind_text(struct query *query, const char *text) {
    if (query->statement == NULL)
        return;
    bound(query, sqlite3_bind_text64(query->statement, ++query->bound, text_or_empty(text),
                                     strlen(text_or_empty(text)), SQLITE_STATIC, SQLITE_UTF8));
}

void bind_bytes(struct query *query, const void *data, size_t size) {
    if (query->statement == NULL)
        return;
    /* A NULL pointer would bind NULL instead of an empty blob. */
    bound(query, sqlite3_bind_blob64(query->statement, ++query->bound, size != 0 ? data : "", size,
                                     SQLITE_STATIC));
}

void bind_int(struct query *query, int64_t value) {
    if (query->statement == NULL)
        return;
    bound(query, sqlite3_bind_int64(query->statement, ++query->bound, value));
}

bool query_step(struct query *query, bool *ret_row, struct error *err) {
    if (query->status != SQLITE_OK)
        return sqlite_error(query->connection, query->status, err);
    int status = sqlite3_step(query->statement);
    if (status != SQLITE_ROW && status != SQLITE_DONE)
        return sqlite_error(query->connection, status, err);
    *ret_row = status == SQLITE_ROW;
    return true;
}

bool query_run(struct query *query, struct error *err) {
    bool row = true;
    while (row) {
        if (!query_step(query, &row, err))
            return false;
    }
    return true;
}

int64_t column_int(struct query *query, int column) {
    return sqlite3_column_int64(query->statement, column);
}

struct str column_str(struct query *query, int column) {
    const void *data = sqlite3_column_blob(query->statement, column);
    int size = sqlite3_column_bytes(query->statement, column);
    if (data == NULL && size > 0)
        die_out_of_memory();
    return (struct str){data, (size_t)size};
}

const char *column_text(struct query *query, struct arena *arena, int column) {
    struct str text = column_str(query, column);
    return arena_strndup(arena, text.len != 0 ? text.ptr : "", text.len);
}

bool connection_execute(struct connection *connection, const char *sql, struct error *err) {
    int status = sqlite3_exec(connection->db, sql, NULL, NULL, NULL);
    return status == SQLITE_OK || sqlite_error(connection, status, err);
}

bool connection_open(struct store *store, const char *path, struct connection **ret,
                     struct error *err) {
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        die_out_of_memory();
    connection->store = store;
    /* One thread at a time uses it, so SQLite's own lock would be a second one. */
    int status =
        sqlite3_open_v2(path, &connection->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (connection->db == NULL)
        die_out_of_memory();
    if (status == SQLITE_OK) {
        sqlite3_extended_result_codes(connection->db, 1);
        status = sqlite3_busy_timeout(connection->db, BUSY_TIMEOUT_MS);
    }
    if (status != SQLITE_OK) {
        sqlite_error(connection, status, err);
        connection_close(connection);
        return false;
    }
    *ret = connection;
    return true;
}

void connection_close(struct connection *connection) {
    if (connection == NULL)
        return;
    for (size_t i = 0; i < connection->cached_count; i++)
        sqlite3_finalize(connection->cached[i].statement);
    sqlite3_close(connection->db);
    free(connection);
}
