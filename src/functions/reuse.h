/*
 * Step 9 of the protocol: segments of an earlier job that this one need not render. They are found
 * by their hashes (job/plan.h) in the indexes of that job's chunks, and copied as they are.
 */
#ifndef FUNCTIONS_REUSE_H
#define FUNCTIONS_REUSE_H

#include "functions/context.h"
#include "media/chunk.h"

struct reuse;

/* Reads the indexes of the chunks of the job that `plan` reuses; NULL in `ret` when it reuses none,
 * or that one has left nothing. What is there but cannot be read counts as not there. */
MUST_CHECK bool reuse_open(struct functions *functions, struct arena *arena,
                           const struct plan *plan, struct reuse **ret, struct error *err);
/* NULL is fine. */
void reuse_close(struct reuse *reuse);

/* True when segment `number` of the plan, whose hash this is, can be taken over. */
bool reuse_has(const struct reuse *reuse, uint32_t number, const char *hash);

/* Appends that segment to the chunk, with the receipts of its images; the chunk's last segment is
 * the one before. `*ret_taken` is false when it has gone meanwhile, or does not go with the chunk.
 */
MUST_CHECK bool reuse_take(struct reuse *reuse, struct arena *arena, uint32_t number,
                           const char *hash, struct chunk_writer *chunk, bool *ret_taken,
                           struct error *err);

#endif
