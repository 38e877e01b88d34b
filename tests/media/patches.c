/*
 * All patches of a kind lie on one picture, 16 samples wide each, which is composed at its own
 * size; the middle of each is looked at. What a patch should be comes from the definition of its
 * colour space, written out here in floating point (or, for printers' inks, from lcms2 without
 * tables of ours); nothing is shared with the renderer.
 */
#include "patches.h"

#include "image_files.h"
#include "media/compose.h"
#include "media/develop.h"
#include "media/place.h"

#include <lcms2.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <zlib.h>

enum {
    PATCH_SIDE = 16,
    PATCHES_A_ROW = 32,
    MAX_PATCHES = 1024,
};

static const double pi = 3.14159265358979323846;

static double square(double x) {
    return x * x;
}

static double degrees_of(double a, double b) {
    if (a == 0 && b == 0)
        return 0;
    double angle = atan2(b, a) * 180 / pi;
    return angle < 0 ? angle + 360 : angle;
}

static double cosine(double degrees) {
    return cos(degrees * pi / 180);
}

/* Sharma, Wu, Dalal: The CIEDE2000 color-difference formula (2005). */
double ciede2000(struct lab x, struct lab y) {
    double mean_c = (hypot(x.a, x.b) + hypot(y.a, y.b)) / 2;
    double g = 0.5 * (1 - sqrt(pow(mean_c, 7) / (pow(mean_c, 7) + pow(25, 7))));
    double a1 = (1 + g) * x.a, a2 = (1 + g) * y.a;
    double c1 = hypot(a1, x.b), c2 = hypot(a2, y.b);
    double h1 = degrees_of(a1, x.b), h2 = degrees_of(a2, y.b);
    double dl = y.l - x.l, dc = c2 - c1, dh = 0;
    double mean_h = h1 + h2;
    if (c1 * c2 != 0) {
        dh = h2 - h1;
        mean_h = (h1 + h2) / 2;
        if (fabs(h1 - h2) > 180) {
            dh += dh > 180 ? -360 : 360;
            mean_h += h1 + h2 < 360 ? 180 : -180;
        }
    }
    double big_h = 2 * sqrt(c1 * c2) * sin(dh / 2 * pi / 180);
    double l = (x.l + y.l) / 2, c = (c1 + c2) / 2;
    double t = 1 - 0.17 * cosine(mean_h - 30) + 0.24 * cosine(2 * mean_h) +
               0.32 * cosine(3 * mean_h + 6) - 0.20 * cosine(4 * mean_h - 63);
    double sl = 1 + 0.015 * square(l - 50) / sqrt(20 + square(l - 50));
    double sc = 1 + 0.045 * c, sh = 1 + 0.015 * c * t;
    double turn = 30 * exp(-square((mean_h - 275) / 25));
    double rt = -sin(2 * turn * pi / 180) * 2 * sqrt(pow(c, 7) / (pow(c, 7) + pow(25, 7)));
    return sqrt(square(dl / sl) + square(dc / sc) + square(big_h / sh) +
                rt * (dc / sc) * (big_h / sh));
}

static double lab_curve(double t) {
    return t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116;
}

struct lab lab_of_linear(const double rgb[3]) {
    /* Linear sRGB to XYZ under D50 (Bradford). */
    static const double matrix[3][3] = {{0.4360747, 0.3850649, 0.1430804},
                                        {0.2225045, 0.7168786, 0.0606169},
                                        {0.0139322, 0.0971045, 0.7141733}};
    double f[3];
    for (int i = 0; i < 3; i++) {
        double white = matrix[i][0] + matrix[i][1] + matrix[i][2], sum = 0;
        for (int c = 0; c < 3; c++)
            sum += matrix[i][c] * rgb[c];
        f[i] = lab_curve(sum / white);
    }
    return (struct lab){116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])};
}

static double srgb_light(double code) {
    return code <= 0.04045 ? code / 12.92 : pow((code + 0.055) / 1.055, 2.4);
}

