/*
 * H.264 frames that need no encoder: the picture before once more, and mixtures of two pictures.
 *
 * Both are slices in which every macroblock is skipped, a dozen bytes whatever the size of the
 * picture (ISO/IEC 14496-10, sections 7.3.2 to 7.3.4). A P slice repeats a reference picture
 * exactly. A B slice with explicit weights is w0 x the reference shown last before it + w1 x the
 * one shown next after it: a crossfade. None of them is a reference itself, so that frame numbers
 * and reference lists of the encoder's own frames stay true however many are put in between.
 *
 * What changes is the order of showing (POC): the encoder counts its own frames only. Slices are
 * moved to their true place, and the field for it is made eight bits wider in the SPS: so
 * everything behind it in a slice moves by exactly one byte and is copied as it is, with either
 * entropy coder. The encoder must not take decisions by POC distances that the decoder repeats: no
 * implicit weights in B-frames, no temporal direct prediction.
 *
 * Units are NAL units without start code or length. Pure.
 */
#ifndef MEDIA_HOLD_H
#define MEDIA_HOLD_H

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HOLD_MAX_SET_BYTES = 1024, /* of a parameter set */
    HOLD_WEIGHTS = 128,        /* weights are in parts of this */
};

struct hold_stream {
    uint32_t sps_id;
    unsigned frame_number_bits;
    unsigned order_bits; /* as the encoder writes it */
    uint32_t macroblocks;
    uint32_t last_frame_number; /* of the slice moved last */
    uint32_t next_frame_number; /* of a picture that is no reference */
};

/* Reads the encoder's SPS and appends it to `ret_sps` with the wider field, and said to have a
 * fixed frame rate. INTERNAL for what an encoder of progressive 4:2:0 pictures with B-frames does
 * not write. */
MUST_CHECK bool hold_open(struct str sps, struct hold_stream *ret, struct buf *ret_sps,
                          struct error *err);

/* Appends the PPS (number 1; the encoder's is 0) of the slices made here. */
MUST_CHECK bool hold_pps(const struct hold_stream *stream, struct buf *ret, struct error *err);

/* How far apart in frames two references next to each other in order of showing may be. */
uint32_t hold_max_distance(const struct hold_stream *stream);

/* Appends a slice of the encoder, shown as frame `order` since the last IDR frame (which is 0). */
MUST_CHECK bool hold_move(struct hold_stream *stream, struct str slice, uint32_t order,
                          struct buf *ret, struct error *err);

/* Appends a slice that repeats the reference with that frame number. */
MUST_CHECK bool hold_repeat(const struct hold_stream *stream, uint32_t frame_number, uint32_t order,
                            struct buf *ret, struct error *err);

/* Appends a slice that mixes the references shown before and after it; `weight` / HOLD_WEIGHTS of
 * the later one, 0 < weight < HOLD_WEIGHTS. */
MUST_CHECK bool hold_mix(const struct hold_stream *stream, uint32_t order, unsigned weight,
                         struct buf *ret, struct error *err);

#endif
