/*
 * Tables that take one encoding of one colour space to the film's R'G'B', made once and applied to
 * every sample at the film's size; and a cache of them. One table is 280 KiB, of CMYK 650 KiB.
 */
#ifndef MEDIA_TABLE_H
#define MEDIA_TABLE_H

#include "media/decode.h"
#include "media/lut.h"
#include "media/space.h"

/* What the samples of a picture are; the matrix and range count for PIXELS_YUV only. */
struct table_source {
    enum pixel_layout layout; /* PIXELS_RGBA counts as PIXELS_RGB */
    uint8_t matrix;
    bool full_range;
};

struct table {
    struct table_source source;
    /* All but PIXELS_GREY. The fourth lane, for PIXELS_YUV: by how much the film's luma grows with
     * the picture's (after the curve, if there is one), in COLOUR_SLOPE_ONE. */
    struct lut lut;
    /* From luma or grey to the film's grey; NULL: straight (PIXELS_YUV), or unused. */
    const int16_t *curve;
};

/* Keeps what was made for the last few pictures; one per thread. */
struct tables;
struct tables *tables_new(void);
void tables_free(struct tables *tables);

/* Both results are good until the next call of tables_space. */
const struct space *tables_space(struct tables *tables, const struct image_colour *colour);
/* NULL where the space has no meaning for such samples (a profile of CMYK for R'G'B', or the other
 * way round), and for sRGB, which needs no table. */
const struct table *tables_get(struct tables *tables, const struct space *space,
                               const struct pixels *pixels);

#endif
