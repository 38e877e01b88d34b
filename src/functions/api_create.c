/*
 * Creating jobs and signing their uploads. The manifest goes into the input bucket at once, so that
 * rendering can start with the first photos that arrive; the photos themselves go straight from the
 * client to the store.
 */
#include "functions/api.h"
#include "functions/outcome.h"
#include "functions/standing.h"
#include "functions/token.h"

#include "base/codec.h"
#include "base/os.h"
#include "job/keys.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_UPLOADS = 1000, /* signed in one answer */
    MAX_IDEMPOTENCY_KEY = 255,
    JOB_ID_BYTES = 16,
};

/* {name, url, headers, expires_at} of one object. `size` -1: any. */
static json_t *sign_upload(const struct api_call *call, const char *name, const char *key,
                           int64_t size) {
    int64_t now = clock_unix_ms();
    char expires[DATE_SIZE];
    date_format_iso(now + (int64_t)STANDING_URL_SECONDS * 1000, expires);
    struct s3_presign_options options = {
        .method = "PUT",
        .expires_seconds = STANDING_URL_SECONDS,
        .now_unix_ms = now,
        .content_length = size,
    };
    const char *url =
        s3_presign(call->functions->s3, call->arena, call->functions->input, key, &options);
    json_t *upload =
        json_pack("{ss ss s{} ss}", "name", name, "url", url, "headers", "expires_at", expires);
    if (upload == NULL)
        die_out_of_memory();
    return upload;
}

static json_t *sign_images(const struct api_call *call, const char *job,
                           const struct manifest_image *const *images, size_t count) {
    json_t *uploads = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(uploads, sign_upload(call, images[i]->name,
                                                   key_image(call->arena, job, images[i]->name),
                                                   images[i]->size));
    return uploads;
}

static json_t *sign_assets(const struct api_call *call, const char *job,
                           const struct manifest *manifest) {
    json_t *uploads = json_array();
    for (size_t i = 0; i < manifest->asset_count; i++) {
        const struct manifest_asset *asset = &manifest->assets[i];
        json_array_append_new(
            uploads,
            sign_upload(call, asset->name, key_asset(call->arena, job, asset->name), asset->size));
    }
    return uploads;
}

static bool choose_id(const struct api_call *call, const char **ret, struct error *err) {
    const char *key = http_headers_get(&call->request->headers, "idempotency-key");
    if (key == NULL) {
        uint8_t bytes[JOB_ID_BYTES];
        random_bytes(bytes, sizeof bytes);
        char *id = arena_alloc(call->arena, 2 * sizeof bytes + 1);
        hex_encode(bytes, sizeof bytes, id);
        *ret = id;
        return true;
    }
    if (key[0] == '\0' || strlen(key) > MAX_IDEMPOTENCY_KEY)
        return error_set(err, ERROR_INVALID, NULL, "Idempotency-Key must have 1 to %d characters",
                         MAX_IDEMPOTENCY_KEY);
    *ret = token_job_id(call->arena, call->functions->secret, call->functions->token, key);
    return true;
}

static bool read_body(const struct api_call *call, struct manifest *ret, struct error *err) {
    if (call->request->body.len == 0)
        return error_set(err, ERROR_INVALID, NULL, "the body must be a manifest");
    if (!manifest_parse(call->arena, call->request->body, ret, err))
        return false;
    if (!ret->lists_images)
        return error_set(err, ERROR_INVALID, NULL, "manifest: 'images' is missing");
    return true;
}

/* Puts the manifest; the same job again is fine with the same manifest only. */
static bool put_manifest(const struct api_call *call, const char *job, const char *text,
                         struct error *err) {
    struct functions *functions = call->functions;
    struct str there;
    bool put;
    if (!functions_put_text(functions, call->arena, functions->input,
                            key_manifest(call->arena, job), text, true, &put, err))
        return false;
    if (put)
        return true;
    if (!functions_get_text(functions, call->arena, functions->input,
                            key_manifest(call->arena, job), MANIFEST_MAX_BYTES, &there, err))
        return false;
    if (!str_equal_c(there, text))
        return error_set(err, ERROR_INVALID, NULL,
                         "this Idempotency-Key was used for another manifest");
    return true;
}

/* Where listeners connect: at the page, or on AWS at the WebSocket API that `notify` sends through.
 */
