#include "media/decode.h"
#include "media/space.h"

#include "base/base.h"
#include "image_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lcms2.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

struct scene {
    struct arena *arena;
    struct decoder *decoder;
    struct error err;
    struct image_header header;
    struct pixels pixels;
};

static int set_up(void **state) {
    struct scene *scene = calloc(1, sizeof *scene);
    scene->arena = arena_new();
    scene->decoder = decoder_new();
    *state = scene;
    return 0;
}

static int tear_down(void **state) {
    struct scene *scene = *state;
    decoder_free(scene->decoder);
    arena_free(scene->arena);
    free(scene);
    return 0;
}

/* Bytes in memory of exactly that size, so that the sanitizer sees a read behind the end. */
static bool decode(struct scene *scene, struct str image, unsigned wanted_width,
                   unsigned wanted_height) {
    char *copy = malloc(image.len + 1);
    memmove(copy + 1, image.ptr, image.len);
    struct str exact = {copy + 1, image.len};
    memset(&scene->err, 0, sizeof scene->err);
    bool done = image_read_header(scene->arena, exact, &scene->header, &scene->err) &&
                decoder_run(scene->decoder, scene->arena, exact, &scene->header, wanted_width,
                            wanted_height, &scene->pixels, &scene->err);
    free(copy);
    return done;
}

static void assert_refused(struct scene *scene, struct str image, enum error_kind kind,
                           const char *text) {
    assert_false(decode(scene, image, 100, 100));
    assert_string_equal(scene->err.text, text);
    assert_int_equal(scene->err.kind, kind);
}

#define BYTES(text) ((struct str){text, sizeof(text) - 1})

