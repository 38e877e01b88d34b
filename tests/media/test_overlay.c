/*
 * Text and watermark on pictures: that something is drawn where it belongs and nothing elsewhere,
 * that scripts are shaped, and that a watermark's alpha is what the file says.
 */
#include "image_files.h"
#include "media/overlay.h"
#include "media/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 640, HEIGHT = 360 };

static void fill(struct frame *frame, uint8_t luma) {
    memset(frame->planes[0], luma, frame->strides[0] * frame->height);
    for (int i = 1; i < 3; i++)
        memset(frame->planes[i], 90, frame->strides[i] * (frame->height / 2));
}

/* The smallest rectangle of luma that differs from `luma`; false when nothing does. */
static bool changed(const struct frame *frame, uint8_t luma, unsigned ret[4]) {
    unsigned left = frame->width, top = frame->height, right = 0, bottom = 0;
    for (unsigned y = 0; y < frame->height; y++)
        for (unsigned x = 0; x < frame->width; x++)
            if (frame->planes[0][y * frame->strides[0] + x] != luma) {
                left = x < left ? x : left;
                top = y < top ? y : top;
                right = x + 1 > right ? x + 1 : right;
                bottom = y + 1 > bottom ? y + 1 : bottom;
            }
    unsigned found[] = {left, top, right, bottom};
    memcpy(ret, found, sizeof found);
    return right > 0;
}

static void stamps_stand_in_their_corners(void **state) {
    (void)state;
    static const struct {
        enum corner corner;
        unsigned left, top, right, bottom; /* where the text must be within */
    } cases[] = {
        {CORNER_TOP_LEFT, 0, 0, 320, 100},         {CORNER_TOP, 160, 0, 480, 100},
        {CORNER_TOP_RIGHT, 320, 0, 640, 100},      {CORNER_CENTER, 160, 130, 480, 230},
        {CORNER_BOTTOM_LEFT, 0, 260, 320, 360},    {CORNER_BOTTOM, 160, 260, 480, 360},
        {CORNER_BOTTOM_RIGHT, 320, 260, 640, 360},
    };
    struct overlay *overlay = overlay_new(WIDTH, HEIGHT);
    struct frame frame;
    frame_init(&frame, WIDTH, HEIGHT);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct error err = {0};
        const char *warning;
        unsigned box[4];
        fill(&frame, 100);
        assert_true(overlay_stamp(overlay, arena, "2024-05-01 12:33", cases[i].corner, &frame,
                                  &warning, &err));
        assert_null(warning);
        assert_true(changed(&frame, 100, box));
        if (box[0] < cases[i].left || box[1] < cases[i].top || box[2] > cases[i].right ||
            box[3] > cases[i].bottom)
            fail_msg("corner %d: %u,%u to %u,%u", cases[i].corner, box[0], box[1], box[2], box[3]);
        /* White letters with a dark edge, and the chroma under them grey. */
        unsigned lightest = 0, darkest = 255, greyest = 255;
        for (unsigned y = box[1]; y < box[3]; y++)
            for (unsigned x = box[0]; x < box[2]; x++) {
                unsigned luma = frame.planes[0][y * frame.strides[0] + x];
                unsigned chroma = frame.planes[1][y / 2 * frame.strides[1] + x / 2];
                lightest = luma > lightest ? luma : lightest;
                darkest = luma < darkest ? luma : darkest;
                greyest = (unsigned)abs((int)chroma - 128) < greyest
                              ? (unsigned)abs((int)chroma - 128)
                              : greyest;
            }
        assert_true(lightest > 200 && darkest < 70 && greyest < 12);
    }
    frame_clear(&frame);
    overlay_free(overlay);
}

