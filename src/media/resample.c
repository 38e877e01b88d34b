/*
 * Lanczos resampling, rows first: each result row is the weighted sum of some source rows, which is
 * the cheap direction (whole registers of neighbouring columns), and only the row that comes out of
 * it is resampled horizontally. Between the two lies one row in the first-level cache instead of a
 * picture in memory.
 *
 * Mirroring is folded into the weights: they are computed for the upright picture and then turned
 * round, so that all orientations of a picture give the same samples.
 */
#include "media/resample.h"

#include "base/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum {
    LANCZOS_LOBES = 3,
    WEIGHT_ONE = 1 << RESAMPLE_WEIGHT_BITS,
    /* 8-bit samples times weights, down to samples with a fraction. */
    VERTICAL_SHIFT = RESAMPLE_WEIGHT_BITS - RESAMPLE_FRACTION,
    HORIZONTAL_BLOCK = 8,
};

/* sin(pi * x) for 0 <= x <= LANCZOS_LOBES. The C library's own may differ in the last bit from
 * machine to machine, and the film's bytes must not. */
static double sin_pi(double x) {
    int half_turns = (int)(x + 0.5);
    double t = (x - half_turns) * 3.14159265358979323846;
    double square = t * t, term = t, sum = t;
    for (int n = 3; n <= 19; n += 2) {
        term *= -square / (double)((n - 1) * n);
        sum += term;
    }
    return half_turns % 2 == 0 ? sum : -sum;
}

double resample_lanczos(double x) {
    if (x < 0)
        x = -x;
    if (x < 1e-9)
        return 1;
    if (x >= LANCZOS_LOBES)
        return 0;
    const double pi_squared = 9.86960440108935861883;
    return LANCZOS_LOBES * sin_pi(x) * sin_pi(x / LANCZOS_LOBES) / (pi_squared * x * x);
}

struct window {
    int64_t first;
    unsigned count;
};

/* The samples that the kernel at `centre` reaches, also outside of the picture. */
static struct window window_at(double centre, double support) {
    /* Positions are not negative enough to make the conversion round towards zero. */
    int64_t offset = (int64_t)support + 2;
    int64_t first = (int64_t)(centre - support + 0.5 + (double)offset) - offset;
    int64_t last = (int64_t)(centre + support - 0.5 + (double)offset) - offset;
    return (struct window){.first = first, .count = (unsigned)(last - first + 1)};
}

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
    return value < low ? low : value > high ? high : value;
}