static double unit(double x) {
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

struct lab lab_of_film(const uint8_t film[3]) {
    double y = (film[0] - 16) / 219.0, cb = (film[1] - 128) / 224.0, cr = (film[2] - 128) / 224.0;
    const double codes[3] = {y + 1.5748 * cr, y - 0.187324 * cb - 0.468124 * cr, y + 1.8556 * cb};
    double rgb[3];
    for (int c = 0; c < 3; c++)
        rgb[c] = srgb_light(unit(codes[c]));
    return lab_of_linear(rgb);
}

const double srgb_primaries[6] = {0.640, 0.330, 0.300, 0.600, 0.150, 0.060};
const double display_p3_primaries[6] = {0.680, 0.320, 0.265, 0.690, 0.150, 0.060};
const double adobe_rgb_primaries[6] = {0.640, 0.330, 0.210, 0.710, 0.150, 0.060};
static const double bt2020_primaries[6] = {0.708, 0.292, 0.170, 0.797, 0.131, 0.046};

static struct str save_profile(struct arena *arena, cmsHPROFILE profile, const char *name) {
    cmsMLU *text = cmsMLUalloc(NULL, 1);
    cmsMLUsetASCII(text, "en", "US", name);
    cmsWriteTag(profile, cmsSigProfileDescriptionTag, text);
    cmsUInt32Number size = 0;
    cmsSaveProfileToMem(profile, NULL, &size);
    char *data = arena_alloc(arena, size);
    cmsSaveProfileToMem(profile, data, &size);
    cmsMLUfree(text);
    cmsCloseProfile(profile);
    return (struct str){data, size};
}

static cmsToneCurve *curve_of(double gamma) {
    const double srgb[5] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
    return gamma == 0 ? cmsBuildParametricToneCurve(NULL, 4, srgb) : cmsBuildGamma(NULL, gamma);
}

struct str profile_rgb(struct arena *arena, const char *name, const double primaries[6],
                       double gamma) {
    cmsToneCurve *curve = curve_of(gamma);
    cmsToneCurve *const curves[3] = {curve, curve, curve};
    const cmsCIExyY white = {0.3127, 0.3290, 1};
    const cmsCIExyYTRIPLE triple = {{primaries[0], primaries[1], 1},
                                    {primaries[2], primaries[3], 1},
                                    {primaries[4], primaries[5], 1}};
    struct str saved = save_profile(arena, cmsCreateRGBProfile(&white, &triple, curves), name);
    cmsFreeToneCurve(curve);
    return saved;
}

struct str profile_grey(struct arena *arena, const char *name, double gamma) {
    cmsToneCurve *curve = curve_of(gamma);
    struct str saved = save_profile(arena, cmsCreateGrayProfile(cmsD50_xyY(), curve), name);
    cmsFreeToneCurve(curve);
    return saved;
}

struct str profile_file(struct arena *arena, const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return (struct str){"", 0};
    enum { MAX_BYTES = 4 * 1024 * 1024 };
    char *data = arena_alloc(arena, MAX_BYTES);
    size_t size = fread(data, 1, MAX_BYTES, file);
    fclose(file);
    return (struct str){data, size};
}

/* ICC.1, annex B.4: as many APP2 segments as it takes. */
struct str jpeg_with_profile(struct arena *arena, struct str jpeg, struct str profile) {
    enum { HEAD = 14, PART = 60000 };
    size_t parts = (profile.len + PART - 1) / PART;
    for (size_t i = parts; i-- > 0;) {
        size_t size = profile.len - i * PART < PART ? profile.len - i * PART : PART;
        char *data = arena_alloc(arena, HEAD + size);
        memcpy(data, "ICC_PROFILE", 12);
        data[12] = (char)(i + 1);
        data[13] = (char)parts;
        memcpy(data + HEAD, profile.ptr + i * PART, size);
        jpeg = with_jpeg_segment(arena, jpeg, 0xe2, (struct str){data, HEAD + size});
    }
    return jpeg;
}

struct str png_with_profile(struct arena *arena, struct str png, struct str profile) {
    enum { HEAD = 5 };
    uLongf size = compressBound(profile.len);
    char *data = arena_alloc(arena, HEAD + size);
    memcpy(data, "ICC\0\0", HEAD); /* the name, its end, the method */
    if (compress((Bytef *)data + HEAD, &size, (const Bytef *)profile.ptr, profile.len) != Z_OK)
        abort();
    return with_png_chunk(arena, png, "iCCP", (struct str){data, HEAD + size});
}

static struct str display_p3(struct arena *arena) {
    return profile_rgb(arena, "Display P3", display_p3_primaries, 0);
}

/* The real one has a gamma of 563/256. */
static struct str adobe_rgb(struct arena *arena) {
    return profile_file(arena, "/usr/share/color/icc/colord/AdobeRGB1998.icc");
}

static struct str cmyk_inks(struct arena *arena) {
    return profile_file(arena, "/usr/share/color/icc/ghostscript/default_cmyk.icc");
}

static struct str grey_18(struct arena *arena) {
    return profile_grey(arena, "Grey, gamma 1.8", 1.8);
}

static double decode_gamma(const struct patch_kind *kind, double code) {
    return kind->gamma == 0 ? srgb_light(code) : pow(code, kind->gamma);
}

/* Solves for the amounts of the three columns. */
static void solve(const double columns[3][3], const double wanted[3], double ret[3]) {
    double determinants[4];
    for (int k = 0; k < 4; k++) {
        double m[3][3];
        memcpy(m, columns, sizeof m);
        if (k < 3)
            memcpy(m[k], wanted, sizeof m[k]);
        determinants[k] = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
                          m[1][0] * (m[0][1] * m[2][2] - m[0][2] * m[2][1]) +
                          m[2][0] * (m[0][1] * m[1][2] - m[0][2] * m[1][1]);
    }
    for (int k = 0; k < 3; k++)
        ret[k] = determinants[k] / determinants[3];
}

/* XYZ of each primary at full strength. */
static void primaries_xyz(const double primaries[6], double ret[3][3]) {
    const double white[3] = {0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290};
    double amounts[3];
    for (int k = 0; k < 3; k++) {
        double x = primaries[2 * k], y = primaries[2 * k + 1];
        ret[k][0] = x / y;
        ret[k][1] = 1;
        ret[k][2] = (1 - x - y) / y;
    }
    solve((const double(*)[3])ret, white, amounts);
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < 3; i++)
            ret[k][i] *= amounts[k];
    }
}

