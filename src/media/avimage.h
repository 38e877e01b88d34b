/*
 * PNG, WebP and TIFF through libavcodec.
 */
#ifndef MEDIA_AVIMAGE_H
#define MEDIA_AVIMAGE_H

#include "base/error.h"
#include "media/decode.h"
#include "media/planes.h"

/* Decodes the whole picture. Fills layout, size and planes of `ret`. INVALID when it is truncated,
 * damaged, or of a kind that the library does not read. */
MUST_CHECK bool avimage_decode(struct str image, const struct image_header *header,
                               struct planes *planes, struct pixels *ret, struct error *err);

#endif
