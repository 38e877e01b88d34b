/*
 * What an image is, whether it may be decoded, and who does it.
 */
#include "media/decode.h"

#include "media/exif.h"
#include "media/magic.h"
#include "media/media.h"
#include "media/planes.h"
#include "media/readers.h"

#include <libavutil/log.h>
#include <stdlib.h>
#include <string.h>

enum {
    IMAGE_MAX_SIDE = 65535,
    UNSPECIFIED = 2, /* ITU-T H.273 */
    SRGB_PRIMARIES = 1,
    SRGB_TRANSFER = 13,
};

struct decoder {
    tjhandle jpeg;
    struct planes planes;
};

static const struct reader {
    const char *name;
    read_facts_function *read_facts;
    read_pixels_function *read_pixels;
} readers[] = {
    [IMAGE_UNKNOWN] = {"unknown", NULL, NULL},
    [IMAGE_JPEG] = {"jpeg", jpeg_read_facts, jpeg_decode},
    [IMAGE_PNG] = {"png", png_read_facts, avimage_decode},
    [IMAGE_WEBP] = {"webp", webp_read_facts, webp_decode},
    [IMAGE_TIFF] = {"tiff", tiff_read_facts, tiff_decode},
    [IMAGE_BMP] = {"bmp", bmp_read_facts, avimage_decode},
    [IMAGE_GIF] = {"gif", gif_read_facts, gif_decode},
    [IMAGE_HEIC] = {"heic", heif_read_facts, heif_decode},
    [IMAGE_AVIF] = {"avif", heif_read_facts, heif_decode},
    [IMAGE_JXL] = {"jxl", jxl_read_facts, jxl_decode},
    [IMAGE_RAW] = {"raw", raw_read_facts, raw_decode},
};

const char *image_format_name(enum image_format format) {
    return readers[format].name;
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
    const struct reader *reader = &readers[format];
    if (reader->read_facts == NULL)
        return magic_refuse(image, err);
    if (!reader->read_facts(arena, image, &facts, err) ||
        !check_size(facts.width, facts.height, err))
        return false;
    struct exif exif = exif_read(arena, facts.exif);
    *ret = (struct image_header){
        .format = format,
        .width = facts.width,
        .height = facts.height,
        .orientation = facts.turned != 0 ? facts.turned : exif.orientation,
        .colour = facts.colour,
        .premultiplied = facts.premultiplied,
        .captured = exif.captured != NULL ? exif.captured : facts.captured,
        .warning = facts.warning,
    };
    /* Not said, or said to be unknown: sRGB. */
    if (ret->colour.primaries == 0 || ret->colour.primaries == UNSPECIFIED)
        ret->colour.primaries = SRGB_PRIMARIES;
    if (ret->colour.transfer == 0 || ret->colour.transfer == UNSPECIFIED)
        ret->colour.transfer = SRGB_TRANSFER;
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
    const struct reading reading = {
        .arena = arena,
        .image = image,
        .header = header,
        .wanted_width = wanted_width,
        .wanted_height = wanted_height,
        .jpeg = decoder->jpeg,
        .planes = &decoder->planes,
    };
    return readers[header->format].read_pixels(&reading, ret, err);
}
