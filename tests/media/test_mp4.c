/* The header of the film, read back box by box and by libavformat. */
#include "media/mp4.h"

#include "tune.h"
#include "watch.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Profile high, level 4.0, one SPS and PPS of x264 at 64x48. */
static const uint8_t config[] = {
    0x01, 0x64, 0x00, 0x28, 0xff, 0xe1, 0x00, 0x04, 0x67, 0x64, 0x00,
    0x28, 0x01, 0x00, 0x02, 0x68, 0xee, 0xfd, 0xf8, 0xf8, 0x00,
};

/* Two segments with B-frames: shown order 0 3 1 2, then 0 1 2. */
static const struct media_sample first[] = {
    {100, 1, true}, {50, 3, false}, {20, 0, false}, {21, 0, false}};
static const struct media_sample second[] = {{200, 1, true}, {30, 1, false}, {31, 1, false}};
static const struct mp4_run two_runs[] = {{first, 4}, {second, 3}};

static struct mp4_movie movie_of(const struct mp4_run *runs, uint32_t count) {
    return (struct mp4_movie){
        .width = 64,
        .height = 48,
        .fps = {30, 1},
        .config = config,
        .config_size = sizeof config,
        .runs = runs,
        .run_count = count,
    };
}

/* ---- boxes ---- */

static uint64_t read_big(const char *at, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | (uint8_t)at[i];
    return value;
}

/* The contents of the box at the path such as "moov/trak/tkhd"; `len` 0 and `ptr` NULL when it is
 * not there. */
static struct str find_box(struct str boxes, const char *path) {
    struct str rest, name = str_split(str_c(path), '/', &rest);
    while (boxes.len >= 8) {
        uint64_t size = read_big(boxes.ptr, 4), head = 8;
        if (size == 1) {
            size = read_big(boxes.ptr + 8, 8);
            head = 16;
        }
        struct str contents = {boxes.ptr + head, size > boxes.len ? boxes.len - head : size - head};
        if (memcmp(boxes.ptr + 4, name.ptr, 4) == 0)
            return rest.len > 0 ? find_box(contents, rest.ptr) : contents;
        assert_true(size >= head);
        if (size > boxes.len)
            break;
        boxes = (struct str){boxes.ptr + size, boxes.len - size};
    }
    return (struct str){0};
}

#define STBL "moov/trak/mdia/minf/stbl/"

static uint64_t field(struct str header, const char *path, size_t offset, size_t size) {
    struct str box = find_box(header, path);
    assert_non_null(box.ptr);
    assert_true(offset + size <= box.len);
    return read_big(box.ptr + offset, size);
}

static struct str make(struct arena *arena, const struct mp4_movie *movie) {
    struct str header;
    struct error err = {0};
    bool made = mp4_header(arena, movie, &header, &err);
    if (!made)
        print_error("%s\n", err.text);
    assert_true(made);
    return header;
}

static void tables(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct mp4_movie movie = movie_of(two_runs, 2);
    struct str header = make(arena, &movie);
    assert_memory_equal(header.ptr + 4, "ftypisom", 8);
    assert_int_equal(read_big(header.ptr + header.len - 8, 4), 8 + 452);
    assert_memory_equal(header.ptr + header.len - 4, "mdat", 4);
    /* 334 ticks a frame of 10,020 a second. */
    assert_int_equal(field(header, "moov/mvhd", 12, 4), 10020);
    assert_int_equal(field(header, "moov/trak/mdia/mdhd", 12, 4), 10020);
    assert_int_equal(field(header, "moov/trak/mdia/mdhd", 16, 4), 7 * 334);
    assert_int_equal(field(header, "moov/trak/edts/elst", 4, 4), 1);
    assert_int_equal(field(header, "moov/trak/edts/elst", 8, 4), 7 * 334);
    assert_int_equal(field(header, "moov/trak/edts/elst", 12, 4), 334);
    assert_int_equal(field(header, STBL "stts", 4, 4), 1);
    assert_int_equal(field(header, STBL "stts", 8, 4), 7);
    assert_int_equal(field(header, STBL "stts", 12, 4), 334);
    assert_int_equal(field(header, STBL "stss", 4, 4), 2);
    assert_int_equal(field(header, STBL "stss", 12, 4), 5);
    /* Runs of 1, 3, 0 0, 1 1 1. */
    assert_int_equal(field(header, STBL "ctts", 0, 4), 0);
    assert_int_equal(field(header, STBL "ctts", 4, 4), 4);
    assert_int_equal(field(header, STBL "ctts", 16, 4), 1);
    assert_int_equal(field(header, STBL "ctts", 20, 4), 3 * 334);
    assert_int_equal(field(header, STBL "ctts", 32, 4), 3);
    assert_int_equal(field(header, STBL "stsz", 8, 4), 7);
    assert_int_equal(field(header, STBL "stsz", 12 + 4 * 4, 4), 200);
    assert_int_equal(field(header, STBL "stsc", 4, 4), 2);
    assert_int_equal(field(header, STBL "stco", 4, 4), 2);
    assert_int_equal(field(header, STBL "stco", 8, 4), header.len);
    assert_int_equal(field(header, STBL "stco", 12, 4), header.len + 191);
    assert_null(find_box(header, STBL "co64").ptr);
}

