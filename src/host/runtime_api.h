/*
 * The Lambda Runtime API (2018-06-01) for one process: an HTTP server on a loopback port of its
 * own, so that a process can neither take nor answer an event that is not its own.
 *
 * Keeps the protocol's state: who may call what when. What a call means is the owner's, who is told
 * by events. Routes: GET …/invocation/next (blocks until there is an offer), POST
 * …/invocation/{id}/response, POST …/invocation/{id}/error, POST …/init/error, GET /ping. Requests
 * with an Origin or with the Host of another server come from a web page and are refused.
 */
#ifndef HOST_RUNTIME_API_H
#define HOST_RUNTIME_API_H

#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

/* Of events and answers. */
enum { RUNTIME_API_MAX_BYTES = 6 * 1024 * 1024 + 100 };

struct runtime_api;

struct runtime_api_event {
    enum runtime_api_event_kind {
        RUNTIME_API_READY,       /* asks for the next invocation and waits for runtime_api_offer */
        RUNTIME_API_ANSWERED,    /* `body` is the answer */
        RUNTIME_API_FAILED,      /* `body` is the error document, `error_type` its header */
        RUNTIME_API_INIT_FAILED, /* the same, before the first READY; no other event follows */
    } kind;
    struct str body;        /* valid during the call */
    const char *error_type; /* "Runtime.Unknown" when not told */
};

struct runtime_api_options {
    /* Called by the server's threads, one at a time in the order of the protocol. May call
     * runtime_api_offer. */
    void (*on_event)(void *context, const struct runtime_api_event *event);
    void *context;
};

MUST_CHECK bool runtime_api_start(const struct runtime_api_options *options,
                                  struct runtime_api **ret, struct error *err);

/* "127.0.0.1:40123", for AWS_LAMBDA_RUNTIME_API. */
const char *runtime_api_address(const struct runtime_api *api);

struct runtime_api_invocation {
    const char *request_id;
    const char *function_arn;
    int64_t deadline_unix_ms;
    struct str event;
};

/* Only after READY, once for each. The invocation and its strings must live until it is answered or
 * failed or the API is freed. */
void runtime_api_offer(struct runtime_api *api, const struct runtime_api_invocation *invocation);

/* Ends a waiting `next` with 500, waits for calls of on_event that run, closes. NULL is fine. */
void runtime_api_free(struct runtime_api *api);

#endif
