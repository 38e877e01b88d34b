/*
 * What libheif does not tell of a HEIF file (ISO/IEC 23008-12): where the coded pictures lie of
 * which its primary picture is made, and how that must be turned. Knowing this, they are decoded
 * one by one as Y'CbCr into their places, and turning costs nothing; left to itself, the library
 * makes RGB of every tile.
 */
#ifndef MEDIA_HEIF_ITEMS_H
#define MEDIA_HEIF_ITEMS_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* 256 rows of 256, says the standard; photos have 48 to 200. Each is searched for in lists that may
 * be as long. */
enum { HEIF_MAX_TILES = 8192 };

enum heif_coding { HEIF_CODING_OTHER, HEIF_CODING_HEVC, HEIF_CODING_AV1 };

struct heif_box {
    char type[4];
    const uint8_t *at, *end; /* the contents */
};

/* All pointers go into the file. */
struct heif_items {
    struct heif_box file, meta;
    uint32_t primary;
    uint32_t width, height; /* before turning */
    unsigned orientation;   /* as EXIF numbers them */
    bool is_cropped;        /* or changed by other properties */
    uint32_t count;         /* of coded pictures: tiles of a grid, or one; 0: something else */
    const uint8_t *tiles;   /* numbers of `tile_bytes` bytes; NULL: the primary item itself */
    unsigned tile_bytes;
};

struct heif_picture {
    enum heif_coding coding;
    uint32_t width, height;
    struct str configuration; /* hvcC, av1C */
    struct str data;          /* units with their lengths before them; open bitstream units */
};

/* Whether the boxes fill each other, and the items of which the primary picture is made are few and
 * none is made of itself: the library would follow such references until its stack ends. */
bool heif_items_are_sound(struct str file);
/* The items that the primary picture and its mask are made of, it included; each once. Returns how
 * many, 0 when there are more than HEIF_MAX_TILES or they are not sound. */
uint32_t heif_items_list(const struct heif_items *items, uint32_t ret[HEIF_MAX_TILES]);
/* False when the file has no primary picture with a size, or the boxes are damaged. */
bool heif_items_read(struct str file, struct heif_items *ret);
/* False when it is not in this file, not in one piece, or coded otherwise. `i` < count. */
bool heif_items_picture(const struct heif_items *items, uint32_t i, struct heif_picture *ret);
/* The same of an item by its number. */
bool heif_items_coded(const struct heif_items *items, uint32_t item, struct heif_picture *ret);
/* Whether a decoder is needed for the item. */
bool heif_items_is_coded(const struct heif_items *items, uint32_t item);
/* Whether a grid or overlay says the same size of itself as its properties do; true for others. */
bool heif_items_is_consistent(const struct heif_items *items, uint32_t item);

#endif
