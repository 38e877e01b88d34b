/*
 * Sound files of all formats, made by the programs that people make them with: how long they last,
 * to the sample, and what is heard.
 */
#include "media/audio.h"
#include "media/audio_source.h"
#include "programs.h"
#include "sound_files.h"

#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    MAX_ARGUMENTS = 24,
    EDGE = 128, /* samples at both ends, where a resampler has to guess what lies beyond */
};

#define FFMPEG "ffmpeg", "-v", "error", "-y", "-i", "IN"

struct heard {
    float *samples; /* interleaved, 48 kHz */
    size_t count;
    unsigned channels;
};

static struct heard hear(struct arena *arena, struct str file) {
    struct audio_source *source;
    struct heard heard = {0};
    struct error err;
    size_t room = 20 * AUDIO_RATE, got;
    if (!audio_source_new(file, &source, &err))
        fail_msg("%s", err.text);
    heard.channels = audio_source_channels(source);
    heard.samples = arena_array(arena, room * heard.channels, sizeof(float));
    do {
        if (!audio_source_read(source, heard.samples + heard.count * heard.channels,
                               room - heard.count, &got, &err))
            fail_msg("%s", err.text);
        heard.count += got;
    } while (got > 0);
    audio_source_free(source);
    return heard;
}

/* The signal as it should be heard. */
static float *expect(struct arena *arena, size_t count, unsigned channels,
                     unsigned source_channels) {
    float *samples = arena_array(arena, count * channels, sizeof *samples);
    for (size_t i = 0; i < count; i++)
        for (unsigned c = 0; c < channels; c++)
            samples[i * channels + c] =
                (float)signal_at(source_channels == 1 ? 0 : c, (double)i / AUDIO_RATE);
    return samples;
}

struct format_case {
    const char *name;
    struct wave wave;
    const char *ending;
    double least_db; /* signal to noise */
    unsigned early;  /* samples at the beginning that the format adds and does not tell of */
    unsigned late;   /* and at the end, at most */
    const char *argv[MAX_ARGUMENTS];
};

