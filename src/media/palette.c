/*
 * The histogram has 64 steps in each direction and keeps sums, so that flat pictures get exactly
 * the colours they have. Its cells in use are the points that are cut up: a box is a run of the
 * array of points, and the next to be cut is always the one with the greatest squared error, along
 * its widest direction, where the two halves' errors become least. A few rounds of k-means put the
 * colours where they serve best.
 */
#include "media/palette.h"

#include "base/base.h"
#include "base/error.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    CELL_BITS = 6,
    CELLS = 1 << 3 * CELL_BITS,
    /* Never nearest: far above all colours, and its square still fits. */
    NOWHERE = 10000,
};

/* How much an error weighs: eyes see steps of luma first. */
static const double part_weights[3] = {2, 1, 1};

struct cell {
    uint64_t count;
    uint64_t sums[3];
};

struct point {
    uint64_t count;
    int32_t parts[3];
};

/* A run of points. `error` is the sum of their weighted squared distances from their mean along
 * `axis`, the widest direction. */
struct box {
    size_t first, count;
    unsigned axis;
    double error;
};

struct histogram {
    struct cell cells[CELLS];
    uint32_t used[CELLS]; /* cells that hold something, in the order of their first colours */
    size_t used_count;
    struct point *points; /* room for CELLS */
};

/* ---- the histogram ---- */

struct histogram *histogram_new(void) {
    struct histogram *histogram = calloc(1, sizeof *histogram);
    struct point *points = calloc(CELLS, sizeof *points);
    if (!histogram || !points)
        die_out_of_memory();
    histogram->points = points;
    return histogram;
}

void histogram_free(struct histogram *histogram) {
    if (!histogram)
        return;
    free(histogram->points);
    free(histogram);
}

void histogram_clear(struct histogram *histogram) {
    for (size_t i = 0; i < histogram->used_count; i++)
        histogram->cells[histogram->used[i]] = (struct cell){0};
    histogram->used_count = 0;
}

void histogram_add(struct histogram *histogram, const uint8_t colour[3]) {
    uint32_t place = 0;
    for (int i = 0; i < 3; i++)
        place = place << CELL_BITS | colour[i] >> (8 - CELL_BITS);
    struct cell *cell = &histogram->cells[place];
    if (cell->count++ == 0)
        histogram->used[histogram->used_count++] = place;
    for (int i = 0; i < 3; i++)
        cell->sums[i] += colour[i];
}

static void collect_points(struct histogram *histogram) {
    for (size_t i = 0; i < histogram->used_count; i++) {
        const struct cell *cell = &histogram->cells[histogram->used[i]];
        struct point *point = &histogram->points[i];
        point->count = cell->count;
        for (int p = 0; p < 3; p++)
            point->parts[p] = (int32_t)((cell->sums[p] + cell->count / 2) / cell->count);
    }
}

/* ---- cutting ---- */

struct moments {
    uint64_t count, sum, squares;
};

static void moments_add(struct moments *moments, const struct point *point, unsigned axis) {
    uint64_t value = (uint64_t)point->parts[axis];
    moments->count += point->count;
    moments->sum += point->count * value;
    moments->squares += point->count * value * value;
}

static double moments_error(const struct moments *moments) {
    double sum = (double)moments->sum;
    return moments->count == 0 ? 0 : (double)moments->squares - sum * sum / (double)moments->count;
}

static void measure(const struct point *points, struct box *box) {
    box->error = -1;
    for (unsigned axis = 0; axis < 3; axis++) {
        struct moments moments = {0};
        for (size_t i = 0; i < box->count; i++)
            moments_add(&moments, &points[box->first + i], axis);
        double error = moments_error(&moments) * part_weights[axis];
        if (error > box->error) {
            box->error = error;
            box->axis = axis;
        }
    }
    /* A cell is not cut. */
    if (box->count == 1)
        box->error = 0;
}

/* The value after which the axis is cut so that the errors of both sides add up to the least; the
 * sides have a point each. */
static int32_t best_cut(const struct point *points, const struct box *box) {
    struct moments at[256] = {0}, all = {0}, left = {0};
    for (size_t i = 0; i < box->count; i++) {
        const struct point *point = &points[box->first + i];
        moments_add(&at[point->parts[box->axis]], point, box->axis);
        moments_add(&all, point, box->axis);
    }
    double least = 0;
    int32_t best = -1;
    for (int32_t value = 0; value < 256; value++) {
        left.count += at[value].count;
        left.sum += at[value].sum;
        left.squares += at[value].squares;
        if (at[value].count == 0 || left.count == all.count)
            continue;
        struct moments right = {all.count - left.count, all.sum - left.sum,
                                all.squares - left.squares};
        double error = moments_error(&left) + moments_error(&right);
        if (best < 0 || error < least) {
            least = error;
            best = value;
        }
    }
    return best;
}

