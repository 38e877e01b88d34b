/*
 * What S3's clients do with objects that are there: copies, tags, attributes, parts by number,
 * uploads under way, checksums given back, deletes with conditions.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct http_reply send(struct rig *rig, const struct rig_call *call, unsigned status) {
    struct http_reply reply = rig_send(rig, call);
    if (reply.status != status)
        fail_msg("%s %s?%s: %u %.*s", call->method, call->path, call->query ? call->query : "",
                 reply.status, STR_ARG(reply.body));
    return reply;
}

static void assert_body(struct rig *rig, const char *path, const char *text) {
    struct http_reply reply = send(rig, &(struct rig_call){.method = "GET", .path = path}, 200);
    assert_int_equal(reply.body.len, strlen(text));
    assert_memory_equal(reply.body.ptr, text, reply.body.len);
}

static bool holds(const struct http_reply *reply, const char *text) {
    return memmem(reply->body.ptr, reply->body.len, text, strlen(text)) != NULL;
}

static void put_with_headers(struct rig *rig, const char *path, const char *text) {
    struct rig_call call = {.method = "PUT",
                            .path = path,
                            .body = text,
                            .headers = {"content-type", "text/plain", "x-amz-meta-who", "me",
                                        "x-amz-tagging", "a=1&b=c%20d"}};
    send(rig, &call, 200);
}

static void test_copy(void **state) {
    struct rig *rig = *state;
    put_with_headers(rig, "/box/a%20b", "hello");
    struct rig_call copy = {
        .method = "PUT", .path = "/box/copy", .headers = {"x-amz-copy-source", "/box/a%20b"}};
    struct http_reply reply = send(rig, &copy, 200);
    assert_string_equal(rig_text(rig, &reply, "ETag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    assert_body(rig, "/box/copy", "hello");
    reply = send(rig, &(struct rig_call){.method = "HEAD", .path = "/box/copy"}, 200);
    assert_string_equal(rig_header(&reply, "content-type"), "text/plain");
    assert_string_equal(rig_header(&reply, "x-amz-meta-who"), "me");
    assert_string_equal(rig_header(&reply, "x-amz-tagging-count"), "2");

    copy =
        (struct rig_call){.method = "PUT",
                          .path = "/box/copy",
                          .headers = {"x-amz-copy-source", "box/copy", "x-amz-metadata-directive",
                                      "REPLACE", "content-type", "image/png"}};
    send(rig, &copy, 200);
    reply = send(rig, &(struct rig_call){.method = "HEAD", .path = "/box/copy"}, 200);
    assert_string_equal(rig_header(&reply, "content-type"), "image/png");
    assert_string_equal(rig_header(&reply, "x-amz-meta-who"), "");
    assert_string_equal(rig_header(&reply, "x-amz-tagging-count"), "2");
}

static void test_refused_copies(void **state) {
    struct rig *rig = *state;
    put_with_headers(rig, "/box/a", "hello");
    rig_put(rig, "/box/in/b", "x", 1);
#define COPY(...)                                                                                  \
    {                                                                                              \
        .method = "PUT", .path = "/box/copy", .headers = { "x-amz-copy-source", __VA_ARGS__ }      \
    }
    const struct rig_expected cases[] = {
        {COPY("box/none"), 404, "NoSuchKey"},
        {COPY("none/a"), 404, "NoSuchBucket"},
        {COPY("box"), 400, "InvalidArgument"},
        {COPY("box/"), 400, "InvalidArgument"},
        {COPY("box/%zz"), 400, "InvalidArgument"},
        {COPY("box/a?versionId=1"), 404, "NoSuchVersion"},
        {COPY("box/a?versionId=null"), 200, NULL},
        {COPY("box/a", "x-amz-metadata-directive", "MERGE"), 400, "InvalidArgument"},
        {COPY("box/a", "x-amz-tagging-directive", "replace"), 400, "InvalidArgument"},
        {COPY("box/a", "x-amz-copy-source-if-match", "\"0\""), 412, "PreconditionFailed"},
        {COPY("box/a", "x-amz-copy-source-if-none-match", "*"), 412, "PreconditionFailed"},
        {COPY("box/a", "x-amz-copy-source-if-unmodified-since", "Thu, 01 Jan 1970 00:00:01 GMT"),
         412, "PreconditionFailed"},
        {COPY("box/a", "x-amz-checksum-algorithm", "CRC8"), 400, "InvalidRequest"},
        {COPY("box/a", "if-none-match", "*"), 412, "PreconditionFailed"},
        {COPY("box/copy"), 400, "InvalidRequest"},
        {COPY("box/a", "x-amz-server-side-encryption", "AES256"), 501, "NotImplemented"},
        /* The guest may put below in/, but not read there. */
        {{.method = "PUT",
          .path = "/box/in/c",
          .access_key = GUEST_KEY,
          .headers = {"x-amz-copy-source", "box/in/b"}},
         403,
         "AccessDenied"},
        {{.method = "PUT",
          .path = "/box/out",
          .access_key = GUEST_KEY,
          .headers = {"x-amz-copy-source", "box/photos/a"}},
         403,
         "AccessDenied"},
    };
    CHECK_ALL(rig, cases);
    assert_body(rig, "/box/copy", "hello");
}

