/*
 * The S3 server by raw requests: what is answered, and above all what is refused.
 */
#include "base/codec.h"
#include "base/os.h"
#include "rig.h"
#include "sign/digest.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int setup(void **state) {
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig_start(rig);
    *state = rig;
    return 0;
}

static int teardown(void **state) {
    rig_stop(*state);
    free(*state);
    return 0;
}

struct expected {
    struct rig_call call;
    unsigned status;
    const char *code; /* NULL: no error document */
};

static void check_all(struct rig *rig, const struct expected *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct rig_call *call = &cases[i].call;
        struct http_reply reply = rig_send(rig, call);
        const char *code = rig_code(rig, &reply);
        const char *expected = cases[i].code ? cases[i].code : "";
        if (reply.status != cases[i].status || strcmp(code, expected) != 0)
            fail_msg("case %zu, %s %s?%s: %u '%s' in place of %u '%s': %.*s", i, call->method,
                     call->path, call->query ? call->query : "", reply.status, code,
                     cases[i].status, expected, STR_ARG(reply.body));
        assert_string_not_equal(rig_header(&reply, "x-amz-request-id"), "");
        if (cases[i].code) {
            assert_string_equal(rig_header(&reply, "content-type"), "application/xml");
            assert_string_equal(rig_text(rig, &reply, "RequestId"),
                                rig_header(&reply, "x-amz-request-id"));
            assert_string_not_equal(rig_text(rig, &reply, "Message"), "");
        }
    }
}

#define CHECK_ALL(rig, cases) check_all(rig, cases, ARRAY_SIZE(cases))

/* ---- authentication and rights ---- */

