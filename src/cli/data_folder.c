/*
 * The XDG base directories.
 */
#include "cli/data_folder.h"

#include <stdlib.h>

bool data_folder_default(struct arena *arena, const char **ret, struct error *err) {
    const char *base = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    /* The XDG specification: a relative path is to be ignored. */
    if (base != NULL && base[0] == '/')
        *ret = arena_printf(arena, "%s/tachyscope", base);
    else if (home != NULL && home[0] == '/')
        *ret = arena_printf(arena, "%s/.local/share/tachyscope", home);
    else
        return error_set(err, ERROR_INVALID, NULL, "there is no home folder; give --data DIR");
    return true;
}