static void test_copied_checksum(void **state) {
    struct rig *rig = *state;
    rig_put(rig, "/box/a", "hello", 5);
    struct rig_call copy = {
        .method = "PUT",
        .path = "/box/copy",
        .headers = {"x-amz-copy-source", "box/a", "x-amz-checksum-algorithm", "CRC32C"}};
    struct http_reply reply = send(rig, &copy, 200);
    assert_string_equal(rig_text(rig, &reply, "ChecksumCRC32C"), "mnG7TA==");
    struct rig_call head = {
        .method = "HEAD", .path = "/box/copy", .headers = {"x-amz-checksum-mode", "ENABLED"}};
    reply = send(rig, &head, 200);
    assert_string_equal(rig_header(&reply, "x-amz-checksum-crc32c"), "mnG7TA==");
    assert_string_equal(rig_header(&reply, "x-amz-checksum-type"), "FULL_OBJECT");
    reply = send(rig, &(struct rig_call){.method = "HEAD", .path = "/box/copy"}, 200);
    assert_string_equal(rig_header(&reply, "x-amz-checksum-crc32c"), "");
}

static void test_tags(void **state) {
    struct rig *rig = *state;
    put_with_headers(rig, "/box/a", "hello");
    struct rig_call ask = {.method = "GET", .path = "/box/a", .query = "tagging"};
    struct http_reply reply = send(rig, &ask, 200);
    assert_true(holds(&reply, "<TagSet><Tag><Key>a</Key><Value>1</Value></Tag>"
                              "<Tag><Key>b</Key><Value>c d</Value></Tag></TagSet>"));
#define TAGS(text)                                                                                 \
    { .method = "PUT", .path = "/box/a", .query = "tagging", .body = text }
#define TAG(name, value) "<Tag><Key>" name "</Key><Value>" value "</Value></Tag>"
#define FIVE             TAG("1", "") TAG("2", "") TAG("3", "") TAG("4", "") TAG("5", "")
    const struct rig_expected cases[] = {
        {TAGS("<Tagging><TagSet>" TAG("x", "&lt;&amp;") "</TagSet></Tagging>"), 200, NULL},
        {TAGS("<Tagging><TagSet>" TAG("a", "") TAG("a", "1") "</TagSet></Tagging>"), 400,
         "InvalidTag"},
        {TAGS("<Tagging><TagSet>" TAG("", "1") "</TagSet></Tagging>"), 400, "InvalidTag"},
        {TAGS("<Tagging><TagSet>" TAG("aws:a", "1") "</TagSet></Tagging>"), 400, "InvalidTag"},
        {TAGS("<Tagging><TagSet>" FIVE TAG("a", "") TAG("b", "") TAG("c", "") TAG("d", "")
                  TAG("e", "") TAG("f", "") "</TagSet></Tagging>"),
         400, "BadRequest"},
        {TAGS("<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>"), 400, "MalformedXML"},
        {TAGS("<Tagging/>"), 400, "MalformedXML"},
        {TAGS("<Other/>"), 400, "MalformedXML"},
        {TAGS(""), 400, "MissingRequestBodyError"},
        {{.method = "PUT",
          .path = "/box/none",
          .query = "tagging",
          .body = "<Tagging><TagSet/></Tagging>"},
         404,
         "NoSuchKey"},
        {{.method = "PUT", .path = "/box/b", .body = "x", .headers = {"x-amz-tagging", "a=%zz"}},
         400,
         "InvalidArgument"},
        {{.method = "PUT", .path = "/box/b", .body = "x", .headers = {"x-amz-tagging", "a=1&a=2"}},
         400,
         "InvalidTag"},
        {{.method = "PUT",
          .path = "/box/in/b",
          .body = "x",
          .access_key = GUEST_KEY,
          .headers = {"x-amz-tagging", "a=1"}},
         403,
         "AccessDenied"},
    };
    CHECK_ALL(rig, cases);
    reply = send(rig, &ask, 200);
    assert_true(holds(&reply, "<Value>&lt;&amp;</Value>"));
    assert_body(rig, "/box/a", "hello");
    send(rig, &(struct rig_call){.method = "DELETE", .path = "/box/a", .query = "tagging"}, 204);
    reply = send(rig, &ask, 200);
    assert_true(holds(&reply, "<TagSet></TagSet>"));
    assert_body(rig, "/box/a", "hello");
}