static char *live_url(const struct api_call *call, const char *job, const char *token) {
    static const char secure[] = "https://";
    const char *connections = call->functions->connections_url;
    if (str_starts_with(str_c(connections), secure) && strstr(connections, ".execute-api.") != NULL)
        return arena_printf(call->arena, "wss://%s?job=%s&token=%s",
                            connections + sizeof secure - 1, job, token);
    return arena_printf(call->arena, "/live?job=%s&token=%s", job, token);
}

bool api_create_job(const struct api_call *call, struct payload_response *ret, struct error *err) {
    struct manifest manifest;
    const char *job;
    if (!read_body(call, &manifest, err) || !choose_id(call, &job, err) ||
        !put_manifest(call, job, manifest_to_text(call->arena, &manifest), err))
        return false;
    size_t count = manifest.image_count < MAX_UPLOADS ? manifest.image_count : MAX_UPLOADS;
    const struct manifest_image **images = arena_array(call->arena, count, sizeof *images);
    for (size_t i = 0; i < count; i++)
        images[i] = &manifest.images[i];
    const char *token = token_of_job(call->arena, call->functions->secret, job);
    *ret = (struct payload_response){
        .status = 201,
        .body =
            json_pack("{ss ss ss ss so so}", "id", job, "token", token, "status_url",
                      arena_printf(call->arena, "/jobs/%s", job), "live_url",
                      live_url(call, job, token), "uploads", sign_images(call, job, images, count),
                      "assets", sign_assets(call, job, &manifest)),
    };
    return true;
}

static int compare_names(const void *a, const void *b) {
    const struct manifest_image *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int compare_name(const void *key, const void *element) {
    return strcmp(key, (*(const struct manifest_image *const *)element)->name);
}

/* The images that `{names: […]}` asks for, looked up in the manifest. */
static bool asked_images(const struct api_call *call, const struct manifest *manifest,
                         const json_t *names, const struct manifest_image **images,
                         struct error *err) {
    const struct manifest_image **sorted =
        arena_array(call->arena, manifest->image_count, sizeof *sorted);
    for (size_t i = 0; i < manifest->image_count; i++)
        sorted[i] = &manifest->images[i];
    qsort(sorted, manifest->image_count, sizeof *sorted, compare_names);
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name == NULL)
            return error_set(err, ERROR_INVALID, NULL, "'names' must be an array of names");
        const struct manifest_image **found =
            bsearch(name, sorted, manifest->image_count, sizeof *sorted, compare_name);
        if (found == NULL)
            return error_set(err, ERROR_INVALID, NULL, "image '%s' is not in the manifest", name);
        images[i] = *found;
    }
    return true;
}

bool api_sign_uploads(const struct api_call *call, struct payload_response *ret,
                      struct error *err) {
    struct functions *functions = call->functions;
    struct str text;
    struct manifest manifest;
    enum outcome outcome;
    bool cancelled;
    if (!functions_get_text(functions, call->arena, functions->input,
                            key_manifest(call->arena, call->job), MANIFEST_MAX_BYTES, &text, err) ||
        !manifest_parse(call->arena, text, &manifest, err) ||
        !outcome_get(functions, call->arena, call->job, &outcome, err) ||
        !functions_exists(functions, call->arena, functions->work,
                          key_cancelled(call->arena, call->job), &cancelled, err))
        return false;
    if (outcome != OUTCOME_NONE || cancelled)
        return error_set(err, ERROR_CONFLICT, NULL, "job '%s' has ended: nothing more is taken",
                         call->job);
    json_t *body = json_loadb(call->request->body.ptr, call->request->body.len, 0, NULL);
    const json_t *names = json_object_get(body, "names");
    bool wants_assets = json_is_true(json_object_get(body, "assets"));
    size_t count = json_array_size(names);
    bool ok = count > 0 || wants_assets ||
              error_set(err, ERROR_INVALID, NULL, "'names' must be an array of names");
    if (ok && count > MAX_UPLOADS)
        ok = error_set(err, ERROR_INVALID, NULL, "at most %d names at a time", MAX_UPLOADS);
    const struct manifest_image **images = arena_array(call->arena, count, sizeof *images);
    ok = ok && asked_images(call, &manifest, names, images, err);
    json_decref(body);
    if (ok)
        *ret = (struct payload_response){
            .status = 200,
            .body =
                json_pack("{so so*}", "uploads", sign_images(call, call->job, images, count),
                          "assets", wants_assets ? sign_assets(call, call->job, &manifest) : NULL),
        };
    return ok;
}
