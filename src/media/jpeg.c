/*
 * JPEG: Y'CbCr planes as they are stored, without upsampling of chroma or conversion to RGB, which
 * both would be undone later. Files that are not Y'CbCr or grey (Adobe's RGB, CMYK, odd sampling)
 * take the long way by interleaved samples.
 *
 * The library scales by any eighth, but only halves and quarters pay: 5/8 to 7/8 are slower than
 * full size, and 3/8 costs what 4/8 does.
 */
#include "media/bytes.h"
#include "media/readers.h"

#include <stdio.h>
#include <string.h>

enum {
    MARKER_START = 0xd8,
    MARKER_END = 0xd9,
    MARKER_SCAN = 0xda,
    MARKER_APP1 = 0xe1,
    MARKER_APP2 = 0xe2,
    MARKER_APP14 = 0xee,
    MAX_PROFILE_PARTS = 255,
    PROFILE_PREFIX_BYTES = 14, /* "ICC_PROFILE\0", number, count */
};

struct jpeg_facts {
    uint32_t width, height;
    bool has_adobe_marker; /* CMYK is stored inverted */
    struct str exif, profile;
};

struct profile_parts {
    struct str parts[MAX_PROFILE_PARTS + 1]; /* by number, from 1 */
    unsigned expected;
};

static bool is_frame_header(unsigned marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static bool starts_with(const uint8_t *data, size_t size, const void *prefix, size_t prefix_size) {
    return size >= prefix_size && memcmp(data, prefix, prefix_size) == 0;
}

static void read_segment(unsigned marker, const uint8_t *data, size_t size,
                         struct jpeg_facts *facts, struct profile_parts *profile) {
    if (is_frame_header(marker) && size >= 6) {
        facts->height = read_be16(data + 1);
        facts->width = read_be16(data + 3);
    } else if (marker == MARKER_APP1 && starts_with(data, size, "Exif\0\0", 6)) {
        if (facts->exif.len == 0)
            facts->exif = (struct str){(const char *)data + 6, size - 6};
    } else if (marker == MARKER_APP2 && size > PROFILE_PREFIX_BYTES &&
               starts_with(data, size, "ICC_PROFILE", 12)) {
        profile->parts[data[12]] =
            (struct str){(const char *)data + PROFILE_PREFIX_BYTES, size - PROFILE_PREFIX_BYTES};
        profile->expected = data[13];
    } else if (marker == MARKER_APP14 && size >= 12 && starts_with(data, size, "Adobe", 5)) {
        facts->has_adobe_marker = true;
    }
}

/* A profile is spread over segments of 64 KiB; one that is not whole is none. */
static struct str join_profile(struct arena *arena, const struct profile_parts *profile) {
    size_t size = 0;
    for (unsigned i = 1; i <= profile->expected; i++) {
        if (profile->parts[i].len == 0)
            return (struct str){NULL, 0};
        size += profile->parts[i].len;
    }
    if (size == 0 || size > CONTAINER_MAX_PROFILE_BYTES)
        return (struct str){NULL, 0};
    char *whole = arena_alloc(arena, size);
    size_t at = 0;
    for (unsigned i = 1; i <= profile->expected; i++) {
        memcpy(whole + at, profile->parts[i].ptr, profile->parts[i].len);
        at += profile->parts[i].len;
    }
    return (struct str){whole, size};
}

/* The next marker from `*at` on, and where its segment lies. False at the end of the data. */
static bool next_segment(struct str image, size_t *at, unsigned *ret_marker, size_t *ret_start,
                         size_t *ret_size) {
    const uint8_t *bytes = (const uint8_t *)image.ptr;
    size_t i = *at;
    while (i < image.len && bytes[i] != 0xff)
        i++;
    while (i < image.len && bytes[i] == 0xff)
        i++;
    if (i >= image.len)
        return false;
    *ret_marker = bytes[i++];
    *ret_start = i;
    *ret_size = 0;
    bool stands_alone = *ret_marker <= 0x01 || (*ret_marker >= 0xd0 && *ret_marker <= MARKER_END);
    if (!stands_alone) {
        if (image.len - i < 2)
            return false;
        size_t size = read_be16(bytes + i);
        if (size < 2 || size > image.len - i)
            return false;
        *ret_start = i + 2;
        *ret_size = size - 2;
    }
    *at = *ret_start + *ret_size;
    return true;
}

static bool read_headers(struct arena *arena, struct str image, struct jpeg_facts *ret,
                         struct error *err) {
    struct jpeg_facts facts = {0};
    struct profile_parts profile = {.expected = 0};
    size_t at = 2;
    for (;;) {
        unsigned marker;
        size_t start, size;
        if (!next_segment(image, &at, &marker, &start, &size))
            return error_set(err, ERROR_INVALID, NULL, "truncated");
        if (marker == MARKER_SCAN)
            break;
        if (marker == MARKER_END)
            return error_set(err, ERROR_INVALID, NULL, "damaged: there is no picture in it");
        read_segment(marker, (const uint8_t *)image.ptr + start, size, &facts, &profile);
    }
    facts.profile = join_profile(arena, &profile);
    *ret = facts;
    return true;
}

bool jpeg_read_facts(struct arena *arena, struct str image, struct image_facts *ret,
                     struct error *err) {
    struct jpeg_facts facts;
    if (!read_headers(arena, image, &facts, err))
        return false;
    *ret = (struct image_facts){
        .width = facts.width,
        .height = facts.height,
        .exif = facts.exif,
        .colour = {.profile = facts.profile},
    };
    return true;
}

/* Bytes between segments: some cameras leave them in headers, or pad before the end. More of them
 * behind the picture's data mean that the data were damaged. */
static bool is_padding(const char *text) {
    enum { MAX_PADDING_BYTES = 16 };
    unsigned count, marker;
    if (sscanf(text, "Corrupt JPEG data: %u extraneous bytes before marker 0x%x", &count,
               &marker) != 2)
        return false;
    bool is_in_header = marker < 0xd0 || marker > MARKER_END;
    return is_in_header || (marker == MARKER_END && count <= MAX_PADDING_BYTES);
}

/* Warnings about what is odd but harmless; real cameras write such files. */
static bool is_harmless(const char *text) {
    static const char *const harmless[] = {"unknown JFIF revision", "Unknown Adobe color transform",
                                           "Invalid SOS parameters"};
    for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
        if (strstr(text, harmless[i]) != NULL)
            return true;
    }
    return is_padding(text);
}

