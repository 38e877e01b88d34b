/*
 * CRC-64/NVME (polynomial 0xAD93D23594C93659, reflected, all ones before and after) is here, the
 * other sums are sign/digest's. Its table is made per body: 2,048 steps against a body of at least
 * some kilobytes, and no shared state.
 */
#include "s3/checksum.h"

#include "base/codec.h"

#include <string.h>

#define CRC64_POLYNOMIAL UINT64_C(0x9A6C9329AC4BC9B5) /* reflected */

static const struct {
    const char *name;
    const char *header;
    const char *element;
    size_t size;
    uint64_t polynomial; /* of the CRCs, reflected */
} kinds[] = {
    [CHECKSUM_NONE] = {"", "", "", 0, 0},
    [CHECKSUM_CRC32] = {"CRC32", "x-amz-checksum-crc32", "ChecksumCRC32", 4, 0xEDB88320},
    [CHECKSUM_CRC32C] = {"CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C", 4, 0x82F63B78},
    [CHECKSUM_CRC64NVME] = {"CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME", 8,
                            CRC64_POLYNOMIAL},
    [CHECKSUM_SHA1] = {"SHA1", "x-amz-checksum-sha1", "ChecksumSHA1", SHA1_SIZE, 0},
    [CHECKSUM_SHA256] = {"SHA256", "x-amz-checksum-sha256", "ChecksumSHA256", SHA256_SIZE, 0},
};

enum checksum_kind checksum_kind_of_header(struct str name) {
    for (size_t i = CHECKSUM_CRC32; i < ARRAY_SIZE(kinds); i++) {
        if (str_equal_nocase(name, str_c(kinds[i].header)))
            return (enum checksum_kind)i;
    }
    return CHECKSUM_NONE;
}

