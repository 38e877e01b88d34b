#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BOUND_MS = 30000 };

static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};

/* A script in a file of its own. */
static const char *make_script(struct arena *arena, const char *text) {
    char path[] = "/tmp/process-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, 0700), 0);
    close(fd);
    return arena_strdup(arena, path);
}

static void wait_for_end(const struct process *process) {
    struct pollfd waiting = {.fd = process->pidfd, .events = POLLIN};
    assert_int_equal(poll(&waiting, 1, BOUND_MS), 1);
}

static void ends_are_told(void **state) {
    (void)state;
    static const struct {
        const char *script;
        const char *end;
    } cases[] = {
        {"#!/bin/sh\nexit 0\n", NULL},
        {"#!/bin/sh\nexit 42\n", "exit status 42"},
        {"#!/bin/sh\nkill -TERM $$\n", "signal: Terminated"},
        {"#!/bin/sh\nkill -PIPE $$\n", "signal: Broken pipe"}, /* not ignored, as here */
        {"#!/bin/sh\nread line || exit 5\n", "exit status 5"}, /* stdin is at its end */
        {"#!/bin/sh\ncd \"$PWD\" && [ \"$(pwd)\" = / ] && exit 6\n", "exit status 6"},
        {"#!/bin/sh\n[ \"$(ulimit -c)\" = 0 ] && exit 7\n", "exit status 7"},
        {"#!/bin/sh\ngrep -q '^NoNewPrivs:.1' /proc/self/status && exit 8\n", "exit status 8"},
        /* Its own session, whose leader it is. */
        {"#!/bin/sh\nread -r p c s r g n rest </proc/$$/stat; [ $n = $$ ] && exit 9\n",
         "exit status 9"},
    };
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        const char *script = make_script(arena, cases[i].script);
        const struct process_options options = {
            .program = script, .folder = "/", .environment = environment};
        struct process process;
        struct error err;
        if (!process_spawn(&options, &process, &err))
            fail_msg("%s", err.text);
        wait_for_end(&process);
        const char *end = process_reap(&process, arena);
        unlink(script);
        assert_int_equal(end == NULL, cases[i].end == NULL);
        if (end != NULL)
            assert_string_equal(end, cases[i].end);
        assert_int_equal(process.pid, -1);
        assert_int_equal(process.pidfd, -1);
        arena_free(arena);
    }
}

static void what_cannot_run_is_told(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    const char *no_interpreter = make_script(arena, "#!/no/such/shell\n");
    const char *not_executable = make_script(arena, "#!/bin/sh\n");
    assert_int_equal(chmod(not_executable, 0600), 0);
    const struct {
        const char *program;
        const char *folder;
        enum error_kind kind;
    } cases[] = {
        {"/no/such/program", "/", ERROR_NOT_FOUND},
        {no_interpreter, "/", ERROR_NOT_FOUND},
        {not_executable, "/", ERROR_DENIED},
        {"/", "/", ERROR_DENIED},
        {"/bin/sh", "/no/such/folder", ERROR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct process_options options = {
            .program = cases[i].program, .folder = cases[i].folder, .environment = environment};
        struct process process = {.pid = 77};
        struct error err;
        assert_false(process_spawn(&options, &process, &err));
        assert_int_equal(err.kind, cases[i].kind);
        assert_non_null(strstr(err.text, cases[i].program));
        assert_int_equal(process.pid, 77);
    }
    unlink(no_interpreter);
    unlink(not_executable);
    arena_free(arena);
}

static void the_whole_group_is_killed(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    /* The pipe's name, because no descriptor but the standard ones goes through. */
    const char *script = make_script(
        arena,
        arena_printf(arena, "#!/bin/sh\nexec 3>/proc/%ld/fd/%d\nsleep 1000 &\nkill -STOP $$\n",
                     (long)getpid(), fds[1]));
    const struct process_options options = {
        .program = script, .folder = "/", .environment = environment};
    struct process process;
    struct error err;
    if (!process_spawn(&options, &process, &err))
        fail_msg("%s", err.text);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)process.pid, &info, WSTOPPED), 0);
    assert_int_equal(info.si_code, CLD_STOPPED);
    process_kill(&process);
    wait_for_end(&process);
    assert_string_equal(process_reap(&process, arena), "signal: Killed");
    close(fds[1]);
    /* At its end only when nobody holds the other side. */
    struct pollfd waiting = {.fd = fds[0], .events = POLLIN};
    assert_int_equal(poll(&waiting, 1, BOUND_MS), 1);
    assert_int_equal(waiting.revents, POLLHUP);
    close(fds[0]);
    unlink(script);
    arena_free(arena);
}

/* Started without standard descriptors, a server must still start functions properly. */
static void missing_standard_descriptors_do_no_harm(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    const char *script = make_script(
        arena, "#!/bin/sh\nfor f in 0 1 2; do [ -e /proc/self/fd/$f ] || exit 1; done\nexit 4\n");
    int saved[3];
    for (int fd = 0; fd < 3; fd++) {
        saved[fd] = dup(fd);
        assert_true(saved[fd] > 2);
    }
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    const struct process_options options = {
        .program = script, .folder = "/", .environment = environment};
    struct process process;
    struct error err;
    bool ok = process_spawn(&options, &process, &err);
    const char *end = ok ? process_reap(&process, arena) : err.text;
    for (int fd = 0; fd < 3; fd++) {
        dup2(saved[fd], fd);
        close(saved[fd]);
    }
    unlink(script);
    assert_true(ok);
    assert_string_equal(end, "exit status 4");
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_told),
        cmocka_unit_test(what_cannot_run_is_told),
        cmocka_unit_test(the_whole_group_is_killed),
        cmocka_unit_test(missing_standard_descriptors_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
