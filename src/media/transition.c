/*
 * Shares are 15-bit numbers, and the one of `from` is what that of `to` leaves: so the mixture of
 * two pictures is the same in both directions of time. Edges and slides are at step / steps of a
 * side, an exact fraction of a sample in each plane. Chroma needs no siting of its own in slides,
 * where all planes move by the same way; the edge of a wipe falls on each of its samples as that
 * one is sited.
 *
 * A slide shows a stretch of the strip that the two pictures make side by side. All its samples lie
 * at the same phase, so one set of weights serves the plane, and rows are filtered horizontally by
 * the kernel for columns: the "next row" is the next sample.
 */
#include "media/transition.h"

#include "media/resample.h"

#include <assert.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { SHARE_BITS = 15, SHARE_ONE = 1 << SHARE_BITS };

/* round(part / whole * SHARE_ONE), such that share(a) + share(whole - a) is SHARE_ONE. */
static uint32_t share_of(uint64_t part, uint64_t whole) {
    bool is_over = 2 * part > whole;
    uint64_t less = is_over ? whole - part : part;
    uint32_t share = (uint32_t)((2 * less * SHARE_ONE + whole) / (2 * whole));
    return is_over ? SHARE_ONE - share : share;
}

static void blend_plain(const uint8_t *from, const uint8_t *to, unsigned count, uint32_t share,
                        uint8_t *ret) {
    for (unsigned i = 0; i < count; i++) {
        int32_t way = (to[i] - from[i]) * (int32_t)share;
        ret[i] = (uint8_t)(from[i] + ((way + SHARE_ONE / 2) >> SHARE_BITS));
    }
}

#if defined(__x86_64__)

#define AVX2 __attribute__((target("avx2")))

AVX2 static __m256i blend_16(__m256i from, __m256i to, __m256i share) {
    return _mm256_add_epi16(from, _mm256_mulhrs_epi16(_mm256_sub_epi16(to, from), share));
}

/* Shares below SHARE_ONE. */
AVX2 static void blend_avx2(const uint8_t *from, const uint8_t *to, unsigned count, uint32_t share,
                            uint8_t *ret) {
    const __m256i zero = _mm256_setzero_si256(), shares = _mm256_set1_epi16((int16_t)share);
    unsigned i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(from + i));
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(to + i));
        __m256i low =
            blend_16(_mm256_unpacklo_epi8(a, zero), _mm256_unpacklo_epi8(b, zero), shares);
        __m256i high =
            blend_16(_mm256_unpackhi_epi8(a, zero), _mm256_unpackhi_epi8(b, zero), shares);
        _mm256_storeu_si256((__m256i *)(void *)(ret + i), _mm256_packus_epi16(low, high));
    }
    blend_plain(from + i, to + i, count - i, share, ret + i);
}

static void blend_some(const uint8_t *from, const uint8_t *to, unsigned count, uint32_t share,
                       uint8_t *ret) {
    if (__builtin_cpu_supports("avx2"))
        blend_avx2(from, to, count, share, ret);
    else
        blend_plain(from, to, count, share, ret);
}

#else

static void blend_some(const uint8_t *from, const uint8_t *to, unsigned count, uint32_t share,
                       uint8_t *ret) {
    blend_plain(from, to, count, share, ret);
}

#endif

static void blend(const uint8_t *from, const uint8_t *to, unsigned count, uint32_t share,
                  uint8_t *ret) {
    if (share == 0 || share == SHARE_ONE)
        memcpy(ret, share == 0 ? from : to, count);
    else
        blend_some(from, to, count, share, ret);
}

/* One plane of a mixture. */
struct mixture {
    unsigned plane, width, height;
    const uint8_t *from, *to;
    size_t from_stride, to_stride;
    uint8_t *ret;
    size_t ret_stride;
    uint64_t step, steps;
};

static const uint8_t *from_row(const struct mixture *m, unsigned y) {
    return m->from + y * m->from_stride;
}

static const uint8_t *to_row(const struct mixture *m, unsigned y) {
    return m->to + y * m->to_stride;
}

static void crossfade(const struct mixture *m) {
    uint32_t share = share_of(m->step, m->steps);
    for (unsigned y = 0; y < m->height; y++)
        blend(from_row(m, y), to_row(m, y), m->width, share, m->ret + y * m->ret_stride);
}

/* By way of a colour: there at half time. */
static void fade_through(const struct mixture *m, uint8_t luma) {
    uint8_t colour[SETTINGS_MAX_SIDE];
    memset(colour, m->plane == 0 ? luma : FRAME_GREY, m->width);
    bool is_first_half = 2 * m->step < m->steps;
    uint64_t left = is_first_half ? 2 * m->step : 2 * (m->steps - m->step);
    uint32_t share = share_of(left, m->steps);
    for (unsigned y = 0; y < m->height; y++)
        blend(is_first_half ? from_row(m, y) : to_row(m, y), colour, m->width, share,
              m->ret + y * m->ret_stride);
}

