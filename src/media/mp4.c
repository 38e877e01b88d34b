/*
 * Writes ftyp, moov and the head of mdat. A first pass over the sample tables counts what the boxes
 * will hold, so that the header is written once into memory of known size; offsets into mdat need
 * the header's own size, which is why moov is written twice when it is not yet known.
 *
 * Times are exact: the timescale is a multiple of the frame rate's numerator, so a frame lasts a
 * whole number of ticks and the film exactly frames / fps.
 */
#include "media/mp4.h"

#include <assert.h>
#include <string.h>

enum {
    /* Players expect ticks much finer than frames. */
    MIN_TIMESCALE = 10000,
    /* avcC begins with five bytes of profile and lengths and two counts; its sets are below 64 KiB.
     */
    MIN_CONFIG_BYTES = 7,
    MAX_CONFIG_BYTES = 65536,
    /* Side of a visual sample entry: 16 bits. */
    MAX_SIDE = 65535,
    /* All boxes but the tables and avcC take about 700 bytes. */
    FIXED_BYTES = 1024,
    MDAT_HEADER_BYTES = 8,
    LARGE_MDAT_HEADER_BYTES = 16,
};

/* What the tables will hold. */
struct counts {
    uint64_t samples;
    uint64_t sample_bytes;
    uint64_t composition_runs;
    uint64_t keys;
    uint64_t chunk_runs; /* entries of stsc */
    bool reordered;
};

struct timing {
    uint32_t timescale;
    uint32_t frame_ticks;
    uint64_t duration;
    uint64_t delay; /* of the first picture, ticks */
};

struct writer {
    const struct mp4_movie *movie;
    struct counts counts;
    struct timing timing;
    bool large; /* 64-bit offsets and mdat */
    uint8_t *data;
    size_t size;
    size_t capacity;
};

/* ---- big-endian values and boxes ---- */

static void put(struct writer *w, const void *data, size_t size) {
    assert(size <= w->capacity - w->size);
    memcpy(w->data + w->size, data, size);
    w->size += size;
}

static void put_u8(struct writer *w, unsigned value) {
    uint8_t byte = (uint8_t)value;
    put(w, &byte, 1);
}

static void put_u16(struct writer *w, unsigned value) {
    put_u8(w, value >> 8);
    put_u8(w, value & 0xff);
}

static void put_u32(struct writer *w, uint64_t value) {
    assert(value <= UINT32_MAX);
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                        (uint8_t)value};
    put(w, bytes, sizeof bytes);
}

static void put_u64(struct writer *w, uint64_t value) {
    put_u32(w, value >> 32);
    put_u32(w, value & UINT32_MAX);
}

static void put_zeros(struct writer *w, size_t count) {
    while (count-- > 0)
        put_u8(w, 0);
}

static size_t box_begin(struct writer *w, const char *type) {
    size_t start = w->size;
    put_u32(w, 0);
    put(w, type, 4);
    return start;
}

static size_t full_box_begin(struct writer *w, const char *type, unsigned version, uint32_t flags) {
    size_t start = box_begin(w, type);
    put_u32(w, (uint64_t)version << 24 | flags);
    return start;
}

static void box_end(struct writer *w, size_t start) {
    size_t end = w->size;
    w->size = start;
    put_u32(w, end - start);
    w->size = end;
}

/* ---- boxes that describe the film ---- */

static void put_ftyp(struct writer *w) {
    size_t box = box_begin(w, "ftyp");
    put(w, "isom", 4);
    put_u32(w, 512); /* minor version, as every muxer writes it */
    put(w, "isomiso2avc1mp41", 16);
    box_end(w, box);
}

