/*
 * Samples of TIFF files: strips or tiles, interleaved or one plane after the other, of 8 or 16
 * bits.
 */
#include "media/tiff_file.h"

#include <string.h>

enum {
    /* One strip or tile, unpacked; more than the largest picture that is read would take. */
    MAX_PIECE_BYTES = 1200 * 1000 * 1000,
};

/* How a file is cut into pieces. */
struct pieces {
    uint32_t width, height; /* of one; strips are as wide as the picture */
    size_t row_bytes, bytes;
    unsigned samples; /* interleaved in one */
    bool are_tiles;
};

bool tiff_is_plain(const struct tiff_kind *kind) {
    bool is_jpeg_colour = kind->photometric == PHOTOMETRIC_YCBCR &&
                          kind->compression == COMPRESSION_JPEG && !kind->is_planar;
    unsigned needed = kind->photometric == PHOTOMETRIC_SEPARATED               ? 4
                      : kind->photometric == PHOTOMETRIC_RGB || is_jpeg_colour ? 3
                                                                               : 1;
    bool is_known = kind->photometric == PHOTOMETRIC_MINISBLACK ||
                    kind->photometric == PHOTOMETRIC_MINISWHITE ||
                    kind->photometric == PHOTOMETRIC_RGB || is_jpeg_colour ||
                    kind->photometric == PHOTOMETRIC_SEPARATED;
    return is_known && kind->samples >= needed && (kind->bits == 8 || kind->bits == 16);
}

static unsigned colours_of(const struct tiff_kind *kind) {
    if (kind->photometric == PHOTOMETRIC_SEPARATED)
        return 4;
    return kind->photometric == PHOTOMETRIC_MINISBLACK ||
                   kind->photometric == PHOTOMETRIC_MINISWHITE
               ? 1
               : 3;
}

static bool has_alpha(const struct tiff_kind *kind) {
    unsigned colours = colours_of(kind);
    return colours < 4 && kind->samples > colours && kind->alpha != TIFF_ALPHA_NONE;
}

static bool read_pieces(struct tiff_file *file, const struct tiff_kind *kind, struct pieces *ret,
                        struct error *err) {
    struct pieces pieces = {.width = kind->width,
                            .height = kind->height,
                            .samples = kind->is_planar ? 1 : kind->samples,
                            .are_tiles = TIFFIsTiled(file->tiff) != 0};
    if (pieces.are_tiles) {
        (void)TIFFGetField(file->tiff, TIFFTAG_TILEWIDTH, &pieces.width);
        (void)TIFFGetField(file->tiff, TIFFTAG_TILELENGTH, &pieces.height);
    } else {
        uint32_t rows = 0;
        (void)TIFFGetFieldDefaulted(file->tiff, TIFFTAG_ROWSPERSTRIP, &rows);
        pieces.height = rows < kind->height ? rows : kind->height;
    }
    uint64_t bytes = pieces.are_tiles ? TIFFTileSize64(file->tiff) : TIFFStripSize64(file->tiff);
    uint64_t row = (uint64_t)pieces.width * pieces.samples * (kind->bits / 8);
    if (pieces.width == 0 || pieces.height == 0 || bytes == 0)
        return error_set(err, ERROR_INVALID, NULL, "damaged: its parts have no size");
    if (bytes > MAX_PIECE_BYTES || row > MAX_PIECE_BYTES)
        return error_set(err, ERROR_LIMIT, NULL, "a part of it is over the limit of %d MB",
                         MAX_PIECE_BYTES / 1000000);
    if (row * pieces.height > bytes)
        return error_set(err, ERROR_INVALID, NULL, "damaged: its parts have two sizes");
    pieces.row_bytes = (size_t)row;
    pieces.bytes = (size_t)bytes;
    *ret = pieces;
    return true;
}

/* One sample of a row of pixels, `step` bytes apart, to a row of a plane. */
static void unpack_row(const uint8_t *source, size_t step, unsigned bits, bool is_inverted,
                       uint8_t *target, uint32_t count) {
    uint8_t flip = is_inverted ? 255 : 0;
    if (bits == 8) {
        for (uint32_t x = 0; x < count; x++)
            target[x] = source[x * step] ^ flip;
        return;
    }
    for (uint32_t x = 0; x < count; x++) {
        uint16_t value;
        memcpy(&value, source + x * step, sizeof value);
        target[x] = (uint8_t)((value * 255u + 32767) / 65535) ^ flip;
    }
}

