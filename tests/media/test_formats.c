/*
 * Every format and variant, in files made by the programs that people make them with, composed into
 * the picture that they were made of; and what the receipts say of them.
 */
#include "media/compose.h"

#include "base/base.h"
#include "image_files.h"
#include "programs.h"
#include "raw_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

enum {
    WIDTH = 96,
    HEIGHT = 64,
    BACKGROUND_RED = 200,
    BACKGROUND_GREEN = 40,
    BACKGROUND_BLUE = 90,
};

struct stage {
    struct arena *arena;
    struct composer *composer;
    struct frame frame, expected;
    struct receipt receipt;
    struct error err;
};

static int set_up(void **state) {
    const struct compose_target target = {
        WIDTH, HEIGHT, FIT_STRETCH, {BACKGROUND_RED, BACKGROUND_GREEN, BACKGROUND_BLUE}};
    struct stage *stage = calloc(1, sizeof *stage);
    stage->arena = arena_new();
    stage->composer = composer_new(&target);
    frame_init(&stage->frame, WIDTH, HEIGHT);
    frame_init(&stage->expected, WIDTH, HEIGHT);
    *state = stage;
    return 0;
}

static int tear_down(void **state) {
    struct stage *stage = *state;
    frame_clear(&stage->frame);
    frame_clear(&stage->expected);
    composer_free(stage->composer);
    arena_free(stage->arena);
    free(stage);
    return 0;
}

static struct str png_of(struct arena *arena, const struct picture *picture) {
    return av_of(arena, picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255);
}

static void compose(struct stage *stage, struct str file, struct frame *frame, const char *name) {
    stage->receipt.name = name;
    if (!composer_run(stage->composer, stage->arena, file, 0, frame, &stage->receipt, &stage->err))
        fail_msg("%s: %s", name, stage->err.text);
}

/* Mean difference of a plane. */
static double difference(const struct stage *stage, int plane) {
    unsigned width = plane == 0 ? WIDTH : WIDTH / 2, height = plane == 0 ? HEIGHT : HEIGHT / 2;
    double sum = 0;
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++)
            sum += abs(stage->frame.planes[plane][y * stage->frame.strides[plane] + x] -
                       stage->expected.planes[plane][y * stage->expected.strides[plane] + x]);
    }
    return sum / (width * height);
}

static void check_like(const struct stage *stage, const char *name, double tolerance) {
    for (int plane = 0; plane < 3; plane++) {
        double mean = difference(stage, plane);
        if (!(mean <= tolerance))
            fail_msg("%s: plane %d is off by %.2f, more than %.2f", name, plane, mean, tolerance);
    }
}

/* What the file must look like. */
enum look {
    LOOK_SAME,
    LOOK_GREY,
    LOOK_HALF, /* shines through by half */
};

static struct picture looked(struct arena *arena, const struct picture *picture, enum look look) {
    static const int background[3] = {BACKGROUND_RED, BACKGROUND_GREEN, BACKGROUND_BLUE};
    struct picture changed = picture_new(arena, picture->width, picture->height);
    for (size_t i = 0; i < (size_t)picture->width * picture->height * 3; i++) {
        const uint8_t *rgb = picture->rgb + i / 3 * 3;
        int value = picture->rgb[i];
        if (look == LOOK_GREY)
            value = (2126 * rgb[0] + 7152 * rgb[1] + 722 * rgb[2] + 5000) / 10000;
        else if (look == LOOK_HALF)
            value = (value * 128 + background[i % 3] * 127 + 127) / 255;
        changed.rgb[i] = (uint8_t)value;
    }
    return changed;
}

struct format_case {
    const char *name, *program, *script; /* with the names of a PNG and of what is to be made */
    const char *ending, *format;
    enum look look;
    double tolerance;    /* mean difference, in steps of 8 bits */
    const char *warning; /* part of it; NULL: none */
};

#define HALF "convert \"$0\" -alpha set -channel A -evaluate set 50.2% +channel "
#define PPM  "convert \"$0\" ppm:- | "

