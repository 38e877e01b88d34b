/*
 * The embedded object store: buckets, objects, uploads and rights in one folder.
 *
 *   DIR/index.db      SQLite (WAL, synchronous FULL): buckets, objects, extents, blobs, uploads,
 *                     keys, notification rules, queue
 *   DIR/blobs/xx/…    immutable files, named by random id; never by a key
 *
 * An object is a list of extents over immutable, counted blobs: copy, part copy and complete move
 * no data. A blob is published (temporary file, fsync, rename, fsync of the folder) before the
 * transaction that names it; that transaction also writes the object's row, its event and the
 * queue's rows, so an acknowledged PUT has its event and an unacknowledged one leaves at most an
 * unnamed blob, which opening removes.
 *
 * Knows neither HTTP nor jobs. Thread-safe: one writer at a time (a mutex), readers beside it.
 * Errors carry S3 codes (NoSuchBucket, NoSuchKey, NoSuchUpload, InvalidPart, InvalidPartOrder,
 * EntityTooSmall, PreconditionFailed, BucketAlreadyOwnedByYou, BucketNotEmpty, …).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum {
    STORE_MAX_KEY_BYTES = 1024,
    STORE_MAX_METADATA_BYTES = 2048,
    STORE_MAX_PARTS = 10000,
    STORE_MIN_PART_BYTES = 5 * 1024 * 1024,
    STORE_MAX_RULES = 100, /* of a bucket */
    STORE_MAX_LIFECYCLE_RULES = 1000,
    STORE_MAX_KEYS = 10000,     /* access keys */
    STORE_MAX_STATEMENTS = 100, /* of an access key */
    STORE_MAX_DOCUMENT_BYTES = 1024 * 1024,
    STORE_MAX_LISTED = 1000, /* entries of one page */
};
#define STORE_MAX_PUT_BYTES (UINT64_C(5) << 30)

/* Makes the folder where it is missing (0700; what lies in it is closed to others in any case);
 * takes a lock, so that a second server on the same folder is refused (UNAVAILABLE). Removes blobs
 * that no row names and unfinished temporary files. */
MUST_CHECK bool store_open(const char *folder, struct store **ret, struct error *err);
void store_close(struct store *store);

/* ---- buckets ---- */

/* CONFLICT BucketAlreadyOwnedByYou when it exists. INVALID InvalidBucketName. */
MUST_CHECK bool store_create_bucket(struct store *store, const char *bucket, int64_t now_unix_ms,
                                    struct error *err);
MUST_CHECK bool store_head_bucket(struct store *store, const char *bucket, struct error *err);
MUST_CHECK bool store_delete_bucket(struct store *store, const char *bucket, struct error *err);
struct store_bucket {
    const char *name;
    int64_t created_unix_ms;
};
MUST_CHECK bool store_list_buckets(struct store *store, struct arena *arena,
                                   struct store_bucket **ret, size_t *ret_count, struct error *err);

/* Configuration documents of a bucket ("cors", "notification"), kept as given. Empty text removes.
 * Reading one that is not there is NOT_FOUND. */
MUST_CHECK bool store_put_document(struct store *store, const char *bucket, const char *name,
                                   struct str text, struct error *err);
MUST_CHECK bool store_get_document(struct store *store, struct arena *arena, const char *bucket,
                                   const char *name, struct str *ret, struct error *err);

/* Which function a created object of this bucket is queued for. Replaces all rules of the bucket.
 * An object matches the rules whose event pattern, prefix and suffix fit; one queue row each. */
struct store_rule {
    const char *id;
    const char *function; /* name, of arn:…:function:NAME */
    const char *event;    /* "s3:ObjectCreated:*", "s3:ObjectCreated:Put", … */
    const char *prefix;   /* "" for any */
    const char *suffix;
};
MUST_CHECK bool store_set_rules(struct store *store, const char *bucket,
                                const struct store_rule *rules, size_t count, struct error *err);

/* When objects of a bucket expire, and uploads that are not completed are aborted. Days count from
 * the change or the start, rounded up to the next midnight (UTC), as on S3. */
