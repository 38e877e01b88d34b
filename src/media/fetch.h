/*
 * Fetches one image ahead, so that the store's latency hides behind decoding and encoding.
 */
#ifndef MEDIA_FETCH_H
#define MEDIA_FETCH_H

#include "media/media.h"

/* One image is fetched or waiting at a time. One per worker. */
struct fetcher;
struct fetcher *fetcher_new(const struct media_io *io);
/* Waits for a fetch under way. */
void fetcher_free(struct fetcher *fetcher);

/* Begins to fetch; nothing else may have been asked for since the last take. */
void fetcher_ask(struct fetcher *fetcher, uint32_t image);

/* Waits for what was asked for. The bytes live in `*ret_arena`, which the caller frees. */
MUST_CHECK bool fetcher_take(struct fetcher *fetcher, struct arena **ret_arena, struct str *ret,
                             struct error *err);

/* Drops what was asked for, if anything was. */
void fetcher_drop(struct fetcher *fetcher);

#endif
