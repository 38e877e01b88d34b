/*
 * Writes ftyp, moov and the head of mdat. The header is put together once without memory, to learn
 * its size: offsets into mdat need it, and where the file passes 4 GiB the tables grow. Then it is
 * written.
 *
 * Times are exact: the timescale is a multiple of the frame rate's numerator, so a frame lasts a
 * whole number of ticks and the film exactly frames / fps. The sound counts in its own samples.
 */
#include "media/mp4.h"

#include "media/mp4_internal.h"
#include "media/mux.h"

#include <string.h>

enum {
    /* Players expect ticks much finer than frames. */
    MIN_TIMESCALE = 10000,
    /* Side of a visual sample entry: 16 bits. */
    MAX_SIDE = 65535,
    MDAT_HEADER_BYTES = 8,
    LARGE_MDAT_HEADER_BYTES = 16,
};

/* ---- boxes ---- */

size_t mp4_box_begin(struct mp4_writer *w, const char *type) {
    size_t start = w->sink.size;
    sink_u32(&w->sink, 0);
    sink_text(&w->sink, type);
    return start;
}

size_t mp4_full_box_begin(struct mp4_writer *w, const char *type, unsigned version,
                          uint32_t flags) {
    size_t start = mp4_box_begin(w, type);
    sink_u32(&w->sink, (uint64_t)version << 24 | flags);
    return start;
}

void mp4_box_end(struct mp4_writer *w, size_t start) {
    sink_patch_big(&w->sink, start, w->sink.size - start, 4);
}

uint32_t mp4_run_count(const struct mp4_movie *movie, enum mp4_track track, uint32_t run) {
    if (track == MP4_VIDEO)
        return movie->runs[run].count;
    return movie->sound != NULL ? movie->packets[run].count : 0;
}

/* ---- boxes that describe the film ---- */

static void put_ftyp(struct mp4_writer *w) {
    static const char *const brands[] = {
        [CODEC_H264] = "isomiso2avc1mp41", [CODEC_HEVC] = "isomiso2mp41",
        [CODEC_AV1] = "isomav01iso2mp41",  [CODEC_VP9] = "isomiso2mp41",
        [CODEC_PRORES] = "isomiso2mp41",
    };
    bool mov = w->movie->format == FORMAT_MOV;
    size_t box = mp4_box_begin(w, "ftyp");
    sink_text(&w->sink, mov ? "qt  " : "isom");
    sink_u32(&w->sink, 512); /* minor version, as every muxer writes it */
    sink_text(&w->sink, mov ? "qt  " : brands[w->movie->codec]);
    mp4_box_end(w, box);
}

