/*
 * `bootstrap`: the one executable of all functions. Picks its handler by _HANDLER and serves the
 * Lambda Runtime API until it goes away.
 */
#include "functions/context.h"

#include "base/log.h"

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
};

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
    bool ready = handle != NULL ? functions_new(&functions, &err)
                                : error_set(&err, ERROR_INVALID, NULL,
                                            "_HANDLER '%s' is not known (api, intake, render)",
                                            name != NULL ? name : "");
    if (!ready) {
        log_error("bootstrap", "%s", err.text);
        runtime_init_error(runtime, &err);
        runtime_free(runtime);
        return 1;
    }
    /* Returns only when the Runtime API is gone: the host has ended. */
    if (!runtime_serve(runtime, handle, functions, &err))
        log_debug("bootstrap", "%s", err.text);
    functions_free(functions);
    runtime_free(runtime);
    return 0;
}
