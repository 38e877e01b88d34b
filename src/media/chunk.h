/*
 * A chunk: the encoded samples of some whole, consecutive segments in one object, its index at the
 * tail.
 *
 *   samples of segment 0 | … | samples of segment n-1 | poster (JPEG, may be empty) |
 *   index (JSON) | length of the index, 4 bytes big-endian | "TSC1"
 *
 * Video first, so that a range of the object is a range of the final file. Pure.
 */
#ifndef MEDIA_CHUNK_H
#define MEDIA_CHUNK_H

#include "base/arena.h"
#include "base/error.h"
#include "media/media.h"

#include <jansson.h>

enum {
    CHUNK_TRAILER_BYTES = 8,
    CHUNK_MAX_INDEX_BYTES = 64 * 1024 * 1024,
    CHUNK_MAX_SEGMENTS = 4096,
    CHUNK_MAX_SAMPLES = 1 << 20, /* about 24 MiB of index */
    CHUNK_MAX_CONFIG_BYTES = 4096,
};

struct chunk_segment {
    uint32_t number;
    char hash[SHA256_HEX_SIZE]; /* plan_segment_hash */
    uint64_t offset;            /* of its first sample in the chunk */
    uint64_t size;
    struct media_sample *samples;
    uint32_t sample_count;
};

struct chunk_index {
    struct chunk_segment *segments; /* consecutive numbers */
    uint32_t segment_count;
    const uint8_t *config; /* avcC */
    size_t config_size;
    uint64_t poster_offset, poster_size; /* size 0: none */
    json_t *receipts; /* array of {"image": n, …receipt}; the caller drops the reference */
};

/* Growing chunk: segments are appended as they are finished. */
struct chunk_writer;
struct chunk_writer *chunk_writer_new(void);
void chunk_writer_free(struct chunk_writer *writer);
/* Copies the segment, which must follow the last one. LIMIT over 2 GiB, CHUNK_MAX_SEGMENTS or
 * CHUNK_MAX_SAMPLES; INTERNAL when its decoder configuration differs. */
MUST_CHECK bool chunk_writer_add(struct chunk_writer *writer, const struct media_segment *segment,
                                 const char *hash, struct error *err);
void chunk_writer_add_receipt(struct chunk_writer *writer, uint32_t image,
                              const struct receipt *receipt);
uint64_t chunk_writer_size(const struct chunk_writer *writer); /* bytes of samples so far */
/* Count 0 while it is empty. */
struct segment_range chunk_writer_range(const struct chunk_writer *writer);
/* Ends the chunk, which has at least one segment, and gives all its bytes (valid until the next
 * call on the writer); the writer is empty for the next chunk after chunk_writer_reset. */
struct str chunk_writer_finish(struct chunk_writer *writer);
void chunk_writer_reset(struct chunk_writer *writer);

/* The size of the index, from the object's last CHUNK_TRAILER_BYTES. INVALID when it is no chunk.
 */
MUST_CHECK bool chunk_index_size(struct str trailer, uint64_t object_size, uint64_t *ret_size,
                                 struct error *err);
/* Reads and checks an index (it may come from a stranger): numbers consecutive, sizes sum up to
 * what lies before the index, sample counts as the plan's segments. */
MUST_CHECK bool chunk_index_parse(struct arena *arena, struct str index, uint64_t object_size,
                                  const struct plan *plan, struct chunk_index *ret,
                                  struct error *err);

#endif
