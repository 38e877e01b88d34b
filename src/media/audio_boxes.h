/*
 * The boxes of MP4 and MOV (ISO 14496-12) before a demuxer sees them: are they all there, do their
 * tables promise no more samples than a file of that size can hold, and how long is the sound by
 * the edit list and the table of durations. Pure.
 */
#ifndef MEDIA_AUDIO_BOXES_H
#define MEDIA_AUDIO_BOXES_H

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    /* The demuxer keeps 24 bytes for each; a day of AAC has 4 million. */
    AUDIO_BOXES_MAX_SAMPLES = 8 * 1024 * 1024,
    AUDIO_BOXES_MAX_EDITS = 256,
};

struct audio_boxes {
    /* What is heard of the first track of sound, in ticks of its timescale; 0 where the boxes do
     * not tell (fragments, several edits). */
    uint64_t heard;
    uint32_t timescale;
};

/* INVALID: truncated, damaged, without sound. LIMIT: over the limits above. */
MUST_CHECK bool audio_boxes_read(struct str file, struct audio_boxes *ret, struct error *err);

#endif
