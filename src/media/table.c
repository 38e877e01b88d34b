/*
 * Most nodes of a Y'CbCr table are no colours at all, but those next to the colours take part in
 * the interpolation. They go on from the nearest colour as the space does there: by the slope on
 * its last step. So the table has no bend at the border of the space, and, because R'G'B' beyond
 * the film's range are kept, none where the film's gamut ends: lut_row cuts off after
 * interpolating.
 */
#include "media/table.h"

#include "base/error.h"
#include "media/colour.h"
#include "media/resample.h"
#include "media/transfer.h"
#include "sign/digest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    SPACES = 4, /* kept; an album is rarely made by more kinds of devices */
    TABLES_PER_SPACE = 2,
    CURVE_NODES = 257, /* a step of 8 bits each */
    SAMPLE_MAX = 255 * RESAMPLE_ONE,
    MAX_SIDE = LUT3_SIDE,
};

static const double step_inwards = 16.0 / 255;
/* The farthest, in R'G'B', that a corner of a cell can be from a colour in it. */
static const double farthest = 0.1;
/* Keeps the lines of colour_site_row within 16 bits; real spaces stay near 1. */
static const double max_slope = 1.9;

static double clamp(double value, double low, double high) {
    return value < low ? low : value > high ? high : value;
}

static int16_t to_sample(double value) {
    value = clamp(value * SAMPLE_MAX, -INT16_MAX, INT16_MAX);
    return (int16_t)(value < 0 ? value - 0.5 : value + 0.5);
}

static void colours_of(const struct space *space, unsigned channels, const double *colours,
                       unsigned count, double *ret) {
    if (channels == 4)
        space_to_srgb(space, colours, count, ret);
    else
        space_rgb_to_srgb(space, colours, count, ret);
}

/* Colours of any numbers, also outside of 0 to 1. */
static void colours_beyond(const struct space *space, unsigned channels, const double *wanted,
                           unsigned count, double *ret) {
    double points[(1 + SPACE_MAX_CHANNELS) * MAX_SIDE * SPACE_MAX_CHANNELS];
    double shown[(1 + SPACE_MAX_CHANNELS) * MAX_SIDE * 3];
    double beyond[MAX_SIDE][SPACE_MAX_CHANNELS];
    unsigned used = count;
    assert(count <= MAX_SIDE);
    for (unsigned i = 0; i < count; i++) {
        double *nearest = points + (size_t)i * channels;
        for (unsigned c = 0; c < channels; c++) {
            nearest[c] = clamp(wanted[i * channels + c], 0, 1);
            beyond[i][c] = wanted[i * channels + c] - nearest[c];
        }
        for (unsigned c = 0; c < channels; c++) {
            if (beyond[i][c] > farthest || beyond[i][c] < -farthest)
                memset(beyond[i], 0, sizeof beyond[i]);
        }
        for (unsigned c = 0; c < channels; c++) {
            if (beyond[i][c] == 0)
                continue;
            double *inner = points + (size_t)used++ * channels;
            memcpy(inner, nearest, channels * sizeof *inner);
            inner[c] += beyond[i][c] > 0 ? -step_inwards : step_inwards;
        }
    }
    colours_of(space, channels, points, used, shown);
    memcpy(ret, shown, 3 * (size_t)count * sizeof *ret);
    used = count;
    for (unsigned i = 0; i < count; i++) {
        for (unsigned c = 0; c < channels; c++) {
            if (beyond[i][c] == 0)
                continue;
            double steps = (beyond[i][c] < 0 ? -beyond[i][c] : beyond[i][c]) / step_inwards;
            for (unsigned k = 0; k < 3; k++)
                ret[3 * i + k] += (shown[3 * i + k] - shown[3 * used + k]) * steps;
            used++;
        }
    }
}

/* The picture's codes, in steps of 8 bits, to numbers of the space. */
static void decode_numbers(const struct table_source *source, const double codes[],
                           double ret[SPACE_MAX_CHANNELS]) {
    if (source->layout != PIXELS_YUV) {
        for (unsigned c = 0; c < (source->layout == PIXELS_CMYK ? 4 : 3); c++)
            ret[c] = codes[c] / 255;
        return;
    }
    double red, blue;
    luma_weights(source->matrix, &red, &blue);
    double y = source->full_range ? codes[0] / 255 : (codes[0] - 16) / 219;
    double range = source->full_range ? 255 : 224;
    double cb = (codes[1] - 128) / range * 2 * (1 - blue);
    double cr = (codes[2] - 128) / range * 2 * (1 - red);
    ret[0] = y + cr;
    ret[1] = y - (red * cr + blue * cb) / (1 - red - blue);
    ret[2] = y + cb;
}