struct store_lifecycle_rule {
    const char *id;
    bool enabled;
    const char *prefix;
    const char *tags; /* form-encoded pairs that an object must all have; "" for any */
    bool has_size_over, has_size_under;
    uint64_t size_over, size_under; /* only objects of more, of less bytes */
    unsigned expire_days;           /* 0: no */
    int64_t expire_at_unix_ms;      /* 0: no */
    unsigned abort_days;            /* 0: no */
};
/* Replaces the rules, and the document "lifecycle" by `document`. */
MUST_CHECK bool store_set_lifecycle(struct store *store, const char *bucket,
                                    const struct store_lifecycle_rule *rules, size_t count,
                                    struct str document, struct error *err);
/* Removes what has to go by now, a few objects a transaction; also access keys that have expired.
 * `ret_removed` counts objects and uploads. No events. */
MUST_CHECK bool store_run_lifecycle(struct store *store, int64_t now_unix_ms, uint64_t *ret_removed,
                                    struct error *err);

/* ---- objects ---- */

struct store_extent {
    const char *path; /* of the blob's file */
    uint64_t offset;
    uint64_t length;
};

struct store_object {
    const char *key;
    const char *etag; /* without quotes */
    uint64_t size;
    int64_t modified_unix_ms;
    const char *content_type;
    const char *metadata; /* JSON object of further headers to give back (x-amz-meta-…,
                             content-disposition, cache-control, …), "" for none */
    unsigned part_count;  /* 0: not made of parts */
    int64_t version;      /* of this key's contents: another, greater one with every write */
    const char
        *checksum;    /* algorithm, type and base64 value, "CRC32 FULL_OBJECT NhCmhg==", or "" */
    const char *tags; /* form-encoded, "a=1&b=2", or "" */
};

/* A body on its way in: written to a temporary file, hashed as it comes. */
struct store_body;
MUST_CHECK bool store_body_new(struct store *store, struct store_body **ret, struct error *err);
/* LIMIT EntityTooLarge over STORE_MAX_PUT_BYTES; LIMIT InsufficientStorage with the text "disk full
 * …" when the disk is. After a failure the body can only be freed. */
MUST_CHECK bool store_body_add(struct store_body *body, const void *data, size_t size,
                               struct error *err);
uint64_t store_body_size(const struct store_body *body);
/* MD5 (16 bytes) and SHA-256 (32 bytes) of the whole body. After either nothing can be added. */
void store_body_md5(struct store_body *body, void *ret);
void store_body_sha256(struct store_body *body, void *ret);
/* Throws the file away unless it was taken by store_put or store_put_part. NULL is fine. */
void store_body_free(struct store_body *body);

struct store_put {
    const char *bucket;
    const char *key;
    const char *content_type;
    const char *metadata; /* JSON text or "" */
    bool if_none_match;   /* CONFLICT PreconditionFailed when the key exists */
    const char *if_match; /* ETag without quotes, or NULL: CONFLICT PreconditionFailed when another,
                             NOT_FOUND NoSuchKey when none */
    const char *checksum; /* as in store_object; of an upload algorithm and type alone */
    const char *tags;
    const char *event_name; /* "ObjectCreated:Put", "ObjectCreated:Post", … */
    const char *request_id; /* for the event */
    const char *source_ip;
    const char *principal; /* access key */
    int64_t now_unix_ms;
};
/* Durable when it returns true. Takes the body's file. */
MUST_CHECK bool store_put(struct store *store, struct arena *arena, struct store_body *body,
                          const struct store_put *put, struct store_object *ret, struct error *err);

MUST_CHECK bool store_head(struct store *store, struct arena *arena, const char *bucket,
                           const char *key, struct store_object *ret, struct error *err);

/* An object open for reading: stays whole even when it is replaced or deleted meanwhile (each
 * extent is an open file). `ret_extents` cover `length` bytes from `first`. The caller closes the
 * fds. */
struct store_open_extent {
    int fd;
    uint64_t offset;
    uint64_t length;
};
MUST_CHECK bool store_read(struct store *store, struct arena *arena, const char *bucket,
                           const char *key, uint64_t first, uint64_t length,
                           const char *expected_etag, struct store_open_extent **ret_extents,
                           size_t *ret_count, struct error *err);

/* True also when there was none. */
MUST_CHECK bool store_delete(struct store *store, const char *bucket, const char *key,
                             struct error *err);
/* Only while its ETag is that one ("*": any): CONFLICT PreconditionFailed, NOT_FOUND NoSuchKey. */
MUST_CHECK bool store_delete_if(struct store *store, const char *bucket, const char *key,
                                const char *if_match, struct error *err);

