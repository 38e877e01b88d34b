/*
 * The one thing that rendering needs of EXIF: which way up.
 */
#ifndef MEDIA_EXIF_H
#define MEDIA_EXIF_H

#include "base/str.h"

/* 1 to 8 from a TIFF structure (CIPA DC-008, tag 0x0112); 1 when it is not there or makes no
 * sense. */
unsigned exif_orientation(struct str exif);

#endif
