/*
 * What the files of the store share: connections and queries, transactions, blobs, object rows.
 * Private to src/store.
 *
 * Locks, in the order in which they may be taken: rights order, writer, then one of rights table
 * and reader pool. Nothing else is locked while a file is written or synced but the index itself.
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "base/arena.h"
#include "base/error.h"
#include "sign/digest.h"
#include "store/queue.h"
#include "store/store.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    READER_COUNT = 4,        /* read connections; a fifth reader waits for one */
    MAX_CACHED_QUERIES = 64, /* more than there are query texts in the sources */
    BLOB_NAME_SIZE = 33,     /* 32 hex digits and the NUL */
    ETAG_SIZE = 48,          /* 32 hex digits, "-10000", NUL */
    UPLOAD_ID_SIZE = 33,
    MAX_SHORT_TEXT_BYTES = 256, /* names of functions, rules, events, requests */
    MAX_TYPE_BYTES = 1024,      /* content type */
    MAX_TAGS_BYTES = 16 * 1024, /* ten tags, encoded */
    MAX_PATH_BYTES = 4096,
};

/* ---- queries (query.c) ---- */

/* One SQLite connection with its prepared statements, used by one thread at a time. */
struct connection {
    struct store *store;
    sqlite3 *db;
    struct connection *next; /* in the pool of free readers */
    size_t cached_count;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } cached[MAX_CACHED_QUERIES];
};

/* A prepared statement in use. An error while preparing or binding is kept and comes out of
 * query_step, so that only stepping has to be checked. Parameters are bound in order. */
struct query {
    struct connection *connection;
    sqlite3_stmt *statement;
    int status;
    int bound;
};

/* `sql` must be a literal: the prepared statement is kept under its address. Declare the variable
 * with CLEANUP(query_end); a statement is in use once at a time. */
struct query query_begin(struct connection *connection, const char *sql);
void query_end(struct query *query);
/* Ready for other parameters. */
void query_again(struct query *query);
void bind_text(struct query *query, const char *text); /* NULL counts as "" */
void bind_bytes(struct query *query, const void *data, size_t size);
void bind_int(struct query *query, int64_t value);
MUST_CHECK bool query_step(struct query *query, bool *ret_row, struct error *err);
/* To the end; rows are dropped. */
MUST_CHECK bool query_run(struct query *query, struct error *err);
int64_t column_int(struct query *query, int column);
/* Copy in the arena; blobs become text too. */
const char *column_text(struct query *query, struct arena *arena, int column);
/* Valid until the next step. */
struct str column_str(struct query *query, int column);

MUST_CHECK bool connection_open(struct store *store, const char *path, struct connection **ret,
                                struct error *err);
void connection_close(struct connection *connection); /* NULL is fine */
/* Statements without parameters and results. */
MUST_CHECK bool connection_execute(struct connection *connection, const char *sql,
                                   struct error *err);

/* ---- the tables (schema.c) ---- */

/* Makes the tables, or brings those of an earlier version up to date. */
MUST_CHECK bool schema_prepare(struct store *store, struct error *err);

/* ---- the store, transactions (db.c) ---- */

struct blob_names {
    char (*names)[BLOB_NAME_SIZE];
    size_t count;
    size_t capacity;
};

struct store {
    char *folder; /* absolute */
    int lock_fd;

    pthread_mutex_t writer_lock; /* guards the two below */
    struct connection *writer;
    /* Blobs of commits that failed: whether such a commit survives a crash is settled by the next
     * one that succeeds, so their files stay until then. */
    struct blob_names doubtful;

    pthread_mutex_t readers_lock; /* guards `readers` */
    pthread_cond_t reader_free;
    struct connection *readers;

    struct rights *rights;

    pthread_mutex_t notify_lock; /* of the two below, held over the call */
    void (*notify)(void *context);
    void *notify_context;
};

/* Holds the writer's lock from begin to commit or cleanup. Declare with
 * CLEANUP(transaction_cleanup) and zeroed: what was not committed is rolled back. */
struct transaction {
    struct connection *connection; /* NULL when not open */
    struct blob_names added;       /* published files that this transaction names first */
    struct blob_names dropped;     /* files to unlink after the commit */
    bool queued;                   /* rows for the queue: notify after the commit */
};

