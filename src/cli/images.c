/*
 * Collecting is two passes: operands become paths (folders sorted naturally, the rest as given),
 * then paths become images with their places. The place stands in front of each name, so that files
 * of the same name from two folders live in one job, and the order needs nothing but the names.
 */
#include "cli/images.h"
#include "cli/text.h"
#include "job/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const struct {
    const char *ending;
    const char *type;
} types[] = {
    {"jpg", "image/jpeg"},        {"jpeg", "image/jpeg"},       {"jpe", "image/jpeg"},
    {"jfif", "image/jpeg"},       {"png", "image/png"},         {"webp", "image/webp"},
    {"tif", "image/tiff"},        {"tiff", "image/tiff"},       {"heic", "image/heic"},
    {"heif", "image/heif"},       {"avif", "image/avif"},       {"gif", "image/gif"},
    {"bmp", "image/bmp"},         {"jxl", "image/jxl"},         {"dng", "image/x-adobe-dng"},
    {"cr2", "image/x-canon-cr2"}, {"nef", "image/x-nikon-nef"}, {"arw", "image/x-sony-arw"},
};

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

const char *image_media_type(const char *path) {
    const char *dot = strrchr(base_name(path), '.');
    for (size_t i = 0; dot != NULL && i < ARRAY_SIZE(types); i++)
        if (strcasecmp(dot + 1, types[i].ending) == 0)
            return types[i].type;
    return NULL;
}

const char *image_name(struct arena *arena, size_t place, const char *path) {
    char name[MANIFEST_MAX_NAME_BYTES + 1];
    size_t used = (size_t)snprintf(name, sizeof name, "%06zu-", place);
    used += text_copy_clean(name + used, MANIFEST_MAX_NAME_BYTES - used, base_name(path));
    return arena_strndup(arena, name, used);
}

/* Paths found so far. */
struct paths {
    struct arena *arena;
    const char **items;
    uint64_t *sizes;
    size_t count;
    size_t capacity;
};

static bool paths_add(struct paths *paths, const char *path, uint64_t size, struct error *err) {
    if (size > MANIFEST_MAX_IMAGE_BYTES)
        return error_set(err, ERROR_LIMIT, NULL, "'%s' has %llu bytes, over the limit of %llu",
                         path, (unsigned long long)size,
                         (unsigned long long)MANIFEST_MAX_IMAGE_BYTES);
    if (paths->count == MANIFEST_MAX_IMAGES)
        return error_set(err, ERROR_LIMIT, NULL, "'%s' is one more than the limit of %d images",
                         path, MANIFEST_MAX_IMAGES);
    if (paths->count == paths->capacity) {
        size_t capacity = paths->capacity == 0 ? 64 : 2 * paths->capacity;
        const char **items = arena_array(paths->arena, capacity, sizeof *items);
        uint64_t *sizes = arena_array(paths->arena, capacity, sizeof *sizes);
        if (paths->count > 0) {
            memcpy(items, paths->items, paths->count * sizeof *items);
            memcpy(sizes, paths->sizes, paths->count * sizeof *sizes);
        }
        paths->items = items;
        paths->sizes = sizes;
        paths->capacity = capacity;
    }
    paths->items[paths->count] = arena_strdup(paths->arena, path);
    paths->sizes[paths->count++] = size;
    return true;
}

static int compare_entries(const struct dirent **a, const struct dirent **b) {
    return str_compare_natural(str_c((*a)->d_name), str_c((*b)->d_name));
}

static int not_hidden(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static bool add_entries(struct paths *paths, const char *folder, struct dirent **entries, int count,
                        struct error *err) {
    size_t before = paths->count;
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] == '/' ? "" : "/";
    for (int i = 0; i < count; i++) {
        const char *path = arena_printf(paths->arena, "%s%s%s", folder, slash, entries[i]->d_name);
        struct stat status;
        if (stat(path, &status) != 0)
            return error_errno(err, "'%s'", path);
        if (!S_ISREG(status.st_mode))
            continue;
        if (!paths_add(paths, path, (uint64_t)status.st_size, err))
            return false;
    }
    if (paths->count == before)
        return error_set(err, ERROR_NOT_FOUND, NULL, "folder '%s' holds no files", folder);
    return true;
}

static bool add_folder(struct paths *paths, const char *folder, struct error *err) {
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, not_hidden, compare_entries);
    if (count < 0)
        return error_errno(err, "folder '%s'", folder);
    bool ok = add_entries(paths, folder, entries, count, err);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return ok;
}

