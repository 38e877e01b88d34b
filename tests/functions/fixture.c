#include "fixture.h"

#include "base/os.h"
#include "functions/stock.h"
#include "media/chunk.h"
#include "media/load.h"
#include "s3/server.h"
#include "store/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <unistd.h>

enum { WIDTH = 64, HEIGHT = 48, MAX_BYTES = 512 * 1024 * 1024 };

/* ---- the program's ---- */

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void make_buckets(struct steps *steps) {
    static const struct store_statement all[] = {{"*", "*", ""}};
    static const struct store_rule input[] = {{"1", "intake", "s3:ObjectCreated:*", "", ""}};
    static const struct store_rule work[] = {
        {"1", "render", "s3:ObjectCreated:*", "tasks/", ""},
        {"2", "intake", "s3:ObjectCreated:*", "plans/", ""},
        {"3", "intake", "s3:ObjectCreated:*", "facts/", ""},
        {"4", "intake", "s3:ObjectCreated:*", "cancelled/", ""},
        {"6", "intake", "s3:ObjectCreated:*", "audio/", ""},
        {"5", "notify", "s3:ObjectCreated:*", "chunks/", ""},
    };
    struct error err;
    int64_t now = clock_unix_ms();
    assert_true(store_put_key(steps->store, "KEY", "SECRET", all, 1, &err));
    assert_true(store_create_bucket(steps->store, INPUT, now, &err));
    assert_true(store_create_bucket(steps->store, WORK, now, &err));
    assert_true(store_create_bucket(steps->store, OUTPUT, now, &err));
    assert_true(store_set_rules(steps->store, INPUT, input, ARRAY_SIZE(input), &err));
    assert_true(store_set_rules(steps->store, WORK, work, ARRAY_SIZE(work), &err));
}