enum checksum_kind checksum_kind_of_name(struct str name) {
    for (size_t i = CHECKSUM_CRC32; i < ARRAY_SIZE(kinds); i++) {
        if (str_equal_nocase(name, str_c(kinds[i].name)))
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

const char *checksum_element(enum checksum_kind kind) {
    return kinds[kind].element;
}

void checksum_init(struct checksum *sum, enum checksum_kind kind) {
    *sum = (struct checksum){.kind = kind, .crc64 = UINT64_MAX};
    if (kind == CHECKSUM_SHA1)
        sum->sha1 = digest_new(DIGEST_SHA1);
    if (kind != CHECKSUM_CRC64NVME)
        return;
    for (uint64_t byte = 0; byte < 256; byte++) {
        uint64_t value = byte;
        for (int bit = 0; bit < 8; bit++)
            value = value & 1 ? value >> 1 ^ CRC64_POLYNOMIAL : value >> 1;
        sum->crc64_table[byte] = value;
    }
}

void checksum_clear(struct checksum *sum) {
    digest_free(sum->sha1);
    sum->sha1 = NULL;
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
    case CHECKSUM_SHA1:
        digest_add(sum->sha1, data, size);
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
    uint8_t bytes[SHA1_SIZE];
    switch (sum->kind) {
    case CHECKSUM_CRC32:
    case CHECKSUM_CRC32C:
        put_big_endian(bytes, sum->crc32, 4);
        return base64_encode(arena, bytes, 4);
    case CHECKSUM_CRC64NVME:
        put_big_endian(bytes, ~sum->crc64, 8);
        return base64_encode(arena, bytes, 8);
    case CHECKSUM_SHA1:
        digest_take(sum->sha1, bytes);
        return base64_encode(arena, bytes, SHA1_SIZE);
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

/* ---- objects ---- */

static const char *const type_names[] = {"FULL_OBJECT", "COMPOSITE"};

const char *checksum_type_name(enum checksum_type type) {
    return type_names[type];
}

struct object_checksum checksum_parse(struct arena *arena, const char *text) {
    struct str rest;
    struct str name = str_split(str_c(text), ' ', &rest);
    struct str type = str_split(rest, ' ', &rest);
    return (struct object_checksum){
        .kind = checksum_kind_of_name(name),
        .type = str_equal_c(type, type_names[CHECKSUM_COMPOSITE]) ? CHECKSUM_COMPOSITE
                                                                  : CHECKSUM_FULL_OBJECT,
        .value = arena_strndup(arena, rest.len > 0 ? rest.ptr : "", rest.len),
    };
}

const char *checksum_format(struct arena *arena, const struct object_checksum *sum) {
    if (sum->kind == CHECKSUM_NONE)
        return "";
    bool has_value = sum->value && sum->value[0] != '\0';
    return arena_printf(arena, "%s %s%s%s", kinds[sum->kind].name, type_names[sum->type],
                        has_value ? " " : "", has_value ? sum->value : "");
}

bool checksum_choose_type(enum checksum_kind kind, struct str asked, enum checksum_type *ret,
                          struct error *err) {
    bool is_crc = kinds[kind].polynomial != 0;
    bool is_composite = str_equal_nocase(asked, str_c("COMPOSITE"));
    if (asked.len == 0) {
        *ret = kind == CHECKSUM_CRC64NVME ? CHECKSUM_FULL_OBJECT : CHECKSUM_COMPOSITE;
        return true;
    }
    if (!is_composite && !str_equal_nocase(asked, str_c("FULL_OBJECT")))
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "Value for x-amz-checksum-type header is invalid.");
    if (is_composite ? kind == CHECKSUM_CRC64NVME : !is_crc)
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "The %s checksum type cannot be used with the %s checksum algorithm.",
                         is_composite ? "COMPOSITE" : "FULL_OBJECT", kinds[kind].name);
    *ret = is_composite ? CHECKSUM_COMPOSITE : CHECKSUM_FULL_OBJECT;
    return true;
}

/* Product of two polynomials modulo `p`, all in reflected order: the highest bit is the constant
 * term. `one` has that bit alone. */
static uint64_t multiply(uint64_t a, uint64_t b, uint64_t p, uint64_t one) {
    uint64_t product = 0;
    for (uint64_t bit = one; bit != 0; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = b & 1 ? b >> 1 ^ p : b >> 1;
    }
    return product;
}

/* CRC of the text of the first followed by that of the second, which has `size` bytes: the first
 * moves up by as many bits, that is, it is multiplied by x to the power of 8 * size. */
static uint64_t combine(uint64_t first, uint64_t second, uint64_t size, uint64_t p, uint64_t one) {
    uint64_t factor = one;
    uint64_t square = one >> 8;
    for (; size > 0; size >>= 1) {
        if (size & 1)
            factor = multiply(factor, square, p, one);
        square = multiply(square, square, p, one);
    }
    return multiply(factor, first, p, one) ^ second;
}

static bool read_value(struct arena *arena, enum checksum_kind kind, const char *value,
                       uint8_t ret[CHECKSUM_MAX_SIZE]) {
    uint8_t *bytes;
    size_t size;
    if (!value || !base64_decode(arena, str_c(value), &bytes, &size) || size != kinds[kind].size)
        return false;
    memcpy(ret, bytes, size);
    return true;
}

static const char *full_of_parts(struct arena *arena, enum checksum_kind kind,
                                 const struct checksum_part *parts, size_t count) {
    size_t size = kinds[kind].size;
    uint64_t one = UINT64_C(1) << (8 * size - 1);
    uint64_t crc = 0;
    uint8_t bytes[CHECKSUM_MAX_SIZE];
    for (size_t i = 0; i < count; i++) {
        uint64_t next = 0;
        if (!read_value(arena, kind, parts[i].value, bytes))
            return NULL;
        for (size_t j = 0; j < size; j++)
            next = next << 8 | bytes[j];
        crc = combine(crc, next, parts[i].size, kinds[kind].polynomial, one);
    }
    put_big_endian(bytes, crc, size);
    return base64_encode(arena, bytes, size);
}

static const char *composite_of_parts(struct arena *arena, enum checksum_kind kind,
                                      const struct checksum_part *parts, size_t count) {
    size_t size = kinds[kind].size;
    uint8_t *all = arena_array(arena, count, size);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[CHECKSUM_MAX_SIZE];
        if (!read_value(arena, kind, parts[i].value, bytes))
            return NULL;
        memcpy(all + i * size, bytes, size);
    }
    struct checksum sum;
    uint8_t hash[SHA256_SIZE];
    checksum_init(&sum, kind);
    checksum_add(&sum, all, count * size);
    sha256(all, count * size, hash);
    const char *text = arena_printf(arena, "%s-%zu", checksum_text(&sum, arena, hash), count);
    checksum_clear(&sum);
    return text;
}

const char *checksum_of_parts(struct arena *arena, enum checksum_kind kind, enum checksum_type type,
                              const struct checksum_part *parts, size_t count) {
    return type == CHECKSUM_COMPOSITE ? composite_of_parts(arena, kind, parts, count)
                                      : full_of_parts(arena, kind, parts, count);
}
