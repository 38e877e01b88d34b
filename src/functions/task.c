/*
 * Tasks as JSON. Numbers and names are checked against the plan, so that a task put by hand can at
 * worst ask for work that the plan holds anyway.
 */
#include "functions/task.h"

#include "job/document.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool load(struct str text, const char *what, json_t **ret, struct error *err) {
    json_error_t why;
    json_t *root = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL)
        return error_set(err, ERROR_INVALID, NULL, "%s is not JSON: %s", what, why.text);
    *ret = root;
    return true;
}

static bool get_number(const json_t *object, const char *name, uint64_t max, uint64_t *ret,
                       struct error *err) {
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > max)
        return error_set(err, ERROR_INVALID, NULL, "member '%s' is missing or out of range", name);
    *ret = (uint64_t)json_integer_value(value);
    return true;
}

static bool get_text(struct arena *arena, const json_t *object, const char *name, size_t max_bytes,
                     const char **ret, struct error *err) {
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value) || json_string_length(value) > max_bytes ||
        strlen(json_string_value(value)) != json_string_length(value))
        return error_set(err, ERROR_INVALID, NULL, "member '%s' is missing or no good text", name);
    *ret = arena_strdup(arena, json_string_value(value));
    return true;
}

static bool check_plan(const json_t *root, const struct plan *plan, struct error *err) {
    const char *hash = json_string_value(json_object_get(root, "plan"));
    if (hash == NULL || strcmp(hash, plan->hash) != 0)
        return error_set(err, ERROR_INVALID, NULL, "it is of another plan");
    return true;
}

char *segments_task_to_text(struct arena *arena, const struct plan *plan,
                            const struct segments_task *task) {
    json_t *images = json_array();
    for (uint32_t i = 0; i < task->image_count; i++) {
        const struct image_version *version = &task->versions[i];
        json_array_append_new(images, json_pack("{ss ss sI sI}", "name", version->name, "etag",
                                                version->etag, "size", (json_int_t)version->size,
                                                "modified", (json_int_t)version->modified_unix_ms));
    }
    return document_text(arena, json_pack("{ss si si si si so}", "plan", plan->hash, "first",
                                          (int)task->range.first, "count", (int)task->range.count,
                                          "generation", (int)task->generation, "stalled",
                                          (int)task->stalled, "images", images));
}

char *segments_task_key(struct arena *arena, const struct plan *plan,
                        const struct segments_task *task) {
    char input[SHA256_HEX_SIZE];
    plan_task_input(plan, task->range, task->versions, input);
    return key_task_segments(arena, plan->job, task->range, input, task->generation);
}

static bool parse_versions(struct arena *arena, const json_t *images, const struct plan *plan,
                           struct segments_task *task, struct error *err) {
    if (!json_is_array(images) || json_array_size(images) != task->image_count)
        return error_set(err, ERROR_INVALID, NULL, "it has not the images of its segments");
    task->versions = arena_array(arena, task->image_count, sizeof *task->versions);
    for (uint32_t i = 0; i < task->image_count; i++) {
        const json_t *image = json_array_get(images, i);
        struct image_version *version = &task->versions[i];
        uint64_t modified;
        if (!get_text(arena, image, "name", MANIFEST_MAX_NAME_BYTES, &version->name, err) ||
            !get_text(arena, image, "etag", 128, &version->etag, err) ||
            !get_number(image, "size", MANIFEST_MAX_IMAGE_BYTES, &version->size, err) ||
            !get_number(image, "modified", INT64_MAX, &modified, err))
            return error_prefix(err, "image %u", i);
        version->modified_unix_ms = (int64_t)modified;
        if (strcmp(version->name, plan->manifest.images[task->first_image + i].name) != 0)
            return error_set(err, ERROR_INVALID, NULL,
                             "image '%s' does not stand there in the plan", version->name);
    }
    return true;
}

bool segments_task_parse(struct arena *arena, struct str text, const struct key *key,
                         const struct plan *plan, struct segments_task *ret, struct error *err) {
    json_t *root CLEANUP(document_release) = NULL;
    struct segments_task task = {.range = key->range, .generation = key->generation};
    uint64_t stalled;
    char input[SHA256_HEX_SIZE];
    if (key->range.count == 0 || key->range.first >= plan->segment_count ||
        key->range.count > plan->segment_count - key->range.first)
        return error_set(err, ERROR_INVALID, NULL, "task names segments that the plan has not");
    plan_images_of(plan, task.range, &task.first_image, &task.image_count);
    if (!load(text, "task", &root, err))
        return false;
    if (!check_plan(root, plan, err) || !get_number(root, "stalled", 2, &stalled, err) ||
        !parse_versions(arena, json_object_get(root, "images"), plan, &task, err))
        return error_prefix(err, "task");
    task.stalled = (unsigned)stalled;
    plan_task_input(plan, task.range, task.versions, input);
    if (strcmp(input, key->input) != 0)
        return error_set(err, ERROR_INVALID, NULL, "task does not fit its name");
    *ret = task;
    return true;
}

