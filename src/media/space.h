/*
 * What the numbers of a picture mean: a colour space, by an ICC profile (through lcms2) or by the
 * numbers of ITU-T H.273, and its colours in the film's terms.
 *
 * ICC colours are relative colorimetric with black point compensation: colours that the film can
 * show stay as they were measured, paper becomes the film's white and the darkest ink its black.
 * (Perceptual tables differ from maker to maker, and the usual profiles of cameras have none.)
 */
#ifndef MEDIA_SPACE_H
#define MEDIA_SPACE_H

#include "media/decode.h"

#include <stdbool.h>

enum {
    SPACE_MAX_CHANNELS = 4,
    SPACE_NAME_SIZE = 128,
};

enum space_kind {
    SPACE_SRGB, /* or close enough: within the rounding of 8-bit samples */
    SPACE_ICC,
    SPACE_NUMBERS,
};

struct space {
    enum space_kind kind;
    unsigned channels; /* 1 grey, 3 R'G'B', 4 CMYK */
    /* What it is called, printable ASCII: "Display P3", "PQ, BT.2020"; empty for sRGB. */
    char name[SPACE_NAME_SIZE];
    const char *warning; /* static: a profile that cannot be used, tone-mapping; NULL: none */
    struct space_private *private;
};

/* Never fails: what is not understood is shown as sRGB, with a warning. Numbers that say PQ or HLG
 * win over a profile, which knows no tone-mapping. */
struct space *space_new(const struct image_colour *colour);
void space_free(struct space *space);

/* `count` colours of `channels` values of 0 to 1 (CMYK: 1 is full ink) each, to R'G'B' on sRGB's
 * curve: 0 to 1, less or more for colours that sRGB does not have. */
void space_to_srgb(const struct space *space, const double *colours, unsigned count, double *ret);

/* The same for R'G'B' numbers whatever the channels (not 4): a grey space takes each by itself. */
void space_rgb_to_srgb(const struct space *space, const double *rgb, unsigned count, double *ret);

#endif
