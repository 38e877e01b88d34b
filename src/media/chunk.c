/*
 * Writes and reads chunks. The index is one JSON object:
 *
 *   {"version":2, "config":"<base64>", "poster":<bytes>, "receipts":[…],
 *    "segments":[{"number":n, "hash":"<hex>", "bytes":b, "sizes":[…], "offsets":[…], "keys":[…],
 *                 "sound":[…]}, …]}
 *
 * with the segment's bytes, the samples' sizes in bytes, their composition offsets in frames, which
 * of them are key frames, and the sizes of the audio packets. Where things lie follows from the
 * sizes: everything before the index must be used up exactly.
 */
#include "media/chunk.h"

#include "base/codec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC          "TSC1"
/* Segments of one chunk; far above the size at which chunks are flushed. */
#define MAX_DATA_BYTES (UINT64_C(2) << 30)

enum { VERSION = 2 };

struct chunk_writer {
    const struct plan *plan;
    const struct sound_index *sound;
    struct buf data;
    size_t segment_bytes;
    uint32_t sample_count;
    uint32_t packet_count;
    struct segment_range range;
    struct buf config;
    struct buf poster;
    json_t *segments;
    json_t *receipts;
};

/* ---- writing ---- */

/* Jansson returns NULL or -1 only when memory runs out: the values here are all possible ones. */
static json_t *must(json_t *value) {
    if (!value)
        die_out_of_memory();
    return value;
}

static void set_new(json_t *object, const char *name, json_t *value) {
    if (json_object_set_new(object, name, must(value)) != 0)
        die_out_of_memory();
}

static void append_new(json_t *array, json_t *value) {
    if (json_array_append_new(array, must(value)) != 0)
        die_out_of_memory();
}

struct chunk_writer *chunk_writer_new(const struct plan *plan, const struct sound_index *sound) {
    struct chunk_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        die_out_of_memory();
    writer->plan = plan;
    writer->sound = sound;
    buf_init(&writer->data, MAX_DATA_BYTES + CHUNK_MAX_INDEX_BYTES + CHUNK_TRAILER_BYTES);
    buf_init(&writer->config, CHUNK_MAX_CONFIG_BYTES);
    buf_init(&writer->poster, MAX_DATA_BYTES);
    writer->segments = must(json_array());
    writer->receipts = must(json_array());
    return writer;
}

void chunk_writer_free(struct chunk_writer *writer) {
    if (!writer)
        return;
    buf_clear(&writer->data);
    buf_clear(&writer->config);
    buf_clear(&writer->poster);
    json_decref(writer->segments);
    json_decref(writer->receipts);
    free(writer);
}

void chunk_writer_reset(struct chunk_writer *writer) {
    writer->data.size = 0;
    writer->config.size = 0;
    writer->poster.size = 0;
    writer->segment_bytes = 0;
    writer->sample_count = 0;
    writer->packet_count = 0;
    writer->range = (struct segment_range){0};
    json_array_clear(writer->segments);
    json_array_clear(writer->receipts);
}

static bool check_room(const struct chunk_writer *writer, const struct media_segment *segment,
                       uint32_t packets, struct error *err) {
    assert(writer->data.size == writer->segment_bytes); /* not finished yet */
    assert(writer->range.count == 0 ||
           segment->number == writer->range.first + writer->range.count);
    if (writer->range.count == CHUNK_MAX_SEGMENTS)
        return error_set(err, ERROR_LIMIT, NULL, "a chunk holds at most %d segments",
                         CHUNK_MAX_SEGMENTS);
    if (segment->size > MAX_DATA_BYTES - writer->data.size)
        return error_set(err, ERROR_LIMIT, NULL, "a chunk holds at most 2 GiB");
    if (segment->sample_count > CHUNK_MAX_SAMPLES - writer->sample_count)
        return error_set(err, ERROR_LIMIT, NULL, "a chunk holds at most %d frames",
                         CHUNK_MAX_SAMPLES);
    if (packets > CHUNK_MAX_PACKETS - writer->packet_count)
        return error_set(err, ERROR_LIMIT, NULL, "a chunk holds at most %d audio packets",
                         CHUNK_MAX_PACKETS);
    return true;
}

