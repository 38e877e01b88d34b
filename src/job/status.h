/*
 * The status document of a job, from what lies in the buckets. Pure.
 */
#ifndef JOB_STATUS_H
#define JOB_STATUS_H

#include "base/arena.h"
#include "job/keys.h"
#include "job/plan.h"
#include "sign/digest.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the asker found. Progress only grows: frames of whole segments in chunks, and of segments
 * under way by their progress keys. */
struct status_input {
    const char *job;
    uint64_t images_expected; /* 0: not known yet (no manifest) */
    uint64_t images_arrived;
    const struct plan *plan; /* NULL: not yet */
    int64_t plan_unix_ms;    /* when the plan was put; 0 without */
    const struct segment_range *chunks;
    size_t chunk_count;
    const struct key *progress; /* KEY_PROGRESS entries */
    size_t progress_count;
    bool splicing;        /* splice task exists */
    bool cancelled;       /* cancelled/<job> exists, no result yet */
    const json_t *result; /* result.json, or NULL */
    int64_t now_unix_ms;
    /* Signed addresses, left out of the ETag; NULL when there are none. */
    const char *video_url;
    const char *poster_url;
    const char *receipts_url;
    int64_t urls_expire_unix_ms;
};

/* `{id, state, images, frames, eta_seconds, receipts, error, outputs}` of the API; the caller
 * drops the reference. `images.expected` is null while it is not known, `eta_seconds` where nothing
 * can be foretold. `ret_etag` (room for STATUS_ETAG_SIZE, with quotes) covers everything but signed
 * URLs, their expiry, and the ETA: a job that does not move keeps its ETag. */
enum { STATUS_ETAG_SIZE = 67, STATUS_MAX_REFUSED = 20 };
json_t *status_document(const struct status_input *input, char *ret_etag);

/* result.json: written once, the end of a job:
 * `{state, frames, seconds, width, height, format, images, video_bytes, poster_bytes, warnings,
 * renderer, refused, error: {code, detail, image}}`; all but `state` only where it says something.
 */
struct result {
    const char *state; /* "done", "failed", "cancelled" */
    uint64_t frames;
    double seconds;
    unsigned width, height;
    enum format format; /* of the video */
    uint64_t images;
    uint64_t video_bytes;
    uint64_t poster_bytes;
    uint64_t warning_count;
    const json_t *refused;  /* array of receipts, or NULL */
    const char *error_code; /* failed: "bad-image", "missing-image", … */
    const char *error_detail;
    const char *error_image; /* name, or NULL */
    const char *renderer;    /* build id */
};
char *result_to_text(struct arena *arena, const struct result *result);
/* The parsed document when it is one of ours (state known, members of the right types), else
 * INVALID; LIMIT over RESULT_MAX_BYTES. The caller drops it. */
enum { RESULT_MAX_BYTES = 16 * 1024 * 1024 };
MUST_CHECK bool result_parse(struct str text, json_t **ret, struct error *err);
/* The format of a parsed result's video; MP4 where it does not say. */
enum format result_format(const json_t *result);

#endif