static const struct format_case formats[] = {
    {"wav 8", {44100, 2, 8, false, 100001, 0}, NULL, 35, 0, 0, {NULL}},
    {"wav 16", {44100, 2, 16, false, 100001, 0}, NULL, 80, 0, 0, {NULL}},
    {"wav 24", {48000, 2, 24, false, 100001, 0}, NULL, 120, 0, 0, {NULL}},
    {"wav 32", {48000, 1, 32, false, 100001, 0}, NULL, 130, 0, 0, {NULL}},
    {"wav float", {48000, 2, 32, true, 100001, 0}, NULL, 140, 0, 0, {NULL}},
    {"wav double", {96000, 2, 64, true, 100001, 0}, NULL, 100, 0, 0, {NULL}},
    {"wav 8 kHz", {8000, 1, 16, false, 20001, 0}, NULL, 40, 0, 0, {NULL}},
    {"wav 384 kHz", {384000, 2, 16, false, 800001, 0}, NULL, 80, 0, 0, {NULL}},
    {"wav 44056", {44056, 2, 16, false, 100001, 0}, NULL, 75, 0, 0, {NULL}},
    {"wav 11025", {11025, 2, 16, false, 30001, 0}, NULL, 60, 0, 0, {NULL}},
    {"rf64",
     {48000, 2, 16, false, 100001, 0},
     ".wav",
     80,
     0,
     0,
     {FFMPEG, "-c:a", "pcm_s16le", "-rf64", "always", "OUT"}},
    {"wav to a pipe",
     {48000, 2, 16, false, 100001, 0},
     ".wav",
     80,
     0,
     0,
     {"sh", "-c", "ffmpeg -v error -i \"$1\" -f wav - | cat > \"$2\"", "sh", "IN", "OUT"}},
    {"wav extensible",
     {48000, 2, 16, false, 100001, 0},
     ".wav",
     80,
     0,
     0,
     {FFMPEG, "-c:a", "pcm_s24le", "-metadata", "title=Something", "OUT"}},
    {"aiff", {44100, 2, 16, false, 100001, 0}, ".aiff", 80, 0, 0, {FFMPEG, "OUT"}},
    {"aiff 24",
     {44100, 2, 24, false, 100001, 0},
     ".aiff",
     90,
     0,
     0,
     {FFMPEG, "-c:a", "pcm_s24be", "-write_id3v2", "1", "-metadata", "title=T", "OUT"}},
    {"aifc",
     {44100, 2, 16, false, 100001, 0},
     ".aifc",
     80,
     0,
     0,
     {FFMPEG, "-c:a", "pcm_s16le", "-f", "aiff", "OUT"}},
    {"flac",
     {44100, 2, 16, false, 100001, 0},
     ".flac",
     80,
     0,
     0,
     {"flac", "-s", "-o", "OUT", "IN"}},
    {"flac 24",
     {96000, 2, 24, false, 100001, 0},
     ".flac",
     100,
     0,
     0,
     {"flac", "--totally-silent", "-8", "-o", "OUT", "IN"}},
    {"vorbis",
     {44100, 2, 16, false, 100001, 0},
     ".ogg",
     25,
     0,
     0,
     {"oggenc", "-Q", "-q", "7", "-o", "OUT", "IN"}},
    {"vorbis mono",
     {48000, 1, 16, false, 100001, 0},
     ".ogg",
     25,
     0,
     0,
     {"oggenc", "-Q", "-q", "7", "-o", "OUT", "IN"}},
    {"opus",
     {48000, 2, 16, false, 100001, 0},
     ".opus",
     20,
     0,
     0,
     {"opusenc", "--quiet", "--bitrate", "192", "IN", "OUT"}},
    {"opus mono",
     {48000, 1, 16, false, 100001, 0},
     ".opus",
     20,
     0,
     0,
     {"opusenc", "--quiet", "--bitrate", "128", "IN", "OUT"}},
    {"mp3",
     {44100, 2, 16, false, 100001, 0},
     ".mp3",
     30,
     0,
     0,
     {"lame", "--quiet", "-b", "192", "IN", "OUT"}},
    {"mp3 variable",
     {48000, 2, 16, false, 100001, 0},
     ".mp3",
     25,
     0,
     0,
     {"lame", "--quiet", "-V", "1", "--tt", "Title", "--add-id3v2", "--pad-id3v2", "IN", "OUT"}},
    {"mp3 mono",
     {44100, 1, 16, false, 100001, 0},
     ".mp3",
     25,
     0,
     0,
     {"lame", "--quiet", "-b", "128", "--tt", "Title", "--id3v1-only", "IN", "OUT"}},
    {"mp3 22050",
     {22050, 2, 16, false, 50001, 0},
     ".mp3",
     25,
     0,
     0,
     {"lame", "--quiet", "-b", "128", "IN", "OUT"}},
    {"mp3 by ffmpeg",
     {44100, 2, 16, false, 100001, 0},
     ".mp3",
     25,
     0,
     0,
     {FFMPEG, "-b:a", "192k", "-metadata", "title=T", "OUT"}},
    /* The decoder's own delay of 529 samples and the encoder's of 576. */
    {"mp3 without a header",
     {48000, 2, 16, false, 100001, 0},
     ".mp3",
     25,
     1105,
     2304,
     {"lame", "--quiet", "-t", "-b", "192", "IN", "OUT"}},
    {"adts",
     {48000, 2, 16, false, 100001, 0},
     ".aac",
     25,
     1024,
     2048,
     {FFMPEG, "-b:a", "192k", "OUT"}},
    {"m4a", {44100, 2, 16, false, 100001, 0}, ".m4a", 25, 0, 0, {FFMPEG, "-b:a", "192k", "OUT"}},
    {"m4a mono",
     {48000, 1, 16, false, 100001, 0},
     ".m4a",
     25,
     0,
     0,
     {FFMPEG, "-b:a", "128k", "-movflags", "faststart", "OUT"}},
    {"m4a whole frames",
     {48000, 2, 16, false, 102400, 0},
     ".m4a",
     25,
     0,
     0,
     {FFMPEG, "-b:a", "192k", "OUT"}},
    {"alac", {44100, 2, 16, false, 100001, 0}, ".m4a", 80, 0, 0, {FFMPEG, "-c:a", "alac", "OUT"}},
    {"mov pcm",
     {44100, 2, 16, false, 100001, 0},
     ".mov",
     80,
     0,
     0,
     {FFMPEG, "-c:a", "pcm_s16be", "OUT"}},
    {"mp4 with pictures",
     {48000, 2, 16, false, 100001, 0},
     ".mp4",
     25,
     0,
     0,
     {FFMPEG, "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=1", "-b:a", "192k",
      "OUT"}},
    {"m4a in fragments",
     {48000, 2, 16, false, 102400, 0},
     ".m4a",
     25,
     1024,
     0,
     {FFMPEG, "-b:a", "192k", "-movflags", "frag_keyframe+empty_moov", "-frag_duration", "500000",
      "OUT"}},
    {"flac in ogg",
     {44100, 2, 16, false, 100001, 0},
     ".ogg",
     80,
     0,
     0,
     {FFMPEG, "-c:a", "flac", "OUT"}},
};

