#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/address.h"

#include <string.h>

static void good_addresses_are_read(void **state) {
    static const struct {
        const char *text, *host, *again;
        unsigned port;
        bool ipv6, loopback, wildcard;
    } cases[] = {
        {"127.0.0.1:8080", "127.0.0.1", "127.0.0.1:8080", 8080, false, true, false},
        {"127.1.2.3:0", "127.1.2.3", "127.1.2.3:0", 0, false, true, false},
        {"localhost:1", "127.0.0.1", "127.0.0.1:1", 1, false, true, false},
        {"[::1]:65535", "::1", "[::1]:65535", 65535, true, true, false},
        {"192.168.1.5:80", "192.168.1.5", "192.168.1.5:80", 80, false, false, false},
        {"[fe80::1]:9000", "fe80::1", "[fe80::1]:9000", 9000, true, false, false},
        {"0.0.0.0:80", "0.0.0.0", "0.0.0.0:80", 80, false, false, true},
        {"[::]:80", "::", "[::]:80", 80, true, false, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        struct address address;
        struct error err;
        assert_true(address_parse(arena, cases[i].text, &address, &err));
        assert_string_equal(address.host, cases[i].host);
        assert_int_equal(address.port, cases[i].port);
        assert_int_equal(address.ipv6, cases[i].ipv6);
        assert_int_equal(address.loopback, cases[i].loopback);
        assert_int_equal(address.wildcard, cases[i].wildcard);
        assert_string_equal(address_text(arena, &address), cases[i].again);
        arena_free(arena);
    }
}

static void bad_addresses_are_refused_by_name(void **state) {
    static const char *const cases[] = {
        "",
        "8080",
        ":8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:80x",
        "127.0.0.256:80",
        "::1:80",
        "[::1]",
        "[]:80",
        "[::1:80",
        "[127.0.0.1]:80",
        "example.org:80",
        "127.0.0.1:+80",
        "[localhost]:80",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena = arena_new();
        struct address address;
        struct error err;
        assert_false(address_parse(arena, cases[i], &address, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.text, cases[i]));
        arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_addresses_are_read),
        cmocka_unit_test(bad_addresses_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
