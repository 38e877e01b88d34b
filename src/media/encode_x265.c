/*
 * x265, for hvc1 tracks: parameter sets in hvcC only, one closed group of pictures, one thread and
 * no pool (the bytes depend on both), no messages.
 *
 * x265 picks level, references and the sets from size, rate and preset alone while there is no rate
 * buffer, so all segments of a job share one hvcC.
 */
#include "base/base.h"
#include "media/encode_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <x265.h>

enum {
    /* A coding tree unit. Of pictures of one or two units the library's lookahead sees no costs,
     * and gives frames away. */
    MIN_SIDE = 64,
    NAL_LENGTH_BYTES = 4,
    NAL_HEADER_BYTES = 2,
    /* Longer than any segment. */
    MIN_KEYINT = TIMELINE_MAX_FRAMES + 1,
    /* general_profile_space … general_level_idc of profile_tier_level() */
    PROFILE_BYTES = 12,
    /* The SPS's header and what stands before its profile, with it, while escaped. */
    SPS_HEAD_BYTES = NAL_HEADER_BYTES + 1 + PROFILE_BYTES,
};

struct state {
    const x265_api *api;
    x265_param *param;
    x265_encoder *x265;
    x265_picture *in, *out;
    int32_t delay; /* frames */
};

static const char *const presets[] = {
    [SPEED_FAST] = "superfast", [SPEED_BALANCED] = "fast", [SPEED_SMALL] = "slow"};

/* The library fills tables of its own at the first opening, without a lock. */
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

/* ---- opening ---- */

static double crf_of(enum speed speed, unsigned quality) {
    return encoder_crf(speed, quality);
}

static void set_determinism(x265_param *param) {
    param->numaPools = "none";
    param->frameNumThreads = 1;
    param->bEnableWavefront = 0;
    param->bDistributeModeAnalysis = 0;
    param->bDistributeMotionEstimation = 0;
    param->logLevel = X265_LOG_NONE;
}

static void set_structure(x265_param *param) {
    param->keyframeMax = MIN_KEYINT;
    param->keyframeMin = MIN_KEYINT;
    param->bOpenGOP = 0;
    param->bAnnexB = 0;
    param->bRepeatHeaders = 0;
    param->bEnableAccessUnitDelimiters = 0;
    param->bEmitInfoSEI = 0;
    param->bEmitHRDSEI = 0;
    param->decodedPictureHashSEI = 0;
}

static void set_picture(x265_param *param, const struct encoder_options *options) {
    param->sourceWidth = (int)options->width;
    param->sourceHeight = (int)options->height;
    param->internalCsp = X265_CSP_I420;
    param->fpsNum = (uint32_t)options->fps.num;
    param->fpsDenom = (uint32_t)options->fps.den;
    param->vui.aspectRatioIdc = 1;
    param->vui.bEnableVideoSignalTypePresentFlag = 1;
    param->vui.bEnableVideoFullRangeFlag = 0;
    param->vui.bEnableColorDescriptionPresentFlag = 1;
    param->vui.colorPrimaries = 1; /* BT.709 */
    param->vui.transferCharacteristics = 1;
    param->vui.matrixCoeffs = 1;
    param->vui.bEnableChromaLocInfoPresentFlag = 1; /* left */
    param->vui.chromaSampleLocTypeTopField = 0;
    param->vui.chromaSampleLocTypeBottomField = 0;
}

