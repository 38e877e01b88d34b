/*
 * Both encoders delay the sound by a fixed number of samples (the priming), and a packet is only
 * whole with the one after it. So packets are made until their samples reach the priming and the
 * film's length together; what is fed beyond the film's end is silence, in whole packets, so that
 * the last one is as long as all others.
 */
#include "media/audio_encode.h"

#include "media/audio_decode.h"

#include <assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <opus/opus.h>
#include <string.h>

enum {
    MAX_CHANNELS = 2,
    AAC_PACKET_SAMPLES = 1024,
    OPUS_PACKET_SAMPLES = 960, /* 20 ms */
    OPUS_CONFIG_BYTES = 11,
    AAC_BITRATE_STEREO = 192000,
    AAC_BITRATE_MONO = 128000,
    OPUS_BITRATE_STEREO = 160000,
    OPUS_BITRATE_MONO = 96000,
};

static void free_codec(AVCodecContext **codec) {
    avcodec_free_context(codec);
}

static void free_packet(AVPacket **packet) {
    av_packet_free(packet);
}

static void free_frame(AVFrame **frame) {
    av_frame_free(frame);
}

static void destroy_opus(OpusEncoder **encoder) {
    opus_encoder_destroy(*encoder);
}

static bool fail(const char *what, int code, struct error *err) {
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, text, sizeof text);
    return error_set(err, ERROR_INTERNAL, NULL, "%s: '%s'", what, text);
}

/* Fills all but sizes and configuration. */
static void start_index(struct arena *arena, const struct audio_encode *encode,
                        unsigned packet_samples, unsigned priming, struct sound_index *ret) {
    uint64_t count = (priming + encode->samples + packet_samples - 1) / packet_samples;
    assert(count <= SOUND_MAX_PACKETS && encode->samples > 0);
    *ret = (struct sound_index){.rate = AUDIO_RATE,
                                .channels = encode->channels,
                                .samples_packet = packet_samples,
                                .priming = priming,
                                .samples = encode->samples,
                                .packet_count = (uint32_t)count};
    ret->sizes = arena_array(arena, count, sizeof *ret->sizes);
}

static bool keep_packet(struct sound_index *index, uint32_t number, struct str packet,
                        struct buf *packets, struct error *err) {
    if (packet.len == 0 || packet.len > SOUND_MAX_PACKET_BYTES)
        return error_set(err, ERROR_INTERNAL, NULL, "a packet of %zu bytes", packet.len);
    index->sizes[number] = (uint32_t)packet.len;
    return buf_append(packets, packet.ptr, packet.len, err);
}

static bool open_aac(const struct audio_encode *encode, AVCodecContext **ret, struct error *err) {
    audio_pin_instructions();
    const AVCodec *encoder = avcodec_find_encoder_by_name("aac");
    if (encoder == NULL)
        return error_set(err, ERROR_INTERNAL, NULL, "the media library cannot encode AAC");
    AVCodecContext *codec = avcodec_alloc_context3(encoder);
    if (codec == NULL)
        die_out_of_memory();
    codec->sample_fmt = AV_SAMPLE_FMT_FLTP;
    codec->sample_rate = AUDIO_RATE;
    codec->time_base = (AVRational){1, AUDIO_RATE};
    codec->profile = FF_PROFILE_AAC_LOW;
    codec->bit_rate = encode->channels == 1 ? AAC_BITRATE_MONO : AAC_BITRATE_STEREO;
    codec->thread_count = 1;
    codec->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
    av_channel_layout_default(&codec->ch_layout, (int)encode->channels);
    int result = avcodec_open2(codec, encoder, NULL);
    if (result < 0 || codec->frame_size != AAC_PACKET_SAMPLES || codec->initial_padding < 0 ||
        codec->extradata_size < 2 || codec->extradata_size > SOUND_MAX_CONFIG_BYTES) {
        avcodec_free_context(&codec);
        return fail("the AAC encoder cannot be used", result, err);
    }
    *ret = codec;
    return true;
}

static AVFrame *make_frame(const AVCodecContext *codec) {
    AVFrame *frame = av_frame_alloc();
    if (frame == NULL)
        die_out_of_memory();
    frame->format = codec->sample_fmt;
    frame->sample_rate = codec->sample_rate;
    frame->nb_samples = codec->frame_size;
    av_channel_layout_default(&frame->ch_layout, codec->ch_layout.nb_channels);
    if (av_frame_get_buffer(frame, 0) < 0)
        die_out_of_memory();
    return frame;
}

/* The next packet's worth of the track to the encoder. */
static bool send_frame(AVCodecContext *codec, const struct audio_encode *encode, AVFrame *frame,
                       struct error *err) {
    float samples[AAC_PACKET_SAMPLES * MAX_CHANNELS];
    if (!audio_track_read(encode->track, samples, AAC_PACKET_SAMPLES, err))
        return false;
    if (av_frame_make_writable(frame) < 0)
        die_out_of_memory();
    for (unsigned c = 0; c < encode->channels; c++) {
        float *plane = (float *)frame->extended_data[c];
        for (size_t i = 0; i < AAC_PACKET_SAMPLES; i++)
            plane[i] = samples[i * encode->channels + c];
    }
    int result = avcodec_send_frame(codec, frame);
    frame->pts += AAC_PACKET_SAMPLES;
    return result >= 0 || fail("the sound could not be encoded", result, err);
}