static void check_format(const struct format_case *format) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const struct wave *wave = &format->wave;
    struct str file = wave_file(arena, wave);
    struct media_audio_facts facts;
    struct error err;
    if (format->argv[0] != NULL && !has_program(format->argv[0]))
        return;
    if (format->argv[0] != NULL)
        file = convert_file(arena, file, ".wav", format->ending, format->argv);
    if (!audio_probe(file, &facts, &err))
        fail_msg("%s: %s", format->name, err.text);
    struct heard heard = hear(arena, file);
    uint64_t more = facts.samples - wave->samples;
    uint64_t out = (facts.samples * AUDIO_RATE + facts.rate / 2) / facts.rate;
    size_t skip = format->early * (size_t)AUDIO_RATE / wave->rate + EDGE;
    size_t count = heard.count - skip - (format->late * (size_t)AUDIO_RATE / wave->rate) - EDGE;
    float *expected = expect(arena, heard.count, heard.channels, wave->channels);
    double db =
        signal_to_noise(heard.samples + skip * heard.channels,
                        expected + (size_t)EDGE * heard.channels, count * heard.channels, 1);
    print_message("%-22s %8llu of %8llu samples, heard %zu, %.1f dB\n", format->name,
                  (unsigned long long)facts.samples, (unsigned long long)wave->samples, heard.count,
                  db);
    assert_int_equal(heard.channels, wave->channels == 1 ? 1 : 2);
    assert_int_equal(facts.rate, wave->rate);
    if (facts.samples < wave->samples || more > format->early + format->late)
        fail_msg("%s: %llu samples", format->name, (unsigned long long)facts.samples);
    if (heard.count > out + 1 || heard.count + 1 < out)
        fail_msg("%s: %zu heard, not %llu", format->name, heard.count, (unsigned long long)out);
    if (!(db >= format->least_db))
        fail_msg("%s: %.1f dB", format->name, db);
}

static struct str cut(struct str file, size_t size) {
    return (struct str){file.ptr, size < file.len ? size : file.len};
}

static struct str made(struct arena *arena, const char *ending, const char *const argv[]) {
    struct wave wave = {44100, 2, 16, false, 100001, 0};
    struct str file = wave_file(arena, &wave);
    return argv[0] == NULL ? file : convert_file(arena, file, ".wav", ending, argv);
}

/* Neither how long it is nor what is in it can be had, and both say why. */
static void check_refused(const char *name, struct str file, enum error_kind kind,
                          const char *text) {
    struct media_audio_facts facts = {77, 78};
    struct error err = {0};
    if (audio_probe(file, &facts, &err))
        fail_msg("%s was taken: %llu samples", name, (unsigned long long)facts.samples);
    print_message("%-22s %s\n", name, err.text);
    if (err.kind != kind || strstr(err.text, text) == NULL)
        fail_msg("%s: %s: %s", name, error_kind_name(err.kind), err.text);
    assert_true(str_starts_with(str_c(err.text), "audio: "));
    assert_int_equal(facts.samples, 77);
}

