/*
 * Between the encoder that everyone sees (encode.h) and the codecs behind it: what they share, and
 * the functions that each of them is.
 *
 * encode.c owns `struct encoder`, checks what is common to all and keeps the samples; a codec's
 * file keeps its library's state and says which bytes are a sample.
 */
#ifndef MEDIA_ENCODE_INTERNAL_H
#define MEDIA_ENCODE_INTERNAL_H

#include "base/str.h"
#include "media/encode.h"

enum {
    /* A segment of 240 frames of noise at 8192x8192 and quality 100 stays below. */
    ENCODER_MAX_SEGMENT_BYTES = 1 << 30,
    ENCODER_MAX_CONFIG_BYTES = 65535,
};

struct encoder {
    const struct encoder_class *class;
    void *state; /* the codec's own */
    struct encoder_options options;
    uint32_t frames_in;
    struct buf data;              /* samples back to back, decoding order: the codec appends */
    struct buf config;            /* the codec appends, in `open` or later */
    struct media_sample *samples; /* options.frame_count */
    uint32_t sample_count;
    size_t data_taken; /* bytes of data in samples */
    /* Of the call of encoder_add under way. */
    encoder_progress_function *progress;
    void *progress_context;
};

/* One codec. The encoder is zeroed but for class, options and the buffers when `open` is called. */
struct encoder_class {
    const char *name; /* for errors */

    /* Makes the state. INVALID for a size or rate that the codec cannot say. */
    bool (*open)(struct encoder *encoder, struct error *err);

    /* A run: the picture is shown for `count` (at least 1) frames. encoder_took is called for each
     * frame, encoder_sample for each sample that has come out. The sum of all runs never exceeds
     * options.frame_count. */
    bool (*add)(struct encoder *encoder, const struct frame *frame, uint32_t count,
                struct error *err);

    /* Both NULL where the codec cannot; see encoder_fade. */
    bool (*may_fade)(const struct encoder *encoder);
    bool (*fade)(struct encoder *encoder, const struct frame *frame, uint32_t fade, uint32_t count,
                 struct error *err);

    /* Drains; all options.frame_count frames were added. Afterwards the library's memory should be
     * free (`close` is called after it as well): what waits to be delivered needs it no more. */
    bool (*finish)(struct encoder *encoder, struct error *err);

    /* Frees the state, which is NULL where `open` failed early. May be called more than once. */
    void (*close)(struct encoder *encoder);
};

extern const struct encoder_class encoder_x264, encoder_x265, encoder_svtav1, encoder_vpx,
    encoder_prores, encoder_gif;

/* INVALID where numerator or denominator of the frame rate are not from 1 to `max`, which is what
 * `codec` (its name for the message) can say. */
MUST_CHECK bool encoder_rate_fits(const struct encoder *encoder, int64_t max, const char *codec,
                                  struct error *err);

/* One frame was taken: counts it and tells progress now and then. */
void encoder_took(struct encoder *encoder);

/* What stands in `data` behind the last sample is the next one: shown as frame `shown` of the
 * segment, `delay` frames (the same for all samples of a job) later than it is decoded at least.
 * INTERNAL when it is empty, there are more than frame_count, the first is no key, or the order
 * cannot be. */
MUST_CHECK bool encoder_sample(struct encoder *encoder, int64_t shown, int32_t delay, bool key,
                               struct error *err);

#endif
