/*
 * Light is measured and changed in linear terms, by tables over limited-range luma; the curve is
 * sRGB's, which photos have. Means are taken over logarithms, so that one bright image in the
 * window counts for no more than one dark one.
 *
 * The gain is exact up to half of all light. Above, it fades out towards white, which stays white:
 * a sky that is blown out in all images would begin to flicker with the gains. Chroma changes by
 * the factor of the luma at its place, so hues stay, and highlights do not take on colour.
 *
 * The logarithm and its inverse are our own: the C library's may differ in the last bit from
 * machine to machine, and the film's bytes must not.
 */
#include "media/deflicker.h"

#include <assert.h>

enum {
    ONE = 1 << 16,
    STEPS = FRAME_WHITE - FRAME_BLACK,
    /* Further apart than this, two images are meant to differ. */
    MAX_GAIN = 2 * ONE,
    MIN_GAIN = ONE / 2,
    LIGHT_BITS = 24, /* of a single sample */
    FACTOR_BITS = 14,
    HISTOGRAMS = 4,
};

static const double ln_2 = 0.69314718055994530942;

/* Of a positive number. */
static double logarithm(double value) {
    int halvings = 0;
    for (; value > 1.5; value /= 2)
        halvings++;
    for (; value < 0.75; value *= 2)
        halvings--;
    /* 2 artanh(t), |t| <= 0.2. */
    double t = (value - 1) / (value + 1), power = t, sum = 0;
    for (int n = 1; n <= 25; n += 2) {
        sum += power / n;
        power *= t * t;
    }
    return halvings * ln_2 + 2 * sum;
}

/* e to `value`, |value| < 40. */
static double exponential(double value) {
    int doublings = (int)(value / ln_2);
    double rest = value - doublings * ln_2, term = 1, sum = 1;
    for (int n = 1; n <= 22; n++) {
        term *= rest / n;
        sum += term;
    }
    for (; doublings > 0; doublings--)
        sum *= 2;
    for (; doublings < 0; doublings++)
        sum /= 2;
    return sum;
}

static double power(double base, double exponent) {
    return exponential(exponent * logarithm(base));
}

static double linear_of(double value) {
    return value <= 0.04045 ? value / 12.92 : power((value + 0.055) / 1.055, 2.4);
}

static double curve_of(double light) {
    return light <= 0.0031308 ? light * 12.92 : 1.055 * power(light, 1 / 2.4) - 0.055;
}

/* Luma from 0 to 1; what lies outside of the range counts as its end. */
static double value_of(int code) {
    int step = code - FRAME_BLACK;
    return (double)(step < 0 ? 0 : step > STEPS ? STEPS : step) / STEPS;
}

/* Four counts for each code: runs of one code need not wait for the count before. */
static void count_codes(const struct frame *frame, uint64_t ret[256]) {
    uint32_t counts[HISTOGRAMS][256] = {0};
    for (unsigned y = 0; y < frame->height; y++) {
        const uint8_t *row = frame->planes[0] + y * frame->strides[0];
        for (unsigned x = 0; x < frame->width; x++)
            counts[x % HISTOGRAMS][row[x]]++;
    }
    for (unsigned code = 0; code < 256; code++) {
        ret[code] = 0;
        for (unsigned i = 0; i < HISTOGRAMS; i++)
            ret[code] += counts[i][code];
    }
}

uint32_t deflicker_light(const struct frame *frame) {
    uint64_t counts[256], sum = 0, samples = (uint64_t)frame->width * frame->height;
    count_codes(frame, counts);
    for (int code = 0; code < 256; code++)
        sum += counts[code] * (uint64_t)(linear_of(value_of(code)) * (1 << LIGHT_BITS) + 0.5);
    uint64_t unit = samples << (LIGHT_BITS - 16);
    uint64_t light = (sum + unit / 2) / unit;
    return light > 0 ? (uint32_t)light : 1;
}

uint32_t deflicker_gain(const uint32_t *lights, size_t count, size_t place) {
    assert(place < count);
    if (lights[place] == 0)
        return ONE;
    double sum = 0, own = logarithm(lights[place]);
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        if (lights[i] == 0)
            continue;
        sum += logarithm(lights[i]) - own;
        known++;
    }
    double gain = exponential(sum / (double)known) * ONE + 0.5;
    return gain > MAX_GAIN ? MAX_GAIN : gain < MIN_GAIN ? MIN_GAIN : (uint32_t)gain;
}

/* The gain below the knee; from there on a hyperbola that goes on with the same slope and ends at
 * white. */
static double with_gain(double light, double gain) {
    double knee = gain > 1 ? 0.5 / gain : 0.5;
    if (light <= knee)
        return light * gain;
    double start = knee * gain;
    double slope = gain * (1 - knee) / (1 - start);
    double t = (light - knee) / (1 - knee);
    return start + (1 - start) * slope * t / (1 + (slope - 1) * t);
}

struct tables {
    uint8_t luma[256];
    int32_t chroma[256]; /* factor, by luma */
};

static void fill_tables(uint32_t gain, struct tables *tables) {
    for (int code = 0; code < 256; code++) {
        /* Black has the factor of the darkest grey: the curve begins with a straight line. */
        double value = value_of(code <= FRAME_BLACK ? FRAME_BLACK + 1 : code);
        double changed = curve_of(with_gain(linear_of(value), (double)gain / ONE));
        tables->luma[code] =
            (uint8_t)(code <= FRAME_BLACK ? FRAME_BLACK : FRAME_BLACK + changed * STEPS + 0.5);
        tables->chroma[code] = (int32_t)(changed / value * (1 << FACTOR_BITS) + 0.5);
    }
}

static uint8_t scale_chroma(uint8_t sample, int32_t factor) {
    int32_t value = (sample - FRAME_GREY) * factor + (1 << (FACTOR_BITS - 1));
    value = (value >> FACTOR_BITS) + FRAME_GREY;
    return (uint8_t)(value < FRAME_BLACK        ? FRAME_BLACK
                     : value > FRAME_MAX_CHROMA ? FRAME_MAX_CHROMA
                                                : value);
}

/* Two rows of luma and the one of chroma between them, which sits on the left columns. */
static void change_rows(const struct tables *tables, struct frame *frame, unsigned y) {
    uint8_t *upper = frame->planes[0] + 2 * y * frame->strides[0];
    uint8_t *lower = upper + frame->strides[0];
    uint8_t *cb = frame->planes[1] + y * frame->strides[1];
    uint8_t *cr = frame->planes[2] + y * frame->strides[2];
    for (unsigned x = 0; x < frame->width / 2; x++) {
        int32_t factor = tables->chroma[(upper[2 * x] + lower[2 * x] + 1) / 2];
        cb[x] = scale_chroma(cb[x], factor);
        cr[x] = scale_chroma(cr[x], factor);
    }
    for (unsigned x = 0; x < frame->width; x++) {
        upper[x] = tables->luma[upper[x]];
        lower[x] = tables->luma[lower[x]];
    }
}

void deflicker_apply(uint32_t gain, struct frame *frame) {
    struct tables tables;
    if (gain == ONE)
        return;
    fill_tables(gain, &tables);
    for (unsigned y = 0; y < frame->height / 2; y++)
        change_rows(&tables, frame, y);
}
