#include "base/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void hex(void **state) {
    (void)state;
    char text[9];
    hex_encode("\x00\x7F\x80\xFF", 4, text);
    assert_string_equal(text, "007f80ff");
    hex_encode("", 0, text);
    assert_string_equal(text, "");
    uint8_t data[4] = {0};
    assert_true(hex_decode(str_c("00Ff7f80"), data, 4));
    assert_memory_equal(data, "\x00\xFF\x7F\x80", 4);
    static const char *const bad[] = {"",           "0",        "00ff7f8",  "00ff7f8g", "00ff7f800",
                                      "00ff7f8011", "0x7f80ff", " 0ff7f80", "00ff 780"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        memset(data, 0xAA, sizeof data);
        assert_false(hex_decode(str_c(bad[i]), data, 4));
        assert_memory_equal(data, "\xAA\xAA\xAA\xAA", 4);
    }
}

static void base64(void **state) {
    (void)state;
    /* RFC 4648 section 10, and bytes whose digits differ between the two alphabets. */
    static const struct {
        const char *data, *text, *url;
    } cases[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xFB\xFF\xBF", "+/+/", "-_-_"},
        {"\xFF\xFF\xFF\xFF", "/////w==", "_____w"},
    };
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t size = strlen(cases[i].data);
        assert_string_equal(base64_encode(arena, cases[i].data, size), cases[i].text);
        assert_string_equal(base64url_encode(arena, cases[i].data, size), cases[i].url);
        uint8_t *data;
        size_t decoded_size;
        assert_true(base64_decode(arena, str_c(cases[i].text), &data, &decoded_size));
        assert_int_equal(decoded_size, size);
        assert_memory_equal(data, cases[i].data, size);
    }
    static const char *const bad[] = {
        "Z",     "Zg",       "Zg=",    "Zg===",   "====", "=",        "Zm8",
        "Zm9v=", "Zm9v====", "Z===",   "Zh==",    "Zm9=", "Zg==Zg==", "Z=g=",
        "-_-_",  "Zm 9",     "Zm9v\n", "Zm9\x80", "*m9v", "Zm9v ",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        uint8_t *data = NULL;
        size_t size = 42;
        if (base64_decode(arena, str_c(bad[i]), &data, &size))
            fail_msg("'%s' was taken", bad[i]);
        assert_null(data);
        assert_int_equal(size, 42);
    }
}

static void base64_of_every_length(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        uint8_t *data;
        size_t decoded_size;
        const char *text = base64_encode(arena, bytes, size);
        assert_int_equal(strlen(text), (size + 2) / 3 * 4);
        assert_true(base64_decode(arena, str_c(text), &data, &decoded_size));
        assert_int_equal(decoded_size, size);
        assert_memory_equal(data, bytes, size);
    }
}

