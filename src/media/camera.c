/*
 * The way of a view is a straight line in zoom and in the place of the canvas's corner on the
 * screen. Then every point of the picture crosses the screen in a straight line at constant speed:
 * on the screen it is at place * zoom - corner.
 *
 * Each frame has filters of its own, since its samples fall on places of their own; rounding those
 * places to a table of phases would let slow movement proceed in small steps. What is tabulated is
 * the kernel: a weight is an interpolated look-up, so that all filters of a frame cost a tenth of
 * what filtering does.
 *
 * Lanczos weights are exact at whole and half samples only: between, a slow pan would sway. They
 * are corrected so that their centre of gravity is where the sample is.
 *
 * Views never shrink by more than 4/3, so eight taps hold the widened kernel of three lobes.
 */
#include "media/camera.h"

#include "base/error.h"
#include "media/resample.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    TAPS = 8,
    TAPS_BEFORE = 3, /* the centre lies between the taps 3 and 4 */
    ZOOM_BITS = 31,
    POSITION_BITS = 24, /* of distances between samples */
    POSITION_ONE = 1 << POSITION_BITS,
    KERNEL_BITS = 11, /* entries a sample; linear between them is good to 2^-20 */
    KERNEL_STEP_BITS = POSITION_BITS - KERNEL_BITS,
    KERNEL_ONE = 1 << 24,
    KERNEL_SIZE = ((TAPS - TAPS_BEFORE - 1) << KERNEL_BITS) + 2,
};

enum { LUMA, CHROMA };

struct camera {
    unsigned width, height;
    unsigned canvas_width, canvas_height;
    struct view view; /* that the filters are for; share 0: none yet */
    struct filter *horizontal[2], *vertical[2];
    int32_t kernel[KERNEL_SIZE];
    int16_t *middle, *row;
};

void camera_canvas_size(unsigned width, unsigned height, unsigned *ret_width,
                        unsigned *ret_height) {
    unsigned longer = width > height ? width : height;
    uint64_t by = CAMERA_MAX_ZOOM_PERCENT, of = 100;
    if (longer * by > SETTINGS_MAX_SIDE * of) {
        by = SETTINGS_MAX_SIDE;
        of = longer;
    }
    *ret_width = (unsigned)((width * by + of) / (2 * of) * 2);
    *ret_height = (unsigned)((height * by + of) / (2 * of) * 2);
}

/* Zoom, and where the screen's corner is on the enlarged canvas, in screen sides. */
struct station {
    uint64_t zoom, left, top;
};

static const uint64_t zoom_one = (uint64_t)1 << ZOOM_BITS;
/* What a view of the largest zoom leaves over of a side. */
static const uint64_t zoom_rest = ((uint64_t)(CAMERA_MAX_ZOOM_PERCENT - 100) << ZOOM_BITS) / 100;

/* `left` and `top` in 256ths of what is left over. */
static struct station close_up(unsigned left, unsigned top) {
    return (struct station){
        .zoom = zoom_one + zoom_rest,
        .left = zoom_rest * left / 256,
        .top = zoom_rest * top / 256,
    };
}