struct segments_task segments_task_part(const struct plan *plan, const struct segments_task *task,
                                        struct segment_range range) {
    struct segments_task part = {.range = range, .generation = task->generation};
    plan_images_of(plan, range, &part.first_image, &part.image_count);
    part.versions = task->versions + (part.first_image - task->first_image);
    return part;
}

char *splice_task_to_text(struct arena *arena, const struct plan *plan,
                          const struct splice_task *task) {
    json_t *chunks = json_array();
    for (size_t i = 0; i < task->count; i++) {
        const struct splice_entry *entry = &task->entries[i];
        json_array_append_new(chunks, json_pack("{ss ss sI si si}", "key", entry->chunk, "etag",
                                                entry->etag, "size", (json_int_t)entry->chunk_bytes,
                                                "first", (int)entry->use.first, "count",
                                                (int)entry->use.count));
    }
    return document_text(arena, json_pack("{ss so}", "plan", plan->hash, "chunks", chunks));
}

static bool parse_entry(struct arena *arena, const json_t *chunk, const struct plan *plan,
                        uint32_t expected_first, struct splice_entry *ret, struct error *err) {
    struct splice_entry entry;
    uint64_t first, count;
    if (!get_text(arena, chunk, "key", 1024, &entry.chunk, err) ||
        !get_text(arena, chunk, "etag", 128, &entry.etag, err) ||
        !get_number(chunk, "size", INT64_MAX, &entry.chunk_bytes, err) ||
        !get_number(chunk, "first", plan->segment_count, &first, err) ||
        !get_number(chunk, "count", plan->segment_count, &count, err))
        return false;
    struct key key;
    key_parse(arena, KEY_BUCKET_WORK, str_c(entry.chunk), &key);
    if (key.kind != KEY_CHUNK || strcmp(key.job, plan->job) != 0)
        return error_set(err, ERROR_INVALID, NULL, "'%s' is no chunk of this job", entry.chunk);
    entry.chunk_range = key.range;
    entry.use = (struct segment_range){(uint32_t)first, (uint32_t)count};
    if (count == 0 || first != expected_first || count > plan->segment_count - first ||
        first < key.range.first || first + count > (uint64_t)key.range.first + key.range.count)
        return error_set(err, ERROR_INVALID, NULL, "chunk '%s' does not continue the film",
                         entry.chunk);
    *ret = entry;
    return true;
}

bool splice_task_parse(struct arena *arena, struct str text, const struct plan *plan,
                       struct splice_task *ret, struct error *err) {
    json_t *root CLEANUP(document_release) = NULL;
    if (!load(text, "splice task", &root, err))
        return false;
    const json_t *chunks = json_object_get(root, "chunks");
    struct splice_task task = {.count = json_array_size(chunks)};
    if (!check_plan(root, plan, err))
        return error_prefix(err, "splice task");
    if (task.count == 0 || task.count > plan->segment_count)
        return error_set(err, ERROR_INVALID, NULL, "splice task has %zu chunks", task.count);
    task.entries = arena_array(arena, task.count, sizeof *task.entries);
    uint32_t next = 0;
    for (size_t i = 0; i < task.count; i++) {
        if (!parse_entry(arena, json_array_get(chunks, i), plan, next, &task.entries[i], err))
            return error_prefix(err, "splice task");
        next += task.entries[i].use.count;
    }
    if (next != plan->segment_count)
        return error_set(err, ERROR_INVALID, NULL, "splice task ends at segment %u of %u", next,
                         plan->segment_count);
    *ret = task;
    return true;
}

char *splice_rest_to_text(struct arena *arena, unsigned stalled) {
    return document_text(arena, json_pack("{si}", "stalled", (int)stalled));
}

bool splice_rest_parse(struct str text, unsigned *ret_stalled, struct error *err) {
    json_t *root CLEANUP(document_release) = NULL;
    uint64_t stalled;
    if (!load(text, "splice task", &root, err))
        return false;
    if (!get_number(root, "stalled", 2, &stalled, err))
        return error_prefix(err, "splice task");
    *ret_stalled = (unsigned)stalled;
    return true;
}
