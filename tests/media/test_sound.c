/* Sound objects: written and read; every member that is changed is refused; each packet belongs to
 * one segment. */
#include "tune.h"

#include "job/document.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct str trailer_of(struct str object) {
    return (struct str){object.ptr + object.len - SOUND_TRAILER_BYTES, SOUND_TRAILER_BYTES};
}

static struct str index_of(struct str object) {
    uint64_t size;
    struct error err;
    assert_true(sound_index_size(trailer_of(object), object.len, &size, &err));
    return (struct str){trailer_of(object).ptr - size, (size_t)size};
}

static void written_and_read(void **state) {
    (void)state;
    static const char *const codecs[] = {"aac", "opus"};
    for (size_t c = 0; c < ARRAY_SIZE(codecs); c++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct tune tune;
        struct sound_index read;
        struct error err;
        tune_fake(arena, codecs[c], 100000, &tune);
        assert_memory_equal(tune.object.ptr, tune.packets.ptr, tune.packets.len);
        assert_memory_equal(tune.object.ptr + tune.object.len - 4, "TSS1", 4);
        assert_true(sound_index_parse(arena, index_of(tune.object), tune.object.len, &read, &err));
        assert_string_equal(read.codec, codecs[c]);
        assert_int_equal(read.rate, 48000);
        assert_int_equal(read.channels, 2);
        assert_int_equal(read.samples_packet, tune.index.samples_packet);
        assert_int_equal(read.priming, tune.index.priming);
        assert_int_equal(read.samples, 100000);
        assert_int_equal(read.config_size, tune.index.config_size);
        assert_memory_equal(read.config, tune.index.config, read.config_size);
        assert_int_equal(read.packet_count, tune.index.packet_count);
        assert_memory_equal(read.sizes, tune.index.sizes, read.packet_count * sizeof *read.sizes);
    }
}

static void real_encoders_fit(void **state) {
    (void)state;
    static const char *const codecs[] = {"aac", "opus"};
    for (size_t c = 0; c < ARRAY_SIZE(codecs); c++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct tune tune;
        struct sound_index read;
        struct error err = {0};
        tune_make(arena, codecs[c], 50000, 1000, &tune);
        if (!sound_index_parse(arena, index_of(tune.object), tune.object.len, &read, &err))
            fail_msg("%s: %s", codecs[c], err.text);
    }
}

/* ---- packets of segments ---- */

/* Segments of various lengths, as many frames as it takes. */
static void make_plan(struct arena *arena, struct rational fps, uint32_t count, struct plan *ret) {
    static const uint32_t lengths[] = {240, 1, 30, 7, 60, 2, 120};
    struct segment *segments = arena_array(arena, count, sizeof *segments);
    uint64_t frame = 0;
    for (uint32_t i = 0; i < count; i++) {
        segments[i] = (struct segment){frame, lengths[i % ARRAY_SIZE(lengths)], 0, 1};
        frame += segments[i].frame_count;
    }
    *ret = (struct plan){.segments = segments, .segment_count = count};
    ret->manifest.settings.fps = fps;
    ret->timeline.frame_count = frame;
}

static void packets_belong_to_one_segment(void **state) {
    (void)state;
    static const struct rational rates[] = {{1, 1},  {24000, 1001}, {25, 1}, {2997, 100},
                                            {30, 1}, {50, 1},       {60, 1}, {120, 1}};
    static const char *const codecs[] = {"aac", "opus"};
    for (size_t i = 0; i < 2 * ARRAY_SIZE(rates); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct rational fps = rates[i / 2];
        struct plan plan;
        struct tune tune;
        make_plan(arena, fps, 40, &plan);
        tune_fake(arena, codecs[i % 2],
                  plan.timeline.frame_count * 48000 * (uint64_t)fps.den / (uint64_t)fps.num, &tune);
        const struct sound_index *index = &tune.index;
        uint32_t packet = 0;
        uint64_t offset = 0;
        for (uint32_t s = 0; s < plan.segment_count; s++) {
            struct sound_range range = sound_range_of(index, &plan, (struct segment_range){s, 1});
            double start = (double)plan.segments[s].first_frame * (double)fps.den / (double)fps.num;
            double end = start + plan.segments[s].frame_count * (double)fps.den / (double)fps.num;
            assert_int_equal(range.first, packet);
            assert_int_equal(range.first, sound_first_packet(index, &plan, s));
            assert_int_equal(range.offset, offset);
            for (uint32_t p = packet; p < packet + range.count; p++) {
                double time = ((double)p * index->samples_packet - index->priming) / index->rate;
                assert_true(s == 0 || time >= start - 1e-9);
                assert_true(s + 1 == plan.segment_count || time < end - 1e-9);
            }
            packet += range.count;
            offset += range.size;
        }
        assert_int_equal(packet, index->packet_count);
        assert_int_equal(offset, tune.packets.len);
        struct sound_range some = sound_range_of(index, &plan, (struct segment_range){3, 30});
        assert_int_equal(some.first, sound_first_packet(index, &plan, 3));
        assert_int_equal(some.first + some.count, sound_first_packet(index, &plan, 33));
    }
}

