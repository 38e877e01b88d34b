/*
 * `tachyscope`: looks up the command and runs it. One table says which commands there are.
 */
#include "cli/cli.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* NULL: of the design, not of this version */
    const char *synopsis;
    const char *summary;
};

static const struct command commands[] = {
    {"render", command_render, "render IMAGES… -o FILE", "images to video on this machine"},
    {"serve", command_serve, "serve", "store, functions, API and web page"},
    {"submit", command_submit, "submit IMAGES… -o FILE", "the same job through a server"},
    {"status", command_status, "status [JOB]", "how far a job is"},
    {"cancel", command_cancel, "cancel JOB", "end a job"},
    {"list", command_list, "list", "the jobs of a server, newest first"},
    {"probe", command_probe, "probe IMAGES…", "what each image is and whether it can be used"},
    {"worker", NULL, NULL, NULL},
    {"setup", NULL, NULL, NULL},
    {"doctor", NULL, NULL, NULL},
    {"redrive", NULL, NULL, NULL},
    {"keys", command_keys, "keys add|list|remove", "access keys of the store"},
    {"store", NULL, NULL, NULL},
    {"top", NULL, NULL, NULL},
    {"deploy", NULL, NULL, NULL},
};

static int print_help(void) {
    printf("tachyscope turns sets of images into video.\n\n");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const struct command *c = &commands[i];
        if (c->run != NULL)
            /* The width counts bytes; the ellipsis has two more of them than columns. */
            printf("  tachyscope %-*s  %s\n", strstr(c->synopsis, "…") == NULL ? 24 : 26,
                   c->synopsis, c->summary);
    }
    printf("\nIMAGES are files, folders (natural order: 2 before 10) or globs.\n"
           "Each command has its own --help.\n\n"
           "Example: a time-lapse of a folder of photos, 30 a second\n"
           "  tachyscope render photos/ -o timelapse.mp4\n"
           "Example: a slideshow, three seconds a photo\n"
           "  tachyscope render photos/ --hold 3 -o slides.mp4\n");
    return STATUS_DONE;
}

static int print_version(void) {
    printf("tachyscope %s\n", TACHYSCOPE_VERSION);
    return STATUS_DONE;
}

int main(int argc, char **argv) {
    /* Widths of file names in tables count characters; everything else stays in the C locale. */
    setlocale(LC_CTYPE, "");
    /* A file over the process's limit is an error of the write, not the process's end. */
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGXFSZ, &ignore, NULL);

    struct error err;
    if (argc < 2) {
        error_set(&err, ERROR_INVALID, NULL, "a command is needed");
        return cli_usage("", &err);
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return print_help();
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0 || strcmp(name, "version") == 0)
        return print_version();
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        if (commands[i].run != NULL)
            return commands[i].run(argc - 1, argv + 1);
        error_set(&err, ERROR_INVALID, NULL, "command '%s' is not supported by this version", name);
        return cli_usage("", &err);
    }
    error_set(&err, ERROR_INVALID, NULL, "command '%s' is not known", name);
    return cli_usage("", &err);
}
