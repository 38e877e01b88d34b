/* Chunks: what is written is read back; every field of an index that is changed is refused. */
#include "media/chunk.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HASH_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HASH_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static const uint8_t config[] = {1, 100, 0, 40, 0xff, 0xe1, 0, 1, 0x67, 1, 0, 1, 0x68};
static const uint8_t other_config[] = {1, 100, 0, 41, 0xff, 0xe1, 0, 1, 0x67, 1, 0, 1, 0x68};

static const struct media_sample samples_7[] = {
    {3, 1, true}, {2, 3, false}, {1, 0, false}, {4, 0, false}};
static const struct media_sample samples_8[] = {{5, 1, true}, {2, 1, false}};

static struct segment segments[10] = {
    [7] = {.frame_count = 4}, [8] = {.frame_count = 2}, [9] = {.frame_count = 1}};
static const struct plan plan = {
    .manifest = {.image_count = 12},
    .segments = segments,
    .segment_count = 10,
};

static const struct media_segment segment_7 = {
    .number = 7,
    .data = (const uint8_t *)"aaabbcdddd",
    .size = 10,
    .samples = samples_7,
    .sample_count = 4,
    .config = config,
    .config_size = sizeof config,
};
static const struct media_segment segment_8 = {
    .number = 8,
    .data = (const uint8_t *)"eeeeeff",
    .size = 7,
    .samples = samples_8,
    .sample_count = 2,
    .config = config,
    .config_size = sizeof config,
    .poster = (const uint8_t *)"JPEG",
    .poster_size = 4,
};

static struct receipt receipt(void) {
    static const char *const warnings[] = {"something to know"};
    return (struct receipt){
        .name = "a.jpg",
        .format = "jpeg",
        .bytes = 12345,
        .width = 640,
        .height = 480,
        .orientation = 6,
        .scaling = "none",
        .decode_ms = 3,
        .warnings = warnings,
        .warning_count = 1,
    };
}

/* The caller frees the writer. */
static struct chunk_writer *write_both(struct str *ret) {
    struct chunk_writer *writer = chunk_writer_new(&plan, NULL);
    struct error err;
    struct receipt one = receipt();
    chunk_writer_add_receipt(writer, 11, &one);
    assert_true(chunk_writer_add(writer, &segment_7, NULL, HASH_A, &err));
    assert_true(chunk_writer_add(writer, &segment_8, NULL, HASH_B, &err));
    *ret = chunk_writer_finish(writer);
    return writer;
}

static struct str index_of(struct str chunk) {
    uint64_t size;
    struct error err;
    struct str trailer = {chunk.ptr + chunk.len - CHUNK_TRAILER_BYTES, CHUNK_TRAILER_BYTES};
    assert_true(chunk_index_size(trailer, chunk.len, &size, &err));
    return (struct str){trailer.ptr - size, size};
}

static void written_and_read(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct str chunk;
    struct chunk_writer *writer = write_both(&chunk);
    struct chunk_index index;
    struct error err;
    assert_memory_equal(chunk.ptr, "aaabbcddddeeeeeffJPEG{", 22);
    assert_memory_equal(chunk.ptr + chunk.len - 4, "TSC1", 4);
    assert_true(chunk_index_parse(arena, index_of(chunk), chunk.len, &plan, &index, &err));
    assert_int_equal(index.segment_count, 2);
    assert_int_equal(index.segments[0].number, 7);
    assert_string_equal(index.segments[0].hash, HASH_A);
    assert_int_equal(index.segments[0].offset, 0);
    assert_int_equal(index.segments[0].size, 10);
    assert_int_equal(index.segments[1].number, 8);
    assert_string_equal(index.segments[1].hash, HASH_B);
    assert_int_equal(index.segments[1].offset, 10);
    assert_int_equal(index.segments[1].size, 7);
    assert_int_equal(index.segments[1].sample_count, 2);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(index.segments[0].samples[i].size, samples_7[i].size);
        assert_int_equal(index.segments[0].samples[i].composition_offset,
                         samples_7[i].composition_offset);
        assert_int_equal(index.segments[0].samples[i].key, samples_7[i].key);
    }
    assert_int_equal(index.poster_offset, 17);
    assert_int_equal(index.poster_size, 4);
    assert_int_equal(index.config_size, sizeof config);
    assert_memory_equal(index.config, config, sizeof config);
    assert_int_equal(json_array_size(index.receipts), 1);
    json_t *read = json_array_get(index.receipts, 0);
    assert_int_equal(json_integer_value(json_object_get(read, "image")), 11);
    assert_string_equal(json_string_value(json_object_get(read, "name")), "a.jpg");
    json_decref(index.receipts);
    chunk_writer_free(writer);
}

