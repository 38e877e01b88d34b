/* GIF: what all encoders promise, blocks as players want them, delays that add up, stillness. */
#include "coding.h"
#include "drawing.h"

#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WIDTH = 80, HEIGHT = 64, HEADER_BYTES = 13, NOTHING_BYTES = 18 + 6 + 5 };

static const enum speed speeds[] = {SPEED_FAST, SPEED_BALANCED, SPEED_SMALL};

static struct encoder_options options_of(enum speed speed, uint32_t frame_count) {
    return coding_options(CODEC_GIF, WIDTH, HEIGHT, speed, frame_count);
}

static unsigned word(const uint8_t *data) {
    return data[0] | (unsigned)data[1] << 8;
}

/* ---- blocks ---- */

struct image {
    unsigned delay, left, top, width, height, colours;
    bool has_transparent;
};

/* Checks one sample's blocks from end to end. */
static struct image read_image(const uint8_t *data, size_t size) {
    struct image image = {0};
    assert_true(size > 18);
    assert_memory_equal(data, "\x21\xf9\x04", 3);
    assert_int_equal(data[3] & 0xfe, 1 << 2); /* stays */
    assert_int_equal(data[7], 0);
    assert_int_equal(data[8], 0x2c);
    assert_int_equal(data[17] & 0xf8, 0x80); /* own table, not interlaced */
    image.has_transparent = data[3] & 1;
    image.delay = word(data + 4);
    image.left = word(data + 9);
    image.top = word(data + 11);
    image.width = word(data + 13);
    image.height = word(data + 15);
    image.colours = 2u << (data[17] & 7);
    if (image.has_transparent)
        assert_true(data[6] < image.colours);
    size_t place = 18 + 3 * (size_t)image.colours;
    assert_in_range(data[place], 2, 8);
    place++;
    while (data[place] > 0) {
        place += 1 + data[place];
        assert_true(place < size);
    }
    assert_int_equal(place + 1, size);
    return image;
}

static void blocks_are_well_formed(void **state) {
    (void)state;
    static const unsigned qualities[] = {0, 40, 75, 100};
    for (size_t q = 0; q < ARRAY_SIZE(qualities); q++) {
        struct encoder_options options = options_of(SPEED_BALANCED, 9);
        struct media_segment segment = {0};
        options.quality = qualities[q];
        struct encoder *encoder = coding_encode(&options, 3, 2, &segment);
        size_t place = 0;
        coding_check_samples(&segment, 9, false);
        assert_int_equal(segment.config_size, 0);
        for (uint32_t i = 0; i < 9; i++) {
            struct image image = read_image(segment.data + place, segment.samples[i].size);
            assert_in_range(image.width, 1, WIDTH - image.left);
            assert_in_range(image.height, 1, HEIGHT - image.top);
            if (i == 0) {
                assert_int_equal(image.width, WIDTH);
                assert_int_equal(image.height, HEIGHT);
                assert_false(image.has_transparent);
            }
            if (i % 2 == 1)
                assert_int_equal(segment.samples[i].size, NOTHING_BYTES);
            place += segment.samples[i].size;
        }
        encoder_free(encoder);
    }
}

/* ---- delays ---- */

static void delays_add_up(void **state) {
    (void)state;
    static const struct rational rates[] = {{30, 1}, {24000, 1001}, {50, 1},
                                            {1, 1},  {7, 3},        {48, 1}};
    static const uint32_t counts[] = {7, 1, 20, 13};
    for (size_t r = 0; r < ARRAY_SIZE(rates); r++) {
        uint64_t first = 0, sum = 0;
        for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
            struct encoder_options options =
                coding_options(CODEC_GIF, 16, 16, SPEED_FAST, counts[c]);
            struct media_segment segment = {0};
            options.fps = rates[r];
            options.first_frame = first;
            struct encoder *encoder = coding_encode(&options, 0, 3, &segment);
            size_t place = 0;
            for (uint32_t i = 0; i < counts[c]; i++) {
                struct image image = read_image(segment.data + place, segment.samples[i].size);
                double end =
                    100.0 * (double)(first + i + 1) * (double)rates[r].den / (double)rates[r].num;
                assert_true(image.delay >= 2);
                sum += image.delay;
                assert_true(fabs((double)sum - end) <= 0.5);
                place += segment.samples[i].size;
            }
            first += counts[c];
            encoder_free(encoder);
        }
    }
}

