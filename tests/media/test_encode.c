/* The encoder: repeatable bytes, one avcC for all segments, samples that play. */
#include "drawing.h"
#include "media/encode.h"
#include "media/mp4.h"
#include "watch.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WIDTH = 160, HEIGHT = 96 };

static const enum speed speeds[] = {SPEED_FAST, SPEED_BALANCED, SPEED_SMALL};

static struct encoder_options options_of(enum speed speed, uint32_t frame_count) {
    return (struct encoder_options){
        .width = WIDTH,
        .height = HEIGHT,
        .fps = {30, 1},
        .speed = speed,
        .quality = 75,
        .frame_count = frame_count,
    };
}

/* Pictures `first`…, each shown for `hold` frames. The caller frees the encoder. */
static struct encoder *encode(const struct encoder_options *options, unsigned first, uint32_t hold,
                              struct media_segment *ret) {
    struct encoder *encoder;
    struct error err = {0};
    struct frame frame;
    frame_init(&frame, options->width, options->height);
    assert_true(encoder_new(options, &encoder, &err));
    for (uint32_t i = 0; i < options->frame_count; i += hold) {
        draw_picture(&frame, first + i / hold);
        assert_true(encoder_add(encoder, &frame, hold, NULL, NULL, &err));
    }
    /* The encoder has its own copy. */
    memset(frame.planes[0], 0, frame.strides[0] * frame.height);
    frame_clear(&frame);
    assert_true(encoder_finish(encoder, ret, &err));
    return encoder;
}

static void check_samples(const struct media_segment *segment, uint32_t frame_count) {
    size_t size = 0;
    bool shown[1000] = {false};
    assert_int_equal(segment->sample_count, frame_count);
    for (uint32_t i = 0; i < frame_count; i++) {
        const struct media_sample *sample = &segment->samples[i];
        int64_t place =
            (int64_t)i + sample->composition_offset - segment->samples[0].composition_offset;
        size += sample->size;
        assert_true(sample->composition_offset >= 0);
        assert_int_equal(sample->key, i == 0);
        assert_in_range(place, 0, frame_count - 1);
        assert_false(shown[place]);
        shown[place] = true;
    }
    assert_int_equal(size, segment->size);
}

/* Only slices, each with its length before it. */
static void check_units(const struct media_segment *segment) {
    size_t place = 0;
    for (uint32_t i = 0; i < segment->sample_count; i++) {
        size_t end = place + segment->samples[i].size;
        while (place < end) {
            const uint8_t *unit = segment->data + place;
            size_t size =
                (size_t)unit[0] << 24 | (size_t)unit[1] << 16 | (size_t)unit[2] << 8 | unit[3];
            assert_int_equal(unit[4] & 0x1f, segment->samples[i].key ? 5 : 1);
            place += 4 + size;
        }
        assert_int_equal(place, end);
    }
}

static void samples_are_well_formed(void **state) {
    (void)state;
    static const uint32_t counts[] = {1, 2, 3, 7, 60};
    for (size_t s = 0; s < ARRAY_SIZE(speeds); s++)
        for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
            struct encoder_options options = options_of(speeds[s], counts[c]);
            struct media_segment segment = {0};
            struct encoder *encoder = encode(&options, 5, 1, &segment);
            check_samples(&segment, counts[c]);
            check_units(&segment);
            encoder_free(encoder);
        }
}

static void same_input_same_bytes(void **state) {
    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(speeds); s++) {
        struct encoder_options options = options_of(speeds[s], 40);
        struct media_segment a = {0}, b = {0};
        struct encoder *first = encode(&options, 0, 1, &a), *second = encode(&options, 0, 1, &b);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.data, b.data, a.size);
        assert_memory_equal(a.samples, b.samples, a.sample_count * sizeof *a.samples);
        encoder_free(first);
        encoder_free(second);
    }
}

/* Whatever is shown and however long, at any quality. */
static void one_config_for_all(void **state) {
    (void)state;
    static const struct {
        uint32_t frame_count, hold;
        unsigned first, quality;
    } cases[] = {{1, 1, 0, 75},    {30, 1, 9, 75}, {30, 30, 0, 75},
                 {240, 80, 3, 75}, {12, 1, 0, 0},  {12, 1, 0, 100}};
    for (size_t s = 0; s < ARRAY_SIZE(speeds); s++) {
        uint8_t config[256];
        size_t config_size = 0;
        for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
            struct encoder_options options = options_of(speeds[s], cases[c].frame_count);
            options.quality = cases[c].quality;
            struct media_segment segment = {0};
            struct encoder *encoder = encode(&options, cases[c].first, cases[c].hold, &segment);
            check_samples(&segment, cases[c].frame_count);
            if (c == 0) {
                assert_in_range(segment.config_size, 16, sizeof config);
                config_size = segment.config_size;
                memcpy(config, segment.config, config_size);
            }
            assert_int_equal(segment.config_size, config_size);
            assert_memory_equal(segment.config, config, config_size);
            encoder_free(encoder);
        }
        assert_int_equal(config[0], 1);
        assert_int_equal(config[1], 100); /* High */
        assert_int_equal(config[4] & 3, 3);
    }
}