static bool open_x265(const struct encoder_options *options, struct state *state,
                      struct error *err) {
    state->api = x265_api_get(8);
    if (!state->api)
        return error_set(err, ERROR_INTERNAL, NULL, "x265 was built without 8 bits");
    state->param = state->api->param_alloc();
    state->in = state->api->picture_alloc();
    state->out = state->api->picture_alloc();
    if (!state->param || !state->in || !state->out)
        die_out_of_memory();
    x265_param *param = state->param;
    if (state->api->param_default_preset(param, presets[options->speed], NULL) != 0)
        return error_set(err, ERROR_INTERNAL, NULL, "x265 has no preset '%s'",
                         presets[options->speed]);
    set_determinism(param);
    set_structure(param);
    set_picture(param, options);
    param->rc.rateControlMode = X265_RC_CRF;
    param->rc.rfConstant = crf_of(options->speed, options->quality);
    if (state->api->param_apply_profile(param, "main") == 0) {
        pthread_mutex_lock(&opening);
        state->x265 = state->api->encoder_open(param);
        pthread_mutex_unlock(&opening);
    }
    if (!state->x265)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "x265 refuses %ux%u at %lld/%lld frames a second", options->width,
                         options->height, (long long)options->fps.num, (long long)options->fps.den);
    state->delay = param->bframes == 0 ? 0 : param->bBPyramid ? 2 : 1;
    return true;
}

/* ---- hvcC ---- */

