/*
 * Exact fractions for times and frame rates. Pure.
 */
#ifndef JOB_RATIONAL_H
#define JOB_RATIONAL_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Reduced, den > 0; num below 10^18 and den at most 10^9 where it comes from a text, so that the
 * product of two fits into 128 bits. */
struct rational {
    int64_t num;
    int64_t den;
};

/* num / den in its lowest terms; num at least 0, den over 0. */
struct rational rational_reduce(int64_t num, int64_t den);
/* "30", "29.97", ".5", "24000/1001"; not negative, at most 9 digits before and after the point.
 * Whatever rational_format wrote of such a value is read again as the same. */
bool rational_parse(struct str text, struct rational *ret);
/* "30" or "24000/1001"; room for RATIONAL_SIZE. */
enum { RATIONAL_SIZE = 48 };
void rational_format(struct rational value, char *ret);
int rational_compare(struct rational a, struct rational b);

#endif