/* Turns real weights into integers of the right sum. What rounding leaves goes to the largest. */
static void quantise(const double *real, unsigned count, int16_t *ret) {
    double sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum += real[i];
    int left = WEIGHT_ONE;
    unsigned largest = 0;
    for (unsigned i = 0; i < count; i++) {
        double scaled = real[i] / sum * WEIGHT_ONE;
        ret[i] = (int16_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
        left -= ret[i];
        if (real[i] > real[largest])
            largest = i;
    }
    ret[largest] = (int16_t)(ret[largest] + left);
}

void resample_phase(double beyond, int16_t ret[6]) {
    enum { BEFORE = 2 };
    double real[2 * LANCZOS_LOBES], moment = 0;
    for (int i = 0; i < 2 * LANCZOS_LOBES; i++) {
        real[i] = resample_lanczos(i - BEFORE - beyond);
        moment += real[i] * (i - BEFORE - beyond);
    }
    real[BEFORE] += moment;
    real[BEFORE + 1] -= moment;
    quantise(real, 2 * LANCZOS_LOBES, ret);
}

/* The weights of one target sample, on the samples of the upright picture; what falls outside
 * counts for the sample at the edge. `real` has room for source_size or the window. */
static struct window sample_weights(const struct filter_spec *spec, unsigned target, double *real) {
    double scale = spec->step > 1 ? spec->step : 1;
    double missing = spec->mirrored ? spec->source_length - spec->source_size : 0;
    double centre = spec->origin + target * spec->step - missing;
    struct window window = window_at(centre, LANCZOS_LOBES * scale);
    int64_t last_sample = (int64_t)spec->source_size - 1;
    int64_t first = clamp(window.first, 0, last_sample);
    int64_t last = clamp(window.first + window.count - 1, 0, last_sample);
    unsigned count = (unsigned)(last - first + 1);
    for (unsigned i = 0; i < count; i++)
        real[i] = 0;
    for (unsigned i = 0; i < window.count; i++) {
        int64_t sample = window.first + i;
        double weight = resample_lanczos(((double)sample + 0.5 - centre) / scale);
        real[clamp(sample, 0, last_sample) - first] += weight;
    }
    return (struct window){.first = first, .count = count};
}

/* Drops zeros at both ends; identity becomes a single weight. */
static struct window trim(struct window window, int16_t *weights) {
    unsigned skip = 0;
    while (skip + 1 < window.count && weights[skip] == 0)
        skip++;
    window.count -= skip;
    window.first += skip;
    memmove(weights, weights + skip, window.count * sizeof weights[0]);
    while (window.count > 1 && weights[window.count - 1] == 0)
        window.count--;
    return window;
}

static void reverse(struct window *window, int16_t *weights, unsigned source_size) {
    for (unsigned i = 0; i < window->count / 2; i++) {
        int16_t other = weights[window->count - 1 - i];
        weights[window->count - 1 - i] = weights[i];
        weights[i] = other;
    }
    window->first = (int64_t)source_size - window->first - window->count;
}

/* Where weight `tap` of target sample `target` stands. Horizontally, two neighbouring target
 * samples share a register: eight weights of the one, then eight of the other. */
static size_t weight_index(const struct filter *filter, unsigned target, unsigned tap) {
    if (filter->axis == FILTER_VERTICAL)
        return (size_t)target * filter->taps + tap;
    size_t pair = (size_t)(target / 2) * 2 * filter->taps;
    size_t block = (size_t)(tap / HORIZONTAL_BLOCK) * 2 * HORIZONTAL_BLOCK;
    return pair + block + target % 2 * HORIZONTAL_BLOCK + tap % HORIZONTAL_BLOCK;
}

static void *must_allocate(size_t count, size_t size) {
    void *data = aligned_alloc(64, (count * size + 63) / 64 * 64);
    if (data == NULL)
        die_out_of_memory();
    memset(data, 0, (count * size + 63) / 64 * 64);
    return data;
}

/* Windows of all target samples, weights one after another at a distance of `room`. */
static unsigned compute_windows(const struct filter_spec *spec, size_t room, struct window *windows,
                                int16_t *weights) {
    double *real = must_allocate(room, sizeof *real);
    unsigned taps = 1;
    for (unsigned i = 0; i < spec->target_size; i++) {
        int16_t *own = weights + i * room;
        windows[i] = sample_weights(spec, i, real);
        quantise(real, windows[i].count, own);
        windows[i] = trim(windows[i], own);
        if (spec->mirrored)
            reverse(&windows[i], own, spec->source_size);
        if (windows[i].count > taps)
            taps = windows[i].count;
    }
    free(real);
    return taps;
}

static void fill(struct filter *filter, size_t room, const struct window *windows,
                 const int16_t *weights) {
    const struct filter_spec *spec = &filter->spec;
    filter->copies = spec->source_size == spec->target_size;
    filter->begin = spec->source_size;
    for (unsigned i = 0; i < spec->target_size; i++) {
        const struct window *window = &windows[i];
        /* All taps are read, also where an edge leaves fewer weights: the window is moved so that
         * they lie in the picture. */
        int64_t first = window->first;
        if (first + filter->taps > spec->source_size)
            first = clamp((int64_t)spec->source_size - filter->taps, 0, first);
        filter->first[i] = (uint32_t)first;
        for (unsigned k = 0; k < window->count; k++)
            filter->weights[weight_index(filter, i, (unsigned)(window->first - first) + k)] =
                weights[i * room + k];
        if (window->first < filter->begin)
            filter->begin = (uint32_t)window->first;
        if (window->first + window->count > filter->end)
            filter->end = (uint32_t)(window->first + window->count);
        filter->copies = filter->copies && window->count == 1 && window->first == i;
    }
}

static struct filter *filter_allocate(const struct filter_spec *spec, enum filter_axis axis,
                                      unsigned taps) {
    struct filter *filter = must_allocate(1, sizeof *filter);
    size_t padded = ((size_t)spec->target_size + 7) / 8 * 8;
    filter->spec = *spec;
    filter->axis = axis;
    filter->taps = taps;
    filter->first = must_allocate(padded, sizeof *filter->first);
    filter->weights = must_allocate(padded * taps, sizeof *filter->weights);
    return filter;
}

struct filter *filter_new_blank(unsigned source_size, unsigned target_size, unsigned taps,
                                enum filter_axis axis) {
    assert(source_size >= taps && target_size > 0);
    assert(axis == FILTER_VERTICAL ? taps % 2 == 0 : taps == HORIZONTAL_BLOCK);
    struct filter_spec spec = {.source_size = source_size, .target_size = target_size, .step = 1};
    return filter_allocate(&spec, axis, taps);
}

struct filter *filter_new(const struct filter_spec *spec, enum filter_axis axis) {
    assert(spec->source_size > 0 && spec->target_size > 0 && spec->step > 0);
    double scale = spec->step > 1 ? spec->step : 1;
    size_t room = (size_t)(2 * LANCZOS_LOBES * scale) + 2;
    if (room > spec->source_size)
        room = spec->source_size;
    struct window *windows = must_allocate(spec->target_size, sizeof *windows);
    int16_t *weights = must_allocate(spec->target_size * room, sizeof *weights);
    unsigned taps = compute_windows(spec, room, windows, weights);

    unsigned multiple = axis == FILTER_VERTICAL ? 2 : HORIZONTAL_BLOCK;
    struct filter *filter =
        filter_allocate(spec, axis, (taps + multiple - 1) / multiple * multiple);
    fill(filter, room, windows, weights);
    free(windows);
    free(weights);
    return filter;
}

void filter_free(struct filter *filter) {
    if (filter == NULL)
        return;
    free(filter->first);
    free(filter->weights);
    free(filter);
}

static unsigned round_up(unsigned value, unsigned multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

static void vertical_plain(const uint8_t *source, size_t stride, const int16_t *weights,
                           unsigned taps, unsigned begin, unsigned end, int16_t *ret) {
    enum { COLUMNS = RESAMPLE_PADDING };
    for (unsigned x = begin / COLUMNS * COLUMNS; x < end; x += COLUMNS) {
        int32_t sums[COLUMNS];
        for (unsigned i = 0; i < COLUMNS; i++)
            sums[i] = 1 << (VERTICAL_SHIFT - 1);
        for (unsigned k = 0; k < taps; k++) {
            const uint8_t *row = source + k * stride + x;
            int32_t weight = weights[k];
            if (weight == 0)
                continue;
            for (unsigned i = 0; i < COLUMNS; i++)
                sums[i] += row[i] * weight;
        }
        for (unsigned i = 0; i < COLUMNS; i++)
            ret[x + i] = (int16_t)(sums[i] >> VERTICAL_SHIFT);
    }
}

static void horizontal_plain(const int16_t *source, const struct filter *filter, int16_t *ret) {
    unsigned width = round_up(filter->spec.target_size, 8);
    for (unsigned x = 0; x < width; x++) {
        const int16_t *weights =
            filter->weights + (size_t)(x / 2) * 2 * filter->taps + x % 2 * HORIZONTAL_BLOCK;
        const int16_t *samples = source + filter->first[x];
        int32_t sum = 1 << (RESAMPLE_WEIGHT_BITS - 1);
        for (unsigned k = 0; k < filter->taps; k += HORIZONTAL_BLOCK) {
            for (unsigned i = 0; i < HORIZONTAL_BLOCK; i++)
                sum += samples[k + i] * weights[2 * k + i];
        }
        ret[x] = (int16_t)(sum >> RESAMPLE_WEIGHT_BITS);
    }
}

static const struct resample_kernels kernels_plain = {vertical_plain, horizontal_plain};

const struct resample_kernels *resample_kernels_plain(void) {
    return &kernels_plain;
}

#if defined(__x86_64__)

#define AVX2 __attribute__((target("avx2")))

/* Adds two rows of 32 columns, weighted, to the sums. The columns of a register are not in order;
 * vertical_avx2 puts them right at the end. */
AVX2 static inline void add_rows(__m256i sums[4], const uint8_t *upper, const uint8_t *lower,
                                 __m256i weights) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)upper);
    __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)lower);
    __m256i low = _mm256_unpacklo_epi8(a, b), high = _mm256_unpackhi_epi8(a, b);
    __m256i products[4] = {
        _mm256_madd_epi16(_mm256_unpacklo_epi8(low, zero), weights),
        _mm256_madd_epi16(_mm256_unpackhi_epi8(low, zero), weights),
        _mm256_madd_epi16(_mm256_unpacklo_epi8(high, zero), weights),
        _mm256_madd_epi16(_mm256_unpackhi_epi8(high, zero), weights),
    };
    for (int i = 0; i < 4; i++)
        sums[i] = _mm256_add_epi32(sums[i], products[i]);
}

