/*
 * Checksums against the values that AWS's own library gives.
 */
#include "base/arena.h"
#include "s3/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void test_known_answers(void **state) {
    (void)state;
    static const struct {
        enum checksum_kind kind;
        const char *text;
        const char *sum;
    } cases[] = {
        {CHECKSUM_CRC32, "123456789", "y/Q5Jg=="},
        {CHECKSUM_CRC32C, "123456789", "4waSgw=="},
        {CHECKSUM_CRC64NVME, "123456789", "rosUhgp5mIg="},
        {CHECKSUM_CRC32, "hello", "NhCmhg=="},
        {CHECKSUM_CRC32C, "hello", "mnG7TA=="},
        {CHECKSUM_CRC64NVME, "hello", "M3eFcAZSQlc="},
        {CHECKSUM_CRC32, "", "AAAAAA=="},
        {CHECKSUM_CRC32C, "", "AAAAAA=="},
        {CHECKSUM_CRC64NVME, "", "AAAAAAAAAAA="},
        {CHECKSUM_SHA256, "", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct checksum sum;
        uint8_t hash[SHA256_SIZE];
        size_t length = strlen(cases[i].text);
        sha256(cases[i].text, length, hash);
        checksum_init(&sum, cases[i].kind);
        /* In two pieces. */
        checksum_add(&sum, cases[i].text, length / 2);
        checksum_add(&sum, cases[i].text + length / 2, length - length / 2);
        assert_string_equal(checksum_text(&sum, arena, hash), cases[i].sum);
        assert_true(checksum_is_well_formed(cases[i].kind, arena, str_c(cases[i].sum)));
    }
    arena_free(arena);
}

static void test_names(void **state) {
    (void)state;
    assert_int_equal(checksum_kind_of_header(str_c("x-amz-checksum-crc32")), CHECKSUM_CRC32);
    assert_int_equal(checksum_kind_of_header(str_c("X-Amz-Checksum-SHA256")), CHECKSUM_SHA256);
    static const char *const others[] = {
        "x-amz-checksum-sha1",  "x-amz-checksum-", "x-amz-checksum", "crc32", "",
        "x-amz-checksum-crc32 "};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(checksum_kind_of_header(str_c(others[i])), CHECKSUM_NONE);
}

static void test_malformed_values(void **state) {
    (void)state;
    static const char *const values[] = {
        "", "AAAAAA", "AAAAAA=", "AAAAAAA=", "y/Q5Jg==\n", "y_Q5Jg==", "AAAAAAAAAAA="};
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_false(checksum_is_well_formed(CHECKSUM_CRC32, arena, str_c(values[i])));
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_malformed_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
