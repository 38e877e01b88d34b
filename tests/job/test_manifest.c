/*
 * Manifests: what is taken, what is refused and in which words, and the order of the images.
 */
#include "job/manifest.h"
#include "made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void good_manifests_are_taken(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t images;
    } cases[] = {
        {"{\"version\":1,\"images\":[{\"name\":\"a.jpg\"}]}", 1},
        {"{\"version\":1,\"images\":[{\"name\":\"a.jpg\"},{\"name\":\"b.jpg\"}],\"settings\":{}}",
         2},
        {"{\"version\":1,\"images\":[{\"name\":\"a b'c\\\"d.jpg\",\"size\":1,\"type\":\"image/"
         "jpeg\",\"hold\":1.5}]}",
         1},
        {"{\"version\":1,\"images\":[{\"name\":\"\xF0\x9F\x98\x80.jpg\",\"hold\":\"frame\"}]}", 1},
        {"{\"version\":1,\"images\":[{\"name\":\"...\",\"size\":1073741824}]}", 1},
        {"{\"version\":1,\"images\":[{\"name\":\"..a\",\"type\":null}]}", 1},
        {"{\"version\":1}", 0},
        {"{\"version\":1,\"settings\":{\"fps\":25}}", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct manifest manifest, again;
        struct error err = {0};
        if (!manifest_parse(arena, str_c(cases[i].text), &manifest, &err))
            fail_msg("%s: %s", cases[i].text, err.text);
        assert_int_equal(manifest.image_count, cases[i].images);
        assert_int_equal(manifest.lists_images, cases[i].images > 0);
        char *text = manifest_to_text(arena, &manifest);
        assert_true(manifest_parse(arena, str_c(text), &again, &err));
        assert_string_equal(manifest_to_text(arena, &again), text);
    }
}

static void members_are_read(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest;
    struct error err = {0};
    assert_true(manifest_parse(
        arena,
        str_c("{\"version\":1,\"images\":[{\"name\":\"a\",\"size\":7,\"type\":\"image/png\","
              "\"hold\":\"2.5\"},{\"name\":\"b\"},{\"name\":\"c\",\"hold\":\"frame\"}],"
              "\"settings\":{\"hold\":3}}"),
        &manifest, &err));
    const struct manifest_image *images = manifest.images;
    assert_string_equal(images[0].name, "a");
    assert_string_equal(images[0].type, "image/png");
    assert_int_equal(images[0].size, 7);
    assert_true(images[0].has_hold);
    assert_int_equal(images[0].hold.num, 5);
    assert_int_equal(images[0].hold.den, 2);
    assert_int_equal(images[1].size, -1);
    assert_null(images[1].type);
    assert_false(images[1].has_hold);
    assert_true(images[2].has_hold);
    assert_int_equal(images[2].hold.num, 0);
    assert_string_equal(
        manifest_to_text(arena, &manifest),
        "{\"version\":1,\"images\":[{\"name\":\"a\",\"size\":7,\"type\":\"image/"
        "png\",\"hold\":\"5/2\"},{\"name\":\"b\"},{\"name\":\"c\",\"hold\":\"frame\"}],"
        "\"settings\":{\"audio\":\"none\",\"audio-fade\":\"0\",\"audio-gain\":\"0\","
        "\"audio-loop\":false,\"background\":\"#000000\",\"callback-url\":\"none\",\"codec\":"
        "\"h264\",\"deflicker\":\"off\","
        "\"fit\":\"contain\",\"format\":\"mp4\",\"fps\":\"30\",\"held-frames\":\"skip\","
        "\"hold\":\"3\",\"motion\":\"none\",\"on-bad-image\":\"fail\",\"order\":\"given\","
        "\"poster\":0,\"quality\":75,\"reuse\":\"none\",\"seed\":0,\"size\":\"auto\",\"speed\":"
        "\"balanced\","
        "\"stamp\":\"none\",\"transition\":\"none\",\"transition-duration\":\"1\","
        "\"watermark\":\"none\"}}");
}