static void percent(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    assert_string_equal(percent_encode(arena, str_c("AZaz09-._~"), false), "AZaz09-._~");
    assert_string_equal(percent_encode(arena, str_c("a/b c+\xC3\xA4%"), false),
                        "a%2Fb%20c%2B%C3%A4%25");
    assert_string_equal(percent_encode(arena, str_c("a/b"), true), "a/b");
    assert_string_equal(percent_encode(arena, (struct str){"\0\xFF", 2}, true), "%00%FF");
    assert_string_equal(percent_encode(arena, (struct str){NULL, 0}, true), "");
    assert_string_equal(form_encode_key(arena, str_c("a b+c/\xC3\xA4(1).jpg")),
                        "a+b%2Bc/%C3%A4%281%29.jpg");
    struct str text;
    assert_true(percent_decode(arena, str_c("a%2fb%2Fc+%00"), false, &text));
    assert_int_equal(text.len, 7);
    assert_memory_equal(text.ptr, "a/b/c+\0", 7);
    assert_true(percent_decode(arena, str_c("a+b%2B"), true, &text));
    assert_true(str_equal_c(text, "a b+"));
    assert_true(percent_decode(arena, (struct str){NULL, 0}, true, &text));
    assert_int_equal(text.len, 0);
    static const char *const bad[] = {"%", "a%", "%1", "%g0", "%0g", "%%41", "a%2", "% 1", "%-1"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(percent_decode(arena, str_c(bad[i]), false, &text));
}

static void percent_round_trip_of_all_bytes(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    char bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    struct str all = {bytes, sizeof bytes};
    struct str decoded;
    assert_true(percent_decode(arena, str_c(percent_encode(arena, all, false)), false, &decoded));
    assert_true(str_equal(decoded, all));
    assert_true(percent_decode(arena, str_c(form_encode_key(arena, all)), true, &decoded));
    assert_true(str_equal(decoded, all));
}

static void dates_both_ways(void **state) {
    (void)state;
    static const struct {
        int64_t unix_ms;
        const char *iso, *http, *basic;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT", "19700101T000000Z"},
        {1795437887000, "2026-11-23T12:44:47.000Z", "Mon, 23 Nov 2026 12:44:47 GMT",
         "20261123T124447Z"},
        {1369353600000, "2013-05-24T00:00:00.000Z", "Fri, 24 May 2013 00:00:00 GMT",
         "20130524T000000Z"},
        {951782399000, "2000-02-28T23:59:59.000Z", "Mon, 28 Feb 2000 23:59:59 GMT",
         "20000228T235959Z"},
        {951782400000, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 GMT",
         "20000229T000000Z"},
        {951868800000, "2000-03-01T00:00:00.000Z", "Wed, 01 Mar 2000 00:00:00 GMT",
         "20000301T000000Z"},
        {-1000, "1969-12-31T23:59:59.000Z", "Wed, 31 Dec 1969 23:59:59 GMT", "19691231T235959Z"},
        {-2203891200000, "1900-03-01T00:00:00.000Z", "Thu, 01 Mar 1900 00:00:00 GMT",
         "19000301T000000Z"},
        {253402300799000, "9999-12-31T23:59:59.000Z", "Fri, 31 Dec 9999 23:59:59 GMT",
         "99991231T235959Z"},
        {-62167219200000, "0000-01-01T00:00:00.000Z", "Sat, 01 Jan 0000 00:00:00 GMT",
         "00000101T000000Z"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[DATE_SIZE];
        int64_t parsed;
        date_format_iso(cases[i].unix_ms, text);
        assert_string_equal(text, cases[i].iso);
        assert_true(date_parse_iso(str_c(text), &parsed));
        assert_true(parsed == cases[i].unix_ms);
        date_format_http(cases[i].unix_ms, text);
        assert_string_equal(text, cases[i].http);
        assert_true(date_parse_http(str_c(text), &parsed));
        assert_true(parsed == cases[i].unix_ms);
        date_format_basic(cases[i].unix_ms, text);
        assert_string_equal(text, cases[i].basic);
        assert_true(date_parse_basic(str_c(text), &parsed));
        assert_true(parsed == cases[i].unix_ms);
    }
}

static void dates_day_by_day(void **state) {
    (void)state;
    for (int64_t day = -800000; day < 2900000; day += 13) {
        int64_t unix_ms = day * 86400000 + 45296789;
        if (unix_ms < -62167219200000 || unix_ms > 253402300799000)
            continue;
        char text[DATE_SIZE];
        date_format_iso(unix_ms, text);
        int64_t parsed;
        assert_true(date_parse_iso(str_c(text), &parsed));
        assert_true(parsed == unix_ms);
    }
    char text[DATE_SIZE];
    date_format_iso(INT64_MAX, text);
    date_format_http(INT64_MIN, text);
    date_format_basic(INT64_MIN, text);
    assert_true(strlen(text) < DATE_SIZE);
}

static void fractions_of_seconds(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t unix_ms;
    } cases[] = {
        {"1970-01-01T00:00:01Z", 1000},           {"1970-01-01T00:00:01.5Z", 1500},
        {"1970-01-01T00:00:01.007Z", 1007},       {"1970-01-01T00:00:01.123456Z", 1123},
        {"1970-01-01T00:00:01.999999999Z", 1999},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t parsed;
        assert_true(date_parse_iso(str_c(cases[i].text), &parsed));
        assert_true(parsed == cases[i].unix_ms);
    }
}

static void bad_dates(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-23",
        "2026-11-23T12:44:47",
        "2026-11-23 12:44:47Z",
        "2026-11-23T12:44:47+00:00",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1234567890Z",
        "2026-01-01T00:00:00Zx",
        "-026-01-01T00:00:00Z",
        "12026-01-01T00:00:00Z",
        "20261123T124447",
        "20261123T124447ZZ",
        "20261123 124447Z",
        "20261323T124447Z",
        "20261123T1244Z",
        "2026112T124447Z",
        "20260230T124447Z",
        "Mon, 23 Nov 2026 12:44:47 CET",
        "Mon, 3 Nov 2026 12:44:47 GMT",
        "23 Nov 2026 12:44:47 GMT",
        "Monday, 23-Nov-26 12:44:47 GMT",
        "Mon Nov 23 12:44:47 2026",
        "Mon, 23 nov 2026 12:44:47 GMT",
        "Mon, 31 Nov 2026 12:44:47 GMT",
        "Mon, 23 Nov 2026 12:44:47 GMT ",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int64_t parsed = 42;
        if (date_parse_iso(str_c(bad[i]), &parsed) || date_parse_http(str_c(bad[i]), &parsed) ||
            date_parse_basic(str_c(bad[i]), &parsed))
            fail_msg("'%s' was taken", bad[i]);
        assert_true(parsed == 42);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex),
        cmocka_unit_test(base64),
        cmocka_unit_test(base64_of_every_length),
        cmocka_unit_test(percent),
        cmocka_unit_test(percent_round_trip_of_all_bytes),
        cmocka_unit_test(dates_both_ways),
        cmocka_unit_test(dates_day_by_day),
        cmocka_unit_test(fractions_of_seconds),
        cmocka_unit_test(bad_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
