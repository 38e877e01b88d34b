/*
 * The settings table: each row says what a setting is called, what it means, how its value is read
 * and how it is written; help, reading and normal form all go by it. Rows of a fixed list of words
 * also hold the words of the design that this version does not do.
 */
#include "job/settings_table.h"

#include "base/codec.h"

#include <stdio.h>
#include <string.h>

enum {
    MAX_FPS = 120,
    MAX_QUALITY = 100,
    MAX_POSTER_FRAME = 99999999, /* the film's length is checked later */
};

/* ---- values from a list ---- */

static bool matches(const char *pattern, const char *text) {
    size_t length = strlen(pattern);
    if (length > 0 && pattern[length - 1] == '*')
        return strncmp(pattern, text, length - 1) == 0;
    return strcmp(pattern, text) == 0;
}

/* "contain, cover" */
static void join(const char *const *words, char *ret, size_t size) {
    size_t used = 0;
    ret[0] = '\0';
    for (size_t i = 0; words[i] && used < size; i++)
        used += (size_t)snprintf(ret + used, size - used, "%s%s", i > 0 ? ", " : "", words[i]);
}

static bool not_supported(const char *text, const char *what_is, struct error *err) {
    return error_set(err, ERROR_INVALID, NULL, "'%s' is not supported by this version (%s)", text,
                     what_is);
}

static bool choose(const struct setting_rule *rule, const char *text, unsigned *ret,
                   struct error *err) {
    char choices[128];
    for (unsigned i = 0; rule->choices[i]; i++) {
        if (strcmp(rule->choices[i], text) == 0) {
            *ret = i;
            return true;
        }
    }
    join(rule->choices, choices, sizeof choices);
    for (size_t i = 0; rule->later[i]; i++)
        if (matches(rule->later[i], text))
            return not_supported(text, choices, err);
    return error_set(err, ERROR_INVALID, NULL, "'%s' is not known (%s)", text, choices);
}

static bool parse_fit(const struct setting_rule *rule, const char *text, struct settings *settings,
                      struct error *err) {
    unsigned choice;
    if (!choose(rule, text, &choice, err))
        return false;
    settings->fit = (enum fit)choice;
    return true;
}

static json_t *print_fit(const struct setting_rule *rule, const struct settings *settings) {
    return json_string(rule->choices[settings->fit]);
}

static bool parse_speed(const struct setting_rule *rule, const char *text,
                        struct settings *settings, struct error *err) {
    unsigned choice;
    if (!choose(rule, text, &choice, err))
        return false;
    settings->speed = (enum speed)choice;
    return true;
}

static json_t *print_speed(const struct setting_rule *rule, const struct settings *settings) {
    return json_string(rule->choices[settings->speed]);
}

static bool parse_order(const struct setting_rule *rule, const char *text,
                        struct settings *settings, struct error *err) {
    unsigned choice;
    if (!choose(rule, text, &choice, err))
        return false;
    settings->order = (enum order)choice;
    return true;
}

static json_t *print_order(const struct setting_rule *rule, const struct settings *settings) {
    return json_string(rule->choices[settings->order]);
}

/* Settings that have one value in this version. */
static bool parse_only(const struct setting_rule *rule, const char *text, struct settings *settings,
                       struct error *err) {
    unsigned choice;
    (void)settings;
    return choose(rule, text, &choice, err);
}

static json_t *print_only(const struct setting_rule *rule, const struct settings *settings) {
    (void)settings;
    return json_string(rule->choices[0]);
}

/* ---- numbers ---- */

static bool parse_fps(const struct setting_rule *rule, const char *text, struct settings *settings,
                      struct error *err) {
    struct rational fps;
    (void)rule;
    if (!rational_parse(str_c(text), &fps) || fps.num < fps.den || fps.num / MAX_FPS > fps.den ||
        rational_compare(fps, (struct rational){MAX_FPS, 1}) > 0)
        return error_set(err, ERROR_INVALID, NULL, "'%s' must be from 1 to %d", text, MAX_FPS);
    if (fps.den > SETTINGS_MAX_FPS_DEN)
        return error_set(err, ERROR_INVALID, NULL, "'%s' is too fine: use at most six decimals",
                         text);
    settings->fps = fps;
    return true;
}

static json_t *print_fps(const struct setting_rule *rule, const struct settings *settings) {
    char text[RATIONAL_SIZE];
    (void)rule;
    rational_format(settings->fps, text);
    return json_string(text);
}

bool settings_read_hold(const char *text, struct rational *ret, struct error *err) {
    struct rational hold;
    if (strcmp(text, "frame") == 0) {
        *ret = (struct rational){0, 1};
        return true;
    }
    if (strcmp(text, "music") == 0)
        return not_supported(text, "seconds, or 'frame'", err);
    if (!rational_parse(str_c(text), &hold) || hold.num == 0 ||
        rational_compare(hold, (struct rational){SETTINGS_MAX_HOLD_SECONDS, 1}) > 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "'%s' must be over 0 and at most %d seconds, or 'frame'", text,
                         SETTINGS_MAX_HOLD_SECONDS);
    *ret = hold;
    return true;
}

