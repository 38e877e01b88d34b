/*
 * What settings mean together: the hold that a slideshow has by default, the format that follows
 * the codec and the codec that follows the format, and what would be without effect. What would be
 * ignored is refused; values that are the default may stand there all the same, so that the normal
 * form, which holds every setting, is read again as it was written.
 */
#include "job/settings_values.h"

#include <stdio.h>
#include <string.h>

enum {
    DEFAULT_SLIDE_SECONDS = 3,
    GIF_MAX_FPS = 50, /* delays are hundredths of a second, and below two players slow down */
    CODEC_COUNT = CODEC_GIF + 1,
};

/* The first codec is the format's default. */
static const struct {
    const char *name;
    const char *media_type;
    unsigned codec_count;
    enum codec codecs[4];
} formats[] = {
    [FORMAT_MP4] = {"mp4", "video/mp4", 4, {CODEC_H264, CODEC_HEVC, CODEC_AV1, CODEC_VP9}},
    [FORMAT_MOV] = {"mov", "video/quicktime", 3, {CODEC_H264, CODEC_HEVC, CODEC_PRORES}},
    [FORMAT_WEBM] = {"webm", "video/webm", 2, {CODEC_VP9, CODEC_AV1}},
    [FORMAT_GIF] = {"gif", "image/gif", 1, {CODEC_GIF}},
};

static const struct {
    const char *name;
    enum format format; /* where none is given */
} codecs[CODEC_COUNT] = {
    [CODEC_H264] = {"h264", FORMAT_MP4},     [CODEC_HEVC] = {"hevc", FORMAT_MP4},
    [CODEC_AV1] = {"av1", FORMAT_MP4},       [CODEC_VP9] = {"vp9", FORMAT_WEBM},
    [CODEC_PRORES] = {"prores", FORMAT_MOV}, [CODEC_GIF] = {"gif", FORMAT_GIF},
};

const char *settings_format_ending(enum format format) {
    return formats[format].name;
}

const char *settings_media_type(enum format format) {
    return formats[format].media_type;
}

const char *settings_codec_name(enum codec codec) {
    return codecs[codec].name;
}

bool settings_format_of_file(const char *path, enum format *ret, struct error *err) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    for (unsigned i = 0; dot && dot > name && i < ARRAY_SIZE(formats); i++) {
        if (str_equal_nocase(str_c(dot + 1), str_c(formats[i].name))) {
            *ret = (enum format)i;
            return true;
        }
    }
    return error_set(err, ERROR_INVALID, NULL,
                     "'%s': the name must end in .mp4, .mov, .webm or .gif", path);
}

/* ---- codec and format ---- */

static bool format_takes(enum format format, enum codec codec) {
    for (unsigned i = 0; i < formats[format].codec_count; i++)
        if (formats[format].codecs[i] == codec)
            return true;
    return false;
}

/* "mp4 takes h264, hevc; prores goes into mov" */
static void say_what_can(enum format format, enum codec codec, char *ret, size_t size) {
    size_t used = (size_t)snprintf(ret, size, "%s takes ", formats[format].name);
    for (unsigned i = 0; i < formats[format].codec_count && used < size; i++)
        used += (size_t)snprintf(ret + used, size - used, "%s%s", i > 0 ? ", " : "",
                                 codecs[formats[format].codecs[i]].name);
    if (used < size)
        used += (size_t)snprintf(ret + used, size - used, "; %s goes into ", codecs[codec].name);
    const char *before = "";
    for (unsigned i = 0; i < ARRAY_SIZE(formats) && used < size; i++) {
        if (!format_takes((enum format)i, codec))
            continue;
        used += (size_t)snprintf(ret + used, size - used, "%s%s", before, formats[i].name);
        before = ", ";
    }
}

static bool combine_format(bool has_codec, bool has_format, struct settings *settings,
                           struct error *err) {
    char can[160];
    if (has_codec && !has_format)
        settings->format = codecs[settings->codec].format;
    if (has_format && !has_codec)
        settings->codec = formats[settings->format].codecs[0];
    if (format_takes(settings->format, settings->codec))
        return true;
    say_what_can(settings->format, settings->codec, can, sizeof can);
    return error_set(err, ERROR_INVALID, NULL, "setting 'codec': '%s' does not go into '%s' (%s)",
                     codecs[settings->codec].name, formats[settings->format].name, can);
}

static bool check_gif(const struct settings *settings, struct error *err) {
    if (settings->codec != CODEC_GIF)
        return true;
    if (settings->audio[0])
        return error_set(err, ERROR_INVALID, NULL, "setting 'audio': a GIF has no sound");
    if (rational_compare(settings->fps, (struct rational){GIF_MAX_FPS, 1}) > 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "setting 'fps': a GIF has at most %d frames a second", GIF_MAX_FPS);
    return true;
}

