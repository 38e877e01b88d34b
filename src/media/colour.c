/*
 * The matrices come from the luma weights of the two standards. Y'601 and Y'709 of one R'G'B'
 * differ by a multiple of chroma only, and chroma of the one is a 2x2 of the other's: grey has
 * none, so it is the same in both. Written out, with the weights of BT.601 (.299 .587 .114) and
 * BT.709 (.2126 .7152 .0722):
 *
 *   Y709  = Y601 - .118188 Cb601 - .212685 Cr601      Y601  = Y709 + .101579 Cb709 + .196076 Cr709
 *   Cb709 = 1.018640 Cb601 + .114618 Cr601            Cb601 = .989854 Cb709 - .110653 Cr709
 *   Cr709 = .075049 Cb601 + 1.025327 Cr601            Cr601 = -.072453 Cb709 + .983398 Cr709
 *
 * Chroma is converted at its own size. What it adds to luma (the cross terms) is summed there too
 * and interpolated to luma's size, as one number instead of two. Loops are plain so that compilers
 * vectorise them.
 */
#include "media/colour.h"

#include "media/resample.h"
#include "media/transfer.h"

#include <stddef.h>

enum {
    MATRIX_BITS = 14,
    RGB_BITS = 15,
    /* 128 with the fraction. */
    CHROMA_ZERO = 128 * RESAMPLE_ONE,
    FRACTION_HALF = RESAMPLE_ONE / 2,
    LINE_BITS = 12,
    LINE_SHIFT = LINE_BITS + RESAMPLE_FRACTION,
};

#define Q14(x) (int32_t)((x)*16384 + ((x) < 0 ? -0.5 : 0.5))
#define LUMA   (219.0 / 255)
#define CHROMA (224.0 / 255)

const struct colour_matrix colour_jpeg_to_film = {
    .cb_from_cb = Q14(1.0186395 * CHROMA),
    .cb_from_cr = Q14(0.1146180 * CHROMA),
    .cr_from_cb = Q14(0.0750495 * CHROMA),
    .cr_from_cr = Q14(1.0253271 * CHROMA),
    .luma_from_luma = Q14(LUMA),
    .luma_from_cb = Q14(-0.1181882 * LUMA),
    .luma_from_cr = Q14(-0.2126850 * LUMA),
    .luma_in_zero = 0,
    .luma_out_zero = 16,
    .luma_min = 16,
    .luma_max = 235,
    .chroma_min = 16,
    .chroma_max = 240,
};

const struct colour_matrix colour_film_to_jpeg = {
    .cb_from_cb = Q14(0.9898538 / CHROMA),
    .cb_from_cr = Q14(-0.1106525 / CHROMA),
    .cr_from_cb = Q14(-0.0724530 / CHROMA),
    .cr_from_cr = Q14(0.9833978 / CHROMA),
    .luma_from_luma = Q14(1 / LUMA),
    .luma_from_cb = Q14(0.1015794 / CHROMA),
    .luma_from_cr = Q14(0.1960761 / CHROMA),
    .luma_in_zero = 16,
    .luma_out_zero = 0,
    .luma_min = 0,
    .luma_max = 255,
    .chroma_min = 0,
    .chroma_max = 255,
};

static int32_t q14(double weight) {
    return (int32_t)(weight * (1 << MATRIX_BITS) + (weight < 0 ? -0.5 : 0.5));
}

struct colour_matrix colour_matrix_to_film(uint8_t matrix, bool full_range) {
    double red, blue;
    luma_weights(matrix, &red, &blue);
    if (full_range && red == 0.299)
        return colour_jpeg_to_film;
    const double film_red = 0.2126, film_green = 0.7152, film_blue = 0.0722;
    /* R' - Y' = r Cr, B' - Y' = b Cb, G' - Y' = -(green_cb Cb + green_cr Cr). */
    double green = 1 - red - blue, r = 2 * (1 - red), b = 2 * (1 - blue);
    double green_cb = blue * b / green, green_cr = red * r / green;
    /* What chroma adds to the film's luma. */
    double luma_cb = film_blue * b - film_green * green_cb;
    double luma_cr = film_red * r - film_green * green_cr;
    double to_cb = 1 / (2 * (1 - film_blue)), to_cr = 1 / (2 * (1 - film_red));
    double luma = full_range ? LUMA : 1, chroma = full_range ? CHROMA : 1;
    double cross = full_range ? LUMA : 219.0 / 224;
    struct colour_matrix ret = colour_jpeg_to_film;
    ret.cb_from_cb = q14((b - luma_cb) * to_cb * chroma);
    ret.cb_from_cr = q14(-luma_cr * to_cb * chroma);
    ret.cr_from_cb = q14(-luma_cb * to_cr * chroma);
    ret.cr_from_cr = q14((r - luma_cr) * to_cr * chroma);
    ret.luma_from_luma = q14(luma);
    ret.luma_from_cb = q14(luma_cb * cross);
    ret.luma_from_cr = q14(luma_cr * cross);
    ret.luma_in_zero = full_range ? 0 : 16;
    return ret;
}