/* Where one piece goes. */
struct spot {
    uint32_t left, top, width, height;
    unsigned sample; /* of files that are planar; else 0 */
};

static void unpack_piece(const uint8_t *piece, const struct pieces *pieces,
                         const struct tiff_kind *kind, const struct spot *spot,
                         struct pixels *pixels) {
    unsigned bytes = kind->bits / 8, colours = colours_of(kind);
    bool is_inverted = kind->photometric == PHOTOMETRIC_MINISWHITE;
    bool is_grey_alpha = colours == 1 && pixels->layout == PIXELS_RGBA;
    unsigned used = has_alpha(kind) ? colours + 1 : colours;
    for (unsigned i = 0; i < pieces->samples; i++) {
        unsigned sample = spot->sample + i;
        if (sample >= used)
            break;
        bool is_alpha = sample == colours;
        unsigned plane = is_alpha ? 3 : sample;
        for (uint32_t y = 0; y < spot->height; y++) {
            uint8_t *target =
                pixels->planes[plane] + (spot->top + y) * pixels->strides[plane] + spot->left;
            unpack_row(piece + y * pieces->row_bytes + (size_t)i * bytes,
                       (size_t)pieces->samples * bytes, kind->bits, is_inverted && !is_alpha,
                       target, spot->width);
            for (unsigned c = 1; c < 3 && is_grey_alpha && !is_alpha; c++)
                memcpy(pixels->planes[c] + (spot->top + y) * pixels->strides[c] + spot->left,
                       target, spot->width);
        }
    }
}

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static bool read_piece(struct tiff_file *file, const struct pieces *pieces, const struct spot *spot,
                       uint8_t *piece, struct error *err) {
    uint16_t sample = (uint16_t)spot->sample;
    /* The last strip ends with the picture, tiles are whole. */
    size_t needed = pieces->are_tiles ? pieces->bytes : pieces->row_bytes * spot->height;
    tmsize_t got =
        pieces->are_tiles
            ? TIFFReadEncodedTile(file->tiff,
                                  TIFFComputeTile(file->tiff, spot->left, spot->top, 0, sample),
                                  piece, (tmsize_t)needed)
            : TIFFReadEncodedStrip(file->tiff, TIFFComputeStrip(file->tiff, spot->top, sample),
                                   piece, (tmsize_t)needed);
    if (got < 0 || (size_t)got < needed || file->error[0] != '\0')
        return tiff_refuse(file, err);
    return true;
}

static bool read_plane(struct tiff_file *file, const struct tiff_kind *kind,
                       const struct pieces *pieces, unsigned sample, uint8_t *piece,
                       struct pixels *pixels, struct error *err) {
    for (uint32_t top = 0; top < kind->height; top += pieces->height) {
        for (uint32_t left = 0; left < kind->width; left += pieces->width) {
            const struct spot spot = {left, top, smaller(pieces->width, kind->width - left),
                                      smaller(pieces->height, kind->height - top), sample};
            if (!read_piece(file, pieces, &spot, piece, err))
                return false;
            unpack_piece(piece, pieces, kind, &spot, pixels);
        }
    }
    return true;
}

bool tiff_decode_samples(struct tiff_file *file, const struct tiff_kind *kind,
                         const struct reading *reading, struct pixels *ret, struct error *err) {
    unsigned colours = colours_of(kind);
    bool alpha = has_alpha(kind);
    struct pieces pieces;
    /* The library turns JPEG's Y'CbCr into R'G'B'. */
    if (kind->photometric == PHOTOMETRIC_YCBCR)
        (void)TIFFSetField(file->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    if (!read_pieces(file, kind, &pieces, err))
        return false;
    struct pixels pixels = {.layout = colours == 4   ? PIXELS_CMYK
                                      : alpha        ? PIXELS_RGBA
                                      : colours == 1 ? PIXELS_GREY
                                                     : PIXELS_RGB,
                            .depth = 8,
                            .width = kind->width,
                            .height = kind->height,
                            .premultiplied = alpha && kind->alpha == TIFF_ALPHA_PREMULTIPLIED,
                            .scale_denominator = 1};
    planes_need(reading->planes, &pixels, alpha ? 4 : colours);
    uint8_t *piece = scratch_need(&reading->planes->staging, pieces.bytes);
    unsigned planes = kind->is_planar ? (alpha ? colours + 1 : colours) : 1;
    for (unsigned sample = 0; sample < planes; sample++) {
        if (!read_plane(file, kind, &pieces, sample, piece, &pixels, err))
            return false;
    }
    *ret = pixels;
    return true;
}