static void test_authentication(void **state) {
    struct rig *rig = *state;
    rig_put(rig, "/box/photos/a", "hello", 5);
    const int64_t hour_ms = 3600 * 1000;
    const struct expected cases[] = {
        {{.method = "GET", .path = "/box/photos/a"}, 200, NULL},
        {{.method = "GET", .path = "/box/photos/a", .anonymous = true}, 403, "AccessDenied"},
        {{.method = "GET", .path = "/", .anonymous = true}, 403, "AccessDenied"},
        {{.method = "GET", .path = "/box/photos/a", .access_key = "NOBODY"},
         403,
         "InvalidAccessKeyId"},
        {{.method = "GET", .path = "/box/photos/a", .clock_offset_ms = -hour_ms},
         403,
         "RequestTimeTooSkewed"},
        {{.method = "GET", .path = "/box/photos/a", .clock_offset_ms = hour_ms},
         403,
         "RequestTimeTooSkewed"},
        {{.method = "GET", .path = "/box/photos/a", .headers = {"x-amz-security-token", "none"}},
         400,
         "InvalidToken"},
        {{.method = "GET",
          .path = "/box/photos/a",
          .anonymous = true,
          .headers = {"authorization", "AWS ROOTKEY:c2lnbmF0dXJl"}},
         400,
         "InvalidRequest"},
        {{.method = "GET",
          .path = "/box/photos/a",
          .anonymous = true,
          .headers = {"authorization", "AWS4-HMAC-SHA256 Credential=x"}},
         400,
         "AuthorizationHeaderMalformed"},
        {{.method = "GET",
          .path = "/box/photos/a",
          .anonymous = true,
          .headers = {"authorization", "AWS4-ECDSA-P256-SHA256 Credential=x"}},
         501,
         "NotImplemented"},
        {{.method = "PUT",
          .path = "/box/x",
          .body = "abc",
          .payload_hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
         400,
         "XAmzContentSHA256Mismatch"},
        {{.method = "GET", .path = "/box/x"}, 404, "NoSuchKey"}, /* nothing was stored */
        {{.method = "PUT", .path = "/box/x", .body = "abc", .payload_hash = "UNSIGNED-PAYLOAD"},
         200,
         NULL},
        {{.method = "PUT", .path = "/box/x", .body = "abc", .payload_hash = "abc"},
         400,
         "InvalidArgument"},
    };
    CHECK_ALL(rig, cases);
}

/* A wrong secret, with what S3 tells about it. */
static void test_wrong_signature(void **state) {
    struct rig *rig = *state;
    struct error err;
    const struct store_statement all[] = {{"*", "*", ""}};
    assert_true(store_put_key(rig->store, "OTHER", "not the rig's secret", all, 1, &err));
    struct http_reply reply =
        rig_send(rig, &(struct rig_call){.method = "GET", .path = "/box", .access_key = "OTHER"});
    assert_int_equal(reply.status, 403);
    assert_string_equal(rig_code(rig, &reply), "SignatureDoesNotMatch");
    assert_string_equal(rig_text(rig, &reply, "AWSAccessKeyId"), "OTHER");
    assert_true(str_starts_with(str_c(rig_text(rig, &reply, "StringToSign")), "AWS4-HMAC-SHA256"));
    assert_true(str_starts_with(str_c(rig_text(rig, &reply, "CanonicalRequest")), "GET\n/box\n"));
}

static void test_rights(void **state) {
    struct rig *rig = *state;
    rig_put(rig, "/box/photos/a", "hello", 5);
    rig_put(rig, "/box/secret", "hello", 5);
    rig_put(rig, "/box/in/old", "hello", 5);
    const struct expected cases[] = {
        {{.method = "GET", .path = "/box/photos/a", .access_key = GUEST_KEY}, 200, NULL},
        {{.method = "HEAD", .path = "/box/photos/a", .access_key = GUEST_KEY}, 200, NULL},
        {{.method = "PUT", .path = "/box/in/new", .body = "x", .access_key = GUEST_KEY}, 200, NULL},
        {{.method = "POST", .path = "/box/in/new", .query = "uploads", .access_key = GUEST_KEY},
         200,
         NULL},
        {{.method = "DELETE", .path = "/box/in/old", .access_key = GUEST_KEY}, 204, NULL},
        {{.method = "GET", .path = "/box/secret", .access_key = GUEST_KEY}, 403, "AccessDenied"},
        {{.method = "PUT", .path = "/box/photos/a", .body = "x", .access_key = GUEST_KEY},
         403,
         "AccessDenied"},
        {{.method = "GET", .path = "/box/in/new", .access_key = GUEST_KEY}, 403, "AccessDenied"},
        {{.method = "DELETE", .path = "/box/photos/a", .access_key = GUEST_KEY},
         403,
         "AccessDenied"},
        {{.method = "GET", .path = "/box", .query = "list-type=2", .access_key = GUEST_KEY},
         403,
         "AccessDenied"},
        {{.method = "GET",
          .path = "/box",
          .query = "list-type=2&prefix=photos/",
          .access_key = GUEST_KEY},
         403,
         "AccessDenied"},
        {{.method = "GET", .path = "/", .access_key = GUEST_KEY}, 403, "AccessDenied"},
        {{.method = "PUT", .path = "/other", .access_key = GUEST_KEY}, 403, "AccessDenied"},
        {{.method = "DELETE", .path = "/box", .access_key = GUEST_KEY}, 403, "AccessDenied"},
        {{.method = "PUT",
          .path = "/box",
          .query = "cors",
          .body = "<x/>",
          .access_key = GUEST_KEY},
         403,
         "AccessDenied"},
        {{.method = "GET", .path = "/box", .query = "notification", .access_key = GUEST_KEY},
         403,
         "AccessDenied"},
        {{.method = "HEAD", .path = "/box/photos/none", .access_key = GUEST_KEY}, 403, NULL},
        /* No right to list, so no knowledge of what is missing. */
        {{.method = "GET", .path = "/box/photos/none", .access_key = GUEST_KEY},
         403,
         "AccessDenied"},
        {{.method = "GET", .path = "/box/photos/none"}, 404, "NoSuchKey"},
    };
    CHECK_ALL(rig, cases);
}

static struct http_reply get_presigned(struct rig *rig, const char *path, const char *query,
                                       int64_t signed_at, const char *method) {
    struct sigv4_credentials credentials = {.access_key = ROOT_KEY, .secret_key = ROOT_SECRET};
    struct sigv4_presign presign = {.method = "GET",
                                    .path = path,
                                    .query = query,
                                    .now_unix_ms = signed_at,
                                    .expires_seconds = 60};
    http_headers_add(rig->arena, &presign.headers, "host", rig->host);
    const char *signed_query =
        sigv4_presign_query(rig->arena, &credentials, "local", "s3", &presign);
    return rig_send(rig,
                    &(struct rig_call){
                        .method = method, .path = path, .query = signed_query, .anonymous = true});
}

static void test_presigned(void **state) {
    struct rig *rig = *state;
    rig_put(rig, "/box/photos/a", "hello", 5);
    int64_t now = clock_unix_ms();
    struct http_reply reply =
        get_presigned(rig, "/box/photos/a",
                      "response-content-disposition=attachment%3B%20filename%3Df.jpg", now, "GET");
    assert_int_equal(reply.status, 200);
    assert_string_equal(rig_header(&reply, "content-disposition"), "attachment; filename=f.jpg");

    reply = get_presigned(rig, "/box/photos/a", "", now - 3600 * 1000, "GET");
    assert_int_equal(reply.status, 403);
    assert_string_equal(rig_code(rig, &reply), "AccessDenied");
    assert_string_equal(rig_text(rig, &reply, "Message"), "Request has expired");

    reply = get_presigned(rig, "/box/photos/a", "", now, "HEAD"); /* signed for GET */
    assert_int_equal(reply.status, 403);
    assert_int_equal(reply.body.len, 0);

    reply = get_presigned(rig, "/box/photos/a", "response-content-type=a%0D%0Ab", now, "GET");
    assert_int_equal(reply.status, 400);
    assert_string_equal(rig_code(rig, &reply), "InvalidArgument");
}

/* ---- addresses ---- */

static void test_addresses(void **state) {
    struct rig *rig = *state;
    char long_path[1200] = "/box/";
    memset(long_path + 5, 'k', 1025);
    const struct expected cases[] = {
        {{.method = "GET", .path = "/box/"}, 200, NULL}, /* a slash behind the bucket */
        {{.method = "GET", .path = "/box/", .query = "list-type=2&x-id=ListObjectsV2"}, 200, NULL},
        {{.method = "PUT", .path = "/box/a%20b/%C3%A4%2Fc+d", .body = "x"}, 200, NULL},
        {{.method = "GET", .path = "/box/a%20b/%C3%A4/c+d", .query = "x-id=GetObject"}, 200, NULL},
        {{.method = "PUT", .path = "/box//slash", .body = "x"}, 200, NULL},
        {{.method = "GET", .path = "/box//slash"}, 200, NULL},
        {{.method = "GET", .path = "/box/slash"}, 404, "NoSuchKey"},
        {{.method = "PUT", .path = "/box/dots/../up", .body = "x"}, 200, NULL},
        {{.method = "GET", .path = "/box/up"}, 404, "NoSuchKey"},
        {{.method = "GET", .path = "/box/dots/../up", .query = "versionId=null"}, 200, NULL},
        {{.method = "GET", .path = "/box/dots/../up", .query = "versionId=3"},
         404,
         "NoSuchVersion"},
        {{.method = "GET", .path = "/none/key"}, 404, "NoSuchBucket"},
        {{.method = "GET", .path = "//key"}, 400, "InvalidBucketName"},
        {{.method = "PUT", .path = "/box/%ff", .body = "x"}, 400, "InvalidURI"},
        {{.method = "PUT", .path = "/box/%00", .body = "x"}, 400, "InvalidURI"},
        {{.method = "PUT", .path = "/box/%zz", .body = "x"}, 400, "InvalidURI"},
        {{.method = "GET", .path = "/box/a", .query = "x=%zz", .anonymous = true},
         400,
         "InvalidURI"},
        {{.method = "PUT", .path = long_path, .body = "x"}, 400, "KeyTooLongError"},
        {{.method = "PATCH", .path = "/box/a"}, 405, "MethodNotAllowed"},
        {{.method = "POST", .path = "/"}, 405, "MethodNotAllowed"},
        {{.method = "GET", .path = "/box/a", .query = "tagging"}, 501, "NotImplemented"},
        {{.method = "PUT", .path = "/box/a", .query = "retention", .body = "x"},
         501,
         "NotImplemented"},
        {{.method = "POST", .path = "/box/a", .query = "restore"}, 501, "NotImplemented"},
        {{.method = "DELETE", .path = "/box", .query = "policy"}, 501, "NotImplemented"},
        {{.method = "GET", .path = "/box", .query = "uploads"}, 501, "NotImplemented"},
    };
    CHECK_ALL(rig, cases);
}

/* ---- buckets ---- */

static void test_buckets(void **state) {
    struct rig *rig = *state;
    const struct expected cases[] = {
        {{.method = "PUT", .path = "/films"}, 200, NULL},
        {{.method = "PUT", .path = "/films"}, 409, "BucketAlreadyOwnedByYou"},
        {{.method = "PUT", .path = "/Films"}, 400, "InvalidBucketName"},
        {{.method = "PUT", .path = "/ab"}, 400, "InvalidBucketName"},
        {{.method = "PUT",
          .path = "/more",
          .body = "<CreateBucketConfiguration><LocationConstraint>local"
                  "</LocationConstraint></CreateBucketConfiguration>"},
         200,
         NULL},
        {{.method = "PUT",
          .path = "/elsewhere",
          .body = "<CreateBucketConfiguration><LocationConstraint>eu-west-1"
                  "</LocationConstraint></CreateBucketConfiguration>"},
         400,
         "InvalidLocationConstraint"},
        {{.method = "PUT", .path = "/elsewhere", .body = "<Create"}, 400, "MalformedXML"},
        {{.method = "PUT", .path = "/elsewhere", .body = "<Other/>"}, 400, "MalformedXML"},
        {{.method = "PUT",
          .path = "/elsewhere",
          .headers = {"x-amz-bucket-object-lock-enabled", "true"}},
         501,
         "NotImplemented"},
        {{.method = "PUT", .path = "/elsewhere", .headers = {"x-amz-acl", "public-read"}},
         400,
         "AccessControlListNotSupported"},
        {{.method = "HEAD", .path = "/films"}, 200, NULL},
        {{.method = "HEAD", .path = "/elsewhere"}, 404, NULL},
        {{.method = "GET", .path = "/films", .query = "location"}, 200, NULL},
        {{.method = "GET", .path = "/films", .query = "versioning"}, 200, NULL},
        {{.method = "PUT", .path = "/films", .query = "versioning", .body = "<x/>"},
         501,
         "NotImplemented"},
        {{.method = "GET", .path = "/films", .query = "acl"}, 200, NULL},
        {{.method = "PUT", .path = "/films", .query = "acl", .headers = {"x-amz-acl", "private"}},
         200,
         NULL},
        {{.method = "PUT",
          .path = "/films",
          .query = "acl",
          .headers = {"x-amz-acl", "public-read"}},
         400,
         "AccessControlListNotSupported"},
        {{.method = "GET", .path = "/films", .query = "policy"}, 404, "NoSuchBucketPolicy"},
        {{.method = "GET", .path = "/none", .query = "policy"}, 404, "NoSuchBucket"},
        {{.method = "GET", .path = "/films", .query = "encryption"},
         404,
         "ServerSideEncryptionConfigurationNotFoundError"},
        {{.method = "GET", .path = "/films", .query = "lifecycle"},
         404,
         "NoSuchLifecycleConfiguration"},
        {{.method = "PUT", .path = "/films/a", .body = "x"}, 200, NULL},
        {{.method = "DELETE", .path = "/films"}, 409, "BucketNotEmpty"},
        {{.method = "DELETE", .path = "/films/a"}, 204, NULL},
        {{.method = "DELETE", .path = "/films/a"}, 204, NULL},
        {{.method = "DELETE", .path = "/films"}, 204, NULL},
        {{.method = "DELETE", .path = "/films"}, 404, "NoSuchBucket"},
    };
    CHECK_ALL(rig, cases);
    struct http_reply reply =
        rig_send(rig, &(struct rig_call){.method = "GET", .path = "/box", .query = "location"});
    assert_non_null(strstr(reply.body.ptr, ">local</LocationConstraint>"));
    reply = rig_send(rig, &(struct rig_call){.method = "GET", .path = "/"});
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body.ptr, "<Name>box</Name>"));
    assert_non_null(strstr(reply.body.ptr, "<Name>more</Name>"));
}

