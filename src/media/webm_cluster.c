/*
 * Segments as Clusters. Where a Cluster ends follows from the pictures' times and key frames, and
 * its size from the sizes of what is in it: so the header knows where each one lies without seeing
 * it. Pictures and packets stand in the order of their times, a picture first.
 */
#include "media/webm_internal.h"

#include "media/ebml.h"

#include <assert.h>

enum {
    ID_CLUSTER = 0x1f43b675,
    ID_TIMESTAMP = 0xe7,
    ID_SIMPLE_BLOCK = 0xa3,
    ID_BLOCK_GROUP = 0xa0,
    ID_BLOCK = 0xa1,
    ID_DISCARD_PADDING = 0x75a2,

    CLUSTER_HEAD_BYTES = 4 + EBML_MASTER_SIZE,
    TIMESTAMP_BYTES = 1 + 1 + 8,
    BLOCK_HEAD_BYTES = 4, /* track, time, flags */
    DISCARD_BYTES = 2 + 1 + 8,
    /* Blocks tell their time by 16 bits with a sign; what is behind the last picture of a Cluster,
     * a second of it and the priming, fits too. */
    MAX_CLUSTER_MS = 30000,
    FLAG_KEY = 0x80,
    /* Heads of a group, a block and the rest. */
    MAX_HEAD_BYTES = 64,
};

/* ---- times ---- */

static uint64_t rounded(uint64_t count, uint64_t num, uint64_t den) {
    return (2 * count * num + den) / (2 * den);
}

/* Both within 64 bits: 25 bits of frames, 21 of a rate's denominator, 11 of milliseconds. */
static uint64_t sample_ms(const struct webm_run *run, uint32_t i) {
    return rounded(run->first_frame + i, 1000 * (uint64_t)run->fps.den, (uint64_t)run->fps.num);
}

static uint64_t packet_ms(const struct webm_run *run, uint32_t i) {
    const struct sound_index *sound = run->sound;
    return rounded(((uint64_t)run->first_packet + i) * sound->samples_packet, 1000, sound->rate);
}

/* What of this packet is not heard, at the end of the film. */
static uint64_t packet_discard_ns(const struct webm_run *run, uint32_t i) {
    const struct sound_index *sound = run->sound;
    if (run->first_packet + i + 1 != sound->packet_count)
        return 0;
    uint64_t all = (uint64_t)sound->packet_count * sound->samples_packet;
    return (all - sound->priming - sound->samples) * 1000000000 / sound->rate;
}

/* ---- sizes ---- */

static uint64_t block_contents(uint64_t bytes) {
    return BLOCK_HEAD_BYTES + bytes;
}

static uint64_t element_size(uint64_t contents) {
    return 1 + ebml_size_width(contents) + contents;
}

static uint64_t packet_block_size(const struct webm_run *run, uint32_t i) {
    uint64_t block = element_size(block_contents(run->packet_sizes[i]));
    return packet_discard_ns(run, i) == 0 ? block : element_size(block + DISCARD_BYTES);
}

struct webm_run webm_run_of(const struct plan *plan, uint32_t segment,
                            const struct sound_index *sound) {
    return (struct webm_run){
        .fps = plan->manifest.settings.fps,
        .first_frame = plan->segments[segment].first_frame,
        .sound = sound,
        .first_packet = sound != NULL ? sound_first_packet(sound, plan, segment) : 0,
    };
}

bool webm_check_run(const struct webm_run *run, struct error *err) {
    if (run->fps.den <= 0 || run->fps.den > SETTINGS_MAX_FPS_DEN || run->fps.num < run->fps.den ||
        run->fps.num > INT32_MAX || run->first_frame > TIMELINE_MAX_FRAMES)
        return error_set(err, ERROR_INVALID, NULL, "frame rate %lld/%lld does not fit into WebM",
                         (long long)run->fps.num, (long long)run->fps.den);
    for (uint32_t i = 0; i < run->sample_count; i++)
        if (run->samples[i].size == 0 || run->samples[i].composition_offset != 0 ||
            (i == 0 && !run->samples[i].key))
            return error_set(err, ERROR_INVALID, NULL, "sample %u is not possible in WebM", i);
    for (uint32_t i = 0; i < run->packet_count; i++)
        if (run->packet_sizes[i] == 0 || run->packet_sizes[i] > SOUND_MAX_PACKET_BYTES)
            return error_set(err, ERROR_INVALID, NULL, "audio packet %u is not possible", i);
    return true;
}

uint64_t webm_cluster_end(const struct webm_cluster *cluster) {
    return cluster->sample_count == 0 ? 0
                                      : cluster->offset + CLUSTER_HEAD_BYTES + cluster->contents;
}