static void linear_of_rgb(const struct patch_kind *kind, const double *colour, double ret[3]) {
    double from[3][3], to[3][3], xyz[3] = {0};
    primaries_xyz(kind->primaries, from);
    primaries_xyz(srgb_primaries, to);
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < 3; i++)
            xyz[i] += from[k][i] * decode_gamma(kind, colour[k]);
    }
    solve((const double(*)[3])to, xyz, ret);
}

static void linear_of_grey(const struct patch_kind *kind, const double *colour, double ret[3]) {
    ret[0] = ret[1] = ret[2] = decode_gamma(kind, colour[0]);
}

static void linear_of_inks(const struct patch_kind *kind, const double *colour, double ret[3]) {
    struct arena *arena = arena_new();
    struct str data = kind->profile(arena);
    cmsHPROFILE profile = cmsOpenProfileFromMem(data.ptr, (cmsUInt32Number)data.len);
    cmsHPROFILE srgb = cmsCreate_sRGBProfile();
    cmsHTRANSFORM transform = cmsCreateTransform(
        profile, TYPE_CMYK_DBL, srgb, TYPE_RGB_DBL, INTENT_RELATIVE_COLORIMETRIC,
        cmsFLAGS_NOOPTIMIZE | cmsFLAGS_NOCACHE | cmsFLAGS_BLACKPOINTCOMPENSATION);
    double inks[4];
    for (int c = 0; c < 4; c++)
        inks[c] = 100 * colour[c];
    cmsDoTransform(transform, inks, ret, 1);
    for (int c = 0; c < 3; c++)
        ret[c] = ret[c] < 0 ? ret[c] / 12.92 : srgb_light(ret[c]);
    cmsDeleteTransform(transform);
    cmsCloseProfile(profile);
    cmsCloseProfile(srgb);
    arena_free(arena);
}

#define SRGB .channels = 3, .linear_of = linear_of_rgb, .primaries = srgb_primaries
#define P3   .channels = 3, .linear_of = linear_of_rgb, .primaries = display_p3_primaries
#define ADOBE                                                                                      \
    .channels = 3, .linear_of = linear_of_rgb, .primaries = adobe_rgb_primaries,                   \
    .gamma = 563.0 / 256, .profile = adobe_rgb
#define GREY .channels = 1, .linear_of = linear_of_grey, .gamma = 1.8, .profile = grey_18
#define INKS .channels = 4, .linear_of = linear_of_inks, .profile = cmyk_inks