/* ---- objects ---- */

static void test_put_and_get(void **state) {
    struct rig *rig = *state;
    struct http_reply reply = rig_send(
        rig, &(struct rig_call){.method = "PUT",
                                .path = "/box/a",
                                .headers = {"content-type", "text/plain", "X-Amz-Meta-Author",
                                            "J\xc3\xb6rg", "cache-control", "no-cache",
                                            "content-encoding", "gzip, aws-chunked"},
                                .body = "hello"});
    assert_int_equal(reply.status, 200);
    assert_string_equal(rig_header(&reply, "etag"), "\"5d41402abc4b2a76b9719d911017c592\"");

    reply = rig_send(rig, &(struct rig_call){.method = "GET", .path = "/box/a"});
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body.ptr, "hello");
    assert_string_equal(rig_header(&reply, "etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    assert_string_equal(rig_header(&reply, "content-type"), "text/plain");
    assert_string_equal(rig_header(&reply, "x-amz-meta-author"), "J\xc3\xb6rg");
    assert_string_equal(rig_header(&reply, "cache-control"), "no-cache");
    assert_string_equal(rig_header(&reply, "content-encoding"), "gzip");
    assert_string_equal(rig_header(&reply, "accept-ranges"), "bytes");
    assert_string_equal(rig_header(&reply, "x-amz-version-id"), "");

    reply = rig_send(rig, &(struct rig_call){.method = "HEAD", .path = "/box/a"});
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.len, 0);
    assert_string_equal(rig_header(&reply, "content-length"), "5");

    rig_put(rig, "/box/empty", "", 0);
    reply = rig_send(rig, &(struct rig_call){.method = "GET", .path = "/box/empty"});
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.len, 0);
    assert_string_equal(rig_header(&reply, "content-type"), "binary/octet-stream");
}

