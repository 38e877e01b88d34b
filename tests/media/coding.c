#include "coding.h"

#include "drawing.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX_FRAMES = 100, MAX_CONFIG_BYTES = 1000 };

struct encoder_options coding_options(enum codec codec, unsigned width, unsigned height,
                                      enum speed speed, uint32_t frame_count) {
    return (struct encoder_options){
        .codec = codec,
        .width = width,
        .height = height,
        .fps = {30, 1},
        .speed = speed,
        .quality = 75,
        .frame_count = frame_count,
    };
}

struct encoder *coding_encode(const struct encoder_options *options, unsigned first, uint32_t hold,
                              struct media_segment *ret) {
    struct encoder *encoder;
    struct error err = {0};
    struct frame frame;
    frame_init(&frame, options->width, options->height);
    if (!encoder_new(options, &encoder, &err))
        fail_msg("%s", err.text);
    for (uint32_t i = 0; i < options->frame_count; i += hold) {
        uint32_t left = options->frame_count - i;
        draw_picture(&frame, first + i / hold);
        if (!encoder_add(encoder, &frame, left < hold ? left : hold, NULL, NULL, &err))
            fail_msg("%s", err.text);
    }
    /* The encoder has its own copy. */
    memset(frame.planes[0], 0, frame.strides[0] * frame.height);
    frame_clear(&frame);
    if (!encoder_finish(encoder, ret, &err))
        fail_msg("%s", err.text);
    return encoder;
}

void coding_check_samples(const struct media_segment *segment, uint32_t frame_count,
                          bool all_are_keys) {
    size_t size = 0;
    bool shown[MAX_FRAMES] = {false};
    assert_in_range(frame_count, 1, MAX_FRAMES);
    assert_int_equal(segment->sample_count, frame_count);
    for (uint32_t i = 0; i < frame_count; i++) {
        const struct media_sample *sample = &segment->samples[i];
        int64_t place =
            (int64_t)i + sample->composition_offset - segment->samples[0].composition_offset;
        size += sample->size;
        assert_true(sample->size > 0);
        assert_true(sample->composition_offset >= 0);
        assert_int_equal(sample->key, all_are_keys || i == 0);
        assert_in_range(place, 0, frame_count - 1);
        assert_false(shown[place]);
        shown[place] = true;
    }
    assert_int_equal(size, segment->size);
}

void coding_check_repeatable(const struct encoder_options *options, uint32_t hold) {
    struct media_segment a = {0}, b = {0};
    struct encoder *first = coding_encode(options, 7, hold, &a),
                   *second = coding_encode(options, 7, hold, &b);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    assert_memory_equal(a.samples, b.samples, a.sample_count * sizeof *a.samples);
    encoder_free(first);
    encoder_free(second);
}

void coding_check_one_config(const struct encoder_options *options) {
    static const struct {
        uint32_t frame_count, hold;
        unsigned first, quality;
    } cases[] = {{1, 1, 0, 75}, {20, 1, 9, 75}, {30, 30, 0, 75}, {7, 1, 3, 0}, {7, 1, 0, 100}};
    uint8_t config[MAX_CONFIG_BYTES];
    size_t size = 0;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct encoder_options each = *options;
        struct media_segment segment = {0};
        each.frame_count = cases[i].frame_count;
        each.quality = cases[i].quality;
        struct encoder *encoder = coding_encode(&each, cases[i].first, cases[i].hold, &segment);
        assert_true(segment.config_size <= sizeof config);
        if (i == 0 && segment.config_size > 0) {
            size = segment.config_size;
            memcpy(config, segment.config, size);
        }
        assert_int_equal(segment.config_size, size);
        if (size > 0)
            assert_memory_equal(segment.config, config, size);
        encoder_free(encoder);
    }
}

void coding_check_quality(const struct encoder_options *options) {
    size_t last = 0;
    for (unsigned quality = 0; quality <= 100; quality += 25) {
        struct encoder_options each = *options;
        struct media_segment segment = {0};
        each.quality = quality;
        struct encoder *encoder = coding_encode(&each, 0, 1, &segment);
        assert_true(segment.size > last);
        last = segment.size;
        encoder_free(encoder);
    }
}

/* ---- decoding ---- */

struct player {
    AVCodecContext *codec;
    AVFrame *picture;
    AVPacket *packet;
    enum AVPixelFormat format;
    bool says_chroma_place;
    double max_error;
    uint32_t shown; /* pictures */
    /* What must come. */
    uint32_t count;
    unsigned numbers[MAX_FRAMES];
};

static double luma_error(const AVFrame *picture, const struct frame *expected) {
    double sum = 0;
    for (unsigned y = 0; y < expected->height; y++) {
        const uint8_t *row = picture->data[0] + (ptrdiff_t)y * picture->linesize[0];
        for (unsigned x = 0; x < expected->width; x++) {
            double value = row[x];
            if (picture->format == AV_PIX_FMT_YUV422P10LE)
                value = (row[2 * x] | row[2 * x + 1] << 8) / 4.0;
            double difference = value - expected->planes[0][y * expected->strides[0] + x];
            sum += difference * difference;
        }
    }
    return sum / expected->width / expected->height;
}

