/*
 * The purge task: removes what a cancelled job left in the work bucket. The wish itself and the
 * tasks stay, so that late events find that the job has ended.
 */
#include "functions/render.h"

static bool remove_all(struct functions *functions, struct arena *arena, const char *prefix,
                       struct error *err) {
    struct s3_list_options options = {.prefix = prefix};
    struct s3_listing listing;
    if (!s3_list(functions->s3, arena, functions->work, &options, &listing, err))
        return false;
    for (size_t i = 0; i < listing.count; i++)
        if (!s3_delete(functions->s3, arena, functions->work, listing.entries[i].key, err))
            return false;
    return true;
}

bool render_purge(struct functions *functions, struct arena *arena, const struct render_call *call,
                  struct error *err) {
    bool cancelled;
    if (!functions_exists(functions, arena, functions->work, key_cancelled(arena, call->key.job),
                          &cancelled, err))
        return false;
    /* Only a cancelled job is purged, whoever put the task. */
    return !cancelled ||
           (remove_all(functions, arena, key_chunks_prefix(arena, call->key.job), err) &&
            remove_all(functions, arena, key_progress_prefix(arena, call->key.job), err));
}