const struct patch_kind patch_kinds[] = {
    {.name = "sRGB, JPEG 4:4:4", SRGB, .file = PATCH_JPEG},
    {.name = "sRGB, JPEG 4:2:0", SRGB, .file = PATCH_JPEG_420},
    {.name = "sRGB, PNG", SRGB, .file = PATCH_PNG},
    {.name = "sRGB, BT.709 limited", SRGB, .file = PATCH_SAMPLES, .cicp_primaries = 1, .matrix = 1},
    {.name = "Display P3, JPEG 4:4:4", P3, .file = PATCH_JPEG, .profile = display_p3},
    {.name = "Display P3, JPEG 4:2:0", P3, .file = PATCH_JPEG_420, .profile = display_p3},
    {.name = "Display P3, PNG", P3, .file = PATCH_PNG, .profile = display_p3},
    {.name = "Display P3, BT.709 limited",
     P3,
     .file = PATCH_SAMPLES,
     .cicp_primaries = 12,
     .matrix = 1},
    {.name = "BT.2020, BT.2020 limited",
     .channels = 3,
     .linear_of = linear_of_rgb,
     .primaries = bt2020_primaries,
     .file = PATCH_SAMPLES,
     .cicp_primaries = 9,
     .matrix = 9},
    {.name = "Adobe RGB, JPEG 4:4:4", ADOBE, .file = PATCH_JPEG},
    {.name = "Adobe RGB, PNG", ADOBE, .file = PATCH_PNG},
    {.name = "grey of gamma 1.8, JPEG", GREY, .file = PATCH_JPEG},
    {.name = "grey of gamma 1.8, PNG", GREY, .file = PATCH_PNG},
    {.name = "CMYK, samples", INKS, .file = PATCH_SAMPLES},
};
const unsigned patch_kind_count = sizeof patch_kinds / sizeof patch_kinds[0];

/* Colours of a grid through all of the space, greys and darks among them. */
static unsigned make_patches(const struct patch_kind *kind, uint8_t (*ret)[4]) {
    unsigned count = 0, steps = kind->channels == 3 ? 9 : kind->channels == 1 ? 256 : 5;
    unsigned total = 1;
    for (unsigned c = 0; c < kind->channels; c++)
        total *= steps;
    for (unsigned i = 0; i < total && count < MAX_PATCHES; i++) {
        unsigned rest = i;
        for (unsigned c = 0; c < kind->channels; c++) {
            ret[count][c] = (uint8_t)(rest % steps * 255 / (steps - 1));
            rest /= steps;
        }
        count++;
    }
    return count;
}

struct chart {
    struct arena *arena;
    const struct patch_kind *kind;
    uint8_t (*patches)[4];
    unsigned count, width, height;
    struct str profile;
};

static const uint8_t *patch_at(const struct chart *chart, unsigned x, unsigned y) {
    unsigned i = y / PATCH_SIDE * PATCHES_A_ROW + x / PATCH_SIDE;
    return chart->patches[i < chart->count ? i : 0];
}

static struct str chart_file(const struct chart *chart) {
    struct picture picture = picture_new(chart->arena, chart->width, chart->height);
    for (unsigned y = 0; y < chart->height; y++) {
        for (unsigned x = 0; x < chart->width; x++) {
            const uint8_t *patch = patch_at(chart, x, y);
            for (unsigned c = 0; c < 3; c++)
                picture.rgb[3 * ((size_t)y * chart->width + x) + c] =
                    patch[chart->kind->channels == 1 ? 0 : c];
        }
    }
    bool is_grey = chart->kind->channels == 1;
    if (chart->kind->file == PATCH_PNG) {
        struct str png = av_of(chart->arena, &picture, AV_CODEC_ID_PNG,
                               is_grey ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24, 255);
        return chart->profile.len == 0 ? png : png_with_profile(chart->arena, png, chart->profile);
    }
    int sampling = is_grey                               ? TJSAMP_GRAY
                   : chart->kind->file == PATCH_JPEG_420 ? TJSAMP_420
                                                         : TJSAMP_444;
    struct str jpeg = jpeg_of(chart->arena, &picture, sampling, 98, 0);
    return chart->profile.len == 0 ? jpeg : jpeg_with_profile(chart->arena, jpeg, chart->profile);
}

static bool compose_file(const struct chart *chart, struct frame *frame) {
    struct compose_target target = {
        .width = chart->width, .height = chart->height, .fit = FIT_CONTAIN};
    struct composer *composer = composer_new(&target);
    struct receipt receipt;
    struct error err;
    bool done = composer_run(composer, chart->arena, chart_file(chart), 0, frame, &receipt, &err);
    composer_free(composer);
    return done;
}

/* Limited-range Y'CbCr of R'G'B', as H.273 defines it. */
static void encode_limited(uint8_t matrix, const double rgb[3], double ret[3]) {
    double red = matrix == 1 ? 0.2126 : 0.2627, blue = matrix == 1 ? 0.0722 : 0.0593;
    double y = red * rgb[0] + (1 - red - blue) * rgb[1] + blue * rgb[2];
    ret[0] = 16 + 219 * y;
    ret[1] = 128 + 224 * (rgb[2] - y) / (2 * (1 - blue));
    ret[2] = 128 + 224 * (rgb[0] - y) / (2 * (1 - red));
}

