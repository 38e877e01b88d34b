/*
 * Nothing fine is left of a blurred picture, so a small grid of cells holds it: the resampler
 * shrinks the part of the picture that would cover the canvas to the grid, three running means in
 * either direction (nearly a Gaussian) blur it, and cubic B-splines enlarge it, whose curves have
 * no kinks that would show the cells.
 *
 * Slopes are so gentle that rounding alone would draw contours. Samples keep their fraction to the
 * end, and an ordered pattern decides which of them are rounded up.
 */
#include "media/blur.h"

#include "base/error.h"
#include "media/resample.h"
#include "media/scratch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum {
    MAX_CELLS = 80, /* along the longer side; the blur then spreads over 3 % of it */
    MIN_CELLS = 4,
    BORDER = 4, /* cells that repeat the outermost, on each end */
    ROW_CELLS = MAX_CELLS + 2 * BORDER,
    MEAN_CELLS = 5,
    MEAN_TWICE_THRICE = 5 * 5 * 5 * 5 * 5 * 5, /* what three sums each way multiply by */
    SPLINE_TAPS = 4,
    WEIGHT_ONE = 1 << RESAMPLE_WEIGHT_BITS,
    BRIGHTNESS = 4, /* of 5 */
    BRIGHTNESS_ONE = 5,
    MIX_BLOCK = 16,  /* columns at a time; thresholds repeat after half of them */
    EXPAND_TAPS = 8, /* what the kernel does at least */
};

/* Where sample 0 of a plane is, in luma samples: chroma sits on the left one of two, and between
 * the upper and the lower one. */
static const double siting_x = 0.5;
static const double siting_y[2] = {0.5, 1};

/* One kind of plane: 0 luma, 1 chroma. */
struct blur_kind {
    struct filter *shrink_x, *shrink_y;
    struct filter *expand; /* rows of cells with their border to rows of the frame */
};

struct blur {
    unsigned width, height;
    unsigned columns, rows; /* cells */
    struct blur_kind kinds[2];
    unsigned picture_width, picture_height; /* what the shrinking filters are for; 0: none yet */
    int16_t *middle;
    struct scratch expanded; /* `rows` rows of the frame's width */
    size_t expanded_stride;
    int32_t cells[MAX_CELLS * MAX_CELLS];
};

static unsigned count_cells(unsigned side, unsigned longer) {
    unsigned cells = (side * MAX_CELLS + longer - 1) / longer;
    cells = cells < MIN_CELLS ? MIN_CELLS : cells;
    return cells > side / 2 ? side / 2 : cells;
}

/* The four weights of a cubic B-spline `beyond` (0 to 1) behind the second of four cells. */
static void spline_weights(double beyond, int16_t ret[SPLINE_TAPS]) {
    double t = beyond, rest = 1 - t;
    double real[SPLINE_TAPS] = {rest * rest * rest / 6, (4 - 6 * t * t + 3 * t * t * t) / 6,
                                (4 - 6 * rest * rest + 3 * rest * rest * rest) / 6, t * t * t / 6};
    int left = WEIGHT_ONE;
    for (int i = 0; i < SPLINE_TAPS; i++) {
        ret[i] = (int16_t)(real[i] * WEIGHT_ONE + 0.5);
        left -= ret[i];
    }
    int nearest = beyond < 0.5 ? 1 : 2;
    ret[nearest] = (int16_t)(ret[nearest] + left);
}

/* Where in `cells` cells that span `side` luma samples a sample of a plane lies: the cell before
 * it (may be -1) and its weights. `siting`: of sample 0 in luma samples. */
static int locate(unsigned sample, unsigned shift, double siting, unsigned side, unsigned cells,
                  int16_t ret_weights[SPLINE_TAPS]) {
    double place = (((uint64_t)sample << shift) + siting) * cells / side + 0.5;
    int before = (int)place - 1;
    spline_weights(place - 1 - before, ret_weights);
    return before;
}

static struct filter *new_expansion(const struct blur *blur, unsigned kind) {
    unsigned width = blur->width >> kind;
    struct filter *filter =
        filter_new_blank(blur->columns + 2 * BORDER, width, EXPAND_TAPS, FILTER_HORIZONTAL);
    for (unsigned x = 0; x < width; x++) {
        int16_t *weights = filter->weights + (size_t)x * EXPAND_TAPS;
        int before = locate(x, kind, siting_x, blur->width, blur->columns, weights);
        unsigned first = (unsigned)(before - 1 + BORDER);
        unsigned most = blur->columns + 2 * BORDER - EXPAND_TAPS;
        filter->first[x] = first < most ? first : most;
        unsigned by = first - filter->first[x];
        int16_t moved[EXPAND_TAPS] = {0};
        memcpy(moved + by, weights, SPLINE_TAPS * sizeof *moved);
        memcpy(weights, moved, sizeof moved);
    }
    return filter;
}

