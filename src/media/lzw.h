/*
 * The variable-length-code LZW of GIF (GIF89a, section 22 and appendix F).
 */
#ifndef MEDIA_LZW_H
#define MEDIA_LZW_H

#include "base/str.h"

/* Appends the image data of `count` (at least 1) indices below 1 << `bits` (1 to 8): the minimum
 * code size, the sub-blocks, the terminator. LIMIT as buf_append. */
MUST_CHECK bool lzw_encode(const uint8_t *indices, size_t count, unsigned bits, struct buf *ret,
                           struct error *err);

#endif
