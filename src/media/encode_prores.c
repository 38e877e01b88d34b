/*
 * ProRes 422 HQ, 10 bit, through libavcodec: every frame a key frame, every sample a frame with its
 * `icpf` header, nothing to configure a decoder with.
 *
 * Pictures come with chroma at half the height. It is brought to full height with a Lanczos filter
 * at the right place (a chroma row lies half way between two rows of luma), and the eight bits
 * become ten in the same step, so that nothing is rounded twice.
 */
#include "base/base.h"
#include "media/encode_internal.h"

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <stdlib.h>

enum {
    TAPS = 6,
    WEIGHT_BITS = 8,  /* weights add up to 256 */
    MAX_VALUE = 1019, /* 10 bit codes above are reserved */
    MIN_VALUE = 4,
    MAX_SIDE = 16384,
};

struct state {
    AVCodecContext *codec;
    AVFrame *picture;
    AVPacket *packet;
};

/* ---- pictures ---- */

/* The rows of luma lie a quarter of a chroma row above and below their chroma row: Lanczos with
 * three lobes at -2.25, -1.25, … for the upper; the lower one mirrors it. */
static const int weights[TAPS] = {2, -17, 69, 228, -34, 8};

static void widen_luma(const struct frame *frame, AVFrame *ret) {
    for (unsigned y = 0; y < frame->height; y++) {
        const uint8_t *from = frame->planes[0] + y * frame->strides[0];
        uint16_t *to = (uint16_t *)(void *)(ret->data[0] + (ptrdiff_t)y * ret->linesize[0]);
        for (unsigned x = 0; x < frame->width; x++)
            to[x] = (uint16_t)(from[x] < 1 ? MIN_VALUE : from[x] == 255 ? MAX_VALUE : from[x] * 4);
    }
}

static void filter_row(const uint8_t *const rows[TAPS], bool mirrored, unsigned width,
                       uint16_t *ret) {
    for (unsigned x = 0; x < width; x++) {
        int sum = 1 << (WEIGHT_BITS - 3);
        for (int t = 0; t < TAPS; t++)
            sum += weights[mirrored ? TAPS - 1 - t : t] * rows[t][x];
        int value = sum >> (WEIGHT_BITS - 2);
        ret[x] = (uint16_t)(value < MIN_VALUE ? MIN_VALUE : value > MAX_VALUE ? MAX_VALUE : value);
    }
}

/* Row y of full height, from the rows around it; the outermost are repeated. */
static void raise_chroma(const struct frame *frame, int plane, AVFrame *ret) {
    int height = (int)frame->height / 2;
    for (int y = 0; y < 2 * height; y++) {
        bool lower = y & 1;
        const uint8_t *rows[TAPS];
        for (int t = 0; t < TAPS; t++) {
            int row = y / 2 + t - (lower ? 2 : 3);
            row = row < 0 ? 0 : row >= height ? height - 1 : row;
            rows[t] = frame->planes[plane] + (size_t)row * frame->strides[plane];
        }
        filter_row(rows, lower, frame->width / 2,
                   (uint16_t *)(void *)(ret->data[plane] + (ptrdiff_t)y * ret->linesize[plane]));
    }
}

/* ---- opening ---- */

/* What Apple's HQ takes at this size (libavcodec's table) stands at quality 75, a quarter of it at
 * 0, and a quarter more at 100. */
static int bits_per_macroblock(const struct encoder_options *options) {
    static const struct {
        unsigned macroblocks; /* of a picture, at most */
        unsigned bits;
    } rates[] = {{1620, 1566}, {2700, 1216}, {6075, 1070}, {UINT32_MAX, 950}};
    unsigned count = (options->width + 15) / 16 * ((options->height + 15) / 16);
    size_t i = 0;
    while (rates[i].macroblocks < count)
        i++;
    return (int)(rates[i].bits * (options->quality + 25) / 100);
}

static void set_picture(AVCodecContext *codec, const struct encoder_options *options) {
    codec->width = (int)options->width;
    codec->height = (int)options->height;
    codec->pix_fmt = AV_PIX_FMT_YUV422P10LE;
    codec->time_base = (AVRational){(int)options->fps.den, (int)options->fps.num};
    codec->framerate = (AVRational){(int)options->fps.num, (int)options->fps.den};
    codec->sample_aspect_ratio = (AVRational){1, 1};
    codec->color_primaries = AVCOL_PRI_BT709;
    codec->color_trc = AVCOL_TRC_BT709;
    codec->colorspace = AVCOL_SPC_BT709;
    codec->color_range = AVCOL_RANGE_MPEG;
    codec->field_order = AV_FIELD_PROGRESSIVE;
    codec->thread_count = 1;
    codec->flags |= AV_CODEC_FLAG_BITEXACT;
}

