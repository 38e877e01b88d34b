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

enum image_format {
    IMAGE_UNKNOWN,
    IMAGE_JPEG,
    IMAGE_PNG,
    IMAGE_WEBP,
    IMAGE_TIFF,
    IMAGE_BMP,
    IMAGE_GIF,
    IMAGE_HEIC,
    IMAGE_AVIF,
    IMAGE_JXL,
    IMAGE_RAW, /* camera raw: its embedded preview is what is shown */
};
enum image_format image_format_of(struct str image); /* by its first bytes */
const char *image_format_name(enum image_format format);

/* What the samples mean. A profile wins over the numbers, which are those of ITU-T H.273 (CICP). */
struct image_colour {
    struct str profile; /* ICC; empty: none */
    uint8_t primaries;  /* 1 BT.709/sRGB, 9 BT.2020, 12 Display P3 */
    uint8_t transfer;   /* 13 sRGB, 16 PQ, 18 HLG */
};

struct image_header {
    enum image_format format;
    unsigned width, height; /* as stored */
    unsigned orientation;   /* EXIF, 1 to 8; of HEIC, AVIF and JPEG XL what the container's own
                               properties say, whatever their EXIF does */
    struct image_colour colour;
    bool premultiplied;   /* colours are multiplied by alpha */
    const char *captured; /* EXIF: "2024-05-01T12:33:44.120"; NULL: not said */
    const char *warning;  /* for the receipt, or NULL */
};
/* INVALID: not an image that this version reads (the text says what it looks like), truncated
 * header, empty; LIMIT: over MEDIA_MAX_PIXELS or 65,535 a side. */
MUST_CHECK bool image_read_header(struct arena *arena, struct str image, struct image_header *ret,
                                  struct error *err);

enum pixel_layout {
    PIXELS_YUV,  /* planes Y, Cb, Cr; chroma maybe smaller, centred */
    PIXELS_GREY, /* plane 0, full range */
    PIXELS_RGB,  /* planes R, G, B */
    PIXELS_RGBA, /* planes R, G, B, A */
    PIXELS_CMYK, /* planes C, M, Y, K; 0 is no ink */
};

enum { PIXELS_MAX_WARNINGS = 4 };

/* A decoded picture, not yet oriented. The planes belong to the decoder until its next run; the
 * caller may write into them. Strides are multiples of 64 bytes. */
struct pixels {
    enum pixel_layout layout;
    unsigned depth;         /* bits a sample: 8; 16 (uint16_t, full 16-bit scale) for RGB of
                               PQ and HLG pictures only */
    unsigned width, height; /* of plane 0; may be a fraction of the stored size */
    unsigned chroma_shift_x, chroma_shift_y; /* PIXELS_YUV */
    uint8_t matrix;  /* PIXELS_YUV, H.273: 1 BT.709, 6 BT.601 (JPEG), 9 BT.2020 */
    bool full_range; /* PIXELS_YUV */
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
