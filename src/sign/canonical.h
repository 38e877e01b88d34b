/*
 * What signer and verifier of Signature Version 4 share: the canonical request, the string to sign
 * and the signature. Pure. Private to src/sign.
 */
#ifndef SIGN_CANONICAL_H
#define SIGN_CANONICAL_H

#include "base/arena.h"
#include "base/str.h"
#include "http/http.h"

#include <stddef.h>
#include <stdint.h>

struct canonical_request {
    const char *method;
    const char *path; /* raw, percent-encoded once */
    const struct http_query *query;
    const struct http_headers *headers;
    const char *signed_headers; /* "a;b;c" in the order that is signed */
    const char *payload_hash;
    const char *service; /* any but "s3" encodes the path a second time */
};

/* Parameter X-Amz-Signature is left out. A header that is not there counts as empty. */
char *canonical_request(struct arena *arena, const struct canonical_request *request);

/* `date_time` is basic ("20261123T124447Z"), `scope` is "20261123/local/s3/aws4_request". */
char *string_to_sign(struct arena *arena, const char *date_time, const char *scope,
                     const char *canonical_request);

/* The values of all headers of that name: trimmed, inner white space collapsed, joined by commas.
 */
char *canonical_header_value(struct arena *arena, const struct http_headers *headers,
                             struct str name);

/* The strings, one behind the other. */
char *canonical_join(struct arena *arena, const char *const *parts, size_t count,
                     const char *separator);

#endif