struct blur *blur_new(unsigned width, unsigned height) {
    struct blur *blur = calloc(1, sizeof *blur);
    if (blur == NULL)
        die_out_of_memory();
    unsigned longer = width > height ? width : height;
    blur->width = width;
    blur->height = height;
    blur->columns = count_cells(width, longer);
    blur->rows = count_cells(height, longer);
    for (unsigned kind = 0; kind < 2; kind++)
        blur->kinds[kind].expand = new_expansion(blur, kind);
    blur->middle = calloc(width + 2 * RESAMPLE_PADDING, sizeof *blur->middle);
    if (blur->middle == NULL)
        die_out_of_memory();
    blur->expanded_stride = width + RESAMPLE_PADDING;
    return blur;
}

void blur_free(struct blur *blur) {
    if (blur == NULL)
        return;
    for (unsigned kind = 0; kind < 2; kind++) {
        filter_free(blur->kinds[kind].shrink_x);
        filter_free(blur->kinds[kind].shrink_y);
        filter_free(blur->kinds[kind].expand);
    }
    scratch_clear(&blur->expanded);
    free(blur->middle);
    free(blur);
}

/* One side: the middle of the picture that would cover the canvas, as cells. In luma samples. */
struct shrinking {
    double scale; /* the enlargement */
    unsigned canvas, picture, cells;
};

static struct filter *new_shrinking(const struct shrinking *side, unsigned kind, double siting,
                                    enum filter_axis axis) {
    double cell = (double)side->canvas / side->cells / side->scale;
    double crop = (side->picture - side->canvas / side->scale) / 2;
    unsigned divisor = 1u << kind;
    struct filter_spec spec = {
        .source_size = side->picture / divisor,
        .target_size = side->cells,
        /* Chroma's sample 0 is at `siting`, and its centre at half a sample. */
        .origin = (crop + cell / 2 - siting) / divisor + 0.5,
        .step = cell / divisor,
        .source_length = side->picture / divisor,
    };
    return filter_new(&spec, axis);
}

static void aim(struct blur *blur, const struct placement *place) {
    if (blur->picture_width == place->target_width && blur->picture_height == place->target_height)
        return;
    double scale_x = (double)blur->width / place->target_width;
    double scale_y = (double)blur->height / place->target_height;
    double scale = scale_x > scale_y ? scale_x : scale_y;
    struct shrinking x = {scale, blur->width, place->target_width, blur->columns};
    struct shrinking y = {scale, blur->height, place->target_height, blur->rows};
    for (unsigned kind = 0; kind < 2; kind++) {
        struct blur_kind *own = &blur->kinds[kind];
        filter_free(own->shrink_x);
        filter_free(own->shrink_y);
        own->shrink_x = new_shrinking(&x, kind, siting_x, FILTER_HORIZONTAL);
        own->shrink_y = new_shrinking(&y, kind, siting_y[kind], FILTER_VERTICAL);
        /* Rows are read from the canvas's left end on, where strides are aligned. */
        unsigned left = place->x >> kind;
        for (unsigned i = 0; i < x.cells; i++)
            own->shrink_x->first[i] += left;
        own->shrink_x->begin += left;
        own->shrink_x->end += left;
        own->shrink_x->copies = false;
    }
    blur->picture_width = place->target_width;
    blur->picture_height = place->target_height;
}

static void shrink(struct blur *blur, const struct placement *place, const struct frame *frame,
                   unsigned plane) {
    unsigned kind = plane > 0 ? 1 : 0;
    const struct resampler resampler = {
        .kernels = resample_kernels_best(),
        .horizontal = blur->kinds[kind].shrink_x,
        .vertical = blur->kinds[kind].shrink_y,
        .source = frame->planes[plane] + (place->y >> kind) * frame->strides[plane],
        .stride = frame->strides[plane],
        .middle = blur->middle,
    };
    for (unsigned y = 0; y < blur->rows; y++) {
        int16_t row[MAX_CELLS + RESAMPLE_PADDING];
        resampler_row(&resampler, y, row);
        for (unsigned x = 0; x < blur->columns; x++)
            blur->cells[y * MAX_CELLS + x] = row[x];
    }
}

