/*
 * `tachyscope status`: how far a job is; without a job, all of them. Exit status 0 whenever it
 * could ask, whatever the answer.
 */
#include "cli/cli.h"
#include "cli/follow.h"
#include "cli/remote.h"
#include "cli/text.h"

#include <stdio.h>

static const struct option_row rows[] = {
    REMOTE_ROWS,
    {0},
};

static const struct command_syntax syntax = {
    .name = "status",
    .operands = "[JOB]",
    .summary = "Says how far a job is; without JOB, how far each is. --json prints the status\n"
               "document, with signed addresses of the video where it is done.",
    .example = "Example:\n  tachyscope status J7c1 --json\n",
    .rows = rows,
};

static int run(struct remote *remote) {
    if (remote->job == NULL)
        return remote_print_jobs(remote, 0, NULL);
    const struct api_request request = {
        .method = "GET",
        .path = arena_printf(remote->arena, "/jobs/%s", remote->job),
    };
    struct api_answer answer;
    struct error err;
    if (!api_call(&remote->server, remote->arena, &request, &answer, &err))
        return cli_fail(&err);
    if (remote->json)
        return answer.body != NULL && cli_print_json(answer.body) ? STATUS_DONE : STATUS_FAILED;
    struct job_view view;
    char line[1024];
    job_view_read(answer.body, &view);
    job_view_line(&view, line, sizeof line);
    bool told = printf("%s\n", text_clean(remote->arena, line)) >= 0 && fflush(stdout) == 0;
    json_decref(answer.body);
    return told ? STATUS_DONE : STATUS_FAILED;
}

int command_status(int argc, char **argv) {
    return remote_command(&syntax, REMOTE_MAYBE_JOB, argc, argv, run);
}
