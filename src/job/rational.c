/*
 * Fractions of whole numbers. The digits of a text are limited, so that nothing here can overflow.
 */
#include "job/rational.h"

#include <inttypes.h>
#include <stdio.h>

enum { MAX_DIGITS = 9 };
#define MAX_NUM                                                                                    \
    UINT64_C(999999999999999999) /* what nine digits before and after the point make               \
                                  */
#define MAX_DEN UINT64_C(1000000000)

__extension__ typedef __int128 wide;

static int64_t greatest_divisor(int64_t a, int64_t b) {
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

struct rational rational_reduce(int64_t num, int64_t den) {
    int64_t divisor = greatest_divisor(num, den);
    return (struct rational){num / divisor, den / divisor};
}

static bool parse_decimal(struct str whole, struct str fraction, struct rational *ret) {
    uint64_t before = 0, after;
    int64_t den = 1;
    if (whole.len > MAX_DIGITS || fraction.len > MAX_DIGITS)
        return false;
    if ((whole.len > 0 && !str_to_u64(whole, MAX_NUM, &before)) ||
        !str_to_u64(fraction, MAX_NUM, &after))
        return false;
    for (size_t i = 0; i < fraction.len; i++)
        den *= 10;
    *ret = rational_reduce((int64_t)before * den + (int64_t)after, den);
    return true;
}

static bool parse_fraction(struct str above, struct str below, struct rational *ret) {
    uint64_t num, den;
    if (!str_to_u64(above, MAX_NUM, &num) || !str_to_u64(below, MAX_DEN, &den) || den == 0)
        return false;
    *ret = rational_reduce((int64_t)num, (int64_t)den);
    return true;
}

bool rational_parse(struct str text, struct rational *ret) {
    struct str rest;
    struct str first = str_split(text, '.', &rest);
    if (first.len < text.len)
        return parse_decimal(first, rest, ret);
    first = str_split(text, '/', &rest);
    if (first.len < text.len)
        return parse_fraction(first, rest, ret);
    return text.len > 0 && parse_decimal(text, str_c("0"), ret);
}

void rational_format(struct rational value, char *ret) {
    if (value.den == 1)
        snprintf(ret, RATIONAL_SIZE, "%" PRId64, value.num);
    else
        snprintf(ret, RATIONAL_SIZE, "%" PRId64 "/%" PRId64, value.num, value.den);
}

int rational_compare(struct rational a, struct rational b) {
    wide left = (wide)a.num * b.den;
    wide right = (wide)b.num * a.den;
    return (left > right) - (left < right);
}
