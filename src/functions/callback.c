/*
 * The signature's key is the job's own token, which whoever created the job has; so a receiver
 * needs no other secret, and no job can speak for another.
 */
#include "functions/callback.h"

#include "functions/token.h"

#include "base/codec.h"
#include "base/os.h"
#include "job/keys.h"
#include "sign/digest.h"

#include <string.h>

enum { CONNECT_MS = 3000, CALL_MS = 10000, MAX_REPLY_BYTES = 64 * 1024 };

bool callback_find(struct functions *functions, struct arena *arena, const char *job,
                   const char **ret, struct error *err) {
    struct str text;
    struct manifest manifest;
    struct error why;
    *ret = NULL;
    if (!functions_get_text(functions, arena, functions->input, key_manifest(arena, job),
                            MANIFEST_MAX_BYTES, &text, err))
        return err->kind == ERROR_NOT_FOUND || err->kind == ERROR_LIMIT;
    if (manifest_parse(arena, text, &manifest, &why) && manifest.settings.callback_url[0] != '\0')
        *ret = arena_strdup(arena, manifest.settings.callback_url);
    return true;
}

char *callback_signature(struct arena *arena, const char *token, int64_t now_unix_ms,
                         struct str body) {
    long long seconds = (long long)(now_unix_ms / 1000);
    char *text = arena_printf(arena, "%lld.%.*s", seconds, STR_ARG(body));
    uint8_t hash[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    hmac_sha256(token, strlen(token), text, strlen(text), hash);
    hex_encode(hash, sizeof hash, hex);
    return arena_printf(arena, "t=%lld,v1=%s", seconds, hex);
}

bool callback_send(struct functions *functions, struct arena *arena, const char *job,
                   const char *url, struct str text, struct error *err) {
    const char *token = token_of_job(arena, functions->secret, job);
    struct http_call call = http_call("POST", url);
    struct http_reply reply;
    http_headers_add(arena, &call.headers, "Content-Type", "application/json");
    http_headers_add(arena, &call.headers, "User-Agent", "Tachyscope");
    http_headers_add(arena, &call.headers, "Tachyscope-Signature",
                     callback_signature(arena, token, clock_unix_ms(), text));
    call.body = text.ptr;
    call.body_size = text.len;
    call.connect_timeout_ms = CONNECT_MS;
    call.timeout_ms = CALL_MS;
    call.max_reply_bytes = MAX_REPLY_BYTES;
    if (!http_client_perform(functions->http, arena, &call, &reply, err))
        return error_prefix(err, "callback of job '%s'", job);
    return (reply.status >= 200 && reply.status < 300) ||
           error_set(err, ERROR_UNAVAILABLE, NULL, "callback of job '%s': status %u", job,
                     reply.status);
}