static void set_environment(const char *endpoint) {
    const char *const variables[][2] = {
        {"AWS_ENDPOINT_URL_S3", endpoint}, {"AWS_REGION", "local"},
        {"AWS_ACCESS_KEY_ID", "KEY"},      {"AWS_SECRET_ACCESS_KEY", "SECRET"},
        {"TACHYSCOPE_INPUT", INPUT},       {"TACHYSCOPE_WORK", WORK},
        {"TACHYSCOPE_OUTPUT", OUTPUT},     {"TACHYSCOPE_TOKEN", OWNER},
        {"TACHYSCOPE_SECRET", "a-secret"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
        assert_int_equal(setenv(variables[i][0], variables[i][1], 1), 0);
    assert_int_equal(unsetenv("AWS_SESSION_TOKEN"), 0);
    assert_int_equal(unsetenv("TACHYSCOPE_ORIGIN"), 0);
}

int steps_open(void **state) {
    struct steps *steps = calloc(1, sizeof *steps);
    const struct media_api *media;
    const char *base = getenv("TMPDIR");
    char endpoint[80];
    struct error err = {0};
    assert_non_null(steps);
    snprintf(steps->folder, sizeof steps->folder, "%.40s/steps-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(steps->folder));
    if (!store_open(steps->folder, &steps->store, &err))
        fail_msg("store: %s", err.text);
    make_buckets(steps);
    struct s3_server_options options = {
        .address = "127.0.0.1:0", .region = "local", .store = steps->store};
    if (!s3_server_start(&options, &steps->server, &err))
        fail_msg("server: %s", err.text);
    snprintf(endpoint, sizeof endpoint, "http://%.60s", s3_server_address(steps->server));
    set_environment(endpoint);
    /* Loading is for one thread; some tests have two. */
    if (!media_load(&media, &err))
        fail_msg("%s", err.text);
    steps->functions = steps_new_functions(steps);
    steps->image_ms = clock_unix_ms() / 1000 * 1000 - INT64_C(86400) * 1000;
    *state = steps;
    return 0;
}

int steps_close(void **state) {
    struct steps *steps = *state;
    functions_free(steps->functions);
    s3_server_free(steps->server);
    store_close(steps->store);
    nftw(steps->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(steps);
    return 0;
}

int steps_begin(void **state) {
    struct steps *steps = *state;
    steps->arena = arena_new();
    steps_lose(steps);
    return 0;
}

int steps_end(void **state) {
    struct steps *steps = *state;
    arena_free(steps->arena);
    steps->arena = NULL;
    return 0;
}

struct functions *steps_new_functions(struct steps *steps) {
    struct functions *functions;
    struct error err;
    (void)steps;
    if (!functions_new(&functions, &err))
        fail_msg("%s", err.text);
    return functions;
}

/* ---- objects ---- */

void steps_put_bytes(struct steps *steps, const char *bucket, const char *key, const void *data,
                     size_t size) {
    struct error err;
    if (!s3_put(steps->functions->s3, steps->arena, bucket, key, data, size, NULL, NULL, &err))
        fail_msg("%s: %s", key, err.text);
}

void steps_put(struct steps *steps, const char *bucket, const char *key, const char *text) {
    steps_put_bytes(steps, bucket, key, text, strlen(text));
}

void steps_delete(struct steps *steps, const char *bucket, const char *key) {
    struct error err;
    if (!s3_delete(steps->functions->s3, steps->arena, bucket, key, &err))
        fail_msg("%s: %s", key, err.text);
}

static struct str get(struct steps *steps, const char *bucket, const char *key) {
    struct s3_get_options options = {.max_bytes = MAX_BYTES};
    struct s3_object object;
    struct error err;
    if (s3_get(steps->functions->s3, steps->arena, bucket, key, &options, &object, &err))
        return object.body;
    if (err.kind != ERROR_NOT_FOUND)
        fail_msg("%s: %s", key, err.text);
    return (struct str){NULL, 0};
}

const char *steps_get(struct steps *steps, const char *bucket, const char *key) {
    return get(steps, bucket, key).ptr;
}

const char *steps_etag(struct steps *steps, const char *bucket, const char *key) {
    struct s3_object object;
    struct error err;
    if (!s3_head(steps->functions->s3, steps->arena, bucket, key, &object, &err))
        fail_msg("%s: %s", key, err.text);
    return object.etag;
}

bool steps_exists(struct steps *steps, const char *bucket, const char *key) {
    bool there;
    struct error err;
    if (!functions_exists(steps->functions, steps->arena, bucket, key, &there, &err))
        fail_msg("%s: %s", key, err.text);
    return there;
}

const char **steps_keys(struct steps *steps, const char *bucket, const char *prefix,
                        size_t *ret_count) {
    struct s3_list_options options = {.prefix = prefix};
    struct s3_listing listing;
    struct error err;
    if (!s3_list(steps->functions->s3, steps->arena, bucket, &options, &listing, &err))
        fail_msg("%s: %s", prefix, err.text);
    const char **keys = arena_array(steps->arena, listing.count, sizeof *keys);
    for (size_t i = 0; i < listing.count; i++)
        keys[i] = listing.entries[i].key;
    *ret_count = listing.count;
    return keys;
}

size_t steps_count(struct steps *steps, const char *bucket, const char *prefix) {
    size_t count;
    steps_keys(steps, bucket, prefix, &count);
    return count;
}

char *steps_image_name(struct steps *steps, unsigned index) {
    return arena_printf(steps->arena, "%06u-photo.jpg", index);
}

void steps_put_manifest(struct steps *steps, const char *job, unsigned count,
                        const char *settings) {
    json_t *images = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(images, json_pack("{ss}", "name", steps_image_name(steps, i)));
    char *list = json_dumps(images, JSON_COMPACT);
    json_decref(images);
    steps_put(steps, INPUT, key_manifest(steps->arena, job),
              arena_printf(steps->arena,
                           "{\"version\":1,\"images\":%s,\"settings\":{\"hold\":8%s%s}}", list,
                           strstr(settings, "\"size\"") ? "" : ",\"size\":\"64x48\"", settings));
    free(list);
}

/* A slanted gradient that tells image and version apart. */
static unsigned char *draw(unsigned index, unsigned version, unsigned long *ret_size) {
    static unsigned char pixels[WIDTH * HEIGHT * 3];
    unsigned char *jpeg = NULL;
    for (unsigned i = 0; i < WIDTH * HEIGHT; i++) {
        pixels[3 * i] = (unsigned char)(i % WIDTH * 3 + 40 * index);
        pixels[3 * i + 1] = (unsigned char)(i / WIDTH * 4 + 90 * version);
        pixels[3 * i + 2] = (unsigned char)(i / 7 + 20 * index + 50 * version);
    }
    tjhandle handle = tjInitCompress();
    assert_non_null(handle);
    assert_int_equal(
        tjCompress2(handle, pixels, WIDTH, 0, HEIGHT, TJPF_RGB, &jpeg, ret_size, TJSAMP_420, 90, 0),
        0);
    tjDestroy(handle);
    return jpeg;
}

void steps_put_image_at(struct steps *steps, const char *job, unsigned index, unsigned version,
                        int64_t modified_unix_ms) {
    unsigned long size = 0;
    unsigned char *jpeg = draw(index, version, &size);
    struct store_body *body;
    struct store_object object;
    struct error err;
    struct store_put put = {
        .bucket = INPUT,
        .key = key_image(steps->arena, job, steps_image_name(steps, index)),
        .content_type = "image/jpeg",
        .metadata = "",
        .event_name = "ObjectCreated:Put",
        .request_id = "1",
        .source_ip = "127.0.0.1",
        .principal = "KEY",
        .now_unix_ms = modified_unix_ms,
    };
    if (!store_body_new(steps->store, &body, &err) || !store_body_add(body, jpeg, size, &err) ||
        !store_put(steps->store, steps->arena, body, &put, &object, &err))
        fail_msg("image: %s", err.text);
    store_body_free(body);
    tjFree(jpeg);
}

void steps_put_image(struct steps *steps, const char *job, unsigned index, unsigned version) {
    steps->image_ms += 1000;
    steps_put_image_at(steps, job, index, version, steps->image_ms);
}

void steps_make_job(struct steps *steps, const char *job, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        steps_put_image(steps, job, i, 0);
    steps_put_manifest(steps, job, count, "");
    steps_lose(steps);
    steps_intake(steps, INPUT, key_manifest(steps->arena, job));
    steps_intake(steps, WORK, key_plan(steps->arena, job));
    /* The plan's own event came by hand. */
    const char *bucket;
    while (steps_take(steps, "intake", &bucket) != NULL)
        continue;
}

const struct plan *steps_plan(struct steps *steps, const char *job) {
    const struct plan *plan;
    struct error err;
    if (!functions_plan(steps->functions, job, &plan, &err))
        fail_msg("%s", err.text);
    return plan;
}

static struct segments_task current_task(struct steps *steps, const struct plan *plan,
                                         struct segment_range range) {
    struct segments_task task = {.range = range};
    struct error err;
    plan_images_of(plan, range, &task.first_image, &task.image_count);
    if (!stock_images(steps->functions, steps->arena, plan, task.first_image, task.image_count,
                      &task.versions, &err))
        fail_msg("%s", err.text);
    return task;
}

char *steps_task_key(struct steps *steps, const char *job, unsigned index) {
    const struct plan *plan = steps_plan(steps, job);
    struct segments_task task = current_task(steps, plan, plan->tasks[index]);
    return segments_task_key(steps->arena, plan, &task);
}

static void add_noise(struct steps *steps, struct chunk_writer *writer, const struct plan *plan,
                      uint32_t number, size_t bytes) {
    static const uint8_t config[] = {1, 100, 0, 31, 255, 225, 0, 0, 1, 0, 0};
    uint32_t count = plan->segments[number].frame_count, state = number + 1;
    struct media_sample *samples = arena_array(steps->arena, count, sizeof *samples);
    uint8_t *data = malloc(bytes);
    char hash[SHA256_HEX_SIZE];
    struct error err;
    assert_non_null(data);
    for (size_t i = 0; i < bytes; i++) {
        state = state * 1664525 + 1013904223;
        data[i] = (uint8_t)(state >> 24);
    }
    for (uint32_t i = 0; i < count; i++)
        samples[i] = (struct media_sample){.size = 1, .key = i == 0};
    samples[0].size = (uint32_t)(bytes - (count - 1));
    sha256_hex(data, bytes, hash);
    struct media_segment segment = {
        .number = number,
        .data = data,
        .size = bytes,
        .samples = samples,
        .sample_count = count,
        .config = config,
        .config_size = sizeof config,
    };
    if (!chunk_writer_add(writer, &segment, NULL, hash, &err))
        fail_msg("%s", err.text);
    free(data);
}

void steps_put_chunk(struct steps *steps, const char *job, struct segment_range range,
                     size_t segment_bytes) {
    const struct plan *plan = steps_plan(steps, job);
    struct segments_task task = current_task(steps, plan, range);
    struct chunk_writer *writer = chunk_writer_new(plan, NULL);
    char input[SHA256_HEX_SIZE];
    for (uint32_t i = 0; i < range.count; i++)
        add_noise(steps, writer, plan, range.first + i, segment_bytes);
    plan_chunk_input(plan, range, task.versions, input);
    struct str bytes = chunk_writer_finish(writer);
    steps_put_bytes(steps, WORK, key_chunk(steps->arena, job, range, input), bytes.ptr, bytes.len);
    chunk_writer_free(writer);
}

static const char *result_text(struct steps *steps, const char *job, const char *object,
                               const char *member) {
    struct str text = get(steps, OUTPUT, key_result(steps->arena, job));
    json_t *result = text.len > 0 ? json_loadb(text.ptr, text.len, 0, NULL) : NULL;
    const json_t *parent = object ? json_object_get(result, object) : result;
    const char *value = json_string_value(json_object_get(parent, member));
    char *kept = arena_strdup(steps->arena, value ? value : "");
    json_decref(result);
    return kept;
}

const char *steps_state(struct steps *steps, const char *job) {
    return result_text(steps, job, NULL, "state");
}

const char *steps_error_code(struct steps *steps, const char *job) {
    return result_text(steps, job, "error", "code");
}

struct str steps_video(struct steps *steps, const char *job) {
    return get(steps, OUTPUT, key_video(steps->arena, job, FORMAT_MP4));
}

struct str steps_reference(struct steps *steps, unsigned count) {
    const char *job = arena_printf(steps->arena, "reference-%u", count);
    if (!steps_exists(steps, OUTPUT, key_result(steps->arena, job))) {
        steps_make_job(steps, job, count);
        steps_run(steps);
    }
    assert_string_equal(steps_state(steps, job), "done");
    return steps_video(steps, job);
}

/* ---- events ---- */

static const char *event_text(struct arena *arena, const char *bucket, const char *key) {
    json_t *event = json_pack("{s[{ss s{s{ss} s{ss}}}]}", "Records", "eventSource", "aws:s3", "s3",
                              "bucket", "name", bucket, "object", "key", key);
    char *text = json_dumps(event, JSON_COMPACT);
    char *kept = arena_strdup(arena, text);
    json_decref(event);
    free(text);
    return kept;
}

static bool call(struct functions *functions, runtime_handler *handler, struct arena *arena,
                 const char *event, int64_t deadline_in_ms, struct error *err) {
    struct runtime_invocation invocation = {
        .request_id = "1",
        .deadline_unix_ms = clock_unix_ms() + deadline_in_ms,
        .event = str_c(event),
    };
    struct str answer;
    return handler(functions, arena, &invocation, &answer, err);
}

bool steps_deliver(struct functions *functions, runtime_handler *handler, const char *bucket,
                   const char *key, int64_t deadline_in_ms, struct error *err) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    return call(functions, handler, arena, event_text(arena, bucket, key), deadline_in_ms, err);
}

static void must_deliver(struct steps *steps, runtime_handler *handler, const char *bucket,
                         const char *key) {
    struct error err;
    if (!steps_deliver(steps->functions, handler, bucket, key, LONG_MS, &err))
        fail_msg("%s", err.text);
}

void steps_intake(struct steps *steps, const char *bucket, const char *key) {
    must_deliver(steps, intake_handle, bucket, key);
}

void steps_render(struct steps *steps, const char *key) {
    must_deliver(steps, render_handle, WORK, key);
}

void steps_on_failure(struct steps *steps, const char *bucket, const char *key) {
    struct error err;
    const char *record =
        arena_printf(steps->arena,
                     "{\"version\":\"1.0\",\"requestContext\":{\"condition\":\"RetriesExhausted\"},"
                     "\"requestPayload\":%s,\"responsePayload\":{\"errorMessage\":\"it broke\"}}",
                     event_text(steps->arena, bucket, key));
    if (!call(steps->functions, intake_handle, steps->arena, record, LONG_MS, &err))
        fail_msg("%s", err.text);
}

struct twin {
    struct functions *functions;
    runtime_handler *handler;
    const char *bucket, *key;
    bool ok;
    struct error err;
};

static void *run_twin(void *argument) {
    struct twin *twin = argument;
    twin->ok =
        steps_deliver(twin->functions, twin->handler, twin->bucket, twin->key, LONG_MS, &twin->err);
    return NULL;
}

void steps_twins(struct steps *steps, runtime_handler *handler, const char *bucket,
                 const char *key) {
    struct twin twins[2];
    pthread_t threads[2];
    for (size_t i = 0; i < ARRAY_SIZE(twins); i++) {
        twins[i] = (struct twin){
            .functions = steps_new_functions(steps),
            .handler = handler,
            .bucket = bucket,
            .key = key,
        };
        assert_int_equal(pthread_create(&threads[i], NULL, run_twin, &twins[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(twins); i++) {
        pthread_join(threads[i], NULL);
        functions_free(twins[i].functions);
    }
    for (size_t i = 0; i < ARRAY_SIZE(twins); i++)
        if (!twins[i].ok)
            fail_msg("%s", twins[i].err.text);
}

static size_t due(struct steps *steps, const char *function, struct queue_row **ret) {
    size_t count;
    int64_t next;
    struct error err;
    /* A day from now, so that nothing hides. */
    int64_t now = clock_unix_ms() + INT64_C(86400) * 1000;
    if (!queue_due(steps->store, steps->arena, function, now, NULL, 0, 10000, ret, &count, &next,
                   &err))
        fail_msg("%s", err.text);
    return count;
}

static void acknowledge(struct steps *steps, const struct queue_row *row) {
    struct error err;
    if (!queue_ack(steps->store, row->id, &err))
        fail_msg("%s", err.text);
}

size_t steps_waiting(struct steps *steps, const char *function) {
    struct queue_row *rows;
    return due(steps, function, &rows);
}

int64_t steps_youngest(struct steps *steps, const char *function) {
    struct queue_row *rows;
    size_t count = due(steps, function, &rows);
    int64_t youngest = 0;
    for (size_t i = 0; i < count; i++)
        if (rows[i].id > youngest)
            youngest = rows[i].id;
    return youngest;
}

void steps_lose(struct steps *steps) {
    static const char *const functions[] = {"intake", "render", "notify"};
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        struct queue_row *rows;
        size_t count = due(steps, functions[i], &rows);
        for (size_t k = 0; k < count; k++)
            acknowledge(steps, &rows[k]);
    }
}

const char *steps_take(struct steps *steps, const char *function, const char **ret_bucket) {
    struct queue_row *rows;
    if (due(steps, function, &rows) == 0)
        return NULL;
    acknowledge(steps, &rows[0]);
    *ret_bucket = rows[0].bucket;
    return rows[0].key;
}

void steps_run(struct steps *steps) {
    bool moved = true;
    while (moved) {
        const char *bucket, *key;
        moved = false;
        while ((key = steps_take(steps, "intake", &bucket)) != NULL) {
            steps_intake(steps, bucket, key);
            moved = true;
        }
        while ((key = steps_take(steps, "render", &bucket)) != NULL) {
            steps_render(steps, key);
            moved = true;
        }
    }
}
