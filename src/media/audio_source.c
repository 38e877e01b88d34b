/*
 * Decoder, then libswresample. The resampler is made anew whenever rate, channels or format of the
 * frames change, so that files that were glued together play on; its own delay is taken out by it.
 *
 * The beginning of the file is remembered: a short sound that is looped for hours would otherwise
 * be opened again a million times.
 */
#include "media/audio_source.h"

#include "media/audio_decode.h"
#include "media/scratch.h"

#include <assert.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_CHANNELS = 2,
    MEMORY_FRAMES = 10 * AUDIO_RATE,
    MAX_BLOCK_FRAMES = 1024 * 1024, /* FLAC's longest frame of 65,535 at 8 kHz makes 400,000 */
    /* Taps at the lower of the two rates, and the edge of what passes: flat to 20 kHz, and what
     * folds back is below -90 dB. */
    FILTER_TAPS = 64,
};
static const double FILTER_CUTOFF = 0.97;

struct audio_source {
    struct str file;
    struct audio_decoder *decoder;
    unsigned channels;
    SwrContext *resampler; /* NULL before the first frame and at the end */
    AVChannelLayout layout;
    int rate, format;    /* of its input */
    const AVFrame *next; /* not given to the resampler yet: of another form */
    bool is_ended;       /* the decoder has no more */

    float *memory; /* the first frames of the file */
    size_t memory_count;
    bool is_whole;  /* the memory is all of the file */
    uint64_t place; /* frames read since the beginning */

    struct scratch block; /* of samples that nobody has read yet */
    float *block_start;
    size_t block_count;
};

/* Keeps the first frames; `count` 0 is the end of the file. */
static void remember(struct audio_source *source, const float *frames, size_t count) {
    size_t room = MEMORY_FRAMES - source->memory_count;
    if (source->place > source->memory_count)
        return;
    if (count == 0) {
        source->is_whole = true;
        return;
    }
    size_t kept = count < room ? count : room;
    memcpy(source->memory + source->memory_count * source->channels, frames,
           kept * source->channels * sizeof *frames);
    source->memory_count += kept;
}

static void close_decoder(struct audio_source *source) {
    swr_free(&source->resampler);
    audio_decoder_free(source->decoder);
    source->decoder = NULL;
    source->next = NULL;
    source->is_ended = false;
    source->block_count = 0;
}

void audio_source_free(struct audio_source *source) {
    if (source == NULL)
        return;
    close_decoder(source);
    av_channel_layout_uninit(&source->layout);
    free(source->memory);
    scratch_clear(&source->block);
    free(source);
}

void audio_source_cleanup(struct audio_source **source) {
    audio_source_free(*source);
}

unsigned audio_source_channels(const struct audio_source *source) {
    return source->channels;
}

static bool refuse_form(const AVFrame *frame, struct error *err) {
    return error_set(err, ERROR_INVALID, NULL, "%d channels at %d samples a second cannot be mixed",
                     frame->ch_layout.nb_channels, frame->sample_rate);
}

/* Surround sound is mixed down so that nothing exceeds full scale. */
static bool open_resampler(struct audio_source *source, const AVFrame *frame, struct error *err) {
    AVChannelLayout target, layout = {0};
    av_channel_layout_default(&target, (int)source->channels);
    bool is_known = frame->ch_layout.order == AV_CHANNEL_ORDER_NATIVE;
    if (is_known && av_channel_layout_copy(&layout, &frame->ch_layout) < 0)
        die_out_of_memory();
    if (!is_known)
        av_channel_layout_default(&layout, frame->ch_layout.nb_channels);
    int result = swr_alloc_set_opts2(&source->resampler, &target, AV_SAMPLE_FMT_FLT, AUDIO_RATE,
                                     &layout, frame->format, frame->sample_rate, 0, NULL);
    av_channel_layout_uninit(&layout);
    if (result < 0)
        return refuse_form(frame, err);
    if (av_opt_set_int(source->resampler, "internal_sample_fmt", AV_SAMPLE_FMT_FLTP, 0) < 0 ||
        av_opt_set_double(source->resampler, "rematrix_maxval", 1, 0) < 0 ||
        av_opt_set_int(source->resampler, "filter_size", FILTER_TAPS, 0) < 0 ||
        av_opt_set_double(source->resampler, "cutoff", FILTER_CUTOFF, 0) < 0 ||
        av_opt_set_int(source->resampler, "linear_interp", 1, 0) < 0 ||
        av_opt_set_int(source->resampler, "exact_rational", 1, 0) < 0)
        return error_set(err, ERROR_INTERNAL, NULL, "the resampler lacks an option");
    if (swr_init(source->resampler) < 0) {
        swr_free(&source->resampler);
        return refuse_form(frame, err);
    }
    av_channel_layout_uninit(&source->layout);
    if (av_channel_layout_copy(&source->layout, &frame->ch_layout) < 0)
        die_out_of_memory();
    source->rate = frame->sample_rate;
    source->format = frame->format;
    return true;
}