static void pictures_have_their_own_say(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const char *text =
        "{\"version\":1,\"images\":[{\"name\":\"a\",\"motion\":\"zoom-in\",\"rotate\":270,"
        "\"caption\":\"Gr\xC3\xBC\xC3\x9F\x65\"},{\"name\":\"b\",\"motion\":\"none\","
        "\"rotate\":0}],\"assets\":[{\"name\":\"song.mp3\",\"size\":5,\"type\":"
        "\"audio/mpeg\"},{\"name\":\"logo.png\"}],\"settings\":{\"audio\":"
        "\"song.mp3\",\"watermark\":\"logo.png@top\",\"order\":\"captured\"}}";
    struct manifest manifest, again;
    struct error err = {0};
    assert_true(manifest_parse(arena, str_c(text), &manifest, &err));
    for (int i = 0; i < 2; i++) {
        const struct manifest_image *images = manifest.images;
        assert_true(images[0].has_motion);
        assert_int_equal(images[0].motion, MOTION_ZOOM_IN);
        assert_int_equal(images[0].rotate, 270);
        assert_string_equal(images[0].caption, "Gr\xC3\xBC\xC3\x9F\x65");
        assert_true(images[1].has_motion);
        assert_int_equal(images[1].motion, MOTION_NONE);
        assert_int_equal(images[1].rotate, 0);
        assert_null(images[1].caption);
        assert_int_equal(manifest.asset_count, 2);
        assert_string_equal(manifest.assets[0].name, "song.mp3");
        assert_string_equal(manifest.assets[0].type, "audio/mpeg");
        assert_int_equal(manifest.assets[0].size, 5);
        assert_string_equal(manifest.assets[1].name, "logo.png");
        assert_int_equal(manifest.assets[1].size, -1);
        assert_string_equal(manifest.settings.audio, "song.mp3");
        assert_string_equal(manifest.settings.watermark, "logo.png");
        const char *normal = manifest_to_text(arena, &manifest);
        assert_true(manifest_parse(arena, str_c(normal), &again, &err));
        assert_string_equal(manifest_to_text(arena, &again), normal);
        manifest = again;
    }
}

#define CAPTION "{\"version\":1,\"images\":[{\"name\":\"a\",\"caption\":\"%s\"}]}"

static void captions_and_assets_have_limits(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    char caption[1002];
    struct manifest manifest;
    struct error err = {0};
    memset(caption, 'c', sizeof caption - 1);
    caption[1001] = '\0';
    assert_false(
        manifest_parse(arena, str_c(arena_printf(arena, CAPTION, caption)), &manifest, &err));
    assert_string_equal(err.text, "image 1 'a': 'caption' has more than 1000 bytes");
    assert_true(
        manifest_parse(arena, str_c(arena_printf(arena, CAPTION, caption + 1)), &manifest, &err));
    for (int count = 16; count <= 17; count++) {
        const char *text = "{\"version\":1,\"assets\":[{\"name\":\"0\"}";
        for (int i = 1; i < count; i++)
            text = arena_printf(arena, "%s,{\"name\":\"%d\"}", text, i);
        text = arena_printf(arena, "%s]}", text);
        assert_int_equal(manifest_parse(arena, str_c(text), &manifest, &err), count == 16);
    }
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_string_equal(err.text, "17 assets are over the limit of 16");
}

#define ASSET(rest) "{\"version\":1,\"assets\":[{\"name\":\"a.mp3\"," rest "}]}"
#define IMAGE(rest) "{\"version\":1,\"images\":[{\"name\":\"a.jpg\"," rest "}]}"
#define NAMED(name) "{\"version\":1,\"images\":[{\"name\":" name "}]}"

