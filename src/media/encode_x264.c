/*
 * x264, set up so that a segment's bytes depend on nothing but its pictures and the options: one
 * thread, no CPU-dependent shortcuts, no rate buffer, no message with its version; and so that all
 * segments of a job share one avcC (`stitchable`, the same references and B-frames).
 */
#include "media/encode_internal.h"
#include "media/hold.h"
#include "media/rate.h"

#include <stdlib.h>
#include <string.h>
#include <x264.h>

enum {
    NAL_LENGTH_BYTES = 4,
    /* Longer than any segment. */
    MIN_KEYINT = TIMELINE_MAX_FRAMES + 1,
    /* Between key frames of one hold, for players that seek; and what orders can say. */
    KEY_SECONDS = 10,
    MAX_KEY_FRAMES = 900,
    /* OpenH264 2.3 has room for two pictures beyond a stream's references. Once it has seen a
     * B-frame it keeps two repeats for showing, and one that is under way makes three. */
    MAX_HELD_REFERENCES = 3,
    LEAN_MIN_PIXELS = 1600 * 900,
};

/* A picture that x264 encodes, and the frames around it that it does not. */
struct fed {
    uint32_t shown;   /* frame of the segment */
    uint32_t fade;    /* frames before it that are mixed from it and the picture before */
    uint32_t repeats; /* frames after it */
};

struct state {
    x264_t *x264;
    x264_param_t param;
    int32_t delay;   /* frames */
    struct fed *fed; /* options.frame_count, in the order of showing */
    uint32_t fed_count;
    uint32_t out_count;     /* of what was fed */
    const struct fed *held; /* its repeats are due when all pictures before it are out */
    uint32_t held_number;   /* its frame number */

    /* With skip_held. */
    struct hold_stream stream;
    bool may_fade; /* the picture before is one that others can refer to */
    bool has_faded;
    bool has_free;       /* pictures that x264 may make B-frames of */
    uint32_t references; /* fed since the last IDR frame, at most */
    uint32_t key_frames; /* between key frames of one hold */
    uint32_t next_key;   /* the first frame that is due to be one */
    uint32_t last_idr;   /* frame of the segment: orders count from it */
    struct buf idr;      /* the last IDR frame's units */
};

static const char *const presets[] = {
    [SPEED_FAST] = "veryfast", [SPEED_BALANCED] = "medium", [SPEED_SMALL] = "slow"};

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
    param->i_fps_num = param->i_timebase_den = (uint32_t)options->fps.num;
    param->i_fps_den = param->i_timebase_num = (uint32_t)options->fps.den;
    param->vui.i_sar_width = param->vui.i_sar_height = 1;
    param->vui.b_fullrange = 0;
    param->vui.i_colorprim = param->vui.i_transfer = param->vui.i_colmatrix = 1; /* BT.709 */
}

/*
 * What a preset tries in vain at the sizes that films have today: 4x4 intra prediction finds hardly
 * a block worth it among as many pixels, references mixed within a macroblock hardly two that
 * differ, and a hexagon of motion vectors hardly one that a diamond does not. At 1920x1080 bytes
 * and SSIM stay where they are, and CPU time falls (docs/performance.md): veryfast by 4 to 30 %,
 * medium by 4 to 20 %. At 1280x720 and below veryfast pays 2 to 5 % of bytes for it, so there it
 * stays.
 */
static void drop_effort(x264_param_t *param, const struct encoder_options *options) {
    if (options->speed == SPEED_SMALL ||
        (uint64_t)options->width * options->height < LEAN_MIN_PIXELS)
        return;
    param->analyse.intra &= ~(unsigned)X264_ANALYSE_I4x4;
    param->analyse.inter &= ~(unsigned)X264_ANALYSE_I4x4;
    param->analyse.b_mixed_references = 0;
    if (options->speed == SPEED_FAST)
        param->analyse.i_me_method = X264_ME_DIA;
}

/* x264 sees each held picture once, with the time that it stays. It must not rely on distances in
 * time between its frames, as hold.h says. */
static void set_skipping(x264_param_t *param, bool skip_held) {
    param->b_vfr_input = skip_held;
    if (!skip_held)
        return;
    param->analyse.b_weighted_bipred = 0;
    param->analyse.i_direct_mv_pred = X264_DIRECT_PRED_SPATIAL;
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
    drop_effort(&param, options);
    set_skipping(&param, options->skip_held);
    param.rc.i_rc_method = X264_RC_CRF;
    param.rc.f_rf_constant = encoder_crf(options->speed, options->quality);
    if (x264_param_apply_profile(&param, "high") == 0)
        state->x264 = x264_encoder_open(&param);
    if (!state->x264)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "x264 refuses %ux%u at %lld/%lld frames a second", options->width,
                         options->height, (long long)options->fps.num, (long long)options->fps.den);
    state->param = param;
    state->delay = param.i_bframe == 0 ? 0 : param.i_bframe_pyramid ? 2 : 1;
    return true;
}

