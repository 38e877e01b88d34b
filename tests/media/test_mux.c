/* Films of every kind, put together from real segments and real sound, as a player sees them. */
#include "media/mux.h"

#include "coding.h"
#include "tune.h"
#include "watch.h"

#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WIDTH = 96, HEIGHT = 64, SEGMENTS = 3, FRAMES = 45, CLICK = 30000, MAX_BYTES = 1 << 26 };

static struct segment segments[SEGMENTS] = {{0, 24, 0, 1}, {24, 1, 0, 1}, {25, 20, 0, 1}};

static struct plan plan_of(enum codec codec, enum format format, struct rational fps) {
    struct plan plan = {.segments = segments, .segment_count = SEGMENTS};
    plan.timeline.frame_count = FRAMES;
    plan.manifest.settings.codec = codec;
    plan.manifest.settings.format = format;
    plan.manifest.settings.fps = fps;
    plan.manifest.settings.width = WIDTH;
    plan.manifest.settings.height = HEIGHT;
    return plan;
}

static uint64_t samples_of(const struct plan *plan) {
    const struct rational *fps = &plan->manifest.settings.fps;
    return (FRAMES * 48000 * (uint64_t)fps->den + (uint64_t)fps->num / 2) / (uint64_t)fps->num;
}

/* ---- films from encoders ---- */

struct film {
    struct arena *arena;
    struct plan plan;
    struct encoder *encoders[SEGMENTS];
    struct media_segment segments[SEGMENTS];
    struct tune tune;
    const struct sound_index *sound; /* NULL: silent */
    struct mux_run runs[SEGMENTS];
    struct buf bytes; /* of all segments */
};

static void encode_segments(struct film *film) {
    const struct settings *settings = &film->plan.manifest.settings;
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        struct encoder_options options =
            coding_options(settings->codec, WIDTH, HEIGHT, SPEED_FAST, segments[i].frame_count);
        options.fps = settings->fps;
        film->encoders[i] =
            coding_encode(&options, (unsigned)segments[i].first_frame, 1, &film->segments[i]);
        film->segments[i].number = i;
    }
}

static void mux_segments(struct film *film) {
    struct mux_sound_source source = {.index = film->sound, .data = film->tune.packets};
    struct mux_sound sound;
    struct error err = {0};
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        const struct media_segment *segment = &film->segments[i];
        size_t before = film->bytes.size;
        if (!mux_sound_take(&source, &film->plan, i, &sound, &err) ||
            !mux_segment(&film->plan, segment, &sound, film->sound, &film->bytes, &err))
            fail_msg("%s", err.text);
        film->runs[i] = (struct mux_run){film->bytes.size - before, segment->samples,
                                         segment->sample_count, sound.sizes, sound.count};
    }
    assert_int_equal(source.data.len, 0);
}

static struct mux_film tables_of(const struct film *film) {
    return (struct mux_film){
        .plan = &film->plan,
        .config = film->segments[0].config,
        .config_size = film->segments[0].config_size,
        .sound = film->sound,
        .runs = film->runs,
        .run_count = SEGMENTS,
    };
}

static void film_make(struct film *film, enum codec codec, enum format format, struct rational fps,
                      const char *sound) {
    *film = (struct film){.arena = arena_new(), .plan = plan_of(codec, format, fps)};
    buf_init(&film->bytes, MAX_BYTES);
    encode_segments(film);
    if (sound) {
        film->plan.audio.name = "tune";
        tune_make(film->arena, sound, samples_of(&film->plan), CLICK, &film->tune);
        film->sound = &film->tune.index;
    }
    mux_segments(film);
}

static void film_clear(struct film *film) {
    for (uint32_t i = 0; i < SEGMENTS; i++)
        encoder_free(film->encoders[i]);
    buf_clear(&film->bytes);
    arena_free(film->arena);
}

static struct str whole_film(const struct film *film) {
    struct mux_film tables = tables_of(film);
    struct str parts[3] = {{0}, buf_str(&film->bytes), mux_trailer(&film->plan)};
    struct error err = {0};
    if (!mux_header(film->arena, &tables, &parts[0], &err))
        fail_msg("%s", err.text);
    return join(film->arena, parts, 3);
}

