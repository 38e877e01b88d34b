/*
 * What every function has at hand: the store, the names of the three buckets, the secrets, and the
 * plan it used last. Made once per process from the environment.
 */
#ifndef FUNCTIONS_CONTEXT_H
#define FUNCTIONS_CONTEXT_H

#include "base/arena.h"
#include "base/error.h"
#include "job/plan.h"
#include "runtime/runtime.h"
#include "s3/client.h"

struct functions {
    struct http_client *http;
    struct s3_client *s3;
    const char *input, *work, *output; /* buckets */
    const char *token;                 /* the owner's; "" where none is asked for */
    const char *secret;                /* of capability tokens; "" in functions that need none */
    const char *origin;                /* the page's, "" when not told */
    const char *connections_url;       /* of the WebSocket API; "" where there is none */
    const char *topic_arn;             /* of SNS; "" where there is none */
    const char *region;
    struct sigv4_credentials credentials;
    struct plan_cache *plans;
    struct told *told;
};

/* Reads the environment (design: TACHYSCOPE_INPUT, … and the usual AWS variables). INVALID names
 * the variable that is missing. */
MUST_CHECK bool functions_new(struct functions **ret, struct error *err);
void functions_free(struct functions *functions);

/* One per name in _HANDLER. */
runtime_handler api_handle, intake_handle, render_handle, notify_handle;

/* The plan of a job; NOT_FOUND when it is not planned. The last plan used stays in memory (plans
 * are immutable) and is valid until the next call for another job. */
MUST_CHECK bool functions_plan(struct functions *functions, const char *job,
                               const struct plan **ret, struct error *err);
/* Index of a name among the images of the plan that functions_plan gave last, or -1. */
int64_t functions_plan_image(const struct functions *functions, const char *name);

/* The versions of images that the task `index` of the current plan was last put with by this
 * process, in order of its images; NULL when it has not put it. A memory, not a truth: it saves
 * asking the store again for what this process told it. */
const struct image_version *functions_put_versions(const struct functions *functions,
                                                   uint32_t index);
void functions_remember_put(struct functions *functions, uint32_t index,
                            const struct image_version *versions, uint32_t count);

/* The status (by its ETag) that this process told the listeners of a job last. A memory, not a
 * truth: it saves telling them the same again. */
bool functions_was_told(const struct functions *functions, const char *job, const char *etag);
void functions_remember_told(struct functions *functions, const char *job, const char *etag);

/* GET of a small JSON object. NOT_FOUND when it is not there. */
MUST_CHECK bool functions_get_text(struct functions *functions, struct arena *arena,
                                   const char *bucket, const char *key, size_t max_bytes,
                                   struct str *ret, struct error *err);
/* PUT of JSON; with `once` only when the key is free: `*ret_put` (may be NULL) tells whether this
 * call wrote it. Somebody else's earlier PUT is not a failure. */
MUST_CHECK bool functions_put_text(struct functions *functions, struct arena *arena,
                                   const char *bucket, const char *key, const char *text, bool once,
                                   bool *ret_put, struct error *err);
/* True in `ret` when the key exists. */
MUST_CHECK bool functions_exists(struct functions *functions, struct arena *arena,
                                 const char *bucket, const char *key, bool *ret, struct error *err);

#endif
