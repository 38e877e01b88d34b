/*
 * Boxes within boxes; each function takes a box by value and reads not behind its end. Of the
 * properties those are looked at that change the picture's shape, or that its decoder needs.
 */
#include "media/heif_items.h"

#include "base/base.h"
#include "media/bytes.h"

#include <string.h>

enum {
    PROPERTY_MAX_INDEX = 511, /* phones have ten; each is searched for from the start */
    REFERENCES_MAX_DEPTH = 8, /* a mask of a grid of turned pictures has four */
    REFERENCES_MAX_STEPS = 1000 * 1000,
};

static size_t left(const struct heif_box *box) {
    return (size_t)(box->end - box->at);
}

/* Takes a number of up to 8 bytes; 0 behind the end, which is then reached. */
static uint64_t take(struct heif_box *box, unsigned bytes) {
    if (left(box) < bytes) {
        box->at = box->end;
        return 0;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | box->at[i];
    box->at += bytes;
    return value;
}

static uint32_t take32(struct heif_box *box, unsigned bytes) {
    return (uint32_t)take(box, bytes);
}

/* The next box inside of `outer`. Size 1: it follows as 64 bits; 0: to the end. */
static bool next_box(struct heif_box *outer, struct heif_box *ret) {
    const uint8_t *start = outer->at;
    size_t room = left(outer);
    if (room < 8)
        return false;
    uint64_t size = read_be32(start), header = 8;
    if (size == 1) {
        if (room < 16)
            return false;
        size = (uint64_t)read_be32(start + 8) << 32 | read_be32(start + 12);
        header = 16;
    } else if (size == 0) {
        size = room;
    }
    if (size < header || size > room)
        return false;
    memcpy(ret->type, start + 4, 4);
    ret->at = start + header;
    ret->end = start + size;
    outer->at = ret->end;
    return true;
}

static bool is_type(const struct heif_box *box, const char *type) {
    return memcmp(box->type, type, 4) == 0;
}

static bool find_box(struct heif_box outer, const char *type, struct heif_box *ret) {
    while (next_box(&outer, ret)) {
        if (is_type(ret, type))
            return true;
    }
    return false;
}

/* Version in the high byte, flags below. */
static unsigned take_version(struct heif_box *box) {
    return take32(box, 4) >> 24;
}

static bool find_full_box(struct heif_box outer, const char *type, struct heif_box *ret,
                          unsigned *ret_version) {
    if (!find_box(outer, type, ret))
        return false;
    *ret_version = take_version(ret);
    return true;
}

/* Item information. False when the item is of another type. */
static bool has_item_type(struct heif_box meta, uint32_t item, const char *type) {
    struct heif_box list, entry;
    unsigned version;
    if (!find_full_box(meta, "iinf", &list, &version))
        return false;
    take(&list, version == 0 ? 2 : 4);
    while (next_box(&list, &entry)) {
        version = take_version(&entry);
        uint32_t id = take32(&entry, version < 3 ? 2 : 4);
        take(&entry, 2);
        if (version >= 2 && id == item && left(&entry) >= 4)
            return memcmp(entry.at, type, 4) == 0;
    }
    return false;
}

static void read_tiles(struct heif_box meta, struct heif_items *items) {
    struct heif_box list, reference;
    unsigned version;
    if (!find_full_box(meta, "iref", &list, &version))
        return;
    unsigned bytes = version == 0 ? 2 : 4;
    while (next_box(&list, &reference)) {
        if (!is_type(&reference, "dimg") || take32(&reference, bytes) != items->primary)
            continue;
        uint32_t count = take32(&reference, 2);
        if (left(&reference) < (size_t)count * bytes || count > HEIF_MAX_TILES)
            return;
        items->count = count;
        items->tile_bytes = bytes;
        items->tiles = reference.at;
        return;
    }
}

/* The properties of one item, in their order. */
struct property_walk {
    struct heif_box container, map;
    bool has_long_indices;
    unsigned count;
};

static bool start_properties(struct heif_box meta, uint32_t item, struct property_walk *ret) {
    struct heif_box all;
    struct property_walk walk;
    if (!find_box(meta, "iprp", &all) || !find_box(all, "ipco", &walk.container) ||
        !find_box(all, "ipma", &walk.map))
        return false;
    uint32_t head = take32(&walk.map, 4), entries = take32(&walk.map, 4);
    bool has_long_ids = head >> 24 >= 1;
    walk.has_long_indices = (head & 1) != 0;
    for (uint32_t i = 0; i < entries && left(&walk.map) >= 3; i++) {
        uint32_t id = take32(&walk.map, has_long_ids ? 4 : 2);
        walk.count = take32(&walk.map, 1);
        if (id == item) {
            *ret = walk;
            return true;
        }
        for (unsigned j = 0; j < walk.count; j++)
            take(&walk.map, walk.has_long_indices ? 2 : 1);
    }
    return false;
}

static bool next_property(struct property_walk *walk, struct heif_box *ret) {
    for (; walk->count > 0; walk->count--) {
        struct heif_box container = walk->container;
        uint32_t index = take32(&walk->map, walk->has_long_indices ? 2 : 1);
        index &= walk->has_long_indices ? 0x7fff : 127;
        uint32_t at = 0;
        while (at < index && index <= PROPERTY_MAX_INDEX && next_box(&container, ret))
            at++;
        if (at == index && index > 0) {
            walk->count--;
            return true;
        }
    }
    return false;
}

/* EXIF's number of what is mirrored (left and right) or not, then turned clockwise by quarters. */
static unsigned orientation_of(bool is_mirrored, unsigned quarters) {
    static const unsigned turned[2][4] = {{1, 6, 3, 8}, {2, 7, 4, 5}};
    return turned[is_mirrored][quarters % 4];
}

static void read_shape(struct heif_items *items) {
    struct property_walk walk;
    struct heif_box property;
    bool is_mirrored = false;
    unsigned quarters = 0;
    if (!start_properties(items->meta, items->primary, &walk))
        return;
    while (next_property(&walk, &property)) {
        if (is_type(&property, "ispe")) {
            take_version(&property);
            items->width = take32(&property, 4);
            items->height = take32(&property, 4);
        } else if (is_type(&property, "irot")) {
            /* Counter-clockwise. */
            quarters = (quarters + 4 - (take32(&property, 1) & 3)) % 4;
        } else if (is_type(&property, "imir")) {
            /* Mirroring what was turned is turning the other way what was mirrored. Top and bottom
             * exchanged are left and right exchanged, and half a turn. */
            bool is_left_right = (take32(&property, 1) & 1) != 0;
            is_mirrored = !is_mirrored;
            quarters = (4 - quarters + (is_left_right ? 0 : 2)) % 4;
        } else if (is_type(&property, "clap") || is_type(&property, "rloc") ||
                   is_type(&property, "lsel") || is_type(&property, "a1op")) {
            items->is_cropped = true;
        }
    }
    items->orientation = orientation_of(is_mirrored, quarters);
}

bool heif_items_read(struct str file, struct heif_items *ret) {
    const uint8_t *bytes = (const uint8_t *)file.ptr;
    struct heif_items items = {.file = {"", bytes, bytes + file.len}, .orientation = 1};
    struct heif_box primary;
    unsigned version;
    if (!find_full_box(items.file, "meta", &items.meta, &version) ||
        !find_full_box(items.meta, "pitm", &primary, &version))
        return false;
    items.primary = take32(&primary, version == 0 ? 2 : 4);
    if (has_item_type(items.meta, items.primary, "grid"))
        read_tiles(items.meta, &items);
    else if (has_item_type(items.meta, items.primary, "hvc1") ||
             has_item_type(items.meta, items.primary, "av01"))
        items.count = 1;
    read_shape(&items);
    if (items.width == 0 || items.height == 0)
        return false;
    *ret = items;
    return true;
}

/* A walk over what an item is made of: derived from other items, masked by others. */
struct reference_walk {
    struct heif_box list;
    unsigned id_bytes;
    unsigned steps_left;
    uint32_t *found; /* items, each once; NULL: not wanted */
    uint32_t found_count;
};

static bool note(struct reference_walk *walk, uint32_t item) {
    for (uint32_t i = 0; walk->found != NULL && i < walk->found_count; i++) {
        if (walk->found[i] == item)
            return true;
    }
    if (walk->found == NULL)
        return true;
    if (walk->found_count == HEIF_MAX_TILES)
        return false;
    walk->found[walk->found_count++] = item;
    return true;
}

static bool follow(struct reference_walk *walk, uint32_t item, unsigned depth) {
    struct heif_box list = walk->list, reference;
    if (depth > REFERENCES_MAX_DEPTH || !note(walk, item))
        return false;
    while (next_box(&list, &reference)) {
        bool is_derived = is_type(&reference, "dimg"), is_mask = is_type(&reference, "auxl");
        uint32_t from = take32(&reference, walk->id_bytes), count = take32(&reference, 2);
        if (walk->steps_left == 0)
            return false;
        walk->steps_left--;
        for (; count > 0 && left(&reference) > 0 && (is_mask || (is_derived && from == item));
             count--) {
            uint32_t to = take32(&reference, walk->id_bytes);
            if (walk->steps_left == 0)
                return false;
            walk->steps_left--;
            if (is_derived && !follow(walk, to, depth + 1))
                return false;
            if (is_mask && to == item && !follow(walk, from, depth + 1))
                return false;
        }
    }
    return true;
}

/* What boxes are inside of a box, behind how many bytes. */
struct container {
    const char *type;
    unsigned head_bytes;
};

/* Boxes one behind the other to the very end, and so on inside of them: what can be read in one way
 * only, the library reads as we do. */
static bool is_filled(struct heif_box box, unsigned depth) {
    static const struct container containers[] = {
        {"iprp", 0}, {"ipco", 0}, {"iref", 4}, {"dinf", 0}};
    struct heif_box inner;
    while (left(&box) > 0) {
        const uint8_t *start = box.at;
        if (!next_box(&box, &inner) || read_be32(start) == 0)
            return false;
        for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
            if (!is_type(&inner, containers[i].type))
                continue;
            take(&inner, containers[i].head_bytes);
            bool are_items = is_type(&inner, "iref") || is_type(&inner, "ipco");
            if (depth > 0 && !is_filled(inner, are_items ? 0 : depth - 1))
                return false;
        }
    }
    return true;
}

