/*
 * Headers are read from the beginning of a file where that is enough: EXIF and sizes stand there in
 * nearly all images.
 */
#include "cli/facts.h"

#include "base/os.h"

#include <fcntl.h>
#include <unistd.h>

enum { HEAD_BYTES = 1024 * 1024 };

/* One image as the renderer sees its header. */
struct seen {
    struct receipt receipt;
    unsigned width, height;
};

static bool read_head(struct arena *arena, const char *path, struct str *ret, struct error *err) {
    int fd CLEANUP(fd_cleanup) = open(path, O_RDONLY | O_CLOEXEC);
    char *bytes = arena_alloc(arena, HEAD_BYTES);
    ssize_t size = fd < 0 ? -1 : pread(fd, bytes, HEAD_BYTES, 0);
    if (size < 0)
        return error_errno(err, "'%s' cannot be read", path);
    *ret = (struct str){bytes, (size_t)size};
    return true;
}

/* `strings` keeps what is found; the bytes go at once. */
static bool look(struct arena *strings, const struct media_api *media,
                 const struct image_file *file, struct seen *ret, struct error *err) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct str bytes;
    *ret = (struct seen){0};
    if (file->size > HEAD_BYTES) {
        if (!read_head(arena, file->path, &bytes, err))
            return false;
        media->probe(strings, file->name, bytes, &ret->receipt, &ret->width, &ret->height);
        if (ret->receipt.refused == NULL)
            return true;
        *ret = (struct seen){0};
    }
    if (!read_file(arena, file->path, MANIFEST_MAX_IMAGE_BYTES, &bytes, err))
        return false;
    media->probe(strings, file->name, bytes, &ret->receipt, &ret->width, &ret->height);
    return true;
}

static const struct image_file *file_of(const struct fact_files *files,
                                        const struct manifest *manifest, size_t image) {
    return images_by_name(files->images, manifest->images[image].name);
}

static bool find_times(struct arena *arena, const struct media_api *media,
                       const struct manifest *manifest, const struct fact_files *files,
                       struct plan_facts *facts, struct error *err) {
    const char **captured = arena_array(arena, manifest->image_count, sizeof *captured);
    for (size_t i = 0; i < manifest->image_count; i++) {
        struct seen seen;
        if (!look(arena, media, file_of(files, manifest, i), &seen, err))
            return false;
        captured[i] = seen.receipt.captured;
    }
    facts->captured = captured;
    return true;
}

/* The first image by order; a bad one that may be skipped gives way to the next. */
static bool find_size(struct arena *arena, const struct media_api *media,
                      const struct manifest *manifest, const struct fact_files *files,
                      struct plan_facts *facts, struct error *err) {
    size_t first = plan_first_image(manifest, facts->captured);
    for (size_t i = first; i < manifest->image_count; i++) {
        const struct image_file *file = file_of(files, manifest, i);
        struct seen seen;
        if (!look(arena, media, file, &seen, err))
            return false;
        if (seen.receipt.refused == NULL) {
            facts->first_width = seen.width;
            facts->first_height = seen.height;
            return true;
        }
        if (manifest->settings.on_bad_image == BAD_IMAGE_FAIL)
            return error_set(err, ERROR_INVALID, "bad-image", "image %zu '%s': %s", i + 1,
                             file->path, seen.receipt.refused);
    }
    return error_set(err, ERROR_INVALID, "bad-image", "no image can be used");
}

static struct plan_asset asset_of(const struct fact_files *files, const char *name) {
    const struct asset_file *file = name[0] ? assets_by_name(files->assets, name) : NULL;
    if (file == NULL)
        return (struct plan_asset){0};
    return (struct plan_asset){.name = file->name, .etag = "local", .size = file->size};
}

static bool find_duration(const struct media_api *media, const struct asset_file *file,
                          struct rational *ret, struct error *err) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct media_audio_facts audio;
    struct str bytes;
    if (!read_file(arena, file->path, MANIFEST_MAX_ASSET_BYTES, &bytes, err))
        return false;
    if (!media->probe_audio(bytes, &audio, err))
        return error_prefix(err, "audio '%s'", file->path);
    *ret = rational_reduce((int64_t)audio.samples, audio.rate);
    return true;
}

bool facts_find(struct arena *arena, const struct media_api *media, const struct manifest *manifest,
                const struct fact_files *files, struct plan_facts *ret, struct error *err) {
    struct plan_facts facts = {.audio = asset_of(files, manifest->settings.audio),
                               .watermark = asset_of(files, manifest->settings.watermark)};
    if (plan_needs_captured(manifest) && !find_times(arena, media, manifest, files, &facts, err))
        return false;
    if (plan_needs_first_image(manifest) && !find_size(arena, media, manifest, files, &facts, err))
        return false;
    if (plan_needs_audio_duration(manifest) &&
        !find_duration(media, assets_by_name(files->assets, manifest->settings.audio),
                       &facts.audio_seconds, err))
        return false;
    *ret = facts;
    return true;
}
