/*
 * The end of a job: `result.json` in the output bucket, put once. Done, failed and cancelled
 * exclude each other because the first PUT wins.
 */
#ifndef FUNCTIONS_OUTCOME_H
#define FUNCTIONS_OUTCOME_H

#include "functions/context.h"
#include "job/receipt.h"
#include "job/status.h"

enum outcome { OUTCOME_NONE, OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_CANCELLED };

/* What result.json says; NONE when there is none yet. */
MUST_CHECK bool outcome_get(struct functions *functions, struct arena *arena, const char *job,
                            enum outcome *ret, struct error *err);

/* True in `ret` when the job has a result or is asked to be cancelled. In the second case the
 * result is written too: whoever sees the wish fulfils it. */
MUST_CHECK bool outcome_ended(struct functions *functions, struct arena *arena, const char *job,
                              bool *ret, struct error *err);

/* Each writes the result unless there is one; all return true when some result is there. */
MUST_CHECK bool outcome_put_cancelled(struct functions *functions, struct arena *arena,
                                      const char *job, struct error *err);

struct outcome_failure {
    const char *code;              /* "bad-image", "missing-image", "manifest", "timeout", … */
    const char *detail;            /* sentence for the person */
    const char *image;             /* name, or NULL */
    const struct receipt *receipt; /* of the refused image, or NULL */
};
MUST_CHECK bool outcome_put_failed(struct functions *functions, struct arena *arena,
                                   const char *job, const struct outcome_failure *failure,
                                   struct error *err);

MUST_CHECK bool outcome_put_done(struct functions *functions, struct arena *arena,
                                 const struct plan *plan, uint64_t video_bytes,
                                 uint64_t poster_bytes, uint64_t warning_count, struct error *err);

#endif
