/*
 * Each frame wants a gain, 1 or what brings its true peak to full scale. The least gain that is
 * wanted within the next 5 ms, released slowly, and averaged over 5 ms, is low enough when the peak
 * comes: every value in the average has already seen it. The average is a sum of integers, which
 * does not drift.
 */
#include "media/audio_limit.h"

#include <math.h>
#include <string.h>

enum {
    ONE = 1 << 30,
    HALF_TAPS = AUDIO_LIMIT_TAPS / 2,
    RELEASE = 4800, /* frames: 0.1 s */
};

/* Sinc under a Hann window, for the places at 1/4, 2/4 and 3/4 between the middle taps. */
void audio_limiter_init(struct audio_limiter *limiter, unsigned channels) {
    const double pi = 3.14159265358979323846;
    double worst = 0;
    memset(limiter, 0, sizeof *limiter);
    limiter->channels = channels;
    for (int phase = 0; phase < AUDIO_LIMIT_PHASES; phase++) {
        double sum = 0, absolute = 0, *taps = limiter->taps[phase];
        for (int i = 0; i < AUDIO_LIMIT_TAPS; i++) {
            double x = i - (HALF_TAPS - 1) - (phase + 1) / (AUDIO_LIMIT_PHASES + 1.0);
            taps[i] = sin(pi * x) / (pi * x) * (0.5 + 0.5 * cos(pi * x / HALF_TAPS));
            sum += taps[i];
        }
        for (int i = 0; i < AUDIO_LIMIT_TAPS; i++) {
            taps[i] /= sum;
            absolute += fabs(taps[i]);
        }
        worst = absolute > worst ? absolute : worst;
    }
    limiter->quiet = (float)(0.999 / worst);
    for (size_t i = 0; i < AUDIO_LIMIT_RING; i++)
        limiter->wanted[i] = limiter->released[i] = ONE;
    limiter->released_sum = (int64_t)ONE * (AUDIO_LIMIT_HOLD + 1);
}

static size_t slot(uint64_t time) {
    return time % AUDIO_LIMIT_RING;
}

/* The highest place between the frames `time` and `time` + 1. */
static double peak_between(const struct audio_limiter *limiter, uint64_t time) {
    double peak = 0;
    for (unsigned c = 0; c < limiter->channels; c++) {
        double window[AUDIO_LIMIT_TAPS];
        for (int i = 0; i < AUDIO_LIMIT_TAPS; i++)
            window[i] = limiter->ring[2 * slot(time + (uint64_t)i - (HALF_TAPS - 1)) + c];
        for (int phase = 0; phase < AUDIO_LIMIT_PHASES; phase++) {
            double value = 0;
            for (int i = 0; i < AUDIO_LIMIT_TAPS; i++)
                value += limiter->taps[phase][i] * window[i];
            peak = fabs(value) > peak ? fabs(value) : peak;
        }
    }
    return peak;
}

/* The gain that the frame `time` wants. */
static int32_t want(struct audio_limiter *limiter, uint64_t time) {
    if (limiter->time > limiter->loud_until) {
        limiter->between = 0;
        return ONE;
    }
    double before = limiter->between, after = peak_between(limiter, time);
    double peak = before > after ? before : after;
    limiter->between = after;
    for (unsigned c = 0; c < limiter->channels; c++) {
        double value = fabs((double)limiter->ring[2 * slot(time) + c]);
        peak = value > peak ? value : peak;
    }
    return peak > 1 ? (int32_t)(ONE / peak) : ONE;
}

/* The least gain of [time - AUDIO_LIMIT_HOLD, time]: a queue of those that may still become it. */
static int32_t least_wanted(struct audio_limiter *limiter, uint64_t time) {
    int32_t now = limiter->wanted[slot(time)];
    while (limiter->lowest_count > 0) {
        size_t last = slot(limiter->lowest_first + limiter->lowest_count - 1);
        if (limiter->wanted[slot(limiter->lowest[last])] < now)
            break;
        limiter->lowest_count--;
    }
    limiter->lowest[slot(limiter->lowest_first + limiter->lowest_count++)] = time;
    if (limiter->lowest[slot(limiter->lowest_first)] + AUDIO_LIMIT_HOLD < time) {
        limiter->lowest_first++;
        limiter->lowest_count--;
    }
    return limiter->wanted[slot(limiter->lowest[slot(limiter->lowest_first)])];
}

static double next_gain(struct audio_limiter *limiter, uint64_t time) {
    limiter->wanted[slot(time)] = want(limiter, time);
    int32_t least = least_wanted(limiter, time);
    int32_t before = limiter->released[slot(time - 1)];
    int32_t risen = before + (ONE - before) / RELEASE + 1;
    int32_t now = least < risen ? least : risen;
    limiter->released_sum -= limiter->released[slot(time - (AUDIO_LIMIT_HOLD + 1))];
    limiter->released[slot(time)] = now;
    limiter->released_sum += now;
    return (double)limiter->released_sum / ((double)ONE * (AUDIO_LIMIT_HOLD + 1));
}

void audio_limiter_run(struct audio_limiter *limiter, float *frames, size_t count) {
    for (size_t i = 0; i < count; i++, frames += limiter->channels) {
        /* Times begin at a multiple of the ring so that nothing is before 0. */
        uint64_t time = AUDIO_LIMIT_RING + limiter->time;
        float *newest = &limiter->ring[2 * slot(time)];
        const float *oldest = &limiter->ring[2 * slot(time - AUDIO_LIMIT_DELAY)];
        float out[2] = {oldest[0], oldest[1]};
        for (unsigned c = 0; c < limiter->channels; c++) {
            newest[c] = frames[c];
            if (fabsf(frames[c]) > limiter->quiet)
                limiter->loud_until = limiter->time + AUDIO_LIMIT_TAPS + 1;
        }
        double gain = next_gain(limiter, time - HALF_TAPS);
        for (unsigned c = 0; c < limiter->channels; c++)
            frames[c] = (float)(out[c] * gain);
        limiter->time++;
    }
}
