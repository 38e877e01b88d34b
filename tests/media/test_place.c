#include "media/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/base.h"

static struct placement place(enum fit fit, unsigned width, unsigned height, unsigned image_width,
                              unsigned image_height, unsigned orientation) {
    struct compose_target target = {.width = width, .height = height, .fit = fit};
    struct image_header header = {
        .width = image_width, .height = image_height, .orientation = orientation};
    return place_picture(&target, &header);
}

static void fits(void **state) {
    (void)state;
    static const struct {
        enum fit fit;
        unsigned width, height, image_width, image_height, orientation;
        unsigned x, y, target_width, target_height;
        double crop_x, crop_y, crop_width, crop_height;
    } cases[] = {
        {FIT_CONTAIN, 1920, 1080, 4000, 3000, 1, 240, 0, 1440, 1080, 0, 0, 4000, 3000},
        {FIT_BLUR, 1920, 1080, 4000, 3000, 1, 240, 0, 1440, 1080, 0, 0, 4000, 3000},
        {FIT_COVER, 1920, 1080, 4000, 3000, 1, 0, 0, 1920, 1080, 0, 375, 4000, 2250},
        {FIT_STRETCH, 1920, 1080, 4000, 3000, 1, 0, 0, 1920, 1080, 0, 0, 4000, 3000},
        {FIT_CONTAIN, 1920, 1080, 4000, 3000, 6, 554, 0, 810, 1080, 0, 0, 3000, 4000},
        {FIT_STRETCH, 1920, 1080, 4000, 3000, 6, 0, 0, 1920, 1080, 0, 0, 3000, 4000},
        {FIT_STRETCH, 16, 16, 1, 60000, 1, 0, 0, 16, 16, 0, 0, 1, 60000},
        {FIT_BLUR, 16, 16, 1, 60000, 1, 6, 0, 2, 16, 0, 0, 1, 60000},
        {FIT_CONTAIN, 100, 100, 100, 100, 1, 0, 0, 100, 100, 0, 0, 100, 100},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct placement got =
            place(cases[i].fit, cases[i].width, cases[i].height, cases[i].image_width,
                  cases[i].image_height, cases[i].orientation);
        assert_int_equal(got.x, cases[i].x);
        assert_int_equal(got.y, cases[i].y);
        assert_int_equal(got.target_width, cases[i].target_width);
        assert_int_equal(got.target_height, cases[i].target_height);
        assert_true(fabs(got.crop_x - cases[i].crop_x) < 1e-9);
        assert_true(fabs(got.crop_y - cases[i].crop_y) < 1e-9);
        assert_true(fabs(got.crop_width - cases[i].crop_width) < 1e-9);
        assert_true(fabs(got.crop_height - cases[i].crop_height) < 1e-9);
    }
}

/* Whatever the sizes: even, inside the canvas, and the crop inside the picture. */
static void all_is_inside(void **state) {
    (void)state;
    static const enum fit all[] = {FIT_CONTAIN, FIT_COVER, FIT_BLUR, FIT_STRETCH};
    static const unsigned sides[] = {16, 18, 100, 720, 1080, 8192};
    static const unsigned image_sides[] = {1, 2, 17, 333, 4001, 65535};
    for (size_t i = 0; i < 4 * 6 * 6 * 6 * 6; i++) {
        unsigned width = sides[i / 4 % 6], height = sides[i / 24 % 6];
        unsigned image_width = image_sides[i / 144 % 6], image_height = image_sides[i / 864 % 6];
        struct placement got = place(all[i % 4], width, height, image_width, image_height, 1);
        assert_true((got.x | got.y | got.target_width | got.target_height) % 2 == 0);
        assert_true(got.target_width >= 2 && got.x + got.target_width <= width);
        assert_true(got.target_height >= 2 && got.y + got.target_height <= height);
        assert_true(got.crop_x >= 0 && got.crop_x + got.crop_width <= image_width * (1 + 1e-12));
        assert_true(got.crop_y >= 0 && got.crop_y + got.crop_height <= image_height * (1 + 1e-12));
        assert_true(got.crop_width > 0 && got.crop_height > 0);
    }
}

static void turning(void **state) {
    (void)state;
    static const struct {
        unsigned orientation, degrees, expected;
    } cases[] = {{1, 0, 1},   {1, 90, 6}, {1, 180, 3}, {1, 270, 8}, {6, 270, 1},
                 {3, 180, 1}, {2, 90, 7}, {5, 180, 7}, {8, 90, 1},  {4, 270, 7}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(place_rotate(cases[i].orientation, cases[i].degrees), cases[i].expected);
    for (unsigned orientation = 1; orientation <= 8; orientation++) {
        unsigned turned = orientation;
        for (int i = 0; i < 4; i++)
            turned = place_rotate(turned, 90);
        assert_int_equal(turned, orientation);
    }
}

/* What a codec is asked for: enough samples of what is shown, by stored sides. */
static void wanted_sizes(void **state) {
    (void)state;
    static const struct {
        enum fit fit;
        unsigned orientation, width, height;
    } cases[] = {{FIT_CONTAIN, 1, 1440, 1080}, {FIT_CONTAIN, 6, 1080, 810},
                 {FIT_COVER, 1, 1920, 1440},   {FIT_COVER, 8, 2560, 1920},
                 {FIT_STRETCH, 1, 1920, 1080}, {FIT_STRETCH, 6, 1080, 1920}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct placement got = place(cases[i].fit, 1920, 1080, 4000, 3000, cases[i].orientation);
        unsigned width, height;
        place_wanted_size(&got, &width, &height);
        assert_int_equal(width, cases[i].width);
        assert_int_equal(height, cases[i].height);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits),
        cmocka_unit_test(all_is_inside),
        cmocka_unit_test(turning),
        cmocka_unit_test(wanted_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
