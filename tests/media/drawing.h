/*
 * Pictures for tests of the encoder: made by arithmetic, told apart by their number.
 */
#ifndef TESTS_MEDIA_DRAWING_H
#define TESTS_MEDIA_DRAWING_H

#include "media/frame.h"

/* Fills an initialised frame with picture `number`: a slanted gradient with texture that moves and
 * changes its brightness with the number. */
void draw_picture(struct frame *frame, unsigned number);

#endif