bool heif_items_are_sound(struct str file) {
    enum { DEPTH = 3 };
    const uint8_t *bytes = (const uint8_t *)file.ptr;
    struct heif_box whole = {"", bytes, bytes + file.len}, meta, primary;
    struct reference_walk walk = {.steps_left = REFERENCES_MAX_STEPS};
    /* The library looks at the last of them. */
    while (next_box(&whole, &meta)) {
        unsigned version;
        if (!is_type(&meta, "meta"))
            continue;
        take_version(&meta);
        if (!is_filled(meta, DEPTH))
            return false;
        if (!find_full_box(meta, "pitm", &primary, &version))
            continue;
        uint32_t item = take32(&primary, version == 0 ? 2 : 4);
        if (!find_full_box(meta, "iref", &walk.list, &version))
            continue;
        walk.id_bytes = version == 0 ? 2 : 4;
        if (!follow(&walk, item, 0))
            return false;
    }
    return true;
}

uint32_t heif_items_list(const struct heif_items *items, uint32_t ret[HEIF_MAX_TILES]) {
    struct reference_walk walk = {.steps_left = REFERENCES_MAX_STEPS, .found = ret};
    unsigned version;
    ret[0] = items->primary;
    if (!find_full_box(items->meta, "iref", &walk.list, &version))
        return 1;
    walk.id_bytes = version == 0 ? 2 : 4;
    return follow(&walk, items->primary, 0) ? walk.found_count : 0;
}

