/*
 * The sound of a job's film as it lies in the store: one object of all packets, of which a task
 * reads the part that its segments carry.
 */
#ifndef FUNCTIONS_SOUND_H
#define FUNCTIONS_SOUND_H

#include "functions/context.h"
#include "media/mux.h"

struct film_sound {
    const struct sound_index *index; /* NULL: the film is silent */
    const char *etag;
};

/* Where the plan has audio, the index of the sound object, which lies there before any task does:
 * UNAVAILABLE when not. */
MUST_CHECK bool film_sound_read(struct functions *functions, struct arena *arena,
                                const struct plan *plan, struct film_sound *ret, struct error *err);

/* The packets of a range of segments. */
MUST_CHECK bool film_sound_packets(struct functions *functions, struct arena *arena,
                                   const struct plan *plan, const struct film_sound *sound,
                                   struct segment_range range, struct mux_sound_source *ret,
                                   struct error *err);

#endif
