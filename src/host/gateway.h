/*
 * The HTTP front end: the web page's files, /openapi.json, /healthz, listeners (host/live.h), and
 * the API as a proxy to the `api` function (API Gateway's payload format 2.0), so that the function
 * sees the same events as on AWS.
 */
#ifndef HOST_GATEWAY_H
#define HOST_GATEWAY_H

#include "base/error.h"
#include "host/host.h"
#include "host/invoke_api.h"
#include "sign/sigv4.h"

#include <stdbool.h>

struct gateway;

struct gateway_options {
    const char *address;    /* "127.0.0.1:8080" */
    struct host *host;      /* must outlive the gateway */
    const char *function;   /* "api" */
    const char *web_folder; /* the page's files; NULL: none, `/` says so */
    const char *openapi;    /* file; NULL: 404 */
    /* "http://127.0.0.1:9000": where the page may fetch from, send to and show from besides its own
     * origin; NULL: nowhere. INVALID when it is no origin. */
    const char *s3_origin;
    /* Whose signatures the Invoke API takes (host/invoke_api.h), and their region. */
    struct invoke_api invoker;
    /* Who may send to listeners (host/live.h), and the region in its signatures. */
    struct sigv4_credentials sender;
    const char *region;
};

MUST_CHECK bool gateway_start(const struct gateway_options *options, struct gateway **ret,
                              struct error *err);
/* "127.0.0.1:8080": the real port. */
const char *gateway_address(const struct gateway *gateway);
/* Refuses new requests; running ones get a few seconds, then they are answered with 503. NULL is
 * fine. */
void gateway_free(struct gateway *gateway);

#endif
