/*
 * Files of every format, cut short and with bits flipped by chance that always falls the same way:
 * an error that says something, or a picture or sound; never a crash, a hang, or memory without
 * bounds. TACHYSCOPE_DAMAGES says how many of each kind (200).
 */
#include "media/audio.h"
#include "media/audio_source.h"
#include "media/compose.h"

#include "base/base.h"
#include "base/os.h"
#include "image_files.h"
#include "programs.h"
#include "raw_files.h"
#include "sound_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <turbojpeg.h>
#include <unistd.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

enum {
    SIDE = 48,
    DEFAULT_DAMAGES = 200,
    MAX_FLIPS = 6,
    /* Of one format's child, in all: what the sanitizers take is in it. */
    SECONDS_MAX = 100,
    MEMORY_MAX_MB = 700,
    SOUND_MAX_FRAMES = 10 * AUDIO_RATE,
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

/* Knuth's MMIX generator, high bits. */
static uint32_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)(*state >> 33);
}

static unsigned damage_count(void) {
    const char *text = getenv("TACHYSCOPE_DAMAGES");
    return text == NULL ? DEFAULT_DAMAGES : (unsigned)strtoul(text, NULL, 10);
}

/* What a trial does with a file. False: it broke the promise. */
typedef bool trial_function(void *context, struct str file, bool is_cut);

struct trial {
    const char *name;
    trial_function *run;
    void *context;
    struct str file;
};

/* In memory of exactly that size, so that a sanitizer sees what reads behind the end. */
static bool try_exact(const struct trial *trial, struct str file, bool is_cut) {
    char *exact = malloc(file.len + 1);
    memcpy(exact + 1, file.ptr, file.len);
    bool is_kept = trial->run(trial->context, (struct str){exact + 1, file.len}, is_cut);
    free(exact);
    return is_kept;
}

static bool try_cut(const struct trial *trial, uint64_t *random) {
    return try_exact(trial, (struct str){trial->file.ptr, next_random(random) % trial->file.len},
                     true);
}

static bool try_flipped(const struct trial *trial, uint64_t *random) {
    char *copy = malloc(trial->file.len);
    memcpy(copy, trial->file.ptr, trial->file.len);
    unsigned flips = 1 + next_random(random) % MAX_FLIPS;
    for (unsigned i = 0; i < flips; i++) {
        /* Half of them at the start, where the headers are. */
        uint32_t range = next_random(random) % 2 == 0 ? 256 : UINT32_MAX;
        size_t at = next_random(random) % (range < trial->file.len ? range : trial->file.len);
        copy[at] = (char)(copy[at] ^ 1 << next_random(random) % 8);
    }
    bool is_kept = try_exact(trial, (struct str){copy, trial->file.len}, false);
    free(copy);
    return is_kept;
}

/* The libraries print what they think of damaged files: thousands of lines. Returns where the rest
 * of us writes to. */
static FILE *silence_libraries(void) {
    int told = dup(STDERR_FILENO);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_set_report_fd((void *)(intptr_t)told);
#endif
    if (told < 0 || freopen("/dev/null", "w", stderr) == NULL)
        _exit(2);
    return fdopen(told, "w");
}

/* In a process of its own, so that its memory can be limited and told. */
static void run_trials(const struct trial *trial) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        uint64_t random = 0;
        for (const char *c = trial->name; *c != '\0'; c++)
            random = random * 31 + (unsigned char)*c;
        const struct rlimit limit = {(rlim_t)2 * MEMORY_MAX_MB << 20,
                                     (rlim_t)2 * MEMORY_MAX_MB << 20};
        if (!is_sanitized && setrlimit(RLIMIT_AS, &limit) != 0)
            _exit(2);
        FILE *told = silence_libraries();
        alarm(SECONDS_MAX);
        for (unsigned i = 0; i < damage_count(); i++) {
            if (!try_cut(trial, &random) || !try_flipped(trial, &random)) {
                fprintf(told, "%s: damage %u\n", trial->name, i);
                fflush(told);
                _exit(1);
            }
        }
        _exit(0);
    }
    int status;
    struct rusage usage;
    assert_int_equal(wait4(child, &status, 0, &usage), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s: status %d", trial->name, status);
    print_message("%-24s %4ld MB\n", trial->name, usage.ru_maxrss / 1024);
    if (usage.ru_maxrss / 1024 > MEMORY_MAX_MB)
        fail_msg("%s: %ld MB", trial->name, usage.ru_maxrss / 1024);
}

