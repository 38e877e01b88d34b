/*
 * A composed picture, ready for the encoder: planar Y'CbCr 4:2:0, 8 bit, BT.709 limited range,
 * chroma sited left (MPEG-2), even sides.
 */
#ifndef MEDIA_FRAME_H
#define MEDIA_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* The ends of limited range. Black is also the least of chroma; chroma of greys is FRAME_GREY. */
enum { FRAME_BLACK = 16, FRAME_WHITE = 235, FRAME_MAX_CHROMA = 240, FRAME_GREY = 128 };

struct frame {
    unsigned width, height;
    uint8_t *planes[3];
    size_t strides[3]; /* multiples of 64 */
};

/* Planes aligned to 64 bytes, uninitialised. Out of memory ends the process. */
void frame_init(struct frame *frame, unsigned width, unsigned height);
void frame_clear(struct frame *frame);
/* Of one size. */
void frame_copy(const struct frame *source, struct frame *target);

#endif
