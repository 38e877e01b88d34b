/*
 * Inside of the reader of HEIC and AVIF: an open file, its coded pictures as frames, and grids.
 */
#ifndef MEDIA_HEIF_H
#define MEDIA_HEIF_H

#include "base/error.h"
#include "media/heif_items.h"
#include "media/readers.h"

#include <libavutil/frame.h>
#include <libheif/heif.h>
#include <stdbool.h>

struct heif {
    struct heif_context *context;
    struct heif_image_handle *primary;
    struct heif_decoding_options *options;
    struct heif_items items;
    bool turns_itself; /* the library applies all properties */
};

/* What the picture's numbers mean: what the file says, else what the frame itself says, else BT.601
 * in full range, which is what the standard takes for granted. */
void heif_set_colours(const struct heif *heif, AVFrame *frame);
/* An image of the library as a frame that looks into it. False when no pixel format of libavutil is
 * like it. */
bool heif_view(const struct heif *heif, const struct heif_image *image, AVFrame *frame);

/* Whether the primary picture is one that heif_decode_pictures does: a coded picture or a grid of
 * such, with nothing more to it. */
bool heif_is_plain(const struct heif *heif);
/* INVALID when a picture is damaged, or the tiles differ. */
MUST_CHECK bool heif_decode_pictures(const struct heif *heif, const struct reading *reading,
                                     struct pixels *ret, struct error *err);

/* Before the library decodes: whether each picture decodes, within the limits, and is of the size
 * that the file says. The library's decoders make room for whatever the bitstream asks for. */
MUST_CHECK bool heif_check_pictures(const struct heif *heif, const struct reading *reading,
                                    struct error *err);

#endif
