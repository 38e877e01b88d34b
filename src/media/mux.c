/*
 * One file's kind or another. What they share is checked here: that the segments are the plan's,
 * and that each carries the sound of its own time.
 */
#include "media/mux.h"

#include "media/mp4.h"
#include "media/sink.h"
#include "media/webm.h"

#include <string.h>

__extension__ typedef unsigned __int128 wide;

enum {
    MIN_AVCC_BYTES = 7, /* profile, level, lengths and two counts */
    MIN_HVCC_BYTES = 23,
    MIN_AV1C_BYTES = 4,
    VPCC_BYTES = 12, /* version and flags of its box included */
    MAX_CONFIG_BYTES = 65536,
    GIF_HEADER_BYTES = 32,
};

/* ---- decoder configurations ---- */

bool mux_config_fits(enum codec codec, const uint8_t *config, size_t size) {
    if (size > MAX_CONFIG_BYTES)
        return false;
    switch (codec) {
    case CODEC_H264:
        return size >= MIN_AVCC_BYTES && config[0] == 1;
    case CODEC_HEVC:
        return size >= MIN_HVCC_BYTES && config[0] == 1;
    case CODEC_AV1:
        return size >= MIN_AV1C_BYTES && config[0] == 0x81; /* marker, version 1 */
    case CODEC_VP9:
        return size == VPCC_BYTES && config[0] == 1;
    case CODEC_PRORES:
    case CODEC_GIF:
        return size == 0;
    }
    return false;
}

bool mux_allows_empty_samples(enum codec codec) {
    return codec == CODEC_GIF;
}

/* ---- sound ---- */

bool mux_sound_take(struct mux_sound_source *source, const struct plan *plan, uint32_t segment,
                    struct mux_sound *ret, struct error *err) {
    const struct sound_index *index = source->index;
    struct mux_sound sound = {0};
    if (index != NULL) {
        uint32_t first = sound_first_packet(index, plan, segment);
        uint32_t end = sound_first_packet(index, plan, segment + 1);
        uint64_t skip = 0, size = 0;
        for (uint32_t i = source->next; i < first; i++)
            skip += index->sizes[i];
        for (uint32_t i = first; i < end; i++)
            size += index->sizes[i];
        if (first < source->next || skip + size > source->data.len)
            return error_set(err, ERROR_INTERNAL, NULL, "the sound of segment %u is not at hand",
                             segment);
        if (end > first)
            sound = (struct mux_sound){(const uint8_t *)source->data.ptr + skip,
                                       index->sizes + first, end - first};
        source->next = end;
        source->data.ptr += skip + size;
        source->data.len -= (size_t)(skip + size);
    }
    *ret = sound;
    return true;
}

/* ---- segments ---- */

static uint64_t sum_samples(const struct media_sample *samples, uint32_t count) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += samples[i].size;
    return sum;
}

static uint64_t sum_packets(const uint32_t *sizes, uint32_t count) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += sizes[i];
    return sum;
}

/* Packets that the segment carries. */
static uint32_t packets_of(const struct plan *plan, const struct sound_index *sound,
                           uint32_t segment) {
    if (sound == NULL)
        return 0;
    return sound_first_packet(sound, plan, segment + 1) - sound_first_packet(sound, plan, segment);
}

static bool check_segment(const struct plan *plan, const struct media_segment *segment,
                          uint32_t packets, const struct sound_index *sound, struct error *err) {
    if (segment->number >= plan->segment_count ||
        segment->sample_count != plan->segments[segment->number].frame_count ||
        sum_samples(segment->samples, segment->sample_count) != segment->size)
        return error_set(err, ERROR_INVALID, NULL, "segment %u is not as the plan has it",
                         segment->number);
    if (packets != packets_of(plan, sound, segment->number))
        return error_set(err, ERROR_INVALID, NULL, "segment %u comes with %u audio packets, not %u",
                         segment->number, packets, packets_of(plan, sound, segment->number));
    return true;
}

bool mux_segment(const struct plan *plan, const struct media_segment *segment,
                 const struct mux_sound *sound, const struct sound_index *sound_index,
                 struct buf *ret, struct error *err) {
    uint32_t packets = sound != NULL ? sound->count : 0;
    if (!check_segment(plan, segment, packets, sound_index, err))
        return false;
    if (plan->manifest.settings.format == FORMAT_WEBM)
        return webm_segment(plan, segment, sound, sound_index, ret, err);
    size_t before = ret->size;
    if (buf_append(ret, segment->data, segment->size, err) &&
        (packets == 0 ||
         buf_append(ret, sound->data, (size_t)sum_packets(sound->sizes, packets), err)))
        return true;
    ret->size = before;
    return false;
}

/* ---- films ---- */

