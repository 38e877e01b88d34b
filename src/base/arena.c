/*
 * Arena: allocations are cut from blocks in a list; freeing walks the list. Blocks double up to a
 * limit, and what is larger than a block gets one of its own, so that the rest of the current
 * block is not lost. Under AddressSanitizer every allocation has its own block: overruns show.
 */
#include "base/arena.h"

#include "base/error.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ONE_BLOCK_EACH 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ONE_BLOCK_EACH 1
#endif
#endif
#ifndef ARENA_ONE_BLOCK_EACH
#define ARENA_ONE_BLOCK_EACH 0
#endif

/* A request needs some kilobytes; a large list should not make thousands of blocks. */
enum { FIRST_BLOCK_SIZE = 4096, MAX_BLOCK_SIZE = 256 * 1024 };

struct block {
    struct block *next;
    alignas(max_align_t) char data[];
};

struct arena {
    struct block *blocks;
    char *free; /* zeroed rest of the current block */
    size_t free_size;
    size_t next_block_size;
};

struct arena *arena_new(void) {
    struct arena *arena = calloc(1, sizeof *arena);
    if (!arena)
        die_out_of_memory();
    arena->next_block_size = FIRST_BLOCK_SIZE;
    return arena;
}

void arena_free(struct arena *arena) {
    if (!arena)
        return;
    struct block *block = arena->blocks;
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    free(arena);
}

void arena_cleanup(struct arena **arena) {
    arena_free(*arena);
    *arena = NULL;
}

static char *add_block(struct arena *arena, size_t size) {
    if (size > SIZE_MAX - sizeof(struct block))
        die_out_of_memory();
    struct block *block = calloc(1, sizeof *block + size);
    if (!block)
        die_out_of_memory();
    block->next = arena->blocks;
    arena->blocks = block;
    return block->data;
}

void *arena_alloc(struct arena *arena, size_t size) {
    if (ARENA_ONE_BLOCK_EACH)
        return add_block(arena, size);
    const size_t alignment = alignof(max_align_t);
    if (size > SIZE_MAX - alignment)
        die_out_of_memory();
    size_t rounded = (size + alignment - 1) / alignment * alignment;
    if (rounded == 0)
        rounded = alignment;
    if (rounded > arena->free_size) {
        if (rounded > arena->next_block_size / 2)
            return add_block(arena, rounded);
        arena->free = add_block(arena, arena->next_block_size);
        arena->free_size = arena->next_block_size;
        if (arena->next_block_size < MAX_BLOCK_SIZE)
            arena->next_block_size *= 2;
    }
    void *ret = arena->free;
    arena->free += rounded;
    arena->free_size -= rounded;
    return ret;
}

void *arena_array(struct arena *arena, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        die_out_of_memory();
    return arena_alloc(arena, total);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length) {
    if (length == SIZE_MAX)
        die_out_of_memory();
    char *copy = arena_alloc(arena, length + 1);
    if (length > 0)
        memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text) {
    return arena_strndup(arena, text, strlen(text));
}

struct str arena_str(struct arena *arena, struct str text) {
    return (struct str){arena_strndup(arena, text.ptr, text.len), text.len};
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    /* Only a text over INT_MAX fails here, and no such memory is meant to be taken. */
    if (length < 0)
        die_out_of_memory();
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, args);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}