static bool keep_config(struct chunk_writer *writer, const struct media_segment *segment,
                        struct error *err) {
    if (writer->range.count == 0) {
        writer->config.size = 0;
        return buf_append(&writer->config, segment->config, segment->config_size, err);
    }
    if (segment->config_size != writer->config.size ||
        (segment->config_size > 0 &&
         memcmp(segment->config, writer->config.data, segment->config_size) != 0))
        return error_set(err, ERROR_INTERNAL, NULL,
                         "segment %u has another decoder configuration than segment %u",
                         segment->number, writer->range.first);
    return true;
}

static json_t *describe(const struct media_segment *segment, const struct mux_sound *sound,
                        size_t bytes, const char *hash) {
    json_t *sizes = must(json_array()), *offsets = must(json_array()), *keys = must(json_array());
    json_t *packets = must(json_array());
    for (uint32_t i = 0; i < segment->sample_count; i++) {
        append_new(sizes, json_integer(segment->samples[i].size));
        append_new(offsets, json_integer(segment->samples[i].composition_offset));
        if (segment->samples[i].key)
            append_new(keys, json_integer(i));
    }
    for (uint32_t i = 0; i < sound->count; i++)
        append_new(packets, json_integer(sound->sizes[i]));
    json_t *object = must(json_object());
    set_new(object, "number", json_integer(segment->number));
    set_new(object, "hash", json_string(hash));
    set_new(object, "bytes", json_integer((json_int_t)bytes));
    set_new(object, "sizes", sizes);
    set_new(object, "offsets", offsets);
    set_new(object, "keys", keys);
    set_new(object, "sound", packets);
    return object;
}

static bool keep_poster(struct chunk_writer *writer, const struct media_segment *segment,
                        struct error *err) {
    if (segment->poster_size == 0)
        return true;
    writer->poster.size = 0;
    return buf_append(&writer->poster, segment->poster, segment->poster_size, err);
}

/* The segment's bytes are in `data`. */
static void note_segment(struct chunk_writer *writer, const struct media_segment *segment,
                         const struct mux_sound *sound, const char *hash) {
    size_t bytes = writer->data.size - writer->segment_bytes;
    writer->segment_bytes = writer->data.size;
    writer->sample_count += segment->sample_count;
    writer->packet_count += sound->count;
    if (writer->range.count == 0)
        writer->range.first = segment->number;
    writer->range.count++;
    append_new(writer->segments, describe(segment, sound, bytes, hash));
}

bool chunk_writer_copy(struct chunk_writer *writer, const struct chunk_copy *copy,
                       struct error *err) {
    const struct media_segment segment = {
        .number = copy->number,
        .size = copy->bytes.len,
        .samples = copy->from->samples,
        .sample_count = copy->from->sample_count,
        .config = copy->config,
        .config_size = copy->config_size,
        .poster = (const uint8_t *)copy->poster.ptr,
        .poster_size = copy->poster.len,
    };
    const struct mux_sound sound = {.sizes = copy->from->sound_sizes,
                                    .count = copy->from->sound_count};
    if (copy->bytes.len != copy->from->size)
        return error_set(err, ERROR_INVALID, NULL, "segment %u has not the size that it should",
                         copy->number);
    if (!check_room(writer, &segment, sound.count, err) || !keep_config(writer, &segment, err) ||
        !keep_poster(writer, &segment, err) ||
        !buf_append(&writer->data, copy->bytes.ptr, copy->bytes.len, err))
        return false;
    note_segment(writer, &segment, &sound, copy->hash);
    return true;
}

bool chunk_writer_add(struct chunk_writer *writer, const struct media_segment *segment,
                      const struct mux_sound *sound, const char *hash, struct error *err) {
    static const struct mux_sound silence;
    if (sound == NULL)
        sound = &silence;
    if (!check_room(writer, segment, sound->count, err) || !keep_config(writer, segment, err) ||
        !keep_poster(writer, segment, err) ||
        !mux_segment(writer->plan, segment, sound, writer->sound, &writer->data, err))
        return false;
    note_segment(writer, segment, sound, hash);
    return true;
}