/* One extent of an item, in the file or in the box for small items. */
static bool locate(const struct heif_items *items, unsigned method, uint64_t offset, uint64_t size,
                   struct str *ret) {
    struct heif_box whole = items->file;
    if (method > 1 || (method == 1 && !find_box(items->meta, "idat", &whole)))
        return false;
    if (size == 0 || offset > left(&whole) || size > left(&whole) - offset)
        return false;
    *ret = (struct str){(const char *)whole.at + offset, (size_t)size};
    return true;
}

/* Item location. */
static bool find_data(const struct heif_items *items, uint32_t item, struct str *ret) {
    struct heif_box list;
    unsigned version;
    if (!find_full_box(items->meta, "iloc", &list, &version) || version > 2)
        return false;
    unsigned sizes = take32(&list, 2), offset_size = sizes >> 12, length_size = sizes >> 8 & 15;
    unsigned base_size = sizes >> 4 & 15, index_size = version > 0 ? sizes & 15 : 0;
    if (offset_size > 8 || length_size > 8 || base_size > 8 || index_size > 8)
        return false;
    uint32_t count = take32(&list, version < 2 ? 2 : 4);
    for (uint32_t i = 0; i < count && left(&list) > 0; i++) {
        uint32_t id = take32(&list, version < 2 ? 2 : 4);
        unsigned method = version > 0 ? take32(&list, 2) & 15 : 0;
        unsigned other_file = take32(&list, 2);
        uint64_t base = take(&list, base_size);
        unsigned extents = take32(&list, 2);
        if (id != item) {
            size_t bytes = (size_t)extents * (index_size + offset_size + length_size);
            list.at += bytes < left(&list) ? bytes : left(&list);
            continue;
        }
        take(&list, index_size);
        uint64_t offset = take(&list, offset_size), size = take(&list, length_size);
        return other_file == 0 && extents == 1 && offset <= UINT64_MAX - base &&
               locate(items, method, base + offset, size, ret);
    }
    return false;
}

