/*
 * Strings by pointer and length, UTF-8 and the growing buffer. `memcmp` and `memcpy` are never
 * called with a NULL pointer, which an empty string may have.
 */
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

struct str str_c(const char *text) {
    return (struct str){text, strlen(text)};
}

bool str_equal(struct str a, struct str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_equal_c(struct str a, const char *b) {
    return str_equal(a, str_c(b));
}

bool str_starts_with(struct str text, const char *prefix) {
    size_t length = strlen(prefix);
    return text.len >= length &&
           str_equal((struct str){text.ptr, length}, (struct str){prefix, length});
}

bool str_ends_with(struct str text, const char *suffix) {
    size_t length = strlen(suffix);
    if (text.len < length)
        return false;
    return length == 0 || memcmp(text.ptr + text.len - length, suffix, length) == 0;
}

static unsigned char lower(char c) {
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool str_equal_nocase(struct str a, struct str b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

int str_compare(struct str a, struct str b) {
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.ptr, b.ptr, common) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* A run of digits at the start of `*text`, taken off; leading zeros are counted, not kept. */
static struct str take_number(struct str *text, size_t *ret_zeros) {
    size_t end = 0;
    while (end < text->len && is_digit(text->ptr[end]))
        end++;
    size_t zeros = 0;
    while (zeros < end && text->ptr[zeros] == '0')
        zeros++;
    struct str digits = {text->ptr + zeros, end - zeros};
    *ret_zeros = zeros;
    text->ptr += end;
    text->len -= end;
    return digits;
}

int str_compare_natural(struct str a, struct str b) {
    /* Zeros decide only when all else is equal; otherwise the order would not be transitive. */
    int order_of_zeros = 0;
    while (a.len > 0 && b.len > 0) {
        if (is_digit(a.ptr[0]) && is_digit(b.ptr[0])) {
            size_t zeros_a, zeros_b;
            struct str number_a = take_number(&a, &zeros_a);
            struct str number_b = take_number(&b, &zeros_b);
            if (number_a.len != number_b.len)
                return number_a.len < number_b.len ? -1 : 1;
            int order = str_compare(number_a, number_b);
            if (order != 0)
                return order;
            if (order_of_zeros == 0)
                order_of_zeros = (zeros_a > zeros_b) - (zeros_a < zeros_b);
            continue;
        }
        if (a.ptr[0] != b.ptr[0])
            return (unsigned char)a.ptr[0] < (unsigned char)b.ptr[0] ? -1 : 1;
        a.ptr++;
        a.len--;
        b.ptr++;
        b.len--;
    }
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return order_of_zeros;
}

struct str str_split(struct str text, char separator, struct str *ret_rest) {
    const char *found = text.len > 0 ? memchr(text.ptr, separator, text.len) : NULL;
    if (!found) {
        *ret_rest = (struct str){NULL, 0};
        return text;
    }
    size_t length = (size_t)(found - text.ptr);
    *ret_rest = (struct str){found + 1, text.len - length - 1};
    return (struct str){text.ptr, length};
}

struct str str_trim(struct str text) {
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

bool str_to_u64(struct str text, uint64_t max, uint64_t *ret) {
    if (text.len == 0)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i]))
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.ptr[i] - '0'), &value))
            return false;
    }
    if (value > max)
        return false;
    *ret = value;
    return true;
}

size_t str_utf8_step(struct str text, uint32_t *ret_character) {
    if (text.len == 0)
        return 0;
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    if (bytes[0] < 0x80) {
        *ret_character = bytes[0];
        return 1;
    }
    /* Smallest character that needs so many bytes: anything below is an overlong form. */
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = bytes[0] >= 0xF0 ? 4 : bytes[0] >= 0xE0 ? 3 : 2;
    if (bytes[0] < 0xC0 || bytes[0] > 0xF7 || text.len < length)
        return 0;
    uint32_t character = bytes[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
        character = character << 6 | (bytes[i] & 0x3Fu);
    }
    if (character < smallest[length] || character > 0x10FFFF ||
        (character >= 0xD800 && character <= 0xDFFF))
        return 0;
    *ret_character = character;
    return length;
}

bool str_is_utf8(struct str text) {
    while (text.len > 0) {
        uint32_t character;
        size_t length = str_utf8_step(text, &character);
        if (length == 0)
            return false;
        text.ptr += length;
        text.len -= length;
    }
    return true;
}

bool str_has_control(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F)
            return true;
    return false;
}

void buf_init(struct buf *buf, size_t max_size) {
    *buf = (struct buf){.max_size = max_size};
}

void buf_clear(struct buf *buf) {
    free(buf->data);
    *buf = (struct buf){.max_size = buf->max_size};
}

bool buf_append(struct buf *buf, const void *data, size_t size, struct error *err) {
    if (size > buf->max_size - buf->size)
        return error_set(err, ERROR_LIMIT, NULL, "more than %zu bytes", buf->max_size);
    if (size == 0)
        return true;
    size_t needed = buf->size + size;
    if (needed > buf->capacity) {
        size_t capacity = buf->capacity > 0 ? buf->capacity : 256;
        while (capacity < needed)
            capacity = capacity > buf->max_size / 2 ? buf->max_size : capacity * 2;
        uint8_t *grown = realloc(buf->data, capacity);
        if (!grown)
            die_out_of_memory();
        buf->data = grown;
        buf->capacity = capacity;
    }
    memcpy(buf->data + buf->size, data, size);
    buf->size = needed;
    return true;
}

struct str buf_str(const struct buf *buf) {
    return (struct str){(const char *)buf->data, buf->size};
}
