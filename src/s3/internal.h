/*
 * What the server's files share: one call from its first line to its answer.
 *
 * server.c reads the address, finds the route, and lets auth.c and body.c judge; the handler then
 * fills in the response or an error. Functions that can fail give an error whose code is one of
 * s3/codes.h; server.c turns it into the error document, and adds what every answer carries.
 */
#ifndef S3_INTERNAL_H
#define S3_INTERNAL_H

#include "base/xml.h"
#include "http/server.h"
#include "s3/checksum.h"
#include "s3/housekeeper.h"
#include "s3/server.h"
#include "s3/xml_write.h"
#include "sign/chunked.h"
#include "sign/sigv4.h"

struct s3_server {
    struct store *store;
    char *region;
    const char *scheme; /* "http" or "https" */
    struct http_server *http;
    struct s3_housekeeper *housekeeper;
};

enum {
    S3_MAX_CONFIGURATION_BYTES = 64 * 1024,
    S3_MAX_XML_BYTES = 1024 * 1024, /* DeleteObjects, CompleteMultipartUpload */
    S3_PAGE_ENTRIES = 1000,
};

/* The body while it comes in: an object's goes to the store, a document is kept here. */
struct s3_body {
    struct store_body *stored; /* NULL for documents */
    struct buf document;
    struct checksum checksum;
    const char *expected_checksum;       /* base64; NULL: none */
    const char *computed_checksum;       /* base64, of the whole body; NULL: of no kind */
    enum checksum_kind default_checksum; /* computed when the client sends none */
    bool checksum_is_objects; /* the header tells the checksum of an object, not of this body */
    const char *expected_md5; /* base64; NULL: none */
    struct chunked *chunked;  /* NULL: the body is not in chunks of its own */
};

struct s3_post;

struct s3_call {
    struct s3_server *server;
    struct store *store;
    struct http_exchange *x;
    struct arena *arena;
    const struct s3_route *route;
    int64_t now_unix_ms;
    const char *request_id;
    const char *bucket; /* "": the service */
    const char *key;    /* "": the bucket */
    struct http_query query;
    struct sigv4_claim claim;
    const char *secret_key;
    struct s3_body body;
    struct s3_post *post;      /* of an HTML form; NULL: another call */
    const char *etag;          /* of what was stored */
    const char *error_details; /* XML for the error document; NULL: none */
};

/* ---- server.c ---- */

/* Header of the request, or NULL. */
const char *s3_header(const struct s3_call *call, const char *name);
/* Value of a query parameter (NUL-terminated copy), or NULL when it is not there. */
const char *s3_parameter(const struct s3_call *call, const char *name);
void s3_add_header(struct s3_call *call, const char *name, const char *value);

/* ---- routes.c ---- */

enum s3_level { S3_SERVICE, S3_BUCKET, S3_OBJECT };

enum s3_intake { S3_DOCUMENT, S3_STORED };

struct s3_route {
    const char *method;
    enum s3_level level;
    const char *parameter; /* query parameter that must be there; NULL: any */
    const char *header;    /* header that must be there; NULL: any */
    const char *action;    /* right needed; NULL: the handler asks itself */
    enum s3_intake intake;
    size_t max_document_bytes;
    const char *text; /* of the constant answers */
    /* Looks at the head before the body is taken; NULL: nothing to look at. */
    bool (*prepare)(struct s3_call *call, struct error *err);
    bool (*handle)(struct s3_call *call, struct error *err);
};

/* How the body of a form is taken. */
extern const struct s3_route s3_form_route;
/* MethodNotAllowed or NotImplemented when there is none. */
MUST_CHECK bool s3_find_route(const struct s3_call *call, const struct s3_route **ret,
                              struct error *err);

/* ---- auth.c ---- */

/* The key that the claim names, and its session token: fills secret_key. */
MUST_CHECK bool s3_find_key(struct s3_call *call, struct error *err);
/* Who asks: fills claim and secret_key. */
MUST_CHECK bool s3_authenticate(struct s3_call *call, struct error *err);
/* May the caller do this? AccessDenied otherwise. */
MUST_CHECK bool s3_authorise(const struct s3_call *call, const char *action, const char *bucket,
                             const char *key, struct error *err);
/* The error for a key that is not there: a caller without the right to list does not learn that. */
bool s3_hide_missing_key(const struct s3_call *call, struct error *err);
bool s3_hide_missing(const struct s3_call *call, const char *bucket, const char *key,
                     struct error *err);

/* ---- body.c ---- */

MUST_CHECK bool s3_body_begin(struct s3_call *call, struct error *err);
MUST_CHECK bool s3_body_add(struct s3_call *call, const void *data, size_t size, struct error *err);
/* Contents that are in no chunks of their own. */
MUST_CHECK bool s3_body_take(struct s3_call *call, const void *data, size_t size,
                             struct error *err);
