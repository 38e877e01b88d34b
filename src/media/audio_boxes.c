/*
 * A walk over the tree of boxes. The demuxer expands run-length tables into one entry a sample, so
 * a file of a few hundred bytes could ask for gigabytes; here the tables are only added up. What
 * they say about the end of the sound is kept too: the demuxer cuts whole packets only, and the
 * last packet of most files is not heard to its end.
 */
#include "media/audio_boxes.h"

#include "media/bytes.h"

#include <string.h>

enum { MAX_DEPTH = 8, FULL_BOX_BYTES = 4 };

struct box {
    char type[5];
    struct str body;
};

/* What one trak tells. */
struct track {
    bool is_sound;
    uint32_t timescale;
    uint64_t ticks;         /* by the table of durations */
    bool has_unit_duration; /* every sample lasts one tick: PCM */
    uint64_t samples;       /* by the table of sizes */
    uint64_t chunk_samples; /* by the tables of chunks */
    uint64_t chunk_count;
    struct str chunk_runs; /* body of stsc */
    uint32_t edit_count, empty_edit_count;
    uint64_t edit_ticks; /* of the movie's timescale, of the last edit */
    int64_t edit_start;  /* of the track's timescale */
};

struct walk {
    uint64_t file_size;
    bool has_movie, is_fragmented;
    uint32_t movie_timescale;
    uint64_t fragment_samples;
    struct track track; /* the one at hand */
    bool has_sound;
    struct track sound; /* the first one of sound */
};

static uint64_t read_be64(const uint8_t *p) {
    return (uint64_t)read_be32(p) << 32 | read_be32(p + 4);
}

static const uint8_t *bytes_of(struct str text) {
    return (const uint8_t *)text.ptr;
}

static bool refuse_damaged(const struct box *box, struct error *err) {
    return error_set(err, ERROR_INVALID, NULL, "damaged: box '%s' makes no sense", box->type);
}

/* The box at the start of `rest`, which then begins behind it. */
static bool next_box(struct str *rest, struct box *ret, struct error *err) {
    const uint8_t *p = bytes_of(*rest);
    uint64_t size = read_be32(p), header = 8;
    for (int i = 0; i < 4; i++)
        ret->type[i] = p[4 + i] >= 0x20 && p[4 + i] < 0x7f ? (char)p[4 + i] : '.';
    ret->type[4] = '\0';
    if (size == 1) {
        header = 16;
        size = rest->len >= header ? read_be64(p + 8) : UINT64_MAX;
    }
    if (size == 0)
        size = rest->len;
    if (size > rest->len)
        return error_set(err, ERROR_INVALID, NULL, "truncated: box '%s' goes beyond the end",
                         ret->type);
    if (size < header)
        return refuse_damaged(ret, err);
    ret->body = (struct str){rest->ptr + header, (size_t)(size - header)};
    *rest = (struct str){rest->ptr + size, rest->len - (size_t)size};
    return true;
}

/* A table's number of entries, which stands at `at`; each takes `size` bytes behind it. */
static bool read_count(const struct box *box, size_t at, size_t size, uint32_t *ret,
                       struct error *err) {
    if (box->body.len < at + 4)
        return refuse_damaged(box, err);
    uint32_t count = read_be32(bytes_of(box->body) + at);
    if (size > 0 && count > (box->body.len - at - 4) / size)
        return refuse_damaged(box, err);
    *ret = count;
    return true;
}

static bool read_movie_header(struct walk *walk, const struct box *box, struct error *err) {
    const uint8_t *p = bytes_of(box->body);
    size_t at = box->body.len > 0 && p[0] == 1 ? 20 : 12;
    if (box->body.len < at + 4)
        return refuse_damaged(box, err);
    walk->movie_timescale = read_be32(p + at);
    return true;
}

static bool read_media_header(struct walk *walk, const struct box *box, struct error *err) {
    const uint8_t *p = bytes_of(box->body);
    size_t at = box->body.len > 0 && p[0] == 1 ? 20 : 12;
    if (box->body.len < at + 4)
        return refuse_damaged(box, err);
    walk->track.timescale = read_be32(p + at);
    return true;
}

static bool read_handler(struct walk *walk, const struct box *box, struct error *err) {
    if (box->body.len < 12)
        return refuse_damaged(box, err);
    /* QuickTime has a second handler in the track, of its data. */
    if (memcmp(box->body.ptr + 8, "soun", 4) == 0)
        walk->track.is_sound = true;
    return true;
}