static void check_picture(const struct player *player) {
    const AVFrame *picture = player->picture;
    struct frame expected;
    assert_true(player->shown < player->count);
    assert_int_equal(picture->decode_error_flags, 0);
    assert_int_equal(picture->format, player->format);
    assert_int_equal(picture->pts, player->shown);
    assert_int_equal(picture->colorspace, AVCOL_SPC_BT709);
    assert_int_equal(picture->color_range, AVCOL_RANGE_MPEG);
    /* VP9 says the matrix only; the rest stands in vpcC. */
    if (player->codec->codec_id != AV_CODEC_ID_VP9) {
        assert_int_equal(picture->color_primaries, AVCOL_PRI_BT709);
        assert_int_equal(picture->color_trc, AVCOL_TRC_BT709);
    }
    if (player->says_chroma_place)
        assert_int_equal(picture->chroma_location, AVCHROMA_LOC_LEFT);
    frame_init(&expected, (unsigned)picture->width, (unsigned)picture->height);
    draw_picture(&expected, player->numbers[player->shown]);
    double error = luma_error(picture, &expected);
    frame_clear(&expected);
    if (error >= player->max_error)
        fail_msg("picture %u differs by %.1f", player->shown, error);
}

static void take_pictures(struct player *player) {
    int status;
    while ((status = avcodec_receive_frame(player->codec, player->picture)) == 0) {
        check_picture(player);
        player->shown++;
    }
    assert_true(status == AVERROR(EAGAIN) || status == AVERROR_EOF);
}

static void open_player(struct player *player, enum AVCodecID id,
                        const struct encoder_options *options,
                        const struct media_segment *segment) {
    const AVCodec *codec = avcodec_find_decoder(id);
    assert_non_null(codec);
    player->codec = avcodec_alloc_context3(codec);
    player->picture = av_frame_alloc();
    player->packet = av_packet_alloc();
    player->codec->width = (int)options->width;
    player->codec->height = (int)options->height;
    player->codec->thread_count = 1;
    player->codec->err_recognition = AV_EF_EXPLODE | AV_EF_BITSTREAM | AV_EF_BUFFER;
    if (id == AV_CODEC_ID_PRORES)
        player->codec->codec_tag = MKTAG('a', 'p', 'c', 'h');
    /* libavcodec wants nothing for VP9. */
    if (segment->config_size > 0 && id != AV_CODEC_ID_VP9) {
        player->codec->extradata = av_mallocz(segment->config_size + AV_INPUT_BUFFER_PADDING_SIZE);
        player->codec->extradata_size = (int)segment->config_size;
        memcpy(player->codec->extradata, segment->config, segment->config_size);
    }
    assert_int_equal(avcodec_open2(player->codec, codec, NULL), 0);
}

static void play(struct player *player, const struct media_segment *segment, uint32_t start) {
    size_t place = 0;
    for (uint32_t i = 0; i < segment->sample_count; i++) {
        const struct media_sample *sample = &segment->samples[i];
        assert_int_equal(av_new_packet(player->packet, (int)sample->size), 0);
        memcpy(player->packet->data, segment->data + place, sample->size);
        place += sample->size;
        player->packet->dts = start + i;
        player->packet->pts =
            start + i + sample->composition_offset - segment->samples[0].composition_offset;
        assert_int_equal(avcodec_send_packet(player->codec, player->packet), 0);
        av_packet_unref(player->packet);
        take_pictures(player);
    }
}

void coding_check_film(const struct encoder_options *options, enum AVCodecID id,
                       enum AVPixelFormat format, bool says_chroma_place, double max_error) {
    struct encoder_options moving = *options, still = *options;
    struct media_segment a = {0}, b = {0};
    moving.frame_count = 19;
    still.frame_count = 12;
    struct encoder *first = coding_encode(&moving, 0, 1, &a),
                   *second = coding_encode(&still, 90, 5, &b);
    struct player player = {.format = format,
                            .says_chroma_place = says_chroma_place,
                            .max_error = max_error,
                            .count = moving.frame_count + still.frame_count};
    for (uint32_t i = 0; i < player.count; i++)
        player.numbers[i] = i < moving.frame_count ? i : 90 + (i - moving.frame_count) / 5;
    open_player(&player, id, options, &a);
    play(&player, &a, 0);
    play(&player, &b, moving.frame_count);
    assert_int_equal(avcodec_send_packet(player.codec, NULL), 0);
    take_pictures(&player);
    assert_int_equal(player.shown, player.count);
    av_frame_free(&player.picture);
    av_packet_free(&player.packet);
    avcodec_free_context(&player.codec);
    encoder_free(first);
    encoder_free(second);
}

/* ---- refusals ---- */

void coding_check_refused(const struct encoder_options *options, const char *text) {
    struct encoder *encoder;
    struct error err = {0};
    assert_false(encoder_new(options, &encoder, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    if (!strstr(err.text, text))
        fail_msg("'%s' does not say '%s'", err.text, text);
}

void coding_check_bad_rates(const struct encoder_options *options) {
    static const struct rational rates[] = {
        {0, 1}, {-1, 1}, {30, 0}, {30, -1}, {INT64_C(1) << 31, 1}, {30, INT64_C(1) << 31}};
    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        struct encoder_options each = *options;
        each.fps = rates[i];
        coding_check_refused(&each, "frame rate");
    }
}
