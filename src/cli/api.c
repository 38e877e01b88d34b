/*
 * One call of the API. Every answer of the server is JSON; what is not (a proxy's page, say) is
 * told by its status alone.
 */
#include "cli/api.h"

#include <stdlib.h>
#include <string.h>

enum {
    API_TIMEOUT_MS = 35000, /* a function of the API has 29 s */
    API_MAX_REPLY_BYTES = 64 * 1024 * 1024,
};

bool api_server_init(struct arena *arena, const char *url, const char *token,
                     struct http_client *http, struct api_server *ret, struct error *err) {
    struct http_url parsed;
    if (url == NULL)
        url = API_DEFAULT_URL;
    if (!http_url_parse(arena, url, &parsed, err))
        return error_prefix(err, "server '%s'", url);
    if (parsed.query[0] != '\0')
        return error_set(err, ERROR_INVALID, NULL, "server '%s' has a query", url);
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    if (token == NULL)
        token = getenv(API_TOKEN_VARIABLE);
    ret->url = arena_strndup(arena, url, length);
    ret->token = token == NULL || token[0] == '\0' ? NULL : arena_strdup(arena, token);
    if (ret->token != NULL && str_has_control(str_c(ret->token)))
        return error_set(err, ERROR_INVALID, NULL, "the token holds control characters");
    ret->http = http;
    return true;
}

static enum error_kind kind_of(unsigned status) {
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
    case 429:
        return ERROR_LIMIT;
    case 502:
    case 503:
    case 504:
        return ERROR_UNAVAILABLE;
    default:
        return status >= 400 && status < 500 ? ERROR_INVALID : ERROR_INTERNAL;
    }
}

bool api_problem(unsigned status, struct str body, struct error *err) {
    json_auto_t *problem = json_loadb(body.ptr == NULL ? "" : body.ptr, body.len, 0, NULL);
    const char *title = json_string_value(json_object_get(problem, "title"));
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    if (detail != NULL)
        return error_set(err, kind_of(status), NULL, "%s", detail);
    if (title != NULL)
        return error_set(err, kind_of(status), NULL, "%s", title);
    return error_set(err, kind_of(status), NULL, "the server answered %u %s", status,
                     http_status_text(status));
}

static void add_headers(const struct api_server *server, struct arena *arena,
                        const struct api_request *request, struct http_headers *headers) {
    const char *token = request->token == NULL ? server->token : request->token;
    http_headers_add(arena, headers, "Accept", "application/json");
    if (token != NULL)
        http_headers_add(arena, headers, "Authorization", arena_printf(arena, "Bearer %s", token));
    if (request->body != NULL)
        http_headers_add(arena, headers, "Content-Type", "application/json");
    if (request->idempotency_key != NULL)
        http_headers_add(arena, headers, "Idempotency-Key", request->idempotency_key);
    if (request->if_none_match != NULL)
        http_headers_add(arena, headers, "If-None-Match", request->if_none_match);
}

static bool read_answer(struct arena *arena, const struct http_reply *reply, struct api_answer *ret,
                        struct error *err) {
    bool ok = (reply->status >= 200 && reply->status < 300) || reply->status == 304;
    if (!ok)
        return api_problem(reply->status, reply->body, err);
    json_t *body = NULL;
    if (reply->body.len > 0) {
        body = json_loadb(reply->body.ptr, reply->body.len, 0, NULL);
        if (body == NULL)
            return error_set(err, ERROR_INTERNAL, NULL, "the server's answer is not JSON");
    }
    const char *etag = http_headers_get(&reply->headers, "ETag");
    ret->status = reply->status;
    ret->body = body;
    ret->etag = etag == NULL ? NULL : arena_strdup(arena, etag);
    return true;
}

bool api_call(const struct api_server *server, struct arena *arena,
              const struct api_request *request, struct api_answer *ret, struct error *err) {
    struct http_call call =
        http_call(request->method, arena_printf(arena, "%s%s", server->url, request->path));
    add_headers(server, arena, request, &call.headers);
    call.timeout_ms = API_TIMEOUT_MS;
    call.max_reply_bytes = API_MAX_REPLY_BYTES;
    char *body = NULL;
    if (request->body != NULL) {
        body = json_dumps(request->body, JSON_COMPACT);
        if (body == NULL)
            die_out_of_memory();
        call.body = body;
        call.body_size = strlen(body);
    }
    struct http_reply reply;
    bool ok = http_client_perform(server->http, arena, &call, &reply, err);
    free(body);
    if (!ok)
        return error_prefix(err, "server %s", server->url);
    return read_answer(arena, &reply, ret, err);
}
