/*
 * The checksums that S3's clients send and ask for: x-amz-checksum-crc32, -crc32c, -crc64nvme,
 * -sha1 and -sha256, of bodies in pieces and of objects made of parts. Pure.
 *
 * An object of parts has either the checksum of all its bytes (FULL_OBJECT: only CRCs can be put
 * together from those of the parts) or the checksum of its parts' checksums (COMPOSITE: "value-N").
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
    CHECKSUM_SHA1,
    CHECKSUM_SHA256,
};
enum { CHECKSUM_MAX_SIZE = SHA256_SIZE };

/* From `x-amz-checksum-…` in any case; NONE when it is not such a name. */
enum checksum_kind checksum_kind_of_header(struct str name);
/* From "CRC32", … in any case; NONE when it is not one. */
enum checksum_kind checksum_kind_of_name(struct str name);
/* "x-amz-checksum-crc32", … */
const char *checksum_header(enum checksum_kind kind);
/* "CRC32", … */
const char *checksum_name(enum checksum_kind kind);
/* "ChecksumCRC32", … of documents. */
const char *checksum_element(enum checksum_kind kind);

/* A checksum over a body in pieces. SHA-256 is computed elsewhere and handed in at the end. */
struct checksum {
    enum checksum_kind kind;
    uint32_t crc32;
    uint64_t crc64;
    uint64_t crc64_table[256];
    struct digest *sha1;
};

void checksum_init(struct checksum *sum, enum checksum_kind kind);
void checksum_clear(struct checksum *sum); /* zeroed is fine */
void checksum_add(struct checksum *sum, const void *data, size_t size);
/* Base64, as in the header. Once. */
const char *checksum_text(const struct checksum *sum, struct arena *arena,
                          const uint8_t hash[SHA256_SIZE]);
/* `text` is the base64 of as many bytes as this kind has. */
bool checksum_is_well_formed(enum checksum_kind kind, struct arena *arena, struct str text);

/* ---- objects ---- */

enum checksum_type { CHECKSUM_FULL_OBJECT, CHECKSUM_COMPOSITE };
const char *checksum_type_name(enum checksum_type type);

/* The text that the store keeps: "CRC32 FULL_OBJECT NhCmhg==", without the value for uploads. */
struct object_checksum {
    enum checksum_kind kind; /* NONE: there is none */
    enum checksum_type type;
    const char *value;
};
struct object_checksum checksum_parse(struct arena *arena, const char *text);
const char *checksum_format(struct arena *arena, const struct object_checksum *sum);

/* Which type an upload has that asks for this algorithm and type ("" for the algorithm's own).
 * INVALID InvalidRequest where S3 knows no such pair. */
MUST_CHECK bool checksum_choose_type(enum checksum_kind kind, struct str asked,
                                     enum checksum_type *ret, struct error *err);

struct checksum_part {
    uint64_t size;
    const char *value; /* base64 */
};
/* Value of the object that consists of these parts; NULL when a part has no well-formed one. */
const char *checksum_of_parts(struct arena *arena, enum checksum_kind kind, enum checksum_type type,
                              const struct checksum_part *parts, size_t count);

#endif
