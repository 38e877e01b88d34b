/*
 * Files of the web page: from a path in a request to an open file with its headers.
 */
#ifndef HOST_PAGES_H
#define HOST_PAGES_H

#include "base/arena.h"
#include "base/error.h"
#include "http/server.h"

#include <stdbool.h>

/* The file that a request's path means below the folder: `/` is `/index.html`. NULL when the path
 * cannot be one: broken escapes, empty segments, segments that start with a dot, backslashes,
 * control characters. Pure. */
const char *pages_path(struct arena *arena, const char *folder, const char *request_path);

/* "text/html; charset=utf-8", by the ending; application/octet-stream when it is not known. */
const char *pages_content_type(const char *path);

/* Whether the name carries a hash of the contents (`app-4XZ2ABCD.js`, `app.0123abcd.css`), so that
 * it may be kept for ever. */
bool pages_is_hashed(const char *path);

/* Fills in 200 with the file, compressed where `<path>.gz` lies beside it, is not older, and the
 * request takes gzip (RFC 9110 section 8.4); or 304 when the request knows it already. NOT_FOUND
 * when there is no such regular file. */
MUST_CHECK bool pages_respond(struct http_exchange *x, const char *path, struct error *err);

#endif