static bool add_path(struct paths *paths, const char *path, struct error *err) {
    struct stat status;
    if (stat(path, &status) != 0)
        return error_errno(err, "'%s'", path);
    if (S_ISDIR(status.st_mode))
        return add_folder(paths, path, err);
    if (!S_ISREG(status.st_mode))
        return error_set(err, ERROR_INVALID, NULL, "'%s' is neither a file nor a folder", path);
    return paths_add(paths, path, (uint64_t)status.st_size, err);
}

static int compare_paths(const void *a, const void *b) {
    return str_compare_natural(str_c(*(const char *const *)a), str_c(*(const char *const *)b));
}

static bool add_pattern(struct paths *paths, const char *pattern, struct error *err) {
    glob_t found = {0};
    int result = glob(pattern, GLOB_NOSORT, NULL, &found);
    if (result == GLOB_NOSPACE)
        die_out_of_memory();
    bool ok = true;
    if (result == GLOB_NOMATCH)
        ok = error_set(err, ERROR_NOT_FOUND, NULL, "nothing matches '%s'", pattern);
    else if (result != 0)
        ok = error_errno(err, "'%s'", pattern);
    else
        qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, compare_paths);
    for (size_t i = 0; ok && i < found.gl_pathc; i++)
        ok = add_path(paths, found.gl_pathv[i], err);
    globfree(&found);
    return ok;
}

static bool add_operand(struct paths *paths, const char *operand, struct error *err) {
    struct stat status;
    /* A file whose name holds a bracket is that file, not a pattern. */
    bool missing = stat(operand, &status) != 0 && errno == ENOENT;
    if (missing && strpbrk(operand, "*?[") != NULL)
        return add_pattern(paths, operand, err);
    return add_path(paths, operand, err);
}

static int compare_images(const void *a, const void *b) {
    const struct image_file *x = a;
    const struct image_file *y = b;
    int order = str_compare_natural(str_c(base_name(x->path)), str_c(base_name(y->path)));
    if (order == 0)
        order = str_compare_natural(str_c(x->path), str_c(y->path));
    return order;
}

bool images_collect(struct arena *arena, char *const *operands, size_t count, enum order order,
                    struct image_list *ret, struct error *err) {
    if (count == 0)
        return error_set(err, ERROR_INVALID, NULL, "no images given");
    struct paths paths = {.arena = arena};
    for (size_t i = 0; i < count; i++)
        if (!add_operand(&paths, operands[i], err))
            return false;

    struct image_file *items = arena_array(arena, paths.count, sizeof *items);
    for (size_t i = 0; i < paths.count; i++) {
        items[i].path = paths.items[i];
        items[i].shown = text_clean(arena, paths.items[i]);
        items[i].size = paths.sizes[i];
        items[i].type = image_media_type(paths.items[i]);
    }
    if (order == ORDER_NAME)
        qsort(items, paths.count, sizeof *items, compare_images);
    for (size_t i = 0; i < paths.count; i++)
        items[i].name = image_name(arena, i + 1, items[i].path);
    *ret = (struct image_list){items, paths.count};
    return true;
}

bool images_check(const struct image_list *images, struct error *err) {
    for (size_t i = 0; i < images->count; i++)
        if (images->items[i].size == 0)
            return error_set(err, ERROR_INVALID, NULL, "image %zu '%s': the file is empty", i + 1,
                             images->items[i].path);
    return true;
}

const struct image_file *images_by_name(const struct image_list *images, const char *name) {
    /* The place is read from the name; the comparison says whether the name is one of ours. */
    struct str rest;
    uint64_t place;
    if (!str_to_u64(str_split(str_c(name), '-', &rest), images->count, &place) || place == 0)
        return NULL;
    const struct image_file *image = &images->items[place - 1];
    return strcmp(image->name, name) == 0 ? image : NULL;
}

char *images_reword(struct arena *arena, const struct image_list *images,
                    const struct image_file *image, const char *text) {
    size_t place = (size_t)(image - images->items) + 1;
    const char *known = arena_printf(arena, "image %zu '%s': ", place, image->name);
    if (str_starts_with(str_c(text), known))
        text += strlen(known);
    return arena_printf(arena, "image %zu '%s': %s", place, image->shown, text);
}

json_t *images_manifest(const struct image_list *images, json_t *settings) {
    json_t *list = json_array();
    for (size_t i = 0; i < images->count; i++) {
        const struct image_file *image = &images->items[i];
        json_t *item =
            json_pack("{s:s, s:I}", "name", image->name, "size", (json_int_t)image->size);
        if (item == NULL)
            die_out_of_memory();
        if (image->type != NULL)
            json_object_set_new(item, "type", json_string(image->type));
        json_array_append_new(list, item);
    }
    json_t *manifest =
        json_pack("{s:i, s:o, s:O}", "version", 1, "images", list, "settings", settings);
    if (manifest == NULL)
        die_out_of_memory();
    return manifest;
}
