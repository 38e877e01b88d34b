/*
 * From the bytes of one image to one composed picture: decode (scaled where the codec can), orient,
 * resample, convert colours, place on the canvas.
 */
#ifndef MEDIA_COMPOSE_H
#define MEDIA_COMPOSE_H

#include "base/arena.h"
#include "base/error.h"
#include "job/receipt.h"
#include "job/settings.h"
#include "media/frame.h"

struct compose_target {
    unsigned width, height;
    enum fit fit;
    uint8_t background[3]; /* sRGB */
};

/* Keeps buffers and codec handles from image to image; one per thread. */
struct composer;
struct composer *composer_new(const struct compose_target *target);
void composer_free(struct composer *composer);

/* Fills `frame` (of the target's size). `rotate`: degrees clockwise after the orientation of the
 * image, 0, 90, 180 or 270. INVALID when the image cannot be used: the text says why
 * and names no image. `ret_receipt` is filled as far as known also on failure (name left alone);
 * strings in the arena. */
MUST_CHECK bool composer_run(struct composer *composer, struct arena *arena, struct str image,
                             unsigned rotate, struct frame *frame, struct receipt *ret_receipt,
                             struct error *err);

/* The header only: see media_api.probe. */
void compose_probe(struct arena *arena, struct str image, struct receipt *ret, unsigned *ret_width,
                   unsigned *ret_height);

/* JPEG (4:2:0, quality 90, full-range BT.601 sRGB as browsers expect) of a composed picture. */
MUST_CHECK bool compose_poster(struct arena *arena, const struct frame *frame, struct str *ret,
                               struct error *err);

#endif
