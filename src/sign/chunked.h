/*
 * Decoder of `aws-chunked` bodies: chunks that S3's clients put inside an HTTP body, signed each or
 * not, with a checksum behind the last one. Pure: bytes are pushed in, the contents come out.
 *
 * Source: AWS S3 API Reference, "Signature calculations: transferring payload in multiple chunks"
 * and "… with trailing headers".
 */
#ifndef SIGN_CHUNKED_H
#define SIGN_CHUNKED_H

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values of x-amz-content-sha256 that announce such a body. */
#define CHUNKED_SIGNED           "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
#define CHUNKED_SIGNED_TRAILER   "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
#define CHUNKED_UNSIGNED_TRAILER "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

struct chunked;

struct chunked_options {
    const char *payload_hash; /* one of the three above */
    uint64_t decoded_size;    /* x-amz-decoded-content-length */
    const char *trailer;      /* x-amz-trailer: the one header to come; NULL: none */
    /* For signed bodies: the scope, the time and the signature of the request's head. */
    const char *secret_key;
    const char *date; /* yyyymmdd */
    const char *region;
    const char *service;
    int64_t signed_at_unix_ms;
    const char *seed_signature;
};

/* Copies the options. */
struct chunked *chunked_new(const struct chunked_options *options);
void chunked_free(struct chunked *chunked);

/* Takes the contents out of a piece; false from it stops with the error it filled in. What it gets
 * is not yet verified: that is known when the whole body is. */
struct chunked_sink {
    bool (*take)(void *context, const void *data, size_t size, struct error *err);
    void *context;
};

/* IncompleteBody (broken framing, more than announced), InvalidChunkSizeError,
 * SignatureDoesNotMatch, MalformedTrailerError. After an error only chunked_free. */
MUST_CHECK bool chunked_add(struct chunked *chunked, const void *data, size_t size,
                            const struct chunked_sink *sink, struct error *err);
/* The body has ended: was it whole? */
MUST_CHECK bool chunked_end(const struct chunked *chunked, struct error *err);
/* Value of the announced trailer after chunked_end; NULL when none was announced. */
const char *chunked_trailer(const struct chunked *chunked);

#endif
