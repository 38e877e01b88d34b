/*
 * BMP: its headers, and whether all rows are there, which the decoder does not say of packed ones.
 * Files of OS/2 and Windows up to version 5, with its embedded colour profile.
 */
#include "media/bytes.h"
#include "media/readers.h"

#include <limits.h>
#include <string.h>

enum {
    FILE_HEADER_BYTES = 14,
    OLD_HEADER_BYTES = 12,
    WINDOWS_HEADER_BYTES = 40,
    V5_HEADER_BYTES = 124,

    /* From the file's start. */
    AT_PIXELS = 10,
    AT_HEADER_SIZE = 14,
    AT_WIDTH = 18,
    AT_HEIGHT = 22,
    AT_BITS = 28,
    AT_COMPRESSION = 30,
    AT_COLOUR_SPACE = 70,
    AT_PROFILE = 126,
    AT_PROFILE_SIZE = 130,

    RLE8 = 1,
    RLE4 = 2,
    JPEG = 4,
    PNG = 5,

    PROFILE_EMBEDDED = 0x4d424544, /* 'MBED' */
};

struct bmp {
    uint32_t header_size, width, height, bits, compression, pixels_at;
};

static bool truncated(struct error *err) {
    return error_set(err, ERROR_INVALID, NULL, "truncated");
}

static bool read_header(struct str image, struct bmp *ret, struct error *err) {
    const uint8_t *bytes = (const uint8_t *)image.ptr;
    struct bmp bmp = {.pixels_at = read_le32(bytes + AT_PIXELS),
                      .header_size = read_le32(bytes + AT_HEADER_SIZE)};
    if (bmp.header_size > image.len - FILE_HEADER_BYTES)
        return truncated(err);
    if (bmp.header_size == OLD_HEADER_BYTES) {
        bmp.width = read_le16(bytes + AT_WIDTH);
        bmp.height = read_le16(bytes + AT_WIDTH + 2);
        bmp.bits = read_le16(bytes + AT_WIDTH + 6);
    } else {
        bmp.width = read_le32(bytes + AT_WIDTH);
        bmp.height = read_le32(bytes + AT_HEIGHT);
        if (bmp.header_size >= WINDOWS_HEADER_BYTES) {
            bmp.bits = read_le16(bytes + AT_BITS);
            bmp.compression = read_le32(bytes + AT_COMPRESSION);
        }
    }
    /* A negative height: rows from top to bottom. */
    if (bmp.height > INT32_MAX && bmp.height != (uint32_t)INT32_MIN)
        bmp.height = -bmp.height;
    if (bmp.width > INT32_MAX || bmp.height > INT32_MAX)
        return error_set(err, ERROR_INVALID, NULL, "damaged: its size makes no sense");
    *ret = bmp;
    return true;
}

/* Runs of [MS-WMF] 3.1.6, to the picture's end or its last row. */
static bool runs_are_whole(struct str runs, uint32_t height, bool is_rle4) {
    const uint8_t *p = (const uint8_t *)runs.ptr, *end = p + runs.len;
    uint32_t row = 0;
    while (end - p >= 2 && row < height) {
        unsigned count = p[0], value = p[1];
        size_t literal = 0;
        p += 2;
        if (count > 0)
            continue;
        if (value == 1)
            return true;
        if (value == 0)
            row++;
        else if (value == 2)
            literal = 2;
        else
            literal = ((is_rle4 ? (value + 1) / 2 : value) + 1) / 2 * 2;
        if (value == 2 && end - p >= 2)
            row += p[1];
        if (literal > (size_t)(end - p))
            return false;
        p += literal;
    }
    return row >= height;
}

static bool is_whole(struct str image, const struct bmp *bmp) {
    if (bmp->pixels_at > image.len)
        return false;
    struct str rest = {image.ptr + bmp->pixels_at, image.len - bmp->pixels_at};
    if (bmp->compression == RLE8 || bmp->compression == RLE4)
        return runs_are_whole(rest, bmp->height, bmp->compression == RLE4);
    uint64_t stride = ((uint64_t)bmp->width * bmp->bits + 31) / 32 * 4;
    /* Nobody misses the padding of the last row. */
    uint64_t last = ((uint64_t)bmp->width * bmp->bits + 7) / 8;
    return bmp->height == 0 || (bmp->height - 1) * stride + last <= rest.len;
}

static struct str read_profile(struct str image, const struct bmp *bmp) {
    const struct str none = {NULL, 0};
    const uint8_t *bytes = (const uint8_t *)image.ptr;
    if (bmp->header_size < V5_HEADER_BYTES ||
        read_le32(bytes + AT_COLOUR_SPACE) != PROFILE_EMBEDDED)
        return none;
    /* Its place is told from the header's start. */
    uint64_t at = (uint64_t)read_le32(bytes + AT_PROFILE) + FILE_HEADER_BYTES;
    uint32_t size = read_le32(bytes + AT_PROFILE_SIZE);
    if (size > CONTAINER_MAX_PROFILE_BYTES || at > image.len || size > image.len - at)
        return none;
    return (struct str){image.ptr + at, size};
}

bool bmp_read_facts(struct arena *arena, struct str image, struct image_facts *ret,
                    struct error *err) {
    (void)arena;
    struct bmp bmp;
    if (!read_header(image, &bmp, err))
        return false;
    if (bmp.compression == JPEG || bmp.compression == PNG)
        return error_set(err, ERROR_INVALID, NULL, "BMP with a %s inside is not supported",
                         bmp.compression == JPEG ? "JPEG" : "PNG");
    if (!is_whole(image, &bmp))
        return truncated(err);
    *ret = (struct image_facts){
        .width = bmp.width,
        .height = bmp.height,
        .colour = {.profile = read_profile(image, &bmp)},
    };
    return true;
}
