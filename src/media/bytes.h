/*
 * Integers in files. The caller has checked that the bytes are there.
 */
#ifndef MEDIA_BYTES_H
#define MEDIA_BYTES_H

#include <stdint.h>

static inline uint32_t read_be16(const uint8_t *p) {
    return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t read_be32(const uint8_t *p) {
    return read_be16(p) << 16 | read_be16(p + 2);
}

static inline uint32_t read_le16(const uint8_t *p) {
    return (uint32_t)p[1] << 8 | p[0];
}

static inline uint32_t read_le24(const uint8_t *p) {
    return (uint32_t)p[2] << 16 | read_le16(p);
}

static inline uint32_t read_le32(const uint8_t *p) {
    return read_le16(p + 2) << 16 | read_le16(p);
}

#endif
