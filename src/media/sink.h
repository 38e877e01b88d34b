/*
 * Writing files whose size must be known before their first byte: the same code runs twice, first
 * without memory, only counting, then into memory of that size.
 */
#ifndef MEDIA_SINK_H
#define MEDIA_SINK_H

#include <stddef.h>
#include <stdint.h>

struct sink {
    uint8_t *data; /* NULL: only counted */
    size_t size;
    size_t capacity; /* of data; more is a mistake of ours */
};

void sink_put(struct sink *sink, const void *data, size_t size);
void sink_text(struct sink *sink, const char *text); /* without its NUL */
void sink_zeros(struct sink *sink, size_t count);

/* The lowest `width` bytes of `value`, 1 to 8, the highest first; a value of more bytes is a
 * mistake of ours. */
void sink_big(struct sink *sink, uint64_t value, unsigned width);
void sink_little(struct sink *sink, uint64_t value, unsigned width);

static inline void sink_u8(struct sink *sink, unsigned value) {
    sink_big(sink, value, 1);
}

static inline void sink_u16(struct sink *sink, unsigned value) {
    sink_big(sink, value, 2);
}

static inline void sink_u32(struct sink *sink, uint64_t value) {
    sink_big(sink, value, 4);
}

static inline void sink_u64(struct sink *sink, uint64_t value) {
    sink_big(sink, value, 8);
}

/* Puts the value, `width` bytes, where something was put before. */
void sink_patch_big(struct sink *sink, size_t place, uint64_t value, unsigned width);

#endif
