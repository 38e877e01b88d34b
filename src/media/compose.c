/*
 * Decode, then row by row: resample, convert colours, place. Chroma comes first, since luma takes
 * its cross terms from it. A row is resampled when it is asked for and stays in the cache; only
 * orientations that swap the sides need whole resampled planes between, at the target's size.
 *
 * A later version that applies colour profiles does so on these rows: at the target's size, in
 * place of the matrix.
 */
#include "media/compose.h"

#include "base/os.h"
#include "media/blur.h"
#include "media/colour.h"
#include "media/decode.h"
#include "media/place.h"
#include "media/profile.h"
#include "media/resample.h"
#include "media/scratch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILTER_CACHE_SIZE = 16, /* two sides, luma and chroma, of four kinds of pictures */
    MAX_WARNINGS = PIXELS_MAX_WARNINGS + 2,
    /* Rows that are turned at a time: a cache line of 16-bit samples. */
    TRANSPOSE_ROWS = 32,
};

/* One plane, upright and at the target's size. */
struct row_source {
    struct resampler resampler;
    const int16_t *turned; /* the whole plane where sides are swapped, else NULL */
    size_t turned_stride;
    int16_t *rows[2]; /* a row stays good until the next but one is asked for */
};

struct plane_memory {
    struct scratch middle, rows, band, turned;
};

struct cached_filter {
    struct filter *filter; /* NULL: the place is free */
    uint64_t last_use;
};

struct composer {
    struct compose_target target;
    uint8_t background[3]; /* Y', Cb, Cr */
    struct blur *blur;     /* of FIT_BLUR, else NULL */
    struct decoder *decoder;
    const struct resample_kernels *kernels;
    struct cached_filter filters[FILTER_CACHE_SIZE];
    uint64_t uses; /* of filters, so far */
    struct plane_memory memory[3];
    struct scratch cross;
};

struct composer *composer_new(const struct compose_target *target) {
    assert(target->width <= SETTINGS_MAX_SIDE && target->height <= SETTINGS_MAX_SIDE);
    struct composer *composer = calloc(1, sizeof *composer);
    if (composer == NULL)
        die_out_of_memory();
    composer->target = *target;
    colour_of_rgb(target->background, composer->background);
    if (target->fit == FIT_BLUR)
        composer->blur = blur_new(target->width, target->height);
    composer->decoder = decoder_new();
    composer->kernels = resample_kernels_best();
    return composer;
}

void composer_free(struct composer *composer) {
    if (composer == NULL)
        return;
    decoder_free(composer->decoder);
    blur_free(composer->blur);
    for (size_t i = 0; i < FILTER_CACHE_SIZE; i++)
        filter_free(composer->filters[i].filter);
    for (size_t i = 0; i < 3; i++) {
        scratch_clear(&composer->memory[i].middle);
        scratch_clear(&composer->memory[i].rows);
        scratch_clear(&composer->memory[i].band);
        scratch_clear(&composer->memory[i].turned);
    }
    scratch_clear(&composer->cross);
    free(composer);
}

static bool same_spec(const struct filter_spec *a, const struct filter_spec *b) {
    return a->source_size == b->source_size && a->target_size == b->target_size &&
           a->origin == b->origin && a->step == b->step && a->mirrored == b->mirrored &&
           a->source_length == b->source_length;
}

/* From the cache, or made and kept in place of the one that was not used for longest. A picture
 * uses four at most, so none of its own is replaced. */
static const struct filter *get_filter(struct composer *composer, const struct filter_spec *spec,
                                       enum filter_axis axis) {
    struct cached_filter *place = &composer->filters[0];
    for (size_t i = 0; i < FILTER_CACHE_SIZE; i++) {
        struct cached_filter *cached = &composer->filters[i];
        const struct filter *filter = cached->filter;
        if (filter != NULL && filter->axis == axis && same_spec(&filter->spec, spec)) {
            cached->last_use = ++composer->uses;
            return filter;
        }
        if (cached->last_use < place->last_use)
            place = cached;
    }
    filter_free(place->filter);
    place->filter = filter_new(spec, axis);
    place->last_use = ++composer->uses;
    return place->filter;
}

/* `scale`: full-size samples per sample of the plane. */
static const struct filter *side_filter(struct composer *composer, const struct side *side,
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
    return get_filter(composer, &spec, axis);
}

