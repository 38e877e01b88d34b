/*
 * Asking for jobs and ending them.
 */
#include "functions/api.h"
#include "functions/outcome.h"
#include "functions/standing.h"

#include "base/codec.h"
#include "base/os.h"
#include "job/keys.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_LIST = 20, MAX_LIST = 100 };

/* ---- one job ---- */

static bool put_nudge(const struct api_call *call, struct error *err) {
    return functions_put_text(call->functions, call->arena, call->functions->input,
                              key_nudge(call->arena, call->job), "{}", false, NULL, err);
}

bool api_get_job(const struct api_call *call, struct payload_response *ret, struct error *err) {
    struct standing standing;
    if (!standing_find(call->functions, call->arena, call->job, &standing, err)) {
        if (err->kind == ERROR_NOT_FOUND)
            return error_set(err, ERROR_NOT_FOUND, NULL, "there is no job '%s'", call->job);
        return false;
    }
    const struct http_parameter *nudge = http_query_get(&call->request->query, "nudge");
    if (nudge != NULL && str_equal_c(nudge->value, "1") && !standing.ended &&
        !put_nudge(call, err)) {
        json_decref(standing.document);
        return false;
    }
    const char *known = http_headers_get(&call->request->headers, "if-none-match");
    *ret = (struct payload_response){
        .status = 200, .body = standing.document, .etag = arena_strdup(call->arena, standing.etag)};
    if (known != NULL && strcmp(known, standing.etag) == 0) {
        json_decref(standing.document);
        ret->body = NULL;
        ret->status = 304;
    }
    return true;
}

/* ---- cancel ---- */

bool api_cancel_job(const struct api_call *call, struct payload_response *ret, struct error *err) {
    struct functions *functions = call->functions;
    const struct http_parameter *purge = http_query_get(&call->request->query, "purge");
    bool wants_purge = purge != NULL && str_equal_c(purge->value, "1");
    bool there;
    if (!functions_exists(functions, call->arena, functions->input,
                          key_manifest(call->arena, call->job), &there, err))
        return false;
    if (!there)
        return error_set(err, ERROR_NOT_FOUND, NULL, "there is no job '%s'", call->job);
    enum outcome outcome;
    if (!outcome_get(functions, call->arena, call->job, &outcome, err))
        return false;
    /* A job that has ended stays as it is; a cancelled one may still be purged. */
    bool ask = outcome == OUTCOME_NONE || (outcome == OUTCOME_CANCELLED && wants_purge);
    if (ask && !functions_put_text(
                   functions, call->arena, functions->work, key_cancelled(call->arena, call->job),
                   wants_purge ? "{\"purge\":true}" : "{}", !wants_purge, NULL, err))
        return false;
    return api_get_job(call, ret, err);
}

/* ---- list ---- */

struct listed_job {
    const char *id;
    int64_t created_unix_ms;
    bool planned;
};

static int newest_first(const void *a, const void *b) {
    const struct listed_job *x = a, *y = b;
    if (x->created_unix_ms != y->created_unix_ms)
        return x->created_unix_ms < y->created_unix_ms ? 1 : -1;
    return strcmp(x->id, y->id);
}

static int compare_plan(const void *key, const void *entry) {
    return strcmp(key, ((const struct s3_entry *)entry)->key);
}

static const struct s3_entry *find_plan(const struct api_call *call, const struct s3_listing *plans,
                                        const char *job) {
    if (plans->count == 0)
        return NULL;
    return bsearch(key_plan(call->arena, job), plans->entries, plans->count, sizeof *plans->entries,
                   compare_plan);
}

/* All jobs with the time of their plan, or of their manifest while there is no plan: two LISTs, and
 * a HEAD only for jobs that are not planned. */
