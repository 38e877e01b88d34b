/*
 * Motion within a picture: a view that moves over a canvas, sampled at fractions of a pixel, so
 * that slow movement does not jitter.
 *
 * The canvas is the composed picture, larger than the film by CAMERA_MAX_ZOOM_PERCENT: a view of
 * the smallest size is then sampled one to one. Views are exact: a pure function of motion, seed
 * and place in time, in integers.
 */
#ifndef MEDIA_CAMERA_H
#define MEDIA_CAMERA_H

#include "job/settings.h"
#include "media/frame.h"

#include <stdint.h>

/* The closest that motion goes. Of 1080p the canvas is then 2304x1296. */
enum { CAMERA_MAX_ZOOM_PERCENT = 120 };

/* A rectangle of the film's shape on the canvas; left, top and width in 1 / 2^32 of the canvas's
 * width (height), width = height share. */
struct view {
    uint64_t left, top, share;
};

/* The canvas's sides for a film's; even, and at most SETTINGS_MAX_SIDE. */
void camera_canvas_size(unsigned width, unsigned height, unsigned *ret_width, unsigned *ret_height);

/* The view at `step` of `count` (step < count) frames in which the image can be seen: from the
 * first to the last of them every point of the picture crosses the screen at constant speed. `seed`
 * decides what kenburns does. */
struct view camera_view(enum motion motion, uint64_t seed, uint64_t step, uint64_t count);

/* Keeps filters and buffers; one per thread. */
struct camera;
struct camera *camera_new(unsigned width, unsigned height);
void camera_free(struct camera *camera);

/* Fills `frame` (the film's size) with the view of the canvas (of camera_canvas_size). */
void camera_shoot(struct camera *camera, const struct frame *canvas, struct view view,
                  struct frame *frame);

#endif
