/*
 * An audio file as a stream of samples in the film's form: 48 kHz, float, one channel where the
 * file has one, else two, interleaved. It can be started again from the beginning.
 *
 * Needs memory for a block and for the first seconds of the file, whatever its length.
 */
#ifndef MEDIA_AUDIO_SOURCE_H
#define MEDIA_AUDIO_SOURCE_H

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AUDIO_RATE = 48000 };

struct audio_source;

/* `file` must outlive the source. Failures are those of audio_decoder_new and _next. */
MUST_CHECK bool audio_source_new(struct str file, struct audio_source **ret, struct error *err);
void audio_source_free(struct audio_source *source);
void audio_source_cleanup(struct audio_source **source);

unsigned audio_source_channels(const struct audio_source *source); /* 1 or 2 */

/* Up to `max` frames (a sample of each channel), at least one; 0: the end. */
MUST_CHECK bool audio_source_read(struct audio_source *source, float *ret, size_t max,
                                  size_t *ret_count, struct error *err);

/* Back to the first sample. */
MUST_CHECK bool audio_source_rewind(struct audio_source *source, struct error *err);

#endif
