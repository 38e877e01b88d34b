/*
 * The poster: a composed picture as JPEG. Browsers take JPEG as full-range BT.601 with centred
 * chroma, so the frame is converted back by the same rows that made it.
 */
#include "media/compose.h"

#include "media/colour.h"
#include "media/resample.h"
#include "media/scratch.h"

#include <assert.h>
#include <string.h>
#include <turbojpeg.h>

enum { POSTER_QUALITY = 90 };

static void destroy_handle(tjhandle *handle) {
    if (*handle != NULL)
        tjDestroy(*handle);
}

static void free_jpeg(unsigned char **jpeg) {
    tjFree(*jpeg);
}

static void widen_row(const uint8_t *source, unsigned width, int16_t *ret) {
    for (unsigned x = 0; x < width; x++)
        ret[x] = (int16_t)(source[x] * RESAMPLE_ONE);
}

/* From left to centred chroma: a quarter of the way to the next sample. */
static void centre_row(uint8_t *row, unsigned width) {
    for (unsigned x = 0; x + 1 < width; x++)
        row[x] = (uint8_t)((3 * row[x] + row[x + 1] + 2) / 4);
}

static void convert_to_jpeg(const struct frame *frame, struct frame *ret, int16_t *cross,
                            size_t stride) {
    int16_t rows[2][SETTINGS_MAX_SIDE];
    unsigned width = frame->width, height = frame->height;
    for (unsigned y = 0; y < height / 2; y++) {
        uint8_t *cb = ret->planes[1] + y * ret->strides[1],
                *cr = ret->planes[2] + y * ret->strides[2];
        widen_row(frame->planes[1] + y * frame->strides[1], width / 2, rows[0]);
        widen_row(frame->planes[2] + y * frame->strides[2], width / 2, rows[1]);
        colour_chroma_row(&colour_film_to_jpeg, rows[0], rows[1], width / 2, cb, cr,
                          cross + y * stride);
        centre_row(cb, width / 2);
        centre_row(cr, width / 2);
    }
    for (unsigned y = 0; y < height; y++) {
        unsigned near = y / 2;
        unsigned far =
            y % 2 == 0 ? (near == 0 ? 0 : near - 1) : (near + 1 == height / 2 ? near : near + 1);
        widen_row(frame->planes[0] + y * frame->strides[0], width, rows[0]);
        colour_cross_row(cross + near * stride, cross + far * stride, width, rows[1]);
        colour_luma_row(&colour_film_to_jpeg, rows[0], rows[1], width,
                        ret->planes[0] + y * ret->strides[0]);
    }
}

bool compose_poster(struct arena *arena, const struct frame *frame, struct str *ret,
                    struct error *err) {
    assert(frame->width <= SETTINGS_MAX_SIDE);
    tjhandle handle CLEANUP(destroy_handle) = tjInitCompress();
    if (handle == NULL)
        die_out_of_memory();
    struct frame picture CLEANUP(frame_clear);
    struct scratch cross CLEANUP(scratch_clear) = {0};
    frame_init(&picture, frame->width, frame->height);
    size_t stride = frame->width / 2;
    convert_to_jpeg(frame, &picture,
                    scratch_need(&cross, stride * (frame->height / 2) * sizeof(int16_t)), stride);

    const unsigned char *planes[3] = {picture.planes[0], picture.planes[1], picture.planes[2]};
    int strides[3] = {(int)picture.strides[0], (int)picture.strides[1], (int)picture.strides[2]};
    unsigned char *jpeg CLEANUP(free_jpeg) = NULL;
    unsigned long size = 0;
    if (tjCompressFromYUVPlanes(handle, planes, (int)frame->width, strides, (int)frame->height,
                                TJSAMP_420, &jpeg, &size, POSTER_QUALITY, 0) != 0)
        return error_set(err, ERROR_INTERNAL, NULL, "the poster could not be made: '%s'",
                         tjGetErrorStr2(handle));
    uint8_t *copy = arena_alloc(arena, size);
    memcpy(copy, jpeg, size);
    *ret = (struct str){(const char *)copy, size};
    return true;
}
