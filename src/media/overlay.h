/*
 * What is drawn on top of pictures: stamps and captions (text by FreeType and HarfBuzz), the
 * watermark.
 *
 * Text is white with a soft dark edge, sized by the film's height (stamp: 1/28, caption: 1/18),
 * inside a margin of 1/30; a text that is too wide is made smaller, then shortened with an
 * ellipsis. Any Unicode: fonts are Noto, found as docs/settings.md says; a character that no font
 * has is shown as a box and told of.
 */
#ifndef MEDIA_OVERLAY_H
#define MEDIA_OVERLAY_H

#include "base/arena.h"
#include "base/error.h"
#include "job/settings.h"
#include "media/frame.h"

/* Fonts, shaped texts and buffers; one per thread. */
struct overlay;
struct overlay *overlay_new(unsigned width, unsigned height);
void overlay_free(struct overlay *overlay);

/* One line at a corner, or at the foot (CORNER_BOTTOM, caption size). `ret_warning` is a text in
 * the arena, or NULL. NOT_FOUND where there is no font at all; the text says which package has it.
 */
MUST_CHECK bool overlay_stamp(struct overlay *overlay, struct arena *arena, const char *text,
                              enum corner corner, struct frame *frame, const char **ret_warning,
                              struct error *err);
MUST_CHECK bool overlay_caption(struct overlay *overlay, struct arena *arena, const char *text,
                                struct frame *frame, const char **ret_warning, struct error *err);

/* The watermark: any image, its alpha kept; at its own size, made smaller to at most a third of the
 * film's width and height. Decoded once; then drawn on every frame. INVALID for an image that
 * cannot be used. */
MUST_CHECK bool overlay_load_watermark(struct overlay *overlay, struct arena *arena,
                                       struct str image, enum corner corner, struct error *err);
void overlay_watermark(const struct overlay *overlay, struct frame *frame);

/* "2024-05-01 12:33" of a receipt's captured time; name without `000123-`; both in the arena. NULL:
 * nothing to write (no time known). */
const char *overlay_stamp_text(struct arena *arena, enum stamp stamp, const char *captured,
                               const char *name, size_t index);

#endif
