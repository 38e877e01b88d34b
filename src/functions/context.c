/*
 * The process-wide context of a function: clients and the plan used last. A warm process sees many
 * events of the same job, so one remembered plan saves nearly all reads of it.
 */
#include "functions/context.h"

#include "job/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plan_cache {
    struct arena *arena; /* of the plan; NULL while there is none */
    struct plan plan;
    uint32_t *by_name;                /* indexes of the images, sorted by name */
    const struct image_version **put; /* by task: what it was put with, or NULL */
};

struct told {
    char job[65];
    char etag[80];
};

static const char *variable(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : otherwise;
}

static bool need_variable(const char *name, const char **ret, struct error *err) {
    const char *value = variable(name, NULL);
    if (value == NULL)
        return error_set(err, ERROR_INVALID, NULL, "environment variable '%s' is missing", name);
    *ret = value;
    return true;
}

static bool make_client(struct functions *functions, struct error *err) {
    functions->region = variable("AWS_REGION", variable("AWS_DEFAULT_REGION", NULL));
    if (functions->region == NULL)
        return error_set(err, ERROR_INVALID, NULL, "environment variable 'AWS_REGION' is missing");
    struct s3_client_options options = {
        .endpoint = variable("AWS_ENDPOINT_URL_S3", variable("AWS_ENDPOINT_URL", NULL)),
        .region = functions->region,
        .http = functions->http,
    };
    if (!need_variable("AWS_ACCESS_KEY_ID", &options.credentials.access_key, err) ||
        !need_variable("AWS_SECRET_ACCESS_KEY", &options.credentials.secret_key, err))
        return false;
    options.credentials.session_token = variable("AWS_SESSION_TOKEN", NULL);
    functions->credentials = options.credentials;
    return s3_client_new(&options, &functions->s3, err);
}

bool functions_new(struct functions **ret, struct error *err) {
    struct functions *functions = calloc(1, sizeof *functions);
    if (functions == NULL)
        die_out_of_memory();
    functions->plans = calloc(1, sizeof *functions->plans);
    functions->told = calloc(1, sizeof *functions->told);
    if (functions->plans == NULL || functions->told == NULL)
        die_out_of_memory();
    functions->token = variable("TACHYSCOPE_TOKEN", "");
    functions->secret = variable("TACHYSCOPE_SECRET", "");
    functions->origin = variable("TACHYSCOPE_ORIGIN", "");
    functions->connections_url = variable("TACHYSCOPE_CONNECTIONS_URL", "");
    functions->topic_arn = variable("TACHYSCOPE_TOPIC_ARN", "");
    functions->http = http_client_new();
    if (!need_variable("TACHYSCOPE_INPUT", &functions->input, err) ||
        !need_variable("TACHYSCOPE_WORK", &functions->work, err) ||
        !need_variable("TACHYSCOPE_OUTPUT", &functions->output, err) ||
        !make_client(functions, err)) {
        functions_free(functions);
        return false;
    }
    *ret = functions;
    return true;
}

void functions_free(struct functions *functions) {
    if (functions == NULL)
        return;
    s3_client_free(functions->s3);
    http_client_free(functions->http);
    arena_free(functions->plans->arena);
    free(functions->plans);
    free(functions->told);
    free(functions);
}

static int compare_by_name(const void *a, const void *b, void *context) {
    const struct manifest_image *images = context;
    return strcmp(images[*(const uint32_t *)a].name, images[*(const uint32_t *)b].name);
}

static void remember(struct plan_cache *cache, struct arena *arena, const struct plan *plan) {
    arena_free(cache->arena);
    cache->arena = arena;
    cache->plan = *plan;
    size_t count = plan->manifest.image_count;
    cache->by_name = arena_array(arena, count, sizeof *cache->by_name);
    for (size_t i = 0; i < count; i++)
        cache->by_name[i] = (uint32_t)i;
    cache->put = arena_array(arena, plan->task_count, sizeof *cache->put);
    qsort_r(cache->by_name, count, sizeof *cache->by_name, compare_by_name,
            cache->plan.manifest.images);
}

