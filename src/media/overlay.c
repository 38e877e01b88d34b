/*
 * Text is drawn into a mask once and kept: a picture that moves is written upon on every frame with
 * the same text. Under the white letters lies a soft dark copy of the mask, so that they can be
 * read on anything.
 *
 * The watermark is composed twice, over black and over white: what differs is what shines through,
 * so that every format, profile and orientation goes the one way that images go.
 */
#include "media/overlay.h"

#include "media/compose.h"
#include "media/decode.h"
#include "media/place.h"
#include "media/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    STAMP_SHARE = 28, /* of the film's height: an em */
    CAPTION_SHARE = 18,
    MARGIN_SHARE = 30,
    WATERMARK_SHARE = 3,
    SHADOW_SHARE = 8, /* of an em: how far the dark edge reaches */
    SHADOW_PERCENT = 75,
    KEPT_TEXTS = 4,
    BLACK = 16,
    WHITE = 235,
    GREY = 128,
    TEXT_SIZE = 1024,
};

/* Two masks of the frame's part where text stands: letters, and the dark behind them. */
struct label {
    char text[TEXT_SIZE]; /* empty: the place is free */
    unsigned size_pixels;
    unsigned width, height, baseline; /* the dark edge included */
    uint8_t *letters, *shadow;
    uint32_t missing;
    uint64_t last_use;
};

struct overlay {
    unsigned width, height;
    struct fonts *fonts;
    struct label labels[KEPT_TEXTS];
    uint64_t uses;
    struct frame on_black, on_white; /* the watermark; no planes: none */
    unsigned mark_x, mark_y;
};

struct overlay *overlay_new(unsigned width, unsigned height) {
    struct overlay *overlay = calloc(1, sizeof *overlay);
    if (!overlay)
        die_out_of_memory();
    overlay->width = width;
    overlay->height = height;
    overlay->fonts = fonts_new();
    return overlay;
}

static void clear_label(struct label *label) {
    free(label->letters);
    free(label->shadow);
    *label = (struct label){0};
}

void overlay_free(struct overlay *overlay) {
    if (!overlay)
        return;
    for (size_t i = 0; i < KEPT_TEXTS; i++)
        clear_label(&overlay->labels[i]);
    fonts_free(overlay->fonts);
    frame_clear(&overlay->on_black);
    frame_clear(&overlay->on_white);
    free(overlay);
}

/* ---- labels ---- */

static uint8_t *new_plane(size_t size) {
    uint8_t *plane = calloc(size ? size : 1, 1);
    if (!plane)
        die_out_of_memory();
    return plane;
}

/* A box of 2 * radius + 1 samples, along one axis: `step` between samples, `count` of them. */
static void blur_line(uint8_t *samples, size_t step, unsigned count, unsigned radius,
                      uint8_t *copy) {
    unsigned length = 2 * radius + 1, sum = 0;
    for (unsigned i = 0; i < count; i++)
        copy[i] = samples[i * step];
    for (unsigned i = 0; i < count + radius; i++) {
        sum += i < count ? copy[i] : 0;
        sum -= i >= length ? copy[i - length] : 0;
        if (i >= radius)
            samples[(i - radius) * step] = (uint8_t)(sum / length);
    }
}

/* Twice a box each way is close to round. */
static void blur(uint8_t *plane, unsigned width, unsigned height, unsigned radius) {
    uint8_t *copy = new_plane(width > height ? width : height);
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned y = 0; y < height; y++)
            blur_line(plane + (size_t)y * width, 1, width, radius, copy);
        for (unsigned x = 0; x < width; x++)
            blur_line(plane + x, width, height, radius, copy);
    }
    free(copy);
}

