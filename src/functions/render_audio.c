/*
 * The audio task: the sound of the whole film, encoded once, before any segment. A pure function of
 * plan and file, so that twins make the same bytes; the first PUT counts.
 */
#include "functions/outcome.h"
#include "functions/render.h"

#include "base/log.h"
#include "media/load.h"

#include <string.h>

static bool fail(struct functions *functions, struct arena *arena, const char *job,
                 const char *code, const char *detail, struct error *err) {
    struct outcome_failure failure = {.code = code, .detail = detail};
    return outcome_put_failed(functions, arena, job, &failure, err);
}

static bool encode(struct functions *functions, struct arena *arena, const struct plan *plan,
                   struct str *ret, struct error *err) {
    struct s3_get_options options = {
        .if_match = plan->audio.etag,
        .max_bytes = MANIFEST_MAX_ASSET_BYTES,
    };
    const struct media_api *media;
    struct s3_object file;
    return media_load(&media, err) &&
           s3_get(functions->s3, arena, functions->input,
                  key_asset(arena, plan->job, plan->audio.name), &options, &file, err) &&
           media->encode_audio(arena, plan, file.body, ret, err);
}

bool render_audio(struct functions *functions, struct arena *arena, const struct render_call *call,
                  struct error *err) {
    const char *job = call->key.job;
    const char *key = key_audio(arena, job);
    const struct plan *plan;
    struct s3_put_options once = {.if_none_match = true};
    struct str sound;
    bool ended, there;
    if (!outcome_ended(functions, arena, job, &ended, err) ||
        !functions_exists(functions, arena, functions->work, key, &there, err))
        return false;
    if (ended || there)
        return true;
    if (!functions_plan(functions, job, &plan, err))
        return false;
    /* A stranger's task. */
    if (plan->audio.name == NULL)
        return true;
    if (!render_check_build(plan, err))
        return false;
    if (!encode(functions, arena, plan, &sound, err)) {
        const char *name = plan->audio.name;
        if (err->kind == ERROR_NOT_FOUND || err->kind == ERROR_CONFLICT)
            return fail(functions, arena, job, "missing-audio",
                        arena_printf(arena, "audio '%s' was %s after the film was planned", name,
                                     err->kind == ERROR_CONFLICT ? "replaced" : "removed"),
                        err);
        if (err->kind == ERROR_INVALID || err->kind == ERROR_LIMIT)
            return fail(functions, arena, job, "bad-audio",
                        arena_printf(arena, "audio '%s': %s", name, err->text), err);
        return false;
    }
    log_info("render", "job %s: sound of %zu bytes", job, sound.len);
    return s3_put(functions->s3, arena, functions->work, key, sound.ptr, sound.len, &once, NULL,
                  err) ||
           (err->code != NULL && strcmp(err->code, "PreconditionFailed") == 0);
}
