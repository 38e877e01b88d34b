/*
 * A path becomes a name by leaving its folders away. There are only two such files, so a name that
 * both have is refused instead of made different.
 */
#include "cli/assets.h"
#include "cli/images.h"
#include "cli/text.h"
#include "job/manifest.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static const struct {
    const char *ending;
    const char *type;
} sounds[] = {
    {"mp3", "audio/mpeg"}, {"m4a", "audio/mp4"}, {"mp4", "audio/mp4"},
    {"aac", "audio/aac"},  {"wav", "audio/wav"}, {"flac", "audio/flac"},
    {"ogg", "audio/ogg"},  {"oga", "audio/ogg"}, {"opus", "audio/ogg"},
};

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static const char *sound_type(const char *path) {
    const char *dot = strrchr(base_name(path), '.');
    for (size_t i = 0; dot != NULL && i < ARRAY_SIZE(sounds); i++)
        if (strcasecmp(dot + 1, sounds[i].ending) == 0)
            return sounds[i].type;
    return NULL;
}

static bool look(const char *path, uint64_t *ret_size, struct error *err) {
    struct stat status;
    if (stat(path, &status) != 0)
        return error_errno(err, "'%s'", path);
    if (!S_ISREG(status.st_mode))
        return error_set(err, ERROR_INVALID, NULL, "'%s' is not a file", path);
    if (status.st_size == 0)
        return error_set(err, ERROR_INVALID, NULL, "'%s': the file is empty", path);
    if ((uint64_t)status.st_size > MANIFEST_MAX_ASSET_BYTES)
        return error_set(err, ERROR_LIMIT, NULL, "'%s' has %llu bytes, over the limit of %llu",
                         path, (unsigned long long)status.st_size,
                         (unsigned long long)MANIFEST_MAX_ASSET_BYTES);
    *ret_size = (uint64_t)status.st_size;
    return true;
}

static bool add(struct arena *arena, const char *setting, struct str path, struct asset_list *list,
                struct error *err) {
    char name[MANIFEST_MAX_NAME_BYTES + 1];
    struct asset_file asset = {.setting = setting,
                               .path = arena_strndup(arena, path.ptr, path.len)};
    if (!look(asset.path, &asset.size, err))
        return error_prefix(err, "setting '%s'", setting);
    size_t length = text_copy_clean(name, MANIFEST_MAX_NAME_BYTES, base_name(asset.path));
    asset.name = arena_strndup(arena, name, length);
    /* In a job that is the word for no file. */
    if (strcmp(asset.name, "none") == 0)
        return error_set(err, ERROR_INVALID, NULL, "setting '%s': '%s' needs another name", setting,
                         asset.path);
    if (assets_by_name(list, asset.name) != NULL)
        return error_set(err, ERROR_INVALID, NULL,
                         "setting '%s': '%s' has the name of the file for '%s'; names must differ",
                         setting, asset.path, assets_by_name(list, asset.name)->setting);
    asset.type =
        strcmp(setting, "audio") == 0 ? sound_type(asset.path) : image_media_type(asset.path);
    list->items[list->count++] = asset;
    return true;
}

static void set_text(json_t *settings, const char *name, const char *text) {
    if (json_object_set_new(settings, name, json_string(text)) != 0)
        die_out_of_memory();
}

static bool take_audio(struct arena *arena, json_t *settings, struct asset_list *list,
                       struct error *err) {
    const char *value = json_string_value(json_object_get(settings, "audio"));
    if (value == NULL || strcmp(value, "none") == 0)
        return true;
    if (!add(arena, "audio", str_c(value), list, err))
        return false;
    set_text(settings, "audio", list->items[list->count - 1].name);
    return true;
}

static bool take_watermark(struct arena *arena, json_t *settings, struct asset_list *list,
                           struct error *err) {
    const char *value = json_string_value(json_object_get(settings, "watermark"));
    struct str path;
    enum corner corner;
    if (value == NULL || strcmp(value, "none") == 0)
        return true;
    if (!settings_split_corner(value, &path, &corner, err))
        return error_prefix(err, "setting 'watermark': the place behind the last '@'");
    if (!add(arena, "watermark", path, list, err))
        return false;
    set_text(settings, "watermark",
             arena_printf(arena, "%s@%s", list->items[list->count - 1].name,
                          settings_corner_name(corner)));
    return true;
}

bool assets_collect(struct arena *arena, json_t *settings, struct asset_list *ret,
                    struct error *err) {
    struct asset_list list = {.count = 0};
    json_t *changed = json_copy(settings);
    bool ok = take_audio(arena, changed, &list, err) && take_watermark(arena, changed, &list, err);
    if (ok && json_object_update(settings, changed) != 0)
        die_out_of_memory();
    json_decref(changed);
    if (ok)
        *ret = list;
    return ok;
}

const struct asset_file *assets_by_name(const struct asset_list *assets, const char *name) {
    for (size_t i = 0; i < assets->count; i++)
        if (strcmp(assets->items[i].name, name) == 0)
            return &assets->items[i];
    return NULL;
}

void assets_list_in(const struct asset_list *assets, json_t *manifest) {
    json_t *list = json_array();
    for (size_t i = 0; i < assets->count; i++) {
        const struct asset_file *asset = &assets->items[i];
        json_t *item = json_pack("{s:s, s:I, s:s*}", "name", asset->name, "size",
                                 (json_int_t)asset->size, "type", asset->type);
        if (item == NULL || json_array_append_new(list, item) != 0)
            die_out_of_memory();
    }
    if (assets->count > 0 && json_object_set(manifest, "assets", list) != 0)
        die_out_of_memory();
    json_decref(list);
}
