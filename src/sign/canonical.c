/*
 * The canonical request of Signature Version 4. A path or query arrives in whatever encoding the
 * client chose, so both are decoded and encoded again the one way that is signed.
 */
#include "sign/canonical.h"

#include "base/codec.h"
#include "sign/digest.h"
#include "sign/sigv4.h"

#include <stdlib.h>
#include <string.h>

char *canonical_join(struct arena *arena, const char *const *parts, size_t count,
                     const char *separator) {
    size_t separator_length = strlen(separator);
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += strlen(parts[i]) + separator_length;
    char *joined = arena_alloc(arena, size + 1);
    char *out = joined;
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            memcpy(out, separator, separator_length);
            out += separator_length;
        }
        size_t length = strlen(parts[i]);
        memcpy(out, parts[i], length);
        out += length;
    }
    return joined;
}

/* A broken escape cannot be decoded: its text is then what is signed, and no client agrees. */
static char *canonical_path(struct arena *arena, const char *path, const char *service) {
    struct str decoded;
    if (!percent_decode(arena, str_c(path), false, &decoded))
        decoded = str_c(path);
    char *encoded = percent_encode(arena, decoded, true);
    if (strcmp(service, "s3") == 0)
        return encoded;
    return percent_encode(arena, str_c(encoded), true);
}

struct encoded_parameter {
    const char *name;
    const char *value;
};

static int compare_parameters(const void *left, const void *right) {
    const struct encoded_parameter *a = left;
    const struct encoded_parameter *b = right;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : strcmp(a->value, b->value);
}

static char *canonical_query(struct arena *arena, const struct http_query *query) {
    struct encoded_parameter *encoded = arena_array(arena, query->count, sizeof *encoded);
    size_t count = 0;
    for (size_t i = 0; i < query->count; i++) {
        if (str_equal_c(query->items[i].name, "X-Amz-Signature"))
            continue;
        encoded[count].name = percent_encode(arena, query->items[i].name, false);
        encoded[count].value = percent_encode(arena, query->items[i].value, false);
        count++;
    }
    if (count == 0)
        return arena_strdup(arena, "");
    qsort(encoded, count, sizeof *encoded, compare_parameters);
    const char **pairs = arena_array(arena, count, sizeof *pairs);
    for (size_t i = 0; i < count; i++)
        pairs[i] = arena_printf(arena, "%s=%s", encoded[i].name, encoded[i].value);
    return canonical_join(arena, pairs, count, "&");
}

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

static char *collapse_spaces(struct arena *arena, const char *value) {
    struct str text = str_trim(str_c(value));
    char *collapsed = arena_alloc(arena, text.len + 1);
    size_t size = 0;
    for (size_t i = 0; i < text.len; i++)
        if (!is_space(text.ptr[i]))
            collapsed[size++] = text.ptr[i];
        else if (!is_space(text.ptr[i - 1])) /* never the first: the text is trimmed */
            collapsed[size++] = ' ';
    return collapsed;
}

char *canonical_header_value(struct arena *arena, const struct http_headers *headers,
                             struct str name) {
    const char **values = arena_array(arena, headers->count, sizeof *values);
    size_t count = 0;
    for (size_t i = 0; i < headers->count; i++)
        if (str_equal_nocase(str_c(headers->items[i].name), name))
            values[count++] = collapse_spaces(arena, headers->items[i].value);
    return canonical_join(arena, values, count, ",");
}

static char *canonical_headers(struct arena *arena, const struct http_headers *headers,
                               const char *signed_headers) {
    struct str rest = str_c(signed_headers);
    size_t max_count = 1;
    for (size_t i = 0; i < rest.len; i++)
        max_count += rest.ptr[i] == ';';
    const char **lines = arena_array(arena, max_count, sizeof *lines);
    size_t count = 0;
    while (rest.len > 0 && count < HTTP_MAX_HEADERS) {
        struct str name = str_split(rest, ';', &rest);
        lines[count++] = arena_printf(arena, "%.*s:%s\n", STR_ARG(name),
                                      canonical_header_value(arena, headers, name));
    }
    return canonical_join(arena, lines, count, "");
}

char *canonical_request(struct arena *arena, const struct canonical_request *request) {
    const char *parts[] = {
        request->method,
        canonical_path(arena, request->path, request->service),
        canonical_query(arena, request->query),
        canonical_headers(arena, request->headers, request->signed_headers),
        request->signed_headers,
        request->payload_hash,
    };
    return canonical_join(arena, parts, ARRAY_SIZE(parts), "\n");
}

char *string_to_sign(struct arena *arena, const char *date_time, const char *scope,
                     const char *canonical) {
    char hash[SHA256_HEX_SIZE];
    sha256_hex(canonical, strlen(canonical), hash);
    return arena_printf(arena, "AWS4-HMAC-SHA256\n%s\n%s\n%s", date_time, scope, hash);
}

void sigv4_sign_text(const char *secret_key, const char *date, const char *region,
                     const char *service, struct str text, char ret_signature[SHA256_HEX_SIZE]) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const char *start = arena_printf(arena, "AWS4%s", secret_key);
    uint8_t key[SHA256_SIZE];
    hmac_sha256(start, strlen(start), date, strlen(date), key);
    hmac_sha256(key, sizeof key, region, strlen(region), key);
    hmac_sha256(key, sizeof key, service, strlen(service), key);
    hmac_sha256(key, sizeof key, "aws4_request", strlen("aws4_request"), key);
    hmac_sha256(key, sizeof key, text.ptr, text.len, key);
    hex_encode(key, sizeof key, ret_signature);
}
