/*
 * The readers of the formats, one pair of functions each: what the container says before anything
 * is decoded, and the picture. Called through decode.h only.
 */
#ifndef MEDIA_READERS_H
#define MEDIA_READERS_H

#include "base/arena.h"
#include "base/error.h"
#include "media/container.h"
#include "media/decode.h"
#include "media/planes.h"

#include <stdbool.h>
#include <stdint.h>
#include <turbojpeg.h>

struct image_facts {
    uint32_t width, height;     /* as decoding gives them */
    struct str exif;            /* a TIFF structure, without "Exif\0\0"; empty: none */
    unsigned turned;            /* EXIF's orientation, by the container, whose word counts; 0: look
                                   into `exif` */
    const char *captured;       /* by the container; NULL: look into `exif` */
    struct image_colour colour; /* zeros: sRGB */
    bool premultiplied;         /* colours are multiplied by alpha */
    const char *warning;        /* for the receipt, or NULL */
};

/* INVALID for what is truncated, has no size or is of a kind that is not read. Limits of size are
 * checked by the caller. */
typedef bool read_facts_function(struct arena *arena, struct str image, struct image_facts *ret,
                                 struct error *err);
read_facts_function bmp_read_facts, gif_read_facts, heif_read_facts, jpeg_read_facts,
    jxl_read_facts, png_read_facts, raw_read_facts, tiff_read_facts, webp_read_facts;

/* One picture to decode. */
struct reading {
    struct arena *arena;
    struct str image;
    const struct image_header *header;
    unsigned wanted_width, wanted_height;
    /* Of the decoder, kept from image to image. */
    tjhandle jpeg;
    struct planes *planes;
};

/* Fills all of `ret`. INVALID when the image is truncated, damaged, or of a kind that is not read.
 */
typedef bool read_pixels_function(const struct reading *reading, struct pixels *ret,
                                  struct error *err);
read_pixels_function avimage_decode, gif_decode, heif_decode, jpeg_decode, jxl_decode, raw_decode,
    tiff_decode, webp_decode;

#endif
