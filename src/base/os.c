/*
 * The operating system: clocks, kernel randomness, files. A published file is written under a
 * random name in the folder it will live in, synced, and renamed, so a reader sees the old file or
 * the whole new one; `.tmp-…` is what a crash can leave behind.
 */
#include "base/os.h"

#include "base/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_unix_ms(void) {
    return clock_ms(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void) {
    return clock_ms(CLOCK_MONOTONIC);
}

void random_bytes(void *ret, size_t size) {
    uint8_t *out = ret;
    while (size > 0) {
        ssize_t got = getrandom(out, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            /* Going on with guessable keys would be worse than ending. */
            fputs("tachyscope: the kernel gives no random bytes\n", stderr);
            exit(1);
        }
        out += got;
        size -= (size_t)got;
    }
}

void random_uuid(char *ret) {
    uint8_t bytes[16];
    random_bytes(bytes, sizeof bytes);
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
    char hex[33];
    hex_encode(bytes, sizeof bytes, hex);
    snprintf(ret, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void fd_cleanup(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

bool make_folders(const char *path, struct error *err) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    char *copy = arena_strdup(arena, path);
    for (char *end = copy; *end; end++) {
        if (*end != '/' || end == copy)
            continue;
        *end = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST)
            return error_errno(err, "cannot make folder '%s'", copy);
        *end = '/';
    }
    if (mkdir(copy, 0700) != 0 && errno != EEXIST)
        return error_errno(err, "cannot make folder '%s'", path);
    struct stat info;
    if (stat(path, &info) != 0)
        return error_errno(err, "cannot make folder '%s'", path);
    if (!S_ISDIR(info.st_mode))
        return error_set(err, ERROR_CONFLICT, NULL, "'%s' is not a folder", path);
    return true;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk) {
    (void)info, (void)type, (void)walk;
    int result = remove(path);
    (void)result; /* the rest goes all the same */
    return 0;
}

void remove_tree(const char *path) {
    enum { OPEN_FOLDERS = 16 };
    nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

bool read_file(struct arena *arena, const char *path, size_t max_size, struct str *ret_contents,
               struct error *err) {
    int fd CLEANUP(fd_cleanup) = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "cannot open '%s'", path);
    struct buf contents CLEANUP(buf_clear);
    buf_init(&contents, max_size);
    char piece[16384];
    for (;;) {
        ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(err, "cannot read '%s'", path);
        if (got == 0)
            break;
        if (!buf_append(&contents, piece, (size_t)got, err))
            return error_prefix(err, "'%s'", path);
    }
    *ret_contents = arena_str(arena, buf_str(&contents));
    return true;
}

bool write_all(int fd, const void *data, size_t size, struct error *err) {
    const char *rest = data;
    while (size > 0) {
        ssize_t written = write(fd, rest, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_errno(err, "cannot write");
        rest += written;
        size -= (size_t)written;
    }
    return true;
}

/* The folder part of a path, "." when it has none. */
static const char *parent_of(struct arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ".";
    if (slash == path)
        return "/";
    return arena_strndup(arena, path, (size_t)(slash - path));
}

bool sync_parent(const char *path, struct error *err) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const char *folder = parent_of(arena, path);
    int fd CLEANUP(fd_cleanup) = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "cannot open folder '%s'", folder);
    if (fsync(fd) != 0)
        return error_errno(err, "cannot sync folder '%s'", folder);
    return true;
}

static bool write_and_sync(const char *path, const void *data, size_t size, unsigned mode,
                           struct error *err) {
    int fd CLEANUP(fd_cleanup) = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, "cannot create");
    if (!write_all(fd, data, size, err))
        return false;
    if (fchmod(fd, (mode_t)mode) != 0)
        return error_errno(err, "cannot set the mode");
    if (fsync(fd) != 0)
        return error_errno(err, "cannot sync");
    return true;
}

bool publish_file(const char *path, const void *data, size_t size, unsigned mode,
                  struct error *err) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    char name[37];
    random_uuid(name);
    char *temporary = arena_printf(arena, "%s/.tmp-%s", parent_of(arena, path), name);
    if (!write_and_sync(temporary, data, size, mode, err)) {
        unlink(temporary);
        return error_prefix(err, "'%s'", path);
    }
    if (rename(temporary, path) != 0) {
        error_errno(err, "cannot rename to '%s'", path);
        unlink(temporary);
        return false;
    }
    return sync_parent(path, err);
}

bool executable_folder(struct arena *arena, const char **ret_path, struct error *err) {
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length < 0)
        return error_errno(err, "cannot tell where the program lies");
    path[length] = '\0';
    *ret_path = arena_strdup(arena, parent_of(arena, path));
    return true;
}

unsigned core_count(void) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    if (sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) > 0)
        return (unsigned)CPU_COUNT(&cores);
    /* More cores than the fixed set holds. */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}
