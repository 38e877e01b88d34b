/*
 * Lambda's Invoke (2015-03-31), so that its clients can call the functions of a host: `aws lambda
 * invoke --endpoint-url …`, the AWS SDKs. POST /2015-03-31/functions/{name or ARN}/invocations.
 *
 * RequestResponse waits for the answer, Event queues, DryRun only looks. Requests are signed
 * (service `lambda`); errors are Lambda's own. Refused by InvalidParameterValueException: LogType
 * Tail and a client context, because functions here have neither.
 */
#ifndef HOST_INVOKE_API_H
#define HOST_INVOKE_API_H

#include "base/str.h"
#include "host/host.h"
#include "http/server.h"

#include <stdbool.h>

struct invoke_api {
    const char *access_key; /* who may invoke; NULL: nobody */
    const char *secret_key;
    const char *region;
};

/* Of an Invoke, or of another operation of that API, which is refused. */
bool invoke_api_is_path(const char *path);

/* Fills in the response. May wait for the function. */
void invoke_api_handle(const struct invoke_api *api, struct host *host, struct http_exchange *x,
                       struct str body);

#endif
