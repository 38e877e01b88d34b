/*
 * Magic numbers: of the formats that are read, and of what else people drop among their photos.
 */
#include "media/magic.h"

#include "base/base.h"
#include "media/bytes.h"
#include "media/decode.h"
#include "media/tiff.h"

#include <string.h>

enum { TEXT_SAMPLE_BYTES = 512, BRANDS_MAX_BYTES = 256 };

struct magic {
    size_t offset;
    size_t size;
    const char *bytes;
    enum image_format format;
    const char *name; /* of what is not read */
};

static const struct magic magics[] = {
    {0, 3, "\xff\xd8\xff", IMAGE_JPEG, NULL},
    {0, 8, "\x89PNG\r\n\x1a\n", IMAGE_PNG, NULL},
    {8, 4, "WEBP", IMAGE_WEBP, NULL},
    {0, 6, "GIF87a", IMAGE_GIF, NULL},
    {0, 6, "GIF89a", IMAGE_GIF, NULL},
    {0, 2, "\xff\x0a", IMAGE_JXL, NULL},
    {0, 12, "\0\0\0\x0cJXL \r\n\x87\n", IMAGE_JXL, NULL},
    {4, 8, "ftypcrx ", IMAGE_RAW, NULL},
    {0, 4, "IIRO", IMAGE_RAW, NULL},
    {0, 4, "IIRS", IMAGE_RAW, NULL},
    {0, 4, "MMOR", IMAGE_RAW, NULL},
    {0, 4, "IIU\0", IMAGE_RAW, NULL},
    {0, 15, "FUJIFILMCCD-RAW", IMAGE_RAW, NULL},
    {0, 4, "FOVb", IMAGE_RAW, NULL},
    {0, 12, "\0\0\0\x0cjP  \r\n\x87\n", IMAGE_UNKNOWN, "JPEG 2000"},
    {0, 4, "\xff\x4f\xff\x51", IMAGE_UNKNOWN, "JPEG 2000"},
    {0, 5, "%PDF-", IMAGE_UNKNOWN, "PDF"},
    {0, 4, "%!PS", IMAGE_UNKNOWN, "PostScript"},
    {0, 4, "8BPS", IMAGE_UNKNOWN, "Photoshop's PSD"},
    {0, 4, "\x76\x2f\x31\x01", IMAGE_UNKNOWN, "OpenEXR"},
    {0, 4, "\0\0\1\0", IMAGE_UNKNOWN, "ICO"},
    {0, 4, "II+\0", IMAGE_UNKNOWN, "BigTIFF"},
    {0, 4, "MM\0+", IMAGE_UNKNOWN, "BigTIFF"},
    {0, 4, "\x1a\x45\xdf\xa3", IMAGE_UNKNOWN, "video"},
    {0, 4, "FLV\1", IMAGE_UNKNOWN, "video"},
    {0, 4, "\0\0\1\xba", IMAGE_UNKNOWN, "video"},
    {0, 4, "\0\0\1\xb3", IMAGE_UNKNOWN, "video"},
    {8, 4, "AVI ", IMAGE_UNKNOWN, "video"},
    {4, 4, "moov", IMAGE_UNKNOWN, "video"},
    {4, 4, "mdat", IMAGE_UNKNOWN, "video"},
    {4, 4, "wide", IMAGE_UNKNOWN, "video"},
};

static bool has_bytes(struct str image, size_t offset, const char *bytes, size_t size) {
    return image.len >= offset + size && memcmp(image.ptr + offset, bytes, size) == 0;
}

static bool is_tiff(struct str image) {
    return has_bytes(image, 0, "II*\0", 4) || has_bytes(image, 0, "MM\0*", 4);
}

/* Two letters are a weak sign: behind the file's header must be one of the known bitmap headers. */
static bool is_bmp(struct str image) {
    static const uint32_t sizes[] = {12, 16, 40, 52, 56, 64, 108, 124};
    if (!has_bytes(image, 0, "BM", 2) || image.len < 18)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        if (read_le32((const uint8_t *)image.ptr + 14) == sizes[i])
            return true;
    }
    return false;
}

/* ISO base media files: pictures and films share the container; the brands tell. */
static enum image_format format_of_brands(struct str image) {
    static const char *const heif[] = {"heic", "heix", "heim", "heis",
                                       "hevc", "hevx", "mif1", "msf1"};
    size_t size = read_be32((const uint8_t *)image.ptr);
    if (size > image.len)
        size = image.len;
    if (size > BRANDS_MAX_BYTES)
        size = BRANDS_MAX_BYTES;
    bool is_heif = false;
    for (size_t at = 8; at + 4 <= size; at += 4) {
        if (has_bytes(image, at, "avif", 4) || has_bytes(image, at, "avis", 4))
            return IMAGE_AVIF;
        for (size_t i = 0; i < ARRAY_SIZE(heif); i++)
            is_heif = is_heif || has_bytes(image, at, heif[i], 4);
    }
    return is_heif ? IMAGE_HEIC : IMAGE_UNKNOWN;
}

static const struct magic *find(struct str image) {
    for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
        const struct magic *magic = &magics[i];
        bool is_riff = magic->offset == 8;
        if (has_bytes(image, magic->offset, magic->bytes, magic->size) &&
            (!is_riff || has_bytes(image, 0, "RIFF", 4)))
            return magic;
    }
    return NULL;
}

enum image_format image_format_of(struct str image) {
    const struct magic *magic = find(image);
    if (magic != NULL)
        return magic->format;
    if (is_tiff(image))
        return has_bytes(image, 8, "CR", 2) || tiff_is_raw(image) ? IMAGE_RAW : IMAGE_TIFF;
    if (is_bmp(image))
        return IMAGE_BMP;
    if (has_bytes(image, 4, "ftyp", 4) && image.len >= 12)
        return format_of_brands(image);
    return IMAGE_UNKNOWN;
}

/* Of what is not read; NULL: nothing known. */
static const char *name_of(struct str image) {
    const struct magic *magic = find(image);
    if (magic != NULL)
        return magic->name;
    return has_bytes(image, 4, "ftyp", 4) && image.len >= 12 ? "video" : NULL;
}

static bool looks_like_text(struct str image) {
    if (has_bytes(image, 0, "\xff\xfe", 2) || has_bytes(image, 0, "\xfe\xff", 2))
        return true;
    struct str sample = image;
    if (sample.len > TEXT_SAMPLE_BYTES) {
        sample.len = TEXT_SAMPLE_BYTES;
        /* Not in the middle of a character. */
        while (sample.len > 0 && ((unsigned char)image.ptr[sample.len] & 0xc0) == 0x80)
            sample.len--;
    }
    for (size_t i = 0; i < sample.len; i++) {
        unsigned char c = (unsigned char)sample.ptr[i];
        if ((c < 0x20 && strchr("\t\n\v\f\r\x1b", c) == NULL) || c == 0 || c == 0x7f)
            return false;
    }
    return str_is_utf8(sample);
}

bool magic_refuse(struct str image, struct error *err) {
    if (image.len == 0)
        return error_set(err, ERROR_INVALID, NULL, "is empty");
    const char *name = name_of(image);
    if (looks_like_text(image) && !str_starts_with(image, "%"))
        return error_set(err, ERROR_INVALID, NULL, "not an image (it looks like text)");
    if (name != NULL)
        return error_set(err, ERROR_INVALID, NULL, "%s is not supported by this version", name);
    return error_set(err, ERROR_INVALID, NULL, "not an image of a known format");
}
