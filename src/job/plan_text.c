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
    COLUMNS = 7,
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

/* The columns: how a value is written (null: the image has none) and read. */
struct column {
    const char *name;
    json_t *(*write)(const struct manifest_image *image);
    bool (*read)(struct arena *arena, const json_t *value, struct manifest_image *image,
                 struct error *err);
};

static json_t *write_name(const struct manifest_image *image) {
    return json_string(image->name);
}

static json_t *write_size(const struct manifest_image *image) {
    return image->size >= 0 ? json_integer(image->size) : json_null();
}

static json_t *write_type(const struct manifest_image *image) {
    return image->type ? json_string(image->type) : json_null();
}

static json_t *write_hold(const struct manifest_image *image) {
    char text[RATIONAL_SIZE];
    if (!image->has_hold)
        return json_null();
    settings_format_hold(image->hold, text);
    return json_string(text);
}

static json_t *write_motion(const struct manifest_image *image) {
    return image->has_motion ? json_string(settings_motion_name(image->motion)) : json_null();
}

static json_t *write_rotate(const struct manifest_image *image) {
    return image->rotate != 0 ? json_integer((json_int_t)image->rotate) : json_null();
}

static json_t *write_caption(const struct manifest_image *image) {
    return image->caption ? json_string(image->caption) : json_null();
}

static bool read_text(struct arena *arena, const json_t *value, const char **ret,
                      struct error *err) {
    if (!json_is_string(value))
        return error_set(err, ERROR_INVALID, NULL, "%s is no text", document_kind(value));
    *ret = arena_strndup(arena, json_string_value(value), json_string_length(value));
    return true;
}

static bool read_name(struct arena *arena, const json_t *value, struct manifest_image *image,
                      struct error *err) {
    return read_text(arena, value, &image->name, err);
}

static bool read_type(struct arena *arena, const json_t *value, struct manifest_image *image,
                      struct error *err) {
    return read_text(arena, value, &image->type, err);
}

static bool read_caption(struct arena *arena, const json_t *value, struct manifest_image *image,
                         struct error *err) {
    return read_text(arena, value, &image->caption, err);
}

static bool read_size(struct arena *arena, const json_t *value, struct manifest_image *image,
                      struct error *err) {
    (void)arena;
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return error_set(err, ERROR_INVALID, NULL, "no good size");
    image->size = json_integer_value(value);
    return true;
}

static bool read_hold(struct arena *arena, const json_t *value, struct manifest_image *image,
                      struct error *err) {
    (void)arena;
    image->has_hold = true;
    return settings_parse_hold(value, &image->hold, err);
}

static bool read_motion(struct arena *arena, const json_t *value, struct manifest_image *image,
                        struct error *err) {
    (void)arena;
    image->has_motion = true;
    return settings_parse_motion(value, &image->motion, err);
}

static bool read_rotate(struct arena *arena, const json_t *value, struct manifest_image *image,
                        struct error *err) {
    json_int_t degrees = json_integer_value(value);
    (void)arena;
    if (!json_is_integer(value) || degrees < 0 || degrees > 270 || degrees % 90 != 0)
        return error_set(err, ERROR_INVALID, NULL, "must be 0, 90, 180 or 270");
    image->rotate = (unsigned)degrees;
    return true;
}

static const struct column columns[COLUMNS] = {
    {"name", write_name, read_name},          {"size", write_size, read_size},
    {"type", write_type, read_type},          {"hold", write_hold, read_hold},
    {"motion", write_motion, read_motion},    {"rotate", write_rotate, read_rotate},
    {"caption", write_caption, read_caption},
};

/* NULL when no image has a value. */
static json_t *column_to_json(const struct column *column, const struct manifest *manifest) {
    json_t *values = json_array();
    bool has_values = false;
    for (size_t i = 0; i < manifest->image_count; i++) {
        json_t *value = column->write(&manifest->images[i]);
        has_values = has_values || !json_is_null(value);
        append(values, value);
    }
    if (has_values)
        return values;
    json_decref(values);
    return NULL;
}

static json_t *images_to_json(const struct manifest *manifest) {
    json_t *object = json_object();
    for (size_t i = 0; i < COLUMNS; i++) {
        json_t *values = column_to_json(&columns[i], manifest);
        if (values)
            set(object, columns[i].name, values);
    }
    return object;
}

/* null where there is none. */
static json_t *asset_to_json(const struct plan_asset *asset) {
    if (!asset->name)
        return json_null();
    json_t *object = json_object();
    set(object, "name", json_string(asset->name));
    set(object, "etag", json_string(asset->etag));
    set(object, "size", json_integer((json_int_t)asset->size));
    return object;
}