static bool read_durations(struct walk *walk, const struct box *box, struct error *err) {
    uint32_t count;
    if (!read_count(box, FULL_BOX_BYTES, 8, &count, err))
        return false;
    const uint8_t *p = bytes_of(box->body) + 8;
    uint64_t ticks = 0;
    for (uint32_t i = 0; i < count; i++, p += 8) {
        uint64_t more = (uint64_t)read_be32(p) * read_be32(p + 4);
        if (more > INT64_MAX - ticks)
            return refuse_damaged(box, err);
        ticks += more;
    }
    walk->track.ticks = ticks;
    walk->track.has_unit_duration = count == 1 && read_be32(p - 4) == 1;
    return true;
}

static bool read_sizes(struct walk *walk, const struct box *box, struct error *err) {
    uint32_t count;
    if (!read_count(box, 8, 0, &count, err))
        return false;
    uint32_t each = read_be32(bytes_of(box->body) + 4);
    bool has_table = strcmp(box->type, "stz2") == 0 || each == 0;
    unsigned bits = strcmp(box->type, "stz2") == 0 ? each & 0xff : 32;
    if (has_table && (uint64_t)count * bits > ((uint64_t)box->body.len - 12) * 8)
        return refuse_damaged(box, err);
    /* Every sample has its bytes somewhere in the file. */
    if (!has_table && count > walk->file_size / each)
        return error_set(err, ERROR_INVALID, NULL,
                         "damaged or truncated: %u samples of %u bytes in a file of %llu bytes",
                         count, each, (unsigned long long)walk->file_size);
    walk->track.samples = count;
    return true;
}

static bool read_chunks(struct walk *walk, const struct box *box, struct error *err) {
    uint32_t count;
    if (!read_count(box, FULL_BOX_BYTES, strcmp(box->type, "co64") == 0 ? 8 : 4, &count, err))
        return false;
    walk->track.chunk_count = count;
    return true;
}

static bool read_chunk_runs(struct walk *walk, const struct box *box, struct error *err) {
    uint32_t count;
    if (!read_count(box, FULL_BOX_BYTES, 12, &count, err))
        return false;
    walk->track.chunk_runs = (struct str){box->body.ptr + 8, (size_t)count * 12};
    return true;
}

static bool read_edits(struct walk *walk, const struct box *box, struct error *err) {
    uint32_t count;
    bool is_long = box->body.len > 0 && box->body.ptr[0] == 1;
    size_t size = is_long ? 20 : 12;
    if (!read_count(box, FULL_BOX_BYTES, size, &count, err))
        return false;
    if (count > AUDIO_BOXES_MAX_EDITS)
        return error_set(err, ERROR_LIMIT, NULL, "%u edits are over the limit of %d", count,
                         AUDIO_BOXES_MAX_EDITS);
    struct track *track = &walk->track;
    track->edit_count = count;
    const uint8_t *p = bytes_of(box->body) + 8;
    for (uint32_t i = 0; i < count; i++, p += size) {
        uint64_t ticks = is_long ? read_be64(p) : read_be32(p);
        int64_t start = is_long ? (int64_t)read_be64(p + 8) : (int32_t)read_be32(p + 4);
        if (start < 0) {
            track->empty_edit_count++;
            continue;
        }
        track->edit_ticks = ticks;
        track->edit_start = start;
    }
    return true;
}

static bool read_run(struct walk *walk, const struct box *box, struct error *err) {
    uint32_t count;
    if (!read_count(box, FULL_BOX_BYTES, 0, &count, err))
        return false;
    walk->fragment_samples += count;
    if (walk->fragment_samples > AUDIO_BOXES_MAX_SAMPLES)
        return error_set(err, ERROR_LIMIT, NULL, "more than %d samples in fragments",
                         AUDIO_BOXES_MAX_SAMPLES);
    return true;
}

static bool read_compressed(struct walk *walk, const struct box *box, struct error *err) {
    (void)walk;
    (void)box;
    return error_set(err, ERROR_INVALID, NULL, "a compressed movie header is not supported");
}

static const struct {
    char type[5];
    bool (*read)(struct walk *walk, const struct box *box, struct error *err);
} readers[] = {
    {"mvhd", read_movie_header}, {"mdhd", read_media_header}, {"hdlr", read_handler},
    {"stts", read_durations},    {"stsz", read_sizes},        {"stz2", read_sizes},
    {"stco", read_chunks},       {"co64", read_chunks},       {"stsc", read_chunk_runs},
    {"elst", read_edits},        {"trun", read_run},          {"cmov", read_compressed},
};

