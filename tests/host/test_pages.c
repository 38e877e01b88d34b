#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void paths_stay_in_the_folder(void **state) {
    (void)state;
    static const struct {
        const char *request;
        const char *path; /* NULL: refused */
    } cases[] = {
        {"/", "web/index.html"},
        {"/app.js", "web/app.js"},
        {"/a/b/c.css", "web/a/b/c.css"},
        {"/a%20b.js", "web/a b.js"},
        {"/%C3%A9.js", "web/\xC3\xA9.js"},
        {"/a+b.js", "web/a+b.js"},
        {"/..a", NULL},
        {"/../etc/passwd", NULL},
        {"/a/../../etc/passwd", NULL},
        {"/%2e%2e/etc/passwd", NULL},
        {"/..%2fetc%2fpasswd", NULL},
        {"/%2e%2e%2fetc/passwd", NULL},
        {"/a/..", NULL},
        {"/.", NULL},
        {"/./a", NULL},
        {"/.git/config", NULL},
        {"/a/.env", NULL},
        {"//etc/passwd", NULL},
        {"/a//b", NULL},
        {"/a/", NULL},
        {"/%2fetc/passwd", NULL},
        {"/a%00.js", NULL},
        {"/a%0a.js", NULL},
        {"/a%5c..%5cb", NULL},
        {"/a\\b", NULL},
        {"/%", NULL},
        {"/%G0", NULL},
        {"/%FF", NULL},
        {"a", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        const char *path = pages_path(arena, "web", cases[i].request);
        if (cases[i].path == NULL && path != NULL)
            fail_msg("'%s' became '%s'", cases[i].request, path);
        if (cases[i].path != NULL) {
            assert_non_null(path);
            assert_string_equal(path, cases[i].path);
        }
        arena_free(arena);
    }
}

static void hashes_are_told_from_words(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool hashed;
    } cases[] = {
        {"web/app-4XZ2ABCD.js", true},
        {"web/app-4XZ2ABCD.js.map", true},
        {"web/app.0123abcd.css", true},
        {"web/a-b-0a1b2c3d4e5f.woff2", true},
        {"web/index.html", false},
        {"web/my-component.js", false},
        {"web/app-deadbeef.js", false}, /* could be a word */
        {"web/app-4XZ2ABC.js", false},  /* too short */
        {"web/app-4XZ2ABC1.js", false}, /* 1 is no digit of base 32 */
        {"web/4XZ2ABCD.js", false},
        {"web/app-4XZ2ABCD", false},
        {"web/4XZ2ABCD/app.js", false},
        {"web/.0123abcd", false},
        {"", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (pages_is_hashed(cases[i].path) != cases[i].hashed)
            fail_msg("'%s'", cases[i].path);
}

static void types_follow_the_ending(void **state) {
    (void)state;
    assert_string_equal(pages_content_type("a/index.html"), "text/html; charset=utf-8");
    assert_string_equal(pages_content_type("a.js"), "text/javascript; charset=utf-8");
    assert_string_equal(pages_content_type("a.wasm"), "application/wasm");
    assert_string_equal(pages_content_type("a.exe"), "application/octet-stream");
    assert_string_equal(pages_content_type("html"), "application/octet-stream");
    assert_string_equal(pages_content_type(""), "application/octet-stream");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_stay_in_the_folder),
        cmocka_unit_test(hashes_are_told_from_words),
        cmocka_unit_test(types_follow_the_ending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
