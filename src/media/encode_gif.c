/*
 * Animated GIF: a sample is a graphic control extension and an image with its own colour table, so
 * every frame has a palette made for what it draws.
 *
 * The first frame draws all. Later ones draw what differs from what was there when it was last
 * drawn, inside the smallest rectangle; the rest of the rectangle is transparent. A frame without a
 * difference is one transparent pixel. Quality decides what counts as a difference, how many
 * colours there are and how much is dithered; speed decides how long colours are searched for.
 *
 * Delays are hundredths of a second: the differences of each frame's rounded end, counted from the
 * film's start, so that they add up.
 */
#include "base/base.h"
#include "media/dither.h"
#include "media/encode_internal.h"
#include "media/lzw.h"
#include "media/palette.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_SIDE = 65535,
    /* Browsers show delays below two hundredths as ten. */
    MAX_FPS = 50,
    /* Keeps the arithmetic of delays below 64 bits; far above what MAX_FPS leaves of use. */
    MAX_RATE_PART = 120000000,
    MAX_DELAY = 65535,
    FEWEST_COLOURS = 32,
    FULL_QUALITY = 75, /* all colours from here on */
};

struct state {
    uint8_t *now;     /* Y', Cb, Cr of each pixel of the frame at hand */
    uint8_t *drawn;   /* as `now`, of each pixel when it was last drawn */
    uint8_t *changed; /* of each pixel */
    uint8_t *indices; /* of the rectangle */
    struct histogram *histogram;
    struct dither *dither;
    unsigned max_colours, rounds;
    int threshold;
};

/* Of what is drawn; `right` and `bottom` are outside. Empty: right is 0. */
struct rectangle {
    unsigned left, top, right, bottom;
};

/* ---- opening ---- */

static bool check(const struct encoder *encoder, struct error *err) {
    const struct encoder_options *options = &encoder->options;
    const struct rational *fps = &options->fps;
    if (!encoder_rate_fits(encoder, MAX_RATE_PART, "GIF", err))
        return false;
    if (fps->num > MAX_FPS * fps->den)
        return error_set(
            err, ERROR_INVALID, NULL,
            "%lld/%lld frames a second do not fit into GIF: players slow down above %d",
            (long long)fps->num, (long long)fps->den, MAX_FPS);
    if (fps->den * 100 > MAX_DELAY * fps->num)
        return error_set(
            err, ERROR_INVALID, NULL,
            "%lld/%lld frames a second do not fit into GIF: a frame lasts at most 655 s",
            (long long)fps->num, (long long)fps->den);
    if (options->width > MAX_SIDE || options->height > MAX_SIDE)
        return error_set(err, ERROR_INVALID, NULL, "%ux%u does not fit into GIF", options->width,
                         options->height);
    return true;
}

static void set_quality(struct state *state, const struct encoder_options *options) {
    static const unsigned rounds[] = {[SPEED_FAST] = 1, [SPEED_BALANCED] = 3, [SPEED_SMALL] = 6};
    unsigned quality = options->quality;
    unsigned share = quality < FULL_QUALITY ? quality : FULL_QUALITY;
    state->rounds = rounds[options->speed];
    state->max_colours =
        FEWEST_COLOURS + (PALETTE_MAX_COLOURS - FEWEST_COLOURS) * share / FULL_QUALITY;
    state->threshold = (int)(100 - quality) / 10;
    state->dither = dither_new(DITHER_FULL_STRENGTH / 2 + DITHER_FULL_STRENGTH / 2 * quality / 100);
}

static bool open_state(struct encoder *encoder, struct error *err) {
    if (!check(encoder, err))
        return false;
    size_t pixels = (size_t)encoder->options.width * encoder->options.height;
    struct state *state = calloc(1, sizeof *state);
    if (!state)
        die_out_of_memory();
    encoder->state = state;
    state->now = calloc(pixels, 3);
    state->drawn = calloc(pixels, 3);
    state->changed = calloc(pixels, 1);
    state->indices = calloc(pixels, 1);
    state->histogram = histogram_new();
    if (!state->now || !state->drawn || !state->changed || !state->indices)
        die_out_of_memory();
    set_quality(state, &encoder->options);
    return true;
}