static void test_put_refusals(void **state) {
    struct rig *rig = *state;
    char big[2100];
    memset(big, 'm', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    const struct expected cases[] = {
        {{.method = "PUT",
          .path = "/box/a",
          .body = "x",
          .headers = {"x-amz-storage-class", "GLACIER"}},
         400,
         "InvalidStorageClass"},
        {{.method = "PUT",
          .path = "/box/a",
          .body = "x",
          .headers = {"x-amz-storage-class", "STANDARD"}},
         200,
         NULL},
        {{.method = "PUT", .path = "/box/a", .body = "x", .headers = {"x-amz-acl", "public-read"}},
         400,
         "AccessControlListNotSupported"},
        {{.method = "PUT", .path = "/box/a", .body = "x", .headers = {"x-amz-acl", "private"}},
         200,
         NULL},
        {{.method = "PUT",
          .path = "/box/a",
          .body = "x",
          .headers = {"x-amz-server-side-encryption", "aws:kms"}},
         501,
         "NotImplemented"},
        {{.method = "PUT", .path = "/box/a", .body = "x", .headers = {"x-amz-tagging", "a=b"}},
         501,
         "NotImplemented"},
        {{.method = "PUT",
          .path = "/box/a",
          .body = "x",
          .headers = {"x-amz-object-lock-mode", "GOVERNANCE"}},
         501,
         "NotImplemented"},
        {{.method = "PUT", .path = "/box/a", .body = "", .headers = {"x-amz-copy-source", "box/b"}},
         501,
         "NotImplemented"},
        {{.method = "PUT", .path = "/box/a", .body = "x", .headers = {"x-amz-meta-a", big}},
         400,
         "MetadataTooLarge"},
        {{.method = "PUT", .path = "/box/a", .body = "x", .headers = {"x-amz-meta-a", "\xff"}},
         400,
         "InvalidArgument"},
        {{.method = "POST",
          .path = "/box",
          .body = "x",
          .headers = {"content-type", "multipart/form-data"}},
         501,
         "NotImplemented"},
        {{.method = "DELETE", .path = "/box/a", .headers = {"if-match", "\"x\""}},
         501,
         "NotImplemented"},
        {{.method = "GET", .path = "/box/a", .query = "partNumber=1"}, 501, "NotImplemented"},
    };
    CHECK_ALL(rig, cases);
}

static void test_checksums(void **state) {
    struct rig *rig = *state;
    const struct expected cases[] = {
        {{.method = "PUT",
          .path = "/box/a",
          .body = "hello",
          .headers = {"x-amz-checksum-crc32", "NhCmhg=="}},
         200,
         NULL},
        {{.method = "PUT",
          .path = "/box/a",
          .body = "hello",
          .headers = {"x-amz-checksum-crc32c", "mnG7TA=="}},
         200,
         NULL},
        {{.method = "PUT",
          .path = "/box/a",
          .body = "hello",
          .headers = {"x-amz-checksum-crc64nvme", "M3eFcAZSQlc="}},
         200,
         NULL},
        {{.method = "PUT",
          .path = "/box/a",
          .body = "hello",
          .headers = {"x-amz-checksum-sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="}},
         200,
         NULL},
        {{.method = "PUT",
          .path = "/box/a",
          .body = "hello",
          .headers = {"content-md5", "XUFAKrxLKna5cZ2REBfFkg=="}},
         200,
         NULL},
        {{.method = "PUT",
          .path = "/box/b",
          .body = "hellO",
          .headers = {"x-amz-checksum-crc32", "NhCmhg=="}},
         400,
         "BadDigest"},
        {{.method = "PUT",
          .path = "/box/b",
          .body = "hellO",
          .headers = {"x-amz-checksum-crc64nvme", "M3eFcAZSQlc="}},
         400,
         "BadDigest"},
        {{.method = "PUT",
          .path = "/box/b",
          .body = "hellO",
          .headers = {"x-amz-checksum-sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="}},
         400,
         "BadDigest"},
        {{.method = "PUT",
          .path = "/box/b",
          .body = "hellO",
          .headers = {"content-md5", "XUFAKrxLKna5cZ2REBfFkg=="}},
         400,
         "BadDigest"},
        {{.method = "PUT", .path = "/box/b", .body = "hello", .headers = {"content-md5", "no"}},
         400,
         "InvalidDigest"},
        {{.method = "PUT",
          .path = "/box/b",
          .body = "hello",
          .headers = {"x-amz-checksum-crc32", "NhCm"}},
         400,
         "InvalidRequest"},
        {{.method = "PUT",
          .path = "/box/b",
          .body = "hello",
          .headers = {"x-amz-checksum-crc32", "NhCmhg==", "x-amz-checksum-crc32c", "mnG7TA=="}},
         400,
         "InvalidRequest"},
        {{.method = "PUT",
          .path = "/box/b",
          .body = "hello",
          .headers = {"x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00="}},
         501,
         "NotImplemented"},
        {{.method = "PUT",
          .path = "/box/b",
          .body = "hello",
          .headers = {"x-amz-sdk-checksum-algorithm", "CRC32"}},
         400,
         "InvalidRequest"},
        {{.method = "HEAD", .path = "/box/b"}, 404, NULL},
        /* The JavaScript SDK pre-signs the checksum of an empty body. */
        {{.method = "PUT",
          .path = "/box/b",
          .query = "x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32",
          .body = "hello"},
         200,
         NULL},
    };
    CHECK_ALL(rig, cases);
}

static void test_chunked_bodies(void **state) {
    struct rig *rig = *state;
    const char *kind = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    const char *good = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    const struct expected cases[] = {
        {{.method = "PUT",
          .path = "/box/a",
          .body = good,
          .payload_hash = kind,
          .headers = {"x-amz-decoded-content-length", "5", "x-amz-trailer", "x-amz-checksum-crc32",
                      "content-encoding", "aws-chunked"}},
         200,
         NULL},
        {{.method = "PUT",
          .path = "/box/b",
          .body = good,
          .payload_hash = kind,
          .headers = {"x-amz-trailer", "x-amz-checksum-crc32"}},
         411,
         "MissingContentLength"},
        {{.method = "PUT",
          .path = "/box/b",
          .body = good,
          .payload_hash = kind,
          .headers = {"x-amz-decoded-content-length", "5", "x-amz-trailer", "x-amz-other"}},
         400,
         "InvalidRequest"},
        {{.method = "PUT",
          .path = "/box/b",
          .body = good,
          .payload_hash = kind,
          .headers = {"x-amz-decoded-content-length", "6", "x-amz-trailer",
                      "x-amz-checksum-crc32"}},
         400,
         "IncompleteBody"},
        {{.method = "PUT",
          .path = "/box/b",
          .body = "5\r\nhellO\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n",
          .payload_hash = kind,
          .headers = {"x-amz-decoded-content-length", "5", "x-amz-trailer",
                      "x-amz-checksum-crc32"}},
         400,
         "BadDigest"},
        {{.method = "PUT",
          .path = "/box/b",
          .body = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:Nh\r\n\r\n",
          .payload_hash = kind,
          .headers = {"x-amz-decoded-content-length", "5", "x-amz-trailer",
                      "x-amz-checksum-crc32"}},
         400,
         "InvalidRequest"},
        {{.method = "PUT",
          .path = "/box/b",
          .body = "5;chunk-signature=0\r\nhello\r\n0\r\n\r\n",
          .payload_hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
          .headers = {"x-amz-decoded-content-length", "5"}},
         400,
         "IncompleteBody"},
        {{.method = "HEAD", .path = "/box/b"}, 404, NULL},
    };
    CHECK_ALL(rig, cases);
    struct http_reply reply = rig_send(rig, &(struct rig_call){.method = "GET", .path = "/box/a"});
    assert_string_equal(reply.body.ptr, "hello");
    assert_string_equal(rig_header(&reply, "content-encoding"), "");
}

/* Two signed chunks; `spoil` changes a byte of the second. */
static struct http_reply put_signed_chunks(struct rig *rig, const char *path, bool spoil) {
    struct arena *arena = rig->arena;
    struct sigv4_credentials credentials = {.access_key = ROOT_KEY, .secret_key = ROOT_SECRET};
    struct http_call call = http_call("PUT", arena_printf(arena, "%s%s", rig->url, path));
    http_headers_add(arena, &call.headers, "host", rig->host);
    http_headers_add(arena, &call.headers, "x-amz-decoded-content-length", "5");
    sigv4_sign_headers(arena, &credentials, "local", "s3", clock_unix_ms(), "PUT", path, "",
                       "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", &call.headers);
    const char *time = http_headers_get(&call.headers, "x-amz-date");
    const char *date = arena_strndup(arena, time, 8);
    const char *previous =
        strstr(http_headers_get(&call.headers, "authorization"), "Signature=") + 10;
    char *body = arena_strdup(arena, "");
    for (const char *const *chunk = (const char *const[]){"hello", "", NULL}; *chunk; chunk++) {
        char empty[SHA256_HEX_SIZE], hash[SHA256_HEX_SIZE];
        char *signature = arena_alloc(arena, SHA256_HEX_SIZE);
        sha256_hex("", 0, empty);
        sha256_hex(*chunk, strlen(*chunk), hash);
        const char *text = arena_printf(arena,
                                        "AWS4-HMAC-SHA256-PAYLOAD\n%s\n%s/local/s3/aws4_request\n"
                                        "%s\n%s\n%s",
                                        time, date, previous, empty, hash);
        sigv4_sign_text(ROOT_SECRET, date, "local", "s3", str_c(text), signature);
        body = arena_printf(arena, "%s%zx;chunk-signature=%s\r\n%s\r\n", body, strlen(*chunk),
                            signature, *chunk);
        previous = signature;
    }
    if (spoil)
        *strstr(body, "hello") = 'j';
    call.body = body;
    call.body_size = strlen(body);
    call.max_reply_bytes = 100000;
    struct http_reply reply;
    struct error err;
    assert_true(http_client_perform(rig->http, arena, &call, &reply, &err));
    return reply;
}

static void test_signed_chunks(void **state) {
    struct rig *rig = *state;
    struct http_reply reply = put_signed_chunks(rig, "/box/bad", true);
    assert_int_equal(reply.status, 403);
    assert_string_equal(rig_code(rig, &reply), "SignatureDoesNotMatch");
    reply = rig_send(rig, &(struct rig_call){.method = "HEAD", .path = "/box/bad"});
    assert_int_equal(reply.status, 404);
    reply = put_signed_chunks(rig, "/box/good", false);
    assert_int_equal(reply.status, 200);
    reply = rig_send(rig, &(struct rig_call){.method = "GET", .path = "/box/good"});
    assert_string_equal(reply.body.ptr, "hello");
}

/* Sends the head of a pre-signed PUT and a part of its body, then goes away. */
static void send_half(struct rig *rig, const char *path) {
    struct sigv4_credentials credentials = {.access_key = ROOT_KEY, .secret_key = ROOT_SECRET};
    struct sigv4_presign presign = {.method = "PUT",
                                    .path = path,
                                    .query = "",
                                    .now_unix_ms = clock_unix_ms(),
                                    .expires_seconds = 60};
    http_headers_add(rig->arena, &presign.headers, "host", rig->host);
    const char *query = sigv4_presign_query(rig->arena, &credentials, "local", "s3", &presign);
    const char *text = arena_printf(
        rig->arena, "PUT %s?%s HTTP/1.1\r\nHost: %s\r\nContent-Length: 10\r\n\r\nhello", path,
        query, rig->host);
    uint64_t port;
    assert_true(str_to_u64(str_c(strrchr(rig->host, ':') + 1), 65535, &port));
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    struct error err;
    assert_true(write_all(fd, text, strlen(text), &err));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    char answer[4096];
    while (read(fd, answer, sizeof answer) > 0)
        continue;
    close(fd);
}

static void test_cut_off_body(void **state) {
    struct rig *rig = *state;
    send_half(rig, "/box/half");
    struct http_reply reply =
        rig_send(rig, &(struct rig_call){.method = "HEAD", .path = "/box/half"});
    assert_int_equal(reply.status, 404);
}

/* A file that may not grow looks to the store like a full disk. */
static void test_full_disk(void **state) {
    struct rig *rig = *state;
    size_t size = 4 * 1024 * 1024;
    char *data = arena_alloc(rig->arena, size);
    memset(data, 'd', size);
    struct rlimit before;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit small = {.rlim_cur = 2 * 1024 * 1024, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct http_reply reply = rig_send(
        rig,
        &(struct rig_call){.method = "PUT", .path = "/box/big", .body = data, .body_size = size});
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(reply.status, 507);
    assert_string_equal(rig_code(rig, &reply), "InsufficientStorage");
    reply = rig_send(rig, &(struct rig_call){.method = "HEAD", .path = "/box/big"});
    assert_int_equal(reply.status, 404);
    rig_put(rig, "/box/big", data, size);
}

static void test_write_conditions(void **state) {
    struct rig *rig = *state;
    const char *etag = "\"5d41402abc4b2a76b9719d911017c592\"";
    const struct expected cases[] = {
        {{.method = "PUT", .path = "/box/a", .body = "hello", .headers = {"if-none-match", "*"}},
         200,
         NULL},
        {{.method = "PUT", .path = "/box/a", .body = "other", .headers = {"if-none-match", "*"}},
         412,
         "PreconditionFailed"},
        {{.method = "PUT", .path = "/box/a", .body = "other", .headers = {"if-none-match", etag}},
         501,
         "NotImplemented"},
        {{.method = "PUT", .path = "/box/a", .body = "other", .headers = {"if-match", "\"0\""}},
         412,
         "PreconditionFailed"},
        {{.method = "PUT", .path = "/box/b", .body = "other", .headers = {"if-match", etag}},
         404,
         "NoSuchKey"},
        {{.method = "PUT", .path = "/box/a", .body = "other", .headers = {"if-match", "*"}},
         501,
         "NotImplemented"},
        {{.method = "PUT", .path = "/box/a", .body = "other", .headers = {"if-match", etag}},
         200,
         NULL},
        {{.method = "PUT", .path = "/box/a", .body = "again", .headers = {"if-match", etag}},
         412,
         "PreconditionFailed"},
    };
    CHECK_ALL(rig, cases);
    struct http_reply reply = rig_send(rig, &(struct rig_call){.method = "GET", .path = "/box/a"});
    assert_string_equal(reply.body.ptr, "other");
}

static void test_read_conditions(void **state) {
    struct rig *rig = *state;
    rig_put(rig, "/box/a", "hello", 5);
    const char *etag = "\"5d41402abc4b2a76b9719d911017c592\"";
    const char *past = "Mon, 01 Jan 2001 00:00:00 GMT";
    const char *future = "Fri, 01 Jan 2100 00:00:00 GMT";
    const struct expected cases[] = {
        {{.method = "GET", .path = "/box/a", .headers = {"if-match", etag}}, 200, NULL},
        {{.method = "GET",
          .path = "/box/a",
          .headers = {"if-match", "\"0\", \"5d41402abc4b2a76b9719d911017c592\""}},
         200,
         NULL},
        {{.method = "GET", .path = "/box/a", .headers = {"if-match", "*"}}, 200, NULL},
        {{.method = "GET",
          .path = "/box/a",
          .headers = {"if-match", "5d41402abc4b2a76b9719d911017c592"}},
         200,
         NULL},
        {{.method = "GET", .path = "/box/a", .headers = {"if-match", "\"0\""}},
         412,
         "PreconditionFailed"},
        {{.method = "HEAD", .path = "/box/a", .headers = {"if-match", "\"0\""}}, 412, NULL},
        {{.method = "GET", .path = "/box/a", .headers = {"if-none-match", "\"0\""}}, 200, NULL},
        {{.method = "GET", .path = "/box/a", .headers = {"if-none-match", etag}}, 304, NULL},
        {{.method = "GET", .path = "/box/a", .headers = {"if-none-match", "*"}}, 304, NULL},
        {{.method = "GET", .path = "/box/a", .headers = {"if-modified-since", past}}, 200, NULL},
        {{.method = "GET", .path = "/box/a", .headers = {"if-modified-since", future}}, 304, NULL},
        {{.method = "GET", .path = "/box/a", .headers = {"if-unmodified-since", past}},
         412,
         "PreconditionFailed"},
        {{.method = "GET", .path = "/box/a", .headers = {"if-unmodified-since", future}},
         200,
         NULL},
        /* If-Match stands above If-Unmodified-Since, If-None-Match above If-Modified-Since. */
        {{.method = "GET",
          .path = "/box/a",
          .headers = {"if-match", etag, "if-unmodified-since", past}},
         200,
         NULL},
        {{.method = "GET",
          .path = "/box/a",
          .headers = {"if-none-match", "\"0\"", "if-modified-since", future}},
         200,
         NULL},
        {{.method = "GET", .path = "/box/none", .headers = {"if-none-match", etag}},
         404,
         "NoSuchKey"},
    };
    CHECK_ALL(rig, cases);
}

static void test_ranges(void **state) {
    struct rig *rig = *state;
    rig_put(rig, "/box/a", "0123456789", 10);
    rig_put(rig, "/box/empty", "", 0);
    static const struct {
        const char *path;
        const char *range;
        unsigned status;
        const char *body;
        const char *content_range;
    } cases[] = {
        {"/box/a", "bytes=0-3", 206, "0123", "bytes 0-3/10"},
        {"/box/a", "bytes=7-", 206, "789", "bytes 7-9/10"},
        {"/box/a", "bytes=-2", 206, "89", "bytes 8-9/10"},
        {"/box/a", "bytes=-20", 206, "0123456789", "bytes 0-9/10"},
        {"/box/a", "bytes=8-100", 206, "89", "bytes 8-9/10"},
        {"/box/a", "bytes=9-9", 206, "9", "bytes 9-9/10"},
        {"/box/a", "bytes=0-1,3-4", 200, "0123456789", ""},
        {"/box/a", "bytes=5-2", 200, "0123456789", ""},
        {"/box/a", "lines=1-2", 200, "0123456789", ""},
        {"/box/a", "bytes=10-", 416, NULL, ""},
        {"/box/a", "bytes=-0", 416, NULL, ""},
        {"/box/a", "bytes=99999999999999999999-", 416, NULL, ""},
        {"/box/empty", "bytes=0-", 416, NULL, ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_reply reply = rig_send(
            rig, &(struct rig_call){
                     .method = "GET", .path = cases[i].path, .headers = {"range", cases[i].range}});
        if (reply.status != cases[i].status)
            fail_msg("%s: %u", cases[i].range, reply.status);
        if (cases[i].body)
            assert_string_equal(reply.body.ptr, cases[i].body);
        else
            assert_string_equal(rig_code(rig, &reply), "InvalidRange");
        assert_string_equal(rig_header(&reply, "content-range"), cases[i].content_range);
    }
    struct http_reply reply = rig_send(
        rig,
        &(struct rig_call){.method = "HEAD", .path = "/box/a", .headers = {"range", "bytes=2-3"}});
    assert_int_equal(reply.status, 206);
    assert_string_equal(rig_header(&reply, "content-length"), "2");
    reply =
        rig_send(rig, &(struct rig_call){.method = "GET",
                                         .path = "/box/a",
                                         .headers = {"range", "bytes=2-3", "if-range", "\"0\""}});
    assert_int_equal(reply.status, 200);
    reply = rig_send(
        rig,
        &(struct rig_call){.method = "GET", .path = "/box/a", .headers = {"range", "bytes=12-"}});
    assert_string_equal(rig_text(rig, &reply, "ActualObjectSize"), "10");
}

/* ---- listings ---- */

static void put_many(struct rig *rig) {
    static const char *const paths[] = {"/box/a/1", "/box/a/2", "/box/b%26c", "/box/d/x", "/box/e"};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        rig_put(rig, paths[i], "x", 1);
}

static void test_list(void **state) {
    struct rig *rig = *state;
    put_many(rig);
    struct http_reply reply = rig_send(
        rig, &(struct rig_call){
                 .method = "GET", .path = "/box", .query = "list-type=2&delimiter=/&max-keys=2"});
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body.ptr, "<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>"));
    assert_non_null(strstr(reply.body.ptr, "<Key>b&amp;c</Key>"));
    assert_null(strstr(reply.body.ptr, "<Prefix>d/</Prefix>"));
    assert_string_equal(rig_text(rig, &reply, "KeyCount"), "2");
    assert_string_equal(rig_text(rig, &reply, "IsTruncated"), "true");
    const char *token = rig_text(rig, &reply, "NextContinuationToken");

    reply = rig_send(
        rig, &(struct rig_call){.method = "GET",
                                .path = "/box",
                                .query = arena_printf(rig->arena,
                                                      "list-type=2&delimiter=/&encoding-type=url&"
                                                      "continuation-token=%s",
                                                      token)});
    assert_non_null(strstr(reply.body.ptr, "<Prefix>d/</Prefix>"));
    assert_non_null(strstr(reply.body.ptr, "<Key>e</Key>"));
    assert_null(strstr(reply.body.ptr, "<Key>b"));
    assert_string_equal(rig_text(rig, &reply, "IsTruncated"), "false");

    reply = rig_send(rig, &(struct rig_call){
                              .method = "GET", .path = "/box", .query = "delimiter=/&max-keys=1"});
    assert_string_equal(rig_text(rig, &reply, "NextMarker"), "a/");
    reply = rig_send(
        rig, &(struct rig_call){.method = "GET", .path = "/box", .query = "delimiter=/&marker=a/"});
    assert_null(strstr(reply.body.ptr, "<Prefix>a/</Prefix>"));
    assert_non_null(strstr(reply.body.ptr, "<Key>b&amp;c</Key>"));

    reply = rig_send(
        rig, &(struct rig_call){.method = "GET", .path = "/box", .query = "versions&prefix=a/"});
    assert_non_null(strstr(reply.body.ptr, "<VersionId>null</VersionId>"));
    assert_null(strstr(reply.body.ptr, "<Key>e</Key>"));
}

static void test_list_refusals(void **state) {
    struct rig *rig = *state;
    const struct expected cases[] = {
        {{.method = "GET", .path = "/box", .query = "list-type=2&max-keys=0"}, 200, NULL},
        {{.method = "GET", .path = "/box", .query = "list-type=2&max-keys=100000"}, 200, NULL},
        {{.method = "GET", .path = "/box", .query = "list-type=2&max-keys=-1"},
         400,
         "InvalidArgument"},
        {{.method = "GET", .path = "/box", .query = "list-type=2&max-keys=many"},
         400,
         "InvalidArgument"},
        {{.method = "GET", .path = "/box", .query = "list-type=3"}, 400, "InvalidArgument"},
        {{.method = "GET", .path = "/box", .query = "list-type=2&encoding-type=base64"},
         400,
         "InvalidArgument"},
        {{.method = "GET", .path = "/box", .query = "list-type=2&continuation-token="},
         400,
         "InvalidArgument"},
        {{.method = "GET", .path = "/box", .query = "list-type=2&continuation-token=zz"},
         400,
         "InvalidArgument"},
        {{.method = "GET", .path = "/box", .query = "list-type=2&continuation-token=610"},
         400,
         "InvalidArgument"},
        {{.method = "GET", .path = "/box", .query = "list-type=2&continuation-token=610061"},
         400,
         "InvalidArgument"},
        {{.method = "GET", .path = "/none", .query = "list-type=2"}, 404, "NoSuchBucket"},
        {{.method = "GET", .path = "/none", .query = "list-type=2&max-keys=0"},
         404,
         "NoSuchBucket"},
    };
    CHECK_ALL(rig, cases);
}

static struct http_reply delete_objects(struct rig *rig, const char *document, const char *key) {
    uint8_t hash[MD5_SIZE];
    md5(document, strlen(document), hash);
    return rig_send(rig, &(struct rig_call){
                             .method = "POST",
                             .path = "/box/",
                             .query = "delete=",
                             .headers = {"content-md5", base64_encode(rig->arena, hash, MD5_SIZE)},
                             .body = document,
                             .access_key = key});
}

static void test_delete_objects(void **state) {
    struct rig *rig = *state;
    rig_put(rig, "/box/in/1", "x", 1);
    rig_put(rig, "/box/2", "x", 1);
    const char *document =
        "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Object><Key>in/1</Key></Object>"
        "<Object><Key>none</Key></Object><Object><Key>2</Key></Object></Delete>";
    struct http_reply reply = delete_objects(rig, document, GUEST_KEY);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body.ptr, "<Deleted><Key>in/1</Key></Deleted>"));
    assert_non_null(strstr(reply.body.ptr, "<Error><Key>2</Key><Code>AccessDenied</Code>"));

    reply = delete_objects(rig, document, ROOT_KEY);
    assert_non_null(strstr(reply.body.ptr, "<Deleted><Key>none</Key></Deleted>"));
    assert_non_null(strstr(reply.body.ptr, "<Deleted><Key>2</Key></Deleted>"));

    reply = delete_objects(rig, "<Delete><Quiet>true</Quiet><Object><Key>x</Key></Object></Delete>",
                           ROOT_KEY);
    assert_null(strstr(reply.body.ptr, "Deleted"));

    const struct expected cases[] = {
        {{.method = "GET", .path = "/box/2"}, 404, "NoSuchKey"},
        {{.method = "POST", .path = "/box", .query = "delete", .body = document},
         400,
         "InvalidRequest"}, /* no checksum */
    };
    CHECK_ALL(rig, cases);
    assert_string_equal(
        rig_code(rig, &(struct http_reply){.body = delete_objects(rig, "<Delete/>", NULL).body}),
        "MalformedXML");
    assert_string_equal(
        rig_code(rig, &(struct http_reply){.body = delete_objects(rig, "<Del", NULL).body}),
        "MalformedXML");
}

