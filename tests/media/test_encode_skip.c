/* Held and faded pictures: exact repeats, true mixtures, films that two decoders read alike. */
#include "coding.h"
#include "drawing.h"
#include "media/hold.h"
#include "media/mp4.h"
#include "media/transition.h"
#include "openh264.h"
#include "watch.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX_PARTS = 64, MAX_FRAMES = 4000, SECOND_FILM_FRAMES = 5 };

/* One call of the encoder: `fade` frames towards picture `number`, then `count` of it. */
struct part {
    unsigned fade, number, count;
};

struct script {
    const char *name;
    struct part parts[MAX_PARTS]; /* up to the first with count 0 */
};

static const struct script scripts[] = {
    {"one", {{0, 0, 1}}},
    {"two", {{0, 0, 2}}},
    {"three", {{0, 0, 3}}},
    {"below the lookahead", {{0, 0, 9}}},
    {"at the lookahead", {{0, 0, 10}}},
    {"above the lookahead", {{0, 0, 41}}},
    {"a long segment", {{0, 0, 239}}},
    {"hold, fade, hold", {{0, 0, 60}, {29, 50, 61}}},
    {"hold, fade that ends the segment", {{0, 0, 60}, {28, 50, 1}}},
    {"fade at once", {{0, 0, 1}, {29, 50, 1}}},
    {"fades after each other", {{0, 0, 1}, {9, 50, 1}, {9, 90, 1}, {20, 20, 5}, {0, 60, 7}}},
    {"fades of all lengths",
     {{0, 0, 2}, {1, 9, 2}, {2, 5, 1}, {3, 40, 2}, {60, 90, 3}, {0, 7, 2}, {59, 50, 1}}},
    {"cuts", {{0, 0, 90}, {0, 50, 90}, {0, 10, 60}}},
    {"short holds",
     {{0, 0, 3}, {0, 1, 3}, {0, 2, 2}, {0, 3, 3}, {0, 4, 3}, {0, 50, 4}, {0, 51, 3}}},
    {"movement before, between and after holds",
     {{0, 0, 1},  {0, 1, 1},  {0, 2, 1},  {0, 3, 1},  {0, 4, 5},  {0, 5, 1},  {0, 6, 1},
      {0, 7, 1},  {0, 8, 1},  {0, 9, 1},  {0, 10, 1}, {0, 11, 9}, {0, 12, 1}, {0, 13, 3},
      {0, 14, 1}, {0, 15, 1}, {0, 16, 1}, {0, 17, 1}, {0, 18, 1}, {0, 19, 1}, {0, 20, 1}}},
    {"short runs in movement",
     {{0, 0, 1},
      {0, 1, 2},
      {0, 2, 1},
      {0, 3, 2},
      {0, 4, 1},
      {0, 5, 2},
      {0, 6, 3},
      {0, 7, 1},
      {0, 8, 2},
      {0, 9, 1},
      {0, 10, 2}}},
    {"movement after a fade",
     {{0, 0, 30}, {29, 5, 1}, {0, 6, 1}, {0, 7, 1}, {0, 8, 1}, {0, 9, 1}, {0, 10, 1}, {0, 11, 1}}},
    {"movement alone",
     {{0, 0, 1}, {0, 1, 1}, {0, 2, 1}, {0, 3, 1}, {0, 4, 1}, {0, 5, 1}, {0, 6, 1}, {0, 7, 1}}},
    {"many frame numbers",
     {{0, 0, 2}, {0, 1, 2}, {0, 2, 2}, {0, 3, 2}, {0, 4, 2}, {0, 5, 2}, {0, 6, 2},
      {0, 7, 2}, {0, 8, 2}, {0, 9, 2}, {0, 8, 2}, {0, 7, 2}, {0, 6, 2}, {0, 5, 2},
      {0, 4, 2}, {0, 3, 2}, {0, 2, 2}, {0, 1, 2}, {0, 0, 2}, {9, 1, 2}, {9, 2, 2},
      {0, 9, 1}, {0, 8, 1}, {0, 7, 1}, {0, 6, 1}, {0, 5, 2}, {0, 4, 2}, {0, 3, 2}}},
};

