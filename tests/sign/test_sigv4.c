/*
 * Vectors: the examples of the Amazon S3 API Reference, "Signature Calculations for the
 * Authorization Header" and "Authenticating Requests: Using Query Parameters".
 */
#include "sign/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/codec.h"

#include <string.h>

static const struct sigv4_credentials example = {"AKIAIOSFODNN7EXAMPLE",
                                                 "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL};
static const int64_t example_ms = 1369353600000; /* 2013-05-24T00:00:00Z */
static const int64_t minute_ms = 60000;

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(arena);
    return 0;
}

/* A request as the tests change it. */
struct message {
    const char *method, *path, *query;
    struct http_headers headers;
};

static struct message message(const char *method, const char *path, const char *query,
                              const char *host) {
    struct message m = {method, path, query, {0}};
    http_headers_add(arena, &m.headers, "Host", host);
    return m;
}

static void sign(struct message *m, const struct sigv4_credentials *credentials, int64_t now_ms,
                 const char *payload_hash) {
    sigv4_sign_headers(arena, credentials, "us-east-1", "s3", now_ms, m->method, m->path, m->query,
                       payload_hash, &m->headers);
}

static void set_header(struct message *m, const char *name, const char *value) {
    for (size_t i = 0; i < m->headers.count; i++) {
        if (!str_equal_nocase(str_c(m->headers.items[i].name), str_c(name)))
            continue;
        if (value)
            m->headers.items[i].value = value;
        else
            m->headers.items[i] = m->headers.items[--m->headers.count];
        return;
    }
    if (value)
        http_headers_add(arena, &m->headers, name, value);
}

static struct sigv4_request request_of(const struct message *m) {
    return (struct sigv4_request){m->method, m->path, m->query, &m->headers, NULL};
}

/* Code of the failure, or "" when the signature is good. */
static const char *verdict(const struct message *m, const char *secret_key, const char *region,
                           int64_t now_ms) {
    struct sigv4_request request = request_of(m);
    struct sigv4_claim claim;
    static struct error err;
    struct sigv4_failure failure;
    if (!sigv4_read(arena, &request, &claim, &err))
        return err.code;
    assert_string_equal(claim.access_key, example.access_key);
    if (!sigv4_verify(arena, &request, &claim, secret_key, region, "s3", now_ms, &failure, &err))
        return err.code;
    return "";
}

static const char *example_verdict(const struct message *m) {
    return verdict(m, example.secret_key, "us-east-1", example_ms);
}

static const char *message_of(const struct message *m, int64_t now_ms) {
    struct sigv4_request request = request_of(m);
    struct sigv4_claim claim;
    static struct error err;
    err.text[0] = '\0';
    if (sigv4_read(arena, &request, &claim, &err))
        (void)!sigv4_verify(arena, &request, &claim, example.secret_key, "us-east-1", "s3", now_ms,
                            NULL, &err);
    return err.text;
}