static const struct format_case jpegs[] = {
    {"4:2:0", "cjpeg", PPM "cjpeg -quality 95 > \"$1\"", ".jpg", "jpeg", LOOK_SAME, 1, NULL},
    {"4:2:2", "cjpeg", PPM "cjpeg -quality 95 -sample 2x1 > \"$1\"", ".jpg", "jpeg", LOOK_SAME, 1,
     NULL},
    {"4:4:0", "cjpeg", PPM "cjpeg -quality 95 -sample 1x2 > \"$1\"", ".jpg", "jpeg", LOOK_SAME, 1,
     NULL},
    {"4:4:4", "cjpeg", PPM "cjpeg -quality 95 -sample 1x1 > \"$1\"", ".jpg", "jpeg", LOOK_SAME, 1,
     NULL},
    {"4:1:1", "cjpeg", PPM "cjpeg -quality 95 -sample 4x1 > \"$1\"", ".jpg", "jpeg", LOOK_SAME, 1,
     NULL},
    {"4:1:0", "cjpeg", PPM "cjpeg -quality 95 -sample 4x2 > \"$1\"", ".jpg", "jpeg", LOOK_SAME, 1.5,
     NULL},
    {"progressive", "cjpeg", PPM "cjpeg -quality 95 -progressive > \"$1\"", ".jpg", "jpeg",
     LOOK_SAME, 1, NULL},
    {"restart markers", "cjpeg", PPM "cjpeg -quality 95 -restart 1 > \"$1\"", ".jpg", "jpeg",
     LOOK_SAME, 1, NULL},
    {"arithmetic coding", "cjpeg", PPM "cjpeg -quality 95 -arithmetic > \"$1\"", ".jpg", "jpeg",
     LOOK_SAME, 1, NULL},
    /* As photos with a gain map, and motion photos: something else follows. */
    {"a second picture behind", "convert",
     "convert \"$0\" -quality 95 \"$1.jpg\" && convert \"$0\" -negate \"$1.2.jpg\" && "
     "cat \"$1.jpg\" \"$1.2.jpg\" > \"$1\"",
     ".jpg", "jpeg", LOOK_SAME, 1, NULL},
    {"R'G'B'", "cjpeg", PPM "cjpeg -quality 95 -rgb > \"$1\"", ".jpg", "jpeg", LOOK_SAME, 1, NULL},
    {"grey", "convert", "convert \"$0\" -colorspace Gray -quality 95 \"$1\"", ".jpg", "jpeg",
     LOOK_GREY, 1, NULL},
    {"CMYK", "convert", "convert \"$0\" -colorspace CMYK -quality 98 \"$1\"", ".jpg", "jpeg",
     LOOK_SAME, 1, "CMYK without a profile"},
};

static const struct format_case pngs[] = {
    {"8 bits", "convert", "convert \"$0\" png24:\"$1\"", ".png", "png", LOOK_SAME, 0, NULL},
    {"16 bits", "convert", "convert \"$0\" -depth 16 png48:\"$1\"", ".png", "png", LOOK_SAME, 0.1,
     NULL},
    {"interlaced", "convert", "convert \"$0\" -interlace PNG png24:\"$1\"", ".png", "png",
     LOOK_SAME, 0, NULL},
    {"palette", "convert", "convert \"$0\" -dither None -colors 256 png8:\"$1\"", ".png", "png",
     LOOK_SAME, 5, NULL},
    {"alpha", "convert", HALF "png32:\"$1\"", ".png", "png", LOOK_HALF, 0.6, NULL},
    {"alpha, 16 bits", "convert", HALF "png64:\"$1\"", ".png", "png", LOOK_HALF, 0.6, NULL},
    {"grey", "convert", "convert \"$0\" -colorspace Gray -define png:color-type=0 \"$1\"", ".png",
     "png", LOOK_GREY, 1, NULL},
    {"grey, 16 bits", "convert",
     "convert \"$0\" -colorspace Gray -depth 16 -define png:color-type=0 -define png:bit-depth=16 "
     "\"$1\"",
     ".png", "png", LOOK_GREY, 1, NULL},
};

