/*
 * The one canonical file layout: ftyp, moov, mdat; segments in order. A pure function of the
 * samples' tables. ISO/IEC 14496-12 and -15.
 */
#ifndef MEDIA_MP4_H
#define MEDIA_MP4_H

#include "base/arena.h"
#include "base/error.h"
#include "media/media.h"

/* The samples of one segment, in order of segments. */
struct mp4_run {
    const struct media_sample *samples;
    uint32_t count;
};

struct mp4_movie {
    unsigned width, height;
    struct rational fps;
    const uint8_t *config; /* avcC */
    size_t config_size;
    const struct mp4_run *runs;
    uint32_t run_count;
};

/* Everything that stands before the first sample, mdat's header included; the samples follow as
 * they are. `co64` and a 64-bit mdat only where the file passes 4 GiB. One `elst` hides the
 * composition delay; `colr` says BT.709, limited range. */
MUST_CHECK bool mp4_header(struct arena *arena, const struct mp4_movie *movie, struct str *ret,
                           struct error *err);

#endif
