/*
 * Steps 2 and 4 of the protocol: arrival and completeness. Both look at LISTs only: names of tasks
 * and chunks carry a hash over the images that they were made from, so no object needs to be read
 * to know whether it is current.
 */
#include "functions/stock.h"

#include "functions/outcome.h"

#include <stdlib.h>
#include <string.h>

static bool names_ascend(const struct manifest_image *images, uint32_t count) {
    for (uint32_t i = 1; i < count; i++)
        if (strcmp(images[i - 1].name, images[i].name) >= 0)
            return false;
    return true;
}

static int compare_entry(const void *key, const void *entry) {
    return strcmp(key, ((const struct s3_entry *)entry)->key);
}

static void fill_versions(struct arena *arena, const struct plan *plan, uint32_t first,
                          uint32_t count, const struct s3_listing *listing,
                          struct image_version *versions) {
    for (uint32_t i = 0; i < count; i++) {
        const char *name = plan->manifest.images[first + i].name;
        versions[i] = (struct image_version){.name = name};
        if (listing->count == 0)
            continue;
        const struct s3_entry *entry =
            bsearch(key_image(arena, plan->job, name), listing->entries, listing->count,
                    sizeof *listing->entries, compare_entry);
        if (entry == NULL)
            continue;
        versions[i].etag = entry->etag;
        versions[i].size = entry->size;
        versions[i].modified_unix_ms = entry->last_modified_unix_ms;
    }
}

/* A whole one: S3 takes keys in UTF-8 only. */
static void cut_last_character(char *text) {
    size_t length = strlen(text);
    while (length > 1 && ((unsigned char)text[length - 1] & 0xC0) == 0x80)
        length--;
    text[length - 1] = '\0';
}

bool stock_images(struct functions *functions, struct arena *arena, const struct plan *plan,
                  uint32_t first, uint32_t count, struct image_version **ret, struct error *err) {
    const struct manifest_image *images = plan->manifest.images + first;
    struct s3_list_options options = {.prefix = key_images_prefix(arena, plan->job)};
    bool ranged = count < plan->manifest.image_count && names_ascend(images, count);
    if (ranged) {
        /* The first key without its last character sorts before it. A few strangers may lie between
         * the images, hence the margin. */
        char *before = key_image(arena, plan->job, images[0].name);
        cut_last_character(before);
        options.start_after = before;
        options.max_entries = count + 16;
    }
    struct s3_listing listing;
    if (!s3_list(functions->s3, arena, functions->input, &options, &listing, err))
        return false;
    const char *last_key = key_image(arena, plan->job, images[count - 1].name);
    if (ranged && listing.more && strcmp(listing.entries[listing.count - 1].key, last_key) < 0) {
        options.start_after = NULL;
        options.max_entries = 0;
        if (!s3_list(functions->s3, arena, functions->input, &options, &listing, err))
            return false;
    }
    struct image_version *versions = arena_array(arena, count, sizeof *versions);
    fill_versions(arena, plan, first, count, &listing, versions);
    *ret = versions;
    return true;
}

bool stock_chunks(struct functions *functions, struct arena *arena, const char *job,
                  struct stock_chunk **ret, size_t *ret_count, struct error *err) {
    struct s3_list_options options = {.prefix = key_chunks_prefix(arena, job)};
    struct s3_listing listing;
    if (!s3_list(functions->s3, arena, functions->work, &options, &listing, err))
        return false;
    struct stock_chunk *chunks = arena_array(arena, listing.count, sizeof *chunks);
    size_t count = 0;
    for (size_t i = 0; i < listing.count; i++) {
        struct key key;
        key_parse(arena, KEY_BUCKET_WORK, str_c(listing.entries[i].key), &key);
        if (key.kind != KEY_CHUNK)
            continue;
        chunks[count++] = (struct stock_chunk){
            .key = listing.entries[i].key,
            .etag = listing.entries[i].etag,
            .size = listing.entries[i].size,
            .range = key.range,
            .input = key.input,
        };
    }
    *ret = chunks;
    *ret_count = count;
    return true;
}

static bool lies_in(struct segment_range inner, struct segment_range outer) {
    return inner.count > 0 && inner.first >= outer.first &&
           inner.first - outer.first < outer.count &&
           inner.count <= outer.count - (inner.first - outer.first);
}

static void mark(bool *segments, struct segment_range whole, struct segment_range part) {
    for (uint32_t i = 0; i < part.count; i++)
        segments[part.first - whole.first + i] = true;
}

