/*
 * GIF (89a): the first picture, on the canvas that browsers show it on; through giflib. What the
 * picture does not cover, and what it calls transparent, is transparent.
 */
#include "media/bytes.h"
#include "media/readers.h"

#include <gif_lib.h>
#include <string.h>

enum {
    HEADER_BYTES = 13,
    IMAGE_BYTES = 10,
    INTRODUCER_EXTENSION = 0x21,
    INTRODUCER_IMAGE = 0x2c,
    INTRODUCER_END = 0x3b,
    PALETTE_FOLLOWS = 0x80,
};

/* The blocks of a file, as they follow each other. */
struct walk {
    const uint8_t *bytes;
    size_t size, at;
};

static size_t palette_bytes(uint8_t flags) {
    return (flags & PALETTE_FOLLOWS) != 0 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

static bool skip(struct walk *walk, size_t count) {
    if (count > walk->size - walk->at)
        return false;
    walk->at += count;
    return true;
}

/* Blocks of up to 255 bytes behind their size, to an empty one. */
static bool skip_blocks(struct walk *walk) {
    while (walk->at < walk->size) {
        size_t count = walk->bytes[walk->at];
        if (!skip(walk, 1 + count))
            return false;
        if (count == 0)
            return true;
    }
    return false;
}

/* To the next picture's descriptor, which is `*ret`. False at the end, which is `*ret_end` or
 * missing. */
static bool next_picture(struct walk *walk, const uint8_t **ret, bool *ret_end) {
    *ret_end = false;
    while (walk->at < walk->size) {
        const uint8_t *block = walk->bytes + walk->at;
        if (block[0] == INTRODUCER_END) {
            *ret_end = true;
            return false;
        }
        if (block[0] == INTRODUCER_IMAGE) {
            *ret = block;
            return skip(walk, IMAGE_BYTES) && skip(walk, palette_bytes(block[9]) + 1) &&
                   skip_blocks(walk);
        }
        if (block[0] != INTRODUCER_EXTENSION || !skip(walk, 2) || !skip_blocks(walk))
            return false;
    }
    return false;
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

bool gif_read_facts(struct arena *arena, struct str image, struct image_facts *ret,
                    struct error *err) {
    (void)arena;
    struct walk walk = {(const uint8_t *)image.ptr, image.len, 0};
    const uint8_t *first, *second;
    bool has_end;
    if (!skip(&walk, HEADER_BYTES) || !skip(&walk, palette_bytes(walk.bytes[10])) ||
        !next_picture(&walk, &first, &has_end))
        return error_set(err, ERROR_INVALID, NULL,
                         walk.at < image.len ? "damaged: there is no picture in it" : "truncated");
    /* Some writers leave the canvas empty or too small. */
    *ret = (struct image_facts){
        .width = larger(read_le16(walk.bytes + 6), read_le16(first + 1) + read_le16(first + 5)),
        .height = larger(read_le16(walk.bytes + 8), read_le16(first + 3) + read_le16(first + 7)),
    };
    if (next_picture(&walk, &second, &has_end))
        ret->warning = "only the first picture of the animation is used";
    else if (!has_end)
        ret->warning = "damaged behind the first picture, which is used";
    return true;
}

static void close_gif(GifFileType **gif) {
    if (*gif != NULL)
        (void)DGifCloseFile(*gif, NULL);
}

static int read_bytes(GifFileType *gif, GifByteType *target, int count) {
    struct walk *walk = gif->UserData;
    size_t rest = walk->size - walk->at;
    size_t got = (size_t)count < rest ? (size_t)count : rest;
    memcpy(target, walk->bytes + walk->at, got);
    walk->at += got;
    return (int)got;
}

static bool refuse(const GifFileType *gif, struct error *err) {
    const char *text = GifErrorString(gif->Error);
    return error_set(err, ERROR_INVALID, NULL, "truncated or damaged: '%s'",
                     text == NULL ? "unknown error" : text);
}

/* To the picture's descriptor; says which colour is transparent, or NO_TRANSPARENT_COLOR. */
static bool find_picture(GifFileType *gif, int *ret_transparent, struct error *err) {
    *ret_transparent = NO_TRANSPARENT_COLOR;
    for (;;) {
        GifRecordType type;
        if (DGifGetRecordType(gif, &type) != GIF_OK)
            return refuse(gif, err);
        if (type == IMAGE_DESC_RECORD_TYPE)
            return DGifGetImageDesc(gif) == GIF_OK || refuse(gif, err);
        if (type != EXTENSION_RECORD_TYPE)
            return error_set(err, ERROR_INVALID, NULL, "damaged: there is no picture in it");
        int code;
        GifByteType *block;
        GraphicsControlBlock control;
        if (DGifGetExtension(gif, &code, &block) != GIF_OK)
            return refuse(gif, err);
        if (code == GRAPHICS_EXT_FUNC_CODE && block != NULL &&
            DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
            *ret_transparent = control.TransparentColor;
        while (block != NULL) {
            if (DGifGetExtensionNext(gif, &block) != GIF_OK)
                return refuse(gif, err);
        }
    }
}

static void paint_row(const GifByteType *row, const GifImageDesc *picture,
                      const ColorMapObject *colours, int transparent, unsigned y,
                      struct pixels *pixels) {
    unsigned channels = pixels->layout == PIXELS_RGBA ? 4 : 3;
    for (unsigned x = 0; x < (unsigned)picture->Width; x++) {
        size_t column = (unsigned)picture->Left + x;
        if (row[x] == transparent || row[x] >= colours->ColorCount)
            continue;
        const GifColorType *colour = &colours->Colors[row[x]];
        const uint8_t values[] = {colour->Red, colour->Green, colour->Blue, 255};
        for (unsigned c = 0; c < channels; c++)
            pixels->planes[c][y * pixels->strides[c] + column] = values[c];
    }
}

/* Rows as they are stored: one after the other, or in four interlaced passes. */
static bool paint(GifFileType *gif, int transparent, uint8_t *row, struct pixels *pixels,
                  struct error *err) {
    static const unsigned starts[] = {0, 4, 2, 1}, steps[] = {8, 8, 4, 2};
    const GifImageDesc *picture = &gif->Image;
    const ColorMapObject *colours = picture->ColorMap != NULL ? picture->ColorMap : gif->SColorMap;
    if (colours == NULL)
        return error_set(err, ERROR_INVALID, NULL, "damaged: it has no colours");
    unsigned height = (unsigned)picture->Height;
    for (unsigned pass = 0; pass < (picture->Interlace ? 4 : 1); pass++) {
        unsigned y = picture->Interlace ? starts[pass] : 0;
        unsigned step = picture->Interlace ? steps[pass] : 1;
        for (; y < height; y += step) {
            if (DGifGetLine(gif, row, picture->Width) != GIF_OK)
                return refuse(gif, err);
            paint_row(row, picture, colours, transparent, (unsigned)picture->Top + y, pixels);
        }
    }
    return true;
}

/* Black, and transparent where there is alpha. */
static void clear(struct pixels *pixels, unsigned channels) {
    for (unsigned c = 0; c < channels; c++)
        memset(pixels->planes[c], 0, pixels->strides[c] * pixels->height);
}

bool gif_decode(const struct reading *reading, struct pixels *ret, struct error *err) {
    struct walk walk = {(const uint8_t *)reading->image.ptr, reading->image.len, 0};
    const struct image_header *header = reading->header;
    int code = 0, transparent;
    GifFileType *gif CLEANUP(close_gif) = DGifOpen(&walk, read_bytes, &code);
    if (gif == NULL)
        return error_set(err, ERROR_INVALID, NULL, "truncated or damaged: '%s'",
                         GifErrorString(code) == NULL ? "unknown error" : GifErrorString(code));
    if (!find_picture(gif, &transparent, err))
        return false;
    const GifImageDesc *picture = &gif->Image;
    if (picture->Left < 0 || picture->Top < 0 || picture->Width <= 0 || picture->Height <= 0 ||
        (unsigned)picture->Left + (unsigned)picture->Width > header->width ||
        (unsigned)picture->Top + (unsigned)picture->Height > header->height)
        return error_set(err, ERROR_INVALID, NULL,
                         "damaged: the picture lies outside of its canvas");
    bool is_opaque = transparent == NO_TRANSPARENT_COLOR &&
                     (unsigned)picture->Width == header->width &&
                     (unsigned)picture->Height == header->height;
    struct pixels pixels = {.layout = is_opaque ? PIXELS_RGB : PIXELS_RGBA,
                            .depth = 8,
                            .width = header->width,
                            .height = header->height,
                            .scale_denominator = 1};
    unsigned channels = is_opaque ? 3 : 4;
    planes_need(reading->planes, &pixels, channels);
    clear(&pixels, channels);
    uint8_t *row = scratch_need(&reading->planes->staging, header->width);
    if (!paint(gif, transparent, row, &pixels, err))
        return false;
    *ret = pixels;
    return true;
}