static void writer_starts_anew(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct str chunk;
    struct chunk_writer *writer = write_both(&chunk);
    struct error err;
    assert_int_equal(chunk_writer_range(writer).first, 7);
    assert_int_equal(chunk_writer_range(writer).count, 2);
    assert_int_equal(chunk_writer_size(writer), 17);
    /* The same again: nothing is added by ending twice. */
    char *before = arena_strndup(arena, chunk.ptr, chunk.len);
    struct str again = chunk_writer_finish(writer);
    assert_int_equal(again.len, chunk.len);
    assert_memory_equal(again.ptr, before, again.len);
    chunk_writer_reset(writer);
    assert_int_equal(chunk_writer_range(writer).count, 0);
    assert_int_equal(chunk_writer_size(writer), 0);
    struct media_segment segment = segment_8;
    segment.config = other_config;
    segment.poster_size = 0;
    assert_true(chunk_writer_add(writer, &segment, NULL, HASH_A, &err));
    chunk = chunk_writer_finish(writer);
    struct chunk_index index;
    assert_true(chunk_index_parse(arena, index_of(chunk), chunk.len, &plan, &index, &err));
    assert_int_equal(index.segment_count, 1);
    assert_int_equal(index.poster_size, 0);
    assert_int_equal(json_array_size(index.receipts), 0);
    assert_memory_equal(index.config, other_config, sizeof other_config);
    json_decref(index.receipts);
    chunk_writer_free(writer);
    chunk_writer_free(NULL);
}

