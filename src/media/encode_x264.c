/*
 * x264, set up so that a segment's bytes depend on nothing but its pictures and the options: one
 * thread, no CPU-dependent shortcuts, no rate buffer, no message with its version; and so that all
 * segments of a job share one avcC (`stitchable`, the same references and B-frames).
 */
#include "media/encode_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <x264.h>

enum {
    NAL_LENGTH_BYTES = 4,
    /* Longer than any segment. */
    MIN_KEYINT = TIMELINE_MAX_FRAMES + 1,
    MAX_QP = 51,
};

struct state {
    x264_t *x264;
    int32_t delay; /* frames */
    int first_qp;
};

static const char *const presets[] = {
    [SPEED_FAST] = "veryfast", [SPEED_BALANCED] = "medium", [SPEED_SMALL] = "slow"};

/* ---- quality ---- */

/*
 * A CRF means another quality at each preset: for medium's SSIM veryfast needs one lower by 2.5 to
 * 3.8, and slow may have one higher by 0.1 to 0.9, at low and at high qualities alike. With the
 * values below, luma SSIM and kbit/s at 1920x1080, 30 frames a second:
 *
 *   quality   time-lapse with noise and flicker      slideshow, 2.5 s a photo
 *             fast         balanced     small        fast         balanced     small
 *   45        .9535  1685  .9559  1515  .9541  1431  .9872   280  .9876   329  .9875   344
 *   60        .9758  2794  .9759  2235  .9746  2098  .9911   563  .9915   638  .9916   645
 *   75        .9868  6094  .9859  4569  .9851  3947  .9945  1010  .9949  1137  .9951  1128
 *   85        .9909 17084  .9903 14009  .9902 11105  .9966  1492  .9970  1707  .9976  1797
 *   95        .9941 41398  .9927 33453  .9926 28948  .9985  2251  .9990  2456  .9994  2554
 */
float encoder_crf(enum speed speed, unsigned quality) {
    static const float at_75[] = {
        [SPEED_FAST] = 18.0f, [SPEED_BALANCED] = 21.0f, [SPEED_SMALL] = 21.5f};
    /* At balanced, 41 for quality 0 is where pictures fall apart, 12 for 100 where eyes see no
     * difference. */
    float below = 20.0f / 75, above = 9.0f / 25;
    float steps = (float)quality - 75;
    return at_75[speed] - steps * (quality < 75 ? below : above);
}

/*
 * x264 quantises the first frame of an encode like a P frame; any later I frame is finer by the
 * factor ip (1.4: 2.91 steps). At every start of a segment that would be a visible drop, so the
 * first frame is told what x264 gives I frames in the middle: with macroblock tree the base of P
 * frames is constant, and this reproduces it to 0.1 steps from 1 to 120 frames a second at all
 * three presets.
 */
static int first_frame_qp(const x264_param_t *param) {
    float seconds = (float)param->i_fps_den / (float)param->i_fps_num;
    float clipped = seconds < 0.01f ? 0.01f : seconds > 1 ? 1 : seconds;
    float spread = 1 - param->rc.f_qcompress;
    float p_frames = param->rc.f_rf_constant + spread * (13.5f + 6 * log2f(0.04f / clipped));
    long qp = lroundf(p_frames - 6 * log2f(param->rc.f_ip_factor));
    return qp < 0 ? 0 : qp > MAX_QP ? MAX_QP : (int)qp;
}

/* ---- opening ---- */

static void set_determinism(x264_param_t *param) {
    param->i_threads = 1;
    param->i_lookahead_threads = 1;
    param->b_sliced_threads = 0;
    param->i_sync_lookahead = 0;
    param->b_deterministic = 1;
    param->b_cpu_independent = 1;
    param->b_stitchable = 1;
    param->i_log_level = X264_LOG_NONE;
}

/* Only the first frame is an IDR: cuts inside a segment become plain I frames, which x264 chooses
 * while the distance to the last IDR is below keyint_min. x264 caps that at half of keyint_max. */
static void set_structure(x264_param_t *param) {
    param->i_keyint_max = X264_KEYINT_MAX_INFINITE;
    param->i_keyint_min = MIN_KEYINT;
    param->b_open_gop = 0;
    param->b_intra_refresh = 0;
    param->b_annexb = 0;
    param->b_repeat_headers = 0;
    param->b_aud = 0;
}

static void set_picture(x264_param_t *param, const struct encoder_options *options) {
    param->i_width = (int)options->width;
    param->i_height = (int)options->height;
    param->i_csp = X264_CSP_I420;
    param->i_bitdepth = 8;
    param->b_vfr_input = 0;
    param->i_fps_num = param->i_timebase_den = (uint32_t)options->fps.num;
    param->i_fps_den = param->i_timebase_num = (uint32_t)options->fps.den;
    param->vui.i_sar_width = param->vui.i_sar_height = 1;
    param->vui.b_fullrange = 0;
    param->vui.i_colorprim = param->vui.i_transfer = param->vui.i_colmatrix = 1; /* BT.709 */
}

static bool open_x264(const struct encoder_options *options, struct state *state,
                      struct error *err) {
    x264_param_t param;
    if (x264_param_default_preset(&param, presets[options->speed], NULL) != 0)
        return error_set(err, ERROR_INTERNAL, NULL, "x264 has no preset '%s'",
                         presets[options->speed]);
    set_determinism(&param);
    set_structure(&param);
    set_picture(&param, options);
    param.rc.i_rc_method = X264_RC_CRF;
    param.rc.f_rf_constant = encoder_crf(options->speed, options->quality);
    if (x264_param_apply_profile(&param, "high") == 0)
        state->x264 = x264_encoder_open(&param);
    if (!state->x264)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "x264 refuses %ux%u at %lld/%lld frames a second", options->width,
                         options->height, (long long)options->fps.num, (long long)options->fps.den);
    state->first_qp = first_frame_qp(&param);
    state->delay = param.i_bframe == 0 ? 0 : param.i_bframe_pyramid ? 2 : 1;
    return true;
}

