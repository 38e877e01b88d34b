/*
 * Who asks, and whether he may. Every call but a preflight is signed with a key of the store; what
 * a key may do is the store's to say.
 */
#include "base/codec.h"
#include "s3/internal.h"

#include <string.h>

/* What S3 tells beside these errors, and what SDKs and people look at. */
static void explain_refusal(struct s3_call *call, const struct sigv4_failure *failure,
                            const struct error *err) {
    const char *code = err->code ? err->code : "";
    char now[DATE_SIZE];
    date_format_iso(call->now_unix_ms, now);
    if (strcmp(code, "SignatureDoesNotMatch") == 0) {
        s3_error_detail(call, "AWSAccessKeyId", call->claim.access_key);
        s3_error_detail(call, "SignatureProvided", call->claim.signature);
        if (failure->string_to_sign)
            s3_error_detail(call, "StringToSign", failure->string_to_sign);
        if (failure->canonical_request)
            s3_error_detail(call, "CanonicalRequest", failure->canonical_request);
    } else if (strcmp(code, "RequestTimeTooSkewed") == 0) {
        char signed_at[DATE_SIZE];
        date_format_basic(call->claim.signed_at_unix_ms, signed_at);
        s3_error_detail(call, "RequestTime", signed_at);
        s3_error_detail(call, "ServerTime", now);
        s3_error_detail(call, "MaxAllowedSkewMilliseconds", "900000");
    } else if (strcmp(code, "AuthorizationHeaderMalformed") == 0) {
        s3_error_detail(call, "Region", call->server->region);
    } else if (call->claim.presigned && strcmp(code, "AccessDenied") == 0) {
        char expires[DATE_SIZE];
        date_format_iso(call->claim.signed_at_unix_ms + 1000 * (int64_t)call->claim.expires_seconds,
                        expires);
        s3_error_detail(call, "Expires", expires);
        s3_error_detail(call, "ServerTime", now);
    }
}

/* Temporary keys come with a token, the others without one. */
static bool check_token(const struct s3_call *call, const struct store_key *key,
                        struct error *err) {
    const char *token = call->claim.session_token ? call->claim.session_token : "";
    size_t length = strlen(key->session_token);
    if (strlen(token) != length || !equal_constant_time(token, key->session_token, length))
        return error_set(err, ERROR_DENIED, "InvalidToken", "the session token is another one");
    if (key->expires_unix_ms != 0 && key->expires_unix_ms <= call->now_unix_ms)
        return error_set(err, ERROR_DENIED, "ExpiredToken", "the key has expired");
    return true;
}

bool s3_find_key(struct s3_call *call, struct error *err) {
    struct store_key key;
    if (!store_get_key(call->store, call->arena, call->claim.access_key, &key, err)) {
        if (err->code && strcmp(err->code, "InvalidAccessKeyId") == 0)
            s3_error_detail(call, "AWSAccessKeyId", call->claim.access_key);
        return false;
    }
    call->secret_key = key.secret_key;
    return check_token(call, &key, err);
}

bool s3_authenticate(struct s3_call *call, struct error *err) {
    const struct http_request *request = &call->x->request;
    struct sigv4_request signed_request = {
        .method = request->method,
        .path = request->path,
        .query = request->query,
        .headers = &request->headers,
    };
    if (!sigv4_read(call->arena, &signed_request, &call->claim, err)) {
        if (err->code && strcmp(err->code, "AuthorizationHeaderMalformed") == 0)
            s3_error_detail(call, "Region", call->server->region);
        return false;
    }
    if (!s3_find_key(call, err))
        return false;
    struct sigv4_failure failure = {0};
    if (!sigv4_verify(call->arena, &signed_request, &call->claim, call->secret_key,
                      call->server->region, "s3", call->now_unix_ms, &failure, err)) {
        explain_refusal(call, &failure, err);
        return false;
    }
    return true;
}

bool s3_authorise(const struct s3_call *call, const char *action, const char *bucket,
                  const char *key, struct error *err) {
    if (store_allows(call->store, call->claim.access_key, action, bucket, key))
        return true;
    return error_set(err, ERROR_DENIED, "AccessDenied",
                     "Access Denied: access key '%.128s' has no statement that allows s3:%s on "
                     "bucket '%.64s', '%.400s'",
                     call->claim.access_key, action, bucket, key);
}

bool s3_hide_missing_key(const struct s3_call *call, struct error *err) {
    return s3_hide_missing(call, call->bucket, call->key, err);
}

bool s3_hide_missing(const struct s3_call *call, const char *bucket, const char *key,
                     struct error *err) {
    if (err->code && strcmp(err->code, "NoSuchKey") == 0 &&
        !store_allows(call->store, call->claim.access_key, "ListBucket", bucket, key))
        error_set(err, ERROR_DENIED, "AccessDenied", "Access Denied");
    return false;
}
