/*
 * A row of candidates costs sixteen searches of the palette, so it is made once for each colour
 * that occurs, and kept until the palette changes. Chroma is looked up a little coarser than luma.
 */
#include "media/dither.h"

#include "base/base.h"
#include "base/error.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    CANDIDATES = 16,
    LUMA_BITS = 8,
    CHROMA_BITS = 6,
    KEYS = 1 << (LUMA_BITS + 2 * CHROMA_BITS),
    FIRST_ROWS = 4096,
    SIDE = 8, /* of the pattern */
    /* A colour that the palette has but for what CHROMA_BITS cut off is not dithered. */
    CLOSE = 2 * 1 + 2 * 2 * 2,
};

struct dither {
    const struct palette *palette;
    unsigned strength;
    uint32_t *rows; /* by key: 1 + the number of its row of candidates; 0: not made yet */
    uint8_t (*candidates)[CANDIDATES];
    uint32_t *keys; /* of the rows of candidates */
    size_t row_count, row_capacity;
};

struct dither *dither_new(unsigned strength) {
    struct dither *dither = calloc(1, sizeof *dither);
    uint32_t *rows = calloc(KEYS, sizeof *rows);
    if (!dither || !rows)
        die_out_of_memory();
    dither->rows = rows;
    dither->strength = strength;
    return dither;
}

void dither_free(struct dither *dither) {
    if (!dither)
        return;
    free(dither->rows);
    free(dither->candidates);
    free(dither->keys);
    free(dither);
}

void dither_start(struct dither *dither, const struct palette *palette) {
    assert(palette->count > 0);
    dither->palette = palette;
    for (size_t i = 0; i < dither->row_count; i++)
        dither->rows[dither->keys[i]] = 0;
    dither->row_count = 0;
}

static bool is_close(const struct palette *palette, unsigned index, const int32_t colour[3]) {
    int32_t dy = palette->parts[0][index] - colour[0], db = palette->parts[1][index] - colour[1],
            dr = palette->parts[2][index] - colour[2];
    return 2 * dy * dy + db * db + dr * dr <= CLOSE;
}

/* What lies outside of all colours is as far as palette_nearest looks. */
static int32_t limited(int32_t part) {
    return part < -256 ? -256 : part > 511 ? 511 : part;
}

/* Thomas Knoll's pattern dithering: each candidate makes up for the error of those before it. */
static void find_candidates(const struct dither *dither, const int32_t colour[3],
                            uint8_t ret[CANDIDATES]) {
    const struct palette *palette = dither->palette;
    unsigned index = palette_nearest(palette, colour);
    int32_t error[3] = {0};
    if (is_close(palette, index, colour)) {
        memset(ret, (int)index, CANDIDATES);
        return;
    }
    for (unsigned i = 0; i < CANDIDATES; i++) {
        int32_t wanted[3];
        for (int p = 0; p < 3; p++)
            wanted[p] =
                limited(colour[p] + error[p] * (int32_t)dither->strength / DITHER_FULL_STRENGTH);
        index = palette_nearest(palette, wanted);
        for (int p = 0; p < 3; p++)
            error[p] += colour[p] - palette->parts[p][index];
        unsigned place = i;
        for (; place > 0 && palette->parts[0][ret[place - 1]] > palette->parts[0][index]; place--)
            ret[place] = ret[place - 1];
        ret[place] = (uint8_t)index;
    }
}

static void grow(struct dither *dither) {
    size_t capacity = dither->row_capacity > 0 ? 2 * dither->row_capacity : FIRST_ROWS;
    dither->candidates = realloc(dither->candidates, capacity * sizeof *dither->candidates);
    dither->keys = realloc(dither->keys, capacity * sizeof *dither->keys);
    if (!dither->candidates || !dither->keys)
        die_out_of_memory();
    dither->row_capacity = capacity;
}

/* At most KEYS rows. */
static void make_row(struct dither *dither, uint32_t key, const uint8_t colour[3]) {
    enum { CUT = 8 - CHROMA_BITS, HALF = 1 << (CUT - 1) };
    const int32_t middle[3] = {colour[0], (colour[1] >> CUT << CUT) + HALF,
                               (colour[2] >> CUT << CUT) + HALF};
    if (dither->row_count == dither->row_capacity)
        grow(dither);
    find_candidates(dither, middle, dither->candidates[dither->row_count]);
    dither->keys[dither->row_count++] = key;
    dither->rows[key] = (uint32_t)dither->row_count;
}

uint8_t dither_pick(struct dither *dither, const uint8_t colour[3], unsigned x, unsigned y) {
    /* Bayer's matrix, 0 to 63. */
    static const uint8_t order[SIDE][SIDE] = {
        {0, 32, 8, 40, 2, 34, 10, 42},  {48, 16, 56, 24, 50, 18, 58, 26},
        {12, 44, 4, 36, 14, 46, 6, 38}, {60, 28, 52, 20, 62, 30, 54, 22},
        {3, 35, 11, 43, 1, 33, 9, 41},  {51, 19, 59, 27, 49, 17, 57, 25},
        {15, 47, 7, 39, 13, 45, 5, 37}, {63, 31, 55, 23, 61, 29, 53, 21}};
    uint32_t key = (uint32_t)colour[0] << 2 * CHROMA_BITS |
                   (uint32_t)(colour[1] >> (8 - CHROMA_BITS)) << CHROMA_BITS |
                   colour[2] >> (8 - CHROMA_BITS);
    if (dither->rows[key] == 0)
        make_row(dither, key, colour);
    unsigned place = order[y % SIDE][x % SIDE] * CANDIDATES / 64u;
    return dither->candidates[dither->rows[key] - 1][place];
}
