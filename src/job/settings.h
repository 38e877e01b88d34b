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
enum fit { FIT_CONTAIN, FIT_COVER, FIT_BLUR, FIT_STRETCH };
enum speed { SPEED_FAST, SPEED_BALANCED, SPEED_SMALL };
enum order { ORDER_GIVEN, ORDER_NAME, ORDER_CAPTURED };
enum codec { CODEC_H264, CODEC_HEVC, CODEC_AV1, CODEC_VP9, CODEC_PRORES, CODEC_GIF };
enum format { FORMAT_MP4, FORMAT_MOV, FORMAT_WEBM, FORMAT_GIF };
/* Wipes and slides go towards the side that they are named for. */
enum transition {
    TRANSITION_NONE,
    TRANSITION_CROSSFADE,
    TRANSITION_FADEBLACK,
    TRANSITION_FADEWHITE,
    TRANSITION_WIPE_LEFT,
    TRANSITION_WIPE_RIGHT,
    TRANSITION_WIPE_UP,
    TRANSITION_WIPE_DOWN,
    TRANSITION_SLIDE_LEFT,
    TRANSITION_SLIDE_RIGHT,
    TRANSITION_SLIDE_UP,
    TRANSITION_SLIDE_DOWN,
};
/* Pans: the view moves towards the side that they are named for. */
enum motion {
    MOTION_NONE,
    MOTION_KENBURNS,
    MOTION_ZOOM_IN,
    MOTION_ZOOM_OUT,
    MOTION_PAN_LEFT,
    MOTION_PAN_RIGHT,
    MOTION_PAN_UP,
    MOTION_PAN_DOWN,
};
enum stamp { STAMP_NONE, STAMP_CAPTURED, STAMP_NAME, STAMP_INDEX };
/* Where a stamp or a watermark stands. */
enum corner {
    CORNER_TOP_LEFT,
    CORNER_TOP,
    CORNER_TOP_RIGHT,
    CORNER_CENTER,
    CORNER_BOTTOM_LEFT,
    CORNER_BOTTOM,
    CORNER_BOTTOM_RIGHT,
};
enum on_bad_image { BAD_IMAGE_FAIL, BAD_IMAGE_SKIP };
enum held_frames { HELD_FRAMES_SKIP, HELD_FRAMES_ENCODED };

enum {
    SETTINGS_MIN_SIDE = 16,
    SETTINGS_MAX_SIDE = 8192,
    SETTINGS_MAX_HOLD_SECONDS = 86400,
    SETTINGS_MAX_FPS_DEN = 1000000, /* keeps the ticks of an MP4 within its 32 bits */
    SETTINGS_NAME_SIZE = 256,       /* name of an asset and its NUL */
    SETTINGS_MAX_TRANSITION_SECONDS = 60,
    SETTINGS_MAX_AUDIO_FADE_SECONDS = 600,
    SETTINGS_MIN_AUDIO_GAIN_DB = -60,
    SETTINGS_MAX_AUDIO_GAIN_DB = 20,
    SETTINGS_MAX_DEFLICKER = 120, /* frames */
};

struct settings {
    struct rational fps; /* 1 to 120 */
    /* Seconds; num 0: one frame. Once parsed it is never "not said": 3 seconds where a transition
     * or motion is asked for, else one frame. */
    struct rational hold;
    bool hold_is_music; /* spread over the audio; `hold` means nothing until the plan fixes it */
    enum transition transition;
    struct rational transition_duration; /* seconds */
    enum motion motion;
    enum size_mode size;
    unsigned width, height; /* SIZE_FIXED: even */
    enum fit fit;
    uint8_t background[3]; /* sRGB */
    unsigned quality;      /* 0 to 100 */
    enum speed speed;
    enum order order;
    struct rational poster; /* frame number, or seconds with poster_in_seconds */
    bool poster_in_seconds;
    enum codec codec;
    enum format format;             /* one that can hold the codec */
    char audio[SETTINGS_NAME_SIZE]; /* asset; empty: none */
    struct rational audio_fade;     /* seconds, at both ends */
    struct rational audio_gain;     /* dB; may be negative (num below 0) */
    bool audio_loop;
    unsigned deflicker; /* window in frames; 0: off */
    enum stamp stamp;
    enum corner stamp_corner;
    char watermark[SETTINGS_NAME_SIZE]; /* asset; empty: none */
    enum corner watermark_corner;
    enum on_bad_image on_bad_image;
    enum held_frames held_frames;
    uint64_t seed;                         /* at most INT64_MAX */
    char reuse[65];                        /* job; empty: none */
    char callback_url[SETTINGS_NAME_SIZE]; /* empty: none */
};

