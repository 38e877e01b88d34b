/*
 * Encoders for tests.
 */
#include "image_files.h"

#include "base/codec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <zlib.h>

const char webp_lossy[] = "UklGRj4AAABXRUJQVlA4IDIAAADQAQCdASoQABAAAMASJaACdLoB+AADsAD+8dyP/Yzfozfo"
                          "zf2AP/1dt9bB/V23/VlAAA==";
const char webp_lossy_alpha[] =
    "UklGRmIAAABXRUJQVlA4WAoAAAAQAAAADwAADwAAQUxQSAoAAAABB1DAiAhERP8DVlA4IDIAAADQAQCdASoQABAAAMAS"
    "JaACdLoB+AADsAD+8dyP/Yzfozfozf2AP/1dt9bB/V23/VlAAA==";
const char webp_lossless[] = "UklGRioAAABXRUJQVlA4TB0AAAAvAgAAABcgEEjaH3qN+RcQFPk/2vwHXwpqENH/AAA=";

struct picture picture_new(struct arena *arena, unsigned width, unsigned height) {
    return (struct picture){width, height, arena_alloc(arena, (size_t)width * height * 3)};
}

struct picture picture_flat(struct arena *arena, unsigned width, unsigned height, uint8_t red,
                            uint8_t green, uint8_t blue) {
    struct picture picture = picture_new(arena, width, height);
    for (size_t i = 0; i < (size_t)width * height; i++) {
        picture.rgb[3 * i] = red;
        picture.rgb[3 * i + 1] = green;
        picture.rgb[3 * i + 2] = blue;
    }
    return picture;
}

struct picture picture_uneven(struct arena *arena, unsigned width, unsigned height) {
    struct picture picture = picture_new(arena, width, height);
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++) {
            uint8_t *pixel = picture.rgb + 3 * ((size_t)y * width + x);
            pixel[0] = (uint8_t)(20 + 200 * x / width);
            pixel[1] = (uint8_t)(230 - 180 * y / height);
            pixel[2] = (uint8_t)(40 + 150 * x * y / (width * height));
        }
    }
    return picture;
}

struct picture picture_stored(struct arena *arena, const struct picture *upright,
                              unsigned orientation) {
    bool swaps = orientation >= 5;
    unsigned width = swaps ? upright->height : upright->width;
    unsigned height = swaps ? upright->width : upright->height;
    struct picture stored = picture_new(arena, width, height);
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++) {
            /* CIPA DC-008: where row 0 and column 0 are in the upright picture. */
            const unsigned right = width - 1 - x, down = height - 1 - y;
            const unsigned columns[] = {0, x, right, right, x, y, down, down, y};
            const unsigned rows[] = {0, y, y, down, down, x, x, right, right};
            size_t from = (size_t)rows[orientation] * upright->width + columns[orientation];
            memcpy(stored.rgb + 3 * ((size_t)y * width + x), upright->rgb + 3 * from, 3);
        }
    }
    return stored;
}

static struct str take_jpeg(struct arena *arena, tjhandle handle, unsigned char *jpeg,
                            unsigned long size) {
    char *copy = arena_alloc(arena, size);
    memcpy(copy, jpeg, size);
    tjFree(jpeg);
    tjDestroy(handle);
    return (struct str){copy, size};
}

struct str jpeg_of(struct arena *arena, const struct picture *picture, int sampling, int quality,
                   int flags) {
    tjhandle handle = tjInitCompress();
    unsigned char *jpeg = NULL;
    unsigned long size = 0;
    int failed = tjCompress2(handle, picture->rgb, (int)picture->width, 0, (int)picture->height,
                             TJPF_RGB, &jpeg, &size, sampling, quality, flags | TJFLAG_ACCURATEDCT);
    if (failed != 0)
        abort();
    return take_jpeg(arena, handle, jpeg, size);
}

