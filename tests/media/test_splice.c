/* The parts of a film: known cases exactly, random ones by their properties. */
#include "media/splice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

/* ---- known cases ---- */

struct known_case {
    const char *name;
    uint64_t header;
    struct splice_run runs[4];
    size_t run_count;
    struct {
        bool copy;
        uint64_t length;
    } parts[6];
    size_t part_count;
};

static const struct known_case known[] = {
    {"header alone", 1000, {{0}}, 0, {{false, 1000}}, 1},
    {"small film", 1000, {{0, 0, 3 * MIB}}, 1, {{false, 3 * MIB + 1000}}, 1},
    {"the first part takes what it lacks",
     1000,
     {{0, 0, 20 * MIB}},
     1,
     {{false, 5 * MIB}, {true, 15 * MIB + 1000}},
     2},
    {"a large header stands alone",
     6 * MIB,
     {{0, 0, 20 * MIB}},
     1,
     {{false, 6 * MIB}, {true, 20 * MIB}},
     2},
    {"a rest too small to be copied goes along",
     1000,
     {{0, 0, 9 * MIB}, {1, 0, 20 * MIB}},
     2,
     {{false, 9 * MIB + 1000}, {true, 20 * MIB}},
     2},
    {"the last part may be small",
     1000,
     {{0, 0, 9 * MIB}, {1, 7, 1 * MIB}},
     2,
     {{false, 9 * MIB + 1000}, {true, 1 * MIB}},
     2},
    {"the rest of the last run may be small",
     1000,
     {{0, 0, 9 * MIB}},
     1,
     {{false, 5 * MIB}, {true, 4 * MIB + 1000}},
     2},
    {"a small run takes the head of the next",
     6 * MIB,
     {{0, 0, 1 * MIB}, {1, 0, 20 * MIB}},
     2,
     {{false, 7 * MIB}, {true, 20 * MIB}},
     2},
    {"small runs in the middle are glued",
     5 * MIB,
     {{0, 0, 8 * MIB}, {1, 0, 2 * MIB}, {2, 0, 1 * MIB}, {3, 0, 30 * MIB}},
     4,
     {{false, 5 * MIB}, {true, 8 * MIB}, {false, 5 * MIB}, {true, 28 * MIB}},
     4},
    {"neighbours in a chunk are one run",
     5 * MIB,
     {{4, 100, 3 * MIB}, {4, 100 + 3 * MIB, 0}, {4, 100 + 3 * MIB, 3 * MIB}},
     3,
     {{false, 5 * MIB}, {true, 6 * MIB}},
     2},
    {"over 5 GiB is divided",
     5 * MIB,
     {{0, 0, 5 * GIB + 1 * MIB}},
     1,
     {{false, 5 * MIB}, {true, 5 * GIB - 5 * MIB}, {true, 6 * MIB}},
     3},
    {"exactly 5 GiB is not", 5 * MIB, {{0, 0, 5 * GIB}}, 1, {{false, 5 * MIB}, {true, 5 * GIB}}, 2},
    {"without a header", 0, {{0, 0, 6 * MIB}, {1, 0, 1}}, 2, {{true, 6 * MIB}, {true, 1}}, 2},
};

/* Behind each a trailer of one byte. */
static const struct known_case known_with_trailer[] = {
    {"a trailer ends the bytes at hand", 1000, {{0, 0, 3 * MIB}}, 1, {{false, 3 * MIB + 1001}}, 1},
    {"a trailer behind a copy is a part",
     1000,
     {{0, 0, 20 * MIB}},
     1,
     {{false, 5 * MIB}, {true, 15 * MIB + 1000}, {false, 1}},
     3},
    {"before a trailer no copy may be small",
     1000,
     {{0, 0, 9 * MIB}},
     1,
     {{false, 9 * MIB + 1001}},
     1},
    {"a small last run takes the trailer",
     5 * MIB,
     {{0, 0, 6 * MIB}, {1, 0, 1 * MIB}},
     2,
     {{false, 5 * MIB}, {true, 6 * MIB}, {false, 1 * MIB + 1}},
     3},
    {"nothing but header and trailer", 30, {{0}}, 0, {{false, 31}}, 1},
    {"a trailer alone", 0, {{0}}, 0, {{false, 1}}, 1},
};

