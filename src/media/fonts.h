/*
 * The fonts that text is drawn with: Noto, in the order of tools/font-list.py, as they were when
 * the program was built; in TACHYSCOPE_FONTS's folder, or where Debian has them.
 */
#ifndef MEDIA_FONTS_H
#define MEDIA_FONTS_H

#include "base/error.h"

#include <stdint.h>

/* FreeType's and HarfBuzz's handles of one font. One that is made of pictures (emoji) has them in
 * one size only: what it says and draws is to be scaled by size / drawn_size. */
struct font {
    struct FT_FaceRec_ *face;
    struct hb_font_t *shaper;
    unsigned size, drawn_size; /* pixels an em; the same in fonts of outlines */
};

/* Opened when first needed, then kept; one per thread. */
struct fonts;
struct fonts *fonts_new(void);
void fonts_free(struct fonts *fonts);

/* The first font that has the character, set to that size; NULL when none has it. */
struct font *fonts_find(struct fonts *fonts, uint32_t character, unsigned size_pixels);
/* The font that everything starts with. NOT_FOUND where there is none; the text says which package
 * has it. */
MUST_CHECK bool fonts_first(struct fonts *fonts, unsigned size_pixels, struct font **ret,
                            struct error *err);

#endif
