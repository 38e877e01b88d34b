/*
 * Values with a form of their own: times, the poster, sizes, colours, places and names of assets.
 */
#include "job/settings_values.h"

#include "base/codec.h"
#include "job/manifest.h"

#include <stdio.h>
#include <string.h>

/* ---- hold and poster ---- */

bool settings_read_hold(const char *text, struct rational *ret, struct error *err) {
    struct rational hold;
    if (strcmp(text, "frame") == 0) {
        *ret = (struct rational){0, 1};
        return true;
    }
    if (!rational_parse(str_c(text), &hold) || hold.num == 0 ||
        rational_compare(hold, (struct rational){SETTINGS_MAX_HOLD_SECONDS, 1}) > 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "'%s' must be over 0 and at most %d seconds, or 'frame'", text,
                         SETTINGS_MAX_HOLD_SECONDS);
    *ret = hold;
    return true;
}

bool setting_parse_hold(const struct setting_rule *rule, const char *text,
                        struct settings *settings, struct error *err) {
    (void)rule;
    settings->hold_is_music = strcmp(text, "music") == 0;
    if (settings->hold_is_music)
        return true;
    return settings_read_hold(text, &settings->hold, err) ||
           error_set(err, ERROR_INVALID, NULL,
                     "'%s' must be over 0 and at most %d seconds, or 'frame', or 'music'", text,
                     SETTINGS_MAX_HOLD_SECONDS);
}

json_t *setting_print_hold(const struct setting_rule *rule, const struct settings *settings) {
    char text[RATIONAL_SIZE];
    (void)rule;
    if (settings->hold_is_music)
        return json_string("music");
    settings_format_hold(settings->hold, text);
    return json_string(text);
}

json_t *setting_schema_hold(const struct setting_rule *rule) {
    return setting_checked(json_pack("{s:[{s:[s, s]}, o, o]}", "anyOf", "enum", "frame", "music",
                                     setting_schema_bounds(rule, "number"),
                                     setting_schema_pattern("^" SETTING_NUMBER_PATTERN "$")));
}

