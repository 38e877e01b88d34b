#include "media/compose.h"

#include "base/base.h"
#include "image_files.h"
#include "media/colour.h"
#include "media/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

/* A composer, its frame, and what it said last. */
struct stage {
    struct arena *arena;
    struct composer *composer;
    struct frame frame;
    struct receipt receipt;
    struct error err;
};

static struct stage stage_new(unsigned width, unsigned height, enum fit fit, uint8_t red,
                              uint8_t green, uint8_t blue) {
    struct compose_target target = {width, height, fit, {red, green, blue}};
    struct stage stage = {.arena = arena_new(), .composer = composer_new(&target)};
    frame_init(&stage.frame, width, height);
    return stage;
}

static void stage_free(struct stage *stage) {
    frame_clear(&stage->frame);
    composer_free(stage->composer);
    arena_free(stage->arena);
}

/* Whatever was in the frame before must not show. */
static bool run(struct stage *stage, struct str image) {
    struct frame *frame = &stage->frame;
    for (int p = 0; p < 3; p++)
        memset(frame->planes[p], 77, frame->strides[p] * (frame->height >> (p > 0)));
    stage->receipt.name = "unchanged";
    bool done =
        composer_run(stage->composer, stage->arena, image, 0, frame, &stage->receipt, &stage->err);
    assert_string_equal(stage->receipt.name, "unchanged");
    return done;
}

static uint8_t at(const struct frame *frame, int plane, unsigned x, unsigned y) {
    return frame->planes[plane][y * frame->strides[plane] + x];
}

static struct frame copy_of(const struct frame *frame) {
    struct frame copy;
    frame_init(&copy, frame->width, frame->height);
    for (int p = 0; p < 3; p++)
        memcpy(copy.planes[p], frame->planes[p], frame->strides[p] * (frame->height >> (p > 0)));
    return copy;
}

static int largest_difference(const struct frame *a, const struct frame *b) {
    int largest = 0;
    for (int p = 0; p < 3; p++) {
        for (unsigned y = 0; y < a->height >> (p > 0); y++) {
            for (unsigned x = 0; x < a->width >> (p > 0); x++) {
                int difference = abs(at(a, p, x, y) - at(b, p, x, y));
                largest = difference > largest ? difference : largest;
            }
        }
    }
    return largest;
}

/* All of one plane in a rectangle within `tolerance` of a value. */
static void assert_flat(const struct frame *frame, int plane, unsigned left, unsigned top,
                        unsigned right, unsigned bottom, int value, int tolerance) {
    for (unsigned y = top; y < bottom; y++) {
        for (unsigned x = left; x < right; x++)
            assert_true(abs(at(frame, plane, x, y) - value) <= tolerance);
    }
}

static void assert_colour(const struct frame *frame, unsigned left, unsigned top, unsigned right,
                          unsigned bottom, const uint8_t rgb[3], int tolerance) {
    uint8_t film[3];
    colour_of_rgb(rgb, film);
    assert_flat(frame, 0, left, top, right, bottom, film[0], tolerance);
    for (int p = 1; p < 3; p++)
        assert_flat(frame, p, left / 2, top / 2, right / 2, bottom / 2, film[p], tolerance);
}