static void check_known(const struct known_case *cases, size_t case_count, uint64_t trailer) {
    for (size_t i = 0; i < case_count; i++) {
        const struct known_case *c = &cases[i];
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct splice_part *parts;
        size_t count;
        struct error err;
        print_message("%s\n", c->name);
        struct splice_film film = {c->header, trailer, c->runs, c->run_count};
        assert_true(splice_layout(arena, &film, &parts, &count, &err));
        assert_int_equal(count, c->part_count);
        for (size_t k = 0; k < count; k++) {
            assert_int_equal(parts[k].copy, c->parts[k].copy);
            assert_int_equal(parts[k].length, c->parts[k].length);
        }
    }
}

static void known_layouts(void **state) {
    (void)state;
    check_known(known, ARRAY_SIZE(known), 0);
    check_known(known_with_trailer, ARRAY_SIZE(known_with_trailer), 1);
}

/* ---- properties ---- */

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Where in the expected sequence of bytes we are. */
struct cursor {
    uint64_t header_left;
    uint64_t trailer_left;
    const struct splice_run *runs;
    size_t run_count;
    size_t run;
    uint64_t done; /* of the run */
};

static void follow(struct cursor *cursor, const struct splice_piece *piece) {
    uint64_t left = piece->length;
    assert_true(left > 0);
    if (piece->origin == SPLICE_HEADER) {
        assert_int_equal(piece->offset, 0);
        assert_int_equal(left, cursor->header_left);
        cursor->header_left = 0;
        return;
    }
    if (piece->origin == SPLICE_TRAILER) {
        assert_int_equal(piece->offset, 0);
        assert_int_equal(left, cursor->trailer_left);
        cursor->trailer_left = 0;
        return;
    }
    assert_int_equal(cursor->header_left, 0);
    for (uint64_t offset = piece->offset; left > 0;) {
        assert_true(cursor->run < cursor->run_count);
        const struct splice_run *run = &cursor->runs[cursor->run];
        uint64_t step = run->length - cursor->done < left ? run->length - cursor->done : left;
        if (step > 0) {
            assert_int_equal(piece->chunk, run->chunk);
            assert_int_equal(offset, run->offset + cursor->done);
        }
        cursor->done += step;
        offset += step;
        left -= step;
        if (cursor->done == run->length) {
            cursor->run++;
            cursor->done = 0;
        }
    }
}

static void check_part(const struct splice_part *part, bool last) {
    uint64_t length = 0;
    for (size_t i = 0; i < part->piece_count; i++)
        length += part->pieces[i].length;
    assert_int_equal(length, part->length);
    assert_true(part->length <= 5 * GIB);
    assert_true(last || part->length >= 5 * MIB);
    if (part->copy) {
        assert_int_equal(part->piece_count, 1);
        assert_int_equal(part->pieces[0].origin, SPLICE_CHUNK);
    }
}

/* A run loses at most two gluings' worth to the function, and only small ones pass whole. */
static uint64_t most_passing(const struct splice_film *film) {
    uint64_t most = film->header_bytes + film->trailer_bytes;
    for (size_t i = 0; i < film->run_count; i++)
        most += film->runs[i].length < 10 * MIB ? film->runs[i].length : 5 * MIB;
    return most;
}

