/*
 * The corners of a simplex are found by sorting: from the cell's lowest corner one walks along the
 * axis with the largest fraction first, and the differences of the sorted fractions are the
 * weights. A fraction and its axis's distance in the table are sorted as one number, without
 * branches, for a block of colours at a time, so that compilers vectorise it; then the corners are
 * fetched colour by colour, all lanes of a node at once.
 */
#include "media/lut.h"

#include "media/resample.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

enum {
    BLOCK = 64,
    MAX_INPUTS = 4,
    MAX_CORNERS = 6, /* five, and one without weight to make pairs */
    SAMPLE_MAX = 255 * RESAMPLE_ONE,
    INDEX_BITS = 16, /* of a sorting key: more than a step along any axis */
};

/* The corners of a block of colours: their nodes, and their weights in pairs (the first one in the
 * lower half). */
struct corners {
    int32_t nodes[MAX_CORNERS][BLOCK];
    int32_t weights[MAX_CORNERS / 2][BLOCK];
};

static inline int32_t limit(int32_t value) {
    value = value < 0 ? 0 : value;
    return value > SAMPLE_MAX ? SAMPLE_MAX : value;
}

static inline int32_t larger(int32_t a, int32_t b) {
    return a > b ? a : b;
}

static inline int32_t smaller(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static inline int32_t pair(int32_t low, int32_t high) {
    return low | (high << 16);
}

FOR_EACH_PROCESSOR
static void find_corners3(int16_t in[MAX_INPUTS][BLOCK], struct corners *restrict ret) {
    enum { STEP0 = LUT3_SIDE * LUT3_SIDE, STEP1 = LUT3_SIDE, STEP2 = 1 };
    const int32_t mask = (1 << LUT3_CELL_BITS) - 1, index_mask = (1 << INDEX_BITS) - 1;
    for (int i = 0; i < BLOCK; i++) {
        int32_t a = limit(in[0][i]), b = limit(in[1][i]), c = limit(in[2][i]);
        int32_t node = (a >> LUT3_CELL_BITS) * STEP0 + (b >> LUT3_CELL_BITS) * STEP1 +
                       (c >> LUT3_CELL_BITS) * STEP2;
        int32_t k0 = (a & mask) << INDEX_BITS | STEP0, k1 = (b & mask) << INDEX_BITS | STEP1,
                k2 = (c & mask) << INDEX_BITS | STEP2;
        int32_t high = larger(k0, k1), low = smaller(k0, k1);
        int32_t first = larger(high, k2), rest = smaller(high, k2);
        int32_t second = larger(rest, low), third = smaller(rest, low);
        int32_t f1 = first >> INDEX_BITS, f2 = second >> INDEX_BITS, f3 = third >> INDEX_BITS;
        ret->nodes[0][i] = node;
        ret->nodes[1][i] = node += first & index_mask;
        ret->nodes[2][i] = node += second & index_mask;
        ret->nodes[3][i] = node + (third & index_mask);
        ret->weights[0][i] = pair(mask + 1 - f1, f1 - f2);
        ret->weights[1][i] = pair(f2 - f3, f3);
    }
}

FOR_EACH_PROCESSOR
static void find_corners4(int16_t in[MAX_INPUTS][BLOCK], struct corners *restrict ret) {
    enum { STEP2 = LUT4_SIDE, STEP1 = STEP2 * LUT4_SIDE, STEP0 = STEP1 * LUT4_SIDE };
    const int32_t mask = (1 << LUT4_CELL_BITS) - 1, index_mask = (1 << INDEX_BITS) - 1;
    for (int i = 0; i < BLOCK; i++) {
        int32_t a = limit(in[0][i]), b = limit(in[1][i]), c = limit(in[2][i]), d = limit(in[3][i]);
        int32_t node = (a >> LUT4_CELL_BITS) * STEP0 + (b >> LUT4_CELL_BITS) * STEP1 +
                       (c >> LUT4_CELL_BITS) * STEP2 + (d >> LUT4_CELL_BITS);
        int32_t k0 = (a & mask) << INDEX_BITS | STEP0, k1 = (b & mask) << INDEX_BITS | STEP1,
                k2 = (c & mask) << INDEX_BITS | STEP2, k3 = (d & mask) << INDEX_BITS | 1;
        int32_t high01 = larger(k0, k1), low01 = smaller(k0, k1);
        int32_t high23 = larger(k2, k3), low23 = smaller(k2, k3);
        int32_t first = larger(high01, high23), last = smaller(low01, low23);
        int32_t x = smaller(high01, high23), y = larger(low01, low23);
        int32_t second = larger(x, y), third = smaller(x, y);
        int32_t f1 = first >> INDEX_BITS, f2 = second >> INDEX_BITS, f3 = third >> INDEX_BITS,
                f4 = last >> INDEX_BITS;
        ret->nodes[0][i] = node;
        ret->nodes[1][i] = node += first & index_mask;
        ret->nodes[2][i] = node += second & index_mask;
        ret->nodes[3][i] = node += third & index_mask;
        ret->nodes[4][i] = ret->nodes[5][i] = node + (last & index_mask);
        ret->weights[0][i] = pair(mask + 1 - f1, f1 - f2);
        ret->weights[1][i] = pair(f2 - f3, f3 - f4);
        ret->weights[2][i] = pair(f4, 0);
    }
}

static void sum_corners_plain(const struct lut *lut, const struct corners *corners,
                              int16_t ret[LUT_LANES][BLOCK]) {
    int bits = lut->inputs == 3 ? LUT3_CELL_BITS : LUT4_CELL_BITS;
    unsigned count = lut->inputs == 3 ? 4 : 6;
    for (int i = 0; i < BLOCK; i++) {
        int32_t sums[LUT_LANES];
        for (int lane = 0; lane < LUT_LANES; lane++)
            sums[lane] = 1 << (bits - 1);
        for (unsigned k = 0; k < count; k++) {
            const int16_t *node = lut->nodes + (ptrdiff_t)LUT_LANES * corners->nodes[k][i];
            int32_t weight = corners->weights[k / 2][i] >> (k % 2 * 16) & 0xffff;
            for (int lane = 0; lane < LUT_LANES; lane++)
                sums[lane] += node[lane] * weight;
        }
        for (int lane = 0; lane < 3; lane++)
            ret[lane][i] = (int16_t)limit(sums[lane] >> bits);
        ret[3][i] = (int16_t)(sums[3] >> bits);
    }
}

#if defined(__SSE2__)

static inline __m128i load_node(const int16_t *nodes, int32_t node) {
    return _mm_loadl_epi64((const __m128i *)(const void *)(nodes + (ptrdiff_t)LUT_LANES * node));
}

/* All lanes of one colour, 32 bit. */
static inline __m128i sum_colour(const int16_t *nodes, const struct corners *corners, int i,
                                 unsigned pairs) {
    __m128i sum = _mm_setzero_si128();
    for (unsigned k = 0; k < pairs; k++) {
        __m128i both = _mm_unpacklo_epi16(load_node(nodes, corners->nodes[2 * k][i]),
                                          load_node(nodes, corners->nodes[2 * k + 1][i]));
        sum = _mm_add_epi32(sum, _mm_madd_epi16(both, _mm_set1_epi32(corners->weights[k][i])));
    }
    return sum;
}

static inline void sum_corners(const int16_t *nodes, const struct corners *corners, unsigned pairs,
                               int bits, int16_t ret[LUT_LANES][BLOCK]) {
    const __m128i half = _mm_set1_epi32(1 << (bits - 1));
    const __m128i low = _mm_setr_epi16(0, 0, 0, INT16_MIN, 0, 0, 0, INT16_MIN);
    const __m128i high = _mm_setr_epi16(SAMPLE_MAX, SAMPLE_MAX, SAMPLE_MAX, INT16_MAX, SAMPLE_MAX,
                                        SAMPLE_MAX, SAMPLE_MAX, INT16_MAX);
    for (int i = 0; i < BLOCK; i += 4) {
        __m128i two[2];
        for (int k = 0; k < 2; k++) {
            __m128i a = sum_colour(nodes, corners, i + 2 * k, pairs);
            __m128i b = sum_colour(nodes, corners, i + 2 * k + 1, pairs);
            a = _mm_srai_epi32(_mm_add_epi32(a, half), bits);
            b = _mm_srai_epi32(_mm_add_epi32(b, half), bits);
            two[k] = _mm_min_epi16(_mm_max_epi16(_mm_packs_epi32(a, b), low), high);
        }
        /* r0 g0 b0 s0 r1 g1 b1 s1, and 2 and 3, to rows. */
        __m128i x = _mm_unpacklo_epi16(two[0], two[1]), y = _mm_unpackhi_epi16(two[0], two[1]);
        __m128i rg = _mm_unpacklo_epi16(x, y), bs = _mm_unpackhi_epi16(x, y);
        _mm_storel_epi64((__m128i *)(void *)&ret[0][i], rg);
        _mm_storel_epi64((__m128i *)(void *)&ret[1][i], _mm_unpackhi_epi64(rg, rg));
        _mm_storel_epi64((__m128i *)(void *)&ret[2][i], bs);
        _mm_storel_epi64((__m128i *)(void *)&ret[3][i], _mm_unpackhi_epi64(bs, bs));
    }
}

static void sum_corners_best(const struct lut *lut, const struct corners *corners,
                             int16_t ret[LUT_LANES][BLOCK]) {
    /* The numbers as constants, so that the compiler unrolls. */
    if (lut->inputs == 3)
        sum_corners(lut->nodes, corners, 2, LUT3_CELL_BITS, ret);
    else
        sum_corners(lut->nodes, corners, 3, LUT4_CELL_BITS, ret);
}

#else
#define sum_corners_best sum_corners_plain
#endif

static inline void
convert_rows(const struct lut *lut, const int16_t *const in[], unsigned count, int16_t *const ret[],
             void (*sum)(const struct lut *, const struct corners *, int16_t[LUT_LANES][BLOCK])) {
    int16_t samples[MAX_INPUTS][BLOCK] = {0}, converted[LUT_LANES][BLOCK];
    struct corners corners;
    for (unsigned done = 0; done < count; done += BLOCK) {
        unsigned now = count - done < BLOCK ? count - done : BLOCK;
        for (unsigned c = 0; c < lut->inputs; c++)
            memcpy(samples[c], in[c] + done, now * sizeof samples[c][0]);
        if (lut->inputs == 3)
            find_corners3(samples, &corners);
        else
            find_corners4(samples, &corners);
        sum(lut, &corners, converted);
        for (unsigned lane = 0; lane < LUT_LANES; lane++) {
            if (ret[lane] != NULL)
                memcpy(ret[lane] + done, converted[lane], now * sizeof converted[lane][0]);
        }
    }
}

void lut_row(const struct lut *lut, const int16_t *const in[], unsigned count,
             int16_t *const ret[]) {
    convert_rows(lut, in, count, ret, sum_corners_best);
}

void lut_row_plain(const struct lut *lut, const int16_t *const in[], unsigned count,
                   int16_t *const ret[]) {
    convert_rows(lut, in, count, ret, sum_corners_plain);
}

void lut_curve_row(const int16_t *curve, const int16_t *in, unsigned count, int16_t *ret) {
    for (unsigned i = 0; i < count; i++)
        ret[i] = curve[limit(in[i])];
}