static void what_is_no_image(void **state) {
    const struct {
        struct str file;
        const char *text;
    } cases[] = {
        {{"", 0}, "is empty"},
        {BYTES("Dear diary,\n"), "not an image (it looks like text)"},
        {BYTES("BMW, Audi"), "not an image (it looks like text)"},
        {BYTES("gr\xc3\xbc\xc3\x9f"), "not an image (it looks like text)"},
        {BYTES("<svg xmlns='http://www.w3.org/2000/svg'/>"), "not an image (it looks like text)"},
        {BYTES("\xff\xfeh\0i\0"), "not an image (it looks like text)"},
        {BYTES("\0\1\2\3"), "not an image of a known format"},
        {BYTES("\xff"), "not an image of a known format"},
        {BYTES("\0\0\0\x18"
               "ftypheic\0\0\0\0mif1heic"),
         "there is no still picture in it"},
        {BYTES("\0\0\0\x18"
               "ftypmif1\0\0\0\0mif1heic"),
         "there is no still picture in it"},
        {BYTES("\0\0\0\x1c"
               "ftypmif1\0\0\0\0mif1avifmiaf"),
         "there is no still picture in it"},
        {BYTES("\0\0\0\x18"
               "ftypisom\0\0\0\0isomavc1"),
         "video is not supported by this version"},
        {BYTES("\0\0\0\x18"
               "ftypcrx \0\0\0\1crx isom"),
         "truncated or damaged"},
        {BYTES("\0\0\0\x0c"
               "ftyp"),
         "not an image of a known format"},
        {BYTES("\x1a\x45\xdf\xa3\x01\0\0\0"), "video is not supported by this version"},
        {BYTES("RIFF\x10\0\0\0AVI LIST"), "video is not supported by this version"},
        {BYTES("\xff\x0a\xfa\x1f"), "truncated or damaged"},
        {BYTES("\0\0\0\x0cJXL \r\n\x87\n"), "truncated or damaged"},
        {BYTES("GIF89a\x01\0\x01\0\0\0\0"), "truncated"},
        {BYTES("GIF89a\x01\0\x01\0\0\0\0;"), "damaged: there is no picture in it"},
        {BYTES("BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"), "truncated"},
        {BYTES("BM\x46\0\0\0\0\0\0\0"), "not an image of a known format"},
        {BYTES("%PDF-1.4\n%\xe2\xe3"), "PDF is not supported by this version"},
        {BYTES("%PDF-1.4\n"), "PDF is not supported by this version"},
        {BYTES("8BPS\0\1\0\0"), "Photoshop's PSD is not supported by this version"},
        {BYTES("II*\0\x10\0\0\0CR\2\0\0\0\0\0\0\0"), "truncated or damaged"},
        {BYTES("FUJIFILMCCD-RAW 0201\0"), "truncated or damaged"},
        {BYTES("II+\0\x08\0\0\0"), "BigTIFF is not supported by this version"},
        {BYTES("\xff\xd8\xff"), "truncated"},
        {BYTES("\xff\xd8\xff\xd9"), "damaged: there is no picture in it"},
        {BYTES("\xff\xd8\xff\xe0\0\1"), "truncated"},
        {BYTES("\x89PNG\r\n\x1a\n"), "truncated"},
        {BYTES("\x89PNG\r\n\x1a\n\0\0\0\0IEND\xae\x42\x60\x82"),
         "damaged: it does not start with a header"},
        {BYTES("RIFF\4\0\0\0WEBP"), "damaged: there is no picture in it"},
        {BYTES("RIFF\0\0\0\0WEBP"), "damaged: there is no picture in it"},
        {BYTES("RIFF\5\0\0\0WEBP"), "truncated"},
        {BYTES("RIFF\xff\xff\xff\xffWEBPVP8 "), "truncated"},
        {BYTES("RIFF\x14\0\0\0WEBPANIM\6\0\0\0\0\0\0\0\0\0\0\0"),
         "damaged: there is no picture in it"},
        {BYTES("II*\0"), "truncated or damaged"},
        {BYTES("II*\0\xff\xff\xff\xff"), "truncated or damaged"},
        {BYTES("II*\0\x08\0\0\0\xff\xff"), "truncated or damaged"},
        {BYTES("II*\0\x08\0\0\0\0\0\0\0\0\0"), "truncated or damaged"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_refused(*state, cases[i].file, ERROR_INVALID, cases[i].text);
}

/* One tag changed or added in a file that is fine otherwise. */
static struct str tiff_with_tag(struct scene *scene, unsigned tag, unsigned value) {
    struct picture picture = picture_uneven(scene->arena, 8, 8);
    struct str tiff = tiff_of(scene->arena, &picture, 1, false);
    uint8_t *entry = (uint8_t *)tiff.ptr + 10 + 6 * 12; /* that of the orientation */
    for (unsigned i = 0; i < 10; i++) {
        uint8_t *other = (uint8_t *)tiff.ptr + 10 + i * 12;
        if (other[0] == (uint8_t)tag && other[1] == (uint8_t)(tag >> 8))
            entry = other;
    }
    entry[0] = (uint8_t)tag;
    entry[1] = (uint8_t)(tag >> 8);
    entry[8] = (uint8_t)value;
    entry[9] = (uint8_t)(value >> 8);
    return tiff;
}

static void tiff_of_kinds_that_are_not_read(void **state) {
    struct scene *scene = *state;
    static const struct {
        unsigned tag, value;
        const char *text;
    } cases[] = {
        {50706, 1, "damaged, or camera raw of a kind that is not supported"},
        {262, 32803, "damaged, or camera raw of a kind that is not supported"},
        {262, 8, "TIFF of L*a*b* colours is not supported"},
        {339, 2, "TIFF with signed samples is not supported"},
        {339, 3, "TIFF with floating-point samples is not supported"},
        {259, 6, "TIFF with JPEG compression of before 1995 is not supported"},
        {259, 34712, "TIFF with compression 34712 is not supported"},
        {256, 0, "truncated or damaged"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_refused(scene, tiff_with_tag(scene, cases[i].tag, cases[i].value), ERROR_INVALID,
                       cases[i].text);
}

/* Decoders must not make room for what cannot be there. */
static void too_few_data_for_a_size(void **state) {
    struct scene *scene = *state;
    struct picture small = picture_uneven(scene->arena, 16, 16);
    struct str png = av_of(scene->arena, &small, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255);
    memcpy((char *)png.ptr + 16, "\0\0\x40\0\0\0\x40\0", 8);
    assert_refused(scene, png, ERROR_INVALID, "truncated or damaged: too few data for 16384x16384");
}

/* PQ and HLG by PNG's chunk of colour numbers: more than eight bits until they are tone-mapped. */
static void png_of_high_dynamic_range(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 40, 30);
    struct str png = av_of(scene->arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB48BE, 255);
    static const struct {
        struct str numbers;
        unsigned depth, primaries, transfer;
    } cases[] = {{{"\x09\x10\0\1", 4}, 16, 9, 16},
                 {{"\x09\x12\0\1", 4}, 16, 9, 18},
                 {{"\x0c\x0d\0\1", 4}, 8, 12, 13},
                 {{"\x09\x10", 2}, 8, 1, 13}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_true(
            decode(scene, with_png_chunk(scene->arena, png, "cICP", cases[i].numbers), 40, 30));
        assert_int_equal(scene->pixels.depth, cases[i].depth);
        assert_int_equal(scene->header.colour.primaries, cases[i].primaries);
        assert_int_equal(scene->header.colour.transfer, cases[i].transfer);
        assert_true(pixels_error(&scene->pixels, &picture) < 0.5);
    }
}

/* Headers that would make a decoder allocate; only their size counts. */
static void sizes_over_the_limits(void **state) {
    struct scene *scene = *state;
    struct picture small = picture_uneven(scene->arena, 16, 16);
    struct str png = av_of(scene->arena, &small, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255);
    memcpy((char *)png.ptr + 16, "\0\0\xea\x60\0\0\xea\x60", 8);
    assert_refused(scene, png, ERROR_LIMIT, "60000x60000 is over the limit of 300 megapixels");
    memcpy((char *)png.ptr + 16, "\0\1\0\0\0\0\0\1", 8);
    assert_refused(scene, png, ERROR_LIMIT, "65536x1 is over the limit of 65535 pixels a side");
    memcpy((char *)png.ptr + 16, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    assert_refused(scene, png, ERROR_LIMIT,
                   "4294967295x4294967295 is over the limit of 300 megapixels");
    memcpy((char *)png.ptr + 16, "\0\0\0\0\0\0\0\1", 8);
    assert_refused(scene, png, ERROR_INVALID, "damaged: its size is 0x1");

    struct str jpeg = jpeg_of(scene->arena, &small, TJSAMP_420, 90, 0);
    char *frame_header = memmem(jpeg.ptr, jpeg.len, "\xff\xc0", 2);
    memcpy(frame_header + 5, "\xea\x60\xea\x60", 4);
    assert_refused(scene, jpeg, ERROR_LIMIT, "60000x60000 is over the limit of 300 megapixels");

    assert_refused(scene, BYTES("RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff"),
                   ERROR_LIMIT, "16777216x16777216 is over the limit of 300 megapixels");

    struct str tiff = tiff_with_tag(scene, 256, 60000);
    memcpy((char *)tiff.ptr + 10 + 12 + 8, "\x60\xea", 2);
    assert_refused(scene, tiff, ERROR_LIMIT, "60000x60000 is over the limit of 300 megapixels");
}

/* Mean difference of the decoded planes from the picture; RGB only. */
static double rgb_error(const struct scene *scene, const struct picture *picture) {
    const struct pixels *pixels = &scene->pixels;
    assert_true(pixels->layout == PIXELS_RGB || pixels->layout == PIXELS_RGBA);
    assert_int_equal(pixels->width, picture->width);
    assert_int_equal(pixels->height, picture->height);
    double sum = 0;
    for (unsigned y = 0; y < picture->height; y++) {
        for (unsigned x = 0; x < picture->width; x++) {
            for (unsigned c = 0; c < 3; c++)
                sum += abs(pixels->planes[c][y * pixels->strides[c] + x] -
                           picture->rgb[3 * ((size_t)y * picture->width + x) + c]);
        }
    }
    return sum / (3.0 * picture->width * picture->height);
}

static void jpeg_of_all_samplings(void **state) {
    struct scene *scene = *state;
    static const struct {
        int sampling;
        unsigned shift_x, shift_y;
    } cases[] = {{TJSAMP_444, 0, 0},
                 {TJSAMP_422, 1, 0},
                 {TJSAMP_420, 1, 1},
                 {TJSAMP_440, 0, 1},
                 {TJSAMP_411, 2, 0}};
    static const int flags[] = {0, TJFLAG_PROGRESSIVE};
    for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
        struct picture picture = picture_uneven(scene->arena, 101, 67);
        struct str jpeg = jpeg_of(scene->arena, &picture, cases[i / 2].sampling, 95, flags[i % 2]);
        assert_true(decode(scene, jpeg, 101, 67));
        assert_int_equal(scene->header.format, IMAGE_JPEG);
        assert_int_equal(scene->header.width, 101);
        assert_int_equal(scene->header.height, 67);
        assert_int_equal(scene->pixels.chroma_shift_x, cases[i / 2].shift_x);
        assert_int_equal(scene->pixels.chroma_shift_y, cases[i / 2].shift_y);
        assert_int_equal(scene->pixels.scale_denominator, 1);
        assert_int_equal(scene->pixels.warning_count, 0);
        assert_true(pixels_error(&scene->pixels, &picture) < 12);
    }
}

static void jpeg_of_other_colours(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 50, 31);
    assert_true(decode(scene, jpeg_of(scene->arena, &picture, TJSAMP_GRAY, 95, 0), 50, 31));
    assert_int_equal(scene->pixels.layout, PIXELS_GREY);

    struct str cmyk = jpeg_cmyk_of(scene->arena, &picture);
    struct str adobe = with_jpeg_segment(scene->arena, cmyk, 0xee, BYTES("Adobe\0\x64\0\0\0\0\2"));
    const struct str *file = memmem(cmyk.ptr, cmyk.len, "Adobe", 5) != NULL ? &cmyk : &adobe;
    assert_true(decode(scene, *file, 50, 31));
    assert_int_equal(scene->pixels.layout, PIXELS_CMYK);
    assert_int_equal(scene->pixels.warning_count, 0);
    assert_true(pixels_error(&scene->pixels, &picture) < 12);
}

static void jpeg_is_scaled_where_it_pays(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 401, 299);
    struct str jpeg = jpeg_of(scene->arena, &picture, TJSAMP_420, 90, 0);
    static const struct {
        unsigned width, height, denominator;
    } cases[] = {
        {401, 299, 1}, {201, 150, 1}, {200, 149, 2}, {200, 150, 1}, {201, 149, 1},
        {100, 75, 2},  {78, 58, 2},   {77, 57, 4},   {1, 1, 4},     {4000, 1, 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned denominator = cases[i].denominator;
        assert_true(decode(scene, jpeg, cases[i].width, cases[i].height));
        assert_int_equal(scene->pixels.scale_denominator, denominator);
        assert_int_equal(scene->pixels.width, (401 + denominator - 1) / denominator);
        assert_int_equal(scene->pixels.height, (299 + denominator - 1) / denominator);
        assert_int_equal(scene->pixels.strides[0] % 64, 0);
        /* The middle of the picture, wherever it lies now. */
        size_t at = scene->pixels.height / 2 * scene->pixels.strides[0] + scene->pixels.width / 2;
        assert_in_range(scene->pixels.planes[0][at], 125, 145);
    }
}

static void packed_formats(void **state) {
    struct scene *scene = *state;
    static const struct {
        enum AVCodecID codec;
        enum AVPixelFormat format;
        enum pixel_layout layout;
    } cases[] = {
        {AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, PIXELS_RGB},
        {AV_CODEC_ID_PNG, AV_PIX_FMT_RGBA, PIXELS_RGBA},
        {AV_CODEC_ID_PNG, AV_PIX_FMT_RGB48BE, PIXELS_RGB},
        {AV_CODEC_ID_PNG, AV_PIX_FMT_RGBA64BE, PIXELS_RGBA},
        {AV_CODEC_ID_TIFF, AV_PIX_FMT_RGB24, PIXELS_RGB},
        {AV_CODEC_ID_TIFF, AV_PIX_FMT_RGBA, PIXELS_RGBA},
        {AV_CODEC_ID_TIFF, AV_PIX_FMT_RGB48LE, PIXELS_RGB},
    };
    struct picture picture = picture_uneven(scene->arena, 75, 43);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct str file = av_of(scene->arena, &picture, cases[i].codec, cases[i].format, 77);
        assert_true(decode(scene, file, 10, 10));
        assert_int_equal(scene->pixels.layout, cases[i].layout);
        assert_true(rgb_error(scene, &picture) == 0);
        if (cases[i].layout == PIXELS_RGBA)
            assert_int_equal(scene->pixels.planes[3][42 * scene->pixels.strides[3] + 74], 77);
    }
}

static void grey_formats(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 75, 43);
    static const struct {
        enum AVPixelFormat format;
        enum pixel_layout layout;
    } cases[] = {{AV_PIX_FMT_GRAY8, PIXELS_GREY},
                 {AV_PIX_FMT_GRAY16BE, PIXELS_GREY},
                 {AV_PIX_FMT_MONOBLACK, PIXELS_GREY},
                 {AV_PIX_FMT_YA8, PIXELS_RGBA}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_true(decode(
            scene, av_of(scene->arena, &picture, AV_CODEC_ID_PNG, cases[i].format, 9), 10, 10));
        assert_int_equal(scene->pixels.layout, cases[i].layout);
        unsigned planes = cases[i].layout == PIXELS_RGBA ? 3 : 1;
        for (unsigned c = 0; c < planes; c++) {
            for (size_t x = 0; x < 75; x++) {
                int red = picture.rgb[3 * (20 * (size_t)75 + x)];
                int expected =
                    cases[i].format == AV_PIX_FMT_MONOBLACK ? (red >= 128 ? 255 : 0) : red;
                assert_int_equal(scene->pixels.planes[c][20 * scene->pixels.strides[c] + x],
                                 expected);
            }
        }
    }
}