static void add_warning(struct pixels *pixels, const char *text) {
    if (pixels->warning_count < PIXELS_MAX_WARNINGS)
        pixels->warnings[pixels->warning_count++] = text;
}

/* After a call that returned -1. True when the picture may be used all the same. The library keeps
 * the first warning only: behind a harmless one, the end of the data is looked at as well. */
static bool check_failure(const struct reading *reading, struct pixels *pixels, struct error *err) {
    const char *text = tjGetErrorStr2(reading->jpeg);
    if (tjGetErrorCode(reading->jpeg) != TJERR_WARNING)
        return error_set(err, ERROR_INVALID, NULL, "cannot be decoded: '%s'", text);
    if (!is_harmless(text))
        return error_set(err, ERROR_INVALID, NULL, "truncated or damaged: '%s'", text);
    if (memmem(reading->image.ptr, reading->image.len, "\xff\xd9", 2) == NULL)
        return error_set(err, ERROR_INVALID, NULL, "truncated or damaged: it has no end");
    add_warning(pixels, arena_printf(reading->arena, "odd but readable: '%s'", text));
    return true;
}

/* 1/2 costs little more than 1/4 and is better; below 1.3 samples a pixel it is worth it. */
static unsigned choose_denominator(unsigned width, unsigned height, unsigned wanted_width,
                                   unsigned wanted_height) {
    uint64_t width10 = 10ull * width, height10 = 10ull * height;
    if (width10 >= 4ull * 13 * wanted_width && height10 >= 4ull * 13 * wanted_height)
        return 4;
    if (width >= 2ull * wanted_width && height >= 2ull * wanted_height)
        return 2;
    return 1;
}

