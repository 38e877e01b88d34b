/*
 * `intake`: steps 1, 2, 6, 7 and 8 of the protocol. It plans when manifest and facts are there,
 * puts the tasks whose images have arrived, ends refused and cancelled jobs, takes the records of
 * invocations that failed for good, and repeats all of it when nudged.
 *
 * Nothing is remembered between events: every step reads the store, decides, and writes with a PUT
 * that only the first caller wins. So an event may come twice, late, or beside its twin.
 */
#include "functions/context.h"
#include "functions/event.h"
#include "functions/facts.h"
#include "functions/outcome.h"
#include "functions/stock.h"
#include "job/keys.h"
#include "media/load.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool fail_job(struct functions *functions, struct arena *arena, const char *job,
                     const char *code, const char *detail, const char *image, struct error *err) {
    struct outcome_failure failure = {.code = code, .detail = detail, .image = image};
    return outcome_put_failed(functions, arena, job, &failure, err);
}

/* ---- step 1: plan ---- */

/* Takes all images that lie there as the manifest's. */
static bool adopt_images(struct functions *functions, struct arena *arena, const char *job,
                         struct manifest *manifest, struct error *err) {
    const char *prefix = key_images_prefix(arena, job);
    struct s3_list_options options = {.prefix = prefix, .max_entries = MANIFEST_MAX_IMAGES + 1};
    struct s3_listing listing;
    if (!s3_list(functions->s3, arena, functions->input, &options, &listing, err))
        return false;
    struct manifest_image *images = arena_array(arena, listing.count, sizeof *images);
    size_t count = 0;
    for (size_t i = 0; i < listing.count; i++) {
        const char *name = listing.entries[i].key + strlen(prefix);
        struct error ignored;
        /* What could not have been named in a manifest (a folder's marker, say) is no image. */
        if (!manifest_check_name(str_c(name), &ignored))
            continue;
        images[count++] =
            (struct manifest_image){.name = name, .size = (int64_t)listing.entries[i].size};
    }
    return manifest_set_images(arena, manifest, images, count, err);
}

/* Reads the manifest. `*ret_ready` is false when it is not there, or is refused (the job then has
 * its result). */
static bool read_manifest(struct functions *functions, struct arena *arena, const char *job,
                          struct manifest *ret, bool *ret_ready, struct error *err) {
    struct str text;
    struct error why;
    *ret_ready = false;
    if (!functions_get_text(functions, arena, functions->input, key_manifest(arena, job),
                            MANIFEST_MAX_BYTES, &text, err)) {
        if (err->kind == ERROR_NOT_FOUND)
            return true;
        if (err->kind != ERROR_LIMIT)
            return false;
        return fail_job(functions, arena, job, "manifest", err->text, NULL, err);
    }
    bool good = manifest_parse(arena, text, ret, &why);
    if (good && !ret->lists_images) {
        good = adopt_images(functions, arena, job, ret, &why);
        if (!good && why.kind != ERROR_INVALID && why.kind != ERROR_LIMIT) {
            *err = why;
            return false;
        }
    }
    if (!good)
        return fail_job(
            functions, arena, job, "manifest",
            arena_printf(arena, "manifest: %s; use a new job id for a corrected one", why.text),
            NULL, err);
    *ret_ready = true;
    return true;
}

/* Puts the plan (once) when everything it needs is there. `arrived`: the image whose event this is,
 * or NULL. */
static bool try_plan(struct functions *functions, struct arena *arena, const char *job,
                     const char *arrived, struct error *err) {
    struct manifest manifest;
    struct plan_facts facts;
    struct facts_refusal refusal;
    enum facts_state state;
    bool ready, ended;
    if (!read_manifest(functions, arena, job, &manifest, &ready, err))
        return false;
    if (!ready)
        return true;
    if (!outcome_ended(functions, arena, job, &ended, err))
        return false;
    if (ended)
        return true;
    if (arrived != NULL && !facts_arrived(functions, arena, job, &manifest, arrived, err))
        return false;
    if (!facts_gather(functions, arena, job, &manifest, &facts, &state, &refusal, err))
        return false;
    if (state == FACTS_WAITING)
        return true;
    if (state == FACTS_REFUSED) {
        struct outcome_failure failure = {.code = refusal.code,
                                          .detail = refusal.detail,
                                          .image = refusal.image,
                                          .receipt = refusal.receipt};
        return outcome_put_failed(functions, arena, job, &failure, err);
    }
    struct plan plan;
    struct error why;
    if (!plan_build(arena, job, media_build_id(), &manifest, &facts, &plan, &why))
        return fail_job(
            functions, arena, job, "manifest",
            arena_printf(arena, "%s; use a new job id for a corrected manifest", why.text), NULL,
            err);
    return functions_put_text(functions, arena, functions->work, key_plan(arena, job),
                              plan_to_text(arena, &plan), true, NULL, err);
}