static void palettes(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 75, 43);
    struct str png = av_of(scene->arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_PAL8, 0);
    assert_true(decode(scene, png, 10, 10));
    assert_int_equal(scene->pixels.layout, PIXELS_RGB);
    /* The palette has steps of 36 and 85. */
    assert_true(rgb_error(scene, &picture) < 20);
    for (size_t i = 0; i < 75; i++)
        assert_int_equal(scene->pixels.planes[0][i], (picture.rgb[3 * i] >> 5) * 255 / 7);
}

static void webp(void **state) {
    struct scene *scene = *state;
    struct picture flat = picture_flat(scene->arena, 16, 16, 201, 61, 40);
    assert_true(decode(scene, file_of(scene->arena, webp_lossy), 16, 16));
    assert_int_equal(scene->header.width, 16);
    assert_true(pixels_error(&scene->pixels, &flat) < 2.5);

    assert_true(decode(scene, file_of(scene->arena, webp_lossy_alpha), 16, 16));
    assert_int_equal(scene->pixels.layout, PIXELS_RGBA);
    assert_true(rgb_error(scene, &flat) < 1.5);
    assert_in_range(scene->pixels.planes[3][0], 127, 129);

    assert_true(decode(scene, file_of(scene->arena, webp_lossless), 16, 16));
    struct picture three = picture_flat(scene->arena, 3, 1, 0, 0, 0);
    three.rgb[0] = three.rgb[4] = three.rgb[8] = 255;
    assert_true(rgb_error(scene, &three) == 0);
}