/* ---- configurations ---- */

#define CORS_OPEN  "<CORSConfiguration><CORSRule>"
#define CORS_CLOSE "</CORSRule></CORSConfiguration>"
#define CORS_BASE                                                                                  \
    "<AllowedOrigin>http://*.example</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>"

static void test_cors_configuration(void **state) {
    struct rig *rig = *state;
    char *big = arena_alloc(rig->arena, 70000);
    memset(big, ' ', 69999);
    const struct expected cases[] = {
        {{.method = "GET", .path = "/box", .query = "cors"}, 404, "NoSuchCORSConfiguration"},
        {{.method = "GET", .path = "/none", .query = "cors"}, 404, "NoSuchBucket"},
        {{.method = "PUT", .path = "/box", .query = "cors", .body = ""},
         400,
         "MissingRequestBodyError"},
        {{.method = "PUT", .path = "/box", .query = "cors", .body = "<CORSConfiguration/>"},
         400,
         "MalformedXML"},
        {{.method = "PUT", .path = "/box", .query = "cors", .body = "<Other/>"},
         400,
         "MalformedXML"},
        {{.method = "PUT", .path = "/box", .query = "cors", .body = CORS_OPEN CORS_CLOSE},
         400,
         "MalformedXML"},
        {{.method = "PUT",
          .path = "/box",
          .query = "cors",
          .body = CORS_OPEN
          "<AllowedOrigin>*.*</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>" CORS_CLOSE},
         400,
         "InvalidRequest"},
        {{.method = "PUT",
          .path = "/box",
          .query = "cors",
          .body = CORS_OPEN
          "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>PATCH</AllowedMethod>" CORS_CLOSE},
         400,
         "InvalidRequest"},
        {{.method = "PUT",
          .path = "/box",
          .query = "cors",
          .body = CORS_OPEN CORS_BASE "<ExposeHeader>*</ExposeHeader>" CORS_CLOSE},
         400,
         "InvalidRequest"},
        {{.method = "PUT",
          .path = "/box",
          .query = "cors",
          .body = CORS_OPEN CORS_BASE "<MaxAgeSeconds>x</MaxAgeSeconds>" CORS_CLOSE},
         400,
         "MalformedXML"},
        {{.method = "PUT",
          .path = "/box",
          .query = "cors",
          .body = "<!DOCTYPE x [<!ENTITY a \"b\">]><CORSConfiguration>&a;</CORSConfiguration>"},
         400,
         "MalformedXML"},
        {{.method = "PUT", .path = "/box", .query = "cors", .body = big},
         400,
         "MaxMessageLengthExceeded"},
        {{.method = "PUT", .path = "/box", .query = "cors", .body = CORS_OPEN CORS_BASE CORS_CLOSE},
         200,
         NULL},
        {{.method = "GET", .path = "/box", .query = "cors"}, 200, NULL},
        {{.method = "DELETE", .path = "/box", .query = "cors"}, 204, NULL},
        {{.method = "GET", .path = "/box", .query = "cors"}, 404, "NoSuchCORSConfiguration"},
    };
    CHECK_ALL(rig, cases);
}

