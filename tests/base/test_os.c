#include "base/os.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct arena *arena;
static char folder[] = "/tmp/test-os-XXXXXX";

static int set_up(void **state) {
    (void)state;
    arena = arena_new();
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    return mkdtemp(folder) ? 0 : -1;
}

static const char *in_folder(const char *name) {
    return arena_printf(arena, "%s/%s", folder, name);
}

static int tear_down(void **state) {
    (void)state;
    static const char *const left[] = {"file", "made/a/b", "made/a", "made", ""};
    for (size_t i = 0; i < ARRAY_SIZE(left); i++)
        remove(in_folder(left[i]));
    int result = access(folder, F_OK) == 0 ? -1 : 0;
    arena_free(arena);
    return result;
}

static size_t count_entries(void) {
    DIR *handle = opendir(folder);
    assert_non_null(handle);
    size_t count = 0;
    while (readdir(handle))
        count++;
    closedir(handle);
    return count - 2;
}

static void clocks_run(void **state) {
    (void)state;
    assert_true(clock_unix_ms() > 1700000000000);
    int64_t first = clock_monotonic_ms();
    assert_true(clock_monotonic_ms() >= first);
}

static void random_is_not_repeated(void **state) {
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0};
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    char uuid[37], other[37];
    random_uuid(uuid);
    random_uuid(other);
    assert_string_not_equal(uuid, other);
    assert_int_equal(strlen(uuid), 36);
    assert_int_equal(uuid[14], '4');
    assert_non_null(strchr("89ab", uuid[19]));
    for (size_t i = 0; i < 36; i++)
        assert_true(strchr(i == 8 || i == 13 || i == 18 || i == 23 ? "-" : "0123456789abcdef",
                           uuid[i]) != NULL);
}

static void folders_are_made(void **state) {
    (void)state;
    struct error err;
    assert_true(make_folders(in_folder("made/a/b"), &err));
    assert_true(make_folders(in_folder("made/a/b"), &err));
    assert_true(make_folders(in_folder("made//a/"), &err));
    struct stat info;
    assert_int_equal(stat(in_folder("made/a"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_false(make_folders("", &err));
    assert_true(publish_file(in_folder("file"), "x", 1, 0600, &err));
    assert_false(make_folders(in_folder("file"), &err));
    assert_false(make_folders(in_folder("file/below"), &err));
}

static void published_file_is_whole(void **state) {
    (void)state;
    struct error err;
    const char *path = in_folder("file");
    assert_true(publish_file(path, "first", 5, 0640, &err));
    assert_true(publish_file(path, "second!", 7, 0600, &err));
    struct str contents;
    assert_true(read_file(arena, path, 7, &contents, &err));
    assert_true(str_equal_c(contents, "second!"));
    assert_int_equal(contents.ptr[contents.len], '\0');
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(count_entries(), 1);
    assert_true(sync_parent(path, &err));
}

static void failed_publishing_leaves_nothing(void **state) {
    (void)state;
    struct error err;
    assert_false(publish_file(in_folder("missing/file"), "x", 1, 0600, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_true(make_folders(in_folder("made"), &err));
    assert_false(publish_file(in_folder("made"), "x", 1, 0600, &err));
    assert_int_equal(count_entries(), 1);
    assert_false(sync_parent(in_folder("missing/file"), &err));
}

static void reading_is_limited(void **state) {
    (void)state;
    struct error err;
    struct str contents = {NULL, 42};
    assert_false(read_file(arena, in_folder("file"), 10, &contents, &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_false(read_file(arena, folder, 10, &contents, &err));
    assert_true(publish_file(in_folder("file"), "0123456789", 10, 0600, &err));
    assert_false(read_file(arena, in_folder("file"), 9, &contents, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_int_equal(contents.len, 42);
    assert_true(read_file(arena, in_folder("file"), 10, &contents, &err));
    assert_int_equal(contents.len, 10);
    assert_true(publish_file(in_folder("file"), NULL, 0, 0600, &err));
    assert_true(read_file(arena, in_folder("file"), 0, &contents, &err));
    assert_int_equal(contents.len, 0);
}

static void writing_takes_several_turns(void **state) {
    (void)state;
    /* Larger than a pipe holds, so the kernel takes it in pieces while a child reads. */
    enum { SIZE = 1000000 };
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[1]);
        size_t total = 0;
        char piece[5000];
        for (ssize_t got; (got = read(ends[0], piece, sizeof piece)) > 0; total += (size_t)got)
            ;
        _exit(total == SIZE ? 0 : 1);
    }
    close(ends[0]);
    struct error err;
    assert_true(write_all(ends[1], arena_alloc(arena, SIZE), SIZE, &err));
    close(ends[1]);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(write_all(-1, "x", 1, &err));
    assert_true(write_all(-1, NULL, 0, &err));
}

static void program_knows_its_place(void **state) {
    (void)state;
    struct error err;
    const char *path;
    assert_true(executable_folder(arena, &path, &err));
    assert_int_equal(path[0], '/');
    assert_int_equal(access(arena_printf(arena, "%s/test_os", path), X_OK), 0);
    assert_true(core_count() >= 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(clocks_run),
        TEST(random_is_not_repeated),
        TEST(folders_are_made),
        TEST(published_file_is_whole),
        TEST(failed_publishing_leaves_nothing),
        TEST(reading_is_limited),
        TEST(writing_takes_several_turns),
        TEST(program_knows_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