static void read_size(const struct heif_items *items, uint32_t item, uint32_t *ret_width,
                      uint32_t *ret_height) {
    struct property_walk walk;
    struct heif_box property;
    *ret_width = *ret_height = 0;
    if (!start_properties(items->meta, item, &walk))
        return;
    while (next_property(&walk, &property)) {
        if (!is_type(&property, "ispe"))
            continue;
        take_version(&property);
        *ret_width = take32(&property, 4);
        *ret_height = take32(&property, 4);
    }
}

bool heif_items_coded(const struct heif_items *items, uint32_t item, struct heif_picture *ret) {
    struct property_walk walk;
    struct heif_picture picture = {0};
    struct heif_box property;
    if (!find_data(items, item, &picture.data) || !start_properties(items->meta, item, &walk))
        return false;
    while (next_property(&walk, &property)) {
        bool is_hevc = is_type(&property, "hvcC"), is_av1 = is_type(&property, "av1C");
        if (is_hevc || is_av1) {
            picture.coding = is_hevc ? HEIF_CODING_HEVC : HEIF_CODING_AV1;
            picture.configuration = (struct str){(const char *)property.at, left(&property)};
        }
    }
    read_size(items, item, &picture.width, &picture.height);
    if (picture.coding == HEIF_CODING_OTHER || picture.width == 0 || picture.height == 0)
        return false;
    *ret = picture;
    return true;
}

bool heif_items_picture(const struct heif_items *items, uint32_t i, struct heif_picture *ret) {
    uint32_t item = items->primary;
    if (items->tiles != NULL)
        item = items->tile_bytes == 2 ? read_be16(items->tiles + 2 * (size_t)i)
                                      : read_be32(items->tiles + 4 * (size_t)i);
    return heif_items_coded(items, item, ret);
}

bool heif_items_is_coded(const struct heif_items *items, uint32_t item) {
    return has_item_type(items->meta, item, "hvc1") || has_item_type(items->meta, item, "av01");
}

bool heif_items_is_consistent(const struct heif_items *items, uint32_t item) {
    bool is_grid = has_item_type(items->meta, item, "grid");
    struct str data;
    uint32_t width, height;
    if (!is_grid && !has_item_type(items->meta, item, "iovl"))
        return true;
    if (!find_data(items, item, &data))
        return false;
    struct heif_box body = {"", (const uint8_t *)data.ptr, (const uint8_t *)data.ptr + data.len};
    take(&body, 1);
    unsigned bytes = (take32(&body, 1) & 1) != 0 ? 4 : 2;
    /* Rows and columns; four channels of the canvas's colour. */
    take(&body, is_grid ? 2 : 8);
    uint32_t own_width = take32(&body, bytes), own_height = take32(&body, bytes);
    read_size(items, item, &width, &height);
    return width > 0 && height > 0 && own_width == width && own_height == height;
}