/* Every sample and packet comes out as it went in, in its place. */
static void check_packets(const struct film *film, const struct watched *watched) {
    uint32_t number = 0;
    assert_int_equal(watched->packet_count, FRAMES);
    for (uint32_t s = 0; s < SEGMENTS; s++) {
        const uint8_t *data = film->segments[s].data;
        for (uint32_t i = 0; i < film->segments[s].sample_count; i++, number++) {
            const struct media_sample *sample = &film->segments[s].samples[i];
            int64_t shown = (int64_t)number + sample->composition_offset -
                            film->segments[0].samples[0].composition_offset;
            assert_int_equal(watched->packets[number].size, sample->size);
            assert_int_equal(watched->packets[number].sum, watch_sum(data, sample->size));
            assert_int_equal(watched->packets[number].key, sample->key);
            assert_int_equal(watched->packets[number].pts, shown);
            data += sample->size;
        }
    }
}

static void check_sound(const struct film *film, const struct watched_sound *heard) {
    const struct sound_index *index = film->sound;
    const char *data = film->tune.packets.ptr;
    assert_string_equal(heard->codec, index->codec);
    assert_int_equal(heard->rate, 48000);
    assert_int_equal(heard->channels, 2);
    assert_int_equal(heard->packet_count, index->packet_count);
    for (uint32_t i = 0; i < index->packet_count; i++) {
        int64_t place = (int64_t)i * index->samples_packet - index->priming;
        assert_int_equal(heard->packets[i].sum, watch_sum(data, index->sizes[i]));
        /* WebM tells times in milliseconds. */
        assert_in_range(heard->packets[i].pts + 100000, place + 100000 - 25, place + 100000 + 25);
        data += index->sizes[i];
    }
    assert_in_range(heard->loudest, CLICK - 2, CLICK + 2);
    /* libavformat ends an MP4's sound with a whole packet. */
    bool exact = film->plan.manifest.settings.format == FORMAT_WEBM;
    assert_in_range(heard->samples, index->samples, index->samples + (exact ? 0 : 1023));
}

static void check_film(const struct film *film, bool tells_colour) {
    struct watched watched;
    watch(film->arena, whole_film(film), true, &watched);
    const struct rational *fps = &film->plan.manifest.settings.fps;
    int64_t expected =
        llround(FRAMES * (double)watched.timescale * (double)fps->den / (double)fps->num);
    assert_int_equal(watched.width, WIDTH);
    assert_int_equal(watched.height, HEIGHT);
    assert_int_equal(watched.start, 0);
    assert_in_range(watched.duration, expected - (watched.timescale == 1000), expected);
    assert_true(!tells_colour || watched.is_bt709_limited);
    check_packets(film, &watched);
    assert_int_equal(watched.frame_count, FRAMES);
    for (uint32_t i = 0; i < FRAMES; i++)
        assert_int_equal(watched.times[i], i);
    if (film->sound)
        check_sound(film, &watched.sound);
    else
        assert_null(watched.sound.codec);
    watched_clear(&watched);
}

static const struct {
    enum codec codec;
    enum format format;
    struct rational fps;
    const char *sound;
    const char *name;
} kinds[] = {
    {CODEC_H264, FORMAT_MP4, {30, 1}, NULL, "h264"},
    {CODEC_H264, FORMAT_MP4, {24000, 1001}, "aac", "h264"},
    {CODEC_H264, FORMAT_MOV, {30, 1}, "aac", "h264"},
    {CODEC_HEVC, FORMAT_MP4, {30, 1}, "aac", "hevc"},
    {CODEC_HEVC, FORMAT_MOV, {25, 1}, NULL, "hevc"},
    {CODEC_AV1, FORMAT_MP4, {30, 1}, "aac", "av1"},
    {CODEC_VP9, FORMAT_MP4, {30, 1}, "aac", "vp9"},
    {CODEC_PRORES, FORMAT_MOV, {30, 1}, "aac", "prores"},
    {CODEC_VP9, FORMAT_WEBM, {30, 1}, "opus", "vp9"},
    {CODEC_VP9, FORMAT_WEBM, {24000, 1001}, NULL, "vp9"},
    {CODEC_AV1, FORMAT_WEBM, {60, 1}, "opus", "av1"},
};

