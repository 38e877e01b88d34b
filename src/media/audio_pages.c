/*
 * One walk from page to page with their checksums. A stream that was recorded from the radio may
 * lack the mark of its end, so a file that stops behind any whole page is taken.
 */
#include "media/audio_pages.h"

#include "media/bytes.h"

#include <stdint.h>
#include <string.h>

enum {
    HEADER_BYTES = 27,
    CHECKSUM_AT = 22,
    SEGMENT_COUNT_AT = 26,
    FLAG_END = 4,
    OPUS_RATE = 48000,
};

struct page {
    size_t size; /* 0: not whole */
    struct str body;
    const uint8_t *header;
};

static const uint8_t *bytes_of(struct str text) {
    return (const uint8_t *)text.ptr;
}

static void fill_checksums(uint32_t ret[256]) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i << 24;
        for (int bit = 0; bit < 8; bit++)
            value = value << 1 ^ ((value & 0x80000000u) != 0 ? 0x04c11db7u : 0);
        ret[i] = value;
    }
}

/* The page's own place for it counts as zeros. */
static uint32_t checksum(const uint32_t table[256], struct str page) {
    uint32_t value = 0;
    for (size_t i = 0; i < page.len; i++) {
        uint8_t byte = i - CHECKSUM_AT < 4 ? 0 : bytes_of(page)[i];
        value = value << 8 ^ table[value >> 24 ^ byte];
    }
    return value;
}

static bool is_page(struct str rest) {
    return rest.len >= 5 && memcmp(rest.ptr, "OggS\0", 5) == 0;
}

static struct page read_page(struct str rest) {
    struct page page = {.header = bytes_of(rest)};
    if (rest.len < HEADER_BYTES)
        return page;
    size_t count = page.header[SEGMENT_COUNT_AT], head = HEADER_BYTES + count, size = head;
    for (size_t i = HEADER_BYTES; i < head && head <= rest.len; i++)
        size += page.header[i];
    if (head > rest.len || size > rest.len)
        return page;
    page.size = size;
    page.body = (struct str){rest.ptr + head, size - head};
    return page;
}

/* Samples a second of the stream that begins on this page; 0: not known, or not sound. */
static uint32_t rate_of(struct str body) {
    const uint8_t *p = bytes_of(body);
    if (body.len >= 16 && memcmp(p, "\1vorbis", 7) == 0)
        return read_le32(p + 12);
    if (body.len >= 19 && memcmp(p, "OpusHead", 8) == 0)
        return OPUS_RATE;
    if (body.len >= 51 && memcmp(p,
                                 "\x7f"
                                 "FLAC",
                                 5) == 0)
        return read_be32(p + 27) >> 12;
    return 0;
}

static bool refuse(double seconds, bool is_end, struct error *err) {
    if (is_end)
        return error_set(err, ERROR_INVALID, NULL, "truncated at %.1f s, in its last page",
                         seconds);
    return error_set(err, ERROR_INVALID, NULL, "damaged at %.1f s", seconds);
}

static bool has_page_behind(struct str rest) {
    for (size_t at = 1; at < rest.len; at++)
        if (is_page((struct str){rest.ptr + at, rest.len - at}))
            return true;
    return false;
}

bool audio_pages_check(struct str file, struct error *err) {
    uint32_t table[256], rate = 0, serial = 0;
    double seconds = 0; /* up to the page at hand */
    bool is_end = false;
    fill_checksums(table);
    for (struct str rest = file; rest.len > 0;) {
        struct page page = {0};
        if (is_page(rest))
            page = read_page(rest);
        bool is_good = page.size > 0 && checksum(table, (struct str){rest.ptr, page.size}) ==
                                            read_le32(page.header + CHECKSUM_AT);
        if (!is_good && is_end && !is_page(rest) && !has_page_behind(rest))
            return true;
        if (!is_good)
            return refuse(seconds, page.size == 0 && !has_page_behind(rest), err);
        if (rate == 0 && (rate = rate_of(page.body)) > 0)
            serial = read_le32(page.header + 14);
        uint64_t place = (uint64_t)read_le32(page.header + 10) << 32 | read_le32(page.header + 6);
        if (rate > 0 && read_le32(page.header + 14) == serial && place <= INT64_MAX)
            seconds = (double)place / rate;
        is_end = (page.header[5] & FLAG_END) != 0;
        rest = (struct str){rest.ptr + page.size, rest.len - page.size};
    }
    return true;
}
