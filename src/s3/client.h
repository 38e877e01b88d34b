/*
 * S3 client: the calls that functions and programs make, over http/client and sign/sigv4.
 *
 * Works with the embedded store, AWS S3 and Ceph RGW. Path style, except on AWS where there is no
 * endpoint (virtual host style). Thread-safe. Retries what is safe to retry (no connection, 429,
 * 500, 502, 503, 504, SlowDown; up to 4 tries with growing random pauses); a conditional PUT that
 * gets 409 is tried again. Every call on a missing key or bucket fails with NOT_FOUND and code
 * NoSuchKey or NoSuchBucket; a condition that does not hold with CONFLICT and PreconditionFailed;
 * refusals with DENIED; the server's code is in err->code where it is one of the known ones.
 */
#ifndef S3_CLIENT_H
#define S3_CLIENT_H

#include "base/arena.h"
#include "base/error.h"
#include "http/client.h"
#include "sign/sigv4.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct s3_client;

struct s3_client_options {
    const char *endpoint; /* "http://127.0.0.1:9000", or NULL for AWS in `region` */
    const char *region;
    struct sigv4_credentials credentials;
    struct http_client *http; /* shared, must outlive the client */
};

/* Copies the options' strings. */
MUST_CHECK bool s3_client_new(const struct s3_client_options *options, struct s3_client **ret,
                              struct error *err);
void s3_client_free(struct s3_client *client);

/* Replaces the credentials (session keys change between invocations). Not while calls run. */
void s3_client_set_credentials(struct s3_client *client, const struct sigv4_credentials *to);

/* Bytes moved by this client since it was made: bodies sent and received. */
struct s3_traffic {
    uint64_t sent_bytes;
    uint64_t received_bytes;
    uint64_t calls;
};
struct s3_traffic s3_client_traffic(const struct s3_client *client);

struct s3_put_options {
    const char *content_type; /* NULL: application/octet-stream */
    bool if_none_match;       /* If-None-Match: * ; CONFLICT when the key exists */
};
/* `ret_etag` (may be NULL) without quotes. */
MUST_CHECK bool s3_put(struct s3_client *client, struct arena *arena, const char *bucket,
                       const char *key, const void *data, size_t size,
                       const struct s3_put_options *options, const char **ret_etag,
                       struct error *err);

struct s3_object {
    const char *etag; /* without quotes */
    uint64_t size;    /* of the whole object */
    int64_t last_modified_unix_ms;
    const char *content_type;
    struct str body; /* GET only; NUL behind it */
};

struct s3_get_options {
    const char *if_match; /* ETag without quotes, or NULL */
    /* Range: first byte and length; length 0: the whole object. With `suffix` the last
     * `range_length` bytes (fewer when the object is shorter). */
    uint64_t range_first;
    uint64_t range_length;
    bool suffix;
    size_t max_bytes; /* LIMIT when the body would be longer; must be set */
};
MUST_CHECK bool s3_get(struct s3_client *client, struct arena *arena, const char *bucket,
                       const char *key, const struct s3_get_options *options, struct s3_object *ret,
                       struct error *err);
MUST_CHECK bool s3_head(struct s3_client *client, struct arena *arena, const char *bucket,
                        const char *key, struct s3_object *ret, struct error *err);
/* True also when there was none. */
MUST_CHECK bool s3_delete(struct s3_client *client, struct arena *arena, const char *bucket,
                          const char *key, struct error *err);

struct s3_entry {
    const char *key;
    const char *etag; /* without quotes */
    uint64_t size;
    int64_t last_modified_unix_ms;
};
struct s3_list_options {
    const char *prefix;      /* NULL: all */
    const char *start_after; /* NULL: from the start */
    const char *delimiter;   /* NULL: none */
    size_t max_entries;      /* stop there, `ret_more` says whether there would be more; 0: all */
};
struct s3_listing {
    struct s3_entry *entries; /* in key order, all pages joined */
    size_t count;
    const char **prefixes; /* common prefixes, with a delimiter */
    size_t prefix_count;
    bool more;
};
/* ListObjectsV2, page by page. */
MUST_CHECK bool s3_list(struct s3_client *client, struct arena *arena, const char *bucket,
                        const struct s3_list_options *options, struct s3_listing *ret,
                        struct error *err);

struct s3_part {
    unsigned number; /* 1 to 10,000 */
    const char *etag;
    uint64_t size; /* of list_parts */
};
MUST_CHECK bool s3_create_upload(struct s3_client *client, struct arena *arena, const char *bucket,
                                 const char *key, const char *content_type,
                                 const char **ret_upload_id, struct error *err);
MUST_CHECK bool s3_upload_part(struct s3_client *client, struct arena *arena, const char *bucket,
                               const char *key, const char *upload_id, unsigned number,
                               const void *data, size_t size, const char **ret_etag,
                               struct error *err);
struct s3_copy_source {
    const char *bucket;
    const char *key;
    const char *if_match; /* ETag, or NULL */
    uint64_t first;
    uint64_t length;
};
MUST_CHECK bool s3_upload_part_copy(struct s3_client *client, struct arena *arena,
                                    const char *bucket, const char *key, const char *upload_id,
                                    unsigned number, const struct s3_copy_source *source,
                                    const char **ret_etag, struct error *err);
MUST_CHECK bool s3_list_parts(struct s3_client *client, struct arena *arena, const char *bucket,
                              const char *key, const char *upload_id, struct s3_part **ret_parts,
                              size_t *ret_count, struct error *err);
/* NOT_FOUND with NoSuchUpload when it was completed or aborted before. */
MUST_CHECK bool s3_complete_upload(struct s3_client *client, struct arena *arena,
                                   const char *bucket, const char *key, const char *upload_id,
                                   const struct s3_part *parts, size_t count, struct error *err);
/* True also when there is none. */
MUST_CHECK bool s3_abort_upload(struct s3_client *client, struct arena *arena, const char *bucket,
                                const char *key, const char *upload_id, struct error *err);

struct s3_presign_options {
    const char *method; /* "GET", "PUT" */
    unsigned expires_seconds;
    int64_t now_unix_ms;
    int64_t content_length; /* signed for PUT, so that nothing larger can be sent; -1: not signed */
    const char *content_disposition; /* response-content-disposition for GET; NULL: none */
};
/* Whole URL. Makes no call. */
char *s3_presign(const struct s3_client *client, struct arena *arena, const char *bucket,
                 const char *key, const struct s3_presign_options *options);

#endif
