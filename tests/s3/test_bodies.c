/*
 * Bodies: checksums, chunks, and those that end too early or do not fit on the disk.
 */
#include "base/os.h"
#include "rig.h"
#include "sign/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_checksums(void **state) {
    struct rig *rig = *state;
    const struct rig_expected cases[] = {
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
          .headers = {"x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ0A="}},
         400,
         "BadDigest"},
        {{.method = "PUT",
          .path = "/box/b",
          .body = "hello",
          .headers = {"x-amz-checksum-md5", "XUFAKrxLKna5cZ2REBfFkg=="}},
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
    const struct rig_expected cases[] = {
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

int main(void) {
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_checksums),    RIG_TEST(test_chunked_bodies), RIG_TEST(test_signed_chunks),
        RIG_TEST(test_cut_off_body), RIG_TEST(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
