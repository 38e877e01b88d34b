/*
 * Headers, queries, URLs and ranges: text in, values out. Every function takes any bytes.
 */
#include "http/http.h"

#include "base/codec.h"

#include <string.h>

void http_headers_add(struct arena *arena, struct http_headers *headers, const char *name,
                      const char *value) {
    if (headers->count == headers->capacity) {
        size_t capacity = headers->capacity > 0 ? headers->capacity * 2 : 16;
        struct http_header *items = arena_array(arena, capacity, sizeof *items);
        if (headers->count > 0)
            memcpy(items, headers->items, headers->count * sizeof *items);
        headers->items = items;
        headers->capacity = capacity;
    }
    headers->items[headers->count++] =
        (struct http_header){arena_strdup(arena, name), arena_strdup(arena, value)};
}

const char *http_headers_get(const struct http_headers *headers, const char *name) {
    for (size_t i = 0; i < headers->count; i++)
        if (str_equal_nocase(str_c(headers->items[i].name), str_c(name)))
            return headers->items[i].value;
    return NULL;
}

static size_t count_parameters(struct str raw) {
    size_t count = 0;
    while (raw.len > 0)
        if (str_split(raw, '&', &raw).len > 0)
            count++;
    return count;
}

bool http_query_parse(struct arena *arena, struct str raw, struct http_query *ret,
                      struct error *err) {
    size_t count = count_parameters(raw);
    if (count > HTTP_MAX_PARAMETERS)
        return error_set(err, ERROR_INVALID, NULL, "the query has more than %d parameters",
                         HTTP_MAX_PARAMETERS);
    struct http_query query = {arena_array(arena, count, sizeof *query.items), 0};
    while (raw.len > 0) {
        struct str part = str_split(raw, '&', &raw);
        if (part.len == 0)
            continue;
        struct http_parameter *parameter = &query.items[query.count++];
        parameter->has_value = memchr(part.ptr, '=', part.len) != NULL;
        struct str value;
        struct str name = str_split(part, '=', &value);
        if (!percent_decode(arena, name, false, &parameter->name) ||
            !percent_decode(arena, value, false, &parameter->value))
            return error_set(err, ERROR_INVALID, NULL, "broken %%-escape in the query");
    }
    *ret = query;
    return true;
}

const struct http_parameter *http_query_get(const struct http_query *query, const char *name) {
    for (size_t i = 0; i < query->count; i++)
        if (str_equal_c(query->items[i].name, name))
            return &query->items[i];
    return NULL;
}

static bool is_host_name(struct str host) {
    if (host.len == 0 || host.len > 253)
        return false;
    for (size_t i = 0; i < host.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._",
                    host.ptr[i]))
            return false;
    return true;
}

/* Rough on purpose: whoever connects finds out whether the address means something. */
static bool is_ipv6(struct str host) {
    if (host.len < 2 || host.len > 45 || !memchr(host.ptr, ':', host.len))
        return false;
    for (size_t i = 0; i < host.len; i++)
        if (!strchr("0123456789abcdefABCDEF:.", host.ptr[i]))
            return false;
    return true;
}

/* `host`, `host:port`, `[ipv6]` or `[ipv6]:port`. */
static bool parse_authority(struct arena *arena, struct str authority, struct http_url *url) {
    struct str host, port = {NULL, 0};
    bool bracketed = authority.len > 0 && authority.ptr[0] == '[';
    if (bracketed) {
        struct str rest;
        host = str_split((struct str){authority.ptr + 1, authority.len - 1}, ']', &rest);
        bool closed = host.len + 1 < authority.len;
        if (!closed || !is_ipv6(host) || (rest.len > 0 && rest.ptr[0] != ':'))
            return false;
        if (rest.len > 0)
            port = (struct str){rest.ptr + 1, rest.len - 1};
    } else {
        host = str_split(authority, ':', &port);
        if (!is_host_name(host))
            return false;
    }
    uint64_t number = url->port;
    if (port.len > 0 && (!str_to_u64(port, 65535, &number) || number == 0))
        return false;
    url->port = (unsigned)number;
    url->host = arena_strndup(arena, host.ptr, host.len);
    return true;
}

static bool is_url_text(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || (unsigned char)text.ptr[i] >= 0x7F)
            return false;
    return true;
}

