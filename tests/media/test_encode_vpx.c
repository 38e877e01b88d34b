/* VP9: what all encoders promise, vpcC, small pictures. */
#include "coding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct encoder_options options_of(enum speed speed, uint32_t frame_count) {
    return coding_options(CODEC_VP9, 160, 96, speed, frame_count);
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
        coding_check_film(&options, AV_CODEC_ID_VP9, AV_PIX_FMT_YUV420P, false, 20);
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

static void config_is_vpcc(void **state) {
    (void)state;
    static const struct {
        unsigned width, height;
        struct rational fps;
        uint8_t level;
    } cases[] = {{160, 96, {30, 1}, 10},
                 {160, 96, {120, 1}, 11},
                 {640, 360, {30, 1}, 21},
                 {1024, 16, {30, 1}, 21},
                 {426, 240, {24000, 1001}, 20}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct encoder_options options =
            coding_options(CODEC_VP9, cases[i].width, cases[i].height, SPEED_FAST, 1);
        const uint8_t config[] = {1, 0, 0, 0, 0, cases[i].level, 0x80, 1, 1, 1, 0, 0};
        struct media_segment segment = {0};
        options.fps = cases[i].fps;
        struct encoder *encoder = coding_encode(&options, 0, 1, &segment);
        assert_int_equal(segment.config_size, sizeof config);
        assert_memory_equal(segment.config, config, sizeof config);
        encoder_free(encoder);
    }
}

static void odd_sizes_and_rates(void **state) {
    (void)state;
    static const struct {
        unsigned width, height;
        struct rational fps;
    } cases[] = {{16, 16, {1, 1}}, {18, 34, {120, 1}}, {162, 98, {24000, 1001}}, {34, 70, {60, 1}}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct encoder_options options = options_of(speeds[i % ARRAY_SIZE(speeds)], 1);
        options.width = cases[i].width;
        options.height = cases[i].height;
        options.fps = cases[i].fps;
        coding_check_film(&options, AV_CODEC_ID_VP9, AV_PIX_FMT_YUV420P, false, 20);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_well_formed), cmocka_unit_test(same_input_same_bytes),
        cmocka_unit_test(one_config_for_all),      cmocka_unit_test(films_play),
        cmocka_unit_test(quality_orders_sizes),    cmocka_unit_test(impossible_rates),
        cmocka_unit_test(config_is_vpcc),          cmocka_unit_test(odd_sizes_and_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
