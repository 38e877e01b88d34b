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
    /* An image with all its members counts as 15. */
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

/* What images and assets have in common. */
struct entry {
    const char *what; /* "image" */
    size_t at;        /* from 0 */
    struct str name;
    int64_t size;
    const char *type;
    uint64_t max_bytes;
};

static struct entry entry_of_image(size_t at, const struct manifest_image *image) {
    return (struct entry){"image",     at,          str_c(image->name),
                          image->size, image->type, MANIFEST_MAX_IMAGE_BYTES};
}

/* Names an image or asset in a message. */
static bool blame(struct error *err, const struct entry *entry) {
    char quoted[DOCUMENT_QUOTE_SIZE];
    return error_prefix(err, "%s %zu '%s'", entry->what, entry->at + 1,
                        document_quote(entry->name, quoted));
}

/* `type/subtype` of visible ASCII, as far as it is worth looking. */
static bool check_type(const char *type, struct error *err) {
    const char *slash = strchr(type, '/');
    bool good = slash && slash > type && slash[1] != '\0' && strlen(type) <= MAX_TYPE_BYTES;
    for (const char *c = type; *c; c++)
        good = good && *c > ' ' && *c < 0x7F;
    return good || error_set(err, ERROR_INVALID, NULL, "'type' is not a media type");
}

static bool check_entry(const struct entry *entry, struct error *err) {
    char quoted[DOCUMENT_QUOTE_SIZE];
    if (!manifest_check_name(entry->name, err) || (entry->type && !check_type(entry->type, err)))
        return blame(err, entry);
    if (entry->size == 0)
        return error_set(err, ERROR_INVALID, NULL, "%s %zu '%s' is empty", entry->what,
                         entry->at + 1, document_quote(entry->name, quoted));
    if (entry->size > 0 && (uint64_t)entry->size > entry->max_bytes)
        return error_set(err, ERROR_LIMIT, NULL,
                         "%s %zu '%s' has %lld bytes, over the limit of %llu", entry->what,
                         entry->at + 1, document_quote(entry->name, quoted), (long long)entry->size,
                         (unsigned long long)entry->max_bytes);
    return true;
}

static bool refuse_twin(const char *what, size_t at, size_t first, struct str name,
                        struct error *err) {
    char quoted[DOCUMENT_QUOTE_SIZE];
    return error_set(err, ERROR_INVALID, NULL,
                     "%s %zu '%s' has the name of %s %zu; names must differ", what, at + 1,
                     document_quote(name, quoted), what, first + 1);
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
    for (size_t i = 1; i < count; i++)
        if (str_equal(places[i - 1].key, places[i].key))
            return refuse_twin("image", places[i].index, places[i - 1].index, places[i].key, err);
    return true;
}