/* Two segments of stills and movement as one film: every picture at its time, whole. */
static void films_play(void **state) {
    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(speeds); s++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct encoder_options moving = options_of(speeds[s], 33),
                               still = options_of(speeds[s], 20);
        struct media_segment a = {0}, b = {0};
        struct encoder *first = encode(&moving, 0, 1, &a), *second = encode(&still, 90, 10, &b);
        struct mp4_run runs[] = {{a.samples, a.sample_count}, {b.samples, b.sample_count}};
        struct mp4_movie movie = {.width = WIDTH,
                                  .height = HEIGHT,
                                  .fps = {30, 1},
                                  .config = a.config,
                                  .config_size = a.config_size,
                                  .runs = runs,
                                  .run_count = 2};
        struct str header;
        struct error err = {0};
        struct watched watched;
        assert_true(mp4_header(arena, &movie, &header, &err));
        struct str parts[] = {
            header, {(const char *)a.data, a.size}, {(const char *)b.data, b.size}};
        watch(arena, join(arena, parts, 3), true, &watched);
        assert_int_equal(watched.frame_count, 53);
        assert_int_equal(watched.start, 0);
        assert_int_equal(watched.duration, 53 * watched.ticks_per_frame);
        assert_true(watched.is_bt709_limited);
        struct frame expected;
        frame_init(&expected, WIDTH, HEIGHT);
        for (uint32_t i = 0; i < 53; i++) {
            draw_picture(&expected, i < 33 ? i : 90 + (i - 33) / 10);
            assert_int_equal(watched.times[i], i);
            /* Neighbours differ by about 2,000; above 35 dB is below 20. */
            assert_true(picture_error(&watched.frames[i], &expected) < 20);
        }
        frame_clear(&expected);
        watched_clear(&watched);
        encoder_free(first);
        encoder_free(second);
    }
}

static void quality_orders_sizes(void **state) {
    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(speeds); s++) {
        size_t last = 0;
        for (unsigned quality = 0; quality <= 100; quality += 25) {
            struct encoder_options options = options_of(speeds[s], 10);
            options.quality = quality;
            struct media_segment segment = {0};
            struct encoder *encoder = encode(&options, 0, 1, &segment);
            assert_true(segment.size > last);
            last = segment.size;
            encoder_free(encoder);
        }
        for (unsigned quality = 1; quality <= 100; quality++) {
            float step = encoder_crf(speeds[s], quality - 1) - encoder_crf(speeds[s], quality);
            assert_true(step > 0.2f && step < 0.5f);
            assert_true(encoder_crf(speeds[s], quality) > 0);
        }
    }
}

static void odd_sizes_and_rates(void **state) {
    (void)state;
    static const struct {
        unsigned width, height;
        struct rational fps;
    } cases[] = {{16, 16, {1, 1}},
                 {18, 34, {120, 1}},
                 {162, 98, {24000, 1001}},
                 {16, 16, {INT32_MAX, INT32_MAX / 32}}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct encoder_options options = options_of(SPEED_BALANCED, 5);
        options.width = cases[i].width;
        options.height = cases[i].height;
        options.fps = cases[i].fps;
        struct media_segment segment = {0};
        struct encoder *encoder = encode(&options, 0, 1, &segment);
        check_samples(&segment, 5);
        encoder_free(encoder);
    }
}

static void impossible_rates(void **state) {
    (void)state;
    static const struct rational rates[] = {
        {0, 1}, {-1, 1}, {30, 0}, {INT64_C(1) << 31, 1}, {30, INT64_C(1) << 31}};
    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        struct encoder_options options = options_of(SPEED_FAST, 5);
        struct encoder *encoder;
        struct error err = {0};
        options.fps = rates[i];
        assert_false(encoder_new(&options, &encoder, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
    }
}

static void wrong_number_of_frames(void **state) {
    (void)state;
    static const uint32_t given[] = {0, 4, 6, 60};
    for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
        struct encoder_options options = options_of(SPEED_FAST, 5);
        struct encoder *encoder;
        struct error err = {0};
        struct media_segment segment = {0};
        struct frame frame;
        frame_init(&frame, WIDTH, HEIGHT);
        draw_picture(&frame, 0);
        assert_true(encoder_new(&options, &encoder, &err));
        assert_false(encoder_add(encoder, &frame, given[i], NULL, NULL, &err) &&
                     encoder_finish(encoder, &segment, &err));
        assert_int_equal(err.kind, ERROR_INTERNAL);
        assert_null(segment.data);
        encoder_free(encoder);
        frame_clear(&frame);
    }
    encoder_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_well_formed), cmocka_unit_test(same_input_same_bytes),
        cmocka_unit_test(one_config_for_all),      cmocka_unit_test(films_play),
        cmocka_unit_test(quality_orders_sizes),    cmocka_unit_test(odd_sizes_and_rates),
        cmocka_unit_test(impossible_rates),        cmocka_unit_test(wrong_number_of_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
