/*
 * TIFF files that are something else: cameras' raw files begin as TIFF does.
 */
#ifndef MEDIA_TIFF_H
#define MEDIA_TIFF_H

#include "base/str.h"

#include <stdbool.h>

/* Whether a TIFF structure is a camera's raw file. Its first directory holds a small picture for
 * viewers, and rather than film that, its reader looks for a larger one. */
bool tiff_is_raw(struct str image);

#endif
