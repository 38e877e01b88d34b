/*
 * Segments into a film: header | segments in order | trailer, for every kind of file. A pure
 * function of tables: so a film is put together by copying ranges of chunks on the store, and
 * `render` writes the same bytes directly.
 *
 * MP4 and MOV: ftyp, moov, mdat (media/mp4.h); a segment is its video samples, then its audio
 * packets. WebM: EBML header, SeekHead, Info, Tracks, Cues; a segment is one or more Clusters. GIF:
 * screen descriptor and loop extension; a segment is its images; trailer 0x3b.
 */
#ifndef MEDIA_MUX_H
#define MEDIA_MUX_H

#include "base/arena.h"
#include "base/error.h"
#include "media/media.h"
#include "media/sound.h"

/* The audio packets of one segment. */
struct mux_sound {
    const uint8_t *data; /* packets back to back */
    const uint32_t *sizes;
    uint32_t count; /* 0: none */
};

/* Packets at hand, of consecutive segments. */
struct mux_sound_source {
    const struct sound_index *index; /* NULL: the film is silent */
    uint32_t next;                   /* packet that `data` begins with */
    struct str data;
};
/* The packets of a segment; the source moves on behind them, so segments are asked for in order.
 * INTERNAL when they are not in the source. */
MUST_CHECK bool mux_sound_take(struct mux_sound_source *source, const struct plan *plan,
                               uint32_t segment, struct mux_sound *ret, struct error *err);

/* The bytes of a segment in the film, appended to `ret`. `sound` and `sound_index` may be NULL:
 * none. LIMIT where the buffer does not hold them (it is then unchanged), INVALID for samples that
 * the file cannot have. */
MUST_CHECK bool mux_segment(const struct plan *plan, const struct media_segment *segment,
                            const struct mux_sound *sound, const struct sound_index *sound_index,
                            struct buf *ret, struct error *err);

/* One segment as a chunk's index tells it. */
struct mux_run {
    uint64_t size; /* of mux_segment's bytes */
    const struct media_sample *samples;
    uint32_t sample_count;
    const uint32_t *sound_sizes;
    uint32_t sound_count;
};

struct mux_film {
    const struct plan *plan;
    const uint8_t *config;
    size_t config_size;
    const struct sound_index *sound; /* NULL: none; its packet sizes are not looked at */
    const struct mux_run *runs;      /* all segments of the plan */
    uint32_t run_count;
};

/* Everything before the first segment, and after the last (maybe empty). INVALID where the runs are
 * not the plan's segments, their sizes or packets not what mux_segment makes of them, or the sound
 * is not as long as the film or of another codec than the file's. */
MUST_CHECK bool mux_header(struct arena *arena, const struct mux_film *film, struct str *ret,
                           struct error *err);
struct str mux_trailer(const struct plan *plan);

/* Whether the bytes can be the codec's decoder configuration (none for ProRes and GIF). */
bool mux_config_fits(enum codec codec, const uint8_t *config, size_t size);

/* Samples of no bytes: a GIF's picture that stays is not told again. */
bool mux_allows_empty_samples(enum codec codec);

#endif
