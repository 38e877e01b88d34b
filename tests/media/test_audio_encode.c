/*
 * The encoded sound of a film, decoded again: as long as the film, in step with the source to the
 * sample, as it was, and the same bytes each time.
 */
#include "media/audio.h"
#include "media/audio_source.h"
#include "sound_files.h"

#include <libavcodec/avcodec.h>
#include <math.h>
#include <opus/opus.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX_SHIFT = 3000, ADDED = 4096 };

struct film {
    struct plan plan;
    struct sound_index index;
    struct buf packets;
    float *samples; /* decoded: priming, film, and what fills the last packet */
    size_t count;
};

static void set_film(struct film *film, enum format format, struct rational fps, uint64_t frames) {
    *film = (struct film){0};
    settings_default(&film->plan.manifest.settings);
    film->plan.manifest.settings.format = format;
    film->plan.manifest.settings.fps = fps;
    film->plan.timeline.frame_count = frames;
    buf_init(&film->packets, 64 * 1024 * 1024);
}

static void decode_aac(struct film *film) {
    struct sound_index *index = &film->index;
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_AAC));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    const uint8_t *data = film->packets.data;
    codec->extradata = av_mallocz(index->config_size + AV_INPUT_BUFFER_PADDING_SIZE);
    codec->extradata_size = (int)index->config_size;
    memcpy(codec->extradata, index->config, index->config_size);
    codec->err_recognition = AV_EF_EXPLODE | AV_EF_BITSTREAM | AV_EF_BUFFER;
    assert_int_equal(avcodec_open2(codec, NULL, NULL), 0);
    for (uint32_t i = 0; i < index->packet_count; data += index->sizes[i++]) {
        assert_int_equal(av_new_packet(packet, (int)index->sizes[i]), 0);
        memcpy(packet->data, data, index->sizes[i]);
        assert_int_equal(avcodec_send_packet(codec, packet), 0);
        av_packet_unref(packet);
        assert_int_equal(avcodec_receive_frame(codec, frame), 0);
        assert_int_equal(frame->nb_samples, 1024);
        assert_int_equal(frame->sample_rate, AUDIO_RATE);
        assert_int_equal(codec->profile, FF_PROFILE_AAC_LOW);
        assert_int_equal(frame->ch_layout.nb_channels, (int)index->channels);
        for (int k = 0; k < frame->nb_samples; k++)
            for (unsigned c = 0; c < index->channels; c++)
                film->samples[(film->count + (size_t)k) * index->channels + c] =
                    ((const float *)(const void *)frame->extended_data[c])[k];
        film->count += (size_t)frame->nb_samples;
    }
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&codec);
}

static void decode_opus(struct film *film) {
    const struct sound_index *index = &film->index;
    const uint8_t *data = film->packets.data;
    int result;
    OpusDecoder *decoder = opus_decoder_create(AUDIO_RATE, (int)index->channels, &result);
    assert_int_equal(result, OPUS_OK);
    for (uint32_t i = 0; i < index->packet_count; data += index->sizes[i++]) {
        int count = opus_decode_float(decoder, data, (opus_int32)index->sizes[i],
                                      film->samples + film->count * index->channels, 960, 0);
        assert_int_equal(count, 960);
        film->count += (size_t)count;
    }
    opus_decoder_destroy(decoder);
}

static void encode(struct arena *arena, struct film *film, struct str file) {
    struct error err;
    uint64_t sum = 0;
    if (!audio_encode_packets(arena, &film->plan, file, &film->index, &film->packets, &err))
        fail_msg("%s", err.text);
    const struct sound_index *index = &film->index;
    for (uint32_t i = 0; i < index->packet_count; i++)
        sum += index->sizes[i];
    assert_int_equal(sum, film->packets.size);
    film->samples = arena_array(arena, (size_t)index->packet_count * index->samples_packet * 2,
                                sizeof *film->samples);
    if (strcmp(index->codec, "aac") == 0)
        decode_aac(film);
    else
        decode_opus(film);
    /* All of the film, and no packet more. */
    assert_true(film->count >= index->priming + index->samples);
    assert_true(film->count < index->priming + index->samples + index->samples_packet);
}

