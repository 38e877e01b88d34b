/*
 * What rendering needs of EXIF: which way up, and when the picture was taken.
 */
#ifndef MEDIA_EXIF_H
#define MEDIA_EXIF_H

#include "base/arena.h"
#include "base/str.h"

struct exif {
    unsigned orientation; /* 1 to 8; 1 when it is not there or makes no sense */
    const char *captured; /* "2024-05-01T12:33:44.120" or without the fraction; in the arena; NULL:
                             not said, or no date */
};

/* From a TIFF structure (CIPA DC-008), such as the contents of an EXIF block or a whole TIFF file.
 * A damaged one says what can be read of it. */
struct exif exif_read(struct arena *arena, struct str data);

#endif
