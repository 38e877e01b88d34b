/*
 * A temporary folder for one test.
 */
#ifndef TESTS_CLI_FOLDER_H
#define TESTS_CLI_FOLDER_H

#include "base/arena.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline char *folder_new(struct arena *arena) {
    const char *base = getenv("TMPDIR");
    char *path = arena_printf(arena, "%s/tachyscope-test-XXXXXX", base == NULL ? "/tmp" : base);
    if (mkdtemp(path) == NULL)
        abort();
    return path;
}

/* Files and one level of folders. */
static inline void folder_remove(struct arena *arena, const char *path) {
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        const char *name = arena_printf(arena, "%s/%s", path, entry->d_name);
        if (unlink(name) != 0)
            folder_remove(arena, name);
    }
    if (folder != NULL)
        closedir(folder);
    rmdir(path);
}

static inline const char *folder_file(struct arena *arena, const char *folder, const char *name,
                                      const char *contents) {
    const char *path = arena_printf(arena, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(contents, file) < 0 || fclose(file) != 0)
        abort();
    return path;
}

static inline size_t folder_count(const char *path) {
    DIR *folder = opendir(path);
    size_t count = 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count - 2;
}

#endif