/* By how many samples `film` is late against the source, where they fit best. */
static int best_shift(const float *film, size_t count, const float *source, unsigned channels) {
    double best = 0;
    int shift = -MAX_SHIFT - 1;
    for (int at = -MAX_SHIFT; at <= MAX_SHIFT; at++) {
        double sum = 0;
        for (size_t i = MAX_SHIFT; i < count - MAX_SHIFT; i += 1)
            sum += (double)film[(i + (size_t)(at + MAX_SHIFT) - MAX_SHIFT) * channels] *
                   (double)source[i * channels];
        if (sum > best) {
            best = sum;
            shift = at;
        }
    }
    return shift;
}

static double power_at(const float *samples, size_t count, unsigned channels) {
    double sum = 0;
    for (size_t i = 0; i < count * channels; i++)
        sum += (double)samples[i] * (double)samples[i];
    return sum / (double)(count * channels);
}

static void is_heard_as_it_was(void **state) {
    static const struct {
        enum format format;
        unsigned channels;
        struct rational fps;
        uint64_t frames, samples;
        double least_db;
        const char *codec;
        unsigned most_bitrate, least_bitrate;
    } cases[] = {
        {FORMAT_MP4, 2, {30, 1}, 150, 240000, 28, "aac", 205000, 100000},
        {FORMAT_MOV, 1, {30000, 1001}, 100, 160160, 28, "aac", 140000, 60000},
        {FORMAT_MP4, 2, {24000, 1001}, 77, 154154, 28, "aac", 205000, 100000},
        {FORMAT_WEBM, 2, {30, 1}, 150, 240000, 28, "opus", 190000, 100000},
        {FORMAT_WEBM, 1, {120, 1}, 401, 160400, 28, "opus", 130000, 50000},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct wave wave = {AUDIO_RATE, cases[i].channels, 16, false, cases[i].samples + ADDED, 0};
        struct film film;
        set_film(&film, cases[i].format, cases[i].fps, cases[i].frames);
        encode(arena, &film, wave_file(arena, &wave));
        const struct sound_index *index = &film.index;
        const float *heard = film.samples + (size_t)index->priming * index->channels;
        size_t count = (size_t)index->samples;
        float *source = arena_array(arena, count * index->channels, sizeof *source);
        for (size_t k = 0; k < count * index->channels; k++)
            source[k] = (float)signal_at((unsigned)(k % index->channels),
                                         (double)(k / index->channels) / AUDIO_RATE);
        /* The last 10 ms are the end of a file that is cut. */
        size_t whole = (count - AUDIO_RATE / 100) * index->channels;
        double db = signal_to_noise(heard, source, whole, 1);
        double first_db = signal_to_noise(heard, source, 2048 * (size_t)index->channels, 1);
        double bitrate = (double)film.packets.size * 8 * AUDIO_RATE /
                         ((double)index->packet_count * index->samples_packet);
        print_message("%s, %u channels: %u packets, priming %u, %.0f bit/s, %.1f dB, first %.1f "
                      "dB, before %.1f dB\n",
                      index->codec, index->channels, index->packet_count, index->priming, bitrate,
                      db, first_db,
                      10 * log10(power_at(film.samples, index->priming, index->channels) + 1e-20));
        assert_string_equal(index->codec, cases[i].codec);
        assert_int_equal(index->channels, cases[i].channels);
        assert_int_equal(index->samples, cases[i].samples);
        assert_int_equal(index->rate, AUDIO_RATE);
        assert_int_equal(best_shift(heard, 20000, source, index->channels), 0);
        if (db < cases[i].least_db || first_db < cases[i].least_db - 12)
            fail_msg("%.1f dB, first %.1f dB", db, first_db);
        assert_true(bitrate < cases[i].most_bitrate && bitrate > cases[i].least_bitrate);
        buf_clear(&film.packets);
    }
}

static void gives_the_same_bytes(void **state) {
    static const enum format kinds[] = {FORMAT_MP4, FORMAT_WEBM};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct wave wave = {44100, 2, 16, false, 60000, 0};
        struct str file = wave_file(arena, &wave);
        struct film films[2];
        for (size_t k = 0; k < 2; k++) {
            set_film(&films[k], kinds[i], (struct rational){25, 1}, 100);
            films[k].plan.manifest.settings.audio_loop = true;
            films[k].plan.manifest.settings.audio_gain = (struct rational){7, 2};
            encode(arena, &films[k], file);
        }
        assert_int_equal(films[0].packets.size, films[1].packets.size);
        assert_memory_equal(films[0].packets.data, films[1].packets.data, films[0].packets.size);
        buf_clear(&films[0].packets);
        buf_clear(&films[1].packets);
    }
}

