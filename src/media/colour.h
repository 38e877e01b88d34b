/*
 * Rows of colours from one Y'CbCr or R'G'B' into another Y'CbCr, integers only.
 *
 * Input samples are 16 bit with RESAMPLE_FRACTION fractional bits, full range unless the matrix
 * says otherwise. Grey stays grey exactly: white is Y 235, black 16, both with Cb = Cr = 128.
 */
#ifndef MEDIA_COLOUR_H
#define MEDIA_COLOUR_H

#include <stdbool.h>
#include <stdint.h>

/* Between two Y'CbCr: chroma depends on chroma alone; luma on luma and, through the cross terms,
 * on chroma. Weights are scaled by 1 << 14. */
struct colour_matrix {
    int32_t cb_from_cb, cb_from_cr, cr_from_cb, cr_from_cr;
    int32_t luma_from_luma, luma_from_cb, luma_from_cr;
    int32_t luma_in_zero, luma_out_zero; /* what black is, 8-bit steps */
    uint8_t luma_min, luma_max, chroma_min, chroma_max;
};

/* JPEG's full-range BT.601 to the film's limited-range BT.709, and back. */
extern const struct colour_matrix colour_jpeg_to_film;
extern const struct colour_matrix colour_film_to_jpeg;

/* From any Y'CbCr of sRGB to the film's. `matrix`: its number in H.273. */
struct colour_matrix colour_matrix_to_film(uint8_t matrix, bool full_range);

/* `count` chroma samples. `ret_cross` gets what they add to luma. */
void colour_chroma_row(const struct colour_matrix *matrix, const int16_t *cb, const int16_t *cr,
                       unsigned count, uint8_t *ret_cb, uint8_t *ret_cr, int16_t *ret_cross);

/* The cross terms of one luma row of `width` (even) samples, from the chroma row that it lies in
 * (`near`) and the next one on its other side (`far`): chroma is sited left, and vertically between
 * two luma rows. */
void colour_cross_row(const int16_t *near, const int16_t *far, unsigned width, int16_t *ret);

/* `cross` of colour_cross_row; NULL for grey. */
void colour_luma_row(const struct colour_matrix *matrix, const int16_t *luma, const int16_t *cross,
                     unsigned width, uint8_t *ret);

/* Full-range R'G'B' to limited-range BT.709. */
void colour_rgb_luma_row(const int16_t *const rgb[3], unsigned width, uint8_t *ret);
/* One chroma row from two luma rows, sited left. */
void colour_rgb_chroma_row(const int16_t *const upper[3], const int16_t *const lower[3],
                           unsigned width, uint8_t *ret_cb, uint8_t *ret_cr);

/* Colours whose luma and chroma come from a table (media/table.h), which is looked up at chroma's
 * size only. What the table does to luma around a chroma sample goes to luma's size as a straight
 * line, offset + slope * luma, interpolated like the cross terms above. */
enum { COLOUR_SLOPE_ONE = 1 << 12 };

/* Luma where the chroma samples are, sited left, from the two luma rows around them. */
void colour_site_luma_row(const int16_t *upper, const int16_t *lower, unsigned width, int16_t *ret);

/* `count` chroma samples and the line's offset there, from full-range R'G'B' (0 to 255), the luma
 * (0 to 255) that they were looked up with and the line's slope (0 to under 2). */
void colour_site_row(const int16_t *const rgb[3], const int16_t *luma, const int16_t *slope,
                     unsigned count, uint8_t *const ret_chroma[2], int16_t *ret_offset);

/* Luma by the lines. */
void colour_line_row(const int16_t *luma, const int16_t *offset, const int16_t *slope,
                     unsigned width, uint8_t *ret);

/* CMYK that says nothing about its inks to R'G'B', as if they were ideal: 255 is full ink. `rgb`
 * may be rows of `cmyk`. */
void colour_cmyk_row(const int16_t *const cmyk[4], unsigned width, int16_t *const rgb[3]);

/* One sRGB colour as limited-range BT.709 Y', Cb, Cr. */
void colour_of_rgb(const uint8_t rgb[3], uint8_t ret[3]);

#endif