/* A segment, and what it should show. */
struct film {
    struct encoder *encoder;
    struct media_segment segment;
    unsigned numbers[MAX_FRAMES]; /* the picture; of a mixture the later one */
    unsigned fades[MAX_FRAMES];   /* steps of the mixture, 0: none */
    unsigned steps[MAX_FRAMES];
    bool encoded[MAX_FRAMES]; /* of a run that is too short for its place */
    bool keys[MAX_FRAMES];
    uint32_t frame_count;
};

static void script_film(const struct script *script, struct film *ret) {
    uint32_t count = 0;
    bool has_movement = false;
    for (const struct part *part = script->parts; part->count > 0; part++) {
        has_movement = has_movement || (count > 0 && part->fade == 0 && part->count == 1);
        for (unsigned i = 1; i <= part->fade + part->count; i++, count++) {
            assert_true(count < MAX_FRAMES);
            ret->numbers[count] = part->number;
            ret->fades[count] = i <= part->fade ? part->fade + 1 : 0;
            ret->steps[count] = i;
            ret->encoded[count] = has_movement && part->fade == 0 && part->count == 2;
        }
    }
    ret->frame_count = count;
}

static struct film *make_film(struct arena *arena, const struct script *script,
                              struct encoder_options options) {
    struct film *film = arena_alloc(arena, sizeof *film);
    struct error err = {0};
    struct frame frame;
    *film = (struct film){0};
    script_film(script, film);
    options.frame_count = film->frame_count;
    options.skip_held = true;
    frame_init(&frame, options.width, options.height);
    if (!encoder_new(&options, &film->encoder, &err))
        fail_msg("%s", err.text);
    for (const struct part *part = script->parts; part->count > 0; part++) {
        draw_picture(&frame, part->number);
        assert_true(part->fade == 0 || encoder_may_fade(film->encoder));
        if (!(part->fade > 0 ? encoder_fade(film->encoder, part->fade, &frame, part->count, &err)
                             : encoder_add(film->encoder, &frame, part->count, NULL, NULL, &err)))
            fail_msg("%s: %s", script->name, err.text);
    }
    frame_clear(&frame);
    if (!encoder_finish(film->encoder, &film->segment, &err))
        fail_msg("%s: %s", script->name, err.text);
    const struct media_sample *samples = film->segment.samples;
    for (uint32_t i = 0; i < film->frame_count; i++)
        if (samples[i].key)
            film->keys[i + (uint32_t)(samples[i].composition_offset -
                                      samples[0].composition_offset)] = true;
    return film;
}

static bool is_same(const struct frame *a, const struct frame *b) {
    for (int p = 0; p < 3; p++) {
        unsigned shift = p == 0 ? 0 : 1;
        for (unsigned y = 0; y < a->height >> shift; y++)
            if (memcmp(a->planes[p] + y * a->strides[p], b->planes[p] + y * b->strides[p],
                       a->width >> shift) != 0)
                return false;
    }
    return true;
}

/* As the decoder should mix: in parts of 128. */
static void mix(const struct frame *from, const struct frame *to, unsigned step, unsigned steps,
                struct frame *ret) {
    unsigned weight = (step * HOLD_WEIGHTS + steps / 2) / steps;
    for (int p = 0; p < 3; p++) {
        unsigned shift = p == 0 ? 0 : 1;
        for (unsigned y = 0; y < ret->height >> shift; y++)
            for (unsigned x = 0; x < ret->width >> shift; x++)
                ret->planes[p][y * ret->strides[p] + x] =
                    (uint8_t)((from->planes[p][y * from->strides[p] + x] * (HOLD_WEIGHTS - weight) +
                               to->planes[p][y * to->strides[p] + x] * weight + 64) >>
                              7);
    }
}

