#include "drawing.h"

/* A few bits of hash as texture, so that there is something to encode and to move. */
static unsigned texture(unsigned x, unsigned y) {
    unsigned value = (x / 4) * 73856093u ^ (y / 4) * 19349663u;
    return (value >> 7) % 24;
}

static uint8_t luma(unsigned x, unsigned y, unsigned number) {
    unsigned moved = x + 3 * number;
    return (uint8_t)(20 + (moved / 2 + y + 37 * number) % 170 + texture(moved, y));
}

void draw_picture(struct frame *frame, unsigned number) {
    for (unsigned y = 0; y < frame->height; y++)
        for (unsigned x = 0; x < frame->width; x++)
            frame->planes[0][y * frame->strides[0] + x] = luma(x, y, number);
    for (unsigned y = 0; y < frame->height / 2; y++)
        for (unsigned x = 0; x < frame->width / 2; x++) {
            frame->planes[1][y * frame->strides[1] + x] = (uint8_t)(100 + (x + 11 * number) % 60);
            frame->planes[2][y * frame->strides[2] + x] = (uint8_t)(90 + (y + 7 * number) % 70);
        }
}
