/*
 * The first directory of a TIFF file. Cameras' raw files are TIFF too, with a small picture for
 * viewers in the first directory: rather refuse those than film the thumbnail.
 */
#include "media/bytes.h"
#include "media/readers.h"

#include <string.h>

enum {
    TIFF_HEADER_BYTES = 8,
    TIFF_ENTRY_BYTES = 12,

    TAG_SUBFILE_TYPE = 254,
    TAG_WIDTH = 256,
    TAG_HEIGHT = 257,
    TAG_COMPRESSION = 259,
    TAG_PHOTOMETRIC = 262,
    TAG_TILE_WIDTH = 322,
    TAG_SUB_DIRECTORIES = 330,
    TAG_EXTRA_SAMPLES = 338,
    TAG_SAMPLE_FORMAT = 339,
    TAG_PROFILE = 34675,
    TAG_DNG_VERSION = 50706,

    SUBFILE_REDUCED = 1,
    PHOTOMETRIC_CMYK = 5,
    PHOTOMETRIC_SENSOR = 32803,
    EXTRA_PREMULTIPLIED = 1,
    SAMPLE_FLOAT = 3,

    TYPE_SHORT = 3,
    TYPE_LONG = 4,
};

struct tiff {
    const uint8_t *bytes;
    size_t size;
    bool big_endian;
};

struct directory {
    uint32_t width, height, subfile_type, compression, photometric;
    uint32_t extra_samples;
    bool has_sub_directories, has_tiles, has_floats, is_dng;
    struct str profile;
};

static uint32_t read16(const struct tiff *tiff, size_t at) {
    return tiff->big_endian ? read_be16(tiff->bytes + at) : read_le16(tiff->bytes + at);
}

static uint32_t read32(const struct tiff *tiff, size_t at) {
    return tiff->big_endian ? read_be32(tiff->bytes + at) : read_le32(tiff->bytes + at);
}

/* First value of an entry whose values are SHORT or LONG and lie in the entry itself. */
static uint32_t entry_value(const struct tiff *tiff, size_t at) {
    uint32_t type = read16(tiff, at + 2);
    if (type == TYPE_SHORT)
        return read16(tiff, at + 8);
    return type == TYPE_LONG ? read32(tiff, at + 8) : 0;
}

/* First of several SHORTs, which lie elsewhere when they are more than two. */
static uint32_t first_value(const struct tiff *tiff, size_t at) {
    uint32_t count = read32(tiff, at + 4), offset = read32(tiff, at + 8);
    if (read16(tiff, at + 2) != TYPE_SHORT || count <= 2)
        return entry_value(tiff, at);
    return offset < tiff->size - 1 ? read16(tiff, offset) : 0;
}

static void read_profile(const struct tiff *tiff, size_t at, struct directory *directory) {
    uint32_t size = read32(tiff, at + 4), offset = read32(tiff, at + 8);
    if (size > 4 && offset < tiff->size && size <= tiff->size - offset)
        directory->profile = (struct str){(const char *)tiff->bytes + offset, size};
}

static void read_entry(const struct tiff *tiff, size_t at, struct directory *directory) {
    uint32_t tag = read16(tiff, at);
    switch (tag) {
    case TAG_SUBFILE_TYPE:
        directory->subfile_type = entry_value(tiff, at);
        break;
    case TAG_WIDTH:
        directory->width = entry_value(tiff, at);
        break;
    case TAG_HEIGHT:
        directory->height = entry_value(tiff, at);
        break;
    case TAG_COMPRESSION:
        directory->compression = entry_value(tiff, at);
        break;
    case TAG_PHOTOMETRIC:
        directory->photometric = entry_value(tiff, at);
        break;
    case TAG_EXTRA_SAMPLES:
        directory->extra_samples = first_value(tiff, at);
        break;
    case TAG_TILE_WIDTH:
        directory->has_tiles = true;
        break;
    case TAG_SAMPLE_FORMAT:
        directory->has_floats = first_value(tiff, at) == SAMPLE_FLOAT;
        break;
    case TAG_SUB_DIRECTORIES:
        directory->has_sub_directories = true;
        break;
    case TAG_DNG_VERSION:
        directory->is_dng = true;
        break;
    case TAG_PROFILE:
        read_profile(tiff, at, directory);
        break;
    default:
        break;
    }
}

static bool is_raw(const struct directory *directory) {
    return directory->is_dng || directory->photometric == PHOTOMETRIC_SENSOR ||
           ((directory->subfile_type & SUBFILE_REDUCED) != 0 && directory->has_sub_directories);
}

/* The decoder leaves strips of other compressions empty without an error. */
static bool check_compression(uint32_t compression, struct error *err) {
    static const uint32_t known[] = {
        1,     /* none */
        2,     /* CCITT run lengths */
        3,     /* CCITT group 3 */
        4,     /* CCITT group 4 */
        5,     /* LZW */
        8,     /* deflate */
        32773, /* PackBits */
        32946, /* deflate, older number */
    };
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (known[i] == compression)
            return true;
    }
    if (compression == 6 || compression == 7)
        return error_set(err, ERROR_INVALID, NULL,
                         "TIFF with JPEG compression is not supported by this version");
    return error_set(err, ERROR_INVALID, NULL,
                     "TIFF with compression %u is not supported by this version",
                     (unsigned)compression);
}

static bool check_kind(const struct directory *directory, struct error *err) {
    if (is_raw(directory))
        return error_set(err, ERROR_INVALID, NULL, "camera raw is not supported by this version");
    if (directory->has_tiles)
        return error_set(err, ERROR_INVALID, NULL, "tiled TIFF is not supported by this version");
    if (directory->has_floats)
        return error_set(err, ERROR_INVALID, NULL,
                         "TIFF with floating-point samples is not supported by this version");
    return check_compression(directory->compression, err);
}

bool tiff_read_facts(struct arena *arena, struct str image, struct image_facts *ret,
                     struct error *err) {
    (void)arena;
    struct tiff tiff = {(const uint8_t *)image.ptr, image.len, image.ptr[0] == 'M'};
    if (image.len < TIFF_HEADER_BYTES)
        return error_set(err, ERROR_INVALID, NULL, "truncated");
    size_t at = read32(&tiff, 4);
    if (at > image.len || image.len - at < 2)
        return error_set(err, ERROR_INVALID, NULL, "truncated");
    uint32_t count = read16(&tiff, at);
    if ((image.len - at - 2) / TIFF_ENTRY_BYTES < count)
        return error_set(err, ERROR_INVALID, NULL, "truncated");
    struct directory directory = {.compression = 1};
    for (uint32_t i = 0; i < count; i++)
        read_entry(&tiff, at + 2 + (size_t)i * TIFF_ENTRY_BYTES, &directory);
    if (!check_kind(&directory, err))
        return false;

    *ret = (struct image_facts){
        .width = directory.width,
        .height = directory.height,
        .exif = image,
        .premultiplied = directory.extra_samples == EXTRA_PREMULTIPLIED,
        .colour = {.profile = directory.profile},
    };
    size_t next = at + 2 + (size_t)count * TIFF_ENTRY_BYTES;
    if (directory.photometric == PHOTOMETRIC_CMYK)
        ret->warning = "CMYK converted without a profile";
    else if (image.len - next >= 4 && read32(&tiff, next) != 0)
        ret->warning = "only the first page is used";
    return true;
}