static void bad_manifests_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum error_kind kind;
        const char *message;
    } cases[] = {
        {"", ERROR_INVALID, "the manifest is empty"},
        {"hello", ERROR_INVALID, "the manifest is not JSON: line 1"},
        {"[]", ERROR_INVALID, "the manifest must be an object, not an array"},
        {"null", ERROR_INVALID, "the manifest is not JSON"},
        {"{}", ERROR_INVALID, "'version' is missing; it must be 1"},
        {"{\"version\":2}", ERROR_INVALID, "'version' must be 1"},
        {"{\"version\":\"1\"}", ERROR_INVALID, "'version' must be 1"},
        {"{\"version\":1.0}", ERROR_INVALID, "'version' must be 1"},
        {"{\"version\":1,\"version\":1}", ERROR_INVALID, "duplicate"},
        {"{\"version\":1,\"image\":[]}", ERROR_INVALID, "member 'image' is not known"},
        {"{\"version\":1,\"assets\":{}}", ERROR_INVALID,
         "'assets' must be an array, not an object"},
        {"{\"version\":1,\"assets\":[7]}", ERROR_INVALID,
         "asset 1 must be an object, not a number"},
        {"{\"version\":1,\"assets\":[{}]}", ERROR_INVALID, "asset 1: 'name' is missing"},
        {"{\"version\":1,\"assets\":[{\"name\":\"a/b\"}]}", ERROR_INVALID,
         "asset 1 'a/b': the name has a '/'"},
        {"{\"version\":1,\"assets\":[{\"name\":\"a\"},{\"name\":\"a\"}]}", ERROR_INVALID,
         "asset 2 'a' has the name of asset 1; names must differ"},
        {ASSET("\"size\":0"), ERROR_INVALID, "asset 1 'a.mp3' is empty"},
        {ASSET("\"size\":536870913"), ERROR_LIMIT,
         "asset 1 'a.mp3' has 536870913 bytes, over the limit of 536870912"},
        {ASSET("\"type\":\"mp3\""), ERROR_INVALID, "asset 1 'a.mp3': 'type' is not a media type"},
        {ASSET("\"hold\":1"), ERROR_INVALID, "asset 1 'a.mp3': member 'hold' is not known"},
        {"{\"version\":1,\"images\":[]}", ERROR_INVALID, "there are no images"},
        {"{\"version\":1,\"images\":null}", ERROR_INVALID, "'images' must be an array, not null"},
        {"{\"version\":1,\"images\":{}}", ERROR_INVALID,
         "'images' must be an array, not an object"},
        {"{\"version\":1,\"images\":[\"a.jpg\"]}", ERROR_INVALID,
         "image 1 must be an object, not a text"},
        {"{\"version\":1,\"images\":[{\"name\":\"a\"},{}]}", ERROR_INVALID,
         "image 2: 'name' is missing"},
        {"{\"version\":1,\"settings\":null}", ERROR_INVALID, "'settings' must be an object"},
        {"{\"version\":1,\"settings\":[]}", ERROR_INVALID, "'settings' must be an object"},
        {"{\"version\":1,\"settings\":{\"fsp\":1}}", ERROR_INVALID, "did you mean 'fps'?"},
        {"{\"version\":1,\"settings\":{\"fps\":1,\"fps\":2}}", ERROR_INVALID, "duplicate"},
        {NAMED("7"), ERROR_INVALID, "image 1: 'name' must be a text, not a number"},
        {NAMED("null"), ERROR_INVALID, "image 1: 'name' must be a text, not null"},
        {NAMED("\"\""), ERROR_INVALID, "image 1 '': the name is empty"},
        {NAMED("\"a/b\""), ERROR_INVALID, "image 1 'a/b': the name has a '/'"},
        {NAMED("\".\""), ERROR_INVALID, "image 1 '.': the name must not be '.'"},
        {NAMED("\"..\""), ERROR_INVALID, "image 1 '..': the name must not be '..'"},
        {NAMED("\"a\\nb\""), ERROR_INVALID, "image 1 'a?b': the name has a control character"},
        {NAMED("\"a\\u007f\""), ERROR_INVALID, "the name has a control character"},
        {NAMED("\"a\\u0000\""), ERROR_INVALID, "not JSON"},
        {NAMED("\"\xC3\""), ERROR_INVALID, "not JSON"},
        {IMAGE("\"size\":0"), ERROR_INVALID, "image 1 'a.jpg' is empty"},
        {IMAGE("\"size\":-1"), ERROR_INVALID, "image 1 'a.jpg': 'size' must be from 0 to"},
        {IMAGE("\"size\":1.5"), ERROR_INVALID, "'size' must be a whole number, not a fraction"},
        {IMAGE("\"size\":\"1\""), ERROR_INVALID, "'size' must be a whole number, not a text"},
        {IMAGE("\"size\":null"), ERROR_INVALID, "'size' must be a whole number, not null"},
        {IMAGE("\"size\":1073741825"), ERROR_LIMIT,
         "image 1 'a.jpg' has 1073741825 bytes, over the limit of 1073741824"},
        {IMAGE("\"type\":5"), ERROR_INVALID, "image 1 'a.jpg': 'type' must be a text"},
        {IMAGE("\"type\":\"jpeg\""), ERROR_INVALID, "'type' is not a media type"},
        {IMAGE("\"type\":\"image/\""), ERROR_INVALID, "'type' is not a media type"},
        {IMAGE("\"type\":\"/jpeg\""), ERROR_INVALID, "'type' is not a media type"},
        {IMAGE("\"type\":\"image/jp g\""), ERROR_INVALID, "'type' is not a media type"},
        {IMAGE("\"hold\":0"), ERROR_INVALID,
         "image 1 'a.jpg': 'hold': '0' must be over 0 and at most 86400 seconds"},
        {IMAGE("\"hold\":-1"), ERROR_INVALID, "'hold': '-1' must be over 0"},
        {IMAGE("\"hold\":[]"), ERROR_INVALID, "'hold': must be a number or a text, not an array"},
        {IMAGE("\"hold\":null"), ERROR_INVALID, "'hold': must be a number or a text, not null"},
        {IMAGE("\"hold\":\"music\""), ERROR_INVALID, "'hold': 'music' must be over 0"},
        {IMAGE("\"motion\":\"fast\""), ERROR_INVALID,
         "image 1 'a.jpg': 'motion': 'fast' is not known (none, kenburns"},
        {IMAGE("\"motion\":null"), ERROR_INVALID, "'motion': must be a text, not null"},
        {IMAGE("\"rotate\":45"), ERROR_INVALID,
         "image 1 'a.jpg': 'rotate' must be 0, 90, 180 or 270"},
        {IMAGE("\"rotate\":360"), ERROR_INVALID, "'rotate' must be 0, 90, 180 or 270"},
        {IMAGE("\"rotate\":-90"), ERROR_INVALID, "'rotate' must be from 0 to"},
        {IMAGE("\"rotate\":\"90\""), ERROR_INVALID, "'rotate' must be a whole number, not a text"},
        {IMAGE("\"caption\":\"\""), ERROR_INVALID, "'caption' is empty; leave it out"},
        {IMAGE("\"caption\":\"a\\nb\""), ERROR_INVALID,
         "image 1 'a.jpg': 'caption' has a control character"},
        {IMAGE("\"caption\":7"), ERROR_INVALID, "'caption' must be a text, not a number"},
        {IMAGE("\"from\":\"x\""), ERROR_INVALID, "'from' is not supported by this version"},
        {IMAGE("\"nmae\":\"x\""), ERROR_INVALID, "image 1 'a.jpg': member 'nmae' is not known"},
        {IMAGE("\"name\":\"x\""), ERROR_INVALID, "duplicate"},
        {"{\"version\":1,\"images\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"a\"}]}",
         ERROR_INVALID, "image 3 'a' has the name of image 1; names must differ"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct manifest manifest = {.image_count = 7};
        struct error err = {0};
        if (manifest_parse(arena, str_c(cases[i].text), &manifest, &err))
            fail_msg("%s was taken", cases[i].text);
        if (err.kind != cases[i].kind || !strstr(err.text, cases[i].message))
            fail_msg("%s: '%s'", cases[i].text, err.text);
        assert_int_equal(manifest.image_count, 7);
    }
}