static bool parse_hold(const struct setting_rule *rule, const char *text, struct settings *settings,
                       struct error *err) {
    (void)rule;
    return settings_read_hold(text, &settings->hold, err);
}

static json_t *print_hold(const struct setting_rule *rule, const struct settings *settings) {
    char text[RATIONAL_SIZE];
    (void)rule;
    settings_format_hold(settings->hold, text);
    return json_string(text);
}

static bool parse_quality(const struct setting_rule *rule, const char *text,
                          struct settings *settings, struct error *err) {
    uint64_t quality;
    (void)rule;
    if (!str_to_u64(str_c(text), MAX_QUALITY, &quality))
        return error_set(err, ERROR_INVALID, NULL, "'%s' must be a whole number from 0 to %d", text,
                         MAX_QUALITY);
    settings->quality = (unsigned)quality;
    return true;
}

static json_t *print_quality(const struct setting_rule *rule, const struct settings *settings) {
    (void)rule;
    return json_integer((json_int_t)settings->quality);
}

static bool parse_poster(const struct setting_rule *rule, const char *text,
                         struct settings *settings, struct error *err) {
    struct rational seconds;
    uint64_t frame;
    struct str value = str_c(text);
    (void)rule;
    if (str_to_u64(value, MAX_POSTER_FRAME, &frame)) {
        settings->poster = (struct rational){(int64_t)frame, 1};
        settings->poster_in_seconds = false;
        return true;
    }
    if (!str_ends_with(value, "s") ||
        !rational_parse((struct str){value.ptr, value.len - 1}, &seconds))
        return error_set(err, ERROR_INVALID, NULL,
                         "'%s' must be a frame number such as 12, or seconds such as 1.5s", text);
    settings->poster = seconds;
    settings->poster_in_seconds = true;
    return true;
}

static json_t *print_poster(const struct setting_rule *rule, const struct settings *settings) {
    char text[RATIONAL_SIZE + 1];
    (void)rule;
    if (!settings->poster_in_seconds)
        return json_integer((json_int_t)settings->poster.num);
    rational_format(settings->poster, text);
    size_t length = strlen(text);
    memcpy(text + length, "s", 2);
    return json_string(text);
}

/* ---- size and colour ---- */

static const struct {
    const char *name;
    unsigned width, height;
} sizes[] = {
    {"720p", 1280, 720},    {"1080p", 1920, 1080},    {"2160p", 3840, 2160},
    {"square", 1080, 1080}, {"vertical", 1080, 1920},
};

static bool good_side(unsigned side) {
    return side >= SETTINGS_MIN_SIDE && side <= SETTINGS_MAX_SIDE && side % 2 == 0;
}

static bool parse_sides(const char *text, struct settings *settings, struct error *err) {
    uint64_t width, height;
    struct str rest;
    struct str first = str_split(str_c(text), 'x', &rest);
    if (!str_to_u64(first, UINT32_MAX, &width) || !str_to_u64(rest, UINT32_MAX, &height))
        return error_set(err, ERROR_INVALID, NULL,
                         "'%s' is not known (auto, source, 720p, 1080p, 2160p, square, vertical, "
                         "or WxH such as 1280x720)",
                         text);
    if (!good_side((unsigned)width) || !good_side((unsigned)height))
        return error_set(err, ERROR_INVALID, NULL, "'%s' must have even sides from %d to %d", text,
                         SETTINGS_MIN_SIDE, SETTINGS_MAX_SIDE);
    settings->size = SIZE_FIXED;
    settings->width = (unsigned)width;
    settings->height = (unsigned)height;
    return true;
}

static bool parse_size(const struct setting_rule *rule, const char *text, struct settings *settings,
                       struct error *err) {
    (void)rule;
    if (strcmp(text, "auto") == 0 || strcmp(text, "source") == 0) {
        settings->size = text[0] == 'a' ? SIZE_AUTO : SIZE_SOURCE;
        settings->width = settings->height = 0;
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        if (strcmp(sizes[i].name, text) == 0) {
            settings->size = SIZE_FIXED;
            settings->width = sizes[i].width;
            settings->height = sizes[i].height;
            return true;
        }
    }
    return parse_sides(text, settings, err);
}

static json_t *print_size(const struct setting_rule *rule, const struct settings *settings) {
    char text[32];
    (void)rule;
    if (settings->size != SIZE_FIXED)
        return json_string(settings->size == SIZE_AUTO ? "auto" : "source");
    snprintf(text, sizeof text, "%ux%u", settings->width, settings->height);
    return json_string(text);
}

