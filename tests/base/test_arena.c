#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void allocations_are_zeroed_aligned_and_apart(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 0, 7, 16, 100, 4095, 4096, 5000, 1, 300000, 33};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    unsigned char *made[ARRAY_SIZE(sizes) * 20];
    for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
        size_t size = sizes[i % ARRAY_SIZE(sizes)];
        made[i] = arena_alloc(arena, size);
        assert_int_equal((uintptr_t)made[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < size; j++)
            assert_int_equal(made[i][j], 0);
        memset(made[i], (int)(i % 251) + 1, size);
    }
    for (size_t i = 0; i < ARRAY_SIZE(made); i++)
        for (size_t j = 0; j < sizes[i % ARRAY_SIZE(sizes)]; j++)
            assert_int_equal(made[i][j], i % 251 + 1);
}

static void copies_end_with_nul(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    assert_string_equal(arena_strdup(arena, "ab"), "ab");
    assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
    assert_string_equal(arena_strndup(arena, NULL, 0), "");
    struct str copy = arena_str(arena, (struct str){NULL, 0});
    assert_string_equal(copy.ptr, "");
    assert_int_equal(copy.len, 0);
}

static void printf_takes_any_length(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    assert_string_equal(arena_printf(arena, "%s-%d", "a", 7), "a-7");
    const char *wide = arena_printf(arena, "%100000d", 1);
    assert_int_equal(strlen(wide), 100000);
    assert_int_equal(wide[99999], '1');
}

static void null_can_be_freed(void **state) {
    (void)state;
    arena_free(NULL);
    struct arena *none CLEANUP(arena_cleanup) = NULL;
    assert_null(none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_zeroed_aligned_and_apart),
        cmocka_unit_test(copies_end_with_nul),
        cmocka_unit_test(printf_takes_any_length),
        cmocka_unit_test(null_can_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