struct str jpeg_cmyk_of(struct arena *arena, const struct picture *picture) {
    size_t count = (size_t)picture->width * picture->height;
    uint8_t *cmyk = arena_alloc(arena, 4 * count);
    for (size_t i = 0; i < count; i++) {
        memcpy(cmyk + 4 * i, picture->rgb + 3 * i, 3);
        cmyk[4 * i + 3] = 255;
    }
    tjhandle handle = tjInitCompress();
    unsigned char *jpeg = NULL;
    unsigned long size = 0;
    if (tjCompress2(handle, cmyk, (int)picture->width, 0, (int)picture->height, TJPF_CMYK, &jpeg,
                    &size, TJSAMP_444, 95, 0) != 0)
        abort();
    return take_jpeg(arena, handle, jpeg, size);
}

static void put16(uint8_t *target, unsigned value, bool big_endian) {
    target[big_endian ? 0 : 1] = (uint8_t)(value >> 8);
    target[big_endian ? 1 : 0] = (uint8_t)value;
}

static void put32(uint8_t *target, uint32_t value, bool big_endian) {
    put16(target + (big_endian ? 0 : 2), value >> 16, big_endian);
    put16(target + (big_endian ? 2 : 0), value & 0xffff, big_endian);
}

/* One pixel of a packed format; returns its size. 16-bit samples are 257 times the 8-bit ones. */
static size_t put_pixel(uint8_t *target, enum AVPixelFormat format, const uint8_t *rgb,
                        uint8_t alpha) {
    bool is_grey =
        format == AV_PIX_FMT_GRAY8 || format == AV_PIX_FMT_YA8 || format == AV_PIX_FMT_GRAY16BE;
    bool has_alpha =
        format == AV_PIX_FMT_RGBA || format == AV_PIX_FMT_YA8 || format == AV_PIX_FMT_RGBA64BE;
    bool is_wide = format == AV_PIX_FMT_RGB48BE || format == AV_PIX_FMT_RGB48LE ||
                   format == AV_PIX_FMT_RGBA64BE || format == AV_PIX_FMT_GRAY16BE;
    uint8_t samples[4];
    unsigned count = is_grey ? 1 : 3;
    memcpy(samples, rgb, count);
    if (has_alpha)
        samples[count++] = alpha;
    for (unsigned i = 0; i < count; i++) {
        if (is_wide)
            put16(target + 2 * (size_t)i, samples[i] * 257u, true);
        else
            target[i] = samples[i];
    }
    return is_wide ? 2 * (size_t)count : count;
}

/* Colours of 3 bits red, 3 bits green, 2 bits blue. */
static void fill_palette(uint8_t *target) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t colour =
            0xff000000 | (i >> 5) * 255 / 7 << 16 | (i >> 2 & 7) * 255 / 7 << 8 | (i & 3) * 255 / 3;
        memcpy(target + 4 * (size_t)i, &colour, 4);
    }
}

static void fill_row(uint8_t *row, enum AVPixelFormat format, const struct picture *picture,
                     unsigned y, uint8_t alpha) {
    const uint8_t *rgb = picture->rgb + 3 * (size_t)y * picture->width;
    for (unsigned x = 0; x < picture->width; x++, rgb += 3) {
        if (format == AV_PIX_FMT_PAL8)
            row[x] = (uint8_t)((rgb[0] >> 5) << 5 | (rgb[1] >> 5) << 2 | rgb[2] >> 6);
        else if (format == AV_PIX_FMT_MONOBLACK)
            row[x / 8] = (uint8_t)(row[x / 8] | (rgb[0] >= 128 ? 0x80 >> x % 8 : 0));
        else
            row += put_pixel(row, format, rgb, alpha);
    }
}

