/*
 * What the operating system gives: clocks, randomness, files written so that they last.
 */
#ifndef BASE_OS_H
#define BASE_OS_H

#include "base/arena.h"
#include "base/base.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_unix_ms(void);      /* wall clock */
int64_t clock_monotonic_ms(void); /* for durations and deadlines inside a process */

/* Bytes fit for keys and tokens, from the kernel. Cannot fail once the system is up; a failure
 * ends the process. */
void random_bytes(void *ret, size_t size);
/* A version 4 UUID, `ret` has room for 37. */
void random_uuid(char *ret);

/* For CLEANUP(fd_cleanup) on an int; -1 is fine. */
void fd_cleanup(int *fd);

/* mkdir -p with mode 0700 for what is made. */
MUST_CHECK bool make_folders(const char *path, struct error *err);

/* Removes a folder with all that is in it, links themselves and not what they lead to, as far as it
 * can. */
void remove_tree(const char *path);

/* Whole file into the arena (NUL behind it, not counted); LIMIT when larger than `max_size`. */
MUST_CHECK bool read_file(struct arena *arena, const char *path, size_t max_size,
                          struct str *ret_contents, struct error *err);

/* Writes all of it, whatever the kernel takes at a time. */
MUST_CHECK bool write_all(int fd, const void *data, size_t size, struct error *err);

/* Puts a file in place so that it is whole there, even after power loss: temporary name in the
 * same folder, write, fsync, rename, fsync of the folder. Replaces what was there. */
MUST_CHECK bool publish_file(const char *path, const void *data, size_t size, unsigned mode,
                             struct error *err);

/* fsync of the folder that holds `path`. */
MUST_CHECK bool sync_parent(const char *path, struct error *err);

/* Folder of the running executable, in the arena. */
MUST_CHECK bool executable_folder(struct arena *arena, const char **ret_path, struct error *err);

/* Cores that this process may use (affinity), at least 1. */
unsigned core_count(void);

#endif