/* Every way in: flat colours come out as the definition says. */
static void flat_colours(void **state) {
    (void)state;
    static const uint8_t colours[][3] = {
        {255, 255, 255}, {0, 0, 0},     {128, 128, 128}, {255, 0, 0},     {0, 255, 0},
        {0, 0, 255},     {255, 255, 0}, {200, 60, 40},   {224, 172, 105}, {30, 90, 160}};
    static const int samplings[] = {TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_440, TJSAMP_411};
    struct stage stage = stage_new(64, 48, FIT_COVER, 9, 9, 9);
    for (size_t i = 0; i < ARRAY_SIZE(colours); i++) {
        const uint8_t *c = colours[i];
        struct picture picture = picture_flat(stage.arena, 99, 75, c[0], c[1], c[2]);
        for (size_t k = 0; k < ARRAY_SIZE(samplings); k++) {
            assert_true(run(&stage, jpeg_of(stage.arena, &picture, samplings[k], 100, 0)));
            assert_colour(&stage.frame, 0, 0, 64, 48, c, 1);
        }
        assert_true(
            run(&stage, av_of(stage.arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB48BE, 255)));
        assert_colour(&stage.frame, 0, 0, 64, 48, c, 0);
        assert_true(run(&stage, tiff_of(stage.arena, &picture, 0, true)));
        assert_colour(&stage.frame, 0, 0, 64, 48, c, 0);
    }
    assert_true(run(&stage, file_of(stage.arena, webp_lossy)));
    assert_colour(&stage.frame, 0, 0, 64, 48, (const uint8_t[]){201, 61, 40}, 2);
    stage_free(&stage);
}

static void grey_jpeg_has_no_colour(void **state) {
    (void)state;
    struct stage stage = stage_new(64, 48, FIT_CONTAIN, 255, 0, 0);
    struct picture picture = picture_flat(stage.arena, 128, 96, 255, 255, 255);
    assert_true(run(&stage, jpeg_of(stage.arena, &picture, TJSAMP_GRAY, 95, 0)));
    assert_colour(&stage.frame, 0, 0, 64, 48, (const uint8_t[]){255, 255, 255}, 0);
    assert_string_equal(stage.receipt.scaling, "jpeg 4/8");
    stage_free(&stage);
}

/* The same picture, held in eight ways, is the same film. Files without loss, so that only the
 * order of the two filters differs where sides are swapped. */
static void all_orientations_are_one_picture(void **state) {
    (void)state;
    static const enum fit fits[] = {FIT_CONTAIN, FIT_COVER};
    for (int f = 0; f < 2; f++) {
        struct stage stage = stage_new(120, 90, fits[f], 0, 0, 0);
        struct picture upright = picture_uneven(stage.arena, 171, 237);
        assert_true(
            run(&stage, av_of(stage.arena, &upright, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255)));
        struct frame expected = copy_of(&stage.frame);
        for (unsigned orientation = 1; orientation <= 8; orientation++) {
            struct picture stored = picture_stored(stage.arena, &upright, orientation);
            struct str png = av_of(stage.arena, &stored, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255);
            assert_true(run(&stage, with_orientation(stage.arena, png, orientation)));
            assert_int_equal(stage.receipt.orientation, orientation);
            assert_int_equal(stage.receipt.width, stored.width);
            assert_true(largest_difference(&stage.frame, &expected) <= (orientation <= 4 ? 0 : 1));
            assert_true(run(&stage, tiff_of(stage.arena, &stored, orientation, false)));
            assert_true(largest_difference(&stage.frame, &expected) <= (orientation <= 4 ? 0 : 1));
        }
        frame_clear(&expected);
        stage_free(&stage);
    }
}

/* As above through JPEG's planes, with and without the codec's scaling, odd sides included. */
static void all_orientations_of_jpegs(void **state) {
    (void)state;
    static const int samplings[] = {TJSAMP_444, TJSAMP_422, TJSAMP_420};
    static const unsigned targets[][2] = {{160, 220}, {80, 110}, {34, 46}, {400, 400}};
    for (size_t i = 0; i < ARRAY_SIZE(samplings) * ARRAY_SIZE(targets); i++) {
        const unsigned *size = targets[i / ARRAY_SIZE(samplings)];
        int sampling = samplings[i % ARRAY_SIZE(samplings)];
        struct stage stage = stage_new(size[0], size[1], FIT_COVER, 0, 0, 0);
        struct picture upright = picture_uneven(stage.arena, 171, 237);
        assert_true(
            run(&stage, av_of(stage.arena, &upright, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255)));
        struct frame expected = copy_of(&stage.frame);
        for (unsigned orientation = 1; orientation <= 8; orientation++) {
            struct picture stored = picture_stored(stage.arena, &upright, orientation);
            struct str jpeg = jpeg_of(stage.arena, &stored, sampling, 98, 0);
            assert_true(run(&stage, with_orientation(stage.arena, jpeg, orientation)));
            assert_true(largest_difference(&stage.frame, &expected) <= 4);
        }
        frame_clear(&expected);
        stage_free(&stage);
    }
}