static void films_play(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct film film;
        print_message("%s in %s, sound %s\n", kinds[i].name,
                      settings_format_ending(kinds[i].format),
                      kinds[i].sound ? kinds[i].sound : "none");
        film_make(&film, kinds[i].codec, kinds[i].format, kinds[i].fps, kinds[i].sound);
        check_film(&film, true);
        film_clear(&film);
    }
}

/* ---- GIF ---- */

/* One pixel of the first colour, for a tenth of a second. */
static const char gif_picture[] = "!\xf9\x04\x04\x0a\0\0\0"
                                  ",\0\0\0\0\1\0\1\0\x80\x00\x00\x00\xff\xff\xff"
                                  "\2\2\x44\1";
enum { GIF_PICTURE_BYTES = sizeof gif_picture }; /* its NUL ends the blocks */

static void gifs_are_their_pictures(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct plan plan = plan_of(CODEC_GIF, FORMAT_GIF, (struct rational){10, 1});
    plan.manifest.settings.width = 300;
    plan.manifest.settings.height = 2;
    struct media_sample samples[FRAMES];
    struct mux_run runs[SEGMENTS];
    struct buf bytes CLEANUP(buf_clear);
    struct error err = {0};
    buf_init(&bytes, MAX_BYTES);
    for (uint32_t s = 0, n = 0; s < SEGMENTS; s++) {
        uint32_t first = n, count = segments[s].frame_count;
        char data[FRAMES * GIF_PICTURE_BYTES];
        for (uint32_t i = 0; i < count; i++) {
            memcpy(data + (size_t)i * GIF_PICTURE_BYTES, gif_picture, GIF_PICTURE_BYTES);
            samples[n++] = (struct media_sample){GIF_PICTURE_BYTES, 0, i == 0};
        }
        struct media_segment segment = {
            .number = s,
            .data = (const uint8_t *)data,
            .size = (size_t)count * GIF_PICTURE_BYTES,
            .samples = samples + first,
            .sample_count = count,
        };
        assert_true(mux_segment(&plan, &segment, NULL, NULL, &bytes, &err));
        runs[s] = (struct mux_run){segment.size, segment.samples, count, NULL, 0};
    }
    struct mux_film film = {.plan = &plan, .runs = runs, .run_count = SEGMENTS};
    struct str parts[3] = {{0}, buf_str(&bytes), mux_trailer(&plan)};
    assert_true(mux_header(arena, &film, &parts[0], &err));
    struct str whole = join(arena, parts, 3);
    assert_memory_equal(whole.ptr, "GIF89a\x2c\x01\x02\0\x70\0\0!\xff\x0bNETSCAPE2.0\3\1\0\0", 32);
    assert_int_equal(parts[0].len, 32);
    assert_int_equal(whole.ptr[whole.len - 1], ';');
    struct watched watched;
    watch(arena, whole, true, &watched);
    assert_string_equal(watched.format, "gif");
    assert_int_equal(watched.width, 300);
    assert_int_equal(watched.frame_count, FRAMES);
    for (uint32_t i = 0; i < FRAMES; i++)
        assert_int_equal(watched.times[i], i);
    watched_clear(&watched);
}

static void only_gifs_have_a_trailer(void **state) {
    (void)state;
    static const enum format others[] = {FORMAT_MP4, FORMAT_MOV, FORMAT_WEBM};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct plan plan = plan_of(CODEC_H264, others[i], (struct rational){30, 1});
        assert_int_equal(mux_trailer(&plan).len, 0);
    }
}

/* ---- films of made-up samples ---- */

static const uint8_t avcc[] = {1, 100, 0, 31, 255, 225, 0, 0, 1, 0, 0};
static const uint8_t vpcc[] = {1, 0, 0, 0, 0, 31, 0x80, 1, 1, 1, 0, 0};

/* A good film of AVC and AAC, or of VP9 and Opus. */
struct made_up {
    struct arena *arena;
    struct plan plan;
    struct media_sample samples[FRAMES];
    struct tune tune;
    struct mux_run runs[SEGMENTS];
    struct mux_film film;
    struct buf bytes;
};