struct pictures {
    struct composer *composer;
    struct frame frame, whole;
};

static bool is_same(const struct pictures *pictures) {
    for (unsigned p = 0; p < 3; p++) {
        unsigned side = p == 0 ? SIDE : SIDE / 2;
        for (unsigned y = 0; y < side; y++) {
            if (memcmp(pictures->frame.planes[p] + y * pictures->frame.strides[p],
                       pictures->whole.planes[p] + y * pictures->whole.strides[p], side) != 0)
                return false;
        }
    }
    return true;
}

/* What is cut off must be missed, unless it changed nothing. */
static bool try_picture(void *context, struct str file, bool is_cut) {
    struct pictures *pictures = context;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct receipt receipt = {.name = "name"};
    struct error err = {.text = ""};
    bool is_done =
        composer_run(pictures->composer, arena, file, 0, &pictures->frame, &receipt, &err);
    if (is_done != (receipt.refused == NULL))
        return false;
    if (is_done)
        return !is_cut || receipt.warning_count > 0 || is_same(pictures);
    return receipt.refused[0] != '\0' && (err.kind == ERROR_INVALID || err.kind == ERROR_LIMIT);
}

static void check_picture(const char *name, struct str file) {
    const struct compose_target target = {SIDE, SIDE, FIT_CONTAIN, {20, 30, 40}};
    struct pictures pictures = {.composer = composer_new(&target)};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct receipt receipt = {.name = name};
    struct error err;
    frame_init(&pictures.frame, SIDE, SIDE);
    frame_init(&pictures.whole, SIDE, SIDE);
    if (!composer_run(pictures.composer, arena, file, 0, &pictures.whole, &receipt, &err))
        fail_msg("%s: %s", name, err.text);
    const struct trial trial = {name, try_picture, &pictures, file};
    run_trials(&trial);
    frame_clear(&pictures.frame);
    frame_clear(&pictures.whole);
    composer_free(pictures.composer);
}

struct file_case {
    const char *name, *program, *script, *ending;
};

static void check_pictures(const struct file_case *cases, size_t count) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct picture picture = picture_uneven(arena, 80, 56);
    struct str png = av_of(arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255);
    for (size_t i = 0; i < count; i++) {
        if (!has_program("convert") || !has_program(cases[i].program))
            continue;
        const char *const argv[] = {"sh", "-c", cases[i].script, "IN", "OUT", NULL};
        check_picture(cases[i].name, convert_file(arena, png, ".png", cases[i].ending, argv));
    }
}

#define ALPHA "convert \"$0\" -alpha set -channel A -evaluate set 50% \"$1\".png && "

static void usual_pictures(void **state) {
    (void)state;
    static const struct file_case cases[] = {
        {"jpeg", "convert", "convert \"$0\" \"$1\"", ".jpg"},
        {"jpeg progressive", "convert", "convert \"$0\" -interlace JPEG \"$1\"", ".jpg"},
        {"jpeg CMYK", "convert", "convert \"$0\" -colorspace CMYK \"$1\"", ".jpg"},
        {"jpeg grey", "convert", "convert \"$0\" -colorspace Gray \"$1\"", ".jpg"},
        {"png", "convert", "cp \"$0\" \"$1\"", ".png"},
        {"png 16 interlaced", "convert", "convert \"$0\" -depth 16 -interlace PNG png64:\"$1\"",
         ".png"},
        {"png palette", "convert", "convert \"$0\" png8:\"$1\"", ".png"},
        {"webp", "cwebp", "cwebp -quiet \"$0\" -o \"$1\"", ".webp"},
        {"webp alpha", "cwebp", ALPHA "cwebp -quiet \"$1\".png -o \"$1\"", ".webp"},
        {"webp lossless", "cwebp", "cwebp -quiet -lossless \"$0\" -o \"$1\"", ".webp"},
        {"webp animated", "img2webp", "img2webp \"$0\" -lossy -d 100 \"$0\" -o \"$1\" 2>&1",
         ".webp"},
    };
    check_pictures(cases, ARRAY_SIZE(cases));
}

