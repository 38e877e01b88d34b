/*
 * The plan as JSON: settings, images, and the cuts as counts (frames of each segment, segments of
 * each task). What follows from those (timeline, images of a segment, poster frame) is worked out
 * anew when it is read, and the hash over all of it must come out the same.
 *
 * Images stand in columns, `{"name": […], "size": […], …}`: every function reads the plan when it
 * starts, and 20,000 objects would take most of that time. A column without any value is left out.
 */
#include "job/plan_internal.h"

#include "job/document.h"

#include <string.h>

enum {
    COLUMNS = 4,
    /* The columns, two lists of counts, and a few more. */
    MAX_VALUES = COLUMNS * MANIFEST_MAX_IMAGES + 2 * PLAN_MAX_SEGMENTS + 128,
};

/* ---- writing ---- */

static void set(json_t *object, const char *name, json_t *value) {
    if (json_object_set_new(object, name, value) != 0)
        die_out_of_memory();
}

static void append(json_t *array, json_t *value) {
    if (json_array_append_new(array, value) != 0)
        die_out_of_memory();
}

static json_t *hold_to_json(struct rational hold) {
    char text[RATIONAL_SIZE];
    settings_format_hold(hold, text);
    return json_string(text);
}

static json_t *images_to_json(const struct manifest *manifest) {
    json_t *columns = json_object();
    json_t *names = json_array(), *sizes = json_array(), *types = json_array(),
           *holds = json_array();
    bool has_sizes = false, has_types = false, has_holds = false;
    for (size_t i = 0; i < manifest->image_count; i++) {
        const struct manifest_image *image = &manifest->images[i];
        append(names, json_string(image->name));
        append(sizes, image->size >= 0 ? json_integer(image->size) : json_null());
        append(types, image->type ? json_string(image->type) : json_null());
        append(holds, image->has_hold ? hold_to_json(image->hold) : json_null());
        has_sizes = has_sizes || image->size >= 0;
        has_types = has_types || image->type;
        has_holds = has_holds || image->has_hold;
    }
    set(columns, "name", names);
    if (has_sizes)
        set(columns, "size", json_incref(sizes));
    if (has_types)
        set(columns, "type", json_incref(types));
    if (has_holds)
        set(columns, "hold", json_incref(holds));
    json_decref(sizes);
    json_decref(types);
    json_decref(holds);
    return columns;
}

char *plan_to_text(struct arena *arena, const struct plan *plan) {
    json_t *segments = json_array(), *tasks = json_array(), *root = json_object();
    for (uint32_t i = 0; i < plan->segment_count; i++)
        append(segments, json_integer((json_int_t)plan->segments[i].frame_count));
    for (uint32_t i = 0; i < plan->task_count; i++)
        append(tasks, json_integer((json_int_t)plan->tasks[i].count));
    set(root, "version", json_integer(1));
    set(root, "job", json_string(plan->job));
    set(root, "build", json_string(plan->build_id));
    set(root, "hash", json_string(plan->hash));
    set(root, "settings", settings_to_json(&plan->manifest.settings));
    set(root, "images", images_to_json(&plan->manifest));
    set(root, "frames", json_integer((json_int_t)plan->timeline.frame_count));
    set(root, "poster_frame", json_integer((json_int_t)plan->poster_frame));
    set(root, "segments", segments);
    set(root, "tasks", tasks);
    return document_text(arena, root);
}

/* ---- reading ---- */

static bool check_members(const json_t *root, struct error *err) {
    static const char *const members[] = {"version",  "job",    "build",  "hash",
                                          "settings", "images", "frames", "poster_frame",
                                          "segments", "tasks"};
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

/* The counts of an array, each from 1 to `max`; at most `max_count` of them. NULL on failure. */
static const uint32_t *parse_counts(struct arena *arena, const json_t *root, const char *name,
                                    uint64_t max, uint64_t max_count, uint32_t *ret_count,
                                    struct error *err) {
    const json_t *array = json_object_get(root, name);
    size_t count = json_array_size(array);
    if (count == 0 || count > max_count) {
        error_set(err, ERROR_INVALID, NULL, "'%s' must be an array of 1 to %llu counts", name,
                  (unsigned long long)max_count);
        return NULL;
    }
    uint32_t *counts = arena_array(arena, count, sizeof *counts);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        json_int_t number = json_integer_value(value);
        if (!json_is_integer(value) || number < 1 || (uint64_t)number > max) {
            error_set(err, ERROR_INVALID, NULL, "'%s': count %zu must be from 1 to %llu", name,
                      i + 1, (unsigned long long)max);
            return NULL;
        }
        counts[i] = (uint32_t)number;
    }
    *ret_count = (uint32_t)count;
    return counts;
}

