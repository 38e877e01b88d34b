#include "fixture.h"

#include "base/os.h"
#include "host/gateway.h"
#include "http/client.h"
#include "sign/digest.h"
#include "sign/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH(name) "/2015-03-31/functions/" name "/invocations"
#define ARN        "arn%3Aaws%3Alambda%3Alocal%3A000000000000%3Afunction%3Afirst"

struct rig {
    struct fixture *f;
    struct gateway *gateway;
    struct http_client *http;
};

static int setup(void **state) {
    void *fixture = NULL;
    assert_int_equal(fixture_setup(&fixture), 0);
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig->f = fixture;
    rig->f->functions[0].timeout_seconds = 1;
    rig->http = http_client_new();
    fixture_start(rig->f);
    const struct gateway_options options = {
        .address = "127.0.0.1:0",
        .host = rig->f->host,
        .function = "first",
        .invoker = {.access_key = "AK", .secret_key = "SK", .region = "local"},
    };
    struct error err;
    if (!gateway_start(&options, &rig->gateway, &err))
        fail_msg("%s", err.text);
    *state = rig;
    return 0;
}

static int teardown(void **state) {
    struct rig *rig = *state;
    void *fixture = rig->f;
    gateway_free(rig->gateway);
    http_client_free(rig->http);
    fixture_teardown(&fixture);
    free(rig);
    return 0;
}

struct ask {
    const char *method; /* POST */
    const char *path;
    const char *query;        /* "" */
    const char *name, *value; /* a header */
    const char *secret;       /* SK */
    const char *service;      /* lambda */
    const char *signed_body;  /* what the signature is for, if not the body */
    const char *body;
};

static struct http_reply ask(struct rig *rig, struct ask ask) {
    struct arena *arena = rig->f->arena;
    const char *method = ask.method != NULL ? ask.method : "POST";
    const char *query = ask.query != NULL ? ask.query : "";
    const char *host = gateway_address(rig->gateway);
    struct http_call call = http_call(
        method, arena_printf(arena, "http://%s%s%s%s", host, ask.path, query[0] ? "?" : "", query));
    http_headers_add(arena, &call.headers, "host", host);
    if (ask.name != NULL)
        http_headers_add(arena, &call.headers, ask.name, ask.value);
    const char *signed_body = ask.signed_body != NULL ? ask.signed_body : ask.body;
    char hash[SHA256_HEX_SIZE];
    sha256_hex(signed_body != NULL ? signed_body : "",
               signed_body != NULL ? strlen(signed_body) : 0, hash);
    const struct sigv4_credentials credentials = {"AK", ask.secret != NULL ? ask.secret : "SK",
                                                  NULL};
    sigv4_sign_headers(arena, &credentials, "local", ask.service != NULL ? ask.service : "lambda",
                       clock_unix_ms(), method, ask.path, query, hash, &call.headers);
    call.body = ask.body;
    call.body_size = ask.body != NULL ? strlen(ask.body) : 0;
    call.timeout_ms = FIXTURE_BOUND_MS;
    call.max_reply_bytes = 16 << 20;
    struct http_reply reply;
    struct error err;
    if (!http_client_perform(rig->http, arena, &call, &reply, &err))
        fail_msg("%s: %s", ask.path, err.text);
    return reply;
}

static const char *header(const struct http_reply *reply, const char *name) {
    const char *value = http_headers_get(&reply->headers, name);
    return value != NULL ? value : "none";
}

static void answers_come_back(void **state) {
    struct rig *rig = *state;
    static const char *const paths[] = {
        PATH("first"),
        PATH("first%3A%24LATEST"),
        PATH(ARN),
        PATH("000000000000%3Afunction%3Afirst"),
    };
    const char *event = "{\"do\":\"echo\",\"x\":1}";
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct http_reply reply = ask(rig, (struct ask){.path = paths[i], .body = event});
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body.ptr, event);
        assert_string_equal(header(&reply, "x-amz-function-error"), "none");
        assert_string_equal(header(&reply, "x-amz-executed-version"), "$LATEST");
        assert_int_equal(strlen(header(&reply, "x-amzn-requestid")), 36);
    }
    const char *query = "Qualifier=%24LATEST";
    struct ask with_query = {.path = PATH("first"), .query = query, .body = event};
    assert_int_equal(ask(rig, with_query).status, 200);
}

