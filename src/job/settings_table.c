/*
 * The settings table: each row says what a setting is called, what it means, how its value is read,
 * written and described. Help, reading, normal form, JSON Schema and with it the page's form all go
 * by it.
 */
#include "job/settings_table.h"

#include "job/settings_values.h"

enum {
    MAX_FPS = 120,
    MAX_QUALITY = 100,
    MIN_DEFLICKER = 2,           /* fewer images have nothing to be evened out with */
    MAX_POSTER_FRAME = 99999999, /* the film's length is checked later */
};

#define WORDS(...)                                                                                 \
    (const char *const[]) {                                                                        \
        __VA_ARGS__, NULL                                                                          \
    }

#define FIELD(name) .field = offsetof(struct settings, name)

#define CHOICE(name, ...)                                                                          \
    &(const struct setting_rule) {                                                                 \
        FIELD(name), .choices = WORDS(__VA_ARGS__), .parse = setting_parse_choice,                 \
                     .print = setting_print_choice, .schema = setting_schema_choice                \
    }

#define RATIONAL     .parse = setting_parse_rational, RATIONAL_OUT
#define RATIONAL_OUT .print = setting_print_rational, .schema = setting_schema_rational

static const struct setting_rule fps = {
    .kind = SETTING_NUMBER,
    FIELD(fps),
    .min = 1,
    .max = MAX_FPS,
    .unit = "",
    .parse = setting_parse_fps,
    RATIONAL_OUT,
    .examples = "[24, 29.97, \"24000/1001\"]",
};

static const struct setting_rule hold = {
    .kind = SETTING_NUMBER,
    .min = 0,
    .max = SETTINGS_MAX_HOLD_SECONDS,
    .over_min = true,
    .parse = setting_parse_hold,
    .print = setting_print_hold,
    .schema = setting_schema_hold,
    .examples = "[2.5, \"1/3\", \"frame\"]",
};

static const struct setting_rule transition_duration = {
    .kind = SETTING_NUMBER,
    FIELD(transition_duration),
    .min = 0,
    .max = SETTINGS_MAX_TRANSITION_SECONDS,
    .over_min = true,
    .unit = " seconds",
    RATIONAL,
    .examples = "[0.5, \"1/2\"]",
};

static const struct setting_rule size = {
    .parse = setting_parse_size,
    .print = setting_print_size,
    .schema = setting_schema_size,
    .examples = "[\"1080p\", \"1280x720\"]",
};

static const struct setting_rule background = {
    .parse = setting_parse_background,
    .print = setting_print_background,
    .schema = setting_schema_background,
    .examples = "[\"white\", \"#1a2b3c\"]",
};

static const struct setting_rule quality = {
    .kind = SETTING_NUMBER,
    FIELD(quality),
    .min = 0,
    .max = MAX_QUALITY,
    .parse = setting_parse_whole,
    .print = setting_print_whole,
    .schema = setting_schema_whole,
    .examples = "[90, \"60\"]",
};

static const struct setting_rule poster = {
    .kind = SETTING_NUMBER,
    .min = 0,
    .max = MAX_POSTER_FRAME,
    .parse = setting_parse_poster,
    .print = setting_print_poster,
    .schema = setting_schema_poster,
    .examples = "[12, \"1.5s\"]",
};

static const struct setting_rule audio = {
    .parse = setting_parse_audio,
    .print = setting_print_audio,
    .schema = setting_schema_asset,
    .examples = "[\"song.mp3\"]",
};

static const struct setting_rule audio_fade = {
    .kind = SETTING_NUMBER,
    FIELD(audio_fade),
    .min = 0,
    .max = SETTINGS_MAX_AUDIO_FADE_SECONDS,
    .unit = " seconds",
    RATIONAL,
    .examples = "[2, \"0.5\"]",
};

static const struct setting_rule audio_gain = {
    .kind = SETTING_NUMBER,
    FIELD(audio_gain),
    .min = SETTINGS_MIN_AUDIO_GAIN_DB,
    .max = SETTINGS_MAX_AUDIO_GAIN_DB,
    .unit = " dB",
    RATIONAL,
    .examples = "[-6, \"-1.5\", 3]",
};

static const struct setting_rule audio_loop = {
    .kind = SETTING_BOOLEAN,
    FIELD(audio_loop),
    .parse = setting_parse_flag,
    .print = setting_print_flag,
    .schema = setting_schema_flag,
    .examples = "[true]",
};

static const struct setting_rule deflicker = {
    .kind = SETTING_NUMBER,
    .min = MIN_DEFLICKER,
    .max = SETTINGS_MAX_DEFLICKER,
    .parse = setting_parse_deflicker,
    .print = setting_print_deflicker,
    .schema = setting_schema_deflicker,
    .examples = "[15]",
};

static const struct setting_rule stamp = {
    .choices = WORDS("none", "captured", "name", "index"),
    .parse = setting_parse_stamp,
    .print = setting_print_stamp,
    .schema = setting_schema_stamp,
    .examples = "[\"captured\", \"name@top-left\"]",
};

static const struct setting_rule watermark = {
    .parse = setting_parse_watermark,
    .print = setting_print_watermark,
    .schema = setting_schema_asset,
    .examples = "[\"logo.png\", \"logo.png@top-right\"]",
};

