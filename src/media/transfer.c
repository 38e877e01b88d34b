/*
 * The formulas of the standards, written out. Logarithm and exponential are series on a range where
 * they are good to the last bits; everything else is +, -, *, / and exact scaling by powers of two,
 * which all machines do alike.
 */
#include "media/transfer.h"

#include "base/base.h"

#include <math.h>
#include <stddef.h>

#define LN2 0.69314718055994530942

static double natural_log(double x) {
    int exponent;
    double mantissa = frexp(x, &exponent);
    if (mantissa < 0.70710678118654752440) {
        mantissa *= 2;
        exponent--;
    }
    /* 2 artanh(s), |s| < 0.172. */
    double s = (mantissa - 1) / (mantissa + 1), square = s * s, sum = 0;
    for (int n = 23; n >= 1; n -= 2)
        sum = sum * square + 1.0 / n;
    return 2 * s * sum + exponent * LN2;
}

static double exponential(double x) {
    if (x < -700 || x > 700)
        return x < 0 ? 0 : ldexp(1, 1000);
    double turns = x / LN2;
    int whole = (int)(turns < 0 ? turns - 0.5 : turns + 0.5);
    double rest = x - whole * LN2, sum = 1;
    for (int n = 16; n >= 1; n--)
        sum = 1 + sum * rest / n;
    return ldexp(sum, whole);
}

double transfer_power(double base, double exponent) {
    return base <= 0 ? 0 : exponential(exponent * natural_log(base));
}

double srgb_encode(double light) {
    if (light < 0)
        return -srgb_encode(-light);
    return light <= 0.0031308 ? 12.92 * light : 1.055 * transfer_power(light, 1 / 2.4) - 0.055;
}

double srgb_decode(double code) {
    if (code < 0)
        return -srgb_decode(-code);
    return code <= 0.04045 ? code / 12.92 : transfer_power((code + 0.055) / 1.055, 2.4);
}

/* ST 2084, section 4. */
static const double pq_m1 = 2610.0 / 16384, pq_m2 = 2523.0 / 32, pq_c1 = 3424.0 / 4096,
                    pq_c2 = 2413.0 / 128, pq_c3 = 2392.0 / 128, pq_peak = 10000;

double pq_encode(double light) {
    double y = transfer_power(light / pq_peak, pq_m1);
    return transfer_power((pq_c1 + pq_c2 * y) / (1 + pq_c3 * y), pq_m2);
}

double pq_decode(double code) {
    double e = transfer_power(code, 1 / pq_m2);
    double above = e - pq_c1;
    return above <= 0 ? 0 : pq_peak * transfer_power(above / (pq_c2 - pq_c3 * e), 1 / pq_m1);
}

double hlg_decode(double code) {
    const double a = 0.17883277, b = 0.28466892, c = 0.55991073;
    if (code <= 0)
        return 0;
    return code <= 0.5 ? code * code / 3 : (exponential((code - c) / a) + b) / 12;
}

struct matrix3 matrix3_product(const struct matrix3 *a, const struct matrix3 *b) {
    struct matrix3 product = {0};
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++)
            product.m[i][k] =
                a->m[i][0] * b->m[0][k] + a->m[i][1] * b->m[1][k] + a->m[i][2] * b->m[2][k];
    }
    return product;
}

struct matrix3 matrix3_inverse(const struct matrix3 *a) {
    struct matrix3 inverse;
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++) {
            /* The cofactor of [k][i], by rows and columns that follow each other in a circle. */
            int r1 = (k + 1) % 3, r2 = (k + 2) % 3, c1 = (i + 1) % 3, c2 = (i + 2) % 3;
            inverse.m[i][k] = a->m[r1][c1] * a->m[r2][c2] - a->m[r1][c2] * a->m[r2][c1];
        }
    }
    double determinant =
        a->m[0][0] * inverse.m[0][0] + a->m[0][1] * inverse.m[1][0] + a->m[0][2] * inverse.m[2][0];
    for (int i = 0; i < 9; i++)
        inverse.m[i / 3][i % 3] /= determinant;
    return inverse;
}

void matrix3_apply(const struct matrix3 *a, const double in[3], double ret[3]) {
    double x = in[0], y = in[1], z = in[2];
    for (int i = 0; i < 3; i++)
        ret[i] = a->m[i][0] * x + a->m[i][1] * y + a->m[i][2] * z;
}

/* H.273, table 2: x and y of red, green, blue. */
static const struct {
    uint8_t number;
    double xy[3][2];
} known_primaries[] = {
    {1, {{0.640, 0.330}, {0.300, 0.600}, {0.150, 0.060}}},  /* BT.709, sRGB */
    {5, {{0.640, 0.330}, {0.290, 0.600}, {0.150, 0.060}}},  /* BT.601, 625 lines */
    {6, {{0.630, 0.340}, {0.310, 0.595}, {0.155, 0.070}}},  /* BT.601, 525 lines */
    {7, {{0.630, 0.340}, {0.310, 0.595}, {0.155, 0.070}}},  /* SMPTE 240M */
    {9, {{0.708, 0.292}, {0.170, 0.797}, {0.131, 0.046}}},  /* BT.2020 */
    {12, {{0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}}}, /* Display P3 */
};

static const double white_d65[3] = {0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290};

bool primaries_to_xyz(uint8_t primaries, struct matrix3 *ret) {
    for (size_t i = 0; i < ARRAY_SIZE(known_primaries); i++) {
        if (known_primaries[i].number != primaries)
            continue;
        struct matrix3 columns;
        for (int c = 0; c < 3; c++) {
            double x = known_primaries[i].xy[c][0], y = known_primaries[i].xy[c][1];
            columns.m[0][c] = x / y;
            columns.m[1][c] = 1;
            columns.m[2][c] = (1 - x - y) / y;
        }
        /* As much of each as makes white. */
        struct matrix3 inverse = matrix3_inverse(&columns);
        double share[3];
        matrix3_apply(&inverse, white_d65, share);
        for (int k = 0; k < 9; k++)
            columns.m[k / 3][k % 3] *= share[k % 3];
        *ret = columns;
        return true;
    }
    return false;
}

struct matrix3 xyz_d50_to_srgb(void) {
    static const struct matrix3 bradford = {
        {{0.8951, 0.2664, -0.1614}, {-0.7502, 1.7135, 0.0367}, {0.0389, -0.0685, 1.0296}}};
    static const double white_d50[3] = {0.9642, 1, 0.8249}; /* ICC.1, 7.2.16 */
    struct matrix3 back = matrix3_inverse(&bradford), srgb;
    double from[3], to[3];
    matrix3_apply(&bradford, white_d50, from);
    matrix3_apply(&bradford, white_d65, to);
    struct matrix3 adapted = bradford;
    for (int k = 0; k < 9; k++)
        adapted.m[k / 3][k % 3] *= to[k / 3] / from[k / 3];
    adapted = matrix3_product(&back, &adapted);
    if (!primaries_to_xyz(1, &srgb))
        return adapted;
    srgb = matrix3_inverse(&srgb);
    return matrix3_product(&srgb, &adapted);
}

void luma_weights(uint8_t matrix, double *ret_red, double *ret_blue) {
    static const struct {
        uint8_t number;
        double red, blue;
    } known[] = {{1, 0.2126, 0.0722}, {7, 0.212, 0.087}, {9, 0.2627, 0.0593}, {10, 0.2627, 0.0593}};
    *ret_red = 0.299;
    *ret_blue = 0.114;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (known[i].number == matrix) {
            *ret_red = known[i].red;
            *ret_blue = known[i].blue;
        }
    }
}