/* gcc compiles the loops twice on x86-64, and the program's start chooses. Sanitizers are not ready
 * by then. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

static inline int32_t limit(int32_t value, int32_t low, int32_t high) {
    value = value < low ? low : value;
    return value > high ? high : value;
}

FOR_EACH_PROCESSOR
void colour_chroma_row(const struct colour_matrix *matrix, const int16_t *restrict cb,
                       const int16_t *restrict cr, unsigned count, uint8_t *restrict ret_cb,
                       uint8_t *restrict ret_cr, int16_t *restrict ret_cross) {
    const struct colour_matrix m = *matrix;
    const int32_t shift = MATRIX_BITS + RESAMPLE_FRACTION;
    const int32_t zero = (128 << shift) + (1 << (shift - 1));
    for (unsigned i = 0; i < count; i++) {
        int32_t u = cb[i] - CHROMA_ZERO, v = cr[i] - CHROMA_ZERO;
        int32_t new_u = (u * m.cb_from_cb + v * m.cb_from_cr + zero) >> shift;
        int32_t new_v = (u * m.cr_from_cb + v * m.cr_from_cr + zero) >> shift;
        int32_t cross = u * m.luma_from_cb + v * m.luma_from_cr + (1 << (MATRIX_BITS - 1));
        ret_cb[i] = (uint8_t)limit(new_u, m.chroma_min, m.chroma_max);
        ret_cr[i] = (uint8_t)limit(new_v, m.chroma_min, m.chroma_max);
        ret_cross[i] = (int16_t)(cross >> MATRIX_BITS);
    }
}

FOR_EACH_PROCESSOR
void colour_cross_row(const int16_t *restrict near, const int16_t *restrict far, unsigned width,
                      int16_t *restrict ret) {
    unsigned count = width / 2;
    /* In sixteenths until the end: near and far count 3:1, left and right 1:1. */
    for (unsigned i = 0; i + 1 < count; i++) {
        int32_t left = 3 * near[i] + far[i], right = 3 * near[i + 1] + far[i + 1];
        ret[2 * i] = (int16_t)((left + 2) >> 2);
        ret[2 * i + 1] = (int16_t)((left + right + 4) >> 3);
    }
    int32_t last = 3 * near[count - 1] + far[count - 1];
    ret[2 * count - 2] = (int16_t)((last + 2) >> 2);
    ret[2 * count - 1] = ret[2 * count - 2];
}

FOR_EACH_PROCESSOR
void colour_luma_row(const struct colour_matrix *matrix, const int16_t *restrict luma,
                     const int16_t *restrict cross, unsigned width, uint8_t *restrict ret) {
    const struct colour_matrix m = *matrix;
    const int32_t shift = MATRIX_BITS;
    const int32_t bias = (m.luma_out_zero * RESAMPLE_ONE + FRACTION_HALF) * (1 << shift) -
                         m.luma_in_zero * RESAMPLE_ONE * m.luma_from_luma;
    if (cross == NULL) {
        for (unsigned i = 0; i < width; i++) {
            int32_t value = (luma[i] * m.luma_from_luma + bias) >> (shift + RESAMPLE_FRACTION);
            ret[i] = (uint8_t)limit(value, m.luma_min, m.luma_max);
        }
        return;
    }
    for (unsigned i = 0; i < width; i++) {
        int32_t value = luma[i] * m.luma_from_luma + cross[i] * (1 << shift) + bias;
        ret[i] = (uint8_t)limit(value >> (shift + RESAMPLE_FRACTION), m.luma_min, m.luma_max);
    }
}

/* BT.709's weights in limited range, 1 << RGB_BITS. Luma's sum up to 219/255, each chroma's to 0,
 * so that greys are exact. */
enum {
    Y_R = 5983,
    Y_G = 20127,
    Y_B = 2032,
    CB_R = -3298,
    CB_G = -11094,
    CB_B = 14392,
    CR_R = 14392,
    CR_G = -13072,
    CR_B = -1320,
};

static inline int32_t rgb_to(int32_t sum, int32_t zero, int32_t extra_bits) {
    const int32_t shift = RGB_BITS + RESAMPLE_FRACTION + extra_bits;
    return (int32_t)((sum + (1 << (shift - 1))) >> shift) + zero;
}

FOR_EACH_PROCESSOR
void colour_rgb_luma_row(const int16_t *const rgb[3], unsigned width, uint8_t *restrict ret) {
    const int16_t *r = rgb[0], *g = rgb[1], *b = rgb[2];
    for (unsigned i = 0; i < width; i++)
        ret[i] = (uint8_t)limit(rgb_to(r[i] * Y_R + g[i] * Y_G + b[i] * Y_B, 16, 0), 16, 235);
}

/* A quarter of left, half of the middle, a quarter of right, on two rows; the sum's eight parts
 * become two, so that the products that follow fit into 32 bits. */