static void runs_of_equal_length(void **state) {
    (void)state;
    static const struct mp4_run runs[] = {
        {second, 3}, {second, 3}, {second, 3}, {second, 1}, {second, 3}};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct mp4_movie movie = movie_of(runs, 5);
    struct str header = make(arena, &movie);
    assert_int_equal(field(header, STBL "stsc", 4, 4), 3);
    assert_int_equal(field(header, STBL "stsc", 8 + 12, 4), 4);
    assert_int_equal(field(header, STBL "stsc", 8 + 16, 4), 1);
    assert_int_equal(field(header, STBL "stsc", 8 + 24, 4), 5);
    assert_int_equal(field(header, STBL "stsc", 8 + 28, 4), 3);
}

static void no_reordering_no_ctts(void **state) {
    (void)state;
    static const struct media_sample plain[] = {{10, 0, true}, {9, 0, false}};
    static const struct mp4_run run = {plain, 2};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct mp4_movie movie = movie_of(&run, 1);
    struct str header = make(arena, &movie);
    assert_null(find_box(header, STBL "ctts").ptr);
    assert_int_equal(field(header, "moov/trak/edts/elst", 12, 4), 0);
}

static void times(void **state) {
    (void)state;
    static const struct {
        struct rational fps;
        uint32_t timescale, ticks;
    } cases[] = {
        {{1, 1}, 10000, 10000},       {{24, 1}, 10008, 417},
        {{30, 1}, 10020, 334},        {{120, 1}, 10080, 84},
        {{24000, 1001}, 24000, 1001}, {{30000, 1001}, 30000, 1001},
        {{2997, 100}, 11988, 400},    {{9999, 9998}, 19998, 19996},
        {{10000, 9999}, 10000, 9999}, {{INT32_MAX, INT32_MAX / 64}, INT32_MAX, INT32_MAX / 64},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct mp4_movie movie = movie_of(two_runs, 2);
        movie.fps = cases[i].fps;
        struct str header = make(arena, &movie);
        assert_int_equal(field(header, "moov/trak/mdia/mdhd", 12, 4), cases[i].timescale);
        assert_int_equal(field(header, STBL "stts", 12, 4), cases[i].ticks);
    }
}

/* ---- beyond 32 bits ---- */

static void around_four_gigabytes(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct media_sample samples[] = {{UINT32_MAX / 2, 0, true}, {UINT32_MAX / 2 - 2000, 0, false}};
    const struct mp4_run runs[] = {
        {samples, 1}, {samples, 1}, {&(struct media_sample){7, 0, true}, 1}};
    /* The largest film that needs no 64 bits, and one byte more. */
    struct mp4_run whole = {samples, 2};
    struct mp4_movie movie = movie_of(&whole, 1);
    size_t small = make(arena, &movie).len;
    samples[1].size = (uint32_t)(UINT32_MAX - small - samples[0].size);
    struct str header = make(arena, &movie);
    assert_int_equal(header.len, small);
    assert_non_null(find_box(header, STBL "stco").ptr);
    samples[1].size++;
    header = make(arena, &movie);
    assert_int_equal(header.len, small + 4 + 8);
    assert_null(find_box(header, STBL "stco").ptr);
    assert_int_equal(field(header, STBL "co64", 8, 8), header.len);
    assert_int_equal(read_big(header.ptr + header.len - 16, 4), 1);
    assert_int_equal(read_big(header.ptr + header.len - 8, 8),
                     16 + (uint64_t)samples[0].size + samples[1].size);

    samples[0].size = UINT32_MAX;
    movie = movie_of(runs, 3);
    header = make(arena, &movie);
    assert_int_equal(field(header, STBL "co64", 8 + 16, 8), header.len + 2 * (uint64_t)UINT32_MAX);
}

