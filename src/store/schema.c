/*
 * The tables of the index, and how those of earlier versions become them.
 *
 * A fresh index is made as the first version had it and then taken through the same steps as an old
 * one, so that there is one way to today's tables. Each step is a transaction of its own that ends
 * with its number.
 */
#include "store/internal.h"

/* Keys are blobs: they compare byte by byte whatever they hold, and the successor of a prefix need
 * not be UTF-8. `version` of an object and `owner` of a part come from the one counter, so extents
 * of both live in one table. */
static const char first_schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE counter ("
    "  one INTEGER PRIMARY KEY CHECK (one = 1), value INTEGER NOT NULL) STRICT;"
    "INSERT INTO counter VALUES (1, 0);"
    "CREATE TABLE buckets ("
    "  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE documents ("
    "  bucket INTEGER NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL,"
    "  PRIMARY KEY (bucket, name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE rules ("
    "  bucket INTEGER NOT NULL, position INTEGER NOT NULL, rule_id TEXT NOT NULL,"
    "  function TEXT NOT NULL, event TEXT NOT NULL, prefix BLOB NOT NULL, suffix BLOB NOT NULL,"
    "  PRIMARY KEY (bucket, position)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE objects ("
    "  bucket INTEGER NOT NULL, key BLOB NOT NULL, version INTEGER NOT NULL, etag TEXT NOT NULL,"
    "  size INTEGER NOT NULL, modified_ms INTEGER NOT NULL, content_type TEXT NOT NULL,"
    "  metadata TEXT NOT NULL, part_count INTEGER NOT NULL,"
    "  PRIMARY KEY (bucket, key)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE blobs ("
    "  name TEXT PRIMARY KEY, refs INTEGER NOT NULL CHECK (refs > 0)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE extents ("
    "  owner INTEGER NOT NULL, position INTEGER NOT NULL, blob TEXT NOT NULL,"
    "  offset INTEGER NOT NULL, length INTEGER NOT NULL,"
    "  PRIMARY KEY (owner, position)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE uploads ("
    "  id TEXT PRIMARY KEY, bucket INTEGER NOT NULL, key BLOB NOT NULL,"
    "  content_type TEXT NOT NULL, metadata TEXT NOT NULL, created_ms INTEGER NOT NULL,"
    "  completed_ms INTEGER, completed_version INTEGER) STRICT, WITHOUT ROWID;"
    "CREATE INDEX uploads_bucket ON uploads (bucket, key, id);"
    "CREATE INDEX uploads_completed ON uploads (completed_ms) WHERE completed_ms IS NOT NULL;"
    "CREATE TABLE parts ("
    "  upload TEXT NOT NULL, number INTEGER NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL,"
    "  modified_ms INTEGER NOT NULL, owner INTEGER NOT NULL,"
    "  PRIMARY KEY (upload, number)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE queue ("
    "  id INTEGER PRIMARY KEY, function TEXT NOT NULL, due_ms INTEGER NOT NULL,"
    "  attempts INTEGER NOT NULL, queued_ms INTEGER NOT NULL, payload TEXT NOT NULL,"
    "  rule_id TEXT NOT NULL, event_name TEXT NOT NULL, bucket TEXT NOT NULL, key BLOB NOT NULL,"
    "  etag TEXT NOT NULL, size INTEGER NOT NULL, sequencer INTEGER NOT NULL,"
    "  event_ms INTEGER NOT NULL, request_id TEXT NOT NULL, source_ip TEXT NOT NULL,"
    "  principal TEXT NOT NULL) STRICT;"
    "CREATE INDEX queue_due ON queue (function, due_ms, id);"
    "CREATE TABLE dead_letters ("
    "  id INTEGER PRIMARY KEY, function TEXT NOT NULL, died_ms INTEGER NOT NULL,"
    "  reason TEXT NOT NULL, attempts INTEGER NOT NULL, queued_ms INTEGER NOT NULL,"
    "  payload TEXT NOT NULL, rule_id TEXT NOT NULL, event_name TEXT NOT NULL,"
    "  bucket TEXT NOT NULL, key BLOB NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL,"
    "  sequencer INTEGER NOT NULL, event_ms INTEGER NOT NULL, request_id TEXT NOT NULL,"
    "  source_ip TEXT NOT NULL, principal TEXT NOT NULL) STRICT;"
    "CREATE TABLE access_keys ("
    "  access_key TEXT PRIMARY KEY, secret_key TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE statements ("
    "  access_key TEXT NOT NULL, position INTEGER NOT NULL, action TEXT NOT NULL,"
    "  bucket TEXT NOT NULL, prefix TEXT NOT NULL,"
    "  PRIMARY KEY (access_key, position)) STRICT, WITHOUT ROWID;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

/* Step i leads from version i + 1 to i + 2. */
static const char *const steps[] = {
    /* Checksums and tags; the parts that an object was made of, for reading by part number. */
    "BEGIN IMMEDIATE;"
    "ALTER TABLE objects ADD COLUMN checksum TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE objects ADD COLUMN tags TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE uploads ADD COLUMN checksum TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE uploads ADD COLUMN tags TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE parts ADD COLUMN checksum TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE object_parts ("
    "  owner INTEGER NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL,"
    "  checksum TEXT NOT NULL, PRIMARY KEY (owner, number)) STRICT, WITHOUT ROWID;"
    "PRAGMA user_version = 2;"
    "COMMIT;",
    /* Lifecycle rules; keys that expire. */
    "BEGIN IMMEDIATE;"
    "CREATE TABLE lifecycle ("
    "  bucket INTEGER NOT NULL, position INTEGER NOT NULL, prefix BLOB NOT NULL,"
    "  tags TEXT NOT NULL, size_over INTEGER NOT NULL, size_under INTEGER NOT NULL,"
    "  expire_days INTEGER NOT NULL, expire_at_ms INTEGER NOT NULL, abort_days INTEGER NOT NULL,"
    "  PRIMARY KEY (bucket, position)) STRICT, WITHOUT ROWID;"
    "ALTER TABLE access_keys ADD COLUMN session_token TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE access_keys ADD COLUMN expires_ms INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 3;"
    "COMMIT;",
};

enum { SCHEMA_VERSION = 1 + ARRAY_SIZE(steps) };

static bool read_schema_version(struct connection *connection, int64_t *ret, struct error *err) {
    CLEANUP(query_end) struct query query = query_begin(connection, "PRAGMA user_version");
    bool row = false;
    if (!query_step(&query, &row, err))
        return false;
    *ret = row ? column_int(&query, 0) : 0;
    return true;
}

/* A fresh index beside existing blobs would have all of them removed as unnamed. */
static bool create_schema(struct store *store, struct error *err) {
    bool any_blobs = false;
    if (!blobs_any(store, &any_blobs, err))
        return false;
    if (any_blobs)
        return error_set(err, ERROR_INTERNAL, "InternalError",
                         "store '%s' has blobs but its index is empty or lost: restore index.db",
                         store->folder);
    return connection_execute(store->writer, first_schema, err);
}

bool schema_prepare(struct store *store, struct error *err) {
    int64_t version = 0;
    if (!read_schema_version(store->writer, &version, err))
        return false;
    if (version < 0 || version > SCHEMA_VERSION)
        return error_set(err, ERROR_INVALID, NULL,
                         "store '%s' has schema version %lld, this program knows %d", store->folder,
                         (long long)version, SCHEMA_VERSION);
    /* A server may be at work with the tables as they are. */
    if (version < SCHEMA_VERSION && store->lock_fd < 0)
        return error_set(err, ERROR_UNAVAILABLE, NULL,
                         "store '%s' is of an earlier version: start the server once",
                         store->folder);
    if (version == 0) {
        if (!create_schema(store, err))
            return false;
        version = 1;
    }
    for (; version < SCHEMA_VERSION; version++) {
        if (!connection_execute(store->writer, steps[version - 1], err))
            return false;
    }
    return true;
}