static void make_label(const struct text_mask *mask, unsigned size_pixels, struct label *label) {
    unsigned reach = size_pixels / SHADOW_SHARE + 2, radius = reach / 2;
    label->width = mask->width + 2 * reach;
    label->height = mask->height + 2 * reach;
    label->baseline = mask->baseline + reach;
    size_t size = (size_t)label->width * label->height;
    label->letters = new_plane(size);
    label->shadow = new_plane(size);
    for (unsigned y = 0; y < mask->height; y++)
        memcpy(label->letters + (size_t)(y + reach) * label->width + reach,
               mask->coverage + (size_t)y * mask->width, mask->width);
    memcpy(label->shadow, label->letters, size);
    blur(label->shadow, label->width, label->height, radius);
    for (size_t i = 0; i < size; i++) {
        /* Thin strokes are blurred away: the edge is made as dark as three of them. */
        unsigned dark = 3u * label->shadow[i];
        label->shadow[i] = (uint8_t)((dark < 255 ? dark : 255) * SHADOW_PERCENT / 100);
    }
    label->missing = mask->missing;
}

static bool need_label(struct overlay *overlay, const char *text, unsigned size_pixels,
                       const struct label **ret, struct error *err) {
    struct label *place = &overlay->labels[0];
    for (size_t i = 0; i < KEPT_TEXTS; i++) {
        struct label *label = &overlay->labels[i];
        if (label->letters && label->size_pixels == size_pixels && strcmp(label->text, text) == 0) {
            label->last_use = ++overlay->uses;
            *ret = label;
            return true;
        }
        if (label->last_use < place->last_use)
            place = label;
    }
    struct text_mask mask = {0};
    unsigned margin = overlay->height / MARGIN_SHARE;
    unsigned room = overlay->width > 2 * margin ? overlay->width - 2 * margin : overlay->width;
    if (!text_draw(overlay->fonts, str_c(text), size_pixels, room, &mask, err))
        return false;
    clear_label(place);
    make_label(&mask, size_pixels, place);
    text_mask_clear(&mask);
    place->size_pixels = size_pixels;
    place->last_use = ++overlay->uses;
    size_t length = strlen(text);
    /* Longer than what is kept: drawn anew each time. */
    if (length < sizeof place->text)
        memcpy(place->text, text, length + 1);
    *ret = place;
    return true;
}

/* ---- drawing ---- */

static uint8_t mix(unsigned under, unsigned over, unsigned share) {
    return (uint8_t)((under * (255 - share) + over * share + 127) / 255);
}

/* The mask's mean over a chroma sample's four luma samples. */
static unsigned chroma_share(const struct label *label, const uint8_t *mask, int x, int y) {
    unsigned sum = 0;
    for (int dy = 0; dy < 2; dy++)
        for (int dx = 0; dx < 2; dx++) {
            int column = x + dx, row = y + dy;
            if (column >= 0 && row >= 0 && column < (int)label->width && row < (int)label->height)
                sum += mask[(size_t)row * label->width + (size_t)column];
        }
    return sum / 4;
}

static void draw_luma(const struct label *label, int left, int top, struct frame *frame) {
    for (unsigned y = 0; y < label->height; y++) {
        int row = top + (int)y;
        if (row < 0 || row >= (int)frame->height)
            continue;
        for (unsigned x = 0; x < label->width; x++) {
            int column = left + (int)x;
            if (column < 0 || column >= (int)frame->width)
                continue;
            size_t i = (size_t)y * label->width + x;
            uint8_t *pixel = &frame->planes[0][(size_t)row * frame->strides[0] + (size_t)column];
            *pixel = mix(mix(*pixel, BLACK, label->shadow[i]), WHITE, label->letters[i]);
        }
    }
}

static void draw_chroma(const struct label *label, int left, int top, struct frame *frame) {
    for (unsigned y = 0; y < frame->height / 2; y++) {
        int row = 2 * (int)y - top;
        if (row < -1 || row >= (int)label->height)
            continue;
        for (unsigned x = 0; x < frame->width / 2; x++) {
            int column = 2 * (int)x - left;
            if (column < -1 || column >= (int)label->width)
                continue;
            unsigned shadow = chroma_share(label, label->shadow, column, row);
            unsigned letters = chroma_share(label, label->letters, column, row);
            for (int plane = 1; plane < 3; plane++) {
                uint8_t *pixel = &frame->planes[plane][y * frame->strides[plane] + x];
                *pixel = mix(mix(*pixel, GREY, shadow), GREY, letters);
            }
        }
    }
}