static void long_durations(void **state) {
    (void)state;
    enum { FRAMES = 600000 };
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct media_sample *samples = arena_array(arena, FRAMES, sizeof *samples);
    for (uint32_t i = 0; i < FRAMES; i++)
        samples[i] = (struct media_sample){10, 2, i == 0};
    struct mp4_run run = {samples, FRAMES};
    struct mp4_movie movie = movie_of(&run, 1);
    movie.fps = (struct rational){1, 1};
    struct str header = make(arena, &movie);
    uint64_t duration = (uint64_t)FRAMES * 10000;
    assert_int_equal(field(header, "moov/mvhd", 0, 1), 1);
    assert_int_equal(field(header, "moov/mvhd", 24, 8), duration);
    assert_int_equal(field(header, "moov/trak/tkhd", 28, 8), duration);
    assert_int_equal(field(header, "moov/trak/mdia/mdhd", 24, 8), duration);
    assert_int_equal(field(header, "moov/trak/edts/elst", 8, 8), duration);
    assert_int_equal(field(header, "moov/trak/edts/elst", 16, 8), 20000);
    movie.fps = (struct rational){30, 1};
    header = make(arena, &movie);
    assert_int_equal(field(header, "moov/mvhd", 0, 1), 0);
}

/* ---- other codecs, QuickTime ---- */

static const uint8_t hvcc[23] = {1};
static const uint8_t av1c[] = {0x81, 5, 0x0c, 0};
static const uint8_t vpcc[] = {1, 0, 0, 0, 0, 31, 0x80, 1, 1, 1, 0, 0};

/* Boxes in a sample entry stand behind its fields. */
enum { VIDEO_ENTRY = 8 + 8 + 78, SOUND_ENTRY = 8 + 8 + 28, SOUND_ENTRY_QT = SOUND_ENTRY + 16 };

static struct str in_entry(struct str header, const char *stbl, size_t skip, const char *name) {
    char path[80];
    snprintf(path, sizeof path, "%sstsd", stbl);
    struct str stsd = find_box(header, path);
    assert_true(stsd.len > skip);
    return find_box((struct str){stsd.ptr + skip, stsd.len - skip}, name);
}