static const struct {
    const char *name;
    const char *bytes;
    size_t size;
    const char *text;
} strangers[] = {
    {"nothing", "", 0, "is empty"},
    {"text", "Dear diary, today I heard no music at all.\n", 43, "looks like text"},
    {"UTF-8", "\xc3\x84rger \xe2\x99\xab", 10, "looks like text"},
    {"JPEG", "\xff\xd8\xff\xe0\0\x10JFIF\0", 11, "a picture (JPEG)"},
    {"PNG", "\x89PNG\r\n\x1a\n", 8, "a picture (PNG)"},
    {"HEIC",
     "\0\0\0\x18"
     "ftypheic\0\0\0\0mif1heic",
     24, "a picture (HEIC)"},
    {"Matroska", "\x1a\x45\xdf\xa3\x01\0\0\0", 8, "WebM or Matroska"},
    {"MIDI", "MThd\0\0\0\x06\0\0", 10, "notes"},
    {"Windows Media", "\x30\x26\xb2\x75\x8e\x66\xcf\x11\0\0", 10, "Windows Media"},
    {"zeros", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, "known format"},
    {"a tag only", "ID3\4\0\0\0\0\0\x20xxxxx", 15, "truncated in its tags"},
    {"a RIFF header", "RIFF\x24\0\0\0WAVE", 12, "without its format"},
    {"a FLAC header", "fLaC\0\0\0\x22", 8, "truncated in its header"},
    {"an Ogg header", "OggS\0\2\0\0\0\0\0\0\0\0", 14, "in its last page"},
    {"a box too long", "\0\0\1\0ftypM4A \0\0\0\0", 16, "goes beyond the end"},
    {"a box too short", "\0\0\0\4ftypM4A \0\0\0\0", 16, "makes no sense"},
    {"no movie",
     "\0\0\0\x10"
     "ftypM4A \0\0\0\0",
     16, "no movie header"},
    {"one MP3 header", "\xff\xfb\x90\x64", 4, "known format"},
};

static void refuses_strangers(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(strangers); i++)
        check_refused(strangers[i].name, (struct str){strangers[i].bytes, strangers[i].size},
                      ERROR_INVALID, strangers[i].text);
}

static void refuses_a_video_without_sound(void **state) {
    static const char *const argv[] = {
        FFMPEG, "-f", "lavfi", "-i", "testsrc2=size=64x64:duration=1", "-map", "1:v", "OUT", NULL};
    static const char *const webm[] = {FFMPEG, "-c:a", "libopus", "OUT", NULL};
    static const char *const ac3[] = {FFMPEG, "-c:a", "ac3", "OUT", NULL};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    (void)state;
    if (!has_program("ffmpeg"))
        return;
    check_refused("video", made(arena, ".mp4", argv), ERROR_INVALID, "video without sound");
    check_refused("webm", made(arena, ".webm", webm), ERROR_INVALID, "not supported for sound");
    check_refused("ac3", made(arena, ".mp4", ac3), ERROR_INVALID, "ac3, which is not supported");
}

struct damage_case {
    const char *name, *ending;
    const char *argv[MAX_ARGUMENTS];
    const char *cut_text;   /* of the file without its last third */
    const char *break_text; /* of the file with rubbish in its middle; NULL: nobody can tell */
};