static const struct format_case webps[] = {
    {"lossy", "cwebp", "cwebp -quiet -q 98 \"$0\" -o \"$1\"", ".webp", "webp", LOOK_SAME, 1, NULL},
    {"lossless", "cwebp", "cwebp -quiet -lossless \"$0\" -o \"$1\"", ".webp", "webp", LOOK_SAME, 0,
     NULL},
    {"alpha, lossy", "cwebp", HALF "png32:\"$1\".png && cwebp -quiet -q 98 \"$1\".png -o \"$1\"",
     ".webp", "webp", LOOK_HALF, 1, NULL},
    {"alpha, lossless", "cwebp",
     HALF "png32:\"$1\".png && cwebp -quiet -lossless \"$1\".png -o \"$1\"", ".webp", "webp",
     LOOK_HALF, 0.6, NULL},
    {"animated", "img2webp",
     "convert \"$0\" -negate \"$1\".png && img2webp -lossless \"$0\" -d 100 \"$1\".png -o \"$1\"",
     ".webp", "webp", LOOK_SAME, 0.1, "first picture of the animation"},
    {"animated, lossy", "img2webp",
     "convert \"$0\" -negate \"$1\".png && img2webp -lossy -q 98 \"$0\" -d 100 \"$1\".png -o "
     "\"$1\"",
     ".webp", "webp", LOOK_SAME, 1, "first picture of the animation"},
};

#define TIFF(name, options, look, tolerance, warning)                                              \
    {                                                                                              \
        name, "convert", "convert \"$0\" " options " tiff:\"$1\"", ".tif", "tiff", look,           \
            tolerance, warning                                                                     \
    }

static const struct format_case tiffs[] = {
    TIFF("plain", "-compress none", LOOK_SAME, 0, NULL),
    TIFF("big endian", "-endian MSB -compress none", LOOK_SAME, 0, NULL),
    TIFF("LZW", "-compress LZW", LOOK_SAME, 0, NULL),
    TIFF("deflate", "-compress Zip", LOOK_SAME, 0, NULL),
    TIFF("PackBits", "-compress RLE", LOOK_SAME, 0, NULL),
    TIFF("JPEG inside", "-compress JPEG -quality 95", LOOK_SAME, 1, NULL),
    TIFF("tiles", "-compress LZW -define tiff:tile-geometry=32x16", LOOK_SAME, 0, NULL),
    TIFF("planes", "-compress Zip -interlace plane", LOOK_SAME, 0, NULL),
    TIFF("strips of a row", "-compress LZW -define tiff:rows-per-strip=1", LOOK_SAME, 0, NULL),
    TIFF("16 bits", "-depth 16 -compress LZW", LOOK_SAME, 0.1, NULL),
    TIFF("16 bits, big endian", "-depth 16 -endian MSB -compress none", LOOK_SAME, 0.1, NULL),
    TIFF("palette", "-dither None -colors 256 -type Palette -compress LZW", LOOK_SAME, 5, NULL),
    TIFF("grey", "-colorspace Gray -depth 8", LOOK_GREY, 1, NULL),
    TIFF("grey, white is zero",
         "-colorspace Gray -negate -depth 8 -define quantum:polarity=min-is-white", LOOK_GREY, 1,
         NULL),
    TIFF("grey, 16 bits", "-colorspace Gray -depth 16", LOOK_GREY, 1, NULL),
    TIFF("alpha", "-alpha set -channel A -evaluate set 50.2% +channel -depth 8", LOOK_HALF, 0.8,
         NULL),
    TIFF(
        "alpha, premultiplied",
        "-alpha set -channel A -evaluate set 50.2% +channel -depth 8 -define tiff:alpha=associated",
        LOOK_HALF, 1, NULL),
    TIFF("CMYK", "-colorspace CMYK -compress Zip", LOOK_SAME, 0.6, "CMYK without a profile"),
    TIFF("pages", "'(' +clone -negate ')'", LOOK_SAME, 0, "only the first page"),
};

static const struct format_case bmps[] = {
    {"24 bits", "convert", "convert \"$0\" -type TrueColor BMP3:\"$1\"", ".bmp", "bmp", LOOK_SAME,
     0, NULL},
    {"version 4", "convert", "convert \"$0\" -type TrueColor BMP:\"$1\"", ".bmp", "bmp", LOOK_SAME,
     0, NULL},
    {"OS/2", "convert", "convert \"$0\" BMP2:\"$1\"", ".bmp", "bmp", LOOK_SAME, 0, NULL},
    {"palette", "convert", "convert \"$0\" -dither None -colors 256 -type Palette BMP3:\"$1\"",
     ".bmp", "bmp", LOOK_SAME, 5, NULL},
    {"runs", "convert",
     "convert \"$0\" -dither None -colors 256 -type Palette -compress RLE BMP3:\"$1\"", ".bmp",
     "bmp", LOOK_SAME, 5, NULL},
    {"alpha", "convert", HALF "BMP:\"$1\"", ".bmp", "bmp", LOOK_HALF, 0.6, NULL},
};

