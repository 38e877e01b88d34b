/*
 * `tachyscope list`: the jobs of a server, newest first.
 */
#include "cli/cli.h"
#include "cli/remote.h"

static const struct option_row rows[] = {
    REMOTE_ROWS,
    {"limit", 0, "N", "at most so many jobs (20)"},
    {"after", 0, "JOB", "those that follow this one in the list"},
    {0},
};

static const struct command_syntax syntax = {
    .name = "list",
    .operands = "",
    .summary = "Lists the jobs of a server, newest first, one a line.",
    .example = "Example:\n  tachyscope list --limit 10\n",
    .rows = rows,
};

enum { MAX_LIMIT = 100 };

static int run(struct remote *remote) {
    struct error err;
    uint64_t limit = 0;
    if (!options_number(remote->options, "limit", 1, MAX_LIMIT, &limit, &err))
        return cli_usage(syntax.name, &err);
    return remote_print_jobs(remote, limit, options_value(remote->options, "after"));
}

int command_list(int argc, char **argv) {
    return remote_command(&syntax, REMOTE_NO_JOB, argc, argv, run);
}