static bool add_segment(struct made_up *made, struct mux_sound_source *source, uint32_t number,
                        struct error *err) {
    static const uint8_t zeros[FRAMES * 64];
    struct mux_sound sound;
    struct media_segment segment = {
        .number = number,
        .data = zeros,
        .samples = made->samples + segments[number].first_frame,
        .sample_count = segments[number].frame_count,
    };
    for (uint32_t i = 0; i < segment.sample_count; i++)
        segment.size += segment.samples[i].size;
    size_t before = made->bytes.size;
    if (!mux_sound_take(source, &made->plan, number, &sound, err) ||
        !mux_segment(&made->plan, &segment, &sound, &made->tune.index, &made->bytes, err))
        return false;
    made->runs[number] = (struct mux_run){made->bytes.size - before, segment.samples,
                                          segment.sample_count, sound.sizes, sound.count};
    return true;
}

static void make_up(struct made_up *made, enum codec codec, enum format format) {
    bool webm = format == FORMAT_WEBM;
    struct error err = {0};
    *made = (struct made_up){
        .arena = arena_new(),
        .plan = plan_of(codec, format, (struct rational){30, 1}),
    };
    made->plan.audio.name = "tune";
    tune_fake(made->arena, webm ? "opus" : "aac", samples_of(&made->plan), &made->tune);
    buf_init(&made->bytes, MAX_BYTES);
    struct mux_sound_source source = {.index = &made->tune.index, .data = made->tune.packets};
    for (uint32_t i = 0; i < FRAMES; i++)
        made->samples[i] = (struct media_sample){1 + i, 0, false};
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        made->samples[segments[i].first_frame].key = true;
        if (!add_segment(made, &source, i, &err))
            fail_msg("%s", err.text);
    }
    made->film = (struct mux_film){
        .plan = &made->plan,
        .config = webm ? vpcc : avcc,
        .config_size = webm ? sizeof vpcc : sizeof avcc,
        .sound = &made->tune.index,
        .runs = made->runs,
        .run_count = SEGMENTS,
    };
}

static void made_up_clear(struct made_up *made) {
    buf_clear(&made->bytes);
    arena_free(made->arena);
}

static void lose_a_segment(struct made_up *made) {
    made->film.run_count--;
}

static void have_no_segment(struct made_up *made) {
    made->film.run_count = 0;
}

static void lose_a_frame(struct made_up *made) {
    made->runs[2].sample_count--;
    made->runs[2].size -= FRAMES;
}

static void lose_a_packet(struct made_up *made) {
    made->runs[0].sound_count--;
}

static void lose_the_sound(struct made_up *made) {
    made->film.sound = NULL;
    for (uint32_t i = 0; i < SEGMENTS; i++)
        made->runs[i].sound_count = 0;
}

static void grow_a_run(struct made_up *made) {
    made->runs[1].size++;
}

static void mistake_the_config(struct made_up *made) {
    made->film.config_size = 3;
}

static void mistake_the_sound(struct made_up *made) {
    made->tune.index.codec = strcmp(made->tune.index.codec, "aac") == 0 ? "opus" : "aac";
}

static void shorten_the_sound(struct made_up *made) {
    made->tune.index.samples -= made->tune.index.samples_packet + 1;
}

static void lengthen_the_sound(struct made_up *made) {
    made->tune.index.samples += made->tune.index.samples_packet + 1;
}

static void delay_a_picture(struct made_up *made) {
    made->samples[3].composition_offset = -1;
}

static void begin_without_a_key(struct made_up *made) {
    made->samples[24].key = false;
}

static void empty_a_sample(struct made_up *made) {
    made->samples[44].size = 0;
}

static void empty_a_packet(struct made_up *made) {
    made->tune.index.sizes[5] = 0;
}

