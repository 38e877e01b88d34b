/*
 * Writes and reads sound objects. The packets' sizes are one string of 16-bit numbers, because a
 * day of sound has millions of them and an array of JSON would take many times as much memory.
 *
 * Which packets a segment carries is asked by frames alone, in exact fractions, so that every task
 * and the splice agree.
 */
#include "media/sound.h"

#include "base/codec.h"
#include "job/document.h"
#include "media/bytes.h"

#include <assert.h>
#include <string.h>

#define MAGIC "TSS1"

enum {
    MAX_VALUES = 32, /* of the index, as JSON counts them */
    AAC_SAMPLES = 1024,
    AAC_OBJECT_LC = 2,
    OPUS_SAMPLES = 960,
    OPUS_RATE = 48000,
    OPUS_CONFIG_BYTES = 11, /* version, channels, pre-skip, rate, gain, mapping family 0 */
};

__extension__ typedef unsigned __int128 wide;

static bool refuse(struct error *err, const char *what) {
    return error_set(err, ERROR_INVALID, NULL, "index of the sound: %s", what);
}

/* ---- checks ---- */

/* ISO/IEC 14496-3: five bits of object type, four of rate, four of channels. */
static bool aac_fits(const struct sound_index *index) {
    static const unsigned rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                     22050, 16000, 12000, 11025, 8000,  7350};
    if (index->config_size < 2 || index->samples_packet != AAC_SAMPLES || index->rate > 48000)
        return false;
    uint32_t bits = read_be16(index->config);
    uint32_t rate = bits >> 7 & 15;
    return bits >> 11 == AAC_OBJECT_LC && rate < ARRAY_SIZE(rates) && rates[rate] == index->rate &&
           (bits >> 3 & 15) == index->channels;
}

/* Encapsulation of Opus in ISOBMFF, section 4.3.2. */
static bool opus_fits(const struct sound_index *index) {
    const uint8_t *config = index->config;
    return index->config_size == OPUS_CONFIG_BYTES && index->samples_packet == OPUS_SAMPLES &&
           index->rate == OPUS_RATE && config[0] == 0 && config[1] == index->channels &&
           read_be16(config + 2) == index->priming && config[10] == 0;
}

static bool check_format(const struct sound_index *index, struct error *err) {
    if (index->channels < 1 || index->channels > 2 || index->priming > SOUND_MAX_PRIMING)
        return refuse(err, "its channels or priming are not possible");
    bool fits = strcmp(index->codec, "aac") == 0    ? aac_fits(index)
                : strcmp(index->codec, "opus") == 0 ? opus_fits(index)
                                                    : false;
    return fits || refuse(err, "its codec and decoder configuration do not agree");
}

/* All packets are needed, and they are enough. */
static bool check_length(const struct sound_index *index, struct error *err) {
    uint64_t all = (uint64_t)index->packet_count * index->samples_packet;
    if (index->samples == 0 || index->samples > all || all - index->samples < index->priming ||
        all - index->samples - index->priming >= index->samples_packet)
        return refuse(err, "its packets do not last as long as it says");
    return true;
}

/* ---- writing ---- */

struct str sound_to_object(struct arena *arena, const struct sound_index *index,
                           struct str packets) {
    struct error err;
    bool fits = check_format(index, &err) && check_length(index, &err);
    assert(fits && index->packet_count <= SOUND_MAX_PACKETS);
    (void)fits;
    uint64_t total = 0;
    uint8_t *sizes = arena_array(arena, index->packet_count, 2);
    for (uint32_t i = 0; i < index->packet_count; i++) {
        assert(index->sizes[i] > 0 && index->sizes[i] <= SOUND_MAX_PACKET_BYTES);
        total += index->sizes[i];
        sizes[2 * (size_t)i] = (uint8_t)(index->sizes[i] >> 8);
        sizes[2 * (size_t)i + 1] = (uint8_t)index->sizes[i];
    }
    assert(total == packets.len);
    json_t *object =
        json_pack("{si, ss, si, si, si, si, sI, ss, ss}", "version", 1, "codec", index->codec,
                  "rate", (int)index->rate, "channels", (int)index->channels, "samples_packet",
                  (int)index->samples_packet, "priming", (int)index->priming, "samples",
                  (json_int_t)index->samples, "config",
                  base64_encode(arena, index->config, index->config_size), "sizes",
                  base64_encode(arena, sizes, 2 * (size_t)index->packet_count));
    if (object == NULL)
        die_out_of_memory();
    struct str text = str_c(document_text(arena, object));
    assert(text.len <= SOUND_MAX_INDEX_BYTES);
    char *bytes = arena_alloc(arena, packets.len + text.len + SOUND_TRAILER_BYTES);
    if (packets.len > 0)
        memcpy(bytes, packets.ptr, packets.len);
    memcpy(bytes + packets.len, text.ptr, text.len);
    uint8_t *trailer = (uint8_t *)bytes + packets.len + text.len;
    for (unsigned i = 0; i < 4; i++)
        trailer[i] = (uint8_t)(text.len >> (24 - 8 * i));
    memcpy(trailer + 4, MAGIC, 4);
    return (struct str){bytes, packets.len + text.len + SOUND_TRAILER_BYTES};
}

/* ---- reading ---- */