static void long_captions_fit(void **state) {
    (void)state;
    char text[900];
    memset(text, 'W', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct overlay *overlay = overlay_new(WIDTH, HEIGHT);
    struct frame frame;
    struct error err = {0};
    const char *warning;
    unsigned box[4];
    frame_init(&frame, WIDTH, HEIGHT);
    fill(&frame, 100);
    assert_true(overlay_caption(overlay, arena, text, &frame, &warning, &err));
    assert_true(changed(&frame, 100, box));
    assert_true(box[0] > 0 && box[2] < WIDTH && box[2] - box[0] > WIDTH * 3 / 4);
    /* The same once more from what is kept, and an empty text draws nothing. */
    struct frame again;
    frame_init(&again, WIDTH, HEIGHT);
    fill(&again, 100);
    assert_true(overlay_caption(overlay, arena, text, &again, &warning, &err));
    assert_memory_equal(frame.planes[0], again.planes[0], frame.strides[0] * HEIGHT);
    fill(&again, 100);
    assert_true(overlay_caption(overlay, arena, "", &again, &warning, &err));
    assert_true(overlay_caption(overlay, arena, " ", &again, &warning, &err));
    assert_false(changed(&again, 100, box));
    frame_clear(&frame);
    frame_clear(&again);
    overlay_free(overlay);
}

/* ---- scripts ---- */

static struct text_mask drawn(struct fonts *fonts, const char *text) {
    struct text_mask mask = {0};
    struct error err = {0};
    if (!text_draw(fonts, str_c(text), 40, 4000, &mask, &err))
        fail_msg("'%s': %s", text, err.text);
    return mask;
}

static unsigned ink(const struct text_mask *mask) {
    unsigned sum = 0;
    for (size_t i = 0; i < (size_t)mask->width * mask->height; i++)
        sum += mask->coverage[i];
    return sum / 255;
}

static void scripts_have_fonts(void **state) {
    (void)state;
    static const char *const texts[] = {
        "Straße, naïve, Ærøskøbing",
        "Ελλάδα",
        "Москва",
        "ירושלים",
        "القاهرة",
        "नमस्ते",
        "สวัสดี",
        "გამარჯობა",
        "Հայաստան",
        "Tiếng Việt",
        "→ ★ ♪ ½ €",
        "😀🏔️ 🎉",
    };
    struct fonts *fonts = fonts_new();
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct text_mask mask = drawn(fonts, texts[i]);
        if (mask.missing != 0 || ink(&mask) < 200)
            fail_msg("'%s': U+%04X is missing, ink %u", texts[i], (unsigned)mask.missing,
                     ink(&mask));
        text_mask_clear(&mask);
    }
    fonts_free(fonts);
}

static void text_is_shaped(void **state) {
    (void)state;
    struct fonts *fonts = fonts_new();
    /* Letters that join are narrower than the same ones kept apart. */
    struct text_mask joined = drawn(fonts, "ببب"), apart = drawn(fonts, "ب‌ب‌ب");
    assert_true(joined.width < apart.width);
    text_mask_clear(&joined);
    text_mask_clear(&apart);
    /* Right to left: the first letter stands last, so the dot of a mixed line lies elsewhere. */
    struct text_mask hebrew = drawn(fonts, "א."), latin = drawn(fonts, "a.");
    unsigned half[2] = {0, 0};
    const struct text_mask *masks[] = {&hebrew, &latin};
    for (int i = 0; i < 2; i++)
        for (unsigned y = 0; y < masks[i]->height; y++)
            for (unsigned x = 0; x < masks[i]->width / 4; x++)
                half[i] += masks[i]->coverage[y * masks[i]->width + x];
    assert_true(half[0] < half[1]);
    text_mask_clear(&hebrew);
    text_mask_clear(&latin);
    /* A mark takes no room of its own. */
    struct text_mask plain = drawn(fonts, "nn"), marked = drawn(fonts, "nn\xcc\x83");
    assert_int_equal(plain.width, marked.width);
    text_mask_clear(&plain);
    text_mask_clear(&marked);
    fonts_free(fonts);
}

/* Pictures in one size only, made as tall as the letters, in shades. */
static void emoji_are_drawn_in_shades(void **state) {
    (void)state;
    struct fonts *fonts = fonts_new();
    struct text_mask one = drawn(fonts, "😀"), two = drawn(fonts, "😀😀"),
                     family = drawn(fonts, "👨‍👩‍👧"), letter = drawn(fonts, "M");
    assert_int_equal(one.missing, 0);
    assert_in_range(one.width, letter.width, 2 * letter.width);
    assert_in_range(two.width, 2 * one.width - 2, 2 * one.width + one.width / 2);
    /* Joined into one picture. */
    assert_in_range(family.width, one.width - 4, one.width + 4);
    unsigned shades = 0;
    bool seen[256] = {false};
    for (size_t i = 0; i < (size_t)one.width * one.height; i++) {
        shades += !seen[one.coverage[i]];
        seen[one.coverage[i]] = true;
    }
    assert_true(shades > 20 && seen[0]);
    text_mask_clear(&one);
    text_mask_clear(&two);
    text_mask_clear(&family);
    text_mask_clear(&letter);
    fonts_free(fonts);
}