static void names_have_a_limit(void **state) {
    (void)state;
    char name[300];
    struct error err = {0};
    memset(name, 'n', sizeof name);
    assert_true(manifest_check_name((struct str){name, 255}, &err));
    assert_false(manifest_check_name((struct str){name, 256}, &err));
    assert_string_equal(err.text, "the name has 256 bytes, over the limit of 255");
    assert_false(manifest_check_name((struct str){"a\0b", 3}, &err));
    assert_false(manifest_check_name(str_c("\xED\xA0\x80"), &err));
}

static void job_ids_are_checked(void **state) {
    (void)state;
    static const char *const good[] = {"a", "A-Z_09", "-", "0"};
    static const char *const bad[] = {"", "a.b", "a/b", "a b", "\xC3\xA4", "..", "a\n"};
    char longest[66];
    memset(longest, 'j', sizeof longest);
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(job_id_valid(str_c(good[i])));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(job_id_valid(str_c(bad[i])));
    assert_true(job_id_valid((struct str){longest, 64}));
    assert_false(job_id_valid((struct str){longest, 65}));
}

/* Images `0.jpg`, `1.jpg`, …; the last one is called `<same>.jpg` where that is not 0. */
static char *manifest_of(struct arena *arena, size_t count, size_t same) {
    size_t size = count * 40 + 100, used = 0;
    char *text = arena_alloc(arena, size);
    used += (size_t)snprintf(text, size, "{\"version\":1,\"images\":[");
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, size - used, "%s{\"name\":\"%zu.jpg\"}",
                                 i > 0 ? "," : "", same > 0 && i == count - 1 ? same : i);
    snprintf(text + used, size - used, "]}");
    return text;
}