/* The first bytes of a NAL unit without its emulation prevention bytes. */
static bool unescape(const uint8_t *unit, size_t size, uint8_t *ret, size_t wanted) {
    size_t got = 0;
    unsigned zeros = 0;
    for (size_t i = 0; i < size && got < wanted; i++) {
        if (zeros == 2 && unit[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = unit[i] == 0 ? zeros + 1 : 0;
        ret[got++] = unit[i];
    }
    return got == wanted;
}

/* One array of the configuration, holding one unit. It is complete: none are in the samples. */
static bool add_array(const x265_nal *nal, struct buf *ret, struct error *err) {
    size_t size = nal->sizeBytes - NAL_LENGTH_BYTES;
    uint8_t head[] = {(uint8_t)(0x80 | nal->type), 0, 1, (uint8_t)(size >> 8), (uint8_t)size};
    return buf_append(ret, head, sizeof head, err) &&
           buf_append(ret, nal->payload + NAL_LENGTH_BYTES, size, err);
}

/* ISO/IEC 14496-15 section 8.3.3.1. The sets come with a length of four bytes before them. */
static bool make_config(const x265_nal *const sets[3], struct buf *ret, struct error *err) {
    uint8_t sps[SPS_HEAD_BYTES];
    if (!unescape(sets[1]->payload + NAL_LENGTH_BYTES, sets[1]->sizeBytes - NAL_LENGTH_BYTES, sps,
                  sizeof sps))
        return error_set(err, ERROR_INTERNAL, NULL, "x265 gives a broken parameter set");
    uint8_t layers = (uint8_t)((sps[NAL_HEADER_BYTES] >> 1 & 7) + 1);
    uint8_t nested = sps[NAL_HEADER_BYTES] & 1;
    uint8_t tail[] = {
        0xf0,
        0,        /* min_spatial_segmentation_idc: not said */
        0xfc,     /* parallelismType: not said */
        0xfc | 1, /* 4:2:0 */
        0xf8,
        0xf8, /* 8 bit */
        0,
        0, /* avgFrameRate: not said */
        (uint8_t)(1 << 6 | layers << 3 | nested << 2 | (NAL_LENGTH_BYTES - 1)),
        3, /* arrays */
    };
    const uint8_t version = 1;
    if (!buf_append(ret, &version, 1, err) ||
        !buf_append(ret, sps + NAL_HEADER_BYTES + 1, PROFILE_BYTES, err) ||
        !buf_append(ret, tail, sizeof tail, err))
        return false;
    for (int i = 0; i < 3; i++)
        if (!add_array(sets[i], ret, err))
            return false;
    return true;
}

static bool read_headers(struct encoder *encoder, struct error *err) {
    struct state *state = encoder->state;
    static const uint32_t types[] = {NAL_UNIT_VPS, NAL_UNIT_SPS, NAL_UNIT_PPS};
    const x265_nal *sets[ARRAY_SIZE(types)] = {NULL};
    x265_nal *nals;
    uint32_t count;
    if (state->api->encoder_headers(state->x265, &nals, &count) < 0)
        return error_set(err, ERROR_INTERNAL, NULL, "x265 gives no headers");
    for (uint32_t i = 0; i < count; i++)
        for (size_t t = 0; t < ARRAY_SIZE(types); t++)
            if (nals[i].type == types[t] && nals[i].sizeBytes <= UINT16_MAX)
                sets[t] = &nals[i];
    if (!sets[0] || !sets[1] || !sets[2])
        return error_set(err, ERROR_INTERNAL, NULL, "x265 gives no parameter sets");
    return make_config(sets, &encoder->config, err);
}

static bool open_state(struct encoder *encoder, struct error *err) {
    const struct encoder_options *options = &encoder->options;
    if (options->width < MIN_SIDE || options->height < MIN_SIDE)
        return error_set(err, ERROR_INVALID, NULL,
                         "%ux%u does not fit into HEVC: its encoder takes %dx%d and more",
                         options->width, options->height, MIN_SIDE, MIN_SIDE);
    if (!encoder_rate_fits(encoder, INT32_MAX, "HEVC", err))
        return false;
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        die_out_of_memory();
    encoder->state = state;
    return open_x265(options, state, err) && read_headers(encoder, err);
}

static void close_state(struct encoder *encoder) {
    struct state *state = encoder->state;
    if (!state)
        return;
    if (state->x265)
        state->api->encoder_close(state->x265);
    if (state->api) {
        state->api->picture_free(state->in);
        state->api->picture_free(state->out);
        state->api->param_free(state->param);
    }
    free(state);
    encoder->state = NULL;
}

/* ---- encoding ---- */

static bool is_slice(const x265_nal *nal) {
    return nal->type < NAL_UNIT_VPS;
}

/* Keeps the slices of one frame; messages are no part of the film. */
static bool keep_frame(struct encoder *encoder, const x265_nal *nals, uint32_t count,
                       struct error *err) {
    const struct state *state = encoder->state;
    for (uint32_t i = 0; i < count; i++)
        if (is_slice(&nals[i]) &&
            !buf_append(&encoder->data, nals[i].payload, nals[i].sizeBytes, err))
            return error_prefix(err, "a segment's samples");
    return encoder_sample(encoder, state->out->pts, state->delay,
                          state->out->sliceType == X265_TYPE_IDR, err);
}

/* NULL drains. `ret_got` tells whether a frame came out. */
static bool encode(struct encoder *encoder, x265_picture *picture, bool *ret_got,
                   struct error *err) {
    const struct state *state = encoder->state;
    x265_nal *nals;
    uint32_t count;
    int got = state->api->encoder_encode(state->x265, &nals, &count, picture, state->out);
    if (got < 0)
        return error_set(err, ERROR_INTERNAL, NULL, "x265 fails at frame %u", encoder->frames_in);
    *ret_got = got > 0;
    return got == 0 || keep_frame(encoder, nals, count, err);
}

static bool add_run(struct encoder *encoder, const struct frame *frame, uint32_t count,
                    struct error *err) {
    const struct state *state = encoder->state;
    x265_picture *picture = state->in;
    bool got;
    for (uint32_t i = 0; i < count; i++) {
        state->api->picture_init(state->param, picture);
        picture->bitDepth = 8;
        for (int p = 0; p < 3; p++) {
            picture->planes[p] = frame->planes[p];
            picture->stride[p] = (int)frame->strides[p];
        }
        picture->pts = encoder->frames_in;
        if (!encode(encoder, picture, &got, err))
            return false;
        encoder_took(encoder);
    }
    return true;
}

static bool drain(struct encoder *encoder, struct error *err) {
    bool got;
    do {
        if (!encode(encoder, NULL, &got, err))
            return false;
    } while (got);
    close_state(encoder);
    return true;
}

const struct encoder_class encoder_x265 = {
    .name = "x265",
    .open = open_state,
    .add = add_run,
    .finish = drain,
    .close = close_state,
};
