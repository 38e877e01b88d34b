/*
 * A player for tests: demuxes and decodes an MP4 file in memory with libavformat and libavcodec.
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
};

struct watched {
    unsigned width, height;
    int64_t timescale;
    int64_t duration; /* ticks */
    int64_t ticks_per_frame;
    int64_t start; /* ticks */
    bool is_bt709_limited;
    bool has_square_pixels;
    struct watched_packet *packets;
    uint32_t packet_count;
    struct frame *frames; /* in the order of showing; empty when only demuxed */
    int64_t *times;       /* of the frames, in frames */
    uint32_t frame_count;
};

/* Fails the test when the file is not read without a complaint. `decode` false: packets only.
 * watched_clear frees the frames; the rest lives in the arena. */
void watch(struct arena *arena, struct str film, bool decode, struct watched *ret);
void watched_clear(struct watched *watched);

/* Mean squared error of the luma samples of two pictures of one size. */
double picture_error(const struct frame *a, const struct frame *b);

/* Header and segments' samples as one file; the caller's arena. */
struct str join(struct arena *arena, const struct str *parts, size_t count);

#endif
