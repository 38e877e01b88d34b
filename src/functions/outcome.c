/*
 * Results are decided by one conditional PUT; everything here may run twice or race with its twin.
 */
#include "functions/outcome.h"

#include "job/keys.h"

#include <string.h>

enum { MAX_RESULT_BYTES = 1024 * 1024 };

bool outcome_get(struct functions *functions, struct arena *arena, const char *job,
                 enum outcome *ret, struct error *err) {
    struct str text;
    if (!functions_get_text(functions, arena, functions->output, key_result(arena, job),
                            MAX_RESULT_BYTES, &text, err)) {
        if (err->kind != ERROR_NOT_FOUND)
            return false;
        *ret = OUTCOME_NONE;
        return true;
    }
    json_t *result;
    if (!result_parse(text, &result, err))
        return error_prefix(err, "result of job '%s'", job);
    const char *state = json_string_value(json_object_get(result, "state"));
    if (strcmp(state, "done") == 0)
        *ret = OUTCOME_DONE;
    else if (strcmp(state, "cancelled") == 0)
        *ret = OUTCOME_CANCELLED;
    else
        *ret = OUTCOME_FAILED;
    json_decref(result);
    return true;
}

bool outcome_ended(struct functions *functions, struct arena *arena, const char *job, bool *ret,
                   struct error *err) {
    enum outcome outcome;
    bool cancelled;
    if (!outcome_get(functions, arena, job, &outcome, err))
        return false;
    if (outcome != OUTCOME_NONE) {
        *ret = true;
        return true;
    }
    if (!functions_exists(functions, arena, functions->work, key_cancelled(arena, job), &cancelled,
                          err))
        return false;
    if (cancelled && !outcome_put_cancelled(functions, arena, job, err))
        return false;
    *ret = cancelled;
    return true;
}

static bool put(struct functions *functions, struct arena *arena, const char *job,
                const struct result *result, struct error *err) {
    return functions_put_text(functions, arena, functions->output, key_result(arena, job),
                              result_to_text(arena, result), true, NULL, err);
}

bool outcome_put_cancelled(struct functions *functions, struct arena *arena, const char *job,
                           struct error *err) {
    struct result result = {.state = "cancelled"};
    return put(functions, arena, job, &result, err);
}

bool outcome_put_failed(struct functions *functions, struct arena *arena, const char *job,
                        const struct outcome_failure *failure, struct error *err) {
    json_t *refused = NULL;
    if (failure->receipt != NULL) {
        refused = json_array();
        json_array_append_new(refused, receipt_to_json(failure->receipt));
    }
    struct result result = {
        .state = "failed",
        .error_code = failure->code,
        .error_detail = failure->detail,
        .error_image = failure->image,
        .refused = refused,
    };
    bool ok = put(functions, arena, job, &result, err);
    json_decref(refused);
    return ok;
}

bool outcome_put_done(struct functions *functions, struct arena *arena, const struct plan *plan,
                      uint64_t video_bytes, uint64_t poster_bytes, uint64_t warning_count,
                      struct error *err) {
    const struct settings *settings = &plan->manifest.settings;
    struct result result = {
        .state = "done",
        .frames = plan->timeline.frame_count,
        .seconds = (double)plan->timeline.frame_count * (double)settings->fps.den /
                   (double)settings->fps.num,
        .width = settings->width,
        .height = settings->height,
        .format = settings->format,
        .images = plan->manifest.image_count,
        .video_bytes = video_bytes,
        .poster_bytes = poster_bytes,
        .warning_count = warning_count,
        .renderer = plan->build_id,
    };
    return put(functions, arena, plan->job, &result, err);
}