struct str av_of(struct arena *arena, const struct picture *picture, enum AVCodecID id,
                 enum AVPixelFormat format, uint8_t alpha) {
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_encoder(id));
    codec->width = (int)picture->width;
    codec->height = (int)picture->height;
    codec->pix_fmt = format;
    codec->time_base = (AVRational){1, 1};
    codec->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    AVFrame *frame = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    frame->width = codec->width;
    frame->height = codec->height;
    frame->format = (int)format;
    if (avcodec_open2(codec, NULL, NULL) < 0 || av_frame_get_buffer(frame, 0) < 0)
        abort();
    if (format == AV_PIX_FMT_PAL8)
        fill_palette(frame->data[1]);
    for (unsigned y = 0; y < picture->height; y++) {
        uint8_t *row = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        memset(row, 0, (size_t)frame->linesize[0]);
        fill_row(row, format, picture, y, alpha);
    }
    if (avcodec_send_frame(codec, frame) < 0 || avcodec_send_frame(codec, NULL) < 0 ||
        avcodec_receive_packet(codec, packet) < 0)
        abort();
    size_t size = (size_t)packet->size;
    char *copy = arena_alloc(arena, size);
    memcpy(copy, packet->data, size);
    av_packet_free(&packet);
    av_frame_free(&frame);
    avcodec_free_context(&codec);
    return (struct str){copy, size};
}

static uint8_t *put_tag(uint8_t *entry, unsigned tag, unsigned type, uint32_t count, uint32_t value,
                        bool big_endian) {
    put16(entry, tag, big_endian);
    put16(entry + 2, type, big_endian);
    put32(entry + 4, count, big_endian);
    if (type == 3 && count == 1)
        put16(entry + 8, value, big_endian);
    else
        put32(entry + 8, value, big_endian);
    return entry + 12;
}

struct str tiff_of(struct arena *arena, const struct picture *picture, unsigned orientation,
                   bool big_endian) {
    enum { TAGS = 10, HEADER = 8 + 2 + TAGS * 12 + 4 + 6 };
    size_t pixels = (size_t)picture->width * picture->height * 3;
    uint8_t *bytes = arena_alloc(arena, HEADER + pixels);
    memcpy(bytes, big_endian ? "MM\0*" : "II*\0", 4);
    put32(bytes + 4, 8, big_endian);
    put16(bytes + 8, orientation == 0 ? TAGS - 1 : TAGS, big_endian);
    uint8_t *entry = bytes + 10;
    entry = put_tag(entry, 256, 4, 1, picture->width, big_endian);
    entry = put_tag(entry, 257, 4, 1, picture->height, big_endian);
    entry = put_tag(entry, 258, 3, 3, HEADER - 6, big_endian);
    entry = put_tag(entry, 259, 3, 1, 1, big_endian);
    entry = put_tag(entry, 262, 3, 1, 2, big_endian);
    entry = put_tag(entry, 273, 4, 1, HEADER, big_endian);
    if (orientation != 0)
        entry = put_tag(entry, 274, 3, 1, orientation, big_endian);
    entry = put_tag(entry, 277, 3, 1, 3, big_endian);
    entry = put_tag(entry, 278, 4, 1, picture->height, big_endian);
    put_tag(entry, 279, 4, 1, (uint32_t)pixels, big_endian);
    for (size_t i = 0; i < 3; i++)
        put16(bytes + HEADER - 6 + 2 * i, 8, big_endian);
    memcpy(bytes + HEADER, picture->rgb, pixels);
    return (struct str){(const char *)bytes, HEADER + pixels};
}

struct str file_of(struct arena *arena, const char *base64) {
    uint8_t *data;
    size_t size;
    if (!base64_decode(arena, str_c(base64), &data, &size))
        abort();
    return (struct str){(const char *)data, size};
}

static struct str join(struct arena *arena, struct str a, struct str b, struct str c) {
    char *whole = arena_alloc(arena, a.len + b.len + c.len);
    memcpy(whole, a.ptr, a.len);
    memcpy(whole + a.len, b.ptr, b.len);
    memcpy(whole + a.len + b.len, c.ptr, c.len);
    return (struct str){whole, a.len + b.len + c.len};
}

static struct str insert(struct arena *arena, struct str file, size_t at, struct str piece) {
    assert(at <= file.len);
    return join(arena, (struct str){file.ptr, at}, piece,
                (struct str){file.ptr + at, file.len - at});
}

