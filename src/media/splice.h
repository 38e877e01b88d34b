/*
 * How the final file is put together on the store: a list of multipart parts, each either a range
 * of one chunk (copied by the store) or bytes that pass through the function. Pure.
 *
 * Part 1 is the header and leading bytes up to at least 5 MiB; runs of at least 5 MiB in one chunk
 * are copied; smaller ones are glued with the head of the next run, whose rest stays at least
 * 5 MiB where that is possible. The trailer ends the last part of bytes, or is one of its own.
 */
#ifndef MEDIA_SPLICE_H
#define MEDIA_SPLICE_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the film that lie together in one chunk. */
struct splice_run {
    uint32_t chunk; /* index in the caller's list */
    uint64_t offset;
    uint64_t length;
};

struct splice_film {
    uint64_t header_bytes;
    uint64_t trailer_bytes; /* may be 0 */
    const struct splice_run *runs;
    size_t run_count;
};

enum splice_origin { SPLICE_CHUNK, SPLICE_HEADER, SPLICE_TRAILER };

struct splice_piece {
    enum splice_origin origin;
    uint32_t chunk;
    uint64_t offset; /* in the chunk; 0 in header and trailer, whose pieces are whole */
    uint64_t length;
};

struct splice_part {
    bool copy; /* exactly one piece, of a chunk: UploadPartCopy */
    struct splice_piece *pieces;
    size_t piece_count;
    uint64_t length;
};

/* LIMIT when more than 10,000 parts would be needed. Parts over 5 GiB are divided. */
MUST_CHECK bool splice_layout(struct arena *arena, const struct splice_film *film,
                              struct splice_part **ret_parts, size_t *ret_count, struct error *err);

#endif
