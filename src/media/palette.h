/*
 * Few colours for a picture of many: a histogram, and the palette made from it. All colours are
 * Y'CbCr, BT.709 limited, 8 bit. Pure.
 */
#ifndef MEDIA_PALETTE_H
#define MEDIA_PALETTE_H

#include <stddef.h>
#include <stdint.h>

enum { PALETTE_MAX_COLOURS = 256 };

struct palette {
    unsigned count;
    int32_t parts[3][PALETTE_MAX_COLOURS]; /* Y', Cb, Cr; those behind `count` are never nearest */
};

struct histogram;
struct histogram *histogram_new(void);
void histogram_free(struct histogram *histogram);
void histogram_clear(struct histogram *histogram);
void histogram_add(struct histogram *histogram, const uint8_t colour[3]);

/* At most `max_count` (1 to 256) colours: the boxes of greatest error are cut in two until there
 * are enough, then every colour goes `rounds` times to the mean of what is nearest to it. Fewer
 * where there are fewer; none from an empty histogram. */
void palette_make(struct histogram *histogram, unsigned max_count, unsigned rounds,
                  struct palette *ret);

/* The nearest colour by the squares of differences, luma twice; parts from -256 to 511. */
unsigned palette_nearest(const struct palette *palette, const int32_t colour[3]);

/* The three bytes that a screen shows for a colour of the palette. */
void palette_rgb(const struct palette *palette, unsigned index, uint8_t ret[3]);

#endif