/* The defaults, as the table's rows say. */
void settings_default(struct settings *ret);

/* The format that a file's name asks for by its ending, in any case of letters; as the setting
 * `format` it brings its codec (".webm": vp9). INVALID for an ending of no film. */
MUST_CHECK bool settings_format_of_file(const char *path, enum format *ret, struct error *err);
const char *settings_format_ending(enum format format); /* "mp4", "mov", "webm", "gif" */
const char *settings_media_type(enum format format);    /* "video/mp4", … "image/gif" */
const char *settings_codec_name(enum codec codec);      /* "h264", … */

/* Reads `{"fps": 30, "hold": "1.5", …}` over the defaults; numbers may be strings. NULL is the
 * defaults. Codec and format follow one another where one is given: prores goes into mov, gif into
 * gif, vp9 into webm, the others into mp4; mov and mp4 are h264, webm is vp9.
 * Refused with INVALID: `setting 'fsp' is not known; did you mean 'fps'?`,
 * `setting 'fps': '0' must be from 1 to 120`, `setting 'codec': 'prores' does not go into 'mp4'
 * (…)`, a setting that says something of another one which is not there (`audio-fade` without
 * `audio`), unless it is the default beside a written `none`; … */
MUST_CHECK bool settings_parse(const json_t *object, struct settings *ret, struct error *err);

/* The value of `hold`, of the settings and of an image: `'0' must be …` without naming the setting.
 */
MUST_CHECK bool settings_parse_hold(const json_t *value, struct rational *ret, struct error *err);
/* "frame" or the seconds; room for RATIONAL_SIZE. */
void settings_format_hold(struct rational hold, char *ret);

/* Normalised: every setting, canonical values, sorted names; equal settings give equal text. A new
 * reference. */
json_t *settings_to_json(const struct settings *settings);

/* JSON Schema (draft 2020-12) of the `settings` object: the table's types, words, ranges, defaults
 * and sentences. A new reference. docs/settings.schema.json is its text. */
json_t *settings_schema(void);

/* "logo.png@top-left" is "logo.png" at the top left; without a place it is the bottom right.
 * Letters behind the last `@` that are no place are INVALID; a name such as `logo@2x.png` has none.
 * `ret_rest` points into the text. */
MUST_CHECK bool settings_split_corner(const char *text, struct str *ret_rest,
                                      enum corner *ret_corner, struct error *err);
const char *settings_corner_name(enum corner corner); /* "top-left", … */

/* The values of an image's `motion`: `'fast' is not known (none, kenburns, …)` without the name. */
MUST_CHECK bool settings_parse_motion(const json_t *value, enum motion *ret, struct error *err);
const char *settings_motion_name(enum motion motion);

/* One row per setting, for `--help`, man pages and long options; ends with a NULL name. */
struct setting_help {
    const char *name;
    const char *values;              /* "30; 1 to 120, rationals such as 24000/1001" */
    const char *meaning;             /* one sentence */
    const struct setting_rule *rule; /* how it is read and written; of no use outside */
};
const struct setting_help *settings_help(void);
/* Whether the row's values are true and false, so that its name alone says true. */
bool settings_is_flag(const struct setting_help *row);

/* What SIZE_AUTO and SIZE_SOURCE mean for a first image of that (oriented) size: even numbers,
 * auto inside 1920x1080 in the image's own shape and never larger than the image; both sides at
 * least SETTINGS_MIN_SIDE. A fixed size stays. LIMIT when `source` is over SETTINGS_MAX_SIDE,
 * INVALID for an image without pixels. */
MUST_CHECK bool settings_resolve_size(struct settings *settings, unsigned width, unsigned height,
                                      struct error *err);

#endif
