/*
 * What a file is by its first bytes, for those that this version does not read.
 */
#ifndef MEDIA_MAGIC_H
#define MEDIA_MAGIC_H

#include "base/error.h"
#include "base/str.h"

/* Says why the file is no image for this version: "is empty", "PDF is not supported by this
 * version", "not an image (it looks like text)", … Always INVALID; returns false. */
bool magic_refuse(struct str image, struct error *err);

#endif
