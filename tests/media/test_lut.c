#include "media/lut.h"

#include "base/base.h"
#include "media/resample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

enum { LENGTH = 333, MAX = 255 * RESAMPLE_ONE };

static uint32_t next(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* A table whose lanes are sums of the inputs' node numbers, weighted: interpolation must give the
 * same sum of the samples. */
static int16_t *straight_nodes(unsigned inputs, const int weights[LUT_LANES][4]) {
    unsigned side = inputs == 3 ? LUT3_SIDE : LUT4_SIDE;
    int16_t *nodes = malloc(lut_node_count(inputs) * LUT_LANES * sizeof *nodes);
    for (size_t i = 0; i < lut_node_count(inputs); i++) {
        for (int lane = 0; lane < LUT_LANES; lane++) {
            size_t rest = i;
            int sum = 0;
            for (unsigned c = inputs; c-- > 0; rest /= side)
                sum += weights[lane][c] * (int)(rest % side);
            nodes[LUT_LANES * i + (size_t)lane] = (int16_t)sum;
        }
    }
    return nodes;
}

static void straight_tables_are_exact(void **state) {
    (void)state;
    static const int weights[LUT_LANES][4] = {
        {512, 0, 0, 0}, {0, 300, 0, 100}, {100, 0, 200, 50}, {-3, 700, -20, 80}};
    for (unsigned inputs = 3; inputs <= 4; inputs++) {
        int16_t *nodes = straight_nodes(inputs, weights);
        int cell = 1 << (inputs == 3 ? LUT3_CELL_BITS : LUT4_CELL_BITS);
        struct lut lut = {inputs, nodes};
        uint32_t random = 1;
        for (int i = 0; i < 20000; i++) {
            int16_t samples[4], found[LUT_LANES];
            const int16_t *in[4] = {samples, samples + 1, samples + 2, samples + 3};
            int16_t *const ret[LUT_LANES] = {found, found + 1, found + 2, found + 3};
            for (int c = 0; c < 4; c++)
                samples[c] = (int16_t)(next(&random) % (MAX + 1));
            lut_row(&lut, in, 1, ret);
            for (int lane = 0; lane < LUT_LANES; lane++) {
                int sum = cell / 2;
                for (unsigned c = 0; c < inputs; c++)
                    sum += weights[lane][c] * samples[c];
                int expected = sum >= 0 ? sum / cell : -((-sum + cell - 1) / cell);
                if (lane < 3)
                    expected = expected < 0 ? 0 : expected > MAX ? MAX : expected;
                assert_int_equal(found[lane], expected);
            }
        }
        free(nodes);
    }
}

/* Any numbers in the table, any samples, rows of any length, in place or not. */
static void all_loops_give_the_same(void **state) {
    (void)state;
    uint32_t random = 7;
    for (unsigned inputs = 3; inputs <= 4; inputs++) {
        size_t count = lut_node_count(inputs) * LUT_LANES;
        int16_t *nodes = malloc(count * sizeof *nodes);
        for (size_t i = 0; i < count; i++)
            nodes[i] = (int16_t)((int)(next(&random) % 65535) - 32767);
        struct lut lut = {inputs, nodes};
        int16_t samples[4][LENGTH], plain[LUT_LANES][LENGTH], best[LUT_LANES][LENGTH];
        for (int i = 0; i < 4 * LENGTH; i++)
            samples[i / LENGTH][i % LENGTH] = (int16_t)((int)(next(&random) % 20000) - 2000);
        const int16_t *in[4] = {samples[0], samples[1], samples[2], samples[3]};
        int16_t *const ret[2][LUT_LANES] = {{plain[0], plain[1], plain[2], plain[3]},
                                            {best[0], best[1], best[2], best[3]}};
        lut_row_plain(&lut, in, LENGTH, ret[0]);
        lut_row(&lut, in, LENGTH, ret[1]);
        assert_memory_equal(plain, best, sizeof plain);
        for (int i = 0; i < 3 * LENGTH; i++)
            assert_in_range(plain[i / LENGTH][i % LENGTH], 0, MAX);
        for (unsigned length = 1; length < LENGTH; length += 41) {
            int16_t part[LUT_LANES][LENGTH];
            int16_t *const own[LUT_LANES] = {part[0], part[1], part[2], NULL};
            memset(part, 0x55, sizeof part);
            lut_row(&lut, in, length, own);
            for (int lane = 0; lane < 3; lane++) {
                assert_memory_equal(part[lane], best[lane], length * sizeof part[0][0]);
                assert_int_equal(part[lane][length], 0x5555);
            }
        }
        lut_row(&lut, in, LENGTH, (int16_t *const[]){samples[0], samples[1], samples[2], NULL});
        assert_memory_equal(samples, best, 3 * sizeof samples[0]);
        free(nodes);
    }
}

static void curves_cut_what_is_outside(void **state) {
    (void)state;
    int16_t *curve = malloc(LUT_CURVE_SIZE * sizeof *curve);
    for (int i = 0; i < LUT_CURVE_SIZE; i++)
        curve[i] = (int16_t)(i / 2 + 5);
    const int16_t in[] = {-300, -1, 0, 1, 2, 1000, MAX, MAX + 1, INT16_MAX};
    int16_t found[ARRAY_SIZE(in)];
    lut_curve_row(curve, in, ARRAY_SIZE(in), found);
    for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
        int inside = in[i] < 0 ? 0 : in[i] > MAX ? MAX : in[i];
        assert_int_equal(found[i], inside / 2 + 5);
    }
    free(curve);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(straight_tables_are_exact),
        cmocka_unit_test(all_loops_give_the_same),
        cmocka_unit_test(curves_cut_what_is_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
