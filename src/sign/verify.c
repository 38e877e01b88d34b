/*
 * Verifying Signature Version 4. Reading a claim and checking it are two steps, because the server
 * must look up the key between them. What is compared is always built anew from the request as it
 * came in; of the claim only the names of the signed headers are taken over.
 */
#include "base/codec.h"
#include "sign/canonical.h"
#include "sign/digest.h"
#include "sign/sigv4.h"

#include <string.h>

enum { MAX_SKEW_MS = 15 * 60 * 1000 };

static bool fail(struct error *err, const char *code, const char *text) {
    return error_set(err, ERROR_INVALID, code, "%s", text);
}

static bool deny(struct error *err, const char *code, const char *text) {
    return error_set(err, ERROR_DENIED, code, "%s", text);
}

static bool fail_sigv2(struct error *err) {
    return fail(err, "InvalidRequest",
                "The authorization mechanism you have provided is not supported. Please use "
                "AWS4-HMAC-SHA256.");
}

static bool fail_sigv4a(struct error *err) {
    return fail(err, "NotImplemented",
                "A header you provided implies functionality that is not implemented: "
                "AWS4-ECDSA-P256-SHA256");
}

static bool parse_query(struct arena *arena, const char *raw, struct http_query *ret,
                        struct error *err) {
    struct error reason;
    if (!http_query_parse(arena, str_c(raw), ret, &reason))
        return fail(err, "InvalidURI", "Couldn't parse the specified URI.");
    return true;
}

/* Code and start of the message differ between the two ways to send a signature. */
static bool fail_claim(const struct sigv4_claim *claim, struct error *err, const char *text) {
    if (claim->presigned)
        return error_set(err, ERROR_INVALID, "AuthorizationQueryParametersError",
                         "Error parsing the X-Amz-Credential parameter; %s", text);
    return error_set(err, ERROR_INVALID, "AuthorizationHeaderMalformed",
                     "The authorization header is malformed; %s", text);
}

/* Takes what is behind the last `/` off the text. */
static bool take_last(struct str *text, struct str *ret) {
    for (size_t i = text->len; i > 0; i--) {
        if (text->ptr[i - 1] != '/')
            continue;
        *ret = (struct str){text->ptr + i, text->len - i};
        text->len = i - 1;
        return true;
    }
    return false;
}

static bool is_date(struct str text) {
    uint64_t value;
    return text.len == 8 && str_to_u64(text, 99999999, &value);
}

/* `AK/yyyymmdd/region/service/aws4_request`, from the right, since a key may hold slashes. */
static bool read_credential(struct arena *arena, struct str credential, struct sigv4_claim *claim,
                            struct error *err) {
    struct str rest = credential, terminal, service, region, date;
    if (!take_last(&rest, &terminal) || !take_last(&rest, &service) || !take_last(&rest, &region) ||
        !take_last(&rest, &date))
        return fail_claim(claim, err,
                          "the Credential is mal-formed; expecting "
                          "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
    if (rest.len == 0)
        return fail_claim(claim, err,
                          "a non-empty Access Key (AKID) must be provided in the credential.");
    if (!is_date(date))
        return fail_claim(claim, err,
                          "incorrect date format. This date in the credential must be in the "
                          "format \"yyyyMMdd\".");
    if (!str_equal_c(terminal, "aws4_request"))
        return fail_claim(claim, err, "incorrect terminal. This endpoint uses \"aws4_request\".");
    claim->access_key = arena_strndup(arena, rest.ptr, rest.len);
    claim->date = arena_strndup(arena, date.ptr, date.len);
    claim->region = arena_strndup(arena, region.ptr, region.len);
    claim->service = arena_strndup(arena, service.ptr, service.len);
    return true;
}

static bool is_payload_hash(struct str value) {
    static const char *const constants[] = {
        SIGV4_UNSIGNED_PAYLOAD,
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    };
    uint8_t hash[SHA256_SIZE];
    if (hex_decode(value, hash, sizeof hash))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(constants); i++)
        if (str_equal_c(value, constants[i]))
            return true;
    return false;
}

