#include "patches.h"

#include "base/base.h"
#include "image_files.h"
#include "media/compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>
#include <turbojpeg.h>

/* From the paper's supplement: Sharma, Wu, Dalal (2005), table 1. */
static void the_measure_is_right(void **state) {
    (void)state;
    static const struct {
        struct lab a, b;
        double expected;
    } cases[] = {
        {{50.0000, 2.6772, -79.7751}, {50.0000, 0.0000, -82.7485}, 2.0425},
        {{50.0000, 3.1571, -77.2803}, {50.0000, 0.0000, -82.7485}, 2.8615},
        {{50.0000, 2.8361, -74.0200}, {50.0000, 0.0000, -82.7485}, 3.4412},
        {{50.0000, -1.3802, -84.2814}, {50.0000, 0.0000, -82.7485}, 1.0000},
        {{50.0000, -1.1848, -84.8006}, {50.0000, 0.0000, -82.7485}, 1.0000},
        {{50.0000, -0.9009, -85.5211}, {50.0000, 0.0000, -82.7485}, 1.0000},
        {{50.0000, 0.0000, 0.0000}, {50.0000, -1.0000, 2.0000}, 2.3669},
        {{50.0000, -1.0000, 2.0000}, {50.0000, 0.0000, 0.0000}, 2.3669},
        {{50.0000, 2.4900, -0.0010}, {50.0000, -2.4900, 0.0009}, 7.1792},
        {{50.0000, 2.4900, -0.0010}, {50.0000, -2.4900, 0.0010}, 7.1792},
        {{50.0000, 2.4900, -0.0010}, {50.0000, -2.4900, 0.0011}, 7.2195},
        {{50.0000, 2.4900, -0.0010}, {50.0000, -2.4900, 0.0012}, 7.2195},
        {{50.0000, -0.0010, 2.4900}, {50.0000, 0.0009, -2.4900}, 4.8045},
        {{50.0000, -0.0010, 2.4900}, {50.0000, 0.0010, -2.4900}, 4.8045},
        {{50.0000, -0.0010, 2.4900}, {50.0000, 0.0011, -2.4900}, 4.7461},
        {{50.0000, 2.5000, 0.0000}, {50.0000, 0.0000, -2.5000}, 4.3065},
        {{50.0000, 2.5000, 0.0000}, {73.0000, 25.0000, -18.0000}, 27.1492},
        {{50.0000, 2.5000, 0.0000}, {61.0000, -5.0000, 29.0000}, 22.8977},
        {{50.0000, 2.5000, 0.0000}, {56.0000, -27.0000, -3.0000}, 31.9030},
        {{50.0000, 2.5000, 0.0000}, {58.0000, 24.0000, 15.0000}, 19.4535},
        {{50.0000, 2.5000, 0.0000}, {50.0000, 3.1736, 0.5854}, 1.0000},
        {{50.0000, 2.5000, 0.0000}, {50.0000, 3.2972, 0.0000}, 1.0000},
        {{50.0000, 2.5000, 0.0000}, {50.0000, 1.8634, 0.5757}, 1.0000},
        {{50.0000, 2.5000, 0.0000}, {50.0000, 3.2592, 0.3350}, 1.0000},
        {{60.2574, -34.0099, 36.2677}, {60.4626, -34.1751, 39.4387}, 1.2644},
        {{63.0109, -31.0961, -5.8663}, {62.8187, -29.7946, -4.0864}, 1.2630},
        {{61.2901, 3.7196, -5.3901}, {61.4292, 2.2480, -4.9620}, 1.8731},
        {{35.0831, -44.1164, 3.7933}, {35.0232, -40.0716, 1.5901}, 1.8645},
        {{22.7233, 20.0904, -46.6940}, {23.0331, 14.9730, -42.5619}, 2.0373},
        {{36.4612, 47.8580, 18.3852}, {36.2715, 50.5065, 21.2231}, 1.4146},
        {{90.8027, -2.0831, 1.4410}, {91.1528, -1.6435, 0.0447}, 1.4441},
        {{90.9257, -0.5406, -0.9208}, {88.6381, -0.8985, -0.7239}, 1.5381},
        {{6.7747, -0.2908, -2.4247}, {5.8714, -0.0985, -2.2286}, 0.6377},
        {{2.0776, 0.0795, -1.1350}, {0.9033, -0.0636, -0.5514}, 0.9082},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_true(fabs(ciede2000(cases[i].a, cases[i].b) - cases[i].expected) < 0.00006);
}

/* The film's promise: colours that it can show come out right. */
static void colours_are_true(void **state) {
    (void)state;
    for (unsigned i = 0; i < patch_kind_count; i++) {
        struct patch_errors inside, outside;
        if (!patches_measure(&patch_kinds[i], &inside, &outside)) {
            print_message("%s: the profile is not installed\n", patch_kinds[i].name);
            continue;
        }
        if (inside.mean > 1 || inside.worst > 3)
            print_error("%s: mean %.2f, worst %.2f at %u %u %u %u\n", patch_kinds[i].name,
                        inside.mean, inside.worst, inside.worst_patch[0], inside.worst_patch[1],
                        inside.worst_patch[2], inside.worst_patch[3]);
        assert_true(inside.count >= 150);
        assert_true(inside.mean <= 1 && inside.worst <= 3);
    }
}

/* What composing and probing say about the colours of a file. */
static void receipts_name_the_profile(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct picture picture = picture_uneven(arena, 40, 30);
    struct str jpeg = jpeg_of(arena, &picture, TJSAMP_420, 90, 0);
    struct str png = av_of(arena, &picture, AV_CODEC_ID_PNG, AV_PIX_FMT_RGBA, 128);
    struct str p3 = profile_rgb(arena, "Display P3", display_p3_primaries, 0);
    const struct {
        struct str image;
        const char *profile, *warning;
    } cases[] = {
        {jpeg, NULL, NULL},
        {jpeg_with_profile(arena, jpeg, p3), "Display P3", NULL},
        {png_with_profile(arena, png, p3), "Display P3", NULL},
        {jpeg_with_profile(arena, jpeg, profile_rgb(arena, "c2", srgb_primaries, 0)), NULL, NULL},
        {jpeg_with_profile(arena, jpeg, (struct str){p3.ptr, 100}), NULL,
         "the colour profile is not readable: shown as sRGB"},
    };
    struct compose_target target = {.width = 64, .height = 64};
    struct composer *composer = composer_new(&target);
    struct frame frame;
    frame_init(&frame, 64, 64);
    for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
        struct receipt receipt = {0};
        struct error err;
        unsigned width, height;
        if (i % 2 == 0)
            assert_true(
                composer_run(composer, arena, cases[i / 2].image, 0, &frame, &receipt, &err));
        else
            compose_probe(arena, cases[i / 2].image, &receipt, &width, &height);
        assert_int_equal(receipt.profile != NULL, cases[i / 2].profile != NULL);
        if (receipt.profile != NULL)
            assert_string_equal(receipt.profile, cases[i / 2].profile);
        assert_int_equal(receipt.warning_count, cases[i / 2].warning != NULL);
        if (receipt.warning_count > 0)
            assert_string_equal(receipt.warnings[0], cases[i / 2].warning);
    }
    frame_clear(&frame);
    composer_free(composer);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_measure_is_right),
        cmocka_unit_test(colours_are_true),
        cmocka_unit_test(receipts_name_the_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
