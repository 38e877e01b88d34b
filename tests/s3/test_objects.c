/*
 * Objects: what is kept, conditions, ranges.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

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
    const struct rig_expected cases[] = {
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
        {{.method = "PUT",
          .path = "/box/a",
          .body = "x",
          .headers = {"x-amz-object-lock-mode", "GOVERNANCE"}},
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
         412,
         "PreconditionFailed"},
        {{.method = "DELETE", .path = "/box/a", .headers = {"x-amz-if-match-size", "1"}},
         501,
         "NotImplemented"},
    };
    CHECK_ALL(rig, cases);
}

static void test_write_conditions(void **state) {
    struct rig *rig = *state;
    const char *etag = "\"5d41402abc4b2a76b9719d911017c592\"";
    const struct rig_expected cases[] = {
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
    const struct rig_expected cases[] = {
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

int main(void) {
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_put_and_get),      RIG_TEST(test_put_refusals),
        RIG_TEST(test_write_conditions), RIG_TEST(test_read_conditions),
        RIG_TEST(test_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
