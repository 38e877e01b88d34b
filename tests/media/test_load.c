/* Finding and refusing the renderer. Places come from the build: see meson.build. */
#include "media/load.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool load(const char *place, struct error *err) {
    const struct media_api *api = NULL;
    assert_int_equal(setenv("TACHYSCOPE_MEDIA", place, 1), 0);
    bool loaded = media_load(&api, err);
    assert_int_equal(loaded, api != NULL);
    return loaded;
}

static void build_id_is_hex(void **state) {
    (void)state;
    assert_int_equal(strlen(media_build_id()), 16);
    assert_int_equal(strspn(media_build_id(), "0123456789abcdef"), 16);
}

/* Before the good one: once loaded it stays. */
static void wrong_libraries(void **state) {
    (void)state;
    struct error err = {0};
    assert_false(load("/nowhere/media.so", &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.text, "/nowhere/media.so"));
    assert_false(load("libcmocka.so.0", &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.text, "'libcmocka.so.0' is no renderer of Tachyscope");
    assert_false(load(getenv("OTHER_BUILD"), &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.text, "is of build another, this program of build "));
    assert_non_null(strstr(err.text, media_build_id()));
    assert_false(load(getenv("OTHER_INTERFACE"), &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.text, "has interface 1000, this program needs"));
}

static void nowhere_beside_the_program(void **state) {
    (void)state;
    const struct media_api *api;
    struct error err = {0};
    assert_int_equal(unsetenv("TACHYSCOPE_MEDIA"), 0);
    assert_false(media_load(&api, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/tests/media/media.so' nor '"));
}

static void loads_once(void **state) {
    (void)state;
    const struct media_api *first, *second;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct error err = {0};
    struct receipt receipt = {0};
    unsigned width = 1, height = 1;
    assert_true(load(getenv("RIGHT_BUILD"), &err));
    assert_true(media_load(&first, &err));
    assert_true(load("/nowhere/media.so", &err));
    assert_true(media_load(&second, &err));
    assert_ptr_equal(first, second);
    assert_string_equal(first->build_id, media_build_id());
    assert_true(first->probe(arena, "a.jpg", str_c("no image"), &receipt, &width, &height));
    assert_string_equal(receipt.name, "a.jpg");
    assert_non_null(receipt.refused);
    assert_int_equal(width, 0);
    assert_int_equal(height, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(build_id_is_hex),
        cmocka_unit_test(wrong_libraries),
        cmocka_unit_test(nowhere_beside_the_program),
        cmocka_unit_test(loads_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
