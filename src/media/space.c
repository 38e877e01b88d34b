/*
 * A profile counts as sRGB when it shows a lattice of colours as sRGB does, whatever its name:
 * there are dozens of sRGB profiles under other names, and linear ones that call themselves sRGB.
 * Other profiles go to XYZ in floating point, where nothing is cut off, and from there by our own
 * arithmetic; so an interpolated table of the result has no corner where the film's gamut ends.
 *
 * Profiles of HDR pictures may say their H.273 numbers in a tag, and those are taken then: the
 * profile's own tables know nothing of tone-mapping.
 */
#include "media/space.h"

#include "base/base.h"
#include "base/error.h"
#include "media/container.h"
#include "media/tonemap.h"
#include "media/transfer.h"

#include <assert.h>
#include <lcms2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LATTICE = 5,
    BATCH = 64, /* colours that go through lcms2 at a time */
};

/* A step of 8 bits: profiles round, and some begin the curve's dark end otherwise. */
static const double srgb_tolerance = 3.0 / 255;

enum {
    TRANSFER_GAMMA22 = 4,
    TRANSFER_GAMMA28 = 5,
    TRANSFER_LINEAR = 8,
    TRANSFER_PQ = 16,
    TRANSFER_HLG = 18
};

struct space_private {
    cmsHTRANSFORM transform; /* SPACE_ICC: to XYZ */
    struct matrix3 to_srgb;  /* linear, from XYZ or from the primaries */
    uint8_t transfer;        /* SPACE_NUMBERS */
    double luminance[3];     /* SPACE_NUMBERS: of the primaries */
};

static void close_profile(cmsHPROFILE *profile) {
    if (*profile != NULL)
        cmsCloseProfile(*profile);
}

static const char *name_of_primaries(uint8_t primaries) {
    switch (primaries) {
    case 9:
        return "BT.2020";
    case 12:
        return "Display P3";
    case 5:
    case 6:
    case 7:
        return "BT.601";
    default:
        return "BT.709";
    }
}

static const char *name_of_transfer(uint8_t transfer) {
    switch (transfer) {
    case TRANSFER_GAMMA22:
        return "gamma 2.2, ";
    case TRANSFER_GAMMA28:
        return "gamma 2.8, ";
    case TRANSFER_LINEAR:
        return "linear, ";
    case TRANSFER_PQ:
        return "PQ, ";
    case TRANSFER_HLG:
        return "HLG, ";
    default:
        return "";
    }
}

static bool is_hdr(uint8_t transfer) {
    return transfer == TRANSFER_PQ || transfer == TRANSFER_HLG;
}

static void use_numbers(struct space *space, uint8_t primaries, uint8_t transfer) {
    struct matrix3 to_xyz, from_xyz;
    const char *curve = name_of_transfer(transfer);
    if (!primaries_to_xyz(primaries, &to_xyz)) {
        primaries = 1;
        (void)primaries_to_xyz(primaries, &to_xyz);
    }
    if (primaries == 1 && curve[0] == '\0')
        return;
    (void)primaries_to_xyz(1, &from_xyz);
    from_xyz = matrix3_inverse(&from_xyz);
    space->kind = SPACE_NUMBERS;
    space->private->transfer = transfer;
    space->private->to_srgb = matrix3_product(&from_xyz, &to_xyz);
    memcpy(space->private->luminance, to_xyz.m[1], sizeof to_xyz.m[1]);
    snprintf(space->name, sizeof space->name, "%s%s", curve, name_of_primaries(primaries));
    if (is_hdr(transfer))
        space->warning = "HDR picture tone-mapped";
}

static void describe_profile(cmsHPROFILE profile, char name[SPACE_NAME_SIZE]) {
    cmsGetProfileInfoASCII(profile, cmsInfoDescription, "en", "US", name, SPACE_NAME_SIZE);
    name[SPACE_NAME_SIZE - 1] = '\0';
    for (char *c = name; *c != '\0'; c++) {
        if (*c < 0x20 || *c > 0x7e || *c == '\'')
            *c = '?';
    }
    size_t length = strlen(name);
    while (length > 0 && name[length - 1] == ' ')
        name[--length] = '\0';
    if (length == 0)
        snprintf(name, SPACE_NAME_SIZE, "profile without a name");
}