static const struct format_case gifs[] = {
    {"still", "convert", "convert \"$0\" -dither None -colors 256 gif87:\"$1\"", ".gif", "gif",
     LOOK_SAME, 5, NULL},
    {"interlaced", "convert", "convert \"$0\" -dither None -colors 256 -interlace GIF \"$1\"",
     ".gif", "gif", LOOK_SAME, 5, NULL},
    {"animated", "convert",
     "convert \"$0\" '(' +clone -negate ')' -dither None -colors 255 -set delay 10 \"$1\"", ".gif",
     "gif", LOOK_SAME, 9, "first picture of the animation"},
};

static const struct format_case heics[] = {
    {"lossy", "heif-enc", "heif-enc -q 95 \"$0\" -o \"$1\"", ".heic", "heic", LOOK_SAME, 1.5, NULL},
    {"10 bits", "heif-enc",
     "convert \"$0\" -depth 16 png48:\"$1\".png && heif-enc -q 95 -b 10 \"$1\".png -o \"$1\"",
     ".heic", "heic", LOOK_SAME, 1.5, NULL},
    {"alpha", "heif-enc", HALF "png32:\"$1\".png && heif-enc -q 95 \"$1\".png -o \"$1\"", ".heic",
     "heic", LOOK_HALF, 2, NULL},
    {"grey", "heif-enc",
     "convert \"$0\" -colorspace Gray \"$1\".png && heif-enc -q 95 \"$1\".png -o \"$1\"", ".heic",
     "heic", LOOK_GREY, 2, NULL},
};

#define AVIF(name, options, look, tolerance)                                                       \
    {                                                                                              \
        name, "avifenc", "avifenc -s 8 --min 4 --max 10 " options " \"$0\" \"$1\"", ".avif",       \
            "avif", look, tolerance, NULL                                                          \
    }

static const struct format_case avifs[] = {
    AVIF("4:2:0", "-y 420", LOOK_SAME, 1.5),
    AVIF("4:4:4", "-y 444", LOOK_SAME, 1.5),
    AVIF("10 bits", "-y 420 -d 10", LOOK_SAME, 1.5),
    AVIF("12 bits", "-y 444 -d 12", LOOK_SAME, 1.5),
    AVIF("video range", "-y 420 -r limited", LOOK_SAME, 1.5),
    {"grey", "avifenc",
     "convert \"$0\" -colorspace Gray \"$1\".png && "
     "avifenc -s 8 --min 4 --max 10 -y 400 \"$1\".png \"$1\"",
     ".avif", "avif", LOOK_GREY, 1.5, NULL},
    {"lossless", "avifenc", "avifenc -s 8 -l \"$0\" \"$1\"", ".avif", "avif", LOOK_SAME, 0.6, NULL},
    {"grid", "avifenc",
     "convert \"$0\" -scale 256x128! \"$1\".png && "
     "avifenc -s 8 --min 4 --max 10 --grid 2x1 \"$1\".png \"$1\"",
     ".avif", "avif", LOOK_SAME, 2.5, NULL},
    {"alpha", "avifenc", HALF "png32:\"$1\".png && avifenc -s 8 --min 4 --max 10 \"$1\".png \"$1\"",
     ".avif", "avif", LOOK_HALF, 1.5, NULL},
};

#define JXL(name, options, tolerance)                                                              \
    {                                                                                              \
        name, "cjxl", "cjxl --quiet " options " \"$0\" \"$1\"", ".jxl", "jxl", LOOK_SAME,          \
            tolerance, NULL                                                                        \
    }

