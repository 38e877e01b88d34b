/*
 * Bits are read from and written to payloads without emulation prevention; whole units are freed of
 * it before and given it after. The SPS goes through a pair of reader and writer that copies field
 * by field, so that the code reads as the syntax table does.
 *
 * The PPS made here chooses CAVLC, where all macroblocks of a frame are skipped by one number, and
 * explicit weights for B slices; the encoder's own may say what it likes.
 */
#include "media/hold.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    UNIT_SLICE = 1,
    UNIT_IDR = 5,
    UNIT_SPS = 7,
    UNIT_PPS = 8,
    TYPE_MASK = 0x1f,
    REFERENCE_MASK = 0x60,
    SLICE_P = 5, /* all slices of the picture are */
    SLICE_B = 6,
    PPS_ID = 1,
    WIDER_BITS = 8,
    MAX_ORDER_BITS = 16,
    WEIGHT_SHIFT = 6, /* two weights of 1 << 6 are HOLD_WEIGHTS */
    ORDERS_A_FRAME = 2,
    MAX_SLICE_BYTES = 64,  /* of one made here */
    MAX_HEADER_BYTES = 32, /* up to the order, at most */
    ASPECT_EXTENDED = 255,
};

/* ---- bits ---- */

struct reader {
    const uint8_t *data;
    size_t bits;
    size_t place;
    bool is_over; /* more was asked for than there is; zeros were given */
};

struct writer {
    uint8_t data[HOLD_MAX_SET_BYTES];
    size_t place; /* bits */
};

static uint32_t get(struct reader *r, unsigned count) {
    uint32_t value = 0;
    while (count-- > 0) {
        if (r->place == r->bits) {
            r->is_over = true;
            return 0;
        }
        value = value << 1 | (r->data[r->place / 8] >> (7 - r->place % 8) & 1u);
        r->place++;
    }
    return value;
}

/* ue(v). Values of 32 bits do not occur in what is read here. */
static uint32_t get_ue(struct reader *r) {
    unsigned zeros = 0;
    while (get(r, 1) == 0) {
        if (r->is_over || ++zeros > 31) {
            r->is_over = true;
            return 0;
        }
    }
    return (1u << zeros) - 1 + get(r, zeros);
}

static void put(struct writer *w, unsigned count, uint32_t value) {
    assert(w->place + count <= sizeof w->data * 8);
    while (count-- > 0) {
        uint8_t *byte = &w->data[w->place / 8];
        unsigned shift = 7 - w->place % 8;
        *byte = (uint8_t)((*byte & ~(1u << shift)) | (value >> count & 1u) << shift);
        w->place++;
    }
}

static void put_ue(struct writer *w, uint32_t value) {
    unsigned bits = 0;
    while ((value + 1) >> bits > 1)
        bits++;
    put(w, bits, 0);
    put(w, bits + 1, value + 1);
}

static void put_se(struct writer *w, int32_t value) {
    put_ue(w, value > 0 ? (uint32_t)(2 * value - 1) : (uint32_t)(-2 * value));
}

/* The stop bit, and zeros up to a whole byte. */
static void put_end(struct writer *w) {
    put(w, 1, 1);
    while (w->place % 8 != 0)
        put(w, 1, 0);
}

static uint32_t copy(struct reader *r, struct writer *w, unsigned count) {
    uint32_t value = get(r, count);
    put(w, count, value);
    return value;
}

static uint32_t copy_ue(struct reader *r, struct writer *w) {
    uint32_t value = get_ue(r);
    put_ue(w, value);
    return value;
}

/* ---- units ---- */

/* The payload behind the first byte, without emulation prevention; `ret` has room for unit.len. */
static size_t unescape(struct str unit, uint8_t *ret) {
    const uint8_t *in = (const uint8_t *)unit.ptr;
    size_t size = 0;
    unsigned zeros = 0;
    for (size_t i = 1; i < unit.len; i++) {
        if (zeros >= 2 && in[i] == 3) {
            zeros = 0;
            continue;
        }
        ret[size++] = in[i];
        zeros = in[i] == 0 ? zeros + 1 : 0;
    }
    return size;
}