static void fill_samples(const struct chart *chart, struct pixels *pixels) {
    const struct patch_kind *kind = chart->kind;
    unsigned planes = kind->channels == 4 ? 4 : 3;
    for (unsigned p = 0; p < planes; p++) {
        pixels->strides[p] = (chart->width + 127) / 64 * 64;
        pixels->planes[p] = arena_alloc(chart->arena, pixels->strides[p] * (chart->height + 1));
        for (unsigned y = 0; y < chart->height; y++) {
            for (unsigned x = 0; x < chart->width; x++) {
                const uint8_t *patch = patch_at(chart, x, y);
                double codes[4] = {patch[0], patch[1], patch[2], patch[3]};
                const double rgb[3] = {codes[0] / 255, codes[1] / 255, codes[2] / 255};
                if (kind->channels == 3)
                    encode_limited(kind->matrix, rgb, codes);
                pixels->planes[p][y * pixels->strides[p] + x] = (uint8_t)lround(codes[p]);
            }
        }
    }
}

static void compose_samples(const struct chart *chart, struct frame *frame) {
    struct pixels pixels = {
        .layout = chart->kind->channels == 4 ? PIXELS_CMYK : PIXELS_YUV,
        .depth = 8,
        .width = chart->width,
        .height = chart->height,
        .matrix = chart->kind->matrix,
        .scale_denominator = 1,
    };
    const struct image_header header = {
        .width = chart->width,
        .height = chart->height,
        .orientation = 1,
        .colour = {chart->profile, chart->kind->cicp_primaries, 13},
    };
    struct compose_target target = {
        .width = chart->width, .height = chart->height, .fit = FIT_CONTAIN};
    struct placement place = place_picture(&target, &header);
    struct developer *developer = developer_new();
    fill_samples(chart, &pixels);
    (void)developer_run(developer, &pixels, developer_space(developer, &header.colour), &place,
                        target.background, frame);
    developer_free(developer);
}

static void add_error(struct patch_errors *errors, double error, const uint8_t patch[4]) {
    errors->mean = (errors->mean * errors->count + error) / (errors->count + 1);
    errors->count++;
    if (error >= errors->worst) {
        errors->worst = error;
        memcpy(errors->worst_patch, patch, 4);
    }
}

static void compare(const struct chart *chart, const struct frame *frame,
                    struct patch_errors *inside, struct patch_errors *outside) {
    for (unsigned i = 0; i < chart->count; i++) {
        unsigned x = i % PATCHES_A_ROW * PATCH_SIDE + PATCH_SIDE / 2;
        unsigned y = i / PATCHES_A_ROW * PATCH_SIDE + PATCH_SIDE / 2;
        uint8_t film[3];
        for (unsigned p = 0; p < 3; p++)
            film[p] = frame->planes[p][(y >> (p > 0)) * frame->strides[p] + (x >> (p > 0))];
        double colour[4], linear[3];
        bool is_inside = true;
        for (unsigned c = 0; c < chart->kind->channels; c++)
            colour[c] = chart->patches[i][c] / 255.0;
        chart->kind->linear_of(chart->kind, colour, linear);
        for (int c = 0; c < 3; c++)
            is_inside = is_inside && linear[c] > -0.0005 && linear[c] < 1.0005;
        double error = ciede2000(lab_of_linear(linear), lab_of_film(film));
        add_error(is_inside ? inside : outside, error, chart->patches[i]);
    }
}

bool patches_measure(const struct patch_kind *kind, struct patch_errors *ret_inside,
                     struct patch_errors *ret_outside) {
    struct arena *arena = arena_new();
    struct chart chart = {.arena = arena, .kind = kind, .width = PATCHES_A_ROW * PATCH_SIDE};
    struct frame frame;
    chart.patches = arena_array(arena, MAX_PATCHES, sizeof chart.patches[0]);
    chart.count = make_patches(kind, chart.patches);
    chart.height = (chart.count + PATCHES_A_ROW - 1) / PATCHES_A_ROW * PATCH_SIDE;
    if (kind->profile != NULL)
        chart.profile = kind->profile(arena);
    bool is_there = kind->profile == NULL || chart.profile.len > 0;
    *ret_inside = *ret_outside = (struct patch_errors){0};
    if (is_there) {
        frame_init(&frame, chart.width, chart.height);
        if (kind->file == PATCH_SAMPLES)
            compose_samples(&chart, &frame);
        else if (!compose_file(&chart, &frame))
            abort();
        compare(&chart, &frame, ret_inside, ret_outside);
        frame_clear(&frame);
    }
    arena_free(arena);
    return is_there;
}
