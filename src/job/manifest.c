/*
 * The manifest. Reading checks each image by itself, then the set: names of 20,000 images are
 * sorted to find equal neighbours.
 *
 * `order=name` looks at the names as their owner gave them: where every image carries the place
 * that the command line or the page puts in front of it (`000123-`), that prefix is left out of the
 * comparison. Equal names keep the order of the manifest.
 */
#include "job/manifest.h"

#include "job/document.h"

#include <stdlib.h>
#include <string.h>

enum {
    PLACE_DIGITS = 6, /* of the prefix `000123-` */
    MAX_TYPE_BYTES = 127,
    /* An image has at most 9 values, known members or not. */
    MAX_VALUES = 16 * MANIFEST_MAX_IMAGES,
};

/* ---- names ---- */

bool job_id_valid(struct str id) {
    if (id.len < 1 || id.len > 64)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool good = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-';
        if (!good)
            return false;
    }
    return true;
}

bool manifest_check_name(struct str name, struct error *err) {
    if (name.len == 0)
        return error_set(err, ERROR_INVALID, NULL, "the name is empty");
    if (name.len > MANIFEST_MAX_NAME_BYTES)
        return error_set(err, ERROR_INVALID, NULL, "the name has %zu bytes, over the limit of %d",
                         name.len, MANIFEST_MAX_NAME_BYTES);
    if (!str_is_utf8(name))
        return error_set(err, ERROR_INVALID, NULL, "the name is not UTF-8");
    if (str_has_control(name))
        return error_set(err, ERROR_INVALID, NULL, "the name has a control character");
    if (memchr(name.ptr, '/', name.len))
        return error_set(err, ERROR_INVALID, NULL, "the name has a '/'");
    if (str_equal_c(name, ".") || str_equal_c(name, ".."))
        return error_set(err, ERROR_INVALID, NULL, "the name must not be '%.*s'", STR_ARG(name));
    return true;
}

/* Names an image in a message; `at` counts from 0. */
static bool blame(struct error *err, size_t at, struct str name) {
    char quoted[DOCUMENT_QUOTE_SIZE];
    return error_prefix(err, "image %zu '%s'", at + 1, document_quote(name, quoted));
}

/* `type/subtype` of visible ASCII, as far as it is worth looking. */
static bool check_type(const char *type, struct error *err) {
    const char *slash = strchr(type, '/');
    bool good = slash && slash > type && slash[1] != '\0' && strlen(type) <= MAX_TYPE_BYTES;
    for (const char *c = type; *c; c++)
        good = good && *c > ' ' && *c < 0x7F;
    return good || error_set(err, ERROR_INVALID, NULL, "'type' is not a media type");
}

static bool check_image(size_t at, const struct manifest_image *image, struct error *err) {
    struct str name = str_c(image->name);
    if (!manifest_check_name(name, err) || (image->type && !check_type(image->type, err)))
        return blame(err, at, name);
    char quoted[DOCUMENT_QUOTE_SIZE];
    if (image->size == 0)
        return error_set(err, ERROR_INVALID, NULL, "image %zu '%s' is empty", at + 1,
                         document_quote(name, quoted));
    if (image->size > 0 && (uint64_t)image->size > MANIFEST_MAX_IMAGE_BYTES)
        return error_set(err, ERROR_LIMIT, NULL,
                         "image %zu '%s' has %lld bytes, over the limit of %llu", at + 1,
                         document_quote(name, quoted), (long long)image->size,
                         (unsigned long long)MANIFEST_MAX_IMAGE_BYTES);
    return true;
}

/* A name, or a part of it, with its place in the list. */
struct place {
    struct str key;
    size_t index;
};

static int by_place(const struct place *x, const struct place *y) {
    return (x->index > y->index) - (x->index < y->index);
}

static int by_name(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    int order = str_compare(x->key, y->key);
    return order != 0 ? order : by_place(x, y);
}

static struct place *places_of(struct arena *arena, const struct manifest_image *images,
                               size_t count, size_t skip) {
    struct place *places = arena_array(arena, count, sizeof *places);
    for (size_t i = 0; i < count; i++)
        places[i] = (struct place){str_c(images[i].name + skip), i};
    return places;
}

static bool check_unique(struct arena *arena, const struct manifest_image *images, size_t count,
                         struct error *err) {
    struct place *places = places_of(arena, images, count, 0);
    qsort(places, count, sizeof *places, by_name);
    for (size_t i = 1; i < count; i++) {
        char quoted[DOCUMENT_QUOTE_SIZE];
        if (str_equal(places[i - 1].key, places[i].key))
            return error_set(err, ERROR_INVALID, NULL,
                             "image %zu '%s' has the name of image %zu; names must differ",
                             places[i].index + 1, document_quote(places[i].key, quoted),
                             places[i - 1].index + 1);
    }
    return true;
}

