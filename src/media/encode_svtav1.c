/*
 * AV1 through SVT-AV1: constant quality, one closed group of pictures, one logical processor (the
 * bytes depend on it; the library's threads are stages of one pipeline).
 *
 * A packet of the library is a temporal unit: hidden pictures and the shown one that needs them. So
 * samples stand in the order of showing. The ISO media binding wants them without temporal
 * delimiters; the sequence header stays in the key frame and stands in av1C as well. The header
 * that the library offers at the start is not the one that it writes in the end.
 */
#include "base/base.h"
#include "media/encode_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <svt-av1/EbSvtAv1Enc.h>

enum {
    MIN_SIDE = 64,
    MAX_WIDTH = 16384,
    MAX_HEIGHT = 8704,
    OBU_SEQUENCE_HEADER = 1,
    OBU_TEMPORAL_DELIMITER = 2,
    OBU_PADDING = 15,
};

struct state {
    EbComponentType *svt;
    bool is_started, is_over;
    EbSvtAv1EncConfiguration config;
};

static const int8_t presets[] = {[SPEED_FAST] = 10, [SPEED_BALANCED] = 8, [SPEED_SMALL] = 6};

/* The library fills tables of the whole process when an encoder is opened, also while another one
 * reads them, and then crashes now and then (SVT-AV1 1.4): one encoder at a time. Whoever has a
 * state has the turn; the thread that opens one also closes it, and opens no other in between. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* ---- OBUs, AV1 specification section 5.3 ---- */

struct obu {
    unsigned type;
    const uint8_t *start; /* with its header */
    size_t size;
    const uint8_t *payload;
    size_t payload_size;
};

static bool read_leb128(const uint8_t *data, size_t size, size_t *place, size_t *ret) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 8 && *place < size; i++) {
        uint8_t byte = data[(*place)++];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *ret = (size_t)value;
            return value <= UINT32_MAX;
        }
    }
    return false;
}

/* The OBU at `*place`, which moves behind it. */
static bool next_obu(const uint8_t *data, size_t size, size_t *place, struct obu *ret) {
    size_t at = *place;
    uint8_t header = data[at++];
    bool has_extension = header & 4, has_size = header & 2;
    if (has_extension)
        at++;
    if (header & 0x80 || !has_size || at > size ||
        !read_leb128(data, size, &at, &ret->payload_size) || ret->payload_size > size - at)
        return false;
    ret->type = header >> 3 & 15;
    ret->start = data + *place;
    ret->payload = data + at;
    *place = at + ret->payload_size;
    ret->size = *place - (size_t)(ret->start - data);
    return true;
}

/* ---- av1C ---- */

static unsigned read_bits(const struct obu *obu, size_t *place, unsigned count) {
    unsigned value = 0;
    for (unsigned i = 0; i < count; i++, (*place)++) {
        unsigned bit =
            *place / 8 < obu->payload_size ? obu->payload[*place / 8] >> (7 - *place % 8) & 1 : 0;
        value = value << 1 | bit;
    }
    return value;
}

/* Level and tier of the first operating point, section 5.5.1. False where the header says things
 * that this encoder is not asked for. */
static bool read_sequence_header(const struct obu *obu, unsigned *ret_level, unsigned *ret_tier) {
    size_t place = 0;
    unsigned profile = read_bits(obu, &place, 3);
    unsigned still = read_bits(obu, &place, 2);
    unsigned timing = read_bits(obu, &place, 1);
    read_bits(obu, &place, 1 + 5); /* display delay, number of operating points */
    read_bits(obu, &place, 12);
    *ret_level = read_bits(obu, &place, 5);
    *ret_tier = *ret_level > 7 ? read_bits(obu, &place, 1) : 0;
    return profile == 0 && still == 0 && timing == 0 && place / 8 < obu->payload_size;
}

