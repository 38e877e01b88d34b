/*
 * Tables of colours with three or four inputs, and tables of one curve: from the numbers of a
 * picture to the film's R'G'B', in integers only.
 *
 * Samples are 16 bit with RESAMPLE_FRACTION fractional bits. Inputs are cut to their range of 0 to
 * 255; between the nodes of a table lies the linear interpolation of the simplex (tetrahedron) that
 * a colour is in.
 */
#ifndef MEDIA_LUT_H
#define MEDIA_LUT_H

#include <stddef.h>
#include <stdint.h>

enum {
    LUT_LANES = 4, /* R', G', B', and a number that is carried along */
    /* Three inputs: a node each 8 steps of 8 bits. Four inputs: each 16. The last one is at 256. */
    LUT3_SIDE = 33,
    LUT3_CELL_BITS = 9,
    LUT4_SIDE = 17,
    LUT4_CELL_BITS = 10,
    LUT_CURVE_SIZE = 1 << 14,
};

/* Nodes count the last input fastest; LUT_LANES numbers each. */
struct lut {
    unsigned inputs; /* 3 or 4 */
    const int16_t *nodes;
};

static inline size_t lut_node_count(unsigned inputs) {
    return inputs == 3 ? (size_t)LUT3_SIDE * LUT3_SIDE * LUT3_SIDE
                       : (size_t)LUT4_SIDE * LUT4_SIDE * LUT4_SIDE * LUT4_SIDE;
}

/* `count` colours. R'G'B' come out within 0 to 255: colours that the film cannot show are cut
 * channel by channel. `ret` may be the rows of `in`; `ret[3]` may be NULL. */
void lut_row(const struct lut *lut, const int16_t *const in[], unsigned count,
             int16_t *const ret[]);

/* As lut_row in plain C, which lut_row is too where the processor has no SSE2. */
void lut_row_plain(const struct lut *lut, const int16_t *const in[], unsigned count,
                   int16_t *const ret[]);

/* `curve` has LUT_CURVE_SIZE entries. */
void lut_curve_row(const int16_t *curve, const int16_t *in, unsigned count, int16_t *ret);

#endif
