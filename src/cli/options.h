/*
 * The command line of a command: its own options from a table, and the settings of a job as long
 * options of the same names (job/settings.h), so that a new setting needs nothing here.
 *
 * Uses getopt_long, so it is not thread-safe: commands read their line once, at their start.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/arena.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct option_row {
    const char *name;     /* without the dashes */
    char letter;          /* 0: none */
    const char *argument; /* "FILE"; NULL: a flag */
    const char *meaning;  /* NULL: of the design, refused by this version */
};

struct command_syntax {
    const char *name;              /* "render" */
    const char *operands;          /* "IMAGES… -o FILE" */
    const char *summary;           /* a sentence or two */
    const char *example;           /* lines for the end of the help */
    const struct option_row *rows; /* ends with a NULL name */
    bool takes_settings;
};

struct options {
    const struct command_syntax *syntax;
    const char **values; /* by row; "" for flags; NULL when not given */
    json_t *settings;    /* object, values as typed; empty without settings */
    char **operands;     /* of argv */
    size_t operand_count;
    bool help;
};

/* INVALID with the culprit for anything the table does not know. Every command has --help (-h);
 * when it was asked for the rest is not checked. Clear the result also after a failure. */
MUST_CHECK bool options_parse(struct arena *arena, const struct command_syntax *syntax, int argc,
                              char **argv, struct options *ret, struct error *err);
void options_clear(struct options *options); /* also for CLEANUP */

/* The last value given, or NULL. The name must be in the table. */
const char *options_value(const struct options *options, const char *name);
bool options_flag(const struct options *options, const char *name);
/* `*ret` keeps its value when the option was not given. */
MUST_CHECK bool options_number(const struct options *options, const char *name, uint64_t min,
                               uint64_t max, uint64_t *ret, struct error *err);

void options_print_help(FILE *to, const struct command_syntax *syntax);

#endif
