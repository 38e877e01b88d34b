/*
 * What the files mp4*.c share: the header under way, its boxes and tracks.
 */
#ifndef MEDIA_MP4_INTERNAL_H
#define MEDIA_MP4_INTERNAL_H

#include "media/mp4.h"
#include "media/sink.h"

enum mp4_track { MP4_VIDEO = 1, MP4_SOUND }; /* and their numbers in the file */

/* What the tables will hold. */
struct mp4_counts {
    uint64_t samples;
    uint64_t sample_bytes;
    uint64_t composition_runs;
    uint64_t keys;
    bool reordered;
    uint64_t packets;
    uint64_t packet_bytes;
    uint64_t chunk_runs[2]; /* entries of stsc, by track - 1 */
    uint64_t chunks[2];
};

struct mp4_timing {
    uint32_t timescale;
    uint32_t frame_ticks;
    uint64_t duration;
    uint64_t delay; /* of the first picture, ticks */
};

struct mp4_writer {
    const struct mp4_movie *movie;
    struct mp4_counts counts;
    struct mp4_timing timing;
    bool large; /* 64-bit offsets and mdat */
    struct sink sink;
};

/* Begin gives the place that end wants. */
size_t mp4_box_begin(struct mp4_writer *w, const char *type);
size_t mp4_full_box_begin(struct mp4_writer *w, const char *type, unsigned version, uint32_t flags);
void mp4_box_end(struct mp4_writer *w, size_t start);

/* Samples or packets of a run. */
uint32_t mp4_run_count(const struct mp4_movie *movie, enum mp4_track track, uint32_t run);

/* mp4_entry.c: the sample description of a track. */
void mp4_put_stsd(struct mp4_writer *w, enum mp4_track track);
/* mp4_table.c: the tables of a track, as if the first segment stood at `first_byte`. */
void mp4_put_tables(struct mp4_writer *w, enum mp4_track track, uint64_t first_byte);

#endif
