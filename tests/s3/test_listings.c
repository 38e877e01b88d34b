/*
 * Listings and DeleteObjects.
 */
#include "base/codec.h"
#include "rig.h"
#include "sign/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

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
    const struct rig_expected cases[] = {
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

    const struct rig_expected cases[] = {
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

int main(void) {
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_list),
        RIG_TEST(test_list_refusals),
        RIG_TEST(test_delete_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