/* How much of sample `at` of a side lies before the edge at part / steps of that side. In half luma
 * samples; chroma sits on the left one of two luma samples, and between the upper and the lower
 * one. The first and the last sample reach to the picture's border. */
static uint32_t covered(const struct mixture *m, unsigned at, bool is_across, uint64_t part) {
    unsigned length = is_across ? m->width : m->height;
    int64_t size = m->plane > 0 ? 4 : 2, shift = m->plane > 0 && is_across ? 1 : 0;
    int64_t start = at == 0 ? 0 : at * size - shift;
    int64_t end = at + 1 == length ? length * size : (at + 1) * size - shift;
    int64_t steps = (int64_t)m->steps;
    int64_t before = length * size * (int64_t)part - start * steps;
    if (before <= 0)
        return 0;
    if (before >= (end - start) * steps)
        return SHARE_ONE;
    return share_of((uint64_t)before, (uint64_t)((end - start) * steps));
}

/* The samples before and after the one or two that the edge crosses. */
struct edge {
    unsigned before, after;
};

static struct edge find_edge(const struct mixture *m, bool is_across, uint64_t part) {
    unsigned length = is_across ? m->width : m->height;
    unsigned guess = (unsigned)(length * part / m->steps);
    struct edge edge = {guess > 0 ? guess - 1 : 0, guess + 2 < length ? guess + 2 : length};
    return edge;
}

/* `first` before the edge, `second` behind it. */
static void wipe_row(const struct mixture *m, const uint8_t *first, const uint8_t *second,
                     uint64_t part, uint8_t *ret) {
    struct edge edge = find_edge(m, true, part);
    memcpy(ret, first, edge.before);
    for (unsigned x = edge.before; x < edge.after; x++)
        blend(second + x, first + x, 1, covered(m, x, true, part), ret + x);
    memcpy(ret + edge.after, second + edge.after, m->width - edge.after);
}

/* The edge goes from one end to the other; `is_forward`: to the right or down. */
static void wipe(const struct mixture *m, bool is_across, bool is_forward) {
    uint64_t part = is_forward ? m->step : m->steps - m->step;
    for (unsigned y = 0; y < m->height; y++) {
        const uint8_t *first = is_forward ? to_row(m, y) : from_row(m, y);
        const uint8_t *second = is_forward ? from_row(m, y) : to_row(m, y);
        uint8_t *ret = m->ret + y * m->ret_stride;
        if (is_across)
            wipe_row(m, first, second, part, ret);
        else
            blend(second, first, m->width, covered(m, y, false, part), ret);
    }
}

enum {
    SLIDE_TAPS = 6,
    SLIDE_BEFORE = 2, /* taps before the sample itself */
    STRIP_PADDING = 8,
};

/* A place on a strip: of the sample that stands there, and how far behind it. */
struct offset {
    unsigned whole;
    bool is_between;
    int16_t weights[SLIDE_TAPS];
};

/* part / whole of a length. */
static struct offset find_offset(unsigned length, uint64_t part, uint64_t whole) {
    uint64_t scaled = length * part;
    struct offset offset = {.whole = (unsigned)(scaled / whole), .is_between = scaled % whole != 0};
    resample_phase((double)(scaled % whole) / (double)whole, offset.weights);
    return offset;
}

static void round_row(const struct mixture *m, const int16_t *row, uint8_t *ret) {
    resample_round_row(row, m->width, FRAME_BLACK, m->plane == 0 ? FRAME_WHITE : FRAME_MAX_CHROMA,
                       ret);
}

/* `first` and `second` side by side; the picture shows the strip from `offset` on. */
static void slide_row(const struct mixture *m, const uint8_t *first, const uint8_t *second,
                      const struct offset *offset, uint8_t *ret) {
    uint8_t strip[2 * SETTINGS_MAX_SIDE + 2 * STRIP_PADDING + 2 * RESAMPLE_PADDING];
    int16_t row[SETTINGS_MAX_SIDE + RESAMPLE_PADDING];
    unsigned width = m->width;
    memset(strip, first[0], STRIP_PADDING);
    memcpy(strip + STRIP_PADDING, first, width);
    memcpy(strip + STRIP_PADDING + width, second, width);
    memset(strip + STRIP_PADDING + 2 * (size_t)width, second[width - 1],
           STRIP_PADDING + RESAMPLE_PADDING);
    resample_kernels_best()->vertical(strip + STRIP_PADDING + offset->whole - SLIDE_BEFORE, 1,
                                      offset->weights, SLIDE_TAPS, 0, width, row);
    round_row(m, row, ret);
}

