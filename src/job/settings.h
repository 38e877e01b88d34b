/*
 * The settings of a job: one table that the manifest, the command line and the documentation
 * share. Unknown names and values are refused, with what would be right; settings of the design
 * that this version does not do are refused as such, never ignored. Pure.
 */
#ifndef JOB_SETTINGS_H
#define JOB_SETTINGS_H

#include "base/arena.h"
#include "base/error.h"
#include "job/rational.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum size_mode { SIZE_AUTO, SIZE_SOURCE, SIZE_FIXED };
enum fit { FIT_CONTAIN, FIT_COVER };
enum speed { SPEED_FAST, SPEED_BALANCED, SPEED_SMALL };
enum order { ORDER_GIVEN, ORDER_NAME };

enum {
    SETTINGS_MIN_SIDE = 16,
    SETTINGS_MAX_SIDE = 8192,
    SETTINGS_MAX_HOLD_SECONDS = 86400,
    SETTINGS_MAX_FPS_DEN = 1000000, /* keeps the ticks of an MP4 within its 32 bits */
};

struct settings {
    struct rational fps;  /* 1 to 120 */
    struct rational hold; /* seconds; num 0: one frame */
    enum size_mode size;
    unsigned width, height; /* SIZE_FIXED: even */
    enum fit fit;
    uint8_t background[3]; /* sRGB */
    unsigned quality;      /* 0 to 100 */
    enum speed speed;
    enum order order;
    struct rational poster; /* frame number, or seconds with poster_in_seconds */
    bool poster_in_seconds;
};

/* The defaults: fps 30, one frame, auto, contain, black, 75, balanced, given, poster 0. */
void settings_default(struct settings *ret);

/* Reads `{"fps": 30, "hold": "1.5", …}` over the defaults; numbers may be strings. NULL is the
 * defaults. Refused with INVALID: `setting 'fsp' is not known; did you mean 'fps'?`,
 * `setting 'fps': '0' must be from 1 to 120`, `setting 'codec': 'av1' is not supported by this
 * version (h264)`, … */
MUST_CHECK bool settings_parse(const json_t *object, struct settings *ret, struct error *err);

/* The value of `hold`, of the settings and of an image: `'0' must be …` without naming the setting.
 */
MUST_CHECK bool settings_parse_hold(const json_t *value, struct rational *ret, struct error *err);
/* "frame" or the seconds; room for RATIONAL_SIZE. */
void settings_format_hold(struct rational hold, char *ret);

/* Normalised: every setting, canonical values, sorted names; equal settings give equal text. A new
 * reference. */
json_t *settings_to_json(const struct settings *settings);

/* One row per setting, for `--help`, man pages and long options; ends with a NULL name. */
struct setting_help {
    const char *name;
    const char *values;              /* "30; 1 to 120, rationals such as 24000/1001" */
    const char *meaning;             /* one sentence */
    const struct setting_rule *rule; /* how it is read and written; of no use outside */
};
const struct setting_help *settings_help(void);

/* What SIZE_AUTO and SIZE_SOURCE mean for a first image of that (oriented) size: even numbers,
 * auto inside 1920x1080 in the image's own shape and never larger than the image; both sides at
 * least SETTINGS_MIN_SIDE. A fixed size stays. LIMIT when `source` is over SETTINGS_MAX_SIDE,
 * INVALID for an image without pixels. */
MUST_CHECK bool settings_resolve_size(struct settings *settings, unsigned width, unsigned height,
                                      struct error *err);

#endif
