#include "tune.h"

#include <libavcodec/avcodec.h>
#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { RATE = 48000, CLICK_SAMPLES = 33, MAX_BYTES = 1 << 24 };

struct coder {
    AVCodecContext *context;
    struct sound_index *index;
    struct buf packets;
};

static void take(struct coder *coder) {
    AVPacket *packet = av_packet_alloc();
    struct error err;
    while (avcodec_receive_packet(coder->context, packet) == 0) {
        if (coder->index->packet_count * (uint64_t)coder->index->samples_packet <
            coder->index->priming + coder->index->samples) {
            coder->index->sizes[coder->index->packet_count++] = (uint32_t)packet->size;
            assert_true(buf_append(&coder->packets, packet->data, (size_t)packet->size, &err));
        }
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
}

static void open_coder(struct coder *coder, const char *codec) {
    const AVCodec *found =
        avcodec_find_encoder_by_name(strcmp(codec, "opus") == 0 ? "libopus" : "aac");
    assert_non_null(found);
    AVCodecContext *context = avcodec_alloc_context3(found);
    context->sample_rate = RATE;
    context->sample_fmt = found->sample_fmts[0];
    if (strcmp(codec, "opus") == 0)
        context->sample_fmt = AV_SAMPLE_FMT_FLT;
    av_channel_layout_default(&context->ch_layout, 2);
    context->bit_rate = 96000;
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    assert_int_equal(avcodec_open2(context, found, NULL), 0);
    coder->context = context;
}

/* A raised cosine with its top at the click. */
static float sample_at(uint64_t place, uint64_t click) {
    double from_top = (double)place - (double)click;
    if (fabs(from_top) > CLICK_SAMPLES / 2.0)
        return 0;
    return (float)(0.4 * (1 + cos(from_top * 2 * 3.14159265358979 / CLICK_SAMPLES)));
}

static void code(struct coder *coder, uint64_t click) {
    AVFrame *frame = av_frame_alloc();
    frame->nb_samples = coder->context->frame_size;
    frame->format = coder->context->sample_fmt;
    assert_int_equal(av_channel_layout_copy(&frame->ch_layout, &coder->context->ch_layout), 0);
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    bool planar = frame->format == AV_SAMPLE_FMT_FLTP;
    for (uint64_t at = 0; at < coder->index->samples + RATE / 4;
         at += (uint64_t)frame->nb_samples) {
        assert_int_equal(av_frame_make_writable(frame), 0);
        for (int i = 0; i < frame->nb_samples; i++)
            for (int c = 0; c < 2; c++)
                ((float *)(void *)frame->data[planar ? c : 0])[planar ? i : 2 * i + c] =
                    sample_at(at + (uint64_t)i, click);
        frame->pts = (int64_t)at;
        assert_int_equal(avcodec_send_frame(coder->context, frame), 0);
        take(coder);
    }
    av_frame_free(&frame);
}

/* RFC 7845's header as the box of MP4 has it. */
static uint8_t *opus_box(struct arena *arena, const uint8_t *head, size_t *ret_size) {
    static const uint8_t order[] = {9, 11, 10, 15, 14, 13, 12, 17, 16, 18};
    uint8_t *box = arena_alloc(arena, 1 + sizeof order);
    for (size_t i = 0; i < sizeof order; i++)
        box[1 + i] = head[order[i]];
    *ret_size = 1 + sizeof order;
    return box;
}

void tune_make(struct arena *arena, const char *codec, uint64_t samples, uint64_t click,
               struct tune *ret) {
    struct coder coder = {.index = &ret->index};
    bool opus = strcmp(codec, "opus") == 0;
    open_coder(&coder, codec);
    buf_init(&coder.packets, MAX_BYTES);
    ret->index = (struct sound_index){
        .codec = codec,
        .rate = RATE,
        .channels = 2,
        .samples_packet = (unsigned)coder.context->frame_size,
        .priming = (unsigned)coder.context->initial_padding,
        .samples = samples,
    };
    uint64_t all = samples + ret->index.priming + ret->index.samples_packet;
    ret->index.sizes =
        arena_array(arena, all / ret->index.samples_packet + 1, sizeof *ret->index.sizes);
    size_t size = (size_t)coder.context->extradata_size;
    ret->index.config =
        (const uint8_t *)arena_strndup(arena, (const char *)coder.context->extradata, size);
    ret->index.config_size = size;
    if (opus)
        ret->index.config = opus_box(arena, ret->index.config, &ret->index.config_size);
    code(&coder, click);
    ret->packets = arena_str(arena, buf_str(&coder.packets));
    ret->object = sound_to_object(arena, &ret->index, ret->packets);
    buf_clear(&coder.packets);
    avcodec_free_context(&coder.context);
}

void tune_fake(struct arena *arena, const char *codec, uint64_t samples, struct tune *ret) {
    static const uint8_t aac[] = {0x11, 0x90};
    static const uint8_t dops[] = {0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0};
    bool opus = strcmp(codec, "opus") == 0;
    ret->index = (struct sound_index){
        .codec = codec,
        .rate = RATE,
        .channels = 2,
        .samples_packet = opus ? 960 : 1024,
        .priming = opus ? 312 : 1024,
        .samples = samples,
        .config = opus ? dops : aac,
        .config_size = opus ? sizeof dops : sizeof aac,
    };
    struct sound_index *index = &ret->index;
    index->packet_count =
        (uint32_t)((index->priming + samples + index->samples_packet - 1) / index->samples_packet);
    index->sizes = arena_array(arena, index->packet_count, sizeof *index->sizes);
    size_t total = 0, at = 0;
    for (uint32_t i = 0; i < index->packet_count; i++)
        total += index->sizes[i] = 1 + i * 7 % 300;
    char *bytes = arena_alloc(arena, total);
    for (uint32_t i = 0; i < index->packet_count; at += index->sizes[i++])
        memset(bytes + at, (int)(i % 251 + 1), index->sizes[i]);
    ret->packets = (struct str){bytes, total};
    ret->object = sound_to_object(arena, index, ret->packets);
}
