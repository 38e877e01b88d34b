/*
 * WebP (RFC 9649): its chunks, walked to the end. Stills are decoded like PNG; of an animation the
 * first picture is, by libwebp, on the animation's canvas, which is transparent around it.
 */
#include "media/bytes.h"
#include "media/readers.h"

#include <limits.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

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
    if (memcmp(type, "ANMF", 4) == 0)
        facts->warning = "only the first picture of the animation is used";
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

static void delete_demuxer(WebPDemuxer **demuxer) {
    WebPDemuxDelete(*demuxer);
}

static void release_picture(WebPIterator *picture) {
    WebPDemuxReleaseIterator(picture);
}

/* One row of packed RGBA onto the canvas. */
static void place_row(const uint8_t *source, const WebPIterator *picture, unsigned y,
                      struct pixels *pixels) {
    unsigned left = (unsigned)picture->x_offset, row = (unsigned)picture->y_offset + y;
    for (unsigned c = 0; c < 4; c++) {
        uint8_t *target = pixels->planes[c] + row * pixels->strides[c] + left;
        for (unsigned x = 0; x < (unsigned)picture->width; x++)
            target[x] = source[4 * x + c];
    }
}

static bool decode_picture(const struct reading *reading, const WebPIterator *picture,
                           struct pixels *pixels, struct error *err) {
    size_t stride = (size_t)picture->width * 4, size = stride * (size_t)picture->height;
    if (stride > INT_MAX)
        return error_set(err, ERROR_LIMIT, NULL, "its rows are too long");
    uint8_t *packed = scratch_need(&reading->planes->staging, size);
    if (WebPDecodeRGBAInto(picture->fragment.bytes, picture->fragment.size, packed, size,
                           (int)stride) == NULL)
        return error_set(err, ERROR_INVALID, NULL,
                         "truncated or damaged: the first picture cannot be decoded");
    for (unsigned c = 0; c < 4; c++)
        memset(pixels->planes[c], 0, pixels->strides[c] * pixels->height);
    for (unsigned y = 0; y < (unsigned)picture->height; y++)
        place_row(packed + y * stride, picture, y, pixels);
    return true;
}

static bool decode_first(const struct reading *reading, struct pixels *ret, struct error *err) {
    const struct image_header *header = reading->header;
    WebPData data = {(const uint8_t *)reading->image.ptr, reading->image.len};
    WebPDemuxer *demuxer CLEANUP(delete_demuxer) = WebPDemux(&data);
    WebPIterator picture CLEANUP(release_picture) = {0};
    if (demuxer == NULL || !WebPDemuxGetFrame(demuxer, 1, &picture) || !picture.complete)
        return error_set(err, ERROR_INVALID, NULL,
                         "truncated or damaged: there is no first picture");
    if (picture.x_offset < 0 || picture.y_offset < 0 || picture.width <= 0 || picture.height <= 0 ||
        (unsigned)picture.x_offset + (unsigned)picture.width > header->width ||
        (unsigned)picture.y_offset + (unsigned)picture.height > header->height)
        return error_set(err, ERROR_INVALID, NULL,
                         "damaged: the picture lies outside of its canvas");
    struct pixels pixels = {.layout = PIXELS_RGBA,
                            .depth = 8,
                            .width = header->width,
                            .height = header->height,
                            .scale_denominator = 1};
    planes_need(reading->planes, &pixels, 4);
    if (!decode_picture(reading, &picture, &pixels, err))
        return false;
    *ret = pixels;
    return true;
}

bool webp_decode(const struct reading *reading, struct pixels *ret, struct error *err) {
    /* Of the header's warnings only the animation's comes from here. */
    return reading->header->warning == NULL ? avimage_decode(reading, ret, err)
                                            : decode_first(reading, ret, err);
}