void chunk_writer_add_receipt(struct chunk_writer *writer, uint32_t image,
                              const struct receipt *receipt) {
    json_t *object = must(receipt_to_json(receipt));
    set_new(object, "image", json_integer(image));
    append_new(writer->receipts, object);
}

uint64_t chunk_writer_size(const struct chunk_writer *writer) {
    return writer->segment_bytes;
}

struct segment_range chunk_writer_range(const struct chunk_writer *writer) {
    return writer->range;
}

static char *index_text(const struct chunk_writer *writer) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    json_t *index = must(json_object());
    set_new(index, "version", json_integer(VERSION));
    set_new(index, "config",
            json_string(base64_encode(arena, writer->config.data, writer->config.size)));
    set_new(index, "poster", json_integer((json_int_t)writer->poster.size));
    set_new(index, "segments", json_incref(writer->segments));
    set_new(index, "receipts", json_incref(writer->receipts));
    char *text = json_dumps(index, JSON_COMPACT);
    if (!text)
        die_out_of_memory();
    json_decref(index);
    return text;
}

/* The buffer's maximum leaves room for all that may follow the segments, but for a poster or
 * receipts of absurd size: those end the process as memory running out would. */
static void must_append(struct buf *buf, const void *data, size_t size) {
    struct error err;
    if (!buf_append(buf, data, size, &err))
        die_out_of_memory();
}

struct str chunk_writer_finish(struct chunk_writer *writer) {
    assert(writer->range.count > 0);
    writer->data.size = writer->segment_bytes;
    must_append(&writer->data, writer->poster.data, writer->poster.size);
    char *text = index_text(writer);
    size_t size = strlen(text);
    uint8_t trailer[CHUNK_TRAILER_BYTES] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16),
                                            (uint8_t)(size >> 8), (uint8_t)size};
    memcpy(trailer + 4, MAGIC, 4);
    must_append(&writer->data, text, size);
    must_append(&writer->data, trailer, sizeof trailer);
    free(text);
    return buf_str(&writer->data);
}

/* ---- reading ---- */

struct reader {
    struct arena *arena;
    const struct plan *plan;
    uint64_t bytes_left; /* of what lies before the index */
    uint64_t offset;
    uint32_t samples_left;
    uint32_t packets_left;
};

static bool refuse(struct error *err, const char *what) {
    return error_set(err, ERROR_INVALID, NULL, "index of a chunk: %s", what);
}

bool chunk_index_size(struct str trailer, uint64_t object_size, uint64_t *ret_size,
                      struct error *err) {
    if (trailer.len != CHUNK_TRAILER_BYTES || object_size < CHUNK_TRAILER_BYTES ||
        memcmp(trailer.ptr + 4, MAGIC, 4) != 0)
        return error_set(err, ERROR_INVALID, NULL, "the object is no chunk");
    const uint8_t *bytes = (const uint8_t *)trailer.ptr;
    uint64_t size =
        (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 8 | bytes[3];
    if (size == 0 || size > CHUNK_MAX_INDEX_BYTES || size > object_size - CHUNK_TRAILER_BYTES)
        return refuse(err, "its size is not possible");
    *ret_size = size;
    return true;
}

static bool get_integer(const json_t *value, uint64_t max, uint64_t *ret) {
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > max)
        return false;
    *ret = (uint64_t)json_integer_value(value);
    return true;
}