static bool check_run(const struct mux_film *film, uint32_t r, struct error *err) {
    const struct plan *plan = film->plan;
    const struct mux_run *run = &film->runs[r];
    uint32_t packets = packets_of(plan, film->sound, r);
    if (run->sample_count != plan->segments[r].frame_count)
        return error_set(err, ERROR_INVALID, NULL, "segment %u has %u frames, not %u", r,
                         run->sample_count, plan->segments[r].frame_count);
    if (run->sound_count != packets)
        return error_set(err, ERROR_INVALID, NULL, "segment %u has %u audio packets, not %u", r,
                         run->sound_count, packets);
    if (plan->manifest.settings.format != FORMAT_WEBM &&
        run->size != sum_samples(run->samples, run->sample_count) +
                         sum_packets(run->sound_sizes, run->sound_count))
        return error_set(err, ERROR_INVALID, NULL,
                         "segment %u is not of the size that its tables tell", r);
    return true;
}

/* The codec that the file's kind holds, and to a packet the length of the film. */
static bool check_sound(const struct mux_film *film, struct error *err) {
    const struct settings *settings = &film->plan->manifest.settings;
    const struct sound_index *sound = film->sound;
    if (sound == NULL)
        return film->plan->audio.name == NULL ||
               error_set(err, ERROR_INVALID, NULL, "the film's sound is missing");
    if (settings->format == FORMAT_GIF)
        return error_set(err, ERROR_INVALID, NULL, "a GIF has no sound");
    const char *codec = settings->format == FORMAT_WEBM ? "opus" : "aac";
    if (strcmp(sound->codec, codec) != 0)
        return error_set(err, ERROR_INVALID, NULL, "the sound is %s, the file wants %s",
                         sound->codec, codec);
    wide film_time = (wide)film->plan->timeline.frame_count * (wide)settings->fps.den * sound->rate;
    wide sound_time = (wide)sound->samples * (wide)settings->fps.num;
    wide packet = (wide)sound->samples_packet * (wide)settings->fps.num;
    if (sound_time + packet < film_time || film_time + packet < sound_time)
        return error_set(err, ERROR_INVALID, NULL, "the sound is not as long as the film");
    return true;
}

static bool check_film(const struct mux_film *film, struct error *err) {
    if (film->run_count == 0 || film->run_count != film->plan->segment_count)
        return error_set(err, ERROR_INVALID, NULL, "a film of %u segments, not %u", film->run_count,
                         film->plan->segment_count);
    if (!mux_config_fits(film->plan->manifest.settings.codec, film->config, film->config_size))
        return error_set(err, ERROR_INVALID, NULL,
                         "the decoder configuration is not one of the film's codec");
    if (!check_sound(film, err))
        return false;
    for (uint32_t r = 0; r < film->run_count; r++)
        if (!check_run(film, r, err))
            return false;
    return true;
}

static bool mp4_film(struct arena *arena, const struct mux_film *film, struct str *ret,
                     struct error *err) {
    const struct settings *settings = &film->plan->manifest.settings;
    struct mp4_run *runs = arena_array(arena, film->run_count, sizeof *runs);
    struct mp4_packets *packets = arena_array(arena, film->run_count, sizeof *packets);
    for (uint32_t r = 0; r < film->run_count; r++) {
        runs[r] = (struct mp4_run){film->runs[r].samples, film->runs[r].sample_count};
        packets[r] = (struct mp4_packets){film->runs[r].sound_sizes, film->runs[r].sound_count};
    }
    struct mp4_movie movie = {
        .width = settings->width,
        .height = settings->height,
        .fps = settings->fps,
        .config = film->config,
        .config_size = film->config_size,
        .runs = runs,
        .run_count = film->run_count,
        .codec = settings->codec,
        .format = settings->format,
        .sound = film->sound,
        .packets = packets,
    };
    return mp4_header(arena, &movie, ret, err);
}

/* Screen without a palette of its own; the film is repeated for ever. */
static struct str gif_header(struct arena *arena, const struct settings *settings) {
    struct sink sink = {.data = arena_alloc(arena, GIF_HEADER_BYTES), .capacity = GIF_HEADER_BYTES};
    sink_text(&sink, "GIF89a");
    sink_little(&sink, settings->width, 2);
    sink_little(&sink, settings->height, 2);
    sink_u8(&sink, 0x70); /* eight bits a colour */
    sink_u16(&sink, 0);   /* background, shape of a pixel: not said */
    sink_text(&sink, "!\xff\x0bNETSCAPE2.0");
    sink_put(&sink, "\3\1\0\0", 5); /* no end, and the end of the block */
    return (struct str){(const char *)sink.data, sink.size};
}

bool mux_header(struct arena *arena, const struct mux_film *film, struct str *ret,
                struct error *err) {
    if (!check_film(film, err))
        return false;
    switch (film->plan->manifest.settings.format) {
    case FORMAT_MP4:
    case FORMAT_MOV:
        return mp4_film(arena, film, ret, err);
    case FORMAT_WEBM:
        return webm_header(arena, film, ret, err);
    case FORMAT_GIF:
        break;
    }
    if (film->plan->manifest.settings.codec != CODEC_GIF)
        return error_set(err, ERROR_INVALID, NULL, "a GIF holds pictures of its own kind only");
    *ret = gif_header(arena, &film->plan->manifest.settings);
    return true;
}

struct str mux_trailer(const struct plan *plan) {
    return plan->manifest.settings.format == FORMAT_GIF ? (struct str){";", 1} : (struct str){0};
}
