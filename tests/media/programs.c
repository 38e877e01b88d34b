#include "programs.h"

#include "base/os.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX_FILE_BYTES = 256 * 1024 * 1024, MAX_ARGUMENTS = 32 };

void run_program(const char *const argv[]) {
    extern char **environ;
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    for (int fd = 0; fd < 2; fd++)
        assert_int_equal(posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0), 0);
    assert_int_equal(
        posix_spawnp(&child, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s failed with status %d", argv[0], status);
}

bool has_program(const char *name) {
    struct str path = str_c(getenv("PATH") != NULL ? getenv("PATH") : "/usr/bin");
    while (path.len > 0) {
        char file[4096];
        struct str folder = str_split(path, ':', &path);
        snprintf(file, sizeof file, "%.*s/%s", STR_ARG(folder), name);
        if (access(file, X_OK) == 0)
            return true;
    }
    print_message("%s is not installed: skipped\n", name);
    return false;
}

struct str convert_file(struct arena *arena, struct str contents, const char *in_ending,
                        const char *ending, const char *const argv[]) {
    char folder[] = "/tmp/test-files-XXXXXX";
    const char *arguments[MAX_ARGUMENTS] = {0};
    struct error err;
    struct str made;
    assert_non_null(mkdtemp(folder));
    const char *in = arena_printf(arena, "%s/in%s", folder, in_ending);
    const char *out = arena_printf(arena, "%s/out%s", folder, ending);
    assert_true(publish_file(in, contents.ptr, contents.len, 0600, &err));
    for (size_t i = 0; argv[i] != NULL; i++) {
        assert_true(i + 1 < MAX_ARGUMENTS);
        arguments[i] = strcmp(argv[i], "IN") == 0    ? in
                       : strcmp(argv[i], "OUT") == 0 ? out
                                                     : argv[i];
    }
    run_program(arguments);
    if (!read_file(arena, out, MAX_FILE_BYTES, &made, &err))
        fail_msg("%s", err.text);
    unlink(in);
    unlink(out);
    rmdir(folder);
    return made;
}
