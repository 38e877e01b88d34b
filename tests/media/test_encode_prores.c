/* ProRes 422 HQ: what all encoders promise, the header of a frame, chroma at its place. */
#include "coding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WIDTH = 160, HEIGHT = 96 };

static struct encoder_options options_of(enum speed speed, uint32_t frame_count) {
    return coding_options(CODEC_PRORES, WIDTH, HEIGHT, speed, frame_count);
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
            coding_check_samples(&segment, counts[c], true);
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
        coding_check_film(&options, AV_CODEC_ID_PRORES, AV_PIX_FMT_YUV422P10LE, false, 20);
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

static void header_says_what_it_is(void **state) {
    (void)state;
    struct encoder_options options = options_of(SPEED_FAST, 3);
    struct media_segment segment = {0};
    struct encoder *encoder = coding_encode(&options, 0, 1, &segment);
    const uint8_t *frame = segment.data;
    assert_int_equal(segment.config_size, 0);
    for (uint32_t i = 0; i < segment.sample_count; i++) {
        assert_memory_equal(frame + 4, "icpf", 4);
        assert_memory_equal(frame + 12, "apl0", 4);
        assert_int_equal(frame[16] << 8 | frame[17], WIDTH);
        assert_int_equal(frame[18] << 8 | frame[19], HEIGHT);
        assert_int_equal(frame[20] >> 6, 2);          /* 4:2:2 */
        assert_int_equal(frame[20] >> 2 & 3, 0);      /* progressive */
        assert_memory_equal(frame + 22, "\1\1\1", 3); /* BT.709 */
        frame += segment.samples[i].size;
    }
    encoder_free(encoder);
}

static void still_frames_are_the_same(void **state) {
    (void)state;
    struct encoder_options options = options_of(SPEED_FAST, 9);
    struct media_segment segment = {0};
    struct encoder *encoder = coding_encode(&options, 0, 9, &segment);
    size_t size = segment.samples[0].size;
    for (uint32_t i = 1; i < 9; i++) {
        assert_int_equal(segment.samples[i].size, size);
        assert_memory_equal(segment.data + i * size, segment.data, size);
    }
    encoder_free(encoder);
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
        coding_check_film(&options, AV_CODEC_ID_PRORES, AV_PIX_FMT_YUV422P10LE, false, 20);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_well_formed), cmocka_unit_test(same_input_same_bytes),
        cmocka_unit_test(one_config_for_all),      cmocka_unit_test(films_play),
        cmocka_unit_test(quality_orders_sizes),    cmocka_unit_test(impossible_rates),
        cmocka_unit_test(header_says_what_it_is),  cmocka_unit_test(still_frames_are_the_same),
        cmocka_unit_test(odd_sizes_and_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
