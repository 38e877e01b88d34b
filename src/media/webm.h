/*
 * The one canonical layout of a WebM file: EBML header, Segment of known size, SeekHead, Info,
 * Tracks, Cues; then the film's segments, each one or more Clusters. A pure function of tables.
 * RFC 8794 (EBML), RFC 9559 (Matroska), the WebM container guidelines.
 *
 * Times are in milliseconds, as WebM wants them. A Cluster begins with a key frame, and Cues name
 * it; where key frames are further apart than 30 s, one begins in between, since its blocks tell
 * their time relative to it in 16 bits. The sound is later by its priming (CodecDelay), which a
 * player takes off.
 */
#ifndef MEDIA_WEBM_H
#define MEDIA_WEBM_H

#include "media/mux.h"

/* Both as mux.h has them, for codecs VP9 and AV1 with Opus. The caller has compared the film's runs
 * with the plan. */
MUST_CHECK bool webm_segment(const struct plan *plan, const struct media_segment *segment,
                             const struct mux_sound *sound, const struct sound_index *sound_index,
                             struct buf *ret, struct error *err);
MUST_CHECK bool webm_header(struct arena *arena, const struct mux_film *film, struct str *ret,
                            struct error *err);

#endif