/* Points up to the cut come first. False when all have one value. */
static bool cut_box(struct point *points, struct box *box, struct box *ret_right) {
    int32_t cut = best_cut(points, box);
    if (cut < 0)
        return false;
    size_t middle = box->first, end = box->first + box->count;
    for (size_t i = box->first; i < end; i++) {
        if (points[i].parts[box->axis] > cut)
            continue;
        struct point swapped = points[middle];
        points[middle++] = points[i];
        points[i] = swapped;
    }
    ret_right->first = middle;
    ret_right->count = end - middle;
    box->count = middle - box->first;
    measure(points, box);
    measure(points, ret_right);
    return true;
}

static unsigned cut_all(struct point *points, size_t count, unsigned max_count,
                        struct box boxes[PALETTE_MAX_COLOURS]) {
    unsigned box_count = 1;
    boxes[0] = (struct box){.count = count};
    measure(points, &boxes[0]);
    while (box_count < max_count) {
        unsigned worst = 0;
        for (unsigned i = 1; i < box_count; i++)
            if (boxes[i].error > boxes[worst].error)
                worst = i;
        if (boxes[worst].error <= 0)
            break;
        if (cut_box(points, &boxes[worst], &boxes[box_count]))
            box_count++;
        else
            boxes[worst].error = 0;
    }
    return box_count;
}

/* ---- colours ---- */

struct mean {
    uint64_t count, sums[3];
};

static void mean_add(struct mean *mean, const struct point *point) {
    mean->count += point->count;
    for (int p = 0; p < 3; p++)
        mean->sums[p] += point->count * (uint64_t)point->parts[p];
}

static void set_colour(struct palette *palette, unsigned index, const struct mean *mean) {
    for (int p = 0; p < 3 && mean->count > 0; p++)
        palette->parts[p][index] = (int32_t)((mean->sums[p] + mean->count / 2) / mean->count);
}

static void take_means(const struct point *points, const struct box *boxes, unsigned count,
                       struct palette *ret) {
    ret->count = count;
    for (unsigned i = 0; i < PALETTE_MAX_COLOURS; i++) {
        struct mean mean = {0};
        for (size_t n = 0; i < count && n < boxes[i].count; n++)
            mean_add(&mean, &points[boxes[i].first + n]);
        for (int p = 0; p < 3; p++)
            ret->parts[p][i] = NOWHERE;
        set_colour(ret, i, &mean);
    }
}

/* Distance and index in one number, so that the least is found without a branch; all colours are
 * looked at for the same reason. */
unsigned palette_nearest(const struct palette *palette, const int32_t colour[3]) {
    int32_t least = INT32_MAX;
    for (int32_t i = 0; i < PALETTE_MAX_COLOURS; i++) {
        int32_t dy = palette->parts[0][i] - colour[0], db = palette->parts[1][i] - colour[1],
                dr = palette->parts[2][i] - colour[2];
        int32_t distance = 2 * dy * dy + db * db + dr * dr;
        distance = distance < 1 << 22 ? distance : 1 << 22;
        int32_t numbered = distance << 8 | i;
        least = numbered < least ? numbered : least;
    }
    return (unsigned)least & 255;
}

static void settle(const struct point *points, size_t count, struct palette *palette) {
    struct mean means[PALETTE_MAX_COLOURS] = {0};
    for (size_t i = 0; i < count; i++)
        mean_add(&means[palette_nearest(palette, points[i].parts)], &points[i]);
    for (unsigned i = 0; i < palette->count; i++)
        set_colour(palette, i, &means[i]);
}

void palette_make(struct histogram *histogram, unsigned max_count, unsigned rounds,
                  struct palette *ret) {
    struct box boxes[PALETTE_MAX_COLOURS];
    assert(max_count >= 1 && max_count <= PALETTE_MAX_COLOURS);
    size_t count = histogram->used_count;
    collect_points(histogram);
    unsigned boxes_used = count > 0 ? cut_all(histogram->points, count, max_count, boxes) : 0;
    take_means(histogram->points, boxes, boxes_used, ret);
    for (unsigned i = 0; i < rounds && boxes_used > 0; i++)
        settle(histogram->points, count, ret);
}

static uint8_t screen_value(int32_t scaled) {
    int32_t value = (scaled + (1 << 15)) >> 16;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

void palette_rgb(const struct palette *palette, unsigned index, uint8_t ret[3]) {
    assert(index < palette->count);
    /* ITU-R BT.709, limited range, times 65536. */
    int32_t y = (palette->parts[0][index] - 16) * 76309;
    int32_t cb = palette->parts[1][index] - 128, cr = palette->parts[2][index] - 128;
    ret[0] = screen_value(y + 117489 * cr);
    ret[1] = screen_value(y - 13975 * cb - 34925 * cr);
    ret[2] = screen_value(y + 138438 * cb);
}