/* Replaces the tags and nothing else. NOT_FOUND NoSuchKey. */
MUST_CHECK bool store_put_tags(struct store *store, const char *bucket, const char *key,
                               const char *tags, struct error *err);

/* The object becomes `put`'s as well: no data moves, whatever the size; the copy keeps the ETag,
 * the parts and the checksum of its source. Content type, metadata and tags are those of `put`
 * where that is asked for, the checksum is where `put` has one that is not NULL. CONFLICT
 * PreconditionFailed with the text "source …" when the source is no longer `source_version`. */
struct store_copy {
    struct store_put put;
    const char *source_bucket, *source_key;
    int64_t source_version; /* of store_head, on which conditions were checked */
    bool replaces_metadata;
    bool replaces_tags;
};
MUST_CHECK bool store_copy(struct store *store, struct arena *arena, const struct store_copy *copy,
                           struct store_object *ret, struct error *err);

/* Where part `number` lies in the object of that version. NOT_FOUND when it has no such part or is
 * another by now. */
MUST_CHECK bool store_part_range(struct store *store, const char *bucket, const char *key,
                                 int64_t version, unsigned number, uint64_t *ret_first,
                                 uint64_t *ret_length, struct error *err);

struct store_list {
    const char *prefix;      /* "" */
    const char *delimiter;   /* "" for none */
    const char *start_after; /* keys greater than this; "" from the start. A common prefix in which
                                it lies is skipped whole (S3's marker does the same) */
    size_t max_keys;         /* objects and common prefixes together; over STORE_MAX_LISTED counts
                                as that */
};
struct store_listing {
    struct store_object *objects;
    size_t object_count;
    const char **prefixes;
    size_t prefix_count;
    bool truncated;
    const char
        *next_after; /* start_after of the next page (for a common prefix: it skips all of it) */
};
/* Byte order of the keys; cost grows with the page, not with the bucket. */
MUST_CHECK bool store_list(struct store *store, struct arena *arena, const char *bucket,
                           const struct store_list *list, struct store_listing *ret,
                           struct error *err);

/* ---- multipart uploads ---- */

MUST_CHECK bool store_create_upload(struct store *store, struct arena *arena,
                                    const struct store_put *put, const char **ret_upload_id,
                                    struct error *err);
struct store_upload {
    const char *key;
    const char *id;
    int64_t created_unix_ms;
    const char *checksum; /* algorithm and type, "CRC32 COMPOSITE", or "" */
};
/* One that is not completed. NOT_FOUND NoSuchUpload. */
MUST_CHECK bool store_find_upload(struct store *store, struct arena *arena, const char *bucket,
                                  const char *key, const char *upload_id, struct store_upload *ret,
                                  struct error *err);
struct store_part_put {
    const char *bucket, *key, *upload_id;
    unsigned number;
    const char *checksum; /* base64, of the upload's algorithm; "" or NULL for none */
    int64_t now_unix_ms;
};
MUST_CHECK bool store_put_part(struct store *store, struct arena *arena, struct store_body *body,
                               const struct store_part_put *put, const char **ret_etag,
                               struct error *err);
struct store_part_copy {
    const char *bucket, *key, *upload_id; /* the upload */
    unsigned number;
    const char *source_bucket, *source_key;
    const char *source_if_match; /* or NULL */
    bool has_range;
    uint64_t first, length;
    const char *checksum; /* as in store_part_put, of the source while it is `source_if_match` */
    int64_t now_unix_ms;
};
/* No data moves and none is read: the part's ETag is the source's when it is the whole of an object
 * that was put whole, else the MD5 of the source's ETag and the range. */
MUST_CHECK bool store_copy_part(struct store *store, struct arena *arena,
                                const struct store_part_copy *copy, const char **ret_etag,
                                struct error *err);
struct store_part {
    unsigned number;
    const char *etag;
    uint64_t size;
    int64_t modified_unix_ms;
    const char *checksum; /* base64 or ""; NULL in a list of complete: not compared */
};
/* `after`: part-number-marker. */
MUST_CHECK bool store_list_parts(struct store *store, struct arena *arena, const char *bucket,
                                 const char *key, const char *upload_id, unsigned after,
                                 size_t max_parts, struct store_part **ret, size_t *ret_count,
                                 bool *ret_truncated, struct error *err);
