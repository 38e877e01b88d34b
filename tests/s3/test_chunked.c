/*
 * The decoder of aws-chunked bodies against the examples of AWS's documentation, byte by byte and
 * in pieces, and against bodies that are broken in every place.
 */
#include "base/codec.h"
#include "sign/chunked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gathered {
    struct buf contents;
};

static bool take(void *context, const void *data, size_t size, struct error *err) {
    struct gathered *g = context;
    return buf_append(&g->contents, data, size, err);
}

/* Decodes `body` in pieces of `step` bytes. */
static bool decode(const struct chunked_options *options, struct str body, size_t step,
                   struct gathered *ret, char *ret_trailer, struct error *err) {
    struct chunked *c = chunked_new(options);
    struct chunked_sink sink = {.take = take, .context = ret};
    bool good = true;
    for (size_t at = 0; good && at < body.len; at += step) {
        size_t size = body.len - at < step ? body.len - at : step;
        good = chunked_add(c, body.ptr + at, size, &sink, err);
    }
    good = good && chunked_end(c, err);
    if (good && ret_trailer) {
        const char *trailer = chunked_trailer(c);
        snprintf(ret_trailer, 100, "%s", trailer ? trailer : "");
    }
    chunked_free(c);
    return good;
}

#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define SEED   "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
#define FIRST  "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
#define SECOND "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
#define LAST   "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"

static struct chunked_options aws_options(void) {
    int64_t time;
    assert_true(date_parse_basic(str_c("20130524T000000Z"), &time));
    return (struct chunked_options){
        .payload_hash = CHUNKED_SIGNED,
        .decoded_size = 66560,
        .secret_key = SECRET,
        .date = "20130524",
        .region = "us-east-1",
        .service = "s3",
        .signed_at_unix_ms = time,
        .seed_signature = SEED,
    };
}

static void append(struct buf *buf, const char *text) {
    struct error err;
    assert_true(buf_append(buf, text, strlen(text), &err));
}

static void append_as(struct buf *buf, size_t count) {
    struct error err;
    char *data = malloc(count);
    memset(data, 'a', count);
    assert_true(buf_append(buf, data, count, &err));
    free(data);
}

/* The example's body; `end` stands in place of what follows the empty chunk's signature. */
static struct buf aws_body(const char *first, const char *second, const char *last,
                           const char *end) {
    struct buf body;
    buf_init(&body, 1 << 20);
    append(&body, "10000;chunk-signature=");
    append(&body, first);
    append(&body, "\r\n");
    append_as(&body, 65536);
    append(&body, "\r\n400;chunk-signature=");
    append(&body, second);
    append(&body, "\r\n");
    append_as(&body, 1024);
    append(&body, "\r\n0;chunk-signature=");
    append(&body, last);
    append(&body, end);
    return body;
}

static void test_aws_example(void **state) {
    (void)state;
    struct chunked_options options = aws_options();
    static const size_t steps[] = {1, 7, 1000, 65536, 1 << 20};
    struct buf body = aws_body(FIRST, SECOND, LAST, "\r\n\r\n");
    assert_int_equal(body.size, 66824); /* Content-Length of the example */
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct gathered g;
        struct error err;
        buf_init(&g.contents, 1 << 20);
        assert_true(decode(&options, buf_str(&body), steps[i], &g, NULL, &err));
        assert_int_equal(g.contents.size, 66560);
        buf_clear(&g.contents);
    }
    buf_clear(&body);
}

