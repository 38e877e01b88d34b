/*
 * One segment through an encoder: pictures in, the segment's samples out.
 *
 * Closed GOP, the first frame a key frame, thread counts pinned, no rate buffer, nothing that
 * depends on the processor: so the bytes depend on the pictures and settings only, and one decoder
 * configuration serves all segments of a job. One file per codec behind it (encode_x264.c, …).
 */
#ifndef MEDIA_ENCODE_H
#define MEDIA_ENCODE_H

#include "base/error.h"
#include "job/settings.h"
#include "media/frame.h"
#include "media/media.h"

struct encoder;
typedef void encoder_progress_function(void *context, uint32_t frames);

struct encoder_options {
    enum codec codec;
    unsigned width, height;
    struct rational fps;
    enum speed speed;
    unsigned quality;
    uint32_t frame_count; /* of the segment */
    uint64_t first_frame; /* its place in the film; GIF's delays are rounded by it */
    /* H.264: a picture that stays is encoded once and repeats exactly, and fades may be mixed by
     * the player (media/hold.h). The others encode every frame. */
    bool skip_held;
};

enum { ENCODER_MAX_FADE = 60 /* frames of one call of encoder_fade */ };

/* INVALID for a size or frame rate that the codec cannot say. */
MUST_CHECK bool encoder_new(const struct encoder_options *options, struct encoder **ret,
                            struct error *err);
void encoder_free(struct encoder *encoder);

/* The picture is shown for `count` frames: all of a run in one call, since skipping goes by it. It
 * is read during the call only. `progress` (may be NULL) is told the frames of the segment taken so
 * far, now and then. */
MUST_CHECK bool encoder_add(struct encoder *encoder, const struct frame *frame, uint32_t count,
                            encoder_progress_function *progress, void *context, struct error *err);

/* Whether encoder_fade can be called now: H.264 with skip_held, where the picture before is the
 * segment's first, ended a fade, or was a run of two frames or (behind movement) three. */
bool encoder_may_fade(const struct encoder *encoder);

/* `fade` frames (0 to ENCODER_MAX_FADE) that go in equal steps, in Y'CbCr, from the picture before
 * to `frame`, which is not among them; then `frame` itself for `count` (at least 1) frames. So the
 * n-th frame is `frame`'s by the share n / (fade + 1). Nothing but `frame` is encoded. */
MUST_CHECK bool encoder_fade(struct encoder *encoder, uint32_t fade, const struct frame *frame,
                             uint32_t count, struct error *err);

/* Drains; fills data, samples, config of `ret` (owned by the encoder until it is freed). INTERNAL
 * when the number of samples is not frame_count. */
MUST_CHECK bool encoder_finish(struct encoder *encoder, struct media_segment *ret,
                               struct error *err);

/* x264's CRF for a quality at a speed; see docs/performance.md for how they were measured. */
float encoder_crf(enum speed speed, unsigned quality);

#endif
