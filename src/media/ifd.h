/*
 * Directories of a TIFF structure (TIFF 6.0, section 2): of EXIF blobs, and of the raw files of
 * cameras. Bounds are checked against the data at every step; nothing is allocated.
 */
#ifndef MEDIA_IFD_H
#define MEDIA_IFD_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ifd_data {
    const uint8_t *bytes;
    size_t size;
    bool big_endian;
};

struct ifd {
    size_t at; /* of the first entry */
    uint32_t count;
};

/* The first directory. The version number behind the byte order is not looked at: cameras put
 * letters of their own there. False when there is no directory. */
bool ifd_open(struct str data, struct ifd_data *ret_data, struct ifd *ret_first);
/* The directory at `offset`, of as many entries as the data hold. */
bool ifd_at(const struct ifd_data *data, uint32_t offset, struct ifd *ret);
bool ifd_has(const struct ifd_data *data, const struct ifd *ifd, uint16_t tag);
/* First value of the tag, a SHORT or LONG (or IFD); 0 when it is not there or something else. */
uint32_t ifd_number(const struct ifd_data *data, const struct ifd *ifd, uint16_t tag);
/* Value of the tag, a string or bytes of any meaning, as far as its count says; empty when it is
 * not there or not inside of the data. */
struct str ifd_bytes(const struct ifd_data *data, const struct ifd *ifd, uint16_t tag);

#endif