/* Of an object that was made of parts, as it is at `version`; ETags are "". */
MUST_CHECK bool store_list_object_parts(struct store *store, struct arena *arena, int64_t version,
                                        unsigned after, size_t max_parts, struct store_part **ret,
                                        size_t *ret_count, bool *ret_truncated, struct error *err);

struct store_upload_list {
    const char *prefix;
    const char *delimiter;
    const char *key_marker; /* uploads of greater keys, and of this key with greater ids than */
    const char *id_marker;  /* this, which is "" for none: then only of greater keys */
    size_t max_uploads;
};
struct store_upload_listing {
    struct store_upload *uploads;
    size_t upload_count;
    const char **prefixes;
    size_t prefix_count;
    bool truncated;
    const char *next_key, *next_id; /* markers of the next page */
};
/* Uploads that are not completed, in order of key, then of their start. */
MUST_CHECK bool store_list_uploads(struct store *store, struct arena *arena, const char *bucket,
                                   const struct store_upload_list *list,
                                   struct store_upload_listing *ret, struct error *err);

/* `parts`: number and ETag as the client gives them. Repeating it after success answers the same
 * object while it is still that one. Event: ObjectCreated:CompleteMultipartUpload. Honours
 * if_none_match and if_match of `put`. */
MUST_CHECK bool store_complete_upload(struct store *store, struct arena *arena,
                                      const struct store_put *put, const char *upload_id,
                                      const struct store_part *parts, size_t count,
                                      struct store_object *ret, struct error *err);
MUST_CHECK bool store_abort_upload(struct store *store, const char *bucket, const char *key,
                                   const char *upload_id, struct error *err);

/* ---- rights ---- */

/* Actions are S3's names without "s3:": GetObject, PutObject, DeleteObject, ListBucket,
 * AbortMultipartUpload, CreateBucket, DeleteBucket, PutBucketCors, GetBucketCors,
 * PutBucketNotification, GetBucketNotification, GetBucketLocation, ListAllMyBuckets. */
struct store_statement {
    const char *action; /* one name, or "*" */
    const char *bucket; /* one name, or "*" */
    /* Of the key (of the listed prefix for ListBucket); "" for any. With a star, which stands for
     * any text, it is a pattern of the whole key: "plans/x*.json". */
    const char *prefix;
};
/* Adds the key or replaces its secret and statements. Costs nothing when it says so already. */
MUST_CHECK bool store_put_key(struct store *store, const char *access_key, const char *secret_key,
                              const struct store_statement *statements, size_t count,
                              struct error *err);
/* The same for a key that lasts for a while, and comes with a token. */
struct store_temporary_key {
    const char *access_key;
    const char *secret_key;
    const char *session_token; /* "" for none */
    int64_t expires_unix_ms;   /* 0: never */
};
MUST_CHECK bool store_put_temporary_key(struct store *store, const struct store_temporary_key *key,
                                        const struct store_statement *statements, size_t count,
                                        struct error *err);
/* True also when there was none. */
MUST_CHECK bool store_delete_key(struct store *store, const char *access_key, struct error *err);
struct store_key {
    const char *access_key;
    const char *secret_key;
    const char *session_token;                /* "" for none */
    int64_t expires_unix_ms;                  /* 0: never */
    const struct store_statement *statements; /* of store_list_keys alone */
    size_t count;
};
/* NOT_FOUND InvalidAccessKeyId. Also sees what another process has changed (store_open_keys). */
MUST_CHECK bool store_get_key(struct store *store, struct arena *arena, const char *access_key,
                              struct store_key *ret, struct error *err);
MUST_CHECK bool store_get_secret(struct store *store, struct arena *arena, const char *access_key,
                                 const char **ret_secret_key, struct error *err);
/* In order of the access keys. */
MUST_CHECK bool store_list_keys(struct store *store, struct arena *arena, struct store_key **ret,
                                size_t *ret_count, struct error *err);

/* Opens the index alone, for listing and changing access keys also while a server has the folder;
 * the server takes changes over with the next request. NOT_FOUND when there is no store yet. For
 * nothing but the functions of access keys; ends with store_close. */
MUST_CHECK bool store_open_keys(const char *folder, struct store **ret, struct error *err);
/* Deny by default: true only when a statement of the key allows it. For PutObject and the like
 * `key` is the object's key; for ListBucket it is the prefix asked for; "" for bucket actions. */
bool store_allows(struct store *store, const char *access_key, const char *action,
                  const char *bucket, const char *key);

#endif