static bool chroma_shifts(int sampling, struct pixels *pixels) {
    static const struct {
        int sampling;
        unsigned x, y;
    } known[] = {{TJSAMP_444, 0, 0}, {TJSAMP_422, 1, 0}, {TJSAMP_420, 1, 1},
                 {TJSAMP_440, 0, 1}, {TJSAMP_411, 2, 0}, {TJSAMP_GRAY, 0, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (known[i].sampling == sampling) {
            pixels->chroma_shift_x = known[i].x;
            pixels->chroma_shift_y = known[i].y;
            return true;
        }
    }
    return false;
}

static bool decode_planes(const struct reading *reading, struct pixels *pixels, struct error *err) {
    planes_need(reading->planes, pixels, pixels->layout == PIXELS_GREY ? 1 : 3);
    int strides[3] = {(int)pixels->strides[0], (int)pixels->strides[1], (int)pixels->strides[2]};
    int failed = tjDecompressToYUVPlanes(reading->jpeg, (const unsigned char *)reading->image.ptr,
                                         reading->image.len, pixels->planes, (int)pixels->width,
                                         strides, (int)pixels->height, TJFLAG_LIMITSCANS);
    return failed == 0 || check_failure(reading, pixels, err);
}

/* One interleaved row into planes. */
static void split_row(const uint8_t *source, struct pixels *pixels, unsigned y, unsigned channels,
                      uint8_t flip) {
    for (unsigned i = 0; i < channels; i++) {
        uint8_t *row = pixels->planes[i] + y * pixels->strides[i];
        for (unsigned x = 0; x < pixels->width; x++)
            row[x] = source[channels * x + i] ^ flip;
    }
}

/* By interleaved RGB or CMYK. */
static bool decode_packed(const struct reading *reading, bool is_cmyk, struct pixels *pixels,
                          struct error *err) {
    struct jpeg_facts facts;
    if (!read_headers(reading->arena, reading->image, &facts, err))
        return false;
    unsigned channels = is_cmyk ? 4 : 3;
    pixels->layout = is_cmyk ? PIXELS_CMYK : PIXELS_RGB;
    pixels->chroma_shift_x = pixels->chroma_shift_y = 0;
    planes_need(reading->planes, pixels, channels);
    uint8_t *packed =
        scratch_need(&reading->planes->staging, (size_t)pixels->width * channels * pixels->height);
    int failed =
        tjDecompress2(reading->jpeg, (const unsigned char *)reading->image.ptr, reading->image.len,
                      packed, (int)pixels->width, 0, (int)pixels->height,
                      is_cmyk ? TJPF_CMYK : TJPF_RGB, TJFLAG_LIMITSCANS);
    if (failed != 0 && !check_failure(reading, pixels, err))
        return false;
    /* Programs that sign as Adobe's store 255 for no ink. */
    uint8_t flip = is_cmyk && facts.has_adobe_marker ? 255 : 0;
    for (unsigned y = 0; y < pixels->height; y++)
        split_row(packed + (size_t)y * pixels->width * channels, pixels, y, channels, flip);
    return true;
}

bool jpeg_decode(const struct reading *reading, struct pixels *ret, struct error *err) {
    const struct image_header *header = reading->header;
    int width = 0, height = 0, sampling = -1, space = -1;
    struct pixels pixels = {.layout = PIXELS_YUV, .depth = 8, .matrix = 6, .full_range = true};
    int failed = tjDecompressHeader3(reading->jpeg, (const unsigned char *)reading->image.ptr,
                                     reading->image.len, &width, &height, &sampling, &space);
    bool sampling_is_known = chroma_shifts(sampling, &pixels);
    /* Unknown sampling is a failure to the library here, but its decoder does it all the same. */
    if (failed != 0 && (sampling_is_known || width <= 0) && !check_failure(reading, &pixels, err))
        return false;
    /* The limits were checked on the header's size. */
    if (width <= 0 || height <= 0 || (unsigned)width != header->width ||
        (unsigned)height != header->height)
        return error_set(err, ERROR_INVALID, NULL, "damaged: it has two sizes");
    pixels.warning_count = 0;

    unsigned denominator = choose_denominator(header->width, header->height, reading->wanted_width,
                                              reading->wanted_height);
    pixels.scale_denominator = denominator;
    pixels.width = (header->width + denominator - 1) / denominator;
    pixels.height = (header->height + denominator - 1) / denominator;
    bool is_cmyk = space == TJCS_CMYK || space == TJCS_YCCK;
    if (is_cmyk || space == TJCS_RGB || !sampling_is_known) {
        if (!decode_packed(reading, is_cmyk, &pixels, err))
            return false;
    } else {
        if (space == TJCS_GRAY)
            pixels.layout = PIXELS_GREY;
        if (!decode_planes(reading, &pixels, err))
            return false;
    }
    *ret = pixels;
    return true;
}
