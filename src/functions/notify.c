/*
 * `notify`: tells listeners how their job stands. Its events are what moves a job: progress and
 * chunks, the start of the splice, the result; and a new listener, who gets the status at once.
 *
 * A status says everything, so nothing is lost when an event is: the next one tells it. What the
 * process has told last is not told again.
 */
#include "functions/callback.h"
#include "functions/context.h"
#include "functions/event.h"
#include "functions/listeners.h"
#include "functions/standing.h"
#include "job/keys.h"

#include <stdlib.h>
#include <string.h>

static bool find_text(struct functions *functions, struct arena *arena, const char *job,
                      struct standing *ret, struct str *ret_text, struct error *err) {
    if (!standing_find(functions, arena, job, ret, err))
        return false;
    char *text = json_dumps(ret->document, JSON_COMPACT);
    json_decref(ret->document);
    ret->document = NULL;
    if (text == NULL)
        die_out_of_memory();
    *ret_text = str_c(arena_strdup(arena, text));
    free(text);
    return true;
}

/* All listeners of the job; without any nothing is looked up. */
static bool tell_all(struct functions *functions, struct arena *arena, const char *job,
                     struct error *err) {
    const char *const *keys;
    size_t count;
    struct standing standing;
    struct str text;
    if (!listeners_find(functions, arena, job, &keys, &count, err))
        return false;
    if (count == 0)
        return true;
    if (!find_text(functions, arena, job, &standing, &text, err))
        return err->kind == ERROR_NOT_FOUND;
    if (functions_was_told(functions, job, standing.etag))
        return true;
    for (size_t i = 0; i < count; i++) {
        struct key key;
        key_parse(arena, KEY_BUCKET_WORK, str_c(keys[i]), &key);
        if (key.kind == KEY_CONNECTION &&
            !listeners_send(functions, arena, keys[i], key.name, text, err))
            return false;
    }
    functions_remember_told(functions, job, standing.etag);
    return true;
}

static bool tell_one(struct functions *functions, struct arena *arena, const char *key_text,
                     const struct key *key, struct error *err) {
    struct standing standing;
    struct str text;
    if (!find_text(functions, arena, key->job, &standing, &text, err))
        return err->kind == ERROR_NOT_FOUND;
    return listeners_send(functions, arena, key_text, key->name, text, err);
}

static bool call_back(struct functions *functions, struct arena *arena, const char *job,
                      struct error *err) {
    const char *url;
    struct standing standing;
    struct str text;
    if (!callback_find(functions, arena, job, &url, err))
        return false;
    if (url == NULL)
        return true;
    if (!find_text(functions, arena, job, &standing, &text, err))
        return err->kind == ERROR_NOT_FOUND;
    return callback_send(functions, arena, job, url, text, err);
}

static bool take_record(struct functions *functions, struct arena *arena,
                        const struct event_record *record, struct error *err) {
    struct key key;
    if (strcmp(record->bucket, functions->work) == 0)
        key_parse(arena, KEY_BUCKET_WORK, str_c(record->key), &key);
    else if (strcmp(record->bucket, functions->output) == 0)
        key_parse(arena, KEY_BUCKET_OUTPUT, str_c(record->key), &key);
    else
        return true;
    switch (key.kind) {
    case KEY_CHUNK:
    case KEY_PROGRESS:
    case KEY_SPLICE:
        return tell_all(functions, arena, key.job, err);
    case KEY_RESULT:
        return tell_all(functions, arena, key.job, err) &&
               call_back(functions, arena, key.job, err);
    case KEY_CONNECTION:
        return tell_one(functions, arena, record->key, &key, err);
    default:
        return true; /* strangers' objects */
    }
}

bool notify_handle(void *context, struct arena *arena, const struct runtime_invocation *invocation,
                   struct str *ret_answer, struct error *err) {
    struct functions *functions = context;
    struct event event;
    if (!event_parse(arena, invocation->event, &event, err))
        return false;
    for (size_t i = 0; i < event.record_count; i++)
        if (!take_record(functions, arena, &event.records[i], err))
            return error_prefix(err, "'%s'", event.records[i].key);
    *ret_answer = str_c("{}");
    return true;
}