AVX2 static void vertical_avx2(const uint8_t *source, size_t stride, const int16_t *weights,
                               unsigned taps, unsigned begin, unsigned end, int16_t *ret) {
    const __m256i half = _mm256_set1_epi32(1 << (VERTICAL_SHIFT - 1));
    for (unsigned x = begin / 32 * 32; x < end; x += 32) {
        __m256i sums[4] = {half, half, half, half};
        const uint8_t *row = source + x;
        for (unsigned k = 0; k < taps; k += 2) {
            int32_t pair;
            memcpy(&pair, weights + k, sizeof pair);
            /* Weight 0 at the end of a picture of one row only: the row below is not there. */
            const uint8_t *lower = weights[k + 1] == 0 ? row : row + stride;
            add_rows(sums, row, lower, _mm256_set1_epi32(pair));
            row += 2 * stride;
        }
        for (int i = 0; i < 4; i++)
            sums[i] = _mm256_srai_epi32(sums[i], VERTICAL_SHIFT);
        __m256i low = _mm256_packs_epi32(sums[0], sums[1]);
        __m256i high = _mm256_packs_epi32(sums[2], sums[3]);
        __m256i first = _mm256_permute2x128_si256(low, high, 0x20);
        __m256i second = _mm256_permute2x128_si256(low, high, 0x31);
        _mm256_storeu_si256((__m256i *)(void *)(ret + x), first);
        _mm256_storeu_si256((__m256i *)(void *)(ret + x + 16), second);
    }
}

