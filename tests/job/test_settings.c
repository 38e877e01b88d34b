/*
 * Settings: what is taken, what is refused and in which words, the normal form, and that the page
 * that describes them says what the table says.
 */
#include "job/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse(const char *text, struct settings *ret, struct error *err) {
    json_t *object = json_loads(text, 0, NULL);
    assert_non_null(object);
    bool ok = settings_parse(object, ret, err);
    json_decref(object);
    return ok;
}

static char *normal_form(const struct settings *settings) {
    json_t *object = settings_to_json(settings);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    assert_non_null(text);
    return text;
}

#define DEFAULTS                                                                                   \
    "{\"audio\":\"none\",\"audio-fade\":\"0\",\"audio-gain\":\"0\",\"audio-loop\":false,"          \
    "\"background\":\"#000000\",\"codec\":\"h264\",\"deflicker\":\"off\",\"fit\":\"contain\","     \
    "\"format\":\"mp4\",\"fps\":\"30\",\"held-frames\":\"skip\",\"hold\":\"frame\","               \
    "\"motion\":\"none\",\"on-bad-image\":\"fail\",\"order\":\"given\",\"poster\":0,"              \
    "\"quality\":75,\"seed\":0,\"size\":\"auto\",\"speed\":\"balanced\",\"stamp\":\"none\","       \
    "\"transition\":\"none\",\"transition-duration\":\"1\",\"watermark\":\"none\"}"

static void defaults_have_a_normal_form(void **state) {
    (void)state;
    struct settings settings;
    struct error err = {0};
    assert_true(settings_parse(NULL, &settings, &err));
    char *text = normal_form(&settings);
    assert_string_equal(text, DEFAULTS);
    free(text);
    assert_true(parse("{}", &settings, &err));
    text = normal_form(&settings);
    assert_string_equal(text, DEFAULTS);
    free(text);
}

