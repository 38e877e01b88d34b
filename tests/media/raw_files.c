/*
 * TIFF structures: directories one behind the other, and behind them what does not fit into their
 * entries.
 */
#include "raw_files.h"

#include "base/base.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    MAX_BYTES = 1024 * 1024,
    MAX_ENTRIES = 24,
    SENSOR_WIDTH = 64,
    SENSOR_HEIGHT = 48,

    TYPE_BYTE = 1,
    TYPE_ASCII = 2,
    TYPE_SHORT = 3,
    TYPE_LONG = 4,
    TYPE_IFD = 13,
};

struct file {
    uint8_t *bytes;
    size_t size;
};

struct entry {
    uint16_t tag, type;
    uint32_t count, value;
    struct str data; /* elsewhere; empty: `value` counts */
};

struct directory {
    struct entry entries[MAX_ENTRIES];
    unsigned count;
};

static void put(struct file *file, uint64_t value, unsigned bytes) {
    assert(file->size + bytes <= MAX_BYTES);
    for (unsigned i = 0; i < bytes; i++)
        file->bytes[file->size++] = (uint8_t)(value >> 8 * i);
}

static uint32_t put_data(struct file *file, struct str data) {
    assert(file->size + data.len + 1 <= MAX_BYTES);
    uint32_t at = (uint32_t)file->size;
    if (data.len > 0)
        memcpy(file->bytes + file->size, data.ptr, data.len);
    file->size += data.len + data.len % 2;
    return at;
}

/* Tags are given in ascending order. */
static void add(struct directory *directory, uint16_t tag, uint16_t type, uint32_t count,
                uint32_t value) {
    assert(directory->count < MAX_ENTRIES);
    assert(directory->count == 0 || directory->entries[directory->count - 1].tag < tag);
    directory->entries[directory->count++] = (struct entry){tag, type, count, value, {NULL, 0}};
}

static void add_data(struct directory *directory, uint16_t tag, uint16_t type, uint32_t count,
                     struct str data) {
    add(directory, tag, type, count, 0);
    directory->entries[directory->count - 1].data = data;
}

static void add_text(struct directory *directory, uint16_t tag, const char *text) {
    add_data(directory, tag, TYPE_ASCII, (uint32_t)strlen(text) + 1,
             (struct str){text, strlen(text) + 1});
}

/* Returns where it begins; where the next one is said to be goes to `*ret_next`. */
static uint32_t put_directory(struct file *file, const struct directory *directory,
                              size_t *ret_next) {
    uint32_t offsets[MAX_ENTRIES];
    for (unsigned i = 0; i < directory->count; i++) {
        const struct entry *entry = &directory->entries[i];
        offsets[i] = entry->data.len > 4 ? put_data(file, entry->data) : entry->value;
        if (entry->data.len > 0 && entry->data.len <= 4)
            memcpy(&offsets[i], entry->data.ptr, entry->data.len);
    }
    uint32_t at = (uint32_t)file->size;
    put(file, directory->count, 2);
    for (unsigned i = 0; i < directory->count; i++) {
        put(file, directory->entries[i].tag, 2);
        put(file, directory->entries[i].type, 2);
        put(file, directory->entries[i].count, 4);
        put(file, offsets[i], 4);
    }
    *ret_next = file->size;
    put(file, 0, 4);
    return at;
}

static void set32(struct file *file, size_t at, uint32_t value) {
    size_t size = file->size;
    file->size = at;
    put(file, value, 4);
    file->size = size;
}

