/*
 * JPEG through TurboJPEG, scaled in the DCT domain where that saves time.
 */
#ifndef MEDIA_JPEG_H
#define MEDIA_JPEG_H

#include "base/arena.h"
#include "base/error.h"
#include "media/decode.h"
#include "media/planes.h"

#include <turbojpeg.h>

/* See decoder_run. Fills layout, planes and warnings of `ret`. */
MUST_CHECK bool jpeg_decode(tjhandle handle, struct arena *arena, struct str image,
                            const struct image_header *header, unsigned wanted_width,
                            unsigned wanted_height, struct planes *planes, struct pixels *ret,
                            struct error *err);

#endif
