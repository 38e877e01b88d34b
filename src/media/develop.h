/*
 * From the decoded samples of a picture to the film's colours, row by row, at the target's size.
 */
#ifndef MEDIA_DEVELOP_H
#define MEDIA_DEVELOP_H

#include "media/decode.h"
#include "media/frame.h"
#include "media/place.h"
#include "media/space.h"

/* Keeps tables and buffers from picture to picture; one per thread. */
struct developer;
struct developer *developer_new(void);
void developer_free(struct developer *developer);

/* Good until the next call. */
const struct space *developer_space(struct developer *developer, const struct image_colour *colour);

/* Fills the part of `frame` that `place` says. `space` is what developer_space said of the picture.
 * `background` is sRGB. The samples in `pixels` may be changed. Returns a warning for the receipt
 * (static) or NULL. */
const char *developer_run(struct developer *developer, struct pixels *pixels,
                          const struct space *space, const struct placement *place,
                          const uint8_t background[3], struct frame *frame);

#endif
