/*
 * Everything before the first Cluster. The header is put together once without memory, to learn its
 * size, because Cues and the Segment's own size need it; then it is written.
 */
#include "media/webm.h"

#include "media/ebml.h"
#include "media/webm_internal.h"

#include <string.h>

enum {
    ID_EBML = 0x1a45dfa3,
    ID_EBML_VERSION = 0x4286,
    ID_EBML_READ_VERSION = 0x42f7,
    ID_EBML_MAX_ID_LENGTH = 0x42f2,
    ID_EBML_MAX_SIZE_LENGTH = 0x42f3,
    ID_DOC_TYPE = 0x4282,
    ID_DOC_TYPE_VERSION = 0x4287,
    ID_DOC_TYPE_READ_VERSION = 0x4285,

    ID_SEGMENT = 0x18538067,
    ID_SEEK_HEAD = 0x114d9b74,
    ID_SEEK = 0x4dbb,
    ID_SEEK_ID = 0x53ab,
    ID_SEEK_POSITION = 0x53ac,

    ID_INFO = 0x1549a966,
    ID_TIMESTAMP_SCALE = 0x2ad7b1,
    ID_DURATION = 0x4489,
    ID_MUXING_APP = 0x4d80,
    ID_WRITING_APP = 0x5741,

    ID_TRACKS = 0x1654ae6b,
    ID_TRACK_ENTRY = 0xae,
    ID_TRACK_NUMBER = 0xd7,
    ID_TRACK_UID = 0x73c5,
    ID_TRACK_TYPE = 0x83,
    ID_FLAG_LACING = 0x9c,
    ID_LANGUAGE = 0x22b59c,
    ID_CODEC_ID = 0x86,
    ID_CODEC_PRIVATE = 0x63a2,
    ID_CODEC_DELAY = 0x56aa,
    ID_SEEK_PRE_ROLL = 0x56bb,
    ID_DEFAULT_DURATION = 0x23e383,
    ID_VIDEO = 0xe0,
    ID_FLAG_INTERLACED = 0x9a,
    ID_PIXEL_WIDTH = 0xb0,
    ID_PIXEL_HEIGHT = 0xba,
    ID_COLOUR = 0x55b0,
    ID_MATRIX = 0x55b1,
    ID_CHROMA_HORIZONTAL = 0x55b7,
    ID_CHROMA_VERTICAL = 0x55b8,
    ID_RANGE = 0x55b9,
    ID_TRANSFER = 0x55ba,
    ID_PRIMARIES = 0x55bb,
    ID_AUDIO = 0xe1,
    ID_SAMPLING_FREQUENCY = 0xb5,
    ID_CHANNELS = 0x9f,

    ID_CUES = 0x1c53bb6b,
    ID_CUE_POINT = 0xbb,
    ID_CUE_TIME = 0xb3,
    ID_CUE_TRACK_POSITIONS = 0xb7,
    ID_CUE_TRACK = 0xf7,
    ID_CUE_CLUSTER_POSITION = 0xf1,

    NANOSECONDS_TICK = 1000000,
    /* What Opus needs before what is to be heard right: 80 ms. */
    OPUS_PRE_ROLL_NS = 80000000,
    FULL_BOX_BYTES = 4, /* version and flags */
};

/* Places in the file, from the first byte in the Segment; known after the first pass. */
struct places {
    uint64_t info, tracks, cues, clusters;
};

struct header {
    const struct mux_film *film;
    struct sink sink;
    size_t start; /* of the Segment's contents */
    struct places known, found;
    uint64_t cluster_bytes;
};

static uint64_t place(const struct header *header) {
    return header->sink.size - header->start;
}

static void put_ebml(struct sink *sink) {
    size_t ebml = ebml_begin(sink, ID_EBML);
    ebml_unsigned(sink, ID_EBML_VERSION, 1, 1);
    ebml_unsigned(sink, ID_EBML_READ_VERSION, 1, 1);
    ebml_unsigned(sink, ID_EBML_MAX_ID_LENGTH, 4, 1);
    ebml_unsigned(sink, ID_EBML_MAX_SIZE_LENGTH, 8, 1);
    ebml_text(sink, ID_DOC_TYPE, "webm");
    ebml_unsigned(sink, ID_DOC_TYPE_VERSION, 4, 1);
    ebml_unsigned(sink, ID_DOC_TYPE_READ_VERSION, 2, 1);
    ebml_end(sink, ebml);
}

static void put_seek(struct sink *sink, uint32_t id, uint64_t position) {
    size_t seek = ebml_begin(sink, ID_SEEK);
    ebml_unsigned(sink, ID_SEEK_ID, id, 4);
    ebml_unsigned(sink, ID_SEEK_POSITION, position, 8);
    ebml_end(sink, seek);
}