static int along(unsigned room, unsigned size, unsigned margin, int where) {
    if (where == 0)
        return ((int)room - (int)size) / 2;
    return where < 0 ? (int)margin : (int)room - (int)size - (int)margin;
}

/* -1, 0, 1: left or top, middle, right or bottom. */
static void sides_of(enum corner corner, int *ret_x, int *ret_y) {
    static const signed char sides[][2] = {
        [CORNER_TOP_LEFT] = {-1, -1},   [CORNER_TOP] = {0, -1},
        [CORNER_TOP_RIGHT] = {1, -1},   [CORNER_CENTER] = {0, 0},
        [CORNER_BOTTOM_LEFT] = {-1, 1}, [CORNER_BOTTOM] = {0, 1},
        [CORNER_BOTTOM_RIGHT] = {1, 1},
    };
    *ret_x = sides[corner][0];
    *ret_y = sides[corner][1];
}

/* By the line, not by the letters that happen to be in it: an em from the ascenders to the
 * descenders. */
static bool write_line(struct overlay *overlay, struct arena *arena, const char *text,
                       unsigned size_pixels, enum corner corner, struct frame *frame,
                       const char **ret_warning, struct error *err) {
    const struct label *label;
    int side_x, side_y;
    *ret_warning = NULL;
    if (!need_label(overlay, text, size_pixels, &label, err))
        return false;
    unsigned margin = overlay->height / MARGIN_SHARE;
    sides_of(corner, &side_x, &side_y);
    int left = along(overlay->width, label->width, margin, side_x);
    int baseline = along(overlay->height, size_pixels, margin, side_y) + (int)size_pixels * 4 / 5;
    int top = baseline - (int)label->baseline;
    draw_luma(label, left, top, frame);
    draw_chroma(label, left, top, frame);
    if (label->missing)
        *ret_warning = arena_printf(arena, "no font has the character U+%04X: drawn as a box",
                                    (unsigned)label->missing);
    return true;
}

static unsigned em(const struct overlay *overlay, unsigned share) {
    unsigned size = overlay->height / share;
    return size < 8 ? 8 : size;
}

bool overlay_stamp(struct overlay *overlay, struct arena *arena, const char *text,
                   enum corner corner, struct frame *frame, const char **ret_warning,
                   struct error *err) {
    return write_line(overlay, arena, text, em(overlay, STAMP_SHARE), corner, frame, ret_warning,
                      err);
}

bool overlay_caption(struct overlay *overlay, struct arena *arena, const char *text,
                     struct frame *frame, const char **ret_warning, struct error *err) {
    return write_line(overlay, arena, text, em(overlay, CAPTION_SHARE), CORNER_BOTTOM, frame,
                      ret_warning, err);
}

/* ---- the watermark ---- */

static unsigned even(double side) {
    unsigned whole = (unsigned)(side / 2 + 0.5) * 2;
    return whole < 2 ? 2 : whole;
}

static bool compose_over(struct arena *arena, struct str image, unsigned width, unsigned height,
                         uint8_t background, struct frame *ret, struct error *err) {
    struct compose_target target = {.width = width,
                                    .height = height,
                                    .fit = FIT_STRETCH,
                                    .background = {background, background, background}};
    struct composer *composer = composer_new(&target);
    struct receipt receipt = {0};
    frame_clear(ret);
    frame_init(ret, width, height);
    bool good = composer_run(composer, arena, image, 0, ret, &receipt, err);
    composer_free(composer);
    return good;
}

