/*
 * Exact fractions for times and frame rates. Pure.
 */
#ifndef JOB_RATIONAL_H
#define JOB_RATIONAL_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Reduced, den > 0; both at most 10^12 in size, so that sums of a film's holds stay exact. */
struct rational {
    int64_t num;
    int64_t den;
};

/* "30", "29.97", "24000/1001"; not negative, at most 9 digits before and after the point. */
bool rational_parse(struct str text, struct rational *ret);
/* "30" or "24000/1001"; room for 48. */
void rational_format(struct rational value, char *ret);
int rational_compare(struct rational a, struct rational b);

#endif
