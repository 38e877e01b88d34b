/*
 * The film's sound before it is encoded: an audio file cut, repeated or followed by silence to the
 * film's exact length, with gain and fades, and nothing over full scale.
 *
 * Where the sound is cut off it ends in 10 ms instead of a click. Looped, it goes on without a gap
 * where end and beginning fit together, else through a crossfade of 10 ms.
 */
#ifndef MEDIA_AUDIO_TRACK_H
#define MEDIA_AUDIO_TRACK_H

#include "media/audio_source.h"

enum { AUDIO_SEAM_FRAMES = AUDIO_RATE / 100 };

struct audio_track_options {
    uint64_t frames;      /* the film's length */
    uint64_t heard;       /* of them are heard: `frames`, or less where the file is shorter */
    uint64_t fade_frames; /* at both ends of what is heard */
    double gain_db;
    bool is_loop;
};

struct audio_track;

/* The source must outlive the track, stand at its beginning and be left to it. */
struct audio_track *audio_track_new(struct audio_source *source,
                                    const struct audio_track_options *options);
void audio_track_free(struct audio_track *track);
void audio_track_cleanup(struct audio_track **track);

/* Exactly the next `count` frames, silence after the film's end. Failures are those of
 * audio_source_read. */
MUST_CHECK bool audio_track_read(struct audio_track *track, float *ret, size_t count,
                                 struct error *err);

#endif
