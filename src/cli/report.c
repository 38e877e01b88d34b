/*
 * How commands talk: errors as one line on stderr, documents as JSON on standard output.
 */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void tell(const char *before, const char *text, const char *after) {
    char line[2048];
    int length = snprintf(line, sizeof line, "tachyscope: %s%.1500s%s", before, text, after);
    if (length < 0)
        return;
    for (char *c = line; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < 0x20 || byte == 0x7f)
            *c = '?';
    }
    fprintf(stderr, "%s\n", line);
}

int cli_fail(const struct error *err) {
    tell("", err->text, "");
    return STATUS_FAILED;
}

int cli_usage(const char *command, const struct error *err) {
    char after[128];
    snprintf(after, sizeof after, " (see 'tachyscope %s%s--help')", command,
             command[0] == '\0' ? "" : " ");
    tell("", err->text, after);
    return STATUS_USAGE;
}

void cli_warn(const char *format, ...) {
    char text[1500];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tell("warning: ", text, "");
}

bool cli_print_json(json_t *document) {
    char *text = json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(document);
    if (text == NULL)
        die_out_of_memory();
    bool written = puts(text) >= 0 && fflush(stdout) == 0;
    free(text);
    if (!written) {
        struct error err;
        error_errno(&err, "standard output");
        cli_fail(&err);
    }
    return written;
}
