/*
 * The plan: everything decided before rendering. A pure function of manifest and facts, immutable,
 * with a hash; the same on every machine.
 *
 * Segments are closed-GOP stretches cut where a new picture hides the IDR (the first frame on which
 * an image is alone), at most a budget of frames long (240 up to 1080p, 120 above and for
 * speed=small, 60 for GIF and ProRes); a hold longer than the budget is cut inside. The film's last
 * segments taper (…, 120, 60, 30), so that the end comes soon after the last photo. Tasks are runs
 * of segments of about 8 MiB by a low estimate, at most a third of what is left, so that a film of
 * ten segments has at least three.
 */
#ifndef JOB_PLAN_H
#define JOB_PLAN_H

#include "base/arena.h"
#include "base/error.h"
#include "job/manifest.h"
#include "job/timeline.h"
#include "sign/digest.h"

#include <stddef.h>
#include <stdint.h>

enum {
    PLAN_MAX_BYTES = 64 * 1024 * 1024,
    PLAN_MAX_SEGMENTS = 1000000, /* six digits in the keys */
    PLAN_MAX_SEGMENT_FRAMES = 240,
    PLAN_MAX_TASK_SEGMENTS = 16,
    PLAN_MAX_BUILD_ID_BYTES = 128,
    PLAN_MAX_ETAG_BYTES = 256,
};

/* An asset as it lay there when the plan was made; whoever reads it insists on the ETag. */
struct plan_asset {
    const char *name;
    const char *etag;
    uint64_t size;
};

/* What planning must know of the images and assets before it can start. */
struct plan_facts {
    unsigned first_width, first_height; /* of the first image, as its receipt's orientation shows
                                           it, without `rotate`; 0 when not needed */
    const char *const *captured; /* order=captured: by image of the manifest, its receipt's time or
                                    NULL; images without a time come last, by name */
    struct plan_asset audio;     /* name NULL: the film has no sound */
    struct rational audio_seconds; /* hold=music: how long the audio lasts; else num 0 */
    struct plan_asset watermark;   /* name NULL: none */
};
/* size=auto and size=source need the first image (order=captured: of all the first one by time). */
bool plan_needs_first_image(const struct manifest *manifest);
/* order=captured needs the times of all images. */
bool plan_needs_captured(const struct manifest *manifest);
/* The image of the manifest that will be the film's first; `captured` as in plan_facts, NULL where
 * it is not needed. */
size_t plan_first_image(const struct manifest *manifest, const char *const *captured);
/* hold=music needs the audio's duration. */
bool plan_needs_audio_duration(const struct manifest *manifest);

struct segment {
    uint64_t first_frame;
    uint32_t frame_count;
    uint32_t first_image; /* images [first_image, first_image + image_count) are shown in it, the
                             one that a transition at its start comes from included */
    uint32_t image_count;
};

struct segment_range {
    uint32_t first;
    uint32_t count;
};

struct plan {
    const char *job;
    const char *build_id;               /* of the renderer that may render it */
    struct manifest manifest;           /* normalised: ordered (order=given), size and hold fixed */
    struct plan_asset audio, watermark; /* name NULL: none */
    struct timeline timeline;
    struct segment *segments;
    uint32_t segment_count;
    struct segment_range *tasks;
    uint32_t task_count;
    uint64_t poster_frame;
    char hash[SHA256_HEX_SIZE];
};

/* `facts` may be NULL when none of the needs is there. INVALID for a poster beyond the film's end
 * and for music that is shorter than what the images' own holds take; otherwise what timeline_build
 * and settings_resolve_size refuse. */
MUST_CHECK bool plan_build(struct arena *arena, const char *job, const char *build_id,
                           const struct manifest *manifest, const struct plan_facts *facts,
                           struct plan *ret, struct error *err);

/* JSON text of the plan object; reading it back gives the same plan with the same hash. Reading
 * checks everything (it may come from a stranger): ranges, order, coverage, hash. */
char *plan_to_text(struct arena *arena, const struct plan *plan);
MUST_CHECK bool plan_parse(struct arena *arena, struct str text, struct plan *ret,
                           struct error *err);

/* Images used by a run of segments: [*ret_first, *ret_first + *ret_count). Those that are shown,
 * and for deflicker their neighbours. */
void plan_images_of(const struct plan *plan, struct segment_range range, uint32_t *ret_first,
                    uint32_t *ret_count);

/* One stored image as a LIST or a task tells it. */
struct image_version {
    const char *name;
    const char *etag;
    uint64_t size;
    int64_t modified_unix_ms;
};

/* `<in>` of a task: SHA-256 over plan hash, range and (name, ETag, LastModified) of the images that
 * the range uses; `versions` are those images in order. `<in>` of a chunk: the same without
 * LastModified, so that what was rendered from equal bytes counts as current. Hex. */
void plan_task_input(const struct plan *plan, struct segment_range range,
                     const struct image_version *versions, char ret[SHA256_HEX_SIZE]);
void plan_chunk_input(const struct plan *plan, struct segment_range range,
                      const struct image_version *versions, char ret[SHA256_HEX_SIZE]);

/* The neighbours that deflicker looks at on each side of an image. */
uint32_t plan_deflicker_reach(const struct plan *plan);

/* A segment's hash: SHA-256 over build id, encoding settings, the segment's own timeline (relative
 * frames) and the images' and assets' ETags, without names. `versions` are the images that the
 * segment uses (plan_images_of). */
void plan_segment_hash(const struct plan *plan, uint32_t segment,
                       const struct image_version *versions, char ret[SHA256_HEX_SIZE]);

/* Of ranges that may overlap, those that together show 0..N-1: fills `ret_used` (segment_count
 * entries) with the index of the range that each segment is taken from; false when some segment is
 * in none. Deterministic: of the ranges that hold a segment the one that starts earliest wins, of
 * those the longest, then the lowest index; so each range is used in one piece. Ranges that are
 * empty or go beyond the film count as not there. */
bool plan_cover(const struct plan *plan, const struct segment_range *ranges, size_t count,
                size_t *ret_used);

#endif