/* The plan, or NULL in `ret` while there is none. */
static bool find_plan(struct functions *functions, const char *job, const struct plan **ret,
                      struct error *err) {
    if (functions_plan(functions, job, ret, err))
        return true;
    *ret = NULL;
    return err->kind == ERROR_NOT_FOUND;
}

/* ---- step 2: arrival ---- */

/* Puts every task whose images are all there. */
static bool scan(struct functions *functions, struct arena *arena, const struct plan *plan,
                 struct error *err) {
    struct image_version *versions;
    if (!stock_images(functions, arena, plan, 0, (uint32_t)plan->manifest.image_count, &versions,
                      err))
        return false;
    for (uint32_t i = 0; i < plan->task_count; i++) {
        uint32_t first, count;
        plan_images_of(plan, plan->tasks[i], &first, &count);
        if (!stock_put_task(functions, arena, plan, i, versions + first, false, err))
            return false;
    }
    return true;
}

/* One HEAD of the task's last image, and a LIST once that is there. */
static bool arrive_at_task(struct functions *functions, struct arena *arena,
                           const struct plan *plan, uint32_t index, uint32_t arrived,
                           struct error *err) {
    uint32_t first, count;
    bool put;
    if (!stock_is_put(functions, arena, plan, index, arrived, &put, err))
        return false;
    if (put)
        return true;
    plan_images_of(plan, plan->tasks[index], &first, &count);
    uint32_t last = first + count - 1;
    if (arrived != last) {
        const char *name = plan->manifest.images[last].name;
        bool there;
        if (!functions_exists(functions, arena, functions->input, key_image(arena, plan->job, name),
                              &there, err))
            return false;
        if (!there)
            return true;
    }
    struct image_version *versions;
    if (!stock_images(functions, arena, plan, first, count, &versions, err))
        return false;
    return stock_put_task(functions, arena, plan, index, versions, false, err);
}

static bool arrive(struct functions *functions, struct arena *arena, const char *job,
                   const char *name, struct error *err) {
    const struct plan *plan;
    enum outcome outcome;
    if (!find_plan(functions, job, &plan, err) ||
        !outcome_get(functions, arena, job, &outcome, err))
        return false;
    if (outcome == OUTCOME_CANCELLED)
        return s3_delete(functions->s3, arena, functions->input, key_image(arena, job, name), err);
    if (plan == NULL)
        return try_plan(functions, arena, job, name, err);
    int64_t image = functions_plan_image(functions, name);
    if (outcome != OUTCOME_NONE || image < 0)
        return true;
    for (uint32_t i = 0; i < plan->task_count; i++) {
        uint32_t first, count;
        plan_images_of(plan, plan->tasks[i], &first, &count);
        if ((uint32_t)image >= first && (uint32_t)image - first < count &&
            !arrive_at_task(functions, arena, plan, i, (uint32_t)image, err))
            return false;
    }
    return true;
}

static bool planned(struct functions *functions, struct arena *arena, const char *job,
                    struct error *err) {
    const struct plan *plan;
    bool ended;
    if (!find_plan(functions, job, &plan, err) ||
        !outcome_ended(functions, arena, job, &ended, err))
        return false;
    if (plan == NULL || ended)
        return true;
    return stock_put_audio(functions, arena, plan, false, err) && scan(functions, arena, plan, err);
}

/* ---- step 6: cancel ---- */