/* Resamples the whole plane, a band of rows at a time, into columns. */
static void turn_plane(struct row_source *source, struct plane_memory *memory) {
    unsigned width = source->resampler.horizontal->spec.target_size;
    unsigned height = source->resampler.vertical->spec.target_size;
    size_t stride = width + RESAMPLE_PADDING;
    size_t turned_stride = ((size_t)height + 31) / 32 * 32 + 32;
    int16_t *band = scratch_need(&memory->band, TRANSPOSE_ROWS * stride * sizeof *band);
    int16_t *turned = scratch_need(&memory->turned, width * turned_stride * sizeof *turned);
    for (unsigned y = 0; y < height; y += TRANSPOSE_ROWS) {
        unsigned rows = height - y < TRANSPOSE_ROWS ? height - y : TRANSPOSE_ROWS;
        for (unsigned i = 0; i < rows; i++)
            resampler_row(&source->resampler, y + i, band + i * stride);
        resample_transpose(band, stride, width, rows, turned + y, turned_stride);
    }
    source->turned = turned;
    source->turned_stride = turned_stride;
}

static struct row_source open_plane(struct composer *composer, const struct pixels *pixels,
                                    const struct placement *place, unsigned plane) {
    bool is_chroma = pixels->layout == PIXELS_YUV && plane > 0;
    struct plane_memory *memory = &composer->memory[plane];
    struct side x = place_side(place, !place->swaps_sides, is_chroma);
    struct side y = place_side(place, place->swaps_sides, is_chroma);
    unsigned width = pixels_plane_width(pixels, plane);
    unsigned scale_x = pixels->scale_denominator << (is_chroma ? pixels->chroma_shift_x : 0);
    unsigned scale_y = pixels->scale_denominator << (is_chroma ? pixels->chroma_shift_y : 0);
    struct row_source source = {
        .resampler =
            {
                .kernels = composer->kernels,
                .horizontal =
                    side_filter(composer, &x, width, scale_x, place->mirrors_x, FILTER_HORIZONTAL),
                .vertical = side_filter(composer, &y, pixels_plane_height(pixels, plane), scale_y,
                                        place->mirrors_y, FILTER_VERTICAL),
                .source = pixels->planes[plane],
                .stride = pixels->strides[plane],
                .middle =
                    scratch_need(&memory->middle, (width + 2 * RESAMPLE_PADDING) * sizeof(int16_t)),
            },
    };
    size_t row = (size_t)x.target + 2 * RESAMPLE_PADDING;
    int16_t *rows = scratch_need(&memory->rows, 2 * row * sizeof *rows);
    source.rows[0] = rows;
    source.rows[1] = rows + row;
    if (place->swaps_sides)
        turn_plane(&source, memory);
    return source;
}

static const int16_t *get_row(const struct row_source *source, unsigned y) {
    if (source->turned != NULL)
        return source->turned + y * source->turned_stride;
    resampler_row(&source->resampler, y, source->rows[y % 2]);
    return source->rows[y % 2];
}

/* The frame's rows where the picture goes. */
static uint8_t *target_row(const struct frame *frame, const struct placement *place, unsigned plane,
                           unsigned y) {
    unsigned shift = plane > 0 ? 1 : 0;
    return frame->planes[plane] + ((place->y >> shift) + y) * frame->strides[plane] +
           (place->x >> shift);
}

/* Chroma of all rows, leaving its cross terms; returns them. */
static const int16_t *compose_chroma(struct composer *composer, const struct pixels *pixels,
                                     const struct placement *place, struct frame *frame,
                                     size_t stride) {
    unsigned width = place->target_width / 2, height = place->target_height / 2;
    int16_t *cross = scratch_need(&composer->cross, (height + 1) * stride * sizeof *cross);
    struct row_source cb = open_plane(composer, pixels, place, 1);
    struct row_source cr = open_plane(composer, pixels, place, 2);
    for (unsigned y = 0; y < height; y++)
        colour_chroma_row(&colour_jpeg_to_film, get_row(&cb, y), get_row(&cr, y), width,
                          target_row(frame, place, 1, y), target_row(frame, place, 2, y),
                          cross + y * stride);
    return cross;
}