bool stock_covered(struct functions *functions, struct arena *arena, const struct plan *plan,
                   const struct segments_task *task, bool *ret_covered, struct error *err) {
    struct stock_chunk *chunks;
    size_t count;
    if (!stock_chunks(functions, arena, plan->job, &chunks, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!lies_in(chunks[i].range, task->range))
            continue;
        struct segments_task part = segments_task_part(plan, task, chunks[i].range);
        char input[SHA256_HEX_SIZE];
        plan_chunk_input(plan, part.range, part.versions, input);
        if (strcmp(input, chunks[i].input) == 0)
            mark(ret_covered, task->range, chunks[i].range);
    }
    return true;
}

bool stock_handed_on(struct functions *functions, struct arena *arena, const struct plan *plan,
                     const struct segments_task *task, bool *ret_handed_on, struct error *err) {
    struct s3_list_options options = {.prefix = key_tasks_prefix(arena, plan->job)};
    struct s3_listing listing;
    if (!s3_list(functions->s3, arena, functions->work, &options, &listing, err))
        return false;
    for (size_t i = 0; i < listing.count; i++) {
        struct key key;
        key_parse(arena, KEY_BUCKET_WORK, str_c(listing.entries[i].key), &key);
        if (key.kind != KEY_TASK_SEGMENTS || key.generation <= task->generation ||
            !lies_in(key.range, task->range))
            continue;
        struct segments_task part = segments_task_part(plan, task, key.range);
        char input[SHA256_HEX_SIZE];
        plan_task_input(plan, part.range, part.versions, input);
        if (strcmp(input, key.input) == 0)
            mark(ret_handed_on, task->range, key.range);
    }
    return true;
}

static bool fail_of_size(struct functions *functions, struct arena *arena, const struct plan *plan,
                         const char *image, const char *detail, struct error *err) {
    struct outcome_failure failure = {.code = "image-size", .image = image, .detail = detail};
    return outcome_put_failed(functions, arena, plan->job, &failure, err);
}

/* False in `ret_ready` when an image is missing; a wrong size ends the job. */
static bool check_versions(struct functions *functions, struct arena *arena,
                           const struct plan *plan, uint32_t first,
                           const struct image_version *versions, uint32_t count, bool *ret_ready,
                           struct error *err) {
    *ret_ready = false;
    for (uint32_t i = 0; i < count; i++)
        if (versions[i].etag == NULL)
            return true;
    for (uint32_t i = 0; i < count; i++) {
        const struct manifest_image *image = &plan->manifest.images[first + i];
        unsigned long long size = versions[i].size;
        if (size > MANIFEST_MAX_IMAGE_BYTES)
            return fail_of_size(functions, arena, plan, image->name,
                                arena_printf(arena,
                                             "image %u '%s' has %llu bytes, over the limit of %llu",
                                             first + i + 1, image->name, size,
                                             (unsigned long long)MANIFEST_MAX_IMAGE_BYTES),
                                err);
        if (image->size >= 0 && (uint64_t)image->size != size)
            return fail_of_size(functions, arena, plan, image->name,
                                arena_printf(arena,
                                             "image %u '%s' has %llu bytes, but the manifest "
                                             "says %lld",
                                             first + i + 1, image->name, size,
                                             (long long)image->size),
                                err);
    }
    *ret_ready = true;
    return true;
}

bool stock_is_put(struct functions *functions, struct arena *arena, const struct plan *plan,
                  uint32_t index, uint32_t image, bool *ret, struct error *err) {
    const struct image_version *versions = functions_put_versions(functions, index);
    uint32_t first, count;
    struct s3_object now;
    *ret = false;
    if (versions == NULL)
        return true;
    plan_images_of(plan, plan->tasks[index], &first, &count);
    const struct image_version *version = &versions[image - first];
    if (!s3_head(functions->s3, arena, functions->input,
                 key_image(arena, plan->job, plan->manifest.images[image].name), &now, err))
        return err->kind == ERROR_NOT_FOUND;
    *ret = strcmp(now.etag, version->etag) == 0 &&
           now.last_modified_unix_ms == version->modified_unix_ms;
    return true;
}

/* True in `ret` for a silent film too. */
static bool sound_is_there(struct functions *functions, struct arena *arena,
                           const struct plan *plan, bool *ret, struct error *err) {
    *ret = true;
    return plan->audio.name == NULL || functions_exists(functions, arena, functions->work,
                                                        key_audio(arena, plan->job), ret, err);
}

bool stock_put_audio(struct functions *functions, struct arena *arena, const struct plan *plan,
                     bool again, struct error *err) {
    bool there;
    if (!sound_is_there(functions, arena, plan, &there, err))
        return false;
    return there ||
           functions_put_text(functions, arena, functions->work,
                              key_task_audio(arena, plan->job, 0), "{}", !again, NULL, err);
}