static bool starts_with_nocase(struct str text, const char *prefix) {
    size_t length = strlen(prefix);
    return text.len >= length &&
           str_equal_nocase((struct str){text.ptr, length}, (struct str){prefix, length});
}

bool http_url_parse(struct arena *arena, const char *text, struct http_url *ret,
                    struct error *err) {
    struct str rest = str_c(text);
    if (rest.len > HTTP_MAX_URL_LENGTH)
        return error_set(err, ERROR_INVALID, NULL, "URL is longer than %d bytes",
                         HTTP_MAX_URL_LENGTH);
    if (!is_url_text(rest))
        return error_set(err, ERROR_INVALID, NULL,
                         "URL '%s' holds characters that must be percent-encoded", text);
    struct http_url url = {0};
    if (starts_with_nocase(rest, "http://")) {
        url.scheme = "http";
        url.port = 80;
    } else if (starts_with_nocase(rest, "https://")) {
        url.scheme = "https";
        url.port = 443;
    } else {
        return error_set(err, ERROR_INVALID, NULL, "URL '%s' is neither http:// nor https://",
                         text);
    }
    size_t start = strlen(url.scheme) + strlen("://");
    rest = (struct str){rest.ptr + start, rest.len - start};
    if (rest.len > 0 && memchr(rest.ptr, '#', rest.len))
        return error_set(err, ERROR_INVALID, NULL, "URL '%s' has a fragment", text);
    struct str authority = {rest.ptr, strcspn(rest.ptr, "/?")};
    if (authority.len > 0 && memchr(authority.ptr, '@', authority.len))
        return error_set(err, ERROR_INVALID, NULL, "URL must not hold a user or password");
    if (!parse_authority(arena, authority, &url))
        return error_set(err, ERROR_INVALID, NULL, "URL '%s' has a bad host or port", text);
    struct str query;
    struct str path =
        str_split((struct str){rest.ptr + authority.len, rest.len - authority.len}, '?', &query);
    url.path = path.len > 0 ? arena_strndup(arena, path.ptr, path.len) : "/";
    url.query = query.len > 0 ? arena_strndup(arena, query.ptr, query.len) : "";
    *ret = url;
    return true;
}

char *http_url_host(struct arena *arena, const struct http_url *url) {
    bool bracketed = strchr(url->host, ':') != NULL;
    unsigned usual_port = strcmp(url->scheme, "https") == 0 ? 443 : 80;
    const char *left = bracketed ? "[" : "";
    const char *right = bracketed ? "]" : "";
    if (url->port == usual_port)
        return arena_printf(arena, "%s%s%s", left, url->host, right);
    return arena_printf(arena, "%s%s%s:%u", left, url->host, right, url->port);
}

const char *http_status_text(unsigned status) {
    static const struct {
        unsigned status;
        const char *text;
    } known[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (known[i].status == status)
            return known[i].text;
    return "";
}

/* A position over 2^64 is as good as the largest: behind the end of any object. */
static bool to_position(struct str text, uint64_t *ret) {
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    if (!str_to_u64(text, UINT64_MAX, ret))
        *ret = UINT64_MAX;
    return true;
}

enum http_range_result http_range_parse(const char *header, uint64_t total, uint64_t *ret_first,
                                        uint64_t *ret_length) {
    if (!header || !starts_with_nocase(str_c(header), "bytes="))
        return HTTP_RANGE_NONE;
    struct str range = str_trim(str_c(header + strlen("bytes=")));
    if (range.len == 0 || !memchr(range.ptr, '-', range.len))
        return HTTP_RANGE_NONE;
    struct str last_text;
    struct str first_text = str_split(range, '-', &last_text);
    uint64_t first, last = UINT64_MAX;
    if (first_text.len == 0) {
        uint64_t suffix;
        if (!to_position(last_text, &suffix))
            return HTTP_RANGE_NONE;
        if (suffix == 0 || total == 0)
            return HTTP_RANGE_UNSATISFIABLE;
        first = suffix < total ? total - suffix : 0;
    } else {
        if (!to_position(first_text, &first))
            return HTTP_RANGE_NONE;
        if (last_text.len > 0 && (!to_position(last_text, &last) || last < first))
            return HTTP_RANGE_NONE;
        if (first >= total)
            return HTTP_RANGE_UNSATISFIABLE;
    }
    if (last >= total)
        last = total - 1;
    *ret_first = first;
    *ret_length = last - first + 1;
    return HTTP_RANGE_OK;
}