bool audio_encode_aac(struct arena *arena, const struct audio_encode *encode,
                      struct sound_index *ret, struct buf *ret_packets, struct error *err) {
    AVCodecContext *codec CLEANUP(free_codec) = NULL;
    AVFrame *frame CLEANUP(free_frame) = NULL;
    AVPacket *packet CLEANUP(free_packet) = av_packet_alloc();
    struct sound_index index;
    if (packet == NULL)
        die_out_of_memory();
    if (!open_aac(encode, &codec, err))
        return false;
    frame = make_frame(codec);
    frame->pts = 0;
    start_index(arena, encode, AAC_PACKET_SAMPLES, (unsigned)codec->initial_padding, &index);
    index.codec = "aac";
    for (uint32_t i = 0; i < index.packet_count;) {
        int result = avcodec_receive_packet(codec, packet);
        if (result == AVERROR(EAGAIN)) {
            if (!send_frame(codec, encode, frame, err))
                return false;
            continue;
        }
        if (result < 0)
            return fail("the sound could not be encoded", result, err);
        struct str bytes = {(const char *)packet->data, (size_t)packet->size};
        if (!keep_packet(&index, i++, bytes, ret_packets, err))
            return false;
        av_packet_unref(packet);
    }
    struct str config = {(const char *)codec->extradata, (size_t)codec->extradata_size};
    config = arena_str(arena, config);
    index.config = (const uint8_t *)config.ptr;
    index.config_size = config.len;
    *ret = index;
    return true;
}

static bool open_opus(const struct audio_encode *encode, OpusEncoder **ret, int *ret_delay,
                      struct error *err) {
    int result;
    int bitrate = encode->channels == 1 ? OPUS_BITRATE_MONO : OPUS_BITRATE_STEREO;
    OpusEncoder *encoder CLEANUP(destroy_opus) =
        opus_encoder_create(AUDIO_RATE, (int)encode->channels, OPUS_APPLICATION_AUDIO, &result);
    if (result == OPUS_ALLOC_FAIL)
        die_out_of_memory();
    if (result == OPUS_OK)
        result = opus_encoder_ctl(encoder, OPUS_SET_BITRATE(bitrate));
    if (result == OPUS_OK)
        result = opus_encoder_ctl(encoder, OPUS_SET_VBR(1));
    if (result == OPUS_OK)
        result = opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(10));
    if (result == OPUS_OK)
        result = opus_encoder_ctl(encoder, OPUS_GET_LOOKAHEAD(ret_delay));
    if (result != OPUS_OK)
        return error_set(err, ERROR_INTERNAL, NULL, "the Opus encoder cannot be used: '%s'",
                         opus_strerror(result));
    *ret = encoder;
    encoder = NULL;
    return true;
}

/* Body of a dOps box (Opus in ISO base media files, 4.3.2). */
static void make_opus_config(struct arena *arena, struct sound_index *index) {
    uint8_t *config = arena_alloc(arena, OPUS_CONFIG_BYTES);
    config[1] = (uint8_t)index->channels;
    config[2] = (uint8_t)(index->priming >> 8);
    config[3] = (uint8_t)index->priming;
    for (int i = 0; i < 4; i++)
        config[4 + i] = (uint8_t)((unsigned)AUDIO_RATE >> (24 - 8 * i));
    index->config = config;
    index->config_size = OPUS_CONFIG_BYTES;
}

bool audio_encode_opus(struct arena *arena, const struct audio_encode *encode,
                       struct sound_index *ret, struct buf *ret_packets, struct error *err) {
    OpusEncoder *encoder CLEANUP(destroy_opus) = NULL;
    struct sound_index index;
    int delay;
    if (!open_opus(encode, &encoder, &delay, err))
        return false;
    start_index(arena, encode, OPUS_PACKET_SAMPLES, (unsigned)delay, &index);
    index.codec = "opus";
    make_opus_config(arena, &index);
    for (uint32_t i = 0; i < index.packet_count; i++) {
        float samples[OPUS_PACKET_SAMPLES * MAX_CHANNELS];
        uint8_t packet[SOUND_MAX_PACKET_BYTES];
        if (!audio_track_read(encode->track, samples, OPUS_PACKET_SAMPLES, err))
            return false;
        int size = opus_encode_float(encoder, samples, OPUS_PACKET_SAMPLES, packet, sizeof packet);
        if (size < 0)
            return error_set(err, ERROR_INTERNAL, NULL, "the sound could not be encoded: '%s'",
                             opus_strerror(size));
        struct str bytes = {(const char *)packet, (size_t)size};
        if (!keep_packet(&index, i, bytes, ret_packets, err))
            return false;
    }
    *ret = index;
    return true;
}
