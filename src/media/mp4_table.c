/*
 * The tables of a track: when its samples are shown, how large they are, where they lie. One chunk
 * of the file for each segment that has something of the track.
 */
#include "media/mp4_internal.h"

static uint32_t size_of(const struct mp4_movie *movie, enum mp4_track track, uint32_t run,
                        uint32_t i) {
    return track == MP4_VIDEO ? movie->runs[run].samples[i].size : movie->packets[run].sizes[i];
}

static uint64_t bytes_of(const struct mp4_movie *movie, enum mp4_track track, uint32_t run) {
    uint64_t bytes = 0;
    uint32_t count = mp4_run_count(movie, track, run);
    for (uint32_t i = 0; i < count; i++)
        bytes += size_of(movie, track, run, i);
    return bytes;
}

static uint64_t samples_of(const struct mp4_writer *w, enum mp4_track track) {
    return track == MP4_VIDEO ? w->counts.samples : w->counts.packets;
}

/* The last packet lasts as long as it is heard. */
static void put_sound_times(struct mp4_writer *w) {
    const struct sound_index *sound = w->movie->sound;
    uint64_t whole = w->counts.packets - 1;
    uint64_t rest = sound->priming + sound->samples - whole * sound->samples_packet;
    sink_u32(&w->sink, whole > 0 ? 2 : 1);
    if (whole > 0) {
        sink_u32(&w->sink, whole);
        sink_u32(&w->sink, sound->samples_packet);
    }
    sink_u32(&w->sink, 1);
    sink_u32(&w->sink, rest);
}

static void put_stts(struct mp4_writer *w, enum mp4_track track) {
    size_t box = mp4_full_box_begin(w, "stts", 0, 0);
    if (track == MP4_SOUND) {
        put_sound_times(w);
    } else {
        sink_u32(&w->sink, 1);
        sink_u32(&w->sink, w->counts.samples);
        sink_u32(&w->sink, w->timing.frame_ticks);
    }
    mp4_box_end(w, box);
}

static void put_ctts(struct mp4_writer *w) {
    if (!w->counts.reordered)
        return;
    size_t box = mp4_full_box_begin(w, "ctts", 0, 0);
    sink_u32(&w->sink, w->counts.composition_runs);
    uint32_t length = 0;
    int32_t offset = 0;
    for (uint32_t r = 0; r < w->movie->run_count; r++)
        for (uint32_t i = 0; i < w->movie->runs[r].count; i++) {
            int32_t next = w->movie->runs[r].samples[i].composition_offset;
            if (length > 0 && next != offset) {
                sink_u32(&w->sink, length);
                sink_u32(&w->sink, (uint64_t)offset * w->timing.frame_ticks);
                length = 0;
            }
            offset = next;
            length++;
        }
    sink_u32(&w->sink, length);
    sink_u32(&w->sink, (uint64_t)offset * w->timing.frame_ticks);
    mp4_box_end(w, box);
}

/* Where each ProRes frame stands for itself the box is left out, as QuickTime does. */
static void put_stss(struct mp4_writer *w) {
    if (w->movie->codec == CODEC_PRORES && w->counts.keys == w->counts.samples)
        return;
    size_t box = mp4_full_box_begin(w, "stss", 0, 0);
    sink_u32(&w->sink, w->counts.keys);
    uint32_t number = 0;
    for (uint32_t r = 0; r < w->movie->run_count; r++)
        for (uint32_t i = 0; i < w->movie->runs[r].count; i++) {
            number++;
            if (w->movie->runs[r].samples[i].key)
                sink_u32(&w->sink, number);
        }
    mp4_box_end(w, box);
}

static void put_stsz(struct mp4_writer *w, enum mp4_track track) {
    size_t box = mp4_full_box_begin(w, "stsz", 0, 0);
    sink_u32(&w->sink, 0); /* sizes differ */
    sink_u32(&w->sink, samples_of(w, track));
    for (uint32_t r = 0; r < w->movie->run_count; r++) {
        uint32_t count = mp4_run_count(w->movie, track, r);
        for (uint32_t i = 0; i < count; i++)
            sink_u32(&w->sink, size_of(w->movie, track, r, i));
    }
    mp4_box_end(w, box);
}

static void put_stsc(struct mp4_writer *w, enum mp4_track track) {
    size_t box = mp4_full_box_begin(w, "stsc", 0, 0);
    sink_u32(&w->sink, w->counts.chunk_runs[track - 1]);
    uint32_t chunk = 0, last = 0;
    for (uint32_t r = 0; r < w->movie->run_count; r++) {
        uint32_t count = mp4_run_count(w->movie, track, r);
        if (count == 0)
            continue;
        chunk++;
        if (count == last)
            continue;
        sink_u32(&w->sink, chunk);
        sink_u32(&w->sink, count);
        sink_u32(&w->sink, 1); /* sample entry */
        last = count;
    }
    mp4_box_end(w, box);
}

static void put_chunk_offsets(struct mp4_writer *w, enum mp4_track track, uint64_t first_byte) {
    size_t box = mp4_full_box_begin(w, w->large ? "co64" : "stco", 0, 0);
    sink_u32(&w->sink, w->counts.chunks[track - 1]);
    uint64_t offset = first_byte;
    for (uint32_t r = 0; r < w->movie->run_count; r++) {
        uint64_t video = bytes_of(w->movie, MP4_VIDEO, r);
        uint64_t place = track == MP4_VIDEO ? offset : offset + video;
        if (mp4_run_count(w->movie, track, r) > 0)
            sink_big(&w->sink, place, w->large ? 8 : 4);
        offset += video + bytes_of(w->movie, MP4_SOUND, r);
    }
    mp4_box_end(w, box);
}

/* A packet of AAC is heard rightly only behind the one before it: whoever jumps decodes that too.
 */
static void put_roll(struct mp4_writer *w) {
    size_t box = mp4_full_box_begin(w, "sgpd", 1, 0);
    sink_text(&w->sink, "roll");
    sink_u32(&w->sink, 2); /* bytes of an entry */
    sink_u32(&w->sink, 1);
    sink_u16(&w->sink, 0xffff); /* -1 */
    mp4_box_end(w, box);
    box = mp4_full_box_begin(w, "sbgp", 0, 0);
    sink_text(&w->sink, "roll");
    sink_u32(&w->sink, 1);
    sink_u32(&w->sink, w->counts.packets);
    sink_u32(&w->sink, 1);
    mp4_box_end(w, box);
}

void mp4_put_tables(struct mp4_writer *w, enum mp4_track track, uint64_t first_byte) {
    put_stts(w, track);
    if (track == MP4_VIDEO) {
        put_stss(w);
        put_ctts(w);
    }
    put_stsc(w, track);
    put_stsz(w, track);
    put_chunk_offsets(w, track, first_byte);
    if (track == MP4_SOUND)
        put_roll(w);
}