static void films_that_are_refused(void **state) {
    (void)state;
    static const struct {
        void (*spoil)(struct made_up *made);
        const char *text; /* NULL: differs between the formats */
    } cases[] = {
        {lose_a_segment, "a film of 2 segments, not 3"},
        {have_no_segment, "a film of 0 segments, not 3"},
        {lose_a_frame, "segment 2 has 19 frames, not 20"},
        {lose_a_packet, NULL},
        {lose_the_sound, "the film's sound is missing"},
        {grow_a_run, "segment 1 is not of the size that its tables tell"},
        {mistake_the_config, "the decoder configuration is not one of the film's codec"},
        {mistake_the_sound, NULL},
        {shorten_the_sound, "the sound is not as long as the film"},
        {lengthen_the_sound, "the sound is not as long as the film"},
        {delay_a_picture, NULL},
        {begin_without_a_key, NULL},
        {empty_a_sample, NULL},
        {empty_a_packet, NULL},
    };
    for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
        struct made_up made;
        struct str header;
        struct error err = {0};
        make_up(&made, i % 2 ? CODEC_VP9 : CODEC_H264, i % 2 ? FORMAT_WEBM : FORMAT_MP4);
        if (!mux_header(made.arena, &made.film, &header, &err))
            fail_msg("%s", err.text);
        cases[i / 2].spoil(&made);
        if (mux_header(made.arena, &made.film, &header, &err))
            fail_msg("case %zu was taken", i);
        assert_int_equal(err.kind, ERROR_INVALID);
        if (cases[i / 2].text)
            assert_string_equal(err.text, cases[i / 2].text);
        made_up_clear(&made);
    }
}