struct place {
    unsigned canvas[2], image[2];
    unsigned left, top, right, bottom; /* of the picture */
    const char *scaling;
};

static void contained_pictures_lie_in_the_middle(void **state) {
    (void)state;
    static const struct place cases[] = {
        {{64, 48}, {64, 48}, 0, 0, 64, 48, "none"},
        {{64, 48}, {128, 96}, 0, 0, 64, 48, "lanczos3 64x48"},
        {{64, 48}, {32, 24}, 0, 0, 64, 48, "lanczos3 64x48"},
        {{64, 48}, {100, 20}, 0, 18, 64, 30, "lanczos3 64x12"},
        {{64, 48}, {20, 100}, 26, 0, 36, 48, "lanczos3 10x48"},
        {{64, 48}, {1000, 1}, 0, 22, 64, 24, "lanczos3 64x2"},
        {{64, 48}, {1, 1000}, 30, 0, 32, 48, "lanczos3 2x48"},
        {{64, 48}, {1, 1}, 8, 0, 56, 48, "lanczos3 48x48"},
    };
    static const uint8_t white[3] = {255, 255, 255}, background[3] = {200, 30, 90};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct place *place = &cases[i];
        struct stage stage =
            stage_new(place->canvas[0], place->canvas[1], FIT_CONTAIN, 200, 30, 90);
        struct picture picture =
            picture_flat(stage.arena, place->image[0], place->image[1], 255, 255, 255);
        assert_true(
            run(&stage, av_of(stage.arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255)));
        assert_string_equal(stage.receipt.scaling, place->scaling);
        unsigned width = place->canvas[0], height = place->canvas[1];
        const struct frame *frame = &stage.frame;
        assert_colour(frame, place->left, place->top, place->right, place->bottom, white, 0);
        assert_colour(frame, 0, 0, width, place->top, background, 0);
        assert_colour(frame, 0, place->bottom, width, height, background, 0);
        assert_colour(frame, 0, 0, place->left, height, background, 0);
        assert_colour(frame, place->right, 0, width, height, background, 0);
        stage_free(&stage);
    }
}

/* Covering shows the middle: the outer parts of a picture in three stripes vanish. */
static void covering_crops_the_outside(void **state) {
    (void)state;
    struct stage stage = stage_new(60, 60, FIT_COVER, 0, 0, 0);
    struct picture wide = picture_flat(stage.arena, 400, 100, 255, 0, 0);
    for (size_t y = 0; y < 100; y++) {
        for (size_t x = 120; x < 280; x++)
            memcpy(wide.rgb + 3 * (y * 400 + x), "\x1e\x5a\xa0", 3);
    }
    const struct str files[] = {
        av_of(stage.arena, &wide, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255),
        jpeg_of(stage.arena, &wide, TJSAMP_444, 100, 0),
    };
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        assert_true(run(&stage, files[i]));
        assert_colour(&stage.frame, 0, 0, 60, 60, (const uint8_t[]){0x1e, 0x5a, 0xa0}, 2);
        assert_string_equal(stage.receipt.scaling, "lanczos3 60x60, cropped");
    }
    stage_free(&stage);
}

