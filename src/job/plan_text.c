/*
 * The plan as JSON: the manifest, and the cuts as counts (frames of each segment, segments of each
 * task). What follows from those (timeline, images of a segment, poster frame) is worked out anew
 * when it is read, and the hash over all of it must come out the same.
 */
#include "job/plan_internal.h"

#include "job/document.h"

#include <string.h>

enum {
    /* A manifest's values, two lists of counts, and a few more. */
    MAX_VALUES = 16 * MANIFEST_MAX_IMAGES + 2 * PLAN_MAX_SEGMENTS + 64,
};

static void set(json_t *object, const char *name, json_t *value) {
    if (json_object_set_new(object, name, value) != 0)
        die_out_of_memory();
}

static void append(json_t *array, uint32_t number) {
    if (json_array_append_new(array, json_integer((json_int_t)number)) != 0)
        die_out_of_memory();
}

char *plan_to_text(struct arena *arena, const struct plan *plan) {
    json_t *segments = json_array(), *tasks = json_array(), *root = json_object();
    for (uint32_t i = 0; i < plan->segment_count; i++)
        append(segments, plan->segments[i].frame_count);
    for (uint32_t i = 0; i < plan->task_count; i++)
        append(tasks, plan->tasks[i].count);
    set(root, "version", json_integer(1));
    set(root, "job", json_string(plan->job));
    set(root, "build", json_string(plan->build_id));
    set(root, "hash", json_string(plan->hash));
    set(root, "manifest", manifest_to_json(&plan->manifest));
    set(root, "frames", json_integer((json_int_t)plan->timeline.frame_count));
    set(root, "poster_frame", json_integer((json_int_t)plan->poster_frame));
    set(root, "segments", segments);
    set(root, "tasks", tasks);
    return document_text(arena, root);
}

static bool check_members(const json_t *root, struct error *err) {
    static const char *const members[] = {"version", "job",          "build",    "hash", "manifest",
                                          "frames",  "poster_frame", "segments", "tasks"};
    uint64_t version;
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (!json_object_get(root, members[i]))
            return error_set(err, ERROR_INVALID, NULL, "'%s' is missing", members[i]);
    if (json_object_size(root) != ARRAY_SIZE(members))
        return error_set(err, ERROR_INVALID, NULL, "it has members that are not known");
    if (!document_number(root, "version", INT32_MAX, &version, err))
        return false;
    return version == 1 || error_set(err, ERROR_INVALID, NULL, "'version' must be 1");
}

/* The counts of an array, each from 1 to `max`; at most `max_count` of them. */
static bool parse_counts(struct arena *arena, const json_t *root, const char *name, uint64_t max,
                         uint64_t max_count, uint32_t **ret, uint32_t *ret_count,
                         struct error *err) {
    const json_t *array = json_object_get(root, name);
    size_t count = json_array_size(array);
    if (count == 0 || count > max_count)
        return error_set(err, ERROR_INVALID, NULL, "'%s' must be an array of 1 to %llu counts",
                         name, (unsigned long long)max_count);
    uint32_t *counts = arena_array(arena, count, sizeof *counts);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        json_int_t number = json_integer_value(value);
        if (!json_is_integer(value) || number < 1 || (uint64_t)number > max)
            return error_set(err, ERROR_INVALID, NULL, "'%s': count %zu must be from 1 to %llu",
                             name, i + 1, (unsigned long long)max);
        counts[i] = (uint32_t)number;
    }
    *ret = counts;
    *ret_count = (uint32_t)count;
    return true;
}

static bool parse_segments(struct arena *arena, const json_t *root, struct plan *plan,
                           struct error *err) {
    uint64_t frames = plan->timeline.frame_count, next = 0;
    uint64_t max_count = frames < PLAN_MAX_SEGMENTS ? frames : PLAN_MAX_SEGMENTS;
    uint32_t *counts;
    size_t image = 0;
    if (!parse_counts(arena, root, "segments", PLAN_MAX_SEGMENT_FRAMES, max_count, &counts,
                      &plan->segment_count, err))
        return false;
    plan->segments = arena_array(arena, plan->segment_count, sizeof *plan->segments);
    for (uint32_t i = 0; i < plan->segment_count; i++) {
        if (counts[i] > frames - next)
            break;
        plan->segments[i] = plan_segment_at(&plan->timeline, next, counts[i], &image);
        next += counts[i];
        if (next == frames && i + 1 == plan->segment_count)
            return true;
    }
    return error_set(err, ERROR_INVALID, NULL, "the segments do not make up the film's %llu frames",
                     (unsigned long long)frames);
}

static bool parse_tasks(struct arena *arena, const json_t *root, struct plan *plan,
                        struct error *err) {
    uint32_t *counts;
    uint32_t next = 0;
    if (!parse_counts(arena, root, "tasks", PLAN_MAX_TASK_SEGMENTS, plan->segment_count, &counts,
                      &plan->task_count, err))
        return false;
    plan->tasks = arena_array(arena, plan->task_count, sizeof *plan->tasks);
    for (uint32_t i = 0; i < plan->task_count; i++) {
        if (counts[i] > plan->segment_count - next)
            break;
        plan->tasks[i] = (struct segment_range){next, counts[i]};
        next += counts[i];
        if (next == plan->segment_count && i + 1 == plan->task_count)
            return true;
    }
    return error_set(err, ERROR_INVALID, NULL, "the tasks do not make up the %u segments",
                     plan->segment_count);
}

/* What must come out the same as the text says. */
static bool check_derived(const json_t *root, const struct plan *plan, struct error *err) {
    uint64_t frames, poster;
    if (!document_number(root, "frames", TIMELINE_MAX_FRAMES, &frames, err) ||
        !document_number(root, "poster_frame", TIMELINE_MAX_FRAMES, &poster, err))
        return false;
    if (frames != plan->timeline.frame_count || poster != plan->poster_frame)
        return error_set(err, ERROR_INVALID, NULL, "its frames do not follow from its images");
    return true;
}

static bool parse_manifest(struct arena *arena, const json_t *root, struct plan *plan,
                           struct error *err) {
    if (!manifest_from_json(arena, json_object_get(root, "manifest"), &plan->manifest, err))
        return error_prefix(err, "manifest");
    if (!plan->manifest.lists_images)
        return error_set(err, ERROR_INVALID, NULL, "manifest: 'images' is missing");
    if (plan_needs_first_image(&plan->manifest))
        return error_set(err, ERROR_INVALID, NULL, "manifest: the size is not fixed");
    return true;
}

bool plan_parse(struct arena *arena, struct str text, struct plan *ret, struct error *err) {
    json_t *root CLEANUP(document_release) = NULL;
    struct plan plan = {0};
    const char *hash;
    if (!document_parse(text, "plan", PLAN_MAX_BYTES, MAX_VALUES, &root, err) ||
        !check_members(root, err) ||
        !document_member(arena, root, "job", 64, false, &plan.job, err) ||
        !document_member(arena, root, "build", PLAN_MAX_BUILD_ID_BYTES, false, &plan.build_id,
                         err) ||
        !document_member(arena, root, "hash", SHA256_HEX_SIZE - 1, false, &hash, err) ||
        !parse_manifest(arena, root, &plan, err) || !plan_complete(arena, &plan, err) ||
        !check_derived(root, &plan, err) || !parse_segments(arena, root, &plan, err) ||
        !parse_tasks(arena, root, &plan, err))
        return false;
    plan_set_hash(&plan);
    if (strcmp(hash, plan.hash) != 0)
        return error_set(err, ERROR_INVALID, NULL, "its hash does not fit its contents");
    *ret = plan;
    return true;
}