static void late_frames_have_delays_too(void **state) {
    (void)state;
    struct encoder_options options = coding_options(CODEC_GIF, 16, 16, SPEED_FAST, 30);
    struct media_segment segment = {0};
    options.fps = (struct rational){24000, 1001};
    options.first_frame = UINT64_C(1) << 40;
    struct encoder *encoder = coding_encode(&options, 0, 30, &segment);
    size_t place = 0;
    for (uint32_t i = 0; i < 30; i++) {
        assert_in_range(read_image(segment.data + place, segment.samples[i].size).delay, 4, 5);
        place += segment.samples[i].size;
    }
    encoder_free(encoder);
}

/* ---- playing ---- */

struct player {
    AVCodecContext *codec;
    AVFrame *picture; /* BGRA */
    bool started;
};

static void player_init(struct player *player) {
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_GIF);
    *player = (struct player){.codec = avcodec_alloc_context3(codec), .picture = av_frame_alloc()};
    player->codec->err_recognition = AV_EF_EXPLODE;
    assert_int_equal(avcodec_open2(player->codec, codec, NULL), 0);
}

static void player_clear(struct player *player) {
    av_frame_free(&player->picture);
    avcodec_free_context(&player->codec);
}

/* libavcodec wants the file's header before the first image. */
static void player_show(struct player *player, unsigned width, unsigned height,
                        const uint8_t *sample, size_t size) {
    uint8_t header[HEADER_BYTES] = "GIF89a";
    size_t before = player->started ? 0 : sizeof header;
    AVPacket *packet = av_packet_alloc();
    header[6] = (uint8_t)width;
    header[8] = (uint8_t)height;
    assert_int_equal(av_new_packet(packet, (int)(before + size)), 0);
    memcpy(packet->data, header, before);
    memcpy(packet->data + before, sample, size);
    assert_int_equal(avcodec_send_packet(player->codec, packet), 0);
    assert_int_equal(avcodec_receive_frame(player->codec, player->picture), 0);
    assert_int_equal(player->picture->width, width);
    assert_int_equal(player->picture->height, height);
    player->started = true;
    av_packet_free(&packet);
}

static double luma_of(const uint8_t *bgra) {
    assert_int_equal(bgra[3], 255);
    return 16 + (0.2126 * bgra[2] + 0.7152 * bgra[1] + 0.0722 * bgra[0]) * 219 / 255;
}

static double luma_error(const AVFrame *picture, const struct frame *expected) {
    double sum = 0;
    for (unsigned y = 0; y < expected->height; y++)
        for (unsigned x = 0; x < expected->width; x++) {
            const uint8_t *pixel = picture->data[0] + (ptrdiff_t)y * picture->linesize[0] + 4 * x;
            double difference = luma_of(pixel) - expected->planes[0][y * expected->strides[0] + x];
            sum += difference * difference;
        }
    return sum / expected->width / expected->height;
}

static void films_play(void **state) {
    (void)state;
    for (size_t s = 0; s < ARRAY_SIZE(speeds); s++) {
        struct encoder_options options = options_of(speeds[s], 20);
        struct media_segment segment = {0};
        struct encoder *encoder = coding_encode(&options, 0, 3, &segment);
        struct frame expected;
        struct player player;
        size_t place = 0;
        frame_init(&expected, WIDTH, HEIGHT);
        player_init(&player);
        for (uint32_t i = 0; i < 20; i++) {
            player_show(&player, WIDTH, HEIGHT, segment.data + place, segment.samples[i].size);
            place += segment.samples[i].size;
            draw_picture(&expected, i / 3);
            double error = luma_error(player.picture, &expected);
            if (error > 60)
                fail_msg("picture %u differs by %.1f", i, error);
        }
        player_clear(&player);
        frame_clear(&expected);
        encoder_free(encoder);
    }
}

/* A grey picture with a square of another grey. */
static void draw_square(struct frame *frame, unsigned left) {
    for (unsigned y = 0; y < HEIGHT; y++)
        for (unsigned x = 0; x < WIDTH; x++)
            frame->planes[0][y * frame->strides[0] + x] =
                y >= 40 && y < 50 && x >= left && x < left + 10 ? 200 : 60;
    for (int p = 1; p < 3; p++)
        memset(frame->planes[p], 128, frame->strides[p] * HEIGHT / 2);
}