static bool check_payload_hash(struct str value, struct error *err) {
    if (str_starts_with(value, "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"))
        return fail_sigv4a(err);
    if (!is_payload_hash(value))
        return fail(err, "InvalidArgument",
                    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "
                    "STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
                    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.");
    return true;
}

static bool read_date_header(const struct http_headers *headers, int64_t *ret_unix_ms) {
    const char *date = http_headers_get(headers, "x-amz-date");
    if (date)
        return date_parse_basic(str_trim(str_c(date)), ret_unix_ms);
    date = http_headers_get(headers, "date");
    return date && (date_parse_http(str_trim(str_c(date)), ret_unix_ms) ||
                    date_parse_basic(str_trim(str_c(date)), ret_unix_ms));
}

struct authorization {
    struct str credential;
    struct str signed_headers;
    struct str signature;
};

static struct authorization split_authorization(struct str text) {
    struct authorization parts = {0};
    while (text.len > 0) {
        struct str part = str_trim(str_split(text, ',', &text));
        struct str value;
        struct str name = str_trim(str_split(part, '=', &value));
        if (str_equal_c(name, "Credential"))
            parts.credential = value;
        else if (str_equal_c(name, "SignedHeaders"))
            parts.signed_headers = value;
        else if (str_equal_c(name, "Signature"))
            parts.signature = value;
    }
    return parts;
}

static bool read_header_claim(struct arena *arena, const struct sigv4_request *request,
                              const char *authorization, struct sigv4_claim *ret,
                              struct error *err) {
    const struct http_headers *headers = request->headers;
    struct str rest;
    struct str scheme = str_split(str_trim(str_c(authorization)), ' ', &rest);
    if (str_equal_c(scheme, "AWS"))
        return fail_sigv2(err);
    if (str_equal_c(scheme, "AWS4-ECDSA-P256-SHA256"))
        return fail_sigv4a(err);
    if (!str_equal_c(scheme, "AWS4-HMAC-SHA256"))
        return fail(err, "InvalidArgument", "Unsupported Authorization Type");
    struct authorization parts = split_authorization(rest);
    if (parts.credential.len == 0 || parts.signed_headers.len == 0 || parts.signature.len == 0)
        return fail(err, "AuthorizationHeaderMalformed",
                    "The authorization header is malformed; the authorization header requires "
                    "three components: Credential, SignedHeaders, and Signature.");
    struct sigv4_claim claim = {.presigned = false};
    if (!read_credential(arena, parts.credential, &claim, err))
        return false;
    if (!read_date_header(headers, &claim.signed_at_unix_ms))
        return deny(err, "AccessDenied",
                    "AWS authentication requires a valid Date or x-amz-date header");
    const char *payload_hash = http_headers_get(headers, "x-amz-content-sha256");
    if (!payload_hash)
        payload_hash = request->payload_hash;
    if (!payload_hash)
        return fail(err, "InvalidRequest",
                    "Missing required header for this request: x-amz-content-sha256");
    if (!check_payload_hash(str_c(payload_hash), err))
        return false;
    claim.payload_hash = arena_strdup(arena, payload_hash);
    const char *token = http_headers_get(headers, "x-amz-security-token");
    claim.session_token = token ? arena_strdup(arena, token) : NULL;
    claim.signature = arena_strndup(arena, parts.signature.ptr, parts.signature.len);
    claim.signed_headers = arena_strndup(arena, parts.signed_headers.ptr, parts.signed_headers.len);
    *ret = claim;
    return true;
}

static bool fail_query(struct error *err, const char *text) {
    return fail(err, "AuthorizationQueryParametersError", text);
}

/* Empty when it is missing. */
static struct str query_value(const struct http_query *query, const char *name) {
    const struct http_parameter *parameter = http_query_get(query, name);
    return parameter ? parameter->value : (struct str){"", 0};
}

static bool read_expires(struct str text, unsigned *ret_seconds, struct error *err) {
    struct str digits = text;
    bool negative = digits.len > 1 && digits.ptr[0] == '-';
    if (negative)
        digits = (struct str){digits.ptr + 1, digits.len - 1};
    for (size_t i = 0; i < digits.len; i++)
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return fail_query(err, "X-Amz-Expires should be a number");
    if (negative)
        return fail_query(err, "X-Amz-Expires must be non-negative");
    uint64_t seconds;
    if (!str_to_u64(digits, SIGV4_MAX_EXPIRES_SECONDS, &seconds))
        return fail_query(err, "X-Amz-Expires must be less than a week (in seconds); that is, the "
                               "given X-Amz-Expires must be less than 604800 seconds");
    *ret_seconds = (unsigned)seconds;
    return true;
}

static bool check_presign_parameters(const struct http_query *query, struct error *err) {
    static const char *const needed[] = {"X-Amz-Algorithm",     "X-Amz-Credential",
                                         "X-Amz-Signature",     "X-Amz-Date",
                                         "X-Amz-SignedHeaders", "X-Amz-Expires"};
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
        if (query_value(query, needed[i]).len == 0)
            return fail_query(err, "Query-string authentication version 4 requires the "
                                   "X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
                                   "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires "
                                   "parameters.");
    for (size_t i = 0; i < query->count; i++)
        if (str_starts_with(query->items[i].name, "X-Amz-") &&
            str_has_control(query->items[i].value))
            return fail_query(err, "X-Amz- parameters must not hold control characters");
    return true;
}

/* The hash may stand in the query, then in a header; as a rule it is in neither. */
static bool read_presigned_hash(struct arena *arena, const struct sigv4_request *request,
                                const struct http_query *query, struct sigv4_claim *claim,
                                struct error *err) {
    const char *header = http_headers_get(request->headers, "x-amz-content-sha256");
    struct str value = query_value(query, "X-Amz-Content-Sha256");
    if (value.len == 0)
        value = header ? str_c(header) : str_c(SIGV4_UNSIGNED_PAYLOAD);
    if (!check_payload_hash(value, err))
        return false;
    claim->payload_hash = arena_strndup(arena, value.ptr, value.len);
    return true;
}

static bool read_presigned_claim(struct arena *arena, const struct sigv4_request *request,
                                 const struct http_query *query, struct sigv4_claim *ret,
                                 struct error *err) {
    struct str algorithm = query_value(query, "X-Amz-Algorithm");
    if (str_equal_c(algorithm, "AWS4-ECDSA-P256-SHA256"))
        return fail_sigv4a(err);
    if (!check_presign_parameters(query, err))
        return false;
    if (!str_equal_c(algorithm, "AWS4-HMAC-SHA256"))
        return fail_query(err, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
    struct sigv4_claim claim = {.presigned = true};
    if (!read_credential(arena, query_value(query, "X-Amz-Credential"), &claim, err))
        return false;
    if (!date_parse_basic(query_value(query, "X-Amz-Date"), &claim.signed_at_unix_ms))
        return fail_query(err, "X-Amz-Date must be in the ISO8601 Long Format "
                               "\"yyyyMMdd'T'HHmmss'Z'\"");
    if (!read_expires(query_value(query, "X-Amz-Expires"), &claim.expires_seconds, err))
        return false;
    if (!read_presigned_hash(arena, request, query, &claim, err))
        return false;
    struct str signature = query_value(query, "X-Amz-Signature");
    struct str names = query_value(query, "X-Amz-SignedHeaders");
    struct str token = query_value(query, "X-Amz-Security-Token");
    claim.signature = arena_strndup(arena, signature.ptr, signature.len);
    claim.signed_headers = arena_strndup(arena, names.ptr, names.len);
    claim.session_token = token.len > 0 ? arena_strndup(arena, token.ptr, token.len) : NULL;
    *ret = claim;
    return true;
}

bool sigv4_read(struct arena *arena, const struct sigv4_request *request, struct sigv4_claim *ret,
                struct error *err) {
    struct http_query query;
    if (!parse_query(arena, request->query, &query, err))
        return false;
    const char *authorization = http_headers_get(request->headers, "authorization");
    bool presigned = http_query_get(&query, "X-Amz-Algorithm") ||
                     http_query_get(&query, "X-Amz-Signature") ||
                     http_query_get(&query, "X-Amz-Credential");
    bool sigv2 = http_query_get(&query, "AWSAccessKeyId") || http_query_get(&query, "Signature");
    if (authorization && (presigned || sigv2))
        return fail(err, "InvalidArgument",
                    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
                    "Signature query string parameter or the Authorization header should be "
                    "specified");
    if (authorization)
        return read_header_claim(arena, request, authorization, ret, err);
    if (presigned)
        return read_presigned_claim(arena, request, &query, ret, err);
    if (sigv2)
        return fail_sigv2(err);
    return deny(err, "AccessDenied", "Access Denied");
}

static bool check_scope(struct arena *arena, const struct sigv4_claim *claim, const char *region,
                        const char *service, struct error *err) {
    char date_time[DATE_SIZE];
    date_format_basic(claim->signed_at_unix_ms, date_time);
    if (strncmp(claim->date, date_time, 8) != 0)
        return fail_claim(claim, err,
                          arena_printf(arena,
                                       "Invalid credential date \"%s\". This date is not the same "
                                       "as X-Amz-Date: \"%.8s\".",
                                       claim->date, date_time));
    if (strcmp(claim->region, region) != 0)
        return fail_claim(claim, err,
                          arena_printf(arena, "the region '%.100s' is wrong; expecting '%s'",
                                       claim->region, region));
    if (strcmp(claim->service, service) != 0)
        return fail_claim(claim, err,
                          arena_printf(arena,
                                       "incorrect service \"%.100s\". This endpoint belongs to "
                                       "\"%s\".",
                                       claim->service, service));
    return true;
}

static bool check_time(const struct sigv4_claim *claim, int64_t now_unix_ms, struct error *err) {
    int64_t age_ms = now_unix_ms - claim->signed_at_unix_ms;
    if (!claim->presigned) {
        if (age_ms > MAX_SKEW_MS || age_ms < -MAX_SKEW_MS)
            return deny(err, "RequestTimeTooSkewed",
                        "The difference between the request time and the current time is too "
                        "large.");
        return true;
    }
    if (age_ms < -MAX_SKEW_MS)
        return deny(err, "AccessDenied", "Request is not valid yet");
    if (age_ms >= (int64_t)claim->expires_seconds * 1000)
        return deny(err, "AccessDenied", "Request has expired");
    return true;
}

static bool is_signed(const char *signed_headers, const char *name) {
    struct str rest = str_c(signed_headers);
    while (rest.len > 0)
        if (str_equal_nocase(str_split(rest, ';', &rest), str_c(name)))
            return true;
    return false;
}

static bool must_be_signed(const char *name) {
    struct str text = str_c(name);
    static const char prefix[] = "x-amz-";
    size_t length = sizeof prefix - 1;
    return str_equal_nocase(text, str_c("host")) ||
           (text.len >= length &&
            str_equal_nocase((struct str){name, length}, (struct str){prefix, length}));
}

/* The names that should be signed and are not, joined by ", "; empty when all is well. */
static char *unsigned_names(struct arena *arena, const struct http_headers *headers,
                            const char *signed_headers) {
    const char **names = arena_array(arena, headers->count + 1, sizeof *names);
    size_t count = 0;
    /* A request without a Host header cannot prove whom it was meant for. */
    if (!is_signed(signed_headers, "host"))
        names[count++] = "host";
    for (size_t i = 0; i < headers->count; i++) {
        const char *name = headers->items[i].name;
        if (must_be_signed(name) && !str_equal_nocase(str_c(name), str_c("host")) &&
            !is_signed(signed_headers, name))
            names[count++] = name;
    }
    return canonical_join(arena, names, count, ", ");
}

static bool is_same_signature(const char *claimed, const char expected[SHA256_HEX_SIZE]) {
    return strlen(claimed) == SHA256_HEX_SIZE - 1 &&
           equal_constant_time(claimed, expected, SHA256_HEX_SIZE - 1);
}

bool sigv4_verify(struct arena *arena, const struct sigv4_request *request,
                  const struct sigv4_claim *claim, const char *secret_key, const char *region,
                  const char *service, int64_t now_unix_ms, struct sigv4_failure *ret_failure,
                  struct error *err) {
    struct http_query query;
    if (!parse_query(arena, request->query, &query, err) ||
        !check_scope(arena, claim, region, service, err) || !check_time(claim, now_unix_ms, err))
        return false;
    struct sigv4_failure failure = {0};
    failure.headers_not_signed = unsigned_names(arena, request->headers, claim->signed_headers);
    if (failure.headers_not_signed[0]) {
        if (ret_failure)
            *ret_failure = failure;
        return deny(err, "AccessDenied",
                    "There were headers present in the request which were not signed");
    }
    failure.canonical_request =
        canonical_request(arena, &(struct canonical_request){
                                     .method = request->method,
                                     .path = request->path,
                                     .query = &query,
                                     .headers = request->headers,
                                     .signed_headers = claim->signed_headers,
                                     .payload_hash = claim->payload_hash,
                                     .service = service,
                                 });
    char date_time[DATE_SIZE];
    date_format_basic(claim->signed_at_unix_ms, date_time);
    const char *scope = arena_printf(arena, "%s/%s/%s/aws4_request", claim->date, region, service);
    failure.string_to_sign = string_to_sign(arena, date_time, scope, failure.canonical_request);
    char expected[SHA256_HEX_SIZE];
    sigv4_sign_text(secret_key, claim->date, region, service, str_c(failure.string_to_sign),
                    expected);
    if (is_same_signature(claim->signature, expected))
        return true;
    if (ret_failure)
        *ret_failure = failure;
    return deny(err, "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.");
}

/* ---- forms ---- */

bool sigv4_read_form(struct arena *arena, const struct sigv4_form *form, struct sigv4_claim *ret,
                     struct error *err) {
    if (!form->algorithm || !form->credential || !form->date || !form->signature)
        return deny(err, "AccessDenied",
                    "A form needs policy, x-amz-algorithm, x-amz-credential, x-amz-date and "
                    "x-amz-signature.");
    if (strcmp(form->algorithm, "AWS4-ECDSA-P256-SHA256") == 0)
        return fail_sigv4a(err);
    if (strcmp(form->algorithm, "AWS4-HMAC-SHA256") != 0)
        return fail(err, "InvalidArgument", "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
    struct sigv4_claim claim = {.presigned = true, .payload_hash = SIGV4_UNSIGNED_PAYLOAD};
    if (!read_credential(arena, str_c(form->credential), &claim, err) ||
        !date_parse_basic(str_c(form->date), &claim.signed_at_unix_ms)) {
        return fail(err, "InvalidArgument",
                    "the form's x-amz-credential or x-amz-date is malformed");
    }
    claim.signature = arena_strdup(arena, form->signature);
    claim.signed_headers = "";
    claim.session_token = form->session_token && form->session_token[0] != '\0'
                              ? arena_strdup(arena, form->session_token)
                              : NULL;
    *ret = claim;
    return true;
}

bool sigv4_verify_form(struct arena *arena, const struct sigv4_claim *claim, const char *policy,
                       const char *secret_key, const char *region, const char *service,
                       struct error *err) {
    if (!check_scope(arena, claim, region, service, err)) {
        err->code = "InvalidArgument";
        return false;
    }
    char expected[SHA256_HEX_SIZE];
    sigv4_sign_text(secret_key, claim->date, region, service, str_c(policy), expected);
    return is_same_signature(claim->signature, expected) ||
           deny(err, "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.");
}
