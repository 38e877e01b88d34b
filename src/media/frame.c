/*
 * One allocation holds the three planes, so that a frame is freed by its first.
 */
#include "media/frame.h"

#include "base/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_ALIGNMENT = 64 };

static size_t frame_stride(unsigned width) {
    return ((size_t)width + FRAME_ALIGNMENT - 1) / FRAME_ALIGNMENT * FRAME_ALIGNMENT;
}

void frame_init(struct frame *frame, unsigned width, unsigned height) {
    assert(width > 0 && height > 0 && width % 2 == 0 && height % 2 == 0);
    size_t luma = frame_stride(width), chroma = frame_stride(width / 2);
    uint8_t *data = aligned_alloc(FRAME_ALIGNMENT, luma * height + 2 * chroma * (height / 2));
    if (data == NULL)
        die_out_of_memory();
    *frame = (struct frame){
        .width = width,
        .height = height,
        .planes = {data, data + luma * height, data + luma * height + chroma * (height / 2)},
        .strides = {luma, chroma, chroma},
    };
}

void frame_clear(struct frame *frame) {
    free(frame->planes[0]);
    *frame = (struct frame){0};
}

void frame_copy(const struct frame *source, struct frame *target) {
    assert(source->width == target->width && source->height == target->height);
    size_t luma = source->strides[0] * source->height;
    /* One allocation, planes in this order. */
    memcpy(target->planes[0], source->planes[0], luma + source->strides[1] * source->height);
}
