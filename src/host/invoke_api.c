/*
 * First the signature, then the name, then the parameters, then the payload, so that nobody without
 * a key learns which functions there are.
 */
#include "host/invoke_api.h"

#include "base/codec.h"
#include "base/os.h"
#include "sign/digest.h"
#include "sign/sigv4.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "/2015-03-31/functions/"
#define SUFFIX "/invocations"

/* ---- answers ---- */

static void respond_error(struct http_exchange *x, unsigned status, const char *type,
                          const char *message) {
    json_t *root = json_pack("{ss}", "Type", status < 500 ? "User" : "Service");
    /* Left out when it is not UTF-8. Clients read either spelling. */
    json_object_set_new(root, "Message", json_string(message));
    json_object_set_new(root, "message", json_string(message));
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    if (text == NULL)
        die_out_of_memory();
    json_decref(root);
    http_respond(x, status, "application/json", str_c(text));
    http_headers_add(x->arena, &x->response.headers, "x-amzn-ErrorType", type);
    free(text);
}

static void respond_host_error(struct http_exchange *x, const struct error *why) {
    static const struct {
        const char *code;
        unsigned status;
        const char *type;
    } table[] = {
        {"ResourceNotFound", 404, "ResourceNotFoundException"},
        {"RequestTooLarge", 413, "RequestTooLargeException"},
        {"TooManyRequests", 429, "TooManyRequestsException"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (why->code != NULL && strcmp(why->code, table[i].code) == 0) {
            respond_error(x, table[i].status, table[i].type, why->text);
            return;
        }
    respond_error(x, 500, "ServiceException", why->text);
}

/* ---- signature ---- */

static bool check_signature(const struct invoke_api *api, struct http_exchange *x,
                            struct str body) {
    char hash[SHA256_HEX_SIZE];
    sha256_hex(body.ptr != NULL ? body.ptr : "", body.len, hash);
    const struct sigv4_request request = {
        .method = x->request.method,
        .path = x->request.path,
        .query = x->request.query,
        .headers = &x->request.headers,
        .payload_hash = hash,
    };
    struct sigv4_claim claim;
    struct error err;
    bool ok = api->access_key != NULL && sigv4_read(x->arena, &request, &claim, &err) &&
              !claim.presigned && strcmp(claim.access_key, api->access_key) == 0 &&
              sigv4_verify(x->arena, &request, &claim, api->secret_key, api->region, "lambda",
                           clock_unix_ms(), NULL, &err) &&
              /* What was signed is what came. */
              strcmp(claim.payload_hash, hash) == 0;
    if (!ok)
        respond_error(x, 403, "InvalidSignatureException",
                      "the request is not signed with the key that may invoke functions");
    return ok;
}

/* ---- parameters ---- */

bool invoke_api_is_path(const char *path) {
    return str_starts_with(str_c(path), "/2015-03-31/") ||
           str_starts_with(str_c(path), "/2014-11-13/") ||
           str_starts_with(str_c(path), "/2021-11-15/");
}

/* The function that the path names, by its name, its ARN or a part of it; NULL when it is no path
 * of an Invoke. `*ret_qualifier` is the version behind the name, "" for none. */
static const char *read_function(struct arena *arena, const char *path, struct str *ret_qualifier) {
    struct str rest = str_c(path);
    struct str name;
    if (!str_starts_with(rest, PREFIX) || !str_ends_with(rest, SUFFIX) ||
        rest.len <= strlen(PREFIX) + strlen(SUFFIX))
        return NULL;
    rest.ptr += strlen(PREFIX);
    rest.len -= strlen(PREFIX) + strlen(SUFFIX);
    if (!percent_decode(arena, rest, false, &name))
        return NULL;
    char *text = arena_strndup(arena, name.ptr, name.len);
    /* "arn:aws:lambda:REGION:ACCOUNT:function:NAME", "ACCOUNT:function:NAME" */
    char *found = strstr(text, "function:");
    if (found != NULL && (found == text || found[-1] == ':'))
        text = found + strlen("function:");
    char *colon = strchr(text, ':');
    *ret_qualifier = (struct str){"", 0};
    if (colon != NULL) {
        *ret_qualifier = str_c(colon + 1);
        *colon = '\0';
    }
    return text;
}

/* Only the newest version is there. */
static bool is_latest(struct http_exchange *x, struct str qualifier) {
    struct http_query query;
    struct error ignored;
    if (!http_query_parse(x->arena, str_c(x->request.query), &query, &ignored))
        return false;
    const struct http_parameter *parameter = http_query_get(&query, "Qualifier");
    if (parameter != NULL)
        qualifier = parameter->value;
    return qualifier.len == 0 || str_equal_c(qualifier, "$LATEST");
}

static bool check_parameters(struct http_exchange *x, const char **ret_kind) {
    const struct http_headers *headers = &x->request.headers;
    const char *kind = http_headers_get(headers, "X-Amz-Invocation-Type");
    const char *logs = http_headers_get(headers, "X-Amz-Log-Type");
    const char *context = http_headers_get(headers, "X-Amz-Client-Context");
    const char *problem = NULL;
    kind = kind != NULL ? kind : "RequestResponse";
    if (strcmp(kind, "RequestResponse") != 0 && strcmp(kind, "Event") != 0 &&
        strcmp(kind, "DryRun") != 0)
        problem = "the invocation type is none of RequestResponse, Event and DryRun";
    else if (logs != NULL && strcmp(logs, "None") != 0)
        problem = "the log type is not None: functions write to the server's log";
    else if (context != NULL)
        problem = "functions get no client context here";
    if (problem != NULL) {
        respond_error(x, 400, "InvalidParameterValueException", problem);
        return false;
    }
    *ret_kind = kind;
    return true;
}

static bool is_json(struct str text) {
    json_error_t ignored;
    json_t *root = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &ignored);
    json_decref(root);
    return root != NULL;
}

/* ---- the three kinds ---- */

static void respond_without_body(struct http_exchange *x, unsigned status) {
    x->response.status = status;
}

static void call(struct host *host, struct http_exchange *x, const char *function,
                 struct str event) {
    struct host_answer answer;
    struct error err;
    if (!host_call(host, x->arena, function, event, &answer, &err)) {
        respond_host_error(x, &err);
        return;
    }
    http_respond(x, 200, "application/json", answer.body);
    if (answer.failed)
        http_headers_add(x->arena, &x->response.headers, "X-Amz-Function-Error", "Unhandled");
    http_headers_add(x->arena, &x->response.headers, "X-Amz-Executed-Version", "$LATEST");
}

static void queue(struct host *host, struct http_exchange *x, const char *function,
                  struct str event) {
    struct error err;
    if (host_queue(host, function, event, &err))
        respond_without_body(x, 202);
    else
        respond_host_error(x, &err);
}

static void invoke(struct host *host, struct http_exchange *x, const char *function,
                   struct str event) {
    const char *kind;
    if (!check_parameters(x, &kind))
        return;
    if (!is_json(event)) {
        respond_error(x, 400, "InvalidRequestContentException", "the payload is not JSON");
        return;
    }
    if (strcmp(kind, "RequestResponse") == 0)
        call(host, x, function, event);
    else if (strcmp(kind, "Event") == 0)
        queue(host, x, function, event);
    else
        respond_without_body(x, 204);
}

void invoke_api_handle(const struct invoke_api *api, struct host *host, struct http_exchange *x,
                       struct str body) {
    char request_id[37];
    random_uuid(request_id);
    if (check_signature(api, x, body)) {
        struct str qualifier;
        const char *function = read_function(x->arena, x->request.path, &qualifier);
        if (function == NULL || strcmp(x->request.method, "POST") != 0)
            respond_error(x, 404, "UnknownOperationException", "only Invoke is there");
        else if (host_function_arn(host, function) == NULL || !is_latest(x, qualifier))
            respond_error(x, 404, "ResourceNotFoundException",
                          arena_printf(x->arena, "Function not found: %.200s", function));
        else
            invoke(host, x, function, body.len > 0 ? body : str_c("{}"));
    }
    http_headers_add(x->arena, &x->response.headers, "x-amzn-RequestId",
                     arena_strdup(x->arena, request_id));
}
