/* The WebM file, read back element by element. */
#include "media/webm.h"

#include "tune.h"

#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    EBML = 0x1a45dfa3,
    SEGMENT = 0x18538067,
    SEEK_HEAD = 0x114d9b74,
    INFO = 0x1549a966,
    TRACKS = 0x1654ae6b,
    CUES = 0x1c53bb6b,
    CLUSTER = 0x1f43b675,
    MAX_BYTES = 1 << 22,
    MAX_SEGMENTS = 8,
};

static const uint8_t vpcc[] = {1, 0, 0, 0, 1, 31, 0x82, 1, 1, 1, 0, 0};
static const uint8_t av1c[] = {0x81, 5, 0x0c, 0, 0x0a, 0x0b};

/* ---- elements ---- */

static uint64_t read_big(const char *at, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | (uint8_t)at[i];
    return value;
}

static size_t width_of(char first) {
    size_t width = 1;
    while (width < 8 && !((uint8_t)first & 0x80 >> (width - 1)))
        width++;
    return width;
}

struct element {
    uint64_t id;
    struct str contents;
};

/* The first element; what is behind it in `rest`. All sizes are known. */
static struct element next_element(struct str elements, struct str *rest) {
    assert_true(elements.len >= 2);
    size_t id = width_of(elements.ptr[0]), size = width_of(elements.ptr[id]);
    assert_true(id <= 4 && id + size <= elements.len);
    uint64_t length = read_big(elements.ptr + id, size) & ((UINT64_C(1) << 7 * size) - 1);
    assert_true(length <= elements.len - id - size);
    *rest = (struct str){elements.ptr + id + size + length, elements.len - id - size - length};
    return (struct element){read_big(elements.ptr, id), {elements.ptr + id + size, (size_t)length}};
}

/* The contents of the `number`-th child of that kind; NULL when there are not so many. */
static struct str child(struct str elements, uint64_t id, size_t number) {
    while (elements.len > 0) {
        struct element element = next_element(elements, &elements);
        if (element.id == id && number-- == 0)
            return element.contents;
    }
    return (struct str){0};
}

static uint64_t number_in(struct str elements, uint64_t id) {
    struct str contents = child(elements, id, 0);
    assert_in_range(contents.len, 1, 8);
    return read_big(contents.ptr, contents.len);
}

