/*
 * The rows of a decoded picture as they go on the canvas: upright, cropped, resampled to the
 * target's size. A row is resampled when it is asked for and is still in the cache when its colours
 * are converted; only orientations that swap the sides need whole resampled planes, at the target's
 * size.
 */
#ifndef MEDIA_ROWS_H
#define MEDIA_ROWS_H

#include "media/decode.h"
#include "media/place.h"
#include "media/resample.h"

#include <stddef.h>
#include <stdint.h>

enum {
    ROWS_KEPT = 4, /* a row stays good while the next three are asked for */
    ROWS_MAX_PLANES = 4,
};

/* One plane. */
struct rows {
    struct resampler resampler;
    const int16_t *turned; /* the whole plane where sides are swapped, else NULL */
    size_t turned_stride;
    int16_t *kept[ROWS_KEPT];
};

/* Keeps filters and buffers from picture to picture; one per thread. */
struct row_maker;
struct row_maker *row_maker_new(void);
void row_maker_free(struct row_maker *maker);

/* The chroma planes of PIXELS_YUV come at the size and siting of the film's chroma. The result is
 * good until the same plane of another picture is opened. */
struct rows rows_open(struct row_maker *maker, const struct pixels *pixels,
                      const struct placement *place, unsigned plane);

/* Row `y`: target_width samples as resampler_row gives them. */
const int16_t *rows_get(const struct rows *rows, unsigned y);

#endif
