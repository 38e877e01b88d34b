/*
 * Bytes put one behind the other, or only counted.
 */
#include "media/sink.h"

#include <assert.h>
#include <string.h>

void sink_put(struct sink *sink, const void *data, size_t size) {
    if (sink->data != NULL && size > 0) {
        assert(size <= sink->capacity - sink->size);
        memcpy(sink->data + sink->size, data, size);
    }
    sink->size += size;
}

void sink_text(struct sink *sink, const char *text) {
    sink_put(sink, text, strlen(text));
}

void sink_zeros(struct sink *sink, size_t count) {
    static const uint8_t zeros[64];
    for (; count > sizeof zeros; count -= sizeof zeros)
        sink_put(sink, zeros, sizeof zeros);
    sink_put(sink, zeros, count);
}

static void big_bytes(uint64_t value, unsigned width, uint8_t *ret) {
    assert(width >= 1 && width <= 8 && (width == 8 || value >> 8 * width == 0));
    for (unsigned i = 0; i < width; i++)
        ret[i] = (uint8_t)(value >> 8 * (width - 1 - i));
}

void sink_big(struct sink *sink, uint64_t value, unsigned width) {
    uint8_t bytes[8];
    big_bytes(value, width, bytes);
    sink_put(sink, bytes, width);
}

void sink_little(struct sink *sink, uint64_t value, unsigned width) {
    uint8_t bytes[8], turned[8];
    big_bytes(value, width, bytes);
    for (unsigned i = 0; i < width; i++)
        turned[i] = bytes[width - 1 - i];
    sink_put(sink, turned, width);
}

void sink_patch_big(struct sink *sink, size_t place, uint64_t value, unsigned width) {
    uint8_t bytes[8];
    assert(place + width <= sink->size);
    big_bytes(value, width, bytes);
    if (sink->data != NULL)
        memcpy(sink->data + place, bytes, width);
}
