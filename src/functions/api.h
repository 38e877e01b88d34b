/*
 * `api`: the HTTP API of jobs. One function per call of the table in api.c.
 */
#ifndef FUNCTIONS_API_H
#define FUNCTIONS_API_H

#include "functions/context.h"
#include "functions/payload.h"

struct api_call {
    struct functions *functions;
    struct arena *arena;
    const struct payload_request *request;
    const char *job; /* of the path, or NULL */
    bool is_owner;
};

/* Each fills in a response; a failure becomes a problem document by its kind. */
typedef bool api_route(const struct api_call *call, struct payload_response *ret,
                       struct error *err);

api_route api_create_job, api_sign_uploads, api_get_job, api_list_jobs, api_cancel_job;

/* What a browser says about where a request comes from; NULL: it does not say. */
bool api_origin_allowed(const struct functions *functions, const char *origin);

/* Connections of listeners: CONNECT is allowed to whoever may see the status, and noted down for
 * `notify`; DISCONNECT takes the note away. */
struct payload_response api_live(struct functions *functions, struct arena *arena,
                                 const struct payload_socket *socket);

#endif