static double float_in(struct str elements, uint64_t id) {
    uint64_t bits = number_in(elements, id);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- films ---- */

struct made {
    struct arena *arena;
    struct segment segments[MAX_SEGMENTS];
    struct plan plan;
    struct media_sample *samples;
    struct tune tune;
    struct mux_run runs[MAX_SEGMENTS];
    struct mux_film film;
    struct buf bytes;
};

static void add_segments(struct made *made, const uint8_t *data, const struct sound_index *sound) {
    struct mux_sound_source source = {.index = sound, .data = made->tune.packets};
    struct error err = {0};
    for (uint32_t s = 0; s < made->plan.segment_count; s++) {
        const struct segment *place = &made->segments[s];
        struct mux_sound packets;
        struct media_segment segment = {
            .number = s,
            .data = data,
            .samples = made->samples + place->first_frame,
            .sample_count = place->frame_count,
        };
        for (uint32_t i = 0; i < place->frame_count; i++)
            segment.size += segment.samples[i].size;
        size_t before = made->bytes.size;
        if (!mux_sound_take(&source, &made->plan, s, &packets, &err) ||
            !mux_segment(&made->plan, &segment, &packets, sound, &made->bytes, &err))
            fail_msg("%s", err.text);
        made->runs[s] = (struct mux_run){made->bytes.size - before, segment.samples,
                                         segment.sample_count, packets.sizes, packets.count};
    }
}

/* Lengths of segments, 0 behind the last. Frame n is of 1 + n % 200 bytes. */
static void make(struct made *made, const uint32_t *lengths, struct rational fps, bool sound) {
    static const uint8_t zeros[1 << 20];
    *made = (struct made){.arena = arena_new()};
    uint64_t frames = 0;
    for (uint32_t s = 0; lengths[s] > 0; s++) {
        made->segments[s] = (struct segment){frames, lengths[s], 0, 1};
        frames += lengths[s];
        made->plan.segment_count++;
    }
    made->plan.segments = made->segments;
    made->plan.timeline.frame_count = frames;
    made->plan.manifest.settings.codec = CODEC_VP9;
    made->plan.manifest.settings.format = FORMAT_WEBM;
    made->plan.manifest.settings.fps = fps;
    made->plan.manifest.settings.width = 640;
    made->plan.manifest.settings.height = 480;
    made->samples = arena_array(made->arena, frames, sizeof *made->samples);
    for (uint64_t i = 0; i < frames; i++)
        made->samples[i].size = 1 + (uint32_t)i % 200;
    for (uint32_t s = 0; s < made->plan.segment_count; s++)
        made->samples[made->segments[s].first_frame].key = true;
    if (sound)
        tune_fake(made->arena, "opus", frames * 48000 * (uint64_t)fps.den / (uint64_t)fps.num,
                  &made->tune);
    const struct sound_index *index = sound ? &made->tune.index : NULL;
    buf_init(&made->bytes, MAX_BYTES);
    add_segments(made, zeros, index);
    made->film = (struct mux_film){&made->plan, vpcc,       sizeof vpcc,
                                   index,       made->runs, made->plan.segment_count};
}

static void made_clear(struct made *made) {
    buf_clear(&made->bytes);
    arena_free(made->arena);
}

/* The Segment's contents; the file is EBML header and Segment, nothing else. */
static struct str segment_of(struct made *made) {
    struct str header, rest;
    struct error err = {0};
    if (!mux_header(made->arena, &made->film, &header, &err))
        fail_msg("%s", err.text);
    char *bytes = arena_alloc(made->arena, header.len + made->bytes.size);
    memcpy(bytes, header.ptr, header.len);
    memcpy(bytes + header.len, made->bytes.data, made->bytes.size);
    struct str file = {bytes, header.len + made->bytes.size};
    struct element ebml = next_element(file, &rest);
    assert_int_equal(ebml.id, EBML);
    assert_true(str_equal_c(child(ebml.contents, 0x4282, 0), "webm"));
    assert_int_equal(number_in(ebml.contents, 0x4287), 4);
    assert_int_equal(number_in(ebml.contents, 0x4285), 2);
    struct element segment = next_element(rest, &rest);
    assert_int_equal(segment.id, SEGMENT);
    assert_int_equal(rest.len, 0);
    return segment.contents;
}

static void places_are_right(void **state) {
    (void)state;
    static const uint32_t lengths[] = {24, 1, 20, 0};
    static const uint64_t ids[] = {INFO, TRACKS, CUES};
    struct made made;
    make(&made, lengths, (struct rational){30, 1}, true);
    struct str segment = segment_of(&made), rest = segment;
    struct element head = next_element(segment, &rest);
    assert_int_equal(head.id, SEEK_HEAD);
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        struct str seek = child(head.contents, 0x4dbb, i);
        assert_int_equal(number_in(seek, 0x53ab), ids[i]);
        uint64_t place = number_in(seek, 0x53ac);
        struct str there = {segment.ptr + place, segment.len - place}, ignored;
        assert_int_equal(next_element(there, &ignored).id, ids[i]);
        /* And in this order, Clusters behind them. */
        assert_int_equal(next_element(rest, &rest).id, ids[i]);
    }
    assert_int_equal(rest.len, made.bytes.size);
    struct str cues = child(segment, CUES, 0);
    for (uint32_t s = 0; s < 3; s++) {
        struct str cue = child(cues, 0xbb, s), positions = child(cue, 0xb7, 0), ignored;
        uint64_t place = number_in(positions, 0xf1);
        struct str there = {segment.ptr + place, segment.len - place};
        struct element cluster = next_element(there, &ignored);
        assert_int_equal(number_in(positions, 0xf7), 1);
        assert_int_equal(cluster.id, CLUSTER);
        assert_int_equal(number_in(cluster.contents, 0xe7), number_in(cue, 0xb3));
        assert_ptr_equal(there.ptr, child(segment, CLUSTER, s).ptr - 12);
    }
    assert_null(child(cues, 0xbb, 3).ptr);
    assert_int_equal(number_in(child(cues, 0xbb, 1), 0xb3), 800);
    assert_int_equal(number_in(child(cues, 0xbb, 2), 0xb3), 833);
    made_clear(&made);
}

