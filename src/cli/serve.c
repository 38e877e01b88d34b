/*
 * `tachyscope serve`: the whole embedded pipeline until a signal ends it.
 *
 * The main thread only waits: signals are blocked before the first thread starts, so that they are
 * taken here and nowhere else.
 */
#include "base/log.h"
#include "base/os.h"
#include "cli/api.h"
#include "cli/cli.h"
#include "cli/data_folder.h"
#include "cli/embedded.h"
#include "cli/options.h"
#include "cli/service.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LISTEN    "127.0.0.1:8080"
#define DEFAULT_S3_LISTEN "127.0.0.1:9000"

enum { DEFAULT_IDLE_SECONDS = 60, MAX_IDLE_SECONDS = 86400, MAX_CONCURRENCY = 1000 };

static const struct option_row rows[] = {
    {"data", 0, "DIR", "folder of the store ($XDG_DATA_HOME/tachyscope)"},
    {"listen", 0, "ADDRESS", "page and API (" DEFAULT_LISTEN "); port 0 takes a free one"},
    {"s3-listen", 0, "ADDRESS", "the store's S3 API (" DEFAULT_S3_LISTEN ")"},
    {"concurrency", 0, "N", "render functions at once (number of cores)"},
    {"idle", 0, "SECONDS", "a function's process ends after so long without work (60)"},
    {"token", 0, "T", "owner's token, asked of who makes jobs (or in " API_TOKEN_VARIABLE ")"},
    {"tls-cert", 0, "F", NULL},
    {"tls-key", 0, "F", NULL},
    {"s3", 0, "URL", NULL},
    {"amqp", 0, "URL", NULL},
    {"require-sandbox", 0, NULL, "no start where the kernel cannot shut functions in"},
    {"lambda-cpu", 0, NULL, NULL},
    {0},
};

static const struct command_syntax syntax = {
    .name = "serve",
    .operands = "[--data DIR] [--listen ADDRESS] …",
    .summary =
        "Runs store, events, functions, API and web page on this machine. Prints one line\n"
        "'ready page=URL s3=URL' on standard output when they answer; SIGINT or SIGTERM ends\n"
        "it. DIR/root.key holds the store's own access key and secret key.",
    .example = "Examples:\n"
               "  tachyscope serve\n"
               "  TACHYSCOPE_TOKEN=… tachyscope serve --listen 192.168.1.5:8080 "
               "--s3-listen 192.168.1.5:9000\n",
    .rows = rows,
};

/* Signed addresses name the host, and the page's is the origin that may upload. */
static bool check_usable(const struct address *address, const char *text, struct error *err) {
    if (address->wildcard)
        return error_set(err, ERROR_INVALID, NULL,
                         "address '%s': give the one address that clients will use", text);
    return true;
}

static bool read_addresses(struct arena *arena, const struct options *options,
                           struct embedded_options *ret, struct error *err) {
    const char *listen = options_value(options, "listen");
    const char *s3_listen = options_value(options, "s3-listen");
    listen = listen == NULL ? DEFAULT_LISTEN : listen;
    s3_listen = s3_listen == NULL ? DEFAULT_S3_LISTEN : s3_listen;
    if (!address_parse(arena, listen, &ret->listen, err) ||
        !address_parse(arena, s3_listen, &ret->s3_listen, err))
        return false;
    if (!ret->listen.loopback && ret->token[0] == '\0')
        return error_set(err, ERROR_INVALID, NULL,
                         "address '%s' is open to other machines: give --token, or anybody there "
                         "could make jobs",
                         listen);
    return check_usable(&ret->listen, listen, err) && check_usable(&ret->s3_listen, s3_listen, err);
}

static bool read_line(struct arena *arena, const struct options *options,
                      struct embedded_options *ret, struct error *err) {
    const char *token = options_value(options, "token");
    const char *data = options_value(options, "data");
    uint64_t concurrency = core_count();
    uint64_t idle_seconds = DEFAULT_IDLE_SECONDS;
    if (options->operand_count > 0)
        return error_set(err, ERROR_INVALID, NULL, "'%s' is too much", options->operands[0]);
    if (token == NULL)
        token = getenv(API_TOKEN_VARIABLE);
    ret->token = token == NULL ? "" : token;
    if (str_has_control(str_c(ret->token)) || !str_is_utf8(str_c(ret->token)))
        return error_set(err, ERROR_INVALID, NULL, "the token must be plain text");
    if ((data == NULL && !data_folder_default(arena, &data, err)) ||
        !options_number(options, "concurrency", 1, MAX_CONCURRENCY, &concurrency, err) ||
        !options_number(options, "idle", 1, MAX_IDLE_SECONDS, &idle_seconds, err))
        return false;
    if (data == NULL || data[0] == '\0')
        return error_set(err, ERROR_INVALID, NULL, "option '--data': the name is empty");
    ret->data = data;
    ret->concurrency = (unsigned)concurrency;
    ret->idle_seconds = (unsigned)idle_seconds;
    ret->require_sandbox = options_flag(options, "require-sandbox");
    return read_addresses(arena, options, ret, err);
}

static void block_signals(sigset_t *ret_waited) {
    sigemptyset(ret_waited);
    sigaddset(ret_waited, SIGINT);
    sigaddset(ret_waited, SIGTERM);
    pthread_sigmask(SIG_BLOCK, ret_waited, NULL);
    /* A client that goes away is an error of its connection, not the server's end. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
}

/* A manager that cannot be told is no reason not to serve. */
static void tell_manager(const char *state) {
    struct error err;
    if (!service_notify(state, &err))
        log_warning("serve", "%s", err.text);
}

static int serve(const struct embedded_options *options) {
    struct error err;
    struct embedded *embedded;
    sigset_t waited;
    block_signals(&waited);
    if (!embedded_start(options, &embedded, &err))
        return cli_fail(&err);
    int status = STATUS_DONE;
    if (printf("ready page=%s s3=%s\n", embedded_page_url(embedded), embedded_s3_url(embedded)) <
            0 ||
        fflush(stdout) != 0) {
        error_errno(&err, "standard output");
        status = cli_fail(&err);
    } else {
        int signal_number;
        tell_manager("READY=1");
        sigwait(&waited, &signal_number);
        log_info("serve", "%s: ending", signal_number == SIGINT ? "SIGINT" : "SIGTERM");
        tell_manager("STOPPING=1");
        /* A second one ends it at once. */
        pthread_sigmask(SIG_UNBLOCK, &waited, NULL);
    }
    embedded_stop(embedded);
    return status;
}

int command_serve(int argc, char **argv) {
    struct error err;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct options options CLEANUP(options_clear) = {0};
    struct embedded_options embedded = {0};
    if (!options_parse(arena, &syntax, argc, argv, &options, &err))
        return cli_usage(syntax.name, &err);
    if (options.help) {
        options_print_help(stdout, &syntax);
        return STATUS_DONE;
    }
    if (!read_line(arena, &options, &embedded, &err))
        return cli_usage(syntax.name, &err);
    return serve(&embedded);
}
