/*
 * The pictures of one segment, frame by frame: each image is fetched and composed once, moved,
 * evened out, drawn upon and mixed with its neighbour as the timeline says.
 */
#ifndef MEDIA_SCENE_H
#define MEDIA_SCENE_H

#include "media/frame.h"
#include "media/media.h"

/* Who wants to know what was found in the images that are shown; the receipt lives during the call.
 */
struct scene_listener {
    void *context;
    void (*receipt)(void *context, uint32_t image, const struct receipt *receipt);
};

/* Keeps buffers from segment to segment; one per thread. */
struct scene;
struct scene *scene_new(const struct media_render *render);
void scene_free(struct scene *scene);

/* Begins a segment; nothing of the one before is kept. */
void scene_begin(struct scene *scene, uint32_t segment, const struct scene_listener *listener);

/* What is shown from a frame on. */
struct scene_run {
    /* Frames that go in equal steps, in Y'CbCr, from the picture before to this one. */
    uint32_t fade;
    const struct frame *picture;
    uint32_t count; /* frames of it after the fade, at least 1 */
};

/* From `frame` to the segment's end or before. `max_fade` is the most frames that the caller can
 * mix by itself, 0 where it cannot: then every frame of a transition is a picture of its own.
 * Frames are asked for in ascending order, but for those of one transition. The picture lives until
 * the next call. On failure `ret_failure` tells the image, if it was one. */
MUST_CHECK bool scene_take(struct scene *scene, uint64_t frame, uint32_t max_fade,
                           struct scene_run *ret, struct media_failure *ret_failure,
                           struct error *err);

/* Drops what was fetched ahead. */
void scene_end(struct scene *scene);

/* Memory of a scene in MiB, for the number of segments in flight; decoding not included. */
unsigned scene_memory_mb(const struct plan *plan);

#endif