static bool parse_hash(const json_t *value, char ret[SHA256_HEX_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    if (json_string_length(value) != SHA256_HEX_SIZE - 1 ||
        strspn(json_string_value(value), digits) != SHA256_HEX_SIZE - 1)
        return false;
    memcpy(ret, json_string_value(value), SHA256_HEX_SIZE);
    return true;
}

/* Of the bytes of the segment; adds to `*sum`. */
static bool parse_sizes(struct reader *reader, const json_t *sizes, struct chunk_segment *segment,
                        uint64_t *sum) {
    uint64_t least = mux_allows_empty_samples(reader->plan->manifest.settings.codec) ? 0 : 1;
    for (uint32_t i = 0; i < segment->sample_count; i++) {
        uint64_t size;
        if (!get_integer(json_array_get(sizes, i), UINT32_MAX, &size) ||
            size < (i == 0 ? 1 : least))
            return false;
        segment->samples[i].size = (uint32_t)size;
        *sum += size;
    }
    return true;
}

static bool parse_sound(struct reader *reader, const json_t *sound, struct chunk_segment *segment,
                        uint64_t *sum) {
    size_t count = json_array_size(sound);
    if (!json_is_array(sound) || count > reader->packets_left)
        return false;
    reader->packets_left -= (uint32_t)count;
    segment->sound_count = (uint32_t)count;
    segment->sound_sizes = arena_array(reader->arena, count, sizeof *segment->sound_sizes);
    for (size_t i = 0; i < count; i++) {
        uint64_t size;
        if (!get_integer(json_array_get(sound, i), SOUND_MAX_PACKET_BYTES, &size) || size == 0)
            return false;
        segment->sound_sizes[i] = (uint32_t)size;
        *sum += size;
    }
    return true;
}

/* WebM has something of its own around samples and packets. */
static bool parse_bytes(struct reader *reader, const json_t *bytes, uint64_t sum,
                        struct chunk_segment *segment) {
    bool is_webm = reader->plan->manifest.settings.format == FORMAT_WEBM;
    if (!get_integer(bytes, reader->bytes_left, &segment->size) || segment->size < sum ||
        (!is_webm && segment->size != sum))
        return false;
    reader->bytes_left -= segment->size;
    return true;
}

/* Every picture of the segment is shown once: offsets are a permutation with a constant delay. */
static bool parse_offsets(struct reader *reader, const json_t *offsets,
                          struct chunk_segment *segment) {
    bool *shown = arena_array(reader->arena, segment->sample_count, sizeof *shown);
    int64_t delay = 0;
    for (uint32_t i = 0; i < segment->sample_count; i++) {
        uint64_t offset;
        if (!get_integer(json_array_get(offsets, i), MEDIA_MAX_COMPOSITION_OFFSET, &offset))
            return false;
        segment->samples[i].composition_offset = (int32_t)offset;
        if (i == 0)
            delay = (int64_t)offset;
        int64_t place = (int64_t)i + (int64_t)offset - delay;
        if (place < 0 || place >= (int64_t)segment->sample_count || shown[place])
            return false;
        shown[place] = true;
    }
    return true;
}

static bool parse_keys(const json_t *keys, struct chunk_segment *segment) {
    uint64_t least = 0;
    size_t count = json_array_size(keys);
    for (size_t k = 0; k < count; k++) {
        uint64_t key;
        if (!get_integer(json_array_get(keys, k), segment->sample_count - 1, &key) || key < least)
            return false;
        segment->samples[key].key = true;
        least = key + 1;
    }
    return segment->samples[0].key;
}

static bool parse_segment(struct reader *reader, const json_t *object, struct chunk_segment *ret,
                          struct error *err) {
    enum { SEGMENT_MEMBERS = 7 };
    struct chunk_segment segment = {.offset = reader->offset};
    const json_t *sizes = json_object_get(object, "sizes");
    const json_t *offsets = json_object_get(object, "offsets");
    const json_t *keys = json_object_get(object, "keys");
    uint64_t number, sum = 0;
    if (json_object_size(object) != SEGMENT_MEMBERS ||
        !get_integer(json_object_get(object, "number"), UINT32_MAX, &number) ||
        !parse_hash(json_object_get(object, "hash"), segment.hash))
        return refuse(err, "a segment is not described as one");
    if (number >= reader->plan->segment_count)
        return refuse(err, "a segment is not in the plan");
    segment.number = (uint32_t)number;
    segment.sample_count = reader->plan->segments[number].frame_count;
    if (segment.sample_count == 0 || segment.sample_count > reader->samples_left ||
        json_array_size(sizes) != segment.sample_count ||
        json_array_size(offsets) != segment.sample_count || !json_is_array(keys))
        return refuse(err, "a segment has not the frames of the plan");
    reader->samples_left -= segment.sample_count;
    segment.samples = arena_array(reader->arena, segment.sample_count, sizeof *segment.samples);
    if (!parse_sizes(reader, sizes, &segment, &sum) || !parse_offsets(reader, offsets, &segment) ||
        !parse_keys(keys, &segment))
        return refuse(err, "a segment's samples are not possible");
    if (!parse_sound(reader, json_object_get(object, "sound"), &segment, &sum))
        return refuse(err, "a segment's audio packets are not possible");
    if (!parse_bytes(reader, json_object_get(object, "bytes"), sum, &segment))
        return refuse(err, "a segment is not of the size that its tables tell");
    reader->offset += segment.size;
    *ret = segment;
    return true;
}

static bool parse_segments(struct reader *reader, const json_t *array, struct chunk_index *index,
                           struct error *err) {
    size_t count = json_array_size(array);
    if (count == 0 || count > CHUNK_MAX_SEGMENTS)
        return refuse(err, "it lists no segments or too many");
    index->segments = arena_array(reader->arena, count, sizeof *index->segments);
    index->segment_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        if (!parse_segment(reader, json_array_get(array, i), &index->segments[i], err))
            return false;
        if (i > 0 && index->segments[i].number != index->segments[i - 1].number + 1)
            return refuse(err, "its segments are not consecutive");
    }
    return true;
}

