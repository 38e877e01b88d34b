/*
 * The function's side of the AWS Lambda Runtime API (2018-06-01): asks for the next event, calls
 * the handler, posts its answer or its error. The same on AWS and under the embedded host.
 */
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct runtime_invocation {
    const char *request_id;
    const char *function_arn; /* NULL when not told */
    int64_t deadline_unix_ms;
    struct str event; /* JSON as received, NUL behind it */
};

/* `ret_answer` (in the arena) becomes the response. A failure is posted as an error: errorMessage
 * is the text, errorType `Function.` and the kind in camel case ("Function.Unavailable"). */
typedef bool runtime_handler(void *context, struct arena *arena,
                             const struct runtime_invocation *invocation, struct str *ret_answer,
                             struct error *err);

struct runtime;

/* `api`: host:port, of AWS_LAMBDA_RUNTIME_API. */
MUST_CHECK bool runtime_new(const char *api, struct runtime **ret, struct error *err);
void runtime_free(struct runtime *runtime);

/* Serves invocations, one at a time, until the Runtime API goes away or answers 500. Never returns
 * true. The arena of an invocation is freed after its answer is posted. */
MUST_CHECK bool runtime_serve(struct runtime *runtime, runtime_handler *handler, void *context,
                              struct error *err);

/* Tells why the function could not start (POST runtime/init/error); the caller exits afterwards. */
void runtime_init_error(struct runtime *runtime, const struct error *why);

#endif