static void transparency_shows_the_background(void **state) {
    (void)state;
    struct stage stage = stage_new(32, 32, FIT_CONTAIN, 40, 200, 120);
    struct picture red = picture_flat(stage.arena, 50, 50, 255, 0, 0);
    static const struct {
        uint8_t alpha, rgb[3];
    } cases[] = {{0, {40, 200, 120}}, {255, {255, 0, 0}}, {51, {83, 160, 96}}};
    static const enum AVPixelFormat formats[] = {AV_PIX_FMT_RGBA, AV_PIX_FMT_RGBA64BE};
    for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
        struct str png =
            av_of(stage.arena, &red, AV_CODEC_ID_PNG, formats[i % 2], cases[i / 2].alpha);
        assert_true(run(&stage, png));
        assert_colour(&stage.frame, 0, 0, 32, 32, cases[i / 2].rgb, 0);
    }
    assert_true(run(&stage, file_of(stage.arena, webp_lossy_alpha)));
    assert_colour(&stage.frame, 0, 0, 32, 32, (const uint8_t[]){121, 130, 80}, 2);
    stage_free(&stage);
}

/* Where chroma lies: a ramp from left to right has at chroma sample i the colour of luma sample 2i,
 * and from top to bottom the mean of the rows 2i and 2i+1. */
static void chroma_is_sited_left(void **state) {
    (void)state;
    enum { SIDE = 96 };
    static const int samplings[] = {TJSAMP_444, TJSAMP_422, TJSAMP_420};
    struct stage stage = stage_new(SIDE, SIDE, FIT_CONTAIN, 0, 0, 0);
    for (int down = 0; down < 2; down++) {
        struct picture ramp = picture_flat(stage.arena, SIDE, SIDE, 100, 100, 0);
        for (size_t i = 0; i < (size_t)SIDE * SIDE; i++)
            ramp.rgb[3 * i + 2] = (uint8_t)(20 + 2 * (down == 1 ? i / SIDE : i % SIDE));
        struct str files[4] = {av_of(stage.arena, &ramp, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255)};
        for (size_t i = 0; i < ARRAY_SIZE(samplings); i++)
            files[i + 1] = jpeg_of(stage.arena, &ramp, samplings[i], 100, 0);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
            assert_true(run(&stage, files[i]));
            double error = 0;
            for (unsigned sample = 0; sample < 256; sample++) {
                unsigned across = 16 + sample % 16, along = 16 + sample / 16;
                unsigned x = down == 1 ? across : along, y = down == 1 ? along : across;
                double blue = 20 + 2 * (down == 1 ? 2 * along + 0.5 : 2 * along);
                double luma = 0.9278 * 100 + 0.0722 * blue;
                error += at(&stage.frame, 1, x, y) - (128 + 224 / 255.0 * (blue - luma) / 1.8556);
            }
            /* Centred siting would be wrong by 0.44 on the mean. */
            assert_true(fabs(error / 256) < 0.15);
        }
    }
    stage_free(&stage);
}

/* Luma of saturated colours depends on chroma: edges between colours of equal Y'601 must appear. */
static void luma_takes_its_share_of_chroma(void **state) {
    (void)state;
    struct stage stage = stage_new(64, 64, FIT_CONTAIN, 0, 0, 0);
    struct picture picture = picture_flat(stage.arena, 64, 64, 200, 40, 60);
    for (size_t i = 0; i < 64 * 64; i++) {
        if (i % 64 >= 32)
            memcpy(picture.rgb + 3 * i, "\x14\x50\xf0", 3);
    }
    assert_true(run(&stage, jpeg_of(stage.arena, &picture, TJSAMP_420, 100, 0)));
    assert_colour(&stage.frame, 0, 0, 24, 64, (const uint8_t[]){200, 40, 60}, 2);
    assert_colour(&stage.frame, 40, 0, 64, 64, (const uint8_t[]){20, 80, 240}, 2);
    stage_free(&stage);
}

