/*
 * How commands talk: errors as one line on stderr, documents as JSON on standard output.
 */
#include "base/arena.h"
#include "cli/cli.h"
#include "cli/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void tell(const char *before, const char *text, const char *after) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    fprintf(stderr, "tachyscope: %s%s%s\n", before, text_clean(arena, text), after);
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
    char text[1024];
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