static inline int32_t gather(const int16_t *upper, const int16_t *lower, unsigned left,
                             unsigned x) {
    int32_t sum =
        upper[left] + lower[left] + 2 * (upper[x] + lower[x]) + upper[x + 1] + lower[x + 1];
    return (sum + 2) >> 2;
}

FOR_EACH_PROCESSOR
void colour_rgb_chroma_row(const int16_t *const upper[3], const int16_t *const lower[3],
                           unsigned width, uint8_t *restrict ret_cb, uint8_t *restrict ret_cr) {
    for (unsigned i = 0; i < width / 2; i++) {
        unsigned x = 2 * i, left = x == 0 ? 0 : x - 1;
        int32_t r = gather(upper[0], lower[0], left, x);
        int32_t g = gather(upper[1], lower[1], left, x);
        int32_t b = gather(upper[2], lower[2], left, x);
        int32_t cb = rgb_to(r * CB_R + g * CB_G + b * CB_B, 128, 1);
        int32_t cr = rgb_to(r * CR_R + g * CR_G + b * CR_B, 128, 1);
        ret_cb[i] = (uint8_t)limit(cb, 16, 240);
        ret_cr[i] = (uint8_t)limit(cr, 16, 240);
    }
}

FOR_EACH_PROCESSOR
void colour_site_luma_row(const int16_t *restrict upper, const int16_t *restrict lower,
                          unsigned width, int16_t *restrict ret) {
    ret[0] = (int16_t)((3 * (upper[0] + lower[0]) + upper[1] + lower[1] + 4) >> 3);
    for (unsigned i = 1; i < width / 2; i++) {
        unsigned x = 2 * i;
        int32_t sum =
            upper[x - 1] + lower[x - 1] + 2 * (upper[x] + lower[x]) + upper[x + 1] + lower[x + 1];
        ret[i] = (int16_t)((sum + 4) >> 3);
    }
}

FOR_EACH_PROCESSOR
void colour_site_row(const int16_t *const rgb[3], const int16_t *restrict luma,
                     const int16_t *restrict slope, unsigned count, uint8_t *const ret_chroma[2],
                     int16_t *restrict ret_offset) {
    const int16_t *r = rgb[0], *g = rgb[1], *b = rgb[2];
    uint8_t *restrict cb = ret_chroma[0], *restrict cr = ret_chroma[1];
    for (unsigned i = 0; i < count; i++) {
        int32_t u = rgb_to(r[i] * CB_R + g[i] * CB_G + b[i] * CB_B, 128, 0);
        int32_t v = rgb_to(r[i] * CR_R + g[i] * CR_G + b[i] * CR_B, 128, 0);
        int32_t y = (r[i] * Y_R + g[i] * Y_G + b[i] * Y_B + (1 << (RGB_BITS - 1))) >> RGB_BITS;
        cb[i] = (uint8_t)limit(u, 16, 240);
        cr[i] = (uint8_t)limit(v, 16, 240);
        ret_offset[i] = (int16_t)(y - (slope[i] * luma[i] >> LINE_BITS));
    }
}

FOR_EACH_PROCESSOR
void colour_line_row(const int16_t *restrict luma, const int16_t *restrict offset,
                     const int16_t *restrict slope, unsigned width, uint8_t *restrict ret) {
    const int32_t bias = (16 * RESAMPLE_ONE + FRACTION_HALF) * COLOUR_SLOPE_ONE;
    for (unsigned i = 0; i < width; i++) {
        int32_t value = (luma[i] * slope[i] + offset[i] * COLOUR_SLOPE_ONE + bias) >> LINE_SHIFT;
        ret[i] = (uint8_t)limit(value, 16, 235);
    }
}

FOR_EACH_PROCESSOR
void colour_cmyk_row(const int16_t *const cmyk[4], unsigned width, int16_t *const rgb[3]) {
    const int32_t max = 255 * RESAMPLE_ONE;
    for (unsigned c = 0; c < 3; c++) {
        const int16_t *ink = cmyk[c], *black = cmyk[3];
        int16_t *ret = rgb[c];
        for (unsigned i = 0; i < width; i++) {
            int32_t light = limit(max - ink[i], 0, max), left = limit(max - black[i], 0, max);
            ret[i] = (int16_t)((light * left + max / 2) / max);
        }
    }
}

void colour_of_rgb(const uint8_t rgb[3], uint8_t ret[3]) {
    int16_t samples[3][2];
    for (int i = 0; i < 3; i++)
        samples[i][0] = samples[i][1] = (int16_t)(rgb[i] * RESAMPLE_ONE);
    const int16_t *const rows[3] = {samples[0], samples[1], samples[2]};
    uint8_t luma[2];
    colour_rgb_luma_row(rows, 2, luma);
    colour_rgb_chroma_row(rows, rows, 2, &ret[1], &ret[2]);
    ret[0] = luma[0];
}
