/*
 * Sound for tests: silence with one click, encoded by libavcodec.
 */
#ifndef TESTS_MEDIA_TUNE_H
#define TESTS_MEDIA_TUNE_H

#include "media/sound.h"

struct tune {
    struct sound_index index;
    struct str packets;
    struct str object; /* sound_to_object of the two */
};

/* `codec` "aac" or "opus", 48,000 samples a second, stereo; the click is at sample `click`. */
void tune_make(struct arena *arena, const char *codec, uint64_t samples, uint64_t click,
               struct tune *ret);

/* Without an encoder: packets of made-up bytes. */
void tune_fake(struct arena *arena, const char *codec, uint64_t samples, struct tune *ret);

#endif