static const struct format_case jxls[] = {
    JXL("lossy", "-d 0.5", 1),
    JXL("lossy, container", "-d 0.5 --container=1", 1),
    JXL("progressive", "-d 0.5 -p", 1),
    JXL("lossless", "-d 0", 0),
    {"lossless, 16 bits", "cjxl",
     "convert \"$0\" -depth 16 png48:\"$1\".png && cjxl --quiet -d 0 \"$1\".png \"$1\"", ".jxl",
     "jxl", LOOK_SAME, 0.1, NULL},
    {"a JPEG", "cjxl", "convert \"$0\" -quality 95 \"$1\".jpg && cjxl --quiet \"$1\".jpg \"$1\"",
     ".jxl", "jxl", LOOK_SAME, 1, NULL},
    {"grey", "cjxl",
     "convert \"$0\" -colorspace Gray \"$1\".png && cjxl --quiet -d 0 \"$1\".png \"$1\"", ".jxl",
     "jxl", LOOK_GREY, 1, NULL},
    {"alpha", "cjxl", HALF "png32:\"$1\".png && cjxl --quiet -d 0 \"$1\".png \"$1\"", ".jxl", "jxl",
     LOOK_HALF, 0.6, NULL},
    {"alpha, lossy", "cjxl", HALF "png32:\"$1\".png && cjxl --quiet -d 0.5 \"$1\".png \"$1\"",
     ".jxl", "jxl", LOOK_HALF, 1, NULL},
    {"animated", "cjxl",
     "convert \"$0\" '(' +clone -negate ')' -dither None -colors 255 -set delay 10 \"$1\".gif && "
     "cjxl --quiet -d 0 \"$1\".gif \"$1\"",
     ".jxl", "jxl", LOOK_SAME, 9, "first picture of the animation"},
};

static void check_case(struct stage *stage, const struct picture *picture,
                       const struct format_case *format) {
    if (!has_program(format->program) || !has_program("convert"))
        return;
    const char *const argv[] = {"sh", "-c", format->script, "IN", "OUT", NULL};
    struct str file =
        convert_file(stage->arena, png_of(stage->arena, picture), ".png", format->ending, argv);
    struct picture looks = looked(stage->arena, picture, format->look);
    const char *name = arena_printf(stage->arena, "%s, %s", format->format, format->name);
    compose(stage, png_of(stage->arena, &looks), &stage->expected, name);
    compose(stage, file, &stage->frame, name);
    check_like(stage, name, format->tolerance);
    const struct receipt *receipt = &stage->receipt;
    assert_string_equal(receipt->format, format->format);
    assert_int_equal(receipt->bytes, file.len);
    assert_int_equal(receipt->orientation, 1);
    assert_non_null(receipt->scaling);
    if (receipt->warning_count > (format->warning != NULL))
        fail_msg("%s: warning '%s'", name, receipt->warnings[receipt->warning_count - 1]);
    if (format->warning != NULL &&
        (receipt->warning_count == 0 || strstr(receipt->warnings[0], format->warning) == NULL))
        fail_msg("%s: no warning", name);
}

static void check_cases(void **state, const struct format_case *cases, size_t count) {
    struct stage *stage = *state;
    struct picture picture = picture_uneven(stage->arena, WIDTH, HEIGHT);
    for (size_t i = 0; i < count; i++)
        check_case(stage, &picture, &cases[i]);
}

static void jpeg_files(void **state) {
    check_cases(state, jpegs, ARRAY_SIZE(jpegs));
}

static void png_files(void **state) {
    check_cases(state, pngs, ARRAY_SIZE(pngs));
}

static void webp_files(void **state) {
    check_cases(state, webps, ARRAY_SIZE(webps));
}

static void tiff_files(void **state) {
    check_cases(state, tiffs, ARRAY_SIZE(tiffs));
}

static void bmp_files(void **state) {
    check_cases(state, bmps, ARRAY_SIZE(bmps));
}

static void gif_files(void **state) {
    check_cases(state, gifs, ARRAY_SIZE(gifs));
}

static void heic_files(void **state) {
    check_cases(state, heics, ARRAY_SIZE(heics));
}

static void avif_files(void **state) {
    check_cases(state, avifs, ARRAY_SIZE(avifs));
}

static void jxl_files(void **state) {
    check_cases(state, jxls, ARRAY_SIZE(jxls));
}

/* The picture as a camera held that way stores it; `script` gives it the number. */
static void check_orientation(struct stage *stage, const char *name, const char *script,
                              const char *ending, unsigned orientation) {
    struct picture upright = picture_uneven(stage->arena, WIDTH, HEIGHT);
    struct picture stored = picture_stored(stage->arena, &upright, orientation);
    char number[2] = {(char)('0' + orientation), '\0'};
    const char *const argv[] = {"sh", "-c", script, "IN", "OUT", number, NULL};
    struct str file =
        convert_file(stage->arena, png_of(stage->arena, &stored), ".png", ending, argv);
    compose(stage, png_of(stage->arena, &upright), &stage->expected, name);
    compose(stage, file, &stage->frame, name);
    check_like(stage, arena_printf(stage->arena, "%s, orientation %u", name, orientation), 1.5);
    assert_int_equal(stage->receipt.orientation, orientation);
    assert_int_equal(stage->receipt.width, stored.width);
    assert_int_equal(stage->receipt.height, stored.height);
}

