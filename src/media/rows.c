/*
 * Filters depend on sizes only, and most pictures of a job have the same: they are kept. Buffers
 * are kept as well, since fresh memory costs more than the work that is done in it.
 */
#include "media/rows.h"

#include "base/error.h"
#include "media/scratch.h"

#include <stdlib.h>

enum {
    FILTER_CACHE_SIZE = 16, /* two sides, luma and chroma, of four kinds of pictures */
    /* Rows that are turned at a time: a cache line of 16-bit samples. */
    TRANSPOSE_ROWS = 32,
};

struct plane_memory {
    struct scratch middle, rows, band, turned;
};

struct cached_filter {
    struct filter *filter; /* NULL: the place is free */
    uint64_t last_use;
};

struct row_maker {
    const struct resample_kernels *kernels;
    struct cached_filter filters[FILTER_CACHE_SIZE];
    uint64_t uses; /* of filters, so far */
    struct plane_memory memory[ROWS_MAX_PLANES];
};

struct row_maker *row_maker_new(void) {
    struct row_maker *maker = calloc(1, sizeof *maker);
    if (maker == NULL)
        die_out_of_memory();
    maker->kernels = resample_kernels_best();
    return maker;
}

void row_maker_free(struct row_maker *maker) {
    if (maker == NULL)
        return;
    for (size_t i = 0; i < FILTER_CACHE_SIZE; i++)
        filter_free(maker->filters[i].filter);
    for (size_t i = 0; i < ROWS_MAX_PLANES; i++) {
        scratch_clear(&maker->memory[i].middle);
        scratch_clear(&maker->memory[i].rows);
        scratch_clear(&maker->memory[i].band);
        scratch_clear(&maker->memory[i].turned);
    }
    free(maker);
}

static bool same_spec(const struct filter_spec *a, const struct filter_spec *b) {
    return a->source_size == b->source_size && a->target_size == b->target_size &&
           a->origin == b->origin && a->step == b->step && a->mirrored == b->mirrored &&
           a->source_length == b->source_length;
}

/* From the cache, or made and kept in place of the one that was not used for longest. A picture
 * uses four at most, so none of its own is replaced. */
static const struct filter *get_filter(struct row_maker *maker, const struct filter_spec *spec,
                                       enum filter_axis axis) {
    struct cached_filter *place = &maker->filters[0];
    for (size_t i = 0; i < FILTER_CACHE_SIZE; i++) {
        struct cached_filter *cached = &maker->filters[i];
        const struct filter *filter = cached->filter;
        if (filter != NULL && filter->axis == axis && same_spec(&filter->spec, spec)) {
            cached->last_use = ++maker->uses;
            return filter;
        }
        if (cached->last_use < place->last_use)
            place = cached;
    }
    filter_free(place->filter);
    place->filter = filter_new(spec, axis);
    place->last_use = ++maker->uses;
    return place->filter;
}

/* `scale`: full-size samples per sample of the plane. */
static const struct filter *side_filter(struct row_maker *maker, const struct side *side,
                                        unsigned source_size, unsigned scale, bool mirrored,
                                        enum filter_axis axis) {
    double step = side->crop_length / side->target;
    struct filter_spec spec = {
        .source_size = source_size,
        .target_size = side->target,
        .origin = (side->crop + side->phase * step) / scale,
        .step = step / scale,
        .mirrored = mirrored,
        .source_length = side->length / scale,
    };
    return get_filter(maker, &spec, axis);
}

/* Resamples the whole plane, a band of rows at a time, into columns. */
static void turn_plane(struct rows *rows, struct plane_memory *memory) {
    unsigned width = rows->resampler.horizontal->spec.target_size;
    unsigned height = rows->resampler.vertical->spec.target_size;
    size_t stride = width + RESAMPLE_PADDING;
    size_t turned_stride = ((size_t)height + 31) / 32 * 32 + 32;
    int16_t *band = scratch_need(&memory->band, TRANSPOSE_ROWS * stride * sizeof *band);
    int16_t *turned = scratch_need(&memory->turned, width * turned_stride * sizeof *turned);
    for (unsigned y = 0; y < height; y += TRANSPOSE_ROWS) {
        unsigned count = height - y < TRANSPOSE_ROWS ? height - y : TRANSPOSE_ROWS;
        for (unsigned i = 0; i < count; i++)
            resampler_row(&rows->resampler, y + i, band + i * stride);
        resample_transpose(band, stride, width, count, turned + y, turned_stride);
    }
    rows->turned = turned;
    rows->turned_stride = turned_stride;
}

struct rows rows_open(struct row_maker *maker, const struct pixels *pixels,
                      const struct placement *place, unsigned plane) {
    bool is_chroma = pixels->layout == PIXELS_YUV && plane > 0;
    struct plane_memory *memory = &maker->memory[plane];
    struct side x = place_side(place, !place->swaps_sides, is_chroma);
    struct side y = place_side(place, place->swaps_sides, is_chroma);
    unsigned width = pixels_plane_width(pixels, plane);
    unsigned scale_x = pixels->scale_denominator << (is_chroma ? pixels->chroma_shift_x : 0);
    unsigned scale_y = pixels->scale_denominator << (is_chroma ? pixels->chroma_shift_y : 0);
    struct rows rows = {
        .resampler =
            {
                .kernels = maker->kernels,
                .horizontal =
                    side_filter(maker, &x, width, scale_x, place->mirrors_x, FILTER_HORIZONTAL),
                .vertical = side_filter(maker, &y, pixels_plane_height(pixels, plane), scale_y,
                                        place->mirrors_y, FILTER_VERTICAL),
                .source = pixels->planes[plane],
                .stride = pixels->strides[plane],
                .depth = pixels->depth,
                .middle =
                    scratch_need(&memory->middle, (width + 2 * RESAMPLE_PADDING) * sizeof(int16_t)),
            },
    };
    size_t row = (size_t)x.target + 2 * RESAMPLE_PADDING;
    int16_t *kept = scratch_need(&memory->rows, ROWS_KEPT * row * sizeof *kept);
    for (unsigned i = 0; i < ROWS_KEPT; i++)
        rows.kept[i] = kept + i * row;
    if (place->swaps_sides)
        turn_plane(&rows, memory);
    return rows;
}

const int16_t *rows_get(const struct rows *rows, unsigned y) {
    if (rows->turned != NULL)
        return rows->turned + y * rows->turned_stride;
    resampler_row(&rows->resampler, y, rows->kept[y % ROWS_KEPT]);
    return rows->kept[y % ROWS_KEPT];
}