static const struct {
    const char *text;
    const char *normal;
} taken[] = {
    {"{\"fps\":25}", "\"fps\":\"25\""},
    {"{\"fps\":\"25\"}", "\"fps\":\"25\""},
    {"{\"fps\":29.97}", "\"fps\":\"2997/100\""},
    {"{\"fps\":\"29.97\"}", "\"fps\":\"2997/100\""},
    {"{\"fps\":\"24000/1001\"}", "\"fps\":\"24000/1001\""},
    {"{\"fps\":1}", "\"fps\":\"1\""},
    {"{\"fps\":120.0}", "\"fps\":\"120\""},
    {"{\"hold\":\"frame\"}", "\"hold\":\"frame\""},
    {"{\"hold\":0.1}", "\"hold\":\"1/10\""},
    {"{\"hold\":86400}", "\"hold\":\"86400\""},
    {"{\"hold\":\"86399.123456789\"}", "\"hold\":\"86399123456789/1000000000\""},
    {"{\"hold\":\"1/3\"}", "\"hold\":\"1/3\""},
    {"{\"size\":\"source\"}", "\"size\":\"source\""},
    {"{\"size\":\"16x8192\"}", "\"size\":\"16x8192\""},
    {"{\"size\":\"720p\"}", "\"size\":\"1280x720\""},
    {"{\"size\":\"1080p\"}", "\"size\":\"1920x1080\""},
    {"{\"size\":\"2160p\"}", "\"size\":\"3840x2160\""},
    {"{\"size\":\"square\"}", "\"size\":\"1080x1080\""},
    {"{\"size\":\"vertical\"}", "\"size\":\"1080x1920\""},
    {"{\"fit\":\"cover\"}", "\"fit\":\"cover\""},
    {"{\"background\":\"white\"}", "\"background\":\"#ffffff\""},
    {"{\"background\":\"grey\"}", "\"background\":\"#808080\""},
    {"{\"background\":\"#1A2b3C\"}", "\"background\":\"#1a2b3c\""},
    {"{\"quality\":0}", "\"quality\":0"},
    {"{\"quality\":\"100\"}", "\"quality\":100"},
    {"{\"quality\":50.0}", "\"quality\":50"},
    {"{\"speed\":\"fast\"}", "\"speed\":\"fast\""},
    {"{\"speed\":\"small\"}", "\"speed\":\"small\""},
    {"{\"order\":\"name\"}", "\"order\":\"name\""},
    {"{\"poster\":12}", "\"poster\":12"},
    {"{\"poster\":\"12\"}", "\"poster\":12"},
    {"{\"poster\":\"1.5s\"}", "\"poster\":\"3/2s\""},
    {"{\"poster\":\"0s\"}", "\"poster\":\"0s\""},
    {"{\"codec\":\"h264\",\"format\":\"mp4\",\"transition\":\"none\",\"motion\":\"none\",\"on-bad-"
     "image\":\"fail\",\"held-frames\":\"skip\"}",
     DEFAULTS},
    {"{\"hold\":\"music\",\"audio\":\"a b.mp3\"}", "\"hold\":\"music\""},
    {"{\"transition\":\"crossfade\"}", "\"hold\":\"3\""},
    {"{\"transition\":\"slide-down\",\"hold\":\"frame\"}", "\"hold\":\"frame\""},
    {"{\"transition\":\"none\"}", "\"hold\":\"frame\""},
    {"{\"motion\":\"kenburns\"}", "\"hold\":\"3\""},
    {"{\"motion\":\"pan-up\",\"hold\":7}", "\"hold\":\"7\""},
    {"{\"transition\":\"wipe-left\",\"transition-duration\":0.5}",
     "\"transition-duration\":\"1/2\""},
    {"{\"transition\":\"fadewhite\",\"transition-duration\":\"60\"}",
     "\"transition-duration\":\"60\""},
    {"{\"transition\":\"none\",\"transition-duration\":1}", "\"transition-duration\":\"1\""},
    {"{\"fit\":\"blur\"}", "\"fit\":\"blur\""},
    {"{\"fit\":\"stretch\"}", "\"fit\":\"stretch\""},
    {"{\"order\":\"captured\"}", "\"order\":\"captured\""},
    {"{\"codec\":\"hevc\"}", "\"format\":\"mp4\""},
    {"{\"codec\":\"av1\"}", "\"format\":\"mp4\""},
    {"{\"codec\":\"vp9\"}", "\"format\":\"webm\""},
    {"{\"codec\":\"prores\"}", "\"format\":\"mov\""},
    {"{\"codec\":\"gif\"}", "\"format\":\"gif\""},
    {"{\"format\":\"mov\"}", "\"codec\":\"h264\""},
    {"{\"format\":\"webm\"}", "\"codec\":\"vp9\""},
    {"{\"format\":\"gif\",\"fps\":50}", "\"codec\":\"gif\""},
    {"{\"format\":\"mp4\",\"codec\":\"vp9\"}", "\"codec\":\"vp9\""},
    {"{\"format\":\"webm\",\"codec\":\"av1\"}", "\"codec\":\"av1\""},
    {"{\"format\":\"mov\",\"codec\":\"hevc\"}", "\"codec\":\"hevc\""},
    {"{\"audio\":\"none\",\"audio-fade\":0,\"audio-gain\":0,\"audio-loop\":false}", DEFAULTS},
    {"{\"audio\":\"a.mp3\",\"audio-fade\":2.5,\"audio-gain\":-1.5,\"audio-loop\":true}",
     "\"audio-fade\":\"5/2\",\"audio-gain\":\"-3/2\",\"audio-loop\":true"},
    {"{\"audio\":\"a.mp3\",\"audio-gain\":\"-60\",\"audio-loop\":\"true\"}",
     "\"audio-gain\":\"-60\",\"audio-loop\":true"},
    {"{\"audio\":\"a.mp3\",\"audio-gain\":\"-0\"}", "\"audio-gain\":\"0\""},
    {"{\"audio\":\"a.mp3\",\"audio-gain\":20,\"audio-fade\":600}",
     "\"audio-fade\":\"600\",\"audio-gain\":\"20\""},
    {"{\"deflicker\":\"off\"}", "\"deflicker\":\"off\""},
    {"{\"deflicker\":2}", "\"deflicker\":2"},
    {"{\"deflicker\":\"120\"}", "\"deflicker\":120"},
    {"{\"stamp\":\"captured\"}", "\"stamp\":\"captured@bottom-right\""},
    {"{\"stamp\":\"index@top\"}", "\"stamp\":\"index@top\""},
    {"{\"watermark\":\"logo.png\"}", "\"watermark\":\"logo.png@bottom-right\""},
    {"{\"watermark\":\"logo@2x.png@center\"}", "\"watermark\":\"logo@2x.png@center\""},
    {"{\"watermark\":\"logo@2x.png\"}", "\"watermark\":\"logo@2x.png@bottom-right\""},
    {"{\"watermark\":\"a@home@top\"}", "\"watermark\":\"a@home@top\""},
    {"{\"watermark\":\"none@top\"}", "\"watermark\":\"none@top\""},
    {"{\"watermark\":\"none\"}", "\"watermark\":\"none\""},
    {"{\"stamp\":\"name@top-left\",\"watermark\":\"logo.png\"}",
     "\"watermark\":\"logo.png@bottom-right\""},
    {"{\"on-bad-image\":\"skip\"}", "\"on-bad-image\":\"skip\""},
    {"{\"held-frames\":\"encoded\"}", "\"held-frames\":\"encoded\""},
    {"{\"seed\":9223372036854775807}", "\"seed\":9223372036854775807"},
    {"{\"seed\":\"12\"}", "\"seed\":12"},
};