static void vectors_of_the_header(void **state) {
    (void)state;
    static const struct {
        const char *method, *path, *query;
        struct http_header headers[2];
        const char *payload_hash, *signature;
    } cases[] = {
        {"GET",
         "/test.txt",
         "",
         {{"Range", "bytes=0-9"}},
         EMPTY_HASH,
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"PUT",
         "/test%24file.text",
         "",
         {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
         "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        /* The same path in the encodings that clients choose. */
        {"PUT",
         "/test$file.text",
         "",
         {{"date", "  Fri, 24  May   2013 00:00:00 GMT "},
          {"X-Amz-Storage-Class", "REDUCED_REDUNDANCY"}},
         "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"GET",
         "/",
         "lifecycle",
         {{0}},
         EMPTY_HASH,
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"GET",
         "/",
         "lifecycle=",
         {{0}},
         EMPTY_HASH,
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"GET",
         "/",
         "max-keys=2&prefix=J",
         {{0}},
         EMPTY_HASH,
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
        {"GET",
         "/",
         "prefix=%4a&max-keys=2",
         {{0}},
         EMPTY_HASH,
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct message m = message(cases[i].method, cases[i].path, cases[i].query,
                                   "examplebucket.s3.amazonaws.com");
        for (size_t j = 0; j < 2 && cases[i].headers[j].name; j++)
            http_headers_add(arena, &m.headers, cases[i].headers[j].name,
                             cases[i].headers[j].value);
        http_headers_add(arena, &m.headers, "User-Agent", "never signed");
        sign(&m, &example, example_ms, cases[i].payload_hash);
        const char *authorization = http_headers_get(&m.headers, "authorization");
        const char *signature = strstr(authorization, "Signature=");
        assert_non_null(signature);
        assert_string_equal(signature + strlen("Signature="), cases[i].signature);
        assert_null(strstr(authorization, "user-agent"));
        assert_string_equal(example_verdict(&m), "");
    }
}

static void form_of_the_header(void **state) {
    (void)state;
    struct message m = message("GET", "/test.txt", "", "examplebucket.s3.amazonaws.com");
    http_headers_add(arena, &m.headers, "Range", "bytes=0-9");
    sign(&m, &example, example_ms, EMPTY_HASH);
    assert_string_equal(
        http_headers_get(&m.headers, "Authorization"),
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    assert_string_equal(http_headers_get(&m.headers, "x-amz-date"), "20130524T000000Z");
}

static void streamed_body_has_a_seed(void **state) {
    (void)state;
    struct message m = message("PUT", "/examplebucket/chunkObject.txt", "", "s3.amazonaws.com");
    http_headers_add(arena, &m.headers, "content-encoding", "aws-chunked");
    http_headers_add(arena, &m.headers, "content-length", "66824");
    http_headers_add(arena, &m.headers, "x-amz-decoded-content-length", "66560");
    http_headers_add(arena, &m.headers, "x-amz-storage-class", "REDUCED_REDUNDANCY");
    sign(&m, &example, example_ms, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    assert_non_null(strstr(http_headers_get(&m.headers, "authorization"),
                           "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"));
    assert_string_equal(example_verdict(&m), "");
}

static char *presigned_query(const char *query, int64_t now_ms, unsigned expires_seconds,
                             const char *token) {
    struct sigv4_credentials credentials = example;
    credentials.session_token = token;
    struct sigv4_presign presign = {.method = "GET",
                                    .path = "/test.txt",
                                    .query = query,
                                    .now_unix_ms = now_ms,
                                    .expires_seconds = expires_seconds};
    http_headers_add(arena, &presign.headers, "host", "examplebucket.s3.amazonaws.com");
    return sigv4_presign_query(arena, &credentials, "us-east-1", "s3", &presign);
}

static struct message presigned(const char *query) {
    return message("GET", "/test.txt", query, "examplebucket.s3.amazonaws.com");
}

static void vector_of_the_query(void **state) {
    (void)state;
    const char *query = presigned_query("", example_ms, 86400, NULL);
    assert_string_equal(
        query, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524"
               "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
               "&X-Amz-SignedHeaders=host&X-Amz-Signature="
               "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    struct message m = presigned(query);
    assert_string_equal(example_verdict(&m), "");
    struct sigv4_request request = request_of(&m);
    struct sigv4_claim claim;
    struct error err;
    assert_true(sigv4_read(arena, &request, &claim, &err));
    assert_true(claim.presigned);
    assert_string_equal(claim.payload_hash, SIGV4_UNSIGNED_PAYLOAD);
    assert_string_equal(claim.region, "us-east-1");
    assert_string_equal(claim.date, "20130524");
    assert_int_equal(claim.expires_seconds, 86400);
    assert_true(claim.signed_at_unix_ms == example_ms);
    assert_null(claim.session_token);
}

static void query_of_the_caller_is_signed_too(void **state) {
    (void)state;
    const char *query =
        presigned_query("uploadId=a%2Bb&partNumber=7&uploads", example_ms, 60, "tok/en+");
    struct message m = presigned(query);
    assert_string_equal(example_verdict(&m), "");
    assert_memory_equal(query, "uploadId=a%2Bb&partNumber=7&uploads&X-Amz-Algorithm=", 52);
    struct sigv4_request request = request_of(&m);
    struct sigv4_claim claim;
    struct error err;
    assert_true(sigv4_read(arena, &request, &claim, &err));
    assert_string_equal(claim.session_token, "tok/en+");
    m.query = arena_printf(arena, "%s&response-content-type=text%%2Fhtml", query);
    assert_string_equal(example_verdict(&m), "SignatureDoesNotMatch");
    char *changed = arena_strdup(arena, query);
    *strchr(changed, '7') = '8';
    m.query = changed;
    assert_string_equal(example_verdict(&m), "SignatureDoesNotMatch");
    /* Unsigned headers that a browser adds do no harm, those of S3 do. */
    m.query = query;
    set_header(&m, "Content-Type", "image/jpeg");
    set_header(&m, "Origin", "http://127.0.0.1");
    assert_string_equal(example_verdict(&m), "");
    set_header(&m, "x-amz-acl", "public-read");
    assert_string_equal(example_verdict(&m), "AccessDenied");
}

static void query_lives_from_date_to_expiry(void **state) {
    (void)state;
    struct message m = presigned(presigned_query("", example_ms, 60, NULL));
    static const struct {
        int64_t offset_ms;
        const char *code, *text;
    } cases[] = {
        {-15 * 60000 - 1, "AccessDenied", "Request is not valid yet"},
        {-15 * 60000, "", ""},
        {0, "", ""},
        {59999, "", ""},
        {60000, "AccessDenied", "Request has expired"},
        {86400000, "AccessDenied", "Request has expired"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t now_ms = example_ms + cases[i].offset_ms;
        assert_string_equal(verdict(&m, example.secret_key, "us-east-1", now_ms), cases[i].code);
        assert_string_equal(message_of(&m, now_ms), cases[i].text);
    }
}

/* A pre-signed query with one piece of text replaced. */
static const char *replaced(const char *text, const char *old, const char *by) {
    const char *found = strstr(text, old);
    assert_non_null(found);
    return arena_printf(arena, "%.*s%s%s", (int)(found - text), text, by, found + strlen(old));
}

static void bad_queries(void **state) {
    (void)state;
    static const char bad_parameters[] = "AuthorizationQueryParametersError";
    static const struct {
        const char *old, *by, *code, *text;
    } cases[] = {
        {"Expires=86400", "Expires=604801", bad_parameters, "less than 604800 seconds"},
        {"Expires=86400", "Expires=99999999999999999999", bad_parameters, "604800"},
        {"Expires=86400", "Expires=-1", bad_parameters, "non-negative"},
        {"Expires=86400", "Expires=1h", bad_parameters, "should be a number"},
        {"Expires=86400", "Expires=-", bad_parameters, "should be a number"},
        {"Expires=86400", "Expires=%2B60", bad_parameters, "should be a number"},
        {"Expires=86400", "Expires=", bad_parameters, "requires the"},
        {"Expires=86400", "Expires=0", "AccessDenied", "has expired"},
        {"&X-Amz-Expires=86400", "", bad_parameters, "requires the"},
        {"X-Amz-Algorithm=AWS4-HMAC-SHA256&", "", bad_parameters, "requires the"},
        {"AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", bad_parameters, "only supports"},
        {"AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "NotImplemented", "ECDSA"},
        {"&X-Amz-Date=20130524T000000Z", "", bad_parameters, "requires the"},
        {"Date=20130524T000000Z", "Date=2013-05-24", bad_parameters, "X-Amz-Date must"},
        {"Date=20130524T000000Z", "Date=20130525T000000Z", bad_parameters,
         "Invalid credential date"},
        {"&X-Amz-SignedHeaders=host", "", bad_parameters, "requires the"},
        {"SignedHeaders=host", "SignedHeaders=range", "AccessDenied", "not signed"},
        {"SignedHeaders=host", "SignedHeaders=host%3Brange", "SignatureDoesNotMatch",
         "does not match"},
        {"&X-Amz-Signature=", "&X-Amz-Sig=", bad_parameters, "requires the"},
        {"Signature=aeee", "Signature=beee", "SignatureDoesNotMatch", "does not match"},
        {"Signature=aeee", "Signature=AEEE", "SignatureDoesNotMatch", "does not match"},
        {"Signature=aeee", "Signature=aeeea", "SignatureDoesNotMatch", "does not match"},
        {"Signature=aeee", "Signature=", "SignatureDoesNotMatch", "does not match"},
        {"%2F20130524", "", bad_parameters, "mal-formed"},
        {"AKIAIOSFODNN7EXAMPLE", "", bad_parameters, "non-empty Access Key"},
        {"%2F20130524", "%2F2013-5-24", bad_parameters, "format"},
        {"aws4_request", "aws4", bad_parameters, "terminal"},
        {"us-east-1", "eu-west-1", bad_parameters, "expecting 'us-east-1'"},
        {"%2Fs3", "%2Fsqs", bad_parameters, "belongs to \"s3\""},
        {"AKIAIOSFODNN7EXAMPLE", "AKIA%00X", bad_parameters, "control"},
        {"host", "host%0A", bad_parameters, "control"},
        {"host", "host%", "InvalidURI", "URI"},
        {"host", "host&X-Amz-Content-Sha256=abc", "InvalidArgument", "x-amz-content-sha256"},
        {"host", "host&X-Amz-Content-Sha256=" EMPTY_HASH, "SignatureDoesNotMatch", "does not"},
    };
    const char *good = presigned_query("", example_ms, 86400, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct message m = presigned(replaced(good, cases[i].old, cases[i].by));
        struct sigv4_request request = request_of(&m);
        struct sigv4_claim claim;
        struct error err = {.code = ""};
        if (sigv4_read(arena, &request, &claim, &err) &&
            sigv4_verify(arena, &request, &claim, example.secret_key, "us-east-1", "s3", example_ms,
                         NULL, &err))
            fail_msg("case %zu was taken", i);
        if (strcmp(err.code, cases[i].code) != 0 || !strstr(err.text, cases[i].text))
            fail_msg("case %zu: %s, %s", i, err.code, err.text);
    }
}

static void other_ways_to_sign(void **state) {
    (void)state;
    struct message m = presigned("AWSAccessKeyId=AK&Signature=abc&Expires=1");
    assert_string_equal(example_verdict(&m), "InvalidRequest");
    assert_non_null(strstr(message_of(&m, example_ms), "Please use AWS4-HMAC-SHA256."));
    m = presigned("");
    assert_string_equal(example_verdict(&m), "AccessDenied");
    static const struct {
        const char *authorization, *code;
    } cases[] = {
        {"AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=", "InvalidRequest"},
        {"AWS4-ECDSA-P256-SHA256 Credential=a, SignedHeaders=b, Signature=c", "NotImplemented"},
        {"Bearer abc", "InvalidArgument"},
        {"Basic abc", "InvalidArgument"},
        {"", "InvalidArgument"},
        {" ", "InvalidArgument"},
        {"AWS4-HMAC-SHA256", "AuthorizationHeaderMalformed"},
        {"AWS4-HMAC-SHA256 ", "AuthorizationHeaderMalformed"},
        {"AWS4-HMAC-SHA256 Credential=a/20130524/us-east-1/s3/aws4_request, SignedHeaders=host",
         "AuthorizationHeaderMalformed"},
        {"AWS4-HMAC-SHA256 Credential, SignedHeaders, Signature", "AuthorizationHeaderMalformed"},
        {"AWS4-HMAC-SHA256 Credential=20130524/us-east-1/s3/aws4_request, SignedHeaders=host, "
         "Signature=ab",
         "AuthorizationHeaderMalformed"},
        {"AWS4-HMAC-SHA256 Credential=/20130524/us-east-1/s3/aws4_request, SignedHeaders=host, "
         "Signature=ab",
         "AuthorizationHeaderMalformed"},
        {"AWS4-HMAC-SHA256 Credential=a/2013052/us-east-1/s3/aws4_request, SignedHeaders=host, "
         "Signature=ab",
         "AuthorizationHeaderMalformed"},
        {"AWS4-HMAC-SHA256 Credential=a/20130524/us-east-1/s3/aws3_request, SignedHeaders=host, "
         "Signature=ab",
         "AuthorizationHeaderMalformed"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        m = presigned("");
        set_header(&m, "authorization", cases[i].authorization);
        if (strcmp(example_verdict(&m), cases[i].code) != 0)
            fail_msg("case %zu: %s", i, example_verdict(&m));
    }
    m = presigned(presigned_query("", example_ms, 60, NULL));
    set_header(&m, "authorization", "AWS4-HMAC-SHA256 Credential=x");
    assert_string_equal(example_verdict(&m), "InvalidArgument");
}

static struct message signed_message(void) {
    struct message m =
        message("PUT", "/b/a%20b/../c", "partNumber=1&uploadId=x%2Fy", "127.0.0.1:9");
    http_headers_add(arena, &m.headers, "Content-Type", "image/jpeg");
    http_headers_add(arena, &m.headers, "X-Amz-Meta-A", " one   two ");
    http_headers_add(arena, &m.headers, "x-amz-meta-a", "three");
    sign(&m, &example, example_ms, SIGV4_UNSIGNED_PAYLOAD);
    return m;
}

static void changes_are_noticed(void **state) {
    (void)state;
    struct message m = signed_message();
    assert_string_equal(example_verdict(&m), "");
    m.path = "/b/a%20b/%2E./c"; /* another encoding of the same path */
    assert_string_equal(example_verdict(&m), "");
    m.path = "/b/c";
    assert_string_equal(example_verdict(&m), "SignatureDoesNotMatch");
    m = signed_message();
    m.path = "/b/a%20b/../c%";
    assert_string_equal(example_verdict(&m), "SignatureDoesNotMatch");
    m = signed_message();
    m.method = "GET";
    assert_string_equal(example_verdict(&m), "SignatureDoesNotMatch");
    m = signed_message();
    m.query = "uploadId=x/y&partNumber=1"; /* order and encoding do not matter */
    assert_string_equal(example_verdict(&m), "");
    m.query = "partNumber=2&uploadId=x%2Fy";
    assert_string_equal(example_verdict(&m), "SignatureDoesNotMatch");
    static const struct {
        const char *name, *value, *code;
    } cases[] = {
        {"Host", "127.0.0.1", "SignatureDoesNotMatch"},
        {"Host", NULL, "SignatureDoesNotMatch"},
        {"Content-Type", "image/png", "SignatureDoesNotMatch"},
        {"X-Amz-Meta-A", "four", "SignatureDoesNotMatch"},
        {"x-amz-acl", "private", "AccessDenied"},
        {"X-Amz-Security-Token", "token", "AccessDenied"},
        {"x-amz-content-sha256", EMPTY_HASH, "SignatureDoesNotMatch"},
        {"x-amz-content-sha256", "unsigned-payload", "InvalidArgument"},
        {"x-amz-content-sha256", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "NotImplemented"},
        {"x-amz-content-sha256", "", "InvalidArgument"},
        {"x-amz-content-sha256", NULL, "InvalidRequest"},
        {"x-amz-date", "20130524T000001Z", "SignatureDoesNotMatch"},
        {"x-amz-date", "20130523T235959Z", "AuthorizationHeaderMalformed"},
        {"x-amz-date", "yesterday", "AccessDenied"},
        {"x-amz-date", NULL, "AccessDenied"},
        {"User-Agent", "other", ""},
        {"Content-Length", "7", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        m = signed_message();
        set_header(&m, cases[i].name, cases[i].value);
        if (strcmp(example_verdict(&m), cases[i].code) != 0)
            fail_msg("case %zu: %s", i, example_verdict(&m));
    }
}

static void wrong_key_region_service_time(void **state) {
    (void)state;
    struct message m = signed_message();
    assert_string_equal(verdict(&m, "another", "us-east-1", example_ms), "SignatureDoesNotMatch");
    assert_string_equal(verdict(&m, "", "us-east-1", example_ms), "SignatureDoesNotMatch");
    assert_string_equal(verdict(&m, example.secret_key, "local", example_ms),
                        "AuthorizationHeaderMalformed");
    static const struct {
        int64_t offset_ms;
        const char *code;
    } cases[] = {
        {15 * 60000, ""},
        {-15 * 60000, ""},
        {15 * 60000 + 1, "RequestTimeTooSkewed"},
        {-15 * 60000 - 1, "RequestTimeTooSkewed"},
        {365 * 86400000ll, "RequestTimeTooSkewed"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(
            verdict(&m, example.secret_key, "us-east-1", example_ms + cases[i].offset_ms),
            cases[i].code);
    struct sigv4_request request = request_of(&m);
    struct sigv4_claim claim;
    struct error err;
    assert_true(sigv4_read(arena, &request, &claim, &err));
    assert_false(sigv4_verify(arena, &request, &claim, example.secret_key, "us-east-1", "lambda",
                              example_ms, NULL, &err));
    assert_string_equal(err.code, "AuthorizationHeaderMalformed");
}

static void failure_has_particulars(void **state) {
    (void)state;
    struct message m = signed_message();
    struct sigv4_request request = request_of(&m);
    struct sigv4_claim claim;
    struct sigv4_failure failure = {0};
    struct error err;
    assert_true(sigv4_read(arena, &request, &claim, &err));
    assert_false(sigv4_verify(arena, &request, &claim, "wrong", "us-east-1", "s3", example_ms,
                              &failure, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_string_equal(failure.canonical_request,
                        "PUT\n/b/a%20b/../c\npartNumber=1&uploadId=x%2Fy\n"
                        "content-type:image/jpeg\nhost:127.0.0.1:9\n"
                        "x-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:20130524T000000Z\n"
                        "x-amz-meta-a:one two,three\n\n"
                        "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-meta-a\n"
                        "UNSIGNED-PAYLOAD");
    assert_memory_equal(failure.string_to_sign,
                        "AWS4-HMAC-SHA256\n20130524T000000Z\n"
                        "20130524/us-east-1/s3/aws4_request\n",
                        69);
    set_header(&m, "x-amz-acl", "private");
    set_header(&m, "X-Amz-Tagging", "a=b");
    assert_false(sigv4_verify(arena, &request, &claim, example.secret_key, "us-east-1", "s3",
                              example_ms, &failure, &err));
    assert_string_equal(err.code, "AccessDenied");
    assert_string_equal(failure.headers_not_signed, "x-amz-acl, X-Amz-Tagging");
}

static void date_may_stand_in_the_date_header(void **state) {
    (void)state;
    /* The only header with a date is "Date"; the signature is made by hand for it. */
    struct message m = message("GET", "/", "", "h");
    http_headers_add(arena, &m.headers, "Date", "Fri, 24 May 2013 00:00:00 GMT");
    http_headers_add(arena, &m.headers, "x-amz-content-sha256", EMPTY_HASH);
    const char *canonical = "GET\n/\n\ndate:Fri, 24 May 2013 00:00:00 GMT\nhost:h\n"
                            "x-amz-content-sha256:" EMPTY_HASH "\n\n"
                            "date;host;x-amz-content-sha256\n" EMPTY_HASH;
    char hash[SHA256_HEX_SIZE], signature[SHA256_HEX_SIZE];
    sha256_hex(canonical, strlen(canonical), hash);
    const char *text = arena_printf(
        arena, "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n%s", hash);
    sigv4_sign_text(example.secret_key, "20130524", "us-east-1", "s3", str_c(text), signature);
    /* No spaces behind the commas, as some clients write it. */
    http_headers_add(arena, &m.headers, "Authorization",
                     arena_printf(arena,
                                  "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"
                                  "us-east-1/s3/aws4_request,SignedHeaders=date;host;"
                                  "x-amz-content-sha256,Signature=%s",
                                  signature));
    assert_string_equal(example_verdict(&m), "");
    set_header(&m, "Date", "24 May");
    assert_string_equal(example_verdict(&m), "AccessDenied");
}

static void access_key_may_hold_slashes(void **state) {
    (void)state;
    struct message m = message("GET", "/", "", "h");
    struct sigv4_credentials credentials = {"team/a/key", "secret", "token"};
    sigv4_sign_headers(arena, &credentials, "local", "s3", example_ms, "GET", "/", "", EMPTY_HASH,
                       &m.headers);
    struct sigv4_request request = request_of(&m);
    struct sigv4_claim claim;
    struct error err;
    assert_true(sigv4_read(arena, &request, &claim, &err));
    assert_string_equal(claim.access_key, "team/a/key");
    assert_string_equal(claim.session_token, "token");
    assert_true(sigv4_verify(arena, &request, &claim, "secret", "local", "s3",
                             example_ms + minute_ms, NULL, &err));
}

static void other_services_encode_the_path_twice(void **state) {
    (void)state;
    struct message m = message("GET", "/prod/%40connections/a%3D", "", "h");
    sigv4_sign_headers(arena, &example, "local", "execute-api", example_ms, m.method, m.path, "",
                       EMPTY_HASH, &m.headers);
    struct sigv4_request request = request_of(&m);
    struct sigv4_claim claim;
    struct sigv4_failure failure = {0};
    struct error err;
    assert_true(sigv4_read(arena, &request, &claim, &err));
    assert_true(sigv4_verify(arena, &request, &claim, example.secret_key, "local", "execute-api",
                             example_ms, NULL, &err));
    assert_false(sigv4_verify(arena, &request, &claim, "wrong", "local", "execute-api", example_ms,
                              &failure, &err));
    assert_non_null(strstr(failure.canonical_request, "GET\n/prod/%2540connections/a%253D\n"));
}

static void any_text_can_be_signed(void **state) {
    (void)state;
    /* Chunk 1 of the documented streamed upload: 65,536 times 'a'. */
    char *many = arena_alloc(arena, 65536);
    memset(many, 'a', 65536);
    char hash[SHA256_HEX_SIZE], signature[SHA256_HEX_SIZE];
    sha256_hex(many, 65536, hash);
    const char *text = arena_printf(
        arena,
        "AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9\n" EMPTY_HASH "\n%s",
        hash);
    sigv4_sign_text(example.secret_key, "20130524", "us-east-1", "s3", str_c(text), signature);
    assert_string_equal(signature,
                        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
}

static void odd_requests_do_no_harm(void **state) {
    (void)state;
    struct http_headers none = {0};
    struct sigv4_request request = {"", "", "", &none, NULL};
    struct sigv4_claim claim;
    struct error err;
    assert_false(sigv4_read(arena, &request, &claim, &err));
    /* More signed names than there can be headers. */
    char *names = arena_alloc(arena, 20001);
    for (size_t i = 0; i < 20000; i += 2)
        memcpy(names + i, "a;", 2);
    struct message m = message("GET", "/", "", "h");
    sign(&m, &example, example_ms, EMPTY_HASH);
    const char *authorization = http_headers_get(&m.headers, "authorization");
    set_header(
        &m, "authorization",
        replaced(authorization, "SignedHeaders=", arena_printf(arena, "SignedHeaders=%s", names)));
    assert_string_equal(example_verdict(&m), "SignatureDoesNotMatch");
    set_header(&m, "authorization", replaced(authorization, "host", ";;;host"));
    assert_string_equal(example_verdict(&m), "SignatureDoesNotMatch");
    set_header(&m, "authorization", replaced(authorization, "host", "HOST"));
    assert_string_equal(example_verdict(&m), "SignatureDoesNotMatch");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(vectors_of_the_header),
        TEST(form_of_the_header),
        TEST(streamed_body_has_a_seed),
        TEST(vector_of_the_query),
        TEST(query_of_the_caller_is_signed_too),
        TEST(query_lives_from_date_to_expiry),
        TEST(bad_queries),
        TEST(other_ways_to_sign),
        TEST(changes_are_noticed),
        TEST(wrong_key_region_service_time),
        TEST(failure_has_particulars),
        TEST(date_may_stand_in_the_date_header),
        TEST(access_key_may_hold_slashes),
        TEST(other_services_encode_the_path_twice),
        TEST(any_text_can_be_signed),
        TEST(odd_requests_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
