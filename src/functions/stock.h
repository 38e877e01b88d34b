/*
 * The stock of a job: which of its images and chunks lie in the store, and what follows from that:
 * tasks whose images are all there are put, a film whose segments are all there is spliced.
 */
#ifndef FUNCTIONS_STOCK_H
#define FUNCTIONS_STOCK_H

#include "functions/context.h"
#include "functions/task.h"

/* Versions of images [first, first + count) of the plan as they lie in the input bucket now;
 * etag NULL for those that are not there. One LIST over their range of keys where the names ascend,
 * else over all images. */
MUST_CHECK bool stock_images(struct functions *functions, struct arena *arena,
                             const struct plan *plan, uint32_t first, uint32_t count,
                             struct image_version **ret, struct error *err);

struct stock_chunk {
    const char *key;
    const char *etag;
    uint64_t size;
    struct segment_range range;
    const char *input;
};
MUST_CHECK bool stock_chunks(struct functions *functions, struct arena *arena, const char *job,
                             struct stock_chunk **ret, size_t *ret_count, struct error *err);

/* Sets `ret_covered[i]` for each segment of the task's range that a chunk of the same image
 * contents holds. */
MUST_CHECK bool stock_covered(struct functions *functions, struct arena *arena,
                              const struct plan *plan, const struct segments_task *task,
                              bool *ret_covered, struct error *err);

/* Sets `ret_handed_on[i]` for each segment of the task's range that a task of a higher generation
 * and the same image versions names. */
MUST_CHECK bool stock_handed_on(struct functions *functions, struct arena *arena,
                                const struct plan *plan, const struct segments_task *task,
                                bool *ret_handed_on, struct error *err);

/* True when the version of this image that lies there now is in the task that this process put
 * last: its arrival says nothing new. */
MUST_CHECK bool stock_is_put(struct functions *functions, struct arena *arena,
                             const struct plan *plan, uint32_t index, uint32_t image, bool *ret,
                             struct error *err);

/* Puts (once) the task `index` of the plan when all its images are there. A size other than the
 * manifest's, or over the limit, ends the job. With `again` the task is overwritten even when it
 * exists: its event was lost. */
MUST_CHECK bool stock_put_task(struct functions *functions, struct arena *arena,
                               const struct plan *plan, uint32_t index,
                               const struct image_version *versions, bool again, struct error *err);

/* Puts (once, or with `again` anew) the task of the film's sound, where it has one that is not
 * there yet. */
MUST_CHECK bool stock_put_audio(struct functions *functions, struct arena *arena,
                                const struct plan *plan, bool again, struct error *err);

/* Step 8: puts again, with the same bytes, every task that still has something to do: the splice
 * put last, or where there is none the tasks of current images that have segments neither covered
 * nor handed on. */
MUST_CHECK bool stock_repeat(struct functions *functions, struct arena *arena,
                             const struct plan *plan, struct error *err);

/* Step 7: true in `ret` when the failure of this task is the job's: the film is not being spliced,
 * the task's images are current and its range is neither covered nor handed on. */
MUST_CHECK bool stock_failure_counts(struct functions *functions, struct arena *arena,
                                     const struct plan *plan, const struct segments_task *task,
                                     bool *ret, struct error *err);

/* Step 4: when indexed segments of current images cover the whole film, puts the splice task
 * (once) with the frozen list of chunks. `*ret_complete` (may be NULL) tells. */
MUST_CHECK bool stock_check(struct functions *functions, struct arena *arena,
                            const struct plan *plan, bool *ret_complete, struct error *err);

#endif
