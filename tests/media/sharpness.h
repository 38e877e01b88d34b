/*
 * How true resampling is, by SSIM, ours beside libswscale's Lanczos with its accurate options: the
 * small picture against one computed in floating point by the definition, and what can be got back
 * from it, enlarged by the definition, against the picture that it was made of.
 */
#ifndef TESTS_MEDIA_SHARPNESS_H
#define TESTS_MEDIA_SHARPNESS_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct grey {
    unsigned width, height;
    uint8_t *samples;
};

/* Rings whose frequency grows from the centre to one period in two samples at the edges. */
struct grey grey_zone_plate(struct arena *arena, unsigned width, unsigned height);
/* Luma of a JPEG. False when it cannot be read. */
bool grey_photo(struct arena *arena, struct str jpeg, struct grey *ret);

struct sharpness {
    double small_ours, small_swscale;
    double back_ours, back_swscale;
};
struct sharpness sharpness_measure(struct arena *arena, const struct grey *grey, unsigned width,
                                   unsigned height);

#endif