static bool parse_segments(struct arena *arena, const json_t *root, struct plan *plan,
                           struct error *err) {
    uint64_t frames = plan->timeline.frame_count, next = 0;
    uint64_t max_count = frames < PLAN_MAX_SEGMENTS ? frames : PLAN_MAX_SEGMENTS;
    size_t image = 0;
    const uint32_t *counts = parse_counts(arena, root, "segments", PLAN_MAX_SEGMENT_FRAMES,
                                          max_count, &plan->segment_count, err);
    if (!counts)
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
    uint32_t next = 0;
    const uint32_t *counts = parse_counts(arena, root, "tasks", PLAN_MAX_TASK_SEGMENTS,
                                          plan->segment_count, &plan->task_count, err);
    if (!counts)
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

/* The column, or NULL where it is left out. */
static bool get_column(const json_t *columns, const char *name, size_t count, const json_t **ret,
                       struct error *err) {
    const json_t *column = json_object_get(columns, name);
    if (column && (!json_is_array(column) || json_array_size(column) != count))
        return error_set(err, ERROR_INVALID, NULL, "images: '%s' must be an array of %zu values",
                         name, count);
    *ret = column;
    return true;
}

/* A text of the column, NULL for null. */
static bool get_text(struct arena *arena, const json_t *column, size_t i, const char **ret,
                     struct error *err) {
    const json_t *value = json_array_get(column, i);
    if (value && !json_is_string(value) && !json_is_null(value))
        return error_set(err, ERROR_INVALID, NULL, "image %zu has %s for a text", i + 1,
                         document_kind(value));
    *ret = json_is_string(value)
               ? arena_strndup(arena, json_string_value(value), json_string_length(value))
               : NULL;
    return true;
}

static bool get_size(const json_t *column, size_t i, int64_t *ret, struct error *err) {
    const json_t *value = json_array_get(column, i);
    *ret = -1;
    if (!value || json_is_null(value))
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return error_set(err, ERROR_INVALID, NULL, "image %zu has no good size", i + 1);
    *ret = json_integer_value(value);
    return true;
}

static bool get_hold(const json_t *column, size_t i, struct manifest_image *image,
                     struct error *err) {
    const json_t *value = json_array_get(column, i);
    if (!value || json_is_null(value))
        return true;
    image->has_hold = true;
    return settings_parse_hold(value, &image->hold, err) ||
           error_prefix(err, "image %zu: 'hold'", i + 1);
}

static bool parse_images(struct arena *arena, const json_t *columns, struct manifest *manifest,
                         struct error *err) {
    const json_t *names = json_object_get(columns, "name");
    const json_t *sizes = NULL, *types = NULL, *holds = NULL;
    size_t count = json_array_size(names);
    if (count == 0 || count > MANIFEST_MAX_IMAGES)
        return error_set(err, ERROR_INVALID, NULL,
                         "images: 'name' must be an array of 1 to %d names", MANIFEST_MAX_IMAGES);
    if (!get_column(columns, "size", count, &sizes, err) ||
        !get_column(columns, "type", count, &types, err) ||
        !get_column(columns, "hold", count, &holds, err))
        return false;
    if (json_object_size(columns) !=
        1 + (size_t)(sizes != NULL) + (types != NULL) + (holds != NULL))
        return error_set(err, ERROR_INVALID, NULL, "images: there are members that are not known");
    struct manifest_image *images = arena_array(arena, count, sizeof *images);
    for (size_t i = 0; i < count; i++) {
        if (!get_text(arena, names, i, &images[i].name, err) ||
            !get_text(arena, types, i, &images[i].type, err) ||
            !get_size(sizes, i, &images[i].size, err) || !get_hold(holds, i, &images[i], err))
            return false;
        if (!images[i].name)
            return error_set(err, ERROR_INVALID, NULL, "image %zu has no name", i + 1);
    }
    manifest->lists_images = true;
    manifest->images = images;
    manifest->image_count = count;
    return manifest_check_images(arena, images, count, err);
}

static bool parse_manifest(struct arena *arena, const json_t *root, struct plan *plan,
                           struct error *err) {
    if (!settings_parse(json_object_get(root, "settings"), &plan->manifest.settings, err))
        return false;
    if (plan_needs_first_image(&plan->manifest))
        return error_set(err, ERROR_INVALID, NULL, "the size is not fixed");
    return parse_images(arena, json_object_get(root, "images"), &plan->manifest, err);
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