bool manifest_check_images(struct arena *arena, const struct manifest_image *images, size_t count,
                           struct error *err) {
    for (size_t i = 0; i < count; i++)
        if (!check_image(i, &images[i], err))
            return false;
    return check_unique(arena, images, count, err);
}

/* ---- order ---- */

static int by_natural_key(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    int order = str_compare_natural(x->key, y->key);
    if (order == 0)
        order = str_compare(x->key, y->key);
    return order != 0 ? order : by_place(x, y);
}

static bool has_place(const char *name) {
    for (size_t i = 0; i < PLACE_DIGITS; i++)
        if (name[i] < '0' || name[i] > '9')
            return false;
    return name[PLACE_DIGITS] == '-' && name[PLACE_DIGITS + 1] != '\0';
}

/* The images in natural order of their names, without the first `skip` bytes of each. */
static struct manifest_image *sort_images(struct arena *arena, const struct manifest_image *images,
                                          size_t count, size_t skip) {
    struct place *places = places_of(arena, images, count, skip);
    qsort(places, count, sizeof *places, by_natural_key);
    struct manifest_image *sorted = arena_array(arena, count, sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i] = images[places[i].index];
    return sorted;
}

static struct manifest_image *sort_by_name(struct arena *arena, const struct manifest_image *images,
                                           size_t count) {
    bool all_have_places = true;
    for (size_t i = 0; i < count && all_have_places; i++)
        all_have_places = has_place(images[i].name);
    return sort_images(arena, images, count, all_have_places ? PLACE_DIGITS + 1 : 0);
}

/* ---- reading ---- */

static bool is_one_of(const char *const *words, const char *word) {
    for (; *words; words++)
        if (strcmp(*words, word) == 0)
            return true;
    return false;
}

/* Refuses members that are neither in `known` nor in `later`. */
static bool check_members(const json_t *object, const char *const *known, const char *const *later,
                          struct error *err) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value) {
        char quoted[DOCUMENT_QUOTE_SIZE];
        if (is_one_of(known, name))
            continue;
        if (is_one_of(later, name))
            return error_set(err, ERROR_INVALID, NULL, "'%s' is not supported by this version",
                             name);
        return error_set(err, ERROR_INVALID, NULL, "member '%s' is not known",
                         document_quote(str_c(name), quoted));
    }
    return true;
}

static bool parse_members(struct arena *arena, const json_t *object, struct manifest_image *image,
                          struct error *err) {
    static const char *const known[] = {"name", "size", "type", "hold", NULL};
    static const char *const later[] = {"motion", "rotate", "caption", "from", NULL};
    const json_t *hold = json_object_get(object, "hold");
    uint64_t size;
    if (!check_members(object, known, later, err))
        return false;
    if (json_object_get(object, "size")) {
        if (!document_number(object, "size", INT64_MAX, &size, err))
            return false;
        image->size = (int64_t)size;
    }
    if (!document_member(arena, object, "type", MAX_TYPE_BYTES, true, &image->type, err))
        return false;
    if (hold) {
        image->has_hold = true;
        if (!settings_parse_hold(hold, &image->hold, err))
            return error_prefix(err, "'hold'");
    }
    return true;
}

static bool parse_image(struct arena *arena, const json_t *object, size_t at,
                        struct manifest_image *ret, struct error *err) {
    struct manifest_image image = {.size = -1};
    if (!json_is_object(object))
        return error_set(err, ERROR_INVALID, NULL, "image %zu must be an object, not %s", at + 1,
                         document_kind(object));
    const json_t *name = json_object_get(object, "name");
    if (!json_is_string(name))
        return error_set(err, ERROR_INVALID, NULL,
                         name ? "image %zu: 'name' must be a text, not %s"
                              : "image %zu: 'name' is %s",
                         at + 1, document_kind(name));
    struct str text = {json_string_value(name), json_string_length(name)};
    if (!manifest_check_name(text, err))
        return blame(err, at, text);
    image.name = arena_strndup(arena, text.ptr, text.len);
    if (!parse_members(arena, object, &image, err))
        return blame(err, at, text);
    if (!check_image(at, &image, err))
        return false;
    *ret = image;
    return true;
}