/* `zeros` end what was written of the unit before, and is kept. */
static bool append_escaped(const uint8_t *data, size_t size, unsigned *zeros, struct buf *ret,
                           struct error *err) {
    static const uint8_t prevention = 3;
    size_t start = 0;
    for (size_t i = 0; i < size; i++) {
        if (*zeros >= 2 && data[i] <= 3) {
            if (!buf_append(ret, data + start, i - start, err) ||
                !buf_append(ret, &prevention, 1, err))
                return false;
            start = i;
            *zeros = 0;
        }
        *zeros = data[i] == 0 ? *zeros + 1 : 0;
    }
    return buf_append(ret, data + start, size - start, err);
}

static bool append_unit(uint8_t head, const struct writer *w, struct buf *ret, struct error *err) {
    unsigned zeros = 0;
    assert(w->place % 8 == 0);
    return buf_append(ret, &head, 1, err) &&
           append_escaped(w->data, w->place / 8, &zeros, ret, err);
}

/* ---- parameter sets ---- */

static void copy_aspect(struct reader *r, struct writer *w) {
    if (copy(r, w, 1) && copy(r, w, 8) == ASPECT_EXTENDED)
        copy(r, w, 32);
}

static void copy_signal(struct reader *r, struct writer *w) {
    if (copy(r, w, 1)) /* overscan */
        copy(r, w, 1);
    if (copy(r, w, 1)) { /* format, range */
        copy(r, w, 4);
        if (copy(r, w, 1))
            copy(r, w, 24);
    }
    if (copy(r, w, 1)) { /* siting of chroma */
        copy_ue(r, w);
        copy_ue(r, w);
    }
}

/* Section E.1.1, up to the frame rate. */
static void copy_usability(struct reader *r, struct writer *w) {
    copy_aspect(r, w);
    copy_signal(r, w);
    if (copy(r, w, 1)) {
        copy(r, w, 32);
        copy(r, w, 32);
        get(r, 1);
        put(w, 1, 1);
    }
}

/* Section 7.3.2.1.1; false for what is not expected. */
static bool copy_sps(struct reader *r, struct writer *w, struct hold_stream *ret) {
    copy(r, w, 24); /* profile, constraints, level */
    bool is_high = w->data[0] == 100;
    ret->sps_id = copy_ue(r, w);
    /* 4:2:0, 8 bits, 8 bits, no bypass, no matrices */
    if (is_high &&
        (copy_ue(r, w) != 1 || copy_ue(r, w) != 0 || copy_ue(r, w) != 0 || copy(r, w, 2) != 0))
        return false;
    ret->frame_number_bits = copy_ue(r, w) + 4;
    if (copy_ue(r, w) != 0) /* order is written in slices */
        return false;
    ret->order_bits = get_ue(r) + 4;
    put_ue(w, ret->order_bits + WIDER_BITS - 4);
    uint32_t references = copy_ue(r, w), no_gaps = copy(r, w, 1);
    uint32_t columns = copy_ue(r, w) + 1, rows = copy_ue(r, w) + 1;
    uint32_t frames_only = copy(r, w, 1);
    if (r->is_over || ret->sps_id > 31 || ret->frame_number_bits > MAX_ORDER_BITS ||
        ret->order_bits > MAX_ORDER_BITS - WIDER_BITS || references < 2 || no_gaps != 0 ||
        columns > 1024 || rows > 1024 || frames_only != 1)
        return false;
    ret->macroblocks = columns * rows;
    copy(r, w, 1);     /* inference of direct motion */
    if (copy(r, w, 1)) /* cropping */
        for (int i = 0; i < 4; i++)
            copy_ue(r, w);
    if (copy(r, w, 1))
        copy_usability(r, w);
    return !r->is_over;
}

