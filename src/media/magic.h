/*
 * What a file is by its first bytes, for those that this version does not read.
 */
#ifndef MEDIA_MAGIC_H
#define MEDIA_MAGIC_H

#include "base/error.h"
#include "base/str.h"

/* Says why the file is no image for this version: "is empty", "HEIC is not supported by this
 * version", "not an image (it looks like text)", … Always INVALID; returns false. */
bool magic_refuse(struct str image, struct error *err);
/* As magic_refuse for what only looks like a supported format (raw files in TIFF's clothes); true
 * when there is nothing against it. */
MUST_CHECK bool magic_check(struct str image, struct error *err);

#endif