static void close_state(struct encoder *encoder) {
    struct state *state = encoder->state;
    if (!state)
        return;
    free(state->now);
    free(state->drawn);
    free(state->changed);
    free(state->indices);
    histogram_free(state->histogram);
    dither_free(state->dither);
    free(state);
    encoder->state = NULL;
}

/* ---- pictures ---- */

/* One chroma plane at full size. Its rows lie between two rows of luma, its columns on the even
 * ones. */
static void spread_chroma(const struct frame *frame, int plane, uint8_t *ret) {
    unsigned width = frame->width / 2, height = frame->height / 2;
    for (unsigned y = 0; y < frame->height; y++) {
        unsigned near = y / 2, far = y & 1 ? near + 1 : near - (near > 0);
        const uint8_t *a = frame->planes[plane] + near * frame->strides[plane];
        const uint8_t *b =
            frame->planes[plane] + (far < height ? far : near) * frame->strides[plane];
        uint8_t *to = ret + (size_t)y * frame->width * 3;
        for (unsigned x = 0; x < width; x++) {
            unsigned next = x + 1 < width ? x + 1 : x;
            int here = 3 * a[x] + b[x], beside = 3 * a[next] + b[next];
            to[6 * x] = (uint8_t)((here + 2) >> 2);
            to[6 * x + 3] = (uint8_t)((here + beside + 4) >> 3);
        }
    }
}

static void take_picture(const struct frame *frame, uint8_t *ret) {
    for (unsigned y = 0; y < frame->height; y++) {
        const uint8_t *from = frame->planes[0] + y * frame->strides[0];
        uint8_t *to = ret + (size_t)y * frame->width * 3;
        for (unsigned x = 0; x < frame->width; x++)
            to[3 * x] = from[x];
    }
    spread_chroma(frame, 1, ret + 1);
    spread_chroma(frame, 2, ret + 2);
}

static bool differs(const uint8_t *a, const uint8_t *b, int threshold) {
    return abs(a[0] - b[0]) > threshold || abs(a[1] - b[1]) > threshold ||
           abs(a[2] - b[2]) > threshold;
}

/* Marks what is to be drawn, and counts its colours. */
static struct rectangle find_changes(struct state *state, unsigned width, unsigned height,
                                     bool all) {
    struct rectangle found = {width, height, 0, 0};
    histogram_clear(state->histogram);
    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++) {
            size_t pixel = (size_t)y * width + x;
            const uint8_t *colour = state->now + 3 * pixel;
            bool draw = all || differs(colour, state->drawn + 3 * pixel, state->threshold);
            state->changed[pixel] = draw;
            if (!draw)
                continue;
            histogram_add(state->histogram, colour);
            found.left = x < found.left ? x : found.left;
            found.right = x >= found.right ? x + 1 : found.right;
            found.top = y < found.top ? y : found.top;
            found.bottom = y + 1;
        }
    return found;
}

/* The index behind the palette's is transparent. Returns the number of indices. */
static size_t choose_indices(struct state *state, unsigned width, struct rectangle place,
                             const struct palette *palette) {
    size_t count = 0;
    dither_start(state->dither, palette);
    for (unsigned y = place.top; y < place.bottom; y++)
        for (unsigned x = place.left; x < place.right; x++) {
            size_t pixel = (size_t)y * width + x;
            uint8_t index = (uint8_t)palette->count;
            if (state->changed[pixel]) {
                index = dither_pick(state->dither, state->now + 3 * pixel, x, y);
                memcpy(state->drawn + 3 * pixel, state->now + 3 * pixel, 3);
            }
            state->indices[count++] = index;
        }
    return count;
}

/* ---- writing ---- */

/* round(100 * frame / fps), in two parts that do not overflow. */
static uint64_t end_of(uint64_t frame, const struct rational *fps) {
    uint64_t num = (uint64_t)fps->num, den = (uint64_t)fps->den;
    uint64_t whole = frame / num, rest = frame % num;
    return whole * den * 100 + (2 * 100 * rest * den + num) / (2 * num);
}

/* Of the next frame. */
static unsigned delay_of(const struct encoder *encoder) {
    const struct encoder_options *options = &encoder->options;
    uint64_t frame = options->first_frame + encoder->frames_in;
    uint64_t delay = end_of(frame + 1, &options->fps) - end_of(frame, &options->fps);
    return delay > MAX_DELAY ? MAX_DELAY : (unsigned)delay;
}

