/*
 * The client's core: where a request goes, how it is signed, what an answer means, and when to try
 * again.
 *
 * Each try is signed anew, because a signature ages. A body up to 1 MiB is signed with its hash.
 * Larger ones are not where TLS or the loopback interface protects them anyway: hashing costs as
 * much CPU as an encoder needs for some frames, and a function's CPU is what a film waits for.
 *
 * A try that was cut off may have had its effect. Every call is safe to repeat, but a PUT with
 * If-None-Match may then find its own earlier write: that is CONFLICT as with any other writer,
 * and callers treat both as "somebody did it".
 */
#include "base/codec.h"
#include "base/os.h"
#include "s3/client_internal.h"
#include "s3/codes.h"
#include "sign/digest.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MAX_TRIES = 4,
    FIRST_PAUSE_MS = 100, /* then 400 and 1,600, each give or take a half */
    /* Complete on AWS and part copies on a busy disk may be silent for a while. */
    STALL_TIMEOUT_MS = 60 * 1000,
    SIGNED_BODY_MAX_BYTES = 1024 * 1024,
};

struct s3_client {
    struct arena *arena; /* holds the strings that never change */
    const char *scheme;
    const char *host; /* with the port where it is needed */
    bool on_aws;      /* virtual host style */
    bool trusts_transport;
    const char *region;
    struct arena *credentials_arena;
    struct sigv4_credentials credentials;
    struct http_client *http;
    atomic_uint_fast64_t sent_bytes;
    atomic_uint_fast64_t received_bytes;
    atomic_uint_fast64_t calls;
};

static bool is_loopback(const char *host) {
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           strncmp(host, "127.", 4) == 0;
}

static bool set_endpoint(struct s3_client *client, const char *endpoint, struct error *err) {
    struct http_url url;
    if (!http_url_parse(client->arena, endpoint, &url, err))
        return error_prefix(err, "S3 endpoint");
    if (strcmp(url.path, "/") != 0 || url.query[0] != '\0')
        return error_set(err, ERROR_INVALID, NULL,
                         "S3 endpoint '%.200s' has a path; it must end behind the host", endpoint);
    client->scheme = url.scheme;
    client->host = http_url_host(client->arena, &url);
    client->trusts_transport = strcmp(url.scheme, "https") == 0 || is_loopback(url.host);
    return true;
}

static void set_aws(struct s3_client *client) {
    bool china = strncmp(client->region, "cn-", 3) == 0;
    client->scheme = "https";
    client->host =
        arena_printf(client->arena, "s3.%s.amazonaws.com%s", client->region, china ? ".cn" : "");
    client->on_aws = true;
    client->trusts_transport = true;
}

bool s3_client_new(const struct s3_client_options *options, struct s3_client **ret,
                   struct error *err) {
    if (!options->region || options->region[0] == '\0')
        return error_set(err, ERROR_INVALID, NULL, "the S3 client needs a region");
    struct s3_client *client = calloc(1, sizeof *client);
    if (!client)
        die_out_of_memory();
    client->arena = arena_new();
    client->region = arena_strdup(client->arena, options->region);
    client->http = options->http;
    s3_client_set_credentials(client, &options->credentials);
    if (!options->endpoint)
        set_aws(client);
    else if (!set_endpoint(client, options->endpoint, err)) {
        s3_client_free(client);
        return false;
    }
    *ret = client;
    return true;
}

void s3_client_free(struct s3_client *client) {
    if (!client)
        return;
    arena_free(client->credentials_arena);
    arena_free(client->arena);
    free(client);
}

void s3_client_set_credentials(struct s3_client *client, const struct sigv4_credentials *to) {
    struct arena *arena = arena_new();
    const char *token = to->session_token;
    client->credentials = (struct sigv4_credentials){
        .access_key = arena_strdup(arena, to->access_key),
        .secret_key = arena_strdup(arena, to->secret_key),
        .session_token = token && token[0] != '\0' ? arena_strdup(arena, token) : NULL,
    };
    arena_free(client->credentials_arena);
    client->credentials_arena = arena;
}

struct s3_traffic s3_client_traffic(const struct s3_client *client) {
    return (struct s3_traffic){
        .sent_bytes = atomic_load(&client->sent_bytes),
        .received_bytes = atomic_load(&client->received_bytes),
        .calls = atomic_load(&client->calls),
    };
}

/* Where a request goes: host and raw path. */
struct target {
    const char *host;
    const char *path;
};

