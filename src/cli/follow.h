/*
 * A job as its status document tells it, and the asking for it: by ETag, in growing intervals, with
 * a nudge when nothing has moved for long.
 */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include "cli/api.h"

#include <stdbool.h>
#include <stdint.h>

/* What commands use of a status document; strings belong to the document. Missing numbers are 0. */
struct job_view {
    const char *id;
    const char *state; /* "" when the document has none */
    bool done, failed, cancelled;
    uint64_t images_expected, images_arrived;
    uint64_t frames_done, frames_total;
    double eta_seconds;                                  /* below 0: not known */
    const char *error_code, *error_detail, *error_image; /* NULL when not said */
};
void job_view_read(const json_t *status, struct job_view *ret);
bool job_view_ended(const struct job_view *view);

/* One line for people: `JOB  rendering  60/60 images  120/300 frames  12 s left`. The caller has
 * `size` bytes for it. */
void job_view_line(const struct job_view *view, char *ret, size_t size);

struct follow;

/* Copies `job` and `token` (NULL: the server's). */
struct follow *follow_new(const struct api_server *server, const char *job, const char *token);
void follow_free(struct follow *follow); /* NULL is fine */

/* Asks once. Failures that may pass (no connection, 5xx) for less than a minute on end count as no
 * news. True: `follow_status` is the newest document, or NULL when there was none yet. */
MUST_CHECK bool follow_ask(struct follow *follow, struct error *err);
const json_t *follow_status(const struct follow *follow);

/* How long to wait before asking again: from 100 ms growing to 1 s, short again near the end. */
unsigned follow_pause_ms(const struct follow *follow);

/* The next answer comes whole, with fresh signed URLs. */
void follow_forget_etag(struct follow *follow);

#endif
