/*
 * Dispatch of `render` by the kind of task.
 */
#include "functions/render.h"

#include "media/load.h"

#include <string.h>

bool render_check_build(const struct plan *plan, struct error *err) {
    if (strcmp(plan->build_id, media_build_id()) == 0)
        return true;
    return error_set(err, ERROR_INVALID, NULL,
                     "the job was planned for renderer %.64s, but this one is %s: start it anew",
                     plan->build_id, media_build_id());
}

static bool take(struct functions *functions, struct arena *arena, const struct render_call *call,
                 struct error *err) {
    switch (call->key.kind) {
    case KEY_TASK_PROBE:
        return render_probe(functions, arena, call, err);
    case KEY_TASK_AUDIO:
        return render_audio(functions, arena, call, err);
    case KEY_TASK_SEGMENTS:
        return render_segments(functions, arena, call, err);
    case KEY_TASK_SPLICE:
        return render_splice(functions, arena, call, err);
    case KEY_TASK_PURGE:
        return render_purge(functions, arena, call, err);
    default:
        return true; /* a stranger's object */
    }
}

bool render_handle(void *context, struct arena *arena, const struct runtime_invocation *invocation,
                   struct str *ret_answer, struct error *err) {
    struct functions *functions = context;
    struct event event;
    if (!event_parse(arena, invocation->event, &event, err))
        return false;
    for (size_t i = 0; i < event.record_count; i++) {
        struct render_call call = {
            .key_text = event.records[i].key,
            .deadline_unix_ms = invocation->deadline_unix_ms,
        };
        if (strcmp(event.records[i].bucket, functions->work) != 0)
            continue;
        key_parse(arena, KEY_BUCKET_WORK, str_c(call.key_text), &call.key);
        if (!take(functions, arena, &call, err))
            return error_prefix(err, "'%s'", call.key_text);
    }
    *ret_answer = str_c("{}");
    return true;
}
