/*
 * Flat patches of known colours on their way into the film and back, and how far they are off: for
 * tests and for bench/colour.
 */
#ifndef TESTS_MEDIA_PATCHES_H
#define TESTS_MEDIA_PATCHES_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct lab {
    double l, a, b; /* CIELAB, D50 */
};

double ciede2000(struct lab a, struct lab b);
/* What a screen shows: linear sRGB as it is, and a film's Y', Cb, Cr by sRGB's curve. */
struct lab lab_of_linear(const double rgb[3]);
struct lab lab_of_film(const uint8_t film[3]);

/* ICC profiles. `primaries`: x, y of red, green, blue; the curve is sRGB's for a gamma of 0. White
 * is D65. */
struct str profile_rgb(struct arena *arena, const char *name, const double primaries[6],
                       double gamma);
struct str profile_grey(struct arena *arena, const char *name, double gamma);
/* Empty when there is no such file. */
struct str profile_file(struct arena *arena, const char *path);

/* The file with the profile put in; in several segments where it is large. */
struct str jpeg_with_profile(struct arena *arena, struct str jpeg, struct str profile);
struct str png_with_profile(struct arena *arena, struct str png, struct str profile);

extern const double display_p3_primaries[6], adobe_rgb_primaries[6], srgb_primaries[6];

/* One way for colours into the film. */
struct patch_kind {
    const char *name;
    unsigned channels;
    /* NULL: the film's own, or numbers */
    struct str (*profile)(struct arena *arena);
    /* What the colour is by definition, in linear sRGB, which may be outside of 0 to 1. */
    void (*linear_of)(const struct patch_kind *kind, const double *colour, double ret[3]);
    const double *primaries;
    double gamma;
    enum patch_file { PATCH_JPEG, PATCH_JPEG_420, PATCH_PNG, PATCH_SAMPLES } file;
    uint8_t cicp_primaries, matrix; /* PATCH_SAMPLES without a profile: Y'CbCr, limited range */
};
extern const struct patch_kind patch_kinds[];
extern const unsigned patch_kind_count;

struct patch_errors {
    double mean, worst;
    unsigned count;
    uint8_t worst_patch[4];
};
/* False where a file that the kind needs is not installed. */
bool patches_measure(const struct patch_kind *kind, struct patch_errors *ret_inside,
                     struct patch_errors *ret_outside);

#endif