static void what_no_font_has_is_told(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct overlay *overlay = overlay_new(WIDTH, HEIGHT);
    struct frame frame;
    struct error err = {0};
    const char *warning;
    unsigned box[4];
    frame_init(&frame, WIDTH, HEIGHT);
    fill(&frame, 100);
    /* Of the private area. */
    assert_true(overlay_caption(overlay, arena, "a\xf3\xb0\x80\x81z", &frame, &warning, &err));
    assert_non_null(strstr(warning, "U+F0001"));
    assert_true(changed(&frame, 100, box));
    setenv("TACHYSCOPE_FONTS", "/nonexistent", 1);
    struct overlay *without = overlay_new(WIDTH, HEIGHT);
    assert_false(overlay_caption(without, arena, "a", &frame, &warning, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "fonts-noto-core"));
    unsetenv("TACHYSCOPE_FONTS");
    overlay_free(without);
    frame_clear(&frame);
    overlay_free(overlay);
}

/* ---- the watermark ---- */

static void watermarks_keep_their_alpha(void **state) {
    (void)state;
    static const struct {
        uint8_t alpha;
        uint8_t under;
    } cases[] = {{255, 50}, {128, 50}, {128, 200}, {0, 50}, {64, 120}};
    struct frame frame;
    frame_init(&frame, WIDTH, HEIGHT);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct error err = {0};
        struct picture picture = picture_flat(arena, 100, 40, 255, 255, 255);
        struct str png = av_of(arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGBA, cases[i].alpha);
        struct overlay *overlay = overlay_new(WIDTH, HEIGHT);
        fill(&frame, cases[i].under);
        assert_true(overlay_load_watermark(overlay, arena, png, CORNER_TOP_LEFT, &err));
        overlay_watermark(overlay, &frame);
        /* Its middle, and a place outside. */
        int expected = cases[i].under + (235 - cases[i].under) * cases[i].alpha / 255;
        int found = frame.planes[0][32 * frame.strides[0] + 62];
        int chroma = frame.planes[1][16 * frame.strides[1] + 31];
        int expected_chroma = 90 + (128 - 90) * cases[i].alpha / 255;
        if (abs(found - expected) > 2 || abs(chroma - expected_chroma) > 2)
            fail_msg("alpha %u over %u: %d, %d", cases[i].alpha, cases[i].under, found, chroma);
        assert_int_equal(frame.planes[0][200 * frame.strides[0] + 300], cases[i].under);
        overlay_free(overlay);
    }
    frame_clear(&frame);
}

static void large_watermarks_are_made_smaller(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct error err = {0};
    struct frame frame;
    unsigned box[4];
    struct picture picture = picture_flat(arena, 2000, 500, 255, 255, 255);
    struct str jpeg = jpeg_of(arena, &picture, 0, 90, 0);
    struct overlay *overlay = overlay_new(WIDTH, HEIGHT);
    frame_init(&frame, WIDTH, HEIGHT);
    fill(&frame, 50);
    assert_true(overlay_load_watermark(overlay, arena, jpeg, CORNER_BOTTOM_RIGHT, &err));
    overlay_watermark(overlay, &frame);
    assert_true(changed(&frame, 50, box));
    assert_in_range(box[2] - box[0], WIDTH / 3 - 2, WIDTH / 3 + 2);
    assert_in_range(box[3] - box[1], WIDTH / 12 - 2, WIDTH / 12 + 2);
    assert_in_range(box[2], WIDTH - HEIGHT / 30 - 2, WIDTH - HEIGHT / 30 + 1);
    assert_false(overlay_load_watermark(overlay, arena, str_c("no picture"), CORNER_TOP, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    frame_clear(&frame);
    overlay_free(overlay);
}

static void stamps_say_what_they_should(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const char *captured = "2024-05-01T12:33:44.120";
    assert_string_equal(overlay_stamp_text(arena, STAMP_CAPTURED, captured, "a", 0),
                        "2024-05-01 12:33");
    assert_null(overlay_stamp_text(arena, STAMP_CAPTURED, NULL, "a", 0));
    assert_null(overlay_stamp_text(arena, STAMP_NONE, captured, "a", 0));
    assert_string_equal(overlay_stamp_text(arena, STAMP_NAME, NULL, "000123-b c.jpg", 0),
                        "b c.jpg");
    assert_string_equal(overlay_stamp_text(arena, STAMP_NAME, NULL, "00012-b.jpg", 0),
                        "00012-b.jpg");
    assert_string_equal(overlay_stamp_text(arena, STAMP_INDEX, NULL, "a", 41), "42");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stamps_stand_in_their_corners),
        cmocka_unit_test(long_captions_fit),
        cmocka_unit_test(scripts_have_fonts),
        cmocka_unit_test(text_is_shaped),
        cmocka_unit_test(emoji_are_drawn_in_shades),
        cmocka_unit_test(what_no_font_has_is_told),
        cmocka_unit_test(watermarks_keep_their_alpha),
        cmocka_unit_test(large_watermarks_are_made_smaller),
        cmocka_unit_test(stamps_say_what_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
