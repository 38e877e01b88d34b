/*
 * PNG (W3C PNG, third edition): its chunks, walked to the end. That also tells whether the file is
 * whole, which the decoder does not always say. Nothing is unpacked but the colour profile.
 */
#include "base/base.h"
#include "media/bytes.h"
#include "media/media.h"
#include "media/readers.h"

#include <string.h>
#include <zlib.h>

enum {
    SIGNATURE_BYTES = 8,
    CHUNK_BYTES = 12, /* length, type, CRC */
    HEADER_BYTES = 13,
    CICP_BYTES = 4,      /* primaries, transfer, matrix, range (ITU-T H.273) */
    DEFLATE_RATIO = 1032 /* what one byte can become at most */
};

/* What the size of the picture's data must fit to. */
struct data_facts {
    uint64_t raw_bytes, packed_bytes;
};

/* Rows as they are packed, with the filter's byte before each. */
static uint64_t raw_bytes(const uint8_t *header) {
    static const uint8_t channels[] = {1, 0, 3, 1, 2, 0, 4};
    uint64_t width = read_be32(header), height = read_be32(header + 4);
    unsigned count = header[9] < ARRAY_SIZE(channels) ? channels[header[9]] : 0;
    return width > UINT32_MAX / 2 || height > UINT32_MAX / 2
               ? 0
               : height * ((width * count * header[8] + 7) / 8 + 1);
}

static bool truncated(struct error *err) {
    return error_set(err, ERROR_INVALID, NULL, "truncated");
}

/* iCCP: a name, a zero byte, the method (0), the profile through zlib. */
static void inflate_profile(struct arena *arena, const uint8_t *data, uint32_t size,
                            struct image_facts *facts) {
    const uint8_t *name_end = memchr(data, 0, size);
    if (name_end == NULL || name_end + 2 > data + size)
        return;
    const uint8_t *packed = name_end + 2;
    uLong packed_size = (uLong)(data + size - packed);
    uLongf capacity = packed_size < CONTAINER_MAX_PROFILE_BYTES / 32
                          ? packed_size * 32
                          : (uLongf)CONTAINER_MAX_PROFILE_BYTES;
    uint8_t *profile = arena_alloc(arena, capacity + 1);
    /* A profile that does not unpack is no profile; the picture is not worse for it. */
    if (uncompress(profile, &capacity, packed, packed_size) == Z_OK)
        facts->colour.profile = (struct str){(const char *)profile, capacity};
}

static bool read_chunk(struct arena *arena, const uint8_t *type, const uint8_t *data, uint32_t size,
                       struct image_facts *facts, struct data_facts *data_facts,
                       struct error *err) {
    if (memcmp(type, "IHDR", 4) == 0) {
        if (size != HEADER_BYTES)
            return error_set(err, ERROR_INVALID, NULL, "damaged: the header has a wrong size");
        facts->width = read_be32(data);
        facts->height = read_be32(data + 4);
        data_facts->raw_bytes = raw_bytes(data);
    } else if (memcmp(type, "IDAT", 4) == 0) {
        data_facts->packed_bytes += size;
    } else if (memcmp(type, "cICP", 4) == 0 && size >= CICP_BYTES) {
        facts->colour.primaries = data[0];
        facts->colour.transfer = data[1];
    } else if (memcmp(type, "eXIf", 4) == 0) {
        facts->exif = (struct str){(const char *)data, size};
    } else if (memcmp(type, "iCCP", 4) == 0 && facts->colour.profile.len == 0) {
        inflate_profile(arena, data, size, facts);
    } else if (memcmp(type, "acTL", 4) == 0) {
        facts->warning = "only the first picture of the animation is used";
    }
    return true;
}

bool png_read_facts(struct arena *arena, struct str image, struct image_facts *ret,
                    struct error *err) {
    const uint8_t *bytes = (const uint8_t *)image.ptr;
    struct image_facts facts = {0};
    struct data_facts data_facts = {0};
    size_t at = SIGNATURE_BYTES;
    for (;;) {
        if (image.len - at < CHUNK_BYTES)
            return truncated(err);
        uint32_t size = read_be32(bytes + at);
        const uint8_t *type = bytes + at + 4;
        if (at == SIGNATURE_BYTES && memcmp(type, "IHDR", 4) != 0)
            return error_set(err, ERROR_INVALID, NULL, "damaged: it does not start with a header");
        if (size > image.len - at - CHUNK_BYTES)
            return truncated(err);
        if (!read_chunk(arena, type, bytes + at + 8, size, &facts, &data_facts, err))
            return false;
        if (memcmp(type, "IEND", 4) == 0)
            break;
        at += CHUNK_BYTES + size;
    }
    /* A kilobyte may say that it is a gigabyte of samples: not worth the memory to find out. */
    bool is_within_limits = (uint64_t)facts.width * facts.height <= MEDIA_MAX_PIXELS;
    if (is_within_limits && data_facts.raw_bytes / DEFLATE_RATIO > data_facts.packed_bytes)
        return error_set(err, ERROR_INVALID, NULL, "truncated or damaged: too few data for %ux%u",
                         (unsigned)facts.width, (unsigned)facts.height);
    *ret = facts;
    return true;
}
