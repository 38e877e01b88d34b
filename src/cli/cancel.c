/*
 * `tachyscope cancel`: ends a job. What ended before stays as it is.
 */
#include "cli/cli.h"
#include "cli/remote.h"

#include <stdio.h>

static const struct option_row rows[] = {
    REMOTE_ROWS,
    {"purge", 0, NULL, "also remove what the job has made so far"},
    {0},
};

static const struct command_syntax syntax = {
    .name = "cancel",
    .operands = "JOB",
    .summary = "Cancels a job. Nothing more is rendered; a job that has ended stays as it is.",
    .example = "Example:\n  tachyscope cancel J7c1\n",
    .rows = rows,
};

static int run(struct remote *remote) {
    const struct api_request request = {
        .method = "DELETE",
        .path = arena_printf(remote->arena, "/jobs/%s%s", remote->job,
                             options_flag(remote->options, "purge") ? "?purge=1" : ""),
    };
    struct api_answer answer;
    struct error err;
    if (!api_call(&remote->server, remote->arena, &request, &answer, &err))
        return cli_fail(&err);
    if (remote->json) {
        /* An empty answer is a document as well. */
        json_t *document =
            answer.body != NULL ? answer.body : json_pack("{s:s}", "id", remote->job);
        return document != NULL && cli_print_json(document) ? STATUS_DONE : STATUS_FAILED;
    }
    const char *state = json_string_value(json_object_get(answer.body, "state"));
    printf("%s  %s\n", remote->job, state == NULL ? "cancelled" : state);
    json_decref(answer.body);
    return fflush(stdout) == 0 ? STATUS_DONE : STATUS_FAILED;
}

int command_cancel(int argc, char **argv) {
    return remote_command(&syntax, REMOTE_JOB, argc, argv, run);
}
