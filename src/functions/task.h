/*
 * The tasks under `tasks/<job>/`: what `intake` and `render` ask `render` to do. Pure.
 *
 * A task may come from a stranger who can write to the bucket, so reading checks it against its key
 * and the plan.
 */
#ifndef FUNCTIONS_TASK_H
#define FUNCTIONS_TASK_H

#include "base/arena.h"
#include "base/error.h"
#include "job/keys.h"
#include "job/plan.h"

enum { TASK_MAX_BYTES = 32 * 1024 * 1024 };

/* Segments to encode. */
struct segments_task {
    struct segment_range range;
    unsigned generation;
    unsigned stalled;               /* put back without a new segment, times in a row */
    struct image_version *versions; /* of the images that the range uses, in order */
    uint32_t first_image, image_count;
};
char *segments_task_to_text(struct arena *arena, const struct plan *plan,
                            const struct segments_task *task);
/* Key of the task: its range, <in> over the versions, its generation. */
char *segments_task_key(struct arena *arena, const struct plan *plan,
                        const struct segments_task *task);
/* INVALID when it does not fit its key or the plan. */
MUST_CHECK bool segments_task_parse(struct arena *arena, struct str text, const struct key *key,
                                    const struct plan *plan, struct segments_task *ret,
                                    struct error *err);
/* The task of a part of the range: versions of just its images. */
struct segments_task segments_task_part(const struct plan *plan, const struct segments_task *task,
                                        struct segment_range range);

/* The frozen list of a splice: runs of segments in chunks, in order, covering the film. */
struct splice_entry {
    const char *chunk; /* key */
    const char *etag;
    uint64_t chunk_bytes;
    struct segment_range chunk_range; /* all segments in the chunk */
    struct segment_range use;         /* those taken from it */
};
struct splice_task {
    struct splice_entry *entries;
    size_t count;
};
char *splice_task_to_text(struct arena *arena, const struct plan *plan,
                          const struct splice_task *task);
MUST_CHECK bool splice_task_parse(struct arena *arena, struct str text, const struct plan *plan,
                                  struct splice_task *ret, struct error *err);

/* A put-back of the splice: only says whether the one before made no progress. */
char *splice_rest_to_text(struct arena *arena, unsigned stalled);
MUST_CHECK bool splice_rest_parse(struct str text, unsigned *ret_stalled, struct error *err);

#endif
