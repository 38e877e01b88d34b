/*
 * The sound object: all audio packets of a film, encoded once, and the index behind them.
 *
 *   packets back to back | index (JSON) | length of the index, 4 bytes big-endian | "TSS1"
 *
 * The index is one object: {"version":1, "codec":…, "rate":…, "channels":…, "samples_packet":…,
 * "priming":…, "samples":…, "config":"<base64>", "sizes":"<base64 of 16-bit numbers, big-endian>"}.
 *
 * AAC-LC for MP4 and MOV, Opus for WebM; GIF has no sound. A segment carries the packets that begin
 * in its time range (the first also those before 0, the priming; the last all the rest), so a task
 * needs one range of the object. Pure.
 */
#ifndef MEDIA_SOUND_H
#define MEDIA_SOUND_H

#include "base/arena.h"
#include "base/error.h"
#include "job/plan.h"

#include <stdint.h>

enum {
    SOUND_TRAILER_BYTES = 8,
    SOUND_MAX_PACKET_BYTES = 16 * 1024,
    SOUND_MAX_PACKETS = 1 << 24,
    SOUND_MAX_INDEX_BYTES = 64 * 1024 * 1024,
    SOUND_MAX_CONFIG_BYTES = 1024,
    SOUND_MAX_PRIMING = 1 << 16,
};

struct sound_index {
    const char *codec;       /* "aac", "opus" */
    unsigned rate;           /* of the track's time scale: samples a second, at most 48000 */
    unsigned channels;       /* 1 or 2 */
    unsigned samples_packet; /* of each packet: 1024 of AAC, 960 of Opus */
    unsigned priming;        /* samples before the film's first; of Opus its pre-skip */
    uint64_t samples; /* that are heard: the film's length; no packet lies wholly behind them */
    const uint8_t *config; /* AudioSpecificConfig; body of dOps */
    size_t config_size;
    uint32_t *sizes; /* of packets */
    uint32_t packet_count;
};

/* Whole object from index and packets; in the arena. What sound_index_parse would refuse is a
 * mistake of ours. */
struct str sound_to_object(struct arena *arena, const struct sound_index *index,
                           struct str packets);

/* The size of the index from the last SOUND_TRAILER_BYTES. INVALID: no sound object. */
MUST_CHECK bool sound_index_size(struct str trailer, uint64_t object_size, uint64_t *ret_size,
                                 struct error *err);
/* Reads and checks an index (it may come from a stranger): INVALID where it contradicts itself, the
 * decoder's configuration or the object's size. */
MUST_CHECK bool sound_index_parse(struct arena *arena, struct str index, uint64_t object_size,
                                  struct sound_index *ret, struct error *err);

/* The number of the first packet of a segment of the plan; for the segment behind the last the
 * number of packets. */
uint32_t sound_first_packet(const struct sound_index *index, const struct plan *plan,
                            uint32_t segment);

/* The packets of a run of segments and where they lie in the object. */
struct sound_range {
    uint32_t first, count;
    uint64_t offset, size;
};
struct sound_range sound_range_of(const struct sound_index *index, const struct plan *plan,
                                  struct segment_range range);

#endif