bool hold_open(struct str sps, struct hold_stream *ret, struct buf *ret_sps, struct error *err) {
    uint8_t payload[HOLD_MAX_SET_BYTES / 2];
    struct writer w = {0};
    struct hold_stream stream = {0};
    if (sps.len < 2 || sps.len > sizeof payload || (sps.ptr[0] & TYPE_MASK) != UNIT_SPS)
        return error_set(err, ERROR_INTERNAL, NULL, "no SPS");
    struct reader r = {.data = payload, .bits = 8 * unescape(sps, payload)};
    if (!copy_sps(&r, &w, &stream))
        return error_set(err, ERROR_INTERNAL, NULL, "an SPS of unknown form");
    /* What is left but the zeros behind the stop bit. */
    size_t end = r.bits;
    while (end > r.place && (payload[(end - 1) / 8] >> (7 - (end - 1) % 8) & 1) == 0)
        end--;
    if (end == r.place)
        return error_set(err, ERROR_INTERNAL, NULL, "an SPS that is cut off");
    while (r.place < end - 1)
        copy(&r, &w, 1);
    put_end(&w);
    if (!append_unit((uint8_t)sps.ptr[0], &w, ret_sps, err))
        return false;
    *ret = stream;
    return true;
}

/* Section 7.3.2.2. */
bool hold_pps(const struct hold_stream *stream, struct buf *ret, struct error *err) {
    struct writer w = {0};
    put_ue(&w, PPS_ID);
    put_ue(&w, stream->sps_id);
    put(&w, 1, 0); /* CAVLC */
    put(&w, 1, 0); /* no order of bottom fields */
    put_ue(&w, 0); /* one slice group */
    put_ue(&w, 0); /* one reference in each list */
    put_ue(&w, 0);
    put(&w, 1, 0); /* P: no weights */
    put(&w, 2, 1); /* B: explicit weights */
    put_se(&w, 0); /* quantisers of what is never quantised */
    put_se(&w, 0);
    put_se(&w, 0);
    put(&w, 1, 1); /* slices switch the deblocking filter */
    put(&w, 1, 0);
    put(&w, 1, 0);
    put_end(&w);
    return append_unit(REFERENCE_MASK | UNIT_PPS, &w, ret, err);
}

/* ---- slices ---- */

uint32_t hold_max_distance(const struct hold_stream *stream) {
    return ((1u << (stream->order_bits + WIDER_BITS)) / 2 - 1) / ORDERS_A_FRAME;
}

static void put_order(const struct hold_stream *stream, struct writer *w, uint32_t order) {
    unsigned bits = stream->order_bits + WIDER_BITS;
    put(w, bits, order * ORDERS_A_FRAME & ((1u << bits) - 1));
}

/* The fields of the slice's header up to the order; false when they are not there. */
static bool copy_header(struct reader *r, struct writer *w, const struct hold_stream *stream,
                        bool is_idr, uint32_t *ret_frame_number) {
    copy_ue(r, w); /* first macroblock */
    copy_ue(r, w); /* type */
    if (copy_ue(r, w) == PPS_ID)
        return false;
    *ret_frame_number = copy(r, w, stream->frame_number_bits);
    if (is_idr)
        copy_ue(r, w); /* number of the IDR frame */
    return !r->is_over;
}

