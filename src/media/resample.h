/*
 * Separable resampling of 8-bit and 16-bit planes with a Lanczos kernel (a = 3) that widens when
 * the picture shrinks, in integers only: every machine and every code path gives the same bytes.
 *
 * Results are 16-bit samples with RESAMPLE_FRACTION fractional bits (0 to 255 * 64, and a little
 * beyond at edges), so that the colour conversion that follows rounds once.
 */
#ifndef MEDIA_RESAMPLE_H
#define MEDIA_RESAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RESAMPLE_FRACTION = 6,
    RESAMPLE_ONE = 1 << RESAMPLE_FRACTION,
    RESAMPLE_WEIGHT_BITS = 14,
    /* Rows of source planes may be read, and result rows written, up to a multiple of this. */
    RESAMPLE_PADDING = 64,
};

/* Where the samples of one axis come from. Positions are in source samples; the centre of source
 * sample k is at k + 0.5. */
struct filter_spec {
    unsigned source_size, target_size;
    double origin; /* centre of target sample 0, in the upright picture */
    double step;   /* from one target sample to the next, over 0 */
    /* The source is stored back to front: position p of the upright picture is at source_length - p
     * in memory. The length may be a fraction where a codec scaled an odd side. */
    bool mirrored;
    double source_length;
};

enum filter_axis { FILTER_HORIZONTAL, FILTER_VERTICAL };

/* The weights of one axis; immutable. */
struct filter {
    struct filter_spec spec;
    enum filter_axis axis;
    unsigned taps;       /* per target sample: even (vertical), multiple of 8 (horizontal) */
    uint32_t *first;     /* per target sample: the source sample of its first weight */
    int16_t *weights;    /* sum 1 << RESAMPLE_WEIGHT_BITS per target sample */
    bool copies;         /* target sample i is source sample i */
    uint32_t begin, end; /* the source samples that are used */
};

struct filter *filter_new(const struct filter_spec *spec, enum filter_axis axis);
/* Without weights: `first`, `weights`, `begin` and `end` are the caller's to set, as often as it
 * likes. `taps` as above; target sample t's weight k is weights[t * taps + k], horizontally with 8
 * taps only. source_size >= taps. */
struct filter *filter_new_blank(unsigned source_size, unsigned target_size, unsigned taps,
                                enum filter_axis axis);
void filter_free(struct filter *filter);

/* The inner loops, as plain C and for the processor at hand. */
struct resample_kernels {
    /* Columns [begin, end) of one row, end rounded up to RESAMPLE_PADDING: sum of `taps` rows that
     * start at `source`. */
    void (*vertical)(const uint8_t *source, size_t stride, const int16_t *weights, unsigned taps,
                     unsigned begin, unsigned end, int16_t *ret);
    /* One row; target_size rounded up to 8. */
    void (*horizontal)(const int16_t *source, const struct filter *filter, int16_t *ret);
};
const struct resample_kernels *resample_kernels_plain(void);
const struct resample_kernels *resample_kernels_best(void);

/* A plane seen through two filters. */
struct resampler {
    const struct resample_kernels *kernels;
    const struct filter *horizontal, *vertical;
    const uint8_t *source;
    size_t stride;   /* bytes */
    unsigned depth;  /* 8, or 16: uint16_t, whose full scale is 255 in results as well */
    int16_t *middle; /* room for a source row and RESAMPLE_PADDING more, initialised */
};

/* Row `y` of the result; `ret` has room for target_size and RESAMPLE_PADDING more. */
void resampler_row(const struct resampler *resampler, unsigned y, int16_t *ret);

/* Rounds a row to 8 bits within [low, high]. */
void resample_round_row(const int16_t *row, unsigned count, uint8_t low, uint8_t high,
                        uint8_t *ret);

/* Six weights for the place `beyond` (0 to 1) behind the third of six samples. Their centre of
 * gravity is there exactly, so that a picture that slides does not sway. */
void resample_phase(double beyond, int16_t ret[6]);

/* The kernel itself: 1 at 0, and 0 from |x| = 3 on. */
double resample_lanczos(double x);

/* Copies `rows` rows of `width` samples so that row i becomes column i. */
void resample_transpose(const int16_t *source, size_t source_stride, unsigned width, unsigned rows,
                        int16_t *target, size_t target_stride);

#endif