/* "AV1 Codec ISO Media File Format Binding" section 2.3.3. */
static bool make_config(const struct obu *header, struct buf *ret, struct error *err) {
    unsigned level, tier;
    if (!read_sequence_header(header, &level, &tier))
        return error_set(err, ERROR_INTERNAL, NULL, "SVT-AV1 gives a strange sequence header");
    uint8_t head[] = {
        0x80 | 1,                  /* marker, version */
        (uint8_t)(0 << 5 | level), /* main profile */
        /* 8 bit, colours, 4:2:0, chroma sited left */
        (uint8_t)(tier << 7 | 1 << 3 | 1 << 2 | 1), 0, /* no initial delay told */
    };
    return buf_append(ret, head, sizeof head, err) &&
           buf_append(ret, header->start, header->size, err);
}

/* ---- opening ---- */

static uint32_t qp_of(enum speed speed, unsigned quality) {
    (void)speed;
    return (100 - quality) * 62 / 100 + 1;
}

static void set_config(EbSvtAv1EncConfiguration *config, const struct encoder_options *options) {
    config->enc_mode = presets[options->speed];
    config->source_width = options->width;
    config->source_height = options->height;
    config->frame_rate_numerator = (uint32_t)options->fps.num;
    config->frame_rate_denominator = (uint32_t)options->fps.den;
    config->encoder_bit_depth = 8;
    config->encoder_color_format = EB_YUV420;
    config->color_primaries = EB_CICP_CP_BT_709;
    config->transfer_characteristics = EB_CICP_TC_BT_709;
    config->matrix_coefficients = EB_CICP_MC_BT_709;
    config->color_range = EB_CR_STUDIO_RANGE;
    config->chroma_sample_position = EB_CSP_VERTICAL;
    config->rate_control_mode = SVT_AV1_RC_MODE_CQP_OR_CRF;
    config->qp = qp_of(options->speed, options->quality);
    config->intra_period_length = -1;
    config->intra_refresh_type = SVT_AV1_KF_REFRESH;
    config->scene_change_detection = 0;
    config->logical_processors = 1;
    config->pin_threads = 0;
}

static bool start(struct state *state, const struct encoder_options *options, struct error *err) {
    bool good = svt_av1_enc_init_handle(&state->svt, NULL, &state->config) == EB_ErrorNone;
    if (good) {
        set_config(&state->config, options);
        good = svt_av1_enc_set_parameter(state->svt, &state->config) == EB_ErrorNone &&
               svt_av1_enc_init(state->svt) == EB_ErrorNone;
    }
    state->is_started = good;
    if (!good)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "SVT-AV1 refuses %ux%u at %lld/%lld frames a second", options->width,
                         options->height, (long long)options->fps.num, (long long)options->fps.den);
    return true;
}

static bool open_state(struct encoder *encoder, struct error *err) {
    const struct encoder_options *options = &encoder->options;
    if (options->width < MIN_SIDE || options->height < MIN_SIDE || options->width > MAX_WIDTH ||
        options->height > MAX_HEIGHT)
        return error_set(err, ERROR_INVALID, NULL,
                         "%ux%u does not fit into AV1: its encoder takes %dx%d to %dx%d",
                         options->width, options->height, MIN_SIDE, MIN_SIDE, MAX_WIDTH,
                         MAX_HEIGHT);
    if (!encoder_rate_fits(encoder, INT32_MAX, "AV1", err))
        return false;
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        die_out_of_memory();
    pthread_mutex_lock(&turn);
    encoder->state = state;
    return start(state, options, err);
}

static void close_state(struct encoder *encoder) {
    struct state *state = encoder->state;
    if (!state)
        return;
    if (state->svt) {
        if (state->is_started)
            svt_av1_enc_deinit(state->svt);
        svt_av1_enc_deinit_handle(state->svt);
    }
    free(state);
    encoder->state = NULL;
    pthread_mutex_unlock(&turn);
}

/* ---- encoding ---- */