/* Nothing of an earlier image stays behind: buffers and tables are reused, results are not. */
static void the_order_of_images_does_not_matter(void **state) {
    (void)state;
    struct stage used = stage_new(100, 80, FIT_CONTAIN, 0, 0, 0);
    static const unsigned sides[][2] = {{300, 200}, {31, 47}, {100, 80}, {512, 90},
                                        {300, 200}, {64, 65}, {77, 9},   {640, 480}};
    for (unsigned i = 0; i < 40; i++) {
        struct stage fresh = stage_new(100, 80, FIT_CONTAIN, 0, 0, 0);
        const unsigned *side = sides[i % ARRAY_SIZE(sides)];
        struct picture picture = picture_uneven(fresh.arena, side[0], side[1]);
        struct str image =
            i % 3 == 0
                ? av_of(fresh.arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGBA, 128)
                : jpeg_of(fresh.arena, &picture, i % 3 == 1 ? TJSAMP_420 : TJSAMP_GRAY, 90, 0);
        image = with_orientation(fresh.arena, image, i % 8 + 1);
        assert_true(run(&fresh, image) && run(&used, image));
        assert_int_equal(largest_difference(&fresh.frame, &used.frame), 0);
        stage_free(&fresh);
    }
    stage_free(&used);
}

/* All share the weights of one side, so those are the oldest in the cache when there is no room for
 * the next ones, and in use. */
static void weights_in_use_are_kept(void **state) {
    (void)state;
    struct stage used = stage_new(100, 80, FIT_COVER, 0, 0, 0);
    for (unsigned i = 0; i < 40; i++) {
        struct stage fresh = stage_new(100, 80, FIT_COVER, 0, 0, 0);
        struct picture picture = picture_uneven(fresh.arena, 200, 160 + 2 * i);
        struct str png = av_of(fresh.arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255);
        assert_true(run(&fresh, png) && run(&used, png));
        assert_int_equal(largest_difference(&fresh.frame, &used.frame), 0);
        stage_free(&fresh);
    }
    stage_free(&used);
}

static void receipts(void **state) {
    (void)state;
    struct stage stage = stage_new(64, 48, FIT_CONTAIN, 0, 0, 0);
    struct picture picture = picture_uneven(stage.arena, 201, 150);
    struct str jpeg = jpeg_of(stage.arena, &picture, TJSAMP_420, 90, 0);
    assert_true(run(&stage, with_orientation(stage.arena, jpeg, 8)));
    const struct receipt *receipt = &stage.receipt;
    assert_string_equal(receipt->format, "jpeg");
    assert_int_equal(receipt->bytes, jpeg.len + 36);
    assert_int_equal(receipt->width, 201);
    assert_int_equal(receipt->height, 150);
    assert_int_equal(receipt->orientation, 8);
    assert_string_equal(receipt->scaling, "jpeg 4/8, lanczos3 36x48");
    assert_int_equal(receipt->warning_count, 0);
    assert_null(receipt->refused);

    struct str cmyk = jpeg_cmyk_of(stage.arena, &picture);
    assert_true(run(&stage, cmyk));
    assert_int_equal(receipt->warning_count, 1);
    assert_string_equal(receipt->warnings[0], "CMYK without a profile: shown as ideal inks");
    stage_free(&stage);
}

static void refused_images(void **state) {
    (void)state;
    struct stage stage = stage_new(64, 48, FIT_CONTAIN, 0, 0, 0);
    struct picture picture = picture_uneven(stage.arena, 201, 150);
    struct str jpeg = jpeg_of(stage.arena, &picture, TJSAMP_420, 90, 0);
    struct str half = {jpeg.ptr, jpeg.len / 2};
    struct str huge = av_of(stage.arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255);
    memcpy((char *)huge.ptr + 16, "\0\0\xea\x60\0\0\xea\x60", 8);
    const struct {
        struct str image;
        enum error_kind kind;
        const char *format, *text;
        unsigned width;
    } cases[] = {
        {{"", 0}, ERROR_INVALID, NULL, "is empty", 0},
        {str_c("hello"), ERROR_INVALID, NULL, "not an image (it looks like text)", 0},
        {huge, ERROR_LIMIT, "png", "60000x60000 is over the limit of 300 megapixels", 0},
        {half, ERROR_INVALID, "jpeg", "truncated or damaged: 'Premature end of JPEG file'", 201},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_false(run(&stage, cases[i].image));
        assert_int_equal(stage.err.kind, cases[i].kind);
        assert_string_equal(stage.err.text, cases[i].text);
        assert_string_equal(stage.receipt.refused, cases[i].text);
        assert_int_equal(stage.receipt.bytes, cases[i].image.len);
        assert_int_equal(stage.receipt.width, cases[i].width);
        assert_null(stage.receipt.scaling);
        if (cases[i].format == NULL)
            assert_null(stage.receipt.format);
        else
            assert_string_equal(stage.receipt.format, cases[i].format);
    }
    /* And the next one is fine. */
    assert_true(run(&stage, jpeg));
    assert_null(stage.receipt.refused);
    stage_free(&stage);
}

