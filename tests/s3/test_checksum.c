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
        {CHECKSUM_SHA1, "", "2jmj7l5rSw0yVb/vlWAYkK/YBwk="},
        {CHECKSUM_SHA1, "hello", "qvTGHdzF6KLavt4PO0gs2a6pQ00="},
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
        checksum_clear(&sum);
    }
    arena_free(arena);
}

static void test_names(void **state) {
    (void)state;
    assert_int_equal(checksum_kind_of_header(str_c("x-amz-checksum-crc32")), CHECKSUM_CRC32);
    assert_int_equal(checksum_kind_of_header(str_c("X-Amz-Checksum-SHA256")), CHECKSUM_SHA256);
    static const char *const others[] = {
        "x-amz-checksum-md5",   "x-amz-checksum-", "x-amz-checksum", "crc32", "",
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

static const char *sum_of(struct arena *arena, enum checksum_kind kind, const char *text,
                          size_t size) {
    struct checksum sum;
    uint8_t hash[SHA256_SIZE];
    sha256(text, size, hash);
    checksum_init(&sum, kind);
    checksum_add(&sum, text, size);
    const char *value = checksum_text(&sum, arena, hash);
    checksum_clear(&sum);
    return value;
}

/* However a text is cut, its parts' CRCs make the CRC of all of it. */
static void test_full_object(void **state) {
    (void)state;
    static const enum checksum_kind crcs[] = {CHECKSUM_CRC32, CHECKSUM_CRC32C, CHECKSUM_CRC64NVME};
    static const size_t cuts[][3] = {{1, 2, 6}, {9, 0, 0}, {0, 9, 0}, {300, 41, 100000}};
    struct arena *arena = arena_new();
    char *text = arena_alloc(arena, 200000);
    for (size_t i = 0; i < 200000; i++)
        text[i] = (char)(i * i / 7);
    for (size_t i = 0; i < 12; i++) {
        enum checksum_kind kind = crcs[i / 4];
        const size_t *cut = cuts[i % 4];
        struct checksum_part parts[3];
        size_t total = 0;
        for (size_t j = 0; j < 3; j++) {
            parts[j].size = cut[j];
            parts[j].value = sum_of(arena, kind, text + total, cut[j]);
            total += cut[j];
        }
        assert_string_equal(checksum_of_parts(arena, kind, CHECKSUM_FULL_OBJECT, parts, 3),
                            sum_of(arena, kind, text, total));
    }
    arena_free(arena);
}

/* The values are those of coreutils and base64 over the decoded sums. */
static void test_composite(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    const struct checksum_part parts[] = {
        {5, "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="},
        {0, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
    };
    assert_string_equal(checksum_of_parts(arena, CHECKSUM_SHA256, CHECKSUM_COMPOSITE, parts, 2),
                        "b1bLcxXy79o5JPlm/+6KC1kFdIH/4oeHbIY9tE8uVoM=-2");
    const struct checksum_part bad[] = {{5, "LPJNul+wow4m"}};
    assert_null(checksum_of_parts(arena, CHECKSUM_SHA256, CHECKSUM_COMPOSITE, bad, 1));
    assert_null(checksum_of_parts(arena, CHECKSUM_CRC32, CHECKSUM_FULL_OBJECT, bad, 1));
    arena_free(arena);
}

static void test_types(void **state) {
    (void)state;
    static const struct {
        enum checksum_kind kind;
        const char *asked;
        bool known;
        enum checksum_type type;
    } cases[] = {
        {CHECKSUM_CRC32, "", true, CHECKSUM_COMPOSITE},
        {CHECKSUM_CRC32, "FULL_OBJECT", true, CHECKSUM_FULL_OBJECT},
        {CHECKSUM_CRC64NVME, "", true, CHECKSUM_FULL_OBJECT},
        {CHECKSUM_CRC64NVME, "COMPOSITE", false, 0},
        {CHECKSUM_SHA1, "COMPOSITE", true, CHECKSUM_COMPOSITE},
        {CHECKSUM_SHA256, "FULL_OBJECT", false, 0},
        {CHECKSUM_CRC32, "HALF", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum checksum_type type = CHECKSUM_COMPOSITE;
        struct error err;
        bool known = checksum_choose_type(cases[i].kind, str_c(cases[i].asked), &type, &err);
        assert_int_equal(known, cases[i].known);
        if (known)
            assert_int_equal(type, cases[i].type);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),    cmocka_unit_test(test_names),
        cmocka_unit_test(test_malformed_values), cmocka_unit_test(test_full_object),
        cmocka_unit_test(test_composite),        cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