static void put_cors(struct rig *rig) {
    struct http_reply reply = rig_send(
        rig, &(struct rig_call){.method = "PUT",
                                .path = "/box",
                                .query = "cors",
                                .body = CORS_OPEN CORS_BASE
                                "<AllowedHeader>content-*</AllowedHeader>"
                                "<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds>"
                                "</CORSRule><CORSRule><AllowedOrigin>*</AllowedOrigin>"
                                "<AllowedMethod>GET</AllowedMethod>" CORS_CLOSE});
    assert_int_equal(reply.status, 200);
}

static struct http_reply preflight(struct rig *rig, const char *origin, const char *method,
                                   const char *headers) {
    struct rig_call call = {.method = "OPTIONS", .path = "/box/key", .anonymous = true};
    size_t at = 0;
    if (origin) {
        call.headers[at++] = "origin";
        call.headers[at++] = origin;
    }
    if (method) {
        call.headers[at++] = "access-control-request-method";
        call.headers[at++] = method;
    }
    if (headers) {
        call.headers[at++] = "access-control-request-headers";
        call.headers[at++] = headers;
    }
    return rig_send(rig, &call);
}

static void test_preflight(void **state) {
    struct rig *rig = *state;
    struct http_reply reply = preflight(rig, "http://a.example", "PUT", NULL);
    assert_int_equal(reply.status, 403); /* no configuration yet */
    put_cors(rig);

    reply = preflight(rig, "http://a.example", "PUT", "Content-Type, content-md5");
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.len, 0);
    assert_string_equal(rig_header(&reply, "access-control-allow-origin"), "http://a.example");
    assert_string_equal(rig_header(&reply, "access-control-allow-methods"), "PUT");
    assert_string_equal(rig_header(&reply, "access-control-allow-headers"),
                        "content-type, content-md5");
    assert_string_equal(rig_header(&reply, "access-control-max-age"), "60");
    assert_string_equal(rig_header(&reply, "access-control-allow-credentials"), "true");

    reply = preflight(rig, "http://b", "GET", NULL);
    assert_string_equal(rig_header(&reply, "access-control-allow-origin"), "*");
    assert_string_equal(rig_header(&reply, "access-control-allow-credentials"), "");

    static const struct {
        const char *origin, *method, *headers;
        unsigned status;
        const char *code;
    } refused[] = {
        {NULL, "PUT", NULL, 400, "InvalidRequest"},
        {"http://a.example", NULL, NULL, 400, "InvalidRequest"},
        {"http://a.example", "PATCH", NULL, 400, "InvalidRequest"},
        {"http://b", "PUT", NULL, 403, "AccessForbidden"},
        {"http://.exampl", "PUT", NULL, 403, "AccessForbidden"},
        {"http://a.example", "DELETE", NULL, 403, "AccessForbidden"},
        {"http://a.example", "PUT", "content-type,x-other", 403, "AccessForbidden"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        reply = preflight(rig, refused[i].origin, refused[i].method, refused[i].headers);
        assert_int_equal(reply.status, refused[i].status);
        assert_string_equal(rig_code(rig, &reply), refused[i].code);
        assert_string_equal(rig_header(&reply, "access-control-allow-origin"), "");
    }
}