static void tiff_of_both_byte_orders(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 75, 43);
    for (int big_endian = 0; big_endian < 2; big_endian++) {
        assert_true(decode(scene, tiff_of(scene->arena, &picture, 6, big_endian == 1), 9, 9));
        assert_int_equal(scene->header.orientation, 6);
        assert_true(rgb_error(scene, &picture) == 0);
    }
}

static void orientation_in_all_formats(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 16, 16);
    const struct str files[] = {
        jpeg_of(scene->arena, &picture, TJSAMP_420, 90, 0),
        av_of(scene->arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255),
        file_of(scene->arena, webp_lossy),
    };
    /* What makes no sense is no orientation. */
    static const unsigned expected[] = {1, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1};
    for (unsigned orientation = 0; orientation < ARRAY_SIZE(expected); orientation++) {
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
            struct str file = with_orientation(scene->arena, files[i], orientation);
            assert_true(decode(scene, file, 16, 16));
            assert_int_equal(scene->header.orientation, expected[orientation]);
        }
        struct str tiff = tiff_of(scene->arena, &picture, orientation, false);
        assert_true(decode(scene, tiff, 16, 16));
        assert_int_equal(scene->header.orientation, expected[orientation]);
    }
}

static void captured_time_in_all_formats(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 16, 16);
    const struct exif_tags tags = {.original = "2024:05:01 12:33:44", .fraction_original = "12"};
    struct str exif = exif_of(scene->arena, &tags, true);
    const struct str files[] = {
        jpeg_of(scene->arena, &picture, TJSAMP_420, 90, 0),
        av_of(scene->arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255),
        file_of(scene->arena, webp_lossy),
    };
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        assert_true(decode(scene, files[i], 16, 16));
        assert_null(scene->header.captured);
        assert_true(decode(scene, with_exif(scene->arena, files[i], exif), 16, 16));
        assert_string_equal(scene->header.captured, "2024-05-01T12:33:44.120");
    }
}

