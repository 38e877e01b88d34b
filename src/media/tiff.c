/*
 * TIFF (6.0) through libtiff: what the first directory says, and which of two ways the picture
 * takes. Grey, R'G'B' and inks of 8 and 16 bits go sample by sample (tiff_samples.c), the rest by
 * the library's own conversion: palettes, bits, Y'CbCr.
 */
#include "media/tiff.h"

#include "base/base.h"

#include "media/ifd.h"
#include "media/readers.h"
#include "media/tiff_file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    TAG_SUBFILE_TYPE = 254,
    TAG_PHOTOMETRIC = 262,
    TAG_SUB_DIRECTORIES = 330,
    TAG_DNG_VERSION = 50706,
    SUBFILE_REDUCED = 1,
    PHOTOMETRIC_SENSOR = 32803,
    MAX_MEMORY_BYTES = 256 * 1024 * 1024, /* of one table of the library's, such as of strips */
};

bool tiff_is_raw(struct str image) {
    struct ifd_data data;
    struct ifd first;
    if (!ifd_open(image, &data, &first))
        return false;
    bool is_reduced = (ifd_number(&data, &first, TAG_SUBFILE_TYPE) & SUBFILE_REDUCED) != 0;
    return ifd_has(&data, &first, TAG_DNG_VERSION) ||
           ifd_number(&data, &first, TAG_PHOTOMETRIC) == PHOTOMETRIC_SENSOR ||
           (is_reduced && ifd_has(&data, &first, TAG_SUB_DIRECTORIES));
}

/* The file as the library sees it. */
static tmsize_t read_bytes(thandle_t context, void *target, tmsize_t count) {
    struct tiff_file *file = context;
    size_t rest = file->at < file->image.len ? file->image.len - file->at : 0;
    size_t got = (size_t)count < rest ? (size_t)count : rest;
    memcpy(target, file->image.ptr + (got > 0 ? file->at : 0), got);
    file->at += got;
    return (tmsize_t)got;
}

static tmsize_t write_bytes(thandle_t context, void *source, tmsize_t count) {
    (void)context, (void)source, (void)count;
    return 0;
}

static toff_t seek(thandle_t context, toff_t offset, int from) {
    struct tiff_file *file = context;
    if (from == SEEK_CUR)
        offset += file->at;
    else if (from == SEEK_END)
        offset += file->image.len;
    file->at = offset;
    return offset;
}

static toff_t size_of(thandle_t context) {
    const struct tiff_file *file = context;
    return file->image.len;
}

static int close_file(thandle_t context) {
    (void)context;
    return 0;
}

/* The first complaint is the one that tells. */
PRINTF_LIKE(4, 0)
static int keep_error(TIFF *tiff, void *context, const char *module, const char *format,
                      va_list arguments) {
    struct tiff_file *file = context;
    (void)tiff, (void)module;
    if (file->error[0] == '\0')
        vsnprintf(file->error, sizeof file->error, format, arguments);
    return 1;
}

/* Most are about tags that nobody needs. Where the file ends before a tag's values, the library
 * goes on without them: a palette that is missing makes a grey picture. */
PRINTF_LIKE(4, 0)
static int look_at_warning(TIFF *tiff, void *context, const char *module, const char *format,
                           va_list arguments) {
    struct tiff_file *file = context;
    (void)tiff, (void)module, (void)arguments;
    file->is_cut = file->is_cut || strstr(format, "IO error") != NULL;
    return 1;
}

bool tiff_refuse(const struct tiff_file *file, struct error *err) {
    return error_set(err, ERROR_INVALID, NULL, "truncated or damaged: '%s'",
                     file->error[0] == '\0' ? "unknown error" : file->error);
}

bool tiff_open(struct str image, struct tiff_file *ret, struct error *err) {
    *ret = (struct tiff_file){.image = image};
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (options == NULL)
        die_out_of_memory();
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, MAX_MEMORY_BYTES);
    TIFFOpenOptionsSetErrorHandlerExtR(options, keep_error, ret);
    TIFFOpenOptionsSetWarningHandlerExtR(options, look_at_warning, ret);
    /* Read only, and not mapped: reads behind the end come back short. */
    ret->tiff = TIFFClientOpenExt("image", "rm", ret, read_bytes, write_bytes, seek, close_file,
                                  size_of, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    if (ret->tiff == NULL || ret->is_cut)
        return error_set(err, ERROR_INVALID, NULL, "truncated or damaged");
    /* A tag whose value makes no sense is left out. */
    ret->error[0] = '\0';
    return true;
}