/* A page sees its errors too. */
static void test_cors_on_answers(void **state) {
    struct rig *rig = *state;
    put_cors(rig);
    struct http_reply reply =
        rig_send(rig, &(struct rig_call){.method = "PUT",
                                         .path = "/box/a",
                                         .headers = {"origin", "http://a.example"},
                                         .body = "x"});
    assert_int_equal(reply.status, 200);
    assert_string_equal(rig_header(&reply, "access-control-allow-origin"), "http://a.example");
    assert_string_equal(rig_header(&reply, "access-control-expose-headers"), "ETag");
    reply = rig_send(rig, &(struct rig_call){.method = "GET",
                                             .path = "/box/none",
                                             .headers = {"origin", "http://b.example"}});
    assert_int_equal(reply.status, 404);
    assert_string_equal(rig_header(&reply, "access-control-allow-origin"), "*");
    reply = rig_send(rig, &(struct rig_call){.method = "PUT",
                                             .path = "/box/a",
                                             .anonymous = true,
                                             .body = "x",
                                             .headers = {"origin", "http://a.example"}});
    assert_int_equal(reply.status, 403);
    assert_string_equal(rig_header(&reply, "access-control-allow-origin"), "http://a.example");
    reply = rig_send(rig, &(struct rig_call){.method = "PUT",
                                             .path = "/box/a",
                                             .body = "x",
                                             .headers = {"origin", "http://b"}});
    assert_int_equal(reply.status, 200);
    assert_string_equal(rig_header(&reply, "access-control-allow-origin"), "");
}

#define RULE(event, filter)                                                                        \
    "<CloudFunctionConfiguration><CloudFunction>arn:aws:lambda:local:0:function:intake"            \
    "</CloudFunction><Event>" event "</Event>" filter "</CloudFunctionConfiguration>"
#define PREFIX(text)                                                                               \
    "<Filter><S3Key><FilterRule><Name>prefix</Name><Value>" text                                   \
    "</Value></FilterRule></S3Key></Filter>"
#define NOTIFICATION(rules)                                                                        \
    "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" rules          \
    "</NotificationConfiguration>"

static void test_notification(void **state) {
    struct rig *rig = *state;
    const char *good = NOTIFICATION(RULE("s3:ObjectCreated:*", PREFIX("plans/"))
                                        RULE("s3:ObjectCreated:Put", PREFIX("facts/")));
    const struct expected cases[] = {
        {{.method = "GET", .path = "/box", .query = "notification"}, 200, NULL},
        {{.method = "GET", .path = "/none", .query = "notification"}, 404, "NoSuchBucket"},
        {{.method = "PUT", .path = "/box", .query = "notification", .body = good}, 200, NULL},
        {{.method = "PUT", .path = "/box", .query = "notification", .body = NOTIFICATION("")},
         200,
         NULL},
        {{.method = "PUT", .path = "/none", .query = "notification", .body = good},
         404,
         "NoSuchBucket"},
        {{.method = "PUT",
          .path = "/box",
          .query = "notification",
          .body = NOTIFICATION("<QueueConfiguration><Queue>arn:aws:sqs:a:b:c</Queue>"
                               "<Event>s3:ObjectCreated:*</Event></QueueConfiguration>")},
         400,
         "InvalidArgument"},
        {{.method = "PUT",
          .path = "/box",
          .query = "notification",
          .body = NOTIFICATION("<TopicConfiguration><Topic>arn:aws:sns:a:b:c</Topic>"
                               "<Event>s3:ObjectCreated:*</Event></TopicConfiguration>")},
         400,
         "InvalidArgument"},
        {{.method = "PUT",
          .path = "/box",
          .query = "notification",
          .body = NOTIFICATION("<EventBridgeConfiguration/>")},
         400,
         "InvalidArgument"},
        {{.method = "PUT",
          .path = "/box",
          .query = "notification",
          .body = NOTIFICATION(RULE("s3:ObjectRemoved:*", ""))},
         400,
         "InvalidArgument"},
        {{.method = "PUT",
          .path = "/box",
          .query = "notification",
          .body = NOTIFICATION(RULE("s3:ObjectCreated:*", PREFIX("a/"))
                                   RULE("s3:ObjectCreated:Put", PREFIX("a/b")))},
         400,
         "InvalidArgument"},
        {{.method = "PUT",
          .path = "/box",
          .query = "notification",
          .body = NOTIFICATION(RULE("s3:ObjectCreated:*", PREFIX("a") PREFIX("b")))},
         200,
         NULL}, /* S3 takes the first filter */
        {{.method = "PUT",
          .path = "/box",
          .query = "notification",
          .body = NOTIFICATION("<CloudFunctionConfiguration><CloudFunction>intake</CloudFunction>"
                               "<Event>s3:ObjectCreated:*</Event></CloudFunctionConfiguration>")},
         400,
         "InvalidArgument"},
        {{.method = "PUT",
          .path = "/box",
          .query = "notification",
          .body = NOTIFICATION("<CloudFunctionConfiguration><CloudFunction>arn:a:b</CloudFunction>"
                               "</CloudFunctionConfiguration>")},
         400,
         "MalformedXML"},
    };
    CHECK_ALL(rig, cases);
}

/* ---- uploads ---- */

static const char *start_upload(struct rig *rig, const char *path) {
    struct http_reply reply =
        rig_send(rig, &(struct rig_call){.method = "POST", .path = path, .query = "uploads="});
    assert_int_equal(reply.status, 200);
    const char *id = rig_text(rig, &reply, "UploadId");
    assert_string_not_equal(id, "");
    return id;
}

static const char *part_query(struct rig *rig, const char *id, int number) {
    return arena_printf(rig->arena, "uploadId=%s&partNumber=%d&x-id=UploadPart", id, number);
}

static const char *put_part(struct rig *rig, const char *path, const char *id, int number,
                            const void *data, size_t size) {
    struct http_reply reply = rig_send(rig, &(struct rig_call){.method = "PUT",
                                                               .path = path,
                                                               .query = part_query(rig, id, number),
                                                               .body = data,
                                                               .body_size = size});
    assert_int_equal(reply.status, 200);
    return arena_strdup(rig->arena, rig_header(&reply, "etag"));
}