struct str with_jpeg_segment(struct arena *arena, struct str jpeg, uint8_t marker,
                             struct str data) {
    uint8_t head[4] = {0xff, marker, (uint8_t)((data.len + 2) >> 8), (uint8_t)(data.len + 2)};
    struct str piece = join(arena, (struct str){(char *)head, 4}, data, (struct str){"", 0});
    return insert(arena, jpeg, 2, piece);
}

struct str with_png_chunk(struct arena *arena, struct str png, const char *type, struct str data) {
    uint8_t *chunk = arena_alloc(arena, data.len + 12);
    put32(chunk, (uint32_t)data.len, true);
    memcpy(chunk + 4, type, 4);
    memcpy(chunk + 8, data.ptr, data.len);
    put32(chunk + 8 + data.len, (uint32_t)crc32(0, chunk + 4, (uInt)data.len + 4), true);
    /* Behind signature and header. */
    return insert(arena, png, 8 + 25, (struct str){(char *)chunk, data.len + 12});
}

/* One directory's entries, and behind them the values that do not fit in. */
struct directory {
    uint8_t *start, *entry, *values, *file;
    bool big_endian;
};

static struct directory start_directory(uint8_t *file, size_t at, unsigned tags, bool big_endian) {
    uint8_t *start = file + at;
    return (struct directory){start, start + 2, start + 2 + (size_t)tags * 12 + 4, file,
                              big_endian};
}

static void put_text(struct directory *directory, unsigned tag, const char *text) {
    if (text == NULL)
        return;
    uint32_t size = (uint32_t)strlen(text) + 1;
    bool fits = size <= 4;
    uint32_t at = (uint32_t)(directory->values - directory->file);
    put_tag(directory->entry, tag, 2, size, at, directory->big_endian);
    memcpy(fits ? directory->entry + 8 : directory->values, text, size);
    directory->values += fits ? 0 : size;
    directory->entry += 12;
}

static size_t end_directory(struct directory *directory) {
    put16(directory->start, (unsigned)((directory->entry - directory->start - 2) / 12),
          directory->big_endian);
    return (size_t)(directory->values - directory->file);
}

struct str exif_of(struct arena *arena, const struct exif_tags *tags, bool big_endian) {
    enum { MAX_BYTES = 1024, FIRST = 8, FIRST_TAGS = 3, SECOND_TAGS = 5 };
    uint8_t *exif = arena_alloc(arena, MAX_BYTES);
    memcpy(exif, big_endian ? "MM\0*" : "II*\0", 4);
    put32(exif + 4, FIRST, big_endian);
    struct directory first = start_directory(exif, FIRST, FIRST_TAGS, big_endian);
    if (tags->orientation != 0)
        first.entry = put_tag(first.entry, 0x0112, 3, 1, tags->orientation, big_endian);
    put_text(&first, 0x0132, tags->changed);
    size_t at = (size_t)(first.values - exif);
    first.entry = put_tag(first.entry, 0x8769, 4, 1, (uint32_t)at, big_endian);
    end_directory(&first);
    struct directory second = start_directory(exif, at, SECOND_TAGS, big_endian);
    put_text(&second, 0x9003, tags->original);
    put_text(&second, 0x9004, tags->digitized);
    put_text(&second, 0x9290, tags->fraction);
    put_text(&second, 0x9291, tags->fraction_original);
    put_text(&second, 0x9292, tags->fraction_digitized);
    return (struct str){(char *)exif, end_directory(&second)};
}

static struct str webp_with_exif(struct arena *arena, struct str webp, struct str exif) {
    uint8_t extended[18] = {'V', 'P', '8', 'X', 10, 0, 0, 0, 8};
    extended[12] = extended[15] = 15; /* both sides minus one */
    uint8_t head[8] = {'E', 'X', 'I', 'F'};
    put32(head + 4, (uint32_t)exif.len, false);
    struct str padding = {"", exif.len % 2};
    struct str chunk = join(arena, (struct str){(char *)head, 8}, exif, padding);
    struct str file = insert(arena, webp, 12, (struct str){(char *)extended, 18});
    file = join(arena, file, chunk, (struct str){"", 0});
    put32((uint8_t *)file.ptr + 4, (uint32_t)file.len - 8, false);
    return file;
}

