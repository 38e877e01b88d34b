/*
 * The timeline: which image is on which frame. A pure function of holds and frame rate.
 *
 * Image i starts at frame round(fps x sum of the holds before it), in exact rationals, halves up;
 * an image stays at least one frame: where rounding would give two images the same start, the later
 * one starts a frame later.
 *
 * A transition of `transition_frames` lies at the start of each image's span but the first's; in it
 * the image before is still shown (and still moves). An image whose span is shorter than that is
 * INVALID.
 */
#ifndef JOB_TIMELINE_H
#define JOB_TIMELINE_H

#include "base/arena.h"
#include "base/error.h"
#include "job/manifest.h"

#include <stddef.h>
#include <stdint.h>

enum { TIMELINE_MAX_FRAMES = 20000000 };

struct timeline {
    uint64_t *starts; /* image_count + 1 frame numbers; the last is the frame count */
    size_t image_count;
    uint64_t frame_count;
    uint32_t transition_frames; /* 0: cuts */
};

/* What one frame shows. */
struct timeline_frame {
    size_t image;       /* whose span it is */
    bool in_transition; /* from image - 1 */
    uint32_t step,
        steps; /* of a transition: the share of `image` is step / steps, 1 <= step < steps */
};

/* LIMIT over TIMELINE_MAX_FRAMES, and where holds do not add up to a fraction of 64 bits;
 * INVALID where a transition does not fit (`image 3 'a.jpg': its 20 frames are too few for …`). */
MUST_CHECK bool timeline_build(struct arena *arena, const struct manifest *manifest,
                               struct timeline *ret, struct error *err);

/* The image on a frame (frame < frame_count). */
size_t timeline_image_at(const struct timeline *timeline, uint64_t frame);

struct timeline_frame timeline_frame_at(const struct timeline *timeline, uint64_t frame);

/* The frames on which an image can be seen, the transition after it included:
 * [*ret_first, *ret_first + *ret_count). */
void timeline_image_span(const struct timeline *timeline, size_t image, uint64_t *ret_first,
                         uint64_t *ret_count);

#endif
