#include "media/space.h"

#include "base/base.h"
#include "image_files.h"
#include "media/develop.h"
#include "media/resample.h"
#include "media/table.h"
#include "media/tonemap.h"
#include "media/transfer.h"
#include "patches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lcms2.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void powers(void **state) {
    (void)state;
    static const double exponents[] = {0.1593017578125, 1 / 2.4, 2.4, 78.84375, -1.5, 0};
    for (size_t i = 0; i < ARRAY_SIZE(exponents); i++) {
        for (double base = 1e-9; base < 1e4; base *= 1.37) {
            double expected = pow(base, exponents[i]);
            double found = transfer_power(base, exponents[i]);
            assert_true(fabs(found / expected - 1) < 1e-12 || expected < 1e-300 ||
                        expected > 1e300);
        }
    }
    assert_true(transfer_power(0, 2) == 0 && transfer_power(-1, 2) == 0);
}

/* ST 2084 and BT.2100, BT.2408: reference levels. */
static void curves_of_the_standards(void **state) {
    (void)state;
    assert_true(fabs(pq_encode(203) - 0.5807) < 0.0001);
    assert_true(fabs(pq_encode(1000) - 0.7518) < 0.0001);
    assert_true(fabs(pq_encode(10000) - 1) < 1e-9 && pq_decode(0) == 0);
    assert_true(fabs(hlg_decode(0.5) - 1 / 12.0) < 1e-6 && fabs(hlg_decode(1) - 1) < 1e-4);
    assert_true(hlg_decode(-1) == 0);
    assert_true(fabs(1000 * pow(hlg_decode(0.75), 1.2) - 203) < 0.5);
    assert_true(fabs(srgb_encode(0.5) - 0.735357) < 1e-6);
    for (double x = -0.5; x <= 1.5; x += 0.0137) {
        assert_true(fabs(srgb_decode(srgb_encode(x)) - x) < 1e-7);
        if (x > 0 && x < 1)
            assert_true(fabs(pq_encode(pq_decode(x)) - x) < 1e-9);
    }
}

static void primaries_by_number(void **state) {
    (void)state;
    static const uint8_t known[] = {1, 5, 6, 7, 9, 12}, unknown[] = {0, 2, 3, 4, 8, 13, 255};
    struct matrix3 xyz;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        double white[3];
        assert_true(primaries_to_xyz(known[i], &xyz));
        matrix3_apply(&xyz, (const double[]){1, 1, 1}, white);
        assert_true(fabs(white[0] - 0.95046) < 0.0001 && fabs(white[1] - 1) < 1e-12 &&
                    fabs(white[2] - 1.08906) < 0.0001);
    }
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
        assert_false(primaries_to_xyz(unknown[i], &xyz));
    /* ICC's white is the film's. */
    struct matrix3 from_icc = xyz_d50_to_srgb();
    double white[3];
    matrix3_apply(&from_icc, (const double[]){0.9642, 1, 0.8249}, white);
    for (int c = 0; c < 3; c++)
        assert_true(fabs(white[c] - 1) < 1e-9);
}

/* Dark and middle tones stay, order stays, nothing leaves the range, greys are grey. */
static void tone_mapping(void **state) {
    (void)state;
    double last = 0;
    for (double light = 0.01; light < 20000; light *= 1.05) {
        double ret[3];
        tonemap_colour((const double[]){light, light, light}, ret);
        assert_true(ret[0] == ret[1] && ret[1] == ret[2] && ret[0] > last - 1e-9 &&
                    ret[0] < 1 + 1e-9);
        if (light < 90)
            assert_true(fabs(ret[0] - light / TONEMAP_WHITE) < 1e-6);
        last = ret[0];
    }
    assert_true(last > 0.9999);
    double white[3];
    tonemap_colour((const double[]){203, 203, 203}, white);
    assert_true(white[0] > 0.7 && white[0] < 0.9);
    for (int i = 0; i < 5 * 5 * 5; i++) {
        /* Corners of BT.2020 seen from BT.709, and beyond. */
        static const double steps[] = {-600, -30, 0, 150, 2500};
        const double light[3] = {steps[i % 5], steps[i / 5 % 5], steps[i / 25]};
        double ret[3];
        tonemap_colour(light, ret);
        for (int c = 0; c < 3; c++)
            assert_true(ret[c] >= 0 && ret[c] < 1 + 1e-9);
    }
}

