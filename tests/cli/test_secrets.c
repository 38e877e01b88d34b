#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/os.h"
#include "cli/secrets.h"

#include "folder.h"

static void keys_are_made_once(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    char *folder = folder_new(arena);
    struct secrets first, again;
    struct error err;
    assert_true(secrets_load(arena, folder, &first, &err));
    assert_true(secrets_load(arena, folder, &again, &err));
    assert_string_equal(first.root.access_key, again.root.access_key);
    assert_string_equal(first.root.secret_key, again.root.secret_key);
    assert_string_equal(first.signing, again.signing);
    assert_int_equal(strlen(first.root.access_key), 20);
    assert_int_equal(strlen(first.root.secret_key), 40);
    for (unsigned i = 0; i < RIGHTS_FUNCTION_COUNT; i++) {
        assert_string_equal(first.functions[i].access_key, again.functions[i].access_key);
        assert_string_equal(first.functions[i].secret_key, again.functions[i].secret_key);
        assert_string_not_equal(first.functions[i].access_key, first.root.access_key);
    }
    folder_remove(arena, folder);
    arena_free(arena);
}

static void files_are_the_owners_alone(void **state) {
    static const char *const names[] = {"root.key", "keys.json", "secret"};
    (void)state;
    struct arena *arena = arena_new();
    char *folder = folder_new(arena);
    struct secrets secrets;
    struct error err;
    struct str text;
    assert_true(secrets_load(arena, folder, &secrets, &err));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct stat status;
        assert_int_equal(stat(arena_printf(arena, "%s/%s", folder, names[i]), &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
    }
    assert_true(read_file(arena, arena_printf(arena, "%s/root.key", folder), 1000, &text, &err));
    assert_string_equal(text.ptr, arena_printf(arena, "%s\n%s\n", secrets.root.access_key,
                                               secrets.root.secret_key));
    folder_remove(arena, folder);
    arena_free(arena);
}

static void broken_files_are_named_and_kept(void **state) {
    static const struct {
        const char *name, *contents;
    } cases[] = {
        {"root.key", ""},
        {"root.key", "ONE\n"},
        {"root.key", "ONE\nshort\n"},
        {"root.key", "ONE\nlong-enough-secret\nTHREE\n"},
        {"root.key", "WITH SPACE\nlong-enough-secret\n"},
        {"root.key", "ONE\r\nlong-enough-secret\r\n"},
        {"keys.json", ""},
        {"keys.json", "[]"},
        {"keys.json", "{\"api\":{}}"},
        {"keys.json", "{\"api\":{\"access_key\":\"A\",\"secret_key\":7}}"},
        {"keys.json", "{\"api\":{\"access_key\":\"A\",\"secret_key\":\"short\"}}"},
        {"secret", "\n"},
        {"secret", "short\n"},
        {"secret", "long-enough-secret\nand more\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        char *folder = folder_new(arena);
        struct secrets secrets;
        struct error err;
        struct str text;
        const char *path = folder_file(arena, folder, cases[i].name, cases[i].contents);
        assert_false(secrets_load(arena, folder, &secrets, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.text, path));
        assert_true(read_file(arena, path, 1000, &text, &err));
        assert_string_equal(text.ptr, cases[i].contents);
        folder_remove(arena, folder);
        arena_free(arena);
    }
}

static void a_new_function_gets_a_key(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    char *folder = folder_new(arena);
    struct secrets secrets, again;
    struct error err;
    folder_file(arena, folder, "keys.json",
                "{\"api\":{\"access_key\":\"A\",\"secret_key\":\"long-enough-secret\"}}");
    assert_true(secrets_load(arena, folder, &secrets, &err));
    assert_string_equal(secrets.functions[RIGHTS_API].access_key, "A");
    assert_true(secrets_load(arena, folder, &again, &err));
    assert_string_equal(secrets.functions[RIGHTS_RENDER].secret_key,
                        again.functions[RIGHTS_RENDER].secret_key);
    folder_remove(arena, folder);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_made_once),
        cmocka_unit_test(files_are_the_owners_alone),
        cmocka_unit_test(broken_files_are_named_and_kept),
        cmocka_unit_test(a_new_function_gets_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
