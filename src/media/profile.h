/*
 * ICC colour profiles. This version names those that it does not apply; converting by them belongs
 * between decoding and composing (see compose.c).
 */
#ifndef MEDIA_PROFILE_H
#define MEDIA_PROFILE_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>

/* Whether the profile means something else than sRGB (or the same curve for grey); then
 * `*ret_name` is its description, printable ASCII. */
bool profile_differs(struct arena *arena, struct str profile, const char **ret_name);

#endif