static void put_seek_head(struct header *header) {
    size_t head = ebml_begin(&header->sink, ID_SEEK_HEAD);
    put_seek(&header->sink, ID_INFO, header->known.info);
    put_seek(&header->sink, ID_TRACKS, header->known.tracks);
    put_seek(&header->sink, ID_CUES, header->known.cues);
    ebml_end(&header->sink, head);
}

static void put_info(struct header *header) {
    const struct plan *plan = header->film->plan;
    const struct rational *fps = &plan->manifest.settings.fps;
    double milliseconds =
        (double)plan->timeline.frame_count * 1000 * (double)fps->den / (double)fps->num;
    header->found.info = place(header);
    size_t info = ebml_begin(&header->sink, ID_INFO);
    ebml_unsigned(&header->sink, ID_TIMESTAMP_SCALE, NANOSECONDS_TICK, 4);
    ebml_float(&header->sink, ID_DURATION, milliseconds);
    ebml_text(&header->sink, ID_MUXING_APP, "tachyscope");
    ebml_text(&header->sink, ID_WRITING_APP, "tachyscope");
    ebml_end(&header->sink, info);
}

static void put_track(struct sink *sink, unsigned number, unsigned type, const char *codec) {
    ebml_unsigned(sink, ID_TRACK_NUMBER, number, 1);
    ebml_unsigned(sink, ID_TRACK_UID, number, 1);
    ebml_unsigned(sink, ID_TRACK_TYPE, type, 1);
    ebml_unsigned(sink, ID_FLAG_LACING, 0, 1);
    ebml_text(sink, ID_LANGUAGE, "und");
    ebml_text(sink, ID_CODEC_ID, codec);
}

/* AV1: as in MP4. VP9: features by number, from what MP4 has. */
static void put_codec_private(struct sink *sink, const struct mux_film *film) {
    if (film->plan->manifest.settings.codec == CODEC_AV1) {
        ebml_bytes(sink, ID_CODEC_PRIVATE, film->config, film->config_size);
        return;
    }
    const uint8_t *vpcc = film->config + FULL_BOX_BYTES;
    unsigned subsampling = vpcc[2] >> 1 & 7;
    uint8_t features[] = {
        1, 1, vpcc[0],      /* profile */
        2, 1, vpcc[1],      /* level */
        3, 1, vpcc[2] >> 4, /* bits */
        4, 1, (uint8_t)subsampling,
    };
    ebml_bytes(sink, ID_CODEC_PRIVATE, features, sizeof features);
}

static void put_video_track(struct sink *sink, const struct mux_film *film) {
    const struct settings *settings = &film->plan->manifest.settings;
    uint64_t num = (uint64_t)settings->fps.num, den = (uint64_t)settings->fps.den;
    size_t entry = ebml_begin(sink, ID_TRACK_ENTRY);
    put_track(sink, WEBM_VIDEO, 1, settings->codec == CODEC_AV1 ? "V_AV1" : "V_VP9");
    ebml_unsigned(sink, ID_DEFAULT_DURATION, (2 * 1000000000 * den + num) / (2 * num), 8);
    put_codec_private(sink, film);
    size_t video = ebml_begin(sink, ID_VIDEO);
    ebml_unsigned(sink, ID_FLAG_INTERLACED, 2, 1); /* progressive */
    ebml_unsigned(sink, ID_PIXEL_WIDTH, settings->width, 2);
    ebml_unsigned(sink, ID_PIXEL_HEIGHT, settings->height, 2);
    size_t colour = ebml_begin(sink, ID_COLOUR);
    ebml_unsigned(sink, ID_MATRIX, 1, 1);            /* BT.709 */
    ebml_unsigned(sink, ID_CHROMA_HORIZONTAL, 1, 1); /* left, half way down */
    ebml_unsigned(sink, ID_CHROMA_VERTICAL, 2, 1);
    ebml_unsigned(sink, ID_RANGE, 1, 1); /* limited */
    ebml_unsigned(sink, ID_TRANSFER, 1, 1);
    ebml_unsigned(sink, ID_PRIMARIES, 1, 1);
    ebml_end(sink, colour);
    ebml_end(sink, video);
    ebml_end(sink, entry);
}

/* RFC 7845, section 5.1, from the box that MP4 has of it: the other order of bytes. */
static void put_opus_head(struct sink *sink, const struct sound_index *sound) {
    const uint8_t *box = sound->config;
    const uint8_t head[] = {'O',    'p',    'u',    's',    'H',    'e',    'a',
                            'd',    1,      box[1], box[3], box[2], box[7], box[6],
                            box[5], box[4], box[9], box[8], box[10]};
    ebml_bytes(sink, ID_CODEC_PRIVATE, head, sizeof head);
}