static bool cancel(struct functions *functions, struct arena *arena, const char *job,
                   struct error *err) {
    struct str wish;
    if (!outcome_put_cancelled(functions, arena, job, err))
        return false;
    if (!functions_get_text(functions, arena, functions->work, key_cancelled(arena, job), 4096,
                            &wish, err))
        return err->kind == ERROR_NOT_FOUND;
    json_t *root = json_loadb(wish.ptr, wish.len, 0, NULL);
    bool purge = json_is_true(json_object_get(root, "purge"));
    json_decref(root);
    return !purge || functions_put_text(functions, arena, functions->work,
                                        key_task_purge(arena, job, 0), "{}", false, NULL, err);
}

/* ---- step 8: nudge ---- */

/* A probe whose event was lost: the plan is missing though its task lies there. */
static bool repeat_probes(struct functions *functions, struct arena *arena, const char *job,
                          struct error *err) {
    struct s3_list_options options = {.prefix = key_tasks_prefix(arena, job)};
    struct s3_listing listing;
    if (!s3_list(functions->s3, arena, functions->work, &options, &listing, err))
        return false;
    for (size_t i = 0; i < listing.count; i++) {
        struct key key;
        key_parse(arena, KEY_BUCKET_WORK, str_c(listing.entries[i].key), &key);
        if (key.kind == KEY_TASK_PROBE &&
            !functions_put_text(functions, arena, functions->work, listing.entries[i].key, "{}",
                                false, NULL, err))
            return false;
    }
    return true;
}

static bool nudge(struct functions *functions, struct arena *arena, const char *job,
                  struct error *err) {
    const struct plan *plan;
    bool ended;
    if (!outcome_ended(functions, arena, job, &ended, err))
        return false;
    if (ended)
        return true;
    if (!find_plan(functions, job, &plan, err))
        return false;
    if (plan == NULL)
        return try_plan(functions, arena, job, NULL, err) &&
               repeat_probes(functions, arena, job, err);
    return stock_repeat(functions, arena, plan, err) &&
           stock_check(functions, arena, plan, NULL, err);
}

/* ---- step 7: failure ---- */

static bool segments_failed(struct functions *functions, struct arena *arena, const char *text,
                            const struct event_record *record, const struct key *key,
                            struct error *err) {
    const struct plan *plan;
    struct str task_text;
    struct segments_task task;
    struct error why;
    bool counts;
    if (!find_plan(functions, key->job, &plan, err))
        return false;
    if (plan == NULL)
        return true;
    if (!functions_get_text(functions, arena, functions->work, record->key, TASK_MAX_BYTES,
                            &task_text, err))
        return err->kind == ERROR_NOT_FOUND;
    /* A task that is not one of ours was put by a stranger; it fails nothing. */
    if (!segments_task_parse(arena, task_text, key, plan, &task, &why))
        return true;
    if (!stock_failure_counts(functions, arena, plan, &task, &counts, err))
        return false;
    if (counts && !fail_job(functions, arena, key->job, "render",
                            arena_printf(arena, "rendering failed: %s", text), NULL, err))
        return false;
    return stock_check(functions, arena, plan, NULL, err);
}

static bool splice_failed(struct functions *functions, struct arena *arena, const char *text,
                          const struct key *key, struct error *err) {
    const char *job = key->job;
    const struct plan *plan;
    struct s3_object video, poster = {0};
    enum outcome outcome;
    bool handed_on;
    if (!outcome_get(functions, arena, job, &outcome, err) ||
        !functions_exists(functions, arena, functions->work,
                          key_task_splice(arena, job, key->generation + 1), &handed_on, err))
        return false;
    if (outcome != OUTCOME_NONE || handed_on)
        return true;
    if (!find_plan(functions, job, &plan, err))
        return false;
    bool there =
        plan != NULL && s3_head(functions->s3, arena, functions->output,
                                key_video(arena, job, plan->manifest.settings.format), &video, err);
    if (there) {
        if (!s3_head(functions->s3, arena, functions->output, key_poster(arena, job), &poster,
                     err) &&
            err->kind != ERROR_NOT_FOUND)
            return false;
        return outcome_put_done(functions, arena, plan, video.size, poster.size, 0, err);
    }
    if (plan != NULL && err->kind != ERROR_NOT_FOUND)
        return false;
    return fail_job(functions, arena, job, "splice",
                    arena_printf(arena, "putting the video together failed: %s", text), NULL, err);
}