#define EXIFTOOL " && exiftool -q -overwrite_original -n -Orientation=\"$2\" \"$1\""

static void orientations_by_real_programs(void **state) {
    static const struct {
        const char *name, *program, *script, *ending;
    } cases[] = {
        {"jpeg", "exiftool", "convert \"$0\" -quality 97 \"$1\"" EXIFTOOL, ".jpg"},
        {"png", "exiftool", "cp \"$0\" \"$1\"" EXIFTOOL, ".png"},
        {"tiff", "exiftool", "convert \"$0\" \"$1\"" EXIFTOOL, ".tif"},
        {"webp", "exiftool", "cwebp -quiet -lossless \"$0\" -o \"$1\"" EXIFTOOL, ".webp"},
        {"jxl", "cjxl",
         "convert \"$0\" -quality 97 \"$1.jpg\" && exiftool -q -overwrite_original -n "
         "-Orientation=\"$2\" \"$1.jpg\" && cjxl --quiet \"$1.jpg\" \"$1\"",
         ".jxl"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (!has_program("exiftool") || !has_program(cases[i].program))
            continue;
        /* One of each kind here; all of them without a program in test_decode.c. */
        for (unsigned orientation = 1; orientation <= 8; orientation += i == 0 ? 1 : 5)
            check_orientation(*state, cases[i].name, cases[i].script, cases[i].ending, orientation);
    }
}

/* Properties of the container, by avifenc: counter-clockwise turns, then the axis of mirroring. */
static void orientations_of_avif(void **state) {
    static const char *const options[] = {"",         "",
                                          "--imir 1", "--irot 2",
                                          "--imir 0", "--irot 1 --imir 0",
                                          "--irot 3", "--irot 1 --imir 1",
                                          "--irot 1"};
    struct stage *stage = *state;
    if (!has_program("avifenc"))
        skip();
    for (unsigned orientation = 1; orientation <= 8; orientation++) {
        const char *script = arena_printf(
            stage->arena, "avifenc -s 8 --min 4 --max 10 %s \"$0\" \"$1\"", options[orientation]);
        check_orientation(stage, "avif", script, ".avif", orientation);
    }
}

static void captured_times_by_exiftool(void **state) {
    static const struct {
        const char *script, *ending;
    } cases[] = {
        {"convert \"$0\" \"$1\"", ".jpg"},
        {"cp \"$0\" \"$1\"", ".png"},
        {"convert \"$0\" \"$1\"", ".tif"},
        {"cwebp -quiet -lossless \"$0\" -o \"$1\"", ".webp"},
        {"heif-enc -q 50 \"$0\" -o \"$1\"", ".heic"},
        {"avifenc -s 8 \"$0\" \"$1\"", ".avif"},
        {"cjxl --quiet --container=1 \"$0\" \"$1\"", ".jxl"},
    };
    struct stage *stage = *state;
    struct picture picture = picture_uneven(stage->arena, WIDTH, HEIGHT);
    if (!has_program("exiftool") || !has_program("cwebp") || !has_program("cjxl"))
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *script = arena_printf(
            stage->arena,
            "%s && exiftool -q -overwrite_original -DateTimeOriginal='2024:05:01 12:33:44' "
            "-SubSecTimeOriginal=12 \"$1\"",
            cases[i].script);
        const char *const argv[] = {"sh", "-c", script, "IN", "OUT", NULL};
        struct str file = convert_file(stage->arena, png_of(stage->arena, &picture), ".png",
                                       cases[i].ending, argv);
        compose(stage, file, &stage->frame, cases[i].ending);
        if (stage->receipt.captured == NULL)
            fail_msg("%s: no time", cases[i].ending);
        assert_string_equal(stage->receipt.captured, "2024-05-01T12:33:44.120");
    }
}

