/*
 * A chunk: some whole, consecutive segments in one object, as they stand in the film's file
 * (mux_segment), its index at the tail.
 *
 *   segment 0 | … | segment n-1 | poster (JPEG, may be empty) |
 *   index (JSON) | length of the index, 4 bytes big-endian | "TSC1"
 *
 * Segments first, so that a range of the object is a range of the final file. Pure.
 */
#ifndef MEDIA_CHUNK_H
#define MEDIA_CHUNK_H

#include "base/arena.h"
#include "base/error.h"
#include "media/media.h"
#include "media/mux.h"

#include <jansson.h>

enum {
    CHUNK_TRAILER_BYTES = 8,
    CHUNK_MAX_INDEX_BYTES = 64 * 1024 * 1024,
    CHUNK_MAX_SEGMENTS = 4096,
    CHUNK_MAX_SAMPLES = 1 << 20, /* about 24 MiB of index */
    CHUNK_MAX_PACKETS = 1 << 20,
    CHUNK_MAX_CONFIG_BYTES = 4096,
};

struct chunk_segment {
    uint32_t number;
    char hash[SHA256_HEX_SIZE]; /* plan_segment_hash */
    uint64_t offset;            /* of its first byte in the chunk */
    uint64_t size;              /* of its bytes in the film */
    struct media_sample *samples;
    uint32_t sample_count;
    uint32_t *sound_sizes; /* of its audio packets */
    uint32_t sound_count;
};

struct chunk_index {
    struct chunk_segment *segments; /* consecutive numbers */
    uint32_t segment_count;
    const uint8_t *config; /* as media_segment has it; may be empty */
    size_t config_size;
    uint64_t poster_offset, poster_size; /* size 0: none */
    json_t *receipts; /* array of {"image": n, …receipt}; the caller drops the reference */
};

/* Growing chunk: segments are appended as they are finished. */
struct chunk_writer;
/* Plan and sound (NULL: none) outlive the writer. */
struct chunk_writer *chunk_writer_new(const struct plan *plan, const struct sound_index *sound);
void chunk_writer_free(struct chunk_writer *writer);
/* Copies the segment, which must follow the last one, and its audio packets (NULL: none). LIMIT
 * over 2 GiB, CHUNK_MAX_SEGMENTS, CHUNK_MAX_SAMPLES or CHUNK_MAX_PACKETS; INTERNAL when its decoder
 * configuration differs; else as mux_segment. */
MUST_CHECK bool chunk_writer_add(struct chunk_writer *writer, const struct media_segment *segment,
                                 const struct mux_sound *sound, const char *hash,
                                 struct error *err);
/* A segment out of another chunk, as it stands there: its bytes hold the same film. */
struct chunk_copy {
    uint32_t number; /* in this film */
    const char *hash;
    struct str bytes;
    const struct chunk_segment *from;
    const uint8_t *config;
    size_t config_size;
    struct str poster; /* empty: not in this segment */
};
/* Failures are those of chunk_writer_add; INVALID for bytes of another size than `from` says. */
MUST_CHECK bool chunk_writer_copy(struct chunk_writer *writer, const struct chunk_copy *copy,
                                  struct error *err);
void chunk_writer_add_receipt(struct chunk_writer *writer, uint32_t image,
                              const struct receipt *receipt);
uint64_t chunk_writer_size(const struct chunk_writer *writer); /* bytes of segments so far */
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
 * what lies before the index, sample counts as the plan's segments. What depends on the sound is
 * checked where the film is put together (mux_header). */
MUST_CHECK bool chunk_index_parse(struct arena *arena, struct str index, uint64_t object_size,
                                  const struct plan *plan, struct chunk_index *ret,
                                  struct error *err);

#endif
