/*
 * The boxes of MP4 and the pages of Ogg before a demuxer sees them: what they say of the sound's
 * length, and tables that promise more than their file can hold.
 */
#include "media/audio_boxes.h"
#include "media/audio_pages.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { FILE_BYTES = 8192, MAX_DEPTH = 8 };

/* A file under construction; boxes are opened and closed like brackets. */
struct file {
    uint8_t bytes[FILE_BYTES];
    size_t size;
    size_t open[MAX_DEPTH];
    size_t depth;
};

static void put32(struct file *file, uint32_t value) {
    assert_true(file->size + 4 <= FILE_BYTES);
    for (int i = 0; i < 4; i++)
        file->bytes[file->size++] = (uint8_t)(value >> (24 - 8 * i));
}

static void put64(struct file *file, uint64_t value) {
    put32(file, (uint32_t)(value >> 32));
    put32(file, (uint32_t)value);
}

static void begin(struct file *file, const char *type) {
    file->open[file->depth++] = file->size;
    put32(file, 0);
    memcpy(file->bytes + file->size, type, 4);
    file->size += 4;
}

static void end(struct file *file) {
    size_t start = file->open[--file->depth], now = file->size;
    file->size = start;
    put32(file, (uint32_t)(now - start));
    file->size = now;
}

/* A box of 32-bit numbers; the first is version and flags. */
static void box(struct file *file, const char *type, const uint32_t *values, size_t count) {
    begin(file, type);
    for (size_t i = 0; i < count; i++)
        put32(file, values[i]);
    end(file);
}

