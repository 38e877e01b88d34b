/*
 * Finds and opens media.so. A library of another build would make other bytes under the same keys,
 * so it is refused, not warned about.
 */
#include "media/load.h"

#include "base/os.h"
#include "media/build_id.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *media_build_id(void) {
    return MEDIA_BUILD_ID;
}

/* TACHYSCOPE_MEDIA wins over everything, even when it is not there: whoever sets it wants to know.
 */
static bool find_library(struct arena *arena, const char **ret, struct error *err) {
    const char *given = getenv("TACHYSCOPE_MEDIA");
    const char *folder;
    if (given && *given) {
        *ret = given;
        return true;
    }
    if (!executable_folder(arena, &folder, err))
        return false;
    const char *places[] = {arena_printf(arena, "%s/media.so", folder),
                            arena_printf(arena, "%s/../lib/tachyscope/media.so", folder)};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (access(places[i], F_OK) == 0) {
            *ret = places[i];
            return true;
        }
    return error_set(err, ERROR_NOT_FOUND, NULL,
                     "the renderer is neither '%s' nor '%s'; TACHYSCOPE_MEDIA may say where it is",
                     places[0], places[1]);
}

static bool check_library(const char *path, const struct media_api *api, struct error *err) {
    if (api->abi_version != MEDIA_ABI_VERSION)
        return error_set(err, ERROR_INVALID, NULL,
                         "the renderer '%s' has interface %u, this program needs %d", path,
                         api->abi_version, MEDIA_ABI_VERSION);
    if (strcmp(api->build_id, MEDIA_BUILD_ID) != 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "the renderer '%s' is of build %.64s, this program of build %s", path,
                         api->build_id, MEDIA_BUILD_ID);
    return true;
}

static bool open_library(const char *path, const struct media_api **ret, struct error *err) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return error_set(err, ERROR_INVALID, NULL, "the renderer cannot be loaded: %s", dlerror());
    /* POSIX's way from an object pointer to a function pointer. */
    media_api_function *function;
    *(void **)&function = dlsym(library, MEDIA_API_SYMBOL);
    if (!function) {
        dlclose(library);
        return error_set(err, ERROR_INVALID, NULL, "'%s' is no renderer of Tachyscope", path);
    }
    if (!check_library(path, function(), err)) {
        dlclose(library);
        return false;
    }
    *ret = function();
    return true;
}

bool media_load(const struct media_api **ret, struct error *err) {
    static const struct media_api *loaded;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const char *path;
    if (!loaded && (!find_library(arena, &path, err) || !open_library(path, &loaded, err)))
        return false;
    *ret = loaded;
    return true;
}
