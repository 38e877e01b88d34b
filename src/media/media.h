/*
 * The renderer's face: images and a plan in, encoded segments out.
 *
 * Everything that needs FFmpeg, x264 or an image codec lives in media.so, which `render` functions
 * and the command line load at run time (media/load.h); nobody else pays for it. This header is all
 * that crosses that border: plain structs and one table of functions.
 *
 * Segments are pure: their bytes depend on the build, the settings, their part of the timeline and
 * the images' bytes only, never on threads or on how the work was split.
 */
#ifndef MEDIA_MEDIA_H
#define MEDIA_MEDIA_H

#include "base/arena.h"
#include "base/error.h"
#include "job/plan.h"
#include "job/receipt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MEDIA_ABI_VERSION = 2,
    /* Frames: the end of a fade is decoded before it, with what H.264 and HEVC can hold back. */
    MEDIA_MAX_COMPOSITION_OFFSET = 64,
    MEDIA_MAX_PIXELS = 300 * 1000 * 1000, /* of one image, checked on the header */
};

/* One encoded frame. Sizes in bytes of the MP4 sample: length-prefixed NAL units (H.264, HEVC), a
 * temporal unit (AV1), a superframe (VP9), a frame (ProRes), graphic control extension and image
 * (GIF). */
struct media_sample {
    uint32_t size;
    int32_t composition_offset; /* presentation minus decoding order, in frames, at least 0 */
    bool key;
};

struct media_segment {
    uint32_t number;
    const uint8_t *data; /* samples back to back, decoding order */
    size_t size;
    const struct media_sample *samples;
    uint32_t sample_count;
    /* The decoder configuration, the same in every segment of a job: body of avcC, hvcC (ISO
     * 14496-15), av1C (with configOBUs); of vpcC all of the FullBox's payload, from the version
     * byte and the three of flags on; empty for ProRes and GIF. */
    const uint8_t *config;
    size_t config_size;
    const uint8_t *poster; /* JPEG, where the plan's poster frame lies in this segment, else NULL */
    size_t poster_size;
};

/* Where images come from and segments go. Called from several threads at once unless said. */
struct media_io {
    void *context;
    /* The bytes of image `image` of the plan; they live in `arena`. */
    bool (*fetch)(void *context, uint32_t image, struct arena *arena, struct str *ret,
                  struct error *err);
    /* The bytes of an asset of the plan (watermark). NULL where the plan has none. */
    bool (*asset)(void *context, const struct plan_asset *asset, struct arena *arena,
                  struct str *ret, struct error *err);
    /* Asked before each segment is started: false ends the run early without an error (deadline,
     * cancel); segments under way are finished. NULL: always. */
    bool (*may_start)(void *context, uint32_t segment);
    /* A finished segment; in order, one call at a time; the struct is valid during the call. */
    bool (*segment)(void *context, const struct media_segment *segment, struct error *err);
    /* An image was used for the first time in this run. One call at a time. */
    void (*receipt)(void *context, uint32_t image, const struct receipt *receipt);
    /* Frames of a segment encoded so far. NULL: not interested. */
    void (*progress)(void *context, uint32_t segment, uint32_t frames);
};

struct media_render {
    const struct plan *plan;
    struct segment_range range;
    unsigned threads; /* segments in flight at most; 0: one per core */
    const struct media_io *io;
    /* on-bad-image=skip: images that are known to be bad, ascending. Their place is taken by the
     * nearest earlier good image, else the nearest later one; it is fetched through `fetch`, also
     * where it lies outside of the range. All bad: INVALID. */
    const uint32_t *bad_images;
    uint32_t bad_image_count;
};

/* The sound of a film, encoded: see media/sound.h for its form as an object. */
struct media_audio_facts {
    uint64_t samples; /* a channel */
    unsigned rate;    /* samples a second: samples / rate is how long it lasts */
};

/* What `render` found when an image could not be used. */
struct media_failure {
    bool is_image;  /* false: another failure */
    uint32_t image; /* index in the plan */
};

struct media_api {
    unsigned abi_version;
    const char *build_id;

    /* Reads an image's header and says what it is; decodes nothing. Fills `refused` (and returns
     * true) when it cannot be used. Strings in the arena. Oriented size in `ret_width`,
     * `ret_height` (0 when refused). */
    bool (*probe)(struct arena *arena, const char *name, struct str image, struct receipt *ret,
                  unsigned *ret_width, unsigned *ret_height);

    /* Decodes the file to learn how long it lasts. INVALID: not audio that this version reads (the
     * text says what it looks like), damaged. LIMIT: longer than a day. */
    bool (*probe_audio)(struct str file, struct media_audio_facts *ret, struct error *err);

    /* Encodes the sound of the plan's film from its audio file: the bytes of the sound object
     * (media/sound.h), in the arena. A pure function of plan and file. */
    bool (*encode_audio)(struct arena *arena, const struct plan *plan, struct str file,
                         struct str *ret, struct error *err);

    /* Renders the range. `*ret_done` is the number of leading segments of the range that were
     * handed to `segment` (all unless may_start said no), also on failure, after which nothing
     * further is called: a run may go on from there. INVALID for a bad image, with `ret_failure`
     * telling which. */
    bool (*render)(const struct media_render *render, uint32_t *ret_done,
                   struct media_failure *ret_failure, struct error *err);
};

/* The one exported symbol of media.so. */
typedef const struct media_api *media_api_function(void);
#define MEDIA_API_SYMBOL "tachyscope_media"

#endif