static struct str unit_of(const x264_nal_t *nal) {
    return (struct str){(const char *)nal->p_payload + NAL_LENGTH_BYTES,
                        (size_t)nal->i_payload - NAL_LENGTH_BYTES};
}

static bool append_set(struct buf *config, struct str unit, struct error *err) {
    uint8_t size[] = {(uint8_t)(unit.len >> 8), (uint8_t)unit.len};
    return buf_append(config, size, sizeof size, err) &&
           buf_append(config, unit.ptr, unit.len, err);
}

/* avcC, ISO/IEC 14496-15 section 5.3.3.1. `extra` (may be empty) is a second PPS. */
static bool make_config(struct str sps, struct str pps, struct str extra, struct buf *ret,
                        struct error *err) {
    const uint8_t *profile = (const uint8_t *)sps.ptr + 1;
    uint8_t head[] = {
        1,        profile[0], profile[1], profile[2], 0xfc | (NAL_LENGTH_BYTES - 1),
        0xe0 | 1, /* one SPS */
    };
    uint8_t pps_count = extra.len > 0 ? 2 : 1;
    uint8_t tail[] = {0xfc | 1, 0xf8, 0xf8, 0}; /* 4:2:0, 8 bit, 8 bit, no extension of the SPS */
    return buf_append(ret, head, sizeof head, err) && append_set(ret, sps, err) &&
           buf_append(ret, &pps_count, 1, err) && append_set(ret, pps, err) &&
           (extra.len == 0 || append_set(ret, extra, err)) &&
           buf_append(ret, tail, sizeof tail, err);
}

/* The sets as they must be where frames come in between. */
static bool make_skipping_config(struct encoder *encoder, struct str sps, struct str pps,
                                 struct error *err) {
    struct state *state = encoder->state;
    struct buf wider CLEANUP(buf_clear), extra CLEANUP(buf_clear);
    buf_init(&wider, HOLD_MAX_SET_BYTES);
    buf_init(&extra, HOLD_MAX_SET_BYTES);
    if (!hold_open(sps, &state->stream, &wider, err) || !hold_pps(&state->stream, &extra, err))
        return false;
    if (hold_max_distance(&state->stream) <= MAX_KEY_FRAMES + ENCODER_MAX_FADE)
        return error_set(err, ERROR_INTERNAL, NULL, "x264's SPS leaves no room for held frames");
    return make_config(buf_str(&wider), pps, buf_str(&extra), &encoder->config, err);
}

static bool read_headers(struct encoder *encoder, struct error *err) {
    struct state *state = encoder->state;
    x264_nal_t *nals;
    int count;
    struct str sps = {0}, pps = {0};
    if (x264_encoder_headers(state->x264, &nals, &count) < 0)
        return error_set(err, ERROR_INTERNAL, NULL, "x264 gives no headers");
    for (int i = 0; i < count; i++) {
        if (nals[i].i_type == NAL_SPS)
            sps = unit_of(&nals[i]);
        if (nals[i].i_type == NAL_PPS)
            pps = unit_of(&nals[i]);
    }
    if (sps.len < 4 || pps.len == 0)
        return error_set(err, ERROR_INTERNAL, NULL, "x264 gives no parameter sets");
    return encoder->options.skip_held
               ? make_skipping_config(encoder, sps, pps, err)
               : make_config(sps, pps, (struct str){0}, &encoder->config, err);
}

static bool open_state(struct encoder *encoder, struct error *err) {
    if (!encoder_rate_fits(encoder, INT32_MAX, "H.264", err))
        return false;
    const struct rational *fps = &encoder->options.fps;
    int64_t key_frames = fps->num * KEY_SECONDS / fps->den;
    struct state *state = calloc(1, sizeof *state);
    struct fed *fed = calloc(encoder->options.frame_count, sizeof *fed);
    if (!state || !fed)
        die_out_of_memory();
    state->fed = fed;
    state->key_frames = key_frames < 1                ? 1
                        : key_frames > MAX_KEY_FRAMES ? MAX_KEY_FRAMES
                                                      : (uint32_t)key_frames;
    state->next_key = state->key_frames;
    buf_init(&state->idr, ENCODER_MAX_SEGMENT_BYTES);
    encoder->state = state;
    return open_x264(&encoder->options, state, err) && read_headers(encoder, err);
}