char *plan_to_text(struct arena *arena, const struct plan *plan) {
    json_t *segments = json_array(), *tasks = json_array(), *root = json_object();
    for (uint32_t i = 0; i < plan->segment_count; i++)
        append(segments, json_integer((json_int_t)plan->segments[i].frame_count));
    for (uint32_t i = 0; i < plan->task_count; i++)
        append(tasks, json_integer((json_int_t)plan->tasks[i].count));
    set(root, "version", json_integer(2));
    set(root, "job", json_string(plan->job));
    set(root, "build", json_string(plan->build_id));
    set(root, "hash", json_string(plan->hash));
    set(root, "settings", settings_to_json(&plan->manifest.settings));
    set(root, "images", images_to_json(&plan->manifest));
    set(root, "audio", asset_to_json(&plan->audio));
    set(root, "watermark", asset_to_json(&plan->watermark));
    set(root, "frames", json_integer((json_int_t)plan->timeline.frame_count));
    set(root, "poster_frame", json_integer((json_int_t)plan->poster_frame));
    set(root, "segments", segments);
    set(root, "tasks", tasks);
    return document_text(arena, root);
}

/* ---- reading ---- */

static bool check_members(const json_t *root, struct error *err) {
    static const char *const members[] = {"version",  "job",          "build",    "hash",
                                          "settings", "images",       "audio",    "watermark",
                                          "frames",   "poster_frame", "segments", "tasks"};
    uint64_t version;
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (!json_object_get(root, members[i]))
            return error_set(err, ERROR_INVALID, NULL, "'%s' is missing", members[i]);
    if (json_object_size(root) != ARRAY_SIZE(members))
        return error_set(err, ERROR_INVALID, NULL, "it has members that are not known");
    if (!document_number(root, "version", INT32_MAX, &version, err))
        return false;
    return version == 2 || error_set(err, ERROR_INVALID, NULL, "'version' must be 2");
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

static bool read_column(struct arena *arena, const json_t *values, const struct column *column,
                        struct manifest *manifest, struct error *err) {
    if (!json_is_array(values) || json_array_size(values) != manifest->image_count)
        return error_set(err, ERROR_INVALID, NULL, "images: '%s' must be an array of %zu values",
                         column->name, manifest->image_count);
    for (size_t i = 0; i < manifest->image_count; i++) {
        const json_t *value = json_array_get(values, i);
        if (!json_is_null(value) && !column->read(arena, value, &manifest->images[i], err))
            return error_prefix(err, "image %zu: '%s'", i + 1, column->name);
    }
    return true;
}

static bool parse_images(struct arena *arena, const json_t *object, struct manifest *manifest,
                         struct error *err) {
    size_t count = json_array_size(json_object_get(object, "name")), known = 0;
    if (count == 0 || count > MANIFEST_MAX_IMAGES)
        return error_set(err, ERROR_INVALID, NULL,
                         "images: 'name' must be an array of 1 to %d names", MANIFEST_MAX_IMAGES);
    manifest->lists_images = true;
    manifest->image_count = count;
    manifest->images = arena_array(arena, count, sizeof *manifest->images);
    for (size_t i = 0; i < count; i++)
        manifest->images[i].size = -1;
    for (size_t i = 0; i < COLUMNS; i++) {
        const json_t *values = json_object_get(object, columns[i].name);
        known += values != NULL;
        if (values && !read_column(arena, values, &columns[i], manifest, err))
            return false;
    }
    if (json_object_size(object) != known)
        return error_set(err, ERROR_INVALID, NULL, "images: there are members that are not known");
    for (size_t i = 0; i < count; i++)
        if (!manifest->images[i].name)
            return error_set(err, ERROR_INVALID, NULL, "image %zu has no name", i + 1);
    return manifest_check_images(arena, manifest->images, count, err);
}

static bool parse_asset(struct arena *arena, const json_t *root, const char *name,
                        struct plan_asset *ret, struct error *err) {
    const json_t *object = json_object_get(root, name);
    if (json_is_null(object))
        return true;
    if (!json_is_object(object) || json_object_size(object) != 3)
        return error_set(err, ERROR_INVALID, NULL, "'%s' is not an asset", name);
    return (document_member(arena, object, "name", MANIFEST_MAX_NAME_BYTES, false, &ret->name,
                            err) &&
            document_member(arena, object, "etag", PLAN_MAX_ETAG_BYTES, false, &ret->etag, err) &&
            document_number(object, "size", MANIFEST_MAX_ASSET_BYTES, &ret->size, err)) ||
           error_prefix(err, "'%s'", name);
}

static bool parse_manifest(struct arena *arena, const json_t *root, struct plan *plan,
                           struct error *err) {
    if (!settings_parse(json_object_get(root, "settings"), &plan->manifest.settings, err))
        return false;
    if (plan_needs_first_image(&plan->manifest))
        return error_set(err, ERROR_INVALID, NULL, "the size is not fixed");
    if (plan_needs_captured(&plan->manifest) || plan_needs_audio_duration(&plan->manifest))
        return error_set(err, ERROR_INVALID, NULL, "its order or its holds are not decided");
    return parse_asset(arena, root, "audio", &plan->audio, err) &&
           parse_asset(arena, root, "watermark", &plan->watermark, err) &&
           plan_check_assets(plan, err) &&
           parse_images(arena, json_object_get(root, "images"), &plan->manifest, err);
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
