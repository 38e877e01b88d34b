/*
 * From file to sound object: decode, resample, shape and encode in blocks; only the packets are
 * ever whole in memory.
 *
 * A fade at the end needs to know where the end is: when the file may be shorter than the film it
 * is decoded twice, the first time to count.
 */
#include "media/audio.h"

#include "media/audio_decode.h"
#include "media/audio_encode.h"
#include "media/audio_source.h"
#include "media/audio_track.h"

#include <assert.h>

/* Decodes the file to its end, or until it is longer than `enough` samples of AUDIO_RATE. */
static bool count_samples(struct str file, uint64_t enough, struct media_audio_facts *ret,
                          struct error *err) {
    struct audio_decoder *decoder CLEANUP(audio_decoder_cleanup) = NULL;
    const AVFrame *frame;
    if (!audio_decoder_new(file, &decoder, err))
        return false;
    do {
        if (!audio_decoder_next(decoder, &frame, err))
            return false;
        ret->samples = audio_decoder_samples(decoder);
        ret->rate = audio_decoder_rate(decoder);
    } while (frame != NULL && ret->samples * AUDIO_RATE / ret->rate <= enough);
    return true;
}

bool audio_probe(struct str file, struct media_audio_facts *ret, struct error *err) {
    struct media_audio_facts facts;
    if (!count_samples(file, UINT64_MAX, &facts, err))
        return error_prefix(err, "audio");
    *ret = facts;
    return true;
}

bool audio_film_samples(const struct plan *plan, uint64_t *ret, struct error *err) {
    uint64_t num = (uint64_t)plan->manifest.settings.fps.num,
             den = (uint64_t)plan->manifest.settings.fps.den;
    /* At most 2e7 frames, 1e6 and 48000: below 2^60. */
    uint64_t samples = (plan->timeline.frame_count * den * AUDIO_RATE + num / 2) / num;
    if (samples > (uint64_t)AUDIO_MAX_FILM_SECONDS * AUDIO_RATE)
        return error_set(err, ERROR_LIMIT, NULL, "a film with sound lasts at most %d hours",
                         AUDIO_MAX_FILM_SECONDS / 3600);
    *ret = samples > 0 ? samples : 1;
    return true;
}

/* Frames of the film on which the file is heard. */
static bool count_heard(const struct settings *settings, struct str file, uint64_t film,
                        uint64_t *ret, struct error *err) {
    struct media_audio_facts facts;
    *ret = film;
    if (settings->audio_loop || settings->audio_fade.num == 0)
        return true;
    if (!count_samples(file, film, &facts, err))
        return false;
    uint64_t samples = (facts.samples * AUDIO_RATE + facts.rate / 2) / facts.rate;
    *ret = samples < film ? samples : film;
    return true;
}

bool audio_encode_packets(struct arena *arena, const struct plan *plan, struct str file,
                          struct sound_index *ret, struct buf *ret_packets, struct error *err) {
    const struct settings *settings = &plan->manifest.settings;
    struct audio_source *source CLEANUP(audio_source_cleanup) = NULL;
    struct audio_track *track CLEANUP(audio_track_cleanup) = NULL;
    struct audio_track_options options = {.is_loop = settings->audio_loop};
    assert(settings->format != FORMAT_GIF);
    if (!audio_film_samples(plan, &options.frames, err) ||
        !count_heard(settings, file, options.frames, &options.heard, err) ||
        !audio_source_new(file, &source, err))
        return false;
    /* At most 600 s, with 9 digits behind the point. */
    options.fade_frames =
        (uint64_t)(settings->audio_fade.num * AUDIO_RATE / settings->audio_fade.den);
    options.gain_db = (double)settings->audio_gain.num / (double)settings->audio_gain.den;
    track = audio_track_new(source, &options);
    struct audio_encode encode = {track, audio_source_channels(source), options.frames};
    return settings->format == FORMAT_WEBM
               ? audio_encode_opus(arena, &encode, ret, ret_packets, err)
               : audio_encode_aac(arena, &encode, ret, ret_packets, err);
}

bool audio_encode(struct arena *arena, const struct plan *plan, struct str file, struct str *ret,
                  struct error *err) {
    struct buf packets CLEANUP(buf_clear);
    struct sound_index index;
    buf_init(&packets, AUDIO_MAX_ENCODED_BYTES);
    if (!audio_encode_packets(arena, plan, file, &index, &packets, err))
        return error_prefix(err, "audio");
    *ret = sound_to_object(arena, &index, buf_str(&packets));
    return true;
}
