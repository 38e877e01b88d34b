#include "sound_files.h"

#include "base/os.h"

#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX_FILE_BYTES = 256 * 1024 * 1024, HEADER_BYTES = 44, MAX_ARGUMENTS = 32 };

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

void run_program(const char *const argv[]) {
    extern char **environ;
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    for (int fd = 0; fd < 2; fd++)
        assert_int_equal(posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0), 0);
    assert_int_equal(
        posix_spawnp(&child, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s failed with status %d", argv[0], status);
}

bool has_program(const char *name) {
    struct str path = str_c(getenv("PATH") != NULL ? getenv("PATH") : "/usr/bin");
    while (path.len > 0) {
        char file[4096];
        struct str folder = str_split(path, ':', &path);
        snprintf(file, sizeof file, "%.*s/%s", STR_ARG(folder), name);
        if (access(file, X_OK) == 0)
            return true;
    }
    print_message("%s is not installed: skipped\n", name);
    return false;
}

struct str convert_file(struct arena *arena, struct str contents, const char *ending,
                        const char *const argv[]) {
    char folder[] = "/tmp/test-audio-XXXXXX";
    const char *arguments[MAX_ARGUMENTS] = {0};
    struct error err;
    struct str made;
    assert_non_null(mkdtemp(folder));
    const char *in = arena_printf(arena, "%s/in.wav", folder);
    const char *out = arena_printf(arena, "%s/out%s", folder, ending);
    assert_true(publish_file(in, contents.ptr, contents.len, 0600, &err));
    for (size_t i = 0; argv[i] != NULL; i++) {
        assert_true(i + 1 < MAX_ARGUMENTS);
        arguments[i] = strcmp(argv[i], "IN") == 0    ? in
                       : strcmp(argv[i], "OUT") == 0 ? out
                                                     : argv[i];
    }
    run_program(arguments);
    if (!read_file(arena, out, MAX_FILE_BYTES, &made, &err))
        fail_msg("%s", err.text);
    unlink(in);
    unlink(out);
    rmdir(folder);
    return made;
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