static void close_state(struct encoder *encoder) {
    struct state *state = encoder->state;
    if (!state)
        return;
    if (state->x264)
        x264_encoder_close(state->x264);
    buf_clear(&state->idr);
    free(state->fed);
    free(state);
    encoder->state = NULL;
}

/* ---- samples ---- */

/* The length before a unit is filled in when the unit is there. */
static bool begin_unit(struct encoder *encoder, size_t *ret_start, struct error *err) {
    static const uint8_t room[NAL_LENGTH_BYTES];
    *ret_start = encoder->data.size;
    return buf_append(&encoder->data, room, sizeof room, err);
}

static void end_unit(struct encoder *encoder, size_t start) {
    size_t size = encoder->data.size - start - NAL_LENGTH_BYTES;
    for (int i = 0; i < NAL_LENGTH_BYTES; i++)
        encoder->data.data[start + i] = (uint8_t)(size >> (8 * (NAL_LENGTH_BYTES - 1 - i)));
}

static bool put_slice(struct encoder *encoder, const x264_nal_t *nal, uint32_t shown,
                      struct error *err) {
    struct state *state = encoder->state;
    size_t start;
    if (!encoder->options.skip_held)
        return buf_append(&encoder->data, nal->p_payload, (size_t)nal->i_payload, err);
    if (!begin_unit(encoder, &start, err) ||
        !hold_move(&state->stream, unit_of(nal), shown - state->last_idr, &encoder->data, err))
        return false;
    end_unit(encoder, start);
    return true;
}

/* A frame of ours: `weight` 0 repeats, else it mixes. */
static bool put_skipped(struct encoder *encoder, uint32_t shown, unsigned weight,
                        struct error *err) {
    struct state *state = encoder->state;
    uint32_t order = shown - state->last_idr;
    size_t start;
    if (!begin_unit(encoder, &start, err))
        return false;
    if (!(weight > 0 ? hold_mix(&state->stream, order, weight, &encoder->data, err)
                     : hold_repeat(&state->stream, state->held_number, order, &encoder->data, err)))
        return false;
    end_unit(encoder, start);
    return encoder_sample(encoder, shown, state->delay, false, err);
}

/* The last IDR frame again: the same picture, and a place to seek to. */
static bool put_key(struct encoder *encoder, uint32_t shown, struct error *err) {
    struct state *state = encoder->state;
    state->last_idr = shown;
    return buf_append(&encoder->data, state->idr.data, state->idr.size, err) &&
           encoder_sample(encoder, shown, state->delay, true, err);
}

static bool put_mixtures(struct encoder *encoder, const struct fed *fed, struct error *err) {
    uint32_t steps = fed->fade + 1;
    for (uint32_t i = 1; i < steps; i++) {
        unsigned weight = (i * HOLD_WEIGHTS + steps / 2) / steps;
        if (!put_skipped(encoder, fed->shown - steps + i, weight, err))
            return false;
    }
    return true;
}

static bool put_repeats(struct encoder *encoder, const struct fed *fed, struct error *err) {
    const struct state *state = encoder->state;
    bool is_idr = state->last_idr == fed->shown;
    for (uint32_t i = 1; i <= fed->repeats; i++) {
        bool is_key = is_idr && i % state->key_frames == 0;
        if (!(is_key ? put_key(encoder, fed->shown + i, err)
                     : put_skipped(encoder, fed->shown + i, 0, err)))
            return false;
    }
    return true;
}

static bool keep_idr(struct encoder *encoder, size_t start, struct error *err) {
    struct state *state = encoder->state;
    state->idr.size = 0;
    return buf_append(&state->idr, encoder->data.data + start, encoder->data.size - start, err);
}

/* Keeps the slices of one frame; parameter sets are in avcC, messages are no part of the film. */
static bool keep_frame(struct encoder *encoder, const x264_nal_t *nals, int count,
                       const x264_picture_t *picture, struct error *err) {
    struct state *state = encoder->state;
    const struct fed *fed = picture->opaque;
    size_t start = encoder->data.size;
    bool is_idr = picture->i_type == X264_TYPE_IDR;
    if (is_idr)
        state->last_idr = fed->shown;
    for (int i = 0; i < count; i++) {
        if (nals[i].i_type != NAL_SLICE && nals[i].i_type != NAL_SLICE_IDR)
            continue;
        if (!put_slice(encoder, &nals[i], fed->shown, err))
            return error_prefix(err, "a segment's samples");
    }
    if (is_idr && fed->repeats >= state->key_frames && !keep_idr(encoder, start, err))
        return false;
    if (!encoder_sample(encoder, fed->shown, state->delay, is_idr, err) ||
        !put_mixtures(encoder, fed, err))
        return false;
    /* B-frames are shown before the picture that they came in with. */
    state->out_count++;
    if (fed->repeats > 0) {
        state->held = fed;
        state->held_number = state->stream.last_frame_number;
    }
    if (state->held && state->out_count == (size_t)(state->held - state->fed) + 1) {
        const struct fed *held = state->held;
        state->held = NULL;
        return put_repeats(encoder, held, err);
    }
    return true;
}