void tiff_close(struct tiff_file *file) {
    if (file->tiff != NULL)
        TIFFClose(file->tiff);
}

static uint16_t number(const struct tiff_file *file, uint32_t tag) {
    uint16_t value = 0;
    return TIFFGetFieldDefaulted(file->tiff, tag, &value) == 1 ? value : 0;
}

static enum tiff_alpha read_alpha(const struct tiff_file *file) {
    uint16_t count = 0;
    const uint16_t *kinds = NULL;
    if (TIFFGetFieldDefaulted(file->tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds) != 1 || count == 0)
        return TIFF_ALPHA_NONE;
    return kinds[0] == EXTRASAMPLE_ASSOCALPHA   ? TIFF_ALPHA_PREMULTIPLIED
           : kinds[0] == EXTRASAMPLE_UNASSALPHA ? TIFF_ALPHA_STRAIGHT
                                                : TIFF_ALPHA_NONE;
}

void tiff_read_kind(struct tiff_file *file, struct tiff_kind *ret) {
    struct tiff_kind kind = {
        .bits = number(file, TIFFTAG_BITSPERSAMPLE),
        .samples = number(file, TIFFTAG_SAMPLESPERPIXEL),
        .format = number(file, TIFFTAG_SAMPLEFORMAT),
        .compression = number(file, TIFFTAG_COMPRESSION),
        .photometric = number(file, TIFFTAG_PHOTOMETRIC),
        .ink_set = number(file, TIFFTAG_INKSET),
        .is_planar = number(file, TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE,
        .alpha = read_alpha(file),
    };
    (void)TIFFGetField(file->tiff, TIFFTAG_IMAGEWIDTH, &kind.width);
    (void)TIFFGetField(file->tiff, TIFFTAG_IMAGELENGTH, &kind.height);
    /* Not said by some old writers. */
    if (TIFFGetField(file->tiff, TIFFTAG_PHOTOMETRIC, &kind.photometric) != 1)
        kind.photometric = kind.samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
    *ret = kind;
}

static bool check_compression(unsigned compression, struct error *err) {
    static const unsigned known[] = {
        COMPRESSION_NONE,          COMPRESSION_CCITTRLE, COMPRESSION_CCITTFAX3,
        COMPRESSION_CCITTFAX4,     COMPRESSION_LZW,      COMPRESSION_JPEG,
        COMPRESSION_ADOBE_DEFLATE, COMPRESSION_DEFLATE,  COMPRESSION_PACKBITS,
    };
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (known[i] == compression)
            return true;
    }
    if (compression == COMPRESSION_OJPEG)
        return error_set(err, ERROR_INVALID, NULL,
                         "TIFF with JPEG compression of before 1995 is not supported");
    return error_set(err, ERROR_INVALID, NULL, "TIFF with compression %u is not supported",
                     compression);
}

static bool check_kind(const struct tiff_kind *kind, struct error *err) {
    if (!check_compression(kind->compression, err))
        return false;
    if (kind->format == SAMPLEFORMAT_IEEEFP || kind->format == SAMPLEFORMAT_COMPLEXIEEEFP)
        return error_set(err, ERROR_INVALID, NULL,
                         "TIFF with floating-point samples is not supported");
    if (kind->format == SAMPLEFORMAT_INT || kind->format == SAMPLEFORMAT_COMPLEXINT)
        return error_set(err, ERROR_INVALID, NULL, "TIFF with signed samples is not supported");
    if (kind->bits > 16)
        return error_set(err, ERROR_INVALID, NULL, "TIFF with %u-bit samples is not supported",
                         kind->bits);
    /* The library's conversion has another white than such files mean. */
    if (kind->photometric == PHOTOMETRIC_CIELAB || kind->photometric == PHOTOMETRIC_ICCLAB ||
        kind->photometric == PHOTOMETRIC_ITULAB)
        return error_set(err, ERROR_INVALID, NULL, "TIFF of L*a*b* colours is not supported");
    if (kind->photometric == PHOTOMETRIC_SEPARATED &&
        (kind->ink_set != INKSET_CMYK || kind->samples < 4 || kind->bits < 8))
        return error_set(err, ERROR_INVALID, NULL,
                         "TIFF with inks other than CMYK is not supported");
    return true;
}