/* Each cell becomes the sum of MEAN_CELLS around it. */
static void sum_around(int32_t *cells, unsigned count, unsigned stride) {
    enum { REACH = MEAN_CELLS / 2 };
    int32_t line[MAX_CELLS + 2 * REACH];
    for (unsigned i = 0; i < count + 2 * REACH; i++) {
        unsigned from = i < REACH ? 0 : i - REACH;
        line[i] = cells[(from < count ? from : count - 1) * stride];
    }
    for (unsigned i = 0; i < count; i++) {
        int32_t sum = 0;
        for (unsigned k = 0; k < MEAN_CELLS; k++)
            sum += line[i + k];
        cells[i * stride] = sum;
    }
}

static void spread(struct blur *blur) {
    for (int pass = 0; pass < 3; pass++) {
        for (unsigned y = 0; y < blur->rows; y++)
            sum_around(blur->cells + y * MAX_CELLS, blur->columns, 1);
        for (unsigned x = 0; x < blur->columns; x++)
            sum_around(blur->cells + x, blur->rows, MAX_CELLS);
    }
}

/* Rows of cells, darkened, become rows as wide as the plane. */
static void expand_rows(struct blur *blur, unsigned plane) {
    const int32_t zero = (plane == 0 ? FRAME_BLACK : FRAME_GREY) * RESAMPLE_ONE;
    const int32_t least = FRAME_BLACK * RESAMPLE_ONE; /* the resampler may overshoot */
    const struct filter *filter = blur->kinds[plane > 0].expand;
    int16_t *expanded =
        scratch_need(&blur->expanded, blur->rows * blur->expanded_stride * sizeof(int16_t));
    for (unsigned y = 0; y < blur->rows; y++) {
        int16_t row[ROW_CELLS];
        for (unsigned x = 0; x < blur->columns + 2 * BORDER; x++) {
            unsigned from = x < BORDER ? 0 : x - BORDER;
            from = from < blur->columns ? from : blur->columns - 1;
            int32_t value =
                (blur->cells[y * MAX_CELLS + from] + MEAN_TWICE_THRICE / 2) / MEAN_TWICE_THRICE;
            value = value < least ? least : value;
            row[x] = (int16_t)(zero + (value - zero) * BRIGHTNESS / BRIGHTNESS_ONE);
        }
        resample_kernels_best()->horizontal(row, filter, expanded + y * blur->expanded_stride);
    }
}

/* What of its fraction a sample must exceed to be rounded up, by place: each number once, and
 * neighbours far apart (Bayer's order). */
static const uint8_t thresholds[8][8] = {
    {63, 31, 55, 23, 61, 29, 53, 21}, {15, 47, 7, 39, 13, 45, 5, 37},
    {51, 19, 59, 27, 49, 17, 57, 25}, {3, 35, 11, 43, 1, 33, 9, 41},
    {60, 28, 52, 20, 62, 30, 54, 22}, {12, 44, 4, 36, 14, 46, 6, 38},
    {48, 16, 56, 24, 50, 18, 58, 26}, {0, 32, 8, 40, 2, 34, 10, 42}};
_Static_assert(RESAMPLE_ONE == 64, "a threshold for each fraction");

/* One row between four, and the thresholds of its columns. */
struct mix {
    const int16_t *rows[SPLINE_TAPS];
    int16_t weights[SPLINE_TAPS];
    /* Added before the weights' bits go, so that samples are rounded once. */
    int32_t up[MIX_BLOCK / 2];
};

enum { MIX_SHIFT = RESAMPLE_WEIGHT_BITS + RESAMPLE_FRACTION };

/* Columns [begin, end), multiples of MIX_BLOCK. */
static void mix_plain(const struct mix *mix, unsigned begin, unsigned end, uint8_t *ret) {
    const int16_t *const *rows = mix->rows, *w = mix->weights;
    for (unsigned x = begin; x < end; x++) {
        int32_t sum = mix->up[x % 8];
        for (unsigned i = 0; i < SPLINE_TAPS; i++)
            sum += rows[i][x] * w[i];
        ret[x] = (uint8_t)(sum >> MIX_SHIFT);
    }
}

#if defined(__x86_64__)

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i load_columns(const int16_t *row) {
    return _mm256_loadu_si256((const __m256i *)(const void *)row);
}

/* Two weights that stand side by side, for all columns. */
AVX2 static inline __m256i load_pair(const int16_t *weights) {
    int32_t pair;
    memcpy(&pair, weights, sizeof pair);
    return _mm256_set1_epi32(pair);
}

