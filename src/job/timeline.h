/*
 * The timeline: which image is on which frame. A pure function of holds and frame rate.
 *
 * Image i starts at frame round(fps x sum of the holds before it), in exact rationals, halves up;
 * an image stays at least one frame: where rounding would give two images the same start, the later
 * one starts a frame later.
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
};

/* LIMIT over TIMELINE_MAX_FRAMES, and where holds do not add up to a fraction of 64 bits. */
MUST_CHECK bool timeline_build(struct arena *arena, const struct manifest *manifest,
                               struct timeline *ret, struct error *err);

/* The image on a frame (frame < frame_count). */
size_t timeline_image_at(const struct timeline *timeline, uint64_t frame);

#endif
