/*
 * The memory behind decoded pictures, kept by the decoder from image to image.
 */
#ifndef MEDIA_PLANES_H
#define MEDIA_PLANES_H

#include "media/decode.h"
#include "media/scratch.h"

struct planes {
    struct scratch buffers[4];
    struct scratch staging; /* for what is decoded in another form than planes */
};

/* Lays out `count` planes for pixels whose layout, depth, size and chroma shifts are set. Luma of
 * YUV has room for whole chroma samples. */
void planes_need(struct planes *planes, struct pixels *pixels, unsigned count);
/* Gives back what is larger than usual photos need. */
void planes_trim(struct planes *planes);
void planes_clear(struct planes *planes);

#endif