static void the_tracks_are_described(void **state) {
    (void)state;
    static const uint32_t lengths[] = {3, 0};
    struct made made;
    make(&made, lengths, (struct rational){30000, 1001}, true);
    struct str segment = segment_of(&made), info = child(segment, INFO, 0);
    assert_int_equal(number_in(info, 0x2ad7b1), 1000000);
    assert_true(fabs(float_in(info, 0x4489) - 100.1) < 1e-9);
    struct str video = child(child(segment, TRACKS, 0), 0xae, 0);
    assert_int_equal(number_in(video, 0xd7), 1);
    assert_int_equal(number_in(video, 0x83), 1);
    assert_true(str_equal_c(child(video, 0x86, 0), "V_VP9"));
    assert_int_equal(number_in(video, 0x23e383), 33366667);
    static const uint8_t features[] = {1, 1, 1, 2, 1, 31, 3, 1, 8, 4, 1, 1};
    struct str private = child(video, 0x63a2, 0);
    assert_int_equal(private.len, sizeof features);
    assert_memory_equal(private.ptr, features, sizeof features);
    struct str picture = child(video, 0xe0, 0), colour = child(picture, 0x55b0, 0);
    assert_int_equal(number_in(picture, 0xb0), 640);
    assert_int_equal(number_in(picture, 0xba), 480);
    assert_int_equal(number_in(colour, 0x55b1), 1);
    assert_int_equal(number_in(colour, 0x55b9), 1);
    assert_int_equal(number_in(colour, 0x55ba), 1);
    assert_int_equal(number_in(colour, 0x55bb), 1);
    struct str audio = child(child(segment, TRACKS, 0), 0xae, 1);
    assert_int_equal(number_in(audio, 0xd7), 2);
    assert_int_equal(number_in(audio, 0x83), 2);
    assert_true(str_equal_c(child(audio, 0x86, 0), "A_OPUS"));
    assert_int_equal(number_in(audio, 0x56aa), 6500000);
    assert_int_equal(number_in(audio, 0x56bb), 80000000);
    private = child(audio, 0x63a2, 0);
    assert_int_equal(private.len, 19);
    assert_memory_equal(private.ptr, "OpusHead\1\2\x38\1\x80\xbb\0\0\0\0\0", 19);
    assert_true(float_in(child(audio, 0xe1, 0), 0xb5) == 48000);
    assert_int_equal(number_in(child(audio, 0xe1, 0), 0x9f), 2);
    made_clear(&made);
}

static void av1_brings_its_own_configuration(void **state) {
    (void)state;
    static const uint32_t lengths[] = {3, 0};
    struct made made;
    make(&made, lengths, (struct rational){30, 1}, false);
    made.plan.manifest.settings.codec = CODEC_AV1;
    made.film.config = av1c;
    made.film.config_size = sizeof av1c;
    struct str tracks = child(segment_of(&made), TRACKS, 0), video = child(tracks, 0xae, 0);
    assert_true(str_equal_c(child(video, 0x86, 0), "V_AV1"));
    struct str private = child(video, 0x63a2, 0);
    assert_int_equal(private.len, sizeof av1c);
    assert_memory_equal(private.ptr, av1c, sizeof av1c);
    assert_null(child(tracks, 0xae, 1).ptr);
    made_clear(&made);
}

/* ---- blocks ---- */

struct walk {
    uint64_t time_ms; /* of the last block */
    uint64_t frames, packets;
    bool discards; /* the last packet tells what of it is not heard */
};

/* One block: of the next frame or packet, at its time. */
static void check_block(const struct made *made, uint64_t cluster_ms, struct element element,
                        struct walk *walk) {
    bool group = element.id == 0xa0;
    struct str block = group ? child(element.contents, 0xa1, 0) : element.contents;
    assert_true(group || element.id == 0xa3);
    uint64_t time = cluster_ms + read_big(block.ptr + 1, 2);
    bool key = (uint8_t)block.ptr[3] & 0x80;
    assert_true((uint8_t)block.ptr[1] < 0x80 && time >= walk->time_ms);
    walk->time_ms = time;
    if ((uint8_t)block.ptr[0] == 0x82) {
        assert_int_equal(time, llround((double)walk->packets * 20));
        assert_int_equal(block.len - 4, made->tune.index.sizes[walk->packets++]);
        walk->discards = group && child(element.contents, 0x75a2, 0).len == 8;
        assert_true(group || key);
        return;
    }
    const struct rational *fps = &made->plan.manifest.settings.fps;
    assert_int_equal((uint8_t)block.ptr[0], 0x81);
    assert_int_equal(key, made->samples[walk->frames].key);
    assert_int_equal(block.len - 4, made->samples[walk->frames].size);
    assert_int_equal(time, (2000 * walk->frames * (uint64_t)fps->den + (uint64_t)fps->num) /
                               (2 * (uint64_t)fps->num));
    walk->frames++;
}

/* All Clusters; the number of them. */
static size_t check_clusters(const struct made *made, struct str segment, struct walk *walk) {
    struct str cluster;
    size_t count = 0;
    for (; (cluster = child(segment, CLUSTER, count)).ptr != NULL; count++) {
        uint64_t time = number_in(cluster, 0xe7);
        struct element element = next_element(cluster, &cluster);
        assert_int_equal(element.id, 0xe7);
        uint64_t frames = walk->frames;
        while (cluster.len > 0) {
            check_block(made, time, next_element(cluster, &cluster), walk);
            assert_true(walk->frames > frames); /* a picture comes first */
        }
    }
    assert_int_equal(walk->frames, made->plan.timeline.frame_count);
    assert_int_equal(walk->packets, made->film.sound ? made->tune.index.packet_count : 0);
    return count;
}

