#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/os.h"
#include "host/process.h"
#include "host/sandbox.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    struct arena *arena;
    char folder[64];
    const char *own;
    const char *secret;
    pid_t victim;
    int listen_fd;
    uint16_t port;
};

static void listen_somewhere(struct fixture *f) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    f->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->listen_fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(f->listen_fd, 64), 0);
    assert_int_equal(getsockname(f->listen_fd, (struct sockaddr *)&address, &size), 0);
    f->port = ntohs(address.sin_port);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->arena = arena_new();
    snprintf(f->folder, sizeof f->folder, "/tmp/sandbox-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->own = arena_printf(f->arena, "%s/own", f->folder);
    f->secret = arena_printf(f->arena, "%s/secret", f->folder);
    assert_int_equal(mkdir(f->own, 0700), 0);
    struct error err;
    assert_true(publish_file(f->secret, "secret", 6, 0600, &err));
    f->victim = fork();
    if (f->victim == 0)
        for (;;)
            pause();
    listen_somewhere(f);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    kill(f->victim, SIGKILL);
    waitpid(f->victim, NULL, 0);
    close(f->listen_fd);
    remove_tree(f->folder);
    arena_free(f->arena);
    free(f);
    return 0;
}

/* Exit status of the way; 1: it got out. */
static int try_way(struct fixture *f, const char *way, bool sandboxed, bool port_allowed) {
    const char *program = getenv("TEST_HOSTILE");
    struct error err;
    const struct sandbox_options options = {.program = program};
    const struct sandbox *sandbox = NULL;
    if (sandboxed && !sandbox_new(f->arena, &options, &sandbox, &err))
        fail_msg("%s", err.text);
    const char *const environment[] = {
        arena_printf(f->arena, "TRY=%s", way),
        arena_printf(f->arena, "OWN=%s", f->own),
        arena_printf(f->arena, "SECRET=%s", f->secret),
        arena_printf(f->arena, "VICTIM=%ld", (long)f->victim),
        arena_printf(f->arena, "PORT=%u", f->port),
        /* The checker of leaks stops the process from a thread that traces it. */
        "ASAN_OPTIONS=detect_leaks=0",
        NULL,
    };
    struct process_options start = {
        .program = program,
        .folder = f->folder,
        .environment = environment,
        .sandbox = sandbox,
        .entry = {.folder = f->own, .ports = &f->port, .port_count = port_allowed ? 1 : 0},
    };
    struct process process;
    if (!process_spawn(&start, &process, &err))
        fail_msg("%s: %s", way, err.text);
    const char *end = process_reap(&process, f->arena);
    int status = 0;
    if (end != NULL && sscanf(end, "exit status %d", &status) != 1)
        fail_msg("%s: %s", way, end);
    return status;
}

static void skip_where_missing(struct fixture *f) {
    const char *missing = sandbox_missing(f->arena);
    if (missing[0] == '\0')
        return;
    print_message("skipped: this kernel lacks %s\n", missing);
    skip();
}

static void no_way_leads_out(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *name;
        bool out_without; /* whether it leads out where there is no sandbox, for any user */
    } ways[] = {
        {"read-secret", true},   {"list-secret", true},     {"read-by-link", true},
        {"read-by-root", true},  {"write-secret", true},    {"hard-link", true},
        {"write-tmp", true},     {"run-shell", true},       {"read-environment", true},
        {"read-memory", false},  {"attach", false},         {"signal", true},
        {"limit", true},         {"connect", true},         {"listen", true},
        {"datagram", true},      {"unix-socket", true},     {"kernel-socket", true},
        {"new-user", false},     {"new-user-clone", false}, {"new-user-clone3", false},
        {"leave-group", true},   {"outlive", true},         {"dump-core", false},
        {"more-files", false},   {"io-ring", false},        {"new-key", false},
        {"inherited", false},    {"mount", false},          {"truncate-secret", true},
        {"remove-secret", true},
    };
    skip_where_missing(f);
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
        if (try_way(f, ways[i].name, true, false) != 0)
            fail_msg("'%s' leads out of the sandbox", ways[i].name);
    struct stat info;
    assert_int_equal(stat(f->secret, &info), 0);
    assert_int_equal(info.st_size, 6);
    /* That they are ways at all. */
    remove_tree(f->own);
    assert_int_equal(mkdir(f->own, 0700), 0);
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
        if (ways[i].out_without && try_way(f, ways[i].name, false, false) != 1)
            fail_msg("'%s' is no way out", ways[i].name);
}

static void what_functions_need_goes(void **state) {
    struct fixture *f = *state;
    assert_int_equal(try_way(f, "own-folder", true, false), 1);
    assert_int_equal(try_way(f, "fork", true, false), 1);
    assert_int_equal(try_way(f, "connect", true, true), 1);
}

static void scripts_may_run_programs(void **state) {
    struct fixture *f = *state;
    skip_where_missing(f);
    struct error err;
    const struct sandbox_options options = {.program = "/bin/sh", .runs_programs = true};
    const struct sandbox *sandbox;
    assert_true(sandbox_new(f->arena, &options, &sandbox, &err));
    const char *script = arena_printf(f->arena, "%s/script", f->folder);
    const char *text = "#!/bin/sh\nexit $(expr 40 + 2)\n";
    assert_true(publish_file(script, text, strlen(text), 0700, &err));
    static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
    struct process_options start = {.program = script,
                                    .folder = "/",
                                    .environment = environment,
                                    .sandbox = sandbox,
                                    .entry = {.folder = f->folder}};
    struct process process;
    /* Its own folder is to write, not to run from. */
    assert_false(process_spawn(&start, &process, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
    const struct sandbox_options with_script = {.program = script, .runs_programs = true};
    assert_true(sandbox_new(f->arena, &with_script, &sandbox, &err));
    start.sandbox = sandbox;
    start.entry.folder = f->own;
    if (!process_spawn(&start, &process, &err))
        fail_msg("%s", err.text);
    assert_string_equal(process_reap(&process, f->arena), "exit status 42");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_way_leads_out, setup, teardown),
        cmocka_unit_test_setup_teardown(what_functions_need_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(scripts_may_run_programs, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