static void only_changes_are_drawn(void **state) {
    (void)state;
    struct encoder_options options = options_of(SPEED_BALANCED, 5);
    struct media_segment segment = {0};
    struct encoder *encoder;
    struct error err = {0};
    struct frame frame;
    struct player player;
    size_t place = 0;
    frame_init(&frame, WIDTH, HEIGHT);
    assert_true(encoder_new(&options, &encoder, &err));
    for (unsigned i = 0; i < 5; i++) {
        draw_square(&frame, 20 + 4 * i);
        assert_true(encoder_add(encoder, &frame, 1, NULL, NULL, &err));
    }
    assert_true(encoder_finish(encoder, &segment, &err));
    player_init(&player);
    for (unsigned i = 0; i < 5; i++) {
        const uint8_t *sample = segment.data + place;
        struct image image = read_image(sample, segment.samples[i].size);
        place += segment.samples[i].size;
        if (i == 0) {
            assert_int_equal(image.colours, 2);
        } else {
            assert_int_equal(image.left, 16 + 4 * i);
            assert_int_equal(image.top, 40);
            assert_int_equal(image.width, 14);
            assert_int_equal(image.height, 10);
            assert_true(image.has_transparent);
            assert_int_equal(image.colours, 4);
        }
        player_show(&player, WIDTH, HEIGHT, sample, segment.samples[i].size);
        draw_square(&frame, 20 + 4 * i);
        assert_true(luma_error(player.picture, &frame) < 0.5); /* few colours are exact */
    }
    player_clear(&player);
    frame_clear(&frame);
    encoder_free(encoder);
}

/* Changes below the threshold add up to one that is drawn. */
static void slow_changes_are_followed(void **state) {
    (void)state;
    enum { COUNT = 90, SIDE = 16 };
    struct encoder_options options = coding_options(CODEC_GIF, SIDE, SIDE, SPEED_FAST, COUNT);
    struct media_segment segment = {0};
    struct encoder *encoder;
    struct error err = {0};
    struct frame frame;
    struct player player;
    size_t place = 0;
    frame_init(&frame, SIDE, SIDE);
    memset(frame.planes[1], 128, frame.strides[1] * SIDE / 2);
    memset(frame.planes[2], 128, frame.strides[2] * SIDE / 2);
    assert_true(encoder_new(&options, &encoder, &err));
    for (int i = 0; i < COUNT; i++) {
        memset(frame.planes[0], 50 + i, frame.strides[0] * SIDE);
        assert_true(encoder_add(encoder, &frame, 1, NULL, NULL, &err));
    }
    assert_true(encoder_finish(encoder, &segment, &err));
    player_init(&player);
    for (int i = 0; i < COUNT; i++) {
        player_show(&player, SIDE, SIDE, segment.data + place, segment.samples[i].size);
        place += segment.samples[i].size;
        assert_true(fabs(luma_of(player.picture->data[0]) - 50 - i) <= 3);
    }
    player_clear(&player);
    frame_clear(&frame);
    encoder_free(encoder);
}

/* ---- as all ---- */

static void samples_are_well_formed(void **state) {
    (void)state;
    static const uint32_t counts[] = {1, 2, 12};
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
        struct encoder_options options = options_of(speeds[s], 10);
        coding_check_repeatable(&options, 1);
    }
}

static void quality_orders_sizes(void **state) {
    (void)state;
    struct encoder_options options = options_of(SPEED_BALANCED, 5);
    coding_check_quality(&options);
}

static void impossible_rates(void **state) {
    (void)state;
    static const struct rational fast[] = {{51, 1}, {60, 1}, {120, 1}, {60000, 1001}};
    struct encoder_options options = options_of(SPEED_FAST, 1);
    coding_check_bad_rates(&options);
    for (size_t i = 0; i < ARRAY_SIZE(fast); i++) {
        options.fps = fast[i];
        coding_check_refused(&options, "do not fit into GIF: players slow down above 50");
    }
    options.fps = (struct rational){1, 1000};
    coding_check_refused(&options, "a frame lasts at most 655 s");
}

static void impossible_sizes(void **state) {
    (void)state;
    struct encoder_options options = coding_options(CODEC_GIF, 65536, 2, SPEED_FAST, 1);
    coding_check_refused(&options, "65536x2 does not fit into GIF");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_well_formed),
        cmocka_unit_test(delays_add_up),
        cmocka_unit_test(late_frames_have_delays_too),
        cmocka_unit_test(films_play),
        cmocka_unit_test(only_changes_are_drawn),
        cmocka_unit_test(slow_changes_are_followed),
        cmocka_unit_test(samples_are_well_formed),
        cmocka_unit_test(same_input_same_bytes),
        cmocka_unit_test(quality_orders_sizes),
        cmocka_unit_test(impossible_rates),
        cmocka_unit_test(impossible_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
