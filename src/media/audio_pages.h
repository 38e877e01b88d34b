/*
 * The pages of an Ogg file (RFC 3533). A demuxer leaves out what is damaged and goes on, so that
 * the rest of the sound would come too early; here damage is noticed before. Pure.
 */
#ifndef MEDIA_AUDIO_PAGES_H
#define MEDIA_AUDIO_PAGES_H

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>

/* INVALID: a page is damaged (with the time, where it can be had) or the last one is not whole.
 * What follows the end of the stream is not looked at. */
MUST_CHECK bool audio_pages_check(struct str file, struct error *err);

#endif
