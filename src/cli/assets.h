/*
 * The files that settings name beside the images: on the command line `--audio` and `--watermark`
 * take local paths, in a job they are names of assets.
 */
#ifndef CLI_ASSETS_H
#define CLI_ASSETS_H

#include "base/arena.h"
#include "base/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum { ASSETS_MAX = 2 };

struct asset_file {
    const char *setting; /* "audio" */
    const char *path;    /* as given */
    const char *name; /* in the job: the file's name; what a manifest does not take in it is `_` */
    uint64_t size;    /* bytes, when it was looked at */
    const char *type; /* media type by the name's ending, NULL when that says nothing */
};

struct asset_list {
    struct asset_file items[ASSETS_MAX];
    size_t count;
};

/* Takes the paths out of the settings as typed (see struct options) and puts names in their place;
 * settings that are not given, or `none`, stay as they are. Errors name setting and path:
 * NOT_FOUND, INVALID for what is no file, is empty, or has the name of another one, LIMIT over
 * MANIFEST_MAX_ASSET_BYTES. */
MUST_CHECK bool assets_collect(struct arena *arena, json_t *settings, struct asset_list *ret,
                               struct error *err);

/* The asset that carries this name in the job, or NULL. */
const struct asset_file *assets_by_name(const struct asset_list *assets, const char *name);

/* Member `assets` of a manifest, where there are any. */
void assets_list_in(const struct asset_list *assets, json_t *manifest);

#endif