static struct str read_profile(struct arena *arena, const struct tiff_file *file) {
    uint32_t size = 0;
    const void *data = NULL;
    if (TIFFGetField(file->tiff, TIFFTAG_ICCPROFILE, &size, &data) != 1 || size == 0 ||
        size > CONTAINER_MAX_PROFILE_BYTES)
        return (struct str){NULL, 0};
    char *copy = arena_alloc(arena, size);
    memcpy(copy, data, size);
    return (struct str){copy, size};
}

bool tiff_read_facts(struct arena *arena, struct str image, struct image_facts *ret,
                     struct error *err) {
    struct tiff_file file CLEANUP(tiff_close) = {.tiff = NULL};
    struct tiff_kind kind;
    if (!tiff_open(image, &file, err))
        return false;
    tiff_read_kind(&file, &kind);
    if (!check_kind(&kind, err))
        return false;
    *ret = (struct image_facts){
        .width = kind.width,
        .height = kind.height,
        .exif = image,
        .premultiplied = kind.alpha == TIFF_ALPHA_PREMULTIPLIED || !tiff_is_plain(&kind),
        .colour = {.profile = read_profile(arena, &file)},
        .warning = TIFFLastDirectory(file.tiff) ? NULL : "only the first page is used",
    };
    return true;
}

/* The library's conversion: R'G'B'A of 8 bits, premultiplied, rows as they are stored. */
static bool decode_by_library(struct tiff_file *file, const struct reading *reading,
                              struct pixels *ret, struct error *err) {
    const struct image_header *header = reading->header;
    TIFFRGBAImage conversion;
    char text[1024] = "";
    if (!TIFFRGBAImageOK(file->tiff, text) || !TIFFRGBAImageBegin(&conversion, file->tiff, 1, text))
        return error_set(err, ERROR_INVALID, NULL, "TIFF of a kind that is not supported: '%s'",
                         text);
    conversion.req_orientation = conversion.orientation;
    bool has_alpha = conversion.alpha != 0;
    struct pixels pixels = {.layout = has_alpha ? PIXELS_RGBA : PIXELS_RGB,
                            .depth = 8,
                            .width = header->width,
                            .height = header->height,
                            .premultiplied = has_alpha,
                            .scale_denominator = 1};
    unsigned channels = has_alpha ? 4 : 3;
    planes_need(reading->planes, &pixels, channels);
    size_t count = (size_t)header->width * header->height;
    uint32_t *packed = scratch_need(&reading->planes->staging, count * sizeof *packed);
    int done = TIFFRGBAImageGet(&conversion, packed, header->width, header->height);
    TIFFRGBAImageEnd(&conversion);
    if (!done || file->error[0] != '\0')
        return tiff_refuse(file, err);
    for (unsigned y = 0; y < pixels.height; y++) {
        const uint32_t *row = packed + (size_t)y * header->width;
        for (unsigned c = 0; c < channels; c++) {
            uint8_t *target = pixels.planes[c] + y * pixels.strides[c];
            for (unsigned x = 0; x < pixels.width; x++)
                target[x] = (uint8_t)(row[x] >> 8 * c);
        }
    }
    *ret = pixels;
    return true;
}

bool tiff_decode(const struct reading *reading, struct pixels *ret, struct error *err) {
    struct tiff_file file CLEANUP(tiff_close) = {.tiff = NULL};
    struct tiff_kind kind;
    if (!tiff_open(reading->image, &file, err))
        return false;
    tiff_read_kind(&file, &kind);
    if (kind.width != reading->header->width || kind.height != reading->header->height)
        return error_set(err, ERROR_INVALID, NULL, "damaged: it has two sizes");
    return tiff_is_plain(&kind) ? tiff_decode_samples(&file, &kind, reading, ret, err)
                                : decode_by_library(&file, reading, ret, err);
}
