/*
 * Checksums that come with a body: Content-MD5 and x-amz-checksum-crc32, -crc32c, -crc64nvme and
 * -sha256. Pure.
 */
#ifndef S3_CHECKSUM_H
#define S3_CHECKSUM_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "sign/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum checksum_kind {
    CHECKSUM_NONE,
    CHECKSUM_CRC32,
    CHECKSUM_CRC32C,
    CHECKSUM_CRC64NVME,
    CHECKSUM_SHA256,
};

/* From `x-amz-checksum-…` in any case; NONE when it is not such a name. */
enum checksum_kind checksum_kind_of_header(struct str name);
/* "x-amz-checksum-crc32", … */
const char *checksum_header(enum checksum_kind kind);
/* "CRC32", … */
const char *checksum_name(enum checksum_kind kind);

/* A checksum over a body in pieces. SHA-256 is computed elsewhere and handed in at the end. */
struct checksum {
    enum checksum_kind kind;
    uint32_t crc32;
    uint64_t crc64;
    uint64_t crc64_table[256];
};

void checksum_init(struct checksum *sum, enum checksum_kind kind);
void checksum_add(struct checksum *sum, const void *data, size_t size);
/* Base64, as in the header. */
const char *checksum_text(const struct checksum *sum, struct arena *arena,
                          const uint8_t hash[SHA256_SIZE]);
/* `text` is the base64 of as many bytes as this kind has. */
bool checksum_is_well_formed(enum checksum_kind kind, struct arena *arena, struct str text);

#endif
