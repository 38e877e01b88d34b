/*
 * HEIC files as phones make them, which no encoder at hand does: a grid of HEVC tiles, with
 * properties that turn it, and a second picture that must not be shown.
 */
#ifndef TESTS_MEDIA_HEIF_FILES_H
#define TESTS_MEDIA_HEIF_FILES_H

#include "image_files.h"

struct heic_options {
    unsigned tile_side; /* of the grid's tiles; 0: 512 */
    unsigned quality;   /* CRF of x265; 0: 16 */
    unsigned rotation; /* irot: quarter turns counter-clockwise, after which the picture is right */
    bool is_mirrored;  /* imir: left and right swapped, after the rotation */
    bool is_deep;      /* 10 bits */
    unsigned primaries, transfer, matrix; /* nclx; 0: without */
    bool is_limited;
    struct str profile;               /* ICC; empty: without */
    struct str exif;                  /* empty: without */
    unsigned clap_width, clap_height; /* a centred crop; 0: without */
};
/* The colours are encoded by the matrix (0: BT.601, full range, as it is assumed where nothing is
 * said); for the others see test_heif.c. */
struct str heic_of(struct arena *arena, const struct picture *picture,
                   const struct heic_options *options);

#endif
