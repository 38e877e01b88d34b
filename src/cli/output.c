/*
 * The temporary file lies beside the target, so that rename is atomic and the space is the right
 * disk's. O_TMPFILE keeps it without a name until it is whole: a killed process leaves nothing.
 * Where the file system cannot do that, it has a hidden name that is removed on failure.
 */
#include "cli/output.h"
#include "base/arena.h"
#include "base/codec.h"
#include "base/os.h"
#include "job/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct output {
    struct arena *arena;
    const char *path;
    const char *temporary; /* name that commit renames */
    bool named;            /* the temporary name exists */
    int fd;
};

bool output_take_format(const char *path, json_t *settings, struct error *err) {
    enum format format;
    if (!settings_format_of_file(path, &format, err))
        return error_prefix(err, "output");
    const char *ending = settings_format_ending(format);
    const char *given = json_string_value(json_object_get(settings, "format"));
    if (given != NULL && strcmp(given, ending) != 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "output '%s': the name says %s, but --format says '%s'", path, ending,
                         given);
    if (json_object_set_new(settings, "format", json_string(ending)) != 0)
        die_out_of_memory();
    return true;
}

static const char *folder_of(struct arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return ".";
    return slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path));
}

static const char *temporary_name(struct arena *arena, const char *folder) {
    unsigned char random[8];
    char hex[2 * sizeof random + 1];
    random_bytes(random, sizeof random);
    hex_encode(random, sizeof random, hex);
    return arena_printf(arena, "%s/.tachyscope-%s.tmp", folder, hex);
}

/* -1 with errno when the file system or kernel has no unnamed files (or another failure). */
static int open_unnamed(const char *folder) {
    return open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
}

static bool lacks_unnamed(int number) {
    return number == EOPNOTSUPP || number == EISDIR || number == EINVAL;
}

bool output_open(const char *path, struct output **ret, struct error *err) {
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return error_set(err, ERROR_INVALID, NULL, "output '%s' is not a regular file", path);

    struct arena *arena = arena_new();
    const char *folder = folder_of(arena, path);
    const char *temporary = temporary_name(arena, folder);
    bool named = false;
    int fd = open_unnamed(folder);
    if (fd < 0 && lacks_unnamed(errno)) {
        fd = open(temporary, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
        named = true;
    }
    if (fd < 0) {
        arena_free(arena);
        return error_errno(err, "output '%s'", path);
    }
    struct output *output = arena_alloc(arena, sizeof *output);
    *output = (struct output){arena, arena_strdup(arena, path), temporary, named, fd};
    *ret = output;
    return true;
}

int output_fd(const struct output *output) {
    return output->fd;
}

bool output_commit(struct output *output, struct error *err) {
    if (fsync(output->fd) != 0)
        return error_errno(err, "output '%s'", output->path);
    if (!output->named) {
        char link_name[64];
        snprintf(link_name, sizeof link_name, "/proc/self/fd/%d", output->fd);
        if (linkat(AT_FDCWD, link_name, AT_FDCWD, output->temporary, AT_SYMLINK_FOLLOW) != 0)
            return error_errno(err, "output '%s'", output->path);
        output->named = true;
    }
    if (rename(output->temporary, output->path) != 0)
        return error_errno(err, "output '%s'", output->path);
    output->named = false;
    return sync_parent(output->path, err);
}

void output_free(struct output *output) {
    if (output == NULL)
        return;
    if (output->named)
        unlink(output->temporary);
    close(output->fd);
    arena_free(output->arena);
}

void output_cleanup(struct output **output) {
    output_free(*output);
}

bool output_scratch(const char *path, int *ret_fd, struct error *err) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const char *folder = folder_of(arena, path);
    int fd = open_unnamed(folder);
    if (fd < 0 && lacks_unnamed(errno)) {
        const char *name = temporary_name(arena, folder);
        fd = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0)
            unlink(name);
    }
    if (fd < 0)
        return error_errno(err, "output '%s'", path);
    *ret_fd = fd;
    return true;
}