MUST_CHECK bool transaction_begin(struct store *store, struct transaction *ret, struct error *err);
/* Ends it either way. After success drops files and notifies the queue's host. */
/* Tells who waits for rows of the queue (queue.c). */
void notify_push(struct store *store);
MUST_CHECK bool transaction_commit(struct transaction *transaction, struct error *err);
void transaction_cleanup(struct transaction *transaction);
/* Next number of the store's one counter: names versions, parts' extents and queue rows. */
MUST_CHECK bool transaction_number(struct transaction *transaction, int64_t *ret,
                                   struct error *err);

/* A read connection inside a snapshot; waits until one is free. */
struct connection *reader_acquire(struct store *store);
/* For CLEANUP: ends the snapshot. */
void reader_cleanup(struct connection **connection);

/* ---- blobs and extents (blobs.c) ---- */

struct store_body {
    struct store *store;
    char name[BLOB_NAME_SIZE];
    int fd;         /* -1 until there is a first byte */
    bool broken;    /* a write failed: what is there is not what came */
    bool published; /* the file lies under blobs/, no longer under tmp/ */
    bool taken;     /* the file belongs to the store */
    uint64_t size;
    struct digest *md5; /* NULL once the sums are taken */
    struct digest *sha256;
    uint8_t md5_sum[MD5_SIZE];
    uint8_t sha256_sum[SHA256_SIZE];
};

/* One row of `extents`. */
struct extent {
    char blob[BLOB_NAME_SIZE];
    uint64_t offset;
    uint64_t length;
};

void blob_names_add(struct blob_names *names, const char *name);
void blob_names_move(struct blob_names *to, struct blob_names *from);
void blob_names_clear(struct blob_names *names);
/* Failures are ignored: opening removes what is left over. */
void blobs_unlink(struct store *store, const struct blob_names *names);

MUST_CHECK bool blobs_make_folders(struct store *store, struct error *err);
MUST_CHECK bool blobs_any(struct store *store, bool *ret, struct error *err);
/* Removes temporary files and blobs without a row. Only before serving. */
MUST_CHECK bool blobs_clean(struct store *store, struct error *err);

/* Makes the body's file durable under its final name; nothing to do for an empty body. */
MUST_CHECK bool body_publish(struct store_body *body, struct error *err);
/* Opens a blob's file for reading; NOT_FOUND when it is gone. */
MUST_CHECK bool blob_open(struct store *store, const char *name, int *ret_fd, struct error *err);

/* Inserts the body's blob as the only extent of `owner`. */
MUST_CHECK bool extents_add_body(struct transaction *transaction, int64_t owner,
                                 const struct store_body *body, struct error *err);
/* Inserts extents of blobs that have rows, counting each reference. */
MUST_CHECK bool extents_add(struct transaction *transaction, int64_t owner,
                            const struct extent *extents, size_t count, struct error *err);
/* Moves all extents of `from` behind the first `*position` extents of `to`. */
MUST_CHECK bool extents_move(struct transaction *transaction, int64_t from, int64_t to,
                             int64_t *position, struct error *err);
/* Copies extents, whose blobs get one more reference each, and the rows of the object's parts. */
MUST_CHECK bool extents_share(struct transaction *transaction, int64_t from, int64_t to,
                              struct error *err);
/* Removes the extents of `owner`; files of blobs that nobody else names go after the commit. */
MUST_CHECK bool extents_drop(struct transaction *transaction, int64_t owner, struct error *err);
/* The extents which cover `length` bytes from `first`, cut to that range. */
MUST_CHECK bool extents_read(struct connection *connection, struct arena *arena, int64_t owner,
                             uint64_t first, uint64_t length, struct extent **ret,
                             size_t *ret_count, struct error *err);

/* ---- buckets (buckets.c) ---- */

MUST_CHECK bool bucket_find(struct connection *connection, const char *bucket, int64_t *ret_id,
                            struct error *err);

/* Empty text removes. */
MUST_CHECK bool document_put(struct transaction *transaction, int64_t bucket_id, const char *name,
                             struct str text, struct error *err);

/* ---- objects (objects.c) ---- */

/* Text behind every query whose rows object_from_row reads. */
#define OBJECT_COLUMNS                                                                             \
    "version, key, etag, size, modified_ms, content_type, metadata, part_count, checksum, tags"

/* `version` of an object is also the owner of its extents and the event's sequencer. */
void object_from_row(struct query *query, struct arena *arena, struct store_object *ret);
/* The row and all that belongs to it. */
MUST_CHECK bool object_delete(struct transaction *transaction, int64_t bucket_id,
                              const struct store_object *object, struct error *err);
