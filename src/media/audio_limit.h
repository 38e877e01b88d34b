/*
 * A limiter that looks ahead: what would go over full scale, also between the samples, is turned
 * down smoothly before it comes; everything else passes unchanged. Pure, and exact in its gains, so
 * that the same samples give the same result however they are cut into calls.
 */
#ifndef MEDIA_AUDIO_LIMIT_H
#define MEDIA_AUDIO_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AUDIO_LIMIT_HOLD = 240, /* frames: 5 ms at 48 kHz to turn down */
    AUDIO_LIMIT_TAPS = 12,  /* of the filter that looks between the samples */
    AUDIO_LIMIT_DELAY = AUDIO_LIMIT_HOLD + AUDIO_LIMIT_TAPS / 2,
    AUDIO_LIMIT_RING = 256, /* at least AUDIO_LIMIT_DELAY + AUDIO_LIMIT_TAPS / 2 */
    AUDIO_LIMIT_PHASES = 3, /* between two samples */
};

struct audio_limiter {
    unsigned channels; /* 1 or 2 */
    double taps[AUDIO_LIMIT_PHASES][AUDIO_LIMIT_TAPS];
    float quiet; /* samples below cannot make more than full scale between them */
    uint64_t time;
    uint64_t loud_until;
    float ring[AUDIO_LIMIT_RING * 2];
    double between; /* peak in the gap before the sample at hand */
    /* Gains are integers, AUDIO_LIMIT_ONE is 1. */
    int32_t wanted[AUDIO_LIMIT_RING];  /* by each frame */
    uint64_t lowest[AUDIO_LIMIT_RING]; /* times of wanted gains, ascending both */
    size_t lowest_first, lowest_count;
    int32_t released[AUDIO_LIMIT_RING];
    int64_t released_sum; /* of the latest AUDIO_LIMIT_HOLD + 1 */
};

void audio_limiter_init(struct audio_limiter *limiter, unsigned channels);

/* `count` frames in place; what comes out is AUDIO_LIMIT_DELAY frames older than what goes in, at
 * first silence. */
void audio_limiter_run(struct audio_limiter *limiter, float *frames, size_t count);

#endif
