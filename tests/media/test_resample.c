#include "media/resample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { WEIGHTS_SUM = 1 << RESAMPLE_WEIGHT_BITS };

static struct filter_spec simple_spec(unsigned source, unsigned target) {
    double step = (double)source / target;
    return (struct filter_spec){source, target, step / 2, step, false, source};
}

/* Sizes on both sides of every rounding in the kernels, and scales from 1/64 to 20. */
static const unsigned sizes[][2] = {
    {1, 1},    {1, 7},    {2, 1},    {3, 2},    {5, 16},    {7, 7},     {8, 9},    {31, 17},
    {32, 33},  {33, 32},  {64, 64},  {65, 31},  {100, 3},   {127, 128}, {128, 2},  {300, 162},
    {301, 97}, {640, 33}, {1000, 1}, {17, 340}, {250, 250}, {5000, 3},  {8200, 32}};

static unsigned plane_stride(unsigned width) {
    return (width + RESAMPLE_PADDING - 1) / RESAMPLE_PADDING * RESAMPLE_PADDING;
}

static void every_target_sample_has_whole_weights_inside(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct filter_spec spec = simple_spec(sizes[i][0], sizes[i][1]);
        for (int mirrored = 0; mirrored < 2; mirrored++) {
            spec.mirrored = mirrored == 1;
            struct filter *filter = filter_new(&spec, FILTER_VERTICAL);
            assert_int_equal(filter->taps % 2, 0);
            assert_true(filter->begin < filter->end && filter->end <= spec.source_size);
            for (unsigned t = 0; t < spec.target_size; t++) {
                int sum = 0;
                assert_true(filter->first[t] + filter->taps <= spec.source_size + 1);
                for (unsigned k = 0; k < filter->taps; k++) {
                    int weight = filter->weights[(size_t)t * filter->taps + k];
                    sum += weight;
                    if (weight != 0)
                        assert_true(filter->first[t] + k < spec.source_size);
                }
                assert_int_equal(sum, WEIGHTS_SUM);
            }
            filter_free(filter);
        }
    }
}

static void same_size_copies(void **state) {
    (void)state;
    struct filter_spec same = simple_spec(90, 90), shifted = same, smaller = simple_spec(90, 88);
    shifted.origin += 0.25;
    const struct {
        struct filter_spec *spec;
        bool copies;
    } cases[] = {{&same, true}, {&shifted, false}, {&smaller, false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct filter *filter = filter_new(cases[i].spec, FILTER_HORIZONTAL);
        assert_int_equal(filter->copies, cases[i].copies);
        filter_free(filter);
    }
}

struct rig {
    struct filter *horizontal, *vertical;
    struct resampler resampler;
    uint8_t *source;
    int16_t *middle, *row;
};

static void fill_plane(uint8_t *plane, size_t size, unsigned seed) {
    /* Hard edges between long runs: every tap shows, with both signs. */
    uint32_t random = seed * 2654435761u + 1;
    for (size_t i = 0; i < size; i++) {
        random = random * 1664525 + 1013904223;
        plane[i] = random >> 28 == 0 ? (uint8_t)(random >> 16) : random >> 31 ? 255 : 0;
    }
}

static struct rig rig_new(const struct filter_spec *x, const struct filter_spec *y) {
    struct rig rig = {
        filter_new(x, FILTER_HORIZONTAL), filter_new(y, FILTER_VERTICAL), {0}, NULL, NULL, NULL};
    size_t stride = plane_stride(x->source_size);
    /* Exactly what is promised: the sanitizer sees a row read behind the last. */
    rig.source = malloc(stride * y->source_size);
    rig.middle = calloc(stride + RESAMPLE_PADDING, sizeof *rig.middle);
    rig.row = calloc(plane_stride(x->target_size) + RESAMPLE_PADDING, sizeof *rig.row);
    fill_plane(rig.source, stride * y->source_size, x->target_size);
    rig.resampler = (struct resampler){
        resample_kernels_plain(), rig.horizontal, rig.vertical, rig.source, stride, 8, rig.middle};
    return rig;
}

static void rig_free(struct rig *rig) {
    filter_free(rig->horizontal);
    filter_free(rig->vertical);
    free(rig->source);
    free(rig->middle);
    free(rig->row);
}

static void all_processors_give_the_same(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct filter_spec x = simple_spec(sizes[i][0], sizes[i][1]);
        size_t other = (i * 5 + 3) % ARRAY_SIZE(sizes);
        struct filter_spec y = simple_spec(sizes[other][0], sizes[other][1]);
        struct rig rig = rig_new(&x, &y);
        int16_t *expected = malloc(x.target_size * sizeof *expected);
        for (unsigned row = 0; row < y.target_size; row++) {
            rig.resampler.kernels = resample_kernels_plain();
            resampler_row(&rig.resampler, row, rig.row);
            memcpy(expected, rig.row, x.target_size * sizeof *expected);
            rig.resampler.kernels = resample_kernels_best();
            resampler_row(&rig.resampler, row, rig.row);
            assert_memory_equal(rig.row, expected, x.target_size * sizeof *expected);
        }
        free(expected);
        rig_free(&rig);
    }
}

static double sinc(double x) {
    return x == 0 ? 1 : sin(M_PI * x) / (M_PI * x);
}

static double kernel(double x) {
    return fabs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
}

/* The definition, in floating point, of one axis at one place. */
static double reference(const double *samples, unsigned size, double centre, double step) {
    double scale = step > 1 ? step : 1, sum = 0, weights = 0;
    for (int k = (int)floor(centre - 3 * scale) - 1; k <= (int)ceil(centre + 3 * scale) + 1; k++) {
        double weight = kernel((k + 0.5 - centre) / scale);
        int inside = k < 0 ? 0 : k >= (int)size ? (int)size - 1 : k;
        weights += weight;
        sum += weight * samples[inside];
    }
    return sum / weights;
}