enum { PART = 5 * 1024 * 1024 };

static const char *query(struct rig *rig, const char *id, unsigned number) {
    return number == 0 ? arena_printf(rig->arena, "uploadId=%s", id)
                       : arena_printf(rig->arena, "partNumber=%u&uploadId=%s", number, id);
}

static const char *start_upload(struct rig *rig, const char *path, const char *algorithm,
                                const char *type) {
    struct rig_call call = {.method = "POST",
                            .path = path,
                            .query = "uploads",
                            .headers = {algorithm ? "x-amz-checksum-algorithm" : NULL, algorithm,
                                        type ? "x-amz-checksum-type" : NULL, type}};
    struct http_reply reply = send(rig, &call, 200);
    return rig_text(rig, &reply, "UploadId");
}

/* Parts 2 and 5; the ETags. */
static void put_parts(struct rig *rig, const char *id, const char *etags[2]) {
    char *bytes = arena_alloc(rig->arena, PART);
    memset(bytes, 'a', PART);
    for (unsigned i = 0; i < 2; i++) {
        struct rig_call call = {.method = "PUT",
                                .path = "/box/film",
                                .query = query(rig, id, i == 0 ? 2 : 5),
                                .body = i == 0 ? bytes : "hello",
                                .body_size = i == 0 ? PART : 5};
        struct http_reply reply = send(rig, &call, 200);
        etags[i] = rig_header(&reply, "etag");
    }
}

static const char *part_list(struct rig *rig, const char *const etags[2], const char *more) {
    return arena_printf(rig->arena,
                        "<CompleteMultipartUpload><Part><PartNumber>2</PartNumber><ETag>%s</ETag>"
                        "</Part><Part><PartNumber>5</PartNumber><ETag>%s</ETag>%s</Part>"
                        "</CompleteMultipartUpload>",
                        etags[0], etags[1], more);
}