/* Two target samples, one in each half: four partial sums each. */
AVX2 static inline __m256i sum_pair(const int16_t *source, const uint32_t *first,
                                    const int16_t *weights, unsigned taps) {
    __m256i sum = _mm256_setzero_si256();
    const int16_t *left = source + first[0], *right = source + first[1];
    for (unsigned k = 0; k < taps; k += HORIZONTAL_BLOCK) {
        __m128i low = _mm_loadu_si128((const __m128i *)(const void *)(left + k));
        __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(right + k));
        __m256i samples = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
        __m256i factors = _mm256_load_si256((const __m256i *)(const void *)(weights + 2 * k));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(samples, factors));
    }
    return sum;
}

AVX2 static inline void horizontal_taps(const int16_t *source, const struct filter *filter,
                                        int16_t *ret, unsigned taps) {
    const __m256i half = _mm256_set1_epi32(1 << (RESAMPLE_WEIGHT_BITS - 1));
    unsigned width = filter->spec.target_size;
    const int16_t *weights = filter->weights;
    for (unsigned x = 0; x < width; x += 8) {
        const uint32_t *first = filter->first + x;
        __m256i a = sum_pair(source, first, weights, taps);
        __m256i b = sum_pair(source, first + 2, weights + 2 * taps, taps);
        __m256i c = sum_pair(source, first + 4, weights + 4 * taps, taps);
        __m256i d = sum_pair(source, first + 6, weights + 6 * taps, taps);
        weights += 8 * taps;
        __m256i sums = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
        sums = _mm256_srai_epi32(_mm256_add_epi32(sums, half), RESAMPLE_WEIGHT_BITS);
        /* The lower half holds the samples 0, 2, 4, 6, the upper one 1, 3, 5, 7. */
        __m128i even = _mm256_castsi256_si128(sums);
        __m128i odd = _mm_slli_epi32(_mm256_extracti128_si256(sums, 1), 16);
        _mm_storeu_si128((__m128i *)(void *)(ret + x), _mm_blend_epi16(even, odd, 0xAA));
    }
}