static void probing(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct picture picture = picture_uneven(arena, 201, 150);
    struct str jpeg = jpeg_of(arena, &picture, TJSAMP_420, 90, 0);
    for (unsigned orientation = 1; orientation <= 8; orientation++) {
        struct receipt receipt = {.name = "a.jpg"};
        unsigned width, height;
        compose_probe(arena, with_orientation(arena, jpeg, orientation), &receipt, &width, &height);
        assert_int_equal(width, orientation <= 4 ? 201 : 150);
        assert_int_equal(height, orientation <= 4 ? 150 : 201);
        assert_int_equal(receipt.width, 201);
        assert_string_equal(receipt.name, "a.jpg");
        assert_null(receipt.scaling);
        assert_null(receipt.refused);
    }
    struct receipt receipt = {.name = "a.jpg"};
    unsigned width = 5, height = 5;
    compose_probe(arena, str_c("Dear diary"), &receipt, &width, &height);
    assert_string_equal(receipt.refused, "not an image (it looks like text)");
    assert_int_equal(width + height, 0);
    arena_free(arena);
}

/* The poster shows what the film shows. */
static void posters(void **state) {
    (void)state;
    struct stage stage = stage_new(160, 120, FIT_COVER, 0, 0, 0);
    struct picture picture = picture_uneven(stage.arena, 320, 240);
    assert_true(run(&stage, av_of(stage.arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255)));
    struct frame film = copy_of(&stage.frame);
    struct str poster;
    assert_true(compose_poster(stage.arena, &film, &poster, &stage.err));
    assert_true(run(&stage, poster));
    assert_int_equal(stage.receipt.width, 160);
    assert_int_equal(stage.receipt.height, 120);
    assert_true(largest_difference(&stage.frame, &film) <= 5);

    static const uint8_t colours[][3] = {{255, 255, 255}, {0, 0, 0}, {255, 0, 0}, {30, 90, 160}};
    for (size_t i = 0; i < ARRAY_SIZE(colours); i++) {
        const uint8_t *c = colours[i];
        struct picture flat = picture_flat(stage.arena, 16, 12, c[0], c[1], c[2]);
        assert_true(run(&stage, av_of(stage.arena, &flat, AV_CODEC_ID_PNG, AV_PIX_FMT_RGB24, 255)));
        assert_true(compose_poster(stage.arena, &stage.frame, &poster, &stage.err));
        assert_true(run(&stage, poster));
        assert_colour(&stage.frame, 0, 0, 160, 120, c, 3);
    }
    frame_clear(&film);
    stage_free(&stage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flat_colours),
        cmocka_unit_test(grey_jpeg_has_no_colour),
        cmocka_unit_test(all_orientations_are_one_picture),
        cmocka_unit_test(all_orientations_of_jpegs),
        cmocka_unit_test(contained_pictures_lie_in_the_middle),
        cmocka_unit_test(covering_crops_the_outside),
        cmocka_unit_test(transparency_shows_the_background),
        cmocka_unit_test(chroma_is_sited_left),
        cmocka_unit_test(luma_takes_its_share_of_chroma),
        cmocka_unit_test(the_order_of_images_does_not_matter),
        cmocka_unit_test(weights_in_use_are_kept),
        cmocka_unit_test(receipts),
        cmocka_unit_test(refused_images),
        cmocka_unit_test(probing),
        cmocka_unit_test(posters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
