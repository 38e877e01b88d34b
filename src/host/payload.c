/*
 * The event is built as a tree and written at once. What is not UTF-8 cannot be in JSON: such a
 * body goes in base64, such a header is left out (no function could read it on AWS either).
 */
#include "host/payload.h"

#include "base/codec.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUTE  "$default"
#define API_ID "tachyscope"

enum { MAX_NAME_BYTES = 256 };

/* ---- request to event ---- */

/* Adds text to what is there already, with a comma in between. */
static void add_text(struct arena *arena, json_t *object, const char *name, struct str value) {
    const json_t *present = json_object_get(object, name);
    if (present != NULL) {
        const char *joined =
            arena_printf(arena, "%s,%.*s", json_string_value(present), STR_ARG(value));
        value = str_c(joined);
    }
    json_t *text = json_stringn(value.ptr != NULL ? value.ptr : "", value.len);
    if (text != NULL)
        json_object_set_new(object, name, text);
}

static const char *lower_case(struct arena *arena, const char *name) {
    char *lower = arena_strdup(arena, name);
    for (char *c = lower; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return lower;
}

/* Of the connection, not of the request. */
static bool is_hop_header(const char *name) {
    static const char *const names[] = {
        "connection", "keep-alive", "proxy-connection", "te",    "transfer-encoding",
        "upgrade",    "trailer",    "expect",           "cookie"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static json_t *headers_of(struct arena *arena, const struct http_request *request) {
    json_t *headers = json_object();
    for (size_t i = 0; i < request->headers.count; i++) {
        const char *name = lower_case(arena, request->headers.items[i].name);
        if (!is_hop_header(name))
            add_text(arena, headers, name, str_c(request->headers.items[i].value));
    }
    add_text(arena, headers, "x-forwarded-for", str_c(request->peer));
    return headers;
}

/* NULL when there are none: optional members are absent. */
static json_t *cookies_of(const struct http_request *request) {
    json_t *cookies = json_array();
    for (size_t i = 0; i < request->headers.count; i++) {
        if (!str_equal_nocase(str_c(request->headers.items[i].name), str_c("cookie")))
            continue;
        struct str rest = str_c(request->headers.items[i].value);
        while (rest.len > 0) {
            struct str cookie = str_trim(str_split(rest, ';', &rest));
            json_t *text = cookie.len > 0 ? json_stringn(cookie.ptr, cookie.len) : NULL;
            if (text != NULL)
                json_array_append_new(cookies, text);
        }
    }
    if (json_array_size(cookies) > 0)
        return cookies;
    json_decref(cookies);
    return NULL;
}

static bool decode_parameter(struct arena *arena, struct str raw, json_t *parameters,
                             struct error *err) {
    struct str value;
    struct str name = str_split(raw, '=', &value);
    if (!percent_decode(arena, name, true, &name) || !percent_decode(arena, value, true, &value) ||
        !str_is_utf8(name) || !str_is_utf8(value) || memchr(name.ptr, '\0', name.len) != NULL)
        return error_set(err, ERROR_INVALID, "BadRequest", "query: '%.*s' is badly encoded",
                         raw.len < 100 ? (int)raw.len : 100, raw.ptr);
    add_text(arena, parameters, arena_strndup(arena, name.ptr, name.len), value);
    return true;
}

/* `*ret` is NULL when there are none. */
static bool read_parameters(struct arena *arena, const char *query, json_t **ret,
                            struct error *err) {
    json_t *parameters = json_object();
    struct str rest = str_c(query);
    size_t count = 0;
    while (rest.len > 0) {
        struct str raw = str_split(rest, '&', &rest);
        if (raw.len == 0)
            continue;
        bool ok = ++count <= HTTP_MAX_PARAMETERS
                      ? decode_parameter(arena, raw, parameters, err)
                      : error_set(err, ERROR_INVALID, "BadRequest",
                                  "query: more than %d parameters", HTTP_MAX_PARAMETERS);
        if (!ok) {
            json_decref(parameters);
            return false;
        }
    }
    *ret = parameters;
    if (count == 0) {
        json_decref(parameters);
        *ret = NULL;
    }
    return true;
}

/* "23/Nov/2026:12:44:47 +0000", put together from "Mon, 23 Nov 2026 12:44:47 GMT". */
static const char *log_time(struct arena *arena, int64_t unix_ms) {
    char http[DATE_SIZE];
    date_format_http(unix_ms, http);
    return arena_printf(arena, "%.2s/%.3s/%.4s:%.8s +0000", http + 5, http + 8, http + 12,
                        http + 17);
}

static json_t *context_of(struct arena *arena, const struct http_request *request,
                          const char *request_id, int64_t now_unix_ms) {
    const char *host = http_headers_get(&request->headers, "host");
    const char *agent = http_headers_get(&request->headers, "user-agent");
    json_t *http = json_object();
    json_object_set_new(http, "method", json_string(request->method));
    json_object_set_new(http, "path", json_string(request->path));
    json_object_set_new(http, "protocol", json_string("HTTP/1.1"));
    json_object_set_new(http, "sourceIp", json_string(request->peer));
    json_object_set_new(http, "userAgent", json_string(agent != NULL ? agent : ""));
    return json_pack("{ss ss so* ss so ss ss ss ss sI}", "accountId", "anonymous", "apiId", API_ID,
                     "domainName", host != NULL ? json_string(host) : NULL, "domainPrefix", API_ID,
                     "http", http, "requestId", request_id, "routeKey", ROUTE, "stage", ROUTE,
                     "time", log_time(arena, now_unix_ms), "timeEpoch", (json_int_t)now_unix_ms);
}

/* Whether a body of this type goes as text. */
static bool is_text_type(const char *content_type) {
    static const char *const types[] = {"application/json", "application/javascript",
                                        "application/xml", "application/x-www-form-urlencoded"};
    if (content_type == NULL)
        return false;
    struct str rest;
    struct str type = str_trim(str_split(str_c(content_type), ';', &rest));
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (str_equal_nocase(type, str_c(types[i])))
            return true;
    struct str start = {type.ptr, type.len < 5 ? type.len : 5};
    return str_equal_nocase(start, str_c("text/")) || str_ends_with(type, "+json") ||
           str_ends_with(type, "+xml");
}

static void set_body(struct arena *arena, json_t *event, const struct http_request *request,
                     struct str body) {
    json_t *text = NULL;
    if (is_text_type(http_headers_get(&request->headers, "content-type")))
        text = json_stringn(body.ptr != NULL ? body.ptr : "", body.len);
    bool encoded = text == NULL;
    if (encoded && body.len > 0)
        text = json_string(base64_encode(arena, body.ptr, body.len));
    if (body.len > 0)
        json_object_set(event, "body", text);
    json_decref(text);
    json_object_set_new(event, "isBase64Encoded", json_boolean(encoded && body.len > 0));
}

static struct str dump(struct arena *arena, json_t *root) {
    char *text = json_dumps(root, JSON_COMPACT);
    if (text == NULL)
        die_out_of_memory();
    struct str kept = str_c(arena_strdup(arena, text));
    free(text);
    return kept;
}

bool payload_event(struct arena *arena, const struct http_request *request, struct str body,
                   const char *request_id, int64_t now_unix_ms, struct str *ret,
                   struct error *err) {
    json_t *parameters;
    if (!str_is_utf8(str_c(request->path)) || !str_is_utf8(str_c(request->query)))
        return error_set(err, ERROR_INVALID, "BadRequest", "the address is not UTF-8");
    if (!read_parameters(arena, request->query, &parameters, err))
        return false;
    json_t *event =
        json_pack("{ss ss ss ss so* so so* so}", "version", "2.0", "routeKey", ROUTE, "rawPath",
                  request->path, "rawQueryString", request->query, "cookies", cookies_of(request),
                  "headers", headers_of(arena, request), "queryStringParameters", parameters,
                  "requestContext", context_of(arena, request, request_id, now_unix_ms));
    if (event == NULL)
        die_out_of_memory();
    set_body(arena, event, request, body);
    struct str text = dump(arena, event);
    json_decref(event);
    if (text.len > PAYLOAD_MAX_EVENT_BYTES)
        return error_set(err, ERROR_LIMIT, "RequestTooLarge",
                         "the request is over the limit of %d bytes", PAYLOAD_MAX_EVENT_BYTES);
    *ret = text;
    return true;
}

bool payload_socket_event(struct arena *arena, const struct payload_socket *socket,
                          int64_t now_unix_ms, struct str *ret, struct error *err) {
    static const char *const types[][2] = {
        [PAYLOAD_CONNECT] = {"CONNECT", "$connect"},
        [PAYLOAD_DISCONNECT] = {"DISCONNECT", "$disconnect"},
    };
    const struct http_request *request = socket->request;
    json_t *parameters = NULL;
    if (request != NULL && !read_parameters(arena, request->query, &parameters, err))
        return false;
    json_t *context =
        json_pack("{ss ss ss ss ss sI sI s{ss}}", "apiId", API_ID, "stage", ROUTE, "eventType",
                  types[socket->type][0], "routeKey", types[socket->type][1], "connectionId",
                  socket->connection_id, "connectedAt", (json_int_t)socket->connected_unix_ms,
                  "requestTimeEpoch", (json_int_t)now_unix_ms, "identity", "sourceIp",
                  request != NULL ? request->peer : "");
    json_t *event = json_pack("{so so* so* sb}", "requestContext", context, "headers",
                              request != NULL ? headers_of(arena, request) : NULL,
                              "queryStringParameters", parameters, "isBase64Encoded", 0);
    if (event == NULL)
        die_out_of_memory();
    *ret = dump(arena, event);
    json_decref(event);
    return true;
}

/* ---- answer to response ---- */

static bool bad_answer(struct error *err, const char *what) {
    return error_set(err, ERROR_INVALID, "BadAnswer", "the function's answer: %s", what);
}

static bool add_header(struct arena *arena, struct http_response *response, const char *name,
                       const json_t *value, struct error *err) {
    const char *text = json_string_value(value);
    if (json_is_integer(value))
        text = arena_printf(arena, "%lld", (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        text = json_is_true(value) ? "true" : "false";
    if (text == NULL || name[0] == '\0' || strlen(name) > MAX_NAME_BYTES ||
        str_has_control(str_c(text)) || str_has_control(str_c(name)) || strpbrk(name, " :") != NULL)
        return bad_answer(err, "bad header");
    if (response->headers.count >= HTTP_MAX_HEADERS)
        return bad_answer(err, "too many headers");
    /* Of the length the server knows better. */
    if (!str_equal_nocase(str_c(name), str_c("content-length")))
        http_headers_add(arena, &response->headers, arena_strdup(arena, name),
                         arena_strdup(arena, text));
    return true;
}

static bool read_headers(struct arena *arena, const json_t *root, struct http_response *response,
                         struct error *err) {
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(root, "headers"), name, value) {
        if (!add_header(arena, response, name, value, err))
            return false;
    }
    size_t index;
    json_array_foreach(json_object_get(root, "cookies"), index, value) {
        if (!add_header(arena, response, "Set-Cookie", value, err))
            return false;
    }
    return true;
}

static bool read_body(struct arena *arena, const json_t *root, struct http_response *response,
                      struct error *err) {
    const json_t *body = json_object_get(root, "body");
    response->body = "";
    if (body == NULL || json_is_null(body))
        return true;
    if (!json_is_string(body))
        return bad_answer(err, "body is no string");
    struct str text = {json_string_value(body), json_string_length(body)};
    if (json_is_true(json_object_get(root, "isBase64Encoded"))) {
        uint8_t *bytes;
        size_t size;
        if (!base64_decode(arena, text, &bytes, &size))
            return bad_answer(err, "body is no base64");
        text = (struct str){(const char *)bytes, size};
    } else {
        text = arena_str(arena, text);
    }
    response->body = text.len > 0 ? text.ptr : "";
    response->body_size = text.len;
    if (text.len > 0 && http_headers_get(&response->headers, "content-type") == NULL)
        http_headers_add(arena, &response->headers, "Content-Type", "text/plain; charset=utf-8");
    return true;
}

static bool read_answer(struct arena *arena, const json_t *root, struct str answer,
                        struct http_response *ret, struct error *err) {
    const json_t *status = json_object_get(root, "statusCode");
    struct http_response response = {.status = 200};
    if (status == NULL) {
        struct str copy = arena_str(arena, answer);
        response.body = copy.ptr;
        response.body_size = copy.len;
        http_headers_add(arena, &response.headers, "Content-Type", "application/json");
        *ret = response;
        return true;
    }
    json_int_t number = json_integer_value(status);
    if (number < 200 || number > 599)
        return bad_answer(err, "bad statusCode");
    response.status = (unsigned)number;
    if (!read_headers(arena, root, &response, err) || !read_body(arena, root, &response, err))
        return false;
    *ret = response;
    return true;
}

bool payload_response(struct arena *arena, struct str answer, struct http_response *ret,
                      struct error *err) {
    json_error_t why;
    json_t *root = json_loadb(answer.ptr != NULL ? answer.ptr : "", answer.len,
                              JSON_ALLOW_NUL | JSON_DECODE_ANY, &why);
    if (root == NULL)
        return bad_answer(err, "not JSON");
    bool ok = read_answer(arena, root, answer, ret, err);
    json_decref(root);
    return ok;
}