/* Channels of device spaces that pictures come in; 0 for others. */
static unsigned channels_of(cmsHPROFILE profile) {
    switch ((unsigned)cmsGetColorSpace(profile)) {
    case cmsSigGrayData:
        return 1;
    case cmsSigRgbData:
        return 3;
    case cmsSigCmykData:
        return 4;
    default:
        return 0;
    }
}

static cmsHTRANSFORM transform_to_xyz(cmsHPROFILE profile, unsigned channels) {
    static const cmsUInt32Number formats[] = {0, TYPE_GRAY_DBL, 0, TYPE_RGB_DBL, TYPE_CMYK_DBL};
    cmsHPROFILE xyz CLEANUP(close_profile) = cmsCreateXYZProfile();
    if (xyz == NULL)
        die_out_of_memory();
    return cmsCreateTransform(
        profile, formats[channels], xyz, TYPE_XYZ_DBL, INTENT_RELATIVE_COLORIMETRIC,
        cmsFLAGS_NOOPTIMIZE | cmsFLAGS_NOCACHE | cmsFLAGS_BLACKPOINTCOMPENSATION);
}

static bool shows_as_srgb(const struct space *space) {
    enum { COUNT = LATTICE * LATTICE * LATTICE };
    double rgb[3 * COUNT], shown[3 * COUNT];
    if (space->channels == 4)
        return false;
    unsigned count = space->channels == 3 ? COUNT : LATTICE;
    for (unsigned i = 0; i < count; i++) {
        unsigned place[3] = {i % LATTICE, i / LATTICE % LATTICE, i / LATTICE / LATTICE};
        for (unsigned c = 0; c < 3; c++)
            rgb[3 * i + c] = (double)place[space->channels == 3 ? c : 0] / (LATTICE - 1);
    }
    space_rgb_to_srgb(space, rgb, count, shown);
    for (unsigned i = 0; i < 3 * count; i++) {
        double difference = shown[i] - rgb[i];
        if (!(difference < srgb_tolerance && difference > -srgb_tolerance))
            return false;
    }
    return true;
}

/* Returns the warning, or NULL. */
static const char *open_profile(struct space *space, struct str data) {
    cmsHPROFILE profile CLEANUP(close_profile) = NULL;
    if (data.len <= CONTAINER_MAX_PROFILE_BYTES)
        profile = cmsOpenProfileFromMem(data.ptr, (cmsUInt32Number)data.len);
    if (profile == NULL)
        return "the colour profile is not readable: shown as sRGB";
    const cmsVideoSignalType *video = cmsReadTag(profile, cmsSigcicpTag);
    if (video != NULL && is_hdr(video->TransferCharacteristics)) {
        use_numbers(space, video->ColourPrimaries, video->TransferCharacteristics);
        return space->warning;
    }
    char name[SPACE_NAME_SIZE] = "";
    describe_profile(profile, name);
    unsigned channels = channels_of(profile);
    if (channels != 0)
        space->private->transform = transform_to_xyz(profile, channels);
    if (space->private->transform == NULL)
        return "the colour profile cannot be used: shown as sRGB";
    space->private->to_srgb = xyz_d50_to_srgb();
    space->kind = SPACE_ICC;
    space->channels = channels;
    if (shows_as_srgb(space)) {
        space->kind = SPACE_SRGB;
        space->channels = 3;
        return NULL;
    }
    memcpy(space->name, name, sizeof name);
    return NULL;
}

struct space *space_new(const struct image_colour *colour) {
    struct space *space = calloc(1, sizeof *space);
    struct space_private *private = calloc(1, sizeof *private);
    if (space == NULL || private == NULL)
        die_out_of_memory();
    space->channels = 3;
    space->private = private;
    if (colour->profile.len > 0 && !is_hdr(colour->transfer))
        space->warning = open_profile(space, colour->profile);
    else
        use_numbers(space, colour->primaries, colour->transfer);
    return space;
}

