/*
 * The manifest: the images of one video in order, and its settings. Pure.
 */
#ifndef JOB_MANIFEST_H
#define JOB_MANIFEST_H

#include "base/arena.h"
#include "base/error.h"
#include "job/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MANIFEST_MAX_IMAGES = 20000,
    MANIFEST_MAX_BYTES = 16 * 1024 * 1024,
    MANIFEST_MAX_NAME_BYTES = 255,
    MANIFEST_MAX_CAPTION_BYTES = 1000,
    MANIFEST_MAX_ASSETS = 16,
};
#define MANIFEST_MAX_ASSET_BYTES (UINT64_C(1) << 29)
#define MANIFEST_MAX_IMAGE_BYTES (UINT64_C(1) << 30)

struct manifest_image {
    const char *name;
    int64_t size;     /* bytes, -1 when the manifest does not say */
    const char *type; /* media type, NULL when not said */
    bool has_hold;
    struct rational hold; /* seconds, over the settings' hold */
    bool has_motion;
    enum motion motion;  /* over the settings' motion */
    unsigned rotate;     /* degrees clockwise, after EXIF's orientation: 0, 90, 180, 270 */
    const char *caption; /* one line at the picture's foot; NULL: none */
};

/* What is uploaded beside the images, under `assets/`: audio, watermark. */
struct manifest_asset {
    const char *name;
    int64_t size;     /* bytes, -1 when the manifest does not say */
    const char *type; /* media type, NULL when not said */
};

struct manifest {
    struct settings settings;
    struct manifest_image *images;
    size_t image_count;
    bool lists_images;             /* false: no `images` member, all that lie there count */
    struct manifest_asset *assets; /* as listed; the settings' audio and watermark need not be */
    size_t asset_count;
};

/* Reads and checks: version 1, no unknown members, at least one image where the list is given,
 * no name twice, names of at most 255 bytes of UTF-8 without `/`, control characters, `.` and
 * `..`; members of the design that this version does not do are refused as such. Errors name the
 * image: `image 7 'a.jpg': …`. Orders the images by `settings.order`; for `name` a prefix of six
 * digits and `-` is left out of the comparison when all names have one; for `captured` they stay as
 * they are until the plan knows the times. */
MUST_CHECK bool manifest_parse(struct arena *arena, struct str text, struct manifest *ret,
                               struct error *err);

/* For a manifest without a list: takes the names (natural order) as its images. INVALID when there
 * are none, when a name is bad or there twice, or an image is empty; LIMIT when there are too many,
 * or one is too large. From then on the manifest lists its images. */
MUST_CHECK bool manifest_set_images(struct arena *arena, struct manifest *manifest,
                                    const struct manifest_image *images, size_t count,
                                    struct error *err);

/* The check of images that come from elsewhere: names, sizes, types, and no name twice. */
MUST_CHECK bool manifest_check_images(struct arena *arena, const struct manifest_image *images,
                                      size_t count, struct error *err);

/* The check of one name, for uploads. */
MUST_CHECK bool manifest_check_name(struct str name, struct error *err);

/* Normalised JSON (text in the arena): images in their order, all settings. Reading it gives the
 * same manifest. */
char *manifest_to_text(struct arena *arena, const struct manifest *manifest);

/* Job ids: [A-Za-z0-9_-]{1,64}. */
bool job_id_valid(struct str id);

#endif
