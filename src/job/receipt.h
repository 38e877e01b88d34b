/*
 * The receipt: what was found out about one image and done with it. Pure.
 */
#ifndef JOB_RECEIPT_H
#define JOB_RECEIPT_H

#include "base/arena.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct receipt {
    const char *name;
    const char *format; /* "jpeg", "heic", "raw", …; NULL when refused before that */
    uint64_t bytes;
    unsigned width, height; /* as stored */
    unsigned orientation;   /* EXIF 1 to 8, applied; 1: nothing to do */
    const char *profile;    /* colours: "Display P3", "CMYK", "PQ", …; NULL: sRGB or none said */
    const char *captured;   /* "2024-05-01T12:33:44.120", the camera's time; NULL: not said */
    const char *scaling;    /* "jpeg 4/8, lanczos3 1920x1280", "none", …; NULL when only probed */
    unsigned decode_ms;     /* decode and compose */
    const char *const *warnings;
    unsigned warning_count;
    const char *refused; /* why, or NULL */
};

enum { RECEIPT_MAX_WARNINGS = 64, RECEIPT_MAX_TEXT_BYTES = 4096 };

/* A new reference. Texts that are not UTF-8 are made so. */
json_t *receipt_to_json(const struct receipt *receipt);
/* INVALID when it is not one. */
MUST_CHECK bool receipt_from_json(struct arena *arena, const json_t *object, struct receipt *ret,
                                  struct error *err);

#endif
