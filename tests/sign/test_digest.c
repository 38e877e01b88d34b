#include "sign/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/codec.h"

#include <string.h>

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(arena);
    return 0;
}

static const char *hex_of(const void *data, size_t size) {
    char *text = arena_alloc(arena, 2 * size + 1);
    hex_encode(data, size, text);
    return text;
}

/* RFC 1321, FIPS 180-2. */
static void hashes(void **state) {
    (void)state;
    static const struct {
        const char *text, *md5, *sha256;
    } cases[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e",
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72",
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "8215ef0796a20bcaaae116d3876c664a",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t size = strlen(cases[i].text);
        uint8_t hash[SHA256_SIZE];
        char text[SHA256_HEX_SIZE];
        md5(cases[i].text, size, hash);
        assert_string_equal(hex_of(hash, MD5_SIZE), cases[i].md5);
        sha256(cases[i].text, size, hash);
        assert_string_equal(hex_of(hash, SHA256_SIZE), cases[i].sha256);
        sha256_hex(cases[i].text, size, text);
        assert_string_equal(text, cases[i].sha256);
    }
    uint8_t hash[SHA256_SIZE];
    sha256(NULL, 0, hash);
    assert_string_equal(hex_of(hash, SHA256_SIZE), cases[0].sha256);
}

static void pieces_make_the_same_hash(void **state) {
    (void)state;
    uint8_t data[1000], whole[SHA256_SIZE], pieces[SHA256_SIZE];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 31);
    struct digest *sha = digest_new(DIGEST_SHA256);
    struct digest *md = digest_new(DIGEST_MD5);
    for (size_t piece = 1; piece < 130; piece += 16) {
        for (size_t start = 0; start < sizeof data; start += piece) {
            size_t size = sizeof data - start < piece ? sizeof data - start : piece;
            digest_add(sha, data + start, size);
            digest_add(md, data + start, size);
        }
        digest_add(sha, NULL, 0);
        digest_take(sha, pieces);
        sha256(data, sizeof data, whole);
        assert_memory_equal(pieces, whole, SHA256_SIZE);
        digest_take(md, pieces);
        md5(data, sizeof data, whole);
        assert_memory_equal(pieces, whole, MD5_SIZE);
    }
    digest_free(sha);
    digest_free(md);
    digest_free(NULL);
}

/* RFC 4231, cases 1, 2, 6. */
static void hmac(void **state) {
    (void)state;
    uint8_t key[131], hash[SHA256_SIZE];
    memset(key, 0x0b, 20);
    hmac_sha256(key, 20, "Hi There", 8, hash);
    assert_string_equal(hex_of(hash, sizeof hash),
                        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, hash);
    assert_string_equal(hex_of(hash, sizeof hash),
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    hmac_sha256(key, sizeof key, "Test Using Larger Than Block-Size Key - Hash Key First", 54,
                hash);
    assert_string_equal(hex_of(hash, sizeof hash),
                        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    hmac_sha256(NULL, 0, NULL, 0, hash);
    assert_string_equal(hex_of(hash, sizeof hash),
                        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static const char *base64_of_crc(uint32_t crc) {
    uint8_t bytes[] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
                       (uint8_t)crc};
    return base64_encode(arena, bytes, sizeof bytes);
}

static void crcs(void **state) {
    (void)state;
    char *many = arena_alloc(arena, 66560);
    memset(many, 'a', 66560);
    const struct {
        const char *data;
        size_t size;
        const char *crc32, *crc32c;
    } cases[] = {
        {"", 0, "AAAAAA==", "AAAAAA=="},          {NULL, 0, "AAAAAA==", "AAAAAA=="},
        {"123456789", 9, "y/Q5Jg==", "4waSgw=="}, {"hello", 5, "NhCmhg==", "mnG7TA=="},
        {many, 66560, "sK4Y7A==", "sOO8/Q=="},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_string_equal(base64_of_crc(crc32_add(0, cases[i].data, cases[i].size)),
                            cases[i].crc32);
        assert_string_equal(base64_of_crc(crc32c_add(0, cases[i].data, cases[i].size)),
                            cases[i].crc32c);
    }
}

/* The definition of the CRC, bit by bit: neither table nor instruction. */
static uint32_t crc_by_bits(const uint8_t *data, size_t size, uint32_t polynomial) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
    }
    return ~crc;
}

static void crcs_of_pieces_at_any_address(void **state) {
    (void)state;
    uint8_t data[300];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * i + 7 * i);
    for (size_t start = 0; start < 16; start++) {
        for (size_t size = 0; start + size <= sizeof data; size += 7) {
            size_t half = size / 3;
            uint32_t crc = crc32c_add(0, data + start, half);
            crc = crc32c_add(crc, data + start + half, size - half);
            assert_int_equal(crc, crc_by_bits(data + start, size, 0x82F63B78));
            crc = crc32_add(0, data + start, half);
            crc = crc32_add(crc, data + start + half, size - half);
            assert_int_equal(crc, crc_by_bits(data + start, size, 0xEDB88320));
        }
    }
}

static void constant_time_comparison(void **state) {
    (void)state;
    assert_true(equal_constant_time("abc", "abc", 3));
    assert_false(equal_constant_time("abc", "abd", 3));
    assert_false(equal_constant_time("xbc", "abc", 3));
    assert_true(equal_constant_time("abX", "abY", 2));
    assert_true(equal_constant_time(NULL, NULL, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(hashes), TEST(pieces_make_the_same_hash),     TEST(hmac),
        TEST(crcs),   TEST(crcs_of_pieces_at_any_address), TEST(constant_time_comparison),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
