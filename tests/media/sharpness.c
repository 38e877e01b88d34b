#include "sharpness.h"

#include "base/error.h"
#include "media/resample.h"

#include <libswscale/swscale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

/* A picture in floating point. */
struct plane {
    unsigned width, height;
    double *samples;
};

static struct plane plane_new(struct arena *arena, unsigned width, unsigned height) {
    return (struct plane){width, height,
                          arena_array(arena, (size_t)width * height, sizeof(double))};
}

static struct plane plane_of(struct arena *arena, const struct grey *grey) {
    struct plane plane = plane_new(arena, grey->width, grey->height);
    for (size_t i = 0; i < (size_t)grey->width * grey->height; i++)
        plane.samples[i] = grey->samples[i];
    return plane;
}

static struct grey grey_new(struct arena *arena, unsigned width, unsigned height) {
    return (struct grey){width, height, arena_alloc(arena, (size_t)width * height)};
}

struct grey grey_zone_plate(struct arena *arena, unsigned width, unsigned height) {
    struct grey grey = grey_new(arena, width, height);
    double radius = (width < height ? width : height) / 2.0;
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++) {
            double dx = x + 0.5 - width / 2.0, dy = y + 0.5 - height / 2.0;
            double phase = M_PI * (dx * dx + dy * dy) / (2 * radius);
            grey.samples[(size_t)y * width + x] = (uint8_t)lround(127.5 + 120 * cos(phase));
        }
    }
    return grey;
}

bool grey_photo(struct arena *arena, struct str jpeg, struct grey *ret) {
    tjhandle handle = tjInitDecompress();
    int width = 0, height = 0, sampling, space;
    const unsigned char *bytes = (const unsigned char *)jpeg.ptr;
    bool done =
        tjDecompressHeader3(handle, bytes, jpeg.len, &width, &height, &sampling, &space) == 0;
    if (done) {
        *ret = grey_new(arena, (unsigned)width, (unsigned)height);
        done = tjDecompress2(handle, bytes, jpeg.len, ret->samples, width, 0, height, TJPF_GRAY,
                             0) == 0;
    }
    tjDestroy(handle);
    return done;
}

/* One axis by the definition; the kernel grows where the picture shrinks, the edge goes on. */
static void resample_axis(const double *source, size_t source_step, unsigned source_size,
                          double *target, size_t target_step, unsigned target_size) {
    double step = (double)source_size / target_size, scale = step > 1 ? step : 1;
    for (unsigned t = 0; t < target_size; t++) {
        double centre = (t + 0.5) * step, sum = 0, weights = 0;
        int first = (int)floor(centre - 3 * scale), last = (int)ceil(centre + 3 * scale);
        for (int k = first; k <= last; k++) {
            double weight = resample_lanczos((k + 0.5 - centre) / scale);
            int inside = k < 0 ? 0 : k >= (int)source_size ? (int)source_size - 1 : k;
            weights += weight;
            sum += weight * source[(size_t)inside * source_step];
        }
        target[t * target_step] = sum / weights;
    }
}

static struct plane resample_exactly(struct arena *arena, const struct plane *plane, unsigned width,
                                     unsigned height) {
    struct plane wide = plane_new(arena, width, plane->height);
    struct plane result = plane_new(arena, width, height);
    for (unsigned y = 0; y < plane->height; y++)
        resample_axis(plane->samples + (size_t)y * plane->width, 1, plane->width,
                      wide.samples + (size_t)y * width, 1, width);
    for (unsigned x = 0; x < width; x++)
        resample_axis(wide.samples + x, width, plane->height, result.samples + x, width, height);
    return result;
}

