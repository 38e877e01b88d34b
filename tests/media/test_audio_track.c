/*
 * From an audio file to the film's sound: its length, its ends, loops, gain, and what is done about
 * too much of it.
 */
#include "media/audio_limit.h"
#include "media/audio_track.h"
#include "sound_files.h"

#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const double TAU = 6.283185307179586;

/* The whole film and a second behind it, in blocks of an odd size. */
static float *track_of(struct arena *arena, struct str file,
                       const struct audio_track_options *options) {
    struct audio_source *source CLEANUP(audio_source_cleanup) = NULL;
    struct audio_track *track CLEANUP(audio_track_cleanup) = NULL;
    struct error err;
    if (!audio_source_new(file, &source, &err))
        fail_msg("%s", err.text);
    track = audio_track_new(source, options);
    unsigned channels = audio_source_channels(source);
    size_t count = (size_t)options->frames + AUDIO_RATE;
    float *samples = arena_array(arena, count * channels, sizeof *samples);
    for (size_t at = 0, size = 1; at < count; at += size, size = size % 5003 + 997) {
        if (size > count - at)
            size = count - at;
        if (!audio_track_read(track, samples + at * channels, size, &err))
            fail_msg("%s", err.text);
    }
    for (size_t i = (size_t)options->frames * channels; i < count * channels; i++)
        assert_true(samples[i] == 0);
    return samples;
}

static double peak_of(const float *samples, size_t count) {
    double peak = 0;
    for (size_t i = 0; i < count; i++)
        peak = fmax(peak, fabs((double)samples[i]));
    return peak;
}

static double power_of(const float *samples, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)samples[i] * (double)samples[i];
    return sum / (double)count;
}

/* A click is a corner: the sharpest bend within [from, to). */
static double sharpest(const float *samples, size_t from, size_t to, unsigned channels) {
    double most = 0;
    for (size_t i = from; i + 2 < to; i++)
        most = fmax(most,
                    fabs((double)samples[i * channels] - 2 * (double)samples[(i + 1) * channels] +
                         (double)samples[(i + 2) * channels]));
    return most;
}

/* A tone of `count` samples at 48 kHz. */
static float *tone(struct arena *arena, size_t count, double hertz, double amplitude) {
    float *samples = arena_array(arena, count, sizeof *samples);
    for (size_t i = 0; i < count; i++)
        samples[i] = (float)(amplitude * cos(TAU * hertz * (double)i / AUDIO_RATE));
    return samples;
}

static void plays_a_long_file_until_the_end(void **state) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct wave wave = {AUDIO_RATE, 2, 32, true, 3 * AUDIO_RATE, 0};
    struct audio_track_options options = {.frames = 100123, .heard = 100123};
    struct str file = wave_file(arena, &wave);
    float *samples = track_of(arena, file, &options);
    const float *source = (const float *)(const void *)(file.ptr + 44);
    (void)state;
    size_t whole = (size_t)(options.frames - AUDIO_SEAM_FRAMES) * 2;
    assert_memory_equal(samples, source, whole * sizeof *samples);
    /* The end is no click. */
    double usual = sharpest(samples, 50000, 60000, 2);
    assert_true(sharpest(samples, 90000, 100123 + 1000, 2) < usual * 1.3);
    assert_true(fabs((double)samples[2 * 100122]) < 1e-4);
}

static void falls_silent_after_a_short_file(void **state) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct wave wave = {AUDIO_RATE, 1, 32, true, 30000, 0};
    struct audio_track_options options = {.frames = 100123, .heard = 100123};
    struct str file = wave_file(arena, &wave);
    float *samples = track_of(arena, file, &options);
    (void)state;
    assert_memory_equal(samples, file.ptr + 44, (30000 - AUDIO_SEAM_FRAMES) * sizeof *samples);
    assert_true(sharpest(samples, 29000, 31000, 1) < sharpest(samples, 1000, 29000, 1) * 1.3);
    assert_true(peak_of(samples + 30000, 70123) == 0);
}