static void check_layout(const struct splice_film *film) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct splice_part *parts;
    size_t count;
    struct error err;
    uint64_t passing = 0;
    struct cursor cursor = {
        .header_left = film->header_bytes,
        .trailer_left = film->trailer_bytes,
        .runs = film->runs,
        .run_count = film->run_count,
    };
    assert_true(splice_layout(arena, film, &parts, &count, &err));
    for (size_t i = 0; i < count; i++) {
        check_part(&parts[i], i + 1 == count);
        for (size_t k = 0; k < parts[i].piece_count; k++)
            follow(&cursor, &parts[i].pieces[k]);
        passing += parts[i].copy ? 0 : parts[i].length;
    }
    while (cursor.run < film->run_count && film->runs[cursor.run].length == 0)
        cursor.run++;
    assert_int_equal(cursor.header_left, 0);
    assert_int_equal(cursor.trailer_left, 0);
    assert_int_equal(cursor.run, film->run_count);
    assert_true(passing <= most_passing(film));
}

static void random_layouts(void **state) {
    (void)state;
    static const uint64_t scales[] = {1, 64 * KIB, 5 * MIB, 12 * MIB, 40 * MIB, 11 * GIB};
    uint64_t seed = 0x7ac405c0;
    for (int round = 0; round < 3000; round++) {
        struct splice_run runs[40];
        size_t count = next_random(&seed) % ARRAY_SIZE(runs);
        uint32_t chunk = 0;
        uint64_t offset = 0;
        for (size_t i = 0; i < count; i++) {
            uint64_t scale = scales[next_random(&seed) % ARRAY_SIZE(scales)];
            /* Sometimes straight on in the same chunk, sometimes with a gap, sometimes elsewhere.
             */
            uint64_t way = next_random(&seed) % 3;
            chunk += way == 0;
            offset = way == 0 ? next_random(&seed) % MIB : offset + (way == 1 ? 1 : 0);
            runs[i] = (struct splice_run){chunk, offset, next_random(&seed) % (scale + 1)};
            offset += runs[i].length;
        }
        struct splice_film film = {
            .header_bytes = next_random(&seed) % (7 * MIB),
            .trailer_bytes = next_random(&seed) % 3,
            .runs = runs,
            .run_count = count,
        };
        check_layout(&film);
    }
}

/* ---- limits ---- */

static void too_large(void **state) {
    (void)state;
    static const struct splice_run over[] = {{0, 0, 3 * TIB}, {1, 0, 3 * TIB}};
    static const struct splice_run wraps[] = {{0, 0, UINT64_MAX}, {1, 0, UINT64_MAX}};
    static const struct splice_run offset[] = {{0, UINT64_MAX - 5, 10}};
    static const struct {
        uint64_t header;
        const struct splice_run *runs;
        size_t count;
    } cases[] = {{1000, over, 2}, {1000, wraps, 2}, {1000, offset, 1}, {UINT64_MAX, NULL, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct splice_part *parts;
        size_t count;
        struct error err = {0};
        struct splice_film film = {cases[i].header, 0, cases[i].runs, cases[i].count};
        assert_false(splice_layout(arena, &film, &parts, &count, &err));
        assert_int_equal(err.kind, ERROR_LIMIT);
    }
}

static void too_many_parts(void **state) {
    (void)state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct splice_run *runs = arena_array(arena, 10000, sizeof *runs);
    struct splice_part *parts;
    size_t count;
    struct error err = {0};
    for (uint32_t i = 0; i < 10000; i++)
        runs[i] = (struct splice_run){i, 0, 6 * MIB};
    struct splice_film film = {5 * MIB, 0, runs, 9999};
    assert_true(splice_layout(arena, &film, &parts, &count, &err));
    assert_int_equal(count, 10000);
    film.trailer_bytes = 1;
    assert_false(splice_layout(arena, &film, &parts, &count, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
    film = (struct splice_film){5 * MIB, 0, runs, 10000};
    assert_false(splice_layout(arena, &film, &parts, &count, &err));
    assert_int_equal(err.kind, ERROR_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_layouts),
        cmocka_unit_test(random_layouts),
        cmocka_unit_test(too_large),
        cmocka_unit_test(too_many_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
