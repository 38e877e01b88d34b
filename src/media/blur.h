/*
 * Margins filled by the picture itself: enlarged until it covers the canvas, out of focus and a
 * little darker.
 */
#ifndef MEDIA_BLUR_H
#define MEDIA_BLUR_H

#include "media/frame.h"
#include "media/place.h"

/* Keeps filters and buffers; one per thread. */
struct blur;
struct blur *blur_new(unsigned width, unsigned height); /* the canvas's size */
void blur_free(struct blur *blur);

/* Fills what the placed picture leaves over of `frame`, which has the picture already. */
void blur_margins(struct blur *blur, const struct placement *place, struct frame *frame);

#endif