static void fades_at_both_ends(void **state) {
    static const struct {
        uint64_t frames, heard, fade, fade_heard; /* expected length of the fades */
    } cases[] = {
        {100000, 100000, 24000, 24000},
        {100000, 60000, 24000, 24000},
        {20000, 20000, 48000, 10000},
        {1600, 1600, 0, 0},
    };
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t heard = (size_t)cases[i].heard, fade = (size_t)cases[i].fade_heard;
        struct audio_track_options options = {
            .frames = cases[i].frames, .heard = heard, .fade_frames = cases[i].fade};
        float *source = arena_array(arena, heard, sizeof *source);
        for (size_t k = 0; k < heard; k++)
            source[k] = 0.5f;
        struct str file = wave_of(arena, source, heard, 1, AUDIO_RATE);
        float *samples = track_of(arena, file, &options);
        for (size_t k = 1; k < fade; k++) {
            assert_true(samples[k] >= samples[k - 1]);
            assert_true(samples[heard - 1 - k] >= samples[heard - k]);
        }
        if (fade > 0) {
            assert_true(fabs((double)samples[fade / 2] - 0.25) < 0.001);
            assert_true(fabs((double)samples[heard - fade / 2] - 0.25) < 0.001);
        }
        assert_true(fabs((double)samples[heard / 2] - 0.5) < 1e-4);
        assert_true(fabs((double)samples[heard - 1]) < 0.001);
        assert_true(peak_of(samples + heard, (size_t)cases[i].frames - heard) == 0);
    }
}

/* A tone that ends where it begins goes on as if there were no seam. */
static void loops_without_a_seam_what_fits(void **state) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct audio_track_options options = {.frames = 500000, .heard = 500000, .is_loop = true};
    (void)state;
    /* From the memory of the source, and from the file again. */
    static const size_t lengths[] = {4800, 12 * AUDIO_RATE, 10 * AUDIO_RATE};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        options.frames = options.heard = lengths[i] * 2 + 30000;
        struct str file =
            wave_of(arena, tone(arena, lengths[i], 440, 0.4), lengths[i], 1, AUDIO_RATE);
        float *samples = track_of(arena, file, &options);
        float *endless = tone(arena, (size_t)options.frames, 440, 0.4);
        double db = signal_to_noise(samples, endless, (size_t)options.frames - 480, 1);
        if (db < 60)
            fail_msg("%zu: %.1f dB", lengths[i], db);
    }
}

/* One that does not is faded into its beginning. */
static void loops_without_a_click_what_does_not_fit(void **state) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    (void)state;
    /* Jumps, and one that only turns round. */
    static const double hertz[] = {443.7, 1000.5, 97.3, 441};
    for (size_t i = 0; i < ARRAY_SIZE(hertz); i++) {
        const size_t length = 13 * AUDIO_RATE - 7 * (i + 1), period = length - AUDIO_SEAM_FRAMES;
        struct audio_track_options options = {
            .frames = 3 * length, .heard = 3 * length, .is_loop = true};
        struct str file = wave_of(arena, tone(arena, length, hertz[i], 0.4), length, 1, AUDIO_RATE);
        float *samples = track_of(arena, file, &options);
        double usual = sharpest(samples, 1000, length - 1000, 1);
        double seam = sharpest(samples, period - 1000, length + 1000, 1);
        if (seam > usual * 2.5 + 0.001)
            fail_msg("%.1f Hz: %.5f at the seam, usually %.5f", hertz[i], seam, usual);
        /* The second round is the first again, and no hole is between them. */
        assert_memory_equal(samples + length, samples + AUDIO_SEAM_FRAMES,
                            10 * AUDIO_RATE * sizeof *samples);
        assert_true(peak_of(samples + period, AUDIO_SEAM_FRAMES) > 0.2);
    }
}

/* However short. */
static void loops_anything(void **state) {
    static const size_t lengths[] = {1, 2, 100, 479, 480, 959, 960, 961, 5000};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct audio_track_options options = {.frames = 60000, .heard = 60000, .is_loop = true};
        struct str file =
            wave_of(arena, tone(arena, lengths[i], 441, 0.3), lengths[i], 1, AUDIO_RATE);
        float *samples = track_of(arena, file, &options);
        assert_true(power_of(samples + 50000, 9000) > 0.01);
        assert_true(peak_of(samples, 60000) < 0.45);
    }
}

static void turns_up_and_down(void **state) {
    static const double gains[] = {-60, -6.02, -0.1, 0, 3, 6.02};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(gains); i++) {
        struct audio_track_options options = {.frames = 40000, .heard = 40000, .gain_db = gains[i]};
        struct str file = wave_of(arena, tone(arena, 48000, 997, 0.45), 48000, 1, AUDIO_RATE);
        float *samples = track_of(arena, file, &options);
        double expected = 0.45 * pow(10, gains[i] / 20);
        double amplitude = sqrt(2 * power_of(samples + 4800, 28800));
        if (fabs(amplitude / expected - 1) > 0.002)
            fail_msg("%.2f dB: %f, not %f", gains[i], amplitude, expected);
    }
}