MUST_CHECK bool object_find(struct connection *connection, struct arena *arena, int64_t bucket_id,
                            const char *key, bool *ret_found, struct store_object *ret,
                            struct error *err);
MUST_CHECK bool key_check(const char *key, struct error *err);
/* Everything in `put` that comes from outside is within its limit. */
MUST_CHECK bool put_check(const struct store_put *put, struct error *err);
/* if_none_match and if_match against what is there. */
MUST_CHECK bool put_conditions(struct connection *connection, struct arena *arena,
                               int64_t bucket_id, const struct store_put *put, struct error *err);
/* Makes `object` the current one of its key: conditions, drops what was there, inserts the row,
 * queues its events. The extents of `object->version` are the caller's. */
MUST_CHECK bool object_replace(struct transaction *transaction, struct arena *arena,
                               int64_t bucket_id, const struct store_put *put,
                               const char *event_name, const struct store_object *object,
                               struct error *err);

/* The row alone; its extents belong to `object->version`. */
MUST_CHECK bool object_insert(struct transaction *transaction, int64_t bucket_id,
                              const struct store_object *object, struct error *err);

struct object_range {
    const char *bucket;
    const char *key;
    bool whole; /* else `length` bytes from `first` */
    uint64_t first;
    uint64_t length;
    const char *expected_etag; /* NULL for any */
};

/* The extents of one snapshot, which is over when this returns: the files may go at any time. */
MUST_CHECK bool object_extents(struct store *store, struct arena *arena,
                               const struct object_range *range, struct store_object *ret_object,
                               struct extent **ret, size_t *ret_count, struct error *err);

/* ---- listing (listing.c) ---- */

/* Smallest string greater than every string that starts with `prefix`; false when there is none. */
bool key_successor(struct arena *arena, struct str prefix, struct str *ret);
/* The common prefix into which `key` rolls up: up to the first delimiter behind the prefix. */
bool key_common_prefix(struct str prefix, struct str delimiter, struct str key, struct str *ret);

/* ---- uploads (uploads.c; parts.c, upload_list.c, copy.c, complete.c) ---- */

struct upload {
    int64_t bucket_id;
    const char *content_type;
    const char *metadata;
    const char *checksum; /* algorithm and type, or "" */
    const char *tags;
    int64_t created_unix_ms;
    bool completed;
    int64_t completed_version;
};

/* What names an upload in a request: all three have to fit. */
struct upload_name {
    const char *bucket;
    const char *key;
    const char *id;
};

bool no_such_upload(const char *id, struct error *err);
/* Also one that was completed a while ago. NOT_FOUND NoSuchUpload. */
MUST_CHECK bool upload_find(struct connection *connection, struct arena *arena,
                            const struct upload_name *name, struct upload *ret, struct error *err);
MUST_CHECK bool upload_find_open(struct connection *connection, struct arena *arena,
                                 const struct upload_name *name, struct upload *ret,
                                 struct error *err);
/* As upload_find_open, in a snapshot of its own. */
MUST_CHECK bool upload_is_open(struct store *store, struct arena *arena,
                               const struct upload_name *name, struct error *err);
MUST_CHECK bool part_number_check(unsigned number, struct error *err);
/* Puts the part's row, in place of one of the same number, and gives the owner of its extents. */
MUST_CHECK bool part_replace(struct transaction *transaction, const char *id,
                             const struct store_part *part, int64_t *ret_owner, struct error *err);
/* Removes all parts and the extents that are still theirs. */
MUST_CHECK bool parts_drop(struct transaction *transaction, const char *id, struct error *err);

MUST_CHECK bool upload_drop(struct transaction *transaction, const char *id, struct error *err);
MUST_CHECK bool uploads_drop_bucket(struct transaction *transaction, int64_t bucket_id,
                                    struct error *err);

/* ---- events (events.c) ---- */

/* Queues one row for each rule of the bucket that fits. */
MUST_CHECK bool events_queue(struct transaction *transaction, int64_t bucket_id,
                             const struct store_put *put, const char *event_name,
                             const struct store_object *object, struct error *err);

/* ---- rights (rights.c) ---- */

MUST_CHECK bool rights_load(struct store *store, struct error *err);
void rights_free(struct rights *rights); /* NULL is fine */
MUST_CHECK bool rights_drop_expired(struct store *store, int64_t now_unix_ms, struct error *err);

/* "" for NULL. */
const char *text_or_empty(const char *text);

#endif