static void formats_and_codecs_that_do_not_go_together(void **state) {
    (void)state;
    static const struct {
        enum codec codec;
        enum format format;
    } cases[] = {{CODEC_H264, FORMAT_WEBM}, {CODEC_H264, FORMAT_GIF}, {CODEC_GIF, FORMAT_MP4}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct made_up made;
        struct str header;
        struct error err = {0};
        make_up(&made, CODEC_H264, FORMAT_MP4);
        lose_the_sound(&made);
        made.plan.audio.name = NULL;
        made.plan.manifest.settings.codec = cases[i].codec;
        made.plan.manifest.settings.format = cases[i].format;
        made.film.config_size = cases[i].codec == CODEC_GIF ? 0 : sizeof avcc;
        for (uint32_t s = 0; s < SEGMENTS; s++) {
            made.runs[s].size = 0;
            for (uint32_t k = 0; k < segments[s].frame_count; k++)
                made.runs[s].size += made.runs[s].samples[k].size;
        }
        assert_false(mux_header(made.arena, &made.film, &header, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        made_up_clear(&made);
    }
}

static void a_gif_is_silent(void **state) {
    (void)state;
    struct made_up made;
    struct str header;
    struct error err = {0};
    make_up(&made, CODEC_H264, FORMAT_MP4);
    made.plan.manifest.settings.codec = CODEC_GIF;
    made.plan.manifest.settings.format = FORMAT_GIF;
    made.film.config_size = 0;
    assert_false(mux_header(made.arena, &made.film, &header, &err));
    assert_string_equal(err.text, "a GIF has no sound");
    made_up_clear(&made);
}

static void configurations(void **state) {
    (void)state;
    static const uint8_t ones[70000] = {1};
    static const uint8_t av1c[] = {0x81, 0, 0, 0};
    static const struct {
        enum codec codec;
        const uint8_t *bytes;
        size_t size;
        bool fits;
    } cases[] = {
        {CODEC_H264, avcc, sizeof avcc, true},
        {CODEC_H264, avcc, 6, false},
        {CODEC_H264, av1c, 4, false},
        {CODEC_H264, NULL, 0, false},
        {CODEC_H264, ones, 65536, true},
        {CODEC_H264, ones, 65537, false},
        {CODEC_HEVC, ones, 23, true},
        {CODEC_HEVC, ones, 22, false},
        {CODEC_AV1, av1c, 4, true},
        {CODEC_AV1, av1c, 3, false},
        {CODEC_AV1, ones, 4, false},
        {CODEC_VP9, vpcc, sizeof vpcc, true},
        {CODEC_VP9, vpcc + 4, 8, false},
        {CODEC_VP9, av1c, 4, false},
        {CODEC_PRORES, NULL, 0, true},
        {CODEC_PRORES, ones, 1, false},
        {CODEC_GIF, NULL, 0, true},
        {CODEC_GIF, ones, 7, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(mux_config_fits(cases[i].codec, cases[i].bytes, cases[i].size),
                         cases[i].fits);
}

/* ---- segments and sound ---- */

static void segments_that_are_refused(void **state) {
    (void)state;
    struct made_up made;
    struct error err = {0};
    make_up(&made, CODEC_H264, FORMAT_MP4);
    const struct media_segment good = {
        .number = 1,
        .data = (const uint8_t *)"0123456789012345678901234",
        .size = 25,
        .samples = made.samples + 24,
        .sample_count = 1,
    };
    struct mux_sound sound = {NULL, made.runs[1].sound_sizes, made.runs[1].sound_count};
    sound.data = (const uint8_t *)made.tune.packets.ptr;
    struct media_segment cases[] = {good, good, good};
    cases[0].number = SEGMENTS;
    cases[1].size = 24;
    cases[2].sample_count = 2;
    made.bytes.size = 0;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_false(
            mux_segment(&made.plan, &cases[i], &sound, &made.tune.index, &made.bytes, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
    }
    assert_false(mux_segment(&made.plan, &good, NULL, &made.tune.index, &made.bytes, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_false(mux_segment(&made.plan, &good, &sound, NULL, &made.bytes, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_int_equal(made.bytes.size, 0);
    assert_true(mux_segment(&made.plan, &good, &sound, &made.tune.index, &made.bytes, &err));
    made_up_clear(&made);
}

/* Whatever does not fit, nothing is left of it. */
static void a_full_buffer_stays_as_it_was(void **state) {
    (void)state;
    for (int webm = 0; webm < 2; webm++) {
        struct made_up made;
        struct error err = {0};
        make_up(&made, webm ? CODEC_VP9 : CODEC_H264, webm ? FORMAT_WEBM : FORMAT_MP4);
        size_t whole = (size_t)made.runs[0].size;
        for (size_t room = 0; room <= whole; room++) {
            struct mux_sound_source source = {.index = &made.tune.index, .data = made.tune.packets};
            buf_clear(&made.bytes);
            buf_init(&made.bytes, room);
            assert_int_equal(add_segment(&made, &source, 0, &err), room == whole);
            assert_int_equal(made.bytes.size, room == whole ? whole : 0);
            assert_true(room == whole || err.kind == ERROR_LIMIT);
        }
        made_up_clear(&made);
    }
}

static void sound_is_taken_in_order(void **state) {
    (void)state;
    struct made_up made;
    struct error err = {0};
    struct mux_sound sound, whole;
    make_up(&made, CODEC_H264, FORMAT_MP4);
    struct mux_sound_source all = {.index = &made.tune.index, .data = made.tune.packets};
    struct mux_sound_source source = all;
    /* What lies before is passed over. */
    assert_true(mux_sound_take(&source, &made.plan, 2, &sound, &err));
    assert_int_equal(sound.count, made.runs[2].sound_count);
    assert_ptr_equal(sound.sizes, made.runs[2].sound_sizes);
    assert_int_equal(source.data.len, 0);
    assert_false(mux_sound_take(&source, &made.plan, 1, &whole, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    /* Only a part at hand. */
    source = all;
    source.data.len -= 1;
    assert_true(mux_sound_take(&source, &made.plan, 0, &sound, &err));
    assert_false(mux_sound_take(&source, &made.plan, 2, &sound, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    struct mux_sound_source none = {0};
    assert_true(mux_sound_take(&none, &made.plan, 0, &sound, &err));
    assert_int_equal(sound.count, 0);
    made_up_clear(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(films_play),
        cmocka_unit_test(gifs_are_their_pictures),
        cmocka_unit_test(only_gifs_have_a_trailer),
        cmocka_unit_test(films_that_are_refused),
        cmocka_unit_test(formats_and_codecs_that_do_not_go_together),
        cmocka_unit_test(a_gif_is_silent),
        cmocka_unit_test(configurations),
        cmocka_unit_test(segments_that_are_refused),
        cmocka_unit_test(a_full_buffer_stays_as_it_was),
        cmocka_unit_test(sound_is_taken_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
