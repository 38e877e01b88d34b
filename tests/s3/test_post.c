/*
 * Uploads by HTML form: signed, limited and answered as S3 does.
 */
#include "base/codec.h"
#include "base/os.h"
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define BOUNDARY "b0undary"

/* NULL: left as in the good form; "-": left out. */
struct form {
    const char *key;
    const char *conditions; /* further ones, with a comma in front */
    const char *expiration;
    const char *more; /* further parts, whole */
    const char *access_key;
    const char *secret;
    const char *token;
    const char *signature;
    const char *region;
    const char *contents;
    const char *path;
    bool no_policy;
    bool no_file;
};

static const char *part(struct rig *rig, const char *name, const char *value) {
    return arena_printf(rig->arena,
                        "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s"
                        "\r\n",
                        name, value);
}

static const char *or_else(const char *value, const char *other) {
    return value ? value : other;
}

static struct http_reply post(struct rig *rig, const struct form *form) {
    char date[DATE_SIZE];
    char expiration[DATE_SIZE];
    date_format_basic(clock_unix_ms(), date);
    date_format_iso(clock_unix_ms() + 60000, expiration);
    const char *region = or_else(form->region, "local");
    const char *credential = arena_printf(rig->arena, "%s/%.8s/%s/s3/aws4_request",
                                          or_else(form->access_key, ROOT_KEY), date, region);
    const char *policy = arena_printf(
        rig->arena,
        "{\"expiration\": \"%s\", \"conditions\": [{\"bucket\": \"box\"},"
        " [\"starts-with\", \"$key\", \"in/\"], [\"content-length-range\", 2, 10],"
        " {\"x-amz-algorithm\": \"AWS4-HMAC-SHA256\"}, {\"x-amz-credential\": \"%s\"},"
        " {\"x-amz-date\": \"%s\"}%s]}",
        or_else(form->expiration, expiration), credential, date, or_else(form->conditions, ""));
    const char *encoded = base64_encode(rig->arena, policy, strlen(policy));
    char day[9] = "";
    memcpy(day, date, 8);
    char signature[SHA256_HEX_SIZE];
    sigv4_sign_text(or_else(form->secret, ROOT_SECRET), day, region, "s3", str_c(encoded),
                    signature);
    const char *body = arena_printf(
        rig->arena, "%s%s%s%s%s%s%s%s", part(rig, "key", or_else(form->key, "in/${filename}")),
        part(rig, "x-amz-algorithm", "AWS4-HMAC-SHA256"), part(rig, "X-Amz-Credential", credential),
        part(rig, "x-amz-date", date), form->no_policy ? "" : part(rig, "policy", encoded),
        part(rig, "x-amz-signature", or_else(form->signature, signature)),
        form->token ? part(rig, "x-amz-security-token", form->token) : "", or_else(form->more, ""));
    if (!form->no_file)
        body =
            arena_printf(rig->arena,
                         "%s--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; "
                         "filename=\"C:\\photos\\a b.jpg\"\r\nContent-Type: image/x\r\n\r\n%s\r\n",
                         body, or_else(form->contents, "hello"));
    body = arena_printf(rig->arena, "%s--" BOUNDARY "--\r\n", body);
    struct rig_call call = {
        .method = "POST",
        .path = or_else(form->path, "/box"),
        .headers = {"content-type", "multipart/form-data; boundary=" BOUNDARY},
        .body = body,
        .anonymous = true,
    };
    return rig_send(rig, &call);
}