bool setting_parse_poster(const struct setting_rule *rule, const char *text,
                          struct settings *settings, struct error *err) {
    struct rational seconds;
    uint64_t frame;
    struct str value = str_c(text);
    if (setting_read_whole(rule, text, &frame)) {
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

json_t *setting_print_poster(const struct setting_rule *rule, const struct settings *settings) {
    char text[RATIONAL_SIZE + 1];
    (void)rule;
    if (!settings->poster_in_seconds)
        return json_integer((json_int_t)settings->poster.num);
    rational_format(settings->poster, text);
    size_t length = strlen(text);
    memcpy(text + length, "s", 2);
    return json_string(text);
}

json_t *setting_schema_poster(const struct setting_rule *rule) {
    return setting_checked(
        json_pack("{s:[o, o]}", "anyOf", setting_schema_bounds(rule, "integer"),
                  setting_schema_pattern("^([0-9]{1,8}|" SETTING_NUMBER_PATTERN "s)$")));
}

/* ---- overlays and sound ---- */

const char *const settings_corners[] = {
    [CORNER_TOP_LEFT] = "top-left",         [CORNER_TOP] = "top",
    [CORNER_TOP_RIGHT] = "top-right",       [CORNER_CENTER] = "center",
    [CORNER_BOTTOM_LEFT] = "bottom-left",   [CORNER_BOTTOM] = "bottom",
    [CORNER_BOTTOM_RIGHT] = "bottom-right", NULL,
};

const char *settings_corner_name(enum corner corner) {
    return settings_corners[corner];
}

/* What stands behind the last `@` is meant as a place when it looks like one of the words: a name
 * such as `logo@2x.png` has none. */
static bool looks_like_corner(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if (!((text.ptr[i] >= 'a' && text.ptr[i] <= 'z') || text.ptr[i] == '-'))
            return false;
    return true;
}

bool settings_split_corner(const char *text, struct str *ret_rest, enum corner *ret_corner,
                           struct error *err) {
    const char *at = strrchr(text, '@');
    unsigned corner = CORNER_BOTTOM_RIGHT;
    struct str rest = str_c(text);
    if (at && looks_like_corner(str_c(at + 1))) {
        if (!setting_find_word(settings_corners, str_c(at + 1), &corner))
            return setting_refuse_word(settings_corners, at + 1, err);
        rest.len = (size_t)(at - text);
    }
    *ret_rest = rest;
    *ret_corner = (enum corner)corner;
    return true;
}

bool setting_parse_stamp(const struct setting_rule *rule, const char *text,
                         struct settings *settings, struct error *err) {
    struct str word;
    enum corner corner;
    unsigned stamp;
    if (!settings_split_corner(text, &word, &corner, err))
        return false;
    if (!setting_find_word(rule->choices, word, &stamp) ||
        (stamp == STAMP_NONE && word.len < strlen(text)))
        return error_set(err, ERROR_INVALID, NULL,
                         "'%s' must be none, or captured, name or index, with a place such as "
                         "name@top-left",
                         text);
    settings->stamp = (enum stamp)stamp;
    settings->stamp_corner = corner;
    return true;
}

json_t *setting_print_stamp(const struct setting_rule *rule, const struct settings *settings) {
    char text[64];
    if (settings->stamp == STAMP_NONE)
        return json_string(rule->choices[STAMP_NONE]);
    snprintf(text, sizeof text, "%s@%s", rule->choices[settings->stamp],
             settings_corners[settings->stamp_corner]);
    return json_string(text);
}

/* Every word, alone and with each place. */
json_t *setting_schema_stamp(const struct setting_rule *rule) {
    json_t *words = json_array();
    for (unsigned stamp = 0; rule->choices[stamp]; stamp++) {
        bool good = json_array_append_new(words, json_string(rule->choices[stamp])) == 0;
        for (unsigned i = 0; good && stamp != STAMP_NONE && settings_corners[i]; i++)
            good = json_array_append_new(words, json_sprintf("%s@%s", rule->choices[stamp],
                                                             settings_corners[i])) == 0;
        if (!good)
            die_out_of_memory();
    }
    return setting_checked(json_pack("{s:s, s:o}", "type", "string", "enum", words));
}

static bool copy_name(struct str name, char ret[SETTINGS_NAME_SIZE], struct error *err) {
    if (!manifest_check_name(name, err))
        return false;
    memcpy(ret, name.ptr, name.len);
    ret[name.len] = '\0';
    return true;
}

bool setting_parse_audio(const struct setting_rule *rule, const char *text,
                         struct settings *settings, struct error *err) {
    (void)rule;
    settings->audio[0] = '\0';
    return strcmp(text, SETTINGS_NO_ASSET) == 0 || copy_name(str_c(text), settings->audio, err);
}

json_t *setting_print_audio(const struct setting_rule *rule, const struct settings *settings) {
    (void)rule;
    return json_string(settings->audio[0] ? settings->audio : SETTINGS_NO_ASSET);
}

bool setting_parse_watermark(const struct setting_rule *rule, const char *text,
                             struct settings *settings, struct error *err) {
    struct str name;
    (void)rule;
    settings->watermark[0] = '\0';
    if (!settings_split_corner(text, &name, &settings->watermark_corner, err))
        return error_prefix(err, "the place behind the last '@'");
    if (str_equal_c(name, SETTINGS_NO_ASSET) && name.len == strlen(text))
        return true;
    return copy_name(name, settings->watermark, err);
}

json_t *setting_print_watermark(const struct setting_rule *rule, const struct settings *settings) {
    char text[SETTINGS_NAME_SIZE + 16];
    (void)rule;
    if (!settings->watermark[0])
        return json_string(SETTINGS_NO_ASSET);
    snprintf(text, sizeof text, "%s@%s", settings->watermark,
             settings_corners[settings->watermark_corner]);
    return json_string(text);
}

json_t *setting_schema_asset(const struct setting_rule *rule) {
    (void)rule;
    return setting_schema_pattern("^[^/]+$");
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

bool setting_parse_size(const struct setting_rule *rule, const char *text,
                        struct settings *settings, struct error *err) {
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

json_t *setting_print_size(const struct setting_rule *rule, const struct settings *settings) {
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

bool setting_parse_background(const struct setting_rule *rule, const char *text,
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

json_t *setting_print_background(const struct setting_rule *rule, const struct settings *settings) {
    char text[8] = "#";
    (void)rule;
    hex_encode(settings->background, sizeof settings->background, text + 1);
    return json_string(text);
}

json_t *setting_schema_size(const struct setting_rule *rule) {
    json_t *names = json_pack("[s, s]", "auto", "source");
    (void)rule;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        if (json_array_append_new(names, json_string(sizes[i].name)) != 0)
            die_out_of_memory();
    return setting_checked(
        json_pack("{s:[{s:o}, o]}", "anyOf", "enum", names,
                  setting_schema_pattern("^[0-9]{1,3}[02468]x[0-9]{1,3}[02468]$")));
}

json_t *setting_schema_background(const struct setting_rule *rule) {
    json_t *names = json_array();
    (void)rule;
    for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
        if (json_array_append_new(names, json_string(colours[i].name)) != 0)
            die_out_of_memory();
    return setting_checked(json_pack("{s:[{s:o}, o]}", "anyOf", "enum", names,
                                     setting_schema_pattern("^#[0-9A-Fa-f]{6}$")));
}
