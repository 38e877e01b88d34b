/*
 * The film's sound into packets: AAC-LC (192 kb/s, one channel 128) for MP4 and MOV, Opus (160,
 * one channel 96) in packets of 20 ms for WebM.
 */
#ifndef MEDIA_AUDIO_ENCODE_H
#define MEDIA_AUDIO_ENCODE_H

#include "base/arena.h"
#include "media/audio_track.h"
#include "media/sound.h"

enum { AUDIO_MAX_FILM_SECONDS = 24 * 60 * 60 };
/* A day at 256 kb/s; the encoders keep to less. */
#define AUDIO_MAX_ENCODED_BYTES ((size_t)AUDIO_MAX_FILM_SECONDS * 256 * 1000 / 8)

struct audio_encode {
    struct audio_track *track;
    unsigned channels; /* 1 or 2 */
    uint64_t samples;  /* of each channel, at least 1 */
};

/* Encodes the first `samples` of the track: as many packets as a decoder needs that leaves out
 * `priming` samples and shall have all of them. The packets are appended, back to back, to
 * `ret_packets`; what `ret` points to lives in the arena. The same samples give the same bytes.
 * LIMIT: over the maximum of `ret_packets`. */
MUST_CHECK bool audio_encode_aac(struct arena *arena, const struct audio_encode *encode,
                                 struct sound_index *ret, struct buf *ret_packets,
                                 struct error *err);
MUST_CHECK bool audio_encode_opus(struct arena *arena, const struct audio_encode *encode,
                                  struct sound_index *ret, struct buf *ret_packets,
                                  struct error *err);

#endif