static void put_sound_track(struct sink *sink, const struct sound_index *sound) {
    size_t entry = ebml_begin(sink, ID_TRACK_ENTRY);
    put_track(sink, WEBM_SOUND, 2, "A_OPUS");
    ebml_unsigned(sink, ID_CODEC_DELAY, (uint64_t)sound->priming * 1000000000 / sound->rate, 8);
    ebml_unsigned(sink, ID_SEEK_PRE_ROLL, OPUS_PRE_ROLL_NS, 4);
    put_opus_head(sink, sound);
    size_t audio = ebml_begin(sink, ID_AUDIO);
    ebml_float(sink, ID_SAMPLING_FREQUENCY, sound->rate);
    ebml_unsigned(sink, ID_CHANNELS, sound->channels, 1);
    ebml_end(sink, audio);
    ebml_end(sink, entry);
}

static void put_tracks(struct header *header) {
    header->found.tracks = place(header);
    size_t tracks = ebml_begin(&header->sink, ID_TRACKS);
    put_video_track(&header->sink, header->film);
    if (header->film->sound != NULL)
        put_sound_track(&header->sink, header->film->sound);
    ebml_end(&header->sink, tracks);
}

static void put_cue(struct header *header, uint64_t time_ms, uint64_t position) {
    struct sink *sink = &header->sink;
    size_t cue = ebml_begin(sink, ID_CUE_POINT);
    ebml_unsigned(sink, ID_CUE_TIME, time_ms, 8);
    size_t positions = ebml_begin(sink, ID_CUE_TRACK_POSITIONS);
    ebml_unsigned(sink, ID_CUE_TRACK, WEBM_VIDEO, 1);
    ebml_unsigned(sink, ID_CUE_CLUSTER_POSITION, position, 8);
    ebml_end(sink, positions);
    ebml_end(sink, cue);
}

static struct webm_run run_of(const struct mux_film *film, uint32_t number) {
    const struct mux_run *tables = &film->runs[number];
    struct webm_run run = webm_run_of(film->plan, number, film->sound);
    run.samples = tables->samples;
    run.sample_count = tables->sample_count;
    run.packet_sizes = tables->sound_sizes;
    run.packet_count = tables->sound_count;
    return run;
}

static void put_cues(struct header *header) {
    uint64_t offset = header->known.clusters;
    header->found.cues = place(header);
    size_t cues = ebml_begin(&header->sink, ID_CUES);
    for (uint32_t r = 0; r < header->film->run_count; r++) {
        struct webm_run run = run_of(header->film, r);
        struct webm_cluster cluster = {0};
        while (webm_next_cluster(&run, &cluster))
            if (cluster.is_key)
                put_cue(header, cluster.time_ms, offset + cluster.offset);
        offset += webm_cluster_end(&cluster);
    }
    ebml_end(&header->sink, cues);
}

static void put_header(struct header *header) {
    header->sink.size = 0;
    put_ebml(&header->sink);
    ebml_begin_sized(&header->sink, ID_SEGMENT, header->known.clusters + header->cluster_bytes);
    header->start = header->sink.size;
    put_seek_head(header);
    put_info(header);
    put_tracks(header);
    put_cues(header);
    header->found.clusters = place(header);
}

static bool check_runs(struct header *header, struct error *err) {
    const struct mux_film *film = header->film;
    for (uint32_t r = 0; r < film->run_count; r++) {
        struct webm_run run = run_of(film, r);
        struct webm_cluster cluster = {0};
        if (!webm_check_run(&run, err))
            return error_prefix(err, "segment %u", r);
        while (webm_next_cluster(&run, &cluster))
            continue;
        if (webm_cluster_end(&cluster) != film->runs[r].size)
            return error_set(err, ERROR_INVALID, NULL,
                             "segment %u is not of the size that its tables tell", r);
        header->cluster_bytes += film->runs[r].size;
    }
    return true;
}

bool webm_header(struct arena *arena, const struct mux_film *film, struct str *ret,
                 struct error *err) {
    struct header header = {.film = film};
    enum codec codec = film->plan->manifest.settings.codec;
    if (codec != CODEC_VP9 && codec != CODEC_AV1)
        return error_set(err, ERROR_INVALID, NULL, "WebM holds VP9 and AV1 only");
    if (!check_runs(&header, err))
        return false;
    put_header(&header);
    header.known = header.found;
    header.sink.capacity = header.sink.size;
    header.sink.data = arena_alloc(arena, header.sink.capacity);
    put_header(&header);
    *ret = (struct str){(const char *)header.sink.data, header.sink.size};
    return true;
}