static const struct damage_case damages[] = {
    {"wav", ".wav", {NULL}, "truncated: 266", NULL},
    {"aiff", ".aiff", {FFMPEG, "OUT"}, "truncated: 266", NULL},
    {"flac", ".flac", {"flac", "-s", "-o", "OUT", "IN"}, "damaged", "damaged"},
    {"vorbis", ".ogg", {"oggenc", "-Q", "-o", "OUT", "IN"}, "last page", "damaged"},
    {"opus", ".opus", {"opusenc", "--quiet", "IN", "OUT"}, "last page", "damaged"},
    {"mp3", ".mp3", {"lame", "--quiet", "IN", "OUT"}, "of 2.3 s can be decoded", "damaged"},
    {"m4a", ".m4a", {FFMPEG, "OUT"}, "truncated", "damaged"},
    {"m4a with index first",
     ".m4a",
     {FFMPEG, "-movflags", "faststart", "OUT"},
     "truncated",
     "damaged"},
    {"alac", ".m4a", {FFMPEG, "-c:a", "alac", "OUT"}, "truncated", "damaged"},
    {"adts", ".aac", {FFMPEG, "OUT"}, NULL, "damaged"},
};

static void notices_damage(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
        const struct damage_case *damage = &damages[i];
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct media_audio_facts facts;
        struct error err;
        if (damage->argv[0] != NULL && !has_program(damage->argv[0]))
            continue;
        struct str file = made(arena, damage->ending, damage->argv);
        if (damage->cut_text != NULL)
            check_refused(damage->name, cut(file, file.len * 2 / 3), ERROR_INVALID,
                          damage->cut_text);
        struct str broken = arena_str(arena, file);
        for (size_t at = file.len / 2; at < file.len / 2 + 3000; at++)
            ((char *)(uintptr_t)broken.ptr)[at] = (char)(at * 2654435761u >> 13);
        if (damage->break_text != NULL)
            check_refused(damage->name, broken, ERROR_INVALID, damage->break_text);
        else
            assert_true(audio_probe(broken, &facts, &err));
    }
}

/* Headers that promise what is not there, or more than anybody wants to hear. */
static void believes_no_header(void **state) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct wave ten_hours = {44100, 2, 16, false, 1000, 10u * 3600 * 44100 * 4 / 2};
    struct wave slow = {4000, 1, 16, false, 1000, 0}, empty = {44100, 2, 16, false, 0, 0};
    struct wave wide = {44100, 12, 16, false, 1000, 0};
    (void)state;
    check_refused("ten hours", wave_file(arena, &ten_hours), ERROR_INVALID, "truncated: 4000 of");
    check_refused("4 kHz", wave_file(arena, &slow), ERROR_INVALID, "4000 samples a second");
    check_refused("12 channels", wave_file(arena, &wide), ERROR_INVALID, "12 channels");
    check_refused("no samples", wave_file(arena, &empty), ERROR_INVALID, "no sound");
    if (!has_program("flac"))
        return;
    static const char *const argv[] = {"flac", "-s", "-o", "OUT", "IN", NULL};
    struct str flac = made(arena, ".flac", argv);
    ((char *)(uintptr_t)flac.ptr)[22] = 0x7f;
    check_refused("flac", flac, ERROR_INVALID, "can be decoded");
    ((char *)(uintptr_t)flac.ptr)[21] |= 0x0f;
    check_refused("flac", flac, ERROR_LIMIT, "24 hours");
}

static void decodes_a_day_and_no_more(void **state) {
    /* 25 hours of silence at 8 kHz are small in FLAC; to a pipe, so that the header does not know.
     */
    static const char *const argv[] = {
        "sh",
        "-c",
        "ffmpeg -v error -f lavfi -i anullsrc=r=8000:cl=mono:d=90000 -c:a flac "
        "-frame_size 65535 -f flac - | cat > \"$1\"",
        "sh",
        "OUT",
        NULL};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    (void)state;
    if (has_program("ffmpeg"))
        check_refused("25 hours", made(arena, ".flac", argv), ERROR_LIMIT, "24 hours");
}

static void reads_all_formats(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        check_format(&formats[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_all_formats),
        cmocka_unit_test(refuses_strangers),
        cmocka_unit_test(refuses_a_video_without_sound),
        cmocka_unit_test(notices_damage),
        cmocka_unit_test(believes_no_header),
        cmocka_unit_test(decodes_a_day_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
