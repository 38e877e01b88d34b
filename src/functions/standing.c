/*
 * The status is made anew from the buckets at every call: progress is what lies there, so it only
 * grows and nobody has to keep count.
 */
#include "functions/standing.h"

#include "functions/stock.h"

#include "base/os.h"
#include "job/document.h"
#include "job/keys.h"

#include <string.h>

enum { MAX_RESULT_BYTES = 1024 * 1024 };

struct standing_call {
    struct functions *functions;
    struct arena *arena;
    const char *job;
};

/* Found objects of a job; what is not there stays zero. */
static bool read_result(struct standing_call *call, json_t **ret, struct error *err) {
    struct functions *functions = call->functions;
    struct str text;
    *ret = NULL;
    if (!functions_get_text(functions, call->arena, functions->output,
                            key_result(call->arena, call->job), MAX_RESULT_BYTES, &text, err))
        return err->kind == ERROR_NOT_FOUND;
    return result_parse(text, ret, err);
}

static bool read_expected(struct standing_call *call, struct status_input *input,
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

static bool count_arrived(struct standing_call *call, struct status_input *input,
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

static bool read_progress(struct standing_call *call, struct status_input *input,
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

static char *sign_download(struct standing_call *call, const char *key, const char *file_name,
                           int64_t now) {
    struct s3_presign_options options = {
        .method = "GET",
        .expires_seconds = STANDING_URL_SECONDS,
        .now_unix_ms = now,
        .content_length = -1,
        .content_disposition = arena_printf(call->arena, "inline; filename=\"%s\"", file_name),
    };
    return s3_presign(call->functions->s3, call->arena, call->functions->output, key, &options);
}

static void sign_outputs(struct standing_call *call, struct status_input *input) {
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
    input->urls_expire_unix_ms = now + (int64_t)STANDING_URL_SECONDS * 1000;
}

static bool gather(struct standing_call *call, struct status_input *input, json_t **ret_result,
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

bool standing_find(struct functions *functions, struct arena *arena, const char *job,
                   struct standing *ret, struct error *err) {
    struct standing_call call = {functions, arena, job};
    struct status_input input = {.job = job, .now_unix_ms = clock_unix_ms()};
    json_t *result CLEANUP(document_release) = NULL;
    if (!gather(&call, &input, &result, err))
        return false;
    ret->document = status_document(&input, ret->etag);
    ret->ended = result != NULL;
    return true;
}
