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

/* The picture of `frame`, and for how many frames from there on it stays as it is (within the
 * segment). Frames are asked for in ascending order. The picture lives until the next call. On
 * failure `ret_failure` tells the image, if it was one. */
MUST_CHECK bool scene_picture(struct scene *scene, uint64_t frame, const struct frame **ret,
                              uint32_t *ret_count, struct media_failure *ret_failure,
                              struct error *err);

/* Drops what was fetched ahead. */
void scene_end(struct scene *scene);

/* Memory of a scene in MiB, for the number of segments in flight; decoding not included. */
unsigned scene_memory_mb(const struct plan *plan);

#endif
