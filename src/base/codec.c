/*
 * Encodings. Dates use their own calendar arithmetic (proleptic Gregorian, days counted from
 * 1970-01-01 in eras of 400 years), so that neither locale nor time zone has a say.
 */
#include "base/codec.h"

#include <stdio.h>
#include <string.h>

static const char lower_hex[] = "0123456789abcdef";
static const char upper_hex[] = "0123456789ABCDEF";

void hex_encode(const void *data, size_t size, char *ret_text) {
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        ret_text[2 * i] = lower_hex[bytes[i] >> 4];
        ret_text[2 * i + 1] = lower_hex[bytes[i] & 15];
    }
    ret_text[2 * size] = '\0';
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_decode(struct str text, void *ret_data, size_t size) {
    if (text.len % 2 != 0 || text.len / 2 != size)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (hex_value(text.ptr[i]) < 0)
            return false;
    uint8_t *bytes = ret_data;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(hex_value(text.ptr[2 * i]) << 4 | hex_value(text.ptr[2 * i + 1]));
    return true;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static char *encode64(struct arena *arena, const void *data, size_t size, const char *digits,
                      bool padded) {
    const uint8_t *bytes = data;
    char *text = arena_array(arena, size / 3 + 2, 4);
    char *out = text;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned group = (unsigned)bytes[i] << 16;
        if (left > 1)
            group |= (unsigned)bytes[i + 1] << 8;
        if (left > 2)
            group |= bytes[i + 2];
        *out++ = digits[group >> 18];
        *out++ = digits[group >> 12 & 63];
        if (left > 1)
            *out++ = digits[group >> 6 & 63];
        if (left > 2)
            *out++ = digits[group & 63];
        for (size_t missing = left; padded && missing < 3; missing++)
            *out++ = '=';
    }
    *out = '\0';
    return text;
}

char *base64_encode(struct arena *arena, const void *data, size_t size) {
    return encode64(arena, data, size, base64_digits, true);
}

char *base64url_encode(struct arena *arena, const void *data, size_t size) {
    return encode64(arena, data, size, base64url_digits, false);
}

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct arena *arena, struct str text, uint8_t **ret_data, size_t *ret_size) {
    if (text.len % 4 != 0)
        return false;
    size_t padding = 0;
    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
        padding++;
    size_t digit_count = text.len - padding;
    uint8_t *data = arena_alloc(arena, text.len / 4 * 3 + 1);
    size_t size = 0;
    unsigned group = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < digit_count; i++) {
        int value = base64_value(text.ptr[i]);
        if (value < 0)
            return false;
        group = (group << 6 | (unsigned)value) & 0xFFFFFF;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            data[size++] = (uint8_t)(group >> bits);
        }
    }
    /* Bits that belong to no byte must be zero: one value, one text. */
    if ((group & ((1u << bits) - 1)) != 0)
        return false;
    *ret_data = data;
    *ret_size = size;
    return true;
}

static bool is_unreserved(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static char *escape(struct arena *arena, struct str text, bool keep_slash, bool plus_for_space) {
    char *escaped = arena_array(arena, text.len + 1, 3);
    char *out = escaped;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (is_unreserved(c) || (keep_slash && c == '/')) {
            *out++ = c;
        } else if (plus_for_space && c == ' ') {
            *out++ = '+';
        } else {
            *out++ = '%';
            *out++ = upper_hex[(unsigned char)c >> 4];
            *out++ = upper_hex[(unsigned char)c & 15];
        }
    }
    *out = '\0';
    return escaped;
}

char *percent_encode(struct arena *arena, struct str text, bool keep_slash) {
    return escape(arena, text, keep_slash, false);
}

char *form_encode_key(struct arena *arena, struct str text) {
    return escape(arena, text, true, true);
}

bool percent_decode(struct arena *arena, struct str text, bool plus_is_space, struct str *ret) {
    char *decoded = arena_alloc(arena, text.len + 1);
    size_t size = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            if (text.len - i < 3 || hex_value(text.ptr[i + 1]) < 0 ||
                hex_value(text.ptr[i + 2]) < 0)
                return false;
            c = (char)(hex_value(text.ptr[i + 1]) << 4 | hex_value(text.ptr[i + 2]));
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        decoded[size++] = c;
    }
    *ret = (struct str){decoded, size};
    return true;
}

struct civil {
    long long year;
    unsigned month, day, hour, minute, second, ms, weekday; /* Sunday is 0 */
};

enum { DAY_MS = 86400000, DAYS_PER_ERA = 146097, DAYS_0000_03_01_TO_1970 = 719468 };

