/*
 * CORS, with preflights and the headers on answers, and notification.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define CORS_OPEN  "<CORSConfiguration><CORSRule>"
#define CORS_CLOSE "</CORSRule></CORSConfiguration>"
#define CORS_BASE                                                                                  \
    "<AllowedOrigin>http://*.example</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>"

static void test_cors_configuration(void **state) {
    struct rig *rig = *state;
    char *big = arena_alloc(rig->arena, 70000);
    memset(big, ' ', 69999);
    const struct rig_expected cases[] = {
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
    const struct rig_expected cases[] = {
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

int main(void) {
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_cors_configuration),
        RIG_TEST(test_preflight),
        RIG_TEST(test_cors_on_answers),
        RIG_TEST(test_notification),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
