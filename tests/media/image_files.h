/*
 * Image files made in memory for tests.
 */
#ifndef TESTS_MEDIA_IMAGE_FILES_H
#define TESTS_MEDIA_IMAGE_FILES_H

#include "base/arena.h"
#include "base/str.h"
#include "media/decode.h"

#include <libavcodec/avcodec.h>
#include <stdbool.h>
#include <stdint.h>

/* Packed R, G, B. */
struct picture {
    unsigned width, height;
    uint8_t *rgb;
};

struct picture picture_new(struct arena *arena, unsigned width, unsigned height);
struct picture picture_flat(struct arena *arena, unsigned width, unsigned height, uint8_t red,
                            uint8_t green, uint8_t blue);
/* Smooth, coloured, without any symmetry. */
struct picture picture_uneven(struct arena *arena, unsigned width, unsigned height);
/* As a camera held that way would store it, so that showing it by the EXIF orientation gives
 * `upright`. */
struct picture picture_stored(struct arena *arena, const struct picture *upright,
                              unsigned orientation);

/* Mean square of the difference of decoded pixels, by the numbers they say they have (grey: red),
 * from the picture; that of another size is far off. */
double pixels_error(const struct pixels *pixels, const struct picture *picture);

/* `sampling`: TJSAMP_…; `flags`: TJFLAG_…. */
struct str jpeg_of(struct arena *arena, const struct picture *picture, int sampling, int quality,
                   int flags);
/* Stored as Adobe does: inverted, with the marker. */
struct str jpeg_cmyk_of(struct arena *arena, const struct picture *picture);
/* By libavcodec, in a pixel format of RGB24, RGBA, GRAY8, YA8, RGB48BE, RGB48LE, RGBA64BE,
 * GRAY16BE, PAL8 or MONOBLACK; grey is the red channel; alpha, where there is one, is `alpha`. */
struct str av_of(struct arena *arena, const struct picture *picture, enum AVCodecID codec,
                 enum AVPixelFormat format, uint8_t alpha);
/* Uncompressed, with the tags given (orientation 0: without). */
struct str tiff_of(struct arena *arena, const struct picture *picture, unsigned orientation,
                   bool big_endian);
/* From a text in base64. */
struct str file_of(struct arena *arena, const char *base64);

/* A TIFF structure with these tags. Texts may be NULL: without that tag; orientation 0: without. */
struct exif_tags {
    unsigned orientation;
    const char *changed, *original, *digitized;
    const char *fraction, *fraction_original, *fraction_digitized;
};
struct str exif_of(struct arena *arena, const struct exif_tags *tags, bool big_endian);

/* The image (JPEG, PNG or WebP of 16x16) with EXIF or a colour profile put in. */
struct str with_exif(struct arena *arena, struct str image, struct str exif);
struct str with_orientation(struct arena *arena, struct str image, unsigned orientation);
struct str with_jpeg_segment(struct arena *arena, struct str jpeg, uint8_t marker, struct str data);
struct str with_png_chunk(struct arena *arena, struct str png, const char *type, struct str data);

/* 16x16, about (201, 61, 40), lossy; the same with alpha 128; red, green, blue, lossless. */
extern const char webp_lossy[], webp_lossy_alpha[], webp_lossless[];

#endif
