/*
 * A way for each kind of samples. Pictures of sRGB take a matrix; others the tables of their colour
 * space, on resampled rows.
 *
 * Y'CbCr keeps its small chroma all the way: chroma is converted at its own size, and what luma
 * takes from it (cross terms for a matrix, lines for a table) is interpolated to luma's size.
 * R'G'B' and CMYK are converted at full size and become Y'CbCr then.
 */
#include "media/develop.h"

#include "base/error.h"
#include "media/colour.h"
#include "media/resample.h"
#include "media/rows.h"
#include "media/scratch.h"
#include "media/table.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLE_MAX = 255 * RESAMPLE_ONE };

struct developer {
    struct row_maker *maker;
    struct tables *tables;
    struct scratch cross, lines;
};

/* One picture on its way. */
struct plate {
    struct developer *developer;
    struct pixels *pixels;
    const struct table *table; /* NULL: sRGB */
    const struct placement *place;
    const uint8_t *background;
    struct frame *frame;
};

struct developer *developer_new(void) {
    struct developer *developer = calloc(1, sizeof *developer);
    if (developer == NULL)
        die_out_of_memory();
    developer->maker = row_maker_new();
    developer->tables = tables_new();
    return developer;
}

void developer_free(struct developer *developer) {
    if (developer == NULL)
        return;
    row_maker_free(developer->maker);
    tables_free(developer->tables);
    scratch_clear(&developer->cross);
    scratch_clear(&developer->lines);
    free(developer);
}

const struct space *developer_space(struct developer *developer,
                                    const struct image_colour *colour) {
    return tables_space(developer->tables, colour);
}

static struct rows open_rows(const struct plate *plate, unsigned plane) {
    return rows_open(plate->developer->maker, plate->pixels, plate->place, plane);
}

/* The frame's rows where the picture goes. */
static uint8_t *target_row(const struct plate *plate, unsigned plane, unsigned y) {
    const struct frame *frame = plate->frame;
    unsigned shift = plane > 0 ? 1 : 0;
    return frame->planes[plane] + ((plate->place->y >> shift) + y) * frame->strides[plane] +
           (plate->place->x >> shift);
}

/* Chroma of all rows, leaving its cross terms; returns them. */
static const int16_t *develop_chroma(const struct plate *plate, const struct colour_matrix *matrix,
                                     size_t stride) {
    unsigned width = plate->place->target_width / 2, height = plate->place->target_height / 2;
    int16_t *cross = scratch_need(&plate->developer->cross, (height + 1) * stride * sizeof *cross);
    struct rows cb = open_rows(plate, 1), cr = open_rows(plate, 2);
    for (unsigned y = 0; y < height; y++)
        colour_chroma_row(matrix, rows_get(&cb, y), rows_get(&cr, y), width,
                          target_row(plate, 1, y), target_row(plate, 2, y), cross + y * stride);
    return cross;
}

static void develop_yuv(const struct plate *plate) {
    unsigned width = plate->place->target_width, height = plate->place->target_height;
    size_t stride = ((size_t)width / 2 + 31) / 32 * 32;
    struct colour_matrix matrix =
        colour_matrix_to_film(plate->pixels->matrix, plate->pixels->full_range);
    const int16_t *cross = develop_chroma(plate, &matrix, stride);
    int16_t row[SETTINGS_MAX_SIDE];
    struct rows luma = open_rows(plate, 0);
    for (unsigned y = 0; y < height; y++) {
        unsigned near = y / 2;
        unsigned far =
            y % 2 == 0 ? (near == 0 ? 0 : near - 1) : (near + 1 == height / 2 ? near : near + 1);
        colour_cross_row(cross + near * stride, cross + far * stride, width, row);
        colour_luma_row(&matrix, rows_get(&luma, y), row, width, target_row(plate, 0, y));
    }
}

/* Buffers of Y'CbCr by a table, each a row. */
struct line_rows {
    int16_t *offsets[2], *slopes[2]; /* of chroma rows, by y % 2 */
    int16_t *rgb[3];
    int16_t *site, *curved, *offset, *slope;
};

