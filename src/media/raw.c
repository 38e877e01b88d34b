/*
 * Camera raw by the preview that the camera put inside, which libraw finds: what is on the sensor
 * is not developed. Previews are JPEGs (then the reader of JPEG does the rest) or plain samples.
 */
#include "media/exif.h"
#include "media/readers.h"

#include <libraw/libraw.h>
#include <string.h>

enum {
    PREVIEW_CHANNELS = 3,
    /* Of plain samples; cameras that have such previews have small ones. */
    PREVIEW_MAX_PIXELS = 64 * 1000 * 1000,
};

static void close_raw(libraw_data_t **raw) {
    if (*raw != NULL)
        libraw_close(*raw);
}

static bool refuse(int code, struct error *err) {
    if (code == LIBRAW_NO_THUMBNAIL || code == LIBRAW_UNSUPPORTED_THUMBNAIL)
        return error_set(err, ERROR_INVALID, NULL,
                         "camera raw without a preview that this version reads");
    if (code == LIBRAW_FILE_UNSUPPORTED)
        return error_set(err, ERROR_INVALID, NULL,
                         "damaged, or camera raw of a kind that is not supported");
    if (code == LIBRAW_IO_ERROR || code == LIBRAW_DATA_ERROR)
        return error_set(err, ERROR_INVALID, NULL, "truncated or damaged");
    if (code == LIBRAW_UNSUFFICIENT_MEMORY || code == LIBRAW_TOO_BIG)
        return error_set(err, ERROR_LIMIT, NULL, "camera raw over the limits of the library");
    return error_set(err, ERROR_INVALID, NULL, "truncated or damaged: '%s'", libraw_strerror(code));
}

/* Sizes are checked before anything is read by them. */
static bool check_preview(const libraw_data_t *raw, struct str image, struct error *err) {
    const libraw_thumbnail_t *preview = &raw->thumbnail;
    uint64_t pixels = (uint64_t)preview->twidth * preview->theight;
    if (preview->tlength > image.len || pixels > PREVIEW_MAX_PIXELS)
        return error_set(err, ERROR_INVALID, NULL, "damaged: its preview is larger than the file");
    return true;
}

static bool open_raw(struct str image, libraw_data_t **ret, struct error *err) {
    libraw_data_t *raw =
        libraw_init(LIBRAW_OPIONS_NO_DATAERR_CALLBACK | LIBRAW_OPIONS_NO_MEMERR_CALLBACK);
    if (raw == NULL)
        die_out_of_memory();
    *ret = raw;
    int code = libraw_open_buffer(raw, (void *)(uintptr_t)image.ptr, image.len);
    if (code != LIBRAW_SUCCESS)
        return refuse(code, err);
    if (!check_preview(raw, image, err))
        return false;
    code = libraw_unpack_thumb(raw);
    if (code != LIBRAW_SUCCESS)
        return refuse(code, err);
    const libraw_thumbnail_t *preview = &raw->thumbnail;
    bool is_plain = preview->tformat == LIBRAW_THUMBNAIL_BITMAP;
    if (preview->thumb == NULL || (!is_plain && preview->tformat != LIBRAW_THUMBNAIL_JPEG) ||
        (is_plain &&
         preview->tlength < (uint64_t)preview->twidth * preview->theight * PREVIEW_CHANNELS))
        return refuse(LIBRAW_UNSUPPORTED_THUMBNAIL, err);
    return true;
}

static bool is_jpeg(const libraw_data_t *raw) {
    return raw->thumbnail.tformat == LIBRAW_THUMBNAIL_JPEG;
}

static struct str preview_of(const libraw_data_t *raw) {
    return (struct str){raw->thumbnail.thumb, raw->thumbnail.tlength};
}

/* A JPEG of the preview that outlives the raw file's handle, with what belongs to it. */
static bool read_jpeg_facts(struct arena *arena, const libraw_data_t *raw, struct image_facts *ret,
                            struct error *err) {
    struct str preview = preview_of(raw);
    if (image_format_of(preview) != IMAGE_JPEG)
        return refuse(LIBRAW_UNSUPPORTED_THUMBNAIL, err);
    char *copy = arena_alloc(arena, preview.len);
    memcpy(copy, preview.ptr, preview.len);
    return jpeg_read_facts(arena, (struct str){copy, preview.len}, ret, err);
}

/* EXIF's orientation by the numbers of dcraw: 1 mirrors, 2 flips, then 4 swaps the sides. */
static unsigned orientation_of(int flip) {
    static const unsigned char orientations[] = {1, 2, 4, 3, 5, 8, 6, 7};
    return orientations[flip & 7];
}

bool raw_read_facts(struct arena *arena, struct str image, struct image_facts *ret,
                    struct error *err) {
    libraw_data_t *raw CLEANUP(close_raw) = NULL;
    struct image_facts facts = {0};
    if (!open_raw(image, &raw, err))
        return false;
    if (!is_jpeg(raw)) {
        facts.width = raw->thumbnail.twidth;
        facts.height = raw->thumbnail.theight;
    } else if (!read_jpeg_facts(arena, raw, &facts, err)) {
        return false;
    }
    /* What the file itself says counts. */
    struct exif own = exif_read(arena, image);
    facts.turned = own.orientation > 1 ? own.orientation : orientation_of(raw->sizes.flip);
    facts.captured = own.captured != NULL ? own.captured : exif_read(arena, facts.exif).captured;
    facts.exif = (struct str){NULL, 0};
    facts.warning = arena_printf(
        arena, "camera raw: its embedded preview of %ux%u is used, not the sensor's %ux%u",
        (unsigned)facts.width, (unsigned)facts.height, (unsigned)raw->sizes.width,
        (unsigned)raw->sizes.height);
    *ret = facts;
    return true;
}

static void unpack_plain(const libraw_data_t *raw, struct planes *planes, struct pixels *pixels) {
    const uint8_t *samples = (const uint8_t *)raw->thumbnail.thumb;
    *pixels = (struct pixels){.layout = PIXELS_RGB,
                              .depth = 8,
                              .width = raw->thumbnail.twidth,
                              .height = raw->thumbnail.theight,
                              .scale_denominator = 1};
    planes_need(planes, pixels, PREVIEW_CHANNELS);
    for (unsigned y = 0; y < pixels->height; y++) {
        for (unsigned c = 0; c < PREVIEW_CHANNELS; c++) {
            uint8_t *row = pixels->planes[c] + y * pixels->strides[c];
            const uint8_t *source = samples + (size_t)y * pixels->width * PREVIEW_CHANNELS + c;
            for (unsigned x = 0; x < pixels->width; x++)
                row[x] = source[(size_t)x * PREVIEW_CHANNELS];
        }
    }
}

bool raw_decode(const struct reading *reading, struct pixels *ret, struct error *err) {
    libraw_data_t *raw CLEANUP(close_raw) = NULL;
    if (!open_raw(reading->image, &raw, err))
        return false;
    if (!is_jpeg(raw)) {
        if (raw->thumbnail.twidth != reading->header->width ||
            raw->thumbnail.theight != reading->header->height)
            return error_set(err, ERROR_INVALID, NULL, "damaged: it has two sizes");
        unpack_plain(raw, reading->planes, ret);
        return true;
    }
    struct reading preview = *reading;
    preview.image = preview_of(raw);
    return jpeg_decode(&preview, ret, err);
}