static const struct {
    const char *name;
    uint8_t rgb[3];
} colours[] = {
    {"black", {0x00, 0x00, 0x00}},
    {"white", {0xFF, 0xFF, 0xFF}},
    {"grey", {0x80, 0x80, 0x80}},
};

static bool parse_background(const struct setting_rule *rule, const char *text,
                             struct settings *settings, struct error *err) {
    (void)rule;
    for (size_t i = 0; i < ARRAY_SIZE(colours); i++) {
        if (strcmp(colours[i].name, text) == 0) {
            memcpy(settings->background, colours[i].rgb, sizeof colours[i].rgb);
            return true;
        }
    }
    struct str digits;
    struct str before = str_split(str_c(text), '#', &digits);
    if (before.len > 0 || !hex_decode(digits, settings->background, sizeof settings->background))
        return error_set(err, ERROR_INVALID, NULL,
                         "'%s' must be a colour such as #1a2b3c, or black, white, grey", text);
    return true;
}

static json_t *print_background(const struct setting_rule *rule, const struct settings *settings) {
    char text[8] = "#";
    (void)rule;
    hex_encode(settings->background, sizeof settings->background, text + 1);
    return json_string(text);
}

/* ---- the table ---- */

#define WORDS(...)                                                                                 \
    (const char *const[]) {                                                                        \
        __VA_ARGS__, NULL                                                                          \
    }
#define NO_WORDS                                                                                   \
    (const char *const[]) {                                                                        \
        NULL                                                                                       \
    }

const struct setting_help settings_table[] = {
    {"fps", "30; 1 to 120, rationals such as 24000/1001", "Frames per second of the film.",
     &(const struct setting_rule){true, NULL, NULL, parse_fps, print_fps}},
    {"hold", "frame; seconds, over 0 to 86400",
     "How long each image stays; 'frame' is one frame, a time-lapse.",
     &(const struct setting_rule){true, NULL, NULL, parse_hold, print_hold}},
    {"size", "auto; source, WxH, 720p, 1080p, 2160p, square, vertical",
     "Size of the film; auto is the first image's shape inside 1920x1080.",
     &(const struct setting_rule){false, NULL, NULL, parse_size, print_size}},
    {"fit", "contain; cover", "An image of another shape gets borders, or is cut.",
     &(const struct setting_rule){false, WORDS("contain", "cover"), WORDS("blur", "stretch"),
                                  parse_fit, print_fit}},
    {"background", "black; white, grey, #rrggbb", "Colour of borders and behind transparency.",
     &(const struct setting_rule){false, NULL, NULL, parse_background, print_background}},
    {"quality", "75; 0 to 100", "More is better and larger.",
     &(const struct setting_rule){true, NULL, NULL, parse_quality, print_quality}},
    {"speed", "balanced; fast, small", "Whether to spend less time or fewer bytes.",
     &(const struct setting_rule){false, WORDS("fast", "balanced", "small"), NO_WORDS, parse_speed,
                                  print_speed}},
    {"order", "given; name", "Order of the images; name puts 2 before 10.",
     &(const struct setting_rule){false, WORDS("given", "name"), WORDS("captured"), parse_order,
                                  print_order}},
    {"poster", "0; frame number, or seconds such as 1.5s",
     "The frame that becomes the poster image.",
     &(const struct setting_rule){true, NULL, NULL, parse_poster, print_poster}},
    {"codec", "h264", "Compression of the film.",
     &(const struct setting_rule){false, WORDS("h264"),
                                  WORDS("hevc", "av1", "vp9", "prores", "gif"), parse_only,
                                  print_only}},
    {"format", "mp4", "Kind of file.",
     &(const struct setting_rule){false, WORDS("mp4"), WORDS("mov", "webm", "gif"), parse_only,
                                  print_only}},
    {"transition", "none", "From one image to the next.",
     &(const struct setting_rule){false, WORDS("none"),
                                  WORDS("crossfade", "fadeblack", "fadewhite", "wipe-*", "slide-*"),
                                  parse_only, print_only}},
    {"motion", "none", "Movement within an image.",
     &(const struct setting_rule){false, WORDS("none"),
                                  WORDS("kenburns", "zoom-in", "zoom-out", "pan-*"), parse_only,
                                  print_only}},
    {"on-bad-image", "fail", "What an image that cannot be read does to the job.",
     &(const struct setting_rule){false, WORDS("fail"), WORDS("skip"), parse_only, print_only}},
    {"held-frames", "encoded", "How frames that repeat are stored.",
     &(const struct setting_rule){false, WORDS("encoded"), WORDS("skip"), parse_only, print_only}},
    {NULL, NULL, NULL, NULL},
};

/* Settings of the design that this version does not have. */
const char *const settings_later[] = {
    "audio",     "audio-fade", "audio-gain", "audio-loop",          "deflicker",    "stamp", "seed",
    "watermark", "max-cost",   "reuse",      "transition-duration", "callback-url", NULL,
};
