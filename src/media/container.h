/*
 * What the containers of the image formats say before anything is decoded: size, EXIF, colour
 * profile. Readers of markers, chunks and tags; nothing is allocated for pixels.
 *
 * JPEG: ITU T.81 annex B. PNG: W3C PNG, third edition. WebP: RFC 9649. TIFF: revision 6.0.
 */
#ifndef MEDIA_CONTAINER_H
#define MEDIA_CONTAINER_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CONTAINER_MAX_PROFILE_BYTES = 4 * 1024 * 1024, /* printers' tables reach 2 MiB */
};

struct image_facts {
    uint32_t width, height;
    unsigned components;   /* JPEG only */
    bool has_adobe_marker; /* JPEG only: CMYK is stored inverted */
    bool premultiplied;    /* TIFF only: colours are multiplied by alpha */
    struct str exif;       /* a TIFF structure, without "Exif\0\0"; empty: none */
    struct str profile;    /* ICC; empty: none */
    const char *warning;   /* for the receipt, or NULL */
};

/* Each is called for an image of its format (image_format_of) and returns INVALID for what is
 * truncated, has no size or is of a kind that this version does not read. */
MUST_CHECK bool jpeg_read_facts(struct arena *arena, struct str image, struct image_facts *ret,
                                struct error *err);
MUST_CHECK bool png_read_facts(struct arena *arena, struct str image, struct image_facts *ret,
                               struct error *err);
MUST_CHECK bool webp_read_facts(struct str image, struct image_facts *ret, struct error *err);
MUST_CHECK bool tiff_read_facts(struct str image, struct image_facts *ret, struct error *err);

#endif