bool sound_index_size(struct str trailer, uint64_t object_size, uint64_t *ret_size,
                      struct error *err) {
    if (trailer.len != SOUND_TRAILER_BYTES || object_size < SOUND_TRAILER_BYTES ||
        memcmp(trailer.ptr + 4, MAGIC, 4) != 0)
        return error_set(err, ERROR_INVALID, NULL, "the object is no sound");
    uint64_t size = read_be32((const uint8_t *)trailer.ptr);
    if (size == 0 || size > SOUND_MAX_INDEX_BYTES || size > object_size - SOUND_TRAILER_BYTES)
        return refuse(err, "its size is not possible");
    *ret_size = size;
    return true;
}

static bool parse_bytes(struct arena *arena, const json_t *value, uint8_t **ret, size_t *ret_size) {
    struct str text = {json_string_value(value), json_string_length(value)};
    return text.len > 0 && base64_decode(arena, text, ret, ret_size) && *ret_size > 0;
}

static bool parse_sizes(struct arena *arena, const json_t *value, uint64_t packet_bytes,
                        struct sound_index *index) {
    uint8_t *bytes;
    size_t size;
    uint64_t total = 0;
    if (json_string_length(value) > (size_t)SOUND_MAX_PACKETS * 2 / 3 * 4 + 4 ||
        !parse_bytes(arena, value, &bytes, &size) || size % 2 != 0 || size / 2 > SOUND_MAX_PACKETS)
        return false;
    index->packet_count = (uint32_t)(size / 2);
    index->sizes = arena_array(arena, index->packet_count, sizeof *index->sizes);
    for (uint32_t i = 0; i < index->packet_count; i++) {
        index->sizes[i] = read_be16(bytes + 2 * (size_t)i);
        total += index->sizes[i];
        if (index->sizes[i] == 0 || index->sizes[i] > SOUND_MAX_PACKET_BYTES)
            return false;
    }
    return total == packet_bytes;
}

static bool get_unsigned(const json_t *root, const char *name, unsigned *ret, struct error *err) {
    uint64_t value;
    if (!document_number(root, name, INT32_MAX, &value, err))
        return error_prefix(err, "index of the sound");
    *ret = (unsigned)value;
    return true;
}

static bool parse_index(struct arena *arena, const json_t *root, uint64_t packet_bytes,
                        struct sound_index *ret, struct error *err) {
    enum { MEMBERS = 9 };
    struct sound_index index = {0};
    unsigned version;
    uint8_t *config;
    const json_t *text = json_object_get(root, "config");
    if (json_object_size(root) != MEMBERS || !get_unsigned(root, "version", &version, err) ||
        version != 1)
        return refuse(err, "it is not of version 1");
    if (!document_member(arena, root, "codec", 16, false, &index.codec, err))
        return error_prefix(err, "index of the sound");
    if (!get_unsigned(root, "rate", &index.rate, err) ||
        !get_unsigned(root, "channels", &index.channels, err) ||
        !get_unsigned(root, "samples_packet", &index.samples_packet, err) ||
        !get_unsigned(root, "priming", &index.priming, err))
        return false;
    if (!document_number(root, "samples", INT64_MAX, &index.samples, err))
        return error_prefix(err, "index of the sound");
    if (json_string_length(text) > SOUND_MAX_CONFIG_BYTES / 3 * 4 ||
        !parse_bytes(arena, text, &config, &index.config_size))
        return refuse(err, "it has no decoder configuration");
    index.config = config;
    if (!check_format(&index, err))
        return false;
    if (!parse_sizes(arena, json_object_get(root, "sizes"), packet_bytes, &index))
        return refuse(err, "its packets do not add up to the object's size");
    if (!check_length(&index, err))
        return false;
    *ret = index;
    return true;
}

bool sound_index_parse(struct arena *arena, struct str index, uint64_t object_size,
                       struct sound_index *ret, struct error *err) {
    json_t *root CLEANUP(document_release) = NULL;
    if (index.len > SOUND_MAX_INDEX_BYTES || object_size < index.len + SOUND_TRAILER_BYTES)
        return refuse(err, "its size is not possible");
    return document_parse(index, "index of the sound", SOUND_MAX_INDEX_BYTES, MAX_VALUES, &root,
                          err) &&
           parse_index(arena, root, object_size - index.len - SOUND_TRAILER_BYTES, ret, err);
}

/* ---- packets of segments ---- */

uint32_t sound_first_packet(const struct sound_index *index, const struct plan *plan,
                            uint32_t segment) {
    const struct rational *fps = &plan->manifest.settings.fps;
    if (segment == 0)
        return 0;
    if (segment >= plan->segment_count)
        return index->packet_count;
    /* The first one with packet x samples_packet - priming >= start x rate. */
    wide ticks = (wide)plan->segments[segment].first_frame * (wide)fps->den * index->rate;
    wide start = (ticks + (wide)fps->num - 1) / (wide)fps->num + index->priming;
    wide packet = (start + index->samples_packet - 1) / index->samples_packet;
    return packet > index->packet_count ? index->packet_count : (uint32_t)packet;
}

struct sound_range sound_range_of(const struct sound_index *index, const struct plan *plan,
                                  struct segment_range range) {
    struct sound_range ret = {.first = sound_first_packet(index, plan, range.first)};
    uint32_t end = sound_first_packet(index, plan, range.first + range.count);
    ret.count = end - ret.first;
    for (uint32_t i = 0; i < ret.first; i++)
        ret.offset += index->sizes[i];
    for (uint32_t i = ret.first; i < end; i++)
        ret.size += index->sizes[i];
    return ret;
}