static void put_matrix(struct writer *w) {
    static const uint32_t identity[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    for (size_t i = 0; i < 9; i++)
        put_u32(w, identity[i]);
}

/* Version 1 of the boxes with a duration only where 32 bits do not hold it: some old players read
 * version 0 alone. */
static unsigned duration_version(const struct writer *w) {
    return w->timing.duration > UINT32_MAX ? 1 : 0;
}

static void put_time(struct writer *w, uint64_t value) {
    if (duration_version(w) == 1)
        put_u64(w, value);
    else
        put_u32(w, value);
}

static void put_mvhd(struct writer *w) {
    size_t box = full_box_begin(w, "mvhd", duration_version(w), 0);
    put_time(w, 0); /* creation and modification: not said, so that equal films are equal bytes */
    put_time(w, 0);
    put_u32(w, w->timing.timescale);
    put_time(w, w->timing.duration);
    put_u32(w, 0x10000); /* rate 1 */
    put_u16(w, 0x100);   /* volume 1 */
    put_zeros(w, 10);
    put_matrix(w);
    put_zeros(w, 24);
    put_u32(w, 2); /* next track */
    box_end(w, box);
}

static void put_tkhd(struct writer *w) {
    size_t box = full_box_begin(w, "tkhd", duration_version(w), 3); /* enabled, in the movie */
    put_time(w, 0);
    put_time(w, 0);
    put_u32(w, 1); /* track */
    put_u32(w, 0);
    put_time(w, w->timing.duration);
    put_zeros(w, 16); /* layer, alternate group, volume of a picture track */
    put_matrix(w);
    put_u32(w, (uint64_t)w->movie->width << 16);
    put_u32(w, (uint64_t)w->movie->height << 16);
    box_end(w, box);
}

static void put_edts(struct writer *w) {
    size_t edts = box_begin(w, "edts");
    size_t box = full_box_begin(w, "elst", duration_version(w), 0);
    put_u32(w, 1);
    put_time(w, w->timing.duration);
    put_time(w, w->timing.delay);
    put_u32(w, 0x10000); /* rate 1 */
    box_end(w, box);
    box_end(w, edts);
}

static void put_mdhd(struct writer *w) {
    size_t box = full_box_begin(w, "mdhd", duration_version(w), 0);
    put_time(w, 0);
    put_time(w, 0);
    put_u32(w, w->timing.timescale);
    put_time(w, w->timing.duration);
    put_u16(w, 0x55c4); /* "und" in five-bit letters */
    put_u16(w, 0);
    box_end(w, box);
}

static void put_hdlr(struct writer *w) {
    size_t box = full_box_begin(w, "hdlr", 0, 0);
    put_u32(w, 0);
    put(w, "vide", 4);
    put_zeros(w, 12);
    put(w, "VideoHandler", sizeof "VideoHandler");
    box_end(w, box);
}

static void put_vmhd(struct writer *w) {
    size_t box = full_box_begin(w, "vmhd", 0, 1);
    put_zeros(w, 8);
    box_end(w, box);
}

static void put_dinf(struct writer *w) {
    size_t dinf = box_begin(w, "dinf");
    size_t dref = full_box_begin(w, "dref", 0, 0);
    put_u32(w, 1);
    size_t url = full_box_begin(w, "url ", 0, 1); /* in this file */
    box_end(w, url);
    box_end(w, dref);
    box_end(w, dinf);
}

/* ---- boxes of the samples ---- */

static void put_colr(struct writer *w) {
    size_t box = box_begin(w, "colr");
    put(w, "nclx", 4);
    put_u16(w, 1); /* primaries, transfer, matrix: BT.709 */
    put_u16(w, 1);
    put_u16(w, 1);
    put_u8(w, 0); /* limited range */
    box_end(w, box);
}

static void put_stsd(struct writer *w) {
    size_t stsd = full_box_begin(w, "stsd", 0, 0);
    put_u32(w, 1);
    size_t avc1 = box_begin(w, "avc1");
    put_zeros(w, 6);
    put_u16(w, 1); /* data reference */
    put_zeros(w, 16);
    put_u16(w, w->movie->width);
    put_u16(w, w->movie->height);
    put_u32(w, 0x480000); /* 72 dpi, as the specification asks */
    put_u32(w, 0x480000);
    put_u32(w, 0);
    put_u16(w, 1);    /* frames a sample */
    put_zeros(w, 32); /* name of the compressor */
    put_u16(w, 24);   /* depth */
    put_u16(w, 0xffff);
    size_t box = box_begin(w, "avcC");
    put(w, w->movie->config, w->movie->config_size);
    box_end(w, box);
    put_colr(w);
    box = box_begin(w, "pasp");
    put_u32(w, 1);
    put_u32(w, 1);
    box_end(w, box);
    box_end(w, avc1);
    box_end(w, stsd);
}

static void put_stts(struct writer *w) {
    size_t box = full_box_begin(w, "stts", 0, 0);
    put_u32(w, 1);
    put_u32(w, w->counts.samples);
    put_u32(w, w->timing.frame_ticks);
    box_end(w, box);
}

static void put_ctts(struct writer *w) {
    if (!w->counts.reordered)
        return;
    size_t box = full_box_begin(w, "ctts", 0, 0);
    put_u32(w, w->counts.composition_runs);
    uint32_t length = 0;
    int32_t offset = 0;
    for (uint32_t r = 0; r < w->movie->run_count; r++)
        for (uint32_t i = 0; i < w->movie->runs[r].count; i++) {
            int32_t next = w->movie->runs[r].samples[i].composition_offset;
            if (length > 0 && next != offset) {
                put_u32(w, length);
                put_u32(w, (uint64_t)offset * w->timing.frame_ticks);
                length = 0;
            }
            offset = next;
            length++;
        }
    put_u32(w, length);
    put_u32(w, (uint64_t)offset * w->timing.frame_ticks);
    box_end(w, box);
}

static void put_stss(struct writer *w) {
    size_t box = full_box_begin(w, "stss", 0, 0);
    put_u32(w, w->counts.keys);
    uint32_t number = 0;
    for (uint32_t r = 0; r < w->movie->run_count; r++)
        for (uint32_t i = 0; i < w->movie->runs[r].count; i++) {
            number++;
            if (w->movie->runs[r].samples[i].key)
                put_u32(w, number);
        }
    box_end(w, box);
}

static void put_stsz(struct writer *w) {
    size_t box = full_box_begin(w, "stsz", 0, 0);
    put_u32(w, 0); /* sizes differ */
    put_u32(w, w->counts.samples);
    for (uint32_t r = 0; r < w->movie->run_count; r++)
        for (uint32_t i = 0; i < w->movie->runs[r].count; i++)
            put_u32(w, w->movie->runs[r].samples[i].size);
    box_end(w, box);
}

/* One chunk of the MP4 per run. */
static void put_stsc(struct writer *w) {
    size_t box = full_box_begin(w, "stsc", 0, 0);
    put_u32(w, w->counts.chunk_runs);
    for (uint32_t r = 0; r < w->movie->run_count; r++) {
        if (r > 0 && w->movie->runs[r].count == w->movie->runs[r - 1].count)
            continue;
        put_u32(w, (uint64_t)r + 1);
        put_u32(w, w->movie->runs[r].count);
        put_u32(w, 1); /* sample entry */
    }
    box_end(w, box);
}

static void put_chunk_offsets(struct writer *w, uint64_t first_sample) {
    size_t box = full_box_begin(w, w->large ? "co64" : "stco", 0, 0);
    put_u32(w, w->movie->run_count);
    uint64_t offset = first_sample;
    for (uint32_t r = 0; r < w->movie->run_count; r++) {
        if (w->large)
            put_u64(w, offset);
        else
            put_u32(w, offset);
        for (uint32_t i = 0; i < w->movie->runs[r].count; i++)
            offset += w->movie->runs[r].samples[i].size;
    }
    box_end(w, box);
}

static void put_stbl(struct writer *w, uint64_t first_sample) {
    size_t box = box_begin(w, "stbl");
    put_stsd(w);
    put_stts(w);
    put_stss(w);
    put_ctts(w);
    put_stsc(w);
    put_stsz(w);
    put_chunk_offsets(w, first_sample);
    box_end(w, box);
}

static void put_moov(struct writer *w, uint64_t first_sample) {
    size_t moov = box_begin(w, "moov");
    put_mvhd(w);
    size_t trak = box_begin(w, "trak");
    put_tkhd(w);
    put_edts(w);
    size_t mdia = box_begin(w, "mdia");
    put_mdhd(w);
    put_hdlr(w);
    size_t minf = box_begin(w, "minf");
    put_vmhd(w);
    put_dinf(w);
    put_stbl(w, first_sample);
    box_end(w, minf);
    box_end(w, mdia);
    box_end(w, trak);
    box_end(w, moov);
}

static void put_mdat(struct writer *w) {
    if (!w->large) {
        put_u32(w, w->counts.sample_bytes + MDAT_HEADER_BYTES);
        put(w, "mdat", 4);
        return;
    }
    put_u32(w, 1); /* the size follows the type */
    put(w, "mdat", 4);
    put_u64(w, w->counts.sample_bytes + LARGE_MDAT_HEADER_BYTES);
}

/* The whole header, with offsets as if the first sample stood at `first_sample`. */
static void put_header(struct writer *w, uint64_t first_sample) {
    w->size = 0;
    put_ftyp(w);
    put_moov(w, first_sample);
    put_mdat(w);
}

/* ---- checks and counting ---- */

static bool count_sample(const struct mp4_movie *movie, uint32_t run, uint32_t i,
                         struct counts *counts, struct error *err) {
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

static bool count_samples(const struct mp4_movie *movie, struct counts *ret, struct error *err) {
    struct counts counts = {0};
    int32_t last = -1;
    for (uint32_t r = 0; r < movie->run_count; r++) {
        const struct mp4_run *run = &movie->runs[r];
        counts.samples += run->count;
        if (run->count == 0)
            return error_set(err, ERROR_INVALID, NULL, "segment %u is empty", r);
        if (counts.samples > TIMELINE_MAX_FRAMES)
            return error_set(err, ERROR_LIMIT, NULL, "more than %d frames", TIMELINE_MAX_FRAMES);
        counts.chunk_runs += r == 0 || run->count != movie->runs[r - 1].count;
        for (uint32_t i = 0; i < run->count; i++) {
            if (!count_sample(movie, r, i, &counts, err))
                return false;
            counts.composition_runs += run->samples[i].composition_offset != last;
            last = run->samples[i].composition_offset;
        }
    }
    *ret = counts;
    return true;
}

static bool check_movie(const struct mp4_movie *movie, struct error *err) {
    if (movie->width == 0 || movie->width > MAX_SIDE || movie->height == 0 ||
        movie->height > MAX_SIDE)
        return error_set(err, ERROR_INVALID, NULL, "a film of %ux%u cannot be written as MP4",
                         movie->width, movie->height);
    if (movie->config_size < MIN_CONFIG_BYTES || movie->config_size > MAX_CONFIG_BYTES ||
        movie->config[0] != 1)
        return error_set(err, ERROR_INVALID, NULL, "the decoder configuration is not an avcC");
    if (movie->run_count == 0)
        return error_set(err, ERROR_INVALID, NULL, "a film without a segment");
    return true;
}

/* The smallest multiple of the frame rate that is fine enough. */
static bool make_timing(const struct mp4_movie *movie, uint64_t samples, struct timing *ret,
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
    *ret = (struct timing){
        .timescale = (uint32_t)((uint64_t)num * factor),
        .frame_ticks = (uint32_t)ticks,
        .duration = samples * ticks,
        .delay = delay * ticks,
    };
    return true;
}

static size_t upper_bound(const struct mp4_movie *movie, const struct counts *counts) {
    return FIXED_BYTES + movie->config_size + (size_t)counts->samples * 4 +
           (size_t)counts->composition_runs * 8 + (size_t)counts->keys * 4 +
           (size_t)counts->chunk_runs * 12 + (size_t)movie->run_count * 8;
}

bool mp4_header(struct arena *arena, const struct mp4_movie *movie, struct str *ret,
                struct error *err) {
    struct writer w = {.movie = movie};
    if (!check_movie(movie, err) || !count_samples(movie, &w.counts, err) ||
        !make_timing(movie, w.counts.samples, &w.timing, err))
        return false;
    w.capacity = upper_bound(movie, &w.counts);
    w.data = arena_alloc(arena, w.capacity);
    /* Offsets need the size, which does not depend on them. */
    w.large = w.counts.sample_bytes > UINT32_MAX - MDAT_HEADER_BYTES;
    put_header(&w, 0);
    if (!w.large && w.size + w.counts.sample_bytes > UINT32_MAX) {
        w.large = true;
        put_header(&w, 0);
    }
    put_header(&w, w.size);
    *ret = (struct str){(const char *)w.data, w.size};
    return true;
}
