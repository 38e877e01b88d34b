/*
 * Who asks, and whether he may. Every call but a preflight is signed with a key of the store; what
 * a key may do is the store's to say. There are no temporary credentials here, so a session token
 * can only be somebody else's.
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
    if (call->claim.session_token)
        return error_set(err, ERROR_DENIED, "InvalidToken", "session tokens are not known here");
    if (!store_get_secret(call->store, call->arena, call->claim.access_key, &call->secret_key,
                          err)) {
        if (err->code && strcmp(err->code, "InvalidAccessKeyId") == 0)
            s3_error_detail(call, "AWSAccessKeyId", call->claim.access_key);
        return false;
    }
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
