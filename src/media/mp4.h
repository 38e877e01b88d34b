/*
 * The one canonical layout of an MP4 or MOV file: ftyp, moov, mdat; segments in order, each its
 * samples, then its audio packets. A pure function of their tables. ISO/IEC 14496-12, -14 and -15,
 * the bindings of AV1 and VP9, Apple's QuickTime File Format.
 */
#ifndef MEDIA_MP4_H
#define MEDIA_MP4_H

#include "base/arena.h"
#include "base/error.h"
#include "media/media.h"
#include "media/sound.h"

/* The samples of one segment, in order of segments. */
struct mp4_run {
    const struct media_sample *samples;
    uint32_t count;
};

/* The audio packets behind the samples of one segment; there may be none. */
struct mp4_packets {
    const uint32_t *sizes;
    uint32_t count;
};

struct mp4_movie {
    unsigned width, height;
    struct rational fps;
    const uint8_t *config; /* as media_segment has it */
    size_t config_size;
    const struct mp4_run *runs;
    uint32_t run_count;
    enum codec codec;                  /* no GIF */
    enum format format;                /* MP4 or MOV */
    const struct sound_index *sound;   /* AAC; NULL: none */
    const struct mp4_packets *packets; /* with sound: one entry a run */
};

/* Everything that stands before the first sample, mdat's header included; the segments follow as
 * they are. `co64` and a 64-bit mdat only where the file passes 4 GiB. An `elst` hides the
 * composition delay of the pictures, another the priming of the sound and what it has beyond the
 * film's end; `colr` says BT.709, limited range. */
MUST_CHECK bool mp4_header(struct arena *arena, const struct mp4_movie *movie, struct str *ret,
                           struct error *err);

#endif
