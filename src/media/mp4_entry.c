/*
 * Sample descriptions: how the pictures and the sound of a track are to be decoded. QuickTime wants
 * some fields filled that MP4 keeps zero, and the sound's description one box deeper.
 */
#include "media/mp4_internal.h"

#include <assert.h>
#include <string.h>

/* ISO/IEC 14496-1: tags of descriptors. */
enum { TAG_ES = 3, TAG_DECODER_CONFIG = 4, TAG_DECODER_SPECIFIC = 5, TAG_SL_CONFIG = 6 };

struct entry {
    const char *type;
    const char *config; /* box of the decoder configuration, or NULL */
    const char *name;   /* compressor, as the codec's binding recommends it */
};

static const struct entry entries[] = {
    [CODEC_H264] = {"avc1", "avcC", ""},
    [CODEC_HEVC] = {"hvc1", "hvcC", "HEVC Coding"},
    [CODEC_AV1] = {"av01", "av1C", "AOM Coding"},
    [CODEC_VP9] = {"vp09", "vpcC", "VPC Coding"},
    [CODEC_PRORES] = {"apch", NULL, "Apple ProRes 422 (HQ)"},
};

static void put_colr(struct mp4_writer *w) {
    bool mov = w->movie->format == FORMAT_MOV;
    size_t box = mp4_box_begin(w, "colr");
    sink_text(&w->sink, mov ? "nclc" : "nclx");
    sink_u16(&w->sink, 1); /* primaries, transfer, matrix: BT.709 */
    sink_u16(&w->sink, 1);
    sink_u16(&w->sink, 1);
    if (!mov)
        sink_u8(&w->sink, 0); /* limited range */
    mp4_box_end(w, box);
}

static void put_config(struct mp4_writer *w, const char *type) {
    const struct mp4_movie *movie = w->movie;
    if (type == NULL)
        return;
    size_t box = mp4_box_begin(w, type);
    sink_put(&w->sink, movie->config, movie->config_size);
    mp4_box_end(w, box);
}

/* Length byte and text in a field of 32. */
static void put_compressor(struct mp4_writer *w, const char *name) {
    size_t length = strlen(name);
    sink_u8(&w->sink, (unsigned)length);
    sink_text(&w->sink, name);
    sink_zeros(&w->sink, 31 - length);
}

static void put_video_entry(struct mp4_writer *w) {
    const struct entry *entry = &entries[w->movie->codec];
    bool mov = w->movie->format == FORMAT_MOV;
    struct sink *sink = &w->sink;
    size_t box = mp4_box_begin(w, entry->type);
    sink_zeros(sink, 6);
    sink_u16(sink, 1);               /* data reference */
    sink_zeros(sink, 8);             /* version, revision, vendor */
    sink_u32(sink, mov ? 0x200 : 0); /* temporal and spatial quality: normal */
    sink_u32(sink, mov ? 0x200 : 0);
    sink_u16(sink, w->movie->width);
    sink_u16(sink, w->movie->height);
    sink_u32(sink, 0x480000); /* 72 dpi, as the specification asks */
    sink_u32(sink, 0x480000);
    sink_u32(sink, 0);
    sink_u16(sink, 1); /* frames a sample */
    put_compressor(w, entry->name);
    sink_u16(sink, 24); /* depth */
    sink_u16(sink, 0xffff);
    put_config(w, entry->config);
    if (mov) {
        size_t fiel = mp4_box_begin(w, "fiel");
        sink_u16(sink, 0x100); /* one field: progressive */
        mp4_box_end(w, fiel);
    }
    put_colr(w);
    size_t pasp = mp4_box_begin(w, "pasp");
    sink_u32(sink, 1);
    sink_u32(sink, 1);
    mp4_box_end(w, pasp);
    mp4_box_end(w, box);
}

