/*
 * Decoded frames, in whatever pixel format and colour numbers their AVFrame says, into pixels.
 */
#ifndef MEDIA_UNPACK_H
#define MEDIA_UNPACK_H

#include "base/error.h"
#include "media/decode.h"
#include "media/planes.h"

#include <libavutil/frame.h>

/* Fills all of `ret` but `premultiplied`. The frame's data may lie in `planes` already, when they
 * are 8-bit Y'CbCr or grey laid out by planes_need. INVALID for formats and matrices that have no
 * meaning here. */
MUST_CHECK bool unpack_frame(const AVFrame *frame, struct planes *planes, struct pixels *ret,
                             struct error *err);

#endif