static struct target find_target(const struct s3_client *client, struct arena *arena,
                                 const char *bucket, const char *key) {
    const char *name = percent_encode(arena, str_c(bucket), false);
    const char *rest = key ? percent_encode(arena, str_c(key), true) : "";
    /* AWS's certificate covers one label before `s3`, so a name with dots goes by path. */
    if (client->on_aws && !strchr(bucket, '.'))
        return (struct target){.host = arena_printf(arena, "%s.%s", name, client->host),
                               .path = arena_printf(arena, "/%s", rest)};
    return (struct target){.host = client->host,
                           .path = arena_printf(arena, key ? "/%s/%s" : "/%s%s", name, rest)};
}

static const char *hash_payload(const struct s3_client *client, struct arena *arena,
                                const struct s3_request *request) {
    if (request->body_size > SIGNED_BODY_MAX_BYTES && client->trusts_transport)
        return SIGV4_UNSIGNED_PAYLOAD;
    char *hash = arena_alloc(arena, SHA256_HEX_SIZE);
    sha256_hex(request->body_size ? request->body : "", request->body_size, hash);
    return hash;
}

static bool send_once(struct s3_client *client, struct arena *arena,
                      const struct s3_request *request, const char *payload_hash,
                      struct http_reply *ret, struct error *err) {
    struct target target = find_target(client, arena, request->bucket, request->key);
    const char *query = request->query ? request->query : "";
    struct http_call call =
        http_call(request->method, arena_printf(arena, "%s://%s%s%s%s", client->scheme, target.host,
                                                target.path, query[0] ? "?" : "", query));
    http_headers_add(arena, &call.headers, "host", target.host);
    for (size_t i = 0; i < request->headers.count; i++)
        http_headers_add(arena, &call.headers, request->headers.items[i].name,
                         request->headers.items[i].value);
    sigv4_sign_headers(arena, &client->credentials, client->region, "s3", clock_unix_ms(),
                       request->method, target.path, query, payload_hash, &call.headers);
    call.body = request->body;
    call.body_size = request->body_size;
    call.stall_timeout_ms = STALL_TIMEOUT_MS;
    call.max_reply_bytes =
        request->max_reply_bytes ? request->max_reply_bytes : S3_MAX_DOCUMENT_BYTES;

    atomic_fetch_add(&client->calls, 1);
    if (!http_client_perform(client->http, arena, &call, ret, err))
        return false;
    atomic_fetch_add(&client->sent_bytes, request->body_size);
    atomic_fetch_add(&client->received_bytes, ret->body.len);
    return true;
}

static enum error_kind kind_of_status(unsigned status) {
    switch (status) {
    case 401:
    case 403:
        return ERROR_DENIED;
    case 404:
        return ERROR_NOT_FOUND;
    case 409:
    case 412:
        return ERROR_CONFLICT;
    case 413:
    case 507:
        return ERROR_LIMIT;
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return ERROR_UNAVAILABLE;
    default:
        return status >= 400 && status < 500 ? ERROR_INVALID : ERROR_INTERNAL;
    }
}

/* Answers to HEAD, and those of proxies, have no document. */
static const char *code_of_status(unsigned status, const struct s3_request *request) {
    switch (status) {
    case 403:
        return "AccessDenied";
    case 404:
        return request->key ? "NoSuchKey" : "NoSuchBucket";
    case 412:
        return "PreconditionFailed";
    case 416:
        return "InvalidRange";
    default:
        return NULL;
    }
}

/* Fills `err` from an answer that is not a success; returns false. */
static bool set_reply_error(struct arena *arena, const struct s3_request *request,
                            const struct http_reply *reply, struct error *err) {
    struct xml_element *root = NULL;
    struct error ignored;
    if (reply->body.len == 0 || !xml_parse(arena, reply->body, &root, &ignored) ||
        strcmp(root->name, "Error") != 0) {
        error_set(err, kind_of_status(reply->status), code_of_status(reply->status, request),
                  "answer %u %s", reply->status, http_status_text(reply->status));
        return false;
    }
    struct str code = xml_child_text(root, "Code");
    struct str message = xml_child_text(root, "Message");
    const struct s3_code *known = s3_code_find(code);
    enum error_kind kind = known ? known->kind : kind_of_status(reply->status);
    return error_set(err, kind, known ? known->code : NULL, "%.*s: %.*s",
                     (int)(code.len < 64 ? code.len : 64), code.ptr,
                     (int)(message.len < 512 ? message.len : 512), message.ptr);
}