/* ---- settings that need another one ---- */

static bool check_audio(const json_t *object, const struct settings *settings, struct error *err) {
    static const char *const parts[] = {"audio-fade", "audio-gain", "audio-loop"};
    if (settings->audio[0])
        return true;
    if (settings->hold_is_music)
        return error_set(err, ERROR_INVALID, NULL, "setting 'hold': 'music' needs setting 'audio'");
    bool changed[] = {settings->audio_fade.num != 0, settings->audio_gain.num != 0,
                      settings->audio_loop};
    bool says_none = json_object_get(object, "audio") != NULL;
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (changed[i] || (!says_none && json_object_get(object, parts[i])))
            return error_set(err, ERROR_INVALID, NULL, "setting '%s' needs setting 'audio'",
                             parts[i]);
    return true;
}

static bool check_transition(const json_t *object, const struct settings *settings,
                             struct error *err) {
    bool is_default =
        settings->transition_duration.num == 1 && settings->transition_duration.den == 1;
    if (settings->transition != TRANSITION_NONE ||
        !json_object_get(object, "transition-duration") ||
        (is_default && json_object_get(object, "transition")))
        return true;
    return error_set(err, ERROR_INVALID, NULL,
                     "setting 'transition-duration' needs setting 'transition'");
}

static bool check_places(const struct settings *settings, struct error *err) {
    if (settings->stamp == STAMP_NONE || !settings->watermark[0] ||
        settings->stamp_corner != settings->watermark_corner)
        return true;
    return error_set(
        err, ERROR_INVALID, NULL,
        "setting 'watermark': the stamp stands at %s as well; give one of them another "
        "place, such as '%s@%s'",
        settings_corners[settings->stamp_corner], settings->watermark,
        settings_corners[settings->stamp_corner == CORNER_TOP_RIGHT ? CORNER_TOP_LEFT
                                                                    : CORNER_TOP_RIGHT]);
}

bool settings_combine(const json_t *object, struct settings *settings, struct error *err) {
    if (!json_object_get(object, "hold") &&
        (settings->transition != TRANSITION_NONE || settings->motion != MOTION_NONE))
        settings->hold = (struct rational){DEFAULT_SLIDE_SECONDS, 1};
    return combine_format(json_object_get(object, "codec") != NULL,
                          json_object_get(object, "format") != NULL, settings, err) &&
           check_gif(settings, err) && check_audio(object, settings, err) &&
           check_transition(object, settings, err) && check_places(settings, err);
}

/* ---- the same as JSON Schema ---- */

static json_t *formats_of(enum codec codec) {
    json_t *names = json_array();
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
        if (format_takes((enum format)i, codec) &&
            json_array_append_new(names, json_string(formats[i].name)) != 0)
            die_out_of_memory();
    return names;
}

/* {"if": {name is value}, "then": …} */
static json_t *when(const char *name, const char *value, json_t *then) {
    return setting_checked(json_pack("{s:{s:[s], s:{s:{s:s}}}, s:o}", "if", "required", name,
                                     "properties", name, "const", value, "then", then));
}

static json_t *without_sound(void) {
    return setting_checked(
        json_pack("{s:{s:{s:s}}}", "properties", "audio", "const", SETTINGS_NO_ASSET));
}

void settings_combine_schema(json_t *schema) {
    json_t *rules = json_array();
    bool good = true;
    for (unsigned i = 0; i < CODEC_COUNT; i++)
        good = good && json_array_append_new(
                           rules, when("codec", codecs[i].name,
                                       json_pack("{s:{s:{s:o}}}", "properties", "format", "enum",
                                                 formats_of((enum codec)i)))) == 0;
    good = good && json_array_append_new(rules, when("codec", "gif", without_sound())) == 0 &&
           json_array_append_new(rules, when("format", "gif", without_sound())) == 0 &&
           json_array_append_new(
               rules, when("hold", "music",
                           json_pack("{s:[s], s:{s:{s:{s:s}}}}", "required", "audio", "properties",
                                     "audio", "not", "const", SETTINGS_NO_ASSET))) == 0;
    json_t *needs = json_pack("{s:[s], s:[s], s:[s], s:[s]}", "transition-duration", "transition",
                              "audio-fade", "audio", "audio-gain", "audio", "audio-loop", "audio");
    good = good && needs && json_object_set_new(schema, "dependentRequired", needs) == 0 &&
           json_object_set_new(schema, "allOf", rules) == 0;
    if (!good)
        die_out_of_memory();
}
