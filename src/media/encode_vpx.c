/*
 * VP9 through libvpx: constant quality in one pass, one thread, a number of tile columns that the
 * width alone decides. A sample is what one packet holds: a frame, or a superframe with the hidden
 * pictures that the shown one needs; so samples stand in the order of showing.
 */
#include "base/base.h"
#include "media/encode_internal.h"

#include <stdlib.h>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

enum {
    LAG_FRAMES = 25,
    /* Tiles are 256 samples wide at least; 4 are enough for players of up to 4K. */
    MAX_LOG2_TILE_COLUMNS = 2,
    MAX_CQ_LEVEL = 63,
};

struct state {
    vpx_codec_ctx_t vpx;
    bool is_open;
};

static const int cpu_used[] = {[SPEED_FAST] = 5, [SPEED_BALANCED] = 3, [SPEED_SMALL] = 1};

/* ---- vpcC ---- */

/* The level that size and rate ask for: the bit rate is not known before all is encoded. Annex A of
 * the VP9 specification. */
static uint8_t level_of(const struct encoder_options *options) {
    static const struct {
        uint8_t level;
        uint64_t max_rate; /* luma samples a second */
        uint64_t max_size; /* luma samples */
        unsigned max_side;
    } levels[] = {
        {10, 829440, 36864, 512},          {11, 2764800, 73728, 768},
        {20, 4608000, 122880, 960},        {21, 9216000, 245760, 1344},
        {30, 20736000, 552960, 2048},      {31, 36864000, 983040, 2752},
        {40, 83558400, 2228224, 4160},     {41, 160432128, 2228224, 4160},
        {50, 311951360, 8912896, 8384},    {51, 588251136, 8912896, 8384},
        {52, 1176502272, 8912896, 8384},   {60, 1176502272, 35651584, 16832},
        {61, 2353004544, 35651584, 16832}, {62, 4706009088, 35651584, 16832},
    };
    uint64_t size = (uint64_t)options->width * options->height;
    unsigned side = options->width > options->height ? options->width : options->height;
    double rate = (double)size * (double)options->fps.num / (double)options->fps.den;
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
        if (rate <= (double)levels[i].max_rate && size <= levels[i].max_size &&
            side <= levels[i].max_side)
            return levels[i].level;
    return levels[ARRAY_SIZE(levels) - 1].level;
}

/* "VP Codec ISO Media File Format Binding", from the FullBox's version on. */
static bool make_config(const struct encoder_options *options, struct buf *ret, struct error *err) {
    uint8_t config[] = {
        1,
        0,
        0,
        0, /* version, flags */
        0, /* profile */
        level_of(options),
        8 << 4, /* 8 bit, 4:2:0 with chroma sited left, limited range */
        1,      /* BT.709: primaries */
        1,      /* transfer */
        1,      /* matrix */
        0,
        0, /* no initialisation data */
    };
    return buf_append(ret, config, sizeof config, err);
}

/* ---- opening ---- */

static unsigned cq_level_of(enum speed speed, unsigned quality) {
    (void)speed;
    return (100 - quality) * MAX_CQ_LEVEL / 100;
}

static int log2_tile_columns(unsigned width) {
    int columns = 0;
    while (columns < MAX_LOG2_TILE_COLUMNS && width >> (columns + 1) >= 256)
        columns++;
    return columns;
}

static void set_config(vpx_codec_enc_cfg_t *config, const struct encoder_options *options,
                       unsigned cq_level) {
    config->g_w = options->width;
    config->g_h = options->height;
    config->g_timebase.num = (int)options->fps.den;
    config->g_timebase.den = (int)options->fps.num;
    config->g_threads = 1;
    config->g_pass = VPX_RC_ONE_PASS;
    config->g_lag_in_frames = LAG_FRAMES;
    config->g_error_resilient = 0;
    config->rc_end_usage = VPX_Q;
    config->rc_resize_allowed = 0;
    config->rc_dropframe_thresh = 0;
    config->rc_min_quantizer = 0;
    config->rc_max_quantizer = MAX_CQ_LEVEL;
    (void)cq_level;
    /* The first frame is one all the same. */
    config->kf_mode = VPX_KF_DISABLED;
}

static bool set_controls(vpx_codec_ctx_t *vpx, const struct encoder_options *options,
                         unsigned cq_level) {
    return vpx_codec_control(vpx, VP8E_SET_CPUUSED, cpu_used[options->speed]) == VPX_CODEC_OK &&
           vpx_codec_control(vpx, VP8E_SET_CQ_LEVEL, cq_level) == VPX_CODEC_OK &&
           vpx_codec_control(vpx, VP8E_SET_ENABLEAUTOALTREF, 1) == VPX_CODEC_OK &&
           vpx_codec_control(vpx, VP9E_SET_ROW_MT, 0) == VPX_CODEC_OK &&
           vpx_codec_control(vpx, VP9E_SET_TILE_COLUMNS, log2_tile_columns(options->width)) ==
               VPX_CODEC_OK &&
           vpx_codec_control(vpx, VP9E_SET_TILE_ROWS, 0) == VPX_CODEC_OK &&
           vpx_codec_control(vpx, VP9E_SET_FRAME_PARALLEL_DECODING, 0) == VPX_CODEC_OK &&
           vpx_codec_control(vpx, VP9E_SET_COLOR_SPACE, VPX_CS_BT_709) == VPX_CODEC_OK &&
           vpx_codec_control(vpx, VP9E_SET_COLOR_RANGE, VPX_CR_STUDIO_RANGE) == VPX_CODEC_OK;
}