void space_free(struct space *space) {
    if (space == NULL)
        return;
    if (space->private->transform != NULL)
        cmsDeleteTransform(space->private->transform);
    free(space->private);
    free(space);
}

/* What profiles make of colours may be anything, also no number. */
static double sane(double light) {
    const double most = 4;
    if (light > most)
        return most;
    return light > -most ? light : light <= -most ? -most : 0;
}

static void icc_to_srgb(const struct space *space, const double *colours, unsigned count,
                        double *ret) {
    cmsCIEXYZ xyz[BATCH];
    double device[BATCH * SPACE_MAX_CHANNELS];
    unsigned channels = space->channels;
    /* lcms2 counts ink in per cent. */
    double scale = channels == 4 ? 100 : 1;
    for (unsigned done = 0; done < count; done += BATCH) {
        unsigned now = count - done < BATCH ? count - done : BATCH;
        for (unsigned i = 0; i < now * channels; i++)
            device[i] = colours[done * channels + i] * scale;
        cmsDoTransform(space->private->transform, device, xyz, now);
        for (unsigned i = 0; i < now; i++) {
            const double from[3] = {xyz[i].X, xyz[i].Y, xyz[i].Z};
            double *to = ret + 3 * (done + i);
            matrix3_apply(&space->private->to_srgb, from, to);
            for (int c = 0; c < 3; c++)
                to[c] = srgb_encode(sane(to[c]));
        }
    }
}

/* Codes to light: cd/m2 for PQ and HLG, else 1 is white. */
static void decode_light(const struct space_private *private, const double code[3],
                         double light[3]) {
    for (int c = 0; c < 3; c++) {
        switch (private->transfer) {
        case TRANSFER_GAMMA22:
            light[c] = transfer_power(code[c], 2.2);
            break;
        case TRANSFER_GAMMA28:
            light[c] = transfer_power(code[c], 2.8);
            break;
        case TRANSFER_LINEAR:
            light[c] = code[c];
            break;
        case TRANSFER_PQ:
            light[c] = pq_decode(code[c]);
            break;
        case TRANSFER_HLG:
            light[c] = hlg_decode(code[c]);
            break;
        default:
            light[c] = srgb_decode(code[c]);
        }
    }
    if (private->transfer == TRANSFER_HLG) {
        /* BT.2100's OOTF for a display of 1,000 cd/m2, whose gamma is 1.2. */
        const double *weights = private->luminance;
        double scene = weights[0] * light[0] + weights[1] * light[1] + weights[2] * light[2];
        double gain = 1000 * transfer_power(scene, 0.2);
        for (int c = 0; c < 3; c++)
            light[c] *= gain;
    }
}

static void numbers_to_srgb(const struct space *space, const double *colours, unsigned count,
                            double *ret) {
    const struct space_private *private = space->private;
    for (unsigned i = 0; i < count; i++) {
        double light[3], *to = ret + 3 * i;
        decode_light(private, colours + 3 * i, light);
        matrix3_apply(&private->to_srgb, light, to);
        if (is_hdr(private->transfer))
            tonemap_colour(to, to);
        for (int c = 0; c < 3; c++)
            to[c] = srgb_encode(to[c]);
    }
}

void space_to_srgb(const struct space *space, const double *colours, unsigned count, double *ret) {
    if (space->kind == SPACE_ICC)
        icc_to_srgb(space, colours, count, ret);
    else if (space->kind == SPACE_NUMBERS)
        numbers_to_srgb(space, colours, count, ret);
    else
        memcpy(ret, colours, 3 * count * sizeof *ret);
}

void space_rgb_to_srgb(const struct space *space, const double *rgb, unsigned count, double *ret) {
    assert(space->channels != 4);
    if (space->channels == 3) {
        space_to_srgb(space, rgb, count, ret);
        return;
    }
    double grey[3 * BATCH];
    for (unsigned i = 0; i < 3 * count; i += BATCH) {
        unsigned now = 3 * count - i < BATCH ? 3 * count - i : BATCH;
        space_to_srgb(space, rgb + i, now, grey);
        for (unsigned k = 0; k < now; k++)
            ret[i + k] = grey[3 * k + 1];
    }
}
