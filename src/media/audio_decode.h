/*
 * An audio file in memory into frames of samples, one after the other, exactly as long as the file
 * says: encoder delay and padding are left out wherever the file tells of them (LAME's header in
 * MP3, edit lists of MP4, pre-skip of Opus, end positions of Ogg, sample counts of FLAC).
 */
#ifndef MEDIA_AUDIO_DECODE_H
#define MEDIA_AUDIO_DECODE_H

#include "base/error.h"
#include "base/str.h"

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    AUDIO_MIN_RATE = 8000,
    AUDIO_MAX_RATE = 384000,
    AUDIO_MAX_CHANNELS = 8,
    AUDIO_MAX_SECONDS = 24 * 60 * 60,
};

struct audio_decoder;

/* `file` must outlive the decoder. INVALID: not audio that this version reads. */
MUST_CHECK bool audio_decoder_new(struct str file, struct audio_decoder **ret, struct error *err);
void audio_decoder_free(struct audio_decoder *decoder);
void audio_decoder_cleanup(struct audio_decoder **decoder);

/* The next frame, the decoder's own until the next call; NULL at the end. Rate, channels and format
 * of frames may differ within a file. Floating-point samples are finite, within +-16. INVALID:
 * damaged or truncated, with the place in seconds. LIMIT: longer than AUDIO_MAX_SECONDS. */
MUST_CHECK bool audio_decoder_next(struct audio_decoder *decoder, const AVFrame **ret,
                                   struct error *err);

/* What was decoded up to now; at the end how long the file lasts. A rate of 0: nothing yet. */
uint64_t audio_decoder_samples(const struct audio_decoder *decoder); /* a channel */
unsigned audio_decoder_rate(const struct audio_decoder *decoder);    /* of the latest frame */

/* Narrows the instructions that FFmpeg's libraries choose by processor to those that all machines
 * of the architecture have (x86-64-v2), because they round differently and the sound's bytes must
 * not depend on the machine. Process-wide; repeating it changes nothing. To be called before other
 * threads use the libraries. */
void audio_pin_instructions(void);

#endif