AVX2 static inline __m256i load_thresholds(const int32_t *up) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)up));
}

AVX2 static void mix_avx2(const struct mix *mix, unsigned begin, unsigned end, uint8_t *ret) {
    const __m256i upper = load_pair(mix->weights), lower = load_pair(mix->weights + 2);
    const __m256i up_low = load_thresholds(mix->up), up_high = load_thresholds(mix->up + 4);
    for (unsigned x = begin; x < end; x += MIX_BLOCK) {
        __m256i a = load_columns(mix->rows[0] + x), b = load_columns(mix->rows[1] + x);
        __m256i c = load_columns(mix->rows[2] + x), d = load_columns(mix->rows[3] + x);
        __m256i low = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), upper),
                                       _mm256_madd_epi16(_mm256_unpacklo_epi16(c, d), lower));
        __m256i high = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), upper),
                                        _mm256_madd_epi16(_mm256_unpackhi_epi16(c, d), lower));
        low = _mm256_srai_epi32(_mm256_add_epi32(low, up_low), MIX_SHIFT);
        high = _mm256_srai_epi32(_mm256_add_epi32(high, up_high), MIX_SHIFT);
        __m256i columns = _mm256_packs_epi32(low, high);
        __m128i bytes =
            _mm_packus_epi16(_mm256_castsi256_si128(columns), _mm256_extracti128_si256(columns, 1));
        _mm_storeu_si128((__m128i *)(void *)(ret + x), bytes);
    }
}

static void mix_row(const struct mix *mix, unsigned begin, unsigned end, uint8_t *ret) {
    if (__builtin_cpu_supports("avx2"))
        mix_avx2(mix, begin, end, ret);
    else
        mix_plain(mix, begin, end, ret);
}

#else

static void mix_row(const struct mix *mix, unsigned begin, unsigned end, uint8_t *ret) {
    mix_plain(mix, begin, end, ret);
}

#endif

/* A rectangle of a plane. */
struct area {
    unsigned left, top, right, bottom;
};

static void fill_area(const struct blur *blur, unsigned plane, const struct area *area,
                      struct frame *frame) {
    unsigned kind = plane > 0 ? 1 : 0;
    const int16_t *expanded = blur->expanded.data;
    if (area->left >= area->right)
        return;
    unsigned begin = area->left / MIX_BLOCK * MIX_BLOCK;
    unsigned end = (area->right + MIX_BLOCK - 1) / MIX_BLOCK * MIX_BLOCK;
    for (unsigned y = area->top; y < area->bottom; y++) {
        struct mix mix;
        int before = locate(y, kind, siting_y[kind], blur->height, blur->rows, mix.weights);
        for (int i = 0; i < SPLINE_TAPS; i++) {
            int row = before - 1 + i, last = (int)blur->rows - 1;
            row = row < 0 ? 0 : row > last ? last : row;
            mix.rows[i] = expanded + (size_t)row * blur->expanded_stride;
        }
        for (unsigned i = 0; i < 8; i++)
            mix.up[i] = thresholds[y % 8][i] * WEIGHT_ONE + WEIGHT_ONE / 2;
        uint8_t line[SETTINGS_MAX_SIDE];
        mix_row(&mix, begin, end, line);
        memcpy(frame->planes[plane] + y * frame->strides[plane] + area->left, line + area->left,
               area->right - area->left);
    }
}

void blur_margins(struct blur *blur, const struct placement *place, struct frame *frame) {
    assert(frame->width == blur->width && frame->height == blur->height);
    if (place->target_width == frame->width && place->target_height == frame->height)
        return;
    aim(blur, place);
    for (unsigned plane = 0; plane < 3; plane++) {
        unsigned kind = plane > 0 ? 1 : 0;
        shrink(blur, place, frame, plane);
        spread(blur);
        expand_rows(blur, plane);
        unsigned width = frame->width >> kind, height = frame->height >> kind;
        unsigned left = place->x >> kind, top = place->y >> kind;
        unsigned right = left + (place->target_width >> kind);
        unsigned bottom = top + (place->target_height >> kind);
        const struct area areas[] = {{0, 0, width, top},
                                     {0, bottom, width, height},
                                     {0, top, left, bottom},
                                     {right, top, width, bottom}};
        for (size_t i = 0; i < ARRAY_SIZE(areas); i++)
            fill_area(blur, plane, &areas[i], frame);
    }
}
