/*
 * http_url_parse and http_range_parse on any text. What they accept must hold what they promise.
 */
#include "http/http.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_url(struct arena *arena, const char *text) {
    struct http_url url, again;
    struct error err;
    if (!http_url_parse(arena, text, &url, &err))
        return;
    if (url.path[0] != '/' || url.port == 0 || url.port > 65535 || !url.host[0])
        abort();
    const char *rebuilt =
        arena_printf(arena, "%s://%s%s%s%s", url.scheme, http_url_host(arena, &url), url.path,
                     url.query[0] ? "?" : "", url.query);
    /* Rebuilding may add a slash to a URL of the greatest length. */
    if (strlen(rebuilt) > HTTP_MAX_URL_LENGTH)
        return;
    if (!http_url_parse(arena, rebuilt, &again, &err) || strcmp(url.host, again.host) != 0 ||
        strcmp(url.path, again.path) != 0 || strcmp(url.query, again.query) != 0 ||
        url.port != again.port)
        abort();
}

static void check_range(const char *text, uint64_t total) {
    uint64_t first, length;
    if (http_range_parse(text, total, &first, &length) != HTTP_RANGE_OK)
        return;
    if (length == 0 || first >= total || length > total - first)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const char *text = arena_strndup(arena, (const char *)data, size);
    check_url(arena, text);
    const char *range = arena_printf(arena, "bytes=%s", text);
    static const uint64_t totals[] = {0, 1, 10, 1000, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(totals); i++) {
        check_range(text, totals[i]);
        check_range(range, totals[i]);
    }
    return 0;
}
