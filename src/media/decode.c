/*
 * What an image is, whether it may be decoded, and who does it.
 */
#include "media/decode.h"

#include "media/avimage.h"
#include "media/container.h"
#include "media/exif.h"
#include "media/jpeg.h"
#include "media/magic.h"
#include "media/media.h"
#include "media/planes.h"

#include <libavutil/log.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGE_MAX_SIDE = 65535 };

struct decoder {
    tjhandle jpeg;
    struct planes planes;
};

static bool has_bytes(struct str image, size_t at, const char *bytes, size_t size) {
    return image.len >= at + size && memcmp(image.ptr + at, bytes, size) == 0;
}

enum image_format image_format_of(struct str image) {
    if (has_bytes(image, 0, "\xff\xd8\xff", 3))
        return IMAGE_JPEG;
    if (has_bytes(image, 0, "\x89PNG\r\n\x1a\n", 8))
        return IMAGE_PNG;
    if (has_bytes(image, 0, "RIFF", 4) && has_bytes(image, 8, "WEBP", 4))
        return IMAGE_WEBP;
    if (has_bytes(image, 0, "II*\0", 4) || has_bytes(image, 0, "MM\0*", 4))
        return IMAGE_TIFF;
    return IMAGE_UNKNOWN;
}

const char *image_format_name(enum image_format format) {
    static const char *const names[] = {"unknown", "jpeg", "png",  "webp", "tiff", "bmp",
                                        "gif",     "heic", "avif", "jxl",  "raw"};
    return names[format];
}

static bool read_facts(struct arena *arena, struct str image, enum image_format format,
                       struct image_facts *ret, struct error *err) {
    switch (format) {
    case IMAGE_JPEG:
        return jpeg_read_facts(arena, image, ret, err);
    case IMAGE_PNG:
        return png_read_facts(arena, image, ret, err);
    case IMAGE_WEBP:
        return webp_read_facts(image, ret, err);
    case IMAGE_TIFF:
        return magic_check(image, err) && tiff_read_facts(image, ret, err);
    default:
        break;
    }
    return magic_refuse(image, err);
}

static bool check_size(uint32_t width, uint32_t height, struct error *err) {
    if (width == 0 || height == 0)
        return error_set(err, ERROR_INVALID, NULL, "damaged: its size is %ux%u", (unsigned)width,
                         (unsigned)height);
    if ((uint64_t)width * height > MEDIA_MAX_PIXELS)
        return error_set(err, ERROR_LIMIT, NULL, "%ux%u is over the limit of %d megapixels",
                         (unsigned)width, (unsigned)height, MEDIA_MAX_PIXELS / 1000000);
    if (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        return error_set(err, ERROR_LIMIT, NULL, "%ux%u is over the limit of %d pixels a side",
                         (unsigned)width, (unsigned)height, IMAGE_MAX_SIDE);
    return true;
}

bool image_read_header(struct arena *arena, struct str image, struct image_header *ret,
                       struct error *err) {
    struct image_facts facts = {0};
    enum image_format format = image_format_of(image);
    if (!read_facts(arena, image, format, &facts, err) ||
        !check_size(facts.width, facts.height, err))
        return false;
    struct image_header header = {
        .format = format,
        .width = facts.width,
        .height = facts.height,
        .colour = {.profile = facts.profile, .primaries = 1, .transfer = 13},
        .premultiplied = facts.premultiplied,
        .warning = facts.warning,
    };
    struct exif exif = exif_read(arena, facts.exif);
    header.orientation = exif.orientation;
    header.captured = exif.captured;
    *ret = header;
    return true;
}

struct decoder *decoder_new(void) {
    struct decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL)
        die_out_of_memory();
    decoder->jpeg = tjInitDecompress();
    if (decoder->jpeg == NULL)
        die_out_of_memory();
    /* Damaged images are errors that are returned; the library would also print them. */
    av_log_set_level(AV_LOG_QUIET);
    return decoder;
}

void decoder_free(struct decoder *decoder) {
    if (decoder == NULL)
        return;
    tjDestroy(decoder->jpeg);
    planes_clear(&decoder->planes);
    free(decoder);
}

bool decoder_run(struct decoder *decoder, struct arena *arena, struct str image,
                 const struct image_header *header, unsigned wanted_width, unsigned wanted_height,
                 struct pixels *ret, struct error *err) {
    planes_trim(&decoder->planes);
    if (header->format == IMAGE_JPEG)
        return jpeg_decode(decoder->jpeg, arena, image, header, wanted_width, wanted_height,
                           &decoder->planes, ret, err);
    return avimage_decode(image, header, &decoder->planes, ret, err);
}