/* EXIF blobs that end early or point elsewhere: no orientation, no crash. */
static void damaged_exif(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 16, 16);
    struct str png = av_of(scene->arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255);
    static const char exif[] = "MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0";
    for (size_t size = 0; size < sizeof exif; size++) {
        assert_true(decode(
            scene, with_png_chunk(scene->arena, png, "eXIf", (struct str){exif, size}), 16, 16));
        assert_true(scene->header.orientation == 1 || size >= 22);
    }
    for (size_t at = 0; at < sizeof exif - 1; at++) {
        char broken[sizeof exif];
        memcpy(broken, exif, sizeof exif);
        broken[at] = (char)~broken[at];
        assert_true(decode(
            scene, with_png_chunk(scene->arena, png, "eXIf", (struct str){broken, sizeof exif - 1}),
            16, 16));
        assert_in_range(scene->header.orientation, 1, 8);
    }
}

/* A profile of sRGB's curve with the primaries given, under the name given. */
static struct str profile_of(struct arena *arena, const char *name,
                             const cmsCIExyYTRIPLE *colours) {
    cmsHPROFILE srgb = cmsCreate_sRGBProfile();
    cmsToneCurve *curve = cmsDupToneCurve(cmsReadTag(srgb, cmsSigRedTRCTag));
    cmsToneCurve *const curves[3] = {curve, curve, curve};
    const cmsCIExyY white = {0.3127, 0.3290, 1};
    cmsHPROFILE profile = cmsCreateRGBProfile(&white, colours, curves);
    cmsMLU *text = cmsMLUalloc(NULL, 1);
    cmsMLUsetASCII(text, "en", "US", name);
    cmsWriteTag(profile, cmsSigProfileDescriptionTag, text);
    cmsUInt32Number size = 0;
    cmsSaveProfileToMem(profile, NULL, &size);
    char *data = arena_alloc(arena, size);
    cmsSaveProfileToMem(profile, data, &size);
    cmsMLUfree(text);
    cmsFreeToneCurve(curve);
    cmsCloseProfile(profile);
    cmsCloseProfile(srgb);
    return (struct str){data, size};
}

