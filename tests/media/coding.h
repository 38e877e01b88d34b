/*
 * What the tests of all encoders have in common: pictures in, samples out and looked at, and the
 * samples decoded by libavcodec.
 */
#ifndef TESTS_MEDIA_CODING_H
#define TESTS_MEDIA_CODING_H

#include "media/encode.h"

#include <libavcodec/avcodec.h>

/* 30 frames a second at quality 75. */
struct encoder_options coding_options(enum codec codec, unsigned width, unsigned height,
                                      enum speed speed, uint32_t frame_count);

/* Pictures `first`… of drawing.h, each shown for `hold` frames. The caller frees the encoder. */
struct encoder *coding_encode(const struct encoder_options *options, unsigned first, uint32_t hold,
                              struct media_segment *ret);

/* As many samples as frames, their sizes the segment's, each shown once; a key frame only at the
 * start, or everywhere. */
void coding_check_samples(const struct media_segment *segment, uint32_t frame_count,
                          bool all_are_keys);

/* The same bytes again. */
void coding_check_repeatable(const struct encoder_options *options, uint32_t hold);

/* One decoder configuration at the qualities 0, 75 and 100, for short, long and still segments. */
void coding_check_one_config(const struct encoder_options *options);

/* More bytes for more quality. */
void coding_check_quality(const struct encoder_options *options);

/* Decoded without a complaint by one decoder: two segments, movement and stills, one after the
 * other. Every picture at its place, its luma's mean squared error below `max_error` (neighbours
 * differ by about 2,000), tags of BT.709, limited, chroma at left where the codec can say so. */
void coding_check_film(const struct encoder_options *options, enum AVCodecID id,
                       enum AVPixelFormat format, bool says_chroma_place, double max_error);

/* encoder_new refuses with INVALID and a text that holds `text`. */
void coding_check_refused(const struct encoder_options *options, const char *text);

/* Rates that are none. */
void coding_check_bad_rates(const struct encoder_options *options);

#endif
