/*
 * What the commands share: exit statuses, how errors are told, and the list of commands.
 *
 * A command gets its own name as argv[0] and returns the process's exit status. Results go to
 * standard output, everything said to a person to standard error.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/error.h"

#include <jansson.h>

enum { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

int command_render(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_submit(int argc, char **argv);
int command_status(int argc, char **argv);
int command_cancel(int argc, char **argv);
int command_keys(int argc, char **argv);
int command_list(int argc, char **argv);
int command_probe(int argc, char **argv);

/* `tachyscope: …` on stderr, one line; broken and control characters of the text become `_`, so
 * that a file's name cannot drive the terminal. Returns STATUS_FAILED. */
int cli_fail(const struct error *err);

/* The same for a wrong command line, with a pointer to `tachyscope COMMAND --help`. Returns
 * STATUS_USAGE. */
int cli_usage(const char *command, const struct error *err);

/* `tachyscope: warning: …` */
void cli_warn(const char *format, ...) PRINTF_LIKE(1, 2);

/* Writes the document and a newline to standard output and flushes. False when that failed, after
 * saying so. Takes the reference. */
MUST_CHECK bool cli_print_json(json_t *document);

#endif
