/*
 * Images into planes of 8-bit samples. The content decides what an image is, never its name; limits
 * are checked on the header, before any allocation.
 */
#ifndef MEDIA_DECODE_H
#define MEDIA_DECODE_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_format { IMAGE_UNKNOWN, IMAGE_JPEG, IMAGE_PNG, IMAGE_WEBP, IMAGE_TIFF };
enum image_format image_format_of(struct str image); /* by its first bytes */
const char *image_format_name(enum image_format format);

struct image_header {
    enum image_format format;
    unsigned width, height; /* as stored */
    unsigned orientation;   /* EXIF, 1 to 8 */
    bool has_profile;       /* an ICC profile other than sRGB, described by profile_name */
    const char *profile_name;
    bool premultiplied;  /* colours are multiplied by alpha (TIFF) */
    const char *warning; /* for the receipt, or NULL */
};
/* INVALID: not an image that this version reads (the text says what it looks like), truncated
 * header, empty; LIMIT: over MEDIA_MAX_PIXELS or 65,535 a side. */
MUST_CHECK bool image_read_header(struct arena *arena, struct str image, struct image_header *ret,
                                  struct error *err);

enum pixel_layout {
    PIXELS_YUV,  /* planes Y, Cb, Cr: full-range BT.601 (JPEG); chroma maybe smaller, centred */
    PIXELS_GREY, /* plane 0, full range */
    PIXELS_RGB,  /* planes R, G, B */
    PIXELS_RGBA, /* planes R, G, B, A */
};

enum { PIXELS_MAX_WARNINGS = 4 };

/* A decoded picture, not yet oriented. The planes belong to the decoder until its next run; the
 * caller may write into them. Strides are multiples of 64. */
struct pixels {
    enum pixel_layout layout;
    unsigned width, height;                  /* of plane 0; may be a fraction of the stored size */
    unsigned chroma_shift_x, chroma_shift_y; /* PIXELS_YUV */
    uint8_t *planes[4];
    size_t strides[4];
    bool premultiplied;         /* PIXELS_RGBA: else alpha is straight */
    unsigned scale_denominator; /* 1, 2, 4: the codec scaled by 1/that, sides rounded up */
    unsigned warning_count;
    const char *warnings[PIXELS_MAX_WARNINGS]; /* for the receipt */
};
/* Samples of a side of plane `plane`. */
unsigned pixels_plane_width(const struct pixels *pixels, unsigned plane);
unsigned pixels_plane_height(const struct pixels *pixels, unsigned plane);

/* Keeps codec handles and buffers; one per thread. */
struct decoder;
struct decoder *decoder_new(void);
void decoder_free(struct decoder *decoder);

/* Decodes at the smallest size of at least wanted_width x wanted_height (stored orientation) that
 * is worth it. A truncated or damaged image is INVALID. Warnings live in the arena. */
MUST_CHECK bool decoder_run(struct decoder *decoder, struct arena *arena, struct str image,
                            const struct image_header *header, unsigned wanted_width,
                            unsigned wanted_height, struct pixels *ret, struct error *err);

#endif