static void test_parts(void **state) {
    struct rig *rig = *state;
    const char *id = start_upload(rig, "/box/film", "CRC32", "FULL_OBJECT");
    const char *etags[2];
    put_parts(rig, id, etags);
    const char *list = part_list(rig, etags, "<ChecksumCRC32>NhCmhg==</ChecksumCRC32>");
#define COMPLETE(text, ...)                                                                        \
    {                                                                                              \
        .method = "POST", .path = "/box/film", .query = query(rig, id, 0), .body = text,           \
        .headers = {                                                                               \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
    const char *wrong = part_list(rig, etags, "<ChecksumCRC32>AAAAAA==</ChecksumCRC32>");
    const struct rig_expected cases[] = {
        {COMPLETE(wrong, "x-amz-id", "1"), 400, "InvalidPart"},
        {COMPLETE(list, "x-amz-mp-object-size", "5"), 400, "InvalidRequest"},
        {COMPLETE(list, "x-amz-checksum-type", "COMPOSITE"), 400, "InvalidRequest"},
        {COMPLETE(list, "x-amz-checksum-crc32", "AAAAAA=="), 400, "BadDigest"},
        {COMPLETE(list, "x-amz-mp-object-size", "5242885"), 200, NULL},
        /* Again: the same answer. */
        {COMPLETE(list, "x-amz-mp-object-size", "5242885"), 200, NULL},
    };
    CHECK_ALL(rig, cases);

    struct rig_call ask = {.method = "GET",
                           .path = "/box/film",
                           .query = "attributes",
                           .headers = {"x-amz-object-attributes",
                                       "ETag,Checksum,ObjectParts,StorageClass,ObjectSize"}};
    struct http_reply reply = send(rig, &ask, 200);
    assert_string_equal(rig_text(rig, &reply, "ObjectSize"), "5242885");
    assert_true(holds(&reply, "<ChecksumType>FULL_OBJECT</ChecksumType>"));
    assert_true(holds(&reply, "<PartsCount>2</PartsCount>"));
    assert_true(holds(&reply, "<Part><PartNumber>2</PartNumber><Size>5</Size>"
                              "<ChecksumCRC32>NhCmhg==</ChecksumCRC32></Part>"));

    reply =
        send(rig, &(struct rig_call){.method = "GET", .path = "/box/film", .query = "partNumber=2"},
             206);
    assert_int_equal(reply.body.len, 5);
    assert_memory_equal(reply.body.ptr, "hello", 5);
    assert_string_equal(rig_header(&reply, "content-range"), "bytes 5242880-5242884/5242885");
    assert_string_equal(rig_header(&reply, "x-amz-mp-parts-count"), "2");
    reply = send(rig,
                 &(struct rig_call){.method = "HEAD", .path = "/box/film", .query = "partNumber=1"},
                 206);
    assert_string_equal(rig_header(&reply, "content-length"), "5242880");
    const struct rig_expected numbers[] = {
        {{.method = "GET", .path = "/box/film", .query = "partNumber=3"}, 416, "InvalidPartNumber"},
        {{.method = "GET", .path = "/box/film", .query = "partNumber=0"}, 400, "InvalidArgument"},
        {{.method = "GET", .path = "/box/film", .query = "partNumber=x"}, 400, "InvalidArgument"},
        {{.method = "GET",
          .path = "/box/film",
          .query = "partNumber=1",
          .headers = {"range", "bytes=0-1"}},
         400,
         "InvalidRequest"},
        {{.method = "GET", .path = "/box/film", .query = "attributes"}, 400, "InvalidRequest"},
        {{.method = "GET",
          .path = "/box/film",
          .query = "attributes",
          .headers = {"x-amz-object-attributes", "Colour"}},
         400,
         "InvalidArgument"},
        {{.method = "GET",
          .path = "/box/none",
          .query = "attributes",
          .headers = {"x-amz-object-attributes", "ETag"}},
         404,
         "NoSuchKey"},
    };
    CHECK_ALL(rig, numbers);
}

static void test_upload_checksums(void **state) {
    struct rig *rig = *state;
    const char *id = start_upload(rig, "/box/film", "SHA256", NULL);
    const struct rig_expected cases[] = {
        {{.method = "PUT",
          .path = "/box/film",
          .query = query(rig, id, 1),
          .body = "hello",
          .headers = {"x-amz-checksum-crc32", "NhCmhg=="}},
         400,
         "InvalidRequest"},
        {{.method = "POST",
          .path = "/box/x",
          .query = "uploads",
          .headers = {"x-amz-checksum-algorithm", "CRC8"}},
         400,
         "InvalidRequest"},
        {{.method = "POST",
          .path = "/box/x",
          .query = "uploads",
          .headers = {"x-amz-checksum-algorithm", "SHA1", "x-amz-checksum-type", "FULL_OBJECT"}},
         400,
         "InvalidRequest"},
    };
    CHECK_ALL(rig, cases);
    const char *etags[2];
    put_parts(rig, id, etags);
    struct rig_call call = {.method = "POST",
                            .path = "/box/film",
                            .query = query(rig, id, 0),
                            .body = part_list(rig, etags, "")};
    struct http_reply reply = send(rig, &call, 200);
    const char *sum = rig_text(rig, &reply, "ChecksumSHA256");
    assert_true(str_ends_with(str_c(sum), "-2"));
    assert_string_equal(rig_text(rig, &reply, "ChecksumType"), "COMPOSITE");
}

static void test_uploads_listed(void **state) {
    struct rig *rig = *state;
    const char *a1 = start_upload(rig, "/box/a", NULL, NULL);
    const char *b = start_upload(rig, "/box/dir/b", NULL, NULL);
    start_upload(rig, "/box/dir/c", NULL, NULL);
    const char *d = start_upload(rig, "/box/d%20d", "CRC32", NULL);
    const char *a_element = arena_printf(rig->arena, "<UploadId>%s</UploadId>", a1);
    const char *d_element = arena_printf(rig->arena, "<UploadId>%s</UploadId>", d);
    struct rig_call ask = {.method = "GET", .path = "/box", .query = "delimiter=%2F&uploads"};
    struct http_reply reply = send(rig, &ask, 200);
    assert_true(holds(&reply, a_element));
    assert_true(holds(&reply, d_element));
    assert_false(holds(&reply, b));
    assert_true(holds(&reply, "<CommonPrefixes><Prefix>dir/</Prefix></CommonPrefixes>"));
    assert_true(holds(&reply, "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>"));
    assert_string_equal(rig_text(rig, &reply, "IsTruncated"), "false");

    /* Page by page, each upload and prefix once. */
    const char *markers = "";
    const char *seen = "";
    for (size_t i = 0; i < 3; i++) {
        ask.query = arena_printf(
            rig->arena, "delimiter=%%2F&encoding-type=url%s&max-uploads=1&uploads", markers);
        reply = send(rig, &ask, 200);
        assert_string_equal(rig_text(rig, &reply, "IsTruncated"), i < 2 ? "true" : "false");
        markers = arena_printf(rig->arena, "&key-marker=%s&upload-id-marker=%s",
                               rig_text(rig, &reply, "NextKeyMarker"),
                               rig_text(rig, &reply, "NextUploadIdMarker"));
        seen = arena_printf(rig->arena, "%s%d%d%d ", seen, holds(&reply, a_element),
                            holds(&reply, "<Prefix>dir/</Prefix></CommonPrefixes>"),
                            holds(&reply, d_element));
    }
    /* Keys in byte order: a, d d, dir/. */
    assert_string_equal(seen, "100 001 010 ");
    const struct rig_expected cases[] = {
        {{.method = "GET", .path = "/box", .query = "max-uploads=x&uploads"},
         400,
         "InvalidArgument"},
        {{.method = "GET", .path = "/none", .query = "uploads"}, 404, "NoSuchBucket"},
        {{.method = "GET", .path = "/box", .query = "uploads", .access_key = GUEST_KEY},
         403,
         "AccessDenied"},
    };
    CHECK_ALL(rig, cases);
}

static void test_conditional_deletes(void **state) {
    struct rig *rig = *state;
    rig_put(rig, "/box/a", "hello", 5);
    const char *good = "\"5d41402abc4b2a76b9719d911017c592\"";
    const struct rig_expected cases[] = {
        {{.method = "DELETE", .path = "/box/a", .headers = {"if-match", "\"0\""}},
         412,
         "PreconditionFailed"},
        {{.method = "DELETE", .path = "/box/none", .headers = {"if-match", good}},
         404,
         "NoSuchKey"},
        {{.method = "HEAD", .path = "/box/a"}, 200, NULL},
        {{.method = "DELETE", .path = "/box/a", .headers = {"if-match", good}}, 204, NULL},
        {{.method = "HEAD", .path = "/box/a"}, 404, NULL},
    };
    CHECK_ALL(rig, cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_copy),
        RIG_TEST(test_refused_copies),
        RIG_TEST(test_copied_checksum),
        RIG_TEST(test_tags),
        RIG_TEST(test_parts),
        RIG_TEST(test_upload_checksums),
        RIG_TEST(test_uploads_listed),
        RIG_TEST(test_conditional_deletes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
