/*
 * AWS Signature Version 4 for S3: signs and verifies, by header and by pre-signed query. Pure: the
 * time is an argument, no I/O.
 *
 * Source: AWS General Reference, "Signature Version 4 signing process"; S3 rules (the path is
 * encoded once and never normalised).
 */
#ifndef SIGN_SIGV4_H
#define SIGN_SIGV4_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "http/http.h"
#include "sign/digest.h"

#include <stdbool.h>
#include <stdint.h>

struct sigv4_credentials {
    const char *access_key;
    const char *secret_key;
    const char *session_token; /* NULL: none */
};

#define SIGV4_UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"

/* Longest life of a pre-signed URL: a week. */
enum { SIGV4_MAX_EXPIRES_SECONDS = 604800 };

/* Hex signature of any text under the key of that day (yyyymmdd), region and service: for POST
 * policies and the chunks of streamed bodies. */
void sigv4_sign_text(const char *secret_key, const char *date, const char *region,
                     const char *service, struct str text, char ret_signature[SHA256_HEX_SIZE]);

/* Adds x-amz-date, x-amz-content-sha256, x-amz-security-token (where there is one) and
 * Authorization to `headers`, which must hold `host` already. Every header present is signed but
 * those that proxies change (connection, expect, te, trailer, transfer-encoding, upgrade,
 * user-agent). `path` is raw (percent-encoded once), `query` raw without `?`.
 * `payload_hash`: hex SHA-256 of the body, or SIGV4_UNSIGNED_PAYLOAD. For any service but "s3" the
 * path is encoded a second time, as those services want it; it is never normalised. */
void sigv4_sign_headers(struct arena *arena, const struct sigv4_credentials *credentials,
                        const char *region, const char *service, int64_t now_unix_ms,
                        const char *method, const char *path, const char *query,
                        const char *payload_hash, struct http_headers *headers);

struct sigv4_presign {
    const char *method;
    const char *path;            /* raw */
    const char *query;           /* raw parameters to sign as well ("" for none) */
    struct http_headers headers; /* to be signed; must hold host */
    int64_t now_unix_ms;
    unsigned expires_seconds; /* 1 to 604,800 */
};

/* The query (without `?`) that makes the URL valid: `query` and the X-Amz-… parameters. */
char *sigv4_presign_query(struct arena *arena, const struct sigv4_credentials *credentials,
                          const char *region, const char *service,
                          const struct sigv4_presign *request);

/* What a request says of its signature, before any key is looked up. */
struct sigv4_claim {
    bool presigned;
    const char *access_key;
    const char *date;          /* yyyymmdd of the scope */
    const char *region;        /* of the scope */
    const char *session_token; /* NULL: none */
    int64_t signed_at_unix_ms;
    unsigned expires_seconds; /* presigned only */
    const char *payload_hash; /* x-amz-content-sha256 as sent; when pre-signed and not sent,
                               * UNSIGNED-PAYLOAD */
    /* the rest is for sigv4_verify */
    const char *service;
    const char *signature;
    const char *signed_headers; /* a;b;c */
};

/* What a POST form says of its signature: values of the fields, NULL where there is none. */
struct sigv4_form {
    const char *algorithm;     /* x-amz-algorithm */
    const char *credential;    /* x-amz-credential */
    const char *date;          /* x-amz-date */
    const char *signature;     /* x-amz-signature */
    const char *session_token; /* x-amz-security-token */
};
/* Codes: AccessDenied (a field is missing), InvalidArgument (bad values), NotImplemented. */
MUST_CHECK bool sigv4_read_form(struct arena *arena, const struct sigv4_form *form,
                                struct sigv4_claim *ret, struct error *err);
/* The signature is one over `policy`, the field's base64 text. SignatureDoesNotMatch,
 * InvalidArgument for another region or service. How long it is good for the policy says. */
MUST_CHECK bool sigv4_verify_form(struct arena *arena, const struct sigv4_claim *claim,
                                  const char *policy, const char *secret_key, const char *region,
                                  const char *service, struct error *err);

struct sigv4_request {
    const char *method;
    const char *path;  /* raw as received */
    const char *query; /* raw as received */
    const struct http_headers *headers;
    /* For services that do not ask for x-amz-content-sha256: hex SHA-256 of the body, which counts
     * where the header is not sent. NULL: it must be sent. */
    const char *payload_hash;
};

/* Reads Authorization or the X-Amz-… query. Codes: AccessDenied (anonymous; no or bad date),
 * AuthorizationHeaderMalformed, AuthorizationQueryParametersError, InvalidRequest (no
 * x-amz-content-sha256; SigV2), InvalidArgument (bad x-amz-content-sha256, other kinds of
 * Authorization, header and query at once), InvalidURI (broken query), NotImplemented (SigV4A).
 * Messages as S3 words them. */
MUST_CHECK bool sigv4_read(struct arena *arena, const struct sigv4_request *request,
                           struct sigv4_claim *ret, struct error *err);

/* The failure's particulars that S3 puts into its error document. */
struct sigv4_failure {
    const char *canonical_request;
    const char *string_to_sign;
    const char *headers_not_signed; /* "a, b" */
};

/* Checks scope (region, service), time (15 minutes of skew by header; expiry when pre-signed),
 * that `host` and every x-amz-* header are signed, and the signature in constant time. Codes:
 * SignatureDoesNotMatch, RequestTimeTooSkewed, AccessDenied ("Request has expired", "Request is
 * not valid yet", headers not signed), AuthorizationHeaderMalformed (when pre-signed
 * AuthorizationQueryParametersError). `ret_failure` (may be NULL) is filled for
 * SignatureDoesNotMatch, and with `headers_not_signed` alone where those are the reason. */
MUST_CHECK bool sigv4_verify(struct arena *arena, const struct sigv4_request *request,
                             const struct sigv4_claim *claim, const char *secret_key,
                             const char *region, const char *service, int64_t now_unix_ms,
                             struct sigv4_failure *ret_failure, struct error *err);

#endif