static const cmsCIExyYTRIPLE p3 = {{0.680, 0.320, 1}, {0.265, 0.690, 1}, {0.150, 0.060, 1}};
static const cmsCIExyYTRIPLE bt709 = {{0.640, 0.330, 1}, {0.300, 0.600, 1}, {0.150, 0.060, 1}};

static struct str jpeg_with_profile(struct scene *scene, struct str jpeg, struct str profile) {
    char *data = arena_alloc(scene->arena, profile.len + 14);
    memcpy(data, "ICC_PROFILE\0\1\1", 14);
    memcpy(data + 14, profile.ptr, profile.len);
    return with_jpeg_segment(scene->arena, jpeg, 0xe2, (struct str){data, profile.len + 14});
}

static void profiles_are_named(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 16, 16);
    struct str jpeg = jpeg_of(scene->arena, &picture, TJSAMP_420, 90, 0);
    const struct {
        struct str profile;
        const char *name; /* NULL: counts as none */
        bool is_broken;
    } cases[] = {
        {profile_of(scene->arena, "Display P3", &p3), "Display P3", false},
        {profile_of(scene->arena, "c2", &bt709), NULL, false},
        {profile_of(scene->arena, "it's\nP3", &p3), "it?s?P3", false},
        {BYTES("this is not a profile at all"), NULL, true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_true(decode(scene, jpeg_with_profile(scene, jpeg, cases[i].profile), 16, 16));
        struct space *space = space_new(&scene->header.colour);
        assert_string_equal(space->name, cases[i].name ? cases[i].name : "");
        assert_int_equal(space->warning != NULL, cases[i].is_broken);
        space_free(space);
    }
    /* A second part is announced and missing: none. */
    struct str half = jpeg_with_profile(scene, jpeg, cases[0].profile);
    char *count = (char *)memmem(half.ptr, half.len, "ICC_PROFILE", 11) + 13;
    *count = 2;
    assert_true(decode(scene, half, 16, 16));
    assert_int_equal(scene->header.colour.profile.len, 0);
}

