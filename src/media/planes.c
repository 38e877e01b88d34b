/*
 * Plane buffers.
 */
#include "media/planes.h"

#include "base/base.h"

/* A plane of a 64-megapixel picture is kept, of a larger one not. */
enum { PLANE_MAX_KEPT_BYTES = 64 * 1024 * 1024 };

static size_t plane_stride(size_t bytes) {
    size_t stride = (bytes + 63) / 64 * 64;
    /* Rows a multiple of 1024 bytes apart fall into the same few sets of the first-level cache,
     * and the vertical filter reads a dozen rows at once. */
    return stride % 1024 == 0 ? stride + 64 : stride;
}

static unsigned shifted(unsigned size, unsigned shift) {
    return (size + (1u << shift) - 1) >> shift;
}

unsigned pixels_plane_width(const struct pixels *pixels, unsigned plane) {
    bool is_chroma = pixels->layout == PIXELS_YUV && plane > 0;
    return is_chroma ? shifted(pixels->width, pixels->chroma_shift_x) : pixels->width;
}

unsigned pixels_plane_height(const struct pixels *pixels, unsigned plane) {
    bool is_chroma = pixels->layout == PIXELS_YUV && plane > 0;
    return is_chroma ? shifted(pixels->height, pixels->chroma_shift_y) : pixels->height;
}

void planes_need(struct planes *planes, struct pixels *pixels, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        unsigned width = pixels_plane_width(pixels, i), height = pixels_plane_height(pixels, i);
        if (pixels->layout == PIXELS_YUV && i == 0) {
            width = shifted(width, pixels->chroma_shift_x) << pixels->chroma_shift_x;
            height = shifted(height, pixels->chroma_shift_y) << pixels->chroma_shift_y;
        }
        pixels->strides[i] = plane_stride((size_t)width * (pixels->depth / 8));
        pixels->planes[i] = scratch_need(&planes->buffers[i], pixels->strides[i] * height);
    }
}

void planes_trim(struct planes *planes) {
    for (size_t i = 0; i < ARRAY_SIZE(planes->buffers); i++)
        scratch_trim(&planes->buffers[i], PLANE_MAX_KEPT_BYTES);
    scratch_trim(&planes->staging, PLANE_MAX_KEPT_BYTES);
}

void planes_clear(struct planes *planes) {
    for (size_t i = 0; i < ARRAY_SIZE(planes->buffers); i++)
        scratch_clear(&planes->buffers[i]);
    scratch_clear(&planes->staging);
}