static void writer_refuses(void **state) {
    (void)state;
    struct chunk_writer *writer = chunk_writer_new(&plan, NULL);
    struct error err = {0};
    struct media_segment segment = segment_7;
    assert_true(chunk_writer_add(writer, &segment, NULL, HASH_A, &err));
    segment = segment_8;
    segment.config = other_config;
    assert_false(chunk_writer_add(writer, &segment, NULL, HASH_A, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_string_equal(err.text, "segment 8 has another decoder configuration than segment 7");
    segment = segment_8;
    segment.size = SIZE_MAX;
    assert_false(chunk_writer_add(writer, &segment, NULL, HASH_A, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    segment = segment_8;
    segment.sample_count = CHUNK_MAX_SAMPLES;
    assert_false(chunk_writer_add(writer, &segment, NULL, HASH_A, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_int_equal(chunk_writer_range(writer).count, 1);
    assert_int_equal(chunk_writer_size(writer), 10);
    chunk_writer_free(writer);
}

static void too_many_segments(void **state) {
    (void)state;
    static struct segment many[8 + CHUNK_MAX_SEGMENTS + 1];
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        many[i].frame_count = 2;
    const struct plan long_plan = {.segments = many, .segment_count = ARRAY_SIZE(many)};
    struct chunk_writer *writer = chunk_writer_new(&long_plan, NULL);
    struct error err = {0};
    struct media_segment segment = segment_8;
    for (uint32_t i = 0; i < CHUNK_MAX_SEGMENTS; i++) {
        segment.number = 8 + i;
        assert_true(chunk_writer_add(writer, &segment, NULL, HASH_A, &err));
    }
    segment.number++;
    assert_false(chunk_writer_add(writer, &segment, NULL, HASH_A, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    chunk_writer_free(writer);
}

/* ---- sound, other codecs ---- */

/* A film of VP9 with Opus: 8 frames, one packet of 960 before each of the last seven, priming 312.
 */
static struct segment short_segments[] = {{0, 5, 0, 1}, {5, 3, 0, 1}};
static uint32_t opus_sizes[] = {30, 31, 32, 33, 34, 35, 36, 37, 38};
static const uint8_t opus_config[] = {0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0};
static const uint8_t vp9_config[] = {1, 0, 0, 0, 0, 31, 0x80, 1, 1, 1, 0, 0};
static const struct sound_index opus = {
    .codec = "opus",
    .rate = 48000,
    .channels = 2,
    .samples_packet = 960,
    .priming = 312,
    .samples = 8 * 960,
    .config = opus_config,
    .config_size = sizeof opus_config,
    .sizes = opus_sizes,
    .packet_count = ARRAY_SIZE(opus_sizes),
};

static struct plan plan_with_sound(enum format format) {
    struct plan film = {.segments = short_segments, .segment_count = 2};
    film.manifest.settings.fps = (struct rational){50, 1};
    film.manifest.settings.codec = format == FORMAT_WEBM ? CODEC_VP9 : CODEC_H264;
    film.manifest.settings.format = format;
    film.timeline.frame_count = 8;
    return film;
}

static const struct media_sample plain_samples[] = {
    {2, 0, true}, {2, 0, false}, {2, 0, true}, {2, 0, false}, {2, 0, false}};

static void sound_goes_along(void **state) {
    (void)state;
    static const enum format formats[] = {FORMAT_MP4, FORMAT_WEBM};
    static const uint8_t packets[512];
    for (size_t f = 0; f < ARRAY_SIZE(formats); f++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct plan film = plan_with_sound(formats[f]);
        struct chunk_writer *writer = chunk_writer_new(&film, &opus);
        struct error err = {0};
        struct media_segment segment = {
            .data = (const uint8_t *)"0123456789",
            .size = 10,
            .samples = plain_samples,
            .sample_count = 5,
            .config = f == 0 ? config : vp9_config,
            .config_size = f == 0 ? sizeof config : sizeof vp9_config,
        };
        struct mux_sound first = {packets, opus_sizes, 6}, second = {packets, opus_sizes + 6, 3};
        assert_false(chunk_writer_add(writer, &segment, NULL, HASH_A, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_true(chunk_writer_add(writer, &segment, &first, HASH_A, &err));
        segment.number = 1;
        segment.size = 6;
        segment.sample_count = 3;
        assert_true(chunk_writer_add(writer, &segment, &second, HASH_B, &err));
        struct str chunk = chunk_writer_finish(writer);
        struct chunk_index index;
        if (!chunk_index_parse(arena, index_of(chunk), chunk.len, &film, &index, &err))
            fail_msg("%s", err.text);
        assert_int_equal(index.segments[0].sound_count, 6);
        assert_int_equal(index.segments[1].sound_count, 3);
        for (uint32_t i = 0; i < 9; i++)
            assert_int_equal(i < 6 ? index.segments[0].sound_sizes[i]
                                   : index.segments[1].sound_sizes[i - 6],
                             opus_sizes[i]);
        assert_true(index.segments[0].samples[2].key);
        /* WebM has its own around them: two Clusters of 22 bytes, 11 blocks of 6. */
        assert_int_equal(index.segments[0].size, 10 + 195 + (f == 0 ? 0 : 2 * 22 + 11 * 6));
        assert_int_equal(index.segments[1].offset, index.segments[0].size);
        assert_memory_equal(chunk.ptr + (f == 0 ? 0 : 28), "01", 2);
        json_decref(index.receipts);
        chunk_writer_free(writer);
    }
}

static void too_many_packets(void **state) {
    (void)state;
    struct plan film = plan_with_sound(FORMAT_MP4);
    struct chunk_writer *writer = chunk_writer_new(&film, &opus);
    struct error err = {0};
    struct media_segment segment = {.data = (const uint8_t *)"0123456789",
                                    .size = 10,
                                    .samples = plain_samples,
                                    .sample_count = 5};
    struct mux_sound sound = {NULL, NULL, CHUNK_MAX_PACKETS + 1};
    assert_false(chunk_writer_add(writer, &segment, &sound, HASH_A, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    chunk_writer_free(writer);
}

/* Pictures of a GIF that stay are of no bytes; nothing configures its decoder. */
static void empty_samples_of_a_gif(void **state) {
    (void)state;
    static const struct media_sample samples[] = {{4, 0, true}, {0, 0, false}, {6, 0, false}};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct plan film = plan_with_sound(FORMAT_GIF);
    film.manifest.settings.codec = CODEC_GIF;
    struct chunk_writer *writer = chunk_writer_new(&film, NULL);
    struct error err = {0};
    struct media_segment segment = {.number = 1,
                                    .data = (const uint8_t *)"0123456789",
                                    .size = 10,
                                    .samples = samples,
                                    .sample_count = 3};
    assert_true(chunk_writer_add(writer, &segment, NULL, HASH_A, &err));
    struct str chunk = chunk_writer_finish(writer);
    struct chunk_index index;
    assert_true(chunk_index_parse(arena, index_of(chunk), chunk.len, &film, &index, &err));
    assert_int_equal(index.config_size, 0);
    assert_int_equal(index.segments[0].samples[1].size, 0);
    json_decref(index.receipts);
    /* The same is no H.264. */
    film.manifest.settings.codec = CODEC_H264;
    film.manifest.settings.format = FORMAT_MP4;
    assert_false(chunk_index_parse(arena, index_of(chunk), chunk.len, &film, &index, &err));
    chunk_writer_free(writer);
}

/* ---- trailers ---- */

static void trailers(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        uint64_t object_size;
        uint64_t index_size; /* 0: refused */
    } cases[] = {
        {"\0\0\0\x10TSC1", 8, 24, 16},
        {"\0\0\x01\x02TSC1", 8, 1000, 258},
        {"\x04\0\0\0TSC1", 8, UINT64_C(1) << 40, CHUNK_MAX_INDEX_BYTES},
        {"\0\0\0\x10TSC1", 8, 23, 0},
        {"\x04\0\0\1TSC1", 8, UINT64_C(1) << 40, 0},
        {"\xff\xff\xff\xffTSC1", 8, UINT64_MAX, 0},
        {"\0\0\0\0TSC1", 8, 1000, 0},
        {"\0\0\0\x10TSC2", 8, 1000, 0},
        {"\0\0\0\x10TSC", 7, 1000, 0},
        {"\0\0\0\x10TSC1x", 9, 1000, 0},
        {"\0\0\0\x10TSC1", 8, 7, 0},
        {"", 0, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t size = 0;
        struct error err = {0};
        bool good = chunk_index_size((struct str){cases[i].bytes, cases[i].size},
                                     cases[i].object_size, &size, &err);
        assert_int_equal(good, cases[i].index_size > 0);
        assert_int_equal(size, cases[i].index_size);
        if (!good)
            assert_int_equal(err.kind, ERROR_INVALID);
    }
}

/* ---- indexes that are not one ---- */

/* A member replaced by a value, or taken away (NULL). The path goes through objects and arrays. */
struct change {
    const char *path;
    const char *value;
};

static const struct change changes[] = {
    {"version", "1"},
    {"version", "\"2\""},
    {"version", NULL},
    {"surplus", "1"},
    {"config", NULL},
    {"config", "\"\""},
    {"config", "\"!!!!\""},
    {"config", "\"AWQAKP/h\""}, /* six bytes */
    {"config", "\"AGQAKP/hAAFnAQABaA==\""},
    {"config", "17"},
    {"poster", NULL},
    {"poster", "3"},
    {"poster", "5"},
    {"poster", "-4"},
    {"poster", "4.0"},
    {"poster", "18446744073709551615"},
    {"receipts", NULL},
    {"receipts", "{}"},
    {"receipts", "null"},
    {"receipts/0/image", "12"},
    {"receipts/0/image", "-1"},
    {"receipts/0/image", NULL},
    {"receipts/0/bytes", "\"many\""},
    {"receipts/0", "7"},
    {"segments", NULL},
    {"segments", "[]"},
    {"segments", "{}"},
    {"segments/0", "null"},
    {"segments/0/number", "6"},
    {"segments/0/number", "8"},
    {"segments/0/number", "-7"},
    {"segments/0/number", NULL},
    {"segments/1/number", "9"},
    {"segments/1/number", "7"},
    {"segments/1/number", "10"},
    {"segments/1/number", "4294967304"},
    {"segments/0/hash", NULL},
    {"segments/0/hash", "\"" HASH_A "0\""},
    {"segments/0/hash", "\"00112233\""},
    {"segments/0/hash", "\"G0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""},
    {"segments/0/hash", "\"00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\""},
    {"segments/0/surplus", "1"},
    {"segments/0/sizes", NULL},
    {"segments/0/sizes", "[3,2,1]"},
    {"segments/0/sizes", "[3,2,1,4,1]"},
    {"segments/0/sizes", "[3,2,1,5]"},
    {"segments/0/sizes", "[3,2,1,3]"},
    {"segments/0/sizes", "[3,2,5,0]"},
    {"segments/0/sizes", "[3,2,-1,6]"},
    {"segments/0/sizes", "[3,2,1,4294967296]"},
    {"segments/0/sizes", "[3,2,1,\"4\"]"},
    {"segments/0/offsets", NULL},
    {"segments/0/offsets", "[1,3,0]"},
    {"segments/0/offsets", "[1,3,0,0,0]"},
    {"segments/0/offsets", "[1,3,0,1]"},
    {"segments/0/offsets", "[1,3,0,-1]"},
    {"segments/0/offsets", "[0,3,0,0]"},
    {"segments/0/offsets", "[65,67,64,64]"},
    {"segments/0/offsets", "[1,1,1,1.0]"},
    {"segments/0/keys", NULL},
    {"segments/0/keys", "[]"},
    {"segments/0/keys", "[1]"},
    {"segments/0/keys", "[0,4]"},
    {"segments/0/keys", "[0,0]"},
    {"segments/0/keys", "[0,2,1]"},
    {"segments/0/keys", "[-1]"},
    {"segments/0/keys", "0"},
    {"segments/0/bytes", NULL},
    {"segments/0/bytes", "9"},
    {"segments/0/bytes", "11"},
    {"segments/0/bytes", "\"10\""},
    {"segments/0/bytes", "-10"},
    {"segments/0/bytes", "18446744073709551615"},
    {"segments/0/sound", NULL},
    {"segments/0/sound", "7"},
    {"segments/0/sound", "null"},
    {"segments/0/sound", "[1]"},
    {"segments/0/sound", "[0]"},
    {"segments/0/sound", "[-1]"},
    {"segments/0/sound", "[1.0]"},
    {"segments/0/sound", "[16385]"},
};

static void apply(json_t *root, const struct change *change) {
    struct str rest, step = str_split(str_c(change->path), '/', &rest);
    json_t *at = root;
    char name[64];
    for (;;) {
        memcpy(name, step.ptr, step.len);
        name[step.len] = '\0';
        if (rest.len == 0)
            break;
        at = json_is_array(at) ? json_array_get(at, (size_t)(name[0] - '0'))
                               : json_object_get(at, name);
        assert_non_null(at);
        step = str_split(rest, '/', &rest);
    }
    json_t *value = change->value ? json_loads(change->value, JSON_DECODE_ANY, NULL) : NULL;
    if (json_is_array(at))
        json_array_set_new(at, (size_t)(name[0] - '0'), value);
    else if (value)
        json_object_set_new(at, name, value);
    else
        json_object_del(at, name);
}

/* Whether the index, behind as many bytes as in the good chunk, is read. */
static bool parses(struct str index, size_t data_bytes, struct error *err) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct chunk_index ret;
    if (!chunk_index_parse(arena, index, data_bytes + index.len + CHUNK_TRAILER_BYTES, &plan, &ret,
                           err))
        return false;
    json_decref(ret.receipts);
    return true;
}

static void changed_indexes(void **state) {
    (void)state;
    struct str chunk;
    struct chunk_writer *writer = write_both(&chunk);
    struct str index = index_of(chunk);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        struct error err = {0};
        json_t *root = json_loadb(index.ptr, index.len, 0, NULL);
        assert_non_null(root);
        apply(root, &changes[i]);
        char *text = json_dumps(root, JSON_COMPACT);
        bool good = parses(str_c(text), 21, &err);
        if (good)
            print_error("%s = %s\n", changes[i].path, changes[i].value ? changes[i].value : "gone");
        assert_false(good);
        assert_int_equal(err.kind, ERROR_INVALID);
        free(text);
        json_decref(root);
    }
    chunk_writer_free(writer);
}

static void other_sizes_and_cuts(void **state) {
    (void)state;
    struct str chunk;
    struct chunk_writer *writer = write_both(&chunk);
    struct str index = index_of(chunk);
    struct error err = {0};
    assert_true(parses(index, 21, &err));
    static const size_t data_sizes[] = {0, 16, 17, 20, 22, 1 << 20};
    for (size_t i = 0; i < ARRAY_SIZE(data_sizes); i++)
        assert_false(parses(index, data_sizes[i], &err));
    for (size_t length = 0; length < index.len; length++)
        assert_false(parses((struct str){index.ptr, length}, 21, &err));
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct chunk_index ret;
    assert_false(chunk_index_parse(arena, index, 10, &plan, &ret, &err));
    assert_false(chunk_index_parse(arena, (struct str){index.ptr, SIZE_MAX - 3}, UINT64_MAX, &plan,
                                   &ret, &err));
    assert_false(parses(str_c("{\"version\":2,\"version\":2}"), 0, &err));
    chunk_writer_free(writer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_and_read),       cmocka_unit_test(writer_starts_anew),
        cmocka_unit_test(writer_refuses),         cmocka_unit_test(too_many_segments),
        cmocka_unit_test(sound_goes_along),       cmocka_unit_test(too_many_packets),
        cmocka_unit_test(empty_samples_of_a_gif), cmocka_unit_test(trailers),
        cmocka_unit_test(changed_indexes),        cmocka_unit_test(other_sizes_and_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