static double reference_at(const struct rig *rig, unsigned column, unsigned row) {
    const struct filter_spec *x = &rig->horizontal->spec, *y = &rig->vertical->spec;
    double *line = malloc(x->source_size * sizeof *line);
    double *samples = malloc(y->source_size * sizeof *samples);
    for (unsigned i = 0; i < x->source_size; i++) {
        for (unsigned k = 0; k < y->source_size; k++)
            samples[k] = rig->source[k * rig->resampler.stride + i];
        line[i] = reference(samples, y->source_size, y->origin + row * y->step, y->step);
    }
    double result = reference(line, x->source_size, x->origin + column * x->step, x->step);
    free(line);
    free(samples);
    return result;
}

static void close_to_the_definition(void **state) {
    (void)state;
    static const unsigned pairs[][4] = {
        {60, 41, 50, 27}, {41, 60, 27, 50}, {97, 12, 30, 30}, {33, 33, 90, 31}, {16, 64, 16, 8}};
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        struct filter_spec x = simple_spec(pairs[i][0], pairs[i][1]);
        struct filter_spec y = simple_spec(pairs[i][2], pairs[i][3]);
        x.origin += 0.3;
        struct rig rig = rig_new(&x, &y);
        for (unsigned row = 0; row < y.target_size; row += 3) {
            resampler_row(&rig.resampler, row, rig.row);
            for (unsigned column = 0; column < x.target_size; column++) {
                double got = (double)rig.row[column] / RESAMPLE_ONE;
                assert_true(fabs(got - reference_at(&rig, column, row)) < 0.1);
            }
        }
        rig_free(&rig);
    }
}

static void flat_stays_exactly_flat(void **state) {
    (void)state;
    static const uint8_t values[] = {0, 1, 127, 254, 255};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct filter_spec x = simple_spec(sizes[i][0], sizes[i][1]), y = simple_spec(77, 40);
        struct rig rig = rig_new(&x, &y);
        for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
            memset(rig.source, values[v], rig.resampler.stride * y.source_size);
            resampler_row(&rig.resampler, 11, rig.row);
            for (unsigned column = 0; column < x.target_size; column++)
                assert_int_equal(rig.row[column], values[v] * RESAMPLE_ONE);
        }
        rig_free(&rig);
    }
}

/* A picture stored back to front comes out as the one stored straight, to the last bit. */
static void mirrored_is_the_same(void **state) {
    (void)state;
    static const unsigned cases[][2] = {{60, 41}, {41, 60}, {101, 50}, {64, 64}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct filter_spec x = simple_spec(cases[i][0], cases[i][1]), y = simple_spec(20, 20);
        x.origin += 0.2;
        struct filter_spec mirrored = x;
        mirrored.mirrored = true;
        struct rig straight = rig_new(&x, &y), turned = rig_new(&mirrored, &y);
        for (unsigned row = 0; row < 20; row++) {
            for (unsigned k = 0; k < x.source_size; k++)
                turned.source[row * turned.resampler.stride + x.source_size - 1 - k] =
                    straight.source[row * straight.resampler.stride + k];
        }
        for (unsigned row = 0; row < 20; row++) {
            resampler_row(&straight.resampler, row, straight.row);
            resampler_row(&turned.resampler, row, turned.row);
            assert_memory_equal(straight.row, turned.row, x.target_size * sizeof(int16_t));
        }
        rig_free(&straight);
        rig_free(&turned);
    }
}

/* An odd side halved by the codec ends in half a sample: from the other end, everything lies half a
 * sample further. */
static void mirrored_by_a_fractional_length(void **state) {
    (void)state;
    struct filter_spec spec = {51, 50, 0.5, 1, true, 50.5};
    struct filter *filter = filter_new(&spec, FILTER_VERTICAL);
    /* Upright sample 0 is at 0.5, stored at 50.0: between the samples 49 and 50. */
    unsigned at49 = 49 - filter->first[0], at50 = 50 - filter->first[0];
    assert_true(filter->weights[at49] > WEIGHTS_SUM / 2 && filter->weights[at50] > WEIGHTS_SUM / 3);
    filter_free(filter);
}

static void transposing(void **state) {
    (void)state;
    static const unsigned cases[][2] = {{1, 1}, {8, 8}, {9, 7}, {33, 32}, {64, 5}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned width = cases[i][0], rows = cases[i][1];
        size_t from = width + 3, to = rows + 5;
        int16_t *source = malloc(from * rows * sizeof *source);
        int16_t *target = calloc(to * width, sizeof *target);
        for (size_t k = 0; k < from * rows; k++)
            source[k] = (int16_t)(k * 37);
        resample_transpose(source, from, width, rows, target, to);
        for (unsigned x = 0; x < width; x++) {
            for (unsigned y = 0; y < rows; y++)
                assert_int_equal(target[x * to + y], source[y * from + x]);
            assert_int_equal(target[x * to + rows], 0);
        }
        free(source);
        free(target);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_target_sample_has_whole_weights_inside),
        cmocka_unit_test(same_size_copies),
        cmocka_unit_test(all_processors_give_the_same),
        cmocka_unit_test(close_to_the_definition),
        cmocka_unit_test(flat_stays_exactly_flat),
        cmocka_unit_test(mirrored_is_the_same),
        cmocka_unit_test(mirrored_by_a_fractional_length),
        cmocka_unit_test(transposing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