static void numbers_are_named(void **state) {
    (void)state;
    static const struct {
        uint8_t primaries, transfer;
        enum space_kind kind;
        const char *name, *warning;
    } cases[] = {
        {1, 13, SPACE_SRGB, "", NULL},
        {1, 1, SPACE_SRGB, "", NULL},
        {2, 2, SPACE_SRGB, "", NULL},
        {0, 0, SPACE_SRGB, "", NULL},
        {255, 255, SPACE_SRGB, "", NULL},
        {12, 13, SPACE_NUMBERS, "Display P3", NULL},
        {9, 13, SPACE_NUMBERS, "BT.2020", NULL},
        {1, 8, SPACE_NUMBERS, "linear, BT.709", NULL},
        {9, 16, SPACE_NUMBERS, "PQ, BT.2020", "HDR picture tone-mapped"},
        {12, 16, SPACE_NUMBERS, "PQ, Display P3", "HDR picture tone-mapped"},
        {9, 18, SPACE_NUMBERS, "HLG, BT.2020", "HDR picture tone-mapped"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct image_colour colour = {{"", 0}, cases[i].primaries, cases[i].transfer};
        struct space *space = space_new(&colour);
        assert_int_equal(space->kind, cases[i].kind);
        assert_string_equal(space->name, cases[i].name);
        assert_int_equal(space->warning != NULL, cases[i].warning != NULL);
        if (space->warning != NULL)
            assert_string_equal(space->warning, cases[i].warning);
        space_free(space);
    }
}

/* A profile that says in a tag that it is PQ. */
static struct str pq_profile(struct arena *arena) {
    struct str plain = profile_rgb(arena, "HDR", display_p3_primaries, 0);
    cmsHPROFILE profile = cmsOpenProfileFromMem(plain.ptr, (cmsUInt32Number)plain.len);
    cmsVideoSignalType video = {9, 16, 0, 1};
    cmsWriteTag(profile, cmsSigcicpTag, &video);
    cmsUInt32Number size = 0;
    cmsSaveProfileToMem(profile, NULL, &size);
    char *data = arena_alloc(arena, size);
    cmsSaveProfileToMem(profile, data, &size);
    cmsCloseProfile(profile);
    return (struct str){data, size};
}

static struct str lab_profile(struct arena *arena) {
    cmsHPROFILE profile = cmsCreateLab4Profile(NULL);
    cmsUInt32Number size = 0;
    cmsSaveProfileToMem(profile, NULL, &size);
    char *data = arena_alloc(arena, size);
    cmsSaveProfileToMem(profile, data, &size);
    cmsCloseProfile(profile);
    return (struct str){data, size};
}

static void profiles_are_named(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct str p3 = profile_rgb(arena, "Display P3", display_p3_primaries, 0);
    const struct {
        struct str profile;
        uint8_t transfer;
        enum space_kind kind;
        unsigned channels;
        const char *name;
        bool warns;
    } cases[] = {
        {p3, 13, SPACE_ICC, 3, "Display P3", false},
        {profile_rgb(arena, "", adobe_rgb_primaries, 2.2), 13, SPACE_ICC, 3,
         "profile without a name", false},
        {profile_rgb(arena, "linear sRGB", srgb_primaries, 1), 13, SPACE_ICC, 3, "linear sRGB",
         false},
        {profile_rgb(arena, "c2", srgb_primaries, 0), 13, SPACE_SRGB, 3, "", false},
        {profile_grey(arena, "Dot gain", 1.8), 13, SPACE_ICC, 1, "Dot gain", false},
        {profile_grey(arena, "sGrey", 0), 13, SPACE_SRGB, 3, "", false},
        {p3, 16, SPACE_NUMBERS, 3, "PQ, BT.2020", true},
        {pq_profile(arena), 13, SPACE_NUMBERS, 3, "PQ, BT.2020", true},
        {lab_profile(arena), 13, SPACE_SRGB, 3, "", true},
        {{p3.ptr, 200}, 13, SPACE_SRGB, 3, "", true},
        {{"acsp", 4}, 13, SPACE_SRGB, 3, "", true},
        {{p3.ptr, (size_t)5 << 20}, 13, SPACE_SRGB, 3, "", true}, /* not looked at */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct image_colour colour = {cases[i].profile, 9, cases[i].transfer};
        struct space *space = space_new(&colour);
        assert_int_equal(space->kind, cases[i].kind);
        assert_int_equal(space->channels, cases[i].channels);
        assert_string_equal(space->name, cases[i].name);
        assert_int_equal(space->warning != NULL, cases[i].warns);
        space_free(space);
    }
    arena_free(arena);
}

/* Whatever a damaged profile says, colours are numbers. */
static void damaged_profiles(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct str profile = profile_rgb(arena, "Display P3", display_p3_primaries, 1.8);
    for (size_t at = 0; at < profile.len; at++) {
        char *broken = arena_alloc(arena, profile.len);
        memcpy(broken, profile.ptr, profile.len);
        broken[at] = (char)~broken[at];
        struct image_colour colour = {{broken, profile.len}, 1, 13};
        struct space *space = space_new(&colour);
        const double colours[] = {0, 0, 0, 1, 1, 1, 0.2, 0.9, 0.5, 0, 1, 0};
        double shown[12];
        if (space->channels == 3) {
            space_to_srgb(space, colours, 4, shown);
            for (int i = 0; i < 12; i++)
                assert_true(shown[i] > -10 && shown[i] < 10);
        }
        space_free(space);
    }
    arena_free(arena);
}

struct tables_case {
    uint8_t primaries, transfer;
    double worst, mean;
};

/* Between its nodes a table says what the space says. */
static void tables_are_fine_enough(void **state) {
    (void)state;
    static const struct tables_case cases[] = {
        {12, 13, 0.5, 0.05}, {9, 13, 1, 0.05}, {9, 16, 3.5, 0.2}, {9, 18, 3.5, 0.2}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tables *tables = tables_new();
        struct image_colour colour = {{"", 0}, cases[i].primaries, cases[i].transfer};
        struct pixels pixels = {.layout = PIXELS_RGB};
        const struct space *space = tables_space(tables, &colour);
        const struct table *table = tables_get(tables, space, &pixels);
        double sum = 0, worst = 0;
        enum { COUNT = 4096 };
        for (uint32_t n = 0; n < COUNT; n++) {
            int16_t samples[3], found[3];
            double rgb[3], expected[3], shown[3];
            for (uint32_t c = 0; c < 3; c++) {
                samples[c] = (int16_t)((n * 2654435761u >> (3 + 5 * c)) % 16321);
                rgb[c] = samples[c] / 16320.0;
            }
            const int16_t *const in[3] = {samples, samples + 1, samples + 2};
            lut_row(&table->lut, in, 1, (int16_t *const[]){found, found + 1, found + 2, NULL});
            space_to_srgb(space, rgb, 1, expected);
            for (int c = 0; c < 3; c++) {
                expected[c] = srgb_decode(fmin(1, fmax(0, expected[c])));
                shown[c] = srgb_decode(found[c] / 16320.0);
            }
            double error = ciede2000(lab_of_linear(expected), lab_of_linear(shown));
            worst = fmax(worst, error);
            sum += error;
        }
        assert_true(worst <= cases[i].worst && sum / COUNT <= cases[i].mean);
        tables_free(tables);
    }
}

/* Tables are kept, in a bounded number of places, and not mixed up. */
static void tables_are_kept(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    struct tables *tables = tables_new();
    struct pixels rgb = {.layout = PIXELS_RGB}, rgba = {.layout = PIXELS_RGBA},
                  cmyk = {.layout = PIXELS_CMYK},
                  yuv[2] = {{.layout = PIXELS_YUV, .matrix = 6, .full_range = true},
                            {.layout = PIXELS_YUV, .matrix = 1}};
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 6; i++) {
            char name[] = {'P', (char)('0' + i), '\0'};
            struct image_colour colour = {
                profile_rgb(arena, name, display_p3_primaries, 1.5 + 0.1 * i), 1, 13};
            const struct space *space = tables_space(tables, &colour);
            assert_string_equal(space->name, name);
            assert_ptr_equal(tables_space(tables, &colour), space);
            const struct table *table = tables_get(tables, space, &rgb);
            assert_non_null(table);
            assert_ptr_equal(tables_get(tables, space, &rgba), table);
            assert_ptr_not_equal(tables_get(tables, space, &yuv[0])->lut.nodes, table->lut.nodes);
            assert_int_equal(tables_get(tables, space, &yuv[1])->source.matrix, 1);
            assert_null(tables_get(tables, space, &cmyk));
            assert_int_equal(tables_get(tables, space, &rgb)->source.layout, PIXELS_RGB);
        }
    }
    struct image_colour none = {{"", 0}, 1, 13};
    assert_null(tables_get(tables, tables_space(tables, &none), &rgb));
    tables_free(tables);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(powers),
        cmocka_unit_test(curves_of_the_standards),
        cmocka_unit_test(primaries_by_number),
        cmocka_unit_test(tone_mapping),
        cmocka_unit_test(numbers_are_named),
        cmocka_unit_test(profiles_are_named),
        cmocka_unit_test(damaged_profiles),
        cmocka_unit_test(tables_are_fine_enough),
        cmocka_unit_test(tables_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
