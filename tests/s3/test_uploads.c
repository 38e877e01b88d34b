/*
 * Multipart uploads.
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
    document = arena_printf(rig->arena,
                            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
                            "<ETag>%s</ETag></Part></CompleteMultipartUpload>",
                            etag);
    struct rig_call done = {.method = "POST",
                            .path = "/box/copy",
                            .query = arena_printf(rig->arena, "uploadId=%s", copy),
                            .body = document};
    assert_int_equal(rig_send(rig, &done).status, 200);
    reply = rig_send(rig, &(struct rig_call){.method = "GET", .path = "/box/copy"});
    assert_int_equal(reply.body.len, 5);
    assert_memory_equal(reply.body.ptr, "aaend", 5);
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
    const struct rig_expected cases[] = {
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
          .headers = {"x-amz-copy-source", "box/source", "x-amz-copy-source-if-none-match", "*"},
          .body = ""},
         412,
         "PreconditionFailed"},
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

int main(void) {
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_multipart),
        RIG_TEST(test_multipart_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
