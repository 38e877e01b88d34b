/*
 * What all codecs have in common: which one it is, the number of frames, the table of samples.
 *
 * Decoding times of the libraries are ignored: a sample's is its index, and the constant delay that
 * B-frames need is added to every composition offset (an edit list hides it).
 */
#include "media/encode.h"

#include "media/encode_internal.h"

#include <assert.h>
#include <stdlib.h>

enum { PROGRESS_FRAMES = 8 /* between two calls of the caller's */ };

static const struct encoder_class *const classes[] = {
    [CODEC_H264] = &encoder_x264, [CODEC_HEVC] = &encoder_x265,     [CODEC_AV1] = &encoder_svtav1,
    [CODEC_VP9] = &encoder_vpx,   [CODEC_PRORES] = &encoder_prores, [CODEC_GIF] = &encoder_gif,
};

bool encoder_new(const struct encoder_options *options, struct encoder **ret, struct error *err) {
    assert(options->frame_count > 0 && options->quality <= 100);
    size_t codec = options->codec;
    if (codec >= ARRAY_SIZE(classes) || !classes[codec])
        return error_set(err, ERROR_INVALID, NULL, "codec %zu cannot be encoded", codec);
    struct encoder *encoder = calloc(1, sizeof *encoder);
    struct media_sample *samples = calloc(options->frame_count, sizeof *samples);
    if (!encoder || !samples)
        die_out_of_memory();
    encoder->class = classes[codec];
    encoder->options = *options;
    encoder->samples = samples;
    buf_init(&encoder->config, ENCODER_MAX_CONFIG_BYTES);
    buf_init(&encoder->data, ENCODER_MAX_SEGMENT_BYTES);
    if (!encoder->class->open(encoder, err)) {
        encoder_free(encoder);
        return false;
    }
    *ret = encoder;
    return true;
}

void encoder_free(struct encoder *encoder) {
    if (!encoder)
        return;
    encoder->class->close(encoder);
    buf_clear(&encoder->config);
    buf_clear(&encoder->data);
    free(encoder->samples);
    free(encoder);
}

bool encoder_add(struct encoder *encoder, const struct frame *frame, uint32_t count,
                 encoder_progress_function *progress, void *context, struct error *err) {
    if (count > encoder->options.frame_count - encoder->frames_in)
        return error_set(err, ERROR_INTERNAL, NULL, "a segment of %u frames got more",
                         encoder->options.frame_count);
    if (count == 0)
        return true;
    encoder->progress = progress;
    encoder->progress_context = context;
    return encoder->class->add(encoder, frame, count, err);
}

bool encoder_may_fade(const struct encoder *encoder) {
    return encoder->class->may_fade && encoder->class->may_fade(encoder);
}

bool encoder_fade(struct encoder *encoder, uint32_t fade, const struct frame *frame, uint32_t count,
                  struct error *err) {
    assert(fade <= ENCODER_MAX_FADE && count > 0 && encoder_may_fade(encoder));
    if (count > encoder->options.frame_count - encoder->frames_in ||
        fade > encoder->options.frame_count - encoder->frames_in - count)
        return error_set(err, ERROR_INTERNAL, NULL, "a segment of %u frames got more",
                         encoder->options.frame_count);
    encoder->progress = NULL;
    return encoder->class->fade(encoder, frame, fade, count, err);
}

bool encoder_rate_fits(const struct encoder *encoder, int64_t max, const char *codec,
                       struct error *err) {
    const struct rational *fps = &encoder->options.fps;
    if (fps->num <= 0 || fps->num > max || fps->den <= 0 || fps->den > max)
        return error_set(err, ERROR_INVALID, NULL, "frame rate %lld/%lld does not fit into %s",
                         (long long)fps->num, (long long)fps->den, codec);
    return true;
}

void encoder_took(struct encoder *encoder) {
    encoder->frames_in++;
    if (encoder->progress && encoder->frames_in % PROGRESS_FRAMES == 0)
        encoder->progress(encoder->progress_context, encoder->frames_in);
}

bool encoder_sample(struct encoder *encoder, int64_t shown, int32_t delay, bool key,
                    struct error *err) {
    uint32_t number = encoder->sample_count;
    size_t start = encoder->data_taken;
    if (number == encoder->options.frame_count)
        return error_set(err, ERROR_INTERNAL, NULL, "%s gives more frames than it got",
                         encoder->class->name);
    int64_t offset = shown + delay - number;
    if (offset < 0 || offset > MEDIA_MAX_COMPOSITION_OFFSET || encoder->data.size == start ||
        (number == 0 && !key))
        return error_set(err, ERROR_INTERNAL, NULL, "%s orders frame %u in an unknown way",
                         encoder->class->name, number);
    encoder->samples[encoder->sample_count++] = (struct media_sample){
        .size = (uint32_t)(encoder->data.size - start),
        .composition_offset = (int32_t)offset,
        .key = key,
    };
    encoder->data_taken = encoder->data.size;
    return true;
}

bool encoder_finish(struct encoder *encoder, struct media_segment *ret, struct error *err) {
    uint32_t frames = encoder->options.frame_count;
    if (encoder->frames_in != frames)
        return error_set(err, ERROR_INTERNAL, NULL, "a segment of %u frames got %u", frames,
                         encoder->frames_in);
    if (!encoder->class->finish(encoder, err))
        return false;
    if (encoder->sample_count != frames)
        return error_set(err, ERROR_INTERNAL, NULL, "%s makes %u frames of %u",
                         encoder->class->name, encoder->sample_count, frames);
    ret->data = encoder->data.data;
    ret->size = encoder->data.size;
    ret->samples = encoder->samples;
    ret->sample_count = encoder->sample_count;
    ret->config = encoder->config.data;
    ret->config_size = encoder->config.size;
    return true;
}
