/*
 * The folder's files are served as they are at the moment, so that a rebuilt page needs no restart.
 * Only a path made of plain names gets as far as the file system; the last name must be no symbolic
 * link. Validators are made of size and time of change to the nanosecond.
 */
#include "host/pages.h"

#include "base/codec.h"
#include "base/os.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

enum { MIN_HASH_LENGTH = 8 };

const char *pages_path(struct arena *arena, const char *folder, const char *request_path) {
    struct str rest;
    if (request_path[0] != '/' || !percent_decode(arena, str_c(request_path + 1), false, &rest))
        return NULL;
    if (str_has_control(rest) || !str_is_utf8(rest) || memchr(rest.ptr, '\\', rest.len) != NULL)
        return NULL;
    if (rest.len == 0)
        return arena_printf(arena, "%s/index.html", folder);
    const char *path = arena_printf(arena, "%s/%.*s", folder, STR_ARG(rest));
    for (;;) {
        bool last = memchr(rest.ptr, '/', rest.len) == NULL;
        struct str name = str_split(rest, '/', &rest);
        if (name.len == 0 || name.ptr[0] == '.')
            return NULL;
        if (last)
            return path;
        if (rest.len == 0)
            return NULL;
    }
}

const char *pages_content_type(const char *path) {
    static const struct {
        const char *ending;
        const char *type;
    } table[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".map", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".txt", "text/plain; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},
        {".webp", "image/webp"},
        {".avif", "image/avif"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".wasm", "application/wasm"},
        {".mp4", "video/mp4"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (str_ends_with(str_c(path), table[i].ending))
            return table[i].type;
    return "application/octet-stream";
}

/* Upper-case base 32, as esbuild writes it, or lower-case hex with a digit in it; words are neither
 * (but for those in capitals). */
static bool looks_like_hash(struct str text) {
    static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    static const char hex[] = "0123456789abcdef";
    bool is_base32 = true;
    bool is_hex = true;
    bool has_digit = false;
    for (size_t i = 0; i < text.len; i++) {
        is_base32 = is_base32 && strchr(base32, text.ptr[i]) != NULL;
        is_hex = is_hex && strchr(hex, text.ptr[i]) != NULL;
        has_digit = has_digit || (text.ptr[i] >= '0' && text.ptr[i] <= '9');
    }
    return text.len >= MIN_HASH_LENGTH && (is_base32 || (is_hex && has_digit));
}

bool pages_is_hashed(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    /* `app.js.map` is the map of `app.js`. */
    if (dot != NULL && strcmp(dot, ".map") == 0)
        while (dot > name && *--dot != '.')
            continue;
    if (dot == NULL || dot == name)
        return false;
    const char *start = dot;
    while (start > name && start[-1] != '-' && start[-1] != '.')
        start--;
    return start > name && looks_like_hash((struct str){start, (size_t)(dot - start)});
}

/* RFC 9110 section 13.1.2: any of the list, compared weakly, or `*`. */
static bool knows_etag(const struct http_request *request, const char *etag) {
    const char *header = http_headers_get(&request->headers, "if-none-match");
    struct str rest = str_c(header != NULL ? header : "");
    while (rest.len > 0) {
        struct str given = str_trim(str_split(rest, ',', &rest));
        if (str_starts_with(given, "W/"))
            given = (struct str){given.ptr + 2, given.len - 2};
        if (str_equal_c(given, etag) || str_equal_c(given, "*"))
            return true;
    }
    return false;
}

/* RFC 9110 section 12.5.3: `gzip` in the list, with a weight over 0. */
static bool takes_gzip(const struct http_request *request) {
    const char *header = http_headers_get(&request->headers, "accept-encoding");
    struct str rest = str_c(header != NULL ? header : "");
    while (rest.len > 0) {
        struct str weight = str_split(rest, ',', &rest);
        struct str coding = str_trim(str_split(weight, ';', &weight));
        weight = str_trim(weight);
        bool none =
            str_starts_with(weight, "q=0") && strspn(weight.ptr + 2, "0.") >= weight.len - 2;
        if (str_equal_c(coding, "gzip"))
            return !none;
    }
    return false;
}

/* O_NONBLOCK: opening a pipe must not wait for its writer. */
static bool open_regular(const char *path, int *fd, struct stat *info) {
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return *fd >= 0 && fstat(*fd, info) == 0 && S_ISREG(info->st_mode);
}

static bool is_older(const struct timespec *a, const struct timespec *b) {
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* The file's compressed twin, unless it is that of a former version. */
static bool open_compressed(struct http_exchange *x, const char *path, const struct stat *plain,
                            int *fd, struct stat *info) {
    return takes_gzip(&x->request) &&
           open_regular(arena_printf(x->arena, "%s.gz", path), fd, info) &&
           !is_older(&info->st_mtim, &plain->st_mtim);
}

/* Takes the descriptor, which becomes -1, when the file is sent. */
static void respond_with(struct http_exchange *x, const char *path, int *fd,
                         const struct stat *info) {
    struct http_response *response = &x->response;
    const char *etag =
        arena_printf(x->arena, "\"%" PRIx64 "-%09lx-%" PRIx64 "\"", (uint64_t)info->st_mtim.tv_sec,
                     (unsigned long)info->st_mtim.tv_nsec, (uint64_t)info->st_size);
    http_headers_add(x->arena, &response->headers, "ETag", etag);
    http_headers_add(x->arena, &response->headers, "Cache-Control",
                     pages_is_hashed(path) ? "public, max-age=31536000, immutable" : "no-cache");
    if (knows_etag(&x->request, etag)) {
        response->status = 304;
        return;
    }
    response->status = 200;
    http_headers_add(x->arena, &response->headers, "Content-Type", pages_content_type(path));
    response->extents = arena_array(x->arena, 1, sizeof *response->extents);
    response->extents[0] = (struct http_extent){*fd, 0, (uint64_t)info->st_size};
    *fd = -1;
    response->extent_count = 1;
}

bool pages_respond(struct http_exchange *x, const char *path, struct error *err) {
    int fd CLEANUP(fd_cleanup) = -1;
    int compressed_fd CLEANUP(fd_cleanup) = -1;
    struct stat info;
    struct stat compressed;
    if (!open_regular(path, &fd, &info))
        return error_set(err, ERROR_NOT_FOUND, "NotFound", "there is no such file");
    http_headers_add(x->arena, &x->response.headers, "Vary", "Accept-Encoding");
    if (open_compressed(x, path, &info, &compressed_fd, &compressed)) {
        http_headers_add(x->arena, &x->response.headers, "Content-Encoding", "gzip");
        respond_with(x, path, &compressed_fd, &compressed);
    } else {
        respond_with(x, path, &fd, &info);
    }
    return true;
}