/* The sensor's samples: 16 bits each, in four colours' places. */
static uint32_t put_sensor(struct arena *arena, struct file *file) {
    struct directory raw = {.count = 0};
    size_t size = SENSOR_WIDTH * SENSOR_HEIGHT * 2, next;
    char *samples = arena_alloc(arena, size);
    for (size_t i = 0; i < size; i++)
        samples[i] = (char)(i * 37 % 64);
    uint32_t at = put_data(file, (struct str){samples, size});
    add(&raw, 254, TYPE_LONG, 1, 0);
    add(&raw, 256, TYPE_LONG, 1, SENSOR_WIDTH);
    add(&raw, 257, TYPE_LONG, 1, SENSOR_HEIGHT);
    add(&raw, 258, TYPE_SHORT, 1, 16);
    add(&raw, 259, TYPE_SHORT, 1, 1);
    add(&raw, 262, TYPE_SHORT, 1, 32803);
    add(&raw, 273, TYPE_LONG, 1, at);
    add(&raw, 277, TYPE_SHORT, 1, 1);
    add(&raw, 278, TYPE_LONG, 1, SENSOR_HEIGHT);
    add(&raw, 279, TYPE_LONG, 1, (uint32_t)size);
    add_data(&raw, 33421, TYPE_SHORT, 2, (struct str){"\2\0\2\0", 4});
    add_data(&raw, 33422, TYPE_BYTE, 4, (struct str){"\0\1\1\2", 4});
    return put_directory(file, &raw, &next);
}

/* As Canon's: lossless JPEG. Its header is all that is looked at. */
static uint32_t put_lossless(struct file *file) {
    static const uint8_t jpeg[] = {
        0xff,
        0xd8,
        0xff,
        0xc4,
        0,
        0x14,
        0,
        0,
        1,
        5,
        1,
        1,
        1,
        1,
        1,
        1,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0, /* one table, cut short */
        0xff,
        0xc3,
        0,
        14,
        14,
        0,
        SENSOR_HEIGHT,
        0,
        SENSOR_WIDTH / 2,
        2,
        1,
        0x11,
        0,
        2,
        0x11,
        0,
        0xff,
        0xda,
        0,
        10,
        2,
        1,
        0,
        2,
        0,
        1,
        0,
        0,
        0x55,
        0xaa,
        0xff,
        0xd9,
    };
    struct directory raw = {.count = 0};
    size_t next;
    uint32_t at = put_data(file, (struct str){(const char *)jpeg, sizeof jpeg});
    add(&raw, 259, TYPE_SHORT, 1, 6);
    add(&raw, 273, TYPE_LONG, 1, at);
    add(&raw, 279, TYPE_LONG, 1, sizeof jpeg);
    return put_directory(file, &raw, &next);
}

static uint32_t put_exif(struct file *file, const struct raw_options *options) {
    struct directory exif = {.count = 0};
    size_t next;
    add_text(&exif, 0x9003, options->captured);
    return put_directory(file, &exif, &next);
}

struct parts {
    uint32_t preview, exif, sensor, second;
};

static void add_preview_strip(struct directory *first, const struct raw_options *options,
                              const struct parts *parts, unsigned compression, const char *maker,
                              const char *model) {
    add(first, 256, TYPE_LONG, 1, options->preview_width);
    add(first, 257, TYPE_LONG, 1, options->preview_height);
    add_data(first, 258, TYPE_SHORT, 3, (struct str){"\x8\0\x8\0\x8\0", 6});
    add(first, 259, TYPE_SHORT, 1, compression);
    add(first, 262, TYPE_SHORT, 1, 6);
    add_text(first, 271, maker);
    add_text(first, 272, model);
    if (options->preview.len > 0)
        add(first, 273, TYPE_LONG, 1, parts->preview);
    add(first, 274, TYPE_SHORT, 1, options->orientation);
    add(first, 277, TYPE_SHORT, 1, 3);
    add(first, 278, TYPE_LONG, 1, options->preview_height);
    if (options->preview.len > 0)
        add(first, 279, TYPE_LONG, 1, (uint32_t)options->preview.len);
}

static void add_preview_offsets(struct directory *directory, const struct raw_options *options,
                                const struct parts *parts) {
    if (options->preview.len == 0)
        return;
    add(directory, 0x201, TYPE_LONG, 1, parts->preview);
    add(directory, 0x202, TYPE_LONG, 1, (uint32_t)options->preview.len);
}

