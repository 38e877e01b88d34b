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
    "{\"background\":\"#000000\",\"codec\":\"h264\",\"fit\":\"contain\",\"format\":\"mp4\","       \
    "\"fps\":\"30\",\"held-frames\":\"encoded\",\"hold\":\"frame\",\"motion\":\"none\","           \
    "\"on-bad-image\":\"fail\",\"order\":\"given\",\"poster\":0,\"quality\":75,"                   \
    "\"size\":\"auto\",\"speed\":\"balanced\",\"transition\":\"none\"}"

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

/* Each value in its canonical form; what is read from the normal form is the same. */
static void good_values_are_taken(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *normal;
    } cases[] = {
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
        {"{\"codec\":\"h264\",\"format\":\"mp4\",\"transition\":\"none\",\"motion\":\"none\","
         "\"on-bad-image\":\"fail\",\"held-frames\":\"encoded\"}",
         DEFAULTS},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct settings settings, again;
        struct error err = {0};
        if (!parse(cases[i].text, &settings, &err))
            fail_msg("%s: %s", cases[i].text, err.text);
        char *text = normal_form(&settings);
        if (!strstr(text, cases[i].normal))
            fail_msg("%s gave %s", cases[i].text, text);
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
    {"{\"colour-of-the-sky\":1}", "setting 'colour-of-the-sky' is not known (fps, hold, size"},
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
    {"{\"hold\":\"music\"}", "setting 'hold': 'music' is not supported by this version (seconds"},
    {"{\"size\":\"1281x720\"}", "setting 'size': '1281x720' must have even sides from 16 to 8192"},
    {"{\"size\":\"14x720\"}", "must have even sides from 16 to 8192"},
    {"{\"size\":\"8194x720\"}", "must have even sides from 16 to 8192"},
    {"{\"size\":\"4294967312x720\"}", "setting 'size': '4294967312x720' is not known (auto"},
    {"{\"size\":\"1280x\"}", "setting 'size': '1280x' is not known (auto"},
    {"{\"size\":\"1280x720x2\"}", "is not known (auto"},
    {"{\"size\":\"large\"}", "setting 'size': 'large' is not known (auto, source, 720p"},
    {"{\"size\":720}", "setting 'size': must be a text, not a number"},
    {"{\"fit\":\"blur\"}",
     "setting 'fit': 'blur' is not supported by this version (contain, cover)"},
    {"{\"fit\":\"stretch\"}", "'stretch' is not supported by this version"},
    {"{\"fit\":\"fill\"}", "setting 'fit': 'fill' is not known (contain, cover)"},
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
    {"{\"order\":\"captured\"}",
     "setting 'order': 'captured' is not supported by this version (given, name)"},
    {"{\"order\":\"random\"}", "setting 'order': 'random' is not known (given, name)"},
    {"{\"poster\":1.5}", "setting 'poster': '1.5' must be a frame number such as 12"},
    {"{\"poster\":-1}", "setting 'poster': '-1' must be a frame number"},
    {"{\"poster\":\"s\"}", "setting 'poster': 's' must be a frame number"},
    {"{\"poster\":\"1.5 s\"}", "must be a frame number"},
    {"{\"poster\":\"100000000\"}", "must be a frame number"},
    {"{\"codec\":\"av1\"}", "setting 'codec': 'av1' is not supported by this version (h264)"},
    {"{\"codec\":\"mpeg2\"}", "setting 'codec': 'mpeg2' is not known (h264)"},
    {"{\"format\":\"webm\"}", "setting 'format': 'webm' is not supported by this version (mp4)"},
    {"{\"transition\":\"crossfade\"}", "'crossfade' is not supported by this version (none)"},
    {"{\"transition\":\"wipe-left\"}", "'wipe-left' is not supported by this version (none)"},
    {"{\"transition\":\"wipe\"}", "'wipe' is not known (none)"},
    {"{\"motion\":\"kenburns\"}", "'kenburns' is not supported by this version (none)"},
    {"{\"motion\":\"pan-left\"}", "'pan-left' is not supported by this version (none)"},
    {"{\"on-bad-image\":\"skip\"}", "'skip' is not supported by this version (fail)"},
    {"{\"held-frames\":\"skip\"}", "'skip' is not supported by this version (encoded)"},
    {"{\"transition-duration\":1}",
     "setting 'transition-duration' is not supported by this version (fps, hold, size"},
    {"{\"audio\":\"a.mp3\"}", "setting 'audio' is not supported by this version"},
    {"{\"audio-fade\":1}", "setting 'audio-fade' is not supported by this version"},
    {"{\"audio-gain\":1}", "setting 'audio-gain' is not supported by this version"},
    {"{\"audio-loop\":1}", "setting 'audio-loop' is not supported by this version"},
    {"{\"deflicker\":\"off\"}", "setting 'deflicker' is not supported by this version"},
    {"{\"stamp\":\"name\"}", "setting 'stamp' is not supported by this version"},
    {"{\"watermark\":\"a.png\"}", "setting 'watermark' is not supported by this version"},
    {"{\"seed\":0}", "setting 'seed' is not supported by this version"},
    {"{\"max-cost\":1}", "setting 'max-cost' is not supported by this version"},
    {"{\"callback-url\":\"x\"}", "setting 'callback-url' is not supported by this version"},
    {"{\"reuse\":\"job\"}", "setting 'reuse' is not supported by this version"},
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
    static const char *const later[] = {
        "audio",     "audio-fade", "audio-gain",   "audio-loop", "deflicker", "stamp",
        "watermark", "max-cost",   "callback-url", "reuse",      "seed",      "transition-duration",
    };
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