static void test_multipart(void **state) {
    struct rig *rig = *state;
    size_t size = 5 * 1024 * 1024;
    char *data = arena_alloc(rig->arena, size);
    memset(data, 'a', size);
    const char *id = start_upload(rig, "/box/film");
    const char *first = put_part(rig, "/box/film", id, 1, data, size);
    const char *last = put_part(rig, "/box/film", id, 7, "end", 3);

    struct http_reply reply =
        rig_send(rig, &(struct rig_call){.method = "GET",
                                         .path = "/box/film",
                                         .query = arena_printf(rig->arena, "uploadId=%s", id)});
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body.ptr, "<PartNumber>7</PartNumber>"));
    assert_string_equal(rig_text(rig, &reply, "IsTruncated"), "false");

    /* As a page sends it: no namespace, no quotes. */
    struct str bare = {first + 1, strlen(first) - 2};
    const char *document = arena_printf(
        rig->arena,
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%.*s</ETag></Part>"
        "<Part><PartNumber>7</PartNumber><ETag>%s</ETag></Part></CompleteMultipartUpload>",
        STR_ARG(bare), last);
    for (int i = 0; i < 2; i++) { /* repeating it is fine */
        reply =
            rig_send(rig, &(struct rig_call){.method = "POST",
                                             .path = "/box/film",
                                             .query = arena_printf(rig->arena, "uploadId=%s", id),
                                             .body = document});
        assert_int_equal(reply.status, 200);
        assert_string_equal(rig_text(rig, &reply, "Key"), "film");
        assert_string_equal(rig_text(rig, &reply, "Location"),
                            arena_printf(rig->arena, "%s/box/film", rig->url));
        assert_true(str_ends_with(str_c(rig_text(rig, &reply, "ETag")), "-2\""));
    }
    reply = rig_send(
        rig,
        &(struct rig_call){.method = "GET", .path = "/box/film", .headers = {"range", "bytes=-5"}});
    assert_string_equal(reply.body.ptr, "aaend");

    /* A copy of a range that spans both parts. */
    const char *copy = start_upload(rig, "/box/copy");
    reply = rig_send(
        rig, &(struct rig_call){.method = "PUT",
                                .path = "/box/copy",
                                .query = part_query(rig, copy, 1),
                                .headers = {"x-amz-copy-source", "/box/film",
                                            "x-amz-copy-source-range", "bytes=5242878-5242882"},
                                .body = ""});
    assert_int_equal(reply.status, 200);
    const char *etag = rig_text(rig, &reply, "ETag");
    uint8_t hash[MD5_SIZE];
    char hex[MD5_HEX_SIZE];
    md5("aaend", 5, hash);
    hex_encode(hash, MD5_SIZE, hex);
    assert_string_equal(etag, arena_printf(rig->arena, "\"%s\"", hex));
}

static void test_multipart_refusals(void **state) {
    struct rig *rig = *state;
    struct arena *arena = rig->arena;
    rig_put(rig, "/box/source", "0123456789", 10);
    const char *id = start_upload(rig, "/box/film");
    const char *etag = put_part(rig, "/box/film", id, 1, "one", 3);
    put_part(rig, "/box/film", id, 2, "two", 3);
    const char *query = arena_printf(arena, "uploadId=%s", id);
#define COMPLETE(parts) "<CompleteMultipartUpload>" parts "</CompleteMultipartUpload>"
#define PART(n, etag)   "<Part><PartNumber>" n "</PartNumber><ETag>" etag "</ETag></Part>"
    const struct expected cases[] = {
        {{.method = "PUT", .path = "/box/film", .query = part_query(rig, id, 0), .body = "x"},
         400,
         "InvalidArgument"},
        {{.method = "PUT", .path = "/box/film", .query = part_query(rig, id, 10001), .body = "x"},
         400,
         "InvalidArgument"},
        {{.method = "PUT", .path = "/box/film", .query = query, .body = "x"},
         400,
         "InvalidArgument"},
        {{.method = "PUT", .path = "/box/film", .query = "uploadId=none&partNumber=1", .body = "x"},
         404,
         "NoSuchUpload"},
        {{.method = "PUT", .path = "/box/other", .query = part_query(rig, id, 1), .body = "x"},
         404,
         "NoSuchUpload"},
        {{.method = "GET", .path = "/box/film", .query = "uploadId=none"}, 404, "NoSuchUpload"},
        {{.method = "GET",
          .path = "/box/film",
          .query = arena_printf(arena, "%s&max-parts=x", query)},
         400,
         "InvalidArgument"},
        {{.method = "POST", .path = "/box/film", .query = query, .body = COMPLETE("")},
         400,
         "MalformedXML"},
        {{.method = "POST", .path = "/box/film", .query = query, .body = ""},
         400,
         "MissingRequestBodyError"},
        {{.method = "POST", .path = "/box/film", .query = query, .body = "<Complete"},
         400,
         "MalformedXML"},
        {{.method = "POST", .path = "/box/film", .query = query, .body = COMPLETE(PART("0", "x"))},
         400,
         "MalformedXML"},
        {{.method = "POST", .path = "/box/film", .query = query, .body = COMPLETE(PART("1", ""))},
         400,
         "MalformedXML"},
        {{.method = "POST", .path = "/box/film", .query = query, .body = COMPLETE(PART("1", "0"))},
         400,
         "InvalidPart"},
        {{.method = "POST", .path = "/box/film", .query = query, .body = COMPLETE(PART("3", "0"))},
         400,
         "InvalidPart"},
        {{.method = "POST",
          .path = "/box/film",
          .query = query,
          .body = arena_printf(arena, COMPLETE(PART("2", "%s") PART("1", "%s")), etag, etag)},
         400,
         "InvalidPartOrder"},
        {{.method = "POST",
          .path = "/box/film",
          .query = query,
          .body = arena_printf(arena, COMPLETE(PART("1", "%s") PART("2", "%s")), etag,
                               "b8a9f715dbb64fd5c56e7783c6820a61")},
         400,
         "EntityTooSmall"},
        {{.method = "POST",
          .path = "/box/film",
          .query = "uploadId=none",
          .body = COMPLETE(PART("1", "0"))},
         404,
         "NoSuchUpload"},
        {{.method = "PUT",
          .path = "/box/film",
          .query = part_query(rig, id, 3),
          .headers = {"x-amz-copy-source", "box/none"},
          .body = ""},
         404,
         "NoSuchKey"},
        {{.method = "PUT",
          .path = "/box/film",
          .query = part_query(rig, id, 3),
          .headers = {"x-amz-copy-source", "box"},
          .body = ""},
         400,
         "InvalidArgument"},
        {{.method = "PUT",
          .path = "/box/film",
          .query = part_query(rig, id, 3),
          .headers = {"x-amz-copy-source", "box/source", "x-amz-copy-source-range", "bytes=5-"},
          .body = ""},
         400,
         "InvalidArgument"},
        {{.method = "PUT",
          .path = "/box/film",
          .query = part_query(rig, id, 3),
          .headers = {"x-amz-copy-source", "box/source", "x-amz-copy-source-if-match", "\"0\""},
          .body = ""},
         412,
         "PreconditionFailed"},
        {{.method = "PUT",
          .path = "/box/film",
          .query = part_query(rig, id, 3),
          .headers = {"x-amz-copy-source", "box/source", "x-amz-copy-source-if-none-match",
                      "\"0\""},
          .body = ""},
         501,
         "NotImplemented"},
        {{.method = "PUT",
          .path = "/box/in/film",
          .query = part_query(rig, id, 3),
          .access_key = GUEST_KEY,
          .headers = {"x-amz-copy-source", "box/source"},
          .body = ""},
         403,
         "AccessDenied"},
        {{.method = "DELETE", .path = "/box/film", .query = query, .access_key = GUEST_KEY},
         403,
         "AccessDenied"},
        {{.method = "DELETE", .path = "/box/film", .query = query}, 204, NULL},
        {{.method = "DELETE", .path = "/box/film", .query = query}, 404, "NoSuchUpload"},
        {{.method = "PUT", .path = "/box/film", .query = part_query(rig, id, 1), .body = "x"},
         404,
         "NoSuchUpload"},
        {{.method = "HEAD", .path = "/box/film"}, 404, NULL},
    };
    CHECK_ALL(rig, cases);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_authentication),
        TEST(test_wrong_signature),
        TEST(test_rights),
        TEST(test_presigned),
        TEST(test_addresses),
        TEST(test_buckets),
        TEST(test_put_and_get),
        TEST(test_put_refusals),
        TEST(test_checksums),
        TEST(test_chunked_bodies),
        TEST(test_signed_chunks),
        TEST(test_cut_off_body),
        TEST(test_full_disk),
        TEST(test_write_conditions),
        TEST(test_read_conditions),
        TEST(test_ranges),
        TEST(test_list),
        TEST(test_list_refusals),
        TEST(test_delete_objects),
        TEST(test_cors_configuration),
        TEST(test_preflight),
        TEST(test_cors_on_answers),
        TEST(test_notification),
        TEST(test_multipart),
        TEST(test_multipart_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
