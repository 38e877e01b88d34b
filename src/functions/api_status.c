/*
 * Asking for jobs and ending them. The status is made anew from the buckets at every call: progress
 * is what lies there, so it only grows and nobody has to keep count.
 */
#include "functions/api.h"
#include "functions/outcome.h"
#include "functions/stock.h"

#include "base/codec.h"
#include "base/os.h"
#include "job/keys.h"
#include "job/status.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_LIST = 20, MAX_LIST = 100, MAX_RESULT_BYTES = 1024 * 1024 };

static void release(json_t **object) {
    json_decref(*object);
}

/* ---- one job ---- */

/* Found objects of a job; what is not there stays zero. */
static bool read_result(const struct api_call *call, json_t **ret, struct error *err) {
    struct functions *functions = call->functions;
    struct str text;
    *ret = NULL;
    if (!functions_get_text(functions, call->arena, functions->output,
                            key_result(call->arena, call->job), MAX_RESULT_BYTES, &text, err))
        return err->kind == ERROR_NOT_FOUND;
    return result_parse(text, ret, err);
}

static bool read_expected(const struct api_call *call, struct status_input *input,
                          struct error *err) {
    struct functions *functions = call->functions;
    struct s3_object object;
    struct str text;
    struct manifest manifest;
    struct error why;
    if (functions_plan(functions, call->job, &input->plan, err)) {
        input->images_expected = input->plan->manifest.image_count;
        if (!s3_head(functions->s3, call->arena, functions->work, key_plan(call->arena, call->job),
                     &object, err))
            return err->kind == ERROR_NOT_FOUND;
        input->plan_unix_ms = object.last_modified_unix_ms;
        return true;
    }
    if (err->kind != ERROR_NOT_FOUND)
        return false;
    if (!functions_get_text(functions, call->arena, functions->input,
                            key_manifest(call->arena, call->job), MANIFEST_MAX_BYTES, &text, err))
        return false;
    /* A refused manifest has its result soon; until then nothing is known. */
    if (manifest_parse(call->arena, text, &manifest, &why) && manifest.lists_images)
        input->images_expected = manifest.image_count;
    return true;
}

static bool count_arrived(const struct api_call *call, struct status_input *input,
                          struct error *err) {
    struct s3_list_options options = {.prefix = key_images_prefix(call->arena, call->job),
                                      .max_entries = MANIFEST_MAX_IMAGES};
    struct s3_listing listing;
    if (!s3_list(call->functions->s3, call->arena, call->functions->input, &options, &listing, err))
        return false;
    size_t prefix = strlen(options.prefix);
    for (size_t i = 0; i < listing.count; i++)
        if (input->plan == NULL ||
            functions_plan_image(call->functions, listing.entries[i].key + prefix) >= 0)
            input->images_arrived++;
    return true;
}

static bool read_progress(const struct api_call *call, struct status_input *input,
                          struct error *err) {
    struct functions *functions = call->functions;
    struct stock_chunk *chunks;
    if (!stock_chunks(functions, call->arena, call->job, &chunks, &input->chunk_count, err))
        return false;
    struct segment_range *ranges = arena_array(call->arena, input->chunk_count, sizeof *ranges);
    for (size_t i = 0; i < input->chunk_count; i++)
        ranges[i] = chunks[i].range;
    input->chunks = ranges;
    struct s3_list_options options = {.prefix = key_progress_prefix(call->arena, call->job)};
    struct s3_listing listing;
    if (!s3_list(functions->s3, call->arena, functions->work, &options, &listing, err))
        return false;
    struct key *progress = arena_array(call->arena, listing.count, sizeof *progress);
    for (size_t i = 0; i < listing.count; i++) {
        struct key key;
        key_parse(call->arena, KEY_BUCKET_WORK, str_c(listing.entries[i].key), &key);
        if (key.kind == KEY_PROGRESS)
            progress[input->progress_count++] = key;
    }
    input->progress = progress;
    return functions_exists(functions, call->arena, functions->work,
                            key_task_splice(call->arena, call->job, 0), &input->splicing, err);
}

static char *sign_download(const struct api_call *call, const char *key, const char *file_name,
                           int64_t now) {
    struct s3_presign_options options = {
        .method = "GET",
        .expires_seconds = API_URL_SECONDS,
        .now_unix_ms = now,
        .content_length = -1,
        .content_disposition = arena_printf(call->arena, "inline; filename=\"%s\"", file_name),
    };
    return s3_presign(call->functions->s3, call->arena, call->functions->output, key, &options);
}

static void sign_outputs(const struct api_call *call, struct status_input *input) {
    const char *state = json_string_value(json_object_get(input->result, "state"));
    if (state == NULL || strcmp(state, "done") != 0)
        return;
    int64_t now = input->now_unix_ms;
    enum format format = result_format(input->result);
    input->video_url =
        sign_download(call, key_video(call->arena, call->job, format),
                      arena_printf(call->arena, "video.%s", settings_format_ending(format)), now);
    input->poster_url = sign_download(call, key_poster(call->arena, call->job), "poster.jpg", now);
    input->receipts_url =
        sign_download(call, key_receipts(call->arena, call->job), "receipts.json", now);
    input->urls_expire_unix_ms = now + (int64_t)API_URL_SECONDS * 1000;
}

static bool gather(const struct api_call *call, struct status_input *input, json_t **ret_result,
                   struct error *err) {
    struct functions *functions = call->functions;
    if (!read_result(call, ret_result, err) || !read_expected(call, input, err))
        return false;
    input->result = *ret_result;
    if (input->result != NULL) {
        input->images_arrived = input->images_expected;
        sign_outputs(call, input);
    }
    if (input->result == NULL || input->plan == NULL)
        if (!count_arrived(call, input, err))
            return false;
    return read_progress(call, input, err) &&
           functions_exists(functions, call->arena, functions->work,
                            key_cancelled(call->arena, call->job), &input->cancelled, err);
}

static bool put_nudge(const struct api_call *call, struct error *err) {
    return functions_put_text(call->functions, call->arena, call->functions->input,
                              key_nudge(call->arena, call->job), "{}", false, NULL, err);
}

bool api_get_job(const struct api_call *call, struct payload_response *ret, struct error *err) {
    struct status_input input = {.job = call->job, .now_unix_ms = clock_unix_ms()};
    json_t *result CLEANUP(release) = NULL;
    char etag[96];
    if (!gather(call, &input, &result, err)) {
        if (err->kind == ERROR_NOT_FOUND)
            return error_set(err, ERROR_NOT_FOUND, NULL, "there is no job '%s'", call->job);
        return false;
    }
    const struct http_parameter *nudge = http_query_get(&call->request->query, "nudge");
    if (nudge != NULL && str_equal_c(nudge->value, "1") && result == NULL && !put_nudge(call, err))
        return false;
    json_t *document = status_document(&input, etag);
    const char *known = http_headers_get(&call->request->headers, "if-none-match");
    *ret = (struct payload_response){
        .status = 200, .body = document, .etag = arena_strdup(call->arena, etag)};
    if (known != NULL && strcmp(known, etag) == 0) {
        json_decref(document);
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