static const struct setting_rule seed = {
    .kind = SETTING_NUMBER,
    .min = 0,
    .max = INT64_MAX,
    .parse = setting_parse_seed,
    .print = setting_print_seed,
    .schema = setting_schema_whole,
    .examples = "[7]",
};

static const struct setting_rule reuse = {
    .parse = setting_parse_reuse,
    .print = setting_print_reuse,
    .schema = setting_schema_reuse,
    .examples = "[\"J7c1\"]",
};

static const struct setting_rule callback_url = {
    .parse = setting_parse_callback_url,
    .print = setting_print_callback_url,
    .schema = setting_schema_callback_url,
    .examples = "[\"https://example.org/videos\"]",
};

const struct setting_help settings_table[] = {
    {"fps", "30; 1 to 120, rationals such as 24000/1001",
     "Frames per second of the film; a GIF has at most 50.", &fps},
    {"hold", "frame; seconds, over 0 to 86400, or music",
     "How long each image stays; 'frame' is one frame, a time-lapse; 'music' spreads the images "
     "over the audio. With a transition or motion the default is 3 seconds.",
     &hold},
    {"transition",
     "none; crossfade, fadeblack, fadewhite, wipe-left, wipe-right, wipe-up, wipe-down, "
     "slide-left, slide-right, slide-up, slide-down",
     "From one image to the next; it lies at the start of the later image's time.",
     CHOICE(transition, "none", "crossfade", "fadeblack", "fadewhite", "wipe-left", "wipe-right",
            "wipe-up", "wipe-down", "slide-left", "slide-right", "slide-up", "slide-down")},
    {"transition-duration", "1; seconds, over 0 to 60", "How long a transition lasts.",
     &transition_duration},
    {"motion", "none; kenburns, zoom-in, zoom-out, pan-left, pan-right, pan-up, pan-down",
     "Slow movement within each image; kenburns varies it from image to image.",
     CHOICE(motion, "none", "kenburns", "zoom-in", "zoom-out", "pan-left", "pan-right", "pan-up",
            "pan-down")},
    {"size", "auto; source, WxH, 720p, 1080p, 2160p, square, vertical",
     "Size of the film; auto is the first image's shape inside 1920x1080.", &size},
    {"fit", "contain; cover, blur, stretch",
     "An image of another shape gets borders, is cut, stands before a blurred copy of itself, or "
     "is stretched.",
     CHOICE(fit, "contain", "cover", "blur", "stretch")},
    {"background", "black; white, grey, #rrggbb", "Colour of borders and behind transparency.",
     &background},
    {"quality", "75; 0 to 100", "More is better and larger.", &quality},
    {"speed", "balanced; fast, small", "Whether to spend less time or fewer bytes.",
     CHOICE(speed, "fast", "balanced", "small")},
    {"codec", "h264; hevc, av1, vp9, prores, gif",
     "Compression of the film; follows the format where that is given.",
     CHOICE(codec, "h264", "hevc", "av1", "vp9", "prores", "gif")},
    {"format", "mp4; mov, webm, gif",
     "Kind of file; follows the name of the output file or the codec where one is given.",
     CHOICE(format, "mp4", "mov", "webm", "gif")},
    {"order", "given; name, captured",
     "Order of the images; name puts 2 before 10, captured goes by the cameras' time.",
     CHOICE(order, "given", "name", "captured")},
    {"poster", "0; frame number, or seconds such as 1.5s",
     "The frame that becomes the poster image.", &poster},
    {"audio", "none; a sound file: MP3, AAC, WAV, FLAC, Ogg Vorbis, Opus",
     "What is heard; it ends with the film.", &audio},
    {"audio-fade", "0; seconds, to 600", "The sound comes and goes over so long.", &audio_fade},
    {"audio-gain", "0; dB, -60 to 20", "Louder or softer.", &audio_gain},
    {"audio-loop", "false; true",
     "Whether the audio starts again when it is shorter than the film.", &audio_loop},
    {"deflicker", "off; window of 2 to 120 frames",
     "Evens out brightness from image to image of a time-lapse.", &deflicker},
    {"stamp", "none; captured, name, index; with a place such as name@top-left",
     "Text on each image: when it was taken, its name or its number; places as of watermark.",
     &stamp},
    {"watermark", "none; a picture file, with a place such as logo.png@top-right",
     "A picture over all images, at top-left, top, top-right, center, bottom-left, bottom or "
     "bottom-right (default).",
     &watermark},
    {"on-bad-image", "fail; skip",
     "What an image that cannot be read does: fail ends the job, skip shows its neighbour longer.",
     CHOICE(on_bad_image, "fail", "skip")},
    {"held-frames", "skip; encoded",
     "How frames that repeat are stored: skip takes almost no bytes and repeats exactly, encoded "
     "is for players that mind.",
     CHOICE(held_frames, "skip", "encoded")},
    {"seed", "0; a whole number", "Another number varies kenburns.", &seed},
    {"reuse", "none; id of a job",
     "Segments that are as that job has rendered them are taken over; of jobs through a server.",
     &reuse},
    {"callback-url", "none; https address",
     "Is told the status when the job has ended; of jobs through a server.", &callback_url},
    {NULL, NULL, NULL, NULL},
};

/* Settings of the design that this version does not have. */
const char *const settings_later[] = {"max-cost", NULL};