static struct plane resample_ours(struct arena *arena, const struct grey *grey, unsigned width,
                                  unsigned height) {
    double x_step = (double)grey->width / width, y_step = (double)grey->height / height;
    const struct filter_spec x = {grey->width, width, x_step / 2, x_step, false, grey->width};
    const struct filter_spec y = {grey->height, height, y_step / 2, y_step, false, grey->height};
    struct filter *horizontal = filter_new(&x, FILTER_HORIZONTAL);
    struct filter *vertical = filter_new(&y, FILTER_VERTICAL);
    size_t stride = (grey->width + RESAMPLE_PADDING - 1) / RESAMPLE_PADDING * RESAMPLE_PADDING;
    uint8_t *source = calloc(stride, grey->height), *rounded = calloc(width, 1);
    int16_t *middle = calloc(stride + RESAMPLE_PADDING, sizeof *middle);
    int16_t *row = calloc(width + 2 * RESAMPLE_PADDING, sizeof *row);
    if (source == NULL || rounded == NULL || middle == NULL || row == NULL)
        die_out_of_memory();
    for (unsigned i = 0; i < grey->height; i++)
        memcpy(source + i * stride, grey->samples + (size_t)i * grey->width, grey->width);
    const struct resampler resampler = {
        resample_kernels_best(), horizontal, vertical, source, stride, 8, middle};
    struct plane result = plane_new(arena, width, height);
    for (unsigned i = 0; i < height; i++) {
        resampler_row(&resampler, i, row);
        resample_round_row(row, width, 0, 255, rounded);
        for (unsigned k = 0; k < width; k++)
            result.samples[(size_t)i * width + k] = rounded[k];
    }
    filter_free(horizontal);
    filter_free(vertical);
    free(source);
    free(rounded);
    free(middle);
    free(row);
    return result;
}

static struct plane resample_swscale(struct arena *arena, const struct grey *grey, unsigned width,
                                     unsigned height) {
    struct SwsContext *scaler = sws_getContext(
        (int)grey->width, (int)grey->height, AV_PIX_FMT_GRAY8, (int)width, (int)height,
        AV_PIX_FMT_GRAY8, SWS_LANCZOS | SWS_ACCURATE_RND | SWS_BITEXACT, NULL, NULL, NULL);
    struct grey small = grey_new(arena, width, height);
    if (scaler == NULL)
        die_out_of_memory();
    const uint8_t *const sources[4] = {grey->samples};
    uint8_t *const targets[4] = {small.samples};
    sws_scale(scaler, sources, (const int[4]){(int)grey->width}, 0, (int)grey->height, targets,
              (const int[4]){(int)width});
    sws_freeContext(scaler);
    return plane_of(arena, &small);
}

enum { WINDOW = 8, WINDOW_STEP = 4 };

static double ssim_window(const struct plane *a, const struct plane *b, unsigned left,
                          unsigned top) {
    const double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255, n = WINDOW * WINDOW;
    double sum_a = 0, sum_b = 0, squares_a = 0, squares_b = 0, products = 0;
    for (unsigned y = top; y < top + WINDOW; y++) {
        for (unsigned x = left; x < left + WINDOW; x++) {
            double p = a->samples[(size_t)y * a->width + x];
            double q = b->samples[(size_t)y * b->width + x];
            sum_a += p;
            sum_b += q;
            squares_a += p * p;
            squares_b += q * q;
            products += p * q;
        }
    }
    double mean_a = sum_a / n, mean_b = sum_b / n;
    double variance_a = squares_a / n - mean_a * mean_a;
    double variance_b = squares_b / n - mean_b * mean_b;
    double covariance = products / n - mean_a * mean_b;
    return (2 * mean_a * mean_b + c1) * (2 * covariance + c2) /
           ((mean_a * mean_a + mean_b * mean_b + c1) * (variance_a + variance_b + c2));
}

static double ssim(const struct plane *a, const struct plane *b) {
    double sum = 0;
    unsigned count = 0;
    for (unsigned y = 0; y + WINDOW <= a->height; y += WINDOW_STEP) {
        for (unsigned x = 0; x + WINDOW <= a->width; x += WINDOW_STEP, count++)
            sum += ssim_window(a, b, x, y);
    }
    return sum / count;
}

struct sharpness sharpness_measure(struct arena *arena, const struct grey *grey, unsigned width,
                                   unsigned height) {
    struct plane whole = plane_of(arena, grey);
    struct plane exact = resample_exactly(arena, &whole, width, height);
    struct plane ours = resample_ours(arena, grey, width, height);
    struct plane swscale = resample_swscale(arena, grey, width, height);
    struct plane ours_back = resample_exactly(arena, &ours, grey->width, grey->height);
    struct plane swscale_back = resample_exactly(arena, &swscale, grey->width, grey->height);
    return (struct sharpness){
        .small_ours = ssim(&exact, &ours),
        .small_swscale = ssim(&exact, &swscale),
        .back_ours = ssim(&whole, &ours_back),
        .back_swscale = ssim(&whole, &swscale_back),
    };
}