AVX2 static void horizontal_avx2(const int16_t *source, const struct filter *filter, int16_t *ret) {
    /* The usual numbers of taps as constants, so that the compiler unrolls them. */
    if (filter->taps == 8)
        horizontal_taps(source, filter, ret, 8);
    else if (filter->taps == 16)
        horizontal_taps(source, filter, ret, 16);
    else
        horizontal_taps(source, filter, ret, filter->taps);
}

static const struct resample_kernels kernels_avx2 = {vertical_avx2, horizontal_avx2};

const struct resample_kernels *resample_kernels_best(void) {
    return __builtin_cpu_supports("avx2") ? &kernels_avx2 : &kernels_plain;
}

#else

const struct resample_kernels *resample_kernels_best(void) {
    return &kernels_plain;
}

#endif

/* Asks for the source rows that the next result row adds. The processor guesses them by itself only
 * when they come from top to bottom, not in mirrored pictures. */
static void prefetch_next(const struct resampler *resampler, unsigned y) {
    enum { CACHE_LINE = 64 };
    const struct filter *vertical = resampler->vertical, *horizontal = resampler->horizontal;
    if (y + 1 >= vertical->spec.target_size)
        return;
    uint32_t now = vertical->first[y], next = vertical->first[y + 1];
    uint32_t from = next > now ? now + vertical->taps : next;
    uint32_t to = next > now ? next + vertical->taps : now;
    if (to > vertical->spec.source_size)
        to = vertical->spec.source_size;
    for (uint32_t row = from; row < to; row++) {
        const uint8_t *samples = resampler->source + row * resampler->stride;
        for (uint32_t x = horizontal->begin; x < horizontal->end; x += CACHE_LINE)
            __builtin_prefetch(samples + x);
    }
}

/* Pictures of 16 bits are rare: as the compiler makes it. */
static void vertical_deep(const struct resampler *resampler, unsigned y, int16_t *ret) {
    enum { COLUMNS = 64 };
    const struct filter *vertical = resampler->vertical;
    const int16_t *weights = vertical->weights + (size_t)y * vertical->taps;
    /* Full scale becomes 255 with its fraction. */
    const int32_t divisor = (65535 / 255) << VERTICAL_SHIFT;
    for (unsigned x = resampler->horizontal->begin; x < resampler->horizontal->end; x += COLUMNS) {
        unsigned count = resampler->horizontal->end - x;
        int32_t sums[COLUMNS] = {0};
        count = count < COLUMNS ? count : COLUMNS;
        for (unsigned k = 0; k < vertical->taps; k++) {
            int32_t weight = weights[k];
            if (weight == 0)
                continue;
            const uint8_t *row =
                resampler->source + (size_t)(vertical->first[y] + k) * resampler->stride;
            const uint16_t *samples = (const uint16_t *)(const void *)row + x;
            for (unsigned i = 0; i < count; i++)
                sums[i] += samples[i] * weight;
        }
        for (unsigned i = 0; i < count; i++)
            ret[x + i] = (int16_t)((sums[i] + (sums[i] < 0 ? -divisor : divisor) / 2) / divisor);
    }
}