static int16_t *allocate(size_t count) {
    int16_t *numbers = calloc(count, sizeof *numbers);
    if (numbers == NULL)
        die_out_of_memory();
    return numbers;
}

static const int16_t *make_nodes(const struct space *space, const struct table_source *source) {
    unsigned inputs = source->layout == PIXELS_CMYK ? 4 : 3;
    unsigned side = inputs == 3 ? LUT3_SIDE : LUT4_SIDE, step = inputs == 3 ? 8 : 16;
    size_t rows = lut_node_count(inputs) / side;
    int16_t *nodes = allocate(lut_node_count(inputs) * LUT_LANES), *node = nodes;
    for (size_t row = 0; row < rows; row++) {
        double codes[SPACE_MAX_CHANNELS], numbers[MAX_SIDE * SPACE_MAX_CHANNELS];
        double shown[MAX_SIDE * 3];
        size_t rest = row;
        for (unsigned c = inputs - 1; c-- > 0; rest /= side)
            codes[c] = (double)(rest % side * step);
        for (unsigned i = 0; i < side; i++) {
            codes[inputs - 1] = i * step;
            decode_numbers(source, codes, numbers + (size_t)i * inputs);
        }
        colours_beyond(space, inputs, numbers, side, shown);
        for (unsigned i = 0; i < side; i++, node += LUT_LANES) {
            for (unsigned c = 0; c < 3; c++)
                node[c] = to_sample(shown[3 * i + c]);
        }
    }
    return nodes;
}

/* Luma codes to the film's greys. */
static const int16_t *make_curve(const struct space *space, const struct table_source *source) {
    double rgb[CURVE_NODES * 3], shown[CURVE_NODES * 3], greys[CURVE_NODES];
    for (unsigned i = 0; i < CURVE_NODES; i++) {
        bool is_limited = source->layout == PIXELS_YUV && !source->full_range;
        double grey = is_limited ? ((double)i - 16) / 219 : i / 255.0;
        rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = clamp(grey, 0, 1);
    }
    space_rgb_to_srgb(space, rgb, CURVE_NODES, shown);
    for (unsigned i = 0; i < CURVE_NODES; i++)
        greys[i] = clamp(
            0.2126 * shown[3 * i] + 0.7152 * shown[3 * i + 1] + 0.0722 * shown[3 * i + 2], 0, 1);
    int16_t *curve = allocate(LUT_CURVE_SIZE);
    for (unsigned i = 0; i < LUT_CURVE_SIZE; i++) {
        unsigned node = i / RESAMPLE_ONE;
        double along = (double)(i % RESAMPLE_ONE) / RESAMPLE_ONE;
        curve[i] = to_sample(greys[node] + along * (greys[node + 1] - greys[node]));
    }
    return curve;
}

/* Whether a line would do, within a quarter of a step of 8 bits. */
static bool is_straight(const int16_t *curve, const struct table_source *source) {
    int first = source->full_range ? 0 : 16 * RESAMPLE_ONE;
    int last = source->full_range ? SAMPLE_MAX : 235 * RESAMPLE_ONE;
    for (int i = first; i <= last; i++) {
        int line = curve[first] + (curve[last] - curve[first]) * (i - first) / (last - first);
        if (abs(curve[i] - line) > RESAMPLE_ONE / 4)
            return false;
    }
    return true;
}

static double film_luma(const int16_t *node) {
    double rgb[3];
    for (int c = 0; c < 3; c++)
        rgb[c] = clamp(node[c], 0, SAMPLE_MAX);
    return (0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]) * 219 / 255;
}

/* Between the two neighbours of each node along luma. */
static void fill_slopes(int16_t *nodes, const int16_t *curve) {
    const size_t layer = (size_t)LUT3_SIDE * LUT3_SIDE;
    for (size_t i = 0; i < layer * LUT3_SIDE; i++) {
        size_t y = i / layer, low = y == 0 ? 0 : y - 1, high = y + 1 < LUT3_SIDE ? y + 1 : y;
        double grown = film_luma(nodes + LUT_LANES * (i + (high - y) * layer)) -
                       film_luma(nodes + LUT_LANES * (i - (y - low) * layer));
        double from = (double)(low << LUT3_CELL_BITS), to = (double)(high << LUT3_CELL_BITS);
        if (curve != NULL) {
            from = curve[(size_t)from];
            to = curve[to > SAMPLE_MAX ? SAMPLE_MAX : (size_t)to];
        }
        /* Where the curve is level, luma says nothing. */
        double slope = to - from < RESAMPLE_ONE ? 0 : grown / (to - from);
        nodes[LUT_LANES * i + 3] = (int16_t)(clamp(slope, 0, max_slope) * COLOUR_SLOPE_ONE + 0.5);
    }
}