static bool open_vpx(const struct encoder_options *options, struct state *state,
                     struct error *err) {
    vpx_codec_enc_cfg_t config;
    unsigned cq_level = cq_level_of(options->speed, options->quality);
    if (vpx_codec_enc_config_default(vpx_codec_vp9_cx(), &config, 0) != VPX_CODEC_OK)
        return error_set(err, ERROR_INTERNAL, NULL, "libvpx was built without VP9");
    set_config(&config, options, cq_level);
    if (vpx_codec_enc_init(&state->vpx, vpx_codec_vp9_cx(), &config, 0) != VPX_CODEC_OK)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "libvpx refuses %ux%u at %lld/%lld frames a second", options->width,
                         options->height, (long long)options->fps.num, (long long)options->fps.den);
    state->is_open = true;
    if (!set_controls(&state->vpx, options, cq_level))
        return error_set(err, ERROR_INTERNAL, NULL, "libvpx: %s", vpx_codec_error(&state->vpx));
    return true;
}

static bool open_state(struct encoder *encoder, struct error *err) {
    /* libvpx wants time bases of at most a second, with a denominator of at most 10^9. */
    if (!encoder_rate_fits(encoder, 1000000000, "VP9", err))
        return false;
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        die_out_of_memory();
    encoder->state = state;
    return open_vpx(&encoder->options, state, err) &&
           make_config(&encoder->options, &encoder->config, err);
}

static void close_state(struct encoder *encoder) {
    struct state *state = encoder->state;
    if (state && state->is_open)
        vpx_codec_destroy(&state->vpx);
    free(state);
    encoder->state = NULL;
}

/* ---- encoding ---- */

static bool keep_packets(struct encoder *encoder, bool *ret_any, struct error *err) {
    struct state *state = encoder->state;
    vpx_codec_iter_t iterator = NULL;
    const vpx_codec_cx_pkt_t *packet;
    *ret_any = false;
    while ((packet = vpx_codec_get_cx_data(&state->vpx, &iterator))) {
        if (packet->kind != VPX_CODEC_CX_FRAME_PKT)
            continue;
        *ret_any = true;
        if (!buf_append(&encoder->data, packet->data.frame.buf, packet->data.frame.sz, err))
            return error_prefix(err, "a segment's samples");
        if (!encoder_sample(encoder, packet->data.frame.pts, 0,
                            packet->data.frame.flags & VPX_FRAME_IS_KEY, err))
            return false;
    }
    return true;
}

static void wrap(const struct frame *frame, vpx_image_t *ret) {
    vpx_img_wrap(ret, VPX_IMG_FMT_I420, frame->width, frame->height, 1, frame->planes[0]);
    for (int i = 0; i < 3; i++) {
        ret->planes[i] = frame->planes[i];
        ret->stride[i] = (int)frame->strides[i];
    }
    ret->cs = VPX_CS_BT_709;
    ret->range = VPX_CR_STUDIO_RANGE;
}

static bool add_run(struct encoder *encoder, const struct frame *frame, uint32_t count,
                    struct error *err) {
    struct state *state = encoder->state;
    vpx_image_t image;
    bool any;
    wrap(frame, &image);
    for (uint32_t i = 0; i < count; i++) {
        if (vpx_codec_encode(&state->vpx, &image, encoder->frames_in, 1, 0, VPX_DL_GOOD_QUALITY) !=
            VPX_CODEC_OK)
            return error_set(err, ERROR_INTERNAL, NULL, "libvpx fails at frame %u: %s",
                             encoder->frames_in, vpx_codec_error(&state->vpx));
        if (!keep_packets(encoder, &any, err))
            return false;
        encoder_took(encoder);
    }
    return true;
}

static bool drain(struct encoder *encoder, struct error *err) {
    struct state *state = encoder->state;
    bool any;
    do {
        if (vpx_codec_encode(&state->vpx, NULL, 0, 1, 0, VPX_DL_GOOD_QUALITY) != VPX_CODEC_OK)
            return error_set(err, ERROR_INTERNAL, NULL, "libvpx fails at the end: %s",
                             vpx_codec_error(&state->vpx));
        if (!keep_packets(encoder, &any, err))
            return false;
    } while (any);
    close_state(encoder);
    return true;
}

const struct encoder_class encoder_vpx = {
    .name = "libvpx",
    .open = open_state,
    .add = add_run,
    .finish = drain,
    .close = close_state,
};