/* avcC, ISO/IEC 14496-15 section 5.3.3.1. The sets come with a length of four bytes before them. */
static bool make_config(const x264_nal_t *sps, const x264_nal_t *pps, struct buf *ret,
                        struct error *err) {
    const uint8_t *profile = sps->p_payload + NAL_LENGTH_BYTES + 1;
    unsigned sps_size = (unsigned)sps->i_payload - NAL_LENGTH_BYTES;
    unsigned pps_size = (unsigned)pps->i_payload - NAL_LENGTH_BYTES;
    uint8_t head[] = {
        1,
        profile[0],
        profile[1],
        profile[2],
        0xfc | (NAL_LENGTH_BYTES - 1),
        0xe0 | 1, /* one SPS */
        (uint8_t)(sps_size >> 8),
        (uint8_t)sps_size,
    };
    uint8_t middle[] = {1, (uint8_t)(pps_size >> 8), (uint8_t)pps_size};
    uint8_t tail[] = {0xfc | 1, 0xf8, 0xf8, 0}; /* 4:2:0, 8 bit, 8 bit, no extension of the SPS */
    return buf_append(ret, head, sizeof head, err) &&
           buf_append(ret, sps->p_payload + NAL_LENGTH_BYTES, sps_size, err) &&
           buf_append(ret, middle, sizeof middle, err) &&
           buf_append(ret, pps->p_payload + NAL_LENGTH_BYTES, pps_size, err) &&
           buf_append(ret, tail, sizeof tail, err);
}

static bool read_headers(struct encoder *encoder, struct error *err) {
    struct state *state = encoder->state;
    x264_nal_t *nals;
    int count;
    const x264_nal_t *sps = NULL, *pps = NULL;
    if (x264_encoder_headers(state->x264, &nals, &count) < 0)
        return error_set(err, ERROR_INTERNAL, NULL, "x264 gives no headers");
    for (int i = 0; i < count; i++) {
        if (nals[i].i_type == NAL_SPS)
            sps = &nals[i];
        if (nals[i].i_type == NAL_PPS)
            pps = &nals[i];
    }
    if (!sps || !pps)
        return error_set(err, ERROR_INTERNAL, NULL, "x264 gives no parameter sets");
    return make_config(sps, pps, &encoder->config, err);
}

static bool open_state(struct encoder *encoder, struct error *err) {
    if (!encoder_rate_fits(encoder, INT32_MAX, "H.264", err))
        return false;
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        die_out_of_memory();
    encoder->state = state;
    return open_x264(&encoder->options, state, err) && read_headers(encoder, err);
}

static void close_state(struct encoder *encoder) {
    struct state *state = encoder->state;
    if (state && state->x264)
        x264_encoder_close(state->x264);
    free(state);
    encoder->state = NULL;
}

/* ---- encoding ---- */

/* Keeps the slices of one frame; parameter sets are in avcC, messages are no part of the film. */
static bool keep_frame(struct encoder *encoder, const x264_nal_t *nals, int count,
                       const x264_picture_t *picture, struct error *err) {
    const struct state *state = encoder->state;
    for (int i = 0; i < count; i++) {
        if (nals[i].i_type != NAL_SLICE && nals[i].i_type != NAL_SLICE_IDR)
            continue;
        if (!buf_append(&encoder->data, nals[i].p_payload, (size_t)nals[i].i_payload, err))
            return error_prefix(err, "a segment's samples");
    }
    return encoder_sample(encoder, picture->i_pts, state->delay, picture->i_type == X264_TYPE_IDR,
                          err);
}

/* NULL drains. */
static bool encode(struct encoder *encoder, x264_picture_t *picture, struct error *err) {
    const struct state *state = encoder->state;
    x264_nal_t *nals;
    x264_picture_t out;
    int count;
    int size = x264_encoder_encode(state->x264, &nals, &count, picture, &out);
    if (size < 0)
        return error_set(err, ERROR_INTERNAL, NULL, "x264 fails at frame %u", encoder->frames_in);
    return size == 0 || keep_frame(encoder, nals, count, &out, err);
}

static bool add_run(struct encoder *encoder, const struct frame *frame, uint32_t count,
                    struct error *err) {
    const struct state *state = encoder->state;
    x264_picture_t picture;
    x264_picture_init(&picture);
    picture.img.i_csp = X264_CSP_I420;
    picture.img.i_plane = 3;
    for (int i = 0; i < 3; i++) {
        picture.img.plane[i] = frame->planes[i];
        picture.img.i_stride[i] = (int)frame->strides[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        picture.i_qpplus1 = encoder->frames_in == 0 ? state->first_qp + 1 : X264_QP_AUTO;
        picture.i_pts = encoder->frames_in;
        if (!encode(encoder, &picture, err))
            return false;
        encoder_took(encoder);
    }
    return true;
}

static bool drain(struct encoder *encoder, struct error *err) {
    const struct state *state = encoder->state;
    while (x264_encoder_delayed_frames(state->x264) > 0)
        if (!encode(encoder, NULL, err))
            return false;
    close_state(encoder);
    return true;
}

const struct encoder_class encoder_x264 = {
    .name = "x264",
    .open = open_state,
    .add = add_run,
    .finish = drain,
    .close = close_state,
};