static uint64_t mix_bits(uint64_t value) {
    value += 0x9e3779b97f4a7c15;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

/* Between the whole picture and a part of it. The part tends upwards, where heads are. */
static void plan_kenburns(uint64_t seed, struct station *from, struct station *to) {
    uint64_t bits = mix_bits(seed);
    struct station whole = {.zoom = zoom_one};
    struct station part =
        close_up((unsigned)(bits & 0xff), (unsigned)((bits >> 8 & 0xff) * 11 / 16));
    bool is_inwards = (bits >> 16 & 1) != 0;
    *from = is_inwards ? whole : part;
    *to = is_inwards ? part : whole;
}

static void plan_way(enum motion motion, uint64_t seed, struct station *from, struct station *to) {
    const struct station whole = {.zoom = zoom_one};
    *from = *to = whole;
    switch (motion) {
    case MOTION_NONE:
        break;
    case MOTION_KENBURNS:
        plan_kenburns(seed, from, to);
        break;
    case MOTION_ZOOM_IN:
        *to = close_up(128, 128);
        break;
    case MOTION_ZOOM_OUT:
        *from = close_up(128, 128);
        break;
    case MOTION_PAN_LEFT:
        *from = close_up(256, 128);
        *to = close_up(0, 128);
        break;
    case MOTION_PAN_RIGHT:
        *from = close_up(0, 128);
        *to = close_up(256, 128);
        break;
    case MOTION_PAN_UP:
        *from = close_up(128, 256);
        *to = close_up(128, 0);
        break;
    case MOTION_PAN_DOWN:
        *from = close_up(128, 0);
        *to = close_up(128, 256);
        break;
    }
}

static uint64_t between(uint64_t from, uint64_t to, uint64_t step, uint64_t last) {
    return (from * (last - step) + to * step + last / 2) / last;
}

/* From screen sides to sides of the canvas; never beyond its end. */
static uint64_t place(uint64_t offset, uint64_t zoom, uint64_t share) {
    uint64_t start = (offset << 32) / zoom, most = ((uint64_t)1 << 32) - share;
    return start < most ? start : most;
}

struct view camera_view(enum motion motion, uint64_t seed, uint64_t step, uint64_t count) {
    assert(step < count && count <= INT32_MAX);
    uint64_t last = count > 1 ? count - 1 : 1;
    struct station from, to;
    plan_way(motion, seed, &from, &to);
    uint64_t zoom = between(from.zoom, to.zoom, step, last);
    uint64_t share = ((uint64_t)1 << (32 + ZOOM_BITS)) / zoom;
    return (struct view){
        .left = place(between(from.left, to.left, step, last), zoom, share),
        .top = place(between(from.top, to.top, step, last), zoom, share),
        .share = share,
    };
}

static void *must_allocate(size_t size) {
    void *data = calloc(1, size);
    if (data == NULL)
        die_out_of_memory();
    return data;
}

struct camera *camera_new(unsigned width, unsigned height) {
    struct camera *camera = must_allocate(sizeof *camera);
    camera->width = width;
    camera->height = height;
    camera_canvas_size(width, height, &camera->canvas_width, &camera->canvas_height);
    for (unsigned kind = LUMA; kind <= CHROMA; kind++) {
        camera->horizontal[kind] =
            filter_new_blank(camera->canvas_width >> kind, width >> kind, TAPS, FILTER_HORIZONTAL);
        camera->vertical[kind] =
            filter_new_blank(camera->canvas_height >> kind, height >> kind, TAPS, FILTER_VERTICAL);
    }
    for (int i = 0; i < KERNEL_SIZE; i++) {
        double weight = resample_lanczos((double)i / (1 << KERNEL_BITS)) * KERNEL_ONE;
        camera->kernel[i] = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    camera->middle =
        must_allocate((camera->canvas_width + 2 * RESAMPLE_PADDING) * sizeof *camera->middle);
    camera->row = must_allocate((width + 2 * RESAMPLE_PADDING) * sizeof *camera->row);
    return camera;
}

void camera_free(struct camera *camera) {
    if (camera == NULL)
        return;
    for (unsigned kind = LUMA; kind <= CHROMA; kind++) {
        filter_free(camera->horizontal[kind]);
        filter_free(camera->vertical[kind]);
    }
    free(camera->middle);
    free(camera->row);
    free(camera);
}

/* One side of a view, of both canvas and film in luma samples. */
struct section {
    uint64_t start, share;
    unsigned canvas_side, side;
};

/* `reach`: distances are multiplied by it; POSITION_ONE, or less where the kernel is widened.
 * `beyond`: how far the centre lies behind the tap TAPS_BEFORE. */
static void weigh(const int32_t *kernel, int64_t reach, int64_t beyond, int16_t ret[TAPS]) {
    enum { SUM_BITS = 34 };
    const int64_t centre = TAPS_BEFORE * (int64_t)POSITION_ONE + beyond;
    int64_t distance = centre * reach >> POSITION_BITS;
    int32_t real[TAPS];
    int64_t sum = 0, moment = 0;
    for (unsigned i = 0; i < TAPS; i++) {
        uint32_t from = (uint32_t)(distance < 0 ? -distance : distance);
        uint32_t entry = from >> KERNEL_STEP_BITS;
        int32_t rest = (int32_t)(from & ((1u << KERNEL_STEP_BITS) - 1));
        int32_t step = kernel[entry + 1] - kernel[entry];
        real[i] = kernel[entry] + (step * rest >> KERNEL_STEP_BITS);
        sum += real[i];
        moment += real[i] * (i * (int64_t)POSITION_ONE - centre);
        distance -= reach;
    }
    /* The kernel by itself shows things up to a fiftieth of a sample away from where they are,
     * depending on the phase. */
    int32_t excess = (int32_t)(moment >> POSITION_BITS);
    real[TAPS_BEFORE] += excess;
    real[TAPS_BEFORE + 1] -= excess;
    int64_t by = ((int64_t)1 << (SUM_BITS + RESAMPLE_WEIGHT_BITS)) / sum;
    int left = 1 << RESAMPLE_WEIGHT_BITS;
    for (unsigned i = 0; i < TAPS; i++) {
        ret[i] = (int16_t)((real[i] * by + ((int64_t)1 << (SUM_BITS - 1))) >> SUM_BITS);
        left -= ret[i];
    }
    /* What rounding leaves goes to the largest. */
    unsigned nearest = beyond < POSITION_ONE / 2 ? TAPS_BEFORE : TAPS_BEFORE + 1;
    ret[nearest] = (int16_t)(ret[nearest] + left);
}

/* Moves weights of samples outside to the sample at the edge. */
static uint32_t fold(int64_t first, int64_t size, int16_t weights[TAPS]) {
    int64_t inside = first < 0 ? 0 : first > size - TAPS ? size - TAPS : first;
    if (inside == first)
        return (uint32_t)first;
    int16_t folded[TAPS] = {0};
    for (int i = 0; i < TAPS; i++) {
        int64_t sample = first + i < 0 ? 0 : first + i >= size ? size - 1 : first + i;
        folded[sample - inside] = (int16_t)(folded[sample - inside] + weights[i]);
    }
    memcpy(weights, folded, sizeof folded);
    return (uint32_t)inside;
}

/* Where the film's samples lie: sample t is at (t * stride + start) / 2 luma samples of the film.
 * Chroma sits on the left one of two luma samples, and between the upper and the lower one. */
struct siting {
    unsigned start, stride;
    int64_t shift; /* from half a luma position to a chroma position, 32 bits of fraction */
};
static const struct siting luma_siting = {1, 2, 0};
static const struct siting chroma_siting_x = {1, 4, (int64_t)1 << 30};
static const struct siting chroma_siting_y = {2, 4, 0};

static void aim(const int32_t *kernel, const struct section *section, const struct siting *siting,
                struct filter *filter) {
    uint64_t length = section->share * section->canvas_side;
    uint64_t start = section->start * section->canvas_side;
    int64_t step = (int64_t)(length / section->side >> (32 - POSITION_BITS));
    int64_t reach = POSITION_ONE;
    if (step > POSITION_ONE)
        reach = ((int64_t)1 << (2 * POSITION_BITS)) / step;
    unsigned count = filter->spec.target_size;
    for (unsigned t = 0; t < count; t++) {
        uint64_t half_samples = (uint64_t)t * siting->stride + siting->start;
        int64_t position = (int64_t)(start + half_samples * length / (2 * section->side));
        if (siting->stride == chroma_siting_x.stride)
            position = position / 2 + siting->shift;
        /* From places in the picture to sample numbers. */
        position = (position >> (32 - POSITION_BITS)) - POSITION_ONE / 2;
        int64_t whole = position >> POSITION_BITS;
        int16_t *weights = filter->weights + (size_t)t * TAPS;
        weigh(kernel, reach, position - whole * POSITION_ONE, weights);
        filter->first[t] = fold(whole - TAPS_BEFORE, filter->spec.source_size, weights);
    }
    filter->begin = filter->first[0];
    filter->end = filter->first[count - 1] + TAPS;
}

static void aim_camera(struct camera *camera, struct view view) {
    if (memcmp(&camera->view, &view, sizeof view) == 0)
        return;
    struct section x = {view.left, view.share, camera->canvas_width, camera->width};
    struct section y = {view.top, view.share, camera->canvas_height, camera->height};
    aim(camera->kernel, &x, &luma_siting, camera->horizontal[LUMA]);
    aim(camera->kernel, &y, &luma_siting, camera->vertical[LUMA]);
    aim(camera->kernel, &x, &chroma_siting_x, camera->horizontal[CHROMA]);
    aim(camera->kernel, &y, &chroma_siting_y, camera->vertical[CHROMA]);
    camera->view = view;
}

void camera_shoot(struct camera *camera, const struct frame *canvas, struct view view,
                  struct frame *frame) {
    assert(canvas->width == camera->canvas_width && canvas->height == camera->canvas_height);
    assert(frame->width == camera->width && frame->height == camera->height);
    assert(view.share > 0 && view.left + view.share <= (uint64_t)1 << 32 &&
           view.top + view.share <= (uint64_t)1 << 32);
    aim_camera(camera, view);
    for (unsigned plane = 0; plane < 3; plane++) {
        unsigned kind = plane > 0 ? CHROMA : LUMA;
        const struct resampler resampler = {
            .kernels = resample_kernels_best(),
            .horizontal = camera->horizontal[kind],
            .vertical = camera->vertical[kind],
            .source = canvas->planes[plane],
            .stride = canvas->strides[plane],
            .middle = camera->middle,
        };
        for (unsigned y = 0; y < frame->height >> kind; y++) {
            resampler_row(&resampler, y, camera->row);
            resample_round_row(camera->row, frame->width >> kind, FRAME_BLACK,
                               kind == LUMA ? FRAME_WHITE : FRAME_MAX_CHROMA,
                               frame->planes[plane] + y * frame->strides[plane]);
        }
    }
}