/* Settings arrive: fade where the file ends before the film, gain, loop. */
static void follows_the_settings(void **state) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct wave wave = {44100, 1, 16, false, 88200, 0};
    struct str file = wave_file(arena, &wave);
    struct film film;
    (void)state;
    set_film(&film, FORMAT_MP4, (struct rational){25, 1}, 100);
    film.plan.manifest.settings.audio_fade = (struct rational){1, 2};
    encode(arena, &film, file);
    const float *heard = film.samples + film.index.priming;
    double middle = power_at(heard + 40000, 16000, 1);
    assert_true(power_at(heard, 2400, 1) < middle / 100);
    assert_true(power_at(heard + 96000 - 2400, 2400, 1) < middle / 100);
    assert_true(power_at(heard + 96000 + 2400, 90000, 1) < 1e-9);
    buf_clear(&film.packets);

    set_film(&film, FORMAT_MP4, (struct rational){25, 1}, 100);
    film.plan.manifest.settings.audio_gain = (struct rational){-20, 1};
    film.plan.manifest.settings.audio_loop = true;
    encode(arena, &film, file);
    heard = film.samples + film.index.priming;
    double ratio = power_at(heard + 40000, 16000, 1) / middle;
    assert_true(ratio > 0.0098 && ratio < 0.0102);
    assert_true(power_at(heard + 140000, 16000, 1) > middle / 200);
    buf_clear(&film.packets);
}

static void refuses_what_cannot_be(void **state) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct wave wave = {44100, 1, 16, false, 1000, 0};
    struct film film;
    struct error err;
    (void)state;
    set_film(&film, FORMAT_MP4, (struct rational){1, 1}, 86401);
    assert_false(audio_encode_packets(arena, &film.plan, wave_file(arena, &wave), &film.index,
                                      &film.packets, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    assert_string_equal(err.text, "a film with sound lasts at most 24 hours");
    set_film(&film, FORMAT_WEBM, (struct rational){1, 1}, 10);
    assert_false(audio_encode_packets(arena, &film.plan, str_c("no music"), &film.index,
                                      &film.packets, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_int_equal(film.packets.size, 0);
    buf_clear(&film.packets);
}

static void makes_a_sound_object(void **state) {
    static const enum format kinds[] = {FORMAT_MP4, FORMAT_WEBM};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct wave wave = {44100, 2, 16, false, 100000, 0};
        struct str file = wave_file(arena, &wave), object;
        struct sound_index index;
        struct film film;
        struct error err;
        uint64_t size;
        set_film(&film, kinds[i], (struct rational){25, 1}, 50);
        encode(arena, &film, file);
        assert_true(audio_encode(arena, &film.plan, file, &object, &err));
        assert_memory_equal(object.ptr, film.packets.data, film.packets.size);
        struct str trailer = {object.ptr + object.len - SOUND_TRAILER_BYTES, SOUND_TRAILER_BYTES};
        assert_true(sound_index_size(trailer, object.len, &size, &err));
        struct str text = {trailer.ptr - size, (size_t)size};
        if (!sound_index_parse(arena, text, object.len, &index, &err))
            fail_msg("%s", err.text);
        assert_int_equal(index.samples, 96000);
        assert_int_equal(index.packet_count, film.index.packet_count);
        buf_clear(&film.packets);
    }
}

/* One frame at 120 a second is less than a packet. */
static void encodes_the_shortest_film(void **state) {
    static const enum format kinds[] = {FORMAT_MP4, FORMAT_WEBM};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct wave wave = {44100, 2, 16, false, 1, 0};
        struct film film;
        set_film(&film, kinds[i], (struct rational){120, 1}, 1);
        encode(arena, &film, wave_file(arena, &wave));
        assert_int_equal(film.index.samples, 400);
        buf_clear(&film.packets);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_heard_as_it_was),        cmocka_unit_test(gives_the_same_bytes),
        cmocka_unit_test(follows_the_settings),      cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(encodes_the_shortest_film), cmocka_unit_test(makes_a_sound_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
