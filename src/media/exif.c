/*
 * Of the three times that EXIF knows the shutter's is taken, else the digitizer's, else that of the
 * last change. They are the camera's clock, whatever it was set to; nothing is converted. The
 * fraction has at least three digits, so that comparing texts compares times.
 */
#include "media/exif.h"

#include "base/base.h"
#include "media/ifd.h"

#include <stdbool.h>

enum {
    TAG_ORIENTATION = 0x0112,
    TAG_CHANGED = 0x0132,
    TAG_EXIF_DIRECTORY = 0x8769,
    TAG_ORIGINAL = 0x9003,
    TAG_DIGITIZED = 0x9004,
    TAG_FRACTION = 0x9290,
    TAG_FRACTION_ORIGINAL = 0x9291,
    TAG_FRACTION_DIGITIZED = 0x9292,

    DATE_BYTES = 19, /* 2024:05:01 12:33:44 */
    FRACTION_MIN_DIGITS = 3,
    FRACTION_MAX_DIGITS = 9,
    OLDEST_YEAR = 1826, /* no photograph is older */
};

static unsigned two_digits(const char *text) {
    return (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
}

static unsigned days_of(unsigned year, unsigned month) {
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* Digits where they belong; some programs put other separators between them. */
static bool is_date(struct str text) {
    if (text.len < DATE_BYTES)
        return false;
    for (size_t i = 0; i < DATE_BYTES; i++) {
        bool is_separator = i == 4 || i == 7 || i == 10 || i == 13 || i == 16;
        bool is_digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (is_separator == is_digit)
            return false;
    }
    unsigned year = two_digits(text.ptr) * 100 + two_digits(text.ptr + 2);
    unsigned month = two_digits(text.ptr + 5), day = two_digits(text.ptr + 8);
    return year >= OLDEST_YEAR && month >= 1 && month <= 12 && day >= 1 &&
           day <= days_of(year, month) && two_digits(text.ptr + 11) < 24 &&
           two_digits(text.ptr + 14) < 60 && two_digits(text.ptr + 17) < 60;
}

static const char *format(struct arena *arena, struct str date, struct str fraction) {
    const char *d = date.ptr;
    const char *seconds = arena_printf(arena, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s", d, d + 5, d + 8,
                                       d + 11, d + 14, d + 17);
    int digits = 0;
    while ((size_t)digits < fraction.len && digits < FRACTION_MAX_DIGITS &&
           fraction.ptr[digits] >= '0' && fraction.ptr[digits] <= '9')
        digits++;
    if (digits == 0)
        return seconds;
    int missing = digits < FRACTION_MIN_DIGITS ? FRACTION_MIN_DIGITS - digits : 0;
    return arena_printf(arena, "%s.%.*s%.*s", seconds, digits, fraction.ptr, missing, "00");
}

static const char *read_captured(struct arena *arena, const struct ifd_data *data,
                                 const struct ifd *first) {
    struct ifd second = {0, 0};
    uint32_t offset = ifd_number(data, first, TAG_EXIF_DIRECTORY);
    if (offset == 0 || !ifd_at(data, offset, &second))
        second.count = 0;
    const struct {
        const struct ifd *ifd;
        uint16_t date, fraction;
    } times[] = {{&second, TAG_ORIGINAL, TAG_FRACTION_ORIGINAL},
                 {&second, TAG_DIGITIZED, TAG_FRACTION_DIGITIZED},
                 {first, TAG_CHANGED, TAG_FRACTION}};
    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        struct str date = ifd_bytes(data, times[i].ifd, times[i].date);
        if (is_date(date))
            return format(arena, date, ifd_bytes(data, &second, times[i].fraction));
    }
    return NULL;
}

struct exif exif_read(struct arena *arena, struct str data) {
    struct exif exif = {.orientation = 1};
    struct ifd_data ifds;
    struct ifd first;
    if (!ifd_open(data, &ifds, &first))
        return exif;
    uint32_t orientation = ifd_number(&ifds, &first, TAG_ORIENTATION);
    if (orientation >= 1 && orientation <= 8)
        exif.orientation = orientation;
    exif.captured = read_captured(arena, &ifds, &first);
    return exif;
}