/* Holds what came against everything that the head promised. */
MUST_CHECK bool s3_body_end(struct s3_call *call, struct error *err);
void s3_body_clear(struct s3_call *call);
/* The body as XML with that root; MalformedXML otherwise. */
MUST_CHECK bool s3_body_xml(struct s3_call *call, const char *root_name, struct xml_element **ret,
                            struct error *err);

/* ---- errors.c ---- */

/* Fills in the response with the error document. */
void s3_respond_error(struct s3_call *call, const struct error *err);
/* The code that goes to the client. */
const char *s3_error_code(const struct error *err);
/* S3's wording of it, or the error's own text. */
const char *s3_error_message(const struct error *err);
/* Adds `<name>value</name>` to the error document to come. */
void s3_error_detail(struct s3_call *call, const char *name, const char *value);

/* Fills in 200 with the document. */
MUST_CHECK bool s3_respond_xml(struct s3_call *call, struct xml_writer *w, struct error *err);
/* The same, of XML that is there; the call's arena. */
void s3_respond_document(struct s3_call *call, struct str document);
/* After store_get_document: the bucket is there and has no such document. */
bool s3_is_absent(const struct error *err);
/* Fills in an answer without a body. */
void s3_respond_empty(struct s3_call *call, unsigned status);

/* ---- cors.c ---- */

/* Adds the headers that let a page of the request's origin see the answer. */
void s3_cors_add_headers(struct s3_call *call);
/* Answers OPTIONS. */
MUST_CHECK bool s3_cors_preflight(struct s3_call *call, struct error *err);
bool s3_put_cors(struct s3_call *call, struct error *err);
bool s3_get_cors(struct s3_call *call, struct error *err);
bool s3_delete_cors(struct s3_call *call, struct error *err);

/* ---- notification.c ---- */

bool s3_put_notification(struct s3_call *call, struct error *err);
bool s3_get_notification(struct s3_call *call, struct error *err);

/* ---- head.c: what the head of a request asks ---- */

/* InvalidArgument, NotImplemented, … for headers that ask for what the store does not do. */
MUST_CHECK bool s3_refuse_features(const struct s3_call *call, struct error *err);
/* Content-Type and the JSON of further headers to keep with an object. */
MUST_CHECK bool s3_read_metadata(const struct s3_call *call, const char **ret_content_type,
                                 const char **ret_metadata, struct error *err);
/* Gives them back. `content_type` and `metadata` are those of the object; the query's response-…
 * parameters win. */
MUST_CHECK bool s3_write_metadata(struct s3_call *call, const struct store_object *object,
                                  struct error *err);
/* If-Match and If-None-Match of a write into `put`. */
MUST_CHECK bool s3_read_write_conditions(const struct s3_call *call, struct store_put *put,
                                         struct error *err);
enum s3_condition { S3_HOLDS, S3_NOT_MODIFIED, S3_FAILS };
/* RFC 9110 section 13.2.2 for GET and HEAD. `prefix` of the headers' names: "", or
 * "x-amz-copy-source-" for the source of a copy. */
enum s3_condition s3_check_read_conditions(const struct s3_call *call, const char *prefix,
                                           const struct store_object *object);
/* ETag without quotes, in the arena. */
const char *s3_unquote_etag(struct arena *arena, const char *text);
/* The fields of `put` that follow from the call. */
struct store_put s3_store_put(const struct s3_call *call, const char *event_name);

/* ---- handlers_bucket.c ---- */

bool s3_list_buckets(struct s3_call *call, struct error *err);
bool s3_create_bucket(struct s3_call *call, struct error *err);
bool s3_head_bucket(struct s3_call *call, struct error *err);
bool s3_delete_bucket(struct s3_call *call, struct error *err);
bool s3_get_location(struct s3_call *call, struct error *err);
bool s3_get_acl(struct s3_call *call, struct error *err);
bool s3_put_acl(struct s3_call *call, struct error *err);
/* 200 with route->text as document. */
bool s3_answer_constant(struct s3_call *call, struct error *err);
/* The error whose code is route->text, when the bucket exists. */
bool s3_answer_absent(struct s3_call *call, struct error *err);
/* A POST to a bucket that is no form. */
bool s3_answer_no_form(struct s3_call *call, struct error *err);

/* ---- handlers_attributes.c ---- */

bool s3_get_attributes(struct s3_call *call, struct error *err);
/* x-amz-checksum-… and -type. */
void s3_add_checksum_headers(struct s3_call *call, const struct object_checksum *sum);
/* <ChecksumCRC32>… and <ChecksumType>. */
void s3_write_checksum(struct xml_writer *w, const struct object_checksum *sum);

