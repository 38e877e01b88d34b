/*
 * Hashes, over OpenSSL's libcrypto. Pure.
 */
#ifndef SIGN_DIGEST_H
#define SIGN_DIGEST_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MD5_SIZE = 16,
    SHA1_SIZE = 20, /* for checksums that S3's clients ask for, nothing else */
    SHA256_SIZE = 32,
    MD5_HEX_SIZE = 33,
    SHA256_HEX_SIZE = 65
};

/* Hash of one piece. */
void md5(const void *data, size_t size, uint8_t ret[MD5_SIZE]);
void sha256(const void *data, size_t size, uint8_t ret[SHA256_SIZE]);
void sha256_hex(const void *data, size_t size, char ret[SHA256_HEX_SIZE]);
void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
                 uint8_t ret[SHA256_SIZE]);

/* Hash of pieces. */
struct digest;
enum digest_kind { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256 };
struct digest *digest_new(enum digest_kind kind);
void digest_add(struct digest *digest, const void *data, size_t size);
/* Writes MD5_SIZE, SHA1_SIZE or SHA256_SIZE bytes and makes the digest ready for a new start. */
void digest_take(struct digest *digest, void *ret);
void digest_free(struct digest *digest);

/* Base64 (big-endian) CRCs of `x-amz-checksum-crc32` and `-crc32c`. Start with 0. */
uint32_t crc32_add(uint32_t crc, const void *data, size_t size);
uint32_t crc32c_add(uint32_t crc, const void *data, size_t size);

/* Compares in a time that does not depend on where they differ. */
bool equal_constant_time(const void *a, const void *b, size_t size);

#endif