static bool audio_failed(struct functions *functions, struct arena *arena, const char *text,
                         const char *job, struct error *err) {
    const struct plan *plan;
    bool there, splicing;
    if (!functions_exists(functions, arena, functions->work, key_audio(arena, job), &there, err) ||
        !functions_exists(functions, arena, functions->work, key_task_splice(arena, job, 0),
                          &splicing, err) ||
        !find_plan(functions, job, &plan, err))
        return false;
    return there || splicing || plan == NULL || plan->audio.name == NULL ||
           fail_job(functions, arena, job, "audio",
                    arena_printf(arena, "audio '%s': %s", plan->audio.name, text), NULL, err);
}

static bool probe_failed(struct functions *functions, struct arena *arena, const char *text,
                         const struct key *key, struct error *err) {
    struct s3_object image;
    bool done;
    bool is_there = s3_head(functions->s3, arena, functions->input,
                            key_image(arena, key->job, key->name), &image, err);
    if (!is_there && err->kind == ERROR_NOT_FOUND)
        is_there = s3_head(functions->s3, arena, functions->input,
                           key_asset(arena, key->job, key->name), &image, err);
    if (!is_there)
        return err->kind == ERROR_NOT_FOUND;
    if (strcmp(image.etag, key->etag) != 0)
        return true;
    if (!functions_exists(functions, arena, functions->work,
                          key_facts(arena, key->job, key->name, key->etag), &done, err))
        return false;
    return done || fail_job(functions, arena, key->job, "probe",
                            arena_printf(arena, "'%s': %s", key->name, text), key->name, err);
}

/* ---- dispatch ---- */

static bool in_bucket(const struct functions *functions, const char *bucket, enum key_bucket *ret) {
    if (strcmp(bucket, functions->input) == 0)
        *ret = KEY_BUCKET_INPUT;
    else if (strcmp(bucket, functions->work) == 0)
        *ret = KEY_BUCKET_WORK;
    else
        return false;
    return true;
}

static bool take_failure(struct functions *functions, struct arena *arena, const char *text,
                         const struct event_record *record, const struct key *key,
                         struct error *err) {
    switch (key->kind) {
    case KEY_TASK_SEGMENTS:
        return segments_failed(functions, arena, text, record, key, err);
    case KEY_TASK_SPLICE:
        return splice_failed(functions, arena, text, key, err);
    case KEY_TASK_PROBE:
        return probe_failed(functions, arena, text, key, err);
    case KEY_TASK_AUDIO:
        return audio_failed(functions, arena, text, key->job, err);
    case KEY_TASK_PURGE:
    case KEY_UNKNOWN:
        return true;
    case KEY_CANCELLED:
        return cancel(functions, arena, key->job, err);
    default:
        return nudge(functions, arena, key->job, err);
    }
}

static bool take_record(struct functions *functions, struct arena *arena, const struct key *key,
                        struct error *err) {
    const struct plan *plan;
    switch (key->kind) {
    case KEY_MANIFEST:
    case KEY_ASSET:
    case KEY_FACTS:
        if (!find_plan(functions, key->job, &plan, err))
            return false;
        return plan != NULL || try_plan(functions, arena, key->job, NULL, err);
    case KEY_IMAGE:
        return arrive(functions, arena, key->job, key->name, err);
    case KEY_NUDGE:
        return nudge(functions, arena, key->job, err);
    case KEY_PLAN:
    case KEY_AUDIO:
        return planned(functions, arena, key->job, err);
    case KEY_CANCELLED:
        return cancel(functions, arena, key->job, err);
    default:
        return true; /* strangers' objects */
    }
}

bool intake_handle(void *context, struct arena *arena, const struct runtime_invocation *invocation,
                   struct str *ret_answer, struct error *err) {
    struct functions *functions = context;
    struct event event;
    if (!event_parse(arena, invocation->event, &event, err))
        return false;
    for (size_t i = 0; i < event.record_count; i++) {
        const struct event_record *record = &event.records[i];
        enum key_bucket bucket;
        struct key key;
        if (!in_bucket(functions, record->bucket, &bucket))
            continue;
        key_parse(arena, bucket, str_c(record->key), &key);
        bool ok = event.failed
                      ? take_failure(functions, arena, event.failed_text, record, &key, err)
                      : take_record(functions, arena, &key, err);
        if (!ok)
            return error_prefix(err, "'%s'", record->key);
    }
    *ret_answer = str_c("{}");
    return true;
}
