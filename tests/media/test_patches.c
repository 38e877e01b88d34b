/*
 * Flat patches of known colours through the whole way and back: file with a profile -> composed
 * picture -> R'G'B' by the film's matrix -> Lab by sRGB's curve, against what the profile says of
 * the stored numbers. CIEDE2000 by lcms2, which is checked against published pairs (Sharma, Wu,
 * Dalal 2005).
 */
#include "base/base.h"
#include "image_files.h"
#include "media/compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lcms2.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <turbojpeg.h>

enum { SIDE = 32, STEPS = 6 };

static void differences_are_as_published(void **state) {
    (void)state;
    static const double pairs[][7] = {
        {50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425},
        {50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000},
        {50, 2.5, 0, 50, 0, -2.5, 4.3065},
        {50, 2.5, 0, 73, 25, -18, 27.1492},
        {60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644},
        {22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373},
        {2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082},
    };
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        const double *p = pairs[i];
        cmsCIELab a = {p[0], p[1], p[2]}, b = {p[3], p[4], p[5]};
        assert_true(fabs(cmsCIE2000DeltaE(&a, &b, 1, 1, 1) - p[6]) < 0.0005);
    }
}

/* ---- profiles ---- */

static cmsHPROFILE rgb_profile(const double primaries[6], double gamma) {
    cmsCIExyY white = {0.3127, 0.3290, 1};
    cmsCIExyYTRIPLE colours = {{primaries[0], primaries[1], 1},
                               {primaries[2], primaries[3], 1},
                               {primaries[4], primaries[5], 1}};
    double srgb[] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
    cmsToneCurve *curve =
        gamma > 0 ? cmsBuildGamma(NULL, gamma) : cmsBuildParametricToneCurve(NULL, 4, srgb);
    cmsToneCurve *curves[] = {curve, curve, curve};
    cmsHPROFILE profile = cmsCreateRGBProfile(&white, &colours, curves);
    cmsFreeToneCurve(curve);
    return profile;
}

static struct str bytes_of(struct arena *arena, cmsHPROFILE profile) {
    cmsUInt32Number size = 0;
    cmsSaveProfileToMem(profile, NULL, &size);
    char *data = arena_alloc(arena, size);
    cmsSaveProfileToMem(profile, data, &size);
    return (struct str){data, size};
}

static struct str with_profile(struct arena *arena, struct str jpeg, struct str profile) {
    char *data = arena_alloc(arena, profile.len + 14);
    memcpy(data, "ICC_PROFILE\0\1\1", 14);
    memcpy(data + 14, profile.ptr, profile.len);
    return with_jpeg_segment(arena, jpeg, 0xe2, (struct str){data, profile.len + 14});
}

/* ---- there and back ---- */

/* The frame's middle as R'G'B', 0 to 1 and beyond. */
static void read_back(const struct frame *frame, double ret[3]) {
    double y = 0, cb = 0, cr = 0;
    for (unsigned v = SIDE / 4; v < 3 * SIDE / 4; v++)
        for (unsigned x = SIDE / 4; x < 3 * SIDE / 4; x++) {
            y += frame->planes[0][v * frame->strides[0] + x];
            cb += frame->planes[1][v / 2 * frame->strides[1] + x / 2];
            cr += frame->planes[2][v / 2 * frame->strides[2] + x / 2];
        }
    double count = SIDE * SIDE / 4.0;
    y = (y / count - 16) / 219;
    cb = (cb / count - 128) / 224;
    cr = (cr / count - 128) / 224;
    ret[0] = y + 1.5748 * cr;
    ret[1] = y - 0.187324 * cb - 0.468124 * cr;
    ret[2] = y + 1.8556 * cb;
}

struct statistics {
    double sum, worst;
    unsigned count;
};

struct bench {
    struct arena *arena;
    struct composer *composer;
    struct frame frame;
    cmsHTRANSFORM to_lab;    /* of the stored numbers */
    cmsHTRANSFORM from_srgb; /* doubles to Lab */
    cmsHTRANSFORM to_srgb;   /* Lab to doubles, unbounded: for the gamut */
};