static void sample_entries(void **state) {
    (void)state;
    static const struct {
        enum codec codec;
        enum format format;
        const uint8_t *config;
        size_t config_size;
        const char *entry, *box, *brands, *colour;
        const char *name; /* of the compressor, behind its length */
    } cases[] = {
        {CODEC_H264, FORMAT_MP4, config, sizeof config, "avc1", "avcC", "isomiso2avc1mp41", "nclx",
         ""},
        {CODEC_HEVC, FORMAT_MP4, hvcc, sizeof hvcc, "hvc1", "hvcC", "isomiso2mp41", "nclx",
         "\x0bHEVC Coding"},
        {CODEC_AV1, FORMAT_MP4, av1c, sizeof av1c, "av01", "av1C", "isomav01iso2mp41", "nclx",
         "\x0a"
         "AOM Coding"},
        {CODEC_VP9, FORMAT_MP4, vpcc, sizeof vpcc, "vp09", "vpcC", "isomiso2mp41", "nclx",
         "\x0aVPC Coding"},
        {CODEC_H264, FORMAT_MOV, config, sizeof config, "avc1", "avcC", "qt  ", "nclc", ""},
        {CODEC_HEVC, FORMAT_MOV, hvcc, sizeof hvcc, "hvc1", "hvcC", "qt  ", "nclc",
         "\x0bHEVC Coding"},
        {CODEC_PRORES, FORMAT_MOV, NULL, 0, "apch", NULL, "qt  ", "nclc",
         "\x15"
         "Apple ProRes 422 (HQ)"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct mp4_movie movie = movie_of(two_runs, 2);
        movie.codec = cases[i].codec;
        movie.format = cases[i].format;
        movie.config = cases[i].config;
        movie.config_size = cases[i].config_size;
        struct str header = make(arena, &movie), brands = find_box(header, "ftyp");
        assert_int_equal(brands.len, 8 + strlen(cases[i].brands));
        assert_memory_equal(brands.ptr + 8, cases[i].brands, brands.len - 8);
        struct str stsd = find_box(header, STBL "stsd");
        assert_memory_equal(stsd.ptr + 12, cases[i].entry, 4);
        assert_memory_equal(stsd.ptr + 8 + 8 + 42, cases[i].name, strlen(cases[i].name) + 1);
        if (cases[i].box) {
            struct str box = in_entry(header, STBL, VIDEO_ENTRY, cases[i].box);
            assert_int_equal(box.len, cases[i].config_size);
            assert_memory_equal(box.ptr, cases[i].config, box.len);
        }
        struct str colour = in_entry(header, STBL, VIDEO_ENTRY, "colr");
        bool mov = cases[i].format == FORMAT_MOV;
        assert_int_equal(colour.len, mov ? 10 : 11);
        assert_memory_equal(colour.ptr, cases[i].colour, 4);
        assert_memory_equal(colour.ptr + 4, "\0\1\0\1\0\1", 6);
        assert_int_equal(in_entry(header, STBL, VIDEO_ENTRY, "fiel").len, mov ? 2 : 0);
        /* QuickTime says where the data is, and what the handlers are for. */
        assert_int_equal(find_box(header, "moov/trak/mdia/minf/hdlr").len > 0, mov);
        struct str handler = find_box(header, "moov/trak/mdia/hdlr");
        assert_memory_equal(handler.ptr + 4, mov ? "mhlrvide" : "\0\0\0\0vide", 8);
        assert_memory_equal(handler.ptr + 24, mov ? "\x0cVideoHandler" : "VideoHandler", 13);
    }
}

static void still_frames_need_no_stss(void **state) {
    (void)state;
    static const struct media_sample frames[] = {{10, 0, true}, {9, 0, true}};
    static const struct mp4_run run = {frames, 2};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct mp4_movie movie = movie_of(&run, 1);
    assert_int_equal(field(make(arena, &movie), STBL "stss", 4, 4), 2);
    movie.codec = CODEC_PRORES;
    movie.format = FORMAT_MOV;
    movie.config_size = 0;
    assert_null(find_box(make(arena, &movie), STBL "stss").ptr);
}

static void several_keys_in_a_segment(void **state) {
    (void)state;
    static const struct media_sample frames[] = {
        {10, 0, true}, {9, 0, false}, {8, 0, true}, {7, 0, false}};
    static const struct mp4_run runs[] = {{frames, 4}, {frames, 3}};
    static const uint32_t numbers[] = {1, 3, 5, 7};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct mp4_movie movie = movie_of(runs, 2);
    struct str header = make(arena, &movie);
    assert_int_equal(field(header, STBL "stss", 4, 4), ARRAY_SIZE(numbers));
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        assert_int_equal(field(header, STBL "stss", 8 + 4 * i, 4), numbers[i]);
}

/* ---- sound ---- */

/* The boxes of the second track, as if they were a film's. */
static struct str sound_track(struct arena *arena, struct str header) {
    struct str moov = find_box(header, "moov");
    const char *at = moov.ptr;
    for (int traks = 0;;) {
        uint64_t size = read_big(at, 4);
        if (memcmp(at + 4, "trak", 4) == 0 && traks++ == 1) {
            char *box = arena_alloc(arena, size + 8);
            memcpy(box, "\0\0\0\0moov", 8);
            for (int i = 0; i < 4; i++)
                box[i] = (char)((size + 8) >> (24 - 8 * i));
            memcpy(box + 8, at, size);
            return (struct str){box, size + 8};
        }
        at += size;
        assert_true(at < moov.ptr + moov.len);
    }
}

/* Seven frames at 30 a second, 11,200 samples and 1,024 of priming: twelve packets. */
static struct mp4_movie film_with_sound(struct arena *arena, struct tune *tune,
                                        const struct mp4_packets *packets) {
    struct mp4_movie movie = movie_of(two_runs, 2);
    tune_fake(arena, "aac", 11200, tune);
    movie.sound = &tune->index;
    movie.packets = packets;
    return movie;
}

static void sound_tables(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct tune tune;
    static struct mp4_packets packets[2];
    struct mp4_movie movie = film_with_sound(arena, &tune, packets);
    packets[0] = (struct mp4_packets){tune.index.sizes, 8};
    packets[1] = (struct mp4_packets){tune.index.sizes + 8, 4};
    uint32_t first_bytes = 0;
    for (int i = 0; i < 8; i++)
        first_bytes += tune.index.sizes[i];
    assert_int_equal(tune.index.packet_count, 12);
    struct str header = make(arena, &movie), track = sound_track(arena, header);
    assert_int_equal(read_big(header.ptr + header.len - 8, 4), 8 + 452 + tune.packets.len);
    assert_int_equal(field(header, "moov/mvhd", 96, 4), 3); /* next track */
    /* Samples of segment 0, its packets, segment 1, its packets. */
    assert_int_equal(field(header, STBL "stco", 8, 4), header.len);
    assert_int_equal(field(header, STBL "stco", 12, 4), header.len + 191 + first_bytes);
    assert_int_equal(field(track, STBL "stco", 4, 4), 2);
    assert_int_equal(field(track, STBL "stco", 8, 4), header.len + 191);
    assert_int_equal(field(track, STBL "stco", 12, 4), header.len + 452 + first_bytes);
    assert_int_equal(field(track, STBL "stsc", 4, 4), 2);
    assert_int_equal(field(track, STBL "stsc", 12, 4), 8);
    assert_int_equal(field(track, STBL "stsc", 24, 4), 4);
    assert_int_equal(field(track, STBL "stsz", 8, 4), 12);
    assert_int_equal(field(track, STBL "stsz", 12 + 4 * 3, 4), tune.index.sizes[3]);
    /* Eleven whole packets and what is heard of the last. */
    assert_int_equal(field(track, STBL "stts", 4, 4), 2);
    assert_int_equal(field(track, STBL "stts", 8, 4), 11);
    assert_int_equal(field(track, STBL "stts", 12, 4), 1024);
    assert_int_equal(field(track, STBL "stts", 16, 4), 1);
    assert_int_equal(field(track, STBL "stts", 20, 4), 1024 + 11200 - 11 * 1024);
    assert_int_equal(field(track, "moov/trak/mdia/mdhd", 12, 4), 48000);
    assert_int_equal(field(track, "moov/trak/mdia/mdhd", 16, 4), 1024 + 11200);
    /* The film's length of it, from behind the priming. */
    assert_int_equal(field(track, "moov/trak/edts/elst", 8, 4), 7 * 334);
    assert_int_equal(field(track, "moov/trak/edts/elst", 12, 4), 1024);
    assert_int_equal(field(track, "moov/trak/tkhd", 12, 4), 2);
    assert_int_equal(field(track, "moov/trak/tkhd", 20, 4), 7 * 334);
    assert_int_equal(field(track, "moov/trak/tkhd", 36, 2), 0x100);
    assert_memory_equal(find_box(track, "moov/trak/mdia/hdlr").ptr + 8, "soun", 4);
    assert_int_equal(find_box(track, "moov/trak/mdia/minf/smhd").len, 8);
    assert_int_equal(field(track, STBL "sbgp", 12, 4), 12);
    assert_int_equal(field(track, STBL "sgpd", 16, 2), 0xffff);
    assert_null(find_box(track, STBL "stss").ptr);
}

static void sound_entries(void **state) {
    (void)state;
    for (int mov = 0; mov < 2; mov++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct tune tune;
        static struct mp4_packets packets[2];
        struct mp4_movie movie = film_with_sound(arena, &tune, packets);
        packets[0] = (struct mp4_packets){tune.index.sizes, 12};
        packets[1] = (struct mp4_packets){NULL, 0};
        movie.format = mov ? FORMAT_MOV : FORMAT_MP4;
        struct str track = sound_track(arena, make(arena, &movie));
        struct str stsd = find_box(track, STBL "stsd");
        assert_memory_equal(stsd.ptr + 12, "mp4a", 4);
        assert_int_equal(read_big(stsd.ptr + 24, 2), mov);   /* version */
        assert_int_equal(read_big(stsd.ptr + 32, 2), 2);     /* channels */
        assert_int_equal(read_big(stsd.ptr + 40, 2), 48000); /* rate */
        struct str esds =
            in_entry(track, STBL, mov ? SOUND_ENTRY_QT : SOUND_ENTRY, mov ? "wave/esds" : "esds");
        /* Tag 5, two bytes: AAC-LC, 48,000, two channels. */
        static const char specific[] = {5, '\x80', '\x80', '\x80', 2, 0x11, '\x90'};
        assert_int_equal(esds.len, 4 + 8 + 18 + 7 + 6);
        assert_memory_equal(esds.ptr + 4 + 8 + 18, specific, sizeof specific);
        if (mov)
            assert_memory_equal(in_entry(track, STBL, SOUND_ENTRY_QT, "wave/frma").ptr, "mp4a", 4);
        /* A segment without a packet is no chunk. */
        assert_int_equal(field(track, STBL "stco", 4, 4), 1);
        assert_int_equal(field(track, STBL "stsc", 4, 4), 1);
    }
}

/* Both tracks have 64-bit offsets as soon as one of them needs it. */
static void sound_beyond_four_gigabytes(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct tune tune;
    static struct mp4_packets packets[2];
    struct media_sample samples[] = {{UINT32_MAX, 0, true}, {1, 0, false}};
    const struct mp4_run runs[] = {{samples, 1}, {samples, 2}};
    struct mp4_movie movie = film_with_sound(arena, &tune, packets);
    packets[0] = (struct mp4_packets){tune.index.sizes, 6};
    packets[1] = (struct mp4_packets){tune.index.sizes + 6, 6};
    movie.runs = runs;
    struct str header = make(arena, &movie), track = sound_track(arena, header);
    uint64_t first_bytes = 0;
    for (int i = 0; i < 6; i++)
        first_bytes += tune.index.sizes[i];
    assert_null(find_box(track, STBL "stco").ptr);
    assert_int_equal(field(header, STBL "co64", 16, 8), header.len + UINT32_MAX + first_bytes);
    assert_int_equal(field(track, STBL "co64", 8, 8), header.len + UINT32_MAX);
    assert_int_equal(field(track, STBL "co64", 16, 8),
                     header.len + UINT64_C(2) * UINT32_MAX + 1 + first_bytes);
    assert_int_equal(read_big(header.ptr + header.len - 8, 8),
                     16 + UINT64_C(2) * UINT32_MAX + 1 + tune.packets.len);
}

/* ---- as another program reads it ---- */

static void libavformat_reads_it(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct mp4_movie movie = movie_of(two_runs, 2);
    struct str header = make(arena, &movie);
    struct str parts[] = {header, {arena_alloc(arena, 452), 452}};
    struct watched watched;
    watch(arena, join(arena, parts, 2), false, &watched);
    static const struct watched_packet expected[] = {
        {0, -1, 100, true, 0}, {3, 0, 50, false, 0}, {1, 1, 20, false, 0}, {2, 2, 21, false, 0},
        {4, 3, 200, true, 0},  {5, 4, 30, false, 0}, {6, 5, 31, false, 0},
    };
    assert_int_equal(watched.width, 64);
    assert_int_equal(watched.height, 48);
    assert_int_equal(watched.duration, 7 * 334);
    assert_true(watched.is_bt709_limited);
    assert_true(watched.has_square_pixels);
    assert_int_equal(watched.packet_count, ARRAY_SIZE(expected));
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        assert_int_equal(watched.packets[i].pts, expected[i].pts);
        assert_int_equal(watched.packets[i].dts, expected[i].dts);
        assert_int_equal(watched.packets[i].size, expected[i].size);
        assert_int_equal(watched.packets[i].key, expected[i].key);
    }
}