static bool find_jobs(const struct api_call *call, struct listed_job **ret, size_t *ret_count,
                      struct error *err) {
    struct functions *functions = call->functions;
    struct s3_list_options jobs = {.prefix = "jobs/", .delimiter = "/"};
    struct s3_list_options plans = {.prefix = "plans/"};
    struct s3_listing prefixes, planned;
    if (!s3_list(functions->s3, call->arena, functions->input, &jobs, &prefixes, err) ||
        !s3_list(functions->s3, call->arena, functions->work, &plans, &planned, err))
        return false;
    struct listed_job *found = arena_array(call->arena, prefixes.prefix_count, sizeof *found);
    size_t count = 0;
    for (size_t i = 0; i < prefixes.prefix_count; i++) {
        struct str id = str_c(prefixes.prefixes[i] + strlen("jobs/"));
        if (id.len > 0)
            id.len--; /* the slash */
        if (!job_id_valid(id))
            continue;
        struct listed_job job = {.id = arena_strndup(call->arena, id.ptr, id.len)};
        const struct s3_entry *plan = find_plan(call, &planned, job.id);
        struct s3_object manifest;
        job.planned = plan != NULL;
        if (plan != NULL)
            job.created_unix_ms = plan->last_modified_unix_ms;
        else if (s3_head(functions->s3, call->arena, functions->input,
                         key_manifest(call->arena, job.id), &manifest, err))
            job.created_unix_ms = manifest.last_modified_unix_ms;
        else if (err->kind != ERROR_NOT_FOUND)
            return false;
        else
            continue; /* photos without a manifest are no job yet */
        found[count++] = job;
    }
    qsort(found, count, sizeof *found, newest_first);
    *ret = found;
    *ret_count = count;
    return true;
}

static bool list_options(const struct api_call *call, size_t *ret_limit, const char **ret_after,
                         struct error *err) {
    const struct http_parameter *limit = http_query_get(&call->request->query, "limit");
    const struct http_parameter *after = http_query_get(&call->request->query, "after");
    uint64_t number = DEFAULT_LIST;
    if (limit != NULL && (!str_to_u64(limit->value, MAX_LIST, &number) || number == 0))
        return error_set(err, ERROR_INVALID, NULL, "limit must be from 1 to %d", MAX_LIST);
    if (after != NULL && !job_id_valid(after->value))
        return error_set(err, ERROR_INVALID, NULL, "after must be a job id");
    *ret_limit = (size_t)number;
    *ret_after =
        after != NULL ? arena_strndup(call->arena, after->value.ptr, after->value.len) : NULL;
    return true;
}

/* The state in a word, as the status has it but without counting images and frames. */
static bool describe(const struct api_call *call, const struct listed_job *job, json_t **ret,
                     struct error *err) {
    static const char *const ends[] = {
        [OUTCOME_DONE] = "done",
        [OUTCOME_FAILED] = "failed",
        [OUTCOME_CANCELLED] = "cancelled",
    };
    enum outcome outcome;
    bool splicing = false;
    char created[DATE_SIZE];
    if (!outcome_get(call->functions, call->arena, job->id, &outcome, err) ||
        (outcome == OUTCOME_NONE && job->planned &&
         !functions_exists(call->functions, call->arena, call->functions->work,
                           key_task_splice(call->arena, job->id, 0), &splicing, err)))
        return false;
    const char *state = outcome != OUTCOME_NONE ? ends[outcome]
                        : splicing              ? "finishing"
                        : job->planned          ? "rendering"
                                                : "waiting";
    date_format_iso(job->created_unix_ms, created);
    *ret = json_pack("{ss ss ss}", "id", job->id, "created_at", created, "state", state);
    return true;
}

bool api_list_jobs(const struct api_call *call, struct payload_response *ret, struct error *err) {
    struct listed_job *jobs;
    size_t count, limit, first = 0;
    const char *after;
    if (!list_options(call, &limit, &after, err) || !find_jobs(call, &jobs, &count, err))
        return false;
    if (after != NULL) {
        while (first < count && strcmp(jobs[first].id, after) != 0)
            first++;
        first = first < count ? first + 1 : count;
    }
    json_t *list = json_array();
    for (size_t i = first; i < count && i - first < limit; i++) {
        json_t *job;
        if (!describe(call, &jobs[i], &job, err)) {
            json_decref(list);
            return false;
        }
        json_array_append_new(list, job);
    }
    *ret = (struct payload_response){
        .status = 200,
        .body = json_pack("{so sb}", "jobs", list, "more", count - first > limit),
    };
    return true;
}