/* The signal between the samples, by a long sinc. */
static double true_peak(const float *samples, size_t from, size_t to, unsigned channels) {
    double peak = 0;
    for (size_t i = from; i < to; i++)
        for (unsigned c = 0; c < channels; c++)
            for (int phase = 0; phase < 8; phase++) {
                double value = 0;
                for (int k = -32; k <= 32; k++) {
                    double x = k - phase / 8.0;
                    double sinc = fabs(x) < 1e-9 ? 1 : sin(TAU / 2 * x) / (TAU / 2 * x);
                    value += (double)samples[(i + (size_t)k) * channels + c] * sinc *
                             (0.5 + 0.5 * cos(TAU / 2 * x / 33));
                }
                peak = fmax(peak, fabs(value));
            }
    return peak;
}

static void keeps_to_full_scale(void **state) {
    static const struct {
        double hertz, amplitude, gain_db;
    } cases[] = {
        {997, 0.9, 12},
        {100, 0.5, 20},
        {12000.7, 0.99, 2},
        /* Its samples stand at 45 degrees: 3 dB less than what is between them. */
        {12000, 1.0, 3},
        {6000.3, 0.7, 3.2},
        {15000, 0.9, 6},
    };
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const size_t count = 48000;
        float *source = arena_array(arena, count * 2, sizeof *source);
        for (size_t k = 0; k < count; k++) {
            double angle = TAU * (cases[i].hertz * (double)k / AUDIO_RATE + 0.125);
            source[2 * k] = (float)(cases[i].amplitude * sin(angle));
            source[2 * k + 1] = 0.5f * source[2 * k];
        }
        struct audio_track_options options = {
            .frames = count, .heard = count, .gain_db = cases[i].gain_db};
        float *samples = track_of(arena, wave_of(arena, source, count, 2, AUDIO_RATE), &options);
        double peak = true_peak(samples, 2000, 4000, 2);
        print_message("%8.1f Hz %5.1f dB: true peak %.4f\n", cases[i].hertz, cases[i].gain_db,
                      peak);
        /* Four places between samples are looked at, not all. */
        if (peak > 1.03 || peak < 0.97)
            fail_msg("%.1f Hz: %f", cases[i].hertz, peak);
        assert_true(peak_of(samples, 2 * count) <= 1);
        /* Both channels are turned down together. */
        for (size_t k = 5000; k < 6000; k++)
            assert_true(fabs((double)samples[2 * k + 1] - 0.5 * (double)samples[2 * k]) < 1e-6);
    }
}

/* What is not too loud is not touched, to the bit. */
static void limits_nothing_that_fits(void **state) {
    enum { COUNT = 20000 };
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct audio_limiter *limiter = arena_alloc(arena, sizeof *limiter);
    float *samples = tone(arena, COUNT, 997, 0.98);
    float *before = arena_array(arena, COUNT, sizeof *before);
    (void)state;
    /* A tone that is suddenly there would be louder between its first samples. */
    for (int i = 0; i < 1000; i++)
        samples[i] *= (float)i / 1000;
    memcpy(before, samples, COUNT * sizeof *samples);
    audio_limiter_init(limiter, 1);
    audio_limiter_run(limiter, samples, COUNT);
    for (size_t i = 0; i < AUDIO_LIMIT_DELAY; i++)
        assert_true(samples[i] == 0);
    assert_memory_equal(samples + AUDIO_LIMIT_DELAY, before,
                        (COUNT - AUDIO_LIMIT_DELAY) * sizeof *samples);
}

/* A single peak is turned down smoothly before it comes, and forgotten after. */
static void limits_a_single_peak(void **state) {
    enum { COUNT = 100000, PLACE = 30000 };
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct audio_limiter *limiter = arena_alloc(arena, sizeof *limiter);
    float *samples = arena_array(arena, COUNT, sizeof *samples);
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        samples[i] = 0.25f;
    samples[PLACE] = 4;
    audio_limiter_init(limiter, 1);
    audio_limiter_run(limiter, samples, COUNT);
    const float *out = samples + AUDIO_LIMIT_DELAY;
    assert_true(out[PLACE] <= 1 && out[PLACE] > 0.8f);
    assert_true(out[PLACE - 2 * AUDIO_LIMIT_HOLD] == 0.25f);
    assert_true(fabs((double)out[PLACE + 48000] - 0.25) < 1e-5);
    for (size_t i = PLACE - 400; i < PLACE - 1; i++)
        assert_true(fabs((double)out[i] - (double)out[i + 1]) < 0.005);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plays_a_long_file_until_the_end),
        cmocka_unit_test(falls_silent_after_a_short_file),
        cmocka_unit_test(fades_at_both_ends),
        cmocka_unit_test(loops_without_a_seam_what_fits),
        cmocka_unit_test(loops_without_a_click_what_does_not_fit),
        cmocka_unit_test(loops_anything),
        cmocka_unit_test(turns_up_and_down),
        cmocka_unit_test(keeps_to_full_scale),
        cmocka_unit_test(limits_nothing_that_fits),
        cmocka_unit_test(limits_a_single_peak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