bool stock_put_task(struct functions *functions, struct arena *arena, const struct plan *plan,
                    uint32_t index, const struct image_version *versions, bool again,
                    struct error *err) {
    struct segments_task task = {.range = plan->tasks[index]};
    plan_images_of(plan, task.range, &task.first_image, &task.image_count);
    task.versions = arena_array(arena, task.image_count, sizeof *task.versions);
    memcpy(task.versions, versions, task.image_count * sizeof *versions);
    bool ready;
    if (!check_versions(functions, arena, plan, task.first_image, versions, task.image_count,
                        &ready, err))
        return false;
    if (!ready)
        return true;
    if (!sound_is_there(functions, arena, plan, &ready, err))
        return false;
    if (!ready)
        return true;
    if (!functions_put_text(functions, arena, functions->work,
                            segments_task_key(arena, plan, &task),
                            segments_task_to_text(arena, plan, &task), !again, NULL, err))
        return false;
    functions_remember_put(functions, index, task.versions, task.image_count);
    return true;
}

bool stock_failure_counts(struct functions *functions, struct arena *arena, const struct plan *plan,
                          const struct segments_task *task, bool *ret, struct error *err) {
    struct image_version *now;
    bool splicing;
    *ret = false;
    if (!functions_exists(functions, arena, functions->work, key_task_splice(arena, plan->job, 0),
                          &splicing, err))
        return false;
    if (splicing)
        return true;
    if (!stock_images(functions, arena, plan, task->first_image, task->image_count, &now, err))
        return false;
    for (uint32_t i = 0; i < task->image_count; i++)
        if (now[i].etag == NULL || strcmp(now[i].etag, task->versions[i].etag) != 0)
            return true;
    bool *settled = arena_array(arena, task->range.count, sizeof *settled);
    if (!stock_covered(functions, arena, plan, task, settled, err) ||
        !stock_handed_on(functions, arena, plan, task, settled, err))
        return false;
    for (uint32_t i = 0; i < task->range.count; i++)
        *ret = *ret || !settled[i];
    return true;
}

/* Ranges of those chunks whose images are `versions` (all of the plan); others become empty. */
static void keep_current(const struct plan *plan, const struct stock_chunk *chunks, size_t count,
                         const struct image_version *versions, struct segment_range *ranges) {
    for (size_t i = 0; i < count; i++) {
        uint32_t first, images;
        char input[SHA256_HEX_SIZE];
        if (ranges[i].count == 0)
            continue;
        plan_images_of(plan, ranges[i], &first, &images);
        plan_chunk_input(plan, ranges[i], versions + first, input);
        if (strcmp(input, chunks[i].input) != 0)
            ranges[i].count = 0;
    }
}

static char *frozen_list(struct arena *arena, const struct plan *plan,
                         const struct stock_chunk *chunks, const size_t *used) {
    struct splice_task task = {0};
    task.entries = arena_array(arena, plan->segment_count, sizeof *task.entries);
    for (uint32_t segment = 0; segment < plan->segment_count; segment++) {
        struct splice_entry *last = task.count > 0 ? &task.entries[task.count - 1] : NULL;
        if (last != NULL && used[segment] == used[segment - 1]) {
            last->use.count++;
            continue;
        }
        const struct stock_chunk *chunk = &chunks[used[segment]];
        task.entries[task.count++] = (struct splice_entry){
            .chunk = chunk->key,
            .etag = chunk->etag,
            .chunk_bytes = chunk->size,
            .chunk_range = chunk->range,
            .use = {segment, 1},
        };
    }
    return splice_task_to_text(arena, plan, &task);
}

bool stock_check(struct functions *functions, struct arena *arena, const struct plan *plan,
                 bool *ret_complete, struct error *err) {
    struct stock_chunk *chunks;
    size_t count;
    if (ret_complete != NULL)
        *ret_complete = false;
    if (!stock_chunks(functions, arena, plan->job, &chunks, &count, err))
        return false;
    struct segment_range *ranges = arena_array(arena, count, sizeof *ranges);
    struct segment_range whole = {0, plan->segment_count};
    for (size_t i = 0; i < count; i++)
        if (lies_in(chunks[i].range, whole))
            ranges[i] = chunks[i].range;
    size_t *used = arena_array(arena, plan->segment_count, sizeof *used);
    /* Most calls end here, before the images are listed. */
    if (!plan_cover(plan, ranges, count, used))
        return true;
    struct image_version *versions;
    uint32_t images = (uint32_t)plan->manifest.image_count;
    if (!stock_images(functions, arena, plan, 0, images, &versions, err))
        return false;
    for (uint32_t i = 0; i < images; i++)
        if (versions[i].etag == NULL)
            return true;
    keep_current(plan, chunks, count, versions, ranges);
    if (!plan_cover(plan, ranges, count, used))
        return true;
    if (ret_complete != NULL)
        *ret_complete = true;
    return functions_put_text(functions, arena, functions->work,
                              key_task_splice(arena, plan->job, 0),
                              frozen_list(arena, plan, chunks, used), true, NULL, err);
}