static void old_pictures(void **state) {
    (void)state;
    static const struct file_case cases[] = {
        {"tiff", "convert", "convert \"$0\" -compress none \"$1\"", ".tif"},
        {"tiff LZW 16", "convert", "convert \"$0\" -depth 16 -compress LZW \"$1\"", ".tif"},
        {"tiff deflate tiles", "convert",
         "convert \"$0\" -compress Zip -define tiff:tile-geometry=32x16 \"$1\"", ".tif"},
        {"tiff JPEG", "convert", "convert \"$0\" -compress JPEG \"$1\"", ".tif"},
        {"tiff CMYK", "convert", "convert \"$0\" -colorspace CMYK -compress RLE \"$1\"", ".tif"},
        {"tiff palette", "convert", "convert \"$0\" -type Palette -compress LZW \"$1\"", ".tif"},
        {"tiff fax", "convert", "convert \"$0\" -monochrome -compress Group4 \"$1\"", ".tif"},
        {"bmp", "convert", "convert \"$0\" BMP3:\"$1\"", ".bmp"},
        {"bmp alpha", "convert", ALPHA "convert \"$1\".png BMP:\"$1\"", ".bmp"},
        {"bmp runs", "convert", "convert \"$0\" -type Palette -compress RLE BMP3:\"$1\"", ".bmp"},
        {"gif", "convert", "convert \"$0\" \"$1\"", ".gif"},
        {"gif animated", "convert", "convert \"$0\" -interlace GIF '(' +clone -negate ')' \"$1\"",
         ".gif"},
    };
    check_pictures(cases, ARRAY_SIZE(cases));
}

static void new_pictures(void **state) {
    (void)state;
    static const struct file_case cases[] = {
        {"heic", "heif-enc", "heif-enc -q 60 \"$0\" -o \"$1\"", ".heic"},
        {"heic alpha", "heif-enc", ALPHA "heif-enc -q 60 \"$1\".png -o \"$1\"", ".heic"},
        {"avif", "avifenc", "avifenc -s 8 \"$0\" \"$1\"", ".avif"},
        {"avif alpha 10", "avifenc", ALPHA "avifenc -s 8 -d 10 \"$1\".png \"$1\"", ".avif"},
        {"jxl", "cjxl", "cjxl --quiet \"$0\" \"$1\" 2>&1", ".jxl"},
        {"jxl lossless alpha", "cjxl",
         ALPHA "cjxl --quiet --container=1 -d 0 \"$1\".png \"$1\" 2>&1", ".jxl"},
        {"jxl of a jpeg", "cjxl",
         "convert \"$0\" \"$1\".jpg && cjxl --quiet \"$1\".jpg \"$1\" 2>&1", ".jxl"},
    };
    check_pictures(cases, ARRAY_SIZE(cases));
}

static void raw_pictures(void **state) {
    (void)state;
    static const char *const names[RAW_KINDS] = {"dng", "cr2", "nef", "arw"};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct picture picture = picture_uneven(arena, 80, 56);
    const struct raw_options options = {jpeg_of(arena, &picture, TJSAMP_420, 80, 0), 80, 56, 6,
                                        "2024:05:01 12:33:44"};
    for (enum raw_kind kind = RAW_DNG; kind < RAW_KINDS; kind++)
        check_picture(names[kind], raw_of(arena, kind, &options));
}

