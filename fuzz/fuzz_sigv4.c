/*
 * sigv4_read and sigv4_verify on a request from the network: the input's lines are method, path,
 * query, and then headers. No input may pass verification, for none knows the secret.
 */
#include "sign/sigv4.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *take_line(struct arena *arena, struct str *rest) {
    struct str line = str_split(*rest, '\n', rest);
    return arena_strndup(arena, line.ptr, line.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct str rest = {(const char *)data, size};
    const char *method = take_line(arena, &rest);
    const char *path = take_line(arena, &rest);
    const char *query = take_line(arena, &rest);
    struct http_headers headers = {0};
    while (rest.len > 0 && headers.count < HTTP_MAX_HEADERS) {
        struct str value;
        struct str name = str_split(str_c(take_line(arena, &rest)), ':', &value);
        http_headers_add(arena, &headers, arena_strndup(arena, name.ptr, name.len),
                         arena_strndup(arena, value.ptr, value.len));
    }
    struct sigv4_request request = {method, path, query, &headers, NULL};
    struct sigv4_claim claim;
    struct sigv4_failure failure;
    struct error err;
    if (!sigv4_read(arena, &request, &claim, &err))
        return 0;
    if (!claim.access_key[0] || !claim.signature || !claim.payload_hash || !claim.signed_headers)
        abort();
    if (sigv4_verify(arena, &request, &claim, "a secret that no input holds", claim.region,
                     claim.service, claim.signed_at_unix_ms, &failure, &err))
        abort();
    return 0;
}