bool overlay_load_watermark(struct overlay *overlay, struct arena *arena, struct str image,
                            enum corner corner, struct error *err) {
    struct receipt receipt = {0};
    unsigned width, height;
    int side_x, side_y;
    compose_probe(arena, image, &receipt, &width, &height);
    if (receipt.refused)
        return error_set(err, ERROR_INVALID, NULL, "%s", receipt.refused);
    double scale = 1;
    if (width * scale > overlay->width / (double)WATERMARK_SHARE)
        scale = overlay->width / (double)WATERMARK_SHARE / width;
    if (height * scale > overlay->height / (double)WATERMARK_SHARE)
        scale = overlay->height / (double)WATERMARK_SHARE / height;
    unsigned shown_width = even(width * scale), shown_height = even(height * scale);
    if (!compose_over(arena, image, shown_width, shown_height, 0, &overlay->on_black, err) ||
        !compose_over(arena, image, shown_width, shown_height, 255, &overlay->on_white, err))
        return false;
    unsigned margin = overlay->height / MARGIN_SHARE;
    sides_of(corner, &side_x, &side_y);
    int x = along(overlay->width, shown_width, margin, side_x);
    int y = along(overlay->height, shown_height, margin, side_y);
    overlay->mark_x = x < 0 ? 0 : (unsigned)x / 2 * 2;
    overlay->mark_y = y < 0 ? 0 : (unsigned)y / 2 * 2;
    return true;
}

static uint8_t clamp(int value) {
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* What shines through at a luma sample, 0 to WHITE - BLACK. */
static int shine(const struct overlay *overlay, unsigned x, unsigned y) {
    size_t i = y * overlay->on_black.strides[0] + x;
    int share = overlay->on_white.planes[0][i] - overlay->on_black.planes[0][i];
    return share < 0 ? 0 : share > WHITE - BLACK ? WHITE - BLACK : share;
}

/* over + (under - zero) * share / whole, rounded. */
static uint8_t through(int over, int under, int zero, int share, int whole) {
    int light = (under - zero) * share;
    return clamp(over + (2 * light + (light < 0 ? -whole : whole)) / (2 * whole));
}

void overlay_watermark(const struct overlay *overlay, struct frame *frame) {
    const struct frame *mark = &overlay->on_black;
    const int whole = WHITE - BLACK;
    if (!mark->planes[0])
        return;
    for (unsigned y = 0; y < mark->height && overlay->mark_y + y < frame->height; y++) {
        uint8_t *row = frame->planes[0] + (overlay->mark_y + y) * frame->strides[0];
        for (unsigned x = 0; x < mark->width && overlay->mark_x + x < frame->width; x++) {
            uint8_t *pixel = &row[overlay->mark_x + x];
            *pixel = through(mark->planes[0][y * mark->strides[0] + x], *pixel, BLACK,
                             shine(overlay, x, y), whole);
        }
    }
    for (unsigned y = 0; y < mark->height / 2 && overlay->mark_y / 2 + y < frame->height / 2; y++)
        for (unsigned x = 0; x < mark->width / 2 && overlay->mark_x / 2 + x < frame->width / 2;
             x++) {
            int share = shine(overlay, 2 * x, 2 * y) + shine(overlay, 2 * x + 1, 2 * y) +
                        shine(overlay, 2 * x, 2 * y + 1) + shine(overlay, 2 * x + 1, 2 * y + 1);
            for (int plane = 1; plane < 3; plane++) {
                uint8_t *pixel =
                    &frame->planes[plane][(overlay->mark_y / 2 + y) * frame->strides[plane] +
                                          overlay->mark_x / 2 + x];
                *pixel = through(mark->planes[plane][y * mark->strides[plane] + x], *pixel, GREY,
                                 share, 4 * whole);
            }
        }
}

/* ---- what a stamp says ---- */

static const char *without_place(const char *name) {
    size_t digits = strspn(name, "0123456789");
    return digits == 6 && name[6] == '-' && name[7] != '\0' ? name + 7 : name;
}

const char *overlay_stamp_text(struct arena *arena, enum stamp stamp, const char *captured,
                               const char *name, size_t index) {
    switch (stamp) {
    case STAMP_CAPTURED:
        /* "2024-05-01T12:33:44" */
        if (!captured || strlen(captured) < 16)
            return NULL;
        return arena_printf(arena, "%.10s %.5s", captured, captured + 11);
    case STAMP_NAME:
        return arena_strdup(arena, without_place(name));
    case STAMP_INDEX:
        return arena_printf(arena, "%zu", index + 1);
    case STAMP_NONE:
        break;
    }
    return NULL;
}
