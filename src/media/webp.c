/*
 * WebP (RFC 9649): its chunks, walked to the end.
 */
#include "media/bytes.h"
#include "media/readers.h"

#include <string.h>

enum { WEBP_HEADER_BYTES = 12, WEBP_CHUNK_BYTES = 8 };

static bool truncated(struct error *err) {
    return error_set(err, ERROR_INVALID, NULL, "truncated");
}

static bool webp_size(struct image_facts *facts, uint32_t width, uint32_t height,
                      struct error *err) {
    if (facts->width != 0 && (facts->width != width || facts->height != height))
        return error_set(err, ERROR_INVALID, NULL, "damaged: %ux%u in the header, %ux%u inside",
                         (unsigned)facts->width, (unsigned)facts->height, (unsigned)width,
                         (unsigned)height);
    facts->width = width;
    facts->height = height;
    return true;
}

static bool webp_chunk(const uint8_t *type, const uint8_t *data, uint32_t size,
                       struct image_facts *facts, struct error *err) {
    if (memcmp(type, "VP8X", 4) == 0) {
        if (size < 10)
            return truncated(err);
        return webp_size(facts, read_le24(data + 4) + 1, read_le24(data + 7) + 1, err);
    }
    if (memcmp(type, "VP8 ", 4) == 0) {
        if (size < 10 || memcmp(data + 3, "\x9d\x01\x2a", 3) != 0)
            return error_set(err, ERROR_INVALID, NULL, "damaged: it does not start with a picture");
        return webp_size(facts, read_le16(data + 6) & 0x3fff, read_le16(data + 8) & 0x3fff, err);
    }
    if (memcmp(type, "VP8L", 4) == 0) {
        if (size < 5 || data[0] != 0x2f)
            return error_set(err, ERROR_INVALID, NULL, "damaged: it does not start with a picture");
        uint32_t bits = read_le32(data + 1);
        return webp_size(facts, (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1, err);
    }
    if (memcmp(type, "ANIM", 4) == 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "animated WebP is not supported by this version");
    if (memcmp(type, "EXIF", 4) == 0)
        facts->exif = (struct str){(const char *)data, size};
    if (memcmp(type, "ICCP", 4) == 0)
        facts->colour.profile = (struct str){(const char *)data, size};
    return true;
}

bool webp_read_facts(struct arena *arena, struct str image, struct image_facts *ret,
                     struct error *err) {
    (void)arena;
    const uint8_t *bytes = (const uint8_t *)image.ptr;
    struct image_facts facts = {0};
    uint32_t riff_size = read_le32(bytes + 4);
    if (riff_size > image.len - 8)
        return truncated(err);
    size_t end = 8 + (size_t)riff_size;
    size_t at = WEBP_HEADER_BYTES;
    while (end > at && end - at >= WEBP_CHUNK_BYTES) {
        uint32_t size = read_le32(bytes + at + 4);
        if (size > end - at - WEBP_CHUNK_BYTES)
            return truncated(err);
        if (!webp_chunk(bytes + at, bytes + at + WEBP_CHUNK_BYTES, size, &facts, err))
            return false;
        /* Chunks of odd size are padded. */
        at += WEBP_CHUNK_BYTES + (size_t)size + size % 2;
    }
    if (str_starts_with(facts.exif, "Exif"))
        facts.exif = facts.exif.len < 6 ? (struct str){NULL, 0}
                                        : (struct str){facts.exif.ptr + 6, facts.exif.len - 6};
    if (facts.width == 0)
        return error_set(err, ERROR_INVALID, NULL, "damaged: there is no picture in it");
    *ret = facts;
    return true;
}