#define BOX(file, type, ...)                                                                       \
    box(file, type, (const uint32_t[]){__VA_ARGS__},                                               \
        sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

enum { SOUN = 0x736f756e, VIDE = 0x76696465 };

/* What a movie of one track says. */
struct movie {
    uint32_t movie_scale, media_scale, handler;
    uint32_t packets, packet_ticks, last_ticks; /* durations; 0: no last one apart */
    uint32_t sample_size, sample_count;         /* stsz */
    uint32_t chunks, per_chunk;
    uint32_t edit_count; /* 0: no edit list */
    uint32_t edit_ticks, edit_start;
    bool has_empty_edit, is_fragmented, is_long;
};

static void put_edits(struct file *file, const struct movie *movie) {
    begin(file, "edts");
    begin(file, "elst");
    put32(file, movie->is_long ? 1u << 24 : 0);
    put32(file, movie->edit_count + (movie->has_empty_edit ? 1 : 0));
    for (uint32_t i = movie->has_empty_edit ? 0 : 1; i <= movie->edit_count; i++) {
        uint32_t ticks = i == 0 ? 77 : movie->edit_ticks;
        uint32_t start = i == 0 ? UINT32_MAX : movie->edit_start;
        if (movie->is_long) {
            put64(file, ticks);
            put64(file, i == 0 ? UINT64_MAX : start);
        } else {
            put32(file, ticks);
            put32(file, start);
        }
        put32(file, 0x10000);
    }
    end(file);
    end(file);
}

static void put_tables(struct file *file, const struct movie *movie) {
    begin(file, "minf");
    begin(file, "stbl");
    if (movie->last_ticks > 0)
        BOX(file, "stts", 0, 2, movie->packets - 1, movie->packet_ticks, 1, movie->last_ticks);
    else
        BOX(file, "stts", 0, 1, movie->packets, movie->packet_ticks);
    BOX(file, "stsc", 0, 1, 1, movie->per_chunk, 1);
    begin(file, "stsz");
    put32(file, 0);
    put32(file, movie->sample_size);
    put32(file, movie->sample_count);
    for (uint32_t i = 0; movie->sample_size == 0 && i < movie->sample_count; i++)
        put32(file, 10);
    end(file);
    begin(file, "stco");
    put32(file, 0);
    put32(file, movie->chunks);
    for (uint32_t i = 0; i < movie->chunks; i++)
        put32(file, 1000);
    end(file);
    end(file);
    end(file);
}

static struct str make_movie(struct file *file, const struct movie *movie) {
    *file = (struct file){0};
    BOX(file, "ftyp", 0x4d344120, 0);
    begin(file, "moov");
    BOX(file, "mvhd", 0, 0, 0, movie->movie_scale, 0);
    begin(file, "trak");
    if (movie->edit_count > 0 || movie->has_empty_edit)
        put_edits(file, movie);
    begin(file, "mdia");
    BOX(file, "mdhd", 0, 0, 0, movie->media_scale, 0);
    BOX(file, "hdlr", 0, 0, movie->handler, 0, 0, 0);
    put_tables(file, movie);
    end(file);
    end(file);
    if (movie->is_fragmented)
        BOX(file, "mvex", 0);
    end(file);
    /* Room for what the tables speak of. */
    begin(file, "mdat");
    file->size += 2000;
    end(file);
    return (struct str){(const char *)file->bytes, file->size};
}

static const struct movie usual = {.movie_scale = 1000,
                                   .media_scale = 44100,
                                   .handler = SOUN,
                                   .packets = 99,
                                   .packet_ticks = 1024,
                                   .sample_count = 99,
                                   .chunks = 3,
                                   .per_chunk = 33};

static void tells_what_is_heard(void **state) {
    /* 99 packets are 101,376 ticks, or 2,298.78 ms. */
    const struct {
        const char *name;
        struct movie change;
        uint64_t heard;
    } cases[] = {
        {"no edit", {0}, 101376},
        {"short last packet", {.last_ticks = 500}, 100852},
        {"priming", {.edit_count = 1, .edit_start = 1024, .edit_ticks = 2276}, 100352},
        {"the edit as rounded", {.edit_count = 1, .edit_start = 1024, .edit_ticks = 2275}, 100352},
        {"a shorter edit", {.edit_count = 1, .edit_start = 1024, .edit_ticks = 2000}, 88200},
        {"an exact edit",
         {.movie_scale = 44100, .edit_count = 1, .edit_start = 2112, .edit_ticks = 99000},
         99000},
        {"an exact edit, long",
         {.movie_scale = 44100,
          .edit_count = 1,
          .edit_start = 2112,
          .edit_ticks = 99000,
          .is_long = true},
         99000},
        {"an edit beyond the end",
         {.movie_scale = 44100, .edit_count = 1, .edit_start = 2112, .edit_ticks = 999999},
         99264},
        {"an edit of no length", {.edit_count = 1, .edit_start = 1024}, 100352},
        {"after an empty edit",
         {.movie_scale = 44100,
          .edit_count = 1,
          .has_empty_edit = true,
          .edit_start = 1024,
          .edit_ticks = 50000},
         50000},
        {"a start beyond the end", {.edit_count = 1, .edit_start = 200000, .edit_ticks = 1}, 0},
        {"several edits", {.edit_count = 2, .edit_start = 1024, .edit_ticks = 50}, 0},
        {"fragments", {.is_fragmented = true}, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct file file;
        struct movie movie = cases[i].change;
        struct audio_boxes boxes;
        struct error err;
        uint32_t scale = movie.movie_scale;
        movie.movie_scale = scale > 0 ? scale : usual.movie_scale;
        movie.media_scale = usual.media_scale;
        movie.handler = usual.handler;
        movie.packets = movie.sample_count = usual.packets;
        movie.packet_ticks = usual.packet_ticks;
        movie.chunks = usual.chunks;
        movie.per_chunk = usual.per_chunk;
        if (!audio_boxes_read(make_movie(&file, &movie), &boxes, &err))
            fail_msg("%s: %s", cases[i].name, err.text);
        if (boxes.heard != cases[i].heard || boxes.timescale != 44100)
            fail_msg("%s: %llu", cases[i].name, (unsigned long long)boxes.heard);
    }
}

static void check_refused(const char *name, struct str file, enum error_kind kind,
                          const char *text) {
    struct audio_boxes boxes = {1, 2};
    struct error err;
    if (audio_boxes_read(file, &boxes, &err))
        fail_msg("%s was taken", name);
    if (err.kind != kind || strstr(err.text, text) == NULL)
        fail_msg("%s: %s: %s", name, error_kind_name(err.kind), err.text);
    assert_int_equal(boxes.heard, 1);
}

static void refuses_tables_that_lie(void **state) {
    struct file file;
    struct movie movie = usual;
    (void)state;
    movie.handler = VIDE;
    check_refused("video", make_movie(&file, &movie), ERROR_INVALID, "a video without sound");
    movie = usual;
    movie.sample_size = 4;
    movie.sample_count = 100000000;
    check_refused("sizes", make_movie(&file, &movie), ERROR_INVALID, "100000000 samples of 4");
    movie = usual;
    movie.per_chunk = 0x10000000;
    check_refused("chunks", make_movie(&file, &movie), ERROR_INVALID, "samples in a file of");
    movie = usual;
    movie.packets = movie.packet_ticks = UINT32_MAX;
    movie.last_ticks = UINT32_MAX;
    check_refused("durations", make_movie(&file, &movie), ERROR_INVALID, "'stts' makes no sense");
    movie = usual;
    movie.edit_count = AUDIO_BOXES_MAX_EDITS + 1;
    check_refused("edits", make_movie(&file, &movie), ERROR_LIMIT, "257 edits");
}

/* Tables whose number of entries is not backed by bytes. */
static void refuses_tables_that_end_early(void **state) {
    static const char *const types[] = {"stts", "stsc", "stsz", "stz2", "stco",
                                        "co64", "elst", "mdhd", "hdlr", "trun"};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct file file = {0};
        begin(&file, "moov");
        begin(&file, "trak");
        BOX(&file, types[i], 0);
        end(&file);
        end(&file);
        check_refused(types[i], (struct str){(const char *)file.bytes, file.size}, ERROR_INVALID,
                      "makes no sense");
        bool has_rows = i < 7;
        file = (struct file){0};
        begin(&file, "moov");
        begin(&file, "trak");
        if (strncmp(types[i], "sts", 3) == 0 && types[i][3] == 'z')
            BOX(&file, types[i], 0, 0, 1000);
        else if (strcmp(types[i], "stz2") == 0)
            BOX(&file, types[i], 0, 16, 1000);
        else
            BOX(&file, types[i], 0, 1000);
        end(&file);
        end(&file);
        if (has_rows)
            check_refused(types[i], (struct str){(const char *)file.bytes, file.size},
                          ERROR_INVALID, "makes no sense");
    }
}

static void refuses_strange_trees(void **state) {
    struct file file = {0};
    (void)state;
    for (int i = 0; i < 3; i++) {
        begin(&file, "moof");
        BOX(&file, "trun", 0, 4 * 1024 * 1024);
        end(&file);
    }
    check_refused("fragments", (struct str){(const char *)file.bytes, file.size}, ERROR_LIMIT,
                  "in fragments");
    file = (struct file){0};
    begin(&file, "moov");
    BOX(&file, "cmov", 0, 0);
    end(&file);
    check_refused("cmov", (struct str){(const char *)file.bytes, file.size}, ERROR_INVALID,
                  "compressed movie header");
    /* Nothing but moov in moov in moov. */
    file = (struct file){0};
    for (uint32_t i = 0; i < 200; i++) {
        put32(&file, (200 - i) * 8);
        memcpy(file.bytes + file.size, "moov", 4);
        file.size += 4;
    }
    check_refused("depth", (struct str){(const char *)file.bytes, file.size}, ERROR_INVALID,
                  "without end");
    file = (struct file){0};
    put32(&file, 1);
    put32(&file, 0x6d646174);
    put64(&file, UINT64_MAX);
    check_refused("64 bits", (struct str){(const char *)file.bytes, file.size}, ERROR_INVALID,
                  "goes beyond the end");
    check_refused("half a header", (struct str){(const char *)file.bytes, 12}, ERROR_INVALID,
                  "goes beyond the end");
}

static void takes_boxes_of_all_lengths(void **state) {
    struct file file;
    struct audio_boxes boxes;
    struct error err;
    struct str movie = make_movie(&file, &usual);
    (void)state;
    /* One with a size of 64 bits, one that goes on to the end, and padding. */
    put32(&file, 1);
    put32(&file, 0x66726565);
    put64(&file, 20);
    put32(&file, 0);
    put32(&file, 0);
    put32(&file, 0x6d646174);
    file.size += 100;
    movie.len = file.size;
    assert_true(audio_boxes_read(movie, &boxes, &err));
    movie = make_movie(&file, &usual);
    movie.len += 7;
    assert_true(audio_boxes_read(movie, &boxes, &err));
}

static void looks_at_every_page(void **state) {
    /* An empty page with the mark of the end; its checksum comes from another program. */
    static const char page[] = "OggS\0\4\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\x05\x0a\x4c\xb5\0";
    enum { PAGE_BYTES = sizeof page - 1 };
    char file[3 * PAGE_BYTES];
    struct error err;
    (void)state;
    for (size_t i = 0; i < sizeof file; i++)
        file[i] = page[i % PAGE_BYTES];
    assert_true(audio_pages_check((struct str){file, sizeof file}, &err));
    for (size_t i = 0; i < sizeof file; i++) {
        file[i] ^= 0x10;
        /* What is no page behind the end is somebody's tag. */
        bool is_tag = i >= 2 * PAGE_BYTES && i <= 2 * PAGE_BYTES + 4;
        bool is_good = audio_pages_check((struct str){file, sizeof file}, &err);
        if (is_good != is_tag)
            fail_msg("byte %zu", i);
        file[i] ^= 0x10;
    }
    for (size_t size = 1; size < PAGE_BYTES; size++) {
        assert_false(audio_pages_check((struct str){page, size}, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.text, "truncated at 0.0 s, in its last page");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_heard),           cmocka_unit_test(refuses_tables_that_lie),
        cmocka_unit_test(refuses_tables_that_end_early), cmocka_unit_test(refuses_strange_trees),
        cmocka_unit_test(takes_boxes_of_all_lengths),    cmocka_unit_test(looks_at_every_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
