/*
 * Ordered dithering with any palette: for a colour, a row of candidates whose mean is near it,
 * sorted by luma; the pixel's place decides which. So what stands still looks still.
 */
#ifndef MEDIA_DITHER_H
#define MEDIA_DITHER_H

#include "media/palette.h"

enum { DITHER_FULL_STRENGTH = 256 };

struct dither;

/* `strength`: 0 takes the nearest colour everywhere, DITHER_FULL_STRENGTH makes the mean right. */
struct dither *dither_new(unsigned strength);
void dither_free(struct dither *dither);
/* The palette (of at least one colour) is used from now on; it stays the caller's and unchanged. */
void dither_start(struct dither *dither, const struct palette *palette);
uint8_t dither_pick(struct dither *dither, const uint8_t colour[3], unsigned x, unsigned y);

#endif
