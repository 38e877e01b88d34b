/*
 * How a picture lies on the canvas: what of it is shown, which way up, where. Pure geometry.
 */
#ifndef MEDIA_PLACE_H
#define MEDIA_PLACE_H

#include "media/compose.h"
#include "media/decode.h"

#include <stdbool.h>

struct placement {
    bool swaps_sides;          /* stored rows are upright columns */
    bool mirrors_x, mirrors_y; /* along the stored sides */
    unsigned width, height;    /* upright, full size */
    double crop_x, crop_y;     /* what is shown, in upright full-size samples */
    double crop_width, crop_height;
    unsigned x, y;                        /* where it goes; even */
    unsigned target_width, target_height; /* even */
};

/* The EXIF orientation that also turns by that many degrees clockwise (0, 90, 180, 270). */
unsigned place_rotate(unsigned orientation, unsigned degrees);

/* contain, blur: all of the picture, as large as it fits; cover: the middle of it, filling the
 * canvas; stretch: all of it, in the canvas's shape. */
struct placement place_picture(const struct compose_target *target,
                               const struct image_header *header);

/* The full size at which the shown part has the target's size, in stored orientation. */
void place_wanted_size(const struct placement *place, unsigned *ret_width, unsigned *ret_height);

/* One upright side of the picture. */
struct side {
    double crop, crop_length, length;
    unsigned target;
    double phase; /* of a sample in its cell: 0.5 is the middle */
};
/* The film's chroma is half the size and sits on the left one of two luma samples. */
struct side place_side(const struct placement *place, bool is_x, bool is_chroma);

#endif