/* A packet that begins with a segment's first frame is that segment's. */
static void borders_are_exact(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct segment segments[] = {{0, 48, 0, 1}, {48, 48, 0, 1}, {96, 16, 0, 1}};
    struct plan plan = {.segments = segments, .segment_count = 3};
    struct tune tune;
    plan.manifest.settings.fps = (struct rational){375, 8}; /* 1024 samples a frame */
    plan.timeline.frame_count = 112;
    tune_fake(arena, "aac", 112 * 1024, &tune);
    assert_int_equal(sound_first_packet(&tune.index, &plan, 0), 0);
    assert_int_equal(sound_first_packet(&tune.index, &plan, 1), 49);
    assert_int_equal(sound_first_packet(&tune.index, &plan, 2), 97);
    assert_int_equal(sound_first_packet(&tune.index, &plan, 3), 113);
    tune.index.priming = 1023;
    assert_int_equal(sound_first_packet(&tune.index, &plan, 1), 49);
    tune.index.priming = 1025;
    assert_int_equal(sound_first_packet(&tune.index, &plan, 1), 50);
    /* A sound that ends early. */
    tune.index.packet_count = 60;
    assert_int_equal(sound_first_packet(&tune.index, &plan, 2), 60);
}

/* ---- refused ---- */

static void trailers(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        uint64_t object_size;
        uint64_t index_size; /* 0: refused */
    } cases[] = {
        {"\0\0\0\x10TSS1", 8, 24, 16},
        {"\0\0\x01\x02TSS1", 8, 1000, 258},
        {"\0\0\0\x10TSS1", 8, 23, 0},
        {"\x04\0\0\1TSS1", 8, UINT64_C(1) << 40, 0},
        {"\xff\xff\xff\xffTSS1", 8, UINT64_MAX, 0},
        {"\0\0\0\0TSS1", 8, 1000, 0},
        {"\0\0\0\x10TSC1", 8, 1000, 0},
        {"\0\0\0\x10TSS", 7, 1000, 0},
        {"\0\0\0\x10TSS1x", 9, 1000, 0},
        {"\0\0\0\x10TSS1", 8, 7, 0},
        {"", 0, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t size = 0;
        struct error err = {0};
        bool good = sound_index_size((struct str){cases[i].bytes, cases[i].size},
                                     cases[i].object_size, &size, &err);
        assert_int_equal(good, cases[i].index_size > 0);
        assert_int_equal(size, cases[i].index_size);
        if (!good)
            assert_int_equal(err.kind, ERROR_INVALID);
    }
}

struct change {
    const char *name;
    const char *value; /* NULL: taken away */
};

