/*
 * Renders one segment: fetches its images, composes each once, encodes its frames.
 */
#ifndef MEDIA_SEGMENT_H
#define MEDIA_SEGMENT_H

#include "media/media.h"

/* What a segment gave; it waits here until its turn to be delivered. */
struct finished_segment;
void finished_segment_free(struct finished_segment *finished);
/* Hands its receipts and then itself to the caller of the renderer. */
MUST_CHECK bool finished_segment_deliver(const struct finished_segment *finished,
                                         const struct media_io *io, struct error *err);

/* Keeps buffers from segment to segment; one per thread. */
struct segment_worker;
struct segment_worker *segment_worker_new(const struct media_render *render);
void segment_worker_free(struct segment_worker *worker);

/* Asked between images: true gives the segment up. */
typedef bool segment_abandon_function(void *context, uint32_t segment);

/* On failure `ret_failure` tells the image, if it was one. A segment that was given up is a failure
 * with an error that nobody will see. */
MUST_CHECK bool segment_worker_run(struct segment_worker *worker, uint32_t segment,
                                   segment_abandon_function *abandon, void *context,
                                   struct finished_segment **ret, struct media_failure *ret_failure,
                                   struct error *err);

#endif
