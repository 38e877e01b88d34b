/*
 * Uploads under way: one of them, and a bucket's in pages.
 *
 * The walk is the listing of objects' on another index: a position behind which the next row is
 * asked for, moved over all of a common prefix at once.
 */
#include "store/internal.h"

#include <string.h>

bool store_find_upload(struct store *store, struct arena *arena, const char *bucket,
                       const char *key, const char *upload_id, struct store_upload *ret,
                       struct error *err) {
    const struct upload_name name = {bucket, key, upload_id};
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    struct upload upload;
    if (!upload_find_open(reader, arena, &name, &upload, err))
        return false;
    *ret = (struct store_upload){
        .key = arena_strdup(arena, key),
        .id = arena_strdup(arena, upload_id),
        .created_unix_ms = upload.created_unix_ms,
        .checksum = upload.checksum,
    };
    return true;
}

struct walk {
    struct arena *arena;
    struct connection *reader;
    int64_t bucket_id;
    struct str prefix;
    struct str delimiter;
    struct str key; /* the next upload is behind this key and id */
    const char *id;
    bool ended;
};

static bool next_upload(struct walk *walk, bool *ret_found, struct store_upload *ret,
                        struct error *err) {
    CLEANUP(query_end)
    struct query query =
        query_begin(walk->reader, "SELECT key, id, created_ms, checksum FROM uploads"
                                  " WHERE bucket = ?1 AND (key, id) > (?2, ?3)"
                                  "  AND completed_ms IS NULL ORDER BY key, id LIMIT 1");
    bind_int(&query, walk->bucket_id);
    bind_bytes(&query, walk->key.ptr, walk->key.len);
    bind_text(&query, walk->id);
    if (!query_step(&query, ret_found, err))
        return false;
    struct str key = *ret_found ? column_str(&query, 0) : (struct str){0};
    if (!*ret_found || key.len < walk->prefix.len ||
        memcmp(key.ptr, walk->prefix.ptr, walk->prefix.len) != 0) {
        *ret_found = false;
        return true;
    }
    *ret = (struct store_upload){
        .key = column_text(&query, walk->arena, 0),
        .id = column_text(&query, walk->arena, 1),
        .created_unix_ms = column_int(&query, 2),
        .checksum = column_text(&query, walk->arena, 3),
    };
    walk->key = str_c(ret->key);
    walk->id = ret->id;
    return true;
}

/* Moves behind all keys that start so. */
static void skip(struct walk *walk, struct str prefix) {
    struct str next;
    if (key_successor(walk->arena, prefix, &next)) {
        walk->key = next;
        walk->id = "";
    } else {
        walk->ended = true;
    }
}

static bool fill_page(struct walk *walk, size_t max_uploads, struct store_upload_listing *ret,
                      struct error *err) {
    for (size_t i = 0; i <= max_uploads && !walk->ended; i++) {
        struct store_upload upload;
        struct str common;
        bool found = false;
        if (!next_upload(walk, &found, &upload, err))
            return false;
        if (!found)
            return true;
        if (i == max_uploads) {
            ret->truncated = true;
        } else if (key_common_prefix(walk->prefix, walk->delimiter, str_c(upload.key), &common)) {
            ret->next_key = arena_strndup(walk->arena, common.ptr, common.len);
            ret->next_id = "";
            ret->prefixes[ret->prefix_count++] = ret->next_key;
            skip(walk, common);
        } else {
            ret->next_key = upload.key;
            ret->next_id = upload.id;
            ret->uploads[ret->upload_count++] = upload;
        }
    }
    return true;
}

/* Where the page starts. Ids are hex digits, so "~" stands behind all of them. */
static void move_to_start(struct walk *walk, const char *key_marker, const char *id_marker) {
    struct str marker = str_c(key_marker);
    struct str common;
    walk->key = walk->prefix;
    walk->id = "";
    if (marker.len == 0 || str_compare(marker, walk->prefix) < 0)
        return;
    walk->key = marker;
    walk->id = id_marker[0] != '\0' ? id_marker : "~";
    if (id_marker[0] == '\0' && key_common_prefix(walk->prefix, walk->delimiter, marker, &common))
        skip(walk, common);
}

bool store_list_uploads(struct store *store, struct arena *arena, const char *bucket,
                        const struct store_upload_list *list, struct store_upload_listing *ret,
                        struct error *err) {
    size_t limit = list->max_uploads < STORE_MAX_LISTED ? list->max_uploads : STORE_MAX_LISTED;
    CLEANUP(reader_cleanup) struct connection *reader = reader_acquire(store);
    struct walk walk = {
        .arena = arena,
        .reader = reader,
        .prefix = str_c(text_or_empty(list->prefix)),
        .delimiter = str_c(text_or_empty(list->delimiter)),
    };
    if (!bucket_find(reader, bucket, &walk.bucket_id, err))
        return false;
    struct store_upload_listing listing = {
        .uploads = arena_array(arena, limit, sizeof *listing.uploads),
        .prefixes = arena_array(arena, limit, sizeof *listing.prefixes),
    };
    move_to_start(&walk, text_or_empty(list->key_marker), text_or_empty(list->id_marker));
    if (limit > 0 && !fill_page(&walk, limit, &listing, err))
        return false;
    if (!listing.truncated)
        listing.next_key = listing.next_id = NULL;
    *ret = listing;
    return true;
}