static void the_number_of_images_has_a_limit(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest;
    struct error err = {0};
    assert_true(manifest_parse(arena, str_c(manifest_of(arena, 20000, 0)), &manifest, &err));
    assert_int_equal(manifest.image_count, 20000);
    assert_false(manifest_parse(arena, str_c(manifest_of(arena, 20001, 0)), &manifest, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_string_equal(err.text, "20001 images are over the limit of 20000");
    assert_false(manifest_parse(arena, str_c(manifest_of(arena, 20000, 777)), &manifest, &err));
    assert_string_equal(err.text,
                        "image 20000 '777.jpg' has the name of image 778; names must differ");
    /* Far more values than any manifest has are not even parsed. */
    char *flood = arena_alloc(arena, 2000001);
    memset(flood, '[', 2000000);
    assert_false(manifest_parse(arena, str_c(flood), &manifest, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    char *large = arena_alloc(arena, MANIFEST_MAX_BYTES + 2);
    memset(large, ' ', MANIFEST_MAX_BYTES + 1);
    assert_false(manifest_parse(arena, str_c(large), &manifest, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
}

/* ---- order ---- */

#define MOST_NAMES 8

struct ordering {
    const char *given[MOST_NAMES];
    const char *sorted[MOST_NAMES];
};

static const struct ordering orderings[] = {
    {{"b", "a", "c"}, {"a", "b", "c"}},
    {{"10.jpg", "9.jpg", "1.jpg"}, {"1.jpg", "9.jpg", "10.jpg"}},
    {{"img10", "img2", "img02", "img1"}, {"img1", "img2", "img02", "img10"}},
    {{"B", "a", "A", "b"}, {"A", "B", "a", "b"}},
    /* Places of the command line are left out when all have one … */
    {{"000001-b", "000002-a", "000003-c"}, {"000002-a", "000001-b", "000003-c"}},
    {{"000001-10", "000002-9"}, {"000002-9", "000001-10"}},
    /* … and equal names then keep their order. */
    {{"000003-a", "000001-a", "000002-a"}, {"000003-a", "000001-a", "000002-a"}},
    /* One without a place: all count as they are. */
    {{"000002-a", "000001-b", "c"}, {"000001-b", "000002-a", "c"}},
    {{"000002-a", "000001-b", "000000-"}, {"000000-", "000001-b", "000002-a"}},
    {{"0000002-a", "0000001-b"}, {"0000001-b", "0000002-a"}},
    {{"00002-a", "00001-b"}, {"00001-b", "00002-a"}},
};

static struct manifest_image *images_of(struct arena *arena, const char *const *names,
                                        size_t *ret_count) {
    size_t count = 0;
    struct manifest_image *images = arena_array(arena, MOST_NAMES, sizeof *images);
    for (; count < MOST_NAMES && names[count]; count++)
        images[count] = (struct manifest_image){.name = names[count], .size = 5};
    *ret_count = count;
    return images;
}

static void check_order(const struct manifest *manifest, const char *const *names) {
    for (size_t i = 0; i < manifest->image_count; i++)
        assert_string_equal(manifest->images[i].name, names[i]);
}

static void order_by_name_is_natural(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(orderings); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct manifest manifest = {.lists_images = true}, given, sorted, again;
        struct error err = {0};
        settings_default(&manifest.settings);
        manifest.images = images_of(arena, orderings[i].given, &manifest.image_count);
        const char *text = manifest_to_text(arena, &manifest);
        assert_true(manifest_parse(arena, str_c(text), &given, &err));
        check_order(&given, orderings[i].given);
        manifest.settings.order = ORDER_NAME;
        text = manifest_to_text(arena, &manifest);
        assert_true(manifest_parse(arena, str_c(text), &sorted, &err));
        check_order(&sorted, orderings[i].sorted);
        text = manifest_to_text(arena, &sorted);
        assert_true(manifest_parse(arena, str_c(text), &again, &err));
        check_order(&again, orderings[i].sorted);
    }
}

static void found_images_are_taken_in_natural_order(void **state) {
    (void)state;
    static const char *const found[MOST_NAMES] = {"000002-a", "000001-b", "000010-c", NULL};
    static const char *const by_place[] = {"000001-b", "000002-a", "000010-c"};
    static const char *const by_name[] = {"000002-a", "000001-b", "000010-c"};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest;
    struct error err = {0};
    size_t count;
    struct manifest_image *images = images_of(arena, found, &count);
    assert_true(manifest_parse(arena, str_c("{\"version\":1}"), &manifest, &err));
    assert_false(manifest.lists_images);
    assert_true(manifest_set_images(arena, &manifest, images, count, &err));
    assert_true(manifest.lists_images);
    assert_int_equal(manifest.image_count, 3);
    check_order(&manifest, by_place);
    assert_true(manifest_parse(arena, str_c("{\"version\":1,\"settings\":{\"order\":\"name\"}}"),
                               &manifest, &err));
    assert_true(manifest_set_images(arena, &manifest, images, count, &err));
    check_order(&manifest, by_name);
}

static void bad_found_images_are_refused(void **state) {
    (void)state;
    static const struct {
        struct manifest_image images[2];
        size_t count;
        enum error_kind kind;
        const char *message;
    } cases[] = {
        {{{0}}, 0, ERROR_INVALID, "there are no images"},
        {{{.name = "a", .size = 1}, {.name = "x.jpg", .size = 0}},
         2,
         ERROR_INVALID,
         "image 2 'x.jpg' is empty"},
        {{{.name = "a", .size = INT64_C(1) << 40}}, 1, ERROR_LIMIT, "over the limit"},
        {{{.name = "a", .size = 1}, {.name = "a", .size = 1}},
         2,
         ERROR_INVALID,
         "names must differ"},
        {{{.name = "..", .size = 1}}, 1, ERROR_INVALID, "must not be '..'"},
        {{{.name = "a/b", .size = 1}}, 1, ERROR_INVALID, "has a '/'"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct manifest manifest = {0};
        struct error err = {0};
        settings_default(&manifest.settings);
        assert_false(manifest_set_images(arena, &manifest, cases[i].images, cases[i].count, &err));
        assert_int_equal(err.kind, cases[i].kind);
        if (!strstr(err.text, cases[i].message))
            fail_msg("'%s' has not '%s'", err.text, cases[i].message);
        assert_false(manifest.lists_images);
    }
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest = {0}, many = made_manifest(arena, MANIFEST_MAX_IMAGES + 1);
    struct error err = {0};
    settings_default(&manifest.settings);
    assert_false(manifest_set_images(arena, &manifest, many.images, many.image_count, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
}

static void random_manifests_come_back(void **state) {
    (void)state;
    uint64_t seed = 7;
    for (size_t i = 0; i < 50; i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct manifest manifest = made_random_manifest(arena, &seed), again;
        struct error err = {0};
        char *text = manifest_to_text(arena, &manifest);
        assert_true(manifest_parse(arena, str_c(text), &again, &err));
        assert_string_equal(manifest_to_text(arena, &again), text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_manifests_are_taken),
        cmocka_unit_test(members_are_read),
        cmocka_unit_test(pictures_have_their_own_say),
        cmocka_unit_test(captions_and_assets_have_limits),
        cmocka_unit_test(bad_manifests_are_refused),
        cmocka_unit_test(names_have_a_limit),
        cmocka_unit_test(job_ids_are_checked),
        cmocka_unit_test(the_number_of_images_has_a_limit),
        cmocka_unit_test(order_by_name_is_natural),
        cmocka_unit_test(found_images_are_taken_in_natural_order),
        cmocka_unit_test(bad_found_images_are_refused),
        cmocka_unit_test(random_manifests_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
