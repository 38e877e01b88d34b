/*
 * Three stages, block by block: `play` makes one endless sound of the source (the last 10 ms that
 * were read are always held back, because only then is it known whether they are an end), `shape`
 * puts gain and fades on it by the place in the film, and the limiter comes last.
 */
#include "media/audio_track.h"

#include "media/audio_limit.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_FRAMES = 4096, QUEUE_FRAMES = BLOCK_FRAMES + AUDIO_SEAM_FRAMES, MAX_CHANNELS = 2 };

static const double PI = 3.14159265358979323846;

struct audio_track {
    struct audio_source *source;
    struct audio_track_options options;
    unsigned channels;
    double gain;
    uint64_t fade_in, fade_out; /* frames */
    uint64_t place;             /* of the next frame into the limiter */
    struct audio_limiter limiter;
    bool is_primed; /* the limiter's delay is over */

    float queue[QUEUE_FRAMES * MAX_CHANNELS];
    size_t queue_count;
    float head[AUDIO_SEAM_FRAMES * MAX_CHANNELS]; /* the source's first frames */
    size_t head_count;
    uint64_t source_count; /* frames read in this round */
    bool is_ended;         /* the source; without loop */
};

struct audio_track *audio_track_new(struct audio_source *source,
                                    const struct audio_track_options *options) {
    struct audio_track *track = calloc(1, sizeof *track);
    if (track == NULL)
        die_out_of_memory();
    assert(options->heard <= options->frames);
    track->source = source;
    track->options = *options;
    track->channels = audio_source_channels(source);
    track->gain = pow(10, options->gain_db / 20);
    uint64_t half = options->heard / 2, fade = options->fade_frames;
    track->fade_in = fade < half ? fade : half;
    fade = fade > AUDIO_SEAM_FRAMES ? fade : AUDIO_SEAM_FRAMES;
    track->fade_out = fade < half ? fade : half;
    audio_limiter_init(&track->limiter, track->channels);
    return track;
}

void audio_track_free(struct audio_track *track) {
    free(track);
}

void audio_track_cleanup(struct audio_track **track) {
    audio_track_free(*track);
}

/* A rise from 0 to 1 without corners. */
static double rise(double share) {
    return 0.5 - 0.5 * cos(PI * share);
}

static float *queue_at(struct audio_track *track, size_t frame) {
    return track->queue + frame * track->channels;
}

/* The sound stops where the file does. */
static void end_sound(struct audio_track *track) {
    size_t count = track->queue_count < AUDIO_SEAM_FRAMES ? track->queue_count : AUDIO_SEAM_FRAMES;
    float *tail = queue_at(track, track->queue_count - count);
    for (size_t i = 0; i < count; i++)
        for (unsigned c = 0; c < track->channels; c++)
            tail[i * track->channels + c] *=
                (float)rise(((double)(count - i) - 0.5) / (double)count);
    track->is_ended = true;
}

/* How far a sample is from the straight line through its neighbours. */
static float bend(const float *samples, size_t stride) {
    return fabsf(samples[0] - 2 * samples[stride] + samples[2 * stride]);
}

static float sharpest_bend(const float *samples, size_t count, size_t stride) {
    float most = 0;
    for (size_t i = 0; i + 2 < count; i++) {
        float here = bend(samples + i * stride, stride);
        most = here > most ? here : most;
    }
    return most;
}

/* Does the beginning go on from the end without a jump or a corner that is sharper than those of
 * the sound around it? Then it was made to be looped, or both are silent. */
static bool is_seamless(const struct audio_track *track, const float *tail) {
    const float hardly = 1e-4f; /* -80 dB */
    size_t stride = track->channels, last = (AUDIO_SEAM_FRAMES - 2) * stride;
    for (unsigned c = 0; c < track->channels; c++) {
        float seam[4] = {tail[last + c], tail[last + stride + c], track->head[c],
                         track->head[stride + c]};
        float before = sharpest_bend(tail + c, AUDIO_SEAM_FRAMES, stride);
        float after = sharpest_bend(track->head + c, AUDIO_SEAM_FRAMES, stride);
        float around = before > after ? before : after;
        if (sharpest_bend(seam, 4, 1) > 1.5f * around + hardly)
            return false;
    }
    return true;
}

