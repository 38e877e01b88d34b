#include "sound_files.h"

#include <math.h>
#include <string.h>

enum { HEADER_BYTES = 44 };

static const double TAU = 6.283185307179586;

double signal_at(unsigned channel, double t) {
    double chirp = sin(TAU * (300 + 90 * channel) * t * (1 + 0.31 * t / (1 + 0.05 * t)));
    return 0.3 * sin(TAU * (441.7 + 110.3 * channel) * t) * (0.8 + 0.2 * sin(TAU * 0.7 * t)) +
           0.2 * sin(TAU * (1297.3 - 33.1 * channel) * t + 0.4) + 0.15 * chirp;
}

static void put_le(uint8_t *target, uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++)
        target[i] = (uint8_t)(value >> 8 * i);
}

static uint8_t *start_wave(struct arena *arena, const struct wave *wave, struct str *ret) {
    unsigned frame = wave->channels * wave->bits / 8;
    size_t size = (size_t)wave->samples * frame;
    uint8_t *file = arena_alloc(arena, HEADER_BYTES + size + 1);
    memcpy(file, "RIFF", 4);
    put_le(file + 4, HEADER_BYTES - 8 + size, 4);
    memcpy(file + 8, "WAVEfmt ", 8);
    put_le(file + 16, 16, 4);
    put_le(file + 20, wave->is_float ? 3 : 1, 2);
    put_le(file + 22, wave->channels, 2);
    put_le(file + 24, wave->rate, 4);
    put_le(file + 28, (uint64_t)wave->rate * frame, 4);
    put_le(file + 32, frame, 2);
    put_le(file + 34, wave->bits, 2);
    memcpy(file + 36, "data", 4);
    put_le(file + 40, wave->data_said > 0 ? wave->data_said : size, 4);
    *ret = (struct str){(const char *)file, HEADER_BYTES + size};
    return file + HEADER_BYTES;
}

static void put_sample(uint8_t *target, const struct wave *wave, double value) {
    float single = (float)value;
    if (wave->is_float && wave->bits == 64)
        memcpy(target, &value, sizeof value);
    else if (wave->is_float)
        memcpy(target, &single, sizeof single);
    else if (wave->bits == 8)
        *target = (uint8_t)(128 + lround(value * 127));
    else
        put_le(target, (uint64_t)(int64_t)llround(value * (double)((1u << (wave->bits - 1)) - 1)),
               wave->bits / 8);
}

struct str wave_file(struct arena *arena, const struct wave *wave) {
    struct str file;
    uint8_t *at = start_wave(arena, wave, &file);
    for (uint64_t i = 0; i < wave->samples; i++)
        for (unsigned c = 0; c < wave->channels; c++, at += wave->bits / 8)
            put_sample(at, wave, signal_at(c, (double)i / wave->rate));
    return file;
}

struct str wave_of(struct arena *arena, const float *samples, size_t count, unsigned channels,
                   unsigned rate) {
    struct wave wave = {rate, channels, 32, true, count, 0};
    struct str file;
    uint8_t *at = start_wave(arena, &wave, &file);
    memcpy(at, samples, count * channels * sizeof *samples);
    return file;
}

double signal_to_noise(const float *samples, const float *reference, size_t count, size_t stride) {
    double signal = 0, noise = 0;
    for (size_t i = 0; i < count * stride; i += stride) {
        double difference = (double)samples[i] - (double)reference[i];
        signal += (double)reference[i] * (double)reference[i];
        noise += difference * difference;
    }
    return 10 * log10(signal / (noise + 1e-30));
}
