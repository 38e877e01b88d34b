/*
 * The reader of sound indexes. The first two bytes are the size of the packets, the rest is the
 * object's end: index and trailer. What is read divides among the segments of a film.
 */
#include "media/mux.h"

#include <assert.h>

static struct segment segments[] = {{0, 1, 0, 1}, {1, 2, 0, 1}, {3, 240, 0, 1}, {243, 30, 0, 1}};

static void check(const struct sound_index *index, uint64_t packet_bytes) {
    struct plan plan = {.segments = segments, .segment_count = ARRAY_SIZE(segments)};
    plan.manifest.settings.fps = (struct rational){24000, 1001};
    uint32_t packet = 0;
    uint64_t offset = 0;
    for (uint32_t i = 0; i < ARRAY_SIZE(segments); i++) {
        struct sound_range range = sound_range_of(index, &plan, (struct segment_range){i, 1});
        assert(range.first == packet && range.offset == offset);
        packet += range.count;
        offset += range.size;
    }
    assert(packet == index->packet_count && offset == packet_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error err;
    struct sound_index ret;
    uint64_t index_size;
    if (size < 2 + SOUND_TRAILER_BYTES)
        return 0;
    uint64_t packet_bytes = (uint64_t)data[0] << 8 | data[1];
    struct str index = {(const char *)data + 2, size - 2 - SOUND_TRAILER_BYTES};
    struct str trailer = {index.ptr + index.len, SOUND_TRAILER_BYTES};
    uint64_t object_size = packet_bytes + index.len + SOUND_TRAILER_BYTES;
    if (sound_index_size(trailer, object_size, &index_size, &err))
        assert(index_size > 0 && index_size <= object_size - SOUND_TRAILER_BYTES);
    struct arena *arena = arena_new();
    if (sound_index_parse(arena, index, object_size, &ret, &err))
        check(&ret, packet_bytes);
    arena_free(arena);
    return 0;
}