static bool parse_config(struct reader *reader, const json_t *value, struct chunk_index *index) {
    uint8_t *config = NULL;
    struct str text = {json_string_value(value), json_string_length(value)};
    if (!json_is_string(value) || text.len > CHUNK_MAX_CONFIG_BYTES / 3 * 4 ||
        (text.len > 0 && !base64_decode(reader->arena, text, &config, &index->config_size)) ||
        !mux_config_fits(reader->plan->manifest.settings.codec, config, index->config_size))
        return false;
    index->config = config;
    return true;
}

static bool parse_receipts(struct reader *reader, const json_t *array, struct error *err) {
    size_t i;
    json_t *object;
    if (!json_is_array(array) || json_array_size(array) > MANIFEST_MAX_IMAGES)
        return refuse(err, "it has no receipts or too many");
    json_array_foreach(array, i, object) {
        uint64_t image;
        struct receipt receipt;
        if (!get_integer(json_object_get(object, "image"), UINT32_MAX, &image) ||
            image >= reader->plan->manifest.image_count)
            return refuse(err, "a receipt is not of an image of the plan");
        json_t *plain = must(json_copy(object));
        json_object_del(plain, "image");
        bool good = receipt_from_json(reader->arena, plain, &receipt, err);
        json_decref(plain);
        if (!good)
            return error_prefix(err, "index of a chunk");
    }
    return true;
}

static bool parse_index(struct reader *reader, const json_t *root, struct chunk_index *ret,
                        struct error *err) {
    struct chunk_index index = {0};
    uint64_t version;
    if (json_object_size(root) != 5 ||
        !get_integer(json_object_get(root, "version"), UINT32_MAX, &version) || version != VERSION)
        return refuse(err, "it is not of version 2");
    if (!parse_config(reader, json_object_get(root, "config"), &index))
        return refuse(err, "its decoder configuration is not one of the film's codec");
    if (!parse_segments(reader, json_object_get(root, "segments"), &index, err) ||
        !parse_receipts(reader, json_object_get(root, "receipts"), err))
        return false;
    if (!get_integer(json_object_get(root, "poster"), reader->bytes_left, &index.poster_size) ||
        index.poster_size != reader->bytes_left)
        return refuse(err, "it does not add up to the object's size");
    index.poster_offset = reader->offset;
    index.receipts = json_incref(json_object_get(root, "receipts"));
    *ret = index;
    return true;
}

bool chunk_index_parse(struct arena *arena, struct str index, uint64_t object_size,
                       const struct plan *plan, struct chunk_index *ret, struct error *err) {
    if (index.len > CHUNK_MAX_INDEX_BYTES || object_size < index.len + CHUNK_TRAILER_BYTES)
        return refuse(err, "its size is not possible");
    struct reader reader = {
        .arena = arena,
        .plan = plan,
        .bytes_left = object_size - index.len - CHUNK_TRAILER_BYTES,
        .samples_left = CHUNK_MAX_SAMPLES,
        .packets_left = CHUNK_MAX_PACKETS,
    };
    json_error_t where;
    json_t *root = json_loadb(index.ptr, index.len, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return refuse(err, "it is not JSON");
    bool good = parse_index(&reader, root, ret, err);
    json_decref(root);
    return good;
}