bool manifest_check_images(struct arena *arena, const struct manifest_image *images, size_t count,
                           struct error *err) {
    for (size_t i = 0; i < count; i++) {
        struct entry entry = entry_of_image(i, &images[i]);
        if (!check_entry(&entry, err))
            return false;
    }
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

/* The members `name`, `size` and `type` of `object`, into an entry whose `what` and `at` are set.
 */
static bool read_entry(struct arena *arena, const json_t *object, struct entry *entry,
                       struct error *err) {
    uint64_t size;
    if (!json_is_object(object))
        return error_set(err, ERROR_INVALID, NULL, "%s %zu must be an object, not %s", entry->what,
                         entry->at + 1, document_kind(object));
    const json_t *name = json_object_get(object, "name");
    if (!json_is_string(name))
        return error_set(err, ERROR_INVALID, NULL,
                         name ? "%s %zu: 'name' must be a text, not %s" : "%s %zu: 'name' is %s",
                         entry->what, entry->at + 1, document_kind(name));
    entry->name = (struct str){json_string_value(name), json_string_length(name)};
    if (!manifest_check_name(entry->name, err))
        return blame(err, entry);
    entry->name = arena_str(arena, entry->name);
    entry->size = -1;
    if (json_object_get(object, "size")) {
        if (!document_number(object, "size", INT64_MAX, &size, err))
            return blame(err, entry);
        entry->size = (int64_t)size;
    }
    if (!document_member(arena, object, "type", MAX_TYPE_BYTES, true, &entry->type, err))
        return blame(err, entry);
    return true;
}

static bool parse_rotate(const json_t *object, unsigned *ret, struct error *err) {
    uint64_t degrees;
    if (!document_number(object, "rotate", INT64_MAX, &degrees, err))
        return false;
    if (degrees % 90 != 0 || degrees > 270)
        return error_set(err, ERROR_INVALID, NULL, "'rotate' must be 0, 90, 180 or 270");
    *ret = (unsigned)degrees;
    return true;
}

static bool parse_caption(struct arena *arena, const json_t *object, const char **ret,
                          struct error *err) {
    const json_t *caption = json_object_get(object, "caption");
    struct str text = {json_string_value(caption), json_string_length(caption)};
    if (json_is_string(caption) && text.len == 0)
        return error_set(err, ERROR_INVALID, NULL, "'caption' is empty; leave it out");
    if (json_is_string(caption) && str_has_control(text))
        return error_set(err, ERROR_INVALID, NULL, "'caption' has a control character");
    return document_member(arena, object, "caption", MANIFEST_MAX_CAPTION_BYTES, true, ret, err);
}

/* What an image alone has. */
static bool parse_members(struct arena *arena, const json_t *object, struct manifest_image *image,
                          struct error *err) {
    const json_t *hold = json_object_get(object, "hold");
    const json_t *motion = json_object_get(object, "motion");
    image->has_hold = hold != NULL;
    if (hold && !settings_parse_hold(hold, &image->hold, err))
        return error_prefix(err, "'hold'");
    image->has_motion = motion != NULL;
    if (motion && !settings_parse_motion(motion, &image->motion, err))
        return error_prefix(err, "'motion'");
    if (json_object_get(object, "rotate") && !parse_rotate(object, &image->rotate, err))
        return false;
    return parse_caption(arena, object, &image->caption, err);
}

static bool parse_image(struct arena *arena, const json_t *object, size_t at,
                        struct manifest_image *ret, struct error *err) {
    static const char *const known[] = {"name",   "size",   "type",    "hold",
                                        "motion", "rotate", "caption", NULL};
    static const char *const later[] = {"from", NULL};
    struct entry entry = {.what = "image", .at = at, .max_bytes = MANIFEST_MAX_IMAGE_BYTES};
    struct manifest_image image = {0};
    if (!read_entry(arena, object, &entry, err))
        return false;
    if (!check_members(object, known, later, err) || !parse_members(arena, object, &image, err))
        return blame(err, &entry);
    if (!check_entry(&entry, err))
        return false;
    image.name = entry.name.ptr;
    image.size = entry.size;
    image.type = entry.type;
    *ret = image;
    return true;
}

static bool parse_asset(struct arena *arena, const json_t *object, size_t at,
                        struct manifest_asset *ret, struct error *err) {
    static const char *const known[] = {"name", "size", "type", NULL};
    static const char *const later[] = {NULL};
    struct entry entry = {.what = "asset", .at = at, .max_bytes = MANIFEST_MAX_ASSET_BYTES};
    if (!read_entry(arena, object, &entry, err))
        return false;
    if (!check_members(object, known, later, err))
        return blame(err, &entry);
    if (!check_entry(&entry, err))
        return false;
    *ret = (struct manifest_asset){entry.name.ptr, entry.size, entry.type};
    return true;
}

static bool parse_assets(struct arena *arena, const json_t *array, struct manifest *manifest,
                         struct error *err) {
    size_t count = json_array_size(array);
    if (!json_is_array(array))
        return error_set(err, ERROR_INVALID, NULL, "'assets' must be an array, not %s",
                         document_kind(array));
    if (count > MANIFEST_MAX_ASSETS)
        return error_set(err, ERROR_LIMIT, NULL, "%zu assets are over the limit of %d", count,
                         MANIFEST_MAX_ASSETS);
    struct manifest_asset *assets = arena_array(arena, count, sizeof *assets);
    for (size_t i = 0; i < count; i++) {
        if (!parse_asset(arena, json_array_get(array, i), i, &assets[i], err))
            return false;
        for (size_t j = 0; j < i; j++)
            if (str_equal(str_c(assets[i].name), str_c(assets[j].name)))
                return refuse_twin("asset", i, j, str_c(assets[i].name), err);
    }
    manifest->assets = assets;
    manifest->asset_count = count;
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
    static const char *const known[] = {"version", "images", "assets", "settings", NULL};
    static const char *const later[] = {NULL};
    struct manifest manifest = {0};
    const json_t *version = json_object_get(object, "version");
    const json_t *images = json_object_get(object, "images");
    const json_t *assets = json_object_get(object, "assets");
    if (!version)
        return error_set(err, ERROR_INVALID, NULL, "'version' is missing; it must be 1");
    if (!json_is_integer(version) || json_integer_value(version) != 1)
        return error_set(err, ERROR_INVALID, NULL, "'version' must be 1");
    if (!check_members(object, known, later, err) ||
        !settings_parse(json_object_get(object, "settings"), &manifest.settings, err) ||
        (images && !parse_images(arena, images, &manifest, err)) ||
        (assets && !parse_assets(arena, assets, &manifest, err)))
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

static json_t *entry_to_json(const char *name, int64_t size, const char *type) {
    json_t *object = json_object();
    set(object, "name", json_string_nocheck(name));
    if (size >= 0)
        set(object, "size", json_integer(size));
    if (type)
        set(object, "type", json_string_nocheck(type));
    return object;
}

static json_t *image_to_json(const struct manifest_image *image) {
    json_t *object = entry_to_json(image->name, image->size, image->type);
    if (image->has_hold) {
        char hold[RATIONAL_SIZE];
        settings_format_hold(image->hold, hold);
        set(object, "hold", json_string_nocheck(hold));
    }
    if (image->has_motion)
        set(object, "motion", json_string_nocheck(settings_motion_name(image->motion)));
    if (image->rotate != 0)
        set(object, "rotate", json_integer((json_int_t)image->rotate));
    if (image->caption)
        set(object, "caption", json_string_nocheck(image->caption));
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
    if (manifest->asset_count > 0) {
        json_t *assets = json_array();
        for (size_t i = 0; i < manifest->asset_count; i++) {
            const struct manifest_asset *asset = &manifest->assets[i];
            if (json_array_append_new(assets,
                                      entry_to_json(asset->name, asset->size, asset->type)) != 0)
                die_out_of_memory();
        }
        set(object, "assets", assets);
    }
    set(object, "settings", settings_to_json(&manifest->settings));
    return object;
}

char *manifest_to_text(struct arena *arena, const struct manifest *manifest) {
    return document_text(arena, manifest_to_json(manifest));
}
