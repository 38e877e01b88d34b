/*
 * Evens out brightness from image to image of a time-lapse. The light of an image is the mean of
 * what it shows; its gain takes it to the mean over the window around it. Since both depend on
 * the images alone, the result is the same in any segmentation.
 */
#ifndef MEDIA_DEFLICKER_H
#define MEDIA_DEFLICKER_H

#include "media/frame.h"

#include <stddef.h>
#include <stdint.h>

/* The mean light of a composed picture in linear light, 16.16 fixed point; at least 1. */
uint32_t deflicker_light(const struct frame *frame);

/* The gain (16.16, from 1/2 to 2, within which it looks like the same picture) of the image at
 * `place` of `lights`, which hold the image and its neighbours; 0 in `lights` is an image that
 * could not be measured and does not count. */
uint32_t deflicker_gain(const uint32_t *lights, size_t count, size_t place);

/* Applies the gain (16.16, from 1/2 to 2) in linear light to a composed picture; in highlights it
 * fades out, so that white stays white. Hues stay. A gain of 1 leaves the bytes as they are. */
void deflicker_apply(uint32_t gain, struct frame *frame);

#endif