static bool is_same_form(const struct audio_source *source, const AVFrame *frame) {
    return source->rate == frame->sample_rate && source->format == frame->format &&
           av_channel_layout_compare(&source->layout, &frame->ch_layout) == 0;
}

/* The next frame, and its number of channels where it is the first. */
static bool take_frame(struct audio_source *source, struct error *err) {
    if (source->decoder == NULL && !audio_decoder_new(source->file, &source->decoder, err))
        return false;
    if (!audio_decoder_next(source->decoder, &source->next, err))
        return false;
    source->is_ended = source->next == NULL;
    if (source->channels == 0 && source->next != NULL)
        source->channels = source->next->ch_layout.nb_channels == 1 ? 1 : MAX_CHANNELS;
    return true;
}

/* What the resampler makes of a frame, all of it; NULL: of the rest that it holds. */
static bool convert(struct audio_source *source, const AVFrame *frame, struct error *err) {
    int input = frame == NULL ? 0 : frame->nb_samples;
    int room = swr_get_out_samples(source->resampler, input);
    if (room < 0 || room > MAX_BLOCK_FRAMES)
        return error_set(err, ERROR_INTERNAL, NULL, "%d samples at once", room);
    float *block = scratch_need(&source->block, (size_t)room * source->channels * sizeof *block);
    uint8_t *target = (uint8_t *)block;
    int count = swr_convert(source->resampler, &target, room,
                            frame == NULL ? NULL : (const uint8_t **)frame->extended_data, input);
    if (count < 0)
        return error_set(err, ERROR_INTERNAL, NULL, "the sound could not be resampled");
    source->block_start = block;
    source->block_count = (size_t)count;
    return true;
}

/* The next samples into the block; none at the end. */
static bool fill_block(struct audio_source *source, struct error *err) {
    while (source->block_count == 0) {
        if (source->next == NULL && !source->is_ended && !take_frame(source, err))
            return false;
        if (source->resampler == NULL && source->is_ended)
            return true;
        if (source->resampler == NULL && !open_resampler(source, source->next, err))
            return false;
        bool goes_on = !source->is_ended && is_same_form(source, source->next);
        if (!convert(source, goes_on ? source->next : NULL, err))
            return false;
        if (goes_on)
            source->next = NULL;
        else
            swr_free(&source->resampler);
    }
    return true;
}

/* From the memory while the place is inside of it, else from the file. */
bool audio_source_read(struct audio_source *source, float *ret, size_t max, size_t *ret_count,
                       struct error *err) {
    size_t channels = source->channels, count = 0;
    if (source->place < source->memory_count) {
        size_t left = source->memory_count - (size_t)source->place;
        count = left < max ? left : max;
        memcpy(ret, source->memory + source->place * channels, count * channels * sizeof *ret);
    } else if (!source->is_whole) {
        if (!fill_block(source, err))
            return false;
        count = source->block_count < max ? source->block_count : max;
        memcpy(ret, source->block_start, count * channels * sizeof *ret);
        source->block_start += count * channels;
        source->block_count -= count;
        remember(source, ret, count);
    }
    source->place += count;
    *ret_count = count;
    return true;
}

/* Reads on until the decoder stands where the memory ends. */
static bool skip_memory(struct audio_source *source, struct error *err) {
    for (size_t left = source->memory_count; left > 0;) {
        if (!fill_block(source, err))
            return false;
        if (source->block_count == 0)
            return error_set(err, ERROR_INTERNAL, NULL, "the file got shorter");
        size_t now = source->block_count < left ? source->block_count : left;
        source->block_start += now * source->channels;
        source->block_count -= now;
        left -= now;
    }
    return true;
}

bool audio_source_rewind(struct audio_source *source, struct error *err) {
    source->place = 0;
    if (source->is_whole)
        return true;
    close_decoder(source);
    return skip_memory(source, err);
}

bool audio_source_new(struct str file, struct audio_source **ret, struct error *err) {
    struct audio_source *source CLEANUP(audio_source_cleanup) = calloc(1, sizeof *source);
    if (source == NULL)
        die_out_of_memory();
    source->file = file;
    if (!take_frame(source, err))
        return false;
    assert(source->channels > 0);
    source->memory = calloc((size_t)MEMORY_FRAMES * source->channels, sizeof *source->memory);
    if (source->memory == NULL)
        die_out_of_memory();
    *ret = source;
    source = NULL;
    return true;
}