/* What a sample keeps of a temporal unit. */
static bool keep_units(struct encoder *encoder, const uint8_t *data, size_t size,
                       struct error *err) {
    size_t place = 0;
    while (place < size) {
        struct obu obu;
        if (!next_obu(data, size, &place, &obu))
            return error_set(err, ERROR_INTERNAL, NULL, "SVT-AV1 gives a broken unit");
        if (obu.type == OBU_TEMPORAL_DELIMITER || obu.type == OBU_PADDING)
            continue;
        if (obu.type == OBU_SEQUENCE_HEADER && encoder->config.size == 0 &&
            !make_config(&obu, &encoder->config, err))
            return false;
        if (!buf_append(&encoder->data, obu.start, obu.size, err))
            return error_prefix(err, "a segment's samples");
    }
    return true;
}

static bool keep_packet(struct encoder *encoder, const EbBufferHeaderType *packet,
                        struct error *err) {
    struct state *state = encoder->state;
    if (packet->flags & EB_BUFFERFLAG_EOS)
        state->is_over = true;
    if (packet->n_filled_len == 0)
        return true;
    return keep_units(encoder, packet->p_buffer, packet->n_filled_len, err) &&
           encoder_sample(encoder, packet->pts, 0, packet->pic_type == EB_AV1_KEY_PICTURE, err);
}

/* With `wait`, which is for the end, waits for all that is to come. */
static bool keep_packets(struct encoder *encoder, bool wait, struct error *err) {
    struct state *state = encoder->state;
    while (!state->is_over) {
        EbBufferHeaderType *packet = NULL;
        EbErrorType got = svt_av1_enc_get_packet(state->svt, &packet, wait);
        if (got == EB_NoErrorEmptyQueue)
            return true;
        if (got != EB_ErrorNone)
            return error_set(err, ERROR_INTERNAL, NULL, "SVT-AV1 fails at frame %u",
                             encoder->sample_count);
        bool good = keep_packet(encoder, packet, err);
        svt_av1_enc_release_out_buffer(&packet);
        if (!good)
            return false;
    }
    return true;
}

static bool send(struct encoder *encoder, EbBufferHeaderType *picture, struct error *err) {
    struct state *state = encoder->state;
    if (svt_av1_enc_send_picture(state->svt, picture) != EB_ErrorNone)
        return error_set(err, ERROR_INTERNAL, NULL, "SVT-AV1 refuses frame %u", encoder->frames_in);
    return true;
}

static bool add_run(struct encoder *encoder, const struct frame *frame, uint32_t count,
                    struct error *err) {
    EbSvtIOFormat planes = {
        .luma = frame->planes[0],
        .cb = frame->planes[1],
        .cr = frame->planes[2],
        .y_stride = (uint32_t)frame->strides[0],
        .cb_stride = (uint32_t)frame->strides[1],
        .cr_stride = (uint32_t)frame->strides[2],
        .width = frame->width,
        .height = frame->height,
        .color_fmt = EB_YUV420,
        .bit_depth = EB_EIGHT_BIT,
    };
    EbBufferHeaderType picture = {
        .size = sizeof picture,
        .p_buffer = (uint8_t *)&planes,
        .n_filled_len = frame->width * frame->height * 3 / 2,
        .pic_type = EB_AV1_INVALID_PICTURE,
    };
    for (uint32_t i = 0; i < count; i++) {
        picture.pts = encoder->frames_in;
        if (!send(encoder, &picture, err) || !keep_packets(encoder, false, err))
            return false;
        encoder_took(encoder);
    }
    return true;
}

static bool drain(struct encoder *encoder, struct error *err) {
    EbBufferHeaderType end = {
        .size = sizeof end,
        .flags = EB_BUFFERFLAG_EOS,
        .pic_type = EB_AV1_INVALID_PICTURE,
    };
    if (!send(encoder, &end, err) || !keep_packets(encoder, true, err))
        return false;
    close_state(encoder);
    return true;
}

const struct encoder_class encoder_svtav1 = {
    .name = "SVT-AV1",
    .open = open_state,
    .add = add_run,
    .finish = drain,
    .close = close_state,
};
