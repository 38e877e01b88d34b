/*
 * Curves between light and its code, and colour spaces given by their primaries. In doubles, with a
 * power function of our own, because the C library's may differ in the last bit from processor to
 * processor and tables made here end in the film's bytes. Pure.
 */
#ifndef MEDIA_TRANSFER_H
#define MEDIA_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

/* `base` to the power of `exponent`; 0 for a base of 0 or less. Relative error under 1e-14. */
double transfer_power(double base, double exponent);

/* IEC 61966-2-1; mirrored at 0, and going on above 1. */
double srgb_encode(double light);
double srgb_decode(double code);

/* SMPTE ST 2084: code 0 to 1 and light in cd/m2, 0 to 10,000. */
double pq_encode(double light);
double pq_decode(double code);

/* BT.2100 HLG: code 0 to 1 to light of the scene, 0 to 1. */
double hlg_decode(double code);

struct matrix3 {
    double m[3][3];
};
struct matrix3 matrix3_product(const struct matrix3 *a, const struct matrix3 *b);
struct matrix3 matrix3_inverse(const struct matrix3 *a);
void matrix3_apply(const struct matrix3 *a, const double in[3], double ret[3]);

/* Linear R, G, B of the primaries (ITU-T H.273: 1, 5, 6, 7, 9, 12; all have D65 for white) to
 * CIE XYZ where white has Y = 1. False for other numbers. */
bool primaries_to_xyz(uint8_t primaries, struct matrix3 *ret);
/* XYZ as ICC profiles count it (adapted to D50 by Bradford) to linear sRGB. */
struct matrix3 xyz_d50_to_srgb(void);

/* Luma weights of R' and B' by H.273's matrix number; numbers that are not known count as BT.601,
 * which is what pictures without a number mean. */
void luma_weights(uint8_t matrix, double *ret_red, double *ret_blue);

#endif