/* ---- encoding ---- */

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

/* `type` AUTO: x264 decides, also how finely it is quantised unless it is the first. Otherwise it
 * is a picture that stays or that a fade ends with. */
static bool feed(struct encoder *encoder, const struct frame *frame, int type, struct fed fed,
                 struct error *err) {
    struct state *state = encoder->state;
    struct fed *place = &state->fed[state->fed_count++];
    x264_picture_t picture;
    x264_picture_init(&picture);
    picture.img.i_csp = X264_CSP_I420;
    picture.img.i_plane = 3;
    for (int i = 0; i < 3; i++) {
        picture.img.plane[i] = frame->planes[i];
        picture.img.i_stride[i] = (int)frame->strides[i];
    }
    if (fed.shown == 0)
        type = X264_TYPE_IDR;
    if (type != X264_TYPE_AUTO)
        picture.i_qpplus1 = 1 + rate_qp(&state->param,
                                        rate_held_seconds(&state->param, encoder->options.speed,
                                                          fed.fade, fed.repeats + 1),
                                        type == X264_TYPE_IDR);
    picture.i_type = type;
    /* Half of a fade counts as time of the picture before. */
    picture.i_pts = fed.shown - fed.fade / 2;
    *place = fed;
    picture.opaque = place;
    state->may_fade = type != X264_TYPE_AUTO;
    state->has_faded = state->has_faded || fed.fade > 0;
    state->has_free = state->has_free || type == X264_TYPE_AUTO;
    state->references = type == X264_TYPE_IDR ? 1 : state->references + 1;
    if (!encode(encoder, &picture, err))
        return false;
    for (uint32_t i = 0; i < fed.fade + 1 + fed.repeats; i++)
        encoder_took(encoder);
    return true;
}

/* A picture for `count` frames, without a fade before it. */
static bool hold_key(struct encoder *encoder, const struct frame *frame, uint32_t count,
                     struct error *err) {
    struct state *state = encoder->state;
    struct fed fed = {.shown = encoder->frames_in, .repeats = count - 1};
    /* Every key_frames-th repeat is a key frame as well. */
    state->next_key =
        fed.shown + fed.repeats / state->key_frames * state->key_frames + state->key_frames;
    return feed(encoder, frame, X264_TYPE_IDR, fed, err);
}

/* `fade` frames towards the picture, and `count` of it. A fade cannot end with an IDR frame: where
 * one is due it comes a frame later. */
static bool hold(struct encoder *encoder, const struct frame *frame, uint32_t fade, uint32_t count,
                 struct error *err) {
    const struct state *state = encoder->state;
    uint32_t shown = encoder->frames_in + fade;
    bool has_b = fade > 0 || state->has_faded || state->has_free;
    bool is_crowded = has_b && count > 2 && state->references >= MAX_HELD_REFERENCES;
    bool is_due = shown == 0 || is_crowded || (count > 1 && shown + count > state->next_key);
    if (is_due && fade == 0)
        return hold_key(encoder, frame, count, err);
    struct fed fed = {.shown = shown, .fade = fade, .repeats = is_due ? 0 : count - 1};
    return feed(encoder, frame, X264_TYPE_P, fed, err) &&
           (!is_due || hold_key(encoder, frame, count - 1, err));
}

static bool add_run(struct encoder *encoder, const struct frame *frame, uint32_t count,
                    struct error *err) {
    const struct state *state = encoder->state;
    /* Between B-frames a P frame more costs more than it saves. */
    if (encoder->options.skip_held && count > (state->has_free ? 2 : 1))
        return hold(encoder, frame, 0, count, err);
    while (count-- > 0)
        if (!feed(encoder, frame, X264_TYPE_AUTO, (struct fed){.shown = encoder->frames_in}, err))
            return false;
    return true;
}

static bool may_fade(const struct encoder *encoder) {
    const struct state *state = encoder->state;
    return encoder->options.skip_held && state->may_fade;
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
    .may_fade = may_fade,
    .fade = hold,
    .finish = drain,
    .close = close_state,
};
