/*
 * What the plan of a film must know of its files, found on this machine: the first image's size,
 * the times of all, how long the music is. (On a server, probe tasks find the same.)
 */
#ifndef CLI_FACTS_H
#define CLI_FACTS_H

#include "cli/assets.h"
#include "cli/images.h"
#include "media/media.h"

struct fact_files {
    const struct image_list *images;
    const struct asset_list *assets;
};

/* Strings in the arena. INVALID for an image that cannot be used where it is needed (and is not to
 * be skipped), and for audio that cannot be read; both named by path. */
MUST_CHECK bool facts_find(struct arena *arena, const struct media_api *media,
                           const struct manifest *manifest, const struct fact_files *files,
                           struct plan_facts *ret, struct error *err);

#endif