/* Of a sound of AAC with five packets: 1, 8, 15, 22, 29 bytes. */
static const struct change aac_changes[] = {
    {"version", "2"},
    {"version", "\"1\""},
    {"version", NULL},
    {"surplus", "1"},
    {"codec", "\"opus\""},
    {"codec", "\"mp3\""},
    {"codec", "\"\""},
    {"codec", "7"},
    {"codec", NULL},
    {"rate", "44100"},
    {"rate", "0"},
    {"rate", "-48000"},
    {"rate", "4294967296"},
    {"rate", NULL},
    {"channels", "1"},
    {"channels", "0"},
    {"channels", "6"},
    {"channels", NULL},
    {"samples_packet", "0"},
    {"samples_packet", "960"},
    {"samples_packet", "2048"},
    {"samples_packet", NULL},
    {"priming", "65537"},
    {"priming", "-1"},
    {"priming", "5000"},
    {"priming", "0"},
    {"priming", NULL},
    {"samples", "0"},
    {"samples", "4097"},
    {"samples", "3072"},
    {"samples", "9223372036854775807"},
    {"samples", "4096.0"},
    {"samples", NULL},
    {"config", "\"\""},
    {"config", "\"EQ==\""},
    {"config", "\"CRA=\""}, /* Main */
    {"config", "\"EhA=\""}, /* 44100 */
    {"config", "\"EYg=\""}, /* mono */
    {"config", "\"!!!!\""},
    {"config", "17"},
    {"config", NULL},
    {"sizes", "\"\""},
    {"sizes", "\"AAEACAAPABYAHQ\""},
    {"sizes", "\"AAEACAAPABYAHQA=\""},
    {"sizes", "\"AAEACAAPABYAHg==\""}, /* a byte more */
    {"sizes", "\"AAEACAAPABYAHAAB\""}, /* six packets */
    {"sizes", "\"AAAACQAPABYAHQ==\""}, /* an empty one */
    {"sizes", "\"QAEACAAPABYAHQ==\""}, /* a large one */
    {"sizes", "[1,8,15,22,29]"},
    {"sizes", NULL},
};

static const struct change opus_changes[] = {
    {"rate", "44100"},
    {"samples_packet", "1024"},
    {"priming", "311"},
    {"channels", "1"},
    {"config", "\"AAIBOAAAu4AAAAE=\""}, /* family 1 */
    {"config", "\"AQIBOAAAu4AAAAA=\""}, /* version 1 */
    {"config", "\"AAIBOAAAu4AAAA==\""}, /* short */
    {"codec", "\"aac\""},
};

static bool parses(struct arena *arena, const json_t *root, size_t packet_bytes,
                   struct error *err) {
    struct sound_index read;
    char *text = json_dumps(root, JSON_COMPACT);
    struct str index = arena_str(arena, str_c(text));
    free(text);
    return sound_index_parse(arena, index, packet_bytes + index.len + SOUND_TRAILER_BYTES, &read,
                             err);
}

static void check_changes(const char *codec, uint64_t samples, const struct change *changes,
                          size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct tune tune;
        struct error err = {0};
        tune_fake(arena, codec, samples, &tune);
        struct str index = index_of(tune.object);
        json_t *root CLEANUP(document_release) = json_loadb(index.ptr, index.len, 0, NULL);
        assert_true(parses(arena, root, tune.packets.len, &err));
        if (changes[i].value)
            json_object_set_new(root, changes[i].name,
                                json_loads(changes[i].value, JSON_DECODE_ANY, NULL));
        else
            json_object_del(root, changes[i].name);
        if (parses(arena, root, tune.packets.len, &err))
            fail_msg("%s = %s was taken", changes[i].name,
                     changes[i].value ? changes[i].value : "nothing");
        assert_int_equal(err.kind, ERROR_INVALID);
    }
}

static void changed_indexes(void **state) {
    (void)state;
    check_changes("aac", 4096, aac_changes, ARRAY_SIZE(aac_changes));
    check_changes("opus", 4000, opus_changes, ARRAY_SIZE(opus_changes));
}

static void other_sizes_and_cuts(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct tune tune;
    struct sound_index read;
    struct error err = {0};
    tune_fake(arena, "aac", 4096, &tune);
    struct str index = index_of(tune.object);
    static const int64_t others[] = {-1, 1, -75, 1000000};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_false(
            sound_index_parse(arena, index, tune.object.len + (uint64_t)others[i], &read, &err));
    for (size_t length = 0; length < index.len; length++)
        assert_false(sound_index_parse(arena, (struct str){index.ptr, length}, tune.object.len,
                                       &read, &err));
    assert_false(
        sound_index_parse(arena, (struct str){index.ptr, SIZE_MAX - 3}, UINT64_MAX, &read, &err));
    assert_false(sound_index_parse(arena, index, 10, &read, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_and_read),
        cmocka_unit_test(real_encoders_fit),
        cmocka_unit_test(packets_belong_to_one_segment),
        cmocka_unit_test(borders_are_exact),
        cmocka_unit_test(trailers),
        cmocka_unit_test(changed_indexes),
        cmocka_unit_test(other_sizes_and_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
