/*
 * Loads media.so: beside the running executable, or in TACHYSCOPE_MEDIA's place. Linked into the
 * programs; the only file of this folder that is, besides the pure chunk, mp4 and splice.
 */
#ifndef MEDIA_LOAD_H
#define MEDIA_LOAD_H

#include "media/media.h"

/* Loads once per process; later calls give the same. The build id and ABI of the library must be
 * this program's own, else INVALID with both. Not thread-safe. */
MUST_CHECK bool media_load(const struct media_api **ret, struct error *err);

/* The build id that this program was made with: a hash of the media sources and the versions of the
 * libraries, without loading anything. */
const char *media_build_id(void);

#endif
