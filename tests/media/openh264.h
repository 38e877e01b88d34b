/*
 * A second H.264 decoder, by other people than FFmpeg's.
 */
#ifndef TESTS_MEDIA_OPENH264_H
#define TESTS_MEDIA_OPENH264_H

#include "base/arena.h"
#include "media/frame.h"
#include "media/media.h"

struct openh264_film {
    struct frame *frames; /* in the order of showing */
    uint32_t frame_count, room;
};

/* Decodes segments of one job. Fails the test at the first complaint, or when not every frame comes
 * out once. The version of Debian 12 mixes up pictures that wait to be shown while a key frame or a
 * B-frame of x264 is decoded; so each key frame gets a decoder of its own, and frames are put in
 * order by the samples' tables. */
void openh264_watch(struct arena *arena, const struct media_segment *segments, uint32_t count,
                    struct openh264_film *ret);
void openh264_film_clear(struct openh264_film *film);

#endif
