/*
 * A walk over entries of 12 bytes: tag, type, count, and the value or where it lies.
 */
#include "media/ifd.h"

#include "media/bytes.h"

#include <string.h>

enum {
    HEADER_BYTES = 8,
    ENTRY_BYTES = 12,

    TYPE_BYTE = 1,
    TYPE_ASCII = 2,
    TYPE_SHORT = 3,
    TYPE_LONG = 4,
    TYPE_UNDEFINED = 7,
    TYPE_IFD = 13,
};

static uint32_t read16(const struct ifd_data *data, size_t at) {
    return data->big_endian ? read_be16(data->bytes + at) : read_le16(data->bytes + at);
}

static uint32_t read32(const struct ifd_data *data, size_t at) {
    return data->big_endian ? read_be32(data->bytes + at) : read_le32(data->bytes + at);
}

bool ifd_at(const struct ifd_data *data, uint32_t offset, struct ifd *ret) {
    if (offset > data->size || data->size - offset < 2)
        return false;
    uint32_t count = read16(data, offset);
    size_t room = (data->size - offset - 2) / ENTRY_BYTES;
    *ret = (struct ifd){(size_t)offset + 2, room < count ? (uint32_t)room : count};
    return true;
}

bool ifd_open(struct str data, struct ifd_data *ret_data, struct ifd *ret_first) {
    if (data.len < HEADER_BYTES ||
        (memcmp(data.ptr, "II", 2) != 0 && memcmp(data.ptr, "MM", 2) != 0))
        return false;
    *ret_data = (struct ifd_data){(const uint8_t *)data.ptr, data.len, data.ptr[0] == 'M'};
    return ifd_at(ret_data, read32(ret_data, 4), ret_first);
}

/* Where the tag's entry is; 0 when there is none. */
static size_t find(const struct ifd_data *data, const struct ifd *ifd, uint16_t tag) {
    for (uint32_t i = 0; i < ifd->count; i++) {
        size_t at = ifd->at + (size_t)i * ENTRY_BYTES;
        if (read16(data, at) == tag)
            return at;
    }
    return 0;
}

bool ifd_has(const struct ifd_data *data, const struct ifd *ifd, uint16_t tag) {
    return find(data, ifd, tag) != 0;
}

/* `size` is that of all values together. False when they are not inside of the data. */
static bool locate(const struct ifd_data *data, size_t entry, uint64_t size, size_t *ret) {
    if (size <= 4) {
        *ret = entry + 8;
        return true;
    }
    *ret = read32(data, entry + 8);
    return *ret <= data->size && size <= data->size - *ret;
}

uint32_t ifd_number(const struct ifd_data *data, const struct ifd *ifd, uint16_t tag) {
    size_t entry = find(data, ifd, tag), at;
    if (entry == 0)
        return 0;
    uint32_t type = read16(data, entry + 2);
    uint64_t count = read32(data, entry + 4);
    if (type == TYPE_SHORT)
        return count > 0 && locate(data, entry, count * 2, &at) ? read16(data, at) : 0;
    if (type == TYPE_LONG || type == TYPE_IFD)
        return count > 0 && locate(data, entry, count * 4, &at) ? read32(data, at) : 0;
    return 0;
}

struct str ifd_bytes(const struct ifd_data *data, const struct ifd *ifd, uint16_t tag) {
    size_t entry = find(data, ifd, tag), at;
    if (entry == 0)
        return (struct str){NULL, 0};
    uint32_t type = read16(data, entry + 2), count = read32(data, entry + 4);
    bool is_bytes = type == TYPE_BYTE || type == TYPE_ASCII || type == TYPE_UNDEFINED;
    if (!is_bytes || !locate(data, entry, count, &at))
        return (struct str){NULL, 0};
    return (struct str){(const char *)data->bytes + at, count};
}
