/*
 * PNG (W3C PNG, third edition): its chunks, walked to the end. That also tells whether the file is
 * whole, which the decoder does not always say. Nothing is unpacked but the colour profile.
 */
#include "media/bytes.h"
#include "media/readers.h"

#include <string.h>
#include <zlib.h>

enum {
    SIGNATURE_BYTES = 8,
    CHUNK_BYTES = 12, /* length, type, CRC */
    HEADER_BYTES = 13,
};

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
                       struct image_facts *facts, struct error *err) {
    if (memcmp(type, "IHDR", 4) == 0) {
        if (size != HEADER_BYTES)
            return error_set(err, ERROR_INVALID, NULL, "damaged: the header has a wrong size");
        facts->width = read_be32(data);
        facts->height = read_be32(data + 4);
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
        if (!read_chunk(arena, type, bytes + at + 8, size, &facts, err))
            return false;
        if (memcmp(type, "IEND", 4) == 0)
            break;
        at += CHUNK_BYTES + size;
    }
    *ret = facts;
    return true;
}
