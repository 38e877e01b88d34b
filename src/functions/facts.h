/*
 * What planning must know before it can start, as step 1 of the protocol gathers it: sizes and
 * times of images, the length of the music, the assets' versions. What is not known yet is asked of
 * `render` by probe tasks, whose answers are objects (`facts/`).
 */
#ifndef FUNCTIONS_FACTS_H
#define FUNCTIONS_FACTS_H

#include "functions/context.h"
#include "job/receipt.h"

/* Why the job cannot be planned, ever. */
struct facts_refusal {
    const char *code; /* "bad-image", "bad-audio", "probe", "asset-size" */
    const char *detail;
    const char *image;             /* name, or NULL */
    const struct receipt *receipt; /* of that image, or NULL */
};

enum facts_state { FACTS_READY, FACTS_WAITING, FACTS_REFUSED };

/* Facts for plan_build. WAITING: something is not there yet; probes of what is there are put. */
MUST_CHECK bool facts_gather(struct functions *functions, struct arena *arena, const char *job,
                             const struct manifest *manifest, struct plan_facts *ret,
                             enum facts_state *ret_state, struct facts_refusal *ret_refusal,
                             struct error *err);

/* An image has arrived before there is a plan: asks for its probe where planning needs that of all
 * images. */
MUST_CHECK bool facts_arrived(struct functions *functions, struct arena *arena, const char *job,
                              const struct manifest *manifest, const char *name, struct error *err);

#endif