/* Cut anywhere, every image is refused, and nothing is read behind its end. */
static void truncated_images(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 64, 48);
    const struct str files[] = {
        jpeg_of(scene->arena, &picture, TJSAMP_420, 90, 0),
        jpeg_of(scene->arena, &picture, TJSAMP_444, 90, TJFLAG_PROGRESSIVE),
        jpeg_of(scene->arena, &picture, TJSAMP_GRAY, 90, 0),
        jpeg_cmyk_of(scene->arena, &picture),
        av_of(scene->arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255),
        av_of(scene->arena, &picture, AV_CODEC_ID_TIFF, AV_PIX_FMT_RGB24, 255),
        tiff_of(scene->arena, &picture, 1, true),
        file_of(scene->arena, webp_lossy),
        file_of(scene->arena, webp_lossy_alpha),
        file_of(scene->arena, webp_lossless),
    };
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        assert_true(decode(scene, files[i], 64, 48));
        size_t step = files[i].len / 97 + 1;
        for (size_t size = 0; size < files[i].len; size += step) {
            assert_false(decode(scene, (struct str){files[i].ptr, size}, 64, 48));
            assert_int_equal(scene->err.kind, ERROR_INVALID);
            assert_true(scene->err.text[0] != '\0');
        }
    }
}

/* The promise is about crashes only: a flipped bit may well be another valid picture. */
static void damaged_images(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 64, 48);
    const struct str files[] = {
        jpeg_of(scene->arena, &picture, TJSAMP_420, 90, 0),
        jpeg_of(scene->arena, &picture, TJSAMP_420, 90, TJFLAG_PROGRESSIVE),
        av_of(scene->arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGBA, 200),
        av_of(scene->arena, &picture, AV_CODEC_ID_TIFF, AV_PIX_FMT_RGB24, 255),
        file_of(scene->arena, webp_lossy_alpha),
        file_of(scene->arena, webp_lossless),
    };
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char *broken = arena_alloc(scene->arena, files[i].len);
        for (size_t at = 0; at < files[i].len; at += files[i].len / 300 + 1) {
            memcpy(broken, files[i].ptr, files[i].len);
            broken[at] = (char)(broken[at] ^ (1 << at % 8));
            if (!decode(scene, (struct str){broken, files[i].len}, 64, 48))
                assert_true(scene->err.text[0] != '\0');
        }
    }
}

