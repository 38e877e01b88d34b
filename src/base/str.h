/*
 * Strings by pointer and length (never owning), and a growing buffer with a mandatory maximum.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/base.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Not NUL-terminated unless said. `ptr` may be NULL when `len` is 0. */
struct str {
    const char *ptr;
    size_t len;
};

/* For printf: printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).len, (s).ptr

struct str str_c(const char *text);
bool str_equal(struct str a, struct str b);
bool str_equal_c(struct str a, const char *b);
bool str_starts_with(struct str text, const char *prefix);
bool str_ends_with(struct str text, const char *suffix);
/* ASCII only. */
bool str_equal_nocase(struct str a, struct str b);
/* Byte order, shorter first: <0, 0, >0. */
int str_compare(struct str a, struct str b);
/* Natural order: runs of digits compare as numbers, so that `2` stands before `10`; equal
 * numbers with more leading zeros come later; the rest byte by byte. */
int str_compare_natural(struct str a, struct str b);
/* Text before the first `separator`; `*rest` (not NULL) starts behind it, or is empty when there
 * is none. */
struct str str_split(struct str text, char separator, struct str *ret_rest);
struct str str_trim(struct str text); /* spaces and tabs at both ends */
/* Whole decimal number without sign; false when it is not one or over `max`. */
bool str_to_u64(struct str text, uint64_t max, uint64_t *ret);
/* Well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
bool str_is_utf8(struct str text);
/* Length of the well-formed UTF-8 character at the start; 0 when there is none. */
size_t str_utf8_step(struct str text, uint32_t *ret_character);
/* At least one character below U+0020, or U+007F. */
bool str_has_control(struct str text);

/* Growing buffer. `buf_init` allocates nothing; `buf_clear` frees. */
struct buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t max_size;
};

void buf_init(struct buf *buf, size_t max_size);
void buf_clear(struct buf *buf); /* also for CLEANUP */
/* LIMIT when the buffer would grow over its maximum; it is then unchanged. */
MUST_CHECK bool buf_append(struct buf *buf, const void *data, size_t size, struct error *err);
/* The contents as text (not NUL-terminated). */
struct str buf_str(const struct buf *buf);

#endif