static struct line_rows take_line_rows(struct scratch *scratch, unsigned width) {
    enum { COUNT = 11 };
    size_t stride = ((size_t)width + RESAMPLE_PADDING + 31) / 32 * 32;
    int16_t *memory = scratch_need(scratch, COUNT * stride * sizeof *memory);
    int16_t *rows[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        rows[i] = memory + i * stride;
    return (struct line_rows){
        .offsets = {rows[0], rows[1]},
        .slopes = {rows[2], rows[3]},
        .rgb = {rows[4], rows[5], rows[6]},
        .site = rows[7],
        .curved = rows[8],
        .offset = rows[9],
        .slope = rows[10],
    };
}

/* Chroma row `y` from the rows of the picture there, leaving its lines. */
static void develop_site(const struct plate *plate, const struct line_rows *rows,
                         const int16_t *const luma[2], const int16_t *const chroma[2], unsigned y) {
    const struct table *table = plate->table;
    unsigned width = plate->place->target_width;
    int16_t *const looked_up[LUT_LANES] = {rows->rgb[0], rows->rgb[1], rows->rgb[2],
                                           rows->slopes[y % 2]};
    uint8_t *const targets[2] = {target_row(plate, 1, y), target_row(plate, 2, y)};
    colour_site_luma_row(luma[0], luma[1], width, rows->site);
    const int16_t *const inputs[3] = {rows->site, chroma[0], chroma[1]};
    lut_row(&table->lut, inputs, width / 2, looked_up);
    if (table->curve != NULL)
        lut_curve_row(table->curve, rows->site, width / 2, rows->site);
    colour_site_row((const int16_t *const *)rows->rgb, rows->site, rows->slopes[y % 2], width / 2,
                    targets, rows->offsets[y % 2]);
}

/* Luma row `y`, between the chroma rows `near` and `far`. */
static void develop_lines(const struct plate *plate, const struct line_rows *rows,
                          const int16_t *luma, unsigned y, unsigned far) {
    unsigned near = y / 2, width = plate->place->target_width;
    colour_cross_row(rows->offsets[near % 2], rows->offsets[far % 2], width, rows->offset);
    colour_cross_row(rows->slopes[near % 2], rows->slopes[far % 2], width, rows->slope);
    if (plate->table->curve != NULL) {
        lut_curve_row(plate->table->curve, luma, width, rows->curved);
        luma = rows->curved;
    }
    colour_line_row(luma, rows->offset, rows->slope, width, target_row(plate, 0, y));
}

/* A luma row waits for the chroma rows on both of its sides. */
static void develop_yuv_by_table(const struct plate *plate) {
    unsigned count = plate->place->target_height / 2;
    struct line_rows lines = take_line_rows(&plate->developer->lines, plate->place->target_width);
    struct rows planes[3] = {open_rows(plate, 0), open_rows(plate, 1), open_rows(plate, 2)};
    const int16_t *waiting = NULL;
    for (unsigned y = 0; y < count; y++) {
        const int16_t *luma[2] = {rows_get(&planes[0], 2 * y), rows_get(&planes[0], 2 * y + 1)};
        const int16_t *chroma[2] = {rows_get(&planes[1], y), rows_get(&planes[2], y)};
        develop_site(plate, &lines, luma, chroma, y);
        if (waiting != NULL)
            develop_lines(plate, &lines, waiting, 2 * y - 1, y);
        develop_lines(plate, &lines, luma[0], 2 * y, y == 0 ? 0 : y - 1);
        waiting = luma[1];
    }
    develop_lines(plate, &lines, waiting, 2 * count - 1, count - 1);
}

static void develop_grey(const struct plate *plate) {
    unsigned width = plate->place->target_width;
    int16_t row[SETTINGS_MAX_SIDE];
    struct rows luma = open_rows(plate, 0);
    for (unsigned y = 0; y < plate->place->target_height; y++) {
        const int16_t *grey = rows_get(&luma, y);
        if (plate->table != NULL) {
            lut_curve_row(plate->table->curve, grey, width, row);
            grey = row;
        }
        colour_luma_row(&colour_jpeg_to_film, grey, NULL, width, target_row(plate, 0, y));
    }
    for (unsigned y = 0; y < plate->place->target_height / 2; y++) {
        memset(target_row(plate, 1, y), 128, width / 2);
        memset(target_row(plate, 2, y), 128, width / 2);
    }
}

static int32_t limit(int32_t value, int32_t high) {
    return value < 0 ? 0 : value > high ? high : value;
}

/* Colours as they are from what resampling made of alpha and of colours multiplied by it. At edges
 * alpha overshoots as the colours do: it is cut to its range afterwards. */
static void separate_alpha(unsigned width, const int16_t *const in[4], int16_t *const ret[4]) {
    for (unsigned x = 0; x < width; x++) {
        int32_t alpha = in[3][x];
        for (unsigned c = 0; c < 3; c++) {
            int32_t value = alpha <= 0 ? 0 : (in[c][x] * SAMPLE_MAX + alpha / 2) / alpha;
            ret[c][x] = (int16_t)limit(value, SAMPLE_MAX);
        }
        ret[3][x] = (int16_t)limit(alpha, SAMPLE_MAX);
    }
}

/* R'G'B' of sRGB over the background. */
static void put_over(const struct plate *plate, const int16_t *alpha, int16_t *const rgb[3]) {
    for (unsigned c = 0; c < 3; c++) {
        int32_t background = plate->background[c] * RESAMPLE_ONE;
        for (unsigned x = 0; x < plate->place->target_width; x++) {
            int32_t sum = rgb[c][x] * alpha[x] + background * (SAMPLE_MAX - alpha[x]);
            rgb[c][x] = (int16_t)((sum + SAMPLE_MAX / 2) / SAMPLE_MAX);
        }
    }
}

/* One row of R'G'B', R'G'B'A or CMYK to R'G'B' of sRGB; `memory` has room for four rows. Returns
 * the rows of the picture where there is nothing to do. */
static void convert_row(const struct plate *plate, const int16_t *const in[4],
                        int16_t *const memory[4], const int16_t *ret[3]) {
    unsigned width = plate->place->target_width;
    bool has_alpha = plate->pixels->layout == PIXELS_RGBA;
    const int16_t *const *colours = in;
    for (unsigned c = 0; c < 3; c++)
        ret[c] = in[c];
    if (plate->table == NULL && plate->pixels->layout == PIXELS_RGB)
        return;
    if (has_alpha) {
        separate_alpha(width, in, memory);
        colours = (const int16_t *const *)memory;
    }
    int16_t *const rgb[LUT_LANES] = {memory[0], memory[1], memory[2], NULL};
    if (plate->table != NULL)
        lut_row(&plate->table->lut, colours, width, rgb);
    else if (plate->pixels->layout == PIXELS_CMYK)
        colour_cmyk_row(in, width, rgb);
    if (has_alpha)
        put_over(plate, memory[3], rgb);
    for (unsigned c = 0; c < 3; c++)
        ret[c] = memory[c];
}

static void develop_rgb(const struct plate *plate) {
    unsigned width = plate->place->target_width, count = 3;
    if (plate->pixels->layout == PIXELS_RGBA || plate->pixels->layout == PIXELS_CMYK)
        count = 4;
    struct rows planes[4];
    for (unsigned i = 0; i < count; i++)
        planes[i] = open_rows(plate, i);
    size_t stride = ((size_t)width + RESAMPLE_PADDING + 31) / 32 * 32;
    int16_t *memory = scratch_need(&plate->developer->lines, 8 * stride * sizeof *memory);
    for (unsigned y = 0; y < plate->place->target_height; y += 2) {
        const int16_t *rgb[2][3];
        for (unsigned k = 0; k < 2; k++) {
            const int16_t *rows[4] = {NULL};
            int16_t *own[4];
            for (unsigned i = 0; i < 4; i++)
                own[i] = memory + (4 * k + i) * stride;
            for (unsigned i = 0; i < count; i++)
                rows[i] = rows_get(&planes[i], y + k);
            convert_row(plate, rows, own, rgb[k]);
            colour_rgb_luma_row(rgb[k], width, target_row(plate, 0, y + k));
        }
        colour_rgb_chroma_row(rgb[0], rgb[1], width, target_row(plate, 1, y / 2),
                              target_row(plate, 2, y / 2));
    }
}

/* Transparent pixels show the background; done before resampling, where colours of invisible pixels
 * must not count any more. */
static void flatten(struct pixels *pixels, const uint8_t background[3]) {
    for (unsigned y = 0; y < pixels->height; y++) {
        const uint8_t *alpha = pixels->planes[3] + y * pixels->strides[3];
        for (unsigned c = 0; c < 3; c++) {
            uint8_t *row = pixels->planes[c] + y * pixels->strides[c];
            for (unsigned x = 0; x < pixels->width; x++) {
                unsigned opaque = pixels->premultiplied ? row[x] * 255u : row[x] * alpha[x];
                unsigned value = (opaque + background[c] * (255u - alpha[x]) + 127) / 255;
                row[x] = (uint8_t)(value > 255 ? 255 : value);
            }
        }
    }
    pixels->layout = PIXELS_RGB;
}

static void premultiply_row(const struct pixels *pixels, unsigned plane, unsigned y) {
    uint8_t *row = pixels->planes[plane] + y * pixels->strides[plane];
    const uint8_t *alpha = pixels->planes[3] + y * pixels->strides[3];
    if (pixels->depth == 8) {
        for (unsigned x = 0; x < pixels->width; x++)
            row[x] = (uint8_t)((row[x] * alpha[x] + 127) / 255);
        return;
    }
    uint16_t *deep = (uint16_t *)(void *)row;
    const uint16_t *deep_alpha = (const uint16_t *)(const void *)alpha;
    for (unsigned x = 0; x < pixels->width; x++)
        deep[x] = (uint16_t)(((uint32_t)deep[x] * deep_alpha[x] + 32767) / 65535);
}

/* As flatten, where the background's colour space is another one: it waits until the picture's
 * colours are the film's. */
static void premultiply(struct pixels *pixels) {
    for (unsigned y = 0; y < pixels->height && !pixels->premultiplied; y++) {
        for (unsigned plane = 0; plane < 3; plane++)
            premultiply_row(pixels, plane, y);
    }
    pixels->premultiplied = true;
}

static const char *warning_of(const struct plate *plate, const struct space *space) {
    bool is_cmyk = plate->pixels->layout == PIXELS_CMYK;
    if (plate->table != NULL)
        return NULL;
    if (is_cmyk)
        return space->channels == 4 || space->name[0] == '\0'
                   ? "CMYK without a profile: shown as ideal inks"
                   : "CMYK with a profile that is not for CMYK: shown as ideal inks";
    return space->channels == 4
               ? "the colour profile is for CMYK, the picture is not: shown as sRGB"
               : NULL;
}

const char *developer_run(struct developer *developer, struct pixels *pixels,
                          const struct space *space, const struct placement *place,
                          const uint8_t background[3], struct frame *frame) {
    struct plate plate = {developer, pixels,     tables_get(developer->tables, space, pixels),
                          place,     background, frame};
    if (pixels->layout == PIXELS_RGBA && plate.table == NULL && pixels->depth == 8)
        flatten(pixels, background);
    else if (pixels->layout == PIXELS_RGBA)
        premultiply(pixels);
    if (pixels->layout == PIXELS_YUV && plate.table != NULL)
        develop_yuv_by_table(&plate);
    else if (pixels->layout == PIXELS_YUV)
        develop_yuv(&plate);
    else if (pixels->layout == PIXELS_GREY)
        develop_grey(&plate);
    else
        develop_rgb(&plate);
    return warning_of(&plate, space);
}