static void slide_across(const struct mixture *m, bool is_forward) {
    uint64_t part = is_forward ? m->steps - m->step : m->step;
    struct offset offset = find_offset(m->width, part, m->steps);
    for (unsigned y = 0; y < m->height; y++) {
        const uint8_t *first = is_forward ? to_row(m, y) : from_row(m, y);
        const uint8_t *second = is_forward ? from_row(m, y) : to_row(m, y);
        uint8_t *ret = m->ret + y * m->ret_stride;
        if (offset.is_between) {
            slide_row(m, first, second, &offset, ret);
            continue;
        }
        memcpy(ret, first + offset.whole, m->width - offset.whole);
        memcpy(ret + m->width - offset.whole, second, offset.whole);
    }
}

/* Row `y` of the strip that has `first` above `second`; its ends go on for ever. */
static const uint8_t *strip_row(const struct mixture *m, bool is_forward, int64_t y) {
    int64_t last = 2 * (int64_t)m->height - 1;
    unsigned row = (unsigned)(y < 0 ? 0 : y > last ? last : y);
    bool is_first = row < m->height;
    row -= is_first ? 0 : m->height;
    return is_first == is_forward ? to_row(m, row) : from_row(m, row);
}

static void slide_along(const struct mixture *m, bool is_forward) {
    enum { ROW_SIZE = SETTINGS_MAX_SIDE + RESAMPLE_PADDING };
    uint8_t rows[SLIDE_TAPS * ROW_SIZE];
    int16_t sums[SETTINGS_MAX_SIDE + RESAMPLE_PADDING];
    uint64_t part = is_forward ? m->steps - m->step : m->step;
    struct offset offset = find_offset(m->height, part, m->steps);
    for (unsigned y = 0; y < m->height; y++) {
        int64_t at = (int64_t)y + offset.whole;
        uint8_t *ret = m->ret + y * m->ret_stride;
        if (!offset.is_between) {
            memcpy(ret, strip_row(m, is_forward, at), m->width);
            continue;
        }
        for (unsigned i = 0; i < SLIDE_TAPS; i++)
            memcpy(rows + i * ROW_SIZE, strip_row(m, is_forward, at + i - SLIDE_BEFORE), m->width);
        resample_kernels_best()->vertical(rows, ROW_SIZE, offset.weights, SLIDE_TAPS, 0, m->width,
                                          sums);
        round_row(m, sums, ret);
    }
}

static void mix_plane(enum transition transition, const struct mixture *m) {
    switch (transition) {
    case TRANSITION_NONE:
        break;
    case TRANSITION_CROSSFADE:
        crossfade(m);
        break;
    case TRANSITION_FADEBLACK:
        fade_through(m, FRAME_BLACK);
        break;
    case TRANSITION_FADEWHITE:
        fade_through(m, FRAME_WHITE);
        break;
    case TRANSITION_WIPE_LEFT:
    case TRANSITION_WIPE_RIGHT:
        wipe(m, true, transition == TRANSITION_WIPE_RIGHT);
        break;
    case TRANSITION_WIPE_UP:
    case TRANSITION_WIPE_DOWN:
        wipe(m, false, transition == TRANSITION_WIPE_DOWN);
        break;
    case TRANSITION_SLIDE_LEFT:
    case TRANSITION_SLIDE_RIGHT:
        slide_across(m, transition == TRANSITION_SLIDE_RIGHT);
        break;
    case TRANSITION_SLIDE_UP:
    case TRANSITION_SLIDE_DOWN:
        slide_along(m, transition == TRANSITION_SLIDE_DOWN);
        break;
    }
}

void transition_mix(enum transition transition, const struct frame *from, const struct frame *to,
                    uint32_t step, uint32_t steps, struct frame *frame) {
    assert(transition != TRANSITION_NONE && step > 0 && step < steps);
    assert(from->width == to->width && from->height == to->height);
    assert(from->width == frame->width && from->height == frame->height);
    for (unsigned plane = 0; plane < 3; plane++) {
        unsigned shift = plane > 0 ? 1 : 0;
        const struct mixture mixture = {
            .plane = plane,
            .width = frame->width >> shift,
            .height = frame->height >> shift,
            .from = from->planes[plane],
            .to = to->planes[plane],
            .from_stride = from->strides[plane],
            .to_stride = to->strides[plane],
            .ret = frame->planes[plane],
            .ret_stride = frame->strides[plane],
            .step = step,
            .steps = steps,
        };
        mix_plane(transition, &mixture);
    }
}