static struct str film_file(struct arena *arena, struct film *const films[2],
                            const struct encoder_options *options) {
    struct mp4_run runs[2];
    struct str parts[3], header;
    struct error err = {0};
    for (int i = 0; i < 2; i++) {
        const struct media_segment *segment = &films[i]->segment;
        runs[i] = (struct mp4_run){segment->samples, segment->sample_count};
        parts[i + 1] = (struct str){(const char *)segment->data, segment->size};
    }
    assert_int_equal(films[0]->segment.config_size, films[1]->segment.config_size);
    assert_memory_equal(films[0]->segment.config, films[1]->segment.config,
                        films[0]->segment.config_size);
    struct mp4_movie movie = {
        .width = options->width,
        .height = options->height,
        .fps = options->fps,
        .config = films[0]->segment.config,
        .config_size = films[0]->segment.config_size,
        .runs = runs,
        .run_count = 2,
    };
    if (!mp4_header(arena, &movie, &header, &err))
        fail_msg("%s", err.text);
    parts[0] = header;
    return join(arena, parts, 3);
}

/* Where the picture that a fade starts from and the one that it ends with stand. */
static void check_mixture(const char *name, const struct film *film, const struct frame *frames,
                          uint32_t i) {
    struct frame mixed;
    const struct frame *from = &frames[i - film->steps[i]];
    const struct frame *to = from + film->fades[i];
    frame_init(&mixed, from->width, from->height);
    mix(from, to, film->steps[i], film->fades[i], &mixed);
    if (!is_same(&mixed, &frames[i]))
        fail_msg("%s: frame %u is no mixture", name, i);
    frame_clear(&mixed);
}

static void check_pictures(const char *name, const struct film *film, const struct frame *frames,
                           double max_error) {
    struct frame wanted;
    frame_init(&wanted, frames[0].width, frames[0].height);
    for (uint32_t i = 0; i < film->frame_count; i++) {
        bool is_held = i > 0 && !film->keys[i] && !film->encoded[i] && film->fades[i] == 0 &&
                       film->fades[i - 1] == 0 && film->numbers[i] == film->numbers[i - 1];
        if (film->fades[i] > 0)
            check_mixture(name, film, frames, i);
        else if (is_held && !is_same(&frames[i], &frames[i - 1]))
            fail_msg("%s: frame %u is not as the one before", name, i);
        if (film->fades[i] > 0)
            continue;
        draw_picture(&wanted, film->numbers[i]);
        double error = picture_error(&frames[i], &wanted);
        if (error > max_error)
            fail_msg("%s: frame %u is wrong by %f", name, i, error);
    }
    frame_clear(&wanted);
}

/* Pictures that x264 is free to make B-frames of. */
static bool has_movement(const struct script *script) {
    for (const struct part *part = script->parts + 1; part->count > 0; part++)
        if (part->fade == 0 && part->count == 1)
            return true;
    return false;
}

/* Two segments, of which the second shows that the first leaves nothing behind. */
static void check_film(const struct script *script, const struct encoder_options *options,
                       double max_error) {
    static const struct script second = {"second", {{0, 33, 1}, {2, 34, 2}}};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct film *films[] = {make_film(arena, script, *options),
                            make_film(arena, &second, *options)};
    struct media_segment segments[] = {films[0]->segment, films[1]->segment};
    uint32_t frames = films[0]->frame_count + SECOND_FILM_FRAMES;
    struct watched watched;
    struct openh264_film other;
    watch(arena, film_file(arena, films, options), true, &watched);
    assert_int_equal(watched.frame_count, frames);
    for (uint32_t i = 0; i < frames; i++)
        assert_int_equal(watched.times[i], i);
    check_pictures(script->name, films[0], watched.frames, max_error);
    check_pictures("second", films[1], watched.frames + films[0]->frame_count, max_error);
    openh264_watch(arena, segments, 2, &other);
    /* It is not exact with B-frames of x264. */
    for (uint32_t i = 0; i < frames && !has_movement(script); i++)
        if (!is_same(&watched.frames[i], &other.frames[i]))
            fail_msg("%s: the decoders differ at frame %u", script->name, i);
    openh264_film_clear(&other);
    watched_clear(&watched);
    encoder_free(films[0]->encoder);
    encoder_free(films[1]->encoder);
}

static void films_play(void **state) {
    (void)state;
    for (enum speed speed = SPEED_FAST; speed <= SPEED_SMALL; speed++)
        for (size_t s = 0; s < ARRAY_SIZE(scripts); s++) {
            struct encoder_options options = coding_options(CODEC_H264, 160, 96, speed, 0);
            check_film(&scripts[s], &options, 20);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(films_play),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
