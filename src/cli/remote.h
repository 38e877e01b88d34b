/*
 * The commands that ask a server one thing share their options and their beginning.
 */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include "cli/api.h"
#include "cli/options.h"

struct remote {
    const struct options *options;
    struct api_server server;
    struct arena *arena;
    const char *job; /* the operand, a valid id; NULL without */
    bool json;
};

/* Rows of an option table. */
/* clang-format off */
#define REMOTE_ROWS \
    {"server", 0, "URL", "the server's page (" API_DEFAULT_URL ")"}, \
    {"token", 0, "T", "the owner's or the job's token (or in " API_TOKEN_VARIABLE ")"}, \
    {"json", 0, NULL, "print the server's answer as JSON"}
/* clang-format on */

enum remote_operand { REMOTE_NO_JOB, REMOTE_MAYBE_JOB, REMOTE_JOB };

/* Reads the line, then runs; returns the exit status. */
int remote_command(const struct command_syntax *syntax, enum remote_operand operand, int argc,
                   char **argv, int (*run)(struct remote *remote));

/* The jobs of the server, as `list` and `status` without a job print them. `limit` 0: the
 * server's. */
int remote_print_jobs(struct remote *remote, uint64_t limit, const char *after);

#endif