/* ---- refused ---- */

static void refuse(const struct mp4_movie *movie, const char *text) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct str header;
    struct error err = {0};
    assert_false(mp4_header(arena, movie, &header, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.text, text);
}

static void impossible_movies(void **state) {
    (void)state;
    static const char *no_avcc = "the decoder configuration is not one of the film's codec";
    struct mp4_movie movie = movie_of(two_runs, 2);
    movie.width = 0;
    refuse(&movie, "a film of 0x48 cannot be written as MP4");
    movie.width = 65536;
    refuse(&movie, "a film of 65536x48 cannot be written as MP4");
    movie = movie_of(two_runs, 2);
    movie.config_size = 6;
    refuse(&movie, no_avcc);
    movie.config = (const uint8_t *)"\0\0\0\1\x67\x64\0\x28";
    movie.config_size = 8;
    refuse(&movie, no_avcc);
    movie = movie_of(two_runs, 0);
    refuse(&movie, "a film without a segment");
    static const struct rational rates[] = {
        {0, 1}, {-30, 1}, {30, 0}, {INT64_C(1) << 31, 1}, {1000000001, 1000000000}, {1, 6711}};
    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        char text[128];
        movie = movie_of(two_runs, 2);
        movie.fps = rates[i];
        snprintf(text, sizeof text, "frame rate %lld/%lld does not fit into an MP4 file",
                 (long long)rates[i].num, (long long)rates[i].den);
        refuse(&movie, text);
    }
}

