/*
 * A composed picture, ready for the encoder: planar Y'CbCr 4:2:0, 8 bit, BT.709 limited range,
 * chroma sited left (MPEG-2), even sides.
 */
#ifndef MEDIA_FRAME_H
#define MEDIA_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct frame {
    unsigned width, height;
    uint8_t *planes[3];
    size_t strides[3]; /* multiples of 64 */
};

/* Planes aligned to 64 bytes, uninitialised. Out of memory ends the process. */
void frame_init(struct frame *frame, unsigned width, unsigned height);
void frame_clear(struct frame *frame);

#endif
