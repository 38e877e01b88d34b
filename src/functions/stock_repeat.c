/*
 * Step 8 of the protocol: the events of tasks may have been lost, so what is still to be done is
 * put again.
 *
 * What that is follows from two LISTs, however many tasks there are. A segment waits for the task
 * of the highest generation that names it; the tasks before that one have handed it on.
 */
#include "functions/stock.h"

#include <string.h>

struct survey {
    const struct plan *plan;
    struct image_version *versions; /* of all images; etag NULL: not there */
    struct s3_listing tasks;
    /* by segment */
    bool *covered;
    unsigned *generation; /* the highest of a task of current images */
};

static bool has_images(const struct survey *survey, struct segment_range range,
                       const struct image_version **ret) {
    const struct plan *plan = survey->plan;
    uint32_t first, count;
    if (range.count == 0 || range.first >= plan->segment_count ||
        range.count > plan->segment_count - range.first)
        return false;
    plan_images_of(plan, range, &first, &count);
    for (uint32_t i = 0; i < count; i++)
        if (survey->versions[first + i].etag == NULL)
            return false;
    *ret = survey->versions + first;
    return true;
}

static bool is_current_task(const struct survey *survey, const struct key *key) {
    const struct image_version *versions;
    char input[SHA256_HEX_SIZE];
    if (key->kind != KEY_TASK_SEGMENTS || !has_images(survey, key->range, &versions))
        return false;
    plan_task_input(survey->plan, key->range, versions, input);
    return strcmp(input, key->input) == 0;
}

static bool survey_chunks(struct functions *functions, struct arena *arena, struct survey *survey,
                          struct error *err) {
    struct stock_chunk *chunks;
    size_t count;
    if (!stock_chunks(functions, arena, survey->plan->job, &chunks, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct segment_range range = chunks[i].range;
        const struct image_version *versions;
        char input[SHA256_HEX_SIZE];
        if (!has_images(survey, range, &versions))
            continue;
        plan_chunk_input(survey->plan, range, versions, input);
        if (strcmp(input, chunks[i].input) != 0)
            continue;
        for (uint32_t k = 0; k < range.count; k++)
            survey->covered[range.first + k] = true;
    }
    return true;
}

static void survey_tasks(struct arena *arena, struct survey *survey) {
    for (size_t i = 0; i < survey->tasks.count; i++) {
        struct key key;
        key_parse(arena, KEY_BUCKET_WORK, str_c(survey->tasks.entries[i].key), &key);
        if (!is_current_task(survey, &key))
            continue;
        for (uint32_t k = 0; k < key.range.count; k++) {
            unsigned *highest = &survey->generation[key.range.first + k];
            if (key.generation > *highest)
                *highest = key.generation;
        }
    }
}

static bool is_pending(const struct survey *survey, struct segment_range range,
                       unsigned generation) {
    for (uint32_t i = range.first; i < range.first + range.count; i++)
        if (!survey->covered[i] && survey->generation[i] == generation)
            return true;
    return false;
}

static bool put_again(struct functions *functions, struct arena *arena, const char *key,
                      struct error *err) {
    struct str text;
    return functions_get_text(functions, arena, functions->work, key, TASK_MAX_BYTES, &text, err) &&
           functions_put_text(functions, arena, functions->work, key, text.ptr, false, NULL, err);
}

/* Key of the splice of the highest generation, or NULL: without the list of generation 0 there is
 * nothing to splice. */
static const char *last_splice(struct arena *arena, const struct survey *survey) {
    const char *last = NULL;
    unsigned highest = 0;
    bool has_list = false;
    for (size_t i = 0; i < survey->tasks.count; i++) {
        struct key key;
        key_parse(arena, KEY_BUCKET_WORK, str_c(survey->tasks.entries[i].key), &key);
        if (key.kind != KEY_TASK_SPLICE)
            continue;
        has_list = has_list || key.generation == 0;
        if (last != NULL && key.generation < highest)
            continue;
        last = survey->tasks.entries[i].key;
        highest = key.generation;
    }
    return has_list ? last : NULL;
}

static bool repeat_segments(struct functions *functions, struct arena *arena, struct survey *survey,
                            struct error *err) {
    const struct plan *plan = survey->plan;
    if (!survey_chunks(functions, arena, survey, err))
        return false;
    survey_tasks(arena, survey);
    for (uint32_t i = 0; i < plan->task_count; i++) {
        uint32_t first, count;
        plan_images_of(plan, plan->tasks[i], &first, &count);
        if (is_pending(survey, plan->tasks[i], 0) &&
            !stock_put_task(functions, arena, plan, i, survey->versions + first, true, err))
            return false;
    }
    for (size_t i = 0; i < survey->tasks.count; i++) {
        struct key key;
        key_parse(arena, KEY_BUCKET_WORK, str_c(survey->tasks.entries[i].key), &key);
        if (is_current_task(survey, &key) && key.generation > 0 &&
            is_pending(survey, key.range, key.generation) &&
            !put_again(functions, arena, survey->tasks.entries[i].key, err))
            return false;
    }
    return true;
}

bool stock_repeat(struct functions *functions, struct arena *arena, const struct plan *plan,
                  struct error *err) {
    struct survey survey = {
        .plan = plan,
        .covered = arena_array(arena, plan->segment_count, sizeof *survey.covered),
        .generation = arena_array(arena, plan->segment_count, sizeof *survey.generation),
    };
    struct s3_list_options options = {.prefix = key_tasks_prefix(arena, plan->job)};
    if (!s3_list(functions->s3, arena, functions->work, &options, &survey.tasks, err))
        return false;
    const char *splice = last_splice(arena, &survey);
    if (splice != NULL)
        return put_again(functions, arena, splice, err);
    return stock_put_audio(functions, arena, plan, true, err) &&
           stock_images(functions, arena, plan, 0, (uint32_t)plan->manifest.image_count,
                        &survey.versions, err) &&
           repeat_segments(functions, arena, &survey, err);
}
