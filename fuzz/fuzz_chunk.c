/*
 * The reader of chunk indexes. The first eight bytes are the object's size, the rest is its end:
 * index and trailer. What is read must keep what the header promises.
 */
#include "media/chunk.h"

#include <assert.h>

static struct segment segments[] = {
    {.frame_count = 1}, {.frame_count = 2}, {.frame_count = 4}, {.frame_count = 30}};
static const struct plan plan = {
    .manifest = {.image_count = 3}, .segments = segments, .segment_count = ARRAY_SIZE(segments)};

static void check(const struct chunk_index *index, uint64_t data_bytes) {
    uint64_t sum = 0;
    assert(index->segment_count > 0);
    for (uint32_t i = 0; i < index->segment_count; i++) {
        const struct chunk_segment *segment = &index->segments[i];
        uint64_t size = 0;
        assert(segment->number == index->segments[0].number + i);
        assert(segment->sample_count == segments[segment->number].frame_count);
        assert(segment->offset == sum && segment->samples[0].key);
        for (uint32_t k = 0; k < segment->sample_count; k++)
            size += segment->samples[k].size;
        assert(size == segment->size);
        sum += size;
    }
    assert(index->poster_offset == sum && sum + index->poster_size == data_bytes);
}

static void parse(struct str index, uint64_t object_size) {
    struct arena *arena = arena_new();
    struct chunk_index ret;
    struct error err;
    if (chunk_index_parse(arena, index, object_size, &plan, &ret, &err)) {
        check(&ret, object_size - index.len - CHUNK_TRAILER_BYTES);
        json_decref(ret.receipts);
    }
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint64_t object_size = 0, index_size;
    struct error err;
    if (size < 8 + CHUNK_TRAILER_BYTES)
        return 0;
    for (size_t i = 0; i < 8; i++)
        object_size = object_size << 8 | data[i];
    struct str end = {(const char *)data + 8, size - 8};
    struct str index = {end.ptr, end.len - CHUNK_TRAILER_BYTES};
    struct str trailer = {index.ptr + index.len, CHUNK_TRAILER_BYTES};
    if (chunk_index_size(trailer, object_size, &index_size, &err) && index_size == index.len)
        parse(index, object_size);
    parse(index, object_size % 64 + index.len + CHUNK_TRAILER_BYTES);
    return 0;
}
