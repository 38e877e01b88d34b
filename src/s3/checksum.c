/*
 * CRC-64/NVME (polynomial 0xAD93D23594C93659, reflected, all ones before and after) is here, the
 * other sums are sign/digest's. Its table is made per body: 2,048 steps against a body of at least
 * some kilobytes, and no shared state.
 */
#include "s3/checksum.h"

#include "base/codec.h"

static const struct {
    const char *name;
    const char *header;
    size_t size;
} kinds[] = {
    [CHECKSUM_NONE] = {"", "", 0},
    [CHECKSUM_CRC32] = {"CRC32", "x-amz-checksum-crc32", 4},
    [CHECKSUM_CRC32C] = {"CRC32C", "x-amz-checksum-crc32c", 4},
    [CHECKSUM_CRC64NVME] = {"CRC64NVME", "x-amz-checksum-crc64nvme", 8},
    [CHECKSUM_SHA256] = {"SHA256", "x-amz-checksum-sha256", SHA256_SIZE},
};

enum checksum_kind checksum_kind_of_header(struct str name) {
    for (size_t i = CHECKSUM_CRC32; i < ARRAY_SIZE(kinds); i++) {
        if (str_equal_nocase(name, str_c(kinds[i].header)))
            return (enum checksum_kind)i;
    }
    return CHECKSUM_NONE;
}

const char *checksum_header(enum checksum_kind kind) {
    return kinds[kind].header;
}

const char *checksum_name(enum checksum_kind kind) {
    return kinds[kind].name;
}

void checksum_init(struct checksum *sum, enum checksum_kind kind) {
    *sum = (struct checksum){.kind = kind, .crc64 = UINT64_MAX};
    if (kind != CHECKSUM_CRC64NVME)
        return;
    for (uint64_t byte = 0; byte < 256; byte++) {
        uint64_t value = byte;
        for (int bit = 0; bit < 8; bit++)
            value = value & 1 ? value >> 1 ^ UINT64_C(0x9A6C9329AC4BC9B5) : value >> 1;
        sum->crc64_table[byte] = value;
    }
}

void checksum_add(struct checksum *sum, const void *data, size_t size) {
    const uint8_t *bytes = data;
    switch (sum->kind) {
    case CHECKSUM_CRC32:
        sum->crc32 = crc32_add(sum->crc32, data, size);
        return;
    case CHECKSUM_CRC32C:
        sum->crc32 = crc32c_add(sum->crc32, data, size);
        return;
    case CHECKSUM_CRC64NVME:
        for (size_t i = 0; i < size; i++)
            sum->crc64 = sum->crc64 >> 8 ^ sum->crc64_table[(sum->crc64 ^ bytes[i]) & 0xff];
        return;
    case CHECKSUM_NONE:
    case CHECKSUM_SHA256:
        return;
    }
}

static void put_big_endian(uint8_t *ret, uint64_t value, size_t size) {
    for (size_t i = size; i-- > 0; value >>= 8)
        ret[i] = (uint8_t)value;
}

const char *checksum_text(const struct checksum *sum, struct arena *arena,
                          const uint8_t hash[SHA256_SIZE]) {
    uint8_t bytes[8];
    switch (sum->kind) {
    case CHECKSUM_CRC32:
    case CHECKSUM_CRC32C:
        put_big_endian(bytes, sum->crc32, 4);
        return base64_encode(arena, bytes, 4);
    case CHECKSUM_CRC64NVME:
        put_big_endian(bytes, ~sum->crc64, 8);
        return base64_encode(arena, bytes, 8);
    case CHECKSUM_SHA256:
        return base64_encode(arena, hash, SHA256_SIZE);
    case CHECKSUM_NONE:
        break;
    }
    return "";
}

bool checksum_is_well_formed(enum checksum_kind kind, struct arena *arena, struct str text) {
    uint8_t *data;
    size_t size;
    return text.len <= 64 && base64_decode(arena, text, &data, &size) && size == kinds[kind].size;
}