static void test_aws_example_with_trailer(void **state) {
    (void)state;
    struct chunked_options options = aws_options();
    options.payload_hash = CHUNKED_SIGNED_TRAILER;
    options.seed_signature = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
    options.trailer = "x-amz-checksum-crc32c";
    static const struct {
        const char *end;
        const char *code; /* NULL: good */
    } cases[] = {
        {"\r\nx-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:"
         "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
         NULL},
        {"\r\nx-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:"
         "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e436\r\n\r\n",
         "SignatureDoesNotMatch"},
        {"\r\nx-amz-checksum-crc32c:sOO8/R==\r\nx-amz-trailer-signature:"
         "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
         "SignatureDoesNotMatch"},
        {"\r\nx-amz-checksum-crc32c:sOO8/Q==\r\n\r\n", "MalformedTrailerError"},
        {"\r\n\r\n", "MalformedTrailerError"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct buf body = aws_body(
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992", cases[i].end);
        struct gathered g;
        struct error err = {0};
        char trailer[100];
        buf_init(&g.contents, 1 << 20);
        bool good = decode(&options, buf_str(&body), 999, &g, trailer, &err);
        assert_int_equal(good, cases[i].code == NULL);
        if (good)
            assert_string_equal(trailer, "sOO8/Q==");
        else
            assert_string_equal(err.code, cases[i].code);
        buf_clear(&g.contents);
        buf_clear(&body);
    }
}

static void test_bad_signatures(void **state) {
    (void)state;
    struct chunked_options options = aws_options();
    static const char *const cases[][3] = {
        {SECOND, SECOND, LAST}, {FIRST, FIRST, LAST}, {FIRST, SECOND, SECOND}, {SEED, SEED, SEED}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct buf body = aws_body(cases[i][0], cases[i][1], cases[i][2], "\r\n\r\n");
        struct gathered g;
        struct error err = {0};
        buf_init(&g.contents, 1 << 20);
        assert_false(decode(&options, buf_str(&body), 4096, &g, NULL, &err));
        assert_string_equal(err.code, "SignatureDoesNotMatch");
        buf_clear(&g.contents);
        buf_clear(&body);
    }
}

static void test_unsigned(void **state) {
    (void)state;
    static const struct {
        const char *body;
        uint64_t decoded_size;
        const char *trailer;
        const char *code; /* NULL: good */
    } cases[] = {
        {"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", 5, "x-amz-checksum-crc32",
         NULL},
        {"5\r\nhello\r\n0\r\nX-Amz-Checksum-Crc32: NhCmhg==\r\n\r\n", 5, "x-amz-checksum-crc32",
         NULL},
        {"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n", 5, "x-amz-checksum-crc32", NULL},
        {"5\r\nhello\r\n0\r\n\r\n", 5, NULL, NULL},
        {"0\r\n\r\n", 0, NULL, NULL},
        {"00005\r\nhello\r\n0\r\n\r\n", 5, NULL, NULL},
        {"5\r\nhello\r\n0\r\n\r\n", 5, "x-amz-checksum-crc32", "MalformedTrailerError"},
        {"5\r\nhello\r\n0\r\nx-amz-checksum-sha256:NhCmhg==\r\n\r\n", 5, "x-amz-checksum-crc32",
         "MalformedTrailerError"},
        {"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", 5, NULL,
         "MalformedTrailerError"},
        {"", 0, NULL, "IncompleteBody"},
        {"5\r\nhello\r\n", 5, NULL, "IncompleteBody"},
        {"5\r\nhell", 5, NULL, "IncompleteBody"},
        {"5\r\nhello\r\n0\r\n\r\n", 6, NULL, "IncompleteBody"},
        {"5\r\nhello\r\n0\r\n\r\n", 4, NULL, "IncompleteBody"},
        {"5\nhello\r\n0\r\n\r\n", 5, NULL, "IncompleteBody"},
        {"5\r\nhello\n0\r\n\r\n", 5, NULL, "IncompleteBody"},
        {"5\rhello\r\n0\r\n\r\n", 5, NULL, "IncompleteBody"},
        {"\r\nhello\r\n0\r\n\r\n", 5, NULL, "IncompleteBody"},
        {"-5\r\nhello\r\n0\r\n\r\n", 5, NULL, "IncompleteBody"},
        {"g\r\nhello\r\n0\r\n\r\n", 5, NULL, "IncompleteBody"},
        {"ffffffffffffffff\r\nhello\r\n0\r\n\r\n", 5, NULL, "IncompleteBody"},
        {"10000000000000000\r\nhello\r\n0\r\n\r\n", 5, NULL, "IncompleteBody"},
        {"5\r\nhello\r\n0\r\n\r\nx", 5, NULL, "IncompleteBody"},
        {"5\r\nhelloworld\r\n0\r\n\r\n", 5, NULL, "IncompleteBody"},
        {"5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", 10, NULL, "InvalidChunkSizeError"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct chunked_options options = {.payload_hash = CHUNKED_UNSIGNED_TRAILER,
                                          .decoded_size = cases[i].decoded_size,
                                          .trailer = cases[i].trailer};
        for (size_t step = 1; step < 60; step += 29) {
            struct gathered g;
            struct error err = {0};
            buf_init(&g.contents, 1 << 20);
            bool good = decode(&options, str_c(cases[i].body), step, &g, NULL, &err);
            if (good != (cases[i].code == NULL))
                fail_msg("case %zu '%s': %s", i, cases[i].body, err.text);
            if (!good)
                assert_string_equal(err.code, cases[i].code);
            buf_clear(&g.contents);
        }
    }
}

/* A line without an end must not be kept for ever. */
static void test_endless_line(void **state) {
    (void)state;
    struct chunked_options options = {.payload_hash = CHUNKED_UNSIGNED_TRAILER, .decoded_size = 5};
    struct gathered g;
    struct error err = {0};
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_init(&g.contents, 1 << 20);
    append_as(&body, 100000);
    assert_false(decode(&options, buf_str(&body), 100, &g, NULL, &err));
    assert_string_equal(err.code, "IncompleteBody");
    buf_clear(&body);
    buf_clear(&g.contents);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aws_example),    cmocka_unit_test(test_aws_example_with_trailer),
        cmocka_unit_test(test_bad_signatures), cmocka_unit_test(test_unsigned),
        cmocka_unit_test(test_endless_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