static bool parse_images(struct arena *arena, const json_t *array, struct manifest *manifest,
                         struct error *err) {
    if (!json_is_array(array))
        return error_set(err, ERROR_INVALID, NULL, "'images' must be an array, not %s",
                         document_kind(array));
    size_t count = json_array_size(array);
    if (count == 0)
        return error_set(err, ERROR_INVALID, NULL, "there are no images");
    if (count > MANIFEST_MAX_IMAGES)
        return error_set(err, ERROR_LIMIT, NULL, "%zu images are over the limit of %d", count,
                         MANIFEST_MAX_IMAGES);
    struct manifest_image *images = arena_array(arena, count, sizeof *images);
    for (size_t i = 0; i < count; i++)
        if (!parse_image(arena, json_array_get(array, i), i, &images[i], err))
            return false;
    if (!check_unique(arena, images, count, err))
        return false;
    manifest->lists_images = true;
    manifest->image_count = count;
    manifest->images =
        manifest->settings.order == ORDER_NAME ? sort_by_name(arena, images, count) : images;
    return true;
}

static bool read_manifest(struct arena *arena, const json_t *object, struct manifest *ret,
                          struct error *err) {
    static const char *const known[] = {"version", "images", "settings", NULL};
    static const char *const later[] = {"assets", NULL};
    struct manifest manifest = {0};
    const json_t *version = json_object_get(object, "version");
    const json_t *images = json_object_get(object, "images");
    if (!version)
        return error_set(err, ERROR_INVALID, NULL, "'version' is missing; it must be 1");
    if (!json_is_integer(version) || json_integer_value(version) != 1)
        return error_set(err, ERROR_INVALID, NULL, "'version' must be 1");
    if (!check_members(object, known, later, err) ||
        !settings_parse(json_object_get(object, "settings"), &manifest.settings, err) ||
        (images && !parse_images(arena, images, &manifest, err)))
        return false;
    *ret = manifest;
    return true;
}

bool manifest_parse(struct arena *arena, struct str text, struct manifest *ret, struct error *err) {
    json_t *root CLEANUP(document_release) = NULL;
    return document_parse(text, "manifest", MANIFEST_MAX_BYTES, MAX_VALUES, &root, err) &&
           read_manifest(arena, root, ret, err);
}

bool manifest_set_images(struct arena *arena, struct manifest *manifest,
                         const struct manifest_image *images, size_t count, struct error *err) {
    if (count == 0)
        return error_set(err, ERROR_INVALID, NULL, "there are no images");
    if (count > MANIFEST_MAX_IMAGES)
        return error_set(err, ERROR_LIMIT, NULL, "there are more than %d images",
                         MANIFEST_MAX_IMAGES);
    if (!manifest_check_images(arena, images, count, err))
        return false;
    manifest->images = manifest->settings.order == ORDER_NAME
                           ? sort_by_name(arena, images, count)
                           : sort_images(arena, images, count, 0);
    for (size_t i = 0; i < count; i++) {
        manifest->images[i].name = arena_strdup(arena, manifest->images[i].name);
        if (manifest->images[i].type)
            manifest->images[i].type = arena_strdup(arena, manifest->images[i].type);
    }
    manifest->image_count = count;
    manifest->lists_images = true;
    return true;
}

/* ---- writing ---- */

static void set(json_t *object, const char *name, json_t *value) {
    if (json_object_set_new_nocheck(object, name, value) != 0)
        die_out_of_memory();
}

static json_t *image_to_json(const struct manifest_image *image) {
    json_t *object = json_object();
    set(object, "name", json_string_nocheck(image->name));
    if (image->size >= 0)
        set(object, "size", json_integer(image->size));
    if (image->type)
        set(object, "type", json_string_nocheck(image->type));
    if (image->has_hold) {
        char hold[RATIONAL_SIZE];
        settings_format_hold(image->hold, hold);
        set(object, "hold", json_string_nocheck(hold));
    }
    return object;
}

static json_t *manifest_to_json(const struct manifest *manifest) {
    json_t *object = json_object();
    set(object, "version", json_integer(1));
    if (manifest->lists_images) {
        json_t *images = json_array();
        for (size_t i = 0; i < manifest->image_count; i++)
            if (json_array_append_new(images, image_to_json(&manifest->images[i])) != 0)
                die_out_of_memory();
        set(object, "images", images);
    }
    set(object, "settings", settings_to_json(&manifest->settings));
    return object;
}

char *manifest_to_text(struct arena *arena, const struct manifest *manifest) {
    return document_text(arena, manifest_to_json(manifest));
}
