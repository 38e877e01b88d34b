/*
 * `bootstrap`: the one executable of all functions. Picks its handler by _HANDLER and serves the
 * Lambda Runtime API until it goes away.
 */
#include "functions/context.h"

#include "base/log.h"
#include "base/os.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    runtime_handler *handle;
} handlers[] = {
    {"api", api_handle},
    {"intake", intake_handle},
    {"render", render_handle},
    {"notify", notify_handle},
};

/* The handler that serves, and what its log lines need. */
struct reporter {
    runtime_handler *handle;
    const char *name;
    struct functions *functions;
};

/* One line per invocation: how long it took and what it moved, never what it was about. */
static bool report(void *context, struct arena *arena, const struct runtime_invocation *invocation,
                   struct str *ret_answer, struct error *err) {
    struct reporter *reporter = context;
    struct s3_traffic before = s3_client_traffic(reporter->functions->s3);
    int64_t start_ms = clock_monotonic_ms();
    bool ok = reporter->handle(reporter->functions, arena, invocation, ret_answer, err);
    struct s3_traffic after = s3_client_traffic(reporter->functions->s3);
    log_info(reporter->name, "REPORT %s %s ms=%lld s3_calls=%llu s3_sent=%llu s3_received=%llu",
             invocation->request_id, ok ? "ok" : "failed",
             (long long)(clock_monotonic_ms() - start_ms),
             (unsigned long long)(after.calls - before.calls),
             (unsigned long long)(after.sent_bytes - before.sent_bytes),
             (unsigned long long)(after.received_bytes - before.received_bytes));
    return ok;
}

static runtime_handler *find_handler(const char *name) {
    for (size_t i = 0; name != NULL && i < ARRAY_SIZE(handlers); i++)
        if (strcmp(handlers[i].name, name) == 0)
            return handlers[i].handle;
    return NULL;
}

int main(void) {
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
    const char *name = getenv("_HANDLER");
    struct runtime *runtime;
    struct functions *functions = NULL;
    struct error err;
    if (api == NULL) {
        fputs(
            "bootstrap: runs under AWS Lambda or `tachyscope serve`; AWS_LAMBDA_RUNTIME_API is not "
            "set\n",
            stderr);
        return 2;
    }
    if (!runtime_new(api, &runtime, &err)) {
        log_error("bootstrap", "%s", err.text);
        return 1;
    }
    runtime_handler *handle = find_handler(name);
    bool ready = handle != NULL
                     ? functions_new(&functions, &err)
                     : error_set(&err, ERROR_INVALID, NULL,
                                 "_HANDLER '%s' is not known (api, intake, render, notify)",
                                 name != NULL ? name : "");
    if (!ready) {
        log_error("bootstrap", "%s", err.text);
        runtime_init_error(runtime, &err);
        runtime_free(runtime);
        return 1;
    }
    /* A renderer fetches and drops megabytes for each image: memory that goes back to the kernel in
     * between comes again as cleared pages, at a few percent of all time. */
    if (handle == render_handle) {
        mallopt(M_MMAP_THRESHOLD, 256 * 1024 * 1024);
        mallopt(M_TRIM_THRESHOLD, 256 * 1024 * 1024);
    }
    /* Returns only when the Runtime API is gone: the host has ended. */
    struct reporter reporter = {.handle = handle, .name = name, .functions = functions};
    if (!runtime_serve(runtime, report, &reporter, &err))
        log_debug("bootstrap", "%s", err.text);
    functions_free(functions);
    runtime_free(runtime);
    return 0;
}