static void compose_yuv(struct composer *composer, const struct pixels *pixels,
                        const struct placement *place, struct frame *frame) {
    unsigned width = place->target_width, height = place->target_height;
    size_t stride = ((size_t)width / 2 + 31) / 32 * 32;
    const int16_t *cross = compose_chroma(composer, pixels, place, frame, stride);
    int16_t row[SETTINGS_MAX_SIDE];
    struct row_source luma = open_plane(composer, pixels, place, 0);
    for (unsigned y = 0; y < height; y++) {
        unsigned near = y / 2;
        unsigned far =
            y % 2 == 0 ? (near == 0 ? 0 : near - 1) : (near + 1 == height / 2 ? near : near + 1);
        colour_cross_row(cross + near * stride, cross + far * stride, width, row);
        colour_luma_row(&colour_jpeg_to_film, get_row(&luma, y), row, width,
                        target_row(frame, place, 0, y));
    }
}

static void compose_grey(struct composer *composer, const struct pixels *pixels,
                         const struct placement *place, struct frame *frame) {
    struct row_source luma = open_plane(composer, pixels, place, 0);
    for (unsigned y = 0; y < place->target_height; y++)
        colour_luma_row(&colour_jpeg_to_film, get_row(&luma, y), NULL, place->target_width,
                        target_row(frame, place, 0, y));
    for (unsigned y = 0; y < place->target_height / 2; y++) {
        memset(target_row(frame, place, 1, y), 128, place->target_width / 2);
        memset(target_row(frame, place, 2, y), 128, place->target_width / 2);
    }
}

