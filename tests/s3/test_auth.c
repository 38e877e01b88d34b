/*
 * Who may do what: signatures, pre-signed URLs, rights.
 */
#include "base/os.h"
#include "rig.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void test_authentication(void **state) {
    struct rig *rig = *state;
    rig_put(rig, "/box/photos/a", "hello", 5);
    const int64_t hour_ms = 3600 * 1000;
    const struct rig_expected cases[] = {
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
    const struct rig_expected cases[] = {
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

int main(void) {
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_authentication),
        RIG_TEST(test_wrong_signature),
        RIG_TEST(test_rights),
        RIG_TEST(test_presigned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
