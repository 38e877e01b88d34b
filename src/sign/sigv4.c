/*
 * Signing with Signature Version 4: by headers, and by a query that makes a URL good for a while.
 */
#include "sign/sigv4.h"

#include "base/codec.h"
#include "sign/canonical.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { DATE_LENGTH = 8 }; /* yyyymmdd */

/* Headers that proxies and libraries change on the way, and the signature itself. */
static bool is_left_out(const char *name) {
    static const char *const left_out[] = {
        "authorization", "connection",        "expect",  "te",
        "trailer",       "transfer-encoding", "upgrade", "user-agent",
    };
    for (size_t i = 0; i < ARRAY_SIZE(left_out); i++)
        if (strcmp(name, left_out[i]) == 0)
            return true;
    return false;
}

static char *lower_case(struct arena *arena, const char *text) {
    char *lower = arena_strdup(arena, text);
    for (char *c = lower; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return lower;
}

static int compare_names(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* "host;range;x-amz-date": each name once, sorted. */
static char *signed_header_list(struct arena *arena, const struct http_headers *headers) {
    const char **names = arena_array(arena, headers->count, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < headers->count; i++) {
        const char *name = lower_case(arena, headers->items[i].name);
        if (!is_left_out(name))
            names[count++] = name;
    }
    qsort(names, count, sizeof *names, compare_names);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0)
            names[kept++] = names[i];
    return canonical_join(arena, names, kept, ";");
}

/* The query is the caller's own work, so a broken one is a mistake in this program. */
static struct http_query own_query(struct arena *arena, const char *text) {
    struct http_query query = {0};
    struct error err;
    bool parsed = http_query_parse(arena, str_c(text), &query, &err);
    assert(parsed);
    (void)parsed;
    return query;
}

void sigv4_sign_headers(struct arena *arena, const struct sigv4_credentials *credentials,
                        const char *region, const char *service, int64_t now_unix_ms,
                        const char *method, const char *path, const char *query,
                        const char *payload_hash, struct http_headers *headers) {
    char date_time[DATE_SIZE];
    date_format_basic(now_unix_ms, date_time);
    const char *date = arena_strndup(arena, date_time, DATE_LENGTH);
    http_headers_add(arena, headers, "x-amz-date", date_time);
    http_headers_add(arena, headers, "x-amz-content-sha256", payload_hash);
    if (credentials->session_token)
        http_headers_add(arena, headers, "x-amz-security-token", credentials->session_token);

    struct http_query parsed_query = own_query(arena, query);
    const char *names = signed_header_list(arena, headers);
    const char *canonical = canonical_request(arena, &(struct canonical_request){
                                                         .method = method,
                                                         .path = path,
                                                         .query = &parsed_query,
                                                         .headers = headers,
                                                         .signed_headers = names,
                                                         .payload_hash = payload_hash,
                                                         .service = service,
                                                     });
    const char *scope = arena_printf(arena, "%s/%s/%s/aws4_request", date, region, service);
    const char *text = string_to_sign(arena, date_time, scope, canonical);
    char signature[SHA256_HEX_SIZE];
    sigv4_sign_text(credentials->secret_key, date, region, service, str_c(text), signature);
    const char *authorization =
        arena_printf(arena, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                     credentials->access_key, scope, names, signature);
    http_headers_add(arena, headers, "Authorization", authorization);
}

/* `query` and the parameters that are signed; the signature itself is still missing. */
static char *unsigned_presign_query(struct arena *arena,
                                    const struct sigv4_credentials *credentials, const char *scope,
                                    const char *date_time, const char *names,
                                    const struct sigv4_presign *request) {
    const char *credential = arena_printf(arena, "%s/%s", credentials->access_key, scope);
    const char *token = "";
    if (credentials->session_token)
        token = arena_printf(arena, "&X-Amz-Security-Token=%s",
                             percent_encode(arena, str_c(credentials->session_token), false));
    return arena_printf(arena,
                        "%s%sX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%s&X-Amz-Date=%s"
                        "&X-Amz-Expires=%u%s&X-Amz-SignedHeaders=%s",
                        request->query, request->query[0] ? "&" : "",
                        percent_encode(arena, str_c(credential), false), date_time,
                        request->expires_seconds, token,
                        percent_encode(arena, str_c(names), false));
}

char *sigv4_presign_query(struct arena *arena, const struct sigv4_credentials *credentials,
                          const char *region, const char *service,
                          const struct sigv4_presign *request) {
    assert(request->expires_seconds >= 1 && request->expires_seconds <= SIGV4_MAX_EXPIRES_SECONDS);
    char date_time[DATE_SIZE];
    date_format_basic(request->now_unix_ms, date_time);
    const char *date = arena_strndup(arena, date_time, DATE_LENGTH);
    const char *scope = arena_printf(arena, "%s/%s/%s/aws4_request", date, region, service);
    const char *names = signed_header_list(arena, &request->headers);
    char *query = unsigned_presign_query(arena, credentials, scope, date_time, names, request);
    struct http_query parsed_query = own_query(arena, query);
    const char *canonical = canonical_request(arena, &(struct canonical_request){
                                                         .method = request->method,
                                                         .path = request->path,
                                                         .query = &parsed_query,
                                                         .headers = &request->headers,
                                                         .signed_headers = names,
                                                         .payload_hash = SIGV4_UNSIGNED_PAYLOAD,
                                                         .service = service,
                                                     });
    const char *text = string_to_sign(arena, date_time, scope, canonical);
    char signature[SHA256_HEX_SIZE];
    sigv4_sign_text(credentials->secret_key, date, region, service, str_c(text), signature);
    return arena_printf(arena, "%s&X-Amz-Signature=%s", query, signature);
}
