#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/os.h"
#include "cli/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                     0);
    return fd;
}

static void states_are_sent(void **state) {
    (void)state;
    char folder[] = "/tmp/service-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char file[64];
    char abstract[64];
    snprintf(file, sizeof file, "%s/socket", folder);
    snprintf(abstract, sizeof abstract, "@tachyscope-test-%ld", (long)getpid());
    const char *const names[] = {file, abstract};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        int fd = listen_at(names[i]);
        struct error err;
        setenv("NOTIFY_SOCKET", names[i], 1);
        if (!service_notify("READY=1", &err))
            fail_msg("%s", err.text);
        char text[64];
        assert_int_equal(recv(fd, text, sizeof text, MSG_DONTWAIT), 7);
        assert_memory_equal(text, "READY=1", 7);
        close(fd);
    }
    remove_tree(folder);
}

static void without_a_manager_nothing_happens(void **state) {
    (void)state;
    struct error err;
    unsetenv("NOTIFY_SOCKET");
    assert_true(service_notify("READY=1", &err));
    setenv("NOTIFY_SOCKET", "", 1);
    assert_true(service_notify("READY=1", &err));
}

static void bad_sockets_are_told(void **state) {
    (void)state;
    char long_name[256];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[0] = '/';
    long_name[sizeof long_name - 1] = '\0';
    const struct {
        const char *name;
        enum error_kind kind;
    } cases[] = {
        {"relative", ERROR_INVALID},
        {"vsock:2:1234", ERROR_INVALID},
        {long_name, ERROR_INVALID},
        {"/no/such/socket", ERROR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err;
        setenv("NOTIFY_SOCKET", cases[i].name, 1);
        assert_false(service_notify("READY=1", &err));
        assert_int_equal(err.kind, cases[i].kind);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_are_sent),
        cmocka_unit_test(without_a_manager_nothing_happens),
        cmocka_unit_test(bad_sockets_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