bool hold_move(struct hold_stream *stream, struct str slice, uint32_t order, struct buf *ret,
               struct error *err) {
    unsigned type = slice.len > 0 ? slice.ptr[0] & TYPE_MASK : 0, zeros = 0;
    uint8_t head = slice.len > 0 ? (uint8_t)slice.ptr[0] : 0;
    uint32_t frame_number;
    struct writer w = {0};
    if (type != UNIT_SLICE && type != UNIT_IDR)
        return error_set(err, ERROR_INTERNAL, NULL, "unit %u is no slice", type);
    uint8_t *payload = malloc(slice.len);
    if (!payload)
        die_out_of_memory();
    size_t size = unescape(slice, payload);
    struct reader r = {.data = payload, .bits = 8 * size};
    bool is_good = copy_header(&r, &w, stream, type == UNIT_IDR, &frame_number);
    get(&r, stream->order_bits);
    put_order(stream, &w, order);
    if (r.place % 8 != 0)
        copy(&r, &w, 8 - r.place % 8);
    if (!is_good || r.is_over)
        error_set(err, ERROR_INTERNAL, NULL, "a slice's header of unknown form");
    else
        is_good = buf_append(ret, &head, 1, err) &&
                  append_escaped(w.data, w.place / 8, &zeros, ret, err) &&
                  append_escaped(payload + r.place / 8, size - r.place / 8, &zeros, ret, err);
    free(payload);
    if (!is_good || r.is_over)
        return false;
    bool is_reference = (head & REFERENCE_MASK) != 0;
    stream->last_frame_number = frame_number;
    stream->next_frame_number = (frame_number + is_reference) % (1u << stream->frame_number_bits);
    return true;
}

/* Sections 7.3.3 and 7.3.4 for a picture in which all is skipped. */
static void begin_slice(struct writer *w, const struct hold_stream *stream, unsigned type,
                        uint32_t order) {
    put_ue(w, 0); /* first macroblock */
    put_ue(w, type);
    put_ue(w, PPS_ID);
    put(w, stream->frame_number_bits, stream->next_frame_number);
    put_order(stream, w, order);
}

/* The reference with that frame number comes first; by itself the last one in decoding order does,
 * which may be a B-frame shown before it. */
static void put_reference(struct writer *w, const struct hold_stream *stream,
                          uint32_t frame_number) {
    uint32_t back =
        (stream->next_frame_number - frame_number) & ((1u << stream->frame_number_bits) - 1);
    put(w, 1, back != 1);
    if (back != 1) {
        put_ue(w, 0);
        put_ue(w, back - 1);
        put_ue(w, 3);
    }
}

static bool end_slice(struct writer *w, const struct hold_stream *stream, struct buf *ret,
                      struct error *err) {
    put_se(w, 0); /* quantiser */
    put_ue(w, 1); /* no deblocking */
    put_ue(w, stream->macroblocks);
    put_end(w);
    return append_unit(UNIT_SLICE, w, ret, err);
}

bool hold_repeat(const struct hold_stream *stream, uint32_t frame_number, uint32_t order,
                 struct buf *ret, struct error *err) {
    struct writer w = {0};
    assert(frame_number != stream->next_frame_number);
    begin_slice(&w, stream, SLICE_P, order);
    put(&w, 1, 0); /* as many references as the PPS says */
    put_reference(&w, stream, frame_number);
    return end_slice(&w, stream, ret, err);
}

static void put_weights(struct writer *w, unsigned weight) {
    put(w, 1, 1); /* luma */
    put_se(w, (int32_t)weight);
    put_se(w, 0);
    put(w, 1, 1); /* chroma */
    for (int i = 0; i < 2; i++) {
        put_se(w, (int32_t)weight);
        put_se(w, 0);
    }
}

bool hold_mix(const struct hold_stream *stream, uint32_t order, unsigned weight, struct buf *ret,
              struct error *err) {
    assert(weight > 0 && weight < HOLD_WEIGHTS);
    struct writer w = {0};
    begin_slice(&w, stream, SLICE_B, order);
    put(&w, 1, 1); /* spatial direct prediction */
    put(&w, 1, 0); /* as many references as the PPS says */
    put(&w, 2, 0); /* those next to it in time, as usual */
    put_ue(&w, WEIGHT_SHIFT);
    put_ue(&w, WEIGHT_SHIFT);
    put_weights(&w, HOLD_WEIGHTS - weight);
    put_weights(&w, weight);
    return end_slice(&w, stream, ret, err);
}