struct str with_exif(struct arena *arena, struct str image, struct str exif) {
    switch (image_format_of(image)) {
    case IMAGE_JPEG:
        exif = join(arena, (struct str){"Exif\0", 6}, exif, (struct str){"", 0});
        return with_jpeg_segment(arena, image, 0xe1, exif);
    case IMAGE_PNG:
        return with_png_chunk(arena, image, "eXIf", exif);
    case IMAGE_WEBP:
        return webp_with_exif(arena, image, exif);
    default:
        abort();
    }
}

struct str with_orientation(struct arena *arena, struct str image, unsigned orientation) {
    uint8_t *exif = arena_alloc(arena, 26);
    memcpy(exif, "MM\0*\0\0\0\10\0\1", 10);
    put_tag(exif + 10, 274, 3, 1, orientation, true);
    return with_exif(arena, image, (struct str){(char *)exif, 26});
}

static double square(double value) {
    return value * value;
}

/* Red, green and blue of one pixel, by the numbers that the pixels say they have. */
static void colour_at(const struct pixels *pixels, unsigned x, unsigned y, double ret[3]) {
    double red_weight = pixels->matrix == 1 ? 0.2126 : pixels->matrix == 9 ? 0.2627 : 0.299;
    double blue_weight = pixels->matrix == 1 ? 0.0722 : pixels->matrix == 9 ? 0.0593 : 0.114;
    double sample[4];
    unsigned count = pixels->layout == PIXELS_GREY ? 1 : pixels->layout == PIXELS_CMYK ? 4 : 3;
    for (unsigned i = 0; i < count; i++) {
        unsigned shift_x = i > 0 && pixels->layout == PIXELS_YUV ? pixels->chroma_shift_x : 0;
        unsigned shift_y = i > 0 && pixels->layout == PIXELS_YUV ? pixels->chroma_shift_y : 0;
        const uint8_t *row = pixels->planes[i] + (y >> shift_y) * pixels->strides[i];
        sample[i] = row[x >> shift_x];
        if (pixels->depth == 16) {
            uint16_t wide;
            memcpy(&wide, row + (size_t)2 * x, 2);
            sample[i] = wide / 257.0;
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        ret[i] = sample[count == 1 ? 0 : i];
        if (pixels->layout == PIXELS_CMYK) /* ideal inks */
            ret[i] = (255 - sample[i]) * (255 - sample[3]) / 255;
    }
    if (pixels->layout != PIXELS_YUV)
        return;
    double luma = pixels->full_range ? sample[0] : (sample[0] - 16) * 255 / 219;
    double cb = (sample[1] - 128) * (pixels->full_range ? 1 : 255.0 / 224);
    double cr = (sample[2] - 128) * (pixels->full_range ? 1 : 255.0 / 224);
    ret[0] = luma + 2 * (1 - red_weight) * cr;
    ret[2] = luma + 2 * (1 - blue_weight) * cb;
    ret[1] = (luma - red_weight * ret[0] - blue_weight * ret[2]) / (1 - red_weight - blue_weight);
}

double pixels_error(const struct pixels *pixels, const struct picture *picture) {
    if (pixels->width != picture->width || pixels->height != picture->height)
        return 255.0 * 255;
    double sum = 0;
    for (unsigned y = 0; y < picture->height; y++) {
        for (unsigned x = 0; x < picture->width; x++) {
            double colour[3];
            colour_at(pixels, x, y, colour);
            for (unsigned c = 0; c < 3; c++)
                sum += square(colour[c] - picture->rgb[3 * ((size_t)y * picture->width + x) + c]);
        }
    }
    return sum / (3.0 * picture->width * picture->height);
}