/* Tag and length of a descriptor, the length in four groups of seven bits. */
enum { DESCRIPTOR_HEAD = 5 };
static void put_descriptor(struct sink *sink, unsigned tag, size_t size) {
    sink_u8(sink, tag);
    for (int shift = 21; shift >= 0; shift -= 7)
        sink_u8(sink, (unsigned)(size >> shift & 0x7f) | (shift > 0 ? 0x80 : 0));
}

static void put_esds(struct mp4_writer *w) {
    const struct sound_index *sound = w->movie->sound;
    struct sink *sink = &w->sink;
    enum { DECODER_FIXED = 13, ES_FIXED = 3, SL_BYTES = 1 };
    size_t decoder = DECODER_FIXED + DESCRIPTOR_HEAD + sound->config_size;
    uint64_t bits_second =
        w->counts.packet_bytes * 8 * sound->rate / (w->counts.packets * sound->samples_packet);
    size_t box = mp4_full_box_begin(w, "esds", 0, 0);
    put_descriptor(sink, TAG_ES, ES_FIXED + DESCRIPTOR_HEAD + decoder + DESCRIPTOR_HEAD + SL_BYTES);
    sink_u16(sink, 0); /* ES_ID: the track's */
    sink_u8(sink, 0);
    put_descriptor(sink, TAG_DECODER_CONFIG, decoder);
    sink_u8(sink, 0x40);         /* ISO/IEC 14496-3 */
    sink_u8(sink, 0x15);         /* an audio stream */
    sink_big(sink, 0, 3);        /* buffer: not said */
    sink_u32(sink, bits_second); /* highest, average */
    sink_u32(sink, bits_second);
    put_descriptor(sink, TAG_DECODER_SPECIFIC, sound->config_size);
    sink_put(sink, sound->config, sound->config_size);
    put_descriptor(sink, TAG_SL_CONFIG, SL_BYTES);
    sink_u8(sink, 2); /* as MP4 files have it */
    mp4_box_end(w, box);
}

/* QuickTime's second version of a sound description, for packets of any size. */
static void put_wave(struct mp4_writer *w) {
    const struct sound_index *sound = w->movie->sound;
    struct sink *sink = &w->sink;
    sink_u32(sink, sound->samples_packet);
    sink_u32(sink, 0); /* bytes a packet, a frame: they differ */
    sink_u32(sink, 0);
    sink_u32(sink, 2); /* bytes of a sample once it is decoded */
    size_t wave = mp4_box_begin(w, "wave");
    size_t box = mp4_box_begin(w, "frma");
    sink_text(sink, "mp4a");
    mp4_box_end(w, box);
    box = mp4_box_begin(w, "mp4a");
    sink_u32(sink, 0);
    mp4_box_end(w, box);
    put_esds(w);
    sink_u32(sink, 8); /* a box without a type ends the list */
    sink_u32(sink, 0);
    mp4_box_end(w, wave);
}

static void put_sound_entry(struct mp4_writer *w) {
    const struct sound_index *sound = w->movie->sound;
    bool mov = w->movie->format == FORMAT_MOV;
    struct sink *sink = &w->sink;
    assert(sound->rate <= UINT16_MAX);
    size_t box = mp4_box_begin(w, "mp4a");
    sink_zeros(sink, 6);
    sink_u16(sink, 1); /* data reference */
    sink_u16(sink, mov ? 1 : 0);
    sink_zeros(sink, 6);
    sink_u16(sink, sound->channels);
    sink_u16(sink, 16);               /* bits of a sample once it is decoded */
    sink_u16(sink, mov ? 0xfffe : 0); /* QuickTime: packets of different sizes */
    sink_u16(sink, 0);
    sink_u32(sink, (uint64_t)sound->rate << 16);
    if (mov)
        put_wave(w);
    else
        put_esds(w);
    mp4_box_end(w, box);
}

void mp4_put_stsd(struct mp4_writer *w, enum mp4_track track) {
    size_t stsd = mp4_full_box_begin(w, "stsd", 0, 0);
    sink_u32(&w->sink, 1);
    if (track == MP4_VIDEO)
        put_video_entry(w);
    else
        put_sound_entry(w);
    mp4_box_end(w, stsd);
}
