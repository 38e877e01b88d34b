/*
 * Two steps, both of which leave most colours alone. First the gamut: the distance of each channel
 * from the largest one, which is over 1 for a negative channel, is bent so that the farthest that
 * BT.2020 reaches becomes 1 (the form of the curve is that of the ACES reference gamut
 * compression). Hue and the largest channel stay. Then the tone curve of BT.2390's EETF, from a
 * peak of 1,000 to 203 cd/m2: straight at first, then a spline in PQ's scale; it is applied to the
 * largest channel and the others follow in proportion, so that bright colours keep their hue and
 * none leaves the range.
 */
#include "media/tonemap.h"

#include "media/transfer.h"

/* From `threshold` on, distances up to `limit` are bent into those up to 1. */
static double bend(double distance, double limit) {
    const double threshold = 0.8;
    if (distance <= threshold)
        return distance;
    /* The curve (x / (1 + x / s)) that goes through (limit, 1) with slope 1 at the threshold. */
    double reach = limit - threshold, room = 1 - threshold;
    double scale = reach * room / (reach - room);
    double beyond = distance - threshold;
    double bent = threshold + beyond / (1 + beyond / scale);
    return bent < 1 ? bent : 1;
}

static void compress_gamut(const double light[3], double largest, double ret[3]) {
    /* The farthest that colours of BT.2020 are from each side of BT.709: cyan, magenta, yellow. */
    static const double limits[3] = {1.59, 1.09, 1.12};
    for (int c = 0; c < 3; c++)
        ret[c] = largest - bend((largest - light[c]) / largest, limits[c]) * largest;
}

/* BT.2390-10, 5.4.1, with both black levels 0. */
static double eetf(double light) {
    double peak = pq_encode(TONEMAP_PEAK);
    double max = pq_encode(TONEMAP_WHITE) / peak;
    double knee = 1.5 * max - 0.5;
    double e = pq_encode(light) / peak;
    if (e <= knee)
        return light;
    if (e >= 1)
        return TONEMAP_WHITE;
    double t = (e - knee) / (1 - knee), t2 = t * t, t3 = t2 * t;
    double bent =
        (2 * t3 - 3 * t2 + 1) * knee + (t3 - 2 * t2 + t) * (1 - knee) + (-2 * t3 + 3 * t2) * max;
    return pq_decode(bent * peak);
}

void tonemap_colour(const double light[3], double ret[3]) {
    double largest = light[0] > light[1] ? light[0] : light[1];
    largest = light[2] > largest ? light[2] : largest;
    if (largest <= 0) {
        ret[0] = ret[1] = ret[2] = 0;
        return;
    }
    double inside[3], share = eetf(largest) / largest / TONEMAP_WHITE;
    compress_gamut(light, largest, inside);
    for (int c = 0; c < 3; c++)
        ret[c] = inside[c] * share;
}
