/*
 * Addresses, buckets, and the questions that clients ask about them.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void test_addresses(void **state) {
    struct rig *rig = *state;
    char long_path[1200] = "/box/";
    memset(long_path + 5, 'k', 1025);
    const struct rig_expected cases[] = {
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
        {{.method = "GET", .path = "/box/a", .query = "tagging"}, 404, "NoSuchKey"},
        {{.method = "PUT", .path = "/box", .query = "tagging", .body = "<x/>"},
         501,
         "NotImplemented"},
        {{.method = "PUT", .path = "/box/a", .query = "retention", .body = "x"},
         501,
         "NotImplemented"},
        {{.method = "POST", .path = "/box/a", .query = "restore"}, 501, "NotImplemented"},
        {{.method = "DELETE", .path = "/box", .query = "policy"}, 501, "NotImplemented"},
    };
    CHECK_ALL(rig, cases);
}

static void test_buckets(void **state) {
    struct rig *rig = *state;
    const struct rig_expected cases[] = {
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

int main(void) {
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_addresses),
        RIG_TEST(test_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
