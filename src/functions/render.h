/*
 * `render`: probes images, encodes segments, splices the film, purges what a cancelled job left.
 * One file per kind of task; render.c tells them apart.
 */
#ifndef FUNCTIONS_RENDER_H
#define FUNCTIONS_RENDER_H

#include "functions/context.h"
#include "functions/event.h"
#include "job/keys.h"

/* One task object to carry out before the invocation's deadline. */
struct render_call {
    const char *key_text; /* of the task */
    struct key key;
    int64_t deadline_unix_ms;
};

/* INVALID when the plan was made for another renderer. */
MUST_CHECK bool render_check_build(const struct plan *plan, struct error *err);

MUST_CHECK bool render_probe(struct functions *functions, struct arena *arena,
                             const struct render_call *call, struct error *err);
MUST_CHECK bool render_audio(struct functions *functions, struct arena *arena,
                             const struct render_call *call, struct error *err);
MUST_CHECK bool render_segments(struct functions *functions, struct arena *arena,
                                const struct render_call *call, struct error *err);
MUST_CHECK bool render_splice(struct functions *functions, struct arena *arena,
                              const struct render_call *call, struct error *err);
MUST_CHECK bool render_purge(struct functions *functions, struct arena *arena,
                             const struct render_call *call, struct error *err);

#endif