/* Samples in all chunks; the last run goes on to the last chunk. */
static void count_chunk_samples(struct track *track) {
    const uint8_t *p = bytes_of(track->chunk_runs);
    size_t count = track->chunk_runs.len / 12;
    track->chunk_samples = 0;
    for (size_t i = 0; i < count; i++, p += 12) {
        uint64_t first = read_be32(p);
        uint64_t end = i + 1 < count ? read_be32(p + 12) : track->chunk_count + 1;
        if (end > track->chunk_count + 1)
            end = track->chunk_count + 1;
        if (first < end)
            track->chunk_samples += (end - first) * read_be32(p + 4);
        /* Beyond any limit, and far from wrapping around. */
        if (track->chunk_samples > UINT64_MAX / 2)
            break;
    }
}

static bool finish_track(struct walk *walk, struct error *err) {
    struct track *track = &walk->track;
    count_chunk_samples(track);
    uint64_t samples =
        track->samples > track->chunk_samples ? track->samples : track->chunk_samples;
    if (samples > walk->file_size)
        return error_set(err, ERROR_INVALID, NULL,
                         "damaged or truncated: %llu samples in a file of %llu bytes",
                         (unsigned long long)samples, (unsigned long long)walk->file_size);
    /* Of PCM the demuxer makes packets of 1024 samples. */
    uint64_t packets = track->has_unit_duration ? samples / 1024 + track->chunk_count : samples;
    uint64_t edits = track->edit_count > 2 ? track->edit_count : 1;
    if (packets > AUDIO_BOXES_MAX_SAMPLES || packets * edits > AUDIO_BOXES_MAX_SAMPLES)
        return error_set(err, ERROR_LIMIT, NULL, "%llu samples in %llu edits are over the limit",
                         (unsigned long long)packets, (unsigned long long)edits);
    if (track->is_sound && !walk->has_sound) {
        walk->has_sound = true;
        walk->sound = *track;
    }
    return true;
}

static bool is_container(const struct box *box) {
    static const char *const types[] = {"moov", "trak", "edts", "mdia",
                                        "minf", "stbl", "moof", "traf"};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (strcmp(box->type, types[i]) == 0)
            return true;
    return false;
}

static bool walk_boxes(struct walk *walk, struct str rest, int depth, struct error *err);

static bool walk_box(struct walk *walk, const struct box *box, int depth, struct error *err) {
    bool is_track = strcmp(box->type, "trak") == 0;
    if (is_track)
        walk->track = (struct track){0};
    walk->has_movie = walk->has_movie || strcmp(box->type, "moov") == 0;
    walk->is_fragmented =
        walk->is_fragmented || strcmp(box->type, "mvex") == 0 || strcmp(box->type, "moof") == 0;
    if (is_container(box))
        return walk_boxes(walk, box->body, depth + 1, err) &&
               (!is_track || finish_track(walk, err));
    for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
        if (strcmp(box->type, readers[i].type) == 0)
            return readers[i].read(walk, box, err);
    return true;
}

static bool walk_boxes(struct walk *walk, struct str rest, int depth, struct error *err) {
    if (depth > MAX_DEPTH)
        return error_set(err, ERROR_INVALID, NULL, "damaged: boxes inside boxes without end");
    /* Less than a box's header: padding, or the end that QuickTime writes for a list of boxes. */
    while (rest.len >= 8) {
        struct box box;
        if (!next_box(&rest, &box, err) || !walk_box(walk, &box, depth, err))
            return false;
    }
    return true;
}

/* One edit, maybe after an empty one, tells where the sound begins and ends. Its length is in the
 * movie's timescale; where that is coarse, it only counts when it differs by more than rounding. */
static uint64_t heard_ticks(const struct walk *walk) {
    const struct track *track = &walk->sound;
    if (walk->is_fragmented || track->timescale == 0 || walk->movie_timescale == 0 ||
        track->edit_count - track->empty_edit_count > 1)
        return 0;
    uint64_t start = (uint64_t)track->edit_start;
    if (start >= track->ticks)
        return 0;
    uint64_t heard = track->ticks - start;
    if (track->edit_ticks == 0 || track->edit_ticks > INT64_MAX / UINT32_MAX)
        return heard;
    uint64_t edit =
        (track->edit_ticks * track->timescale + walk->movie_timescale / 2) / walk->movie_timescale;
    uint64_t rounding = track->timescale / walk->movie_timescale;
    return edit + (rounding > 1 ? rounding + 1 : 0) < heard ? edit : heard;
}

bool audio_boxes_read(struct str file, struct audio_boxes *ret, struct error *err) {
    struct walk walk = {.file_size = file.len};
    if (!walk_boxes(&walk, file, 0, err))
        return false;
    if (!walk.has_movie)
        return error_set(err, ERROR_INVALID, NULL, "damaged or truncated: no movie header");
    if (!walk.has_sound)
        return error_set(err, ERROR_INVALID, NULL, "a video without sound");
    *ret = (struct audio_boxes){heard_ticks(&walk), walk.sound.timescale};
    return true;
}
