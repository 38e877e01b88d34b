/*
 * Light is measured and changed in linear terms, by tables over the 220 steps of limited-range
 * luma: the curve is sRGB's, which photos have. Means are taken over logarithms, so that one bright
 * image in the window counts for no more than one dark one.
 */
#include "media/deflicker.h"

#include <math.h>

enum {
    ONE = 1 << 16,
    BLACK = 16,
    STEPS = 219,
    GREY = 128,
    /* Further apart than this, two images are meant to differ. */
    MAX_GAIN = 2 * ONE,
    MIN_GAIN = ONE / 2,
};

static double linear_of(double value) {
    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

static double curve_of(double light) {
    return light <= 0.0031308 ? light * 12.92 : 1.055 * pow(light, 1 / 2.4) - 0.055;
}

/* By luma code; what lies outside of the range counts as its end. */
static void fill_light(uint32_t ret[256]) {
    for (int i = 0; i < 256; i++) {
        int step = i < BLACK ? 0 : i > BLACK + STEPS ? STEPS : i - BLACK;
        ret[i] = (uint32_t)lround(linear_of((double)step / STEPS) * ONE);
    }
}

uint32_t deflicker_light(const struct frame *frame) {
    uint32_t light[256];
    uint64_t counts[256] = {0}, sum = 0;
    fill_light(light);
    for (unsigned y = 0; y < frame->height; y++) {
        const uint8_t *row = frame->planes[0] + y * frame->strides[0];
        for (unsigned x = 0; x < frame->width; x++)
            counts[row[x]]++;
    }
    for (int i = 0; i < 256; i++)
        sum += counts[i] * light[i];
    uint64_t mean = sum / ((uint64_t)frame->width * frame->height);
    return mean > 0 ? (uint32_t)mean : 1;
}

uint32_t deflicker_gain(const uint32_t *lights, size_t count, size_t place) {
    double sum = 0;
    size_t known = 0;
    if (lights[place] == 0)
        return ONE;
    for (size_t i = 0; i < count; i++)
        if (lights[i] > 0) {
            sum += log((double)lights[i]);
            known++;
        }
    double gain = exp(sum / (double)known) / lights[place] * ONE;
    if (gain > MAX_GAIN)
        return MAX_GAIN;
    return gain < MIN_GAIN ? MIN_GAIN : (uint32_t)lround(gain);
}

/* Luma by the curve; chroma grows as luma does where pictures mostly are, in the middle of it. */
static int32_t fill_luma(uint32_t gain, uint8_t ret[256]) {
    double factor = (double)gain / ONE;
    for (int i = 0; i < 256; i++) {
        int step = i < BLACK ? 0 : i > BLACK + STEPS ? STEPS : i - BLACK;
        double light = linear_of((double)step / STEPS) * factor;
        ret[i] = (uint8_t)(BLACK + lround(STEPS * curve_of(light < 1 ? light : 1)));
    }
    double middle = linear_of(0.5) * factor;
    return (int32_t)lround(curve_of(middle < 1 ? middle : 1) / 0.5 * ONE);
}

void deflicker_apply(uint32_t gain, struct frame *frame) {
    uint8_t luma[256], chroma[256];
    if (gain == ONE)
        return;
    int32_t factor = fill_luma(gain, luma);
    for (int i = 0; i < 256; i++) {
        int64_t value =
            GREY + ((int64_t)(i - GREY) * factor + (i < GREY ? -ONE / 2 : ONE / 2)) / ONE;
        chroma[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
    for (int plane = 0; plane < 3; plane++) {
        const uint8_t *table = plane == 0 ? luma : chroma;
        unsigned width = plane == 0 ? frame->width : frame->width / 2;
        unsigned height = plane == 0 ? frame->height : frame->height / 2;
        for (unsigned y = 0; y < height; y++) {
            uint8_t *row = frame->planes[plane] + y * frame->strides[plane];
            for (unsigned x = 0; x < width; x++)
                row[x] = table[row[x]];
        }
    }
}