/* Reads up to `max` frames behind what is in the queue; 0: the source's end. */
static bool read_source(struct audio_track *track, size_t max, size_t *ret, struct error *err) {
    float *target = queue_at(track, track->queue_count);
    if (!audio_source_read(track->source, target, max, ret, err))
        return false;
    size_t room = AUDIO_SEAM_FRAMES - track->head_count;
    if (track->source_count < AUDIO_SEAM_FRAMES && room > 0) {
        size_t now = *ret < room ? *ret : room;
        memcpy(track->head + track->head_count * track->channels, target,
               now * track->channels * sizeof *target);
        track->head_count += now;
    }
    track->queue_count += *ret;
    track->source_count += *ret;
    return true;
}

/* Mixes the first frames of the next round into the last ones of this round. */
static bool crossfade(struct audio_track *track, float *tail, struct error *err) {
    for (size_t done = 0; done < AUDIO_SEAM_FRAMES;) {
        float head[AUDIO_SEAM_FRAMES * MAX_CHANNELS];
        size_t count;
        if (!audio_source_read(track->source, head, AUDIO_SEAM_FRAMES - done, &count, err))
            return false;
        assert(count > 0);
        for (size_t i = 0; i < count; i++) {
            double angle = PI / 2 * ((double)(done + i) + 0.5) / AUDIO_SEAM_FRAMES;
            for (unsigned c = 0; c < track->channels; c++) {
                float *sample = &tail[(done + i) * track->channels + c];
                *sample =
                    (float)(*sample * cos(angle) + head[i * track->channels + c] * sin(angle));
            }
        }
        done += count;
        track->source_count += count;
    }
    return true;
}

static bool start_again(struct audio_track *track, struct error *err) {
    bool has_room = track->source_count >= 2 * AUDIO_SEAM_FRAMES;
    if (!audio_source_rewind(track->source, err))
        return false;
    track->source_count = 0;
    if (!has_room)
        return true;
    float *tail = queue_at(track, track->queue_count - AUDIO_SEAM_FRAMES);
    return is_seamless(track, tail) || crossfade(track, tail, err);
}

/* The endless sound: the next `count` frames, at most a block. */
static bool play(struct audio_track *track, float *ret, size_t count, struct error *err) {
    while (!track->is_ended && track->queue_count < count + AUDIO_SEAM_FRAMES) {
        size_t got;
        if (!read_source(track, QUEUE_FRAMES - track->queue_count, &got, err))
            return false;
        if (got > 0)
            continue;
        if (!track->options.is_loop)
            end_sound(track);
        else if (!start_again(track, err))
            return false;
    }
    size_t now = count < track->queue_count ? count : track->queue_count;
    memcpy(ret, track->queue, now * track->channels * sizeof *ret);
    memset(ret + now * track->channels, 0, (count - now) * track->channels * sizeof *ret);
    track->queue_count -= now;
    memmove(track->queue, queue_at(track, now), track->queue_count * track->channels * sizeof *ret);
    return true;
}

static double gain_at(const struct audio_track *track, uint64_t place) {
    uint64_t end = track->options.heard;
    double gain = track->gain;
    if (place >= end)
        return 0;
    if (place < track->fade_in)
        gain *= rise(((double)place + 0.5) / (double)track->fade_in);
    if (end - place <= track->fade_out)
        gain *= rise(((double)(end - place) - 0.5) / (double)track->fade_out);
    return gain;
}

static void shape(struct audio_track *track, float *frames, size_t count) {
    for (size_t i = 0; i < count; i++, track->place++) {
        double gain = gain_at(track, track->place);
        for (unsigned c = 0; c < track->channels; c++)
            frames[i * track->channels + c] = (float)(frames[i * track->channels + c] * gain);
    }
}

/* What is past the end is not read any more, so that a long file costs what the film needs. */
static bool run_block(struct audio_track *track, float *ret, size_t count, struct error *err) {
    size_t samples = count * track->channels;
    if (track->place >= track->options.heard)
        memset(ret, 0, samples * sizeof *ret);
    else if (!play(track, ret, count, err))
        return false;
    shape(track, ret, count);
    audio_limiter_run(&track->limiter, ret, count);
    return true;
}

bool audio_track_read(struct audio_track *track, float *ret, size_t count, struct error *err) {
    if (!track->is_primed) {
        float early[AUDIO_LIMIT_DELAY * MAX_CHANNELS];
        if (!run_block(track, early, AUDIO_LIMIT_DELAY, err))
            return false;
        track->is_primed = true;
    }
    while (count > 0) {
        size_t now = count < BLOCK_FRAMES ? count : BLOCK_FRAMES;
        if (!run_block(track, ret, now, err))
            return false;
        ret += now * track->channels;
        count -= now;
    }
    return true;
}