bool functions_plan(struct functions *functions, const char *job, const struct plan **ret,
                    struct error *err) {
    struct plan_cache *cache = functions->plans;
    if (cache->arena != NULL && strcmp(cache->plan.job, job) == 0) {
        *ret = &cache->plan;
        return true;
    }
    struct arena *arena = arena_new();
    struct str text;
    struct plan plan;
    if (!functions_get_text(functions, arena, functions->work, key_plan(arena, job), PLAN_MAX_BYTES,
                            &text, err)) {
        arena_free(arena);
        return false;
    }
    if (!plan_parse(arena, text, &plan, err)) {
        arena_free(arena);
        return error_prefix(err, "plan of job '%s'", job);
    }
    if (strcmp(plan.job, job) != 0) {
        arena_free(arena);
        return error_set(err, ERROR_INVALID, NULL, "plan of job '%s' is of another job", job);
    }
    remember(cache, arena, &plan);
    *ret = &cache->plan;
    return true;
}

int64_t functions_plan_image(const struct functions *functions, const char *name) {
    const struct plan_cache *cache = functions->plans;
    if (cache->arena == NULL)
        return -1;
    size_t low = 0, high = cache->plan.manifest.image_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint32_t image = cache->by_name[middle];
        int order = strcmp(name, cache->plan.manifest.images[image].name);
        if (order == 0)
            return image;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

const struct image_version *functions_put_versions(const struct functions *functions,
                                                   uint32_t index) {
    const struct plan_cache *cache = functions->plans;
    return cache->arena != NULL && index < cache->plan.task_count ? cache->put[index] : NULL;
}

void functions_remember_put(struct functions *functions, uint32_t index,
                            const struct image_version *versions, uint32_t count) {
    struct plan_cache *cache = functions->plans;
    if (cache->arena == NULL || index >= cache->plan.task_count)
        return;
    struct image_version *kept = arena_array(cache->arena, count, sizeof *kept);
    for (uint32_t i = 0; i < count; i++) {
        kept[i] = versions[i];
        kept[i].name = NULL; /* the plan has it */
        kept[i].etag = arena_strdup(cache->arena, versions[i].etag);
    }
    cache->put[index] = kept;
}

bool functions_was_told(const struct functions *functions, const char *job, const char *etag) {
    return strcmp(functions->told->job, job) == 0 && strcmp(functions->told->etag, etag) == 0;
}

void functions_remember_told(struct functions *functions, const char *job, const char *etag) {
    struct told *told = functions->told;
    snprintf(told->job, sizeof told->job, "%s", job);
    snprintf(told->etag, sizeof told->etag, "%s", etag);
}

bool functions_get_text(struct functions *functions, struct arena *arena, const char *bucket,
                        const char *key, size_t max_bytes, struct str *ret, struct error *err) {
    struct s3_get_options options = {.max_bytes = max_bytes};
    struct s3_object object;
    if (!s3_get(functions->s3, arena, bucket, key, &options, &object, err))
        return false;
    *ret = object.body;
    return true;
}

bool functions_put_text(struct functions *functions, struct arena *arena, const char *bucket,
                        const char *key, const char *text, bool once, bool *ret_put,
                        struct error *err) {
    struct s3_put_options options = {.content_type = "application/json", .if_none_match = once};
    bool put = true;
    if (!s3_put(functions->s3, arena, bucket, key, text, strlen(text), &options, NULL, err)) {
        /* Another conflict than this one leaves open whether the key is taken. */
        if (!once || err->code == NULL || strcmp(err->code, "PreconditionFailed") != 0)
            return false;
        put = false;
    }
    if (ret_put != NULL)
        *ret_put = put;
    return true;
}

bool functions_exists(struct functions *functions, struct arena *arena, const char *bucket,
                      const char *key, bool *ret, struct error *err) {
    struct s3_object object;
    if (s3_head(functions->s3, arena, bucket, key, &object, err)) {
        *ret = true;
        return true;
    }
    if (err->kind != ERROR_NOT_FOUND)
        return false;
    *ret = false;
    return true;
}
