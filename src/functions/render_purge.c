/*
 * The purge task: removes what a cancelled job left in the work bucket. The wish itself and the
 * tasks stay, so that late events find that the job has ended.
 */
#include "functions/render.h"

#include "base/os.h"

enum { MARGIN_MS = 2000 }; /* kept for the put-back */

/* `*ret_done` is false when the deadline was nearer than the end of the list. */
static bool remove_all(struct functions *functions, struct arena *arena,
                       const struct render_call *call, const char *prefix, bool *ret_done,
                       struct error *err) {
    struct s3_list_options options = {.prefix = prefix};
    struct s3_listing listing;
    if (!s3_list(functions->s3, arena, functions->work, &options, &listing, err))
        return false;
    for (size_t i = 0; i < listing.count; i++) {
        if (clock_unix_ms() > call->deadline_unix_ms - MARGIN_MS && i > 0) {
            *ret_done = false;
            return true;
        }
        if (!s3_delete(functions->s3, arena, functions->work, listing.entries[i].key, err))
            return false;
    }
    *ret_done = true;
    return true;
}

bool render_purge(struct functions *functions, struct arena *arena, const struct render_call *call,
                  struct error *err) {
    const char *job = call->key.job;
    bool cancelled, done;
    if (!functions_exists(functions, arena, functions->work, key_cancelled(arena, job), &cancelled,
                          err))
        return false;
    /* Only a cancelled job is purged, whoever put the task. */
    if (!cancelled)
        return true;
    if (!remove_all(functions, arena, call, key_chunks_prefix(arena, job), &done, err))
        return false;
    if (done && !remove_all(functions, arena, call, key_progress_prefix(arena, job), &done, err))
        return false;
    /* Each invocation removes something, so the generations end. */
    return done || functions_put_text(functions, arena, functions->work,
                                      key_task_purge(arena, job, call->key.generation + 1), "{}",
                                      false, NULL, err);
}