bool webm_next_cluster(const struct webm_run *run, struct webm_cluster *cluster) {
    uint32_t sample = cluster->first_sample + cluster->sample_count;
    if (sample >= run->sample_count)
        return false;
    struct webm_cluster next = {
        .first_sample = sample,
        .first_packet = cluster->first_packet + cluster->packet_count,
        .time_ms = sample_ms(run, sample),
        .is_key = run->samples[sample].key,
        .offset = webm_cluster_end(cluster),
        .contents = TIMESTAMP_BYTES,
    };
    do {
        next.contents += element_size(block_contents(run->samples[sample].size));
        sample++;
    } while (sample < run->sample_count && !run->samples[sample].key &&
             sample_ms(run, sample) - next.time_ms <= MAX_CLUSTER_MS);
    next.sample_count = sample - next.first_sample;
    uint32_t packet = next.first_packet;
    while (packet < run->packet_count &&
           (sample == run->sample_count || packet_ms(run, packet) < sample_ms(run, sample)))
        next.contents += packet_block_size(run, packet++);
    next.packet_count = packet - next.first_packet;
    *cluster = next;
    return true;
}

/* ---- writing ---- */

struct segment_writer {
    const struct webm_run *run;
    const uint8_t *samples; /* the next sample, the next packet */
    const uint8_t *packets;
    struct buf *ret;
};

static void put_block_head(struct sink *sink, uint32_t id, unsigned track, uint64_t time,
                           unsigned flags, uint64_t bytes) {
    assert(time <= INT16_MAX);
    ebml_id(sink, id);
    ebml_size(sink, block_contents(bytes));
    ebml_size(sink, track);
    sink_u16(sink, (unsigned)time);
    sink_u8(sink, flags);
}

static bool put_sample(struct segment_writer *writer, const struct webm_cluster *cluster,
                       uint32_t i, struct error *err) {
    uint8_t head[MAX_HEAD_BYTES];
    struct sink sink = {.data = head, .capacity = sizeof head};
    const struct media_sample *sample = &writer->run->samples[i];
    put_block_head(&sink, ID_SIMPLE_BLOCK, WEBM_VIDEO, sample_ms(writer->run, i) - cluster->time_ms,
                   sample->key ? FLAG_KEY : 0, sample->size);
    const uint8_t *data = writer->samples;
    writer->samples += sample->size;
    return buf_append(writer->ret, head, sink.size, err) &&
           buf_append(writer->ret, data, sample->size, err);
}

static bool put_packet(struct segment_writer *writer, const struct webm_cluster *cluster,
                       uint32_t i, struct error *err) {
    uint8_t head[MAX_HEAD_BYTES], tail[DISCARD_BYTES];
    struct sink before = {.data = head, .capacity = sizeof head},
                behind = {.data = tail, .capacity = sizeof tail};
    const struct webm_run *run = writer->run;
    uint32_t size = run->packet_sizes[i];
    uint64_t discard_ns = packet_discard_ns(run, i), time = packet_ms(run, i) - cluster->time_ms;
    if (discard_ns > 0) {
        ebml_id(&before, ID_BLOCK_GROUP);
        ebml_size(&before, element_size(block_contents(size)) + DISCARD_BYTES);
        put_block_head(&before, ID_BLOCK, WEBM_SOUND, time, 0, size);
        ebml_unsigned(&behind, ID_DISCARD_PADDING, discard_ns, 8);
    } else {
        put_block_head(&before, ID_SIMPLE_BLOCK, WEBM_SOUND, time, FLAG_KEY, size);
    }
    const uint8_t *data = writer->packets;
    writer->packets += size;
    return buf_append(writer->ret, head, before.size, err) &&
           buf_append(writer->ret, data, size, err) &&
           buf_append(writer->ret, tail, behind.size, err);
}

static bool put_cluster(struct segment_writer *writer, const struct webm_cluster *cluster,
                        struct error *err) {
    uint8_t head[MAX_HEAD_BYTES];
    struct sink sink = {.data = head, .capacity = sizeof head};
    uint32_t sample = cluster->first_sample, packet = cluster->first_packet;
    uint32_t sample_end = sample + cluster->sample_count;
    uint32_t packet_end = packet + cluster->packet_count;
    ebml_begin_sized(&sink, ID_CLUSTER, cluster->contents);
    ebml_unsigned(&sink, ID_TIMESTAMP, cluster->time_ms, 8);
    if (!buf_append(writer->ret, head, sink.size, err))
        return false;
    while (sample < sample_end || packet < packet_end) {
        bool picture = sample < sample_end &&
                       (packet == packet_end ||
                        sample_ms(writer->run, sample) <= packet_ms(writer->run, packet));
        if (picture ? !put_sample(writer, cluster, sample++, err)
                    : !put_packet(writer, cluster, packet++, err))
            return false;
    }
    return true;
}

bool webm_segment(const struct plan *plan, const struct media_segment *segment,
                  const struct mux_sound *sound, const struct sound_index *sound_index,
                  struct buf *ret, struct error *err) {
    struct webm_run run = webm_run_of(plan, segment->number, sound_index);
    struct webm_cluster cluster = {0};
    struct segment_writer writer = {.run = &run, .samples = segment->data, .ret = ret};
    size_t before = ret->size;
    run.samples = segment->samples;
    run.sample_count = segment->sample_count;
    if (sound != NULL && sound_index != NULL) {
        run.packet_sizes = sound->sizes;
        run.packet_count = sound->count;
        writer.packets = sound->data;
    }
    if (!webm_check_run(&run, err))
        return false;
    while (webm_next_cluster(&run, &cluster))
        if (!put_cluster(&writer, &cluster, err)) {
            ret->size = before;
            return false;
        }
    assert(ret->size - before == webm_cluster_end(&cluster));
    return true;
}