static void test_good(void **state) {
    struct rig *rig = *state;
    struct http_reply reply = post(rig, &(struct form){0});
    assert_int_equal(reply.status, 204);
    assert_string_equal(rig_header(&reply, "etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    assert_string_equal(rig_header(&reply, "location"),
                        arena_printf(rig->arena, "%s/box/in/a%%20b.jpg", rig->url));
    reply = rig_send(rig, &(struct rig_call){.method = "GET", .path = "/box/in/a%20b.jpg"});
    assert_int_equal(reply.status, 200);
    assert_memory_equal(reply.body.ptr, "hello", 5);

    struct form form = {
        .key = "in/b",
        .conditions = ", {\"success_action_status\": \"201\"},"
                      " [\"starts-with\", \"$Content-Type\", \"image/\"],"
                      " {\"x-amz-meta-who\": \"me\"}, {\"acl\": \"private\"},"
                      " [\"starts-with\", \"$tagging\", \"\"]",
        .more = arena_printf(
            rig->arena, "%s%s%s%s%s%s", part(rig, "success_action_status", "201"),
            part(rig, "Content-Type", "image/jpeg"), part(rig, "x-amz-meta-who", "me"),
            part(rig, "acl", "private"), part(rig, "x-ignore-this", "x"),
            part(rig, "tagging",
                 "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>")),
    };
    reply = post(rig, &form);
    assert_int_equal(reply.status, 201);
    assert_string_equal(rig_text(rig, &reply, "Key"), "in/b");
    assert_string_equal(rig_text(rig, &reply, "Bucket"), "box");
    reply = rig_send(rig, &(struct rig_call){.method = "HEAD", .path = "/box/in/b"});
    assert_string_equal(rig_header(&reply, "content-type"), "image/jpeg");
    assert_string_equal(rig_header(&reply, "x-amz-meta-who"), "me");
    assert_string_equal(rig_header(&reply, "x-amz-tagging-count"), "1");

    form = (struct form){
        .key = "in/c",
        .conditions = ", [\"starts-with\", \"$success_action_redirect\", \"https://page.test\"]",
        .more = part(rig, "success_action_redirect", "https://page.test/done?a=1"),
    };
    reply = post(rig, &form);
    assert_int_equal(reply.status, 303);
    assert_string_equal(rig_header(&reply, "location"),
                        "https://page.test/done?a=1&bucket=box&key=in%2Fc&etag="
                        "%225d41402abc4b2a76b9719d911017c592%22");
}

static void test_rights(void **state) {
    struct rig *rig = *state;
    struct form form = {.access_key = GUEST_KEY, .secret = GUEST_SECRET, .key = "in/guest"};
    assert_int_equal(post(rig, &form).status, 204);
    /* The guest may not set tags. */
    form.conditions = ", [\"starts-with\", \"$tagging\", \"\"]";
    form.more = part(rig, "tagging",
                     "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>");
    assert_int_equal(post(rig, &form).status, 403);
}

static void test_refused(void **state) {
    struct rig *rig = *state;
    const struct {
        struct form form;
        unsigned status;
        const char *code;
    } cases[] = {
        {{.key = "out/a"}, 403, "AccessDenied"},
        {{.key = ""}, 400, "UserKeyMustBeSpecified"},
        {{.expiration = "2020-01-01T00:00:00Z"}, 403, "AccessDenied"},
        {{.expiration = "soon"}, 400, "InvalidPolicyDocument"},
        {{.conditions = ", {\"acl\": \"private\"}"}, 403, "AccessDenied"},
        {{.conditions = ", 1"}, 400, "InvalidPolicyDocument"},
        {{.more = part(rig, "x-amz-meta-a", "b")}, 403, "AccessDenied"},
        {{.more = part(rig, "key", "in/other")}, 400, "InvalidArgument"},
        {{.secret = "wrong"}, 403, "SignatureDoesNotMatch"},
        {{.signature = ""}, 403, "SignatureDoesNotMatch"},
        {{.access_key = "NOBODY"}, 403, "InvalidAccessKeyId"},
        {{.token = "x"}, 400, "InvalidToken"},
        {{.region = "eu-west-1"}, 400, "InvalidArgument"},
        {{.contents = "x"}, 400, "EntityTooSmall"},
        {{.contents = "12345678901"}, 400, "EntityTooLarge"},
        {{.no_policy = true}, 403, "AccessDenied"},
        {{.no_file = true}, 400, "InvalidArgument"},
        {{.path = "/none"}, 404, "NoSuchBucket"},
        {{.conditions = ", {\"x-amz-storage-class\": \"GLACIER\"}",
          .more = part(rig, "x-amz-storage-class", "GLACIER")},
         400,
         "InvalidStorageClass"},
        {{.conditions = ", {\"x-amz-checksum-crc32\": \"AAAAAA==\"}",
          .more = part(rig, "x-amz-checksum-crc32", "AAAAAA==")},
         400,
         "BadDigest"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_reply reply = post(rig, &cases[i].form);
        if (reply.status != cases[i].status || strcmp(rig_code(rig, &reply), cases[i].code) != 0)
            fail_msg("case %zu: %u %.*s", i, reply.status, STR_ARG(reply.body));
    }
    struct http_reply list = rig_send(rig, &(struct rig_call){.method = "GET", .path = "/box"});
    assert_null(memmem(list.body.ptr, list.body.len, "<Contents>", 10));
}

/* ---- keys that expire ---- */

static void test_temporary_keys(void **state) {
    struct rig *rig = *state;
    static const struct store_statement all[] = {{"*", "*", ""}};
    struct store_temporary_key key = {
        .access_key = "TEMP",
        .secret_key = "temporary secret",
        .session_token = "the token",
        .expires_unix_ms = clock_unix_ms() + 60000,
    };
    struct error err;
    assert_true(store_put_temporary_key(rig->store, &key, all, 1, &err));
    struct form form = {.access_key = "TEMP", .secret = "temporary secret", .key = "in/t"};
    form.conditions = ", [\"starts-with\", \"$x-amz-security-token\", \"\"]";
    static const struct {
        const char *token;
        unsigned status;
        const char *code;
    } cases[] = {
        {"the token", 204, ""},
        {"the tokem", 400, "InvalidToken"},
        {"the toke", 400, "InvalidToken"},
        {NULL, 400, "InvalidToken"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        form.token = cases[i].token;
        struct http_reply reply = post(rig, &form);
        assert_int_equal(reply.status, cases[i].status);
        assert_string_equal(rig_code(rig, &reply), cases[i].code);
    }
    key.expires_unix_ms = 1;
    assert_true(store_put_temporary_key(rig->store, &key, all, 1, &err));
    form.token = "the token";
    struct http_reply reply = post(rig, &form);
    assert_string_equal(rig_code(rig, &reply), "ExpiredToken");
    /* Long afterwards it is forgotten. */
    uint64_t removed = 0;
    assert_true(store_run_lifecycle(rig->store, clock_unix_ms(), &removed, &err));
    reply = post(rig, &form);
    assert_string_equal(rig_code(rig, &reply), "InvalidAccessKeyId");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_good),
        RIG_TEST(test_rights),
        RIG_TEST(test_refused),
        RIG_TEST(test_temporary_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
