/*
 * A profile counts as sRGB when it says so, or when it shows a lattice of colours as sRGB does:
 * there are dozens of sRGB profiles under other names.
 */
#include "media/profile.h"

#include "base/base.h"
#include "media/container.h"

#include <lcms2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_SIZE = 128,
    LATTICE = 5,
    /* 8-bit steps: profiles round, and some begin the curve's dark end otherwise. */
    MAX_DIFFERENCE = 3,
};

static void close_profile(cmsHPROFILE *profile) {
    if (*profile != NULL)
        cmsCloseProfile(*profile);
}

static void delete_transform(cmsHTRANSFORM *transform) {
    if (*transform != NULL)
        cmsDeleteTransform(*transform);
}

/* All combinations of LATTICE values in `channels` channels. */
static unsigned fill_lattice(unsigned channels, uint8_t *ret) {
    unsigned count = channels == 1 ? LATTICE : LATTICE * LATTICE * LATTICE;
    for (unsigned i = 0; i < count; i++) {
        unsigned rest = i;
        for (unsigned c = 0; c < channels; c++) {
            ret[i * channels + c] = (uint8_t)(rest % LATTICE * 255 / (LATTICE - 1));
            rest /= LATTICE;
        }
    }
    return count;
}

static bool shows_as_srgb(cmsHPROFILE profile) {
    cmsColorSpaceSignature space = cmsGetColorSpace(profile);
    if (space != cmsSigRgbData && space != cmsSigGrayData)
        return false;
    unsigned channels = space == cmsSigRgbData ? 3 : 1;
    cmsHPROFILE srgb CLEANUP(close_profile) = cmsCreate_sRGBProfile();
    cmsHTRANSFORM transform CLEANUP(delete_transform) = NULL;
    transform =
        cmsCreateTransform(profile, channels == 3 ? TYPE_RGB_8 : TYPE_GRAY_8, srgb, TYPE_RGB_8,
                           INTENT_RELATIVE_COLORIMETRIC, cmsFLAGS_NOOPTIMIZE | cmsFLAGS_NOCACHE);
    if (transform == NULL)
        return false;
    uint8_t input[LATTICE * LATTICE * LATTICE * 3], output[sizeof input];
    unsigned count = fill_lattice(channels, input);
    cmsDoTransform(transform, input, output, count);
    for (unsigned i = 0; i < 3 * count; i++) {
        int expected = channels == 3 ? input[i] : input[i / 3];
        if (abs(output[i] - expected) > MAX_DIFFERENCE)
            return false;
    }
    return true;
}

static const char *description_of(struct arena *arena, cmsHPROFILE profile) {
    char name[NAME_SIZE] = "";
    cmsGetProfileInfoASCII(profile, cmsInfoDescription, "en", "US", name, sizeof name);
    name[sizeof name - 1] = '\0';
    for (char *c = name; *c != '\0'; c++) {
        if (*c < 0x20 || *c > 0x7e || *c == '\'')
            *c = '?';
    }
    size_t length = strlen(name);
    while (length > 0 && name[length - 1] == ' ')
        length--;
    return length == 0 ? "without a name" : arena_strndup(arena, name, length);
}

bool profile_differs(struct arena *arena, struct str data, const char **ret_name) {
    if (data.len == 0)
        return false;
    cmsHPROFILE profile CLEANUP(close_profile) = NULL;
    if (data.len <= CONTAINER_MAX_PROFILE_BYTES)
        profile = cmsOpenProfileFromMem(data.ptr, (cmsUInt32Number)data.len);
    if (profile == NULL) {
        *ret_name = "not readable";
        return true;
    }
    const char *name = description_of(arena, profile);
    if (strstr(name, "sRGB") != NULL || shows_as_srgb(profile))
        return false;
    *ret_name = name;
    return true;
}
