/*
 * A player for tests: demuxes and decodes a file in memory with libavformat and libavcodec.
 */
#ifndef TESTS_MEDIA_WATCH_H
#define TESTS_MEDIA_WATCH_H

#include "base/arena.h"
#include "media/frame.h"

#include <stdint.h>

struct watched_packet {
    int64_t pts, dts; /* frames, as the edit list leaves them */
    int size;
    bool key;
    uint64_t sum; /* FNV-1a of its bytes */
};

/* The sound beside the pictures. */
struct watched_sound {
    const char *codec; /* NULL: none */
    unsigned rate, channels;
    struct watched_packet *packets; /* pts in samples; priming lies before 0 */
    uint32_t packet_count;
    int64_t samples; /* heard, a channel; 0 when only demuxed */
    int64_t loudest; /* of them */
};

struct watched {
    const char *format; /* as libavformat names it */
    const char *codec;
    unsigned width, height;
    int64_t timescale;
    int64_t duration; /* ticks; of the whole file where the stream does not say */
    int64_t ticks_per_frame;
    int64_t start; /* ticks */
    bool is_bt709_limited;
    bool has_square_pixels;
    struct watched_packet *packets;
    uint32_t packet_count;
    struct frame *frames; /* in the order of showing; empty when only demuxed, and without planes
                             when they are not of 8 bits, 4:2:0 */
    int64_t *times;       /* of the frames, in frames */
    uint32_t frame_count;
    struct watched_sound sound;
    /* Of the player's own. */
    int sound_stream;
    double frames_tick, samples_tick;
    float peak;
};

uint64_t watch_sum(const void *data, size_t size);

/* Fails the test when the file is not read without a complaint. `decode` false: packets only.
 * watched_clear frees the frames; the rest lives in the arena. */
void watch(struct arena *arena, struct str film, bool decode, struct watched *ret);
void watched_clear(struct watched *watched);

/* Mean squared error of the luma samples of two pictures of one size. */
double picture_error(const struct frame *a, const struct frame *b);

/* Header and segments' samples as one file; the caller's arena. */
struct str join(struct arena *arena, const struct str *parts, size_t count);

#endif