static void impossible_sounds(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct tune tune;
    static struct mp4_packets packets[2];
    struct mp4_movie movie = film_with_sound(arena, &tune, packets);
    refuse(&movie, "the audio packets do not last as the sound");
    packets[0] = (struct mp4_packets){tune.index.sizes, 11};
    refuse(&movie, "the audio packets do not last as the sound");
    packets[1] = (struct mp4_packets){tune.index.sizes, 2};
    refuse(&movie, "the audio packets do not last as the sound");
    packets[1].count = 1;
    tune.index.sizes[4] = 0;
    refuse(&movie, "audio packet 4 of segment 0 is not possible");
    tune.index.sizes[4] = SOUND_MAX_PACKET_BYTES + 1;
    refuse(&movie, "audio packet 4 of segment 0 is not possible");
}

static void not_for_this_file(void **state) {
    (void)state;
    struct mp4_movie movie = movie_of(two_runs, 2);
    movie.format = FORMAT_WEBM;
    refuse(&movie, "the film cannot be written as MP4");
    movie.format = FORMAT_MP4;
    movie.codec = CODEC_GIF;
    movie.config_size = 0;
    refuse(&movie, "the film cannot be written as MP4");
}

static void impossible_samples(void **state) {
    (void)state;
    static const struct {
        struct media_sample samples[2];
        uint32_t count;
        const char *text;
    } cases[] = {
        {{{0}}, 0, "segment 1 is empty"},
        {{{10, 1, false}, {10, 1, true}}, 2, "sample 0 of segment 1 is not possible"},
        {{{10, 1, true}, {0, 1, false}}, 2, "sample 1 of segment 1 is not possible"},
        {{{10, 1, true}, {10, -1, false}}, 2, "sample 1 of segment 1 is not possible"},
        {{{10, 1, true}, {10, 65, false}}, 2, "sample 1 of segment 1 is not possible"},
        {{{10, 2, true}, {10, 1, false}},
         2,
         "segment 1 delays its pictures by 2 frames, the first by 1"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct mp4_run runs[] = {{second, 3}, {cases[i].samples, cases[i].count}};
        struct mp4_movie movie = movie_of(runs, 2);
        refuse(&movie, cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables),
        cmocka_unit_test(runs_of_equal_length),
        cmocka_unit_test(no_reordering_no_ctts),
        cmocka_unit_test(times),
        cmocka_unit_test(around_four_gigabytes),
        cmocka_unit_test(long_durations),
        cmocka_unit_test(sample_entries),
        cmocka_unit_test(still_frames_need_no_stss),
        cmocka_unit_test(several_keys_in_a_segment),
        cmocka_unit_test(sound_tables),
        cmocka_unit_test(sound_entries),
        cmocka_unit_test(sound_beyond_four_gigabytes),
        cmocka_unit_test(libavformat_reads_it),
        cmocka_unit_test(impossible_movies),
        cmocka_unit_test(impossible_samples),
        cmocka_unit_test(impossible_sounds),
        cmocka_unit_test(not_for_this_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