/* ---- handlers_copy.c ---- */

bool s3_prepare_copy(struct s3_call *call, struct error *err);
bool s3_copy_object(struct s3_call *call, struct error *err);
bool s3_copy_part(struct s3_call *call, struct error *err);

/* ---- tags.c: up to ten tags of an object ---- */

/* x-amz-tagging in the form that the store keeps, "" for none; needs PutObjectTagging. */
MUST_CHECK bool s3_read_tags_header(const struct s3_call *call, const char **ret,
                                    struct error *err);
/* The same of a document `Tagging`. */
MUST_CHECK bool s3_read_tags_xml(struct arena *arena, const struct xml_element *root,
                                 const char **ret, struct error *err);
size_t s3_count_tags(const char *tags);
bool s3_get_tags(struct s3_call *call, struct error *err);
bool s3_put_tags(struct s3_call *call, struct error *err);
bool s3_delete_tags(struct s3_call *call, struct error *err);

/* ---- listing.c ---- */

const char *s3_parameter_or_empty(const struct s3_call *call, const char *name);
/* A number of the query; left alone where it is not there or empty. InvalidArgument. */
MUST_CHECK bool s3_read_count(const struct s3_call *call, const char *name, uint64_t *ret,
                              struct error *err);
/* The most entries of a page, S3_PAGE_ENTRIES at most and by default. InvalidArgument. */
MUST_CHECK bool s3_read_page_size(const struct s3_call *call, const char *name, uint64_t *ret,
                                  struct error *err);
/* Whether names are asked for in percent encoding. InvalidArgument for other encodings. */
MUST_CHECK bool s3_read_encoding(const struct s3_call *call, bool *ret_encoded, struct error *err);
void s3_write_name(struct xml_writer *w, bool encoded, const char *element, const char *name);
/* One owner owns everything; S3's clients expect a name for him. `element`: Owner, Initiator. */
void s3_write_owner(struct xml_writer *w, const char *element);
/* What stands inside. */
void s3_write_identity(struct xml_writer *w);
/* <ChecksumAlgorithm> and <ChecksumType>, where there is a checksum. */
void s3_write_checksum_kind(struct xml_writer *w, const struct object_checksum *sum);

/* ---- handlers_list.c ---- */

bool s3_list_objects(struct s3_call *call, struct error *err);
bool s3_list_objects_v2(struct s3_call *call, struct error *err);
bool s3_list_versions(struct s3_call *call, struct error *err);
bool s3_delete_objects(struct s3_call *call, struct error *err);
bool s3_list_uploads(struct s3_call *call, struct error *err);

/* ---- handlers_object.c ---- */

bool s3_prepare_put(struct s3_call *call, struct error *err);
/* The body and what the head says about it become the object; `put` has the rest. */
MUST_CHECK bool s3_store_body(struct s3_call *call, struct store_put *put, struct error *err);
bool s3_put_object(struct s3_call *call, struct error *err);
bool s3_get_object(struct s3_call *call, struct error *err); /* HEAD too */
bool s3_delete_object(struct s3_call *call, struct error *err);

/* ---- post.c: uploads by HTML form ---- */

/* Signed, if at all, in its fields. */
bool s3_is_form(const struct s3_call *call);
MUST_CHECK bool s3_post_begin(struct s3_call *call, struct error *err);
MUST_CHECK bool s3_post_add(struct s3_call *call, const void *data, size_t size, struct error *err);
/* The body is there: stores the file and fills in the answer. */
MUST_CHECK bool s3_post_object(struct s3_call *call, struct error *err);

/* ---- lifecycle.c ---- */

bool s3_put_lifecycle(struct s3_call *call, struct error *err);
bool s3_get_lifecycle(struct s3_call *call, struct error *err);
bool s3_delete_lifecycle(struct s3_call *call, struct error *err);

/* ---- handlers_upload.c ---- */

bool s3_prepare_multipart(struct s3_call *call, struct error *err);
bool s3_create_multipart(struct s3_call *call, struct error *err);
bool s3_prepare_part(struct s3_call *call, struct error *err);
bool s3_put_part(struct s3_call *call, struct error *err);
/* Id and number of the query. */
MUST_CHECK bool s3_read_upload_id(const struct s3_call *call, const char **ret, struct error *err);
MUST_CHECK bool s3_read_part_number(const struct s3_call *call, unsigned *ret, struct error *err);
bool s3_get_parts(struct s3_call *call, struct error *err);
bool s3_prepare_complete(struct s3_call *call, struct error *err);
bool s3_complete_multipart(struct s3_call *call, struct error *err);
bool s3_abort_multipart(struct s3_call *call, struct error *err);

#endif
