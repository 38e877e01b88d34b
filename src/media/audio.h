/*
 * The sound of a film: how long an audio file lasts, and its encoded form as long as the film.
 */
#ifndef MEDIA_AUDIO_H
#define MEDIA_AUDIO_H

#include "base/arena.h"
#include "job/plan.h"
#include "media/media.h"
#include "media/sound.h"

/* media_api's probe_audio. */
MUST_CHECK bool audio_probe(struct str file, struct media_audio_facts *ret, struct error *err);

/* media_api's encode_audio. The film must have sound in a format that can (not GIF). Needs memory
 * for the packets twice (24 KB a second), the file, and a few megabytes. LIMIT: the film is longer
 * than AUDIO_MAX_FILM_SECONDS. */
MUST_CHECK bool audio_encode(struct arena *arena, const struct plan *plan, struct str file,
                             struct str *ret, struct error *err);

/* The same before it is an object: the index, and its packets back to back, appended. */
MUST_CHECK bool audio_encode_packets(struct arena *arena, const struct plan *plan, struct str file,
                                     struct sound_index *ret, struct buf *ret_packets,
                                     struct error *err);

/* The film's length in samples of AUDIO_RATE, rounded, halves up. LIMIT over
 * AUDIO_MAX_FILM_SECONDS. */
MUST_CHECK bool audio_film_samples(const struct plan *plan, uint64_t *ret, struct error *err);

#endif
