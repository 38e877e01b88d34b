/* The handshake's key, by RFC 6455's own example. Connections are tested from outside, in
 * tests/system/live.test.mjs. */
#include "host/live_socket.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_key_is_accepted(void **state) {
    (void)state;
    char accept[LIVE_ACCEPT_SIZE];
    assert_true(live_accept_key("dGhlIHNhbXBsZSBub25jZQ==", accept));
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void bad_keys_are_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ= ",
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub25jZWFiYw==",
        "!GhlIHNhbXBsZSBub25jZQ==",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char accept[LIVE_ACCEPT_SIZE];
        if (live_accept_key(cases[i], accept))
            fail_msg("'%s' was taken", cases[i]);
    }
    char longer[2000], accept[LIVE_ACCEPT_SIZE];
    memset(longer, 'A', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_false(live_accept_key(longer, accept));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_accepted),
        cmocka_unit_test(bad_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
