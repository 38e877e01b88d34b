/*
 * Listing a bucket: a walk over the index in byte order that costs per entry of the page.
 *
 * The walk is a position and a query from there on. A key that rolls up into a common prefix moves
 * the position to the prefix's successor, the smallest string greater than all that start with it,
 * and asks again: what lies under a prefix is never visited.
 */
#include "store/internal.h"

#include <string.h>

struct walk {
    struct arena *arena;
    int64_t bucket_id;
    struct str prefix;
    struct str delimiter;
    struct query query;
    struct str position; /* next key is this or greater */
    bool moved;          /* the query does not stand at the position */
    bool ended;
};

struct entry {
    bool is_prefix;
    const char *prefix;
    struct store_object object;
};

bool key_successor(struct arena *arena, struct str prefix, struct str *ret) {
    size_t length = prefix.len;
    while (length > 0 && (unsigned char)prefix.ptr[length - 1] == 0xff)
        length--;
    if (length == 0)
        return false;
    char *next = arena_strndup(arena, prefix.ptr, length);
    next[length - 1] = (char)((unsigned char)next[length - 1] + 1);
    *ret = (struct str){next, length};
    return true;
}

static bool starts_with(struct str text, struct str prefix) {
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.ptr, prefix.ptr, prefix.len) == 0);
}

bool key_common_prefix(struct str prefix, struct str delimiter, struct str key, struct str *ret) {
    if (delimiter.len == 0 || !starts_with(key, prefix))
        return false;
    const char *rest = key.ptr + prefix.len;
    const char *found = memmem(rest, key.len - prefix.len, delimiter.ptr, delimiter.len);
    if (found == NULL)
        return false;
    *ret = (struct str){key.ptr, (size_t)(found - key.ptr) + delimiter.len};
    return true;
}

static bool common_prefix(const struct walk *walk, struct str key, struct str *ret) {
    return key_common_prefix(walk->prefix, walk->delimiter, key, ret);
}

static void move_behind(struct walk *walk, struct str prefix) {
    walk->moved = true;
    walk->ended = !key_successor(walk->arena, prefix, &walk->position);
}

static void move_to_start(struct walk *walk, const char *start_after) {
    struct str start = str_c(start_after);
    struct str common;
    walk->moved = true;
    walk->position = walk->prefix;
    if (start.len == 0 || str_compare(start, walk->prefix) < 0)
        return;
    if (common_prefix(walk, start, &common)) {
        move_behind(walk, common);
        return;
    }
    /* With its NUL the copy is the next string after `start`. */
    walk->position = (struct str){arena_strndup(walk->arena, start.ptr, start.len), start.len + 1};
}

static void seek(struct walk *walk) {
    query_again(&walk->query);
    bind_int(&walk->query, walk->bucket_id);
    bind_bytes(&walk->query, walk->position.ptr, walk->position.len);
    walk->moved = false;
}

static bool walk_next(struct walk *walk, bool *ret_found, struct entry *ret, struct error *err) {
    *ret_found = false;
    if (walk->ended)
        return true;
    if (walk->moved)
        seek(walk);
    bool row = false;
    if (!query_step(&walk->query, &row, err))
        return false;
    struct str key = row ? column_str(&walk->query, 1) : (struct str){0};
    if (!row || !starts_with(key, walk->prefix)) {
        walk->ended = true;
        return true;
    }
    *ret_found = true;
    struct str common;
    ret->is_prefix = common_prefix(walk, key, &common);
    if (ret->is_prefix) {
        ret->prefix = arena_strndup(walk->arena, common.ptr, common.len);
        move_behind(walk, str_c(ret->prefix));
        return true;
    }
    object_from_row(&walk->query, walk->arena, &ret->object);
    return true;
}

/* The entry behind the page is only looked for, to know whether there is more. */
static bool fill_page(struct walk *walk, size_t max_entries, struct store_listing *ret,
                      struct error *err) {
    for (size_t i = 0; i <= max_entries; i++) {
        struct entry entry = {0};
        bool found = false;
        if (!walk_next(walk, &found, &entry, err))
            return false;
        if (!found)
            return true;
        if (i == max_entries) {
            ret->truncated = true;
        } else if (entry.is_prefix) {
            ret->prefixes[ret->prefix_count++] = entry.prefix;
            ret->next_after = entry.prefix;
        } else {
            ret->objects[ret->object_count++] = entry.object;
            ret->next_after = entry.object.key;
        }
    }
    return true;
}

bool store_list(struct store *store, struct arena *arena, const char *bucket,
                const struct store_list *list, struct store_listing *ret, struct error *err) {
    size_t max_entries = list->max_keys < STORE_MAX_LISTED ? list->max_keys : STORE_MAX_LISTED;
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    struct walk walk = {
        .arena = arena,
        .prefix = str_c(text_or_empty(list->prefix)),
        .delimiter = str_c(text_or_empty(list->delimiter)),
    };
    if (!bucket_find(reader, bucket, &walk.bucket_id, err))
        return false;
    struct store_listing listing = {
        .objects = arena_array(arena, max_entries, sizeof *listing.objects),
        .prefixes = arena_array(arena, max_entries, sizeof *listing.prefixes),
    };
    move_to_start(&walk, text_or_empty(list->start_after));
    walk.query = query_begin(reader, "SELECT " OBJECT_COLUMNS " FROM objects"
                                     " WHERE bucket = ? AND key >= ? ORDER BY key");
    /* S3 answers a page of no entries as a whole one. */
    bool done = max_entries == 0 || fill_page(&walk, max_entries, &listing, err);
    query_end(&walk.query);
    if (!done)
        return false;
    if (!listing.truncated)
        listing.next_after = NULL;
    *ret = listing;
    return true;
}
