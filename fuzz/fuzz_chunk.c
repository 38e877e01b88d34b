/*
 * The reader of chunk indexes. The first byte chooses the film's format, the next eight are the
 * object's size, the rest is its end: index and trailer. What is read must keep what the header
 * promises; an index of all segments goes through the muxer too.
 */
#include "media/chunk.h"

#include <assert.h>

static struct segment segments[] = {{0, 1, 0, 1}, {1, 2, 0, 1}, {3, 4, 0, 1}, {7, 30, 0, 1}};

static const struct {
    enum codec codec;
    enum format format;
} kinds[] = {
    {CODEC_H264, FORMAT_MP4},   {CODEC_VP9, FORMAT_WEBM}, {CODEC_GIF, FORMAT_GIF},
    {CODEC_PRORES, FORMAT_MOV}, {CODEC_AV1, FORMAT_WEBM}, {CODEC_HEVC, FORMAT_MOV},
};

static struct plan plan_of(uint8_t choice) {
    struct plan plan = {.segments = segments, .segment_count = ARRAY_SIZE(segments)};
    plan.manifest.image_count = 3;
    plan.manifest.settings.codec = kinds[choice % ARRAY_SIZE(kinds)].codec;
    plan.manifest.settings.format = kinds[choice % ARRAY_SIZE(kinds)].format;
    plan.manifest.settings.fps = (struct rational){30, 1};
    plan.manifest.settings.width = 64;
    plan.manifest.settings.height = 48;
    plan.timeline.frame_count = 37;
    return plan;
}

/* A film of as much sound as its packets would be. */
static void mux(struct arena *arena, const struct plan *plan, const struct chunk_index *index) {
    struct mux_run runs[ARRAY_SIZE(segments)];
    struct str header;
    struct error err;
    if (index->segment_count != ARRAY_SIZE(segments))
        return;
    for (uint32_t i = 0; i < index->segment_count; i++) {
        const struct chunk_segment *segment = &index->segments[i];
        runs[i] = (struct mux_run){segment->size, segment->samples, segment->sample_count,
                                   segment->sound_sizes, segment->sound_count};
    }
    struct mux_film film = {
        .plan = plan,
        .config = index->config,
        .config_size = index->config_size,
        .runs = runs,
        .run_count = ARRAY_SIZE(runs),
    };
    if (mux_header(arena, &film, &header, &err))
        assert(header.len > 0);
}

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
        for (uint32_t k = 0; k < segment->sound_count; k++)
            size += segment->sound_sizes[k];
        assert(size <= segment->size);
        sum += segment->size;
    }
    assert(index->poster_offset == sum && sum + index->poster_size == data_bytes);
}

static void parse(const struct plan *plan, struct str index, uint64_t object_size) {
    struct arena *arena = arena_new();
    struct chunk_index ret;
    struct error err;
    if (chunk_index_parse(arena, index, object_size, plan, &ret, &err)) {
        check(&ret, object_size - index.len - CHUNK_TRAILER_BYTES);
        mux(arena, plan, &ret);
        json_decref(ret.receipts);
    }
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint64_t object_size = 0, index_size;
    struct error err;
    if (size < 9 + CHUNK_TRAILER_BYTES)
        return 0;
    struct plan plan = plan_of(data[0]);
    for (size_t i = 1; i < 9; i++)
        object_size = object_size << 8 | data[i];
    struct str end = {(const char *)data + 9, size - 9};
    struct str index = {end.ptr, end.len - CHUNK_TRAILER_BYTES};
    struct str trailer = {index.ptr + index.len, CHUNK_TRAILER_BYTES};
    if (chunk_index_size(trailer, object_size, &index_size, &err) && index_size == index.len)
        parse(&plan, index, object_size);
    parse(&plan, index, object_size % 1024 + index.len + CHUNK_TRAILER_BYTES);
    return 0;
}
