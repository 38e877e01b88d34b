/*
 * HTTP's vocabulary, without any I/O: headers, query strings, URLs, ranges. Pure.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_header {
    const char *name; /* as received; compared without case */
    const char *value;
};

/* Grows in an arena. Zero-initialised is empty. */
struct http_headers {
    struct http_header *items;
    size_t count;
    size_t capacity;
};

/* At most this many in a message from outside. */
enum { HTTP_MAX_HEADERS = 200 };

/* Limits of a query and of a URL. */
enum { HTTP_MAX_PARAMETERS = 100, HTTP_MAX_URL_LENGTH = 16384 };

void http_headers_add(struct arena *arena, struct http_headers *headers, const char *name,
                      const char *value);
/* First value of that name (any case), or NULL. */
const char *http_headers_get(const struct http_headers *headers, const char *name);

/* One `name=value` of a query; both decoded (percent only: `+` stays a plus, as in S3). */
struct http_parameter {
    struct str name;
    struct str value;
    bool has_value; /* `uploads` has none, `uploads=` has an empty one */
};

struct http_query {
    struct http_parameter *items;
    size_t count;
};

/* `raw` is the query without `?`. INVALID on broken escapes or more than
 * HTTP_MAX_PARAMETERS. Decoded text may hold any byte, NUL too. */
MUST_CHECK bool http_query_parse(struct arena *arena, struct str raw, struct http_query *ret,
                                 struct error *err);
/* First parameter of that name, or NULL. */
const struct http_parameter *http_query_get(const struct http_query *query, const char *name);

struct http_url {
    const char *scheme; /* "http" or "https" */
    const char *host;   /* without brackets for IPv6 */
    unsigned port;      /* the scheme's default when the URL has none */
    const char *path;   /* raw, starts with `/` */
    const char *query;  /* raw, without `?`; "" when there is none */
};

/* Absolute http and https URLs only; user information, fragments and bytes outside of printable
 * ASCII are refused (INVALID). */
MUST_CHECK bool http_url_parse(struct arena *arena, const char *text, struct http_url *ret,
                               struct error *err);

/* `Host` header's value: host with brackets for IPv6, `:port` unless it is the scheme's default. */
char *http_url_host(struct arena *arena, const struct http_url *url);

/* "200" -> "OK"; "" when unknown. */
const char *http_status_text(unsigned status);

/* RFC 9110 section 14.1.2, one byte range: `bytes=a-b`, `bytes=a-`, `bytes=-n`. */
enum http_range_result {
    HTTP_RANGE_NONE, /* no header, several ranges, other units or bad syntax: whole object */
    HTTP_RANGE_OK,   /* *ret_first and *ret_length are set; length is at least 1 */
    HTTP_RANGE_UNSATISFIABLE, /* 416 */
};
enum http_range_result http_range_parse(const char *header, uint64_t total, uint64_t *ret_first,
                                        uint64_t *ret_length);

#endif
