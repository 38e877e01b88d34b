/*
 * One segment through x264: pictures in, the segment's samples out.
 *
 * Closed GOP, `stitchable`, one thread, no VBV, b_cpu_independent, one IDR: so the bytes depend on
 * the pictures and settings only, and one avcC serves all segments of a job.
 */
#ifndef MEDIA_ENCODE_H
#define MEDIA_ENCODE_H

#include "base/error.h"
#include "job/settings.h"
#include "media/frame.h"
#include "media/media.h"

struct encoder;

struct encoder_options {
    unsigned width, height;
    struct rational fps;
    enum speed speed;
    unsigned quality;
    uint32_t frame_count; /* of the segment */
};

/* INVALID for a frame rate that H.264 cannot say. */
MUST_CHECK bool encoder_new(const struct encoder_options *options, struct encoder **ret,
                            struct error *err);
void encoder_free(struct encoder *encoder);

/* The picture is shown for `count` frames. It is read during the call only. */
MUST_CHECK bool encoder_add(struct encoder *encoder, const struct frame *frame, uint32_t count,
                            struct error *err);

/* Drains; fills data, samples, config of `ret` (owned by the encoder until it is freed). INTERNAL
 * when the number of samples is not frame_count. */
MUST_CHECK bool encoder_finish(struct encoder *encoder, struct media_segment *ret,
                               struct error *err);

/* x264's CRF for a quality at a speed; see docs/performance.md for how they were measured. */
float encoder_crf(enum speed speed, unsigned quality);

#endif