static void compose_rgb(struct composer *composer, const struct pixels *pixels,
                        const struct placement *place, struct frame *frame) {
    struct row_source sources[3];
    for (unsigned i = 0; i < 3; i++)
        sources[i] = open_plane(composer, pixels, place, i);
    for (unsigned y = 0; y < place->target_height; y += 2) {
        const int16_t *rows[2][3];
        for (unsigned i = 0; i < 3; i++) {
            rows[0][i] = get_row(&sources[i], y);
            rows[1][i] = get_row(&sources[i], y + 1);
        }
        colour_rgb_luma_row(rows[0], place->target_width, target_row(frame, place, 0, y));
        colour_rgb_luma_row(rows[1], place->target_width, target_row(frame, place, 0, y + 1));
        colour_rgb_chroma_row(rows[0], rows[1], place->target_width,
                              target_row(frame, place, 1, y / 2),
                              target_row(frame, place, 2, y / 2));
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

static void fill_rectangle(struct frame *frame, unsigned plane, unsigned x, unsigned y,
                           unsigned width, unsigned height, uint8_t value) {
    for (unsigned i = 0; i < height && width > 0; i++)
        memset(frame->planes[plane] + (y + i) * frame->strides[plane] + x, value, width);
}

/* Everything but the picture. */
static void fill_margins(const struct composer *composer, const struct placement *place,
                         struct frame *frame) {
    for (unsigned plane = 0; plane < 3; plane++) {
        unsigned shift = plane > 0 ? 1 : 0;
        unsigned width = frame->width >> shift, height = frame->height >> shift;
        unsigned left = place->x >> shift, top = place->y >> shift;
        unsigned right = left + (place->target_width >> shift);
        unsigned bottom = top + (place->target_height >> shift);
        uint8_t value = composer->background[plane];
        fill_rectangle(frame, plane, 0, 0, width, top, value);
        fill_rectangle(frame, plane, 0, bottom, width, height - bottom, value);
        fill_rectangle(frame, plane, 0, top, left, bottom - top, value);
        fill_rectangle(frame, plane, right, top, width - right, bottom - top, value);
    }
}

static const char *describe_scaling(struct arena *arena, const struct pixels *pixels,
                                    const struct placement *place) {
    unsigned width = place->swaps_sides ? pixels->height : pixels->width;
    unsigned height = place->swaps_sides ? pixels->width : pixels->height;
    const char *codec = "";
    if (pixels->scale_denominator > 1)
        codec = arena_printf(arena, "jpeg %u/8", 8 / pixels->scale_denominator);
    if (width == place->target_width && height == place->target_height)
        return codec[0] == '\0' ? "none" : codec;
    bool is_cropped = place->crop_width < place->width || place->crop_height < place->height;
    return arena_printf(arena, "%s%slanczos3 %ux%u%s", codec, codec[0] == '\0' ? "" : ", ",
                        place->target_width, place->target_height, is_cropped ? ", cropped" : "");
}

static void add_warning(struct receipt *receipt, const char **warnings, const char *text) {
    if (text == NULL || receipt->warning_count == MAX_WARNINGS)
        return;
    warnings[receipt->warning_count++] = text;
    receipt->warnings = warnings;
}

/* Fills what the header says; the warnings have room for more. */
static void describe_header(struct arena *arena, struct str image,
                            const struct image_header *header, const char **warnings,
                            struct receipt *receipt) {
    receipt->format = image_format_name(header->format);
    receipt->bytes = image.len;
    receipt->width = header->width;
    receipt->height = header->height;
    receipt->orientation = header->orientation;
    receipt->captured = header->captured;
    if (profile_differs(arena, header->colour.profile, &receipt->profile))
        add_warning(receipt, warnings,
                    arena_printf(arena, "profile '%s' was not applied", receipt->profile));
    add_warning(receipt, warnings, header->warning);
}

static void start_receipt(struct str image, struct receipt *ret) {
    enum image_format format = image_format_of(image);
    *ret = (struct receipt){
        .name = ret->name,
        .format = format == IMAGE_UNKNOWN ? NULL : image_format_name(format),
        .bytes = image.len,
        .orientation = 1,
    };
}

static void compose(struct composer *composer, struct pixels *pixels, const struct placement *place,
                    struct frame *frame) {
    if (pixels->layout == PIXELS_RGBA)
        flatten(pixels, composer->target.background);
    if (pixels->layout == PIXELS_YUV)
        compose_yuv(composer, pixels, place, frame);
    else if (pixels->layout == PIXELS_GREY)
        compose_grey(composer, pixels, place, frame);
    else
        compose_rgb(composer, pixels, place, frame);
    if (composer->blur != NULL)
        blur_margins(composer->blur, place, frame);
    else
        fill_margins(composer, place, frame);
}

bool composer_run(struct composer *composer, struct arena *arena, struct str image, unsigned rotate,
                  struct frame *frame, struct receipt *ret_receipt, struct error *err) {
    int64_t started_ms = clock_monotonic_ms();
    const char **warnings = arena_array(arena, MAX_WARNINGS, sizeof *warnings);
    struct image_header header;
    struct pixels pixels;
    start_receipt(image, ret_receipt);
    bool is_good = image_read_header(arena, image, &header, err);
    if (is_good) {
        describe_header(arena, image, &header, warnings, ret_receipt);
        header.orientation = place_rotate(header.orientation, rotate);
        struct placement place = place_picture(&composer->target, &header);
        unsigned wanted_width, wanted_height;
        place_wanted_size(&place, &wanted_width, &wanted_height);
        is_good = decoder_run(composer->decoder, arena, image, &header, wanted_width, wanted_height,
                              &pixels, err);
        if (is_good) {
            compose(composer, &pixels, &place, frame);
            for (unsigned i = 0; i < pixels.warning_count; i++)
                add_warning(ret_receipt, warnings, pixels.warnings[i]);
            ret_receipt->scaling = describe_scaling(arena, &pixels, &place);
        }
    }
    if (!is_good)
        ret_receipt->refused = arena_strdup(arena, err->text);
    ret_receipt->decode_ms = (unsigned)(clock_monotonic_ms() - started_ms);
    return is_good;
}

void compose_probe(struct arena *arena, struct str image, struct receipt *ret, unsigned *ret_width,
                   unsigned *ret_height) {
    struct error err;
    struct image_header header;
    start_receipt(image, ret);
    *ret_width = *ret_height = 0;
    if (!image_read_header(arena, image, &header, &err)) {
        ret->refused = arena_strdup(arena, err.text);
        return;
    }
    const char **warnings = arena_array(arena, MAX_WARNINGS, sizeof *warnings);
    describe_header(arena, image, &header, warnings, ret);
    bool swaps_sides = header.orientation >= 5;
    *ret_width = swaps_sides ? header.height : header.width;
    *ret_height = swaps_sides ? header.width : header.height;
}