/* Up to the first error, or so much of it that a damaged length costs nothing. */
static bool try_sound(void *context, struct str file, bool is_cut) {
    (void)context, (void)is_cut;
    struct audio_source *source CLEANUP(audio_source_cleanup) = NULL;
    struct media_audio_facts facts;
    struct error err = {.text = ""};
    bool is_good = audio_probe(file, &facts, &err) && audio_source_new(file, &source, &err);
    for (uint64_t sum = 0; is_good && sum < SOUND_MAX_FRAMES;) {
        float block[2048 * 2];
        size_t count;
        is_good = audio_source_read(source, block, 2048, &count, &err);
        if (is_good && count == 0)
            break;
        sum += 2048;
    }
    return is_good ||
           (err.text[0] != '\0' && (err.kind == ERROR_INVALID || err.kind == ERROR_LIMIT));
}

static void sounds(void **state) {
    (void)state;
    static const struct file_case cases[] = {
        {"wav", "cp", "cp \"$0\" \"$1\"", ".wav"},
        {"mp3", "lame", "lame --quiet \"$0\" \"$1\"", ".mp3"},
        {"flac", "flac", "flac -s -o \"$1\" \"$0\"", ".flac"},
        {"vorbis", "oggenc", "oggenc -Q -o \"$1\" \"$0\"", ".ogg"},
        {"opus", "opusenc", "opusenc --quiet \"$0\" \"$1\"", ".opus"},
        {"aac", "ffmpeg", "ffmpeg -v error -i \"$0\" -c:a aac \"$1\"", ".aac"},
        {"m4a", "ffmpeg", "ffmpeg -v error -i \"$0\" -c:a aac \"$1\"", ".m4a"},
    };
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const struct wave wave = {44100, 2, 16, false, 20000, 0};
    struct str file = wave_file(arena, &wave);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (!has_program(cases[i].program))
            continue;
        const char *const argv[] = {"sh", "-c", cases[i].script, "IN", "OUT", NULL};
        const struct trial trial = {cases[i].name, try_sound, NULL,
                                    convert_file(arena, file, ".wav", cases[i].ending, argv)};
        run_trials(&trial);
    }
}

/* The fuzzers' seeds, among them what they found. */
static bool try_seed(void *context, struct str file, bool is_cut) {
    (void)is_cut;
    return try_picture(context, file, false);
}

static void check_seeds(const char *folder, struct pictures *pictures) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    if (entries == NULL)
        fail_msg("%s: no such folder", folder);
    while ((entry = readdir(entries)) != NULL) {
        const char *path = arena_printf(arena, "%s/%s", folder, entry->d_name);
        struct error err;
        struct str file;
        if (entry->d_name[0] == '.')
            continue;
        if (entry->d_type == DT_DIR) {
            check_seeds(path, pictures);
        } else {
            if (!read_file(arena, path, 1024 * 1024, &file, &err))
                fail_msg("%s", err.text);
            const struct trial trial = {path, try_seed, pictures, file};
            if (!try_exact(&trial, file, false))
                fail_msg("%s", path);
        }
    }
    closedir(entries);
}

static void seeds_of_the_fuzzer(void **state) {
    (void)state;
    const struct compose_target target = {SIDE, SIDE, FIT_CONTAIN, {20, 30, 40}};
    struct pictures pictures = {.composer = composer_new(&target)};
    frame_init(&pictures.frame, SIDE, SIDE);
    if (getenv("IMAGE_SEEDS") == NULL)
        skip();
    check_seeds(getenv("IMAGE_SEEDS"), &pictures);
    frame_clear(&pictures.frame);
    composer_free(pictures.composer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_of_the_fuzzer), cmocka_unit_test(usual_pictures),
        cmocka_unit_test(old_pictures),        cmocka_unit_test(new_pictures),
        cmocka_unit_test(raw_pictures),        cmocka_unit_test(sounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