static void measure(struct bench *bench, struct str image, const uint8_t *stored,
                    struct statistics *statistics) {
    struct receipt receipt = {0};
    struct error err = {0};
    double rgb[3], shown[3];
    cmsCIELab wanted, found;
    cmsDoTransform(bench->to_lab, stored, &wanted, 1);
    cmsDoTransform(bench->to_srgb, &wanted, rgb, 1);
    for (int i = 0; i < 3; i++)
        if (rgb[i] < -0.002 || rgb[i] > 1.002)
            return; /* out of the film's gamut */
    if (!composer_run(bench->composer, bench->arena, image, 0, &bench->frame, &receipt, &err))
        fail_msg("%s", err.text);
    read_back(&bench->frame, shown);
    cmsDoTransform(bench->from_srgb, shown, &found, 1);
    double difference = cmsCIE2000DeltaE(&wanted, &found, 1, 1, 1);
    statistics->sum += difference;
    statistics->worst = difference > statistics->worst ? difference : statistics->worst;
    statistics->count++;
}

static struct bench bench_new(cmsHPROFILE profile) {
    struct bench bench = {.arena = arena_new()};
    struct compose_target target = {.width = SIDE, .height = SIDE};
    cmsHPROFILE srgb = cmsCreate_sRGBProfile(), lab = cmsCreateLab4Profile(NULL);
    bench.composer = composer_new(&target);
    frame_init(&bench.frame, SIDE, SIDE);
    cmsUInt32Number flags = cmsFLAGS_NOOPTIMIZE | cmsFLAGS_NOCACHE;
    bench.to_lab = cmsCreateTransform(profile, TYPE_RGB_8, lab, TYPE_Lab_DBL,
                                      INTENT_RELATIVE_COLORIMETRIC, flags);
    bench.from_srgb = cmsCreateTransform(srgb, TYPE_RGB_DBL, lab, TYPE_Lab_DBL,
                                         INTENT_RELATIVE_COLORIMETRIC, flags);
    bench.to_srgb = cmsCreateTransform(lab, TYPE_Lab_DBL, srgb, TYPE_RGB_DBL,
                                       INTENT_RELATIVE_COLORIMETRIC, flags);
    cmsCloseProfile(srgb);
    cmsCloseProfile(lab);
    return bench;
}

static void bench_clear(struct bench *bench) {
    composer_free(bench->composer);
    frame_clear(&bench->frame);
    cmsDeleteTransform(bench->to_lab);
    cmsDeleteTransform(bench->from_srgb);
    cmsDeleteTransform(bench->to_srgb);
    arena_free(bench->arena);
}

static void patches_come_back(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double primaries[6];
        double gamma; /* 0: sRGB's curve */
    } spaces[] = {
        {"sRGB", {0.64, 0.33, 0.30, 0.60, 0.15, 0.06}, 0},
        {"Display P3", {0.68, 0.32, 0.265, 0.69, 0.15, 0.06}, 0},
        {"Adobe RGB", {0.64, 0.33, 0.21, 0.71, 0.15, 0.06}, 2.19921875},
    };
    for (size_t s = 0; s < ARRAY_SIZE(spaces); s++)
        for (int kind = 0; kind < 2; kind++) {
            cmsHPROFILE profile = rgb_profile(spaces[s].primaries, spaces[s].gamma);
            struct bench bench = bench_new(profile);
            struct str icc = bytes_of(bench.arena, profile);
            struct statistics statistics = {0};
            for (unsigned i = 0; i < STEPS * STEPS * STEPS; i++) {
                uint8_t stored[] = {(uint8_t)(i % STEPS * 51), (uint8_t)(i / STEPS % STEPS * 51),
                                    (uint8_t)(i / STEPS / STEPS * 51)};
                struct picture picture =
                    picture_flat(bench.arena, SIDE, SIDE, stored[0], stored[1], stored[2]);
                struct str image = kind == 0 ? jpeg_of(bench.arena, &picture, TJSAMP_444, 98, 0)
                                             : jpeg_of(bench.arena, &picture, TJSAMP_420, 95, 0);
                measure(&bench, with_profile(bench.arena, image, icc), stored, &statistics);
            }
            double mean = statistics.sum / statistics.count;
            print_message("%s, %s: %u patches, mean %.2f, worst %.2f\n", spaces[s].name,
                          kind == 0 ? "4:4:4" : "4:2:0", statistics.count, mean, statistics.worst);
            assert_true(statistics.count >= 60);
            assert_true(mean <= 1 && statistics.worst <= 3);
            bench_clear(&bench);
            cmsCloseProfile(profile);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_are_as_published),
        cmocka_unit_test(patches_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
