/*
 * The variables that Lambda sets for a runtime of its own, as far as they mean something here.
 * Nothing of the host's environment goes through but TMPDIR where a process has no folder of its
 * own.
 */
#include "host/internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_set(const char *const *environment, size_t count, const char *entry) {
    size_t name_length = strcspn(entry, "=") + 1;
    for (size_t i = 0; i < count; i++)
        if (strncmp(environment[i], entry, name_length) == 0)
            return true;
    return false;
}

const char *const *environment_build(struct arena *arena, const struct function *function,
                                     const char *api_address, const char *own_folder) {
    const char *temporary = own_folder != NULL ? own_folder : getenv("TMPDIR");
    const char *const own[] = {
        arena_printf(arena, "_HANDLER=%s", function->name),
        arena_printf(arena, "AWS_LAMBDA_RUNTIME_API=%s", api_address),
        arena_printf(arena, "AWS_LAMBDA_FUNCTION_NAME=%s", function->name),
        "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
        arena_printf(arena, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%u", function->memory_mb),
        arena_printf(arena, "AWS_REGION=%s", function->host->region),
        arena_printf(arena, "LAMBDA_TASK_ROOT=%s", function->folder),
        "TZ=:UTC",
        "LANG=C.UTF-8",
        "PATH=/usr/local/bin:/usr/bin:/bin",
        arena_printf(arena, "TMPDIR=%s",
                     temporary != NULL && temporary[0] == '/' ? temporary : "/tmp"),
    };
    size_t further = 0;
    while (function->environment[further] != NULL)
        further++;
    const char **environment =
        arena_array(arena, ARRAY_SIZE(own) + further + 1, sizeof *environment);
    memcpy(environment, own, sizeof own);
    size_t count = ARRAY_SIZE(own);
    for (size_t i = 0; i < further; i++)
        if (!is_set(own, ARRAY_SIZE(own), function->environment[i]))
            environment[count++] = function->environment[i];
    return environment;
}
