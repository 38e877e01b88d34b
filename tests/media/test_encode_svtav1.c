/* AV1: what all encoders promise, av1C and samples as the ISO media binding wants them. */
#include "coding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct encoder_options options_of(enum speed speed, uint32_t frame_count) {
    return coding_options(CODEC_AV1, 128, 64, speed, frame_count);
}

static const enum speed speeds[] = {SPEED_FAST, SPEED_BALANCED, SPEED_SMALL};

static void samples_are_well_formed(void **state) {
    (void)state;
    static const uint32_t counts[] = {1, 2, 3, 7, 40};
    for (size_t s = 0; s < ARRAY_SIZE(speeds); s++)
        for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
            struct encoder_options options = options_of(speeds[s], counts[c]);
            struct media_segment segment = {0};
            struct encoder *encoder = coding_encode(&options, 5, 1, &segment);
            coding_check_samples(&segment, counts[c], false);
            encoder_free(encoder);
        }
}

static void same_input_same_bytes(void **state) {
    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(speeds); s++) {
        struct encoder_options options = options_of(speeds[s], 30);
        coding_check_repeatable(&options, 1);
        coding_check_repeatable(&options, 10);
    }
}

static void one_config_for_all(void **state) {
    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(speeds); s++) {
        struct encoder_options options = options_of(speeds[s], 1);
        coding_check_one_config(&options);
    }
}

static void films_play(void **state) {
    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(speeds); s++) {
        struct encoder_options options = options_of(speeds[s], 1);
        coding_check_film(&options, AV_CODEC_ID_AV1, AV_PIX_FMT_YUV420P, true, 20);
    }
}

static void quality_orders_sizes(void **state) {
    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(speeds); s++) {
        struct encoder_options options = options_of(speeds[s], 10);
        coding_check_quality(&options);
    }
}

static void impossible_rates(void **state) {
    (void)state;
    struct encoder_options options = options_of(SPEED_FAST, 1);
    coding_check_bad_rates(&options);
}

static size_t leb128(const uint8_t *data, size_t *place) {
    size_t value = 0;
    for (unsigned shift = 0; shift < 56; shift += 7) {
        uint8_t byte = data[(*place)++];
        value |= (size_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            break;
    }
    return value;
}

/* No temporal delimiters, tile lists or padding; a sequence header at the start of the key frame
 * only, the same as in av1C. */
static void check_units(const struct media_segment *segment) {
    size_t place = 0;
    for (uint32_t i = 0; i < segment->sample_count; i++) {
        size_t start = place, end = place + segment->samples[i].size;
        while (place < end) {
            size_t unit = place;
            unsigned type = segment->data[place] >> 3 & 15;
            assert_true(segment->data[place] & 2); /* has a size */
            place += segment->data[place] & 4 ? 2 : 1;
            size_t size = leb128(segment->data, &place);
            place += size;
            assert_in_range(type, 1, 6);
            assert_int_not_equal(type, 2);
            assert_int_equal(type == 1, segment->samples[i].key && unit == start);
            if (type == 1) {
                assert_int_equal(segment->config_size, 4 + place - unit);
                assert_memory_equal(segment->config + 4, segment->data + unit, place - unit);
            }
        }
        assert_int_equal(place, end);
    }
}

static void config_is_av1c(void **state) {
    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(speeds); s++) {
        struct encoder_options options = options_of(speeds[s], 12);
        struct media_segment segment = {0};
        struct encoder *encoder = coding_encode(&options, 0, 1, &segment);
        assert_true(segment.config_size > 4);
        assert_int_equal(segment.config[0], 0x81);
        assert_int_equal(segment.config[1] >> 5, 0);   /* main */
        assert_in_range(segment.config[1] & 31, 0, 1); /* level 2.0 or 2.1 */
        assert_int_equal(segment.config[2], 0x0d);     /* 8 bit, 4:2:0, left */
        assert_int_equal(segment.config[3], 0);
        check_units(&segment);
        encoder_free(encoder);
    }
}

static void impossible_sizes(void **state) {
    (void)state;
    static const unsigned sizes[][2] = {{62, 64}, {64, 62}, {16, 16}, {8192, 62}};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct encoder_options options =
            coding_options(CODEC_AV1, sizes[i][0], sizes[i][1], SPEED_FAST, 1);
        coding_check_refused(&options, "does not fit into AV1: its encoder takes 64x64 to");
    }
}

static void odd_sizes_and_rates(void **state) {
    (void)state;
    static const struct {
        unsigned width, height;
        struct rational fps;
    } cases[] = {{64, 64, {1, 1}}, {66, 98, {120, 1}}, {162, 98, {24000, 1001}}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct encoder_options options = options_of(speeds[i % ARRAY_SIZE(speeds)], 1);
        options.width = cases[i].width;
        options.height = cases[i].height;
        options.fps = cases[i].fps;
        coding_check_film(&options, AV_CODEC_ID_AV1, AV_PIX_FMT_YUV420P, true, 20);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_well_formed), cmocka_unit_test(same_input_same_bytes),
        cmocka_unit_test(one_config_for_all),      cmocka_unit_test(films_play),
        cmocka_unit_test(quality_orders_sizes),    cmocka_unit_test(impossible_rates),
        cmocka_unit_test(config_is_av1c),          cmocka_unit_test(impossible_sizes),
        cmocka_unit_test(odd_sizes_and_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