void resampler_row(const struct resampler *resampler, unsigned y, int16_t *ret) {
    const struct filter *vertical = resampler->vertical, *horizontal = resampler->horizontal;
    int16_t *row = horizontal->copies ? ret : resampler->middle;
    if (resampler->depth == 16) {
        vertical_deep(resampler, y, row);
        if (!horizontal->copies)
            resampler->kernels->horizontal(row, horizontal, ret);
        return;
    }
    prefetch_next(resampler, y);
    const uint8_t *rows = resampler->source + vertical->first[y] * resampler->stride;
    const int16_t *weights = vertical->weights + (size_t)y * vertical->taps;
    resampler->kernels->vertical(rows, resampler->stride, weights, vertical->taps,
                                 horizontal->begin, horizontal->end, row);
    if (!horizontal->copies)
        resampler->kernels->horizontal(row, horizontal, ret);
}

void resample_round_row(const int16_t *restrict row, unsigned count, uint8_t low, uint8_t high,
                        uint8_t *restrict ret) {
    const int16_t from = low, to = high;
    for (unsigned i = 0; i < count; i++) {
        int16_t value = (int16_t)((row[i] + RESAMPLE_ONE / 2) >> RESAMPLE_FRACTION);
        value = value < from ? from : value;
        ret[i] = (uint8_t)(value > to ? to : value);
    }
}

#if defined(__SSE2__)

/* Eight rows of eight samples, by interleaving rows four apart three times over. */
static void transpose_block(const int16_t *source, size_t source_stride, int16_t *target,
                            size_t target_stride) {
    __m128i rows[8], mixed[8];
    for (size_t i = 0; i < 8; i++)
        rows[i] = _mm_loadu_si128((const __m128i *)(const void *)(source + i * source_stride));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++) {
            mixed[2 * i] = _mm_unpacklo_epi16(rows[i], rows[i + 4]);
            mixed[2 * i + 1] = _mm_unpackhi_epi16(rows[i], rows[i + 4]);
        }
        memcpy(rows, mixed, sizeof rows);
    }
    for (size_t i = 0; i < 8; i++)
        _mm_storeu_si128((__m128i *)(void *)(target + i * target_stride), rows[i]);
}

#else

static void transpose_block(const int16_t *source, size_t source_stride, int16_t *target,
                            size_t target_stride) {
    for (size_t x = 0; x < 8; x++) {
        for (size_t y = 0; y < 8; y++)
            target[x * target_stride + y] = source[y * source_stride + x];
    }
}

#endif

void resample_transpose(const int16_t *source, size_t source_stride, unsigned width, unsigned rows,
                        int16_t *target, size_t target_stride) {
    unsigned whole_width = width / 8 * 8, whole_rows = rows / 8 * 8;
    for (unsigned x = 0; x < whole_width; x += 8) {
        for (unsigned y = 0; y < whole_rows; y += 8)
            transpose_block(source + y * source_stride + x, source_stride,
                            target + x * target_stride + y, target_stride);
    }
    for (unsigned x = 0; x < width; x++) {
        for (unsigned y = x < whole_width ? whole_rows : 0; y < rows; y++)
            target[x * target_stride + y] = source[y * source_stride + x];
    }
}
