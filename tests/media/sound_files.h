/*
 * Sound for tests: a signal by arithmetic, and WAV files of it in memory.
 */
#ifndef TESTS_MEDIA_SOUND_FILES_H
#define TESTS_MEDIA_SOUND_FILES_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The signal at a time, in each channel another: tones that never repeat, below 4 kHz, so that the
 * same sound can be had at any rate; within +-0.7. */
double signal_at(unsigned channel, double seconds);

struct wave {
    unsigned rate, channels;
    unsigned bits;      /* 8, 16, 24, 32 */
    bool is_float;      /* of 32 or 64 bits */
    uint64_t samples;   /* a channel */
    uint32_t data_said; /* 0: what is there */
};

/* A WAV file of the signal. */
struct str wave_file(struct arena *arena, const struct wave *wave);
/* The same of given samples: 32-bit float, interleaved. */
struct str wave_of(struct arena *arena, const float *samples, size_t count, unsigned channels,
                   unsigned rate);

/* Signal to noise in dB of `count` samples (every `stride`th) against the reference. */
double signal_to_noise(const float *samples, const float *reference, size_t count, size_t stride);

#endif
