/*
 * The dictionary is a hash table from (prefix code, next index) to a code. It is emptied by a
 * number that each entry carries and that grows with every clear code, so nothing is swept.
 */
#include "media/lzw.h"

#include <assert.h>
#include <stdlib.h>

enum {
    MAX_CODE_BITS = 12,
    MAX_CODES = 1 << MAX_CODE_BITS,
    /* At most half full. */
    TABLE_BITS = MAX_CODE_BITS + 1,
    TABLE_SIZE = 1 << TABLE_BITS,
    MAX_BLOCK_BYTES = 255,
};

struct entry {
    uint32_t age;
    uint32_t key; /* prefix << 8 | index */
    uint16_t code;
};

struct writer {
    struct entry table[TABLE_SIZE];
    uint32_t age;
    unsigned next_code, code_bits, clear_code;
    uint32_t pending; /* bits not yet in the block, lowest first */
    unsigned pending_bits;
    uint8_t block[1 + MAX_BLOCK_BYTES];
    struct buf *out;
};

static bool flush_block(struct writer *writer, struct error *err) {
    size_t size = writer->block[0];
    writer->block[0] = 0;
    if (size == 0)
        return true;
    uint8_t head = (uint8_t)size;
    return buf_append(writer->out, &head, 1, err) &&
           buf_append(writer->out, writer->block + 1, size, err);
}

static bool put_byte(struct writer *writer, uint8_t byte, struct error *err) {
    writer->block[++writer->block[0]] = byte;
    return writer->block[0] < MAX_BLOCK_BYTES || flush_block(writer, err);
}

static bool put_code(struct writer *writer, unsigned code, struct error *err) {
    writer->pending |= code << writer->pending_bits;
    writer->pending_bits += writer->code_bits;
    while (writer->pending_bits >= 8) {
        if (!put_byte(writer, (uint8_t)writer->pending, err))
            return false;
        writer->pending >>= 8;
        writer->pending_bits -= 8;
    }
    return true;
}

static void forget(struct writer *writer, unsigned min_bits) {
    writer->age++;
    writer->clear_code = 1u << min_bits;
    writer->next_code = writer->clear_code + 2;
    writer->code_bits = min_bits + 1;
}

/* The entry of the key, or the free one where it would be. */
static struct entry *find(struct writer *writer, uint32_t key) {
    uint32_t place = key * 2654435761u >> (32 - TABLE_BITS);
    while (writer->table[place].age == writer->age && writer->table[place].key != key)
        place = (place + 1) % TABLE_SIZE;
    return &writer->table[place];
}

/* The decoder learns each code one step later than we do, hence "greater". */
static bool learn(struct writer *writer, struct entry *entry, uint32_t key, unsigned min_bits,
                  struct error *err) {
    if (writer->next_code == MAX_CODES) {
        if (!put_code(writer, writer->clear_code, err))
            return false;
        forget(writer, min_bits);
        return true;
    }
    *entry = (struct entry){writer->age, key, (uint16_t)writer->next_code};
    if (writer->next_code++ == 1u << writer->code_bits)
        writer->code_bits++;
    return true;
}

static bool put_indices(struct writer *writer, const uint8_t *indices, size_t count,
                        unsigned min_bits, struct error *err) {
    unsigned prefix = indices[0];
    for (size_t i = 1; i < count; i++) {
        uint32_t key = (uint32_t)prefix << 8 | indices[i];
        struct entry *entry = find(writer, key);
        if (entry->age == writer->age) {
            prefix = entry->code;
            continue;
        }
        if (!put_code(writer, prefix, err) || !learn(writer, entry, key, min_bits, err))
            return false;
        prefix = indices[i];
    }
    return put_code(writer, prefix, err);
}

/* The decoder adds an entry for the last code as well, which may widen the end code. */
static bool put_end(struct writer *writer, struct error *err) {
    if (writer->next_code < MAX_CODES && writer->next_code == 1u << writer->code_bits)
        writer->code_bits++;
    if (!put_code(writer, writer->clear_code + 1, err))
        return false;
    if (writer->pending_bits > 0 && !put_byte(writer, (uint8_t)writer->pending, err))
        return false;
    static const uint8_t terminator = 0;
    return flush_block(writer, err) && buf_append(writer->out, &terminator, 1, err);
}

bool lzw_encode(const uint8_t *indices, size_t count, unsigned bits, struct buf *ret,
                struct error *err) {
    assert(count > 0 && bits >= 1 && bits <= 8);
    unsigned min_bits = bits < 2 ? 2 : bits;
    uint8_t head = (uint8_t)min_bits;
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        die_out_of_memory();
    writer->out = ret;
    forget(writer, min_bits);
    bool good = buf_append(ret, &head, 1, err) && put_code(writer, writer->clear_code, err) &&
                put_indices(writer, indices, count, min_bits, err) && put_end(writer, err);
    free(writer);
    return good;
}