static bool is_success(struct arena *arena, const struct s3_request *request,
                       const struct http_reply *reply) {
    if (reply->status < 200 || reply->status > 299)
        return false;
    if (!request->late_errors)
        return true;
    struct xml_element *root = NULL;
    struct error ignored;
    return !xml_parse(arena, reply->body, &root, &ignored) || strcmp(root->name, "Error") != 0;
}

static bool is_worth_repeating(const struct s3_request *request, const struct error *err) {
    if (err->kind == ERROR_UNAVAILABLE)
        return true;
    /* 412 is an answer about the object; 409 says that two writes met and neither is judged. */
    return request->conditional && err->code &&
           (strcmp(err->code, "ConditionalRequestConflict") == 0 ||
            strcmp(err->code, "OperationAborted") == 0);
}

/* Random, so that many workers that failed together do not come back together. */
static void pause_before_retry(unsigned tries_so_far) {
    uint64_t base_ms = FIRST_PAUSE_MS;
    for (unsigned i = 1; i < tries_so_far; i++)
        base_ms *= 4;
    uint32_t dice;
    random_bytes(&dice, sizeof dice);
    uint64_t pause_ms = base_ms / 2 + dice % base_ms;
    struct timespec left = {.tv_sec = (time_t)(pause_ms / 1000),
                            .tv_nsec = (long)(pause_ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0)
        continue;
}

bool s3_send(struct s3_client *client, struct arena *arena, const struct s3_request *request,
             struct http_reply *ret, struct error *err) {
    const char *payload_hash = hash_payload(client, arena, request);
    struct error last;
    for (unsigned tries = 1;; tries++) {
        struct http_reply reply = {0};
        if (send_once(client, arena, request, payload_hash, &reply, &last)) {
            if (is_success(arena, request, &reply)) {
                *ret = reply;
                return true;
            }
            set_reply_error(arena, request, &reply, &last);
        }
        if (tries == MAX_TRIES || !is_worth_repeating(request, &last))
            break;
        pause_before_retry(tries);
    }
    *err = last;
    return error_prefix(err, "%s of '%.300s' in bucket '%.64s'", request->method,
                        request->key ? request->key : "", request->bucket);
}

bool s3_parse_reply(struct arena *arena, const struct http_reply *reply, const char *root_name,
                    struct xml_element **ret, struct error *err) {
    struct xml_element *root = NULL;
    if (!xml_parse(arena, reply->body, &root, err)) {
        err->kind = ERROR_INTERNAL; /* what is wrong is the answer, not what the caller gave */
        return error_prefix(err, "answer of the S3 server");
    }
    if (strcmp(root->name, root_name) != 0)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "answer of the S3 server is '%.64s' in place of '%s'", root->name,
                         root_name);
    *ret = root;
    return true;
}

bool s3_read_etag(struct arena *arena, struct str text, const char **ret, struct error *err) {
    struct str etag = str_trim(text);
    if (etag.len >= 2 && etag.ptr[0] == '"' && etag.ptr[etag.len - 1] == '"')
        etag = (struct str){etag.ptr + 1, etag.len - 2};
    if (etag.len == 0 || etag.len > S3_MAX_ETAG_BYTES || str_has_control(etag) ||
        memchr(etag.ptr, '"', etag.len))
        return error_set(err, ERROR_INTERNAL, NULL, "the S3 server gave no usable ETag");
    *ret = arena_strndup(arena, etag.ptr, etag.len);
    return true;
}

const char *s3_quote_etag(struct arena *arena, const char *etag) {
    return arena_printf(arena, "\"%s\"", etag);
}

char *s3_presign(const struct s3_client *client, struct arena *arena, const char *bucket,
                 const char *key, const struct s3_presign_options *options) {
    struct target target = find_target(client, arena, bucket, key);
    struct sigv4_presign presign = {
        .method = options->method,
        .path = target.path,
        .query = "",
        .now_unix_ms = options->now_unix_ms,
        .expires_seconds = options->expires_seconds,
    };
    if (options->content_disposition)
        presign.query =
            arena_printf(arena, "response-content-disposition=%s",
                         percent_encode(arena, str_c(options->content_disposition), false));
    http_headers_add(arena, &presign.headers, "host", target.host);
    if (options->content_length >= 0)
        http_headers_add(arena, &presign.headers, "content-length",
                         arena_printf(arena, "%lld", (long long)options->content_length));
    char *query = sigv4_presign_query(arena, &client->credentials, client->region, "s3", &presign);
    return arena_printf(arena, "%s://%s%s?%s", client->scheme, target.host, target.path, query);
}
