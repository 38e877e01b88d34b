/* HEVC: what all encoders promise, hvcC and samples as hvc1 wants them, small pictures. */
#include "coding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct encoder_options options_of(enum speed speed, uint32_t frame_count) {
    return coding_options(CODEC_HEVC, 160, 96, speed, frame_count);
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
        coding_check_film(&options, AV_CODEC_ID_HEVC, AV_PIX_FMT_YUV420P, true, 30);
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

/* Slices only, each with its length before it: an IDR in the key frame. */
static void check_units(const struct media_segment *segment) {
    size_t place = 0;
    for (uint32_t i = 0; i < segment->sample_count; i++) {
        size_t end = place + segment->samples[i].size;
        while (place < end) {
            const uint8_t *unit = segment->data + place;
            size_t size =
                (size_t)unit[0] << 24 | (size_t)unit[1] << 16 | (size_t)unit[2] << 8 | unit[3];
            unsigned type = unit[4] >> 1 & 63;
            if (segment->samples[i].key)
                assert_in_range(type, 19, 20);
            else
                assert_in_range(type, 0, 9);
            place += 4 + size;
        }
        assert_int_equal(place, end);
    }
}

static void config_is_hvcc(void **state) {
    (void)state;
    static const uint8_t types[] = {32, 33, 34};
    for (size_t s = 0; s < ARRAY_SIZE(speeds); s++) {
        struct encoder_options options = options_of(speeds[s], 12);
        struct media_segment segment = {0};
        struct encoder *encoder = coding_encode(&options, 0, 1, &segment);
        const uint8_t *config = segment.config;
        assert_in_range(segment.config_size, 23 + 3 * 5 + 3 * 2, 500);
        assert_int_equal(config[0], 1);
        assert_int_equal(config[1] & 0x1f, 1);    /* main */
        assert_int_equal(config[2] & 0x60, 0x60); /* compatible with main and main 10 */
        assert_int_equal(config[6] >> 4, 9);      /* progressive, frames only */
        assert_int_equal(config[12] % 30 % 3, 0); /* a level */
        assert_in_range(config[12], 30, 186);
        assert_int_equal(config[16], 0xfd); /* 4:2:0 */
        assert_int_equal(config[17], 0xf8);
        assert_int_equal(config[18], 0xf8);
        assert_int_equal(config[21] & 3, 3); /* lengths of four bytes */
        assert_int_equal(config[22], 3);
        size_t place = 23;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
            assert_int_equal(config[place], 0x80 | types[i]); /* complete */
            assert_int_equal(config[place + 1] << 8 | config[place + 2], 1);
            assert_int_equal(config[place + 5] >> 1, types[i]);
            place += 5 + (size_t)(config[place + 3] << 8 | config[place + 4]);
        }
        assert_int_equal(place, segment.config_size);
        check_units(&segment);
        encoder_free(encoder);
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
        coding_check_film(&options, AV_CODEC_ID_HEVC, AV_PIX_FMT_YUV420P, true, 60);
    }
}

static void impossible_sizes(void **state) {
    (void)state;
    static const unsigned sizes[][2] = {{62, 64}, {64, 62}, {16, 16}, {8192, 62}};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct encoder_options options =
            coding_options(CODEC_HEVC, sizes[i][0], sizes[i][1], SPEED_FAST, 1);
        coding_check_refused(&options, "does not fit into HEVC: its encoder takes 64x64 and more");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_well_formed), cmocka_unit_test(same_input_same_bytes),
        cmocka_unit_test(one_config_for_all),      cmocka_unit_test(films_play),
        cmocka_unit_test(quality_orders_sizes),    cmocka_unit_test(impossible_rates),
        cmocka_unit_test(config_is_hvcc),          cmocka_unit_test(odd_sizes_and_rates),
        cmocka_unit_test(impossible_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