/* Each value in its canonical form; what is read from the normal form is the same. */
static void good_values_are_taken(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
        struct settings settings, again;
        struct error err = {0};
        if (!parse(taken[i].text, &settings, &err))
            fail_msg("%s: %s", taken[i].text, err.text);
        char *text = normal_form(&settings);
        if (!strstr(text, taken[i].normal))
            fail_msg("%s gave %s", taken[i].text, text);
        assert_true(parse(text, &again, &err));
        char *second = normal_form(&again);
        assert_string_equal(text, second);
        free(text);
        free(second);
    }
}

static const struct {
    const char *text;
    const char *message;
} refused[] = {
    {"{\"fsp\":30}", "setting 'fsp' is not known; did you mean 'fps'?"},
    {"{\"qualty\":30}", "setting 'qualty' is not known; did you mean 'quality'?"},
    {"{\"qaulityy\":1}", "setting 'qaulityy' is not known; did you mean 'quality'?"},
    {"{\"f\":30}", "setting 'f' is not known ("},
    {"{\"FPS\":30}", "setting 'FPS' is not known ("},
    {"{\"on-bad-images\":\"fail\"}", "did you mean 'on-bad-image'?"},
    {"{\"audoi\":1}", "setting 'audoi' is not known; did you mean 'audio'?"},
    {"{\"colour-of-the-sky\":1}",
     "setting 'colour-of-the-sky' is not known (fps, hold, transition"},
    {"{\"\":1}", "setting '' is not known ("},
    {"{\"x\":1}", "setting 'x' is not known ("},
    {"{\"a\\nb\":1}", "setting 'a?b' is not known"},
    {"{\"fps\":0}", "setting 'fps': '0' must be from 1 to 120"},
    {"{\"fps\":-5}", "setting 'fps': '-5' must be from 1 to 120"},
    {"{\"fps\":-2.5}", "setting 'fps': '-2.5' must be from 1 to 120"},
    {"{\"fps\":0.999}", "setting 'fps': '0.999' must be from 1 to 120"},
    {"{\"fps\":121}", "setting 'fps': '121' must be from 1 to 120"},
    {"{\"fps\":\"120.000001\"}", "must be from 1 to 120"},
    {"{\"fps\":\"999999999999999999/1\"}", "must be from 1 to 120"},
    {"{\"fps\":\"fast\"}", "setting 'fps': 'fast' must be from 1 to 120"},
    {"{\"fps\":\"\"}", "setting 'fps': '' must be from 1 to 120"},
    {"{\"fps\":\"29.9700299\"}", "setting 'fps': '29.9700299' is too fine"},
    {"{\"fps\":1e300}", "setting 'fps': the number is too large"},
    {"{\"fps\":true}", "setting 'fps': must be a number or a text, not true"},
    {"{\"fps\":null}", "setting 'fps': must be a number or a text, not null"},
    {"{\"fps\":[30]}", "setting 'fps': must be a number or a text, not an array"},
    {"{\"fps\":{}}", "setting 'fps': must be a number or a text, not an object"},
    {"{\"fps\":\"3\\u00070\"}", "setting 'fps': '3?0' is not a good value"},
    {"{\"hold\":0}", "setting 'hold': '0' must be over 0 and at most 86400 seconds, or 'frame'"},
    {"{\"hold\":\"86400.1\"}", "at most 86400 seconds"},
    {"{\"hold\":\"-1\"}", "setting 'hold': '-1' must be over 0"},
    {"{\"hold\":0.0000000001}", "setting 'hold': '0' must be over 0"},
    {"{\"size\":\"1281x720\"}", "setting 'size': '1281x720' must have even sides from 16 to 8192"},
    {"{\"size\":\"14x720\"}", "must have even sides from 16 to 8192"},
    {"{\"size\":\"8194x720\"}", "must have even sides from 16 to 8192"},
    {"{\"size\":\"4294967312x720\"}", "setting 'size': '4294967312x720' is not known (auto"},
    {"{\"size\":\"1280x\"}", "setting 'size': '1280x' is not known (auto"},
    {"{\"size\":\"1280x720x2\"}", "is not known (auto"},
    {"{\"size\":\"large\"}", "setting 'size': 'large' is not known (auto, source, 720p"},
    {"{\"size\":720}", "setting 'size': must be a text, not a number"},
    {"{\"fit\":1}", "setting 'fit': must be a text, not a number"},
    {"{\"background\":\"#12345\"}", "setting 'background': '#12345' must be a colour"},
    {"{\"background\":\"#1234567\"}", "must be a colour"},
    {"{\"background\":\"#12345g\"}", "must be a colour"},
    {"{\"background\":\"x#123456\"}", "must be a colour"},
    {"{\"background\":\"123456\"}", "must be a colour"},
    {"{\"background\":\"\"}", "must be a colour"},
    {"{\"background\":\"Black\"}", "must be a colour"},
    {"{\"quality\":101}", "setting 'quality': '101' must be a whole number from 0 to 100"},
    {"{\"quality\":-1}", "must be a whole number from 0 to 100"},
    {"{\"quality\":50.5}", "setting 'quality': '50.5' must be a whole number from 0 to 100"},
    {"{\"quality\":\"best\"}", "must be a whole number from 0 to 100"},
    {"{\"speed\":\"slow\"}", "setting 'speed': 'slow' is not known (fast, balanced, small)"},
    {"{\"poster\":1.5}", "setting 'poster': '1.5' must be a frame number such as 12"},
    {"{\"poster\":-1}", "setting 'poster': '-1' must be a frame number"},
    {"{\"poster\":\"s\"}", "setting 'poster': 's' must be a frame number"},
    {"{\"poster\":\"1.5 s\"}", "must be a frame number"},
    {"{\"poster\":\"100000000\"}", "must be a frame number"},
    {"{\"max-cost\":1}", "setting 'max-cost' is not supported by this version"},
    {"{\"callback-url\":\"x\"}", "setting 'callback-url' is not supported by this version"},
    {"{\"reuse\":\"job\"}", "setting 'reuse' is not supported by this version"},
    {"{\"hold\":\"music\"}", "setting 'hold': 'music' needs setting 'audio'"},
    {"{\"hold\":\"music\",\"audio\":\"none\"}", "setting 'hold': 'music' needs setting 'audio'"},
    {"{\"hold\":\"musik\"}",
     "'musik' must be over 0 and at most 86400 seconds, or 'frame', or 'music'"},
    {"{\"fit\":\"fill\"}", "setting 'fit': 'fill' is not known (contain, cover, blur, stretch)"},
    {"{\"order\":\"random\"}", "setting 'order': 'random' is not known (given, name, captured)"},
    {"{\"codec\":\"mpeg2\"}",
     "setting 'codec': 'mpeg2' is not known (h264, hevc, av1, vp9, prores, gif)"},
    {"{\"format\":\"avi\"}", "setting 'format': 'avi' is not known (mp4, mov, webm, gif)"},
    {"{\"codec\":\"prores\",\"format\":\"mp4\"}",
     "setting 'codec': 'prores' does not go into 'mp4' (mp4 takes h264, hevc, av1, vp9; prores "
     "goes into mov)"},
    {"{\"codec\":\"h264\",\"format\":\"webm\"}", "(webm takes vp9, av1; h264 goes into mp4, mov)"},
    {"{\"codec\":\"av1\",\"format\":\"mov\"}",
     "(mov takes h264, hevc, prores; av1 goes into mp4, webm)"},
    {"{\"codec\":\"h264\",\"format\":\"gif\"}", "(gif takes gif; h264 goes into mp4, mov)"},
    {"{\"codec\":\"gif\",\"format\":\"mp4\"}", "gif goes into gif)"},
    {"{\"codec\":\"gif\",\"audio\":\"a.mp3\"}", "setting 'audio': a GIF has no sound"},
    {"{\"format\":\"gif\",\"audio\":\"a.mp3\"}", "setting 'audio': a GIF has no sound"},
    {"{\"format\":\"gif\",\"fps\":\"50.000001\"}",
     "setting 'fps': a GIF has at most 50 frames a second"},
    {"{\"transition\":\"wipe\"}", "'wipe' is not known (none, crossfade, fadeblack"},
    {"{\"transition\":\"wipe-*\"}", "'wipe-*' is not known (none"},
    {"{\"motion\":\"fast\"}", "'fast' is not known (none, kenburns, zoom-in, zoom-out, pan-left"},
    {"{\"motion\":true}", "setting 'motion': must be a text, not true"},
    {"{\"on-bad-image\":\"ignore\"}", "'ignore' is not known (fail, skip)"},
    {"{\"held-frames\":\"none\"}", "'none' is not known (skip, encoded)"},
    {"{\"transition-duration\":1}", "setting 'transition-duration' needs setting 'transition'"},
    {"{\"transition\":\"none\",\"transition-duration\":2}",
     "setting 'transition-duration' needs setting 'transition'"},
    {"{\"transition\":\"crossfade\",\"transition-duration\":0}",
     "setting 'transition-duration': '0' must be over 0 and at most 60 seconds"},
    {"{\"transition\":\"crossfade\",\"transition-duration\":\"60.1\"}",
     "must be over 0 and at most 60 seconds"},
    {"{\"transition\":\"crossfade\",\"transition-duration\":-1}",
     "must be over 0 and at most 60 seconds"},
    {"{\"audio\":\"\"}", "setting 'audio': the name is empty"},
    {"{\"audio\":\"a/b.mp3\"}", "setting 'audio': the name has a '/'"},
    {"{\"audio\":\"..\"}", "setting 'audio': the name must not be '..'"},
    {"{\"audio\":1}", "setting 'audio': must be a text, not a number"},
    {"{\"audio-fade\":1}", "setting 'audio-fade' needs setting 'audio'"},
    {"{\"audio-fade\":0}", "setting 'audio-fade' needs setting 'audio'"},
    {"{\"audio-gain\":1}", "setting 'audio-gain' needs setting 'audio'"},
    {"{\"audio-loop\":true}", "setting 'audio-loop' needs setting 'audio'"},
    {"{\"audio\":\"none\",\"audio-loop\":true}", "setting 'audio-loop' needs setting 'audio'"},
    {"{\"audio\":\"a.mp3\",\"audio-fade\":601}",
     "setting 'audio-fade': '601' must be from 0 to 600 seconds"},
    {"{\"audio\":\"a.mp3\",\"audio-fade\":-1}", "must be from 0 to 600 seconds"},
    {"{\"audio\":\"a.mp3\",\"audio-gain\":20.5}",
     "setting 'audio-gain': '20.5' must be from -60 to 20 dB"},
    {"{\"audio\":\"a.mp3\",\"audio-gain\":\"-60.001\"}", "must be from -60 to 20 dB"},
    {"{\"audio\":\"a.mp3\",\"audio-gain\":\"--3\"}", "must be from -60 to 20 dB"},
    {"{\"audio\":\"a.mp3\",\"audio-gain\":\"-\"}", "must be from -60 to 20 dB"},
    {"{\"audio\":\"a.mp3\",\"audio-loop\":\"yes\"}",
     "setting 'audio-loop': 'yes' must be true or false"},
    {"{\"audio\":\"a.mp3\",\"audio-loop\":1}",
     "setting 'audio-loop': must be true or false, not a number"},
    {"{\"deflicker\":0}",
     "setting 'deflicker': '0' must be 'off', or a window from 2 to 120 frames"},
    {"{\"deflicker\":1}", "'1' must be 'off'"},
    {"{\"deflicker\":121}", "must be 'off', or a window from 2 to 120"},
    {"{\"deflicker\":\"on\"}", "'on' must be 'off'"},
    {"{\"deflicker\":2.5}", "'2.5' must be 'off'"},
    {"{\"stamp\":\"date\"}", "'date' must be none, or captured, name or index, with a place"},
    {"{\"stamp\":\"none@top\"}", "'none@top' must be none, or captured"},
    {"{\"stamp\":\"name@middle\"}",
     "setting 'stamp': 'middle' is not known (top-left, top, top-right, center"},
    {"{\"stamp\":\"name@\"}", "'' is not known (top-left"},
    {"{\"stamp\":\"@top\"}", "must be none, or captured"},
    {"{\"stamp\":\"name@top@top\"}", "must be none, or captured"},
    {"{\"watermark\":\"logo.png@botom\"}",
     "setting 'watermark': the place behind the last '@': 'botom' is not known (top-left"},
    {"{\"watermark\":\"@top\"}", "setting 'watermark': the name is empty"},
    {"{\"watermark\":\"a/b.png\"}", "setting 'watermark': the name has a '/'"},
    {"{\"stamp\":\"name\",\"watermark\":\"a.png\"}",
     "setting 'watermark': the stamp stands at bottom-right as well; give one of them another "
     "place, such as 'a.png@top-right'"},
    {"{\"seed\":-1}", "setting 'seed': '-1' must be a whole number from 0 to 9223372036854775807"},
    {"{\"seed\":\"9223372036854775808\"}", "must be a whole number from 0 to"},
    {"{\"seed\":1.5}", "'1.5' must be a whole number"},
};

