/*
 * Magic numbers of what people drop among their photos.
 */
#include "media/magic.h"

#include "base/base.h"

#include <string.h>

enum { TEXT_SAMPLE_BYTES = 512, BRANDS_MAX_BYTES = 256 };

struct magic {
    size_t offset;
    size_t size;
    const char *bytes;
    const char *name;
};

static const struct magic magics[] = {
    {8, 2, "CR", "camera raw"}, /* Canon CR2, inside TIFF */
    {4, 8, "ftypcrx ", "camera raw"},
    {0, 4, "IIRO", "camera raw"},
    {0, 4, "IIRS", "camera raw"},
    {0, 4, "MMOR", "camera raw"},
    {0, 4, "IIU\0", "camera raw"},
    {0, 15, "FUJIFILMCCD-RAW", "camera raw"},
    {0, 4, "FOVb", "camera raw"},
    {0, 4, "GIF8", "GIF"},
    {0, 2, "BM", "BMP"},
    {0, 2, "\xff\x0a", "JPEG XL"},
    {0, 12, "\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"},
    {0, 12, "\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"},
    {0, 4, "\xff\x4f\xff\x51", "JPEG 2000"},
    {0, 5, "%PDF-", "PDF"},
    {0, 4, "%!PS", "PostScript"},
    {0, 4, "8BPS", "Photoshop's PSD"},
    {0, 4, "\x76\x2f\x31\x01", "OpenEXR"},
    {0, 4, "\0\0\1\0", "ICO"},
    {0, 4, "II+\0", "BigTIFF"},
    {0, 4, "MM\0+", "BigTIFF"},
    {0, 4, "\x1a\x45\xdf\xa3", "video"},
    {0, 4, "FLV\1", "video"},
    {0, 4, "\0\0\1\xba", "video"},
    {0, 4, "\0\0\1\xb3", "video"},
    {8, 4, "AVI ", "video"},
    {4, 4, "moov", "video"},
    {4, 4, "mdat", "video"},
    {4, 4, "wide", "video"},
};

static bool has_bytes(struct str image, size_t offset, const char *bytes, size_t size) {
    return image.len >= offset + size && memcmp(image.ptr + offset, bytes, size) == 0;
}

static bool is_tiff(struct str image) {
    return has_bytes(image, 0, "II*\0", 4) || has_bytes(image, 0, "MM\0*", 4);
}

/* ISO base media files: pictures and films share the container; the brands tell. */
static const char *name_of_brands(struct str image) {
    static const char *const heif[] = {"heic", "heix", "heim", "heis",
                                       "hevc", "hevx", "mif1", "msf1"};
    size_t size = (unsigned char)image.ptr[2] << 8 | (unsigned char)image.ptr[3];
    if (size > image.len)
        size = image.len;
    if (size > BRANDS_MAX_BYTES)
        size = BRANDS_MAX_BYTES;
    bool is_heif = false;
    for (size_t at = 8; at + 4 <= size; at += 4) {
        if (has_bytes(image, at, "avif", 4) || has_bytes(image, at, "avis", 4))
            return "AVIF";
        for (size_t i = 0; i < ARRAY_SIZE(heif); i++)
            is_heif = is_heif || has_bytes(image, at, heif[i], 4);
    }
    return is_heif ? "HEIC" : "video";
}

static const char *name_of(struct str image) {
    for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
        const struct magic *magic = &magics[i];
        if (magic->offset == 8 && magic->size == 2 && !is_tiff(image))
            continue;
        if (has_bytes(image, magic->offset, magic->bytes, magic->size))
            return magic->name;
    }
    return has_bytes(image, 4, "ftyp", 4) && image.len >= 12 ? name_of_brands(image) : NULL;
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

bool magic_check(struct str image, struct error *err) {
    const char *name = name_of(image);
    return name == NULL ||
           error_set(err, ERROR_INVALID, NULL, "%s is not supported by this version", name);
}

bool magic_refuse(struct str image, struct error *err) {
    if (image.len == 0)
        return error_set(err, ERROR_INVALID, NULL, "is empty");
    /* Two letters are a weak sign: a text may well begin with BM. */
    if (looks_like_text(image) && !str_starts_with(image, "%"))
        return error_set(err, ERROR_INVALID, NULL, "not an image (it looks like text)");
    if (!magic_check(image, err))
        return false;
    return error_set(err, ERROR_INVALID, NULL, "not an image of a known format");
}