static void damage_in_the_middle_is_seen(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 200, 150);
    const struct str files[] = {
        av_of(scene->arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255),
        jpeg_of(scene->arena, &picture, TJSAMP_420, 95, 0),
    };
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        memset((char *)files[i].ptr + files[i].len / 2, 0xff, 40);
        assert_false(decode(scene, files[i], 200, 150));
        assert_true(strncmp(scene->err.text, "truncated or damaged: '", 23) == 0);
    }
}

static void extra_bytes_do_not_matter(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 64, 48);
    const struct str files[] = {
        jpeg_of(scene->arena, &picture, TJSAMP_420, 90, 0),
        av_of(scene->arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255),
        file_of(scene->arena, webp_lossy),
    };
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char *longer = arena_alloc(scene->arena, files[i].len + 100);
        memcpy(longer, files[i].ptr, files[i].len);
        assert_true(decode(scene, (struct str){longer, files[i].len + 100}, 64, 48));
    }
}

static struct str with_zeros_before(struct scene *scene, struct str file, const char *marker,
                                    size_t count) {
    size_t at = (size_t)((char *)memmem(file.ptr, file.len, marker, 2) - file.ptr);
    char *odd = arena_alloc(scene->arena, file.len + count);
    memcpy(odd, file.ptr, at);
    memcpy(odd + at + count, file.ptr + at, file.len - at);
    return (struct str){odd, file.len + count};
}

/* Some cameras put bytes between the segments or before the end: told, not refused. */
static void harmless_oddities_are_warnings(void **state) {
    struct scene *scene = *state;
    struct picture picture = picture_uneven(scene->arena, 64, 48);
    struct str jpeg = jpeg_of(scene->arena, &picture, TJSAMP_420, 90, 0);
    static const struct {
        const char *marker;
        size_t count;
        bool is_harmless;
    } cases[] = {{"\xff\xdb", 4, true},
                 {"\xff\xdb", 400, true},
                 {"\xff\xd9", 16, true},
                 {"\xff\xd9", 400, false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct str odd = with_zeros_before(scene, jpeg, cases[i].marker, cases[i].count);
        assert_int_equal(decode(scene, odd, 64, 48), cases[i].is_harmless);
        if (cases[i].is_harmless) {
            assert_int_equal(scene->pixels.warning_count, 1);
            assert_true(strstr(scene->pixels.warnings[0], "extraneous bytes") != NULL);
        }
    }
    /* The end is missed also behind a harmless oddity. */
    struct str odd = with_zeros_before(scene, jpeg, "\xff\xdb", 4);
    assert_false(decode(scene, (struct str){odd.ptr, odd.len - 40}, 64, 48));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_no_image, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tiff_of_kinds_that_are_not_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sizes_over_the_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_few_data_for_a_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(png_of_high_dynamic_range, set_up, tear_down),
        cmocka_unit_test_setup_teardown(jpeg_of_all_samplings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(jpeg_of_other_colours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(jpeg_is_scaled_where_it_pays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(packed_formats, set_up, tear_down),
        cmocka_unit_test_setup_teardown(grey_formats, set_up, tear_down),
        cmocka_unit_test_setup_teardown(palettes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(webp, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tiff_of_both_byte_orders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orientation_in_all_formats, set_up, tear_down),
        cmocka_unit_test_setup_teardown(captured_time_in_all_formats, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_exif, set_up, tear_down),
        cmocka_unit_test_setup_teardown(profiles_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(truncated_images, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_images, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_in_the_middle_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(extra_bytes_do_not_matter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(harmless_oddities_are_warnings, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
