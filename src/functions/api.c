/*
 * The API's routes and who may take them. Everything here answers from the store; nothing is kept
 * between requests.
 */
#include "functions/api.h"

#include "functions/token.h"

#include "base/codec.h"

#include <string.h>

enum access { OWNER, OWNER_OR_JOB };

static const struct {
    const char *method;
    const char *path; /* {id} is a job's id */
    enum access access;
    api_route *handle;
} routes[] = {
    {"POST", "/jobs", OWNER, api_create_job},
    {"GET", "/jobs", OWNER, api_list_jobs},
    {"GET", "/jobs/{id}", OWNER_OR_JOB, api_get_job},
    {"DELETE", "/jobs/{id}", OWNER_OR_JOB, api_cancel_job},
    {"POST", "/jobs/{id}/uploads", OWNER_OR_JOB, api_sign_uploads},
};

/* Matches a path against a pattern; fills in the job's id where the pattern has one. */
static bool match(struct arena *arena, const char *pattern, const char *path,
                  const char **ret_job) {
    struct str want = str_c(pattern), have = str_c(path);
    const char *job = NULL;
    while (want.len > 0 && have.len > 0) {
        struct str want_part = str_split(want, '/', &want);
        struct str have_part = str_split(have, '/', &have);
        if (str_equal_c(want_part, "{id}")) {
            struct str id;
            if (!percent_decode(arena, have_part, false, &id) || !job_id_valid(id))
                return false;
            job = arena_strndup(arena, id.ptr, id.len);
        } else if (!str_equal(want_part, have_part)) {
            return false;
        }
    }
    if (want.len > 0 || have.len > 0)
        return false;
    *ret_job = job;
    return true;
}

/* A browser tells where a request comes from. Only the page's own origin may use the API: without
 * a token (on loopback) any site that the user visits could otherwise start jobs. */
bool api_origin_allowed(const struct functions *functions, const char *origin) {
    if (origin == NULL || functions->origin[0] == '\0' || strcmp(origin, functions->origin) == 0)
        return true;
    /* The page of a loopback server is the same page under its other name. */
    struct str own = str_c(functions->origin);
    static const char *const names[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t length = strlen(names[i]);
        if (!str_starts_with(own, names[i]) || (own.ptr[length] != ':' && own.ptr[length] != '\0'))
            continue;
        for (size_t k = 0; k < ARRAY_SIZE(names); k++)
            if (str_starts_with(str_c(origin), names[k]) &&
                strcmp(origin + strlen(names[k]), own.ptr + length) == 0)
                return true;
    }
    return false;
}

static struct payload_response dispatch(struct api_call *call) {
    const struct payload_request *request = call->request;
    struct payload_response response;
    struct error why;
    bool path_known = false;
    if (!api_origin_allowed(call->functions, http_headers_get(&request->headers, "origin")))
        return payload_problem(403, "origin", "requests from other sites are refused");
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
        if (!match(call->arena, routes[i].path, request->path, &call->job))
            continue;
        path_known = true;
        if (strcmp(routes[i].method, request->method) != 0)
            continue;
        const char *authorization = http_headers_get(&request->headers, "authorization");
        call->is_owner = token_is_owner(authorization, call->functions->token);
        bool allowed = call->is_owner || (routes[i].access == OWNER_OR_JOB &&
                                          token_is_jobs(call->arena, authorization,
                                                        call->functions->secret, call->job));
        if (!allowed)
            return payload_problem(401, "token",
                                   "a valid token is needed: Authorization: Bearer …");
        if (routes[i].handle(call, &response, &why))
            return response;
        return payload_problem_of(&why);
    }
    if (path_known)
        return payload_problem(405, "method", "this method is not allowed here");
    return payload_problem(404, "not-found", "there is nothing at this address");
}

bool api_handle(void *context, struct arena *arena, const struct runtime_invocation *invocation,
                struct str *ret_answer, struct error *err) {
    struct payload_request request;
    struct payload_socket socket;
    if (payload_is_socket(arena, invocation->event, &socket)) {
        struct payload_response answered = api_live(context, arena, &socket);
        *ret_answer = payload_answer(arena, &answered);
        return true;
    }
    if (!payload_parse(arena, invocation->event, &request, err))
        return false;
    struct api_call call = {.functions = context, .arena = arena, .request = &request};
    struct payload_response response = dispatch(&call);
    *ret_answer = payload_answer(arena, &response);
    return true;
}
