/*
 * Requests are signed as AWS wants them (service execute-api); the embedded gateway checks the same
 * signature.
 */
#include "functions/listeners.h"

#include "base/codec.h"
#include "base/log.h"
#include "base/os.h"
#include "job/keys.h"

enum { CONNECT_MS = 2000, SEND_MS = 5000, MAX_REPLY_BYTES = 64 * 1024 };

bool listeners_find(struct functions *functions, struct arena *arena, const char *job,
                    const char *const **ret_keys, size_t *ret_count, struct error *err) {
    struct s3_list_options options = {.prefix = key_connections_prefix(arena, job)};
    struct s3_listing listing;
    if (!s3_list(functions->s3, arena, functions->work, &options, &listing, err))
        return false;
    const char **keys = arena_array(arena, listing.count, sizeof *keys);
    for (size_t i = 0; i < listing.count; i++)
        keys[i] = listing.entries[i].key;
    *ret_keys = keys;
    *ret_count = listing.count;
    return true;
}

static bool post(struct functions *functions, struct arena *arena, const char *connection,
                 struct str text, unsigned *ret_status, struct error *err) {
    const char *address = arena_printf(arena, "%s/@connections/%s", functions->connections_url,
                                       percent_encode(arena, str_c(connection), false));
    struct http_call call = http_call("POST", address);
    struct http_reply reply;
    struct http_url url;
    char hash[SHA256_HEX_SIZE];
    if (!http_url_parse(arena, address, &url, err))
        return error_prefix(err, "TACHYSCOPE_CONNECTIONS_URL");
    sha256_hex(text.ptr, text.len, hash);
    http_headers_add(arena, &call.headers, "host", http_url_host(arena, &url));
    http_headers_add(arena, &call.headers, "content-type", "application/json");
    sigv4_sign_headers(arena, &functions->credentials, functions->region, "execute-api",
                       clock_unix_ms(), "POST", url.path, url.query, hash, &call.headers);
    call.body = text.ptr;
    call.body_size = text.len;
    call.connect_timeout_ms = CONNECT_MS;
    call.timeout_ms = SEND_MS;
    call.max_reply_bytes = MAX_REPLY_BYTES;
    if (!http_client_perform(functions->http, arena, &call, &reply, err))
        return false;
    *ret_status = reply.status;
    return true;
}

bool listeners_send(struct functions *functions, struct arena *arena, const char *key,
                    const char *connection, struct str text, struct error *err) {
    unsigned status;
    struct error why;
    if (!post(functions, arena, connection, text, &status, &why)) {
        log_info("notify", "a listener was not reached: %s", why.text);
        return true;
    }
    if (status == 410)
        return s3_delete(functions->s3, arena, functions->work, key, err);
    if (status != 200)
        log_info("notify", "a listener was not told: status %u", status);
    return true;
}