/* GIF89a sections 23 and 20. `transparent` over 255: none. */
static bool put_heads(struct encoder *encoder, struct rectangle place, unsigned transparent,
                      unsigned table_bits, struct error *err) {
    unsigned delay = delay_of(encoder);
    unsigned width = place.right - place.left, height = place.bottom - place.top;
    bool has = transparent < PALETTE_MAX_COLOURS;
    const uint8_t heads[] = {
        0x21,
        0xf9,
        4,                       /* graphic control extension */
        (uint8_t)(1 << 2 | has), /* what is drawn stays */
        (uint8_t)delay,
        (uint8_t)(delay >> 8),
        (uint8_t)(has ? transparent : 0),
        0,
        0x2c, /* image descriptor */
        (uint8_t)place.left,
        (uint8_t)(place.left >> 8),
        (uint8_t)place.top,
        (uint8_t)(place.top >> 8),
        (uint8_t)width,
        (uint8_t)(width >> 8),
        (uint8_t)height,
        (uint8_t)(height >> 8),
        (uint8_t)(0x80 | (table_bits - 1)), /* has its own table */
    };
    return buf_append(&encoder->data, heads, sizeof heads, err);
}

static bool put_table(struct encoder *encoder, const struct palette *palette, unsigned bits,
                      struct error *err) {
    uint8_t table[PALETTE_MAX_COLOURS][3] = {0};
    for (unsigned i = 0; i < palette->count; i++)
        palette_rgb(palette, i, table[i]);
    return buf_append(&encoder->data, table, (size_t)3 << bits, err);
}

static unsigned bits_for(unsigned count) {
    unsigned bits = 1;
    while (1u << bits < count)
        bits++;
    return bits;
}

static bool put_image(struct encoder *encoder, struct rectangle place, bool has_transparent,
                      struct error *err) {
    struct state *state = encoder->state;
    struct palette palette;
    unsigned most = state->max_colours - (has_transparent && state->max_colours > 255);
    palette_make(state->histogram, most, state->rounds, &palette);
    size_t count = choose_indices(state, encoder->options.width, place, &palette);
    unsigned transparent = has_transparent ? palette.count : PALETTE_MAX_COLOURS;
    unsigned bits = bits_for(palette.count + has_transparent);
    return put_heads(encoder, place, transparent, bits, err) &&
           put_table(encoder, &palette, bits, err) &&
           lzw_encode(state->indices, count, bits, &encoder->data, err);
}

static bool put_nothing(struct encoder *encoder, struct error *err) {
    static const struct palette black = {.count = 1, .parts = {{16}, {128}, {128}}};
    static const uint8_t index = 0;
    return put_heads(encoder, (struct rectangle){0, 0, 1, 1}, index, 1, err) &&
           put_table(encoder, &black, 1, err) && lzw_encode(&index, 1, 1, &encoder->data, err);
}

/* Some pixels of the rectangle stay as they are. */
static bool has_holes(const struct state *state, unsigned width, struct rectangle place) {
    for (unsigned y = place.top; y < place.bottom; y++)
        if (memchr(state->changed + (size_t)y * width + place.left, 0, place.right - place.left))
            return true;
    return false;
}

static bool put_frame(struct encoder *encoder, struct error *err) {
    struct state *state = encoder->state;
    unsigned width = encoder->options.width;
    struct rectangle place =
        find_changes(state, width, encoder->options.height, encoder->frames_in == 0);
    if (place.right == 0)
        return put_nothing(encoder, err);
    return put_image(encoder, place, has_holes(state, width, place), err);
}

static bool add_run(struct encoder *encoder, const struct frame *frame, uint32_t count,
                    struct error *err) {
    struct state *state = encoder->state;
    take_picture(frame, state->now);
    for (uint32_t i = 0; i < count; i++) {
        bool good = i == 0 ? put_frame(encoder, err) : put_nothing(encoder, err);
        if (!good)
            return error_prefix(err, "a segment's samples");
        if (!encoder_sample(encoder, encoder->frames_in, 0, encoder->frames_in == 0, err))
            return false;
        encoder_took(encoder);
    }
    return true;
}

static bool drain(struct encoder *encoder, struct error *err) {
    (void)err;
    close_state(encoder);
    return true;
}

const struct encoder_class encoder_gif = {
    .name = "GIF",
    .open = open_state,
    .add = add_run,
    .finish = drain,
    .close = close_state,
};
