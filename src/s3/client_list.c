/*
 * ListObjectsV2, page by page. Keys come URL-encoded (`encoding-type=url`), because XML cannot hold
 * every byte that a key can.
 */
#include "base/codec.h"
#include "s3/client_internal.h"

#include <string.h>

enum {
    PAGE_ENTRIES = 1000,
    /* What one call may gather. A job has tens of thousands of objects; above this a caller must
     * go by `max_entries` and `start_after`. */
    MAX_ENTRIES = 1000000,
};

/* The listing while it grows. */
struct gathering {
    struct arena *arena;
    struct s3_listing listing;
    size_t entry_capacity;
    size_t prefix_capacity;
    bool encoded; /* of the page at hand */
};

static void *grow(struct arena *arena, const void *old, size_t count, size_t *capacity,
                  size_t size) {
    size_t larger = *capacity ? *capacity * 2 : 64;
    void *items = arena_array(arena, larger, size);
    if (count)
        memcpy(items, old, count * size);
    *capacity = larger;
    return items;
}

static bool decode_key(const struct gathering *g, struct str text, const char **ret,
                       struct error *err) {
    struct str key = text;
    if (g->encoded && !percent_decode(g->arena, text, true, &key))
        return error_set(err, ERROR_INTERNAL, NULL, "the S3 server listed a key with a bad escape");
    if (key.len == 0 || memchr(key.ptr, '\0', key.len))
        return error_set(err, ERROR_INTERNAL, NULL, "the S3 server listed a key that cannot be");
    *ret = arena_strndup(g->arena, key.ptr, key.len);
    return true;
}

static bool add_entry(struct gathering *g, const struct xml_element *contents, struct error *err) {
    struct s3_entry entry = {0};
    if (!decode_key(g, xml_child_text(contents, "Key"), &entry.key, err) ||
        !s3_read_etag(g->arena, xml_child_text(contents, "ETag"), &entry.etag, err))
        return false;
    if (!str_to_u64(xml_child_text(contents, "Size"), INT64_MAX, &entry.size) ||
        !date_parse_iso(xml_child_text(contents, "LastModified"), &entry.last_modified_unix_ms))
        return error_set(err, ERROR_INTERNAL, NULL,
                         "the S3 server listed '%.300s' without size or time", entry.key);
    struct s3_listing *listing = &g->listing;
    if (listing->count == g->entry_capacity)
        listing->entries = grow(g->arena, listing->entries, listing->count, &g->entry_capacity,
                                sizeof *listing->entries);
    listing->entries[listing->count++] = entry;
    return true;
}

static bool add_prefix(struct gathering *g, const struct xml_element *common, struct error *err) {
    const char *prefix;
    if (!decode_key(g, xml_child_text(common, "Prefix"), &prefix, err))
        return false;
    struct s3_listing *listing = &g->listing;
    if (listing->prefix_count == g->prefix_capacity)
        listing->prefixes = grow(g->arena, listing->prefixes, listing->prefix_count,
                                 &g->prefix_capacity, sizeof *listing->prefixes);
    listing->prefixes[listing->prefix_count++] = prefix;
    return true;
}

static bool add_page(struct gathering *g, const struct xml_element *root, struct error *err) {
    g->encoded = str_equal_c(xml_child_text(root, "EncodingType"), "url");
    for (struct xml_element *e = xml_child(root, "Contents"); e; e = xml_next_named(e)) {
        if (!add_entry(g, e, err))
            return false;
    }
    for (struct xml_element *e = xml_child(root, "CommonPrefixes"); e; e = xml_next_named(e)) {
        if (!add_prefix(g, e, err))
            return false;
    }
    return true;
}

static void add_parameter(struct arena *arena, const char **query, const char *name,
                          const char *value) {
    if (value && value[0] != '\0')
        *query = arena_printf(arena, "%s&%s=%s", *query, name,
                              percent_encode(arena, str_c(value), false));
}

static const char *page_query(struct arena *arena, const struct s3_list_options *options,
                              size_t page_entries, const char *token) {
    const char *query =
        arena_printf(arena, "list-type=2&encoding-type=url&max-keys=%zu", page_entries);
    add_parameter(arena, &query, "prefix", options->prefix);
    add_parameter(arena, &query, "delimiter", options->delimiter);
    add_parameter(arena, &query, token ? "continuation-token" : "start-after",
                  token ? token : options->start_after);
    return query;
}

/* `*ret_token` is NULL after the last page. */
static bool fetch_page(struct s3_client *client, struct gathering *g, const char *bucket,
                       const char *query, const char **ret_token, struct error *err) {
    struct s3_request request = {.method = "GET", .bucket = bucket, .query = query};
    struct http_reply reply;
    struct xml_element *root;
    if (!s3_send(client, g->arena, &request, &reply, err) ||
        !s3_parse_reply(g->arena, &reply, "ListBucketResult", &root, err))
        return false;
    if (!add_page(g, root, err))
        return false;
    *ret_token = NULL;
    if (!str_equal_c(xml_child_text(root, "IsTruncated"), "true"))
        return true;
    struct str token = xml_child_text(root, "NextContinuationToken");
    if (token.len == 0)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "the S3 server cut a listing short without a token to go on");
    *ret_token = arena_strndup(g->arena, token.ptr, token.len);
    return true;
}

bool s3_list(struct s3_client *client, struct arena *arena, const char *bucket,
             const struct s3_list_options *options, struct s3_listing *ret, struct error *err) {
    struct gathering g = {.arena = arena};
    size_t wanted = options->max_entries ? options->max_entries : MAX_ENTRIES;
    const char *token = NULL;
    for (;;) {
        size_t have = g.listing.count + g.listing.prefix_count;
        size_t room = wanted - have;
        const char *query =
            page_query(arena, options, room < PAGE_ENTRIES ? room : PAGE_ENTRIES, token);
        const char *next;
        if (!fetch_page(client, &g, bucket, query, &next, err))
            return false;
        size_t now = g.listing.count + g.listing.prefix_count;
        if (now > wanted || (next && token && strcmp(next, token) == 0))
            return error_set(err, ERROR_INTERNAL, NULL,
                             "the S3 server lists more of bucket '%.64s' than was asked", bucket);
        token = next;
        if (!token || now == wanted)
            break;
    }
    if (token && !options->max_entries)
        return error_set(err, ERROR_LIMIT, NULL, "bucket '%.64s' lists more than %d objects",
                         bucket, MAX_ENTRIES);
    g.listing.more = token != NULL;
    *ret = g.listing;
    return true;
}
