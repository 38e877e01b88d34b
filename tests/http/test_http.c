#include "http/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(arena);
    return 0;
}

static void headers_keep_order_and_ignore_case(void **state) {
    (void)state;
    struct http_headers headers = {0};
    assert_null(http_headers_get(&headers, "a"));
    for (int i = 0; i < 100; i++)
        http_headers_add(arena, &headers, arena_printf(arena, "Name-%d", i % 50),
                         arena_printf(arena, "%d", i));
    assert_int_equal(headers.count, 100);
    assert_string_equal(http_headers_get(&headers, "name-7"), "7");
    assert_string_equal(headers.items[99].value, "99");
    assert_null(http_headers_get(&headers, "name-50"));
    assert_null(http_headers_get(&headers, ""));
}

static void headers_are_copied(void **state) {
    (void)state;
    struct http_headers headers = {0};
    char name[] = "a", value[] = "b";
    http_headers_add(arena, &headers, name, value);
    name[0] = value[0] = 'x';
    assert_string_equal(http_headers_get(&headers, "a"), "b");
}

static void queries(void **state) {
    (void)state;
    static const struct {
        const char *raw;
        size_t count;
        struct {
            const char *name, *value;
            bool has_value;
        } items[3];
    } cases[] = {
        {"", 0, {{0}}},
        {"&&", 0, {{0}}},
        {"uploads", 1, {{"uploads", "", false}}},
        {"uploads=", 1, {{"uploads", "", true}}},
        {"a=1&b=2", 2, {{"a", "1", true}, {"b", "2", true}}},
        {"&a=1&&b&", 2, {{"a", "1", true}, {"b", "", false}}},
        {"a=b=c", 1, {{"a", "b=c", true}}},
        {"=x", 1, {{"", "x", true}}},
        {"a+b=c+d%20e", 1, {{"a+b", "c+d e", true}}},
        {"%61%3D=%26%2f", 1, {{"a=", "&/", true}}},
        {"a=1&a=2", 2, {{"a", "1", true}, {"a", "2", true}}},
        {"\xC3\xA4=\xFF", 1, {{"\xC3\xA4", "\xFF", true}}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_query query;
        struct error err;
        assert_true(http_query_parse(arena, str_c(cases[i].raw), &query, &err));
        assert_int_equal(query.count, cases[i].count);
        for (size_t j = 0; j < query.count; j++) {
            assert_true(str_equal_c(query.items[j].name, cases[i].items[j].name));
            assert_true(str_equal_c(query.items[j].value, cases[i].items[j].value));
            assert_int_equal(query.items[j].has_value, cases[i].items[j].has_value);
        }
    }
    struct http_query query;
    struct error err;
    assert_true(http_query_parse(arena, str_c("a=1&a=2&b=%00x"), &query, &err));
    assert_true(str_equal_c(http_query_get(&query, "a")->value, "1"));
    assert_int_equal(http_query_get(&query, "b")->value.len, 2);
    assert_null(http_query_get(&query, "c"));
    assert_true(http_query_parse(arena, (struct str){NULL, 0}, &query, &err));
}

static void bad_queries(void **state) {
    (void)state;
    static const char *const bad[] = {"%", "a=%", "a=%1", "%zz=1", "a=1&b=%4", "a=%%41", "a%=1"};
    struct http_query query = {NULL, 42};
    struct error err;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(http_query_parse(arena, str_c(bad[i]), &query, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_int_equal(query.count, 42);
    }
    char many[4 * (HTTP_MAX_PARAMETERS + 1) + 1];
    for (size_t i = 0; i <= HTTP_MAX_PARAMETERS; i++)
        memcpy(many + 4 * i, "a=1&", 4);
    assert_false(
        http_query_parse(arena, (struct str){many, 4 * (HTTP_MAX_PARAMETERS + 1)}, &query, &err));
    assert_true(http_query_parse(arena, (struct str){many, 4 * HTTP_MAX_PARAMETERS}, &query, &err));
    assert_int_equal(query.count, HTTP_MAX_PARAMETERS);
}

static void urls(void **state) {
    (void)state;
    static const struct {
        const char *text, *scheme, *host;
        unsigned port;
        const char *path, *query, *host_header;
    } cases[] = {
        {"http://127.0.0.1:9000/b/k?x=1", "http", "127.0.0.1", 9000, "/b/k", "x=1",
         "127.0.0.1:9000"},
        {"https://s3.example", "https", "s3.example", 443, "/", "", "s3.example"},
        {"http://a:80/", "http", "a", 80, "/", "", "a"},
        {"https://a:80/", "https", "a", 80, "/", "", "a:80"},
        {"HTTP://A/%2F//..", "http", "A", 80, "/%2F//..", "", "A"},
        {"http://a?q", "http", "a", 80, "/", "q", "a"},
        {"http://a/?", "http", "a", 80, "/", "", "a"},
        {"http://a/?a?b=/@:", "http", "a", 80, "/", "a?b=/@:", "a"},
        {"http://a:/", "http", "a", 80, "/", "", "a"},
        {"http://[::1]:8080/x", "http", "::1", 8080, "/x", "", "[::1]:8080"},
        {"https://[2001:db8::1.2.3.4]", "https", "2001:db8::1.2.3.4", 443, "/", "",
         "[2001:db8::1.2.3.4]"},
        {"http://a/@b:c", "http", "a", 80, "/@b:c", "", "a"},
        {"http://my_host-1.lan:65535/", "http", "my_host-1.lan", 65535, "/", "",
         "my_host-1.lan:65535"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_url url;
        struct error err;
        if (!http_url_parse(arena, cases[i].text, &url, &err))
            fail_msg("%s", err.text);
        assert_string_equal(url.scheme, cases[i].scheme);
        assert_string_equal(url.host, cases[i].host);
        assert_int_equal(url.port, cases[i].port);
        assert_string_equal(url.path, cases[i].path);
        assert_string_equal(url.query, cases[i].query);
        assert_string_equal(http_url_host(arena, &url), cases[i].host_header);
    }
}

static void bad_urls(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "/",
        "a",
        "http",
        "http:",
        "http:/",
        "http://",
        "http:///path",
        "http://?q",
        "http://:80/",
        "ftp://a/",
        "file:///etc/passwd",
        "httpx://a/",
        " http://a/",
        "http://a/ b",
        "http://a/\n",
        "http://a/\r\nHost: b",
        "http://a/\t",
        "http://a/\x7F",
        "http://\xC3\xA4/",
        "http://a/\xC3\xA4",
        "http://a/#fragment",
        "http://a#",
        "http://user@a/",
        "http://user:password@a/",
        "http://a:0/",
        "http://a:65536/",
        "http://a:-1/",
        "http://a:80x/",
        "http://a:8 0/",
        "http://a:1:2/",
        "http://[::1/",
        "http://[::1",
        "http://[",
        "http://[]/",
        "http://[a]/",
        "http://[127.0.0.1]/",
        "http://[::1]x/",
        "http://[::1]:x/",
        "http://[fe80::1%25eth0]/",
        "http://::1/",
        "http://a,b/",
        "http://a%2eb/",
        "http://a\\b/",
    };
    struct error err;
    struct http_url url = {.port = 42};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (http_url_parse(arena, bad[i], &url, &err))
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_int_equal(url.port, 42);
        assert_null(strstr(err.text, "password@"));
    }
    char *longest = arena_alloc(arena, HTTP_MAX_URL_LENGTH + 2);
    memset(longest, 'a', HTTP_MAX_URL_LENGTH + 1);
    memcpy(longest, "http://a/", 9);
    assert_false(http_url_parse(arena, longest, &url, &err));
    longest[HTTP_MAX_URL_LENGTH] = '\0';
    assert_true(http_url_parse(arena, longest, &url, &err));
    char *host = arena_alloc(arena, 300);
    memset(host, 'a', 270);
    memcpy(host, "http://", 7);
    assert_false(http_url_parse(arena, host, &url, &err));
}

static void status_texts(void **state) {
    (void)state;
    assert_string_equal(http_status_text(200), "OK");
    assert_string_equal(http_status_text(416), "Range Not Satisfiable");
    assert_string_equal(http_status_text(0), "");
    assert_string_equal(http_status_text(299), "");
}

static void ranges(void **state) {
    (void)state;
    static const uint64_t huge = UINT64_MAX;
    static const struct {
        const char *header;
        uint64_t total;
        enum http_range_result result;
        uint64_t first, length;
    } cases[] = {
        {"bytes=0-0", 10, HTTP_RANGE_OK, 0, 1},
        {"bytes=0-9", 10, HTTP_RANGE_OK, 0, 10},
        {"bytes=2-5", 10, HTTP_RANGE_OK, 2, 4},
        {"bytes=9-", 10, HTTP_RANGE_OK, 9, 1},
        {"bytes=0-", 10, HTTP_RANGE_OK, 0, 10},
        {"bytes=0-99", 10, HTTP_RANGE_OK, 0, 10},
        {"bytes=5-99999999999999999999999", 10, HTTP_RANGE_OK, 5, 5},
        {"bytes=-1", 10, HTTP_RANGE_OK, 9, 1},
        {"bytes=-10", 10, HTTP_RANGE_OK, 0, 10},
        {"bytes=-11", 10, HTTP_RANGE_OK, 0, 10},
        {"bytes=-99999999999999999999999", 10, HTTP_RANGE_OK, 0, 10},
        {"BYTES=0-1", 10, HTTP_RANGE_OK, 0, 2},
        {"bytes= 0-1 ", 10, HTTP_RANGE_OK, 0, 2},
        {"bytes=18446744073709551613-", UINT64_MAX, HTTP_RANGE_OK, UINT64_MAX - 2, 2},
        {"bytes=10-", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=10-20", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=99999999999999999999999-", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-0", 10, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-0", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-1", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0},
        {NULL, 10, HTTP_RANGE_NONE, 0, 0},
        {"", 10, HTTP_RANGE_NONE, 0, 0},
        {"bytes", 10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=", 10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=-", 10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=5", 10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=5-2", 10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=50-20", 10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=0-1,4-5", 10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=0-1-2", 10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=a-b", 10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=--1", 10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=+1-2", 10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=0x1-2", 10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=1 -2", 10, HTTP_RANGE_NONE, 0, 0},
        {"items=0-1", 10, HTTP_RANGE_NONE, 0, 0},
        {"bytes 0-1", 10, HTTP_RANGE_NONE, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t first = huge, length = huge;
        enum http_range_result result =
            http_range_parse(cases[i].header, cases[i].total, &first, &length);
        if (result != cases[i].result)
            fail_msg("'%s': %d", cases[i].header, result);
        bool ok = result == HTTP_RANGE_OK;
        assert_true(first == (ok ? cases[i].first : huge));
        assert_true(length == (ok ? cases[i].length : huge));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(headers_keep_order_and_ignore_case),
        TEST(headers_are_copied),
        TEST(queries),
        TEST(bad_queries),
        TEST(urls),
        TEST(bad_urls),
        TEST(status_texts),
        TEST(ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
