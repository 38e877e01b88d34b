/*
 * Arena: memory that is freed together. One per request, invocation or job.
 *
 * What a function returns lives in the arena that the caller passed first. Not thread-safe: an
 * arena belongs to one thread at a time. Running out of memory ends the process
 * (die_out_of_memory), so no allocation returns NULL; sizes from outside must have been checked
 * against a named limit before.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/base.h"
#include "base/str.h"

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void);

/* Frees everything allocated in it. NULL is fine. */
void arena_free(struct arena *arena);

/* For CLEANUP(arena_cleanup) on a `struct arena *` variable. */
void arena_cleanup(struct arena **arena);

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);

/* `count` elements of `size` bytes, zeroed; an overflow of the product counts as out of memory. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* NUL-terminated copies. */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
struct str arena_str(struct arena *arena, struct str text);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list args) PRINTF_LIKE(2, 0);

#endif