static const char *const weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* Years are counted from 1 March, so that the leap day is the last of a year. */
static struct civil civil_of(int64_t unix_ms) {
    int64_t day = unix_ms / DAY_MS;
    int64_t ms = unix_ms % DAY_MS;
    if (ms < 0) {
        ms += DAY_MS;
        day--;
    }
    int64_t shifted = day + DAYS_0000_03_01_TO_1970;
    int64_t era = (shifted >= 0 ? shifted : shifted - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    unsigned day_of_era = (unsigned)(shifted - era * DAYS_PER_ERA);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march = (5 * day_of_year + 2) / 153;
    unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    unsigned seconds = (unsigned)(ms / 1000);
    return (struct civil){
        .year = year_of_era + era * 400 + (month <= 2),
        .month = month,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
        .hour = seconds / 3600,
        .minute = seconds / 60 % 60,
        .second = seconds % 60,
        .ms = (unsigned)(ms % 1000),
        .weekday = (unsigned)(((day % 7) + 7 + 4) % 7), /* 1970-01-01 was a Thursday */
    };
}

static bool unix_ms_of(const struct civil *t, int64_t *ret) {
    static const unsigned char days_of[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (t->month < 1 || t->month > 12 || t->hour > 23 || t->minute > 59 || t->second > 59)
        return false;
    bool leap = (t->year % 4 == 0 && t->year % 100 != 0) || t->year % 400 == 0;
    unsigned days_of_month = days_of[t->month - 1] + (t->month == 2 && leap ? 1u : 0u);
    if (t->day < 1 || t->day > days_of_month)
        return false;
    /* Parsed years have four digits, so nothing here is negative or overflows. */
    int64_t year = t->year - (t->month <= 2) + 400;
    int64_t month_from_march = t->month > 2 ? t->month - 3 : t->month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + t->day - 1;
    int64_t days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - DAYS_PER_ERA -
                   DAYS_0000_03_01_TO_1970;
    int64_t seconds = days * 86400 + t->hour * 3600 + t->minute * 60 + t->second;
    *ret = seconds * 1000 + t->ms;
    return true;
}

void date_format_iso(int64_t unix_ms, char *ret) {
    struct civil t = civil_of(unix_ms);
    snprintf(ret, DATE_SIZE, "%04lld-%02u-%02uT%02u:%02u:%02u.%03uZ", t.year, t.month, t.day,
             t.hour, t.minute, t.second, t.ms);
}

void date_format_http(int64_t unix_ms, char *ret) {
    struct civil t = civil_of(unix_ms);
    snprintf(ret, DATE_SIZE, "%s, %02u %s %04lld %02u:%02u:%02u GMT", weekdays[t.weekday], t.day,
             months[t.month - 1], t.year, t.hour, t.minute, t.second);
}

void date_format_basic(int64_t unix_ms, char *ret) {
    struct civil t = civil_of(unix_ms);
    snprintf(ret, DATE_SIZE, "%04lld%02u%02uT%02u%02u%02uZ", t.year, t.month, t.day, t.hour,
             t.minute, t.second);
}

/* Takes `count` digits off the start. */
static bool take_digits(struct str *text, unsigned count, unsigned *ret) {
    if (text->len < count)
        return false;
    uint64_t value;
    if (!str_to_u64((struct str){text->ptr, count}, 9999, &value))
        return false;
    text->ptr += count;
    text->len -= count;
    *ret = (unsigned)value;
    return true;
}

static bool take_text(struct str *text, const char *expected) {
    if (!str_starts_with(*text, expected))
        return false;
    size_t length = strlen(expected);
    text->ptr += length;
    text->len -= length;
    return true;
}

static bool take_name(struct str *text, const char *const *names, unsigned count, unsigned *ret) {
    for (unsigned i = 0; i < count; i++) {
        if (take_text(text, names[i])) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* `.` and one to nine digits, of which three count; nothing is fine. */
static bool take_fraction(struct str *text, unsigned *ret_ms) {
    *ret_ms = 0;
    if (!take_text(text, "."))
        return true;
    unsigned digit, weight = 100, count = 0;
    while (take_digits(text, 1, &digit)) {
        *ret_ms += digit * weight;
        weight /= 10;
        count++;
    }
    return count >= 1 && count <= 9;
}

bool date_parse_iso(struct str text, int64_t *ret_unix_ms) {
    struct civil t = {0};
    unsigned year;
    if (!take_digits(&text, 4, &year) || !take_text(&text, "-") ||
        !take_digits(&text, 2, &t.month) || !take_text(&text, "-") ||
        !take_digits(&text, 2, &t.day) || !take_text(&text, "T") ||
        !take_digits(&text, 2, &t.hour) || !take_text(&text, ":") ||
        !take_digits(&text, 2, &t.minute) || !take_text(&text, ":") ||
        !take_digits(&text, 2, &t.second) || !take_fraction(&text, &t.ms) ||
        !take_text(&text, "Z") || text.len > 0)
        return false;
    t.year = year;
    return unix_ms_of(&t, ret_unix_ms);
}

bool date_parse_http(struct str text, int64_t *ret_unix_ms) {
    struct civil t = {0};
    unsigned year;
    if (!take_name(&text, weekdays, ARRAY_SIZE(weekdays), &t.weekday) || !take_text(&text, ", ") ||
        !take_digits(&text, 2, &t.day) || !take_text(&text, " ") ||
        !take_name(&text, months, ARRAY_SIZE(months), &t.month) || !take_text(&text, " ") ||
        !take_digits(&text, 4, &year) || !take_text(&text, " ") ||
        !take_digits(&text, 2, &t.hour) || !take_text(&text, ":") ||
        !take_digits(&text, 2, &t.minute) || !take_text(&text, ":") ||
        !take_digits(&text, 2, &t.second) || !take_text(&text, " GMT") || text.len > 0)
        return false;
    t.year = year;
    t.month++;
    return unix_ms_of(&t, ret_unix_ms);
}

bool date_parse_basic(struct str text, int64_t *ret_unix_ms) {
    struct civil t = {0};
    unsigned year;
    if (!take_digits(&text, 4, &year) || !take_digits(&text, 2, &t.month) ||
        !take_digits(&text, 2, &t.day) || !take_text(&text, "T") ||
        !take_digits(&text, 2, &t.hour) || !take_digits(&text, 2, &t.minute) ||
        !take_digits(&text, 2, &t.second) || !take_text(&text, "Z") || text.len > 0)
        return false;
    t.year = year;
    return unix_ms_of(&t, ret_unix_ms);
}
