/*
 * From one picture to the next. Pure, in integers.
 */
#ifndef MEDIA_TRANSITION_H
#define MEDIA_TRANSITION_H

#include "job/settings.h"
#include "media/frame.h"

#include <stdint.h>

/* Fills `frame` with what lies between `from` and `to` (all of one size; `frame` is neither) at
 * `step` of `steps`, 0 < step < steps. crossfade: shares of the two in Y'CbCr as it is done
 * everywhere; fadeblack, fadewhite: out in the first half, in in the second; wipes: a straight
 * edge, at fractions of a pixel, uncovers `to`; slides: `to` pushes `from` out, at fractions of a
 * pixel. */
void transition_mix(enum transition transition, const struct frame *from, const struct frame *to,
                    uint32_t step, uint32_t steps, struct frame *frame);

#endif