static bool set_options(AVCodecContext *codec, const struct encoder_options *options) {
    void *private = codec->priv_data;
    return av_opt_set(private, "profile", "hq", 0) == 0 &&
           av_opt_set(private, "vendor", "apl0", 0) == 0 &&
           av_opt_set_int(private, "bits_per_mb", bits_per_macroblock(options), 0) == 0;
}

static bool open_codec(const struct encoder_options *options, struct state *state,
                       struct error *err) {
    const AVCodec *codec = avcodec_find_encoder_by_name("prores_ks");
    if (!codec)
        return error_set(err, ERROR_INTERNAL, NULL, "libavcodec was built without ProRes");
    state->codec = avcodec_alloc_context3(codec);
    state->picture = av_frame_alloc();
    state->packet = av_packet_alloc();
    if (!state->codec || !state->picture || !state->packet)
        die_out_of_memory();
    set_picture(state->codec, options);
    if (!set_options(state->codec, options) || avcodec_open2(state->codec, codec, NULL) != 0)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "prores_ks refuses %ux%u at %lld/%lld frames a second", options->width,
                         options->height, (long long)options->fps.num, (long long)options->fps.den);
    return true;
}

static bool open_state(struct encoder *encoder, struct error *err) {
    if (!encoder_rate_fits(encoder, INT32_MAX, "ProRes", err))
        return false;
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        die_out_of_memory();
    encoder->state = state;
    return open_codec(&encoder->options, state, err);
}

static void close_state(struct encoder *encoder) {
    struct state *state = encoder->state;
    if (!state)
        return;
    avcodec_free_context(&state->codec);
    av_frame_free(&state->picture);
    av_packet_free(&state->packet);
    free(state);
    encoder->state = NULL;
}

/* ---- encoding ---- */

/* A buffer of its own for each run: the codec may hold on to the last one. */
static bool fill_picture(struct state *state, const struct frame *frame, struct error *err) {
    AVFrame *picture = state->picture;
    const AVCodecContext *codec = state->codec;
    av_frame_unref(picture);
    picture->format = codec->pix_fmt;
    picture->width = codec->width;
    picture->height = codec->height;
    picture->color_primaries = codec->color_primaries;
    picture->color_trc = codec->color_trc;
    picture->colorspace = codec->colorspace;
    picture->color_range = codec->color_range;
    if (av_frame_get_buffer(picture, 0) != 0)
        return error_set(err, ERROR_INTERNAL, NULL, "no picture of %dx%d", codec->width,
                         codec->height);
    widen_luma(frame, picture);
    raise_chroma(frame, 1, picture);
    raise_chroma(frame, 2, picture);
    return true;
}

/* The packet is kept for the rest of the run. */
static bool encode_picture(struct encoder *encoder, struct error *err) {
    struct state *state = encoder->state;
    state->picture->pts = encoder->frames_in;
    av_packet_unref(state->packet);
    if (avcodec_send_frame(state->codec, state->picture) != 0 ||
        avcodec_receive_packet(state->codec, state->packet) != 0)
        return error_set(err, ERROR_INTERNAL, NULL, "prores_ks fails at frame %u",
                         encoder->frames_in);
    return true;
}

/* A frame depends on nothing but its picture: all of a run are the same bytes. */
static bool add_run(struct encoder *encoder, const struct frame *frame, uint32_t count,
                    struct error *err) {
    const struct state *state = encoder->state;
    if (!fill_picture(encoder->state, frame, err) || !encode_picture(encoder, err))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!buf_append(&encoder->data, state->packet->data, (size_t)state->packet->size, err))
            return error_prefix(err, "a segment's samples");
        if (!encoder_sample(encoder, encoder->frames_in, 0, true, err))
            return false;
        encoder_took(encoder);
    }
    return true;
}

static bool drain(struct encoder *encoder, struct error *err) {
    (void)err;
    close_state(encoder);
    return true;
}

const struct encoder_class encoder_prores = {
    .name = "prores_ks",
    .open = open_state,
    .add = add_run,
    .finish = drain,
    .close = close_state,
};
