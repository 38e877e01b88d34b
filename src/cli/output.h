/*
 * The file that a command makes: it appears whole under its name, or not at all.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

struct output;

/* The format that the name's ending says becomes the setting `format` of settings as typed. INVALID
 * for an ending of no film, and where the setting says another format. */
MUST_CHECK bool output_take_format(const char *path, json_t *settings, struct error *err);

/* A temporary file in the folder of `path`, without a name where the file system can do that. Fails
 * when the folder cannot be written to or `path` is a folder, so that a long job finds out first.
 */
MUST_CHECK bool output_open(const char *path, struct output **ret, struct error *err);
int output_fd(const struct output *output);
/* Makes it last and puts it in place of what was there. */
MUST_CHECK bool output_commit(struct output *output, struct error *err);
/* Removes what was not committed. NULL is fine. */
void output_free(struct output *output);
void output_cleanup(struct output **output); /* for CLEANUP */

/* A file without a name in the folder of `path`, for data on its way into it. */
MUST_CHECK bool output_scratch(const char *path, int *ret_fd, struct error *err);

#endif