static void bad_settings_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        struct settings settings = {.quality = 7};
        struct error err = {0};
        if (parse(refused[i].text, &settings, &err))
            fail_msg("%s was taken", refused[i].text);
        assert_int_equal(err.kind, ERROR_INVALID);
        if (!strstr(err.text, refused[i].message))
            fail_msg("%s: '%s'", refused[i].text, err.text);
        assert_int_equal(settings.quality, 7);
    }
    json_t *array = json_array();
    struct settings settings;
    struct error err = {0};
    assert_false(settings_parse(array, &settings, &err));
    assert_string_equal(err.text, "'settings' must be an object, not an array");
    json_decref(array);
}

static void long_values_are_cut_in_messages(void **state) {
    (void)state;
    char text[20000];
    struct settings settings;
    struct error err = {0};
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    json_t *value = json_pack("{ss}", "fit", text), *name = json_pack("{si}", text, 1);
    assert_false(settings_parse(value, &settings, &err));
    assert_non_null(strstr(err.text, "...' is not a good value"));
    assert_false(settings_parse(name, &settings, &err));
    assert_non_null(strstr(err.text, "...' is not known ("));
    json_decref(value);
    json_decref(name);
}

static void sizes_follow_the_first_image(void **state) {
    (void)state;
    static const struct {
        enum size_mode mode;
        unsigned width, height;
        unsigned expected_width, expected_height;
    } cases[] = {
        {SIZE_AUTO, 6000, 4000, 1620, 1080},   {SIZE_AUTO, 4000, 6000, 720, 1080},
        {SIZE_AUTO, 1920, 1080, 1920, 1080},   {SIZE_AUTO, 3840, 2160, 1920, 1080},
        {SIZE_AUTO, 641, 481, 640, 480},       {SIZE_AUTO, 10000, 500, 1920, 96},
        {SIZE_AUTO, 1921, 1081, 1920, 1080},   {SIZE_AUTO, 1, 1, 16, 16},
        {SIZE_AUTO, 60000, 2, 1920, 16},       {SIZE_AUTO, 4000, 3000, 1440, 1080},
        {SIZE_AUTO, 65535, 65535, 1080, 1080}, {SIZE_SOURCE, 4001, 3001, 4000, 3000},
        {SIZE_SOURCE, 8193, 8192, 8192, 8192}, {SIZE_SOURCE, 1, 8000, 16, 8000},
        {SIZE_FIXED, 9, 9, 640, 480},          {SIZE_FIXED, 0, 0, 640, 480},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct settings settings;
        struct error err = {0};
        settings_default(&settings);
        settings.size = cases[i].mode;
        settings.width = 640;
        settings.height = 480;
        assert_true(settings_resolve_size(&settings, cases[i].width, cases[i].height, &err));
        assert_int_equal(settings.size, SIZE_FIXED);
        assert_int_equal(settings.width, cases[i].expected_width);
        assert_int_equal(settings.height, cases[i].expected_height);
    }
}