static void camera_raw_by_its_preview(void **state) {
    static const char *const names[RAW_KINDS] = {"DNG", "CR2", "NEF", "ARW"};
    struct stage *stage = *state;
    struct picture upright = picture_uneven(stage->arena, WIDTH, HEIGHT);
    compose(stage, png_of(stage->arena, &upright), &stage->expected, "expected");
    for (unsigned orientation = 1; orientation <= 8; orientation += 5) {
        struct picture stored = picture_stored(stage->arena, &upright, orientation);
        const struct raw_options options = {jpeg_of(stage->arena, &stored, TJSAMP_444, 97, 0),
                                            stored.width, stored.height, orientation,
                                            "2024:05:01 12:33:44"};
        for (enum raw_kind kind = RAW_DNG; kind < RAW_KINDS; kind++) {
            compose(stage, raw_of(stage->arena, kind, &options), &stage->frame, names[kind]);
            check_like(stage, names[kind], 1);
            assert_string_equal(stage->receipt.format, "raw");
            assert_int_equal(stage->receipt.orientation, orientation);
            assert_string_equal(stage->receipt.captured, "2024-05-01T12:33:44");
            assert_int_equal(stage->receipt.warning_count, 1);
            assert_non_null(strstr(stage->receipt.warnings[0], "its embedded preview of "));
        }
    }
}

static void camera_raw_without_a_preview(void **state) {
    struct stage *stage = *state;
    const struct raw_options options = {{NULL, 0}, 0, 0, 1, "2024:05:01 12:33:44"};
    for (enum raw_kind kind = RAW_DNG; kind < RAW_KINDS; kind++) {
        struct str file = raw_of(stage->arena, kind, &options);
        assert_false(composer_run(stage->composer, stage->arena, file, 0, &stage->frame,
                                  &stage->receipt, &stage->err));
        assert_int_equal(stage->err.kind, ERROR_INVALID);
        assert_string_equal(stage->receipt.format, "raw");
        assert_string_equal(stage->receipt.refused, stage->err.text);
    }
}

/* What is read by nobody says so, and how it is called. */
static void refused_by_name(void **state) {
    static const struct {
        const char *script, *ending, *text;
    } cases[] = {
        {"convert \"$0\" -define quantum:format=floating-point -depth 32 \"$1\"", ".tif",
         "TIFF with floating-point samples is not supported"},
        {"convert \"$0\" -depth 32 -define quantum:format=unsigned \"$1\"", ".tif",
         "TIFF with 32-bit samples is not supported"},
        {"convert \"$0\" -colorspace Lab \"$1\"", ".tif",
         "TIFF of L*a*b* colours is not supported"},
        {"convert \"$0\" tiff64:\"$1\"", ".tif", "BigTIFF is not supported by this version"},
        {"convert \"$0\" jp2:\"$1\"", ".jp2", "JPEG 2000 is not supported by this version"},
        {"convert \"$0\" psd:\"$1\"", ".psd", "Photoshop's PSD is not supported by this version"},
        {"convert \"$0\" ico:\"$1\"", ".ico", "ICO is not supported by this version"},
        {"ffmpeg -v error -loop 1 -i \"$0\" -frames:v 2 -f mp4 \"$1\"", ".jpg",
         "video is not supported by this version"},
    };
    struct stage *stage = *state;
    struct picture picture = picture_uneven(stage->arena, WIDTH, HEIGHT);
    if (!has_program("convert") || !has_program("ffmpeg"))
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *const argv[] = {"sh", "-c", cases[i].script, "IN", "OUT", NULL};
        struct str file = convert_file(stage->arena, png_of(stage->arena, &picture), ".png",
                                       cases[i].ending, argv);
        assert_false(composer_run(stage->composer, stage->arena, file, 0, &stage->frame,
                                  &stage->receipt, &stage->err));
        assert_string_equal(stage->err.text, cases[i].text);
        assert_int_equal(stage->err.kind, ERROR_INVALID);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jpeg_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(png_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(webp_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tiff_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bmp_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gif_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(heic_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(avif_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(jxl_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orientations_by_real_programs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orientations_of_avif, set_up, tear_down),
        cmocka_unit_test_setup_teardown(captured_times_by_exiftool, set_up, tear_down),
        cmocka_unit_test_setup_teardown(camera_raw_by_its_preview, set_up, tear_down),
        cmocka_unit_test_setup_teardown(camera_raw_without_a_preview, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused_by_name, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
