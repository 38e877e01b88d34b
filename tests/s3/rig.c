/*
 * Everything a test needs around a call; a call itself stays in the test, where one can read it.
 */
#include "rig.h"

#include "base/os.h"
#include "base/xml.h"
#include "sign/digest.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void put_keys(struct rig *rig) {
    static const struct store_statement root[] = {{"*", "*", ""}};
    static const struct store_statement guest[] = {{"GetObject", "box", "photos/"},
                                                   {"PutObject", "box", "in/"},
                                                   {"DeleteObject", "box", "in/"}};
    struct error err;
    assert_true(store_put_key(rig->store, ROOT_KEY, ROOT_SECRET, root, 1, &err));
    assert_true(store_put_key(rig->store, GUEST_KEY, GUEST_SECRET, guest, 3, &err));
}

void rig_start(struct rig *rig) {
    struct error err = {0};
    memset(rig, 0, sizeof *rig);
    const char *base = getenv("TMPDIR");
    snprintf(rig->folder, sizeof rig->folder, "%.40s/s3-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(rig->folder));
    if (!store_open(rig->folder, &rig->store, &err))
        fail_msg("store: %s", err.text);
    put_keys(rig);
    assert_true(store_create_bucket(rig->store, "box", clock_unix_ms(), &err));
    struct s3_server_options options = {
        .address = "127.0.0.1:0", .region = "local", .store = rig->store};
    if (!s3_server_start(&options, &rig->server, &err))
        fail_msg("server: %s", err.text);
    rig->http = http_client_new();
    rig->arena = arena_new();
    rig->host = s3_server_address(rig->server);
    rig->url = arena_printf(rig->arena, "http://%s", rig->host);
}

void rig_stop(struct rig *rig) {
    http_client_free(rig->http);
    s3_server_free(rig->server);
    store_close(rig->store);
    arena_free(rig->arena);
    nftw(rig->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

struct http_reply rig_send(struct rig *rig, const struct rig_call *call) {
    struct arena *arena = rig->arena;
    const char *query = call->query ? call->query : "";
    size_t size = call->body && call->body_size == 0 ? strlen(call->body) : call->body_size;
    struct http_call http =
        http_call(call->method, arena_printf(arena, "%s%s%s%s", rig->url, call->path,
                                             query[0] ? "?" : "", query));
    http_headers_add(arena, &http.headers, "host", rig->host);
    for (size_t i = 0; i + 1 < 8 && call->headers[i]; i += 2)
        http_headers_add(arena, &http.headers, call->headers[i], call->headers[i + 1]);
    bool guest = call->access_key && strcmp(call->access_key, GUEST_KEY) == 0;
    struct sigv4_credentials credentials = {
        .access_key = call->access_key ? call->access_key : ROOT_KEY,
        .secret_key = guest ? GUEST_SECRET : ROOT_SECRET,
    };
    char hash[SHA256_HEX_SIZE];
    sha256_hex(call->body ? call->body : "", size, hash);
    if (!call->anonymous)
        sigv4_sign_headers(arena, &credentials, "local", "s3",
                           clock_unix_ms() + call->clock_offset_ms, call->method, call->path, query,
                           call->payload_hash ? call->payload_hash : hash, &http.headers);
    http.body = call->body;
    http.body_size = size;
    http.max_reply_bytes = 64 * 1024 * 1024;
    http.timeout_ms = 30000;
    struct http_reply reply = {0};
    struct error err;
    if (!http_client_perform(rig->http, arena, &http, &reply, &err))
        fail_msg("%s %s?%s: %s", call->method, call->path, query, err.text);
    return reply;
}

const char *rig_text(struct rig *rig, const struct http_reply *reply, const char *child) {
    struct xml_element *root;
    struct error err;
    if (reply->body.len == 0 || !xml_parse(rig->arena, reply->body, &root, &err))
        return "";
    struct str text = xml_child_text(root, child);
    return arena_strndup(rig->arena, text.ptr, text.len);
}

const char *rig_code(struct rig *rig, const struct http_reply *reply) {
    return rig_text(rig, reply, "Code");
}

const char *rig_header(const struct http_reply *reply, const char *name) {
    const char *value = http_headers_get(&reply->headers, name);
    return value ? value : "";
}

void rig_put(struct rig *rig, const char *path, const void *data, size_t size) {
    struct http_reply reply = rig_send(
        rig, &(struct rig_call){.method = "PUT", .path = path, .body = data, .body_size = size});
    assert_int_equal(reply.status, 200);
}

void rig_check(struct rig *rig, const struct rig_expected *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct rig_call *call = &cases[i].call;
        struct http_reply reply = rig_send(rig, call);
        const char *code = rig_code(rig, &reply);
        const char *expected = cases[i].code ? cases[i].code : "";
        if (reply.status != cases[i].status || strcmp(code, expected) != 0)
            fail_msg("case %zu, %s %s?%s: %u '%s' in place of %u '%s': %.*s", i, call->method,
                     call->path, call->query ? call->query : "", reply.status, code,
                     cases[i].status, expected, STR_ARG(reply.body));
        assert_string_not_equal(rig_header(&reply, "x-amz-request-id"), "");
        if (cases[i].code) {
            assert_string_equal(rig_header(&reply, "content-type"), "application/xml");
            assert_string_equal(rig_text(rig, &reply, "RequestId"),
                                rig_header(&reply, "x-amz-request-id"));
            assert_string_not_equal(rig_text(rig, &reply, "Message"), "");
        }
    }
}

int rig_setup(void **state) {
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig_start(rig);
    *state = rig;
    return 0;
}

int rig_teardown(void **state) {
    rig_stop(*state);
    free(*state);
    return 0;
}
