/*
 * A line of text as coverage: Unicode's bidirectional algorithm (FriBidi), shaping (HarfBuzz),
 * outlines at fractions of a pixel without hinting (FreeType).
 */
#ifndef MEDIA_TEXT_H
#define MEDIA_TEXT_H

#include "base/error.h"
#include "base/str.h"
#include "media/fonts.h"

enum { TEXT_MAX_CHARACTERS = 1024 };

/* 0 to 255 by pixel, rows of `width`. */
struct text_mask {
    unsigned width, height;
    unsigned baseline; /* rows above it */
    uint8_t *coverage; /* freed by text_mask_clear */
    uint32_t missing;  /* a character that no font has, drawn as a box; 0: none */
};

void text_mask_clear(struct text_mask *mask);

/* Draws UTF-8 text at `size_pixels` an em. Where it is wider than `max_width` it is made smaller,
 * down to three fifths, then cut and ended with an ellipsis. What is over TEXT_MAX_CHARACTERS is
 * cut off as well. Empty text: a mask without pixels. NOT_FOUND: no font. */
MUST_CHECK bool text_draw(struct fonts *fonts, struct str text, unsigned size_pixels,
                          unsigned max_width, struct text_mask *ret, struct error *err);

#endif