static void put_matrix(struct mp4_writer *w) {
    static const uint32_t identity[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    for (size_t i = 0; i < 9; i++)
        sink_u32(&w->sink, identity[i]);
}

/* Version 1 of the boxes with a duration only where 32 bits do not hold it: some old players read
 * version 0 alone. */
static unsigned version_for(uint64_t duration) {
    return duration > UINT32_MAX ? 1 : 0;
}

static void put_time(struct mp4_writer *w, unsigned version, uint64_t value) {
    sink_big(&w->sink, value, version == 1 ? 8 : 4);
}

/* Creation and modification: not said, so that equal films are equal bytes. */
static void put_dates(struct mp4_writer *w, unsigned version) {
    put_time(w, version, 0);
    put_time(w, version, 0);
}

static void put_mvhd(struct mp4_writer *w) {
    unsigned version = version_for(w->timing.duration);
    size_t box = mp4_full_box_begin(w, "mvhd", version, 0);
    put_dates(w, version);
    sink_u32(&w->sink, w->timing.timescale);
    put_time(w, version, w->timing.duration);
    sink_u32(&w->sink, 0x10000); /* rate 1 */
    sink_u16(&w->sink, 0x100);   /* volume 1 */
    sink_zeros(&w->sink, 10);
    put_matrix(w);
    sink_zeros(&w->sink, 24);
    sink_u32(&w->sink, w->movie->sound != NULL ? 3 : 2); /* next track */
    mp4_box_end(w, box);
}

static void put_tkhd(struct mp4_writer *w, enum mp4_track track) {
    unsigned version = version_for(w->timing.duration);
    size_t box = mp4_full_box_begin(w, "tkhd", version, 3); /* enabled, in the movie */
    put_dates(w, version);
    sink_u32(&w->sink, track);
    sink_u32(&w->sink, 0);
    put_time(w, version, w->timing.duration);
    sink_zeros(&w->sink, 12);                           /* layer, alternate group */
    sink_u16(&w->sink, track == MP4_SOUND ? 0x100 : 0); /* volume */
    sink_u16(&w->sink, 0);
    put_matrix(w);
    sink_u32(&w->sink, track == MP4_VIDEO ? (uint64_t)w->movie->width << 16 : 0);
    sink_u32(&w->sink, track == MP4_VIDEO ? (uint64_t)w->movie->height << 16 : 0);
    mp4_box_end(w, box);
}

/* The film as long as its pictures; both tracks begin later than their samples. */
static void put_edts(struct mp4_writer *w, enum mp4_track track) {
    unsigned version = version_for(w->timing.duration);
    size_t edts = mp4_box_begin(w, "edts");
    size_t box = mp4_full_box_begin(w, "elst", version, 0);
    sink_u32(&w->sink, 1);
    put_time(w, version, w->timing.duration);
    put_time(w, version, track == MP4_VIDEO ? w->timing.delay : w->movie->sound->priming);
    sink_u32(&w->sink, 0x10000); /* rate 1 */
    mp4_box_end(w, box);
    mp4_box_end(w, edts);
}

static void put_mdhd(struct mp4_writer *w, enum mp4_track track) {
    const struct sound_index *sound = w->movie->sound;
    bool video = track == MP4_VIDEO;
    uint64_t duration = video ? w->timing.duration : sound->priming + sound->samples;
    unsigned version = version_for(duration);
    size_t box = mp4_full_box_begin(w, "mdhd", version, 0);
    put_dates(w, version);
    sink_u32(&w->sink, video ? w->timing.timescale : sound->rate);
    put_time(w, version, duration);
    /* No language: "und" in five-bit letters, QuickTime's own word for it. */
    sink_u16(&w->sink, w->movie->format == FORMAT_MOV ? 0x7fff : 0x55c4);
    sink_u16(&w->sink, 0);
    mp4_box_end(w, box);
}

/* QuickTime counts the letters of a name, MP4 ends it by a zero. */
static void put_handler(struct mp4_writer *w, const char *class, const char *type,
                        const char *name) {
    bool mov = w->movie->format == FORMAT_MOV;
    size_t box = mp4_full_box_begin(w, "hdlr", 0, 0);
    sink_put(&w->sink, mov ? class : "\0\0\0\0", 4);
    sink_text(&w->sink, type);
    sink_zeros(&w->sink, 12);
    if (mov)
        sink_u8(&w->sink, (unsigned)strlen(name));
    sink_text(&w->sink, name);
    if (!mov)
        sink_u8(&w->sink, 0);
    mp4_box_end(w, box);
}

static void put_media_header(struct mp4_writer *w, enum mp4_track track) {
    bool video = track == MP4_VIDEO;
    size_t box = mp4_full_box_begin(w, video ? "vmhd" : "smhd", 0, video ? 1 : 0);
    sink_zeros(&w->sink, video ? 8 : 4);
    mp4_box_end(w, box);
}

static void put_dinf(struct mp4_writer *w) {
    size_t dinf = mp4_box_begin(w, "dinf");
    size_t dref = mp4_full_box_begin(w, "dref", 0, 0);
    sink_u32(&w->sink, 1);
    size_t url = mp4_full_box_begin(w, "url ", 0, 1); /* in this file */
    mp4_box_end(w, url);
    mp4_box_end(w, dref);
    mp4_box_end(w, dinf);
}

static void put_trak(struct mp4_writer *w, enum mp4_track track, uint64_t first_byte) {
    bool video = track == MP4_VIDEO;
    size_t trak = mp4_box_begin(w, "trak");
    put_tkhd(w, track);
    put_edts(w, track);
    size_t mdia = mp4_box_begin(w, "mdia");
    put_mdhd(w, track);
    put_handler(w, "mhlr", video ? "vide" : "soun", video ? "VideoHandler" : "SoundHandler");
    size_t minf = mp4_box_begin(w, "minf");
    put_media_header(w, track);
    if (w->movie->format == FORMAT_MOV)
        put_handler(w, "dhlr", "url ", "DataHandler");
    put_dinf(w);
    size_t stbl = mp4_box_begin(w, "stbl");
    mp4_put_stsd(w, track);
    mp4_put_tables(w, track, first_byte);
    mp4_box_end(w, stbl);
    mp4_box_end(w, minf);
    mp4_box_end(w, mdia);
    mp4_box_end(w, trak);
}

static void put_moov(struct mp4_writer *w, uint64_t first_byte) {
    size_t moov = mp4_box_begin(w, "moov");
    put_mvhd(w);
    put_trak(w, MP4_VIDEO, first_byte);
    if (w->movie->sound != NULL)
        put_trak(w, MP4_SOUND, first_byte);
    mp4_box_end(w, moov);
}

static uint64_t segment_bytes(const struct mp4_writer *w) {
    return w->counts.sample_bytes + w->counts.packet_bytes;
}

static void put_mdat(struct mp4_writer *w) {
    if (!w->large) {
        sink_u32(&w->sink, segment_bytes(w) + MDAT_HEADER_BYTES);
        sink_text(&w->sink, "mdat");
        return;
    }
    sink_u32(&w->sink, 1); /* the size follows the type */
    sink_text(&w->sink, "mdat");
    sink_u64(&w->sink, segment_bytes(w) + LARGE_MDAT_HEADER_BYTES);
}

/* The whole header, with offsets as if the first segment stood at `first_byte`. */
static void put_header(struct mp4_writer *w, uint64_t first_byte) {
    w->sink.size = 0;
    put_ftyp(w);
    put_moov(w, first_byte);
    put_mdat(w);
}

/* ---- checks and counting ---- */

static bool count_sample(const struct mp4_movie *movie, uint32_t run, uint32_t i,
                         struct mp4_counts *counts, struct error *err) {
    const struct media_sample *sample = &movie->runs[run].samples[i];
    if (sample->size == 0 || sample->composition_offset < 0 ||
        sample->composition_offset > MEDIA_MAX_COMPOSITION_OFFSET || (i == 0 && !sample->key))
        return error_set(err, ERROR_INVALID, NULL, "sample %u of segment %u is not possible", i,
                         run);
    if (i == 0 && sample->composition_offset != movie->runs[0].samples[0].composition_offset)
        return error_set(err, ERROR_INVALID, NULL,
                         "segment %u delays its pictures by %d frames, the first by %d", run,
                         sample->composition_offset, movie->runs[0].samples[0].composition_offset);
    counts->sample_bytes += sample->size;
    counts->keys += sample->key;
    counts->reordered |= sample->composition_offset != 0;
    return true;
}

static bool count_packets(const struct mp4_movie *movie, uint32_t run, struct mp4_counts *counts,
                          struct error *err) {
    const struct mp4_packets *packets = &movie->packets[run];
    for (uint32_t i = 0; i < packets->count; i++) {
        if (packets->sizes[i] == 0 || packets->sizes[i] > SOUND_MAX_PACKET_BYTES)
            return error_set(err, ERROR_INVALID, NULL,
                             "audio packet %u of segment %u is not possible", i, run);
        counts->packet_bytes += packets->sizes[i];
    }
    counts->packets += packets->count;
    return counts->packets <= SOUND_MAX_PACKETS ||
           error_set(err, ERROR_LIMIT, NULL, "more than %d audio packets", SOUND_MAX_PACKETS);
}

/* Up to the end of the sound, which lies in the last one. */
static bool packets_last(const struct sound_index *sound, uint64_t packets) {
    uint64_t end = sound->priming + sound->samples;
    return packets > 0 && packets * sound->samples_packet >= end &&
           (packets - 1) * sound->samples_packet < end;
}

/* How the samples of each track lie in chunks; a segment may be too short to have sound. */
static void count_chunks(const struct mp4_movie *movie, enum mp4_track track,
                         struct mp4_counts *counts) {
    uint32_t last = 0;
    for (uint32_t r = 0; r < movie->run_count; r++) {
        uint32_t count = mp4_run_count(movie, track, r);
        if (count == 0)
            continue;
        counts->chunks[track - 1]++;
        counts->chunk_runs[track - 1] += count != last;
        last = count;
    }
}

static bool count_samples(const struct mp4_movie *movie, struct mp4_counts *ret,
                          struct error *err) {
    struct mp4_counts counts = {0};
    int32_t last = -1;
    for (uint32_t r = 0; r < movie->run_count; r++) {
        const struct mp4_run *run = &movie->runs[r];
        counts.samples += run->count;
        if (run->count == 0)
            return error_set(err, ERROR_INVALID, NULL, "segment %u is empty", r);
        if (counts.samples > TIMELINE_MAX_FRAMES)
            return error_set(err, ERROR_LIMIT, NULL, "more than %d frames", TIMELINE_MAX_FRAMES);
        for (uint32_t i = 0; i < run->count; i++) {
            if (!count_sample(movie, r, i, &counts, err))
                return false;
            counts.composition_runs += run->samples[i].composition_offset != last;
            last = run->samples[i].composition_offset;
        }
        if (movie->sound != NULL && !count_packets(movie, r, &counts, err))
            return false;
    }
    if (movie->sound != NULL && !packets_last(movie->sound, counts.packets))
        return error_set(err, ERROR_INVALID, NULL, "the audio packets do not last as the sound");
    count_chunks(movie, MP4_VIDEO, &counts);
    count_chunks(movie, MP4_SOUND, &counts);
    *ret = counts;
    return true;
}

static bool check_movie(const struct mp4_movie *movie, struct error *err) {
    if (movie->width == 0 || movie->width > MAX_SIDE || movie->height == 0 ||
        movie->height > MAX_SIDE)
        return error_set(err, ERROR_INVALID, NULL, "a film of %ux%u cannot be written as MP4",
                         movie->width, movie->height);
    if (!mux_config_fits(movie->codec, movie->config, movie->config_size))
        return error_set(err, ERROR_INVALID, NULL,
                         "the decoder configuration is not one of the film's codec");
    if (movie->codec == CODEC_GIF || (movie->format != FORMAT_MP4 && movie->format != FORMAT_MOV))
        return error_set(err, ERROR_INVALID, NULL, "the film cannot be written as MP4");
    if (movie->run_count == 0)
        return error_set(err, ERROR_INVALID, NULL, "a film without a segment");
    return true;
}

/* The smallest multiple of the frame rate that is fine enough. */
static bool make_timing(const struct mp4_movie *movie, uint64_t samples, struct mp4_timing *ret,
                        struct error *err) {
    int64_t num = movie->fps.num, den = movie->fps.den;
    uint64_t factor = 1;
    if (num > 0 && num < MIN_TIMESCALE)
        factor = ((uint64_t)MIN_TIMESCALE + (uint64_t)num - 1) / (uint64_t)num;
    /* Every composition offset in ticks, and so elst's time, must fit into 31 bits. */
    if (num <= 0 || num > INT32_MAX || den <= 0 ||
        den > INT32_MAX / MEDIA_MAX_COMPOSITION_OFFSET / (int64_t)factor)
        return error_set(err, ERROR_INVALID, NULL,
                         "frame rate %lld/%lld does not fit into an MP4 file", (long long)num,
                         (long long)den);
    uint64_t ticks = (uint64_t)den * factor;
    uint64_t delay = (uint64_t)movie->runs[0].samples[0].composition_offset;
    *ret = (struct mp4_timing){
        .timescale = (uint32_t)((uint64_t)num * factor),
        .frame_ticks = (uint32_t)ticks,
        .duration = samples * ticks,
        .delay = delay * ticks,
    };
    return true;
}

bool mp4_header(struct arena *arena, const struct mp4_movie *movie, struct str *ret,
                struct error *err) {
    struct mp4_writer w = {.movie = movie};
    if (!check_movie(movie, err) || !count_samples(movie, &w.counts, err) ||
        !make_timing(movie, w.counts.samples, &w.timing, err))
        return false;
    w.large = segment_bytes(&w) > UINT32_MAX - MDAT_HEADER_BYTES;
    put_header(&w, 0);
    if (!w.large && w.sink.size + segment_bytes(&w) > UINT32_MAX) {
        w.large = true;
        put_header(&w, 0);
    }
    w.sink.capacity = w.sink.size;
    w.sink.data = arena_alloc(arena, w.sink.capacity);
    put_header(&w, w.sink.size);
    *ret = (struct str){(const char *)w.sink.data, w.sink.size};
    return true;
}