static void fill_table(struct table *table, const struct space *space,
                       const struct table_source *source) {
    *table = (struct table){.source = *source};
    if (source->layout == PIXELS_GREY || source->layout == PIXELS_YUV)
        table->curve = make_curve(space, source);
    if (source->layout == PIXELS_GREY)
        return;
    table->lut.inputs = source->layout == PIXELS_CMYK ? 4 : 3;
    table->lut.nodes = make_nodes(space, source);
    if (source->layout != PIXELS_YUV)
        return;
    if (is_straight(table->curve, source)) {
        free((void *)table->curve);
        table->curve = NULL;
    }
    fill_slopes((int16_t *)table->lut.nodes, table->curve);
}

struct cached_space {
    uint8_t key[SHA256_SIZE];
    struct space *space; /* NULL: the place is free */
    uint64_t last_use;
    struct table tables[TABLES_PER_SPACE];
    unsigned table_count, oldest_table;
};

struct tables {
    struct cached_space spaces[SPACES];
    uint64_t uses;
};

struct tables *tables_new(void) {
    struct tables *tables = calloc(1, sizeof *tables);
    if (tables == NULL)
        die_out_of_memory();
    return tables;
}

static void clear_table(struct table *table) {
    free((void *)table->lut.nodes);
    free((void *)table->curve);
    *table = (struct table){0};
}

static void clear_space(struct cached_space *cached) {
    for (unsigned i = 0; i < TABLES_PER_SPACE; i++)
        clear_table(&cached->tables[i]);
    space_free(cached->space);
    *cached = (struct cached_space){0};
}

void tables_free(struct tables *tables) {
    if (tables == NULL)
        return;
    for (unsigned i = 0; i < SPACES; i++)
        clear_space(&tables->spaces[i]);
    free(tables);
}

static void key_of(const struct image_colour *colour, uint8_t ret[SHA256_SIZE]) {
    const uint8_t numbers[2] = {colour->primaries, colour->transfer};
    struct digest *digest = digest_new(DIGEST_SHA256);
    digest_add(digest, numbers, sizeof numbers);
    digest_add(digest, colour->profile.ptr, colour->profile.len);
    digest_take(digest, ret);
    digest_free(digest);
}

const struct space *tables_space(struct tables *tables, const struct image_colour *colour) {
    uint8_t key[SHA256_SIZE];
    key_of(colour, key);
    struct cached_space *place = &tables->spaces[0];
    for (unsigned i = 0; i < SPACES; i++) {
        struct cached_space *cached = &tables->spaces[i];
        if (cached->space != NULL && memcmp(cached->key, key, sizeof key) == 0) {
            cached->last_use = ++tables->uses;
            return cached->space;
        }
        if (cached->last_use < place->last_use)
            place = cached;
    }
    clear_space(place);
    memcpy(place->key, key, sizeof key);
    place->space = space_new(colour);
    place->last_use = ++tables->uses;
    return place->space;
}

static bool same_source(const struct table_source *a, const struct table_source *b) {
    return a->layout == b->layout && a->matrix == b->matrix && a->full_range == b->full_range;
}

const struct table *tables_get(struct tables *tables, const struct space *space,
                               const struct pixels *pixels) {
    struct table_source source = {.layout = pixels->layout};
    if (pixels->layout == PIXELS_RGBA)
        source.layout = PIXELS_RGB;
    if (pixels->layout == PIXELS_YUV) {
        source.matrix = pixels->matrix;
        source.full_range = pixels->full_range;
    }
    if (space->kind == SPACE_SRGB || (space->channels == 4) != (source.layout == PIXELS_CMYK))
        return NULL;
    struct cached_space *cached = &tables->spaces[0];
    while (cached->space != space)
        cached++;
    for (unsigned i = 0; i < cached->table_count; i++) {
        if (same_source(&cached->tables[i].source, &source))
            return &cached->tables[i];
    }
    unsigned place = cached->table_count;
    if (place < TABLES_PER_SPACE)
        cached->table_count++;
    else
        place = cached->oldest_table++ % TABLES_PER_SPACE;
    clear_table(&cached->tables[place]);
    fill_table(&cached->tables[place], space, &source);
    return &cached->tables[place];
}
