/*
 * The pool of workers behind media_api.render.
 */
#ifndef MEDIA_RENDER_H
#define MEDIA_RENDER_H

#include "media/media.h"

/* See media_api.render. */
MUST_CHECK bool render_range(const struct media_render *render, uint32_t *ret_done,
                             struct media_failure *ret_failure, struct error *err);

/* Segments in flight: `wanted` (0: one per core), as far as the function's memory allows;
 * `memory_mb` 0: not limited. At least 1. */
unsigned render_thread_count(const struct settings *settings, unsigned wanted, unsigned memory_mb);

#endif
