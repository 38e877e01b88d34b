/*
 * Payload format 2.0, both ways. Answers are always JSON.
 */
#include "functions/payload.h"

#include "base/codec.h"

#include <stdlib.h>
#include <string.h>

static bool read_body(struct arena *arena, const json_t *root, struct str *ret, struct error *err) {
    const json_t *body = json_object_get(root, "body");
    if (!json_is_string(body)) {
        *ret = (struct str){"", 0};
        return true;
    }
    struct str text = {json_string_value(body), json_string_length(body)};
    if (!json_is_true(json_object_get(root, "isBase64Encoded"))) {
        *ret = arena_str(arena, text);
        return true;
    }
    uint8_t *bytes;
    size_t size;
    if (!base64_decode(arena, text, &bytes, &size))
        return error_set(err, ERROR_INVALID, NULL, "body is no good base64");
    *ret = (struct str){arena_strndup(arena, (const char *)bytes, size), size};
    return true;
}

static void read_headers(struct arena *arena, const json_t *root, struct http_headers *ret) {
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(root, "headers"), name, value) {
        if (json_is_string(value))
            http_headers_add(arena, ret, arena_strdup(arena, name),
                             arena_strdup(arena, json_string_value(value)));
    }
}

bool payload_parse(struct arena *arena, struct str event, struct payload_request *ret,
                   struct error *err) {
    json_error_t why;
    json_t *root = json_loadb(event.ptr, event.len, JSON_ALLOW_NUL, &why);
    if (root == NULL)
        return error_set(err, ERROR_INVALID, NULL, "event is not JSON: %s", why.text);
    struct payload_request request = {0};
    const json_t *context = json_object_get(root, "requestContext");
    const char *method =
        json_string_value(json_object_get(json_object_get(context, "http"), "method"));
    const char *path = json_string_value(json_object_get(root, "rawPath"));
    const char *query = json_string_value(json_object_get(root, "rawQueryString"));
    bool ok;
    if (method == NULL || path == NULL) {
        ok = error_set(err, ERROR_INVALID, NULL, "event is no HTTP request of payload format 2.0");
    } else {
        request.method = arena_strdup(arena, method);
        request.path = arena_strdup(arena, path);
        read_headers(arena, root, &request.headers);
        const char *host = http_headers_get(&request.headers, "host");
        request.host = host != NULL ? host : "";
        ok = http_query_parse(arena, str_c(arena_strdup(arena, query != NULL ? query : "")),
                              &request.query, err) &&
             read_body(arena, root, &request.body, err);
    }
    json_decref(root);
    if (ok)
        *ret = request;
    return ok;
}

struct str payload_answer(struct arena *arena, struct payload_response *response) {
    json_t *headers = json_object();
    json_object_set_new(
        headers, "content-type",
        json_string(response->problem ? "application/problem+json" : "application/json"));
    json_object_set_new(headers, "cache-control", json_string("no-cache"));
    if (response->etag != NULL)
        json_object_set_new(headers, "etag", json_string(response->etag));
    json_t *answer = json_pack("{si so}", "statusCode", response->status, "headers", headers);
    if (response->body != NULL) {
        char *body = json_dumps(response->body, JSON_COMPACT);
        if (body == NULL)
            die_out_of_memory();
        json_object_set_new(answer, "body", json_string(body));
        free(body);
        json_decref(response->body);
        response->body = NULL;
    }
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    if (text == NULL)
        die_out_of_memory();
    struct str kept = str_c(arena_strdup(arena, text));
    free(text);
    return kept;
}

struct payload_response payload_problem(int status, const char *code, const char *detail) {
    return (struct payload_response){
        .status = status,
        .problem = true,
        .body = json_pack("{ss ss si ss ss}", "type", "about:blank", "title",
                          http_status_text((unsigned)status), "status", status, "code", code,
                          "detail", detail),
    };
}

struct payload_response payload_problem_of(const struct error *why) {
    static const struct {
        enum error_kind kind;
        int status;
        const char *code;
    } table[] = {
        {ERROR_INVALID, 422, "invalid"},     {ERROR_DENIED, 403, "denied"},
        {ERROR_NOT_FOUND, 404, "not-found"}, {ERROR_CONFLICT, 409, "conflict"},
        {ERROR_LIMIT, 413, "limit"},         {ERROR_UNAVAILABLE, 503, "unavailable"},
        {ERROR_INTERNAL, 500, "internal"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].kind == why->kind)
            return payload_problem(table[i].status, table[i].code, why->text);
    return payload_problem(500, "internal", why->text);
}

static const char *text_of(struct arena *arena, const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? arena_strdup(arena, text) : NULL;
}

/* API Gateway passes names of headers on as they came. */
static const char *find_origin(struct arena *arena, const json_t *headers) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)headers, name, value) {
        if (str_equal_nocase(str_c(name), str_c("origin")) && json_is_string(value))
            return arena_strdup(arena, json_string_value(value));
    }
    return NULL;
}

bool payload_is_socket(struct arena *arena, struct str event, struct payload_socket *ret) {
    json_t *root = json_loadb(event.ptr, event.len, 0, NULL);
    const json_t *context = json_object_get(root, "requestContext");
    const json_t *query = json_object_get(root, "queryStringParameters");
    *ret = (struct payload_socket){
        .type = text_of(arena, context, "eventType"),
        .connection = text_of(arena, context, "connectionId"),
        .job = text_of(arena, query, "job"),
        .token = text_of(arena, query, "token"),
        .origin = find_origin(arena, json_object_get(root, "headers")),
    };
    json_decref(root);
    return ret->type != NULL && ret->connection != NULL;
}