static void failures_are_answers(void **state) {
    struct rig *rig = *state;
    static const struct {
        const char *event;
        const char *type;
        const char *message;
    } cases[] = {
        {"{\"do\":\"fail\"}", "Function.Unavailable", "told to fail"},
        {"{\"do\":\"exit\",\"status\":1}", "Runtime.ExitError", "exit status 1"},
        {"{\"do\":\"hang\"}", "Sandbox.Timedout", "Task timed out after 1.00 seconds"},
        {"{\"do\":\"huge\"}", "Function.ResponseSizeTooLarge", "exceeded maximum"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_reply reply =
            ask(rig, (struct ask){.path = PATH("first"), .body = cases[i].event});
        assert_int_equal(reply.status, 200);
        assert_string_equal(header(&reply, "x-amz-function-error"), "Unhandled");
        json_t *root = json_loads(reply.body.ptr, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(root, "errorType")), cases[i].type);
        const char *message = json_string_value(json_object_get(root, "errorMessage"));
        if (message == NULL || strstr(message, cases[i].message) == NULL)
            fail_msg("%s instead of %s", message, cases[i].message);
        json_decref(root);
    }
}

static void events_are_queued(void **state) {
    struct rig *rig = *state;
    struct http_reply reply = ask(rig, (struct ask){.path = PATH("first"),
                                                    .name = "x-amz-invocation-type",
                                                    .value = "Event",
                                                    .body = "{\"do\":\"echo\",\"name\":\"n\"}"});
    assert_int_equal(reply.status, 202);
    assert_int_equal(reply.body.len, 0);
    assert_string_equal(fixture_expect(rig->f, "echo").more, "n");
    fixture_wait_depth(rig->f, 0);
    reply = ask(rig, (struct ask){.path = PATH("first"),
                                  .name = "x-amz-invocation-type",
                                  .value = "DryRun",
                                  .body = "{\"do\":\"echo\"}"});
    assert_int_equal(reply.status, 204);
    fixture_expect_none(rig->f);
}

static void bad_requests_are_refused(void **state) {
    struct rig *rig = *state;
    char *large = arena_alloc(rig->f->arena, QUEUE_MAX_PAYLOAD_BYTES + 16);
    memset(large, ' ', QUEUE_MAX_PAYLOAD_BYTES + 8);
    memcpy(large, "{}", 2);
    const struct {
        struct ask ask;
        unsigned status;
        const char *type;
    } cases[] = {
        {{.path = PATH("nobody"), .body = "{}"}, 404, "ResourceNotFoundException"},
        {{.path = PATH("first%3A7"), .body = "{}"}, 404, "ResourceNotFoundException"},
        {{.path = PATH("first"), .query = "Qualifier=7", .body = "{}"},
         404,
         "ResourceNotFoundException"},
        {{.path = PATH("first"), .body = "{"}, 400, "InvalidRequestContentException"},
        {{.path = PATH("first"), .body = "{}", .name = "x-amz-invocation-type", .value = "Often"},
         400,
         "InvalidParameterValueException"},
        {{.path = PATH("first"), .body = "{}", .name = "x-amz-log-type", .value = "Tail"},
         400,
         "InvalidParameterValueException"},
        {{.path = PATH("first"), .body = "{}", .name = "x-amz-client-context", .value = "e30="},
         400,
         "InvalidParameterValueException"},
        {{.path = PATH("first"), .body = large, .name = "x-amz-invocation-type", .value = "Event"},
         413,
         "RequestTooLargeException"},
        {{.path = PATH("first"), .body = "{}", .secret = "other"},
         403,
         "InvalidSignatureException"},
        {{.path = PATH("first"), .body = "{}", .service = "s3"}, 403, "InvalidSignatureException"},
        {{.path = PATH("first"), .body = "{\"a\":1}", .signed_body = "{}"},
         403,
         "InvalidSignatureException"},
        {{.path = PATH("nobody"), .body = "{}", .secret = "other"},
         403,
         "InvalidSignatureException"},
        {{.method = "GET", .path = "/2015-03-31/functions"}, 404, "UnknownOperationException"},
        {{.method = "GET", .path = PATH("first")}, 404, "UnknownOperationException"},
        {{.path = "/2021-11-15/functions/first/response-streaming-invocations", .body = "{}"},
         404,
         "UnknownOperationException"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct http_reply reply = ask(rig, cases[i].ask);
        if (reply.status != cases[i].status)
            fail_msg("case %zu: %u %s", i, reply.status, reply.body.ptr);
        assert_string_equal(header(&reply, "x-amzn-errortype"), cases[i].type);
    }
    fixture_expect_none(rig->f);
}

#define WITH_RIG(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_RIG(answers_come_back),
        WITH_RIG(failures_are_answers),
        WITH_RIG(events_are_queued),
        WITH_RIG(bad_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
