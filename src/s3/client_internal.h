/*
 * What the client's files share: one request, signed, sent and repeated.
 */
#ifndef S3_CLIENT_INTERNAL_H
#define S3_CLIENT_INTERNAL_H

#include "base/xml.h"
#include "s3/client.h"

enum {
    /* Documents in answers. A page of 1,000 keys of 1,024 bytes, each byte escaped to six, stays
     * below it. */
    S3_MAX_DOCUMENT_BYTES = 8 * 1024 * 1024,
    /* What is believed of a server's tokens: S3's own are far shorter. */
    S3_MAX_ETAG_BYTES = 128,
    S3_MAX_UPLOAD_ID_BYTES = 1024,
};

struct s3_request {
    const char *method;
    const char *bucket;
    const char *key;   /* NULL: the bucket itself */
    const char *query; /* raw; NULL: none */
    struct http_headers headers;
    const void *body;
    size_t body_size;
    size_t max_reply_bytes; /* 0: S3_MAX_DOCUMENT_BYTES */
    bool conditional;       /* 409 means that another write was under way: again */
    bool late_errors;       /* the answer may be 200 and its document an error */
};

/* Sends it until there is a lasting answer; true for a 2xx. */
MUST_CHECK bool s3_send(struct s3_client *client, struct arena *arena,
                        const struct s3_request *request, struct http_reply *ret,
                        struct error *err);

/* Parses an answer's document and checks the name of its root. */
MUST_CHECK bool s3_parse_reply(struct arena *arena, const struct http_reply *reply,
                               const char *root_name, struct xml_element **ret, struct error *err);

/* ETag without its quotes; INTERNAL when it is none, or of absurd length. */
MUST_CHECK bool s3_read_etag(struct arena *arena, struct str text, const char **ret,
                             struct error *err);

/* `"etag"`, for conditions. */
const char *s3_quote_etag(struct arena *arena, const char *etag);

#endif