static void auto_sizes_keep_within_their_bounds(void **state) {
    (void)state;
    for (unsigned width = 16; width < 5000; width += 37) {
        for (unsigned height = 16; height < 5000; height += 41) {
            struct settings settings;
            struct error err = {0};
            settings_default(&settings);
            assert_true(settings_resolve_size(&settings, width, height, &err));
            assert_true(settings.width % 2 == 0 && settings.height % 2 == 0);
            assert_true(settings.width >= 16 && settings.width <= 1920);
            assert_true(settings.height >= 16 && settings.height <= 1080);
            assert_true(settings.width <= width && settings.height <= height);
        }
    }
}

static void impossible_sizes_are_refused(void **state) {
    (void)state;
    static const struct {
        enum size_mode mode;
        unsigned width, height;
        enum error_kind kind;
    } cases[] = {
        {SIZE_SOURCE, 8194, 100, ERROR_LIMIT}, {SIZE_SOURCE, 100, 60000, ERROR_LIMIT},
        {SIZE_SOURCE, 0, 100, ERROR_INVALID},  {SIZE_AUTO, 100, 0, ERROR_INVALID},
        {SIZE_AUTO, 0, 0, ERROR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct settings settings;
        struct error err = {0};
        settings_default(&settings);
        settings.size = cases[i].mode;
        assert_false(settings_resolve_size(&settings, cases[i].width, cases[i].height, &err));
        assert_int_equal(err.kind, cases[i].kind);
        assert_int_equal(settings.size, cases[i].mode);
    }
}

/* Every row of the table is in the page as it stands here, and every refused name is mentioned. */
static void the_page_says_the_same(void **state) {
    (void)state;
    static char page[65536];
    FILE *file = fopen(SETTINGS_PAGE, "r");
    assert_non_null(file);
    size_t size = fread(page, 1, sizeof page - 1, file);
    fclose(file);
    page[size] = '\0';
    for (const struct setting_help *row = settings_help(); row->name; row++) {
        char line[256];
        snprintf(line, sizeof line, "| `%s` | %s |", row->name, row->values);
        if (!strstr(page, line))
            fail_msg("the page has not '%s'", line);
    }
    static const char *const later[] = {"max-cost", "callback-url", "reuse"};
    for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
        char word[64];
        snprintf(word, sizeof word, "`%s`", later[i]);
        if (!strstr(page, word))
            fail_msg("the page has not %s", word);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_have_a_normal_form),
        cmocka_unit_test(good_values_are_taken),
        cmocka_unit_test(bad_settings_are_refused),
        cmocka_unit_test(long_values_are_cut_in_messages),
        cmocka_unit_test(sizes_follow_the_first_image),
        cmocka_unit_test(auto_sizes_keep_within_their_bounds),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(the_page_says_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