static void make_dng(struct directory *first, const struct raw_options *options,
                     const struct parts *parts) {
    add(first, 254, TYPE_LONG, 1, 1);
    add_preview_strip(first, options, parts, 7, "Tachyscope", "Tachyscope Test");
    add(first, 330, TYPE_LONG, 1, parts->sensor);
    add(first, 0x8769, TYPE_LONG, 1, parts->exif);
    add_data(first, 50706, TYPE_BYTE, 4, (struct str){"\1\4\0\0", 4});
    add_text(first, 50708, "Tachyscope Test");
}

static void make_cr2(struct directory *first, const struct raw_options *options,
                     const struct parts *parts) {
    add_preview_strip(first, options, parts, 6, "Canon", "Canon EOS 5D");
    add(first, 0x8769, TYPE_LONG, 1, parts->exif);
}

/* The large preview has a directory of its own. */
static void make_nef(struct directory *first, const struct raw_options *options,
                     const struct parts *parts, struct arena *arena) {
    uint32_t *both = arena_array(arena, 2, sizeof *both);
    both[0] = parts->second;
    both[1] = parts->sensor;
    add(first, 254, TYPE_LONG, 1, 1);
    add_text(first, 271, "NIKON CORPORATION");
    add_text(first, 272, "NIKON D100 ");
    add(first, 274, TYPE_SHORT, 1, options->orientation);
    add_data(first, 330, TYPE_LONG, 2, (struct str){(const char *)both, 2 * sizeof *both});
    add(first, 0x8769, TYPE_LONG, 1, parts->exif);
}

static void make_arw(struct directory *first, const struct raw_options *options,
                     const struct parts *parts) {
    add(first, 254, TYPE_LONG, 1, 1);
    add(first, 259, TYPE_SHORT, 1, 6);
    add_text(first, 271, "SONY");
    add_text(first, 272, "DSLR-A100");
    add(first, 274, TYPE_SHORT, 1, options->orientation);
    add(first, 330, TYPE_LONG, 1, parts->sensor);
    add_preview_offsets(first, options, parts);
    add(first, 0x8769, TYPE_LONG, 1, parts->exif);
}

static uint32_t put_second(struct file *file, const struct raw_options *options,
                           const struct parts *parts) {
    struct directory second = {.count = 0};
    size_t next;
    add(&second, 254, TYPE_LONG, 1, 1);
    add(&second, 259, TYPE_SHORT, 1, 6);
    add_preview_offsets(&second, options, parts);
    return put_directory(file, &second, &next);
}

struct str raw_of(struct arena *arena, enum raw_kind kind, const struct raw_options *options) {
    struct file file = {arena_alloc(arena, MAX_BYTES), 0};
    struct directory first = {.count = 0};
    struct parts parts = {0};
    size_t next;
    memset(file.bytes, 0, MAX_BYTES);
    put_data(&file, (struct str){"II*\0\0\0\0\0", 8});
    if (kind == RAW_CR2)
        put_data(&file, (struct str){"CR\2\0\0\0\0\0", 8});
    parts.preview = put_data(&file, options->preview);
    parts.exif = put_exif(&file, options);
    parts.sensor = kind == RAW_CR2 ? put_lossless(&file) : put_sensor(arena, &file);
    parts.second = put_second(&file, options, &parts);
    if (kind == RAW_DNG)
        make_dng(&first, options, &parts);
    else if (kind == RAW_CR2)
        make_cr2(&first, options, &parts);
    else if (kind == RAW_NEF)
        make_nef(&first, options, &parts, arena);
    else
        make_arw(&first, options, &parts);
    set32(&file, 4, put_directory(&file, &first, &next));
    if (kind == RAW_CR2) {
        /* The sensor's is the fourth. */
        set32(&file, 12, parts.sensor);
        set32(&file, next, parts.sensor);
    }
    return (struct str){(const char *)file.bytes, file.size};
}
