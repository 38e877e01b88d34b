/*
 * Identifiers and sizes carry their own width in their leading bits.
 */
#include "media/ebml.h"

#include <assert.h>
#include <string.h>

#define MAX_SIZE ((UINT64_C(1) << 56) - 2)

void ebml_id(struct sink *sink, uint32_t id) {
    sink_big(sink, id, id > 0xffffff ? 4 : id > 0xffff ? 3 : id > 0xff ? 2 : 1);
}

/* All ones would say that the size is not known. */
unsigned ebml_size_width(uint64_t size) {
    unsigned width = 1;
    while (width < 8 && size >= (UINT64_C(1) << 7 * width) - 1)
        width++;
    return width;
}

static uint64_t marked(uint64_t size, unsigned width) {
    assert(size <= MAX_SIZE);
    return UINT64_C(1) << 7 * width | size;
}

void ebml_size(struct sink *sink, uint64_t size) {
    unsigned width = ebml_size_width(size);
    sink_big(sink, marked(size, width), width);
}

void ebml_begin_sized(struct sink *sink, uint32_t id, uint64_t size) {
    ebml_id(sink, id);
    sink_big(sink, marked(size, EBML_MASTER_SIZE), EBML_MASTER_SIZE);
}

size_t ebml_begin(struct sink *sink, uint32_t id) {
    ebml_begin_sized(sink, id, 0);
    return sink->size;
}

void ebml_end(struct sink *sink, size_t place) {
    sink_patch_big(sink, place - EBML_MASTER_SIZE, marked(sink->size - place, EBML_MASTER_SIZE),
                   EBML_MASTER_SIZE);
}

void ebml_unsigned(struct sink *sink, uint32_t id, uint64_t value, unsigned width) {
    ebml_id(sink, id);
    ebml_size(sink, width);
    sink_big(sink, value, width);
}

void ebml_float(struct sink *sink, uint32_t id, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    ebml_unsigned(sink, id, bits, 8);
}

void ebml_bytes(struct sink *sink, uint32_t id, const void *data, size_t size) {
    ebml_id(sink, id);
    ebml_size(sink, size);
    sink_put(sink, data, size);
}

void ebml_text(struct sink *sink, uint32_t id, const char *text) {
    ebml_bytes(sink, id, text, strlen(text));
}
