/* GIF's LZW against a decoder written from the standard. */
#include "media/lzw.h"

#include "base/base.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX_CODES = 4096, MAX_INDICES = 200000 };

struct reader {
    const uint8_t *data;
    size_t size, place;
    unsigned block_left;
    uint32_t bits;
    unsigned bit_count;
};

static unsigned read_code(struct reader *reader, unsigned width) {
    while (reader->bit_count < width) {
        if (reader->block_left == 0) {
            assert_true(reader->place < reader->size);
            reader->block_left = reader->data[reader->place++];
            assert_true(reader->block_left > 0);
        }
        assert_true(reader->place < reader->size);
        reader->bits |= (uint32_t)reader->data[reader->place++] << reader->bit_count;
        reader->bit_count += 8;
        reader->block_left--;
    }
    unsigned code = reader->bits & ((1u << width) - 1);
    reader->bits >>= width;
    reader->bit_count -= width;
    return code;
}

/* Returns the number of indices; fails the test where the data is not as GIF89a says. */
static size_t decode(const struct buf *data, uint8_t *ret) {
    static uint16_t prefixes[MAX_CODES];
    static uint8_t lasts[MAX_CODES], stack[MAX_CODES];
    struct reader reader = {.data = data->data, .size = data->size, .place = 1};
    unsigned min_bits = data->data[0], clear = 1u << min_bits, next = clear + 2,
             width = min_bits + 1;
    unsigned before = clear;
    size_t count = 0;
    assert_int_equal(read_code(&reader, width), clear);
    for (;;) {
        unsigned code = read_code(&reader, width);
        if (code == clear + 1)
            break;
        if (code == clear) {
            next = clear + 2;
            width = min_bits + 1;
            before = clear;
            continue;
        }
        assert_true(code < next || (code == next && before != clear && next < MAX_CODES));
        unsigned depth = 0, walked = code == next ? before : code;
        for (; walked > clear; walked = prefixes[walked])
            stack[depth++] = lasts[walked];
        uint8_t first = (uint8_t)walked;
        assert_true(count + depth + 2 < MAX_INDICES);
        ret[count++] = first;
        while (depth > 0)
            ret[count++] = stack[--depth];
        if (code == next)
            ret[count++] = first;
        if (before != clear && next < MAX_CODES) {
            prefixes[next] = (uint16_t)before;
            lasts[next++] = first;
            if (next == 1u << width && width < 12)
                width++;
        }
        before = code;
    }
    assert_int_equal(reader.block_left, 0);
    assert_int_equal(reader.place + 1, reader.size);
    assert_int_equal(reader.data[reader.place], 0);
    return count;
}

static void check(const uint8_t *indices, size_t count, unsigned bits) {
    static uint8_t decoded[MAX_INDICES];
    struct buf data CLEANUP(buf_clear);
    struct error err = {0};
    buf_init(&data, 1 << 20);
    assert_true(lzw_encode(indices, count, bits, &data, &err));
    assert_int_equal(data.data[0], bits < 2 ? 2 : bits);
    assert_int_equal(decode(&data, decoded), count);
    assert_memory_equal(decoded, indices, count);
}

/* 0: one index only; 1: noise; 2: a saw; 3: runs. */
static void fill(uint8_t *ret, size_t count, unsigned bits, unsigned kind) {
    uint32_t random = 12345;
    for (size_t i = 0; i < count; i++) {
        random = random * 1664525u + 1013904223u;
        unsigned value = kind == 0   ? 1
                         : kind == 1 ? random >> 24
                         : kind == 2 ? (unsigned)i
                                     : (unsigned)(i * i / 5000);
        ret[i] = (uint8_t)(value & ((1u << bits) - 1));
    }
}

static void what_goes_in_comes_out(void **state) {
    (void)state;
    static const size_t counts[] = {1,    2,    3,    4,    5,    6,    7,     8,     13,    14,
                                    15,   30,   254,  255,  256,  257,  509,   510,   511,   1000,
                                    3837, 3838, 3839, 3840, 3841, 4096, 10000, 65536, 150000};
    static uint8_t indices[MAX_INDICES];
    for (unsigned bits = 1; bits <= 8; bits++)
        for (unsigned kind = 0; kind < 4; kind++) {
            fill(indices, MAX_INDICES, bits, kind);
            for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
                check(indices, counts[i], bits);
        }
}

/* Every length around those where codes widen. */
static void every_length(void **state) {
    (void)state;
    static uint8_t indices[MAX_INDICES];
    for (unsigned kind = 0; kind < 4; kind++) {
        fill(indices, MAX_INDICES, 2, kind);
        for (size_t count = 1; count < 600; count++)
            check(indices, count, 2);
    }
}

static void one_pixel(void **state) {
    (void)state;
    static const uint8_t index = 0, expected[] = {2, 2, 0x44, 1, 0};
    struct buf data CLEANUP(buf_clear);
    struct error err = {0};
    buf_init(&data, 100);
    assert_true(lzw_encode(&index, 1, 1, &data, &err));
    assert_int_equal(data.size, sizeof expected);
    assert_memory_equal(data.data, expected, sizeof expected);
}

static void full_buffers(void **state) {
    (void)state;
    static uint8_t indices[10000];
    fill(indices, sizeof indices, 8, 1);
    for (size_t max = 0; max < 700; max += 23) {
        struct buf data CLEANUP(buf_clear);
        struct error err = {0};
        buf_init(&data, max);
        assert_false(lzw_encode(indices, sizeof indices, 8, &data, &err));
        assert_int_equal(err.kind, ERROR_LIMIT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(every_length),
        cmocka_unit_test(one_pixel),
        cmocka_unit_test(full_buffers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