static void blocks_stand_in_time(void **state) {
    (void)state;
    static const struct {
        uint32_t lengths[MAX_SEGMENTS];
        struct rational fps;
        bool sound;
        size_t clusters;
    } cases[] = {
        {{24, 1, 20, 0}, {30, 1}, true, 3},
        {{240, 240, 60, 30, 0}, {24000, 1001}, true, 4},
        {{5, 0}, {120, 1}, false, 1},
        /* 31 pictures in 30 seconds, then the next Cluster. */
        {{31, 0}, {1, 1}, true, 1},
        {{32, 0}, {1, 1}, true, 2},
        {{240, 63, 0}, {1, 1}, true, 8 + 3},
        {{240, 0}, {4, 1}, true, 2},
        {{240, 0}, {4, 1}, false, 2},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct made made;
        struct walk walk = {0};
        make(&made, cases[i].lengths, cases[i].fps, cases[i].sound);
        assert_int_equal(check_clusters(&made, segment_of(&made), &walk), cases[i].clusters);
        made_clear(&made);
    }
}

/* Key frames within a segment begin Clusters with Cues of their own; Clusters cut by time have
 * none. */
static void cues_are_of_key_frames(void **state) {
    (void)state;
    static const uint32_t lengths[] = {100, 0};
    static const uint64_t times[] = {0, 10000, 57000};
    struct made made;
    struct walk walk = {0};
    make(&made, lengths, (struct rational){1, 1}, true);
    made.samples[10].key = made.samples[57].key = true;
    made.bytes.size = 0;
    static const uint8_t zeros[1 << 16];
    add_segments(&made, zeros, &made.tune.index);
    struct str segment = segment_of(&made), cues = child(segment, CUES, 0);
    assert_int_equal(check_clusters(&made, segment, &walk), 5);
    for (size_t i = 0; i < ARRAY_SIZE(times); i++)
        assert_int_equal(number_in(child(cues, 0xbb, i), 0xb3), times[i]);
    assert_null(child(cues, 0xbb, ARRAY_SIZE(times)).ptr);
    made_clear(&made);
}

/* 312 + 45 x 1600 samples: 75.3 packets of 960, so 648 of the last are not heard. */
static void the_last_packet_is_cut(void **state) {
    (void)state;
    static const uint32_t lengths[] = {45, 0}, whole[] = {7, 0};
    struct made made;
    struct walk walk = {0};
    make(&made, lengths, (struct rational){30, 1}, true);
    check_clusters(&made, segment_of(&made), &walk);
    assert_true(walk.discards);
    struct str cluster = child(segment_of(&made), CLUSTER, 0);
    assert_int_equal(number_in(child(cluster, 0xa0, 0), 0x75a2),
                     (76 * 960 - 312 - 72000) * UINT64_C(1000000000) / 48000);
    assert_null(child(cluster, 0xa0, 1).ptr);
    made_clear(&made);
    /* Where it is heard to its end there is nothing to say: 7 / 24 s and the priming of 400. */
    make(&made, whole, (struct rational){24, 1}, false);
    tune_fake(made.arena, "opus", 14000, &made.tune);
    uint8_t *config = (uint8_t *)arena_strndup(made.arena, (const char *)made.tune.index.config,
                                               made.tune.index.config_size);
    config[3] = 0x90;
    made.tune.index.config = config;
    made.tune.index.priming = 400;
    made.film.sound = &made.tune.index;
    made.bytes.size = 0;
    static const uint8_t zeros[1 << 12];
    add_segments(&made, zeros, &made.tune.index);
    walk = (struct walk){0};
    check_clusters(&made, segment_of(&made), &walk);
    assert_false(walk.discards);
    assert_int_equal(walk.packets, 15);
    made_clear(&made);
}

/* ---- refused ---- */

static void frame_rates_that_do_not_fit(void **state) {
    (void)state;
    static const struct rational rates[] = {
        {0, 1}, {-30, 1}, {30, 0}, {1, 2}, {INT64_C(1) << 31, 1}, {120000000, 1000001}};
    static const uint32_t lengths[] = {3, 0};
    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        struct made made;
        struct str header;
        struct error err = {0};
        make(&made, lengths, (struct rational){30, 1}, false);
        made.plan.manifest.settings.fps = rates[i];
        assert_false(mux_header(made.arena, &made.film, &header, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        made_clear(&made);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_right),
        cmocka_unit_test(the_tracks_are_described),
        cmocka_unit_test(av1_brings_its_own_configuration),
        cmocka_unit_test(blocks_stand_in_time),
        cmocka_unit_test(cues_are_of_key_frames),
        cmocka_unit_test(the_last_packet_is_cut),
        cmocka_unit_test(frame_rates_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
